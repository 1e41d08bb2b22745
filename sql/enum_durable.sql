-- Which commits of more.enum_drop wait for the disk: those of the record, of the label, and of the end; not those of rows and of what is done again.
\set ECHO none
\i sql/include/setup.sql
SET synchronous_commit = on;
SET client_min_messages = warning;

-- A deferred trigger runs in the commit.
CREATE TABLE noted (id integer GENERATED ALWAYS AS IDENTITY, state text, step text, retired text, waits boolean);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.noted (state, step, retired, waits)
		VALUES (new.state, new.step, new.arguments ->> 'retired', current_setting('synchronous_commit') = 'on');
	RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON more.enum_changes DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION note();

-- rows that others refer to are deleted when the value has been retired: then it gets another reserved label
CREATE TYPE kind AS ENUM ('a', 'b', 'c');
CREATE TABLE parent (k kind PRIMARY KEY);
CREATE TABLE child (id integer PRIMARY KEY, k kind REFERENCES parent);
INSERT INTO parent VALUES ('a'), ('b'), ('c');
INSERT INTO child SELECT i, (enum_range(NULL::kind))[1 + i % 3] FROM generate_series(1, 30) AS i;
CALL more.enum_drop('kind', 'b', 'cascade');
DROP TRIGGER note ON more.enum_changes;

SELECT state, retired, bool_or(step IS NOT DISTINCT FROM 'retired') AS retires, bool_and(waits) AS waits
	FROM noted JOIN (SELECT min(id) AS id FROM noted GROUP BY state, retired, step IS NOT DISTINCT FROM 'retired') AS first USING (id)
	GROUP BY id, state, retired ORDER BY id;
SELECT step, bool_or(waits) AS waits FROM noted WHERE step IN ('migrate', 'indexes', 'statistics') GROUP BY 1 ORDER BY 1;
SELECT k, count(*) FROM child GROUP BY 1 ORDER BY 1;
TABLE parent ORDER BY 1;
