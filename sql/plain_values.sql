-- Plain numbers, texts and tokens are read on a shorter way than others. It must make no difference: each text is
-- compared with what the server's own input functions and its own JSON parser say of it.
\set ECHO none
\i sql/include/setup.sql
CREATE TABLE plain (id integer PRIMARY KEY, i integer, b bigint, n numeric, n42 numeric(4,2), n30 numeric(3,0), n3m numeric(3,-2), n09 numeric(2,9), t text, v varchar(3));

-- what a value's text becomes: the stored bytes in hex, or the error
CREATE FUNCTION by_server(value text, type text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('INSERT INTO plain (id, %I) SELECT 1, pg_catalog.unnest(ARRAY[$1]::text[])::%s', type,
		(SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'plain'::regclass AND attname = type)) USING value;
	EXECUTE format('SELECT encode(record_send(r), ''hex'') FROM (SELECT %I FROM plain) AS r', type) INTO result;
	DELETE FROM plain;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION by_rowset(value json, type text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	PERFORM more.bulk_insert('plain', format('[{"id": 1, %s: %s}, {"id": 2}]', to_json(type), value)::more.rowset);
	EXECUTE format('SELECT encode(record_send(r), ''hex'') FROM (SELECT %I FROM plain WHERE id = 1) AS r', type) INTO result;
	DELETE FROM plain;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

CREATE TABLE texts (value text);
INSERT INTO texts VALUES
	('0'), ('-0'), ('00'), ('-00'), ('7'), ('-7'), ('+7'), ('007'), (' 7'), ('7 '), ('-'), (''), ('.'), ('-.'), ('.5'), ('5.'), ('-.5'),
	('1-'), ('1-2'), ('--1'), ('1.2.3'), ('1e2'), ('1E-2'), ('1_0'), ('0x10'), ('x'), ('7x'), ('NaN'), ('Infinity'),
	('0.0'), ('0.00'), ('-0.00'), ('0.000'), ('1.5'), ('1.50'), ('1.500'), ('1.005'), ('-1.005'), ('99.99'), ('-99.99'), ('99.995'), ('99.994'),
	('100'), ('100.00'), ('-100'), ('999'), ('1000'), ('9999'), ('10000'), ('12345'), ('99949'), ('99950'), ('123456'), ('00099.9900'), ('0.5'), ('-0.5'), ('0.000000099'),
	('999999999'), ('-999999999'), ('1000000000'), ('2147483647'), ('2147483648'), ('-2147483648'), ('-2147483649'), ('4294967295'),
	('9999999999999999'), ('-9999999999999999'), ('10000000000000000'), ('9223372036854775807'), ('9223372036854775808'), ('-9223372036854775808'),
	('0000000000000000000001'), ('123456789.1234567'), ('1234567890.1234567'), ('0.1234567890123456'), ('1234567890123456.5'), ('0.000000000000001'),
	('100000000.000000000'), ('10000.0001'), ('1000000000000'), ('abc'), ('abcd'), ('a"b'), ('a\b'), ('a' || chr(9) || 'b'), (chr(228) || chr(8364)), ('{"a": [1]}'), ('[1, 2]'), ('true'), ('null');
SELECT value, type, as_json, by_server(value, type), by_rowset(as_json::json, type)
FROM texts, unnest('{i,b,n,n42,n30,n3m,n09,t,v}'::text[]) AS type,
	LATERAL (SELECT to_json(value)::text UNION ALL SELECT value WHERE value ~ '^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$') AS v (as_json)
WHERE by_server(value, type) IS DISTINCT FROM by_rowset(as_json::json, type)
ORDER BY 1, 2, 3;
SELECT count(*) > 100 AS some_are_refused FROM texts, unnest('{i,b,n,n42,n30,n3m,n09,t,v}'::text[]) AS type WHERE by_server(value, type) ~ '^22';

-- what is JSON, and what it says
CREATE FUNCTION is_json(value text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM value::json; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END $$;
CREATE FUNCTION is_rowset(value text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM value::more.rowset; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END $$;
CREATE TABLE tokens (token text);
INSERT INTO tokens VALUES ('0'), ('-0'), ('00'), ('01'), ('-01'), ('-'), ('1.'), ('1.5'), ('.5'), ('1.e5'), ('1e5'), ('1E+5'), ('1e'), ('1a'), ('1_'), ('1-'), ('1"'), ('1 2'), ('1.5.2'), ('-1.50'),
	('1' || chr(228)), ('""'), ('"a"'), ('"a'), ('"a\"b"'), ('"\u0041\n"'), ('"\x"'), ('"\u00"'), ('"\"'), ('"a' || chr(9) || '"'), ('"a' || chr(10) || '"'), ('"' || chr(127) || '"'), ('"' || chr(8364) || '"'),
	('"a""b"'), ('"a"1'), ('true'), ('truex'), ('null'), ('nul'), ('[]'), ('[1,]'), ('[1,2]'), ('{}'), ('{"a":1}'), ('{"a":01}'), ('{"a" 1}'), ('{1:1}'), (''), (','), (':'), ('''a''');
SELECT t.*, is_json(text), is_rowset(text)
FROM tokens, unnest(ARRAY['[{"a":%s}]', '[{"a": %s }]', '{"a":[%s]}', '{"a":[%s' || chr(10) || chr(9) || ',1]}', '[{"a":%s,"b":1}]', '[{%s:1}]', '[{"b":"x",' || chr(10) || '"a"' || chr(13) || ':%s}]']) AS form,
	LATERAL format(form, token) AS t (text)
WHERE is_json(text) <> is_rowset(text);
SELECT '[{"a":1},
 {"a": 01}]'::more.rowset;
SELECT '[{"a":1}
,{"a": "x
y"}]'::more.rowset;
SELECT '[{"a":1},{"a": "x"'::more.rowset;
SELECT ' [ {"a" : 1 ,"b":"" } , { "a":-2.50 } ] '::more.rowset;
