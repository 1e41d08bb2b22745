-- Values of an enum inside other values: found, and replaced, wherever they can be.
\set ECHO none
\i sql/include/setup.sql
CREATE SCHEMA "we ird";
CREATE TYPE "we ird"."Ty""pe" AS ENUM ('plain', 'quo''te', 'back\slash', 'dou"ble', 'naïve', ' ', '');
CREATE TYPE color AS ENUM ('red', 'green', 'blue');
CREATE DOMAIN hue AS color CHECK (value <> 'blue');
CREATE DOMAIN hue2 AS hue NOT NULL;
CREATE DOMAIN hues AS hue[] CHECK (cardinality(value) < 4);
CREATE TYPE color_range AS RANGE (subtype = color, multirange_type_name = color_multirange);
CREATE TYPE hue_range AS RANGE (subtype = hue, multirange_type_name = hue_multirange);
CREATE TYPE inner_row AS (c color, n integer, cs color[]);
CREATE TYPE outer_row AS (i inner_row, t text, rs color_range[]);
CREATE DOMAIN row_domain AS inner_row CHECK ((value).c IS DISTINCT FROM (value).cs[1]);
CREATE TABLE parent (id integer, c color, gone color, r outer_row) PARTITION BY RANGE (id);
CREATE TABLE child PARTITION OF parent FOR VALUES FROM (0) TO (10);
ALTER TABLE parent DROP COLUMN gone;
CREATE TABLE holder (p parent, m color_multirange[], d row_domain, n integer);
CREATE MATERIALIZED VIEW held AS SELECT c AS mc FROM parent;
CREATE VIEW seen AS SELECT c AS vc FROM parent;
-- these mention the type, and cannot contain it
CREATE DOMAIN wordy AS text DEFAULT ('red'::color)::text;
CREATE TABLE mentions (t text DEFAULT ('red'::color)::text, w wordy, n integer GENERATED ALWAYS AS (1) STORED);
CREATE INDEX ON child ((c IS NULL)) WHERE c < 'blue';
\set ECHO all

-- One value in each kind of carrier, and a value that is not there.
SELECT more._enum_holds(v, 'red'::color) AS red, more._enum_holds(v, 'blue'::color) AS blue, v
FROM (VALUES ('red'::color), ('green'), (NULL)) AS x (v);
SELECT more._enum_holds('red'::hue2, 'red'::color) AS red, more._enum_holds('red'::hue2, 'green'::color) AS green;
SELECT more._enum_holds(v, 'red'::color) AS red, v FROM (VALUES ('{red}'::color[]), ('{}'), ('{NULL}'), ('{{green,blue},{NULL,red}}'), ('[5:6]={green,green}')) AS x (v);
SELECT more._enum_holds(v, 'red'::color) AS red, v FROM (VALUES ('{red}'::hues), ('{green}')) AS x (v);
SELECT more._enum_holds(v, 'red'::color) AS red, v
FROM (VALUES ('[red,blue)'::color_range), ('(red,green]'), ('[green,blue]'), ('(,red)'), ('(red,)'), ('(,)'), ('empty')) AS x (v);
SELECT more._enum_holds('[red,green]'::hue_range, 'red'::color) AS red, more._enum_holds('{[red,green]}'::hue_multirange, 'blue'::color) AS blue;
SELECT more._enum_holds(v, 'green'::color) AS green, v
FROM (VALUES ('{[red,red],[blue,)}'::color_multirange), ('{[red,green)}'), ('{}')) AS x (v);
SELECT more._enum_holds(v, 'red'::color) AS red, v
FROM (SELECT unnest('{"(red,1,)","(green,1,\"{blue,red}\")","(,,)","(green,1,{blue})"}'::inner_row[])) AS x (v);
SELECT more._enum_holds(v, 'red'::color) AS red, v
FROM (SELECT ROW(ROW('green', 1, '{red}'), 'x', NULL)::outer_row UNION ALL SELECT ROW(NULL, 'red', '{"[red,green]"}')::outer_row
	UNION ALL SELECT ROW(NULL, 'red', '{"[green,blue]"}')::outer_row) AS x (v);
-- rows without a name, and arrays of them, are what they say themselves
SELECT more._enum_holds(ROW(1, 'red'::color), 'red'::color) AS row, more._enum_holds(ROW(1, 'red'), 'red'::color) AS text,
	more._enum_holds(ARRAY[ROW(1, 'blue'::color), ROW(2, 'red'::color)], 'red'::color) AS rows,
	more._enum_holds(ARRAY[ROW(1, ROW('green'::color)), ROW(2, ROW('blue'::color))], 'red'::color) AS none;
-- other types cannot hold it, whatever their text; one of several is enough
SELECT more._enum_holds('red'::text, 'red'::color), more._enum_holds('{red}'::text[], 'red'::color), more._enum_holds(point(1, 1), 'red'::color);
SELECT more._enum_holds('{blue}'::color[], '{red,blue}'::color[]) AS one, more._enum_holds('{blue}'::color[], '{red,NULL}'::color[]) AS none,
	more._enum_holds('{blue}'::color[], '{}'::color[]) AS nothing;
SELECT more._enum_holds('red'::color, NULL::color), more._enum_holds(NULL::color, 'red'::color), more._enum_holds('red'::color, NULL::color[]);
SELECT more._enum_holds('back\slash'::"we ird"."Ty""pe", 'back\slash'::"we ird"."Ty""pe") AS same,
	more._enum_holds('{"",naïve}'::"we ird"."Ty""pe"[], ''::"we ird"."Ty""pe") AS empty,
	more._enum_holds('{naïve}'::"we ird"."Ty""pe"[], 'red'::color) AS other;

