-- What a step must not do: give a query that means something else.
CREATE EXTENSION pg_more;
SET search_path = public, more;
CREATE TABLE maker (id integer PRIMARY KEY, country text);
INSERT INTO maker VALUES (1, 'at'), (2, 'ch'), (4, 'de');
CREATE TABLE item (id integer PRIMARY KEY, maker_id integer, price integer);
INSERT INTO item VALUES (1, 1, 10), (2, 1, 20), (3, 2, 30);

-- a null array of columns is an error
SELECT pick('SELECT * FROM item', VARIADIC NULL::text[]);
SELECT group_by('SELECT * FROM item', VARIADIC NULL::text[]);
SELECT order_by('SELECT * FROM item', VARIADIC NULL::text[]);
SELECT distinct_on('SELECT * FROM item', VARIADIC NULL::text[]);
SELECT more.returning('DELETE FROM item', VARIADIC NULL::text[]);
SELECT as_update('SELECT 1 AS id', 'item', NULL);
SELECT combine('union', VARIADIC NULL::query[]);

-- GROUP BY has columns of the list, by number or name
SELECT count(pick('SELECT id, 1 AS one FROM item GROUP BY 1', 'one'));
SELECT more.rows(pick('SELECT maker_id + 1 AS next, 5 AS five FROM item GROUP BY next', 'five'));
SELECT sql(pick(group_by(from_table('item'), 'id', 'maker_id'), 'maker_id'));

-- target in the user's own text is not the table that is changed
SELECT sql(more.returning('UPDATE item SET price = 0 FROM maker AS target WHERE target.id = maker_id', 'item.id'));
SELECT more.rows(more.returning('UPDATE item SET price = price + 1 FROM maker AS target WHERE target.id = maker_id AND maker_id = 2',
								'price', 'target.country'));
SELECT sql(more.returning('INSERT INTO item SELECT id + 10 AS target FROM item', 'id'));
SELECT sql(more.returning('DELETE FROM item AS target WHERE id = 3', 'id'));

-- nor is base, when it is the user's, what join_with makes
SELECT more.rows(filter('SELECT * FROM item AS "base" RIGHT JOIN maker USING (id)', 'id > 3'));
SELECT sql(order_by('SELECT * FROM item AS "base" NATURAL JOIN maker', 'id'));
SELECT sql(filter('SELECT "base".price, id FROM item AS "base" RIGHT JOIN maker USING (id)', 'id > 3'));

-- a join's columns stay at hand when another is computed
SELECT more.rows(pick(annotate(join_with(from_table('item'), 'maker', from_table('maker'), 'maker.id = maker_id'),
							   'twice', 'price * 2'), 'id', 'maker.country', 'twice'));

-- names of WITH queries: those of one arm are no tables of another, however they are written
SELECT sql(combine('union all', 'WITH "item" AS (SELECT 7 AS id) SELECT id FROM "item"', 'SELECT id FROM item'));
SELECT sql(combine('union all', 'WITH MAKER AS (SELECT 7 AS id) SELECT id FROM MAKER', 'SELECT id FROM maker'));
SELECT sql(combine('union all', 'WITH one AS (SELECT 7 AS id) SELECT id FROM one', 'SELECT id AS one FROM item'));
SELECT sql(combine('union', 'WITH one AS (SELECT 7 AS id) SELECT id FROM one', 'WITH one AS (SELECT 7 AS id) SELECT id + 1 FROM one'));
SELECT sql(attach('WITH ONE AS (SELECT 7 AS id) SELECT id FROM ONE', 'one', 'SELECT 8 AS id'));

-- nor when they move outward with one that changes rows
SELECT sql(attach('SELECT id FROM item', 'gone', 'WITH item AS (SELECT 7 AS id) DELETE FROM maker WHERE id IN (SELECT id FROM item)'));
SELECT sql(join_with('SELECT id FROM item', 'o',
					 'WITH item AS (SELECT 7 AS id), gone AS (DELETE FROM maker RETURNING id) SELECT id FROM item', 'o.id = id'));
SELECT sql(combine('union', 'SELECT id FROM item',
				   'WITH item AS (SELECT 7 AS id), gone AS (DELETE FROM maker RETURNING id) SELECT id FROM item'));
SELECT sql(combine('union', 'WITH item AS (SELECT 8 AS id) SELECT id FROM item',
				   'WITH item AS (SELECT 7 AS id), gone AS (DELETE FROM maker RETURNING id) SELECT id FROM item'));
