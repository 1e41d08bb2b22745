-- Tables that inherit: the verbs see the children's rows, as plain statements do, and insert into the parent.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE city (id integer PRIMARY KEY, name text, size integer);
CREATE TABLE capital (state text, PRIMARY KEY (id)) INHERITS (city);
CREATE TABLE port (harbour text, gone integer, depth integer, PRIMARY KEY (id)) INHERITS (city);
ALTER TABLE port DROP COLUMN gone;
INSERT INTO city VALUES (1, 'a', 10), (2, 'b', 20);
INSERT INTO capital VALUES (3, 'c', 30, 'cc');
INSERT INTO port VALUES (4, 'd', 40, 'dd', 5);
CREATE VIEW show AS SELECT tableoid::regclass AS "table", * FROM city ORDER BY id, "table";

SELECT ordinal, status, result FROM more.bulk_update_returning(NULL::city, '[{"id":4,"size":41},{"id":1,"size":11},{"id":3,"name":"C"}]');
SELECT more.bulk_delete('city', '[{"id":2},{"id":9}]');
SELECT * FROM more.rows_in(NULL::city, '[{"id":4},{"id":3}]') ORDER BY id;
-- an upsert updates a row of a child rather than hide it behind a new one of the parent
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::city, '[{"id":3,"size":33},{"id":5,"name":"e"},{"id":1,"size":12}]');
SELECT ordinal, status, result FROM more.bulk_get_or_create(NULL::city, '[{"id":4},{"id":6,"name":"f"}]');
TABLE show;
SELECT * FROM more.bulk_sync('city', '[{"id":4,"name":"D"},{"id":1,"name":"a"},{"id":7,"name":"g"}]');
TABLE show;
SELECT * FROM port;
-- one key in the parent and in a child: both rows are updated
INSERT INTO city VALUES (4, 'twin', 0);
SELECT ordinal, status, result FROM more.bulk_update_returning(NULL::city, '[{"id":4,"size":44}]') ORDER BY (result).name;
SELECT more.bulk_update('city', '[{"size":44,"name":"both"}]', match => 'target.size = data.size');
TABLE show;
-- a child alone
SELECT more.bulk_update('port', '[{"id":4,"depth":50,"harbour":"new"},{"id":1,"depth":1}]');
SELECT * FROM port;
SELECT * FROM more.bulk_insert_returning(NULL::port, '[{"id":8,"name":"h","depth":8}]');

-- a child's trigger keeps its row from being updated: the parent gets none in its place
CREATE FUNCTION keep_back() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep_back BEFORE UPDATE ON port FOR EACH ROW EXECUTE FUNCTION keep_back();
DELETE FROM ONLY city WHERE id = 4;
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::city, '[{"id":4,"size":5},{"id":20,"size":6}]');
SELECT tableoid::regclass AS "table", id, size FROM city WHERE id IN (4, 20) ORDER BY id;
