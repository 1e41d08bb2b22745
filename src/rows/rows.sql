-- The rows room: sets of literal rows, and what is done with them.

-- ---------------------------------------------------------------------------
-- more.rowset
-- ---------------------------------------------------------------------------
CREATE TYPE more.rowset;

CREATE FUNCTION more.rowset_in(cstring) RETURNS more.rowset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION more.rowset_out(more.rowset) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION more.rowset_recv(internal) RETURNS more.rowset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION more.rowset_send(more.rowset) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE TYPE more.rowset (
	INPUT = more.rowset_in,
	OUTPUT = more.rowset_out,
	RECEIVE = more.rowset_recv,
	SEND = more.rowset_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);

CREATE FUNCTION more.rowset(json) RETURNS more.rowset
	AS 'MODULE_PATHNAME', 'rowset_from_json' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION more.rowset(jsonb) RETURNS more.rowset
	AS 'MODULE_PATHNAME', 'rowset_from_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION more.rowset(text) RETURNS more.rowset
	AS 'MODULE_PATHNAME', 'rowset_from_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION more.rowset(record[]) RETURNS more.rowset
	AS 'MODULE_PATHNAME', 'rowset_from_records' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION more.rowset(columns text[], VARIADIC "any") RETURNS more.rowset
	AS 'MODULE_PATHNAME', 'rowset_from_arrays' LANGUAGE C STABLE PARALLEL SAFE;

CREATE CAST (json AS more.rowset) WITH FUNCTION more.rowset(json) AS IMPLICIT;
CREATE CAST (jsonb AS more.rowset) WITH FUNCTION more.rowset(jsonb) AS IMPLICIT;
-- A driver that binds its parameter as text or varchar means the same JSON.
CREATE CAST (text AS more.rowset) WITH INOUT AS IMPLICIT;
CREATE CAST (varchar AS more.rowset) WITH INOUT AS IMPLICIT;
CREATE CAST (more.rowset AS json) WITH INOUT AS ASSIGNMENT;
CREATE CAST (more.rowset AS jsonb) WITH INOUT AS ASSIGNMENT;

CREATE FUNCTION more.rowset_count(data more.rowset) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION more.rowset_columns(data more.rowset) RETURNS text[]
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;

-- ---------------------------------------------------------------------------
-- Verbs
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.bulk_insert(
	target regclass, data more.rowset, on_conflict text DEFAULT 'error')
RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

CREATE FUNCTION more.bulk_update(
	target regclass, data more.rowset, key text[] DEFAULT NULL, set text[] DEFAULT NULL,
	match text DEFAULT NULL, skip_unchanged boolean DEFAULT false, missing text DEFAULT 'ignore')
RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

CREATE FUNCTION more.bulk_upsert(
	target regclass, data more.rowset, key text[] DEFAULT NULL, set text[] DEFAULT NULL,
	skip_unchanged boolean DEFAULT false)
RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

CREATE FUNCTION more.bulk_delete(
	target regclass, data more.rowset, key text[] DEFAULT NULL, match text DEFAULT NULL)
RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

CREATE FUNCTION more.bulk_sync(
	target regclass, data more.rowset, key text[] DEFAULT NULL, set text[] DEFAULT NULL,
	condition text DEFAULT NULL, allow_empty boolean DEFAULT false,
	OUT inserted bigint, OUT updated bigint, OUT deleted bigint, OUT unchanged bigint)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

-- The forms that return rows: one line per input row, in input order.
CREATE FUNCTION more.bulk_insert_returning(
	target anyelement, data more.rowset, on_conflict text DEFAULT 'error')
RETURNS TABLE (ordinal bigint, status text, result anyelement)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

CREATE FUNCTION more.bulk_update_returning(
	target anyelement, data more.rowset, key text[] DEFAULT NULL, set text[] DEFAULT NULL,
	match text DEFAULT NULL, skip_unchanged boolean DEFAULT false, missing text DEFAULT 'ignore')
RETURNS TABLE (ordinal bigint, status text, result anyelement)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

CREATE FUNCTION more.bulk_upsert_returning(
	target anyelement, data more.rowset, key text[] DEFAULT NULL, set text[] DEFAULT NULL,
	skip_unchanged boolean DEFAULT false)