SELECT sql(combine('union', 'WITH item AS (SELECT id FROM item) SELECT id FROM item',
				   'WITH item AS (SELECT 7 AS id), gone AS (DELETE FROM maker RETURNING id) SELECT id FROM item'));
SELECT sql(attach('SELECT id FROM public.item', 'gone', 'WITH item AS (SELECT 7 AS id) DELETE FROM maker WHERE id IN (SELECT id FROM item)'));

-- nor when RECURSIVE lets them see themselves and what comes after
SELECT sql(attach('WITH item AS (SELECT id FROM item) SELECT id FROM item', 'r',
				  'SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3', recursive => true));
SELECT sql(attach('WITH old AS (SELECT id FROM item) SELECT id FROM old', 'item',
				  'SELECT 1 AS n UNION ALL SELECT n + 1 FROM item WHERE n < 3', recursive => true));
SELECT sql(attach('WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r', 'item',
				  'SELECT id FROM item'));
SELECT sql(attach('WITH RECURSIVE a AS (SELECT n FROM b), b AS (SELECT 1 AS n) SELECT n FROM a', 'c', 'SELECT n FROM a'));
SELECT sql(attach('WITH old AS (SELECT id FROM item) SELECT id FROM old', 'r',
				  'SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3', recursive => true));

-- changes that nobody named are told apart
SELECT more.rows(combine('union all', 'INSERT INTO item VALUES (5, 2, 50) RETURNING id', 'INSERT INTO maker VALUES (5, $$"pg_more 1"$$) RETURNING id'));
SELECT more.rows(join_with(filter('UPDATE item SET price = price + 1 RETURNING id, price', 'id = 5'), 'm',
						   filter('UPDATE maker SET country = country || $$"pg_more 1"$$ RETURNING id, country', 'id = 5'), 'm.id = id'));
SELECT sql(combine('union all', filter(from_table('item'), 'id = 1'),
				   filter('DELETE FROM item RETURNING *', 'id > 2'), filter('DELETE FROM item RETURNING *', 'id > 2')));

-- operators of JSON conditions are those that the column's type has, whatever search_path finds
CREATE SCHEMA hidden;
CREATE FUNCTION hidden.never(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR hidden.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = hidden.never);
CREATE OPERATOR hidden.> (LEFTARG = integer, RIGHTARG = integer, FUNCTION = hidden.never);
SELECT filter('SELECT * FROM public.item', '{"maker_id": [1, 7], "price": {"_gt": 5}, "id": {"_ne": 2}, "_or": [{"id": 1}, {"_not": {"id": 3}}]}') AS found \gset
SELECT :'found';
SET search_path = hidden, pg_catalog;
SELECT more.rows(:'found');
SELECT more.rows(more.exclude('SELECT id FROM public.item', '{"id": [1, 2]}'));
SET search_path = public, more;

-- the order by an expression is not one by its first word
SELECT more.rows(distinct_on(order_by(from_table('item'), 'maker_id % 2', 'price DESC'), 'maker_id'));
SELECT sql(distinct_on(order_by(from_table('item'), 'maker_id DESC NULLS LAST', 'price DESC'), 'maker_id'));
SELECT sql(distinct_on('SELECT * FROM item ORDER BY maker_id USING >, price', 'maker_id'));
SELECT sql(distinct_on(order_by(filter(from_table('item'), 'id > $a', '{"a": 1}'), 'maker_id'), 'maker_id'));

-- trees whose keys have a length or a precision
CREATE TABLE named (name varchar(5) PRIMARY KEY, parent varchar(5));
INSERT INTO named VALUES ('a', NULL), ('b', 'a'), ('c', 'b');
SELECT r ->> 'name' AS name, r -> 'path' AS path FROM more.rows(tree('named', 'parent')) AS r;
CREATE TABLE padded (name char(4) PRIMARY KEY, parent char(4));
INSERT INTO padded VALUES ('aa', NULL), ('bb', 'aa'), ('cc', 'bb');
SELECT r ->> 'name' AS name, r -> 'path' AS path FROM more.rows(descendants('padded', 'parent', 'name = ''aa''')) AS r;
CREATE TABLE numbered (number numeric(5, 0) PRIMARY KEY, parent numeric(5, 0));
INSERT INTO numbered VALUES (1, NULL), (2, 1);
SELECT r -> 'number' AS number, r -> 'path' AS path FROM more.rows(ancestors('numbered', 'parent', 'number = 2')) AS r;

