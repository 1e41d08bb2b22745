-- hashed_case: a CASE with many constants is one hashed look-up, and nothing else about it changes.
\set ECHO none
\i sql/include/rewrites.sql
SET pg_more.rewrites = force;
-- the expression that a plan evaluates
CREATE FUNCTION output_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		IF line ~ 'Output:|Filter:' THEN RETURN NEXT substring(line from '(?:Output|Filter): (.*)'); END IF;
	END LOOP;
END $$;
-- The rows with the rewrite and without, and by the SQL that explain_rewrites gives: are all the same? Was there a
-- look-up; what was left alone, and why?
CREATE FUNCTION compared(query text, OUT rows bigint, OUT same boolean, OUT looked_up boolean, OUT left_alone text) LANGUAGE plpgsql AS $$
DECLARE
	form text;
BEGIN
	SELECT s.rows, s.same INTO compared.rows, compared.same FROM same_rows(query) AS s;
	SET LOCAL pg_more.rewrites = force;
	SET LOCAL pg_more.composite_in = off;
	SET LOCAL pg_more.array_join = off;
	SELECT string_agg(DISTINCT reason, '; ') FILTER (WHERE NOT applied), max(e.sql) FILTER (WHERE applied)
	INTO left_alone, form FROM more.explain_rewrites(query) AS e;
	looked_up := form ~ 'case_lookup';
	IF looked_up THEN
		SET LOCAL pg_more.rewrites = off;
		EXECUTE format('SELECT $1 AND NOT EXISTS ((SELECT to_jsonb(p)::text FROM (%1$s) AS p EXCEPT ALL SELECT to_jsonb(o)::text FROM (%2$s) AS o)
			UNION ALL (SELECT to_jsonb(o)::text FROM (%2$s) AS o EXCEPT ALL SELECT to_jsonb(p)::text FROM (%1$s) AS p))', query, rtrim(form, '; '))
		INTO same USING same;
	END IF;
	RESET pg_more.composite_in;
	RESET pg_more.array_join;
	SET pg_more.rewrites = force;
END $$;
\set ECHO all
CREATE TABLE item (id integer PRIMARY KEY, n bigint, s text, v varchar(8), price numeric(8,2), tags text[]);
INSERT INTO item SELECT i, nullif(i, 7), 's' || i % 3, 'v' || i, i / 4.0, ARRAY['t' || i] FROM generate_series(1, 12) AS i;
ANALYZE item;

-- searched and simple form, the constant on either side
SELECT * FROM output_of($$SELECT CASE WHEN id = 1 THEN 'one' WHEN 2 = id THEN 'two' ELSE s END FROM item$$);
SELECT * FROM output_of($$SELECT CASE id WHEN 1 THEN 'one' WHEN 2 THEN 'two' END FROM item$$);
SELECT * FROM compared($$SELECT id, CASE WHEN id = 1 THEN 'one' WHEN 2 = id THEN 'two' ELSE s END FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN 'one' WHEN 2 THEN 'two' END FROM item$$);
-- the first of equal constants wins; NULL keys and constants match nothing; results may be NULL
SELECT id, n, CASE n WHEN 1 THEN 'a' WHEN 1 THEN 'b' WHEN NULL THEN 'c' WHEN 2 THEN NULL ELSE 'else' END FROM item WHERE id IN (1, 2, 3, 7) ORDER BY id;
SELECT * FROM compared($$SELECT n, CASE n WHEN 1 THEN 'a' WHEN 1 THEN 'b' WHEN NULL THEN 'c' WHEN 2 THEN NULL ELSE 'else' END AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE n WHEN NULL THEN 'c' END AS c FROM item$$);
-- ELSE that may be costly, volatile or fail is evaluated only where nothing matches
SELECT * FROM output_of($$SELECT CASE id WHEN 1 THEN 'one' ELSE s || 'x' END FROM item$$);
SELECT * FROM output_of($$SELECT CASE id WHEN 1 THEN NULL ELSE s || 'x' END FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN 'one' ELSE s || 'x' END AS c FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN NULL WHEN 2 THEN 'two' ELSE s || 'x' END AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE id WHEN 1 THEN 10 WHEN 2 THEN 20 ELSE 1 / (id - 1) / (id - 2) END AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE id WHEN 1 THEN NULL WHEN 2 THEN 20 ELSE 1 / (id - 1) / (id - 2) END AS c FROM item$$);
CREATE SEQUENCE calls;
SELECT count(CASE id WHEN 1 THEN 0 WHEN 2 THEN 0 ELSE nextval('calls') END) FROM item;
SELECT last_value FROM calls;
-- numbers of several widths
SELECT * FROM output_of($$SELECT CASE WHEN id = 1 THEN 'small' WHEN id = 3000000000 THEN 'large' END FROM item$$);
SELECT * FROM output_of($$SELECT CASE n WHEN 1::smallint THEN 1 WHEN 2 THEN 2 WHEN 3000000000 THEN 3 END FROM item$$);
SELECT * FROM compared($$SELECT id, CASE WHEN id = 1 THEN 'small' WHEN id = 3000000000 THEN 'large' WHEN id = 2::smallint THEN 'short' END AS c FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN 5 WHEN 2 THEN 3000000000 ELSE n END AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE x WHEN 0.1::float8 THEN 'double' WHEN 0.5::float4 THEN 'half' END AS c FROM (VALUES (0.1::float4), (0.5), (NULL)) AS f (x)$$);
CREATE TABLE measured (x float4);
INSERT INTO measured VALUES (0.1), (0.5), (NULL);
SELECT * FROM compared($$SELECT CASE x WHEN 0.1::float8 THEN 'double' WHEN 0.5::float4 THEN 'half' END AS c FROM measured$$);

