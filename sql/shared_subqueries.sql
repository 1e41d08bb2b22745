-- shared_subqueries: equal scalar subqueries are computed once, and where and when they are computed does not change.
\set ECHO none
\i sql/include/rewrites.sql

-- Runs a query off and on and compares the rows. Tells how often its shared subqueries were computed, how often a
-- result was used again, and what explain_rewrites says.
CREATE FUNCTION shared(query text, setting text DEFAULT 'on', OUT rows bigint, OUT same boolean, OUT computed bigint, OUT reused bigint, OUT told text)
LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	SELECT s.rows, s.same INTO rows, same FROM same_rows(query, setting) AS s;
	EXECUTE format('SET LOCAL pg_more.rewrites = %s', setting);
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		computed := coalesce(computed, 0) + coalesce(substring(line FROM 'Computed: (\d+)')::bigint, 0);
		reused := coalesce(reused, 0) + coalesce(substring(line FROM 'Reused: (\d+)')::bigint, 0);
	END LOOP;
	SELECT string_agg(reason, '; ' ORDER BY reason) INTO told FROM more.explain_rewrites(query) WHERE rewrite = 'shared_subqueries';
	told := coalesce(told, 'nothing');
END $$;
-- What EXPLAIN tells of a statement: how many nodes there are that share, and the line at its end.
CREATE FUNCTION explained(statement text, OUT nodes int, OUT note text)
LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	nodes := 0;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		nodes := nodes + (line LIKE '%Custom Scan (shared subquery)%')::int;
		note := coalesce(note, substring(line FROM '^ ?(pg_more: .*)'));
	END LOOP;
END $$;
-- The error that a statement raises off and on.
CREATE FUNCTION errors(statement text, OUT off text, OUT "on" text)
LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL pg_more.rewrites = off;
	BEGIN EXECUTE statement; off := 'none'; EXCEPTION WHEN OTHERS THEN off := SQLERRM; END;
	SET LOCAL pg_more.rewrites = force;
	BEGIN EXECUTE statement; "on" := 'none'; EXCEPTION WHEN OTHERS THEN "on" := SQLERRM; END;
END $$;
\set ECHO all
CREATE TABLE author (id int PRIMARY KEY, team int, name text);
CREATE TABLE book (id int PRIMARY KEY, author int, price int, title text);
INSERT INTO author SELECT g, nullif(g % 7, 0), CASE WHEN g % 5 > 0 THEN 'n' || g % 12 END FROM generate_series(1, 100) AS g;
INSERT INTO book SELECT g, CASE WHEN g % 9 > 0 THEN g % 60 + 1 END, nullif(g % 11, 0), CASE WHEN g % 4 > 0 THEN 'n' || g % 15 END FROM generate_series(1, 400) AS g;
CREATE INDEX ON book (author);
ANALYZE author, book;

