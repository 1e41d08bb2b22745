-- What bad input gets: a clear error that says where, and nothing changed.
-- The cases of a kind are followed by the state of the table, which must be "unchanged".
\set ECHO none
\i sql/include/setup.sql
\pset format unaligned
\pset tuples_only

CREATE TABLE acc (
	id integer PRIMARY KEY,
	name text NOT NULL,
	age smallint,
	born date,
	old_column integer,
	twice integer GENERATED ALWAYS AS (age * 2) STORED
);
INSERT INTO acc (id, name, age) VALUES (1, 'ann', 31), (2, 'bob', 32), (3, 'cid', 33);
ALTER TABLE acc DROP COLUMN old_column;
CREATE TABLE acc_before AS TABLE acc;
CREATE VIEW state AS SELECT CASE WHEN
	EXISTS (TABLE acc EXCEPT TABLE acc_before) OR EXISTS (TABLE acc_before EXCEPT TABLE acc) OR
	(SELECT count(*) FROM acc) <> (SELECT count(*) FROM acc_before)
	THEN 'CHANGED' ELSE 'unchanged' END AS acc;

--
-- JSON that does not parse: the line and the character
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},{"id":2,,"age":6}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', E'[{"id":1,"age":5},\n {"id":2,"age":6},\n {"id":3 "age":7}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},{"id":2,"age":6}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5,}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}] x')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{id:1}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"name":"\u00"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"name":{"a":[1,2}}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', E'  \n ')$$);
-- characters are counted, not bytes
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"name":"äöü",,"age":5}]')$$);
-- a zero character cannot be stored
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"name":"a\u0000b"}]')$$);
TABLE state;

--
-- JSON, but not an array of objects
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '5')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', 'null')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '"text"')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},2]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},null]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[[{"id":1,"age":5}]]')$$);
-- one object is not one row: it would be read as columns
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '{"id":1,"age":5}')$$);
-- the same for the other ways to make a rowset
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '5'::json)$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[1]'::jsonb)$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[1]'::text)$$);
-- a column twice in one row
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},{"id":2,"age":6,"id":3}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '{"id":[1],"age":[5],"id":[2]}')$$);
TABLE state;

--
-- Columns of unequal lengths
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '{"id":[1,2,3],"age":[5,6]}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', more.rowset(ARRAY['id','age'], ARRAY[1,2,3], ARRAY[5,6]))$$);
TABLE state;

--
-- A column that the table lacks, with the nearest name
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"naem":"x"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"Age":"5"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},{"id":2,"salary":9}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"":5}]')$$);
SELECT * FROM outcome(format($$SELECT more.bulk_update('acc', '[{"id":1,"%s":5}]')$$, repeat('x', 70)));
SELECT * FROM outcome($$SELECT more.bulk_insert('acc', '[{"id":9,"nam":"x"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_upsert('acc', '[{"id":9,"nam":"x"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_delete('acc', '[{"id":9,"nam":"x"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[{"id":9,"nam":"x"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_get_or_create(NULL::acc, '[{"id":9,"nam":"x"}]')$$);
SELECT * FROM outcome($$SELECT more.rows_in(NULL::acc, '[{"id":9,"nam":"x"}]')$$);
-- system columns are no columns of the data
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"ctid":"(0,1)"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"ctid":"(0,1)","age":5}]', key => '{ctid}')$$);
TABLE state;

--
-- A dropped column
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"old_column":5}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"........pg.dropped.5........":5}]')$$);
TABLE state;

