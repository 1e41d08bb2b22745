/*
 * compat.h
 *	  Every difference between server versions that pg_more meets.
 *
 * Code elsewhere is written for the newest server; what an older one lacks is
 * supplied here under the newer name, or under a name of our own where the
 * call itself differs.
 */
#ifndef PG_MORE_COMPAT_H
#define PG_MORE_COMPAT_H

#include "postgres.h"

#include "common/jsonapi.h"
#include "fmgr.h"

#if PG_VERSION_NUM < 150000
#error "pg_more needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#include "varatt.h"
#else
/* Soft errors came with 16: before, every error is a hard one. */
#define ereturn(context, dummy_value, ...) ereport(ERROR, __VA_ARGS__)
#endif

/* A JSON lexer over len bytes at text; the result is palloc'd. */
static inline JsonLexContext *
compat_json_lexer(const char *text, int len, int encoding, bool need_escapes)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, text, len, encoding, need_escapes);
#else
	return makeJsonLexContextCstringLen((char *) text, len, encoding, need_escapes);
#endif
}

/* Is it an escape for a character that text of this database cannot hold? */
static inline bool
compat_json_untranslatable(JsonParseErrorType error)
{
#if PG_VERSION_NUM >= 160000
	if (error == JSON_UNICODE_UNTRANSLATABLE)
		return true;
#endif
	return error == JSON_UNICODE_CODE_POINT_ZERO || error == JSON_UNICODE_HIGH_ESCAPE;
}

/* The last argument became a place for soft errors in 16. */
#if PG_VERSION_NUM >= 160000
#define parse_type_name(name, type, typmod) ((void) parseTypeString(name, type, typmod, NULL))
#else
#define parse_type_name(name, type, typmod) parseTypeString(name, type, typmod, false)
#endif

/* Since 19 a tuple descriptor is unusable until it is declared complete. */
#if PG_VERSION_NUM < 190000
#define TupleDescFinalize(tupdesc) ((void) 0)
#endif

/* Since 19 a mask says which kind of nested loop is priced; a plain one here. */
#if PG_VERSION_NUM >= 190000
#define compat_initial_cost_nestloop(root, workspace, jointype, outer, inner, extra) \
	initial_cost_nestloop(root, workspace, jointype, \
						  PGS_NESTLOOP_PLAIN | PGS_CONSIDER_NONPARTIAL, outer, inner, extra)
#else
#define compat_initial_cost_nestloop initial_cost_nestloop
#endif

/* May the current user run this query? Privileges moved out of the range table in 16. */
#if PG_VERSION_NUM >= 160000
#define compat_may_run(query) ExecCheckPermissions((query)->rtable, (query)->rteperminfos, false)
#define compat_may_execute(function) \
	(object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK)
#else
#define compat_may_run(query) ExecCheckRTPerms((query)->rtable, false)
#define compat_may_execute(function) \
	(pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK)
#endif

/* Would names be looked up in the same schemas as when a plan's source was made? Renamed in 17. */
#if PG_VERSION_NUM >= 170000
#define compat_same_search_path(path) SearchPathMatchesCurrentEnvironment(path)
#else
#define compat_same_search_path(path) OverrideSearchPathMatchesCurrent(path)
#endif

/* Does the current user own the object? One function for all kinds came with 16. */
#if PG_VERSION_NUM >= 160000
#define compat_owns_relation(relid) object_ownercheck(RelationRelationId, relid, GetUserId())
#define compat_owns_type(type) object_ownercheck(TypeRelationId, type, GetUserId())
#else
#define compat_owns_relation(relid) pg_class_ownercheck(relid, GetUserId())
#define compat_owns_type(type) pg_type_ownercheck(type, GetUserId())
#endif

