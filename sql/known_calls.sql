-- What a call came to is kept for the next like it: whatever changes between two calls, the second does as if it were the first.
\set ECHO none
\i sql/include/setup.sql

-- calls that have much in common, in turns: each does what it does alone
CREATE TABLE acc (id integer PRIMARY KEY, a integer DEFAULT 7, b text);
SELECT more.bulk_insert('acc', '[{"id":1,"a":1},{"id":2,"a":2}]');
SELECT more.bulk_insert('acc', '[{"id":2,"a":0},{"id":3,"a":3}]', on_conflict => 'ignore');
SELECT more.bulk_insert('acc', '[{"id":2,"a":0},{"id":4,"a":4}]');
SELECT more.bulk_update('acc', '[{"id":1,"a":10},{"id":9,"a":90}]');
SELECT more.bulk_upsert('acc', '[{"id":1,"a":11},{"id":4,"a":40}]');
SELECT more.bulk_delete('acc', '[{"id":2,"a":11},{"id":9,"a":1}]');
SELECT more.bulk_delete('acc', '[{"id":1,"a":3},{"id":1,"a":40}]', key => '{a}');
SELECT more.bulk_delete('acc', '[{"id":1,"a":3},{"id":1,"a":40}]');
SELECT * FROM acc ORDER BY id;
SELECT more.bulk_update('acc', '[{"id":1,"a":12},{"id":9,"a":90}]', missing => 'error');
SELECT more.bulk_update('acc', '[{"id":1,"a":12},{"id":1,"a":13}]', match => 'target.id = data.id AND data.a = 13');
SELECT more.bulk_update('acc', '[{"id":1,"a":14},{"id":9,"a":90}]', set => '{a = target.a + data.a}');
SELECT more.bulk_update('acc', '[{"id":1,"a":27},{"id":9,"a":90}]', skip_unchanged => true);
SELECT more.bulk_upsert('acc', '[{"id":1,"a":27},{"id":9,"a":90}]', skip_unchanged => true);
SELECT more.bulk_upsert('acc', '[{"id":1,"a":28},{"id":9,"a":91}]', set => '{a = -1}');
SELECT * FROM more.bulk_upsert_returning(NULL::acc, '[{"id":1,"a":29},{"id":9,"a":92}]');
SELECT * FROM more.bulk_delete_returning(NULL::acc, '[{"id":7,"a":29},{"id":9,"a":92}]');
SELECT more.bulk_update('acc', '[]');
SELECT more.bulk_update('acc', '[{},{}]');
SELECT more.bulk_insert('acc', '[{},{}]');
SELECT * FROM acc ORDER BY id;

-- rows that lack a column, and rows that have it
SELECT more.bulk_update('acc', '[{"id":1,"a":1,"b":"x"},{"id":4,"a":4,"b":"y"}]');
SELECT more.bulk_insert('acc', '[{"id":5,"a":5,"b":"z"},{"id":6,"a":6,"b":null}]');
SELECT more.bulk_update('acc', '[{"id":1,"a":2},{"id":5,"a":6,"b":"z2"}]');
SELECT more.bulk_insert('acc', '[{"id":8,"a":8,"b":"w"},{"id":7,"b":"v"}]');
SELECT * FROM acc ORDER BY id;
SELECT more.bulk_upsert('acc', '[{"id":1,"a":3,"b":"u"},{"id":10,"a":10,"b":"u"}]');
SELECT more.bulk_upsert('acc', '[{"id":1,"a":4},{"id":11,"a":11,"b":"u"}]');
SELECT more.bulk_upsert('acc', '[{"id":1,"b":"t","a":5},{"b":"t","a":12,"id":12}]');
SELECT * FROM acc ORDER BY id;

-- arrays of other types
SELECT more.bulk_update('acc', more.rowset('{id,a}', '{1,5}'::integer[], '{6,7}'::integer[]));
SELECT more.bulk_update('acc', more.rowset('{id,a}', '{1,5}'::bigint[], '{8,9}'::text[]));
SELECT more.bulk_update('acc', more.rowset('{id,a}', '{1.5,5}'::numeric[], '{10.4,11}'::numeric[]));
SELECT more.bulk_update('acc', more.rowset('{id,a}', '{1,5}'::text[], '{12,x}'::text[]));
SELECT more.bulk_update('acc', more.rowset('{id,a}', '{1,5}'::integer[], '{13,14}'::smallint[]));
SELECT * FROM acc ORDER BY id;

-- one row and more, in either form
SET pg_more.rows_source = 'relation';
SELECT more.bulk_insert('acc', '[{"id":20}]');
SELECT more.bulk_insert('acc', '[{"id":21},{"id":21}]');
SELECT more.bulk_insert('acc', '[{"id":20}]');
SELECT more.bulk_insert('acc', '[{"id":20},{"id":22},{"id":22}]', on_conflict => 'ignore');
SELECT more.bulk_insert('acc', '[{"id":20}]', on_conflict => 'ignore');
RESET pg_more.rows_source;
SELECT more.bulk_insert('acc', '[{"id":23}]');
SELECT more.bulk_insert('acc', '[{"id":23}]');
SET pg_more.rows_source = 'arrays';
SELECT more.bulk_insert('acc', '[{"id":24}]');
SELECT more.bulk_insert('acc', '[{"id":25},{"id":26}]');
RESET pg_more.rows_source;
SELECT more.bulk_insert('acc', '[{"id":24}]', on_conflict => 'ignore');
SELECT count(*), sum(id), sum(a) FROM acc;

