-- more.condition: what is refused, with its SQLSTATE and the place in the JSON.
\set ECHO none
\i sql/include/setup.sql
\pset format unaligned
\pset tuples_only on
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE person (id integer PRIMARY KEY, name text, age smallint, mood mood, born date, tags text[], data jsonb, span int4range, place point, _eqal integer);
CREATE SEQUENCE numbers;
CREATE FUNCTION refused(condition text, target text DEFAULT 'person') RETURNS SETOF text LANGUAGE sql AS
	$$ SELECT outcome(format('SELECT more.condition(%L, %L)', target, condition)) $$;
\set ECHO all
-- no such column
SELECT refused('{"nmae": "x"}');
SELECT refused('{"_or": [{"id": 1}, {"_not": {"brn": null}}]}');
SELECT refused('{"qwertz": 1}');
SELECT refused('{"qwertz__gt": 1}');
SELECT refused('{"nmae__icontains": "x"}');
SELECT refused('{"": 1}');
SELECT refused('{"__": 1}');
SELECT refused('{"id": {"_gt": {"_column": "agee"}}}');
SELECT refused('{"id": {"_gt": {"_column": 5}}}');
SELECT refused('{"ctid": "(0,1)"}');
SELECT refused(format('{"%s": 1}', repeat('x', 100000)));
-- no such operator
SELECT refused('{"age": {"_gtt": 1}}');
SELECT refused('{"age": {"gte": 1}}');
SELECT refused('{"age": {"more": 1}}');
SELECT refused('{"age": {"_zzzzzzzz": 1}}');
SELECT refused('{"age__gtt": 1}');
SELECT refused('{"age__year": 1}');
SELECT refused('{"_nto": {}}');
SELECT refused('{"_equal": {}}');
SELECT refused('{"data": {"_equals": 1}}');
-- one that does not fit the type
SELECT refused('{"age": {"_like": "1%"}}');
SELECT refused('{"mood": {"_contains": "a"}}');
SELECT refused('{"name": {"_overlaps": ["a"]}}');
SELECT refused('{"age": {"_has_key": "a"}}');
SELECT refused('{"place": "(1,1)"}');
SELECT refused('{"place": {"_in": ["(1,1)"]}}');
SELECT refused('{"tags": {"_overlaps": {"_column": "age"}}}');
SELECT refused('{"age": {"_column": "name"}}');
SELECT refused('{"age": {"_path": ["a"], "_eq": 1}}');
-- a value that the type refuses
SELECT refused('{"age": "old"}');
SELECT refused('{"age": 70000}');
SELECT refused('{"age": 1.5}');
SELECT refused('{"age": true}');
SELECT refused('{"age": {"_in": [1, 2, "x"]}}');
SELECT refused('{"age": {"_between": [1, "x"]}}');
SELECT refused('{"mood": {"_nin": ["sad", "angry"]}}');
SELECT refused('{"born": "2023-02-29"}');
SELECT refused('{"tags": ["a"]}');
SELECT refused('{"tags": {"_eq": [["a"], "b"]}}');
SELECT refused('{"tags": {"_contains": [["a"], ["b", "c"]]}}');
SELECT refused(format('{"tags": {"_eq": %s1%s}}', repeat('[', 7), repeat(']', 7)));
SELECT refused('{"tags": {"_eq": {"a": 1}}}');
SELECT refused('{"age": {"_eq": [1]}}');
SELECT refused('{"age": {"_eq": {}}}');
SELECT refused('{"span": {"_contains": "[5,1]"}}');
SELECT refused('{"span": {"_contains": "five"}}');
SELECT refused('{"name": {"_regex": "("}}');
SELECT refused('{"name": {"_like": "a\\"}}');
SELECT refused('{"name": {"_like": 5}}');
SELECT refused('{"name": {"_starts_with": null}}');
-- null where it says nothing
SELECT refused('{"age": {"_gt": null}}');
SELECT refused('{"age": {"_between": [1, null]}}');
SELECT refused('{"tags": {"_contains": null}}');
SELECT refused('{"age": {"_is_null": 1}}');
-- the wrong form
SELECT refused('{"age": {"_in": 5}}');
SELECT refused('{"age": {"_between": [1]}}');
SELECT refused('{"_or": {"age": 5}}');
SELECT refused('{"_and": [5]}');
SELECT refused('{"_not": [{"age": 5}]}');
SELECT refused('{"data": {"_path": "a"}}');
SELECT refused('{"data": {"_path": [null]}}');
SELECT refused('{"data": {"_has_keys": "a"}}');
SELECT outcome($$SELECT more.condition('person', '[]'::jsonb)$$);
SELECT outcome($$SELECT more.condition('person', '5'::jsonb)$$);
SELECT outcome($$SELECT more.condition('person', '"id"'::json)$$);
SELECT outcome($$SELECT more.condition('person', 'true'::json)$$);
SELECT outcome($$SELECT more.condition('person', '{"id": 1, "id": 2}'::json)$$);
-- JSON that is none, and JSON that loses something
SELECT refused('{"age": 5');
SELECT refused('{age: 5}');
SELECT refused('{"name": "\u0000"}');
SELECT refused('{"age": {"_gt": 5}, "age": {"_lt": 9}}');
SELECT refused('{"_or": [{"age": {"_gt": 5, "name": "x", "_gt": 6}}]}');
-- very large, very deep
SELECT length(more.condition('person', format('{"id": [%s]}', (SELECT string_agg(g::text, ',') FROM generate_series(1, 20000) AS g))));
SELECT left(r, 40) FROM refused(repeat('{"_not":', 20000) || '{}' || repeat('}', 20000)) AS r LIMIT 1;
SELECT left(r, 40) FROM refused(repeat('{"_and":[', 20000) || '{}' || repeat(']}', 20000)) AS r LIMIT 1;
SELECT left(r, 40) FROM refused('{"data":' || repeat('{"a":', 20000) || '1' || repeat('}', 20000) || '}') AS r LIMIT 1;
SELECT left(r, 60) FROM refused(format('{"age": 1%s}', repeat('0', 1000))) AS r LIMIT 1;
SELECT refused('{"age": 1e200000}');
SELECT left(r, 50) FROM refused(format('{"%s": 1}', repeat('_', 100000))) AS r LIMIT 1;
SELECT octet_length(more.condition('person', format('{"data%s": 1}', repeat('__a', 20000))));

