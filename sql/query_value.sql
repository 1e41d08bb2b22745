-- more.query: statements as values.
\set ECHO none
\i sql/include/setup.sql
\set ECHO none
\set SHOW_CONTEXT errors
\set ECHO all

CREATE TABLE person (id int PRIMARY KEY, name text, age int);

-- Text in, text out: the parts, without comments.
SELECT 'select id, name from person'::more.query;
SELECT 'table person'::more.query;
SELECT 'values (1, ''a''), (2, ''b'') order by 1'::more.query;
SELECT 'WITH RECURSIVE a(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM a WHERE x < 9) SEARCH DEPTH FIRST BY x SET s,
	b AS NOT MATERIALIZED (SELECT 2) SELECT * FROM a, b /* both */ ORDER BY 1 LIMIT 3 OFFSET 2 ROWS FOR SHARE OF a -- end'::more.query;
SELECT '(SELECT 1 UNION SELECT 2) EXCEPT ALL VALUES (3) ORDER BY 1'::more.query;
SELECT '((SELECT id FROM person ORDER BY id)) FETCH FIRST 3 ROWS ONLY;'::more.query;
SELECT 'insert into person values (1) on conflict do nothing returning id'::more.query;
SELECT 'with x as (select 1) delete from person using x returning *'::more.query;

-- On lines.
SELECT more.sql('select distinct on (age) age, count(*) filter (where name is distinct from ''x'') from person where age > 1
	group by age having count(*) > 1 order by age limit 1 for update', pretty => true);

-- Words that are not what they seem.
SELECT 'select 1 as from, t.where, a is not distinct from b, percentile_cont(0.5) within group (order by x) from t'::more.query;

-- Conditions: into WHERE where each name means the same, else around the query.
SELECT more.filter(more.from_table('person'), 'age > 18');
SELECT more.filter(more.filter('select id, age from person order by name', 'age > 18'), 'id = 1 OR id = 2');
SELECT more.filter(more.filter('select id, age + 1 as age from person', 'age > 18'), 'id = 1');
SELECT more.filter('select p.id from person p join person q using (id)', 'id = 1');
SELECT more.filter('select p.* from person p join person q on true', 'q.id = 1');
SELECT more.filter('select p.id from person p join person q using (age)', 'exists (select from person i where i.age = id)');
SELECT more.filter('select * from person order by lower(name) limit 3', 'age > 18');
SELECT more.filter('select id from person union select 2 order by id', 'id > 1');
SELECT more.filter('delete from person returning id', 'id > 1');
SELECT more.exclude(more.from_table('person'), 'age > 18');

-- Conditions in JSON, over the query's columns; the types are those of the output.
SELECT more.filter(more.from_table('person'), '{"age": {"_gte": 18}, "name": ["a", "O''H\\"]}');
SELECT more.exclude('select id, age + 1 as next from person', '{"next": 19}');
SELECT more.filter(more.literal('[{"a": {"b": [1]}}]'), '{"a": {"b": 1}}');

-- The order moves outward, so that what follows takes the rows that were meant.
SELECT more.filter('select id, age + 1 as age from person order by age, name desc nulls last', 'age > 3');
SELECT more.filter('select * from person order by person.name using <, lower(name) limit 3', 'age > 3');
SELECT more.filter('select age, count(*) as n from person group by age order by count(*) desc, 1', 'n > 3');
SELECT more.filter('select id, rank() over w as r from person window w as (order by age) order by row_number() over w limit 3', 'r > 1');
SELECT more.filter('select distinct on (name) id, age + 1 as age from person order by name, age', 'age > 3');
SELECT more.filter('select id, id from person order by name limit 3', 'true');

-- Values.
SELECT more.filter(more.from_table('person'), 'age > $min AND name = $name', '{"min": 18, "name": "O''Hara \\"}');
SELECT more.filter(more.from_table('person'), 'age = ANY ($ages) OR age < $low OR $yes OR age = $none',
	'{"ages": [1, 2], "low": -3, "yes": true, "none": null}');
SELECT more.filter(more.filter('select * from person limit $$5$$', 'name <> ''$a'' AND name <> $$$a$$ AND age = $a', '{"a": 1}'),
	'age <> $a', '{"a": 2}');

-- A number is no place of a column where it is bound.
SELECT more.filter(more.from_table('person'), 'id = (SELECT p.id FROM person AS p ORDER BY $a, (($b)) LIMIT $c)', '{"a": 2, "b": 1, "c": 1}');

-- Errors.
SELECT 'select from from'::more.query;
SELECT ''::more.query;
SELECT 'select 1; select 2'::more.query;
SELECT 'create table x ()'::more.query;
SELECT 'select 1 into x'::more.query;
SELECT 'select $1'::more.query;
SELECT more.filter(more.from_table('person'), '1) OR (1 = 1');
SELECT more.filter(more.from_table('person'), 'age = $1');
SELECT more.filter(more.from_table('person'), 'age = $min');
SELECT more.filter(more.from_table('person'), 'age = $min', '{"min": 1, "max": 2}');
SELECT more.filter(more.from_table('person'), 'age = $min', '[1]');
SELECT more.filter(more.from_table('person'), NULL);
SELECT more.filter('delete from person', 'id > 1');
SELECT more.filter(more.from_table('person'), '{"agee": 1}');
SELECT more.filter(more.from_table('person'), '{"age": "x"}');
SELECT more.filter(more.from_table('person'), '{"age": 1}', '{"a": 1}');
SELECT more.filter(more.from_table('person'), '{"age": 1, "age": 2}');
SELECT more.filter('select * from nowhere', '{"age": 1}');
SELECT more.from_table('person_pkey');
