"""The enums room: dropping and replacing a value of an enum type beside the type swap that migration tools send, with
pgbench reading and writing beside pg_more's way."""

import glob
import os
import statistics
import subprocess
import time

from client import Client

DATABASE = "bench_enums"
LABELS = ["new", "paid", "packed", "sent", "done", "lost", "never"]
# One row in a hundred is lost, none is never; each of the others has a fifth of the rest.
LABEL_OF_ROW = "CASE WHEN i % 100 = 0 THEN 'lost' ELSE (ARRAY['new', 'paid', 'packed', 'sent', 'done'])[1 + i % 5] END"

TASKS = {
    "drop": ("dropping a value that no row holds", "never", None),
    "replace": ("replacing a value that 1 % of the rows hold", "lost", "done"),
}

# What runs beside: one row is read, and one is written, by its key; each statement's time is logged by itself.
READER = "\\set id random(1, {rows})\nSELECT status FROM orders WHERE id = :id;\n"
WRITER = "\\set id random(1, {rows})\nUPDATE orders SET amount = amount + 1 WHERE id = :id;\n"
CLIENTS = 4         # two that read and two that write
RATE = 200          # transactions a second of all four: a load, not a flood; two cores must serve both sides


def swap(client, label, replacement):
    """The type swap, as alembic, Prisma, TypeORM and Drizzle send it, in one transaction."""
    kept = ", ".join(f"'{other}'" for other in LABELS if other != label)
    client.run("BEGIN")
    if replacement:
        client.run(f"UPDATE orders SET status = '{replacement}' WHERE status = '{label}'")
    client.run("ALTER TYPE status RENAME TO status_old")
    client.run(f"CREATE TYPE status AS ENUM ({kept})")
    client.run("ALTER TABLE orders ALTER COLUMN status TYPE status USING status::text::status")
    client.run("DROP TYPE status_old")
    client.run("COMMIT")


def more(client, label, replacement):
    if replacement:
        client.run(f"CALL more.enum_drop('status', '{label}', 'set_value', '{replacement}')")
    else:
        client.run(f"CALL more.enum_drop('status', '{label}')")


WAYS = {"swap": ("type swap, in one transaction", swap), "more": ("more.enum_drop", more)}


