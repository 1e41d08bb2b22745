-- Everything that uses an enum type: columns, stored expressions with the labels that they name, texts that may mean one.
\set ECHO none
\i sql/include/setup.sql
CREATE SCHEMA "we ird";
CREATE TYPE "we ird"."Ty""pe" AS ENUM ('plain', 'quo''te', 'back\slash', 'dou"ble', 'naïve', ' ', '');
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'fine');
CREATE DOMAIN dmood AS mood DEFAULT 'sad' CHECK (value <> 'ok');
CREATE DOMAIN moods AS mood[] DEFAULT '{ok}' CHECK ('happy' <> ALL (value));
CREATE TYPE comp AS (n integer, m mood, ms mood[]);
CREATE TYPE mood_range AS RANGE (subtype = mood);
CREATE FUNCTION usage(type regtype) RETURNS TABLE (kind text, object text, "table" regclass, "column" text, labels text[], certainty text, note text)
LANGUAGE sql AS 'SELECT * FROM more.enum_usage(type) ORDER BY kind COLLATE "C", object COLLATE "C", note COLLATE "C", labels COLLATE "C"';
-- How many constants of a type an expression has as it is stored: what enum_usage must open.
CREATE FUNCTION stored(type regtype, tree pg_node_tree) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM regexp_matches(tree::text, ':consttype ' || type::oid || ' ', 'g') $$;
\set ECHO all

-- The columns, by what they are made of.
CREATE TABLE plain (id integer PRIMARY KEY, m mood, gone mood, d dmood, a mood[], ds moods, c comp, cs comp[], r mood_range, rs mood_multirange[], other text);
ALTER TABLE plain DROP COLUMN gone;
CREATE TABLE rows_of (p plain, o text);
CREATE TABLE heir (x mood) INHERITS (plain);
CREATE TABLE parted (m mood, n integer) PARTITION BY LIST (n);
CREATE TABLE part1 PARTITION OF parted FOR VALUES IN (1);
CREATE MATERIALIZED VIEW stored_moods AS SELECT m FROM plain;
CREATE VIEW seen_moods AS SELECT m FROM plain;
SELECT object, "table", "column", labels, certainty, note FROM usage('mood') WHERE kind = 'column';
SELECT kind, object, labels, note FROM usage('mood') WHERE kind <> 'column';
DROP TABLE heir, rows_of, parted;
DROP VIEW seen_moods;
DROP MATERIALIZED VIEW stored_moods;

-- Defaults, generated columns and CHECKs name labels by constants of each kind, and by texts that are cast when they run.
ALTER TABLE plain ALTER m SET DEFAULT 'sad', ALTER a SET DEFAULT '{sad,ok}', ALTER c SET DEFAULT row(1, 'fine', '{happy}'),
	ALTER r SET DEFAULT '[ok,happy]', ALTER rs SET DEFAULT '{"{[sad,sad],[fine,fine]}"}', ALTER d SET DEFAULT 'happy'::text::mood,
	ADD g boolean GENERATED ALWAYS AS (m IN ('ok', 'fine')) STORED,
	ADD CONSTRAINT tests CHECK (m <> 'sad' OR d::mood = 'fine' OR a <> '{happy}'),
	ADD CONSTRAINT arrays CHECK (a <> ARRAY['ok', 'x'::text]::mood[] AND a <> '{"happy",y}'::text::mood[]);
SELECT conname, stored('mood', conbin) AS mood, stored('mood[]', conbin) AS moods, stored('text', conbin) AS text FROM pg_constraint WHERE conname IN ('tests', 'arrays') ORDER BY 1;
SELECT kind, object, "column", labels, certainty FROM usage('mood') WHERE "table" = 'plain'::regclass AND labels IS NOT NULL;

-- The domain's own.
SELECT kind, object, labels FROM usage('mood') WHERE kind = 'domain';

-- Indexes: on the columns, their expressions and their conditions. Statistics alike.
CREATE INDEX i_column ON plain (id, m);
CREATE INDEX i_include ON plain (id) INCLUDE (m);
CREATE INDEX i_gin ON plain USING gin (a);
CREATE INDEX i_partial ON plain (id) WHERE m = ANY ('{sad,fine}');
CREATE INDEX i_expression ON plain ((m = 'ok'));
CREATE INDEX i_of_values ON plain ((coalesce(m, d::mood)));
CREATE INDEX i_other ON plain (other);
CREATE STATISTICS s_columns ON m, id FROM plain;
CREATE STATISTICS s_expression ON (m > 'ok'), id FROM plain;
SELECT kind, object, "table", labels, note FROM usage('mood') WHERE kind IN ('index', 'statistics');

-- Views, rules, subqueries, CTEs; a text that equals a label may mean it.
CREATE VIEW v AS WITH w AS (SELECT m, id FROM plain WHERE m < 'happy')
	SELECT id, CASE m WHEN 'sad' THEN 1 END AS n, m::text IN ('fine', 'nothing') AS t FROM w
	WHERE id IN (SELECT id FROM plain WHERE d::mood = 'fine') OR EXISTS (VALUES ('ok'::mood));
