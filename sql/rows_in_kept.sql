-- pg_more.rows_in: the statement that takes the place of a call is kept for the next one, as long as it is the same.
\set ECHO none
\i sql/include/setup.sql

-- Runs a query without and with the rewrite, and tells whether it was taken and whether the rows, or errors, are the same.
CREATE FUNCTION compare(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	mode text;
	rows text[];
	first text[];
	line text;
	taken boolean := false;
	detail text;
	hint text;
BEGIN
	FOREACH mode IN ARRAY ARRAY['off', 'on', 'force'] LOOP
		PERFORM set_config('pg_more.rows_in', mode, true);
		IF mode = 'force' THEN
			FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
				taken := taken OR line ~ 'Function Scan on _rows_of';
			END LOOP;
		END IF;
		BEGIN
			EXECUTE format('SELECT coalesce(array_agg(q::text ORDER BY q::text COLLATE "C"), ''{}'') FROM (%s) AS q', query) INTO rows;
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
-- The calls in a plan.
CREATE FUNCTION calls_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || statement LOOP
		IF line ~ 'Function Call' THEN RETURN NEXT trim(line); END IF;
	END LOOP;
END $$;
SET client_min_messages = error;
DROP ROLE IF EXISTS regress_kept_a, regress_kept_b;
RESET client_min_messages;
CREATE ROLE regress_kept_a;
CREATE ROLE regress_kept_b;
CREATE TABLE kept (a integer, b text, c integer, PRIMARY KEY (a, b));
INSERT INTO kept SELECT g % 10, 'k' || g, g FROM generate_series(1, 40) AS g;
-- The keys that are asked for, by the columns a and b or others.
CREATE VIEW calls AS SELECT 'SELECT * FROM more.rows_in(NULL::kept, more.rowset(ARRAY[''a'', ''b''], ARRAY[1, 2, 3, 3, NULL], ARRAY[''k11'', ''k2'', ''k33'', ''k33'', ''k1''])' AS head;
CREATE FUNCTION again(rest text DEFAULT '') RETURNS text LANGUAGE sql AS $$SELECT compare((SELECT head FROM calls) || rest || ') AS r WHERE r.c < 30')$$;
\set ECHO queries
SELECT again(), again(), again(', key => ''{a}'''), again(', key => ''{b,a}'''), again(', key => ''{a}''');

-- The table changes.
ALTER TABLE kept ADD d integer DEFAULT 7;
SELECT again(), again(', key => ''{a}''');
ALTER TABLE kept DROP d;
SELECT again(), again(', key => ''{a}''');
ALTER TABLE kept RENAME a TO x;
SELECT again(), again(', key => ''{b}''');
ALTER TABLE kept RENAME x TO a;
SELECT again();
ALTER TABLE kept ALTER a TYPE bigint;
SELECT again();
ALTER TABLE kept ALTER a TYPE integer;
SELECT again();
-- ... and its key.
ALTER TABLE kept DROP CONSTRAINT kept_pkey;
SELECT again(), again(', key => ''{a}''');
ALTER TABLE kept ADD PRIMARY KEY (c);
SELECT again(), again(', key => ''{a}''');
ALTER TABLE kept DROP CONSTRAINT kept_pkey, ADD PRIMARY KEY (b);
SELECT again();
BEGIN;
ALTER TABLE kept DROP CONSTRAINT kept_pkey, ADD PRIMARY KEY (b, a);
SELECT again();
ROLLBACK;
SELECT again();
BEGIN;
ALTER TABLE kept ADD e integer;
SAVEPOINT s;
ALTER TABLE kept DROP b;
SELECT again();
ROLLBACK TO s;
SELECT again();
ROLLBACK;
SELECT again();
-- A table of the same name, and one that hides it.
ALTER TABLE kept RENAME TO was_kept;
CREATE TABLE kept (b text PRIMARY KEY, a integer, c integer);
INSERT INTO kept VALUES ('k2', 2, 2), ('k33', 0, 1);
SELECT again();
CREATE TEMP TABLE kept (a integer PRIMARY KEY, b text, c integer);
INSERT INTO pg_temp.kept VALUES (1, 'k', 1), (2, 'k', 1);
SELECT again();
DROP TABLE pg_temp.kept;
SELECT again();
DROP TABLE kept;
ALTER TABLE was_kept RENAME TO kept;
SELECT again();
-- Types and operators of the same name elsewhere.
CREATE SCHEMA hostile;
CREATE DOMAIN hostile.text AS pg_catalog.text CHECK (false);
CREATE FUNCTION hostile.same(pg_catalog.text, pg_catalog.text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR hostile.= (FUNCTION = hostile.same, LEFTARG = pg_catalog.text, RIGHTARG = pg_catalog.text);
SELECT again();
SET search_path = hostile, pg_catalog, public;
SELECT count(*) FROM more.rows_in(NULL::kept, more.rowset(ARRAY['a', 'b'], ARRAY[1, 2], ARRAY['k11'::pg_catalog.text, 'k2'])) AS r WHERE r.c < 30;
RESET search_path;
SELECT again();

-- Rights, and row security.
SELECT again();
GRANT SELECT ON calls TO PUBLIC;
SET ROLE regress_kept_a;
SELECT again();
RESET ROLE;
GRANT SELECT ON kept TO regress_kept_a;
GRANT SELECT (a, b) ON kept TO regress_kept_b;
SET ROLE regress_kept_a;
SELECT again();
SET ROLE regress_kept_b;
SELECT again();
RESET ROLE;
-- a role that may read the columns, not the table, has a statement of its own each time: it takes no place of those that are kept
GRANT SELECT (c) ON kept TO regress_kept_b;
CREATE VIEW kept_statements AS SELECT count(*) AS n FROM pg_backend_memory_contexts WHERE name = 'pg_more kept statement';
CREATE TABLE kept_before AS SELECT n FROM kept_statements;
SET ROLE regress_kept_b;
SELECT again(), again(), again(', key => ''{a}''');
RESET ROLE;
SELECT kept_before.n > 0 AS some, kept_statements.n - kept_before.n AS more FROM kept_statements JOIN kept_before ON true;
GRANT SELECT ON kept TO regress_kept_b;
ALTER TABLE kept ENABLE ROW LEVEL SECURITY;
CREATE POLICY odd ON kept TO regress_kept_a USING (c % 2 = 1);
CREATE POLICY even ON kept TO regress_kept_b USING (c % 2 = 0);
SELECT again();
SET ROLE regress_kept_a;
SELECT again(), again();
SELECT count(*) FROM more.rows_in(NULL::kept, more.rowset(ARRAY['a', 'b'], ARRAY[1, 2], ARRAY['k11', 'k2'])) AS r WHERE r.c < 30;
SET ROLE regress_kept_b;
SELECT again(), again();
SET row_security = off;
SELECT again();
RESET row_security;
SELECT again();
RESET ROLE;
ALTER POLICY even ON kept USING (c % 2 = 0 AND c > 2);
SET ROLE regress_kept_b;
SELECT again();
RESET ROLE;
REVOKE SELECT ON kept FROM regress_kept_b;
SET ROLE regress_kept_b;
SELECT again();
RESET ROLE;
ALTER TABLE kept DISABLE ROW LEVEL SECURITY;

-- Views, partitions, and what has no rows yet.
CREATE VIEW seen AS SELECT a, b, c FROM kept WHERE c < 20;
SELECT compare(v), compare(v) FROM (VALUES ('SELECT * FROM more.rows_in(NULL::seen, more.rowset(ARRAY[''a''], ARRAY[1, 2]), key => ''{a}'') AS r WHERE c > 0')) AS t (v);
CREATE OR REPLACE VIEW seen AS SELECT a, b, c FROM kept WHERE c > 20;
SELECT compare(v), compare(v) FROM (VALUES ('SELECT * FROM more.rows_in(NULL::seen, more.rowset(ARRAY[''a''], ARRAY[1, 2]), key => ''{a}'') AS r WHERE c > 0')) AS t (v);
CREATE MATERIALIZED VIEW made AS SELECT a, b, c FROM kept;
SELECT compare(v), compare(v) FROM (VALUES ('SELECT * FROM more.rows_in(NULL::made, more.rowset(ARRAY[''a''], ARRAY[1, 2]), key => ''{a}'') AS r WHERE c > 0')) AS t (v);
REFRESH MATERIALIZED VIEW made WITH NO DATA;
SELECT compare(v), compare(v) FROM (VALUES ('SELECT * FROM more.rows_in(NULL::made, more.rowset(ARRAY[''a''], ARRAY[1, 2]), key => ''{a}'') AS r WHERE c > 0')) AS t (v);

-- Prepared statements, whose parameters are in the arguments.
PREPARE by_arrays(integer[], text[]) AS SELECT c FROM more.rows_in(NULL::kept, more.rowset(ARRAY['a', 'b'], $1, $2), key => '{a,b}') AS r WHERE c > 0 ORDER BY c;
PREPARE by_json(integer, more.rowset) AS SELECT c FROM more.rows_in(NULL::kept, $2, key => '{a,b}') AS r WHERE c > $1 ORDER BY c;
SET plan_cache_mode = force_generic_plan;
SELECT calls_of($$EXECUTE by_arrays('{1,2}', '{k11,k2}')$$);
SELECT calls_of($$EXECUTE by_json(0, '[{"a": 1, "b": "k11"}]')$$);
EXECUTE by_arrays('{1,2}', '{k11,k2}');
EXECUTE by_json(0, '[{"a": 1, "b": "k11"}]');
SET plan_cache_mode = force_custom_plan;
EXECUTE by_arrays('{1,2}', '{k11,k2}');
EXECUTE by_json(0, '[{"a": 1, "b": "k11"}]');
RESET plan_cache_mode;

-- Other data: JSON, more rows than are sorted, arguments that are subqueries or have a collation.
SELECT compare('SELECT * FROM more.rows_in(NULL::kept, ''[{"a": 1, "b": "k11"}]'', key => ''{a,b}'') AS r WHERE c > 0');
SELECT compare('SELECT * FROM more.rows_in(NULL::kept, ''[{"a": 1, "b": "k11"}, {"a": 2, "b": "k2"}]'', key => ''{a,b}'') AS r WHERE c > 0');
SELECT compare('SELECT * FROM more.rows_in(NULL::kept, ''[{"a": 1}]'', key => ''{a,b}'') AS r WHERE c > 0');
SELECT compare('SELECT * FROM more.rows_in(NULL::kept, more.rowset(ARRAY[''a'', ''b''], (SELECT array_agg(g % 10) FROM generate_series(1, 20) g), (SELECT array_agg(''k'' || g) FROM generate_series(1, 20) g)), key => ''{a,b}'') AS r WHERE c > 0');
SELECT compare('SELECT * FROM more.rows_not_in(NULL::kept, more.rowset(ARRAY[''a'', ''b''], ARRAY[1, 2], ARRAY[''k11'', ''k2'']), key => ''{a,b}'') AS r WHERE c > 0');
SELECT compare('SELECT * FROM more.rows_in(NULL::kept, more.rowset(ARRAY[''a''], (SELECT array_agg(g) FROM generate_series(1, 20000) AS g)), key => ''{a}'') AS r WHERE c > 0');
SELECT compare('SELECT * FROM kept AS k WHERE EXISTS (SELECT FROM more.rows_in(NULL::kept, more.rowset(ARRAY[''a'', ''b''], ARRAY[1, 2], ARRAY[''k11'', ''k2'']), key => ''{a,b}'') AS r WHERE r.c = k.c)');
-- More different calls than are kept.
DO $$
BEGIN
	FOR i IN 1..40 LOOP
		EXECUTE format('CREATE TABLE many%s (a integer PRIMARY KEY, b integer)', i);
		EXECUTE format('INSERT INTO many%s SELECT g, %s FROM generate_series(1, 5) AS g', i, i);
	END LOOP;
END $$;
SELECT result, count(*) FROM generate_series(1, 40) AS i, generate_series(1, 2) AS turn,
	compare(format('SELECT * FROM more.rows_in(NULL::many%s, more.rowset(ARRAY[''a''], ARRAY[1, 9]), key => ''{a}'') AS r WHERE r.b = %s', i, i)) AS result GROUP BY 1;
-- The extension is made anew: the functions in the statement are others.
SELECT again();
DROP EXTENSION pg_more;
CREATE EXTENSION pg_more;
SELECT again(), again();
DROP OWNED BY regress_kept_a, regress_kept_b;
DROP ROLE regress_kept_a, regress_kept_b;
