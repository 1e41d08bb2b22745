-- or_reduction: ORs that span relations give the same rows when the rows that their arms find are joined back.
\set ECHO none
\i sql/include/rewrites.sql

-- As same_rows, and tells what or_reduction said.
CREATE FUNCTION reduced(query text, OUT rows bigint, OUT same boolean, OUT told text)
LANGUAGE plpgsql AS $$
BEGIN
	SELECT s.rows, s.same INTO rows, same FROM same_rows(query) AS s;
	SET LOCAL pg_more.rewrites = force;
	SELECT string_agg(CASE WHEN applied THEN 'on ' || split_part(reason, ':', 1) ELSE reason END, '; ' ORDER BY applied DESC, reason)
	INTO told FROM more.explain_rewrites(query) WHERE rewrite = 'or_reduction';
	told := coalesce(told, 'nothing');
	SET LOCAL pg_more.rewrites = on;
END $$;
-- What a statement is rewritten to.
CREATE FUNCTION rewritten(query text) RETURNS SETOF text
LANGUAGE sql SET pg_more.rewrites = force AS $$
	SELECT sql FROM more.explain_rewrites(query) WHERE rewrite = 'or_reduction' AND applied
$$;
\set ECHO all
CREATE TABLE manager (id int PRIMARY KEY, name text, boss_id int REFERENCES manager);
CREATE TABLE car (id int PRIMARY KEY, color text, manager_id int REFERENCES manager);
CREATE TABLE truck (id int PRIMARY KEY, weight int, dropped int, manager_id int REFERENCES manager);
CREATE TABLE airbag (id int PRIMARY KEY, kind int, dropped int, car_id int REFERENCES car, truck_id int REFERENCES truck, note text);
CREATE TABLE part (airbag_id int, supplier int, code int);
ALTER TABLE truck DROP COLUMN dropped;
ALTER TABLE airbag DROP COLUMN dropped;
INSERT INTO manager SELECT g, CASE WHEN g % 5 > 0 THEN 'm' || g % 10 END, CASE WHEN g > 10 THEN g / 10 END FROM generate_series(1, 50) AS g;
INSERT INTO car SELECT g, CASE WHEN g % 7 > 0 THEN 'c' || g % 12 END, CASE WHEN g % 3 > 0 THEN g % 50 + 1 END FROM generate_series(1, 150) AS g;
INSERT INTO truck SELECT g, nullif(g % 13, 0), CASE WHEN g % 4 > 0 THEN g % 50 + 1 END FROM generate_series(1, 150) AS g;
INSERT INTO airbag SELECT g, nullif(g % 6, 0), CASE WHEN g % 3 = 0 THEN g % 150 + 1 END, CASE WHEN g % 3 = 1 THEN g % 150 + 1 END, 'n' || g FROM generate_series(1, 600) AS g;
INSERT INTO part SELECT g % 650, g % 4, nullif(g % 9, 0) FROM generate_series(1, 900) AS g;
ANALYZE manager, car, truck, airbag, part;

