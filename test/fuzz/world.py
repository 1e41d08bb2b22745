"""Random tables, views and roles: the world that a batch of queries runs in."""

ROLE = "more_fuzz"


class Type:
    """A type of columns, with values that meet often.

    pool: values as text. exact: equal values look the same. family: types of one family compare with each other.
    """

    def __init__(self, name, family, pool, exact=True, weight=1, hashes=True):
        self.name = name
        self.family = family
        self.pool = pool
        self.exact = exact
        self.weight = weight
        self.hashes = hashes


NUMBERS = ["-1", "0", "1", "2", "3", "4", "5", "6"]
WORDS = ["a", "A", "b", "B", "ab", "", "a ", "ä", "c", "it''s"]
TIMES = ["2020-01-01", "2020-01-02", "2020-02-29", "infinity", "1999-12-31"]

TYPES = [
    Type("int4", "number", NUMBERS + ["2147483647"], weight=14),
    Type("int2", "number", NUMBERS + ["32767"], weight=3),
    Type("int8", "number", NUMBERS + ["9223372036854775807"], weight=4),
    Type("numeric", "number", NUMBERS + ["1.0", "2.50", "NaN"], exact=False, weight=2),
    Type("numeric(6,2)", "number", NUMBERS + ["2.5"], weight=1),
    Type("float8", "number", NUMBERS + ["-0", "2.5", "NaN", "Infinity"], exact=False, weight=2),
    Type("float4", "number", NUMBERS + ["-0", "2.5", "0.1"], exact=False),
    Type("text", "text", WORDS, weight=8),
    Type("varchar", "text", WORDS, weight=3),
    Type("varchar(3)", "text", WORDS, weight=2),
    Type("bpchar(3)", "text", WORDS, exact=False, weight=2),
    Type("name", "text", WORDS),
    Type("\"char\"", "text", ["a", "A", "b", ""]),
    Type("date", "time", TIMES, weight=3),
    Type("timestamp", "time", TIMES + ["2020-01-01 12:00"], weight=1),
    Type("timestamptz", "time", TIMES + ["2020-01-01 12:00+02"], weight=1),
    Type("uuid", "uuid", ["00000000-0000-0000-0000-00000000000%d" % n for n in range(6)], weight=2),
    Type("bool", "bool", ["true", "false"], weight=2),
    Type("bytea", "bytea", ["\\x00", "\\x01", "\\x", "\\xff00"]),
    Type("interval", "interval", ["1 day", "24:00", "1 mon", "30 days", "0"], exact=False),
    Type("timetz", "timetz", ["10:00+00", "12:00+02", "11:00+00"], exact=False),
    Type("inet", "inet", ["10.0.0.1", "10.0.0.0/8", "::1"]),
    Type("cidr", "inet", ["10.0.0.0/8", "10.0.0.1/32"]),
    Type("oid", "oid", ["0", "1", "2", "4294967295"]),
    Type("varbit", "bit", ["", "0", "01", "001"], hashes=False),
    Type("int4[]", "int[]", ["{}", "{1,2}", "{1,NULL}", "{{1,2},{3,4}}"]),
    Type("int4range", "range", ["empty", "[1,3)", "[1,2]", "(,5)"]),
    Type("jsonb", "jsonb", ["1", "1.0", "null", "{\"a\": 1}", "[]"], exact=False),
    Type("tsvector", "tsvector", ["a b", "b", ""], hashes=False),
    # made by types_sql()
    Type("fz_mood", "enum", ["sad", "ok", "happy"], weight=3),
    Type("fz_small", "number", NUMBERS[1:], weight=3),
    Type("fz_code", "text", ["a", "A", "b", "ab", "c"], weight=2),
    Type("fz_day", "time", TIMES, weight=1),
    Type("fz_pair", "pair", ["(1,a)", "(1,)", "(2,A)", "(,)"]),
]
CASELESS = [
    Type("text COLLATE fz_ci", "text", WORDS, exact=False, weight=6),
    Type("varchar(5) COLLATE fz_ci", "text", WORDS, exact=False, weight=2),
]

