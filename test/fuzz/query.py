#!/usr/bin/env python3
"""Random chains of refinements: a query composed by the functions of more gives the rows that the same steps give when each is
done by itself, by SQL of this program's own, into a temporary table.

Each chain starts from a table, a SELECT of some kind, literal rows or another query, and goes on with filter, exclude, pick,
annotate, group_by, aggregate, order_by, slice, distinct_on, join_with, combine and attach, over tables whose columns have
hostile names.  Some end with a write, which is rolled back; some with a step that must be an error.  Of each composed
query are compared: its rows, in its order where it has one; the names and types of its columns; how many they are; the rows of its SQL
run as a statement; the rows of its SQL read back as a query, whose SQL must be the same again; and what is left of it after its
text, its binary form and each step's text were written and read.  The output is TAP.

Connects with libpq's environment variables, as a superuser.
"""

import argparse
import collections
import io
import random
import sys

sys.dont_write_bytecode = True

import psycopg2  # noqa: E402

from query_steps import SCHEMA, Maker, World  # noqa: E402
from query_words import ident, literal  # noqa: E402

CHAINS_OF_A_WORLD = 50


class Wrong(Exception):
    """The composed query is not what the model says."""


class Session:
    """A connection in which each chain runs in a transaction that is rolled back."""

    def __init__(self):
        self.connection = psycopg2.connect("")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()

    def run(self, sql):
        self.cursor.execute(sql)
        return self.cursor.fetchall() if self.cursor.description else []

    def attempt(self, sql):
        """The rows, or the error; the transaction goes on."""
        self.cursor.execute("SAVEPOINT attempt")
        try:
            return self.run(sql), None
        except psycopg2.Error as error:
            self.cursor.execute("ROLLBACK TO attempt")
            return None, error
        finally:
            self.cursor.execute("RELEASE attempt")


def told(error):
    return f"{error.pgcode} " + str(error).strip()


def compose(chain):
    query = chain[0].call("")
    for step in chain[1:]:
        query = step.call(query)
    return query


def listed(state):
    return ", ".join(f"{column.text.model} AS {ident(column.name)}" for column in state.outputs)


def compare(session, what, query, expected, ordered):
    found, error = session.attempt(query)
    if error:
        raise Wrong(f"{what}: {told(error)}")
    found = [row for (row,) in found]
    if not ordered:
        found.sort()
    if found != expected:
        raise Wrong(f"{what}:\n#   found    {found}\n#   expected {expected}")


def check_text(session, text, expected, ordered):
    """What is left after the text was read: the same query."""
    typed = f"{literal(text)}::more.query"
    compare(session, "rows of its text", f"SELECT r::text FROM more.rows({typed}) AS r", expected, ordered)
    again = session.run(f"SELECT more.sql({typed}), {typed}::text")[0]
    if again[0] != text:
        raise Wrong(f"sql of sql differs:\n#   {text}\n#   {again[0]}")


def check_rows(session, query, state):
    ordered = bool(state.order)
    expected = [row for (row,) in session.run(f"SELECT to_jsonb(x)::text FROM (SELECT {listed(state)} FROM {state.table}{state.sort()}) AS x")]
    if not ordered:
        expected.sort()
    compare(session, "rows", f"SELECT r::text FROM more.rows({query}) AS r", expected, ordered)
    (text, kept), = session.run(f"SELECT more.sql(q), q::text FROM (SELECT {query}) AS x (q)")
    result = f"SELECT to_jsonb(x)::text FROM ({text.rstrip().rstrip(';')}\n) AS x"
    compare(session, "its SQL", result, expected, ordered)
    check_text(session, text, expected, ordered)
    compare(session, "rows of its output", f"SELECT r::text FROM more.rows({literal(kept)}::more.query) AS r", expected, ordered)
    check_columns(session, query, state)
    check_binary(session, query, kept)
    found, error = session.attempt(f"SELECT more.count(q), more.exists(q) FROM (SELECT {query}) AS x (q)")
    if error:
        raise Wrong(f"count and exists: {told(error)}")
    (count, exists), = found
    if (count, exists) != (len(expected), len(expected) > 0):
        raise Wrong(f"count and exists say {count}, {exists}, not {len(expected)}")


def check_binary(session, query, kept):
    """What is left after a copy in binary form."""
    data = io.BytesIO()
    session.cursor.copy_expert(f"COPY (SELECT {query}) TO STDOUT (FORMAT binary)", data)
    data.seek(0)
    session.run("CREATE TEMP TABLE copied (q more.query)")
    session.cursor.copy_expert("COPY copied FROM STDIN (FORMAT binary)", data)
    (again,), = session.run("SELECT q::text FROM copied")
    if again != kept:
        raise Wrong(f"a binary copy differs:\n#   {kept}\n#   {again}")


def check_columns(session, query, state):
    found = session.run(f"SELECT name, type::text FROM more.columns({query})")
    types = dict(session.run(f"SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = '{state.table}'::regclass AND attnum > 0"))
    expected = [(column.name, types[column.text.model]) for column in state.outputs]
    if [(name, kind.split("(")[0]) for name, kind in found] != expected:
        raise Wrong(f"columns:\n#   found    {found}\n#   expected {expected}")


