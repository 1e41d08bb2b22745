-- Running queries: more.rows, run, fetch, count, exists, first, get, execute, open, explain, columns.
CREATE EXTENSION pg_more;
CREATE TABLE item (id integer PRIMARY KEY, name text, price numeric(8,2));
INSERT INTO item SELECT i, 'item ' || i, i * 1.5 FROM generate_series(1, 5) AS i;
\set VERBOSITY default

-- rows: an object per row, with the query's names
SELECT * FROM more.rows(more.filter(more.from_table('item'), 'id > $least', '{"least": 3}'));
SELECT more.rows('SELECT id AS number, name AS "a ""b""" FROM item WHERE id = 1');
SELECT * FROM more.rows('VALUES (1, NULL::text)');
SELECT * FROM more.rows('SELECT FROM item WHERE id < 3');
SELECT * FROM more.rows('SELECT 1 AS a, 2 AS b, 3 AS a');
SELECT * FROM more.rows(NULL);

-- run: by position, types as in the column definition list
SELECT * FROM more.run(more.filter(more.from_table('item'), 'name = $name', '{"name": "item 3"}')) AS r(a integer, b text, c numeric);
SELECT * FROM more.run('SELECT name::varchar FROM item WHERE id = 1') AS r(a text);
SELECT * FROM more.run(more.from_table('item')) AS r(a integer, b text);
SELECT * FROM more.run(more.from_table('item')) AS r(a integer, b integer, c numeric);
SELECT more.run(more.from_table('item'));

-- fetch: by name; what the query does not give is null
SELECT * FROM more.fetch('SELECT name, id FROM item WHERE id = 2', NULL::item);
SELECT (f).price FROM more.fetch(more.from_table('item'), NULL::item) AS f WHERE f.id = 2;
SELECT * FROM more.fetch('SELECT name, id AS i FROM item WHERE id = 2', NULL::item);
SELECT * FROM more.fetch('SELECT name, id AS nam FROM item WHERE id = 2', NULL::item);
SELECT * FROM more.fetch('SELECT name, id::text FROM item WHERE id = 2', NULL::item);
SELECT * FROM more.fetch('SELECT id, id FROM item', NULL::item);
SELECT * FROM more.fetch(NULL, NULL::item);
SELECT * FROM more.fetch('SELECT 1 AS a', NULL::integer);
CREATE TABLE changed (a integer, b integer, c integer);
ALTER TABLE changed DROP COLUMN b;
INSERT INTO changed VALUES (1, 3);
SELECT * FROM more.fetch(more.from_table('changed'), NULL::changed);
SELECT * FROM more.fetch('SELECT 7 AS c', NULL::changed);

-- count, exists, first, get
SELECT more.count(more.from_table('item')), more.count('SELECT * FROM item ORDER BY id LIMIT 3'), more.count('SELECT FROM item WHERE false');
SELECT more.count('SELECT id FROM item UNION ALL SELECT id FROM item'), more.count('VALUES (1), (2)');
SELECT more.exists('SELECT FROM item'), more.exists('SELECT FROM item WHERE id > 9'), more.exists('SELECT 1 LIMIT 0');
SELECT more.first('SELECT id FROM item ORDER BY id DESC'), more.first('SELECT id FROM item WHERE false') IS NULL,
	more.first('SELECT id FROM item ORDER BY id LIMIT 3 OFFSET 2'), more.first('SELECT id FROM item ORDER BY id FETCH FIRST 2 ROWS WITH TIES');
SELECT more.get('SELECT name FROM item WHERE id = 2');
SELECT more.get(more.from_table('item'));
SELECT more.get('SELECT id FROM item WHERE false');
SELECT more.get('SELECT id FROM item LIMIT 3');
SELECT more.count(NULL), more.exists(NULL), more.first(NULL), more.get(NULL);

-- queries that write
SELECT more.execute('UPDATE item SET price = price + 1 WHERE id < 3');
SELECT * FROM more.rows('UPDATE item SET price = price + 1 WHERE id < 3 RETURNING id, price AS p');
SELECT more.first('INSERT INTO item VALUES (8, ''x'', 1), (9, ''y'', 2) RETURNING id');
SELECT more.get('DELETE FROM item WHERE id = 8 RETURNING name');
SELECT more.get('DELETE FROM item RETURNING name');
SELECT more.get(more.filter('DELETE FROM item RETURNING name', 'true'));
SELECT count(*) FROM item;
SELECT * FROM more.rows('WITH gone AS (DELETE FROM item WHERE id = 9 RETURNING *) SELECT name FROM gone');
SELECT * FROM more.rows('SELECT id FROM item WHERE id = 1 FOR UPDATE');
SELECT more.execute('SELECT FROM item'), more.execute('DELETE FROM item WHERE false');
SELECT * FROM more.rows('DELETE FROM item');
SELECT more.count('DELETE FROM item RETURNING id');
SELECT more.exists('DELETE FROM item RETURNING id');
SELECT more.first('DELETE FROM item');
SELECT more.open('DELETE FROM item');

