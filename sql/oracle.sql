-- Verbs against their definition: random data, applied by a verb and row by row by plain statements, gives the same table.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE a (x integer, y text, n integer DEFAULT 7, t text DEFAULT 'd', j jsonb, arr integer[], PRIMARY KEY (x, y));
CREATE TABLE b (LIKE a INCLUDING ALL);

-- A random set of rows: each key once, in any order, each other column absent, null or of some value.
CREATE FUNCTION random_rows() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('x', x, 'y', y)
		|| CASE WHEN random() < 0.6 THEN jsonb_build_object('n', CASE WHEN random() < 0.8 THEN floor(random() * 3)::integer END) ELSE '{}' END
		|| CASE WHEN random() < 0.6 THEN jsonb_build_object('t', CASE WHEN random() < 0.8 THEN chr(97 + floor(random() * 3)::integer) END) ELSE '{}' END
		|| CASE WHEN random() < 0.4 THEN jsonb_build_object('j', CASE WHEN random() < 0.8 THEN to_jsonb(floor(random() * 3)) END) ELSE '{}' END
		|| CASE WHEN random() < 0.4 THEN jsonb_build_object('arr', CASE WHEN random() < 0.8 THEN to_jsonb(ARRAY[floor(random() * 3)::integer, NULL]) END) ELSE '{}' END
		ORDER BY random()), '[]')
	FROM generate_series(1, 5) AS x, unnest(ARRAY['p', 'q', 'Q']) AS y WHERE random() < 0.4
$$;

