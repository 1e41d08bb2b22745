-- pg_more.rows_in: a call of rows_in, rows_not_in or rows_missing in FROM is planned as the join that it stands for.
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
-- The plan of a query, and why calls were left alone.
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line !~ 'pg_more: ' THEN RETURN NEXT line; END IF;
	END LOOP;
END $$;
CREATE FUNCTION why(query text) RETURNS SETOF text LANGUAGE sql AS
	$$SELECT reason FROM more.explain_rewrites(query) WHERE rewrite = 'rows_in' AND NOT applied$$;
-- The rewritten statement, run as it is printed.
CREATE FUNCTION printed(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	rows text[];
	others text[];
BEGIN
	SELECT sql INTO statement FROM more.explain_rewrites(query) WHERE rewrite = 'rows_in' AND applied;
	PERFORM set_config('pg_more.rewrites', 'off', true);
	EXECUTE format('SELECT coalesce(array_agg(q::text ORDER BY q::text COLLATE "C"), ''{}'') FROM (%s) AS q', rtrim(statement, ';')) INTO rows;
	EXECUTE format('SELECT coalesce(array_agg(q::text ORDER BY q::text COLLATE "C"), ''{}'') FROM (%s) AS q', query) INTO others;
	PERFORM set_config('pg_more.rewrites', 'on', true);
	RETURN CASE WHEN rows = others THEN 'the same ' || cardinality(rows) || ' rows' ELSE format('%s instead of %s', rows, others) END;
END $$;

CREATE TABLE pkg (id integer, gone integer, md5 text, sha2 text, size integer, PRIMARY KEY (md5, id));
ALTER TABLE pkg DROP COLUMN gone;
INSERT INTO pkg VALUES (1, 'a', 'A', 10), (2, 'b', NULL, 20), (3, 'c', 'C', 30), (4, 'a', 'X', 40), (5, 'e', NULL, NULL), (0, 'z', 'Z', 0);
CREATE TABLE big (a integer, b integer, c text, d integer, PRIMARY KEY (a, b));
INSERT INTO big SELECT g, g % 7, 'c' || g, g % 100 FROM generate_series(1, 20000) AS g;
CREATE INDEX ON big (d);
ANALYZE pkg, big;
SET pg_more.composite_in = off;
SET pg_more.array_join = off;
SET pg_more.hashed_case = off;
SET pg_more.rows_in = force;
\set ECHO all

-- The plan is that of the hand-written join; filters, order and LIMIT go through it.
SELECT plan($$SELECT * FROM more.rows_in(NULL::big, '[{"a":5,"b":5},{"a":77,"b":0},{"a":9,"b":1}]') AS r WHERE r.d < 50 LIMIT 2$$);
SELECT plan($$SELECT t.* FROM big AS t JOIN (VALUES (5, 5), (77, 0), (9, 1)) AS v(a, b) USING (a, b) WHERE t.d < 50 LIMIT 2$$);
SELECT plan($$SELECT r.c, p.size FROM pkg AS p JOIN more.rows_in(NULL::big, '[{"a":5,"b":5},{"a":77,"b":0}]') AS r ON r.d = p.size ORDER BY r.a$$);
SELECT plan($$SELECT count(*) FROM more.rows_not_in(NULL::big, '[{"a":5},{"a":77}]', key => '{a}') AS r WHERE r.d = 3$$);
SELECT plan($$SELECT * FROM more.rows_missing(NULL::big, '[{"a":5,"b":5,"d":1},{"a":-1,"b":0}]')$$);
SELECT plan($$SELECT * FROM more.rows_in(NULL::big, '[{"lo":5,"hi":6},{"lo":9,"hi":11}]', match => 'target.a BETWEEN data.lo::integer AND data.hi::integer')$$);
-- More than 10,000 rows are not sorted for it; the planner knows how many there are.
SELECT plan(format('SELECT * FROM more.rows_in(NULL::big, %L)', (SELECT json_agg(json_build_object('a', g, 'b', 1)) FROM generate_series(1, 10001) AS g)));

-- The same rows.
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1},{"md5":"c","id":3},{"md5":"zz","id":1}]')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"id":1,"md5":"a","size":999},{"id":3,"md5":"c"},{"id":1,"md5":"a"}]')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '{"md5":["a","e","a",null]}', key => '{md5}')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, more.rowset(ARRAY['sha2','md5'], ARRAY['A',NULL], ARRAY['a','b']), '{md5,sha2}')$$);
SELECT compare($$SELECT * FROM more.rows_in(key => ARRAY['sha2'], data => '[{"sha2":null},{"sha2":"C"}]', target => NULL::pkg)$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[]')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","sha2":"A"},{"md5":"b","sha2":"B"},{"md5":"a","sha2":"A"}]',
	match => 'target.md5 = data.md5 AND (target.sha2 = data.sha2 OR target.sha2 IS NULL)')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"from":15,"to":30}]', match => 'target.size BETWEEN data."from"::integer AND data."to"::integer')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', match => 'size > 15 AND data.md5 IS NOT NULL')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{}]', match => 'target.size > 15')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[]', match => 'target.size > 15')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, more.rowset(ARRAY['k'], ARRAY[10, 20]), match => 'target.size = data.k')$$);
