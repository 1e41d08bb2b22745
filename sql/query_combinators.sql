-- more.combine: union, intersect and except, and everything that is refined, counted or written of them. The cases are those
-- that Django's tests of combined querysets try, with those that Django refuses.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE number (id serial PRIMARY KEY, num integer, other_num integer);
INSERT INTO number (num, other_num) SELECT i, 10 - i FROM generate_series(0, 9) AS i;
CREATE TABLE reserved (id serial PRIMARY KEY, name text, "order" integer);
CREATE TABLE celebrity (id serial PRIMARY KEY, name text);
CREATE TABLE extra (id serial PRIMARY KEY, value integer, info text);
CREATE TABLE author (id serial PRIMARY KEY, name text, num integer, extra_id integer REFERENCES extra);
CREATE TABLE article (id serial PRIMARY KEY, name text, created timestamp);
CREATE TABLE tag (id serial PRIMARY KEY, name text);
CREATE TABLE note (id serial PRIMARY KEY, tag_id integer REFERENCES tag);
CREATE TABLE annotation (id serial PRIMARY KEY, tag_id integer REFERENCES tag);
CREATE TABLE annotation_note (annotation_id integer, note_id integer);

-- One column of a query's rows, in the query's order, and the same sorted.
CREATE FUNCTION nums(q more.query, name text DEFAULT 'num') RETURNS text LANGUAGE sql AS
	$$ SELECT coalesce(string_agg(coalesce(r ->> name, 'null'), ' ' ORDER BY n), 'none') FROM more.rows(q) WITH ORDINALITY AS x (r, n) $$;
CREATE FUNCTION sorted(q more.query, name text DEFAULT 'num') RETURNS text LANGUAGE sql AS
	$$ SELECT coalesce(string_agg(coalesce(r ->> name, 'null'), ' ' ORDER BY (r ->> name)::numeric), 'none') FROM more.rows(q) AS r $$;
CREATE FUNCTION numbers(condition text DEFAULT 'true') RETURNS more.query LANGUAGE sql AS
	$$ SELECT more.filter(more.from_table('number'), condition) $$;
CREATE FUNCTION nothing() RETURNS more.query LANGUAGE sql AS $$ SELECT more.slice(more.from_table('number'), 0, 0) $$;

-- What composes cannot be told apart from what is written by hand.
SELECT more.sql(more.combine('union', numbers('num <= 1'), numbers('num >= 8')));
SELECT more.sql(more.order_by(more.combine('except', numbers(), numbers('num < 5')), 'num DESC'));

-- ---------------------------------------------------------------------------
-- union, intersect, except
-- ---------------------------------------------------------------------------
SELECT sorted(more.combine('union', numbers('num <= 1'), numbers('num >= 8'), numbers('num = 5')));
SELECT sorted(more.combine('intersect', numbers('num <= 5'), numbers('num >= 5'), numbers('num >= 4 AND num <= 6')));
SELECT sorted(more.combine('except', numbers('num <= 5'), numbers('num <= 4')));
-- except takes away what any of the others has
SELECT sorted(more.combine('except', numbers('num <= 5'), numbers('num <= 1'), numbers('num = 4')));
SELECT more.count(more.combine('union all', numbers(), numbers())), more.count(more.combine('union', numbers(), numbers()));
SELECT sorted(more.combine('intersect all', more.combine('union all', numbers('num < 3'), numbers('num < 3')), more.combine('union all', numbers('num < 2'), numbers('num < 2'), numbers('num < 4'))));
SELECT sorted(more.combine('except all', more.combine('union all', numbers('num < 3'), numbers('num < 2')), numbers('num < 2')));
-- a combined query in a combined query
SELECT sorted(more.combine('union', numbers(), more.combine('union', numbers(), numbers())));
SELECT more.count(more.combine('except', numbers(), more.combine('intersect', numbers(), numbers('num > 1'))));
SELECT sorted(more.combine('except', more.combine('except', numbers(), numbers('num > 5')), numbers('num < 2')));
SELECT sorted(more.combine('except', numbers(), more.combine('except', numbers('num > 5'), numbers('num < 8'))));
-- intersect does not bind before what was combined first
SELECT sorted(more.combine('intersect', more.combine('union', numbers('num < 2'), numbers('num > 7')), numbers('num > 0')));
SELECT sorted(more.combine('union', more.combine('intersect', numbers('num < 5'), numbers('num > 2')), numbers('num = 9')));
-- of itself alone
SELECT sorted(more.combine('union', numbers('num < 3')));
SELECT sorted(more.slice(more.order_by(more.combine('union all', numbers()), 'num'), 0, 1));
-- the words as they may be written
SELECT sorted(more.combine('UNION ALL', numbers('num < 2'), numbers('num < 2')));

