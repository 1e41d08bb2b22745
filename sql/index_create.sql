-- more.create_partial_index and more.partial_index_sql.
\set ECHO none
\i sql/include/setup.sql
\pset format unaligned
\pset tuples_only on
CREATE TABLE booking (
	id integer PRIMARY KEY, room integer NOT NULL, guest text, state text NOT NULL, cancelled boolean NOT NULL DEFAULT false,
	first date, last date, "Na me" text, data jsonb);
CREATE FUNCTION definition(index regclass) RETURNS text LANGUAGE sql AS 'SELECT pg_get_indexdef(index)';
\set ECHO all

-- created, with a name that says what it is
SELECT definition(more.create_partial_index('booking', '{room}', '{"state": "open"}'));
SELECT definition(more.create_partial_index('booking', '{room,guest}', '{"state": ["open", "held"], "cancelled": false}'));
SELECT definition(more.create_partial_index('booking', '{guest}', '{"first": null}'::jsonb, is_unique => true));
SELECT definition(more.create_partial_index('booking', '{first}', 'last > first AND state <> ''done''', method => 'brin'));
SELECT definition(more.create_partial_index('booking', '{data}', '{"data": {"kind": {"_in": ["a", "b"]}}}', method => 'gin'));
SELECT definition(more.create_partial_index('booking', '{Na me}', '{"Na me": {"_starts_with": "50%"}}', name => 'My "index"'));
-- expressions, collations, operator classes, orders, included columns
SELECT definition(more.create_partial_index('booking', ARRAY['lower(guest) text_pattern_ops', '(room % 10) DESC NULLS LAST', '"Na me" COLLATE "C" DESC'],
	'{"cancelled": false}', include => '{last,Na me}'));
SELECT definition(more.create_partial_index('booking', ARRAY['data jsonb_path_ops'], '{"cancelled": true}', method => 'gin'));
SELECT definition(more.create_partial_index('booking', ARRAY['guest', 'room DESC'], '{"last": null}', is_unique => true, nulls_not_distinct => true));

-- an index that does the same is found, whatever its text
SELECT outcome($$SELECT more.create_partial_index('booking', '{room}', '{"state": "open"}')$$);
SELECT more.create_partial_index('booking', '{room}', 'state IN (''open'')', if_not_exists => true);
SELECT more.create_partial_index('booking', '{guest}', 'NOT (first IS NOT NULL)', is_unique => true, if_not_exists => true, name => 'other');
SELECT more.create_partial_index('booking', ARRAY['"room"', '(guest)'], 'NOT cancelled AND (state = ''held'' OR state = ''open'')', if_not_exists => true);
SELECT more.create_partial_index('booking', ARRAY['lower(guest) text_pattern_ops ASC', '(room % 10) DESC NULLS LAST', '("Na me" COLLATE "C") DESC NULLS FIRST'],
	'cancelled IS FALSE', include => '{Na me,last}', if_not_exists => true);
CREATE INDEX by_hand ON booking (last) WHERE 10 < room;
SELECT more.create_partial_index('booking', '{last}', '{"room__gt": 10}', if_not_exists => true);
-- one that does not is not
SELECT more.create_partial_index('booking', '{room}', '{"state": "open"}', is_unique => true, if_not_exists => true);
SELECT more.create_partial_index('booking', ARRAY['room DESC'], '{"state": "open"}', if_not_exists => true);
SELECT more.create_partial_index('booking', '{room}', '{"state": "open"}', include => '{last}', if_not_exists => true);
SELECT more.create_partial_index('booking', '{room}', '{"state": "open"}', method => 'hash', if_not_exists => true);
SELECT more.create_partial_index('booking', '{guest}', '{"state": "open"}', if_not_exists => true);
SELECT more.create_partial_index('booking', ARRAY['guest text_pattern_ops'], '{"state": "open"}', if_not_exists => true);
SELECT more.create_partial_index('booking', ARRAY['guest COLLATE "C"'], '{"state": "open"}', if_not_exists => true);
SELECT more.create_partial_index('booking', '{guest,room}', '{"last": null}', is_unique => true, if_not_exists => true);
SELECT more.create_partial_index('booking', '{room}', '{"state": {"_in": ["open", "held"]}}', if_not_exists => true);
SELECT more.create_partial_index('booking', '{room}', '{"state": "open", "room__gt": 5}', if_not_exists => true);
-- a name that something else has
SELECT outcome($$SELECT more.create_partial_index('booking', '{id}', '{"state": "open"}', name => 'by_hand', if_not_exists => true)$$);
SELECT outcome($$SELECT more.create_partial_index('booking', '{id}', '{"state": "open"}', name => 'booking')$$);

-- names: 63 bytes at most, whole characters, another one for another condition, the same one again
CREATE TABLE "Überlange Tabelle mit einem Namen, der nicht enden will, äöü" ("Straße der Ärzte" text, "Größe" integer);
SELECT i, octet_length(i::name::text) <= 63, convert_to(i::name::text, 'UTF8') IS NOT NULL FROM (
	SELECT more.create_partial_index('"Überlange Tabelle mit einem Namen, der nicht enden will, äöü"', ARRAY['Straße der Ärzte'],
		jsonb_build_object('Straße der Ärzte', repeat('ö', n))) AS i FROM generate_series(30, 33) AS n) AS made ORDER BY i::text;
