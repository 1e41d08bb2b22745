-- Files known by two hashes, and a client with a list of hashes: which are there, which are missing, create those, and have
-- all of them back, each in one statement. The list is a query of literal rows; queries attached to others become WITH.
\set ECHO none
\i sql/include/setup.sql

CREATE TABLE file (
	id serial PRIMARY KEY,
	md5 text NOT NULL,
	sha2 text NOT NULL,
	size bigint,
	seen integer NOT NULL DEFAULT 1,
	UNIQUE (md5, sha2));
INSERT INTO file (md5, sha2, size) SELECT md5(i::text), encode(sha256(i::text::bytea), 'hex'), i * 10 FROM generate_series(1, 6) AS i;

-- The client's list: 2 and 5 are known, 7 and 8 are not, and one has the hash of one file and the other hash of another.
CREATE FUNCTION hashes(VARIADIC numbers integer[]) RETURNS more.rowset LANGUAGE sql AS $$
	SELECT json_agg(json_build_object('md5', md5(n::text), 'sha2', encode(sha256(n::text::bytea), 'hex')))::more.rowset FROM unnest(numbers) AS n $$;
CREATE FUNCTION wanted(VARIADIC numbers integer[]) RETURNS more.query LANGUAGE sql AS
	$$ SELECT more.literal(hashes(VARIADIC numbers), 'file') $$;
-- What a hash is the hash of, to read the results by.
CREATE FUNCTION n(md5 text) RETURNS integer LANGUAGE sql AS $$ SELECT i FROM generate_series(0, 99) AS i WHERE md5(i::text) = $1 $$;

SELECT n(r ->> 'md5'), r - 'md5' - 'sha2' AS more FROM more.rows(wanted(2, 7)) AS r;
SELECT name, type FROM more.columns(wanted(2, 7));

-- ---------------------------------------------------------------------------
-- Match
-- ---------------------------------------------------------------------------
CREATE FUNCTION matching(list more.query) RETURNS more.query LANGUAGE sql AS $$
	SELECT more.join_with(more.from_table('file'), 'wanted', list, 'md5 = wanted.md5 AND sha2 = wanted.sha2', 'semi') $$;
SELECT r ->> 'id' AS id, n(r ->> 'md5') FROM more.rows(more.order_by(matching(wanted(5, 7, 2, 8)), 'id')) AS r;
SELECT f.id, f.size FROM more.fetch(matching(wanted(5, 7, 2, 8)), NULL::file) AS f ORDER BY id;
SELECT more.count(matching(wanted(5, 7, 2, 8))), more.exists(matching(wanted(7, 8))), more.first(more.pick(matching(wanted(5)), 'id'));
-- both hashes must be those of one file
SELECT more.count(matching(more.literal(json_build_array(json_build_object('md5', md5('1'), 'sha2', encode(sha256('2'), 'hex'))), 'file')));
-- a list that has a file twice finds it once; an inner join, twice
SELECT more.count(matching(wanted(3, 3))), more.count(more.join_with(more.from_table('file'), 'wanted', wanted(3, 3), 'md5 = wanted.md5 AND sha2 = wanted.sha2'));
SELECT more.count(matching(more.literal('[]', 'file')));

-- As WITH: the list is attached under a name, and whatever reads that name reads the list.
SELECT more.sql(more.filter(more.attach(more.from_table('file'), 'wanted', 'VALUES (''x'', ''y'')'::more.query), '(md5, sha2) IN (SELECT * FROM wanted)'));
SELECT more.count(more.filter(more.attach(more.from_table('file'), 'wanted', wanted(2, 5, 7)), '(md5, sha2) IN (SELECT md5, sha2 FROM wanted)'));
SELECT more.count(more.filter(more.attach('SELECT f.* FROM file AS f JOIN wanted AS w ON w.md5 = f.md5 AND w.sha2 = f.sha2'::more.query, 'wanted', wanted(2, 5, 7)), 'size > 20'));
SELECT more.count(more.attach('SELECT f.* FROM file AS f JOIN wanted USING (md5, sha2)'::more.query, 'wanted', wanted(2, 5, 7), materialized => true)),
	more.count(more.attach('SELECT f.* FROM file AS f JOIN wanted USING (md5, sha2)'::more.query, 'wanted', wanted(2, 5, 7), materialized => false));

