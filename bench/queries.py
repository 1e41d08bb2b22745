"""The query room's part: what composing a query costs, running it beside its SQL, and literal rows as data beside SQL text."""

import json
import statistics
import time

from client import Client

DATABASE = "bench_queries"
BATCH = 2_000           # queries that one statement composes

# Ten steps, one of which has another value each time.
STEPS = """more.slice(more.order_by(more.pick(more.annotate(more.annotate(more.filter(more.join_with(more.exclude(more.filter(
    more.from_table('item'), 'price > $least', jsonb_build_object('least', {value})),
    'sold'), 'maker', more.from_table('maker'), 'maker_id = maker.id'), 'maker.country <> ''none'''),
    'country', 'maker.country'), 'total', 'price * stock'), 'id', 'name', 'total', 'country'), 'total DESC', 'id'), 5, 20)"""
# The same with other words each time.
NEW_STEPS = """more.slice(more.order_by(more.pick(more.annotate(more.annotate(more.filter(more.join_with(more.exclude(more.filter(
    more.from_table('item'), 'price > $least' || {value}, jsonb_build_object('least' || {value}, {value})),
    'sold AND id <> ' || {value}), 'maker' || {value}, more.from_table('maker'), 'maker_id = maker' || {value} || '.id'),
    'maker' || {value} || '.country <> ''none'''), 'country', 'maker' || {value} || '.country'), 'total' || {value}, 'price * stock + ' || {value}),
    'id', 'name', 'total' || {value}, 'country'), 'total' || {value} || ' DESC', 'id'), 5, 20)"""
# Without what makes the value: that is not composing.
VALUE = "jsonb_build_object('least', {value})"
BY_HAND = """SELECT item.id, item.name, price * stock AS total, maker.country FROM item JOIN maker ON maker_id = maker.id
    WHERE price > {value} AND sold IS NOT TRUE AND maker.country <> 'none' ORDER BY total DESC, item.id OFFSET 5 LIMIT 20"""

MATCH = "more.join_with(more.from_table('item'), 'w', more.literal($1::more.rowset, 'item'), 'id = w.id AND name = w.name')"


