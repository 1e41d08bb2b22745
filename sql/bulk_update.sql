-- more.bulk_update: which rows are found, which columns are set, to what, and what is counted.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE acc (id integer PRIMARY KEY, name text NOT NULL, age integer, hits integer NOT NULL DEFAULT 0, note text);
CREATE VIEW show AS SELECT * FROM acc ORDER BY id;
INSERT INTO acc VALUES (1, 'ann', 31, 1, 'x'), (2, 'bob', 32, 2, 'y'), (3, 'cid', 33, 3, 'z'), (4, 'dan', 34, 4, NULL);

-- By primary key; every other column of the data is set. Rows of the data that match nothing are passed over.
SELECT more.bulk_update('acc', '[{"id":3,"age":43},{"id":1,"age":41},{"id":99,"age":0}]');
TABLE show;
-- Absent keeps the value in that row, null sets NULL.
SELECT more.bulk_update('acc', '[{"id":1,"name":"ANN"},{"id":2,"age":null},{"id":3,"note":null,"name":"CID"}]');
TABLE show;
-- columns form; nothing to do
SELECT more.bulk_update('acc', '{"id":[1,2],"hits":[11,12]}');
SELECT more.bulk_update('acc', '[]');
TABLE show;

-- The order of the columns in the data says nothing, from one call to the next.
SELECT more.bulk_update('acc', '[{"id":1,"age":1,"hits":2}]', set => '{age,hits}');
SELECT more.bulk_update('acc', '[{"hits":2,"age":1,"id":2}]', set => '{age,hits}');
SELECT more.bulk_update('acc', '[{"hits":2,"id":3,"age":1}]', set => '{age,hits}');
TABLE show;

-- Another key, of one column or several; it may match many rows of the target.
CREATE TABLE part (a integer, b text, c integer, v text);
INSERT INTO part VALUES (1, 'x', 1, 'o'), (1, 'x', 2, 'o'), (1, 'y', 3, 'o'), (2, 'x', 4, 'o'), (NULL, 'x', 5, 'o');
SELECT more.bulk_update('part', '[{"a":1,"b":"x","v":"one"},{"b":"x","a":2,"v":"two"}]', key => '{a,b}');
SELECT more.bulk_update('part', '[{"b":"x","a":1,"v":"one again"}]', key => '{b,a}');
SELECT * FROM part ORDER BY c;
SELECT more.bulk_update('part', '[{"b":"x","v":"all x"}]', key => '{b}');
SELECT * FROM part ORDER BY c;

-- "set" names columns of the data: the others are not written.
SELECT more.bulk_update('acc', '[{"id":1,"name":"no","age":61},{"id":2,"name":"no","age":62}]', set => '{age}');
-- "set" gives expressions over target and data
SELECT more.bulk_update('acc', '[{"id":1,"hits":100},{"id":2,"hits":200}]', set => '{hits = target.hits + data.hits}');
SELECT more.bulk_update('acc', '[{"id":1,"name":"ann"},{"id":4,"name":"DAN"}]',
	set => ARRAY['name', 'note = coalesce(target.note || '', '', '''') || data.name', 'hits=0 -- reset']);
TABLE show;
-- both at once, names as SQL reads them
SELECT more.bulk_update('acc', '[{"id":1,"age":1}]', set => ARRAY['AGE = data.age + 1', ' "note" = ''q''']);
-- the same column on both sides sees the old value
SELECT more.bulk_update('acc', '[{"id":1,"age":7}]', set => '{age = target.hits, hits = target.age}');
TABLE show;
-- a data column that no column of the target is called like, for an expression's use
SELECT more.bulk_update('acc', '[{"id":1,"more":"5"},{"id":2,"more":"6"}]', set => '{hits = target.hits + data.more::integer}');
TABLE show;
-- a row that lacks what an expression is made of keeps its value
SELECT more.bulk_update('acc', '[{"id":1,"hits":1},{"id":2,"note":"only"}]', set => '{hits = target.hits + data.hits,note}');
TABLE show;
-- the key itself may be set
SELECT more.bulk_update('acc', '[{"id":4,"note":"was four"}]', set => '{note,id = target.id * 10}');
TABLE show;

-- "match" pairs rows by any condition; one row of the data may match many rows.
CREATE TABLE pkg (id integer PRIMARY KEY, md5 text, sha2 text, size integer);
INSERT INTO pkg VALUES (1, 'a', 'A', 0), (2, 'b', NULL, 0), (3, 'c', 'other', 0), (4, 'a', NULL, 0);
SELECT more.bulk_update('pkg', '[{"md5":"a","sha2":"A","size":1},{"md5":"b","sha2":"B","size":2},{"md5":"c","sha2":"C","size":3}]',
	match => 'target.md5 = data.md5 AND (target.sha2 = data.sha2 OR target.sha2 IS NULL)', set => '{size,sha2}');