-- target list, WHERE and ORDER BY: once for each row; other names are no matter
SELECT * FROM shared('SELECT a.id, (SELECT max(b.price) FROM book AS b WHERE b.author = a.id) AS latest FROM author AS a
	WHERE (SELECT max(c.price) FROM book AS c WHERE c.author = a.id) > 8 ORDER BY (SELECT max(book.price) AS m FROM book WHERE book.author = a.id) + 1');
-- the plan tells
SELECT * FROM explained('SELECT (SELECT count(*) FROM book AS b WHERE b.id < a.id), (SELECT count(*) FROM book AS b WHERE b.id < a.id) + 1 FROM author AS a');
SELECT rewrite, applied, reason, cost_before, cost_after, sql FROM more.explain_rewrites('SELECT (SELECT count(*) FROM book) + (SELECT count(*) FROM book)');
-- no columns of the outer query: once for the statement, at whatever levels
SELECT * FROM shared('SELECT a.id FROM author AS a WHERE a.id < (SELECT avg(price) FROM book) AND a.team IN (SELECT team FROM author WHERE id > (SELECT avg(price) FROM book))
	GROUP BY a.id HAVING count(*) < (SELECT avg(price) FROM book)');
SELECT * FROM shared('SELECT (SELECT max(id) FROM book), (SELECT max(id) FROM book), (SELECT min(id) FROM book), (SELECT max(id) FROM book WHERE false)');
-- no row, NULL, values by reference, several columns, rows that are sorted by others
SELECT * FROM shared('SELECT a.id, (SELECT b.title FROM book AS b WHERE b.author = a.id AND b.price > 3 ORDER BY b.price DESC, b.id LIMIT 1) AS t
	FROM author AS a WHERE (SELECT b.title FROM book AS b WHERE b.author = a.id AND b.price > 3 ORDER BY b.price DESC, b.id LIMIT 1) IS DISTINCT FROM ''n3''');
SELECT * FROM shared('SELECT a.id, (SELECT string_agg(b.title, '','' ORDER BY b.id) FROM book AS b WHERE b.title = a.name AND b.price > a.team) AS t,
	length((SELECT string_agg(b.title, '','' ORDER BY b.id) FROM book AS b WHERE b.title = a.name AND b.price > a.team)) AS l FROM author AS a');
SELECT * FROM shared('SELECT (SELECT b FROM book AS b WHERE b.id = a.id) AS b, ((SELECT b FROM book AS b WHERE b.id = a.id)).title FROM author AS a');
-- the same values in rows that follow one another
SELECT * FROM shared('SELECT (SELECT count(*) FROM book AS b WHERE b.price = a.team) AS n FROM (SELECT team FROM author ORDER BY team OFFSET 0) AS a WHERE (SELECT count(*) FROM book AS b WHERE b.price = a.team) >= 0');
-- values are compared by their bytes
SELECT * FROM shared('SELECT (SELECT string_agg(v.x::text || b.id, '','' ORDER BY b.id) FROM book AS b WHERE b.id < 3), (SELECT string_agg(v.x::text || b.id, '','' ORDER BY b.id) FROM book AS b WHERE b.id < 3)
	FROM (VALUES (1.0), (1.00), (NULL), (1.0)) AS v (x)');
SELECT * FROM shared('SELECT (SELECT max(v.x::text || b.id) FROM book AS b), (SELECT max(v.x::text || b.id) FROM book AS b) FROM (VALUES (0::float8), (''-0''), (0)) AS v (x)');
SELECT * FROM shared('SELECT (SELECT max(v.x || b.id) FROM book AS b WHERE b.id < 3), (SELECT max(v.x || b.id) FROM book AS b WHERE b.id < 3) FROM (VALUES (repeat(''x'', 3000)), (repeat(''y'', 3000)), (''''), (NULL)) AS v (x)');

-- Only where and when it was computed: not for rows that others keep from it
SELECT * FROM shared('SELECT a.id FROM author AS a WHERE CASE WHEN a.id < 10 THEN (SELECT count(*) FROM book AS b WHERE b.author = a.id) > 2 END
	AND (a.id > 5 OR (SELECT count(*) FROM book AS b WHERE b.author = a.id) > 4)');
SELECT * FROM shared('SELECT a.id, coalesce(a.team, (SELECT count(*) FROM book AS b WHERE b.author = a.id)) AS x, CASE WHEN a.team = 3 THEN (SELECT count(*) FROM book AS b WHERE b.author = a.id) END AS y FROM author AS a');
SELECT * FROM shared('SELECT a.id, (SELECT count(*) FROM book AS b WHERE b.author = a.id) AS x, (SELECT count(*) FROM book AS b WHERE b.author = a.id) AS y FROM author AS a ORDER BY a.id LIMIT 3');
SELECT * FROM shared('SELECT a.id, (SELECT max(price) FROM book) AS x FROM author AS a WHERE a.id < 0 AND a.id < (SELECT max(price) FROM book)');
-- ... so errors come where they came
SELECT * FROM errors('SELECT (SELECT b.id FROM book AS b WHERE b.author = a.id), (SELECT b.id FROM book AS b WHERE b.author = a.id) FROM author AS a');
SELECT * FROM errors('SELECT CASE WHEN a.id < 0 THEN (SELECT b.id FROM book AS b WHERE b.author = a.id) END, CASE WHEN a.id = 99 THEN (SELECT b.id FROM book AS b WHERE b.author = a.id) END FROM author AS a');
SELECT * FROM errors('SELECT CASE WHEN a.id < 0 THEN (SELECT max(10 / (b.price - 1)) FROM book AS b WHERE b.id > a.id) END, CASE WHEN a.id > 98 THEN (SELECT max(10 / (b.price - 1)) FROM book AS b WHERE b.id > a.id) END FROM author AS a');
SELECT * FROM errors('SELECT (SELECT id FROM book), (SELECT id FROM book) FROM author WHERE id < 0');
SELECT * FROM errors('SELECT (SELECT id FROM book), (SELECT id FROM book) FROM author');
SELECT * FROM errors('SELECT a.id FROM (SELECT id, 1 / (id - 1) AS r FROM author) AS a WHERE (SELECT count(*) FROM book AS b WHERE b.id < 0 AND b.price = a.r) = 0 AND (SELECT count(*) FROM book AS b WHERE b.id < 0 AND b.price = a.r) < 1 AND a.id > 1');

-- Whatever is around: joins, outer joins, grouping (since 18 the server shares what is grouped by), windows, sets, DISTINCT
SELECT * FROM shared('SELECT a.id, (SELECT count(*) FROM book AS c WHERE c.price = b.price) AS n FROM author AS a LEFT JOIN book AS b ON b.author = a.id AND b.price > 9
	WHERE (SELECT count(*) FROM book AS c WHERE c.price = b.price) < 50');
SELECT rows, same FROM shared('SELECT (SELECT count(*) FROM book AS b WHERE b.author = a.id) AS n, count(*) FROM author AS a GROUP BY (SELECT count(*) FROM book AS b WHERE b.author = a.id)
	HAVING (SELECT count(*) FROM book AS b WHERE b.author = a.id) > 3');
SELECT * FROM shared('SELECT a.team, (SELECT count(*) FROM book AS b WHERE b.price = a.team) AS n, count(*) FROM author AS a GROUP BY a.team HAVING (SELECT count(*) FROM book AS b WHERE b.price = a.team) > 3');
SELECT rows, same FROM shared('SELECT (SELECT count(*) FROM book AS b WHERE b.author = a.id) + 1 AS n, sum((SELECT count(*) FROM book AS b WHERE b.author = a.id)) AS s,
	count(*) FILTER (WHERE (SELECT count(*) FROM book AS b WHERE b.author = a.id) > 5) AS f FROM author AS a GROUP BY ROLLUP ((SELECT count(*) FROM book AS b WHERE b.author = a.id))');
SELECT * FROM shared('SELECT DISTINCT (SELECT count(*) FROM book AS b WHERE b.author = a.id) AS n FROM author AS a WHERE (SELECT count(*) FROM book AS b WHERE b.author = a.id) > 2');
SELECT * FROM shared('SELECT a.id, sum((SELECT count(*) FROM book AS b WHERE b.author = a.id)) OVER (PARTITION BY a.team ORDER BY (SELECT count(*) FROM book AS b WHERE b.author = a.id), a.id) AS n FROM author AS a');
SELECT * FROM shared('SELECT a.id FROM author AS a WHERE a.id < (SELECT avg(id) FROM book WHERE price > 3) EXCEPT SELECT a.id FROM author AS a WHERE a.id * 5 < (SELECT avg(id) FROM book WHERE price > 3)');
SELECT * FROM shared('WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 20 AND (SELECT count(*) FROM book AS b WHERE b.price = r.n) > 0 AND (SELECT count(*) FROM book AS b WHERE b.price = r.n) < 100) SELECT n FROM r');
-- subqueries of subqueries: the inner ones with the outer ones; in a subquery that is run for each row
SELECT * FROM shared('SELECT (SELECT max(b.price) FROM book AS b WHERE b.author = a.id AND b.price < (SELECT avg(price) FROM book)) AS x, (SELECT max(b.price) FROM book AS b WHERE b.author = a.id AND b.price < (SELECT avg(price) FROM book)) AS y FROM author AS a');
SELECT * FROM shared('SELECT a.id, (SELECT max((SELECT count(*) FROM author AS d WHERE d.team = b.price)) FROM book AS b WHERE b.author = a.id AND (SELECT count(*) FROM author AS d WHERE d.team = b.price) > 10) AS x FROM author AS a');
SELECT * FROM shared('SELECT a.id FROM author AS a WHERE EXISTS (SELECT FROM book AS b WHERE b.author = a.id AND b.price > (SELECT avg(price) FROM book) AND b.id < 10 * (SELECT avg(price) FROM book))');
-- ... where the planner puts columns from further out in the place of those of a subquery in FROM
SELECT * FROM shared('SELECT a.id, (SELECT count(*) FROM (SELECT a.id AS m, b.price FROM book AS b WHERE b.price < 4) AS v WHERE (SELECT count(*) FROM book AS c WHERE c.author = v.m AND c.price < v.price) > 0 AND (SELECT count(*) FROM book AS c WHERE c.author = v.m AND c.price < v.price) < 3) AS x FROM author AS a');
SELECT * FROM shared('SELECT a.id, l.x FROM author AS a, LATERAL (SELECT sum((SELECT count(*) FROM book AS c WHERE c.author = v.m)) + sum((SELECT count(*) FROM book AS c WHERE c.author = v.m)) AS x FROM (SELECT a.id + 0 AS m, b.price FROM book AS b WHERE b.price < 3) AS v) AS l');
-- WITH queries of the statement, also inlined ones
SELECT * FROM shared('WITH w AS MATERIALIZED (SELECT author, count(*) AS n FROM book GROUP BY author) SELECT a.id, (SELECT n FROM w WHERE author = a.id) AS n FROM author AS a WHERE (SELECT n FROM w WHERE author = a.id) > 6');
SELECT * FROM shared('WITH w AS NOT MATERIALIZED (SELECT a.id, (SELECT count(*) FROM book AS b WHERE b.author = a.id) AS n FROM author AS a WHERE (SELECT count(*) FROM book AS b WHERE b.author = a.id) > 2) SELECT x.id, y.n FROM w AS x JOIN w AS y ON y.n = x.id');
-- views, partitions, values that a join hashes before they are used again
CREATE VIEW author_books AS SELECT a.id, a.team, (SELECT count(*) FROM book AS b WHERE b.author = a.id) AS n, 2 * (SELECT count(*) FROM book AS b WHERE b.author = a.id) AS twice FROM author AS a;
SELECT * FROM shared('SELECT * FROM author_books WHERE n > 3');
SET enable_mergejoin = off; SET enable_nestloop = off;
SELECT * FROM shared('SELECT a.id, b.title, (SELECT count(*) FROM book AS c WHERE c.author = a.id) AS n FROM book AS b JOIN author AS a ON a.id = b.author WHERE (SELECT count(*) FROM book AS c WHERE c.author = a.id) > 4');
RESET enable_mergejoin; RESET enable_nestloop;
-- results are kept as far as work_mem goes, where they are needed later; for the row at hand the last one does
SET enable_mergejoin = off; SET enable_nestloop = off; SET work_mem = '64kB';
SELECT rows, same, computed > 5000 AS forgotten, computed + reused AS asked FROM shared('SELECT s.g, (SELECT count(*) FROM book AS b WHERE b.id = s.g) AS n FROM generate_series(1, 5000) AS s (g) JOIN generate_series(1, 5000) AS t (g) ON s.g = t.g WHERE (SELECT count(*) FROM book AS b WHERE b.id = s.g) >= 0');
SELECT * FROM shared('SELECT g, (SELECT count(*) FROM book AS b WHERE b.id = g) AS n FROM generate_series(1, 5000) AS g WHERE (SELECT count(*) FROM book AS b WHERE b.id = g) >= 0');
SELECT * FROM shared('SELECT g, CASE WHEN g % 10 = 0 THEN (SELECT count(*) FROM book AS b WHERE b.id = g) END AS n FROM generate_series(1, 5000) AS g WHERE (SELECT count(*) FROM book AS b WHERE b.id = g) >= 0');
-- ... where another place asks for it at all
SELECT * FROM shared('SELECT g, CASE WHEN g % 1000 = 0 THEN (SELECT count(*) FROM book AS b WHERE b.id = g) END AS n FROM generate_series(1, 5000) AS g WHERE (SELECT count(*) FROM book AS b WHERE b.id = g) >= 0');
-- what is larger than that is not kept
SELECT * FROM shared('SELECT (SELECT repeat(string_agg(b.title, '','' ORDER BY b.id), 100) FROM book AS b WHERE b.id <> g) AS s, length((SELECT repeat(string_agg(b.title, '','' ORDER BY b.id), 100) FROM book AS b WHERE b.id <> g)) AS n FROM generate_series(1, 3) AS g');
RESET enable_mergejoin; RESET enable_nestloop; RESET work_mem;

-- Changes: INSERT ... SELECT, UPDATE, DELETE, RETURNING, ON CONFLICT
CREATE TABLE tally (id int PRIMARY KEY, n bigint, m bigint);
INSERT INTO tally SELECT a.id, (SELECT count(*) FROM book AS b WHERE b.author = a.id), (SELECT count(*) FROM book AS b WHERE b.author = a.id) FROM author AS a WHERE (SELECT count(*) FROM book AS b WHERE b.author = a.id) > 0;
SELECT count(*), sum(n), sum(m) FROM tally;
SELECT * FROM explained('UPDATE tally SET n = (SELECT max(id) FROM tally WHERE m > 3), m = (SELECT max(id) FROM tally WHERE m > 3) WHERE id < 5');
UPDATE tally SET n = (SELECT max(id) FROM tally WHERE m > 3), m = (SELECT max(id) FROM tally WHERE m > 3) WHERE id < 5 RETURNING id, n, m, (SELECT max(id) FROM tally WHERE m > 3) AS o;
INSERT INTO tally VALUES (1, (SELECT count(*) FROM tally), 0) ON CONFLICT (id) DO UPDATE SET n = (SELECT count(*) FROM tally), m = excluded.n WHERE (SELECT count(*) FROM tally) > 0 RETURNING *;
DELETE FROM tally AS t WHERE (SELECT count(*) FROM book AS b WHERE b.author = t.id) > 7 RETURNING (SELECT count(*) FROM book AS b WHERE b.author = t.id), t.m;

-- Parameters: custom plans know which are equal, generic ones which are the same
PREPARE books (int, int) AS SELECT (SELECT count(*) FROM book AS b WHERE b.author = a.id AND b.price > $1) AS x FROM author AS a WHERE (SELECT count(*) FROM book AS b WHERE b.author = a.id AND b.price > $2) > 4 ORDER BY 1;
SET plan_cache_mode = force_custom_plan;
SELECT * FROM explained('EXECUTE books (3, 3)');
EXECUTE books (3, 3);
SELECT * FROM explained('EXECUTE books (3, 4)');
PREPARE team (int) AS SELECT (SELECT count(*) FROM book AS b WHERE b.author = a.id AND b.price > $1) AS x FROM author AS a WHERE (SELECT count(*) FROM book AS b WHERE b.author = a.id AND b.price > $1) > 4 ORDER BY 1;
SET plan_cache_mode = force_generic_plan;
SELECT * FROM explained('EXECUTE team (3)');
EXECUTE team (3);
EXECUTE team (4);
EXECUTE team (NULL);
RESET plan_cache_mode;
DEALLOCATE ALL;
-- cursors, also backward; PL/pgSQL
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT a.id, (SELECT count(*) FROM book AS b WHERE b.author = a.id) AS x, -(SELECT count(*) FROM book AS b WHERE b.author = a.id) AS y FROM author AS a ORDER BY a.id;
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
FETCH 2 FROM c;
COMMIT;
DO $$ DECLARE n bigint := 0; r record; k int := 5;
BEGIN FOR r IN SELECT (SELECT count(*) FROM book AS b WHERE b.author = a.id AND b.price > k) AS x, (SELECT count(*) FROM book AS b WHERE b.author = a.id AND b.price > k) AS y FROM author AS a LOOP
	k := 0; n := n + r.x - r.y; END LOOP; RAISE NOTICE '%', n; END $$;

-- Parallel workers have results of their own
CREATE TABLE many AS SELECT g AS id, g % 50 AS k FROM generate_series(1, 5000) AS g;
ANALYZE many;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off;
SELECT * FROM explained('SELECT m.id FROM many AS m WHERE m.k < (SELECT id FROM book WHERE id = 7) AND m.id > (SELECT id FROM book WHERE id = 7)');
SELECT rows, same FROM same_rows('SELECT m.id FROM many AS m WHERE m.k < (SELECT id FROM book WHERE id = 7) AND m.id > (SELECT id FROM book WHERE id = 7)');
SELECT rows, same FROM same_rows('SELECT m.id FROM many AS m WHERE (SELECT count(*) FROM book AS b WHERE b.price = m.k) > 3 AND (SELECT count(*) FROM book AS b WHERE b.price = m.k) < 40 AND m.id > (SELECT avg(price) FROM book) AND m.k < (SELECT avg(price) FROM book)');
RESET parallel_leader_participation; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather;

-- Rights: as before
CREATE ROLE regress_shared_reader;
GRANT SELECT ON author TO regress_shared_reader;
GRANT SELECT (id, author) ON book TO regress_shared_reader;
SET ROLE regress_shared_reader;
SELECT count((SELECT count(b.id) FROM book AS b WHERE b.author = a.id)), max((SELECT count(b.id) FROM book AS b WHERE b.author = a.id)) FROM author AS a;
SELECT (SELECT max(price) FROM book), (SELECT max(price) FROM book) FROM author;
RESET ROLE;
ALTER TABLE book ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON book USING (id < 50 AND author = ANY (SELECT id FROM author WHERE team = 2));
SET ROLE regress_shared_reader;
SELECT a.id, (SELECT count(b.id) FROM book AS b WHERE b.author = a.id) AS n FROM author AS a WHERE (SELECT count(b.id) FROM book AS b WHERE b.author = a.id) > 0 ORDER BY 1;
RESET ROLE;
ALTER TABLE book DISABLE ROW LEVEL SECURITY;
DROP POLICY few ON book;
REVOKE ALL ON author, book FROM regress_shared_reader;
DROP ROLE regress_shared_reader;

-- Left alone: what may differ, what acts, what depends on more than values
SELECT * FROM shared('SELECT (SELECT count(*) FROM book WHERE random() < 2) AS x, (SELECT count(*) FROM book WHERE random() < 2) AS y');
SELECT * FROM shared('SELECT (SELECT price FROM book WHERE id = 1 FOR UPDATE) AS x, (SELECT price FROM book WHERE id = 1 FOR UPDATE) AS y');
SELECT * FROM shared('SELECT (SELECT count(*) FROM book TABLESAMPLE system (100)) AS x, (SELECT count(*) FROM book TABLESAMPLE system (100)) AS y');
SELECT * FROM shared('SELECT a.team, (SELECT count(*) FROM book AS b WHERE b.price < max(a.id)) AS x, (SELECT count(*) FROM book AS b WHERE b.price < max(a.id)) AS y FROM author AS a GROUP BY a.team');
SELECT * FROM shared('SELECT a.team, (SELECT max(b.price + grouping(a.team)) FROM book AS b) AS x, (SELECT max(b.price + grouping(a.team)) FROM book AS b) AS y FROM author AS a GROUP BY ROLLUP (a.team)');
SELECT * FROM shared('SELECT a.id, (WITH w AS MATERIALIZED (SELECT price FROM book AS b WHERE b.author = a.id) SELECT (SELECT max(price) FROM w) - (SELECT max(price) FROM w)) AS x FROM author AS a');
SELECT * FROM shared('SELECT a.id FROM author AS a WHERE EXISTS (SELECT FROM book AS b WHERE b.author > 0 AND (SELECT count(*) FROM book AS c WHERE c.author = a.id AND c.price < b.price) > 3 AND (SELECT count(*) FROM book AS c WHERE c.author = a.id AND c.price < b.price) < 6)');
SELECT * FROM shared('SELECT (SELECT a.id + 1) AS x, (SELECT a.id + 1) AS y FROM author AS a');
SELECT * FROM shared('SELECT (SELECT a.id + 1) AS x, (SELECT a.id + 1) AS y FROM author AS a', 'force');
-- not equal: other columns, constants, parameters of another value, tables
SELECT * FROM shared('SELECT (SELECT count(*) FROM book AS b WHERE b.author = a.id) AS x, (SELECT count(*) FROM book AS b WHERE b.author = a.team) AS y, (SELECT count(*) FROM book AS b WHERE b.author = 1) AS z, (SELECT count(*) FROM book AS b WHERE b.author = 2) AS v,
	(SELECT count(price) FROM book AS b WHERE b.author = a.id) AS u, (SELECT count(*) FROM author AS b WHERE b.id = a.id) AS w FROM author AS a');
-- the same columns of different queries
SELECT * FROM shared('SELECT a.id, (SELECT count(*) FROM book AS b WHERE b.author = a.id) AS x FROM author AS a WHERE a.id IN (SELECT a.team FROM author AS a WHERE (SELECT count(*) FROM book AS b WHERE b.author = a.id) > 3)');
-- MERGE
SELECT reason FROM more.explain_rewrites('MERGE INTO tally AS t USING author AS a ON a.id = t.id WHEN MATCHED AND (SELECT count(*) FROM book) > 3 THEN UPDATE SET n = (SELECT count(*) FROM book)');
-- too many
SELECT same, computed, told FROM shared('SELECT ' || (SELECT string_agg('(SELECT count(*) FROM book)', ' + ') FROM generate_series(1, 501)));

-- Settings and statistics; verify compares
SET pg_more.shared_subqueries = off;
SELECT * FROM shared('SELECT (SELECT count(*) FROM book) + (SELECT count(*) FROM book)');
RESET pg_more.shared_subqueries;
SET pg_more.rewrites = verify;
SET client_min_messages = debug1;
SELECT (SELECT sum(id) FROM book) - (SELECT sum(id) FROM book) AS nothing;
RESET client_min_messages;
RESET pg_more.rewrites;
SELECT more.rewrite_stats_reset();
SELECT (SELECT sum(id) FROM book) - (SELECT sum(id) FROM book) AS nothing;
SELECT (SELECT sum(id) FROM book) - (SELECT sum(author) FROM book) > 0 AS something;
SELECT tried, applied, refused FROM more.rewrite_stats WHERE rewrite = 'shared_subqueries';
