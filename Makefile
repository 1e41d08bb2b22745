EXTENSION = pg_more
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" pg_more.control)

MODULE_big = pg_more
OBJS = \
	src/pg_more.o \
	src/catalog.o \
	src/expression.o \
	src/unique_key.o \
	src/statement.o \
	src/server_code.o \
	src/condition.o \
	src/condition_json.o \
	src/condition_field.o \
	src/condition_value.o \
	src/condition_sides.o \
	src/rows/rowset.o \
	src/rows/rowset_json.o \
	src/rows/rowset_make.o \
	src/rows/decode.o \
	src/rows/literal.o \
	src/rows/source.o \
	src/rows/stream.o \
	src/rows/multi_insert.o \
	src/rows/verb.o \
	src/rows/resolve.o \
	src/rows/known_call.o \
	src/rows/insert.o \
	src/rows/update.o \
	src/rows/upsert.o \
	src/rows/match.o \
	src/rows/key_set.o \
	src/rows/rows_of.o \
	src/rows/marks.o \
	src/rows/sql.o \
	src/rows/plan.o \
	src/rows/order.o \
	src/rows/result.o \
	$(patsubst %.c,%.o,$(sort $(wildcard src/rows/nested*.c))) \
	src/planner/planner.o \
	src/planner/shapes.o \
	src/planner/attempt.o \
	src/planner/notes.o \
	src/planner/levels.o \
	src/planner/lookup.o \
	src/planner/list_stats.o \
	src/planner/prefilter.o \
	src/planner/may_fail.o \
	src/planner/narrowing.o \
	src/planner/array_join.o \
	src/planner/shared_subqueries.o \
	src/planner/shared_scan.o \
	src/planner/join_tree.o \
	src/planner/least_cost.o \
	src/planner/or_reduction.o \
	src/planner/stand_in.o \
	src/planner/union_pushdown.o \
	src/planner/explain.o \
	src/planner/explain_rewrites.o \
	src/planner/stats.o \
	src/planner/verify.o \
	src/planner/call_in_from.o \
	src/planner/call_statement.o \
	src/planner/call_kept.o \
	src/planner/rows_in.o \
	src/planner/query_in_from.o \
	src/planner/once.o \
	src/planner/long_params.o \
	src/planner/composite_in.o \
	src/planner/cursors.o \
	src/planner/hashed_case.o \
	src/planner/case_lookup.o \
	$(patsubst %.c,%.o,$(sort $(wildcard src/enums/*.c))) \
	$(patsubst %.c,%.o,$(sort $(wildcard src/indexes/*.c))) \
	$(patsubst %.c,%.o,$(sort $(wildcard src/query/*.c)))

# The rooms' SQL, in the order in which it must run.
ROOMS_SQL = src/pg_more.sql src/rows/rows.sql src/planner/planner.sql src/enums/enums.sql src/indexes/indexes.sql src/query/query.sql

DATA_built = pg_more--$(EXTVERSION).sql

PG_CFLAGS = -Wall -Wno-declaration-after-statement
PG_CPPFLAGS = -I$(srcdir)/src

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
EXTRA_CLEAN = pg_more--*.sql results regression.diffs regression.out output_iso tmp_check

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

pg_more--$(EXTVERSION).sql: $(ROOMS_SQL)
	cat $^ > $@

$(OBJS): $(wildcard src/*.h src/*/*.h)