SELECT * FROM pkg ORDER BY id;
-- without "set" all columns of the data are written, those of the condition too
SELECT more.bulk_update('pkg', '[{"md5":"A","size":9}]', match => 'target.md5 = lower(data.md5) AND target.size > 0');
SELECT * FROM pkg ORDER BY id;
SELECT more.bulk_update('pkg', '[{"low":2,"high":3,"size":7}]', match => 'target.id BETWEEN data.low::integer AND data.high::integer', set => '{size}');
SELECT * FROM pkg ORDER BY id;

-- skip_unchanged: rows whose stored values stay the same are not written.
CREATE TRIGGER noted BEFORE UPDATE ON acc FOR EACH ROW EXECUTE FUNCTION note_trigger();
SELECT more.bulk_update('acc', '[{"id":1,"name":"ann"},{"id":2,"name":"bobby"}]');
SELECT count(*) FROM fired;
SELECT more.bulk_update('acc', '[{"id":1,"name":"ann"},{"id":2,"name":"bob"},{"id":3,"note":null}]', skip_unchanged => true);
SELECT count(*) FROM fired;
SELECT more.bulk_update('acc', '[{"id":1,"note":null},{"id":2,"note":null}]', skip_unchanged => true);
SELECT more.bulk_update('acc', '[{"id":1,"note":null},{"id":2,"note":null}]', skip_unchanged => true);
SELECT more.bulk_update('acc', '[{"id":1,"hits":0},{"id":2,"hits":1}]', set => '{hits = target.hits + data.hits}', skip_unchanged => true);
DROP TRIGGER noted ON acc;
-- a key that many rows have: each of them is updated or stays
SELECT more.bulk_update('part', '[{"b":"x","v":"same"}]', key => '{b}');
UPDATE part SET v = 'other' WHERE c = 2;
SELECT more.bulk_update('part', '[{"b":"x","v":"same"}]', key => '{b}', skip_unchanged => true);
-- stored images are compared: 1.0 and 1.00 differ, what a modifier rounds away does not
CREATE TABLE amounts (id integer PRIMARY KEY, n numeric, r numeric(8,2), c char(5), j json);
INSERT INTO amounts VALUES (1, 1.0, 1, 'a', '{"a":1}');
SELECT more.bulk_update('amounts', '[{"id":1,"n":1.0}]', skip_unchanged => true);
SELECT more.bulk_update('amounts', '[{"id":1,"n":1.00}]', skip_unchanged => true);
SELECT more.bulk_update('amounts', '[{"id":1,"r":1.001,"c":"a","j":{"a":1}}]', skip_unchanged => true);
SELECT more.bulk_update('amounts', '[{"id":1}]', set => '{r = target.r + 0.001}', skip_unchanged => true);
SELECT more.bulk_update('amounts', '[{"id":1,"j":{"a": 1}}]', skip_unchanged => true);

-- missing => 'error': each row of the data must match.
SELECT more.bulk_update('acc', '[{"id":1,"age":1},{"id":2,"age":2}]', missing => 'error');
SELECT more.bulk_update('acc', '[{"id":1,"age":3},{"id":98,"age":3},{"id":99,"age":3}]', missing => 'error');
SELECT more.bulk_update('acc', '[{"id":1,"age":1},{"id":2,"age":22}]', missing => 'error', skip_unchanged => true);
SELECT id, age FROM acc WHERE id < 3 ORDER BY id;

-- Many rows, in any order.
CREATE TABLE many (id integer PRIMARY KEY, v integer, w text);
INSERT INTO many SELECT g, 0, 'w' FROM generate_series(1, 20000) AS g;
SELECT more.bulk_update('many', (SELECT json_agg(json_build_object('id', g, 'v', g * 2) ORDER BY md5(g::text)) FROM generate_series(1, 30000, 2) AS g));
SELECT count(*) FILTER (WHERE v = id * 2) AS updated, count(*) FILTER (WHERE v = 0) AS left_alone, count(*) FILTER (WHERE w <> 'w') AS wrong FROM many;
SELECT more.bulk_update('many', more.rowset(ARRAY['id', 'v', 'w'],
	ARRAY(SELECT g FROM generate_series(1, 20000) AS g ORDER BY md5(g::text)),
	ARRAY(SELECT g * 3 FROM generate_series(1, 20000) AS g ORDER BY md5(g::text)),
	ARRAY(SELECT 'w' || g FROM generate_series(1, 20000) AS g ORDER BY md5(g::text))));
SELECT count(*) FROM many WHERE v = id * 3 AND w = 'w' || id;
