-- Stored expressions that name a value that goes: each is shown to hold it, is changed with it, and works afterwards.
\set ECHO none
\i sql/include/setup.sql
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'fine');
CREATE ROLE regress_more_owner;
CREATE ROLE regress_more_user;
-- Does what is stored have the OID of the label, in any of its constants? Read from the bytes, not by the extension.
CREATE TABLE labels AS SELECT enumlabel AS label, oid AS value,
	(SELECT string_agg(((get_byte(int4send(oid::integer), 3 - i) + 128) % 256 - 128)::text, ' ' ORDER BY i) FROM generate_series(0, 3) AS i) AS bytes
	FROM pg_enum WHERE enumtypid = 'mood'::regtype;
CREATE FUNCTION holds(tree text, wanted text) RETURNS boolean LANGUAGE sql AS $$
	SELECT position(' ' || bytes || ' ' IN regexp_replace(tree, '\s+', ' ', 'g')) > 0 FROM labels WHERE label = wanted $$;
CREATE FUNCTION held(wanted text) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM (SELECT adbin::text FROM pg_attrdef WHERE oid >= 16384 UNION ALL SELECT conbin::text FROM pg_constraint WHERE oid >= 16384
		UNION ALL SELECT concat(indexprs, indpred) FROM pg_index WHERE indexrelid >= 16384
		UNION ALL SELECT concat(ev_qual, ev_action) FROM pg_rewrite WHERE oid >= 16384
		UNION ALL SELECT concat(proargdefaults, prosqlbody) FROM pg_proc WHERE oid >= 16384
		UNION ALL SELECT concat(polqual, polwithcheck) FROM pg_policy UNION ALL SELECT tgqual::text FROM pg_trigger
		UNION ALL SELECT relpartbound::text FROM pg_class WHERE oid >= 16384 UNION ALL SELECT partexprs::text FROM pg_partitioned_table
		UNION ALL SELECT stxexprs::text FROM pg_statistic_ext UNION ALL SELECT typdefaultbin::text FROM pg_type WHERE oid >= 16384) AS x (tree)
	WHERE holds(tree, wanted) $$;
CREATE FUNCTION naming(wanted text) RETURNS TABLE (object text, labels text[]) LANGUAGE sql AS $$
	SELECT object, labels FROM more.enum_usage('mood') WHERE wanted = ANY (labels) AND certainty = 'certain'
	ORDER BY object COLLATE "C", labels COLLATE "C" $$;
\set ECHO all

-- The columns of catalogs that hold trees: what this test, and the extension, know of; prqual cannot name values.
SELECT attrelid::regclass, attname FROM pg_attribute WHERE atttypid = 'pg_node_tree'::regtype AND attrelid < 16384 AND attrelid IN (SELECT oid FROM pg_class WHERE relkind = 'r')
ORDER BY attrelid::regclass::text COLLATE "C", attname;

-- One object of each kind, all of which name 'sad'.
CREATE DOMAIN dmood AS mood DEFAULT 'sad' CONSTRAINT dmood_check CHECK (value IN ('sad', 'happy'));
CREATE TYPE comp AS (n integer, m mood);
CREATE TABLE t (id integer PRIMARY KEY, m mood DEFAULT 'sad', a mood[] DEFAULT '{sad,ok}', c comp DEFAULT '(1,sad)', d dmood,
	cast_text mood DEFAULT 'sad'::text::mood, n integer,
	CONSTRAINT listed CHECK (m IN ('sad', 'ok', 'happy', 'fine')),
	CONSTRAINT two_columns CHECK (m <> 'sad' OR n > 0),
	CONSTRAINT excludes CHECK (m <> ALL ('{sad}') OR n < 1000));
