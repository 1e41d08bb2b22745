-- union_pushdown: conditions on UNION, INTERSECT and EXCEPT give the same rows in their arms.
\set ECHO none
\i sql/include/rewrites.sql

-- As same_rows, and tells what union_pushdown said.
CREATE FUNCTION pushed(query text, OUT rows bigint, OUT same boolean, OUT told text)
LANGUAGE plpgsql AS $$
BEGIN
	SELECT s.rows, s.same INTO rows, same FROM same_rows(query) AS s;
	SET LOCAL pg_more.rewrites = force;
	SELECT string_agg(CASE WHEN applied THEN 'into ' || split_part(reason, ':', 1) ELSE reason END, '; ' ORDER BY applied DESC, reason)
	INTO told FROM more.explain_rewrites(query) WHERE rewrite = 'union_pushdown';
	told := coalesce(told, 'nothing');
	SET LOCAL pg_more.rewrites = on;
END $$;
-- What a statement is rewritten to.
CREATE FUNCTION rewritten(query text) RETURNS SETOF text
LANGUAGE sql SET pg_more.rewrites = force AS $$
	SELECT sql FROM more.explain_rewrites(query) WHERE rewrite = 'union_pushdown' AND applied
$$;
-- The conditions of its plan, and how tables are read.
CREATE FUNCTION scans(query text) RETURNS SETOF text LANGUAGE plpgsql
SET pg_more.rewrites = force SET enable_seqscan = off AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Cond:|Filter:|pg_more' THEN
			RETURN NEXT trim(line);
		END IF;
	END LOOP;
END $$;
\set ECHO all
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE a (id int PRIMARY KEY, dropped int, s smallint, n numeric, f real, w varchar(8), c char(4), d date, p positive, note text, z timestamp) WITH (autovacuum_enabled = off);
CREATE TABLE b (id bigint PRIMARY KEY, s int, n int, f float8, w text, c text, d timestamp, p int, note text, z timestamptz) WITH (autovacuum_enabled = off);
ALTER TABLE a DROP COLUMN dropped;
INSERT INTO a SELECT g, nullif(g % 9, 0), CASE WHEN g % 2 = 0 THEN g % 10 ELSE (g % 10) + 0.0 END, CASE WHEN g % 8 = 0 THEN '-0' ELSE g % 8 END, nullif('w' || g % 40, 'w0'),
	'c' || g % 5, '2024-01-01'::date + g % 60, g, 'n' || g, '2024-01-01'::timestamp + g % 60 * interval '1 day' FROM generate_series(1, 800) AS g;
INSERT INTO b SELECT g, nullif(g % 9, 0), g % 10, nullif(g % 8, 1), nullif('w' || g % 40, 'w1'), 'c' || g % 5, '2024-01-01'::timestamp + g % 60 * interval '1 day', g, 'n' || g, '2024-01-01'::timestamptz + g % 60 * interval '1 day'
	FROM generate_series(400, 1200) AS g;
CREATE INDEX ON a (w);
CREATE INDEX ON b (w);
CREATE INDEX ON a (d);
CREATE INDEX ON b (d);
ANALYZE a, b;
CREATE VIEW v AS SELECT id, s, w, d FROM a UNION SELECT id, s, w, d FROM b;

