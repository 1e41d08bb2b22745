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

-- Comments follow; see the end of this file.
