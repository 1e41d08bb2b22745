"""The indexes room's part: more.check_unique beside the joins that one would write."""

import statistics
import time

from client import Client

DATABASE = "bench_people"
SIZES = [1, 100, 1_000, 10_000, 100_000]
SMALL = 1_000

COLUMNS = "id int, email text, room int, guest int, state text"
CALL = "SELECT ordinal, index, conflict FROM more.check_unique('person', $1)"
# What the table's three unique indexes would refuse, in one statement; rows of the data are not compared with each other.
JOIN = f"""WITH data AS MATERIALIZED (
    SELECT d.*, row_number() OVER () AS ordinal FROM json_to_recordset($1::json) AS d ({COLUMNS}))
SELECT ordinal, 'person_pkey', to_jsonb(p) FROM data AS d JOIN person AS p ON p.id = d.id
UNION ALL
SELECT ordinal, 'person_email', to_jsonb(p) FROM data AS d JOIN person AS p ON lower(p.email) = lower(d.email)
UNION ALL
SELECT ordinal, 'person_room', to_jsonb(p) FROM data AS d JOIN person AS p
    ON p.room = d.room AND p.guest = d.guest AND p.state = 'open' AND d.state = 'open'"""
# The same with nested loops only: each row is looked up in each index.
WAYS = [("more", "more.check_unique", CALL, {}), ("join", "three joins", JOIN, {}),
        ("probes", "three joins, index probes forced", JOIN, {"enable_hashjoin": "off", "enable_mergejoin": "off"})]


class Indexes:
    def __init__(self, admin, args, progress):
        self.admin = admin
        self.rows = args.rows
        self.repeat = args.repeat
        self.quick = args.quick
        self.progress = progress

    def make(self):
        self.progress(f"making a table of {self.rows:,} people")
        self.admin.run(f"CREATE DATABASE {DATABASE}")
        client = Client(DATABASE)
        client.run("CREATE EXTENSION pg_more")
        client.run("CREATE TABLE person (id int PRIMARY KEY, email text NOT NULL, room int, guest int, state text)")
        client.run(f"""INSERT INTO person SELECT i, 'User' || i || '@example.org', i % {self.rows // 10 + 1}, i, CASE WHEN i % 4 = 0 THEN 'open' ELSE 'done' END
            FROM generate_series(0, {self.rows - 1}) i""")
        client.run("CREATE UNIQUE INDEX person_email ON person (lower(email))")
        client.run("CREATE UNIQUE INDEX person_room ON person (room, guest) WHERE state = 'open'")
        client.run("VACUUM (FREEZE, ANALYZE) person")
        client.run("CHECKPOINT")
        client.close()

    def payload(self, client, n):
        """Rows in random order, one in ten of which is in the way of one that is there."""
        return client.row(f"""SELECT json_agg(json_build_object('id', id, 'email', 'user' || id || '@example.org',
                'room', id % {self.rows // 10 + 1}, 'guest', id, 'state', 'open') ORDER BY hashint4(id))
            FROM (SELECT CASE WHEN j % 10 = 0 THEN j * 7919::bigint % {self.rows} ELSE {self.rows} + j END::int AS id
                FROM generate_series(1, {n}) j) ids""")[0].encode()

    def measure(self):
        """Milliseconds of each way, in turns, each in a session of its own."""
        self.make()
        sizes = [n for n in SIZES if n <= self.rows // 10]
        out = {"sizes": sizes, "ways": [{"key": key, "label": label, "ms": {}} for key, label, _, _ in WAYS]}
        maker = Client(DATABASE)
        for n in sizes:
            self.progress(f"check_unique: {n:,} rows")
            data = self.payload(maker, n)
            clients = [Client(DATABASE, **settings) for _, _, _, settings in WAYS]
            turns = self.repeat * (20 if n <= SMALL and not self.quick else 3)
            kept = [[] for _ in WAYS]
            for turn in range(-6, turns):
                order = range(len(WAYS)) if turn % 2 else range(len(WAYS) - 1, -1, -1)
                found = set()
                for i in order:
                    start = time.perf_counter()
                    result = clients[i].execute(WAYS[i][2], [data])
                    took = (time.perf_counter() - start) * 1000
                    found.add(result.ntuples)
                    if turn >= 0:
                        kept[i].append(round(took, 4))
                if len(found) > 1:
                    raise SystemExit(f"check_unique, {n}: not all ways find as many conflicts: {found}")
            for way, ms in zip(out["ways"], kept):
                way["ms"][str(n)] = ms
            for client in clients:
                client.close()
            print("            " + ", ".join(f"{way['label']} {statistics.median(way['ms'][str(n)]):,.3f} ms" for way in out["ways"]), flush=True)
        maker.close()
        self.admin.run(f"DROP DATABASE {DATABASE}")
        return out
