"""Names, values and expressions for query.py: each is made twice, once as a user of more.query writes it, with the columns'
names, and once for the model, whose columns have names of their own."""

from collections import namedtuple

# What a user writes, and what the model runs.
Text = namedtuple("Text", "user model")

# A column that an expression can use: what it is called, its type, how the user and the model refer to it.
Column = namedtuple("Column", "name type text")

NAMES = ["a", "b", "c", "d", "A", "x y", 'x"y', "select", "from", "order", "$x", "q", "target", "data", "--", "/*", "*/", "'", "a.b",
         ")", "; drop", "\u00e9", "\x03", "$$", "1", "user", "rows", "n" * 63, "t", "as", "\\", "%s", "{}", "over", "filter", "limit"]
PLAIN = {"a", "b", "c", "d", "q", "t", "data", "target"}      # these need no quotes
TYPES = {"int": "integer", "text": "text", "bool": "boolean", "num": "numeric(10,2)", "date": "date", "ints": "integer[]", "big": "bigint"}
STRINGS = ["", "x", "y", "Y", "it's", "$x", "$min", "$1", "--", "/*", "x; DROP TABLE t", "\\", "\x01", "\x010001", "\u00e9\u4e2d", '"', "$$", "NULL", "%s", "a) OR (TRUE"]
SPACE = [" ", " ", " ", " ", "\n", "\t ", " /* ) */ ", " -- '\n"]


def ident(name):
    return '"' + name.replace('"', '""') + '"'


def literal(value):
    return "'" + value.replace("'", "''") + "'"


def both(form, *texts):
    """The form with the texts in its braces, for the user and for the model."""
    return Text(form.format(*(t.user for t in texts)), form.format(*(t.model for t in texts)))


def same(sql):
    return Text(sql, sql)


def plain_value(rand, kind):
    """A value of the type as Python has it; small sets, so that values meet."""
    if kind in ("int", "big"):
        return rand.choice([0, 1, 1, 2, 3, -1, 7])
    if kind == "text":
        return rand.choice(STRINGS)
    if kind == "bool":
        return rand.random() < 0.5
    if kind == "num":
        return rand.choice(["0.00", "1.00", "1.50", "-2.25", "10.00"])
    if kind == "date":
        return rand.choice(["2020-01-01", "2020-02-29", "1999-12-31", "2021-07-04"])
    return "{" + ",".join(rand.choice(["1", "2", "3", "NULL"]) for _ in range(rand.randint(0, 3))) + "}"


def model_value(kind, value):
    """The value as SQL that has the column's type."""
    if value is None:
        return f"NULL::{TYPES[kind]}"
    if kind == "int":
        return f"({value})"
    if kind == "big":
        return f"({value})::bigint"
    if kind == "bool":
        return str(value).lower()
    return f"{literal(value)}::{TYPES[kind]}"


