// What the tests in Node print: TAP.
let count = 0;
let failed = 0;

// Imports packages; where one is missing, the test is skipped.
export async function packages(...names) {
	try {
		return await Promise.all(names.map((name) => import(name)));
	} catch (error) {
		console.log(`1..0 # SKIP a package cannot be loaded: ${error.message.split("\n")[0]}`);
		process.exit(0);
	}
}

// One line of TAP: is what came back what was expected?
export function is(got, expected, name) {
	count++;
	if (JSON.stringify(got) === JSON.stringify(expected)) {
		console.log(`ok ${count} - ${name}`);
	} else {
		failed++;
		console.log(`not ok ${count} - ${name}\n#      got: ${JSON.stringify(got)}\n# expected: ${JSON.stringify(expected)}`);
	}
}

// The last line of TAP, and the exit status.
export function finish() {
	console.log(`1..${count}`);
	process.exitCode = failed ? 1 : 0;
}
