-- array_join: arrays that the executor does not hash give the same rows in every form.
\set ECHO none
\i sql/include/rewrites.sql

CREATE TABLE item (id int PRIMARY KEY, a int, b bigint, c varchar(10), t timestamptz, f double precision);
INSERT INTO item
SELECT g, g % 10, g % 7, 'c' || g % 5, '2024-01-01 00:00+00'::timestamptz + g % 11 * interval '1 day', g / 2.0
FROM generate_series(1, 1000) AS g;
INSERT INTO item VALUES (1001, NULL, 1, 'n'), (1002, 1, NULL, NULL), (1003, NULL, NULL, 'm');
CREATE INDEX ON item (b);
ANALYZE item;

-- an array of another type than the column
SELECT * FROM same_rows('SELECT * FROM item WHERE b = ANY (''{1,2,3,3,NULL}''::int[])');
SELECT * FROM same_rows('SELECT * FROM item WHERE b <> ALL (''{1,2,3,3}''::int[])');
SELECT * FROM same_rows('SELECT * FROM item WHERE b <> ALL (''{1,2,3,NULL}''::int[])');
SELECT * FROM same_rows('SELECT * FROM item WHERE b <> ALL (''{}''::int[])');
SELECT * FROM same_rows('SELECT * FROM item WHERE b = ANY (''{}''::int[])');
SELECT * FROM same_rows('SELECT * FROM item WHERE b = ANY (NULL::int[])');
SELECT * FROM same_rows('SELECT * FROM item WHERE b <> ALL (NULL::int[])');
SELECT * FROM same_rows('SELECT * FROM item WHERE b = ANY (''{{1,2},{3,4}}''::int[])');
SELECT * FROM same_rows('SELECT * FROM item AS x JOIN item AS y ON x.id = y.id AND y.b = ANY (''{1,2}''::smallint[])');
-- under NOT by itself it is <> ALL
SELECT * FROM same_rows('SELECT * FROM item WHERE NOT b = ANY (''{1,2}''::int[])');
SELECT * FROM same_rows('SELECT * FROM item WHERE NOT b = ANY (''{1,NULL}''::int[])');
SELECT * FROM same_rows('SELECT * FROM item WHERE NOT b = ANY (NULL::int[])');
SELECT * FROM same_rows('SELECT * FROM item WHERE NOT b <> ALL (''{1,2,NULL}''::int[]) AND a > 0');
SELECT * FROM same_rows('SELECT * FROM item WHERE NOT b <> ALL (NULL::int[])');
SELECT * FROM same_rows('SELECT * FROM item WHERE NOT b < ANY (''{1,2}''::int[])');
-- where the value counts, or beside others under NOT, it is left as it is
SELECT * FROM same_rows('SELECT id, b = ANY (''{1,2,NULL}''::int[]) AS r FROM item');
SELECT * FROM same_rows('SELECT * FROM item WHERE NOT (b = ANY (''{1,2}''::int[]) AND b IS NOT NULL)');
SELECT * FROM same_rows('SELECT * FROM item AS x LEFT JOIN item AS y ON x.id = y.id AND y.b = ANY (''{1,2}''::int[])');
-- what the executor hashes is left as it is
SELECT * FROM same_rows('SELECT * FROM item WHERE a IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)');
SELECT * FROM same_rows('SELECT * FROM item WHERE a = ANY (''{1,2,3,4,5,6,7,8,9,10}'')');
-- no equality, an array that is computed, a volatile column
SELECT * FROM same_rows('SELECT * FROM item WHERE b > ANY (''{1,2}''::int[])');
SELECT * FROM same_rows('SELECT * FROM item AS x WHERE b = ANY (ARRAY[a, 1, 2])');
SELECT * FROM same_rows('SELECT * FROM item WHERE floor(random())::bigint = ANY (''{0}''::int[])');

-- parameters of generic plans
SET plan_cache_mode = force_generic_plan;
CREATE FUNCTION prepared(statement text, VARIADIC arguments text[]) RETURNS TABLE (arguments_ text, off bigint, forced bigint, form text)
LANGUAGE plpgsql AS $$
DECLARE
	given text;
	line text;
	plan text;
BEGIN
	FOREACH given IN ARRAY arguments LOOP
		arguments_ := given;
		SET LOCAL pg_more.rewrites = off;
		EXECUTE 'PREPARE plain ' || statement;
		EXECUTE 'CREATE TEMP TABLE plain_rows AS EXECUTE plain ' || given;
		DEALLOCATE plain;
		SET LOCAL pg_more.rewrites = force;
		EXECUTE 'PREPARE forced ' || statement;
		EXECUTE 'CREATE TEMP TABLE forced_rows AS EXECUTE forced ' || given;
		plan := '';
		FOR line IN EXECUTE 'EXPLAIN (COSTS OFF, VERBOSE) EXECUTE forced ' || given LOOP
			plan := plan || line || E'\n';
		END LOOP;
		DEALLOCATE forced;
		SET LOCAL pg_more.rewrites = off;
		form := CASE WHEN plan !~ 'Function Scan on .*list' THEN 'as it is' WHEN plan ~ 'hashed SubPlan' THEN 'filter' ELSE 'join' END;
		off := (SELECT count(*) FROM plain_rows);
		forced := CASE WHEN EXISTS (TABLE plain_rows EXCEPT ALL TABLE forced_rows) THEN -1 ELSE (SELECT count(*) FROM forced_rows) END;
		RETURN NEXT;
		DROP TABLE plain_rows, forced_rows;
	END LOOP;
