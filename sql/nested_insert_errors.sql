-- more.nested_insert: what is refused, and where in the documents it is. Nothing is written.
\set ECHO none
\i sql/include/setup.sql
\pset format unaligned
\pset tuples_only on

CREATE TABLE author (id serial PRIMARY KEY, name text NOT NULL, email text UNIQUE, age integer CHECK (age > 0), twin_id integer UNIQUE REFERENCES author, tags jsonb);
CREATE TABLE book (id serial PRIMARY KEY, author_id integer NOT NULL REFERENCES author, editor_id integer REFERENCES author, title varchar(10) NOT NULL, len integer GENERATED ALWAYS AS (length(title)) STORED, UNIQUE (author_id, title));
CREATE TABLE page (id serial PRIMARY KEY, book_id integer NOT NULL REFERENCES book, n numeric(4, 2));
CREATE TABLE label (id serial PRIMARY KEY, name text);
CREATE TABLE page_label (page_id integer REFERENCES page, label_id integer REFERENCES label);
CREATE TABLE odd (id serial PRIMARY KEY, _status text, _match integer, author_id integer REFERENCES author);
CREATE SCHEMA other;
CREATE TABLE other.odd (id serial PRIMARY KEY, author_id integer REFERENCES author);

-- No document.
SELECT * FROM more.nested_insert('author', '1');
SELECT * FROM more.nested_insert('author', '"{}"');
SELECT * FROM more.nested_insert('author', 'null');
SELECT * FROM more.nested_insert('author', '[{"name": "a"}, 2]');
SELECT * FROM more.nested_insert('author', '[[]]');
SELECT * FROM more.nested_insert('author', '[{"name": "a", "book.author_id": [{"title": "x"}, null]}]');
SELECT * FROM more.nested_insert('author', NULL);
SELECT * FROM more.nested_insert(NULL, '{}');
SELECT * FROM more.nested_insert('book_id_seq', '{}');
SELECT * FROM more.nested_insert(0, '{}');
-- Names that are unknown, with the nearest.
SELECT * FROM more.nested_insert('author', '{"nam": "x"}');
SELECT * FROM more.nested_insert('author', '[{"name": "x"}, {"name": "y", "book.author_id": [{"title": "a"}, {"titel": "b"}]}]');
SELECT * FROM more.nested_insert('author', '{"book.autor_id": []}');
SELECT * FROM more.nested_insert('book', '{"pages": []}');
SELECT * FROM more.nested_insert('author', '{"_macth": ["id"]}');
SELECT * FROM more.nested_insert('author', '{"": 1}');
SELECT * FROM more.nested_insert('author', '{"so far away": 1}');
SELECT * FROM more.nested_insert('page', '{"lable": []}');
-- Names that are ambiguous, with those that are not.
SELECT * FROM more.nested_insert('author', '{"name": "x", "book": [{"title": "a"}]}');
SELECT * FROM more.nested_insert('book', '[{"title": "a"}, {"author_id": 1, "public.author": {"name": "x"}}]');
SELECT * FROM more.nested_insert('author', '{"name": "x", "odd": [{}]}');
SELECT * FROM more.nested_insert('author', '{"name": "x", "twin": null, "author": {"name": "y"}}');
SELECT * FROM more.nested_insert('odd', '{"_status": "x"}');
SELECT * FROM more.nested_insert('odd', '{"odd._status": "x", "odd._match": 4}', '{"public.odd": {"_status": true}}');
-- One relation by two names.
SELECT * FROM more.nested_insert('book', '{"title": "a", "author": {"name": "x"}, "book_author_id_fkey": {"name": "y"}}');
SELECT * FROM more.nested_insert('book', '{"title": "a", "author": {"name": "x"}, "author_id": {"name": "y"}}');
-- An array where an object belongs, and the other way round.
SELECT * FROM more.nested_insert('author', '{"name": "x", "book.author_id": {"title": "a"}}');
SELECT * FROM more.nested_insert('book', '{"title": "a", "author": [{"name": "x"}]}');
SELECT * FROM more.nested_insert('book', '{"title": "a", "author": "x"}');
SELECT * FROM more.nested_insert('page', '{"label": {}}');
-- Values that the column does not take.
SELECT * FROM more.nested_insert('author', '[{"name": "x", "age": "old"}]');
SELECT * FROM more.nested_insert('author', '[{"name": "x", "book.author_id": [{"title": "a", "page": [{"n": 1}, {"n": 1000.5}]}]}]');
SELECT * FROM more.nested_insert('author', '[{"name": "x", "book.author_id": [{"title": "a"}, {"title": "much too long"}]}]');
SELECT * FROM more.nested_insert('author', '[{"name": "x", "age": {"years": 3}}]');
SELECT * FROM more.nested_insert('author', '[{"name": "x", "age": [3]}]');
-- What is missing, and what constraints refuse: the row is told.
SELECT * FROM more.nested_insert('author', '[{"name": "x"}, {"email": "y@x"}]');
SELECT * FROM more.nested_insert('author', '[{"name": "x", "book.author_id": [{"title": "a"}, {"title": null}]}]');
SELECT * FROM more.nested_insert('book', '[{"title": "a", "author": null}]');
SELECT * FROM more.nested_insert('author', '[{"name": "x", "age": 5}, {"name": "y", "age": 0}]');
SELECT * FROM more.nested_insert('author', '[{"name": "x", "book.author_id": [{"title": "a"}, {"title": "b"}, {"title": "a"}]}]');
SELECT * FROM more.nested_insert('author', '[{"name": "x", "book.author_id": [{"title": "a"}, {"title": "b", "editor_id": 12345}, {"title": "c"}]}]');
SELECT * FROM more.nested_insert('author', '[{"name": "x", "book.author_id": [{"title": "a", "len": 1}, {"title": "b", "len": 7}]}]');
SELECT * FROM more.nested_insert('author', '[{"id": 1000, "name": "x", "book.author_id": [{"author_id": 1000, "title": "a"}, {"author_id": 1001, "title": "b"}]}]');
-- A unique parent for two.
SELECT * FROM more.nested_insert('author', '[{"#id": "a", "name": "x"}, {"name": "y", "twin": {"#ref": "a"}}, {"name": "z", "twin": {"#ref": "a"}}]');
-- A path through names that are not plain.
CREATE TABLE "my table" ("the id" serial PRIMARY KEY, author_id integer REFERENCES author, "a.b" integer);
SELECT * FROM more.nested_insert('author', '[{"name": "x", "my table": [{"a.b": 1}, {"a.b": "\" \\ "}]}]');
-- Deep documents.
SELECT * FROM more.nested_insert('author', ('{"name": "x", "twin": ' || repeat('{"name": "x", "twin": ', 500) || 'null' || repeat('}', 501))::jsonb) AS j WHERE j IS NULL;
SELECT count(*) FROM author;
DELETE FROM author;
-- All or nothing.
SELECT * FROM more.nested_insert('author', '[{"name": "x"}, {"name": "y", "book.author_id": [{"title": "a", "page": [{"n": 1}]}, {"title": "b", "page": [{"n": "x"}]}]}]');
SELECT (SELECT count(*) FROM author), (SELECT count(*) FROM book), (SELECT count(*) FROM page), (SELECT count(*) FROM label);
-- A table without a primary key cannot have links set later; views have no relations.
CREATE VIEW names AS SELECT id, name FROM author;
SELECT * FROM more.nested_insert('names', '{"id": 1, "name": "through a view"}');
SELECT * FROM more.nested_insert('names', '{"id": 1, "name": "x", "book": []}');
SELECT count(*) FROM author;
