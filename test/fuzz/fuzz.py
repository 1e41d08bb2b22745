#!/usr/bin/env python3
"""Random statements with the planner's rewrites off and forced: results must be equal.

Worlds of random tables are made (world.py), each with a batch of random statements (queries.py). Every statement runs
in two sessions that differ in pg_more.rewrites alone; rows are compared as multisets, errors by SQLSTATE, changed tables by
their content. What differs is printed as a script that reproduces it, made as small as goes quickly. The output
is TAP: one test for the results, one for each rewrite that enough statements really took it, one for crashes.

Connects with libpq's environment variables, as a superuser.
"""

import argparse
import collections
import concurrent.futures
import os
import random
import re
import sys
import time

sys.dont_write_bytecode = True

import psycopg2  # noqa: E402
import psycopg2.extensions  # noqa: E402

from pieces import reduce, text  # noqa: E402
from queries import Generator  # noqa: E402
from world import ROLE, World  # noqa: E402

REWRITES = ["composite_in", "hashed_case", "array_join", "rows_in", "query_in_from", "or_reduction", "union_pushdown",
            "shared_subqueries"]
# The least share of the statements with a shape that must have been rewritten, in per cent.
SHARES = {"composite_in": 25, "hashed_case": 25, "array_join": 15, "rows_in": 20, "query_in_from": 30, "or_reduction": 5,
          "union_pushdown": 10, "shared_subqueries": 40}
BATCH = 50
EXPLAINED = 3
TIMEOUT = 8
PATIENCE = 20
CANCELED = "57014"
OUT_OF_MEMORY = "53200"
NOT_IN_CURSOR = "24000"
NO_COLLATION = "42P22"
# After so many worlds the sessions are new ones: PL/pgSQL keeps what it knows of functions that are gone.
KEPT = 20
SESSIONS = {}


class Crash(Exception):
    """The server ended the connection."""


class Session:
    """A connection that keeps what its statements gave."""

    def __init__(self, name):
        self.name = name
        self.connection = None
        self.ready = False
        self.connect()

    def connect(self):
        """Connects, and waits for a server that recovers."""
        for attempt in range(120):
            try:
                self.connection = psycopg2.connect(
                    options="-c session_preload_libraries=pg_more -c synchronous_commit=off -c jit=off "
                            "-c client_min_messages=error -c log_min_messages=panic -c statement_timeout=%ds" % TIMEOUT)
                break
            except psycopg2.OperationalError:
                if attempt == 119:
                    raise
                time.sleep(0.5)
        self.connection.autocommit = True
        as_text = psycopg2.extensions.new_type(
            tuple(psycopg2.extensions.string_types), "TEXT", lambda value, cursor: value)
        psycopg2.extensions.register_type(as_text, self.connection)

    def run(self, sql):
        """Runs a statement: ("rows", ...), ("done", count) or ("error", sqlstate, message)."""
        cursor = self.connection.cursor()
        try:
            cursor.execute(sql)
            if cursor.description is None:
                return ("done", cursor.rowcount)
            return ("rows", collections.Counter(cursor.fetchall()))
        except psycopg2.Error as error:
            if self.connection.closed:
                self.connect()
                raise Crash(str(error).strip()) from None
            return ("error", error.pgcode, str(error).strip())
        finally:
            cursor.close()

    def must(self, *statements):
        for sql in statements:
            result = self.run(sql)
            if result[0] == "error" and result[1] == CANCELED and sql == "ROLLBACK":
                result = self.run(sql)
            if result[0] == "error":
                raise RuntimeError("%s\n%s" % (result[2], sql))


def session(name):
    """The session of this process for one side."""
    if name not in SESSIONS:
        SESSIONS[name] = Session(name)
    return SESSIONS[name]


def steps(statement):
    """The statements that run a Statement once, in order."""
    body = text(statement.body)
    look = ["SELECT t::text FROM %s AS t" % statement.target] if statement.target else []
    if statement.kind == "select":
        return [body]
    if statement.kind == "cursor":
        back = ["FETCH BACKWARD ALL FROM c"] if statement.option == "SCROLL " else []
        return ["BEGIN", "DECLARE c %sCURSOR FOR %s" % (statement.option, body), "FETCH 3 FROM c", "FETCH ALL FROM c"
                ] + back + ["ROLLBACK"]
    if statement.kind in ("dml", "current"):
        return ["BEGIN", body] + look + ["ROLLBACK"]
    made = ["SET plan_cache_mode = %s" % statement.option]
    types = ", ".join(statement.params)
    if statement.kind == "plpgsql":
        made.append("CREATE FUNCTION pg_temp.fz(%s) RETURNS SETOF text LANGUAGE plpgsql AS $fz$ BEGIN RETURN QUERY "
                    "SELECT q::text FROM (%s) AS q; END $fz$" % (types, body))
        made += ["SELECT * FROM pg_temp.fz(%s)" % ", ".join(call) for call in statement.calls]
        return made + ["DROP FUNCTION IF EXISTS pg_temp.fz"]
    made.append("PREPARE fz%s AS %s" % ("(%s)" % types if types else "", body))
    for call in statement.calls:
        execute = "EXECUTE fz%s" % ("(%s)" % ", ".join(call) if call else "")
        made += ["BEGIN", execute] + look + ["ROLLBACK"] if look else [execute]
    return made + ["DEALLOCATE ALL"]