-- SQL text: one boolean expression over the table, without subqueries and the like
SELECT refused('');
SELECT refused('age');
SELECT refused('age > 1; DROP TABLE person');
SELECT refused('age > 1) OR (true');
SELECT refused('*');
SELECT refused('true UNION SELECT true');
SELECT refused('true FROM person');
SELECT refused('agee > 1');
SELECT refused('other.age > 1');
SELECT refused('age > $1');
SELECT refused('age IN (SELECT 1)');
SELECT refused('EXISTS (SELECT)');
SELECT refused('count(*) > 1');
SELECT refused('row_number() OVER () = 1');
SELECT refused('generate_series(1, 2) = 1');
SELECT refused('random() < 0.5');
SELECT refused('nextval(''numbers'') = 1');
SELECT refused('mood = ''angry''');
SELECT refused('[1]');
-- a volatile function that is an argument's default, or behind a user's operator
CREATE FUNCTION half(x double precision DEFAULT random()) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN x < 0.5; END';
SELECT refused('half()');
SELECT refused('half(0.1)');

-- what has no conditions
SELECT refused('{"relname": "x"}', 'pg_class');
SELECT refused('{"id": 1}', 'person_pkey');
SELECT refused('{"last_value": 1}', 'numbers');
CREATE TYPE pair AS (a integer, b integer);
SELECT refused('{"a": 1}', 'pair');
SELECT outcome('SELECT more.condition(0, ''{}''::jsonb)');
SELECT refused('{"a": 1}', 'nowhere');

-- rights: SELECT on the columns
CREATE ROLE regress_more_reader;
SET ROLE regress_more_reader;
SELECT refused('{"id": 1}');
RESET ROLE;
GRANT SELECT (id, name) ON person TO regress_more_reader;
SET ROLE regress_more_reader;
SELECT refused('{"id": 1, "name": null}');
SELECT refused('{"id": 1, "age": null}');
SELECT refused('{"id": {"_lt": {"_column": "age"}}}');
SELECT refused('person IS NULL');
SELECT outcome($$SELECT more.condition_columns('person', 'age = 1')$$);
RESET ROLE;
REVOKE ALL ON person FROM regress_more_reader;
DROP ROLE regress_more_reader;

-- operators that somebody else made do not come in by search_path, nor by the type's schema
CREATE SCHEMA evil;
CREATE FUNCTION evil.yes(text, text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.yes);
CREATE OPERATOR evil.~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.yes);
CREATE FUNCTION evil.lower(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT ''evil''';
SET search_path = evil, pg_catalog, public;
SELECT more.condition('person', '{"name": "x", "name__like": "y", "name__iexact": "z"}');
SELECT more.condition('person', 'name = ''x'' AND lower(name) = ''y''');
-- a statement that would be misread is not run
INSERT INTO person (id, name) VALUES (1, 'a'), (2, 'b');
SELECT outcome($$SELECT more.bulk_sync('person', '[]', condition => '{"name": "a"}')$$);
SELECT more.bulk_sync('person', '[]', condition => '{"id": 2}');
SELECT id, name FROM person;
RESET search_path;
