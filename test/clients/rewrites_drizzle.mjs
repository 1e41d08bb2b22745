#!/usr/bin/env node
// Drizzle: or(and(eq, eq), …), inArray, and the CASE with which its guide updates many rows, as it sends them, with the
// planner's rewrites off, on and forced.
import { packages, run, when, where, withoutNulls } from "./lib/rewrites.mjs";

const [{ default: pg }, { drizzle }, { and, eq, inArray, not, or, sql }, { bigint, integer, pgTable, text, varchar }] =
	await packages("pg", "drizzle-orm/node-postgres", "drizzle-orm", "drizzle-orm/pg-core");
const move = pgTable("move", { id: bigint({ mode: "number" }).primaryKey(), shop: integer(), sku: varchar({ length: 40 }), n: integer() });
const stock = pgTable("stock", { shop: integer(), sku: varchar({ length: 40 }), n: integer(), note: text() });
let db; // over the connection that is in use

const find = (condition) => db.select({ id: move.id }).from(move).where(condition);
const anyOf = (keys, table = move) => or(...keys.map(([shop, sku]) => and(eq(table.shop, shop), eq(table.sku, sku))));

when("or of ands", `select "id" from "move" where (("move"."shop" = $1 and "move"."sku" = $2)
	or ("move"."shop" = $3 and "move"."sku" = $4) or ("move"."shop" = $5 and "move"."sku" = $6))`, "composite_in",
	(keys) => find(anyOf(keys)));

when("not or of ands", `select "id" from "move" where not (("move"."shop" = $1 and "move"."sku" = $2)
	or ("move"."shop" = $3 and "move"."sku" = $4) or ("move"."shop" = $5 and "move"."sku" = $6))`, "composite_in",
	(keys) => find(not(anyOf(withoutNulls(keys)))));

when("tuples", `select "id" from "move" where ("move"."shop", "move"."sku") in (($1, $2), ($3, $4), ($5, $6))`, "composite_in",
	(keys) => find(sql`(${move.shop}, ${move.sku}) in ${keys.map(([shop, sku]) => sql`(${shop}, ${sku})`)}`));

when("inArray", `select "id" from "move" where "move"."id" in ($1, $2, $3)`, "",
	(keys) => find(inArray(move.id, keys.map((_, i) => (i === 2 ? 3000000010 : i + 1)))));

// The same array again and again, in a prepared statement.
when("any, prepared", `select "id" from "move" where "move"."n" = any($1)`, "array_join",
	async (keys) => {
		const query = find(eq(move.n, sql`any(${sql.placeholder("list")})`)).prepare("any");
		const list = keys.map((_, i) => i + 1);
		for (let i = 0; i < 6; i++) await query.execute({ list });
		return query.execute({ list });
	});

when("delete", `delete from "move" where (("move"."shop" = $1 and "move"."sku" = $2)
	or ("move"."shop" = $3 and "move"."sku" = $4) or ("move"."shop" = $5 and "move"."sku" = $6)) returning "id"`, "composite_in",
	(keys) => db.delete(move).where(anyOf(keys)).returning({ id: move.id }));

// https://orm.drizzle.team/docs/guides/update-many-with-different-value
const caseOf = (keys, condition, value) =>
	sql.join([sql`(case`, ...keys.map((key, i) => sql`when ${condition(key, i)} then ${value(key, i)}`), sql`end)`], sql.raw(" "));

when("update many", `update "move" set "sku" = (case when "move"."id" = $1 then $2 when "move"."id" = $3 then $4
	when "move"."id" = $5 then $6 end) where "move"."id" in ($7, $8, $9) returning "id", "sku"`, "hashed_case",
	(keys) => {
		const id = (i) => (i === 2 ? 3000000010 : i + 1);
		const set = { sku: caseOf(keys, (_, i) => sql`${move.id} = ${id(i)}`, ([, sku]) => sku) };
		return db.update(move).set(set).where(inArray(move.id, keys.map((_, i) => id(i)))).returning({ id: move.id, sku: move.sku });
	});

when("update many by a composite key", `update "stock" set "n" = (case
	when ("stock"."shop" = $1 and "stock"."sku" = $2) then $3::integer when ("stock"."shop" = $4 and "stock"."sku" = $5) then $6::integer
	when ("stock"."shop" = $7 and "stock"."sku" = $8) then $9::integer end)
	where (("stock"."shop" = $10 and "stock"."sku" = $11) or ("stock"."shop" = $12 and "stock"."sku" = $13)
	or ("stock"."shop" = $14 and "stock"."sku" = $15)) returning "shop", "sku", "n"`, "composite_in hashed_case",
	(keys) => {
		const set = { n: caseOf(keys, ([shop, sku]) => and(eq(stock.shop, shop), eq(stock.sku, sku)), (_, i) => sql`${40000 * i}::integer`) };
		return db.update(stock).set(set).where(anyOf(keys, stock)).returning({ shop: stock.shop, sku: stock.sku, n: stock.n });
	});

await run(async () => {
	const sent = [];
	const client = new pg.Client(where);
	await client.connect();
	db = drizzle(client, { logger: { logQuery: (statement) => sent.push(statement) } });
	return { sent, query: async (text) => (await client.query(text)).rows, close: () => client.end() };
});
