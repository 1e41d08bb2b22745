-- more.what_if: beside the same indexes, built.
\set ECHO none
\i sql/include/setup.sql
\i sql/include/reality.sql
\pset format unaligned
\pset tuples_only on
SET max_parallel_workers_per_gather = 0;
CREATE TABLE booking (
	id integer PRIMARY KEY, room integer NOT NULL, state text NOT NULL, guest text, first date, price numeric(8, 2), tags text[], data jsonb,
	place point, beds integer, "Na me" varchar(30), during int4range);
INSERT INTO booking
SELECT g, g % 500, CASE WHEN g % 20 = 0 THEN 'open' ELSE 'done' END, CASE WHEN g % 7 <> 0 THEN 'guest ' || g END, date '2020-01-01' + g / 50,
	(g * 7919 % 1000) / 10.0, ARRAY['a' || g % 10, 'b' || g % 100], jsonb_build_object('k', g % 50, 'l', 'x' || g), point(g % 100, g % 77), g % 3,
	'Name ' || g % 40, int4range(g, g + 5)
FROM generate_series(1, 20000) AS g;
CREATE TABLE house (number integer, door integer NOT NULL, street text);
INSERT INTO house SELECT g, g, 'street ' || g % 30 FROM generate_series(1, 1000) AS g;
CREATE TABLE stay (id integer, guest text, day integer) PARTITION BY RANGE (day);
CREATE TABLE stay_1 PARTITION OF stay FOR VALUES FROM (0) TO (1000);
CREATE TABLE stay_2 (day integer, gone integer, guest text, id integer);
ALTER TABLE stay_2 DROP COLUMN gone;
ALTER TABLE stay ATTACH PARTITION stay_2 FOR VALUES FROM (1000) TO (5000);
INSERT INTO stay SELECT g % 300, 'guest ' || g, g % 3000 FROM generate_series(1, 10000) AS g;
VACUUM ANALYZE;
\set ECHO all

-- btree
SELECT reality('{CREATE INDEX i ON booking (room)}', 'SELECT * FROM booking WHERE room = 5');
SELECT reality('{CREATE INDEX i ON booking (beds)}', 'SELECT count(*) FROM booking WHERE beds = 1');
SELECT reality('{CREATE INDEX i ON booking (guest)}', 'SELECT * FROM booking WHERE guest = ''guest 15''');
SELECT reality('{CREATE INDEX i ON booking (first)}', 'SELECT * FROM booking WHERE first BETWEEN ''2020-02-01'' AND ''2020-02-10''');
SELECT reality('{CREATE INDEX i ON booking (first DESC NULLS LAST)}', 'SELECT * FROM booking ORDER BY first DESC NULLS LAST LIMIT 10');
SELECT reality('{CREATE INDEX i ON booking (guest NULLS FIRST)}', 'SELECT * FROM booking ORDER BY guest NULLS FIRST LIMIT 10');
SELECT reality('{"CREATE INDEX i ON booking (room, first)"}', 'SELECT * FROM booking WHERE room = 5 ORDER BY first LIMIT 5');
SELECT reality('{CREATE INDEX i ON booking (room) INCLUDE (guest)}', 'SELECT guest FROM booking WHERE room = 5');
SELECT reality('{CREATE INDEX i ON booking (guest text_pattern_ops)}', 'SELECT * FROM booking WHERE guest LIKE ''guest 150%''');
SELECT reality(ARRAY['CREATE INDEX i ON booking (guest COLLATE "POSIX")'], 'SELECT * FROM booking WHERE guest COLLATE "POSIX" > ''guest 9995''');
SELECT reality('{CREATE INDEX i ON booking (price) WITH (fillfactor = 50)}', 'SELECT * FROM booking WHERE price = 7.5');
SELECT reality('{CREATE INDEX i ON booking (price) WITH (deduplicate_items = off)}', 'SELECT * FROM booking WHERE price = 7.5');
SELECT reality('{"CREATE UNIQUE INDEX i ON booking (price, id)"}', 'SELECT * FROM booking WHERE price = 7.5');
SELECT reality(ARRAY['CREATE INDEX i ON booking ("Na me")'], 'SELECT "Na me", count(*) FROM booking WHERE "Na me" = ''Name 7'' GROUP BY 1');
SELECT reality('{CREATE INDEX i ON booking ((data ->> ''l''))}', 'SELECT * FROM booking WHERE data ->> ''l'' = ''x77''');