SELECT more.create_partial_index('booking', '{id}', '{"state": "a"}') AS name \gset
DROP INDEX :name;
SET datestyle = 'SQL, DMY';
SET search_path = pg_catalog;
SELECT more.create_partial_index('public.booking', '{id}', '{"state": "a"}') = ('public.' || :'name')::regclass AS the_same_again;
RESET search_path;
RESET datestyle;
SELECT more.create_partial_index('booking', '{id}', format('{"guest": %s}', to_json(v)))
FROM (VALUES (''), (''''), ('a b'), ('A-B'), ('"; DROP TABLE booking; --'), ('日本')) AS t (v);
-- the same name in the way
CREATE TABLE taken (k integer, v integer);
SELECT more.create_partial_index('taken', '{k}', '{"v": 1}') AS name \gset
DROP INDEX :name;
CREATE VIEW :name AS SELECT 1;
SELECT more.create_partial_index('taken', '{k}', '{"v": 1}');

-- what it costs a writer: each is unique under its condition only, NULLs are distinct unless said otherwise
CREATE TABLE product (id serial PRIMARY KEY, name text, color text, size integer, deleted_at date, draft boolean NOT NULL DEFAULT false);
SELECT more.create_partial_index('product', '{name}', '{"deleted_at": null}', is_unique => true, name => 'product_live');
SELECT more.create_partial_index('product', '{name,color}', '{"draft": false, "size__gt": 10}', is_unique => true, nulls_not_distinct => true, name => 'product_large');
INSERT INTO product (name, deleted_at) VALUES ('a', NULL), ('a', '2024-01-01'), ('a', '2024-01-02'), (NULL, NULL), (NULL, NULL);
SELECT outcome('INSERT INTO product (name) VALUES (''a'')');
SELECT outcome('UPDATE product SET deleted_at = NULL WHERE deleted_at = ''2024-01-02''');
INSERT INTO product (name, color, size, deleted_at) VALUES ('b', NULL, 11, '2024-01-01'), ('b', NULL, 10, '2024-01-01'), ('b', 'red', 11, '2024-01-01');
SELECT outcome('INSERT INTO product (name, size, deleted_at) VALUES (''b'', 12, ''2024-01-01'')');
SELECT outcome('INSERT INTO product (name, size, deleted_at, draft) VALUES (''b'', 12, ''2024-01-01'', true)');
-- rows that break it already: the server's own error
SELECT outcome($$SELECT more.create_partial_index('product', '{name}', '{"name": {"_ne": "b"}}', is_unique => true, name => 'product_name')$$);
SELECT to_regclass('product_name');
-- the planner uses it
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM product WHERE name = 'a' AND deleted_at IS NULL;
RESET enable_seqscan;

-- the statement, for where it may run
SELECT more.partial_index_sql('booking', '{guest}', '{"state": "closed"}');
SELECT more.partial_index_sql('booking', '{guest}', '{"state": "closed"}', concurrently => NULL);
SELECT more.partial_index_sql('booking', ARRAY['lower(guest) text_pattern_ops DESC NULLS LAST', 'Na me'], '{"first": {"_gte": "2024-01-01"}}', is_unique => true,
	name => 'Q"', include => '{Na me}', if_not_exists => true, nulls_not_distinct => true, concurrently => false);
SELECT more.partial_index_sql('booking', '{guest}', '{"state": "closed"}', if_not_exists => true) \gexec
SELECT more.partial_index_sql('booking', '{guest}', 'state = ''closed''', if_not_exists => true) \gexec
SELECT more.partial_index_sql('booking', '{guest}', 'state = ''closed''', if_not_exists => true) IS NULL;
SELECT outcome($$SELECT more.partial_index_sql('booking', '{guest}', '{"state": "closed"}')$$);
-- a build that failed leaves an index that does nothing
SELECT more.partial_index_sql('product', '{name}', '{"name": {"_ne": "b"}}', is_unique => true, name => 'product_broken') \gexec
SELECT outcome($$SELECT more.partial_index_sql('product', '{name}', '{"name": {"_ne": "b"}}', is_unique => true, if_not_exists => true)$$);
SELECT outcome($$SELECT more.create_partial_index('product', '{name}', 'name <> ''b''', is_unique => true)$$);
DROP INDEX product_broken;

-- partitioned tables, materialized views, temporary tables
CREATE TABLE parts (k integer, v text) PARTITION BY LIST (k);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
SELECT more.create_partial_index('parts', '{v}', '{"v": {"_ne": ""}}', name => 'parts_v');
SELECT definition('parts_v');
SELECT definition(inhrelid::regclass) FROM pg_inherits WHERE inhparent = 'parts_v'::regclass;
SELECT more.create_partial_index('parts', '{v}', 'v != ''''', if_not_exists => true);
SELECT more.create_partial_index('parts_1', '{v}', 'v != ''''', if_not_exists => true);
SELECT left(outcome, 5) FROM outcome($$SELECT more.create_partial_index('parts', '{v}', '{"k": 1}', is_unique => true)$$) LIMIT 1;
SELECT outcome($$SELECT more.partial_index_sql('parts', '{v}', '{"k": 1}')$$);
SELECT more.partial_index_sql('parts', '{v}', '{"k": 1}', concurrently => false);
CREATE MATERIALIZED VIEW stock AS SELECT name, count(*) FROM product GROUP BY name;
SELECT more.create_partial_index('stock', '{name}', '{"count": {"_gt": 1}}', is_unique => true);
CREATE TEMP TABLE mine (k integer, v integer);
SELECT more.create_partial_index('mine', '{k}', '{"v": 1}') IS NOT NULL;

-- event triggers and the log see a CREATE INDEX
CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
		RAISE NOTICE '%: % %', tg_tag, r.command_tag, r.object_identity;
	END LOOP;
END $$;
CREATE EVENT TRIGGER regress_more_ddl ON ddl_command_end EXECUTE FUNCTION note_ddl();
SET compute_query_id = on;
SELECT more.create_partial_index('taken', '{v}', '{"k": 1}', name => 'seen');
RESET compute_query_id;
DROP EVENT TRIGGER regress_more_ddl;

-- in functions, transactions and with NULLs in the arguments
BEGIN;
SELECT more.create_partial_index('taken', '{v}', '{"k": 2}', name => 'gone', method => NULL, is_unique => NULL, if_not_exists => NULL);
ROLLBACK;
SELECT to_regclass('gone');
BEGIN READ ONLY;
SELECT more.create_partial_index('taken', '{v}', '{"k": 2}');
ROLLBACK;

-- refused
SELECT outcome($$SELECT more.create_partial_index(NULL, '{v}', '{"k": 2}')$$);
SELECT outcome($$SELECT more.create_partial_index('taken', NULL, '{"k": 2}')$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{}', '{"k": 2}')$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v,NULL}', '{"k": 2}')$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', NULL::text)$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', '{}')$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', 'true OR k = 1')$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', '{"k": []}')$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{vv}', '{"k": 1}')$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', '{"kk": 1}')$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', '{"k": "x"}')$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', '{"k": 1}', include => '{vv}')$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', '{"k": 1}', include => '{(v + 1)}')$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', '{"k": 1}', method => 'btre')$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', '{"k": 1}', method => 'hash', is_unique => true)$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', '{"k": 1}', nulls_not_distinct => true)$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', '{"k": 1}', name => '')$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', '{"k": 1}', name => repeat('x', 64))$$);
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', 'k > random()')$$);
SELECT outcome($$SELECT more.create_partial_index('booking', '{id}', 'first > current_date')$$);
SELECT outcome($$SELECT more.create_partial_index('booking', '{id}', 'id IN (SELECT 1)')$$);
SELECT outcome($$SELECT more.create_partial_index('booking', '{(random())}', '{"id": 1}')$$);
SELECT outcome($$SELECT more.create_partial_index('pg_class', '{relname}', '{"relname": "x"}')$$);
CREATE VIEW live AS SELECT * FROM product;
SELECT outcome($$SELECT more.create_partial_index('live', '{name}', '{"name": "x"}')$$);
-- one column each, and nothing else
SELECT outcome(format('SELECT more.create_partial_index(''taken'', ARRAY[%L], ''{"k": 1}'')', t))
FROM unnest(ARRAY['v, k', 'v) WHERE (true', 'v) INCLUDE (k', 'v) TABLESPACE pg_default --', 'v); DROP TABLE taken; --', 'lower(', '', 'v + 1', 'abs(vv)', '(SELECT 1)', 'v nope_ops']) AS t;
SELECT count(*) FROM taken;