def check_parts(session, chain, state):
    """Each step taken by itself, the query between them as text."""
    text, ordered = None, bool(state.order)
    for step in chain:
        (text,), = session.run(f"SELECT ({step.call(literal(text) + '::more.query' if text else '')})::text")
    expected = [row for (row,) in session.run(f"SELECT to_jsonb(x)::text FROM (SELECT {listed(state)} FROM {state.table}{state.sort()}) AS x")]
    compare(session, "by texts", f"SELECT r::text FROM more.rows({literal(text)}::more.query) AS r", expected if ordered else sorted(expected), ordered)


def check_write(session, query, state):
    """A write's rows and what it left of the table."""
    table, sql = state.written
    content = f"SELECT t::text FROM {table.sql} AS t ORDER BY 1"
    session.run("SAVEPOINT write")
    expected = sorted(row for (row,) in session.run(f"WITH x AS ({sql}) SELECT to_jsonb(x)::text FROM x"))
    left = session.run(content)
    for what, run in (("written", f"SELECT r::text FROM more.rows({query}) AS r"), ("written by execute", f"SELECT more.execute({query})::text"),
                      ("written by SQL", None)):
        session.run("ROLLBACK TO write")
        if run is None:
            (run,), = session.run(f"SELECT more.sql({query})")
            found, error = session.attempt(run)
        else:
            found, error = session.attempt(run)
        if error:
            raise Wrong(f"{what}: {told(error)}")
        if what == "written" and sorted(row for (row,) in found) != expected:
            raise Wrong(f"{what}:\n#   found    {found}\n#   expected {expected}")
        if what == "written by execute" and found[0][0] != str(len(expected)):
            raise Wrong(f"{what}: {found[0][0]} rows, not {len(expected)}")
        found = session.run(content)
        if found != left:
            raise Wrong(f"{what}, left in the table:\n#   found    {found}\n#   expected {left}")


def model(session, chain):
    """Runs the model's statements; the first error, if there is one."""
    for step in chain:
        for statement in step.statements:
            _, error = session.attempt(statement)
            if error:
                return error
    return None


def check(session, chain):
    """Raises Wrong where the composed query is not what the steps are; returns what kind of chain it was."""
    query, last = compose(chain), chain[-1]
    error = model(session, chain)
    if last.fails or error:
        if hasattr(last.state, "written"):
            raise Wrong(f"the model's own error: {error}")
        _, found = session.attempt(f"SELECT r::text FROM more.rows({query}) AS r")
        if not found:
            raise Wrong("no error" + (f", where the steps say {told(error)}" if error else ""))
        if found.pgcode.startswith("XX"):
            raise Wrong(told(found))
        return "an error"
    if hasattr(last.state, "written"):
        check_write(session, query, last.state)
        return "a write"
    check_rows(session, query, last.state)
    check_parts(session, chain, last.state)
    return "rows"


def try_chain(session, chain):
    session.run("BEGIN")
    try:
        return check(session, chain)
    finally:
        session.run("ROLLBACK")


def shortest(session, chain, wrong):
    """The first steps of the chain that are wrong already, and what is wrong with them."""
    for length in range(1, len(chain)):
        try:
            try_chain(session, chain[:length])
        except Wrong as error:
            return chain[:length], error
    return chain, wrong


def show(number, seed, chain, wrong):
    print(f"# chain {number} (--seed {seed} --only {number}): {wrong}")
    for line in f"SELECT more.rows({compose(chain)})".split("\n"):
        print("#   " + line)
    for step in chain:
        for statement in step.statements:
            print("#     " + statement.replace("\n", "\n#     "))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="of the first chain (1)")
    parser.add_argument("--chains", type=int, default=5000, help="how many chains (5000)")
    parser.add_argument("--steps", type=int, default=8, help="of a chain at most (8)")
    parser.add_argument("--only", type=int, help="this chain alone")
    parser.add_argument("--model", action="store_true", help="only run the model")
    parser.add_argument("--most", type=int, default=10, help="give up after so many that are wrong (10)")
    args = parser.parse_args()
    session = Session()
    session.run("SET client_min_messages = warning")
    if not args.model:
        session.run("CREATE EXTENSION IF NOT EXISTS pg_more")
    kinds, failed, world = collections.Counter(), 0, None
    numbers = [args.only] if args.only is not None else range(args.chains)
    for number in numbers:
        if world is None or number % CHAINS_OF_A_WORLD == 0:
            rand = random.Random(f"{args.seed} world {number // CHAINS_OF_A_WORLD}")
            world = World(rand)
            for statement in world.schema(rand):
                session.run(statement)
        chain = Maker(random.Random(f"{args.seed} chain {number}"), world).steps(args.steps)
        if args.model:
            session.run("BEGIN")
            error = model(session, chain)
            kinds["model error" if error else "fine"] += 1
            if error:
                print(number, told(error), [s.statements for s in chain][-3:], sep="\n")
            session.run("ROLLBACK")
            continue
        try:
            kinds[try_chain(session, chain)] += 1
        except Wrong as error:
            failed += 1
            show(number, args.seed, *shortest(session, chain, error))
            if failed >= args.most:
                print("# giving up")
                break
    session.run(f"DROP SCHEMA {SCHEMA} CASCADE")
    print(f"# seed {args.seed}: " + ", ".join(f"{count} gave {kind}" for kind, count in kinds.most_common()))
    print(("not ok" if failed else "ok") + " 1 - a composed query is its steps")
    enough = kinds["rows"] * 2 > len(numbers) and kinds["a write"] and kinds["an error"] or args.only is not None
    print(("ok" if enough else "not ok") + " 2 - there were rows, writes and errors")
    print("1..2")
    sys.exit(failed > 0 or not enough)


if __name__ == "__main__":
    main()