SELECT compare($$SELECT * FROM more.rows_not_in(NULL::pkg, '[{"md5":"a"},{"md5":"e"}]', key => '{md5}')$$);
SELECT compare($$SELECT * FROM more.rows_not_in(NULL::pkg, '[{"sha2":"A"},{"sha2":null}]', key => '{sha2}')$$);
SELECT compare($$SELECT * FROM more.rows_not_in(NULL::pkg, '[{"size":20}]', match => 'target.size <= data.size')$$);
SELECT compare($$SELECT * FROM more.rows_not_in(NULL::pkg, '[]')$$);
SELECT compare($$SELECT * FROM more.rows_missing(NULL::pkg, '[{"md5":"z","id":9,"size":1},{"md5":"a","id":1},{"id":2,"md5":"a"},{"md5":"c","id":null},{"md5":"z","id":9}]')$$);
SELECT compare($$SELECT * FROM more.rows_missing(NULL::pkg, '[{"sha2":"Q","size":5},{"sha2":"A"},{"sha2":null,"size":6}]', key => '{sha2}')$$);
SELECT compare($$SELECT * FROM more.rows_missing(NULL::pkg, '[{"sha2":"B","md5":"b"},{"sha2":"B","md5":"c"},{"md5":"q","hint":"x"}]',
	match => 'target.md5 = data.md5 AND (target.sha2 = data.sha2 OR target.sha2 IS NULL OR data.hint = ''y'')')$$);
