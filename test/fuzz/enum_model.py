#!/usr/bin/env python3
"""Random changes of an enum type beside random writers: the rows must be what a model says that is kept as text.

Writers insert, update and delete rows that hold values of the type (a column, an array, a hash-partitioned table, a
domain) and write the same labels as text into a table of their own, in the same transaction. Another session
adds, renames, drops and reorders values all the while. Labels are never used twice, so what a label that was written
once means now follows from the changes alone. After each change both are read in one snapshot and compared, while
the writers go on; at the end amcheck looks at every index. The output is TAP.

Connects with libpq's environment variables, as a superuser.
"""

import argparse
import collections
import random
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True

import psycopg2  # noqa: E402

LABELS = ["l%d" % number for number in range(8)]
FEWEST, MOST = 5, 14
ROWS = 2000
GONE = object()
# What a writer may meet: a label that has just gone; two that waited for each other.
EXPECTED = {"22P02": "label gone", "40P01": "deadlock", "40001": "serialization"}

SCHEMA = """
CREATE EXTENSION IF NOT EXISTS pg_more;
CREATE EXTENSION IF NOT EXISTS amcheck;
DROP SCHEMA IF EXISTS enum_model CASCADE;
CREATE SCHEMA enum_model;
SET search_path = enum_model;
CREATE TYPE status AS ENUM (%s);
CREATE DOMAIN state AS status;
CREATE TABLE t (id bigint PRIMARY KEY, e status, d state, a status[], filler text);
CREATE INDEX t_e ON t (e, id);
CREATE INDEX t_d ON t (d) INCLUDE (e);
CREATE INDEX t_a ON t USING gin (a);
CREATE INDEX t_a_btree ON t (a);
CREATE INDEX t_h ON t USING hash (e);
CREATE TABLE p (id bigint, e status) PARTITION BY HASH (e);
CREATE TABLE p0 PARTITION OF p FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE p1 PARTITION OF p FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE p2 PARTITION OF p FOR VALUES WITH (MODULUS 3, REMAINDER 2);
CREATE INDEX p_e ON p (e);
CREATE INDEX p_id ON p (id);
CREATE VIEW v AS SELECT id, e FROM t;
-- The same as text; later writes of a row take the earlier one's place.
CREATE TABLE m (id bigint PRIMARY KEY, e text, d text, a text[], p text);
CREATE SEQUENCE ids;
-- Holds a value in a variable for a while before it writes it.
CREATE FUNCTION slow(i bigint, label text, wait float8) RETURNS void LANGUAGE plpgsql SET search_path = enum_model AS $$
DECLARE
    kept status := label;
BEGIN
    PERFORM pg_sleep(wait);
    INSERT INTO t VALUES (i, kept, kept, ARRAY[kept, NULL]);
    INSERT INTO m VALUES (i, label, label, ARRAY[label, NULL], NULL);
END $$;
"""


class Model:
    """The labels in order, and what became of each that is gone."""

    def __init__(self, seed):
        self.labels = list(LABELS)
        self.fate = {}
        self.next = len(LABELS)
        self.random = random.Random(seed)

    def fresh(self):
        self.next += 1
        return "l%d" % (self.next - 1)

    def now(self, label):
        """What a label that was written once is now: a label, None, or GONE."""
        while label in self.fate:
            label = self.fate[label]
        return label

    def rows(self, written):
        """A row as written, as it must be now; None if it must not be there."""
        e, d, a, p = written
        out = [self.now(e), self.now(d), a and [self.now(label) for label in a]]
        if GONE in out[:2] or (out[2] and GONE in out[2]):
            out = None
        p = self.now(p)
        return out, p


def connect(**settings):
    options = "-c search_path=enum_model,public -c statement_timeout=60s "
    options += " ".join("-c %s=%s" % item for item in settings.items())
    connection = psycopg2.connect(options=options)
    connection.autocommit = True
    return connection


