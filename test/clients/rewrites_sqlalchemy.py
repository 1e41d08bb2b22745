#!/usr/bin/env python3
"""SQLAlchemy 2 (or 1.4): tuple_().in_, or_(and_()), case(), selectinload and ORs over related tables as it sends them through psycopg 3 and psycopg2,
with the planner's rewrites off, on and forced.

The forms are those of psycopg 3, which sends parameters, each of the narrowest type that an integer fits; after the fifth
time it prepares a statement. psycopg2 puts the values in their places.
"""
import os
import sys

try:
    import sqlalchemy
    from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Text, and_, case as case_, column, delete, event, func, not_, or_, select, tuple_, union, update
    from sqlalchemy import ARRAY, any_, cast, literal, values
    from sqlalchemy.orm import Session, declarative_base, relationship, selectinload
except ImportError as error:
    print(f"1..0 # SKIP SQLAlchemy cannot be imported: {error}")
    sys.exit(0)

from lib import rewrites
from lib.rewrites import case

Base = declarative_base()


class Stock(Base):
    """A table with a composite primary key."""
    __tablename__ = "stock"
    shop = Column(Integer, primary_key=True)
    sku = Column(String(40), primary_key=True)
    n = Column(Integer)
    note = Column(Text)
    moves = relationship("Move", primaryjoin="and_(foreign(Move.shop) == Stock.shop, foreign(Move.sku) == Stock.sku)", viewonly=True)


class Move(Base):
    """A table that refers to it by two columns that may be NULL."""
    __tablename__ = "move"
    id = Column(BigInteger, primary_key=True)
    shop = Column(Integer)
    sku = Column(String(40))
    n = Column(Integer)


class Person(Base):
    """Who sends parcels."""
    __tablename__ = "person"
    id = Column(Integer, primary_key=True)
    name = Column(String(40))


class Depot(Base):
    """Where parcels may be."""
    __tablename__ = "depot"
    id = Column(Integer, primary_key=True)
    code = Column(String(40))


class Parcel(Base):
    """A table whose foreign keys may be NULL."""
    __tablename__ = "parcel"
    id = Column(Integer, primary_key=True)
    sender_id = Column(ForeignKey(Person.id))
    depot_id = Column(ForeignKey(Depot.id))
    n = Column(Integer)
    sender = relationship(Person)
    depot = relationship(Depot)


stock_key = tuple_(Stock.shop, Stock.sku)
move_key = tuple_(Move.shop, Move.sku)
session = None  # of the connection that is in use


def found(query):
    """The rows that a query finds, in order."""
    return sorted(map(tuple, session.execute(query)), key=repr)


def run(statement):
    """How many rows a statement changes, for good."""
    changed = session.execute(statement.execution_options(synchronize_session=False)).rowcount
    session.commit()
    return changed


def any_of(keys, shop=Move.shop, sku=Move.sku):
    """shop = … AND sku = … OR …; SQLAlchemy makes IS NULL of None."""
    return or_(*[and_(shop == a, sku == b) for a, b in keys])


def without_nulls(keys):
    """The keys that have no NULL."""
    return [key for key in keys if None not in key]


@case("SELECT move.id FROM move WHERE (move.shop, move.sku) IN (($1, $2), ($3, $4), ($5, $6))", takes="composite_in")
def tuple_in(keys):
    return found(select(Move.id).where(move_key.in_(keys)))


@case("SELECT move.id FROM move WHERE ((move.shop, move.sku) NOT IN (($1, $2), ($3, $4), ($5, $6)))", takes="composite_in")
def tuple_not_in(keys):
    return found(select(Move.id).where(move_key.notin_(keys)))


@case("""SELECT move.id FROM move WHERE (move.shop, move.sku) IN (SELECT v.a, v.b
    FROM (VALUES ($1::INTEGER, $2::VARCHAR), ($3::INTEGER, $4::VARCHAR), ($5::INTEGER, $6::VARCHAR)) AS v (a, b))""")
def tuple_in_values(keys):
    rows = values(column("a", Integer), column("b", String), name="v").data(without_nulls(keys))
    return found(select(Move.id).where(move_key.in_(select(rows))))


@case("""SELECT move.id FROM move WHERE move.shop = $1::INTEGER AND move.sku = $2::VARCHAR
    OR move.shop = $3::INTEGER AND move.sku = $4::VARCHAR OR move.shop = $5::INTEGER AND move.sku = $6::VARCHAR""", takes="composite_in")
def or_of_ands(keys):
    return found(select(Move.id).where(any_of(without_nulls(keys))))


