-- The ..._returning forms: one line for each input row, in input order, counted from 1, with a status and the row.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE acc (gone integer, id integer PRIMARY KEY, name text NOT NULL, age integer DEFAULT 18, upper text GENERATED ALWAYS AS (upper(name)) STORED);
ALTER TABLE acc DROP COLUMN gone;
INSERT INTO acc VALUES (1, 'ann', 31), (2, 'bob', 32), (3, 'cid', 33);

-- insert
SELECT ordinal, status, (result).* FROM more.bulk_insert_returning(NULL::acc, '[{"id":9,"name":"ida"},{"id":4,"name":"dan","age":null},{"id":7,"name":"gus"}]');
SELECT * FROM more.bulk_insert_returning(NULL::acc, '[{"id":5,"name":"eve"},{"id":9,"name":"no"}]');
SELECT * FROM more.bulk_insert_returning(NULL::acc, '[{"id":8,"name":"hal"},{"id":9,"name":"no"},{"id":6,"name":"fay"},{"id":6,"name":"again"},{"id":1,"name":"no"}]', on_conflict => 'ignore');
SELECT count(*) FROM acc;
-- a row that conflicts on another key is existing too, with the row it conflicts with
CREATE TABLE keys (id integer PRIMARY KEY, email text UNIQUE, code integer);
CREATE UNIQUE INDEX ON keys ((code % 10));
INSERT INTO keys VALUES (1, 'a@x', 1), (2, 'b@x', 2);
SELECT * FROM more.bulk_insert_returning(NULL::keys, '[{"id":3,"email":"b@x","code":13},{"id":4,"email":"d@x","code":4},{"id":1,"email":"q@x","code":8},{"id":6,"email":"f@x","code":11}]', 'ignore');
-- no primary key, defaults, several equal rows
CREATE TABLE heap (n serial, v text);
SELECT * FROM more.bulk_insert_returning(NULL::heap, '[{"v":"z"},{"v":"a"},{},{"v":"a"}]');

-- update
SELECT ordinal, status, (result).* FROM more.bulk_update_returning(NULL::acc, '[{"id":3,"name":"CID"},{"id":99,"name":"x"},{"id":1,"age":41}]');
SELECT * FROM more.bulk_update_returning(NULL::acc, '[{"id":3,"name":"CID"},{"id":99,"name":"x"},{"id":1,"age":42}]', skip_unchanged => true);
SELECT * FROM more.bulk_update_returning(NULL::acc, '[{"id":3,"age":1},{"id":99,"age":1}]', missing => 'error');
SELECT * FROM more.bulk_update_returning(NULL::acc, '[{"id":2,"hit":1}]', set => '{age = target.age + data.hit::integer}');
-- an input row that matches several rows has a line for each
SELECT ordinal, status, (result).id FROM more.bulk_update_returning(NULL::acc, '[{"low":8},{"low":90},{"low":1}]',
	match => 'target.id BETWEEN data.low::integer AND data.low::integer + 1', set => '{age = 0}') ORDER BY ordinal, (result).id;

-- upsert
SELECT * FROM more.bulk_upsert_returning(NULL::acc, '[{"id":20,"name":"tom"},{"id":1,"age":1},{"id":10,"name":"jon"},{"id":2,"name":"bob"}]');
SELECT * FROM more.bulk_upsert_returning(NULL::acc, '[{"id":20,"name":"tom"},{"id":1,"age":2},{"id":11,"name":"kim"}]', skip_unchanged => true);

-- delete: the row as it was
SELECT * FROM more.bulk_delete_returning(NULL::acc, '[{"id":20},{"id":99},{"id":10}]');
SELECT * FROM more.bulk_delete_returning(NULL::acc, '[{"name":"kim"},{"name":"tom"}]', match => 'target.name = data.name');
-- a row that two rows of the data match is deleted for one of them
INSERT INTO acc VALUES (40, 'vic', 40);
SELECT status, count(*) FROM more.bulk_delete_returning(NULL::acc, '[{"low":39},{"low":38}]', match => 'target.age > data.low::integer') GROUP BY status ORDER BY status;

-- No rows in, no lines out.
SELECT * FROM more.bulk_insert_returning(NULL::acc, '[]');
SELECT * FROM more.bulk_update_returning(NULL::acc, '[]');
SELECT * FROM more.bulk_upsert_returning(NULL::acc, '[]');
SELECT * FROM more.bulk_delete_returning(NULL::acc, '[]');

-- The value of the target does not matter, only its type.
SELECT status FROM more.bulk_update_returning((SELECT a FROM acc AS a WHERE id = 2), '[{"id":1,"age":3}]');

-- In a select list, under LIMIT (all is done all the same), in a CTE, joined, written on.
SELECT (more.bulk_update_returning(NULL::acc, '[{"id":2,"age":5},{"id":1,"age":6}]')).status;
SELECT ordinal FROM more.bulk_update_returning(NULL::acc, '[{"id":2,"age":50},{"id":1,"age":60}]') LIMIT 1;
SELECT id, age FROM acc WHERE id < 3 ORDER BY id;
CREATE TABLE log (n bigint, status text, id integer);
WITH done AS (SELECT * FROM more.bulk_upsert_returning(NULL::acc, '[{"id":30,"name":"uma"},{"id":1,"age":7}]'))
INSERT INTO log SELECT ordinal, status, (result).id FROM done RETURNING *;

-- Lines keep their order and their rows, however many.
CREATE TABLE many (id integer PRIMARY KEY, v integer);
INSERT INTO many SELECT g, 0 FROM generate_series(1, 10000) AS g;
WITH input AS (SELECT row_number() OVER () AS n, id FROM (SELECT g AS id FROM generate_series(5001, 15000) AS g ORDER BY md5(g::text)) AS x),
done AS (SELECT * FROM more.bulk_upsert_returning(NULL::many, (SELECT json_agg(json_build_object('id', id, 'v', id) ORDER BY n) FROM input)))
SELECT status, count(*), bool_and((result).id = id AND (result).v = id) AS right FROM done JOIN input ON ordinal = n GROUP BY status ORDER BY status;
