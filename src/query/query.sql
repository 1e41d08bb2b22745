
-- The query room: statements as values.

-- ---------------------------------------------------------------------------
-- more.query
-- ---------------------------------------------------------------------------
CREATE TYPE more.query;

CREATE FUNCTION more.query_in(cstring) RETURNS more.query
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION more.query_out(more.query) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION more.query_recv(internal) RETURNS more.query
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION more.query_send(more.query) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE TYPE more.query (
	INPUT = more.query_in,
	OUTPUT = more.query_out,
	RECEIVE = more.query_recv,
	SEND = more.query_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);

-- A driver that binds its parameter as text or varchar means the same SQL.
CREATE CAST (text AS more.query) WITH INOUT AS IMPLICIT;
CREATE CAST (varchar AS more.query) WITH INOUT AS IMPLICIT;
CREATE CAST (more.query AS text) WITH INOUT AS ASSIGNMENT;

CREATE FUNCTION more.from_table(target regclass) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_from_table' LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION more.sql(query more.query, pretty boolean DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME', 'query_sql' LANGUAGE C STABLE STRICT PARALLEL SAFE;

-- ---------------------------------------------------------------------------
-- Steps
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.filter(query more.query, condition text, params jsonb DEFAULT NULL) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_filter' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION more.exclude(query more.query, condition text, params jsonb DEFAULT NULL) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_exclude' LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON TYPE more.query IS 'a statement as a value: its parts, and the values that are bound to it';
COMMENT ON FUNCTION more.query_in(cstring) IS 'I/O';
COMMENT ON FUNCTION more.query_out(more.query) IS 'I/O';
COMMENT ON FUNCTION more.query_recv(internal) IS 'I/O';
COMMENT ON FUNCTION more.query_send(more.query) IS 'I/O';
COMMENT ON FUNCTION more.from_table(regclass) IS 'a query for all rows of a table or view';
COMMENT ON FUNCTION more.sql(more.query, boolean) IS 'a query as SQL, in one line or with its clauses on lines';
COMMENT ON FUNCTION more.filter(more.query, text, jsonb) IS 'the rows for which a condition is true';
COMMENT ON FUNCTION more.exclude(more.query, text, jsonb) IS 'the rows for which a condition is not true';
