-- Another order of an enum's values: everything that goes by it, and everything that names the values.
\set ECHO none
\i sql/include/setup.sql
CREATE EXTENSION IF NOT EXISTS amcheck;
CREATE SCHEMA "we ird";
CREATE TYPE color AS ENUM ('red', 'green', 'blue', 'cyan', 'pink');
CREATE TYPE color_range AS RANGE (subtype = color);
CREATE DOMAIN hue AS color CHECK (value <> 'pink' OR value IS NULL);
CREATE TYPE pair AS (c color, n integer);
CREATE TABLE things (
	id integer PRIMARY KEY, c color NOT NULL DEFAULT 'cyan', h hue, cs color[], r color_range, p pair,
	CHECK (c <> 'cyan' OR id < 100000), CHECK (c IN ('red', 'green', 'blue', 'cyan', 'pink')), UNIQUE (id, c)) WITH (autovacuum_enabled = off);
INSERT INTO things SELECT i, l, nullif(l, 'pink'), ARRAY[l, 'red', NULL], color_range(NULL, l), ROW(l, i)::pair
FROM generate_series(1, 500) AS i, LATERAL (SELECT (enum_range(NULL::color))[CASE WHEN i % 10 = 0 THEN 4 WHEN i % 25 = 1 THEN 5 ELSE 1 + i % 3 END] AS l) AS x;
CREATE INDEX things_c ON things (c);
CREATE INDEX things_h ON things (h, id DESC);
CREATE INDEX things_cs ON things USING gin (cs);
CREATE INDEX things_hash ON things USING hash (c);
CREATE INDEX things_r ON things USING gist (r);
CREATE INDEX things_p ON things (p);
CREATE INDEX things_cyan ON things (id) WHERE c = 'cyan';
CREATE UNIQUE INDEX things_less ON things (id, (c < 'blue')) WHERE c > 'red';
CREATE VIEW cyan_things AS SELECT id, c FROM things WHERE c = 'cyan';
CREATE MATERIALIZED VIEW some_things AS SELECT id, c FROM things WHERE c IN ('cyan', 'pink');
CREATE FUNCTION cyan_count() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM things WHERE c = 'cyan'; END;
CREATE FUNCTION is_cyan(value color DEFAULT 'cyan') RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN value = 'cyan'; END $$;
CREATE POLICY cyan ON things USING (c <> 'cyan');
CREATE STATISTICS things_stats ON c, h FROM things;
ANALYZE things;
CREATE TABLE listed (c color) PARTITION BY LIST (c);
CREATE TABLE listed_cyan PARTITION OF listed FOR VALUES IN ('cyan', 'red');
CREATE TABLE listed_rest PARTITION OF listed DEFAULT;
CREATE TABLE hashed (c color, n integer) PARTITION BY HASH (c);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE hashed_2 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO listed SELECT c FROM things;
INSERT INTO hashed SELECT c, id FROM things;
CREATE TABLE kinds (c color PRIMARY KEY, note text);
CREATE TABLE users (id integer PRIMARY KEY, c color REFERENCES kinds ON UPDATE RESTRICT);
INSERT INTO kinds SELECT unnest(enum_range(NULL::color)), 'x';
INSERT INTO users SELECT id, c FROM things;
-- what every order must be consistent with: text, which no reordering changes
CREATE TABLE model AS SELECT id, c::text, h::text, cs::text, r::text, p::text FROM things;
CREATE VIEW wrong AS
	SELECT 'things' AS what, count(*) FROM things JOIN model USING (id)
	WHERE (things.c::text, things.h::text, things.cs::text, things.r::text, things.p::text) IS DISTINCT FROM (model.c, model.h, model.cs, model.r, model.p)
	UNION ALL SELECT 'listed', (SELECT count(*) FROM ((SELECT c::text FROM listed EXCEPT ALL SELECT c FROM model) UNION ALL (SELECT c FROM model EXCEPT ALL SELECT c::text FROM listed)) AS x)
	UNION ALL SELECT 'hashed', (SELECT count(*) FROM ((SELECT c::text, n FROM hashed EXCEPT ALL SELECT c, id FROM model) UNION ALL (SELECT c, id FROM model EXCEPT ALL SELECT c::text, n FROM hashed)) AS x)
	UNION ALL SELECT 'users', (SELECT count(*) FROM users JOIN kinds USING (c) JOIN model ON model.id = users.id AND model.c = users.c::text) - 500
	UNION ALL SELECT 'some_things', (SELECT count(*) FROM some_things AS s JOIN model USING (id) WHERE s.c::text = model.c) - (SELECT count(*) FROM model WHERE c IN ('cyan', 'pink'))
	UNION ALL SELECT 'orphans', (SELECT count(*) FROM things WHERE c <> ALL (enum_range(NULL::color)));