SELECT compare($$SELECT * FROM more.rows_missing(NULL::pkg, '[]')$$);
-- in the order of the data
SELECT md5, size FROM more.rows_missing(NULL::pkg, '[{"md5":"z","id":9,"size":1},{"md5":"b","id":1},{"md5":"a","id":7},{"md5":"z","id":8}]');
-- in any place that FROM can be in
SELECT compare($$SELECT count(*), sum(size) FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}')$$);
SELECT compare($$SELECT r, r.size, r IS NULL FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r$$);
SELECT compare($$SELECT (r).md5, row_to_json(r) FROM (SELECT r FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r OFFSET 0) AS s$$);
SELECT compare($$SELECT p.id, r, r.d FROM pkg AS p LEFT JOIN more.rows_in(NULL::big, '[{"a":2,"b":2},{"a":3,"b":3}]') AS r ON r.a = p.id + 1$$);
SELECT compare($$SELECT (r).c, row_to_json(r) FROM (SELECT r FROM more.rows_in(NULL::big, '[{"a":2,"b":2},{"a":3,"b":3}]') AS r OFFSET 0) AS s$$);
SELECT compare($$SELECT r, count(*) FROM more.rows_missing(NULL::big, '[{"a":2,"b":3},{"a":3,"b":3}]') AS r GROUP BY r$$);
SELECT compare($$SELECT p.id, r, r.size FROM pkg AS p LEFT JOIN more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r ON r.id = p.id + 1$$);
SELECT compare($$SELECT id, a, d FROM pkg FULL JOIN more.rows_in(NULL::big, '[{"a":3,"b":3},{"a":8,"b":1}]') AS r ON r.a = pkg.id$$);
SELECT compare($$SELECT x, z FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r(x, y, z)$$);
SELECT compare($$WITH w AS (SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}')) SELECT * FROM w WHERE size > 10$$);
SELECT compare($$WITH d AS (SELECT '[{"md5":"a"}]'::more.rowset AS d) SELECT * FROM more.rows_in(NULL::pkg, (SELECT d FROM d), '{md5}')$$);
SELECT compare($$WITH d AS (SELECT '[{"md5":"a"}]'::more.rowset AS d) SELECT * FROM more.rows_not_in(NULL::pkg, (SELECT d FROM d), '{md5}')$$);
SELECT compare($$SELECT id FROM pkg WHERE id IN (SELECT r.id FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r)$$);
SELECT compare($$SELECT id, (SELECT count(*) FROM more.rows_not_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r WHERE r.size > p.size) FROM pkg AS p$$);
SELECT compare($$SELECT id FROM pkg AS p WHERE NOT EXISTS (SELECT FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r WHERE r.size > p.size)$$);
SELECT compare($$SELECT id FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') UNION ALL SELECT id FROM more.rows_not_in(NULL::pkg, '[{"md5":"a"}]', '{md5}')$$);
SELECT compare($$SELECT size > 10, count(*) FROM more.rows_not_in(NULL::pkg, '[{"md5":"c"}]', '{md5}') GROUP BY size > 10 HAVING count(*) > 0$$);
SELECT compare($$SELECT l.x, r.id FROM (VALUES (10), (40)) AS l(x), LATERAL (SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r WHERE r.size = l.x) AS r$$);
SELECT compare($$SELECT a.id, b.id FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS a JOIN more.rows_not_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS b ON a.size > b.size$$);

-- What is printed runs and gives the same rows.
SELECT printed($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1},{"md5":"c","id":3}]') WHERE size > 5$$);
SELECT printed($$SELECT z, y FROM more.rows_not_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r(x, y, z)$$);
SELECT printed($$SELECT r, r.c FROM more.rows_in(NULL::big, '[{"a":5,"b":5}]') AS r(a, x)$$);
SELECT why($$SELECT r FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r$$);
SELECT printed($$SELECT r.md5, r.size FROM more.rows_missing(NULL::pkg, '[{"md5":"a","size":3},{"md5":"q","size":4}]', '{md5}') AS r$$);
SELECT printed($$SELECT * FROM more.rows_in(NULL::pkg, '[{"from":15,"to":30}]', match => 'target.size BETWEEN data."from"::integer AND data."to"::integer')$$);
SELECT sql FROM more.explain_rewrites($$SELECT r.id FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1}]') AS r WHERE r.size > 5$$) WHERE applied;

