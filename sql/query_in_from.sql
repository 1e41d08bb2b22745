-- pg_more.query_in_from: a call of more.rows, more.run or more.fetch in FROM is planned as the query itself.
\set ECHO none
\i sql/include/setup.sql

-- Runs a query without and with the rewrite, and tells whether it was taken and whether the rows, or errors, are the same.
CREATE FUNCTION compare(query text, ordered boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	mode text;
	rows text[];
	first text[];
	line text;
	taken boolean := true;
	detail text;
	hint text;
BEGIN
	FOREACH mode IN ARRAY ARRAY['off', 'on', 'force'] LOOP
		PERFORM set_config('pg_more.query_in_from', mode, true);
		IF mode = 'force' THEN
			FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
				taken := taken AND line !~ 'Function Scan on "?(rows|run|fetch)';
			END LOOP;
		END IF;
		BEGIN
			EXECUTE format('SELECT coalesce(array_agg(q::text %s), ''{}'') FROM (%s) AS q',
				CASE WHEN NOT ordered THEN 'ORDER BY q::text COLLATE "C"' END, query) INTO rows;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
			rows := ARRAY['error ' || SQLSTATE || ' ' || SQLERRM, detail, hint];
		END;
		IF mode = 'off' THEN
			first := rows;
		ELSIF rows IS DISTINCT FROM first THEN
			RETURN format('DIFFERENT with %s: %s instead of %s', mode, rows, first);
		END IF;
	END LOOP;
	RETURN format('%s, %s', CASE WHEN taken THEN 'planned' ELSE 'left' END,
		CASE WHEN first[1] LIKE 'error%' THEN first[1] ELSE cardinality(first) || ' rows' END);
END $$;
-- The plan of a query, and why calls were left alone.
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		RETURN NEXT line;
	END LOOP;
END $$;
CREATE FUNCTION why(query text) RETURNS SETOF text LANGUAGE sql AS
	$$SELECT reason FROM more.explain_rewrites(query) WHERE rewrite = 'query_in_from'$$;
-- The rewritten statement, run as it is printed.
CREATE FUNCTION printed(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	rows text[];
	others text[];
BEGIN
	SELECT sql INTO statement FROM more.explain_rewrites(query) WHERE rewrite = 'query_in_from' AND applied;
	PERFORM set_config('pg_more.rewrites', 'off', true);
	EXECUTE format('SELECT coalesce(array_agg(q::text ORDER BY q::text COLLATE "C"), ''{}'') FROM (%s) AS q', rtrim(statement, ';')) INTO rows;
	EXECUTE format('SELECT coalesce(array_agg(q::text ORDER BY q::text COLLATE "C"), ''{}'') FROM (%s) AS q', query) INTO others;
	PERFORM set_config('pg_more.rewrites', 'on', true);
	RETURN CASE WHEN rows = others THEN 'the same ' || cardinality(rows) || ' rows' ELSE format('%s instead of %s', rows, others) END;
END $$;
-- How a statement ends that EXECUTE in PL/pgSQL cannot run: the code of its error, or its rows.
CREATE FUNCTION ends(name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line record;
	result text;
BEGIN
	FOR line IN EXECUTE 'EXECUTE ' || name LOOP
		result := concat_ws(' ', result, line::text);
	END LOOP;
	RETURN coalesce(result, 'no rows');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;

CREATE TABLE pkg (id integer PRIMARY KEY, gone integer, name text, size integer, price numeric(8,2));
ALTER TABLE pkg DROP COLUMN gone;
INSERT INTO pkg SELECT g, 'p' || g % 40, nullif(g % 25, 3), g * 0.25 FROM generate_series(0, 999) AS g;
INSERT INTO pkg VALUES (1000, NULL, NULL, NULL), (1001, 'p1', 1, 0);
CREATE TABLE word (w text COLLATE "C", v varchar(5), x integer);
INSERT INTO word VALUES ('a', 'x', 0), ('B', 'y', 1), ('B', 'y', 1), ('c', NULL, NULL), (NULL, 'x', 2);
CREATE DOMAIN small AS integer CHECK (VALUE < 100);
CREATE TABLE narrow (k small, label varchar(3) COLLATE "C", gone text, "Odd ""c" text NOT NULL);
ALTER TABLE narrow DROP COLUMN gone;
ANALYZE pkg, word;
\set ECHO all
-- The shapes
SELECT plan($$SELECT r.name FROM more.fetch(more.filter(more.from_table('pkg'), 'size > $s', '{"s": 3}'), NULL::pkg) AS r WHERE r.id = 7$$);
SELECT plan($$SELECT b FROM more.run('SELECT id, name FROM pkg ORDER BY id') AS r(a integer, b text) WHERE a < 900 ORDER BY a LIMIT 3$$);
SELECT plan($$SELECT * FROM more.rows(more.pick(more.from_table('pkg'), 'id', 'name')) AS r LIMIT 2$$);
SELECT plan($$SELECT * FROM more.run('SELECT w, x * 2 FROM word') AS r(a text, b integer) WHERE a = 'B' AND b > 1$$);

-- Equal rows
SELECT compare($$SELECT * FROM more.rows(more.from_table('pkg')) AS r$$);
SELECT compare($$SELECT r->>'name', r FROM more.rows('SELECT name, count(*), sum(price) AS s FROM pkg GROUP BY name') AS r WHERE (r->>'s')::numeric > 100$$);
SELECT compare($$SELECT count(*), count(r) FROM more.rows('SELECT FROM word') AS r$$);
SELECT compare($$SELECT x FROM more.rows('SELECT w AS "A ""b""", v, x, ROW(x, v) AS c, ARRAY[x] AS d FROM word') AS r(x)$$);
SELECT compare($$SELECT r, r.a IS NULL FROM more.run('SELECT w, x FROM word') AS r(a text, b integer)$$);
SELECT compare($$SELECT a, b, count(*) FROM more.run('SELECT v, x FROM word') AS r(a text, b integer) GROUP BY a, b HAVING count(*) > 0$$);
SELECT compare($$SELECT DISTINCT b FROM more.run('SELECT v, x FROM word') AS r(a text, b integer)$$);
SELECT compare($$SELECT r, (r).k, row_to_json(r) FROM more.fetch('SELECT 5::small AS k, ''abcdef''::varchar AS label', NULL::narrow) AS r$$);
SELECT compare($$SELECT * FROM more.fetch('SELECT x AS k FROM word', NULL::narrow)$$);
SELECT compare($$SELECT * FROM more.fetch('SELECT v AS label FROM word', NULL::narrow) AS r WHERE "Odd ""c" IS NULL$$);
SELECT compare($$SELECT * FROM more.fetch('SELECT size, id FROM pkg WHERE id < 50', NULL::pkg) AS r WHERE size IN (1, 2, 3, NULL) OR size IS NULL$$);
SELECT compare($$SELECT p.id, r FROM pkg AS p RIGHT JOIN more.run('SELECT w, x FROM word') AS r(a text, b integer) ON r.b = p.size AND p.id < 60$$);
SELECT compare($$SELECT id FROM pkg WHERE id IN (SELECT b FROM more.run('SELECT w, x FROM word') AS r(a text, b integer))$$);
SELECT compare($$SELECT id FROM pkg WHERE id NOT IN (SELECT b FROM more.run('SELECT w, x FROM word') AS r(a text, b integer) WHERE b IS NOT NULL)$$);
SELECT compare($$WITH r AS (SELECT * FROM more.run('SELECT w, x FROM word') AS r(a text, b integer)) SELECT * FROM r AS a JOIN r AS b USING (b)$$);
SELECT compare($$SELECT a FROM more.run('SELECT w FROM word') AS r(a text) UNION SELECT a FROM more.run('SELECT v FROM word') AS r(a text)$$);
SELECT compare($$SELECT r.id, f.name FROM more.fetch(more.literal('[{"id":7},{"id":8},{"id":7}]', 'pkg'), NULL::pkg) AS r JOIN more.fetch(more.from_table('pkg'), NULL::pkg) AS f USING (id)$$);
SELECT compare($$SELECT * FROM more.rows(more.join_with('SELECT w, x AS n FROM word', 'l', more.literal('[{"x":1,"y":"it''s"},{"x":2,"y":null}]'), 'n = l.x')) AS r$$);
SELECT compare($$SELECT * FROM more.rows(more.attach('SELECT * FROM c WHERE x > 0', 'c', more.from_table('word'))) AS r$$);
SELECT compare($$SELECT * FROM more.run(more.combine('union all', 'SELECT id, name FROM pkg', 'SELECT x, v FROM word')) AS r(a integer, b text) WHERE a = 1$$);
SELECT compare($$SELECT * FROM more.run('VALUES (1, NULL), (1, ''b''), (NULL, ''c'')') AS r(a integer, b text) WHERE a = 1$$);
SELECT compare($$SELECT * FROM more.rows(more.filter(more.from_table('pkg'), 'name = $n AND size < $s', jsonb_build_object('n', format('p%s', 7), 's', 20))) AS r$$);
SELECT compare($$SELECT * FROM more.rows(more.filter(more.from_table('word'), '{"v": "x"}')) AS r$$);
-- the query's order, and LIMIT in and around it
SELECT compare($$SELECT a FROM more.run('SELECT id FROM pkg ORDER BY price DESC NULLS FIRST, id LIMIT 20') AS r(a integer)$$, true);
SELECT compare($$SELECT a FROM more.run('SELECT id FROM pkg ORDER BY price DESC NULLS FIRST, id') AS r(a integer) WHERE a % 7 = 0 LIMIT 9$$, true);
SELECT compare($$SELECT r FROM more.rows(more.order_by('SELECT id, size FROM pkg', 'size DESC NULLS LAST', 'id')) AS r OFFSET 3 LIMIT 9$$, true);
SELECT compare($$SELECT count(*), min(a) FROM more.run('SELECT id FROM pkg ORDER BY id DESC LIMIT 5') AS r(a integer) WHERE a < 999$$);
-- types and collations are those that the statement around it was read with
SELECT compare($$SELECT a, b, pg_collation_for(a), pg_collation_for(b) FROM more.run('SELECT w, v FROM word') AS r(a text, b text COLLATE "POSIX") ORDER BY a, b$$, true);
SELECT compare($$SELECT label, pg_collation_for(label) FROM more.fetch('SELECT v AS label FROM word', NULL::narrow) ORDER BY 1$$, true);
SELECT compare($$SELECT max(a) FROM more.run('SELECT w FROM word') AS r(a text)$$);
SELECT compare($$SELECT a + 1 FROM more.run('SELECT 5::small') AS r(a integer)$$);
-- as it is shown
SELECT sql FROM more.explain_rewrites($$SELECT r.a FROM more.run('SELECT id, name FROM pkg') AS r(a integer, b text) WHERE b = 'p5'$$);
SELECT printed($$SELECT * FROM more.rows(more.filter(more.from_table('word'), 'x = $x', '{"x": 1}')) AS r$$);
SELECT printed($$SELECT r.a, r.b FROM more.run('SELECT v, w FROM word') AS r(a text, b text) WHERE r.b > 'a'$$);
SELECT printed($$SELECT name, id FROM more.fetch(more.literal('[{"id":7},{"id":8}]', 'pkg'), NULL::pkg) AS r$$);
SELECT why($$SELECT name, id FROM more.fetch(more.from_table('pkg'), NULL::pkg) AS r$$);

-- Errors: the call's own, where it is reached
SELECT compare($$SELECT * FROM more.run('SELECT id FROM pkg') AS r(a integer, b text)$$);
SELECT compare($$SELECT * FROM more.run('SELECT name FROM pkg') AS r(a integer)$$);
SELECT compare($$SELECT * FROM more.fetch('SELECT id AS nam FROM pkg', NULL::pkg)$$);
SELECT compare($$SELECT * FROM more.fetch('SELECT 1 AS a', NULL::integer) AS r$$);
SELECT compare($$SELECT * FROM more.rows('SELECT 1 AS a, 2 AS a') AS r$$);
SELECT compare($$SELECT * FROM more.rows('SELECT id FROM nothing') AS r$$);
SELECT compare($$SELECT * FROM more.rows('SELECT id FROM nothing') AS r LIMIT 0$$);
SELECT compare($$SELECT * FROM more.rows('SELECT 1 / 0 AS a') AS r LIMIT 0$$);
SELECT compare($$SELECT * FROM more.run('SELECT 1 / z FROM (SELECT 0 AS z) AS s') AS r(a integer) LIMIT 0$$);
SELECT compare($$SELECT CASE WHEN true THEN 1 ELSE (SELECT a FROM more.run('SELECT 1 / 0') AS r(a integer)) END$$);
SELECT compare($$SELECT * FROM more.rows(more.filter(more.from_table('word'), 'x = ')) AS r LIMIT 0$$);
SELECT compare($$SELECT * FROM more.rows(NULL) AS r$$);
SELECT compare($$SELECT * FROM more.fetch(NULL, NULL::pkg) AS r$$);
-- conditions around the call see its rows only
SELECT compare($$SELECT * FROM more.run('SELECT x FROM word WHERE x <> 0') AS r(a integer) WHERE 10 / a > 4$$);
SELECT compare($$SELECT * FROM more.run('SELECT 10 / x, w FROM word WHERE x <> 0') AS r(a integer, b text) WHERE a > 4$$);
SELECT compare($$SELECT * FROM (SELECT a + 1 AS c FROM more.run('SELECT 10 / x FROM word WHERE x <> 0') AS r(a integer)) AS s WHERE c > 4$$);
SELECT compare($$SELECT s.* FROM more.run('SELECT 10 / x FROM word WHERE x <> 0') AS r(a integer) JOIN pkg AS s ON s.id = r.a$$);
SELECT compare($$SELECT id FROM pkg WHERE id IN (SELECT a FROM more.run('SELECT 10 / x FROM word WHERE x <> 0') AS r(a integer))$$);
SELECT compare($$WITH s AS (SELECT a FROM more.run('SELECT 10 / x FROM word WHERE x <> 0') AS r(a integer)) SELECT * FROM s WHERE a > 4$$);
CREATE FUNCTION is_counted(x integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 100000 AS 'BEGIN RETURN x <> 0; END';
SELECT compare($$SELECT a FROM more.run('SELECT 10 / x FROM word WHERE is_counted(x)') AS r(a integer) WHERE a > 4$$);
SELECT compare($$SELECT a FROM more.run('SELECT x FROM word WHERE is_counted(x)') AS r(a integer) WHERE 10 / a > 4$$);
SELECT compare($$SELECT a FROM more.run('SELECT 10 / x FROM word WHERE is_counted(x)') AS r(a integer) ORDER BY a LIMIT 1$$);
SELECT compare($$SELECT sum(a), max(10 / a) FROM more.run('SELECT 10 / x FROM word WHERE is_counted(x)') AS r(a integer)$$);
SELECT compare($$SELECT * FROM (SELECT 1 AS a UNION ALL SELECT a FROM more.run('SELECT 10 / x FROM word WHERE is_counted(x)') AS r(a integer)) AS s WHERE a > 4$$);
SELECT compare($$SELECT * FROM (SELECT 1 AS a UNION ALL SELECT a FROM more.run('SELECT x FROM word WHERE is_counted(x)') AS r(a integer)) AS s WHERE 10 / a > 4$$);
SELECT compare($$SELECT 1 / a FROM more.run('SELECT 0 FROM word WHERE false') AS r(a integer)$$);
SELECT compare($$SELECT 1 / c FROM (SELECT a AS c FROM more.run('SELECT 0 FROM word WHERE false') AS r(a integer)) AS s$$);
SELECT compare($$SELECT CASE WHEN a > 0 THEN 1 / a END FROM more.run('VALUES (0)') AS r(a integer)$$);

-- Left alone
SELECT why($$SELECT * FROM more.rows('UPDATE word SET x = 1') AS r$$);
SELECT why($$SELECT * FROM more.rows('INSERT INTO word DEFAULT VALUES RETURNING w') AS r$$);
SELECT why($$SELECT * FROM more.rows('WITH d AS (DELETE FROM word RETURNING x) SELECT * FROM d') AS r$$);
SELECT why($$SELECT * FROM more.rows('SELECT x FROM word FOR UPDATE') AS r$$);
SELECT why($$SELECT * FROM more.rows('SELECT * FROM (SELECT x FROM word FOR SHARE) AS s') AS r$$);
SELECT why($$SELECT * FROM more.rows('SELECT x FROM word TABLESAMPLE SYSTEM (100)') AS r$$);
SELECT why($$SELECT * FROM more.rows('SELECT x, random() FROM word') AS r$$);
SELECT why($$SELECT * FROM more.rows('SELECT * FROM more.rows(''SELECT 1'')') AS r$$);
SELECT why($$SELECT * FROM more.rows($1) AS r$$);
SELECT why($$SELECT * FROM more.rows((SELECT more.from_table('word'))) AS r$$);
SELECT why($$SELECT * FROM more.rows(more.filter(more.from_table('word'), 'x = $x', jsonb_build_object('x', random()))) AS r$$);
SELECT why($$SELECT * FROM more.rows(more.filter(more.from_table('word'), current_setting('my.condition'))) AS r$$);
SELECT why($$SELECT * FROM more.rows(NULL) AS r$$);
SELECT why($$SELECT * FROM more.rows('SELECT 1 AS a') WITH ORDINALITY AS r$$);
SELECT why($$SELECT * FROM ROWS FROM (more.rows('SELECT 1 AS a'), generate_series(1, 2)) AS r$$);
SELECT why($$SELECT * FROM (VALUES ('SELECT 1 AS a'::more.query)) AS q(q), more.rows(q) AS r$$);
SELECT why($$SELECT * FROM more.rows('SELECT 1 AS a') AS r WHERE random() < (r->>'a')::integer$$);
SELECT why($$SELECT * FROM more.run('SELECT id FROM pkg') AS r(a text)$$);
SELECT why($$SELECT * FROM more.rows('SELECT id FROM nothing') AS r$$);
SELECT why($$SELECT r FROM more.fetch('SELECT id FROM pkg', NULL::pkg) AS r$$);
SELECT why($$SELECT (SELECT count(*) FROM more.run('SELECT id FROM pkg') AS r(a integer) WHERE a = x) FROM word$$);
SELECT why($$SELECT * FROM word, LATERAL (SELECT a FROM more.run('SELECT id FROM pkg') AS r(a integer) WHERE a = x) AS s$$);
SELECT why($$WITH RECURSIVE t AS (SELECT 1 AS n UNION SELECT a + 1 FROM t JOIN more.run('SELECT id FROM pkg') AS r(a integer) ON a = n) SELECT * FROM t$$);
SELECT compare($$SELECT w, (SELECT count(*) FROM more.run('SELECT id FROM pkg') AS r(a integer) WHERE a = x) FROM word$$);
SELECT more.rows('SELECT 1 AS a');
SET pg_more.query_in_from = off;
SELECT why($$SELECT * FROM more.rows('SELECT id FROM pkg') AS r$$);
RESET pg_more.query_in_from;

-- Statements that write see what they saw when they began
INSERT INTO word (x) SELECT a FROM more.run('SELECT count(*)::integer FROM word') AS r(a integer);
WITH i AS (INSERT INTO word (x) VALUES (77) RETURNING x) SELECT i.x, r.a FROM i, more.run('SELECT count(*) FROM word') AS r(a bigint);
UPDATE word SET v = b FROM more.run('SELECT x, count(*)::text FROM word GROUP BY x') AS r(a integer, b text) WHERE a = word.x AND x > 4 RETURNING x, v;
DELETE FROM word USING more.fetch('SELECT x FROM word WHERE x > 4', NULL::word) AS r WHERE r.x = word.x RETURNING word.x;
CREATE FUNCTION add_word(n integer) RETURNS integer LANGUAGE sql AS 'INSERT INTO word (x) VALUES (n + 100) RETURNING x';
SELECT add_word(a) FROM more.run('SELECT x FROM word WHERE x > 0') AS r(a integer);
DELETE FROM word WHERE x > 100;

-- What may change the query's meaning before the call reads it, or keeps tables in use: left alone, also when forced
SELECT why($$SELECT * FROM set_config('my.x', '1', false), more.rows('SELECT id FROM pkg') AS r$$);
SELECT why($$SELECT add_word(a) FROM more.run('SELECT id FROM pkg') AS r(a integer)$$);
CREATE SEQUENCE counted;
SELECT compare($$SELECT nextval('counted') > 0, a = min(a) OVER () FROM more.run('SELECT s.last_value FROM generate_series(1, 3), counted AS s') AS r(a bigint)$$);
CREATE MATERIALIZED VIEW unread AS SELECT x FROM word WITH NO DATA;
SELECT compare($$SELECT * FROM more.run('SELECT x FROM unread') AS r(a integer) LIMIT 0$$);
SELECT compare($$SELECT * FROM more.run('SELECT a.x FROM word AS a FULL JOIN word AS b ON a.x < b.x') AS r(a integer) LIMIT 0$$);
SELECT compare($$SELECT 1 FROM more.run('SELECT xmin, x::bit(8)::varbit AS v FROM word GROUP BY 1, 2') AS r(a xid, b varbit) LIMIT 0$$);
SELECT compare($$SELECT 1 FROM more.run('WITH RECURSIVE s AS (SELECT ''1''::varbit AS b UNION SELECT b FROM s) SELECT b FROM s') AS r(b varbit) LIMIT 0$$);
DROP MATERIALIZED VIEW unread;
SET pg_more.query_in_from = force;
BEGIN;
DECLARE c CURSOR FOR SELECT a FROM more.run('SELECT x FROM word') AS r(a integer);
FETCH 1 FROM c;
TRUNCATE word;
MOVE BACKWARD ALL IN c;
ROLLBACK;
CREATE TABLE held AS SELECT g AS id FROM generate_series(1, 9) AS g;
ALTER TABLE held ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON held USING (id < 3);
CREATE ROLE regress_query_held;
GRANT SELECT ON held TO regress_query_held;
CREATE FUNCTION as_held() RETURNS bigint LANGUAGE sql AS $$
	SET LOCAL ROLE regress_query_held;
	SELECT count(*) FROM more.run('SELECT id FROM held') AS r(a integer) $$;
BEGIN;
SELECT as_held();
ROLLBACK;
REVOKE EXECUTE ON FUNCTION more.run(more.query) FROM public;
SET ROLE regress_query_held;
SELECT count(*) FROM more.run('SELECT id FROM held') AS r(a integer);
RESET ROLE;
GRANT EXECUTE ON FUNCTION more.run(more.query) TO public;
RESET pg_more.query_in_from;
DROP OWNED BY regress_query_held;
DROP ROLE regress_query_held;

-- The query's text is read again each time
SET TimeZone = 'UTC';
PREPARE moment AS SELECT * FROM more.run($$SELECT timestamptz '2024-01-01 12:00' = timestamptz '2024-01-01 12:00+00'$$) AS r(a boolean);
EXECUTE moment;
SET TimeZone = 'Asia/Tokyo';
EXECUTE moment;
RESET TimeZone;
CREATE SCHEMA other;
CREATE TABLE other.word (w text, v varchar(5), x integer);
PREPARE words AS SELECT count(*) FROM more.run(more.filter('SELECT x FROM word', 'x > $x', '{"x": 0}')) AS r(a integer);
PREPARE table_words AS SELECT count(*) FROM more.rows(more.from_table('word')) AS r;
EXECUTE words;
EXECUTE table_words;
SET search_path = other, public;
EXECUTE words;
EXECUTE table_words;
RESET search_path;
CREATE TEMPORARY TABLE word (x integer);
INSERT INTO word VALUES (1);
EXECUTE words;
EXECUTE table_words;
DROP TABLE pg_temp.word;
EXECUTE words;
CREATE FUNCTION twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
PREPARE doubled AS SELECT max(a) FROM more.run('SELECT twice(x) FROM word') AS r(a integer);
SELECT ends('doubled');
CREATE OR REPLACE FUNCTION twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 3 * $1';
SELECT ends('doubled');
DROP FUNCTION twice(integer);
SELECT ends('doubled');
ALTER TABLE word RENAME TO words;
SELECT ends('words'), ends('table_words');
ALTER TABLE words RENAME TO word;
ALTER TABLE word ALTER COLUMN x TYPE bigint;
SELECT ends('words');
ALTER TABLE word ALTER COLUMN x TYPE integer;
SELECT ends('words');
-- literal rows have the target's types of that moment
PREPARE literal AS SELECT * FROM more.rows(more.literal('[{"x":"007"}]', 'word')) AS r;
EXECUTE literal;
ALTER TABLE word ALTER COLUMN x TYPE text;
EXECUTE literal;
ALTER TABLE word ALTER COLUMN x TYPE integer USING x::integer;
EXECUTE literal;

-- Parameters: custom plans know the query, generic ones do not
PREPARE given(more.query) AS SELECT count(*) FROM more.run($1) AS r(a integer) WHERE a < 500;
SELECT plan($$EXECUTE given('SELECT id FROM pkg')$$);
EXECUTE given('SELECT id FROM pkg');
EXECUTE given('SELECT x FROM word');
EXECUTE given(NULL);
SET plan_cache_mode = force_generic_plan;
SELECT plan($$EXECUTE given('SELECT id FROM pkg')$$);
EXECUTE given('SELECT id FROM pkg');
RESET plan_cache_mode;
PREPARE by_size(integer, text) AS
	SELECT count(*) FROM more.rows(more.filter(more.from_table('pkg'), $2, jsonb_build_object('s', $1))) AS r;
EXECUTE by_size(3, 'size > $s');
EXECUTE by_size(7, 'size = $s');
EXECUTE by_size(NULL, 'size = $s');
CREATE FUNCTION first_ids(q more.query) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
	ids CURSOR FOR SELECT a FROM more.run(q) AS r(a integer) WHERE a > 0;
	id integer;
	result integer[] := '{}';
BEGIN
	FOR id IN SELECT a FROM more.run(q) AS r(a integer) WHERE a < 3 ORDER BY a LOOP
		result := result || id;
	END LOOP;
	OPEN ids;
	FETCH ids INTO id;
	CLOSE ids;
	RETURN result || id;
END $$;
SELECT q, first_ids(q::more.query) FROM generate_series(1, 4) AS g,
	unnest(ARRAY['SELECT id FROM pkg ORDER BY id', 'SELECT x FROM word WHERE x = 2', 'SELECT 1']) AS q ORDER BY g, q LIMIT 7;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT a FROM more.run('SELECT x FROM word ORDER BY x') AS r(a integer);
FETCH 2 FROM c;
INSERT INTO word (x) VALUES (-1);
FETCH 1 FROM c;
FETCH BACKWARD ALL FROM c;
ROLLBACK;

-- Views, privileges, row security
CREATE VIEW seen AS SELECT r.id, r.size FROM more.fetch(more.from_table('pkg'), NULL::pkg) AS r WHERE r.id < 100;
SELECT plan('SELECT size FROM seen WHERE id = 5');
SELECT compare('SELECT * FROM seen WHERE size > 4');
CREATE VIEW listed WITH (security_barrier) AS SELECT id, name FROM pkg WHERE id < 10;
SELECT compare($$SELECT * FROM more.run('SELECT * FROM listed') AS r(a integer, b text) WHERE b > 'p3'$$);
SELECT printed($$SELECT * FROM more.run('SELECT * FROM listed') AS r(a integer, b text) WHERE b > 'p3'$$);
CREATE ROLE regress_query_reader;
CREATE ROLE regress_query_other;
GRANT SELECT ON seen, listed TO regress_query_reader, regress_query_other;
GRANT SELECT ON pkg TO regress_query_reader;
PREPARE ids AS SELECT count(*) FROM more.run('SELECT id FROM pkg') AS r(a integer) WHERE a < 50;
SELECT ends('ids');
SET ROLE regress_query_other;
SELECT ends('ids');
SELECT compare($$SELECT * FROM more.run('SELECT id FROM pkg') AS r(a integer)$$);
SELECT compare($$SELECT * FROM more.run('SELECT id FROM pkg') AS r(a integer) LIMIT 0$$);
SELECT compare($$SELECT * FROM more.run('SELECT id FROM listed') AS r(a integer)$$);
SELECT compare('SELECT * FROM seen');
SELECT sql FROM more.explain_rewrites($$SELECT a FROM more.run('SELECT id FROM listed') AS r(a integer)$$);
SET ROLE regress_query_reader;
SELECT ends('ids');
RESET ROLE;
CREATE POLICY small ON pkg USING (size < 5);
ALTER TABLE pkg ENABLE ROW LEVEL SECURITY;
SELECT ends('ids');
SET ROLE regress_query_reader;
SELECT ends('ids');
SELECT compare($$SELECT * FROM more.run('SELECT id FROM pkg') AS r(a integer) WHERE a < 70$$);
SELECT compare('SELECT * FROM seen WHERE size > 3');
SET row_security = off;
SELECT ends('ids');
SELECT compare($$SELECT * FROM more.run('SELECT id FROM pkg') AS r(a integer) LIMIT 0$$);
SELECT why($$SELECT * FROM more.run('SELECT id FROM pkg') AS r(a integer)$$);
RESET row_security;
SELECT ends('ids');
RESET ROLE;
SELECT ends('ids');

-- Both forms run and are compared
SET pg_more.rewrites = verify;
SET client_min_messages = debug1;
SELECT count(*) FROM more.run('SELECT id, name FROM pkg') AS r(a integer, b text) WHERE b = 'p1';
EXECUTE words;
EXECUTE words;
RESET client_min_messages;
RESET pg_more.rewrites;

-- Other rewrites see the query's statement, too
SET pg_more.composite_in = force;
SELECT bool_or(line ~ 'pg_more: composite_in')
FROM plan($$SELECT * FROM more.run('SELECT id FROM pkg WHERE (id, size) IN ((1, 1), (2, 2), (3, 3))') AS r(a integer)$$) AS line;
RESET pg_more.composite_in;
SELECT rewrite, applied > 0 AS applied, refused > 0 AS refused FROM more.rewrite_stats WHERE rewrite = 'query_in_from';

-- A statement that a procedural language prepares for a cursor, perhaps, and so not to be run in parallel, is left alone: its column fails
CREATE FUNCTION assigned() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	n := (SELECT count(*) FROM more.run('SELECT 1 / (size - size) FROM pkg WHERE size IS NOT NULL') AS r(a integer));
	RETURN n;
EXCEPTION WHEN division_by_zero THEN
	RETURN -1;
END $$;
SELECT assigned();

DROP OWNED BY regress_query_reader, regress_query_other;
DROP ROLE regress_query_reader, regress_query_other;