class Writer(threading.Thread):
    """Writes until it is stopped."""

    def __init__(self, test, number):
        super().__init__(daemon=True)
        self.test = test
        self.random = random.Random("%d %d" % (test.options.seed, number))
        self.counts = collections.Counter()
        self.failure = None

    def run(self):
        try:
            self.connection = connect()
            with self.connection.cursor() as cursor:
                cursor.execute("PREPARE ins (bigint, status, state, status[]) AS INSERT INTO t VALUES ($1, $2, $3, $4)")
            while not self.test.over.is_set():
                self.once()
                time.sleep(self.random.random() * 0.01)
        except Exception as error:     # whatever it is, the test must fail with it
            self.failure = "%s: %s" % (type(error).__name__, error)

    def once(self):
        labels = self.test.model.labels[:]
        label, other = self.random.choice(labels), self.random.choice(labels)
        what = self.random.choices(["insert", "literal", "prepared", "slow", "update", "delete", "partition"], [3, 2, 2, 1, 6, 1, 3])[0]
        self.connection.autocommit = False
        try:
            with self.connection.cursor() as cursor:
                getattr(self, what)(cursor, label, other)
            if self.random.random() < 0.1:
                time.sleep(self.random.random() * 0.2)      # in the middle of a transaction
            self.connection.rollback() if self.random.random() < 0.05 else self.connection.commit()
            self.counts[what] += 1
        except psycopg2.Error as error:
            if error.pgcode not in EXPECTED:
                raise
            self.counts[EXPECTED[error.pgcode]] += 1
            self.connection.rollback()
        finally:
            self.connection.autocommit = True

    def new_id(self, cursor):
        cursor.execute("SELECT nextval('ids')")
        return cursor.fetchone()[0]

    def some_id(self):
        return self.random.randrange(1, self.test.options.rows + 1)

    def shadow(self, cursor, i, label, other, p):
        cursor.execute("INSERT INTO m VALUES (%s, %s, %s, %s, %s)", (i, label, other, [label, other, None], p))

    def insert(self, cursor, label, other):
        i = self.new_id(cursor)
        cursor.execute("INSERT INTO t VALUES (%s, %s::status, %s::state, %s::status[])", (i, label, other, [label, other, None]))
        self.shadow(cursor, i, label, other, None)

    def literal(self, cursor, label, other):
        """The constants are folded into a plan that is kept for the session; label names are safe to write out."""
        i = self.new_id(cursor)
        name = "lit_%s_%s" % (label, other)
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name = %s", (name,))
        if not cursor.fetchone()[0]:
            cursor.execute("PREPARE %s (bigint) AS INSERT INTO t VALUES ($1, '%s', '%s', ARRAY['%s', '%s', NULL]::status[])"
                           % (name, label, other, label, other))
        cursor.execute("EXECUTE %s (%%s)" % name, (i,))
        self.shadow(cursor, i, label, other, None)

    def prepared(self, cursor, label, other):
        i = self.new_id(cursor)
        cursor.execute("EXECUTE ins (%s, %s, %s, %s)", (i, label, other, "{%s,%s,NULL}" % (label, other)))
        self.shadow(cursor, i, label, other, None)

    def slow(self, cursor, label, other):
        cursor.execute("SELECT slow(%s, %s, %s)", (self.new_id(cursor), label, self.random.random() * 0.3))

    def update(self, cursor, label, other):
        i = self.some_id()
        cursor.execute("UPDATE t SET e = %s, d = %s, a = %s::status[], filler = 'x' WHERE id = %s",
                       (label, other, [label, other, None], i))
        if cursor.rowcount:
            cursor.execute("UPDATE m SET e = %s, d = %s, a = %s WHERE id = %s", (label, other, [label, other, None], i))

    def delete(self, cursor, label, other):
        i = self.some_id()
        cursor.execute("DELETE FROM t WHERE id = %s", (i,))
        if cursor.rowcount:
            cursor.execute("UPDATE m SET e = 'deleted', d = NULL, a = NULL WHERE id = %s", (i,))

    def partition(self, cursor, label, other):
        i = self.new_id(cursor)
        cursor.execute("INSERT INTO p VALUES (%s, %s)", (i, label))
        cursor.execute("INSERT INTO m VALUES (%s, 'deleted', NULL, NULL, %s)", (i, label))


