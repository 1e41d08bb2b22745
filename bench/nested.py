"""Nested documents: parents with 10 children of 3 children each, written by more.nested_insert beside a client's loop, a
chain of INSERTs in one WITH, and COPY with keys made in advance; and read by more.nested_select beside queries written by
hand and a client that puts the rows of three queries together."""

import json
import time

from client import Client

DATABASE = "bench_nested"
CHILDREN, GRANDCHILDREN = 10, 3
TABLES = """
CREATE TABLE customer (id bigserial PRIMARY KEY, name text NOT NULL, since date DEFAULT '2020-01-01');
CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer, title text NOT NULL, price numeric(10,2));
CREATE TABLE line (id bigserial PRIMARY KEY, orders_id bigint NOT NULL REFERENCES orders, n int, note text);
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON line (orders_id);
"""
COUNTS = "SELECT (SELECT count(*) FROM customer), (SELECT count(*) FROM orders), (SELECT count(*) FROM line), " \
    "(SELECT sum(hashtext(name)) FROM customer), (SELECT sum(price) FROM orders JOIN customer c ON c.id = customer_id), " \
    "(SELECT sum(n) FROM line JOIN orders o ON o.id = orders_id)"

# As one writes it by hand: the keys are taken from the sequences first, because RETURNING promises no order.
CHAIN = """
WITH c AS MATERIALIZED (SELECT nextval('customer_id_seq') AS id, e ->> 'name' AS name, e -> 'orders' AS nested
		FROM jsonb_array_elements($1::jsonb) AS e),
	c_in AS (INSERT INTO customer (id, name) SELECT id, name FROM c),
	o AS MATERIALIZED (SELECT nextval('orders_id_seq') AS id, c.id AS customer_id, e ->> 'title' AS title, (e ->> 'price')::numeric AS price,
		e -> 'line' AS nested FROM c, jsonb_array_elements(nested) AS e),
	o_in AS (INSERT INTO orders (id, customer_id, title, price) SELECT id, customer_id, title, price FROM o),
	l AS MATERIALIZED (SELECT nextval('line_id_seq') AS id, o.id AS orders_id, (e ->> 'n')::int AS n, e ->> 'note' AS note
		FROM o, jsonb_array_elements(nested) AS e),
	l_in AS (INSERT INTO line (id, orders_id, n, note) SELECT id, orders_id, n, note FROM l)
SELECT (SELECT count(*) FROM c), (SELECT count(*) FROM o), (SELECT count(*) FROM l)"""


def documents(parents):
    return [{"name": f"customer {a}", "orders": [
        {"title": f"order {a}.{b}", "price": b * 1.25, "line": [{"n": c, "note": f"note {c}"} for c in range(GRANDCHILDREN)]}
        for b in range(CHILDREN)]} for a in range(parents)]


def by_more(client, payload):
    client.execute("SELECT j FROM more.nested_insert('customer', $1::jsonb) AS j", payload["json"])


def by_chain(client, payload):
    client.execute(CHAIN, payload["json"])


def by_copy(client, payload):
    client.copy("COPY customer (id, name) FROM STDIN", payload["copy"][0])
    client.copy("COPY orders (id, customer_id, title, price) FROM STDIN", payload["copy"][1])
    client.copy("COPY line (id, orders_id, n, note) FROM STDIN", payload["copy"][2])


def by_loop(client, payload):
    """Each parent, then its children with the key that came back."""
    for name, orders in payload["loop"]:
        customer = client.execute("INSERT INTO customer (name) VALUES ($1) RETURNING id", [name]).get_value(0, 0)
        for title, price, lines in orders:
            order = client.execute("INSERT INTO orders (customer_id, title, price) VALUES ($1, $2, $3) RETURNING id",
                                   [customer, title, price]).get_value(0, 0)
            for n, note in lines:
                client.execute("INSERT INTO line (orders_id, n, note) VALUES ($1, $2, $3) RETURNING id", [order, n, note])


# The loops take minutes: they are given a part of the documents, and their time is multiplied by as much.
SIDES = {
    "more": ("more.nested_insert, all documents come back", by_more, 1),
    "chain": ("INSERTs chained in one WITH, keys from the sequences", by_chain, 1),
    "copy": ("COPY into three tables, keys made in advance", by_copy, 1),
    "loop": ("a client's loop, INSERT … RETURNING, in one transaction (a tenth of the rows, times 10)", by_loop, 10),
    "commits": ("a client's loop, INSERT … RETURNING, each with its own commit (a fiftieth of the rows, times 50)", by_loop, 50),
}