-- What each verb means, for one row of the data; returns whether the row was there.
CREATE FUNCTION plain_update(r jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	UPDATE b SET n = CASE WHEN r ? 'n' THEN (r->>'n')::integer ELSE n END,
		t = CASE WHEN r ? 't' THEN r->>'t' ELSE t END,
		j = CASE WHEN r ? 'j' THEN nullif(r->'j', 'null') ELSE j END,
		arr = CASE WHEN r ? 'arr' THEN (SELECT array_agg(e::text::integer) FROM jsonb_array_elements(CASE WHEN jsonb_typeof(r->'arr') = 'array' THEN r->'arr' END) AS e WHERE e <> 'null') || CASE WHEN jsonb_typeof(r->'arr') = 'array' THEN ARRAY[NULL::integer] END ELSE arr END
	WHERE x = (r->>'x')::integer AND y = r->>'y';
	RETURN found;
END $$;
CREATE FUNCTION plain_insert(r jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO b (x, y) VALUES ((r->>'x')::integer, r->>'y');
	PERFORM plain_update(r);
END $$;

CREATE PROCEDURE compare(rounds integer) LANGUAGE plpgsql AS $$
DECLARE
	data jsonb;
	r jsonb;
	verb text;
	got text;
	expected text;
	done integer;
	made integer;
	gone integer;
	bound integer;
	written integer := 0;
BEGIN
	FOR i IN 1 .. rounds LOOP
		data := random_rows();
		verb := (ARRAY['insert', 'update', 'upsert', 'delete', 'sync', 'get or create', 'in', 'not in', 'missing'])[1 + i % 9];
		done := 0;
		made := 0;
		gone := 0;
		CASE verb
		WHEN 'insert' THEN
			got := more.bulk_insert('a', data, 'ignore');
			FOR r IN SELECT * FROM jsonb_array_elements(data) LOOP
				IF NOT EXISTS (SELECT FROM b WHERE x = (r->>'x')::integer AND y = r->>'y') THEN
					PERFORM plain_insert(r);
					done := done + 1;
				END IF;
			END LOOP;
			expected := done;
		WHEN 'update' THEN
			IF jsonb_path_exists(data, '$[*].keyvalue() ? (@.key != "x" && @.key != "y")') THEN
				got := more.bulk_update('a', data);
				FOR r IN SELECT * FROM jsonb_array_elements(data) LOOP
					done := done + plain_update(r)::integer;
				END LOOP;
				expected := done;
			END IF;
		WHEN 'upsert' THEN
			SELECT string_agg(u.status || u.ordinal, ' ' ORDER BY u.ordinal) INTO got FROM more.bulk_upsert_returning(NULL::a, data) AS u;
			expected := NULL;
			FOR r IN SELECT * FROM jsonb_array_elements(data) LOOP
				done := done + 1;
				IF plain_update(r) THEN
					-- with nothing but keys in all the data there is nothing to update
					expected := concat_ws(' ', expected, CASE WHEN jsonb_path_exists(data, '$[*].keyvalue() ? (@.key != "x" && @.key != "y")') THEN 'updated' ELSE 'unchanged' END || done);
				ELSE
					PERFORM plain_insert(r);
					expected := concat_ws(' ', expected, 'inserted' || done);
				END IF;
			END LOOP;
		WHEN 'delete' THEN
			got := more.bulk_delete('a', data);
			DELETE FROM b USING jsonb_array_elements(data) AS d WHERE x = (d->>'x')::integer AND y = d->>'y';
			GET DIAGNOSTICS done = ROW_COUNT;
			expected := done;
		WHEN 'sync' THEN
			bound := floor(random() * 5);
			SELECT s.inserted || ' ' || s.deleted || ' ' || s.updated + s.unchanged INTO got FROM more.bulk_sync('a', data, condition => 'target.x > ' || bound) AS s;
			DELETE FROM b WHERE x > bound AND NOT EXISTS (SELECT FROM jsonb_array_elements(data) AS d WHERE x = (d->>'x')::integer AND y = d->>'y');
			GET DIAGNOSTICS gone = ROW_COUNT;
			FOR r IN SELECT * FROM jsonb_array_elements(data) LOOP
				IF plain_update(r) THEN
					done := done + 1;
				ELSE
					PERFORM plain_insert(r);
					made := made + 1;
				END IF;
			END LOOP;
			expected := made || ' ' || gone || ' ' || done;
		WHEN 'get or create' THEN
			SELECT string_agg(g.status || (g.result).x || (g.result).y, ' ' ORDER BY g.ordinal) INTO got FROM more.bulk_get_or_create(NULL::a, data) AS g;
			expected := NULL;
			FOR r IN SELECT * FROM jsonb_array_elements(data) LOOP
				IF EXISTS (SELECT FROM b WHERE x = (r->>'x')::integer AND y = r->>'y') THEN
					expected := concat_ws(' ', expected, 'existing' || (r->>'x') || (r->>'y'));
				ELSE
					PERFORM plain_insert(r);
					expected := concat_ws(' ', expected, 'inserted' || (r->>'x') || (r->>'y'));
				END IF;
			END LOOP;
		WHEN 'in' THEN
			SELECT string_agg(m::text, ' ' ORDER BY m.x, m.y) INTO got FROM more.rows_in(NULL::a, data) AS m;
			SELECT string_agg(b::text, ' ' ORDER BY x, y) INTO expected FROM b WHERE (x, y) IN (SELECT (d->>'x')::integer, d->>'y' FROM jsonb_array_elements(data) AS d);
		WHEN 'not in' THEN
			SELECT string_agg(m::text, ' ' ORDER BY m.x, m.y) INTO got FROM more.rows_not_in(NULL::a, data) AS m;
			SELECT string_agg(b::text, ' ' ORDER BY x, y) INTO expected FROM b WHERE (x, y) NOT IN (SELECT (d->>'x')::integer, d->>'y' FROM jsonb_array_elements(data) AS d);
		WHEN 'missing' THEN
			SELECT string_agg(m.x || m.y, ' ') INTO got FROM more.rows_missing(NULL::a, data) AS m;
			SELECT string_agg((d->>'x') || (d->>'y'), ' ' ORDER BY n) INTO expected FROM jsonb_array_elements(data) WITH ORDINALITY AS e(d, n)
			WHERE NOT EXISTS (SELECT FROM b WHERE x = (d->>'x')::integer AND y = d->>'y');
		END CASE;
		written := written + done + made + gone;
		IF got IS DISTINCT FROM expected THEN RAISE NOTICE 'round %, % of %: got %, expected %', i, verb, data, got, expected; END IF;
		IF EXISTS (TABLE a EXCEPT TABLE b) OR EXISTS (TABLE b EXCEPT TABLE a) THEN
			RAISE NOTICE 'round %: tables differ after % of %', i, verb, data;
			TRUNCATE a, b;
		END IF;
	END LOOP;
	RAISE NOTICE 'more rows written than there were rounds: %', written > rounds;
END $$;
SELECT setseed(0.5);
CALL compare(1800);

-- The same with array parameters, on a partitioned table, and with triggers that do nothing.
SET pg_more.rows_source = arrays;
CALL compare(900);
RESET pg_more.rows_source;
DROP TABLE a;
CREATE TABLE a (gone integer, t text DEFAULT 'd', arr integer[], y text, n integer DEFAULT 7, j jsonb, x integer, PRIMARY KEY (y, x)) PARTITION BY LIST (y);
ALTER TABLE a DROP COLUMN gone;
CREATE TABLE a_p PARTITION OF a FOR VALUES IN ('p');
CREATE TABLE a_rest PARTITION OF a DEFAULT;
DROP TABLE b;
CREATE TABLE b (LIKE a INCLUDING ALL);
DISCARD PLANS;
CALL compare(900);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN coalesce(new, old); END';
CREATE TRIGGER nothing BEFORE INSERT OR UPDATE OR DELETE ON a FOR EACH ROW EXECUTE FUNCTION nothing();
CALL compare(900);
