"""The ways to do each thing: the idioms that people write today, pg_more's verbs, and the floor under both.

A side makes its payload ready before the clock runs, since how fast a client formats text is not the server's doing; what
it sends, and how, is what a driver sends. It returns how many rows it says it touched."""

import json
from collections import namedtuple

# kind: idiom, more or floor; most: the largest N it is tried with; settings: of its session
Side = namedtuple("Side", "key label kind most ready go settings", defaults=({},))

PRELOADED = {"session_preload_libraries": "pg_more"}


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(value):
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


class Rows:
    """Some rows as a client has them, in every form that a side sends. columns: name -> SQL type."""

    def __init__(self, columns, rows):
        self.columns = columns
        self.rows = rows

    def json(self):
        names = list(self.columns)
        return json.dumps([dict(zip(names, row)) for row in self.rows], separators=(",", ":")).encode()

    def arrays(self):
        out = []
        for column in zip(*self.rows):
            is_text = isinstance(column[0], str)
            out.append(("{" + ",".join(quoted(v) if is_text else str(v) for v in column) + "}").encode())
        return out

    def copy(self):
        return "".join("\t".join(map(str, row)) + "\n" for row in self.rows).encode()

    def values(self):
        return ",".join("(" + ",".join(map(literal, row)) + ")" for row in self.rows)

    def params(self):
        return [[str(v).encode() for v in row] for row in self.rows]


def touched(result):
    """The row count of a statement's command tag."""
    return result.command_tuples or 0


def answered(result):
    """The number that a function call returned."""
    return int(result.get_value(0, 0))


def found(result):
    """How many rows a search found, and the sum of their ids."""
    return result.get_value(0, 0), result.get_value(0, 1)


def column_list(columns, prefix=""):
    return ", ".join(prefix + name for name in columns)


def definitions(columns):
    return ", ".join(f"{name} {sql_type}" for name, sql_type in columns.items())


def array_params(columns):
    return ", ".join(f"${i + 1}::{sql_type}[]" for i, sql_type in enumerate(columns.values()))


def rowset_of_arrays(columns):
    names = ",".join(f"'{name}'" for name in columns)
    return f"more.rowset(ARRAY[{names}], {array_params(columns)})"


def through_temp_table(columns, statement):
    """COPY to a temporary table, ANALYZE it, and one statement that uses it as d."""
    def go(client, data):
        client.run(f"CREATE TEMP TABLE d ({definitions(columns)}) ON COMMIT DROP")
        client.copy("COPY d FROM STDIN", data)
        client.run("ANALYZE d")
        return client.run(statement)
    return go


PLAIN = {"id": "int", "a": "int", "b": "numeric", "c": "text"}

# ---------------------------------------------------------------------------------------------------------------------


def update_sides():
    assign = "SET a = d.a, b = d.b, c = d.c"
    one = "UPDATE t SET a = $2, b = $3, c = $4 WHERE id = $1"
    floor = "UPDATE t SET a = a + 1, b = b + 1, c = c || '!'"

    def one_by_one(client, params):
        name = client.prepare(one)
        execute, check = client.conn.exec_prepared, client.check
        for row in params:
            check(execute(name, row))
        return len(params)

    def pipelined(client, params):
        client.pipeline(one, params)
        return len(params)

    def case(rows):
        arms = [" ".join(f"WHEN id = {row[0]} THEN {literal(row[i])}" for row in rows.rows) for i in (1, 2, 3)]
        return (f"UPDATE t SET a = CASE {arms[0]} END, b = CASE {arms[1]} END, c = CASE {arms[2]} END "
                f"WHERE id IN ({','.join(str(row[0]) for row in rows.rows)})").encode()

    unnest = f"UPDATE t {assign} FROM unnest({array_params(PLAIN)}) d (id, a, b, c) WHERE t.id = d.id"
    recordset = f"UPDATE t {assign} FROM json_to_recordset($1) d ({definitions(PLAIN)}) WHERE t.id = d.id"
    temp = through_temp_table(PLAIN, f"UPDATE t {assign} FROM d WHERE t.id = d.id")
    return [
        Side("single", "single UPDATEs, prepared", "idiom", 100_000, Rows.params, one_by_one),
        Side("pipelined", "single UPDATEs, prepared, pipelined", "idiom", 100_000, Rows.params, pipelined),
        Side("case", "CASE (Django's bulk_update)", "idiom", 10_000, case, lambda c, sql: touched(c.run(sql))),
        Side("values", "UPDATE … FROM (VALUES …)", "idiom", 100_000,
             lambda rows: f"UPDATE t {assign} FROM (VALUES {rows.values()}) d (id, a, b, c) WHERE t.id = d.id".encode(),
             lambda c, sql: touched(c.run(sql))),
        Side("unnest", "UPDATE … FROM unnest($1, …)", "idiom", None, Rows.arrays,
             lambda c, arrays: touched(c.execute(unnest, arrays))),
        Side("recordset", "UPDATE … FROM json_to_recordset($1)", "idiom", None, lambda rows: [rows.json()],
             lambda c, text: touched(c.execute(recordset, text))),
        Side("temp", "COPY temp, ANALYZE, UPDATE", "idiom", None, Rows.copy, lambda c, data: touched(temp(c, data))),
        Side("more_json", "more.bulk_update, JSON", "more", None, lambda rows: [rows.json()],
             lambda c, text: answered(c.execute("SELECT more.bulk_update('t', $1)", text))),
        Side("more_arrays", "more.bulk_update, typed arrays", "more", None, Rows.arrays,
             lambda c, arrays: answered(c.execute(f"SELECT more.bulk_update('t', {rowset_of_arrays(PLAIN)})", arrays))),
        Side("floor_scan", "floor: the same rows by a marker column", "floor", None, lambda rows: rows.marks,
             lambda c, marks: touched(c.execute(f"{floor} WHERE pick >= $1 AND pick < $2", marks))),
        Side("floor_any", "floor: the same rows by id = ANY ($1)", "floor", None, lambda rows: Rows.arrays(rows)[:1],
             lambda c, ids: touched(c.execute(f"{floor} WHERE id = ANY ($1)", ids))),
    ]


