-- Rows that bulk_insert writes many at a time: where it does, a message of level debug1 says so; elsewhere the server's INSERT runs as it is.
\set ECHO none
\i sql/include/setup.sql

CREATE FUNCTION ins(target regclass, data json, on_conflict text DEFAULT 'error') RETURNS bigint LANGUAGE sql SET client_min_messages = debug1
	AS 'SELECT more.bulk_insert(target, data::more.rowset, on_conflict)';
-- rows of id and v, in another order than that of the keys
CREATE FUNCTION numbers(first integer, last integer) RETURNS json LANGUAGE sql
	AS 'SELECT json_agg(json_build_object(''id'', g, ''v'', ''v'' || g) ORDER BY md5(g::text)) FROM generate_series(first, last) AS g';

-- The rows are those of a plain INSERT, over several batches, and with batches off.
CREATE TABLE t (id integer PRIMARY KEY, v text);
SELECT ins('t', numbers(1, 2500));
SELECT count(*), count(DISTINCT id), min(id), max(id), bool_and(v = 'v' || id), count(DISTINCT cmin::text) AS commands FROM t;
SET pg_more.batch_inserts = off;
SELECT ins('t', numbers(2501, 2600));
RESET pg_more.batch_inserts;
SELECT count(*), bool_and(v = 'v' || id) FROM t;
-- few rows are not worth it
SELECT ins('t', numbers(3001, 3019)), ins('t', numbers(3020, 3039));
-- by the index, too
SET enable_seqscan = off; SET enable_bitmapscan = off;
SELECT count(*), min(id), max(id) FROM t WHERE id > 0;
RESET enable_seqscan; RESET enable_bitmapscan;
-- typed arrays; a function that counts
SET client_min_messages = debug1;
SELECT more.bulk_insert('t', more.rowset(ARRAY['id', 'v'], array_agg(g ORDER BY -g), array_agg('v' || g ORDER BY -g))) FROM generate_series(4001, 4030) AS g;
RESET client_min_messages;
BEGIN;
SELECT pg_stat_get_xact_tuples_inserted('t'::regclass) AS before \gset
SELECT ins('t', numbers(5001, 5100));
SELECT pg_stat_get_xact_tuples_inserted('t'::regclass) - :before AS counted;
SAVEPOINT s;
SELECT ins('t', numbers(6001, 6100));
ROLLBACK TO s;
SELECT count(*) FROM t WHERE id > 5000;
ROLLBACK;

-- Errors: nothing is inserted
SELECT count(*) FROM t;
SELECT ins('t', numbers(4030, 4060));
SELECT ins('t', (SELECT json_agg(json_build_object('id', CASE g WHEN 30 THEN 'x' ELSE (9000 - g)::text END, 'v', g)) FROM generate_series(1, 40) AS g));
SELECT ins('t', (SELECT json_agg(json_build_object('id', g / 2)) FROM generate_series(18001, 18040) AS g));
SELECT count(*) FROM t;

-- Defaults, identities, generated columns, modifiers, a dropped column, an enum, absent columns: as INSERT makes them
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE SEQUENCE s;
CREATE TABLE many (gone text, n integer DEFAULT nextval('s'), a integer, i bigint GENERATED ALWAYS AS IDENTITY, twice integer GENERATED ALWAYS AS (a * 2) STORED,
	c varchar(5) DEFAULT 'none' NOT NULL CHECK (c <> 'bad'), m mood DEFAULT 'ok', at timestamptz DEFAULT now(), u uuid DEFAULT gen_random_uuid() UNIQUE,
	b numeric(6, 2), l integer[], CONSTRAINT small CHECK (a + coalesce(twice, 0) < 1000));
ALTER TABLE many DROP COLUMN gone;
SELECT ins('many', (SELECT json_agg(CASE g % 3 WHEN 0 THEN json_build_object('a', g) WHEN 1 THEN json_build_object('a', g, 'c', 'c' || g, 'b', g / 7.0)
	ELSE json_build_object('a', g, 'm', 'sad', 'l', json_build_array(g, null)) END ORDER BY g DESC) FROM generate_series(1, 60) AS g));
