-- rows_in and rows_not_in by a set of the keys: the same rows as by a join.
\set ECHO none
\i sql/include/setup.sql

-- What the two functions give for a table, a list and a key, as a bag of rows.
CREATE FUNCTION found(source text, target text, list text, key text, call text DEFAULT 'rows_in') RETURNS text LANGUAGE plpgsql
SET client_min_messages = warning AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('pg_more.rows_source', source, true);
	EXECUTE format('SELECT count(*) || '' rows '' || coalesce(string_agg(t::text, '' '' ORDER BY t::text COLLATE "C"), '''') FROM more.%I(NULL::%s, %s, key => %L) AS t',
		call, target, list, key) INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate || ' ' || sqlerrm;
END $$;

-- What is found, where a set and a join agree; else both.
CREATE FUNCTION alike(target text, list text, key text DEFAULT NULL, call text DEFAULT 'rows_in') RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN a = b THEN a ELSE 'relation: ' || a || E'\n' || 'keys: ' || b END
	FROM (SELECT found('relation', target, list, key, call) AS a, found('keys', target, list, key, call) AS b) AS _
$$;

-- The condition of the statement that a call runs: shown by a policy that the table has.
CREATE FUNCTION shown() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	context text;
BEGIN
	GET DIAGNOSTICS context = PG_CONTEXT;
	RAISE NOTICE '%', coalesce(substring(context FROM 'more\._is_listed\([^)]*\)'), substring(context FROM 'EXISTS|JOIN|unnest'), 'no list');
	RETURN true;
END $$;

\set ECHO all

-- Types: what is equal and looks different, nulls, keys that repeat.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE types (type text, collation_name text, stored text, listed text);
INSERT INTO types VALUES
	('integer', NULL, '{1,2,3,NULL,2147483647,-2147483648,2}', '{2,3,3,NULL,5,-2147483648}'),
	('bigint', NULL, '{1,9223372036854775807,NULL,0}', '{9223372036854775807,0,0,7}'),
	('numeric', NULL, '{1.0,1.00,1,2.50,NaN,Infinity,-Infinity,0,NULL}', '{1.000,2.5,NaN,-Infinity,-0,NULL}'),
	('numeric(6,2)', NULL, '{1,2.5,3.25,NaN,NULL}', '{1.0000,2.50000,3.254,NaN}'),
	('double precision', NULL, '{0,-0,NaN,Infinity,1e300,NULL}', '{-0,NaN,1e300,NULL}'),
	('real', NULL, '{0,-0,NaN,1.5,0.1,NULL}', '{0,NaN,1.50,0.1}'),
	('text', '"C"', '{a,A,"","a ",ä,NULL}', '{a,"",ä,NULL,a}'),
	('text', NULL, '{a,A,"","a ",ä,NULL}', '{A,"a "}'),
	('text', 'nocase', '{a,A,b,Ä,ä,NULL,""}', '{a,ä,NULL}'),
	('varchar(3)', 'nocase', '{Abc,aBC,x,NULL}', '{ABC,abcd}'),
	('varchar(3)', NULL, '{abc,ab,NULL}', '{abc,abcd,"ab "}'),
	('char(3)', NULL, '{a,"a  ",ab,NULL}', '{"a","ab ",abcd}'),
	('name', NULL, '{a,b,NULL}', '{b,c}'),
	('"char"', NULL, '{a,b,NULL}', '{b,c}'),
	('boolean', NULL, '{t,f,NULL}', '{t,NULL}'),
	('bytea', NULL, '{"\\x00","\\x0000","",NULL}', '{"\\x0000",""}'),
	('uuid', NULL, '{00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-00000000000A,NULL}', '{00000000-0000-0000-0000-00000000000a}'),
	('date', NULL, '{2024-02-29,infinity,-infinity,NULL}', '{2024-02-29,infinity}'),
	('timestamp', NULL, '{"2024-02-29 12:00","2024-02-29 12:00:00.000001",NULL}', '{"2024-02-29 12:00:00"}'),
	('timestamptz', NULL, '{"2024-02-29 12:00+00","2024-02-29 13:00+01",NULL}', '{"2024-02-29 14:00+02"}'),
	('time', NULL, '{00:00,24:00,NULL}', '{24:00}'),
	('timetz', NULL, '{12:00+00,13:00+01,NULL}', '{12:00+00}'),
	('interval', NULL, '{1 day,24 hours,1 mon,30 days,2 days,NULL}', '{24 hours,30 days}'),
	('inet', NULL, '{10.0.0.1,10.0.0.1/8,::1,NULL}', '{10.0.0.1/32,::1}'),
	('macaddr', NULL, '{08:00:2b:01:02:03,NULL}', '{08002b:010203}'),
	('mood', NULL, '{sad,ok,happy,NULL}', '{ok,happy}'),
	('oid', NULL, '{1,4294967295,NULL}', '{4294967295}'),
	('jsonb', NULL, '{"{\"a\": 1}","{\"a\": 1.0}","[]","null",NULL}', '{"{\"a\": 1.00}","null"}'),
	('integer[]', NULL, '{"{1,2}","{1,NULL}","{}","{{1,2}}","[2:3]={1,2}",NULL}', '{"{1,2}","{1,NULL}","{}"}'),
	('numeric[]', NULL, '{"{1.0,2}","{NaN}",NULL}', '{"{1,2.00}","{NaN}"}'),
	('text[]', 'nocase', '{"{a,B}","{A,b}","{a}",NULL}', '{"{a,b}"}'),
	('mood[]', NULL, '{"{sad,ok}","{ok}",NULL}', '{"{ok}"}'),
	('money', NULL, '{1,2,NULL}', '{2}'),
	('bit(3)', NULL, '{101,111,NULL}', '{111}'),
	('int4range', NULL, '{"[1,3)","[1,2]",empty,NULL}', '{"[1,2]",empty}'),
	('tsvector', NULL, '{a b,b a,NULL}', '{a b}');
CREATE FUNCTION typed(type text, collation_name text, stored text, listed text, form text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	list text;
BEGIN
	CREATE TEMP TABLE typed_table (n integer) ON COMMIT DROP;
	EXECUTE format('ALTER TABLE typed_table ADD k %s %s', type, 'COLLATE ' || collation_name);
	EXECUTE format('INSERT INTO typed_table SELECT ordinality, x::%s FROM unnest($1::text[]) WITH ORDINALITY AS u (x)', type) USING stored;
	IF form = 'json' THEN
		list := quote_literal((SELECT json_agg(json_build_object('k', x)) FROM unnest(listed::text[]) AS x)) || '::more.rowset';
	ELSE
		list := format('more.rowset(ARRAY[''k''], %L::text[]::%s[])', listed, regexp_replace(type, '\[\]$|\(6,2\)$', ''));
	END IF;
	RETURN NEXT alike('typed_table', list, '{k}');
	RETURN NEXT alike('typed_table', list, '{k}', 'rows_not_in');
	DROP TABLE typed_table;
END $$;
SELECT type, collation_name AS c, string_agg(r, E'\n') AS found_and_not
FROM types, typed(type, collation_name, stored, listed, 'json') AS r GROUP BY types.ctid, type, c ORDER BY types.ctid;
-- as arrays: where these have the key's own type, and where they are cast
SELECT type, collation_name AS c, string_agg(r, E'\n') AS found_and_not
FROM types, ROWS FROM (typed(type, collation_name, stored, listed, 'arrays'), typed(type, collation_name, stored, listed, 'json')) AS r (r, json)
WHERE type !~ '\[' GROUP BY types.ctid, type, c HAVING NOT bool_and(r = json) ORDER BY types.ctid;

-- Types whose values or comparisons may run a user's code have a join, whatever is asked for; so has what has no hash.
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TYPE pair AS (a integer, b text);
CREATE TABLE kinds (i integer, d positive, p pair, x money, ia integer[], da positive[]);
INSERT INTO kinds VALUES (1, 1, '(1,a)', 1, '{1}', '{1}');
ALTER TABLE kinds ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY kinds ON kinds USING (shown());
CREATE ROLE kinds_user;
GRANT SELECT ON kinds TO kinds_user;
SET pg_more.rows_source = keys;
SET ROLE kinds_user;
SELECT count(*) FROM more.rows_in(NULL::kinds, '[{"i": 1}, {"i": 2}]', key => '{i}');
SELECT count(*) FROM more.rows_in(NULL::kinds, '[{"i": 1, "ia": "{1}"}, {"i": 2, "ia": null}]', key => '{ia,i}');
SELECT count(*) FROM more.rows_not_in(NULL::kinds, '[{"i": 1}, {"i": 2}]', key => '{i}');
SELECT count(*) FROM more.rows_missing(NULL::kinds, '[{"i": 1}, {"i": 2}]', key => '{i}');
SELECT count(*) FROM more.rows_in(NULL::kinds, '[{"d": 1}, {"d": 2}]', key => '{d}');
SELECT count(*) FROM more.rows_in(NULL::kinds, '[{"p": {"a": 1, "b": "a"}}, {"p": null}]', key => '{p}');
SELECT count(*) FROM more.rows_in(NULL::kinds, '[{"x": 1}, {"x": 2}]', key => '{x}');
SELECT count(*) FROM more.rows_in(NULL::kinds, '[{"da": [1]}, {"da": [2]}]', key => '{da}');
SELECT count(*) FROM more.rows_in(NULL::kinds, '[{"i": 1}, {"i": 2}]', match => 'target.i = data.i::integer');
SELECT count(*) FROM more.rows_in(NULL::kinds, '[]', key => '{i}');
RESET ROLE;
-- and so has a table that Citus distributes, whose workers have no set: it tells of its tables in a catalog of its own
BEGIN;
SET LOCAL allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass);
INSERT INTO pg_catalog.pg_dist_partition VALUES ('kinds');
GRANT SELECT ON pg_catalog.pg_dist_partition TO kinds_user;
SET ROLE kinds_user;
SELECT count(*) FROM more.rows_in(NULL::kinds, '[{"i": 1}, {"i": 2}]', key => '{i}');
ROLLBACK;
-- so have casts that may be anybody's function; one between the server's types, which only a superuser makes, cannot ask in turn
CREATE FUNCTION to_mood(integer) RETURNS mood LANGUAGE sql AS $$ SELECT 'ok'::mood $$;
CREATE CAST (integer AS mood) WITH FUNCTION to_mood(integer) AS IMPLICIT;
CREATE FUNCTION to_date(boolean) RETURNS date LANGUAGE plpgsql AS $$
BEGIN
	PERFORM more._is_listed('2024-02-29'::date);
	RAISE NOTICE 'asked';
	RETURN '2024-02-29';
EXCEPTION WHEN OTHERS THEN
	RAISE NOTICE '% %', sqlstate, sqlerrm;
	RETURN '2024-02-29';
END $$;
CREATE CAST (boolean AS date) WITH FUNCTION to_date(boolean) AS IMPLICIT;
CREATE TABLE cast_to (m mood, d date);
INSERT INTO cast_to VALUES ('ok', '2024-02-29'), ('sad', '2024-03-01');
ALTER TABLE cast_to ENABLE ROW LEVEL SECURITY;
CREATE POLICY cast_to ON cast_to USING (m = 'sad' OR shown());
GRANT SELECT ON cast_to TO kinds_user;
SET ROLE kinds_user;
SELECT * FROM more.rows_in(NULL::cast_to, more.rowset(ARRAY['m'], ARRAY[1, 2]), key => '{m}');
SELECT * FROM more.rows_in(NULL::cast_to, more.rowset(ARRAY['d'], ARRAY[true, false]), key => '{d}');
-- what a text means may depend on settings, which a policy could change in the midst
SELECT * FROM more.rows_in(NULL::cast_to, '[{"d": "2024-02-29"}, {"d": "2024-03-01"}]', key => '{d}');
SELECT * FROM more.rows_in(NULL::cast_to, more.rowset(ARRAY['d'], '{2024-02-29,2024-03-01}'::date[]), key => '{d}');
RESET ROLE;
DROP CAST (integer AS mood);
DROP CAST (boolean AS date);
RESET pg_more.rows_source;

-- Keys of several columns, each with its own collation, and a null in any of them.
CREATE TABLE three (a text COLLATE "C", b text COLLATE nocase, c numeric, d integer);
INSERT INTO three SELECT x, y, z, row_number() OVER () FROM unnest('{p,P,NULL}'::text[]) AS x, unnest('{q,Q,NULL}'::text[]) AS y, unnest('{1,1.0,2,NULL}'::numeric[]) AS z;
SELECT alike('three', $$'[{"a": "p", "b": "q", "c": 1.00}, {"a": "P", "b": "Q", "c": 2}, {"a": "p", "b": null, "c": 1}, {"a": null, "b": "q", "c": 2}]'$$, '{a,b,c}');
SELECT alike('three', $$'[{"c": "2.0", "b": "q", "a": "p"}, {"b": "q", "a": null, "c": null}]'$$, '{b,c,a}', 'rows_not_in');
SELECT alike('three', $$'[{"c": 2, "b": "q"}, {"c": 2, "b": "Q"}, {"c": 2, "b": "q"}]'$$, '{b,c}');
SELECT alike('three', $$'[{"d": 1, "a": "other"}, {"d": 2}, {"d": null}]'$$, '{d}');
SELECT alike('three', $$more.rowset(ARRAY['a', 'd'], ARRAY['p', 'p', NULL, 'P'], ARRAY[1, 99, 1, 25]::bigint[])$$, '{d,a}');

-- Random rows and lists, long enough for collisions; long values, stored outside of the row.
CREATE TABLE many AS SELECT i AS id, i % 1000 AS a, CASE WHEN i % 7 > 0 THEN md5((i % 5000)::text) END AS b, repeat(md5(i::text), 200) AS long FROM generate_series(1, 20000) AS i;
ALTER TABLE many ALTER long SET STORAGE EXTERNAL;
CREATE FUNCTION same_as_join(n integer, call text) RETURNS TABLE (same boolean, found bigint) LANGUAGE plpgsql AS $$
DECLARE
	list more.rowset := (SELECT json_agg(json_build_object('a', i % 1300, 'b', CASE WHEN i % 5 > 0 THEN md5((i % 7000)::text) END)) FROM generate_series(1, n) AS i)::more.rowset;
	a bigint[];
	b bigint[];
BEGIN
	SET LOCAL pg_more.rows_source = relation;
	EXECUTE format('SELECT array_agg(id ORDER BY id) FROM more.%I(NULL::many, $1, key => ''{a,b}'')', call) INTO a USING list;
	SET LOCAL pg_more.rows_source = keys;
	EXECUTE format('SELECT array_agg(id ORDER BY id) FROM more.%I(NULL::many, $1, key => ''{a,b}'')', call) INTO b USING list;
	RESET pg_more.rows_source;
	RETURN QUERY SELECT a IS NOT DISTINCT FROM b, coalesce(cardinality(a), 0)::bigint;
END $$;
SELECT n, call, s.* FROM unnest(ARRAY[1, 2, 3, 1000, 12000, 70000]) AS n, unnest(ARRAY['rows_in', 'rows_not_in']) AS call, same_as_join(n, call) AS s;
SET pg_more.rows_source = keys;
SELECT count(*), sum(id) FROM more.rows_in(NULL::many, (SELECT json_agg(json_build_object('long', repeat(md5(i::text), 200))) FROM generate_series(1, 40000, 100) AS i)::more.rowset, key => '{long}');
SELECT count(*), sum(id) FROM more.rows_in(NULL::many, more.rowset(ARRAY['long'], (SELECT array_agg(repeat(md5(i::text), 200)) FROM generate_series(1, 40000, 100) AS i)), key => '{long}');
RESET pg_more.rows_source;
-- one key, many times
SELECT count(*) FROM more.rows_in(NULL::many, (SELECT json_agg(json_build_object('a', 7)) FROM generate_series(1, 50000))::more.rowset, key => '{a}');

-- Which lists have a set by themselves: long ones, beside a table that is not much longer, or that has no index on the key.
ALTER TABLE many ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY many ON many USING (id > 1 OR shown());
GRANT SELECT ON many TO kinds_user;
CREATE FUNCTION list(n integer) RETURNS more.rowset LANGUAGE sql AS $$ SELECT json_agg(json_build_object('id', i))::more.rowset FROM generate_series(1, n) AS i $$;
SET ROLE kinds_user;
SELECT count(*) FROM more.rows_in(NULL::many, list(10000), key => '{id}');
SELECT count(*) FROM more.rows_in(NULL::many, list(10001), key => '{id}');
SELECT count(*) FROM more.rows_not_in(NULL::many, list(10001), key => '{id}');
RESET ROLE;
CREATE INDEX ON many (id);
ANALYZE many;
SET ROLE kinds_user;
SELECT count(*) FROM more.rows_in(NULL::many, list(10001), key => '{id}');
RESET ROLE;
-- as if it were long
CREATE TABLE longer (LIKE many INCLUDING INDEXES) WITH (autovacuum_enabled = off);
INSERT INTO longer SELECT * FROM many WHERE id < 10;
ALTER TABLE longer ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY longer ON longer USING (id > 1 OR shown());
GRANT SELECT ON longer TO kinds_user;
UPDATE pg_class SET relpages = 100000, reltuples = 300000 WHERE oid = 'longer'::regclass;
SET ROLE kinds_user;
SELECT count(*) FROM more.rows_in(NULL::longer, list(10001), key => '{id}');
SELECT count(*) FROM more.rows_not_in(NULL::longer, list(10001), key => '{id}');
RESET ROLE;
DROP INDEX longer_id_idx;
-- and without an index: by parallel workers up to a length
SET ROLE kinds_user;
SET max_parallel_workers_per_gather = 1;
SELECT count(*) FROM more.rows_in(NULL::longer, list(20000), key => '{id}');
SELECT count(*) FROM more.rows_in(NULL::longer, list(30000), key => '{id}');
SET max_parallel_workers_per_gather = 0;
SELECT count(*) FROM more.rows_in(NULL::longer, list(20000), key => '{id}');
RESET max_parallel_workers_per_gather;
RESET ROLE;
DROP TABLE longer;
-- what has grown is as long as it is now, whatever was found when it was last analyzed; so are partitions, which are not analyzed by themselves
CREATE TABLE grown (id integer PRIMARY KEY) WITH (autovacuum_enabled = off);
CREATE TABLE grown_parts (id integer PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE grown_part PARTITION OF grown_parts FOR VALUES FROM (0) TO (1000000) WITH (autovacuum_enabled = off);
CREATE TABLE empty_part PARTITION OF grown_parts FOR VALUES FROM (1000000) TO (2000000) WITH (autovacuum_enabled = off);
INSERT INTO grown SELECT i FROM generate_series(1, 200) AS i;
INSERT INTO grown_parts SELECT i FROM generate_series(1, 200) AS i;
ANALYZE grown, grown_parts;
ALTER TABLE grown ENABLE ROW LEVEL SECURITY;
ALTER TABLE grown_parts ENABLE ROW LEVEL SECURITY;
CREATE POLICY grown ON grown USING (id > 1 OR shown());
CREATE POLICY grown ON grown_parts USING (id > 1 OR shown());
GRANT SELECT ON grown, grown_parts TO kinds_user;
SET ROLE kinds_user;
SELECT count(*) FROM more.rows_in(NULL::grown, list(10001));
SELECT count(*) FROM more.rows_in(NULL::grown_parts, list(10001));
RESET ROLE;
INSERT INTO grown SELECT i FROM generate_series(201, 240000) AS i;
INSERT INTO grown_parts SELECT i FROM generate_series(201, 240000) AS i;
SET ROLE kinds_user;
SELECT count(*) FROM more.rows_in(NULL::grown, list(10001));
SELECT count(*) FROM more.rows_in(NULL::grown_parts, list(10001));
RESET ROLE;
DROP TABLE grown, grown_parts;

-- Row security: what a policy hides is neither found nor told apart.
CREATE TABLE secret (id integer, owner name);
INSERT INTO secret VALUES (1, 'kinds_user'), (2, 'other'), (3, 'kinds_user'), (NULL, 'kinds_user');
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secret USING (owner = current_user);
GRANT SELECT ON secret TO kinds_user;
SET ROLE kinds_user;
SELECT alike('secret', $$'[{"id": 1}, {"id": 2}, {"id": 4}]'$$, '{id}'), alike('secret', $$'[{"id": 1}, {"id": 2}, {"id": 4}]'$$, '{id}', 'rows_not_in');
RESET ROLE;
REVOKE SELECT ON secret FROM kinds_user;
GRANT SELECT (owner) ON secret TO kinds_user;
SET ROLE kinds_user;
SELECT alike('secret', $$'[{"id": 1}]'$$, '{id}');
RESET ROLE;

-- Partitions, children, materialized views, temporary tables; views and foreign tables have a join.
CREATE TABLE parts (id integer, b text) PARTITION BY RANGE (id);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts2 (b text, gone integer, id integer);
ALTER TABLE parts2 DROP gone;
ALTER TABLE parts ATTACH PARTITION parts2 FOR VALUES FROM (10) TO (20);
INSERT INTO parts SELECT i, i FROM generate_series(1, 19) AS i;
CREATE TABLE child (extra integer) INHERITS (three);
INSERT INTO child VALUES ('p', 'q', 5, 100, 1);
CREATE MATERIALIZED VIEW viewed AS SELECT * FROM three;
CREATE VIEW seen AS SELECT a, b, c, d + 1 AS d FROM three;
SELECT alike(target, $$'[{"id": 3}, {"id": 13}, {"id": 33}]'$$, '{id}', call) FROM unnest('{parts,parts1,parts2}'::text[]) AS target, unnest('{rows_in,rows_not_in}'::text[]) AS call;
SELECT alike(target, $$'[{"d": 100}, {"d": 1}]'$$, '{d}') FROM unnest('{three,child,viewed,seen}'::text[]) AS target;

-- Prepared, with other lists, other types of the column, and within the snapshot of the query around.
SET pg_more.rows_source = keys;
PREPARE find AS SELECT b FROM more.rows_in(NULL::parts, $1, key => '{b}') ORDER BY 1;
EXECUTE find('[{"b": 3}, {"b": "5"}]');
EXECUTE find('{"b": ["6", "7", null]}');
DEALLOCATE find;
ALTER TABLE parts ALTER b TYPE integer USING b::integer;
SELECT b FROM more.rows_in(NULL::parts, '[{"b": "08"}, {"b": "9"}]', key => '{b}') ORDER BY 1;
WITH gone AS (DELETE FROM parts WHERE id IN (3, 4) RETURNING id) SELECT id, (SELECT count(*) FROM gone) FROM more.rows_in(NULL::parts, '[{"id": 3}, {"id": 5}]', key => '{id}');
BEGIN;
DECLARE before CURSOR FOR SELECT id FROM more.rows_in(NULL::parts, '[{"id": 5}, {"id": 6}]', key => '{id}') ORDER BY 1;
DELETE FROM parts;
FETCH ALL FROM before;
SELECT id FROM more.rows_in(NULL::parts, '[{"id": 5}, {"id": 6}]', key => '{id}');
ROLLBACK;
SELECT x, (SELECT array_agg(id ORDER BY id) FROM more.rows_in(NULL::parts, json_build_array(json_build_object('id', x), json_build_object('id', x + 10))::more.rowset, key => '{id}')) FROM generate_series(5, 7) AS x;

-- What is wrong in the data.
SELECT outcome(format('SELECT * FROM more.rows_in(NULL::three, %L, key => ''{d,c}'')', data))
FROM unnest(ARRAY['[{"d": 1, "c": 1}, {"d": 2}]', '[{"d": 1, "c": 1}, {"d": 2, "c": "x"}]', '[{"d": 1, "c": 1}, {"d": 1e10, "c": 2}]', '[{"d": 1, "c": 1, "e": 1}]']) AS data;

-- A policy that finds rows itself; and calls that no statement of ours made.
CREATE FUNCTION also(integer) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT EXISTS (SELECT FROM more.rows_in(NULL::parts, json_build_array(json_build_object('id', $1), json_build_object('id', -1))::more.rowset, key => '{id}')) $$;
CREATE TABLE outer_table (id integer, t text);
INSERT INTO outer_table SELECT i, i FROM generate_series(1, 9) AS i;
ALTER TABLE outer_table ENABLE ROW LEVEL SECURITY;
CREATE POLICY also ON outer_table USING (also(id));
GRANT SELECT ON outer_table, parts TO kinds_user;
SET ROLE kinds_user;
SELECT * FROM more.rows_in(NULL::outer_table, '[{"id": 1, "t": "1"}, {"id": 3, "t": "3"}, {"id": 5, "t": "5"}, {"id": 6, "t": "x"}, {"id": 7, "t": "7"}]', key => '{id,t}') ORDER BY id;
RESET ROLE;
SELECT outcome('SELECT more._is_listed(1)');
CREATE FUNCTION guess(what text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	result boolean;
BEGIN
	EXECUTE 'SELECT more._is_listed(' || what || ')' INTO result;
	RAISE NOTICE '%: %', what, result;
	RETURN true;
EXCEPTION WHEN OTHERS THEN
	RAISE NOTICE '%: % %', what, sqlstate, sqlerrm;
	RETURN true;
END $$;
CREATE TABLE guessed (id integer, t text);
INSERT INTO guessed VALUES (1, '1');
ALTER TABLE guessed ENABLE ROW LEVEL SECURITY;
CREATE POLICY guess ON guessed USING (guess('1, ''x''::text') AND guess('2, ''x''::text') AND guess('NULL::integer, ''x''::text') AND guess('1') AND guess('''x''::text, 1') AND guess('1, 2, 3')
	AND guess('VARIADIC ARRAY[1, 2]') AND guess('1::bigint, ''x''::text') AND guess('1, ''x''::varchar'));
