-- more.bulk_get_or_create: for each key the row there is, or a new one; all come back, in input order.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE acc (id serial PRIMARY KEY, email text NOT NULL UNIQUE, name text DEFAULT 'nobody', gone integer);
ALTER TABLE acc DROP COLUMN gone;
ALTER TABLE acc ADD COLUMN age integer DEFAULT 18;
INSERT INTO acc (email, name) VALUES ('b@x', 'bob'), ('d@x', 'dan');

SELECT ordinal, status, (result).* FROM more.bulk_get_or_create(NULL::acc, '[{"email":"z@x","name":"zoe"},{"email":"b@x","name":"other"},{"email":"a@x"},{"email":"d@x"}]', key => '{email}');
-- Again: nothing is created, nothing changed, no number used up.
SELECT ordinal, status, (result).* FROM more.bulk_get_or_create(NULL::acc, '[{"email":"z@x","name":"new"},{"email":"b@x","name":"new"},{"email":"a@x"},{"email":"d@x"}]', key => '{email}');
SELECT ordinal, status, (result).* FROM more.bulk_get_or_create(NULL::acc, '[{"email":"e@x","age":null}]', key => '{email}');
SELECT * FROM acc ORDER BY id;
-- By primary key, the columns form, nothing at all.
SELECT ordinal, status, (result).* FROM more.bulk_get_or_create(NULL::acc, '{"id":[50,1],"email":["f@x","q@x"]}');
SELECT * FROM more.bulk_get_or_create(NULL::acc, '[]', key => '{email}');
-- only what is new must be complete
CREATE TABLE strict (id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO strict VALUES (1, 'one');
SELECT * FROM more.bulk_get_or_create(NULL::strict, '[{"id":1}]');
SELECT * FROM more.bulk_get_or_create(NULL::strict, '[{"id":1},{"id":2}]');
-- rows are not locked or written: no update trigger fires
CREATE TRIGGER noted AFTER INSERT OR UPDATE ON strict FOR EACH ROW EXECUTE FUNCTION note_trigger();
SELECT * FROM more.bulk_get_or_create(NULL::strict, '[{"id":2,"name":"two"},{"id":1,"name":"uno"}]');
SELECT what FROM fired ORDER BY n;
-- a row that a trigger keeps back can be neither found nor created
CREATE FUNCTION keep_back() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep_back BEFORE INSERT ON strict FOR EACH ROW WHEN (new.id = 13) EXECUTE FUNCTION keep_back();
SELECT * FROM more.bulk_get_or_create(NULL::strict, '[{"id":12,"name":"twelve"},{"id":13,"name":"thirteen"}]');
SELECT * FROM strict ORDER BY id;
-- several columns
CREATE TABLE pair (a integer, b integer, note text, PRIMARY KEY (a, b));
INSERT INTO pair VALUES (1, 1, 'old');
SELECT ordinal, status, (result).* FROM more.bulk_get_or_create(NULL::pair, '[{"b":2,"a":1},{"b":1,"a":1},{"a":2,"b":1}]');
-- the result can be joined; as with every function, rows that are new are not yet seen by the query around it
SELECT g.status, (g.result).name, a.name AS joined FROM more.bulk_get_or_create(NULL::acc, '[{"email":"b@x"},{"email":"g@x","name":"gus"}]', key => '{email}') AS g
	LEFT JOIN acc AS a ON a.email = (g.result).email ORDER BY ordinal;
-- Many, half of them there.
CREATE TABLE many (id serial PRIMARY KEY, code text UNIQUE);
INSERT INTO many (code) SELECT 'c' || g FROM generate_series(1, 5000) AS g;
SELECT status, count(*), bool_and((result).code = 'c' || (2501 + ordinal - 1)) AS in_order
FROM more.bulk_get_or_create(NULL::many, (SELECT json_agg(json_build_object('code', 'c' || g) ORDER BY g) FROM generate_series(2501, 7500) AS g), key => '{code}')
GROUP BY status ORDER BY status;
SELECT count(*), max(id) FROM many;
