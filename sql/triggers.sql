-- Triggers fire as in a plain statement: row and statement triggers, transition tables, and those that change or suppress rows.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE acc (id integer PRIMARY KEY, v text);
CREATE FUNCTION forget() RETURNS void LANGUAGE sql AS 'TRUNCATE fired RESTART IDENTITY';
CREATE TRIGGER r1 BEFORE INSERT OR UPDATE OR DELETE ON acc FOR EACH ROW EXECUTE FUNCTION note_trigger();
CREATE TRIGGER r2 AFTER INSERT OR UPDATE OR DELETE ON acc FOR EACH ROW EXECUTE FUNCTION note_trigger();
CREATE TRIGGER s1 BEFORE INSERT OR UPDATE OR DELETE ON acc FOR EACH STATEMENT EXECUTE FUNCTION note_trigger();
CREATE TRIGGER s2 AFTER INSERT OR UPDATE OR DELETE ON acc FOR EACH STATEMENT EXECUTE FUNCTION note_trigger();

-- Each verb is one statement: a statement trigger fires once, however many rows.
SELECT more.bulk_insert('acc', '[{"id":1,"v":"a"},{"id":2,"v":"b"}]');
SELECT what FROM fired ORDER BY n; SELECT forget();
SELECT more.bulk_update('acc', '[{"id":1,"v":"A"},{"id":2,"v":"B"},{"id":99,"v":"x"}]');
SELECT what FROM fired ORDER BY n; SELECT forget();
SELECT more.bulk_delete('acc', '[{"id":2},{"id":99}]');
SELECT what FROM fired ORDER BY n; SELECT forget();
-- an upsert is an update and an insert, each once; a sync deletes as well
SELECT more.bulk_upsert('acc', '[{"id":1,"v":"aa"},{"id":3,"v":"c"}]');
SELECT what FROM fired ORDER BY what; SELECT forget();
SELECT * FROM more.bulk_sync('acc', '[{"id":1,"v":"aaa"},{"id":4,"v":"d"}]');
SELECT what FROM fired ORDER BY what; SELECT forget();
-- statement triggers fire for parts that write nothing, too; a get-or-create only inserts
SELECT more.bulk_upsert('acc', '[{"id":1,"v":"aaa"}]', skip_unchanged => true);
SELECT what FROM fired ORDER BY what; SELECT forget();
SELECT status FROM more.bulk_get_or_create(NULL::acc, '[{"id":1}]');
SELECT what FROM fired ORDER BY what; SELECT forget();
-- nothing changes, no row trigger fires
SELECT more.bulk_update('acc', '[{"id":1,"v":"aaa"}]', skip_unchanged => true);
SELECT * FROM more.bulk_get_or_create(NULL::acc, '[{"id":1}]');
SELECT what FROM fired WHERE what LIKE '% row %'; SELECT forget();
-- a failing statement leaves no trace
SELECT more.bulk_insert('acc', '[{"id":7,"v":"x"},{"id":1,"v":"x"}]');
SELECT count(*) FROM fired;
DROP TRIGGER r1 ON acc; DROP TRIGGER r2 ON acc; DROP TRIGGER s1 ON acc; DROP TRIGGER s2 ON acc;

-- the same without row triggers
CREATE TABLE plain (id integer PRIMARY KEY, v text);
INSERT INTO plain VALUES (1, 'a');
CREATE TRIGGER s BEFORE INSERT OR UPDATE OR DELETE ON plain FOR EACH STATEMENT EXECUTE FUNCTION note_trigger();
SELECT more.bulk_upsert('plain', '[{"id":1,"v":"A"}]'), more.bulk_upsert('plain', '[{"id":2,"v":"B"}]'), more.bulk_upsert('plain', '[{"id":2},{"id":3,"v":"C"}]');
SELECT * FROM more.bulk_sync('plain', '[{"id":1},{"id":2},{"id":3}]');
SELECT what FROM fired ORDER BY n; SELECT forget();
-- Transition tables hold all rows of the statement.
CREATE FUNCTION count_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	olds text;
	news text;
BEGIN
	IF tg_op <> 'INSERT' THEN olds := (SELECT string_agg(o.id || o.v, ' ' ORDER BY o.id) FROM old_rows AS o); END IF;
	IF tg_op <> 'DELETE' THEN news := (SELECT string_agg(n.id || n.v, ' ' ORDER BY n.id) FROM new_rows AS n); END IF;
	INSERT INTO fired (what) VALUES (format('%s: %s -> %s', tg_op, olds, news));
	RETURN NULL;