-- few rows and many, in order and not, with one first column of the key for all and with many
CREATE TABLE pair (x integer, y integer, v integer, PRIMARY KEY (x, y));
SELECT more.bulk_insert('pair', jsonb_agg(jsonb_build_object('x', 1, 'y', i, 'v', 0))::text::more.rowset) FROM generate_series(1, 3000) AS i;
SELECT more.bulk_insert('pair', jsonb_agg(jsonb_build_object('x', i, 'y', 1, 'v', 0))::text::more.rowset) FROM generate_series(2, 3) AS i;
SELECT more.bulk_insert('pair', jsonb_agg(jsonb_build_object('x', 5 - i, 'y', i, 'v', 0))::text::more.rowset) FROM generate_series(2, 3) AS i;
SELECT more.bulk_insert('pair', jsonb_agg(jsonb_build_object('x', i, 'y', 4, 'v', 0) ORDER BY i DESC)::text::more.rowset) FROM generate_series(1001, 3000) AS i;
SELECT more.bulk_update('pair', jsonb_agg(jsonb_build_object('x', 1, 'y', i, 'v', i) ORDER BY i DESC)::text::more.rowset) FROM generate_series(1, 3000) AS i;
SELECT more.bulk_update('pair', jsonb_agg(jsonb_build_object('x', i, 'y', 4, 'v', i))::text::more.rowset) FROM generate_series(1001, 3000) AS i;
SELECT more.bulk_update('pair', '[{"x":3,"y":1,"v":31},{"x":2,"y":1,"v":21}]');
SELECT more.bulk_update('pair', jsonb_agg(jsonb_build_object('x', 1, 'y', i, 'v', i + 1))::text::more.rowset) FROM generate_series(1, 3000) AS i;
SELECT count(*), sum(v), sum(v * y) FROM pair;

-- the table changes
TRUNCATE acc;
SELECT more.bulk_insert('acc', '[{"id":1,"a":1},{"id":2,"a":2}]');
SELECT more.bulk_update('acc', '[{"id":1,"a":1},{"id":2,"a":2}]');
SELECT more.bulk_update('acc', '[{"id":1,"a":1}]');
ALTER TABLE acc RENAME a TO c;
SELECT more.bulk_update('acc', '[{"id":1,"a":1},{"id":2,"a":2}]');
SELECT more.bulk_update('acc', '[{"id":1,"a":1}]');
ALTER TABLE acc RENAME c TO a;
ALTER TABLE acc ALTER a TYPE text;
SELECT more.bulk_update('acc', '[{"id":1,"a":"x"},{"id":2,"a":"y"}]');
SELECT more.bulk_update('acc', '[{"id":1,"a":"xx"}]');
ALTER TABLE acc RENAME TO acc2;
CREATE TABLE acc (id integer PRIMARY KEY, a text, b text);
SELECT more.bulk_update('acc', '[{"id":1,"a":"v"},{"id":2,"a":"w"}]');
SELECT more.bulk_update('acc2', '[{"id":1,"a":"v"},{"id":2,"a":"w"}]');
DROP TABLE acc;
ALTER TABLE acc2 RENAME TO acc;
SELECT more.bulk_update('acc', '[{"id":1,"a":"v2"},{"id":2,"a":"w2"}]');
SELECT * FROM acc ORDER BY id;
-- its key
SELECT more.bulk_delete('acc', '[{"id":1,"a":"w2"}]');
SELECT more.bulk_insert('acc', '[{"id":1,"a":"v2"}]');
SELECT more.bulk_update('acc', '[{"id":3,"a":"v2"},{"id":4,"a":"w2"}]');
ALTER TABLE acc DROP CONSTRAINT acc_pkey;
SELECT more.bulk_update('acc', '[{"id":3,"a":"v2"},{"id":4,"a":"w2"}]');
ALTER TABLE acc ADD PRIMARY KEY (a);
SELECT more.bulk_update('acc', '[{"id":3,"a":"v2"},{"id":4,"a":"w2"}]');
SELECT more.bulk_delete('acc', '[{"id":4,"a":"v2"},{"id":3,"a":"w3"}]');
SELECT * FROM acc ORDER BY id;
-- and back
BEGIN;
ALTER TABLE acc DROP CONSTRAINT acc_pkey, ALTER a TYPE integer USING 5;
ALTER TABLE acc ADD PRIMARY KEY (id);
SELECT more.bulk_update('acc', '[{"id":4,"a":1},{"id":3,"a":2}]');
SAVEPOINT s;
ALTER TABLE acc ALTER a TYPE numeric(5,1);
SELECT more.bulk_update('acc', '[{"id":4,"a":1.25},{"id":3,"a":2.5}]');
SELECT * FROM acc ORDER BY id;
ROLLBACK TO s;
SELECT more.bulk_update('acc', '[{"id":4,"a":1.25},{"id":3,"a":2.5}]');
ROLLBACK;
SELECT more.bulk_update('acc', '[{"id":5,"a":"w2"},{"id":3,"a":"w3"}]');
SELECT * FROM acc ORDER BY id;
DROP TABLE acc;

