-- more.enum_retire: a value goes out of use within one transaction, for migration tools that wrap everything in one.
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
CREATE TYPE mood AS ENUM ('sad', 'it''s', 'ok', 'happy');
CREATE TABLE person (id integer PRIMARY KEY, m mood DEFAULT 'sad', n integer, CONSTRAINT listed CHECK (m IN ('sad', 'ok', 'happy') OR n > 0));
CREATE INDEX sad_ones ON person (id) WHERE m = 'sad';
CREATE VIEW sad_people AS SELECT id FROM person WHERE m = 'sad';
INSERT INTO person VALUES (1, 'sad', NULL), (2, 'ok', NULL), (3, 'it''s', 1);

-- arguments, and whose it is
SELECT * FROM unnest(ARRAY[
	$$SELECT more.enum_retire(NULL, 'sad')$$,
	$$SELECT more.enum_retire('mood', NULL)$$,
	$$SELECT more.enum_retire('mood', 'sad', NULL)$$,
	$$SELECT more.enum_retire('mood', 'sad', 'never')$$,
	$$SELECT more.enum_retire('mood', 'sad', 'set_value')$$,
	$$SELECT more.enum_retire('mood', 'sad', 'set_value', 'sad')$$,
	$$SELECT more.enum_retire('mood', 'sad', 'keep', 'ok')$$,
	$$SELECT more.enum_retire('mood', 'sda', 'cascade')$$,
	$$SELECT more.enum_retire('mood', 'its', 'cascade')$$,
	$$SELECT more.enum_retire('mood', 'sad')$$,
	$$SELECT more.enum_retire('mood', 'it''s')$$,
	$$SELECT more.enum_retire('mood', 'sad', 'set_null')$$,
	$$SELECT more.enum_retire('person', 'sad')$$,
	$$SELECT more.enum_restore('mood', 'sad')$$
]) AS statement, public.outcome(statement);
SET ROLE regress_more_other;
SELECT * FROM public.outcome($$SELECT more.enum_retire('"we ird".mood', 'sad')$$);
SET ROLE regress_more_owner;

-- in a transaction: what was done to rows, expressions and label is undone with it
BEGIN;
SELECT more.enum_retire('mood', 'sad', 'set_value', 'happy') > 0 AS retired;
SELECT * FROM more.enum_values('mood');
TABLE person ORDER BY id;
SELECT * FROM public.outcome($$INSERT INTO person VALUES (9, 'sad')$$);
INSERT INTO person (id) VALUES (4) RETURNING m;
SELECT id FROM sad_people ORDER BY id;
ROLLBACK;
SELECT * FROM more.enum_values('mood');
TABLE person ORDER BY id;
INSERT INTO person (id) VALUES (4) RETURNING m;
SELECT id FROM sad_people ORDER BY id;
SELECT count(*) FROM more.enum_history;
-- ... also with a savepoint
BEGIN;
SAVEPOINT before;
SELECT more.enum_retire('mood', 'sad', 'set_value', 'happy') > 0 AS retired;
ROLLBACK TO before;
INSERT INTO person VALUES (5, 'sad');
SELECT more.enum_retire('mood', 'it''s', 'cascade') > 0 AS retired;
COMMIT;
TABLE person ORDER BY id;
SELECT * FROM more.enum_values('mood');

