-- Damage that edits of pg_enum leave: what more.enum_check finds of it, and what more.enum_repair does about it.
\set ECHO none
\i sql/include/setup.sql
SET allow_system_table_mods = on;
CREATE SCHEMA "we ird";
SET search_path = public, "we ird";
CREATE TYPE "Ty""pe" AS ENUM ('a', 'quo''te', 'back\slash', 'größe', 'e');
ALTER TYPE "Ty""pe" ADD VALUE 'between' BEFORE 'back\slash';
CREATE DOMAIN dom AS "Ty""pe" CHECK (value <> 'e');
CREATE TYPE span AS RANGE (subtype = "Ty""pe");
CREATE TYPE pair AS (n integer, v "Ty""pe"[]);
CREATE TABLE "Ta""ble" (id integer PRIMARY KEY, "Co""l" "Ty""pe", list "Ty""pe"[], d dom, p pair, s span,
	given "Ty""pe" DEFAULT 'größe' CHECK (given <> 'quo''te'));
CREATE INDEX i_col ON "Ta""ble" ("Co""l");
CREATE INDEX i_many ON "Ta""ble" (d DESC, id) INCLUDE ("Co""l");
CREATE INDEX i_expression ON "Ta""ble" ((coalesce("Co""l", 'a')));
CREATE INDEX i_partial ON "Ta""ble" (id) WHERE "Co""l" = 'größe';
CREATE INDEX i_hash ON "Ta""ble" USING hash ("Co""l");
CREATE INDEX i_gin ON "Ta""ble" USING gin (list);
CREATE INDEX i_pair ON "Ta""ble" (p);
CREATE INDEX i_span ON "Ta""ble" USING gist (s);
CREATE STATISTICS st (mcv) ON "Co""l", id FROM "Ta""ble";
INSERT INTO "Ta""ble"
SELECT g, v, ARRAY[v, 'a'], nullif(v, 'e'), (g, ARRAY[v])::pair, span(v, v, '[]')
FROM (SELECT g, (ARRAY['a', 'quo''te', 'back\slash', 'größe', 'e', 'between']::"Ty""pe"[])[1 + g % 6] AS v
	FROM generate_series(1, 300) AS g) AS x;
CREATE VIEW seen AS SELECT id FROM "Ta""ble" WHERE "Co""l" = 'größe';
CREATE MATERIALIZED VIEW kept AS SELECT "Co""l" AS mv, count(*) FROM "Ta""ble" GROUP BY 1;
CREATE TABLE parts (id integer, v "Ty""pe") PARTITION BY LIST (v);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN ('größe');
CREATE TABLE part_2 PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT g, 'größe' FROM generate_series(1, 5) AS g;
CREATE UNLOGGED TABLE unlogged (v "Ty""pe");
CREATE INDEX i_unlogged ON unlogged (v);
INSERT INTO unlogged VALUES ('a'), ('größe');
CREATE TEMP TABLE own (v "Ty""pe");
INSERT INTO own VALUES ('größe');
CREATE INDEX i_own ON own (v);
ALTER TABLE "Ta""ble" ADD late "Ty""pe" DEFAULT 'größe';
ANALYZE "Ta""ble";
-- OIDs differ from run to run
CREATE FUNCTION check_of(type regtype) RETURNS TABLE (kind text, object text, detail text, repairable boolean)
BEGIN ATOMIC
	SELECT kind, regexp_replace(object, 'pg_temp_\d+', 'pg_temp'), regexp_replace(detail, '\d{4,}', 'N', 'g'), repairable FROM more.enum_check(type);
END;
CREATE FUNCTION labels_of(type regtype) RETURNS TABLE ("position" integer, label text, state text)
BEGIN ATOMIC
	SELECT "position", regexp_replace(label, '\d{4,}', 'N'), state FROM more.enum_values(type);
END;
CREATE FUNCTION rows_of() RETURNS TABLE (value text, rows bigint, list text, p text)
BEGIN ATOMIC
	SELECT regexp_replace("Co""l"::text, '\d{4,}', 'N'), count(*), regexp_replace(min(list::text), '\d{4,}', 'N'),
		regexp_replace(min(p::text), '\d{4,}', 'N')
	FROM "Ta""ble" GROUP BY 1 ORDER BY 1;
END;
\set VERBOSITY terse
\set ECHO all

-- Nothing is wrong.
SELECT * FROM check_of('"Ty""pe"');
CALL more.enum_repair('"Ty""pe"');

-- Two values are deleted as nobody should: one with an even OID, one with an odd.
DELETE FROM pg_enum WHERE enumtypid = '"Ty""pe"'::regtype AND enumlabel IN ('größe', 'between');
SELECT * FROM check_of('"Ty""pe"');
SELECT regexp_replace(o, '\d{4,}', 'N') FROM outcome($$SELECT count("Co""l"::text) FROM "Ta""ble"$$) AS o;
SELECT regexp_replace(o, '\d{4,}', 'N') FROM outcome($$SELECT count(most_common_vals::text) FROM pg_stats WHERE tablename = 'Ta"ble'$$) AS o;

