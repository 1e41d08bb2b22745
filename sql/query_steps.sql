-- Steps of a query: what each writes into the level that is there, and what it wraps.
CREATE EXTENSION pg_more;
SET search_path = public, more;
CREATE TABLE maker (id integer PRIMARY KEY, name text);
INSERT INTO maker VALUES (1, 'a'), (2, 'b'), (3, 'c');
CREATE TABLE item (id integer PRIMARY KEY, maker_id integer, name text, price numeric);
INSERT INTO item SELECT i, 1 + i % 2, 'n' || i, i * 1.5 FROM generate_series(1, 6) AS i;

-- pick
SELECT sql(pick(from_table('item'), 'id', 'name'));
SELECT sql(filter(pick(from_table('item'), 'id', 'name'), 'id > 3'));
SELECT sql(pick(pick(from_table('item'), 'id', 'name'), 'name'));
SELECT sql(pick('SELECT id AS a, name AS id FROM item', 'id'));
SELECT sql(pick('SELECT DISTINCT id, name FROM item', 'id'));
SELECT sql(pick('SELECT id AS a, name FROM item ORDER BY a', 'name'));
SELECT sql(pick('SELECT count(*) AS n, 1 AS one FROM item', 'one'));
SELECT sql(pick('VALUES (1, 2)', 'column2'));
SELECT sql(pick(order_by(pick(from_table('item'), 'id', 'name'), 'price'), 'name'));
SELECT sql(pick(from_table('item'), 'upper(name)'));
SELECT sql(pick(from_table('item'), 'id', NULL));
SELECT sql(pick(from_table('item'), 'id, name'));
SELECT sql(pick(from_table('item'), 'id', 'name AS n'));

-- annotate
SELECT sql(annotate(from_table('item'), 'twice', 'price * $by', '{"by": 2}'));
SELECT sql(filter(annotate(from_table('item'), 'twice', 'price * 2'), 'twice > 3'));
SELECT sql(filter(annotate(from_table('item'), 'twice', 'price * 2'), 'price > 3'));
SELECT sql(filter(annotate(from_table('item'), 'low', 'lower(name)'), 'price > 3'));
SELECT sql(annotate(slice(from_table('item'), 0, 2), 'rank', 'row_number() OVER (ORDER BY id)'));
SELECT sql(annotate(order_by(pick(from_table('item'), 'id'), 'price'), 'price', 'id * 2'));
SELECT sql(annotate(pick(from_table('item'), 'id'), 'id', '1'));
SELECT sql(annotate(from_table('item'), '', '1'));
SELECT sql(annotate(from_table('item'), repeat('x', 64), '1'));
SELECT sql(annotate(from_table('item'), 'odd "name"', '1, 2'));
SELECT sql(annotate(from_table('item'), 'odd "name"', '1'));

-- group_by and aggregate
SELECT sql(aggregate(aggregate(group_by(from_table('item'), 'maker_id'), 'n', 'count(*)'), 'total', 'sum(price)'));
SELECT * FROM rows(order_by(filter(aggregate(aggregate(group_by(from_table('item'), 'maker_id'), 'n', 'count(*)'), 'total', 'sum(price)'), 'total > 1'), 'total DESC'));
SELECT sql(aggregate(from_table('item'), 'n', 'count(*)'));
SELECT sql(aggregate(aggregate(filter(from_table('item'), 'id > 1'), 'n', 'count(*)'), 'total', 'sum(price)'));
SELECT sql(aggregate(aggregate(group_by(from_table('item'), 'maker_id'), 'n', 'count(*)'), 'groups', 'max(n)'));
SELECT sql(aggregate(slice(from_table('item'), 0, 3), 'n', 'count(*)'));
SELECT sql(aggregate(order_by(from_table('item'), 'id'), 'n', 'count(*)'));
SELECT sql(group_by(from_table('item')));
SELECT * FROM rows(aggregate(filter(from_table('item'), 'false'), 'n', 'count(*)'));
SELECT sql(aggregate(group_by(from_table('item'), 'maker_id'), 'maker_id', 'count(*)'));
SELECT sql(group_by('SELECT price * 2 AS p FROM item', 'p'));

