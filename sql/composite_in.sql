-- composite_in: lists of tuples, as ORMs send them, give the same rows in every form.
\set ECHO none
\i sql/include/rewrites.sql

CREATE TABLE item (id int PRIMARY KEY, a int, b bigint, c text, f boolean, d double precision, v varchar(10), u uuid);
INSERT INTO item
SELECT g, g % 10, g % 7, 'c' || g % 5, g % 2 = 0, g / 2.0, g % 13, ('00000000-0000-0000-0000-00000000000' || g % 3)::uuid
FROM generate_series(1, 1000) AS g;
INSERT INTO item VALUES (1001, NULL, 1, 'n'), (1002, 1, NULL, 'm'), (1003, NULL, NULL, NULL), (1004, 1, 3000000000, 'w');
CREATE INDEX ON item (a, b);
ANALYZE item;

-- a list in WHERE is a join, however it is written
SELECT * FROM same_rows('SELECT * FROM item WHERE (a, b) IN ((1, 2), (3, 4), (1, 2), (9, 9))');
SELECT * FROM same_rows('SELECT * FROM item WHERE (a = 1 AND b = 2) OR (b = 4 AND 3 = a)');
SELECT * FROM same_rows('SELECT * FROM item WHERE ((a = 1 AND b = 2) OR (a = 3 AND b = 4)) OR (a = 5 AND b = 6)');
SELECT * FROM same_rows('SELECT * FROM item WHERE id > 100 AND ((a, b) IN ((1, 2), (3, 4)) AND c <> ''c1'')');
SELECT * FROM same_rows('SELECT * FROM item AS x JOIN item AS y ON x.id = y.id AND (x.a, y.b) IN ((1, 2), (3, 4))');
SELECT * FROM same_rows('SELECT * FROM item WHERE (a, b, c, f) IN ((1, 1, ''c1'', false), (2, 2, ''c2'', true))');
-- a boolean column by itself, and values of several widths
SELECT * FROM same_rows('SELECT * FROM item WHERE (a = 1 AND f) OR (a = 2 AND NOT f) OR (f AND a = 4)');
SELECT * FROM same_rows('SELECT * FROM item WHERE (a, b) IN ((1, 3000000000), (1, 2), (smallint ''2'', 3))');
SELECT * FROM same_rows('SELECT * FROM item WHERE (b, a) IN ((1, 3000000000), (1, 1))');
SELECT * FROM same_rows('SELECT * FROM item WHERE (v, d) IN ((''1'', 7), (''2'', 1), (''3'', 1.5))');
SELECT * FROM same_rows('SELECT * FROM item WHERE (u, a) IN ((''00000000-0000-0000-0000-000000000001'', 1), (NULL, 2))');

-- beside other arms, or for the value, it is a hashed expression with the same NULLs
SELECT * FROM same_rows('SELECT * FROM item WHERE (a, b) IN ((1, 2), (3, 4)) OR c = ''n''');
SELECT * FROM same_rows('SELECT * FROM item WHERE (a, b) NOT IN ((1, 2), (3, 4))');
SELECT * FROM same_rows('SELECT * FROM item WHERE (a, b) NOT IN ((1, 2), (NULL, 4))');
SELECT * FROM same_rows('SELECT id, (a, b) IN ((1, 2), (NULL, 4), (3, NULL)) AS r FROM item');
SELECT * FROM same_rows('SELECT id, (a, b) NOT IN ((1, 2), (NULL, NULL)) AS r FROM item');
SELECT * FROM same_rows('SELECT id, NOT ((a = 1 AND b = 2) OR (a = 3 AND b = NULL)) AS r FROM item');
SELECT * FROM same_rows('SELECT CASE WHEN (a, b) IN ((1, 2), (3, 4)) THEN 1 WHEN (a, b) IN ((5, 6), (7, 1)) THEN 2 END AS r FROM item');
SELECT * FROM same_rows('SELECT count(*) FILTER (WHERE (a, b) IN ((1, 2), (3, 4))) AS n FROM item');
SELECT * FROM same_rows('SELECT x.id, y.id AS other FROM item AS x LEFT JOIN item AS y ON x.id = y.id AND (x.a, y.b) IN ((1, 2), (3, 4))');
SELECT * FROM same_rows('SELECT x.id, y.id AS other FROM item AS x FULL JOIN item AS y ON x.id = y.id AND (x.a, y.b) IN ((1, 2), (3, 4))');
SELECT * FROM same_rows('SELECT id FROM item AS x WHERE EXISTS (SELECT FROM item AS y WHERE y.id = x.id AND (y.a, x.b) IN ((1, 2), (3, 4)))');
-- what all arms have in common is taken out of them
SELECT * FROM same_rows('SELECT * FROM item WHERE (a = 1 AND b = 2 AND c IS NOT NULL) OR (a = 3 AND b = 4 AND c IS NOT NULL)');
SELECT * FROM same_rows('SELECT id, NOT ((a = 1 AND a IS NOT NULL AND b = 2 AND b IS NOT NULL) OR (a = 3 AND a IS NOT NULL AND b = 4 AND b IS NOT NULL)) AS r FROM item');

