-- more.enum_drop: a value goes, with its rows and wherever else it is held; enum_purge and enum_restore after it.
\set ECHO none
\i sql/include/setup.sql
SET client_min_messages = warning;
CREATE ROLE regress_more_owner;
CREATE ROLE regress_more_other;
RESET client_min_messages;
CREATE SCHEMA "we ird" AUTHORIZATION regress_more_owner;
GRANT USAGE ON SCHEMA "we ird" TO regress_more_other;
CREATE VIEW history AS SELECT action, arguments - 'retired' AS arguments, state, rows_done, rows_kept FROM more.enum_history
	WHERE change = (SELECT max(change) FROM more.enum_history);
GRANT SELECT ON history TO regress_more_owner;
SET ROLE regress_more_owner;
SET search_path = "we ird";
CREATE TYPE "Ty""pe" AS ENUM ('a', 'b', 'it''s', E'back\\slash', 'größe', 'NULL', '$1');
CREATE TABLE "Ta""ble" (id integer PRIMARY KEY, "Co""l" "Ty""pe" NOT NULL DEFAULT 'a', arr "Ty""pe"[] DEFAULT '{a}');
CREATE INDEX plain ON "Ta""ble" ("Co""l");
CREATE INDEX hashed ON "Ta""ble" USING hash ("Co""l");
CREATE INDEX ginned ON "Ta""ble" USING gin (arr);
CREATE INDEX partial ON "Ta""ble" (id) WHERE "Co""l" IN ('a', 'it''s');
INSERT INTO "Ta""ble" SELECT i, (enum_range(NULL::"Ty""pe"))[1 + i % 7], ARRAY[(enum_range(NULL::"Ty""pe"))[1 + i % 7], NULL] FROM generate_series(1, 700) AS i;
ANALYZE "Ta""ble";
CREATE TABLE files AS SELECT oid, relname, relfilenode FROM pg_class WHERE relnamespace = '"we ird"'::regnamespace AND relkind IN ('r', 'i');

-- arguments
CALL more.enum_drop(NULL, 'a');
CALL more.enum_drop('"Ty""pe"', NULL);
CALL more.enum_drop('"Ty""pe"', 'a', NULL);
CALL more.enum_drop('"Ty""pe"', 'a', 'Cascade');
CALL more.enum_drop('"Ty""pe"', 'a', 'set_value');
CALL more.enum_drop('"Ty""pe"', 'a', 'cascade', 'b');
CALL more.enum_drop('"Ty""pe"', 'a', replacement => 'b');
CALL more.enum_drop('"Ty""pe"', 'a', 'set_value', 'a');
CALL more.enum_drop('"Ty""pe"', 'a', 'set_value', 'backslash');
CALL more.enum_drop('"Ty""pe"', 'grösse', 'cascade');
CALL more.enum_drop('"Ty""pe"', 'A', 'cascade');
CALL more.enum_drop('integer', 'a');
CALL more.enum_drop('"Ty""pe"[]', 'a');
CALL more.enum_purge(NULL);
-- whose it is
SET ROLE regress_more_other;
CALL more.enum_drop('"we ird"."Ty""pe"', 'a');
CALL more.enum_purge('"we ird"."Ty""pe"');
SELECT more.enum_restore('"we ird"."Ty""pe"', 'a');
SET ROLE regress_more_owner;
-- where it can commit
BEGIN;
CALL more.enum_drop('"Ty""pe"', 'a');
ROLLBACK;
BEGIN;
CALL more.enum_purge('"Ty""pe"');
ROLLBACK;
SELECT * FROM public.outcome($$CALL more.enum_drop('"Ty""pe"', 'a')$$);

-- protect is what a call without a policy does
CALL more.enum_drop('"Ty""pe"', 'a');
CALL more.enum_drop('"Ty""pe"', 'it''s');
CALL more.enum_drop('"Ty""pe"', 'it''s', 'set_null');
-- a refused drop leaves nothing behind
SELECT * FROM more.enum_values('"Ty""pe"');
SELECT count(*) FROM more.enum_history;

