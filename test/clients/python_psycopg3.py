#!/usr/bin/env python3
"""psycopg 3 (parameters bound by the server, as text and binary, prepared): JSON, arrays, rows that come back."""
import datetime
import decimal
import ipaddress
import json
import sys
import uuid

try:
    import psycopg
    from psycopg.types.json import Json, Jsonb
except ImportError as error:
    print(f"1..0 # SKIP psycopg 3 cannot be imported: {error}")
    sys.exit(0)

from lib.tap import finish, is_

connection = psycopg.connect("", autocommit=True)  # libpq's environment says where


def one(statement, *parameters, **options):
    """The single value that a statement returns."""
    return connection.execute(statement, parameters, **options).fetchone()[0]


def rows(statement, *parameters, **options):
    """All that a statement returns."""
    return connection.execute(statement, parameters, **options).fetchall()


connection.execute("CREATE EXTENSION pg_more")
connection.execute("""
    CREATE TABLE acc (id integer PRIMARY KEY, name text, amount numeric, f double precision, born date, at timestamptz, ti time, gap interval,
        flag boolean, tags text[], doc jsonb, raw bytea, code uuid, ip inet)
""")

data = [{"id": 1, "name": "ann \"q\" \\ 'x' ä \n %s", "tags": ["a", "b c"], "doc": {"k": [1, None]}}, {"id": 2, "name": None}]
is_(one("SELECT more.bulk_insert('acc', %s)", json.dumps(data)), 2, "a parameter without a type")
is_(rows("SELECT id, name, tags, doc FROM acc ORDER BY id"), [(1, data[0]["name"], ["a", "b c"], {"k": [1, None]}), (2, None, None, None)], "... is stored as it was given")
is_(one("SELECT more.bulk_update('acc', %b)", '[{"id":1,"name":"binary text"}]'), 1, "a binary text parameter")
is_(one("SELECT more.bulk_update('acc', %t)", Json([{"id": 1, "amount": 1.5}])), 1, "json as text")
is_(one("SELECT more.bulk_update('acc', %b)", Json([{"id": 1, "flag": True}])), 1, "json in binary")
is_(one("SELECT more.bulk_update('acc', %t)", Jsonb([{"id": 2, "amount": 2.5}])), 1, "jsonb as text")
is_(one("SELECT more.bulk_update('acc', %b)", Jsonb([{"id": 2, "flag": False}])), 1, "jsonb in binary")
is_(one("SELECT more.bulk_update('acc', %s::text)", '{"id":[2],"name":["cast"]}'), 1, "a cast to text")
is_(one("SELECT more.bulk_update('acc', %s::varchar)", '{"id":[2],"name":["bob"]}'), 1, "a cast to varchar")
is_(rows("SELECT id, name, amount, flag FROM acc ORDER BY id"),
    [(1, "binary text", decimal.Decimal("1.5"), True), (2, "bob", decimal.Decimal("2.5"), False)], "... all stored")

# a rowset's own binary form: a version byte, then the text
type_info = psycopg.types.TypeInfo("rowset", one("SELECT 'more.rowset'::regtype::oid"), 0)


class Rowset(str):
    """Text that is sent as a rowset, in binary."""


class RowsetDumper(psycopg.adapt.Dumper):
    """Writes the binary form of a rowset."""
    format = psycopg.pq.Format.BINARY
    oid = type_info.oid

    def dump(self, value):
        return b"\x01" + value.encode()


connection.adapters.register_dumper(Rowset, RowsetDumper)
is_(one("SELECT more.bulk_update('acc', %b)", Rowset('[{"id":2,"name":"binary rowset"}]')), 1, "a rowset in binary")
with connection.cursor(binary=True) as cursor:
    is_(bytes(cursor.execute("SELECT '[{\"a\":1}]'::more.rowset").fetchone()[0]), b'\x01[{"a":1}]', "a rowset comes back in binary")
is_(one("SELECT '[{\"a\":1}]'::more.rowset"), '[{"a":1}]', "... and as text")

for i in range(12):
    connection.execute("SELECT more.bulk_upsert('acc', %s)", (json.dumps([{"id": 1, "name": f"round {i}"}]),), prepare=True)
is_(one("SELECT name FROM acc WHERE id = 1"), "round 11", "a prepared statement, again and again")