-- arms of other types: each compares its own, and its index serves
SELECT * FROM pushed('SELECT * FROM v WHERE id = 500');
SELECT rewritten('SELECT * FROM (SELECT id, w FROM a UNION SELECT id, w FROM b) AS u WHERE id = 500');
SELECT scans('SELECT * FROM (SELECT id, w FROM a UNION SELECT id, w FROM b) AS u WHERE id = 500');
SELECT scans('SELECT * FROM (SELECT id, w FROM a UNION ALL SELECT id, w FROM b) AS u WHERE 500 <= id AND 510 > id AND id <> 503 AND id IN (501, 503, 505)');
SELECT * FROM pushed('SELECT * FROM (SELECT id, w FROM a UNION ALL SELECT id, w FROM b) AS u WHERE 500 <= id AND 510 > id AND id <> 503 AND id IN (501, 503, 505)');
SELECT scans('SELECT * FROM (SELECT w FROM a UNION SELECT w FROM b) AS u WHERE w = ''w7''');
SELECT * FROM pushed('SELECT * FROM v WHERE w = ''w7'' AND s IS NULL');
SELECT scans('SELECT * FROM (SELECT d FROM a UNION SELECT d FROM b) AS u WHERE d = ''2024-01-05 00:00''');
SELECT * FROM pushed('SELECT * FROM v WHERE d >= ''2024-02-15'' AND (s = 3 OR w IS NULL) AND id NOT IN (7, 8)');
-- two columns of two types; IS DISTINCT FROM; a domain
SELECT * FROM pushed('SELECT * FROM (SELECT id, s FROM a UNION SELECT id, s FROM b) AS u WHERE id > s AND s IS DISTINCT FROM 4 AND id < 450');
SELECT rewritten('SELECT * FROM (SELECT id, s FROM a UNION SELECT id, s FROM b) AS u WHERE id > s AND s IS DISTINCT FROM 4');
SELECT * FROM pushed('SELECT * FROM (SELECT p FROM a UNION ALL SELECT p FROM b EXCEPT SELECT s FROM b) AS u WHERE p = 600');
-- no operator for the arm's type: the cast of the set operation; a list without an index is hashed after the cast
SELECT rewritten('SELECT * FROM (SELECT n, s FROM a UNION SELECT n, s FROM b) AS u WHERE n = 5 AND s IN (1, 2, 3, 4, 5, 6, 7, 8, 9)');
SELECT * FROM pushed('SELECT trunc(n), s FROM (SELECT n, s FROM a UNION SELECT n, s FROM b) AS u WHERE n = 5 AND s IN (1, 2, 3, 4, 5, 6, 7, 8, 9)');
SELECT * FROM pushed('SELECT * FROM (SELECT w FROM a UNION SELECT c FROM a) AS u WHERE w = ''c3''');
-- a lower part of other types
SELECT * FROM pushed('SELECT * FROM ((SELECT s FROM a UNION SELECT s FROM b) EXCEPT ALL SELECT id FROM b UNION ALL SELECT id FROM b) AS u WHERE s = 5');
SELECT rewritten('SELECT * FROM ((SELECT s FROM a UNION SELECT s FROM b) EXCEPT ALL SELECT id FROM b UNION ALL SELECT id FROM b) AS u WHERE s = 5');
-- a constant column leaves arms out
SELECT line FROM scans('SELECT * FROM (SELECT ''a'' AS kind, id FROM a UNION ALL SELECT ''b'', id FROM b) AS u WHERE kind = ''b'' AND id = 500') AS line WHERE line <> 'One-Time Filter: false';

-- EXCEPT and INTERSECT, with counts
SELECT * FROM pushed('SELECT * FROM (SELECT id FROM b EXCEPT SELECT id FROM b WHERE s = 3) AS u WHERE id < 450');
SELECT rewritten('SELECT * FROM (SELECT id FROM b EXCEPT SELECT id FROM b WHERE s = 3) AS u WHERE id < 450');
SELECT * FROM pushed('SELECT * FROM (SELECT s FROM b EXCEPT ALL SELECT s FROM a) AS u WHERE s > 3');
SELECT * FROM pushed('SELECT * FROM (SELECT s FROM b INTERSECT ALL SELECT s FROM a) AS u WHERE s > 3 OR s IS NULL');
SELECT * FROM pushed('SELECT * FROM (SELECT s, w FROM b INTERSECT SELECT s, w FROM a EXCEPT SELECT 4, ''w4'') AS u WHERE (s, w) IN ((1, ''w1''), (2, ''w2''), (4, ''w4''))');
-- NULLs are equal
SELECT * FROM pushed('SELECT * FROM (SELECT s FROM a EXCEPT SELECT s FROM b WHERE s IS NULL) AS u WHERE s IS NULL OR s = 2');

