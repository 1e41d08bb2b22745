-- What only newer servers have: columns computed when read, keys with periods. On older ones nothing is checked.
\set ECHO none
\i sql/include/setup.sql

-- PostgreSQL 16: input that only asks whether it is valid
DO $$
DECLARE
	r text;
BEGIN
	IF current_setting('server_version_num')::integer < 160000 THEN RETURN; END IF;
	EXECUTE $q$SELECT string_agg(concat_ws(' ', n, pg_input_is_valid(t, 'more.rowset')), ', ' ORDER BY n) FROM (VALUES
		(1, '[{"a":1}]'), (2, '[{"a":1}'), (3, '5'), (4, '[1]'), (5, '{"a":[1],"b":[]}'), (6, '[{"a":1,"a":2}]'), (7, ''), (8, '[{"a":"\ud83d"}]'),
		(9, (SELECT '[{' || string_agg(format('"c%s":1', g), ',') || '}]' FROM generate_series(1, 5000) AS g))) AS v(n, t)$q$ INTO r;
	ASSERT r = '1 t, 2 f, 3 f, 4 f, 5 f, 6 f, 7 f, 8 f, 9 f', r;
END $$;

-- PostgreSQL 18: the planner finds such a column to be a constant, and then computes no value that it need not compare
DO $$
DECLARE
	r text;
BEGIN
	IF current_setting('server_version_num')::integer < 180000 THEN RETURN; END IF;
	EXECUTE 'CREATE TABLE fixed (id integer PRIMARY KEY, t text, k integer GENERATED ALWAYS AS (1) VIRTUAL)';
	EXECUTE 'INSERT INTO fixed (id, t) VALUES (1, ''x'')';
	PERFORM set_config('pg_more.rewrites', 'force', true);
	EXECUTE 'SELECT CASE k WHEN 1 THEN ''a'' WHEN 2 THEN chr(-1) END FROM fixed' INTO r;
	ASSERT r = 'a', r;
	EXECUTE 'SELECT id::text FROM fixed WHERE (k, t) IN ((2, chr(-1)), (1, ''x''))' INTO r;
	ASSERT r = '1', r;
	EXECUTE 'DROP TABLE fixed';
END $$;

-- PostgreSQL 18: generated columns that are not stored
DO $$
DECLARE
	r text;
BEGIN
	IF current_setting('server_version_num')::integer < 180000 THEN RETURN; END IF;
	EXECUTE 'CREATE TABLE virt (id integer PRIMARY KEY, price numeric, qty integer DEFAULT 1, total numeric GENERATED ALWAYS AS (price * qty) VIRTUAL)';
	SELECT string_agg(x::text, ' ' ORDER BY x.ordinal) INTO r FROM more.bulk_insert_returning(NULL::virt, '[{"id":1,"price":2},{"id":2,"price":3,"qty":2}]') AS x;
	ASSERT r = '(1,inserted,"(1,2,1,2)") (2,inserted,"(2,3,2,6)")', r;
	SELECT string_agg(x::text, ' ' ORDER BY x.ordinal) INTO r FROM more.bulk_upsert_returning(NULL::virt, '[{"id":3,"price":4},{"id":2,"qty":5}]', skip_unchanged => true) AS x;
	ASSERT r = '(1,inserted,"(3,4,1,4)") (2,updated,"(2,3,5,15)")', r;
	SELECT string_agg(x.id::text, ' ' ORDER BY x.id) INTO r FROM more.rows_in(NULL::virt, '[{"total":15},{"total":4}]', key => '{total}') AS x;
	ASSERT r = '2 3', r;
	SELECT string_agg(x::text, ' ') INTO r FROM more.bulk_sync('virt', '[{"id":2,"price":3}]', condition => 'total > 3') AS x;
	ASSERT r = '(0,0,1,1)', r;
	SELECT string_agg(o, ' ') INTO r FROM outcome($q$SELECT more.bulk_update('virt', '[{"id":1,"total":9}]')$q$) AS o;
	ASSERT r LIKE '428C9 column "total" of "virt" is a generated column%', r;
	r := more.bulk_update('virt', '[{"id":1,"price":9,"total":9}]', set => '{price = data.total + target.total}')::text;
	ASSERT r = '1', r;
	SELECT string_agg(x::text, ' ' ORDER BY id) INTO r FROM virt AS x;
	ASSERT r = '(1,11,1,11) (2,3,5,15)', r;
END $$;

-- PostgreSQL 18: a primary key with a period
DO $$
DECLARE
	r text;
