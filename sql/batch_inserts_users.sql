-- Rows that bulk_insert writes one by one, as operators, casts and operator classes of users run between two of them.
\set ECHO none
\i sql/include/setup.sql

-- caches of the catalog grow beforehand: growth is told at level debug1, too
SELECT bool_and(amvalidate(oid)) AS valid FROM pg_opclass \gset
CREATE FUNCTION ins(target regclass, data json) RETURNS bigint LANGUAGE sql SET client_min_messages = debug1
	AS 'SELECT more.bulk_insert(target, data::more.rowset)';
CREATE FUNCTION numbers(first integer, last integer) RETURNS json LANGUAGE sql
	AS 'SELECT json_agg(json_build_object(''id'', g, ''v'', ''v'' || g)) FROM generate_series(first, last) AS g';
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE told (id integer, v text);
CREATE FUNCTION told_there() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM public.told); END';

-- Text || anything casts to text, by a user's function that only the function of the operator calls
CREATE TABLE texts (id integer, v text, m mood DEFAULT 'ok');
CREATE FUNCTION mood_text(mood) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.told_there(); END';
CREATE CAST (mood AS text) WITH FUNCTION mood_text(mood);
ALTER TABLE texts ADD CONSTRAINT c CHECK (length('x' || m) > 0);
SELECT ins('texts', numbers(1, 30));
ALTER TABLE texts DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (length(m || 'x') > 0);
SELECT ins('texts', numbers(1, 30));
DROP CAST (mood AS text);
SELECT ins('texts', numbers(1, 30));