-- a query sees what was done before it in the same statement, when it writes; else what the statement sees
CREATE FUNCTION add_item() RETURNS integer LANGUAGE sql AS 'INSERT INTO item VALUES (10, ''ten'', 10) RETURNING id';
SELECT add_item(), more.count(more.from_table('item'));
DELETE FROM item WHERE id = 10;

-- open: a cursor until the transaction ends
BEGIN;
SELECT more.open(more.filter('SELECT * FROM item ORDER BY id', 'name <> $name', '{"name": "item 2"}')) AS items \gset
FETCH 2 FROM :"items";
FETCH ALL FROM :"items";
COMMIT;
CREATE FUNCTION total(items refcursor) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	item record;
	result numeric := 0;
BEGIN
	LOOP
		FETCH items INTO item;
		EXIT WHEN NOT FOUND;
		result := result + item.price;
	END LOOP;
	RETURN result;
END
$$;
SELECT total(more.open(more.from_table('item')));

-- explain; with analyze the query is run
SELECT * FROM more.explain(more.filter(more.from_table('item'), 'id = $id', '{"id": 3}'), 'costs off');
SELECT count(*) > 1 AS lines FROM more.explain('UPDATE item SET price = 100', 'analyze', 'costs off', 'timing off');
SELECT count(*) FROM item WHERE price = 100;
SELECT json_typeof(string_agg(line, '')::json) FROM more.explain('SELECT 1', 'format json') AS line;
UPDATE item SET price = 1.5 * id;
SELECT * FROM more.explain('SELECT 1', 'costs off) SELECT 2; DROP TABLE item --');
SELECT * FROM more.explain('SELECT 1', 'format  json');
SELECT * FROM more.explain('SELECT 1', NULL);
SELECT * FROM more.explain('SELECT 1', 'nonsense');

-- columns
SELECT * FROM more.columns('SELECT id, name::varchar(5) AS x, price, 1.5, ARRAY[id] FROM item');
SELECT * FROM more.columns('DELETE FROM item RETURNING id');
SELECT * FROM more.columns('DELETE FROM item');

-- values take the type that their place asks for
SELECT * FROM more.rows(more.filter('SELECT DATE ''2024-02-29'' AS day, ''{1,2}''::integer[] AS list', 'day < $day AND $one = ANY (list)', '{"day": "2024-03-01", "one": 1}'));
SELECT * FROM more.rows(more.filter('SELECT 1 AS a', 'a = $value', '{"value": "x"}'));
SELECT * FROM more.rows(more.filter('SELECT 1 AS a', '$value IS NOT NULL', '{"value": "x"}'));
SELECT * FROM more.rows(more.filter('SELECT 1 AS a', '$value = ''x''', '{"value": "x"}'));

-- the server's errors
SELECT * FROM more.rows('SELECT * FROM nope');
SELECT more.count(more.filter('SELECT * FROM nope', 'name = $name', '{"name": "a"}'));
SELECT * FROM more.rows(more.filter(more.from_table('item'), 'zzzzzzzz = $name', '{"name": "a"}'));
SELECT * FROM more.rows('SELECT 1 / (id - 3) AS a FROM item');

-- the caller's rights
CREATE ROLE regress_query_reader;
GRANT SELECT (id) ON item TO regress_query_reader;
SET ROLE regress_query_reader;
SELECT more.count('SELECT id FROM item');
SELECT * FROM more.rows(more.from_table('item'));
SELECT * FROM more.columns(more.from_table('item'));
SELECT more.execute('DELETE FROM item');
RESET ROLE;
DROP OWNED BY regress_query_reader;
DROP ROLE regress_query_reader;

-- with the room's schema in the search_path, the server's functions are found as without
SET search_path = more, public;
SELECT count(name), count(name::varchar), count(*) FROM item;
SELECT count(from_table('item'));