BEGIN
	IF current_setting('server_version_num')::integer < 180000 THEN RETURN; END IF;
	EXECUTE 'CREATE TABLE stay (room int4range, during daterange, guest text, PRIMARY KEY (room, during WITHOUT OVERLAPS))';
	r := more.bulk_insert('stay', '[{"room":"[1,2)","during":"[2024-01-01,2024-01-05)","guest":"ann"},{"room":"[1,2)","during":"[2024-01-05,2024-01-09)","guest":"bob"}]')::text;
	ASSERT r = '2', r;
	SELECT string_agg(o, ' ') INTO r FROM outcome($q$SELECT more.bulk_insert('stay', '[{"room":"[1,2)","during":"[2024-01-04,2024-01-06)"}]')$q$) AS o;
	ASSERT r LIKE '23P01 conflicting key value violates exclusion constraint%', r;
	r := more.bulk_insert('stay', '[{"room":"[1,2)","during":"[2024-01-04,2024-01-06)"},{"room":"[2,3)","during":"[2024-01-04,2024-01-06)"}]', 'ignore')::text;
	ASSERT r = '1', r;
	r := more.bulk_update('stay', '[{"room":"[1,2)","during":"[2024-01-01,2024-01-05)","guest":"ANN"}]')::text;
	ASSERT r = '1', r;
	SELECT string_agg(x.guest, ' ') INTO r FROM more.rows_in(NULL::stay, '[{"room":"[1,2)","during":"[2024-01-05,2024-01-09)"}]') AS x;
	ASSERT r = 'bob', r;
	r := more.bulk_delete('stay', '[{"room":"[1,2)","during":"[2024-01-05,2024-01-09)"}]')::text;
	ASSERT r = '1', r;
	-- what exists is found by equality; what overlaps is an error
	SELECT string_agg(x.status, ' ' ORDER BY x.ordinal) INTO r FROM more.bulk_upsert_returning(NULL::stay,
		'[{"room":"[1,2)","during":"[2024-01-01,2024-01-05)","guest":"again"},{"room":"[1,2)","during":"[2024-02-01,2024-02-05)","guest":"new"}]') AS x;
	ASSERT r = 'updated inserted', r;
	SELECT string_agg(o, ' ') INTO r FROM outcome($q$SELECT more.bulk_upsert('stay', '[{"room":"[1,2)","during":"[2024-01-04,2024-01-06)"}]')$q$) AS o;
	ASSERT r LIKE '23P01 conflicting key value violates exclusion constraint%', r;
END $$;
SELECT 'done' AS newer;

-- PostgreSQL 18: WITHOUT OVERLAPS is checked as the exclusion constraint that it is, with what virtual columns hold in the row in the way
DO $$
DECLARE
	r text;
BEGIN
	IF current_setting('server_version_num')::integer < 180000 THEN RETURN; END IF;
	EXECUTE 'CREATE TABLE stay_over (k int4range, during int4range, v integer GENERATED ALWAYS AS (upper(during) - lower(during)) VIRTUAL,
		CONSTRAINT stay_pk UNIQUE (k, during WITHOUT OVERLAPS), CONSTRAINT stay_late UNIQUE (during, k WITHOUT OVERLAPS) DEFERRABLE)';
	EXECUTE 'INSERT INTO stay_over VALUES (''[1,3)'', ''[1,5)'')';
	EXECUTE $q$SELECT string_agg(concat_ws(' ', ordinal, index, conflict->'row'->'v', conflict->'ordinal', on_conflict), ', ' ORDER BY ordinal, index)
		FROM more.check_unique('stay_over', '[{"k": "[1,3)", "during": "[4,6)"}, {"k": "[1,3)", "during": "[5,6)"}, {"k": "[2,3)", "during": "[1,5)"}, {"k": "[2,3)"}]')$q$ INTO r;
	ASSERT r = '1 stay_pk 4 ON CONFLICT ON CONSTRAINT stay_pk, 2 stay_pk 1 ON CONFLICT ON CONSTRAINT stay_pk, 3 stay_late 4', r;
	EXECUTE 'INSERT INTO stay_over VALUES (''[1,3)'', ''[4,6)'') ON CONFLICT ON CONSTRAINT stay_pk DO NOTHING';
	EXECUTE 'DROP TABLE stay_over';
END $$;

-- PostgreSQL 18: rows whose periods overlap are several, though a unique index compares periods by that
DO $$
DECLARE
	r text;
