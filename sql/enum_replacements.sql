-- A replacement that gets another label, or goes itself, before the value that it replaces is removed.
\set ECHO none
\i sql/include/setup.sql
\set ECHO all

CREATE TYPE fruit AS ENUM ('apple', 'pear', 'plum', 'fig');
CREATE TABLE basket (id int PRIMARY KEY, f fruit, g fruit);
INSERT INTO basket SELECT i, (enum_range(NULL::fruit))[1 + i % 4], 'plum' FROM generate_series(1, 8) AS i;
SELECT more.enum_on_delete('basket', 'g', 'set_value', 'pear');

-- renamed: the records follow
SELECT more.enum_retire('fruit', 'apple', 'set_value', 'pear') > 0 AS retired;
SELECT more.enum_retire('fruit', 'plum') > 0 AS retired;
SELECT more.enum_retire('fruit', 'plum', 'set_value', 'pear') > 0 AS retired;
SELECT more.enum_rename('fruit', 'pear', 'quince') > 0 AS renamed;
SELECT action, arguments ->> 'label' AS label, arguments ->> 'replacement' AS replacement FROM more.enum_history ORDER BY change;
SELECT f, g, count(*) FROM basket GROUP BY f, g ORDER BY f, g;
CALL more.enum_purge('fruit');
SELECT * FROM more.enum_values('fruit');

-- renamed by hand: the records do not know, and what needs no replacement goes all the same
SELECT more.enum_retire('fruit', 'fig', 'set_value', 'quince') > 0 AS retired;
ALTER TYPE fruit RENAME VALUE 'quince' TO 'medlar';
SELECT more.enum_add('fruit', 'lime') > 0 AS added;
CALL more.enum_purge('fruit');
SELECT * FROM more.enum_values('fruit');
SELECT f, g, count(*) FROM basket GROUP BY f, g ORDER BY f, g;
SELECT * FROM more.enum_check('fruit');
