-- The planner room: functions that rewritten statements call.

CREATE FUNCTION more.case_lookup(key anyelement, keys anyarray, results anycompatiblearray, otherwise anycompatible)
	RETURNS anycompatible
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
CREATE FUNCTION more.case_lookup(key anyelement, keys anyarray, results anycompatiblearray, otherwise anycompatible, fixed boolean)
	RETURNS anycompatible
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
CREATE FUNCTION more.case_lookup_rows(key anyelement, keys anyarray, results record[], otherwise anycompatible)
	RETURNS anycompatible
	AS 'MODULE_PATHNAME', 'case_lookup' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
CREATE FUNCTION more.case_lookup_rows(key anyelement, keys anyarray, results record[], otherwise anycompatible, fixed boolean)
	RETURNS anycompatible
	AS 'MODULE_PATHNAME', 'case_lookup' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;

COMMENT ON FUNCTION more.case_lookup(anyelement, anyarray, anycompatiblearray, anycompatible) IS
	'CASE key WHEN keys[1] THEN results[1] WHEN keys[2] THEN results[2] ... ELSE otherwise END, by one hashed look-up';
COMMENT ON FUNCTION more.case_lookup(anyelement, anyarray, anycompatiblearray, anycompatible, boolean) IS
	'case_lookup; with fixed, keys and results are those of the first call in the statement and are not looked at again';
COMMENT ON FUNCTION more.case_lookup_rows(anyelement, anyarray, record[], anycompatible) IS
	'case_lookup with results that cannot be elements of an array, such as arrays: each in a row of one column';
COMMENT ON FUNCTION more.case_lookup_rows(anyelement, anyarray, record[], anycompatible, boolean) IS
	'case_lookup_rows; with fixed, keys and results are those of the first call in the statement and are not looked at again';