-- two in one transaction, and one that is called twice
BEGIN;
SELECT more.enum_retire('mood', 'sad', 'set_value', 'happy') > 0 AS retired;
SELECT * FROM public.outcome($$SELECT more.enum_retire('mood', 'sad')$$);
SELECT more.enum_retire('mood', 'ok', 'set_value', 'happy') > 0 AS retired;
SELECT * FROM public.outcome($$SELECT more.enum_retire('mood', 'happy', 'set_null')$$);
COMMIT;
SELECT * FROM more.enum_values('mood');
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'listed';
SELECT pg_get_indexdef('sad_ones'::regclass), indisvalid FROM pg_index WHERE indexrelid = 'sad_ones'::regclass;
SET enable_seqscan = off;
SELECT id FROM person WHERE m = 'happy' ORDER BY id;
RESET enable_seqscan;
-- the label is free for a new value meanwhile
ALTER TYPE mood ADD VALUE 'sad' BEFORE 'happy';
INSERT INTO person VALUES (6, 'sad');
SELECT more.enum_retire('mood', 'sad', 'keep') > 0 AS retired;
SELECT * FROM more.enum_values('mood');
TABLE person ORDER BY id;
-- purged are those that nobody holds
CALL more.enum_purge('mood');
SELECT * FROM more.enum_values('mood');
SELECT action, arguments ->> 'label' AS label, state, rows_done FROM more.enum_history ORDER BY change;
CALL more.enum_purge('mood');
SELECT more.enum_restore('mood', 'sad');
TABLE person ORDER BY id;

-- rows that come between the retiring and the purge: by a label that nobody should know
SELECT more.enum_retire('mood', 'sad', 'set_value', 'happy') > 0 AS retired;
INSERT INTO person VALUES (7, 'pg_more:retired:1:sad');
CALL more.enum_purge('mood');
TABLE person ORDER BY id;
SELECT * FROM more.enum_values('mood');

-- long labels, and such as need quotes
DROP TABLE person CASCADE;
DROP TYPE mood;
CREATE TYPE lab AS ENUM ('', ' ', '{}', E'"\\', 'größergrößergrößergrößergrößergrößergrößer', 'pg_more:', 'last');
CREATE TABLE labs (id integer PRIMARY KEY, v lab, arr lab[]);
INSERT INTO labs SELECT i, (enum_range(NULL::lab))[i], ARRAY[(enum_range(NULL::lab))[i], NULL, 'last'] FROM generate_series(1, 7) AS i;
SELECT count(more.enum_retire('lab', l, 'set_value', 'last')) FROM unnest(enum_range(NULL::lab)) AS v, CAST(v AS text) AS l WHERE l <> 'last';
SELECT * FROM more.enum_values('lab');
TABLE labs ORDER BY id;
SELECT l, more.enum_restore('lab', l) FROM unnest(ARRAY['', ' ', '{}', E'"\\', 'größergrößergrößergrößergrößergrößergrößer', 'pg_more:']) AS l;
SELECT * FROM more.enum_values('lab');
SELECT *, v = (enum_range(NULL::lab))[id] AND arr[1] = v AS same FROM labs ORDER BY id;
SELECT count(more.enum_retire('lab', l, 'set_value', 'last')) FROM unnest(enum_range(NULL::lab)) AS v, CAST(v AS text) AS l WHERE l <> 'last';
CALL more.enum_purge('lab');
SELECT * FROM more.enum_values('lab');
DROP TABLE labs;
DROP TYPE lab;

-- deferred constraints are checked when they are due
CREATE TYPE d AS ENUM ('a', 'b', 'c');
CREATE TABLE parent (v d PRIMARY KEY);
CREATE TABLE child (id integer PRIMARY KEY, v d REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
INSERT INTO parent VALUES ('a'), ('b');
INSERT INTO child VALUES (1, 'a');
SELECT more.enum_on_delete('child', 'v', 'keep'), more.enum_on_delete('parent', 'v', 'set_value', 'c');
SELECT * FROM public.outcome($$SELECT more.enum_retire('d', 'a')$$);
SELECT more.enum_retire('d', 'a');
SELECT * FROM more.enum_values('d');
DROP TABLE child, parent;

-- a materialized view is its owner's to refresh
CREATE TABLE base (v d);
INSERT INTO base VALUES ('a');
CREATE MATERIALIZED VIEW view AS SELECT * FROM base;
SELECT more.enum_retire('d', 'a', 'cascade') > 0 AS retired;
TABLE view;
CALL more.enum_purge('d');
TABLE view;
SELECT * FROM more.enum_values('d');

RESET ROLE;
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA "we ird" CASCADE;
DROP OWNED BY regress_more_owner;
DROP ROLE regress_more_owner, regress_more_other;
