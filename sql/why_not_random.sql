-- more.why_not against the planner: for random pairs of a predicate and a query, an index is usable exactly when
-- the planner takes it, once everything else is made dear. More pairs: psql -v pairs=100000 -v seed=0.3 -f this file.
\set ECHO none
\i sql/include/setup.sql
\set VERBOSITY terse
SET client_min_messages = warning;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
\if :{?pairs}
\else
\set pairs 2000
\endif
\if :{?seed}
\else
\set seed 0.5
\endif
CREATE SCHEMA why_random;
SET search_path = why_random;
CREATE TYPE mood AS ENUM ('open', 'held', 'done');
CREATE TABLE t (a int, b int, c bigint, s text, v varchar(9), f boolean, d date, e mood, n numeric);
CREATE TABLE u (a int, s text, f boolean, e mood);
INSERT INTO t SELECT g % 7, g % 5, g, 'x' || g % 4, 'x' || g % 3, g % 2 = 0, date '2020-01-01' + g % 5,
	(enum_range(NULL::mood))[g % 3 + 1], g FROM generate_series(1, 300) AS g;
INSERT INTO u SELECT g % 7, 'x' || g % 4, g % 2 = 0, (enum_range(NULL::mood))[g % 3 + 1] FROM generate_series(1, 50) AS g;
ANALYZE t, u;