-- a replacement: rows, default, index; the tables' own files stay
CALL more.enum_drop('"Ty""pe"', 'a', 'set_value', 'b');
SELECT * FROM more.enum_values('"Ty""pe"');
SELECT "Co""l", count(*) FROM "Ta""ble" GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM "Ta""ble" WHERE arr @> '{b}';
INSERT INTO "Ta""ble" VALUES (0) RETURNING *;
SELECT pg_get_indexdef('partial'::regclass);
TABLE public.history;
SELECT f.relname FROM files AS f LEFT JOIN pg_class AS c USING (oid) WHERE c.relfilenode IS DISTINCT FROM f.relfilenode ORDER BY 1;
SELECT 'a'::"Ty""pe";
-- labels that read like something else
CALL more.enum_drop('"Ty""pe"', 'it''s', 'set_value', E'back\\slash');
CALL more.enum_drop('"Ty""pe"', 'NULL', 'set_value', '$1');
CALL more.enum_drop('"Ty""pe"', E'back\\slash', 'set_value', 'größe');
SELECT "Co""l", arr, count(*) FROM "Ta""ble" GROUP BY 1, 2 ORDER BY 1, 2;
TABLE public.history;
-- delete
CALL more.enum_drop('"Ty""pe"', '$1', 'cascade');
SELECT "Co""l", arr, count(*) FROM "Ta""ble" GROUP BY 1, 2 ORDER BY 1, 2;
-- a value that was added at an odd place compares as it should when others have gone
ALTER TYPE "Ty""pe" ADD VALUE 'odd' BEFORE 'größe';
INSERT INTO "Ta""ble" SELECT 1000 + i, 'odd', '{odd,größe}' FROM generate_series(1, 50) AS i;
SET enable_seqscan = off;
SELECT count(*) FROM "Ta""ble" WHERE "Co""l" >= 'odd';
SELECT count(*) FROM "Ta""ble" WHERE arr @> '{odd}';
RESET enable_seqscan;
SELECT max("Co""l"), min("Co""l") FROM "Ta""ble";
SELECT most_common_vals FROM pg_stats WHERE tablename = 'Ta"ble' AND attname = 'Co"l';
ANALYZE "Ta""ble";
VACUUM "Ta""ble";
-- one nobody uses
ALTER TYPE "Ty""pe" ADD VALUE 'unused';
CALL more.enum_drop('"Ty""pe"', 'unused');
SELECT * FROM more.enum_values('"Ty""pe"');

-- keep: rows stay, new ones are refused; purge leaves them be, and takes the value when they are gone
CALL more.enum_drop('"Ty""pe"', 'b', 'keep');
ALTER TABLE "Ta""ble" ALTER "Co""l" DROP DEFAULT, ALTER arr DROP DEFAULT;
CALL more.enum_drop('"Ty""pe"', 'b', 'keep');
SELECT * FROM more.enum_values('"Ty""pe"');
INSERT INTO "Ta""ble" VALUES (2000, 'b');
SELECT "Co""l", count(*) FROM "Ta""ble" GROUP BY 1 ORDER BY 1;
CALL more.enum_purge('"Ty""pe"');
SELECT * FROM more.enum_values('"Ty""pe"');
-- it can come back, and be dropped under another policy
SELECT more.enum_restore('"Ty""pe"', 'b');
SELECT more.enum_restore('"Ty""pe"', 'b');
SELECT more.enum_restore('"Ty""pe"', 'c');
SELECT more.enum_restore('"Ty""pe"', NULL);
SELECT more.enum_restore(NULL, 'b');
CALL more.enum_drop('"Ty""pe"', 'b', 'keep');
CALL more.enum_drop('"Ty""pe"', 'b');
CALL more.enum_drop('"Ty""pe"', 'b', 'set_value', 'odd');
SELECT * FROM more.enum_values('"Ty""pe"');
TABLE public.history;
-- the last one
CALL more.enum_drop('"Ty""pe"', 'odd', 'cascade');
INSERT INTO "Ta""ble" SELECT 5000 + i, 'größe' FROM generate_series(1, 3) AS i;
CALL more.enum_drop('"Ty""pe"', 'größe', 'cascade');
CALL more.enum_purge('"Ty""pe"');
DROP TABLE "Ta""ble", files;