CREATE INDEX partial ON t (n) WHERE m = 'sad';
CREATE INDEX expression ON t ((CASE m WHEN 'sad' THEN n END));
CREATE UNIQUE INDEX in_list ON t (n) WHERE m IN ('sad', 'happy');
CREATE STATISTICS stats ON (m = 'sad'), n FROM t;
CREATE VIEW v AS SELECT id, m = 'sad' AS low FROM t WHERE m IN ('sad', 'ok');
CREATE MATERIALIZED VIEW mv AS SELECT id FROM t WHERE m = 'sad';
CREATE RULE r AS ON UPDATE TO v WHERE new.low DO INSTEAD UPDATE t SET m = 'sad' WHERE id = old.id;
CREATE RULE r_nothing AS ON UPDATE TO v DO INSTEAD NOTHING;
CREATE FUNCTION argument(x mood DEFAULT 'sad') RETURNS text LANGUAGE sql AS 'SELECT x::text';
CREATE FUNCTION body() RETURNS SETOF integer LANGUAGE sql BEGIN ATOMIC SELECT id FROM t WHERE m = 'sad' ORDER BY 1; END;
CREATE FUNCTION returned() RETURNS mood LANGUAGE sql RETURN 'sad'::mood;
CREATE AGGREGATE highest (mood) (sfunc = enum_larger, stype = mood, initcond = 'sad');
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.n := -new.n; RETURN new; END $$;
CREATE TRIGGER noting BEFORE INSERT ON t FOR EACH ROW WHEN (new.m = 'sad') EXECUTE FUNCTION noted();
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
GRANT ALL ON t TO regress_more_user;
CREATE POLICY p ON t USING (m = 'sad') WITH CHECK (m IN ('sad', 'fine'));
CREATE TABLE parted (m mood, n integer) PARTITION BY LIST (m);
CREATE TABLE parted1 PARTITION OF parted FOR VALUES IN ('sad', 'ok');
CREATE TABLE parted2 PARTITION OF parted DEFAULT;
CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (t);
ALTER TABLE t DISABLE TRIGGER noting;
INSERT INTO t (id, m, a, c, d, n) VALUES (1, 'ok', '{ok}', '(1,ok)', 'happy', 10), (2, 'sad', '{ok}', '(1,ok)', 'happy', 20), (3, 'happy', '{ok}', '(1,ok)', 'happy', 30), (4, 'fine', '{ok}', '(1,ok)', 'happy', 40);
ALTER TABLE t ENABLE TRIGGER noting;
INSERT INTO parted VALUES ('ok', 1), ('sad', 2), ('happy', 3);
REFRESH MATERIALIZED VIEW mv;
SELECT * FROM naming('sad');
SELECT bool_and(holds(adbin::text, 'sad')) FROM pg_attrdef WHERE adrelid = 't'::regclass AND adnum <> 6;
SELECT conname, holds(conbin::text, 'sad') FROM pg_constraint WHERE conbin IS NOT NULL AND (conrelid = 't'::regclass OR contypid = 'dmood'::regtype) ORDER BY 1;
SELECT indexrelid::regclass, holds(concat(indexprs, indpred), 'sad') FROM pg_index WHERE indrelid = 't'::regclass ORDER BY 1;
SELECT ev_class::regclass, rulename, holds(concat(ev_qual, ev_action), 'sad') FROM pg_rewrite WHERE ev_class IN ('v'::regclass, 'mv'::regclass) AND rulename <> 'r_nothing' ORDER BY 1, 2;
SELECT holds(proargdefaults::text, 'sad'), holds(prosqlbody::text, 'sad') FROM pg_proc WHERE proname IN ('argument', 'body', 'returned') ORDER BY proname;
SELECT holds(polqual::text, 'sad'), holds(polwithcheck::text, 'sad'), holds(tgqual::text, 'sad'), holds(stxexprs::text, 'sad'), holds(relpartbound::text, 'sad'), holds(typdefaultbin::text, 'sad')
FROM pg_policy, pg_trigger, pg_statistic_ext, pg_class, pg_type WHERE tgname = 'noting' AND tgrelid = 't'::regclass AND relname = 'parted1' AND typname = 'dmood';
-- this session has used them all, so that it has them in its caches
PREPARE constant AS SELECT 'sad'::mood;
PREPARE counted AS SELECT count(*) FROM t WHERE m = 'sad';
EXECUTE constant;
EXECUTE counted;
SELECT argument(), returned(), (SELECT array_agg(b) FROM body() AS b), (SELECT highest(m) FROM t WHERE false);
SELECT * FROM v ORDER BY 1;
CREATE TABLE dependencies AS SELECT * FROM pg_depend WHERE refobjid IN ('mood'::regtype, 't'::regclass);

SELECT held('sad') > 20 AS held;