-- partial
SELECT reality('{CREATE INDEX i ON booking (room) WHERE state = ''open''}', 'SELECT * FROM booking WHERE room = 20 AND state = ''open''');
SELECT reality('{CREATE INDEX i ON booking (guest) WHERE guest IS NOT NULL}', 'SELECT * FROM booking WHERE guest = ''guest 15''');
SELECT reality('{CREATE INDEX i ON booking (id) WHERE state = ''open'' AND beds = 1}', 'SELECT count(*) FROM booking WHERE state = ''open'' AND beds = 1');
SELECT reality('{CREATE INDEX i ON booking (id) WHERE state = ''none''}', 'SELECT * FROM booking WHERE state = ''none''');
SELECT reality('{CREATE INDEX i ON booking (room) WHERE state = ''open''}', 'SELECT * FROM booking WHERE room = 20');

-- expressions, with the statistics that ANALYZE finds
SELECT reality('{CREATE INDEX i ON booking (lower(guest))}', 'SELECT * FROM booking WHERE lower(guest) = ''guest 15''');
SELECT reality('{CREATE INDEX i ON booking ((room % 100))}', 'SELECT count(*) FROM booking WHERE room % 100 = 3');
SELECT reality('{CREATE INDEX i ON booking ((beds % 2)) WHERE state = ''open''}', 'SELECT * FROM booking WHERE beds % 2 = 1 AND state = ''open''');
SELECT reality('{"CREATE INDEX i ON booking (room, (first + 1))"}', 'SELECT * FROM booking WHERE room = 7 AND first + 1 > ''2020-07-01''');

-- other access methods
SELECT used, same_plan, cost_near FROM reality('{CREATE INDEX i ON booking USING hash (guest)}', 'SELECT * FROM booking WHERE guest = ''guest 15''');
SELECT used, same_plan, cost_near FROM reality('{CREATE INDEX i ON booking USING hash (room) WHERE state = ''open''}', 'SELECT * FROM booking WHERE room = 20 AND state = ''open''');
SELECT used, same_plan, cost_near FROM reality('{CREATE INDEX i ON booking USING brin (first)}', 'SELECT * FROM booking WHERE first = ''2020-02-01''');
SELECT used, same_plan, cost_near FROM reality('{CREATE INDEX i ON booking USING brin (first) WITH (pages_per_range = 4)}', 'SELECT * FROM booking WHERE first = ''2020-02-01''');
SELECT used, same_plan, cost_near FROM reality('{CREATE INDEX i ON booking USING gin (tags)}', 'SELECT * FROM booking WHERE tags @> ''{b5}''');
SELECT used, same_plan, cost_near FROM reality('{CREATE INDEX i ON booking USING gin (data jsonb_path_ops)}', 'SELECT * FROM booking WHERE data @> ''{"l": "x77"}''');
SELECT used, same_plan, cost_near FROM reality('{"CREATE INDEX i ON booking USING gin (tags, data)"}', 'SELECT * FROM booking WHERE data @> ''{"l": "x77"}'' AND tags @> ''{a7}''');
SELECT (reality('{CREATE INDEX i ON booking USING gist (place)}', 'SELECT * FROM booking WHERE place <@ box ''((1,1),(2,2))''')).cost_near;
SELECT (reality('{CREATE INDEX i ON booking USING spgist (place)}', 'SELECT * FROM booking WHERE place <@ box ''((1,1),(2,2))''')).cost_near;
SELECT (reality('{CREATE INDEX i ON booking USING spgist (guest)}', 'SELECT guest FROM booking WHERE guest = ''guest 15''')).cost_near;

