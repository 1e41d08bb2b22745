#!/usr/bin/env python3
"""Django: composite look-ups, bulk updates, ORs over related tables and annotations as its ORM sends them, with the planner's rewrites off, on and forced.

Django 5.2 has composite primary keys; with an older one their cases are left out, and a line says so.
"""
import functools
import operator
import os
import sys

try:
    import django
    from django.conf import settings
except ImportError as error:
    print(f"1..0 # SKIP Django cannot be imported: {error}")
    sys.exit(0)

settings.configure(DATABASES={"default": {
    "ENGINE": "django.db.backends.postgresql", "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"],
    "USER": os.environ["PGUSER"], "NAME": os.environ["PGDATABASE"],
}})
django.setup()
from django.db import connection, models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from lib import rewrites
from lib.rewrites import case

COMPOSITE = django.VERSION >= (5, 2)
NEEDS_5_2 = None if COMPOSITE else f"Django {django.get_version()} has no composite primary keys"


class Stock(models.Model):
    """A table with a composite primary key."""
    if COMPOSITE:
        pk = models.CompositePrimaryKey("shop", "sku")
        shop = models.IntegerField()
    else:
        shop = models.IntegerField(primary_key=True)  # as good as Django can: it is not used by key
    sku = models.CharField(max_length=40)
    n = models.IntegerField(null=True)
    note = models.TextField(null=True)

    class Meta:
        app_label = "test"
        db_table = "stock"


class Move(models.Model):
    """A table that refers to it by two columns that may be NULL."""
    id = models.BigIntegerField(primary_key=True)
    shop = models.IntegerField(null=True)
    sku = models.CharField(max_length=40, null=True)
    n = models.IntegerField(null=True)
    if COMPOSITE:
        stock = models.ForeignObject(Stock, models.CASCADE, from_fields=("shop", "sku"), to_fields=("shop", "sku"), related_name="moves")

    class Meta:
        app_label = "test"
        db_table = "move"


class Person(models.Model):
    """Who sends parcels, and keeps depots."""
    id = models.IntegerField(primary_key=True)
    name = models.CharField(max_length=40, null=True)

    class Meta:
        app_label = "test"
        db_table = "person"


class Depot(models.Model):
    """Where parcels may be."""
    id = models.IntegerField(primary_key=True)
    code = models.CharField(max_length=40, null=True)
    keeper = models.ForeignKey(Person, models.CASCADE, null=True)

    class Meta:
        app_label = "test"
        db_table = "depot"


class Parcel(models.Model):
    """A table whose foreign keys may be NULL, so that Django joins by LEFT OUTER JOIN where they are in an OR."""
    id = models.IntegerField(primary_key=True)
    sender = models.ForeignKey(Person, models.CASCADE, null=True)
    depot = models.ForeignKey(Depot, models.CASCADE, null=True)
    n = models.IntegerField(null=True)

    class Meta:
        app_label = "test"
        db_table = "parcel"


class Journey(models.Model):
    """A view, a UNION over two tables whose keys are of two types."""
    id = models.BigIntegerField(primary_key=True)
    depot = models.ForeignKey(Depot, models.DO_NOTHING, null=True)
    n = models.IntegerField(null=True)

    class Meta:
        app_label = "test"
        db_table = "journey"
        managed = False


def any_of(keys):
    """(shop = … AND sku = …) OR …, as Django's users write it; Django makes IS NULL of None."""
    return functools.reduce(operator.or_, [Q(shop=shop, sku=sku) for shop, sku in keys])


def ids(query):
    """The ids of moves that a query finds, in order."""
    return sorted(move.id for move in query.only("id"))


def skus(query):
    """The keys of the stock that a query finds, in order."""
    return sorted((stock.shop, stock.sku) for stock in query.only("shop", "sku"))


def some_moves(keys):
    """As many moves as there are keys, NULLs and large ids among them, to be updated."""
    return list(Move.objects.filter(id__lt=5000).order_by("id")[:len(keys) - 1]) + list(Move.objects.filter(id=3000000010))


def cast(expression, kind):
    """How this version of Django writes a cast of a CASE."""
    return f"CAST({expression} AS {kind})" if django.VERSION < (4, 2) else f"({expression})::{kind}"


