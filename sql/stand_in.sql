-- or_reduction: the rows found take the place of their table, where the query wants no more of it than columns that can be compared
\set ECHO none
\i sql/include/rewrites.sql

-- Whether a rewritten query gives the same rows, and what became of the table: joined with the rows found, or replaced by them.
CREATE FUNCTION replaced(query text, OUT rows bigint, OUT same boolean, OUT became text)
LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	SELECT s.rows, s.same INTO rows, same FROM same_rows(query) AS s;
	SET LOCAL pg_more.rewrites = force;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF, VERBOSE) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	became := CASE WHEN plan !~ 'pg_more: or_reduction' THEN 'as it is' WHEN plan ~ 'ctid = |TID Cond' THEN 'joined' ELSE 'in its place' END;
	SET LOCAL pg_more.rewrites = on;
END $$;
\set ECHO all
CREATE TABLE color (id int PRIMARY KEY, name text);
CREATE TABLE size (id int PRIMARY KEY, name text);
CREATE TABLE thing (dropped int, id int PRIMARY KEY, kind numeric, color_id int, size_id int, label text, doc json, tags text[], price float8);
ALTER TABLE thing DROP COLUMN dropped;
INSERT INTO color SELECT g, 'c' || g % 5 FROM generate_series(1, 40) AS g;
INSERT INTO size SELECT g, 's' || g % 4 FROM generate_series(1, 40) AS g;
INSERT INTO thing SELECT g, CASE g % 4 WHEN 0 THEN NULL WHEN 1 THEN 1.0 WHEN 2 THEN 1.00 ELSE g END, nullif(g % 41, 0), nullif(g % 37, 0),
	CASE WHEN g % 3 > 0 THEN 'same' END, '{"a": 1}', ARRAY['x', NULL], CASE WHEN g % 2 = 0 THEN 'NaN' ELSE 0::float8 END FROM generate_series(1, 300) AS g;
ANALYZE color, size, thing;

-- as in a UNION written by hand, each row once; rows that look the same stay two
SET pg_more.rewrites = force;
EXPLAIN (COSTS OFF) SELECT t.kind, t.label FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = 'c1' OR s.name = 's2';
RESET pg_more.rewrites;
SELECT * FROM replaced('SELECT t.kind, t.label, t.price, t.tags FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = ''c1'' OR s.name = ''s2''');
-- no column at all
SELECT * FROM replaced('SELECT count(*), 1 FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = ''c1'' OR s.name = ''s2''');
-- columns in all places: expressions, other conditions, groups, windows, ORDER BY, LIMIT, subqueries at any depth, LATERAL, samples of others
SELECT * FROM replaced('SELECT t.kind, count(*), sum(t.price) FILTER (WHERE t.label IS NULL) FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE (c.name = ''c1'' OR s.name = ''s2'') AND t.id % 7 > 1 GROUP BY t.kind HAVING min(t.id) > 3');
SELECT * FROM replaced('SELECT t.id, t.label, t.kind FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = ''c1'' OR s.name = ''s2'' GROUP BY t.id');
SELECT * FROM replaced('SELECT t.id, rank() OVER (PARTITION BY t.kind ORDER BY t.label, t.id) FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = ''c1'' OR s.name = ''s2'' ORDER BY t.price DESC, t.id LIMIT 20');
SELECT * FROM replaced('SELECT t.id, (SELECT count(*) FROM color AS o WHERE o.id < t.kind AND EXISTS (SELECT FROM size AS i WHERE i.id = t.size_id AND i.id > o.id)) FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = ''c1'' OR s.name = ''s2''');
SELECT * FROM replaced('SELECT t.id, l.n, f FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id, LATERAL (SELECT t.kind + o.id AS n FROM color AS o WHERE o.id = t.color_id) AS l, LATERAL generate_series(1, t.id % 3) AS f WHERE c.name = ''c1'' OR s.name = ''s2''');
-- columns of joins, merged ones and whole rows of them
SELECT * FROM replaced('SELECT color_id, j.label, j.hue FROM (thing AS t LEFT JOIN color AS c (color_id, hue) USING (color_id)) AS j LEFT JOIN size AS s (size_id, name) USING (size_id) WHERE j.hue = ''c1'' OR s.name = ''s2''');
SELECT * FROM replaced('SELECT color_id, t.id FROM thing AS t LEFT JOIN color AS c (color_id, hue) USING (color_id) LEFT JOIN size AS s (size_id, name) USING (size_id) WHERE hue = ''c1'' OR name = ''s2''');
SELECT * FROM replaced('SELECT j FROM ((SELECT id, color_id FROM thing) AS t JOIN size AS s USING (id)) AS j LEFT JOIN color AS c ON c.id = j.color_id WHERE c.name = ''c1'' OR j.id = 2');
-- sides that stay, as their columns are wanted
SELECT * FROM replaced('SELECT t.id, c.name, c FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = ''c1'' OR s.name = ''s2''');
-- views, with conditions that go into them; changes, where the filter stays
CREATE VIEW things AS SELECT t.id, t.kind, c.name AS hue, s.name AS size FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id;
SELECT * FROM replaced('SELECT v.*, o.label FROM things AS v JOIN thing AS o ON o.id = v.kind WHERE (v.hue = ''c1'' OR v.size = ''s2'') AND v.id > 9');
SELECT * FROM replaced('SELECT id FROM thing WHERE id IN (SELECT v.id FROM things AS v WHERE v.hue = ''c1'' OR v.size = ''s2'')');
BEGIN;
SET LOCAL pg_more.rewrites = force;
UPDATE color AS u SET name = 'u' FROM thing AS t LEFT JOIN size AS s ON s.id = t.size_id LEFT JOIN size AS o ON o.id = t.id WHERE u.id = t.color_id AND (s.name = 's2' OR o.name = 's1');
SELECT count(*) FROM color WHERE name = 'u';
ROLLBACK;
BEGIN;
UPDATE color AS u SET name = 'u' FROM thing AS t LEFT JOIN size AS s ON s.id = t.size_id LEFT JOIN size AS o ON o.id = t.id WHERE u.id = t.color_id AND (s.name = 's2' OR o.name = 's1');
SELECT count(*) FROM color WHERE name = 'u';
ROLLBACK;