-- levels: CTEs, views, subqueries, unions, DML sources
CREATE VIEW listed AS SELECT id, c FROM item WHERE (a, b) IN ((1, 2), (3, 4));
SELECT * FROM same_rows('SELECT * FROM listed WHERE id > 10');
SELECT * FROM same_rows('WITH w AS MATERIALIZED (SELECT * FROM item WHERE (a, b) IN ((1, 2), (3, 4))) SELECT count(*) FROM w');
SELECT * FROM same_rows('SELECT 1 AS x FROM item WHERE (a, b) IN ((1, 2), (3, 4)) UNION ALL SELECT id FROM item WHERE (a, c) IN ((1, ''c1''), (2, ''c2''))');
SELECT * FROM same_rows('SELECT (SELECT count(*) FROM item AS y WHERE (y.a, y.b) IN ((1, 2), (3, 4)) AND y.id <= x.id) FROM item AS x');
SELECT * FROM same_rows('SELECT id FROM item AS x, LATERAL (SELECT 1 WHERE (x.a, x.b) IN ((1, 2), (3, 4))) AS l');

-- rows that are locked or changed keep a filter that is checked again as a whole
SELECT * FROM same_rows('SELECT * FROM (SELECT id FROM item WHERE (c, f) IN ((''c1'', true), (''c2'', false)) FOR UPDATE) AS l');
BEGIN;
SET LOCAL pg_more.rewrites = force;
UPDATE item SET c = 'changed' WHERE (a, b) IN ((1, 2), (3, 4), (1, 3000000000));
SELECT count(*) FROM item WHERE c = 'changed';
DELETE FROM item WHERE (a = 1 AND b = 2) OR (a = 3 AND b = 4);
SELECT count(*) FROM item WHERE c = 'changed';
UPDATE item SET c = 'joined' FROM (VALUES (1), (2)) AS o (x) WHERE item.id = o.x AND (o.x, item.a) IN ((1, 1), (2, 2));
SELECT id FROM item WHERE c = 'joined' ORDER BY id;
INSERT INTO item (id, c) SELECT -id, 'copied' FROM item WHERE (a, b) IN ((5, 6), (7, 0));
SELECT count(*) FROM item WHERE c = 'copied';
ROLLBACK;

-- a cursor keeps the plain scan that WHERE CURRENT OF wants
BEGIN;
SET LOCAL pg_more.rewrites = force;
DECLARE listed CURSOR FOR SELECT * FROM item WHERE (c, d) IN (('c1', 0.5), ('c2', 1));
MOVE 1 IN listed;
UPDATE item SET c = 'current' WHERE CURRENT OF listed;
SELECT id, c FROM item WHERE c = 'current';
ROLLBACK;

