-- more.why_not: which partial indexes a query can use, why not, and what to change.
\set ECHO none
\i sql/include/setup.sql
\set ECHO all
SET client_min_messages = warning;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SET datestyle = 'German';
CREATE SCHEMA why;
SET search_path = why;
CREATE TYPE mood AS ENUM ('open', 'held', 'done');
CREATE TABLE orders (id int PRIMARY KEY, customer int, status text, state mood, paid boolean, shipped date, total int, qty bigint,
	note text, code varchar(9));
INSERT INTO orders SELECT g, g % 500, CASE WHEN g % 50 = 0 THEN 'open' ELSE 'done' END, CASE WHEN g % 50 = 0 THEN 'open' ELSE 'done' END::mood,
	g % 50 = 0, CASE WHEN g % 50 = 0 THEN date '2020-01-01' + g % 9 END, g % 100, g % 100, 'n' || g, 'c' || g FROM generate_series(1, 10000) AS g;
CREATE TABLE customers (id int PRIMARY KEY, name text, status text);
INSERT INTO customers SELECT g, 'c' || g, 'x' FROM generate_series(1, 500) AS g;
CREATE INDEX by_status ON orders (customer) WHERE status = 'open';
CREATE INDEX by_state ON orders (customer) WHERE state = 'open';
CREATE INDEX by_paid ON orders (customer) WHERE paid;
CREATE INDEX by_unpaid ON orders (customer) WHERE NOT paid;
CREATE INDEX by_shipped ON orders (customer) WHERE shipped IS NOT NULL;
CREATE INDEX by_total ON orders (customer) WHERE total > 95;
CREATE INDEX by_both ON orders (customer) WHERE status = 'open' AND total > 95;
CREATE INDEX by_lower ON orders (customer) WHERE lower(note) = 'n5';
CREATE INDEX by_recent ON orders (customer) WHERE shipped > '2020-01-05';
CREATE INDEX by_code ON orders (customer) WHERE code = 'c5';
ANALYZE orders, customers;

-- One line on each index; the costs are left out.
CREATE FUNCTION why(query text, index regclass DEFAULT NULL) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format(E'%s of %s: %s\n  %s%s', w.index, w.relation,
		CASE WHEN used AND generic_plan THEN 'used' WHEN used THEN 'used, in custom plans' WHEN generic_plan THEN 'usable'
			WHEN usable THEN 'usable, in custom plans' ELSE 'no' END,
		regexp_replace(reason, '\d+\.\d\d', 'N', 'g'), E'\n  ' || suggestion)
	FROM more.why_not(query, index) AS w;
$$;
-- Whether the changed query can use the index everywhere.
CREATE FUNCTION then_usable(query text, index regclass) RETURNS boolean LANGUAGE sql
	RETURN (SELECT bool_and(w.usable AND w.generic_plan) FROM more.why_not(query, index) AS w);
\pset format unaligned
\pset tuples_only

-- Used; usable and dearer; by the predicate alone
SELECT why('SELECT * FROM orders WHERE status = ''open'' AND customer = 50', 'by_status');
SELECT why('SELECT * FROM orders WHERE id = 5 AND status = ''open''', 'by_status');
SELECT why('SELECT * FROM orders WHERE status IN (''open'')', 'by_status');
SELECT usable, (regexp_match(reason, 'costs ([0-9.]+)'))[1]::float8 < (regexp_match(reason, 'index ([0-9.]+)'))[1]::float8
FROM more.why_not('SELECT * FROM orders WHERE id = 5 AND status = ''open''', 'by_status');
-- an index that is not partial may be asked for
SELECT why('SELECT * FROM orders WHERE id = 5', 'orders_pkey');
SELECT why('SELECT * FROM orders WHERE total = 5', 'orders_pkey');

