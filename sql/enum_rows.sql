-- The rows that hold a value of an enum: counted, and changed by each policy.
\set ECHO none
\i sql/include/setup.sql
SET client_min_messages = warning;
CREATE ROLE regress_more_owner;
CREATE ROLE regress_more_other;
RESET client_min_messages;
CREATE SCHEMA "we ird" AUTHORIZATION regress_more_owner;
GRANT USAGE ON SCHEMA "we ird" TO regress_more_other;
SET ROLE regress_more_owner;
SET search_path = "we ird";
CREATE TYPE "Ty""pe" AS ENUM ('a', 'it''s', E'back\\slash', 'größe', '$1', 'NULL');
CREATE DOMAIN dom AS "Ty""pe";
CREATE DOMAIN domdom AS dom NOT NULL;
CREATE TYPE pair AS (n integer, arr dom[]);
CREATE TYPE span AS RANGE (SUBTYPE = "Ty""pe", MULTIRANGE_TYPE_NAME = spans);
CREATE TABLE "Ta""ble" (id integer PRIMARY KEY, "Co""l" "Ty""pe", d domdom DEFAULT 'a', arr "Ty""pe"[], p pair, ps pair[], s span, m spans, gone "Ty""pe");
INSERT INTO "Ta""ble" (id, "Co""l", d, arr, p, ps, s, m) VALUES
	(1, 'it''s', 'it''s', ARRAY[['it''s', NULL], ['a', 'it''s']]::"Ty""pe"[], (1, '{a,it''s}'), ARRAY[(1, '{it''s}'), NULL]::pair[], '[it''s,größe]', '{[a,a],[it''s,it''s]}'),
	(2, 'größe', 'größe', '{größe}', (2, '{größe,NULL}'), ARRAY[(2, '{}')]::pair[], 'empty', '{}'),
	(3, '$1', '$1', '{"NULL",NULL}', (3, NULL), '{}', '[a,$1)', '{[a,$1)}'),
	(4, NULL, 'a', NULL, NULL, NULL, NULL, NULL);
UPDATE "Ta""ble" SET gone = 'it''s';
ALTER TABLE "Ta""ble" DROP COLUMN gone;

-- counted for all values in one pass, or for one
SELECT * FROM more.enum_counts('"Ty""pe"');
SELECT * FROM more.enum_counts('"Ty""pe"', 'it''s');
SELECT * FROM more.enum_counts('"Ty""pe"', 'NULL');
SELECT * FROM more.enum_counts(NULL);
SELECT * FROM unnest(ARRAY[
	$$SELECT more.enum_counts('"Ty""pe"', 'its')$$,
	$$SELECT more.enum_counts('dom')$$,
	$$SELECT more.enum_counts('integer')$$,
	$$SELECT more.enum_counts(0::oid::regtype)$$
]) AS statement, public.outcome(statement);
-- an index is used where there is one
CREATE INDEX ON "Ta""ble" ("Co""l");
SET enable_seqscan = off;
SELECT * FROM more.enum_counts('"Ty""pe"', 'größe') WHERE "column" = 'Co"l';
RESET enable_seqscan;
-- whoever counts must be allowed to read
SET ROLE regress_more_other;
SELECT * FROM public.outcome($$SELECT more.enum_counts('"we ird"."Ty""pe"')$$);
SET ROLE regress_more_owner;

-- each policy, for all places at once; the history has what it takes to undo it
CREATE VIEW kept AS SELECT "column", key, old_value, was_deleted FROM more.enum_change_rows
	WHERE change = (SELECT max(change) FROM more.enum_changes) ORDER BY n;
