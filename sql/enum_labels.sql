-- The values of an enum: listed, added and renamed, by whom and how.
\set ECHO none
\i sql/include/setup.sql
CREATE SCHEMA "we ird";
CREATE TYPE "we ird"."Ty""pe" AS ENUM ('plain', 'quo''te', 'back\slash', 'dou"ble', 'naïve', ' ', '');
CREATE TYPE color AS ENUM ('red', 'green', 'blue');
CREATE TYPE nothing AS ENUM ();
CREATE DOMAIN hue AS color;
-- what a change of each kind returns: a number, or nothing
CREATE FUNCTION done(change bigint) RETURNS text LANGUAGE sql AS 'SELECT CASE WHEN change > 0 THEN ''changed'' ELSE ''nothing to do'' END';
\set ECHO all

SELECT * FROM more.enum_values('"we ird"."Ty""pe"');
SELECT * FROM more.enum_values('nothing');
SELECT * FROM more.enum_values(NULL);
-- in the type's order, which is not the order of adding
SELECT done(more.enum_add('color', 'amber', before => 'green')), done(more.enum_add('color', 'cyan', after => 'green')), done(more.enum_add('color', 'violet'));
SELECT * FROM more.enum_values('color');
SELECT enum_range(NULL::color);
-- hostile names
SELECT done(more.enum_add('"we ird"."Ty""pe"', $$it's "a" \ 'new' one$$, before => $$quo'te$$)), done(more.enum_add('"we ird"."Ty""pe"', '漢字', after => '')),
	done(more.enum_add('"we ird"."Ty""pe"', $$'); DROP TABLE x; --$$));
-- ... also where backslashes in plain strings are escapes, as they can be until 18
DO $$ BEGIN
	IF current_setting('server_version_num')::integer < 190000 THEN
		PERFORM set_config('standard_conforming_strings', 'off', false), set_config('escape_string_warning', 'off', false);
	END IF;
END $$;
SELECT done(more.enum_add('"we ird"."Ty""pe"', E'b\\\\a', before => E'back\\slash')), done(more.enum_rename('"we ird"."Ty""pe"', E'back\\slash', E'slash\\back'));
DO $$ BEGIN
	IF current_setting('server_version_num')::integer < 190000 THEN
		PERFORM set_config('standard_conforming_strings', 'on', false), set_config('escape_string_warning', 'on', false);
	END IF;
END $$;
SELECT done(more.enum_rename('"we ird"."Ty""pe"', '', $$was "empty"'s$$));
SELECT * FROM more.enum_values('"we ird"."Ty""pe"');

-- Asked again.
SELECT * FROM outcome($$SELECT more.enum_add('color', 'amber')$$);
SELECT done(more.enum_add('color', 'amber', if_not_exists => true));
SELECT done(more.enum_rename('color', 'amber', 'orange', if_exists => true));
SELECT done(more.enum_rename('color', 'amber', 'orange', if_exists => true));
SELECT * FROM outcome($$SELECT more.enum_rename('color', 'amber', 'orange')$$);
-- not done already, but wrong: neither is there, or both are
SELECT * FROM outcome($$SELECT more.enum_rename('color', 'amber', 'ocher', if_exists => true)$$);
SELECT * FROM outcome($$SELECT more.enum_rename('color', 'orange', 'red', if_exists => true)$$);

-- Refused.
SELECT * FROM outcome($$SELECT more.enum_add('color', 'x', before => 'amber')$$);
SELECT * FROM outcome($$SELECT more.enum_add('color', 'x', before => 'red', after => 'blue')$$);
SELECT * FROM outcome($$SELECT more.enum_add('color', repeat('x', 64))$$);
SELECT * FROM outcome($$SELECT more.enum_add('color', NULL)$$);
SELECT * FROM outcome($$SELECT more.enum_add(NULL, 'x')$$);
SELECT * FROM outcome($$SELECT more.enum_rename('color', 'red', NULL)$$);
SELECT * FROM outcome($$SELECT more.enum_rename('color', NULL, 'red')$$);
SELECT * FROM outcome($$SELECT more.enum_add('color', 'pg_more:retired:1:red')$$);
SELECT * FROM outcome($$SELECT more.enum_rename('color', 'red', 'pg_more:moving:1:red')$$);
SELECT * FROM outcome($$SELECT more.enum_add('hue', 'x')$$);
SELECT * FROM outcome($$SELECT * FROM more.enum_values('hue')$$);
SELECT * FROM outcome($$SELECT * FROM more.enum_values('text')$$);
SELECT * FROM outcome($$SELECT * FROM more.enum_values(4294967295::oid::regtype)$$);
SELECT * FROM more.enum_values('color');

-- A value that is retired or moving is told by its label.
ALTER TYPE color RENAME VALUE 'red' TO 'pg_more:retired:1:red';
ALTER TYPE color RENAME VALUE 'cyan' TO 'pg_more:moving:1:cyan';
SELECT * FROM more.enum_values('color');
SELECT * FROM outcome($$SELECT more.enum_rename('color', 'pg_more:retired:1:red', 'red')$$);

-- In a transaction: an added value is usable after it, and gone if it fails.
BEGIN;
SELECT done(more.enum_add('color', 'pink', after => 'blue')), done(more.enum_rename('color', 'green', 'lime'));
SELECT * FROM more.enum_values('color');
ROLLBACK;
SELECT count(*) FROM more.enum_values('color');

-- Event triggers see the server's own statement, and can refuse it.
CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no % today', tg_tag; END $$;
CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN tag IN ('ALTER TYPE') EXECUTE FUNCTION refuse();
SELECT * FROM outcome($$SELECT more.enum_add('color', 'pink')$$);
DROP EVENT TRIGGER refuse;

-- Who may: the owner, and a superuser; whoever can see it can list it.
CREATE ROLE regress_enum_owner;
CREATE ROLE regress_enum_member IN ROLE regress_enum_owner;
CREATE ROLE regress_enum_other;
ALTER TYPE color OWNER TO regress_enum_owner;
SET ROLE regress_enum_other;
SELECT * FROM outcome($$SELECT more.enum_add('color', 'pink')$$);
SELECT * FROM outcome($$SELECT more.enum_rename('color', 'blue', 'azure', if_exists => true)$$);
SELECT count(*) FROM more.enum_values('color');
SET ROLE regress_enum_member;
SELECT done(more.enum_add('color', 'pink')), done(more.enum_rename('color', 'blue', 'azure'));
RESET ROLE;
SELECT array_agg(label ORDER BY "position") FROM more.enum_values('color');
-- not even a superuser changes those of the system and of extensions
CREATE SCHEMA addon;
CREATE TYPE addon.level AS ENUM ('low', 'high');
ALTER EXTENSION pg_more ADD TYPE addon.level;
SELECT * FROM outcome($$SELECT more.enum_add('addon.level', 'middle')$$);
ALTER EXTENSION pg_more DROP TYPE addon.level;
SET allow_system_table_mods = on;
ALTER TYPE addon.level SET SCHEMA pg_catalog;
SELECT * FROM outcome($$SELECT more.enum_rename('level', 'low', 'deep')$$);
DROP TYPE pg_catalog.level;
RESET allow_system_table_mods;
DROP OWNED BY regress_enum_owner CASCADE;
DROP ROLE regress_enum_owner, regress_enum_member, regress_enum_other;