class Enums:
    """The part of the enums room; returns what report needs."""

    def __init__(self, admin, args, progress):
        self.admin = admin
        self.rows = args.files
        self.quick = args.quick
        self.repeat = 1 if args.quick else min(args.repeat, 3)
        self.progress = progress

    def make(self):
        """A fresh table for each measurement: three indexes, the column in one of them."""
        self.admin.run(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        self.admin.run(f"CREATE DATABASE {DATABASE} TEMPLATE {DATABASE}_template STRATEGY file_copy")
        client = Client(DATABASE, client_min_messages="warning")
        # Its pages are in shared buffers, and those of its indexes, as of a table that is used.
        client.run("SELECT count(amount) FROM orders")
        client.run("SET enable_seqscan = off; SET enable_bitmapscan = off")
        for column, least in (("id", "0"), ("customer", "0"), ("status", "'new'")):
            client.run(f"SELECT count({column}) FROM orders WHERE {column} >= {least}")
        client.run("RESET enable_seqscan; RESET enable_bitmapscan")
        client.run("SELECT more.enum_values('status')")     # the library is loaded
        return client

    def make_template(self):
        self.progress(f"making a table of {self.rows:,} rows")
        self.admin.run(f"CREATE DATABASE {DATABASE}_template")
        client = Client(DATABASE + "_template")
        client.run("CREATE EXTENSION pg_more")
        client.run("CREATE TYPE status AS ENUM (" + ", ".join(f"'{label}'" for label in LABELS) + ")")
        client.run("CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, status status NOT NULL, amount int NOT NULL)"
                   " WITH (fillfactor = 90)")
        client.run(f"""INSERT INTO orders SELECT i, hashint4(i) & 65535, ({LABEL_OF_ROW})::status, i % 1000
            FROM generate_series(1, {self.rows}) i""")
        client.run("CREATE INDEX orders_customer ON orders (customer)")
        client.run("CREATE INDEX orders_status ON orders (status, customer)")
        client.run("VACUUM (FREEZE, ANALYZE) orders")
        client.run("CHECKPOINT")
        client.close()

    def state(self, client, label, replacement):
        """What must be the same after either way."""
        client.run("SET enable_seqscan = off")
        rows = client.rows("SELECT status, count(*) FROM orders GROUP BY 1 ORDER BY 1")
        client.run("RESET enable_seqscan")
        labels = client.rows("SELECT unnest(enum_range(NULL::status))")
        if [label] in labels or any(row[0] == label for row in rows):
            raise SystemExit(f"{label} is still there")
        return rows, labels

    def alone(self, key, task):
        """Milliseconds of each way by itself, on a fresh copy each time."""
        words, label, replacement = TASKS[task]
        run = WAYS[key][1]
        client = self.make()
        files = client.row("SELECT pg_relation_filenode('orders')")
        start = time.perf_counter()
        run(client, label, replacement)
        ms = (time.perf_counter() - start) * 1000
        same = client.row("SELECT pg_relation_filenode('orders')") == files
        state = self.state(client, label, replacement)
        client.close()
        return ms, same, state

    def beside(self, key, task, alone_ms):
        """The same with pgbench beside it: the longest a statement of a client took, before it and while it ran."""
        words, label, replacement = TASKS[task]
        run = WAYS[key][1]
        client = self.make()
        folder = os.path.join(os.environ["TMPDIR"], f"beside_{task}_{key}")
        os.makedirs(folder)
        scripts = []
        for name, text in (("reader", READER), ("writer", WRITER)):
            scripts.append(os.path.join(folder, name + ".sql"))
            with open(scripts[-1], "w", encoding="ascii") as file:
                file.write(text.format(rows=self.rows))
        calm = 2 if self.quick else 10
        # pgbench must end by itself, since its log is written then. Nothing is prepared: after a swap that fails.
        seconds = calm + 5 + 4 * int(1 + alone_ms / 1000)
        command = ["pgbench", "-n", "-M", "extended", "-c", str(CLIENTS), "-j", "1", "-R", str(RATE), "-T", str(seconds), "-l",
                   "--log-prefix", os.path.join(folder, "log"), "-f", scripts[0], "-f", scripts[1], DATABASE]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as pgbench:
            time.sleep(1 + calm)        # the first second is for connecting
            begin = time.time()
            start = time.perf_counter()
            run(client, label, replacement)
            ms = (time.perf_counter() - start) * 1000
            end = time.time()
            if pgbench.poll() is not None:
                raise SystemExit(f"pgbench ended before {WAYS[key][0]} did: {pgbench.stderr.read().decode()}")
            if pgbench.wait() != 0:
                raise SystemExit(f"pgbench failed: {pgbench.stderr.read().decode()}")
        client.close()
        before, during = {0: [], 1: []}, {0: [], 1: []}
        for name in glob.glob(os.path.join(folder, "log*")):
            with open(name, encoding="ascii") as file:
                for line in file:
                    # client, transaction, microseconds since it was due, script, seconds and microseconds when it ended, lag
                    _, _, took, script, seconds, micro, lag = line.split()[:7]
                    finished = int(seconds) + int(micro) / 1e6
                    started = finished - int(took) / 1e6
                    wait = (int(took) - int(lag)) / 1000        # of the statement itself
                    if finished < begin - 0.1 and started > begin - calm:
                        before[int(script)].append(wait)
                    elif finished >= begin and started <= end:
                        during[int(script)].append(wait)
        return {"ms": round(ms, 1), "clients": {
            who: {"before": round(max(before[script], default=0), 2), "during": round(max(during[script], default=0), 2),
                  "median": round(statistics.median(during[script] or [0]), 3), "count": len(during[script])}
            for script, who in ((0, "readers"), (1, "writers"))}}

    def measure(self):
        self.make_template()
        out = {"rows": self.rows, "rate": RATE, "clients": CLIENTS, "tasks": {}}
        for task, (words, label, replacement) in TASKS.items():
            self.progress(words)
            ms = {key: [] for key in WAYS}
            kept = {key: True for key in WAYS}
            states = {}
            for turn in range(self.repeat):
                for key in list(WAYS)[::1 if turn % 2 else -1]:
                    took, same, states[key] = self.alone(key, task)
                    ms[key].append(round(took, 2))
                    kept[key] &= same
            if states["swap"] != states["more"]:
                raise SystemExit(f"{words}: the two ways do not lead to the same: {states}")
            beside = {key: self.beside(key, task, max(ms[key])) for key in WAYS}
            out["tasks"][task] = {"words": words, "ms": ms, "same_files": kept, "beside": beside}
            for key, (name, _) in WAYS.items():
                print(f"            {name}: {statistics.median(ms[key]):,.1f} ms, files "
                      f"{'kept' if kept[key] else 'rewritten'}; longest wait beside it: "
                      + ", ".join(f"{who} {waits['during']} ms (before it {waits['before']} ms)"
                                  for who, waits in beside[key]["clients"].items()), flush=True)
        self.admin.run(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        self.admin.run(f"DROP DATABASE {DATABASE}_template")
        return out
