# What run and sqlsmith share; to be sourced with FUZZ set to this folder.
# shellcheck shell=bash
# shellcheck source=script/lib.sh
source "$FUZZ/../../script/lib.sh"

# Runs a program of this folder against a throwaway cluster, and looks for crashes in the server's log.
fuzz() {
	local program=$1 status=0
	shift
	need python3 test -x /usr/bin/python3
	need python3-psycopg2 /usr/bin/python3 -c 'import psycopg2'
	case " $* " in
		*" --help "* | *" -h "*)
			install_missing
			exec /usr/bin/python3 "$FUZZ/$program" --help
			;;
	esac
	# A backend gets 4 GB: a statement that needs more only when it is rewritten is a difference.
	ulimit -v 4194304
	prepare "fsync = off" "autovacuum = off" "log_min_messages = panic"
	run as_user /usr/bin/python3 "test/fuzz/$program" "$@" || status=$?
	if grep -nE 'was terminated by signal|PANIC: |TRAP: ' "$WORK/server.log"; then
		say "the server crashed"
		status=1
	fi
	exit "$status"
}