--
-- A value that the type refuses: row, column, type, value
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},{"id":2,"age":"old"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},{"id":2,"age":40000}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},{"id":2,"age":1.5}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":true}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":{"a":1}}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":""}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"born":"2023-02-30"}]')$$);
-- in a key
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},{"id":"two","age":6}]')$$);
-- in the columns form, and in arrays of another type
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '{"id":[1,2,3],"age":[5,6,"seven"]}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', more.rowset(ARRAY['id','age'], ARRAY[1,2], ARRAY['5','six']))$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', more.rowset(ARRAY['id','age'], ARRAY[1,2], ARRAY[5,40000]))$$);
-- a long value is shortened, a character stays whole
SELECT * FROM outcome(format($$SELECT more.bulk_update('acc', '[{"id":1,"born":"%s"}]')$$, repeat('ä', 200)));
-- the other verbs
SELECT * FROM outcome($$SELECT more.bulk_insert('acc', '[{"id":8,"name":"x"},{"id":9,"name":"y","age":"z"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_upsert('acc', '[{"id":1,"name":"x"},{"id":9,"name":"y","age":"z"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_delete('acc', '[{"id":1},{"id":"z"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[{"id":1,"name":"x"},{"id":9,"name":"y","age":"z"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_get_or_create(NULL::acc, '[{"id":8,"name":"x"},{"id":9,"name":"y","age":"z"}]')$$);
SELECT * FROM outcome($$SELECT more.rows_in(NULL::acc, '[{"id":1},{"id":"z"}]')$$);
SELECT * FROM outcome($$SELECT more.rows_missing(NULL::acc, '[{"id":1},{"id":"z"}]')$$);
TABLE state;

--
-- A key missing from a row
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},{"age":6}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"age":6}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},{"id":2,"name":"b","age":6}]', key => '{id,name}')$$);
SELECT * FROM outcome($$SELECT more.bulk_upsert('acc', '[{"id":1,"name":"x"},{"name":"y"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_delete('acc', '[{"id":1},{}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_delete('acc', '[{}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[{"id":1,"name":"x"},{"name":"y"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_get_or_create(NULL::acc, '[{"id":1},{"name":"y"}]')$$);
SELECT * FROM outcome($$SELECT more.rows_in(NULL::acc, '[{"id":1},{}]')$$);
SELECT * FROM outcome($$SELECT more.rows_not_in(NULL::acc, '[{"id":1},{}]')$$);
SELECT * FROM outcome($$SELECT more.rows_missing(NULL::acc, '[{"id":1},{"name":"y"}]')$$);
TABLE state;

--
-- The same key twice: both row numbers
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":2,"age":5},{"id":1,"age":6},{"id":2,"age":7}]')$$);
-- equal, though written differently
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":2,"age":5},{"id":"02","age":6}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"name":"a","age":5},{"id":1,"name":"a","age":6}]', key => '{id,name}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', more.rowset(ARRAY['id','age'], ARRAY[2,3,2], ARRAY[1,2,3]))$$);
SELECT * FROM outcome($$SELECT more.bulk_upsert('acc', '[{"id":9,"name":"a"},{"id":9,"name":"b"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_delete('acc', '[{"id":1},{"id":1}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[{"id":9,"name":"a"},{"id":9,"name":"b"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_get_or_create(NULL::acc, '[{"id":9,"name":"a"},{"id":9,"name":"b"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_insert('acc', '[{"id":9,"name":"a"},{"id":8,"name":"b"},{"id":9,"name":"c"}]')$$);
-- with "match": two rows of the data for one row of the target
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"name":"ann","age":5},{"name":"ann","age":6}]', match => 'target.name = data.name')$$);
TABLE state;

--
-- A column named twice
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', key => '{id,id}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => '{age,age}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => '{age,age = 7}')$$);
TABLE state;

--
-- NULL in a key
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},{"id":null,"age":6}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', more.rowset(ARRAY['id','age'], ARRAY[1,NULL], ARRAY[5,6]))$$);
SELECT * FROM outcome($$SELECT more.bulk_upsert('acc', '[{"id":null,"name":"x"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_delete('acc', '[{"id":1},{"id":null}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[{"id":null,"name":"x"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_get_or_create(NULL::acc, '[{"id":null,"name":"x"}]')$$);
-- an insert has no key to match: the server's own error
SELECT * FROM outcome($$SELECT more.bulk_insert('acc', '[{"id":8,"name":"x"},{"id":null,"name":"x"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_insert('acc', '[{"id":8,"name":"x"},{"id":null,"name":"x"}]', 'ignore')$$);
TABLE state;

--
-- No primary key and no "key"
--
CREATE TABLE heap (id integer, v integer);
INSERT INTO heap VALUES (1, 1);
SELECT * FROM outcome($$SELECT more.bulk_update('heap', '[{"id":1,"v":5}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_upsert('heap', '[{"id":1,"v":5}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_delete('heap', '[{"id":1}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('heap', '[{"id":1,"v":5}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_get_or_create(NULL::heap, '[{"id":1,"v":5}]')$$);
SELECT * FROM outcome($$SELECT more.rows_in(NULL::heap, '[{"id":1}]')$$);
-- a key that is no key of the table
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', key => '{idd}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', key => '{}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', key => ARRAY[NULL])$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', key => '{{id},{age}}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', key => '{id}', match => 'true')$$);

--
-- A key without a unique index, for verbs that insert what they do not find
--
SELECT * FROM outcome($$SELECT more.bulk_upsert('acc', '[{"name":"ann","age":5}]', key => '{name}')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[{"name":"ann","age":5}]', key => '{name}')$$);
SELECT * FROM outcome($$SELECT more.bulk_get_or_create(NULL::acc, '[{"name":"ann"}]', key => '{name}')$$);
SELECT * FROM outcome($$SELECT more.bulk_upsert('acc', '[{"id":1,"name":"ann"}]', key => '{id,name}')$$);
TABLE heap;
TABLE state;

--
-- A key of a type without an order
--
CREATE TABLE points (p point, doc json, v integer);
SELECT * FROM outcome($$SELECT more.bulk_update('points', '[{"p":"(1,1)","v":5}]', key => '{p}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('points', '[{"doc":{},"v":5}]', key => '{doc}')$$);

--
-- A generated column
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"twice":5}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => '{twice = 5}')$$);
SELECT * FROM outcome($$SELECT more.bulk_insert('acc', '[{"id":9,"name":"x","twice":5}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_upsert('acc', '[{"id":1,"twice":5}]')$$);
-- what an upsert does not set is inserted all the same
SELECT * FROM outcome($$SELECT more.bulk_upsert('acc', '[{"id":1,"age":5,"twice":5}]', set => '{age}')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[{"id":1,"twice":5}]')$$);
TABLE state;

--
-- A "match" that does not parse or names something else
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => 'target.id = = data.id')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => '')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => 'target.id = data.id; DROP TABLE acc')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => 'true) OR (true')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => 'true WHERE true')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => 'true, false')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => 'target.id = data.idd')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => 'target.uid = data.id')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => 'acc.id = data.id')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => 'id = data.id')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => 'target.id')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => 'target.id = max(data.id)')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => 'target.id = $1')$$);
SELECT * FROM outcome($$SELECT more.bulk_delete('acc', '[{"id":1}]', match => 'target.id = data.')$$);
TABLE state;

--
-- A "set" that does not parse or names something else
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => '{agee}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => '{agee = 5}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => '{name}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => '{age = }')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => '{age := 5}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => '{= 5}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => ARRAY['age = 5, name = ''x'''])$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => ARRAY['age = 5 WHERE true'])$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => '{age = data.years}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => '{age = target.years}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => ARRAY['age = ''x'''])$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => ARRAY[NULL])$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', set => '{}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_upsert('acc', '[{"id":1,"age":5}]', set => '{age = }')$$);
TABLE state;

--
-- A "condition" of a sync that does not parse, or names the data
--
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[{"id":1,"name":"x"}]', condition => 'target.id >')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[{"id":1,"name":"x"}]', condition => 'true) OR (true')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[{"id":1,"name":"x"}]', condition => 'target.idd > 1')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[{"id":1,"name":"x"}]', condition => '')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[]', condition => 'target.id >')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[{"id":1,"name":"x"}]', condition => 'target.id = data.id')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[]', condition => 'data.id > 1')$$);
TABLE state;