-- ---------------------------------------------------------------------------
-- what has no rows
-- ---------------------------------------------------------------------------
SELECT more.count(more.combine(op, a, b)), op, a_is, b_is
FROM (VALUES ('union', 1), ('intersect', 2), ('except', 3)) AS o (op, n), (VALUES (numbers(), 'all', 1), (nothing(), 'none', 2)) AS x (a, a_is, i),
	(VALUES (numbers(), 'all', 1), (nothing(), 'none', 2)) AS y (b, b_is, j) ORDER BY n, i, j;
SELECT more.count(more.combine('union', nothing(), numbers(), numbers(), numbers())), more.count(more.combine('union all', nothing(), numbers(), numbers()));
SELECT nums(more.slice(more.combine('union', numbers('num <= 0'), nothing()), 0, 1)), nums(more.slice(more.combine('union', numbers('id = ANY (''{}'')'), numbers('num = 3')), 0, 1)),
	nums(more.slice(more.combine('union', nothing(), nothing()), 0, 0)), nums(more.slice(more.combine('union', nothing(), nothing()), 5, 5));
SELECT nums(more.slice(more.combine('union', more.slice(numbers('num <= 0'), 0, 1), nothing()), 0, 1)),
	nums(more.slice(more.order_by(more.combine('union', more.slice(more.order_by(numbers('num <= 2'), 'num'), 0, 3), nothing()), 'num'), 2, 1));
SELECT nums(more.order_by(more.combine('union', nothing(), more.order_by(numbers(), 'num')), 'num'));

-- ---------------------------------------------------------------------------
-- order and slices, of the whole and of its parts
-- ---------------------------------------------------------------------------
SELECT nums(more.order_by(more.combine('union', numbers('num <= 1'), numbers('num BETWEEN 2 AND 3')), 'num DESC'));
SELECT more.count(more.slice(more.combine('union', numbers(), numbers()), 0, 2));
SELECT nums(more.slice(more.order_by(more.combine('union', more.slice(more.order_by(numbers(), 'num'), 0, 2), more.slice(more.order_by(numbers(), 'num DESC'), 0, 2)), 'num DESC'), 0, 4));
-- an order of a part without a slice is no order of the whole, and no error
SELECT sorted(more.combine('union all', more.order_by(numbers('num < 2'), 'num DESC'), more.order_by(numbers('num > 8'), 'num')));
SELECT sorted(more.combine('union all', more.order_by(more.combine('union', numbers('num < 2'), numbers('num = 4')), 'num'), numbers('num > 8')));
-- by the alias that a part gave; by an expression over it
CREATE FUNCTION aliased(condition text) RETURNS more.query LANGUAGE sql AS $$ SELECT more.filter('SELECT other_num AS alias, num FROM number'::more.query, condition) $$;
SELECT nums(more.order_by(more.pick(more.combine('union', aliased('num <= 1'), aliased('num BETWEEN 2 AND 3')), 'alias'), 'alias DESC'), 'alias'),
	nums(more.order_by(more.combine('union', aliased('num <= 1'), aliased('num BETWEEN 2 AND 3')), '-alias', 'num'), 'alias'),
	nums(more.order_by(more.combine('union', aliased('num <= 1'), aliased('num BETWEEN 2 AND 3')), 'alias % 2', 'num DESC'), 'alias');