-- They come back as retired values, and everything can be read again.
SET client_min_messages = warning;
CALL more.enum_repair('"Ty""pe"');
RESET client_min_messages;
SELECT * FROM check_of('"Ty""pe"');
SELECT * FROM labels_of('"Ty""pe"');
SELECT * FROM rows_of();
SELECT count(*) FROM pg_stats WHERE tablename = 'Ta"ble' AND most_common_vals::text <> '';
SELECT regexp_replace(regexp_replace(pg_get_viewdef('seen'), '^.* = ', ''), '\d{4,}', 'N') AS condition;
SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = '"Ta""ble"'::regclass ORDER BY 1;
SELECT action, state, arguments FROM more.enum_history;

-- Again, and now the rows are to have another value. A partition's bound cannot, and says so.
DELETE FROM pg_enum WHERE enumtypid = '"Ty""pe"'::regtype AND enumlabel LIKE 'pg_more:%';
SET client_min_messages = warning;
CALL more.enum_repair('"Ty""pe"', 'set_value', 'nowhere');
CALL more.enum_repair('"Ty""pe"', 'protect');
CALL more.enum_repair('"Ty""pe"', 'set_null', 'a');
\set VERBOSITY sqlstate
CALL more.enum_repair('"Ty""pe"', 'set_value', 'a');
\set VERBOSITY terse
DROP TABLE parts;
CALL more.enum_repair('"Ty""pe"', 'set_value', 'a');
RESET client_min_messages;
SELECT * FROM check_of('"Ty""pe"');
SELECT * FROM labels_of('"Ty""pe"');
SELECT * FROM rows_of();
SELECT "Co""l"::text, given::text, late::text, count(*) FROM "Ta""ble" GROUP BY 1, 2, 3 ORDER BY 1;
SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = '"Ta""ble"'::regclass ORDER BY 1;
SELECT regexp_replace(pg_get_viewdef('seen'), '^.* = ', '') AS condition;
SELECT * FROM kept ORDER BY 1;
SELECT action, state FROM more.enum_history ORDER BY change;

-- Rows that go, and rows that lose what they had.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad');
CREATE TABLE moods (id integer, m mood, ms mood[]);
INSERT INTO moods VALUES (1, 'sad', '{sad,ok}'), (2, 'ok', '{ok}'), (3, 'glad', '{glad}'), (4, NULL, NULL);
DELETE FROM pg_enum WHERE enumtypid = 'mood'::regtype AND enumlabel = 'sad';
SET client_min_messages = warning;
CALL more.enum_repair('mood', on_delete => 'set_null');
TABLE moods;
DELETE FROM pg_enum WHERE enumtypid = 'mood'::regtype AND enumlabel = 'ok';
CALL more.enum_repair('mood', on_delete => 'cascade');
TABLE moods;
SELECT * FROM labels_of('mood');
RESET client_min_messages;

-- What was lost gets its name again.
DELETE FROM pg_enum WHERE enumtypid = 'mood'::regtype AND enumlabel = 'glad';
SET client_min_messages = warning;
CALL more.enum_repair('mood');
RESET client_min_messages;
SELECT regexp_replace(label, '^pg_more:retired:1:', '') AS lost FROM more.enum_values('mood') \gset
SELECT more.enum_restore('mood', :'lost') IS NOT NULL AS restored, more.enum_rename('mood', :'lost', 'glad') IS NOT NULL AS renamed;
TABLE moods;

-- An order that the OIDs contradict, and one that only the indexes do.
CREATE TYPE rank AS ENUM ('low', 'mid', 'high', 'top');
ALTER TYPE rank ADD VALUE 'upper' BEFORE 'top';
CREATE TABLE ranks (id integer PRIMARY KEY, r rank);
INSERT INTO ranks SELECT g, (ARRAY['low', 'mid', 'high', 'upper', 'top']::rank[])[1 + g % 5] FROM generate_series(1, 100) AS g;
CREATE INDEX i_rank ON ranks (r);
CREATE INDEX i_rank_desc ON ranks (r DESC, id);
UPDATE pg_enum SET enumsortorder = 2.5 WHERE enumtypid = 'rank'::regtype AND enumlabel = 'low';
UPDATE pg_enum SET enumsortorder = 0.5 WHERE enumtypid = 'rank'::regtype AND enumlabel = 'upper';
SELECT * FROM check_of('rank');
SELECT string_agg(label, ' ' ORDER BY "position") FROM more.enum_values('rank');
SET client_min_messages = warning;
CALL more.enum_repair('rank');
RESET client_min_messages;
SELECT * FROM check_of('rank');
SELECT string_agg(label, ' ' ORDER BY "position") FROM more.enum_values('rank');
\c -
SET search_path = public, "we ird";
SET client_min_messages = warning;
SELECT string_agg(r::text, ' ' ORDER BY r) FROM (SELECT DISTINCT r FROM ranks) AS x;
SET enable_seqscan = off;
SET enable_sort = off;
SELECT string_agg(DISTINCT r::text, ' ') FROM (SELECT r FROM ranks ORDER BY r LIMIT 20) AS x;
SELECT count(*) FROM ranks WHERE r = 'low';
SELECT count(*) FROM ranks WHERE r < 'high';
RESET enable_seqscan;
RESET enable_sort;
SET allow_system_table_mods = on;
UPDATE pg_enum SET enumsortorder = 1000 WHERE enumtypid = 'rank'::regtype AND enumlabel = 'upper';
\c -
SET search_path = public, "we ird";
SET client_min_messages = warning;
SELECT * FROM check_of('rank');
CALL more.enum_repair('rank');
SELECT * FROM check_of('rank');
SET allow_system_table_mods = on;