@case("""SELECT "move"."id" FROM "move" WHERE (("move"."shop" = 1 AND "move"."sku" = 'k1')
    OR ("move"."shop" = 2 AND "move"."sku" = 'k2') OR ("move"."shop" = 3 AND "move"."sku" = 'k3'))""", takes="composite_in")
def or_of_ands(keys):
    return ids(Move.objects.filter(any_of([key for key in keys if None not in key])))


@case("""SELECT "move"."id" FROM "move" WHERE (("move"."shop" = 1 AND "move"."sku" = 'k1')
    OR ("move"."shop" = 2 AND "move"."sku" = 'k2') OR ("move"."shop" IS NULL AND "move"."sku" = 'k7'))""", takes="composite_in")
def or_of_ands_with_is_null(keys):
    return ids(Move.objects.filter(any_of(keys[:2] + [(None, "k7")] + keys[3:])))


@case("""SELECT "move"."id" FROM "move" WHERE NOT (((
        "move"."shop" = 1 AND "move"."shop" IS NOT NULL AND "move"."sku" = 'k1' AND "move"."sku" IS NOT NULL)
    OR ("move"."shop" = 2 AND "move"."shop" IS NOT NULL AND "move"."sku" = 'k2' AND "move"."sku" IS NOT NULL)
    OR ("move"."shop" = 3 AND "move"."shop" IS NOT NULL AND "move"."sku" = 'k3' AND "move"."sku" IS NOT NULL)))""", takes="composite_in")
def exclude_or_of_ands(keys):
    return ids(Move.objects.exclude(any_of([key for key in keys if None not in key])))


@case("""SELECT COUNT(*) AS "__count" FROM "move" WHERE ((("move"."shop" = 1 AND "move"."sku" = 'k1')
    OR ("move"."shop" = 2 AND "move"."sku" = 'k2') OR ("move"."shop" = 3 AND "move"."sku" = 'k3')) AND "move"."n" > 2)""", takes="composite_in")
def count_with_another_condition(keys):
    return Move.objects.filter(any_of([key for key in keys if None not in key]), n__gt=2).count()


@case("""SELECT SUM("move"."n") FILTER (WHERE (("move"."shop" = 1 AND "move"."sku" = 'k1')
    OR ("move"."shop" = 2 AND "move"."sku" = 'k2') OR ("move"."shop" = 3 AND "move"."sku" = 'k3'))) AS "a" FROM "move" """, takes="composite_in")
def filtered_aggregate(keys):
    return Move.objects.aggregate(a=models.Sum("n", filter=any_of([key for key in keys if None not in key])))["a"]


@case("""DELETE FROM "move" WHERE (("move"."shop" = 1 AND "move"."sku" = 'k1')
    OR ("move"."shop" = 2 AND "move"."sku" = 'k2') OR ("move"."shop" = 3 AND "move"."sku" = 'k3'))""", takes="composite_in")
def delete(keys):
    return Move.objects.filter(any_of([key for key in keys if None not in key])).delete()[0]


@case("""UPDATE "stock" SET "n" = ("stock"."n" + 1) WHERE (("stock"."shop" = 1 AND "stock"."sku" = 'k1')
    OR ("stock"."shop" = 2 AND "stock"."sku" = 'k2') OR ("stock"."shop" = 3 AND "stock"."sku" = 'k3'))""", takes="composite_in")
def update(keys):
    return Stock.objects.filter(any_of([key for key in keys if None not in key])).update(n=F("n") + 1)


@case(f"""UPDATE "move" SET
    "n" = {cast('CASE WHEN ("move"."id" = 1) THEN 101 WHEN ("move"."id" = 2) THEN NULL WHEN ("move"."id" = 3000000010) THEN 103 ELSE NULL END', "integer")},
    "sku" = {cast('''CASE WHEN ("move"."id" = 1) THEN 'k1' WHEN ("move"."id" = 2) THEN 'k2' WHEN ("move"."id" = 3000000010) THEN 'k3' ELSE NULL END''', "varchar(40)")}
    WHERE "move"."id" IN (1, 2, 3000000010)""", takes="hashed_case")
def bulk_update(keys):
    moves = some_moves(keys)
    for i, (move, (_, sku)) in enumerate(zip(moves, keys)):
        move.n, move.sku = (None if i % 3 == 1 else 101 + i), sku
    return Move.objects.bulk_update(moves, ["n", "sku"])