@case("""SELECT move.id FROM move WHERE move.shop = $1::INTEGER AND move.sku = $2::VARCHAR
    OR move.shop = $3::INTEGER AND move.sku = $4::VARCHAR OR move.shop IS NULL AND move.sku = $5::VARCHAR""", takes="composite_in")
def or_of_ands_with_is_null(keys):
    return found(select(Move.id).where(any_of(keys[:2] + [(None, "k7")] + keys[3:])))


@case("""SELECT move.id FROM move WHERE NOT (move.shop = $1::INTEGER AND move.sku = $2::VARCHAR
    OR move.shop = $3::INTEGER AND move.sku = $4::VARCHAR OR move.shop = $5::INTEGER AND move.sku = $6::VARCHAR)""", takes="composite_in")
def not_or_of_ands(keys):
    return found(select(Move.id).where(not_(any_of(without_nulls(keys)))))


@case("""SELECT move.id FROM move WHERE (move.shop, move.sku) = ($1::INTEGER, $2::VARCHAR)
    OR (move.shop, move.sku) = ($3::INTEGER, $4::VARCHAR) OR (move.shop, move.sku) = ($5::INTEGER, $6::VARCHAR)""", takes="composite_in")
def or_of_tuples(keys):
    return found(select(Move.id).where(or_(*[move_key == tuple_(literal(a, Integer), literal(b, String)) for a, b in keys])))


@case("""SELECT move.shop AS move_shop, move.sku AS move_sku, move.id AS move_id, move.n AS move_n FROM move
    WHERE (move.shop, move.sku) IN (($1, $2), ($3, $4), ($5, $6))""", takes="composite_in")
def select_in_load(keys):
    query = select(Stock).where(stock_key.in_(without_nulls(keys))).order_by(Stock.shop, Stock.sku)
    stocks = session.execute(query.options(selectinload(Stock.moves))).scalars().all()
    session.expunge_all()
    return [(stock.shop, stock.sku, sorted(move.id for move in stock.moves)) for stock in stocks]


@case("""SELECT move.n, count(*) AS count_1 FROM move WHERE move.n > $1::INTEGER
    AND (move.shop, move.sku) IN (($2, $3), ($4, $5), ($6, $7)) GROUP BY move.n ORDER BY move.n LIMIT $8::INTEGER""", takes="composite_in")
def grouped_and_limited(keys):
    query = select(Move.n, func.count()).where(Move.n > 0, move_key.in_(keys)).group_by(Move.n).order_by(Move.n).limit(5)
    return list(map(tuple, session.execute(query)))


@case("SELECT move.id FROM move WHERE move.id = ANY (CAST($1::BIGINT[] AS BIGINT[]))")
def equals_any(keys):
    return found(select(Move.id).where(Move.id == any_(cast(list(range(1, len(keys) + 1)), ARRAY(BigInteger)))))


@case("SELECT move.id FROM move WHERE move.id IN ($1::BIGINT, $2::BIGINT, $3::BIGINT)")
def single_in(keys):
    return found(select(Move.id).where(Move.id.in_([3000000010 - i for i in range(len(keys))] if len(keys) == 3 else range(len(keys)))))


@case("DELETE FROM move WHERE (move.shop, move.sku) IN (($1, $2), ($3, $4), ($5, $6))", takes="composite_in")
def delete_by_tuples(keys):
    return run(delete(Move).where(move_key.in_(keys)))


@case("""UPDATE move SET sku=CASE move.id WHEN $1::INTEGER THEN $2::VARCHAR WHEN $3::INTEGER THEN $4::VARCHAR WHEN $5::INTEGER THEN $6::VARCHAR END
    WHERE move.id IN ($7::BIGINT, $8::BIGINT, $9::BIGINT)""", takes="hashed_case")
def update_by_simple_case(keys):
    changes = {i + 1: sku for i, (_, sku) in enumerate(keys)}
    return run(update(Move).where(Move.id.in_(changes)).values(sku=case_(changes, value=Move.id)))


@case("""UPDATE move SET n=CASE WHEN (move.id = $1::BIGINT) THEN $2::INTEGER WHEN (move.id = $3::BIGINT) THEN NULL
    WHEN (move.id = $4::BIGINT) THEN $5::INTEGER ELSE move.n END""", takes="hashed_case")
def update_by_searched_case(keys):
    whens = [(Move.id == i + 1, None if i % 3 == 1 else 40000 * i) for i in range(len(keys))]
    return run(update(Move).values(n=case_(*whens, else_=Move.n)))


@case("""UPDATE stock SET note=CASE WHEN (stock.shop = $1::INTEGER AND stock.sku = $2::VARCHAR) THEN $3::VARCHAR
    WHEN (stock.shop = $4::INTEGER AND stock.sku = $5::VARCHAR) THEN $6::VARCHAR
    WHEN (stock.shop = $7::INTEGER AND stock.sku = $8::VARCHAR) THEN $9::VARCHAR ELSE stock.note END
    WHERE (stock.shop, stock.sku) IN (($10, $11), ($12, $13), ($14, $15))""", takes=["hashed_case", "composite_in"])
