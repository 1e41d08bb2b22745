-- Privileges are the caller's, and what a verb needs is what the plain statements would need.
\set ECHO none
\i sql/include/setup.sql
CREATE ROLE regress_more_user;
CREATE ROLE regress_more_owner;
GRANT CREATE ON SCHEMA public TO regress_more_owner;
CREATE TABLE acc (id integer PRIMARY KEY, name text, secret text DEFAULT 'none');
INSERT INTO acc VALUES (1, 'ann', 's1'), (2, 'bob', 's2');
CREATE FUNCTION attempts() RETURNS TABLE (verb text, outcome text) LANGUAGE plpgsql AS $$
DECLARE
	verbs text[] := ARRAY[
		'rows_in', $q$SELECT * FROM more.rows_in(NULL::acc, '[{"id":1}]')$q$,
		'insert', $q$SELECT more.bulk_insert('acc', '[{"id":3,"name":"c"}]')$q$,
		'insert ignore', $q$SELECT more.bulk_insert('acc', '[{"id":1,"name":"c"}]', 'ignore')$q$,
		'insert returning', $q$SELECT more.bulk_insert_returning(NULL::acc, '[{"id":4,"name":"c"}]')$q$,
		'update', $q$SELECT more.bulk_update('acc', '[{"id":1,"name":"x"}]')$q$,
		'update secret', $q$SELECT more.bulk_update('acc', '[{"id":1,"secret":"x"}]')$q$,
		'update returning', $q$SELECT more.bulk_update_returning(NULL::acc, '[{"id":1,"name":"x"}]')$q$,
		'upsert', $q$SELECT more.bulk_upsert('acc', '[{"id":1,"name":"y"},{"id":5,"name":"e"}]')$q$,
		'upsert of nothing new', $q$SELECT more.bulk_upsert('acc', '[{"id":1,"name":"y"}]')$q$,
		'get or create', $q$SELECT more.bulk_get_or_create(NULL::acc, '[{"id":6,"name":"y"}]')$q$,
		'sync', $q$SELECT more.bulk_sync('acc', '[{"id":1,"name":"y"}]')$q$,
		'delete', $q$SELECT more.bulk_delete('acc', '[{"id":2}]')$q$,
		'no rows: insert', $q$SELECT more.bulk_insert('acc', '[]')$q$,
		'no rows: update', $q$SELECT more.bulk_update('acc', '[]')$q$,
		'no rows: upsert', $q$SELECT more.bulk_upsert('acc', '[]')$q$,
		'no rows: delete', $q$SELECT more.bulk_delete('acc', '[]')$q$,
		'no rows: sync', $q$SELECT more.bulk_sync('acc', '[]', allow_empty => true)$q$,
		'no rows: rows_in', $q$SELECT more.rows_in(NULL::acc, '[]')$q$];
BEGIN
	FOR i IN 1 .. cardinality(verbs) BY 2 LOOP
		verb := verbs[i];
		BEGIN
			EXECUTE verbs[i + 1];
			RAISE 'done';
		EXCEPTION
			WHEN insufficient_privilege THEN outcome := sqlerrm;
			WHEN raise_exception THEN outcome := 'allowed';
		END;
		RETURN NEXT;
	END LOOP;
END $$;
\pset format unaligned
\pset tuples_only on
-- nothing
SET ROLE regress_more_user;
SELECT * FROM attempts();
RESET ROLE;
-- SELECT alone
GRANT SELECT ON acc TO regress_more_user;
SET ROLE regress_more_user;
SELECT * FROM attempts();
RESET ROLE;
REVOKE ALL ON acc FROM regress_more_user;
-- UPDATE of one column, SELECT of the key
GRANT UPDATE (name), SELECT (id) ON acc TO regress_more_user;
SET ROLE regress_more_user;
SELECT * FROM attempts();
RESET ROLE;
REVOKE ALL ON acc FROM regress_more_user;
-- INSERT of two columns alone
GRANT INSERT (id, name) ON acc TO regress_more_user;
SET ROLE regress_more_user;
SELECT * FROM attempts();
RESET ROLE;
REVOKE ALL ON acc FROM regress_more_user;
-- INSERT, UPDATE and SELECT, but no DELETE
GRANT INSERT, UPDATE, SELECT ON acc TO regress_more_user;
SET ROLE regress_more_user;
SELECT * FROM attempts();
-- a right that is lost between two calls
RESET ROLE;
REVOKE UPDATE ON acc FROM regress_more_user;
SET ROLE regress_more_user;
SELECT * FROM attempts() WHERE verb LIKE 'up%';
RESET ROLE;
GRANT ALL ON acc TO regress_more_user;
SET ROLE regress_more_user;
SELECT * FROM attempts();