-- types, and their notions of equality: scale, negative zero and NaN, blanks, time zones
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE TYPE pair AS (a integer, b text);
CREATE TABLE kinds (id integer, num numeric, f double precision, c char(5), m mood, d positive, u uuid, t timestamptz,
	j jsonb, p pair, b bytea, ok boolean, cash money, bits bit(2), name name, r int4range, a integer[], ch "char", i inet, nn numeric[]);
INSERT INTO kinds VALUES
	(1, 1.0, '-0', 'ab', 'sad', 1, '00000000-0000-0000-0000-000000000001', '2026-01-01 00:00+00', '{"a": 1.0}', '(1,x)', '\x01', true, 1, B'01', 'abc', '[1,3)', '{1}', 'x', '10.0.0.1', '{1.0}'),
	(2, 1.00, 0, 'ab ', 'ok', 2, '00000000-0000-0000-0000-000000000002', '2026-01-01 01:00+01', '{"a": 1}', '(2,)', '\x02', false, 2, B'10', 'abd', '[1,2]', '{2}', 'y', '10.0.0.2/32', '{1.00}'),
	(3, 'NaN', 'NaN', 'abc', 'happy', 3, NULL, 'infinity', 'null', NULL, '', NULL, NULL, NULL, '', 'empty', NULL, '', '10.0.0.2/31', NULL);
SELECT * FROM compared($$SELECT id, CASE num WHEN 1.000 THEN 'one' WHEN 1 THEN 'never' WHEN 'NaN' THEN 'nan' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE f WHEN 0 THEN 'zero' WHEN 'NaN' THEN 'nan' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE c WHEN 'ab   ' THEN 'two' WHEN 'abc' THEN 'three' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE m WHEN 'sad' THEN 1 WHEN 'happy' THEN 3 END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE d WHEN 1 THEN 'one' WHEN 3 THEN 'three' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE u WHEN '00000000000000000000000000000001' THEN 'one' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE t WHEN '2026-01-01 02:00+02' THEN 'new year' WHEN 'infinity' THEN 'never' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE j WHEN '{"a": 1.00}' THEN 'a' WHEN 'null' THEN 'null' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE p WHEN '(1,x)'::pair THEN 'x' WHEN '(2,)'::pair THEN 'null inside' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE b WHEN '\x01' THEN 'one' WHEN '' THEN 'empty' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE name WHEN 'abc' THEN 'c' WHEN '' THEN 'empty' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE r WHEN '[1,2]' THEN 'closed' WHEN 'empty' THEN 'empty' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE ch WHEN 'x' THEN 'x' WHEN '' THEN 'none' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE i WHEN '10.0.0.2' THEN 'two' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE WHEN ok = true THEN 'yes' WHEN ok = false THEN 'no' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT v, CASE v WHEN 'v1' THEN 'one' WHEN 'v2' THEN 'two' END AS c FROM item$$);
-- results of all kinds, arrays among them
SELECT * FROM output_of($$SELECT CASE id WHEN 1 THEN '{a,b}'::text[] WHEN 2 THEN '{}' ELSE tags END FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN '{a,b}'::text[] WHEN 2 THEN '{}' WHEN 3 THEN NULL ELSE tags END AS c FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN '{a,b}'::text[] WHEN 2 THEN NULL ELSE tags || tags END AS c FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN '{"a": [1]}'::jsonb WHEN 2 THEN 'null' END AS c FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN 'sad'::mood WHEN 2 THEN 'ok' END AS c FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN '(1,x)'::pair WHEN 2 THEN NULL END AS c FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN 1 WHEN 2 THEN 2.50 ELSE price END AS c FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN true WHEN 2 THEN false END AS c FROM item$$);

-- type, typmod and collation are those of the CASE
CREATE TABLE plain AS SELECT CASE id WHEN 1 THEN 'ab' ELSE v END AS a, CASE id WHEN 1 THEN 'ab'::varchar(4) WHEN 2 THEN 'cd'::varchar(4) ELSE 'ef'::varchar(4) END AS b,
	CASE id WHEN 1 THEN 'ab' ELSE s COLLATE "C" END AS c, CASE s COLLATE "C" WHEN 's1' THEN 'ab' WHEN 's2' THEN 'cd' END AS d,
	CASE id WHEN 1 THEN 1.25::numeric(6,2) ELSE 2::numeric(6,2) END AS e, CASE id WHEN 1 THEN 1.25::numeric(6,2) ELSE 2 END AS f,
	CASE s COLLATE "C" WHEN 's1' THEN 'ab' ELSE v END AS g FROM item;
SET pg_more.rewrites = off;
CREATE TABLE without AS SELECT CASE id WHEN 1 THEN 'ab' ELSE v END AS a, CASE id WHEN 1 THEN 'ab'::varchar(4) WHEN 2 THEN 'cd'::varchar(4) ELSE 'ef'::varchar(4) END AS b,
	CASE id WHEN 1 THEN 'ab' ELSE s COLLATE "C" END AS c, CASE s COLLATE "C" WHEN 's1' THEN 'ab' WHEN 's2' THEN 'cd' END AS d,
	CASE id WHEN 1 THEN 1.25::numeric(6,2) ELSE 2::numeric(6,2) END AS e, CASE id WHEN 1 THEN 1.25::numeric(6,2) ELSE 2 END AS f,
	CASE s COLLATE "C" WHEN 's1' THEN 'ab' ELSE v END AS g FROM item;
