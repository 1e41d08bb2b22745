#!/usr/bin/env node
// node-postgres: JSON and arrays as parameters, prepared statements, rows that come back.
import { finish, is, packages } from "./lib/tap.mjs";

const [{ default: pg }] = await packages("pg");

const client = new pg.Client(); // libpq's environment says where
await client.connect();

// The rows that a statement returns, as arrays.
const rows = async (text, ...values) => (await client.query({ text, values, rowMode: "array" })).rows;
const one = async (text, ...values) => (await rows(text, ...values))[0][0];

await client.query("CREATE EXTENSION pg_more");
await client.query(`CREATE TABLE acc (id integer PRIMARY KEY, name text, amount numeric, born date, at timestamptz, flag boolean,
	tags text[], doc jsonb, raw bytea)`);

const data = [{ id: 1, name: "ann \"q\" \\ 'x' ä \n $1", tags: ["a", "b c"], doc: { k: [1, null] } }, { id: 2, name: null }];
is(await one("SELECT more.bulk_insert('acc', $1)", JSON.stringify(data)), "2", "a parameter without a type");
is(await rows("SELECT id, name, tags, doc FROM acc ORDER BY id"), [[1, data[0].name, ["a", "b c"], { k: [1, null] }], [2, null, null, null]], "... is stored as it was given");
is(await one("SELECT more.bulk_update('acc', $1::json)", JSON.stringify([{ id: 1, amount: 1.5 }])), "1", "json");
is(await one("SELECT more.bulk_update('acc', $1::jsonb)", JSON.stringify([{ id: 2, flag: true }])), "1", "jsonb");
is(await one("SELECT more.bulk_update('acc', $1::text)", JSON.stringify([{ id: 2, amount: 1e21 }])), "1", "text");
is(await one("SELECT more.bulk_update('acc', $1)", { id: [1, 2], name: ["x", "y"] }), "2", "an object of columns, which the driver makes JSON of");
is(await one("SELECT more.bulk_update('acc', $1)", Buffer.from("\x01" + JSON.stringify([{ id: 1, flag: false }]))), "1", "a rowset in binary");
is(await rows("SELECT id, name, amount, flag FROM acc ORDER BY id"), [[1, "x", "1.5", false], [2, "y", "1000000000000000000000", true]], "... all stored");

const at = new Date(Date.UTC(2020, 0, 2, 3, 4, 5));
is(await one(`SELECT more.bulk_upsert('acc', more.rowset(ARRAY['id','name','amount','at','flag','raw','born','doc'],
		$1::integer[], $2::text[], $3::numeric[], $4::timestamptz[], $5::boolean[], $6::bytea[], $7::date[], $8::jsonb[]))`,
	[1, 3], ["a", null], ["2.25", null], [at, null], [true, null], [Buffer.from([0, 255]), null], ["2024-02-29", null], [{ x: 1 }, null]), "2", "arrays of common types");
is(await rows("SELECT id, name, amount, at, flag, encode(raw, 'hex'), born::text, doc FROM acc WHERE id IN (1, 3) ORDER BY id"),
	[[1, "a", "2.25", at, true, "00ff", "2024-02-29", { x: 1 }], [3, null, null, null, null, null, null, null]], "... are stored as they were given");

for (let i = 0; i < 12; i++) {
	await client.query({ name: "put", text: "SELECT more.bulk_upsert('acc', $1)", values: [JSON.stringify([{ id: 1, name: `round ${i}` }])] });
}
is(await one("SELECT name FROM acc WHERE id = 1"), "round 11", "a named prepared statement, again and again");

is(await rows("SELECT ordinal, status, (result).id FROM more.bulk_get_or_create(NULL::acc, $1)", JSON.stringify([{ id: 9 }, { id: 1 }])),
	[["1", "inserted", 9], ["2", "existing", 1]], "rows that come back");
is(await rows("SELECT id FROM more.rows_in(NULL::acc, $1) ORDER BY id", JSON.stringify([{ id: 9 }, { id: 8 }, { id: 3 }])), [[3], [9]], "a list of keys");

const many = Array.from({ length: 20000 }, (_, i) => ({ id: 100 + i, name: `name ${i}` }));
is(await one("SELECT more.bulk_upsert('acc', $1)", JSON.stringify(many)), "20000", "20,000 rows");

try {
	await client.query("SELECT more.bulk_update('acc', $1)", [JSON.stringify([{ id: 1, name: "no" }, { id: 2, born: "never" }])]);
	is("no error", "an error", "a bad value");
} catch (error) {
	is([error.code, error.detail], ["22007", 'Row 2, column "born" of type date, value "never".'], "a bad value: where it is");
}
is(await one("SELECT name FROM acc WHERE id = 1"), "round 11", "... and nothing changed");

await client.end();
finish();
