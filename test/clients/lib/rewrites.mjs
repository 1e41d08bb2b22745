// What the tests of the planner's rewrites in Node share; rewrites.py is the same in Python, and says how it works.
import { execFileSync } from "node:child_process";
import { finish, is } from "./tap.mjs";

export { packages } from "./tap.mjs";

const MODES = ["off", "on", "force"];
const cases = [];

// Where the database is, as the packages want it.
export const where = { host: process.env.PGHOST, port: Number(process.env.PGPORT), user: process.env.PGUSER, database: process.env.PGDATABASE };

// Adds a case: `form` is what the client sends last for three keys, `takes` names the rewrites that take it, and `use`
// looks up or changes rows by a list of keys.
export function when(name, form, takes, use) {
	cases.push({ name, form: squeeze(form), takes: takes.split(" ").filter(Boolean).sort(), use });
}

// Keys that have no NULL.
export const withoutNulls = (keys) => keys.filter((key) => !key.includes(null));

// A statement with no more white space than it needs, so that a test may break its lines.
function squeeze(statement) {
	return statement.trim().replace(/\s+/g, " ").replace(/(?<=\() | (?=\))/g, "");
}

const psql = (...args) => execFileSync("psql", ["-XqAt", "-v", "ON_ERROR_STOP=1", ...args], { encoding: "utf8" });

// Rows in an order of their own, as arrays; anything else as it is.
export function inOrder(result) {
	if (!Array.isArray(result)) return result;
	return result.map((row) => JSON.stringify(row)).sort();
}

// Runs a case with two, three and some hundred keys, these without and with NULLs; tells all that can be seen of it.
async function attempt(client, { use }) {
	const one = async (text) => Object.values((await client.query(text))[0])[0];
	const applied = async () => client.query("SELECT rewrite, applied::integer FROM more.rewrite_stats ORDER BY rewrite");
	const before = await one("SELECT contents()");
	const keys = (await client.query("SELECT shop, sku FROM wanted ORDER BY position")).map(({ shop, sku }) => [shop, sku]);
	const stats = new Map((await applied()).map(({ rewrite, applied }) => [rewrite, applied]));
	client.sent.length = 0;
	const results = [inOrder(await use(keys.slice(0, 3)))];
	const form = squeeze(client.sent.filter((statement) => !/^(BEGIN|START|COMMIT)/.test(statement)).at(-1));
	for (const some of [keys.slice(0, 2), withoutNulls(keys), keys]) results.push(inOrder(await use(some)));
	const taken = (await applied()).filter(({ rewrite, applied }) => applied > stats.get(rewrite)).map(({ rewrite }) => rewrite);
	const after = await one("SELECT contents()");
	const idle = after === before && results.every((result) => result.length === 0);
	if (after !== before) await client.query("SELECT start_over()");
	return { form, taken, results, contents: after, idle };
}

// Runs every case. `connect` opens a connection: an object with query(text), sent (an array of statements) and close().
export async function run(connect) {
	const seen = {};
	psql("-c", "CREATE EXTENSION pg_more", "-f", new URL("rewrites.sql", import.meta.url).pathname);
	psql("-c", `ALTER DATABASE ${where.database} SET session_preload_libraries = 'pg_more'`);
	for (const mode of MODES) {
		psql("-c", `ALTER DATABASE ${where.database} SET pg_more.rewrites = '${mode}'`);
		const client = await connect();
		seen[mode] = [];
		for (const each of cases) seen[mode].push(await attempt(client, each));
		await client.close();
	}
	for (const [i, { name, form, takes }] of cases.entries()) {
		const [off, on, force] = MODES.map((mode) => seen[mode][i]);
		is(off.form, form, `${name}: the form`);
		is(off.idle, false, "... finds or changes something");
		for (const what of ["results", "contents"]) {
			is(on[what], off[what], `... the same ${what} with rewrites on`);
			is(force[what], off[what], "... and with force");
		}
		is([off.taken, force.taken], [[], takes], "... rewritten as said with force, and never with off");
	}
	finish();
}
