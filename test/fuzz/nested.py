#!/usr/bin/env python3
"""Random tables, foreign keys and documents: what more.nested_insert hands back is what is in the tables, each row once,
linked as the documents say; and what more.nested_select gives of them, inserted into the emptied tables, is the same again.

Each world has two to five tables, with keys that are serial, identity, uuid, given or composite, and foreign keys
between any two of them: to the same table, in circles, unique, deferrable, not null. Documents nest parents and children,
to any depth, by all spellings of a relation, and refer to each other's rows, by labels or by the keys they are given. An error is only allowed where rows are in a
cycle of foreign keys that can be neither null nor deferred. The output is TAP.

Connects with libpq's environment variables, as a superuser.
"""

import argparse
import json
import random
import sys

sys.dont_write_bytecode = True

import psycopg2  # noqa: E402

KEYS = {
    "serial": {"id": "serial"},
    "identity": {"id": "bigint GENERATED ALWAYS AS IDENTITY"},
    "uuid": {"id": "uuid DEFAULT gen_random_uuid()"},
    "given": {"id": "text"},
    "composite": {"a": "integer", "b": "serial"},
}
TYPES = {"serial": ["integer"], "identity": ["bigint"], "uuid": ["uuid"], "given": ["text"], "composite": ["integer"] * 2}


class Table:
    def __init__(self, number, rand):
        self.name = f"t{number}"
        self.kind = rand.choice(list(KEYS))
        self.key = list(KEYS[self.kind])
        self.parents = []
        self.children = []


class ForeignKey:
    def __init__(self, number, rand, child, parent):
        self.name = f"k{number}"
        self.child, self.parent = child, parent
        self.columns = [f"f{number}_{column}" for column in parent.key]
        self.required = rand.random() < 0.4
        self.unique = rand.random() < 0.15
        self.deferrable = rand.choice(["", "", "DEFERRABLE", "DEFERRABLE INITIALLY DEFERRED"])
        child.parents.append(self)
        parent.children.append(self)

    def parent_name(self, rand):
        """One of the names of the parent; the constraint's is no name of its own between rows of one table."""
        names = [",".join(self.columns) if len(self.columns) > 1 else rand.choice([self.columns[0], self.columns[0][:-3]])]
        return rand.choice(names + ([self.name] if self.child is not self.parent else []))

    def children_name(self, rand):
        names = [f"{self.child.name}.{','.join(self.columns)}", f"nested_fuzz.{self.child.name}.{','.join(self.columns)}"]
        return rand.choice(names + ([self.name] if self.child is not self.parent else []))


class Row:
    """A row that a document describes."""

    def __init__(self, table):
        self.table = table
        self.given = {}
        self.links = {}             # foreign key to row
        self.document = {}
        self.taken = set()          # unique foreign keys by which some row refers to this one
        self.result = None