-- arms that are more than SELECT ... FROM ... WHERE
SELECT * FROM pushed('SELECT * FROM (SELECT s, count(*) AS k FROM a GROUP BY s UNION ALL SELECT s, p FROM b) AS u WHERE s = 3 AND k > 50');
SELECT rewritten('SELECT * FROM (SELECT s, count(*) AS k FROM a GROUP BY s UNION ALL SELECT s, p FROM b) AS u WHERE s = 3 AND k > 50');
SELECT scans('SELECT * FROM (SELECT s, count(*) AS k FROM a GROUP BY s UNION ALL SELECT s, p FROM b) AS u WHERE s = 3 AND k > 50');
-- above LIMIT, DISTINCT ON, window functions and grouping sets it stays, and goes into the others
SELECT scans('SELECT * FROM ((SELECT id FROM b ORDER BY id LIMIT 200) UNION SELECT id FROM b) AS u WHERE id = 550');
SELECT * FROM pushed('SELECT * FROM ((SELECT id FROM b ORDER BY id LIMIT 200) UNION SELECT id FROM b) AS u WHERE id IN (550, 1150)');
SELECT scans('SELECT * FROM ((SELECT DISTINCT ON (s) s, id FROM b ORDER BY s, id) UNION SELECT s, id FROM b) AS u WHERE id = 550 AND s = 1');
SELECT * FROM pushed('SELECT * FROM ((SELECT DISTINCT ON (s) s, id FROM b ORDER BY s, id) EXCEPT SELECT s, id FROM b WHERE id > 405) AS u WHERE id > 403 AND s < 7');
SELECT scans('SELECT * FROM (SELECT s, id, sum(n) OVER (PARTITION BY s) AS k FROM b UNION ALL SELECT s, id, 4 FROM b) AS u WHERE id = 550 AND s = 1 AND k > 3');
SELECT * FROM pushed('SELECT * FROM (SELECT s, id, sum(n) OVER (PARTITION BY s) AS k FROM b UNION ALL SELECT s, id, 4 FROM b) AS u WHERE id < 550 AND s = 1 AND k > 3');
SELECT * FROM pushed('SELECT * FROM (SELECT s, n, count(*) FROM b GROUP BY GROUPING SETS ((s), (n)) EXCEPT SELECT s, n, 4 FROM a) AS u WHERE s IS NULL AND n = 4');
SELECT * FROM pushed('SELECT * FROM (SELECT generate_series(1, 9) AS g, id FROM a UNION ALL SELECT s, id FROM b) AS u WHERE g = 5 AND id = 500');
SELECT * FROM pushed('SELECT * FROM (VALUES (1, ''x''), (500, ''w5''), (NULL, NULL) UNION ALL SELECT id, w FROM b) AS u (id, w) WHERE id = 500');
SELECT * FROM pushed('SELECT * FROM (WITH q AS (SELECT id FROM b) SELECT id FROM a UNION SELECT id FROM b WHERE id IN (SELECT id FROM q)) AS u WHERE id = 500');

-- through plain subqueries and views, and into unions in unions
CREATE VIEW vv AS SELECT v.id, v.w, a.note FROM v JOIN a ON a.id = v.id WHERE v.s > 2;
SELECT * FROM pushed('SELECT * FROM vv WHERE id = 500');
SELECT scans('SELECT * FROM vv WHERE id = 502');
SELECT * FROM pushed('SELECT * FROM (SELECT id, w FROM v UNION ALL SELECT id, w FROM vv) AS u WHERE id BETWEEN 500 AND 520');