-- each index against the table: the same rows with it and without
CREATE FUNCTION by_index(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	with_index bigint;
	without bigint;
	plan text;
	used text;
BEGIN
	SET LOCAL enable_seqscan = off;
	FOR plan IN EXECUTE 'EXPLAIN (COSTS off) SELECT count(*) FROM things WHERE ' || condition LOOP
		used := coalesce(used, substring(plan FROM 'things_[a-z_]*'));
	END LOOP;
	EXECUTE 'SELECT count(*) FROM things WHERE ' || condition INTO with_index;
	SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off;
	EXECUTE 'SELECT count(*) FROM things WHERE ' || condition INTO without;
	RESET enable_indexscan; RESET enable_bitmapscan; RESET enable_indexonlyscan;
	RETURN format('%s: %s rows, %s', coalesce(used, 'no index'), with_index, CASE WHEN with_index = without THEN 'right' ELSE 'wrong, but ' || without END);
END $$;
CREATE FUNCTION files() RETURNS TABLE (name name, node oid) LANGUAGE sql AS
	$$ SELECT relname, relfilenode FROM pg_class WHERE relname IN ('things', 'things_hash', 'listed_cyan', 'hashed_0', 'users', 'kinds') $$;
CREATE TABLE files_before AS SELECT * FROM files();
\set ECHO all

-- A session that has the order cached, and plans that name values.
SELECT 'cyan'::color < 'red'::color AS less, array_agg(DISTINCT c ORDER BY c) FROM things;
PREPARE by_literal AS SELECT count(*) FROM things WHERE c = 'cyan';
PREPARE by_order AS SELECT count(*) FROM things WHERE c < 'green';
PREPARE by_value(color) AS SELECT count(*) FROM things WHERE c = $1;
PREPARE write AS INSERT INTO things (id) VALUES (1001) RETURNING c;
EXECUTE by_literal; EXECUTE by_order; EXECUTE by_value('cyan');
SELECT cyan_count(), is_cyan();

-- cyan and pink have the fewest rows: they move, the others stay
CALL more.enum_reorder('color', '{cyan,red,green,pink,blue}');
SELECT * FROM more.enum_values('color');
SELECT action, state, arguments ->> 'moved' AS moved, arguments ->> 'before' AS before FROM more.enum_history WHERE action = 'reorder';
SELECT what FROM wrong WHERE count <> 0;
SELECT 'cyan'::color < 'red'::color AS less, array_agg(DISTINCT c ORDER BY c), min(c), max(c) FROM things;
SELECT enum_range(NULL::color), enum_range('red'::color, 'pink'::color), enum_first(NULL::color), enum_last(NULL::color);
EXECUTE by_literal; EXECUTE by_order; EXECUTE by_value('cyan');
SELECT cyan_count(), is_cyan();
BEGIN; EXECUTE write; ROLLBACK;
SELECT array_agg(c) FROM (SELECT c, count(*) FROM things GROUP BY c ORDER BY c) AS x;
-- every kind of index
SELECT by_index(condition) FROM (VALUES ($$c = 'cyan'$$), ($$c < 'red'$$), ($$c > 'pink'$$), ($$h::color = 'cyan' AND id > 100$$), ($$h::color < 'green'$$), ($$cs @> '{cyan}'$$),
	($$r = '(,pink)'::color_range$$), ($$r @> 'red'::color$$), ($$p = '(cyan,10)'::pair$$), ($$p < '(red,0)'::pair$$), ($$id = 10 AND c = 'cyan'$$),
	($$c > 'red' AND id < 50$$), ($$c > 'red' AND id < 50 AND c < 'blue'$$)) AS x (condition);
SELECT bt_index_check(indexrelid::regclass, true) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid::regclass::text IN ('things', 'users', 'kinds') AND relam = 403 ORDER BY indexrelid;
-- what names the value still does, and stayed what it was
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'things'::regclass;
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'things'::regclass AND contype = 'c' ORDER BY 1;
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contypid = 'hue'::regtype AND contype = 'c';
SELECT pg_get_indexdef('things_cyan'::regclass), pg_get_indexdef('things_less'::regclass);
SELECT pg_get_viewdef('cyan_things'::regclass) LIKE '%''cyan''::color%' AS view, pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = 'listed_cyan'::regclass;
SELECT count(*) FROM cyan_things;
SELECT tableoid::regclass, c, count(*) FROM listed GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM hashed WHERE c = 'cyan';
INSERT INTO listed VALUES ('cyan'); INSERT INTO hashed VALUES ('cyan', 0); DELETE FROM listed WHERE ctid = (SELECT max(ctid) FROM listed_cyan WHERE c = 'cyan') AND tableoid = 'listed_cyan'::regclass; DELETE FROM hashed WHERE n = 0;
SELECT polname, pg_get_expr(polqual, polrelid) FROM pg_policy;
SELECT count(*) > 0 AS stats FROM pg_stats WHERE tablename = 'things' AND most_common_vals::text LIKE '%pg_more%';
-- no table, and no index on columns alone, got another file
SELECT name FROM files() JOIN files_before USING (name) WHERE files.node <> files_before.node;

-- Back again: another way for the same values, and it is done already.
CALL more.enum_reorder('color', '{red,green,blue,cyan,pink}');
SELECT what FROM wrong WHERE count <> 0;
SELECT enum_range(NULL::color), min(c), max(c) FROM things;
EXECUTE by_order;
CALL more.enum_reorder('color', '{red,green,blue,cyan,pink}');
SELECT count(*) FROM more.enum_history WHERE action = 'reorder';

-- Refused, and nothing is changed.
CREATE FUNCTION call_reorder(labels text[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL more.enum_reorder('color', labels); END $$;
SELECT * FROM outcome($$SELECT call_reorder('{red,green,blue,pink,cyan}')$$);
BEGIN;
CALL more.enum_reorder('color', '{red,green,blue,pink,cyan}');
ROLLBACK;
CALL more.enum_reorder('color', '{red,green,blue,pink}');
CALL more.enum_reorder('color', '{red,green,blue,pink,cyan,red}');
CALL more.enum_reorder('color', '{red,green,blue,pink,cyan,purple}');
CALL more.enum_reorder('color', '{red,green,blue,pink,cyan,NULL}');
CALL more.enum_reorder('color', NULL);
CALL more.enum_reorder(NULL, '{}');
CALL more.enum_reorder('hue', '{red,green,blue,pink,cyan}');
-- ranges would not be ranges any more
CALL more.enum_reorder('color', '{cyan,red,green,blue,pink}');
INSERT INTO things (id, c, r) VALUES (600, 'red', '[cyan,red]');
CALL more.enum_reorder('color', '{red,green,blue,pink,cyan}');
SELECT * FROM more.enum_values('color');
DELETE FROM things WHERE id = 600;
CALL more.enum_purge('color');
SELECT count(*) FROM more.enum_values('color');
-- a CHECK that goes by the order
ALTER TABLE users ADD CONSTRAINT small CHECK (c >= 'cyan');
CALL more.enum_reorder('color', '{pink,cyan,red,green,blue}');
-- ... that rows violate which stay as they are
CALL more.enum_reorder('color', '{red,cyan,green,blue,pink}');
CALL more.enum_reorder('color', '{cyan,pink,red,green,blue}');
ALTER TABLE users DROP CONSTRAINT small;
CALL more.enum_purge('color');
SELECT what FROM wrong WHERE count <> 0;
-- what would need its rows elsewhere, or anew
CREATE TABLE ranged (c color) PARTITION BY RANGE (c);
CALL more.enum_reorder('color', '{red,cyan,green,blue,pink}');
DROP TABLE ranged;
CREATE TABLE computed (c color, late boolean GENERATED ALWAYS AS (c > 'red') STORED);
CALL more.enum_reorder('color', '{red,cyan,green,blue,pink}');
DROP TABLE computed;
CREATE DOMAIN early AS color CHECK (value < 'pink');
CALL more.enum_reorder('color', '{red,cyan,green,blue,pink}');
DROP DOMAIN early;
-- a trigger that keeps rows as they are
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.c := OLD.c; RETURN NEW; END $$;
CREATE TABLE kept AS SELECT c FROM things;
CREATE TRIGGER keep BEFORE UPDATE ON kept FOR EACH ROW EXECUTE FUNCTION keep();
CALL more.enum_reorder('color', '{red,cyan,green,blue,pink}');
DROP TRIGGER keep ON kept;
SELECT label, state FROM more.enum_values('color') WHERE state <> 'live';
SELECT action, state FROM more.enum_history WHERE state NOT IN ('done', 'failed');
-- afterwards it can be done, and cleans up
CALL more.enum_reorder('color', '{red,cyan,green,blue,pink}');
SELECT * FROM more.enum_values('color');
SELECT action, state FROM more.enum_history WHERE state NOT IN ('done', 'failed');
SELECT what FROM wrong WHERE count <> 0;

-- Only the type's owner, and only with rights on the tables.
CREATE ROLE regress_enum_owner;
CREATE ROLE regress_enum_other;
CREATE TYPE "we ird"."Ty""pe" AS ENUM ('plain', 'quo''te', 'back\slash', 'dou"ble', 'naïve', ' ', '');
CREATE TABLE "we ird"."ta""ble" ("co""l" "we ird"."Ty""pe" DEFAULT 'quo''te', "o'ther" "we ird"."Ty""pe"[]);
INSERT INTO "we ird"."ta""ble" SELECT v, ARRAY[v, v] FROM unnest(enum_range(NULL::"we ird"."Ty""pe")) AS v;
ALTER TYPE "we ird"."Ty""pe" OWNER TO regress_enum_owner;
GRANT USAGE ON SCHEMA "we ird" TO regress_enum_owner, regress_enum_other;
SET ROLE regress_enum_other;
CALL more.enum_reorder('"we ird"."Ty""pe"', ARRAY['', ' ', 'naïve', 'dou"ble', 'back\slash', 'quo''te', 'plain']);
SET ROLE regress_enum_owner;
CALL more.enum_reorder('"we ird"."Ty""pe"', ARRAY['', ' ', 'naïve', 'dou"ble', 'back\slash', 'quo''te', 'plain']);
RESET ROLE;
GRANT SELECT, UPDATE ON "we ird"."ta""ble" TO regress_enum_owner;
SET ROLE regress_enum_owner;
CALL more.enum_reorder('"we ird"."Ty""pe"', ARRAY['', ' ', 'naïve', 'dou"ble', 'back\slash', 'quo''te', 'plain']);
RESET ROLE;
-- a default that is not the caller's to change can stay as it is, unless it must move
SELECT arguments ->> 'moved' AS moved FROM more.enum_history WHERE type_name LIKE '%Ty""pe%' AND action = 'reorder';
ALTER TABLE "we ird"."ta""ble" ALTER "o'ther" SET DEFAULT '{plain}', ENABLE ROW LEVEL SECURITY;
SET ROLE regress_enum_owner;
CALL more.enum_reorder('"we ird"."Ty""pe"', ARRAY['plain', '', ' ', 'naïve', 'dou"ble', 'back\slash', 'quo''te']);
RESET ROLE;
ALTER TABLE "we ird"."ta""ble" ALTER "o'ther" DROP DEFAULT;
SET ROLE regress_enum_owner;
CALL more.enum_reorder('"we ird"."Ty""pe"', ARRAY['plain', '', ' ', 'naïve', 'dou"ble', 'back\slash', 'quo''te']);
RESET ROLE;
ALTER TABLE "we ird"."ta""ble" DISABLE ROW LEVEL SECURITY;
SET ROLE regress_enum_owner;
CALL more.enum_reorder('"we ird"."Ty""pe"', ARRAY['plain', '', ' ', 'naïve', 'dou"ble', 'back\slash', 'quo''te']);
RESET ROLE;
SELECT * FROM "we ird"."ta""ble" ORDER BY 1;
DROP OWNED BY regress_enum_owner, regress_enum_other CASCADE;
DROP ROLE regress_enum_owner, regress_enum_other;

-- ranges that the order would turn over are named before anything happens
CREATE TYPE grade AS ENUM ('low', 'mid', 'high');
CREATE TYPE grades AS RANGE (subtype = grade);
CREATE TYPE span AS (name text, over grades);
CREATE TABLE ranged (id integer PRIMARY KEY, r grades, m grades_multirange, a grades[], c span);
INSERT INTO ranged VALUES (1, '[low,mid]', '{[low,low],[high,high]}', '{"[low,high]"}', '(x,"[mid,high)")'),
	(2, '[high,)', '{[low,high]}', '{empty,NULL}', '(y,"[low,mid]")'), (3, '[mid,high]', NULL, NULL, NULL);
CALL more.enum_reorder('grade', '{high,low,mid}');
SELECT * FROM more.enum_values('grade');
SELECT count(*) FROM more.enum_history WHERE type = 'grade'::regtype;
DELETE FROM ranged WHERE id <> 2;
UPDATE ranged SET m = '{[low,mid]}';
CALL more.enum_reorder('grade', '{high,low,mid}');
TABLE ranged;
