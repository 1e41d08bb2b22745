-- pg_more.rows_source = arrays, as for tables that a distributed engine plans: the same calls give the same results.
\set ECHO none
\i sql/include/setup.sql

CREATE TYPE pair AS (a integer, b text);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE acc (
	id integer PRIMARY KEY, name text COLLATE nocase, code varchar(5) UNIQUE, tags text[], grid integer[], p pair, ps pair[], dom positive,
	m mood, j json, b jsonb, r int4range, n numeric(8,2), c char(3), by bytea, "odd ""name" integer DEFAULT 7, hits integer NOT NULL DEFAULT 0
);
CREATE TABLE results (run text, n serial, what text);

-- Every verb once, with a text of all it returned and of the table after it.
CREATE PROCEDURE all_verbs(run text) LANGUAGE plpgsql AS $$
DECLARE
	call text;
	line text;
BEGIN
	FOREACH call IN ARRAY ARRAY[
		$q$more.bulk_insert('acc', '[{"id":1,"name":"Ann","code":"a","tags":["x","y z",null,""],"grid":[[1,2],[3,null]],"p":{"a":1,"b":"q\"x"},"ps":[{"a":1},null],"dom":5,"m":"ok","j":{"k": 1},"b":{"k": 1},"r":"[1,5)","n":1.005,"c":"z","by":"\\x00ff"},{"id":2,"name":"bob","tags":[],"b":"text","j":null},{"id":3,"name":"cid"}]')$q$,
		$q$more.bulk_insert('acc', '[{"id":4,"name":"dan"},{"id":1,"name":"no"}]', 'ignore')$q$,
		$q$more.bulk_insert_returning(NULL::acc, '[{"id":6,"code":"f"},{"id":5,"code":"e"},{"id":7,"code":"a"}]', 'ignore')$q$,
		$q$more.bulk_update('acc', '[{"id":3,"tags":["n"],"p":{"b":"three"}},{"id":1,"grid":[],"r":null},{"id":99,"tags":[]}]')$q$,
		$q$more.bulk_update_returning(NULL::acc, '[{"id":2,"name":"BOB","m":"sad"},{"id":98},{"id":4,"dom":1,"n":9}]', skip_unchanged => true)$q$,
		$q$more.bulk_update('acc', '[{"name":"ANN","hits":5},{"name":"Cid"}]', key => '{name}', set => '{hits = target.hits + data.hits}')$q$,
		$q$more.bulk_update('acc', '[{"low":1,"high":2,"odd \"name":70}]', match => 'target.id BETWEEN data.low::integer AND data.high::integer', set => ARRAY['odd "name'])$q$,
		$q$more.bulk_upsert('acc', '[{"id":8,"ps":[{"a":8,"b":"h"}],"c":"h"},{"id":1,"hits":50},{"id":9,"name":"ida","m":"happy"}]')$q$,
		$q$more.bulk_upsert_returning(NULL::acc, '[{"code":"k","id":10},{"code":"a","n":2.5},{"code":"e","tags":["e"]}]', key => '{code}')$q$,
		$q$more.bulk_get_or_create(NULL::acc, '[{"id":11,"name":"kim"},{"id":2,"name":"no"}]')$q$,
		$q$more.bulk_sync('acc', '[{"id":8,"c":"h"},{"id":9,"c":"i"},{"id":12,"c":"l"}]', condition => 'target.id BETWEEN 8 AND 20')$q$,
		$q$more.bulk_delete('acc', '[{"id":4},{"id":97}]')$q$,
		$q$more.bulk_delete_returning(NULL::acc, '[{"name":"bob"},{"name":"nobody"}]', match => 'target.name = data.name')$q$,
		$q$more.rows_in(NULL::acc, '[{"id":1},{"id":12},{"id":1},{"id":96}]')$q$,
		$q$more.rows_in(NULL::acc, '[{"p":{"a":1,"b":"q\"x"}}]', key => '{p}')$q$,
		$q$more.rows_in(NULL::acc, '[{"tags":["e"]},{"tags":null}]', key => '{tags}')$q$,
		$q$more.rows_not_in(NULL::acc, '[{"id":1},{"id":3},{"id":5}]')$q$,
		$q$more.rows_missing(NULL::acc, '[{"id":95,"p":{"a":9},"grid":[[1],[2]]},{"id":1},{"id":94,"tags":["z"]}]')$q$,
		$q$more.bulk_update('acc', more.rowset(ARRAY['id','tags','p','n'], ARRAY[1,3], ARRAY[['t','u'],['v',NULL]], ARRAY[(7,'typed'),NULL]::pair[], ARRAY[1.5,NULL]))$q$,
		$q$more.bulk_update('acc', '[]')$q$,
		$q$more.rows_not_in(NULL::acc, '[]')$q$]
	LOOP
		FOR line IN EXECUTE format('SELECT r::text FROM %s AS r ORDER BY 1', call) LOOP
			INSERT INTO results (run, what) VALUES (run, call || E'\n  ' || line);
		END LOOP;
		INSERT INTO results (run, what) SELECT all_verbs.run, string_agg(a::text, E'\n' ORDER BY id) FROM acc AS a;
	END LOOP;