-- a table that is joined with the rows found: its whole row, a column of the system, one that cannot be compared, a filter that stays, two ORs
SELECT * FROM replaced('SELECT (t).label, t IS NULL FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = ''c1'' OR s.name = ''s2''');
SELECT * FROM replaced('SELECT j FROM (thing AS t JOIN size AS i ON i.id = t.id) AS j LEFT JOIN color AS c ON c.id = j.color_id WHERE c.name = ''c1'' OR j.label = ''x''');
SELECT * FROM replaced('SELECT t.ctid::text FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = ''c1'' OR s.name = ''s2''');
SELECT * FROM replaced('SELECT t.id, t.doc FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = ''c1'' OR s.name = ''s2''');
SELECT * FROM replaced('SELECT t.id FROM thing AS t LEFT JOIN color AS c ON c.id > t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = ''c1'' OR s.name = ''s2''');
SELECT * FROM replaced('SELECT t.id FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE (c.name = ''c1'' OR s.name = ''s2'') AND (c.name = ''c2'' OR s.name = ''s2'')');
-- ... more columns than are worth comparing, and values that are out of line
CREATE TABLE wide AS SELECT g AS id, g AS a, g AS b, g AS c, g AS d, g AS e, g AS f, g AS g, g AS h, g AS i, g AS j, g AS k, g AS l, g AS m, g AS n, g AS o, g AS p FROM generate_series(1, 50) AS g;
SELECT * FROM replaced('SELECT w.id, a, b, w.c, d, e, f, g, h, i, j, k, l, m, n, o FROM wide AS w LEFT JOIN color AS c ON c.id = w.a LEFT JOIN size AS s ON s.id = w.b WHERE c.name = ''c1'' OR s.name = ''s2''');
SELECT * FROM replaced('SELECT w.id, a, b, w.c, d, e, f, g, h, i, j, k, l, m, n, o, p FROM wide AS w LEFT JOIN color AS c ON c.id = w.a LEFT JOIN size AS s ON s.id = w.b WHERE c.name = ''c1'' OR s.name = ''s2''');
INSERT INTO thing (id, color_id, label) SELECT 1001, 1, string_agg(md5(g::text), '') FROM generate_series(1, 500) AS g;
SELECT * FROM replaced('SELECT length(t.label) FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = ''c1'' OR s.name = ''s2''');
SELECT * FROM replaced('SELECT t.id FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = ''c1'' OR s.name = ''s2''');