-- Nothing is asked of its columns
SELECT why('SELECT * FROM orders WHERE customer = 50', 'by_status');
SELECT then_usable('SELECT * FROM orders WHERE customer = 50 AND (orders.status = ''open''::text)', 'by_status');
SELECT why('SELECT * FROM orders', 'by_both');
SELECT then_usable('SELECT * FROM orders WHERE (orders.status = ''open''::text) AND (orders.total > 95)', 'by_both');
SELECT why('SELECT * FROM orders WHERE total > 96', 'by_both');
-- Other rows are asked for: no change is suggested
SELECT why('SELECT * FROM orders WHERE status = ''done''', 'by_status');
SELECT why('SELECT * FROM orders WHERE status IN (''done'', ''held'')', 'by_both');

-- IS TRUE, and truth in other forms
SELECT why('SELECT * FROM orders WHERE paid IS TRUE AND customer = 50', 'by_paid');
SELECT then_usable('SELECT * FROM orders WHERE orders.paid AND customer = 50', 'by_paid');
SELECT why('SELECT * FROM orders WHERE customer = 50 AND paid IS FALSE', 'by_unpaid');
SELECT then_usable('SELECT * FROM orders WHERE customer = 50 AND NOT orders.paid', 'by_unpaid');
SELECT why('SELECT * FROM orders WHERE paid IS NOT FALSE', 'by_paid');
SELECT then_usable('SELECT * FROM orders WHERE paid IS NOT FALSE AND orders.paid', 'by_paid');
SELECT why('SELECT * FROM orders WHERE coalesce(paid, false)', 'by_paid');
SELECT why('SELECT * FROM orders WHERE paid = true AND customer = 50', 'by_paid');
SELECT why('SELECT * FROM orders o WHERE status IS NOT DISTINCT FROM ''open''', 'by_status');
SELECT then_usable('SELECT * FROM orders o WHERE o.status = ''open''::text', 'by_status');

-- <> against =; NOT NULL
SELECT why('SELECT * FROM orders WHERE status <> ''done''', 'by_status');
SELECT then_usable('SELECT * FROM orders WHERE status <> ''done'' AND orders.status = ''open''::text', 'by_status');
SELECT why('SELECT * FROM orders WHERE customer = 50', 'by_shipped');
SELECT then_usable('SELECT * FROM orders WHERE customer = 50 AND orders.shipped IS NOT NULL', 'by_shipped');
SELECT why('SELECT * FROM orders WHERE customer = 50 AND shipped = $1', 'by_shipped');
SELECT why('SELECT * FROM orders WHERE coalesce(shipped, ''1.2.2020'') > ''1.1.2020''', 'by_shipped');

-- Casts, other types, collations, other expressions
SELECT why('SELECT * FROM orders WHERE state::text = ''open'' AND customer = 50', 'by_state');
SELECT then_usable('SELECT * FROM orders WHERE (orders.state = ''open''::why.mood) AND customer = 50', 'by_state');
SELECT why('SELECT * FROM orders WHERE total > 95.0', 'by_total');
SELECT then_usable('SELECT * FROM orders WHERE orders.total > 95', 'by_total');
SELECT why('SELECT * FROM orders WHERE total > 95::bigint AND customer = 50', 'by_total');
SELECT why('SELECT * FROM orders WHERE status = ''open'' COLLATE "C"', 'by_status');
SELECT then_usable('SELECT * FROM orders WHERE orders.status = ''open''::text', 'by_status');
SELECT why('SELECT * FROM orders WHERE upper(note) = ''N5''', 'by_lower');
SELECT then_usable('SELECT * FROM orders WHERE upper(note) = ''N5'' AND lower(orders.note) = ''n5''::text', 'by_lower');
SELECT why('SELECT * FROM orders WHERE code::varchar(1) = ''c5''', 'by_code');
SELECT why('SELECT * FROM orders WHERE code = ''c5'' AND customer = 5', 'by_code');
SELECT why('SELECT * FROM orders WHERE total + 0 > 95', 'by_total');

