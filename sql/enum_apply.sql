-- Declaring an enum's labels: more.enum_apply, and more.enum_plan, whose statements do the same by hand.
\set ECHO none
\i sql/include/setup.sql
SET client_min_messages = warning;
CREATE ROLE regress_more_owner;
CREATE ROLE regress_more_other;
RESET client_min_messages;
CREATE SCHEMA "we ird" AUTHORIZATION regress_more_owner;
GRANT USAGE ON SCHEMA "we ird" TO regress_more_other;
GRANT CREATE ON SCHEMA public TO regress_more_owner;
SET ROLE regress_more_owner;
SET search_path = "we ird", public;

-- it creates, by name, in the schema named or the first of the search_path
SELECT * FROM more.enum_plan('mood', '{sad,ok,happy}');
CALL more.enum_apply('mood', '{sad,ok,happy}');
CALL more.enum_apply('"we ird"."Ty""pe"', ARRAY['it''s', E'back\\slash', 'größe', '"q"', 'x y']);
SELECT sql, undo FROM more.enum_plan('public."Ty""pe"', ARRAY['it''s', E'back\\slash']);
SELECT enum_range(NULL::mood), enum_range(NULL::"Ty""pe");
-- and does nothing where all is so already
SELECT * FROM more.enum_plan('mood', '{sad,ok,happy}');
CALL more.enum_apply('mood', '{sad,ok,happy}');
CALL more.enum_apply('mood', '{sad,ok,happy}', NULL, NULL, NULL);
SELECT action, count(*) FROM more.enum_history GROUP BY action ORDER BY action;

-- Two tables of the same kind: one type gets the call, the other the statements of the plan.
CREATE TYPE twin AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE t (id integer PRIMARY KEY, m mood DEFAULT 'ok', ms mood[]);
CREATE TABLE twins (id integer PRIMARY KEY, m twin DEFAULT 'ok', ms twin[]);
CREATE INDEX t_m ON t (m);
CREATE INDEX twins_m ON twins (m);
INSERT INTO t SELECT i, (ARRAY['sad', 'ok', 'happy']::mood[])[1 + i % 3], ARRAY[NULL, 'sad', 'happy']::mood[] FROM generate_series(1, 12) AS i;
INSERT INTO twins SELECT id, m::text::twin, ms::text::twin[] FROM t;
CREATE VIEW differences AS
	(SELECT id, m::text, ms::text FROM t EXCEPT ALL SELECT id, m::text, ms::text FROM twins)
	UNION ALL (SELECT id, m::text, ms::text FROM twins EXCEPT ALL SELECT id, m::text, ms::text FROM t)
	UNION ALL SELECT -1, enum_range(NULL::mood)::text, enum_range(NULL::twin)::text WHERE enum_range(NULL::mood)::text <> enum_range(NULL::twin)::text;