@case(f"""UPDATE "move" SET
    "n" = {cast('CASE WHEN ("move"."id" = 1) THEN ("move"."n" + 7) WHEN ("move"."id" = 2) THEN 5 WHEN ("move"."id" = 3000000010) THEN 5 ELSE NULL END', "integer")}
    WHERE "move"."id" IN (1, 2, 3000000010)""", takes="hashed_case")
def bulk_update_with_an_expression(keys):
    moves = some_moves(keys)
    for i, move in enumerate(moves):
        move.n = F("n") + 7 if i % 10 == 0 else 5
    return Move.objects.bulk_update(moves, ["n"])


@case("""SELECT "move"."id" FROM "move" WHERE "move"."id" IN (1, 2, 3000000010)""")
def single_in(keys):
    return ids(Move.objects.filter(id__in=[move.id for move in some_moves(keys)]))


@case("""SELECT "move"."id" FROM "move" WHERE NOT ("move"."n" IN (1, 2, 3) AND "move"."n" IS NOT NULL)""")
def exclude_nullable_in(keys):
    return ids(Move.objects.exclude(n__in=range(1, 1 + len(keys))))


@case("""SELECT "stock"."shop", "stock"."sku", CASE WHEN "stock"."sku" = 'k1' THEN 'a' WHEN "stock"."sku" = 'k2' THEN 'b'
    WHEN "stock"."sku" = 'k3' THEN 'c' ELSE 'else' END AS "z" FROM "stock" """, takes="hashed_case")
def case_in_the_target_list(keys):
    whens = [When(sku=sku, then=Value("abc"[i % 3])) for i, (_, sku) in enumerate(keys) if sku is not None]
    stocks = Stock.objects.only("shop", "sku").annotate(z=Case(*whens, default=Value("else"), output_field=models.TextField()))
    return sorted((stock.shop, stock.sku, stock.z) for stock in stocks)


@case("""SELECT "move"."id" FROM "move" ORDER BY CASE WHEN "move"."sku" = 'k1' THEN 0 WHEN "move"."sku" = 'k2' THEN 1
    WHEN "move"."sku" = 'k3' THEN 2 ELSE NULL END ASC, "move"."id" ASC""", takes="hashed_case")
def order_by_case(keys):
    whens = [When(sku=sku, then=Value(i)) for i, (_, sku) in enumerate(keys) if sku is not None]
    return [move.id for move in Move.objects.order_by(Case(*whens, output_field=models.IntegerField()), "id").only("id")]


@case("""SELECT "stock"."shop", "stock"."sku" FROM "stock" WHERE ("stock"."shop", "stock"."sku") IN ((1, 'k1'), (2, 'k2'), (3, 'k3'))""",
      takes="composite_in", skip=NEEDS_5_2)
def pk_in(keys):
    return skus(Stock.objects.filter(pk__in=keys))


@case("""SELECT "stock"."shop", "stock"."sku" FROM "stock" WHERE NOT (("stock"."shop", "stock"."sku") IN ((1, 'k1'), (2, 'k2'), (3, 'k3')))""",
      takes="composite_in", skip=NEEDS_5_2)
def exclude_pk_in(keys):
    return skus(Stock.objects.exclude(pk__in=keys))


@case("""SELECT "move"."id", "move"."shop", "move"."sku", "move"."n" FROM "move"
    WHERE ("move"."shop", "move"."sku") IN ((1, 'k1'), (2, 'k2'), (3, 'k3'))""", takes="composite_in", skip=NEEDS_5_2)
def prefetch_related(keys):
    stocks = Stock.objects.filter(pk__in=keys).order_by("shop", "sku").prefetch_related("moves")
    return [(stock.pk, sorted(move.id for move in stock.moves.all())) for stock in stocks]


