-- more.nested_insert: rows that may be there already; link tables.
\set ECHO none
\i sql/include/setup.sql
\pset format unaligned
\pset tuples_only on

CREATE TABLE author (id serial PRIMARY KEY, email text UNIQUE, name text DEFAULT 'nobody', seen integer NOT NULL DEFAULT 0, gone integer);
ALTER TABLE author DROP COLUMN gone;
CREATE TABLE book (id serial PRIMARY KEY, author_id integer NOT NULL REFERENCES author, isbn numeric UNIQUE, title text, UNIQUE (author_id, title));
CREATE TABLE tag (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE book_tag (book_id integer REFERENCES book, tag_id integer REFERENCES tag, at date DEFAULT '2020-01-01', PRIMARY KEY (book_id, tag_id));
INSERT INTO author (email, name) VALUES ('old@x', 'old');
INSERT INTO book (author_id, isbn, title) VALUES (1, 1, 'first');
INSERT INTO tag (name) VALUES ('red');

-- A parent is found, or created; children go to it either way.
SELECT * FROM more.nested_insert('book', '[{"title": "a", "author": {"_match": ["email"], "email": "old@x", "name": "other"}}, {"title": "b", "author": {"_match": "email", "email": "new@x", "name": "new"}}]');
SELECT * FROM more.nested_insert('author', '[{"_match": ["email"], "email": "old@x", "_status": true, "book": [{"title": "c"}]}, {"_match": ["email"], "email": "newer@x", "_status": true, "book": [{"title": "d"}]}]');
-- The same row several times: it is one, and no child is lost.
SELECT * FROM more.nested_insert('author', '[{"_status": true, "_match": ["email"], "email": "z@x", "name": "first", "book": [{"title": "e"}]}, {"_status": true, "_match": ["email"], "email": "y@x"}, {"_status": true, "_match": ["email"], "email": "z@x", "name": "second", "book": [{"title": "f"}, {"title": "g", "_status": false}]}]');
-- With _update what is found is changed; what the document lacks stays.
SELECT * FROM more.nested_insert('author', '[{"_status": true, "_match": ["email"], "_update": true, "email": "z@x", "name": "third"}, {"_status": true, "_match": ["email"], "_update": true, "email": "y@x", "name": "nobody"}, {"_status": true, "_match": ["email"], "_update": true, "email": "x@x", "seen": 1}]');
SELECT * FROM more.nested_insert('author', '[{"_status": true, "_match": ["email"], "_update": true, "email": "w@x", "name": "one", "seen": 5}, {"_status": true, "_match": ["email"], "_update": true, "email": "w@x", "name": "two"}, {"_status": true, "_match": ["email"], "email": "w@x", "name": "three"}]');
-- (what is only found goes before what is changed)
-- Children are found by a key that the nesting gives a part of; equal numbers are one key however they are written.
SELECT * FROM more.nested_insert('author', '{"_match": ["email"], "email": "old@x", "_status": true, "book": [{"_match": ["author_id", "title"], "title": "c", "isbn": 7}, {"_match": ["title", "author_id"], "title": "new", "isbn": 8}, {"_match": ["isbn"], "isbn": 8.0, "title": "same"}, {"_match": ["isbn"], "isbn": 9.0}, {"_match": ["isbn"], "isbn": 9.00}]}');
-- With _update a child goes to the row that it is nested in.
SELECT * FROM more.nested_insert('author', '{"email": "thief@x", "_status": true, "book": [{"_match": ["isbn"], "isbn": 1, "_update": true, "title": "stolen"}]}');
SELECT * FROM more.nested_insert('author', '{"email": "honest@x", "_status": true, "book": [{"_match": ["isbn"], "isbn": 1, "title": "not stolen"}]}');
-- on_conflict says it for each table; what an object says of itself goes before.
SELECT * FROM more.nested_insert('author', '[{"email": "old@x", "name": "changed", "book": [{"isbn": 1}, {"title": "no isbn"}, {"isbn": null, "title": "none either"}]}]',
	'{"author": {"_match": ["email"], "_update": true, "_status": true}, "public.book": {"_match": ["isbn"]}}');
SELECT * FROM more.nested_insert('author', '[{"email": "old@x", "name": "not changed", "_update": false}, {"_match": ["id"], "id": 1, "email": "old2@x"}]', '{"author": {"_match": ["email"], "_update": true, "_status": true}, "tag": {"_match": ["name"]}}');
-- A row that must be there; it can get children, and be given to another row.
SELECT * FROM more.nested_insert('book', '[{"title": "h", "author": {"_connect": {"email": "old@x"}}}, {"title": "i", "author": {"_connect": {"id": 1}}}]');
SELECT * FROM more.nested_insert('author', '{"_connect": {"id": 2}, "_status": true, "book": [{"title": "j"}, {"_connect": {"author_id": 1, "title": "h"}}, {"_connect": {"id": 1}}]}');
SELECT * FROM more.nested_insert('book', '[{"_connect": {"isbn": "7"}}, {"_connect": {"isbn": 7}}]');
SELECT * FROM more.nested_insert('book', '[{"title": "k", "author": {"_connect": {"id": 1}}}, {"title": "l", "author": {"_connect": {"id": 999}}}]');
SELECT * FROM more.nested_insert('author', '[{"_connect": {"id": 1}, "book": [{"_connect": {"id": 2}}]}, {"_connect": {"id": 2}, "book": [{"_connect": {"isbn": 999}}]}]');
SELECT * FROM more.nested_insert('author', '[{"_connect": {"id": 1}, "book": [{"_connect": {"id": 2}}]}, {"_connect": {"id": 2}, "book": [{"_connect": {"id": 2}}]}]');

-- Through a link table: its rows as children whose parent is nested; or just the rows at its other end.
SELECT * FROM more.nested_insert('book', '{"author_id": 1, "title": "m", "book_tag": [{"tag": {"name": "blue"}}, {"at": null, "tag": {"_match": ["name"], "name": "red"}}]}');
SELECT * FROM more.nested_insert('book', '[{"author_id": 1, "title": "n", "tag": [{"name": "green"}, {"_match": ["name"], "name": "red"}, {"_connect": {"id": 2}}]},
	{"author_id": 1, "title": "o", "tag": [{"_match": ["name"], "name": "pink"}, {"_match": ["name"], "name": "pink"}]}, {"author_id": 1, "title": "p", "_status": true, "tag": [{"_match": ["name"], "name": "pink"}]}]');
-- Both ends are there, and the link between them may be.
SELECT * FROM more.nested_insert('book', '{"_match": ["author_id", "title"], "author_id": 1, "title": "o", "tag": [{"_match": ["name"], "name": "pink"}, {"_match": ["name"], "name": "red"}]}');
SELECT b.title, string_agg(t.name, ' ' ORDER BY t.name) FROM book AS b JOIN book_tag ON book_id = b.id JOIN tag AS t ON tag_id = t.id GROUP BY 1 ORDER BY 1;
-- From the other end; the same new row at two ends.
SELECT * FROM more.nested_insert('tag', '{"name": "grey", "book": [{"author_id": 1, "title": "q", "tag": [{"#id": "t", "name": "black"}]}, {"author_id": 1, "title": "r", "tag": [{"#ref": "t"}]}]}');
-- Both ends in one table: by the rows of the link table.
CREATE TABLE friend (a_id integer REFERENCES author, b_id integer REFERENCES author, PRIMARY KEY (a_id, b_id));
SELECT * FROM more.nested_insert('author', '{"name": "f", "author": [{"name": "g"}]}');
SELECT * FROM more.nested_insert('author', '{"name": "f", "friend.a_id": [{"b": {"name": "g"}}]}');
-- What is only found stays as it is, though a link closes a cycle; what is new or changed gets it.
CREATE TABLE club (id serial PRIMARY KEY, name text UNIQUE, head_id integer);
CREATE TABLE member (id serial PRIMARY KEY, name text, club_id integer NOT NULL REFERENCES club);
ALTER TABLE club ADD FOREIGN KEY (head_id) REFERENCES member;
INSERT INTO club (name) VALUES ('old');
SELECT * FROM more.nested_insert('club', '[{"_match": "name", "name": "old", "#id": 1, "head": {"name": "x", "club": {"#ref": 1}}}, {"_match": "name", "name": "new", "#id": 2, "head": {"name": "y", "club": {"#ref": 2}}}]');
SELECT * FROM more.nested_insert('club', '[{"_match": "name", "_update": true, "name": "old", "#id": 1, "head": {"name": "z", "club": {"#ref": 1}}}]');
TABLE club ORDER BY id;
-- Many, half of them there, each twice.
CREATE TABLE many (id serial PRIMARY KEY, code text UNIQUE);
CREATE TABLE part (id serial PRIMARY KEY, many_id integer REFERENCES many);
INSERT INTO many (code) SELECT 'c' || g FROM generate_series(1, 500) AS g;
SELECT j ->> '_status', count(*), count(DISTINCT j ->> 'id') FROM more.nested_insert('many', (SELECT jsonb_agg(jsonb_build_object('code', 'c' || g % 1000, 'part', '[{},{}]'::jsonb) ORDER BY g) FROM generate_series(251, 1250) AS g), '{"many": {"_match": "code", "_status": true}}') AS j GROUP BY 1 ORDER BY 1;
SELECT count(*), count(DISTINCT many_id) FROM part;
-- Null keys, partial and deferrable unique keys, a key by a collation that takes different letters for one.
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE keyed (id serial PRIMARY KEY, a integer, b text COLLATE loose UNIQUE, c integer UNIQUE DEFERRABLE, note text);
CREATE UNIQUE INDEX ON keyed (a) WHERE a > 0;
SELECT * FROM more.nested_insert('keyed', '[{"_match": "b", "b": "Ab", "note": "1"}, {"_match": "b", "b": "aB", "note": "2"}, {"_match": "c", "c": 1}, {"_match": "c", "c": 1}]', '{"keyed": {"_status": true}}');
SELECT * FROM more.nested_insert('keyed', '[{"_match": "a", "a": 1}, {"_match": "a", "a": 1}]', '{"keyed": {"_status": true}}');

-- What cannot be.
SELECT * FROM more.nested_insert('author', '[{"email": "1@x"}, {"_match": ["name"], "name": "x"}]');
SELECT * FROM more.nested_insert('author', '[{"_match": ["mail"], "email": "x"}]');
SELECT * FROM more.nested_insert('author', '[{"_match": [], "email": "x"}]');
SELECT * FROM more.nested_insert('author', '[{"_match": {"email": 1}, "email": "x"}]');
SELECT * FROM more.nested_insert('author', '[{"_match": ["email"], "name": "x"}]');
SELECT * FROM more.nested_insert('author', '[{"_match": ["email"], "email": null}]');
SELECT * FROM more.nested_insert('author', '[{"_update": true, "email": "x"}]');
SELECT * FROM more.nested_insert('author', '[{"_match": ["email"], "_update": 1, "email": "x"}]');
SELECT * FROM more.nested_insert('author', '[{"_connect": {"id": 1}, "email": "x"}]');
SELECT * FROM more.nested_insert('book', '[{"_connect": {"id": 1}, "author": {"email": "x"}}]');
SELECT * FROM more.nested_insert('author', '[{"_connect": {"id": 1}, "_match": ["id"]}]');
SELECT * FROM more.nested_insert('author', '[{"_connect": {}}]');
SELECT * FROM more.nested_insert('author', '[{"_connect": 1}]');
SELECT * FROM more.nested_insert('author', '[{"_connect": {"name": "x"}}]');
SELECT * FROM more.nested_insert('author', '[{"_connect": {"id": null}}]');
SELECT * FROM more.nested_insert('author', '[{"_connect": {"id": "one"}}]');
SELECT * FROM more.nested_insert('author', '[{"_status": "yes"}]');
SELECT * FROM more.nested_insert('author', '[{}]', '{"autor": {"_match": ["email"]}}');
SELECT * FROM more.nested_insert('author', '[{}]', '{"author": {"match": ["email"]}}');
SELECT * FROM more.nested_insert('author', '[{}]', '{"author": {"_match": ["name"]}}');
SELECT * FROM more.nested_insert('author', '[{}]', '{"author": {"_update": true}}');
SELECT * FROM more.nested_insert('author', '[{}]', '{"author": true}');
SELECT * FROM more.nested_insert('author', '[{}]', '[]');