-- order_by
SELECT sql(order_by(from_table('item'), 'price desc nulls last', 'id ASC', 'name NULLS FIRST'));
SELECT sql(order_by(order_by(from_table('item'), 'price'), 'id')), sql(order_by(order_by(from_table('item'), 'price')));
SELECT sql(order_by(from_table('item'), 'lower(name) DESC'));
SELECT sql(order_by(annotate(from_table('item'), 'p', 'price * 2'), 'p')), sql(order_by(annotate(from_table('item'), 'p', 'price * 2'), 'p + 1'));
SELECT sql(order_by(slice(from_table('item'), 0, 3), 'id')), sql(order_by('SELECT DISTINCT name FROM item', 'name'));
SELECT sql(order_by(from_table('item'), '2'));
SELECT sql(order_by(from_table('item'), 'id LIMIT 1'));
SELECT sql(order_by(from_table('item'), 'id, name'));

-- slice
SELECT sql(slice(from_table('item'), 2, 3)), sql(slice(from_table('item'), 2)), sql(slice(from_table('item'), NULL, 3)), sql(slice(from_table('item'), 0));
SELECT sql(slice(slice(from_table('item'), 2, 3), 1)), sql(slice(slice(from_table('item'), 2, 3), 1, 9)), sql(slice(slice(from_table('item'), 2, 3), 5, 1));
SELECT sql(slice('SELECT * FROM item LIMIT 1 + 1', 1, 1)), sql(slice('SELECT * FROM item ORDER BY maker_id FETCH FIRST ROW WITH TIES', 0, 1));
SELECT sql(filter(slice(order_by(from_table('item'), 'price DESC'), 2, 3), 'id > 1'));
SELECT sql(slice(slice(from_table('item'), 9223372036854775807), 9223372036854775807));
SELECT sql(slice(from_table('item'), -1)), 1;
SELECT sql(slice(from_table('item'), 1, -1)), 1;

-- distinct_on: the first by the query's order
SELECT sql(distinct_on(order_by(from_table('item'), 'price DESC'), 'maker_id'));
SELECT * FROM rows(distinct_on(order_by(from_table('item'), 'price DESC'), 'maker_id'));
SELECT sql(distinct_on(order_by(from_table('item'), 'maker_id DESC', 'price'), 'maker_id'));
SELECT sql(distinct_on(pick(from_table('item'), 'maker_id'))), sql(distinct_on(order_by(pick(from_table('item'), 'maker_id'), 'maker_id')));
SELECT sql(filter(distinct_on(from_table('item'), 'maker_id'), 'id > 2'));

-- join_with: names without an alias are the query's
SELECT sql(join_with(from_table('item'), 'm', from_table('maker'), 'maker_id = m.id'));
SELECT sql(filter(join_with(from_table('item'), 'm', from_table('maker'), 'maker_id = m.id'), 'm.name = $n AND name <> ''x''', '{"n": "b"}'));
SELECT * FROM rows(pick(annotate(filter(join_with(from_table('item'), 'm', from_table('maker'), 'maker_id = m.id'), 'm.name = ''b'''), 'maker', 'm.name'), 'id', 'maker'));
SELECT sql(join_with(join_with(from_table('item'), 'm', from_table('maker'), 'maker_id = m.id'), 'm2', filter(from_table('maker'), 'id = $x', '{"x": 1}'), 'm2.id = m.id', 'left'));
SELECT more.count(join_with(from_table('item'), 'm', filter(from_table('maker'), 'id = 1'), 'maker_id = m.id', kind)) FROM unnest('{inner,left,right,full,semi,anti}'::text[]) AS kind;
SELECT sql(join_with(from_table('item'), 'm', from_table('maker'), 'maker_id = m.id', 'anti'));
SELECT sql(join_with(from_table('item'), 'm', from_table('maker'), kind => 'CROSS'));
SELECT sql(join_with(from_table('item'), 'm', from_table('maker'), 'true', 'cross'));
SELECT sql(join_with(from_table('item'), 'm', from_table('maker')));
SELECT sql(join_with(from_table('item'), 'm', from_table('maker'), 'true', 'outer'));
SELECT sql(join_with(join_with(from_table('item'), 'm', from_table('maker'), 'true'), 'm', from_table('maker'), 'true'));
SELECT sql(join_with(from_table('item'), 'm', NULL, 'true'));
SELECT sql(join_with(from_table('item'), 'gone', more.returning(as_delete(from_table('maker'), 'maker')), 'maker_id = gone.id'));