SELECT n, a, i, twice, c, m, at = now() AS now, u IS NOT NULL AS u, b, l FROM many WHERE n <= 7 ORDER BY n;
SELECT count(*), count(DISTINCT n), count(DISTINCT i), count(DISTINCT u), bool_and(twice = 2 * a AND n = 61 - a AND i = n) FROM many;
\set VERBOSITY terse
SELECT ins('many', (SELECT json_agg(json_build_object('a', g, 'c', CASE g WHEN 25 THEN 'bad' ELSE 'ok' END)) FROM generate_series(1, 30) AS g));
SELECT ins('many', (SELECT json_agg(json_build_object('a', g)) FROM generate_series(310, 340) AS g));
SELECT ins('many', (SELECT json_agg(json_build_object('a', g, 'c', CASE WHEN g < 25 THEN 'ok' END)) FROM generate_series(1, 25) AS g));
SELECT ins('many', (SELECT json_agg(json_build_object('a', g, 'c', repeat('x', g - 20))) FROM generate_series(1, 30) AS g));
\set VERBOSITY default
SELECT count(*) FROM many;

-- Values that are moved out of line, and such that fill a batch by themselves
CREATE TABLE long (id integer PRIMARY KEY, v text, w text);
ALTER TABLE long ALTER w SET STORAGE external;
SELECT ins('long', (SELECT json_agg(json_build_object('id', g, 'v', repeat(md5(g::text), g * 10), 'w', repeat(md5(g::text), CASE WHEN g % 50 = 0 THEN 10000 ELSE g END))) FROM generate_series(1, 200) AS g));
SELECT count(*), bool_and(v = repeat(md5(id::text), id * 10) AND w = repeat(md5(id::text), CASE WHEN id % 50 = 0 THEN 10000 ELSE id END)) FROM long;

-- Unique and exclusion constraints, now and at the end
CREATE TABLE later (id integer, a integer UNIQUE DEFERRABLE INITIALLY DEFERRED, b integer UNIQUE DEFERRABLE, c integer, EXCLUDE USING hash (c WITH =));
SELECT ins('later', (SELECT json_agg(json_build_object('id', g, 'a', g, 'b', g, 'c', g)) FROM generate_series(1, 30) AS g));
BEGIN;
SELECT ins('later', (SELECT json_agg(json_build_object('id', g, 'a', g, 'b', g, 'c', g)) FROM (SELECT CASE g WHEN 35 THEN 5 ELSE g END AS a, g FROM generate_series(31, 60) AS g) AS x(a, g)));
SELECT ins('later', (SELECT json_agg(json_build_object('id', g, 'a', CASE g WHEN 75 THEN 5 ELSE g END, 'b', g, 'c', g)) FROM generate_series(61, 90) AS g));
COMMIT;
SELECT ins('later', (SELECT json_agg(json_build_object('a', g, 'b', CASE g WHEN 45 THEN 5 ELSE g END, 'c', g)) FROM generate_series(31, 60) AS g));
SELECT ins('later', (SELECT json_agg(json_build_object('a', g, 'b', g, 'c', CASE g WHEN 45 THEN 44 ELSE g END)) FROM generate_series(31, 60) AS g));
SELECT count(*) FROM later;

-- Foreign keys
CREATE TABLE child (id integer PRIMARY KEY, t integer REFERENCES t, d integer REFERENCES t DEFERRABLE INITIALLY DEFERRED);
SELECT ins('child', (SELECT json_agg(json_build_object('id', g, 't', g, 'd', g)) FROM generate_series(1, 30) AS g));
SELECT ins('child', (SELECT json_agg(json_build_object('id', g, 't', CASE g WHEN 55 THEN 7777 ELSE g END)) FROM generate_series(31, 60) AS g));
BEGIN;
SELECT ins('child', (SELECT json_agg(json_build_object('id', g, 'd', CASE g WHEN 55 THEN 7777 ELSE g END)) FROM generate_series(31, 60) AS g));
COMMIT;
SELECT count(*) FROM child;

