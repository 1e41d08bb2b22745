-- Changes taken back: labels, order, and rows that still are as the change left them.
\set ECHO none
\i sql/include/setup.sql
CREATE SCHEMA "we ird";
CREATE TYPE "we ird"."Ty""pe" AS ENUM ('plain', 'quo''te', 'back\slash', 'naïve', '');
CREATE TABLE "we ird"."ta""ble" ("i d" integer PRIMARY KEY, "co""l" "we ird"."Ty""pe", "ar'r" "we ird"."Ty""pe"[]);
INSERT INTO "we ird"."ta""ble" SELECT i, (enum_range(NULL::"we ird"."Ty""pe"))[1 + i % 5], (enum_range(NULL::"we ird"."Ty""pe"))[1 : 1 + i % 5] FROM generate_series(1, 20) AS i;
CREATE TABLE before AS SELECT "i d", "co""l"::text AS c, "ar'r"::text AS a FROM "we ird"."ta""ble";
CREATE VIEW wrong AS SELECT t.*, b AS was FROM "we ird"."ta""ble" AS t FULL JOIN before AS b USING ("i d") WHERE (t."co""l"::text, t."ar'r"::text) IS DISTINCT FROM (b.c, b.a);
CREATE VIEW labels AS SELECT array_agg(label ORDER BY "position") FROM more.enum_values('"we ird"."Ty""pe"');
CREATE VIEW history AS SELECT change, action, state, part_of, rows_done, rows_not_kept FROM more.enum_changes ORDER BY change;
\set ECHO all

-- add
SELECT more.enum_add('"we ird"."Ty""pe"', 'ne''w', before => 'naïve') AS change \gset
CALL more.enum_undo(:change);
TABLE labels;
CALL more.enum_undo(:change);
-- ... not while rows hold it
SELECT more.enum_add('"we ird"."Ty""pe"', 'ne''w') AS change \gset
INSERT INTO "we ird"."ta""ble" VALUES (21, 'ne''w');
CALL more.enum_undo(:change);
DELETE FROM "we ird"."ta""ble" WHERE "i d" = 21;
CALL more.enum_undo(:change);
TABLE labels;

-- rename
SELECT more.enum_rename('"we ird"."Ty""pe"', 'back\slash', 'slash\back') AS change \gset
CALL more.enum_undo(:change);
TABLE labels;
SELECT * FROM wrong;

-- reorder: values that have come meanwhile stay behind their neighbours
CALL more.enum_reorder('"we ird"."Ty""pe"', ARRAY['', 'naïve', 'back\slash', 'quo''te', 'plain']);
SELECT max(change) AS change FROM more.enum_history WHERE action = 'reorder' \gset
SELECT more.enum_add('"we ird"."Ty""pe"', 'first', before => '') > 0, more.enum_add('"we ird"."Ty""pe"', 'late', after => 'naïve') > 0;
CALL more.enum_undo(:change);
TABLE labels;
SELECT * FROM wrong;
CALL more.enum_drop('"we ird"."Ty""pe"', 'first');
CALL more.enum_drop('"we ird"."Ty""pe"', 'late');

-- drop with a replacement
CALL more.enum_drop('"we ird"."Ty""pe"', 'quo''te', 'set_value', 'naïve');
TABLE labels;
SELECT count(*) FROM wrong;
SELECT max(change) AS change FROM more.enum_history WHERE action = 'drop' \gset
CALL more.enum_undo(:change);
TABLE labels;
SELECT * FROM wrong;
SELECT * FROM more.enum_values('"we ird"."Ty""pe"') WHERE state <> 'live';
-- ... and NULL; a row that has been changed since, or is gone, is left as it is
CALL more.enum_drop('"we ird"."Ty""pe"', 'quo''te', 'set_null');
UPDATE "we ird"."ta""ble" SET "co""l" = 'plain' WHERE "i d" = 1;
DELETE FROM "we ird"."ta""ble" WHERE "i d" = 6;
SELECT max(change) AS change FROM more.enum_history WHERE action = 'drop' \gset
CALL more.enum_undo(:change);
SELECT * FROM wrong;
UPDATE "we ird"."ta""ble" SET "co""l" = 'quo''te' WHERE "i d" = 1;
INSERT INTO "we ird"."ta""ble" VALUES (6, 'quo''te', '{plain,quo''te}');
SELECT * FROM wrong;
-- ... and deletion
CALL more.enum_drop('"we ird"."Ty""pe"', 'quo''te', 'cascade');
SELECT count(*) FROM "we ird"."ta""ble";
INSERT INTO "we ird"."ta""ble" VALUES (11, 'plain', '{}');
SELECT max(change) AS change FROM more.enum_history WHERE action = 'drop' \gset
CALL more.enum_undo(:change);
SELECT * FROM wrong;
UPDATE "we ird"."ta""ble" SET "co""l" = 'quo''te', "ar'r" = ARRAY['plain', 'quo''te']::"we ird"."Ty""pe"[] WHERE "i d" = 11;
SELECT * FROM wrong;
-- ... of which not everything was kept
SET pg_more.enum_history_rows = 3;
CALL more.enum_drop('"we ird"."Ty""pe"', '', 'set_value', 'plain');
RESET pg_more.enum_history_rows;
SELECT max(change) AS change FROM more.enum_history WHERE action = 'drop' \gset
CALL more.enum_undo(:change);
SELECT count(*) FROM wrong;
UPDATE "we ird"."ta""ble" AS t SET "co""l" = b.c::"we ird"."Ty""pe", "ar'r" = b.a::"we ird"."Ty""pe"[] FROM before AS b WHERE b."i d" = t."i d";

