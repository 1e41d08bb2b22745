-- A column of text becomes one of an enum type, and back: what hangs on it is carried, or refused by name.
\set ECHO none
\i sql/include/setup.sql
CREATE SCHEMA "we ird";
CREATE TYPE "we ird"."Sta""te" AS ENUM ('open', 'closed', 'it''s', 'back\slash');
CREATE ROLE regress_more_reader;
CREATE ROLE regress_more_other;
CREATE TABLE "we ird"."It""ems" (
	id integer PRIMARY KEY,
	"Sta""tus" varchar(20) NOT NULL DEFAULT 'open' CHECK ("Sta""tus" IN ('open', 'closed', 'it''s', 'back\slash', 'legacy')),
	n integer,
	CONSTRAINT needs CHECK ("Sta""tus" <> 'closed' OR n > 0),
	CONSTRAINT odd CHECK (length("Sta""tus") + n > 4),
	CONSTRAINT both_unique UNIQUE ("Sta""tus", id) DEFERRABLE);
INSERT INTO "we ird"."It""ems" SELECT g, (ARRAY['open', 'closed', 'it''s', 'back\slash'])[g % 4 + 1], g FROM generate_series(1, 5000) AS g;
CREATE INDEX by_status ON "we ird"."It""ems" ("Sta""tus" varchar_pattern_ops, n DESC);
CREATE INDEX by_some ON "we ird"."It""ems" (n) INCLUDE ("Sta""tus") WHERE "Sta""tus" IN ('open', 'legacy') AND "Sta""tus" IS NOT NULL;
CREATE INDEX by_test ON "we ird"."It""ems" (('it''s' = "Sta""tus")) WITH (fillfactor = 71);
ALTER TABLE "we ird"."It""ems" CLUSTER ON by_status;
CREATE STATISTICS "we ird".states ON "Sta""tus", n FROM "we ird"."It""ems";
COMMENT ON COLUMN "we ird"."It""ems"."Sta""tus" IS 'what''s up';
COMMENT ON INDEX "we ird".by_test IS 'an index';
COMMENT ON CONSTRAINT needs ON "we ird"."It""ems" IS 'a check';
COMMENT ON CONSTRAINT both_unique ON "we ird"."It""ems" IS 'a constraint';
COMMENT ON STATISTICS "we ird".states IS 'statistics';
ALTER TABLE "we ird"."It""ems" ALTER "Sta""tus" SET STATISTICS 77;
GRANT SELECT ("Sta""tus"), UPDATE ("Sta""tus") ON "we ird"."It""ems" TO regress_more_reader WITH GRANT OPTION;
GRANT USAGE ON SCHEMA "we ird" TO regress_more_reader;
CREATE POLICY mine ON "we ird"."It""ems" USING ("Sta""tus" = 'open') WITH CHECK ("Sta""tus" LIKE 'o%' AND n > 0);
CREATE VIEW counts WITH (security_barrier) AS SELECT "Sta""tus", count(*) FROM "we ird"."It""ems" GROUP BY 1;
CREATE VIEW joined AS SELECT i.id, j."Sta""tus" || '!' AS loud FROM "we ird"."It""ems" AS i JOIN "we ird"."It""ems" AS j USING (id)
	WHERE i."Sta""tus" = 'open' ORDER BY i.id LIMIT 3;