-- left joins to unique keys: the filter follows, and the joins that served it alone go
SELECT * FROM reduced('SELECT a.* FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id WHERE c.color = ''c1'' OR t.weight = 2');
SELECT rewritten('SELECT a.* FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id WHERE c.color = ''c1'' OR t.weight = 2');
-- chains of them, arms about the anchor, constants, several conditions
SELECT * FROM reduced('SELECT a.id, c.color FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id LEFT JOIN manager AS m ON m.id = c.manager_id LEFT JOIN manager AS b ON b.id = m.boss_id WHERE b.name = ''m1'' OR c.color = ''c5'' OR a.kind = 3');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN (car AS c LEFT JOIN manager AS m ON m.id = c.manager_id) ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id WHERE (m.name = ''m2'' OR t.weight = 3 OR false) AND a.kind > 1 AND (c.color = ''c2'' OR t.weight IS NULL)');
-- arms that are true of what was not matched
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id AND c.color = ''c1'' LEFT JOIN truck AS t ON t.id = a.truck_id WHERE c.id IS NULL OR t.weight = 2');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN (car AS c JOIN manager AS m ON m.id = c.manager_id AND m.name = ''m3'') ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id WHERE c.id IS NULL OR t.weight = 2');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id AND t.manager_id = c.manager_id WHERE t.id IS NULL OR c.color = ''c1''');
-- joins that repeat rows, and keep the filter
SELECT * FROM reduced('SELECT a.id, p.code FROM airbag AS a LEFT JOIN part AS p ON p.airbag_id = a.id LEFT JOIN car AS c ON c.id = a.car_id WHERE p.code = 4 OR c.color = ''c3''');
SELECT rewritten('SELECT a.id, p.code FROM airbag AS a LEFT JOIN part AS p ON p.airbag_id = a.id LEFT JOIN car AS c ON c.id = a.car_id WHERE p.code = 4 OR c.color = ''c3''');
SELECT * FROM reduced('SELECT DISTINCT a.kind FROM airbag AS a LEFT JOIN part AS p ON p.airbag_id = a.id LEFT JOIN part AS q ON q.airbag_id = a.id WHERE p.code = 4 OR q.supplier = 3');
-- inner joins, with conditions in ON and in WHERE; a RIGHT JOIN; commas
SELECT * FROM reduced('SELECT a.id, p.code FROM airbag AS a JOIN part AS p ON p.airbag_id = a.id JOIN car AS c ON c.id = a.car_id WHERE p.code = 4 OR c.color = ''c3''');
SELECT * FROM reduced('SELECT a.id, p.code FROM airbag AS a, part AS p, car AS c WHERE p.airbag_id = a.id AND c.id = a.car_id AND (p.code = 4 OR c.color = ''c3'')');
SELECT * FROM reduced('SELECT a.id FROM car AS c RIGHT JOIN airbag AS a ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id WHERE c.color = ''c1'' OR t.weight = 2');
SELECT * FROM reduced('SELECT id, color FROM airbag AS a LEFT JOIN (SELECT id AS car_id, color, manager_id FROM car) AS c USING (car_id) LEFT JOIN truck AS t (truck_id, weight) USING (truck_id) WHERE color = ''c1'' OR weight = 2');
SELECT * FROM reduced('SELECT j.id, j.color FROM (airbag AS a LEFT JOIN car AS c (car_id, color) USING (car_id)) AS j LEFT JOIN truck AS t (truck_id, weight) USING (truck_id) WHERE j.color = ''c1'' OR t.weight = 2');
-- arms over several relations at once
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id WHERE (c.color = ''c1'' AND a.kind = 2) OR (c.manager_id = t.manager_id) OR (t.weight = a.kind)');
-- EXISTS and IN, correlated or not, NOT among them
SELECT * FROM reduced('SELECT a.id FROM airbag AS a WHERE EXISTS (SELECT 1 FROM car AS c WHERE c.id = a.car_id AND c.color = ''c1'' LIMIT 1) OR EXISTS (SELECT FROM truck AS t WHERE t.id = a.truck_id AND t.weight = 2)');
SELECT rewritten('SELECT a.id FROM airbag AS a WHERE EXISTS (SELECT 1 FROM car AS c WHERE c.id = a.car_id AND c.color = ''c1'' LIMIT 1) OR EXISTS (SELECT FROM truck AS t WHERE t.id = a.truck_id AND t.weight = 2)');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a WHERE a.car_id IN (SELECT id FROM car WHERE color = ''c1'') OR NOT EXISTS (SELECT FROM part AS p WHERE p.airbag_id = a.id) OR a.kind = 5');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a WHERE a.car_id NOT IN (SELECT id FROM car WHERE id IS NOT NULL) OR a.kind IS NULL OR a.kind IN (SELECT code FROM part)');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE c.color = ''c1'' OR EXISTS (SELECT FROM part AS p WHERE p.airbag_id = a.id AND p.supplier = c.manager_id)');

