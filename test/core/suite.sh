# The server's own regression suite, run with pg_more against a run without it. Sourced by script/test, after lib.sh;
# see README.md here.
# shellcheck shell=bash

# shellcheck disable=SC2034 # used by script/test
CORE_MODES=(force created verify)
# The part of the suite that runs in the mode force: tests of queries, and what they build on.
CORE_FORCE=(test_setup copy insert insert_conflict create_function_c create_misc create_index create_aggregate select inherit
	updatable_views sanity_check select_distinct select_having subselect union case join aggregates portals arrays update
	delete rowsecurity groupingsets merge collate.icu.utf8 stats_ext window equivclass plancache limit prepare with
	partition_join partition_prune partition_aggregate)
# Tests of the suite of 18 that do not come to an end within ten minutes on 19, without pg_more.
CORE_LEFT_OUT_19=(join_hash)
CORE_PORT=5433
CORE_SUITE=
CORE_REASON=

# Where sources are kept between runs: next to the matrix's chroots, or in the user's own cache.
core_cache() {
	local folder=${MATRIX_CACHE:-/var/cache/pg_more}
	if [ "$EUID" -ne 0 ] && ! { mkdir -p "$folder" && [ -w "$folder" ]; } 2>/dev/null; then
		folder=$(getent passwd "$EUID" | cut -d : -f 6)/.cache/pg_more
	fi
	printf '%s\n' "$folder/source"
}

# Makes the machine's package sources ones for source packages, with lists of their own: core_apt_sources FOLDER.
core_apt_sources() {
	local file folder=$1
	mkdir -p "$folder/parts" "$folder/lists/partial" "$folder/cache/archives/partial"
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		if [ -e "$file" ]; then sed 's/^deb[[:space:]]/deb-src /' "$file" >"$folder/parts/${file##*/}"; fi
	done
	if [ -e "$folder/parts/sources.list" ]; then mv "$folder/parts/sources.list" "$folder/parts/0.list"; fi
	for file in /etc/apt/sources.list.d/*.sources; do
		if [ -e "$file" ]; then sed 's/^Types:.*/Types: deb-src/' "$file" >"$folder/parts/${file##*/}"; fi
	done
	CORE_APT=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$folder/parts" -o Dir::Etc::preferences=/dev/null
		-o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=)
}

# The versions of a source package that the machine's package sources name, the installed one first, then the newest.
core_source_versions() {
	local package=$1 installed all
	installed=$(dpkg-query -W -f '${source:Version}' "$package" 2>/dev/null || true)
	all=$(apt-cache "${CORE_APT[@]}" showsrc --only-source "$package" 2>/dev/null | sed -n 's/^Version: //p' | sort -Vru)
	grep -xF -e "$installed" <<<"$all" || true
	grep -vxF -e "$installed" <<<"$all" || true
}

# Downloads and unpacks the source of PostgreSQL MAJOR into FOLDER, which names it in a file DEBIAN-VERSION:
# core_download MAJOR FOLDER. A version that the package lists name may be missing from the mirror.
core_download() {
	local major=$1 folder=$2 version
	for version in $(core_source_versions "postgresql-$major"); do
		rm -rf "$folder.unfinished"
		mkdir -p "$folder.unfinished/download"
		if run env -C "$folder.unfinished/download" apt-get "${CORE_APT[@]}" -qq source --download-only --only-source \
			"postgresql-$major=$version" >>"$WORK/source.log" 2>&1 &&
			tar -C "$folder.unfinished" --strip-components=1 --no-same-owner \
				-xf "$folder.unfinished/download/"*.orig.tar.*[!c] >>"$WORK/source.log" 2>&1; then
			rm -rf "$folder.unfinished/download" "$folder"
			printf '%s\n' "$version" >"$folder.unfinished/DEBIAN-VERSION"
			mv -T "$folder.unfinished" "$folder"
			return
		fi
	done
	rm -rf "$folder.unfinished"
	return 1
}

# Sets CORE_SUITE to the source of the server that is tested; fails for a CORE_REASON. If Debian no longer has the
# source of a version, that of the version before serves: what is compared is this server with itself.
core_source() {
	local major=${SERVER%%[.a-z ]*} cache folder try
	cache=$(core_cache)
	folder=$cache/${SERVER%% *}
	CORE_REASON="$cache cannot be written"
	mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || return 1
	exec 7>"$cache/lock"
	run flock 7
	if ! [ -e "$folder/DEBIAN-VERSION" ]; then
		CORE_REASON="no apt-get to fetch the server's source with"
		command -v apt-get >/dev/null || return 1
		core_apt_sources "$WORK/apt"
		run apt-get "${CORE_APT[@]}" -qq update >"$WORK/source.log" 2>&1 || true
		CORE_REASON="the machine's package sources have no source of PostgreSQL $major, nor of the version before"
		for try in "$major" $((major - 1)); do
			if core_download "$try" "$folder"; then break; fi
		done
		rm -rf "$WORK/apt"
		[ -e "$folder/DEBIAN-VERSION" ] || return 1
	fi
	exec 7>&-
	CORE_SUITE=$folder
}

