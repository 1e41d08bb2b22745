#!/usr/bin/env python3
"""psycopg 3 without an ORM: lists as parameters and as arrays, in statements prepared and run seven times over, so that the
server goes from plans for the values at hand to one plan for all values, with the planner's rewrites off, on and forced.
"""
import sys

try:
    import psycopg
except ImportError as error:
    print(f"1..0 # SKIP psycopg 3 cannot be imported: {error}")
    sys.exit(0)

from lib import rewrites
from lib.rewrites import case

client = None  # the connection that is in use
times = 7  # how often it runs each statement


def rows(statement, *parameters):
    """The rows that a statement returns, in order; it is run several times, prepared from the first, with the same outcome each time."""
    outcomes = [sorted(client.execute(statement, parameters), key=repr) for _ in range(times)]
    return outcomes if outcomes != outcomes[:1] * times else outcomes[0]


def marks(keys):
    """As many pairs of places as there are keys."""
    return ", ".join(["(%s, %s)"] * len(keys))


def flat(keys):
    """The values of all keys, one after the other."""
    return [value for key in keys for value in key]


@case("SELECT id FROM move WHERE (shop, sku) IN (($1, $2), ($3, $4), ($5, $6))", takes="composite_in")
def composite_in(keys):
    return rows(f"SELECT id FROM move WHERE (shop, sku) IN ({marks(keys)})", *flat(keys))


@case("SELECT id FROM move WHERE (shop, sku) NOT IN (($1, $2), ($3, $4), ($5, $6))", takes="composite_in")
def composite_not_in(keys):
    return rows(f"SELECT id FROM move WHERE (shop, sku) NOT IN ({marks(keys)})", *flat(keys))


@case("SELECT id, (shop, sku) IN (($1, $2), ($3, $4), ($5, $6)) FROM move", takes="composite_in")
def composite_in_as_a_value(keys):
    return rows(f"SELECT id, (shop, sku) IN ({marks(keys)}) FROM move", *flat(keys))


@case("SELECT id FROM move WHERE (id, n) IN (($1, $2), ($3, $4), ($5, $6))", takes="composite_in")
def integers_of_several_widths(keys):
    widths = [(i + 1 if i % 3 else 3000000000 + 10 * i, 40000 if i % 7 == 6 else i + 1 if i % 3 else 10 * i) for i in range(len(keys))]
    return rows(f"SELECT id FROM move WHERE (id, n) IN ({marks(keys)})", *flat(widths))


@case("SELECT id FROM move WHERE n = ANY($1)", takes="array_join")
def equals_any(keys):
    return rows("SELECT id FROM move WHERE n = ANY(%s)", [None if i == 9 else i % 30 + 1 for i in range(len(keys))])


@case("SELECT id FROM move WHERE sku = ANY($1)", takes="array_join")
def text_equals_any(keys):
    return rows("SELECT id FROM move WHERE sku = ANY(%s)", [sku for _, sku in keys])


@case("SELECT id FROM move WHERE n <> ALL($1)", takes="array_join")
def differs_from_all(keys):
    return rows("SELECT id FROM move WHERE n <> ALL(%s)", [i + 1 for i in range(len(keys))])


@case("SELECT m.id FROM move m JOIN unnest($1::integer[], $2::text[]) AS k (shop, sku) USING (shop, sku)")
def join_with_unnest(keys):
    return rows("SELECT m.id FROM move m JOIN unnest(%s::integer[], %s::text[]) AS k (shop, sku) USING (shop, sku)",
                [shop for shop, _ in keys], [sku for _, sku in keys])


@case("""UPDATE move SET n = CASE WHEN id = $1 THEN $2::integer WHEN id = $3 THEN $4::integer WHEN id = $5 THEN $6::integer ELSE n END
    WHERE shop = 1 RETURNING id, n""", takes="hashed_case")
def update_by_case(keys):
    whens = " ".join(["WHEN id = %s THEN %s::integer"] * len(keys))
    changes = [(3000000050 if i == 2 else i + 1, None if i % 5 == 4 else 40000 + i) for i in range(len(keys))]
    return rows(f"UPDATE move SET n = CASE {whens} ELSE n END WHERE shop = 1 RETURNING id, n", *flat(changes))


class Connection:
    """A connection, opened anew; what it sends is kept as the server has it."""

    def __init__(self, options=""):
        global client
        client = self
        self.connection = psycopg.connect(options=options, autocommit=True)  # libpq's environment says where
        self.sent = []

    def execute(self, statement, parameters):
        """The rows that a prepared statement returns."""
        found = self.connection.execute(statement, parameters, prepare=True).fetchall()
        self.sent.append(self.query("SELECT statement FROM pg_prepared_statements ORDER BY prepare_time DESC LIMIT 1")[0][0])
        return found

    def query(self, text):
        """The rows that a statement returns."""
        return self.connection.execute(text, prepare=False).fetchall()

    def close(self):
        self.connection.close()


rewrites.set_up()
rewrites.run(Connection)
times = 2
rewrites.run(lambda: Connection("-c plan_cache_mode=force_generic_plan"), "generic plans: ", forms=False)
sys.exit(rewrites.finish())
