-- more.suggest_partial_indexes
\set ECHO none
\i sql/include/setup.sql
\pset format unaligned
\pset tuples_only on
SET max_parallel_workers_per_gather = 0;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE booking (
	id integer PRIMARY KEY, room integer NOT NULL, state text NOT NULL, guest text, first date, deleted_at timestamptz, paid boolean NOT NULL,
	mood mood, boss integer);
INSERT INTO booking
SELECT g, g % 500, CASE WHEN g % 50 = 0 THEN 'open' WHEN g % 51 = 0 THEN 'held' ELSE 'done' END, 'guest ' || g, date '2020-01-01' + g / 50,
	CASE WHEN g % 40 <> 0 THEN '2024-01-01'::timestamptz END, g % 30 <> 0, CASE WHEN g % 60 = 0 THEN 'sad' ELSE 'happy' END::mood,
	CASE WHEN g % 25 = 0 THEN g END
FROM generate_series(1, 20000) AS g;
CREATE TABLE room (id integer PRIMARY KEY, floor integer);
INSERT INTO room SELECT g, g % 10 FROM generate_series(0, 499) AS g;
CREATE TABLE stay (id integer, state text, day integer) PARTITION BY RANGE (day);
CREATE TABLE stay_1 PARTITION OF stay FOR VALUES FROM (0) TO (5000);
CREATE TABLE stay_2 PARTITION OF stay FOR VALUES FROM (5000) TO (20001);
INSERT INTO stay SELECT g, CASE WHEN g % 100 = 0 THEN 'open' ELSE 'done' END, g FROM generate_series(1, 20000) AS g;
CREATE TABLE "We;ird" ("a b" integer, "c'd" text);
INSERT INTO "We;ird" SELECT g, CASE WHEN g % 100 = 0 THEN 'o''p"en; --' ELSE 'done' END FROM generate_series(1, 20000) AS g;
ANALYZE;
\set ECHO all

-- for queries: the columns that are compared, joined and sorted by, under a condition that they imply
CREATE FUNCTION suggest(VARIADIC queries text[]) RETURNS SETOF text LANGUAGE sql AS
	$$SELECT format(E'%s\n  size %s, cost %s, for %s', index_sql, estimated_size < full_size, cost_after < cost_before, query)
	FROM more.suggest_partial_indexes(queries => queries)$$;
SELECT suggest('SELECT * FROM booking WHERE state = ''open'' AND room = 5');
SELECT suggest('SELECT * FROM booking WHERE state = ''open'' AND room = $1');
SELECT suggest('SELECT * FROM booking WHERE deleted_at IS NULL AND room = 5');
SELECT suggest('SELECT * FROM booking WHERE NOT paid ORDER BY first DESC LIMIT 3');
SELECT suggest('SELECT * FROM booking WHERE NOT paid ORDER BY first DESC, room LIMIT 3');
SELECT suggest('SELECT * FROM booking WHERE mood = ''sad'' AND first > ''2020-06-01''');
SELECT suggest('SELECT * FROM booking WHERE state IN (''open'', ''held'')');
SELECT suggest('SELECT b.* FROM booking AS b JOIN room AS r ON r.id = b.room WHERE r.floor = 7 AND r.id < 20 AND b.state = ''open''');
SELECT suggest('UPDATE booking SET paid = true WHERE NOT paid AND id = ANY ($1)', 'DELETE FROM booking WHERE state = ''open'' AND guest = ''x''');
SELECT suggest('WITH o AS (SELECT room FROM booking WHERE state = ''open'') SELECT * FROM room WHERE id IN (SELECT room FROM o)');
-- a column that is null in most rows, and asked for
SELECT suggest('SELECT * FROM booking WHERE boss = $1');
-- values beside one that most rows have: one index for all of them
SELECT suggest('SELECT * FROM booking WHERE state = ''open'' AND guest = ''x''', 'SELECT * FROM booking WHERE state = ''held'' AND guest = ''x''');
-- partitions
SELECT suggest('SELECT * FROM stay WHERE state = ''open''');
-- nothing to gain: no condition, one that most rows meet, an index that is there, a generic plan
SELECT suggest('SELECT * FROM booking', 'SELECT * FROM booking WHERE room = 5', 'SELECT * FROM booking WHERE state = ''done''', 'SELECT * FROM booking WHERE id = 5 AND state = ''open''',
	'SELECT * FROM booking WHERE state = $1', 'SELECT * FROM pg_class WHERE relname = ''x'' AND relispartition');
CREATE INDEX by_room ON booking (room) WHERE 'open' = state;
SELECT suggest('SELECT * FROM booking WHERE state = ''open'' AND room = 5');
DROP INDEX by_room;

