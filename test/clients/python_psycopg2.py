#!/usr/bin/env python3
"""psycopg2 (parameters interpolated by the client): JSON as text and json, arrays, rows that come back."""
import datetime
import decimal
import json
import sys
import uuid

try:
    import psycopg2
    import psycopg2.extras
except ImportError as error:
    print(f"1..0 # SKIP psycopg2 cannot be imported: {error}")
    sys.exit(0)

from lib.tap import finish, is_

connection = psycopg2.connect("")  # libpq's environment says where
connection.autocommit = True
cursor = connection.cursor()


def one(statement, *parameters):
    """The single value that a statement returns."""
    cursor.execute(statement, parameters)
    return cursor.fetchone()[0]


def rows(statement, *parameters):
    """All that a statement returns."""
    cursor.execute(statement, parameters)
    return cursor.fetchall()


cursor.execute("""
    CREATE EXTENSION pg_more;
    CREATE TABLE acc (id integer PRIMARY KEY, name text, amount numeric, born date, at timestamptz, flag boolean,
        tags text[], doc jsonb, raw bytea, code uuid);
""")

data = [{"id": 1, "name": "ann \"q\" \\ 'x' ä \n %s", "tags": ["a", "b c"], "doc": {"k": [1, None]}}, {"id": 2, "name": None}]
is_(one("SELECT more.bulk_insert('acc', %s)", json.dumps(data)), 2, "JSON text")
is_(rows("SELECT id, name, tags, doc FROM acc ORDER BY id"), [(1, data[0]["name"], ["a", "b c"], {"k": [1, None]}), (2, None, None, None)], "... is stored as it was given")
is_(one("SELECT more.bulk_update('acc', %s)", psycopg2.extras.Json([{"id": 1, "amount": 1.5}, {"id": 2, "flag": True}])), 2, "the Json adapter")
is_(one("SELECT more.bulk_update('acc', %s::json)", json.dumps([{"id": 2, "flag": False}])), 1, "a cast to json")
is_(one("SELECT more.bulk_update('acc', %s::jsonb)", json.dumps([{"id": 2, "born": "2024-02-29"}])), 1, "a cast to jsonb")
is_(one("SELECT more.bulk_update('acc', %s::text)", json.dumps({"id": [1, 2], "name": ["x", "y"]})), 2, "a cast to text, the columns form")
is_(rows("SELECT id, name, amount, born, flag FROM acc ORDER BY id"), [(1, "x", decimal.Decimal("1.5"), None, None), (2, "y", None, datetime.date(2024, 2, 29), False)], "... all stored")

day, code = datetime.date(2020, 1, 2), uuid.UUID(int=7)
at = datetime.datetime(2020, 1, 2, 3, 4, 5, 678, tzinfo=datetime.timezone.utc)
psycopg2.extras.register_uuid()
is_(
    one(
        "SELECT more.bulk_upsert('acc', more.rowset(ARRAY['id','name','amount','born','at','flag','raw','code'], %s, %s, %s, %s, %s, %s, %s, %s::uuid[]))",
        [1, 3], ["a", None], [decimal.Decimal("2.25"), None], [day, None], [at, None], [True, None], [psycopg2.Binary(b"\x00\xff"), None], [code, None],
    ),
    2,
    "arrays of common types",
)
is_(rows("SELECT id, name, amount, born, at = %s, flag, encode(raw, 'hex'), code FROM acc WHERE id IN (1, 3) ORDER BY id", at),
    [(1, "a", decimal.Decimal("2.25"), day, True, True, "00ff", code), (3, None, None, None, None, None, None, None)], "... are stored as they were given")
is_(rows("SELECT ordinal, status, (result).id FROM more.bulk_get_or_create(NULL::acc, %s)", json.dumps([{"id": 9}, {"id": 1}])), [(1, "inserted", 9), (2, "existing", 1)], "rows that come back")
is_(rows("SELECT id FROM more.rows_in(NULL::acc, %s) ORDER BY id", json.dumps([{"id": i} for i in (9, 8, 3)])), [(3,), (9,)], "a list of keys")

many = [{"id": i, "name": f"name {i}"} for i in range(100, 20100)]
is_(one("SELECT more.bulk_upsert('acc', %s)", json.dumps(many)), 20000, "20,000 rows")

try:
    cursor.execute("SELECT more.bulk_update('acc', %s)", (json.dumps([{"id": 1, "name": "no"}, {"id": 2, "born": "never"}]),))
    is_("no error", "an error", "a bad value")
except psycopg2.Error as error:
    is_((error.pgcode, error.diag.message_detail), ("22007", 'Row 2, column "born" of type date, value "never".'), "a bad value: where it is")
is_(one("SELECT name FROM acc WHERE id = 1"), "a", "... and nothing changed")

is_(one("SELECT '[{\"a\":1}]'::more.rowset"), '[{"a":1}]', "a rowset comes back as text")

sys.exit(finish())
