-- more.bulk_sync: the rows inside a condition become just those of the data.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE acc (id integer PRIMARY KEY, region text DEFAULT 'eu', name text NOT NULL, age integer);
CREATE VIEW show AS SELECT * FROM acc ORDER BY id;
INSERT INTO acc VALUES (1, 'eu', 'ann', 31), (2, 'eu', 'bob', 32), (3, 'us', 'cid', 33), (4, 'us', 'dan', 34);

-- The whole table: insert, update what differs, delete the rest, count it all.
SELECT * FROM more.bulk_sync('acc', '[{"id":1,"name":"ann","age":31},{"id":2,"name":"BOB","age":32},{"id":5,"name":"eve","age":35},{"id":3,"name":"cid","age":33}]');
TABLE show;
-- Again: nothing is left to do, and nothing is written.
CREATE TRIGGER noted BEFORE INSERT OR UPDATE OR DELETE ON acc FOR EACH ROW EXECUTE FUNCTION note_trigger();
SELECT * FROM more.bulk_sync('acc', '[{"id":1,"name":"ann","age":31},{"id":2,"name":"BOB","age":32},{"id":5,"name":"eve","age":35},{"id":3,"name":"cid","age":33}]');
SELECT count(*) FROM fired;
DROP TRIGGER noted ON acc;
-- Absent columns stay in rows that exist.
SELECT * FROM more.bulk_sync('acc', '[{"id":1,"name":"ann"},{"id":2,"age":null},{"id":5},{"id":6,"name":"fay"}]');
TABLE show;

-- Only rows inside the condition are deleted.
INSERT INTO acc VALUES (10, 'us', 'kim', 1), (11, 'us', 'leo', 2), (12, NULL, 'mia', 3);
SELECT * FROM more.bulk_sync('acc', '[{"id":10,"name":"KIM","region":"us"},{"id":13,"name":"ned","region":"us"}]', condition => 'target.region = ''us''');
TABLE show;
-- a condition that is null for a row does not cover it
SELECT * FROM more.bulk_sync('acc', '[]', condition => 'target.region = ''us''');
TABLE show;
-- columns without an alias are the target's
SELECT * FROM more.bulk_sync('acc', '[]', condition => 'region IS NULL');
SELECT * FROM more.bulk_sync('acc', '[]', condition => 'false');
TABLE show;

-- No data and no condition is refused, unless it is meant.
SELECT * FROM more.bulk_sync('acc', '[]');
TABLE show;
SELECT * FROM more.bulk_sync('acc', '[]', allow_empty => true);
TABLE show;

-- Another key; what is set.
CREATE TABLE price (id serial PRIMARY KEY, shop text, item text, price numeric, seen integer DEFAULT 0, UNIQUE (shop, item));
INSERT INTO price (shop, item, price) VALUES ('a', 'x', 1), ('a', 'y', 2), ('b', 'x', 3);
SELECT * FROM more.bulk_sync('price', '[{"shop":"a","item":"y","price":2},{"shop":"a","item":"z","price":9},{"item":"x","price":5,"shop":"b"}]', key => '{shop,item}');
SELECT shop, item, price, seen FROM price ORDER BY shop, item;
SELECT * FROM more.bulk_sync('price', '[{"shop":"a","item":"y","price":1},{"shop":"a","item":"q","price":8}]', key => '{shop,item}',
	set => ARRAY['price = greatest(target.price, data.price)', 'seen = target.seen + 1'], condition => 'target.shop = ''a''');
SELECT shop, item, price, seen FROM price ORDER BY shop, item;
-- a row that goes makes room for one that comes, under a unique key that is not the key of the sync
CREATE TABLE seat (id integer PRIMARY KEY, place text UNIQUE);
INSERT INTO seat VALUES (1, 'window'), (2, 'aisle');
SELECT * FROM more.bulk_sync('seat', '[{"id":2,"place":"window"},{"id":3,"place":"door"}]');
SELECT * FROM seat ORDER BY id;
SELECT * FROM more.bulk_sync('seat', '[{"id":4,"place":"window"},{"id":5,"place":"door"}]');
SELECT * FROM seat ORDER BY id;

-- Many rows.
CREATE TABLE many (id integer PRIMARY KEY, v integer);
INSERT INTO many SELECT g, g FROM generate_series(1, 10000) AS g;
SELECT * FROM more.bulk_sync('many', (SELECT json_agg(json_build_object('id', g, 'v', CASE WHEN g % 2 = 0 THEN -g ELSE g END) ORDER BY md5(g::text)) FROM generate_series(2001, 12000) AS g));
SELECT count(*), min(id), max(id), count(*) FILTER (WHERE v = CASE WHEN id % 2 = 0 THEN -id ELSE id END) AS right FROM many;