-- standing policies, each column by its own; a call that has one of its own goes before them
ALTER TYPE "Ty""pe" ADD VALUE 'x';
ALTER TYPE "Ty""pe" ADD VALUE 'y';
CREATE TABLE s1 (id integer PRIMARY KEY, v "Ty""pe");
CREATE TABLE s2 (id integer PRIMARY KEY, v "Ty""pe");
CREATE TABLE s3 (id integer PRIMARY KEY, v "Ty""pe");
INSERT INTO s1 VALUES (1, 'x');
INSERT INTO s2 VALUES (1, 'x');
INSERT INTO s3 VALUES (1, 'y');
SELECT more.enum_on_delete('s1', 'v', 'set_value', 'größe'), more.enum_on_delete('s2', 'v', 'cascade');
CALL more.enum_drop('"Ty""pe"', 'y');
CALL more.enum_drop('"Ty""pe"', 'x');
TABLE s1;
TABLE s2;
TABLE public.history;
ALTER TYPE "Ty""pe" ADD VALUE 'x';
INSERT INTO s2 VALUES (1, 'x');
CALL more.enum_drop('"Ty""pe"', 'x', 'set_null');
TABLE s2;
-- a column that keeps its rows keeps the value
SELECT more.enum_on_delete('s3', 'v', 'keep');
CALL more.enum_drop('"Ty""pe"', 'y');
SELECT * FROM more.enum_values('"Ty""pe"');
DELETE FROM s3;
CALL more.enum_purge('"Ty""pe"');
SELECT * FROM more.enum_values('"Ty""pe"');
-- a replacement that is no label any more
CALL more.enum_drop('"Ty""pe"', 'größe');
DROP TABLE s1, s2, s3;

