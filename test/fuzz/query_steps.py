"""Chains of refinements for query.py.  A chain is made with its model beside it: each step is a call of a function of more
that takes the query before it, and the statements that make, of the temporary table that the steps before left, the next one.

The model knows outputs by name and keeps them in columns that are called c1, c2 and so on, so that no name of the user's can
mean anything else there.  Sort keys are columns too: they stay with the rows until something loses the order.
"""

import copy
import json
import re

from query_words import NAMES, PLAIN, STRINGS, TYPES, Column, Text, Words, both, ident, literal, model_value, plain_value, same

SCHEMA = "query_fuzz"


class Table:
    """A table of the world: an integer key, and columns with hostile names."""

    def __init__(self, rand, name):
        self.name = name
        self.sql = f"{SCHEMA}.{ident(name)}"
        self.names = rand.sample(NAMES, rand.randint(3, 7))
        self.columns = [(self.names[0], "int")] + [(n, rand.choice(["int", "int", "text", "text", "bool", "num", "date", "ints"])) for n in self.names[1:]]
        self.key = self.names[0]
        self.rows = rand.choice([0, 4, 8, 9, 10, 12])

    def statements(self, rand):
        columns = ", ".join(f"{ident(name)} {TYPES[kind]}" for name, kind in self.columns)
        yield f"CREATE TABLE {self.sql} ({columns}, PRIMARY KEY ({ident(self.key)}))"
        for number in range(1, self.rows + 1):
            values = [str(number)] + [model_value(kind, None if rand.random() < 0.2 else plain_value(rand, kind)) for _, kind in self.columns[1:]]
            yield f"INSERT INTO {self.sql} VALUES ({', '.join(values)})"


class World:
    def __init__(self, rand):
        self.tables = [Table(rand, name) for name in rand.sample(["t", "u", "T 2", "q", "order", 'x"t', "a"], 3)]

    def schema(self, rand):
        yield f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"
        yield f"CREATE SCHEMA {SCHEMA}"
        for table in self.tables:
            yield from table.statements(rand)


class State:
    """What the model knows of a query: its rows are in the temporary table of that name."""

    def __init__(self, table):
        self.table = table
        self.outputs = []           # Column, the text's model is the name in the table
        self.hidden = []            # FROM's columns that a step may certainly still name
        self.joined = []            # those of queries that were joined, as name.column
        self.lost = []              # those that were in reach before
        self.placed = False         # the order tells apart rows that differ in what was joined, too
        self.gone = []              # names that certainly mean nothing any more
        self.order = None           # [(column, "DESC NULLS LAST")], so that all rows that differ have their place; or None
        self.group = None           # what aggregate adds to: the state that was grouped, the keys, the aggregates
        self.unique = None          # a table of which no row is there twice, and its key's column
        self.text_group = False     # a query that groups, as it was given
        self.attached = None        # an attached query that is certainly still one of the whole query

    def changed(self, **what):
        other = copy.copy(self)
        other.text_group = self.text_group and "table" not in what
        other.placed = self.placed and what.get("order", self.order) is self.order
        other.lost = self.lost + [column for column in self.joined if "joined" in what and column not in what["joined"]]
        for name, value in what.items():
            setattr(other, name, value)
        return other

    def names(self):
        return [column.name for column in self.outputs]

    def beyond(self, *texts):
        """Whether one of them uses a column that is no output: rows with the same outputs may differ in what it says."""
        names = {column.text.model for column in self.hidden + self.joined}
        return any(names & set(re.findall(r"\w+", text.model)) for text in texts)

    def grouped(self, table):
        """What is left where the rows become others."""
        other = State(table)
        other.lost = self.lost + self.joined
        return other

    def sort(self):
        return " ORDER BY " + ", ".join(f"{column} {how}" for column, how in self.order) if self.order else ""


class Step:
    def __init__(self, before, after, statements, state, fails=False):
        self.before, self.after = before, after     # around the query before it
        self.statements = statements
        self.state = state
        self.fails = fails                          # it must be an error

    def call(self, query):
        return self.before + query + self.after


