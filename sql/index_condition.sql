-- more.condition: what each part of a JSON condition comes to, and what it means for rows.
\set ECHO none
\i sql/include/setup.sql
\pset format unaligned
\pset tuples_only on
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE DOMAIN feeling AS mood;
CREATE TABLE person (
	id integer PRIMARY KEY, name text, nick varchar(10), code char(3), age integer, score numeric(6,2), limits bigint,
	active boolean, mood mood, feeling feeling, rank positive, born date, seen timestamptz, tags text[], grid integer[],
	data jsonb, raw json, span int4range, spans int4multirange, "Odd ""name""" text, a__b integer);
INSERT INTO person VALUES
	(1, 'Ann', 'an', 'x', 17, 1.5, 20, true, 'sad', 'sad', 1, '2000-01-01', '2024-05-01 12:00+00', '{a,b}', '{{1,2},{3,4}}',
		'{"owner": {"name": "Zed", "age": 30}, "list": [10, 20], "n": 5, "nothing": null}', '{"k": "v"}', '[1,5)', '{[1,3),[7,9)}', 'q', 1),
	(2, 'Bob', 'bob%', 'xy', 18, 2.5, 10, false, 'ok', 'ok', 2, '2001-01-01', '2024-06-01 12:00+00', '{b,c}', '{}',
		'{"owner": {"name": "Amy"}, "n": "5"}', '{"k": 1}', '[5,9)', '{}', 'r', 2),
	(3, 'cy_', NULL, NULL, 65, NULL, NULL, NULL, 'happy', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
-- the SQL of a condition, and the rows for which it holds
CREATE FUNCTION holds(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	sql text := more.condition('person', condition);
	ids text;
BEGIN
	EXECUTE 'SELECT coalesce(string_agg(id::text, '','' ORDER BY id), ''none'') FROM person WHERE ' || sql INTO ids;
	IF more.condition('person', condition::jsonb) <> sql OR more.condition('person', condition::json) <> sql THEN RAISE 'json and text differ'; END IF;
	IF more.condition('person', sql) <> sql THEN RAISE 'not the same when read again: %', more.condition('person', sql); END IF;
	RETURN sql || '  -- ' || ids;
END $$;
\set ECHO all

-- scalars, null, arrays
SELECT holds('{"name": "Ann"}');
SELECT holds('{"age": 18}');
SELECT holds('{"age": "18"}');
SELECT holds('{"score": 2.5}');
SELECT holds('{"active": true}');
SELECT holds('{"mood": "ok"}');
SELECT holds('{"feeling": "ok"}');
SELECT holds('{"rank": 2}');
SELECT holds('{"nick": null}');
SELECT holds('{"code": "x"}');
SELECT holds('{"age": [17, 65, 99]}');
SELECT holds('{"nick": ["an", null]}');
SELECT holds('{"mood": ["sad", "happy"]}');
SELECT holds('{"Odd \"name\"": "q"}');
-- what is empty
SELECT holds('{}');
SELECT holds('{"age": []}');
SELECT holds('{"age": {}}');
SELECT holds('{"age": {"_nin": []}}');
SELECT holds('{"_and": []}');
SELECT holds('{"_or": []}');
SELECT holds('{"_not": {}}');
-- several
SELECT holds('{"active": true, "age": {"_gte": 10, "_lt": 18}}');
SELECT holds('{"_or": [{"age": 17}, {"nick": null, "mood": "happy"}], "_not": {"id": 1}}');
SELECT holds('{"_and": [{"age": {"_gt": 1}}, {"_and": [{"age": {"_lt": 20}}, {"id": 2}]}]}');
SELECT holds('{"age": {"_or": [{"_lt": 18}, {"_gt": 60}], "_not": [17]}}');

-- comparisons; a NULL is in none of them, nor in the negation
SELECT holds('{"score": {"_eq": 1.5}}');
SELECT holds('{"score": {"_ne": 1.5}}');
SELECT holds('{"_not": {"score": 1.5}}');
SELECT holds('{"score": {"_lt": 2}}');
SELECT holds('{"score": {"_lte": 2.5}}');
SELECT holds('{"score": {"_gt": 2}}');
SELECT holds('{"score": {"_gte": 1.5}}');
SELECT holds('{"score": {"_eq": null}}');
SELECT holds('{"score": {"_ne": null}}');
SELECT holds('{"score": {"_is_null": true}}');
SELECT holds('{"score": {"_is_null": false}}');
SELECT holds('{"score": {"_in": [1.5, 9]}}');
SELECT holds('{"score": {"_nin": [1.5, 9]}}');
SELECT holds('{"score": {"_nin": [1.5, null]}}');
SELECT holds('{"score": {"_in": [null]}}');
SELECT holds('{"score": {"_between": [1, 2]}}');
SELECT holds('{"born": {"_gte": "2000-06-01"}}');
SELECT holds('{"seen": {"_between": ["2024-05-01", "2024-05-31"]}}');
-- text
SELECT holds('{"name": {"_like": "_n%"}}');
SELECT holds('{"name": {"_ilike": "a%"}}');
SELECT holds('{"name": {"_regex": "^[AB]"}}');
SELECT holds('{"name": {"_iregex": "^[abc]"}}');
SELECT holds('{"name": {"_contains": "_"}}');
SELECT holds('{"nick": {"_ends_with": "%"}}');
SELECT holds('{"nick": {"_starts_with": "b"}}');
SELECT holds('{"code": {"_starts_with": "x"}}');
SELECT holds('{"name": {"_icontains": "B"}}');
SELECT holds('{"name": {"_iexact": "ANN"}}');
-- arrays, ranges
SELECT holds('{"tags": {"_contains": ["b", "a"]}}');
SELECT holds('{"tags": {"_contains": "b"}}');
SELECT holds('{"tags": {"_contains": []}}');
SELECT holds('{"tags": {"_contained": ["b", "a", "z"]}}');
SELECT holds('{"tags": {"_overlaps": ["c", "z"]}}');
SELECT holds('{"tags": {"_eq": ["a", "b"]}}');
SELECT holds('{"tags": [["a", "b"], ["z"]]}');
SELECT holds('{"grid": {"_eq": [[1, 2], [3, 4]]}}');
SELECT holds('{"grid": {"_eq": []}}');
SELECT holds('{"span": {"_contains": 5}}');
SELECT holds('{"span": {"_contains": "[5,6]"}}');
SELECT holds('{"span": {"_contained": "[0,6]"}}');
SELECT holds('{"span": {"_overlaps": "[4,5]"}}');
SELECT holds('{"spans": {"_contains": 7}}');
SELECT holds('{"spans": {"_contains": "[7,9)"}}');
SELECT holds('{"spans": {"_contained": "{[0,100]}"}}');
-- jsonb, and inside it
SELECT holds('{"data": {"owner": {"name": "Zed"}}}');
SELECT holds('{"data": {"owner": {"name": {"_in": ["Zed", "Amy"]}, "age": {"_gt": 20}}}}');
SELECT holds('{"data": {"n": 5}}');
SELECT holds('{"data": {"n": "5"}}');
SELECT holds('{"data": {"nothing": null}}');
SELECT holds('{"data": {"nothing": {"_eq": null}, "n": {"_is_null": false}}}');
SELECT holds('{"data": {"_contains": {"owner": {"name": "Amy"}}}}');
SELECT holds('{"data": {"owner": {"_contains": {"age": 30}}}}');
SELECT holds('{"data": {"_path": ["list", 1], "_eq": 20}}');
SELECT holds('{"data": {"_path": ["owner"], "name": {"_starts_with": "Z"}}}');
SELECT holds('{"data": {"_has_key": "list"}}');
SELECT holds('{"data": {"_has_keys": ["n", "owner"], "_has_any_keys": ["list", "none"]}}');
SELECT holds('{"data": null}');
SELECT holds('{"data": {"_eq": {"owner": {"name": "Amy"}, "n": "5"}}}');
SELECT holds('{"raw": {"k": "v"}}');
SELECT holds('{"raw": {"k": {"_like": "1"}}}');
-- Django's names
SELECT holds('{"age__gte": 18, "age__lt": 65}');
SELECT holds('{"name__exact": "Ann"}');
SELECT holds('{"name__iexact": "ANN"}');
SELECT holds('{"name__iexact": null}');
SELECT holds('{"name__contains": "n"}');
SELECT holds('{"name__icontains": "N"}');
SELECT holds('{"name__startswith": "A", "name__endswith": "n"}');
SELECT holds('{"name__istartswith": "a", "name__iendswith": "N"}');
SELECT holds('{"name__regex": "^A"}');
SELECT holds('{"age__in": [17, 18]}');
SELECT holds('{"age__range": [17, 18]}');
SELECT holds('{"score__isnull": true}');
SELECT holds('{"tags__overlap": ["a"]}');
SELECT holds('{"tags__contained_by": ["b", "c"]}');
SELECT holds('{"data__owner__name": "Zed"}');
SELECT holds('{"data__owner__name__icontains": "z"}');
SELECT holds('{"data__owner__age__gt": 18}');
SELECT holds('{"data__owner__age__isnull": false}');
SELECT holds('{"data__has_key": "list"}');
-- a column's own name comes first
SELECT holds('{"a__b": 1}');
SELECT holds('{"a__b__gt": 1}');
-- column against column
SELECT holds('{"age": {"_gt": {"_column": "limits"}}}');
SELECT holds('{"age__lt": {"_column": "limits"}}');
SELECT holds('{"id": {"_column": "rank"}}');
SELECT holds('{"nick": {"_ne": {"_column": "name"}}}');
SELECT holds('{"age": {"_in": [65, {"_column": "a__b"}, null]}}');
SELECT holds('{"tags": {"_overlaps": {"_column": "tags"}}}');
SELECT holds('{"name": {"_like": {"_column": "nick"}}}');
-- SQL text, which comes out as it was understood
SELECT more.condition('person', 'age >= 18 AND name IN (''Ann'', ''Bob'')');
SELECT more.condition('person', E'age = 1 -- a comment\n OR /* another */ active');
SELECT more.condition('person', 'person.age BETWEEN 1 AND 2');
SELECT more.condition('person', 'target.age < target.limits');
SELECT more.condition('person', 'seen > ''2024-01-01''');
-- the columns
SELECT more.condition_columns('person', '{"data__owner__name": "x", "age": {"_gt": {"_column": "limits"}}, "_or": [{"id": 1}, {"age": 2}]}');
SELECT more.condition_columns('person', 'lower(name) = ''x'' AND "Odd ""name""" IS NULL');
SELECT more.condition_columns('person', '{"_or": []}'::jsonb);
SELECT cardinality(more.condition_columns('person', 'person IS NOT NULL'));
SELECT more.condition_columns('person', 'tableoid <> 0');
-- the text is the same under all settings, and says the same
SET datestyle = 'SQL, DMY';
SET timezone = 'Asia/Tokyo';
SET search_path = pg_catalog;
SELECT more.condition('public.person', '{"seen": "2024-05-01 12:00+00", "mood": "ok", "born": "01/02/2003"}');
RESET search_path;
RESET timezone;
RESET datestyle;
-- views, partitioned tables, tables inherited from
CREATE VIEW grown AS SELECT id, age FROM person WHERE age >= 18;
SELECT more.condition('grown', '{"age__lt": 60}');
CREATE TABLE parts (k integer, v text) PARTITION BY LIST (k);
SELECT more.condition('parts', '{"v": "x"}');
-- a NULL argument gives NULL
SELECT more.condition('person', NULL::jsonb) IS NULL, more.condition(NULL, '{}'::jsonb) IS NULL;

-- where another function takes a condition, JSON serves, too
CREATE TABLE price (shop text, item text, cents integer, PRIMARY KEY (shop, item));
INSERT INTO price VALUES ('north', 'a', 1), ('north', 'b', 2), ('south', 'a', 3), ('it''s', 'a', 4);
SELECT * FROM more.bulk_sync('price', '[{"shop": "north", "item": "a", "cents": 5}, {"shop": "it''s", "item": "c", "cents": 6}]',
	condition => '{"shop": ["north", "it''s"]}');
TABLE price ORDER BY shop, item;
SELECT outcome($$SELECT more.bulk_sync('price', '[]', condition => '{"shpo": "north"}')$$);
SELECT * FROM more.bulk_sync('price', '[]', condition => '{"shop__startswith": "nor"}');
TABLE price ORDER BY shop, item;