RESET ROLE;
GRANT SELECT ON more.enum_change_rows, more.enum_changes TO regress_more_owner;
SET ROLE regress_more_owner;
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', E'back\\slash') > 0;
TABLE "Ta""ble" ORDER BY id;
TABLE kept;
SELECT more.enum_restore('"Ty""pe"', 'it''s');
TABLE "Ta""ble" ORDER BY id;
ROLLBACK;
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'cascade') > 0;
TABLE "Ta""ble" ORDER BY id;
SELECT key, old_value, was_deleted, deleted_row FROM more.enum_change_rows WHERE change = (SELECT max(change) FROM more.enum_changes);
SELECT more.enum_restore('"Ty""pe"', 'it''s');
TABLE "Ta""ble" ORDER BY id;
ROLLBACK;
-- the column d cannot be null, nor can a bound of a range
SELECT * FROM public.outcome($$SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_null')$$);
BEGIN;
ALTER TABLE "Ta""ble" DROP COLUMN d;
SELECT * FROM public.outcome($$SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_null')$$);
ALTER TABLE "Ta""ble" DROP COLUMN s, DROP COLUMN m;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_null') > 0;
TABLE "Ta""ble" ORDER BY id;
TABLE kept;
SELECT more.enum_restore('"Ty""pe"', 'it''s');
TABLE "Ta""ble" ORDER BY id;
ROLLBACK;
-- a replacement that turns a range around
SELECT * FROM public.outcome($$SELECT more.enum_retire('"Ty""pe"', 'größe', 'set_value', 'a')$$);
-- defaults: of a column without one, the value itself, and one that serves
SELECT * FROM public.outcome($$SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_default')$$);
ALTER TABLE "Ta""ble" ALTER "Co""l" SET DEFAULT 'größe', ALTER arr SET DEFAULT '{}', ALTER p SET DEFAULT (0, NULL), ALTER ps SET DEFAULT '{}',
	ALTER s SET DEFAULT 'empty', ALTER m SET DEFAULT '{}';
SELECT * FROM public.outcome($$SELECT more.enum_retire('"Ty""pe"', 'größe', 'set_default')$$);
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_default') > 0;
TABLE "Ta""ble" ORDER BY id;
SELECT more.enum_restore('"Ty""pe"', 'it''s');
TABLE "Ta""ble" ORDER BY id;
ROLLBACK;
-- a default that is computed, and turns out to be the value
CREATE FUNCTION surprise() RETURNS "Ty""pe" VOLATILE LANGUAGE plpgsql AS $$ BEGIN RETURN 'it''s'; END $$;
ALTER TABLE "Ta""ble" ALTER "Co""l" SET DEFAULT surprise();
SELECT * FROM public.outcome($$SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_default')$$);
DROP TABLE "Ta""ble";
DROP FUNCTION surprise;

-- batches: every row, however few at a time
CREATE TABLE many (id integer PRIMARY KEY, v "Ty""pe", t text);
INSERT INTO many SELECT i, (ARRAY['a', 'it''s', '$1']::"Ty""pe"[])[1 + i % 3], repeat('x', 300) FROM generate_series(1, 1000) AS i;
UPDATE many SET t = NULL WHERE id % 7 = 0;
BEGIN;
SET LOCAL pg_more.enum_batch = 7;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', 'a') > 0;
SELECT v, count(*), count(DISTINCT id) FROM many GROUP BY v ORDER BY v;
SELECT count(*), count(DISTINCT key), min(old_value), max(old_value) FROM kept;
SELECT more.enum_restore('"Ty""pe"', 'it''s');
SELECT count(*) FROM many WHERE v IS DISTINCT FROM (ARRAY['a', 'it''s', '$1']::"Ty""pe"[])[1 + id % 3];
ROLLBACK;
-- the history's limit, and tables that it is not for
BEGIN;
SET LOCAL pg_more.enum_history_rows = 3;
CREATE TABLE keyless (v "Ty""pe");
INSERT INTO keyless VALUES ('it''s'), ('a');
CREATE TABLE nullable (id integer UNIQUE, v "Ty""pe");
INSERT INTO nullable VALUES (1, 'it''s');
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', 'a') > 0;
SELECT * FROM more.enum_counts('"Ty""pe"', 'a');
TABLE kept;
SELECT more.enum_restore('"Ty""pe"', 'it''s');
ROLLBACK;
BEGIN;
SET LOCAL pg_more.enum_history_rows = 0;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'cascade') > 0;
SELECT count(*) FROM kept;
ROLLBACK;
DROP TABLE many;

-- keys: one that the change leaves alone is preferred; one that it changes is kept as it will be
CREATE TABLE part_of_key (v "Ty""pe", n integer, PRIMARY KEY (v, n));
CREATE TABLE better_key (v "Ty""pe" PRIMARY KEY, "o""ther" text NOT NULL UNIQUE, d date);
INSERT INTO part_of_key VALUES ('it''s', 1), ('a', 1), ('a', 2), ('it''s', 3);
INSERT INTO better_key VALUES ('it''s', 'x', '2020-02-01'), ('a', 'y', NULL);
SET datestyle = 'German';
SELECT * FROM public.outcome($$SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', 'a')$$);
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', '$1') > 0;
TABLE kept;
SELECT more.enum_restore('"Ty""pe"', 'it''s');
TABLE part_of_key ORDER BY 1, 2;
TABLE better_key ORDER BY 1;
ROLLBACK;
RESET datestyle;
-- what others have changed since then is theirs
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', '$1') > 0;
UPDATE part_of_key SET v = 'größe' WHERE n = 3;
DELETE FROM better_key WHERE "o""ther" = 'x';
SELECT more.enum_restore('"Ty""pe"', 'it''s');
TABLE part_of_key ORDER BY 1, 2;
TABLE better_key ORDER BY 1;
ROLLBACK;
DROP TABLE part_of_key, better_key;

-- triggers fire, see what changes, and may not stand in the way
CREATE TABLE tri (id integer PRIMARY KEY, v "Ty""pe", g "Ty""pe" GENERATED ALWAYS AS (v) STORED);
INSERT INTO tri VALUES (1, 'it''s'), (2, 'a');
RESET ROLE;
CREATE TRIGGER note AFTER UPDATE OR DELETE ON tri FOR EACH ROW EXECUTE FUNCTION public.note_trigger();
CREATE TRIGGER note_statement AFTER UPDATE OR DELETE ON tri FOR EACH STATEMENT EXECUTE FUNCTION public.note_trigger();
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', '$1') > 0;
TABLE tri ORDER BY id;
SELECT what FROM public.fired ORDER BY n;
ROLLBACK;
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'cascade') > 0;
SELECT what FROM public.fired ORDER BY n;
ROLLBACK;
CREATE FUNCTION stubborn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF tg_op = 'UPDATE' AND new.id = 1 THEN new.v = old.v; RETURN new; END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER stubborn BEFORE UPDATE OR DELETE ON tri FOR EACH ROW EXECUTE FUNCTION stubborn();
SELECT * FROM public.outcome($$SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', '$1')$$);
SELECT * FROM public.outcome($$SELECT more.enum_retire('"Ty""pe"', 'it''s', 'cascade')$$);
SELECT * FROM public.outcome($$SELECT more.enum_retire('"Ty""pe"', 'a', 'set_null')$$);
DROP TRIGGER stubborn ON tri;
SET ROLE regress_more_owner;
-- an UPDATE's own errors come with a word of where they are from
CREATE FUNCTION refusing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
CREATE TRIGGER "1 refusing" BEFORE UPDATE ON tri FOR EACH ROW EXECUTE FUNCTION refusing();
SELECT * FROM public.outcome($$SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', '$1')$$);
\set SHOW_CONTEXT always
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', '$1');
\set SHOW_CONTEXT never
DROP TABLE tri;

-- row security that would hide rows is an error
CREATE TABLE sec (id integer PRIMARY KEY, v "Ty""pe");
INSERT INTO sec VALUES (1, 'it''s');
ALTER TABLE sec ENABLE ROW LEVEL SECURITY;
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', '$1') > 0;
TABLE sec;
ROLLBACK;
ALTER TABLE sec FORCE ROW LEVEL SECURITY;
SELECT * FROM public.outcome($$SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', '$1')$$);
SELECT * FROM public.outcome($$SELECT more.enum_counts('"Ty""pe"')$$);
DROP TABLE sec;

-- partitions: each on its own, rows move where they belong
CREATE TABLE par (id integer, v "Ty""pe", PRIMARY KEY (id, v)) PARTITION BY LIST (v);
CREATE TABLE par_a PARTITION OF par FOR VALUES IN ('a');
CREATE TABLE par_rest PARTITION OF par DEFAULT;
CREATE TABLE rng (id integer PRIMARY KEY, v "Ty""pe") PARTITION BY RANGE (id);
CREATE TABLE rng_1 (v "Ty""pe", dropped integer, id integer NOT NULL);
ALTER TABLE rng_1 DROP COLUMN dropped;
ALTER TABLE rng ATTACH PARTITION rng_1 FOR VALUES FROM (1) TO (10);
CREATE TABLE rng_2 PARTITION OF rng FOR VALUES FROM (10) TO (20) PARTITION BY HASH (id);
CREATE TABLE rng_2_1 PARTITION OF rng_2 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO par VALUES (1, 'a'), (2, 'it''s'), (3, '$1'), (4, 'it''s');
INSERT INTO rng VALUES (1, 'it''s'), (11, 'it''s'), (12, '$1');
SELECT * FROM more.enum_counts('"Ty""pe"', 'it''s');
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', 'a') > 0;
SELECT tableoid::regclass, * FROM par ORDER BY id;
SELECT tableoid::regclass, * FROM rng ORDER BY id;
TABLE kept;
SELECT more.enum_restore('"Ty""pe"', 'it''s');
SELECT tableoid::regclass, * FROM par ORDER BY id;
ROLLBACK;
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'cascade') > 0;
SELECT tableoid::regclass, * FROM par ORDER BY id;
SELECT more.enum_restore('"Ty""pe"', 'it''s');
SELECT tableoid::regclass, * FROM par ORDER BY id;
SELECT tableoid::regclass, * FROM rng ORDER BY id;
ROLLBACK;
-- of hash partitions, which go by the value's OID, each row is in its own afterwards
CREATE TABLE hashed (id integer, v "Ty""pe", PRIMARY KEY (id, v)) PARTITION BY HASH (v);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO hashed SELECT i, v FROM unnest(enum_range(NULL::"Ty""pe")) WITH ORDINALITY AS u(v, i);
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', 'größe') > 0;
SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE v = 'größe') FROM hashed;
SELECT id, v FROM hashed WHERE v = 'größe' ORDER BY id;
SELECT count(*) FROM hashed WHERE NOT satisfies_hash_partition('hashed'::regclass, 2, CASE tableoid WHEN 'hashed_0'::regclass THEN 0 ELSE 1 END, v);
ROLLBACK;
DROP TABLE hashed;
-- a trigger of the parent's for statements fires, too
RESET ROLE;
CREATE TRIGGER note_statement AFTER UPDATE ON rng FOR EACH STATEMENT EXECUTE FUNCTION public.note_trigger();
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', 'a') > 0;
SELECT what FROM public.fired ORDER BY n;
SELECT tableoid::regclass, * FROM rng ORDER BY id;
ROLLBACK;
DROP TRIGGER note_statement ON rng;
-- rights on the parent alone will do
ALTER TYPE "Ty""pe" OWNER TO regress_more_other;
GRANT SELECT, UPDATE, DELETE ON par, rng TO regress_more_other;
SET ROLE regress_more_other;
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', 'a') > 0;
SELECT id, v FROM par ORDER BY id;
SELECT id, v FROM rng ORDER BY id;
ROLLBACK;
RESET ROLE;
REVOKE UPDATE ON rng FROM regress_more_other;
SET ROLE regress_more_other;
SELECT * FROM public.outcome($$SELECT more.enum_retire('"we ird"."Ty""pe"', 'it''s', 'set_value', 'a')$$);
RESET ROLE;
ALTER TYPE "Ty""pe" OWNER TO regress_more_owner;
SET ROLE regress_more_owner;
DROP TABLE par, rng;

-- inheritance: the parent's rows are the parent's
CREATE TABLE mother (id integer PRIMARY KEY, v "Ty""pe");
CREATE TABLE child (PRIMARY KEY (id)) INHERITS (mother);
INSERT INTO mother VALUES (1, 'it''s');
INSERT INTO child VALUES (1, 'it''s'), (2, 'it''s');
SELECT * FROM more.enum_counts('"Ty""pe"', 'it''s');
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', 'a') > 0;
SELECT tableoid::regclass, * FROM mother ORDER BY 1, 2;
SELECT more.enum_restore('"Ty""pe"', 'it''s');
SELECT tableoid::regclass, * FROM mother ORDER BY 1, 2;
ROLLBACK;
DROP TABLE child, mother;

-- materialized views, filled or not, and views: counted, or not there
CREATE TABLE base (id integer PRIMARY KEY, v "Ty""pe");
INSERT INTO base VALUES (1, 'it''s'), (2, 'a');
CREATE MATERIALIZED VIEW full_view AS SELECT * FROM base;
CREATE MATERIALIZED VIEW empty_view AS SELECT * FROM base WITH NO DATA;
CREATE VIEW plain_view AS SELECT * FROM base;
SELECT * FROM more.enum_counts('"Ty""pe"', 'it''s');
DROP TABLE base CASCADE;

-- foreign tables are never read
RESET ROLE;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE far (v "Ty""pe") SERVER nowhere;
SELECT * FROM more.enum_counts('"Ty""pe"', 'it''s');
SELECT * FROM more.enum_counts('"Ty""pe"') LIMIT 2;
DROP FOREIGN DATA WRAPPER nothing CASCADE;
SET ROLE regress_more_owner;

-- foreign keys over the enum: the side that refers changes first
CREATE TABLE code (v "Ty""pe" PRIMARY KEY, note text);
CREATE TABLE uses (id integer PRIMARY KEY, v "Ty""pe" REFERENCES code);
INSERT INTO code VALUES ('a'), ('it''s');
INSERT INTO uses VALUES (1, 'it''s'), (2, 'a'), (3, 'it''s');
-- to a value that is not there yet: both sides in one statement, whatever the constraint does
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', '$1') > 0;
TABLE code ORDER BY 1;
TABLE uses ORDER BY 1;
TABLE kept;
SELECT more.enum_restore('"Ty""pe"', 'it''s');
TABLE code ORDER BY 1;
TABLE uses ORDER BY 1;
ROLLBACK;
BEGIN;
ALTER TABLE uses DROP CONSTRAINT uses_v_fkey, ADD FOREIGN KEY (v) REFERENCES code ON UPDATE CASCADE;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', '$1') > 0;
TABLE uses ORDER BY 1;
ROLLBACK;
BEGIN;
ALTER TABLE uses DROP CONSTRAINT uses_v_fkey, ADD FOREIGN KEY (v) REFERENCES code ON UPDATE RESTRICT;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', '$1') > 0;
TABLE uses ORDER BY 1;
ROLLBACK;
BEGIN;
ALTER TABLE uses ALTER CONSTRAINT uses_v_fkey DEFERRABLE INITIALLY DEFERRED;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', '$1') > 0;
SET CONSTRAINTS ALL IMMEDIATE;
TABLE uses ORDER BY 1;
ROLLBACK;
-- to one that is: the key would be there twice
SELECT * FROM public.outcome($$SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', 'a')$$);
BEGIN;
SELECT more.enum_on_delete('code', 'v', 'cascade'), more.enum_on_delete('uses', 'v', 'set_value', 'a');
SELECT more.enum_retire('"Ty""pe"', 'it''s') > 0;
TABLE code ORDER BY 1;
TABLE uses ORDER BY 1;
SELECT more.enum_restore('"Ty""pe"', 'it''s');
TABLE code ORDER BY 1;
TABLE uses ORDER BY 1;
ROLLBACK;
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'cascade') > 0;
TABLE code ORDER BY 1;
TABLE uses ORDER BY 1;
SELECT more.enum_restore('"Ty""pe"', 'it''s');
TABLE uses ORDER BY 1;
ROLLBACK;
DROP TABLE uses, code;
-- a table that refers to itself, and keys of several columns
CREATE TABLE tree (v "Ty""pe" PRIMARY KEY, up "Ty""pe" REFERENCES tree);
INSERT INTO tree VALUES ('a', 'a'), ('it''s', 'a'), ('$1', 'it''s');
CREATE TABLE code2 (n integer, v "Ty""pe", PRIMARY KEY (n, v));
CREATE TABLE uses2 (id integer PRIMARY KEY, n integer, v "Ty""pe", FOREIGN KEY (n, v) REFERENCES code2);
INSERT INTO code2 VALUES (1, 'it''s'), (2, 'größe');
INSERT INTO uses2 VALUES (1, 1, 'it''s'), (2, NULL, 'it''s'), (3, 2, 'größe');
BEGIN;
SELECT more.enum_retire('"Ty""pe"', 'it''s', 'set_value', 'größe') > 0;
TABLE tree ORDER BY 1;
TABLE code2 ORDER BY 1;
TABLE uses2 ORDER BY 1;
TABLE kept;
SELECT more.enum_restore('"Ty""pe"', 'it''s');
TABLE tree ORDER BY 1;
TABLE code2 ORDER BY 1;
TABLE uses2 ORDER BY 1;
ROLLBACK;
-- a key that tells rows apart in one partition only: the row of another one is not taken for it
CREATE TABLE local (id integer, p integer, v "Ty""pe") PARTITION BY LIST (p);
CREATE TABLE local_1 PARTITION OF local (PRIMARY KEY (id)) FOR VALUES IN (1);
CREATE TABLE local_2 PARTITION OF local (PRIMARY KEY (id)) FOR VALUES IN (2);
INSERT INTO local VALUES (1, 1, 'it''s'), (1, 2, '$1'), (2, 2, 'it''s');
BEGIN;
SELECT more.enum_on_delete('local', 'v', 'set_value', '$1');
DROP TABLE tree, uses2, code2;
SELECT more.enum_retire('"Ty""pe"', 'it''s') > 0;
SELECT more.enum_restore('"Ty""pe"', 'it''s');
TABLE local ORDER BY p, id;
ROLLBACK;
RESET ROLE;
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA "we ird" CASCADE;
DROP OWNED BY regress_more_owner;
DROP ROLE regress_more_owner, regress_more_other;