SET pg_more.rewrites = force;
SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attcollation::regcollation AS collation,
	(a.atttypid, a.atttypmod, a.attcollation) = (b.atttypid, b.atttypmod, b.attcollation) AS same
FROM pg_attribute AS a JOIN pg_attribute AS b ON a.attnum = b.attnum
WHERE a.attrelid = 'plain'::regclass AND b.attrelid = 'without'::regclass AND a.attnum > 0 ORDER BY a.attnum;
SELECT * FROM output_of($$SELECT CASE id WHEN 1 THEN 'ab'::varchar(4) ELSE 'cd'::varchar(4) END FROM item$$);
SELECT sql FROM more.explain_rewrites($$SELECT CASE s COLLATE "C" WHEN 's1' THEN 'ab' WHEN 's2' THEN 'cd' ELSE s END FROM item$$);
SELECT sql FROM more.explain_rewrites($$SELECT CASE id WHEN 1 THEN '{a,b}'::text[] ELSE tags END FROM item WHERE id = $1$$);
SELECT sql FROM more.explain_rewrites($$SELECT CASE id WHEN $1 THEN $2 WHEN 2 THEN 'b' END FROM item$$);
SELECT * FROM compared($$SELECT CASE s COLLATE "C" WHEN 's1' THEN 'ab' WHEN 's2' THEN 'cd' ELSE s END AS c FROM item$$);

-- tuples: as rows or with AND, in any order; each column by its own equality
CREATE TABLE stock (shop integer, sku varchar(10), n integer, note text, large bigint);
INSERT INTO stock SELECT i % 4, 'k' || i % 3, i, 'n' || i, i FROM generate_series(1, 12) AS i;
INSERT INTO stock VALUES (NULL, 'k1', 21, 'no shop', 1), (1, NULL, 22, 'no sku', NULL), (NULL, NULL, 23, 'neither', NULL);
SELECT * FROM output_of($$SELECT CASE WHEN (shop, sku) = (1, 'k1') THEN 'a' WHEN sku = 'k2' AND 2 = shop THEN 'b' END FROM stock$$);
SELECT shop, sku, CASE WHEN (shop, sku) = (1, 'k1') THEN 'a' WHEN (shop, sku) = (1, 'k1') THEN 'never' WHEN (shop, sku) = (NULL, 'k1') THEN 'null'
	WHEN sku = 'k2' AND 2 = shop THEN 'b' WHEN (shop, sku) = (2, 'k1') THEN NULL ELSE note END AS c FROM stock ORDER BY n;
SELECT * FROM compared($$SELECT n, CASE WHEN (shop, sku) = (1, 'k1') THEN 'a' WHEN (shop, sku) = (1, 'k1') THEN 'never' WHEN (shop, sku) = (NULL, 'k1') THEN 'null'
	WHEN sku = 'k2' AND 2 = shop THEN 'b' WHEN (shop, sku) = (2, 'k1') THEN NULL ELSE note END AS c FROM stock$$);
SELECT * FROM compared($$SELECT n, CASE WHEN (shop, sku) = (1, 'k1') THEN 'a' WHEN (shop, sku) = (2, 'k1') THEN NULL ELSE note || '!' END AS c FROM stock$$);
SELECT * FROM compared($$SELECT n, CASE WHEN (shop, sku) = (1, 'k1') THEN 'a' WHEN (shop, sku) = (2, 'k1') THEN 'b' ELSE note || '!' END AS c FROM stock$$);
SELECT * FROM compared($$SELECT n, CASE WHEN (shop, sku, large) = (1, 'k1', 1) THEN '{a}'::text[] WHEN (shop, sku, large) = (3000000000, 'k1', 3000000000) THEN NULL
	WHEN (shop, sku, large) = (2, 'k2', 2::smallint) THEN '{b}' END AS c FROM stock$$);