-- Triggers: of the statement, after each row, with the new rows; one that inserts rows in batches itself
CREATE TABLE copied (id integer, v text, depth integer);
CREATE TABLE seen (id integer PRIMARY KEY, v text);
CREATE FUNCTION each_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO copied VALUES (new.id, new.v, pg_trigger_depth()); RETURN NULL; END $$;
CREATE FUNCTION each_statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO fired (what) VALUES (format('%s %s: %s rows, %s copied', tg_when, tg_level, (SELECT count(*) FROM seen), (SELECT count(*) FROM copied)));
	RETURN NULL; END $$;
CREATE FUNCTION new_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO fired (what) SELECT format('new: %s, from %s to %s', count(*), min(id), max(id)) FROM n;
	PERFORM more.bulk_insert('many', (SELECT json_agg(json_build_object('a', -id)) FROM n)::more.rowset);
	RETURN NULL; END $$;
CREATE TRIGGER a BEFORE INSERT ON seen FOR EACH STATEMENT EXECUTE FUNCTION each_statement();
CREATE TRIGGER b AFTER INSERT ON seen FOR EACH ROW WHEN (new.id % 10 = 0) EXECUTE FUNCTION each_row();
CREATE TRIGGER c AFTER INSERT ON seen FOR EACH STATEMENT EXECUTE FUNCTION each_statement();
CREATE TRIGGER d AFTER INSERT ON seen REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION new_rows();
SELECT ins('seen', numbers(1, 1500));
SELECT what FROM fired ORDER BY n;
SELECT count(*), min(id), max(id), bool_and(v = 'v' || id AND depth = 1) FROM copied;
SELECT count(*) FROM many WHERE a < 0;

