#!/usr/bin/env node
// TypeORM: find by a list of composite keys, with relations, a page of them, and delete by a list, as it sends them, with
// the planner's rewrites off, on and forced.
import { packages, run, when, where, withoutNulls } from "./lib/rewrites.mjs";

const [{ DataSource, EntitySchema, In, Not }] = await packages("typeorm", "pg");

const Stock = new EntitySchema({
	name: "Stock", tableName: "stock",
	columns: { shop: { type: "int", primary: true }, sku: { type: "varchar", primary: true }, n: { type: "int", nullable: true } },
	relations: { moves: { type: "one-to-many", target: "Move", inverseSide: "stock" } },
});
const Move = new EntitySchema({
	name: "Move", tableName: "move",
	columns: { id: { type: "bigint", primary: true }, shop: { type: "int" }, sku: { type: "varchar" }, n: { type: "int", nullable: true } },
	relations: { stock: { type: "many-to-one", target: "Stock", joinColumn: [{ name: "shop", referencedColumnName: "shop" }, { name: "sku", referencedColumnName: "sku" }] } },
});
let db; // over the connection that is in use

const objects = (keys) => withoutNulls(keys).map(([shop, sku]) => ({ shop, sku }));

when("find", `SELECT "Move"."id" AS "Move_id" FROM "move" "Move" WHERE (((("Move"."shop" = $1) AND ("Move"."sku" = $2)))
	OR ((("Move"."shop" = $3) AND ("Move"."sku" = $4))) OR ((("Move"."shop" = $5) AND ("Move"."sku" = $6))))`, "composite_in",
	(keys) => db.getRepository(Move).find({ select: { id: true }, where: objects(keys) }));

when("whereInIds", `SELECT "stock"."shop" AS "stock_shop", "stock"."sku" AS "stock_sku" FROM "stock" "stock"
	WHERE ((("stock"."shop" = $1 AND "stock"."sku" = $2)) OR (("stock"."shop" = $3 AND "stock"."sku" = $4))
	OR (("stock"."shop" = $5 AND "stock"."sku" = $6)))`, "composite_in",
	(keys) => db.getRepository(Stock).createQueryBuilder("stock").select(["stock.shop", "stock.sku"]).whereInIds(objects(keys)).getMany());

when("relations by a query of their own", `SELECT "Move"."id" AS "Move_moves_id", "Move"."shop" AS "Stock_shop", "Move"."sku" AS "Stock_sku"
	FROM "move" "Move" WHERE ("Move"."shop" = $1 AND "Move"."sku" = $2) OR ("Move"."shop" = $3 AND "Move"."sku" = $4)
	OR ("Move"."shop" = $5 AND "Move"."sku" = $6)`, "composite_in",
	(keys) => db.getRepository(Stock).find({ where: objects(keys), relations: { moves: true }, relationLoadStrategy: "query" }));

when("a page with relations", `SELECT "Stock"."shop" AS "Stock_shop", "Stock"."sku" AS "Stock_sku", "Stock__Stock_moves"."id" AS "Stock__Stock_moves_id"
	FROM "stock" "Stock" LEFT JOIN "move" "Stock__Stock_moves"
	ON "Stock__Stock_moves"."shop"="Stock"."shop" AND "Stock__Stock_moves"."sku"="Stock"."sku"
	WHERE "Stock"."shop"=$1 AND "Stock"."sku"=$2 OR "Stock"."shop"=$3 AND "Stock"."sku"=$4 OR "Stock"."shop"=$5 AND "Stock"."sku"=$6
	ORDER BY "Stock_shop" ASC, "Stock_sku" ASC`, "composite_in",
	(keys) => db.getRepository(Stock).find({ select: { shop: true, sku: true, moves: { id: true } }, relations: { moves: true }, take: keys.length, order: { shop: "ASC", sku: "ASC" } }));

when("In", `SELECT "Move"."id" AS "Move_id" FROM "move" "Move" WHERE (("Move"."n" IN ($1, $2, $3)))`, "",
	(keys) => db.getRepository(Move).find({ select: { id: true }, where: { n: In(keys.map((_, i) => i + 1)) } }));

when("Not In", `SELECT "Move"."id" AS "Move_id" FROM "move" "Move" WHERE ((NOT("Move"."n" IN ($1, $2, $3))))`, "",
	(keys) => db.getRepository(Move).find({ select: { id: true }, where: { n: Not(In(keys.map((_, i) => i + 1))) } }));

when("delete", `DELETE FROM "move" WHERE (("shop" = $1 AND "sku" = $2) OR ("shop" = $3 AND "sku" = $4) OR ("shop" = $5 AND "sku" = $6))`,
	"composite_in", async (keys) => (await db.getRepository(Move).delete(objects(keys))).affected);

await run(async () => {
	const sent = [];
	const nothing = () => {};
	const logger = { logQuery: (statement) => sent.push(statement), logQueryError: nothing, logQuerySlow: nothing, logSchemaBuild: nothing, logMigration: nothing, log: nothing };
	db = new DataSource({ type: "postgres", host: where.host, port: where.port, username: where.user, database: where.database,
		poolSize: 1, entities: [Stock, Move], logging: ["query"], logger });
	await db.initialize();
	return { sent, query: (text) => db.query(text), close: () => db.destroy() };
});
