-- more.nested_insert: "#id" and "#ref", and rows that refer to each other in a cycle.
\set ECHO none
\i sql/include/setup.sql
\pset format unaligned
\pset tuples_only on

CREATE TABLE person (id serial PRIMARY KEY, name text, best_id integer REFERENCES person);
CREATE TABLE song (id serial PRIMARY KEY, title text, writer_id integer NOT NULL REFERENCES person, singer_id integer REFERENCES person);

-- Another new row: of the same document, of one before, of one after; as a parent, in the place of its column, as a child.
SELECT * FROM more.nested_insert('song', '[
	{"title": "one", "writer": {"#id": "ann", "name": "ann"}, "singer": {"#ref": "ann"}},
	{"title": "two", "writer": {"#ref": "bob"}, "singer_id": {"#ref": "ann"}},
	{"title": "three", "writer": {"#id": "bob", "name": "bob", "song.singer_id": [{"#ref": 4}]}},
	{"#id": 4, "title": "four", "writer": {"#ref": "bob"}}]');
SELECT * FROM song ORDER BY id;
-- A row that refers to itself, two that refer to each other, three, and rows that hang on them.
SELECT * FROM more.nested_insert('person', '[{"#id": "x", "name": "self", "best": {"#ref": "x"}},
	{"#id": "a", "name": "a", "best": {"#ref": "b"}}, {"#id": "b", "name": "b", "best": {"#ref": "a"}},
	{"#id": "c", "name": "c", "best": {"#ref": "d"}}, {"#id": "d", "name": "d", "best": {"name": "e", "best": {"#ref": "c"}}},
	{"name": "f", "best": {"#ref": "c"}, "song.writer_id": [{"title": "of f"}]}]');
SELECT p.name, b.name FROM person AS p JOIN person AS b ON b.id = p.best_id ORDER BY p.name;

-- A column that refers to its own table and must not be null; with identity.
CREATE TABLE node (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, root_id bigint NOT NULL REFERENCES node, note text DEFAULT 'n');
SELECT * FROM more.nested_insert('node', '[{"#id": "r", "root": {"#ref": "r"}, "node": [{}, {"node": [{}]}]}]');
SELECT * FROM more.nested_insert('node', '[{"#id": "s", "root": {"#ref": "t"}}, {"#id": "t", "root_id": {"#ref": "s"}}]');
INSERT INTO node (root_id) VALUES (1) RETURNING id;

-- Two such columns, and circles that share a row.
CREATE TABLE tree (id serial PRIMARY KEY, root_id integer NOT NULL REFERENCES tree, up_id integer NOT NULL REFERENCES tree);
SELECT * FROM more.nested_insert('tree', '[{"#id": "r", "root": {"#ref": "r"}, "up": {"#ref": "r"}, "tree.up_id": [{"root": {"#ref": "r"}}]}, {"#id": "a", "root": {"#ref": "b"}, "up": {"#ref": "c"}},
	{"#id": "b", "root": {"#ref": "a"}, "up": {"#ref": "r"}}, {"#id": "c", "root": {"#ref": "c"}, "up": {"#ref": "b"}}]');

-- Two tables: by a key that may be null, which is set by an UPDATE.
CREATE TABLE dept (id serial PRIMARY KEY, name text, head_id integer DEFAULT 1);
CREATE TABLE emp (id serial PRIMARY KEY, name text, dept_id integer NOT NULL REFERENCES dept);
ALTER TABLE dept ADD FOREIGN KEY (head_id) REFERENCES emp;
CREATE TRIGGER noted AFTER INSERT OR UPDATE ON dept FOR EACH ROW EXECUTE FUNCTION note_trigger();
SELECT * FROM more.nested_insert('dept', '[{"name": "sales", "emp": [{"#id": "joe", "name": "joe"}, {"name": "jim"}], "head": {"#ref": "joe"}},
	{"#id": "it", "name": "it", "head": {"name": "moss", "dept": {"#ref": "it"}}}, {"name": "none", "head": null}]');
SELECT what FROM fired ORDER BY n;
SELECT d.name, e.name FROM dept AS d JOIN emp AS e ON e.id = d.head_id ORDER BY 1;