-- Errors about the data are those of the call, raised where it is reached.
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1},{"md5":"a"}]')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1},{"md5":"a","id":"x"}]')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1,"nothing":1}]')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1}]', '{nothing}')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1}]', '{}')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1}]', '{md5,md5}')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1}]', '{md5}', 'target.size = 1')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1}]', match => 'target.size = data.nothing')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1}]', match => 'target.size = ')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1}]', match => 'target.size = 1 / 0 AND data.id IS NOT NULL')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, NULL)$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::integer, '[]') AS r(x)$$);
SELECT compare($$SELECT * FROM more.rows_missing(NULL::pkg, '[{"md5":"q","id":1,"size":"x"}]')$$);
SELECT outcome($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1},{"md5":"a","id":"x"}]')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":"x"}]') LIMIT 0$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1}]', '{nothing}') LIMIT 0$$);
SELECT compare($$SELECT CASE WHEN true THEN 1 ELSE (SELECT count(*) FROM more.rows_in(NULL::pkg, ('[' || 'x')::more.rowset)) END$$);
-- A condition that may fail sees only the rows that the call returns; one that cannot goes to the table.
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r WHERE 100 / r.size > 5$$);
SELECT plan($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r WHERE 100 / r.size > 5 AND r.id > 1$$);
SELECT compare($$SELECT * FROM (SELECT 100 / size AS x FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}')) AS s WHERE x > 5$$);
SELECT compare($$SELECT * FROM (SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}')) AS s JOIN pkg AS p ON p.id = 10 / s.size$$);
SELECT compare($$WITH w AS (SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}')) SELECT * FROM w WHERE 100 / size > 5$$);
SELECT compare($$SELECT id FROM pkg WHERE id IN (SELECT 100 / r.size FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r)$$);
-- A volatile one is called for these alone.
CREATE SEQUENCE calls;
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r WHERE nextval('calls') + r.id > 0$$);
SELECT last_value FROM calls;

-- Why calls are left alone.
SET pg_more.rows_in = on;
SELECT why($$SELECT * FROM more.rows_in(NULL::big, '[{"a":5,"b":5}]') AS r WHERE d > 3$$);
SELECT plan($$SELECT * FROM more.rows_in(NULL::big, '[{"a":5,"b":5}]') AS r WHERE d > 3$$);
SELECT count(*) FROM plan($$SELECT * FROM more.rows_in(NULL::big, '[{"a":5,"b":5}]') AS r JOIN pkg ON id = a WHERE d > 3$$) AS line WHERE line ~ '_rows_of';
SELECT count(*) FROM plan($$SELECT * FROM more.rows_in(NULL::big, '[{"d":5}]', '{d}') AS r WHERE a < 300$$) AS line WHERE line ~ '_rows_of';
SET pg_more.rows_in = force;
SELECT why($$SELECT * FROM more.rows_in(NULL::pkg, '[]') AS r, more.rows_in(NULL::pkg, '[]') WITH ORDINALITY AS s$$);
SELECT why($$SELECT * FROM more.rows_in(NULL::pkg, '[]') AS r, ROWS FROM (more.rows_in(NULL::pkg, '[]'), generate_series(1, 2)) AS s$$);
SELECT why($$SELECT * FROM (VALUES ('[]'::more.rowset)) AS d(d), more.rows_in(NULL::pkg, d)$$);
SELECT why($$SELECT * FROM pkg, more.rows_in(pkg, '[]')$$);
SELECT why($$SELECT * FROM more.rows_in(NULL::pkg, format('[{"id": %s}]', random())::json)$$);
SELECT why($$SELECT * FROM more.rows_in(NULL::pkg, '[]', $1::text[])$$);
SELECT why($$SELECT * FROM more.rows_in(NULL::pkg, '[]', NULL, $1)$$);
SELECT why($$SELECT * FROM more.rows_in(NULL::pkg, $1, match => 'target.id = data.other::integer')$$);
SELECT why($$SELECT * FROM more.rows_missing(NULL::pkg, $1, match => 'target.id = data.id')$$);
SELECT why($$SELECT * FROM more.rows_in(NULL::pkg, '[{"id":1}]', match => 'target.id = data.id AND random() < 2')$$);
SELECT why($$SELECT * FROM more.rows_in(NULL::pkg, '[]') AS r WHERE random() < r.id$$);
SELECT why($$SELECT * FROM more.rows_in(NULL::pkg, '[{"id":1}]', match => 'target.id = nothing.id')$$);
SET pg_more.rows_source = arrays;
SELECT why($$SELECT * FROM more.rows_in(NULL::pkg, '[]')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}')$$);
RESET pg_more.rows_source;
-- a call in the target list
SELECT (more.rows_in(NULL::pkg, '[{"md5":"b"}]', key => '{md5}')).size;

-- Other targets.
CREATE VIEW small AS SELECT id, md5 FROM pkg WHERE size < 35;
CREATE MATERIALIZED VIEW kept AS SELECT id, md5 FROM pkg;
CREATE MATERIALIZED VIEW unfilled AS SELECT id, md5 FROM pkg WITH NO DATA;
CREATE TABLE parted (k integer PRIMARY KEY, v text) PARTITION BY RANGE (k);
CREATE TABLE part1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE part2 (v text, k integer NOT NULL);
ALTER TABLE parted ATTACH PARTITION part2 FOR VALUES FROM (10) TO (20);
INSERT INTO parted SELECT g, 'v' || g FROM generate_series(1, 19) AS g;
CREATE TABLE parent (k integer, v text);
CREATE TABLE child (w text) INHERITS (parent);
INSERT INTO parent VALUES (1, 'p');
INSERT INTO child VALUES (1, 'c', 'w'), (2, 'd', 'w');
CREATE TEMPORARY TABLE passing (k integer PRIMARY KEY);
INSERT INTO passing VALUES (1), (2);
CREATE DOMAIN email AS text CHECK (value LIKE '%@%');
CREATE TABLE "Odd ""t" ("select" email, "#ordinal" varchar(3), "a.b" numeric(4,1), "#1" text COLLATE "POSIX", PRIMARY KEY ("select", "#ordinal"));
INSERT INTO "Odd ""t" VALUES ('x@y', 'abc', 1.5, 'q'), ('z@y', 'd', 2.5, 'r');
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
SELECT compare($$SELECT * FROM more.rows_in(NULL::small, '[{"md5":"a"},{"md5":"c"}]', key => '{md5}')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::kept, '[{"md5":"a"},{"md5":"c"}]', key => '{md5}')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::unfilled, '[{"md5":"a"}]', key => '{md5}')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::unfilled, '[{"md5":"a"}]', key => '{md5}') LIMIT 0$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::parted, '[{"k":3},{"k":14},{"k":99}]') AS r WHERE r.k > 5$$);
SELECT compare($$SELECT r FROM more.rows_not_in(NULL::part2, '[{"k":14}]', '{k}') AS r$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::parent, '[{"k":1}]', '{k}')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::child, '[{"k":1}]', '{k}')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::passing, '[{"k":1}]')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::"Odd ""t", '[{"select":"x@y","#ordinal":"abc"},{"select":"z@y","#ordinal":"dddd"}]')$$);
SELECT compare($$SELECT * FROM more.rows_missing(NULL::"Odd ""t", '[{"select":"z@y","#ordinal":"dddd","a.b":1.25,"#1":"x"}]') AS r$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::"Odd ""t", '[{"select":"nowhere","#ordinal":"abc"}]')$$);
SELECT compare($$SELECT * FROM more.rows_not_in(NULL::"Odd ""t", '[{"#1":"q"}]', match => 'target."#1" = data."#1"')$$);
SELECT printed($$SELECT * FROM more.rows_in(NULL::"Odd ""t", '[{"select":"x@y","#ordinal":"abc"}]') AS "R ""r"$$);
SELECT compare($$SELECT r FROM more.rows_in(NULL::nothing, '[{"x":1}]', match => 'data.x IS NOT NULL') AS r$$);
SELECT compare($$SELECT count(*) FROM more.rows_not_in(NULL::pg_class, '[{"relname":"pg_proc"}]', '{relname}') WHERE oid < 16384$$);
-- names that are looked up: the search path of the statement
CREATE SCHEMA other;
CREATE FUNCTION other.bound() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 30';
CREATE FUNCTION public.bound() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 10';
PREPARE bounded AS SELECT id FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', match => 'target.size >= bound() AND data.md5 = target.md5') ORDER BY id;
EXECUTE bounded;
SET search_path = other, public;
EXECUTE bounded;
RESET search_path;
EXECUTE bounded;

