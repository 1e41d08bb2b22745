-- The records of enum changes, and the standing policies of columns.
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
CREATE TYPE "Ty""pe" AS ENUM ('a', 'it''s', E'back\\slash', 'größe', 'pg_more:retired:1:gone');
CREATE DOMAIN dom AS "Ty""pe";
CREATE TYPE pair AS (n integer, arr dom[]);
CREATE TYPE span AS RANGE (SUBTYPE = "Ty""pe", MULTIRANGE_TYPE_NAME = spans);
CREATE TABLE "Ta""ble" (id integer, "Co""l" "Ty""pe", d dom, arr "Ty""pe"[], p pair, ps pair[], s span, m spans, t text, gone "Ty""pe");
ALTER TABLE "Ta""ble" DROP COLUMN gone;

-- a policy for a column of each type that holds the enum
SELECT more.enum_on_delete('"Ta""ble"', 'Co"l', 'cascade');
SELECT more.enum_on_delete('"Ta""ble"', c, 'set_value', 'größe') FROM unnest('{d,arr,p,ps,s,m}'::text[]) AS c;
SELECT more.enum_on_delete('"Ta""ble"', 'd', 'set_value', label) FROM unnest(ARRAY['it''s', E'back\\slash']) AS label;
SELECT more.enum_on_delete('"Ta""ble"', 'p', 'keep');
SELECT * FROM more.enum_on_delete ORDER BY "column";
-- NULL takes it away, also where there is none
SELECT more.enum_on_delete('"Ta""ble"', c, NULL) FROM unnest('{arr,p,ps,s,s}'::text[]) AS c;
SELECT * FROM more.enum_on_delete ORDER BY "column";
-- what is refused
SELECT * FROM unnest(ARRAY[
	$$SELECT more.enum_on_delete(NULL, 'd', 'keep')$$,
	$$SELECT more.enum_on_delete('"Ta""ble"', NULL, 'keep')$$,
	$$SELECT more.enum_on_delete('"Ta""ble"', 'co"l', 'keep')$$,
	$$SELECT more.enum_on_delete('"Ta""ble"', 'gone', 'keep')$$,
	$$SELECT more.enum_on_delete('"Ta""ble"', 'ctid', 'keep')$$,
	$$SELECT more.enum_on_delete('"Ta""ble"', 't', 'keep')$$,
	$$SELECT more.enum_on_delete('"Ta""ble"', 'd', 'Keep')$$,
	$$SELECT more.enum_on_delete('"Ta""ble"', 'd', 'set_value')$$,
	$$SELECT more.enum_on_delete('"Ta""ble"', 'd', 'keep', 'a')$$,
	$$SELECT more.enum_on_delete('"Ta""ble"', 'd', NULL, 'a')$$,
	$$SELECT more.enum_on_delete('"Ta""ble"', 'd', 'set_value', 'A')$$,
	$$SELECT more.enum_on_delete('"Ta""ble"', 'd', 'set_value', 'pg_more:retired:1:gone')$$,
	$$SELECT more.enum_on_delete('"Ta""ble"', 'd', 'set_value', repeat('a', 64))$$,
	$$SELECT more.enum_on_delete('no_table', 'd', 'keep')$$,
	$$SELECT more.enum_on_delete(0::oid::regclass, 'd', 'keep')$$,
	$$SELECT more.enum_on_delete('pg_catalog.pg_class', 'relname', 'keep')$$
]) AS statement, public.outcome(statement);
-- only tables have policies
CREATE VIEW vi AS SELECT d FROM "Ta""ble";
SELECT * FROM public.outcome($$SELECT more.enum_on_delete('vi', 'd', 'keep')$$);
DROP VIEW vi;
-- it goes with the transaction
BEGIN;
SELECT more.enum_on_delete('"Ta""ble"', 'd', 'keep');
ROLLBACK;
SELECT policy FROM more.enum_on_delete WHERE "column" = 'd';
-- a new name of the column or of the table changes nothing; another column of the old name has none
ALTER TABLE "Ta""ble" RENAME d TO renamed;
ALTER TABLE "Ta""ble" ADD d dom;
ALTER TABLE "Ta""ble" RENAME TO tab;
SELECT * FROM more.enum_on_delete ORDER BY "column";
-- the replacement is the value, however it is called; a reserved label does not count
ALTER TYPE "Ty""pe" RENAME VALUE E'back\\slash' TO 'new name';
ALTER TYPE "Ty""pe" RENAME VALUE 'größe' TO 'pg_more:retired:2:größe';
SELECT * FROM more.enum_on_delete ORDER BY "column";
ALTER TYPE "Ty""pe" RENAME VALUE 'pg_more:retired:2:größe' TO 'größe';
-- a column that is dropped takes its policy along, and so does a table
ALTER TABLE tab DROP m;
CREATE TABLE short (d dom);
SELECT more.enum_on_delete('short', 'd', 'keep');
DROP TABLE short;
SELECT * FROM more.enum_on_delete ORDER BY "column";

