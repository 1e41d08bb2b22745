#!/usr/bin/env node
// knex: whereIn with several columns, chains of orWhere, and a CASE, as it sends them, with the planner's rewrites off, on
// and forced.
import { packages, run, when, where, withoutNulls } from "./lib/rewrites.mjs";

const [{ default: knex }] = await packages("knex", "pg");
let db; // over the connection that is in use

const anyOf = (keys) => (query) => keys.forEach(([shop, sku]) => query.orWhere({ shop, sku }));

when("whereIn", `select "id" from "move" where ("shop", "sku") in (($1, $2), ($3, $4), ($5, $6))`, "composite_in",
	(keys) => db("move").select("id").whereIn(["shop", "sku"], keys));

when("whereNotIn", `select "id" from "move" where ("shop", "sku") not in (($1, $2), ($3, $4), ($5, $6))`, "composite_in",
	(keys) => db("move").select("id").whereNotIn(["shop", "sku"], keys));

when("orWhere", `select "id" from "move" where (("shop" = $1 and "sku" = $2) or ("shop" = $3 and "sku" = $4)
	or ("shop" = $5 and "sku" = $6))`, "composite_in",
	(keys) => db("move").select("id").where(anyOf(withoutNulls(keys))));

when("orWhere with null", `select "id" from "move" where (("shop" = $1 and "sku" = $2) or ("shop" = $3 and "sku" = $4)
	or ("shop" is null and "sku" = $5))`, "composite_in",
	(keys) => db("move").select("id").where(anyOf([...keys.slice(0, 2), [null, "k7"], ...keys.slice(3)])));

when("whereNot orWhere", `select "id" from "move" where not (("shop" = $1 and "sku" = $2) or ("shop" = $3 and "sku" = $4)
	or ("shop" = $5 and "sku" = $6))`, "composite_in",
	(keys) => db("move").select("id").whereNot(anyOf(withoutNulls(keys))));

when("a join, an order and a limit", `select "move"."id" from "move" inner join "stock" on "stock"."shop" = "move"."shop" and
	"stock"."sku" = "move"."sku" where "stock"."n" > $1 and ("stock"."shop", "stock"."sku") in (($2, $3), ($4, $5), ($6, $7))
	order by "move"."id" asc limit $8`, "composite_in",
	(keys) => db("move").select("move.id").join("stock", { "stock.shop": "move.shop", "stock.sku": "move.sku" })
		.where("stock.n", ">", 0).whereIn(["stock.shop", "stock.sku"], keys).orderBy("move.id").limit(7));

when("= any", `select "id" from "move" where "n" = any($1)`, "",
	(keys) => db("move").select("id").whereRaw("?? = any(?)", ["n", keys.map((_, i) => i + 1)]));

when("del", `delete from "move" where ("shop", "sku") in (($1, $2), ($3, $4), ($5, $6))`, "composite_in",
	(keys) => db("move").whereIn(["shop", "sku"], keys).del());

when("update by a CASE", `update "move" set "sku" = CASE WHEN "id" = $1 THEN $2 WHEN "id" = $3 THEN $4 WHEN "id" = $5 THEN $6
	ELSE "sku" END where "id" in ($7, $8, $9)`, "hashed_case",
	(keys) => {
		const ids = keys.map((_, i) => (i === 2 ? 3000000010 : i + 1));
		const whens = db.raw(`CASE ${keys.map(() => "WHEN ?? = ? THEN ?").join(" ")} ELSE ?? END`, [...keys.flatMap(([, sku], i) => ["id", ids[i], sku]), "sku"]);
		return db("move").whereIn("id", ids).update({ sku: whens });
	});

await run(async () => {
	const sent = [];
	db = knex({ client: "pg", connection: where, pool: { min: 1, max: 1 } });
	db.on("query", ({ sql }) => sent.push(sql));
	return { sent, query: async (text) => (await db.raw(text)).rows, close: () => db.destroy() };
});
