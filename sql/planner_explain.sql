-- EXPLAIN tells which rewrites are in a plan.
\set ECHO none
\i sql/include/setup.sql
LOAD 'pg_more';

CREATE TABLE hashes (a integer, b integer, t text);
INSERT INTO hashes SELECT g, g % 1000, 'x' || g FROM generate_series(1, 5000) AS g;
CREATE TABLE other AS TABLE hashes;
ANALYZE hashes, other;
-- a list of pairs that is long enough to be rewritten
SELECT '(a, b) IN (' || string_agg(format('(%s, %s)', g, g % 1000), ', ') || ')' AS in_list FROM generate_series(1, 100) AS g \gset
SELECT 'SELECT t FROM hashes WHERE ' || :'in_list' AS pairs \gset

-- The lines that EXPLAIN prints after its plan, with costs as words: before, after and the arrow depend on much.
CREATE FUNCTION notes(explain text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE explain LOOP
		IF line ~ '^(pg_more|Planning Time|Execution Time)' THEN
			line := regexp_replace(line, '(Time:) [0-9.]+ ms', '\1 N ms');
			RETURN NEXT regexp_replace(line, 'cost (>= )?[0-9]+ (→|->) [0-9]+$', 'cost \1N → N');
		END IF;
	END LOOP;
END $$;

CREATE FUNCTION structure(explain text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE explain INTO result;
	RETURN result;
END $$;

-- A line per rewrite: in TEXT after the plan, where the server prints what other extensions say.
SELECT notes('EXPLAIN ' || :'pairs');
SELECT notes('EXPLAIN (COSTS off, SUMMARY on) ' || :'pairs');
SELECT notes('EXPLAIN (ANALYZE, COSTS off) ' || :'pairs');
EXPLAIN (COSTS off) SELECT t FROM hashes WHERE (a, b) = (1, 2);
-- Where nothing is run both costs are known, so that a reader sees what is gained.
SELECT costs[1]::bigint > 5 * costs[2]::bigint AS cheaper
FROM (SELECT j -> 0 -> 'pg_more' ->> 0 FROM (SELECT structure('EXPLAIN (FORMAT json) ' || :'pairs')::json) AS e (j)) AS explained (note),
	regexp_match(note, 'cost ([0-9]+) \S+ ([0-9]+)$') AS costs;

-- The structured formats have it as an entry of the query.
SELECT j -> 0 -> 'pg_more' AS notes, json_array_length(j) AS queries
FROM (SELECT structure('EXPLAIN (FORMAT json, COSTS off) ' || :'pairs')::json) AS explained (j);
SELECT regexp_replace(j -> 0 ->> 'pg_more', '[0-9]+ \S+ [0-9]+', 'N → N') AS notes
FROM (SELECT structure('EXPLAIN (FORMAT json) ' || :'pairs')::json) AS explained (j);
SELECT j -> 0 -> 'pg_more' AS notes, j -> 0 -> 'Execution Time' IS NOT NULL AS run
FROM (SELECT structure('EXPLAIN (FORMAT json, COSTS off, ANALYZE) ' || :'pairs')::json) AS explained (j);
SELECT substring(structure('EXPLAIN (FORMAT yaml, COSTS off) ' || :'pairs') FROM '\n  pg_more.*') AS notes;
SELECT substring(structure('EXPLAIN (FORMAT xml, COSTS off) ' || :'pairs') FROM '</Plan>\n(    <pg_more>.*)') AS notes;
-- none, no entry
SELECT j -> 0 -> 'pg_more' IS NULL AS none FROM (SELECT structure('EXPLAIN (FORMAT json) SELECT 1')::json) AS explained (j);

-- Statements that hold a statement.
SELECT notes('EXPLAIN (COSTS off) CREATE TABLE made AS ' || :'pairs');
SELECT notes('EXPLAIN (COSTS off) CREATE MATERIALIZED VIEW made AS ' || :'pairs');
SELECT notes('EXPLAIN (COSTS off) DECLARE c CURSOR FOR ' || :'pairs');
SELECT notes('EXPLAIN (COSTS off) INSERT INTO other (t) ' || :'pairs');
SELECT notes('EXPLAIN (COSTS off) DELETE FROM other WHERE ' || :'in_list');
SELECT notes('EXPLAIN (COSTS off) UPDATE other SET t = ''y'' WHERE ' || :'in_list');
-- a statement that a rule makes two of: each has its own
CREATE RULE twice AS ON DELETE TO hashes DO ALSO DELETE FROM other WHERE other.a = old.a;
SELECT notes('EXPLAIN (COSTS off) DELETE FROM hashes WHERE ' || :'in_list');
SELECT json_array_length(j), j -> 0 -> 'pg_more' IS NOT NULL AS first, j -> 1 -> 'pg_more' IS NOT NULL AS second
FROM (SELECT structure('EXPLAIN (FORMAT json, COSTS off) DELETE FROM hashes WHERE ' || :'in_list')::json) AS explained (j);
DROP RULE twice ON hashes;

-- Prepared statements, planned for their values and in general; the notes stay with a plan that is kept.
PREPARE find (integer) AS SELECT t FROM hashes WHERE (a, b) IN (($1, 1), (2, 2), (3, 3)) AND :in_list;
SELECT notes('EXPLAIN (COSTS off) EXECUTE find (1)');
SELECT notes('EXPLAIN (ANALYZE, COSTS off) EXECUTE find (1)');
SET plan_cache_mode = force_generic_plan;
SELECT notes('EXPLAIN (COSTS off) EXECUTE find (1)');
SELECT notes('EXPLAIN (COSTS off) EXECUTE find (1)');
SELECT notes('EXPLAIN (ANALYZE, COSTS off) EXECUTE find (1)');
SELECT notes('EXPLAIN (COSTS off) CREATE TABLE made AS EXECUTE find (1)');
SELECT j -> 0 -> 'pg_more' AS notes, json_typeof(j -> 0 -> 'Plan') AS plan
FROM (SELECT structure('EXPLAIN (FORMAT json, COSTS off) EXECUTE find (1)')::json) AS explained (j);
SELECT j -> 0 -> 'pg_more' AS notes, j -> 0 -> 'Execution Time' IS NOT NULL AS run
FROM (SELECT structure('EXPLAIN (FORMAT json, COSTS off, ANALYZE) EXECUTE find (1)')::json) AS explained (j);
SELECT substring(structure('EXPLAIN (FORMAT yaml, COSTS off) EXECUTE find (1)') FROM '\n  pg_more.*') AS notes;
SELECT substring(structure('EXPLAIN (FORMAT xml, COSTS off) EXECUTE find (1)') FROM '</Plan>\n(    <pg_more>.*)') AS notes;
RESET plan_cache_mode;
SELECT * FROM outcome('EXPLAIN EXECUTE no_such_statement');
SELECT * FROM outcome('EXPLAIN (FORMAT nonsense) EXECUTE find (1)');
SELECT * FROM outcome('EXPLAIN (COSTS nonsense) EXECUTE find (1)');
PREPARE plain AS SELECT 1;
EXPLAIN (COSTS off) EXECUTE plain;

-- What runs inside an explained statement does not add its own lines; an EXPLAIN inside has them.
CREATE FUNCTION counted() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE (SELECT 'SELECT count(*) FROM hashes WHERE (a, b) IN (' || string_agg(format('(%s, %s)', g, g), ', ') || ')' FROM generate_series(1, 100) AS g) INTO n;
	RETURN n;
END $$;
SELECT notes('EXPLAIN (ANALYZE, COSTS off) SELECT counted()');
SELECT notes('EXPLAIN (ANALYZE, COSTS off) SELECT counted() FROM hashes WHERE ' || :'in_list' || ' AND a < 3');
SELECT notes('EXPLAIN (ANALYZE, COSTS off) SELECT * FROM notes(' || quote_literal('EXPLAIN ' || :'pairs') || ')');

-- An error inside leaves nothing behind.
SELECT * FROM outcome('EXPLAIN ANALYZE SELECT 1 / (a - a) FROM hashes WHERE ' || :'in_list');
SELECT notes('EXPLAIN (COSTS off) ' || :'pairs');

-- Switched off, nothing is rewritten and nothing is said.
SET pg_more.rewrites = off;
SELECT notes('EXPLAIN ' || :'pairs');
RESET pg_more.rewrites;
SET pg_more.composite_in = off;
SELECT notes('EXPLAIN ' || :'pairs');