# What a world may be planned under; the first value is the usual one and is not set.
SETTINGS = [
    ("enable_hashjoin", ["off"]), ("enable_mergejoin", ["off"]), ("enable_nestloop", ["off"]),
    ("enable_seqscan", ["off"]), ("enable_indexscan", ["off"]), ("enable_bitmapscan", ["off"]),
    ("enable_hashagg", ["off"]), ("enable_sort", ["off"]), ("enable_material", ["off"]),
    ("enable_memoize", ["off"]), ("enable_partitionwise_join", ["on"]),
    ("enable_partitionwise_aggregate", ["on"]), ("enable_partition_pruning", ["off"]),
    ("constraint_exclusion", ["on", "off"]), ("work_mem", ["'64kB'"]), ("geqo_threshold", ["2"]),
    ("from_collapse_limit", ["1"]), ("join_collapse_limit", ["1"]), ("transform_null_equals", ["on"]),
    ("random_page_cost", ["0.1"]), ("cursor_tuple_fraction", ["0.001"]),
]
PARALLEL = ["SET parallel_setup_cost = 0", "SET parallel_tuple_cost = 0", "SET min_parallel_table_scan_size = 0",
            "SET min_parallel_index_scan_size = 0"]


def literal(value):
    """A quoted literal. The pools hold their quotes doubled already."""
    return "'" + value + "'"


def plain_type(type_):
    """The type without its collation, as a cast wants it."""
    return type_.name.split(" COLLATE ")[0]


class Column:
    def __init__(self, name, type_):
        self.name = name
        self.type = type_


class Table:
    """A table or view: its columns, and what may be done to it."""

    def __init__(self, name, columns, writable=True, key=None, kind="table"):
        self.name = name
        self.columns = columns
        self.writable = writable
        self.key = key
        self.kind = kind
        self.secured = False


