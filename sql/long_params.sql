-- Long parameters are not copied into the plan: rowsets, and arrays that rowsets are made of.
\set ECHO none
\i sql/include/setup.sql
CREATE TABLE long_t (id integer PRIMARY KEY, v text, w numeric(12,2));
INSERT INTO long_t SELECT i, 'old ' || i, i FROM generate_series(1, 12000) AS i;
ANALYZE long_t;

CREATE FUNCTION long_json(n integer, step integer DEFAULT 1) RETURNS text LANGUAGE sql STABLE AS
	$$ SELECT json_agg(json_build_object('id', i * step, 'v', 'json ' || i, 'w', i / 4.0) ORDER BY hashint4(i))::text
		FROM generate_series(1, n) AS i $$;
CREATE FUNCTION long_ids(n integer, step integer DEFAULT 1) RETURNS integer[] LANGUAGE sql STABLE AS
	$$ SELECT array_agg(i * step ORDER BY hashint4(i)) FROM generate_series(1, n) AS i $$;
CREATE FUNCTION long_texts(n integer) RETURNS text[] LANGUAGE sql STABLE AS
	$$ SELECT array_agg('array ' || i ORDER BY hashint4(i)) FROM generate_series(1, n) AS i $$;
CREATE FUNCTION long_numbers(n integer) RETURNS numeric[] LANGUAGE sql STABLE AS
	$$ SELECT array_agg(CASE WHEN i % 7 > 0 THEN i / 3.0 END ORDER BY hashint4(i)) FROM generate_series(1, n) AS i $$;
-- the calls of functions in FROM, as the plan has them
CREATE FUNCTION calls_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || statement LOOP
		IF line LIKE '%Function Call:%' THEN
			RETURN NEXT left(trim(line), 120);
		END IF;
	END LOOP;
END $$;

-- verbs: each row gets its own values, in the order of the key and in that of the data
PREPARE change(more.rowset) AS SELECT more.bulk_update('long_t', $1);
EXECUTE change('[{"id": 1, "v": "short"}]');
EXECUTE change(long_json(9000)::more.rowset);
SELECT count(*) FROM long_t WHERE v = 'json ' || id AND w = round(id / 4.0, 2);
PREPARE change_arrays(integer[], text[], numeric[]) AS
	SELECT more.bulk_update('long_t', more.rowset(ARRAY['id', 'v', 'w'], $1, $2, $3));
EXECUTE change_arrays('{1}', '{short}', '{1}');
EXECUTE change_arrays(long_ids(12000), long_texts(12000), long_numbers(12000));
SELECT count(*), count(w) FROM long_t WHERE v = 'array ' || id AND w IS NOT DISTINCT FROM CASE WHEN id % 7 > 0 THEN round(id / 3.0, 2) END;
EXECUTE change(NULL);
EXECUTE change_arrays(long_ids(12000), long_texts(12000), NULL);
EXECUTE change_arrays(long_ids(12000), long_texts(11999), long_numbers(12000));

-- the plan has the parameter, long lists are known to it all the same, and short ones are constants
PREPARE find(more.rowset) AS SELECT count(*), sum(id) FROM more.rows_in(NULL::long_t, $1, key => '{id}');
PREPARE find_arrays(integer[], text[]) AS
	SELECT count(*), sum(id) FROM more.rows_in(NULL::long_t, more.rowset(ARRAY['id', 'v'], $1, $2), key => '{id}');
SELECT calls_of('EXECUTE find(long_json(9000, 2)::more.rowset)');
SELECT calls_of('EXECUTE find(long_json(11000, 2)::more.rowset)');
SELECT calls_of('EXECUTE find_arrays(long_ids(9000, 2), long_texts(9000))');
SELECT calls_of('EXECUTE find_arrays(long_ids(20000, 2), long_texts(20000))');
EXECUTE find(long_json(9000, 2)::more.rowset);
EXECUTE find(long_json(11000, 2)::more.rowset);
EXECUTE find_arrays(long_ids(9000, 2), long_texts(9000));
EXECUTE find_arrays(long_ids(20000, 2), long_texts(20000));
EXECUTE find_arrays(long_ids(20000, 0), long_texts(20000));
EXECUTE find_arrays(array_cat(long_ids(20000, 2), '{NULL,2}'), array_cat(long_texts(20000), '{a,b}'));
EXECUTE find_arrays('{2,3,3,NULL}', '{a,b,c,d}');
EXECUTE find('[{"id": 5}, {"id": 5}]');
SET plan_cache_mode = force_generic_plan;
EXECUTE find(long_json(9000, 2)::more.rowset);
EXECUTE find_arrays(long_ids(20000, 2), long_texts(20000));
EXECUTE find('[{"id": 5}, {"id": 5}]');
RESET plan_cache_mode;

-- an array that is more than that stays a constant; in a statement of several levels, too
PREPARE both_uses(integer[], text[]) AS
	SELECT count(*) FROM more.rows_in(NULL::long_t, more.rowset(ARRAY['id', 'v'], $1, $2), key => '{id}') AS r WHERE id = ANY ($1);
