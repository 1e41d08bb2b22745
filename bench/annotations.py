"""An annotation that a statement repeats: the latest order of each person, in the target list, in WHERE and in ORDER BY."""

from client import Client
from planner import Planner, Way, simple

ORDERS = 1_000_000      # unless --files says fewer
PER_PERSON = 30
PEOPLE = [10, 100, 1_000, 30_000]

# As Django writes Subquery(….order_by("-placed").values("total")[:1]), and an aggregate.
LATEST = '(SELECT U0."total" FROM "orders" U0 WHERE U0."person_id" = ("person"."id") ORDER BY U0."placed" DESC LIMIT 1)'
SUM = '(SELECT SUM(U0."total") AS "sum" FROM "orders" U0 WHERE U0."person_id" = ("person"."id"))'
HIGHEST = '(SELECT MAX(U0."total") AS "max" FROM "orders" U0)'


def three_places(annotation):
    """Beside a condition on the key that chooses n people. No LIMIT, with which the target list would be computed for few."""
    return lambda n: (f'SELECT "person"."id", {annotation} AS "a" FROM "person" WHERE ("person"."id" <= {n} AND {annotation} > 1) '
                      f'ORDER BY COALESCE({annotation}, 0) DESC, "person"."id"')


def by_hand(annotation):
    """The same, computed once in a subquery: the most that sharing can gain."""
    return lambda n: (f'SELECT "id", "a" FROM (SELECT "id", {annotation} AS "a" FROM "person" WHERE "id" <= {n} OFFSET 0) "person" '
                      f'WHERE "a" > 1 ORDER BY COALESCE("a", 0) DESC, "id"')


def filtered(annotation):
    """One place is asked for every person, the other for one in ten thousand: what sharing costs where it saves nothing."""
    return lambda n: f'SELECT "person"."id", {annotation} AS "a" FROM "person" WHERE "person"."id" <= {n} AND {annotation} >= 100000'


class Annotations(Planner):
    """The part of the planner room about repeated subqueries; measured as the others are."""

    database = "bench_orders"

    def make_orders(self):
        orders = min(self.rows, ORDERS)
        self.progress(f"making a table of {orders:,} orders")
        self.admin.run(f"CREATE DATABASE {self.database}")
        client = Client(self.database)
        client.run("CREATE EXTENSION pg_more")
        client.run(f"""CREATE TABLE person (id int PRIMARY KEY, name text NOT NULL);
            INSERT INTO person SELECT i, 'person ' || i FROM generate_series(1, {orders // PER_PERSON}) i;
            CREATE TABLE orders (id int PRIMARY KEY, person_id int NOT NULL REFERENCES person, placed int NOT NULL, total int NOT NULL);
            INSERT INTO orders SELECT i, i * 7919::bigint % {orders // PER_PERSON} + 1, i * 104729::bigint % 3650, i % 1000
                FROM generate_series(1, {orders}) i;
            CREATE INDEX ON orders (person_id, placed)""")
        client.run("VACUUM (FREEZE, ANALYZE)")
        client.run("CHECKPOINT")
        client.run("SELECT count(total) FROM orders")
        client.close()
        return [n for n in PEOPLE if n * PER_PERSON <= orders]

    def annotations(self):
        sizes = self.make_orders()
        modes = ("off", "on")

        def three(key, label, annotation):
            forms = {True: by_hand(annotation), False: three_places(annotation)}
            return Way(key, f"{label}, in three places", modes + ("hand",), None,
                       lambda client, name, n: simple(forms[name == "s_hand"])(client, name, n))
        out = self.compare("an annotation that is repeated", [three("latest", "the latest", LATEST), three("sum", "the sum", SUM)], sizes)
        out["whole"] = self.compare("an uncorrelated one", [three("highest", "the highest of all", HIGHEST)], sizes[:1])
        out["once"] = self.compare("an annotation whose second place is hardly asked", [
            Way("latest", "the latest, in WHERE and for hardly any row", modes, None, simple(filtered(LATEST))),
            Way("sum", "the sum, in WHERE and for hardly any row", modes, None, simple(filtered(SUM))),
        ], sizes)
        self.admin.run(f"DROP DATABASE {self.database}")
        return out
