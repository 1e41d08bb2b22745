-- pg_more.rewrites = verify: both forms of a rewritten SELECT run, and it is an error if their rows differ.
\set ECHO none
\i sql/include/setup.sql
LOAD 'pg_more';

CREATE TABLE hashes (a integer, b integer, t text) WITH (autovacuum_enabled = off);
INSERT INTO hashes SELECT g, g % 1000, 'x' || g FROM generate_series(1, 2000) AS g;
INSERT INTO hashes SELECT * FROM hashes WHERE a < 3;
ANALYZE hashes;
SET pg_more.rewrites = verify;

-- What was compared, or why not, is told at the level DEBUG1.
\set VERBOSITY terse
SET client_min_messages = debug1;
SELECT * FROM hashes WHERE (a, b) IN ((1, 1), (2, 2), (3, 4)) ORDER BY a;
SELECT * FROM hashes WHERE (a, b) IN ((1, 2), (2, 3));
SELECT count(*), min(t COLLATE "C"), max(a), sum(a), avg(b), bool_and(a > 0) FROM hashes WHERE (a, b) IN ((1, 1), (2, 2));
SELECT DISTINCT a FROM hashes WHERE (a, b) IN ((1, 1), (2, 2)) ORDER BY a;
SELECT a FROM hashes WHERE (a, b) IN ((1, 1), (2, 2)) UNION SELECT 2 ORDER BY a;
SELECT a, (SELECT count(*) FROM hashes AS i WHERE (i.a, h.b) IN ((1, 1), (2, 2))) AS n FROM hashes AS h WHERE a IN (1, 5) ORDER BY a;
SELECT FROM hashes WHERE (a, b) IN ((1, 1), (2, 2));
SELECT NULL::text, ROW(a, t), ARRAY[b], 1.50 FROM hashes WHERE (a, b) IN ((7, 7), (8, 9));
SELECT CASE b WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE t END FROM hashes WHERE a < 4 ORDER BY a;
SELECT t FROM more.rows_in(NULL::hashes, '[{"a": 1}, {"a": 4}]', key => '{a}') ORDER BY a;
-- nothing was rewritten
SELECT count(*) FROM hashes WHERE a = 1;
-- two runs or two orders may give other rows
SELECT count(random()) FROM hashes WHERE (a, b) IN ((1, 1), (2, 2));
SELECT count(*) FROM hashes TABLESAMPLE SYSTEM (100) WHERE (a, b) IN ((1, 1), (2, 2));
SELECT a FROM hashes WHERE (a, b) IN ((1, 1), (2, 2)) LIMIT 0;
SELECT count(*) FROM (SELECT a FROM hashes WHERE (a, b) IN ((1, 1), (2, 2)) OFFSET 1) AS x;
SELECT DISTINCT ON (a) a FROM hashes WHERE (a, b) IN ((1, 1), (2, 2)) ORDER BY a;
SELECT a, count(*) OVER () FROM hashes WHERE (a, b) IN ((3, 3), (2, 3));
SELECT ARRAY(SELECT a FROM hashes WHERE (a, b) IN ((3, 3), (2, 3)));
SELECT array_agg(a) FROM hashes WHERE (a, b) IN ((3, 3), (2, 3));
SELECT sum(a::float8) FROM hashes WHERE (a, b) IN ((3, 3), (2, 3));
SELECT max(a::numeric) FROM hashes WHERE (a, b) IN ((3, 3), (2, 3));
SELECT a::numeric FROM hashes WHERE (a, b) IN ((3, 3), (2, 3)) GROUP BY a::numeric;
SELECT a::numeric FROM hashes WHERE (a, b) IN ((3, 3), (2, 3)) INTERSECT SELECT 3;
SELECT DISTINCT t::bpchar COLLATE "C" FROM hashes WHERE (a, b) IN ((3, 3), (2, 3));
-- locks and writes
SELECT a FROM hashes WHERE (a, b) IN ((3, 3), (2, 3)) FOR SHARE;
WITH gone AS (DELETE FROM hashes WHERE a = 2000 RETURNING 1) SELECT a FROM hashes WHERE (a, b) IN ((3, 3), (2, 3));
UPDATE hashes SET t = t WHERE (a, b) IN ((3, 3), (2, 3));
-- EXPLAIN runs nothing unless told so, and says what it says otherwise
CREATE FUNCTION notes(explain text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE explain LOOP
		IF line LIKE 'pg_more%' THEN RETURN NEXT line; END IF;
	END LOOP;
END $$;
SELECT notes('EXPLAIN (COSTS off) SELECT count(*) FROM hashes WHERE (a, b) IN ((1, 1), (2, 2))');
SELECT notes('EXPLAIN (ANALYZE, COSTS off) SELECT count(*) FROM hashes WHERE (a, b) IN ((1, 1), (2, 2))');

-- Cursors, CREATE TABLE AS, and statements inside functions; what runs inside a comparison is not compared.
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT a FROM hashes WHERE (a, b) IN ((1, 1), (2, 2)) ORDER BY a;
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
COMMIT;
CREATE TABLE made AS SELECT a FROM hashes WHERE (a, b) IN ((1, 1), (2, 2));
CREATE TABLE unmade AS SELECT a FROM hashes WHERE (a, b) IN ((1, 1), (2, 2)) WITH NO DATA;
CREATE FUNCTION found(n integer) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT count(*) FROM hashes WHERE (a, b) IN ((n, 1), (2, n)));
END $$;
SELECT found(1);
SELECT a, found(a) FROM hashes WHERE (a, b) IN ((4, 4), (5, 5)) ORDER BY a;