CALL more.enum_drop('mood', 'sad', 'set_value', 'happy');
SELECT * FROM more.enum_values('mood');
SELECT * FROM naming('sad');
SELECT * FROM naming('happy');
SELECT held('sad') AS orphans, held('happy') > 20 AS others;
-- the dependencies are what they were, but for those of the indexes that were built anew
SELECT count(*) > 40 AS many FROM dependencies;
SELECT pg_describe_object(classid, objid, objsubid), refobjsubid, deptype FROM (TABLE dependencies EXCEPT SELECT * FROM pg_depend) AS x
WHERE EXISTS (SELECT FROM pg_class WHERE oid = objid) OR classid <> 'pg_class'::regclass;

-- Used, each of them.
EXECUTE constant;
EXECUTE counted;
SELECT id, m FROM t ORDER BY 1;
ALTER TABLE t DISABLE TRIGGER noting;
INSERT INTO t (id, n) VALUES (5, 50) RETURNING m, a, c, cast_text, d;
SELECT NULL::dmood IS NULL AS nullable, (SELECT typdefault FROM pg_type WHERE typname = 'dmood');
CREATE TABLE of_domain (x integer, d dmood);
INSERT INTO of_domain (x) VALUES (1) RETURNING d;
SELECT * FROM outcome('INSERT INTO of_domain VALUES (2, ''fine'')') LIMIT 1;
SELECT conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'c' ORDER BY 1;
SELECT * FROM outcome('INSERT INTO t (id, m, n) VALUES (6, ''happy'', 0)') LIMIT 1;
SELECT indexrelid::regclass AS index, indisvalid, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 't'::regclass ORDER BY indexrelid::regclass::text COLLATE "C";
SET enable_seqscan = off;
SELECT n FROM t WHERE m = 'happy' AND n > 0 ORDER BY n;
SELECT n FROM t WHERE (CASE m WHEN 'happy' THEN n END) = 30;
RESET enable_seqscan;
SELECT * FROM v ORDER BY 1;
UPDATE v SET low = true WHERE id = 1;
SELECT id, m FROM t WHERE id = 1;
SELECT argument(), returned(), (SELECT array_agg(b) FROM body() AS b), (SELECT highest(m) FROM t WHERE false);
REFRESH MATERIALIZED VIEW mv;
SELECT * FROM mv ORDER BY 1;
ALTER TABLE t ENABLE TRIGGER noting;
SELECT * FROM outcome('INSERT INTO t (id, m, n) VALUES (7, ''happy'', 70)') LIMIT 1;
INSERT INTO t (id, m, n) VALUES (8, 'ok', 80) RETURNING n;
SET ROLE regress_more_user;
SELECT id FROM t ORDER BY 1;
SELECT * FROM public.outcome('INSERT INTO public.t (id, m, n) VALUES (9, ''ok'', 90)') LIMIT 1;
RESET ROLE;
ANALYZE t;
SELECT tableoid::regclass, m, n FROM parted ORDER BY n;
SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'parted1';
INSERT INTO parted VALUES ('ok', 4), ('fine', 5);
EXPLAIN (COSTS off) SELECT * FROM parted WHERE m = 'ok';
SELECT * FROM outcome('INSERT INTO parted1 VALUES (''happy'', 6)') LIMIT 1;
SELECT pg_get_functiondef('argument'::regproc) LIKE '%DEFAULT ''happy''::mood%', pg_get_viewdef('v') LIKE '%''happy''::mood%';
DROP TABLE parted, of_domain;
SET client_min_messages = warning;
DROP TABLE heir, t CASCADE;
RESET client_min_messages;
DROP FUNCTION argument, returned;
DROP AGGREGATE highest (mood);
DROP DOMAIN dmood;
DROP TYPE comp;