-- the order in which rows go in
CREATE SEQUENCE seq;
CREATE FUNCTION number() RETURNS integer STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN nextval('seq'); END $$;
CREATE DOMAIN num AS integer;
CREATE TABLE ord (id integer PRIMARY KEY, n integer DEFAULT number(), d num);
SELECT more.bulk_insert('ord', '[{"id":2},{"id":1}]');
ALTER FUNCTION number() VOLATILE;
SELECT more.bulk_insert('ord', '[{"id":4},{"id":3}]');
ALTER TABLE ord ALTER n SET DEFAULT 0;
SELECT more.bulk_insert('ord', '[{"id":6},{"id":5}]');
ALTER DOMAIN num SET DEFAULT nextval('seq');
SELECT more.bulk_insert('ord', '[{"id":8},{"id":7}]');
ALTER DOMAIN num DROP DEFAULT;
SELECT more.bulk_insert('ord', '[{"id":10},{"id":9}]');
ALTER TABLE ord ALTER n SET DEFAULT nextval('seq');
SELECT more.bulk_insert('ord', '[{"id":12},{"id":11}]');
SELECT * FROM ord ORDER BY id;
-- through a view
CREATE VIEW ordv AS SELECT id, n FROM ord;
SELECT more.bulk_insert('ordv', '[{"id":14},{"id":13}]');
SELECT more.bulk_update('ordv', '[{"id":14,"n":-14},{"id":13,"n":-13}]', key => '{id}');
CREATE OR REPLACE VIEW ordv AS SELECT id, n FROM ord WHERE id > 13;
SELECT more.bulk_update('ordv', '[{"id":14,"n":-15},{"id":13,"n":-15}]', key => '{id}');
CREATE RULE upd AS ON UPDATE TO ordv DO INSTEAD NOTHING;
SELECT more.bulk_update('ordv', '[{"id":14,"n":-16},{"id":13,"n":-16}]', key => '{id}');
DROP RULE upd ON ordv;
DROP VIEW ordv;
CREATE VIEW ordv AS SELECT id + 100 AS id, n FROM ord;
SELECT more.bulk_update('ordv', '[{"id":114,"n":-17}]', key => '{id}');
SELECT * FROM ord WHERE id > 12 ORDER BY id;
DROP TABLE ord CASCADE;

-- a trigger gives other keys, on the table or on a partition
CREATE FUNCTION rekey() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.id := nextval('seq'); RETURN new; END $$;
CREATE TABLE trg (id integer PRIMARY KEY, v integer);
CREATE TABLE part (id integer, v integer, PRIMARY KEY (id, v)) PARTITION BY LIST (v);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 (LIKE part);
SELECT setval('seq', 1000);
SELECT more.bulk_insert('trg', '[{"id":1,"v":1},{"id":1,"v":1}]');
SELECT more.bulk_insert('trg', '[{"id":1,"v":1},{"id":2,"v":1}]');
SELECT more.bulk_insert('part', '[{"id":2,"v":1},{"id":1,"v":1}]');
CREATE TRIGGER rekey BEFORE INSERT ON trg FOR EACH ROW EXECUTE FUNCTION rekey();
CREATE TRIGGER rekey BEFORE INSERT ON part_2 FOR EACH ROW EXECUTE FUNCTION rekey();
SELECT more.bulk_insert('trg', '[{"id":1,"v":1},{"id":1,"v":1}]');
SELECT more.bulk_insert('part', '[{"id":1,"v":2},{"id":1,"v":2}]');
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES IN (2);
SELECT more.bulk_insert('part', '[{"id":1,"v":2},{"id":1,"v":2}]');
ALTER TABLE part DETACH PARTITION part_2;
SELECT more.bulk_insert('part', '[{"id":3,"v":1},{"id":3,"v":1}]');
DROP TRIGGER rekey ON trg;
SELECT more.bulk_insert('trg', '[{"id":1,"v":1},{"id":1,"v":1}]');
SELECT * FROM trg ORDER BY id;
SELECT * FROM part ORDER BY id;
SELECT * FROM part_2 ORDER BY id;
DROP TABLE trg, part, part_2;

-- An upsert of rows that exist leaves no trace of an insert, whatever has become of the table.
CREATE TABLE ups (id integer PRIMARY KEY, a integer, b integer);
INSERT INTO ups VALUES (1, 1, 1), (2, 2, 2);
CREATE PROCEDURE try() LANGUAGE plpgsql AS $$
DECLARE
	before bigint := (SELECT last_value FROM seq);
BEGIN
	UPDATE ups SET a = 0;
	RAISE NOTICE 'upsert: %', more.bulk_upsert('ups', '[{"id":1,"a":1},{"id":2,"a":2}]');
	RAISE NOTICE 'upsert: %', more.bulk_upsert('ups', '[{"id":1,"a":3}]');
	RAISE NOTICE 'rows: %, values used: %', (SELECT array_agg(u ORDER BY id) FROM ups AS u), (SELECT last_value FROM seq) - before;
