-- The enums room: changing the values of an enum type, with their rows.

-- Looking: the values, and where they are used.
CREATE FUNCTION more.enum_values(type regtype)
RETURNS TABLE ("position" integer, label text, state text)
	AS 'MODULE_PATHNAME', 'enum_values_sql' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION more.enum_values(regtype) IS
	'the values of an enum in their order: live, retired or moving';

-- Changing labels.

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

-- Dropping, retiring and purging.

-- Reordering, undoing, adopting.

-- Declaring the set: apply and plan.

-- Damage: check and repair.
