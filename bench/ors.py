"""ORs that span relations: airbags, each in a car, a truck or a bus, all of which have managers."""

import json
import statistics

from client import Client
from planner import Planner, Way, simple
from sides import PRELOADED

AIRBAGS = 3_000_000     # unless --files says fewer
VEHICLES = ("car", "truck", "bus")

# How many of a hundred airbags a filter finds that is not selective.
PERCENT = [5, 20, 50, 100]


def lines(template, between=" "):
    """A text with a piece for each kind of vehicle; {v} is its table, {s} its short name."""
    return between.join(template.format(v=vehicle, s=vehicle[0]) for vehicle in VEHICLES)


COLUMNS = "a.id, a.serial, a.car_id, a.truck_id, a.bus_id"
TO_VEHICLES = lines("LEFT JOIN {v} {s} ON {s}.id = a.{v}_id")
TO_MANAGERS = TO_VEHICLES + " " + lines("LEFT JOIN manager {s}m ON {s}m.id = {s}.manager_id")
TO_OFFICES = TO_MANAGERS + " " + lines("LEFT JOIN office {s}f ON {s}f.id = {s}m.office_id")

LEFT_JOINS = f"SELECT {COLUMNS} FROM airbag a {TO_MANAGERS} WHERE " + lines("{s}m.name = 'manager 77'", " OR ")
UNION = lines(f"SELECT {COLUMNS} FROM airbag a JOIN {{v}} {{s}} ON {{s}}.id = a.{{v}}_id "
              "JOIN manager {s}m ON {s}m.id = {s}.manager_id WHERE {s}m.name = 'manager 77'", " UNION ")
EXISTS = f"SELECT {COLUMNS} FROM airbag a WHERE " + lines(
    "EXISTS (SELECT FROM {v} {s} JOIN manager {s}m ON {s}m.id = {s}.manager_id WHERE {s}.id = a.{v}_id AND {s}m.name = 'manager 77')", " OR ")

# Ten relations, with an OR over three of them, and with ANDs and an OR over one.
PLANNED = {
    "spans": f"SELECT {COLUMNS} FROM airbag a {TO_OFFICES} WHERE " + lines("{s}f.city = 'city 7'", " OR "),
    "one": f"SELECT {COLUMNS}, " + lines("{s}f.city", ", ") + f" FROM airbag a {TO_OFFICES} "
           "WHERE (a.serial = 'serial 5' OR a.id = 7) AND " + lines("{s}.id IS NULL", " AND "),
}


