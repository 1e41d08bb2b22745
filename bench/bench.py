#!/usr/bin/env python3
"""Measures pg_more beside the idioms it replaces, in one run on one server; bench/run starts the server and calls this.
README.md tells what is measured, how, and how to read what comes out."""

import argparse
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import time

VERB_PARTS = ["update", "upsert", "insert", "decode", "rows_in", "one_row", "memory"]
PLANNER_PARTS = ["planner_lists", "planner_case", "planner_arrays", "planner_rows_in", "planner_or", "planner_unions",
                 "planner_annotation", "planner_nothing"]
PARTS = VERB_PARTS + PLANNER_PARTS + ["enums", "check_unique", "nested", "query"]
CASE_SIZES = [100, 1_000, 10_000, 100_000]
SIZES = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000]
TEMPLATE = "bench_template"
FILES = "bench_files"

# Up to here a size is measured many times on one copy of the table; beyond, each measurement has a copy of its own.
SMALL = 1_000

# How many rounds there are, and how many calls each side makes in a round, one after the other.
ROUNDS = {1: (20, 20), 10: (20, 10), 100: (15, 5), 1_000: (15, 1)}


def arguments():
    parser = argparse.ArgumentParser(prog="bench/run", description="pg_more beside the idioms it replaces; README.md says more.")
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of the table that is written (2000000)")
    parser.add_argument("--files", type=int, default=5_000_000,
                        help="rows of the tables that rows_in, the planner's parts and enums use (5000000)")
    parser.add_argument("--sizes", help="rows in one call, separated by commas (" + ",".join(map(str, SIZES)) + ")")
    parser.add_argument("--repeat", type=int, default=5, help="measurements of each side at sizes above 1000 (5)")
    parser.add_argument("--only", help="parts to measure, separated by commas, out of " + ",".join(PARTS) +
                        "; planner stands for all of the planner's")
    parser.add_argument("--quick", action="store_true", help="small tables, few repeats: to see that it works")
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "out"),
                        help="folder for the results (bench/out)")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.quick:
        args.rows, args.files, args.repeat = min(args.rows, 40_000), min(args.files, 50_000), min(args.repeat, 2)
    try:
        args.sizes = sorted({int(n) for n in args.sizes.split(",")}) if args.sizes else SIZES
    except ValueError:
        parser.error("--sizes takes numbers separated by commas")
    args.only = args.only.split(",") if args.only else PARTS
    if "planner" in args.only:
        args.only += PLANNER_PARTS
        args.only.remove("planner")
    unknown = [part for part in args.only if part not in PARTS]
    if unknown:
        parser.error(f"no part is called {unknown[0]}; there are {', '.join(PARTS)}")
    if min(args.sizes, default=0) < 1 or args.repeat < 1 or args.rows < 1_000 or args.files < 2_000:
        parser.error("--sizes and --repeat start at 1, --rows at 1000, --files at 2000")
    # At least half of the table stays as it was, as with a million of two million rows.
    args.sizes = [n for n in args.sizes if n <= args.rows // 2]
    if not args.sizes:
        parser.error("every size is more than half of --rows")
    return args


ARGS = arguments()
if ARGS.check:
    sys.exit()

from annotations import Annotations  # noqa: E402  (psycopg may be missing for --check)
from cases import Cases  # noqa: E402
from client import Client, PrivateMemory, have_proc, proc_status  # noqa: E402
from counting import count_nothing  # noqa: E402
from enums import Enums  # noqa: E402
from indexes import Indexes  # noqa: E402
from nested import Nested  # noqa: E402
from ors import Ors  # noqa: E402
from unions import Unions  # noqa: E402
from planner import Planner  # noqa: E402
from queries import Queries  # noqa: E402
from report import write_report  # noqa: E402
from sides import PLAIN, TUPLE, Rows, case_sides, decode_sides, insert_sides, rows_in_sides, update_sides, upsert_sides  # noqa: E402


def progress(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


# ----------------------------------------------------------------------------------------------------------- the data

def make_tables(admin):
    """Makes the database that all measurements of writing verbs are copies of."""
    progress(f"making a table of {ARGS.rows:,} rows")
    admin.run(f"CREATE DATABASE {TEMPLATE}")
    client = Client(TEMPLATE)
    client.run("CREATE EXTENSION pg_more")
    client.run("CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b numeric(12,2) NOT NULL, c text NOT NULL, pick int)")
    # pick numbers the rows in a random order: a list of keys is a range of it, and so is the floor's predicate.
    client.run(f"""INSERT INTO t SELECT i, i % 1000, (i % 100000) / 100.0, 'name ' || i % 100000,
        row_number() OVER (ORDER BY hashint4extended(i, 42), i) - 1 FROM generate_series(1, {ARGS.rows}) i ORDER BY i""")
    client.run("CREATE TABLE empty_t (id int, a int, b numeric(12,2), c text)")
    client.run("VACUUM (FREEZE, ANALYZE) t")
    client.run("VACUUM (FREEZE, ANALYZE) empty_t")
    ids = [int(row[0]) for row in client.rows("SELECT id FROM t ORDER BY pick")]
    client.close()
    admin.run("CHECKPOINT")
    return ids


class FreshCopy:
    """A copy of the template, file by file, so that each measurement meets the same pages: no dead rows, the same free
    space, the same visibility map. Its pages are read into shared buffers before the clock runs. Making it ends with a
    checkpoint, so every measurement writes each page's full image to WAL once, whatever came before it."""

    def __init__(self, admin):
        self.admin = admin

    def __enter__(self):
        self.admin.run("DROP DATABASE IF EXISTS bench_copy")
        self.admin.run(f"CREATE DATABASE bench_copy TEMPLATE {TEMPLATE} STRATEGY file_copy")
        client = Client("bench_copy", max_parallel_workers_per_gather=0)
        client.run("SELECT count(pick) FROM t")
        client.run("SET enable_seqscan = off; SELECT count(id) FROM t WHERE id > 0; RESET enable_seqscan")
        client.close()
        return "bench_copy"

    def __exit__(self, *_):
        self.admin.run("DROP DATABASE bench_copy WITH (FORCE)")


class Payloads:
    """Lists of rows for the verbs: keys in random order, new values. A round has keys of its own at small sizes."""

    def __init__(self, ids):
        self.ids = ids
        self.random = random.Random(1)

    def values(self, keys):
        rand = self.random
        return [(key, rand.randrange(1_000_000), rand.randrange(10_000_000) / 100, f"name {rand.randrange(10**9):09d}")
                for key in keys]

    def existing(self, n, turn):
        start = turn * n % (len(self.ids) - n + 1)
        rows = Rows(PLAIN, self.values(self.ids[start:start + n]))
        rows.marks = [str(start).encode(), str(start + n).encode()]
        return rows

    def new(self, n, turn):
        first = len(self.ids) + 1 + turn * n
        keys = list(range(first, first + n))
        self.random.shuffle(keys)
        return Rows(PLAIN, self.values(keys))

    def half(self, n, turn):
        """Half of the keys exist; with one row, every other turn."""
        known = (n + 1 - turn % 2) // 2
        rows = self.existing(known, turn).rows if known else []
        rows += self.new(n - known, turn).rows
        self.random.shuffle(rows)
        return Rows(PLAIN, rows)


# ------------------------------------------------------------------------------------------------------ the measuring

CHECKSUM = "SELECT count(*), sum(hash_record_extended((id, a, b, c), 0)) FROM t"


def timed(client, side, payload, checksum=None):
    """Milliseconds of one side in a transaction that is rolled back, and the state it led to if that is asked for."""
    client.run("BEGIN")
    start = time.perf_counter()
    count = side.go(client, payload)
    ms = (time.perf_counter() - start) * 1000
    state = client.row(checksum) if checksum else None
    client.run("ROLLBACK")
    return ms, count, state


class Results:
    """The measurements of one part, and the check that all its sides do the same."""

    def __init__(self, sides, sizes):
        self.sides = sides
        self.sizes = sizes
        self.ms = {side.key: {n: [] for n in sizes} for side in sides}
        self.states = {}

    def agree(self, side, n, turn, count, state):
        """Stops the bench where a side did not touch the rows it was given, or led to another state than the sides before."""
        if side.kind == "floor":
            if count != n:
                raise SystemExit(f"{side.label}: touched {count} rows instead of {n}")
            return
        expected = self.states.setdefault((n, turn), (count, state, side.label))
        if expected[0] != count or (state and expected[1] and expected[1] != state):
            raise SystemExit(f"not the same result at {n} rows: {side.label}: {count} {state}; "
                             f"{expected[2]}: {expected[0]} {expected[1]}")

    def add(self, side, n, ms):
        self.ms[side.key][n].append(round(ms, 4))

    def tell(self, n):
        medians = {side.label: statistics.median(self.ms[side.key][n]) for side in self.sides if self.ms[side.key][n]}
        width = max(map(len, medians))
        for label, ms in medians.items():
            print(f"            {label:<{width}} {ms:12,.3f} ms", flush=True)

    def out(self):
        return {"sizes": self.sizes,
                "sides": [{"key": s.key, "label": s.label, "kind": s.kind} for s in self.sides],
                "ms": {key: {str(n): all_ms for n, all_ms in by_n.items()} for key, by_n in self.ms.items()}}


def rotated(sides, turn):
    """The sides in another order each turn, so that none always follows the same one."""
    turn %= len(sides)
    return sides[turn:] + sides[:turn]


def tried(sides, n):
    return [side for side in sides if side.most is None or n <= side.most]


class Apart:
    """This process on one processor core and the backends on another, if there are two: of two processes that wait for
    each other, the system places some on one core and some on two, which alone makes 20 microseconds a call."""

    def __init__(self, pids):
        self.cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self.pids = pids

    def __enter__(self):
        if len(self.cores) < 2:
            return
        os.sched_setaffinity(0, self.cores[:1])
        for pid in self.pids:
            try:
                os.sched_setaffinity(pid, self.cores[1:2])
            except PermissionError:    # not the server's user: all are left where they are
                os.sched_setaffinity(0, self.cores)
                return

    def __exit__(self, *_):
        if self.cores:
            os.sched_setaffinity(0, self.cores)


def measure_small(admin, results, sides, n, make_rows, settings):
    """Many rounds on one copy; the sides alternate within a round, with the same keys, and the keys change each time."""
    with FreshCopy(admin) as database:
        clients = {side.key: Client(database, **settings, **side.settings) for side in sides}
        rounds, calls = ROUNDS[max(k for k in ROUNDS if k <= n)]
        if ARGS.quick:
            rounds = 3
        warm = -(-6 // calls)    # a prepared statement gets its plan for good at its sixth execution
        with Apart([client.pid for client in clients.values()]):
            for turn in range(-warm, rounds):
                lists = [make_rows(n, (turn + warm) * calls + i) for i in range(calls)]
                for side in rotated(sides, turn + warm):
                    payloads = [side.ready(rows) for rows in lists]
                    for i, payload in enumerate(payloads):
                        check = CHECKSUM if turn == -warm and i == 0 and side.kind != "floor" else None
                        ms, count, state = timed(clients[side.key], side, payload, check)
                        results.agree(side, n, (turn, i), count, state)
                        if turn >= 0:
                            results.add(side, n, ms)
        for client in clients.values():
            client.close()


def measure_large(admin, results, sides, n, make_rows, settings):
    """Each measurement on a copy of its own; the sides alternate within a repeat."""
    rows = make_rows(n, 0)
    one = make_rows(1, 0)
    for turn in range(ARGS.repeat):
        for side in rotated(sides, turn):
            payload = side.ready(rows)
            with FreshCopy(admin) as database:
                client = Client(database, **settings, **side.settings)
                timed(client, side, side.ready(one))    # the session's caches know the tables, the library is loaded
                check = CHECKSUM if turn == 0 and side.kind != "floor" else None
                ms, count, state = timed(client, side, payload, check)
                client.close()
            results.agree(side, n, 0, count, state)
            results.add(side, n, ms)


def measure_writes(admin, name, sides, make_rows, sizes=None, **settings):
    sizes = sizes or ARGS.sizes
    results = Results(sides, sizes)
    for n in sizes:
        progress(f"{name}: {n:,} rows")
        measure = measure_small if n <= SMALL else measure_large
        measure(admin, results, tried(sides, n), n, make_rows, settings)
        results.tell(n)
    return results.out()


def measure_reads(name, database, sides, sizes, make_rows):
    """Sides that only read: one connection each, sides alternating; the first turn warms up and is checked."""
    results = Results(sides, sizes)
    for n in sizes:
        progress(f"{name}: {n:,} rows")
        now = tried(sides, n)
        rows = make_rows(n)
        payloads = {side.key: side.ready(rows) for side in now}
        clients = {side.key: Client(database) for side in now}
        repeat = ARGS.repeat if ARGS.quick or n > SMALL else max(ARGS.repeat, ROUNDS[SMALL][0])
        for turn in range(-1, repeat):
            for side in rotated(now, turn + 1):
                ms, count, _ = timed(clients[side.key], side, payloads[side.key])
                results.agree(side, n, 0, count, None)
                if turn >= 0:
                    results.add(side, n, ms)
        for client in clients.values():
            client.close()
        results.tell(n)
    return results.out()


# ---------------------------------------------------------------------------------------------------------- the parts

def part_update(admin, payloads):
    return measure_writes(admin, "update", update_sides(), payloads.existing)


def part_upsert(admin, payloads):
    return measure_writes(admin, "upsert", upsert_sides(), payloads.half)


def part_insert(admin, payloads):
    return measure_writes(admin, "insert", insert_sides(), payloads.new)


def part_decode(admin, payloads):
    with FreshCopy(admin) as database:
        return measure_reads("decode", database, decode_sides(), [n for n in ARGS.sizes if n >= 1_000] or ARGS.sizes[-1:],
                             lambda n: payloads.new(n, 0))


def part_rows_in(admin, payloads):
    """Lists of (md5, sha256), of which one in ten is in no row."""
    progress(f"making a table of {ARGS.files:,} files")
    admin.run(f"CREATE DATABASE {FILES}")
    client = Client(FILES)
    client.run("CREATE EXTENSION pg_more")
    client.run(f"""CREATE TABLE files AS SELECT i AS id, md5(i::text) AS md5, encode(sha256(i::text::bytea), 'hex') AS sha256,
        i::bigint * 1000 AS size FROM generate_series(1, {ARGS.files}) i""")
    client.run("VACUUM (FREEZE, ANALYZE) files")

    def some(n):
        rows = client.rows(f"""SELECT md5(i::text), encode(sha256(i::text::bytea), 'hex') FROM (
            SELECT (CASE WHEN j % 10 = 0 THEN {ARGS.files} ELSE 0 END) + 1 + (j * 7919::bigint) % {ARGS.files} AS i
            FROM generate_series(1, {n}) j) numbers""")
        return Rows(TUPLE, [tuple(row) for row in rows])

    sizes = [n for n in (1_000, 100_000, 1_000_000) if n <= ARGS.files // 2]
    out = {"plain": measure_reads("rows_in without an index", FILES, rows_in_sides(False), sizes, some)}
    progress("making the index")
    client.run("CREATE INDEX ON files (md5, sha256)")
    client.run("VACUUM (ANALYZE) files")
    out["indexed"] = measure_reads("rows_in with an index", FILES, rows_in_sides(True), sizes, some)
    client.close()
    admin.run(f"DROP DATABASE {FILES}")
    return out


# One row in a call, as pgbench sends it: the same transaction has the UPDATE, a function that does nothing and the verb,
# in two orders. Each statement is timed by itself, so the commit does not count.
ONE_ROW_PARAMETERS = """\\set id1 random(1, {rows})
\\set id2 random(1, {rows})
\\set a random(1, 1000000)
SELECT json_build_array(json_build_object('id', :id2::int, 'a', :a::int, 'b', :a / 100.0, 'c', 'name ' || :a)) AS data, 'name ' || :a AS c \\gset
BEGIN;
"""
ONE_ROW_STATEMENTS = {
    "update": "UPDATE t SET a = :a, b = :a / 100.0, c = :c WHERE id = :id1;",
    "noop": "SELECT pg_backend_pid();",
    "more": "SELECT more.bulk_update('t', :data);",
}

# The same without a client: PL/pgSQL keeps each statement prepared, and the loop is timed from inside.
ONE_ROW_INSIDE = """
CREATE FUNCTION one_row(what text, n int, first int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    data text[] := (SELECT array_agg(json_build_array(json_build_object(
        'id', id, 'a', i, 'b', i / 100.0, 'c', 'name ' || i))::text ORDER BY i)
        FROM (SELECT id, pick - first + 1 AS i FROM t WHERE pick >= first AND pick < first + n) s);
    ids int[] := (SELECT array_agg(id ORDER BY pick) FROM t WHERE pick >= first AND pick < first + n);
    start timestamptz := clock_timestamp();
BEGIN
    IF what = 'update' THEN
        FOR i IN 1..n LOOP
            UPDATE t SET a = i, b = i / 100.0, c = 'name ' || i WHERE id = ids[i];
        END LOOP;
    ELSIF what = 'noop' THEN
        FOR i IN 1..n LOOP
            PERFORM pg_backend_pid();
        END LOOP;
    ELSE
        FOR i IN 1..n LOOP
            PERFORM more.bulk_update('t', data[i]);
        END LOOP;
    END IF;
    RETURN extract(epoch FROM clock_timestamp() - start) * 1e6 / n;
END $$"""


def part_one_row(admin, payloads):
    calls = 500 if ARGS.quick else 5_000
    client_us = {name: [] for name in ONE_ROW_STATEMENTS}
    inside_us = {name: [] for name in ONE_ROW_STATEMENTS}
    progress("one row in a call")
    with FreshCopy(admin) as database:
        folder = os.environ["TMPDIR"]
        scripts = []
        for order in (("update", "noop", "more"), ("more", "noop", "update")):
            scripts.append(os.path.join(folder, f"one_row_{order[0]}.sql"))
            with open(scripts[-1], "w", encoding="ascii") as file:
                file.write(ONE_ROW_PARAMETERS.format(rows=ARGS.rows))
                file.write("".join(ONE_ROW_STATEMENTS[name] + "\n" for name in order) + "COMMIT;\n")
        command = ["pgbench", "-n", "-M", "prepared", "-r", "-t", str(calls), "-f", scripts[0], "-f", scripts[1], database]
        client = Client(database)
        client.run(ONE_ROW_INSIDE)
        for turn in range(ARGS.repeat):
            run = subprocess.run(command, capture_output=True, text=True,
                                 env={**os.environ, "PGOPTIONS": "-c synchronous_commit=off"})
            if run.returncode != 0:
                raise SystemExit("pgbench failed:\n" + run.stderr)
            report = run.stdout
            for name, sql in ONE_ROW_STATEMENTS.items():
                found = re.findall(r"^\s+([0-9.]+)\s(?:\s*\d+\s)?\s*" + re.escape(sql), report, re.MULTILINE)
                if len(found) != len(scripts):
                    raise SystemExit("pgbench's report has another shape than expected:\n" + report)
                client_us[name].append(statistics.mean(map(float, found)) * 1000)
            for name in rotated(list(ONE_ROW_STATEMENTS), turn):
                client.run("BEGIN")
                client.run(f"SELECT one_row('{name}', 10, 0)")
                inside_us[name].append(float(client.row(f"SELECT one_row('{name}', {calls}, {turn * calls % (ARGS.rows - calls)})")[0]))
                client.run("ROLLBACK")
        client.close()
    out = {"calls": calls, "client_us": client_us, "inside_us": inside_us}
    for where in ("client_us", "inside_us"):
        print("            " + where[:-3] + ": " + ", ".join(f"{name} {statistics.median(us):.1f} us"
                                                            for name, us in out[where].items()), flush=True)
    return out


def part_memory(admin, payloads):
    """The memory of a fresh backend for one call at the largest size, beside what it takes to receive the parameter."""
    if not have_proc():
        progress("memory: skipped, no /proc here")
        return None
    n = ARGS.sizes[-1]
    progress(f"memory: {n:,} rows")
    rows = payloads.existing(n, 0)
    by_key = {side.key: side for side in update_sides()}
    text, arrays = [rows.json()], rows.arrays()
    receive = "SELECT " + " + ".join(f"cardinality(${i + 1}::{t}[])" for i, t in enumerate(PLAIN.values()))
    ways = [
        ("receive_json", "receiving the JSON parameter only", text, lambda c, p: c.execute("SELECT length($1::text)", p)),
        ("receive_arrays", "receiving the array parameters only", arrays, lambda c, p: c.execute(receive, p)),
        ("unnest", by_key["unnest"].label, arrays, by_key["unnest"].go),
        ("recordset", by_key["recordset"].label, text, by_key["recordset"].go),
        ("temp", by_key["temp"].label, rows.copy(), by_key["temp"].go),
        ("more_json", by_key["more_json"].label, text, by_key["more_json"].go),
        ("more_arrays", by_key["more_arrays"].label, arrays, by_key["more_arrays"].go),
    ]
    out = {"n": n, "work_mem_kb": None, "ways": []}
    for key, label, payload, go in ways:
        with FreshCopy(admin) as database:
            client = Client(database)
            out["work_mem_kb"] = int(client.row("SELECT setting FROM pg_settings WHERE name = 'work_mem'")[0])
            before = proc_status(client.pid)["RssAnon"]
            client.run("BEGIN")
            with PrivateMemory(client.pid) as watched:
                go(client, payload)
            status = proc_status(client.pid)
            client.run("ROLLBACK")
            client.close()
        size = len(payload) if isinstance(payload, bytes) else sum(map(len, payload))
        out["ways"].append({"key": key, "label": label, "input_kb": size // 1024, "before_kb": before,
                            "private_peak_kb": max(watched.peak, status["RssAnon"]), "hwm_kb": status["VmHWM"],
                            "shared_kb": status["RssShmem"]})
        print(f"            {label:<48} input {size / 1e6:7.1f} MB, private peak {watched.peak / 1e3:8.1f} MB, "
              f"VmHWM {status['VmHWM'] / 1e3:8.1f} MB", flush=True)
    return out


def part_planner_case(admin, payloads):
    """Django's bulk_update, off and on."""
    sizes = [n for n in CASE_SIZES if n <= ARGS.rows // 2]
    out = {name: measure_writes(admin, f"Django's bulk_update of {words}", case_sides(columns), payloads.existing, sizes)
           for name, words, columns in (("one", "one column", "a"), ("two", "two columns", "ac"))}
    out["warm"] = Cases(admin, ARGS, progress).cases()
    return out


def describe(admin):
    settings = ("shared_buffers", "work_mem", "hash_mem_multiplier", "max_wal_size", "checkpoint_timeout", "autovacuum", "jit",
                "fsync", "full_page_writes", "synchronous_commit", "max_parallel_workers_per_gather")
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") if have_proc() else open(os.devnull) as file:
        cpu = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    return {"server": admin.row("SHOW server_version")[0], "machine": platform.machine(), "cores": os.cpu_count(),
            "cpu": cpu.group(1) if cpu else "unknown", "date": time.strftime("%Y-%m-%d"), "quick": ARGS.quick,
            "rows": ARGS.rows, "files": ARGS.files, "repeat": ARGS.repeat,
            "settings": {name: admin.row(f"SHOW {name}")[0] for name in settings}}


def main():
    started = time.time()
    os.makedirs(ARGS.out, exist_ok=True)
    admin = Client("postgres")
    result = {"about": describe(admin), "parts": {}}
    planner = Planner(admin, ARGS, progress)
    alone = {"planner_lists": planner.lists, "planner_arrays": planner.arrays, "planner_rows_in": planner.rows_in,
             "planner_or": Ors(admin, ARGS, progress).ors,
             "planner_unions": Unions(admin, ARGS, progress).unions,
             "planner_annotation": Annotations(admin, ARGS, progress).annotations,
             "planner_nothing": lambda: count_nothing(admin.row("SHOW data_directory")[0], progress),
             "enums": Enums(admin, ARGS, progress).measure, "check_unique": Indexes(admin, ARGS, progress).measure,
             "nested": Nested(admin, ARGS, progress).measure, "query": Queries(admin, ARGS, progress).measure}
    payloads = None
    for part in PARTS:
        if part in ARGS.only:
            if part in alone:
                result["parts"][part] = alone[part]()
            else:
                payloads = payloads or Payloads(make_tables(admin))
                result["parts"][part] = globals()["part_" + part](admin, payloads)
            result["about"]["seconds"] = round(time.time() - started)
            # After each part, so that a run that is stopped keeps what it has.
            with open(os.path.join(ARGS.out, "result.json"), "w", encoding="utf-8") as file:
                json.dump(result, file, indent=1)
                file.write("\n")
            write_report(ARGS.out)
    planner.drop()
    admin.close()
    progress(f"done in {time.time() - started:,.0f} s: {os.path.relpath(ARGS.out)}/table.md, and the charts beside it")


main()