-- parameters, in custom and in generic plans
PREPARE listed (int, bigint, smallint) AS SELECT count(*) FROM item WHERE (a, b) IN (($1, $2), ($3, 4), (5, $3), (NULL, $2));
SET pg_more.rewrites = force;
SET plan_cache_mode = force_custom_plan;
EXECUTE listed(1, 2, 3);
SET plan_cache_mode = force_generic_plan;
EXECUTE listed(1, 2, 3);
EXECUTE listed(1, NULL, 3);
EXECUTE listed(1, 3000000000, 3);
SET pg_more.rewrites = off;
DISCARD PLANS;
EXECUTE listed(1, 2, 3);
EXECUTE listed(1, NULL, 3);
EXECUTE listed(1, 3000000000, 3);
RESET plan_cache_mode;

-- a value that cannot be computed fails only where it did
SELECT * FROM same_rows('SELECT * FROM item WHERE false AND (a, d) IN ((1, 1e300::numeric), (2, 1e400::numeric))');

-- a shorter type is no wider one, though there is a cast
CREATE TABLE long (n name, a int);
INSERT INTO long VALUES (repeat('x', 63), 1), ('y', 2);
SELECT * FROM same_rows('SELECT * FROM long WHERE (n, a) IN ((name ''y'', 2), (repeat(''x'', 70)::text, 1), (text ''z'', 1))');

-- comparisons that others protect from an error
CREATE TABLE guarded (k text, v text, c int);
INSERT INTO guarded VALUES ('t', 'abc', 0), ('n', '5', 1), ('n', '6', 1);
SELECT * FROM same_rows('SELECT * FROM guarded WHERE (k, v::int) IN ((''n'', 5), (''n'', 7))');
SELECT * FROM same_rows('SELECT * FROM (SELECT k, v::int AS v FROM guarded) AS s WHERE (k, v) IN ((''n'', 5), (''n'', 7))');
SELECT * FROM same_rows('WITH s AS (SELECT k, v::int AS v FROM guarded) SELECT * FROM s WHERE (k, v) IN ((''n'', 5), (''n'', 7))');
SELECT * FROM same_rows('SELECT * FROM guarded WHERE (k = ''n'' AND v = ''5'' AND 10 / c > 3) OR (k = ''n'' AND v = ''6'' AND 10 / c > 3)');
SELECT * FROM same_rows('SELECT * FROM (SELECT k, c + 0 AS c FROM guarded) AS s WHERE (k, c) IN ((''n'', 1), (''n'', 7))');
SELECT * FROM same_rows('SELECT * FROM (SELECT k, c FROM guarded) AS s WHERE (k, c) IN ((''n'', 1), (''n'', 7))');
SELECT * FROM same_rows('SELECT * FROM guarded WHERE (length(v), k) IN ((1, ''n''), (7, ''n''))');
SELECT * FROM same_rows('SELECT * FROM (SELECT 1 AS k, c FROM guarded) AS s WHERE (k, c) IN ((1, 1), (2, (-1)::bigint::int))');
SELECT * FROM same_rows('SELECT * FROM guarded AS x WHERE EXISTS (SELECT FROM guarded AS y WHERE (x.k, y.c) IN ((''n'', 1), (''t'', 1)))');

-- left alone
CREATE TABLE price (id int, a int, m money, r int[]);
INSERT INTO price VALUES (1, 1, 1, '{1}'), (2, 2, 2, '{2}');
SELECT * FROM same_rows('SELECT * FROM price WHERE (a, m) IN ((1, 1::money), (2, 3::money))');
SELECT * FROM same_rows('SELECT * FROM price WHERE (a, r) IN ((1, ''{1}''), (2, ''{3}''))');
SELECT * FROM same_rows('SELECT * FROM item WHERE (a = 1 AND b = 2) OR (a = 3 AND c = ''c3'')');
SELECT * FROM same_rows('SELECT * FROM item WHERE (a = 1 AND b = 2 AND c LIKE ''c%'') OR (a = 3 AND b = 4)');
SELECT * FROM same_rows('SELECT * FROM item WHERE (a = 1 AND b = 2 AND c LIKE ''c%'') OR (a = 3 AND b = 4 AND c LIKE ''c%'')');
SELECT * FROM same_rows('SELECT * FROM item WHERE (a, random() < 2) IN ((1, true), (2, true))');
SELECT * FROM same_rows('SELECT a, (a, b) IN ((1, 2), (3, 4)) AS r, count(*) FROM item GROUP BY a, b');
SELECT * FROM same_rows('SELECT * FROM item WHERE (a, b) IN ((1, 2), (3, 4))', 'on');