-- By a key that is deferred; by one that can be.
CREATE TABLE egg (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n integer, hen_id integer NOT NULL);
CREATE TABLE hen (id serial PRIMARY KEY, n integer, egg_id uuid NOT NULL REFERENCES egg);
ALTER TABLE egg ADD CONSTRAINT egg_hen FOREIGN KEY (hen_id) REFERENCES hen DEFERRABLE INITIALLY DEFERRED;
SELECT j - 'id' - 'egg_id' #- '{egg,id}' FROM more.nested_insert('hen', '[{"#id": "h", "n": 1, "egg": {"n": 1, "hen": {"#ref": "h"}}}, {"#id": 2, "id": 70, "n": 2, "egg": {"n": 2, "hen_id": {"#ref": 2}}}]') AS j;
SELECT h.id, h.n, e.n, e.hen_id FROM hen AS h JOIN egg AS e ON e.id = h.egg_id ORDER BY 1;
ALTER TABLE egg ALTER CONSTRAINT egg_hen DEFERRABLE INITIALLY IMMEDIATE;
SELECT j - 'id' - 'egg_id' #- '{egg,id}' FROM more.nested_insert('hen', '[{"#id": "h", "n": 3, "egg": {"n": 3, "hen": {"#ref": "h"}}}]') AS j;
-- it is looked at afterwards as before
INSERT INTO egg (hen_id) VALUES (12345);
-- Composite keys, of which one column is shared and only the other can be null.
CREATE TABLE house (town integer, id serial, door integer, UNIQUE (town, id), PRIMARY KEY (id));
CREATE TABLE door (town integer NOT NULL, id serial PRIMARY KEY, house_id integer NOT NULL, FOREIGN KEY (town, house_id) REFERENCES house (town, id), UNIQUE (town, id));
ALTER TABLE house ALTER town SET NOT NULL, ADD CONSTRAINT front FOREIGN KEY (town, door) REFERENCES door (town, id);
SELECT * FROM more.nested_insert('house', '{"town": 5, "#id": "h", "front": {"house": {"#ref": "h"}}}');
SELECT * FROM more.nested_insert('house', '{"town": 5, "door": [{"#id": 1}, {"#id": 2}], "front": {"#ref": 2}}');
TABLE house;

-- Cycles that cannot be closed.
CREATE TABLE yin (id serial PRIMARY KEY, yang_id integer NOT NULL);
CREATE TABLE yang (id serial PRIMARY KEY, yin_id integer NOT NULL REFERENCES yin);
ALTER TABLE yin ADD FOREIGN KEY (yang_id) REFERENCES yang;
SELECT * FROM more.nested_insert('yin', '{"#id": "y", "yang": {"yin": {"#ref": "y"}}}');
ALTER TABLE yin ALTER CONSTRAINT yin_yang_id_fkey DEFERRABLE;
ALTER TABLE yang ALTER id DROP DEFAULT;
SELECT * FROM more.nested_insert('yin', '{"#id": "y", "yang": {"yin": {"#ref": "y"}}}');
SELECT * FROM more.nested_insert('yin', '{"#id": "y", "yang": {"id": 9, "yin": {"#ref": "y"}}}');
-- Errors about labels.
SELECT * FROM more.nested_insert('person', '[{"name": "a", "best": {"#ref": "nobody"}}]');
SELECT * FROM more.nested_insert('person', '[{"#id": "a"}, {"name": "b", "best": {"#id": "a"}}]');
SELECT * FROM more.nested_insert('song', '[{"#id": "a", "writer": {"name": "x"}, "singer": {"#ref": "a"}}]');
SELECT * FROM more.nested_insert('person', '[{"#id": "a"}, {"best": {"#ref": "a", "name": "b"}}]');
SELECT * FROM more.nested_insert('person', '[{"#id": ["a"]}]');
SELECT * FROM more.nested_insert('person', '[{"#id": "a", "best": {"#ref": null}}]');
-- One row for two parents.
SELECT * FROM more.nested_insert('person', '[{"song.writer_id": [{"#id": "s"}]}, {"song.writer_id": [{"#ref": "s"}]}]');
-- A trigger that changes a key that was told beforehand, or keeps its row back; one that changes a key that was not.
CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.note = 'gone' THEN RETURN NULL; END IF; new.id := new.id + 1000; RETURN new; END $$;
CREATE TRIGGER change BEFORE INSERT ON node FOR EACH ROW EXECUTE FUNCTION change();
SELECT * FROM more.nested_insert('node', '[{"#id": "r", "root": {"#ref": "r"}}]');
SELECT * FROM more.nested_insert('node', '[{"#id": "r", "note": "gone", "root": {"#ref": "r"}}]');
SELECT * FROM more.nested_insert('node', '[{"root_id": 1, "node": [{"node": [{}]}]}]');
-- Many: a ring of a thousand, a chain of a thousand.
ALTER TABLE node DISABLE TRIGGER change, ALTER id RESTART 5000;
SELECT count(*) FROM more.nested_insert('node', (SELECT jsonb_agg(jsonb_build_object('#id', g, 'root', jsonb_build_object('#ref', (g + 1) % 1000))) FROM generate_series(0, 999) AS g));
SELECT count(*) FROM more.nested_insert('person', (SELECT jsonb_agg(jsonb_build_object('#id', g, 'name', 'chain', 'best', CASE WHEN g < 999 THEN jsonb_build_object('#ref', g + 1) END)) FROM generate_series(0, 999) AS g));
WITH RECURSIVE walk AS (SELECT id, 1 AS n FROM person WHERE name = 'chain' AND best_id IS NULL UNION ALL SELECT p.id, n + 1 FROM person AS p JOIN walk AS w ON p.best_id = w.id WHERE n < 2000)
SELECT max(n) FROM walk;
