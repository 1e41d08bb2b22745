-- Partitioned tables: rows are routed, move, and are found, whatever the partitions look like.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE sale (gone1 integer, region text, id integer, amount numeric DEFAULT 1, gone2 text, note text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE sale_eu PARTITION OF sale FOR VALUES IN ('eu');
-- partitions with columns in another order, and dropped ones of their own
CREATE TABLE sale_us (note text, id integer NOT NULL, extra integer, amount numeric DEFAULT 2, gone2 text, gone1 integer, region text NOT NULL);
ALTER TABLE sale_us DROP COLUMN extra;
ALTER TABLE sale ATTACH PARTITION sale_us FOR VALUES IN ('us');
ALTER TABLE sale DROP COLUMN gone1;
CREATE TABLE sale_asia PARTITION OF sale FOR VALUES IN ('jp', 'kr') PARTITION BY LIST (region);
CREATE TABLE sale_jp PARTITION OF sale_asia FOR VALUES IN ('jp');
ALTER TABLE sale DROP COLUMN gone2;
CREATE TABLE sale_rest PARTITION OF sale DEFAULT;
CREATE VIEW show AS SELECT tableoid::regclass AS part, id, region, amount, note FROM sale ORDER BY id, region;

SELECT more.bulk_insert('sale', '[{"id":1,"region":"eu","note":"a"},{"id":2,"region":"us"},{"region":"jp","id":3,"amount":30},{"id":4,"region":"xx"},{"id":5,"region":"us","note":"e","amount":null}]');
TABLE show;
SELECT more.bulk_insert('sale', '[{"id":9,"region":"kr"}]');
SELECT ordinal, status, result FROM more.bulk_insert_returning(NULL::sale, '[{"id":7,"region":"us","note":"seven"},{"id":6,"region":"eu"},{"id":1,"region":"eu"},{"id":8,"region":"jp"}]', 'ignore');

-- update, by the whole key and by a part of it
SELECT ordinal, status, result FROM more.bulk_update_returning(NULL::sale, '[{"id":5,"region":"us","amount":50},{"id":1,"region":"eu","note":"A"},{"id":1,"region":"us","note":"none"}]');
SELECT more.bulk_update('sale', '[{"id":3,"note":"three"},{"id":4,"note":"four"}]', key => '{id}');
-- rows move
SELECT ordinal, status, result, (SELECT part FROM show WHERE id = (result).id) FROM more.bulk_update_returning(NULL::sale, '[{"id":2,"region":"eu"},{"id":1,"region":"jp"},{"id":4,"region":"us"}]', key => '{id}');
TABLE show;
SELECT more.bulk_update('sale', '[{"id":1,"region":"kr"}]', key => '{id}');
-- a trigger that fires on the partition, as for every update that moves a row
CREATE TRIGGER noted BEFORE INSERT OR UPDATE OR DELETE ON sale_us FOR EACH ROW EXECUTE FUNCTION note_trigger();
SELECT more.bulk_update('sale', '[{"id":5,"region":"eu"},{"id":6,"region":"us"}]', key => '{id}');
SELECT what FROM fired ORDER BY what;
DROP TRIGGER noted ON sale_us;

-- upsert, delete, sync, get-or-create, matching
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::sale, '[{"id":10,"region":"us","note":"new"},{"id":2,"region":"eu","note":"two"},{"region":"zz","id":11}]');
SELECT more.bulk_upsert('sale', '[{"id":2,"note":"x"}]', key => '{id}');
SELECT more.bulk_delete('sale', '[{"id":11,"region":"zz"},{"id":1,"region":"jp"}]');
SELECT ordinal, status, result FROM more.bulk_get_or_create(NULL::sale, '[{"id":12,"region":"jp"},{"id":2,"region":"eu"}]');
SELECT * FROM more.rows_in(NULL::sale, '[{"region":"us","id":4},{"region":"eu","id":6},{"region":"eu","id":2}]') ORDER BY id;
SELECT * FROM more.rows_missing(NULL::sale, '[{"region":"us","id":4},{"region":"eu","id":6}]');
SELECT * FROM more.bulk_sync('sale', '[{"id":10,"region":"us","note":"new"},{"id":13,"region":"us","note":"thirteen"}]', condition => 'region = ''us''');
TABLE show;
SELECT more.bulk_update('sale', '[{"low":12,"note":"high"}]', match => 'target.id >= data.low::integer', set => '{note}');
SELECT more.bulk_update('sale', '[{"id":12,"note":"x"},{"id":13,"note":"y"}]', match => 'target.id >= data.id');
SELECT id, note FROM show WHERE id > 11;

