"""Conditions on a UNION and an EXCEPT of two tables whose keys are of two types."""

from client import Client
from planner import Planner, Way, simple

ROWS = 3_000_000        # unless --files says fewer

# How many of a hundred rows a filter finds that is not selective.
PERCENT = [5, 20, 50, 100]

WANTED = "IN (" + ", ".join(str(n * 104_729 % 1_000_000 + 1) for n in range(20)) + ")"


def union(conditions, word="UNION"):
    """The set operation by hand, with conditions in its arms."""
    return f"SELECT id, n FROM event WHERE {conditions} {word} SELECT id, n FROM old_event WHERE {conditions}"


# key: (label, the statement over a view, the same by hand)
SELECTIVE = {
    "equal": ("UNION, WHERE id = …", "SELECT id, n FROM events WHERE id = 77777", union("id = 77777")),
    "list": ("UNION, WHERE id IN (…), 20 of them", f"SELECT id, n FROM events WHERE id {WANTED}", union(f"id {WANTED}")),
    "except": ("EXCEPT, WHERE id = …", "SELECT id, n FROM added WHERE id = 77777", union("id = 77777", "EXCEPT")),
    "join": ("UNION joined with 20 rows", "SELECT e.id, e.n, o.name FROM owner o JOIN events e ON e.id = o.event_id WHERE o.name = 'owner 7'",
             "SELECT e.id, e.n, o.name FROM owner o CROSS JOIN LATERAL (" + union("id = o.event_id") + ") e WHERE o.name = 'owner 7'"),
}


class Unions(Planner):
    """The part of the planner room about set operations; measured as the others are."""

    database = "bench_events"

    def __init__(self, admin, args, progress):
        super().__init__(admin, args, progress)
        self.rows = min(args.files, ROWS)

    def make_events(self):
        self.progress(f"making two tables of {self.rows // 2:,} events")
        self.admin.run(f"CREATE DATABASE {self.database}")
        client = Client(self.database)
        client.run("CREATE EXTENSION pg_more")
        # n is a number below 100, each as often as the others; a third of the old events are events, too.
        client.run(f"""CREATE TABLE event (id bigint PRIMARY KEY, n int NOT NULL);
            INSERT INTO event SELECT i, i % 100 FROM generate_series(1, {self.rows // 2}) i;
            CREATE TABLE old_event (id int PRIMARY KEY, n int NOT NULL);
            INSERT INTO old_event SELECT i * 3 / 2, i * 3 / 2 % 100 FROM generate_series(1, {self.rows // 2}) i WHERE i % 2 = 0;
            CREATE TABLE owner (id int PRIMARY KEY, name text NOT NULL, event_id int NOT NULL);
            INSERT INTO owner SELECT i, 'owner ' || i % 500, i * 7919::bigint % {self.rows // 2} + 1 FROM generate_series(1, 10000) i;
            CREATE INDEX ON owner (name);
            CREATE VIEW events AS SELECT id, n FROM event UNION SELECT id, n FROM old_event;
            CREATE VIEW added AS SELECT id, n FROM event EXCEPT SELECT id, n FROM old_event""")
        client.run("VACUUM (FREEZE, ANALYZE)")
        client.run("CHECKPOINT")
        client.run("SELECT (SELECT count(n) FROM event), (SELECT count(n) FROM old_event)")
        client.close()

    def selective(self):
        """Each statement beside the form that one would write by hand."""
        def way(key, label, sql, by_hand):
            return Way(key, label, ("off", "on", "union"), None,
                       lambda client, name, n: simple(lambda n: by_hand if name == "s_union" else sql)(client, name, n))
        return self.compare("conditions on set operations", [way(key, *forms) for key, forms in SELECTIVE.items()], [self.rows])

    def not_selective(self):
        """Filters that find a good part of the rows, counted, so that sending rows is no matter."""
        return self.compare("filters on set operations that are not selective, percent", [
            Way(view, f"{word}, WHERE n < …", ("off", "on"), None, 
                simple(lambda n, view=view: f"SELECT count(id) FROM {view} WHERE n < {n} AND id > 0"))
            for view, word in (("events", "UNION"), ("added", "EXCEPT"))], PERCENT)

    def unions(self):
        self.make_events()
        out = {**self.selective(), "wide": self.not_selective()}
        self.admin.run(f"DROP DATABASE {self.database}")
        return out
