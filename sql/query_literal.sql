-- more.literal: literal rows as a query.
\set ECHO none
\i sql/include/setup.sql
\set ECHO none
\set SHOW_CONTEXT errors
\set ECHO all
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN tagname AS varchar(3);
CREATE TABLE target (id int PRIMARY KEY, small smallint, big numeric(4, 1), tag tagname, moods mood[], p pair, doc jsonb, "Odd "" one" date);

-- Types from JSON, as SQL has them for such constants.
SELECT more.literal('[{"i": 1, "b": 3000000000, "n": 1.5, "t": "x", "f": true, "j": [1], "none": null}, {"i": -2, "j": "y"}]');
SELECT more.literal('[{"mixed": 1}, {"mixed": "x"}, {"mixed": false}]');
-- of typed values, theirs
SELECT more.literal(more.rowset(ARRAY['a', 'b'], ARRAY[1, NULL]::smallint[], ARRAY['sad', 'ok']::mood[]));
-- of a target, its columns'
SELECT more.literal('[{"id": 1, "small": 2, "big": 123456, "tag": "long", "moods": ["sad", null], "p": {"a": 1, "b": "x y"}, "doc": "text",
	"Odd \" one": "2026-01-02"}, {"small": 3, "id": 12345678901}]', 'target');
SELECT more.literal('[]', 'target');
SELECT more.literal(NULL, 'target');

-- What it prints means the same as what is run.
SELECT * FROM more._literal_rows('[{"i": 1, "b": 3000000000, "t": "x''\\", "f": true, "j": [1]}, {"i": -2, "j": "y"}]')
	AS data(i int, b bigint, t text, f boolean, j jsonb);
SELECT more.sql(more.literal('[{"i": 1, "b": 3000000000, "t": "x''\\", "f": true, "j": [1]}, {"i": -2, "j": "y"}]')) AS sql \gset
:sql;
SELECT * FROM more._literal_rows('[{"moods": ["sad", null], "p": {"a": 1, "b": "x y"}, "doc": "text", "tag": null}]')
	AS data(moods mood[], p pair, doc jsonb, tag tagname, more int);
SELECT more.sql(more.literal('[{"moods": ["sad", null], "p": {"a": 1, "b": "x y"}, "doc": "text", "tag": null}]', 'target')) AS sql \gset
:sql;
SELECT more.sql(more.literal('[]', 'target')) AS sql \gset
:sql;

-- The planner knows how many they are.
CREATE FUNCTION planned_rows(statement text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	EXECUTE 'EXPLAIN ' || statement INTO line;
	RETURN substring(line, 'rows=(\d+)');
END $$;
SELECT planned_rows(format('SELECT * FROM more._literal_rows(%L) AS d(a int)', jsonb_agg(jsonb_build_object('a', i)))) FROM generate_series(1, 3456) AS i;

-- Steps, and back through text.
SELECT more.filter(more.literal('[{"id": 1}, {"id": 2}]'), 'id > $a', '{"a": 1}');
SELECT more.filter(more.literal('[{"id": 1}, {"id": 2}]'), 'id > $a', '{"a": 1}')::text::more.query;

-- A type that is gone does not keep a stored query from being read.
CREATE TABLE kept (q more.query);
INSERT INTO kept VALUES (more.literal('[{"moods": ["sad"], "p": {"a": 1}, "id": 1}]', 'target'));
DROP TABLE target;
DROP TYPE mood, pair CASCADE;
SELECT * FROM kept;

-- Errors.
CREATE TABLE target (id int);
SELECT more.literal('[{"id": 1, "nmae": 2}]', 'target');
SELECT more.literal('[]');
SELECT more.literal('[{}]');
SELECT more.literal('[{"id": 1}]', 0);
SELECT * FROM more._literal_rows('[{"id": 1}, {"id": "x"}]') AS data(id int);
SELECT * FROM more._literal_rows('[{"id": 1}]');
-- Columns of domains are that in the text, too, in all rows: what is too long is refused, not cut off, and checks are made.
CREATE FUNCTION failure(q more.query) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM more.count(q), more.rows(q);
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END $$;
CREATE DOMAIN low AS integer CHECK (VALUE < 10);
CREATE DOMAIN code AS character(2);
CREATE DOMAIN bits AS bit varying(2);
CREATE DOMAIN rate AS numeric(4, 2);
CREATE TABLE limited (id integer, tag tagname, low low, code code, bits bits, rate rate);
SELECT more.sql(more.literal('[{"id": 1, "tag": "abc", "low": 1, "code": "x", "bits": "1"}, {"id": 2, "rate": 1.239, "low": 9}]', 'limited'));
SELECT r FROM more.rows(more.literal('[{"id": 1, "tag": "abc", "low": 1, "code": "x", "bits": "1"}, {"id": 2, "rate": 1.239, "low": 9}]', 'limited')) AS r;
SELECT r FROM more.rows(more.sql(more.literal('[{"id": 1, "tag": "abc", "low": 1, "code": "x", "bits": "1"}, {"id": 2, "rate": 1.239, "low": 9}]', 'limited'))::more.query) AS r;
SELECT name, type FROM more.columns(more.sql(more.literal('[{"id": 1, "tag": "abc", "low": 1}, {"id": 2, "tag": "d", "low": 9}]', 'limited'))::more.query);
SELECT rows, failure(more.literal(rows::more.rowset, 'limited')), same FROM (VALUES ('[{"tag": "a"}, {"tag": "abcd"}]'), ('[{"low": 1}, {"low": 10}]'), ('[{"code": "xyz"}]'), ('[{"bits": "111"}]'), ('[{"rate": 1234.5}]')) AS v (rows),
	LATERAL (SELECT failure(more.literal(rows::more.rowset, 'limited')) = failure(more.sql(more.literal(rows::more.rowset, 'limited'))::more.query) AS same) AS s;