CREATE VIEW on_view AS SELECT upper("Sta""tus") AS u, count FROM counts;
CREATE FUNCTION hanging() RETURNS TABLE (what text) LANGUAGE sql AS $$
	SELECT format('column %s %s%s%s', attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' not null' END, ' default ' || pg_get_expr(adbin, adrelid))
	FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
	WHERE attrelid = '"we ird"."It""ems"'::regclass AND attnum > 0 AND NOT attisdropped
	UNION ALL SELECT format('constraint %s %s valid %s, %s', conname, pg_get_constraintdef(oid), convalidated, obj_description(oid, 'pg_constraint'))
	FROM pg_constraint WHERE conrelid = '"we ird"."It""ems"'::regclass AND contype <> 'n'
	UNION ALL SELECT format('index %s%s, %s', pg_get_indexdef(indexrelid), CASE WHEN indisclustered THEN ' clustered' END, obj_description(indexrelid))
	FROM pg_index WHERE indrelid = '"we ird"."It""ems"'::regclass
	UNION ALL SELECT format('policy %s using %s check %s', polname, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
	FROM pg_policy WHERE polrelid = '"we ird"."It""ems"'::regclass
	UNION ALL SELECT pg_get_statisticsobjdef(oid) || ', ' || obj_description(oid) FROM pg_statistic_ext
	UNION ALL SELECT format('trigger %s', tgname) FROM pg_trigger WHERE tgrelid = '"we ird"."It""ems"'::regclass AND NOT tgisinternal
	UNION ALL SELECT format('target %s, grants %s, %s', attstattarget, attacl::text LIKE '%regress_more_reader=r*w*/%', col_description(attrelid, attnum))
	FROM pg_attribute WHERE attrelid = '"we ird"."It""ems"'::regclass AND attname = 'Sta"tus'
	ORDER BY 1 $$;
SET search_path = public, "we ird";
\set ECHO all

-- All that can be is carried; the view's columns stay text, and what reads them.
SELECT * FROM hanging();
CALL more.enum_adopt('"we ird"."It""ems"', 'Sta"tus', '"we ird"."Sta""te"');
SELECT * FROM hanging();
SELECT relname, regexp_count(pg_get_viewdef(oid), '\)::character varying\(20\)') AS casts FROM pg_class WHERE relname IN ('counts', 'joined') ORDER BY 1;
SELECT reloptions FROM pg_class WHERE relname = 'counts';
SELECT * FROM on_view ORDER BY 1;
SELECT * FROM joined ORDER BY 1;
SELECT count(*), count(DISTINCT "Sta""tus"), max("Sta""tus") FROM "It""ems";
-- and it works: the default, constraints, privileges, policy
INSERT INTO "It""ems" (id, n) VALUES (6001, 1) RETURNING "Sta""tus";
SELECT * FROM outcome($$INSERT INTO "It""ems" (id, n, "Sta""tus") VALUES (6002, 0, 'closed')$$) LIMIT 1;
SELECT * FROM outcome($$INSERT INTO "It""ems" (id, n, "Sta""tus") VALUES (6002, 0, 'legacy')$$) LIMIT 1;
SELECT * FROM outcome($$INSERT INTO "It""ems" (id, n, "Sta""tus") VALUES (6002, 5, NULL)$$) LIMIT 1;
ALTER TABLE "It""ems" ENABLE ROW LEVEL SECURITY;
SET ROLE regress_more_reader;
SELECT "Sta""tus", count(*) FROM "It""ems" GROUP BY 1;
RESET ROLE;
SELECT action, arguments, state, rows_done FROM more.enum_history;

-- And back: the labels become a CHECK.
CALL more.enum_adopt('"we ird"."It""ems"', 'Sta"tus', 'text');
SELECT * FROM hanging();
SELECT * FROM on_view ORDER BY 1;
SELECT * FROM joined ORDER BY 1;
SELECT * FROM outcome($$INSERT INTO "It""ems" (id, n, "Sta""tus") VALUES (6002, 5, 'legacy')$$) LIMIT 1;
DROP VIEW counts, joined, on_view;

-- Values that are no label: counts, and nothing is changed.
ALTER TABLE "It""ems" DROP CONSTRAINT "It""ems_Sta""tus_check", DROP CONSTRAINT odd;
UPDATE "It""ems" SET "Sta""tus" = 'bogus' WHERE id < 4;
UPDATE "It""ems" SET "Sta""tus" = ' open' WHERE id = 4;
CALL more.enum_adopt('"It""ems"', 'Sta"tus', '"Sta""te"');
SELECT * FROM hanging() WHERE what LIKE 'column%';
UPDATE "It""ems" SET "Sta""tus" = 'open' WHERE id < 5;

-- What cannot be carried is named, all of it at once.
ALTER TABLE "It""ems" ADD g integer GENERATED ALWAYS AS (length("Sta""tus")) STORED;
CREATE UNIQUE INDEX simple ON "It""ems" (id, "Sta""tus");
CREATE TABLE refers (id integer, status text);
ALTER TABLE refers ADD FOREIGN KEY (id, status) REFERENCES "It""ems" (id, "Sta""tus");
CREATE MATERIALIZED VIEW mat AS SELECT "Sta""tus" FROM "It""ems";
CREATE FUNCTION body() RETURNS text LANGUAGE sql RETURN (SELECT min("Sta""tus") FROM "It""ems");
CREATE TRIGGER watches BEFORE UPDATE OF "Sta""tus" ON "It""ems" FOR EACH ROW EXECUTE FUNCTION note_trigger();
CREATE INDEX lowered ON "It""ems" (lower("Sta""tus"));
CREATE STATISTICS of_lower ON (lower("Sta""tus")), n FROM "It""ems";
ALTER TABLE "It""ems" ALTER "Sta""tus" SET DEFAULT 'legacy', ADD CONSTRAINT whole CHECK ("It""ems" IS NOT NULL OR "Sta""tus" = 'x');
CALL more.enum_adopt('"It""ems"', 'Sta"tus', '"Sta""te"');
DROP TABLE refers;
DROP MATERIALIZED VIEW mat;
DROP FUNCTION body;
DROP TRIGGER watches ON "It""ems";
DROP INDEX lowered;
DROP STATISTICS of_lower;
ALTER TABLE "It""ems" DROP g, ALTER "Sta""tus" SET DEFAULT 'open', DROP CONSTRAINT whole;
-- a view through which the column is written, and one that hides how it uses it
CREATE VIEW writable AS SELECT id, "Sta""tus" FROM "It""ems";
CALL more.enum_adopt('"It""ems"', 'Sta"tus', '"Sta""te"');
DROP VIEW writable;
CREATE VIEW merged AS SELECT "Sta""tus", a.id FROM "It""ems" AS a JOIN "It""ems" AS b USING ("Sta""tus") LIMIT 1;
SELECT * FROM outcome($$ALTER TABLE "It""ems" ALTER "Sta""tus" TYPE "Sta""te" USING "Sta""tus"::"Sta""te"$$) LIMIT 1;
CALL more.enum_adopt('"It""ems"', 'Sta"tus', '"Sta""te"');
DROP VIEW merged;
-- a trigger that would change the column when its copy has been made
CREATE TRIGGER "ändert" BEFORE INSERT OR UPDATE ON "It""ems" FOR EACH ROW EXECUTE FUNCTION note_trigger();
CALL more.enum_adopt('"It""ems"', 'Sta"tus', '"Sta""te"');
DROP TRIGGER "ändert" ON "It""ems";
SELECT * FROM hanging() WHERE what LIKE 'column%' OR what LIKE 'trigger%';

-- Rows that are written while the trigger is disabled are not lost: here, when an index has been built.
CREATE TABLE unwatched (id integer, c text);
INSERT INTO unwatched VALUES (1, 'open'), (2, 'open');
CREATE INDEX ON unwatched (c);
CREATE FUNCTION write_unwatched() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
	ALTER TABLE unwatched DISABLE TRIGGER USER;
	INSERT INTO unwatched VALUES (3, 'closed');
	UPDATE unwatched SET c = 'closed' WHERE id = 2;
	ALTER TABLE unwatched ENABLE TRIGGER USER;
END $$;
CREATE EVENT TRIGGER write_unwatched ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION write_unwatched();
CALL more.enum_adopt('unwatched', 'c', '"Sta""te"');
DROP EVENT TRIGGER write_unwatched;
CALL more.enum_adopt('unwatched', 'c', '"Sta""te"');
SELECT id, c, pg_typeof(c) FROM unwatched ORDER BY id;
DROP TABLE unwatched;

-- Who may, and what it is for.
CREATE TABLE parent (c text) PARTITION BY LIST (c);
CREATE TABLE child PARTITION OF parent FOR VALUES IN ('open');
CREATE TABLE other (c text, i integer GENERATED ALWAYS AS IDENTITY, e "Sta""te", d text GENERATED ALWAYS AS ('x') STORED);
CALL more.enum_adopt('parent', 'c', '"Sta""te"');
CALL more.enum_adopt('child', 'c', '"Sta""te"');
CALL more.enum_adopt('other', 'x', '"Sta""te"');
CALL more.enum_adopt('other', 'i', '"Sta""te"');
CALL more.enum_adopt('other', 'd', '"Sta""te"');
CALL more.enum_adopt('other', 'c', 'integer');
CALL more.enum_adopt('other', 'c', 'text');
CALL more.enum_adopt('other', 'e', '"Sta""te"');
CALL more.enum_adopt('other', 'e', 'integer');
CALL more.enum_adopt('other', NULL, '"Sta""te"');
BEGIN;
CALL more.enum_adopt('other', 'c', '"Sta""te"');
ROLLBACK;
DO $$ BEGIN CALL more.enum_adopt('other', 'c', '"Sta""te"'); END $$;
SET ROLE regress_more_other;
CALL more.enum_adopt('public.other', 'c', 'text');
RESET ROLE;
-- an empty table, another one with nulls, a temporary one
CALL more.enum_adopt('other', 'c', '"Sta""te"');
INSERT INTO other (c) VALUES ('open'), (NULL);
CALL more.enum_adopt('other', 'c', 'varchar');
CREATE TEMPORARY TABLE temp AS SELECT 'open'::char(9) AS c FROM generate_series(1, 3);
CREATE INDEX ON temp (c);
CALL more.enum_adopt('temp', 'c', '"Sta""te"');
SELECT c, pg_typeof(c) FROM other UNION ALL SELECT c::text, pg_typeof(c) FROM temp;

-- The trigger is nobody else's.
SELECT more._enum_adopt_sync();
CREATE TRIGGER abused AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION more._enum_adopt_sync('c', 'e');
INSERT INTO other (c) VALUES ('open');
SELECT action, state, count(*) FROM more.enum_history GROUP BY 1, 2 ORDER BY 1, 2;
SET client_min_messages = warning;
DROP SCHEMA "we ird" CASCADE;
DROP ROLE regress_more_reader, regress_more_other;

-- a collation of the column's own: views keep it; one that cannot be said with it is named, and nothing has changed
CREATE TYPE letter AS ENUM ('a', 'b');
CREATE TABLE collated (id integer PRIMARY KEY, v text COLLATE "C", w text);
INSERT INTO collated VALUES (1, 'a', 'x'), (2, 'b', 'y');
CREATE VIEW collated_plain AS SELECT DISTINCT id, v FROM collated;
CREATE VIEW collated_used AS SELECT DISTINCT upper(v) AS u, v || w AS vw, collated.v < 'b' AS lt FROM collated;
CREATE VIEW collated_clash AS SELECT DISTINCT v < ('x' COLLATE "POSIX") AS x FROM collated;
CALL more.enum_adopt('collated', 'v', 'letter');
SELECT attname, attcollation::regcollation FROM pg_attribute WHERE attrelid = 'collated'::regclass AND attnum > 0;
DROP VIEW collated_clash;
CALL more.enum_adopt('collated', 'v', 'letter');
SELECT attrelid::regclass, attname, attcollation::regcollation FROM pg_attribute
	WHERE attrelid IN ('collated_plain'::regclass, 'collated_used'::regclass) AND attcollation <> 0 ORDER BY 1, 2;
TABLE collated_plain ORDER BY 1;
TABLE collated_used ORDER BY 1;