class Ors(Planner):
    """The part of the planner room about ORs; measured as the others are."""

    database = "bench_airbags"

    def __init__(self, admin, args, progress):
        super().__init__(admin, args, progress)
        self.rows = min(args.files, AIRBAGS)

    def make_airbags(self):
        self.progress(f"making a table of {self.rows:,} airbags")
        self.admin.run(f"CREATE DATABASE {self.database}")
        vehicles, managers, offices = self.rows // 10, self.rows // 1_000, max(self.rows // 30_000, 10)
        client = Client(self.database)
        client.run("CREATE EXTENSION pg_more")
        client.run(f"""CREATE TABLE office (id int PRIMARY KEY, city text NOT NULL);
            INSERT INTO office SELECT i, 'city ' || i FROM generate_series(1, {offices}) i;
            CREATE TABLE manager (id int PRIMARY KEY, name text NOT NULL UNIQUE, office_id int NOT NULL REFERENCES office);
            INSERT INTO manager SELECT i, 'manager ' || i, i % {offices} + 1 FROM generate_series(1, {managers}) i""")
        for number, vehicle in enumerate(VEHICLES):
            # Airbags and managers of a vehicle are in no order; model is a number below 100, each as often as the others.
            client.run(f"""CREATE TABLE {vehicle} (id int PRIMARY KEY, model int NOT NULL, manager_id int NOT NULL REFERENCES manager);
                INSERT INTO {vehicle} SELECT i, i % 100, (i * 7919::bigint + {number}) % {managers} + 1 FROM generate_series(1, {vehicles}) i;
                CREATE INDEX ON {vehicle} (manager_id)""")
        client.run("CREATE TABLE airbag (id int PRIMARY KEY, serial text NOT NULL, " + lines("{v}_id int REFERENCES {v}", ", ") + ")")
        client.run(f"""INSERT INTO airbag SELECT i, 'serial ' || i, CASE i % 3 WHEN 0 THEN n END, CASE i % 3 WHEN 1 THEN n END, CASE i % 3 WHEN 2 THEN n END
            FROM (SELECT i, i / 3 * 104729::bigint % {vehicles} + 1 AS n FROM generate_series(1, {self.rows}) i) AS numbers""")
        client.run(lines("CREATE INDEX ON airbag ({v}_id)", "; "))
        client.run("VACUUM (FREEZE, ANALYZE)")
        client.run("CHECKPOINT")
        client.run("SELECT count(serial) FROM airbag")
        client.close()

    def selective(self):
        """The joins and the EXISTS beside the UNION by hand; a thousandth of the managers, a three-thousandth of the airbags."""
        def way(key, label, sql, modes):
            return Way(key, label, modes, None, lambda client, name, n: simple(lambda n: UNION if name == "s_union" else sql)(client, name, n))
        return self.compare("ORs that span relations", [
            way("left", "LEFT JOIN … WHERE cm.name = … OR tm.name = … OR bm.name = …", LEFT_JOINS, ("off", "on", "union")),
            way("exists", "WHERE EXISTS (…) OR EXISTS (…) OR EXISTS (…)", EXISTS, ("off", "on", "union")),
        ], [self.rows])

    def not_selective(self):
        """Filters that find a good part of the rows, counted, so that sending rows is no matter."""
        left = f"SELECT count(a.serial) FROM airbag a {TO_VEHICLES} WHERE "
        exists = "SELECT count(a.serial) FROM airbag a WHERE "
        return self.compare("filters that are not selective, percent", [
            Way("left", "LEFT JOIN … WHERE c.model < … OR …", ("off", "on"), None,
                simple(lambda n: left + " OR ".join(f"{v[0]}.model < {n}" for v in VEHICLES))),
            Way("exists", "WHERE EXISTS (…) OR …", ("off", "on"), None,
                simple(lambda n: exists + " OR ".join(f"EXISTS (SELECT FROM {v} WHERE id = a.{v}_id AND model < {n})" for v in VEHICLES))),
        ], PERCENT)

    def planning(self):
        """Planning Time of ten relations, as EXPLAIN tells it of a prepared statement: what was planned to run it, and no more."""
        self.progress("planning ten relations")
        client = Client(self.database, **PRELOADED)
        client.run("SELECT more.rowset('[]')")
        out = {}
        for key, sql in PLANNED.items():
            ms = {"off": [], "on": []}
            for turn in range(-5, 20 if self.quick else 200):
                for mode in ("off", "on") if turn % 2 else ("on", "off"):
                    client.run(f"SET pg_more.rewrites = {mode}")
                    client.run(f"PREPARE s AS {sql}")
                    told = json.loads(client.row("EXPLAIN (SUMMARY, FORMAT json) EXECUTE s")[0])[0]
                    client.run("DEALLOCATE s")
                    if turn >= 0:
                        ms[mode].append(told["Planning Time"])
            out[key] = ms
            print(f"            {key}: " + ", ".join(f"{mode} {statistics.median(ms[mode]):.3f} ms" for mode in ms), flush=True)
        client.close()
        return out

    def ors(self):
        self.make_airbags()
        out = {**self.selective(), "wide": self.not_selective(), "planning": self.planning()}
        self.admin.run(f"DROP DATABASE {self.database}")
        return out
