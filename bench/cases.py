"""Django's bulk_update of rows that follow each other, off and on in one session: with the table in memory and its pages in WAL
already, what is left is the statement and the rows."""

from client import Client
from planner import Planner, Way
from sides import case_statement

PRODUCTS = 200_000
SIZES = [1_000, 10_000, 100_000]
MOST = 10_000       # with rewrites off 100,000 rows would take minutes


def product(number):
    """A row as it is to be, the columns id, a, b and c."""
    return number, number * 7 % 1000, f"{number % 977}.25", f"text {number}"


def way(key, label, columns):
    def start(client, name, n):
        sql = case_statement([product(number) for number in range(1, n + 1)], columns).encode()

        def clean():
            client.run("ROLLBACK")
            client.run("VACUUM t")

        def go():
            client.run("BEGIN")
            return client.run(sql)
        return clean, go
    return Way(key, label, ("off", "on"), MOST, start, False)


class Cases(Planner):
    """The part of the planner room about CASE; measured as the others are."""

    database = "bench_products"

    def cases(self):
        rows = min(self.rows, PRODUCTS)
        self.progress(f"making a table of {rows:,} products")
        self.admin.run(f"CREATE DATABASE {self.database}")
        client = Client(self.database)
        client.run("CREATE EXTENSION pg_more")
        client.run("CREATE TABLE t (id int PRIMARY KEY, a int, b numeric(12,2), c text)")
        client.run(f"INSERT INTO t SELECT i, i, i, 'text ' || i FROM generate_series(1, {rows}) i")
        client.run("VACUUM (FREEZE, ANALYZE) t")
        client.close()
        out = self.compare("Django's bulk_update of rows in memory", [
            way("one", "one column", "a"), way("two", "two columns", "ac"), way("three", "three columns", "abc"),
        ], [n for n in SIZES if n <= rows])
        self.admin.run(f"DROP DATABASE {self.database}")
        return out
