-- more.bulk_upsert: update what exists, insert the rest; absent columns stay, or get their default.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE acc (id integer PRIMARY KEY, name text NOT NULL, age integer DEFAULT 18, hits integer NOT NULL DEFAULT 7);
CREATE VIEW show AS SELECT * FROM acc ORDER BY id;
INSERT INTO acc VALUES (1, 'ann', 31, 1), (2, 'bob', 32, 2);

SELECT more.bulk_upsert('acc', '[{"id":3,"name":"cid"},{"id":1,"name":"ANN"}]');
TABLE show;
-- What exists is updated even where the data lacks a NOT NULL column.
SELECT more.bulk_upsert('acc', '[{"id":1,"age":41},{"id":4,"name":"dan","age":null},{"id":2,"hits":20}]');
TABLE show;
-- What does not exist needs it, and then nothing is written.
SELECT more.bulk_upsert('acc', '[{"id":1,"age":51},{"id":5,"age":52}]');
TABLE show;
-- nothing, or nothing but keys
SELECT more.bulk_upsert('acc', '[]');
CREATE TABLE tags (tag text PRIMARY KEY);
SELECT more.bulk_upsert('tags', '[{"tag":"a"},{"tag":"b"}]');
SELECT more.bulk_upsert('tags', '[{"tag":"c"},{"tag":"b"}]');
SELECT * FROM tags ORDER BY tag;

-- "set" bounds what an update writes; an insert takes all columns of the data.
SELECT more.bulk_upsert('acc', '[{"id":1,"name":"no","age":61},{"id":6,"name":"fay","age":66}]', set => '{age}');
SELECT more.bulk_upsert('acc', '[{"id":1,"name":"no","hits":100},{"id":7,"name":"gus","hits":100}]', set => '{hits = target.hits + data.hits}');
SELECT more.bulk_upsert('acc', '[{"id":1,"name":"no"},{"id":8,"name":"hal"}]', set => ARRAY['name = target.name || ''!''', 'hits = 0']);
TABLE show;
-- nothing to set at all: insert what is missing
SELECT more.bulk_upsert('acc', '[{"id":1,"name":"no"},{"id":9,"name":"ida"}]', set => '{}');
TABLE show;

-- the key among the columns to set changes nothing
CREATE TABLE full_row (id integer PRIMARY KEY, v integer, w integer NOT NULL);
INSERT INTO full_row VALUES (1, 1, 1);
SELECT more.bulk_upsert('full_row', '[{"id":1,"v":2,"w":null}]', set => '{v}');
SELECT more.bulk_upsert('full_row', '[{"id":1,"v":3,"w":null}]', set => '{id,v}');
SELECT * FROM full_row;

-- skip_unchanged: what stays the same is not counted and not written.
CREATE TRIGGER noted BEFORE UPDATE ON acc FOR EACH ROW EXECUTE FUNCTION note_trigger();
SELECT more.bulk_upsert('acc', '[{"id":9,"name":"ida"},{"id":8,"name":"HAL"},{"id":10,"name":"jon"}]', skip_unchanged => true);
SELECT what FROM fired ORDER BY n;
DROP TRIGGER noted ON acc;

-- The order of the columns in the data says nothing, from one call to the next.
CREATE TABLE two (a integer, b integer, v integer, w integer, PRIMARY KEY (a, b));
SELECT more.bulk_upsert('two', '[{"a":1,"b":2,"v":3,"w":4}]');
SELECT more.bulk_upsert('two', '[{"b":2,"a":1,"w":40,"v":30}]');
SELECT more.bulk_upsert('two', '[{"w":400,"v":300,"b":20,"a":10}]');
SELECT * FROM two ORDER BY a;

-- Rows that exist use up no number of a sequence.
CREATE TABLE seqd (id serial PRIMARY KEY, code text UNIQUE, v integer);
SELECT more.bulk_upsert('seqd', '[{"code":"a","v":1},{"code":"b","v":2}]', key => '{code}');
SELECT more.bulk_upsert('seqd', '[{"code":"a","v":10},{"code":"c","v":3},{"code":"b","v":20}]', key => '{code}');
SELECT * FROM seqd ORDER BY id;

-- A conflict on another key than the one that was named is an error.
CREATE TABLE twice (id integer PRIMARY KEY, email text UNIQUE);
INSERT INTO twice VALUES (1, 'a@x');
SELECT more.bulk_upsert('twice', '[{"id":2,"email":"b@x"},{"id":3,"email":"a@x"}]');
SELECT * FROM twice ORDER BY id;

-- Many rows, half of them new.
CREATE TABLE many (id integer PRIMARY KEY, v integer, w text DEFAULT 'default');
INSERT INTO many SELECT g, 0, 'old' FROM generate_series(1, 10000) AS g;
SELECT more.bulk_upsert('many', (SELECT json_agg(json_build_object('id', g, 'v', g * 2) ORDER BY md5(g::text)) FROM generate_series(5001, 15000) AS g));
SELECT w, count(*), count(*) FILTER (WHERE v = id * 2) AS written FROM many GROUP BY w ORDER BY w;
