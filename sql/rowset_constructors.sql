-- more.rowset(composite array) and more.rowset(columns, arrays): rows from typed values.
\set ECHO none
\i sql/include/setup.sql

--
-- One typed array per column
--
SELECT more.rowset(ARRAY['id', 'name'], ARRAY[1, 2], ARRAY['ann', NULL]);
SELECT more.rowset_count(d), more.rowset_columns(d) FROM more.rowset(ARRAY['id', 'name'], ARRAY[1, 2], ARRAY['ann', NULL]) AS d;
-- an array of two dimensions gives each row an array
SELECT more.rowset(ARRAY['id', 'tags'], ARRAY[1, 2], ARRAY[['a', 'b'], ['c', NULL]]);
SELECT more.rowset(ARRAY['cube'], ARRAY[[[1,2],[3,4]],[[5,6],[7,8]]]);
-- the lower bound of an array is of no account
SELECT more.rowset(ARRAY['id'], '[5:6]={1,2}'::integer[]);
-- no rows, no columns
SELECT more.rowset(ARRAY['id', 'name'], '{}'::integer[], '{}'::text[]);
SELECT more.rowset(NULL::text[], ARRAY[1]) IS NULL AS no_names;
-- what it refuses
SELECT more.rowset(ARRAY['id', 'name'], ARRAY[1, 2]);
SELECT more.rowset(ARRAY['id', 'id'], ARRAY[1, 2], ARRAY[1, 2]);
SELECT more.rowset(ARRAY['id', NULL], ARRAY[1, 2], ARRAY[1, 2]);
SELECT more.rowset(ARRAY['id', 'name'], ARRAY[1, 2], ARRAY['a']);
SELECT more.rowset(ARRAY['id'], 1);
SELECT more.rowset(ARRAY['id'], 'x'::text);
SELECT more.rowset(ARRAY['id'], NULL::integer[]);
SELECT more.rowset(ARRAY['id'], VARIADIC ARRAY[ARRAY[1]]);

--
-- An array of composite values: the attributes become the columns
--
CREATE TYPE person AS (id integer, name text, born date);
SELECT more.rowset(ARRAY[(1, 'ann', '2000-01-01'), (2, NULL, NULL)]::person[]);
CREATE TABLE acc (id integer PRIMARY KEY, gone integer, name text, age integer);
INSERT INTO acc VALUES (1, 0, 'ann', 31), (2, 0, 'bob', NULL);
ALTER TABLE acc DROP COLUMN gone;
SELECT more.rowset(array_agg(a ORDER BY id)) FROM acc AS a;
SELECT more.rowset_columns(more.rowset(array_agg(a))) FROM acc AS a;
-- rows of no named type: f1, f2, ...
SELECT more.rowset(ARRAY[ROW(1, 'a'), ROW(2, 'b')]);
-- the rows of a query, with its column names
SELECT more.rowset(array_agg(q)) FROM (SELECT g AS id, 'n' || g AS name FROM generate_series(1, 2) AS g) AS q;
SELECT d, more.rowset_count(d) FROM more.rowset('{}'::person[]) AS d;
SELECT more.rowset(NULL::person[]) IS NULL AS nothing;
-- what it refuses
SELECT more.rowset(ARRAY[(1, 'ann', NULL), NULL]::person[]);
SELECT more.rowset(ARRAY[ROW(1, 2), ROW(1, 'a')]);

--
-- In use: values whose type fits are taken as they are, others are cast as in an assignment, or read as text
--
CREATE TABLE typed (
	id integer PRIMARY KEY,
	big bigint,
	amount numeric(8, 2),
	short varchar(3),
	word text,
	day date,
	at timestamptz,
	flag boolean,
	tags text[],
	doc jsonb,
	who person
);
SET timezone = 'UTC';
SELECT more.bulk_insert('typed', more.rowset(
	ARRAY['id', 'big', 'amount', 'short', 'word', 'day', 'at', 'flag', 'tags', 'doc', 'who'],
	ARRAY[1, 2]::bigint[], ARRAY[10, NULL]::integer[], ARRAY[1.005, 2]::numeric[], ARRAY['abc', 'd']::text[], ARRAY[5, 6],
	ARRAY['2024-02-29', '2024-03-01']::text[], ARRAY['2024-02-29', '2024-03-01']::date[], ARRAY[true, NULL],
	ARRAY[['x', 'y'], ['z', NULL]], ARRAY['{"a":1}', 'null']::json[], ARRAY[(1, 'ann', NULL), NULL]::person[]));
SELECT * FROM typed ORDER BY id;
-- a value that does not fit says where
SELECT more.bulk_update('typed', more.rowset(ARRAY['id', 'short'], ARRAY[1, 2], ARRAY['abc', 'abcd']));
SELECT more.bulk_update('typed', more.rowset(ARRAY['id', 'big'], ARRAY[1, 2], ARRAY[1e10, 1e30]::numeric[]));
SELECT more.bulk_update('typed', more.rowset(ARRAY['id', 'day'], ARRAY[1, 2], ARRAY['2024-01-01', 'soon']));
-- rows of the table itself, changed
SELECT more.bulk_update('typed', more.rowset(ARRAY(SELECT t FROM (SELECT id, big + 1 AS big, upper(word) AS word FROM typed) AS t)));
SELECT id, big, word FROM typed ORDER BY id;
SELECT more.bulk_upsert('typed', (SELECT more.rowset(array_agg(t)) FROM typed AS t));
SELECT count(*) FROM typed;
