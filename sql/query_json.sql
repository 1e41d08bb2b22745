-- Conditions in JSON wherever the query room and the verbs take a condition: those over two relations too.
CREATE EXTENSION pg_more;
CREATE TABLE person (id integer PRIMARY KEY, name text NOT NULL, age integer, town varchar(20), boss integer, extra jsonb);
INSERT INTO person VALUES (1, 'Ann', 34, 'Ulm', NULL, '{"a": 1}'), (2, 'Bo', 41, 'Ulm', 1, NULL), (3, 'Cy', 17, 'Bonn', 2, NULL), (4, 'Di', NULL, 'Bonn', 2, NULL);
CREATE TABLE pet (id integer PRIMARY KEY, owner integer NOT NULL, name text NOT NULL, kind text);
INSERT INTO pet VALUES (1, 1, 'Rex', 'dog'), (2, 1, 'Tom', 'cat'), (3, 3, 'Pip', 'bird'), (4, 2, 'Bo', 'cat');

-- join_with: names alone are the query's, name.column is the other's.
SELECT more.sql(more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), '{"pet.owner": {"_column": "id"}, "pet.kind": ["cat", "dog"], "age__gt": 3}'));
SELECT r FROM more.rows(more.order_by(more.pick(more.join_with(more.from_table('person'), 'pet', more.from_table('pet'),
	E' \n{"id": {"_column": "pet.owner"}, "_or": [{"pet.kind": "dog"}, {"name": {"_column": "pet.name"}}]}', 'left'), 'id', 'pet.kind'), 'id')) AS r;
SELECT r FROM more.rows(more.order_by(more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), '{"id": {"_column": "pet.owner"}}', 'anti'), 'id')) AS r;
SELECT r FROM more.rows(more.pick(more.join_with(more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), '{"id": {"_column": "pet.owner"}}'),
	'same', more.from_table('pet'), '{"same.kind": {"_column": "pet.kind"}, "same.id": {"_gt": {"_column": "pet.id"}}}'), 'id', 'same.name')) AS r;
-- Names that would not be names in SQL.
SELECT more.sql(more.join_with(more.from_table('person'), 'a WHERE "b.c', more.from_table('pet'), '{"a WHERE \"b.c.owner": {"_column": "id"}, "a WHERE \"b.c.name": "x'' OR 1=1 --"}'));
SELECT more.join_with('SELECT 1 AS "pet.kind", 2 AS x', 'pet', more.from_table('pet'), '{"pet.kind": "cat"}');
SELECT more.sql(more.join_with('SELECT 1 AS "pet.kind", 2 AS x', 'pets', more.from_table('pet'), '{"pet.kind": 1, "pets.owner__lt": 4}'));
-- What is not there, or not meant.
SELECT more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), '{"kind": "cat"}');
SELECT more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), '{"pet.kin": "cat"}');
SELECT more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), '{"pet.kind": "cat"}', params => '{"a": 1}');
SELECT more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), '{"pet.owner": {"_column": "name"}}');
SELECT more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), '{"pet.owner": {"_lt": "x"}}');
SELECT more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), '{"id": 1, "id": 2}');
SELECT more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), '{"id": ');

-- filter and exclude after a join: name.column too, in a subquery as well.
SELECT r FROM more.rows(more.filter(more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), 'pet.owner = id'), '{"pet.kind": "cat", "town": "Ulm", "pet.name__ne": {"_column": "name"}}')) AS r;
SELECT more.sql(more.exclude(more.slice(more.order_by(more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), 'pet.owner = id'), 'pet.id'), 0, 2), '{"pet.kind": "cat"}'));
SELECT r FROM more.rows(more.exclude(more.slice(more.order_by(more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), 'pet.owner = id'), 'pet.id'), 0, 2), '{"pet.kind": "cat"}')) AS r;
SELECT more.filter(more.distinct_on(more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), 'pet.owner = id')), '{"pet.kind": "cat"}');