-- objects that name the value: all are told; a list does without it
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'odd');
CREATE TABLE person (id integer PRIMARY KEY, m mood DEFAULT 'sad', CONSTRAINT listed CHECK (m IN ('sad', 'ok', 'happy', 'odd')));
INSERT INTO person VALUES (1, 'sad'), (2, 'ok');
CREATE VIEW sad_people AS SELECT id FROM person WHERE m = 'sad';
CREATE FUNCTION says() RETURNS text LANGUAGE sql AS $$SELECT 'sad'$$;
CREATE TABLE by_mood (m mood) PARTITION BY LIST (m);
CREATE TABLE by_mood_sad PARTITION OF by_mood FOR VALUES IN ('sad');
CALL more.enum_drop('mood', 'sad', 'cascade');
CALL more.enum_drop('mood', 'sad', 'set_value', 'ok');
CALL more.enum_drop('mood', 'sad', 'keep');
DROP TABLE by_mood;
CALL more.enum_drop('mood', 'odd');
CALL more.enum_drop('mood', 'sad', 'set_value', 'happy');
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'listed';
SELECT substring(pg_get_viewdef('sad_people'::regclass) FROM '''.*''::mood');
SELECT column_default FROM information_schema.columns WHERE table_name = 'person' AND column_name = 'm';
TABLE person ORDER BY id;
DROP FUNCTION says;
DROP TABLE person CASCADE;

-- a CHECK that does not allow the replacement yet: its rows change after it has
CREATE TYPE answer AS ENUM ('yes', 'no', 'maybe');
CREATE TABLE asked (id integer PRIMARY KEY, a answer CHECK (a IN ('no', 'maybe')));
INSERT INTO asked VALUES (1, 'maybe'), (2, 'no');
CALL more.enum_drop('answer', 'maybe', 'set_value', 'yes');
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'asked'::regclass AND contype = 'c';
TABLE asked ORDER BY id;
DROP TABLE asked;

-- a column that was added with a default, generated columns, a table without a key
CREATE TABLE fast (id integer);
INSERT INTO fast SELECT generate_series(1, 3);
ALTER TABLE fast ADD g answer GENERATED ALWAYS AS (CASE WHEN id > 1 THEN 'yes'::answer END) STORED;
ALTER TABLE fast ADD v answer DEFAULT 'no';
SELECT attname, atthasmissing FROM pg_attribute WHERE attrelid = 'fast'::regclass AND attname = 'v';
CALL more.enum_drop('answer', 'no', 'set_value', 'yes');
SELECT attname, atthasmissing FROM pg_attribute WHERE attrelid = 'fast'::regclass AND attname = 'v';
TABLE fast;
ALTER TYPE answer ADD VALUE 'never';
CALL more.enum_drop('answer', 'yes', 'set_value', 'never');
DROP TABLE fast;

-- materialized views are refreshed, the one with a unique index while it is read
ALTER TYPE answer ADD VALUE 'no';
CREATE TABLE base (id integer PRIMARY KEY, v answer);
INSERT INTO base VALUES (1, 'no'), (2, 'yes');
CREATE MATERIALIZED VIEW once AS SELECT * FROM base;
CREATE MATERIALIZED VIEW twice AS SELECT id, v FROM once;
CREATE UNIQUE INDEX ON twice (id);
CREATE MATERIALIZED VIEW empty AS SELECT * FROM base WITH NO DATA;
RESET ROLE;
CREATE MATERIALIZED VIEW theirs AS SELECT * FROM base;
SET ROLE regress_more_owner;
CALL more.enum_drop('answer', 'no', 'cascade');
RESET ROLE;
CALL more.enum_drop('answer', 'no', 'cascade');
RESET ROLE;
REFRESH MATERIALIZED VIEW theirs;
GRANT SELECT ON theirs TO regress_more_owner;
SET ROLE regress_more_owner;
SELECT * FROM more.enum_values('answer');
TABLE once;
TABLE twice;
DROP TABLE base CASCADE;

-- what the server would refuse for one table is refused before rows of another change
ALTER TYPE answer ADD VALUE 'no';
CREATE TABLE passed_first (id integer PRIMARY KEY, v answer);
INSERT INTO passed_first VALUES (1, 'no');
RESET ROLE;
CREATE TABLE only_read (id integer PRIMARY KEY, v answer);
INSERT INTO only_read VALUES (1, 'no');
GRANT SELECT ON only_read TO regress_more_owner;
SET ROLE regress_more_owner;
CALL more.enum_drop('answer', 'no', 'cascade');
CALL more.enum_drop('answer', 'no', 'set_null');
RESET ROLE;
GRANT UPDATE (v) ON only_read TO regress_more_owner;
SET ROLE regress_more_owner;
CALL more.enum_drop('answer', 'no', 'cascade');
CREATE TABLE with_rule (id integer PRIMARY KEY, v answer);
INSERT INTO with_rule VALUES (1, 'no');
CREATE RULE nothing AS ON UPDATE TO with_rule DO INSTEAD NOTHING;
CALL more.enum_drop('answer', 'no', 'set_null');
DROP TABLE with_rule;
CREATE TYPE span AS RANGE (subtype = answer);
CREATE TABLE spans (id integer PRIMARY KEY, s span);
INSERT INTO spans VALUES (1, span('no', NULL));
CALL more.enum_drop('answer', 'no', 'set_null');
SELECT count(*) AS untouched FROM passed_first WHERE v = 'no';
SELECT count(*) AS running FROM more.enum_progress;
DROP TABLE spans;
CALL more.enum_drop('answer', 'no', 'set_null');
TABLE passed_first;
DROP TABLE passed_first;
RESET ROLE;
DROP TABLE only_read;
SET ROLE regress_more_owner;
DROP TYPE span;

-- rows change while the label is what it was, but where a CHECK would not let them
ALTER TYPE answer ADD VALUE 'no';
CREATE TABLE seen (was text, becomes text, in_table text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO seen VALUES (old.v::text, new.v::text, tg_table_name);
	RETURN new;
END $$;
CREATE TABLE with_default (id integer PRIMARY KEY, v answer DEFAULT 'no');
CREATE TABLE with_index (id integer PRIMARY KEY, v answer);
CREATE INDEX ON with_index (id) WHERE v <> 'no';
CREATE TABLE with_check (id integer PRIMARY KEY, v answer CHECK (v = 'no'));
INSERT INTO with_default VALUES (1, 'no');
INSERT INTO with_index VALUES (1, 'no');
INSERT INTO with_check VALUES (1, 'no');
CREATE TRIGGER see BEFORE UPDATE ON with_default FOR EACH ROW EXECUTE FUNCTION see();
CREATE TRIGGER see BEFORE UPDATE ON with_index FOR EACH ROW WHEN (old.v = 'no') EXECUTE FUNCTION see();
CREATE TRIGGER see BEFORE UPDATE ON with_check FOR EACH ROW EXECUTE FUNCTION see();
CALL more.enum_drop('answer', 'no', 'set_value', 'never');
SELECT * FROM seen ORDER BY in_table;
DROP TABLE with_default, with_index, with_check, seen;
DROP FUNCTION see;

-- inside a plpgsql procedure, and under another isolation level
ALTER TYPE answer ADD VALUE 'no';
ALTER TYPE answer ADD VALUE 'maybe';
-- CALL of it inside of anything else: a REINDEX may be needed
CREATE TABLE inner_table (id integer PRIMARY KEY, v answer);
INSERT INTO inner_table VALUES (1, 'no'), (2, 'maybe');
DO $$ BEGIN CALL more.enum_drop('answer', 'no', 'cascade'); END $$;
SET default_transaction_isolation = 'serializable';
CALL more.enum_drop('answer', 'maybe', 'cascade');
SHOW transaction_isolation;
RESET default_transaction_isolation;
TABLE inner_table;
DROP TABLE inner_table;
-- the lock is gone, whatever happened
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';
RESET ROLE;
-- foreign tables: a word of warning
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE far (v answer) SERVER nowhere;
CALL more.enum_drop('answer', 'no');
DROP FOREIGN DATA WRAPPER nothing CASCADE;
-- types that are not for us
CREATE EXTENSION hstore SCHEMA "we ird";
CREATE TYPE ext AS ENUM ('a', 'b');
ALTER EXTENSION hstore ADD TYPE ext;
CALL more.enum_drop('ext', 'a');
ALTER EXTENSION hstore DROP TYPE ext;
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA "we ird" CASCADE;
DROP OWNED BY regress_more_owner;
DROP ROLE regress_more_owner, regress_more_other;

-- a trigger's argument may mean the value: the drop says so, and a plan
RESET client_min_messages;
CREATE TYPE public.arg AS ENUM ('x', 'y', 'z');
CREATE TABLE public.with_arg (v public.arg);
CREATE FUNCTION public.by_arg() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v = tg_argv[0]; RETURN NEW; END$$;
CREATE TRIGGER by_arg BEFORE INSERT ON public.with_arg FOR EACH ROW EXECUTE FUNCTION public.by_arg('y');
SELECT action, note FROM more.enum_plan('public.arg', '{x,z}');
CALL more.enum_drop('public.arg', 'y');

-- what a BRIN operator class keeps in a form of its own is not taken for nothing
CREATE FUNCTION public.distance(public.arg, public.arg) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT 1.0::float8';
SELECT format('CREATE FUNCTION public.arg_%1$s(public.arg, public.arg) RETURNS boolean LANGUAGE sql IMMUTABLE AS %2$L', f,
	format('SELECT pg_catalog.enum_%s($1, $2)', f)) FROM unnest('{lt,le,eq,ge,gt}'::text[]) AS f \gexec
SELECT format('CREATE OPERATOR public.%s (FUNCTION = public.arg_%s, LEFTARG = public.arg, RIGHTARG = public.arg)', o, f)
	FROM unnest('{lt,le,eq,ge,gt}'::text[], '{<,<=,=,>=,>}'::text[]) AS x(f, o) \gexec
CREATE OPERATOR CLASS public.multi FOR TYPE public.arg USING brin AS
	OPERATOR 1 public.<, OPERATOR 2 public.<=, OPERATOR 3 public.=, OPERATOR 4 public.>=, OPERATOR 5 public.>,
	FUNCTION 1 brin_minmax_multi_opcinfo(internal), FUNCTION 2 brin_minmax_multi_add_value(internal, internal, internal, internal),
	FUNCTION 3 brin_minmax_multi_consistent(internal, internal, internal, integer), FUNCTION 4 brin_minmax_multi_union(internal, internal, internal),
	FUNCTION 5 brin_minmax_multi_options(internal), FUNCTION 11 public.distance(public.arg, public.arg);
CREATE TABLE public.summed (v public.arg);
INSERT INTO public.summed VALUES ('x'), ('z');
CREATE INDEX multi ON public.summed USING brin (v public.multi);
SELECT 'public.multi'::regclass::oid AS before \gset
CALL more.enum_drop('public.arg', 'z', 'set_value', 'x');
SELECT 'public.multi'::regclass::oid <> :before AS rebuilt;

-- statistics over several columns are made with those of each, and nothing is left to warn of
CREATE TYPE public.hue AS ENUM ('red', 'blue');
CREATE TABLE public.measured (a integer, b integer, v public.hue);
CREATE STATISTICS public.measured_stats ON a, b FROM public.measured;
INSERT INTO public.measured SELECT g % 3, g % 5, 'blue' FROM generate_series(1, 45) AS g;
ANALYZE public.measured;
CALL more.enum_drop('public.hue', 'blue', 'set_value', 'red');
SELECT attname, most_common_vals FROM pg_stats WHERE tablename = 'measured' ORDER BY 1;

-- statistics: the replacement gets the share of the value among the most common ones, whether it is there already or not, and
-- the largest comes first
CREATE TYPE public.shade AS ENUM ('light', 'mid', 'dark', 'black');
CREATE TABLE public.shades (id integer PRIMARY KEY, s public.shade);
INSERT INTO public.shades SELECT g, (CASE WHEN g <= 45 THEN 'light' WHEN g <= 75 THEN 'mid' ELSE 'dark' END)::public.shade FROM generate_series(1, 100) AS g;
ANALYZE public.shades;
CREATE VIEW public.shown AS SELECT most_common_vals::text AS vals, most_common_freqs AS freqs, n_distinct, histogram_bounds::text AS bounds
	FROM pg_stats WHERE tablename = 'shades' AND attname = 's';
TABLE public.shown;
-- rows that ANALYZE has not counted, so that it can be told apart
INSERT INTO public.shades SELECT g, 'light' FROM generate_series(101, 200) AS g;
CALL more.enum_drop('public.shade', 'mid', 'set_value', 'dark');
TABLE public.shown;
CALL more.enum_drop('public.shade', 'dark', 'set_value', 'black');
TABLE public.shown;
CALL more.enum_drop('public.shade', 'light', 'set_value', 'black');
TABLE public.shown;
DROP VIEW public.shown;
DROP TABLE public.shades;
