-- name.column of a query that was joined, when the join has become a subquery since.
CREATE EXTENSION pg_more;
CREATE TABLE person (id integer PRIMARY KEY, name text NOT NULL, age integer, town text);
INSERT INTO person VALUES (1, 'Ann', 34, 'Ulm'), (2, 'Bo', 41, 'Ulm'), (3, 'Cy', 17, 'Bonn'), (4, 'Di', NULL, 'Bonn'), (5, 'Ed', 28, 'Kiel');
CREATE TABLE pet (id integer PRIMARY KEY, owner integer NOT NULL, name text NOT NULL, kind text, town text);
INSERT INTO pet VALUES (1, 1, 'Rex', 'dog', 'Ulm'), (2, 1, 'Tom', 'cat', 'Bonn'), (3, 3, 'Pip', 'bird', 'Bonn'), (4, 5, 'Tim', 'cat', 'Kiel');
CREATE FUNCTION joined(kind text DEFAULT 'inner') RETURNS more.query LANGUAGE sql AS $$
	SELECT more.order_by(more.join_with(more.from_table('person'), 'pet', more.from_table('pet'), 'pet.owner = id', kind), 'id', 'pet.id') $$;

-- After a slice: in a condition, a column, an order, groups, a further join.
SELECT more.sql(more.filter(more.slice(joined(), 0, 3), 'pet.kind = ''cat'''), true);
SELECT r FROM more.rows(more.filter(more.slice(joined(), 0, 3), 'pet.kind = ''cat''')) AS r;
SELECT r FROM more.rows(more.filter(more.filter(more.slice(joined('left'), 1), 'age > 3'), 'pet.kind IS NULL OR pet.name > name')) AS r;
SELECT r FROM more.rows(more.pick(more.order_by(more.slice(joined(), 0, 3), 'pet.name DESC'), 'id', 'pet.name', 'pet.kind')) AS r;
SELECT r FROM more.rows(more.annotate(more.filter(more.slice(joined(), 0, 3), 'id > 0'), 'pet', 'pet.name || $s || name', '{"s": " of "}')) AS r;
SELECT r FROM more.rows(more.order_by(more.aggregate(more.group_by(more.slice(joined(), 0, 4), 'pet.kind'), 'last', 'max(pet.name)'), 'kind')) AS r;
SELECT r FROM more.rows(more.distinct_on(more.slice(joined(), 0, 4), 'pet.kind')) AS r;
SELECT r FROM more.rows(more.filter(more.distinct_on(joined(), 'town'), 'pet.kind IN (''dog'', ''bird'')')) AS r;
SELECT r FROM more.rows(more.pick(more.join_with(more.slice(joined(), 0, 3), 'same', more.from_table('pet'), 'same.kind = pet.kind AND same.id <> pet.id'),
	'name', 'pet.kind')) AS r;
SELECT r FROM more.rows(more.pick(more.annotate(more.join_with(more.slice(joined(), 0, 3), 'same', more.from_table('pet'), 'same.kind = pet.kind AND same.id <> pet.id'),
	'pets', 'pet.name || same.name'), 'name', 'pets', 'pet.town')) AS r;
-- The order moves outward with what it needs.
SELECT r FROM more.rows(more.pick(more.annotate(joined(), 'next', 'age + 1'), 'next', 'pet.name')) AS r;

-- A subquery in a condition, whose bare names are those of the query only.
SELECT more.sql(more.filter(joined(), 'pet.kind = ''cat'' AND EXISTS (SELECT FROM (VALUES (''Ulm'')) AS v (x) WHERE x = town)'), true);
SELECT r FROM more.rows(more.filter(joined(), 'pet.kind = ''cat'' AND EXISTS (SELECT FROM (VALUES (''Ulm'')) AS v (x) WHERE x = town)')) AS r;
SELECT r FROM more.rows(more.filter(more.exclude(joined(), 'id IN (SELECT 5 WHERE name IS NOT NULL)'), 'pet.id > 1')) AS r;
-- An alias of the subquery's own is that.
SELECT r FROM more.rows(more.filter(more.slice(joined(), 0, 3), 'EXISTS (SELECT FROM person AS pet WHERE pet.id = 5 AND pet.name = ''Ed'') AND id = 3')) AS r;

-- Out of reach: an error of the step, not another meaning.
SELECT more.filter(more.aggregate(more.group_by(joined(), 'town'), 'n', 'count(*)'), 'pet.kind = ''cat''');
SELECT more.filter(more.distinct_on(joined()), 'pet.kind = ''cat''');
SELECT more.annotate(more.combine('union', joined(), joined()), 'kind', 'pet.kind');
SELECT more.pick(more.slice(joined(), 0, 3), 'pets.kind');
SELECT more.filter(more.slice(joined(), 0, 3), 'row(pet.*) IS NOT NULL');
SELECT more.filter(more.returning(more.as_delete(joined(), 'pet')), 'target.id = 1');
-- The names that steps give are not the user's, whether the query is wrapped or not.
SELECT more.order_by(more.slice(joined(), 0, 3), 'q.id');
SELECT more.filter(joined(), 'base.id = 1');
SELECT more.filter(more.slice(joined(), 0, 3), 'base.id = 1');
SELECT more.sql(more.filter('SELECT q.id, q.name FROM person AS q', 'q.id = 1'));
SELECT more.filter('SELECT q.id AS name, q.name AS id FROM person AS q LIMIT 3', 'q.id = 1');
-- A name is taken as long as its columns are in reach.
SELECT more.join_with(joined(), 'pet', 'SELECT 1 AS id', 'pet.id = id');
SELECT more.join_with(more.filter(more.slice(joined(), 0, 3), 'id > 1'), 'pet', 'SELECT 1 AS id', 'pet.id = id');
SELECT more.count(more.join_with(more.distinct_on(joined()), 'pet', 'SELECT 1 AS id', 'pet.id = id'));
-- Columns that cannot be told apart.
SELECT more.filter(more.slice(more.join_with('SELECT * FROM person, pet', 'p', 'SELECT 1 AS x', 'true'), 0, 9), 'p.x = 1');
