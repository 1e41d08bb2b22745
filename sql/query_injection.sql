-- Text arguments of the query functions stay in their place: each attempt to leave it is an error that names the step, or is
-- taken as the name or the value that it looks like. boom() runs nowhere, and the canary lives.
\set ECHO none
\i sql/include/setup.sql

CREATE FUNCTION boom() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''boom''; END';
CREATE TABLE canary (alive boolean);
INSERT INTO canary VALUES (true);
CREATE TABLE t (id integer PRIMARY KEY, a integer, name text);
INSERT INTO t VALUES (1, 1, 'one'), (2, 2, 'it''s'), (3, NULL, '$x');
CREATE TABLE node (id integer PRIMARY KEY, parent integer, name text);
INSERT INTO node VALUES (1, NULL, 'root'), (2, 1, 'leaf');

-- What comes of a call with this text in one of its arguments: rows, or the error and whether it names the step.
-- It is undone.
CREATE FUNCTION tried(place text, call text, attack text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	rows text;
	message text;
	context text;
BEGIN
	EXECUTE format('SELECT coalesce(string_agg(r::text, '' '' ORDER BY r::text), ''no rows'') FROM more.rows(%s) AS r', replace(call, '?', quote_literal(attack))) INTO rows;
	RAISE SQLSTATE 'UNDO0';
EXCEPTION
	WHEN SQLSTATE 'UNDO0' THEN
		RETURN rows;
	WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, context = PG_EXCEPTION_CONTEXT;
		RETURN SQLSTATE || ' ' || message || CASE WHEN context ~ ('step "' || place || '"') THEN '' ELSE ' (no step)' END;
END $$;
-- As a user would read it; control characters as the server shows them.
CREATE FUNCTION shown(text) RETURNS text LANGUAGE sql AS $$ SELECT replace(replace(replace($1, E'\x01', '<01>'), E'\n', '<nl>'), E'\\', '<bs>') $$;

-- Texts that try to leave the place of an expression.
CREATE TABLE expression_attack (n serial, attack text);
INSERT INTO expression_attack (attack) VALUES
	('true) OR (boom()'), ('true); SELECT boom(); --'), ('true; SELECT boom()'), ('true; DROP TABLE canary'), ('true) --'), (') OR (true'), ('('), (')'),
	('true UNION SELECT boom()'), ('true ORDER BY boom()'), ('true LIMIT 0'), ('true GROUP BY id'), ('true HAVING boom()'), ('true FOR UPDATE'), ('true RETURNING boom()'),
	('true WINDOW w AS ()'), ('true INTO canary2'), ('true FROM canary'), ('true, boom()'), ('true AS x'), ('true x'), ('id IN (SELECT 1'), ('CASE WHEN true'),
	('true /*'), ('true /* /* */'), ('*/ true'), (''''), ('id = ''1'), ('"id'), ('$x$ OR boom()'), ('$$'), (E'\\'), (E'E''\\'''), ('U&''\00'''), ('U&"\0069\0064'' > 0'),
	(''), ('   '), ('-- nothing'), ('/* nothing */'), ('*'), ('id, *'), ('DEFAULT'), ('$1 IS NULL'), ('$x IS NULL'), ('$0'), ('?'), (':x'), ('%'),
	(E'\x01'), (E'\x010000'), (E'id \x01 = 1'), ('SELECT true'), ('VALUES (true)'), ('(DELETE FROM canary RETURNING alive)'), ('EXISTS (DELETE FROM canary RETURNING alive)'),
	('(WITH d AS (DELETE FROM canary RETURNING *) SELECT true FROM d)'), ('q.id = 1'), ('t.id = 1'), ('canary.alive'), ('current_setting'), ('WHERE true'), ('true WHERE true');
\pset format unaligned
\pset tuples_only
\pset fieldsep ' => '

SELECT shown(attack), shown(tried('filter', 'more.filter(more.from_table(''t''), ?)', attack)) FROM expression_attack ORDER BY n;
-- The same wherever an expression can stand; only what comes of it otherwise is shown.
CREATE TABLE place (n serial, step text, call text);
INSERT INTO place (step, call) VALUES
	('exclude', 'more.exclude(more.from_table(''t''), ?)'),
	('annotate', 'more.annotate(more.from_table(''t''), ''new'', ?)'),
	('aggregate', 'more.aggregate(more.from_table(''t''), ''new'', ?)'),
	('aggregate', 'more.aggregate(more.group_by(more.from_table(''t''), ''a''), ''new'', ?)'),
	('order_by', 'more.order_by(more.from_table(''t''), ?)'),
	('order_by', 'more.order_by(more.from_table(''t''), ''id'', ?)'),
	('join_with', 'more.join_with(more.from_table(''t''), ''n'', more.from_table(''node''), ?)'),
	('join_with', 'more.join_with(more.from_table(''t''), ''n'', more.from_table(''node''), ?, ''anti'')'),
	('filter', 'more.filter(more.slice(more.order_by(more.from_table(''t''), ''id''), 0, 2), ?)'),
	('filter', 'more.filter(more.combine(''union'', more.from_table(''t''), more.from_table(''t'')), ?)'),
	('filter', 'more.filter(more.aggregate(more.group_by(more.from_table(''t''), ''id''), ''n'', ''count(*)''), ?)'),
	('as_update', 'more.returning(more.as_update(more.from_table(''t''), ''t'', ARRAY[''a = '' || ?]), ''id'')'),
	('as_update', 'more.returning(more.as_update(more.from_table(''t''), ''t'', ARRAY[''a''], ?), ''id'')'),
	('as_delete', 'more.returning(more.as_delete(more.from_table(''t''), ''t'', ?), ''id'')'),
	('returning', 'more.returning(more.as_delete(more.from_table(''t''), ''t''), ?)'),
	('tree', 'more.tree(''node'', ''parent'', ?)'),
	('tree', 'more.tree(''node'', ''parent'', "order" => ARRAY[?])'),
	('ancestors', 'more.ancestors(''node'', ''parent'', ?)'),
	('descendants', 'more.descendants(''node'', ''parent'', ?)'),
	('siblings', 'more.siblings(''node'', ''parent'', ?)');
-- Shown is what is no error, or no usual one; or one that is found when the query is composed, and does not name the step.
SELECT step, shown(attack), shown(result) FROM (SELECT p.n AS pn, a.n, step, attack, tried(step, call, attack) AS result FROM place AS p, expression_attack AS a) AS x
	WHERE result !~ '^(42601|42602|42703|42P01|42P02|42803|42804|22023|0A000|42883) ' OR (result ~ '^(42601|42602|42P02|22023).*no step' AND attack <> 'DEFAULT') ORDER BY pn, n;
SELECT * FROM canary;
SELECT count(*) FROM (SELECT tried(step, call, attack) AS result FROM place AS p, expression_attack AS a) AS x WHERE result ~ 'boom$';

-- ---------------------------------------------------------------------------
-- Names: a column that has it, or an error; never SQL
-- ---------------------------------------------------------------------------
CREATE TABLE name_attack (n serial, attack text);
INSERT INTO name_attack (attack) VALUES
	('id" FROM canary --'), ('id, boom()'), ('boom()'), ('id"; DROP TABLE canary; --'), ('id) --'), ('"id"'), ('''id'''), ('ID'), ('id '), (' id'), ('id AS x'), ('id DESC; SELECT boom()'),
	('(SELECT boom())'), ('*'), ('t.*'), ('t.id'), ('q.id'), (''), ('1'), ('$1'), ('$x'), ('$$'), (E'\x01'), (E'\x010000'), (E'id\nx'), (repeat('x', 64)), ('U&"\0069d"'), ('id --'),
	('id /*'), (E'\\'), ('"'), (''''), ('""'), ('a.b.c.d'), ('now()::text');
CREATE TABLE name_place (n serial, step text, call text);
INSERT INTO name_place (step, call) VALUES
	('pick', 'more.pick(more.from_table(''t''), ?)'),
	('pick', 'more.pick(more.slice(more.from_table(''t''), 0, 1), ?)'),
	('group_by', 'more.group_by(more.from_table(''t''), ?)'),
	('distinct_on', 'more.distinct_on(more.from_table(''t''), ?)'),
	('as_update', 'more.returning(more.as_update(more.from_table(''t''), ''t'', ARRAY[?]), ''id'')'),
	('tree', 'more.tree(''node'', ?)'),
	('join_with', 'more.join_with(more.from_table(''t''), ''n'', more.from_table(''node''), ''id = n.id'', ?)'),
	('combine', 'more.combine(?, more.from_table(''t''), more.from_table(''t''))'),
	('as_insert', 'more.returning(more.as_insert(more.from_table(''t''), ''t'', ?), ''id'')');
SET client_min_messages = warning;
-- (what is no such column, operator or kind at all is left out)
SELECT step, shown(attack), shown(result) FROM (SELECT p.n AS pn, a.n, step, attack, tried(step, call, attack) AS result FROM name_place AS p, name_attack AS a) AS x
	WHERE result !~ '^(22023 invalid|42703 column .* of relation .* does not exist)' OR result ~ 'no step' ORDER BY pn, n;
SELECT * FROM canary;
-- New names may be any at all.
CREATE TABLE new_name (n serial, step text, call text);
INSERT INTO new_name (step, call) VALUES
	('annotate', 'more.pick(more.annotate(more.from_table(''t''), ?, ''17''), quote_ident(?))'),
	('annotate', 'more.pick(more.filter(more.annotate(more.slice(more.from_table(''t''), 0, 1), ?, ''17''), quote_ident(?) || '' = 17''), quote_ident(?))'),
	('aggregate', 'more.aggregate(more.from_table(''t''), ?, ''count(*)'')'),
	('join_with', 'more.pick(more.filter(more.join_with(more.from_table(''t''), ?, more.from_table(''node''), quote_ident(?) || ''.id = a''), quote_ident(?) || ''.id = 1''), ''id'')'),
	('attach', 'more.pick(more.filter(more.attach(more.from_table(''t''), ?, more.from_table(''node'')), ''id = (SELECT max(id) FROM '' || quote_ident(?) || '')''), ''id'')');
SELECT step, shown(attack), shown(tried(step, call, attack)) FROM new_name AS p, name_attack AS a ORDER BY p.n, a.n;
RESET client_min_messages;

-- ---------------------------------------------------------------------------
-- Values: parameters, literal rows, strings in conditions
-- ---------------------------------------------------------------------------
CREATE TABLE value_attack (n serial, attack text);
INSERT INTO value_attack (attack) VALUES
	(''' OR boom() --'), (''') OR (boom()'), ('$x'), ('$1'), ('$$'), ('$$ OR boom() $$'), (E'\\'), (E'\\'' OR boom() --'), (E'\x01'), (E'\x010000'), (E'\x010001'), (E'a\nb'), ('"'), ('-- x'), ('/*'),
	('NULL'), ('DEFAULT'), ('1'), (''), ('it''s'), ('U&''\0041'''), ('E''\x41'''), (':x'), ('%s'), ('?x'), ('{}'), ('[1]'), ('<01>');
-- The value comes back as it is: by a parameter, in its SQL, in the SQL read again, as a literal row, in a JSON condition.
SELECT shown(attack),
	(SELECT r ->> 'v' = attack FROM more.rows(more.annotate('SELECT 1 AS one'::more.query, 'v', '$x::text', jsonb_build_object('x', attack))) AS r) AS bound,
	(SELECT r ->> 'v' = attack FROM more.rows(more.sql(more.annotate('SELECT 1 AS one'::more.query, 'v', '$x::text', jsonb_build_object('x', attack)))::more.query) AS r) AS as_sql,
	more.count(more.filter(format('SELECT %L::text AS v', attack)::more.query, 'v = $value', jsonb_build_object('value', attack))) AS found,
	more.count(more.filter(format('SELECT %L::text AS v', attack)::more.query, format('v = %L AND v = $value AND v = %L', attack, attack), jsonb_build_object('value', attack))) AS beside,
	more.count(more.filter(format('SELECT %L::text AS v', attack)::more.query, jsonb_build_object('v', attack)::text)) AS json,
	(SELECT r ->> 'name' = attack FROM more.rows(more.literal(json_build_array(json_build_object('name', attack)), 't')) AS r) AS literal,
	(SELECT r ->> 'name' = attack FROM more.rows(more.sql(more.literal(json_build_array(json_build_object('name', attack)), 't'))::more.query) AS r) AS literal_as_sql
FROM value_attack ORDER BY n;
-- Values of several steps, whose numbers meet when queries are put together.
SELECT r FROM more.rows(more.order_by(more.combine('union all',
	more.annotate(more.filter(more.from_table('t'), 'name = $x', '{"x": "one"}'), 'v', '$x::text', jsonb_build_object('x', E'\x010000')),
	more.annotate(more.filter(more.from_table('t'), 'name = $x OR name = $y', '{"x": "$x", "y": "it''s"}'), 'v', '$x::text || $y', jsonb_build_object('x', E'\x010001', 'y', E'\x01'))), 'id')) AS r;
SELECT more.parameters(more.filter(more.filter(more.from_table('t'), 'a < $x', '{"x": 17}'), 'name <> $x AND a = ANY ($y)', '{"x": "$y", "y": [1, 2]}'));
-- $name is only looked for where SQL has a value.
SELECT r ->> 'id' FROM more.rows(more.filter(more.from_table('t'), 'name = ''$x'' AND name = $q$$x$q$ AND name <> E''\''$x'' /* $x */ AND id = $x -- $x', '{"x": 3}')) AS r;
SELECT r ->> '$x' FROM more.rows(more.filter('SELECT 1 AS "$x"'::more.query, '"$x" = $x', '{"x": 1}')) AS r;
SELECT params, tried('filter', 'more.filter(more.from_table(''t''), ''id = $x'', ?)', params) FROM (VALUES ('{}'), ('{"y": 1}'), ('{"x": 1, "y": 2}'), ('{"X": 1}'), ('[1]'), ('1'), ('null'), ('{"x": "1) OR (true"}'),
	('{"x": {"a": 1}}'), ('{"x": [1]}'), ('{"x": null}'), ('{"x": 1e400}'), ('{"x": true}')) AS x (params);

-- ---------------------------------------------------------------------------
-- A query's own text
-- ---------------------------------------------------------------------------
CREATE TABLE text_attack (n serial, attack text);
INSERT INTO text_attack (attack) VALUES
	('SELECT 1 AS a; SELECT boom()'), ('SELECT 1 AS a;'), ('SELECT 1 AS a --'), ('SELECT 1 AS a /* x'), ('SELECT 1 AS a)'), ('(SELECT 1 AS a)'), ('SELECT $1'), ('SELECT ''$1'' AS a'), (''), (';'), ('-- x'),
	('DROP TABLE canary'), ('CREATE TABLE x AS SELECT 1'), ('SELECT 1 AS a INTO canary2'), ('EXPLAIN SELECT 1'), ('COPY t TO STDOUT'), ('DO ''BEGIN END'''), ('SET x.y = 1'), ('EXECUTE x'), ('DECLARE c CURSOR FOR SELECT 1'),
	('SELECT 1 AS a WHERE true) OR (boom()'), (E'SELECT ''\x01'' AS a'), (E'SELECT ''\x010000'' AS "\x01"'), (E'SELECT \x01'), ('TABLE node; --'), ('VALUES (1) -- '), ('BEGIN'), ('CALL x()'), ('PREPARE x AS SELECT 1'), ('LOCK t'),
	('SELECT 1 AS "a;b"'), ('SELECT U&"\0061" FROM (SELECT 1 AS a) AS x'), ('SELECT U&''!0061'' UESCAPE ''!'' AS a');
SELECT shown(attack), shown(tried('filter', 'more.filter((?)::more.query, ''true'')', attack)) FROM text_attack ORDER BY n;
-- Parts are checked like the text that they make.
SELECT parts, shown(tried('from_parts', 'more.from_parts((?)::jsonb)', parts)) FROM (VALUES
	('{"select": "1 AS a FROM canary"}'), ('{"select": "1 AS a; DROP TABLE canary"}'), ('{"select": "1 AS a", "where": "true) OR (boom()"}'), ('{"select": "1 AS a", "where": "true ORDER BY boom()"}'),
	('{"select": "1 AS a --", "limit": "0"}'), ('{"select": "1 AS a /*", "where": "*/"}'), ('{"select": "a", "from": "(SELECT 1 AS a"}'), ('{"select": "a", "from": "(VALUES (1)) AS x (a) WHERE boom()"}'), ('{"select": 1}'), ('{"unknown": "x"}'), ('{}'),
	('[]'), ('"SELECT 1"'), ('null'), ('{"select": "''"}'), ('{"select": "$1"}'), ('{"limit": "1 OFFSET 2", "select": "1 AS a"}')) AS x (parts);

-- ---------------------------------------------------------------------------
-- Around the session
-- ---------------------------------------------------------------------------
-- A table called like an attack is a table.
CREATE TABLE "t"" ; DROP TABLE canary; --" (id integer PRIMARY KEY, "a"" OR boom() --" integer);
INSERT INTO "t"" ; DROP TABLE canary; --" VALUES (1, 2);
SELECT more.sql(more.filter(more.from_table('"t"" ; DROP TABLE canary; --"'), '{"a\" OR boom() --": 2}'));
SELECT more.rows(more.filter(more.from_table('"t"" ; DROP TABLE canary; --"'), '{"a\" OR boom() --": 2}'));
SELECT more.execute(more.as_update(more.filter(more.from_table('"t"" ; DROP TABLE canary; --"'), 'id = 1'), '"t"" ; DROP TABLE canary; --"', ARRAY['"a"" OR boom() --" = 3']));
SELECT more.get(more.pick(more.from_table('"t"" ; DROP TABLE canary; --"'), '"a"" OR boom() --"'));
-- Bound values are safe to read whatever a backslash means.
SELECT more.sql(more.annotate('SELECT 1 AS one'::more.query, 'v', '$x::text', jsonb_build_object('x', E'\\'' || boom() --'))) AS statement \gset
SELECT current_setting('server_version_num')::integer < 190000 AS may_be_off \gset
\if :may_be_off
SET escape_string_warning = off;
SET standard_conforming_strings = off;
\endif
:statement;
RESET standard_conforming_strings;
-- Objects of the caller's search_path do not stand in for those that the functions mean.
CREATE SCHEMA evil;
CREATE FUNCTION evil.evil_eq(integer, integer) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''boom''; END';
CREATE OPERATOR evil.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = evil.evil_eq);
CREATE FUNCTION evil.count() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''boom''; END';
SET search_path = evil, pg_catalog, public;
SELECT more.count(more.from_table('public.t')), more.exists(more.from_table('public.t'));
SELECT r ->> 'id' FROM more.rows(more.join_with(more.from_table('public.t'), 'n', more.from_table('public.node'), 'id < n.id', 'semi')) AS r;
BEGIN;
SELECT more.execute(more.as_delete(more.filter(more.from_table('public.t'), 'a > 1'), 'public.t'));
SELECT more.execute(more.as_update(more.from_table('public.t'), 'public.t', ARRAY['a = 5']));
ROLLBACK;
SELECT r -> 'path' FROM more.rows(more.tree('public.node', 'parent')) AS r;
RESET search_path;
SELECT * FROM canary;