-- outer joins: a condition of WHERE that NULLs do not pass, of ON on the side that may become NULL
SELECT * FROM pushed('SELECT * FROM a LEFT JOIN v ON v.w = a.w WHERE v.id = 500');
SELECT rewritten('SELECT a.id FROM a LEFT JOIN (SELECT id, w FROM a UNION SELECT id, w FROM b) AS u ON u.w = a.w AND u.id = 501 WHERE u.id < 600');
SELECT * FROM pushed('SELECT a.id, u.id AS u FROM a LEFT JOIN v AS u ON u.w = a.w AND u.id = 501');
SELECT * FROM pushed('SELECT a.id, u.id AS u FROM a FULL JOIN v AS u ON u.id = a.id WHERE u.id > 1190');
SELECT * FROM pushed('SELECT a.id, u.id AS u FROM a LEFT JOIN v AS u ON u.w = a.w AND u.id = 501 WHERE u.id IS NULL');
SELECT * FROM pushed('SELECT a.id, u.id AS u FROM v AS u LEFT JOIN a ON u.w = a.w AND u.id = 501 WHERE a.id > 780');
SELECT * FROM pushed('SELECT a.w, id FROM a JOIN v USING (id) WHERE id < 410');

-- correlated, but not where a subquery becomes a join
SELECT * FROM pushed('SELECT a.id, (SELECT count(*) FROM v WHERE v.id = a.id) AS k FROM a WHERE a.id > 780');
SELECT scans('SELECT a.id, (SELECT count(*) FROM v WHERE v.id = a.id) AS k FROM a WHERE a.id > 780');
SELECT * FROM pushed('SELECT a.id, l.w FROM a, LATERAL (SELECT w FROM v WHERE v.id = a.id AND EXISTS (SELECT FROM b WHERE b.id = v.id)) AS l WHERE a.id > 780');
SELECT * FROM pushed('SELECT a.id FROM a WHERE EXISTS (SELECT FROM v WHERE v.id = a.id AND v.s = 3)');
-- IN and EXISTS that are joins
SELECT * FROM pushed('SELECT * FROM v WHERE id IN (SELECT id FROM b WHERE w = ''w7'')');
SELECT rewritten('SELECT * FROM (SELECT id, w FROM a UNION SELECT id, w FROM b) AS u WHERE id IN (SELECT id FROM b WHERE w = ''w7'')');
SELECT * FROM pushed('SELECT * FROM v WHERE NOT EXISTS (SELECT FROM b WHERE b.s = v.s AND b.w = ''w7'' AND b.id > v.id)');
SELECT * FROM pushed('SELECT * FROM (SELECT id, w FROM a UNION ALL SELECT id, w FROM b) AS u WHERE EXISTS (SELECT FROM a WHERE a.id = u.id AND a.w = ''w7'')');
SELECT * FROM pushed('SELECT * FROM v WHERE (id, s) IN (' || (SELECT string_agg(format('(%s, %s)', g, g % 9), ', ') FROM generate_series(480, 520) AS g) || ')');