-- An expression runs with the caller's rights too.
RESET ROLE;
CREATE TABLE hidden (id integer);
SET ROLE regress_more_user;
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1}]', set => ARRAY['secret = (SELECT count(*) FROM hidden)'])$$);
SELECT * FROM outcome($$SELECT more.rows_in(NULL::acc, '[{"id":1}]', match => 'target.id IN (SELECT id FROM hidden)')$$);
SELECT * FROM outcome($$SELECT * FROM more.bulk_sync('acc', '[]', condition => 'EXISTS (SELECT FROM hidden)')$$);
RESET ROLE;

-- A schema that the caller may not use: the name cannot be looked up; by number, the table's own privileges count.
CREATE SCHEMA closed;
CREATE TABLE closed.t (id integer PRIMARY KEY, v text);
INSERT INTO closed.t VALUES (1, 'a');
GRANT ALL ON closed.t TO regress_more_user;
SELECT 'closed.t'::regclass::oid AS t \gset
SET ROLE regress_more_user;
SELECT * FROM outcome($$SELECT more.bulk_update('closed.t', '[{"id":1,"v":"x"}]')$$);
SELECT * FROM outcome(format($$SELECT more.bulk_update(%s::oid::regclass, '[{"id":1,"v":"x"}]')$$, :t));
RESET ROLE;
-- ... also after another role, whose plan is kept, was allowed to
CREATE ROLE regress_more_guest;
GRANT ALL ON closed.t TO regress_more_guest;
GRANT USAGE ON SCHEMA closed TO regress_more_guest;
SET ROLE regress_more_guest;
SELECT * FROM outcome(format($$SELECT more.bulk_update(%s::oid::regclass, '[{"id":1,"v":"x"}]')$$, :t));
SET ROLE regress_more_user;
SELECT * FROM outcome(format($$SELECT more.bulk_update(%s::oid::regclass, '[{"id":1,"v":"x"}]')$$, :t));
RESET ROLE;
DROP OWNED BY regress_more_guest;
DROP ROLE regress_more_guest;
-- A call that has nothing to do takes no lock that the role could not take.
REVOKE ALL ON acc FROM regress_more_user;
GRANT SELECT ON acc TO regress_more_user;
SET ROLE regress_more_user;
BEGIN;
SELECT count(*) > 0 AS called FROM outcome($$SELECT more.bulk_get_or_create(NULL::acc, '[]')$$);
SELECT mode FROM pg_locks WHERE relation = 'acc'::regclass AND mode <> 'AccessShareLock';
COMMIT;
RESET ROLE;

-- "match" takes the right to SELECT from the whole table, which a plain UPDATE does not need, and says so.
REVOKE ALL ON acc FROM regress_more_user;
GRANT SELECT (id), UPDATE (name) ON acc TO regress_more_user;
SET ROLE regress_more_user;
UPDATE acc SET name = name_of.v FROM (VALUES (1, 'plain')) AS name_of(id, v) WHERE acc.id = name_of.id;
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1,"name":"x"}]', match => 'target.id = data.id', set => '{name}')$$);
RESET ROLE;

-- Any role may use the schema and make a rowset; a SECURITY DEFINER function lends its owner's rights and no others.
SET ROLE regress_more_owner;
CREATE TABLE owned (id integer PRIMARY KEY, v text);
CREATE FUNCTION lend() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$SELECT more.bulk_upsert('owned', '[{"id":1,"v":"lent"}]')$$;
SET ROLE regress_more_user;
SELECT more.rowset_count('[{"a":1}]'), has_schema_privilege('more', 'USAGE');
SELECT lend();
SELECT * FROM outcome($$SELECT more.bulk_upsert('owned', '[{"id":1,"v":"taken"}]')$$);
SELECT lend();
RESET ROLE;
SELECT * FROM owned;

-- A view with the rights of its owner, or of who asks.
CREATE VIEW by_owner AS SELECT * FROM owned;
CREATE VIEW by_caller WITH (security_invoker) AS SELECT * FROM owned;
GRANT ALL ON by_owner, by_caller TO regress_more_user;
SET ROLE regress_more_user;
SELECT * FROM outcome($$SELECT more.bulk_update('by_owner', '[{"id":1,"v":"x"}]', key => '{id}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('by_caller', '[{"id":1,"v":"x"}]', key => '{id}')$$);
RESET ROLE;

DROP VIEW by_owner, by_caller;
DROP FUNCTION lend;
DROP TABLE owned, acc, closed.t;
DROP OWNED BY regress_more_owner, regress_more_user;
DROP ROLE regress_more_user, regress_more_owner;
