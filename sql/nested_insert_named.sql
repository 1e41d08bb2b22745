-- Nested documents whose rows name other new rows by the plain values of their foreign keys.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_more;
CREATE SCHEMA nested_named;
SET search_path = nested_named;
CREATE TABLE said (n serial, what text);
CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO said (what) VALUES (TG_OP || ' ' || TG_TABLE_NAME); RETURN NULL; END $$;
CREATE TABLE person (id integer PRIMARY KEY, boss_id integer REFERENCES person, name text UNIQUE);
CREATE TRIGGER say AFTER INSERT OR UPDATE ON person FOR EACH STATEMENT EXECUTE FUNCTION say();

-- One statement, whatever the order; also in a long chain.
SELECT j FROM more.nested_insert('person', '[{"id": 1, "boss_id": 2}, {"id": 2, "boss_id": 3}, {"id": 3, "boss_id": 3}]') AS j;
SELECT count(*) FROM more.nested_insert('person', (SELECT jsonb_agg(jsonb_build_object('id', g, 'boss_id', nullif(g + 1, 2001))) FROM generate_series(1001, 2000) AS g));
SELECT what FROM said ORDER BY n;
TRUNCATE person, said RESTART IDENTITY;
-- The one named has a parent of its own, so it comes later, and so does the one that names it; a row beside them does not.
SELECT j FROM more.nested_insert('person', '[{"id": 1, "boss_id": 2}, {"id": 2, "boss": {"id": 3}}, {"id": 4}, {"id": 5, "boss_id": 1}]') AS j;
SELECT what FROM said ORDER BY n;
SELECT id FROM person ORDER BY ctid;
-- A new row names one that is found or created, and the other way round; a child, a row in a document after.
SELECT j FROM more.nested_insert('person', '[{"id": 6, "boss_id": 7}, {"id": 7, "name": "x", "_match": ["name"]}, {"id": 8, "boss_id": 9, "_match": ["id"]}, {"id": 9}]') AS j;
SELECT j FROM more.nested_insert('person', '[{"id": 10, "person": [{"id": 11, "boss_id": 10, "person": [{"id": 12}]}]}, {"id": 13, "boss_id": 12}]') AS j;
SELECT j FROM more.nested_insert('person', '[{"id": 1, "boss_id": 14, "_match": ["id"], "_update": true, "_status": true}, {"id": 14, "boss": {"id": 15}}]') AS j;
-- What is found keeps its key, so nothing has the one that is named.
SELECT j FROM more.nested_insert('person', '[{"id": 20, "boss_id": 21}, {"id": 21, "name": "x", "_match": ["name"]}]') AS j;
-- Circles: in one statement, and by an UPDATE.
TRUNCATE said RESTART IDENTITY;
SELECT j FROM more.nested_insert('person', '[{"id": 31, "boss_id": 32, "_match": ["id"]}, {"id": 32, "boss_id": 31, "_match": ["id"]}]') AS j;
SELECT j FROM more.nested_insert('person', '[{"id": 33, "boss_id": 34}, {"id": 34, "boss_id": 33, "person": [{"id": 35}]}]') AS j;
SELECT j FROM more.nested_insert('person', '[{"id": 36, "boss_id": 37}, {"id": 37, "boss_id": 36, "_match": ["id"]}]') AS j;
SELECT what FROM said ORDER BY n;
-- A row that names itself, a row that nobody has, the same key twice, null.
SELECT j FROM more.nested_insert('person', '[{"id": 40, "boss_id": 40}, {"id": 42, "boss": {"id": 43}}]') AS j;
SELECT j FROM more.nested_insert('person', '[{"id": 41, "boss_id": 41}, {"id": 42, "boss": {"id": 43, "boss_id": 44}}]') AS j;
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT j FROM more.nested_insert('person', '[{"id": 45, "boss": {"id": 46, "boss_id": 47}}, {"id": 48}, {"id": 49, "boss_id": null}]') AS j;
SELECT j FROM more.nested_insert('person', '[{"id": 50, "boss": {"id": 51}}, {"id": 52, "boss_id": "fifty"}]') AS j;
SELECT j FROM more.nested_insert('person', '[{"id": 50, "boss": {"id": 51}}, {"id": {}, "boss_id": 50}]') AS j;
\set VERBOSITY terse
SELECT j FROM more.nested_insert('person', '[{"id": 60, "boss_id": 61}, {"id": 61, "boss": {"id": 62}, "name": "a", "_match": ["id"], "_update": true}, {"id": 61, "name": "b", "_match": ["id"], "_update": true}]') AS j;