SELECT * FROM compared($$SELECT id, CASE WHEN (num, f) = (1.000, 0) THEN 'one' WHEN (num, f) = (1, '-0') THEN 'never' WHEN (num, f) = ('NaN', 'NaN') THEN 'nan' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT id, CASE WHEN (m, c, d) = ('sad', 'ab   ', 1) THEN 1 WHEN (m, c, d) = ('happy', 'abc', 3) THEN 3 END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT n, CASE WHEN (shop, sku) = (NULL, 'k1') THEN 'a' WHEN (shop, sku) = (1, NULL) THEN 'b' ELSE 'else' END AS c FROM stock$$);
SELECT * FROM compared($$SELECT n, CASE WHEN (lower(sku), shop) = ('k1', 1) THEN 'a' WHEN (lower(sku), shop) = ('k2', 2) THEN 'b' END AS c FROM stock$$);
SELECT * FROM compared($$SELECT id, CASE WHEN (v, s) = ('v1', 's1') THEN 1 WHEN (s, v) = ('s2', 'v2') THEN 2 END AS c FROM item$$);
SELECT * FROM compared($$SELECT id, CASE WHEN s COLLATE "C" = 's1' AND id = 1 THEN 1 WHEN id = 2 AND s COLLATE "C" = 's2' THEN 2 END AS c FROM item$$);
SELECT sql FROM more.explain_rewrites($$SELECT CASE WHEN s COLLATE "C" = 's1' AND id = $1 THEN 1 END AS c FROM item$$);
-- left alone: what an earlier comparison protects, other columns in another arm, a column twice, what is no equality
SELECT * FROM compared($$SELECT CASE WHEN shop = 0 AND 60 / shop = 1 THEN 'a' WHEN shop = 1 AND 60 / shop = 60 THEN 'b' END AS c FROM stock WHERE shop > 0$$);
SELECT * FROM compared($$SELECT CASE WHEN (shop, sku) = (1, 'k1') THEN 'a' WHEN (shop, note) = (2, 'n2') THEN 'b' END AS c FROM stock$$);
SELECT * FROM compared($$SELECT CASE WHEN (shop, sku) = (1, 'k1') THEN 'a' WHEN (shop, sku, n) = (2, 'k2', 2) THEN 'b' END AS c FROM stock$$);
SELECT * FROM compared($$SELECT CASE WHEN shop = 1 AND shop = 2 THEN 'a' END AS c FROM stock$$);
SELECT * FROM compared($$SELECT CASE WHEN shop = 1 AND sku = 'k1' THEN 'a' WHEN shop = 1 AND sku > 'k1' THEN 'b' END AS c FROM stock$$);
SELECT * FROM compared($$SELECT CASE WHEN shop = 1 AND sku = note THEN 'a' END AS c FROM stock$$);
SELECT * FROM compared($$SELECT CASE (shop, sku::text) WHEN (1, 'k1'::text) THEN 'a' END AS c FROM stock$$);
SELECT * FROM compared($$SELECT CASE WHEN s COLLATE "C" = 's1' AND v COLLATE "POSIX" = 'v1' THEN 1 END AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE WHEN (shop, sku) = (NULL, 'k1') THEN 70000::smallint END AS c FROM stock WHERE false$$);
SELECT CASE WHEN (shop, sku) = (NULL, 'k1') THEN 70000::smallint END AS c FROM stock;

-- results that are computed, among constants: only for the row whose first match they are
SELECT * FROM output_of($$SELECT CASE id WHEN 1 THEN n + 1 WHEN 2 THEN 20 WHEN 3 THEN n + 1 WHEN 4 THEN n * 2 END FROM item$$);
SELECT * FROM output_of($$SELECT CASE id WHEN 1 THEN n + 1 WHEN 2 THEN n + 2 ELSE 0 END FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN n + 1 WHEN 2 THEN 20 WHEN 3 THEN n + 1 WHEN 4 THEN NULL END AS c FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN n + 1 WHEN 1 THEN 20 WHEN 2 THEN 20 WHEN 2 THEN n + 1 WHEN 3 THEN NULL ELSE n * 100 END AS c FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN n + 1 WHEN 1 THEN 20 WHEN 2 THEN 20 WHEN NULL THEN n / 0 ELSE n * 100 END AS c FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN s WHEN 2 THEN v::text || s ELSE 'else' END AS c FROM item$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN tags WHEN 2 THEN '{two}' WHEN 3 THEN tags || tags END AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE id WHEN 3 THEN 0 WHEN 1 THEN 12 / (id - 3) WHEN 2 THEN 5 WHEN 3 THEN 1 / (id - 3) END AS c FROM item$$);
SELECT * FROM compared($$SELECT n, CASE WHEN (shop, sku) = (1, 'k1') THEN n + 7 WHEN (shop, sku) = (2, 'k2') THEN 5 WHEN (shop, sku) = (3, 'k0') THEN n + 7 ELSE -n END AS c FROM stock$$);
SELECT * FROM compared($$SELECT id, CASE id WHEN 1 THEN (SELECT max(k.s) FROM item AS k WHERE k.id < item.id + 3) WHEN 2 THEN 'two' WHEN 3 THEN CASE s WHEN 's0' THEN v WHEN 's1' THEN 'x' END END AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE s WHEN 's1' THEN s || '!' WHEN 's2' THEN 'two' END AS c, count(*) FROM item GROUP BY CASE s WHEN 's1' THEN s || '!' WHEN 's2' THEN 'two' END$$);
SELECT * FROM compared($$SELECT CASE s WHEN 's1' THEN count(*) WHEN 's2' THEN 2 END AS c FROM item GROUP BY s HAVING CASE s WHEN 's1' THEN max(id) > 3 WHEN 's2' THEN true END$$);
SELECT * FROM compared($$SELECT CASE d WHEN 1 THEN 1::positive WHEN 2 THEN 2 END AS c FROM kinds$$);
SELECT setval('calls', 1);
SELECT id, CASE id WHEN 1 THEN nextval('calls') WHEN 2 THEN 2 WHEN 3 THEN nextval('calls') WHEN 1 THEN nextval('calls') END AS c FROM item WHERE id < 5 ORDER BY id;
SELECT last_value FROM calls;
CREATE VIEW typed AS SELECT CASE id WHEN 1 THEN v WHEN 2 THEN 'ab'::varchar(8) WHEN NULL THEN 'c'::varchar(9) ELSE v END AS a, CASE id WHEN 1 THEN v ELSE v END AS b,
	CASE id WHEN 1 THEN price WHEN 2 THEN 1.5::numeric(8,2) ELSE price END AS c, CASE WHEN (id, s) = (1, 's1') THEN v WHEN (id, s) = (2, 's2') THEN 'x'::varchar(8) ELSE s COLLATE "C" END AS d FROM item;