END $$;
CREATE TRIGGER t1 AFTER INSERT ON acc REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
CREATE TRIGGER t2 AFTER UPDATE ON acc REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
CREATE TRIGGER t3 AFTER DELETE ON acc REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
SELECT more.bulk_insert('acc', '[{"id":11,"v":"k"},{"id":10,"v":"j"}]');
SELECT more.bulk_update('acc', '[{"id":11,"v":"K"},{"id":10,"v":"J"}]');
SELECT more.bulk_upsert('acc', '[{"id":11,"v":"kk"},{"id":12,"v":"l"}]');
SELECT more.bulk_delete('acc', '[{"id":11},{"id":1}]');
SELECT * FROM more.bulk_sync('acc', '[{"id":10,"v":"J"},{"id":12,"v":"L"},{"id":13,"v":"m"}]');
SELECT what FROM fired ORDER BY n; SELECT forget();
DROP TRIGGER t1 ON acc; DROP TRIGGER t2 ON acc; DROP TRIGGER t3 ON acc;

-- A BEFORE trigger changes the row: what comes back is what was stored.
CREATE FUNCTION upper_v() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.v := upper(new.v) || ''!''; RETURN new; END';
CREATE TRIGGER b BEFORE INSERT OR UPDATE ON acc FOR EACH ROW EXECUTE FUNCTION upper_v();
SELECT * FROM more.bulk_upsert_returning(NULL::acc, '[{"id":20,"v":"t"},{"id":10,"v":"j"}]');
DROP TRIGGER b ON acc;
-- it fills in the key, or gives it anew
CREATE SEQUENCE ids START 100;
CREATE FUNCTION give_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF new.id IS NULL OR new.id = 0 THEN new.id := nextval('ids'); END IF;
	RETURN new;
END $$;
CREATE TRIGGER b BEFORE INSERT ON acc FOR EACH ROW EXECUTE FUNCTION give_id();
SELECT * FROM more.bulk_insert_returning(NULL::acc, '[{"id":null,"v":"first"},{"id":0,"v":"second"},{"id":0,"v":"third"},{"v":"fourth"}]');
SELECT * FROM more.bulk_insert_returning(NULL::acc, '[{"id":0,"v":"fifth"},{"id":10,"v":"x"},{"id":0,"v":"sixth"}]', 'ignore');
DROP TRIGGER b ON acc;
TRUNCATE acc;

-- A BEFORE trigger suppresses rows: they are not counted, and their trigger fires once.
CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO fired (what) VALUES (format('suppress %s %s', tg_op, CASE tg_op WHEN 'DELETE' THEN old.id ELSE new.id END));
	RETURN NULL;
END $$;
INSERT INTO acc VALUES (1, 'a'), (2, 'b');
CREATE TRIGGER b1 BEFORE INSERT OR UPDATE ON acc FOR EACH ROW WHEN (new.id % 2 = 0) EXECUTE FUNCTION suppress();
CREATE TRIGGER b2 BEFORE DELETE ON acc FOR EACH ROW WHEN (old.id % 2 = 0) EXECUTE FUNCTION suppress();
CREATE TRIGGER s1 BEFORE INSERT OR UPDATE OR DELETE ON acc FOR EACH STATEMENT EXECUTE FUNCTION note_trigger();
SELECT more.bulk_insert('acc', '[{"id":3,"v":"c"},{"id":4,"v":"d"}]');
SELECT * FROM more.bulk_insert_returning(NULL::acc, '[{"id":5,"v":"e"},{"id":6,"v":"f"}]');
SELECT * FROM more.bulk_insert_returning(NULL::acc, '[{"id":8,"v":"f"}]', 'ignore');
SELECT what FROM fired ORDER BY n; SELECT forget();
SELECT * FROM more.bulk_update_returning(NULL::acc, '[{"id":1,"v":"A"},{"id":2,"v":"B"}]');
SELECT more.bulk_update('acc', '[{"id":1,"v":"AA"},{"id":2,"v":"BB"}]');
SELECT what FROM fired ORDER BY n; SELECT forget();
SELECT * FROM more.bulk_delete_returning(NULL::acc, '[{"id":2},{"id":3}]');
SELECT what FROM fired ORDER BY n; SELECT forget();
-- an update that is suppressed does not become an insert, nor is anything tried again
SELECT * FROM more.bulk_upsert_returning(NULL::acc, '[{"id":1,"v":"a"},{"id":2,"v":"b"},{"id":7,"v":"g"},{"id":8,"v":"h"}]');
SELECT what FROM fired ORDER BY n; SELECT forget();
SELECT * FROM more.bulk_sync('acc', '[{"id":1,"v":"aaa"},{"id":2,"v":"bbb"},{"id":10,"v":"j"}]');
SELECT what FROM fired ORDER BY n; SELECT forget();
SELECT * FROM acc ORDER BY id;
DROP TRIGGER b1 ON acc; DROP TRIGGER b2 ON acc; DROP TRIGGER s1 ON acc;

-- a suppressed row is neither updated nor unchanged, also where unchanged rows are skipped
CREATE TABLE held (id integer PRIMARY KEY, v integer);
INSERT INTO held VALUES (1, 1), (2, 2);
CREATE TRIGGER held BEFORE UPDATE ON held FOR EACH ROW EXECUTE FUNCTION suppress();
SELECT * FROM more.bulk_update_returning(NULL::held, '[{"id":1,"v":2},{"id":2,"v":2}]', skip_unchanged => true);
SELECT more.bulk_update('held', '[{"id":1,"v":2},{"id":2,"v":2}]', missing => 'error', skip_unchanged => true);
SELECT forget();

