-- The catalog: every function has a comment and runs with its caller's rights; nothing but the schema more is used.
\set ECHO none
\i sql/include/setup.sql
SELECT p.oid::regprocedure AS without_comment FROM pg_proc AS p
WHERE pronamespace = 'more'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT t.oid::regtype AS without_comment FROM pg_type AS t
WHERE typnamespace = 'more'::regnamespace AND typelem = 0 AND typrelid = 0 AND obj_description(t.oid, 'pg_type') IS NULL;
SELECT p.oid::regprocedure AS security_definer FROM pg_proc AS p WHERE pronamespace = 'more'::regnamespace AND prosecdef;
-- those that write are volatile and stay out of parallel workers
SELECT proname, provolatile, proparallel FROM pg_proc
WHERE pronamespace = 'more'::regnamespace AND proname LIKE 'bulk%' AND (provolatile, proparallel) <> ('v', 'u');
SELECT proname, provolatile, proparallel FROM pg_proc
WHERE pronamespace = 'more'::regnamespace AND proname LIKE 'rows\_%' AND provolatile <> 's';
-- every member is in the schema, or is a cast
SELECT pg_describe_object(classid, objid, 0) AS outside FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_more') AND deptype = 'e'
	AND classid NOT IN ('pg_cast'::regclass) AND NOT (pg_identify_object(classid, objid, 0)).schema IS NOT DISTINCT FROM 'more'
	AND pg_describe_object(classid, objid, 0) <> 'schema more' ORDER BY 1;
-- the schema is everyone's to use, nobody's to change
SELECT nspname, has_schema_privilege('pg_read_all_data', oid, 'USAGE') AS usage, has_schema_privilege('pg_read_all_data', oid, 'CREATE') AS create
FROM pg_namespace WHERE nspname = 'more';
-- the signatures are a contract
SELECT p.oid::regprocedure AS function, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result
FROM pg_proc AS p WHERE pronamespace = 'more'::regnamespace AND proname ~ '^((bulk|rows)_|rowset$|rowset_(count|columns)$)' ORDER BY proname, 1;
-- settings of pg_more that do not exist are refused
SET pg_more.no_such_setting = 1;
SHOW pg_more.rows_source;
SET pg_more.rows_source = nonsense;
-- it can be dropped and made again, in one session that has used it
CREATE TABLE acc (id integer PRIMARY KEY, v text);
SELECT more.bulk_upsert('acc', '[{"id":1,"v":"a"}]');
DROP EXTENSION pg_more;
SELECT * FROM outcome($$SELECT more.bulk_upsert('acc', '[{"id":1,"v":"b"}]')$$) LIMIT 1;
CREATE EXTENSION pg_more;
SELECT more.bulk_upsert('acc', '[{"id":1,"v":"c"}]');
SELECT * FROM acc;