/* The operator families in which an operator compares; until 17 only those of btree. */
#if PG_VERSION_NUM >= 180000
#define compat_comparisons(operator) get_op_index_interpretation(operator)
#define compat_is_equality(comparison) (((OpIndexInterpretation *) (comparison))->cmptype == COMPARE_EQ)
#define compat_is_inequality(comparison) (((OpIndexInterpretation *) (comparison))->cmptype == COMPARE_NE)
#else
#define compat_comparisons(operator) get_op_btree_interpretation(operator)
#define compat_is_equality(comparison) (((OpBtreeInterpretation *) (comparison))->strategy == BTEqualStrategyNumber)
#define compat_is_inequality(comparison) (((OpBtreeInterpretation *) (comparison))->strategy == ROWCOMPARE_NE)
#endif

/* What such a list holds, and the family's operator for other types that compares as it does, for <> that for =. */
#if PG_VERSION_NUM >= 180000
#define compat_comparison OpIndexInterpretation
#define compat_family_member(comparison, left, right) \
	get_opfamily_member_for_cmptype((comparison)->opfamily_id, left, right, \
									compat_is_inequality(comparison) ? COMPARE_EQ : (comparison)->cmptype)
#else
#define compat_comparison OpBtreeInterpretation
#define compat_family_member(comparison, left, right) \
	get_opfamily_member((comparison)->opfamily_id, left, right, \
						compat_is_inequality(comparison) ? BTEqualStrategyNumber : (comparison)->strategy)
#endif

/* Since 18 a generated column may be computed when it is read. */
#if PG_VERSION_NUM >= 180000
#define COMPAT_GENERATED_VIRTUAL ATTRIBUTE_GENERATED_VIRTUAL
#define COMPAT_HAS_GENERATED_VIRTUAL(desc) ((desc)->constr->has_generated_virtual)
#else
#define COMPAT_GENERATED_VIRTUAL 'v'
#define COMPAT_HAS_GENERATED_VIRTUAL(desc) false
#endif

/* The operator by which an index of this method, btree until 17, is unique. */
#if PG_VERSION_NUM >= 180000
#define compat_index_equality(method, family, type) get_opfamily_member_for_cmptype(family, type, type, COMPARE_EQ)
#else
#define compat_index_equality(method, family, type) \
	((method) == BTREE_AM_OID ? get_opfamily_member(family, type, type, BTEqualStrategyNumber) : InvalidOid)
#endif

/* Since 19 aggregates may be computed before the joins above which they stand. */
#define COMPAT_AGGREGATES_BELOW_JOINS (PG_VERSION_NUM >= 190000)

/* Since 18 the expressions of GROUP BY are columns of a relation, which is named so. */
#if PG_VERSION_NUM >= 180000
#define COMPAT_IS_GROUP(rte) ((rte)->rtekind == RTE_GROUP)
#else
#define COMPAT_IS_GROUP(rte) ((void) (rte), false)
#endif

/* Since 19 string constants are always read as the standard says. */
#if PG_VERSION_NUM >= 190000
#define COMPAT_STANDARD_STRINGS 1
#else
#define COMPAT_STANDARD_STRINGS standard_conforming_strings
#endif

/* Until 18 a disabled path is one with a prohibitive cost. */
#if PG_VERSION_NUM >= 180000
#define path_disabled(path) ((path)->disabled_nodes)
#define compat_disable_path(path) ((void) ((path)->disabled_nodes += 1000))
#else
#define path_disabled(path) 0
#define compat_disable_path(path) ((void) 0)
#endif

/* Nanoseconds came with 16. */
#if PG_VERSION_NUM < 160000
#define INSTR_TIME_GET_NANOSEC(t) ((uint64) (t).tv_sec * 1000000000 + (uint64) (t).tv_nsec)
#endif

/* Until 15 the privileges that a plan needs are in its range table. */
#if PG_VERSION_NUM >= 160000
#define compat_check_permissions(plan) \
	((void) ExecCheckPermissions((plan)->rtable, (plan)->permInfos, true))
#else
#define compat_check_permissions(plan) ((void) ExecCheckRTPerms((plan)->rtable, true))
#endif

/* Since 17 the planner's statistics help to tell how long an array is. */
#if PG_VERSION_NUM >= 170000
#define compat_array_length(root, array) estimate_array_length(root, array)
#else
#define compat_array_length(root, array) ((double) estimate_array_length(array))
#endif

