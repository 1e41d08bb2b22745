-- Constraints are the server's: foreign keys, unique keys (deferrable ones too), checks, exclusion.
\set ECHO none
\i sql/include/setup.sql

-- Foreign keys, with their actions.
CREATE TABLE shop (id integer PRIMARY KEY, name text);
CREATE TABLE item (id integer PRIMARY KEY, shop integer REFERENCES shop ON DELETE CASCADE ON UPDATE CASCADE, qty integer CHECK (qty >= 0), note text);
SELECT more.bulk_insert('shop', '[{"id":1,"name":"a"},{"id":2,"name":"b"}]');
SELECT more.bulk_insert('item', '[{"id":10,"shop":1,"qty":5},{"id":11,"shop":2,"qty":6},{"id":12,"shop":null,"qty":7}]');
SELECT more.bulk_insert('item', '[{"id":13,"shop":1},{"id":14,"shop":9}]');
SELECT more.bulk_update('item', '[{"id":10,"shop":2},{"id":11,"shop":9}]');
SELECT more.bulk_upsert('item', '[{"id":10,"shop":2},{"id":15,"shop":9}]');
SELECT * FROM more.bulk_sync('item', '[{"id":10,"shop":9}]');
SELECT * FROM item ORDER BY id;
SELECT more.bulk_delete('shop', '[{"id":2}]');
SELECT * FROM item ORDER BY id;
SELECT more.bulk_update('shop', '[{"id":1,"name":"A"}]', set => '{name,id = 100}');
SELECT * FROM item ORDER BY id;
-- a key that refers to its own table, in any order of the rows
CREATE TABLE tree (id integer PRIMARY KEY, parent integer REFERENCES tree);
SELECT more.bulk_insert('tree', '[{"id":3,"parent":2},{"id":2,"parent":1},{"id":1}]');
SELECT * FROM more.bulk_sync('tree', '[{"id":5,"parent":4},{"id":4,"parent":5},{"id":1}]');
SELECT * FROM tree ORDER BY id;

-- Checks.
SELECT more.bulk_update('item', '[{"id":10,"qty":1},{"id":12,"qty":-1}]');
SELECT * FROM item ORDER BY id;

-- Unique keys are checked row by row, as in a plain UPDATE; deferrable ones at the end of the statement or the transaction.
CREATE TABLE bed (id integer PRIMARY KEY, place integer UNIQUE);
INSERT INTO bed VALUES (1, 1), (2, 2);
SELECT more.bulk_update('bed', '[{"id":1,"place":2},{"id":2,"place":1}]');
SELECT more.bulk_update('bed', '[{"id":1,"place":3},{"id":2,"place":1}]');
SELECT * FROM bed ORDER BY id;
CREATE TABLE seat (id integer PRIMARY KEY, place integer, CONSTRAINT one_each UNIQUE (place) DEFERRABLE);
INSERT INTO seat VALUES (1, 1), (2, 2), (3, 3);
SELECT more.bulk_update('seat', '[{"id":1,"place":2},{"id":2,"place":3},{"id":3,"place":1}]');
SELECT * FROM seat ORDER BY id;
SELECT more.bulk_update('seat', '[{"id":1,"place":3}]');
BEGIN;
SET CONSTRAINTS one_each DEFERRED;
SELECT more.bulk_update('seat', '[{"id":1,"place":3}]');
SELECT more.bulk_update('seat', '[{"id":2,"place":2}]');
COMMIT;
SELECT * FROM seat ORDER BY id;
-- a deferrable key serves as a key, for an upsert too
SELECT more.bulk_upsert('seat', '[{"place":3,"id":30},{"place":4,"id":4}]', key => '{place}');
SELECT * FROM seat ORDER BY id;
SELECT status, result FROM more.bulk_get_or_create(NULL::seat, '[{"place":3},{"place":5,"id":5}]', key => '{place}');
CREATE TABLE late (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v text);
SELECT more.bulk_upsert('late', '[{"id":1,"v":"a"},{"id":2,"v":"b"}]');
SELECT more.bulk_upsert('late', '[{"id":1,"v":"A"},{"id":3,"v":"c"}]');
SELECT * FROM more.bulk_sync('late', '[{"id":1,"v":"A"},{"id":4,"v":"d"}]');
SELECT * FROM late ORDER BY id;
SELECT more.bulk_insert('late', '[{"id":7,"v":"x"},{"id":7,"v":"y"}]');
-- rows with one key are for the end of the transaction to judge
BEGIN;
SELECT more.bulk_insert('late', '[{"id":7,"v":"x"},{"id":7,"v":"y"}]');
DELETE FROM late WHERE v = 'y';
COMMIT;
SELECT * FROM late ORDER BY id;
-- a deferrable key cannot tell which rows to skip
SELECT more.bulk_insert('late', '[{"id":7,"v":"z"},{"id":8,"v":"z"}]', 'ignore');

-- Exclusion constraints.
CREATE TABLE booking (id integer PRIMARY KEY, during int4range, EXCLUDE USING gist (during WITH &&));
SELECT more.bulk_insert('booking', '[{"id":1,"during":"[1,5)"},{"id":2,"during":"[5,9)"}]');
SELECT more.bulk_insert('booking', '[{"id":3,"during":"[8,10)"}]');
SELECT more.bulk_insert('booking', '[{"id":3,"during":"[8,10)"},{"id":4,"during":"[20,30)"}]', 'ignore');
SELECT * FROM more.bulk_insert_returning(NULL::booking, '[{"id":3,"during":"[8,10)"},{"id":5,"during":"[40,50)"}]', 'ignore');
SELECT more.bulk_upsert('booking', '[{"id":1,"during":"[1,6)"}]');
SELECT more.bulk_upsert('booking', '[{"id":1,"during":"[1,3)"},{"id":6,"during":"[3,5)"}]');
SELECT * FROM booking ORDER BY id;

-- A deferred foreign key may be broken until the end of the transaction.
CREATE TABLE a (id integer PRIMARY KEY);
CREATE TABLE b (id integer PRIMARY KEY, a integer REFERENCES a DEFERRABLE INITIALLY DEFERRED);
BEGIN;
SELECT more.bulk_insert('b', '[{"id":1,"a":1},{"id":2,"a":2}]');
SELECT more.bulk_insert('a', '[{"id":1},{"id":2}]');
COMMIT;
BEGIN;
SELECT more.bulk_insert('b', '[{"id":3,"a":3}]');
COMMIT;
SELECT * FROM b ORDER BY id;