-- beside an index on an expression nothing tells a suppressed row from one that was in the way
CREATE UNIQUE INDEX held_v ON held ((v % 10));
CREATE TRIGGER held_back BEFORE INSERT ON held FOR EACH ROW WHEN (new.id = 3) EXECUTE FUNCTION suppress();
SELECT * FROM more.bulk_insert_returning(NULL::held, '[{"id":3,"v":3},{"id":4,"v":12},{"id":5,"v":5}]', 'ignore');
SELECT forget();

-- A BEFORE trigger that writes the row elsewhere does so once.
CREATE TABLE elsewhere (id integer, v text);
CREATE FUNCTION redirect() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO elsewhere VALUES (new.*); RETURN NULL; END';
CREATE TRIGGER b BEFORE INSERT ON acc FOR EACH ROW WHEN (new.id > 50) EXECUTE FUNCTION redirect();
SELECT more.bulk_upsert('acc', '[{"id":1,"v":"one"},{"id":51,"v":"z"},{"id":52,"v":"y"}]');
SELECT * FROM elsewhere ORDER BY id;
DROP TRIGGER b ON acc;

-- A trigger that itself calls verbs, on the same table as well.
CREATE TABLE log (id integer PRIMARY KEY, n integer);
CREATE FUNCTION nest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM more.bulk_upsert('log', json_build_array(json_build_object('id', new.id, 'n', 1), json_build_object('id', -new.id, 'n', 1)), set => '{n = target.n + data.n}');
	IF new.id < 1000 THEN
		PERFORM more.bulk_upsert('acc', json_build_array(json_build_object('id', new.id + 1000, 'v', new.v || '+'), json_build_object('id', new.id + 2000, 'v', new.v || '++')));
	END IF;
	RETURN new;
END $$;
CREATE TRIGGER b BEFORE INSERT OR UPDATE ON acc FOR EACH ROW EXECUTE FUNCTION nest();
SELECT * FROM more.bulk_upsert_returning(NULL::acc, '[{"id":63,"v":"c"},{"id":61,"v":"a"},{"id":62,"v":"b"}]');
SELECT * FROM more.bulk_upsert_returning(NULL::acc, '[{"id":62,"v":"B"},{"id":64,"v":"D"},{"id":61,"v":"A"}]');
SELECT * FROM acc WHERE id > 60 ORDER BY id;
SELECT * FROM log ORDER BY id;
DROP TRIGGER b ON acc;
CREATE TRIGGER a AFTER INSERT OR UPDATE ON acc FOR EACH ROW EXECUTE FUNCTION nest();
SELECT * FROM more.bulk_upsert_returning(NULL::acc, '[{"id":72,"v":"c"},{"id":61,"v":"AA"},{"id":71,"v":"b"}]');
SELECT * FROM acc WHERE id % 1000 > 70 ORDER BY id;
-- and one whose error is caught inside
CREATE OR REPLACE FUNCTION nest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		PERFORM more.bulk_insert('log', json_build_array(json_build_object('id', new.id, 'n', 'x')));
	EXCEPTION WHEN invalid_text_representation THEN
		new.v := new.v || ' (not logged)';
	END;
	RETURN new;
END $$;
DROP TRIGGER a ON acc;
CREATE TRIGGER b BEFORE INSERT OR UPDATE ON acc FOR EACH ROW EXECUTE FUNCTION nest();
SELECT * FROM more.bulk_upsert_returning(NULL::acc, '[{"id":82,"v":"c"},{"id":61,"v":"x"},{"id":81,"v":"b"}]');

-- The functions that pg_more's own statements use are of no use elsewhere, also inside a trigger.
CREATE TABLE tricked (id integer PRIMARY KEY, v text);
CREATE FUNCTION trick() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM more._note_row(x) FROM unnest(ARRAY[0, -1, 3, 1000000000000]) AS x;
	RETURN new;
END $$;
CREATE TRIGGER b BEFORE INSERT ON tricked FOR EACH ROW EXECUTE FUNCTION trick();
SELECT * FROM outcome($$SELECT * FROM more.bulk_insert_returning(NULL::tricked, '[{"id":1},{"id":2}]')$$);
SELECT count(*) FROM tricked;
SELECT call, (SELECT string_agg(o, ' ') FROM outcome('SELECT ' || call) AS o) AS outcome
FROM unnest(ARRAY['more._note_row(1)', 'more._noted_row()', 'more._seen_row(1)', 'more._open_row(1)', 'more._unchanged_row(1)', 'more._conflict()',
	'more._claim_row(1, ''tricked''::regclass, ''(0,1)'')', 'more._differs(1, ''1''::text)', 'more._differs(1, 1)']) AS call;