# The major version of the suite, which may be the one before the server's.
core_suite_major() { "$CORE_SUITE/configure" --version | sed -n 's/^PostgreSQL configure \([0-9]*\).*/\1/p'; }

# Makes the folder in which pg_regress runs the suite: the source's own, with the libraries that its tests load.
core_prepare() {
	local name
	as_user mkdir "$WORK/core"
	cp -R "$CORE_SUITE/src/test/regress" "$WORK/core/suite"
	if [ "$EUID" -eq 0 ]; then chown -R "$RUN_AS:" "$WORK/core/suite"; fi
	as_user gcc -O1 -shared -fPIC -I"$("$PG_CONFIG" --includedir-server)" -o "$WORK/core/suite/regress.so" \
		"$WORK/core/suite/regress.c" || return
	for name in refint autoinc; do
		as_user cp "$("$PG_CONFIG" --pkglibdir)/$name.so" "$WORK/core/suite/" || return
	done
	if [ "${SERVER%%[.a-z ]*} $(core_suite_major)" = "19 18" ]; then
		for name in "${CORE_LEFT_OUT_19[@]}"; do sed -i "s/ $name\>//" "$WORK/core/suite/parallel_schedule"; done
	fi
}

# Writes the schedule of a mode: the suite's own, or a part of it.
core_schedule() {
	local schedule=$WORK/core/suite/parallel_schedule
	if [ "$1" != force ]; then
		cat "$schedule"
		return
	fi
	awk -v names="${CORE_FORCE[*]}" '
		BEGIN { split(names, list, " "); for (i in list) wanted[list[i]] }
		/^test:/ { line = ""; for (i = 2; i <= NF; i++) if ($i in wanted) line = line " " $i; if (line) print "test:" line }
		' "$schedule"
}

# The settings of the cluster in which a mode runs.
core_settings() {
	# Those of pg_regress's own temporary clusters.
	printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$WORK/socket'" "fsync = off" \
		"max_prepared_transactions = 2" "log_autovacuum_min_duration = 0"
	case $1 in
		baseline) ;;
		force | created) printf '%s\n' "shared_preload_libraries = 'pg_more'" "pg_more.rewrites = force" ;;
		verify) printf '%s\n' "shared_preload_libraries = 'pg_more'" "pg_more.rewrites = verify" ;;
	esac
}

# Starts a mode's cluster and makes sure that its settings hold: an unknown one would be taken without a word.
core_start() {
	local mode=$1 folder=$WORK/core/$1 rewrites
	as_user mkdir -p "$folder"
	run as_user "$BINDIR/initdb" -D "$folder/data" -U "$PGUSER" --auth=trust --encoding=UTF8 --no-locale --no-sync &&
		core_settings "$mode" >>"$folder/data/postgresql.conf" &&
		run as_user "$BINDIR/pg_ctl" -D "$folder/data" -o "-p $CORE_PORT" -l "$folder/server.log" -w -s start || return
	rewrites=$(as_user psql -XqAt -p "$CORE_PORT" -c "SELECT setting FROM pg_settings WHERE name = 'pg_more.rewrites'")
	case $mode:$rewrites in
		baseline: | force:force | created:force | verify:verify) ;;
		*) say "pg_more.rewrites is '$rewrites' in the mode $mode"; return 1 ;;
	esac
}

# Stops a mode's cluster and removes its data.
core_stop() {
	local folder=$WORK/core/$1
	if [ -e "$folder/data/postmaster.pid" ]; then
		run as_user "$BINDIR/pg_ctl" -D "$folder/data" -m immediate -s stop >>"$WORK/log" 2>&1 || true
	fi
	rm -rf "$folder/data"
}

# Runs the suite against a mode's cluster. That some tests fail is no failure of this function, but it is one that the
# suite does not get to its end.
core_regress() {
	local mode=$1 folder=$WORK/core/$1 status=0 options=()
	case $mode in created | verify) options+=(--load-extension=pg_more) ;; esac
	core_schedule "$mode" >"$folder/schedule" || return
	run as_user env -C "$WORK/core/suite" timeout -k 10 "$TIMEOUT" "$PGXS/src/test/regress/pg_regress" \
		--inputdir=. --dlpath=. --outputdir="$folder" --bindir="$BINDIR" --host="$PGHOST" --port="$CORE_PORT" \
		--user="$PGUSER" --schedule="$folder/schedule" "${options[@]}" >"$folder/log" 2>&1 || status=$?
	if [ "$status" -gt 1 ] || ! grep -qE 'tests (failed|passed)' "$folder/log"; then
		tail -n 30 "$folder/log"
		return 1
	fi
}

