# shellcheck shell=bash
# How the demo runs a statement, times it, checks that two ways have the same result, and prints it. Sourced by script/demo.

if [[ -t 1 ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi

labels=()	# the ways of doing it that have been timed since the last results
times=()	# their milliseconds, or "refused"
outcomes=()	# what came out: a count and a checksum

# Prints a part's heading.
heading() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }

# Prints a sentence, set in a little.
tell() { printf "  %s\n" "$1"; }

# Prints SQL that is run, abridged.
code() { printf '  %s%s%s\n' "$dim" "$1" "$plain"; }

# Prints what there is to see in a part.
see() { printf '  %s→ %s%s\n' "$bold" "$1" "$plain"; }

# A whole number with its thousands apart.
number() { sed -E ':a; s/^([0-9]+)([0-9]{3})/\1,\2/; ta' <<< "$1"; }

# psql on the demo's cluster, quiet and stopping at the first error.
client() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }

# Keeps the rows of a query as JSON, one line each, in a file.
write_json() {
	client -c "SELECT '[' || string_agg(to_json(q)::text, E',\n') || ']' FROM ($2) q" > "$1"
}

# Keeps the one value of a query in a file.
write_text() { client -c "$2" > "$1"; }

# A table's number of rows and a checksum over what is in them, whatever their ids.
checksum() {
	client -c "SELECT count(*) || ' ' || coalesce(sum(hashtextextended((to_jsonb(t) - 'id')::text, 0)), 0) FROM $1 t"
}

# Runs statement.sql so many times in one session, rolled back each time, and leaves the milliseconds of each in
# out.times: attempt KIND TIMES. Fails where the statement does.
attempt() {
	local kind=$1 try
	for ((try = 1; try <= $2; try++)); do
		printf '%s\n' '\echo try' 'BEGIN;' '\o out.rows' '\timing on'
		cat statement.sql
		printf '%s\n' '\timing off'
		case $kind in
			table) printf '%s\n' '\o out.state' \
				"SELECT count(*), sum(hashtextextended((to_jsonb(p) - 'id')::text, 0)) FROM packages p;" ;;
			archive) printf '%s\n' '\o out.state' \
				'SELECT sum(n), sum(h) FROM (SELECT count(*) AS n, sum(hashtextextended(name, 0)) AS h FROM archive.maintainer' \
				'UNION ALL SELECT count(*), sum(hashtextextended(s.name || m.name, 0)) FROM archive.source s JOIN archive.maintainer m ON m.id = maintainer_id' \
				'UNION ALL SELECT count(*), sum(hashtextextended(s.name || (to_jsonb(p) - ARRAY[$$id$$, $$source_id$$])::text, 0)) FROM archive.package p JOIN archive.source s ON s.id = source_id' \
				'UNION ALL SELECT count(*), sum(hashtextextended(p.name || (to_jsonb(d) - $$package_id$$)::text, 0)) FROM archive.dependency d JOIN archive.package p ON p.id = package_id) u;' ;;
		esac
		printf '%s\n' '\o' 'ROLLBACK;'
	done > race.sql
	run client -f race.sql > out.log 2> out.error || return 1
	awk '/^try/ { if (tries++) print sum; sum = 0 } /^Time: / { sum += $2 } END { print sum }' out.log |
		sort -n > out.times
}

# Times a statement that comes on stdin; what comes out is kept for results. Its kinds:
#   rows     the rows it returns count
#   table    the state of table packages after it counts
#   archive  the state of the tables of nested documents after it counts
#   refused  it is expected to fail; its message counts
# A quick statement is run three times more in one session, as in a connection that is in use, and the middle time taken.
race() {
	local label=$1 kind=$2 outcome=''
	cat > statement.sql
	labels+=("$label")
	if [[ $kind == refused ]]; then
		! attempt "$kind" 1 || die "a statement that was to be refused went through: $label"
		times+=("$(sed -n 's/^.*ERROR: */ERROR: /p' out.error | head -n 1)")
		outcomes+=('')
		return
	fi
	attempt "$kind" 1 || { cat out.error >&2; die "a statement of the demo failed: $label"; }
	case $kind in
		rows) outcome="$(wc -l < out.rows)|$(LC_ALL=C sort out.rows | cksum)" ;;
		table | archive) outcome=$(< out.state) ;;
	esac
	outcomes+=("$outcome")
	if awk '{ exit !($1 < 300) }' out.times; then attempt timed 3; fi
	times+=("$(awk '{ time[NR] = $1 } END { printf "%.1f", time[int((NR + 1) / 2)] }' out.times)")
}

# Prints one line of a table of times; printf counts bytes, and the labels have longer characters.
line() { printf '    %s%*s%s\n' "$1" "$((64 - ${#1}))" '' "$2"; }

# Prints the times since the last results, and whether all ways had the same result; stops where they had not.
results() {
	local i outcome=''
	for i in "${!labels[@]}"; do
		if [[ ${times[i]} == ERROR* ]]; then
			line "${labels[i]}" "${times[i]}"
			continue
		fi
		line "${labels[i]}" "$(printf '%9s ms' "$(number "${times[i]%.*}").${times[i]#*.}")"
		[[ -z $outcome || $outcome == "${outcomes[i]}" ]] ||
			die "not the same result: ${labels[i]} gave ${outcomes[i]}, the one before $outcome"
		outcome=${outcomes[i]}
	done
	tell "Checked: the same result each way, $(number "${outcome%%|*}") $1."
	labels=() times=() outcomes=()
}

# Runs something on connections that load pg_more, as an application's would, with its rewrites so: with_rewrites MODE COMMAND...
with_rewrites() {
	local -x PGOPTIONS="-c session_preload_libraries=pg_more -c pg_more.rewrites=$1"
	shift
	"$@"
}

# Prints the plan of the statement in a file, long lines cut short.
plan() {
	{ printf 'EXPLAIN (COSTS OFF) '; cat "$1"; } | client -f - > out.plan
	sed -E 's/^(.{100}).+$/\1…/; s/^/    /' out.plan
}

# Runs a statement that comes on stdin and keeps what it does.
keep() { client -f - > /dev/null; }

# Runs a statement that comes on stdin and prints its result as a table.
show() { psql -Xq -v ON_ERROR_STOP=1 -P footer=off -P pager=off -f - | sed '/^$/d; s/^/    /'; }

# Runs a statement that comes on stdin, which must be refused, and prints the error as the user sees it.
complain() {
	if psql -Xq -v ON_ERROR_STOP=1 -f - > /dev/null 2> out.error; then
		die "a statement that was to be refused went through"
	fi
	grep -E '^psql.*ERROR:|^(ERROR|DETAIL|HINT|CONTEXT):' out.error | sed -E 's/^psql:[^ ]* //; s/^/    /'
}