-- ---------------------------------------------------------------------------
-- Match or missing
-- ---------------------------------------------------------------------------
CREATE FUNCTION match_or_missing(list more.query) RETURNS more.query LANGUAGE sql AS $$
	SELECT more.pick(more.join_with(list, 'f', more.from_table('file'), 'md5 = f.md5 AND sha2 = f.sha2', 'left'), 'md5', 'sha2', 'f.id', 'f.size') $$;
SELECT n(r ->> 'md5'), r -> 'id' AS id, r -> 'size' AS size FROM more.rows(match_or_missing(wanted(5, 7, 2, 8))) AS r ORDER BY 1;
SELECT n(r ->> 'md5') FROM more.rows(more.filter(match_or_missing(wanted(5, 7, 2, 8)), 'id IS NULL')) AS r ORDER BY 1;
CREATE FUNCTION missing(list more.query) RETURNS more.query LANGUAGE sql AS $$
	SELECT more.join_with(list, 'f', more.from_table('file'), 'md5 = f.md5 AND sha2 = f.sha2', 'anti') $$;
SELECT n(r ->> 'md5') FROM more.rows(missing(wanted(5, 7, 2, 8))) AS r ORDER BY 1;

-- ---------------------------------------------------------------------------
-- Create what does not exist, and return all, in one statement
-- ---------------------------------------------------------------------------
CREATE FUNCTION match_or_create(list more.query) RETURNS more.query LANGUAGE sql AS $$
	WITH created AS (
		SELECT more.returning(more.as_insert(more.order_by(more.attach(missing('SELECT * FROM wanted'::more.query), 'wanted', list), 'md5'), 'file'), 'id', 'md5', 'sha2', 'size') AS q
	), found AS (
		SELECT more.pick(more.attach(matching('SELECT * FROM wanted'::more.query), 'wanted', list), 'id', 'md5', 'sha2', 'size') AS q
	)
	SELECT more.combine('union all', more.annotate(found.q, 'created', 'false'),
		more.annotate(more.attach('SELECT * FROM created'::more.query, 'created', created.q), 'created', 'true'))
	FROM created, found $$;
-- What is sent: the list is there once.
SELECT more.sql(match_or_create('SELECT ''a'' AS md5, ''b'' AS sha2'::more.query), pretty => true);
BEGIN;
SELECT r -> 'id' AS id, n(r ->> 'md5'), r -> 'size' AS size, r -> 'created' AS created FROM more.rows(match_or_create(wanted(5, 7, 2, 8))) AS r ORDER BY 2;
SELECT id, n(md5), size, seen FROM file ORDER BY id;
-- again: nothing is created
SELECT r -> 'id' AS id, n(r ->> 'md5'), r -> 'created' AS created FROM more.rows(match_or_create(wanted(5, 7, 2, 8))) AS r ORDER BY 2;
SELECT count(*) FROM file;
ROLLBACK;
-- Nothing was written by composing it, nor by asking what it is.
SELECT more.sql(match_or_create(wanted(9))) IS NOT NULL AS sql, more.parts(match_or_create(wanted(9))) IS NOT NULL AS parts, count(*) FROM file GROUP BY 1, 2;
SELECT name, type FROM more.columns(match_or_create(wanted(9)));
SELECT count(*) FROM file;
-- its SQL sent as a statement does the same
BEGIN;
SELECT more.sql(match_or_create(wanted(1, 9))) AS statement \gset
:statement \g /dev/null
SELECT count(*) FROM file;
SELECT more.execute(match_or_create(wanted(1, 9, 10)));
SELECT count(*) FROM file;
ROLLBACK;
-- the same as bulk_get_or_create
BEGIN;
SELECT status, n((result).md5) FROM more.bulk_get_or_create(NULL::file, hashes(5, 7, 2, 8), '{md5,sha2}') ORDER BY 2;
ROLLBACK;