-- operators of trees are the server's, whatever search_path finds
CREATE OPERATOR hidden.+ (LEFTARG = integer, RIGHTARG = integer, FUNCTION = pg_catalog.int4mi);
CREATE TABLE node (id integer PRIMARY KEY, up integer);
INSERT INTO node VALUES (1, NULL), (2, 1), (3, 1), (4, NULL);
SET search_path = hidden, pg_catalog;
SELECT r -> 'id' AS id, r -> 'depth' AS depth, r -> 'path' AS path FROM more.rows(more.descendants('public.node', 'up', 'id < 2')) AS r;
SELECT more.rows(more.siblings('public.node', 'up', 'id OPERATOR(pg_catalog.=) 2'));
SELECT more.rows(more.siblings('public.node', 'up', 'id OPERATOR(pg_catalog.=) 4'));
SET search_path = public, more;
-- A tree's WITH query hides no table of a user's.
CREATE TABLE tree (id integer PRIMARY KEY, up integer, name text);
INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'leaf'), (3, 7, 'lost');
SELECT r FROM more.rows(more.pick(more.filter(more.tree('tree', 'up'), 'tree.depth = 1 AND EXISTS (SELECT FROM tree AS x WHERE x.name = ''lost'')'), 'name', 'path')) AS r;
SELECT r FROM more.rows(more.combine('union all', more.pick(more.tree('tree', 'up'), 'name'), 'SELECT name FROM tree WHERE id = 3')) AS r ORDER BY r::text;
-- Of a change of the user's own that reads another table, returning gives the changed table's columns, unless asked.
CREATE TABLE news (id integer, name text);
INSERT INTO news VALUES (2, 'twig'), (3, 'found');
SELECT r FROM more.rows(more.returning('UPDATE tree AS t SET name = n.name FROM news AS n WHERE n.id = t.id')) AS r ORDER BY r::text;
SELECT more.returning('DELETE FROM public.tree USING news WHERE news.id = tree.id', 'id', 'upper(name) AS name', 'news.name AS new');
SELECT more.returning('DELETE FROM tree', 'id');
SELECT r FROM more.rows(more.returning('DELETE FROM public.tree USING news WHERE news.id = tree.id', 'id', 'upper(name) AS name', 'news.name AS new')) AS r ORDER BY r::text;
-- After a group by a joined query's column, a name in an aggregate is the query's, whatever was wrapped.
SELECT r FROM more.rows(aggregate(group_by(join_with('SELECT * FROM maker', 'i', 'SELECT * FROM item', 'id = i.maker_id'), 'i.id'), 'most', 'max(id)')) AS r ORDER BY r::text;
SELECT r FROM more.rows(aggregate(group_by(slice(join_with('SELECT * FROM maker', 'i', 'SELECT * FROM item', 'id = i.maker_id'), 0, 9), 'i.id'), 'most', 'max(id)')) AS r ORDER BY r::text;
-- Of two columns of one name, none becomes another one in JSON.
SELECT more.rows(pick(filter('SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS a_1_1 LIMIT 5', '{"a_1": 3}'), 'a_1'));
-- The user's own brackets, relations beside q, and names with a schema stay what they are.
SELECT more.rows(filter('SELECT * FROM ((SELECT 1 AS x) AS a JOIN (SELECT 2 AS y) AS b ON true) AS "q"', '{"x": 1}'));
SELECT more.rows(filter('SELECT "q".country FROM (SELECT * FROM maker) AS "q" JOIN item ON item.maker_id = "q".id', 'item.id = 1'));
SELECT more.rows(filter(slice('SELECT * FROM maker', 0, 9), 'id = (SELECT public.item.maker_id FROM public.item WHERE public.item.id = 1)'));
-- The steps' aliases are out of reach whatever is quoted.
SET quote_all_identifiers = on;
SELECT filter(join_with('SELECT * FROM maker', 'i', 'SELECT * FROM item', 'id = i.maker_id'), 'base.id = 1');
SELECT filter(join_with('SELECT * FROM maker', 'i', 'SELECT * FROM item', 'id = i.maker_id'), '{"base.id": 1}');
RESET quote_all_identifiers;
-- Types and functions in conditions in JSON are the server's, whatever search_path finds.
CREATE DOMAIN hidden.text AS integer;
CREATE FUNCTION hidden.lower(pg_catalog.text) RETURNS pg_catalog.text LANGUAGE sql AS $$SELECT 'none'::pg_catalog.text$$;
SET search_path = hidden, pg_catalog;
SELECT more.rows(more.filter('SELECT ''de'' AS country, ''{"b": {"c": "x"}}''::jsonb AS a', '{"country": "de", "a": {"b": {"c": "x"}}, "country__in": ["at", "de"]}'));
SELECT more.rows(more.filter('SELECT ''De'' AS country', '{"country__istarts_with": "d"}'));
SET search_path = public, more;

