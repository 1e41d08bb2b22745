-- more.nested_select: rows as nested documents, which nested_insert reads.
\set ECHO none
\i sql/include/setup.sql
\pset format unaligned
\pset tuples_only on

CREATE TABLE publisher (id serial PRIMARY KEY, name text);
CREATE TABLE author (id serial PRIMARY KEY, name text NOT NULL, email text UNIQUE, boss_id integer REFERENCES author);
CREATE TABLE book (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author_id integer NOT NULL REFERENCES author, publisher_id integer REFERENCES publisher, title text NOT NULL, len integer GENERATED ALWAYS AS (length(title)) STORED);
CREATE TABLE chapter (book_id integer REFERENCES book, n integer, name text, PRIMARY KEY (book_id, n));
CREATE TABLE tag (id serial PRIMARY KEY, name text UNIQUE);
CREATE TABLE book_tag (book_id integer REFERENCES book, tag_id integer REFERENCES tag, PRIMARY KEY (book_id, tag_id));
CREATE TABLE address (author_id integer PRIMARY KEY REFERENCES author, town text);
SELECT count(*) FROM more.nested_insert('author', '[
	{"#id": "ann", "id": 10, "name": "ann", "email": "a@x", "boss": {"id": 11, "name": "bob"}, "address": {"town": "york"}, "book": [
		{"title": "one", "publisher": {"#id": "p", "name": "pub"}, "chapter": [{"n": 2, "name": "end"}, {"n": 1, "name": "begin"}],
			"tag": [{"name": "red"}, {"#id": "b", "name": "blue"}]},
		{"title": "two", "publisher": {"#ref": "p"}, "tag": [{"#ref": "b"}]}]},
	{"id": 12, "name": "cid", "boss": {"#ref": "ann"}}]');

