-- Hostile names, a hostile search_path and injected text change nothing.
\set ECHO none
\i sql/include/setup.sql

--
-- Names: quotes, spaces, upper case, 63 bytes, and those that pg_more uses itself
--
CREATE SCHEMA "Sch""ema .";
CREATE TABLE "Sch""ema ."."Ta""ble; DROP" (
	"I d" integer,
	"qu""ote" text,
	"select" integer DEFAULT 1,
	"data" integer DEFAULT 2,
	"target" integer DEFAULT 3,
	"ordinal" integer DEFAULT 4,
	"status" text DEFAULT 's',
	"result" text,
	"#ordinal" integer,
	"#default" integer DEFAULT 5,
	"?1" integer,
	"?2" integer,
	"#1" integer,
	"$1" integer,
	"a1" integer,
	"c1" integer,
	"o" integer,
	"s" integer,
	"noted" integer,
	"sixty_three_bytes_ääääääääääääääääääääääx" integer,
	"back\slash" text,
	"new
line" text,
	PRIMARY KEY ("I d", "qu""ote")
);
CREATE VIEW h AS SELECT * FROM "Sch""ema ."."Ta""ble; DROP" ORDER BY "I d";
\set t '''"Sch""ema ."."Ta""ble; DROP"'''
\set n 'NULL::"Sch""ema ."."Ta""ble; DROP"'
SELECT more.bulk_insert(:t, '[{"I d":1,"qu\"ote":"a","?1":1},{"I d":2,"qu\"ote":"b","?2":2,"#ordinal":22,"data":7,"target":null}]');
SELECT more.bulk_update(:t, '[{"I d":1,"qu\"ote":"a","select":11,"?1":12,"#ordinal":13,"sixty_three_bytes_ääääääääääääääääääääääx":14},
	{"I d":2,"qu\"ote":"b","data":21,"target":22,"ordinal":23,"?2":24,"#default":25,"back\\slash":"\\","new\nline":"n\n"}]');
\pset expanded on
SELECT * FROM h;
\pset expanded off
SELECT more.bulk_upsert(:t, '[{"I d":1,"qu\"ote":"a","a1":1,"c1":2,"o":3,"s":4,"noted":5},{"I d":3,"qu\"ote":"c","$1":1,"#1":2,"result":"r"}]');
SELECT ordinal, status, (result)."I d", (result)."s", (result)."$1", (result).target FROM more.bulk_upsert_returning(:n, '[{"I d":4,"qu\"ote":"d","s":4},{"I d":1,"qu\"ote":"a","s":5,"target":6}]', skip_unchanged => true);
SELECT ordinal, status, (result)."?1", (result)."?2", (result)."#ordinal" FROM more.bulk_update_returning(:n, '[{"?2":1,"?1":2,"I d":4,"qu\"ote":"d"},{"I d":3,"qu\"ote":"c","#ordinal":9}]');
SELECT more.bulk_update(:t, '[{"I d":1,"qu\"ote":"a","data":1,"target":1}]', set => ARRAY['data = data.data + target.data', '"target" = data."target" + target."target"', '"qu""ote" = target."qu""ote" || ''"''']);
SELECT "I d", "qu""ote", data, target FROM h WHERE "I d" = 1;
SELECT "I d" FROM more.rows_in(:n, '[{"qu\"ote":"b","I d":2}]');
SELECT "I d", "s" FROM more.rows_missing(:n, '[{"qu\"ote":"z","I d":2,"s":3}]');
SELECT "I d" FROM more.rows_in(:n, '[{"data":2,"target":3}]', match => 'target.target = data.target AND target.data = data.data') ORDER BY 1;
SELECT (result)."I d", status FROM more.bulk_get_or_create(:n, '[{"qu\"ote":"b","I d":2},{"qu\"ote":"e","I d":5}]');
SELECT * FROM more.bulk_sync(:t, '[{"I d":2,"qu\"ote":"b","?1":0}]', condition => '"I d" > 3 AND target."select" = 1');
SELECT "I d" FROM h;
SELECT more.bulk_delete(:t, '[{"I d":1,"qu\"ote":"a\""},{"I d":2,"qu\"ote":"b"}]');
SELECT "I d" FROM h;
SELECT * FROM outcome($$SELECT more.bulk_update('"Sch""ema ."."Ta""ble; DROP"', '[{"I D":1}]')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('"Sch""ema ."."Ta""ble; DROP"', '[{"I d":1,"qu\"ote":"a","select":"x\" y"}]')$$);