-- sources of changes
-- joins: the set operation refers to what it is joined with, where each arm has an index
CREATE TABLE o (id int PRIMARY KEY, ref bigint, w text) WITH (autovacuum_enabled = off);
INSERT INTO o SELECT g, g * 3, 'w' || g % 50 FROM generate_series(1, 500) AS g;
CREATE INDEX ON o (w);
ANALYZE o;
SELECT * FROM pushed('SELECT o.id, v.* FROM o JOIN v ON v.id = o.ref WHERE o.w = ''w7''');
SELECT scans('SELECT o.id, v.* FROM o JOIN v ON v.id = o.ref WHERE o.w = ''w7''');
-- wherever it stands in FROM, beside conditions of its own
SELECT rewritten('SELECT o.id, u.w FROM (SELECT id, w FROM a UNION SELECT id, w FROM b) AS u JOIN o ON u.id = o.ref JOIN a ON a.id = o.id WHERE o.w = ''w7'' AND u.w < ''w9''');
SELECT * FROM pushed('SELECT o.id, v.w, a.note FROM v JOIN o ON v.id = o.ref JOIN a ON a.id = o.id WHERE o.w = ''w7'' AND v.w < ''w9''');
SELECT * FROM pushed('SELECT o.id, v.w FROM v, o WHERE o.ref = v.id AND o.w = v.w');
SELECT * FROM pushed('SELECT o.id, v.w, b.note FROM (o JOIN v ON v.id = o.ref) LEFT JOIN b ON b.id = v.id WHERE o.w = ''w7''');
-- outer joins, with NULLs for what is not found
SELECT * FROM pushed('SELECT o.id, v.id AS v FROM o LEFT JOIN v ON v.id = o.ref AND v.s = 3 WHERE o.w = ''w7''');
SELECT rewritten('SELECT o.id, u.id FROM o LEFT JOIN (SELECT id FROM a EXCEPT SELECT id FROM b) AS u ON u.id = o.ref WHERE o.w = ''w7''');
SELECT * FROM pushed('SELECT o.id, u.id AS u FROM o LEFT JOIN (SELECT id FROM a EXCEPT ALL SELECT id FROM b) AS u ON u.id = o.ref AND o.w = ''w7''');
-- several set operations and relations; unions of one type
SELECT * FROM pushed('SELECT v.id, u.w FROM v JOIN v AS u ON u.id = v.id JOIN o ON o.ref = v.id AND o.w = u.w');
SELECT * FROM pushed('SELECT o.id, u.s FROM o JOIN (SELECT id, s FROM b UNION SELECT id, s FROM b) AS u ON u.id = o.ref WHERE o.w = ''w7''');
SELECT * FROM pushed('SELECT o.id, u.s FROM o JOIN (SELECT id, s FROM b UNION ALL SELECT id, s FROM b) AS u ON u.id = o.ref WHERE o.w = ''w7''');
SELECT * FROM pushed('SELECT m, count(*) FROM (SELECT id % 7 AS m, ref FROM o) AS q JOIN v ON v.id = q.ref GROUP BY m');
-- left alone: no index, names of joins and columns of USING, relations that refer to it, row locks, the other side of an outer join
SELECT * FROM pushed('SELECT o.id, v.s FROM o JOIN v ON v.s = o.id');
SELECT * FROM pushed('SELECT o.id, v.s FROM o JOIN v ON v.id + 0 = o.ref');
SELECT * FROM pushed('SELECT o.id, v.s FROM o JOIN (SELECT id, s FROM a UNION (SELECT id, s FROM b LIMIT 3)) AS v ON v.id = o.ref');
SELECT * FROM pushed('SELECT j.ref, s FROM (v JOIN (SELECT ref AS id, ref FROM o) AS o USING (id)) AS j WHERE s = 3');
SELECT * FROM pushed('SELECT l.w, v.s FROM v JOIN LATERAL (SELECT o.ref, o.w FROM o WHERE o.w = v.w OFFSET 0) AS l ON l.ref = v.id WHERE v.s = 3');
SELECT * FROM pushed('SELECT o.id, v.s FROM v LEFT JOIN o ON v.id = o.ref');
SELECT * FROM pushed('SELECT o.id, v.s FROM v FULL JOIN o ON v.id = o.ref JOIN v AS u ON u.id = o.ref');
SELECT string_agg(DISTINCT reason, '; ') FROM more.explain_rewrites('SELECT o.id, v.s FROM o JOIN v ON v.id = o.ref FOR UPDATE OF o') WHERE rewrite = 'union_pushdown';
-- cost decides: a join of many rows is left as it is
SET pg_more.rewrites = on;
SELECT applied, reason FROM more.explain_rewrites('SELECT o.id, v.* FROM o JOIN v ON v.id = o.ref') WHERE rewrite = 'union_pushdown';
RESET pg_more.rewrites;

-- sources of changes
CREATE TABLE t (id bigint, w text);
INSERT INTO t SELECT g, 'w' FROM generate_series(480, 520) AS g;
SET pg_more.rewrites = force;
WITH u AS (UPDATE t SET w = v.w FROM v WHERE v.id = t.id AND v.id IN (500, 501) RETURNING t.id, t.w) SELECT * FROM u ORDER BY id;
SELECT line FROM scans('DELETE FROM t USING v WHERE v.id = t.id AND v.id = 500') AS line ORDER BY line COLLATE "C";
INSERT INTO t SELECT id, w FROM v WHERE id = 10 RETURNING *;
MERGE INTO t USING (SELECT id, w FROM v WHERE id = 500) AS u ON t.id = u.id WHEN MATCHED THEN DO NOTHING;
SELECT reason FROM more.explain_rewrites('MERGE INTO t USING (SELECT id, w FROM v WHERE id = 500) AS u ON t.id = u.id WHEN MATCHED THEN DO NOTHING') WHERE rewrite = 'union_pushdown';
RESET pg_more.rewrites;

