-- Statements that SPI prepares for a cursor, perhaps: WHERE CURRENT OF finds their row where it did.
\set ECHO none
\i sql/include/rewrites.sql
\set ECHO all
CREATE TABLE item (id int PRIMARY KEY, a int, b int, c text);
CREATE TABLE part (item_id int, code int);
INSERT INTO item SELECT g, g % 10, g % 7, 'c' || g % 5 FROM generate_series(1, 2000) AS g;
INSERT INTO part SELECT g % 1500, g % 20 FROM generate_series(1, 3000) AS g;
CREATE INDEX ON part (item_id);
ANALYZE item, part;

-- ts_stat opens a cursor for a statement that it prepares without options, and fetches 100 rows at a time. While it fetches
-- the second hundred, the cursor's row is the one that this is called for.
CREATE SEQUENCE calls;
CREATE FUNCTION note_current(id int) RETURNS tsvector LANGUAGE plpgsql AS $$
BEGIN
	IF nextval('calls') = 150 THEN
		EXECUTE format('UPDATE item SET c = %L WHERE CURRENT OF %I', 'row ' || id, (SELECT name FROM pg_cursors WHERE statement LIKE 'SELECT note_current%'));
	END IF;
	RETURN 'word';
END $$;
CREATE FUNCTION noted(query text, OUT rows int, OUT noted text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM setval('calls', 1, false);
	SELECT ndoc INTO rows FROM ts_stat(query);
	SELECT string_agg(CASE WHEN c = 'row ' || id THEN 'its own row' ELSE c END, ', ') INTO noted FROM item WHERE c LIKE 'row %';
	UPDATE item SET c = 'c0' WHERE c LIKE 'row %';
EXCEPTION WHEN OTHERS THEN
	noted := regexp_replace(sqlerrm, 'portal \d+', 'portal');
END $$;
CREATE VIEW item_view AS SELECT * FROM item;
SET pg_more.rewrites = force;
SELECT * FROM noted('SELECT note_current(id) FROM item WHERE (a, b) IN ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 0), (8, 1))');
SELECT * FROM noted('SELECT note_current(id) FROM item_view WHERE (a, b) IN ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 0), (8, 1))');
SELECT * FROM noted('SELECT note_current(i.id) FROM item AS i LEFT JOIN item AS other ON other.id = i.b WHERE (i.a, i.b) IN ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 0), (8, 1))');
SELECT * FROM noted('SELECT note_current(id) FROM item WHERE b = ANY (''{1,2,3}''::bigint[])');
SELECT * FROM noted('SELECT note_current(id) FROM item WHERE a = 2 OR EXISTS (SELECT FROM part WHERE item_id = id AND code = 4)');
-- a join has no row for it, with rewrites and without
SELECT * FROM noted('SELECT note_current(i.id) FROM item AS i JOIN part AS p ON p.item_id = i.id WHERE (i.a, p.code) IN ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8))');
SET pg_more.rewrites = off;
SELECT * FROM noted('SELECT note_current(i.id) FROM item AS i JOIN part AS p ON p.item_id = i.id WHERE (i.a, p.code) IN ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8))');

-- a loop in PL/pgSQL reads a join's rows in the new form, in their snapshot, whatever it changes, and after COMMIT
CREATE FUNCTION applied() RETURNS bigint LANGUAGE sql AS $$SELECT applied FROM more.rewrite_stats WHERE rewrite = 'or_reduction'$$;
CREATE PROCEDURE read_all(INOUT rows int DEFAULT 0, INOUT total bigint DEFAULT 0) LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
	FOR r IN SELECT i.id, p.code FROM item AS i LEFT JOIN part AS p ON p.item_id = i.id WHERE i.a = 2 OR p.code = 4 LOOP
		rows := rows + 1;
		total := total + r.id * 100 + coalesce(r.code, 0);
		UPDATE item SET a = 3, c = repeat(c, 10) WHERE a = 2 AND rows IN (1, 100);
		DELETE FROM part WHERE code = 4 AND rows = 200;
		IF rows IN (50, 300) THEN
			COMMIT;
		END IF;
	END LOOP;
END $$;
CREATE TABLE item_before AS TABLE item;
CREATE TABLE part_before AS TABLE part;
CALL read_all();
TRUNCATE item, part;
INSERT INTO item TABLE item_before;
INSERT INTO part TABLE part_before;
ANALYZE item, part;
SET pg_more.rewrites = force;
SELECT applied() AS before \gset
CALL read_all();
SELECT applied() > :before AS applied;

-- a function in SQL is no cursor, whatever it says of scrolling
CREATE FUNCTION reads() RETURNS bigint LANGUAGE sql AS $$
SELECT sum(i.id) FROM item AS i LEFT JOIN part AS p ON p.item_id = i.id WHERE i.a = 3 OR p.code = 5;
$$;
SELECT applied() AS before \gset
SELECT reads();
SELECT applied() > :before AS applied;
SET pg_more.rewrites = off;
SELECT reads();
