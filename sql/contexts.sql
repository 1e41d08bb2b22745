-- Where verbs can be called: functions, blocks, prepared statements, loops, subtransactions, and after the table changed.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE acc (id integer PRIMARY KEY, v text, n integer DEFAULT 0);
CREATE VIEW show AS SELECT * FROM acc ORDER BY id;

-- SQL functions and plpgsql functions, with the rowset as an argument.
CREATE FUNCTION put(d more.rowset) RETURNS bigint LANGUAGE sql AS $$SELECT more.bulk_upsert('acc', d)$$;
CREATE FUNCTION put_all(VARIADIC d more.rowset[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	one more.rowset;
	total bigint := 0;
BEGIN
	FOREACH one IN ARRAY d LOOP
		total := total + more.bulk_upsert('acc', one);
	END LOOP;
	RETURN total;
END $$;
SELECT put('[{"id":1,"v":"a"}]');
SELECT put_all('[{"id":1,"v":"A"},{"id":2,"v":"b"}]', '[]', '[{"id":3,"v":"c"},{"id":1,"v":"AA"}]');
-- a function with the arguments of each verb passed on
CREATE FUNCTION pass(t regclass, d more.rowset, k text[], s text[]) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN more.bulk_update(t, d, k, s); END$$;
SELECT pass('acc', '[{"id":2,"n":5}]', NULL, '{n = target.n + data.n}'), pass('acc', '[{"v":"c","n":6}]', '{v}', NULL);
TABLE show;
-- one call for each row of a query
SELECT g, put(json_build_array(json_build_object('id', g, 'n', g * 10))) FROM generate_series(1, 4) AS g;
TABLE show;

-- DO blocks, loops, cursors.
DO $$
DECLARE
	r record;
	c CURSOR FOR SELECT * FROM more.bulk_update_returning(NULL::acc, '[{"id":3,"n":33},{"id":1,"n":11},{"id":9,"n":99}]');
BEGIN
	FOR i IN 1 .. 20 LOOP
		PERFORM more.bulk_update('acc', json_build_array(json_build_object('id', 2, 'n', i)));
	END LOOP;
	FOR r IN c LOOP
		RAISE NOTICE '%', r;
	END LOOP;
	FOR r IN SELECT * FROM more.rows_in(NULL::acc, '[{"id":1},{"id":2}]') ORDER BY id LOOP
		PERFORM more.bulk_delete('acc', json_build_array(json_build_object('id', r.id)));
		RAISE NOTICE 'deleted %', r;
	END LOOP;
END $$;
TABLE show;
BEGIN;
DECLARE held SCROLL CURSOR WITH HOLD FOR SELECT ordinal, status FROM more.bulk_upsert_returning(NULL::acc, '[{"id":2,"v":"b"},{"id":1,"v":"a"}]');
FETCH 1 FROM held;
COMMIT;
FETCH ALL FROM held;
FETCH FIRST FROM held;
CLOSE held;
TABLE show;

-- Prepared statements, generic and custom.
PREPARE put (text) AS SELECT more.bulk_upsert('acc', $1);
PREPARE put_json (json) AS SELECT more.bulk_upsert('acc', $1);
PREPARE put_arrays (integer[], text[]) AS SELECT more.bulk_upsert('acc', more.rowset(ARRAY['id', 'v'], $1, $2));
PREPARE put_untyped AS SELECT more.bulk_upsert('acc', $1);
SET plan_cache_mode = force_generic_plan;
EXECUTE put('[{"id":5,"v":"e"}]');
EXECUTE put('[{"v":"E","id":5},{"id":6,"n":66}]');
EXECUTE put_json('[{"id":6,"v":"f"}]');
EXECUTE put_arrays('{7,5}', '{g,EE}');
EXECUTE put_untyped('[{"id":8,"v":"h"}]');
SET plan_cache_mode = force_custom_plan;
EXECUTE put('[{"id":5,"v":"eeee"}]');
EXECUTE put_arrays('{7,5}', '{ggg,EEE}');
EXECUTE put_untyped('[{"id":8,"v":"hhh"}]');
RESET plan_cache_mode;
EXECUTE put(NULL);
TABLE show;

-- Subtransactions: what is rolled back is gone, and the session goes on with the same plans.
BEGIN;
SAVEPOINT a;
SELECT more.bulk_update('acc', '[{"id":5,"v":"gone"},{"id":6,"v":"gone"}]');
SAVEPOINT b;
SELECT more.bulk_update('acc', '[{"id":5,"v":"x"},{"id":6,"n":"x"}]');
ROLLBACK TO b;
SELECT more.bulk_update('acc', '[{"id":5,"v":"gone too"}]');
ROLLBACK TO a;
SELECT more.bulk_update('acc', '[{"id":5,"v":"stays"}]');
COMMIT;
DO $$
DECLARE
	data text[] := ARRAY['[{"id":5,"v":"one","n":1}]', '[{"id":5,"v":"two","n":"x"}]', '[{"id":5', '[{"id":5,"v":"three"},{"id":5,"v":"four"}]', '[{"id":5,"n":2},{"id":6,"n":2}]'];
	d text;
BEGIN
	FOREACH d IN ARRAY data || data LOOP
		BEGIN
			RAISE NOTICE '%', more.bulk_update('acc', d);
		EXCEPTION WHEN data_exception OR cardinality_violation THEN RAISE NOTICE '%', sqlerrm;
		END;
	END LOOP;
END $$;
SELECT * FROM show WHERE id IN (5, 6);

-- The table changes between two calls of a session, also inside one function whose plans are cached.
CREATE FUNCTION touch() RETURNS TABLE (ordinal bigint, status text, result text) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT r.ordinal, r.status, r.result::text FROM more.bulk_upsert_returning(NULL::acc, '[{"id":5,"v":"5"},{"id":20,"v":"20"}]') AS r;
	PERFORM more.bulk_delete('acc', '[{"id":20}]');
END $$;
SELECT * FROM touch();
ALTER TABLE acc ADD COLUMN extra text DEFAULT 'new';
SELECT * FROM touch();
DROP VIEW show;
ALTER TABLE acc DROP COLUMN n;
SELECT * FROM touch();
ALTER TABLE acc ALTER COLUMN v TYPE varchar(10), ALTER COLUMN id TYPE bigint;
SELECT * FROM touch();
ALTER TABLE acc ALTER COLUMN v TYPE integer USING NULL;
SELECT * FROM touch();
ALTER TABLE acc RENAME COLUMN v TO w;
SELECT * FROM outcome('SELECT * FROM touch()');
ALTER TABLE acc RENAME COLUMN w TO v;
ALTER TABLE acc ALTER COLUMN extra SET DEFAULT 'newer';
SELECT * FROM touch();
ALTER TABLE acc DROP CONSTRAINT acc_pkey;
SELECT * FROM outcome('SELECT * FROM touch()');
ALTER TABLE acc ADD CONSTRAINT other PRIMARY KEY (id);
SELECT * FROM touch();
-- another table of the same name (a plan that has NULL::acc in it cannot survive that, in any function)
CREATE FUNCTION touch_by_name() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	RETURN more.bulk_upsert('acc', '[{"id":5,"v":"5"},{"id":20,"v":"20"}]');
END $$;
SELECT touch_by_name();
DROP TABLE acc;
CREATE TABLE acc (v text, id integer PRIMARY KEY);
SELECT touch_by_name();
SELECT * FROM more.bulk_upsert_returning(NULL::acc, '[{"id":5,"v":"five"},{"id":21,"v":"21"}]');
ALTER TABLE acc RENAME TO was;
CREATE TABLE acc (id integer PRIMARY KEY, z integer DEFAULT 26, v text);
SELECT touch_by_name();
SELECT * FROM more.bulk_upsert_returning(NULL::acc, '[{"id":5,"v":"five"},{"id":21,"v":"21"}]');
SELECT * FROM was ORDER BY id;
CREATE SCHEMA other;
CREATE TABLE other.acc (id integer PRIMARY KEY, v text);
SET search_path = other, public;
SELECT touch_by_name();
SELECT * FROM more.bulk_upsert_returning(NULL::acc, '[{"id":5,"v":"five"},{"id":21,"v":"21"}]');
RESET search_path;
SELECT * FROM acc ORDER BY id;
SELECT * FROM other.acc ORDER BY id;
DROP TABLE acc, was, other.acc;

-- Temporary tables, also ones that vanish at commit.
CREATE TEMP TABLE tmp (id serial PRIMARY KEY, v text);
SELECT * FROM more.bulk_upsert_returning(NULL::tmp, '[{"id":1,"v":"a"},{"id":2,"v":"b"}]');
DROP TABLE tmp;
CREATE TEMP TABLE tmp (v text, id serial PRIMARY KEY);
SELECT * FROM more.bulk_upsert_returning(NULL::tmp, '[{"id":1,"v":"a"},{"id":2,"v":"b"}]');
BEGIN;
CREATE TEMP TABLE passing (id integer PRIMARY KEY, v text) ON COMMIT DROP;
SELECT more.bulk_insert('passing', '[{"id":1,"v":"a"}]');
COMMIT;
BEGIN;
CREATE TEMP TABLE passing (id integer PRIMARY KEY, v text) ON COMMIT DROP;
SELECT more.bulk_upsert('passing', '[{"id":1,"v":"a"}]');
COMMIT;

-- With parallel query forced, and in a read-only transaction.
CREATE TABLE par (id integer PRIMARY KEY, v integer);
INSERT INTO par SELECT g, 0 FROM generate_series(1, 1000) AS g;
SELECT CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END AS parallel \gset
SET :parallel = on;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT more.bulk_update('par', '[{"id":1,"v":1},{"id":2,"v":2}]');
SELECT more.bulk_update('par', (SELECT json_agg(json_build_object('id', id, 'v', id)) FROM par));
SELECT count(*) FROM more.rows_in(NULL::par, (SELECT json_agg(json_build_object('id', g)) FROM generate_series(500, 1500) AS g));
SELECT sum(more.rowset_count(json_build_array(json_build_object('id', id)))) FROM par;
SELECT status, count(*) FROM more.bulk_upsert_returning(NULL::par, '[{"id":1,"v":1},{"id":2000,"v":2}]') GROUP BY status ORDER BY status;
SELECT count(*) FROM par WHERE v = id;
RESET :parallel;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
BEGIN READ ONLY;
SELECT * FROM more.rows_in(NULL::par, '[{"id":3}]');
SELECT * FROM outcome($$SELECT more.bulk_update('par', '[{"id":3,"v":0}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_upsert('tmp', '[{"id":3,"v":"temporary"}]')$$);
ROLLBACK;

-- Rows that the same query, or an earlier command of the same transaction, has written are seen as in plain statements.
BEGIN;
INSERT INTO par VALUES (3000, 0);
SELECT more.bulk_update('par', '[{"id":3000,"v":1}]');
SELECT * FROM more.rows_in(NULL::par, '[{"id":3000}]');
ROLLBACK;
CREATE FUNCTION count_in(d more.rowset) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM more.rows_in(NULL::par, d)$$;
WITH new AS (INSERT INTO par VALUES (4000, 0) RETURNING id) SELECT count_in('[{"id":4000}]') FROM new;
SELECT count_in('[{"id":4000}]');

-- In a view's query, in a RETURNING list: an expression like any other.
CREATE VIEW through AS SELECT id, v FROM more.rows_in(NULL::par, '[{"id":1},{"id":4000}]');
SELECT * FROM through ORDER BY id;
DELETE FROM par WHERE id = 2000 RETURNING more.bulk_insert('par', '[{"id":2001,"v":7}]');
SELECT * FROM par WHERE id BETWEEN 1500 AND 2500;

-- A session that forgets its plans.
DISCARD PLANS;
SELECT more.bulk_update('par', '[{"id":1,"v":10}]');
DISCARD ALL;
SELECT more.bulk_update('par', '[{"id":1,"v":11}]');
SELECT v FROM par WHERE id = 1;

-- More kinds of statements than a session keeps plans for.
DO $$
BEGIN
	FOR i IN 1 .. 150 LOOP
		EXECUTE format('CREATE TABLE t%s (id integer PRIMARY KEY, c%s integer)', i, i);
		PERFORM more.bulk_upsert(('t' || i)::regclass, json_build_array(json_build_object('id', i, 'c' || i, 1)));
	END LOOP;
	FOR i IN 1 .. 150 LOOP
		PERFORM more.bulk_upsert(('t' || i)::regclass, json_build_array(json_build_object('id', i, 'c' || i, 2), json_build_object('id', -i)));
	END LOOP;
END $$;
SELECT * FROM t1 ORDER BY id;
SELECT * FROM t150 ORDER BY id;