CREATE TABLE typed_forced AS SELECT * FROM typed;
SET pg_more.rewrites = off;
CREATE TABLE typed_off AS SELECT * FROM typed;
SET pg_more.rewrites = force;
SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod), attcollation::regcollation FROM pg_attribute WHERE attrelid IN ('typed_forced'::regclass, 'typed_off'::regclass) AND attnum > 0 ORDER BY attname, attrelid;
SELECT * FROM compared('SELECT * FROM typed');
-- left alone: what the planner might compute where it now drops the arm, and what is one of too many
PREPARE dropped(integer) AS SELECT id, CASE id WHEN $1 THEN 1 / 0 + n WHEN 2 THEN 5 ELSE 0 END AS c FROM item WHERE id < 3 ORDER BY id;
EXECUTE dropped(NULL);
EXECUTE dropped(7);
SELECT applied FROM more.explain_rewrites($$SELECT CASE id WHEN $1 THEN 1 / n ELSE 0 END FROM item$$);
SELECT reason FROM more.explain_rewrites('SELECT CASE id ' || (SELECT string_agg(format('WHEN %s THEN n + %s', i, i), ' ') FROM generate_series(1, 40) AS i) || ' END FROM item');

-- left alone: what has no hash, what is not an equality, volatile or failing parts, subqueries
SELECT * FROM compared($$SELECT CASE cash WHEN 1::money THEN 'one' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT CASE bits WHEN B'01' THEN 'one' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT CASE a WHEN '{1}' THEN 'one' END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT CASE WHEN id < 3 THEN 'few' WHEN id = 3 THEN 'three' END AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE WHEN id = 1 THEN 'one' WHEN n = 2 THEN 'two' END AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE WHEN id = 1 THEN 'one' WHEN id = n THEN 'same' END AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE WHEN s COLLATE "C" = 's1' THEN 1 WHEN s COLLATE "POSIX" = 's2' THEN 2 END AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE WHEN c = 'ab' THEN 1 WHEN c::text = 'ab ' THEN 2 END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT CASE name WHEN 'abc'::text THEN 1 WHEN 'abd'::name THEN 2 END AS c FROM kinds$$);
SELECT * FROM compared($$SELECT CASE (id + random() * 0)::integer WHEN 1 THEN 'one' WHEN 2 THEN 'two' END AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE (SELECT id) WHEN 1 THEN 'one' WHEN 2 THEN 'two' END AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE 1 WHEN 1 THEN 'one' WHEN 2 THEN 'two' END AS c FROM item$$);
-- an error is raised where it was, and not where it was not
SELECT * FROM compared($$SELECT CASE id WHEN NULL THEN 70000::smallint WHEN 1 THEN 1::smallint END AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE WHEN true THEN 1::smallint ELSE CASE n WHEN 1 THEN 70000::smallint WHEN 2 THEN 2::smallint END END AS c FROM item$$);
SELECT CASE id WHEN 1 THEN 70000::smallint WHEN 2 THEN 2::smallint END FROM item;
SELECT CASE 1 / (id - 3) WHEN 1 THEN 'one' ELSE 'other' END FROM item;

-- every place of a statement
SELECT * FROM compared($$SELECT id FROM item WHERE CASE id WHEN 1 THEN true WHEN 2 THEN false ELSE id > 10 END$$);
SELECT * FROM compared($$SELECT CASE s WHEN 's1' THEN 'one' WHEN 's2' THEN 'two' END AS c, CASE s WHEN 's1' THEN 'one' WHEN 's2' THEN 'two' END || '!' AS d, count(*)
	FROM item GROUP BY CASE s WHEN 's1' THEN 'one' WHEN 's2' THEN 'two' END$$);
SELECT * FROM compared($$SELECT CASE s WHEN 's1' THEN 'one' WHEN 's2' THEN 'two' END AS c, grouping(CASE s WHEN 's1' THEN 'one' WHEN 's2' THEN 'two' END) AS g, count(*)
	FROM item GROUP BY ROLLUP (CASE s WHEN 's1' THEN 'one' WHEN 's2' THEN 'two' END) HAVING CASE count(*) WHEN 99 THEN false ELSE true END$$);