def explain(statement):
    """An EXPLAIN of the statement, after what it needs; None where there is none."""
    body = text(statement.body)
    if statement.kind in ("select", "dml"):
        return [], "EXPLAIN (COSTS OFF) " + body
    if statement.kind == "cursor":
        return [], "EXPLAIN (COSTS OFF) DECLARE c %sCURSOR FOR %s" % (statement.option, body)
    if statement.kind == "prepared" and statement.calls:
        call = "(%s)" % ", ".join(statement.calls[0]) if statement.params else ""
        return steps(statement)[:2], "EXPLAIN (COSTS OFF) EXECUTE fz" + call
    return None


def taken(side, statement):
    """The names of the rewrites in a statement's plan; None where EXPLAIN does not tell."""
    wanted = explain(statement)
    if wanted is None:
        return None
    try:
        for sql in wanted[0]:
            if side.run(sql)[0] == "error":
                return None
        result = side.run(wanted[1])
    finally:
        if wanted[0]:
            side.run("DEALLOCATE ALL")
    if result[0] != "rows":
        return None
    return {name for line in result[1] for name in re.findall(r"pg_more: (\w+)", line[0])}


def run_side(side, statement):
    """All that a side gives for a statement."""
    results = [side.run(sql) for sql in steps(statement)]
    if statement.kind == "cursor" and results[2][0] == results[3][0] == "rows":
        # which rows come first is open
        results[2:4] = [("rows", results[2][1] + results[3][1])]
    if any(result[0] == "error" for result in results):
        side.run("ROLLBACK")
        side.run("DEALLOCATE ALL")
        if statement.kind == "plpgsql":
            side.run("DROP FUNCTION IF EXISTS pg_temp.fz")
    return results


def same(one, other):
    return one[:2] == other[:2]


def is_slow(results):
    return any(result[0] == "error" and result[1] == CANCELED for result in results)


def is_large(results):
    """Whether a backend had no more memory: the planner copies a subquery's expressions to each place that uses them, so that
    what nested subqueries say grows exponentially.
    """
    return any(result[0] == "error" and result[1] == OUT_OF_MEMORY for result in results)


def depends_on_plan(results):
    """Whether WHERE CURRENT OF looked for a partition that the cursor's plan left out: another plan may not look for it."""
    return any(result[0] == "error" and result[1] == NOT_IN_CURSOR and ("simply updatable" in result[2] or "FOR UPDATE/SHARE reference" in result[2])
        for result in results)


def fails_for_others(plain, changed):
    """Whether only the statement as it is met a comparison without a collation, as the server tries one, in a condition
    that it makes of an OR's arms, on rows that other conditions leave out.
    """
    return any(result[0] == "error" and result[1] == NO_COLLATION for result in plain) and not any(
        result[0] == "error" for result in changed)


def compare(off, on, statement):
    """What differs, as text; "" if nothing does; None if the statement is too slow or large to tell."""
    plain = run_side(off, statement)
    if is_slow(plain) or is_large(plain):
        return None, plain
    try:
        changed = run_side(on, statement)
        if is_slow(changed):
            on.run("SET statement_timeout = '60s'")
            changed = run_side(on, statement)
            on.run("SET statement_timeout = '%ds'" % TIMEOUT)
        if depends_on_plan(plain) != depends_on_plan(changed) or fails_for_others(plain, changed):
            return None, plain
    except Crash as crash:
        return "crash: %s" % crash, plain
    for number, (one, other) in enumerate(zip(plain, changed)):
        if not same(one, other):
            return "step %d: %s" % (number + 1, difference(one, other)), plain
    return "", plain


