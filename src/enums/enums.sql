-- The enums room: changing the values of an enum type, with their rows.

-- Looking: the values, and where they are used.
CREATE FUNCTION more.enum_values(type regtype)
RETURNS TABLE ("position" integer, label text, state text)
	AS 'MODULE_PATHNAME', 'enum_values_sql' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION more.enum_values(regtype) IS
	'the values of an enum in their order: live, retired or moving';
CREATE FUNCTION more.enum_usage(type regtype)
RETURNS TABLE (kind text, object text, "table" regclass, "column" text, labels text[], certainty text, note text)
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION more.enum_usage(regtype) IS
	'everything that uses an enum: columns, stored expressions with the labels that they name, functions that may';

-- Changing labels.
CREATE FUNCTION more.enum_add(
	type regtype, label text, before text DEFAULT NULL, after text DEFAULT NULL, if_not_exists boolean DEFAULT false)
RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION more.enum_add(regtype, text, text, text, boolean) IS
	'adds a value to an enum; returns the number of the change, NULL if the value was there';
CREATE FUNCTION more.enum_rename(type regtype, old text, new text, if_exists boolean DEFAULT false)
RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION more.enum_rename(regtype, text, text, boolean) IS
	'renames a value of an enum; returns the number of the change, NULL if it was renamed already';

-- Values of an enum inside other values, for the statements that this room runs.
CREATE FUNCTION more._enum_holds(value "any", sought "any") RETURNS boolean
	AS 'MODULE_PATHNAME', 'enum_holds' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION more._enum_holds("any", "any") IS
	'internal: does a value contain a value of an enum, or one of an array of them';
CREATE FUNCTION more._enum_replace(value anyelement, old "any", new "any") RETURNS anyelement
	AS 'MODULE_PATHNAME', 'enum_replace' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION more._enum_replace(anyelement, "any", "any") IS
	'internal: a value with values of an enum in it replaced';

-- Changes, as they are recorded.
--
-- In a dump the rows name their objects as they are called then, and the trigger looks them up again: pg_dump puts the condition
-- of a configuration table behind FROM, so it may be a UNION. Records of dropped types and tables are not dumped.

CREATE TABLE more.enum_changes (
	change bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	type regtype NOT NULL,
	type_name text NOT NULL,
	action text NOT NULL,
	arguments jsonb NOT NULL,
	state text NOT NULL CHECK (state IN ('running', 'retired', 'done', 'undone', 'failed')),
	step text,
	step_object text,
	rows_done bigint NOT NULL DEFAULT 0,
	rows_total bigint NOT NULL DEFAULT 0,
	rows_not_kept bigint NOT NULL DEFAULT 0,
	"by" text NOT NULL,
	part_of bigint,
	started timestamptz NOT NULL,
	updated timestamptz NOT NULL,
	ended timestamptz
);
CREATE INDEX enum_changes_type ON more.enum_changes (type);
CREATE INDEX enum_changes_part_of ON more.enum_changes (part_of) WHERE part_of IS NOT NULL;
CREATE TABLE more.enum_change_rows (
	change bigint NOT NULL,
	n bigint NOT NULL,
	"table" regclass NOT NULL,
	table_name text,
	"column" text NOT NULL,
	key jsonb,
	old_value text,
	was_deleted boolean NOT NULL,
	deleted_row jsonb,
	PRIMARY KEY (change, n)
);
CREATE TABLE more.enum_policies (
	"table" regclass NOT NULL,
	table_name text,
	attnum int2 NOT NULL,
	"column" text NOT NULL,
	policy text NOT NULL CHECK (policy IN ('protect', 'cascade', 'set_null', 'set_default', 'set_value', 'keep')),
	replacement text CHECK ((policy = 'set_value') = (replacement IS NOT NULL)),
	value oid NOT NULL DEFAULT 0,	-- of the replacement, which may be renamed
	PRIMARY KEY ("table", attnum)
);