class Test:
    def __init__(self, options):
        self.options = options
        self.model = Model(options.seed)
        self.model.fate["deleted"] = GONE
        self.over = threading.Event()
        self.counts = collections.Counter()
        self.connection = connect()

    def run_sql(self, sql, *params):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall() if cursor.description else None

    def set_up(self):
        self.run_sql(SCHEMA % ", ".join("'%s'" % label for label in LABELS))
        self.run_sql("SET search_path = enum_model, public")
        self.run_sql("SELECT setval('ids', %s)", 10 * self.options.rows)
        rand = self.model.random
        with self.connection.cursor() as cursor:
            for i in range(1, self.options.rows + 1):
                label, other = rand.choice(LABELS), rand.choice(LABELS)
                cursor.execute("INSERT INTO t VALUES (%s, %s, %s, %s::status[])", (i, label, other, [label, other, None]))
                cursor.execute("INSERT INTO p VALUES (%s, %s)", (i, label))
                cursor.execute("INSERT INTO m VALUES (%s, %s, %s, %s, %s)", (i, label, other, [label, other, None], label))

    # ------------------------------------------------------------------------------------------------- the changes

    def change(self):
        """One random change; returns its words."""
        model, rand = self.model, self.model.random
        choices = ["rename", "reorder"]
        if len(model.labels) < MOST:
            choices += ["add", "add"]
        if len(model.labels) > FEWEST:
            choices += ["drop", "drop", "drop", "retire"]
        what = rand.choice(choices)
        words = getattr(self, what)()
        self.counts[what] += 1
        return words

    def add(self):
        model, rand = self.model, self.model.random
        label, at = model.fresh(), rand.randrange(len(model.labels) + 1)
        before = model.labels[at] if at < len(model.labels) else None
        self.run_sql("SELECT more.enum_add('status', %s, before => %s)", label, before)
        model.labels.insert(at, label)
        return "add %s before %s" % (label, before)

    def rename(self):
        model = self.model
        at, label = model.random.randrange(len(model.labels)), model.fresh()
        old = model.labels[at]
        self.run_sql("SELECT more.enum_rename('status', %s, %s)", old, label)
        model.labels[at] = label
        model.fate[old] = label
        return "rename %s to %s" % (old, label)

    def policy(self):
        """A label to drop, and what becomes of its rows."""
        model, rand = self.model, self.model.random
        label = rand.choice(model.labels)
        on_delete = rand.choice(["set_value", "set_value", "set_null", "cascade"])
        replacement = rand.choice([other for other in model.labels if other != label]) if on_delete == "set_value" else None
        return label, on_delete, replacement

    def dropped(self, label, on_delete, replacement):
        self.model.labels.remove(label)
        self.model.fate[label] = {"set_value": replacement, "set_null": None, "cascade": GONE}[on_delete]

    def drop(self):
        label, on_delete, replacement = self.policy()
        # Writers stop choosing it at once or a little later: both happen.
        self.run_sql("CALL more.enum_drop('status', %s, %s, %s)", label, on_delete, replacement)
        self.dropped(label, on_delete, replacement)
        return "drop %s %s %s" % (label, on_delete, replacement)

    def retire(self):
        label, on_delete, replacement = self.policy()
        for attempt in range(20):
            try:
                self.run_sql("SELECT more.enum_retire('status', %s, %s, %s)", label, on_delete, replacement)
                break
            except psycopg2.errors.DeadlockDetected:    # one transaction for all rows, among writers of several
                self.counts["retire deadlocked"] += 1
        else:
            raise RuntimeError("retire deadlocked twenty times")
        self.run_sql("CALL more.enum_purge('status')")
        self.dropped(label, on_delete, replacement)
        return "retire and purge %s %s %s" % (label, on_delete, replacement)

    def reorder(self):
        labels = self.model.labels[:]
        for _ in range(self.model.random.randrange(1, 3)):
            labels.insert(self.model.random.randrange(len(labels)), labels.pop(self.model.random.randrange(len(labels))))
        self.run_sql("CALL more.enum_reorder('status', %s)", labels)
        self.model.labels = labels
        return "reorder to %s" % " ".join(labels)

    # --------------------------------------------------------------------------------------------------- the checks

    def compare(self):
        """What differs between the rows and the model, in words."""
        model, wrong = self.model, []
        self.run_sql("BEGIN ISOLATION LEVEL REPEATABLE READ")
        try:
            written = self.run_sql("SELECT id, e, d, a, p FROM m")
            held = {row[0]: list(row[1:]) for row in self.run_sql("SELECT id, e::text, d::text, a::text[] FROM t")}
            parts = dict(self.run_sql("SELECT id, e::text FROM p"))
            order = [row[0] for row in self.run_sql("SELECT e::text FROM (SELECT DISTINCT e FROM t WHERE e IS NOT NULL) s ORDER BY s.e")]
            ranged = self.run_sql("SELECT enum_range(NULL::status)::text[]")[0][0]
            by_index = self.index_differences()
        finally:
            self.run_sql("COMMIT")
        for i, *row in written:
            want, part = model.rows(row)
            if held.pop(i, None) != want:
                wrong.append("t %d: written %s, must be %s" % (i, row, want))
            if row[3] is not None and parts.pop(i, GONE) != part:
                wrong.append("p %d: written %s, must be %s" % (i, row[3], "gone" if part is GONE else part))
        wrong += ["t %d: %s is not in the model" % item for item in held.items()]
        wrong += ["p %d: %s is not in the model" % item for item in parts.items()]
        if ranged != model.labels:
            wrong.append("the labels are %s, must be %s" % (ranged, model.labels))
        if order != [label for label in model.labels if label in order]:
            wrong.append("ORDER BY gives %s, must be as in %s" % (order, model.labels))
        return wrong + by_index

    def index_differences(self):
        """Labels for which an index and a scan of the table do not agree."""
        out = []
        count = "SELECT array_agg(id ORDER BY id) FROM t WHERE "
        for condition in ["e = %s::status", "d::status = %s::status", "a @> ARRAY[%s::status]", "e < %s::status", "a < ARRAY[%s::status]"]:
            for label in self.model.labels:
                found = []
                for scan in ("enable_indexscan, enable_bitmapscan, enable_indexonlyscan", "enable_seqscan"):
                    for setting in scan.split(", "):
                        self.run_sql("SET LOCAL %s = off" % setting)
                    found.append(self.run_sql(count + condition, label))
                    for setting in scan.split(", "):
                        self.run_sql("SET LOCAL %s = on" % setting)
                if found[0] != found[1]:
                    out.append("%s for %s: the indexes differ from the table" % (condition, label))
        return out

    def damage(self):
        """What more.enum_check finds."""
        try:
            return ["enum_check: %s" % (row,) for row in self.run_sql("SELECT * FROM more.enum_check('status')")]
        except psycopg2.Error as error:
            return ["enum_check: %s" % error]

    def amcheck(self):
        out = []
        for name, in self.run_sql("""SELECT c.oid::regclass::text FROM pg_class c JOIN pg_am a ON a.oid = c.relam
                WHERE c.relnamespace = 'enum_model'::regnamespace AND c.relkind = 'i' AND a.amname = 'btree'"""):
            try:
                self.run_sql("SELECT bt_index_parent_check(%s, true, true)", name)
            except psycopg2.Error as error:
                out.append("%s: %s" % (name, error))
        return out

    def dump(self):
        """A dump restores, and has the same labels."""
        dump = subprocess.run(["pg_dump", "--schema=enum_model"], capture_output=True, text=True)
        return [] if dump.returncode == 0 else ["pg_dump: " + dump.stderr]

    def run(self):
        self.set_up()
        writers = [Writer(self, number) for number in range(self.options.writers)]
        for writer in writers:
            writer.start()
        end = time.monotonic() + self.options.seconds
        wrong, changes = [], 0
        while time.monotonic() < end and not wrong and not any(writer.failure for writer in writers):
            words = self.change()
            changes += 1
            if self.options.verbose:
                print("# %.1f: %s" % (end - time.monotonic(), words), flush=True)
            wrong = ["after %s (change %d): %s" % (words, changes, what) for what in self.compare()]
        self.over.set()
        for writer in writers:
            writer.join(70)
            self.counts += writer.counts
        wrong += self.compare()
        return wrong, changes, [writer.failure for writer in writers if writer.failure], self.damage() + self.amcheck() + self.dump()