-- rights: the owner's, and to read the columns of the condition
CREATE ROLE regress_more_other;
GRANT SELECT ON taken TO regress_more_other;
SET ROLE regress_more_other;
SELECT outcome($$SELECT more.create_partial_index('taken', '{v}', '{"k": 3}')$$);
SELECT more.partial_index_sql('taken', '{v}', '{"k": 3}');
SELECT outcome($$SELECT more.partial_index_sql('booking', '{id}', '{"id": 3}')$$);
RESET ROLE;
REVOKE ALL ON taken FROM regress_more_other;
-- what an index of somebody else calls runs as its owner, not as who looks at it
GRANT CREATE ON SCHEMA public TO regress_more_other;
SET ROLE regress_more_other;
CREATE TABLE trap (k integer, v integer);
CREATE FUNCTION who(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
	IF current_user <> 'regress_more_other' THEN RAISE 'runs as %', current_user; END IF;
	RETURN $1;
END $$;
CREATE INDEX trap_index ON trap (v) WHERE k = who(1);
RESET ROLE;
\c -
SELECT more.create_partial_index('trap', '{v}', '{"k": 5}', name => 'trap_other');
SELECT index, redundant_to FROM more.partial_indexes('trap');
DROP TABLE trap;
DROP FUNCTION who;
REVOKE CREATE ON SCHEMA public FROM regress_more_other;
DROP ROLE regress_more_other;