-- One partition, as a target of its own.
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::sale_us, '[{"id":13,"region":"us","amount":5},{"id":14,"region":"us"}]');
SELECT more.bulk_insert('sale_us', '[{"id":15,"region":"eu"}]');

-- what exists in a partition is updated, even if the data would make no row of that partition
CREATE TABLE one_each (id integer, v integer, p integer) PARTITION BY LIST (p);
CREATE TABLE one_each_1 PARTITION OF one_each FOR VALUES IN (1);
CREATE UNIQUE INDEX ON one_each_1 (id);
INSERT INTO one_each_1 VALUES (1, 0, 1);
SELECT more.bulk_upsert('one_each_1', '[{"id":1,"v":2}]', key => '{id}');
SELECT * FROM one_each;

-- a partition's own unique index: of two rows with one key the second is tried where the first was skipped
CREATE TABLE own_index (id integer PRIMARY KEY, u integer) PARTITION BY RANGE (id);
CREATE TABLE own_index_1 PARTITION OF own_index FOR VALUES FROM (0) TO (100);
CREATE UNIQUE INDEX ON own_index_1 (u);
INSERT INTO own_index VALUES (50, 1);
SELECT more.bulk_insert('own_index', '[{"id":1,"u":1},{"id":1,"u":2}]', 'ignore');
SELECT * FROM own_index ORDER BY id;

-- A unique key that the partitioned table itself does not have is no key for an upsert.
CREATE TABLE log (id integer, day date NOT NULL, v text) PARTITION BY RANGE (day);
CREATE TABLE log_1 PARTITION OF log (PRIMARY KEY (id)) FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
SELECT more.bulk_upsert('log', '[{"id":1,"day":"2024-01-05"}]', key => '{id}');
SELECT more.bulk_insert('log', '[{"id":1,"day":"2024-01-05","v":"in"},{"id":2,"day":"2024-03-01"}]');
SELECT more.bulk_insert('log', '[{"id":1,"day":"2024-01-05","v":"in"}]');
SELECT more.bulk_insert('log', '[{"id":1,"day":"2024-01-06","v":"in"}]', 'ignore');
SELECT more.bulk_update('log', '[{"id":1,"v":"updated"}]', key => '{id}');
SELECT * FROM log;

-- Partitions that come and go between calls of one session.
CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
SELECT more.bulk_insert('log', '[{"id":3,"day":"2024-02-05","v":"feb"}]');
ALTER TABLE log DETACH PARTITION log_1;
SELECT more.bulk_update('log', '[{"id":1,"v":"gone"},{"id":3,"v":"there"}]', key => '{id}');
SELECT * FROM log ORDER BY id;
SELECT * FROM log_1;

-- Hash partitions, many rows.
CREATE TABLE hashed (id integer PRIMARY KEY, v integer) PARTITION BY HASH (id);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE hashed_2 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 2);
SELECT more.bulk_insert('hashed', (SELECT json_agg(json_build_object('id', g, 'v', 0) ORDER BY md5(g::text)) FROM generate_series(1, 5000) AS g));
SELECT more.bulk_upsert('hashed', (SELECT json_agg(json_build_object('id', g, 'v', g) ORDER BY md5(g::text)) FROM generate_series(2501, 7500) AS g));
SELECT count(*), count(*) FILTER (WHERE v = id) AS written, count(DISTINCT tableoid) AS partitions FROM hashed;