-- by a column that is picked away afterwards, or was before
SELECT nums(more.pick(more.order_by(more.combine('union', numbers('num < 3'), numbers('num = 8')), 'other_num'), 'num')),
	nums(more.slice(more.pick(more.order_by(more.combine('union', numbers('num < 3'), numbers('num = 8')), 'other_num'), 'num'), 1, 2));
INSERT INTO number (num, other_num) VALUES (-1, NULL);
SELECT nums(more.order_by(more.combine('union', aliased('num <= 1'), aliased('num BETWEEN 2 AND 3')), 'alias DESC NULLS LAST'), 'alias'),
	nums(more.order_by(more.combine('union', aliased('num <= 1'), aliased('num BETWEEN 2 AND 3')), 'alias NULLS FIRST'), 'alias');
DELETE FROM number WHERE num = -1;
-- the order of both columns
SELECT nums(more.order_by(more.combine('union', numbers(), numbers()), 'num')), nums(more.order_by(more.combine('union', numbers(), numbers()), 'other_num'));
-- The last of several orders counts; none at all is none.
SELECT nums(more.order_by(more.order_by(more.combine('union', numbers('num < 4'), nothing()), 'num'), 'num DESC'));
SELECT sorted(more.order_by(more.order_by(more.combine('union', numbers('num < 4'), nothing()), 'num')));
INSERT INTO reserved (name, "order") VALUES ('rn1', 7), ('rn2', 5), ('rn0', 6), ('rn9', -1);
CREATE FUNCTION both_reserved() RETURNS more.query LANGUAGE sql AS $$ SELECT more.combine('union',
	more.filter(more.from_table('reserved'), '"order" >= 6'), more.filter(more.from_table('reserved'), '"order" <= 5')) $$;
SELECT nums(more.pick(more.order_by(both_reserved(), 'id DESC'), '"order"'), 'order'), nums(more.pick(more.order_by(both_reserved(), 'id'), '"order"'), 'order'),
	nums(more.pick(more.order_by(both_reserved(), 'name DESC', 'id'), '"order"'), 'order');
SELECT more.columns(more.pick(more.order_by(both_reserved(), 'name DESC', 'id'), '"order"'));
-- rows that a column alone would make equal
SELECT nums(more.order_by(more.pick(both_reserved(), '"order"'), '"order"'), 'order'), more.rows(more.order_by(more.pick(more.combine('union', both_reserved(), both_reserved()), 'name', '"order"', 'id'), 'id'));

-- ---------------------------------------------------------------------------
-- annotations in the parts
-- ---------------------------------------------------------------------------
SELECT more.rows(more.order_by(more.combine('union', more.pick(more.annotate(numbers('num = 1'), 'count', '0'), 'num', 'count'),
	more.pick(more.annotate(more.annotate(more.pick(numbers('num = 2'), 'id', 'num'), 'count', 'num'), 'one', '1'), 'one', 'count')), 'count'));
SELECT more.rows(more.order_by(more.combine('union', more.pick(more.annotate(numbers('num = 1'), 'zero', '0'), 'num', 'zero'),
	more.pick(more.annotate(numbers('num = 2'), 'zero', '0'), 'zero', 'num')), 'num'));
SELECT sorted(more.pick(more.combine('union', more.pick(more.filter(more.annotate(numbers(), 'has', 'EXISTS (SELECT FROM reserved WHERE "order" = num)'), 'has'), 'num'),
	more.pick(numbers('num = 9'), 'num')), 'num'));
