
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

-- Not implicit: with more in the search_path, count(text) would be count(more.query) as well as the aggregate.
CREATE CAST (text AS more.query) WITH INOUT AS ASSIGNMENT;
CREATE CAST (varchar AS more.query) WITH INOUT AS ASSIGNMENT;
CREATE CAST (more.query AS text) WITH INOUT AS ASSIGNMENT;

CREATE FUNCTION more.from_table(target regclass) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_from_table' LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION more.literal(data more.rowset, target regclass DEFAULT NULL) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_literal' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION more._literal_rows_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'query_literal_rows_support' LANGUAGE C STRICT PARALLEL SAFE;
CREATE FUNCTION more._literal_rows(data more.rowset) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'query_literal_rows' LANGUAGE C STABLE STRICT PARALLEL SAFE
	SUPPORT more._literal_rows_support;

CREATE FUNCTION more.from_parts(parts jsonb) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_from_parts' LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION more.parts(query more.query) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'query_parts' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION more.parameters(query more.query) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'query_parameters' LANGUAGE C STABLE STRICT PARALLEL SAFE;
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
COMMENT ON FUNCTION more.literal(more.rowset, regclass) IS 'a query for literal rows, with the types of the target''s columns';
COMMENT ON FUNCTION more._literal_rows_support(internal) IS 'internal: planner support of more._literal_rows';
COMMENT ON FUNCTION more._literal_rows(more.rowset) IS 'internal: the literal rows of a query, when it is run';
COMMENT ON FUNCTION more.from_parts(jsonb) IS 'a query from its parts, as more.parts gives them';
COMMENT ON FUNCTION more.parts(more.query) IS 'a query''s parts by name';
COMMENT ON FUNCTION more.parameters(more.query) IS 'the values that are bound to a query, with their types';
COMMENT ON FUNCTION more.sql(more.query, boolean) IS 'a query as SQL, in one line or with its clauses on lines';
COMMENT ON FUNCTION more.filter(more.query, text, jsonb) IS 'the rows for which a condition is true';
COMMENT ON FUNCTION more.exclude(more.query, text, jsonb) IS 'the rows for which a condition is not true';

-- ---------------------------------------------------------------------------
-- Running
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.rows(query more.query) RETURNS SETOF jsonb
	AS 'MODULE_PATHNAME', 'query_rows' LANGUAGE C VOLATILE STRICT;

CREATE FUNCTION more.run(query more.query) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'query_run' LANGUAGE C VOLATILE STRICT;

CREATE FUNCTION more.fetch(query more.query, target anyelement) RETURNS SETOF anyelement
	AS 'MODULE_PATHNAME', 'query_fetch' LANGUAGE C VOLATILE;

CREATE FUNCTION more.count(query more.query) RETURNS bigint
	AS 'MODULE_PATHNAME', 'query_count' LANGUAGE C VOLATILE STRICT;

CREATE FUNCTION more.exists(query more.query) RETURNS boolean
	AS 'MODULE_PATHNAME', 'query_exists' LANGUAGE C VOLATILE STRICT;

CREATE FUNCTION more.first(query more.query) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'query_first' LANGUAGE C VOLATILE STRICT;

CREATE FUNCTION more.get(query more.query) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'query_get' LANGUAGE C VOLATILE STRICT;

CREATE FUNCTION more.execute(query more.query) RETURNS bigint
	AS 'MODULE_PATHNAME', 'query_execute' LANGUAGE C VOLATILE STRICT;

CREATE FUNCTION more.open(query more.query) RETURNS refcursor
	AS 'MODULE_PATHNAME', 'query_open' LANGUAGE C VOLATILE STRICT;

CREATE FUNCTION more.explain(query more.query, VARIADIC options text[] DEFAULT '{}') RETURNS SETOF text
	AS 'MODULE_PATHNAME', 'query_explain' LANGUAGE C VOLATILE STRICT;

CREATE FUNCTION more.columns(query more.query, OUT name text, OUT type text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'query_columns_of' LANGUAGE C STABLE STRICT;

COMMENT ON FUNCTION more.rows(more.query) IS
'run the query; each row as a jsonb object';
COMMENT ON FUNCTION more.run(more.query) IS
'run the query; its rows as records: FROM more.run(...) AS r(a integer, b text)';
COMMENT ON FUNCTION more.fetch(more.query, anyelement) IS
'run the query; its rows as rows of a table''s type, by the names of the columns: more.fetch(query, NULL::account)';
COMMENT ON FUNCTION more.count(more.query) IS
'how many rows the query gives';
COMMENT ON FUNCTION more.exists(more.query) IS
'whether the query gives any row';
COMMENT ON FUNCTION more.first(more.query) IS
'the first row of the query as a jsonb object, or null when it gives none';
COMMENT ON FUNCTION more.get(more.query) IS
'the only row of the query as a jsonb object; an error that tells how many there are unless there is exactly one';
COMMENT ON FUNCTION more.execute(more.query) IS
'run the query for what it does; returns how many rows it inserted, updated, deleted or gave';
COMMENT ON FUNCTION more.open(more.query) IS
'open a cursor over the rows of the query; FETCH from it until the transaction ends';
COMMENT ON FUNCTION more.explain(more.query, text[]) IS
'what EXPLAIN prints for the query; options as ''analyze'', ''costs off'', ''format json''';
COMMENT ON FUNCTION more.columns(more.query) IS
'names and types of the columns that the query gives';