/* The type of a catalog cache's name, as callbacks get it. */
#if PG_VERSION_NUM >= 190000
#define compat_syscache_id SysCacheIdentifier
#else
#define compat_syscache_id int
#endif

/* What an ordering operator does is no longer told by a btree strategy since 18. */
#if PG_VERSION_NUM >= 180000
#define compat_ordering CompareType
#else
#define compat_ordering int16
#endif

/* Until 17 the executor was told whether it will be called again. */
#if PG_VERSION_NUM >= 180000
#define compat_executor_run_all(desc) ExecutorRun(desc, ForwardScanDirection, 0)
#else
#define compat_executor_run_all(desc) ExecutorRun(desc, ForwardScanDirection, 0, true)
#endif

/* Until 15 the relations that may make the expression null were told, too. */
#if PG_VERSION_NUM >= 160000
#define compat_expression_pathkey(root, expr, lessthan, relids) \
	build_expression_pathkey(root, expr, lessthan, relids, false)
#else
#define compat_expression_pathkey(root, expr, lessthan, relids) \
	build_expression_pathkey(root, expr, NULL, lessthan, relids, false)
#endif

/* The next sorted value, palloc'd; 15 always copies it. */
#if PG_VERSION_NUM >= 160000
#define compat_tuplesort_getdatum(state, value, isnull) tuplesort_getdatum(state, true, true, value, isnull, NULL)
#else
#define compat_tuplesort_getdatum(state, value, isnull) tuplesort_getdatum(state, true, value, isnull, NULL)
#endif

/* Soft errors of ranges came with 16. */
#if PG_VERSION_NUM >= 160000
#define compat_make_range(cache, lower, upper, empty) make_range(cache, lower, upper, empty, NULL)
#else
#define compat_make_range make_range
#endif

/* Since 18 a CHECK may be there without being enforced. */
#if PG_VERSION_NUM >= 180000
#define compat_enforced(constraint) ((constraint)->conenforced)
#define compat_check_enforced(check) ((check).ccenforced)
#else
#define compat_enforced(constraint) true
#define compat_check_enforced(check) true
#endif

/* Foreign keys over periods came with 18. */
#if PG_VERSION_NUM >= 180000
#define compat_has_period(constraint) ((constraint)->conperiod)
#else
#define compat_has_period(constraint) false
#endif

/* Does the current user own the object, of a class that has owners? */
#if PG_VERSION_NUM >= 160000
#define compat_owns(classid, objid) object_ownercheck(classid, objid, GetUserId())
#else
#define compat_owns(classid, objid) \
	((classid) == RelationRelationId ? pg_class_ownercheck(objid, GetUserId()) : \
	 (classid) == TypeRelationId ? pg_type_ownercheck(objid, GetUserId()) : \
	 (classid) == ProcedureRelationId ? pg_proc_ownercheck(objid, GetUserId()) : \
	 (classid) == StatisticExtRelationId ? pg_statistics_object_ownercheck(objid, GetUserId()) : \
	 pg_publication_ownercheck(objid, GetUserId()))
#endif

/* The status of session number i, from 1; backends are found by another number since 17. */
#if PG_VERSION_NUM >= 160000
#define compat_backend_status(i) pgstat_get_local_beentry_by_index(i)
#else
#define compat_backend_status(i) pgstat_fetch_stat_local_beentry(i)
#endif
#if PG_VERSION_NUM >= 170000
#define compat_proc_lxid(proc) ((proc)->vxid.lxid)
#define compat_is_running(proc, transaction) \
	((proc)->vxid.procNumber == (transaction).procNumber && (proc)->vxid.lxid == (transaction).localTransactionId)
#else
#define compat_proc_lxid(proc) ((proc)->lxid)
#define compat_is_running(proc, transaction) \
	((proc)->backendId == (transaction).backendId && (proc)->lxid == (transaction).localTransactionId)
#endif

/* Page versions of unlogged indexes were GiST's own matter until 19. */
#if PG_VERSION_NUM >= 190000
#define compat_gist_fake_lsn(index) XLogGetFakeLSN(index)
#else
#define compat_gist_fake_lsn(index) gistGetFakeLSN(index)
#endif