RETURNS TABLE (ordinal bigint, status text, result anyelement)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

CREATE FUNCTION more.bulk_delete_returning(
	target anyelement, data more.rowset, key text[] DEFAULT NULL, match text DEFAULT NULL)
RETURNS TABLE (ordinal bigint, status text, result anyelement)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

CREATE FUNCTION more.bulk_get_or_create(
	target anyelement, data more.rowset, key text[] DEFAULT NULL)
RETURNS TABLE (ordinal bigint, status text, result anyelement)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

-- ---------------------------------------------------------------------------
-- Matching on lists of keys
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.rows_in(
	target anyelement, data more.rowset, key text[] DEFAULT NULL, match text DEFAULT NULL)
RETURNS SETOF anyelement
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED;

CREATE FUNCTION more.rows_not_in(
	target anyelement, data more.rowset, key text[] DEFAULT NULL, match text DEFAULT NULL)
RETURNS SETOF anyelement
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED;

CREATE FUNCTION more.rows_missing(
	target anyelement, data more.rowset, key text[] DEFAULT NULL, match text DEFAULT NULL)
RETURNS SETOF anyelement
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED;

-- The data's rows, where a call of one of these is planned as the join that it stands for.
CREATE FUNCTION more._rows_of_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'rows_of_support' LANGUAGE C STRICT PARALLEL SAFE;

CREATE FUNCTION more._rows_of(
	target anyelement, data more.rowset, key text[], match text, form text)
RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'rows_of' LANGUAGE C STABLE PARALLEL SAFE SUPPORT more._rows_of_support;

CREATE FUNCTION more._rows_of_restricted(
	target anyelement, data more.rowset, key text[], match text, form text)
RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'rows_of' LANGUAGE C STABLE PARALLEL RESTRICTED SUPPORT more._rows_of_support;

CREATE FUNCTION more._row_security(regclass) RETURNS boolean
	AS 'MODULE_PATHNAME', 'row_security_on' LANGUAGE C STABLE STRICT PARALLEL SAFE;

-- ---------------------------------------------------------------------------
-- Nested documents
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.nested_insert(
	target regclass, documents jsonb, on_conflict jsonb DEFAULT NULL)
RETURNS SETOF jsonb
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

CREATE FUNCTION more.nested_select(
	target anyelement, condition text DEFAULT NULL, shape jsonb DEFAULT NULL)
RETURNS SETOF jsonb
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED;

CREATE FUNCTION more.nested_select(
	target text, condition text DEFAULT NULL, shape jsonb DEFAULT NULL)
RETURNS SETOF jsonb
	AS 'MODULE_PATHNAME', 'nested_select_by_name' LANGUAGE C STABLE PARALLEL RESTRICTED;

CREATE FUNCTION more.nested_select(
	target anyelement, condition jsonb, shape jsonb DEFAULT NULL)
RETURNS SETOF jsonb
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED;

CREATE FUNCTION more.nested_select(
	target text, condition jsonb, shape jsonb DEFAULT NULL)
RETURNS SETOF jsonb
	AS 'MODULE_PATHNAME', 'nested_select_by_name' LANGUAGE C STABLE PARALLEL RESTRICTED;