CREATE FUNCTION pick(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE
	RETURN choices[1 + floor(random() * cardinality(choices))::int];
-- any number from 0 to n - 1
CREATE FUNCTION any_int(n int) RETURNS int LANGUAGE sql VOLATILE RETURN floor(random() * n)::int;

-- A condition on one column, or two. Predicates of indexes must be immutable; conditions of queries need not.
CREATE FUNCTION atom(x text, immutable boolean) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	op text := pick('=', '<', '<=', '>', '>=', '<>');
	k int := any_int(4);
BEGIN
	RETURN CASE any_int(CASE WHEN immutable THEN 24 ELSE 30 END)
		WHEN 0 THEN format('%s.a %s %s', x, op, k)
		WHEN 1 THEN format('%s.b %s %s', x, op, k)
		WHEN 2 THEN format('%s.c %s %s', x, op, k)
		WHEN 3 THEN format('%s.n %s %s', x, op, k)
		WHEN 4 THEN format('%s.s = ''x%s''', x, k)
		WHEN 5 THEN format('%s.s <> ''x%s''', x, k)
		WHEN 6 THEN format('%s.s IN (''x%s'', ''x%s'')', x, k, any_int(4))
		WHEN 7 THEN format('%s.f', x)
		WHEN 8 THEN format('NOT %s.f', x)
		WHEN 9 THEN format('%s.f IS %s', x, pick('TRUE', 'FALSE', 'NOT TRUE', 'NOT FALSE', 'UNKNOWN'))
		WHEN 10 THEN format('%s.f = %s', x, pick('true', 'false'))
		WHEN 11 THEN format('%s.%s IS NULL', x, pick('a', 's', 'd', 'e'))
		WHEN 12 THEN format('%s.%s IS NOT NULL', x, pick('a', 's', 'd', 'e', 'v'))
		WHEN 13 THEN format('%s.d %s date ''2020-01-0%s''', x, op, 1 + k)
		WHEN 14 THEN format('%s.e %s ''%s''', x, pick('=', '<>', '<'), pick('open', 'held', 'done'))
		WHEN 15 THEN format('%s.v = ''x%s''', x, k)
		WHEN 16 THEN format('%s.a IN (%s, %s)', x, k, any_int(4))
		WHEN 17 THEN format('%s.a BETWEEN %s AND %s', x, k, k + any_int(3))
		WHEN 18 THEN format('%s.a %s %s.b', x, op, x)
		WHEN 19 THEN format('%s.a + 1 %s %s', x, op, k)
		WHEN 20 THEN format('lower(%s.s) = ''x%s''', x, k)
		WHEN 21 THEN format('%s.s LIKE ''x%s%%''', x, k)
		WHEN 22 THEN format('%s.a IS NOT DISTINCT FROM %s', x, k)
		WHEN 23 THEN format('coalesce(%s.f, false)', x)
		WHEN 24 THEN format('%s.e::text = ''%s''', x, pick('open', 'held', 'done'))
		WHEN 25 THEN format('%s.d %s current_date', x, op)
		WHEN 26 THEN format('%s.a %s %s.0', x, op, k)
		WHEN 27 THEN format('%s.a %s %s::bigint', x, op, k)
		WHEN 28 THEN format('%s.a > random() * 9', x)
		ELSE format('%s.s = ''x%s'' COLLATE "C"', x, k)
	END;
END $$;

CREATE FUNCTION condition(x text, immutable boolean, depth int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF depth = 0 OR random() < 0.3 THEN
		RETURN atom(x, immutable);
	END IF;
	RETURN CASE any_int(5)
		WHEN 0 THEN format('(%s OR %s)', condition(x, immutable, depth - 1), condition(x, immutable, depth - 1))
		WHEN 1 THEN format('NOT (%s)', condition(x, immutable, depth - 1))
		ELSE format('(%s AND %s)', condition(x, immutable, depth - 1), condition(x, immutable, depth - 1))
	END;
END $$;

-- A query that reads t once, as x; often its condition has to do with the predicate.
CREATE FUNCTION query(predicate text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	near text := CASE any_int(4)
		WHEN 0 THEN condition('x', false, 2)
		WHEN 1 THEN format('(%s AND %s)', predicate, condition('x', false, 1))
		WHEN 2 THEN format('(%s OR %s)', predicate, condition('x', false, 1))
		ELSE predicate END;
	other text := condition('x', false, 1);
BEGIN
	RETURN CASE any_int(13)
		WHEN 0 THEN format('SELECT count(*) FROM t AS x JOIN u AS y ON y.a = x.a WHERE %s', near)
		WHEN 1 THEN format('SELECT * FROM u AS y LEFT JOIN t AS x ON x.a = y.a AND %s WHERE %s', near, pick('true', other))
		WHEN 2 THEN format('SELECT * FROM t AS x LEFT JOIN u AS y ON y.a = x.a AND %s WHERE %s', near, pick('true', other))
		WHEN 3 THEN format('SELECT * FROM u AS y LEFT JOIN t AS x ON x.a = y.a WHERE %s', near)
		WHEN 4 THEN format('SELECT * FROM u AS y WHERE EXISTS (SELECT FROM t AS x WHERE x.a = y.a AND %s)', near)
		WHEN 5 THEN format('UPDATE t AS x SET b = 1 WHERE %s', near)
		WHEN 6 THEN format('DELETE FROM t AS x USING u WHERE x.s = u.s AND u.s = ''x1'' AND %s', near)
		WHEN 7 THEN format('SELECT * FROM (SELECT * FROM t AS x WHERE %s) AS x WHERE %s', other, near)
		WHEN 8 THEN format('SELECT * FROM t AS x WHERE %s FOR UPDATE', near)
		WHEN 9 THEN format('SELECT min(x.b), max(x.a) FROM t AS x WHERE %s', near)
		WHEN 10 THEN format('SELECT * FROM u AS y FULL JOIN t AS x ON x.a = y.a AND x.f = y.f WHERE %s', near)
		WHEN 11 THEN format('WITH m AS (SELECT * FROM t AS x WHERE %s) SELECT * FROM m WHERE m.a = 1', near)
		ELSE format('SELECT * FROM t AS x WHERE %s', near)
	END;
END $$;

-- Whether the plan of a statement names the index.
CREATE FUNCTION takes(explained text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	line text;
	result boolean := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || explained LOOP
		result := result OR line LIKE '%t_partial%';
	END LOOP;
	RETURN result;
END $$;

CREATE TABLE seen (predicate text, query text, usable boolean, taken boolean, used boolean, planned boolean, suggestion text,
	helped boolean, reason text);

CREATE FUNCTION look(pairs int) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	pred text;
	made text;
	now seen;
	told record;
BEGIN
	FOR i IN 1 .. pairs LOOP
		pred := condition('x', true, 1 + any_int(2));
		BEGIN
			EXECUTE format('CREATE INDEX t_partial ON t USING %s WHERE %s',
				pick('btree (a)', 'btree (s)', 'btree (b, a)', 'hash (a)', 'brin (a)', 'btree (lower(s))', 'spgist (s)'),
				replace(pred, 'x.', ''));
		EXCEPTION WHEN invalid_object_definition THEN
			CONTINUE;
		END;
		made := query(pred);
		SELECT * INTO STRICT told FROM more.why_not(made) AS w;
		now := (pred, made, told.usable, NULL, told.used, takes(made), told.suggestion, NULL, told.reason);
		SET enable_seqscan = off; SET enable_tidscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
		now.taken := takes(made);
		IF told.suggestion LIKE 'add to WHERE: %' AND made ~ '^(SELECT|UPDATE|DELETE)' AND made !~ 'EXISTS|AS x WHERE .* AS x WHERE|FOR UPDATE' THEN
			now.helped := takes(regexp_replace(made, ' WHERE (.*)$', ' WHERE (\1) AND ') || substr(told.suggestion, 15));
		END IF;
		RESET enable_seqscan; RESET enable_tidscan; RESET enable_hashjoin; RESET enable_mergejoin;
		INSERT INTO seen VALUES (now.*);
		DROP INDEX t_partial;
	END LOOP;
END $$;

SELECT setseed(:seed) AS seed \gset
\set ECHO all
SELECT look(:pairs);
-- none of these
SELECT * FROM seen WHERE usable <> taken OR used <> planned OR used AND NOT usable OR NOT helped
	OR reason IS NULL OR usable AND suggestion IS NOT NULL LIMIT 5;
-- enough of each kind
SELECT count(*) > :pairs * 0.9 AS pairs, count(*) FILTER (WHERE usable) > :pairs * 0.2 AS usable,
	count(*) FILTER (WHERE usable AND NOT used) > :pairs * 0.05 AS dearer, count(*) FILTER (WHERE NOT usable) > :pairs * 0.2 AS not_usable,
	count(*) FILTER (WHERE suggestion LIKE 'replace%') > 0 AS replaced,
	count(*) FILTER (WHERE helped) > :pairs * 0.05 AS helped FROM seen;

-- With a parameter: what holds in a generic plan, and in a custom plan with the value that is named.
TRUNCATE seen;
CREATE FUNCTION look_prepared(pairs int) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	pred text;
	made text;
	now seen;
	told record;
BEGIN
	FOR i IN 1 .. pairs LOOP
		pred := condition('x', true, any_int(2));
		made := regexp_replace(CASE WHEN random() < 0.7 THEN pred ELSE condition('x', true, 1) END,
			pick('''x\d%?''', '\m\d+\M', '''(open|held|done)'''), '$1');
		IF random() < 0.2 THEN
			made := pred || ' AND x.b = $1';
		END IF;
		CONTINUE WHEN made !~ '\$1';
		made := pick('SELECT * FROM t AS x WHERE ', 'SELECT * FROM u AS y JOIN t AS x USING (a) WHERE ', 'DELETE FROM t AS x WHERE ') || made;
		BEGIN
			EXECUTE 'CREATE INDEX t_partial ON t (b) WHERE ' || replace(pred, 'x.', '');
		EXCEPTION WHEN invalid_object_definition THEN
			CONTINUE;
		END;
		EXECUTE 'PREPARE made AS ' || made;
		SELECT * INTO STRICT told FROM more.why_not(made) AS w;
		now := (pred, made, told.usable, NULL, told.generic_plan, NULL, told.suggestion, NULL, told.reason);
		SET enable_seqscan = off; SET enable_tidscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
		SET plan_cache_mode = force_generic_plan;
		now.planned := takes('EXECUTE made(NULL)');
		IF told.usable AND NOT told.generic_plan THEN
			SET plan_cache_mode = force_custom_plan;
			now.taken := takes(format('EXECUTE made(%s)', substring(told.suggestion FROM '\$1 = (.*), or SET')));
		END IF;
		RESET enable_seqscan; RESET enable_tidscan; RESET enable_hashjoin; RESET enable_mergejoin; RESET plan_cache_mode;
		INSERT INTO seen VALUES (now.*);
		DEALLOCATE made;
		DROP INDEX t_partial;
	END LOOP;
END $$;
SELECT look_prepared(:pairs / 4);
-- none of these
SELECT * FROM seen WHERE used <> planned OR used AND NOT usable OR NOT taken LIMIT 5;
SELECT count(*) > :pairs * 0.05 AS pairs, count(*) FILTER (WHERE used) > :pairs * 0.005 AS generic,
	count(*) FILTER (WHERE taken) > :pairs * 0.01 AS only_custom FROM seen;
DROP SCHEMA why_random CASCADE;