/* Since 16 the table of an index is told, too, for logical decoding. */
#if PG_VERSION_NUM >= 160000
#define compat_gist_log_reuse(rel, xid) gistXLogPageReuse(rel, rel, InvalidBlockNumber, xid)
#else
#define compat_gist_log_reuse(rel, xid) gistXLogPageReuse(rel, InvalidBlockNumber, xid)
#endif

/* The right to ANALYZE and REINDEX what one does not own came with 17. */
#if PG_VERSION_NUM >= 170000
#define compat_may_maintain(relid) (pg_class_aclcheck(relid, GetUserId(), ACL_MAINTAIN) == ACLCHECK_OK)
#else
#define compat_may_maintain(relid) false
#endif

/* Since 17 maintenance commands have a search_path of their own. */
#if PG_VERSION_NUM >= 170000
#define compat_restrict_search_path() RestrictSearchPath()
#else
#define compat_restrict_search_path() ((void) 0)
#endif

/* Since 18 a btree scan may go on, after a pause, from a value that it has read in the index (skip scan). */
#define COMPAT_SCANS_KEEP_VALUES (PG_VERSION_NUM >= 180000)

/* Until 16 BRIN's range map checked old snapshots. */
#if PG_VERSION_NUM >= 170000
#define compat_brin_revmap(index, pages_per_range) brinRevmapInitialize(index, pages_per_range)
#define compat_brin_tuple(revmap, block, buffer, offset, size, mode) \
	brinGetTupleForHeapBlock(revmap, block, buffer, offset, size, mode)
#else
#define compat_brin_revmap(index, pages_per_range) brinRevmapInitialize(index, pages_per_range, NULL)
#define compat_brin_tuple(revmap, block, buffer, offset, size, mode) \
	brinGetTupleForHeapBlock(revmap, block, buffer, offset, size, mode, NULL)
#endif

/* Until 16 so did the walk to the first page of a btree's level. */
#if PG_VERSION_NUM >= 170000
#define compat_btree_endpoint(index, level) _bt_get_endpoint(index, level, false)
#else
#define compat_btree_endpoint(index, level) _bt_get_endpoint(index, level, false, NULL)
#endif

/* Coming down a btree took the table from 16 on, no snapshot from 17 on; in 19 it says whether it shall tell the way. */
#if PG_VERSION_NUM >= 190000
#define compat_btree_search(index, table, key, leaf) ((void) _bt_search(index, table, key, leaf, BT_READ, false))
#elif PG_VERSION_NUM >= 170000
#define compat_btree_search(index, table, key, leaf) _bt_freestack(_bt_search(index, table, key, leaf, BT_READ))
#elif PG_VERSION_NUM >= 160000
#define compat_btree_search(index, table, key, leaf) _bt_freestack(_bt_search(index, table, key, leaf, BT_READ, NULL))
#else
#define compat_btree_search(index, table, key, leaf) _bt_freestack(_bt_search(index, key, leaf, BT_READ, NULL))
#endif

/* From 19 on, fetching the rows of an index's entries takes flags. */
#if PG_VERSION_NUM >= 190000
#define compat_index_fetch_begin(table) table_index_fetch_begin(table, 0)
#else
#define compat_index_fetch_begin(table) table_index_fetch_begin(table)
#endif

/* Until 15 the identifier of a utility statement was made of its text. */
#if PG_VERSION_NUM >= 160000
#include "nodes/queryjumble.h"
#define compat_jumble_query(query, text) ((void) JumbleQuery(query))
#else
#include "utils/queryjumble.h"
#define compat_jumble_query(query, text) ((void) JumbleQuery(query, text))
#endif

/* In 19 the hook for what the planner knows of a relation is another one, and EXPLAIN may take part in planning. */
#if PG_VERSION_NUM >= 190000
#define compat_relation_hook_type build_simple_rel_hook_type
#define compat_relation_hook build_simple_rel_hook
#define compat_plan_query(query, text, options, params) pg_plan_query(query, text, options, params, NULL)
#else
#define compat_relation_hook_type get_relation_info_hook_type
#define compat_relation_hook get_relation_info_hook
#define compat_plan_query pg_plan_query
#endif

