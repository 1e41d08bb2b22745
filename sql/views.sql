-- Views: auto-updatable ones, with check options, with INSTEAD OF triggers, with rules.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE acc (id integer PRIMARY KEY, name text NOT NULL, age integer DEFAULT 18, region text DEFAULT 'eu');
INSERT INTO acc VALUES (1, 'ann', 31, 'eu'), (2, 'bob', 32, 'us'), (3, 'cid', 33, 'eu');
CREATE VIEW eu AS SELECT age AS years, id, name, upper(name) AS shout FROM acc WHERE region = 'eu';
ALTER VIEW eu ALTER years SET DEFAULT 99;

-- A view has no key of its own.
SELECT more.bulk_update('eu', '[{"id":1,"years":41}]');
SELECT more.bulk_update('eu', '[{"id":1,"years":41},{"id":2,"years":42}]', key => '{id}');
SELECT ordinal, status, result FROM more.bulk_update_returning(NULL::eu, '[{"id":3,"name":"CID"},{"id":2,"name":"x"},{"id":1,"years":null}]', key => '{id}');
-- a view's own default goes first, then the table's
SELECT * FROM more.bulk_insert_returning(NULL::eu, '[{"id":4,"name":"dan"},{"id":5,"name":"eve","years":5}]');
SELECT more.bulk_delete('eu', '[{"id":5},{"id":2}]', key => '{id}');
SELECT * FROM more.rows_in(NULL::eu, '[{"id":1},{"id":2}]', key => '{id}');
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::eu, '[{"id":6,"name":"fay","years":6},{"id":1,"name":"ANN"},{"id":7,"name":"gus"}]', key => '{id}');
SELECT ordinal, status, result FROM more.bulk_get_or_create(NULL::eu, '[{"id":8,"name":"hal"},{"id":1,"name":"no"}]', key => '{id}');
SELECT * FROM more.bulk_sync('eu', '[{"id":1,"name":"ann"},{"id":9,"name":"ida"}]', key => '{id}', condition => 'id <> 4');
SELECT * FROM acc ORDER BY id;

-- a row that a view's table has already is existing
SELECT ordinal, status FROM more.bulk_insert_returning(NULL::eu, '[{"id":1,"name":"no"},{"id":30,"name":"x"}]', 'ignore');
SELECT more.bulk_delete('eu', '[{"id":30}]', key => '{id}');
-- a row that the view hides is in the way: an error, of the server's minor release's choice, not a silent loss
SELECT outcome <> 'no error' AS refused FROM outcome($$SELECT more.bulk_upsert('eu', '[{"id":2,"name":"hidden"}]', key => '{id}')$$) LIMIT 1;
SELECT * FROM outcome($$SELECT more.bulk_get_or_create(NULL::eu, '[{"id":2,"name":"hidden"}]', key => '{id}')$$);
-- an expression's column cannot be written
SELECT * FROM outcome($$SELECT more.bulk_update('eu', '[{"id":1,"shout":"X"}]', key => '{id}')$$);
-- two rows of the data for one row of a view cannot be told apart by "match"
SELECT * FROM outcome($$SELECT more.bulk_update('eu', '[{"id":1,"years":1}]', match => 'target.id = data.id')$$);
SELECT more.bulk_delete('eu', '[{"id":9}]', match => 'target.id = data.id');

-- WITH CHECK OPTION
CREATE VIEW young AS SELECT * FROM acc WHERE age < 30 WITH CHECK OPTION;
SELECT more.bulk_insert('young', '[{"id":20,"name":"x","age":20},{"id":21,"name":"y","age":40}]');
SELECT more.bulk_update('young', '[{"id":4,"age":29}]', key => '{id}');
SELECT more.bulk_insert('young', '[{"id":20,"name":"x","age":20}]');
SELECT more.bulk_update('young', '[{"id":20,"age":30}]', key => '{id}');
SELECT more.bulk_upsert('young', '[{"id":20,"age":31},{"id":22,"name":"z"}]', key => '{id}');
SELECT * FROM young;