def case_statement(rows, columns):
    """bulk_update as Django 5.2 sends it, unchanged, of rows of text as in PLAIN."""
    types = {"a": "integer", "b": "numeric(12, 2)", "c": "text"}
    places = list(PLAIN)

    def case(column):
        arms = " ".join(f'WHEN ("t"."id" = {row[0]}) THEN {literal(row[places.index(column)])}' for row in rows)
        return f'"{column}" = (CASE {arms} ELSE NULL END)::{types[column]}'

    ids = ", ".join(str(row[0]) for row in rows)
    return f'UPDATE "t" SET {", ".join(case(column) for column in columns)} WHERE "t"."id" IN ({ids})'


def case_sides(columns):
    """bulk_update of Django, with rewrites off and on."""
    return [Side(mode, mode, kind, most, lambda rows: case_statement(rows.rows, columns).encode(),
                 lambda c, sql: touched(c.run(sql)), {**PRELOADED, "pg_more.rewrites": mode})
            for mode, kind, most in (("off", "idiom", 10_000), ("on", "more", None))]


def upsert_sides():
    names = column_list(PLAIN)
    conflict = "ON CONFLICT (id) DO UPDATE SET a = excluded.a, b = excluded.b, c = excluded.c"
    unnest = f"INSERT INTO t ({names}) SELECT * FROM unnest({array_params(PLAIN)}) {conflict}"
    recordset = f"INSERT INTO t ({names}) SELECT * FROM json_to_recordset($1) d ({definitions(PLAIN)}) {conflict}"
    temp = through_temp_table(PLAIN, f"INSERT INTO t ({names}) SELECT * FROM d {conflict}")
    return [
        Side("values", "INSERT … VALUES … ON CONFLICT", "idiom", 10_000,
             lambda rows: f"INSERT INTO t ({names}) VALUES {rows.values()} {conflict}".encode(),
             lambda c, sql: touched(c.run(sql))),
        Side("unnest", "INSERT … SELECT unnest($1, …) ON CONFLICT", "idiom", None, Rows.arrays,
             lambda c, arrays: touched(c.execute(unnest, arrays))),
        Side("recordset", "INSERT … json_to_recordset($1) ON CONFLICT", "idiom", None, lambda rows: [rows.json()],
             lambda c, text: touched(c.execute(recordset, text))),
        Side("temp", "COPY temp, ANALYZE, INSERT … ON CONFLICT", "idiom", None, Rows.copy,
             lambda c, data: touched(temp(c, data))),
        Side("more_json", "more.bulk_upsert, JSON", "more", None, lambda rows: [rows.json()],
             lambda c, text: answered(c.execute("SELECT more.bulk_upsert('t', $1)", text))),
        Side("more_arrays", "more.bulk_upsert, typed arrays", "more", None, Rows.arrays,
             lambda c, arrays: answered(c.execute(f"SELECT more.bulk_upsert('t', {rowset_of_arrays(PLAIN)})", arrays))),
    ]