END $$;
CALL try();
ALTER TABLE ups ALTER b SET NOT NULL;
CALL try();
ALTER TABLE ups ALTER b DROP NOT NULL;
CALL try();
ALTER TABLE ups ADD CHECK (b > 0 AND b IS NOT NULL);
CALL try();
ALTER TABLE ups DROP CONSTRAINT ups_b_check;
CALL try();
ALTER TABLE ups ALTER b SET DEFAULT nextval('seq');
CALL try();
ALTER TABLE ups ALTER b DROP DEFAULT;
CALL try();
ALTER TABLE ups ADD g integer GENERATED ALWAYS AS (1 / b) STORED;
CALL try();
ALTER TABLE ups DROP g;
CALL try();
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '% %', tg_op, new; RETURN new; END $$;
CREATE TRIGGER tell BEFORE INSERT ON ups FOR EACH ROW EXECUTE FUNCTION tell();
CALL try();
DROP TRIGGER tell ON ups;
CALL try();
CREATE TABLE child () INHERITS (ups);
UPDATE ups SET id = 3 WHERE id = 2;
INSERT INTO child VALUES (2, 2, 2);
CALL try();
DROP TABLE child;
ANALYZE ups;
CALL try();
ALTER TABLE ups DROP CONSTRAINT ups_pkey, ADD PRIMARY KEY (id) DEFERRABLE;
CALL try();
ALTER TABLE ups DROP CONSTRAINT ups_pkey;
CALL try();
ALTER TABLE ups ADD PRIMARY KEY (id);
CALL try();
SELECT pg_typeof(b) FROM ups LIMIT 1;
-- A cast that gives a type's default its length.
SET client_min_messages = warning;
CREATE TYPE vc;
CREATE FUNCTION vc_in(cstring, oid, integer) RETURNS vc IMMUTABLE STRICT LANGUAGE internal AS 'varcharin';
CREATE FUNCTION vc_out(vc) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'varcharout';
CREATE TYPE vc (INPUT = vc_in, OUTPUT = vc_out, TYPMOD_IN = varchartypmodin, TYPMOD_OUT = varchartypmodout, LIKE = varchar, DEFAULT = 'abc');
RESET client_min_messages;
CREATE FUNCTION vc_length(vc, integer, boolean) RETURNS vc LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'given a length of %', $2 - 4; RETURN $1; END $$;
ALTER TABLE ups ADD v vc(3);
CALL try();
CREATE CAST (vc AS vc) WITH FUNCTION vc_length(vc, integer, boolean);
CALL try();
SELECT more.bulk_upsert('ups', '[{"id":4,"a":3}]');
DROP CAST (vc AS vc);
CALL try();
SELECT more.bulk_upsert('ups', '[{"id":5,"a":3}]');
DROP TABLE ups;
DROP PROCEDURE try;

-- names of what the target is in, and of what its columns are of
CREATE SCHEMA s;
CREATE TYPE s.k AS (x integer);
CREATE FUNCTION s.lt(s.k, s.k) RETURNS boolean IMMUTABLE STRICT LANGUAGE internal AS 'record_lt';
CREATE FUNCTION s.le(s.k, s.k) RETURNS boolean IMMUTABLE STRICT LANGUAGE internal AS 'record_le';
CREATE FUNCTION s.eq(s.k, s.k) RETURNS boolean IMMUTABLE STRICT LANGUAGE internal AS 'record_eq';
CREATE FUNCTION s.ge(s.k, s.k) RETURNS boolean IMMUTABLE STRICT LANGUAGE internal AS 'record_ge';
CREATE FUNCTION s.gt(s.k, s.k) RETURNS boolean IMMUTABLE STRICT LANGUAGE internal AS 'record_gt';
CREATE FUNCTION s.cmp(s.k, s.k) RETURNS integer IMMUTABLE STRICT LANGUAGE internal AS 'btrecordcmp';
CREATE OPERATOR s.< (FUNCTION = s.lt, LEFTARG = s.k, RIGHTARG = s.k);
CREATE OPERATOR s.<= (FUNCTION = s.le, LEFTARG = s.k, RIGHTARG = s.k);
CREATE OPERATOR s.= (FUNCTION = s.eq, LEFTARG = s.k, RIGHTARG = s.k);
CREATE OPERATOR s.>= (FUNCTION = s.ge, LEFTARG = s.k, RIGHTARG = s.k);
CREATE OPERATOR s.> (FUNCTION = s.gt, LEFTARG = s.k, RIGHTARG = s.k);
CREATE OPERATOR CLASS s.k_ops DEFAULT FOR TYPE s.k USING btree AS OPERATOR 1 s.<, OPERATOR 2 s.<=, OPERATOR 3 s.=, OPERATOR 4 s.>=, OPERATOR 5 s.>, FUNCTION 1 s.cmp(s.k, s.k);
CREATE COLLATION s.c (LOCALE = 'C');
CREATE TABLE s.t (k s.k PRIMARY KEY, c text COLLATE s.c);
CREATE PROCEDURE try(t regclass) LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE 'insert: % %', more.bulk_insert(t, '[{"k":{"x":1},"c":"a"}]'), more.bulk_insert(t, '[{"k":{"x":2},"c":"b"},{"k":{"x":3},"c":"c"}]');
	RAISE NOTICE 'update: % %', more.bulk_update(t, '[{"k":{"x":1},"c":"d"}]'), more.bulk_update(t, '[{"k":{"x":2},"c":"e"},{"k":{"x":4},"c":"f"}]');
	RAISE NOTICE 'upsert: % %', more.bulk_upsert(t, '[{"k":{"x":1},"c":"g"}]'), more.bulk_upsert(t, '[{"k":{"x":2},"c":"h"},{"k":{"x":4},"c":"i"}]');
	RAISE NOTICE 'delete: % %', more.bulk_delete(t, '[{"k":{"x":1},"c":"j"}]'), more.bulk_delete(t, '[{"k":{"x":2}},{"k":{"x":3}},{"k":{"x":4}}]');