class Maker:
    """Makes one chain."""

    def __init__(self, rand, world):
        self.rand = rand
        self.world = world
        self.number = 0
        self.ctes = {}              # names of attached queries
        self.aliases = set()        # names of joined queries

    # ---- small things

    def fresh(self, prefix="c"):
        self.number += 1
        return f"{prefix}{self.number}"

    def column(self, name, kind):
        """An output or column of FROM, as an expression can use it."""
        user = name if name in PLAIN and self.rand.random() < 0.5 else ident(name)
        return Column(name, kind, Text(user, self.fresh()))

    def new_name(self, *taken):
        taken = set().union(*taken)
        return self.rand.choice([name for name in NAMES if name not in taken])

    def words(self, state, params=True, hidden=True):
        # FROM's only where there is no order yet: then the level is certainly open
        beyond = (state.joined + ([] if state.order else state.hidden)) if hidden else []
        return Words(self.rand, state.outputs + beyond, self.world, params)

    def some(self, things, least=0):
        return self.rand.sample(things, self.rand.randint(min(least, len(things)), len(things)))

    def direction(self):
        return self.rand.choice(["", "", " ASC", " DESC", " DESC NULLS LAST", " NULLS FIRST"])

    def arguments(self, words, *texts):
        """Arguments of a call: literals, and the parameters where there are some."""
        out = [literal(text) for text in texts]
        if words.params:
            out.append(literal(json.dumps(words.params)))
        return ", " + ", ".join(out) + ")"

    # ---- starts

    def start(self):
        kinds = [self.start_table] * 6 + [self.start_select] * 6 + [self.start_group] * 2 + \
            [self.start_ordered, self.start_set, self.start_values, self.start_window, self.start_function, self.start_with, self.start_literal, self.start_scalar]
        return self.rand.choice(kinds)()

    def made(self, query, target, rest, outputs, hidden=(), keys=(), limit="", **more):
        """The first step: the user's query, and the same one with its columns and what else is needed under other names."""
        name = self.fresh("s")
        state = State(name)
        state.outputs, state.hidden = list(outputs), list(hidden)
        names = [column.text.model for column in [*outputs, *hidden]]
        order, targets = [], list(target)
        for text, how in keys:
            key = self.fresh("k")
            targets.append(text)
            names.append(key)
            order.append((key, how))
        state.order = order or None
        sql = f"SELECT {', '.join(targets)} {rest}"
        if limit:
            listed = ", ".join(names)
            sql = f"SELECT * FROM ({sql}) AS x ({listed}){state.sort()} {limit}"
            state.hidden, state.gone = [], [column.name for column in hidden]
        for key, value in more.items():
            setattr(state, key, value)
        return Step(query, "", [f"CREATE TEMP TABLE {name} ({', '.join(names)}) AS {sql}"], state)

    def start_ordered(self):
        """All columns of a table, by numbers of columns."""
        rand = self.rand
        table = rand.choice(self.world.tables)
        columns = self.table_columns(table)
        outputs = self.renamed(columns)
        numbers = rand.sample(range(len(columns)), len(columns))
        keys = [(columns[number].text.model, self.direction()) for number in numbers]
        order = ", ".join(f"{number + 1}{how}" for number, (_, how) in zip(numbers, keys))
        return self.made(f"{literal(f'SELECT * FROM {table.sql} ORDER BY {order}')}::more.query", [column.text.model for column in columns], f"FROM {table.sql}",
                         outputs, keys=keys, unique=(table, outputs[0].text.model))

    def table_columns(self, table, alias=""):
        return [Column(name, kind, Text(alias + ident(name), alias + ident(name))) for name, kind in table.columns]

    def renamed(self, columns):
        return [self.column(column.name, column.type) for column in columns]

    def start_table(self):
        table = self.rand.choice(self.world.tables)
        columns = self.table_columns(table)
        outputs = self.renamed(columns)
        query = self.rand.choice([f"more.from_table({literal(table.sql)})", f"{literal(f'SELECT * FROM {table.sql} FOR SHARE')}::more.query", f"{literal(f'SELECT * FROM {table.sql}')}::more.query",
                                  f"{literal(f'TABLE {table.sql} -- all')}::more.query", f"{literal(f'SELECT * FROM {table.sql}')}::more.query"])
        return self.made(query, [column.text.model for column in columns], f"FROM {table.sql}", outputs,
                         unique=(table, outputs[0].text.model))

    def targets(self, columns, most=4):
        """Output columns of a SELECT: (expression, name), often with names of other columns."""
        rand = self.rand
        words = Words(rand, columns, self.world, params=False)
        out, taken = [], set()
        if len(columns) > 1 and rand.random() < 0.3:
            one = rand.choice(columns)
            other = rand.choice([column for column in columns if column.name != one.name])
            out = [(one.text, other.name, one.type), (other.text, one.name, other.type)]
            taken = {one.name, other.name}
        while len(out) < most and (not out or rand.random() < 0.7):
            column = rand.choice(columns)
            if rand.random() < 0.5 and column.name not in taken:
                out.append((column.text, column.name, column.type))
            else:
                kind = rand.choice(["int", "text", "int", "bool", "num", "date"])
                name = rand.choice([n for n in NAMES + [c.name for c in columns] if n not in taken])
                out.append((words.scalar(kind, 1), name, kind))
            taken.add(out[-1][1])
        return out

    def target_list(self, targets, columns):
        names = {id(column.text): column.name for column in columns}
        return ", ".join(text.user + ("" if names.get(id(text)) == name and self.rand.random() < 0.5 and text.user == ident(name) else " AS " + ident(name))
                         for text, name, _ in targets)

    def sort_keys(self, targets, columns):
        """A total order for a SELECT: output columns by name or number and expressions over FROM's, then all outputs."""
        rand, keys, items = self.rand, [], []
        if rand.random() < 0.5:
            words = Words(rand, columns, self.world, params=False)
            text, how = words.scalar(rand.choice(["int", "text"]), 1), self.direction()
            text = both("coalesce({}, {})", text, text)     # a bare name would be an output's
            keys.append((text.model, how))
            items.append(text.user + how)
        for number in rand.sample(range(len(targets)), len(targets)):
            how = self.direction()
            keys.append((targets[number][0].model, how))
            items.append(rand.choice([str(number + 1), ident(targets[number][1])]) + how)
        return keys, ", ".join(items)

    def start_select(self):
        rand = self.rand
        table = rand.choice(self.world.tables)
        if rand.random() < 0.3:
            other = rand.choice(self.world.tables)
            columns = self.table_columns(table, "x.") + self.table_columns(other, "y.")
            source = f"FROM {table.sql} AS x " + rand.choice(["JOIN", "LEFT JOIN"]) + f" {other.sql} AS y ON x.{ident(table.key)} = y.{ident(other.key)} + 1"
            reachable = []      # a query of a join may be wrapped at the first name that two tables might have
        else:
            columns = reachable = self.table_columns(table)
            source = f"FROM {table.sql}"
        where = both(" WHERE {}", Words(rand, columns, self.world, params=False).condition()) if rand.random() < 0.4 else same("")
        targets = self.targets(columns)
        outputs = [self.column(name, kind) for _, name, kind in targets]
        way = rand.random()
        distinct = way > 0.85
        keys, order = self.sort_keys(targets, columns) if way < 0.4 else ([], "")
        limit = f"LIMIT {rand.randint(0, 5)} OFFSET {rand.randint(0, 2)}" if way < 0.2 else ""
        taken = {name for _, name, _ in targets}
        hidden = [column for column in reachable if column.name not in taken and not distinct]
        sql = f"SELECT {'DISTINCT ' if distinct else ''}{self.target_list(targets, columns)} {source}{where.user}"
        sql += (f" ORDER BY {order}" if order else "") + (" " + limit if limit else "") + rand.choice(["", "", " -- end", ";"])
        # FROM's columns are certainly within reach only where all outputs are columns of FROM under their own names
        clear = all(any(text is column.text and name == column.name for column in columns) for text, name, _ in targets)
        step = self.made(f"{literal(sql)}::more.query", [("DISTINCT " if distinct and n == 0 else "") + text.model for n, (text, _, _) in enumerate(targets)] +
                         [column.text.model for column in hidden], source + where.model, outputs, self.renamed(hidden), keys, limit)
        if not clear:
            step.state.hidden = []
        return step

    def start_group(self):
        rand = self.rand
        table = rand.choice(self.world.tables)
        columns = self.table_columns(table)
        keys = self.some(columns, 1)[:2]
        aggregates = [(text, kind) for text, kind in self.aggregates(columns)][:rand.randint(1, 3)]
        names = rand.sample(NAMES, len(keys) + len(aggregates))
        targets = [(c.text, n, c.type) for c, n in zip(keys, names)] + [(t, n, k) for (t, k), n in zip(aggregates, names[len(keys):])]
        having = rand.choice(["", " HAVING count(*) > 1"])
        grouped = ", ".join(rand.choice([str(n + 1), column.text.user]) for n, column in enumerate(keys))
        sql = f"SELECT {', '.join(t.user + ' AS ' + ident(n) for t, n, _ in targets)} FROM {table.sql} GROUP BY {grouped}{having}"
        return self.made(f"{literal(sql)}::more.query", [t.model for t, _, _ in targets],
                         f"FROM {table.sql} GROUP BY {', '.join(c.text.model for c in keys)}{having}", [self.column(n, k) for _, n, k in targets], text_group=True)

    def start_window(self):
        rand = self.rand
        table = rand.choice(self.world.tables)
        columns = self.table_columns(table)
        key = columns[0]
        names = rand.sample(NAMES, 2)
        window = rand.choice([f"count(*) OVER (PARTITION BY {rand.choice(columns).text.user})", f"row_number() OVER (ORDER BY {key.text.user} DESC)",
                              f"sum({key.text.user}) OVER w"])
        named = f" WINDOW w AS (ORDER BY {key.text.user})" if window.endswith(" w") else ""
        sql = f"SELECT {key.text.user} AS {ident(names[0])}, {window} AS {ident(names[1])} FROM {table.sql}{named}"
        return self.made(f"{literal(sql)}::more.query", [key.text.user, window], f"FROM {table.sql}{named}",
                         [self.column(names[0], "int"), self.column(names[1], "big")])

    def start_set(self):
        rand = self.rand
        arms, names = [], rand.sample(NAMES, 2)
        for _ in range(rand.randint(2, 3)):
            table = rand.choice(self.world.tables)
            ints = [ident(name) for name, kind in table.columns if kind == "int"]
            arms.append(f"SELECT {rand.choice(ints)} AS {ident(names[0])}, {rand.choice(ints)} AS {ident(names[1])} FROM {table.sql}")
        sql = rand.choice([" UNION ", " UNION ALL ", " INTERSECT ", " EXCEPT "]).join(arms)
        keys, order = [], ""
        if rand.random() < 0.3:
            how = [self.direction(), self.direction()]
            keys, order = [("1", how[0]), ("2", how[1])], f" ORDER BY 2{how[1]}, {ident(names[0])}{how[0]}"
            keys = [(ident(names[1]), how[1]), (ident(names[0]), how[0])]
        return self.made(f"{literal(sql + order)}::more.query", [ident(n) for n in names], f"FROM ({sql}) AS x", [self.column(n, "int") for n in names], keys=keys)

    def start_values(self):
        rand = self.rand
        kinds = [rand.choice(["int", "text", "date"]) for _ in range(rand.randint(1, 3))]
        rows = ", ".join("(" + ", ".join(model_value(kind, plain_value(rand, kind)) for kind in kinds) + ")" for _ in range(rand.randint(1, 5)))
        names = [f"column{n + 1}" for n in range(len(kinds))]
        return self.made(f"{literal(f'VALUES {rows}')}::more.query", ["*"], f"FROM (VALUES {rows}) AS x", [self.column(n, k) for n, k in zip(names, kinds)])

    def start_function(self):
        rand = self.rand
        table = rand.choice(self.world.tables)
        key = ident(table.key)
        names = rand.sample(NAMES, 2)
        target = rand.choice(["generate_series(1, 2)", f"generate_series(1, {key} % 3)", "unnest(ARRAY[3, 1, NULL]::integer[])"])
        if rand.random() < 0.5:
            sql = f"SELECT {key} AS {ident(names[0])}, {target} AS {ident(names[1])} FROM {table.sql}"
            return self.made(f"{literal(sql)}::more.query", [key, target], f"FROM {table.sql}", [self.column(n, "int") for n in names])
        sql = f"SELECT * FROM generate_series(1, 4) AS g ({ident(names[0])}), LATERAL (SELECT {ident(names[0])} * 2) AS l ({ident(names[1])})"
        return self.made(f"{literal(sql)}::more.query", ["x.*"], f"FROM ({sql}) AS x", [self.column(n, "int") for n in names])

    def start_with(self):
        rand = self.rand
        table = rand.choice(self.world.tables)
        name, cte = rand.choice(NAMES), rand.choice(["w", "q", "t", "W", 'x"'])
        sql = f"WITH {ident(cte)} ({ident(name)}) AS (SELECT {ident(table.key)} FROM {table.sql}) SELECT * FROM {ident(cte)} WHERE {ident(name)} > 1"
        return self.made(f"{literal(sql)}::more.query", ["x.*"], f"FROM ({sql}) AS x", [self.column(name, "int")])

    def start_literal(self):
        """Literal rows for a table: some of its columns, in the data's order."""
        rand = self.rand
        table = rand.choice(self.world.tables)
        columns = [(name, kind) for name, kind in table.columns if kind != "ints"]
        columns = rand.sample(columns, rand.randint(1, len(columns)))
        rows = [{name: None if rand.random() < 0.2 else plain_value(rand, kind) for name, kind in columns} for _ in range(rand.randint(1, 5))]
        values = ", ".join("(" + ", ".join(model_value(kind, row[name]) for name, kind in columns) + ")" for row in rows)
        return self.made(f"more.literal({literal(json.dumps(rows))}, {literal(table.sql)})", ["*"], f"FROM (VALUES {values}) AS x",
                         [self.column(name, kind) for name, kind in columns])

    def start_scalar(self):
        names = self.rand.sample(NAMES, 2)
        value = self.rand.choice(STRINGS)
        sql = f"SELECT 1 AS {ident(names[0])}, {literal(value)}::text AS {ident(names[1])}"
        return self.made(f"{literal(sql)}::more.query", ["1", literal(value) + "::text"], "", [self.column(names[0], "int"), self.column(names[1], "text")])

    # ---- refinements

    def filter(self, state):
        rand = self.rand
        name = rand.choice(["filter", "filter", "exclude"])
        words = self.words(state)
        if rand.random() < 0.15:
            condition = self.json_condition(state)
            if condition is None:
                return None
        else:
            condition = words.condition()
            if rand.random() < 0.1:
                condition = Text(condition.user + " -- end", condition.model)
        table = self.fresh("s")
        wanted = condition.model if name == "filter" else f"({condition.model}) IS NOT TRUE"
        return Step(f"more.{name}(", self.arguments(words, condition.user), [f"CREATE TEMP TABLE {table} AS SELECT * FROM {state.table} WHERE {wanted}"],
                    state.changed(table=table, group=None))

    def json_condition(self, state):
        rand = self.rand
        columns = [column for column in state.outputs if column.type in ("int", "text", "date", "bool") and "__" not in column.name and not column.name.startswith("_")]
        if not columns:
            return None
        members, models = {}, []
        for column in self.some(columns, 1)[:2]:
            model, kind = column.text.model, column.type
            value = plain_value(rand, kind)
            sql = model_value(kind, value)
            way = rand.randrange(5)
            if way == 0:
                members[column.name], made = None, f"{model} IS NULL"
            elif way == 1:
                members[column.name], made = {"_ne": value}, f"{model} <> {sql}"
            elif way == 2 and kind != "bool":
                members[column.name], made = {"_gte": value}, f"{model} >= {sql}"
            elif way == 3:
                members[column.name], made = [value], f"{model} IN ({sql})"
            else:
                members[column.name], made = value, f"{model} = {sql}"
            models.append(f"({made})")
        form = rand.randrange(3)
        if form == 1:
            return Text(json.dumps({"_not": members}), f"NOT ({' AND '.join(models)})")
        if form == 2:
            return Text(json.dumps({"_or": [{name: value} for name, value in members.items()]}), " OR ".join(models))
        return Text(json.dumps(members), " AND ".join(models))

    def pick(self, state):
        rand = self.rand
        from_hidden = [column for column in state.hidden if rand.random() < 0.3 and not state.order]
        columns = self.some(state.outputs, 0 if from_hidden else 1) + from_hidden
        from_joined, taken = [], set()
        for column in state.joined if rand.random() < 0.5 else []:
            if column.name not in taken | {c.name for c in columns} and rand.random() < 0.4:
                from_joined.append(column)
                taken.add(column.name)
        columns = columns + from_joined
        rand.shuffle(columns)
        arguments = "".join(", " + literal(column.text.user) for column in columns)
        # from here on the column has its name without an alias
        renamed = [self.picked(column) if column in from_joined else column for column in columns]
        beyond = from_hidden or (from_joined and not state.placed)
        after = state.changed(outputs=renamed, hidden=[c for c in state.hidden if c not in columns], group=None, gone=[], order=None if beyond else state.order)
        return Step("more.pick(", arguments + ")", [], after)

    def picked(self, column):
        """A column of a joined query as one of the output."""
        return Column(column.name, column.type, Text(ident(column.name), column.text.model))

    def annotate(self, state):
        rand = self.rand
        words = self.words(state, params=False)
        way, more = rand.random(), False
        if way < 0.2:
            kind, expression = "big", self.window(state)
        elif way < 0.25:
            more = True
            kind, expression = "int", same(rand.choice(["generate_series(1, 2)", "unnest(ARRAY[1, NULL]::integer[])"]))
        elif way < 0.35:
            table = rand.choice(self.world.tables)
            kind, expression = "big", same(f"(SELECT count(*) FROM {table.sql})")
        else:
            kind = rand.choice(list(TYPES))
            expression = words.scalar(kind)
        if state.hidden and rand.random() < 0.4:
            name = rand.choice(state.hidden).name        # from now on the name means the new output
        else:
            name = self.new_name(state.names(), [column.name for column in state.hidden], state.gone)
        column = self.column(name, kind)
        table = self.fresh("s")
        apart = more or state.beyond(expression) or "row_number" in expression.user
        return Step("more.annotate(", self.arguments(words, name, expression.user),
                    [f"CREATE TEMP TABLE {table} AS SELECT *, {expression.model} AS {column.text.model} FROM {state.table}"],
                    state.changed(table=table, outputs=state.outputs + [column], hidden=[], group=None, order=None if apart else state.order,
                                  unique=None if more else state.unique))

    def window(self, state):
        rand = self.rand
        everything = Text(", ".join(c.text.user for c in state.outputs), ", ".join(c.text.model for c in state.outputs))
        one = rand.choice(state.outputs).text
        return rand.choice([lambda: same("count(*) OVER ()"), lambda: both("row_number() OVER (ORDER BY {})", everything),
                            lambda: both("rank() OVER (ORDER BY {} DESC)", one), lambda: both("count({}) OVER (PARTITION BY {})", one, one)])()

    def aggregates(self, columns):
        """Aggregates over the columns whose result does not depend on the order of rows, shuffled."""
        found = [(same("count(*)"), "big")]
        for column in columns:
            found.append((both("count({})", column.text), "big"))
            found.append((both("count(DISTINCT {})", column.text), "big"))
            if column.type in ("int", "text", "date"):
                found.append((both(self.rand.choice(["min", "max"]) + "({})", column.text), column.type))
            if column.type == "int":
                found.append((both("sum({})", column.text), "big"))
                found.append((both("array_agg({} ORDER BY {})", column.text, column.text), "ints"))
                found.append((both("count(*) FILTER (WHERE {} > 1)", column.text), "big"))
            if column.type == "text":
                found.append((both("string_agg({}, ',' ORDER BY {})", column.text, column.text), "text"))
            if column.type == "bool":
                found.append((both("bool_and({})", column.text), "bool"))
        self.rand.shuffle(found)
        return found

    def group_by(self, state):
        keys = self.some(state.outputs, 1)[:3]
        if state.joined and self.rand.random() < 0.3:
            keys = keys[:2] + [column for column in [self.rand.choice(state.joined)] if column.name not in {c.name for c in keys[:2]}]
        arguments = "".join(", " + literal(column.text.user) for column in keys)
        table = self.fresh("s")
        listed = ", ".join(column.text.model for column in keys)
        keys = [self.picked(column) if column in state.joined else column for column in keys]
        after = state.grouped(table)
        after.outputs = keys
        after.group = (state, keys, [])
        return Step("more.group_by(", arguments + ")", [f"CREATE TEMP TABLE {table} AS SELECT {listed} FROM {state.table} GROUP BY {listed}"], after)

    def aggregate(self, state):
        """Adds an aggregate to the level that group_by or aggregate began, else begins one without keys."""
        if state.text_group:        # as in a query's text, it could be what group_by made
            return None
        source, keys, there = state.group or (state, [], [])
        columns = source.outputs + source.joined
        expression, kind = self.aggregates(columns)[0]
        name = self.new_name(source.names(), [c.name for c in source.hidden], state.names())
        column = self.column(name, kind)
        aggregates = there + [(expression, column)]
        listed = [c.text.model for c in keys] + [f"{e.model} AS {c.text.model}" for e, c in aggregates]
        table = self.fresh("s")
        after = source.grouped(table)
        after.outputs = keys + [c for _, c in aggregates]
        after.group = (source, keys, aggregates)
        grouped = f" GROUP BY {', '.join(c.text.model for c in keys)}" if keys else ""
        return Step("more.aggregate(", f", {literal(name)}, {literal(expression.user)})",
                    [f"CREATE TEMP TABLE {table} AS SELECT {', '.join(listed)} FROM {source.table}{grouped}"], after)

    def order_by(self, state):
        """An order in which every two rows that differ have their places; or, now and then, none."""
        rand = self.rand
        if rand.random() < 0.1:
            return Step("more.order_by(", ")", [], state.changed(order=None))
        words = self.words(state, params=False)
        items, keys, made = [], [], []
        if rand.random() < 0.5:
            expression, how = words.scalar(rand.choice(["int", "text", "num"])), self.direction()
            if rand.random() < 0.2:
                expression, how = words.condition(), self.direction()
            if re.search(r"\b[cj]\d", expression.model):          # a number alone would be a column's
                key = self.fresh("k")
                items.append(expression.user + how)
                keys.append((key, how))
                made.append(f"({expression.model}) AS {key}")
        placed = not state.joined or rand.random() < 0.7
        for column in rand.sample(state.outputs, len(state.outputs)) + (state.joined if placed else []):
            key, how = self.fresh("k"), self.direction()
            items.append((column.text.user if column in state.joined else ident(column.name)) + how)
            keys.append((key, how))
            made.append(f"{column.text.model} AS {key}")
        table = self.fresh("s")
        after = state.changed(table=table, order=keys, group=None)
        after.placed = placed
        return Step("more.order_by(", "".join(", " + literal(item) for item in items) + ")",
                    [f"CREATE TEMP TABLE {table} AS SELECT *, {', '.join(made)} FROM {state.table}"], after)

    def slice(self, state):
        if not state.order:
            return None
        offset, limit = self.rand.choice([0, 0, 1, 2]), self.rand.choice([None, None, 0, 2, 3, 5, 8])
        table = self.fresh("s")
        sql = f"CREATE TEMP TABLE {table} AS SELECT * FROM {state.table}{state.sort()} OFFSET {offset}" + (f" LIMIT {limit}" if limit is not None else "")
        return Step("more.slice(", f", {offset}" + (f", {limit})" if limit is not None else ")"), [sql],
                    state.changed(table=table, hidden=[], joined=state.joined if state.placed else [], lost=state.lost, gone=[c.name for c in state.hidden], group=None))

    def distinct(self, state):
        rand = self.rand
        table = self.fresh("s")
        if rand.random() < 0.5 or not state.order:
            listed = ", ".join(column.text.model for column in state.outputs)
            after = state.grouped(table)
            after.outputs = state.outputs
            return Step("more.distinct_on(", ")", [f"CREATE TEMP TABLE {table} AS SELECT DISTINCT {listed} FROM {state.table}"], after)
        keys = self.some(state.outputs, 1)[:2]
        listed = ", ".join(column.text.model for column in keys)
        order = ", ".join(f"{column} {how}" for column, how in state.order)
        after = state.changed(table=table, hidden=[], joined=state.joined if state.placed else [], lost=state.lost, order=None, group=None)
        return Step("more.distinct_on(", "".join(", " + literal(column.text.user) for column in keys) + ")",
                    [f"CREATE TEMP TABLE {table} AS SELECT DISTINCT ON ({listed}) * FROM {state.table} ORDER BY {listed}, {order}"], after)

    # ---- several queries

    def other(self, steps=2):
        """A query beside this one: its call, its statements, its state."""
        step = self.start()
        call, statements, state = step.call(""), list(step.statements), step.state
        for _ in range(self.rand.randint(0, steps)):
            step = self.rand.choice([self.filter, self.pick, self.annotate, self.order_by, self.slice])(state)
            if step:
                call, state = step.call(call), step.state
                statements += step.statements
        return call, statements, state

    def join(self, state):
        rand = self.rand
        call, statements, other = self.other()
        name = rand.choice([n for n in ["o", "other", "O 1", 'x"', "x", "data", "order", "t", "u"] if n not in self.aliases] or [None])
        if name is None:
            return None
        self.aliases.add(name)
        theirs = [Column(c.name, c.type, Text(f"{ident(name)}.{ident(c.name)}", self.fresh("j"))) for c in other.outputs]
        kind = rand.choice(["inner", "left", "right", "full", "cross", "semi", "anti", "inner", "left"])
        words = Words(rand, state.outputs + state.joined + theirs, self.world, params=kind != "cross")
        words.unclear = set(other.names()).union(c.name for c in state.joined)
        condition = words.condition()
        if kind == "full":      # the server joins so only by equalities that it can hash or merge
            pairs = [(m, t) for m in state.outputs for t in theirs if m.type == t.type and m.type in ("int", "text", "date")]
            if not pairs:
                return None
            words.params = {}
            mine, their = rand.choice(pairs)
            condition = both("{} = {}", mine.text, their.text)
        table = self.fresh("s")
        renamed = ", ".join(f"{c.text.model} AS {t.text.model}" for c, t in zip(other.outputs, theirs))
        right = f"(SELECT {renamed} FROM {other.table}) AS r"
        if kind in ("semi", "anti"):
            sql = f"SELECT l.* FROM {state.table} AS l WHERE {'NOT ' if kind == 'anti' else ''}EXISTS (SELECT FROM {right} WHERE {condition.model})"
            after = state.changed(table=table, hidden=[], gone=[], group=None)
        else:
            sql = f"SELECT * FROM {state.table} AS l {kind.upper()} JOIN {right}" + ("" if kind == "cross" else f" ON {condition.model}")
            after = state.changed(table=table, hidden=[], joined=state.joined + theirs, gone=[], group=None, unique=None)
            after.order = state.order if kind in ("inner", "left", "cross") else None
            after.placed = False
        given = "NULL" if kind == "cross" else literal(condition.user)
        arguments = f", {literal(name)}, {call}, {given}, {literal(kind)}" + (f", {literal(json.dumps(words.params))}" if words.params else "") + ")"
        return Step("more.join_with(", arguments, statements + [f"CREATE TEMP TABLE {table} AS {sql}"], after)

    def combine(self, state):
        """A set operation with other queries of as many columns of the same types."""
        rand = self.rand
        calls, statements, arms = [], [], []
        for _ in range(rand.choice([1, 1, 2])):
            call, made, other = self.other(1)
            statements += made
            columns = []
            for column in state.outputs:
                fitting = [c for c in other.outputs if c.type == column.type and c not in columns]
                if fitting and rand.random() < 0.8:
                    columns.append(rand.choice(fitting))
                    continue
                words = Words(rand, other.outputs, self.world, params=False)
                if column.type == "big":
                    expression = same("2::bigint")
                else:
                    expression = words.scalar(column.type, 1)
                name = self.new_name(other.names(), [c.name for c in other.hidden], [c.name for c in columns])
                new = self.column(name, column.type)
                table = self.fresh("s")
                statements.append(f"CREATE TEMP TABLE {table} AS SELECT *, {expression.model} AS {new.text.model} FROM {other.table}")
                call = f"more.annotate({call}, {literal(name)}, {literal(expression.user)})"
                other = other.changed(table=table, outputs=other.outputs + [new])
                columns.append(new)
            calls.append("more.pick(" + call + "".join(", " + literal(c.text.user) for c in columns) + ")")
            arms.append(f"SELECT {', '.join(c.text.model for c in columns)} FROM {other.table}")
        operator = rand.choice(["union", "union all", "intersect", "intersect all", "except", "except all"])
        table = self.fresh("s")
        mine = f"SELECT {', '.join(c.text.model for c in state.outputs)} FROM {state.table}"
        after = state.grouped(table)
        after.outputs = state.outputs
        return Step(f"more.combine({literal(operator)}, ", "".join(", " + c for c in calls) + ")",
                    statements + [f"CREATE TEMP TABLE {table} AS {f' {operator.upper()} '.join([mine] + arms)}"], after)

    def attach(self, state):
        """A query under a name, and a filter that uses it, before or after it is attached."""
        rand = self.rand
        ints = [column for column in state.outputs if column.type == "int"]
        if not ints:
            return None
        name = rand.choice([n for n in ["w1", "w 2", 'W"', "order", "wq"] if n not in self.ctes] or [None])
        if name is None:
            return None
        call, statements, other = self.other(1)
        theirs = [column for column in other.outputs if column.type == "int"]
        if not theirs:
            return None
        self.ctes[name] = call
        column, their = rand.choice(ints), rand.choice(theirs)
        table = self.fresh("s")
        condition = f"{ident(column.name)} IN (SELECT w.{ident(their.name)} FROM {ident(name)} AS w)"
        statements = statements + [f"CREATE TEMP TABLE {table} AS SELECT * FROM {state.table} WHERE {column.text.model} IN (SELECT {their.text.model} FROM {other.table})"]
        how = rand.choice(["", ", true", ", false"])
        attach = ("more.attach(", f", {literal(name)}, {call}{how})")
        filter_ = ("more.filter(", f", {literal(condition)})")
        first, second = (attach, filter_) if rand.random() < 0.5 else (filter_, attach)
        before, after = second[0] + first[0], first[1] + second[1]
        if rand.random() < 0.3:         # the same query under the same name once more is no other one
            before, after = attach[0] + before, after + attach[1]
        return Step(before, after, statements, state.changed(table=table, group=None, attached=name))

    # ---- errors

    def wrong(self, state):
        """A step that must be an error."""
        rand = self.rand
        nowhere = ident(rand.choice(["nowhere", "no where", 'no"where']))
        gone = [n for n in state.gone if n not in state.names()]
        name = ident(rand.choice(gone)) if gone else nowhere
        one = rand.choice(state.outputs)
        quoted = ident(one.name)
        ways = [("more.filter(", f", {literal(name + ' IS NULL')})"), ("more.exclude(", f", {literal(nowhere + ' > 1')})"),
                ("more.order_by(", f", {literal(nowhere)})"), ("more.pick(", ", 'nowhere')"),
                ("more.annotate(", f", 'new', {literal(nowhere)})"), ("more.filter(", f", {literal(quoted + ' IS NULL) OR (TRUE')})"),
                ("more.filter(", f", {literal(quoted + ' IS NULL; SELECT 1')})"), ("more.filter(", f", {literal('count(*) > 0')})"),
                ("more.filter(", f", {literal(quoted + ' IS NULL')}, " + """'{"unused": 1}')"""),
                ("more.filter(", f", {literal(quoted + ' IS NULL OR $missing IS NULL')}, " + "'{}')"),
                ("more.filter(", ", '')"), ("more.slice(", ", -1)"), ("more.slice(", ", 0, -1)"), ("more.group_by(", ", 'nowhere')"),
                ("more.combine('unify', ", f", {literal('SELECT 1')}::more.query)"), ("more.distinct_on(", ", 'nowhere')"),
                ("more.combine('union', ", ", more.pick(" + literal("SELECT 1 AS a, 2 AS b, 3 AS c") + "::more.query" + ", 'a', 'b', 'c'" * (len(state.outputs) + 1) + "))")]
        if state.lost:
            lost = rand.choice(state.lost).text.user
            ways += [("more.filter(", f", {literal(lost + ' IS NULL')})"), ("more.pick(", f", {literal(lost)})"), ("more.annotate(", f", 'new', {literal(lost)})")]
        if state.attached:
            ways.append(("more.attach(", f", {literal(state.attached)}, 'SELECT 17 AS other'::more.query)"))
        before, after = rand.choice(ways)
        return Step(before, after, [], state, fails=True)

    # ---- writes, which end a chain

    def write(self, state):
        """An insert, update or delete with what it returns; the state's table is what its rows are in."""
        rand = self.rand
        table, key = state.unique or (None, None)
        key = next((c for c in state.outputs if c.text.model == key), None)
        if not key:
            return None
        kind = rand.choice(["insert", "update", "delete"])
        listed = [name for name, _ in table.columns]
        returned = self.some(listed, 1)
        result = ", ".join(f"target.{ident(name)} AS {ident(name)}" for name in returned)
        wanted = "".join(", " + literal(ident(name)) for name in returned)
        types = dict(table.columns)
        if kind == "delete":
            sql = f"DELETE FROM {table.sql} AS target USING {state.table} AS data WHERE target.{ident(table.key)} = data.{key.text.model}"
            call = ("more.returning(more.as_delete(", f", {literal(table.sql)}){wanted})")
        elif kind == "update":
            fitting = [(name, c) for name, t in table.columns for c in state.outputs if c.type == t and name != table.key]
            if not fitting:
                return None
            name, column = rand.choice(fitting)
            if column.name == name and "=" not in name and rand.random() < 0.7:
                item, model = name, f"data.{column.text.model}"
            elif types[name] == "int":
                item = f"{ident(name)} = target.{ident(table.key)} + data.{ident(column.name)}"
                model = f"target.{ident(table.key)} + data.{column.text.model}"
            else:
                item, model = f"{ident(name)} = data.{ident(column.name)}", f"data.{column.text.model}"
            sql = f"UPDATE {table.sql} AS target SET {ident(name)} = {model} FROM {state.table} AS data WHERE target.{ident(table.key)} = data.{key.text.model}"
            call = ("more.returning(more.as_update(", f", {literal(table.sql)}, {literal_array([item])}){wanted})")
        else:
            others = [c for c in state.outputs if c.name in types and types[c.name] == c.type and c is not key]
            columns = [key] + self.some(others)
            into = ", ".join(ident(c.name) for c in columns)
            picked = ", ".join([f"{key.text.model} + 100"] + [c.text.model for c in columns[1:]])
            sql = f"INSERT INTO {table.sql} AS target ({into}) SELECT {picked} FROM {state.table}"
            fresh = self.new_name(state.names(), listed, [c.name for c in state.hidden])
            rest = "".join(", " + literal(ident(c.name)) for c in columns[1:])
            moved = f"SELECT x.{ident(fresh)} AS {ident(key.name)}" + "".join(f", x.{ident(c.name)}" for c in columns[1:]) + " FROM moved AS x"
            call = (f"more.returning(more.attach(more.as_insert({literal(moved)}::more.query, {literal(table.sql)}), 'moved', more.pick(more.annotate(",
                    f", {literal(fresh)}, {literal(ident(key.name) + ' + 100')}), {literal(ident(fresh))}{rest})){wanted})")
        after = State(None)
        after.written = (table, f"{sql} RETURNING {result}")
        return Step(call[0], call[1], [], after)

    def steps(self, most):
        """The chain: its start, refinements, and now and then a write or an error at the end."""
        chain = [self.start()]
        kinds = [self.filter] * 6 + [self.pick] * 3 + [self.annotate] * 4 + [self.order_by] * 4 + [self.slice] * 5 + [self.distinct] * 2 + \
            [self.group_by] * 2 + [self.aggregate] * 2 + [self.join] * 3 + [self.combine] * 2 + [self.attach] * 2
        for _ in range(self.rand.randint(1, most)):
            state = chain[-1].state
            make = self.aggregate if state.group and self.rand.random() < 0.5 else self.slice if state.order and self.rand.random() < 0.3 \
                else self.rand.choice(kinds)
            step = make(chain[-1].state)
            if step:
                chain.append(step)
        way = self.rand.random()
        step = self.wrong(chain[-1].state) if way < 0.15 else self.write(chain[-1].state) if way < 0.6 else None
        return chain + ([step] if step else [])


def literal_array(items):
    return "ARRAY[" + ", ".join(literal(item) for item in items) + "]"
