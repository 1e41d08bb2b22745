-- The planner room: functions that rewritten statements call, and what tells of the rewrites.

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
CREATE FUNCTION more.case_position(fixed boolean, VARIADIC columns "any") RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;

COMMENT ON FUNCTION more.case_lookup(anyelement, anyarray, anycompatiblearray, anycompatible) IS
	'CASE key WHEN keys[1] THEN results[1] WHEN keys[2] THEN results[2] ... ELSE otherwise END, by one hashed look-up';
COMMENT ON FUNCTION more.case_lookup(anyelement, anyarray, anycompatiblearray, anycompatible, boolean) IS
	'case_lookup; with fixed, keys and results are those of the first call in the statement and are not looked at again';
COMMENT ON FUNCTION more.case_lookup_rows(anyelement, anyarray, record[], anycompatible) IS
	'case_lookup with results that cannot be elements of an array, such as arrays: each in a row of one column';
COMMENT ON FUNCTION more.case_lookup_rows(anyelement, anyarray, record[], anycompatible, boolean) IS
	'case_lookup_rows; with fixed, keys and results are those of the first call in the statement and are not looked at again';
COMMENT ON FUNCTION more.case_position(boolean, "any") IS
	'case_position(fixed, value1, array1, value2, array2, ...): the position of the first tuple (array1[i], array2[i], ...) that equals (value1, value2, ...), or NULL; with fixed, the arrays are those of the first call in the statement and are not looked at again';

CREATE FUNCTION more._listed_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'listed_support' LANGUAGE C STRICT PARALLEL SAFE;
CREATE FUNCTION more.listed(found boolean) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT more._listed_support;

COMMENT ON FUNCTION more._listed_support(internal) IS 'internal: planner support of more.listed';
COMMENT ON FUNCTION more.listed(boolean) IS
	'its argument; around (columns) IN (SELECT * FROM unnest(arrays)) it tells the planner how many rows that leaves';

-- ---------------------------------------------------------------------------
-- What would be done with a statement
-- ---------------------------------------------------------------------------
CREATE FUNCTION more.explain_rewrites(
	query text, OUT rewrite text, OUT applied boolean, OUT reason text,
	OUT cost_before double precision, OUT cost_after double precision, OUT sql text)
RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT ROWS 1;

COMMENT ON FUNCTION more.explain_rewrites(text) IS 'what the planner''s rewrites do with one statement ($1, $2, ... may stand for values), and why: a row for each form that is taken, with its SQL, and for each place that is left alone. As with EXPLAIN nothing is run, and the caller needs the privileges that running it takes';

-- ---------------------------------------------------------------------------
-- Statistics
-- ---------------------------------------------------------------------------
CREATE FUNCTION more._rewrite_stats(
	OUT rewrite text, OUT tried bigint, OUT applied bigint, OUT refused bigint,
	OUT planning_time double precision, OUT shared boolean)
RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'rewrite_stats' LANGUAGE C VOLATILE PARALLEL RESTRICTED;

CREATE VIEW more.rewrite_stats AS
	SELECT rewrite, tried, applied, refused, planning_time, shared FROM more._rewrite_stats();
GRANT SELECT ON more.rewrite_stats TO PUBLIC;

CREATE FUNCTION more.rewrite_stats_reset() RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION more.rewrite_stats_reset() FROM PUBLIC;

COMMENT ON FUNCTION more._rewrite_stats() IS 'internal: read the view more.rewrite_stats';
COMMENT ON FUNCTION more.rewrite_stats_reset() IS 'sets the counters of more.rewrite_stats to zero; for superusers and roles to whom EXECUTE is granted';
COMMENT ON VIEW more.rewrite_stats IS 'for each rewrite of the planner: how often it was tried, applied and refused, and the planning time that this took';
COMMENT ON COLUMN more.rewrite_stats.planning_time IS 'time spent on trying the rewrite, with the planning of the statement''s forms, in milliseconds';
COMMENT ON COLUMN more.rewrite_stats.shared IS 'true: the counts of all sessions (the server preloads pg_more by shared_preload_libraries); false: of this session alone';
