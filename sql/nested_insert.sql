-- more.nested_insert: documents of new rows, parents and children, in one call.
\set ECHO none
\i sql/include/setup.sql
\pset format unaligned
\pset tuples_only on

CREATE TABLE author (id serial PRIMARY KEY, name text NOT NULL, email text UNIQUE, born date DEFAULT '1970-01-01', boss_id integer REFERENCES author);
CREATE TABLE book (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author_id integer NOT NULL REFERENCES author, title text NOT NULL, len integer GENERATED ALWAYS AS (length(title)) STORED);
CREATE TABLE chapter (book_id integer REFERENCES book, n integer, name text, PRIMARY KEY (book_id, n));
CREATE TABLE page (id bigserial PRIMARY KEY, book_id integer, chapter_n integer, words text[], attrs jsonb, FOREIGN KEY (book_id, chapter_n) REFERENCES chapter (book_id, n));

-- Children of children, keys that are serial, identity and composite; what the document lacks is its default.
SELECT * FROM more.nested_insert('author', '[
	{"name": "ann", "email": "a@x", "book": [
		{"title": "one", "chapter": [{"n": 1, "name": "begin", "page": [{"words": ["a", "b c", null], "attrs": {"x": [1, {"y": null}]}}, {}]}, {"n": 2}]},
		{"title": "two"}]},
	{"name": "bob", "book": []},
	{"name": "cid", "born": null, "book": null}]');
TABLE page;
-- One document, not in an array. A parent, by the column without _id and by the table; null is no parent.
SELECT * FROM more.nested_insert('book', '{"title": "three", "author": {"name": "dan", "boss": {"name": "eve", "boss": null}}}');
SELECT * FROM more.nested_insert('chapter', '{"n": 1, "book": {"title": "four", "author_id": 1}}');
SELECT * FROM more.nested_insert('author', '[]');
-- Rows that refer to rows of the same table: up and down.
SELECT * FROM more.nested_insert('author', '{"name": "mid", "boss": {"name": "top"}, "author": [{"name": "low", "author": [{"name": "lowest"}, {"name": "lowest too"}]}]}');
-- An object where the foreign key is unique.
CREATE TABLE address (author_id integer PRIMARY KEY REFERENCES author, town text);
SELECT * FROM more.nested_insert('author', '{"name": "fay", "address": {"town": "york"}}');
SELECT * FROM more.nested_insert('address', '{"town": "bath", "author": {"name": "gus"}}');
-- The same with the key's column given, if it is the same.
SELECT * FROM more.nested_insert('author', '{"id": 100000, "name": "hal", "book": [{"author_id": 100000, "title": "five"}, {"author_id": null, "title": "six"}]}');
-- Identities and generated columns that the document has are kept, and compared.
SELECT * FROM more.nested_insert('book', '{"id": 500000, "author_id": 100000, "title": "seven", "len": 5}');

-- Two foreign keys to one table: each parent by its column, each kind of children by theirs, or by the constraint's name.
CREATE TABLE review (id serial PRIMARY KEY, by_id integer REFERENCES author, "of" integer CONSTRAINT reviewed REFERENCES author, stars integer);
SELECT * FROM more.nested_insert('review', '{"stars": 3, "by": {"name": "ida"}, "of": {"name": "jon"}}');
SELECT * FROM more.nested_insert('author', '{"name": "kim", "review.by_id": [{"stars": 1}], "review.of": [{"stars": 2}]}');
SELECT * FROM more.nested_insert('author', '{"name": "lea", "reviewed": [{"stars": 4}]}');
SELECT * FROM more.nested_insert('review', '{"stars": 5, "reviewed": {"name": "max"}}');

-- Keys that are uuid, an expression, given by the document, not the primary key.
CREATE SEQUENCE codes;
CREATE TABLE place (code text PRIMARY KEY DEFAULT 'p' || nextval('codes'), uid uuid UNIQUE DEFAULT '00000000-0000-0000-0000-000000000001', lang text COLLATE "C" UNIQUE);
CREATE TABLE shop (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), place_code varchar(10) REFERENCES place, place_uid uuid REFERENCES place (uid), place_lang text REFERENCES place (lang));
SELECT * FROM more.nested_insert('place', '[{"uid": null, "shop.place_code": [{"id": "00000000-0000-0000-0000-00000000000a"}]}, {"uid": "00000000-0000-0000-0000-00000000000b", "lang": "y", "shop_place_uid_fkey": [{"id": "00000000-0000-0000-0000-00000000000c"}], "shop.place_lang": [{"id": "00000000-0000-0000-0000-00000000000d"}]}]');
-- A row with a key of its own: uuid.
CREATE TABLE top (id uuid PRIMARY KEY DEFAULT gen_random_uuid());
CREATE TABLE sub (id serial PRIMARY KEY, top_id uuid NOT NULL REFERENCES top);
SELECT (j ->> 'id') = (j -> 'sub' -> 0 ->> 'top_id') AND (j ->> 'id') = (j -> 'sub' -> 1 ->> 'top_id') AS linked FROM more.nested_insert('top', '[{"sub": [{}, {}]}, {"sub": [{}, {}]}]') AS j;

