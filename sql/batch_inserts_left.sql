-- Rows that bulk_insert writes one by one: what runs between two rows might look at the table, though the functions that it names are the server's.
\set ECHO none
\i sql/include/setup.sql

CREATE FUNCTION ins(target regclass, data json) RETURNS bigint LANGUAGE sql SET client_min_messages = debug1
	AS 'SELECT more.bulk_insert(target, data::more.rowset)';
CREATE FUNCTION numbers(first integer, last integer) RETURNS json LANGUAGE sql
	AS 'SELECT json_agg(json_build_object(''id'', g, ''v'', ''v'' || g)) FROM generate_series(first, last) AS g';
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE SEQUENCE s;
CREATE TABLE copied (id integer, v text);
CREATE FUNCTION each_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO copied VALUES (new.id, new.v); RETURN NULL; END $$;

-- Conditions of triggers, which are computed after each row: one that counts the rows, one that takes numbers of the same sequence, one of the server's own
CREATE TABLE when_counted (id integer PRIMARY KEY, v text);
CREATE FUNCTION when_there() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM when_counted); END';
CREATE TRIGGER w AFTER INSERT ON when_counted FOR EACH ROW WHEN (when_there() <= 5) EXECUTE FUNCTION each_row();
TRUNCATE copied;
SELECT ins('when_counted', numbers(1, 30));
SELECT count(*) FROM copied;
CREATE TABLE when_numbered (id integer PRIMARY KEY, v text, n integer DEFAULT nextval('s'));
CREATE TRIGGER w AFTER INSERT ON when_numbered FOR EACH ROW WHEN (nextval('s') > 0) EXECUTE FUNCTION each_row();
SELECT ins('when_numbered', numbers(1, 30));
SELECT max(n) - min(n) FROM when_numbered;
CREATE TABLE when_plain (id integer PRIMARY KEY, v text);
CREATE TRIGGER w AFTER INSERT ON when_plain FOR EACH ROW WHEN (new.id > 10 AND lower(new.v) IS NOT NULL) EXECUTE FUNCTION each_row();
TRUNCATE copied;
SELECT ins('when_plain', numbers(1, 30));
SELECT count(*) FROM copied;

-- The server's functions that run a user's: a text as a composite, an array or JSON of a domain; a cast to JSON; the hash of a partition's key
CREATE TABLE told (id integer, v text, m mood DEFAULT 'ok', ms mood[]);
CREATE FUNCTION told_there() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM told); END';
CREATE DOMAIN few AS text CHECK (told_there() < 25);
CREATE TYPE one_few AS (x few);
CREATE FUNCTION mood_json(mood) RETURNS json LANGUAGE plpgsql AS 'BEGIN RETURN to_json(told_there()); END';
CREATE CAST (mood AS json) WITH FUNCTION mood_json(mood);
\set VERBOSITY terse
SELECT ins('told', numbers(1, 20));
ALTER TABLE told ADD CONSTRAINT c CHECK (('(' || v || ')')::one_few IS NOT NULL);
SELECT ins('told', numbers(21, 50));
ALTER TABLE told DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (('{' || v || '}')::few[] IS NOT NULL);
SELECT ins('told', numbers(21, 50));
ALTER TABLE told DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (jsonb_populate_record(NULL::one_few, jsonb_build_object('x', v)) IS NOT NULL);
SELECT ins('told', numbers(21, 50));
ALTER TABLE told DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (to_json(m)::text::integer < 25);
SELECT ins('told', numbers(21, 50));
ALTER TABLE told DROP CONSTRAINT c;
CREATE TABLE known (id integer, v text, x xid8 DEFAULT pg_current_xact_id_if_assigned());
SELECT ins('known', numbers(1, 30));
SELECT count(x) BETWEEN 29 AND 30 FROM known;
CREATE FUNCTION my_hash(text, bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT AS 'BEGIN RETURN told_there() * 2; END';
CREATE OPERATOR CLASS my_hashes FOR TYPE text USING hash AS OPERATOR 1 =, FUNCTION 2 my_hash(text, bigint);
CREATE TABLE f9 (id integer, v text) PARTITION BY HASH (v my_hashes); CREATE TABLE f9_0 PARTITION OF f9 FOR VALUES WITH (modulus 1, remainder 0);
SELECT ins('f9_0', numbers(1, 30));

-- Enums elsewhere, and arrays of them, do
ALTER TABLE told ADD CHECK (m <> 'sad' OR m::text = v);
SELECT ins('told', numbers(21, 50));
CREATE INDEX ON told (m);
SELECT ins('told', numbers(51, 80));
CREATE INDEX ON told (ms);
SELECT ins('told', numbers(81, 110));
ALTER TABLE told ADD CHECK (greatest(m, 'sad') >= 'sad' AND (id, v) > (0, '') AND (v || id) COLLATE "C" <> '' AND ms[1] IS NULL), ADD r float8 DEFAULT random();
SELECT ins('told', numbers(111, 140));
\set VERBOSITY default

-- A trigger that is before the statement may drop an index, which nothing has opened yet
CREATE TABLE unindexed (id integer PRIMARY KEY, v text);
CREATE INDEX unindexed_v ON unindexed (v);
CREATE FUNCTION drop_index() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DROP INDEX unindexed_v; RETURN NULL; END';
CREATE TRIGGER b BEFORE INSERT ON unindexed FOR EACH STATEMENT EXECUTE FUNCTION drop_index();
SELECT ins('unindexed', numbers(1, 30));
SELECT count(*) FROM unindexed WHERE id > 0;
