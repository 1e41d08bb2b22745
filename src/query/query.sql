
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
-- Steps: what a query gives, and in which order
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.pick(query more.query, VARIADIC columns text[]) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_pick' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION more.annotate(query more.query, name text, expression text, params jsonb DEFAULT NULL) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_annotate' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION more.group_by(query more.query, VARIADIC columns text[] DEFAULT '{}') RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_group_by' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION more.aggregate(query more.query, name text, expression text, params jsonb DEFAULT NULL) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_aggregate' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION more.order_by(query more.query, VARIADIC items text[] DEFAULT '{}') RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_order_by' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION more.slice(query more.query, "offset" bigint, "limit" bigint DEFAULT NULL) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_slice_rows' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION more.distinct_on(query more.query, VARIADIC columns text[] DEFAULT '{}') RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_distinct_on' LANGUAGE C STABLE PARALLEL SAFE;

-- ---------------------------------------------------------------------------
-- Steps: several queries
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.join_with(
	query more.query, name text, other more.query, condition text DEFAULT NULL, kind text DEFAULT 'inner',
	params jsonb DEFAULT NULL)
RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_join_with' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION more.attach(
	query more.query, name text, attached more.query, materialized boolean DEFAULT NULL, recursive boolean DEFAULT false)
RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_attach' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION more.combine(operator text, VARIADIC queries more.query[]) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_combine' LANGUAGE C STABLE PARALLEL SAFE;

-- ---------------------------------------------------------------------------
-- Trees
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.tree(target regclass, parent text, root text DEFAULT NULL, "order" text[] DEFAULT NULL) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_tree' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION more.ancestors(target regclass, parent text, condition text) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_ancestors' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION more.descendants(target regclass, parent text, condition text) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_descendants' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION more.siblings(target regclass, parent text, condition text) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_siblings' LANGUAGE C STABLE PARALLEL SAFE;

-- ---------------------------------------------------------------------------
-- Changes
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.as_insert(query more.query, target regclass, on_conflict text DEFAULT 'error') RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_as_insert' LANGUAGE C STABLE;
CREATE FUNCTION more.as_update(query more.query, target regclass, set text[], match text DEFAULT NULL) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_as_update' LANGUAGE C STABLE;
CREATE FUNCTION more.as_delete(query more.query, target regclass, match text DEFAULT NULL) RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_as_delete' LANGUAGE C STABLE;
CREATE FUNCTION more.returning(query more.query, VARIADIC columns text[] DEFAULT '{}') RETURNS more.query
	AS 'MODULE_PATHNAME', 'query_returning' LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION more.pick(more.query, text[]) IS
'these columns only, in this order';
COMMENT ON FUNCTION more.annotate(more.query, text, text, jsonb) IS
'one more column, computed by an expression';
COMMENT ON FUNCTION more.group_by(more.query, text[]) IS
'one row per combination of values of these columns; more.aggregate then adds what is computed of each group';
COMMENT ON FUNCTION more.aggregate(more.query, text, text, jsonb) IS
'one more column of the groups, such as count(*); without groups, one row for all';
COMMENT ON FUNCTION more.order_by(more.query, text[]) IS
'the order of the rows, in place of any before: ''name'', ''price DESC NULLS LAST''; without items, none';
COMMENT ON FUNCTION more.slice(more.query, bigint, bigint) IS
'leave out so many rows, then give so many';
COMMENT ON FUNCTION more.distinct_on(more.query, text[]) IS
'the first row of those with equal values in these columns; without columns, different rows only';
COMMENT ON FUNCTION more.join_with(more.query, text, more.query, text, text, jsonb) IS
'join with another query, inner, left, right, full, cross, semi or anti; its columns are name.column in further steps';
COMMENT ON FUNCTION more.attach(more.query, text, more.query, boolean, boolean) IS
'put a query into WITH, so that the query can read it by that name';
COMMENT ON FUNCTION more.combine(text, more.query[]) IS
'union, union all, intersect, intersect all, except or except all of queries';
COMMENT ON FUNCTION more.tree(regclass, text, text, text[]) IS
'the rows of a table that refer to their parents, from the roots down: with depth, path, is_cycle and ordering';
COMMENT ON FUNCTION more.ancestors(regclass, text, text) IS
'the rows above those that meet a condition, in a table whose rows refer to their parents';
COMMENT ON FUNCTION more.descendants(regclass, text, text) IS
'the rows below those that meet a condition, in a table whose rows refer to their parents';
COMMENT ON FUNCTION more.siblings(regclass, text, text) IS
'the other rows with the parent of those that meet a condition';
COMMENT ON FUNCTION more.as_insert(more.query, regclass, text) IS
'a query that inserts the rows of this one, columns by name; on_conflict is error, ignore or update';
COMMENT ON FUNCTION more.as_update(more.query, regclass, text[], text) IS
'a query that updates the rows that match this one''s: by primary key, or a condition over target and data';
COMMENT ON FUNCTION more.as_delete(more.query, regclass, text) IS
'a query that deletes the rows that match this one''s: by primary key, or a condition over target and data';
COMMENT ON FUNCTION more.returning(more.query, text[]) IS
'what a query that changes rows gives of each; without columns, all of the table''s';

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
