-- A partial index made of a JSON condition serves the query that somebody would write for it, as ORMs and as people do.
\set ECHO none
\i sql/include/setup.sql
\pset format unaligned
\pset tuples_only on
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE TABLE thing (
	id integer, name text, nick varchar(10), code char(3), small smallint, n integer, big bigint, score numeric(6,2), ratio double precision,
	active boolean, mood mood, rank positive, born date, seen timestamptz, tags text[], data jsonb, span int4range, u uuid);
SET enable_seqscan = off;
SET timezone = 'UTC';
-- Makes an index of the condition, and says of each query whether its plan has the index, and of the query without a
-- condition that it has not.
CREATE FUNCTION serves(condition text, VARIADIC queries text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	index regclass := more.create_partial_index('thing', '{id}', condition, name => 'served');
	query text;
	line text;
	result text := '';
	used boolean;
BEGIN
	FOREACH query IN ARRAY queries || '{true}'::text[] LOOP
		used := false;
		FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) SELECT id FROM thing WHERE id = 5 AND (' || query || ')' LOOP
			used := used OR line ~ 'served';
		END LOOP;
		result := result || CASE WHEN used THEN 'yes ' ELSE 'no ' END;
	END LOOP;
	EXECUTE 'DROP INDEX served';
	RETURN result;
END $$;
\set ECHO all
SELECT serves('{"name": "x"}', $$name = 'x'$$, $$name IN ('x')$$, $$name = 'x' AND n = 1$$);
SELECT serves('{"nick": "x"}', $$nick = 'x'$$, $$nick = 'x'::varchar$$, $$nick = 'x'::text$$);
SELECT serves('{"nick": ["x", "y"]}', $$nick IN ('x', 'y')$$, $$nick = 'y'$$, $$nick = ANY ('{x,y}'::text[])$$, $$nick = 'x' OR nick = 'y'$$);
SELECT serves('{"code": "x"}', $$code = 'x'$$);
SELECT serves('{"small": {"_gte": 5}}', $$small >= 5$$, $$small > 7$$, $$small = 9$$, $$small >= 5::bigint$$);
SELECT serves('{"big": 5}', $$big = 5$$, $$big = 5::bigint$$, $$big IN (5)$$);
SELECT serves('{"big": [5, 6]}', $$big IN (5, 6)$$, $$big = 5$$, $$big = ANY ('{5,6}'::bigint[])$$);
SELECT serves('{"n": {"_between": [1, 9]}}', $$n BETWEEN 1 AND 9$$, $$n BETWEEN 2 AND 8$$, $$n = 4$$);
SELECT serves('{"n": {"_lt": {"_column": "small"}}}', $$n < small$$, $$small > n$$);
SELECT serves('{"score": {"_gt": 1}}', $$score > 1$$, $$score > 1.0$$, $$score >= 2$$);
SELECT serves('{"ratio": {"_lte": 0.5}}', $$ratio <= 0.5$$, $$ratio < 0.1$$);
SELECT serves('{"active": true}', $$active$$, $$active = true$$, $$active = 't'$$);
SELECT serves('{"active": false}', $$NOT active$$, $$active = false$$);
SELECT serves('{"mood": "sad"}', $$mood = 'sad'$$, $$mood IN ('sad')$$);
SELECT serves('{"mood": ["sad", "ok"]}', $$mood IN ('sad', 'ok')$$, $$mood = 'ok'$$);
SELECT serves('{"rank": 2}', $$rank = 2$$);
SELECT serves('{"born": {"_gte": "2024-01-01"}}', $$born >= '2024-01-01'$$, $$born > '2024-06-01'::date$$);
SELECT serves('{"seen": {"_gt": "2024-01-01"}}', $$seen > '2024-01-01'$$, $$seen > '2024-01-01 00:00+00'::timestamptz$$);
SELECT serves('{"name": null}', $$name IS NULL$$);
SELECT serves('{"name": {"_ne": null}}', $$name IS NOT NULL$$, $$name = 'x'$$, $$name LIKE 'x%'$$);
SELECT serves('{"name": {"_starts_with": "x"}}', $$name LIKE 'x%'$$);
SELECT serves('{"name": {"_contains": "x"}}', $$name LIKE '%x%'$$);
SELECT serves('{"name": {"_ne": "x"}}', $$name <> 'x'$$, $$name != 'x'$$, $$NOT (name = 'x')$$);
SELECT serves('{"name": {"_nin": ["x", "y"]}}', $$name NOT IN ('x', 'y')$$, $$name <> ALL ('{x,y}')$$);
SELECT serves('{"_not": {"name": "x"}}', $$name <> 'x'$$, $$NOT name = 'x'$$);
SELECT serves('{"tags": {"_contains": ["a"]}}', $$tags @> '{a}'$$, $$tags @> ARRAY['a']$$);
SELECT serves('{"tags": {"_overlaps": ["a", "b"]}}', $$tags && '{a,b}'$$);
SELECT serves('{"data": {"kind": "a"}}', $$data -> 'kind' = '"a"'$$, $$data -> 'kind' = to_jsonb('a'::text)$$);
SELECT serves('{"data__a__b": 5}', $$data #> '{a,b}' = '5'$$);
SELECT serves('{"data": {"_contains": {"a": 1}}}', $$data @> '{"a": 1}'$$);
SELECT serves('{"data": {"kind": null}}', $$data ->> 'kind' IS NULL$$);
SELECT serves('{"span": {"_contains": 5}}', $$span @> 5$$);
SELECT serves('{"u": "0e37df36-f698-11e6-8dd4-cb9ced3df976"}', $$u = '0e37df36-f698-11e6-8dd4-cb9ced3df976'$$);
SELECT serves('{"name": "x", "n": {"_gt": 5}}', $$name = 'x' AND n > 5$$, $$n = 6 AND name = 'x'$$, $$name = 'x'$$);
SELECT serves('{"_or": [{"name": "x"}, {"n": 1}]}', $$name = 'x' OR n = 1$$, $$n = 1$$, $$n = 2$$);
-- an index on rows that are not deleted, and a unique one, by parameters
SELECT more.create_partial_index('thing', '{name}', '{"born": null}', is_unique => true, name => 'live') IS NOT NULL;
PREPARE by_name (text) AS SELECT id FROM thing WHERE name = $1 AND born IS NULL;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE by_name ('x');
EXPLAIN (COSTS OFF) INSERT INTO thing (name) VALUES ('x') ON CONFLICT (name) WHERE born IS NULL DO NOTHING;
