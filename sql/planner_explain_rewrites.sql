-- more.explain_rewrites: what the rewrites do with a statement, and why.
\set ECHO none
\i sql/include/setup.sql
LOAD 'pg_more';

CREATE TABLE hashes (a integer, b integer, t text);
INSERT INTO hashes SELECT g, g % 1000, 'x' || g FROM generate_series(1, 5000) AS g;
INSERT INTO hashes SELECT g, NULL, 'n' || g FROM generate_series(1, 10) AS g;
INSERT INTO hashes SELECT * FROM hashes WHERE a < 10;
ANALYZE hashes;
SELECT '(a, b) IN (' || string_agg(format('(%s, %s)', g, g % 1000), ', ') || ')' AS in_list FROM generate_series(1, 100) AS g \gset

-- A statement that is made cheaper.
SELECT rewrite, applied, reason, cost_before > 5 * cost_after AS cheaper, sql ~* 'unnest' AS sql
FROM more.explain_rewrites('SELECT * FROM hashes WHERE ' || :'in_list');
-- One that would not be.
SELECT rewrite, applied, reason, cost_before > 0 AS before, cost_after IS NULL AS after, sql
FROM more.explain_rewrites('SELECT * FROM hashes WHERE a = 1 AND (a, b) IN (' || (SELECT string_agg(format('(1, %s)', g), ', ') FROM generate_series(1, 20) AS g) || ')');
-- Two lists, one of which is none.
SELECT rewrite, applied, reason, sql IS NOT NULL AS sql
FROM more.explain_rewrites('SELECT 1 FROM hashes WHERE ' || :'in_list' || ' AND ('
	|| (SELECT string_agg(format('(a = %s AND t > %L)', g, g), ' OR ') FROM generate_series(1, 20) AS g) || ')') ORDER BY applied;
-- No such shape, no row.
SELECT * FROM more.explain_rewrites('SELECT * FROM hashes WHERE a = 1');
SELECT * FROM more.explain_rewrites('VALUES (1)');
SELECT * FROM more.explain_rewrites(NULL);
-- The settings of the caller hold.
SET pg_more.composite_in = off;
SELECT * FROM more.explain_rewrites('SELECT * FROM hashes WHERE ' || :'in_list');
RESET pg_more.composite_in;
SET pg_more.rewrites = off;
SELECT * FROM more.explain_rewrites('SELECT * FROM hashes WHERE ' || :'in_list');
SET pg_more.rewrites = force;
SELECT rewrite, applied, reason, cost_before IS NOT NULL AS before, cost_after IS NOT NULL AS after
FROM more.explain_rewrites('SELECT * FROM hashes WHERE (a, b) IN ((1, 1), (2, 2))');

-- The SQL is pretty, says the types of parameters, and can be run.
SELECT sql FROM more.explain_rewrites('SELECT t FROM hashes WHERE (a, b) IN ((1, $1), (2, 2)) LIMIT $2');

-- Compares a statement with the SQL that is shown for it: how many rows there are, and how many are only in one of them.
CREATE FUNCTION compared(statement text)
RETURNS TABLE (rewrites text, rows bigint, only_before bigint, only_after bigint) LANGUAGE plpgsql AS $$
DECLARE
	shown text;
BEGIN
	SELECT string_agg(rewrite, ' ' ORDER BY n) FILTER (WHERE applied), (array_agg(sql ORDER BY n DESC) FILTER (WHERE sql IS NOT NULL))[1]
		INTO rewrites, shown
		FROM more.explain_rewrites(statement) WITH ORDINALITY AS e (rewrite, applied, reason, cost_before, cost_after, sql, n);
	SET pg_more.rewrites = off;
	EXECUTE format('CREATE TEMP TABLE before AS %s', statement);
	EXECUTE format('CREATE TEMP TABLE after AS %s', shown);
	SELECT count(*) INTO rows FROM before;
	SELECT count(*) INTO only_before FROM (SELECT old_row::text FROM before AS old_row EXCEPT ALL SELECT new_row::text FROM after AS new_row) AS x;
	SELECT count(*) INTO only_after FROM (SELECT new_row::text FROM after AS new_row EXCEPT ALL SELECT old_row::text FROM before AS old_row) AS x;
	DROP TABLE before, after;
	SET pg_more.rewrites = force;
	RETURN NEXT;