-- another role: no policy on a table that it does not own, and no look at any
RESET ROLE;
GRANT ALL ON tab TO regress_more_other;
SET ROLE regress_more_other;
SELECT * FROM public.outcome($$SELECT more.enum_on_delete('tab', 'renamed', 'keep')$$);
SELECT * FROM public.outcome($$SELECT more.enum_on_delete('tab', 'renamed', NULL)$$);
SELECT count(*) FROM more.enum_on_delete;
SELECT * FROM unnest(ARRAY[
	'SELECT FROM more.enum_changes', 'SELECT FROM more.enum_change_rows', 'SELECT FROM more.enum_policies',
	$$INSERT INTO more.enum_policies VALUES ('tab', NULL, 3, 'renamed', 'keep', NULL)$$,
	'DELETE FROM more.enum_policies', 'UPDATE more.enum_changes SET state = NULL', 'TRUNCATE more.enum_change_rows',
	$$SELECT nextval('more.enum_changes_change_seq')$$,
	'SELECT more._enum_record_restore()'
]) AS statement, public.outcome(statement);
-- ... nor through the search_path, nor through operators of its own
RESET ROLE;
CREATE SCHEMA trap AUTHORIZATION regress_more_other;
GRANT USAGE ON SCHEMA trap TO regress_more_owner;
SET ROLE regress_more_other;
CREATE FUNCTION trap.equal(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'as %', current_user; END $$;
CREATE OPERATOR trap.= (FUNCTION = trap.equal, LEFTARG = oid, RIGHTARG = oid);
CREATE TABLE trap.enum_policies AS SELECT 1 AS "table";
CREATE TYPE trap.own AS ENUM ('x');
CREATE TABLE trap.own_table (o trap.own);
SET search_path = trap, pg_catalog;
SELECT more.enum_on_delete('trap.own_table', 'o', 'keep');
SELECT * FROM more.enum_on_delete;
CREATE TABLE forged (type regtype);
SELECT * FROM public.outcome('CREATE TRIGGER t BEFORE INSERT ON forged FOR EACH ROW EXECUTE FUNCTION more._enum_record_restore()');
RESET search_path;

-- The owner of the database restores records, of objects that belong to it alone.
RESET ROLE;
GRANT CREATE ON SCHEMA public TO regress_more_owner;
SELECT current_database() AS db, datdba::regrole AS dba FROM pg_database WHERE datname = current_database() \gset
ALTER DATABASE :db OWNER TO regress_more_owner;
SET ROLE regress_more_owner;
INSERT INTO more.enum_changes (type, type_name, action, arguments, state, "by", started, updated) VALUES
	(0, '"we ird"."Ty""pe"', 'add', '{}', 'done', 'me', now(), now()),
	('"we ird"."Ty""pe"', '', 'rename', '{}', 'running', 'me', now(), now()),
	(0, 'trap.own', 'forged', '{}', 'done', 'me', now(), now()),
	('trap.own', '', 'forged', '{}', 'done', 'me', now(), now()),
	(0, 'no.such_type', 'forged', '{}', 'done', 'me', now(), now());
INSERT INTO more.enum_change_rows (change, n, "table", table_name, "column", was_deleted) VALUES
	(1, 1, 0, '"we ird".tab', 'renamed', false), (1, 2, '"we ird".tab', NULL, 'renamed', false),
	(1, 3, 0, 'trap.own_table', 'o', false), (1, 4, 'trap.own_table', NULL, 'o', false), (1, 5, 0, NULL, 'o', false);
INSERT INTO more.enum_policies ("table", table_name, attnum, "column", policy) VALUES
	(0, '"we ird".tab', 0, 'arr', 'keep'), (0, '"we ird".tab', 0, 'no_column', 'keep'),
	(0, 'trap.own_table', 0, 'o', 'cascade'), ('trap.own_table', NULL, 1, 'o', 'cascade');
SELECT type, type_name, action, state FROM more.enum_changes ORDER BY change;
SELECT change, n, "table", table_name, "column" FROM more.enum_change_rows ORDER BY n;
SELECT "table", table_name, "column", attnum, policy FROM more.enum_policies ORDER BY "table"::oid, attnum;
-- but changes none
SELECT * FROM unnest(ARRAY['UPDATE more.enum_changes SET state = state', 'DELETE FROM more.enum_change_rows', 'DELETE FROM more.enum_policies']) AS statement, public.outcome(statement);

-- history and progress show the changes of one's own types; those of a dropped type, superusers see
SELECT type, action, state, rows_kept FROM more.enum_history ORDER BY change;
SELECT type, action, step, pid FROM more.enum_progress ORDER BY change;
SET ROLE regress_more_other;
SELECT count(*) FROM more.enum_history;
SELECT count(*) FROM more.enum_progress;
-- not even to a function that leaks
CREATE FUNCTION trap.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'leaked: %', $1; RETURN true; END $$;
SELECT count(*) FROM more.enum_history WHERE trap.leak(action);
RESET ROLE;
ALTER DATABASE :db OWNER TO :dba;
DROP TABLE "we ird".tab;
SET client_min_messages = warning;
DROP TYPE "we ird"."Ty""pe" CASCADE;
SELECT type_name, action FROM more.enum_history ORDER BY change;
SET ROLE regress_more_owner;
SELECT count(*) FROM more.enum_history;

-- settings
SELECT name, setting, min_val, context FROM pg_settings WHERE name LIKE 'pg\_more.enum%' ORDER BY name;
RESET ROLE;
DROP SCHEMA trap, "we ird" CASCADE;
DROP OWNED BY regress_more_owner, regress_more_other;
DROP ROLE regress_more_owner, regress_more_other;
