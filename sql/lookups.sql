-- Rows of the target are looked up one by one, in the order of the key, also where the planner would rather not; but where a setting
-- rules a way out, that way is not taken. The counters of the table and of its index tell which way was taken.
\set ECHO none
\i sql/include/setup.sql
SET client_min_messages = warning;

CREATE TABLE acc (id integer PRIMARY KEY, v integer) WITH (autovacuum_enabled = off);
INSERT INTO acc SELECT g, 0 FROM generate_series(1, 20000) AS g;
ANALYZE acc;
CREATE FUNCTION rows_to_write() RETURNS more.rowset LANGUAGE sql AS $$
	SELECT json_agg(json_build_object('id', g * 7, 'v', g))::more.rowset FROM generate_series(1, 1000) AS g
$$;
CREATE FUNCTION how(statement text, VARIADIC off text[] DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	setting text;
	scans bigint := pg_stat_get_xact_numscans('acc'::regclass);
	lookups bigint := pg_stat_get_xact_numscans('acc_pkey'::regclass);
	fetched bigint := pg_stat_get_xact_tuples_fetched('acc_pkey'::regclass);
BEGIN
	-- a plan that is kept would not see the settings
	DISCARD PLANS;
	FOREACH setting IN ARRAY off LOOP
		PERFORM set_config(setting, 'off', true);
	END LOOP;
	EXECUTE statement;
	FOREACH setting IN ARRAY off LOOP
		PERFORM set_config(setting, 'on', true);
	END LOOP;
	RETURN format('%s scans of the table, %s of the index, %s rows fetched by the index',
		pg_stat_get_xact_numscans('acc'::regclass) - scans,
		pg_stat_get_xact_numscans('acc_pkey'::regclass) - lookups,
		pg_stat_get_xact_tuples_fetched('acc_pkey'::regclass) - fetched);
END $$;

-- the planner by itself would scan the table, as it does for the same statement written by hand
SELECT how('UPDATE acc SET v = d.v FROM json_populate_recordset(NULL::acc, rows_to_write()::json) AS d WHERE acc.id = d.id', 'enable_mergejoin');
SELECT how($$SELECT more.bulk_update('acc', rows_to_write())$$);
SELECT how($$SELECT more.bulk_upsert('acc', rows_to_write(), skip_unchanged => true)$$);
SELECT how($$SELECT more.bulk_delete('acc', '[]')$$);
BEGIN;
SELECT how($$SELECT more.bulk_delete('acc', rows_to_write())$$);
ROLLBACK;
-- without nested loops
SELECT how($$SELECT more.bulk_update('acc', rows_to_write())$$, 'enable_nestloop', 'enable_mergejoin');
SELECT how($$SELECT more.bulk_update('acc', rows_to_write())$$, 'enable_nestloop');
-- without plain index scans: by bitmaps, one for each row
SELECT how($$SELECT more.bulk_update('acc', rows_to_write())$$, 'enable_indexscan');
-- without bitmaps nothing changes
SELECT how($$SELECT more.bulk_update('acc', rows_to_write())$$, 'enable_bitmapscan');
-- without either the index is left alone
SELECT how($$SELECT more.bulk_update('acc', rows_to_write())$$, 'enable_indexscan', 'enable_bitmapscan');
BEGIN;
SELECT how($$SELECT more.bulk_delete('acc', rows_to_write())$$, 'enable_indexscan', 'enable_bitmapscan');
ROLLBACK;
-- where the other joins or scans are ruled out, and where every join is, this way is what is left
SELECT how($$SELECT more.bulk_update('acc', rows_to_write())$$, 'enable_hashjoin', 'enable_mergejoin');
SELECT how($$SELECT more.bulk_update('acc', rows_to_write())$$, 'enable_seqscan');
SELECT how($$SELECT more.bulk_update('acc', rows_to_write())$$, 'enable_nestloop', 'enable_hashjoin', 'enable_mergejoin');