@case("""UPDATE "stock" SET
    "n" = (CASE WHEN (("stock"."shop", "stock"."sku") = (1, 'k1')) THEN 100 WHEN (("stock"."shop", "stock"."sku") = (2, 'k2')) THEN 101
        WHEN (("stock"."shop", "stock"."sku") = (3, 'k3')) THEN 102 ELSE NULL END)::integer,
    "note" = (CASE WHEN (("stock"."shop", "stock"."sku") = (1, 'k1')) THEN 'k1' WHEN (("stock"."shop", "stock"."sku") = (2, 'k2')) THEN NULL
        WHEN (("stock"."shop", "stock"."sku") = (3, 'k3')) THEN 'k3' ELSE NULL END)::text
    WHERE ("stock"."shop", "stock"."sku") IN ((1, 'k1'), (2, 'k2'), (3, 'k3'))""", takes=["hashed_case", "composite_in"], skip=NEEDS_5_2)
def bulk_update_by_a_composite_key(keys):
    stocks = list(Stock.objects.in_bulk(keys).values())
    stocks.sort(key=lambda stock: stock.pk)
    for i, stock in enumerate(stocks):
        stock.n, stock.note = 100 + i, None if i % 3 == 1 else stock.sku
    return Stock.objects.bulk_update(stocks, ["n", "note"])


LEFT_JOINS = """LEFT OUTER JOIN "person" ON ("parcel"."sender_id" = "person"."id")
    LEFT OUTER JOIN "depot" ON ("parcel"."depot_id" = "depot"."id")"""
KEEPERS = 'LEFT OUTER JOIN "person" T4 ON ("depot"."keeper_id" = T4."id")'


def exists_form(table, column, value, reference):
    """How this version of Django writes an EXISTS."""
    one, outer = ("(1)", f'"parcel"."{reference}"') if django.VERSION < (4, 2) else ("1", f'("parcel"."{reference}")')
    return f"""EXISTS(SELECT {one} AS "a" FROM "{table}" U0 WHERE (U0."{column}" = '{value}' AND U0."id" = {outer}) LIMIT 1)"""


def by_sender_or_depot(keys):
    """Parcels by the name of one related row or the code of another; with None, which is the last of all keys, Django asks for IS NULL."""
    return Q(sender__name=keys[-1][1]) | Q(depot__code=keys[0][1])


def exists(model, reference, **wanted):
    """EXISTS of a row that a parcel refers to."""
    return Exists(model.objects.filter(pk=OuterRef(reference), **wanted))


@case(f"""SELECT "parcel"."id" FROM "parcel" {LEFT_JOINS} WHERE ("person"."name" = 'k3' OR "depot"."code" = 'k1')""", takes="or_reduction")
def or_over_left_joins(keys):
    return ids(Parcel.objects.filter(by_sender_or_depot(keys)))


@case(f"""SELECT "parcel"."id" FROM "parcel" {LEFT_JOINS} {KEEPERS}
    WHERE ("person"."name" = 'k3' OR T4."name" = 'k1' OR "parcel"."n" = 5)""", takes="or_reduction")
def or_over_two_hops(keys):
    return ids(Parcel.objects.filter(Q(sender__name=keys[-1][1]) | Q(depot__keeper__name=keys[0][1]) | Q(n=5)))


@case(f"""SELECT COUNT(*) AS "__count" FROM "parcel" {LEFT_JOINS}
    WHERE (("person"."name" = 'k3' OR "depot"."code" = 'k1') AND "parcel"."n" > 5)""", takes="or_reduction")
def count_of_an_or_over_left_joins(keys):
    return Parcel.objects.filter(by_sender_or_depot(keys), n__gt=5).count()


@case(f"""SELECT "parcel"."id" FROM "parcel" {LEFT_JOINS} WHERE ("person"."name" = 'k3' OR "depot"."code" = 'k1')
    ORDER BY "depot"."code" ASC, "parcel"."id" DESC LIMIT 7""", takes="or_reduction")
def a_page_of_an_or_over_left_joins(keys):
    return [parcel.id for parcel in Parcel.objects.filter(by_sender_or_depot(keys)).order_by("depot__code", "-id").only("id")[:7]]


@case(f"""SELECT "parcel"."id" FROM "parcel" WHERE ({exists_form('person', 'name', 'k3', 'sender_id')}
    OR {exists_form('depot', 'code', 'k1', 'depot_id')})""", takes="or_reduction")
def exists_or_exists(keys):
    return ids(Parcel.objects.filter(exists(Person, "sender", name=keys[-1][1]) | exists(Depot, "depot", code=keys[0][1])))