SELECT sql(join_with(order_by(pick(from_table('item'), 'id', 'maker_id'), 'price'), 'm', from_table('maker'), 'maker_id = m.id'));
SELECT sql(distinct_on(order_by(pick(from_table('item'), 'maker_id'), 'price'))), sql(distinct_on(order_by(pick(from_table('item'), 'maker_id'), 'price'), 'maker_id'));

-- attach
SELECT sql(attach('SELECT * FROM big', 'big', filter(from_table('item'), 'price > $p', '{"p": 3}')));
SELECT sql(attach(attach('SELECT * FROM big', 'big', from_table('item'), true), 'small', 'SELECT * FROM big LIMIT 1', false));
SELECT sql(attach(attach('SELECT * FROM big', 'big', from_table('item')), 'big', from_table('item')));
SELECT sql(attach(attach('SELECT * FROM big', 'big', from_table('item')), 'big', from_table('maker')));
SELECT sql(attach('SELECT * FROM n', 'n', 'SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3', recursive => true));
SELECT * FROM rows(filter(attach('SELECT * FROM n', 'n', 'SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3', recursive => true), 'i > 1'));
SELECT sql(filter(slice(attach('SELECT * FROM big', 'big', from_table('item')), 0, 1), 'id = 1'));

-- combine
SELECT sql(combine('union', from_table('item'), filter(from_table('item'), 'id = $a', '{"a": 1}'), from_table('item')));
SELECT sql(filter(order_by(combine('union', from_table('item'), filter(from_table('item'), 'id = $a', '{"a": 1}')), 'id'), 'id < $b', '{"b": 3}'));
SELECT operator, more.count(combine(operator, 'VALUES (1), (1), (2)', 'VALUES (1), (3)')) FROM unnest('{union,union all,intersect,intersect all,except,except all}'::text[]) AS operator;
SELECT sql(combine('UNION ALL', attach('SELECT * FROM big', 'big', filter(from_table('item'), 'price > $p', '{"p": 3}')), attach('SELECT * FROM big', 'big', filter(from_table('item'), 'price > $p', '{"p": 3}'))));
SELECT sql(combine('union', attach('SELECT * FROM big', 'big', from_table('item')), 'SELECT * FROM big'));
SELECT sql(combine('union', from_table('item'))), sql(combine('minus', from_table('item'), from_table('item')));
SELECT sql(combine('union', from_table('item'), NULL));
SELECT sql(combine('union', more.returning(as_delete(from_table('maker'), 'maker')), from_table('maker')));