def difference(one, other):
    """Two unlike results, for people."""
    if "error" in (one[0], other[0]) or one[0] != other[0] or one[0] == "done":
        return "off gives %s, rewritten %s" % tuple(
            "%s %s" % result[1:3] if result[0] == "error" else
            "%d rows" % (sum(result[1].values()) if result[0] == "rows" else result[1]) for result in (one, other))
    missing = list((one[1] - other[1]).elements())
    added = list((other[1] - one[1]).elements())
    return "%d rows are missing, such as %s; %d are too many, such as %s" % (
        len(missing), missing[:3], len(added), added[:3])


def enter(world, off, on, create=True):
    """Makes a world, and puts both sessions into it."""
    for side in (off, on):
        side.must("ROLLBACK", "DISCARD ALL", "SET statement_timeout = 0")
    if create:
        off.must("DROP SCHEMA IF EXISTS %s CASCADE" % world.schema, "BEGIN", *world.statements())
        off.must("COMMIT")
    off.must("SET pg_more.rewrites = off", *world.settings)
    on.must("SET pg_more.rewrites = %s" % world.mode, *world.settings)
    for side in (off, on):
        side.must("RESET statement_timeout")


def leave(world, off, on):
    for side in (off, on):
        side.must("ROLLBACK", "DISCARD ALL", "SET statement_timeout = 0")
    off.must("DROP SCHEMA IF EXISTS %s CASCADE" % world.schema)


def needed(world, body):
    """The statements of a world's making that a query needs."""
    words = set(re.findall(r"\w+", body))
    views = {s.split()[2]: s for s in world.setup if s.startswith("CREATE VIEW")}
    for name in list(words):
        words |= set(re.findall(r"\w+", views.get(name, "")))
    kept = []
    for sql in world.setup:
        names = set(re.findall(r"\b[tv]\d+(?=\b|_)", sql))
        if not names or names & words:
            kept.append(sql)
    return [s for s in world.statements()[:len(world.statements()) - len(world.setup)]] + kept


def script(world, statement, title, what):
    """A script for psql that shows a difference."""
    run = ";\n".join(steps(statement)) + ";\n"
    lines = ["-- %s" % title, "-- %s" % what.replace("\n", " "), "CREATE EXTENSION IF NOT EXISTS pg_more;",
             "LOAD 'pg_more';"]
    if world.as_role:
        lines.append("CREATE ROLE %s;" % ROLE)
    lines += [sql + ";" for sql in needed(world, run)] + [sql + ";" for sql in world.settings]
    lines += ["\\echo off", "SET pg_more.rewrites = off;", run + "\\echo rewritten",
              "SET pg_more.rewrites = %s;" % world.mode, run, "RESET ROLE;",
              "DROP SCHEMA %s CASCADE;" % world.schema]
    return "\n".join(lines)


def fails_alike(off, on, world, statement, what):
    """Does the statement, as it is now, still fail, and in the same way?"""
    kind = what.split(":")[0] == "crash"
    try:
        now, _ = compare(off, on, statement)
    except Crash:
        now = ""
    if kind:
        enter(world, off, on, create=False)
    return bool(now) and (now.split(":")[0] == "crash") == kind


def smaller(off, on, world, statement, what):
    """Makes a failing statement smaller, in place; gives what it fails with then."""
    until = time.monotonic() + PATIENCE

    def still_fails():
        if time.monotonic() > until:
            raise TimeoutError
        return fails_alike(off, on, world, statement, what)

    for call in list(statement.calls):
        before, statement.calls = statement.calls, [call]
        if len(before) == 1 or fails_alike(off, on, world, statement, what):
            break
        statement.calls = before
    reduce(statement.body, still_fails)
    now, _ = compare(off, on, statement)
    return now or what


def run_world(job):
    """Makes one world and runs its statements; gives counts and failures."""
    options, number, statements = job
    counts = collections.Counter()
    failures = []
    off, on = session("off"), session("on")
    world = World(random.Random("%d/%d" % (options.seed, number)), "fz%d" % number, options.features)
    if options.mode:
        world.mode = options.mode
    enter(world, off, on)
    for query in statements:
        rng = random.Random("%d/%d/%d" % (options.seed, number, query))
        statement = Generator(rng, world, options.rewrites).statement()
        if options.verbose:
            print("-- %d.%d\n%s" % (number, query, ";\n".join(steps(statement))), flush=True)
        try:
            run_one(options, world, statement, query, counts, failures, "%d.%d" % (number, query))
        except Crash as crash:
            counts["crashes"] += 1
            failures.append("-- %d.%d with the rewrites off: %s\n%s" % (number, query, crash, ";\n".join(
                steps(statement))))
            enter(world, off, on, create=False)
    leave(world, off, on)
    if number % KEPT == KEPT - 1:
        for side in (off, on):
            side.connection.close()
        SESSIONS.clear()
    return counts, failures