END $$;
CALL try('s.t');
ALTER COLLATION s.c RENAME TO d;
DISCARD PLANS;
CALL try('s.t');
ALTER OPERATOR s.= (s.k, s.k) SET SCHEMA public;
CALL try('s.t');
ALTER SCHEMA s RENAME TO s2;
CALL try('s2.t');
ALTER TABLE s2.t DROP CONSTRAINT t_pkey;
CREATE OPERATOR CLASS s2.record_ops FOR TYPE s2.k USING btree AS OPERATOR 1 pg_catalog.< (record, record), OPERATOR 2 pg_catalog.<= (record, record), OPERATOR 3 pg_catalog.= (record, record), OPERATOR 4 pg_catalog.>= (record, record), OPERATOR 5 pg_catalog.> (record, record), FUNCTION 1 pg_catalog.btrecordcmp(record, record);
INSERT INTO s2.t VALUES ('(1)', 'a');
CREATE OR REPLACE FUNCTION s2.eq(a s2.k, b s2.k) RETURNS boolean IMMUTABLE STRICT LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'equal?'; RETURN a.x = b.x; END $$;
SELECT more.bulk_update('s2.t', '[{"k":{"x":1},"c":"d"}]', key => '{k}');
SELECT more.bulk_update('s2.t', '[{"k":{"x":1},"c":"d"}]', key => '{k}');
DROP OPERATOR CLASS s2.k_ops USING btree;
SELECT more.bulk_update('s2.t', '[{"k":{"x":1},"c":"e"}]', key => '{k}');
DROP OPERATOR public.= (s2.k, s2.k);
SELECT more.bulk_update('s2.t', '[{"k":{"x":1},"c":"e"}]', key => '{k}');
SELECT * FROM s2.t;

