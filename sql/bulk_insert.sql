-- more.bulk_insert: rows, defaults for absent columns, conflicts skipped, what is counted.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE acc (
	id integer PRIMARY KEY,
	name text NOT NULL DEFAULT 'nobody',
	age integer DEFAULT 18,
	email text UNIQUE
);

-- Absent columns get their default, row by row; null is NULL.
SELECT more.bulk_insert('acc', '[{"id":2,"name":"bob"},{"id":1,"age":31},{"id":3,"name":"cid","age":null,"email":"c@x"}]');
SELECT * FROM acc ORDER BY id;
SELECT more.bulk_insert('acc', '{"id":[4,5],"name":["dan","eve"]}');
SELECT * FROM acc WHERE id > 3 ORDER BY id;
-- columns in any order
SELECT more.bulk_insert('acc', '[{"email":"f@x","age":36,"id":6,"name":"fay"}]');
SELECT * FROM acc WHERE id = 6;
-- nothing to insert
SELECT more.bulk_insert('acc', '[]');
SELECT count(*) FROM acc;

-- A conflict is an error, and nothing is inserted.
SELECT more.bulk_insert('acc', '[{"id":7,"name":"gus"},{"id":1,"name":"hal"}]');
SELECT more.bulk_insert('acc', '[{"id":7,"email":"x@x"},{"id":8,"email":"c@x"}]');
SELECT count(*) FROM acc;

-- 'ignore' skips rows that conflict with any unique key, and counts what was inserted.
SELECT more.bulk_insert('acc', '[{"id":7,"name":"gus"},{"id":1,"name":"hal"},{"id":8,"email":"c@x"}]', on_conflict => 'ignore');
-- of two rows of the data with one key the first is inserted
SELECT more.bulk_insert('acc', '[{"id":10,"name":"first"},{"id":9,"name":"nine"},{"id":10,"name":"second"}]', on_conflict => 'ignore');
SELECT * FROM acc WHERE id > 6 ORDER BY id;
-- other violations are errors all the same
SELECT more.bulk_insert('acc', '[{"id":11},{"id":12,"name":null}]', on_conflict => 'ignore');
SELECT more.bulk_insert('acc', '[{"id":11},{"id":null}]', on_conflict => 'ignore');
SELECT count(*) FROM acc;

-- A table without a primary key takes everything, duplicates as well.
CREATE TABLE heap (a integer, b text DEFAULT 'b');
SELECT more.bulk_insert('heap', '[{"a":1},{"a":1},{"b":null},{},{"a":2,"b":"x"}]');
SELECT * FROM heap ORDER BY a, b;

-- Rows without any column are made of defaults.
CREATE TABLE numbered (id serial PRIMARY KEY, at text DEFAULT 'then');
SELECT more.bulk_insert('numbered', '[{},{},{"at":"now"}]');
SELECT * FROM numbered ORDER BY id;
SELECT more.bulk_insert('numbered', '[{},{}]');
SELECT * FROM numbered ORDER BY id;
-- defaults are taken in the order of the data
CREATE TABLE queue (id serial PRIMARY KEY, name text UNIQUE);
SELECT more.bulk_insert('queue', '[{"name":"z"},{"name":"a"},{"name":"m"}]');
SELECT * FROM queue ORDER BY id;
-- each row gets its own
CREATE TABLE tagged (id integer PRIMARY KEY, tag text DEFAULT 't' || nextval('numbered_id_seq'));
SELECT more.bulk_insert('tagged', '[{"id":3},{"id":1,"tag":"own"},{"id":2}]');
SELECT id, tag = 'own' AS own, count(*) OVER (PARTITION BY tag) FROM tagged ORDER BY id;

-- A default may be null, an expression, a function of the session.
CREATE TABLE made (id integer PRIMARY KEY, who text DEFAULT current_user, day date DEFAULT '2024-01-01'::date + 1, n integer);
SELECT more.bulk_insert('made', '[{"id":1},{"id":2,"who":"me"},{"id":3,"day":null,"n":4}]');
SELECT id, who = current_user AS default_who, day, n FROM made ORDER BY id;

-- A row is skipped for a key that is taken, not for another row of the data that is itself skipped.
CREATE TABLE both_keys (pk integer PRIMARY KEY, uq text UNIQUE);
INSERT INTO both_keys VALUES (9, 'a');
SELECT more.bulk_insert('both_keys', '[{"pk":1,"uq":"a"},{"pk":1,"uq":"b"},{"pk":1,"uq":"c"},{"pk":2,"uq":"b"},{"pk":2,"uq":"d"}]', 'ignore');
SELECT * FROM both_keys ORDER BY pk;

-- Many rows.
CREATE TABLE many (id integer PRIMARY KEY, v text);
SELECT more.bulk_insert('many', (SELECT json_agg(json_build_object('id', g, 'v', md5(g::text)) ORDER BY md5(g::text)) FROM generate_series(1, 20000) AS g));
SELECT count(*), count(*) FILTER (WHERE v = md5(id::text)) AS right FROM many;
SELECT more.bulk_insert('many', (SELECT json_agg(json_build_object('id', g, 'v', 'new')) FROM generate_series(10001, 25000) AS g), 'ignore');
SELECT count(*), count(*) FILTER (WHERE v = 'new') AS new FROM many;