-- Prepared statements: custom plans know the data, generic ones do not.
PREPARE find(more.rowset) AS SELECT id, size FROM more.rows_in(NULL::pkg, $1, '{md5}') AS r WHERE size > 5 ORDER BY id;
EXPLAIN (COSTS OFF) EXECUTE find('[{"md5":"a"}]');
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE find('[{"md5":"a"}]');
EXECUTE find('[{"md5":"a"}]');
EXECUTE find('[{"md5":"a"},{"md5":"c"},{"md5":"c"}]');
EXECUTE find('[]');
EXECUTE find(NULL);
EXECUTE find('[{"id":1}]');
EXECUTE find('[{"md5":"a","x":1}]');
PREPARE find_json(text) AS SELECT count(*) FROM more.rows_not_in(NULL::pkg, $1, match => 'target.size = data.size');
SELECT count(*) FROM plan($$EXECUTE find_json('[{"size":10}]')$$) AS line WHERE line ~ '_rows_of';
EXECUTE find_json('[{"size":10}]');
EXECUTE find_json('[]');
EXECUTE find_json('[{"md5":"a"}]');
PREPARE find_missing(jsonb) AS SELECT r FROM more.rows_missing(NULL::pkg, $1, '{md5}') AS r;
EXECUTE find_missing('[{"md5":"q","size":4},{"md5":"a"},{"md5":"p","id":3}]');
-- the plan is made anew when the table changes
CREATE INDEX ON pkg (size);
ALTER TABLE pkg ADD COLUMN extra text DEFAULT 'x';
EXECUTE find('[{"md5":"a"}]');
EXECUTE find_missing('[{"md5":"q","size":4}]');
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}')$$);
ALTER TABLE pkg DROP COLUMN extra;
EXECUTE find('[{"md5":"a"}]');
ALTER TABLE pkg ALTER COLUMN sha2 TYPE varchar(10);
EXECUTE find('[{"md5":"a"}]');
PREPARE find_size AS SELECT size FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') ORDER BY 1;
EXECUTE find_size;
DROP VIEW small;
ALTER TABLE pkg ALTER COLUMN size TYPE bigint;
EXECUTE find_size;
ALTER TABLE pkg ALTER COLUMN size TYPE integer;
EXECUTE find_size;