EXECUTE both_uses(long_ids(20000, 3), long_texts(20000));
PREPARE nested(integer[], text[], more.rowset) AS
	WITH picked AS (SELECT id FROM more.rows_in(NULL::long_t, more.rowset(ARRAY['id', 'v'], $1, $2), key => '{id}'))
	SELECT count(*), (SELECT count(*) FROM unnest($2)), (SELECT count(*) FROM more.rows_not_in(NULL::long_t, $3, key => '{id}'))
	FROM picked WHERE EXISTS (SELECT FROM more.rows_missing(NULL::long_t, $3, key => '{id}') AS m WHERE m.id > picked.id);
EXECUTE nested(long_ids(20000, 2), long_texts(20000), long_json(9000, 3)::more.rowset);
PREPARE columns_too(text[], integer[]) AS SELECT more.rowset_count(more.rowset($1, $2));
EXECUTE columns_too('{id}', long_ids(20000));

-- a rowset that is more than an argument stays a constant, of which the planner knows that it is not null; named arguments do no harm
CREATE FUNCTION plan_of(statement text, what text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		IF line ~ what THEN
			RETURN NEXT left(trim(line), 60);
		END IF;
	END LOOP;
END $$;
PREPARE all_or_some(more.rowset) AS
	SELECT count(*) FROM long_t WHERE $1 IS NULL OR id IN (SELECT id FROM more.rows_in(NULL::long_t, $1, key => '{id}'));
SELECT plan_of('EXECUTE all_or_some(long_json(9000, 2)::more.rowset)', 'Filter') !~ 'NULL' AS constant;
PREPARE find_some(more.rowset) AS SELECT count(*), sum(id) FROM more.rows_in(NULL::long_t, coalesce($1, '[]'), key => '{id}');
SELECT calls_of('EXECUTE find_some(long_json(9000, 2)::more.rowset)') !~ '\$1' AS constant;
EXECUTE find_some(long_json(9000, 2)::more.rowset);
EXECUTE find_some(NULL);
CREATE FUNCTION size_of(more.rowset) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN more.rowset_count($1); END';
CREATE INDEX long_some ON long_t (v) WHERE id > 8000;
PREPARE beyond(more.rowset) AS SELECT id FROM long_t WHERE id > size_of($1) AND v = 'none';
SET enable_seqscan = off;
SELECT plan_of('EXECUTE beyond(long_json(9000)::more.rowset)', 'long_some');
RESET enable_seqscan;
PREPARE by_names(more.rowset) AS SELECT count(*), sum(id) FROM more.rows_in(key => '{id}', data => $1, target => NULL::long_t);
SELECT calls_of('EXECUTE by_names(long_json(9000, 2)::more.rowset)');
EXECUTE by_names(long_json(9000, 2)::more.rowset);

-- a list that work_mem does not hold is left to the call, which hashes it in more memory, where nothing else chooses rows
CREATE TABLE long_big AS SELECT i AS id, 'x' AS v, 1 AS w FROM generate_series(1, 40000) AS i;
VACUUM ANALYZE long_big;
PREPARE in_big(more.rowset) AS SELECT count(*), sum(id) FROM more.rows_in(NULL::long_big, $1, key => '{id}');
PREPARE some_of_big(more.rowset, integer) AS
	SELECT count(*), sum(id) FROM more.rows_in(NULL::long_big, $1, key => '{id}') WHERE id < $2;
SELECT calls_of('EXECUTE in_big(long_json(11000, 3)::more.rowset)');
EXECUTE in_big(long_json(11000, 3)::more.rowset);
SET work_mem = '64kB';
DEALLOCATE in_big;
PREPARE in_big(more.rowset) AS SELECT count(*), sum(id) FROM more.rows_in(NULL::long_big, $1, key => '{id}');
SELECT calls_of('EXECUTE in_big(long_json(11000, 3)::more.rowset)');
EXECUTE in_big(long_json(11000, 3)::more.rowset);
SELECT calls_of('EXECUTE in_big(long_json(9000, 3)::more.rowset)');
SELECT calls_of('EXECUTE some_of_big(long_json(11000, 3)::more.rowset, 100)');
EXECUTE some_of_big(long_json(11000, 3)::more.rowset, 100);
RESET work_mem;

-- errors in the data name their row
EXECUTE change(replace(long_json(9000), '"w" : 1750.0000000000000000', '"w" : "x"')::more.rowset);
EXECUTE change(replace(long_json(9000), '"id" : 7000,', '"id" : 700,')::more.rowset);
EXECUTE find(replace(long_json(9000), '"id" : 7000,', '"id" : "x",')::more.rowset);

DROP TABLE long_t, long_big CASCADE;
DROP FUNCTION long_json, long_ids, long_texts, long_numbers, calls_of, plan_of, size_of;