day, code, address = datetime.date(2020, 1, 2), uuid.UUID(int=7), ipaddress.ip_interface("10.1.2.3/8")
at = datetime.datetime(2020, 1, 2, 3, 4, 5, 678, tzinfo=datetime.timezone.utc)
values = [
    ("id", [1, 3], "integer[]"), ("name", ["a", None], "text[]"), ("amount", [decimal.Decimal("2.25"), None], "numeric[]"), ("f", [0.1, None], "double precision[]"),
    ("born", [day, None], "date[]"), ("at", [at, None], "timestamptz[]"), ("ti", [datetime.time(1, 2, 3), None], "time[]"),
    ("gap", [datetime.timedelta(days=1, seconds=2), None], "interval[]"), ("flag", [True, None], "boolean[]"), ("raw", [b"\x00\xff", None], "bytea[]"),
    ("code", [code, None], "uuid[]"), ("ip", [address, None], "inet[]"), ("doc", ['{"x": 1}', None], "jsonb[]"),
]
names = [name for name, _, _ in values]
for mark, how in (("%t", "as text"), ("%b", "in binary")):
    connection.execute("DELETE FROM acc WHERE id = 3")
    arrays = ", ".join(f"{mark}::{kind}" for _, _, kind in values)
    is_(one(f"SELECT more.bulk_upsert('acc', more.rowset(%s, {arrays}))", names, *[array for _, array, _ in values]), 2, f"arrays of common types, {how}")
    is_(rows("SELECT id, name, amount, f, born, at, ti, gap, flag, raw, code, ip, doc FROM acc WHERE id IN (1, 3) ORDER BY id"),
        [(1, "a", decimal.Decimal("2.25"), 0.1, day, at, datetime.time(1, 2, 3), datetime.timedelta(days=1, seconds=2), True, b"\x00\xff", code, address, {"x": 1}),
         (3,) + (None,) * 12], f"... {how}, are stored as they were given")
is_(one("SELECT more.bulk_update('acc', more.rowset(ARRAY['id', 'amount'], %s, %s))", [1, 3], [7, 70000]), 2, "arrays of integers as small as the values allow")
is_(rows("SELECT amount FROM acc WHERE id IN (1, 3) ORDER BY id"), [(7,), (70000,)], "... are numbers all the same")

is_(rows("SELECT ordinal, status, (result).id FROM more.bulk_get_or_create(NULL::acc, %s)", json.dumps([{"id": 9}, {"id": 1}])), [(1, "inserted", 9), (2, "existing", 1)], "rows that come back")
with connection.transaction(), connection.cursor("server_side") as cursor:
    cursor.execute("SELECT id FROM more.rows_in(NULL::acc, %s) ORDER BY id", (json.dumps([{"id": i} for i in (9, 8, 3)]),))
    is_(cursor.fetchall(), [(3,), (9,)], "a server-side cursor over a list of keys")
with connection.pipeline():
    first = connection.execute("SELECT more.bulk_update('acc', %s)", ('[{"id":9,"name":"p"}]',))
    second = connection.execute("SELECT more.bulk_delete('acc', %s)", ('[{"id":9},{"id":8}]',))
is_((first.fetchone(), second.fetchone()), ((1,), (1,)), "a pipeline")

many = [{"id": i, "name": f"name {i}"} for i in range(100, 20100)]
is_(one("SELECT more.bulk_upsert('acc', %s)", Jsonb(many)), 20000, "20,000 rows of jsonb")
is_(one("SELECT more.bulk_update('acc', more.rowset(ARRAY['id', 'name'], %b::integer[], %b::text[]))", list(range(100, 20100)), ["x"] * 20000), 20000, "20,000 rows of binary arrays")

try:
    connection.execute("SELECT more.bulk_update('acc', %s)", (json.dumps([{"id": 1, "name": "no"}, {"id": 2, "born": "never"}]),))
    is_("no error", "an error", "a bad value")
except psycopg.Error as error:
    is_((error.sqlstate, error.diag.message_detail), ("22007", 'Row 2, column "born" of type date, value "never".'), "a bad value: where it is")
is_(one("SELECT name FROM acc WHERE id = 1"), "a", "... and nothing changed")

sys.exit(finish())
