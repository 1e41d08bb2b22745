-- Which unique index an upsert goes by: partial, of several columns, one of several, none.
\set ECHO none
\i sql/include/setup.sql

-- A partial index: only rows that it covers are matched.
CREATE TABLE member (id serial PRIMARY KEY, email text, active boolean DEFAULT true, v integer);
CREATE UNIQUE INDEX ON member (email) WHERE active;
INSERT INTO member (email, active, v) VALUES ('a', false, 1), ('a', true, 2), ('b', false, 3), ('b', false, 4);
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::member, '[{"email":"b","v":30},{"email":"a","v":20}]', key => '{email}');
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::member, '[{"email":"b","v":31},{"email":"c","v":5}]', key => '{email}');
SELECT ordinal, status, result FROM more.bulk_get_or_create(NULL::member, '[{"email":"a"},{"email":"d"}]', key => '{email}');
SELECT * FROM member ORDER BY id;
-- a sync deletes what the condition covers and the index's rows lack
SELECT * FROM more.bulk_sync('member', '[{"email":"a","v":20},{"email":"e","v":6}]', key => '{email}', condition => 'active');
SELECT * FROM member ORDER BY id;
-- nor does it delete what the index does not cover, without a condition
SELECT * FROM more.bulk_sync('member', '[{"email":"a","v":22}]', key => '{email}');
SELECT * FROM member ORDER BY id;
SELECT * FROM more.bulk_sync('member', '[]', key => '{email}', allow_empty => true);
SELECT * FROM member ORDER BY id;
INSERT INTO member (email, v) VALUES ('a', 22);
-- with a condition that refers to columns of odd names, and functions
CREATE TABLE odd (k text, "Is OK" text, v integer);
CREATE UNIQUE INDEX ON odd (k) WHERE lower("Is OK") = 'yes' AND k IS NOT NULL;
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::odd, '[{"k":"x","Is OK":"YES","v":1},{"k":"y","Is OK":"no","v":2}]', key => '{k}');
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::odd, '[{"k":"x","Is OK":"Yes","v":3},{"k":"y","Is OK":"no","v":4}]', key => '{k}');
SELECT * FROM odd ORDER BY k, v;
-- several partial indexes and no whole one: nothing says which
CREATE UNIQUE INDEX ON member (email) WHERE v > 100;
SELECT more.bulk_upsert('member', '[{"email":"a","v":21}]', key => '{email}');
-- a whole one decides
DELETE FROM member WHERE NOT active;
CREATE UNIQUE INDEX member_email ON member (email);
SELECT more.bulk_upsert('member', '[{"email":"a","v":21}]', key => '{email}');
SELECT * FROM member WHERE email = 'a';

-- Several columns, in any order, with further columns in the index that are no part of the key.
CREATE TABLE grid (x integer, y integer, z integer, note text);
CREATE UNIQUE INDEX ON grid (y, x) INCLUDE (note);
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::grid, '[{"x":1,"y":2,"z":3},{"x":2,"y":1,"z":4}]', key => '{x,y}');
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::grid, '[{"y":2,"x":1,"z":30},{"y":3,"x":1}]', key => '{y,x}');
-- more or fewer columns than the index
SELECT more.bulk_upsert('grid', '[{"x":1,"y":2,"z":3}]', key => '{x}');
SELECT more.bulk_upsert('grid', '[{"x":1,"y":2,"z":3}]', key => '{x,y,z}');
-- an index over an expression, one that is not unique, one that is not valid: no key
CREATE TABLE none (a integer, b text, c integer);
CREATE INDEX ON none (a);
CREATE UNIQUE INDEX ON none (lower(b));
INSERT INTO none VALUES (1, 'x', 1), (2, 'y', 1);
CREATE UNIQUE INDEX CONCURRENTLY none_c ON none (c);
SELECT more.bulk_upsert('none', '[{"a":1}]', key => '{a}');
SELECT more.bulk_upsert('none', '[{"b":"x"}]', key => '{b}');
SELECT more.bulk_upsert('none', '[{"c":1}]', key => '{c}');

-- A primary key and another unique key: each may be named.
CREATE TABLE two (id integer PRIMARY KEY, code text UNIQUE NOT NULL, v integer);
INSERT INTO two VALUES (1, 'a', 1), (2, 'b', 2);
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::two, '[{"id":1,"code":"A","v":10},{"id":3,"code":"c","v":3}]');
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::two, '[{"code":"b","v":20},{"code":"d","id":4,"v":4}]', key => '{code}');
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::two, '[{"code":"b","id":22}]', key => '{code}');

-- Nulls: a key with a null is refused, also where the index takes them as equal.
CREATE TABLE nulls (a integer, b integer, v integer, UNIQUE NULLS NOT DISTINCT (a, b));
INSERT INTO nulls VALUES (1, NULL, 0);
SELECT more.bulk_upsert('nulls', '[{"a":1,"b":null,"v":1}]', key => '{a,b}');
SELECT more.bulk_upsert('nulls', '[{"a":1,"b":1,"v":1}]', key => '{a,b}');
SELECT more.bulk_upsert('nulls', '[{"a":1,"b":1,"v":2}]', key => '{a,b}');
SELECT more.bulk_insert('nulls', '[{"a":1,"b":null,"v":3},{"a":2,"b":null,"v":4},{"a":2,"b":null,"v":5}]', 'ignore');
SELECT * FROM nulls ORDER BY a, b, v;

-- A key with another collation or operator class than the default.
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE word (w text COLLATE nocase PRIMARY KEY, n integer);
SELECT more.bulk_upsert('word', '[{"w":"One","n":1},{"w":"two","n":2}]');
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::word, '[{"w":"TWO","n":20},{"w":"three","n":3}]');
CREATE TABLE pattern (p text, n integer);
CREATE UNIQUE INDEX ON pattern (p text_pattern_ops);
SELECT more.bulk_upsert('pattern', '[{"p":"x","n":1}]', key => '{p}');
SELECT ordinal, status, result FROM more.bulk_upsert_returning(NULL::pattern, '[{"p":"x","n":2},{"p":"y","n":3}]', key => '{p}');

-- An index whose idea of equality is not the column's: the same outcome, whatever else is asked for.
CREATE TABLE other_equality (id text NOT NULL, v integer);
CREATE UNIQUE INDEX ON other_equality (id COLLATE nocase);
INSERT INTO other_equality VALUES ('a', 0);
SELECT more.bulk_upsert('other_equality', '[{"id":"A","v":2}]', key => '{id}');
SELECT more.bulk_upsert('other_equality', '[{"id":"A","v":2}]', key => '{id}', skip_unchanged => true);
SELECT more.bulk_get_or_create(NULL::other_equality, '[{"id":"A","v":2}]', key => '{id}');
SELECT more.bulk_upsert('other_equality', '[{"id":"a","v":3},{"id":"b","v":4}]', key => '{id}');
SELECT * FROM other_equality ORDER BY id;
