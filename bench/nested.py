"""Nested documents: parents with 10 children of 3 children each, written by more.nested_insert beside a client's loop, a
chain of INSERTs in one WITH, and COPY with keys made in advance."""

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


# The loop takes minutes: it is given a tenth of the documents, and its time is multiplied by ten.
SIDES = {
    "more": ("more.nested_insert, all documents come back", by_more, 1),
    "chain": ("INSERTs chained in one WITH, keys from the sequences", by_chain, 1),
    "copy": ("COPY into three tables, keys made in advance", by_copy, 1),
    "loop": ("a client's loop, INSERT … RETURNING (a tenth of the rows, times 10)", by_loop, 10),
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
        client.run("TRUNCATE customer, orders, line RESTART IDENTITY; BEGIN")
        start = time.perf_counter()
        go(client, payloads[part])
        ms = (time.perf_counter() - start) * 1000 * part
        state = client.row(COUNTS)
        client.run("ROLLBACK")
        client.close()
        if expected.setdefault(part, state) != state:
            raise SystemExit(f"not the same result: {SIDES[key][0]}: {state} instead of {expected[part]}")
        return ms

    def measure(self):
        rows = self.parents * (1 + CHILDREN * (1 + GRANDCHILDREN))
        self.progress(f"nested: {self.parents:,} documents, {rows:,} rows")
        self.admin.run(f"CREATE DATABASE {DATABASE}")
        client = Client(DATABASE)
        client.run("CREATE EXTENSION pg_more")
        client.run(TABLES)
        client.close()
        docs = documents(self.parents)
        payloads = {"one": payload_of(docs[:1]), 1: payload_of(docs), 10: payload_of(docs[:self.parents // 10])}
        expected, ms = {}, {key: [] for key in SIDES}
        for turn in range(self.repeat):
            keys = list(SIDES)
            for key in keys[turn % len(keys):] + keys[:turn % len(keys)]:
                ms[key].append(round(self.once(key, payloads, expected), 2))
        for key, times in ms.items():
            print(f"            {SIDES[key][0]:<72} {sorted(times)[len(times) // 2]:12,.1f} ms", flush=True)
        self.admin.run(f"DROP DATABASE {DATABASE}")
        return {"parents": self.parents, "rows": rows, "ms": ms, "labels": {key: side[0] for key, side in SIDES.items()}}
