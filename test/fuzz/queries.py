"""Random statements around the shapes that the planner rewrites."""

import json
import re

from pieces import Many, maybe, text
from world import TYPES, Column, Type, literal, plain_type

INT4 = TYPES[0]
TEXT = next(t for t in TYPES if t.name == "text")
BOOL = next(t for t in TYPES if t.name == "bool")
INT8 = next(t for t in TYPES if t.name == "int8")
# Types whose family members need a cast.
ALONE = ("\"char\"", "name", "fz_mood")
BARE = ("int4", "int2", "int8", "fz_small")
# Types that the arms of a set operation may mix, the one that it gives last, and of which equal values look the same.
MIXED = (("fz_small", "int2", "int4"), ("int2", "int4", "int8"), ("int4", "int8"), ("varchar(3)", "fz_code", "varchar", "text"),
         ("fz_day", "date", "timestamp"), ("int4", "int4"), ("uuid", "uuid"), ("fz_mood", "fz_mood"))


class Source:
    """What a scope offers: a column of a relation, as SQL, with its type."""

    def __init__(self, sql, type_, secured=False):
        self.sql = sql
        self.type = type_
        self.secured = secured


class Statement:
    """A statement to run with the rewrites off and on.

    kind: select, prepared, plpgsql, cursor, dml or current. body: pieces. params: their types; calls: for each
    execution, their values as SQL. target: the table that a change is to be looked at in. shapes: names of the rewrites
    whose shapes are in it.
    """

    def __init__(self, kind, body):
        self.kind = kind
        self.body = body
        self.params = []
        self.calls = []
        self.target = None
        self.option = ""
        self.shapes = set()


