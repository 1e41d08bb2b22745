-- more.bulk_delete: by key or by condition; only what the data names.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE acc (id integer PRIMARY KEY, name text, age integer);
CREATE VIEW show AS SELECT * FROM acc ORDER BY id;
INSERT INTO acc SELECT g, 'n' || g, g * 10 FROM generate_series(1, 12) AS g;

SELECT more.bulk_delete('acc', '[{"id":3},{"id":1},{"id":99}]');
SELECT more.bulk_delete('acc', '{"id":[5,7]}');
SELECT more.bulk_delete('acc', more.rowset(ARRAY['id'], ARRAY[2, 99]));
SELECT more.bulk_delete('acc', '[]');
TABLE show;
-- columns beside the key are no condition
SELECT more.bulk_delete('acc', '[{"id":4,"name":"not its name"}]');
-- another key, one that is no key of the table as well; a condition
SELECT more.bulk_delete('acc', '[{"name":"n6","age":60},{"age":70,"name":"n8"}]', key => '{name,age}');
SELECT more.bulk_delete('acc', '[{"floor":95},{"floor":105}]', match => 'target.age BETWEEN data.floor::integer AND data.floor::integer + 10');
TABLE show;
-- a row that two rows of the data match is deleted once
SELECT more.bulk_delete('acc', '[{"age":1},{"age":2}]', match => 'target.age > data.age AND target.id < 10');
TABLE show;

-- Many rows.
CREATE TABLE many (id integer PRIMARY KEY);
INSERT INTO many SELECT generate_series(1, 20000);
SELECT more.bulk_delete('many', (SELECT json_agg(json_build_object('id', g) ORDER BY md5(g::text)) FROM generate_series(2, 30000, 2) AS g));
SELECT count(*), bool_and(id % 2 = 1) AS odd FROM many;