SELECT id FROM item ORDER BY CASE id WHEN 12 THEN 1 WHEN 3 THEN 2 ELSE 3 END, id LIMIT 3;
SELECT * FROM compared($$SELECT DISTINCT CASE s WHEN 's1' THEN 'one' WHEN 's2' THEN 'two' END AS c FROM item$$);
SELECT * FROM compared($$SELECT sum(CASE id WHEN 1 THEN 10 WHEN 2 THEN 20 ELSE 0 END) FILTER (WHERE CASE s WHEN 's1' THEN true END) AS c, CASE count(*) WHEN 12 THEN 'a dozen' END AS d FROM item$$);
SELECT * FROM compared($$SELECT id, row_number() OVER (PARTITION BY CASE s WHEN 's1' THEN 1 WHEN 's2' THEN 2 END ORDER BY CASE id WHEN 4 THEN 0 ELSE id END) AS c FROM item$$);
SELECT * FROM compared($$SELECT a.id, b.id AS b FROM item AS a LEFT JOIN item AS b ON b.id = CASE a.id WHEN 1 THEN 2 WHEN 2 THEN 1 END$$);
SELECT * FROM compared($$SELECT CASE CASE s WHEN 's1' THEN 'x' WHEN 's2' THEN 'y' END WHEN 'x' THEN 1 WHEN 'y' THEN 2 ELSE CASE id WHEN 3 THEN 3 WHEN 6 THEN 6 END END AS c FROM item$$);
SELECT * FROM output_of($$SELECT CASE CASE s WHEN 's1' THEN 'x' WHEN 's2' THEN 'y' END WHEN 'x' THEN 1 WHEN 'y' THEN 2 ELSE CASE id WHEN 3 THEN 3 WHEN 6 THEN 6 END END FROM item$$);
CREATE VIEW named AS SELECT id, CASE id WHEN 1 THEN 'one' WHEN 2 THEN 'two' END AS name FROM item;
SELECT * FROM compared($$SELECT * FROM named WHERE name = 'two'$$);
SELECT pg_get_viewdef('named') ~ 'CASE' AS kept, pg_get_viewdef('named') ~ 'case_lookup' AS changed;
SELECT * FROM compared($$WITH c AS MATERIALIZED (SELECT id, CASE id WHEN 1 THEN 'one' END AS name FROM item) SELECT * FROM c, LATERAL (SELECT CASE c.id WHEN 2 THEN 'two' END AS other) AS l$$);
SELECT * FROM compared($$SELECT (SELECT CASE item.id WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE k.s END FROM item AS k WHERE k.id = 3) AS c FROM item$$);
SELECT * FROM compared($$SELECT CASE id WHEN 1 THEN 'one' END AS c FROM item UNION ALL SELECT CASE id WHEN 2 THEN 'two' END FROM item$$);
SELECT * FROM compared($$SELECT * FROM generate_series(1, 3) AS g (i), unnest(ARRAY[CASE g.i WHEN 1 THEN 'a' WHEN 2 THEN 'b' END]) AS u (c)$$);
-- writing
UPDATE item SET s = CASE WHEN item.id = 1 THEN 'first' WHEN item.id = 2 THEN NULL ELSE s END, v = (CASE WHEN item.id = 1 THEN 'w1' WHEN item.id = 2 THEN 'w2' ELSE NULL END)::varchar(8)
	WHERE id IN (1, 2, 3) RETURNING id, s, v, CASE id WHEN 1 THEN 'changed first' END;
INSERT INTO item (id, s) SELECT id + 100, CASE id WHEN 1 THEN 'a' WHEN 2 THEN 'b' END FROM item WHERE id < 4 RETURNING id, s;
INSERT INTO item AS i (id, s) VALUES (1, 'new'), (2, 'new') ON CONFLICT (id) DO UPDATE SET s = CASE excluded.id WHEN 1 THEN 'up1' WHEN 2 THEN 'up2' END
	WHERE CASE i.id WHEN 1 THEN true END RETURNING id, s;
DELETE FROM item WHERE CASE id WHEN 101 THEN true WHEN 102 THEN true WHEN 103 THEN true END RETURNING id;
MERGE INTO item AS i USING (VALUES (1)) AS d (id) ON i.id = d.id WHEN MATCHED THEN UPDATE SET s = CASE i.id WHEN 1 THEN 'merged' END;
SELECT s FROM item WHERE id = 1;
CREATE TABLE parted (id integer, kind text, doubled integer GENERATED ALWAYS AS (CASE id WHEN 1 THEN 2 WHEN 2 THEN 4 END) STORED) PARTITION BY LIST (kind);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a');
CREATE TABLE parted_b PARTITION OF parted FOR VALUES IN ('b');
INSERT INTO parted SELECT i, CASE i WHEN 1 THEN 'a' WHEN 2 THEN 'b' END FROM generate_series(1, 2) AS i;
UPDATE parted SET kind = CASE id WHEN 1 THEN 'b' WHEN 2 THEN 'a' END;
SELECT tableoid::regclass, * FROM parted ORDER BY id;

-- prepared: the same with values known and not; arrays of unknown values are made once
PREPARE set_s(integer, text, integer, text, bigint) AS SELECT id, CASE id WHEN $1 THEN $2 WHEN $3 THEN $4 WHEN $5 THEN 'wide' ELSE 'none' END AS c FROM item WHERE id < 5 ORDER BY id;
SET plan_cache_mode = force_custom_plan;
EXECUTE set_s(1, 'a', 2, 'b', 3);
SELECT * FROM output_of($$EXECUTE set_s(1, 'a', 2, 'b', 3)$$);
SET plan_cache_mode = force_generic_plan;
EXECUTE set_s(1, 'a', 2, 'b', 3);
EXECUTE set_s(2, NULL, 2, 'b', NULL);
SELECT o ~ 'case_lookup\(\(item.id\)::bigint, .*, true\)' AND o !~ 'ARRAY' AS made_once FROM output_of($$EXECUTE set_s(1, 'a', 2, 'b', 3)$$) AS o LIMIT 1;
PREPARE set_tags(integer, text[], text[]) AS SELECT id, CASE id WHEN $1 THEN $2 WHEN 2 THEN $3 ELSE tags || tags END AS c FROM item WHERE id < 4 ORDER BY id;
EXECUTE set_tags(1, '{a,b}', NULL);
EXECUTE set_tags(3, '{}', '{{c},{d}}');
PREPARE grouped(text) AS SELECT CASE s WHEN $1 THEN 'this' ELSE 'other' END AS c, CASE s WHEN $1 THEN 'this' ELSE 'other' END || '!' AS d, count(*)
	FROM kinds, item GROUP BY CASE s WHEN $1 THEN 'this' ELSE 'other' END ORDER BY 1;