class World:
    def __init__(self, rand):
        self.rand = rand
        self.tables = [Table(n, rand) for n in range(rand.randint(2, 5))]
        self.keys = [ForeignKey(n, rand, rand.choice(self.tables), rand.choice(self.tables))
                     for n in range(rand.randint(len(self.tables) - 1, len(self.tables) + 3))]
        self.rows = []
        self.labels = 0
        self.budget = rand.randint(3, 40)
        self.root = rand.choice(self.tables)
        self.documents = [self.make(self.root, 0).document for _ in range(rand.randint(1, 3))]
        for _ in range(rand.randint(0, 2)):
            self.link_some()

    def schema(self):
        yield "DROP SCHEMA IF EXISTS nested_fuzz CASCADE"
        yield "CREATE SCHEMA nested_fuzz"
        yield "SET search_path = nested_fuzz"
        yield "CREATE TABLE whole (id integer PRIMARY KEY)"
        yield "INSERT INTO whole VALUES (1)"
        for table in self.tables:
            key = ", ".join(f"{name} {kind}" for name, kind in KEYS[table.kind].items())
            yield (f"CREATE TABLE {table.name} (gone integer, {key}, v integer, w text DEFAULT 'default', u text UNIQUE,"
                   f" g integer GENERATED ALWAYS AS (v + 1) STORED, PRIMARY KEY ({', '.join(table.key)}))")
            yield f"ALTER TABLE {table.name} DROP gone"
            # for documents with the rows of all tables
            yield f"ALTER TABLE {table.name} ADD whole_id integer DEFAULT 1 REFERENCES whole"
        for key in self.keys:
            columns = ", ".join(key.columns)
            for column, kind in zip(key.columns, TYPES[key.parent.kind]):
                yield f"ALTER TABLE {key.child.name} ADD {column} {kind} {'NOT NULL' if key.required else ''}"
            if key.unique:
                yield f"ALTER TABLE {key.child.name} ADD UNIQUE ({columns})"
            yield (f"ALTER TABLE {key.child.name} ADD CONSTRAINT {key.name} FOREIGN KEY ({columns})"
                   f" REFERENCES {key.parent.name} {key.deferrable}")

    def reference(self, row):
        if "#id" not in row.document:
            self.labels += 1
            row.document["#id"] = f"row {self.labels}" if self.labels % 2 else self.labels
        return {"#ref": row.document["#id"]}

    def refer(self, row, key, parent):
        """Lets a row refer to one that has its place elsewhere: by its key, where that is given, or by a label."""
        row.links[key] = parent
        if all(column in parent.given for column in key.parent.key) and self.rand.random() < 0.6:
            row.document.update(zip(key.columns, (parent.given[column] for column in key.parent.key)))
        else:
            row.document[key.parent_name(self.rand)] = self.reference(parent)

    def give(self, row):
        number = len(self.rows)
        if row.table.kind == "given":
            row.given["id"] = f"x {number}"
        elif row.table.kind == "composite":
            row.given["a"] = number
            if self.rand.random() < 0.5:
                row.given["b"] = 10_000 + number
        elif row.table.kind != "uuid" and self.rand.random() < 0.1:
            row.given["id"] = 10_000 + number
        if self.rand.random() < 0.7:
            row.given["v"] = self.rand.randint(-5, 5)
        if self.rand.random() < 0.3:
            row.given["w"] = self.rand.choice(["q", None, 'é"\\ z', ""])
        if self.rand.random() < 0.3:
            row.given["u"] = f"u {number}"
        row.document.update(row.given)

    def make(self, table, depth, link=None, taken=None):
        row = Row(table)
        self.rows.append(row)
        self.budget -= 1
        self.give(row)
        if taken:
            row.taken.add(taken)
        if link:
            row.links[link[0]] = link[1]
        for key in table.parents:
            if key not in row.links:
                self.add_parent(row, key, depth)
        for key in table.children:
            if self.budget > 0 and depth <= 4 and self.rand.random() < 0.5:
                self.add_children(row, key, depth)
        return row

    def add_parent(self, row, key, depth):
        if not key.required and self.rand.random() < 0.5:
            return
        known = [other for other in self.rows if other.table is key.parent and not (key.unique and key in other.taken)]
        if known and (self.rand.random() < 0.4 or self.budget <= 0 or depth > 5):
            parent = self.rand.choice(known)
            parent.taken.add(key)
            self.refer(row, key, parent)
        else:
            row.links[key] = self.make(key.parent, depth + 1, None, key)
            row.document[key.parent_name(self.rand)] = row.links[key].document

    def add_children(self, row, key, depth):
        name = key.children_name(self.rand)
        if not key.unique:
            row.document[name] = [self.make(key.child, depth + 1, (key, row)).document for _ in range(self.rand.randint(0, 3))]
        elif key not in row.taken:
            row.taken.add(key)
            row.document[name] = self.make(key.child, depth + 1, (key, row)).document

    def link_some(self):
        """Lets a row that has no such parent refer to any other one, maybe in a circle."""
        row = self.rand.choice(self.rows)
        for key in row.table.parents:
            parents = [other for other in self.rows if other.table is key.parent]
            if key not in row.links and not key.unique and parents:
                self.refer(row, key, self.rand.choice(parents))
                return

    def has_hard_cycle(self):
        """Whether rows refer to each other in a circle by foreign keys that can be neither null nor deferred."""
        hard = {row: [to for key, to in row.links.items() if key.required and not key.deferrable] for row in self.rows}
        while True:
            free = [row for row in hard if not any(to in hard for to in hard[row])]
            if not free:
                return bool(hard)
            for row in free:
                del hard[row]

    def pair(self, results):
        """Finds each row's part of the result."""
        by_document = {id(row.document): row for row in self.rows}

        def walk(document, result):
            if "#ref" in document:
                return
            by_document[id(document)].result = result
            for name, value in document.items():
                if isinstance(value, dict):
                    walk(value, result[name])
                elif isinstance(value, list):
                    assert len(value) == len(result[name]), f"{name}: {len(result[name])} of {len(value)}"
                    for one, other in zip(value, result[name]):
                        walk(one, other)

        assert len(results) == len(self.documents), "not as many documents came back"
        for document, result in zip(self.documents, results):
            walk(document, result)

    def shape(self, table, depth=0, reached=None):
        """Which rows are nested in those of the table, which were reached as children by a foreign key."""
        result = {"*": True} if self.rand.random() < 0.3 else {}
        for key in table.parents:
            if depth < 2 and key is not reached and self.rand.random() < 0.4:
                result[key.parent_name(self.rand)] = self.shape(key.parent, depth + 1)
        for key in table.children:
            if depth < 2 and self.rand.random() < 0.3:
                shape = self.shape(key.child, depth + 1, key)
                result[key.children_name(self.rand)] = [shape] if not key.unique and self.rand.random() < 0.3 else shape
        return result

    def stored(self, cursor):
        rows = {}
        for table in self.tables:
            cursor.execute(f"SELECT to_jsonb(t) FROM {table.name} AS t ORDER BY {', '.join(table.key)}")
            rows[table.name] = [row for (row,) in cursor.fetchall()]
        return rows

    def select_back(self, cursor):
        """What is selected, inserted into empty tables, is the same.  False where rows refer to each other in a cycle that
        cannot be closed."""
        before = self.stored(cursor)
        shape = json.dumps({table.name: self.shape(table) for table in self.tables})
        cursor.execute("SELECT j FROM more.nested_select('whole', shape => %s) AS j", (shape,))
        documents = json.dumps([document for (document,) in cursor.fetchall()])
        cursor.execute("TRUNCATE whole CASCADE")
        try:
            cursor.execute("SELECT count(*) FROM more.nested_insert('whole', %s::jsonb)", (documents,))
        except psycopg2.Error as error:
            assert self.has_hard_cycle() and error.pgcode in ("23503", "55000"), \
                f"{shape}: {documents}: " + str(error).split("CONTEXT:")[0].strip()
            return False
        after = self.stored(cursor)
        for name, rows in before.items():
            assert after[name] == rows, f"{name} with {shape}: {after[name]}, not {rows}"
        return True

    def select_some(self, cursor):
        """With a condition there are the same documents as without, of the rows for which it holds."""
        shape = json.dumps(self.shape(self.root))
        cursor.execute("SELECT j FROM more.nested_select(%s, shape => %s) AS j", (self.root.name, shape))
        expected = [document for (document,) in cursor.fetchall()]
        for condition, holds in (('{"v": {"_gt": 0}}', lambda v: v is not None and v > 0), ("v IS NULL", lambda v: v is None)):
            cursor.execute("SELECT j FROM more.nested_select(%s, %s, %s) AS j", (self.root.name, condition, shape))
            found = [document for (document,) in cursor.fetchall()]
            assert found == [document for document in expected if holds(document["v"])], f"{condition}, {shape}: {found}"

    def compare(self, cursor):
        """Each row is in its table once, as it came back, with what it was given and linked to."""
        for table in self.tables:
            rows = [row for row in self.rows if row.table is table]
            cursor.execute(f"SELECT to_jsonb(t) FROM {table.name} AS t")
            stored = {tuple(row[column] for column in table.key): row for (row,) in cursor.fetchall()}
            assert len(stored) == len(rows), f"{table.name} has {len(stored)} rows of {len(rows)}"
            for row in rows:
                found = stored[tuple(row.result[column] for column in table.key)]
                for column, value in found.items():
                    if not isinstance(row.result[column], dict):
                        assert row.result[column] == value, f"{column}: {row.result[column]} came back, {value} is stored"
                expected = {"w": "default", "u": None, "v": None, **row.given}
                expected["g"] = None if expected["v"] is None else expected["v"] + 1
                for key in table.parents:
                    parent = row.links.get(key)
                    for column, referred in zip(key.columns, key.parent.key):
                        expected[column] = parent.result[referred] if parent else None
                for column, value in expected.items():
                    assert found[column] == value, f"{column} is {found[column]}, not {value}"


