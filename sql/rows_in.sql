-- more.rows_in, rows_not_in, rows_missing: matching a table with a list of keys.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE pkg (id integer, gone integer, md5 text, sha2 text, size integer, PRIMARY KEY (md5, id));
ALTER TABLE pkg DROP COLUMN gone;
INSERT INTO pkg VALUES (1, 'a', 'A', 10), (2, 'b', NULL, 20), (3, 'c', 'C', 30), (4, 'a', 'X', 40), (5, 'e', NULL, NULL);

-- By primary key, whatever the order of the columns in the data, call by call.
SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","id":1},{"md5":"c","id":3},{"md5":"zz","id":1}]') ORDER BY id;
SELECT * FROM more.rows_in(NULL::pkg, '[{"id":1,"md5":"a"},{"id":3,"md5":"c"},{"id":1,"md5":"zz"}]') ORDER BY id;
-- By other columns; each row of the table once, however often the data names it.
SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a"},{"md5":"e"},{"md5":"a"}]', key => '{md5}') ORDER BY id;
SELECT * FROM more.rows_in(NULL::pkg, '[{"sha2":"A","md5":"a"},{"md5":"c","sha2":"A"}]', key => '{md5,sha2}') ORDER BY id;
-- By a condition.
SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"a","sha2":"A"},{"md5":"b","sha2":"B"},{"md5":"a","sha2":"A"}]',
	match => 'target.md5 = data.md5 AND (target.sha2 = data.sha2 OR target.sha2 IS NULL)') ORDER BY id;
SELECT * FROM more.rows_in(NULL::pkg, '[{"from":15,"to":30}]', match => 'target.size BETWEEN data."from"::integer AND data."to"::integer') ORDER BY id;
-- A null in the data matches nothing, and is no error here.
SELECT * FROM more.rows_in(NULL::pkg, '[{"sha2":null},{"sha2":"C"}]', key => '{sha2}') ORDER BY id;
SELECT * FROM more.rows_in(NULL::pkg, '[{"sha2":null}]', key => '{sha2}') ORDER BY id;
-- no list at all
SELECT * FROM more.rows_in(NULL::pkg, '[]');
-- columns beside the key are no condition
SELECT * FROM more.rows_in(NULL::pkg, '[{"md5":"b","id":2,"size":999}]');

-- Those that match none: nulls on either side match nothing, so such rows are in (no trap as with NOT IN).
SELECT * FROM more.rows_not_in(NULL::pkg, '[{"md5":"a"},{"md5":"e"}]', key => '{md5}') ORDER BY id;
SELECT * FROM more.rows_not_in(NULL::pkg, '[{"sha2":"A"},{"sha2":null}]', key => '{sha2}') ORDER BY id;
SELECT * FROM more.rows_not_in(NULL::pkg, '[{"size":20}]', match => 'target.size <= data.size') ORDER BY id;
SELECT count(*) FROM more.rows_not_in(NULL::pkg, '[]');

-- The data's rows that match nothing, as rows of the table, in the order of the data; absent columns are null.
SELECT * FROM more.rows_missing(NULL::pkg, '[{"md5":"z","id":9,"size":1},{"md5":"a","id":1},{"id":2,"md5":"a"},{"md5":"c","id":null},{"md5":"z","id":9}]');
SELECT * FROM more.rows_missing(NULL::pkg, '[{"sha2":"Q","size":5},{"sha2":"A"},{"sha2":null,"size":6}]', key => '{sha2}');
SELECT * FROM more.rows_missing(NULL::pkg, '[{"sha2":"B","md5":"b"},{"sha2":"B","md5":"c"},{"md5":"q","hint":"x"}]',
	match => 'target.md5 = data.md5 AND (target.sha2 = data.sha2 OR target.sha2 IS NULL OR data.hint = ''y'')');
SELECT * FROM more.rows_missing(NULL::pkg, '[]');

-- In other queries: joined, aggregated, in a subquery, with a set of rows per row of another table.
SELECT sum(size) FROM more.rows_in(NULL::pkg, '[{"md5":"a"},{"md5":"b"}]', key => '{md5}');
SELECT p.id FROM pkg AS p WHERE EXISTS (SELECT FROM more.rows_in(NULL::pkg, '[{"md5":"a"}]', key => '{md5}') AS r WHERE r.id = p.id) ORDER BY id;
CREATE TABLE lists (n integer, d more.rowset);
INSERT INTO lists VALUES (1, '[{"md5":"a"}]'), (2, '[]'), (3, '[{"md5":"b"},{"md5":"c"}]');
SELECT n, array_agg(id ORDER BY id) FROM lists, LATERAL more.rows_in(NULL::pkg, d, key => '{md5}') GROUP BY n ORDER BY n;
SELECT (more.rows_in(NULL::pkg, '[{"md5":"b"}]', key => '{md5}')).size;

-- Views and materialized views can be read too.
CREATE VIEW small AS SELECT id, md5 FROM pkg WHERE size < 35;
CREATE MATERIALIZED VIEW kept AS SELECT id, md5 FROM pkg;
SELECT * FROM more.rows_in(NULL::small, '[{"md5":"a"},{"md5":"c"}]', key => '{md5}') ORDER BY id;
SELECT * FROM more.rows_in(NULL::kept, '[{"md5":"a"},{"md5":"c"}]', key => '{md5}') ORDER BY id;
SELECT * FROM more.rows_missing(NULL::small, '[{"md5":"a","id":7},{"md5":"q","id":8}]', key => '{md5}');

-- Many pairs, more than an IN list can have.
CREATE TABLE many (a integer, b text, v integer);
INSERT INTO many SELECT g, md5(g::text), g FROM generate_series(1, 20000) AS g;
CREATE TABLE wanted AS SELECT json_agg(json_build_object('b', md5(g::text), 'a', g) ORDER BY md5((-g)::text)) AS d FROM generate_series(10001, 30000) AS g;
SELECT count(*), min(a), max(a) FROM wanted, LATERAL more.rows_in(NULL::many, d, key => '{a,b}');
SELECT count(*), min(a), max(a) FROM wanted, LATERAL more.rows_not_in(NULL::many, d, key => '{a,b}');
SELECT count(*), min(a), max(a), count(v) FROM wanted, LATERAL more.rows_missing(NULL::many, d, key => '{a,b}');
CREATE INDEX ON many (a, b);
ANALYZE many;
SELECT count(*), min(a), max(a) FROM wanted, LATERAL more.rows_in(NULL::many, d, key => '{a,b}');
