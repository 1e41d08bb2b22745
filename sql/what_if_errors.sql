-- more.what_if: what it refuses.
\set ECHO none
\i sql/include/setup.sql
\pset format unaligned
\pset tuples_only on
CREATE TABLE "Ta'ble" (id integer PRIMARY KEY, "a""b" text, n integer, o varchar);
INSERT INTO "Ta'ble" SELECT g, 'x', g, repeat(md5(g::text), 100) FROM generate_series(0, 99) AS g;
CREATE VIEW seen AS SELECT * FROM "Ta'ble";
CREATE TABLE parted (a integer, b integer) PARTITION BY RANGE (a);
CREATE FUNCTION what_if(index_sql text, query text DEFAULT 'SELECT 1') RETURNS SETOF text LANGUAGE sql AS
	$$SELECT outcome(format('SELECT * FROM more.what_if(ARRAY[%L], %L)', index_sql, query))$$;
\set ECHO all

-- neither CREATE INDEX nor DROP INDEX, or more than one
SELECT what_if('CREATE TABLE x ()');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n); DROP TABLE "Ta''ble"');
SELECT what_if('DROP TABLE "Ta''ble"');
SELECT what_if('');
SELECT what_if('CREATE INDEX ON "Ta''ble" n');
SELECT outcome('SELECT * FROM more.what_if(ARRAY[NULL], ''SELECT 1'')');
SELECT outcome('SELECT * FROM more.what_if(NULL, ''SELECT 1'')');
SELECT outcome('SELECT * FROM more.what_if(''{}'', NULL)');

-- what CREATE INDEX refuses
SELECT what_if('CREATE INDEX ON nowhere (n)');
SELECT what_if('CREATE INDEX ON seen (n)');
SELECT what_if('CREATE INDEX ON pg_class (relname)');
SELECT what_if('CREATE INDEX ON "Ta''ble" (nn)');
SELECT what_if('CREATE INDEX ON "Ta''ble" (ctid)');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n) WHERE xmin = ''5''');
SELECT what_if('CREATE INDEX ON "Ta''ble" ((tableoid = 5))');
SELECT what_if('CREATE INDEX ON "Ta''ble" ((1), nn)');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n) INCLUDE (nn)');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n) INCLUDE ((n + 1))');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n) WHERE id > random()');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n) WHERE id IN (SELECT 1)');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n) WHERE sum(id) > 1');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n) WHERE id');
SELECT what_if('CREATE INDEX ON "Ta''ble" ((n::text::timestamptz))');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n nix_ops)');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n text_ops)');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n COLLATE "C")');
SELECT what_if('CREATE INDEX ON "Ta''ble" USING nix (n)');
SELECT what_if('CREATE INDEX ON "Ta''ble" USING gin (n)');
SELECT what_if('CREATE INDEX ON "Ta''ble" USING hash (n, id)');
SELECT what_if('CREATE INDEX ON "Ta''ble" USING hash (n DESC)');
SELECT what_if('CREATE UNIQUE INDEX ON "Ta''ble" USING hash (n)');
SELECT what_if('CREATE INDEX ON "Ta''ble" USING hash (n) INCLUDE (id)');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n) TABLESPACE nix');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n) WITH (fillfactor = 5)');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n) WITH (nix)');
SELECT what_if('CREATE UNIQUE INDEX ON parted (b)');
SELECT what_if('CREATE INDEX "Ta''ble_pkey" ON "Ta''ble" (n)');
-- a row that cannot be in it
SELECT what_if('CREATE INDEX ON "Ta''ble" ((1 / (n - 50)))');
SELECT left(what_if(format('CREATE INDEX wide ON %I ((%s))', 'Ta''ble', (SELECT string_agg(format('md5(o || %s)', g), ' || ') FROM generate_series(1, 100) AS g))), 20);

SELECT what_if('DROP INDEX nowhere');
SELECT what_if('DROP INDEX IF EXISTS nowhere');
SELECT what_if('DROP INDEX "Ta''ble"');

-- hostile names
SELECT index, used FROM more.what_if(ARRAY['CREATE INDEX "i""; DROP" ON "Ta''ble" ("a""b")', 'CREATE INDEX ON "Ta''ble" ("a""b", (upper("a""b")))'], 'SELECT 1');

-- a query that is none
SELECT what_if('CREATE INDEX ON "Ta''ble" (n)', '');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n)', 'SELECT 1; SELECT 2');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n)', 'VACUUM');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n)', 'EXECUTE x');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n)', 'SELECT frm');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n)', 'SELECT $1');
SELECT what_if('CREATE INDEX ON "Ta''ble" (n)', 'SELECT n FROM "Ta''ble" WHERE n = $2');
SELECT what_if('CREATE UNIQUE INDEX ON "Ta''ble" (n)', 'INSERT INTO "Ta''ble" (n) VALUES (1) ON CONFLICT (n) DO NOTHING');