-- Tables in a circle; one of them must have its key, or neither.
CREATE TABLE a (id integer PRIMARY KEY, b_id integer);
CREATE TABLE b (id integer PRIMARY KEY, a_id integer NOT NULL REFERENCES a);
ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b;
CREATE TABLE pair (id integer PRIMARY KEY, a_id integer REFERENCES a, b_id integer REFERENCES b);
SELECT j FROM more.nested_insert('pair', '[{"id": 1, "a": {"id": 1, "b_id": 1}, "b": {"id": 1, "a_id": 1}}, {"id": 2, "b": {"id": 2, "a_id": 2}, "a": {"id": 2}}]') AS j;
SELECT j FROM more.nested_insert('a', '[{"id": 3, "b_id": 4}, {"id": 4, "b": [{"id": 4}]}]') AS j;
-- The circle's column is given, too, and must be what it is nested in.
SELECT j FROM more.nested_insert('a', '{"id": 5, "#id": "five", "b_id": 5, "a_b_id_fkey": {"id": 5, "a": {"#ref": "five"}}}') AS j;
SELECT j FROM more.nested_insert('a', '{"id": 6, "#id": "six", "b_id": 5, "a_b_id_fkey": {"id": 6, "a": {"#ref": "six"}}}') AS j;
TRUNCATE a, b, pair;
ALTER TABLE a ALTER b_id SET NOT NULL;
SELECT j FROM more.nested_insert('pair', '{"id": 7, "a": {"id": 7, "b_id": 7}, "b": {"id": 7, "a_id": 7}}') AS j;
ALTER TABLE a ALTER CONSTRAINT a_b_id_fkey DEFERRABLE;
SELECT j FROM more.nested_insert('pair', '{"id": 7, "a": {"id": 7, "b_id": 7}, "b": {"id": 7, "a_id": 7}}') AS j;
ALTER TABLE a ALTER CONSTRAINT a_b_id_fkey DEFERRABLE INITIALLY DEFERRED;
SELECT j FROM more.nested_insert('pair', '{"id": 8, "a": {"id": 8, "b_id": 8}, "b": {"id": 8, "a_id": 8}}') AS j;

-- Keys of several columns, one of them from the row around; the key's types, one by one.
CREATE TABLE tenant (id serial PRIMARY KEY, name text);
CREATE TABLE worker (tenant_id integer REFERENCES tenant, nr integer, boss_nr integer, mate_nr integer, PRIMARY KEY (tenant_id, nr),
	CONSTRAINT boss FOREIGN KEY (tenant_id, boss_nr) REFERENCES worker, CONSTRAINT mate FOREIGN KEY (tenant_id, mate_nr) REFERENCES worker);
SELECT j FROM more.nested_insert('tenant', '[{"#id": "n", "worker": [{"nr": 1, "boss_nr": 2}, {"nr": 2, "mate": {"nr": 3, "tenant": {"#ref": "n"}}}, {"nr": 4, "boss_nr": 5}]},
	{"name": "m", "worker": [{"nr": 5}, {"nr": 1}]}]') AS j;
SELECT j FROM more.nested_insert('tenant', '[{"#id": "n", "worker": [{"nr": 1, "boss_nr": 2}, {"nr": 2, "mate": {"nr": 3, "tenant": {"#ref": "n"}}}, {"nr": 4, "boss_nr": 5},
		{"nr": 5, "boss": {"nr": 6, "tenant": {"#ref": "n"}}, "_match": ["tenant_id", "nr"]}]},
	{"name": "m", "worker": [{"nr": 5}, {"nr": 1, "boss_nr": 5}]}]') AS j;