-- ordered by an expression over annotations
CREATE FUNCTION marked(mark integer, condition text) RETURNS more.query LANGUAGE sql AS
	$$ SELECT more.filter(more.annotate(more.annotate(more.from_table('number'), 'mark', mark::text), 'times', 'mark'), condition) $$;
SELECT nums(more.pick(more.order_by(more.combine('union', marked(-1, 'num >= 6'), marked(2, 'num <= 5')), 'mark', 'num'), 'num')),
	nums(more.pick(more.order_by(more.combine('union', marked(-1, 'num >= 6'), marked(2, 'num <= 5')), 'mark * times', 'num'), 'num')),
	nums(more.pick(more.order_by(more.combine('union', marked(1, 'num >= 6'), marked(2, 'num <= 5')), 'mark % 2', 'num'), 'num'));

-- ---------------------------------------------------------------------------
-- several tables
-- ---------------------------------------------------------------------------
SELECT more.rows(more.order_by(more.combine('union', more.pick(more.from_table('celebrity'), 'id', 'name'), more.pick(more.filter(more.from_table('reserved'), 'name = ''rn1'''), 'id', 'name')), 'name'));
INSERT INTO celebrity (name) VALUES ('c1');
SELECT more.rows(more.order_by(more.combine('union', more.pick(more.annotate(more.filter(more.from_table('reserved'), 'name = ''rn1'''), 'kind', '''rn'''), 'name', '"order"', 'kind'),
	more.pick(more.annotate(more.annotate(more.from_table('celebrity'), 'kind', '''cb'''), 'order', '-10'), 'name', '"order"', 'kind')), '"order"'));
INSERT INTO article (name, created) VALUES ('Bellatrix', '1966-06-06');
SELECT more.rows(more.order_by(more.combine('union', more.pick(more.annotate(more.from_table('article'), 'order', '1'), 'name', 'created', '"order"'),
	more.pick(more.annotate(more.filter(more.from_table('reserved'), '"order" = 5'), 'created', 'timestamp ''1991-10-10'''), 'name', 'created', '"order"')), '"order"'));
SELECT nums(more.order_by(more.combine('union', more.pick(numbers('num = 1'), 'num'), more.pick(more.from_table('reserved'), '"order"')), 'num'));
INSERT INTO extra (value, info) VALUES (7, 'e3'), (5, 'e2'), (1, 'e1');
INSERT INTO author (name, num, extra_id) VALUES ('a1', 1, 1), ('a2', 3, 2), ('a3', 2, 3);
SELECT more.first(more.order_by(more.combine('union', more.filter(more.from_table('author'), 'name = ''a1'''), more.filter(more.from_table('author'), 'name = ''a2''')), 'name')),
	more.first(more.combine('union', more.filter(more.from_table('author'), 'name = ''a1'''), more.filter(more.from_table('author'), 'name = ''nobody''')));
-- with what is joined to the parts
SELECT more.rows(more.order_by(more.combine('union',
	more.pick(more.join_with(more.filter(more.from_table('author'), 'name = ''a1'''), 'e', more.from_table('extra'), 'extra_id = e.id'), 'name', 'e.info'),
	more.pick(more.join_with(more.filter(more.from_table('author'), 'name = ''a2'''), 'e', more.from_table('extra'), 'extra_id = e.id'), 'name', 'e.info')), 'name'));

-- ---------------------------------------------------------------------------
-- as a subquery
-- ---------------------------------------------------------------------------
-- attached, and referred to by IN
SELECT sorted(more.exclude(more.attach(more.from_table('number'), 'ends', more.combine('union', more.order_by(numbers('num > 7'), 'num'), more.order_by(numbers('num < 2'), 'num'))),
	'id IN (SELECT id FROM ends)'));
SELECT sorted(more.exclude(more.attach(more.from_table('number'), 'ends', more.combine('union', more.slice(more.order_by(numbers('num > 7'), 'num'), 0, 1),
	more.slice(more.order_by(numbers('num < 2'), 'num DESC'), 0, 1))), 'id IN (SELECT id FROM ends)'));