-- ---------------------------------------------------------------------------
-- Used inside the statements that the verbs generate
-- ---------------------------------------------------------------------------
CREATE FUNCTION more._note_row(bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'note_row' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION more._noted_row() RETURNS bigint
	AS 'MODULE_PATHNAME', 'noted_row' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION more._seen_row(bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'seen_row' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION more._open_row(bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'open_row' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION more._unchanged_row(bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'unchanged_row' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION more._conflict() RETURNS boolean
	AS 'MODULE_PATHNAME', 'conflict' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION more._differs("any", "any") RETURNS boolean
	AS 'MODULE_PATHNAME', 'differs' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION more._claim_row(bigint, oid, tid) RETURNS boolean
	AS 'MODULE_PATHNAME', 'claim_row' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION more._is_listed(VARIADIC "any") RETURNS boolean
	AS 'MODULE_PATHNAME', 'is_listed' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10;

-- ---------------------------------------------------------------------------
-- Comments: \df+ more.* is a manual
-- ---------------------------------------------------------------------------
COMMENT ON TYPE more.rowset IS 'a set of literal rows; as text, a JSON array of objects, or a JSON object of equal-length arrays';
COMMENT ON FUNCTION more.rowset_in(cstring) IS 'input of more.rowset: JSON text';
COMMENT ON FUNCTION more.rowset_out(more.rowset) IS 'output of more.rowset: a JSON array of objects';
COMMENT ON FUNCTION more.rowset_recv(internal) IS 'binary input of more.rowset: a version byte (1), then JSON text';
COMMENT ON FUNCTION more.rowset_send(more.rowset) IS 'binary output of more.rowset: a version byte (1), then JSON text';
COMMENT ON FUNCTION more.rowset(json) IS 'a rowset from JSON';
COMMENT ON FUNCTION more.rowset(jsonb) IS 'a rowset from jsonb';
COMMENT ON FUNCTION more.rowset(text) IS 'a rowset from JSON text';
COMMENT ON FUNCTION more.rowset(record[]) IS 'a rowset from an array of composite values; their attributes become the columns';
COMMENT ON FUNCTION more.rowset(text[], "any") IS 'a rowset from one typed array per column: rowset(ARRAY[''id'', ''size''], $1::int[], $2::bigint[])';
COMMENT ON FUNCTION more.rowset_count(more.rowset) IS 'how many rows a rowset has';
COMMENT ON FUNCTION more.rowset_columns(more.rowset) IS 'the names of the columns that some row of a rowset has';
COMMENT ON FUNCTION more.bulk_insert(regclass, more.rowset, text) IS 'insert the rows and return how many were inserted. A column that a row lacks gets its default. on_conflict => ''ignore'' skips rows that exist, as ON CONFLICT DO NOTHING does; ''error'' (the default) refuses them';
COMMENT ON FUNCTION more.bulk_update(regclass, more.rowset, text[], text[], text, boolean, text) IS 'update each row of the target that a row of the data matches, and return how many were updated. key: columns that match, default the primary key; or match: a condition over target and data. set: columns of the data, or ''column = expression'' over target and data; default all but the key. A column that a row lacks stays as it is. skip_unchanged leaves out what would not change; missing => ''error'' refuses rows that match nothing';
COMMENT ON FUNCTION more.bulk_upsert(regclass, more.rowset, text[], text[], boolean) IS 'update the rows that exist by a unique key (default the primary key), insert the others, and return how many were written. Existing rows need only the columns that change. set and skip_unchanged as in bulk_update';
COMMENT ON FUNCTION more.bulk_delete(regclass, more.rowset, text[], text) IS 'delete each row of the target that a row of the data matches, and return how many were deleted. key: columns that match, default the primary key; or match: a condition over target and data';
COMMENT ON FUNCTION more.bulk_sync(regclass, more.rowset, text[], text[], text, boolean) IS 'make the rows of the target inside condition (over the target alone; default all) just those of the data: delete the rest, update what differs, insert what is new; return the counts. Needs a unique index on the key, default the primary key. Data without rows is refused unless there is a condition or allow_empty => true';
COMMENT ON FUNCTION more.bulk_insert_returning(anyelement, more.rowset, text) IS 'as bulk_insert, with a line for each input row: its number, inserted or existing, and the row';
COMMENT ON FUNCTION more.bulk_update_returning(anyelement, more.rowset, text[], text[], text, boolean, text) IS 'as bulk_update, with a line for each input row: its number, updated, unchanged or missing, and the row';
COMMENT ON FUNCTION more.bulk_upsert_returning(anyelement, more.rowset, text[], text[], boolean) IS 'as bulk_upsert, with a line for each input row: its number, inserted, updated or unchanged, and the row';
COMMENT ON FUNCTION more.bulk_delete_returning(anyelement, more.rowset, text[], text) IS 'as bulk_delete, with a line for each input row: its number, deleted or missing, and the row as it was';
COMMENT ON FUNCTION more.bulk_get_or_create(anyelement, more.rowset, text[]) IS 'find the row of each key, or insert it; target is NULL::table. A line for each input row: its number, existing or inserted, and the row. Needs a unique index on the key, default the primary key';
COMMENT ON FUNCTION more.rows_in(anyelement, more.rowset, text[], text) IS 'the rows of the target (NULL::table) that some row of the data matches, each once: by key (default the primary key), where a null matches nothing, or by match, a condition over target and data';
COMMENT ON FUNCTION more.rows_not_in(anyelement, more.rowset, text[], text) IS 'the rows of the target (NULL::table) that no row of the data matches; a null in the data hides nothing. key and match as in rows_in';
COMMENT ON FUNCTION more.rows_missing(anyelement, more.rowset, text[], text) IS 'the rows of the data, as rows of the target''s type (NULL::table), that match no row of the target, in input order. key and match as in rows_in';
COMMENT ON FUNCTION more.nested_insert(regclass, jsonb, jsonb) IS 'insert documents, an object or an array of objects, whose names are columns, children (the name of a table that refers to this one) or parents (the name of a foreign-key column without _id, or of the table); return them in order, with every key and default filled in. "#id" and "#ref" refer to other new rows; {"_match": ["email"], ...} finds a row by a unique key or creates it, with "_update": true it changes it; {"_connect": {...}} refers to a row that is there; "_status": true tells what became of each row. on_conflict sets _match, _update and _status for each table';
COMMENT ON FUNCTION more.nested_select(anyelement, text, jsonb) IS 'rows of the target (a regclass, or NULL::table) for which a condition holds, JSON or SQL text, as nested documents, in the order of the primary key. shape: {"name": true, "book": {"title": true, "chapter": {}}}; columns are taken by name, or all of them; relations are named as in nested_insert, which reads the documents';
COMMENT ON FUNCTION more.nested_select(text, text, jsonb) IS 'rows of the target (the name of a table) for which a condition holds, JSON or SQL text, as nested documents, in the order of the primary key. shape: {"name": true, "book": {"title": true, "chapter": {}}}; columns are taken by name, or all of them; relations are named as in nested_insert, which reads the documents';
COMMENT ON FUNCTION more.nested_select(anyelement, jsonb, jsonb) IS 'rows of the target (a regclass, or NULL::table) for which a condition holds, as JSON, as nested documents, in the order of the primary key. shape: {"name": true, "book": {"title": true, "chapter": {}}}; columns are taken by name, or all of them; relations are named as in nested_insert, which reads the documents';
COMMENT ON FUNCTION more.nested_select(text, jsonb, jsonb) IS 'rows of the target (the name of a table) for which a condition holds, as JSON, as nested documents, in the order of the primary key. shape: {"name": true, "book": {"title": true, "chapter": {}}}; columns are taken by name, or all of them; relations are named as in nested_insert, which reads the documents';
COMMENT ON FUNCTION more._rows_of_support(internal) IS 'internal: planner support of more._rows_of';
COMMENT ON FUNCTION more._rows_of(anyelement, more.rowset, text[], text, text) IS 'internal: the rows of the data, in queries that stand for a call of rows_in, rows_not_in or rows_missing';
COMMENT ON FUNCTION more._rows_of_restricted(anyelement, more.rowset, text[], text, text) IS 'internal: as more._rows_of, for types that parallel workers cannot read';
COMMENT ON FUNCTION more._row_security(regclass) IS 'internal: true, or the error that row_security = off asks for, in queries that were planned under row security';
COMMENT ON FUNCTION more._note_row(bigint) IS 'internal: used inside the statements that the verbs generate';
COMMENT ON FUNCTION more._noted_row() IS 'internal: used inside the statements that the verbs generate';
COMMENT ON FUNCTION more._claim_row(bigint, oid, tid) IS 'internal: used inside the statements that the verbs generate';
COMMENT ON FUNCTION more._is_listed("any") IS 'internal: used inside the statements that the verbs generate';
COMMENT ON FUNCTION more._seen_row(bigint) IS 'internal: used inside the statements that the verbs generate';
COMMENT ON FUNCTION more._open_row(bigint) IS 'internal: used inside the statements that the verbs generate';
COMMENT ON FUNCTION more._conflict() IS 'internal: used inside the statements that the verbs generate';
COMMENT ON FUNCTION more._differs("any", "any") IS 'internal: used inside the statements that the verbs generate';
COMMENT ON FUNCTION more._unchanged_row(bigint) IS 'internal: used inside the statements that the verbs generate';