-- By hand, all of it attached under names. What an insert reads is attached before, since the insert asks for its columns.
CREATE FUNCTION found(list more.query) RETURNS more.query LANGUAGE sql AS
	$$ SELECT more.attach('SELECT f.* FROM file AS f JOIN wanted USING (md5, sha2)'::more.query, 'wanted', list) $$;
CREATE FUNCTION made(list more.query) RETURNS more.query LANGUAGE sql AS $$
	SELECT more.returning(more.as_insert(more.attach(more.attach('SELECT md5, sha2 FROM wanted EXCEPT SELECT md5, sha2 FROM found'::more.query,
		'wanted', list), 'found', found(list)), 'file'), 'id', 'md5') $$;
CREATE FUNCTION by_hand(list more.query) RETURNS more.query LANGUAGE sql AS $$
	SELECT more.attach(more.attach(more.attach(
		'SELECT id, md5, false AS created FROM found UNION ALL SELECT id, md5, true FROM made'::more.query,
		'wanted', list), 'found', found(list)), 'made', made(list)) $$;
SELECT more.sql(by_hand('SELECT ''a'' AS md5, ''b'' AS sha2'::more.query));
BEGIN;
SELECT n(r ->> 'md5'), r -> 'created' AS created FROM more.rows(by_hand(wanted(1, 2, 3, 11))) AS r ORDER BY 1;
-- refined like any other: only what was made, in order
SELECT n(r ->> 'md5') FROM more.rows(more.slice(more.order_by(more.filter(by_hand(wanted(1, 12, 13, 14)), 'created'), 'md5'), 0, 2)) AS r;
SELECT count(*) FROM file;
ROLLBACK;

-- ---------------------------------------------------------------------------
-- Different new values for many rows; the rows that are gone
-- ---------------------------------------------------------------------------
BEGIN;
SELECT n(r ->> 'md5'), r -> 'size' AS size, r -> 'seen' AS seen FROM more.rows(more.returning(more.as_update(
	more.literal('[{"id":1,"size":111},{"id":4,"size":444},{"id":77,"size":1}]', 'file'), 'file', ARRAY['size', 'seen = target.seen + 1']), 'md5', 'size', 'seen')) AS r ORDER BY 1;
SELECT n(r ->> 'md5') FROM more.rows(more.returning(more.as_delete(wanted(1, 4, 50), 'file', 'target.md5 = data.md5 AND target.sha2 = data.sha2'), 'md5')) AS r ORDER BY 1;
SELECT id, size, seen FROM file ORDER BY id;
ROLLBACK;
-- files that were found are counted, in the statement that finds and creates
BEGIN;
SELECT n(r ->> 'md5'), r -> 'seen' AS seen FROM more.rows(more.combine('union all',
	more.attach('SELECT md5, seen FROM counted'::more.query, 'counted',
		more.returning(more.as_update(wanted(2, 3, 15), 'file', ARRAY['seen = target.seen + 1'], 'target.md5 = data.md5 AND target.sha2 = data.sha2'), 'md5', 'seen')),
	more.attach('SELECT md5, seen FROM made'::more.query, 'made', more.returning(more.as_insert(missing(wanted(2, 3, 15)), 'file'), 'md5', 'seen')))) AS r ORDER BY 1;
ROLLBACK;
-- on conflict: nothing, where the server finds that it is there
BEGIN;
SELECT n(r ->> 'md5') FROM more.rows(more.returning(more.as_insert(wanted(1, 16), 'file', 'ignore'), 'md5')) AS r;
SELECT more.execute(more.as_insert(wanted(1, 16, 17), 'file', on_conflict => 'ignore'));
ROLLBACK;