SELECT sorted(more.join_with(more.from_table('number'), 'ends', more.combine('union', numbers('num > 7'), numbers('num < 2')), 'id = ends.id', 'semi')),
	sorted(more.join_with(more.from_table('number'), 'ends', more.combine('union', numbers('num > 7'), numbers('num < 2')), 'id = ends.id', 'anti'));
-- a value from a combined query for each row
SELECT nums(more.order_by(more.filter(more.annotate(more.from_table('reserved'), 'number',
	'(SELECT num FROM number WHERE num > 6 AND num = "order" UNION SELECT num FROM number WHERE num < 2 AND num = "order")'), 'number IS NOT NULL'), 'id'), 'order');
SELECT nums(more.order_by(more.filter(more.annotate(more.from_table('author'), 'info',
	'(SELECT info FROM extra WHERE value = num UNION SELECT info FROM extra AS e WHERE e.value < (SELECT value FROM extra AS o WHERE o.id = extra_id) ORDER BY 1 LIMIT 1)'), 'info IS NOT NULL'), 'name'), 'name');
-- two subqueries deep
INSERT INTO tag (name) VALUES ('tag');
INSERT INTO note (tag_id) VALUES (1);
INSERT INTO annotation (tag_id) VALUES (1);
CREATE FUNCTION annotated() RETURNS more.query LANGUAGE sql AS $$ SELECT more.filter(more.from_table('note'),
	'EXISTS (SELECT FROM annotation AS a JOIN annotation_note AS m ON m.annotation_id = a.id WHERE m.note_id = note.id
		AND EXISTS (SELECT * FROM tag WHERE tag.id = a.tag_id INTERSECT SELECT * FROM tag WHERE tag.id = note.tag_id))') $$;
SELECT more.first(annotated());
INSERT INTO annotation_note VALUES (1, 1);
SELECT more.first(annotated());

-- ---------------------------------------------------------------------------
-- count, exists, get, first
-- ---------------------------------------------------------------------------
SELECT more.count(more.combine('union', more.pick(numbers('num <= 1'), 'num'), more.pick(numbers('num BETWEEN 2 AND 3'), 'num'))),
	more.count(more.combine('union', nothing(), nothing())), more.count(more.combine('except', numbers('num < 10'), numbers('num < 9'))),
	more.count(more.combine('intersect', numbers('num >= 5'), numbers('num <= 5')));
SELECT more.exists(more.combine('union', numbers('num >= 5'), numbers('num <= 5'))), more.exists(more.combine('union', nothing(), nothing())),
	more.exists(more.combine('intersect', numbers('num > 5'), numbers('num > 5'))), more.exists(more.combine('intersect', numbers('num > 5'), numbers('num < 5'))),
	more.exists(more.combine('except', numbers('num >= 5'), numbers('num >= 3'))), more.exists(more.combine('except', numbers('num >= 3'), numbers('num >= 5')));
SELECT more.get(more.combine('union', numbers('num = 2'), numbers('num = 2'))), more.get(more.combine('except', numbers(), more.exclude(numbers(), 'num = 2'))),
	more.get(more.combine('intersect', numbers(), numbers('num = 2')));
SELECT more.get(more.filter(more.combine('union', numbers(), numbers()), 'num = 2'));
SELECT more.get(more.combine('union', numbers('num = 2'), numbers('num = 3')));
SELECT more.get(more.combine('intersect', numbers('num = 2'), numbers('num = 3')));
SELECT more.get(more.combine('union all', numbers('num = 2'), numbers('num = 2')));
-- the second by name
SELECT more.first(more.slice(more.order_by(more.combine('union', more.filter(more.from_table('reserved'), 'name = ''nobody'''), more.from_table('reserved')), 'name'), 1, 1)) ->> 'name' AS second;

