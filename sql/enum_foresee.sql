-- more.enum_drop: what the change of rows would violate is told before any row changes, all of it at once.
\set ECHO none
\i sql/include/setup.sql
CREATE TYPE mood AS ENUM ('a', 'b', 'old', 'c', 'd');
CREATE DOMAIN nice AS mood CHECK (VALUE <> 'c');
CREATE DOMAIN nicer AS nice CHECK (VALUE::mood IN ('old', 'a', 'b'));
-- the first table in every order: nothing is in its way, so its rows would have changed
CREATE TABLE first (id integer PRIMARY KEY, v mood DEFAULT 'd');
INSERT INTO first SELECT i, 'old' FROM generate_series(1, 10) AS i;
CREATE TABLE uniq (id integer PRIMARY KEY, g integer, v mood DEFAULT 'd', UNIQUE (g, v) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO uniq VALUES (1, 1, 'old'), (2, 1, 'b'), (3, 2, 'old'), (4, 2, 'a'), (5, NULL, 'old'), (6, NULL, 'b');
CREATE TABLE part_uniq (g integer, v mood DEFAULT 'd', n integer);
CREATE UNIQUE INDEX ON part_uniq (g, v) WHERE n > 0;
INSERT INTO part_uniq VALUES (1, 'old', 1), (1, 'b', 0), (2, 'old', 1), (2, 'b', 1), (2, 'b', 0);
CREATE TABLE two ("Co""l" mood DEFAULT 'd', v mood DEFAULT 'd', UNIQUE ("Co""l", v));
INSERT INTO two VALUES ('old', 'old'), ('b', 'old'), ('old', 'b');
CREATE TABLE nulls (g integer, v mood DEFAULT 'd', UNIQUE NULLS NOT DISTINCT (g, v));
INSERT INTO nulls VALUES (1, 'old'), (1, NULL), (2, 'old'), (3, 'old');
CREATE TABLE arr (vs mood[] DEFAULT '{d}' UNIQUE);
INSERT INTO arr VALUES ('{old,a}'), ('{b,a}'), ('{old}');
CREATE TABLE expr (v mood DEFAULT 'd');
CREATE UNIQUE INDEX ON expr (coalesce(v, 'a'));
INSERT INTO expr VALUES ('old'), ('b');
CREATE TABLE excl (r int4range, v mood DEFAULT 'd', EXCLUDE USING gist (r WITH &&) WHERE (v = 'b'));
INSERT INTO excl VALUES ('[1,5)', 'old'), ('[3,8)', 'b'), ('[100,101)', 'old');
CREATE TABLE chk (v mood DEFAULT 'd', n integer, CONSTRAINT "v""n" CHECK (v <> 'b' OR n > 1));
INSERT INTO chk VALUES ('old', 1), ('old', 2), ('a', 0);
ALTER TABLE chk ADD CONSTRAINT late CHECK (n <> 2) NOT VALID;
CREATE TABLE never_null (v mood DEFAULT 'd', CONSTRAINT there CHECK (v IS NOT NULL));
INSERT INTO never_null VALUES ('old');
CREATE TABLE named (v mood DEFAULT 'd', n integer, CHECK (v IN ('old', 'a') OR n IS NULL), CONSTRAINT other CHECK (v < 'd'));
INSERT INTO named VALUES ('old', 1);
CREATE TABLE gen (id integer, v mood DEFAULT 'd', t text GENERATED ALWAYS AS (CASE WHEN v > 'b' THEN 'high' ELSE 'low' END) STORED, CHECK (t <> 'low'), UNIQUE (id, t));
INSERT INTO gen VALUES (1, 'old'), (2, 'd');
CREATE TABLE dom (v nicer DEFAULT 'b');
INSERT INTO dom VALUES ('old');
CREATE TABLE routed (v mood DEFAULT 'd') PARTITION BY RANGE (v);
CREATE TABLE routed1 PARTITION OF routed FOR VALUES FROM ('a') TO ('c');
INSERT INTO routed VALUES ('old');
CREATE TABLE kinds (k mood PRIMARY KEY DEFAULT 'd', n integer);
INSERT INTO kinds VALUES ('a'), ('old');
CREATE TABLE things (id integer, k mood DEFAULT 'd' REFERENCES kinds);
INSERT INTO things VALUES (1, 'old'), (2, 'a');
CREATE TABLE par (id integer PRIMARY KEY, v mood DEFAULT 'd');
CREATE TABLE chi (id integer, p integer REFERENCES par);
INSERT INTO par VALUES (1, 'old'), (2, 'old'), (3, 'a');
INSERT INTO chi VALUES (1, 1), (2, 3);
CREATE TABLE no_default (v mood NOT NULL DEFAULT nullif('a'::mood, 'a'));
INSERT INTO no_default VALUES ('old');
-- a trigger may prevent it
CREATE TABLE mended (v mood DEFAULT 'd', CONSTRAINT mine CHECK (v <> 'b'));
INSERT INTO mended VALUES ('old');
CREATE FUNCTION mend() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v = CASE NEW.v WHEN 'b' THEN 'a' ELSE NEW.v END; RETURN NEW; END$$;
CREATE TRIGGER mend BEFORE UPDATE ON mended FOR EACH ROW EXECUTE FUNCTION mend();
CREATE FUNCTION changed() RETURNS bigint LANGUAGE sql AS $$SELECT count(*) FROM first WHERE v::text IS DISTINCT FROM 'old'$$;
\set ECHO all

CALL more.enum_drop('mood', 'old', 'set_value', 'b');
CALL more.enum_drop('mood', 'old', 'set_value', 'c');
CALL more.enum_drop('mood', 'old', 'set_value', 'd');
CALL more.enum_drop('mood', 'old', 'set_default');
CALL more.enum_drop('mood', 'old', 'cascade');
-- in the caller's transaction as well
SELECT more.enum_retire('mood', 'old', 'set_value', 'b');
-- each column by its own policy; rows that refer to others change before those, so these must have the value already
SET client_min_messages = warning;
SELECT count(more.enum_on_delete(c.oid, a.attname, 'cascade')) FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
	WHERE a.attnum > 0 AND a.atttypid IN ('mood'::regtype, 'nicer'::regtype, 'mood[]'::regtype) AND c.relkind = 'r' AND c.relname NOT IN ('kinds', 'par') AND c.relname NOT LIKE 'part%';
RESET client_min_messages;
SELECT more.enum_on_delete('first', 'v', 'set_value', 'b'), more.enum_on_delete('kinds', 'k', 'cascade'),
	more.enum_on_delete('par', 'v', 'set_null'), more.enum_on_delete('part_uniq', 'v', 'set_null'),
	more.enum_on_delete('nulls', 'v', 'set_null'), more.enum_on_delete('never_null', 'v', 'set_null'),
	more.enum_on_delete('things', 'k', 'set_value', 'b'), more.enum_on_delete('mended', 'v', 'set_value', 'b');
CALL more.enum_drop('mood', 'old');
-- nothing has happened
SELECT changed();
SELECT * FROM more.enum_values('mood') WHERE state <> 'live';
SELECT count(*) FROM more.enum_history;
-- and with that out of the way it is done
SELECT more.enum_on_delete('things', 'k', 'set_value', 'a'), more.enum_on_delete('nulls', 'v', 'cascade'), more.enum_on_delete('never_null', 'v', 'cascade');
ALTER TABLE chk DROP CONSTRAINT late;
CALL more.enum_drop('mood', 'old');
SELECT changed();
SELECT * FROM more.enum_values('mood');

-- a trigger is not foreseen: the error says how to go on
CREATE TABLE second (id integer PRIMARY KEY, v mood);
INSERT INTO second VALUES (1, 'b');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$;
CREATE TRIGGER refuse BEFORE UPDATE ON second FOR EACH ROW EXECUTE FUNCTION refuse();
ALTER TABLE chk DROP CONSTRAINT "v""n";
DROP TABLE excl, gen, mended, expr, named;
DROP DOMAIN nice CASCADE;
CALL more.enum_drop('mood', 'b', 'set_value', 'a');
SELECT more.enum_restore('public.mood', 'b');
SELECT changed();