def try_world(cursor, seed):
    """Whether the documents of a world could be written, and written back; raises where a result is wrong."""
    world = World(random.Random(seed))
    for statement in world.schema():
        cursor.execute(statement)
    try:
        cursor.execute("SELECT j FROM more.nested_insert(%s, %s::jsonb) AS j",
                       ("nested_fuzz." + world.root.name, json.dumps(world.documents)))
    except psycopg2.Error as error:
        assert error.pgcode in ("23503", "55000") and world.has_hard_cycle(), str(error).split("CONTEXT:")[0].strip()
        return False, False
    world.pair([result for (result,) in cursor.fetchall()])
    world.compare(cursor)
    world.select_some(cursor)
    return True, world.select_back(cursor)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="of the first world (1)")
    parser.add_argument("--worlds", type=int, default=200, help="how many worlds (200)")
    args = parser.parse_args()
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET client_min_messages = warning")
    cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_more")
    written = again = failed = 0
    for seed in range(args.seed, args.seed + args.worlds):
        try:
            one, other = try_world(cursor, seed)
            written += one
            again += other
        except AssertionError as error:
            failed += 1
            print(f"# world {seed} (--seed {seed} --worlds 1): {error}")
    cursor.execute("DROP SCHEMA nested_fuzz CASCADE")
    print(f"# {written} of {args.worlds} worlds could be written, {again} of these selected and written again")
    print(("not ok" if failed else "ok") + " 1 - what comes back is what is stored")
    print(("ok" if written * 2 > args.worlds else "not ok") + " 2 - most worlds could be written")
    print(("ok" if again * 2 > written else "not ok") + " 3 - most of these could be selected and written again")
    print("1..3")
    sys.exit(failed > 0 or written * 2 <= args.worlds or again * 2 <= written)


if __name__ == "__main__":
    main()
