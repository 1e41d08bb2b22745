-- Values get the type of the target's column: from JSON, from arrays, nested ones too.
\set ECHO none
\i sql/include/setup.sql
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- Every common scalar type, from JSON strings and numbers, there and back.
CREATE TABLE scalar (
	id integer PRIMARY KEY, b boolean, i2 smallint, i8 bigint, f4 real, f8 double precision, n numeric, np numeric(10,3),
	t text, v varchar(5), c char(4), by bytea, d date, ti time, tz timestamptz, ts timestamp, iv interval, u uuid, ip inet,
	bits bit(3), m money, x xml, p point, "char" "char", nm name, o oid, reg regclass, ts_v tsvector, lsn pg_lsn
);
SELECT more.bulk_insert('scalar', '[{"id":1,"b":true,"i2":-5,"i8":9223372036854775807,"f4":1.5,"f8":1e-300,"n":123456789012345678901234567890.5,"np":1.0005,
	"t":"tab\t\"q\" \u00e9","v":"abcde","c":"ab","by":"\\x00ff41","d":"2024-02-29","ti":"12:34:56.789","tz":"2024-02-29T12:00:00+02:00","ts":"2024-02-29 12:00",
	"iv":"P1DT2H","u":"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11","ip":"10.0.0.0/8","bits":"101","p":"(1,2)","char":"x","nm":"a name","o":4000000000,"reg":"pg_catalog.pg_class",
	"ts_v":"a b","lsn":"1/2"}]');
SELECT id, b, i2, i8, f4, f8, n, np, t, v, c || '|' AS c, by FROM scalar;
SELECT d, ti, tz, ts, iv, u, ip, bits, p, "char", nm, o, reg, ts_v, lsn = '1/2' AS lsn FROM scalar;
-- numbers and booleans as strings, strings from numbers and booleans: what the type's input reads
SELECT more.bulk_insert('scalar', '[{"id":"2","b":"yes","i2":"7","n":"NaN","f8":"-Infinity","t":12.50},{"id":3,"b":1,"t":true,"v":false},{"id":4,"b":"0","t":{"a": [1, 2]},"n":"1e3","v":[1,2]}]');
SELECT id, b, i2, n, f8, t, v FROM scalar WHERE id > 1 ORDER BY id;
-- an empty string is not null
SELECT more.bulk_update('scalar', '[{"id":2,"t":"","v":null}]');
SELECT id, t = '' AS empty, v IS NULL AS nothing FROM scalar WHERE id = 2;
-- too long, too large
SELECT more.bulk_update('scalar', '[{"id":2,"v":"abcdef"}]');
SELECT more.bulk_update('scalar', '[{"id":2,"np":12345678}]');
SELECT more.bulk_update('scalar', '[{"id":2,"bits":"10"}]');
-- trailing spaces fit in, as in an assignment
SELECT more.bulk_update('scalar', '[{"id":2,"v":"abc      "}]');
SELECT '[' || v || ']' AS v FROM scalar WHERE id = 2;

-- json and jsonb: any JSON value; a string stays a string; null is NULL, as everywhere
CREATE TABLE doc (id integer PRIMARY KEY, j json, b jsonb, js json[], bs jsonb[]);
SELECT more.bulk_insert('doc', '[{"id":1,"j":{"b": 1,  "a":[1,2]},"b":{"b": 1,  "a":[1,2]}},{"id":2,"j":"text \"q\"","b":"{\"a\":1}"},{"id":3,"j":1.50,"b":true},{"id":4,"j":null,"b":null},
	{"id":5,"js":[{"a":1},[1,2],"s",null,3],"bs":[{"a":1},[1,2],"s",null,3]},{"id":6,"js":[],"bs":[[]]}]');
SELECT *, jsonb_typeof(b) FROM doc ORDER BY id;
-- typed values: json text in arrays is read as JSON, wherever the rowset was in between
SELECT more.bulk_update('doc', more.rowset(ARRAY['id', 'j', 'b'], ARRAY[1, 2, 3], ARRAY['{"x":1}', '"s"', NULL], ARRAY['{"x":1}', '2', NULL]::text[]));
SELECT id, j, b FROM doc WHERE id < 4 ORDER BY id;
CREATE TABLE kept AS SELECT more.rowset(ARRAY['id', 'j', 'b'], ARRAY[1, 2, 3], ARRAY['{"y":1}', '"t"', NULL], ARRAY['{"y":1}', '3', NULL]::text[]) AS d;
SELECT more.bulk_update('doc', d) FROM kept;
SELECT id, j, b FROM doc WHERE id < 4 ORDER BY id;
SELECT more.bulk_update('doc', more.rowset(ARRAY['id', 'b'], ARRAY[1, 2], ARRAY['{"z":1}', 'null']::jsonb[]));
SELECT id, b, b IS NULL AS is_null FROM doc WHERE id < 3 ORDER BY id;

