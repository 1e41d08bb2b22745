-- more.parts and more.from_parts: a query's parts by name.
\set ECHO none
\i sql/include/setup.sql
\set ECHO none
\set SHOW_CONTEXT errors
\set ECHO all

SELECT jsonb_pretty(more.parts('WITH RECURSIVE a AS (SELECT 1) SELECT DISTINCT ON (x) x, count(*) FROM t WHERE y GROUP BY x HAVING z
	WINDOW w AS (ORDER BY x) ORDER BY x LIMIT 5 OFFSET 2 FOR UPDATE'));
SELECT more.parts(q) FROM unnest(ARRAY['SELECT', 'SELECT DISTINCT a FROM t ORDER BY a FETCH FIRST 2 ROWS WITH TIES', 'VALUES (1), (2) LIMIT 1',
	'SELECT 1 UNION ALL SELECT 2 UNION ALL (SELECT 3 LIMIT 1) ORDER BY 1', 'SELECT 1 UNION SELECT 2 EXCEPT SELECT 3 INTERSECT SELECT 4',
	'INSERT INTO t VALUES (1) RETURNING a', 'WITH x AS (SELECT 1) UPDATE t SET a = 1', 'DELETE FROM t', 'MERGE INTO t USING u ON a = b WHEN MATCHED THEN DELETE'
	]::more.query[]) AS q;
SELECT more.parts(more.filter(more.from_table('pg_class'), 'relname = $name', '{"name": "x"}'));

-- And back, from all or some of them.
SELECT bool_and(more.from_parts(more.parts(q))::text = q::text) FROM unnest(ARRAY['SELECT', 'SELECT DISTINCT a FROM t ORDER BY a FETCH FIRST 2 ROWS WITH TIES',
	'VALUES (1), (2) LIMIT 1', 'SELECT 1 UNION ALL SELECT 2 UNION ALL (SELECT 3 LIMIT 1) ORDER BY 1', 'SELECT 1 UNION SELECT 2 EXCEPT SELECT 3 INTERSECT SELECT 4',
	'INSERT INTO t VALUES (1) RETURNING a', 'WITH x AS (SELECT 1) UPDATE t SET a = 1', 'MERGE INTO t USING u ON a = b WHEN MATCHED THEN DELETE']::more.query[]) AS q;
SELECT more.from_parts('{"from": "t", "limit": 3}');
SELECT more.from_parts('{"select": "a, b", "distinct": true, "from": "t -- the table", "where": "a OR b"}');
SELECT more.from_parts('{"kind": "union all", "queries": ["SELECT 1 UNION SELECT 2", "SELECT 3 ORDER BY 1 LIMIT 1", "SELECT 4"], "order_by": "1"}');
SELECT more.from_parts('{"kind": "delete", "statement": "DELETE FROM t", "returning": "*"}');

-- A part stays in its place.
SELECT more.from_parts('{"from": "t WHERE false"}');
SELECT more.from_parts('{"from": "t", "where": "a) OR (b"}');
SELECT more.from_parts('{"from": "t", "where": "a GROUP BY b"}');
SELECT more.from_parts('{"from": "t", "where": "a UNION SELECT * FROM u"}');
SELECT more.from_parts('{"from": "t", "where": "a; DELETE FROM t"}');
SELECT more.from_parts('{"from": "t", "where": "''a"}');
SELECT more.from_parts('{"from": "t", "where": "a /*", "order_by": "*/ b"}');
SELECT more.from_parts('{"select": "1 INTO x"}');
SELECT more.from_parts('{"kind": "union", "queries": ["SELECT 1", "SELECT 2) UNION (SELECT 3"]}');
SELECT more.from_parts('{"kind": "union", "queries": ["SELECT 1", "DELETE FROM t"]}');
SELECT more.from_parts('{"kind": "select", "statement": "DELETE FROM t"}');
SELECT more.from_parts('{"kind": "delete", "statement": "SELECT 1"}');
SELECT more.from_parts('{"kind": "other", "statement": "SELECT 1"}');

-- Errors.
SELECT more.from_parts('[]');
SELECT more.from_parts('{"kind": "drop"}');
SELECT more.from_parts('{"kind": 1}');
SELECT more.from_parts('{"form": "t"}');
SELECT more.from_parts('{"select": ["a"]}');
SELECT more.from_parts('{"recursive": true}');
SELECT more.from_parts('{"recursive": "yes"}');
SELECT more.from_parts('{"kind": "values"}');
SELECT more.from_parts('{"kind": "union", "queries": ["SELECT 1"]}');
SELECT more.from_parts('{"kind": "union", "queries": "SELECT 1"}');
SELECT more.from_parts('{"kind": "union", "queries": [1, 2]}');
SELECT more.from_parts('{"queries": ["SELECT 1", "SELECT 2"]}');

-- What is bound.
SELECT more.parameters('SELECT 1');
SELECT more.parameters(more.filter(more.filter(more.literal('[{"id": 1}]'), 'id = $a OR id = $a', '{"a": 1}'), 'id <> ALL ($b) OR $c OR $d',
	'{"b": [1, null], "c": false, "d": null}'));
-- Errors name the step
SELECT more.from_parts('{"from": "customer", "where": ""}');
SELECT more.from_parts('{"from": "customer", "limit": "1; DROP TABLE customer"}');
SELECT more.from_table(0);