def update_by_composite_case(keys):
    keys = without_nulls(keys)
    whens = [(and_(Stock.shop == a, Stock.sku == b), f"new {b}") for a, b in keys]
    return run(update(Stock).where(stock_key.in_(keys)).values(note=case_(*whens, else_=Stock.note)))


@case("""SELECT parcel.id, depot.code FROM parcel LEFT OUTER JOIN person ON person.id = parcel.sender_id
    LEFT OUTER JOIN depot ON depot.id = parcel.depot_id WHERE person.name = $1::VARCHAR OR depot.code = $2::VARCHAR""", takes="or_reduction")
def or_over_left_joins(keys):
    query = select(Parcel.id, Depot.code).outerjoin(Parcel.sender).outerjoin(Parcel.depot)
    return found(query.where(or_(Person.name == keys[-1][1], Depot.code == keys[0][1])))


@case("""SELECT parcel.id FROM parcel WHERE (EXISTS (SELECT 1 FROM person WHERE person.id = parcel.sender_id AND person.name = $1::VARCHAR))
    OR (EXISTS (SELECT 1 FROM depot WHERE depot.id = parcel.depot_id AND depot.code = $2::VARCHAR))""", takes="or_reduction")
def has_or_has(keys):
    return found(select(Parcel.id).where(or_(Parcel.sender.has(name=keys[-1][1]), Parcel.depot.has(code=keys[0][1]))))


@case("""SELECT parcel.id FROM parcel WHERE parcel.n = $1::INTEGER
    OR parcel.depot_id IN (SELECT depot.id FROM depot WHERE depot.code = $2::VARCHAR)""", takes="or_reduction")
def or_in_a_subquery(keys):
    return found(select(Parcel.id).where(or_(Parcel.n == 5, Parcel.depot_id.in_(select(Depot.id).where(Depot.code == keys[-1][1])))))


UNION = """SELECT move.id AS id, move.n AS n FROM move UNION SELECT parcel.id AS id, parcel.n AS n FROM parcel"""


def moves_and_parcels():
    """The rows of two tables whose keys are of two types."""
    return union(select(Move.id, Move.n), select(Parcel.id, Parcel.n)).subquery()


@case(f"SELECT anon_1.id, anon_1.n FROM ({UNION}) AS anon_1 WHERE anon_1.id IN ($1::BIGINT, $2::BIGINT) AND anon_1.n > $3::INTEGER", takes="union_pushdown")
def filtered_union(keys):
    both = moves_and_parcels()
    return found(select(both.c.id, both.c.n).where(both.c.id.in_([7, len(keys)]), both.c.n > 1))


@case(f"SELECT person.name, anon_1.id, anon_1.n FROM person JOIN ({UNION}) AS anon_1 ON anon_1.id = person.id WHERE person.name = $1::VARCHAR",
      takes="union_pushdown")
def joined_union(keys):
    both = moves_and_parcels()
    return found(select(Person.name, both).join_from(Person, both, both.c.id == Person.id).where(Person.name == keys[0][1]))


class Connection:
    """A session over one connection, opened anew; what it sends is kept."""

    def __init__(self, driver):
        global session
        self.engine = sqlalchemy.create_engine(f"postgresql+{driver}://{os.environ['PGUSER']}@/{os.environ['PGDATABASE']}", future=True,
                                               connect_args={"host": os.environ["PGHOST"], "port": os.environ["PGPORT"]})
        self.session = session = Session(self.engine, future=True)
        self.sent = []
        event.listen(self.engine, "after_cursor_execute", self.keep)

    def keep(self, connection, cursor, statement, parameters, context, executemany):
        """Notes a statement as the driver has sent it."""
        if hasattr(cursor, "query"):
            self.sent.append(cursor.query.decode())
        elif cursor._query:
            self.sent.append(cursor._query.query.decode())
        else:  # by name: it was prepared
            self.sent.append(statement)

    def query(self, text):
        """The rows that a statement returns."""
        rows = self.session.execute(sqlalchemy.text(text)).fetchall()
        self.session.commit()
        return list(map(tuple, rows))

    def close(self):
        self.session.close()
        self.engine.dispose()


rewrites.set_up()
if sqlalchemy.__version__ >= "2":
    rewrites.run(lambda: Connection("psycopg"))
rewrites.run(lambda: Connection("psycopg2"), "psycopg2: ", forms=False)
sys.exit(rewrites.finish())
