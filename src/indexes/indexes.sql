-- The indexes room: conditions, partial indexes, and why an index is not used.

-- ---------------------------------------------------------------------------
-- Conditions: JSON or SQL
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.condition(target regclass, condition jsonb) RETURNS text
	AS 'MODULE_PATHNAME', 'condition_of_json' LANGUAGE C STABLE STRICT;
CREATE FUNCTION more.condition(target regclass, condition text) RETURNS text
	AS 'MODULE_PATHNAME', 'condition_of_text' LANGUAGE C STABLE STRICT;
CREATE FUNCTION more.condition_columns(target regclass, condition jsonb) RETURNS text[]
	AS 'MODULE_PATHNAME', 'condition_columns_of_json' LANGUAGE C STABLE STRICT;
CREATE FUNCTION more.condition_columns(target regclass, condition text) RETURNS text[]
	AS 'MODULE_PATHNAME', 'condition_columns_of_text' LANGUAGE C STABLE STRICT;

COMMENT ON FUNCTION more.condition(regclass, jsonb) IS 'a condition over the target, {"status": "open", "age": {"_gte": 18}, "deleted_at": null}, checked, as SQL text';
COMMENT ON FUNCTION more.condition(regclass, text) IS 'a condition over the target, as JSON or as SQL text, checked, as SQL text';
COMMENT ON FUNCTION more.condition_columns(regclass, jsonb) IS 'the columns of the target that a JSON condition mentions';
COMMENT ON FUNCTION more.condition_columns(regclass, text) IS 'the columns of the target that a condition, JSON or SQL text, mentions';

-- ---------------------------------------------------------------------------
-- Partial indexes
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.create_partial_index(
	target regclass, columns text[], condition jsonb, is_unique boolean DEFAULT false, name text DEFAULT NULL,
	method text DEFAULT 'btree', include text[] DEFAULT NULL, if_not_exists boolean DEFAULT false,
	nulls_not_distinct boolean DEFAULT false)
RETURNS regclass
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;
CREATE FUNCTION more.create_partial_index(
	target regclass, columns text[], condition text, is_unique boolean DEFAULT false, name text DEFAULT NULL,
	method text DEFAULT 'btree', include text[] DEFAULT NULL, if_not_exists boolean DEFAULT false,
	nulls_not_distinct boolean DEFAULT false)
RETURNS regclass
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

CREATE FUNCTION more.partial_index_sql(
	target regclass, columns text[], condition jsonb, is_unique boolean DEFAULT false, name text DEFAULT NULL,
	method text DEFAULT 'btree', include text[] DEFAULT NULL, if_not_exists boolean DEFAULT false,
	nulls_not_distinct boolean DEFAULT false, concurrently boolean DEFAULT true)
RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE;
CREATE FUNCTION more.partial_index_sql(
	target regclass, columns text[], condition text, is_unique boolean DEFAULT false, name text DEFAULT NULL,
	method text DEFAULT 'btree', include text[] DEFAULT NULL, if_not_exists boolean DEFAULT false,
	nulls_not_distinct boolean DEFAULT false, concurrently boolean DEFAULT true)
RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE;

COMMENT ON FUNCTION more.create_partial_index(regclass, text[], jsonb, boolean, text, text, text[], boolean, boolean) IS 'create an index on the rows of the target for which a JSON condition holds, and return it. columns: names, or expressions as in CREATE INDEX. An index that does the same already, whatever its text, is an error, or with if_not_exists the result. The name is made of table, columns and condition unless one is given';
COMMENT ON FUNCTION more.create_partial_index(regclass, text[], text, boolean, text, text, text[], boolean, boolean) IS 'create an index on the rows of the target for which a condition, JSON or SQL text, holds, and return it. columns: names, or expressions as in CREATE INDEX. An index that does the same already, whatever its text, is an error, or with if_not_exists the result. The name is made of table, columns and condition unless one is given';
COMMENT ON FUNCTION more.partial_index_sql(regclass, text[], jsonb, boolean, text, text, text[], boolean, boolean, boolean) IS 'the CREATE INDEX CONCURRENTLY statement for a partial index with a JSON condition, to be sent by itself, in psql with \gexec; arguments as of create_partial_index; with if_not_exists, NULL when an index does the same already';
COMMENT ON FUNCTION more.partial_index_sql(regclass, text[], text, boolean, text, text, text[], boolean, boolean, boolean) IS 'the CREATE INDEX CONCURRENTLY statement for a partial index with a condition, JSON or SQL text, to be sent by itself, in psql with \gexec; arguments as of create_partial_index; with if_not_exists, NULL when an index does the same already';
