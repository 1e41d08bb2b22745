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