SHAPE = {"id": True, "name": True, "orders": {"id": True, "title": True, "price": True, "line": {"n": True, "note": True}}}
MORE_SELECT = "SELECT j FROM more.nested_select('customer', 'id <= %d', '" + json.dumps(SHAPE) + "') AS j"
LATERAL = """
SELECT jsonb_build_object('id', c.id, 'name', c.name, 'orders', o.list)
FROM customer AS c,
	LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('id', o.id, 'title', o.title, 'price', o.price, 'line', l.list) ORDER BY o.id), '[]') AS list
		FROM orders AS o,
			LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('n', l.n, 'note', l.note) ORDER BY l.id), '[]') AS list
				FROM line AS l WHERE l.orders_id = o.id) AS l
		WHERE o.customer_id = c.id) AS o
WHERE c.id <= %d ORDER BY c.id"""
GROUPED = """
SELECT jsonb_build_object('id', c.id, 'name', c.name, 'orders', coalesce(o.list, '[]'))
FROM customer AS c
	LEFT JOIN (SELECT o.customer_id, jsonb_agg(jsonb_build_object('id', o.id, 'title', o.title, 'price', o.price, 'line', coalesce(l.list, '[]')) ORDER BY o.id) AS list
		FROM orders AS o
			LEFT JOIN (SELECT l.orders_id, jsonb_agg(jsonb_build_object('n', l.n, 'note', l.note) ORDER BY l.id) AS list
				FROM line AS l GROUP BY l.orders_id) AS l ON l.orders_id = o.id
		GROUP BY o.customer_id) AS o ON o.customer_id = c.id
WHERE c.id <= %d ORDER BY c.id"""


def read_documents(client, sql):
    result = client.run(sql)
    return [json.loads(result.get_value(r, 0)) for r in range(result.ntuples)]


def read_rows(client, limit):
    """Three queries, as an ORM that prefetches sends them; the rows are put together here."""
    customers, orders = {}, {}
    result = client.run(f"SELECT id, name FROM customer WHERE id <= {limit} ORDER BY id")
    for r in range(result.ntuples):
        key = int(result.get_value(r, 0))
        customers[key] = {"id": key, "name": result.get_value(r, 1).decode(), "orders": []}
    keys = ",".join(map(str, customers))
    result = client.run(f"SELECT id, customer_id, title, price FROM orders WHERE customer_id = ANY ('{{{keys}}}') ORDER BY id")
    for r in range(result.ntuples):
        key = int(result.get_value(r, 0))
        orders[key] = {"id": key, "title": result.get_value(r, 2).decode(), "price": float(result.get_value(r, 3)), "line": []}
        customers[int(result.get_value(r, 1))]["orders"].append(orders[key])
    keys = ",".join(map(str, orders))
    result = client.run(f"SELECT orders_id, n, note FROM line WHERE orders_id = ANY ('{{{keys}}}') ORDER BY id")
    for r in range(result.ntuples):
        orders[int(result.get_value(r, 0))]["line"].append({"n": int(result.get_value(r, 1)), "note": result.get_value(r, 2).decode()})
    return list(customers.values())


READERS = {
    "more": ("more.nested_select", lambda client, limit: read_documents(client, MORE_SELECT % limit)),
    "lateral": ("jsonb_agg in LATERAL subqueries", lambda client, limit: read_documents(client, LATERAL % limit)),
    "grouped": ("jsonb_agg in grouped subqueries, joined", lambda client, limit: read_documents(client, GROUPED % limit)),
    "client": ("three queries, put together by the client", read_rows),
}


def payload_of(docs):
    """What each side is given, as bytes, before the clock runs."""
    tables = [[], [], []]
    for a, doc in enumerate(docs, 1):
        tables[0].append(f"{a}\t{doc['name']}\n")
        for order in doc["orders"]:
            o = len(tables[1]) + 1
            tables[1].append(f"{o}\t{a}\t{order['title']}\t{order['price']}\n")
            for line in order["line"]:
                tables[2].append(f"{len(tables[2]) + 1}\t{o}\t{line['n']}\t{line['note']}\n")
    return {"json": [json.dumps(docs).encode()], "copy": ["".join(rows).encode() for rows in tables],
            "loop": [(doc["name"].encode(), [(o["title"].encode(), str(o["price"]).encode(),
                                              [(str(x["n"]).encode(), x["note"].encode()) for x in o["line"]])
                                             for o in doc["orders"]]) for doc in docs]}