-- what the server does itself is not met
SELECT * FROM pushed('SELECT * FROM (SELECT id, s FROM b UNION SELECT id, s FROM b) AS u WHERE id = 500');
SELECT * FROM pushed('SELECT * FROM (SELECT id, s FROM b INTERSECT SELECT id, s FROM b) AS u WHERE id = 500');
SELECT * FROM pushed('SELECT * FROM (SELECT id, s FROM b UNION ALL SELECT id, s FROM b) AS u WHERE id IN (SELECT id FROM a WHERE s = 3)');

-- what is left alone, and why
SELECT * FROM pushed('SELECT * FROM (SELECT id FROM a UNION SELECT id FROM b ORDER BY id LIMIT 5) AS u WHERE id = 4');
SELECT * FROM pushed('SELECT * FROM v WHERE v IS NOT NULL AND id = id');
SELECT * FROM pushed('SELECT * FROM v WHERE id + random() * 0 = 500');
CREATE SEQUENCE counter;
SELECT * FROM pushed('SELECT id FROM (SELECT id, nextval(''counter'') AS k FROM a UNION ALL SELECT id, 0 FROM b) AS u WHERE id = 500');
SELECT last_value FROM counter;
SELECT * FROM pushed('SELECT id FROM (SELECT id FROM a WHERE random() >= 0 UNION ALL SELECT id FROM b) AS u WHERE id = 500');
SELECT * FROM pushed('SELECT * FROM v WHERE 1000 / id = 2');
SELECT * FROM pushed('SELECT * FROM (SELECT 1000 / id AS q FROM a WHERE id > 0 UNION ALL SELECT id FROM b) AS u WHERE q = 2');
SELECT * FROM pushed('SELECT * FROM (SELECT i.q FROM (SELECT 1000 / id AS q FROM a) AS i UNION ALL SELECT id FROM b) AS u WHERE q = 2');
SELECT * FROM pushed('SELECT * FROM v WHERE id = (SELECT max(id) FROM a)');
SELECT * FROM pushed('SELECT * FROM v WHERE id = 5 OR id IN (SELECT id FROM b WHERE w = ''w7'')');
SELECT * FROM pushed('SELECT * FROM v WHERE id NOT IN (SELECT id FROM b)');
SELECT * FROM pushed('SELECT * FROM v WHERE id IN (SELECT id FROM b ORDER BY w LIMIT 7)');
SELECT * FROM pushed('SELECT * FROM (SELECT (SELECT 1) AS q FROM a UNION ALL SELECT id FROM b) AS u WHERE q = 500');
SELECT * FROM pushed('WITH q AS MATERIALIZED (SELECT id FROM a) SELECT * FROM (SELECT id FROM q UNION ALL SELECT id FROM b) AS u WHERE id = 500');
SELECT * FROM pushed('WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT u.i + 1 FROM (SELECT i FROM r UNION ALL SELECT id::int FROM b WHERE id < 0 EXCEPT SELECT 0) AS u WHERE u.i < 9) SELECT * FROM r');
SELECT * FROM pushed('WITH RECURSIVE r AS (SELECT 1 AS i UNION SELECT i + 1 FROM r WHERE i < 9) SELECT * FROM r WHERE i = 5');
-- what becomes a time with time zone does so by the session's, in which times may be skipped
SELECT rewritten('SELECT z FROM (SELECT z FROM a UNION ALL SELECT z FROM b) AS u WHERE z = ''2024-01-05''');
SELECT * FROM pushed('SELECT z FROM (SELECT z FROM a UNION ALL SELECT z FROM b) AS u WHERE z = ''2024-01-05''');