-- the owner of the database dumps and restores it
GRANT SELECT, INSERT ON more.enum_changes, more.enum_change_rows, more.enum_policies TO pg_database_owner;
GRANT SELECT, UPDATE ON SEQUENCE more.enum_changes_change_seq TO pg_database_owner;
SELECT pg_catalog.pg_extension_config_dump('more.enum_changes', $$WHERE false UNION ALL
SELECT c.change, 0::pg_catalog.regtype, pg_catalog.format('%I.%I', n.nspname, t.typname), c.action, c.arguments, c.state, c.step, c.step_object,
	c.rows_done, c.rows_total, c.rows_not_kept, c."by", c.part_of, c.started, c.updated, c.ended
FROM more.enum_changes AS c JOIN pg_catalog.pg_type AS t ON t.oid = c.type JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace$$);
SELECT pg_catalog.pg_extension_config_dump('more.enum_changes_change_seq', '');
SELECT pg_catalog.pg_extension_config_dump('more.enum_change_rows', $$WHERE false UNION ALL
SELECT r.change, r.n, 0::pg_catalog.regclass, pg_catalog.format('%I.%I', n.nspname, c.relname), r."column", r.key, r.old_value, r.was_deleted, r.deleted_row
FROM more.enum_change_rows AS r JOIN pg_catalog.pg_class AS c ON c.oid = r."table" JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace$$);
SELECT pg_catalog.pg_extension_config_dump('more.enum_policies', $$WHERE false UNION ALL
SELECT 0::pg_catalog.regclass, pg_catalog.format('%I.%I', n.nspname, c.relname), 0::pg_catalog.int2, a.attname, p.policy,
	CASE WHEN pg_catalog.starts_with(e.enumlabel, 'pg_more:') THEN p.replacement ELSE COALESCE(e.enumlabel, p.replacement) END, 0::pg_catalog.oid
FROM more.enum_policies AS p JOIN pg_catalog.pg_class AS c ON c.oid = p."table" JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p."table" AND a.attnum = p.attnum AND NOT a.attisdropped
	LEFT JOIN pg_catalog.pg_enum AS e ON e.oid = p.value$$);

CREATE FUNCTION more._enum_record_restore() RETURNS trigger
	AS 'MODULE_PATHNAME', 'enum_record_restore' LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION more._enum_record_restore() FROM PUBLIC;
CREATE TRIGGER restore BEFORE INSERT ON more.enum_changes FOR EACH ROW EXECUTE FUNCTION more._enum_record_restore();
CREATE TRIGGER restore BEFORE INSERT ON more.enum_change_rows FOR EACH ROW EXECUTE FUNCTION more._enum_record_restore();
CREATE TRIGGER restore BEFORE INSERT ON more.enum_policies FOR EACH ROW EXECUTE FUNCTION more._enum_record_restore();

