-- The demo's source packages, with the packages that each is built into and what these depend on.

CREATE SCHEMA archive;
CREATE TABLE archive.maintainer (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL UNIQUE);
CREATE TABLE archive.source (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL UNIQUE,
	maintainer_id bigint NOT NULL REFERENCES archive.maintainer);
CREATE TABLE archive.package (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	source_id bigint NOT NULL REFERENCES archive.source,
	name text NOT NULL,
	version text NOT NULL,
	size bigint,
	UNIQUE (source_id, name));
CREATE TABLE archive.dependency (
	package_id bigint REFERENCES archive.package,
	n integer,
	name text NOT NULL,
	version text,
	instead text,
	PRIMARY KEY (package_id, n));

-- A package's dependencies in the order of its entry: "name (version) | instead".
CREATE TABLE depends AS
SELECT o.source, o.name AS package, d.n, btrim(p[1]) AS name, nullif(btrim(p[2]), '') AS version, nullif(btrim(p[3]), '') AS instead
FROM old_list AS o, string_to_table(o.depends, ',') WITH ORDINALITY AS d (text, n),
	regexp_match(d.text, '^([^(|]*)(?:\(([^)]*)\))?[^|]*(?:\|(.*))?$') AS p;

-- As a client has them: a document for each source.
CREATE INDEX ON depends (source, package);
ANALYZE depends;
CREATE TABLE documents AS
SELECT o.source AS name, jsonb_build_object('name', min(o.maintainer), '_match', ARRAY['name']) AS maintainer,
	jsonb_agg(jsonb_build_object('name', o.name, 'version', o.version, 'size', o.size, 'dependency', d.list) ORDER BY o.name) AS package
FROM (SELECT DISTINCT ON (source, name) * FROM old_list ORDER BY source, name, architecture) AS o,
	LATERAL (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('n', d.n, 'name', d.name, 'version', d.version, 'instead', d.instead)) ORDER BY d.n), '[]') AS list
		FROM depends AS d WHERE d.source = o.source AND d.package = o.name) AS d
GROUP BY o.source;
ANALYZE;