END $$;
SELECT * FROM compared('SELECT * FROM hashes WHERE ' || :'in_list');
SELECT * FROM compared('SELECT h.t, x FROM hashes AS h LEFT JOIN generate_series(1, 3) AS x ON (h.a, x) IN ((1, 1), (2, 2), (2, 3)) WHERE h.a < 5');
SELECT * FROM compared('SELECT t, (a, b) NOT IN ((1, 1), (2, NULL)) AS c FROM hashes WHERE NOT ((a, b) IN ((3, 3), (4, NULL), (5, 5)))');
SELECT * FROM compared('SELECT a, count(*) AS n FROM hashes AS "Odd ""name" WHERE (a, b) IN ((1, 1), (2, 2), (10, 10)) GROUP BY a HAVING count(*) > 1');
SELECT * FROM compared('WITH x AS (SELECT * FROM hashes WHERE (a, b) IN ((1, 1), (3, 3))) SELECT y.t FROM x JOIN hashes AS y USING (a) WHERE (x.a, y.b) IN ((1, 1), (3, 3))');
SELECT * FROM compared('SELECT t FROM hashes WHERE (a, t) IN ((1, ''x1''), (2, ''it''''s''), (3, E''x\\3''), (4, ''x4'')) UNION ALL SELECT t FROM hashes WHERE EXISTS (SELECT FROM hashes AS i WHERE (i.a, i.b) IN ((1, 1), (2, 2)) AND i.a = hashes.a)');

SELECT * FROM compared('SELECT a, CASE b WHEN 1 THEN ''one'' WHEN 2 THEN ''it''''s'' WHEN NULL THEN ''never'' ELSE t END AS word FROM hashes WHERE a < 9 OR b IS NULL');
SELECT * FROM compared('SELECT t FROM hashes WHERE a = ANY (ARRAY[1, 2, 2, NULL]::bigint[])');
SELECT * FROM compared('SELECT t FROM more.rows_in(NULL::hashes, ''[{"a": 1}, {"a": 2}, {"a": -1}]'', key => ''{a}'') WHERE b < 2');
SELECT * FROM compared('SELECT t FROM more.rows_not_in(NULL::hashes, ''[{"a": 1}, {"a": 2}]'', key => ''{a}'') WHERE a < 4');
SELECT * FROM compared('SELECT a FROM more.rows_missing(NULL::hashes, ''[{"a": 1}, {"a": -2}, {"a": -3}]'', key => ''{a}'')');
-- several rewrites of one statement: the last SQL has all of them
SELECT * FROM compared('SELECT CASE b WHEN 1 THEN ''one'' WHEN 2 THEN ''two'' END AS word FROM hashes WHERE (a, b) IN ((1, 1), (2, 2), (3, 3)) AND a = ANY (ARRAY[1, 2]::bigint[])');

-- Names that the search path does not find are qualified.
CREATE SCHEMA hidden;
CREATE TABLE hidden.hashes (a integer, b integer);
INSERT INTO hidden.hashes VALUES (1, 1);
SELECT * FROM compared('SELECT * FROM hidden.hashes WHERE (a, b) IN ((1, 1), (2, 2))');

-- With parameters: the SQL asks for the same ones.
PREPARE before (integer, integer) AS SELECT t FROM hashes WHERE (a, b) IN (($1, 1), ($2, 2), (4, $2));
SELECT 'PREPARE after AS ' || sql AS prepare
FROM more.explain_rewrites('SELECT t FROM hashes WHERE (a, b) IN (($1, 1), ($2, 2), (4, $2))') \gset
:prepare;
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'after';
EXECUTE before (1, 2);
EXECUTE after (1, 2);
EXECUTE before (NULL, 4);
EXECUTE after (NULL, 4);