class Clock:
    """The time that passed, and the time that client and backend were on a processor, in milliseconds; of a machine that does
    other things, too, only the second one tells much."""

    def __init__(self, client):
        self.backend = f"/proc/{client.conn.backend_pid}/schedstat"
        self.start = time.perf_counter()
        self.cpu = self.on_processor()

    def on_processor(self):
        with open(self.backend, encoding="ascii") as file:
            return time.process_time() + int(file.read().split()[0]) / 1e9

    def read(self):
        passed = time.perf_counter() - self.start
        return round(passed * 1000, 2), round((self.on_processor() - self.cpu) * 1000, 2)


class Nested:
    """The part of nested documents; returns what the report needs."""

    def __init__(self, admin, args, progress):
        self.admin = admin
        self.parents = 500 if args.quick else 10_000
        self.repeat = args.repeat
        self.progress = progress

    def once(self, key, payloads, expected):
        """One measurement, in a new session, over empty tables; it is rolled back."""
        _, go, part = SIDES[key]
        client = Client(DATABASE)
        client.run("TRUNCATE customer, orders, line RESTART IDENTITY; CHECKPOINT")
        client.run("BEGIN")
        go(client, payloads["one"])         # the library is loaded, and the catalogs are known
        client.run("ROLLBACK")
        client.run("TRUNCATE customer, orders, line RESTART IDENTITY")
        if key != "commits":
            client.run("BEGIN")
        clock = Clock(client)
        go(client, payloads[part])
        ms, cpu = clock.read()
        state = client.row(COUNTS)
        client.run("ROLLBACK")
        client.close()
        if expected.setdefault(part, state) != state:
            raise SystemExit(f"not the same result: {SIDES[key][0]}: {state} instead of {expected[part]}")
        return ms * part, cpu * part

    def measure(self):
        rows = self.parents * (1 + CHILDREN * (1 + GRANDCHILDREN))
        self.progress(f"nested: {self.parents:,} documents, {rows:,} rows")
        self.admin.run(f"CREATE DATABASE {DATABASE}")
        client = Client(DATABASE)
        client.run("CREATE EXTENSION pg_more")
        client.run(TABLES)
        client.close()
        docs = documents(self.parents)
        payloads = {"one": payload_of(docs[:1])} | {part: payload_of(docs[:self.parents // part]) for _, _, part in SIDES.values()}
        expected, ms, cpu = {}, {key: [] for key in SIDES}, {key: [] for key in SIDES}
        for turn in range(self.repeat):
            keys = list(SIDES)
            for key in keys[turn % len(keys):] + keys[:turn % len(keys)]:
                one, other = self.once(key, payloads, expected)
                ms[key].append(one)
                cpu[key].append(other)
        self.tell(ms, cpu, SIDES)
        reading = self.measure_reading(payloads[1])
        self.admin.run(f"DROP DATABASE {DATABASE}")
        return {"parents": self.parents, "rows": rows, "ms": ms, "cpu": cpu, "labels": {key: side[0] for key, side in SIDES.items()},
                "reading": reading, "readers": {key: side[0] for key, side in READERS.items()}}

    def tell(self, ms, cpu, sides):
        for key, times in ms.items():
            print(f"            {sides[key][0]:<100} {sorted(times)[len(times) // 2]:12,.1f} ms, "
                  f"{sorted(cpu[key])[len(times) // 2]:12,.1f} on a processor", flush=True)

    def measure_reading(self, payload):
        """Each way in a session of its own, in turns; all must lead to the same objects in the client."""
        client = Client(DATABASE)
        client.run("TRUNCATE customer, orders, line RESTART IDENTITY")
        by_more(client, payload)
        client.run("VACUUM (FREEZE, ANALYZE) customer, orders, line")
        client.run("CHECKPOINT")
        client.close()
        found = {}
        for limit in (min(100, self.parents // 10), self.parents):
            self.progress(f"nested: {limit:,} documents, read")
            clients = {key: Client(DATABASE, max_parallel_workers_per_gather=0) for key in READERS}
            expected, ms, cpu = None, {key: [] for key in READERS}, {key: [] for key in READERS}
            for turn in range(-1, self.repeat * (10 if limit < self.parents else 1)):
                keys = list(READERS)
                for key in keys[turn % len(keys):] + keys[:turn % len(keys)]:
                    clock = Clock(clients[key])
                    documents = READERS[key][1](clients[key], limit)
                    taken = clock.read()
                    expected = expected or documents
                    if documents != expected:
                        raise SystemExit(f"not the same documents: {READERS[key][0]}")
                    if turn >= 0:
                        ms[key].append(taken[0])
                        cpu[key].append(taken[1])
            for client in clients.values():
                client.close()
            self.tell(ms, cpu, READERS)
            found[limit] = {"ms": ms, "cpu": cpu}
        return found