-- the condition's equality must be that of the grouping
SELECT * FROM pushed('SELECT trunc(n) FROM (SELECT n FROM a UNION SELECT n FROM b) AS u WHERE n BETWEEN 2 AND 4.0');
CREATE FUNCTION shape(numeric) RETURNS int LANGUAGE plpgsql IMMUTABLE LEAKPROOF AS 'BEGIN RETURN scale($1); END';
SELECT * FROM pushed('SELECT trunc(n) FROM (SELECT n FROM a UNION SELECT n FROM b) AS u WHERE shape(n) = 0');
SELECT * FROM pushed('SELECT n FROM (SELECT n FROM a EXCEPT ALL SELECT n FROM b) AS u WHERE shape(n) = 1');
SELECT rewritten('SELECT n FROM (SELECT n FROM a UNION ALL SELECT n FROM b) AS u WHERE shape(n) = 1');
SELECT * FROM pushed('SELECT n FROM (SELECT DISTINCT n FROM a UNION ALL SELECT n FROM b) AS u WHERE shape(n) = 1');
SELECT * FROM pushed('SELECT q FROM (SELECT shape(i.n) AS q FROM (SELECT DISTINCT n FROM a) AS i UNION ALL SELECT id FROM b) AS u WHERE q = 1');
SELECT * FROM pushed('SELECT f FROM (SELECT f FROM a EXCEPT SELECT f FROM b) AS u WHERE f = 0');
SELECT * FROM pushed('SELECT count(*) FROM (SELECT c FROM a UNION SELECT ''c1  ''::text) AS u WHERE c = ''c1'' AND octet_length(c) > 3');
-- and so must its collation
SELECT * FROM pushed('SELECT w FROM (SELECT w FROM a EXCEPT SELECT w FROM b) AS u WHERE w COLLATE "C" > ''w2''');
CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE ci (w text COLLATE caseless, i int);
CREATE TABLE ci2 (w varchar COLLATE caseless, i bigint);
INSERT INTO ci VALUES ('a', 1), ('A', 1), ('b', 2), ('B', 3);
INSERT INTO ci2 VALUES ('A', 1), ('a', 1), ('B', 2), ('c', 3);
SELECT * FROM pushed('SELECT lower(w), i FROM (SELECT w, i FROM ci UNION SELECT w, i FROM ci2) AS u WHERE w = ''a''');
SELECT * FROM pushed('SELECT lower(w), i FROM (SELECT w, i FROM ci EXCEPT SELECT w, i FROM ci2) AS u WHERE w = ''b'' COLLATE "C"');
SELECT * FROM pushed('SELECT w, i FROM (SELECT w, i FROM ci EXCEPT ALL SELECT w, i FROM ci2) AS u WHERE i > 1');
SELECT * FROM pushed('SELECT w, i FROM (SELECT w, i FROM ci UNION ALL SELECT w, i FROM ci2) AS u WHERE w = ''b'' COLLATE "C"');

-- views with security_barrier: what is not leakproof stays above
CREATE FUNCTION peek(bigint) RETURNS bool LANGUAGE plpgsql IMMUTABLE COST 0.0001 AS 'BEGIN IF $1 % 9 <> 3 THEN RAISE ''row % is hidden'', $1; END IF; RETURN true; END';
CREATE VIEW barred WITH (security_barrier) AS SELECT id, w, n, s FROM a WHERE s = 3 UNION SELECT id, w, n, s FROM b WHERE s = 3;
SELECT * FROM pushed('SELECT id, w FROM barred WHERE id < 600');
SELECT * FROM pushed('SELECT id, w FROM barred WHERE id < 600 AND n > 7');
SELECT count(*) FROM barred WHERE id = 3 AND peek(id);
-- row security in the arms, and the columns that a role may not read
CREATE ROLE more_union_reader;
GRANT SELECT ON v, a, barred TO more_union_reader;
GRANT SELECT (id, s, w, d) ON b TO more_union_reader;
GRANT USAGE ON SCHEMA public TO more_union_reader;
ALTER TABLE a ENABLE ROW LEVEL SECURITY;
CREATE POLICY quarter ON a USING (id % 4 = 1);
SET ROLE more_union_reader;
SET pg_more.rewrites = off;
SELECT count(*), sum(id) FROM (SELECT id, w FROM a EXCEPT SELECT id, w FROM b WHERE s = 3) AS u WHERE id > 100;
SET pg_more.rewrites = force;
SELECT count(*), sum(id) FROM (SELECT id, w FROM a EXCEPT SELECT id, w FROM b WHERE s = 3) AS u WHERE id > 100;
SELECT id FROM (SELECT id, w FROM a UNION SELECT id, w FROM b) AS u WHERE id IN (3, 5, 900) ORDER BY id;
SELECT id FROM (SELECT id, note FROM a UNION SELECT id, note FROM b) AS u WHERE id = 5;
RESET ROLE;
RESET pg_more.rewrites;
ALTER TABLE a DISABLE ROW LEVEL SECURITY;