END $$;
SELECT * FROM prepared('(int[]) AS SELECT * FROM item WHERE a = ANY ($1)', '(''{1,2,2}'')', '(''{1,NULL}'')', '(''{}'')', '(NULL)', '(''{{1,2},{3,4}}'')');
SELECT * FROM prepared('(int[]) AS SELECT * FROM item WHERE a <> ALL ($1)', '(''{1,2,2}'')', '(''{1,NULL}'')', '(''{}'')', '(NULL)');
SELECT * FROM prepared('(int, int) AS SELECT * FROM item WHERE a IN (1, $1, 3, $2, NULL)', '(5, 6)', '(NULL, 1)');
SELECT * FROM prepared('(int, int) AS SELECT * FROM item WHERE a NOT IN (1, $1, 3, $2)', '(5, 6)', '(NULL, 1)');
SELECT * FROM prepared('(text[]) AS SELECT * FROM item WHERE c = ANY ($1::varchar[])', '(''{c1,c2}'')');
SELECT * FROM prepared('(varchar[]) AS SELECT * FROM item WHERE c = ANY ($1)', '(''{c1,c2}'')');
SELECT * FROM prepared('(varchar, varchar) AS SELECT * FROM item WHERE c IN ($1, $2, ''c3'')', '(''c1'', ''c2'')');
SELECT * FROM prepared('(timestamptz[]) AS SELECT * FROM item WHERE t = ANY ($1)', '(''{2024-01-02 00:00+00}'')');
SELECT * FROM prepared('(bigint[]) AS SELECT * FROM item WHERE a = ANY ($1) ORDER BY id LIMIT 3', '(''{1,3000000000}'')');
SELECT * FROM prepared('(int[]) AS SELECT * FROM (SELECT * FROM item WHERE a = ANY ($1) FOR UPDATE) AS l', '(''{1,2}'')');
SELECT * FROM prepared('(bigint[]) AS SELECT * FROM (SELECT * FROM item WHERE b = ANY ($1) FOR UPDATE) AS l', '(''{1,2}'')');

-- a generic plan leaves out partitions when it runs: they keep the condition that tells it which
CREATE TABLE part (a int, b int) PARTITION BY LIST (a);
CREATE TABLE part1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part2 PARTITION OF part FOR VALUES IN (2);
INSERT INTO part VALUES (1, 1), (1, 2), (2, 1), (2, 2);
SELECT * FROM prepared('(int[]) AS SELECT * FROM part WHERE a = ANY ($1)', '(''{1}'')', '(NULL)');
SELECT * FROM prepared('(int, int) AS SELECT * FROM part WHERE (a, b) IN (($1, 1), ($1, $2))', '(1, 2)', '(NULL, 1)');
SELECT * FROM same_rows('SELECT * FROM part WHERE (a, b) IN ((1, 1), (2, 2))');

-- rows that are changed keep a filter
BEGIN;
SET LOCAL pg_more.rewrites = force;
PREPARE gone (int[]) AS DELETE FROM item WHERE a = ANY ($1);
EXECUTE gone ('{1,2,NULL}');
SELECT count(*) FROM item;
EXECUTE gone (NULL);
SELECT count(*) FROM item;
ROLLBACK;

-- a condition goes into a subquery that stays one, and what that computes is then computed for fewer rows: where it may
-- fail or does something, the condition is left as it is
SELECT * FROM same_rows('SELECT * FROM (SELECT DISTINCT a, 1 / (a - 5) AS q FROM item) s WHERE a = ANY (''{1,2}''::bigint[])');
SELECT * FROM same_rows('SELECT * FROM (SELECT a, max(100 / (a - 5)) FROM item GROUP BY a) s WHERE a = ANY (''{1,2}''::bigint[])');
SELECT * FROM same_rows('SELECT * FROM (SELECT a, 1 / (a - 5) FROM item WHERE a <> 5 UNION SELECT a, 1 / (a - 6) FROM item) s
	WHERE a = ANY (''{1,2}''::bigint[])');
SELECT * FROM same_rows('WITH s AS (SELECT DISTINCT a, 1 / (a - 5) AS q FROM item) SELECT * FROM s WHERE a = ANY (''{1,2}''::bigint[])');
SELECT * FROM same_rows('SELECT * FROM (SELECT a FROM (SELECT DISTINCT a, 1 / (a - 5) AS q FROM item) i) s WHERE a = ANY (''{1,2}''::bigint[])');
SELECT * FROM same_rows('SELECT * FROM (SELECT DISTINCT a, b FROM item) s WHERE a = ANY (''{1,2}''::bigint[])');
SELECT * FROM same_rows('SELECT * FROM (SELECT id, a, 1 / (a - 5) AS q FROM item) s WHERE a = ANY (''{1,2}''::bigint[])');
CREATE SEQUENCE computed;
SET pg_more.rewrites = force;
SELECT count(n) FROM (SELECT a, nextval('computed') AS n FROM item) s WHERE a = ANY ('{1,2}'::bigint[]);
SELECT last_value FROM computed;
RESET pg_more.rewrites;

-- how many rows a generic plan expects: as many as the server does of = ANY
CREATE FUNCTION expected_rows(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || statement INTO plan;
	RETURN format('%s: %s', CASE WHEN plan::text ~ 'Semi' THEN 'join' WHEN plan::text ~ 'listed' THEN 'filter' ELSE 'scan' END, plan #>> '{0,Plan,Plan Rows}');
END $$;
SET plan_cache_mode = force_generic_plan;
SET pg_more.rewrites = off;
PREPARE expected(integer[]) AS SELECT * FROM item WHERE id = ANY ($1) AND a IS NOT NULL;
SELECT expected_rows('EXECUTE expected(NULL)');
DEALLOCATE expected;
SET pg_more.rewrites = force;
PREPARE expected(integer[]) AS SELECT * FROM item WHERE id = ANY ($1) AND a IS NOT NULL;
SELECT expected_rows('EXECUTE expected(NULL)');