EXECUTE grouped('s1');
PREPARE set_pair(integer, text, integer, text, text, bigint) AS SELECT n, CASE WHEN (shop, sku) = ($1, $2) THEN $5 WHEN (shop, sku) = ($3, $4) THEN note || '!' WHEN (shop, sku) = ($6, 'k0') THEN 'c' ELSE 'none' END AS c
	FROM stock WHERE n < 6 OR n > 20 ORDER BY n;
EXECUTE set_pair(1, 'k1', 2, 'k2', 'a', 3);
EXECUTE set_pair(2, 'k2', 2, 'k2', NULL, NULL);
EXECUTE set_pair(NULL, 'k1', 1, NULL, 'a', 3000000000);
SELECT o ~ 'case_position\(true, \(stock.shop\)::bigint, .*, true\)' AND o !~ 'ARRAY' AS made_once FROM output_of($$EXECUTE set_pair(1, 'k1', 2, 'k2', 'a', 3)$$) AS o LIMIT 1;
SET plan_cache_mode = force_custom_plan;
EXECUTE set_pair(2, 'k2', 2, 'k2', NULL, NULL);
RESET plan_cache_mode;
-- PL/pgSQL evaluates expressions without a plan's subqueries, and one expression with values that change
CREATE FUNCTION pick(k integer, a text, b text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN CASE k + 0 WHEN 1 THEN a WHEN 2 THEN b ELSE 'none' END; END $$;
SELECT pick(1, 'a', 'b'), pick(2, 'c', 'd'), pick(3, 'e', 'f');
CREATE FUNCTION pick_in(keys integer[], results text[], k integer) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN more.case_lookup(k, keys, results, 'none'); END $$;
SELECT pick_in('{1,2}', '{a,b}', 2), pick_in('{2,1}', '{a,b}', 2), pick_in('{2,1}', '{a,c}', 1);
DO $$ BEGIN FOR i IN 1..3 LOOP RAISE NOTICE '%', more.case_lookup(i, ARRAY[1, i], ARRAY['one', 'i' || i], 'none'); END LOOP; END $$;
-- parallel workers have tables of their own
CREATE TABLE many AS SELECT i AS id FROM generate_series(1, 20000) AS i;
ALTER TABLE many SET (parallel_workers = 2);
ANALYZE many;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SELECT sum(CASE id WHEN 1 THEN 10 WHEN 20000 THEN 5 END), count(CASE id WHEN 7 THEN '{a}'::text[] END) FROM many;
SELECT count(*) FROM output_of('SELECT sum(CASE id WHEN 1 THEN 10 WHEN 20000 THEN 5 END) FROM many') AS o WHERE o ~ 'PARTIAL.*case_lookup';
PREPARE workers(integer, integer) AS SELECT sum(CASE id WHEN 1 THEN $1 WHEN 20000 THEN $2 END) FROM many;
SET plan_cache_mode = force_generic_plan;
EXECUTE workers(10, 5);
EXECUTE workers(20, 5);
RESET plan_cache_mode; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size;

-- only with enough arms, unless forced; and not where it is off
SET pg_more.rewrites = on;
SELECT * FROM output_of($$SELECT CASE id WHEN 1 THEN 'one' END FROM item$$);
SELECT 'SELECT CASE id ' || string_agg(format('WHEN %s THEN %s', i, 2 * i), ' ') || ' END AS c FROM item' AS dozen FROM generate_series(1, 12) AS i \gset
SELECT * FROM output_of(:'dozen');
SET pg_more.hashed_case = off;
SELECT output_of(:'dozen') ~ 'case_lookup' AS looked_up;
RESET pg_more.hashed_case;
-- enough of them for the table to grow, with every key
SELECT 'SELECT id FROM many WHERE id % 3 IS DISTINCT FROM CASE id ' || string_agg(format('WHEN %s THEN %s', i, i % 3), ' ') || ' END' AS twenty_thousand FROM generate_series(1, 20000) AS i \gset
\set ECHO none
:twenty_thousand;
\set ECHO all
SET pg_more.rewrites = force;

-- a nondeterministic collation decides what is equal
SELECT count(*) > 0 AS icu FROM pg_collation WHERE collprovider = 'i' \gset
CREATE TABLE words (w text);
INSERT INTO words VALUES ('Abc'), ('aBC'), ('abd');
\if :icu
CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
ALTER TABLE words ALTER COLUMN w TYPE text COLLATE caseless;
SELECT w, CASE w WHEN 'ABC' THEN 'yes' WHEN 'abc' THEN 'never' ELSE 'no' END FROM words ORDER BY w COLLATE "C";
SELECT * FROM compared($$SELECT w, CASE w WHEN 'ABC' THEN 'yes' WHEN 'abc' THEN 'never' ELSE w END AS c FROM words$$);
SELECT * FROM compared($$SELECT w, CASE w COLLATE "C" WHEN 'Abc' THEN 'yes' ELSE w END AS c FROM words$$);
SELECT w, CASE WHEN (w, length(w)) = ('ABC', 3) THEN 'yes' WHEN (w, length(w)) = ('abc', 3) THEN 'never' ELSE 'no' END FROM words ORDER BY w COLLATE "C";
SELECT * FROM compared($$SELECT w, CASE WHEN w = 'ABC' AND n = 'abc' THEN 'yes' WHEN w = 'abc' AND n = 'Abc' THEN 'plain' ELSE w END AS c FROM (SELECT w, w COLLATE "C" AS n FROM words) AS q$$);
SELECT * FROM compared($$SELECT w, CASE WHEN w = 'ABC' AND t = 'abc' THEN 'yes' WHEN w = 'abc' AND t = 'Abc' THEN 'plain' END AS c FROM words, (VALUES ('abc'), ('Abc')) AS q (t)$$);
\endif

-- the function by itself
SELECT more.case_lookup(2, '{1,2,2}'::integer[], '{a,b,c}'::text[], 'none'), more.case_lookup(NULL, '{1}'::integer[], '{a}'::text[], 'none'),
	more.case_lookup(1, NULL::integer[], '{a}'::text[], 'none'), more.case_lookup(1, '{1}'::integer[], NULL::text[], 'none');
SELECT more.case_lookup_rows(2, '{1,2}', ARRAY[ROW('{1}'::integer[]), ROW('{2,3}'::integer[])], NULL::integer[]);
SELECT k, more.case_lookup(k, ARRAY[k, 2], ARRAY['k' || k, 'two'], 'none') FROM generate_series(1, 3) AS k;
SELECT k, more.case_lookup(k, ARRAY[k], ARRAY['k' || k], 'none', fixed => true) FROM generate_series(1, 2) AS k;
SELECT more.case_lookup(1, '{1,2}'::integer[], '{a}'::text[], 'none');
SELECT more.case_lookup(1, '{{1},{2}}'::integer[], '{a,b}'::text[], 'none');
SELECT more.case_lookup(1::money, '{1}'::money[], '{a}'::text[], 'none');
SELECT more.case_lookup_rows(1, '{1}', ARRAY[ROW(5)], 'none'::text);
SELECT more.case_lookup_rows(1, '{1}', ARRAY[ROW('a'::text, 'b'::text)], 'none'::text);

SELECT k, t, more.case_position(false, k, '{1,2,NULL,1}'::integer[], t, ARRAY['a', 'b', 'c', 'a']) FROM (VALUES (1, 'a'::text), (2, 'a'), (2, 'b'), (NULL, 'c'), (1, NULL)) AS v (k, t);
SELECT more.case_position(false, 1, NULL::integer[]), more.case_position(false, 1, '{}'::integer[]), more.case_position(NULL, 1, '{1}'::integer[]);
SELECT more.case_position(false, k, ARRAY[k, 2], 'x'::text, ARRAY['x', 'x']) FROM generate_series(1, 3) AS k;
SELECT more.case_position(true, k, ARRAY[k, 2], 'x'::text, ARRAY['x', 'x']) FROM generate_series(1, 3) AS k;
SELECT more.case_position(false, 'A'::text COLLATE "C", '{a,A}'::text[]);
SELECT more.case_position(false, 1, '{1,2}'::integer[], 2, '{2}'::integer[]);
SELECT more.case_position(false, 1, '{{1},{2}}'::integer[]);
SELECT more.case_position(false, 1::bigint, '{1}'::integer[]);
SELECT more.case_position(false, 1::money, '{1}'::money[]);
SELECT more.case_position(false, 1, 1);
SELECT more.case_position(false, 1);
SELECT more.case_position(false, VARIADIC ARRAY[1, 2]);
SELECT more.case_position(false, 1, '{1}');

-- without the extension, and after it: plans do not outlive the function
PREPARE lasting AS SELECT CASE id WHEN 1 THEN 'one' WHEN 2 THEN 'two' END FROM item WHERE id = 2;
EXECUTE lasting;
BEGIN;
DROP EXTENSION pg_more;
EXECUTE lasting;
SELECT * FROM output_of('EXECUTE lasting');
ROLLBACK;
EXECUTE lasting;
-- nor may it take a right that the statement does not need
CREATE ROLE case_reader;
GRANT SELECT ON item TO case_reader;
GRANT EXECUTE ON FUNCTION output_of TO case_reader;
REVOKE EXECUTE ON FUNCTION more.case_lookup(anyelement, anyarray, anycompatiblearray, anycompatible) FROM PUBLIC;
SET ROLE case_reader;
SELECT CASE id WHEN 1 THEN 'one' WHEN 2 THEN 'two' END FROM item WHERE id = 2;
RESET ROLE;
REVOKE ALL ON item FROM case_reader;
REVOKE ALL ON FUNCTION output_of FROM case_reader;
DROP ROLE case_reader;

-- a plan that is kept does not reach a role that may not call the look-up
SET plan_cache_mode = force_generic_plan;
SET pg_more.rewrites = force;
CREATE ROLE regress_may_not;
CREATE TABLE granted (k int);
INSERT INTO granted VALUES (1), (2);
GRANT SELECT ON granted TO regress_may_not;
REVOKE EXECUTE ON FUNCTION more.case_lookup(anyelement, anyarray, anycompatiblearray, anycompatible) FROM PUBLIC;
PREPARE kept AS SELECT CASE k WHEN 1 THEN 'one' ELSE 'more' END FROM granted;
EXECUTE kept;
SET ROLE regress_may_not;
EXECUTE kept;
RESET ROLE;
EXECUTE kept;
GRANT EXECUTE ON FUNCTION more.case_lookup(anyelement, anyarray, anycompatiblearray, anycompatible) TO PUBLIC;
DROP TABLE granted;
DROP ROLE regress_may_not;