-- Privileges and row security: the caller's, whoever planned it.
CREATE ROLE regress_rows_reader;
CREATE ROLE regress_rows_keys;
CREATE ROLE regress_rows_owner;
GRANT USAGE ON SCHEMA public TO regress_rows_reader, regress_rows_keys, regress_rows_owner;
GRANT SELECT ON pkg TO regress_rows_reader;
GRANT SELECT (id, md5) ON pkg TO regress_rows_keys;
EXECUTE find('[{"md5":"a"}]');
SET ROLE regress_rows_reader;
EXECUTE find('[{"md5":"a"}]');
SELECT compare($$SELECT id FROM more.rows_in(NULL::big, '[{"a":1,"b":1}]') AS r(id)$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::big, '[{"a":1,"b":1}]') LIMIT 0$$);
SET ROLE regress_rows_keys;
EXECUTE find('[{"md5":"a"}]');
SELECT compare($$SELECT id FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1}]')$$);
SELECT compare($$SELECT * FROM more.rows_missing(NULL::pkg, '[{"md5":"a","id":1},{"md5":"a","id":8}]')$$);
RESET ROLE;
CREATE POLICY mine ON pkg USING (size < 25);
ALTER TABLE pkg ENABLE ROW LEVEL SECURITY;
EXECUTE find('[{"md5":"a"}]');
SET ROLE regress_rows_reader;
EXECUTE find('[{"md5":"a"}]');
EXPLAIN (COSTS OFF) EXECUTE find('[{"md5":"a"}]');
SELECT why($$SELECT id FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}')$$);
SELECT compare($$SELECT * FROM more.rows_not_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r$$);
SELECT compare($$SELECT * FROM more.rows_missing(NULL::pkg, '[{"md5":"a","id":4},{"md5":"a","id":1}]') AS r$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":4}]') AS r$$);
-- as each setting asks for, also where a plan is kept
SET row_security = off;
EXECUTE find('[{"md5":"a"}]');
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}')$$);
SELECT compare($$SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') LIMIT 0$$);
RESET row_security;
EXECUTE find('[{"md5":"a"}]');
RESET ROLE;
EXECUTE find('[{"md5":"a"}]');
SET row_security = off;
EXECUTE find('[{"md5":"a"}]');
RESET row_security;
-- below a view, row security is the view's: its calls are left alone
CREATE TABLE called_for (a integer);
GRANT SELECT ON called_for TO PUBLIC;
CREATE VIEW seen WITH (security_barrier) AS SELECT id, md5, size FROM pkg;
ALTER VIEW seen OWNER TO regress_rows_reader;
GRANT SELECT ON seen TO regress_rows_keys;
SET ROLE regress_rows_keys;
SELECT compare($$SELECT * FROM more.rows_in(NULL::seen, '[{"md5":"a"}]', '{md5}')$$);
SELECT why($$SELECT * FROM more.rows_in(NULL::seen, '[{"md5":"a"}]', '{md5}')$$);
SET ROLE regress_rows_reader;
SELECT why($$SELECT * FROM more.rows_in(NULL::called_for, '[{"a":1}]', match => 'target.a = data.a AND EXISTS (SELECT FROM pkg WHERE id = target.a)')$$);
RESET ROLE;
-- a view with the call in it runs it as the caller; so does a function, unless it is SECURITY DEFINER
CREATE VIEW called AS SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}');
CREATE VIEW called_barrier WITH (security_barrier) AS SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}');
GRANT SELECT ON called, called_barrier TO PUBLIC;
CREATE FUNCTION find_here(d more.rowset) RETURNS SETOF integer LANGUAGE plpgsql AS
	$$BEGIN RETURN QUERY SELECT id FROM more.rows_in(NULL::public.pkg, d, '{md5}'); END$$;