class Queries:
    def __init__(self, admin, args, progress):
        self.admin = admin
        self.rows = args.rows
        self.repeat = args.repeat
        self.literal = 20_000 if args.quick else 1_000_000
        self.progress = progress

    def make(self):
        self.progress(f"queries: making a table of {self.rows:,} items")
        self.admin.run(f"CREATE DATABASE {DATABASE}")
        client = Client(DATABASE)
        client.run("CREATE EXTENSION pg_more")
        client.run("CREATE TABLE maker (id int PRIMARY KEY, country text NOT NULL)")
        client.run("INSERT INTO maker SELECT i, 'country ' || i % 50 FROM generate_series(1, 1000) AS i")
        client.run("CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL, price int, stock int, sold boolean, maker_id int REFERENCES maker)")
        client.run(f"""INSERT INTO item SELECT i, 'item ' || i, i * 7919::bigint % 1000, i % 100, i % 3 = 0, i % 1000 + 1
            FROM generate_series(1, {self.rows}) AS i""")
        client.run("VACUUM (FREEZE, ANALYZE)")
        client.run("CHECKPOINT")
        client.close()

    def timed(self, client, sql, params=None):
        start = time.perf_counter()
        result = client.execute(sql, params) if params is not None else client.run(sql)
        return (time.perf_counter() - start) * 1000, result

    def cpu(self, client, sql, clock):
        """Nanoseconds that a statement keeps the server process busy."""
        def busy():
            with open(clock, encoding="ascii") as file:
                return int(file.read().split()[0])
        start = busy()
        client.execute(sql, [])
        return busy() - start

    def compose(self):
        """
        Microseconds of CPU for one query of ten steps: what many in one statement take of the server process, less what making
        the values takes; of steps that the session has seen, but for a value, and of steps with words that it has not, made
        as they are used.
        """
        client = Client(DATABASE)
        ways = {key: f"SELECT count({text.format(value='i')}) FROM generate_series(1, {BATCH}) AS i" for key, text in
                (("value", VALUE), ("compose_us", STEPS), ("compose_new_us", NEW_STEPS))}
        us = {"compose_us": [], "compose_new_us": []}
        clock = f"/proc/{client.row('SELECT pg_backend_pid()')[0]}/schedstat"
        for turn in range(-2, self.repeat * 3):
            ns = {key: self.cpu(client, sql, clock) for key, sql in ways.items()}
            if turn >= 0:
                for key, kept in us.items():
                    kept.append(round((ns[key] - ns["value"]) / 1000 / BATCH, 2))
        client.close()
        return us

    def turns(self, client, ways, times, check):
        """Milliseconds of each way, in turns whose order changes; all must give the same."""
        kept = {key: [] for key in ways}
        for turn in range(-2, times):
            keys = list(ways) if turn % 2 else list(reversed(ways))
            found = {}
            for key in keys:
                ms, result = self.timed(client, *ways[key])
                found[key] = check(result)
                if turn >= 0:
                    kept[key].append(round(ms, 4))
            if len(set(found.values())) > 1:
                raise SystemExit(f"queries: not the same result: {found}")
        return kept

    def run(self, value, times):
        """The ten steps run beside the SQL that one would write: composed and run in the statement; composed before."""
        client = Client(DATABASE, session_preload_libraries="pg_more")
        steps, by_hand = STEPS.format(value=value), BY_HAND.format(value=value)
        composed = client.row(f"SELECT quote_literal({steps}::text)")[0]
        ways = {"hand": (f"SELECT to_jsonb(x) FROM ({by_hand}) AS x",), "steps": (f"SELECT * FROM more.rows({steps})",),
                "text": (f"SELECT * FROM more.rows({composed}::more.query)",)}
        kept = self.turns(client, ways, times, lambda result: tuple(result.get_value(i, 0) for i in range(result.ntuples)))
        client.close()
        return kept

    def literals(self):
        """Rows that are matched with a table: as data, and as VALUES in the text of a statement."""
        client = Client(DATABASE)
        count = min(self.literal, self.rows)
        keys = [(n * 7919 % self.rows + 1, f"item {n * 7919 % self.rows + 1}") for n in range(count)]
        data = json.dumps([{"id": i, "name": name} for i, name in keys]).encode()
        values = ", ".join(f"({i}, '{name}')" for i, name in keys)
        text = f"SELECT count(*) FROM item JOIN (VALUES {values}) AS w (id, name) ON item.id = w.id AND item.name = w.name".encode()
        ways = {"data": (f"SELECT more.count({MATCH})", [data]), "text": (text,)}
        kept = self.turns(client, ways, self.repeat, lambda result: result.get_value(0, 0))
        # and given back as they are
        ways = {"data": ("SELECT count(r), max(r ->> 'name') FROM more.rows(more.literal($1::more.rowset, 'item')) AS r", [data]),
                "text": (f"SELECT count(r), max(r ->> 'name') FROM (SELECT to_jsonb(x) FROM (VALUES {values}) AS x (id, name)) AS y (r)".encode(),)}
        given = self.turns(client, ways, self.repeat, lambda result: (result.get_value(0, 0), result.get_value(0, 1)))
        client.close()
        return {"rows": count, "ms": kept, "given": given}

    def measure(self):
        self.make()
        out = self.compose()
        print(f"            composing ten steps: {statistics.median(out['compose_us']):.1f} us; "
              f"of words that are new: {statistics.median(out['compose_new_us']):.1f} us", flush=True)
        # few rows pass the first condition, or nearly all
        out["short"], out["long"] = self.run(998, self.repeat * 10), self.run(10, self.repeat * 2)
        out["literal"] = self.literals()
        for name, ms in (("few rows", out["short"]), ("all rows", out["long"]), (f"{out['literal']['rows']:,} literal rows matched", out["literal"]["ms"]),
                         (f"{out['literal']['rows']:,} literal rows given back", out["literal"]["given"])):
            print(f"            {name}: " + ", ".join(f"{key} {statistics.median(times):,.2f} ms" for key, times in ms.items()), flush=True)
        self.admin.run(f"DROP DATABASE {DATABASE}")
        return out
