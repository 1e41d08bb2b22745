-- more.rowset from text, json and jsonb: what is read, and what the columns and the count are.
\set ECHO none
\i sql/include/setup.sql

-- An array of objects, one per row.
SELECT '[{"id":1,"name":"ann"},{"id":2,"name":"bob"}]'::more.rowset;

-- An object of arrays, one per column, means the same.
SELECT '{"id":[1,2],"name":["ann","bob"]}'::more.rowset;

-- Both are seen as rows and columns.
SELECT more.rowset_count(d), more.rowset_columns(d)
FROM (VALUES ('[{"id":1,"name":"ann"},{"id":2,"name":"bob"}]'::more.rowset),
	('{"id":[1,2,3],"name":["ann","bob","cid"]}')) AS v(d);

-- Rows of one set may have different columns; absent is not null.
SELECT '[{"a":1},{"b":null},{},{"c":3,"a":4}]'::more.rowset;
SELECT more.rowset_columns('[{"a":1},{"b":null},{},{"c":3,"a":4}]');

-- No rows; rows without columns.
SELECT d, more.rowset_count(d), more.rowset_columns(d)
FROM (VALUES ('[]'::more.rowset), ('{}'), ('[{}]'), ('[{},{}]'), ('{"a":[],"b":[]}')) AS v(d);

-- Every kind of value.
SELECT '[{"string":"x","empty":"","number":-1.50e+3,"yes":true,"no":false,"nothing":null,"array":[1,[2,{"a":3}]],"object":{"a":{"b":[]}}}]'::more.rowset;

-- White space is of no account, except inside values.
SELECT E'\n [ {\t"a" : 1 , "b":" x " , "c": [ 1, 2 ] } ,\r\n{ "a":2 } ] '::more.rowset;

-- Escapes in strings and in names.
SELECT '[{"a\"b":"q\"\\\/\b\f\n\r\t","\u00e4":"\u20ac \ud83d\ude00"}]'::more.rowset;
SELECT more.rowset_columns('[{"a\"b":1,"\u00e4":2,"":3}]');

-- Numbers keep their text: no precision is lost.
SELECT '[{"n":123456789012345678901234567890.123456789012345678901234567890,"m":1E400,"z":-0.0}]'::more.rowset;

-- A name that is the beginning of another one.
SELECT '[{"ab":1,"a":2,"abc":3},{"a":4,"abc":5,"ab":6}]'::more.rowset;

-- From json, jsonb, text and varchar, without a word.
CREATE TABLE holder (d more.rowset);
INSERT INTO holder VALUES ('[{"a":1}]'::json);
INSERT INTO holder VALUES ('[{"a":2}]'::jsonb);
INSERT INTO holder VALUES ('[{"a":3}]'::text);
INSERT INTO holder VALUES ('[{"a":4}]'::varchar);
INSERT INTO holder VALUES ('[{"a":5}]');
INSERT INTO holder VALUES (NULL);
INSERT INTO holder SELECT json_agg(r) FROM (SELECT g AS a FROM generate_series(6, 7) AS g) AS r;
INSERT INTO holder SELECT jsonb_agg(r) FROM (SELECT g AS a FROM generate_series(8, 9) AS g) AS r;
SELECT d, more.rowset_count(d) FROM holder ORDER BY d::text;

-- A call as well.
SELECT more.rowset('[{"a":1}]'::json), more.rowset('[{"a":1}]'::jsonb), more.rowset('[{"a":1}]');
SELECT more.rowset(NULL::json) IS NULL AS from_json, more.rowset(NULL::jsonb) IS NULL AS from_jsonb;

-- Many columns, many rows, long values: nothing is lost on the way.
SELECT more.rowset_count(d), cardinality(more.rowset_columns(d)), md5(d::text) = md5(replace(j::text, ' ', '')) AS same
FROM (SELECT json_agg(r) AS j FROM (
	SELECT (SELECT json_object_agg('column_' || c, c * g) FROM generate_series(1, 300) AS c) AS r
	FROM generate_series(1, 50) AS g) AS rows(r)) AS x, LATERAL (SELECT j::more.rowset AS d) AS y;
SELECT length(more.rowset(json_build_array(json_build_object('v', repeat('x', n))))::text) - n AS around
FROM unnest(ARRAY[0, 1, 253, 254, 255, 256, 65535, 65536, 1000000]) AS n ORDER BY n;

-- Deep nesting is a matter of memory, not of the stack.
SELECT length(('[{"v":' || repeat('[', 100000) || repeat(']', 100000) || '}]')::more.rowset::text);

-- Toasted and compressed.
CREATE TABLE big (d more.rowset);
INSERT INTO big SELECT json_agg(json_build_object('id', g, 'v', md5(g::text))) FROM generate_series(1, 20000) AS g;
SELECT more.rowset_count(d), more.rowset_columns(d), pg_column_size(d) > 100000 AS stored FROM big;
SELECT count(*) FROM big, json_array_elements(d::json) AS r WHERE r->>'v' = md5(r->>'id');
