# more.enum_drop takes the value out of btrees in place: they keep their files, and are in order for every column order, place of the
# value, and shape of the tree, while others write; on a standby; and after the server was killed (kill -9) in the middle of it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sessions;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('enum_clean');
$node->init(allows_streaming => 1);
# replay compares each page that it makes with that of the primary
$node->append_conf('postgresql.conf', "autovacuum = off\nwal_consistency_checking = 'btree,generic'\nwal_keep_size = '2GB'\nmax_wal_size = '4GB'\nsession_preload_libraries = 'pg_more'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_more; CREATE EXTENSION amcheck; CREATE EXTENSION pageinspect;');
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('enum_clean_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

# The indexes of a table, each with the number of its file, or checked.
sub files { return $node->safe_psql('postgres', "SELECT string_agg(indexrelid::regclass || ' ' || pg_relation_filenode(indexrelid), ', ' ORDER BY 1) FROM pg_index WHERE indrelid = '$_[0]'::regclass"); }

sub sound
{
	my ($table, $what) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "SELECT bt_index_parent_check(indexrelid, true, true) FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid WHERE indrelid = '$table'::regclass AND relam = 403");
	is($code, 0, "$what: amcheck") or diag($err);
	return;
}

# What rows an index and the table have, on either server.
sub rows
{
	my ($server, $table, $off) = @_;
	return $server->safe_psql('postgres', "SET enable_$off = off; SET enable_bitmapscan = off; SELECT string_agg(m || ' ' || n, ', ' ORDER BY m)
		FROM (SELECT m, count(*) AS n FROM $table WHERE m >= enum_first(NULL::mood) GROUP BY m) AS x");
}

# --- shapes ---

# Each of the columns that are indexed, with the value at each place of the order: first, between, last, and next to an odd one.
foreach my $columns ('m', 'm DESC, id', 'm, pad', 'other, m DESC NULLS LAST, pad', 'id, m) INCLUDE (other')
{
	foreach my $value ('a', 'b', 'c', 'odd', 'e')
	{
		my $what = "value $value, index ($columns)";
		my $to = $value eq 'e' ? 'b' : 'e';
		$node->safe_psql(
			'postgres', qq{
			DROP TABLE IF EXISTS t; DROP TYPE IF EXISTS mood;
			CREATE TYPE mood AS ENUM ('a', 'b', 'c', 'e');
			ALTER TYPE mood ADD VALUE 'odd' AFTER 'c';
			CREATE TABLE t (id integer, m mood, other mood, pad text);
			-- keys are long, so that some hundred pages have four levels
			INSERT INTO t SELECT g % 700, CASE WHEN g % 50 > 0 THEN (enum_range(NULL::mood))[1 + hashint4(g) % 3 + abs(hashint4(-g) % 3)] END,
				(enum_range(NULL::mood))[1 + abs(hashint4(g / 3) % 5)], repeat(md5(g::text), 1 + g % 9) FROM generate_series(1, 2000) AS g;
			CREATE INDEX i ON t ($columns);
			UPDATE t SET pad = 'z' || pad WHERE id % 7 = 0;
			UPDATE t SET m = 'c' WHERE id % 11 = 0;
		});
		my $before = files('t');
		my ($code, $out, $err) = $node->psql('postgres', "CALL more.enum_drop('mood', '$value', 'set_value', '$to')");
		is($code, 0, "$what: dropped") or diag($err);
		is(files('t'), $before, "$what: the index has its file");
		sound('t', $what);
		# now whatever compares with a key that has the value fails, be it even
		$node->safe_psql(
			'postgres', qq{
			ALTER TYPE mood ADD VALUE 'late1' BEFORE '$to';
			ALTER TYPE mood ADD VALUE 'late2' AFTER '$to';
			ALTER TYPE mood ADD VALUE 'late3' AFTER 'late2';
		});
		$node->safe_psql('postgres', "INSERT INTO t SELECT g % 700, (enum_range(NULL::mood))[1 + g % 7], (enum_range(NULL::mood))[1 + g % 5], md5(g::text) FROM generate_series(1, 1000) AS g");
		sound('t', "$what, and more rows");
		is(rows($node, 't', 'seqscan'), rows($node, 't', 'indexscan'), "$what: the index has the rows");
		$node->safe_psql('postgres', 'DELETE FROM t WHERE id % 3 = 0');
		$node->safe_psql('postgres', 'VACUUM t');
		sound('t', "$what, and VACUUM");
	}
}

# --- what must be rebuilt ---

$node->safe_psql('postgres', q{
	DROP TABLE t; DROP TYPE mood;
	CREATE TYPE mood AS ENUM ('a', 'b', 'c');
	CREATE TABLE t (id integer, m mood, ms mood[]);
	INSERT INTO t SELECT g, (enum_range(NULL::mood))[1 + g % 3], '{a,b}' FROM generate_series(1, 1000) AS g;
	CREATE INDEX plain ON t (m);
	CREATE INDEX arrays ON t (ms, m);
});
my %before = map { split / / } split /, /, files('t');
$node->safe_psql('postgres', "CALL more.enum_drop('mood', 'b', 'set_value', 'c')");
my %after = map { split / / } split /, /, files('t');
is($after{plain}, $before{plain}, 'a plain index is kept beside one that is rebuilt');
isnt($after{arrays}, $before{arrays}, 'an index of arrays is rebuilt');
sound('t', 'both');

# --- the server is killed in the middle ---

my @open;

# A session that stays.
sub session
{
	my ($name) = @_;
	push @open, open_session($node, $name);
	return $open[-1];
}

sub wait_until
{
	my ($name, $event) = @_;
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = '$name' AND wait_event = ANY ('{$event}')")
	  or die "$name never waits for $event";
	return;
}

# Drops b.  A VACUUM keeps that from cleaning; meanwhile a reader stops at a page of an index, and keeps that from being deleted.
sub pause_cleaning
{
	my ($to, $query) = @_;
	send_to(session('slow'), "SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1; VACUUM t;");
	wait_until('slow', 'VacuumDelay');
	send_to(session('change'), "CALL more.enum_drop('mood', 'b', 'set_value', '$to');");
	wait_until('change', 'relation');
	my $reader = session('reader');
	send_to($reader, "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;
		BEGIN; DECLARE k CURSOR FOR $query; FETCH 1 FROM k;");
	wait_until('reader', 'ClientRead');
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'reader' AND state = 'idle in transaction' AND query LIKE '%FETCH%'") or die;
	$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'slow'");
	# it has another name since 19
	wait_until('change', 'BufferPin,BufferCleanup');
	return $reader;
}

foreach my $way ('finished', 'restored')
{
	my $what = "killed in the middle, then $way";
	$node->safe_psql('postgres', q{
		DROP TABLE t; DROP TYPE mood;
		CREATE TYPE mood AS ENUM ('a', 'b', 'c', 'e');
		CREATE TABLE t (id integer PRIMARY KEY, m mood, pad text);
		INSERT INTO t SELECT g, (enum_range(NULL::mood))[1 + g % 4], repeat(md5(g::text), 10) FROM generate_series(1, 3000) AS g;
		CREATE INDEX first ON t (m, pad);
		CREATE INDEX second ON t (m DESC, id, pad);
	});
	my $files = files('t');
	pause_cleaning('c', 'SELECT m, id FROM t ORDER BY m DESC, id');
	is($node->safe_psql('postgres', "SELECT step, step_object FROM more.enum_changes WHERE state = 'running'"), 'clean index|public.second', "$what: where it is");
	my $postmaster = $node->{_pid};
	my @all = ($postmaster, split /\n/, `pgrep -P $postmaster`);
	kill 'KILL', @all;
	foreach my $pid (@all) { usleep 10_000 while kill 0, $pid; }
	$_->{run}->kill_kill foreach @open;
	@open = ();
	$node->{_pid} = undef;
	$node->start;
	sound('t', $what);
	is(rows($node, 't', 'seqscan'), rows($node, 't', 'indexscan'), "$what: the indexes have the rows");
	if ($way eq 'finished')
	{
		$node->safe_psql('postgres', "CALL more.enum_drop('mood', 'b', 'set_value', 'c')");
		is(files('t'), $files, "$what: the indexes have their files");
		is(rows($node, 't', 'seqscan'), 'a 750, c 1500, e 750', "$what: the rows");
	}
	else
	{
		$node->safe_psql('postgres', "SELECT more.enum_restore('mood', 'b')");
		is(rows($node, 't', 'seqscan'), 'a 750, b 750, c 750, e 750', "$what: the rows");
	}
	sound('t', "$what, at last");
	is($node->safe_psql('postgres', "SELECT kind, object, detail FROM more.enum_check('mood')"), '', "$what: enum_check finds nothing");
}

# --- a value is added meanwhile ---

# Keys above the leaves that are a value, with nothing behind it.
sub bare_keys
{
	my ($value) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT count(*) FROM bt_metap('first') AS m, bt_page_items('first', m.root::integer) AS i, pg_enum AS e
		WHERE i.htid IS NULL AND e.enumtypid = 'mood'::regtype AND e.enumlabel = '$value' AND
			left(i.data, 11) = (SELECT string_agg(lpad(to_hex((e.oid::bigint >> s)::integer & 255), 2, '0'), ' ' ORDER BY s) FROM unnest('{0,8,16,24}'::integer[]) AS s)});
}

# A key between the value and the next one is the next one, but not while another may come between them: who has
# found his way to the page on the right by then would put it there.
foreach my $adds (0, 1)
{
	my $what = $adds ? 'a value is being added' : 'no value is being added';
	$node->safe_psql('postgres', q{
		DROP TABLE t; DROP TYPE mood;
		CREATE TYPE mood AS ENUM ('a', 'b', 'c', 'e');
		CREATE TABLE t (id integer, m mood);
		INSERT INTO t SELECT g, (enum_range(NULL::mood))[1 + g % 4] FROM generate_series(1, 20000) AS g;
		CREATE INDEX first ON t (m);
	});
	is(bare_keys('c'), 0, "$what: keys before");
	my $reader = pause_cleaning('e', 'SELECT m FROM t ORDER BY m');
	my $adder = session('adder');
	my $label = $node->safe_psql('postgres', "SELECT label FROM more.enum_values('mood') WHERE state = 'retired'");
	send_to($adder, "BEGIN; ALTER TYPE mood ADD VALUE 'new' AFTER '$label';") if $adds;
	$node->poll_query_until('postgres', "SELECT count(*) = $adds FROM pg_locks WHERE locktype = 'object' AND objid = 'mood'::regtype AND mode = 'ExclusiveLock' AND granted") or die;
	send_to($reader, 'ROLLBACK;');
	if ($adds)
	{
		$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM more.enum_changes WHERE state = 'running' AND step NOT LIKE '%index%'") or die;
		is(bare_keys('c'), 0, "$what: the next one is no key");
		send_to($adder, 'COMMIT;');
	}
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM more.enum_changes WHERE state = 'running'") or die;
	is(bare_keys('c'), 1, "$what: the next one is a key") if !$adds;
	$node->safe_psql('postgres', "INSERT INTO t SELECT g, 'new' FROM generate_series(1, 1000) AS g") if $adds;
	sound('t', $what);
	is(rows($node, 't', 'seqscan'), rows($node, 't', 'indexscan'), "$what: the index has the rows");
	foreach my $session (@open) { $session->{in} .= "\\q\n"; $session->{run}->finish; }
	@open = ();
}

# --- a scan that goes on from the value ---

# Since 18 a scan may skip from value to value, as it meets them in the index: in entries of dead rows, too.
SKIP:
{
	skip 'scans do not skip before 18', 3 if $node->pg_version < 18;
	$node->safe_psql('postgres', q{
		DROP TABLE t; DROP TYPE mood;
		CREATE TYPE mood AS ENUM ('a', 'b', 'c');
		ALTER TYPE mood ADD VALUE 'odd' BEFORE 'c';
		CREATE TABLE t (m mood, k integer, pad text);
		INSERT INTO t SELECT 'a', g FROM generate_series(1, 150) AS g;
		INSERT INTO t SELECT m, g FROM unnest('{b,odd,c}'::mood[]) AS m, generate_series(1, 3000) AS g;
		CREATE INDEX first ON t (m, k);
		ANALYZE t;
	});
	send_to(session('slow'), "SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1; VACUUM t;");
	wait_until('slow', 'VacuumDelay');
	send_to(session('change'), "CALL more.enum_drop('mood', 'b', 'set_value', 'c');");
	wait_until('change', 'relation');
	my $reader = session('reader');
	send_to($reader, "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; BEGIN;
		DECLARE k CURSOR FOR SELECT m, k, pad FROM t WHERE k = 5 ORDER BY m, k; FETCH 1 FROM k;");
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'reader' AND state = 'idle in transaction' AND query LIKE '%FETCH%'") or die;
	$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'slow'");
	$node->poll_query_until('postgres', "SELECT count(*) = 0 OR bool_and(step = 'wait') FROM more.enum_changes WHERE state = 'running'") or die;
	# whoever compares with the value, and does not know it yet, would look for it
	$node->safe_psql('postgres', "ALTER TYPE mood ADD VALUE 'late' BEFORE 'c'");
	$node->safe_psql('postgres', "INSERT INTO t SELECT 'late', g FROM generate_series(1, 1000) AS g");
	send_to($reader, 'FETCH ALL FROM k; COMMIT;');
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM more.enum_changes WHERE state = 'running'") or die;
	$node->poll_query_until('postgres', "SELECT state = 'idle' FROM pg_stat_activity WHERE application_name = 'reader'") or die;
	foreach my $session (@open) { $session->{in} .= "\\q\n"; $session->{run}->finish; }
	@open = ();
	is($reader->{err}, '', 'a scan that has met the value goes on');
	is($reader->{out}, "a|5|\nodd|5|\nc|5|\nc|5|\n", 'its rows');
	sound('t', 'after that');
}

# --- marks that are not in WAL ---

# Entries of rows that were deleted are marked as dead by who comes upon them, which a standby is not told.
$node->safe_psql('postgres', q{
	DROP TABLE t; DROP TYPE mood;
	CREATE TYPE mood AS ENUM ('a', 'b', 'c', 'e');
	CREATE TABLE t (id integer, m mood);
	INSERT INTO t SELECT g, (enum_range(NULL::mood))[1 + g % 4] FROM generate_series(1, 20000) AS g;
	CREATE INDEX first ON t (m, id);
});
$node->safe_psql('postgres', 'DELETE FROM t WHERE id % 3 = 0 AND m <> \'b\'');
$node->safe_psql('postgres', 'SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT count(*) FROM (SELECT m, id FROM t ORDER BY m, id) AS x') for 1 .. 2;
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM generate_series(1, pg_relation_size('first') / 8192 - 1) AS p, bt_page_items('first', p) AS i WHERE i.dead"), '>', 0, 'there are marks');
$node->safe_psql('postgres', "CALL more.enum_drop('mood', 'b', 'set_value', 'e')");
sound('t', 'an index with marks');

# --- the standby ---

$node->wait_for_catchup($standby);
is(rows($standby, 't', 'seqscan'), rows($node, 't', 'seqscan'), 'the standby has replayed all, and reads it by the indexes');
my ($code, $out, $err) = $standby->psql('postgres', "SELECT bt_index_check(indexrelid, true) FROM pg_index WHERE indrelid = 't'::regclass");
is($code, 0, 'amcheck on the standby') or diag($err);
unlike(slurp_file($standby->logfile), qr{PANIC|TRAP|inconsistent page}, 'replay has made the same pages');

$standby->stop;
$node->stop;
done_testing();