END $$;
CALL all_verbs('relation');
TRUNCATE acc;
ALTER SEQUENCE results_n_seq RESTART;
SET pg_more.rows_source = arrays;
CALL all_verbs('arrays');
RESET pg_more.rows_source;
SELECT n, a.what AS relation, b.what AS arrays
FROM (SELECT * FROM results WHERE run = 'relation') AS a FULL JOIN (SELECT * FROM results WHERE run = 'arrays') AS b USING (n)
WHERE a.what IS DISTINCT FROM b.what ORDER BY n;
SELECT run, count(*) FROM results GROUP BY run ORDER BY run;
SELECT * FROM acc ORDER BY id;

-- Errors are the same as well.
CREATE TABLE errors (run text, n serial, what text);
CREATE PROCEDURE all_errors(run text) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO errors (run, what) SELECT all_errors.run, o FROM unnest(ARRAY[
		$q$SELECT more.bulk_update('acc', '[{"id":1,"n":"x"}]')$q$,
		$q$SELECT more.bulk_update('acc', '[{"id":1,"dom":-1}]')$q$,
		$q$SELECT more.bulk_update('acc', '[{"id":1,"n":1},{"id":1,"n":2}]')$q$,
		$q$SELECT more.bulk_update('acc', '[{"id":1,"n":1}]', match => 'target.id = $1')$q$,
		$q$SELECT more.bulk_update('acc', '[{"id":1,"n":1}]', match => 'target.id = data.nothing')$q$,
		$q$SELECT more.bulk_update('acc', '[{"name":"ann","n":1},{"name":"ANN","n":2}]', match => 'target.name = data.name', set => '{n}')$q$,
		$q$SELECT more.bulk_update('acc', '[{"id":90,"n":1}]', missing => 'error')$q$,
		$q$SELECT more.bulk_insert('acc', '[{"id":1}]')$q$]) AS q, outcome(q) AS o;
END $$;
CALL all_errors('relation');
ALTER SEQUENCE errors_n_seq RESTART;
SET pg_more.rows_source = arrays;
CALL all_errors('arrays');
RESET pg_more.rows_source;
SELECT n, a.what AS relation, b.what AS arrays
FROM (SELECT * FROM errors WHERE run = 'relation') AS a FULL JOIN (SELECT * FROM errors WHERE run = 'arrays') AS b USING (n)
WHERE a.what IS DISTINCT FROM b.what ORDER BY n;
SELECT run, count(*) FROM errors GROUP BY run ORDER BY run;

-- Many rows.
CREATE TABLE many (id integer PRIMARY KEY, v integer, t text);
SET pg_more.rows_source = arrays;
SELECT more.bulk_insert('many', (SELECT json_agg(json_build_object('id', g, 'v', 0, 't', 't' || g) ORDER BY md5(g::text)) FROM generate_series(1, 5000) AS g));
SELECT more.bulk_upsert('many', (SELECT json_agg(json_build_object('id', g, 'v', g) ORDER BY md5(g::text)) FROM generate_series(2501, 7500) AS g));
SELECT count(*), count(*) FILTER (WHERE v = id) AS written, count(*) FILTER (WHERE t = 't' || id) AS kept FROM many;