-- Statements that write are shown and not run; their SQL does the same.
CREATE TABLE target AS TABLE hashes;
SELECT sql AS update FROM more.explain_rewrites('UPDATE target SET t = t || ''!'' WHERE (a, b) IN ((1, 1), (2, 2), (2, NULL))') \gset
SELECT sql AS delete FROM more.explain_rewrites('DELETE FROM target WHERE (a, b) IN ((5, 5), (6, 6))') \gset
SELECT sql AS insert FROM more.explain_rewrites('INSERT INTO target (t, a) SELECT t, a FROM hashes WHERE (a, b) IN ((7, 7), (8, 8)) RETURNING a, b, t') \gset
SELECT (SELECT count(*) FROM target EXCEPT SELECT count(*) FROM hashes) AS changed;
:update;
:delete;
:insert;
SELECT a, b, t FROM target EXCEPT ALL SELECT a, b, t FROM hashes ORDER BY 1, 2, 3;
SELECT a, b, t FROM hashes EXCEPT ALL SELECT a, b, t FROM target ORDER BY 1, 2, 3;

-- Views: the shape is in the statement, or inside the view, which is then shown.
CREATE VIEW low AS SELECT a, b, t FROM hashes WHERE a < 100;
CREATE VIEW listed AS SELECT a, b, t FROM hashes WHERE (a, b) IN ((1, 1), (2, 2));
CREATE VIEW guarded WITH (security_barrier) AS SELECT a, b, t FROM hashes WHERE (a, b) IN ((1, 1), (2, 2));
SELECT * FROM compared('SELECT * FROM low WHERE (a, b) IN ((1, 1), (2, 2))');
SELECT sql ~ 'FROM low' AS names_view FROM more.explain_rewrites('SELECT * FROM low WHERE (a, b) IN ((1, 1), (2, 2))');
SELECT * FROM compared('SELECT * FROM listed');
SELECT sql FROM more.explain_rewrites('SELECT * FROM listed');
SELECT * FROM compared('SELECT * FROM guarded WHERE (a, b) IN ((1, 1), (3, 3))');
-- writing through it has no other form as SQL
SELECT applied, reason, sql FROM more.explain_rewrites('UPDATE listed SET t = t');
-- a rule makes two statements of it
CREATE RULE twice AS ON DELETE TO target DO ALSO DELETE FROM hidden.hashes WHERE hashes.a = old.a;
SELECT applied, reason, sql FROM more.explain_rewrites('DELETE FROM target WHERE (a, b) IN ((1, 1), (2, 2))');
DROP RULE twice ON target;

-- Row security stays what it is: the SQL names the table, and its policies apply.
CREATE ROLE regress_explain_reader;
GRANT USAGE ON SCHEMA public TO regress_explain_reader;
GRANT SELECT ON hashes, listed TO regress_explain_reader;
ALTER TABLE hashes ENABLE ROW LEVEL SECURITY;
CREATE POLICY odd ON hashes USING (a % 2 = 1 OR (a, b) IN ((2, 2), (4, 5)));
SET ROLE regress_explain_reader;
SELECT sql AS secured FROM more.explain_rewrites('SELECT t FROM hashes WHERE (a, b) IN ((1, 1), (2, 2), (3, 3), (4, 4))') \gset
:secured ORDER BY t;
SELECT t FROM hashes WHERE (a, b) IN ((1, 1), (2, 2), (3, 3), (4, 4)) ORDER BY t;
-- A view that its owner may see more through is not shown as what the reader would see less of.
SELECT count(*) FROM listed;
SELECT applied, reason, sql FROM more.explain_rewrites('SELECT * FROM listed');
-- Who may not run a statement may not explain it either.
SELECT * FROM outcome('SELECT * FROM more.explain_rewrites(''SELECT * FROM target WHERE (a, b) IN ((1, 1), (2, 2))'')');
SELECT * FROM outcome('SELECT * FROM more.explain_rewrites(''DELETE FROM hashes WHERE (a, b) IN ((1, 1), (2, 2))'')');
SELECT * FROM outcome('SELECT * FROM more.explain_rewrites(''SELECT * FROM target'')');
RESET ROLE;
REVOKE ALL ON hashes, listed FROM regress_explain_reader;
REVOKE ALL ON SCHEMA public FROM regress_explain_reader;
DROP ROLE regress_explain_reader;