-- above the filter anything may stand: GROUP BY, DISTINCT, aggregates, window functions, ORDER BY with LIMIT
SELECT * FROM reduced('SELECT a.kind, count(*), max(c.color) FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id WHERE c.color = ''c1'' OR t.weight = 2 GROUP BY a.kind HAVING count(*) > 1');
SELECT * FROM reduced('SELECT DISTINCT ON (a.kind) a.kind, a.id, row_number() OVER (ORDER BY a.id) FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id WHERE c.color = ''c1'' OR t.weight = 2 ORDER BY a.kind, a.id LIMIT 3');
-- any query level: views, WITH, set operations, subqueries of an outer query's columns
CREATE VIEW red AS SELECT a.id, a.kind, c.color FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id WHERE c.color = 'c1' OR t.weight = 2;
SELECT * FROM reduced('SELECT * FROM red WHERE kind > 1');
SELECT * FROM reduced('WITH r AS (SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE c.color = ''c1'' OR a.kind = 2) SELECT r.id FROM r JOIN part AS p ON p.airbag_id = r.id UNION ALL SELECT id FROM r');
SELECT * FROM reduced('SELECT m.id, (SELECT count(*) FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE c.manager_id = m.id AND (c.color = ''c1'' OR a.kind = 2)) FROM manager AS m');
-- an OR over the columns of a view or a subquery is reduced inside of it, with what else is asked of it
CREATE VIEW bags AS SELECT a.id, a.kind, c.color, t.weight, c.manager_id, 7 AS seven FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id WHERE a.id > 3;
SELECT * FROM reduced('SELECT * FROM bags WHERE color = ''c1'' OR weight = 2');
SELECT rewritten('SELECT id FROM bags WHERE (color = ''c1'' OR weight = 2) AND kind IS NULL AND seven = 7');
SELECT * FROM reduced('SELECT id FROM bags WHERE (color = ''c1'' OR weight = 2) AND kind IS NULL AND seven = 7');
SELECT * FROM reduced('SELECT kind, count(*) FROM bags WHERE color = ''c1'' OR weight = 2 GROUP BY kind ORDER BY kind LIMIT 2');
SELECT * FROM reduced('SELECT p.code, b.* FROM part AS p RIGHT JOIN bags AS b ON p.airbag_id = b.id JOIN manager AS m ON m.id = b.manager_id WHERE (b.color = ''c1'' OR b.weight = 2) AND b.id > 9 AND m.id > 4');
SELECT rewritten('SELECT b.id FROM bags AS b WHERE EXISTS (SELECT FROM part AS p WHERE p.airbag_id = b.id AND p.code = 4) OR b.id IN (SELECT supplier FROM part)');
SELECT * FROM reduced('SELECT b.id FROM bags AS b WHERE EXISTS (SELECT FROM part AS p WHERE p.airbag_id = b.id AND p.code = 4) OR b.id IN (SELECT supplier FROM part)');
SELECT * FROM reduced('SELECT * FROM (SELECT * FROM bags ORDER BY id) AS s WHERE s.color = ''c1'' OR s.kind IS NULL OR s.weight = 2');
SELECT * FROM reduced('SELECT s.* FROM (SELECT b.id, b.color AS hue, b.weight, m.name FROM bags AS b LEFT JOIN manager AS m ON m.id = b.manager_id) AS s WHERE s.hue = ''c1'' OR s.weight = 2');
SELECT * FROM reduced('SELECT m.id FROM manager AS m WHERE EXISTS (SELECT FROM bags AS b WHERE b.manager_id = m.id AND (b.color = ''c1'' OR b.weight = 2))');
-- views beside the relation that is reduced, in its joins and in subqueries
CREATE VIEW managed AS SELECT c.id, c.color, m.name FROM car AS c JOIN manager AS m ON m.id = c.manager_id;
SELECT * FROM reduced('SELECT a.id, v.name FROM airbag AS a LEFT JOIN managed AS v ON v.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id WHERE v.name = ''m1'' OR t.weight = 2');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a WHERE EXISTS (SELECT FROM managed AS v WHERE v.id = a.car_id AND v.name = ''m1'') OR EXISTS (SELECT FROM truck AS t WHERE t.id = a.truck_id AND t.weight = 2)');
SELECT * FROM reduced('SELECT p.code, b.kind FROM part AS p LEFT JOIN bags AS b ON b.id = p.airbag_id WHERE b.color = ''c1'' OR p.code = 4');
-- ... but not where more than filters and joins is in it, where an outer join may leave it out, where its columns are volatile, or where it keeps what others ask
SELECT * FROM reduced('SELECT * FROM (SELECT * FROM bags ORDER BY id LIMIT 300) AS s WHERE color = ''c1'' OR weight = 2');
SELECT * FROM reduced('SELECT * FROM (SELECT DISTINCT * FROM bags) AS s WHERE color = ''c1'' OR weight = 2');
SELECT * FROM reduced('SELECT * FROM (SELECT color, weight, count(*) FROM bags GROUP BY color, weight) AS s WHERE color = ''c1'' OR weight = 2');
SELECT * FROM reduced('SELECT * FROM (SELECT color, weight, row_number() OVER (ORDER BY id) FROM bags) AS s WHERE color = ''c1'' OR weight = 2');
SELECT * FROM reduced('SELECT * FROM (SELECT color, weight FROM bags UNION ALL SELECT color, 3 FROM car) AS s WHERE color = ''c1'' OR weight = 2');
SELECT * FROM reduced('SELECT * FROM (WITH w AS MATERIALIZED (SELECT 2 AS two) SELECT b.*, two FROM bags AS b, w) AS s WHERE color = ''c1'' OR weight = 2');
SELECT * FROM reduced('SELECT m.id, b.* FROM manager AS m LEFT JOIN bags AS b ON b.id = m.id WHERE b.color = ''c1'' OR b.weight = 2');
SELECT * FROM reduced('SELECT m.id, b.id AS bag FROM manager AS m FULL JOIN bags AS b ON b.id = m.id WHERE b.color = ''c1'' OR b.weight = 2');
SELECT * FROM reduced('SELECT id, drawn >= 0 FROM (SELECT *, random() AS drawn FROM bags) AS s WHERE color = ''c1'' OR weight = 2');
SELECT * FROM reduced('SELECT id FROM bags WHERE (color = ''c1'' OR weight = 2) AND random() >= 0');
SELECT * FROM reduced('SELECT id FROM bags WHERE color = ''c1'' OR 10 / weight = 2 OR 7 / id = 1');
SELECT * FROM reduced('SELECT m.id, b.id AS bag FROM manager AS m, LATERAL (SELECT * FROM bags WHERE bags.manager_id = m.id) AS b WHERE b.color = ''c1'' OR b.weight = 2');
ALTER VIEW bags SET (security_barrier);
SELECT * FROM reduced('SELECT * FROM bags WHERE color = ''c1'' OR weight = 2');
ALTER VIEW bags RESET (security_barrier);
SELECT reason FROM more.explain_rewrites('SELECT * FROM (SELECT a.id, a.kind, c.color FROM airbag AS a JOIN car AS c ON c.id = a.car_id) AS s WHERE color = ''c1'' OR kind = 2 FOR UPDATE') WHERE rewrite = 'or_reduction';
SELECT * FROM reduced('SELECT bags FROM bags WHERE bags IS NULL OR color = ''c1''');