-- Data columns that are not the target's: typed ones keep their type, JSON ones are text, wherever the rowset was in between
CREATE TABLE ex (id integer PRIMARY KEY, v text);
INSERT INTO ex VALUES (1, 'x');
SELECT more.bulk_update('ex', more.rowset(ARRAY['id','a','b'], ARRAY[1], ARRAY[9], ARRAY[10]), set => ARRAY['v = pg_typeof(data.a) || '' '' || (data.a < data.b)']);
SELECT v FROM ex;
WITH kept AS MATERIALIZED (SELECT more.rowset(ARRAY['id','a','b'], ARRAY[1], ARRAY[9], ARRAY[10]) AS d)
SELECT more.bulk_update('ex', d, set => ARRAY['v = pg_typeof(data.a) || '' '' || (data.a < data.b)']) FROM kept;
SELECT v FROM ex;
SELECT more.bulk_update('ex', '[{"id":1,"a":9,"b":10}]', set => ARRAY['v = pg_typeof(data.a) || '' '' || (data.a < data.b)']);
SELECT v FROM ex;

-- Arrays: from JSON arrays of any depth, or from the server's own notation
CREATE TABLE arr (id integer PRIMARY KEY, i integer[], t text[], n numeric(6,1)[], d date[], by bytea[]);
SELECT more.bulk_insert('arr', '[{"id":1,"i":[1,null,3],"t":["a","b c","","NULL",null,"q\"\\,{}"],"n":[1.25,2],"d":["2024-01-01"],"by":["\\x01"]},
	{"id":2,"i":[[1,2],[3,4]],"t":[["a"],["b"]]},{"id":3,"i":[],"t":[]},{"id":4,"i":"{5,6}","t":"{x,\"y z\"}"},{"id":5,"i":"[2:3]={7,8}"},{"id":6,"i":null},{"id":7,"t":[1,true,{"a":1}],"i":["1"]}]');
SELECT * FROM arr ORDER BY id;
SELECT array_length(t, 1), t[4] = 'NULL' AS word, t[5] IS NULL AS nothing, t[6] FROM arr WHERE id = 1;
SELECT more.bulk_update('arr', '[{"id":1,"i":[1,"x"]}]');
SELECT * FROM outcome($$SELECT more.bulk_update('arr', '[{"id":1,"i":{"a":1}}]')$$) LIMIT 1;
SELECT * FROM outcome($$SELECT more.bulk_update('arr', '[{"id":1,"i":5}]')$$) LIMIT 1;
SELECT * FROM outcome($$SELECT more.bulk_update('arr', '[{"id":1,"i":[[1,2],[3]]}]')$$) LIMIT 1;

-- Composites: from JSON objects, nested with arrays, or from the server's own notation
CREATE TYPE inner_type AS (x integer, y text, z date[]);
CREATE TYPE outer_type AS (a inner_type, list inner_type[], note text);
ALTER TYPE outer_type ADD ATTRIBUTE gone integer;
ALTER TYPE outer_type DROP ATTRIBUTE gone;
ALTER TYPE outer_type ADD ATTRIBUTE last boolean;
CREATE TABLE comp (id integer PRIMARY KEY, o outer_type, i inner_type, many outer_type[]);
SELECT more.bulk_insert('comp', '[{"id":1,"i":{"x":1,"y":"a \"b\" \\ ,()"},"o":{"a":{"x":2,"z":["2024-01-01",null]},"list":[{"x":3},{"y":""},null],"note":null,"last":true}},
	{"id":2,"i":{},"o":{"note":"only"},"many":[{"note":"n"},{"list":[{"y":"deep","z":["2024-02-29"]}]}]},{"id":3,"i":"(4,q,)"}]');