-- Prepared statements, planned for their values and in general, and again when a table has changed.
PREPARE find (integer) AS SELECT a FROM hashes WHERE (a, b) IN (($1, 1), (2, $1));
EXECUTE find (1);
SET plan_cache_mode = force_generic_plan;
EXECUTE find (1);
EXECUTE find (2);
ALTER TABLE hashes ADD extra integer;
EXECUTE find (1);
SET client_min_messages = notice;
CREATE INDEX ON hashes (a);
SET client_min_messages = debug1;
EXECUTE find (1);
DROP INDEX hashes_a_idx;
EXECUTE find (1);
-- what is kept is bounded: the oldest goes
RESET client_min_messages;
DO $$
BEGIN
	FOR i IN 1 .. 300 LOOP
		EXECUTE format('SELECT 1 FROM hashes WHERE (a, b) IN ((1, 1), (%s, 3))', i);
	END LOOP;
END $$;
SET client_min_messages = debug1;
EXECUTE find (1);
-- switched off in between, and on again
SET pg_more.rewrites = on;
EXECUTE find (1);
DEALLOCATE find;
SET pg_more.rewrites = verify;
RESET plan_cache_mode;
RESET client_min_messages;

-- A difference is an error. A function that says to be stable, and counts, gives every run other rows.
\set VERBOSITY default
CREATE SEQUENCE ticks;
CREATE FUNCTION tick(n integer) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN CASE WHEN n = 2 THEN 0 ELSE nextval('ticks') END;
END $$;
SELECT a, tick(a) FROM hashes WHERE (a, b) IN ((1, 1), (2, 2));
-- the whole of a row that is long is not shown
SELECT repeat('é', tick(1)::integer * 100) FROM hashes WHERE (a, b) IN ((3, 3), (2, 5));
-- rows that only one form has
CREATE FUNCTION now_and_then() RETURNS TABLE (a integer, b integer) LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF nextval('ticks') % 2 = 1 THEN
		RETURN QUERY VALUES (1, 1), (2, 2), (2, 2);
	END IF;
END $$;
SELECT setval('ticks', 1000);
SELECT * FROM now_and_then() WHERE (a, b) IN ((1, 1), (2, 2));
SELECT setval('ticks', 1001);
SELECT * FROM now_and_then() WHERE (a, b) IN ((1, 1), (2, 2));
-- an error of the statement itself is its own, and the next statement is verified again
SELECT 1 / (a - 1) FROM hashes WHERE (a, b) IN ((1, 1), (2, 2));
SELECT a, tick(a) FROM hashes WHERE (a, b) IN ((4, 4), (2, 5));
-- without verify all of these are what they are
SET pg_more.rewrites = force;
SELECT a FROM hashes WHERE (a, b) IN ((4, 4), (2, 5)) AND tick(a) > 0;