-- columns that no btree can have as a key: the condition can be about them, the keys are others
CREATE TABLE odd (doc json, docs json[], place point, thing xid, plan text, n integer);
INSERT INTO odd SELECT CASE WHEN g % 100 = 0 THEN '{}'::json END, CASE WHEN g % 100 = 0 THEN ARRAY['{}'::json] END, CASE WHEN g % 100 = 0 THEN point(1, 1) END,
	CASE WHEN g % 100 = 0 THEN '5'::xid END, CASE WHEN g % 100 = 0 THEN 'x' END, g FROM generate_series(1, 5000) AS g;
CREATE TABLE all_odd AS SELECT doc FROM odd;
ANALYZE odd, all_odd;
SELECT s FROM suggest('SELECT * FROM odd WHERE doc IS NOT NULL', 'SELECT * FROM odd WHERE docs IS NOT NULL', 'SELECT * FROM odd WHERE place ~= point ''(1, 1)''',
	'SELECT * FROM odd WHERE thing = ''5''', 'SELECT * FROM all_odd WHERE doc IS NOT NULL') AS s ORDER BY s COLLATE "C";
SELECT index_sql FROM more.suggest_partial_indexes('odd') ORDER BY condition COLLATE "C";
SELECT index_sql FROM more.suggest_partial_indexes('all_odd');
DROP TABLE odd, all_odd;
-- values that are too long for an index: one that would have them is not suggested, one without them is, and has nothing beside it
CREATE TABLE long (id integer PRIMARY KEY, state text, word text);
INSERT INTO long SELECT g, CASE WHEN g % 50 = 0 THEN 'open' ELSE 'done' END,
	CASE WHEN g = 1 THEN (SELECT string_agg(md5(h::text), '') FROM generate_series(1, 300) AS h) ELSE 'w' || g END FROM generate_series(1, 5000) AS g;
ANALYZE long;
SELECT index_sql, full_size IS NULL AS too_long, share FROM more.suggest_partial_indexes(queries => '{SELECT * FROM long WHERE state = ''open'' AND word = $1}');
UPDATE long SET state = 'open' WHERE id = 1;
SELECT suggest('SELECT * FROM long WHERE state = ''open'' AND word = $1', 'SELECT * FROM booking WHERE NOT paid AND room = 5');
DROP TABLE long;
-- a condition that is there twice; that of a MERGE
SELECT suggest('SELECT * FROM booking WHERE state = ''held'' AND room = 5 AND state = ''held''');
SELECT suggest('MERGE INTO booking AS b USING room AS r ON b.room = r.id AND b.state = ''held'' AND r.floor = 3 WHEN MATCHED THEN DELETE');

-- from the columns' statistics: rare values and nulls
SELECT index_sql, query, source FROM more.suggest_partial_indexes('booking') ORDER BY condition COLLATE "C";
SELECT index_sql, share, source FROM more.suggest_partial_indexes() WHERE relation <> 'booking'::regclass ORDER BY condition COLLATE "C";
-- each is what the planner takes
SELECT index_sql FROM more.suggest_partial_indexes('"We;ird"') AS s, more.what_if(ARRAY[s.index_sql], s.query) AS w
WHERE w.used AND w.cost_after = s.cost_after AND w.estimated_size = s.estimated_size;

-- rights: tables and statistics that the caller may read
CREATE ROLE suggest_user;
GRANT SELECT ON stay TO suggest_user;
GRANT SELECT (id, state) ON booking TO suggest_user;
SET ROLE suggest_user;
SELECT relation FROM more.suggest_partial_indexes();
SELECT outcome('SELECT more.suggest_partial_indexes(queries => ''{SELECT * FROM booking WHERE NOT paid}'')');
SELECT relation FROM more.suggest_partial_indexes(queries => '{SELECT id FROM booking WHERE state = ''open''}');
SELECT outcome('SELECT more.suggest_partial_indexes(''room'')');
RESET ROLE;
GRANT SELECT ON "We;ird" TO suggest_user;
ALTER TABLE "We;ird" ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON "We;ird" USING ("a b" < 5);
SET ROLE suggest_user;
SELECT relation FROM more.suggest_partial_indexes('"We;ird"');
RESET ROLE;
DROP OWNED BY suggest_user;
DROP ROLE suggest_user;

-- errors
SELECT outcome('SELECT more.suggest_partial_indexes(''pg_class'')');
CREATE VIEW no_indexes AS SELECT 1 AS one;
SELECT outcome('SELECT more.suggest_partial_indexes(''no_indexes'')');
SELECT outcome('SELECT more.suggest_partial_indexes(0::regclass)');
SELECT outcome('SELECT more.suggest_partial_indexes(queries => ''{VACUUM}'')');
SELECT outcome('SELECT more.suggest_partial_indexes(queries => ''{SELECT 1; SELECT 2}'')');
SELECT outcome('SELECT more.suggest_partial_indexes(queries => ''{SELECT nix FROM booking}'')');
SELECT outcome('SELECT more.suggest_partial_indexes(queries => ARRAY[NULL])');
SELECT count(*) FROM more.suggest_partial_indexes(queries => '{}');