SELECT * FROM comp ORDER BY id;
SELECT (i).y, (o).a.z[1], (o).list[2].y = '' AS empty, (o).list[1].y IS NULL AS nothing, (o).last FROM comp WHERE id = 1;
SELECT (many[2]).list[1].z FROM comp WHERE id = 2;
SELECT more.bulk_update('comp', '[{"id":1,"i":{"x":"bad"}}]');
SELECT more.bulk_update('comp', '[{"id":1,"i":{"q":1}}]');
SELECT * FROM outcome($$SELECT more.bulk_update('comp', '[{"id":1,"i":[1,"a"]}]')$$) LIMIT 1;
-- typed
SELECT more.bulk_update('comp', more.rowset(ARRAY['id', 'i'], ARRAY[3], ARRAY[(9, 'typed', NULL)::inner_type]));
SELECT i FROM comp WHERE id = 3;

-- Ranges and multiranges
CREATE TABLE ran (id integer PRIMARY KEY, r int4range, d daterange, m int4multirange);
SELECT more.bulk_insert('ran', '[{"id":1,"r":"[1,5)","d":"[2024-01-01,)","m":"{[1,3),[5,7)}"},{"id":2,"r":"empty"}]');
SELECT * FROM ran ORDER BY id;
SELECT more.bulk_update('ran', '[{"id":1,"r":"[5,1)"}]');
SELECT more.bulk_update('ran', more.rowset(ARRAY['id', 'r'], ARRAY[2], ARRAY['[7,9]'::int4range]));
SELECT * FROM ran ORDER BY id;

