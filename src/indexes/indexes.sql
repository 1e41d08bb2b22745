-- The indexes room: conditions, partial indexes, and why an index is not used.

-- ---------------------------------------------------------------------------
-- Conditions: JSON or SQL
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.condition(target regclass, condition text) RETURNS text
	AS 'MODULE_PATHNAME', 'condition_text' LANGUAGE C STABLE STRICT;
CREATE FUNCTION more.condition(target regclass, condition json) RETURNS text
	AS 'MODULE_PATHNAME', 'condition_text' LANGUAGE C STABLE STRICT;
CREATE FUNCTION more.condition(target regclass, condition jsonb) RETURNS text
	AS 'MODULE_PATHNAME', 'condition_text' LANGUAGE C STABLE STRICT;
CREATE FUNCTION more.condition_columns(target regclass, condition text) RETURNS text[]
	AS 'MODULE_PATHNAME', 'condition_column_names' LANGUAGE C STABLE STRICT;
CREATE FUNCTION more.condition_columns(target regclass, condition json) RETURNS text[]
	AS 'MODULE_PATHNAME', 'condition_column_names' LANGUAGE C STABLE STRICT;
CREATE FUNCTION more.condition_columns(target regclass, condition jsonb) RETURNS text[]
	AS 'MODULE_PATHNAME', 'condition_column_names' LANGUAGE C STABLE STRICT;

COMMENT ON FUNCTION more.condition(regclass, text) IS 'a condition over the target, as JSON or as SQL text, checked, as SQL text';
COMMENT ON FUNCTION more.condition(regclass, json) IS 'a condition over the target, {"status": "open", "age": {"_gte": 18}, "deleted_at": null}, checked, as SQL text';
COMMENT ON FUNCTION more.condition(regclass, jsonb) IS 'a condition over the target, {"status": "open", "age": {"_gte": 18}, "deleted_at": null}, checked, as SQL text';
COMMENT ON FUNCTION more.condition_columns(regclass, text) IS 'the columns of the target that a condition, JSON or SQL text, mentions';
COMMENT ON FUNCTION more.condition_columns(regclass, json) IS 'the columns of the target that a condition mentions';
COMMENT ON FUNCTION more.condition_columns(regclass, jsonb) IS 'the columns of the target that a condition mentions';

-- ---------------------------------------------------------------------------
-- Partial indexes
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.create_partial_index(
	target regclass, columns text[], condition text, is_unique boolean DEFAULT false, name text DEFAULT NULL,
	method text DEFAULT 'btree', include text[] DEFAULT NULL, if_not_exists boolean DEFAULT false,
	nulls_not_distinct boolean DEFAULT false)
RETURNS regclass
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;
CREATE FUNCTION more.create_partial_index(
	target regclass, columns text[], condition json, is_unique boolean DEFAULT false, name text DEFAULT NULL,
	method text DEFAULT 'btree', include text[] DEFAULT NULL, if_not_exists boolean DEFAULT false,
	nulls_not_distinct boolean DEFAULT false)
RETURNS regclass
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;
CREATE FUNCTION more.create_partial_index(
	target regclass, columns text[], condition jsonb, is_unique boolean DEFAULT false, name text DEFAULT NULL,
	method text DEFAULT 'btree', include text[] DEFAULT NULL, if_not_exists boolean DEFAULT false,
	nulls_not_distinct boolean DEFAULT false)
RETURNS regclass
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

CREATE FUNCTION more.partial_index_sql(
	target regclass, columns text[], condition text, is_unique boolean DEFAULT false, name text DEFAULT NULL,
	method text DEFAULT 'btree', include text[] DEFAULT NULL, if_not_exists boolean DEFAULT false,
	nulls_not_distinct boolean DEFAULT false, concurrently boolean DEFAULT true)
RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE;
CREATE FUNCTION more.partial_index_sql(
	target regclass, columns text[], condition json, is_unique boolean DEFAULT false, name text DEFAULT NULL,
	method text DEFAULT 'btree', include text[] DEFAULT NULL, if_not_exists boolean DEFAULT false,
	nulls_not_distinct boolean DEFAULT false, concurrently boolean DEFAULT true)
RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE;
CREATE FUNCTION more.partial_index_sql(
	target regclass, columns text[], condition jsonb, is_unique boolean DEFAULT false, name text DEFAULT NULL,
	method text DEFAULT 'btree', include text[] DEFAULT NULL, if_not_exists boolean DEFAULT false,
	nulls_not_distinct boolean DEFAULT false, concurrently boolean DEFAULT true)
RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE;

COMMENT ON FUNCTION more.create_partial_index(regclass, text[], text, boolean, text, text, text[], boolean, boolean) IS 'create an index on the rows of the target for which a condition, JSON or SQL text, holds, and return it. columns: names, or expressions as in CREATE INDEX. An index that does the same already, whatever its text, is an error, or with if_not_exists the result. The name is made of table, columns and condition unless one is given';
COMMENT ON FUNCTION more.create_partial_index(regclass, text[], json, boolean, text, text, text[], boolean, boolean) IS 'create an index on the rows of the target for which a JSON condition holds, and return it. columns: names, or expressions as in CREATE INDEX. An index that does the same already, whatever its text, is an error, or with if_not_exists the result. The name is made of table, columns and condition unless one is given';
COMMENT ON FUNCTION more.create_partial_index(regclass, text[], jsonb, boolean, text, text, text[], boolean, boolean) IS 'create an index on the rows of the target for which a JSON condition holds, and return it. columns: names, or expressions as in CREATE INDEX. An index that does the same already, whatever its text, is an error, or with if_not_exists the result. The name is made of table, columns and condition unless one is given';
COMMENT ON FUNCTION more.partial_index_sql(regclass, text[], text, boolean, text, text, text[], boolean, boolean, boolean) IS 'the CREATE INDEX CONCURRENTLY statement for a partial index with a condition, JSON or SQL text, to be sent by itself, in psql with \gexec; arguments as of create_partial_index; with if_not_exists, NULL when an index does the same already';
COMMENT ON FUNCTION more.partial_index_sql(regclass, text[], json, boolean, text, text, text[], boolean, boolean, boolean) IS 'the CREATE INDEX CONCURRENTLY statement for a partial index with a JSON condition, to be sent by itself, in psql with \gexec; arguments as of create_partial_index; with if_not_exists, NULL when an index does the same already';
COMMENT ON FUNCTION more.partial_index_sql(regclass, text[], jsonb, boolean, text, text, text[], boolean, boolean, boolean) IS 'the CREATE INDEX CONCURRENTLY statement for a partial index with a JSON condition, to be sent by itself, in psql with \gexec; arguments as of create_partial_index; with if_not_exists, NULL when an index does the same already';

CREATE FUNCTION more._index_covered_by(index regclass) RETURNS regclass
	AS 'MODULE_PATHNAME', 'index_covered_by' LANGUAGE C STABLE STRICT;

CREATE FUNCTION more._require_index_target(target regclass) RETURNS bigint
	AS 'MODULE_PATHNAME', 'require_index_target' LANGUAGE C STABLE;

-- Of a partitioned table it is the partitions' indexes that hold rows; they are listed when one asks for the partition.
CREATE FUNCTION more.partial_indexes(
	target regclass DEFAULT NULL, OUT relation regclass, OUT index regclass, OUT condition text, OUT columns text[],
	OUT include text[], OUT method name, OUT is_unique boolean, OUT size bigint, OUT share double precision,
	OUT scans bigint, OUT valid boolean, OUT redundant_to regclass)
RETURNS SETOF record LANGUAGE sql STABLE ROWS 20
BEGIN ATOMIC
	SELECT t.oid::regclass, c.oid::regclass, pg_get_expr(i.indpred, i.indrelid, true),
		ARRAY(SELECT pg_get_indexdef(c.oid, n, true) FROM generate_series(1, i.indnkeyatts::integer) AS n ORDER BY n),
		ARRAY(SELECT pg_get_indexdef(c.oid, n, true) FROM generate_series(i.indnkeyatts + 1, i.indnatts::integer) AS n ORDER BY n),
		am.amname, i.indisunique, held.size, held.share, held.scans,
		i.indisvalid AND i.indisready AND i.indislive, more._index_covered_by(c.oid::regclass)
	FROM pg_index AS i
	JOIN pg_class AS c ON c.oid = i.indexrelid
	JOIN pg_class AS t ON t.oid = i.indrelid
	JOIN pg_namespace AS s ON s.oid = t.relnamespace
	JOIN pg_am AS am ON am.oid = c.relam
	CROSS JOIN LATERAL (
		SELECT sum(pg_relation_size(leaf.relid))::bigint AS size,
			CASE WHEN min(lc.reltuples) >= 0 AND min(lt.reltuples) >= 0 AND sum(lt.reltuples) > 0
				THEN least(sum(lc.reltuples::double precision) / sum(lt.reltuples::double precision), 1) END AS share,
			sum(pg_stat_get_numscans(leaf.relid))::bigint AS scans
		FROM (SELECT c.oid AS relid WHERE c.relkind = 'i'
			UNION SELECT p.relid FROM pg_partition_tree(c.oid::regclass) AS p WHERE p.isleaf AND c.relkind = 'I') AS leaf
		JOIN pg_index AS li ON li.indexrelid = leaf.relid
		JOIN pg_class AS lc ON lc.oid = li.indexrelid
		JOIN pg_class AS lt ON lt.oid = li.indrelid) AS held
	WHERE i.indpred IS NOT NULL AND CASE WHEN partial_indexes.target IS NULL THEN NOT c.relispartition
			AND s.nspname NOT IN ('pg_catalog', 'information_schema', 'more') ELSE t.oid = partial_indexes.target END
	ORDER BY s.nspname, t.relname, c.relname
	-- 0, or an error; it is evaluated whether or not there are rows
	OFFSET more._require_index_target(partial_indexes.target);