/* What ANALYZE is told of a column was its row of pg_attribute until 16. */
#if PG_VERSION_NUM >= 170000
#define compat_statistics_target(stats) ((stats)->attstattarget = -1)
#else
#define compat_statistics_target(stats) \
	((stats)->attr = palloc0(ATTRIBUTE_FIXED_PART_SIZE), (stats)->attr->attstattarget = -1)
#endif

/* Since 16 a column may be missing, if allowed. */
#if PG_VERSION_NUM >= 160000
#define compat_attrmap_by_name(in, out) build_attrmap_by_name(in, out, false)
#else
#define compat_attrmap_by_name(in, out) build_attrmap_by_name(in, out)
#endif

/* EXPLAIN's state has a file of its own since 18. */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_state.h"
#else
#include "commands/explain.h"
#endif

/* Where the ON condition of a MERGE is. */
#if PG_VERSION_NUM >= 170000
#define compat_merge_condition(query) (&(query)->mergeJoinCondition)
#define compat_merge_target(query) ((query)->mergeTargetRelation)
#else
#define compat_merge_condition(query) (&(query)->jointree->quals)
#define compat_merge_target(query) ((query)->resultRelation)
#endif

/* Aliases of joins: from 16 on, the planner's state may be told; from 18 on, a row's version in RETURNING. */
#if PG_VERSION_NUM >= 160000
#define compat_flatten_join_aliases(query, node) flatten_join_alias_vars(NULL, query, node)
#else
#define compat_flatten_join_aliases(query, node) flatten_join_alias_vars(query, node)
#endif
/* From 16 on, a column tells of the outer joins that may make it NULL. */
#if PG_VERSION_NUM >= 160000
#define compat_may_be_nulled(var) ((var)->varnullingrels != NULL)
#else
#define compat_may_be_nulled(var) false
#endif
#if PG_VERSION_NUM >= 180000
#define compat_expand_rte(rte, index, names, columns) \
	expandRTE(rte, index, 0, VAR_RETURNING_DEFAULT, -1, true, names, columns)
#else
#define compat_expand_rte(rte, index, names, columns) expandRTE(rte, index, 0, -1, true, names, columns)
#endif

/* Columns of a subquery, replaced by what it computes for them; since 18 the relation that is changed is told. */
#if PG_VERSION_NUM >= 180000
#define compat_replace_columns(node, index, rte, sublinks) \
	ReplaceVarsFromTargetList(node, index, 0, rte, (rte)->subquery->targetList, 0, REPLACEVARS_REPORT_ERROR, 0, sublinks)
#else
#define compat_replace_columns(node, index, rte, sublinks) \
	ReplaceVarsFromTargetList(node, index, 0, rte, (rte)->subquery->targetList, REPLACEVARS_REPORT_ERROR, 0, sublinks)
#endif

/* The entries of a new row in all indexes. */
#if PG_VERSION_NUM >= 190000
#define compat_insert_index_tuples(target, slot, estate) ExecInsertIndexTuples(target, estate, 0, slot, NIL, NULL)
#elif PG_VERSION_NUM >= 160000
#define compat_insert_index_tuples(target, slot, estate) \
	ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL, false)
#else
#define compat_insert_index_tuples(target, slot, estate) \
	ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL)
#endif

/* The function that tries a text as a value of a type that it is told by name came with 16. */
#if PG_VERSION_NUM >= 160000
#define COMPAT_READS_ANY_TYPE(function) ((function) == F_PG_INPUT_IS_VALID)
#else
#define COMPAT_READS_ANY_TYPE(function) ((void) (function), false)
#endif

/* A hint to the processor, where the compiler has one. */
#if defined(__GNUC__) || defined(__clang__)
#define prefetch_memory(p) __builtin_prefetch(p)
#else
#define prefetch_memory(p) ((void) 0)
#endif

#endif							/* PG_MORE_COMPAT_H */