-- renames, in a row and with a new label in an old one's place
SELECT step, action, sql, undo, rows FROM more.enum_plan('mood', '{sad,unhappy,ok,great}', '{"sad": "unhappy", "happy": "great"}');
SELECT sql FROM more.enum_plan('twin', '{sad,unhappy,ok,great}', '{"sad": "unhappy", "happy": "great"}') ORDER BY step \gexec
CALL more.enum_apply('mood', '{sad,unhappy,ok,great}', '{"sad": "unhappy", "happy": "great"}');
TABLE differences;
CALL more.enum_apply('mood', '{sad,unhappy,ok,great}', '{"sad": "unhappy", "happy": "great"}');
SELECT * FROM more.enum_plan('mood', '{sad,unhappy,ok,great}', '{"sad": "unhappy", "happy": "great"}');
SELECT enum_range(NULL::mood), array_agg(DISTINCT m) FROM t;
-- a chain
SELECT sql FROM more.enum_plan('twin', '{unhappy,ok,great,super}', '{"sad": "unhappy", "unhappy": "ok", "ok": "great", "great": "super"}') ORDER BY step \gexec
CALL more.enum_apply('mood', '{unhappy,ok,great,super}', '{"sad": "unhappy", "unhappy": "ok", "ok": "great", "great": "super"}');
TABLE differences;
SELECT * FROM more.enum_plan('mood', '{unhappy,ok,great,super}', '{"sad": "unhappy", "unhappy": "ok", "ok": "great", "great": "super"}');
SELECT enum_range(NULL::mood), array_agg(DISTINCT m) FROM t;
-- ... stopped on its way, by hand
ALTER TYPE mood RENAME VALUE 'super' TO 'sad';
ALTER TYPE mood RENAME VALUE 'great' TO 'super';
SELECT sql FROM more.enum_plan('mood', '{ok,great,super,sad}', '{"unhappy": "ok", "ok": "great", "great": "super", "super": "sad"}');
ALTER TYPE mood RENAME VALUE 'super' TO 'great';
ALTER TYPE mood RENAME VALUE 'sad' TO 'super';
-- two circles: labels that change places. Rows keep their values, under other names.
SELECT step, sql, undo, note FROM more.enum_plan('mood', '{ok,unhappy,super,great}', '{"ok": "unhappy", "unhappy": "ok", "great": "super", "super": "great"}');
SELECT sql FROM more.enum_plan('twin', '{ok,unhappy,super,great}', '{"ok": "unhappy", "unhappy": "ok", "great": "super", "super": "great"}') ORDER BY step \gexec
CALL more.enum_apply('mood', '{ok,unhappy,super,great}', '{"ok": "unhappy", "unhappy": "ok", "great": "super", "super": "great"}');
TABLE differences;
SELECT enum_range(NULL::mood), array_agg(DISTINCT m) FROM t;
CALL more.enum_apply('mood', '{ok,unhappy,super,great}', '{"ok": "unhappy", "unhappy": "ok", "great": "super", "super": "great"}');
SELECT enum_range(NULL::mood), array_agg(DISTINCT m) FROM t;
-- a circle of three, which somebody began by hand: the plan goes on at every point
SELECT sql FROM more.enum_plan('twin', '{great,ok,unhappy,super}', '{"ok": "unhappy", "unhappy": "super", "super": "ok"}') WHERE step = 1 \gexec
SELECT sql FROM more.enum_plan('twin', '{great,ok,unhappy,super}', '{"ok": "unhappy", "unhappy": "super", "super": "ok"}') WHERE step = 1 \gexec
SELECT sql FROM more.enum_plan('twin', '{great,ok,unhappy,super}', '{"ok": "unhappy", "unhappy": "super", "super": "ok"}') WHERE step = 1 \gexec
SELECT sql FROM more.enum_plan('twin', '{great,ok,unhappy,super}', '{"ok": "unhappy", "unhappy": "super", "super": "ok"}') WHERE step = 1 \gexec
SELECT enum_range(NULL::twin);
CALL more.enum_apply('mood', '{unhappy,super,ok,great}', '{"ok": "unhappy", "unhappy": "super", "super": "ok"}');
TABLE differences;

