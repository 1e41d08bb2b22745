-- more.condition with made-up JSON. Whatever is put in: it comes out as one boolean expression over the table, or it is
-- an error about what was put in. And where one can say what the condition means, it means that.
\set ECHO none
\i sql/include/setup.sql
\set ECHO none
SELECT setseed(0.42) AS seed \gset
CREATE TYPE mood AS ENUM ('sad', 'it''s ok', '"; DROP TABLE victim; --');
CREATE DOMAIN short AS varchar(20);
CREATE TABLE victim (n integer);
CREATE TABLE hostile (
	id serial PRIMARY KEY, n integer, "a""b" text, "x'; DROP TABLE victim; --" text, "$1" integer, "A b" short, "ünï__x" text,
	"select" mood, "a__gt" bigint, "_or2" boolean, tags text[], data jsonb, seen timestamptz, span int4range, price numeric, f float8);
INSERT INTO hostile (n, "a""b", "x'; DROP TABLE victim; --", "$1", "A b", "ünï__x", "select", a__gt, _or2, tags, data, seen, span, price, f)
SELECT CASE WHEN g % 7 > 0 THEN g % 5 END, CASE WHEN g % 5 > 0 THEN (ARRAY['x', '''', '\', '%', 'X', ''])[1 + g % 6] END,
	CASE WHEN g % 3 > 0 THEN (ARRAY['x', '''; --', '$$', '_a'])[1 + g % 4] END, CASE WHEN g % 4 > 0 THEN g % 3 END,
	(ARRAY['x', NULL, '''', 'x_'])[1 + g % 4], (ARRAY['ü', NULL, 'x', '%'])[1 + g % 4],
	(enum_range(NULL::mood))[1 + g % 4], g % 3, (ARRAY[true, false, NULL])[1 + g % 3],
	(ARRAY['{}', '{x}', '{"''",x}', NULL])[1 + g % 4]::text[],
	(ARRAY['{}', '{"a": 1}', '{"a": "x", "b''": [1, {"c": null}]}', NULL, '{"a": {"b''": "x"}}', '5'])[1 + g % 6]::jsonb,
	CASE WHEN g % 3 > 0 THEN '2024-01-01 00:00+00'::timestamptz + g * interval '1 day' END,
	(ARRAY['[1,5)', 'empty', NULL])[1 + g % 3]::int4range, CASE WHEN g % 3 > 0 THEN g % 4 + 0.5 END, CASE WHEN g % 3 > 0 THEN g % 4 + 0.5 END
FROM generate_series(1, 60) AS g;

CREATE FUNCTION pick(VARIADIC choices text[]) RETURNS text VOLATILE LANGUAGE sql AS
	'SELECT choices[1 + floor(random() * cardinality(choices))::integer]';
CREATE FUNCTION column_name() RETURNS text VOLATILE LANGUAGE sql AS $f$
	SELECT pick('n', 'a"b', 'x''; DROP TABLE victim; --', '$1', 'A b', 'ünï__x', 'select', 'a__gt', '_or2', 'tags', 'data', 'seen', 'span', 'price', 'f') $f$;
CREATE FUNCTION word() RETURNS text VOLATILE LANGUAGE sql AS $f$
	SELECT pick('eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'in', 'nin', 'is_null', 'between', 'like', 'ilike', 'regex', 'iregex', 'iexact', 'starts_with',
		'istartswith', 'endswith', 'contains', 'icontains', 'contained', 'overlaps', 'has_key', 'has_keys', 'range', 'isnull', 'zz', '') $f$;
CREATE FUNCTION scalar() RETURNS jsonb VOLATILE LANGUAGE sql AS $f$
	SELECT pick('null', 'true', 'false', '0', '1', '-1', '2.5', '1e30', '99999999999999999999', '"x"', '"''"', '"\\"', '"\""', '"%"', '"''; DROP TABLE victim; --"',
		'"$$"', '"NaN"', '"Infinity"', '"[1,3)"', '"{x}"', '"sad"', '"2024-02-01"', '"ü"', '"\u0001"', '"*/"', '"E''\\\\"', '""', '"1"', '"("')::jsonb $f$;

-- any JSON, most of it nearly right
CREATE FUNCTION any_value(depth integer) RETURNS jsonb VOLATILE LANGUAGE plpgsql AS $f$
DECLARE
	r double precision := random();
	result jsonb;
BEGIN
	IF depth <= 0 OR r < 0.45 THEN RETURN scalar(); END IF;
	IF r < 0.6 THEN
		result := '[]';
		FOR i IN 1..floor(random() * 4) LOOP result := result || jsonb_build_array(any_value(depth - 1)); END LOOP;
		RETURN result;
	END IF;
	IF r < 0.65 THEN RETURN jsonb_build_object('_column', column_name()); END IF;
	result := '{}';
	FOR i IN 1..floor(random() * 3) LOOP
		result := result || jsonb_build_object(CASE WHEN random() < 0.8 THEN '_' || word()
			ELSE pick('_and', '_or', '_not', '_path', 'a', 'b''', '') END, any_value(depth - 1));
	END LOOP;
	RETURN result;
END $f$;
CREATE FUNCTION any_condition(depth integer) RETURNS jsonb VOLATILE LANGUAGE plpgsql AS $f$
DECLARE
	result jsonb := '{}';
BEGIN
	FOR i IN 0..floor(random() * 1.5) LOOP
		result := result || CASE floor(random() * 10 + CASE WHEN depth <= 0 THEN 3 ELSE 0 END)
			WHEN 0 THEN jsonb_build_object('_not', any_condition(depth - 1))
			WHEN 1 THEN jsonb_build_object('_and', jsonb_build_array(any_condition(depth - 1), any_condition(depth - 1)))
			WHEN 2 THEN jsonb_build_object('_or', jsonb_build_array(any_condition(depth - 1), any_condition(depth - 1)))
			WHEN 3 THEN jsonb_build_object(column_name() || '__' || word(), any_value(2))
			WHEN 4 THEN jsonb_build_object('data__a__' || word(), any_value(2))
			ELSE jsonb_build_object(column_name(), any_value(2)) END;
	END LOOP;
	RETURN result;
END $f$;
CREATE FUNCTION fuzz(times integer, OUT accepted boolean, OUT refused boolean, OUT bad text) LANGUAGE plpgsql AS $f$
DECLARE
	c jsonb;
	sql text;
	yes bigint;
	no bigint;
	unknown bigint;
	negated bigint;
	state text;
	n integer := 0;
	errors integer := 0;
BEGIN
	FOR i IN 1..times LOOP
		c := any_condition(i % 3);
		sql := NULL;
		BEGIN
			sql := more.condition('hostile', c);
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
			errors := errors + 1;
			-- what was put in is wrong: its values (22), its columns, operators and types
			IF state NOT LIKE '22%' AND state NOT IN ('42703', '42883', '42804') THEN bad := coalesce(bad, concat_ws(' ', state, sqlerrm, c)); END IF;
			CONTINUE;
		END;
		n := n + 1;
		BEGIN
			EXECUTE format('SELECT count(*) FILTER (WHERE %1$s), count(*) FILTER (WHERE NOT %1$s), count(*) FILTER (WHERE (%1$s) IS NULL) FROM hostile', sql)
				INTO yes, no, unknown;
			EXECUTE 'SELECT count(*) FROM hostile WHERE ' || more.condition('hostile', jsonb_build_object('_not', c)) INTO negated;
		EXCEPTION WHEN invalid_regular_expression OR invalid_escape_sequence THEN
			-- a pattern that is a column may be wrong in some row
			IF c::text NOT LIKE '%"_column"%' THEN bad := coalesce(bad, concat_ws(' ', sqlerrm, c)); END IF;
			CONTINUE;
		END;
		IF yes + no + unknown <> 60 OR negated <> no THEN bad := coalesce(bad, concat_ws(' ', 'not a truth value:', c)); END IF;
		-- one boolean expression over the table, the same when it is read again
		IF more.condition('hostile', sql) <> sql THEN bad := coalesce(bad, concat_ws(' ', 'not the same when read again:', c, sql, more.condition('hostile', sql))); END IF;
		IF more.condition_columns('hostile', sql) <> more.condition_columns('hostile', c) THEN bad := coalesce(bad, concat_ws(' ', 'other columns:', c)); END IF;
	END LOOP;
		-- both happen often, so that something was tried
	accepted := n > times / 5;
	refused := errors > times / 5;
END $f$;
\set ECHO all
SELECT * FROM fuzz(2500);

\set ECHO none
-- JSON and the SQL that somebody would write for it, made up together
CREATE FUNCTION json_and_sql(depth integer, OUT j jsonb, OUT s text) VOLATILE LANGUAGE plpgsql AS $f$
DECLARE
	c text := pick('n', '$1', 'a"b', 'x''; DROP TABLE victim; --', 'A b', 'price', 'f');
	number boolean := c IN ('n', '$1', 'price', 'f');
	v text := CASE WHEN number THEN floor(random() * 5)::text ELSE pick('x', '''', '\', '%', 'X', '', '$$', '_a', '''; --') END;
	w text := CASE WHEN number THEN floor(random() * 5)::text ELSE pick('x', '''', '\', '%', 'X', '', '$$', '_a', '''; --') END;
	jv jsonb := CASE WHEN number THEN to_jsonb(v::integer) ELSE to_jsonb(v) END;
	jw jsonb := CASE WHEN number THEN to_jsonb(w::integer) ELSE to_jsonb(w) END;
	a record;
	b record;
	op text;
BEGIN
	IF depth > 0 AND random() < 0.6 THEN
		a := json_and_sql(depth - 1);
		b := json_and_sql(depth - 1);
		CASE floor(random() * 4)
			WHEN 0 THEN j := jsonb_build_object('_and', jsonb_build_array(a.j, b.j)); s := format('(%s AND %s)', a.s, b.s);
			WHEN 1 THEN j := jsonb_build_object('_or', jsonb_build_array(a.j, b.j)); s := format('(%s OR %s)', a.s, b.s);
			WHEN 2 THEN j := jsonb_build_object('_not', a.j); s := format('NOT (%s)', a.s);
			ELSE j := jsonb_build_object('_or', jsonb_build_array(a.j), '_not', b.j); s := format('(%s) AND NOT (%s)', a.s, b.s);
		END CASE;
		RETURN;
	END IF;
	CASE floor(random() * 12)
		WHEN 0 THEN j := jsonb_build_object(c, jv); s := format('%I = %L', c, v);
		WHEN 1 THEN j := jsonb_build_object(c, NULL); s := format('%I IS NULL', c);
		WHEN 2 THEN j := jsonb_build_object(c, jsonb_build_array(jv, jw)); s := format('%I IN (%L, %L)', c, v, w);
		WHEN 3 THEN j := jsonb_build_object(c || '__nin', jsonb_build_array(jv, jw)); s := format('%I NOT IN (%L, %L)', c, v, w);
		WHEN 4 THEN j := jsonb_build_object(c, jsonb_build_object('_between', jsonb_build_array(jv, jw))); s := format('%I BETWEEN %L AND %L', c, v, w);
		WHEN 5 THEN j := jsonb_build_object(c || '__isnull', false); s := format('%I IS NOT NULL', c);
		WHEN 6 THEN j := jsonb_build_object('price', jsonb_build_object('_gt', jsonb_build_object('_column', '$1'))); s := 'price > "$1"';
		WHEN 7 THEN j := jsonb_build_object('A b__contains', to_jsonb(v)); s := format('strpos("A b", %L) > 0', v);
		WHEN 8 THEN j := jsonb_build_object('a"b', jsonb_build_object('_starts_with', to_jsonb(v))); s := format('starts_with("a""b", %L)', v);
		WHEN 9 THEN j := jsonb_build_object('data__a', to_jsonb(v)); s := format('data->''a'' = to_jsonb(%L::text)', v);
		WHEN 10 THEN j := jsonb_build_object(c, jsonb_build_array(jv, NULL)); s := format('(%I = %L OR %1$I IS NULL)', c, v);
		ELSE
			op := pick('lt', 'lte', 'gt', 'gte', 'ne');
			j := jsonb_build_object(c, jsonb_build_object('_' || op, jv));
			s := format('%I %s %L', c, (ARRAY['<', '<=', '>', '>=', '<>'])[array_position('{lt,lte,gt,gte,ne}', op)], v);
	END CASE;
END $f$;
CREATE FUNCTION compare(times integer) RETURNS SETOF text LANGUAGE plpgsql AS $f$
DECLARE
	c record;
	same boolean;
BEGIN
	FOR i IN 1..times LOOP
		c := json_and_sql(3);
		EXECUTE format('SELECT bool_and((%s) IS NOT DISTINCT FROM (%s)) FROM hostile', more.condition('hostile', c.j), c.s) INTO same;
		IF NOT same THEN RETURN NEXT concat_ws(' ', c.j, c.s, more.condition('hostile', c.j)); END IF;
	END LOOP;
END $f$;
\set ECHO all
SELECT * FROM compare(2500);
SELECT count(*) FROM victim;
-- as deep as the stack allows, and no deeper
SELECT length(more.condition('hostile', repeat('{"_not":', 500) || '{"n": 1}' || repeat('}', 500)));