CREATE FUNCTION find_there(d more.rowset) RETURNS SETOF integer LANGUAGE sql SECURITY DEFINER SET search_path = public AS
	$$SELECT id FROM more.rows_in(NULL::pkg, d, '{md5}')$$;
SELECT compare('SELECT * FROM called WHERE size > 5');
SELECT compare('SELECT * FROM called_barrier WHERE size > 5');
SELECT find_here('[{"md5":"a"},{"md5":"c"}]');
SELECT find_there('[{"md5":"a"},{"md5":"c"}]');
SET ROLE regress_rows_reader;
SELECT compare('SELECT * FROM called WHERE size > 5');
SELECT compare('SELECT * FROM called_barrier WHERE size > 5');
SELECT find_here('[{"md5":"a"},{"md5":"c"}]');
SELECT find_there('[{"md5":"a"},{"md5":"c"}]');
SET ROLE regress_rows_keys;
SELECT compare('SELECT * FROM called WHERE size > 5');
SELECT find_here('[{"md5":"a"},{"md5":"c"}]');
RESET ROLE;
SELECT find_here('[{"md5":"a"},{"md5":"c"}]');
RESET plan_cache_mode;
ALTER TABLE pkg DISABLE ROW LEVEL SECURITY;

-- Statements that write, lock, or fetch.
EXPLAIN (COSTS OFF) UPDATE pkg SET size = r.size + 1 FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r WHERE r.id = pkg.id;
UPDATE pkg SET size = r.size + 1 FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r WHERE r.id = pkg.id RETURNING pkg.id, pkg.size, r;
DELETE FROM pkg USING more.rows_in(NULL::pkg, '[{"md5":"b"}]', '{md5}') AS r WHERE r.id = pkg.id RETURNING r.id;
INSERT INTO pkg SELECT * FROM more.rows_missing(NULL::pkg, '[{"md5":"b","id":2},{"md5":"a","id":1}]') RETURNING *;
WITH gone AS (DELETE FROM pkg WHERE md5 = 'b' RETURNING id) SELECT gone.id, r.id FROM gone, more.rows_in(NULL::pkg, '[{"md5":"b"}]', '{md5}') AS r;
EXPLAIN (COSTS OFF) SELECT pkg.id FROM pkg JOIN more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r ON r.id = pkg.id FOR UPDATE OF pkg;
SELECT pkg.id FROM pkg JOIN more.rows_in(NULL::pkg, '[{"md5":"a"}]', '{md5}') AS r ON r.id = pkg.id ORDER BY 1 FOR UPDATE OF pkg;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM more.rows_in(NULL::pkg, '[{"md5":"a"},{"md5":"c"}]', '{md5}') ORDER BY id;
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
FETCH ABSOLUTE 3 FROM c;
COMMIT;

