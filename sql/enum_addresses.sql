-- more.enum_drop: rows that are found by the addresses that an index has, and those that no index tells of.
\set ECHO none
\i sql/include/setup.sql
SET pg_more.enum_batch = 50;
-- no word of progress where the machine is slow
SET client_min_messages = warning;
CREATE VIEW done AS SELECT state, rows_done, rows_kept FROM more.enum_history WHERE change = (SELECT max(change) FROM more.enum_history);

-- Rows behind entries of all sorts: kept in lists, dead, rolled back, gone and come again, with a later version in the same page.
CREATE TYPE kind AS ENUM ('a', 'b', 'c', 'd', 'e', 'f');
ALTER TYPE kind ADD VALUE 'odd' AFTER 'b';
CREATE TABLE t (id integer PRIMARY KEY, k kind, n integer NOT NULL DEFAULT 0) WITH (fillfactor = 40, autovacuum_enabled = off);
CREATE INDEX t_k ON t (k);
INSERT INTO t SELECT i, (enum_range(NULL::kind))[1 + i % 7] FROM generate_series(1, 2100) AS i;
INSERT INTO t SELECT i, NULL FROM generate_series(2101, 2150) AS i;
ANALYZE t;
UPDATE t SET n = n + 1 WHERE id % 2 = 0;
UPDATE t SET n = n + 1 WHERE id % 4 = 0;
DELETE FROM t WHERE id BETWEEN 1 AND 70;
BEGIN;
INSERT INTO t SELECT i, 'b' FROM generate_series(3001, 3100) AS i;
UPDATE t SET n = n + 100;
ROLLBACK;
UPDATE t SET k = 'a' WHERE k = 'b' AND id BETWEEN 71 AND 140;
UPDATE t SET k = 'b' WHERE k = 'a' AND id BETWEEN 71 AND 140;
CREATE TABLE before AS SELECT id, CASE WHEN k = 'b' THEN 'c' ELSE k::text END AS k, n FROM t;
SELECT count(*) FROM t WHERE k = 'b';
CALL more.enum_drop('kind', 'b', 'set_value', 'c');
TABLE done;
SELECT count(*) AS differ FROM before FULL JOIN t USING (id)
	WHERE before.k IS DISTINCT FROM t.k::text OR before.n IS DISTINCT FROM t.n;
DROP TABLE before;
SELECT k, count(*), sum(n) FROM t GROUP BY 1 ORDER BY 1;

-- an index that begins with the column and has others, downwards; one that has the column twice; one that includes it
DROP INDEX t_k;
CREATE INDEX ON t (k DESC NULLS FIRST, n, id);
CREATE INDEX ON t (k, n, k);
CREATE INDEX ON t (n) INCLUDE (k);
SELECT count(*) AS holding FROM t WHERE k = 'odd' \gset
CALL more.enum_drop('kind', 'odd', 'set_value', 'f');
SELECT rows_done = :holding AS all, state FROM done;
SELECT k, count(*), sum(n) FROM t GROUP BY 1 ORDER BY 1;

-- one that has some of the rows, one that was never built to its end, one that is no btree: rows are found all the same
DROP INDEX t_k_n_id_idx, t_k_n_k1_idx, t_n_k_idx;
CREATE INDEX ON t (k) WHERE id % 2 = 0;
CREATE INDEX ON t USING hash (k);
\set VERBOSITY terse
CREATE UNIQUE INDEX CONCURRENTLY t_invalid ON t (k, n);
\set VERBOSITY default
SELECT count(*) AS holding FROM t WHERE k = 'e' \gset
CALL more.enum_drop('kind', 'e', 'set_null');
SELECT rows_done = :holding AS all, state FROM done;
SELECT k, count(*), sum(n) FROM t GROUP BY 1 ORDER BY 1;
DROP TABLE t;

-- a domain over the type, partitions, deletion
CREATE DOMAIN dom AS kind;
CREATE TABLE p (id integer PRIMARY KEY, d dom) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (101);
CREATE TABLE p2 (d dom, id integer NOT NULL);
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (101) TO (1001);
CREATE INDEX ON p (d);
INSERT INTO p SELECT i, (enum_range(NULL::kind))[1 + i % 4] FROM generate_series(1, 400) AS i;
CALL more.enum_drop('kind', 'd', 'cascade');
TABLE done;
SELECT d, count(*) FROM p GROUP BY 1 ORDER BY d::kind;
DROP TABLE p;

-- more rows than addresses are read at once
SET pg_more.enum_batch = 100000;
CREATE TABLE many (k kind);
INSERT INTO many SELECT CASE WHEN i <= 100100 THEN 'c' ELSE 'a' END::kind FROM generate_series(1, 100200) AS i;
CREATE INDEX ON many (k);
ANALYZE many;
CALL more.enum_drop('kind', 'c', 'set_value', 'f');
SELECT state, rows_done FROM done;
SELECT k, count(*) FROM many GROUP BY 1 ORDER BY 1;
SELECT enum_range(NULL::kind);
SELECT * FROM more.enum_check('kind');
