-- Damaged JSON, at random: a rowset takes all that jsonb takes and is a set of rows,
-- refuses the rest with the right codes, and loses nothing.
\set ECHO none
\i sql/include/setup.sql

CREATE FUNCTION damage(s text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	pieces text[] := ARRAY['"', '{', '}', '[', ']', ',', ',', ':', '\', '\u12', '\ud83d', 'null', 'tru', '1e', '-', '0', '9', ' ', E'\n', 'a', 'ä', '😀', '\"', '.5'];
	at integer;
BEGIN
	FOR i IN 1 .. 1 + floor(random() * 3)::integer LOOP
		at := 1 + floor(random() * (length(s) + 1))::integer;
		CASE floor(random() * 3)::integer
			WHEN 0 THEN s := left(s, at - 1) || substr(s, at + 1);
			WHEN 1 THEN s := left(s, at - 1) || pieces[1 + floor(random() * cardinality(pieces))::integer] || substr(s, at);
			ELSE s := left(s, at - 1) || substr(s, at + 1 + floor(random() * 5)::integer);
		END CASE;
	END LOOP;
	RETURN s;
END $$;

DO $$
DECLARE
	seeds text[] := ARRAY[
		'[{"id":1,"v":"a\"b","n":[1,{"x":null}]},{"id":2,"v":null},{"w":-1.5e+3,"id":3,"t":true}]',
		'{"id":[1,2,3],"v":["x",null,{"a":1}],"w":[true,false,1.0]}',
		'[]',
		'[{},{"a":1}]',
		' [ { "k" : "v" } , { "k" : [ ] } ] '];
	s text;
	j jsonb;
	r text;
	state text;
	taken integer := 0;
BEGIN
	PERFORM setseed(0.42);
	FOR i IN 1 .. 20000 LOOP
		s := damage(seeds[1 + floor(random() * cardinality(seeds))::integer]);
		j := NULL;
		r := NULL;
		state := NULL;
		BEGIN
			j := s::jsonb;
		EXCEPTION WHEN OTHERS THEN NULL;
		END;
		BEGIN
			r := s::more.rowset::text;
			taken := taken + 1;
			PERFORM r::json;
		EXCEPTION WHEN OTHERS THEN state := sqlstate;
		END;
		IF r IS NOT NULL AND state IS NOT NULL THEN RAISE NOTICE 'printed what is no JSON: % from %', r, s; END IF;
		IF state NOT IN ('22P02', '22023', '22P05') THEN RAISE NOTICE '% for %', state, s; END IF;
		IF j IS NOT NULL AND state = '22P02' THEN RAISE NOTICE 'refused, but JSON: %', s; END IF;
		IF jsonb_typeof(j) = 'array' AND r IS NOT NULL THEN
			IF r::jsonb <> j THEN RAISE NOTICE '% from %', r, s; END IF;
		END IF;
	END LOOP;
	RAISE NOTICE 'some were taken, some were refused: %', taken BETWEEN 100 AND 10000;
END $$;