--
-- Tables with names that pg_more uses itself, and temporary ones in front
--
CREATE TABLE "#data" (id integer PRIMARY KEY, v text);
INSERT INTO "#data" VALUES (1, 'one'), (2, 'two');
SELECT more.bulk_update('"#data"', '[{"id":1,"v":"uno"}]');
SELECT more.bulk_upsert('"#data"', '[{"id":1,"v":"eins"},{"id":3,"v":"drei"}]');
SELECT * FROM more.rows_in(NULL::"#data", '[{"id":3}]');
SELECT * FROM "#data" ORDER BY id;
CREATE TABLE "pg_more data" (id integer PRIMARY KEY, v text);
INSERT INTO "pg_more data" VALUES (1, 'one'), (2, 'two');
SELECT more.bulk_update('"pg_more data"', '[{"id":1,"v":"uno"},{"id":3,"v":"tres"}]');
SELECT more.bulk_upsert('"pg_more data"', '[{"id":1,"v":"eins"},{"id":3,"v":"drei"}]', skip_unchanged => true);
SELECT * FROM more.rows_in(NULL::"pg_more data", '[{"id":3},{"id":4}]');
SELECT * FROM more.bulk_sync('"pg_more data"', '[{"id":1,"v":"eins"},{"id":2,"v":"zwei"},{"id":5,"v":"five"}]');
SELECT * FROM "pg_more data" ORDER BY id;
CREATE TABLE acc (id integer PRIMARY KEY, v text);
INSERT INTO acc VALUES (1, 'public');
CREATE TEMP TABLE acc (id integer PRIMARY KEY, v text);
INSERT INTO acc VALUES (1, 'temporary');
SELECT more.bulk_update('public.acc', '[{"id":1,"v":"new"}]');
SELECT * FROM public.acc;
SELECT * FROM pg_temp.acc;
SELECT more.bulk_update('acc', '[{"id":1,"v":"newer"}]');
SELECT * FROM public.acc;
SELECT * FROM pg_temp.acc;
DROP TABLE pg_temp.acc;

