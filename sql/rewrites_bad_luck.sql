-- Bad luck: little stack, errors and cancels in the middle of planning, what a plan is made of goes away.
\set ECHO none
\i sql/include/rewrites.sql
\set VERBOSITY terse

CREATE TABLE item (a int, b int, c text);
INSERT INTO item SELECT g, g % 100, 'c' || g FROM generate_series(1, 1000) AS g;
ANALYZE item;
CREATE FUNCTION tuples(n int, form text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format(form, g, g % 100), CASE WHEN form LIKE '%AND%' THEN ' OR ' ELSE ', ' END) FROM generate_series(1, n) AS g
$$;

-- whatever the stack allows without the rewrites, it allows with them
CREATE FUNCTION ends(depth text, mode text, statement text) RETURNS text LANGUAGE plpgsql
	SET max_stack_depth FROM CURRENT AS $$
DECLARE
	n bigint;
BEGIN
	PERFORM set_config('pg_more.rewrites', mode, true), set_config('max_stack_depth', depth, true);
	EXECUTE statement INTO n;
	RETURN n;
EXCEPTION WHEN statement_too_complex THEN
	RETURN 'too complex';
END $$;
SELECT depth, form, off = forced AS same, CASE WHEN depth = '1900kB' THEN forced END AS result
FROM (VALUES ('100kB'), ('300kB'), ('600kB'), ('900kB'), ('1200kB'), ('1900kB')) AS d (depth),
	(VALUES ('(%s, %s)', 'SELECT count(*) FROM item WHERE (a, b) IN (%s)'),
		('(%s, %s)', 'SELECT count(*) FROM item WHERE (a, b) NOT IN (%s)'),
		('(a = %s AND b = %s)', 'SELECT count(*) FROM item WHERE %s')) AS f (form, statement),
	LATERAL format(statement, tuples(5000, form)) AS s,
	LATERAL ends(depth, 'off', s) AS off, LATERAL ends(depth, 'force', s) AS forced
ORDER BY depth::text COLLATE "C", statement COLLATE "C";

-- an error or a cancel while a statement is planned leaves the next one as it should be
CREATE FUNCTION fails(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'computed while planning'; END $$;
CREATE FUNCTION sleeps(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_sleep(60); RETURN $1; END $$;
SET pg_more.rewrites = force;
SELECT count(*) FROM item WHERE (a, b) IN ((1, 1), (2, 2)) AND a > fails(0);
SELECT CASE a WHEN 1 THEN 'one' WHEN 2 THEN 'two' END FROM item WHERE a < fails(5);
SET statement_timeout = '200ms';
SELECT count(*) FROM item WHERE (a, b) IN ((1, 1), (2, 2)) AND a > sleeps(0);
RESET statement_timeout;
SELECT * FROM same_rows('SELECT * FROM item WHERE (a, b) IN ((1, 1), (2, 2))');

-- a function that the planner runs plans statements of its own, which stay as they are
CREATE FUNCTION looks(int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT count(*) FROM item WHERE (a, b) IN ((1, 1), (2, 2), ($1, $1))); END $$;
SELECT * FROM same_rows('SELECT * FROM item WHERE (a, b) IN ((1, 1), (2, 2)) AND a <= looks(3)');

-- a table, a type and an operator that change between the executions of a generic plan
SET plan_cache_mode = force_generic_plan;
PREPARE listed (int, int) AS SELECT count(*) FROM item WHERE (a, b) IN (($1, $2), (2, 2));
PREPARE named (text) AS SELECT count(*) FROM (SELECT CASE a WHEN 1 THEN c WHEN 2 THEN 'two' END AS x FROM item) AS s WHERE x = $1;
EXECUTE listed (1, 1);
EXECUTE named ('two');
ALTER TABLE item ALTER a TYPE bigint;
EXECUTE listed (1, 1);
ALTER TABLE item ADD d int DEFAULT 1, DROP c;
EXECUTE listed (1, 1);
EXECUTE named ('two');
DROP TABLE item;
EXECUTE listed (1, 1);
CREATE TABLE item (b int, a int);
INSERT INTO item VALUES (1, 1), (2, 2), (3, 3);
EXECUTE listed (1, 1);

CREATE OPERATOR ==== (LEFTARG = int4, RIGHTARG = int4, FUNCTION = int4eq, COMMUTATOR = ====, HASHES);
CREATE OPERATOR FAMILY other_ops USING hash;
CREATE OPERATOR CLASS other_ops FOR TYPE int4 USING hash FAMILY other_ops AS OPERATOR 1 ====, FUNCTION 1 hashint4(int4);
PREPARE other (int) AS SELECT count(*) FROM item WHERE (a ==== 1 AND b ==== 1) OR (a ==== $1 AND b ==== 2);
EXECUTE other (2);
-- (a plan that hashes, the server's own as well, needs its operator family as long as it is kept)
DROP OPERATOR FAMILY other_ops USING hash;
DISCARD PLANS;
EXECUTE other (2);
DROP OPERATOR ==== (int4, int4);
EXECUTE other (2);

-- the functions that plans call go away with the extension
PREPARE cased (int) AS SELECT a, CASE a WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE 'more' END AS x FROM item WHERE a < $1 ORDER BY a;
EXECUTE cased (3);
SET client_min_messages = warning;
DROP EXTENSION pg_more CASCADE;
EXECUTE cased (3);
CREATE EXTENSION pg_more;
EXECUTE cased (3);
