#!/usr/bin/env node
// node-postgres without an ORM: lists as parameters and as arrays, in named statements that are prepared once and run seven
// times over, so that the server goes from plans for the values at hand to one plan for all values; with the planner's
// rewrites off, on and forced.
import { inOrder, packages, run, when, where } from "./lib/rewrites.mjs";

const [{ default: pg }] = await packages("pg");
let client; // the connection that is in use
let sent;

// What a statement returns, the same rows each time; their order may change as the server vacuums the table and plans anew.
async function rows(text, ...values) {
	const outcomes = [];
	const name = `${sent.length} ${text.length}`;
	sent.push(text);
	for (let i = 0; i < 7; i++) outcomes.push((await client.query({ name, text, values })).rows);
	return new Set(outcomes.map((outcome) => JSON.stringify(inOrder(outcome)))).size > 1 ? outcomes : outcomes[0];
}

const tuples = (keys) => keys.map((_, i) => `($${2 * i + 1}, $${2 * i + 2})`).join(", ");

when("IN", "SELECT id FROM move WHERE (shop, sku) IN (($1, $2), ($3, $4), ($5, $6))", "composite_in",
	(keys) => rows(`SELECT id FROM move WHERE (shop, sku) IN (${tuples(keys)})`, ...keys.flat()));

when("NOT IN", "SELECT id FROM move WHERE (shop, sku) NOT IN (($1, $2), ($3, $4), ($5, $6))", "composite_in",
	(keys) => rows(`SELECT id FROM move WHERE (shop, sku) NOT IN (${tuples(keys)})`, ...keys.flat()));

when("= ANY", "SELECT id FROM move WHERE sku = ANY($1)", "array_join",
	(keys) => rows("SELECT id FROM move WHERE sku = ANY($1)", keys.map(([, sku]) => sku)));

when("= ANY, integers", "SELECT id FROM move WHERE n = ANY($1)", "array_join",
	(keys) => rows("SELECT id FROM move WHERE n = ANY($1)", keys.map((_, i) => (i === 9 ? null : i + 1))));

when("<> ALL", "SELECT id FROM move WHERE n <> ALL($1)", "array_join",
	(keys) => rows("SELECT id FROM move WHERE n <> ALL($1)", keys.map((_, i) => i + 1)));

when("CASE", `UPDATE move SET sku = CASE id WHEN $1 THEN $2 WHEN $3 THEN $4 WHEN $5 THEN $6 ELSE sku END WHERE shop = 1 RETURNING id, sku`,
	"hashed_case",
	(keys) => rows(`UPDATE move SET sku = CASE id ${keys.map((_, i) => `WHEN $${2 * i + 1} THEN $${2 * i + 2}`).join(" ")} ELSE sku END
		WHERE shop = 1 RETURNING id, sku`, ...keys.flatMap(([, sku], i) => [i === 2 ? 3000000050 : i + 1, sku])));

await run(async () => {
	client = new pg.Client(); // libpq's environment says where
	sent = [];
	await client.connect();
	return { sent, query: async (text) => (await client.query(text)).rows, close: () => client.end() };
});