-- more relations than join_collapse_limit
SET join_collapse_limit = 3;
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN part AS p ON p.airbag_id = a.id LEFT JOIN car AS c ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id LEFT JOIN manager AS m ON m.id = t.manager_id LEFT JOIN manager AS b ON b.id = m.boss_id WHERE b.name = ''m1'' OR c.color = ''c5''');
RESET join_collapse_limit;
-- twice in one level, and twice the same relation
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id WHERE (c.color = ''c1'' OR t.weight = 2) AND (c.manager_id < 20 OR t.manager_id < 20)');
SELECT * FROM reduced('SELECT a.id, b.id FROM manager AS a JOIN manager AS b ON b.boss_id = a.id WHERE a.name = ''m1'' OR b.name = ''m2''');

-- partitions and children: found by key, or by table and place
CREATE TABLE event (id int, day date, car_id int, truck_id int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
INSERT INTO event SELECT g, '2024-01-01'::date + g % 50, g % 150, (g * 7) % 150 FROM generate_series(1, 300) AS g;
CREATE TABLE trip (id int, car_id int, truck_id int) PARTITION BY HASH (id);
CREATE TABLE trip_1 PARTITION OF trip FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE trip_2 PARTITION OF trip FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO trip SELECT g % 100, g % 150, (g * 7) % 150 FROM generate_series(1, 300) AS g;
CREATE TABLE old_airbag () INHERITS (airbag);
INSERT INTO old_airbag SELECT id, kind, car_id, truck_id, note FROM ONLY airbag WHERE id < 100;
ANALYZE event, trip, old_airbag;
SELECT * FROM reduced('SELECT e.id FROM event AS e LEFT JOIN car AS c ON c.id = e.car_id LEFT JOIN truck AS t ON t.id = e.truck_id WHERE c.color = ''c1'' OR t.weight = 2');
SELECT rewritten('SELECT e.id FROM event AS e LEFT JOIN car AS c ON c.id = e.car_id LEFT JOIN truck AS t ON t.id = e.truck_id WHERE c.color = ''c1'' OR t.weight = 2');
SELECT * FROM reduced('SELECT e.id FROM trip AS e LEFT JOIN car AS c ON c.id = e.car_id LEFT JOIN truck AS t ON t.id = e.truck_id WHERE c.color = ''c1'' OR t.weight = 2');
SELECT rewritten('SELECT e.id FROM trip AS e LEFT JOIN car AS c ON c.id = e.car_id LEFT JOIN truck AS t ON t.id = e.truck_id WHERE c.color = ''c1'' OR t.weight = 2');
SELECT * FROM reduced('SELECT a.id, a.tableoid::regclass FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id WHERE c.color = ''c1'' OR t.weight = 2');
-- a parent's key is not unique among its children: the filter stays
SELECT rewritten('SELECT c.id FROM car AS c LEFT JOIN airbag AS a ON a.id = c.id WHERE a.kind = 1 OR c.color = ''c1''');
SELECT * FROM reduced('SELECT c.id, a.kind FROM car AS c LEFT JOIN airbag AS a ON a.id = c.id WHERE a.kind = 1 OR c.color = ''c1''');
DROP TABLE old_airbag;

-- changes: over their sources alone
CREATE TABLE bill (airbag_id int, total int);
INSERT INTO bill SELECT g, 0 FROM generate_series(1, 600) AS g;
CREATE FUNCTION change(statement text, OUT changed bigint, OUT sum bigint, OUT told text) LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL pg_more.rewrites = force;
	EXECUTE statement;
	GET DIAGNOSTICS changed = ROW_COUNT;
	sum := (SELECT pg_catalog.sum(airbag_id + 1000 * total) FROM bill);
	SELECT string_agg(reason, '; ' ORDER BY applied DESC, reason) INTO told FROM more.explain_rewrites(statement) WHERE rewrite = 'or_reduction';
	EXECUTE 'UPDATE bill SET total = 0';
END $$;
SELECT * FROM change('UPDATE bill SET total = 1 FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE a.id = bill.airbag_id AND (c.color = ''c1'' OR a.kind = 2)');
SELECT count(*), sum(bill.airbag_id + 1000) FROM bill JOIN airbag AS a ON a.id = bill.airbag_id LEFT JOIN car AS c ON c.id = a.car_id WHERE c.color = 'c1' OR a.kind = 2;
SELECT * FROM change('UPDATE bill SET total = 1 FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE a.id = bill.airbag_id AND (c.color = ''c1'' OR bill.total = 2)');
SELECT * FROM change('UPDATE bill SET total = 1 FROM bags AS b WHERE b.id = bill.airbag_id AND (b.color = ''c1'' OR b.weight = 2)');
SELECT count(*), sum(bill.airbag_id + 1000) FROM bill JOIN bags AS b ON b.id = bill.airbag_id WHERE b.color = 'c1' OR b.weight = 2;
BEGIN;
SELECT * FROM change('DELETE FROM bill USING airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE a.id = bill.airbag_id AND (c.color = ''c1'' OR a.kind = 2)');
SELECT * FROM change('DELETE FROM bill USING airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE a.id = bill.airbag_id AND (c.color = ''c5'' OR EXISTS (SELECT FROM part AS p WHERE p.airbag_id = bill.airbag_id AND p.code = 4))');
ROLLBACK;
SELECT * FROM change('DELETE FROM bill WHERE airbag_id IN (SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE c.color = ''c1'' OR a.kind = 2)');
SELECT * FROM change('INSERT INTO bill SELECT a.id, 5 FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE c.color = ''c1'' OR a.kind = 2');

-- what is left alone, and why
SELECT * FROM reduced('SELECT a.id FROM airbag AS a FULL JOIN car AS c ON c.id = a.car_id WHERE c.color = ''c1'' OR a.kind = 2');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE 10 / c.id = 1 OR a.kind = 2');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id AND 10 / c.id = 1 WHERE c.color = ''c1'' OR a.kind = 2');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE (c.color = ''c1'' OR a.kind = 2) AND random() >= 0');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a WHERE a.kind = 2 OR a.id = (SELECT max(id) FROM car)');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a WHERE a.kind = 2 OR a.id IN (SELECT id FROM car ORDER BY id LIMIT 3)');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a WHERE a.kind = 2 OR a.id IN (SELECT count(*) FROM car)');
SELECT * FROM reduced('WITH w AS MATERIALIZED (SELECT id FROM car) SELECT a.id FROM airbag AS a WHERE a.kind = 2 OR a.id IN (SELECT id FROM w)');
SELECT * FROM reduced('WITH w AS MATERIALIZED (SELECT id, color FROM car) SELECT a.id FROM airbag AS a LEFT JOIN w ON w.id = a.car_id WHERE a.kind = 2 OR w.color = ''c1''');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN generate_series(1, 9) AS g ON g = a.kind WHERE g = 1 OR a.car_id = 7');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a TABLESAMPLE system (100) REPEATABLE (1) LEFT JOIN car AS c ON c.id = a.car_id WHERE c.color = ''c1'' OR a.kind = 2');
SELECT * FROM reduced('SELECT m.id FROM manager AS m WHERE EXISTS (SELECT FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE c.manager_id = m.id OR a.kind = m.id)');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN LATERAL (SELECT color FROM car WHERE id = a.car_id) AS c ON true WHERE c.color = ''c1'' OR a.kind = 2');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a JOIN car AS c ON c.id = a.car_id AND (c.color = ''c1'' OR a.kind = 2)');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN truck AS t ON t.id = a.truck_id JOIN car AS c ON c.id = a.car_id AND (c.color = ''c1'' OR a.kind = 2) WHERE t.weight = 2 OR a.kind IS NULL');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a, manager AS m LEFT JOIN car AS c ON c.id = 8 WHERE m.id < 3 AND (c.color = ''c1'' OR a.kind = 2)');
SELECT * FROM reduced('SELECT g.g FROM generate_series(1, 9) AS g LEFT JOIN car AS c ON c.id = g.g WHERE c.color = ''c1'' OR g.g = 2');
SELECT reason FROM more.explain_rewrites('SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE c.color = ''c1'' OR a.kind = 2 FOR UPDATE OF a') WHERE rewrite = 'or_reduction';
SELECT reason FROM more.explain_rewrites('SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE ' || (SELECT string_agg(format('c.color = ''c%s'' AND a.kind = %s', g, g), ' OR ') FROM generate_series(1, 17) AS g)) WHERE rewrite = 'or_reduction';
-- one relation is the business of its indexes
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE c.color = ''c1'' OR c.color IS NULL');