-- ---------------------------------------------------------------------------
-- what Django refuses on a combined queryset: it means the rows that came out
-- ---------------------------------------------------------------------------
CREATE FUNCTION low_and_high() RETURNS more.query LANGUAGE sql AS $$ SELECT more.combine('union', numbers('num < 3'), numbers('num > 7')) $$;
CREATE FUNCTION middle() RETURNS more.query LANGUAGE sql AS $$ SELECT more.combine('intersect', numbers('num > 2'), numbers('num < 6')) $$;
CREATE FUNCTION rest() RETURNS more.query LANGUAGE sql AS $$ SELECT more.combine('except', numbers(), numbers('num > 2')) $$;
SELECT sorted(more.filter(q, 'num > 1')), sorted(more.exclude(q, 'num > 1')) FROM (VALUES (low_and_high()), (middle()), (rest())) AS x (q);
-- filter and exclude of a NULL
SELECT sorted(more.filter(more.combine('union', numbers('num < 3'), 'SELECT NULL::integer, NULL::integer, NULL::integer'::more.query), 'num > 1')),
	sorted(more.exclude(more.combine('union', numbers('num < 3'), 'SELECT NULL::integer, NULL::integer, NULL::integer'::more.query), 'num > 1'));
SELECT sorted(more.annotate(q, 'twice', 'num * 2'), 'twice') FROM (VALUES (low_and_high()), (middle()), (rest())) AS x (q);
SELECT sorted(more.filter(more.annotate(q, 'all', 'count(*) OVER ()'), '"all" > 3'), 'all') FROM (VALUES (low_and_high()), (middle()), (rest())) AS x (q);
SELECT more.rows(more.order_by(more.aggregate(more.aggregate(more.group_by(more.annotate(q, 'odd', 'num % 2 = 1'), 'odd'), 'n', 'count(*)'), 's', 'sum(num)'), 'odd'))
	FROM (VALUES (low_and_high()), (middle()), (rest())) AS x (q);
SELECT more.get(more.aggregate(q, 'most', 'max(num)')) FROM (VALUES (low_and_high()), (middle()), (rest())) AS x (q);
SELECT sorted(more.pick(q, 'other_num'), 'other_num') FROM (VALUES (low_and_high()), (middle()), (rest())) AS x (q);
-- distinct, on what is picked, and on a column
SELECT sorted(more.distinct_on(more.pick(more.annotate(q, 'odd', 'num % 2'), 'odd')), 'odd') FROM (VALUES (low_and_high()), (middle()), (rest())) AS x (q);
SELECT sorted(more.distinct_on(more.order_by(more.annotate(q, 'odd', 'num % 2'), 'odd', 'num DESC'), 'odd')) FROM (VALUES (low_and_high()), (middle()), (rest())) AS x (q);
SELECT sorted(more.join_with(q, 'r', more.from_table('reserved'), 'num = r.order')) FROM (VALUES (low_and_high()), (middle()), (rest())) AS x (q);
-- a filter after a slice is one of the slice's rows
SELECT nums(more.filter(more.slice(more.order_by(low_and_high(), 'num DESC'), 1, 3), 'num < 8'));
SELECT nums(more.slice(more.slice(more.order_by(low_and_high(), 'num'), 1, 3), 1, 5)), nums(more.slice(more.slice(more.order_by(low_and_high(), 'num'), 1), 2, 2));
-- written to: the rows of the table that have these keys
BEGIN;
SELECT sorted(more.returning(more.as_delete(low_and_high(), 'number'), 'num'));
SELECT string_agg(num::text, ' ' ORDER BY num) FROM number;
ROLLBACK;
BEGIN;
SELECT more.execute(more.as_update(middle(), 'number', ARRAY['num = target.num + 100']));
SELECT string_agg(num::text, ' ' ORDER BY num) FROM number;
SELECT more.execute(more.as_update(more.annotate(more.pick(rest(), 'id', 'num'), 'other_num', 'num'), 'number', ARRAY['other_num']));
SELECT string_agg(other_num::text, ' ' ORDER BY num) FROM number;
SELECT more.execute(more.as_delete(more.slice(more.order_by(more.combine('union all', numbers(), numbers()), 'num DESC'), 0, 4), 'number'));
SELECT string_agg(num::text, ' ' ORDER BY num) FROM number;
ROLLBACK;
BEGIN;
SELECT more.execute(more.as_insert(more.pick(more.annotate(low_and_high(), 'sum', 'num + other_num'), 'num'), 'number'));
SELECT string_agg(num::text, ' ' ORDER BY num) FROM number;
ROLLBACK;
-- Neither the parts nor the whole change by it.
SELECT sorted(q), sorted(more.filter(q, 'num > 1')), sorted(q) FROM (SELECT low_and_high()) AS x (q);

