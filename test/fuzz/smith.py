#!/usr/bin/env python3
"""What sqlsmith makes up, with the planner's rewrites off and forced: no crash, and no error that off does not give.

sqlsmith looks at a few worlds of random tables (world.py) and prints statements; in the place of most of its tests
for NULL a list of tuples, an array or a CASE is put. Rows cannot be compared, since the statements hold LIMITs, samples and
functions of all kinds; and errors that data raise may depend on which rows come first, so these are only
counted. The output is TAP.

Connects with libpq's environment variables, as a superuser; the statements run as a role without rights of its own.
"""

import argparse
import collections
import concurrent.futures
import os
import random
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True

from fuzz import Crash, Session, enter, set_up  # noqa: E402
from world import ROLE, World  # noqa: E402

WORLDS = 4
ROUND = 500
# Errors that depend on rows, time or luck: data, resources, cancel, what the statement says of itself.
FICKLE = re.compile("22|23|53|54|57014|P0|38|39|2F|21000|42P22|40|25|55")


def make_worlds(options, seed):
    """A few worlds that sqlsmith can look at, and that the role may use."""
    off, on = Session("off"), Session("on")
    for number in range(WORLDS):
        # without the collations that many functions refuse, row by row
        features = dict(options.features, icu=False)
        world = World(random.Random("sqlsmith/%d/%d" % (seed, number)), "smith%d" % number, features)
        world.as_role = False
        world.mode = "force"
        enter(world, off, on)
        off.must("RESET ROLE", "GRANT USAGE ON SCHEMA %s TO %s" % (world.schema, ROLE),
                 "GRANT ALL ON ALL TABLES IN SCHEMA %s TO %s" % (world.schema, ROLE))
    off.connection.close()
    on.connection.close()


def invent(seed):
    """The statements of one run of sqlsmith."""
    target = "host=%s port=%s dbname=%s user=%s" % tuple(os.environ[name] for name in (
        "PGHOST", "PGPORT", "PGDATABASE", "PGUSER"))
    made = subprocess.run(["sqlsmith", "--target=" + target, "--exclude-catalog", "--dry-run", "--seed=%d" % seed,
                           "--max-queries=%d" % ROUND], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=True)
    statements = re.split(r";\s*\n", made.stdout)
    # what differs by session tells nothing: samples, its process, and the counts of the rewrites themselves
    return [re.sub(r" tablesample \w+ \([\d.]+\)", "", sql) for sql in statements
            if sql.strip() and not re.search(r"\bmore\.|backend_pid", sql)]


def with_shapes(sql, rng):
    """Puts shapes in the place of some tests."""
    def shape(match):
        column = match.group(1)
        if rng.random() < 0.3:
            return match.group(0)
        if not re.search(r"\.(a|id)$", column):
            column = "(%s is null)::int4" % column
        return rng.choice([
            "(%(c)s, %(c)s %% 3) in ((1, 1), (2, 2), (3, 0), (null, 1))",
            "(%(c)s, %(c)s %% 2) not in ((1, 1), (2, 0), (7, 1))",
            "((%(c)s = 1 and %(c)s %% 2 = 1) or (%(c)s %% 2 = 0 and %(c)s = 4) or (2 = %(c)s and %(c)s %% 2 = 0))",
            "%(c)s = any ('{1,2,3,null}'::int8[])", "%(c)s <> all ('{1,2}'::int8[])",
            "case %(c)s when 1 then true when 2 then false when 3 then true when 1 then null else false end",
            "(case when %(c)s = 1 then 'a' when %(c)s = 2 then 'b' when 3 = %(c)s then null end) = 'b'",
        ]) % {"c": column}
    return re.sub(r"\b((?:sample|ref|subq)_\d+\.\w+) is (?:not )?NULL", shape, sql)


def run_round(job):
    """One run of sqlsmith's, in both sessions."""
    options, seed = job
    rng = random.Random(seed)
    counts = collections.Counter()
    failures = []
    off, on = Session("off"), Session("on")
    for number, sql in enumerate(invent(seed)):
        sql = with_shapes(sql, rng)
        results = []
        for side, mode in ((off, "off"), (on, "force")):
            try:
                if number % 100 == 0 or not side.ready:
                    side.must("DISCARD ALL", "SET pg_more.rewrites = %s" % mode, "SET statement_timeout = '3s'",
                              "SET ROLE %s" % ROLE)
                    side.ready = True
                side.run("BEGIN")
                results.append(side.run(sql))
                side.run("ROLLBACK")
            except Crash as crash:
                side.ready = False
                results.append(("error", "crash", str(crash)))
        counts["statements"] += 1
        judge(sql, seed, results, counts, failures)
    off.connection.close()
    on.connection.close()
    return counts, failures


def judge(sql, seed, results, counts, failures):
    """Counts what the two sides gave, and keeps what must not be."""
    plain, changed = [result[1] if result[0] == "error" else None for result in results]
    if "crash" in (plain, changed):
        counts["crashes"] += 1
        failures.append("-- seed %d: %s\n%s;\n" % (seed, results, sql))
        return
    if plain:
        counts["errors of both" if changed else "errors of off alone"] += 1
    if changed and changed != plain:
        if FICKLE.match(changed) or plain and FICKLE.match(plain):
            counts["errors of data that differ"] += 1
            return
        counts["new errors"] += 1
        failures.append("-- seed %d: off gives %s, rewritten %s\n%s;\n" % (seed, plain, results[1][2], sql))


def main():
    parser = argparse.ArgumentParser(prog="test/fuzz/sqlsmith", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="chooses the worlds and the statements (1)")
    parser.add_argument("--minutes", type=float, default=60, help="for how long (60)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many processes")
    options = parser.parse_args()
    set_up(options)
    make_worlds(options, options.seed)
    start = time.monotonic()
    counts = collections.Counter()
    seed = options.seed * 1000000
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        while time.monotonic() < start + options.minutes * 60:
            for more, failed in pool.map(run_round, [(options, seed + job) for job in range(options.jobs)]):
                counts += more
                for failure in failed:
                    print(failure, flush=True)
            seed += options.jobs
    print("# seed %d, %.0f s; %s" % (options.seed, time.monotonic() - start, ", ".join(
        "%s %d" % item for item in sorted(counts.items()))))
    print("1..2")
    print("%s 1 - %d statements of sqlsmith's, %d crashes" % (
        "not ok" if counts["crashes"] or not counts["statements"] else "ok", counts["statements"], counts["crashes"]))
    print("%s 2 - %d errors that off does not give" % ("not ok" if counts["new errors"] else "ok", counts["new errors"]))
    sys.exit(1 if counts["crashes"] or counts["new errors"] or not counts["statements"] else 0)


if __name__ == "__main__":
    main()