-- the constraint of a domain changes the names while the rows are decoded
CREATE TABLE public.state (todo text);
INSERT INTO state VALUES (NULL);
CREATE FUNCTION act(integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	statement text := (SELECT todo FROM public.state);
BEGIN
	IF statement IS NOT NULL THEN
		UPDATE public.state SET todo = NULL;
		EXECUTE statement;
	END IF;
	RETURN true;
END $$;
CREATE DOMAIN busy AS integer CHECK (act(VALUE));
CREATE SCHEMA u;
CREATE TABLE u.t (id integer PRIMARY KEY, v busy);
INSERT INTO u.t VALUES (1, 1), (2, 2);
SELECT more.bulk_update('u.t', '[{"id":1,"v":3}]');
SELECT more.bulk_update('u.t', '[{"id":1,"v":3},{"id":2,"v":3}]');
UPDATE state SET todo = 'ALTER SCHEMA u RENAME TO u2';
SELECT more.bulk_update('u.t', '[{"id":1,"v":4}]');
UPDATE state SET todo = 'ALTER SCHEMA u2 RENAME TO u3';
SELECT more.bulk_update('u2.t', '[{"id":1,"v":5},{"id":2,"v":5}]');
SELECT more.bulk_update('u3.t', '[{"id":2,"v":6}]');
SELECT * FROM u3.t ORDER BY id;
DROP SCHEMA u3 CASCADE;

-- privileges
CREATE ROLE regress_more_a;
CREATE ROLE regress_more_b;
CREATE ROLE regress_more_g;
CREATE SCHEMA p;
CREATE TABLE p.t (id integer PRIMARY KEY, v integer, w integer);
SELECT 'p.t'::regclass::oid AS t \gset
INSERT INTO p.t VALUES (1, 1, 1), (2, 2, 2);
GRANT SELECT, INSERT, UPDATE, DELETE ON p.t TO regress_more_a, regress_more_b;
GRANT USAGE ON SCHEMA p TO regress_more_a;
GRANT regress_more_g TO regress_more_b;
SELECT more.bulk_update(:t, '[{"id":1,"v":3},{"id":2,"v":3}]');
SET ROLE regress_more_a;
SELECT more.bulk_update(:t, '[{"id":1,"v":4},{"id":2,"v":4}]');
SELECT more.bulk_update(:t, '[{"id":1,"v":4},{"id":2,"v":4}]');
-- names in a schema that the user may not use
SET ROLE regress_more_b;
SELECT more.bulk_update(:t, '[{"id":1,"v":5},{"id":2,"v":5}]');
RESET ROLE;
GRANT USAGE ON SCHEMA p TO regress_more_b;
SET ROLE regress_more_b;
SELECT more.bulk_update(:t, '[{"id":1,"v":6},{"id":2,"v":6}]');
SELECT more.bulk_upsert(:t, '[{"id":1,"v":6},{"id":3,"v":6}]');
RESET ROLE;
REVOKE USAGE ON SCHEMA p FROM regress_more_b;
SET ROLE regress_more_b;
SELECT more.bulk_update(:t, '[{"id":1,"v":7},{"id":2,"v":7}]');
RESET ROLE;
-- rights that come through another role, of which no table tells
GRANT USAGE ON SCHEMA p TO regress_more_b;
REVOKE ALL ON p.t FROM regress_more_b;
GRANT SELECT, INSERT, UPDATE, DELETE ON p.t TO regress_more_g;
SET ROLE regress_more_b;
SELECT more.bulk_update('p.t', '[{"id":1,"v":8},{"id":2,"v":8}]');
SELECT more.bulk_upsert('p.t', '[{"id":1,"v":8},{"id":2,"v":8}]');
SELECT more.bulk_insert('p.t', '[{"id":4,"v":8},{"id":5,"v":8}]');
SELECT more.bulk_delete('p.t', '[{"id":4,"v":8},{"id":5,"v":8}]');
RESET ROLE;
REVOKE regress_more_g FROM regress_more_b;
SET ROLE regress_more_b;
SELECT more.bulk_update('p.t', '[{"id":1,"v":9},{"id":2,"v":9}]');
SELECT more.bulk_upsert('p.t', '[{"id":1,"v":9},{"id":2,"v":9}]');
SELECT more.bulk_insert('p.t', '[{"id":4,"v":9},{"id":5,"v":9}]');
SELECT more.bulk_delete('p.t', '[{"id":4,"v":9},{"id":5,"v":9}]');
RESET ROLE;
GRANT INSERT (id, v), UPDATE (v), SELECT (id) ON p.t TO regress_more_b;
SET ROLE regress_more_b;
SELECT more.bulk_update('p.t', '[{"id":1,"v":10},{"id":2,"v":10}]');
SELECT more.bulk_update('p.t', '[{"id":1,"w":10},{"id":2,"w":10}]');
SELECT more.bulk_upsert('p.t', '[{"id":1,"v":10},{"id":6,"v":10}]');
SELECT more.bulk_insert('p.t', '[{"id":4,"v":10},{"id":5,"v":10}]');
RESET ROLE;
REVOKE UPDATE (v), INSERT (v) ON p.t FROM regress_more_b;
SET ROLE regress_more_b;
SELECT more.bulk_update('p.t', '[{"id":1,"v":11},{"id":2,"v":11}]');
SELECT more.bulk_insert('p.t', '[{"id":7,"v":11},{"id":8,"v":11}]');
RESET ROLE;
SELECT * FROM p.t ORDER BY id;
-- a function with the rights of its owner
CREATE FUNCTION p.set_w(integer) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT more.bulk_update('p.t', more.rowset('{id,w}', ARRAY[1, 2], ARRAY[$1, $1])) $$;
SELECT p.set_w(12);
SET ROLE regress_more_b;
SELECT p.set_w(13);
SELECT more.bulk_update('p.t', more.rowset('{id,w}', ARRAY[1, 2], ARRAY[14, 14]));
SELECT p.set_w(15);
RESET ROLE;
-- row security
CREATE POLICY odd ON p.t USING (id % 2 = 1);
SET ROLE regress_more_a;
SELECT more.bulk_update('p.t', '[{"id":1,"v":20},{"id":2,"v":20}]');
SELECT more.bulk_upsert('p.t', '[{"id":1,"v":20},{"id":2,"v":20}]');
RESET ROLE;
ALTER TABLE p.t ENABLE ROW LEVEL SECURITY;
SET ROLE regress_more_a;
SELECT more.bulk_update('p.t', '[{"id":1,"v":21},{"id":2,"v":21}]');
SELECT more.bulk_upsert('p.t', '[{"id":1,"v":21},{"id":2,"v":21}]');
SET row_security = off;
SELECT more.bulk_update('p.t', '[{"id":1,"v":22},{"id":2,"v":22}]');
RESET row_security;
RESET ROLE;
SELECT more.bulk_update('p.t', '[{"id":1,"v":23},{"id":2,"v":23}]');
ALTER ROLE regress_more_a BYPASSRLS;
SET ROLE regress_more_a;
SELECT more.bulk_update('p.t', '[{"id":1,"v":24},{"id":2,"v":24}]');
RESET ROLE;
DROP SCHEMA p CASCADE;
-- the user changes while the rows are decoded
CREATE SCHEMA q;
CREATE TABLE q.t (id integer PRIMARY KEY, v busy);
INSERT INTO q.t VALUES (1, 1), (2, 2);
GRANT ALL ON q.t, state TO regress_more_a;
SELECT 'q.t'::regclass::oid AS t \gset
SELECT more.bulk_update(:t, '[{"id":1,"v":3},{"id":2,"v":3}]');
SELECT more.bulk_update(:t, '[{"id":1,"v":4},{"id":2,"v":4}]');
UPDATE state SET todo = 'SET ROLE regress_more_a';
SELECT more.bulk_update(:t, '[{"id":1,"v":5},{"id":2,"v":5}]');
RESET ROLE;
DROP SCHEMA q CASCADE;
DROP TABLE state;
DROP ROLE regress_more_a, regress_more_b, regress_more_g;

-- a verb in the midst of the same verb, and changes in the midst of either
CREATE TABLE tree (id integer PRIMARY KEY, v text);
CREATE FUNCTION grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF new.id < 4096 THEN
		IF new.id % 3 = 0 THEN
			CREATE TEMP TABLE IF NOT EXISTS scratch (x integer);
			DROP TABLE scratch;
		END IF;
		PERFORM more.bulk_insert('tree', format('[{"id":%s,"v":"a"},{"id":%s,"v":"b"}]', new.id * 4, new.id * 4 + 1)::more.rowset);
		PERFORM more.bulk_insert('tree', format('[{"id":%s,"v":"c"}]', new.id * 4 + 2)::more.rowset);
		PERFORM more.bulk_update('tree', format('[{"id":%s,"v":"d"},{"id":%s,"v":"d"}]', new.id * 4, new.id)::more.rowset);
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER grow AFTER INSERT ON tree FOR EACH ROW EXECUTE FUNCTION grow();
SELECT more.bulk_insert('tree', '[{"id":1,"v":"e"},{"id":3,"v":"e"}]');
SELECT more.bulk_insert('tree', '[{"id":2,"v":"e"}]');
SELECT count(*), min(id), max(id), count(*) FILTER (WHERE v = 'a') AS a, count(*) FILTER (WHERE v = 'b') AS b,
	count(*) FILTER (WHERE v = 'c') AS c, count(*) FILTER (WHERE v = 'd') AS d, count(*) FILTER (WHERE v = 'e') AS e FROM tree;
DROP TABLE tree;
-- another takes the place of a call that is under way
CREATE TABLE nest (id integer PRIMARY KEY, v text, n integer);
CREATE FUNCTION nest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF new.v = 'out' THEN
		CREATE TEMP TABLE scratch (x integer);
		DROP TABLE scratch;
		PERFORM more.bulk_insert('nest', format('[{"id":%s,"v":"in","n":1},{"id":%s,"v":"in","n":2}]', new.id + 1, new.id + 2)::more.rowset);
		PERFORM more.bulk_insert('nest', format('[{"id":%s,"v":"in","n":3},{"id":%s,"v":"in","n":4}]', new.id + 3, new.id + 4)::more.rowset);
	END IF;
	RETURN new;
END $$;
CREATE TRIGGER nest BEFORE INSERT ON nest FOR EACH ROW EXECUTE FUNCTION nest();
SELECT more.bulk_insert('nest', '[{"id":11,"v":"in","n":1},{"id":12,"v":"in","n":2}]');
SELECT more.bulk_insert('nest', '[{"id":21,"v":"out","n":3},{"id":31,"v":"out","n":4},{"id":41,"v":"in","n":5}]');
SELECT more.bulk_insert('nest', '[{"id":51,"v":"out","n":6},{"id":61,"v":"out","n":7},{"id":71,"v":"in","n":8}]');
SELECT more.bulk_insert('nest', '[{"id":76,"v":"in","n":9},{"id":77,"v":"in","n":9}]');
SELECT more.bulk_insert('nest', '[{"id":81,"v":"out","n":6},{"id":91,"v":"out","n":7},{"id":91,"v":"in","n":"x"}]');
SELECT array_agg(n ORDER BY id) FILTER (WHERE v = 'in') AS "in", array_agg(n ORDER BY id) FILTER (WHERE v = 'out') AS out FROM nest;
DROP TABLE nest;

-- errors in the midst, in a loop
CREATE TABLE loop (id integer PRIMARY KEY, v integer CHECK (v < 5));
DO $$
DECLARE
	n integer := 0;
BEGIN
	FOR i IN 1..200 LOOP
		BEGIN
			PERFORM more.bulk_insert('loop', format('[{"id":%s,"v":%s},{"id":%s,"v":%s}]', 2 * i, i % 7, 2 * i + 1, CASE WHEN i % 10 = 0 THEN '"x"' ELSE '1' END)::more.rowset);
			IF i % 20 = 1 THEN
				EXECUTE format('ALTER TABLE loop ADD c%s integer', i);
			END IF;
			IF i % 5 = 0 THEN
				PERFORM 1 / 0;
			END IF;
		EXCEPTION WHEN check_violation OR invalid_text_representation OR division_by_zero THEN
			n := n + 1;
		END;
		PERFORM more.bulk_update('loop', format('[{"id":%s,"v":2},{"id":%s,"v":3}]', 2 * i, 2 * i + 1)::more.rowset);
	END LOOP;
	RAISE NOTICE '% errors, % rows, sum %', n, (SELECT count(*) FROM loop), (SELECT sum(v) FROM loop);
END $$;
DROP TABLE loop;

-- more calls than a session keeps, and more statements than it keeps plans
DO $$
BEGIN
	FOR i IN 1..200 LOOP
		EXECUTE format('CREATE TABLE many_%s (id integer PRIMARY KEY, v_%s integer, w integer)', i, i % 10);
	END LOOP;
	FOR r IN 1..3 LOOP
		FOR i IN 1..200 LOOP
			PERFORM more.bulk_insert('many_' || i, format('[{"id":%s,"v_%s":%s,"w":%s},{"id":%s,"w":0,"v_%s":1}]', 2 * r, i % 10, i, r, 2 * r + 1, i % 10)::more.rowset);
			PERFORM more.bulk_update('many_' || i, format('[{"id":%s,"w":%s},{"id":2,"w":%s}]', 2 * r + 1, i, -r)::more.rowset);
		END LOOP;
	END LOOP;
	FOR i IN 1..200 LOOP
		EXECUTE format($q$ DO $d$ BEGIN ASSERT (SELECT array_agg(m ORDER BY id) = '{"(2,%1$s,-3)","(3,1,%1$s)","(4,%1$s,2)","(5,1,%1$s)","(6,%1$s,3)","(7,1,%1$s)"}' FROM many_%1$s AS m), 'table %1$s'; EXECUTE 'DROP TABLE many_%1$s'; END $d$ $q$, i);
	END LOOP;
END $$;

-- tables that come and go under one name
DO $$
BEGIN
	FOR i IN 1..20 LOOP
		EXECUTE format('CREATE TEMP TABLE tmp (id integer PRIMARY KEY, v %s)', CASE i % 3 WHEN 0 THEN 'integer' WHEN 1 THEN 'text' ELSE 'numeric(4,2)' END);
		PERFORM more.bulk_insert('tmp', '[{"id":1,"v":"1"},{"id":2,"v":2}]');
		PERFORM more.bulk_insert('tmp', '[{"id":3,"v":"3"},{"id":4,"v":4}]');
		ASSERT (SELECT sum(v::numeric) FROM tmp) = 10;
		DROP TABLE tmp;
	END LOOP;
END $$;
CREATE TABLE calm (id integer PRIMARY KEY, v integer);
PREPARE ins(more.rowset) AS SELECT more.bulk_insert('calm', $1);
EXECUTE ins('[{"id":1,"v":1},{"id":2,"v":2}]');
EXECUTE ins('[{"id":3,"v":3},{"id":4,"v":4}]');
ALTER TABLE calm ADD w integer;
EXECUTE ins('[{"id":5,"v":5,"w":6},{"id":6,"v":6,"w":7}]');
EXECUTE ins('[{"id":7,"v":7},{"id":8,"v":8}]');
DISCARD PLANS;
EXECUTE ins('[{"id":9,"v":9},{"id":10,"v":10}]');
BEGIN;
DECLARE cur CURSOR FOR SELECT more.bulk_insert('calm', more.rowset('{id,v}', ARRAY[100 + 2 * i, 101 + 2 * i], ARRAY[i, i])) FROM generate_series(1, 4) AS i;
FETCH 2 FROM cur;
ALTER TABLE calm DROP w;
FETCH 2 FROM cur;
COMMIT;
DISCARD ALL;
SELECT more.bulk_insert('calm', '[{"id":11,"v":11},{"id":12,"v":12}]');
SET client_min_messages = warning;
DROP EXTENSION pg_more CASCADE;
CREATE EXTENSION pg_more;
RESET client_min_messages;
SELECT more.bulk_insert('calm', '[{"id":13,"v":13},{"id":14,"v":14}]');
SELECT count(*), sum(id), sum(v) FROM calm;

-- a table as wide as may be
DO $$
BEGIN
	EXECUTE (SELECT format('CREATE TABLE wide (id integer PRIMARY KEY, %s)', string_agg(format('c%s integer', i), ', ')) FROM generate_series(1, 1590) AS i);
	FOR r IN 1..3 LOOP
		PERFORM more.bulk_insert('wide', (SELECT jsonb_agg(jsonb_build_object('id', r * 2 + s) || o) FROM generate_series(0, 1) AS s,
			(SELECT jsonb_object_agg('c' || i, i) AS o FROM generate_series(1, 1590) AS i) AS x)::text::more.rowset);
	END LOOP;
	FOR r IN 1..3 LOOP
		PERFORM more.bulk_update('wide', (SELECT jsonb_agg(jsonb_build_object('id', r * 2 + s) || CASE s WHEN 1 THEN o ELSE '{}' END) FROM generate_series(0, 1) AS s,
			(SELECT jsonb_object_agg('c' || i, -i) AS o FROM generate_series(1, 1590) AS i) AS x)::text::more.rowset);
	END LOOP;
END $$;
SELECT id, c1, c1590 FROM wide ORDER BY id;