-- several; which of them
SELECT reality('{CREATE INDEX i ON booking (room),CREATE INDEX k ON booking (first)}', 'SELECT * FROM booking WHERE room = 5 AND first < ''2020-06-01''');
SELECT reality('{CREATE INDEX i ON booking (room),"CREATE INDEX k ON booking (room) INCLUDE (id)"}', 'SELECT id FROM booking WHERE room = 5');
SELECT reality('{CREATE INDEX i ON house (street),CREATE INDEX k ON booking (room) WHERE state = ''open''}',
	'SELECT b.id FROM house AS h JOIN booking AS b ON b.room = h.number AND b.state = ''open'' WHERE h.street = ''street 3''');

-- uniqueness in the planner's proofs: a join is left out, but not for an index that is not unique or whose condition is not met
SELECT reality('{CREATE UNIQUE INDEX i ON house (number)}', 'SELECT b.id FROM booking AS b LEFT JOIN house AS h ON h.number = b.room');
SELECT reality('{CREATE INDEX i ON house (number)}', 'SELECT b.id FROM booking AS b LEFT JOIN house AS h ON h.number = b.room');
SELECT reality('{CREATE UNIQUE INDEX i ON house (number) WHERE door > 0}', 'SELECT b.id FROM booking AS b LEFT JOIN house AS h ON h.number = b.room');
SELECT reality('{CREATE UNIQUE INDEX i ON house (number) WHERE door > 0}', 'SELECT b.id FROM booking AS b LEFT JOIN house AS h ON h.number = b.room AND h.door > 0');
SELECT reality('{CREATE UNIQUE INDEX i ON house (number)}', 'SELECT DISTINCT h.number, h.street, h.door FROM house AS h WHERE h.number = 5');

-- partitions; their columns may be in another order
SELECT reality('{CREATE INDEX i ON stay (id)}', 'SELECT * FROM stay WHERE id = 7');
SELECT reality('{CREATE INDEX i ON stay (lower(guest)) WHERE day > 5}', 'SELECT * FROM stay WHERE lower(guest) = ''guest 7'' AND day > 6');
SELECT reality('{CREATE INDEX i ON stay_2 (id)}', 'SELECT * FROM stay WHERE id = 7');
SELECT reality('{"CREATE UNIQUE INDEX i ON stay (id, day, guest)"}',
	'SELECT a.id FROM stay AS a LEFT JOIN stay AS b ON a.id = b.id AND a.day = b.day AND a.guest = b.guest WHERE a.id = 5');
SELECT used, estimated_size FROM more.what_if('{CREATE INDEX ON ONLY stay (id)}', 'SELECT * FROM stay WHERE id = 7');

-- indexes that are there, hidden
CREATE INDEX by_room ON booking (room);
CREATE INDEX by_day ON stay (day);
SELECT index, cost_after > cost_before, used, estimated_size, plan FROM more.what_if('{DROP INDEX by_room}', 'SELECT * FROM booking WHERE room = 5');
SELECT index, cost_after < cost_before, used, plan FROM more.what_if('{DROP INDEX CONCURRENTLY IF EXISTS public.by_room,CREATE INDEX by_room ON booking (room) INCLUDE (id)}', 'SELECT id FROM booking WHERE room = 5');
SELECT index, plan FROM more.what_if('{DROP INDEX by_day}', 'SELECT * FROM stay WHERE day = 5');
SELECT index, plan FROM more.what_if('{"DROP INDEX booking_pkey, by_room"}', 'SELECT room FROM booking WHERE id = 5');
SELECT index, used, estimated_size FROM more.what_if('{CREATE INDEX IF NOT EXISTS by_room ON booking (room)}', 'SELECT 1');
SELECT count(*) FROM more.what_if('{}', 'SELECT 1');

-- names as the server makes them
SELECT index, used FROM more.what_if('{"CREATE INDEX ON house (number, (door + 1), lower(street))","CREATE INDEX ON house (number, (door + 1), lower(street))"}', 'SELECT 1');

