\i sql/include/setup.sql
\set ECHO none
-- What the tests of the planner's rewrites share. Plans differ between versions, so they show what was done in words.
LOAD 'pg_more';

-- Runs a query as it is and in every form that force makes of it, and compares the rows as multisets. Tells how many
-- rows there are, whether they are the same, and what the plan looks up in: a join, a hashed filter, or neither.
CREATE FUNCTION same_rows(query text, setting text DEFAULT 'force', OUT rows bigint, OUT same boolean, OUT form text)
LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	SET LOCAL pg_more.rewrites = off;
	EXECUTE 'CREATE TEMP TABLE plain_rows AS SELECT to_jsonb(q) AS r FROM (' || query || ') AS q';
	EXECUTE format('SET LOCAL pg_more.rewrites = %s', setting);
	EXECUTE 'CREATE TEMP TABLE other_rows AS SELECT to_jsonb(q) AS r FROM (' || query || ') AS q';
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF, VERBOSE) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	SET LOCAL pg_more.rewrites = off;
	rows := (SELECT count(*) FROM plain_rows);
	same := rows = (SELECT count(*) FROM other_rows) AND
		NOT EXISTS (SELECT r::text FROM plain_rows EXCEPT ALL SELECT r::text FROM other_rows);
	form := CASE WHEN plan !~ 'Function Scan on .*list' THEN 'as it is'
		WHEN plan ~ 'hashed SubPlan' THEN 'filter'
		ELSE 'join' END;
	DROP TABLE plain_rows, other_rows;
END $$;
\set ECHO all