CREATE VIEW uses AS SELECT m FROM plain;
CREATE VIEW does_not AS SELECT id FROM plain;
CREATE RULE r AS ON UPDATE TO v WHERE new.n = 2 DO INSTEAD UPDATE plain SET m = 'happy' WHERE id = old.id;
CREATE MATERIALIZED VIEW mv AS SELECT id FROM plain WHERE m = 'ok';
SELECT kind, object, "table", labels, certainty, note FROM usage('mood') WHERE kind IN ('view', 'rule');

-- Functions: arguments, defaults, bodies that are trees, and bodies that are text. Aggregates.
CREATE FUNCTION f_arg(x mood) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION f_default(x integer, y mood DEFAULT 'fine') RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION f_return() RETURNS boolean LANGUAGE sql RETURN (SELECT m = 'sad' FROM plain LIMIT 1);
CREATE FUNCTION f_atomic() RETURNS mood LANGUAGE sql BEGIN ATOMIC
	INSERT INTO plain (id, m) VALUES (7, 'ok'); SELECT 'happy'::mood; END;
CREATE FUNCTION f_text() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN 'sad' = "ok" THEN '{happy,x}' END; END $$;
CREATE FUNCTION f_not() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'sadly' || happy || 'not ok' || (a,ok,b); END $$;
CREATE AGGREGATE worst (mood) (sfunc = enum_smaller, stype = mood, initcond = 'fine');
SELECT kind, object, labels, certainty, note FROM usage('mood') WHERE kind IN ('function', 'aggregate');

-- Policies, triggers, publications.
CREATE POLICY p ON plain USING (m <> 'sad') WITH CHECK (m IN (SELECT m FROM plain WHERE m > 'ok'));
CREATE TRIGGER t_when BEFORE UPDATE ON plain FOR EACH ROW WHEN (old.m = 'sad' AND new.m IS DISTINCT FROM 'happy') EXECUTE FUNCTION note_trigger();
CREATE TRIGGER t_argument BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION note_trigger('x', 'fine');
SET client_min_messages = error;
CREATE PUBLICATION regress_more_pub FOR TABLE plain WHERE (id > 0);
SELECT kind, object, "table", labels, certainty, note FROM usage('mood') WHERE kind IN ('policy', 'trigger', 'publication');
-- a publication's condition cannot name a label
SELECT * FROM outcome($$ALTER PUBLICATION regress_more_pub SET TABLE plain WHERE (m = 'sad')$$) LIMIT 1;
SELECT * FROM outcome($$ALTER PUBLICATION regress_more_pub SET TABLE plain WHERE (m::text = 'sad')$$) LIMIT 1;
DROP PUBLICATION regress_more_pub;
RESET client_min_messages;

-- Partitions: bounds of lists and ranges, keys.
CREATE TABLE by_list (m mood, n integer) PARTITION BY LIST (m);
CREATE TABLE by_list1 PARTITION OF by_list FOR VALUES IN ('sad', NULL, 'fine');
CREATE TABLE by_list2 PARTITION OF by_list DEFAULT;
CREATE TABLE by_range (m mood, n integer) PARTITION BY RANGE (n, m);
CREATE TABLE by_range1 PARTITION OF by_range FOR VALUES FROM (1, 'sad') TO (1, 'happy');
CREATE TABLE by_range2 PARTITION OF by_range FOR VALUES FROM (2, MINVALUE) TO (3, MAXVALUE);
CREATE TABLE by_hash (m mood) PARTITION BY HASH (m);
CREATE TABLE by_hash1 PARTITION OF by_hash FOR VALUES WITH (modulus 1, remainder 0);
CREATE TABLE by_expression (m mood) PARTITION BY LIST ((m = 'ok'));
SELECT kind, object, labels, note FROM usage('mood') WHERE kind LIKE 'partition%';

-- Labels with characters of their own, and a search_path and operators that are no help.
CREATE TABLE "we ird"."Ta""ble" ("Co""l" "we ird"."Ty""pe" DEFAULT 'quo''te', t text CHECK (t::"we ird"."Ty""pe" <> 'naïve'),
	CHECK ("Co""l" NOT IN ('dou"ble', 'back\slash', ' ', '')));
CREATE FUNCTION "we ird"."f"() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'quo''te' || 'back\slash'; END $$;
CREATE FUNCTION "we ird".never(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR "we ird".= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = "we ird".never);
SET search_path = "we ird", pg_catalog;
SELECT * FROM public.usage('"we ird"."Ty""pe"') WHERE kind <> 'function' OR object LIKE '%"we ird"%';
RESET search_path;

-- Retired values have the names that they have now.
ALTER TYPE mood RENAME VALUE 'fine' TO 'pg_more:retired:1:fine';
SELECT object, labels FROM usage('mood') WHERE 'pg_more:retired:1:fine' = ANY (labels) AND kind = 'partition';

-- Everyone may look; what is no enum is refused, NULL has no uses.
CREATE ROLE regress_more_user;
SET ROLE regress_more_user;
SELECT count(*) > 50 AS many FROM more.enum_usage('public.mood');
RESET ROLE;
SELECT * FROM more.enum_usage(NULL);
SELECT * FROM more.enum_usage('integer');
SELECT * FROM more.enum_usage('dmood');
DROP ROLE regress_more_user;