-- any statement that EXPLAIN takes, with parameters or not; none is run
SELECT plan FROM more.what_if('{CREATE INDEX i ON house (number)}', 'SELECT street FROM house WHERE number = $1');
SELECT plan FROM more.what_if('{CREATE INDEX i ON house (number)}', 'UPDATE house SET door = 5 WHERE number = 7');
SELECT plan FROM more.what_if('{CREATE INDEX i ON house (number)}', 'DELETE FROM house WHERE number = 7');
SELECT plan FROM more.what_if('{CREATE INDEX i ON house (number)}', 'WITH gone AS (DELETE FROM house WHERE number = 7 RETURNING *) SELECT * FROM gone');
SELECT plan FROM more.what_if('{CREATE INDEX i ON house (number)}', 'INSERT INTO house SELECT * FROM house WHERE number = 7');
SELECT plan FROM more.what_if('{CREATE INDEX i ON house (number)}', 'DECLARE c CURSOR FOR SELECT * FROM house WHERE number = 7');
SELECT plan FROM more.what_if('{CREATE INDEX i ON house (number)}', 'CREATE TABLE new AS SELECT * FROM house WHERE number = 7');
SELECT plan FROM more.what_if('{CREATE INDEX i ON house (number)}', 'EXPLAIN ANALYZE SELECT * FROM house WHERE number = 7');
SELECT count(*), sum(door) FROM house;
-- rules make several of one
CREATE TABLE log (number integer);
CREATE RULE note AS ON DELETE TO house DO ALSO INSERT INTO log VALUES (old.number);
SELECT plan FROM more.what_if('{CREATE INDEX i ON house (number)}', 'DELETE FROM house WHERE number = 7');
DROP RULE note ON house;

-- what is planned meanwhile, and may be kept, knows nothing of it
CREATE FUNCTION street_of(n integer) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN (SELECT street FROM public.house WHERE number = n); END$$;
SET enable_seqscan = off;
SET plan_cache_mode = force_generic_plan;
SELECT plan FROM more.what_if('{CREATE INDEX i ON house (number)}', 'SELECT street_of(7), door FROM house WHERE number = 7');
SELECT street_of(8);
RESET plan_cache_mode;
RESET enable_seqscan;

-- nothing is written, and no lock is taken but that of a reader
BEGIN;
SELECT count(*) AS classes FROM pg_class \gset
SELECT used FROM more.what_if(ARRAY['CREATE INDEX i ON booking (price)', 'CREATE UNIQUE INDEX k ON stay (id, day, lower(guest)) WHERE id < 5'], 'SELECT * FROM booking WHERE price = 5');
SELECT DISTINCT mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation';
SELECT count(*) = :classes FROM pg_class;
SELECT pg_current_xact_id_if_assigned() IS NULL;
COMMIT;
EXPLAIN (COSTS OFF) SELECT * FROM booking WHERE price = 5;

-- rights as with EXPLAIN, and on the columns of the index; row security counts
CREATE ROLE what_if_user;
CREATE VIEW open AS SELECT id, room FROM booking WHERE state = 'open';
GRANT SELECT ON open, stay TO what_if_user;
GRANT SELECT (id, room, state) ON booking TO what_if_user;
SET ROLE what_if_user;
SELECT used FROM more.what_if('{CREATE INDEX i ON booking (beds)}', 'SELECT id FROM booking WHERE room = 5');
SELECT used FROM more.what_if('{CREATE INDEX i ON booking (room) WHERE beds = 1}', 'SELECT id FROM booking WHERE room = 5');
SELECT used FROM more.what_if('{CREATE INDEX i ON booking ((beds + 1))}', 'SELECT id FROM booking WHERE room = 5');
SELECT used FROM more.what_if('{CREATE INDEX i ON booking (state)}', 'SELECT guest FROM booking WHERE room = 5');
SELECT used FROM more.what_if('{CREATE INDEX i ON booking (id)}', 'SELECT * FROM house');
SELECT used FROM more.what_if('{CREATE INDEX i ON booking (room) WHERE state = ''open''}', 'SELECT * FROM open WHERE room = 20');
SELECT used, estimated_size > 8192 FROM more.what_if('{CREATE INDEX i ON stay (id)}', 'SELECT * FROM stay WHERE id = 7');
RESET ROLE;
ALTER TABLE booking ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON booking USING (room = 100);
SET ROLE what_if_user;
SELECT used, estimated_size FROM more.what_if('{CREATE INDEX i ON booking (state) WHERE state = ''done''}', 'SELECT id FROM booking WHERE state = ''done''');
RESET ROLE;
DROP OWNED BY what_if_user;
DROP ROLE what_if_user;