-- Replaced, everything else stays as it is: dimensions, bounds, NULLs, the other columns.
SELECT more._enum_replace(v, 'red'::color, 'blue'::color) FROM (VALUES ('red'::color), ('green'), (NULL)) AS x (v);
SELECT more._enum_replace(v, 'red'::color, 'green'::color) FROM (VALUES ('{red}'::color[]), ('{}'), ('{NULL,red}'), ('{{green,blue},{NULL,red}}'), ('[5:6]={red,green}'), (NULL)) AS x (v);
SELECT more._enum_replace('{[red,red],[blue,)}'::color_multirange, 'blue'::color, 'green'::color),
	more._enum_replace('[red,green)'::color_range, 'green'::color, 'blue'::color), more._enum_replace('empty'::color_range, 'green'::color, 'blue'::color);
SELECT more._enum_replace(ROW(ROW('green', 1, '{red,NULL}'), 'red', '{"[red,green]","(,)"}')::outer_row, 'red'::color, 'green'::color);
SELECT more._enum_replace(ROW(1, 'red'::color, 'red'), 'red'::color, 'green'::color);
-- by NULL; several at once, each from what was there before
SELECT more._enum_replace('red'::color, 'red'::color, NULL::color), more._enum_replace('{red,green}'::color[], 'red'::color, NULL::color),
	more._enum_replace(ROW('red', 1, '{red}')::inner_row, 'red'::color, NULL::color);
SELECT more._enum_replace('{red,green,blue}'::color[], '{red,green}'::color[], '{green,red}'::color[]),
	more._enum_replace('{red,green,blue}'::color[], '{red,green}'::color[], '{green,NULL}'::color[]);
SELECT more._enum_replace('red'::color, NULL::color, 'green'::color), more._enum_replace('red'::text, 'red'::color, 'green'::color);
-- toasted values
CREATE TABLE big (id integer, cs color[], rs inner_row[]);
ALTER TABLE big ALTER cs SET STORAGE external, ALTER rs SET STORAGE extended;
INSERT INTO big SELECT 1, array_fill('green'::color, '{50000}') || 'red'::color, array_fill(ROW('blue', 1, '{red}')::inner_row, '{5000}');
SELECT more._enum_holds(cs, 'red'::color) AS red, more._enum_holds(cs, 'blue'::color) AS blue, more._enum_holds(rs, 'red'::color) AS row_red, more._enum_holds(rs, 'green'::color) AS row_green FROM big;
UPDATE big SET cs = more._enum_replace(cs, 'green'::color, 'blue'::color), rs = more._enum_replace(rs, '{red,blue}'::color[], '{NULL,green}'::color[]);
SELECT cs[1], cs[50001], cardinality(cs), rs[5000], cardinality(rs) FROM big;
-- a composite that gains an attribute, and rows of a table that lost one, or got one with a default
INSERT INTO holder (p, d) VALUES (ROW(1, 'red', NULL), '(red,,)'), (ROW(2, 'blue', NULL), '(green,,)');
ALTER TABLE parent ADD COLUMN late color DEFAULT 'green';
SELECT more._enum_holds(p, 'green'::color) AS green, (p).late FROM holder;
UPDATE holder SET p = more._enum_replace(p, '{red,green}'::color[], '{green,blue}'::color[]);
SELECT p FROM holder;
CREATE FUNCTION find(value inner_row) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN more._enum_holds(value, 'red'::color); END $$;
SELECT find('(green,1,)');
ALTER TYPE inner_row ADD ATTRIBUTE again color;
SELECT find('(green,1,,red)');

-- The rules around the place hold.
SELECT * FROM outcome($$SELECT more._enum_replace('red'::hue, 'red'::color, 'blue'::color)$$);
SELECT * FROM outcome($$SELECT more._enum_replace('{red}'::hue[], 'red'::color, 'blue'::color)$$);
SELECT * FROM outcome($$SELECT more._enum_replace('red'::hue2, 'red'::color, NULL::color)$$);
SELECT * FROM outcome($$SELECT more._enum_replace(ROW('red', 1, '{green}', NULL)::row_domain, 'red'::color, 'green'::color)$$);
SELECT * FROM outcome($$SELECT more._enum_replace(ROW('red', 1, '{green}', NULL)::row_domain, '{red,green}'::color[], '{green,red}'::color[])$$);
SELECT * FROM outcome($$SELECT more._enum_replace('[red,green]'::color_range, 'red'::color, NULL::color)$$);
SELECT * FROM outcome($$SELECT more._enum_replace('[red,green]'::color_range, 'red'::color, 'blue'::color)$$);
SELECT * FROM outcome($$SELECT more._enum_replace('red'::color, 'red'::color, 'naïve'::"we ird"."Ty""pe")$$);
SELECT * FROM outcome($$SELECT more._enum_replace('red'::color, 'red', 'green')$$);
SELECT * FROM outcome($$SELECT more._enum_replace('red'::color, 16384, 16386)$$);
SELECT * FROM outcome($$SELECT more._enum_replace('red'::color, 'red'::hue, 'green'::hue)$$);
SELECT * FROM outcome($$SELECT more._enum_replace('{red}'::color[], '{red,green}'::color[], '{green}'::color[])$$);
SELECT * FROM outcome($$SELECT more._enum_replace('{red}'::color[], '{red}'::color[], NULL::color[])$$);
SELECT * FROM outcome($$SELECT more._enum_holds('red'::color, 'red'::text)$$);