-- Temporary and unlogged tables, partitions; a view, of which the table is written; rules
CREATE TEMP TABLE temporary (id integer PRIMARY KEY, v text);
CREATE UNLOGGED TABLE unlogged (id integer PRIMARY KEY, v text);
SELECT ins('temporary', numbers(1, 50)), ins('unlogged', numbers(1, 60));
CREATE TABLE parent (id integer PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE low PARTITION OF parent FOR VALUES FROM (0) TO (100);
CREATE TABLE high PARTITION OF parent FOR VALUES FROM (100) TO (1000);
SELECT ins('parent', numbers(90, 120));
SELECT ins('high', numbers(121, 150));
SELECT ins('high', numbers(80, 120));
SELECT tableoid::regclass, count(*), min(id), max(id) FROM parent GROUP BY 1 ORDER BY 1;
CREATE VIEW shown AS SELECT id, v FROM t;
SELECT ins('shown', numbers(10001, 10030));
CREATE VIEW checked AS SELECT id, v FROM t WHERE id < 20000 WITH CHECK OPTION;
SELECT ins('checked', numbers(11001, 11030));
SELECT ins('checked', numbers(19981, 20010));
CREATE TABLE ruled (id integer, v text);
CREATE TABLE logged (id integer, v text);
CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO logged VALUES (new.id, 'also');
SELECT ins('ruled', numbers(1, 30));
SELECT (SELECT count(*) FROM ruled), count(*), min(id), max(id) FROM logged;

-- Left to the server, row by row: what comes between two rows
CREATE TABLE before_row (id integer PRIMARY KEY, v text);
CREATE FUNCTION count_before() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.v := (SELECT count(*) FROM before_row); RETURN new; END $$;
CREATE TRIGGER b BEFORE INSERT ON before_row FOR EACH ROW EXECUTE FUNCTION count_before();
SELECT ins('before_row', numbers(1, 30));
SELECT bool_and(v::integer < 30), count(DISTINCT v) FROM before_row;
CREATE FUNCTION there() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM counted); END';
CREATE TABLE counted (id integer PRIMARY KEY, v text, n bigint DEFAULT there());
SELECT ins('counted', numbers(1, 30));
SELECT count(DISTINCT n), max(n) FROM counted;
CREATE TABLE limited (id integer PRIMARY KEY, v text);
CREATE FUNCTION room() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM limited) < 25; END';
ALTER TABLE limited ADD CHECK (room());
SELECT ins('limited', numbers(1, 25));
SELECT ins('limited', numbers(26, 60));
-- functions of users, whatever they say of themselves
CREATE FUNCTION mine(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS 'SELECT lower($1)';
CREATE FUNCTION mine_too(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN lower($1); END';
CREATE TABLE f1 (id integer, v text DEFAULT mine_too('A'), w text GENERATED ALWAYS AS (mine_too(v)) STORED);
CREATE TABLE f2 (id integer, v text); CREATE INDEX ON f2 (mine_too(v));
CREATE TABLE f3 (id integer, v text); CREATE INDEX ON f3 (v) WHERE mine_too(v) <> 'x';
CREATE TABLE f4 (id integer, v text) PARTITION BY LIST (mine_too(v)); CREATE TABLE f4_x PARTITION OF f4 FOR VALUES IN ('v');
CREATE DOMAIN posint AS integer CHECK (VALUE > 0);
CREATE TABLE f5 (id posint, v text);
CREATE TYPE pair AS (a integer, b posint);
CREATE TABLE f6 (id integer, v text, p pair);
SELECT ins('f1', numbers(1, 30)), ins('f2', numbers(1, 30)), ins('f3', numbers(1, 30)), ins('f5', numbers(1, 30)), ins('f6', numbers(1, 30));
CREATE OPERATOR CLASS my_text FOR TYPE text USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 bttextcmp(text, text);
CREATE TABLE f8 (id integer, v text); CREATE INDEX ON f8 (v my_text);
SELECT ins('f8', numbers(1, 30));
SELECT ins('f4_x', (SELECT json_agg(json_build_object('v', 'V')) FROM generate_series(1, 30)));
-- of the server they may be in all these places
CREATE TABLE f7 (id integer, v text CHECK (lower(v) <> 'bad'), w text GENERATED ALWAYS AS (upper(v)) STORED);
CREATE UNIQUE INDEX ON f7 (lower(v)) WHERE length(v) < 10;
CREATE INDEX ON f7 USING gin (to_tsvector('simple', v)); CREATE INDEX ON f7 USING brin (id); CREATE INDEX ON f7 USING hash (w);
SELECT ins('f7', numbers(1, 100));
SELECT count(*), bool_and(w = upper(v)), count(*) FILTER (WHERE to_tsvector('simple', v) @@ 'v77') FROM f7;
SELECT ins('f7', numbers(100, 130));
-- RETURNING and ON CONFLICT
SELECT ins('t', numbers(1, 30), 'ignore');
SET client_min_messages = debug1;
SELECT count(*) FROM more.bulk_insert_returning(NULL::t, numbers(12001, 12030)::more.rowset);
SELECT more.bulk_upsert('t', numbers(12001, 12060)::more.rowset);
RESET client_min_messages;

-- Privileges and row security are those of the INSERT
CREATE ROLE clerk;
CREATE TABLE private (id integer PRIMARY KEY, v text, secret text DEFAULT 'none');
GRANT INSERT (id, v) ON private TO clerk;
GRANT EXECUTE ON FUNCTION ins, numbers TO clerk;
SET ROLE clerk;
SELECT ins('private', numbers(1, 30));
SELECT ins('private', (SELECT json_agg(json_build_object('id', g, 'secret', 'x')) FROM generate_series(31, 60) AS g));
RESET ROLE;
ALTER TABLE private ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON private FOR INSERT TO clerk WITH CHECK (id < 100);
SET ROLE clerk;
SELECT ins('private', numbers(31, 60));
SELECT ins('private', numbers(61, 120));
RESET ROLE;
SELECT count(*), max(id), min(secret) FROM private;
DROP OWNED BY clerk; DROP ROLE clerk;

-- A call that is cancelled leaves nothing
CREATE TABLE stopped (id integer PRIMARY KEY, v text);
CREATE TABLE rows AS SELECT numbers(1, 300000)::text::more.rowset AS r;
SET statement_timeout = '60ms';
\set VERBOSITY terse
SELECT more.bulk_insert('stopped', r) FROM rows;
RESET statement_timeout;
SELECT count(*) FROM stopped;
