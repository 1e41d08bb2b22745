# What script/test, script/demo, script/matrix and bench/ share: find a server, install what is missing, build
# pg_more, and run it in a throwaway cluster. To be sourced by a bash script under `set -euo pipefail`:
#
#   source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
#   need python3 command -v python3          # optional: a Debian package, and how to tell that it is there
#   prepare "work_mem = '64MB'"              # everything up to a running cluster; arguments are settings of it
#   run as_user psql -c 'SELECT 1'           # run: can be stopped at once; as_user: never root
#
# prepare leaves WORK (a private folder, removed at the end), TREE (the copy of the checkout that was built), BINDIR,
# PGXS (the server's pgxs folder), SERVER (its version), DATA_DIR, and PGHOST, PGPORT, PGUSER and PGDATABASE in the
# environment. PG_CONFIG chooses the server. The folder of the checkout itself is ROOT, and stays untouched.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
SELF=$(cd "$(dirname "$0")" && pwd -P)/$(basename "$0")
ARGS=("$@")
WORK=
DATA_DIR=
APT_LOG=
JOB=
GRACE=10
NO_PACKAGES=3
MISSING=()
NEEDS_SERVER_PACKAGES=

# One line of progress.
say() { printf '%s\n' "$*"; }

# The plain line that closes a run of tests: totals PASSED FAILED SKIPPED.
totals() {
	if [ "$3" -gt 0 ]; then say "$1 passed, $2 failed, $3 skipped"; else say "$1 passed, $2 failed"; fi
}

# Gives up with a message; the traps clean up.
die() {
	printf '%s: %s\n' "$(basename "$SELF")" "$*" >&2
	exit "${STATUS:-2}"
}

# Takes note of a Debian package that is missing: need PACKAGE COMMAND..., where COMMAND succeeds if it is there.
need() {
	local package=$1
	shift
	"$@" >/dev/null 2>&1 || MISSING+=("$package")
}

# True if this run may act as root.
may_be_root() { [ "$EUID" -eq 0 ] || sudo -n true 2>/dev/null; }