--
-- A search_path with false operators, functions and types in front of the server's own
--
CREATE SCHEMA evil;
CREATE FUNCTION evil.always(integer, integer) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil was called''; END';
CREATE FUNCTION evil.always(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil was called''; END';
CREATE FUNCTION evil.always(text, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil was called''; END';
CREATE FUNCTION evil.always(record, record) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil was called''; END';
CREATE OPERATOR evil.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = evil.always);
CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.always);
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.always);
CREATE OPERATOR evil.*<> (LEFTARG = record, RIGHTARG = record, FUNCTION = evil.always);
CREATE FUNCTION evil.unnest(integer[]) RETURNS SETOF integer LANGUAGE sql AS 'SELECT 2';
CREATE FUNCTION evil.unnest(bigint[]) RETURNS SETOF bigint LANGUAGE sql AS 'SELECT 2::bigint';
CREATE FUNCTION evil.unnest(text[]) RETURNS SETOF text LANGUAGE sql AS 'SELECT ''evil''::text';
CREATE FUNCTION evil.count(integer) RETURNS bigint LANGUAGE sql AS 'SELECT 99::bigint';
CREATE FUNCTION evil._note_row(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION evil._noted_row() RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS 'SELECT ''evil''::text';
CREATE DOMAIN evil.int4 AS pg_catalog.int4 CHECK (VALUE < 0);
CREATE DOMAIN evil.int8 AS pg_catalog.int8 CHECK (VALUE < 0);
CREATE DOMAIN evil.text AS pg_catalog.text CHECK (VALUE = 'evil');
CREATE DOMAIN evil.record AS pg_catalog.text CHECK (VALUE = 'evil');
CREATE TABLE goods (id serial PRIMARY KEY, code text DEFAULT lower('DEF'), n bigint DEFAULT 1 + 1, parts integer[]);
CREATE UNIQUE INDEX goods_code ON goods (code) WHERE lower(code) = code;
CREATE TABLE evil.goods (id integer);
SET search_path = evil, pg_catalog, public;
CREATE PROCEDURE public.all_verbs() LANGUAGE plpgsql AS $$
DECLARE
	c bigint;
	r pg_catalog.record;
BEGIN
	c := more.bulk_insert('public.goods', '[{"id":101,"n":1},{"code":"two"},{"id":107,"code":"b","parts":[1,2]}]');
	RAISE NOTICE 'inserted %', c;
	c := more.bulk_update('public.goods', '[{"id":101,"n":10},{"id":107,"code":"seven"}]', skip_unchanged => true);
	RAISE NOTICE 'updated %', c;
	c := more.bulk_update('public.goods', '[{"id":107,"n":1}]', set => '{n = target.n OPERATOR(pg_catalog.+) data.n}', missing => 'error');
	RAISE NOTICE 'updated %', c;
	c := more.bulk_upsert('public.goods', '[{"code":"seven","n":70},{"code":"eight","n":80}]', key => '{code}');
	RAISE NOTICE 'upserted %', c;
	FOR r IN SELECT * FROM more.bulk_upsert_returning(NULL::public.goods, '[{"id":107,"n":71},{"id":109,"n":90,"code":"nine"}]', skip_unchanged => true) LOOP
		RAISE NOTICE '%', r;
	END LOOP;
	FOR r IN SELECT * FROM more.bulk_get_or_create(NULL::public.goods, '[{"id":107},{"id":111,"code":"k"}]') LOOP
		RAISE NOTICE '%', r;
	END LOOP;
	FOR r IN SELECT * FROM more.bulk_sync('public.goods', '[{"id":107,"n":71},{"id":111,"n":0}]', condition => 'id OPERATOR(pg_catalog.>) 108') LOOP
		RAISE NOTICE '%', r;
	END LOOP;
	FOR r IN SELECT * FROM more.rows_in(NULL::public.goods, '[{"id":107},{"id":108}]') ORDER BY id LOOP
		RAISE NOTICE '%', r;
	END LOOP;
	FOR r IN SELECT * FROM more.rows_missing(NULL::public.goods, '[{"id":107},{"id":108}]') LOOP
		RAISE NOTICE '%', r;
	END LOOP;
	FOR r IN SELECT * FROM more.rows_not_in(NULL::public.goods, '[{"id":107},{"id":111}]') ORDER BY id LOOP
		RAISE NOTICE '%', r;
	END LOOP;
	c := more.bulk_delete('public.goods', '[{"id":107}]');
	RAISE NOTICE 'deleted %', c;
END $$;
CALL public.all_verbs();
RESET search_path;
SELECT id, code, n FROM goods ORDER BY code;
-- the same with arrays in place of a relation
TRUNCATE goods RESTART IDENTITY;
SET search_path = evil, pg_catalog, public;
SET pg_more.rows_source = arrays;
CALL public.all_verbs();
RESET search_path;
RESET pg_more.rows_source;
SELECT id, code, n FROM goods ORDER BY code;
-- what the user wrote is read by the user's own path, at each call
SET search_path = evil, pg_catalog, public;
SELECT more.bulk_update('public.goods', '[{"id":101,"n":5}]', set => ARRAY['code = lower(''X'')']);
SELECT code FROM public.goods WHERE id OPERATOR(pg_catalog.=) 101;
SET search_path = public;
SELECT more.bulk_update('public.goods', '[{"id":101,"n":5}]', set => ARRAY['code = lower(''X'')']);
RESET search_path;
SELECT code FROM goods WHERE id = 101;

--
-- Text that tries to be more than an expression
--
CREATE TABLE victim (id integer PRIMARY KEY, v text);
INSERT INTO victim VALUES (1, 'a'), (2, 'b'), (3, 'c');
CREATE TABLE attempts (n serial, arg text, what text);
INSERT INTO attempts (arg, what) VALUES
	('match', 'true) OR (true'),
	('match', 'true; DELETE FROM victim'),
	('match', 'true) RETURNING (1'),
	('match', 'true UNION SELECT true'),
	('match', 'true FROM victim'),
	('match', 'true ORDER BY 1'),
	('match', 'true LIMIT 1'),
	('match', 'true FOR UPDATE'),
	('match', 'true AS x'),
	('match', 'true x'),
	('match', 'true, true'),
	('match', 'DISTINCT true'),
	('match', 'true INTO victim'),
	('match', 'true /* '),
	('match', 'true) --'),
	('match', '*'),
	('match', 'true GROUP BY 1'),
	('match', 'WITH x AS (SELECT 1) SELECT true'),
	('match', 'SELECT true'),
	('set', 'v = ''x'', id = 9'),
	('set', 'v = ''x'' WHERE true --'),
	('set', 'v = ''x'') --'),
	('set', 'v = ''x''; DROP TABLE victim; --'),
	('set', '(v, id) = ROW(''x'', 9)'),
	('set', 'v = ''x'' FROM victim'),
	('set', 'v" = ''x'''),
	('set', 'v=''x'),
	('set', 'v = $$x'),
	('condition', 'true) RETURNING (1'),
	('condition', 'true; DROP TABLE victim'),
	('condition', 'true) OR (true'),
	('condition', 'EXISTS (SELECT FROM data)');
\pset tuples_only on
\pset format unaligned
SELECT arg, what, (SELECT string_agg(o, ' | ') FROM outcome(CASE arg
	WHEN 'match' THEN format('SELECT more.bulk_update(''victim'', ''[{"id":1,"v":"x"}]'', match => %L, set => ''{v}'')', what)
	WHEN 'set' THEN format('SELECT more.bulk_update(''victim'', ''[{"id":1,"v":"x"}]'', set => ARRAY[%L])', what)
	ELSE format('SELECT more.bulk_sync(''victim'', ''[{"id":1,"v":"a"}]'', condition => %L)', what) END) AS o) FROM attempts ORDER BY n;
SELECT * FROM victim ORDER BY id;

-- the names that pg_more gives to things of its own are not the user's to use
CREATE TABLE other (id integer PRIMARY KEY, t text);
CREATE UNIQUE INDEX other_part ON other (id) WHERE t = 'x';
SELECT * FROM outcome(format($$SELECT more.rows_in(NULL::victim, '[{"id":1}]', match => 'target.id = data.id AND "pg_more predicate"."%s"')$$, 'other_part'::regclass::oid));
SELECT * FROM outcome($$SELECT more.rows_in(NULL::goods, '[{"id":1}]', match => 'target.id = data.id OR "pg_more default".id > 0')$$);
SELECT * FROM outcome($$SELECT more.bulk_update('goods', '[{"id":1}]', set => ARRAY['n = "pg_more default".id'])$$);
SELECT * FROM outcome($$SELECT more.bulk_update('victim', '[{"id":1}]', set => ARRAY['v = (SELECT count(*) FROM "pg_more data")'])$$);
-- comments, quotes and line ends inside an expression are harmless
SELECT more.bulk_update('victim', '[{"id":1,"v":"x"}]', match => E'target.id = data.id -- )', set => ARRAY[E'v = ''it''''s'' /* ) */ || E''\\n'' || $q$)$q$ -- ;']);
SELECT more.bulk_update('victim', '[{"id":2,"v":"x"}]', set => ARRAY[E'v = U&''d!0061t!0061'' UESCAPE ''!''']);
SELECT id, to_json(v) FROM victim ORDER BY id;
-- values are values
SELECT more.bulk_update('victim', json_build_array(json_build_object('id', 1, 'v', $q$'; DROP TABLE victim; --$q$)));
SELECT * FROM victim ORDER BY id;
