# shellcheck shell=bash
# The demo's part on enum types. Sourced by script/demo.

# What must be the same whichever way it is done.
per_priority="SELECT priority, count(*) FROM priorities GROUP BY 1 ORDER BY 1"

# Writes single rows until a file called done is there, and leaves the longest that one write took, in milliseconds.
write_beside() {
	printf '%s\n' "\\set id random(1, $1)" 'UPDATE priorities SET checked = checked + 1 WHERE id = :id;' > writer.sql
	until [[ -e done ]]; do "$BINDIR/pgbench" -n -l --log-prefix=writes -M prepared -t 200 -R 400 -f writer.sql > /dev/null 2>&1 || return; done
	cat writes.* | awk '{ took = ($3 - $7) / 1000; if (took > most) most = took } END { printf "%d %.1f\n", NR, most }' > writes
}

# Drops the value while the writer runs; its time goes with those of the race.
drop_beside_writer() {
	local writer
	rm -f done writes*
	write_beside "$1" &
	writer=$!
	sleep 0.5
	run client -c '\timing on' -c "CALL more.enum_drop('priority', 'extra', 'set_value', 'optional')" > out.log 2> out.error ||
		{ cat out.error >&2; die "a statement of the demo failed: more.enum_drop"; }
	touch done
	wait "$writer" || die "the writer of the demo failed"
	labels+=("CALL more.enum_drop('priority', 'extra', 'set_value', 'optional')")
	times+=("$(awk '/^Time: / { printf "%.1f", $2 }' out.log)")
	client -c "$per_priority" > out.rows
	outcomes+=("$(wc -l < out.rows)|$(LC_ALL=C sort out.rows | cksum)")
}

show_enum() {
	local ids count longest
	heading "6. Drop a value of an enum type that rows hold: the priority that Debian gave up"
	client -f "$TREE/script/demo.d/priority.sql" > /dev/null
	ids=$(client -c 'SELECT max(id) FROM priorities')
	tell "Debian's policy replaced priority extra by optional. How many packages still have it:"
	show <<-SQL
		SELECT label, rows FROM more.enum_counts('priority');
	SQL
	tell "Migration tools make the type anew, which rewrites the table and its indexes and locks out everyone meanwhile:"
	code "UPDATE …; ALTER TYPE … RENAME; CREATE TYPE …; ALTER TABLE … ALTER COLUMN … TYPE …; DROP TYPE …"
	race "the type swap" rows <<-SQL
		UPDATE priorities SET priority = 'optional' WHERE priority = 'extra';
		ALTER TYPE priority RENAME TO priority_old;
		CREATE TYPE priority AS ENUM ('required', 'important', 'standard', 'optional');
		ALTER TABLE priorities ALTER COLUMN priority DROP DEFAULT,
			ALTER COLUMN priority TYPE priority USING priority::text::priority,
			ALTER COLUMN priority SET DEFAULT 'optional';
		DROP TYPE priority_old;
		$per_priority;
	SQL
	drop_beside_writer "$ids"
	results "priorities, with as many packages each"
	read -r count longest < writes
	see "another session wrote $(number "$count") times meanwhile; none of its writes took longer than $longest ms."
	tell "What is recorded, and can be undone by CALL more.enum_undo(…):"
	show <<-SQL
		SELECT change, action, state FROM more.enum_history;
	SQL
}
