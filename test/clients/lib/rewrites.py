"""What the Python tests of the planner's rewrites share.

A test has cases. A case is a function that has a client look up, or change, rows by a list of keys in the client's own way;
it says what the client sends for three keys, and which rewrites take that. Every case runs with pg_more.rewrites off, on and
force, each over a connection of its own, to a database that loads pg_more: the client knows nothing of it. Results and
tables must come out the same, and the form and the rewrites must be what the case says.
"""
import os
import re
import subprocess

from lib import tap
from lib.tap import is_

MODES = ("off", "on", "force")
cases = []
skipped = []


def case(form, takes=(), skip=None):
    """A decorator: the function is a case, `form` what the client sends last for three keys, `takes` the rewrites that take
    it, `skip` why this version of the client cannot do it."""
    def keep(function):
        if skip:
            skipped.append((label(function), skip))
            return function
        function.form = squeeze(form)
        function.takes = {takes} if isinstance(takes, str) else set(takes)
        cases.append(function)
        return function
    return keep


def squeeze(statement):
    """A statement with no more white space than it needs, so that a test may break its lines."""
    return re.sub(r"(?<=\() | (?=\))", "", " ".join(statement.split()))


def label(function):
    """A case's name, for people."""
    return function.__name__.replace("_", " ")


def psql(*arguments):
    """What psql prints, unaligned."""
    return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def set_up():
    """Makes the tables, and lets every later connection load pg_more."""
    psql("-c", "CREATE EXTENSION pg_more", "-f", os.path.join(os.path.dirname(__file__), "rewrites.sql"))
    psql("-c", f"ALTER DATABASE {os.environ['PGDATABASE']} SET session_preload_libraries = 'pg_more'")


def set_mode(mode):
    """Has later connections rewrite in this way."""
    psql("-c", f"ALTER DATABASE {os.environ['PGDATABASE']} SET pg_more.rewrites = '{mode}'")


def attempt(client, function):
    """Runs a case with two, three and some hundred keys, these without and with NULLs; tells all that can be seen of it."""
    before = client.query("SELECT contents()")
    applied = "SELECT rewrite, applied FROM more.rewrite_stats ORDER BY rewrite"
    keys = [(shop, sku) for shop, sku in client.query("SELECT shop, sku FROM wanted ORDER BY position")]
    stats = dict(client.query(applied))
    client.sent.clear()
    results = [function(keys[:3])]
    form = [squeeze(statement) for statement in client.sent if statement not in ("BEGIN", "COMMIT")][-1]
    for some in (keys[:2], [key for key in keys if None not in key], keys):
        results.append(function(some))
    taken = {rewrite for rewrite, times in client.query(applied) if times > stats[rewrite]}
    explained = taken if "$1" in form else {line.split()[1] for line, in client.query(f"EXPLAIN {form}") if line.startswith("pg_more: ")}
    after = client.query("SELECT contents()")
    if after != before:
        client.query("SELECT start_over()")
    return {
        "form": form, "taken": taken, "explained": explained, "results": results, "contents": after, "idle": after == before and not any(results),
    }


def run(connect, name="", forms=True):
    """Runs every case. `connect` opens a connection: an object with query(text), sent (a list of statements) and close().
    Without `forms` what the client sends is not looked at."""
    seen = {}
    for mode in MODES:
        set_mode(mode)
        client = connect()
        seen[mode] = {function: attempt(client, function) for function in cases}
        client.close()
    for function in cases:
        off, on, force = (seen[mode][function] for mode in MODES)
        if forms:
            is_(off["form"], function.form, f"{name}{label(function)}: the form")
        is_(off["idle"], False, f"{name}{label(function)} finds or changes something")
        for what in ("results", "contents"):
            is_(on[what], off[what], f"... the same {what} with rewrites on")
            is_(force[what], off[what], f"... and with force")
        is_((off["taken"], force["taken"]), (set(), function.takes), "... rewritten as said with force, and never with off")
        is_((off["explained"], force["explained"]), (set(), function.takes), "... and EXPLAIN says so")


def finish():
    """The last lines of TAP, and the exit status."""
    for name, reason in skipped:
        tap.skip(name, reason)
    return tap.finish()