-- changes
SELECT sql(as_insert(pick(from_table('item'), 'id', 'name'), 'maker', conflict)) FROM unnest('{error,ignore,update}'::text[]) AS conflict;
SELECT sql(as_insert(pick(from_table('item'), 'id', 'name'), 'maker', 'replace'));
SELECT sql(as_insert(from_table('item'), 'maker'));
SELECT sql(as_insert('SELECT 1 AS id, 2 AS id', 'maker'));
SELECT sql(as_update(from_table('item'), 'item', '{price,price}'));
SELECT sql(as_update(from_table('item'), 'item', ARRAY['price', 'price = 2']));
SELECT sql(as_update(annotate(pick(from_table('item'), 'id'), 'n', '1'), 'item', ARRAY['name = ''x'' || data.n', 'price = target.price + 1']));
SELECT sql(as_update(from_table('item'), 'item', ARRAY['name', 'price'], 'target.id = data.id + 1'));
SELECT sql(as_update(from_table('item'), 'item', ARRAY['nam']));
SELECT sql(as_update(from_table('item'), 'item', '{}'));
SELECT sql(as_update(from_table('item'), 'item', '{price = $price}'));
SELECT sql(as_delete(from_table('item'), 'pg_catalog.pg_stat_activity'));
SELECT sql(more.returning(as_delete(filter(from_table('item'), 'id = $a', '{"a": 1}'), 'item'), 'id', 'data.name AS old', 'price * 2 AS twice'));
SELECT sql(more.returning('DELETE FROM item', 'id')), sql(more.returning('DELETE FROM item')), sql(more.returning(as_delete(from_table('item'), 'item')));
SELECT sql(more.returning(from_table('item'), 'id'));
SELECT sql(pick(as_delete(from_table('item'), 'item'), 'id'));
BEGIN;
SELECT * FROM rows(more.returning(as_update(combine('union', filter(from_table('item'), 'id = 1'), filter(from_table('item'), 'id = 2')), 'item', ARRAY['name = upper(data.name)']), 'id', 'name'));
SELECT * FROM rows(more.returning(as_delete(combine('except', from_table('item'), filter(from_table('item'), 'id > 2')), 'item'), 'id'));
SELECT * FROM rows(order_by(annotate(more.returning(as_insert(more.returning(as_delete(filter(from_table('item'), 'id = $a', '{"a": 4}'), 'item'), 'id', 'name'), 'maker', 'update'), 'id', 'name'), 'next', 'id + 1'), 'next'));
SELECT * FROM item ORDER BY id;
ROLLBACK;

-- trees
CREATE TABLE node (id integer PRIMARY KEY, up integer, name text);
INSERT INTO node VALUES (1, NULL, 'r'), (2, 1, 'b'), (3, 1, 'a'), (4, 2, 'x'), (5, 6, 'c'), (6, 5, 'd');
SELECT sql(tree('node', 'up'));
SELECT id, depth, path, is_cycle FROM run(pick(tree('node', 'up', "order" => ARRAY['name']), 'id', 'depth', 'path', 'is_cycle')) AS t(id integer, depth integer, path integer[], is_cycle boolean);
SELECT id, depth, path, is_cycle FROM run(pick(tree('node', 'up', 'id = 5'), 'id', 'depth', 'path', 'is_cycle')) AS t(id integer, depth integer, path integer[], is_cycle boolean);
SELECT string_agg(r ->> 'id', ' ') FROM rows(pick(tree('node', 'up', "order" => '{name,name,id}'), 'id')) AS r;
SELECT string_agg(r ->> 'id', ' ') FROM rows(pick(tree('node', 'up', "order" => '{id,name}'), 'id')) AS r;
SELECT * FROM rows(pick(ancestors('node', 'up', 'id = 4'), 'id', 'depth'));
SELECT * FROM rows(pick(descendants('node', 'up', 'name = ''r'''), 'id', 'depth'));
SELECT * FROM rows(siblings('node', 'up', 'id = 2'));
SELECT sql(tree('node', 'upp'));
SELECT sql(tree('node', 'up', "order" => ARRAY['nam']));
CREATE TABLE heap (id integer, up integer);
SELECT sql(tree('heap', 'up'));
CREATE TABLE deep (id integer PRIMARY KEY, up integer, depth integer);
SELECT sql(tree('deep', 'up'));

-- a step of nothing is nothing, and what it needs is said
SELECT pick(NULL, 'a') IS NULL, annotate(NULL, 'a', '1') IS NULL, group_by(NULL) IS NULL, order_by(NULL) IS NULL, slice(NULL, 1) IS NULL;
SELECT annotate(from_table('item'), NULL, '1');
SELECT annotate(from_table('item'), 'a', NULL);
SELECT aggregate(from_table('item'), 'a', 'count(*) FILTER (WHERE price > $p)');