def main():
    parser = argparse.ArgumentParser(prog="test/fuzz/enums", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seed", type=int, default=1, help="chooses the changes and the writes (1)")
    parser.add_argument("--seconds", type=int, default=600, help="how long (600)")
    parser.add_argument("--writers", type=int, default=4, help="how many sessions write (4)")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows at the start (%d)" % ROWS)
    parser.add_argument("--verbose", action="store_true", help="tell each change")
    options = parser.parse_args()
    test = Test(options)
    start = time.monotonic()
    wrong, changes, failures, damage = test.run()
    print("# seed %d, %d changes in %.0f s; %s" % (options.seed, changes, time.monotonic() - start,
                                                 ", ".join("%s %d" % item for item in sorted(test.counts.items()))))
    for what in (wrong + failures + damage)[:40]:
        print("# " + str(what).replace("\n", "\n# "))
    print("1..4")
    for number, (bad, words) in enumerate([
            (wrong, "the rows are what the model says after each of %d changes" % changes),
            (failures, "writers meet no other error than that a label is gone"),
            (damage, "no damage is found, every index is sound, and the schema can be dumped"),
            (changes < 3, "there were enough changes")], 1):
        print("%s %d - %s" % ("not ok" if bad else "ok", number, words))
    sys.exit(1 if wrong or failures or damage or changes < 3 else 0)


if __name__ == "__main__":
    main()
