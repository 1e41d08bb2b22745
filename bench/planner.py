"""The planner's rewrites, off against on: statements as clients send them, in one session, off and on in turns."""

import statistics
import time
from collections import namedtuple
from itertools import permutations

from client import Client
from sides import PRELOADED, literal

# Tuples in one list; up to SMALL_LIST a rewrite can gain little, so what is asked there is that it loses nothing.
TUPLES = [2, 3, 5, 10, 30, 100, 1_000, 5_000]
SMALL_LIST = 30
# Without an index each tuple is compared with every row: beyond this, off would take minutes.
MOST_COMPARED = 1_000
ELEMENTS = [10, 100, 1_000]
ROWS_IN = [100, 1_000, 100_000]

# What takes longer than this, and twice as long as with them on, is run once with rewrites off; the difference is then not a
# matter of noise.
SLOW_MS = 4_000
WARM = 6            # a prepared statement gets its plan for good at its sixth execution

# start: given a client, a name and the number of rows or tuples, what to do before the clock runs and while it does
Way = namedtuple("Way", "key label modes most start exact", defaults=(None, None, True))


def nothing():
    pass


def array(values):
    return ("{" + ",".join(map(str, values)) + "}").encode()


def simple(sql_of):
    """Sent as text with literals: parsing, planning and execution."""
    def start(client, name, n):
        sql = sql_of(n).encode()
        return nothing, lambda: client.run(sql)
    return start


def planned(sql_of):
    """The same text, parsed and analysed before the clock runs: planning and execution."""
    def start(client, name, n):
        sql = sql_of(n).encode()

        def parse():
            client.run("DEALLOCATE ALL")
            client.check(client.conn.prepare(name.encode(), sql))
        return parse, lambda: client.check(client.conn.exec_prepared(name.encode(), []))
    return start


def prepared(sql_of, params_of):
    """Prepared once and executed with parameters."""
    def start(client, name, n):
        client.check(client.conn.prepare(name.encode(), sql_of(n).encode()))
        params = params_of(n)
        return nothing, lambda: client.check(client.conn.exec_prepared(name.encode(), params))
    return start


def unprepared(sql_of, params_of):
    """Sent with parameters, parsed and planned each time, as most drivers do unless told otherwise."""
    def start(client, name, n):
        sql, params = sql_of(n).encode(), params_of(n)
        return nothing, lambda: client.check(client.conn.exec_params(sql, params))
    return start


def rows_of(result):
    return sorted(tuple(result.get_value(r, i) for i in range(result.nfields)) for r in range(result.ntuples))