# Runs a command as root, where may_be_root said that it is possible.
as_root() {
	if [ "$EUID" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Runs a command as the user that owns the workspace: a server refuses to run as root, and tests need no rights.
# It runs in the copied tree.
as_user() (
	cd "$TREE" || exit
	if [ "$EUID" -eq 0 ]; then
		exec setpriv --reuid="$RUN_AS" --regid="$(id -g "$RUN_AS")" --init-groups --inh-caps=-all -- "$@"
	fi
	"$@"
)

# Runs a long command so that a signal ends it at once: bash answers signals only while it waits for a background job,
# and a process group of its own lets `clean_up` end the command with all its children.
run() {
	local status=0
	set -m
	"$@" </dev/null &
	JOB=$!
	set +m
	wait "$JOB" || status=$?
	JOB=
	return "$status"
}

# The one command that does as root what this run may not do.
root_command() {
	local words=() text
	[ -z "${PG_CONFIG-}" ] || words=(env "PG_CONFIG=$PG_CONFIG")
	printf -v text '%q ' ${words[@]+"${words[@]}"} "$SELF" ${ARGS[@]+"${ARGS[@]}"}
	text=${text% }
	if command -v sudo >/dev/null; then say "sudo $text"; else say "su -c ${text@Q}"; fi
}

# True if a pg_config belongs to a server for which extensions can be built. Debian's pg_config and PGXS come with the
# client's package, so that they are there without the server's headers.
can_build() {
	[ -x "$1" ] && [ -e "$("$1" --pgxs)" ] && [ -x "$("$1" --bindir)/postgres" ] && has_headers "$1"
}

# True if what a pg_config belongs to includes the headers for server extensions.
has_headers() { [ -e "$("$1" --includedir-server)/postgres.h" ]; }

# Chooses the server: PG_CONFIG; else the PATH's own pg_config, unless it is Debian's wrapper, which may stand for the
# client library alone; else the newest Debian server that extensions can be built for.
find_pg_config() {
	local candidate
	if [ -n "${PG_CONFIG-}" ]; then
		PG_CONFIG=$(realpath -ms "$(command -v "$PG_CONFIG" || printf '%s' "$PG_CONFIG")")
		return
	fi
	candidate=$(command -v pg_config || true)
	case $candidate in
		'' | /bin/* | /usr/bin/*) candidate= ;;
		*) can_build "$candidate" || candidate= ;;
	esac
	if [ -z "$candidate" ]; then
		while read -r candidate; do
			if can_build "$candidate"; then break; fi
			candidate=
		done < <(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -rV)
	fi
	if [ -n "$candidate" ]; then PG_CONFIG=$candidate; fi
}

# Takes note of the packages without which nothing can be built, started or installed.
need_server() {
	local version
	find_pg_config
	case ${PG_CONFIG-} in
		'') NEEDS_SERVER_PACKAGES=yes ;;
		/usr/lib/postgresql/*/bin/pg_config)
			version=${PG_CONFIG#/usr/lib/postgresql/}
			version=${version%%/*}
			need "postgresql-$version" test -x "${PG_CONFIG%/*}/postgres"
			need "postgresql-server-dev-$version" has_headers "$PG_CONFIG"
			;;
		*) can_build "$PG_CONFIG" || die "PG_CONFIG=$PG_CONFIG is not the pg_config of a server with PGXS" ;;
	esac
	need gcc command -v gcc
	need libc6-dev test -e /usr/include/stdlib.h
	need make command -v make
}

# Installs Debian packages without starting anything: by default the server's package makes and starts a cluster, and
# needrestart restarts servers that run.
apt_install() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 sh -c '
		set -e
		quiet=/etc/postgresql-common/createcluster.d/pg_more-no-cluster.conf
		mkdir -p "${quiet%/*}"
		trap "rm -f $quiet" EXIT
		echo "create_main_cluster = false" >"$quiet"
		apt-get install -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"' sh "$@" </dev/null
}

# Installs what `need` found missing, or names the one command that does so.
install_missing() {
	local version
	if [ ${#MISSING[@]} -eq 0 ] && [ -z "$NEEDS_SERVER_PACKAGES" ]; then return; fi
	if ! command -v apt-get >/dev/null; then
		die "missing: ${NEEDS_SERVER_PACKAGES:+a PostgreSQL server with its development files; }${MISSING[*]}"
	fi
	if ! may_be_root; then
		say "Debian packages are missing: ${NEEDS_SERVER_PACKAGES:+postgresql and its postgresql-server-dev; }${MISSING[*]}"
		die "this command installs them, and goes on: $(root_command)"
	fi
	APT_LOG=$(mktemp)
	as_root apt-get update -qq </dev/null >"$APT_LOG" 2>&1 || true
	if [ -n "$NEEDS_SERVER_PACKAGES" ]; then
		version=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1)
		if [ -z "$version" ]; then
			cat "$APT_LOG" >&2
			STATUS=$NO_PACKAGES die "no postgresql package in the machine's package sources"
		fi
		MISSING+=("postgresql-$version" "postgresql-server-dev-$version")
		PG_CONFIG=/usr/lib/postgresql/$version/bin/pg_config
	fi
	say "installing ${MISSING[*]}"
	if ! apt_install "${MISSING[@]}" >>"$APT_LOG" 2>&1; then
		tail -n 30 "$APT_LOG" >&2
		STATUS=$NO_PACKAGES die "could not install ${MISSING[*]}"
	fi
	rm -f "$APT_LOG"
	MISSING=()
	NEEDS_SERVER_PACKAGES=
}

# The command that fetches the packages which client tests in Node use, as their lock file says, into test/clients.
# shellcheck disable=SC2034 # for those who source this
NPM_CI=(npm ci --ignore-scripts --no-audit --no-fund)

# Learns where the server's parts are, once it is there. What runs is Debian's own Python, Perl and Node wherever there
# are several: the packages installed above belong to those.
describe_server() {
	BINDIR=$("$PG_CONFIG" --bindir)
	PGXS=$("$PG_CONFIG" --pgxs)
	PGXS=${PGXS%/src/makefiles/pgxs.mk}
	SERVER=$("$PG_CONFIG" --version)
	SERVER=${SERVER#PostgreSQL }
	export PG_CONFIG PATH="$BINDIR:/usr/bin:/bin:$PATH"
}

# Refuses early where `make install` could not write.
check_rights() {
	local folder
	INSTALL=()
	for folder in "$("$PG_CONFIG" --pkglibdir)" "$("$PG_CONFIG" --sharedir)/extension"; do
		if [ -w "$folder" ]; then continue; fi
		may_be_root || die "you may not write to $folder; this command may: $(root_command)"
		INSTALL=(as_root)
	done
}

# Takes the caller's own settings out of the way: the throwaway cluster is the only one that anything here can reach.
isolate_environment() {
	local name
	for name in "${!PG@}"; do
		case $name in PG_* | PGXS) ;; *) unset "$name" ;; esac
	done
	unset MAKEFLAGS MFLAGS MAKELEVEL LANGUAGE
	export LANG=C.UTF-8 LC_ALL=C.UTF-8
}

# Prints, NUL-separated, the files that make up the checkout: what git knows or would add, else everything.
tree_files() {
	local file
	cd "$ROOT" || return
	if [ -e .git ] && command -v git >/dev/null; then
		git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
			while IFS= read -r -d '' file; do
				if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\0' "$file"; fi
			done
	else
		find . -path ./.git -prune -o ! -type d -print0
	fi
}

# Copies the checkout: the user who builds may not be able to read it, and nothing is to be built inside it.
copy_tree() {
	mkdir -p "$1"
	(tree_files) | tar -C "$ROOT" --null --no-recursion -T - -c | tar -C "$1" --no-same-owner -x
}

# Makes the private folder, owned by the user who builds and runs the server. Not in /tmp, which may be memory.
open_workspace() {
	WORK=$(mktemp -d /var/tmp/pg_more.XXXXXX)
	TREE=$WORK/tree
	DATA_DIR=$WORK/data
	RUN_AS=$(id -un)
	if [ "$EUID" -eq 0 ]; then
		RUN_AS=postgres
		id "$RUN_AS" >/dev/null 2>&1 || RUN_AS=nobody
	fi
	mkdir "$WORK/tmp" "$WORK/socket"
	copy_tree "$TREE"
	if [ "$EUID" -eq 0 ]; then chown -R "$RUN_AS:" "$WORK"; fi
	export HOME=$WORK TMPDIR=$WORK/tmp
}

# Builds the copy, with warnings as errors, and installs it into the server. Fails with the compiler's own words.
build_and_install() {
	local make=(make -s -C "$TREE" "PG_CONFIG=$PG_CONFIG" with_llvm=no COPT=-Werror)
	say "building for PostgreSQL $SERVER"
	if ! run as_user "${make[@]}" clean >"$WORK/build.log" 2>&1 ||
		! run as_user "${make[@]}" -j"$(nproc)" >"$WORK/build.log" 2>&1 ||
		! ${INSTALL[@]+"${INSTALL[@]}"} "${make[@]}" install >"$WORK/build.log" 2>&1; then
		head -n 200 "$WORK/build.log"
		return 1
	fi
	cat "$WORK/build.log"
}

# Starts the throwaway cluster: UTF8, fsync on, reachable through a socket in the private folder only. Arguments are
# further lines of its configuration. Fails with the server's own words.
start_cluster() {
	export PGHOST=$WORK/socket PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	if ! run as_user "$BINDIR/initdb" -D "$DATA_DIR" -U "$PGUSER" --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
		--no-sync >"$WORK/initdb.log" 2>&1; then
		cat "$WORK/initdb.log"
		return 1
	fi
	printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$PGHOST'" "port = $PGPORT" "fsync = on" "$@" \
		>>"$DATA_DIR/postgresql.conf"
	if ! run as_user "$BINDIR/pg_ctl" -D "$DATA_DIR" -l "$WORK/server.log" -w -s start; then
		cat "$WORK/server.log"
		return 1
	fi
}

# Ends the job that `run` waits for, gently if it reacts within GRACE seconds: it may have to clean up itself.
end_job() {
	local waited
	if [ -z "$JOB" ]; then return; fi
	kill -TERM -- "-$JOB" 2>/dev/null
	for ((waited = 0; waited < GRACE * 10; waited++)); do
		kill -0 -- "-$JOB" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL -- "-$JOB" 2>/dev/null
	wait "$JOB" 2>/dev/null
}

# Ends what still runs inside the private folder, by process id: servers that tests started go into sessions of their
# own, where ending the job's process group does not reach them.
end_leftovers() {
	local pids pid signal
	for signal in QUIT 0 0 0 0 0 0 0 0 0 KILL; do
		pids=()
		for pid in /proc/[0-9]*; do
			case $(readlink "$pid/cwd" 2>/dev/null) in "$WORK" | "$WORK"/*) pids+=("${pid#/proc/}") ;; esac
		done
		if [ ${#pids[@]} -eq 0 ]; then return; fi
		kill -"$signal" "${pids[@]}" 2>/dev/null
		sleep 0.2
	done
}

# Removes all that this run made, whatever the reason it ends for.
clean_up() {
	trap '' INT TERM HUP PIPE
	set +e
	cd /
	end_job
	if [ -n "$APT_LOG" ]; then rm -f "$APT_LOG"; fi
	if [ -z "$WORK" ]; then return; fi
	if [ -e "$DATA_DIR/postmaster.pid" ]; then
		as_user "$BINDIR/pg_ctl" -D "$DATA_DIR" -m immediate -s stop >/dev/null 2>&1
	fi
	cd /
	end_leftovers
	rm -rf "$WORK"
}

trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

# Everything up to a private copy of the tree that can be built.
prepare_tree() {
	need_server
	install_missing
	describe_server
	check_rights
	isolate_environment
	open_workspace
}

# Everything up to a running cluster; the arguments are settings of it.
prepare() {
	prepare_tree
	build_and_install || die "the build failed"
	start_cluster "$@" || die "the throwaway cluster did not start"
}