-- children, by table and place; there is a table with such values among them; partitions, by their key
CREATE TABLE child (more int) INHERITS (thing);
INSERT INTO child (id, kind, color_id, size_id, label) SELECT g, 1, g % 40, g % 39, 'same' FROM generate_series(1, 100) AS g;
SELECT * FROM replaced('SELECT t.id, t.price FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = ''c1'' OR s.name = ''s2''');
SELECT * FROM replaced('SELECT t.id, t.kind FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = ''c1'' OR s.name = ''s2''');
CREATE TABLE part (id int, color_id int, size_id int, label text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (100);
CREATE TABLE part_2 (label text, size_id int, color_id int, id int NOT NULL);
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM (100) TO (1000);
INSERT INTO part SELECT g, g % 40, g % 39, 'p' FROM generate_series(1, 200) AS g;
ANALYZE part;
SELECT * FROM replaced('SELECT p.label, p.id FROM part AS p LEFT JOIN color AS c ON c.id = p.color_id LEFT JOIN size AS s ON s.id = p.size_id WHERE (c.name = ''c1'' OR s.name = ''s2'') AND p.id < 150');

-- what is shown has the table, and runs; a subquery that has such a name is a subquery
SET pg_more.rewrites = force;
SELECT sql FROM more.explain_rewrites('SELECT v.id, v.size FROM things AS v WHERE v.hue = ''c1'' OR v.size = ''s2''') WHERE rewrite = 'or_reduction' \gset
\echo :sql
SELECT count(*) FROM (:sql) AS shown;
SELECT sql FROM more.explain_rewrites('SELECT f.label FROM (SELECT label FROM thing OFFSET 1) AS "*FOUND* 2 1", part AS f LEFT JOIN color AS c ON c.id = f.color_id WHERE c.name = ''c1'' OR f.id = 2') WHERE rewrite = 'or_reduction';
RESET pg_more.rewrites;
SELECT * FROM replaced('SELECT "*FOUND* 2 1".label FROM (SELECT label FROM thing LIMIT 1) AS "*FOUND* 2 1", thing AS "*FOUND* 1 1" LEFT JOIN color AS c ON c.id = color_id LEFT JOIN size AS s ON s.id = size_id WHERE c.name = ''c1'' OR s.name = ''s2''');

-- two ORs about one query: on a view, and on a subquery that has one of its own
CREATE TABLE plain AS SELECT id, kind, color_id, size_id FROM ONLY thing WHERE id < 1000;
ALTER TABLE plain ADD PRIMARY KEY (id);
CREATE TABLE twin AS SELECT id, label, kind FROM ONLY thing WHERE id < 1000;
ALTER TABLE twin ADD PRIMARY KEY (id);
CREATE VIEW twins AS SELECT t.id, t.kind, u.label, c.name AS hue, s.name AS size FROM plain AS t JOIN twin AS u ON u.id = t.id LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id;
SELECT * FROM replaced('SELECT v.id, v.label FROM twins AS v WHERE (v.hue = ''c1'' OR v.size = ''s2'') AND (v.hue = ''c2'' OR v.kind = 3)');
SELECT * FROM replaced('SELECT v.id, v.label FROM twins AS v WHERE (v.hue = ''c1'' OR v.size = ''s2'') AND (v.hue = ''c2'' OR v.label = ''same'')');
SELECT * FROM replaced('SELECT v.id, v.label FROM (SELECT * FROM twins AS i WHERE i.hue = ''c1'' OR i.size = ''s2'') AS v WHERE v.hue = ''c2'' OR v.label = ''same''');

-- the whole row of a join that an outer join may make NULL, in conditions
SELECT * FROM same_rows('SELECT t.id FROM thing AS t LEFT JOIN (color AS c (cid, cname) JOIN size AS s ON s.id = c.cid + 2) AS j ON j.cid = t.color_id WHERE j IS NULL OR t.kind = 1');
SELECT * FROM same_rows('SELECT u.id FROM (SELECT id FROM color UNION SELECT id FROM size) AS u LEFT JOIN (color AS c (cid, cname) JOIN size AS s ON s.id = c.cid + 2) AS j ON j.cid = u.id WHERE j IS NULL AND u.id > 3');

-- a composite type may get an attribute that cannot be compared, of which a kept plan hears nothing
CREATE TYPE pair AS (a int, b text);
CREATE TABLE paired AS SELECT g AS id, g % 41 AS color_id, g % 37 AS size_id, ROW(g, 'x')::pair AS p, ARRAY[ROW(g, 'x')::pair] AS ps FROM generate_series(1, 100) AS g;
SET pg_more.rewrites = force;
PREPARE paired AS SELECT count(p.p), count(p.ps) FROM paired AS p LEFT JOIN color AS c ON c.id = p.color_id LEFT JOIN size AS s ON s.id = p.size_id WHERE c.name = 'c1' OR s.name = 's2';
EXECUTE paired;
ALTER TYPE pair ADD ATTRIBUTE j json;
EXECUTE paired;
-- a generated column that fails where the query would not read it
DO $$ BEGIN
	EXECUTE 'CREATE TABLE divided (id int, a int, b int, q int' || CASE WHEN current_setting('server_version_num')::int >= 180000 THEN ' GENERATED ALWAYS AS (a / b) VIRTUAL' ELSE '' END || ')';
END $$;
INSERT INTO divided (id, a, b) SELECT g, g % 41, g % 5 FROM generate_series(1, 100) AS g;
SELECT count(*), count(CASE WHEN d.b > 0 THEN coalesce(d.q, 0) END) FROM divided AS d LEFT JOIN color AS c ON c.id = d.a LEFT JOIN size AS s ON s.id = d.id WHERE c.name = 'c1' OR s.name = 's2';
-- nothing stays locked that planning leaves alone
BEGIN;
DO $$ BEGIN EXECUTE 'EXPLAIN (COSTS OFF) SELECT p.label FROM part AS p LEFT JOIN color AS c ON c.id = p.color_id LEFT JOIN size AS s ON s.id = p.size_id WHERE (c.name = ''c1'' OR s.name = ''s2'') AND p.id = 50'; END $$;
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND (relation = 'part_2'::regclass OR relation = (SELECT reltoastrelid FROM pg_class WHERE oid = 'part_2'::regclass));
COMMIT;
-- what is shown of the rewrite that comes next starts from what runs, not from what was shown
SELECT sql FROM more.explain_rewrites('SELECT t.id, t.kind FROM plain AS t JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id JOIN (SELECT id FROM color UNION SELECT id FROM size) AS u ON u.id = c.id WHERE (c.name = ''c1'' OR s.name = ''s2'') AND u.id > 3') WHERE applied AND rewrite = 'union_pushdown' \gset
\echo :sql
SELECT count(*) FROM (:sql) AS shown;
RESET pg_more.rewrites;
SELECT count(*) FROM plain AS t JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id JOIN (SELECT id FROM color UNION SELECT id FROM size) AS u ON u.id = c.id WHERE (c.name = 'c1' OR s.name = 's2') AND u.id > 3;

-- the right to read the table and its columns is asked for as before, and policies hide its rows
CREATE ROLE more_stand_in;
GRANT SELECT ON color, size TO more_stand_in;
GRANT SELECT (id, color_id, size_id) ON thing TO more_stand_in;
ALTER TABLE thing ENABLE ROW LEVEL SECURITY;
CREATE POLICY even ON thing USING (id % 2 = 0);
SET ROLE more_stand_in;
SET pg_more.rewrites = off;
SELECT count(*), sum(t.id) FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = 'c1' OR s.name = 's2';
SET pg_more.rewrites = force;
SELECT count(*), sum(t.id) FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = 'c1' OR s.name = 's2';
SELECT t.kind FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = 'c1' OR s.name = 's2';
RESET ROLE;
REVOKE SELECT (id, color_id, size_id) ON thing FROM more_stand_in;
SET ROLE more_stand_in;
SELECT count(*) FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE c.name = 'c1' OR s.name = 's2';
RESET ROLE;
-- a plan that is kept follows the table
PREPARE kept AS SELECT t.id, t.kind FROM thing AS t LEFT JOIN color AS c ON c.id = t.color_id LEFT JOIN size AS s ON s.id = t.size_id WHERE (c.name = 'c1' OR s.name = 's2') AND t.id IN (6, 11, 16) ORDER BY 1, 2;
EXECUTE kept;
UPDATE thing SET kind = 7 WHERE id = 11;
ALTER TABLE color DROP CONSTRAINT color_pkey;
INSERT INTO color VALUES (11, 'c1');
EXECUTE kept;
DROP OWNED BY more_stand_in;
DROP ROLE more_stand_in;