-- Operators whose functions are not in C, in a constraint, an index and its predicate, a generated column and a default; in an index, one in SQL is put in its place
CREATE FUNCTION sql_same(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
CREATE FUNCTION told_less(integer, integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.told_there() < $2; END';
CREATE FUNCTION plus_there(text, integer) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 || (public.told_there() + $2); END';
CREATE OPERATOR ==== (LEFTARG = text, RIGHTARG = text, FUNCTION = sql_same);
CREATE OPERATOR <<< (LEFTARG = integer, RIGHTARG = integer, FUNCTION = told_less);
CREATE OPERATOR +@ (LEFTARG = text, RIGHTARG = integer, FUNCTION = plus_there);
CREATE TABLE o1 (id integer, v text CHECK (NOT v ==== 'x')); CREATE TABLE o2 (id integer CHECK (id <<< 1000), v text);
CREATE TABLE o3 (id integer, v text); CREATE INDEX ON o3 ((v ==== 'x')); CREATE TABLE o4 (id integer, v text); CREATE INDEX ON o4 (id) WHERE id <<< 1000;
CREATE TABLE o5 (id integer, v text, w text GENERATED ALWAYS AS (v +@ 1) STORED); CREATE TABLE o6 (id integer, v text, w text DEFAULT current_user::text +@ 1);
CREATE TABLE o7 (id integer, v text CHECK (v OPERATOR(public.====) ANY (ARRAY['v1', v]))); CREATE TABLE o8 (id integer, v text, EXCLUDE USING btree (id WITH =));
SELECT ins('o1', numbers(1, 30)), ins('o2', numbers(1, 30)), ins('o3', numbers(1, 30)), ins('o4', numbers(1, 30)),
	ins('o5', numbers(1, 30)), ins('o6', numbers(1, 30)), ins('o7', numbers(1, 30));
SELECT ins('o8', numbers(1, 30));
SELECT count(*) FILTER (WHERE o2.id <<< 1000), count(DISTINCT w) FROM o2 JOIN o5 USING (id);

-- A user's operators by default, for elements of an array that has the server's own: what they see of the table is the same with batches off
CREATE TABLE compared (n bigint);
CREATE TABLE arrays (id integer, ms mood[]);
CREATE FUNCTION compare_moods(mood, mood) RETURNS integer LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.compared SELECT count(*) FROM public.arrays; RETURN enum_cmp($1, $2); END';
CREATE FUNCTION moods(first integer, last integer) RETURNS json LANGUAGE sql
	AS 'SELECT json_agg(json_build_object(''id'', g, ''ms'', ARRAY[CASE g % 3 WHEN 0 THEN ''sad'' ELSE ''ok'' END])) FROM generate_series(first, last) AS g';
CREATE INDEX ON arrays (ms);
SELECT ins('arrays', moods(1, 30));
CREATE OPERATOR CLASS mood_ops DEFAULT FOR TYPE mood USING btree AS FUNCTION 1 compare_moods(mood, mood);
TRUNCATE arrays;
SELECT ins('arrays', moods(1, 30));
SELECT count(DISTINCT n), min(n), max(n) FROM compared;
CREATE TABLE seen AS TABLE compared; TRUNCATE arrays, compared; SET pg_more.batch_inserts = off;
SELECT ins('arrays', moods(1, 30));
RESET pg_more.batch_inserts;
SELECT count(*) FROM (TABLE compared EXCEPT ALL TABLE seen UNION ALL (TABLE seen EXCEPT ALL TABLE compared)) AS x;
-- ... in a constraint, by GREATEST, as a GIN index's; not where that class is gone; a class for the array itself
DROP INDEX arrays_ms_idx; CREATE TABLE a1 (id integer, ms mood[], CHECK (ms <> '{}')); CREATE TABLE a2 (id integer, ms mood[], m mood DEFAULT 'ok' CHECK (greatest(m, 'sad') = 'ok'));
CREATE TABLE a3 (id integer, ms mood[]); CREATE INDEX ON a3 USING gin (ms);
SELECT ins('a1', moods(1, 30)), ins('a2', moods(1, 30)), ins('a3', moods(1, 30));
DROP OPERATOR FAMILY mood_ops USING btree;
SELECT ins('arrays', moods(31, 60));
CREATE FUNCTION compare_arrays(mood[], mood[]) RETURNS integer LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.compared SELECT count(*) FROM public.arrays; RETURN btarraycmp($1, $2); END';
CREATE OPERATOR CLASS moods_ops DEFAULT FOR TYPE mood[] USING btree AS FUNCTION 1 compare_arrays(mood[], mood[]);
TRUNCATE arrays; CREATE INDEX ON arrays (ms);
SELECT ins('arrays', moods(61, 90));

-- Types of the server's that have no default operators of its own: elements of arrays, a class in a family of the server's with its functions, or with none
-- of its own but the operators; rows that compare, and a list that hashes, by a user's family
CREATE FUNCTION compare_points(point, point) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.told_there() * 0; END';
CREATE FUNCTION less_point(point, point) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.told_there() < 0; END';
CREATE OPERATOR <<< (LEFTARG = point, RIGHTARG = point, FUNCTION = less_point); CREATE OPERATOR >>> (LEFTARG = point, RIGHTARG = point, FUNCTION = less_point);
CREATE FUNCTION compare_boxes(box, box) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.told_there() * 0 - 1; END';
CREATE FUNCTION hash_box(box) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.told_there() * 0; END';
CREATE FUNCTION points(first integer, last integer) RETURNS json LANGUAGE sql
	AS 'SELECT json_agg(json_build_object(''id'', g, ''p'', point(g, g)::text, ''ps'', ARRAY[point(g, g)::text], ''b'', box(point(g, g), point(0, 0))::text)) FROM generate_series(first, last) AS g';
CREATE TABLE p1 (id integer, p point, ps point[], b box);
SELECT ins('p1', points(1, 30));
CREATE OPERATOR CLASS points_ops DEFAULT FOR TYPE point USING btree AS FUNCTION 1 compare_points(point, point);
CREATE INDEX ON p1 (ps);
SELECT ins('p1', points(31, 60));
DROP INDEX p1_ps_idx; DROP OPERATOR FAMILY points_ops USING btree;
CREATE OPERATOR CLASS points_ops FOR TYPE point USING btree FAMILY pg_catalog.text_ops AS FUNCTION 1 compare_points(point, point);
CREATE INDEX ON p1 (p points_ops);
SELECT ins('p1', points(31, 60));
DROP INDEX p1_p_idx; DROP OPERATOR CLASS points_ops USING btree;
CREATE OPERATOR CLASS points_ops FOR TYPE point USING brin FAMILY pg_catalog.text_minmax_ops AS OPERATOR 1 <<<, OPERATOR 5 >>>,
	FUNCTION 1 brin_minmax_opcinfo(internal), FUNCTION 2 brin_minmax_add_value(internal, internal, internal, internal),
	FUNCTION 3 brin_minmax_consistent(internal, internal, internal), FUNCTION 4 brin_minmax_union(internal, internal, internal);
CREATE INDEX ON p1 USING brin (p points_ops);
SELECT ins('p1', points(31, 60));
DROP INDEX p1_p_idx; DROP OPERATOR CLASS points_ops USING brin;
CREATE OPERATOR CLASS boxes_ops FOR TYPE box USING btree AS OPERATOR 1 <, FUNCTION 1 compare_boxes(box, box);
ALTER TABLE p1 ADD CONSTRAINT c CHECK ((b, id) < (box '((99,99),(0,0))', 99));
SELECT ins('p1', points(31, 60));
ALTER TABLE p1 DROP CONSTRAINT c, ADD d boolean DEFAULT (box(point(extract(epoch FROM now())::float8, 0), point(0, 0)) = ANY (ARRAY[box '1,1,0,0', '1,2,0,0', '1,3,0,0', '1,4,0,0', '1,5,0,0', '1,6,0,0', '1,7,0,0', '1,8,0,0', '1,9,0,0']));
SELECT ins('p1', points(31, 60));
CREATE OPERATOR CLASS boxes_hash FOR TYPE box USING hash AS OPERATOR 1 =, FUNCTION 1 hash_box(box);
SELECT ins('p1', points(61, 90));