-- All columns; the three ways to give the table, and the condition.
SELECT * FROM more.nested_select('author');
SELECT * FROM more.nested_select('public.author', 'name < ''c''');
SELECT * FROM more.nested_select('author'::regclass, '{"name": {"_gte": "b"}}');
SELECT * FROM more.nested_select(NULL::author, '{"boss_id": null}'::jsonb);
SELECT * FROM more.nested_select('author'::regclass, '{"id": 10}'::jsonb, '{"name": true}');
-- Children, an only child, a parent, rows behind a link table; null, [] and null where there is none.
SELECT * FROM more.nested_select('author', shape => '{"name": true, "boss": {"name": true}, "address": {}, "book": {"title": true, "publisher": {"name": true}, "tag": {"name": true}, "chapter": {}}}');
SELECT * FROM more.nested_select('author', '{"email": "a@x"}', '{"name": true, "boss": {"name": true}, "address": {}, "book": {"title": true, "publisher": {"name": true}, "tag": {"name": true}, "chapter": {}}}');
-- Columns: by name, all, all but some, none; true and [] for relations.
SELECT * FROM more.nested_select('author', '{"id": 10}', '{"email": true, "id": true}');
SELECT * FROM more.nested_select('author', '{"id": 10}', '{"email": false, "book": false}');
SELECT * FROM more.nested_select('author', '{"id": 10}', '{"*": true, "email": true, "book": {"*": false, "len": true}}');
SELECT * FROM more.nested_select('author', '{"id": 10}', '{"*": false, "address": true, "book": []}');
SELECT * FROM more.nested_select('author', '{"id": 10}', '{"*": false}');
-- The table refers to itself: up and down, as deep as the shape. Rows that may come more than once have a "_match", unless it is not wanted.
SELECT * FROM more.nested_select('author', '{"id": 12}', '{"boss": {"boss": {"boss": {}}}}');
SELECT * FROM more.nested_select('author', '{"id": 11}', '{"name": true, "id": true, "_match": false, "author": [{"name": true, "id": true, "author.boss_id": {"name": true}}]}');
SELECT * FROM more.nested_select('chapter', shape => '{"n": true, "book": {"title": true, "author": {"name": true, "_match": true}}}');
SELECT * FROM more.nested_select('tag', 'name = ''blue''', '{"name": true, "book": {"author": {"name": true, "address": {}}}}');
-- A parent in the place of its column.
SELECT * FROM more.nested_select('book', '{"title": "two"}', '{"author_id": {"name": true}, "title": true}');
-- Columns as SQL has them, with a word's name, an operator's; more columns than a call has arguments.
CREATE TABLE "Od""d" ("#id" integer PRIMARY KEY, "_match" text, "a'b\c" text, "*" text);
INSERT INTO "Od""d" VALUES (1, 'x', 'y', 'z');
SELECT * FROM more.nested_select('"Od""d"');
SELECT * FROM more.nested_select('"Od""d"', shape => '{"Od\"d._match": true, "a''b\\c": true, "*": true}');
SELECT count(*) FROM more.nested_insert('"Od""d"', (SELECT jsonb_set(j, ARRAY['Od"d.#id'], '2') FROM more.nested_select('"Od""d"') AS j));
TABLE "Od""d";
DO $$ BEGIN EXECUTE 'CREATE TABLE wide (id integer PRIMARY KEY, ' || (SELECT string_agg('c' || g || ' integer DEFAULT ' || g, ', ') FROM generate_series(1, 200) AS g) || ')'; END $$;
INSERT INTO wide (id) VALUES (1);
SELECT j = to_jsonb(w) AS same FROM more.nested_select('wide') AS j, wide AS w;
-- Without a primary key: in the order of the rows. A view, a partition, tables that inherit.
CREATE TABLE heap (v integer);
INSERT INTO heap VALUES (3), (1), (2);
SELECT * FROM more.nested_select('heap');
CREATE VIEW seen AS SELECT name FROM author WHERE id = 12;
SELECT * FROM more.nested_select('seen', '{"name": "cid"}', '{"name": true}');
CREATE TABLE log (id integer, day date, author_id integer REFERENCES author, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
INSERT INTO log VALUES (2, '2020-05-05', 10), (1, '2021-05-05', 10), (3, '2021-05-06', NULL);
SELECT * FROM more.nested_select('author', 'id < 12', '{"name": true, "log": {}}');
SELECT * FROM more.nested_select('log_2', shape => '{"author": {"name": true}}');
CREATE TABLE heir () INHERITS (publisher);
INSERT INTO heir VALUES (1, 'heir');
SELECT * FROM more.nested_select('publisher', shape => '{"name": true}');
SELECT * FROM more.nested_select('book', shape => '{"title": true, "publisher": {"name": true}}');
-- Keys of several columns that share one, and are null in part.
CREATE TABLE firm (id integer PRIMARY KEY);
CREATE TABLE team (firm_id integer REFERENCES firm, id integer, PRIMARY KEY (firm_id, id));
CREATE TABLE person (firm_id integer REFERENCES firm, id integer PRIMARY KEY, team_id integer, FOREIGN KEY (firm_id, team_id) REFERENCES team);
SELECT count(*) FROM more.nested_insert('firm', '{"id": 1, "team": [{"id": 10, "person": [{"id": 1}]}], "person": [{"id": 2}]}');
INSERT INTO person VALUES (NULL, 3, NULL);
SELECT * FROM more.nested_select('person', shape => '{"team": {}}');
SELECT * FROM more.nested_select('person', shape => '{"id": true, "team": {}}');
SELECT * FROM more.nested_select('firm', '{"id": 1}', '{"team": {"person": {}}}');
SELECT * FROM more.nested_select('person', shape => '{"id": true, "firm_id": {}, "team": {}}');
-- Keys that are compared under another collation, or another type's operator.
CREATE TABLE lang (code text COLLATE "C" PRIMARY KEY, n integer UNIQUE);
CREATE TABLE word (id integer PRIMARY KEY, lang_code varchar COLLATE "POSIX" REFERENCES lang, lang_n bigint REFERENCES lang (n));
INSERT INTO lang VALUES ('en', 1), ('de', 2);
INSERT INTO word VALUES (1, 'en', 2), (2, 'en', NULL);
SELECT * FROM more.nested_select('lang', 'n > 0', '{"word.lang_code": {}, "word.lang_n": {}}');
SELECT * FROM more.nested_select('word', shape => '{"lang_code": {"code": true}, "lang_n": {"n": true}}');
CREATE COLLATION ci (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
CREATE TABLE town (name text COLLATE ci PRIMARY KEY);
CREATE TABLE street (id integer PRIMARY KEY, town_name text COLLATE ci REFERENCES town);
INSERT INTO town VALUES ('York');
INSERT INTO street VALUES (1, 'york'), (2, 'YORK');
SELECT * FROM more.nested_select('town', 'name > ''a''', '{"street": {}}');
SELECT * FROM more.nested_select('street', shape => '{"town": {}}');
-- A domain over an array; a table without columns.
CREATE DOMAIN numbers AS integer[];
CREATE TABLE domained (id integer PRIMARY KEY, v numbers);
INSERT INTO domained VALUES (1, '{1,2}'), (2, '[0:0]={3}');
SELECT * FROM more.nested_select('domained');
CREATE TABLE hollow ();
INSERT INTO hollow DEFAULT VALUES;
SELECT * FROM more.nested_select('hollow');

-- Into empty tables: the same rows, of all tables.
CREATE FUNCTION stored() RETURNS TABLE (t text, j jsonb) LANGUAGE plpgsql AS $$
BEGIN
	FOREACH t IN ARRAY '{publisher,author,book,chapter,tag,book_tag,address}'::text[] LOOP
		RETURN QUERY EXECUTE format('SELECT %L, jsonb_agg(to_jsonb(x) ORDER BY to_jsonb(x)) FROM ONLY %I AS x', t, t);
	END LOOP;
END $$;
CREATE TABLE before AS SELECT * FROM stored();
CREATE TABLE documents AS SELECT * FROM more.nested_select('author', shape => '{"boss": {}, "address": {}, "book": {"chapter": {}, "tag": {}, "publisher": {}}}') AS j;
SET client_min_messages = warning;
TRUNCATE publisher, author, tag CASCADE;
RESET client_min_messages;
SELECT count(*) FROM more.nested_insert('author', (SELECT jsonb_agg(j) FROM documents));
SELECT t, s.j = b.j AS same, jsonb_array_length(s.j) FROM stored() AS s JOIN before AS b USING (t);

-- Values of all types come back as they were, whatever the settings.
-- A server may be built without xml.
SELECT CASE WHEN setting LIKE '%--with-libxml%' THEN 'xml' ELSE 'text' END AS xml_type FROM pg_config WHERE name = 'CONFIGURE' \gset
CREATE TYPE pair AS (a integer, b text);
CREATE TYPE holder AS (j jsonb, l integer[]);
CREATE TYPE mood AS ENUM ('sad', 'ok "q"');
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE TYPE casted AS (x integer);
CREATE FUNCTION casted_json(casted) RETURNS json LANGUAGE sql AS $$ SELECT '"lossy"'::json $$;
CREATE CAST (casted AS json) WITH FUNCTION casted_json(casted);
CREATE TABLE typed (id positive PRIMARY KEY, n numeric, n2 numeric(10, 3), f float8, r real, t timestamp, tz timestamptz, d date, i interval, b bytea, a integer[], a2 text[][],
	bounds integer[], ja jsonb[], p pair, pa pair[], h holder, c casted, m mood, ma mood[], j json, jb jsonb, ch char(3), rng int4range, tr tsrange, bo boolean, u uuid, bit bit(3), ip inet, x :xml_type, v int2vector);
CREATE TABLE typed_copy (LIKE typed INCLUDING ALL);
INSERT INTO typed VALUES
	(1, 'NaN', 1.5, 'NaN', '-Infinity', 'infinity', '-infinity', 'infinity', '1 mon -2 days +03:04:05.6', '\x00ff5c', '{}', '{{a,"b,c"},{"d\"e",NULL}}',
	'[0:1]={5,6}', ARRAY['[1,2]', 'null', NULL, '{"a":1}']::jsonb[], '(,)', ARRAY['(1,"x ""y"" \\ ")', NULL]::pair[], '(null,"{1,2}")', '(7)', 'ok "q"', '{sad,"ok \"q\""}', '{"k": 1}', '"text"', 'x', '[1,5)',
	'["2020-01-02 03:04:05.678","2020-02-03 00:00:00")', true, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '101', '10.0.0.1/8', '<a>1</a>', '1 2 3'),
	(2, 'Infinity', -0.001, 0.1::float8 + 0.2::float8, 1.1, '2020-02-29 12:00:00.123456', '2020-03-29 02:30:00.5+02', '0044-03-15 BC', '-1 years -2 mons +3 days -04:00', '', '{1,NULL,3}', '{}',
	'[2:3][1:2]={{1,2},{3,4}}', '{}', '(5,"a,b")', '{}', '("[[1],null]",)', '(3)', 'sad', NULL, '[null]', '{"a": null}', NULL, 'empty', '(,)', false, NULL, NULL, '::1', NULL, '4 5'),
	(3, 123456789012345678901234567890.000100, NULL, 5e-324, 3.4e38, '0001-01-01 BC', '2020-10-25 02:30:00 Europe/Berlin', NULL, '00:00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[1, {"b": []}]', '[[], {}, 1.50]', 'abc', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SET datestyle = 'SQL, DMY';
SET intervalstyle = sql_standard;
SET extra_float_digits = -5;
SET timezone = 'Europe/Berlin';
SET bytea_output = escape;
SELECT count(*) FROM more.nested_insert('typed_copy', (SELECT jsonb_agg(j) FROM more.nested_select('typed') AS j));
SHOW datestyle;
RESET datestyle;
RESET intervalstyle;
RESET extra_float_digits;
SELECT id, typed::text = copy::text AS same, typed *= copy AS identical FROM typed JOIN typed_copy AS copy USING (id) ORDER BY id;
SELECT * FROM more.nested_select('typed', '{"id": 1}');
-- Only JSON's null cannot be told from NULL, and json is as jsonb has it.
UPDATE typed SET jb = 'null', j = '{"k":  1, "k": 2}' WHERE id = 3;
SELECT * FROM more.nested_select('typed', '{"id": 3}', '{"jb": true, "j": true}');

-- Rights are the caller's, on every table; row security, too. A parent that is hidden leaves the key.
CREATE ROLE regress_more_documents;
GRANT USAGE ON SCHEMA more TO regress_more_documents;
SET ROLE regress_more_documents;
SELECT * FROM more.nested_select('author');
RESET ROLE;
GRANT SELECT ON author TO regress_more_documents;
GRANT SELECT (id, title, author_id) ON book TO regress_more_documents;
SET ROLE regress_more_documents;
SELECT * FROM more.nested_select('author', '{"id": 10}', '{"name": true}');
SELECT * FROM more.nested_select('author', '{"id": 10}', '{"name": true, "address": {}}');
SELECT * FROM more.nested_select('author', '{"id": 10}', '{"name": true, "book": {}}');
SELECT * FROM more.nested_select('author', '{"id": 10}', '{"name": true, "book": {"title": true}}');
SELECT * FROM more.nested_select('book', '{"len": 3}', '{"title": true}');
RESET ROLE;
ALTER TABLE author ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON author USING (id = 12);
SET ROLE regress_more_documents;
SELECT * FROM more.nested_select('author', shape => '{"name": true, "boss": {}}');
SELECT * FROM more.nested_select('book', shape => '{"title": true, "author": {}}');
RESET ROLE;
ALTER TABLE author DISABLE ROW LEVEL SECURITY;

-- What is refused.
SELECT * FROM more.nested_select(NULL::text);
SELECT * FROM more.nested_select(NULL::regclass);
SELECT * FROM more.nested_select(1);
SELECT * FROM more.nested_select('nothing');
SELECT * FROM more.nested_select(0::regclass);
SELECT * FROM more.nested_select('book_id_seq');
SELECT * FROM more.nested_select('author', shape => '[]');
SELECT * FROM more.nested_select('author', shape => 'true');
SELECT * FROM more.nested_select('author', shape => '{"book": {"titel": true}}');
SELECT * FROM more.nested_select('author', shape => '{"book": {"chapters": {}}}');
SELECT * FROM more.nested_select('author', shape => '{"author": {}}');
SELECT * FROM more.nested_select('author', shape => '{"author": true}');
SELECT * FROM more.nested_select('word', shape => '{"lang": {}}');
SELECT * FROM more.nested_select('author', shape => '{"name": {}}');
SELECT * FROM more.nested_select('author', shape => '{"name": 1}');
SELECT * FROM more.nested_select('author', shape => '{"name": null}');
SELECT * FROM more.nested_select('author', shape => '{"book": "title"}');
SELECT * FROM more.nested_select('author', shape => '{"book": [{}, {}]}');
SELECT * FROM more.nested_select('author', shape => '{"book": ["title"]}');
SELECT * FROM more.nested_select('author', shape => '{"book": {"author": {}}}');
SELECT * FROM more.nested_select('author', shape => '{"book": {}, "public.book": {}}');
SELECT * FROM more.nested_select('author', shape => '{"#id": true}');
SELECT * FROM more.nested_select('author', shape => '{"*": {}}');
SELECT * FROM more.nested_select('"Od""d"', shape => '{"#id": true}');
SELECT * FROM more.nested_select('seen', shape => '{"book": {}}');
SELECT * FROM more.nested_select('author', 'nam = 1');
SELECT * FROM more.nested_select('author', '{"nam": 1}');
SELECT * FROM more.nested_select('author', 'true) OR (true');
SELECT * FROM more.nested_select('author', 'random() < 1');
SELECT * FROM more.nested_select('author', 'id IN (SELECT 1)');
-- The condition means what it says where the statement is run.
CREATE FUNCTION public.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'hijacked' $$;
SET search_path = public, pg_catalog;
SELECT * FROM more.nested_select('author', 'pg_catalog.lower(name) = ''ann''', '{"name": true}');
RESET search_path;
DROP FUNCTION public.lower(text);

-- In a prepared statement, in PL/pgSQL, of each row of a query; it sees what the query sees.
PREPARE get AS SELECT * FROM more.nested_select('author', jsonb_build_object('id', $1::integer), $2);
EXECUTE get(10, '{"name": true}');
EXECUTE get(12, '{"name": true, "boss": {"name": true}}');
SELECT a.name, j FROM author AS a, more.nested_select('author', jsonb_build_object('boss_id', a.id), '{"name": true}') AS j ORDER BY 1, 2;
DO $$ DECLARE j jsonb; BEGIN FOR j IN SELECT * FROM more.nested_select('tag', shape => '{"name": true}') LOOP RAISE NOTICE '%', j; END LOOP; END $$;
WITH changed AS (UPDATE tag SET name = 'black' WHERE name = 'red' RETURNING id) SELECT j, id FROM more.nested_select('tag', '{"id": 1}') AS j, changed;
DROP OWNED BY regress_more_documents;
DROP ROLE regress_more_documents;