END;

COMMENT ON FUNCTION more._require_index_target(regclass) IS 'internal: 0 for a table of which more.partial_indexes can tell, else an error';
COMMENT ON FUNCTION more._index_covered_by(regclass) IS 'internal: the column redundant_to of more.partial_indexes';
COMMENT ON FUNCTION more.partial_indexes(regclass) IS 'the partial indexes of a table, or of all: condition, columns, size in bytes, share of the table''s rows (0 to 1, estimated), index scans so far, whether it is valid, and another index that does all that it does';

-- ---------------------------------------------------------------------------
-- Checking rows before they are written
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.check_unique(
	target regclass, data more.rowset, key text[] DEFAULT NULL,
	OUT ordinal bigint, OUT index regclass, OUT columns text[], OUT condition text, OUT conflict jsonb, OUT on_conflict text)
RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE ROWS 10;

COMMENT ON FUNCTION more.check_unique(regclass, more.rowset, text[]) IS 'what the unique indexes and exclusion constraints of the target have against rows that are to be inserted, or, where the target has a row with the same key, to update it: a line for each row of the data and index, with what is in the way, {"row": ...} of the table or {"ordinal": ...} of an earlier row of the data, and the ON CONFLICT clause that means this index';

-- ---------------------------------------------------------------------------
-- What an index would do
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.what_if(
	index_sql text[], query text, OUT index text, OUT cost_before double precision, OUT cost_after double precision,
	OUT used boolean, OUT estimated_size bigint, OUT plan text)
RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE ROWS 2;

COMMENT ON FUNCTION more.what_if(text[], text) IS 'what a query would cost with indexes that are not there, given as CREATE INDEX, and without ones that are, given as DROP INDEX: nothing is built or run. A row for each: the costs of the whole query, whether the plan reads the index, its estimated size in bytes, and the plan';

CREATE FUNCTION more.suggest_partial_indexes(
	target regclass DEFAULT NULL, queries text[] DEFAULT NULL, OUT relation regclass, OUT index_sql text, OUT condition text,
	OUT estimated_size bigint, OUT full_size bigint, OUT share double precision, OUT source text, OUT query text,
	OUT cost_before double precision, OUT cost_after double precision)
RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE ROWS 10;

COMMENT ON FUNCTION more.suggest_partial_indexes(regclass, text[]) IS 'partial indexes of a table, or of all, that the planner would take for the given queries, or for those in pg_stat_statements and for the rare values in the columns'' statistics. A row for each index and query that it serves: the statement that makes it, its estimated size in bytes beside that of an index of all rows, the share of the rows that it holds, and the query''s cost without and with it';

-- ---------------------------------------------------------------------------
-- Why an index is not used
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.why_not(
	query text, index regclass DEFAULT NULL, OUT relation text, OUT index regclass, OUT used boolean, OUT usable boolean,
	OUT generic_plan boolean, OUT reason text, OUT suggestion text)
RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE ROWS 10;

COMMENT ON FUNCTION more.why_not(text, regclass) IS 'the partial indexes of the tables of a query, or the index given, one row for each place that reads the table: whether the plan uses it, whether the planner could, whether also in a generic plan, why not, and the smallest change of the query that makes it usable. The query is planned and not run, and may have parameters $1 and so on';