def insert_sides():
    names = column_list(PLAIN)
    unnest = f"INSERT INTO t ({names}) SELECT * FROM unnest({array_params(PLAIN)})"
    recordset = f"INSERT INTO t ({names}) SELECT * FROM json_to_recordset($1) d ({definitions(PLAIN)})"

    def copy(client, data):
        client.copy(f"COPY t ({names}) FROM STDIN", data)
        return data.count(b"\n")

    return [
        Side("values", "INSERT … VALUES (…), (…), …", "idiom", 10_000,
             lambda rows: f"INSERT INTO t ({names}) VALUES {rows.values()}".encode(),
             lambda c, sql: touched(c.run(sql))),
        Side("unnest", "INSERT … SELECT unnest($1, …)", "idiom", None, Rows.arrays,
             lambda c, arrays: touched(c.execute(unnest, arrays))),
        Side("recordset", "INSERT … SELECT json_to_recordset($1)", "idiom", None, lambda rows: [rows.json()],
             lambda c, text: touched(c.execute(recordset, text))),
        Side("copy", "COPY t FROM STDIN", "idiom", None, Rows.copy, copy),
        Side("more_json", "more.bulk_insert, JSON", "more", None, lambda rows: [rows.json()],
             lambda c, text: answered(c.execute("SELECT more.bulk_insert('t', $1)", text))),
        Side("more_arrays", "more.bulk_insert, typed arrays", "more", None, Rows.arrays,
             lambda c, arrays: answered(c.execute(f"SELECT more.bulk_insert('t', {rowset_of_arrays(PLAIN)})", arrays))),
    ]


def decode_sides():
    """Decoding to typed columns and nothing else: rows_missing where nothing can match hands back every row of
    the data, as the row type of a table."""
    wanted = {"id": "int", "a": "int", "b": "numeric(12,2)", "c": "text"}
    def count(sql):
        return lambda c, params: answered(c.execute(sql, params))
    return [
        Side("jsonb", "jsonb_to_recordset($1::jsonb)", "idiom", None, lambda rows: [rows.json()],
             count(f"SELECT count(*) FROM jsonb_to_recordset($1::jsonb) AS x ({definitions(wanted)})")),
        Side("json", "json_to_recordset($1::json)", "other", None, lambda rows: [rows.json()],
             count(f"SELECT count(*) FROM json_to_recordset($1::json) AS x ({definitions(wanted)})")),
        Side("unnest", "unnest($1, …)", "other", None, Rows.arrays,
             count(f"SELECT count(*) FROM unnest({array_params(PLAIN)}) AS x (id, a, b, c)")),
        Side("more_json", "more.rowset, JSON", "more", None, lambda rows: [rows.json()],
             count("SELECT count(*) FROM more.rows_missing(NULL::empty_t, $1, match => 'false')")),
        Side("more_arrays", "more.rowset, typed arrays", "more", None, Rows.arrays,
             count(f"SELECT count(*) FROM more.rows_missing(NULL::empty_t, {rowset_of_arrays(PLAIN)}, match => 'false')")),
    ]


TUPLE = {"md5": "text", "sha256": "text"}


def rows_in_sides(indexed):
    what = "SELECT count(*), sum(f.id) FROM"
    def ask(sql):
        return lambda c, params: found(c.execute(sql, params))
    temp = through_temp_table(TUPLE, f"{what} files f JOIN d USING (md5, sha256)")
    call = "more.rows_in(NULL::files, {}, key => '{{md5,sha256}}') f"
    sides = [
        Side("in", "(md5, sha256) IN ((…), (…), …)", "idiom", 1_000,
             lambda rows: f"{what} files f WHERE (md5, sha256) IN ({rows.values()})".encode(),
             lambda c, sql: found(c.run(sql))),
        Side("values", "JOIN (VALUES …)", "idiom", 100_000,
             lambda rows: f"{what} files f JOIN (VALUES {rows.values()}) d (md5, sha256) USING (md5, sha256)".encode(),
             lambda c, sql: found(c.run(sql))),
        Side("unnest", "JOIN unnest($1, $2)", "idiom", None, Rows.arrays,
             ask(f"{what} files f JOIN unnest({array_params(TUPLE)}) d (md5, sha256) USING (md5, sha256)")),
        Side("temp", "COPY temp, ANALYZE, JOIN", "idiom", None, Rows.copy, lambda c, data: found(temp(c, data))),
        Side("more_json", "more.rows_in, JSON", "more", None, lambda rows: [rows.json()],
             ask(f"{what} {call.format('$1')}")),
        Side("more_arrays", "more.rows_in, typed arrays", "more", None, Rows.arrays,
             ask(f"{what} {call.format(rowset_of_arrays(TUPLE))}")),
    ]
    # Without an index every row is compared with every tuple: 20 s for 1,000 tuples, so it is left out.
    return sides if indexed else sides[1:]