-- What is computed too late
SELECT why('SELECT * FROM orders WHERE shipped > current_date', 'by_recent');
SELECT why('SELECT * FROM orders WHERE total > random() * 100', 'by_total');
SELECT then_usable('SELECT * FROM orders WHERE shipped > current_date AND orders.shipped > ''2020-01-05''::date', 'by_recent');

-- OR
SELECT why('SELECT * FROM orders WHERE status = ''open'' OR note = ''n7''', 'by_status');
SELECT then_usable('SELECT * FROM orders WHERE (status = ''open'' OR note = ''n7'') AND orders.status = ''open''::text', 'by_status');
-- a part of an OR that another index serves
SELECT why('SELECT * FROM orders WHERE (status = ''open'' AND customer = 50) OR id = 7', 'by_status');

-- Outer joins: conditions of the outer side, of the inner side, above
SELECT why('SELECT * FROM orders o LEFT JOIN customers c ON c.id = o.customer AND o.status = ''open''', 'by_status');
SELECT then_usable('SELECT * FROM orders o LEFT JOIN customers c ON c.id = o.customer AND o.status = ''open'' WHERE o.status = ''open''::text', 'by_status');
SELECT why('SELECT * FROM customers c LEFT JOIN orders o ON c.id = o.customer', 'by_status');
SELECT then_usable('SELECT * FROM customers c LEFT JOIN orders o ON c.id = o.customer AND o.status = ''open''::text', 'by_status');
SELECT why('SELECT * FROM customers c LEFT JOIN orders o ON c.id = o.customer AND o.status = ''open'' WHERE c.id < 3', 'by_status');
SELECT why('SELECT * FROM customers c LEFT JOIN orders o ON c.id = o.customer WHERE o.paid IS TRUE', 'by_paid');
SELECT then_usable('SELECT * FROM customers c LEFT JOIN orders o ON c.id = o.customer WHERE o.paid', 'by_paid');
SELECT why('SELECT * FROM customers c FULL JOIN orders o ON c.id = o.customer AND o.status = ''open''', 'by_status');
CREATE INDEX by_null ON orders (customer) WHERE shipped IS NULL;
SELECT why('SELECT * FROM customers c LEFT JOIN orders o ON c.id = o.customer WHERE o.shipped IS NULL', 'by_null');
SELECT then_usable('SELECT * FROM customers c LEFT JOIN orders o ON c.id = o.customer AND o.shipped IS NULL WHERE o.shipped IS NULL', 'by_null');
DROP INDEX by_null;
-- what follows from an equality with another table
SELECT why('SELECT * FROM orders o JOIN customers c ON o.status = c.status WHERE c.status = ''open'' AND o.customer = 50', 'by_status');
-- a join that is not needed, a condition that excludes all
SELECT why('SELECT c.* FROM customers c LEFT JOIN (SELECT DISTINCT customer FROM orders) o ON o.customer = c.id', 'by_status');
SELECT why('SELECT * FROM orders WHERE false', 'by_status');

-- Parameters
SELECT why('SELECT * FROM orders WHERE status = $1 AND customer = $2', 'by_status');
SELECT then_usable('SELECT * FROM orders WHERE status = ''open''::text AND customer = $1', 'by_status');
SELECT why('SELECT * FROM orders WHERE status = ANY ($1) AND customer = $2', 'by_status');
SELECT why('SELECT * FROM orders WHERE status = $1 AND total >= $2 AND customer = 50', 'by_both');
SELECT why('SELECT * FROM orders WHERE ($1::text IS NULL OR status = $1) AND customer = 50', 'by_status');
SELECT why('SELECT * FROM orders WHERE paid = $1 AND customer = 50', 'by_paid');
SELECT why('SELECT * FROM orders WHERE state = $1 AND customer = 50', 'by_state');
SELECT why('SELECT * FROM orders WHERE status LIKE $1', 'by_status');
SELECT why('SELECT * FROM orders WHERE status = ''open'' AND customer = $1', 'by_status');
SELECT why('SELECT * FROM orders WHERE note = $1', 'by_status');
-- the server's own custom and generic plans agree
PREPARE p AS SELECT * FROM orders WHERE status = $1 AND customer = $2;
SET plan_cache_mode = force_custom_plan;
EXPLAIN (COSTS OFF) EXECUTE p('open', 50);
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE p('open', 50);
RESET plan_cache_mode;