# Writes which rewrites the suite's statements met, and how often, to WORK/core/MODE/rewrites. A run without any would
# show nothing, and fails.
core_rewrites() {
	if [ "$1" = baseline ]; then return; fi
	as_user psql -XqAt -p "$CORE_PORT" -c 'SET pg_more.rewrites = off' -c 'CREATE EXTENSION pg_more' -c "
		SELECT string_agg(rewrite || ' ' || applied, ', ' ORDER BY rewrite) FROM more.rewrite_stats WHERE applied > 0
		" >"$WORK/core/$1/rewrites" || return
	grep -q . "$WORK/core/$1/rewrites" || { say "the suite's statements met no rewrite"; return 1; }
}

# Runs the suite in a mode and leaves what the tests printed in WORK/core/MODE/results.
core_run() {
	local mode=$1 log=$WORK/core/$1/server.log status=0
	core_start "$mode" >"$WORK/log" 2>&1 || status=$?
	if [ "$status" -eq 0 ]; then
		{ core_regress "$mode" && core_rewrites "$mode"; } >>"$WORK/log" 2>&1 || status=$?
	fi
	core_stop "$mode"
	if grep -qE "$CRASH" "$log"; then status=1; fi
	if [ "$status" -ne 0 ]; then
		grep -nE -A 5 "$CRASH" "$log" >>"$WORK/log" || tail -n 20 "$log" >>"$WORK/log"
	fi
	return "$status"
}

# How a run did against the suite's own expected output: sets CORE_TESTS and CORE_DIFFERENT.
core_count() {
	local log=$WORK/core/$1/log
	CORE_DIFFERENT=$(sed -nE 's/^[# ]*([0-9]+) of ([0-9]+) tests failed.*/\1/p' "$log")
	CORE_TESTS=$(sed -nE 's/^[# ]*([0-9]+ of )?(All )?([0-9]+) tests (failed|passed).*/\3/p' "$log")
	CORE_DIFFERENT=${CORE_DIFFERENT:-0}
}

# Tells of a mode and counts it: core_done MODE START OUTCOME, and shows WORK/log if it failed.
core_done() {
	report core "$1" "$2" "$3"
	case $3 in
		ok*) PASSED=$((PASSED + 1)) ;;
		skipped*) SKIPPED=$((SKIPPED + 1)) ;;
		*)
			FAILED=$((FAILED + 1))
			head -n 300 "$WORK/log"
			;;
	esac
}

# Runs the suite without pg_more. A server on which most of its tests fail would show nothing by failing alike again.
core_baseline() {
	local start=${EPOCHREALTIME/./}
	if ! core_prepare >"$WORK/log" 2>&1 || ! core_run baseline; then
		core_done baseline "$start" "FAILED: the suite does not run without pg_more"
		return 1
	fi
	core_count baseline
	if [ $((CORE_DIFFERENT * 2)) -gt "$CORE_TESTS" ]; then
		cp "$WORK/core/baseline/log" "$WORK/log"
		core_done baseline "$start" "FAILED: $CORE_DIFFERENT of $CORE_TESTS tests fail without pg_more"
		return 1
	fi
	core_done baseline "$start" "ok, the suite of $(cat "$CORE_SUITE/DEBIAN-VERSION"), $CORE_DIFFERENT of $CORE_TESTS files differ from its expected output"
}

# Copies what the tests of a mode's schedule printed without pg_more to WORK/core/MODE/baseline.
core_expected() {
	local name folder=$WORK/core/$1
	mkdir -p "$folder/baseline"
	while read -r name; do
		cp "$WORK/core/baseline/results/$name.out" "$folder/baseline/" || return
	done < <(sed -n 's/^test: *//p' "$folder/schedule" | tr -s ' ' '\n')
}

# Runs the suite in a mode and compares what its tests print with what they print without pg_more.
core_mode() {
	local mode=$1 start=${EPOCHREALTIME/./} known=$ROOT/test/core/known options=()
	if ! core_run "$mode" || ! core_expected "$mode" >>"$WORK/log" 2>&1; then
		core_done "$mode" "$start" "FAILED: the run did not end well"
		return
	fi
	if [ -n "$ACCEPT" ]; then options=(--accept); fi
	if /usr/bin/python3 "$TREE/test/core/compare.py" "${options[@]}" "${SERVER%%[.a-z ]*}" "$mode" "$known" \
		"$WORK/core/$mode/baseline" "$WORK/core/$mode/results" >"$WORK/log" 2>&1; then
		core_done "$mode" "$start" "ok, $(tail -n 1 "$WORK/log"); $(cat "$WORK/core/$mode/rewrites")"
	else
		core_done "$mode" "$start" "FAILED: $(tail -n 1 "$WORK/log")"
	fi
}

# The modes that run, one a line: those that are named; else all on 15, and one on later versions.
core_chosen() {
	case ${NAMES[core]-}:$SERVER in
		:1[6-9]* | :[2-9]*) echo created ;;
		*) tests_of core ;;
	esac
}

# Runs the chosen modes, after a run without pg_more.
run_core() {
	local mode start=${EPOCHREALTIME/./}
	if ! core_source; then
		core_done baseline "$start" "skipped: $CORE_REASON"
		return
	fi
	core_baseline || return 0
	while read -r mode <&3; do core_mode "$mode"; done 3< <(core_chosen)
}