-- Values of another enum: only the column's type can be given anew.
CREATE TYPE foreigner AS ENUM ('x');
CREATE TYPE native AS ENUM ('x', 'y');
CREATE TABLE mixed (id integer, v native);
INSERT INTO mixed VALUES (1, 'x'), (2, 'y');
DELETE FROM pg_enum WHERE enumtypid = 'foreigner'::regtype;
UPDATE pg_enum SET enumtypid = 'foreigner'::regtype WHERE enumtypid = 'native'::regtype AND enumlabel = 'x';
ALTER TYPE native ADD VALUE 'x';
SELECT * FROM check_of('native');
CALL more.enum_repair('native');
ALTER TABLE mixed ALTER COLUMN v TYPE native USING v::text::native;
SELECT * FROM check_of('native');

-- What an interrupted REINDEX has left.
CREATE TABLE again (v native);
INSERT INTO again VALUES ('y'), ('y');
CREATE UNIQUE INDEX CONCURRENTLY i_again_ccnew ON again (v);
SELECT * FROM check_of('native');
CALL more.enum_repair('native');
SELECT * FROM check_of('native');

-- No row holds the value any more, only keys that lead to pages, entries of dead rows, bounds: nothing has to come back for these.
CREATE TYPE bygone AS ENUM ('a', 'b', 'c');
ALTER TYPE bygone ADD VALUE 'odd' BEFORE 'b';
CREATE TABLE dead (id integer, v bygone, vs bygone[]) WITH (autovacuum_enabled = off);
INSERT INTO dead SELECT g, x, ARRAY[x] FROM (SELECT g, (ARRAY['a', 'odd', 'b', 'c']::bygone[])[1 + g % 4] AS x FROM generate_series(1, 5000) AS g) AS y;
CREATE INDEX dead_btree ON dead (v, id);
CREATE INDEX dead_gin ON dead USING gin (vs);
CREATE INDEX dead_hash ON dead USING hash (v);
CREATE INDEX dead_id ON dead (id);
UPDATE dead SET v = 'a', vs = '{a}' WHERE v = 'odd';
VACUUM dead;
DELETE FROM pg_enum WHERE enumtypid = 'bygone'::regtype AND enumlabel = 'odd';
SELECT * FROM check_of('bygone');
CALL more.enum_repair('bygone');
SELECT * FROM check_of('bygone');
SELECT * FROM labels_of('bygone');

-- Who may, and what.
CREATE ROLE enum_check_nobody;
GRANT USAGE ON SCHEMA public, more TO enum_check_nobody;
GRANT SELECT (id) ON mixed TO enum_check_nobody;
SET ROLE enum_check_nobody;
SELECT * FROM check_of('native');
CALL more.enum_repair('native');
SELECT * FROM more.enum_check();
CREATE TYPE pg_temp.own_enum AS ENUM ('a');
SELECT * FROM more.enum_check();
RESET ROLE;
ALTER TABLE mixed ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON mixed TO enum_check_nobody;
SET ROLE enum_check_nobody;
SELECT * FROM check_of('native');
RESET ROLE;
SELECT * FROM more.enum_check('integer');
CALL more.enum_repair(NULL);
CALL more.enum_repair('native', NULL);
CALL more.enum_repair('native', 'no such');
DO $$ BEGIN CALL more.enum_repair('native'); END $$;
BEGIN;
CALL more.enum_repair('native');
ROLLBACK;
SELECT more._enum_stray('y'::native, 'native'), more._enum_stray('{x,y,NULL}'::native[], 'native'), more._enum_stray(1, 'native'), more._enum_stray(NULL::native, 'native');
SELECT more._enum_stray('y'::native, 'mood') IS NOT NULL AS stray;
DROP OWNED BY enum_check_nobody;
DROP ROLE enum_check_nobody;