-- Upserts
CREATE UNIQUE INDEX one_open ON orders (customer, (lower(note))) WHERE status = 'open';
SELECT why('INSERT INTO orders (id, customer) VALUES (1, 2) ON CONFLICT (lower(note), customer) DO NOTHING');
SELECT why('INSERT INTO orders (id, customer) VALUES (1, 2) ON CONFLICT (lower(note), customer) WHERE (status = ''open''::text) DO UPDATE SET note = ''x''', 'one_open');
SELECT why('INSERT INTO orders AS o (id, customer) VALUES (1, 2) ON CONFLICT (customer) DO NOTHING', 'one_open');
SELECT why('INSERT INTO orders (id, customer) VALUES (1, 2) ON CONFLICT (customer, lower(note) COLLATE "C") WHERE status = ''open'' DO NOTHING', 'one_open');
SELECT why('INSERT INTO orders (id, customer) VALUES (1, 2) ON CONFLICT (customer, lower(note) text_ops) WHERE status = $1 DO NOTHING', 'one_open');
SELECT why('INSERT INTO orders (id, customer) VALUES (1, 2) ON CONFLICT DO NOTHING', 'one_open');
SELECT why('INSERT INTO orders (id, customer) VALUES (1, 2) ON CONFLICT (id) DO NOTHING', 'one_open');
SELECT why('INSERT INTO orders (id, customer) VALUES (1, 2) ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING', 'one_open');
SELECT why('INSERT INTO orders (id, customer) VALUES (1, 2)', 'one_open');
SELECT why('WITH i AS (INSERT INTO orders (id, customer) VALUES (1, 2) ON CONFLICT (customer, lower(note)) DO NOTHING RETURNING id)
	SELECT * FROM i JOIN orders o USING (id) WHERE o.status = ''open''', 'one_open');
SELECT why('INSERT INTO orders (id, customer) SELECT id + 100000, customer FROM orders s WHERE s.status = ''open'' AND s.customer = 50', 'by_status');
DROP INDEX one_open;

-- Statements that write, and locks
SELECT why('UPDATE orders SET note = ''x'' WHERE status = ''open'' AND customer = 50', 'by_status');
SELECT why('UPDATE orders o SET note = c.name FROM customers c WHERE c.id = o.customer', 'by_status');
SELECT why('DELETE FROM orders WHERE paid IS TRUE', 'by_paid');
SELECT why('SELECT * FROM orders WHERE status = ''open'' AND customer = 50 FOR UPDATE', 'by_status');
SELECT why('MERGE INTO orders o USING customers c ON c.id = o.customer WHEN MATCHED THEN DELETE', 'by_status');
SELECT then_usable('MERGE INTO orders o USING customers c ON c.id = o.customer AND o.status = ''open''::text WHEN MATCHED THEN DELETE', 'by_status');

-- Query levels: the same table twice, subqueries, CTEs, views, set operations
SELECT why('SELECT * FROM orders a JOIN orders b USING (customer) WHERE a.status = ''open'' AND a.customer = 50', 'by_status');
CREATE VIEW open_orders AS SELECT * FROM orders o WHERE state::text = 'open';
SELECT why('SELECT * FROM open_orders WHERE customer = 50', 'by_state');
CREATE OR REPLACE VIEW open_orders AS SELECT * FROM orders o WHERE (o.state = 'open'::why.mood);
SELECT then_usable('SELECT * FROM open_orders v WHERE customer = 50', 'by_state');
SELECT why('WITH "the CTE" AS MATERIALIZED (SELECT * FROM orders) SELECT * FROM "the CTE" WHERE status = ''open''', 'by_status');
SELECT why('SELECT * FROM customers c WHERE EXISTS (SELECT FROM orders o WHERE o.customer = c.id AND o.status = ''open'')
	AND id < (SELECT max(total) FROM orders WHERE paid)', 'by_status');
SELECT why('SELECT id FROM orders WHERE status = ''open'' UNION ALL SELECT id FROM orders b', 'by_status');
SELECT why('SELECT min(customer) FROM orders WHERE status = ''open''', 'by_status');
SELECT why('UPDATE open_orders SET note = ''x'' WHERE customer = 50', 'by_state');

-- TABLESAMPLE, and a kind of index that needs a condition on its column
SELECT why('SELECT * FROM orders TABLESAMPLE SYSTEM (1) WHERE status = ''open''', 'by_status');
CREATE INDEX by_hash ON orders USING hash (customer) WHERE paid;
SELECT why('SELECT * FROM orders WHERE paid', 'by_hash');
SELECT why('SELECT * FROM orders WHERE paid AND customer = 50', 'by_hash') ~ ': (used|usable)';
SELECT why('SELECT * FROM orders', 'by_hash');
DROP INDEX by_hash;
-- A table that is not there, and all indexes of one that is
SELECT why('SELECT 1', 'by_status');
SELECT count(*) FROM more.why_not('SELECT * FROM orders');
SELECT count(*) FROM more.why_not('SELECT * FROM customers');

-- Settings
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT why('SELECT * FROM orders WHERE status = ''open'' AND customer = 50', 'by_status');
RESET enable_indexscan;
RESET enable_bitmapscan;

-- An index that is not valid
CREATE UNIQUE INDEX CONCURRENTLY failed ON orders (status) WHERE status = 'done';
SELECT why('SELECT * FROM orders WHERE status = ''done''', 'failed');
DROP INDEX failed;

-- Partitions and children
CREATE TABLE events (id int, day date, kind text) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
-- its columns have other numbers
CREATE TABLE events_2 (kind text, gone int, day date, id int);
ALTER TABLE events_2 DROP COLUMN gone;
ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE INDEX events_bad ON events (id) WHERE kind = 'bad';
SELECT why('SELECT * FROM events WHERE id = 1 AND kind = ''bad''');
SELECT why('SELECT * FROM events e WHERE id = 1 AND day > ''1.2.2021''');
SELECT then_usable('SELECT * FROM events e WHERE id = 1 AND (e.kind = ''bad''::text)', 'events_bad');
SELECT why('SELECT * FROM events WHERE kind::varchar = ''bad'' AND id = 1', 'events_2_id_idx');
SELECT why('SELECT * FROM events_2 WHERE id = 1', 'events_bad');
CREATE TABLE base (id int, kind text);
CREATE TABLE child (extra int) INHERITS (base);
CREATE INDEX child_extra ON child (id) WHERE extra > 0;
CREATE INDEX child_kind ON child (id) WHERE kind = 'bad';
SELECT why('SELECT * FROM base WHERE id = 1');
SELECT why('SELECT * FROM ONLY base WHERE id = 1');

-- Hostile names
CREATE SCHEMA "a.b""c";
CREATE TABLE "a.b""c"."T 'x'; --" ("c ""1" int, "select" text);
CREATE INDEX "i'; --" ON "a.b""c"."T 'x'; --" ("c ""1") WHERE "select" = $$it's; --$$;
SELECT why('SELECT * FROM "a.b""c"."T ''x''; --" AS "al "" ias" WHERE "c ""1" = 1');
SELECT then_usable('SELECT * FROM "a.b""c"."T ''x''; --" AS "al "" ias" WHERE "c ""1" = 1 AND ("al "" ias"."select" = ''it''''s; --''::text)', '"a.b""c"."i''; --"');
-- an operator that hides the server's: the suggestion would not mean the same, so there is none
CREATE FUNCTION odd(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE OPERATOR = (LEFTARG = text, RIGHTARG = text, FUNCTION = odd);
SET search_path = why, pg_catalog;
SELECT why('SELECT * FROM orders WHERE customer = 50', 'by_status');
SET search_path = why;
DROP OPERATOR why.= (text, text);

-- With the rewrites of the planner room, off and forced
SET pg_more.rewrites = off;
SELECT why('SELECT * FROM orders WHERE (customer, total) IN ((50, 1), (51, 2), (52, 3)) AND status = ''open''', 'by_status') ~ ': (used|usable)';
SET pg_more.rewrites = force;
SELECT why('SELECT * FROM orders WHERE (customer, total) IN ((50, 1), (51, 2), (52, 3)) AND status = ''open''', 'by_status') ~ ': (used|usable)';
SELECT why('SELECT * FROM orders WHERE (customer, total) IN ((50, 1), (51, 2), (52, 3))', 'by_status');
-- a form that hides what the predicate follows from
SELECT why('SELECT * FROM orders WHERE (customer, status) IN ((50, ''open''), (100, ''open''), (150, ''open''))', 'by_status');
RESET pg_more.rewrites;
SELECT why('SELECT * FROM orders WHERE (customer, status) IN ((50, ''open''), (100, ''open''), (150, ''open''))', 'by_status') ~ ': (used|usable)';

-- Functions that planning runs are planned as always, and so are later statements
CREATE FUNCTION looked_up(int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT o.status FROM orders o WHERE o.id = $1); END $$;
SELECT why('SELECT * FROM orders WHERE status = looked_up(50) AND customer = 50', 'by_status');
EXPLAIN (COSTS OFF) SELECT * FROM orders WHERE id = 5;

-- Nothing is run or written
SELECT count(*) FROM more.why_not('DELETE FROM orders');
BEGIN READ ONLY;
SELECT count(*) FROM more.why_not('DELETE FROM orders WHERE id = 1', 'by_status');
COMMIT;
SELECT count(*) FROM orders;

-- Privileges are those of running the statement; row security belongs to the query
CREATE ROLE regress_why;
GRANT USAGE ON SCHEMA why TO regress_why;
SET ROLE regress_why;
SELECT why('SELECT 1 FROM orders WHERE customer = 1');
SELECT why('INSERT INTO orders (id) VALUES (1) ON CONFLICT (customer) DO NOTHING');
RESET ROLE;
GRANT SELECT (id, customer, status), UPDATE (note) ON orders TO regress_why;
GRANT INSERT ON orders TO regress_why;
SET ROLE regress_why;
SELECT why('SELECT id FROM orders WHERE status = ''open'' AND customer = 50', 'by_status');
SELECT why('SELECT id, note FROM orders', 'by_status');
SELECT why('UPDATE orders SET note = ''x'' WHERE id = 1 AND status = ''open''', 'by_status');
SELECT why('DELETE FROM orders', 'by_status');
-- the columns of the index need no right, but the change that is suggested does when it is run
SELECT why('SELECT id FROM orders WHERE customer = 50', 'by_paid');
RESET ROLE;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_open ON orders TO regress_why USING (status = 'open');
SET ROLE regress_why;
SELECT why('SELECT id FROM orders WHERE customer = 50', 'by_status');
RESET ROLE;
DROP OWNED BY regress_why;
DROP ROLE regress_why;

-- Errors
SELECT more.why_not(NULL);
SELECT more.why_not('');
SELECT more.why_not('SELECT 1; SELECT 2');
SELECT more.why_not('CREATE TABLE x ()');
SELECT more.why_not('EXPLAIN SELECT 1');
SELECT more.why_not('SELECT * INTO x FROM orders');
SELECT more.why_not('SELECT nothing FROM orders');
SELECT more.why_not('SELECT * FROM orders WHERE');
SELECT more.why_not('SELECT $1 FROM orders WHERE $2 IS NULL');
SELECT more.why_not('SELECT * FROM orders', 'orders');
SELECT more.why_not('SELECT * FROM orders', 0);
SELECT more.why_not('SELECT * FROM nowhere');
DROP SCHEMA why, "a.b""c" CASCADE;