def run_one(options, world, statement, query, counts, failures, name):
    """Runs one statement and counts what came of it."""
    off, on = session("off"), session("on")
    what, results = compare(off, on, statement)
    counts["statements"] += 1
    counts[statement.kind] += 1
    if what is None:
        counts["slow"] += 1
        return
    errors = [result[1] for result in results if result[0] == "error"]
    if errors:
        counts["errors"] += 1
        counts["error " + str(errors[0])] += 1
    elif any(result[0] == "rows" and result[1] for result in results):
        counts["with rows"] += 1
    if what:
        crashed = what.startswith("crash")
        counts["crashes" if crashed else "different"] += 1
        if crashed:
            enter(world, off, on, create=False)
        if counts["different"] + counts["crashes"] <= options.reduce:
            what = smaller(off, on, world, statement, what)
        failures.append(script(world, statement, "seed %d, statement %s" % (options.seed, name), what))
    elif query % EXPLAINED == 0 and world.mode == "force" and not errors:
        notes = taken(on, statement)
        if notes is not None:
            for shape in statement.shapes:
                counts["shape " + shape] += 1
                counts["taken " + shape] += shape in notes


def learn_features(side):
    """What this server has, for the generators."""
    version = side.connection.server_version
    features = {"parallel": "debug_parallel_query" if version >= 160000 else "force_parallel_mode"}
    result = side.run("SELECT 1 FROM pg_collation WHERE collprovider = 'i' LIMIT 1")
    features["icu"] = bool(result[1])
    features["verify"] = True
    return features


def set_up(options):
    """The role and the extension."""
    side = Session("set up")
    side.must("CREATE EXTENSION IF NOT EXISTS pg_more")
    if not side.run("SELECT 1 FROM pg_roles WHERE rolname = '%s'" % ROLE)[1]:
        side.must("CREATE ROLE %s" % ROLE)
    options.features = learn_features(side)
    side.connection.close()


def jobs(options):
    """Which statements of which worlds to run."""
    if options.only:
        number, _, query = options.only.partition(".")
        return [(options, int(number), [int(query)] if query else range(BATCH))]
    return [(options, number, range(min(BATCH, options.queries - number * BATCH)))
            for number in range((options.queries + BATCH - 1) // BATCH)]


def report(options, counts, failures, seconds):
    """Prints the TAP; True if all is well."""
    plan = []
    plan.append((counts["different"] == 0, "%d statements give the same (%d with rows, %d errors alike, %d too slow or large)" % (
        counts["statements"] - counts["different"], counts["with rows"], counts["errors"], counts["slow"])))
    plan.append((counts["crashes"] == 0, "%d crashes" % counts["crashes"]))
    for rewrite in options.rewrites:
        shaped, used = counts["shape " + rewrite], counts["taken " + rewrite]
        enough = options.only or options.mode not in (None, "force") or used * 100 >= shaped * SHARES[rewrite] > 0
        plan.append((bool(enough), "%s taken in %d of %d explained statements with its shape" % (
            rewrite, used, shaped)))
    print("# seed %d, %d failures, %.0f s; %s" % (options.seed, len(failures), seconds, ", ".join(
        "%s %d" % item for item in sorted(counts.items()))))
    print("1..%d" % len(plan))
    for number, (good, words) in enumerate(plan, 1):
        print("%s %d - %s" % ("ok" if good else "not ok", number, words))
    return all(good for good, _ in plan)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="test/fuzz/run", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="chooses the statements (1)")
    parser.add_argument("--queries", type=int, default=20000, help="how many statements (20000)")
    parser.add_argument("--rewrite", action="append", choices=REWRITES, help="only shapes of this one; repeatable")
    parser.add_argument("--only", metavar="WORLD[.STATEMENT]", help="only this world, or this statement of it")
    parser.add_argument("--mode", choices=["force", "on", "verify", "off"], help="one mode in place of several")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many processes")
    parser.add_argument("--reduce", type=int, default=3, help="how many failures of a world are made smaller (3)")
    parser.add_argument("--verbose", action="store_true", help="print each statement before it runs")
    options = parser.parse_args()
    options.rewrites = options.rewrite or REWRITES
    return options


def main():
    options = parse_arguments()
    start = time.monotonic()
    set_up(options)
    counts = collections.Counter()
    failures = []
    work = jobs(options)
    with concurrent.futures.ProcessPoolExecutor(max(1, min(options.jobs, len(work)))) as pool:
        for more, failed in pool.map(run_world, work):
            counts += more
            failures += failed
            for failure in failed:
                print(failure, flush=True)
    sys.exit(0 if report(options, counts, failures, time.monotonic() - start) else 1)


if __name__ == "__main__":
    main()