-- values that a nondeterministic collation has as equal count once, however the join is made
CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE named (a text COLLATE caseless, b int);
INSERT INTO named SELECT 'k' || g % 100, g % 3 FROM generate_series(1, 1000) AS g;
INSERT INTO named SELECT 'z' || g, 7 FROM generate_series(1, 20000) AS g;
CREATE INDEX ON named (a, b);
ANALYZE named;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT * FROM same_rows('SELECT * FROM named WHERE (a, b) IN ((''k1'', 1), (''K1'', 1), (''k2'', 2), (''K2'', 2))');
SELECT * FROM same_rows('SELECT * FROM item WHERE (c COLLATE caseless, b) IN ((''c1'', 1), (''C1'', 1), (''c2'', 2), (''C2'', 2))');
SET plan_cache_mode = force_generic_plan;
PREPARE named (text[]) AS SELECT count(*) FROM named WHERE a = ANY ($1);
SET pg_more.rewrites = force;
EXECUTE named ('{k1,K1,k2,K2}');
RESET pg_more.rewrites;
RESET plan_cache_mode;
RESET enable_hashjoin;
RESET enable_mergejoin;

-- how many rows there are in a list is known well enough that no LIMIT makes a plan look cheap that reads a table until they are found
CREATE TABLE late (id int PRIMARY KEY, a int, b int);
INSERT INTO late SELECT g, g % 1000, g % 777 FROM generate_series(1, 100000) AS g;
CREATE INDEX ON late (a, b);
ANALYZE late;
SELECT string_agg(format('(%s, %s)', g % 1000, g % 777), ', ') AS list FROM generate_series(99701, 100000) AS g \gset
SELECT * FROM same_rows('SELECT * FROM late WHERE (a, b) IN (' || :'list' || ') ORDER BY id LIMIT 10', 'on');
SELECT * FROM same_rows('SELECT * FROM late WHERE (a, b) IN (' || :'list' || ') ORDER BY id', 'on');