@case("""SELECT "parcel"."id" FROM "parcel" WHERE ("parcel"."n" = 5
    OR "parcel"."id" IN (SELECT U0."id" FROM "parcel" U0 INNER JOIN "depot" U1 ON (U0."depot_id" = U1."id") WHERE U1."code" = 'k1'))""",
      takes="or_reduction")
def or_in_a_subquery(keys):
    return ids(Parcel.objects.filter(Q(n=5) | Q(pk__in=Parcel.objects.filter(depot__code=keys[0][1]))))


@case(f"""UPDATE "parcel" SET "n" = 77 WHERE "parcel"."id" IN (SELECT U0."id" FROM "parcel" U0
    LEFT OUTER JOIN "person" U1 ON (U0."sender_id" = U1."id") LEFT OUTER JOIN "depot" U2 ON (U0."depot_id" = U2."id")
    WHERE (U1."name" = 'k3' OR U2."code" = 'k1'))""", takes="or_reduction")
def update_by_an_or_over_left_joins(keys):
    return Parcel.objects.filter(by_sender_or_depot(keys)).update(n=77)


@case("""SELECT "journey"."id", "journey"."depot_id", "journey"."n" FROM "journey" WHERE ("journey"."n" > 1 AND "journey"."id" IN (7, 3))""",
      takes="union_pushdown")
def filtered_union(keys):
    return sorted((row.id, row.n) for row in Journey.objects.filter(pk__in=[7, len(keys)], n__gt=1))


@case("""SELECT COUNT(*) AS "__count" FROM "journey" INNER JOIN "depot" ON ("journey"."depot_id" = "depot"."id") WHERE ("depot"."code" = 'k1' AND "journey"."id" < 400)""",
      takes="union_pushdown")
def joined_and_filtered_union(keys):
    return Journey.objects.filter(depot__code=keys[0][1], id__lt=400).count()


def named(column):
    """values() names its columns since Django 5.2."""
    return f' AS "{column}"' if django.VERSION >= (5, 2) else ""


def latest_form():
    """How this version of Django writes the annotation with a person's latest parcel."""
    outer = '"person"."id"' if django.VERSION < (4, 2) else '("person"."id")'
    return f'(SELECT U0."n"{named("n")} FROM "parcel" U0 WHERE U0."sender_id" = {outer} ORDER BY U0."id" DESC LIMIT 1)'


def with_latest():
    """People with the number in their latest parcel."""
    return Person.objects.annotate(latest=Subquery(Parcel.objects.filter(sender=OuterRef("pk")).order_by("-id").values("n")[:1]))


@case(f"""SELECT "person"."id"{named("id")}, {latest_form()} AS "latest" FROM "person" WHERE {latest_form()} > 3
    ORDER BY COALESCE({latest_form()}, 0) DESC""", takes="shared_subqueries")
def annotation_in_values_filter_and_order_by(keys):
    people = with_latest().filter(latest__gt=len(keys[:3])).order_by(Coalesce("latest", 0).desc())
    return sorted(people.values_list("id", "latest"))


@case(f"""SELECT COUNT(*) FROM (SELECT {latest_form()} AS "latest" FROM "person"
    WHERE ({latest_form()} > 3 AND NOT ({latest_form()} = 7))) subquery""", takes="shared_subqueries",
      skip=None if django.VERSION < (4, 2) else "it counts with another statement")
def count_by_an_annotation(keys):
    return with_latest().filter(latest__gt=3).exclude(latest=7).count()


class Connection:
    """Django's connection, opened anew; what it sends is kept."""

    def __init__(self):
        connection.force_debug_cursor = True
        self.sent = Sent()

    def query(self, text):
        """The rows that a statement returns."""
        with connection.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall()

    def close(self):
        connection.close()


class Sent:
    """The statements that Django has sent, as the driver put the values in."""

    def clear(self):
        connection.queries_log.clear()

    def __iter__(self):
        return (query["sql"] for query in connection.queries)


rewrites.set_up()
rewrites.run(Connection)
if connection.Database.__name__ == "psycopg":
    connection.settings_dict["OPTIONS"]["server_side_binding"] = True  # sends $1, with the narrowest type that an integer fits
    rewrites.run(Connection, "server-side parameters: ", forms=False)
sys.exit(rewrites.finish())
