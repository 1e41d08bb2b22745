-- What the tests of the planner's rewrites work on: two tables with 1,000 rows, three that refer to each other, and a list of keys
-- that clients look up.

-- Strings that a client or a rewrite might trip over.
CREATE TABLE hostile (text text);
INSERT INTO hostile VALUES ($$it's$$), ($$say "so"$$), ($$back\slash$$), ('$1'), ('%s'), (':name'), ('?'), ('{a,b}'), ('NULL'),
	(''), (' '), (E'two\nlines'), ('änderung'), ($$');--$$), ('(1,k1)'), (E'\\000'), ('K1'), ('k1 ');

-- A composite primary key.
CREATE TABLE stock (shop integer, sku varchar(40), n integer, note text, PRIMARY KEY (shop, sku));
INSERT INTO stock SELECT i % 7, 'k' || i, nullif(i % 50, 0), 'note ' || i % 3 FROM generate_series(1, 1000) i;
INSERT INTO stock SELECT 1, text, 5, text FROM hostile;

-- The same key without an index and with NULLs; some ids need 64 bits.
CREATE TABLE move (id bigint PRIMARY KEY, shop integer, sku varchar(40), n integer);
INSERT INTO move SELECT CASE WHEN i % 10 = 0 THEN i + 3000000000 ELSE i END, nullif(i % 7, 0), nullif('k' || i, 'k5'), nullif(i % 50, 0)
FROM generate_series(1, 1000) i;
INSERT INTO move SELECT 5000 + row_number() OVER (), 1, text, 5 FROM hostile;

-- Parcels with references that may be NULL, as an ORM's optional foreign keys; names and codes repeat.
CREATE TABLE person (id integer PRIMARY KEY, name varchar(40));
INSERT INTO person SELECT i, nullif('k' || i % 20, 'k9') FROM generate_series(1, 100) i;
INSERT INTO person SELECT 100 + row_number() OVER (), text FROM hostile;
CREATE TABLE depot (id integer PRIMARY KEY, code varchar(40), keeper_id integer REFERENCES person);
INSERT INTO depot SELECT i, nullif('k' || i % 13, 'k9'), CASE WHEN i % 4 > 0 THEN i + 1 END FROM generate_series(1, 60) i;
CREATE TABLE parcel (id integer PRIMARY KEY, sender_id integer REFERENCES person, depot_id integer REFERENCES depot, n integer);
INSERT INTO parcel SELECT i, CASE WHEN i % 3 > 0 THEN i % 110 + 1 END, CASE WHEN i % 5 > 0 THEN i % 60 + 1 END, nullif(i % 50, 0)
FROM generate_series(1, 1000) i;

-- A view over tables whose keys are of two types.
CREATE VIEW journey AS SELECT id, shop AS depot_id, n FROM move UNION SELECT id, depot_id, n FROM parcel;

-- The keys to look up: plain ones first, then keys that are there, that are not there, and that are there twice in the
-- list, then strings to trip over, then NULLs.
CREATE TABLE wanted (position integer GENERATED ALWAYS AS IDENTITY, shop integer, sku varchar(40));
INSERT INTO wanted (shop, sku) VALUES (1, 'k1'), (2, 'k2'), (3, 'k3');
INSERT INTO wanted (shop, sku) SELECT i % 7, 'k' || i FROM generate_series(4, 1000, 5) i;
INSERT INTO wanted (shop, sku) SELECT i % 7 + 1, 'k' || i FROM generate_series(6, 500, 10) i;
INSERT INTO wanted (shop, sku) SELECT shop, sku FROM wanted WHERE position <= 20 ORDER BY position;
INSERT INTO wanted (shop, sku) SELECT 1, text FROM hostile;
INSERT INTO wanted (shop, sku) VALUES (40000, 'k1'), (-1, 'k2'), (NULL, 'k1'), (1, NULL), (NULL, NULL);

CREATE TABLE stock_at_first AS TABLE stock;
CREATE TABLE move_at_first AS TABLE move;
CREATE TABLE parcel_at_first AS TABLE parcel;
VACUUM ANALYZE;

-- Puts the tables that are changed back to what they were.
CREATE FUNCTION start_over() RETURNS void LANGUAGE sql AS $$
	TRUNCATE stock, move, parcel;
	INSERT INTO stock TABLE stock_at_first;
	INSERT INTO move TABLE move_at_first;
	INSERT INTO parcel TABLE parcel_at_first;
$$;

-- What is in these tables, as one short text.
CREATE FUNCTION contents() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(line, ' ' ORDER BY line) FROM (
		SELECT format('stock: %s rows, %s.', count(*), md5(string_agg(s::text, E'\n' ORDER BY s::text COLLATE "C"))) FROM stock s
		UNION ALL
		SELECT format('move: %s rows, %s.', count(*), md5(string_agg(m::text, E'\n' ORDER BY m::text COLLATE "C"))) FROM move m
		UNION ALL
		SELECT format('parcel: %s rows, %s.', count(*), md5(string_agg(p::text, E'\n' ORDER BY p::text COLLATE "C"))) FROM parcel p
	) t (line)
$$;