CREATE VIEW more.enum_history WITH (security_barrier) AS
	SELECT c.change, c.type, c.type_name,
		c.action, c.arguments, c.state, c.rows_done,
		(SELECT count(*) FROM more.enum_change_rows AS r WHERE r.change = c.change) AS rows_kept, c.rows_not_kept,
		c.part_of, c."by", c.started, c.ended
	FROM more.enum_changes AS c LEFT JOIN pg_catalog.pg_type AS t ON t.oid = c.type
	WHERE CASE WHEN t.oid IS NULL THEN (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
		ELSE pg_catalog.pg_has_role(current_user, t.typowner, 'USAGE') END;
CREATE VIEW more.enum_progress WITH (security_barrier) AS
	SELECT c.change, c.type, c.action, c.arguments, c.step, c.step_object AS object, c.rows_done, c.rows_total,
		(SELECT min(l.pid) FROM pg_catalog.pg_locks AS l
			WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
				AND l.classid = c.type AND l.objid = 0 AND l.objsubid = 3 AND l.granted) AS pid,
		c."by", c.started, c.updated
	FROM more.enum_changes AS c JOIN pg_catalog.pg_type AS t ON t.oid = c.type
	WHERE c.state = 'running' AND pg_catalog.pg_has_role(current_user, t.typowner, 'USAGE');
CREATE VIEW more.enum_on_delete WITH (security_barrier) AS
	SELECT p."table", a.attname AS "column", p.policy,
		CASE WHEN pg_catalog.starts_with(e.enumlabel, 'pg_more:') THEN p.replacement ELSE COALESCE(e.enumlabel, p.replacement) END AS replacement
	FROM more.enum_policies AS p JOIN pg_catalog.pg_class AS c ON c.oid = p."table"
		JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p."table" AND a.attnum = p.attnum AND NOT a.attisdropped
		LEFT JOIN pg_catalog.pg_enum AS e ON e.oid = p.value
	WHERE pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE');
GRANT SELECT ON more.enum_history, more.enum_progress, more.enum_on_delete TO PUBLIC;

CREATE FUNCTION more.enum_on_delete("table" regclass, "column" text, policy text, replacement text DEFAULT NULL) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON TABLE more.enum_changes IS 'the changes of enum types: read the views more.enum_history and more.enum_progress';
COMMENT ON TABLE more.enum_change_rows IS 'what changes of enum types did to rows, for more.enum_undo';
COMMENT ON TABLE more.enum_policies IS 'the standing policies of more.enum_on_delete: read the view of that name';
COMMENT ON VIEW more.enum_history IS 'the changes of the enum types that you own';
COMMENT ON COLUMN more.enum_history.type_name IS 'the type''s name when the change began';
COMMENT ON COLUMN more.enum_history.state IS 'running, retired, done, undone or failed';
COMMENT ON COLUMN more.enum_history.rows_kept IS 'the rows of which the old values are kept, for more.enum_undo';
COMMENT ON COLUMN more.enum_history.rows_not_kept IS 'the rows beyond the setting pg_more.enum_history_rows, and those of tables without a key';
COMMENT ON COLUMN more.enum_history.part_of IS 'the change, of more.enum_apply, that it is a part of';
COMMENT ON VIEW more.enum_progress IS 'the changes of the enum types that you own which are not done: how far each is';
COMMENT ON COLUMN more.enum_progress.pid IS 'the server process at work; NULL: it was interrupted, and the same call again goes on';
COMMENT ON VIEW more.enum_on_delete IS 'the standing policies of your tables'' columns for rows that hold a value that is dropped';
COMMENT ON FUNCTION more._enum_record_restore() IS 'internal: finds the objects of records that are restored from a dump';
COMMENT ON FUNCTION more.enum_on_delete(regclass, text, text, text) IS 'sets what more.enum_drop does to a column''s rows when the call does not say: protect, cascade, set_null, set_default, set_value or keep; NULL takes it away';

-- Dropping, retiring and purging.

CREATE FUNCTION more.enum_counts(type regtype, label text DEFAULT NULL,
	OUT "table" regclass, OUT "column" text, OUT label text, OUT rows bigint)
RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE ROWS 100;
COMMENT ON FUNCTION more.enum_counts(regtype, text) IS
'How many rows of each table and column hold each value of an enum type, or the value named: of the type itself and of arrays, domains, composites and ranges that contain it. Partitions are counted each on their own; rows is null for foreign tables and for temporary tables of other sessions. Takes the right to read the tables.';

CREATE PROCEDURE more.enum_drop(type regtype, label text, on_delete text DEFAULT 'protect', replacement text DEFAULT NULL)
	AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION more.enum_retire(type regtype, label text, on_delete text DEFAULT 'protect', replacement text DEFAULT NULL)
RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;
CREATE PROCEDURE more.enum_purge(type regtype)
	AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION more.enum_restore(type regtype, label text) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;
COMMENT ON PROCEDURE more.enum_drop(regtype, text, text, text) IS
'drops a value of an enum while others use the type, in several transactions; called again, it finishes what was interrupted. on_delete tells what becomes of rows that hold the value: protect, cascade, set_null, set_default, set_value with a replacement, or keep. With protect, which is the default, a column follows its standing policy, if more.enum_on_delete has given it one';
COMMENT ON FUNCTION more.enum_retire(regtype, text, text, text) IS
'takes a value of an enum out of use within the current transaction: rows as more.enum_drop treats them, the label gone for new input. more.enum_purge removes it later, more.enum_restore brings it back. Returns the number of the change';
COMMENT ON PROCEDURE more.enum_purge(regtype) IS
'removes the retired values of an enum while others use the type, but for those that rows are to keep';
COMMENT ON FUNCTION more.enum_restore(regtype, text) IS
'brings a retired value of an enum back, and the rows that its change kept where they hold what the change gave them; returns how many';

-- Reordering, undoing, adopting.
CREATE PROCEDURE more.enum_adopt("table" regclass, "column" text, type regtype)
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE more.enum_adopt(regclass, text, regtype) IS
	'makes a column of text one of an enum type, or back, while its table is used';
CREATE FUNCTION more._enum_adopt_sync() RETURNS trigger
	AS 'MODULE_PATHNAME', 'enum_adopt_sync' LANGUAGE C;
COMMENT ON FUNCTION more._enum_adopt_sync() IS
	'internal: keeps two columns alike while more.enum_adopt is at work';
CREATE PROCEDURE more.enum_reorder(type regtype, labels text[])
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE more.enum_reorder(regtype, text[]) IS
	'gives the values of an enum another order, with the rows that hold them, while others read';
CREATE PROCEDURE more.enum_undo(change bigint)
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE more.enum_undo(bigint) IS
	'takes a change that more.enum_history shows back, with the rows that it changed';

-- Declaring the set: apply and plan.

CREATE PROCEDURE more.enum_apply(name text, labels text[], renames jsonb DEFAULT '{}', on_delete text DEFAULT 'protect', replacement text DEFAULT NULL)
	AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION more.enum_plan(name text, labels text[], renames jsonb DEFAULT '{}', on_delete text DEFAULT 'protect', replacement text DEFAULT NULL)
RETURNS TABLE (step integer, action text, sql text, undo text, rows bigint, lock text, note text)
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE ROWS 10;
COMMENT ON PROCEDURE more.enum_apply(text, text[], jsonb, text, text) IS
'makes an enum have just these labels, in this order: creates it, or renames, adds, drops and moves values, while others use it. renames is {"old": "new"}; on_delete and replacement tell what becomes of rows that hold a label which is gone, as for more.enum_drop. Does nothing where all is so already';
COMMENT ON FUNCTION more.enum_plan(text, text[], jsonb, text, text) IS
'what more.enum_apply with the same arguments would do, step by step: statements that do the same, what takes each back, the rows it writes, what it locks. Writes nothing';

-- Damage: check and repair.

CREATE FUNCTION more._enum_stray(value "any", type regtype) RETURNS oid
	AS 'MODULE_PATHNAME', 'enum_stray' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION more._enum_stray("any", regtype) IS
	'internal: an OID in a value of an enum, or in one that contains it, which is none of the enum''s values';
CREATE FUNCTION more.enum_check(type regtype DEFAULT NULL)
RETURNS TABLE (enum regtype, kind text, object text, detail text, repairable boolean)
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE;
COMMENT ON FUNCTION more.enum_check(regtype) IS
	'damage that edits of the catalogs left in an enum, or in all that you own: values that are gone in rows, indexes, expressions and statistics; wrong order; interrupted changes';
CREATE PROCEDURE more.enum_repair(type regtype, on_delete text DEFAULT 'keep', replacement text DEFAULT NULL)
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE more.enum_repair(regtype, text, text) IS
	'mends what more.enum_check finds: lost values become retired ones, or are taken out of the rows as on_delete says; indexes are rebuilt; the order is made true';