-- Trees.
SELECT r FROM more.rows(more.pick(more.tree('person', 'boss', '{"name": "Bo"}'), 'name', 'depth')) AS r;
SELECT r FROM more.rows(more.pick(more.ancestors('person', 'boss', '{"age__lt": 20}'), 'name', 'depth')) AS r;
SELECT r FROM more.rows(more.pick(more.descendants('person', 'boss', '{"extra": {"a": 1}}'), 'name', 'depth')) AS r;
SELECT r FROM more.rows(more.pick(more.siblings('person', 'boss', '{"name": {"_in": ["Cy"]}}'), 'name')) AS r;
SELECT more.tree('person', 'boss', '{"nam": "Bo"}');

-- Changes: target.column and data.column, or a name that one of them has alone.
SELECT more.sql(more.as_update(more.from_table('pet'), 'person', '{name}', '{"target.id": {"_column": "data.owner"}, "kind": "cat", "age": null}'));
SELECT more.sql(more.as_delete(more.literal('[{"n": "Di"}, {"n": "Zoe"}]'), 'person', '{"name": {"_column": "n"}}'));
SELECT more.execute(more.as_delete(more.literal('[{"n": "Di"}, {"n": "Zoe"}]'), 'person', '{"name": {"_column": "data.n"}}'));
SELECT more.execute(more.as_update('SELECT owner, count(*)::integer AS n FROM pet GROUP BY owner', 'person', '{age = data.n}', '{"target.id": {"_column": "owner"}, "n": {"_gt": 1}}'));
SELECT more.as_delete(more.from_table('pet'), 'person', '{"name": "x"}');
SELECT more.as_delete(more.from_table('pet'), 'person', '{"data.nam": "x"}');

-- The verbs.
SELECT * FROM more.rows_in(NULL::person, '[{"id": 1, "n": "Ann"}, {"id": 3, "n": "x"}]', match => '{"target.id": {"_column": "data.id"}, "name": {"_column": "n"}}');
SELECT id FROM more.rows_not_in(NULL::person, '[{"id": 1}, {"id": 3}]', match => '{"target.id": {"_gte": {"_column": "data.id"}}, "age__lt": 40}') ORDER BY id;
SELECT id FROM more.rows_not_in(NULL::person, '[]', match => '{"target.id": {"_column": "data.id"}}') ORDER BY id;
SELECT id FROM more.rows_missing(NULL::person, '[{"id": 1}, {"id": 30}]', match => '{"target.id": {"_column": "data.id"}}');
SET pg_more.rewrites = 'force';
SELECT p.id, pet.name FROM more.rows_in(NULL::person, '[{"id": 1}, {"id": 3}]', match => '{"target.id": {"_column": "data.id"}, "age": {"_gt": 1}}') AS p JOIN pet ON pet.owner = p.id ORDER BY 1, 2;
PREPARE matching(more.rowset) AS SELECT p.id, pet.name FROM more.rows_in(NULL::person, $1, match => '{"target.id": {"_column": "data.id"}}') AS p JOIN pet ON pet.owner = p.id ORDER BY 1, 2;
SET plan_cache_mode = force_generic_plan;
EXECUTE matching('[{"id": 2}]');
EXECUTE matching('[{"key": 2}]');
RESET plan_cache_mode;
RESET pg_more.rewrites;
SELECT more.bulk_update('person', '[{"id": 1, "age": 99}]', set => '{age}', match => '{"target.id": {"_column": "data.id"}, "target.age": {"_lt": {"_column": "data.age"}}}');
SELECT more.bulk_update('person', '[{"id": 1, "age": 99}]', set => '{age}', match => '{"target.id": {"_column": "data.id"}, "target.age": {"_lt": {"_column": "data.age"}}}');
SELECT more.bulk_delete('person', '[{"n": "Bo"}]', match => '{"name": {"_column": "n"}}');
SELECT ordinal, status, (result).name FROM more.bulk_delete_returning(NULL::person, '[{"n": "Nobody"}, {"n": "Cy"}]', match => '{"name": {"_column": "n"}}') ORDER BY ordinal;
SELECT more.bulk_delete('person', '[{"n": "Bo"}]', match => '{"name": {"_column": "m"}}');
SELECT more.bulk_delete('person', '[{"id": 1}]', match => '{"id": {"_column": "data.id"}}');
SELECT more.bulk_delete('person', '[{"id": 1}]', match => '{"target.id": {"_column": "data.id"}, "data.id": 7');
SELECT more.bulk_delete('person', '[]', match => '{"target.id": ');
SELECT * FROM person ORDER BY id;