-- ---------------------------------------------------------------------------
-- Parents and children that do not exist yet
-- ---------------------------------------------------------------------------
CREATE TABLE folder (id serial PRIMARY KEY, name text UNIQUE);
CREATE TABLE entry (id serial PRIMARY KEY, folder_id integer NOT NULL REFERENCES folder, file_id integer NOT NULL REFERENCES file, name text);
INSERT INTO folder (name) VALUES ('etc');
CREATE FUNCTION listing() RETURNS more.query LANGUAGE sql AS $$
	SELECT 'SELECT d.folder, d.name, md5(d.n::text) AS md5, encode(sha256(d.n::text::bytea), ''hex'') AS sha2
		FROM (VALUES (''etc'', ''passwd'', 1), (''etc'', ''hosts'', 20), (''bin'', ''ls'', 2), (''bin'', ''cat'', 21)) AS d (folder, name, n)'::more.query $$;
CREATE FUNCTION new_folder() RETURNS more.query LANGUAGE sql AS $$
	SELECT more.returning(more.as_insert(more.distinct_on(more.pick(more.annotate(more.join_with(more.attach('SELECT folder FROM listing'::more.query, 'listing', listing()),
		'f', more.from_table('folder'), 'folder = f.name', 'anti'), 'name', 'folder'), 'name')), 'folder'), 'id', 'name') $$;
CREATE FUNCTION new_file() RETURNS more.query LANGUAGE sql AS
	$$ SELECT more.returning(more.as_insert(more.attach(missing('SELECT md5, sha2 FROM listing'::more.query), 'listing', listing()), 'file'), 'id', 'md5', 'sha2') $$;
CREATE FUNCTION store() RETURNS more.query LANGUAGE sql AS $$
	SELECT more.returning(more.as_insert(more.attach(more.attach(more.attach(more.attach(
		'SELECT f.id AS folder_id, x.id AS file_id, l.name FROM listing AS l
			JOIN (SELECT id, name FROM folder UNION ALL SELECT id, name FROM new_folder) AS f ON f.name = l.folder
			JOIN (SELECT id, md5, sha2 FROM file UNION ALL SELECT id, md5, sha2 FROM new_file) AS x USING (md5, sha2)'::more.query,
		'listing', listing()), 'new_folder', new_folder()), 'new_file', new_file()), 'unused', 'SELECT 1'::more.query),
		'entry'), 'id', 'folder_id', 'file_id', 'name') $$;
SELECT r - 'id' - 'folder_id' - 'file_id' AS entry FROM more.rows(store()) AS r ORDER BY r ->> 'name';
SELECT f.name, e.name, n(x.md5) FROM entry AS e JOIN folder AS f ON f.id = folder_id JOIN file AS x ON x.id = file_id ORDER BY 1, 2;

-- ---------------------------------------------------------------------------
-- Kept in a table, sent to another session, run by another role
-- ---------------------------------------------------------------------------
CREATE TABLE report (name text PRIMARY KEY, q more.query);
INSERT INTO report VALUES ('match', matching(wanted(2, 5, 7))), ('missing', missing(wanted(2, 5, 7))), ('create', match_or_create(wanted(2, 18)));
CREATE TABLE report_again (LIKE report);
INSERT INTO report_again SELECT name, q::text::more.query FROM report;
SELECT name, more.sql(a.q) = more.sql(b.q) AS same FROM report AS a JOIN report_again AS b USING (name) ORDER BY name;
SELECT name, more.count(q) FROM report_again WHERE name <> 'create' ORDER BY name;
CREATE ROLE regress_query_reader;
GRANT SELECT ON report TO regress_query_reader;
SET ROLE regress_query_reader;
SELECT outcome('SELECT more.count(q) FROM report WHERE name = ''match''');
RESET ROLE;
GRANT SELECT ON file TO regress_query_reader;
SET ROLE regress_query_reader;
SELECT more.count(q) FROM report WHERE name = 'match';
SELECT outcome('SELECT more.execute(q) FROM report WHERE name = ''create''');
RESET ROLE;
DROP OWNED BY regress_query_reader;
DROP ROLE regress_query_reader;
-- checked again when it runs
ALTER TABLE file RENAME TO files;
SELECT outcome('SELECT more.count(q) FROM report WHERE name = ''match''');
ALTER TABLE files RENAME TO file;
SELECT more.count(q) FROM report WHERE name = 'match';