-- retired, and kept
SELECT more.enum_retire('"we ird"."Ty""pe"', 'plain', 'set_value', 'naïve') AS change \gset
TABLE labels;
CALL more.enum_undo(:change);
TABLE labels;
SELECT * FROM wrong;
CALL more.enum_drop('"we ird"."Ty""pe"', 'plain', 'keep');
SELECT max(change) AS change FROM more.enum_history WHERE action = 'drop' \gset
SELECT more.enum_add('"we ird"."Ty""pe"', 'plain') > 0;
CALL more.enum_undo(:change);
CALL more.enum_drop('"we ird"."Ty""pe"', 'plain');
CALL more.enum_undo(:change);
TABLE labels;
SELECT * FROM wrong;

-- a declaration, with all that it did
CREATE TYPE fruit AS ENUM ('apple', 'pear', 'plum', 'fig');
CREATE TABLE basket AS SELECT i AS id, (enum_range(NULL::fruit))[1 + i % 4] AS f FROM generate_series(1, 8) AS i;
ALTER TABLE basket ADD PRIMARY KEY (id);
SELECT string_agg(f::text, ' ' ORDER BY id) AS fruits FROM basket \gset
CALL more.enum_apply('fruit', '{fig,pear,grape,prune}', '{"plum": "prune"}', 'set_null');
SELECT enum_range(NULL::fruit), string_agg(coalesce(f::text, 'NULL'), ' ' ORDER BY id) FROM basket;
SELECT max(change) AS change FROM more.enum_history WHERE action = 'apply' \gset
SELECT action, state FROM more.enum_changes WHERE part_of = :change ORDER BY change;
CALL more.enum_undo(:change);
SELECT enum_range(NULL::fruit), string_agg(coalesce(f::text, 'NULL'), ' ' ORDER BY id) = :'fruits' AS same FROM basket;
SELECT DISTINCT state FROM more.enum_changes WHERE part_of = :change OR change = :change;
-- ... a type that it created
CALL more.enum_apply('"we ird".made', '{a,b}');
SELECT max(change) AS change FROM more.enum_history WHERE action = 'apply' \gset
CREATE TABLE uses (m "we ird".made);
CALL more.enum_undo(:change);
DROP TABLE uses;
CALL more.enum_undo(:change);
SELECT to_regtype('"we ird".made');
CALL more.enum_undo(:change);

-- rows that no history was kept of are counted, and told
CREATE TYPE colour AS ENUM ('red', 'blue');
CREATE TABLE keyless (v colour);
INSERT INTO keyless VALUES ('red'), ('red');
CALL more.enum_drop('colour', 'red', 'set_value', 'blue');
SELECT max(change) AS change FROM more.enum_history WHERE action = 'drop' \gset
SELECT rows_done, rows_kept, rows_not_kept FROM more.enum_history WHERE change = :change;
CALL more.enum_undo(:change);
TRUNCATE keyless;
ALTER TABLE keyless ADD id integer PRIMARY KEY;
INSERT INTO keyless VALUES ('red', 1);
SET pg_more.enum_history_rows = 0;
CALL more.enum_drop('colour', 'red', 'cascade');
RESET pg_more.enum_history_rows;
SELECT max(change) AS change FROM more.enum_history WHERE action = 'drop' \gset
SELECT rows_done, rows_kept, rows_not_kept FROM more.enum_history WHERE change = :change;
CALL more.enum_undo(:change);

-- Refused.
CALL more.enum_undo(NULL);
CALL more.enum_undo(0);
BEGIN;
CALL more.enum_undo(1);
ROLLBACK;
SELECT max(change) AS change FROM more.enum_changes WHERE action = 'move' \gset
CALL more.enum_undo(:change);
CREATE ROLE regress_enum_other;
SET ROLE regress_enum_other;
CALL more.enum_undo(1);
RESET ROLE;
DROP ROLE regress_enum_other;
SELECT label FROM more.enum_values('"we ird"."Ty""pe"') WHERE state <> 'live';

-- An application is undone as a whole, or not at all: what stops one part is found before the first.
CREATE TYPE whole AS ENUM ('a', 'b');
CALL more.enum_apply('whole', '{a2,b,n}', renames => '{"a": "a2"}');
SELECT max(change) AS change FROM more.enum_history WHERE action = 'apply' \gset
ALTER TYPE whole RENAME VALUE 'a2' TO 'a3';
CALL more.enum_undo(:change);
SELECT label FROM more.enum_values('whole');
ALTER TYPE whole RENAME VALUE 'a3' TO 'a2';
ALTER TYPE whole ADD VALUE 'a';
CALL more.enum_undo(:change);
SELECT label FROM more.enum_values('whole');
CALL more.enum_drop('whole', 'a');
CREATE TABLE uses_whole (v whole DEFAULT 'n');
CALL more.enum_undo(:change);
ALTER TABLE uses_whole ALTER v DROP DEFAULT;
INSERT INTO uses_whole VALUES ('n');
CALL more.enum_undo(:change);
SELECT label FROM more.enum_values('whole');
TRUNCATE uses_whole;
CALL more.enum_undo(:change);
SELECT label FROM more.enum_values('whole');
-- a type that an application created, in use by now
CALL more.enum_apply('created', '{x,y}');
SELECT max(change) AS change FROM more.enum_history WHERE action = 'apply' \gset
CREATE TABLE uses_created (v created);
CALL more.enum_undo(:change);
SELECT label FROM more.enum_values('created');
DROP TABLE uses_created;
CALL more.enum_undo(:change);
SELECT to_regtype('created');
