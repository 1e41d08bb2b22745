-- more.rewrite_stats: how often rewrites were taken. Here of one session; test/t/preload.pl has those of all.
\set ECHO none
\i sql/include/setup.sql
LOAD 'pg_more';

CREATE TABLE hashes (a integer, b integer) WITH (autovacuum_enabled = off);
INSERT INTO hashes SELECT g, g FROM generate_series(1, 1000) AS g;
ANALYZE hashes;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = 'more.rewrite_stats'::regclass AND attnum > 0 ORDER BY attnum;
SELECT rewrite FROM more.rewrite_stats ORDER BY rewrite;
SELECT more.rewrite_stats_reset();

CREATE VIEW counts AS
	SELECT tried, applied, refused, planning_time > 0 AS took_time, shared FROM more.rewrite_stats WHERE rewrite = 'composite_in';
SELECT * FROM counts;
-- nothing to do, nothing tried
SELECT count(*) FROM hashes WHERE a = 1;
SELECT * FROM counts;
-- taken
SET pg_more.rewrites = force;
SELECT count(*) FROM hashes WHERE (a, b) IN ((1, 1), (2, 2));
SELECT * FROM counts;
-- refused, for want of columns in common
SELECT count(*) FROM hashes WHERE (a = 1 AND b > 2) OR (a = 1 AND b < 0);
SELECT * FROM counts;
-- planned once, run often
PREPARE find AS SELECT count(*) FROM hashes WHERE (a, b) IN ((1, 1), (2, 2));
EXECUTE find;
EXECUTE find;
SELECT * FROM counts;
SET pg_more.rewrites = off;
SELECT count(*) FROM hashes WHERE (a, b) IN ((1, 1), (2, 2));
SELECT * FROM counts;
SELECT more.rewrite_stats_reset();
SELECT * FROM counts;

-- short lists: planned as they are first, and left so if that is cheap
SET pg_more.rewrites = on;
CREATE FUNCTION listed(n integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	found bigint;
BEGIN
	EXECUTE (SELECT 'SELECT count(*) FROM hashes WHERE (a, b) IN (' || string_agg(format('(%s, %s)', g, g % 20), ', ') || ')' FROM generate_series(1, n) AS g) INTO found;
	RETURN found;
END $$;
SELECT listed(15);
SELECT * FROM counts;
SELECT listed(30);
SELECT * FROM counts;
SET cpu_operator_cost = 1;
SELECT listed(30);
SELECT * FROM counts;
SET pg_more.composite_in = off;
SELECT listed(30);
SELECT * FROM counts;
RESET pg_more.composite_in;
RESET cpu_operator_cost;
SET pg_more.rewrites = off;
SELECT more.rewrite_stats_reset();

-- all may read it, not all may reset it
CREATE ROLE regress_stats_reader;
SET ROLE regress_stats_reader;
SELECT count(*) > 0 AS readable FROM more.rewrite_stats;
SELECT more.rewrite_stats_reset();
RESET ROLE;
GRANT EXECUTE ON FUNCTION more.rewrite_stats_reset() TO regress_stats_reader;
SET ROLE regress_stats_reader;
SELECT more.rewrite_stats_reset();
RESET ROLE;
REVOKE EXECUTE ON FUNCTION more.rewrite_stats_reset() FROM regress_stats_reader;
DROP ROLE regress_stats_reader;