-- An error that is not about the call goes on, and whoever catches it finds the transaction as it should be.
CREATE FUNCTION full_disk(integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
	$$BEGIN RAISE 'no space left' USING ERRCODE = 'disk_full'; END$$;
CREATE TABLE done (what text);
DO $$
BEGIN
	INSERT INTO done VALUES ('not undone');
	BEGIN
		INSERT INTO done VALUES ('undone');
		PERFORM * FROM more.rows_in(NULL::pkg, '[{"id":1}]', match => 'target.id = data.id AND full_disk(1)');
	EXCEPTION WHEN OTHERS THEN
		INSERT INTO done VALUES (SQLERRM);
	END;
END $$;
SELECT what FROM done;
BEGIN;
COMMIT;

-- Functions of the user's whose names and arguments look like those of the extension's.
CREATE FUNCTION public._rows_of(integer, integer, integer, integer, integer) RETURNS SETOF record LANGUAGE plpgsql AS
	$$BEGIN RETURN QUERY SELECT 3; END$$;
SELECT a FROM public._rows_of(1, 5, 1, 1, 1) AS r(a integer) WHERE a = 3;

-- In a parallel query the data is decoded by each worker, unless its types forbid that.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT plan($$SELECT count(*) FROM more.rows_in(NULL::big, '[{"a":5,"b":5},{"a":77,"b":0}]')$$);
SELECT compare($$SELECT count(*), sum(a) FROM more.rows_in(NULL::big, '[{"a":5,"b":5},{"a":77,"b":0}]')$$);
SELECT plan($$SELECT count(*) FROM more.rows_in(NULL::"Odd ""t", '[{"select":"x@y"}]', '{select}')$$);
DROP OWNED BY regress_rows_reader, regress_rows_keys, regress_rows_owner;
DROP ROLE regress_rows_reader, regress_rows_keys, regress_rows_owner;
-- Typed arrays: their values tell how many differ, so that the data is what is hashed. Data that is long to send is not sent to parallel workers.
CREATE TABLE scanned AS SELECT g AS a, 'b' || g AS b FROM generate_series(1, 20000) AS g;
ANALYZE scanned;
SET pg_more.rows_in = force;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET enable_nestloop = off;
SET enable_mergejoin = off;
PREPARE typed(integer[], text[]) AS SELECT count(*) FROM more.rows_in(NULL::scanned, more.rowset(ARRAY['a', 'b'], $1, $2), key => '{a,b}');
CREATE FUNCTION plan_of(sql text) RETURNS TABLE (parallel boolean, restricted boolean, hashed text) LANGUAGE plpgsql AS $$
DECLARE
	line text;
	inside boolean;
BEGIN
	parallel := false;
	restricted := false;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || sql LOOP
		parallel := parallel OR line ~ 'Parallel Seq Scan on scanned';
		restricted := restricted OR line ~ '_rows_of_restricted';
		IF inside AND hashed IS NULL THEN hashed := substring(line FROM 'Scan on (\w+)'); END IF;
		inside := coalesce(inside, false) OR line ~ '->  (Parallel )?Hash$';
	END LOOP;
	RETURN NEXT;
END $$;
SELECT * FROM plan_of(format('EXECUTE typed(%L, %L)', (SELECT array_agg(g) FROM generate_series(1, 500) AS g), (SELECT array_agg('b' || g) FROM generate_series(1, 500) AS g)));
EXECUTE typed('{1,2,3}', '{b1,b2,x}');
PREPARE json(text) AS SELECT count(*) FROM more.rows_in(NULL::scanned, $1, key => '{a,b}');
SELECT * FROM plan_of(format('EXECUTE json(%L)', (SELECT json_agg(json_build_object('a', g, 'b', 'b' || g)) FROM generate_series(1, 500) AS g)));
SELECT * FROM plan_of(format('EXECUTE json(%L)', (SELECT json_agg(json_build_object('a', g, 'b', repeat('x', 10000) || g)) FROM generate_series(1, 500) AS g)));
-- To estimate, functions that are not immutable are not called, and no error is raised that the call would not raise.
CREATE FUNCTION look() RETURNS integer[] STABLE LANGUAGE plpgsql AS $$BEGIN RAISE 'called'; END $$;
SELECT count(*) FROM scanned AS s WHERE CASE WHEN s.a < 0 THEN EXISTS (SELECT FROM more.rows_in(NULL::scanned, more.rowset(ARRAY['a'], look()))) END;
