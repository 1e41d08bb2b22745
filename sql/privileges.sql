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

-- "match" takes the rights of the plain statement with the same condition, no fewer and no more. Both are undone.
CREATE FUNCTION as_plain(plain text, by_match text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	outcomes text[];
	n bigint;
BEGIN
	FOREACH statement IN ARRAY ARRAY[plain, by_match] LOOP
		BEGIN
			IF statement = plain THEN
				EXECUTE statement;
				GET DIAGNOSTICS n = ROW_COUNT;
			ELSE
				EXECUTE statement INTO n;
			END IF;
			RAISE '% rows', n;
		EXCEPTION WHEN OTHERS THEN outcomes := outcomes || sqlerrm;
		END;
	END LOOP;
	RETURN array_to_string(outcomes, ' = ');
END $$;
-- the key may be read, another column written
REVOKE ALL ON acc FROM regress_more_user;
GRANT SELECT (id), UPDATE (name) ON acc TO regress_more_user;
SET ROLE regress_more_user;
SELECT as_plain($$UPDATE acc SET name = d.name FROM (VALUES (1, 'x'), (2, 'y'), (9, 'z')) AS d(id, name) WHERE acc.id = d.id$$,
	$$SELECT more.bulk_update('acc', '[{"id":1,"name":"x"},{"id":2,"name":"y"},{"id":9,"name":"z"}]', match => 'target.id = data.id', set => '{name}')$$);
SELECT as_plain($$UPDATE acc SET name = d.name FROM (VALUES (1, 'x')) AS d(id, name) WHERE acc.id = d.id$$,
	$$SELECT more.bulk_update('acc', '[{"id":1,"name":"x"}]', match => 'target.id = data.id', set => '{name}', missing => 'error')$$);
-- a right is missing: on a column that the condition reads, that is written, that an expression reads, that comes back
SELECT as_plain($$UPDATE acc SET name = 'x' WHERE name = 'ann'$$,
	$$SELECT more.bulk_update('acc', '[{"name":"ann","new":"x"}]', match => 'target.name = data.name', set => '{name = data.new}')$$);
SELECT as_plain($$UPDATE acc SET secret = 'x' WHERE id = 1$$,
	$$SELECT more.bulk_update('acc', '[{"id":1,"secret":"x"}]', match => 'target.id = data.id', set => '{secret}')$$);
SELECT as_plain($$UPDATE acc SET name = upper(name) WHERE id = 1$$,
	$$SELECT more.bulk_update('acc', '[{"id":1}]', match => 'target.id = data.id', set => '{name = upper(target.name)}')$$);
SELECT as_plain($$UPDATE acc SET name = 'x' WHERE id = 1 RETURNING *$$,
	$$SELECT count(*) FROM more.bulk_update_returning(NULL::acc, '[{"id":1,"name":"x"}]', match => 'target.id = data.id', set => '{name}')$$);
-- a row that is matched twice is found out all the same, without the right to see its address
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":2,"name":"x"},{"id":1,"name":"y"},{"id":2,"name":"z"}]', match => 'target.id = data.id', set => '{name}')$$);
SELECT as_plain($$UPDATE acc SET name = ctid::text$$,
	$$SELECT more.bulk_update('acc', '[{"id":1}]', match => 'target.id = data.id', set => '{name = target.ctid::text}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1}]', match => 'target.id = data.id', set => '{"name = \"pg_more claim\".ctid::text"}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"id":1}]', match => 'target.id = data.id', set => '{"name = \"pg_more claim\".\"#ordinal\"::text"}')$$);
RESET ROLE;
-- the key may not be read, only the column that is written
REVOKE ALL ON acc FROM regress_more_user;
GRANT SELECT (name), UPDATE (name) ON acc TO regress_more_user;
SET ROLE regress_more_user;
SELECT as_plain($$UPDATE acc SET name = d.new FROM (VALUES ('ann', 'x'), ('bob', 'y')) AS d(name, new) WHERE acc.name = d.name$$,
	$$SELECT more.bulk_update('acc', '[{"name":"ann","new":"x"},{"name":"bob","new":"y"}]', match => 'target.name = data.name', set => '{name = data.new}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"name":"bob","new":"x"},{"name":"bob","new":"y"}]', match => 'target.name = data.name', set => '{name = data.new}')$$);
RESET ROLE;
-- nothing may be read: a condition on the data alone is allowed
REVOKE ALL ON acc FROM regress_more_user;
GRANT UPDATE ON acc TO regress_more_user;
SET ROLE regress_more_user;
SELECT as_plain($$UPDATE acc SET name = d.name FROM (VALUES (true, 'x'), (false, 'y')) AS d(go, name) WHERE d.go$$,
	$$SELECT more.bulk_update('acc', '[{"go":true,"name":"x"},{"go":false,"name":"y"}]', match => 'data.go::boolean', set => '{name}')$$);
SELECT as_plain($$UPDATE acc SET name = 'x' WHERE id = 1$$,
	$$SELECT more.bulk_update('acc', '[{"id":1,"name":"x"}]', match => 'target.id = data.id', set => '{name}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('acc', '[{"go":true,"name":"x"},{"go":true,"name":"y"}]', match => 'data.go::boolean', set => '{name}')$$);
RESET ROLE;
-- every column may be read, though not the table: enough to have the rows back
REVOKE ALL ON acc FROM regress_more_user;
GRANT SELECT (id, name, secret), UPDATE (name) ON acc TO regress_more_user;
SET ROLE regress_more_user;
BEGIN;
UPDATE acc SET name = d.name FROM (VALUES (1, 'x'), (9, 'z')) AS d(id, name) WHERE acc.id = d.id RETURNING acc.*;
ROLLBACK;
BEGIN;
SELECT * FROM more.bulk_update_returning(NULL::acc, '[{"id":9,"name":"z"},{"id":1,"name":"x"},{"id":2,"name":"bob"}]', match => 'target.id = data.id', set => '{name}', skip_unchanged => true);
ROLLBACK;
RESET ROLE;
-- deletes, where a row that is matched twice does no harm
REVOKE ALL ON acc FROM regress_more_user;
GRANT SELECT (id), DELETE ON acc TO regress_more_user;
SET ROLE regress_more_user;
SELECT as_plain($$DELETE FROM acc USING (VALUES (1), (1), (9)) AS d(id) WHERE acc.id = d.id$$,
	$$SELECT more.bulk_delete('acc', '[{"id":1},{"id":1},{"id":9}]', match => 'target.id = data.id')$$);
SELECT as_plain($$DELETE FROM acc WHERE name = 'ann'$$,
	$$SELECT more.bulk_delete('acc', '[{"name":"ann"}]', match => 'target.name = data.name')$$);
SELECT as_plain($$DELETE FROM acc WHERE id = 1 RETURNING *$$,
	$$SELECT count(*) FROM more.bulk_delete_returning(NULL::acc, '[{"id":1}]', match => 'target.id = data.id')$$);
RESET ROLE;
GRANT SELECT (name, secret) ON acc TO regress_more_user;
SET ROLE regress_more_user;
BEGIN;
SELECT * FROM more.bulk_delete_returning(NULL::acc, '[{"id":9},{"id":2}]', match => 'target.id = data.id');
ROLLBACK;
RESET ROLE;
REVOKE SELECT (id, name, secret) ON acc FROM regress_more_user;
SET ROLE regress_more_user;
SELECT as_plain($$DELETE FROM acc USING (VALUES (true)) AS d(go) WHERE d.go$$,
	$$SELECT more.bulk_delete('acc', '[{"go":true}]', match => 'data.go::boolean')$$);
SELECT as_plain($$DELETE FROM acc WHERE id = 1$$,
	$$SELECT more.bulk_delete('acc', '[{"id":1}]', match => 'target.id = data.id')$$);
RESET ROLE;

-- Partitions, whose rows have the same addresses.
CREATE TABLE parted (id integer, part integer, name text, PRIMARY KEY (part, id)) PARTITION BY LIST (part);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
INSERT INTO parted VALUES (1, 1, 'a'), (1, 2, 'b');
GRANT SELECT (id), UPDATE (name) ON parted TO regress_more_user;
SET ROLE regress_more_user;
SELECT as_plain($$UPDATE parted SET name = d.name FROM (VALUES (1, 'x'), (2, 'y')) AS d(id, name) WHERE parted.id = d.id$$,
	$$SELECT more.bulk_update('parted', '[{"id":1,"name":"x"},{"id":2,"name":"y"}]', match => 'target.id = data.id', set => '{name}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('parted', '[{"id":1,"name":"x"},{"id":1,"name":"y"}]', match => 'target.id = data.id', set => '{name}')$$);
-- a partition of its own takes rights of its own
SELECT as_plain($$UPDATE parted_1 SET name = 'x' WHERE id = 1$$,
	$$SELECT more.bulk_update('parted_1', '[{"id":1,"name":"x"}]', match => 'target.id = data.id', set => '{name}')$$);
RESET ROLE;

-- A child that has the parent's keys once more: other rows, which other rows of the data may match.
CREATE TABLE parent (id integer PRIMARY KEY, kind text, name text);
CREATE TABLE child (extra text) INHERITS (parent);
INSERT INTO parent VALUES (1, 'p', 'a'), (2, 'p', 'b');
INSERT INTO child VALUES (1, 'c', 'c'), (1, 'd', 'd');
GRANT SELECT (id, kind), UPDATE (name) ON parent TO regress_more_user;
SET ROLE regress_more_user;
SELECT as_plain($$UPDATE parent SET name = d.name FROM (VALUES (1, 'c', 'x'), (1, 'p', 'y'), (1, 'd', 'z')) AS d(id, kind, name) WHERE parent.id = d.id AND parent.kind = d.kind$$,
	$$SELECT more.bulk_update('parent', '[{"id":1,"kind":"c","name":"x"},{"id":1,"kind":"p","name":"y"},{"id":1,"kind":"d","name":"z"}]', match => 'target.id = data.id AND target.kind = data.kind', set => '{name}')$$);
SELECT as_plain($$UPDATE parent SET name = 'x' WHERE id = 1$$,
	$$SELECT more.bulk_update('parent', '[{"id":1,"name":"x"}]', match => 'target.id = data.id', set => '{name}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('parent', '[{"id":1,"kind":"c","name":"x"},{"id":1,"kind":"p","name":"y"},{"id":1,"kind":"c","name":"z"}]', match => 'target.id = data.id AND target.kind = data.kind', set => '{name}')$$);
RESET ROLE;

-- No key at all, and rows that are equal.
CREATE TABLE heap (v text, n integer);
INSERT INTO heap VALUES ('a', 1), ('a', 1), ('b', 2);
GRANT SELECT (v), UPDATE (n) ON heap TO regress_more_user;
SET ROLE regress_more_user;
SELECT as_plain($$UPDATE heap SET n = d.n FROM (VALUES ('a', 3), ('b', 4)) AS d(v, n) WHERE heap.v = d.v$$,
	$$SELECT more.bulk_update('heap', '[{"v":"a","n":3},{"v":"b","n":4}]', match => 'target.v = data.v', set => '{n}')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('heap', '[{"v":"b","n":3},{"v":"b","n":4}]', match => 'target.v = data.v', set => '{n}')$$);
RESET ROLE;

-- Row security: its policies for SELECT bind an UPDATE that reads the table, and no other.
CREATE TABLE doc (id integer PRIMARY KEY, secret boolean, name text);
INSERT INTO doc VALUES (1, false, 'a'), (2, true, 'b'), (3, false, 'c');
ALTER TABLE doc ENABLE ROW LEVEL SECURITY;
CREATE POLICY to_see ON doc FOR SELECT USING (NOT secret);
CREATE POLICY to_write ON doc FOR UPDATE USING (id < 3) WITH CHECK (name <> 'refused');
GRANT SELECT (id), UPDATE (name) ON doc TO regress_more_user;
SET ROLE regress_more_user;
SELECT as_plain($$UPDATE doc SET name = d.name FROM (VALUES (1, 'x'), (2, 'y'), (3, 'z')) AS d(id, name) WHERE doc.id = d.id$$,
	$$SELECT more.bulk_update('doc', '[{"id":1,"name":"x"},{"id":2,"name":"y"},{"id":3,"name":"z"}]', match => 'target.id = data.id', set => '{name}')$$);
SELECT as_plain($$UPDATE doc SET name = 'x'$$,
	$$SELECT more.bulk_update('doc', '[{"name":"x"}]', match => 'data.name IS NOT NULL', set => '{name}')$$);
SELECT as_plain($$UPDATE doc SET name = 'refused' WHERE id = 1$$,
	$$SELECT more.bulk_update('doc', '[{"id":1,"name":"refused"}]', match => 'target.id = data.id', set => '{name}')$$);
-- two rows of the data that match a row which is hidden tell nothing of it
SELECT as_plain($$UPDATE doc SET name = d.name FROM (VALUES (2, 'x'), (2, 'y')) AS d(id, name) WHERE doc.id = d.id$$,
	$$SELECT more.bulk_update('doc', '[{"id":2,"name":"x"},{"id":2,"name":"y"}]', match => 'target.id = data.id', set => '{name}')$$);
RESET ROLE;
-- the same for who may read it all
GRANT SELECT ON doc TO regress_more_user;
SET ROLE regress_more_user;
SELECT as_plain($$UPDATE doc SET name = 'x'$$,
	$$SELECT more.bulk_update('doc', '[{"name":"x"}]', match => 'data.name IS NOT NULL', set => '{name}')$$);
SELECT as_plain($$UPDATE doc SET name = 'x' WHERE name IS NOT NULL$$,
	$$SELECT more.bulk_update('doc', '[{"name":"x"}]', match => 'target.name IS NOT NULL', set => '{name}')$$);
RESET ROLE;
DROP TABLE parted, child, parent, heap, doc;

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
