-- more.rowset as text, json and jsonb, and through the server's copies of it.
\set ECHO none
\i sql/include/setup.sql

-- Text is a JSON array of objects, whatever the input was; reading it back gives the same.
SELECT d::text, d::text::more.rowset::text = d::text AS again
FROM (VALUES (1, '[{"id":1,"name":"a\"b\\c"}]'::more.rowset),
	(2, '{"id":[1,2],"v":[null,{"x":[1]}]}'),
	(3, more.rowset(ARRAY['i','t','b','n','j','d'], ARRAY[1], ARRAY['x"y'], ARRAY[true], ARRAY[1.50], ARRAY['{"a": 1}'::jsonb], ARRAY['2024-02-29'::date])),
	(4, '[]')) AS v(n, d) ORDER BY n;

-- To json and jsonb on assignment or by a cast.
CREATE TABLE j (a json, b jsonb);
INSERT INTO j SELECT d, d FROM (SELECT '[{"b":1,"a":2}]'::more.rowset AS d) AS x;
SELECT a, b FROM j;
SELECT ('[{"a":1}]'::more.rowset)::jsonb->0->>'a' AS a;

-- Typed values are printed as JSON can hold them, and in a way that does not depend on the session.
SET datestyle = 'German';
SET intervalstyle = 'sql_standard';
SET extra_float_digits = 0;
SET timezone = 'UTC';
SELECT more.rowset(ARRAY['d','ts','i','f','nan','inf','n','nil','arr'],
	ARRAY['2024-02-29'::date], ARRAY['2024-02-29 12:00+00'::timestamptz], ARRAY['1 day 2 hours'::interval],
	ARRAY[0.1::float8 + 0.2::float8], ARRAY['NaN'::float8], ARRAY['-Infinity'::numeric], ARRAY[12345678901234567890::numeric],
	ARRAY[NULL::integer], ARRAY[[1,2]]);
RESET datestyle;
RESET intervalstyle;
RESET extra_float_digits;

-- Stored, copied, in an array, in a row, in a variable.
CREATE TABLE holder (id integer PRIMARY KEY, d more.rowset);
INSERT INTO holder VALUES (1, '[{"a":1},{"b":2}]'), (2, more.rowset(ARRAY['a'], ARRAY[1,2])), (3, NULL);
CREATE TABLE copied AS TABLE holder;
SELECT c.id, c.d, more.rowset_count(c.d), c.d::text = h.d::text AS same FROM copied AS c JOIN holder AS h USING (id) ORDER BY id;
SELECT (array_agg(d ORDER BY id))[2], array_length(array_agg(d), 1) FROM holder;
SELECT (r).d FROM (SELECT ROW(h.*)::holder AS r FROM holder AS h WHERE id = 1) AS x;
DO $$
DECLARE
	d more.rowset;
	e more.rowset;
BEGIN
	d := more.rowset(ARRAY['a'], ARRAY[1, 2, 3]);
	e := d;
	d := '[{"z":1}]';
	RAISE NOTICE '% % %', d, e, more.rowset_count(e);
END $$;

-- Binary output is a version byte and the text.
SELECT encode(more.rowset_send('[{"a":1}]'), 'escape');