BEGIN
	IF current_setting('server_version_num')::integer < 180000 THEN RETURN; END IF;
	EXECUTE 'CREATE TABLE guest_stay (room int4range, during daterange, guest text, PRIMARY KEY (room, during WITHOUT OVERLAPS))';
	EXECUTE 'CREATE TABLE visit (id int, room int4range, during daterange, kind int)';
	EXECUTE 'INSERT INTO guest_stay VALUES (''[1,2)'', ''[2024-01-01,2024-01-05)'', ''anna''), (''[1,2)'', ''[2024-01-05,2024-01-09)'', ''bert'')';
	EXECUTE 'INSERT INTO visit VALUES (1, ''[1,2)'', ''[2024-01-03,2024-01-07)'', 1)';
	PERFORM set_config('pg_more.rewrites', 'force', true);
	EXECUTE 'SELECT string_agg(s.guest, '', '') FROM visit AS v LEFT JOIN guest_stay AS s ON s.room && v.room AND s.during && v.during
		WHERE s.guest = ''anna'' OR v.kind = 2' INTO r;
	ASSERT r = 'anna', r;
	EXECUTE 'DROP TABLE guest_stay, visit';
END $$;

-- PostgreSQL 18: columns of GROUP BY beside those of an outer query
DO $$
DECLARE
	r text;
BEGIN
	IF current_setting('server_version_num')::integer < 180000 THEN RETURN; END IF;
	PERFORM set_config('pg_more.rewrites', 'force', true);
	EXECUTE 'SELECT count(*) FROM pg_class AS c, LATERAL (SELECT a.attnum FROM pg_attribute AS a
		WHERE (c.relpages = -7 OR a.attnum = -7) AND (a.attnum = -7 OR c.relpages = -8) GROUP BY a.attnum) AS g' INTO r;
	ASSERT r = '0', r;
END $$;

-- PostgreSQL 18: no index has a column that is computed when read, nor a condition on it; none is suggested
DO $$
DECLARE
	r text;
BEGIN
	IF current_setting('server_version_num')::integer < 180000 THEN RETURN; END IF;
	EXECUTE 'CREATE TABLE doubled (a integer, twice integer GENERATED ALWAYS AS (a * 2) VIRTUAL, b integer)';
	EXECUTE 'INSERT INTO doubled (a, b) SELECT g % 50, g FROM generate_series(1, 5000) AS g; ANALYZE doubled';
	SELECT string_agg(o, ' ') INTO r FROM outcome('SELECT more.what_if(''{CREATE INDEX ON doubled (a) WHERE twice = 4}'', ''SELECT 1'')') AS o;
	ASSERT r LIKE '0A000 indexes on virtual generated columns are not supported%', r;
	SELECT string_agg(o, ' ') INTO r FROM outcome('SELECT more.what_if(''{CREATE INDEX ON doubled ((twice + 1))}'', ''SELECT 1'')') AS o;
	ASSERT r LIKE '0A000 indexes on virtual generated columns are not supported%', r;
	SELECT string_agg(condition, ', ') INTO r FROM more.suggest_partial_indexes(
		queries => '{SELECT * FROM doubled WHERE twice = 4 AND b = 5,SELECT * FROM doubled WHERE twice IS NULL AND b < 50 ORDER BY twice}');
	ASSERT r IS NULL, r;
	EXECUTE 'DROP TABLE doubled';
END $$;

-- PostgreSQL 18: in rows that are written many at a time, too, with what is asked of them
DO $$
DECLARE
	r text;
BEGIN
	IF current_setting('server_version_num')::integer < 180000 THEN RETURN; END IF;
	EXECUTE 'CREATE TABLE virt_many (id integer PRIMARY KEY, a integer, s integer GENERATED ALWAYS AS (a * 2) STORED, v integer GENERATED ALWAYS AS (a + 1) VIRTUAL NOT NULL CHECK (v < 50), u uuid DEFAULT uuidv7())';
	SELECT more.bulk_insert('virt_many', json_agg(json_build_object('id', g, 'a', g))::more.rowset) INTO r FROM generate_series(1, 40) AS g;
	ASSERT r = '40', r;
	EXECUTE 'SELECT concat_ws('' '', count(*), count(DISTINCT u), bool_and(s = 2 * id AND v = id + 1)) FROM virt_many' INTO r;
	ASSERT r = '40 40 t', r;
	BEGIN
		PERFORM more.bulk_insert('virt_many', json_agg(json_build_object('id', g, 'a', g))::more.rowset) FROM generate_series(41, 80) AS g;
		RAISE 'not refused';
	EXCEPTION WHEN check_violation THEN NULL;
	END;
	BEGIN
		PERFORM more.bulk_insert('virt_many', json_agg(json_build_object('id', g, 'a', nullif(g - 100, 15)))::more.rowset) FROM generate_series(101, 130) AS g;
		RAISE 'not refused';
	EXCEPTION WHEN not_null_violation THEN NULL;
	END;
	EXECUTE 'SELECT count(*) FROM virt_many' INTO r;
	ASSERT r = '40', r;
	EXECUTE 'DROP TABLE virt_many';
END $$;