class Words:
    """Makes expressions over columns.  What it binds as parameters is kept in params, for the call that they go with."""

    def __init__(self, rand, columns, world, params=True):
        self.rand = rand
        self.columns = columns
        self.world = world
        self.params = {} if params else None
        self.subqueries = True
        self.unclear = set()        # names that a subquery cannot use without an alias

    def of(self, kind):
        return [column for column in self.columns if column.type == kind]

    def space(self):
        return self.rand.choice(SPACE)

    def string(self, value):
        """A string as one can write it."""
        way = self.rand.random()
        if way < 0.1 and "'" not in value and "\\" not in value:
            return f"E'{value}'"
        if way < 0.2 and "$" not in value:
            return f"$t${value}$t$"
        if way < 0.25 and all(31 < ord(c) < 127 and c not in "'\\" for c in value):
            return "U&'" + "".join(f"\\{ord(c):04x}" for c in value) + "'"
        return literal(value)

    def bound(self, value):
        name = self.rand.choice(["min", "x", "p", "value", "a"]) + (str(len(self.params)) if self.params else "")
        self.params[name] = value
        return "$" + name

    def constant(self, kind, compared=False):
        """A constant; as a parameter only where what it is compared with settles its type."""
        value = None if self.rand.random() < 0.05 else plain_value(self.rand, kind)
        model = model_value(kind, value)
        if self.params is not None and compared and self.rand.random() < 0.3:
            if kind == "ints" and value is not None:
                return Text(self.bound(value), model)
            if kind == "num" and value is not None and self.rand.random() < 0.5:
                return Text(self.bound(float(value)), model)
            return Text(self.bound(value), model)
        if kind == "text" and value is not None:
            return Text(self.string(value) + ("" if compared else "::text"), model)
        return Text(model, model)

    def scalar(self, kind, depth=0):
        rand = self.rand
        columns = self.of(kind)
        if columns and (depth > 2 or rand.random() < 0.6):
            return rand.choice(columns).text
        if depth > 2 or rand.random() < 0.25:
            return self.constant(kind)
        inner = lambda other: self.scalar(other, depth + 1)     # noqa: E731
        way = rand.random()
        if way < 0.15:
            return both("CASE WHEN {} THEN {} ELSE {} END", self.condition(depth + 2), inner(kind), inner(kind))
        if way < 0.3:
            return both("coalesce({}, {})", inner(kind), self.constant(kind))
        if kind == "int":
            return rand.choice([lambda: both("({} + {})", inner("int"), inner("int")), lambda: both("length({})", inner("text")),
                                lambda: both("abs({})", inner("int")), lambda: both("cardinality({})", inner("ints")),
                                lambda: both("({} % 3)", inner("int")), lambda: both("extract(year FROM {})::integer", inner("date"))])()
        if kind == "text":
            return rand.choice([lambda: both("({} || {})", inner("text"), inner("text")), lambda: both("upper({})", inner("text")),
                                lambda: both("({})::text", inner("int")), lambda: both("substring({} FROM 1 FOR 2)", inner("text"))])()
        if kind == "num":
            return both("round({} + 1.5, 2)::numeric(10,2)", inner("num"))
        if kind == "date":
            return both("({} + 1)", inner("date"))
        if kind == "big":
            return both("({}::bigint)", inner("int"))
        if kind == "bool":
            return both("({})", self.condition(depth + 1))
        return both("({} || {})", inner("ints"), inner("ints"))

    def condition(self, depth=0):
        rand = self.rand
        way = rand.random()
        if depth < 2 and way < 0.3:
            op = rand.choice(["AND", "OR"])
            return both("{}" + self.space() + op + self.space() + "{}", both("({})", self.condition(depth + 1)), both("({})", self.condition(depth + 1)))
        if depth < 2 and way < 0.36:
            return both("NOT ({})", self.condition(depth + 1))
        if depth < 2 and way < 0.46 and self.subqueries:
            return self.subquery()
        kind = rand.choice([column.type for column in self.columns] or ["int"])
        value = self.scalar(kind, depth + 1)
        way = rand.random()
        if way < 0.15:
            return both("{} IS" + self.space() + rand.choice(["NULL", "NOT NULL"]), value)
        if way < 0.3:
            return both("{} IS" + rand.choice([" NOT", ""]) + " DISTINCT FROM {}", value, self.constant(kind, True))
        if kind == "bool":
            return rand.choice([lambda: both("{} IS NOT TRUE", value), lambda: value, lambda: both("{} = {}", value, self.constant(kind, True))])()
        if way < 0.45 and kind in ("int", "text", "date", "big"):
            return both("{} " + rand.choice(["", "NOT "]) + "IN ({}, {})", value, self.constant(kind, True), self.constant(kind, True))
        if way < 0.5 and kind == "int" and self.params is not None:
            values = [plain_value(rand, "int") for _ in range(rand.randint(0, 3))]
            model = "ARRAY[" + ", ".join(map(str, values)) + "]::integer[]"
            return both("{} = ANY ({})", value, Text(self.bound(values), model))
        if way < 0.55 and kind in ("int", "num", "date"):
            return both("{} BETWEEN {} AND {}", value, self.constant(kind, True), self.constant(kind, True))
        if way < 0.6 and kind == "text":
            return both("{} LIKE {}", value, same("'%x%'"))
        other = self.constant(kind, True) if rand.random() < 0.6 else self.scalar(kind, depth + 2)
        return both("{} " + rand.choice(["=", "<>", "<", "<=", ">", ">="]) + self.space() + "{}", value, other)

    def subquery(self):
        """A condition with a subquery over a table of the world, correlated where the name means nothing inside."""
        table = self.rand.choice(self.world.tables)
        mine = [column for column in self.columns if column.type == "int" and column.name not in [*table.names, *self.unclear]]
        theirs = ident(self.rand.choice([name for name, kind in table.columns if kind == "int"]))
        if not mine:
            return same(f"EXISTS (SELECT FROM {table.sql} AS inside WHERE inside.{theirs} = 1)")
        column = self.rand.choice(mine).text
        if self.rand.random() < 0.5:
            return both("{} " + self.rand.choice(["IN", "NOT IN"]).replace("{", "") +
                        f" (SELECT {theirs} FROM {table.sql} WHERE {theirs} > 0)".replace("{", "{{").replace("}", "}}"), column)
        return both(f"EXISTS (SELECT FROM {table.sql} AS inside WHERE inside.{theirs} = ".replace("{", "{{").replace("}", "}}") + "{})", column)
