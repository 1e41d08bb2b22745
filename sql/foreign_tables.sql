-- Foreign tables, through postgres_fdw on this very server.
\set ECHO none
\i sql/include/setup.sql
SET client_min_messages = warning;
CREATE EXTENSION postgres_fdw;
DO $$
BEGIN
	EXECUTE format('CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, dbname %L, port %L)',
		split_part(current_setting('unix_socket_directories'), ',', 1), current_database(), current_setting('port'));
	EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER loopback OPTIONS (user %L, password_required ''false'')', current_user);
END $$;
RESET client_min_messages;

CREATE TABLE remote_acc (id integer PRIMARY KEY, name text NOT NULL, age integer DEFAULT 18, tags text[]);
INSERT INTO remote_acc VALUES (1, 'ann', 31), (2, 'bob', 32), (3, 'cid', 33);
CREATE FOREIGN TABLE acc (gone integer, id integer NOT NULL, age integer DEFAULT 77, name text, tags text[]) SERVER loopback OPTIONS (table_name 'remote_acc');
ALTER FOREIGN TABLE acc DROP COLUMN gone;

-- no key can be found: it is to be named
SELECT more.bulk_update('acc', '[{"id":1,"age":41}]');
SELECT more.bulk_update('acc', '[{"id":1,"age":41},{"id":99,"age":1},{"id":3,"name":"CID","tags":["x","y z"]}]', key => '{id}');
SELECT * FROM remote_acc ORDER BY id;
SELECT ordinal, status, result FROM more.bulk_update_returning(NULL::acc, '[{"id":2,"age":42},{"id":99,"age":1},{"id":1,"age":41}]', key => '{id}', skip_unchanged => true);
-- defaults are the foreign table's own
SELECT more.bulk_insert('acc', '[{"id":5,"name":"eve"},{"id":4,"name":"dan","age":null}]');
SELECT ordinal, status, result FROM more.bulk_insert_returning(NULL::acc, '[{"id":7,"name":"gus"},{"id":6,"name":"fay","age":6}]');
SELECT more.bulk_insert('acc', '[{"id":8,"name":"hal"},{"id":1,"name":"no"}]', 'ignore');
SELECT * FROM outcome($$SELECT more.bulk_insert('acc', '[{"id":9,"name":"ida"},{"id":1,"name":"no"}]')$$) LIMIT 2;
SELECT * FROM remote_acc ORDER BY id;
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::acc, '[{"id":10,"name":"jon"},{"id":1,"name":"ANN"},{"id":2,"age":52}]', key => '{id}');
SELECT ordinal, status, result FROM more.bulk_get_or_create(NULL::acc, '[{"id":11,"name":"kim"},{"id":1,"name":"no"}]', key => '{id}');
SELECT ordinal, status, result FROM more.bulk_delete_returning(NULL::acc, '[{"id":11},{"id":98},{"id":10}]', key => '{id}');
SELECT * FROM more.rows_in(NULL::acc, '[{"id":1},{"id":2},{"id":97}]', key => '{id}') ORDER BY id;
SELECT * FROM more.rows_missing(NULL::acc, '[{"id":1},{"id":97}]', key => '{id}');
SELECT * FROM more.bulk_sync('acc', '[{"id":1,"name":"ann"},{"id":2,"name":"bob"},{"id":20,"name":"tom"}]', key => '{id}', condition => 'id <> 3');
SELECT * FROM remote_acc ORDER BY id;
SELECT more.bulk_update('acc', '[{"low":2,"age":0}]', match => 'target.id > data.low::integer', set => '{age}');
SELECT id, age FROM remote_acc ORDER BY id;
-- two rows of the data for one row of the target are refused here too
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":1},{"id":1,"age":2}]', match => 'target.id = data.id', set => '{age}')$$) LIMIT 1;

-- A foreign table as a partition, beside a local one
CREATE TABLE remote_part (id integer PRIMARY KEY, v text);
CREATE TABLE part (id integer, v text) PARTITION BY RANGE (id);
CREATE TABLE part_local PARTITION OF part FOR VALUES FROM (1) TO (100);
CREATE FOREIGN TABLE part_remote PARTITION OF part FOR VALUES FROM (100) TO (200) SERVER loopback OPTIONS (table_name 'remote_part');
SELECT more.bulk_insert('part', '[{"id":100,"v":"r"},{"id":1,"v":"l"},{"id":101,"v":"r"},{"id":2,"v":"l"}]');
SELECT ordinal, status, result FROM more.bulk_update_returning(NULL::part, '[{"id":101,"v":"R"},{"id":1,"v":"L"},{"id":150,"v":"x"}]', key => '{id}');
SELECT ordinal, status, result FROM more.bulk_delete_returning(NULL::part, '[{"id":100},{"id":2}]', key => '{id}');
SELECT * FROM part ORDER BY id;
SELECT * FROM remote_part ORDER BY id;

-- an OR over what is foreign is not reduced: what another server gives may differ from one scan to the next
CREATE TABLE near (id integer PRIMARY KEY, acc_id integer);
INSERT INTO near SELECT g, g % 5 FROM generate_series(1, 20) AS g;
SET pg_more.rewrites = force;
SELECT applied, reason FROM more.explain_rewrites('SELECT near.id FROM near LEFT JOIN acc ON acc.id = near.acc_id WHERE acc.name = ''bob'' OR near.id = 3') WHERE rewrite = 'or_reduction';
SELECT count(*) FROM near LEFT JOIN acc ON acc.id = near.acc_id WHERE acc.name = 'bob' OR near.id = 3;
RESET pg_more.rewrites;