-- Drops, with rows: refused, with nothing done, and a possible rename is told
SELECT step, action, sql, undo, rows, note FROM more.enum_plan('mood', '{unhappy,super,fine,best}', '{"great": "best"}');
CALL more.enum_apply('mood', '{unhappy,super,fine,best}', '{"great": "best"}');
SELECT enum_range(NULL::mood), count(*) AS running FROM more.enum_progress;
-- a replacement, which is new itself
SELECT step, action, sql, undo, rows, note FROM more.enum_plan('mood', '{unhappy,super,fine,best}', '{"great": "best"}', 'set_value', 'fine');
SELECT sql FROM more.enum_plan('twin', '{unhappy,super,fine,best}', '{"great": "best"}', 'set_value', 'fine') ORDER BY step \gexec
CALL more.enum_apply('mood', '{unhappy,super,fine,best}', '{"great": "best"}', 'set_value', 'fine');
TABLE differences;
SELECT * FROM more.enum_plan('mood', '{unhappy,super,fine,best}', '{"great": "best"}', 'set_value', 'fine');
SELECT enum_range(NULL::mood), array_agg(DISTINCT m), array_agg(DISTINCT ms) FROM t;
-- the default has gone along, and is in the way of a drop without a replacement
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid IN ('t'::regclass, 'twins'::regclass);
SELECT sql, note FROM more.enum_plan('mood', '{unhappy,super,best}', on_delete => 'set_null');
CALL more.enum_apply('mood', '{unhappy,super,last}', '{"best": "last"}', on_delete => 'set_null');
SELECT enum_range(NULL::mood);
ALTER TABLE t ALTER m DROP DEFAULT;
ALTER TABLE twins ALTER m DROP DEFAULT;
-- another order, a new label, and a drop, at once
SELECT step, action, sql, undo, rows FROM more.enum_plan('mood', '{best,unhappy,mid,super}', on_delete => 'set_null');
SELECT sql FROM more.enum_plan('twin', '{best,unhappy,mid,super}', on_delete => 'set_null') ORDER BY step \gexec
CALL more.enum_apply('mood', '{best,unhappy,mid,super}', on_delete => 'set_null');
TABLE differences;
SELECT m, count(*) FROM t GROUP BY m ORDER BY m;
-- standing policies of columns, where the call gives none
SELECT more.enum_on_delete('t', 'm', 'keep'), more.enum_on_delete('t', 'ms', 'set_value', 'mid'),
	more.enum_on_delete('twins', 'm', 'keep'), more.enum_on_delete('twins', 'ms', 'set_value', 'mid');
SELECT step, action, sql, rows, note FROM more.enum_plan('mood', '{best,mid,super}');
SELECT more.enum_on_delete('t', 'm', 'set_null'), more.enum_on_delete('twins', 'm', 'set_null');
SELECT sql FROM more.enum_plan('twin', '{best,mid,super}') ORDER BY step \gexec
CALL more.enum_apply('mood', '{best,mid,super}');
TABLE differences;
SELECT m, count(*) FROM t GROUP BY m ORDER BY m;
-- ... of a partitioned table, for partitions whose columns have other numbers; the replacement is renamed on the way
CREATE TYPE part_mood AS ENUM ('a', 'b');
CREATE TABLE parted (id integer, m part_mood) PARTITION BY RANGE (id);
CREATE TABLE part_1 (m part_mood, gone text, id integer);
ALTER TABLE part_1 DROP gone;
ALTER TABLE parted ATTACH PARTITION part_1 FOR VALUES FROM (1) TO (10);
CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (10) TO (20);
INSERT INTO parted VALUES (1, 'a'), (2, 'b'), (11, 'a');
SELECT more.enum_on_delete('parted', 'm', 'set_value', 'b'), more.enum_on_delete('part_2', 'm', 'cascade');
SELECT action, sql, rows, note FROM more.enum_plan('part_mood', '{c}', '{"b": "c"}');
CALL more.enum_apply('part_mood', '{c}', '{"b": "c"}');
SELECT tableoid::regclass, * FROM parted ORDER BY id;
DROP TABLE parted;
-- all labels but new ones
CALL more.enum_apply('mood', '{one}', on_delete => 'set_value', replacement => 'one');
SELECT enum_range(NULL::mood), array_agg(DISTINCT m), array_agg(DISTINCT ms) FROM t;
ALTER TABLE t ALTER m SET DEFAULT 'one';
CALL more.enum_apply('mood', '{1}', on_delete => 'set_value', replacement => '1');
CALL more.enum_apply('mood', '{one}', '{"1": "one"}');
SELECT enum_range(NULL::mood), pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 't'::regclass;
ALTER TABLE t ALTER m DROP DEFAULT;
SELECT more.enum_on_delete('t', 'm', NULL), more.enum_on_delete('t', 'ms', NULL);
-- kept ones are retired; declared again, they may be brought back
CALL more.enum_apply('mood', '{two}', on_delete => 'keep');
SELECT * FROM more.enum_values('mood');
SELECT * FROM more.enum_plan('mood', '{two}');
SELECT step, sql, note FROM more.enum_plan('mood', '{one,two}');
SELECT undo FROM more.enum_plan('mood', '{three}', on_delete => 'keep') WHERE action = 'drop';
SELECT more.enum_restore('mood', 'one');
SELECT * FROM more.enum_plan('mood', '{two,one}');