class Generator:
    """Makes one statement for a world."""

    def __init__(self, rng, world, rewrites):
        self.rng = rng
        self.world = world
        self.rewrites = rewrites
        self.shapes = set()
        self.params = None
        self.aliases = 0
        self.ctes = []
        self.errors = False
        self.annotations = []
        self.annotating = 0

    # -- chance ----------------------------------------------------------------------------------------------------

    def maybe(self, chance):
        return self.rng.random() < chance

    def pick(self, *weighted):
        """One of (weight, value) pairs."""
        return self.rng.choices([value for _, value in weighted], [weight for weight, _ in weighted])[0]

    def few(self, most=6):
        """How many: mostly few, at times many."""
        if self.world.mode == "on":
            return self.rng.choice([2, 12, 20, 40, 90, 200])
        return self.pick((1, 1), (10, self.rng.randint(2, most)), (2, self.rng.randint(7, 20)),
                         (1, self.rng.randint(21, 70)))

    def alias(self):
        self.aliases += 1
        return "r%d" % self.aliases

    # -- values ----------------------------------------------------------------------------------------------------

    def related(self, type_):
        """The type, or at times another that compares with it."""
        others = [t for t in self.world.types if t.family == type_.family and t.name not in ALONE]
        if self.maybe(0.12) and type_.name not in ALONE:
            return self.rng.choice(others)
        return type_

    def parameter(self, type_):
        """A parameter, or None where there can be none or enough."""
        if self.params is None:
            return None
        declared = type_
        suffix = ""
        if self.maybe(0.15):
            declared, suffix = TEXT, "::" + plain_type(type_)
        same = [n for n, (t, _) in enumerate(self.params, 1) if t is declared and suffix == ""]
        if same and (self.maybe(0.5) or len(self.params) > 12):
            return "$%d" % self.rng.choice(same)
        if len(self.params) > 12:
            return None
        self.params.append((declared, type_.pool))
        return "$%d%s" % (len(self.params), suffix)

    def constant(self, type_, of, plain):
        """A constant of a type in one of the ways to write it; without a cast only if it reads as the type `of`."""
        value = self.rng.choice(type_.pool)
        name = plain_type(type_)
        kind = self.rng.random()
        if type_.name in BARE and kind < 0.6:
            return value if not value.startswith("-") else "(%s)" % value
        if kind < 0.6 and value in of.pool and type_.family != "pair":
            return literal(value)
        if kind < 0.85 or plain:
            return "%s::%s" % (literal(value), name)
        if kind < 0.9:
            return "CAST(%s AS %s)" % (literal(value), name)
        if type_.name == "int4" and len(value) < 3:
            return "(%s + 0)" % value
        if type_.name == "text":
            return self.rng.choice(["lower(%s)", "(%s || '')", "upper(%s)", "trim(%s)"]) % literal(value)
        return "coalesce(%s::%s)" % (literal(value), name)

    def value(self, type_, nulls=0.07, related=True, plain=False):
        """A value known to the statement that compares with a column of the type."""
        if self.maybe(nulls):
            return self.rng.choice(["NULL", "NULL::" + plain_type(type_)])
        other = self.related(type_) if related else type_
        if self.maybe(0.35):
            parameter = self.parameter(other)
            if parameter:
                return parameter
        return self.constant(other, type_, plain)

    # -- columns and scalars ---------------------------------------------------------------------------------------

    def column(self, scope, accept=lambda t: True):
        """A column of the scope, or None if there is none."""
        fitting = [c for c in scope if accept(c.type)]
        if not fitting:
            return None
        return self.rng.choice(fitting)

    def left(self, scope, accept=lambda t: True):
        """Something that is compared: a column, or an expression over one."""
        if "shared_subqueries" in self.rewrites and self.maybe(0.04 if len(self.rewrites) > 1 else 0.3):
            annotation = self.annotation(scope)
            if accept(annotation.type):
                return annotation
        column = self.column(scope, accept) or Source("1", INT4)
        kind = self.rng.random()
        sql, type_ = column.sql, column.type
        if kind < 0.75:
            return column
        if column.secured and sql.endswith(".id") and kind < 0.9:
            return Source("fz_peek(%s)" % sql, INT4)
        if kind < 0.79:
            return Source("coalesce(%s, %s::%s)" % (sql, literal(type_.pool[0]), plain_type(type_)), type_)
        if kind < 0.81:
            return Source("fz_volatile(%s)" % sql, type_)
        if kind < 0.83:
            return Source("fz_stable(%s)" % sql, type_)
        if type_.family == "number" and type_.exact and not type_.name.startswith("numeric"):
            return Source(self.rng.choice(["(%s %% 4)", "(%s %% 5 + 1)", "%s::int8", "-(%s %% 3)"]) % sql, INT8)
        if type_.name in ("text", "varchar"):
            return Source(self.rng.choice(["lower(%s)", "%s COLLATE \"C\"", "(%s || '')", "(%s)::varchar(3)",
                                           "(%s)::text"]) % sql, TEXT)
        if type_.family == "text" and kind < 0.9:
            return Source("(%s)::text" % sql, TEXT)
        if kind < 0.95:
            return Source("nullif(%s, %s)" % (sql, literal(type_.pool[0])), type_)
        return column

    def scalar(self, scope, depth):
        """Any scalar expression, for a target list."""
        if "hashed_case" in self.rewrites and self.maybe(0.3):
            return self.case(scope, depth)
        if self.maybe(0.25):
            return Source((self.predicate(scope, depth + 1),), BOOL)
        return self.left(scope)

    # -- the shapes ------------------------------------------------------------------------------------------------

    def tower(self, word, items):
        """Items joined by AND or OR, nested at random."""
        if len(items) > 2 and self.maybe(0.35):
            cut = self.rng.randint(1, len(items) - 1)
            return Many(" %s " % word, [("(", self.tower(word, part), ")") for part in (items[:cut], items[cut:])])
        return Many(" %s " % word, items)

    def comparison(self, left, operator, value):
        if self.maybe(0.25):
            return "%s %s %s" % (value, operator, left)
        return "%s %s %s" % (left, operator, value)

    def tuples(self, scope):
        """A list of tuples in one of its forms."""
        self.shapes.add("composite_in")
        width = self.pick((1, 1), (12, 2), (5, 3), (1, 4))
        lefts = []
        while len(lefts) < width:
            left = self.left(scope)
            if width > len(set(c.sql for c in scope)) or left.sql not in [other.sql for other in lefts] or self.maybe(0.02):
                lefts.append(left)
        rows = [[self.value(left.type) for left in lefts] for _ in range(self.few())]
        if self.maybe(0.3):
            rows += [self.rng.choice(rows) for _ in range(2)]
        kind = self.pick((4, "in"), (2, "not in"), (6, "or"), (3, "and"))
        if kind in ("in", "not in"):
            row = ("ROW" if self.maybe(0.1) or width == 1 else "") + "(%s)"
            return (row % ", ".join(left.sql for left in lefts), " NOT IN (" if kind == "not in" else " IN (",
                    Many(", ", [row % ", ".join(values) for values in rows]), ")")
        return self.arms(scope, lefts, rows, kind)

    def arms(self, scope, lefts, rows, kind):
        """A list of tuples spelled out, among other arms."""
        outer, inner, operator = ("OR", "AND", "=") if kind == "or" else ("AND", "OR", "<>")
        arms = []
        for values in rows:
            pairs = list(zip(lefts, values))
            if self.maybe(0.3):
                self.rng.shuffle(pairs)
            if len(pairs) > 1 and self.maybe(0.03):
                pairs.pop()
            comparisons = [self.comparison(left.sql, operator if self.maybe(0.99) else "<", value)
                           for left, value in pairs]
            if self.maybe(0.03):
                comparisons.append((self.simple(scope),))
            arms.append(("(", self.tower(inner, comparisons), ")"))
        while self.maybe(0.25):
            arms.insert(self.rng.randint(0, len(arms)), ("(", self.simple(scope), ")"))
        if self.maybe(0.15):
            other = ("(", self.tuples(scope), ")")
            arms.insert(self.rng.randint(0, len(arms)), other)
        return self.tower(outer, arms)

    def array_literal(self, values, name):
        return "'{%s}'::%s[]" % (", ".join("NULL" if value == "NULL" else '"%s"' % value.replace("\\", "\\\\").replace(
            '"', '\\"') for value in values), name)

    def array_test(self, scope):
        """A look-up in an array. The executor hashes constant ones; only those with parameters are its shape."""
        test = self.array_look_up(scope)
        if "$" in text(test):
            self.shapes.add("array_join")
        return test

    def array_look_up(self, scope):
        left = self.left(scope)
        element = self.related(left.type)
        name = plain_type(element).split("(")[0]
        count = self.few(12)
        operator = self.pick((6, "= ANY"), (2, "<> ALL"), (1, "<> ANY"), (1, "= ALL"))
        kind = self.rng.random()
        plain = self.maybe(0.8)
        if kind < 0.35 or "[]" in name:
            return (left.sql, self.pick((3, " IN ("), (2, " NOT IN (")),
                    Many(", ", [self.value(element, plain=plain) for _ in range(count)]), ")")
        if kind < 0.6 and not name.startswith("fz_pair"):
            values = [self.rng.choice(element.pool + ["NULL"]) for _ in range(self.rng.choice([0, count, count]))]
            array = self.array_literal(values, name)
            if self.params is not None and len(self.params) < 12 and self.maybe(0.7):
                other = self.array_literal(values[1:] + [self.rng.choice(element.pool)], name)
                self.params.append((Type(name + "[]", "array", [array, array, other, "NULL"]), None))
                array = "$%d" % len(self.params)
            elif self.maybe(0.05):
                array = "NULL::%s[]" % name
            return (left.sql, " ", operator, " (", array, ")")
        items = [self.value(element, related=False, plain=plain) for _ in range(count)]
        return (left.sql, " ", operator, " ((ARRAY[", Many(", ", items, 0), "])::", name, "[])")

    def annotation(self, scope):
        """A scalar subquery; often one that is in the statement already, maybe under another name."""
        offered = {source.sql for source in scope}
        known = [(source, outer, alias) for source, outer, alias in self.annotations if outer is None or outer in offered]
        if known and self.maybe(0.7):
            source, _, alias = self.rng.choice(known)
            self.shapes.add("shared_subqueries")
            return Source(re.sub(r"\b%s\b" % alias, self.alias(), source.sql), source.type) if self.maybe(0.3) else source
        self.annotating += 1
        alias = self.alias()
        table = self.rng.choice(self.world.tables)
        inner = self.sources(alias, table.columns, table.secured)
        mine = self.column(inner, lambda t: t.hashes)
        outer = self.column(scope, lambda t: mine and t is mine.type) if self.maybe(0.75) else None
        tests = ["%s = %s" % (mine.sql, outer.sql)] if outer else []
        if self.annotating < 3 and self.maybe(0.5):
            tests.append("(%s)" % text(self.simple(inner + ([outer] if outer else []))))
        self.annotating -= 1
        what, type_ = self.annotated(inner)
        where = " WHERE %s" % " AND ".join(tests) if tests else ""
        made = Source("(SELECT %s FROM %s AS %s%s)" % (what, table.name, alias, where), type_)
        self.annotations.append((made, outer.sql if outer else None, alias))
        return made

    def annotated(self, inner):
        """What such a subquery gives: one row, or, where errors do not depend on the plan, at times several."""
        column = self.rng.choice(inner)
        if self.rewrites == ["shared_subqueries"] and self.maybe(0.03):
            return column.sql, column.type
        return self.pick((3, ("count(*)", INT8)), (2, ("count(%s)" % column.sql, INT8)),
                         (1, ("bool_or(%s IS NULL)" % column.sql, BOOL)),
                         (2, ("string_agg(%s::text, ',' ORDER BY %s::text COLLATE \"C\")" % (column.sql, column.sql), TEXT)))

    def spanning(self, scope):
        """An OR over columns of several relations, and subqueries."""
        self.shapes.add("or_reduction")
        if self.rewrites == ["or_reduction"] and self.maybe(0.25):
            # of one relation alone, which may be a subquery that joins several
            name = str(self.rng.choice(scope).sql).partition(".")[0] if scope else ""
            scope = [s for s in scope if str(s.sql).startswith(name + ".")] or scope
        arms = []
        for _ in range(self.pick((6, 2), (4, 3), (1, 5))):
            parts = [self.span_test(scope) for _ in range(self.pick((5, 1), (2, 2)))]
            arms.append(("(", Many(self.pick((4, " AND "), (1, " OR ")), parts), ")"))
        return self.tower("OR", arms)

    def span_test(self, scope):
        """A test of one column, at times of two, or a subquery."""
        kind = self.rng.random()
        column = self.column(scope) or Source("1", INT4)
        if kind < 0.45:
            return self.comparison(column.sql, self.pick((6, "="), (1, "<>")), self.value(column.type))
        if kind < 0.6:
            return "%s IS %sNULL" % (column.sql, self.rng.choice(["", "NOT "]))
        if kind < 0.72:
            other = self.column(scope, lambda t: t is column.type)
            return "%s = %s" % (column.sql, other.sql) if other else "true"
        alias = self.alias()
        table = self.rng.choice(self.world.tables)
        inner = self.sources(alias, table.columns, table.secured)
        test = self.comparison(inner[0].sql, "=", self.value(inner[0].type)) if self.maybe(0.3) else "true"
        mine = self.column(inner, lambda t: t.hashes) or Source("1", INT4)
        outer = self.column(scope, lambda t: t is mine.type)
        if outer is None or kind < 0.86:
            linked = "%s = %s" % (mine.sql, outer.sql) if outer and self.maybe(0.8) else "true"
            return ("EXISTS (SELECT 1 FROM %s AS %s WHERE %s AND " % (table.name, alias, linked), test,
                    self.pick((4, ")"), (1, " LIMIT 1)")))
        return (outer.sql, " IN (SELECT %s FROM %s AS %s WHERE " % (mine.sql, table.name, alias), test, ")")

    def result(self, scope, type_, key):
        """What an arm of a CASE gives."""
        kind = self.rng.random()
        if kind < 0.12:
            return "NULL"
        if kind < 0.22:
            column = self.column(scope, lambda t: t is type_)
            if column:
                return column.sql
        if kind < 0.3 and type_ is INT4 and key.type is INT4:
            return "60 / %s" % key.sql if self.errors else "60 / nullif(%s, 0)" % key.sql
        return self.value(type_, 0.05, related=False)

    def case(self, scope, depth=0):
        """CASE with constants."""
        self.shapes.add("hashed_case")
        if self.maybe(0.25):
            return self.case_of_tuples(scope)
        key = self.left(scope)
        type_ = self.pick((3, INT4), (3, TEXT), (1, BOOL), (3, self.world.random_type()))
        simple = self.maybe(0.5)
        arms = []
        for _ in range(max(1, self.few(10))):
            if simple:
                condition = self.value(key.type)
            elif self.maybe(0.95):
                condition = self.comparison(key.sql, "=", self.value(key.type))
                if self.maybe(0.04):
                    condition = (condition, " OR ", self.comparison(key.sql, "=", self.value(key.type)))
            else:
                condition = self.simple(scope) if self.maybe(0.6) else self.tuples(scope)
            result = self.result(scope, type_, key)
            if depth < 2 and self.maybe(0.03):
                result = self.case(scope, depth + 1).sql
                result = ("(", result, ")::text::" + plain_type(type_)) if type_ is TEXT else "NULL"
            arms.append((" WHEN ", condition, " THEN ", result))
        other = maybe((" ELSE ", self.result(scope, type_, key))) if self.maybe(0.6) else ""
        if type_ is INT4 and key.type is INT4 and self.maybe(0.1):
            # the arm before guards what comes after
            arms = [(" WHEN ", "0" if simple else "%s = 0" % key.sql, " THEN -1")] + arms
            other = " ELSE 60 / %s" % key.sql
            lead = Many("", arms[1:], 0)
            return self.finished_case(simple, key, (arms[0], lead), other, type_)
        return self.finished_case(simple, key, Many("", arms), other, type_)

    def case_of_tuples(self, scope):
        """CASE WHEN (a, b) = (1, 2) THEN ..., or the same with AND."""
        keys = [self.left(scope) for _ in range(self.rng.choice([2, 2, 3]))]
        type_ = self.pick((3, INT4), (3, TEXT), (1, BOOL), (3, self.world.random_type()))
        arms = [(" WHEN ", self.tuple_test(keys), " THEN ", self.result(scope, type_, keys[0]))
                for _ in range(max(1, self.few(10)))]
        other = maybe((" ELSE ", self.result(scope, type_, keys[0]))) if self.maybe(0.6) else ""
        return self.finished_case(False, keys[0], Many("", arms), other, type_)

    def tuple_test(self, keys):
        """One row comparison; at times in another order or with another column."""
        tests = [(key.sql, self.value(key.type)) for key in keys]
        if self.maybe(0.4):
            return ("(", ", ".join(text(left) for left, _ in tests), ") = (",
                    ", ".join(text(right) for _, right in tests), ")")
        if self.maybe(0.3):
            self.rng.shuffle(tests)
        if self.maybe(0.03):
            tests = tests[1:]
        sides = [(right, " = ", left) if self.maybe(0.2) else (left, " = ", right) for left, right in tests]
        parts = []
        for side in sides:
            parts += [" AND ", side]
        return tuple(parts[1:])

    def finished_case(self, simple, key, arms, other, type_):
        cast = "::" + plain_type(type_)
        return Source(("(CASE ", key.sql if simple else "", arms, other, " END)", cast), type_)

    # -- conditions ------------------------------------------------------------------------------------------------

    def simple(self, scope):
        """A condition without a shape."""
        left = self.left(scope)
        kind = self.rng.random()
        if kind < 0.35:
            return self.comparison(left.sql, "=", self.value(left.type))
        if kind < 0.5:
            return "%s %s" % (left.sql, self.rng.choice(["IS NULL", "IS NOT NULL"]))
        if kind < 0.6:
            return "%s IS DISTINCT FROM %s" % (left.sql, self.value(left.type))
        if kind < 0.75:
            # two collations that differ are an error as soon as they are compared
            other = self.column(scope, lambda t: t.family == left.type.family and (
                t.family != "text" or t is left.type))
            if other:
                return "%s = %s" % (left.sql, other.sql)
        return self.comparison(left.sql, self.rng.choice(["<", ">", "<>", ">=", "<="]), self.value(left.type))

    def shape(self, scope, depth=0):
        """A condition with one of the shapes that are asked for."""
        kinds = []
        if "composite_in" in self.rewrites:
            kinds.append((5, self.tuples))
        if "array_join" in self.rewrites:
            kinds.append((3, self.array_test))
        if "hashed_case" in self.rewrites:
            kinds.append((3, lambda scope: self.case_test(scope, depth)))
        if "union_pushdown" in self.rewrites:
            kinds.append((2, self.list_test))
        if not kinds:
            return self.simple(scope)
        return self.pick(*kinds)(scope)

    def case_test(self, scope, depth):
        case = self.case(scope, depth)
        return (case.sql, " ", self.rng.choice(["=", "<>", "IS DISTINCT FROM"]), " ", self.value(case.type))

    def predicate(self, scope, depth=0):
        """Any condition, likely with a shape in it."""
        kind = self.rng.random()
        if depth > 3 or kind < 0.1:
            return self.simple(scope)
        if kind < 0.55:
            return self.shape(scope, depth)
        if kind < 0.72:
            word = self.pick((2, "AND"), (1, "OR"))
            items = [("(", self.predicate(scope, depth + 1), ")") for _ in range(self.rng.randint(2, 3))]
            return self.tower(word, items)
        if kind < 0.8:
            return ("NOT (", self.predicate(scope, depth + 1), ")")
        if kind < 0.86:
            return ("(", self.predicate(scope, depth + 1), ") ", self.rng.choice(
                ["IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE", "IS NULL", "IS NOT NULL", "= true",
                 "IS DISTINCT FROM true"]))
        if kind < 0.89:
            return ("coalesce(", self.predicate(scope, depth + 1), ", ", self.rng.choice(["true", "false"]), ")")
        if kind < 0.91:
            return ("CASE WHEN ", self.predicate(scope, depth + 1), " THEN ", self.predicate(scope, depth + 2),
                    " ELSE ", self.simple(scope), " END")
        return self.subquery_test(scope, depth)

    def subquery_test(self, scope, depth):
        """EXISTS, IN and scalar subqueries, often correlated."""
        source, inner = self.relation([], depth + 2)
        visible = inner + scope if self.maybe(0.6) else inner
        where = self.predicate(visible, depth + 2)
        not_ = "NOT " if self.maybe(0.3) else ""
        kind = self.rng.random()
        column = self.column(inner, lambda t: t.hashes) or Source("1", INT4)
        left = self.column(scope, lambda t: t is column.type)
        if kind < 0.4 or left is None:
            return (not_, "EXISTS (SELECT 1 FROM ", source, " WHERE ", where, ")")
        if kind < 0.8:
            return (left.sql, " ", not_, "IN (SELECT ", column.sql, " FROM ", source, " WHERE ", where, ")")
        return ("(SELECT count(*) FROM ", source, " WHERE ", where, ") > ", str(self.rng.randint(0, 3)))

    # -- relations -------------------------------------------------------------------------------------------------

    def sources(self, alias, columns, secured=False):
        return [Source("%s.%s" % (alias, c.name), c.type, secured) for c in columns]

    def rows_data(self, columns):
        """A rowset over some columns: literal, parameter or typed arrays."""
        count = self.pick((1, 0), (6, self.rng.randint(1, 6)), (1, self.rng.randint(7, 60)))
        values = {c.name: [None if self.maybe(0.05) else self.rng.choice(c.type.pool).replace("''", "'")
                           for _ in range(count)] for c in columns}
        if self.maybe(0.15):
            return "more.rowset('{%s}', %s)" % (",".join(values), ", ".join(
                "(ARRAY[%s]::text[])::%s[]" % (", ".join(
                    "NULL" if v is None else literal(v.replace("'", "''")) for v in values[c.name]),
                    plain_type(c.type)) for c in columns))
        if self.maybe(0.3):
            value = [dict(zip(values, row)) for row in zip(*values.values())]
        else:
            value = values
        quoted = literal(json.dumps(value).replace("'", "''"))
        if self.params is not None and len(self.params) < 12 and self.maybe(0.5):
            type_ = self.rng.choice(["more.rowset", "text", "jsonb"])
            self.params.append((Type(type_, "data", [quoted]), None))
            return "$%d%s" % (len(self.params), "::more.rowset" if type_ == "text" else "")
        return self.rng.choice(["%s", "%s::more.rowset", "(%s)::jsonb"]) % quoted

    def rows_call(self):
        """more.rows_in and its kin over a table."""
        self.shapes.add("rows_in")
        table = self.rng.choice(self.world.tables)
        alias = self.alias()
        function = self.pick((4, "rows_in"), (2, "rows_not_in"), (1, "rows_missing"))
        usable = [c for c in table.columns if c.type.hashes and c.type.name != "fz_pair" and "[]" not in c.type.name]
        columns = self.rng.sample(usable, min(len(usable), self.pick((1, 1), (3, 2), (1, 3))))
        if self.maybe(0.1) and table.key:
            columns, how = [c for c in table.columns if c.name == "id"], ""
        elif self.maybe(0.3):
            how = ", match => '%s'" % self.rng.choice([" AND ", " AND ", " OR "]).join(
                "target.%s %s data.%s" % (c.name, self.pick((8, "="), (1, "<"), (1, ">=")), c.name) for c in columns)
        else:
            how = ", key => '{%s}'" % ",".join(c.name for c in columns)
        call = "more.%s(NULL::%s, %s%s) AS %s" % (function, table.name, self.rows_data(columns), how, alias)
        return call, self.sources(alias, table.columns, table.secured and function != "rows_missing")

    def query_body(self, table, columns):
        """A query over a table that does not fail, for more.query."""
        conditions = []
        for column in columns:
            if self.maybe(0.3):
                conditions.append("%s IS %sNULL" % (column.name, self.pick((1, ""), (3, "NOT "))))
            elif column.type.hashes and self.maybe(0.4):
                conditions.append("%s %s %s::%s" % (column.name, self.pick((3, "="), (1, "IS DISTINCT FROM")),
                                                    literal(self.rng.choice(column.type.pool)), column.type.name))
        where = " WHERE " + self.rng.choice([" AND ", " OR "]).join(conditions) if conditions else ""
        return "SELECT %s FROM %s%s" % (", ".join(c.name for c in columns), table.name, where)

    def query_call(self):
        """more.run or more.fetch over a table."""
        self.shapes.add("query_in_from")
        table = self.rng.choice(self.world.tables)
        alias = self.alias()
        columns = self.rng.sample(table.columns, min(len(table.columns), self.rng.randint(1, 4)))
        body = self.query_body(table, columns)
        fetched = self.maybe(0.4)
        if not fetched and self.maybe(0.2):
            body += self.pick((3, " UNION ALL "), (1, " ORDER BY 1 DESC")) if columns[0].type.hashes else " UNION ALL "
            if body.endswith("ALL "):
                body += self.query_body(table, columns)
        quoted = literal(body.replace("'", "''"))
        if self.params is not None and len(self.params) < 12 and self.maybe(0.3):
            self.params.append((Type("more.query", "data", [quoted]), None))
            quoted = "$%d" % len(self.params)
        elif self.maybe(0.2):
            quoted = "more.slice(%s, 0)" % quoted
        if fetched:
            return "more.fetch(%s, NULL::%s) AS %s" % (quoted, table.name, alias), self.sources(
                alias, columns, table.secured)
        given = [Column("k%d" % n, c.type) for n, c in enumerate(columns)]
        return "more.run(%s) AS %s(%s)" % (quoted, alias, ", ".join(
            "%s %s" % (c.name, c.type.name) for c in given)), self.sources(alias, given, table.secured)

    def relation(self, outer, depth):
        """Something in FROM, with what it offers."""
        kind = self.rng.random()
        alias = self.alias()
        if "rows_in" in self.rewrites and self.maybe(0.25 if len(self.rewrites) > 1 else 0.7):
            return self.rows_call()
        if "query_in_from" in self.rewrites and self.maybe(0.08 if len(self.rewrites) > 1 else 0.6):
            return self.query_call()
        if "union_pushdown" in self.rewrites and depth < 3 and self.maybe(0.1 if len(self.rewrites) > 1 else 0.6):
            return self.mixed(depth)
        if self.rewrites == ["or_reduction"] and depth < 2 and self.maybe(0.25):
            return self.view(depth)
        if kind < 0.75 or depth > 2:
            table = self.rng.choice(self.world.tables)
            only = "ONLY " if self.maybe(0.03) and table.kind == "table" else ""
            return "%s%s AS %s" % (only, table.name, alias), self.sources(alias, table.columns, table.secured)
        if self.ctes and kind < 0.85:
            name, columns = self.rng.choice(self.ctes)
            return "%s AS %s" % (name, alias), self.sources(alias, columns)
        lateral = outer != [] and self.maybe(0.5)
        body, columns = self.select(outer if lateral else [], depth + 1)
        return ("LATERAL " if lateral else "", "(", body, ") AS ", alias), self.sources(alias, columns)

    def view(self, depth):
        """A subquery that joins, filters, and gives columns as they are."""
        alias = self.alias()
        source, scope = self.joined([], depth + 1)
        given = [self.rng.choice(scope) for _ in range(self.rng.randint(2, 5))]
        columns = [Column("c%d" % n, column.type) for n, column in enumerate(given)]
        listed = ", ".join("%s AS c%d" % (column.sql, n) for n, column in enumerate(given))
        where = (" WHERE ", self.simple(scope)) if self.maybe(0.4) else ""
        return (("(SELECT ", listed, " FROM ", source, where, ") AS ", alias),
                self.sources(alias, columns, any(column.secured for column in given)))

    def mixed_column(self, columns, alias, mixture, last):
        """What an arm gives for one column: a column of one of the types, or something computed."""
        names = mixture[-1:] if last else mixture
        fitting = [c for c in columns if c.type.name in names]
        if fitting and self.maybe(0.85):
            column = self.rng.choice(fitting)
            sql = "%s.%s" % (alias, column.name)
            return "coalesce(%s, %s)" % (sql, literal(column.type.pool[0])) if self.maybe(0.1) else sql
        name = self.rng.choice(names)
        return "%s::%s" % (self.rng.choice(["NULL", literal(self.rng.choice(self.type_named(name).pool))]), name)

    def type_named(self, name):
        return next(t for t in TYPES if t.name == name)

    def arm(self, mixtures, last, depth):
        """An arm of a set operation; with last, it has the types that the operation gives."""
        if depth < 2 and self.maybe(0.15):
            return ("(", self.operations(mixtures, last, depth + 1), ")")
        table = self.rng.choice(self.world.tables)
        alias = self.alias()
        columns = [self.mixed_column(table.columns, alias, mixture, last) for mixture in mixtures]
        body = ("SELECT ", self.rng.choice(["", "", "", "DISTINCT "]), ", ".join("%s AS c%d" % (c, n) for n, c in enumerate(columns)),
                " FROM %s AS %s" % (table.name, alias))
        if self.maybe(0.4):
            body = (body, maybe((" WHERE ", self.simple(self.sources(alias, table.columns, table.secured)))))
        kind = self.rng.random()
        numbers = ", ".join(str(n + 1) for n in range(len(columns)))
        if kind < 0.08:
            return ("(", body, " ORDER BY %s LIMIT %d)" % (numbers, self.rng.choice([0, 2, 9])))
        if kind < 0.14:
            return ("(SELECT ", ", ".join("c%d" % n for n in range(len(columns))), " FROM (", body, ") AS g GROUP BY %s)" % numbers)
        if kind < 0.18:
            return ("(SELECT ", ", ".join("c%d" % n for n in range(len(columns))), " FROM (SELECT *, count(*) OVER (PARTITION BY c0) AS k"
                    " FROM (", body, ") AS g) AS h WHERE k < %d)" % self.rng.randint(1, 9))
        return body

    def operations(self, mixtures, last, depth):
        """Two or three arms with set operations between them; one arm, at least, has the types that it gives."""
        arms = [self.arm(mixtures, last, depth) for _ in range(self.pick((3, 1), (1, 2)))]
        arms.insert(self.rng.randint(0, len(arms)), self.arm(mixtures, True, depth))
        sql = arms[0]
        for other in arms[1:]:
            word = self.pick((3, "UNION"), (3, "UNION ALL"), (2, "EXCEPT"), (1, "EXCEPT ALL"), (1, "INTERSECT"), (1, "INTERSECT ALL"))
            sql = (sql, " %s " % word, other)
        return sql

    def mixed(self, depth):
        """A set operation of arms with several types, in FROM."""
        self.shapes.add("union_pushdown")
        alias = self.alias()
        mixtures = [self.rng.choice(MIXED) for _ in range(self.rng.randint(1, 3))]
        columns = [Column("c%d" % n, self.type_named(mixture[-1])) for n, mixture in enumerate(mixtures)]
        sql = self.operations(mixtures, False, 1 if depth > 1 else 0)
        if self.maybe(0.2):
            inner = self.alias()
            sql = ("SELECT * FROM (", sql, ") AS %s" % inner, maybe((" WHERE ", self.list_test(self.sources(inner, columns)))))
        return ("(", sql, ") AS " + alias), self.sources(alias, columns)

    def list_test(self, scope):
        """column IN (...), or a comparison."""
        left = self.left(scope)
        if self.maybe(0.4):
            return self.comparison(left.sql, self.rng.choice(["=", "=", "<", ">="]), self.value(left.type))
        return (left.sql, self.rng.choice([" IN (", " IN (", " NOT IN ("]), Many(", ", [self.value(left.type) for _ in range(self.few())]), ")")

    def joined(self, outer, depth):
        """A FROM list: one to three relations, joined in some way. Gives pieces and what they offer."""
        sql, scope = self.relation(outer, depth)
        many = 3 if self.rewrites == ["or_reduction"] and depth < 2 else 0
        for _ in range(self.pick((5, 0), (4, 1), (1 + many, 2 if depth == 0 else 0), (many, 3))):
            kind = self.pick((4, "JOIN"), (3 + many, "LEFT JOIN"), (1, "RIGHT JOIN"), (0.2 if many else 1, "FULL JOIN"), (1, ","))
            visible = scope + outer if kind in ("JOIN", "LEFT JOIN", ",") else []
            other, offered = self.relation(visible if self.maybe(0.4) else [], depth + 1)
            on = self.join_condition(scope, offered)
            if kind == ",":
                sql = (sql, " CROSS JOIN (SELECT 1 AS one) AS %s %s JOIN " % (self.alias(), self.rng.choice(
                    ["", "LEFT"])), other, " ON ", on)
            else:
                extra = [("(", self.predicate(scope + offered, depth + 1), ")")] if self.maybe(0.6) else []
                if kind != "FULL JOIN" and self.maybe(0.1):
                    # only the shape links them: few rows, or it takes too long
                    on = self.tuples(scope + offered) if "composite_in" in self.rewrites else on
                sql = (sql, " %s " % kind, other, " ON ", Many(" AND ", [("(", on, ")")] + extra))
            scope = scope + offered
        return sql, scope

    def join_condition(self, left, right):
        """An equality of a column of each side; by id where nothing else links them."""
        integers = ("int2", "int4", "int8") if "union_pushdown" in self.rewrites else ()
        pairs = [(a, b) for a in left for b in right
                 if a.type.family == b.type.family and a.type.hashes and
                 (a.type.name == b.type.name or a.type.name in integers and b.type.name in integers)]
        if not pairs:
            return "true"
        ids = [(a, b) for a, b in pairs if a.sql.endswith(".id") or b.sql.endswith(".id")]
        a, b = self.rng.choice(ids if ids and self.maybe(0.6) else pairs)
        return "%s = %s" % (a.sql, b.sql)

    # -- statements ------------------------------------------------------------------------------------------------

    def where(self, scope, depth):
        if self.maybe(0.12):
            return ""
        parts = [("(", self.predicate(scope, depth), ")")]
        if self.params is not None and "array_join" in self.rewrites and self.maybe(0.3):
            parts.append(("(", self.array_test(scope), ")"))
        if "or_reduction" in self.rewrites and self.maybe(0.3 if len(self.rewrites) > 1 else 0.8):
            parts.append(("(", self.spanning(scope), ")"))
        while self.maybe(0.25):
            parts.append(("(", self.simple(scope), ")"))
        return maybe((" WHERE ", self.tower("AND", parts)))

    def select(self, outer, depth):
        """A SELECT; gives pieces and its columns, c0, c1, ..."""
        kind = self.rng.random()
        if kind < 0.15 and depth < 2:
            return self.union(outer, depth)
        if kind < 0.35:
            return self.grouped(outer, depth)
        source, scope = self.joined(outer, depth)
        targets = [self.scalar(scope + outer if self.maybe(0.3) else scope, depth + 1)
                   for _ in range(self.rng.randint(1, 4))]
        distinct = "DISTINCT " if all(t.type.exact for t in targets) and self.maybe(0.07) else ""
        columns = [Column("c%d" % n, t.type) for n, t in enumerate(targets)]
        listed = Many(", ", [(t.sql, " AS c%d" % n) for n, t in enumerate(targets)])
        order = ""
        if "shared_subqueries" in self.rewrites and distinct == "" and self.maybe(0.2):
            order = maybe((" ORDER BY ", self.annotation(scope).sql))
        return ("SELECT ", distinct, listed, " FROM ", source, self.where(scope + outer, depth), order), columns

    def aggregate(self, scope, depth):
        """An aggregate over rows of a scope whose result does not depend on their order."""
        kind = self.rng.random()
        if kind < 0.25:
            return Source(("count(*) FILTER (WHERE ", self.predicate(scope, depth + 1), ")"), INT8)
        if kind < 0.4:
            return Source(("bool_or(", self.predicate(scope, depth + 1), ")"), BOOL)
        if kind < 0.55 and "hashed_case" in self.rewrites:
            return Source(("count(", self.case(scope, depth + 1).sql, ")"), INT8)
        column = self.column(scope, lambda t: t.exact and t.hashes) or Source("1", INT4)
        if kind < 0.65:
            return Source("count(DISTINCT %s)" % column.sql, INT8)
        return Source(("string_agg(%s::text, ',' ORDER BY %s::text COLLATE \"C\")" % (column.sql, column.sql)), TEXT)

    def grouped(self, outer, depth):
        """SELECT ... GROUP BY ... HAVING."""
        source, scope = self.joined(outer, depth)
        keys = []
        for _ in range(self.rng.randint(0, 2)):
            key = self.left(scope, lambda t: t.exact and t.hashes)
            if "hashed_case" in self.rewrites and self.maybe(0.2):
                case = self.case(scope, 1)
                key = Source(text(case.sql), case.type)
            if key.type.exact and key.type.hashes and "fz_volatile" not in text(key.sql):
                keys.append(key)
        targets = keys + [self.aggregate(scope, depth) for _ in range(self.rng.randint(1, 2))]
        own = [Source(key.sql, key.type) for key in keys] or [Source("count(*)", INT8)]
        extra = [self.shape(own, 2)] if self.maybe(0.3) else []
        having = maybe((" HAVING ", self.predicate(own + [Source("count(*)", INT8)], 2))) if self.maybe(0.5) else ""
        groups = ""
        if keys:
            word = self.pick((6, "(%s)"), (1, "ROLLUP (%s)"), (1, "CUBE (%s)"), (1, "GROUPING SETS ((%s), ())"))
            before, after = (" GROUP BY " + word).split("%s")
            # by number: parameters and CASE are the same expression only so
            groups = (before, Many(", ", [key.sql for key in keys]) if "(" == word[0] and self.maybe(0.7) else
                      Many(", ", [key.sql for key in keys], len(keys)), after)
        listed = Many(", ", [(t.sql, " AS c%d" % n) for n, t in enumerate(targets)] +
                      [(e, " AS c%d" % (len(targets) + n)) for n, e in enumerate(extra)])
        columns = [Column("c%d" % n, t.type) for n, t in enumerate(targets)]
        return ("SELECT ", listed, " FROM ", source, self.where(scope + outer, depth), groups, having), columns

    def union(self, outer, depth):
        """UNION and its kin, of texts."""
        word = self.pick((3, " UNION ALL "), (2, " UNION "), (1, " EXCEPT "), (1, " INTERSECT "), (1, " EXCEPT ALL "))
        width = self.rng.randint(1, 2)
        arms = []
        for _ in range(self.rng.randint(2, 3)):
            source, scope = self.joined(outer, depth + 1)
            targets = [self.scalar(scope, depth + 2) for _ in range(width)]
            listed = Many(", ", [("(", t.sql, ")::text COLLATE \"C\" AS c%d" % n) for n, t in enumerate(targets)])
            arms.append(("SELECT ", listed, " FROM ", source, self.where(scope + outer, depth + 1)))
        return Many(word, arms), [Column("c%d" % n, TEXT) for n in range(width)]

    def ctes_before(self):
        """WITH ..., or nothing."""
        if not self.maybe(0.15):
            return ""
        made = []
        for n in range(self.rng.randint(1, 2)):
            body, columns = self.select([], 2)
            word = self.rng.choice(["", "MATERIALIZED ", "NOT MATERIALIZED "])
            made.append(("w%d AS " % n, word, "(", body, ")"))
            self.ctes.append(("w%d" % n, columns))
        return ("WITH ", Many(", ", made, len(made)), " ")

    def query(self):
        """A whole SELECT, at times with something around it."""
        before = self.ctes_before()
        body, columns = self.select([], 0)
        kind = self.rng.random()
        if kind < 0.1:
            return (before, "SELECT * FROM (", body, ") AS q ORDER BY q::text COLLATE \"C\" LIMIT ",
                    str(self.rng.choice([0, 1, 3, 10])))
        if kind < 0.17:
            return (before, "SELECT count(*), min(q::text COLLATE \"C\") FROM (", body, ") AS q")
        if kind < 0.2:
            # errors of the target list are the same whatever the plan, in a statement as simple as this one
            self.errors = True
            table = self.rng.choice(self.world.tables)
            scope = self.sources("t", table.columns, table.secured)
            case = self.case(scope) if "hashed_case" in self.rewrites else self.left(scope)
            return ("SELECT ", case.sql, " FROM %s AS t" % table.name)
        if kind < 0.22:
            table = self.rng.choice([t for t in self.world.tables if t.kind == "table"])
            scope = self.sources("t", table.columns, table.secured)
            return ("SELECT t.id FROM %s AS t" % table.name, self.where(scope, 0),
                    self.rng.choice([" FOR UPDATE", " FOR SHARE", " FOR NO KEY UPDATE"]))
        return (before, body)

    def change(self):
        """UPDATE, DELETE, INSERT or MERGE with its target."""
        table = self.rng.choice([t for t in self.world.tables if t.writable])
        alias = "t"
        scope = self.sources(alias, table.columns, table.secured)
        kind = self.pick((5, "update"), (3, "delete"), (2, "insert"), (1, "merge"))
        if kind == "insert" and table.kind == "table":
            return self.insert(table), table
        if kind == "merge" and table.kind == "table" and not table.secured:
            return self.merge(table, scope), table
        source, inner = "", []
        if self.maybe(0.3):
            other, inner = self.relation([], 1)
            source = other
        link = "(%s)" % self.join_condition(scope, inner) if inner else "true"
        where = (" WHERE ", Many(" AND ", [link, ("(", self.predicate(scope + inner, 0), ")")]))
        if self.maybe(0.5):
            returning = Many(", ", ["t.id"] + [(self.scalar(scope, 2).sql,) for _ in range(self.rng.randint(0, 2))])
            # of several matches any may be the one that is returned, so nothing of the other side is
            returning = (" RETURNING ", returning)
        else:
            returning = ""
        if kind == "delete":
            return ("DELETE FROM %s AS t" % table.name, (" USING ", source) if inner else "", where, returning), table
        return ("UPDATE %s AS t SET " % table.name, self.assignments(table, scope), (" FROM ", source) if inner else "",
                where, returning), table

    def assignments(self, table, scope):
        """column = expression, ..., mostly CASE."""
        made = []
        for column in self.rng.sample(table.columns[1:], self.rng.randint(1, 2)):
            if "hashed_case" in self.rewrites and self.maybe(0.7):
                key = self.left(scope)
                self.shapes.add("hashed_case")
                keys = [key, self.left(scope)] if self.maybe(0.3) else None
                arms = [(" WHEN ", self.tuple_test(keys) if keys else self.comparison(key.sql, "=", self.value(key.type)),
                         " THEN ", self.result(scope, column.type, key)) for _ in range(self.few(12))]
                value = ("CASE", Many("", arms), maybe(" ELSE t.%s" % column.name), " END")
                if self.maybe(0.3):
                    value = (value, "::" + plain_type(column.type))
            else:
                value = self.value(column.type)
            made.append((column.name, " = ", value))
        return Many(", ", made)

    def insert(self, table):
        """INSERT ... SELECT, at times ON CONFLICT."""
        scope = self.sources("s", table.columns, table.secured)
        names = ", ".join(c.name for c in table.columns)
        listed = ", ".join(s.sql if n > 0 else "s.id + %d" % self.rng.choice([0, 3, 5000])
                           for n, s in enumerate(scope))
        conflict = ""
        if table.key:
            target = self.sources("t", table.columns)
            conflict = (" ON CONFLICT (id) DO UPDATE SET ", self.assignments(table, target), " WHERE ",
                        self.predicate(target, 1))
        return ("INSERT INTO %s AS t (%s) SELECT %s FROM %s AS s" % (table.name, names, listed, table.name),
                self.where(scope, 0), conflict, " RETURNING t.id, t.a")

    def merge(self, table, scope):
        source, inner = "(SELECT DISTINCT id AS k, 1 AS x FROM %s) AS s" % table.name, [
            Source("s.k", INT4), Source("s.x", INT4)]
        return ("MERGE INTO %s AS t USING " % table.name, source, " ON t.id = s.k WHEN MATCHED AND (",
                self.predicate(scope + inner, 1), ") THEN UPDATE SET ", self.assignments(table, scope),
                " WHEN MATCHED AND (", self.predicate(scope, 2), ") THEN DELETE")

    def current(self):
        """Rows changed WHERE CURRENT OF a cursor over a shape."""
        table = self.rng.choice([t for t in self.world.tables if t.kind == "table"])
        scope = self.sources("t", table.columns, table.secured)
        lock = self.rng.choice(["", "", " FOR UPDATE"])
        change = self.rng.choice(["UPDATE %s SET a = coalesce(a, 0) %% 3", "DELETE FROM %s"]) % table.name
        return ("DO $do$ DECLARE c ", self.rng.choice(["", "NO SCROLL "]), "CURSOR FOR SELECT t.* FROM %s AS t WHERE "
                % table.name, self.predicate(scope, 1), lock, "; BEGIN FOR r IN c LOOP ", change,
                " WHERE CURRENT OF c; END LOOP; END $do$"), table

    def statement(self):
        """The statement."""
        kind = self.pick((10, "select"), (6, "prepared"), (1.5, "plpgsql"), (1.5, "cursor"), (4, "dml"), (0.7, "current"))
        target = None
        if kind in ("prepared", "plpgsql"):
            self.params = []
        change = kind == "dml" or kind == "prepared" and self.maybe(0.2)
        if kind == "current":
            body, target = self.current()
        elif change:
            body, target = self.change()
        else:
            body = self.query()
        made = Statement(kind, body)
        made.target = target.name if target else None
        made.shapes = self.shapes
        if self.params is not None:
            made.params = [plain_type(t) for t, _ in self.params]
            rounds = self.pick((4, 1), (2, 2), (1, 7)) if kind == "prepared" else self.rng.randint(1, 2)
            made.calls = [[self.argument(t, pool) for t, pool in self.params] for _ in range(rounds)]
            made.option = self.pick((5, "force_generic_plan"), (2, "force_custom_plan"), (1, "auto"))
            if made.option != "force_generic_plan":
                # the executor hashes arrays whose values are known
                self.shapes.discard("array_join")
        if kind == "cursor":
            made.option = self.rng.choice(["", "SCROLL ", "NO SCROLL ", "INSENSITIVE "])
        return made

    def argument(self, type_, pool):
        """The value of a parameter in one execution."""
        if pool is None:
            return self.rng.choice(type_.pool)
        if self.maybe(0.08):
            return "NULL"
        return literal(self.rng.choice(pool))
