-- more.partial_indexes: what there is, and what is there twice.
\set ECHO none
\i sql/include/setup.sql
\set ECHO all
CREATE TABLE parcel (id integer PRIMARY KEY, depot integer, state text, weight integer, sent date);
INSERT INTO parcel SELECT g, g % 20, CASE WHEN g % 10 = 0 THEN 'lost' ELSE 'sent' END, g % 100, CASE WHEN g % 4 > 0 THEN '2024-01-01'::date END
FROM generate_series(1, 2000) AS g;
-- none yet: an index on all rows is not partial
CREATE INDEX parcel_depot ON parcel (depot);
SELECT count(*) FROM more.partial_indexes();
CREATE INDEX p_lost ON parcel (depot) WHERE state = 'lost';
CREATE INDEX p_lost_again ON parcel (depot) WHERE 'lost' = state;
CREATE INDEX p_lost_longer ON parcel (depot, weight) WHERE state = 'lost';
CREATE INDEX p_lost_include ON parcel (depot, weight) INCLUDE (sent) WHERE state IN ('lost');
CREATE INDEX p_lost_desc ON parcel (depot DESC) WHERE state = 'lost';
CREATE INDEX p_lost_hash ON parcel USING hash (depot) WHERE state = 'lost';
CREATE UNIQUE INDEX p_lost_unique ON parcel (depot, id) WHERE state = 'lost';
CREATE INDEX p_wide ON parcel (depot) WHERE state IN ('lost', 'sent');
CREATE INDEX p_expr ON parcel ((weight * 2) DESC, lower(state) text_pattern_ops) INCLUDE (id, sent) WHERE sent IS NULL AND weight > 50;
ANALYZE parcel;
SELECT index, condition, columns, include, method, is_unique, round(share::numeric, 3) AS share, valid, redundant_to FROM more.partial_indexes('parcel');
SELECT bool_and(size = pg_relation_size(index)) AS size, sum(scans) AS scans FROM more.partial_indexes('parcel');
-- without the longer ones, of two that are alike the older one stays
DROP INDEX p_lost_longer, p_lost_include, p_lost_unique;
SELECT index, redundant_to FROM more.partial_indexes('parcel') WHERE redundant_to IS NOT NULL;
-- an index that is not valid replaces none, but may be replaced
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'p_lost'::regclass;
SELECT index, valid, redundant_to FROM more.partial_indexes('parcel') WHERE index IN ('p_lost'::regclass, 'p_lost_again'::regclass);
UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'p_lost'::regclass;
-- uniqueness is replaced by the same uniqueness only
CREATE UNIQUE INDEX u_one ON parcel (id) WHERE weight = 1;
CREATE UNIQUE INDEX u_one_nulls ON parcel (id) NULLS NOT DISTINCT WHERE weight = 1;
CREATE UNIQUE INDEX u_two ON parcel (id, depot) WHERE weight = 1;
CREATE UNIQUE INDEX u_two_again ON parcel (id, depot) WHERE weight IN (1);
CREATE INDEX plain_one ON parcel (id) WHERE weight = 1;
SELECT index, is_unique, redundant_to FROM more.partial_indexes('parcel') WHERE condition = 'weight = 1';
-- not analyzed: no share
CREATE TABLE fresh (k integer, v integer);
CREATE INDEX fresh_k ON fresh (k) WHERE v = 1;
SELECT relation, index, share, size > 0 AS has_size FROM more.partial_indexes('fresh');
-- scans
SET enable_seqscan = off;
SELECT count(*) FROM parcel WHERE weight = 1 AND id = 1;
RESET enable_seqscan;
SELECT pg_stat_force_next_flush();
SELECT sum(scans) AS scans FROM more.partial_indexes('parcel');
-- partitioned: the sum over the partitions; these by themselves when one asks for them
CREATE TABLE event (k integer, v integer) PARTITION BY RANGE (k);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (100);
CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM (100) TO (300) PARTITION BY RANGE (k);
CREATE TABLE event_21 PARTITION OF event_2 FOR VALUES FROM (100) TO (300);
CREATE INDEX event_v ON event (v) WHERE v < 5;
INSERT INTO event SELECT g, g % 10 FROM generate_series(0, 299) AS g;
ANALYZE event;
SELECT relation, index, round(share::numeric, 3) AS share, size = (SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree('event_v')) AS size
FROM more.partial_indexes() WHERE relation::text LIKE 'event%';
SELECT relation, index, round(share::numeric, 3) AS share FROM more.partial_indexes('event_1');
SELECT relation, index FROM more.partial_indexes('event_2');
-- other schemas, and what has no partial indexes
CREATE SCHEMA "Other";
CREATE TABLE "Other"."T" ("K" integer);
CREATE INDEX "I" ON "Other"."T" ("K") WHERE "K" > 0;
SELECT relation, index, condition, columns FROM more.partial_indexes() WHERE relation = '"Other"."T"'::regclass;
SELECT count(*) FROM more.partial_indexes('pg_class');
SELECT count(*) FROM more.partial_indexes('parcel_depot');
CREATE VIEW parcel_view AS SELECT 1 AS one;
SELECT * FROM more.partial_indexes('parcel_view');
SELECT * FROM more.partial_indexes(99999999::regclass);
-- a table without any
CREATE TABLE bare (a integer);
SELECT * FROM more.partial_indexes('bare');
-- anybody may look, as at pg_indexes
CREATE ROLE regress_more_viewer;
SET ROLE regress_more_viewer;
SELECT index, condition FROM more.partial_indexes('fresh');
RESET ROLE;
DROP ROLE regress_more_viewer;