-- partitions are chosen in the arms
CREATE TABLE parts (id bigint, w text) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (500);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (500) TO (1000);
INSERT INTO parts SELECT g, 'w' || g % 40 FROM generate_series(1, 999) AS g;
ANALYZE parts;
SET pg_more.rewrites = force;
SELECT scans('SELECT id FROM (SELECT id FROM parts EXCEPT SELECT id FROM a) AS u WHERE id = 900');
RESET pg_more.rewrites;
SELECT * FROM pushed('SELECT id FROM (SELECT id FROM parts EXCEPT SELECT id FROM a) AS u WHERE id > 790');

-- an arm that is sorted, or has groups, by what it does not give
SELECT * FROM pushed('SELECT id, k FROM ((SELECT id, count(*) OVER () AS k FROM a ORDER BY w, note) UNION ALL SELECT id, s FROM b) AS u WHERE id > 790');
SELECT * FROM pushed('SELECT id, k FROM ((SELECT s AS id, count(*) AS k FROM a GROUP BY s, n % 2 ORDER BY max(f)) UNION ALL (SELECT id, s FROM b ORDER BY w)) AS u WHERE id = 8');
-- prepared statements
SET pg_more.rewrites = force;
SET plan_cache_mode = force_generic_plan;
PREPARE found(int, text[]) AS SELECT count(*), min(id) FROM v WHERE id > $1 AND w = ANY ($2) AND id NOT IN ($1, $1 + 1);
EXECUTE found(700, '{w7,w8,NULL}');
EXECUTE found(NULL, '{w7}');
EXECUTE found(0, NULL);
SET plan_cache_mode = force_custom_plan;
EXECUTE found(700, '{w7,w8,NULL}');
RESET plan_cache_mode;
DEALLOCATE found;
-- verify compares both
SET pg_more.rewrites = verify;
SET client_min_messages = debug1;
SELECT count(*) FROM v WHERE id > 700;
RESET client_min_messages;
SET pg_more.rewrites = on;
-- cost decides: a filter that all rows pass gains nothing, one that an index serves much
SELECT applied, reason FROM more.explain_rewrites('SELECT * FROM (SELECT id, w FROM a UNION ALL SELECT id, w FROM b) AS u WHERE id > 0');
CREATE TABLE big AS SELECT g AS id, 'w' || g AS w FROM generate_series(1, 20000) AS g;
CREATE INDEX ON big (id);
ANALYZE big;
SELECT applied, reason FROM more.explain_rewrites('SELECT * FROM (SELECT id, w FROM big UNION SELECT id, w FROM b) AS u WHERE id > 0');
SELECT applied, reason, cost_before > 100 * cost_after AS cheaper FROM more.explain_rewrites('SELECT * FROM (SELECT id, w FROM big UNION SELECT id, w FROM b) AS u WHERE id = 700');
SET pg_more.union_pushdown = off;
SELECT applied, reason FROM more.explain_rewrites('SELECT * FROM (SELECT id, w FROM big UNION SELECT id, w FROM b) AS u WHERE id = 700');
RESET pg_more.union_pushdown;
DROP OWNED BY more_union_reader;
DROP ROLE more_union_reader;