-- Without a replacement, a value that no row holds leaves lists, which mean the same without it.
CREATE TYPE color AS ENUM ('red', 'green', 'blue', 'grey', 'black');
CREATE TABLE c (id integer PRIMARY KEY, k color CHECK (k IN ('red', 'green', 'blue')), g boolean GENERATED ALWAYS AS (k = ANY ('{red,blue}')) STORED);
CREATE UNIQUE INDEX c_some ON c (id) WHERE k <> ALL ('{blue,green}');
CREATE VIEW c_view AS SELECT id FROM c WHERE k IN ('red', 'blue') AND k NOT IN ('grey', 'blue');
CREATE FUNCTION is_warm(k color) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN k IN ('red', 'blue');
CREATE INDEX c_warm ON c (is_warm(k));
INSERT INTO c VALUES (1, 'red'), (2, 'green'), (3, NULL);
CALL more.enum_drop('color', 'blue');
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'c'::regclass AND contype = 'c';
SELECT pg_get_expr(indpred, indrelid), indisvalid FROM pg_index WHERE indexrelid = 'c_some'::regclass;
SELECT pg_get_viewdef('c_view') ~ 'k = ANY \(ARRAY\[''red''::color\]\)' AND pg_get_viewdef('c_view') ~ 'k <> ALL \(ARRAY\[''grey''::color\]\)' AS shorter;
SELECT * FROM c_view;
INSERT INTO c VALUES (4, 'green') RETURNING g;
SELECT is_warm('red'), is_warm('green');
-- the last of a list, and whatever else names it, stands in the way; all of it is named
CREATE FUNCTION is_red(k color DEFAULT 'red') RETURNS boolean LANGUAGE sql IMMUTABLE RETURN k = 'red';
CREATE TABLE d (k color DEFAULT 'grey' CHECK (k <> 'red'), a color[] DEFAULT '{red,green}');
CALL more.enum_drop('color', 'red', 'set_null');
SELECT label FROM more.enum_values('color');
DROP TABLE d;

-- With one, what keeps results that nobody would mend is refused.
CREATE TABLE e (id integer, k color, g boolean GENERATED ALWAYS AS (k = 'grey') STORED);
CREATE UNIQUE INDEX e_one ON e (id) WHERE k = 'grey';
ALTER TABLE e ADD CONSTRAINT e_excl EXCLUDE USING btree (id WITH =) WHERE (k = 'grey');
CREATE FUNCTION is_grey(k color) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN k = 'grey';
CREATE FUNCTION is_grey_too(k color) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN is_grey(k);
CREATE INDEX e_function ON e (is_grey_too(k));
CREATE TABLE by_expression (k color) PARTITION BY LIST ((k = 'grey'));
CREATE TABLE by_value (k color) PARTITION BY LIST (k);
CREATE TABLE by_value1 PARTITION OF by_value FOR VALUES IN ('grey');
CREATE TABLE by_range (k color) PARTITION BY RANGE (k);
CREATE TABLE by_range1 PARTITION OF by_range FOR VALUES FROM ('grey') TO ('black');
CREATE TABLE checked (k color, n integer CHECK (k <> 'grey' OR n > 10));
INSERT INTO checked VALUES ('black', 5), ('grey', 20);
CREATE DOMAIN not_grey AS color CHECK (value <> 'grey');
CREATE TABLE texts (k color[] DEFAULT '{grey}'::text::color[]);
CALL more.enum_drop('color', 'grey', 'set_value', 'black');
SELECT label FROM more.enum_values('color');
DROP TABLE e, by_expression, by_value, by_range, checked, texts;
DROP DOMAIN not_grey;

-- Only the owner of an object may have it changed.
GRANT CREATE ON SCHEMA public TO regress_more_owner, regress_more_user;
ALTER TYPE color OWNER TO regress_more_owner;
SET ROLE regress_more_user;
CREATE VIEW public.foreign_view AS SELECT 1 AS one WHERE 'grey'::public.color IS NOT NULL;
CREATE FUNCTION public.foreign_function(k public.color DEFAULT 'grey') RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE DOMAIN public.foreign_domain AS public.color DEFAULT 'grey';
RESET ROLE;
DROP VIEW c_view;
DROP TABLE c;
SET ROLE regress_more_owner;
CALL more.enum_drop('public.color', 'grey', 'set_value', 'black');
RESET ROLE;
DROP VIEW foreign_view;
DROP FUNCTION foreign_function, is_grey_too, is_grey, is_red, is_warm;
DROP DOMAIN foreign_domain;
DROP TYPE color;
REVOKE ALL ON SCHEMA public FROM regress_more_owner, regress_more_user;
DROP ROLE regress_more_owner, regress_more_user;