GRANT SELECT ON guessed TO kinds_user;
SET ROLE kinds_user;
SELECT * FROM more.rows_in(NULL::guessed, '[{"id": 1, "t": "x"}, {"id": 1, "t": "1"}]', key => '{id,t}');
SELECT * FROM more.rows_in(NULL::guessed, '[{"id": 1}, {"id": 3}]', key => '{id}');
RESET ROLE;
-- the same call of the same function, while keys of one type and then of another are looked for
CREATE FUNCTION again(integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN more._is_listed($1); END $$;
CREATE TABLE again_i (k integer);
CREATE TABLE again_t (k text);
INSERT INTO again_i VALUES (1), (2);
INSERT INTO again_t VALUES ('1'), ('2');
ALTER TABLE again_i ENABLE ROW LEVEL SECURITY;
ALTER TABLE again_t ENABLE ROW LEVEL SECURITY;
CREATE POLICY again ON again_i USING (again(2));
CREATE POLICY again ON again_t USING (again(2));
GRANT SELECT ON again_i, again_t TO kinds_user;
SET ROLE kinds_user;
BEGIN;
SELECT * FROM more.rows_in(NULL::again_i, '[{"k": 1}, {"k": 2}]', key => '{k}');
SELECT outcome($$SELECT * FROM more.rows_in(NULL::again_t, '[{"k": 1}, {"k": 2}]', key => '{k}')$$);
SELECT * FROM more.rows_in(NULL::again_i, '[{"k": 1}, {"k": 3}]', key => '{k}');
COMMIT;
RESET ROLE;
RESET pg_more.rows_source;
DROP OWNED BY kinds_user;
DROP ROLE kinds_user;