-- A parent that is null leaves columns that belong to another foreign key, too.
SELECT j FROM more.nested_insert('tenant', '{"name": "o", "worker": [{"nr": 1, "boss": null, "mate": null}, {"nr": 2, "boss_nr": null, "boss": null, "mate_nr": 1}]}') AS j;
SELECT j FROM more.nested_insert('worker', '{"tenant_id": 3, "nr": 10, "boss": null, "mate_nr": 1}') AS j;
SELECT j FROM more.nested_insert('worker', '{"tenant_id": 3, "nr": 11, "boss": null, "boss_nr": 10}') AS j;
SELECT j FROM more.nested_insert('worker', '{"nr": 11, "tenant": null}') AS j;
SELECT more.nested_select('worker', '{"tenant_id": 3, "nr": {"_lte": 3}}', '{"boss_nr": true, "worker.tenant_id,boss_nr": {"nr": true}}');
CREATE TABLE kept AS TABLE worker;
CREATE TABLE flat AS SELECT j FROM more.nested_select('worker') AS j;
CREATE TABLE deep AS SELECT j FROM more.nested_select('worker', shape => '{"tenant_id,boss_nr": {}, "tenant_id,mate_nr": {}}') AS j;
DELETE FROM worker;
SELECT count(*) FROM more.nested_insert('worker', (SELECT jsonb_agg(j ORDER BY random()) FROM flat));
(TABLE worker EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE worker);
DELETE FROM worker;
SELECT count(*) FROM more.nested_insert('worker', (SELECT jsonb_agg(j) FROM deep), '{"worker": {"_match": ["tenant_id", "nr"], "_update": true}}');
(TABLE worker EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE worker);
CREATE DOMAIN code AS varchar(10);
CREATE TYPE mood AS ENUM ('sad', 'glad', 'mad');
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES ('bigint', 'integer', '1', '"01"', '2'), ('numeric', 'numeric(6,2)', '1.0', '"1.000"', '2'), ('numeric', 'bigint', '1.00', '1', '2'),
			('uuid', 'uuid', '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"', '"{A0EEBC999C0B4EF8BB6D6BB9BD380A11}"', '"b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"'),
			('text', 'varchar(3)', '"x"', '"x"', '"y"'), ('char(5)', 'char(5)', '"x"', '"x  "', '"y"'), ('code', 'text', '"x"', '"x"', '"y"'),
			('mood', 'mood', '"sad"', '"sad"', '"glad"'), ('date', 'date', '"2024-02-03"', '"3 Feb 2024"', '"2024-02-04"'), ('int4range', 'int4range', '"[1,2]"', '"[1,3)"', '"[5,5]"'),
			('integer[]', 'integer[]', '[1, 2]', '"{1, 2}"', '[3]'), ('inet', 'inet', '"10.0.0.1"', '"10.0.0.1/32"', '"10.0.0.2"'), ('bytea', 'bytea', '"\\x41"', '"A"', '"B"'),
			('text COLLATE loose', 'text COLLATE loose', '"ann"', '"ANN"', '"bob"'), ('timestamptz', 'timestamptz', '"2024-01-01 00:00+00"', '"2024-01-01 02:00+02"', '"2025-01-01 00:00+00"'),
			('float8', 'float8', '1', '"1e0"', '2'), ('"char"', '"char"', '"c"', '"c"', '"d"'), ('name', 'name', '"c"', '"c"', '"d"')) AS v(parent, child, key, named, other)
	LOOP
		EXECUTE format('CREATE TABLE t (id %s PRIMARY KEY, up %s REFERENCES t)', t.parent, t.child);
		BEGIN
			PERFORM more.nested_insert('t', format('[{"id": %s, "up": %s}, {"id": %s, "t_up_fkey": {"id": %s}}]',
				CASE t.parent WHEN 'uuid' THEN '"c0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"' WHEN 'mood' THEN '"mad"' WHEN 'date' THEN '"2020-01-01"' WHEN 'int4range' THEN '"[7,8]"'
					WHEN 'integer[]' THEN '[7]' WHEN 'inet' THEN '"::1"' WHEN 'timestamptz' THEN '"2020-01-01 00:00+00"' WHEN 'numeric' THEN '9' WHEN 'bigint' THEN '9' WHEN 'float8' THEN '9' ELSE '"z"' END,
				t.named, t.key, t.other)::jsonb);
			RAISE WARNING '% and %: in order', t.parent, t.child;
		EXCEPTION WHEN OTHERS THEN
			RAISE WARNING '% and %: %', t.parent, t.child, SQLERRM;
		END;
		EXECUTE 'DROP TABLE t';
	END LOOP;
END $$;

-- A trigger changes the key: what is named is not there, or is there after all.
CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.id := new.id + 100; RETURN new; END $$;
CREATE TABLE "no""de" (id integer PRIMARY KEY, "up' ""id" integer REFERENCES "no""de");
CREATE TRIGGER change BEFORE INSERT ON "no""de" FOR EACH ROW WHEN (new.id < 100) EXECUTE FUNCTION change();
SELECT j FROM more.nested_insert('"no""de"', '[{"id": 1, "up'' \"id": 2}, {"id": 2, "no\"de_up'' \"id_fkey": {"id": 3}}]') AS j;
SELECT j FROM more.nested_insert('"no""de"', '[{"id": 1, "up'' \"id": 102}, {"id": 2, "no\"de": [{"id": 3}]}]') AS j;
DROP SCHEMA nested_named CASCADE;