--
-- The parser's errors point into the argument's text, not into the statement that pg_more writes around it
--
\set SHOW_CONTEXT errors
SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => 'target.id = = data.id');
SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => E'target.name <> ''äöü''\n AND target.id = data.idd');
SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', match => 'target.id + data.id');
SELECT more.bulk_update('acc', '[{"id":1,"age":5},{"id":2,"age":6}]', set => ARRAY['name = ''x''', 'age = target.age + years']);
SELECT more.bulk_upsert('acc', '[{"id":1,"name":"x"},{"id":2,"name":"y"}]', set => ARRAY['age = ''one''']);
SELECT more.bulk_sync('acc', '[{"id":1,"name":"x"}]', condition => 'target.id');
SELECT * FROM more.rows_in(NULL::acc, '[{"id":1}]', match => 'target.id = data.id::no_such_type');
\set SHOW_CONTEXT never
TABLE state;

--
-- Nothing to sync to, without a condition
--
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[]')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '{}')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '{"id":[],"name":[]}')$$);
SELECT * FROM outcome($$SELECT more.bulk_sync('acc', '[]', allow_empty => NULL)$$);
TABLE state;

--
-- Rows that must be there and are not
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},{"id":7,"age":6},{"id":8,"age":6}]', missing => 'error')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"name":"ann","age":5},{"name":"zoe","age":6}]', match => 'target.name = data.name', missing => 'error')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', missing => 'fail')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5}]', missing => NULL)$$);
SELECT * FROM outcome($$SELECT more.bulk_insert('acc', '[{"id":1,"name":"x"}]', on_conflict => 'update')$$);
TABLE state;