-- Domains: their constraints are checked, with the place
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN filled AS text NOT NULL CHECK (VALUE <> '');
CREATE DOMAIN tags AS text[] CHECK (cardinality(VALUE) < 3);
CREATE DOMAIN pos_type AS inner_type CHECK ((VALUE).x > 0);
CREATE TABLE dom (id positive PRIMARY KEY, f filled DEFAULT 'f', t tags, p positive[], c pos_type);
SELECT more.bulk_insert('dom', '[{"id":1,"f":"x","t":["a","b"],"p":[1,2],"c":{"x":1}},{"id":2}]');
SELECT * FROM dom ORDER BY id;
SELECT * FROM outcome($$SELECT more.bulk_insert('dom', '[{"id":3},{"id":-3}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('dom', '[{"id":1,"f":""}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('dom', '[{"id":1,"f":null}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('dom', '[{"id":1,"t":["a","b","c"]}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('dom', '[{"id":1,"p":[1,0]}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('dom', '[{"id":1,"c":{"x":0}}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('dom', more.rowset(ARRAY['id','f'], ARRAY[1], ARRAY['']))$$);
SELECT * FROM outcome($$SELECT more.bulk_update('dom', more.rowset(ARRAY['id','f'], ARRAY[1], ARRAY[NULL]::text[]))$$);
SELECT more.bulk_update('dom', more.rowset(ARRAY['id', 'f', 't'], ARRAY[1, 2], ARRAY['typed', 'too'], ARRAY[['z'], ['y']]));
SELECT * FROM dom ORDER BY id;

-- A domain that refuses nulls does so for an absent column too, as in a plain INSERT.
CREATE DOMAIN never_null AS integer NOT NULL;
CREATE DOMAIN checked AS integer CHECK (VALUE IS NOT NULL AND VALUE > 0);
CREATE TABLE with_domains (id integer PRIMARY KEY, a never_null, b checked DEFAULT 1, c checked);
SELECT outcome FROM outcome($$SELECT more.bulk_insert('with_domains', '[{"id":1,"c":1},{"id":2,"a":1,"c":1}]')$$) LIMIT 1;
SELECT outcome FROM outcome($$SELECT more.bulk_insert('with_domains', '[{"id":1,"a":1},{"id":2,"a":1,"c":1}]')$$) LIMIT 1;
SELECT outcome FROM outcome($$SELECT more.bulk_upsert('with_domains', '[{"id":1,"c":1},{"id":2,"a":1,"c":1}]')$$) LIMIT 1;
SELECT outcome FROM outcome($$SELECT more.bulk_get_or_create(NULL::with_domains, '[{"id":1,"a":1},{"id":2,"a":1,"c":1}]')$$) LIMIT 1;
SELECT more.bulk_insert('with_domains', '[{"id":1,"a":1,"c":1},{"id":2,"a":2,"b":2,"c":2}]');
SELECT * FROM with_domains ORDER BY id;

-- Enums, as values and as keys
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE feel (m mood PRIMARY KEY, past mood[], n integer);
SELECT more.bulk_insert('feel', '[{"m":"happy","past":["ok",null]},{"m":"sad"}]');
SELECT more.bulk_upsert('feel', '[{"m":"ok","n":2},{"m":"happy","n":3}]');
SELECT * FROM feel ORDER BY m;
SELECT more.bulk_update('feel', '[{"m":"glad","n":1}]');
SELECT more.bulk_update('feel', more.rowset(ARRAY['m', 'n'], ARRAY['sad', 'ok'], ARRAY[10, 20]));
SELECT more.bulk_update('feel', more.rowset(ARRAY['m', 'n'], ARRAY['happy']::mood[], ARRAY[30]));
SELECT m, n FROM feel ORDER BY m;

-- Keys of many types; equality is the type's own
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE keyed (i bigint, n numeric, t text, ci text COLLATE nocase, c char(5), f float8, d date, u uuid, b bytea, a integer[], bo boolean, e mood, j jsonb, r int4range, iv interval, hit integer DEFAULT 0);
INSERT INTO keyed VALUES (1, 1.0, 'a', 'Abc', 'x', 'NaN', '2024-01-01', '00000000-0000-0000-0000-000000000001', '\x00', '{1,2}', true, 'ok', '{"a":1}', '[1,3)', '1 day');
SELECT k, more.bulk_update('keyed', json_build_array(json_build_object(k, v, 'hit', 1)), key => ARRAY[k]) AS found
FROM (VALUES ('i', '1'), ('n', '1.000'), ('t', 'a'), ('ci', 'aBC'), ('c', 'x  '), ('f', 'NaN'), ('d', '2024-01-01'), ('u', '00000000-0000-0000-0000-000000000001'),
	('b', '\x00'), ('a', '{1,2}'), ('bo', 't'), ('e', 'ok'), ('r', '[1,2]'), ('iv', '24 hours')) AS x(k, v) ORDER BY k;
SELECT more.bulk_update('keyed', '[{"j":{"a": 1.0},"hit":2}]', key => '{j}');
SELECT more.bulk_update('keyed', '[{"t":"A","hit":1}]', key => '{t}');
-- what is equal to the type is the same key
SELECT * FROM outcome($$SELECT more.bulk_update('keyed', '[{"n":1,"hit":1},{"n":1.00,"hit":2}]', key => '{n}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('keyed', '[{"ci":"abc","hit":1},{"ci":"ABC","hit":2}]', key => '{ci}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('keyed', '[{"c":"x","hit":1},{"c":"x ","hit":2}]', key => '{c}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('keyed', '[{"f":0,"hit":1},{"f":"-0","hit":2}]', key => '{f}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('keyed', '[{"t":"a","hit":1},{"t":"A","hit":2}]', key => '{t}')$$);
-- long keys that begin alike
CREATE TABLE long (k text PRIMARY KEY, v integer);
INSERT INTO long SELECT repeat('same beginning ', 10) || g, g FROM generate_series(1, 100) AS g;
SELECT more.bulk_update('long', (SELECT json_agg(json_build_object('k', k, 'v', -v) ORDER BY md5(k)) FROM long));
SELECT count(*) FROM long WHERE k = repeat('same beginning ', 10) || -v;

-- A key is never rounded to one that is there: what does not fit the column exactly is an error, and what fits is found.
CREATE TABLE whole (id integer PRIMARY KEY, day date UNIQUE, v integer DEFAULT 0);
INSERT INTO whole VALUES (1, '2024-01-01'), (2, '2024-01-02');
SELECT more.bulk_update('whole', more.rowset(ARRAY['id', 'v'], ARRAY[1.0, 2]::float8[], ARRAY[1, 2]));
SELECT more.bulk_update('whole', more.rowset(ARRAY['id', 'v'], ARRAY[1, 2]::bigint[], ARRAY[3, 4]));
SELECT more.bulk_update('whole', more.rowset(ARRAY['id', 'v'], ARRAY[1.4]::numeric[], ARRAY[5]));
SELECT more.bulk_delete('whole', more.rowset(ARRAY['id'], ARRAY[1.6]::float8[]));
SELECT more.bulk_delete('whole', more.rowset(ARRAY['day'], ARRAY['2024-01-01 13:00']::timestamp[]), key => '{day}');
SELECT more.bulk_delete('whole', '[{"id":1.4}]');
SELECT * FROM whole ORDER BY id;
-- nor is it by the column's modifier
CREATE TABLE modified (n numeric(5,2) PRIMARY KEY, at timestamp(0) UNIQUE, v integer DEFAULT 0);
INSERT INTO modified VALUES (1.24, '2024-01-01 12:00:01');
SELECT more.bulk_update('modified', '[{"n":1.2351,"v":1}]');
SELECT more.bulk_update('modified', '[{"n":1.24,"v":1}]'), more.bulk_update('modified', '[{"n":"1.240","v":2}]');
SELECT * FROM more.rows_in(NULL::modified, '[{"n":1.24}]');
SELECT more.bulk_delete('modified', '[{"n":1.2351}]');
SELECT more.bulk_delete('modified', more.rowset(ARRAY['n'], ARRAY[1.239]));
SELECT more.bulk_delete('modified', '[{"at":"2024-01-01 12:00:00.9"}]', key => '{at}');
SELECT more.bulk_upsert('modified', '[{"n":1.2351,"at":"2024-01-01 12:00:02","v":9}]', set => '{v}');
SELECT * FROM modified;

-- Long values, stored out of line, written back unchanged where absent
CREATE TABLE long_value (id integer PRIMARY KEY, t text, u text);
ALTER TABLE long_value ALTER t SET STORAGE external;
SELECT more.bulk_insert('long_value', json_build_array(json_build_object('id', 1, 't', repeat('x', 100000), 'u', repeat('y', 100000)), json_build_object('id', 2)));
SELECT more.bulk_update('long_value', '[{"id":1,"u":"short"},{"id":2,"t":"now","u":null}]');
SELECT id, length(t), u FROM long_value ORDER BY id;
SELECT ordinal, length((result).t) FROM more.bulk_update_returning(NULL::long_value, '[{"id":2,"u":"x"},{"id":1,"u":"z"}]');
-- rows of 850 columns that lack some of them, which are more columns and flags than a row of the server can have
DO $$
BEGIN
	EXECUTE (SELECT 'CREATE TABLE widest (id integer PRIMARY KEY, ' || string_agg(format('c%s integer DEFAULT -%s', i, i), ', ') || ')'
			 FROM generate_series(2, 850) AS i);
END
$$;
CREATE FUNCTION wide_row(id integer, start integer, step integer) RETURNS text LANGUAGE sql AS $$
	SELECT format('{"id": %s, ', id) || string_agg(format('"c%s": %s', i, i + id), ', ' ORDER BY i) || '}'
	FROM generate_series(start, 850, step) AS i
$$;
CREATE FUNCTION wide_rows(first integer) RETURNS more.rowset LANGUAGE sql AS $$
	SELECT ('[' || wide_row(first, 2, 1) || ', ' || wide_row(first + 1, 3, 2) || ', ' || wide_row(first + 2, 850, 1) || ']')::more.rowset
$$;
CREATE FUNCTION show_wide() RETURNS TABLE (id integer, c2 integer, c3 integer, c849 integer, c850 integer, sum bigint) LANGUAGE sql AS $$
	SELECT id, c2, c3, c849, c850, (SELECT sum(value::integer) FROM jsonb_each_text(to_jsonb(w))) FROM widest AS w ORDER BY id
$$;
SELECT more.bulk_insert('widest', wide_rows(1));
SELECT * FROM show_wide();
SELECT more.bulk_upsert('widest', wide_rows(2));
SELECT * FROM show_wide();
SELECT * FROM more.bulk_sync('widest', wide_rows(3));
SELECT * FROM more.bulk_sync('widest', wide_rows(3));
SELECT * FROM show_wide();
SELECT ordinal, status, (result).c2, (result).c850 FROM more.bulk_update_returning(NULL::widest, wide_rows(4), skip_unchanged => true);
SELECT ordinal, status, (result).c2, (result).c850 FROM more.bulk_insert_returning(NULL::widest, wide_rows(5), on_conflict => 'ignore');
SELECT ordinal, status, (result).c2, (result).c850 FROM more.bulk_get_or_create(NULL::widest, wide_rows(6));
SET pg_more.rows_source = arrays;
SELECT more.bulk_update('widest', wide_rows(3)), more.bulk_upsert('widest', wide_rows(8));
RESET pg_more.rows_source;
SELECT * FROM show_wide();