class Planner:
    """The parts of the planner room; each returns what report needs."""

    database = "bench_stock"

    def __init__(self, admin, args, progress):
        self.admin = admin
        self.rows = args.files
        self.quick = args.quick
        self.repeat = args.repeat
        self.progress = progress
        self.made = False

    # ------------------------------------------------------------------------------------------------------ the data

    def make_stock(self):
        if self.made:
            return
        self.made = True
        self.progress(f"making a table of {self.rows:,} rows")
        self.admin.run(f"CREATE DATABASE {self.database}")
        client = Client(self.database)
        client.run("CREATE EXTENSION pg_more")
        # 2,500 different sku in each shop; n is different in all rows, and in no order.
        client.run("CREATE TABLE stock (id bigint, shop int NOT NULL, sku text NOT NULL, n int NOT NULL)")
        client.run(f"""INSERT INTO stock SELECT i, i / 2500, 'sku ' || i % 2500, (i * 7919::bigint) % {self.rows}
            FROM generate_series(0, {self.rows - 1}) i""")
        client.run("VACUUM (FREEZE, ANALYZE) stock")
        client.run("CHECKPOINT")
        client.close()

    def index(self, wanted):
        client = Client(self.database)
        client.run("DROP INDEX IF EXISTS stock_key")
        if wanted:
            self.progress("making the index")
            client.run("CREATE UNIQUE INDEX stock_key ON stock (shop, sku)")
            client.run("VACUUM (ANALYZE) stock")
        client.run("SELECT count(n) FROM stock")
        client.close()

    def tuples(self, n):
        """(shop, sku), of which one in ten is in no row."""
        out = []
        for j in range(1, n + 1):
            i = j * 999_983 % self.rows
            out.append((i // 2500, f"sku {i % 2500}" if j % 10 else f"none {j}"))
        return out

    def numbers(self, n):
        return [j * 104_729 % self.rows for j in range(1, n + 1)]

    def drop(self):
        if self.made:
            self.admin.run(f"DROP DATABASE {self.database}")

    # ------------------------------------------------------------------------------------------------- the measuring

    def once(self, client, mode, before, go):
        before()
        client.run(f"SET pg_more.rewrites = {'on' if mode == 'on' else 'off'}")
        start = time.perf_counter()
        result = go()
        return (time.perf_counter() - start) * 1000, result

    def turns(self, round_ms):
        """How often a round is repeated: differences at short times are small."""
        if self.quick:
            return 10 if round_ms < 1_000 else 1
        return max(self.repeat, min(400, int(30_000 / max(round_ms, 1)))) if round_ms < 5_000 else self.repeat

    def measure(self, way, n, settings):
        """Milliseconds of each mode in turns, in one session."""
        client = Client(self.database, **PRELOADED, **settings)
        modes = [mode for mode in way.modes if not (mode == "off" and way.most and n > way.most)]
        started = {mode: way.start(client, f"s_{mode}", n) for mode in modes}
        client.run("SELECT more.rowset('[]')")      # the library is loaded and knows its functions
        ms = {mode: [] for mode in way.modes}
        answers = {}
        round_ms = {}
        for mode in modes:
            round_ms[mode], result = self.once(client, mode, *started[mode])
            answers[mode] = rows_of(result) if way.exact else result.ntuples
            if answers[mode] != answers[modes[0]]:
                raise SystemExit(f"{way.label}, {n}: {mode} does not find what {modes[0]} finds")
        if "off" in modes and round_ms["off"] > max(SLOW_MS, 2 * round_ms["on"]):
            ms["off"].append(round(round_ms["off"], 4))
            modes.remove("off")
        # each comes as often after each other: what a slow one leaves in the processor's caches is no help to the next
        orders = list(permutations(modes))
        for turn in range(1 - WARM, self.turns(sum(round_ms[mode] for mode in modes))):
            if turn < 0 and sum(round_ms[mode] for mode in modes) > SLOW_MS:
                continue
            for mode in orders[turn % len(orders)]:
                took = self.once(client, mode, *started[mode])[0]
                if turn >= 0:
                    ms[mode].append(round(took, 4))
        client.close()
        return ms

    def compare(self, what, ways, sizes, **settings):
        out = {"sizes": sizes, "ways": [{"key": way.key, "label": way.label, "ms": {mode: {} for mode in way.modes}} for way in ways]}
        for n in sizes:
            self.progress(f"{what}: {n:,}")
            for way, kept in zip(ways, out["ways"]):
                ms = self.measure(way, n, settings)
                for mode in way.modes:
                    kept["ms"][mode][str(n)] = ms[mode]
                medians = ", ".join(f"{mode} {statistics.median(ms[mode]):,.3f} ms" for mode in way.modes if ms[mode])
                print(f"            {way.label}: {medians}", flush=True)
        return out

    # ---------------------------------------------------------------------------------------------------- the parts

    def lists(self):
        """(shop, sku) IN (…), without and with an index on the two."""
        self.make_stock()
        select = 'SELECT "id", "shop", "sku", "n" FROM "stock" WHERE ("shop", "sku") IN '

        def text(n):
            return select + "(" + ", ".join(f"({shop}, {literal(sku)})" for shop, sku in self.tuples(n)) + ")"

        def marks(n):
            return select + "(" + ", ".join(f"(${2 * i + 1}, ${2 * i + 2})" for i in range(n)) + ")"

        def params(n):
            return [str(value).encode() for pair in self.tuples(n) for value in pair]

        modes = ("off", "on")
        sizes = [n for n in TUPLES if n * 10 <= self.rows]
        out = {}
        for name, words in (("plain", "without"), ("indexed", "with")):
            most = MOST_COMPARED if name == "plain" else None
            self.index(name == "indexed")
            out[name] = self.compare(f"a list of tuples {words} an index", [
                Way("literals", "literals", modes, most, simple(text)),
                Way("planned", "literals, plan plus execution", modes, most, planned(text)),
                Way("parameters", "prepared, parameters", modes, most, prepared(marks, params)),
            ], sizes)
        return out

    def arrays(self):
        """n = ANY (…) where the executor does not hash the array."""
        self.make_stock()
        select = "SELECT id, shop, sku, n FROM stock WHERE n = ANY "
        modes = ("off", "on")
        return self.compare("an array without an index", [
            Way("generic", "= ANY ($1), generic plan", modes, None,
                prepared(lambda n: select + "($1)", lambda n: [array(self.numbers(n))])),
            Way("types", "= ANY ('{…}'::bigint[]), the column is an int", modes, None,
                simple(lambda n: f"{select}('{array(self.numbers(n)).decode()}'::bigint[])")),
        ], ELEMENTS, plan_cache_mode="force_generic_plan")

    def rows_in(self):
        """more.rows_in in FROM with a filter and LIMIT around it, beside the join that one would write."""
        self.make_stock()
        self.index(True)
        call = "more.rows_in(NULL::stock, more.rowset(ARRAY['shop', 'sku'], $1::int[], $2::text[]), key => '{shop,sku}') f"
        join = "unnest($1::int[], $2::text[]) d (shop, sku) JOIN stock f USING (shop, sku)"

        def params(n):
            shops, skus = zip(*self.tuples(n))
            return [array(shops), array(f'"{sku}"' for sku in skus)]

        def way(key, label, send, rest, exact):
            def start(client, name, n):
                source = join if name == "s_join" else call
                sql = f"SELECT f.id, f.shop, f.sku, f.n FROM {source} WHERE f.n < {self.rows // 2} {rest}"
                return send(lambda n: sql, params)(client, name, n)
            return Way(key, label, ("off", "on", "join"), None, start, exact)

        return self.compare("rows_in with a filter and LIMIT", [
            way("limit", "WHERE … LIMIT 20", unprepared, "LIMIT 20", False),
            way("order", "WHERE … ORDER BY id LIMIT 20", unprepared, "ORDER BY f.id LIMIT 20", True),
            way("prepared", "WHERE … LIMIT 20, prepared", prepared, "LIMIT 20", False),
        ], [n for n in ROWS_IN if n <= self.rows // 2])