-- Composite foreign keys that share a column.
CREATE TABLE firm (id integer PRIMARY KEY);
CREATE TABLE team (firm_id integer REFERENCES firm, id integer, PRIMARY KEY (firm_id, id));
CREATE TABLE person (firm_id integer, id integer, team_id integer, PRIMARY KEY (firm_id, id), FOREIGN KEY (firm_id, team_id) REFERENCES team, FOREIGN KEY (firm_id) REFERENCES firm);
SELECT * FROM more.nested_insert('firm', '{"id": 1, "team": [{"id": 10, "person": [{"id": 1}, {"id": 2}]}], "person": [{"id": 3, "team": {"id": 11, "firm_id": 1}}]}');

-- Of several columns a relation is told by all of them, with commas between.
CREATE TABLE pair_of (a integer, b integer, a2 integer, b2 integer, PRIMARY KEY (a, b), UNIQUE (a2, b2), FOREIGN KEY (a2, b2) REFERENCES pair_of);
SELECT * FROM more.nested_insert('pair_of', '{"a": 1, "b": 1, "a2,b2": {"a": 1, "b": 2}, "pair_of.a2,b2": {"a": 1, "b": 3}}');

-- Tables in other schemas, and of the same name; partitions; names that are anything.
CREATE SCHEMA "Other $x";
CREATE TABLE "Other $x".book (id serial PRIMARY KEY, owner integer REFERENCES author);
CREATE TABLE "Other $x"."we""ird.t[0]" ("#x" serial PRIMARY KEY, "book id_id" integer REFERENCES "Other $x".book, "ordinal" text DEFAULT 'data', "target" integer, "select" integer);
SELECT * FROM more.nested_insert('author', '{"name": "ned", "Other $x.book": [{"we\"ird.t[0]": [{"target": 1, "select": 2}, {"#x": 77}]}], "public.book": [{"title": "eight"}]}');
SELECT * FROM more.nested_insert('"Other $x"."we""ird.t[0]"', '{"book id": {"owner": {"name": "oda"}}}');
CREATE TABLE log (id serial, day date, text text, author_id integer REFERENCES author, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE log_2 (extra integer, day date NOT NULL, text text, author_id integer, id integer NOT NULL DEFAULT nextval('log_id_seq'));
ALTER TABLE log_2 DROP COLUMN extra;
ALTER TABLE log ATTACH PARTITION log_2 FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE TABLE entry (id serial PRIMARY KEY, log_id integer, log_day date, FOREIGN KEY (log_id, log_day) REFERENCES log);
SELECT * FROM more.nested_insert('author', '{"name": "pia", "log": [{"day": "2020-05-05", "entry": [{}, {}]}, {"day": "2021-05-05", "entry": [{}]}]}');
SELECT * FROM more.nested_insert('log_2', '{"day": "2021-06-06", "author": {"name": "quy"}}');
-- A table whose columns were dropped; rows without any value.
CREATE TABLE hollow (gone integer, id serial PRIMARY KEY);
ALTER TABLE hollow DROP COLUMN gone;
CREATE TABLE hole (hollow_id integer REFERENCES hollow);
SELECT * FROM more.nested_insert('hollow', '[{"hole": [{}, {}]}, {}]');
-- Types: what is read is what a plain INSERT reads.
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE TYPE pair AS (a integer, b text);
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE typed (id positive PRIMARY KEY, n numeric(10, 2), f float8, t timestamptz, b bytea, a integer[], p pair, m mood, j json, jb jsonb, c char(3), i interval, r int4range);
CREATE TABLE typed_child (typed_id integer REFERENCES typed, n serial);
SELECT * FROM more.nested_insert('typed', '{"id": 7, "n": 1.5, "f": 0.1, "t": "2020-01-01 00:00:00+00", "b": "\\x01", "a": [1, null], "p": {"a": 1, "b": "x"}, "m": "ok", "j": {"k":  1}, "jb": "text", "c": "x", "i": "1 day", "r": "[1,5)", "typed_child": [{}]}');
SELECT j ->> 'id' AS id, j -> 'n' AS n, j -> 'f' AS f FROM more.nested_insert('typed', '[{"id": 8, "n": "NaN", "f": "NaN"}, {"id": 9, "n": -12345678.9, "f": "-Infinity"}, {"id": 10, "n": 0.001}]') AS j;

-- Rows go in input order, all documents together: one statement for each table.
CREATE TABLE statements (n serial, what text);
CREATE FUNCTION note_statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO statements (what) VALUES (concat_ws(' ', tg_op, tg_table_name)); RETURN NULL; END $$;
CREATE TRIGGER noted AFTER INSERT ON author FOR EACH STATEMENT EXECUTE FUNCTION note_statement();
CREATE TRIGGER noted AFTER INSERT ON book FOR EACH STATEMENT EXECUTE FUNCTION note_statement();
CREATE TRIGGER noted AFTER INSERT ON chapter FOR EACH STATEMENT EXECUTE FUNCTION note_statement();
SELECT count(*) FROM more.nested_insert('author', (SELECT jsonb_agg(jsonb_build_object('name', 'm' || g, 'public.book', (
	SELECT jsonb_agg(jsonb_build_object('title', g || '.' || h, 'chapter', jsonb_build_array(jsonb_build_object('n', 1), jsonb_build_object('n', 2)))) FROM generate_series(1, 3) AS h)) ORDER BY g) FROM generate_series(1, 1000) AS g));
SELECT what FROM statements ORDER BY n;
SELECT count(*), bool_and(id - first = 3 * (a - 1) + b - 1) AS in_order FROM (
	SELECT id, split_part(title, '.', 1)::integer AS a, split_part(title, '.', 2)::integer AS b, min(id) OVER () AS first FROM book WHERE title ~ '^\d+\.\d+$') AS x;
SELECT count(*) FROM chapter AS c JOIN book AS b ON b.id = c.book_id JOIN author AS a ON a.id = b.author_id WHERE a.name = 'm' || split_part(title, '.', 1);
-- Called by a statement that is prepared, by PL/pgSQL, and twice in a statement.
PREPARE put AS SELECT j ->> 'name' FROM more.nested_insert('author', $1) AS j;
EXECUTE put('{"name": "r1"}');
EXECUTE put('[{"name": "r2"}, {"name": "r3", "public.book": [{"title": "x"}]}]');
DO $$ DECLARE j jsonb; BEGIN FOR j IN SELECT * FROM more.nested_insert('author', '[{"name": "s"}, {"name": "t"}]') LOOP RAISE NOTICE '%', j ->> 'name'; END LOOP; END $$;
SELECT a ->> 'name', b ->> 'name' FROM more.nested_insert('author', '{"name": "u"}') AS a, more.nested_insert('author', '{"name": "v"}') AS b;
-- The rows by arrays, as for tables that a distributed engine plans.
SET pg_more.rows_source = arrays;
SELECT j - 'id' #- '{public.book,0,id}' #- '{public.book,0,author_id}' FROM more.nested_insert('author', '[{"name": "w", "public.book": [{"title": "y"}]}, {"name": "x", "born": "2000-01-01"}]') AS j;
RESET pg_more.rows_source;
-- A rule's statement sees the rows, too.
CREATE TABLE ruled (id serial PRIMARY KEY, v integer);
CREATE TABLE seen (v integer);
CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO seen VALUES (new.v);
SELECT * FROM more.nested_insert('ruled', '[{"v": 1}, {"v": 2}]');
SELECT * FROM more.nested_insert('ruled', '{"v": 3}');
TABLE seen;
-- A foreign key that is a generated column: it refers to what it is nested in, or that is an error.
CREATE TABLE heap (id integer PRIMARY KEY, up integer GENERATED ALWAYS AS (nullif(id / 2, 0)) STORED REFERENCES heap);
SELECT * FROM more.nested_insert('heap', '[{"id": 5, "heap_up_fkey": {"id": 2, "heap_up_fkey": {"id": 1}}}, {"id": 3}, {"id": 4, "up": 2}]');
SELECT * FROM more.nested_insert('heap', '{"id": 9, "heap_up_fkey": {"id": 8}}');
SELECT * FROM more.nested_insert('heap', '{"id": 9, "heap_up_fkey": null}');