-- A view of a view, a security barrier
CREATE VIEW barrier WITH (security_barrier) AS SELECT id, name FROM acc WHERE region <> 'us';
CREATE VIEW outer_view AS SELECT name, id FROM barrier WHERE id < 100;
SELECT * FROM more.bulk_update_returning(NULL::outer_view, '[{"id":1,"name":"through two"},{"id":2,"name":"no"}]', key => '{id}');
SELECT * FROM more.rows_not_in(NULL::outer_view, '[{"id":1}]', key => '{id}') ORDER BY id;

-- INSTEAD OF triggers
CREATE TABLE base (id integer PRIMARY KEY, v text);
INSERT INTO base VALUES (1, 'a'), (2, 'b');
CREATE VIEW joined AS SELECT b.id, b.v, length(b.v) AS len FROM base AS b JOIN (SELECT 1) AS one(x) ON true;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF tg_op = 'INSERT' THEN INSERT INTO base VALUES (new.id, new.v || '+'); new.len := -1;
	ELSIF tg_op = 'UPDATE' THEN
		IF new.v = 'skip' THEN RETURN NULL; END IF;
		UPDATE base SET v = new.v || '*' WHERE id = old.id; new.len := -2;
	ELSE DELETE FROM base WHERE id = old.id; RETURN old;
	END IF;
	RETURN new;
END $$;
CREATE TRIGGER instead INSTEAD OF INSERT OR UPDATE OR DELETE ON joined FOR EACH ROW EXECUTE FUNCTION instead();
SELECT * FROM more.bulk_insert_returning(NULL::joined, '[{"id":4,"v":"d"},{"id":3,"v":"c"}]');
SELECT * FROM more.bulk_update_returning(NULL::joined, '[{"id":1,"v":"A"},{"id":99,"v":"x"},{"id":2,"v":"skip"}]', key => '{id}');
SELECT * FROM more.bulk_upsert_returning(NULL::joined, '[{"id":1,"v":"AA"},{"id":5,"v":"e"}]', key => '{id}');
-- an update that the trigger skips does not become an insert
SELECT * FROM more.bulk_upsert_returning(NULL::joined, '[{"id":2,"v":"skip"},{"id":6,"v":"f"}]', key => '{id}');
SELECT * FROM more.bulk_get_or_create(NULL::joined, '[{"id":5},{"id":7,"v":"g"}]', key => '{id}');
SELECT * FROM more.bulk_delete_returning(NULL::joined, '[{"id":3},{"id":99}]', key => '{id}');
SELECT * FROM more.bulk_sync('joined', '[{"id":1,"v":"AA*"},{"id":2,"v":"B"},{"id":8,"v":"h"}]', key => '{id}');
SELECT * FROM base ORDER BY id;

-- A view that cannot be written says so.
CREATE VIEW grouped AS SELECT region, count(*) AS n FROM acc GROUP BY region;
SELECT * FROM outcome($$SELECT more.bulk_update('grouped', '[{"region":"eu","n":1}]', key => '{region}')$$) LIMIT 2;
SELECT * FROM outcome($$SELECT more.bulk_insert('grouped', '[{"region":"eu","n":1}]')$$) LIMIT 2;
SELECT * FROM more.rows_in(NULL::grouped, '[{"region":"us"}]', key => '{region}');

-- Rules
CREATE TABLE ruled (id integer PRIMARY KEY, v text);
CREATE TABLE rule_log (id integer, what text);
CREATE RULE also AS ON UPDATE TO ruled DO ALSO INSERT INTO rule_log VALUES (old.id, old.v || '->' || new.v);
INSERT INTO ruled VALUES (1, 'a'), (2, 'b');
SELECT more.bulk_update('ruled', '[{"id":1,"v":"x"}]');
SELECT * FROM ruled ORDER BY id;
SELECT * FROM rule_log ORDER BY id;
-- what the server cannot rewrite it refuses
SELECT more.bulk_upsert('ruled', '[{"id":1,"v":"y"}]');
SELECT more.bulk_sync('ruled', '[{"id":1,"v":"y"}]');
SELECT more.bulk_get_or_create(NULL::ruled, '[{"id":3,"v":"y"}]');
SELECT more.bulk_insert('ruled', '[{"id":3,"v":"y"}]', 'ignore');
SELECT more.bulk_insert('ruled', '[{"id":3,"v":"y"}]');
SELECT more.bulk_delete('ruled', '[{"id":2}]');
SELECT * FROM ruled ORDER BY id;