-- a column of a join may be of the relation that the other arms are about
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN (SELECT id::bigint AS car_id, color FROM car) AS c USING (car_id) WHERE car_id = 4 OR a.kind = 2');
-- a sequence is read as it is at that moment; a function that cannot fail may yet be volatile
CREATE SEQUENCE counter;
SELECT * FROM reduced('SELECT a.id FROM airbag AS a, counter AS s WHERE s.last_value = 2 OR a.kind = 2');
SELECT * FROM reduced('SELECT a.id FROM airbag AS a WHERE a.id IN (SELECT last_value FROM counter) OR a.kind = 2');
CREATE FUNCTION noted(int) RETURNS int LANGUAGE plpgsql VOLATILE LEAKPROOF AS 'BEGIN RETURN $1; END';
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN (SELECT id, noted(weight) AS w FROM truck) AS t ON t.id = a.truck_id WHERE t.w = 2 OR a.kind = 2');
-- a comparison without a collation fails where it is made
CREATE TABLE word (id int, c text COLLATE "C", p text COLLATE "POSIX");
INSERT INTO word SELECT g, 'w' || g, 'w' || g FROM generate_series(1, 20) AS g;
SELECT * FROM reduced('SELECT w.id FROM word AS w LEFT JOIN truck AS t ON t.id = w.id WHERE w.id > 0 OR (w.c = w.p AND t.weight = 3)');
-- a primary key that does not bind all partitions yet, and partitions of another kind, whose rows no ctid is known to find
CREATE TABLE half (id int NOT NULL, part int NOT NULL, car_id int, truck_id int) PARTITION BY LIST (part);
CREATE TABLE half_1 PARTITION OF half FOR VALUES IN (1);
CREATE TABLE half_2 PARTITION OF half FOR VALUES IN (2);
INSERT INTO half SELECT g % 100, g % 2 + 1, g % 150, (g * 7) % 150 FROM generate_series(1, 300) AS g;
ALTER TABLE ONLY half ADD PRIMARY KEY (id, part);
SELECT * FROM reduced('SELECT h.id FROM half AS h LEFT JOIN car AS c ON c.id = h.car_id LEFT JOIN truck AS t ON t.id = h.truck_id WHERE c.color = ''c1'' OR t.weight = 2');
CREATE ACCESS METHOD more_other TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE half_3 (LIKE half) USING more_other;
ALTER TABLE half DROP CONSTRAINT half_pkey;
ALTER TABLE half ATTACH PARTITION half_3 FOR VALUES IN (3);
SELECT * FROM reduced('SELECT h.id FROM half AS h LEFT JOIN car AS c ON c.id = h.car_id LEFT JOIN truck AS t ON t.id = h.truck_id WHERE c.color = ''c1'' OR t.weight = 2');
DROP TABLE half;
DROP ACCESS METHOD more_other;
-- no more than two of a query: each makes it longer to plan; a FULL JOIN around it may need what the filter says
SELECT * FROM reduced('SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id LEFT JOIN truck AS t ON t.id = a.truck_id WHERE (c.color = ''c1'' OR t.weight = 2) AND (c.manager_id < 20 OR t.manager_id < 20) AND (c.id > 7 OR t.id > 8)');
SELECT * FROM reduced('SELECT m.id, r.id AS found FROM manager AS m FULL JOIN (SELECT a.id, a.kind FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE c.color = ''c1'' OR a.kind = 2) AS r ON r.kind = m.id');
-- SQL has no way to name the place of a row inside a join that has a name of its own
SET pg_more.rewrites = force;
SELECT applied, sql FROM more.explain_rewrites('SELECT j.id, j.color FROM (airbag AS a LEFT JOIN car AS c (car_id, color) USING (car_id)) AS j WHERE j.color = ''c1'' OR j.kind = 2') WHERE rewrite = 'or_reduction';
RESET pg_more.rewrites;