--
-- No target, no data, no table
--
SELECT * FROM outcome($$SELECT more.bulk_update(NULL, '[{"id":1,"age":5}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', NULL)$$);
SELECT * FROM outcome($$SELECT more.bulk_update('no_such_table', '[{"id":1,"age":5}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update(4000000000::oid::regclass, '[{"id":1,"age":5}]')$$);
CREATE SEQUENCE seq;
CREATE INDEX acc_age ON acc (age);
CREATE TYPE pair AS (a integer, b integer);
CREATE MATERIALIZED VIEW mat AS SELECT * FROM acc;
SELECT * FROM outcome($$SELECT more.bulk_update('seq', '[{"last_value":1,"is_called":true}]', key => '{last_value}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc_age', '[{"age":1}]', key => '{age}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('pair', '[{"a":1,"b":1}]', key => '{a}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('mat', '[{"id":1,"age":1}]', key => '{id}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update_returning(NULL::pair, '[{"a":1,"b":1}]', key => '{a}')$$);
SELECT * FROM outcome($$SELECT more.rows_in(NULL::integer, '[{"id":1}]')$$);
CREATE DOMAIN acc_row AS acc CHECK ((VALUE).id < 100);
SELECT * FROM outcome($$SELECT more.rows_in(NULL::acc_row, '[{"id":1}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update_returning(NULL::acc_row, '[{"id":1,"age":5}]')$$);
SELECT * FROM outcome($$SELECT more.rows_in(ROW(1,2), '[{"id":1}]')$$);
TABLE state;

--
-- The data as a whole: only columns that are named are there, so that its whole row would be another than is meant
--
SELECT * FROM outcome($$SELECT more.bulk_delete('acc', '[{"id":1,"age":99}]', match => $m$to_jsonb(data)->>'age' IS NULL$m$)$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":7}]', set => ARRAY['name = to_jsonb(data.*)::text'])$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":7}]', set => ARRAY['age = (data).age'])$$);
SELECT * FROM outcome($$SELECT count(*) FROM more.rows_in(NULL::acc, '[{"id":1}]', match => '(SELECT d.id FROM (SELECT data.*) AS d) = target.id')$$);
TABLE state;

--
-- Violated constraints: the server's own errors
--
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"age":5},{"id":2,"name":null}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_insert('acc', '[{"id":9,"name":"x"},{"id":1,"name":"y"}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_upsert('acc', '[{"id":1,"age":7},{"id":9,"age":8}]')$$);
TABLE state;

-- After all these errors the session still works.
SELECT more.bulk_update('acc', '[{"id":1,"age":41},{"id":2,"age":42}]');
SELECT id, age, twice FROM acc ORDER BY id;