class World:
    """Tables and views in a schema of their own, made from a random source.

    setup: the statements that make it, in order, each with the names that it is needed for. settings: statements for
    each session. tables: what queries may use.
    """

    def __init__(self, rng, schema, features):
        self.rng = rng
        self.schema = schema
        self.features = features
        self.setup = []
        self.settings = []
        self.tables = []
        self.as_role = rng.random() < 0.3
        self.types = TYPES + (CASELESS if features.get("icu") else [])
        self.mode = rng.choices(["force", "on", "verify"], [8, 1, 1 if features.get("verify") else 0])[0]
        self.make_types()
        for number in range(rng.randint(3, 5)):
            self.make_table("t%d" % number)
        for number in range(rng.randint(1, 3)):
            self.make_view("v%d" % number)
        self.choose_settings()

    def add(self, *statements):
        self.setup.extend(statements)

    def make_types(self):
        self.add("CREATE TYPE fz_mood AS ENUM ('sad', 'ok', 'happy')",
                 "CREATE DOMAIN fz_small AS int4 CHECK (VALUE > -100)",
                 "CREATE DOMAIN fz_code AS varchar(3)",
                 "CREATE DOMAIN fz_day AS date CHECK (VALUE > '1900-01-01')",
                 "CREATE TYPE fz_pair AS (a int4, b text)",
                 "CREATE FUNCTION fz_volatile(anyelement) RETURNS anyelement VOLATILE LANGUAGE sql AS 'SELECT $1'",
                 "CREATE FUNCTION fz_stable(anyelement) RETURNS anyelement STABLE LANGUAGE plpgsql AS "
                 "'BEGIN RETURN $1; END'",
                 "CREATE FUNCTION fz_peek(n int4) RETURNS int4 IMMUTABLE STRICT LANGUAGE plpgsql COST 1 AS "
                 "'BEGIN IF n % 3 = 0 THEN RAISE ''row % is hidden'', n; END IF; RETURN n; END'")
        if self.features.get("icu"):
            self.setup.insert(0, "CREATE COLLATION fz_ci (provider = icu, locale = 'und-u-ks-level2', "
                                 "deterministic = false)")

    def random_type(self):
        return self.rng.choices(self.types, [type_.weight for type_ in self.types])[0]

    def make_columns(self):
        """id, two integers that meet often, and a few of any type."""
        int4 = TYPES[0]
        columns = [Column("id", int4), Column("a", int4)]
        for name in "bcdefg"[:self.rng.randint(2, 5)]:
            columns.append(Column(name, self.random_type()))
        return columns

    def values(self, type_, salt):
        """An expression over i: some value of the type."""
        rng = self.rng
        pool = rng.sample(type_.pool, min(len(type_.pool), rng.randint(2, 6)))
        items = [literal(value) for value in pool] + ["NULL"] * rng.choice([0, 0, 1, 1, 2])
        return "(ARRAY[%s]::text[])[1 + abs(hashint4(i * 8 + %d)::int8) %% %d]::%s" % (
            ", ".join(items), salt, len(items), plain_type(type_))

    def fill(self, name, columns, first, count):
        chosen = ", ".join(["i"] + [self.values(c.type, salt) for salt, c in enumerate(columns[1:], 1)])
        self.add("INSERT INTO %s (%s) SELECT %s FROM generate_series(%d, %d) AS i" % (
            name, ", ".join(c.name for c in columns), chosen, first, first + count - 1))

    def rows(self):
        return self.rng.choices([0, 1, 8, 40, 120, 400], [1, 1, 4, 8, 4, 1])[0]

    def make_table(self, name):
        rng = self.rng
        columns = self.make_columns()
        table = Table(name, columns)
        kind = rng.choices(["plain", "list", "range", "hash", "inherited"], [6, 1, 1.5, 1.5, 1.5])[0]
        definitions = ["%s %s" % (c.name, c.type.name) for c in columns]
        dropped = rng.random() < 0.3
        if dropped:
            definitions.insert(rng.randint(0, len(definitions)), "gone int4")
        if kind == "plain" and rng.random() < 0.7:
            table.key = "id"
            definitions.append("PRIMARY KEY (id)")
        create = "CREATE TABLE %s (%s)" % (name, ", ".join(definitions))
        if kind in ("list", "range", "hash"):
            self.make_partitioned(table, kind, create)
        else:
            self.add(create)
        if dropped:
            self.add("ALTER TABLE %s DROP COLUMN gone" % name)
        self.fill(name, columns, 1, self.rows())
        if kind == "inherited":
            self.make_child(name, columns)
        self.make_indexes(name, columns)
        if rng.random() < 0.2:
            self.add("DELETE FROM %s WHERE id %% 5 = 1" % name)
        if rng.random() < 0.7:
            self.add("ANALYZE %s" % name)
        self.secure(table)
        self.tables.append(table)

    def make_partitioned(self, table, kind, create):
        rng = self.rng
        name = table.name
        if kind == "list":
            self.add(create + " PARTITION BY LIST (a)",
                     "CREATE TABLE %s_1 PARTITION OF %s FOR VALUES IN (1, 2, NULL)" % (name, name),
                     "CREATE TABLE %s_2 PARTITION OF %s FOR VALUES IN (3, 4)" % (name, name))
        elif kind == "range":
            second = rng.choice(["", ", id"])
            bound = ", MINVALUE" if second else ""
            self.add(create + " PARTITION BY RANGE (a%s)" % second,
                     "CREATE TABLE %s_1 PARTITION OF %s FOR VALUES FROM (MINVALUE%s) TO (2%s)" % (
                         name, name, bound, bound),
                     "CREATE TABLE %s_2 PARTITION OF %s FOR VALUES FROM (2%s) TO (4%s)" % (name, name, bound, bound))
        else:
            keys = "a" if rng.random() < 0.5 or not table.columns[2].type.hashes else "a, b"
            self.add(create + " PARTITION BY HASH (%s)" % keys)
            for part in range(3):
                self.add("CREATE TABLE %s_%d PARTITION OF %s FOR VALUES WITH (MODULUS 3, REMAINDER %d)" % (
                    name, part, name, part))
            return
        self.add("CREATE TABLE %s_d PARTITION OF %s DEFAULT" % (name, name))

    def make_child(self, name, columns):
        """A child whose columns come in another order, and one that adds a column."""
        turned = ", ".join("%s %s" % (c.name, c.type.name) for c in reversed(columns))
        self.add("CREATE TABLE %s_turned (%s)" % (name, turned),
                 "ALTER TABLE %s_turned INHERIT %s" % (name, name),
                 "CREATE TABLE %s_more (extra int4) INHERITS (%s)" % (name, name))
        self.fill(name + "_turned", columns, 1001, self.rows())
        self.fill(name + "_more", columns, 2001, self.rows())

    def make_indexes(self, name, columns):
        rng = self.rng
        plain = [c for c in columns if c.type.hashes]
        for _ in range(rng.randint(0, 3)):
            some = rng.sample(plain, min(len(plain), rng.randint(1, 3)))
            kind = rng.random()
            keys = ", ".join(c.name for c in some)
            if kind < 0.2:
                keys = "abs(a), " + keys
            elif kind < 0.35:
                self.add("CREATE INDEX ON %s USING hash (%s)" % (name, some[0].name))
                continue
            where = ""
            if rng.random() < 0.35:
                where = rng.choice([" WHERE a = 1", " WHERE a IS NOT NULL", " WHERE a IN (1, 2, 3)", " WHERE a > 1",
                                    " WHERE %s IS NOT NULL" % some[-1].name])
            self.add("CREATE INDEX ON %s (%s)%s" % (name, keys, where))

    def secure(self, table):
        """Grants, all columns one by one; row security on some tables."""
        rng = self.rng
        if not self.as_role:
            return
        names = ", ".join(c.name for c in table.columns)
        if rng.random() < 0.7:
            self.add("GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %s" % (table.name, ROLE))
        else:
            self.add("GRANT SELECT (%s), UPDATE (%s), INSERT (%s) ON %s TO %s" % (
                names, names, names, table.name, ROLE))
        if rng.random() < 0.7:
            table.secured = True
            others = rng.choice(["true", "a IS DISTINCT FROM 2", "(a, id % 2) IN ((1, 0), (2, 1), (3, 0), (4, 1))",
                                 "a = ANY ('{1,2,3,NULL}')",
                                 "CASE a WHEN 1 THEN true WHEN 2 THEN false ELSE true END"])
            self.add("ALTER TABLE %s ENABLE ROW LEVEL SECURITY" % table.name,
                     "CREATE POLICY fz ON %s USING (id %% 3 <> 0 AND %s) WITH CHECK (true)" % (table.name, others))

    def make_view(self, name):
        rng = self.rng
        table = rng.choice([t for t in self.tables if t.kind == "table"])
        names = ", ".join(c.name for c in table.columns)
        options = " WITH (security_barrier)" if rng.random() < 0.3 else ""
        where = rng.choice([
            "", " WHERE a > 0", " WHERE id % 3 <> 0",
            " WHERE (a, id % 4) IN ((1, 0), (1, 1), (2, 2), (3, 3), (NULL, 1))",
            " WHERE (a, id % 4) NOT IN ((1, 0), (1, 1), (2, 2), (3, 3))",
            " WHERE CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' WHEN 3 THEN 'z' WHEN 1 THEN 'u' END <> 'y'"])
        kind = rng.random()
        if kind < 0.6:
            body = "SELECT %s FROM %s%s" % (names, table.name, where)
        elif kind < 0.8:
            body = "SELECT %s FROM %s%s UNION ALL SELECT %s FROM %s" % (names, table.name, where, names, table.name)
        else:
            body = "SELECT %s FROM %s%s ORDER BY id OFFSET 0" % (names, table.name, where)
        self.add("CREATE VIEW %s%s AS %s" % (name, options, body))
        if self.as_role:
            self.add("GRANT SELECT, UPDATE, DELETE ON %s TO %s" % (name, ROLE))
        view = Table(name, table.columns, writable=kind < 0.6, kind="view")
        # what a barrier, or the table's own policy for the view's owner, hides
        view.secured = options != "" and where == " WHERE id % 3 <> 0" and kind < 0.6
        self.tables.append(view)

    def choose_settings(self):
        rng = self.rng
        if rng.random() < 0.5:
            for name, values in rng.sample(SETTINGS, rng.randint(1, 4)):
                self.settings.append("SET %s = %s" % (name, rng.choice(values)))
        if rng.random() < 0.15:
            self.settings += PARALLEL
            if rng.random() < 0.5:
                self.settings.append("SET %s = on" % self.features["parallel"])
        self.settings.append("SET search_path = %s, public" % self.schema)
        if self.as_role:
            self.settings.append("SET ROLE %s" % ROLE)

    def statements(self):
        """All statements that make the world."""
        start = ["CREATE SCHEMA %s" % self.schema, "SET search_path = %s, public" % self.schema]
        if self.as_role:
            start.append("GRANT USAGE ON SCHEMA %s TO %s" % (self.schema, ROLE))
        return start + self.setup