-- hashed subqueries are priced too high by the server: a filter that many rows pass is left to it
CREATE TABLE bag AS SELECT g AS id, g % 180 AS car_id, g % 180 AS truck_id FROM generate_series(1, 60000) AS g;
CREATE INDEX ON bag (car_id);
CREATE INDEX ON bag (truck_id);
ANALYZE bag;
SET pg_more.rewrites = on;
SELECT applied, reason FROM more.explain_rewrites('SELECT b.id FROM bag AS b WHERE EXISTS (SELECT FROM car AS c WHERE c.id = b.car_id AND c.color IS NOT NULL) OR EXISTS (SELECT FROM truck AS t WHERE t.id = b.truck_id AND t.weight IS NOT NULL)');
SELECT applied, reason FROM more.explain_rewrites('SELECT b.id FROM bag AS b WHERE EXISTS (SELECT FROM car AS c WHERE c.id = b.car_id AND c.id = 7) OR EXISTS (SELECT FROM truck AS t WHERE t.id = b.truck_id AND t.id = 9)');
RESET pg_more.rewrites;

-- where the statement must read all of a table, and what is reduced costs less than that, it is not planned as it is
CREATE FUNCTION spared(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	result text := 'planned, and left';
BEGIN
	EXECUTE 'PREPARE spared AS ' || query;
	FOR line IN EXECUTE 'EXPLAIN EXECUTE spared' LOOP
		result := CASE WHEN line LIKE '%or_reduction on %cost >= %' THEN 'not planned' WHEN line LIKE '%or_reduction on %' THEN 'planned, and reduced' ELSE result END;
	END LOOP;
	DEALLOCATE spared;
	RETURN result;
END $$;
SET pg_more.rewrites = on;
SET cpu_tuple_cost = 1;
SET cpu_index_tuple_cost = 1;
SET max_parallel_workers_per_gather = 0;
SELECT spared('SELECT * FROM bag AS b LEFT JOIN car AS c ON c.id = b.car_id LEFT JOIN truck AS t ON t.id = b.truck_id WHERE c.id = 7 OR t.id = 9');
SELECT spared('SELECT b.id FROM bag AS b WHERE EXISTS (SELECT FROM car AS c WHERE c.id = b.car_id AND c.id = 7) OR EXISTS (SELECT FROM truck AS t WHERE t.id = b.truck_id AND t.id = 9)');
-- a LIMIT, or an index's end, may need few rows; a condition may leave few; so may what all arms say of a table
SELECT spared('SELECT b.id FROM bag AS b LEFT JOIN car AS c ON c.id = b.car_id LEFT JOIN truck AS t ON t.id = b.truck_id WHERE c.id = 7 OR t.id = 9 LIMIT 1');
SELECT spared('SELECT max(b.car_id) FROM bag AS b WHERE EXISTS (SELECT FROM car AS c WHERE c.id = b.car_id AND c.id = 7) OR EXISTS (SELECT FROM truck AS t WHERE t.id = b.truck_id AND t.id = 9)');
SELECT spared('SELECT b.id FROM bag AS b LEFT JOIN car AS c ON c.id = b.car_id LEFT JOIN truck AS t ON t.id = b.truck_id WHERE (c.id = 7 OR t.id = 9) AND b.car_id < 4000');
SELECT spared('SELECT b.id FROM bag AS b LEFT JOIN car AS c ON c.id = b.car_id LEFT JOIN truck AS t ON t.id = b.truck_id WHERE (c.id = 7 AND t.id = 9) OR (c.id = 7 AND t.id < 3)');
SELECT spared('SELECT b.id FROM bag AS b LEFT JOIN car AS c ON c.id = b.car_id LEFT JOIN truck AS t ON t.id = b.truck_id WHERE (c.id = 7 AND t.id = 9) OR c.id = 8 OR (t.id = 9 AND 1 = 2)');
SELECT spared('SELECT b.id FROM bag AS b JOIN car AS c ON c.id = b.car_id LEFT JOIN truck AS t ON t.id = b.truck_id WHERE c.id = 7 OR t.id = 9');
-- a partial index may be all that is read
CREATE INDEX few ON bag (car_id) WHERE id < 10;
SELECT spared('SELECT * FROM bag AS b LEFT JOIN car AS c ON c.id = b.car_id LEFT JOIN truck AS t ON t.id = b.truck_id WHERE c.id = 7 OR t.id = 9');
DROP INDEX few;
RESET cpu_tuple_cost;
RESET cpu_index_tuple_cost;
RESET max_parallel_workers_per_gather;
-- joins of many relations are tried in fewer orders, for this statement alone
SELECT * FROM reduced('SELECT b.id, k.name, l.name FROM bag AS b LEFT JOIN car AS c ON c.id = b.car_id LEFT JOIN truck AS t ON t.id = b.truck_id LEFT JOIN manager AS k ON k.id = c.manager_id LEFT JOIN manager AS l ON l.id = t.manager_id LEFT JOIN manager AS m ON m.id = k.boss_id LEFT JOIN manager AS n ON n.id = l.boss_id WHERE m.name = ''m1'' OR n.name = ''m2''');
SHOW join_collapse_limit;
RESET pg_more.rewrites;

-- row security and column privileges: as in the statement as it was
CREATE ROLE more_or_reader;
GRANT SELECT (id, kind, car_id) ON airbag TO more_or_reader;
GRANT SELECT ON car TO more_or_reader;
ALTER TABLE car ENABLE ROW LEVEL SECURITY;
CREATE POLICY quarter ON car USING (id % 4 = 1);
GRANT USAGE ON SCHEMA public TO more_or_reader;
SET ROLE more_or_reader;
SET pg_more.rewrites = off;
SELECT count(*), sum(a.id) FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE c.color = 'c1' OR a.kind = 2;
SET pg_more.rewrites = force;
SELECT count(*), sum(a.id) FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE c.color = 'c1' OR a.kind = 2;
SELECT count(*), sum(a.id) FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE c.color = 'c1' OR a.note = 'x';
RESET ROLE;
ALTER POLICY quarter ON car USING (id % 4 = 1 AND noted(id) = id);
SET ROLE more_or_reader;
SELECT count(*), sum(a.id) FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE c.color = 'c1' OR a.kind = 2;
SELECT applied, reason FROM more.explain_rewrites('SELECT a.id FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE c.color = ''c1'' OR a.kind = 2') WHERE rewrite = 'or_reduction';
RESET ROLE;

-- prepared statements, with parameters known and not known
SET plan_cache_mode = force_generic_plan;
PREPARE found(text, int) AS SELECT count(*) FROM airbag AS a LEFT JOIN car AS c ON c.id = a.car_id WHERE $1 IS NULL OR c.color = $1 OR a.kind = $2;
EXECUTE found('c1', 2);
EXECUTE found(NULL, 2);
EXECUTE found('none', NULL);
SET plan_cache_mode = force_custom_plan;
EXECUTE found('c1', 2);
EXECUTE found(NULL, 2);
RESET plan_cache_mode;
-- cursors keep the plan that WHERE CURRENT OF wants
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM airbag AS a WHERE a.kind = 2 OR EXISTS (SELECT FROM part AS p WHERE p.airbag_id = a.id AND p.code = 4);
FETCH 1 FROM c;
DELETE FROM airbag WHERE CURRENT OF c;
ROLLBACK;
DROP OWNED BY more_or_reader;
DROP ROLE more_or_reader;