-- how many rows are expected, as a join and as a filter, in turn beside what follows for an indexed column
CREATE FUNCTION expected_rows(query text, mode text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	PERFORM set_config('pg_more.rewrites', mode, true);
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric;
END;
$$;
CREATE TABLE known (id int, a int, b text);
INSERT INTO known SELECT g, g % 100, 'b' || g % 99 FROM generate_series(1, 10000) AS g;
INSERT INTO known SELECT -g, NULLIF(g % 3, 0), NULLIF('b' || g % 2, 'b0') FROM generate_series(1, 30) AS g;
ANALYZE known;
SELECT string_agg(format('(%s, ''b%s'')', g % 20, g % 99), ', ') AS list FROM generate_series(1, 200) AS g \gset
SELECT mode, round(expected_rows('SELECT * FROM known WHERE (a, b) IN (' || :'list' || ')', mode), -2) FROM (VALUES ('off'), ('on'), ('force')) AS m (mode);
-- a hashed filter comes with a condition on the column that it costs little to compare
SET pg_more.rewrites = force;
SELECT sql FROM more.explain_rewrites('SELECT id FROM known WHERE (a, b) IN ((4, ''b4''), (4, ''b5''), (NULL, NULL), (5, ''b5'')) FOR UPDATE');
RESET pg_more.rewrites;
SELECT * FROM same_rows('SELECT * FROM known WHERE (a, b) IN (' || :'list' || ')', 'on');
SELECT * FROM same_rows('SELECT * FROM known WHERE (a, b) IN (' || :'list' || ') FOR UPDATE', 'on');
SELECT * FROM same_rows('SELECT * FROM known WHERE (a, b) IN (' || :'list' || ') FOR UPDATE', 'force');
SELECT * FROM same_rows('SELECT * FROM known WHERE (a, b) IN ((4, ''b4''), (NULL, NULL), (4, NULL), (5, ''b5'')) FOR UPDATE', 'force');
-- of a relation that an outer join may make NULL, and of two relations
SELECT * FROM same_rows('SELECT x.id FROM item AS x LEFT JOIN known AS y ON x.id = y.id WHERE (y.a, y.b) IN ((4, ''b4''), (5, ''b5'')) FOR UPDATE OF x', 'force');
SELECT * FROM same_rows('SELECT x.id FROM item AS x LEFT JOIN known AS y ON x.id = y.id WHERE (x.id, y.b) IN ((4, ''b4''), (5, ''b5'')) FOR UPDATE OF x', 'force');
CREATE INDEX ON known (a);
SELECT mode, round(expected_rows('SELECT * FROM known WHERE (a, b) IN (' || :'list' || ') FOR UPDATE', mode), -2) FROM (VALUES ('off'), ('on'), ('force')) AS m (mode);

-- a role that may not call more.listed gets the filter without it, also from a plan that is kept
CREATE ROLE regress_list_reader;
GRANT ALL ON item TO regress_list_reader;
REVOKE EXECUTE ON FUNCTION more.listed(boolean) FROM PUBLIC;
SET pg_more.rewrites = force;
PREPARE kept AS SELECT count(*) FROM (SELECT id FROM item WHERE (a, b) IN ((1, 2), (3, 4)) FOR UPDATE) AS l;
EXECUTE kept;
SET ROLE regress_list_reader;
EXECUTE kept;
RESET ROLE;
DEALLOCATE kept;
RESET pg_more.rewrites;
GRANT EXECUTE ON FUNCTION more.listed(boolean) TO PUBLIC;
REVOKE ALL ON item FROM regress_list_reader;
DROP ROLE regress_list_reader;

-- where partitions or a partial index leave rows out, a list is no reason to read them
CREATE TABLE part (a int, b int) PARTITION BY LIST (a);
CREATE TABLE part1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part2 PARTITION OF part FOR VALUES IN (2);
CREATE TABLE part3 PARTITION OF part FOR VALUES IN (3);
INSERT INTO part SELECT 1 + g % 2, g FROM generate_series(1, 200) AS g;
INSERT INTO part SELECT 3, g FROM generate_series(1, 50000) AS g;
CREATE TABLE heap (a int, b int, c int);
INSERT INTO heap SELECT CASE WHEN g <= 100 THEN 7 ELSE 1 END, g, g % 2 FROM generate_series(1, 50000) AS g;
CREATE INDEX heap_seven ON heap (c) WHERE a = 7;
ANALYZE part, heap;
CREATE FUNCTION reads(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		RETURN QUERY SELECT m[1] FROM regexp_matches(line, '(part\d|heap_seven)') AS m;
	END LOOP;
END $$;
SET pg_more.rewrites = on;
SELECT DISTINCT reads('SELECT count(*) FROM part WHERE (a, b) IN ('
	|| (SELECT string_agg(format('(%s, %s)', 1 + g % 2, g), ', ') FROM generate_series(1, 600) AS g) || ')') COLLATE "C" AS r ORDER BY r;
SELECT DISTINCT reads('SELECT count(*) FROM heap WHERE c = 0 AND (a, b) IN ('
	|| (SELECT string_agg(format('(7, %s)', g), ', ') FROM generate_series(1, 500) AS g) || ')') COLLATE "C" AS r ORDER BY r;