-- the columns of a composite value are the query's, not the table's of these names
CREATE TYPE place AS (street text, nr integer);
CREATE TYPE code AS (nr integer);
CREATE TABLE house (id integer PRIMARY KEY, street text, nr integer, at place, code code);
INSERT INTO house VALUES (1, 'b', 7, '(a,3)', '(9)'), (2, 'a', 8, '(b,2)', '(5)');
SELECT more.filter('SELECT (at).*, id FROM house', 'street = ''a''');
SELECT r FROM more.rows(more.filter('SELECT (at).*, id FROM house', 'street = ''a''')) AS r;
SELECT r FROM more.rows(more.pick('SELECT (at).*, id FROM house', 'street', 'id')) AS r ORDER BY r ->> 'id';
SELECT r FROM more.rows(more.order_by('SELECT (at).*, id FROM house', 'lower(street)')) AS r;
SELECT r FROM more.rows(more.filter('SELECT (at).*, id FROM house ORDER BY street LIMIT 1', 'nr > 0')) AS r;
SELECT more.sql(more.as_insert('SELECT (code).* FROM house', 'house'));
SELECT more.annotate(more.from_table('house'), 'x', '(at).*');
SELECT more.annotate(more.from_table('house'), 'x', 'house.*');
SELECT more.aggregate(more.from_table('house'), 'x', '(max(at)).*');

-- an order by a column of alias.* that several tables have
SELECT r FROM more.rows(more.filter('SELECT a.* FROM house AS a JOIN house AS b ON a.id < b.id + 2 ORDER BY id DESC, b.id LIMIT 2', 'nr > 0')) AS r;

-- ROWS FROM
SELECT more.filter('SELECT a, b FROM ROWS FROM (generate_series(1, 3), generate_series(5, 6)) AS r(a, b), (VALUES (1)) AS v WHERE a > 1', 'b IS NULL');
SELECT r FROM more.rows(more.filter('SELECT a, b FROM ROWS FROM (generate_series(1, 3), generate_series(5, 6)) AS r(a, b) WHERE a > 1', 'b IS NULL')) AS r;

-- changes: rows as a whole, keys that are not given or of no use
SELECT more.returning(more.as_delete(more.from_table('house'), 'house'), 'target', 'data', 'to_jsonb(target) AS was', 'id');
SELECT r FROM more.rows(more.returning(more.as_update('SELECT 1 AS id, 9 AS nr, ''x'' AS target', 'house', '{nr}'), 'target', 'data')) AS r;
SELECT more.as_delete('SELECT nr FROM house', 'house');
SELECT more.as_update('SELECT nr FROM house', 'house', '{nr}');
CREATE TABLE late (id integer PRIMARY KEY DEFERRABLE, nr integer);
SELECT more.as_insert('SELECT 1 AS id, 2 AS nr', 'late', 'update');
SELECT more.filter('SELECT 1 AS a', E' \n');
SELECT r FROM more.rows(more.returning(more.as_update('SELECT 1 AS id, 10 AS nr', 'house', '{nr}'), '(data).nr AS given', '(target).nr', 'to_jsonb(data) AS data')) AS r;
SELECT r FROM more.rows(more.returning(more.as_update('SELECT 1 AS id, 11 AS nr, 3 AS data', 'house', '{nr}'), '(data).*', '((target).at).street')) AS r;
SELECT more.as_delete('SELECT FROM house', 'house');

-- operators of two characters, which the server's lexer tells apart from others
SELECT r FROM more.rows(more.filter('SELECT id FROM house WHERE id <> 5 ORDER BY id', 'id >= 1 AND id <= 1 AND id != 2')) AS r;

-- columns whose names are words of ORDER BY
SELECT r FROM more.rows(more.order_by('SELECT * FROM (VALUES (1, 2), (2, 1)) AS v("desc", "last")', 'v.desc DESC', 'v.last')) AS r;
SELECT r FROM more.rows(more.order_by('SELECT * FROM (VALUES (1, 2), (2, 1)) AS v("desc", "last")', 'v.desc NULLS FIRST')) AS r;