-- the whole of it is taken back as one
CREATE TABLE whole (id integer PRIMARY KEY, m mood);
CALL more.enum_apply('mood', '{a,b,c,d}', '{"one": "a", "two": "b"}');
INSERT INTO whole SELECT i, (enum_range(NULL::mood))[i] FROM generate_series(1, 4) AS i;
CALL more.enum_apply('mood', '{d,x,e,b}', '{"a": "e", "c": "x"}');
SELECT * FROM whole ORDER BY m;
CALL more.enum_apply('mood', '{new,b,e}', '{}', 'set_value', 'new');
SELECT * FROM whole ORDER BY m, id;
SELECT max(change) AS change FROM more.enum_history WHERE action = 'apply' \gset
CALL more.enum_undo(:change);
SELECT state FROM more.enum_history WHERE change = :change;
SELECT * FROM whole ORDER BY m;
CALL more.enum_apply('mood', '{two,one}', '{"b": "two", "d": "one"}', on_delete => 'cascade');
SELECT * FROM whole ORDER BY m;
DROP TABLE whole;

-- hostile names
CREATE TABLE "Ta""ble" ("Co""l" "Ty""pe");
INSERT INTO "Ta""ble" VALUES (E'back\\slash'), ('größe'), ('x y');
SELECT sql, undo, rows, note FROM more.enum_plan('"Ty""pe"', ARRAY['größe', E'b\\s', 'it''s', '"q"', 'ü''\'], '{"back\\slash": "b\\s"}', 'set_value', '"q"');
CALL more.enum_apply('"Ty""pe"', ARRAY['größe', E'b\\s', 'it''s', '"q"', 'ü''\'], '{"back\\slash": "b\\s"}', 'set_value', '"q"');
SELECT enum_range(NULL::"Ty""pe"), array_agg("Co""l" ORDER BY "Co""l") FROM "Ta""ble";
-- labels of 63 bytes, and circles with them
CALL more.enum_apply('long', ARRAY[repeat('ü', 31) || 'a', repeat('ü', 31) || 'b']);
CALL more.enum_apply('long', ARRAY[repeat('ü', 31) || 'b', repeat('ü', 31) || 'a'],
	jsonb_build_object(repeat('ü', 31) || 'a', repeat('ü', 31) || 'b', repeat('ü', 31) || 'b', repeat('ü', 31) || 'a'));
SELECT enum_range(NULL::long) = ARRAY[repeat('ü', 31) || 'b', repeat('ü', 31) || 'a']::long[];

-- the plan writes nothing
BEGIN READ ONLY;
SELECT count(*) FROM more.enum_plan('mood', '{three,one}', '{"one": "three"}', 'set_value', 'one');
SELECT count(*) FROM more.enum_plan('new_one', '{a,b}');
SELECT pg_current_xact_id_if_assigned() IS NULL AS nothing;
COMMIT;
-- in a transaction, what needs no commits is done, and goes with it
BEGIN;
CALL more.enum_apply('made', '{a,b}');
CALL more.enum_apply('made', '{a,b,c,d}', '{"a": "b", "b": "c"}');
SELECT label FROM more.enum_values('made');
ROLLBACK;
SELECT to_regtype('made');
BEGIN;
CALL more.enum_apply('mood', '{two,new,one}');
CALL more.enum_apply('mood', '{one,two}');
ROLLBACK;
SELECT enum_range(NULL::mood);
DO $$ BEGIN CALL more.enum_apply('mood', '{two,between,one}'); END $$;
DO $$ BEGIN CALL more.enum_apply('mood', '{two,one}'); END $$;
SELECT enum_range(NULL::mood);

-- what is refused
SELECT * FROM unnest(ARRAY[
	$$(NULL, '{a}')$$, $$('mood', NULL)$$, $$('mood', '{}')$$, $$('mood', '{a,NULL}')$$, $$('mood', '{a,b,a}')$$, $$('mood', '{a,""}')$$,
	$$('mood', '{{a},{b}}')$$, $$('mood', ARRAY[repeat('a', 64)])$$, $$('mood', ARRAY[repeat('ü', 32)])$$,
	$$('mood', '{pg_more:retired:1:a}')$$, $$('mood', '{pg_more:moving:1:a}')$$,
	$$('mood', '{one,two}', '[]')$$, $$('mood', '{one,two}', '"x"')$$, $$('mood', '{one,two}', '{"one": 1}')$$, $$('mood', '{one,two}', '{"one": null}')$$,
	$$('mood', '{one,two}', '{"one": {"a": "b"}}')$$, $$('mood', '{one,two}', '{"one": "three"}')$$, $$('mood', '{two}', '{"one": "two", "between": "two"}')$$,
	$$('mood', '{two}', '{"one": "two"}')$$, $$('mood', '{one,two,x}', '{"no": "x"}')$$, $$('mood', '{a,b}', '{"a": "b", "b": "a"}')$$,
	$$('mood', '{x,y}', '{"n1": "x", "x": "y"}')$$,
	$$('mood', '{one}', on_delete => 'erase')$$, $$('mood', '{one}', on_delete => 'set_value')$$, $$('mood', '{one}', replacement => 'one')$$,
	$$('mood', '{one}', on_delete => 'set_value', replacement => 'two')$$,
	$$('pg_catalog.int4', '{a}')$$, $$('t', '{a}')$$, $$('no_schema.x', '{a}')$$, $$('other_db.public.x', '{a}')$$, $$('', '{a}')$$, $$('a b', '{a}')$$,
	$$('x; DROP TABLE t', '{a}')$$
]) AS arguments, outcome('SELECT FROM more.enum_plan' || arguments);
CALL more.enum_apply('mood', '{a,a}');
CALL more.enum_apply('t', '{a}');

-- another role
SET ROLE regress_more_other;
SELECT * FROM outcome($$SELECT FROM more.enum_plan('"we ird".mood', '{one}')$$);
CALL more.enum_apply('"we ird".mood', '{one}');
CALL more.enum_apply('"we ird".brand_new', '{one}');
RESET ROLE;
-- the type's owner without rights on a table that uses it
CREATE TABLE foreign_to_owner (m mood);
INSERT INTO foreign_to_owner VALUES ('one');
SET ROLE regress_more_owner;
CALL more.enum_apply('mood', '{two,between}');
SELECT enum_range(NULL::mood);
RESET ROLE;
DROP TABLE foreign_to_owner;

-- what rows would violate is told before any step is taken: no value is renamed or added, no row changed
SET ROLE regress_more_owner;
CREATE TYPE level AS ENUM ('low', 'mid', 'high', 'top');
CREATE TABLE levels (id integer, l level, UNIQUE (id, l), CHECK (id <> 4 OR l <> 'top'));
INSERT INTO levels VALUES (1, 'low'), (1, 'mid'), (2, 'low'), (3, 'high'), (4, 'high');
CALL more.enum_apply('level', '{lowest,next,mid,top}', '{"low": "lowest"}', 'set_value', 'top');
CALL more.enum_apply('level', '{mid,high,top,next}', '{}', 'set_value', 'mid');
SELECT enum_range(NULL::level);
SELECT id, l FROM levels ORDER BY 1, 2;
SELECT count(*) FROM more.enum_history WHERE type = 'level'::regtype;
-- rows that the drop before deletes violate nothing: that is only warned of
SELECT more.enum_on_delete('levels', 'l', 'cascade');
UPDATE levels SET l = 'low' WHERE id = 4;
CREATE TABLE under (id integer, l level, UNIQUE (id), CHECK (l <> 'top' OR id > 0));
INSERT INTO under VALUES (-1, 'mid');
CREATE FUNCTION no_more() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM under; RETURN NULL; END $$;
CREATE TRIGGER no_more AFTER DELETE ON levels FOR EACH STATEMENT EXECUTE FUNCTION no_more();
SELECT more.enum_on_delete('under', 'l', 'set_value', 'top');
CALL more.enum_apply('level', '{high,top}');
SELECT enum_range(NULL::level);
SELECT id, l FROM levels UNION ALL SELECT id, l FROM under ORDER BY 1, 2;
DROP TABLE levels, under;
DROP FUNCTION no_more;
DROP TYPE level;
RESET ROLE;

-- an error on the way: the step is told, what was done stays, and the same call goes on
SET ROLE regress_more_owner;
CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'stopped'; END $$;
CREATE TABLE s (m mood);
INSERT INTO s VALUES ('between');
CREATE TRIGGER stop BEFORE UPDATE ON s FOR EACH ROW EXECUTE FUNCTION stop();
CALL more.enum_apply('mood', '{first,two,last}', '{"one": "first"}', 'set_value', 'last');
SELECT enum_range(NULL::mood);
SELECT action, step, object, pid FROM more.enum_progress ORDER BY change;
ALTER TABLE s DISABLE TRIGGER stop;
CALL more.enum_apply('mood', '{first,two,last}', '{"one": "first"}', 'set_value', 'last');
SELECT enum_range(NULL::mood), array_agg(m) FROM s;
SELECT count(*) FROM more.enum_progress;
-- another declaration in its place ends it
UPDATE s SET m = 'two';
ALTER TABLE s ENABLE TRIGGER stop;
CALL more.enum_apply('mood', '{a,last}', '{"first": "a"}', 'set_value', 'last');
CALL more.enum_apply('mood', '{a,two,last}');
SELECT action, state FROM more.enum_history ORDER BY change DESC LIMIT 3;
-- a drop that was interrupted when the label had gone: it cannot be declared then, and is finished otherwise
ALTER TABLE s DISABLE TRIGGER stop;
ALTER TYPE mood RENAME VALUE 'two' TO 'pg_more:retired:1:two';
SELECT action, step, pid FROM more.enum_progress;
SELECT * FROM outcome($$SELECT FROM more.enum_plan('mood', '{a,two,last}')$$) WHERE outcome NOT LIKE '%detail%';
SELECT action, sql, regexp_replace(note, '\d+', 'N') AS note FROM more.enum_plan('mood', '{a,b,last}');
CALL more.enum_apply('mood', '{a,b,last}');
SELECT * FROM more.enum_values('mood');
SELECT m FROM s;
SELECT count(*) FROM more.enum_progress;

-- functions of a table's owner that a superuser's look calls run as that owner
SET ROLE regress_more_owner;
CREATE TABLE looked_at (id integer, m mood);
CREATE FUNCTION told(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS
	$$ BEGIN RAISE NOTICE 'called by %', current_user; RETURN true; END $$;
CREATE FUNCTION told(integer, mood) RETURNS mood STABLE LANGUAGE plpgsql AS
	$$ BEGIN RAISE NOTICE 'called by %', current_user; RETURN $2; END $$;
INSERT INTO looked_at VALUES (1, 'last');
-- NOT VALID, so that it is not called yet
ALTER TABLE looked_at ADD CHECK (m <> 'last' OR told(id)) NOT VALID, ALTER m SET DEFAULT told(1, 'a');
RESET ROLE;
\set VERBOSITY terse
SELECT action, note FROM more.enum_plan('mood', '{a,b}', on_delete => 'set_value', replacement => 'a');
ALTER TABLE looked_at DROP CONSTRAINT looked_at_check;
SELECT more.enum_on_delete('looked_at', 'm', 'set_default');
DELETE FROM s;
DELETE FROM looked_at;
CALL more.enum_drop('mood', 'last');

RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA "we ird" CASCADE;
DROP OWNED BY regress_more_owner, regress_more_other;
DROP ROLE regress_more_owner, regress_more_other;