-- A row for what is left alone in MERGE,
SELECT rewrite, applied, reason, sql FROM more.explain_rewrites($$MERGE INTO hashes AS h USING hashes AS d ON h.a = d.a AND (h.b, h.t) IN ((1, 'x1'), (2, 'x2'))
	WHEN MATCHED AND d.b = ANY ($1::integer[]) THEN UPDATE SET t = CASE d.b WHEN 1 THEN 'one' WHEN 2 THEN 'two' END$$);
SELECT rewrite, applied, reason FROM more.explain_rewrites($$MERGE INTO hashes AS h USING more.rows_in(NULL::hashes, '[]') AS d ON h.a = d.a WHEN MATCHED THEN DELETE$$);
SELECT rewrite, applied, reason FROM more.explain_rewrites($$MERGE INTO hashes AS h USING (SELECT * FROM hashes WHERE (a, b) IN ((1, 1), (2, 2))) AS d ON h.a = d.a WHEN MATCHED THEN DELETE$$);
-- beside GROUP BY,
SELECT rewrite, applied, reason FROM more.explain_rewrites('SELECT a, (a, b) IN ((1, 1), (2, 2)) AS listed, b = ANY ($1) AS among FROM hashes GROUP BY a, b HAVING (b, a) IN ((1, 1), (3, 3)) OR count(*) > 1');
-- in a target list, under NOT beside others, in an outer join,
SELECT rewrite, applied, reason FROM more.explain_rewrites('SELECT a = ANY ($1) FROM hashes');
SELECT rewrite, applied, reason FROM more.explain_rewrites('SELECT 1 FROM hashes WHERE NOT (a = ANY ($1) AND b IS NULL)');
SELECT rewrite, applied, reason FROM more.explain_rewrites('SELECT 1 FROM hashes WHERE NOT b > ANY ($1)');
SELECT rewrite, applied, reason FROM more.explain_rewrites('SELECT 1 FROM hashes AS x LEFT JOIN hashes AS y ON x.a = y.a AND y.b = ANY ($1)');
SELECT rewrite, applied, reason FROM more.explain_rewrites('SELECT 1 FROM hashes WHERE NOT a = ANY ($1)');
-- and of the calls in FROM; a name for it also where GROUP BY makes other columns of a table's.
SELECT rewrite, applied, reason FROM more.explain_rewrites($$SELECT * FROM more.rows_in(NULL::hashes, '[]') WITH ORDINALITY$$);
SELECT rewrite, applied, reason FROM more.explain_rewrites($$SELECT * FROM ROWS FROM (generate_series(1, 2), more.rows_in(NULL::hashes, '[]'))$$);
SELECT rewrite, applied, reason FROM more.explain_rewrites($$SELECT h.b FROM hashes AS h, generate_series(1, 2) AS g GROUP BY h.b, g HAVING CASE h.b WHEN 1 THEN true WHEN 2 THEN false END$$);

-- One statement, of the kind that is planned.
SELECT * FROM outcome('SELECT more.explain_rewrites(''SELECT 1; SELECT 2'')');
SELECT * FROM outcome('SELECT more.explain_rewrites('' '')');
SELECT * FROM outcome('SELECT more.explain_rewrites(''-- nothing'')');
SELECT * FROM outcome('SELECT more.explain_rewrites(''SELECT 1;'')');
SELECT * FROM outcome('SELECT more.explain_rewrites(''EXPLAIN SELECT 1'')');
SELECT * FROM outcome('SELECT more.explain_rewrites(''DROP TABLE hashes'')');
SELECT * FROM outcome('SELECT more.explain_rewrites(''SELECT 1 INTO made'')');
SELECT * FROM outcome('SELECT more.explain_rewrites(''CREATE TABLE made AS SELECT 1'')');
SELECT * FROM outcome('SELECT more.explain_rewrites(''SELECT FROM no_such_table'')');
SELECT * FROM outcome('SELECT more.explain_rewrites(''SELEC 1'')');
SELECT * FROM outcome('SELECT more.explain_rewrites(''SELECT $2::integer'')');
SELECT more.explain_rewrites('SELECT 1
	FROM no_such_table');