-- ---------------------------------------------------------------------------
-- WITH in the parts
-- ---------------------------------------------------------------------------
SELECT more.sql(more.combine('union', more.filter(more.attach(numbers(), 'r', more.from_table('reserved')), 'num IN (SELECT "order" FROM r)'),
	more.filter(more.attach(numbers(), 'r', more.from_table('reserved')), 'num IN (SELECT "order" + 1 FROM r)')));
SELECT sorted(more.combine('union', more.filter(more.attach(numbers(), 'r', more.from_table('reserved')), 'num IN (SELECT "order" FROM r)'),
	more.filter(more.attach(numbers(), 'r', more.from_table('reserved')), 'num IN (SELECT "order" + 1 FROM r)')));
-- the same name with another query stays inside its part
SELECT sorted(more.combine('union', more.filter(more.attach(numbers(), 'r', more.from_table('reserved')), 'num IN (SELECT "order" FROM r)'),
	more.filter(more.attach(numbers(), 'r', 'SELECT 0 AS "order"'::more.query), 'num IN (SELECT "order" FROM r)')));

-- ---------------------------------------------------------------------------
-- errors
-- ---------------------------------------------------------------------------
\set SHOW_CONTEXT errors
-- ordered by what is not one of the columns
\set VERBOSITY terse
SELECT more.rows(more.order_by(more.combine('union', more.pick(more.annotate('SELECT num AS num2 FROM number'::more.query, 'a', '1'), 'a', 'num2'), more.pick(numbers(), 'id', 'num')), 'id'));
SELECT more.rows(more.order_by(more.combine('union', more.pick(more.annotate('SELECT num AS num2 FROM number'::more.query, 'a', '1'), 'a', 'num2'), more.pick(numbers(), 'id', 'num')), 'num'));
\set VERBOSITY default
SELECT count(*) FROM more.rows(more.order_by(more.combine('union', more.pick(numbers(), 'id', 'num'), more.pick(more.annotate('SELECT num AS num2 FROM number'::more.query, 'a', '1'), 'a', 'num2')), 'num'));
-- as many columns, and types that fit
SELECT more.rows(more.combine('union', more.pick(numbers(), 'id', 'num'), more.pick(numbers(), 'id')));
SELECT more.rows(more.combine('union', more.pick(numbers(), 'id'), more.pick(more.from_table('reserved'), 'name')));
-- what is no operator
SELECT more.combine('xor', numbers(), numbers());
SELECT more.combine('union; DROP TABLE number', numbers(), numbers());
\set VERBOSITY terse
SELECT more.combine('union') IS NULL;
\set VERBOSITY default
SELECT more.combine(NULL, numbers(), numbers());
SELECT more.combine('union', numbers(), NULL);
-- a part that returns nothing cannot be combined; one that does can
SELECT more.rows(more.combine('union', numbers(), 'DELETE FROM number'::more.query));
BEGIN;
SELECT sorted(more.combine('union', more.pick(numbers('num = 1'), 'num'), more.returning(more.as_delete(numbers('num > 7'), 'number'), 'num')));
ROLLBACK;
