# Readers on a streaming standby while values are dropped, replaced and moved on the primary, and indexes built anew: at each
# step they read what they should, or the standby cancels them as it does for VACUUM. With feedback, the primary waits for them.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
local $SIG{PIPE} = "IGNORE";

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nsession_preload_libraries = 'pg_more'\n");
$primary->start;

# A change of an enum stops, unless triggers are off, wherever it begins another step, until it is let go: the steps are counted by sequences, which all
# sessions see at once.
$primary->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE SEQUENCE come;
	CREATE SEQUENCE gone;
	CREATE FUNCTION stop_here() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
	DECLARE n bigint;
	BEGIN
		PERFORM set_config('application_name', 'change at ' || coalesce(new.step, new.state), false);
		n := nextval('come');
		WHILE (SELECT last_value FROM gone) < n LOOP PERFORM pg_sleep(0.01); END LOOP;
		RETURN new;
	END $$;
	CREATE TRIGGER stop_here BEFORE UPDATE ON more.enum_changes FOR EACH ROW
		WHEN (new.step IS DISTINCT FROM old.step OR new.state <> old.state) EXECUTE FUNCTION stop_here();
	SELECT nextval('come'), nextval('gone');
});
my $backup = 'base';
$primary->backup($backup);
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, $backup, has_streaming => 1);
$standby->append_conf('postgresql.conf', "wal_receiver_status_interval = 1\nmax_standby_streaming_delay = 1s\n");
$standby->start;

# --- sessions ---

# A session that stays: statements are sent to it, and answered by all that they print.
sub session
{
	my ($node, $name) = @_;
	my $session = { in => '', out => '', name => $name };
	$session->{run} = IPC::Run::start(
		[ 'psql', '-XqAt', '-v', 'VERBOSITY=terse', $node->connstr('postgres') ],
		'<', \$session->{in}, '>', \$session->{out}, '2>&1', IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default * 2));
	return $session;
}

sub send_to
{
	my ($session, $sql) = @_;
	$session->{out} = '';
	$session->{in} .= "$sql\n\\echo answered\n";
	$session->{run}->pump_nb while length $session->{in} && $session->{run}->pumpable;
	return;
}

sub has_answered
{
	my ($session) = @_;
	return 1 if $session->{out} =~ /^answered$/m || !$session->{run}->pumpable;
	$session->{run}->pump_nb;
	return 0;
}

sub ask
{
	my ($session, $sql) = @_;
	send_to($session, $sql);
	usleep 1000 until has_answered($session);
	return $session->{out} =~ s/^answered\n//mr;
}

sub quit
{
	my ($session) = @_;
	$session->{run}->kill_kill;
	return;
}

# --- readers on the standby ---

# The standby's own word that a reader stood in its way.
my $conflict = qr/conflict with recovery/;

# Opens a snapshot, and has statements prepared with the enum as a parameter and as a constant.
sub open_reader
{
	my ($step) = @_;
	my $reader = session($standby, $step);
	is( ask($reader, q{
			PREPARE one(integer) AS SELECT m FROM t WHERE id = $1;
			PREPARE others(mood) AS SELECT count(*) FROM t WHERE m <> $1;
			PREPARE constant AS SELECT count(*) FROM t WHERE m = 'sad';
			BEGIN ISOLATION LEVEL REPEATABLE READ;
			SELECT count(*) FROM t;}), "60\n", "$step: a snapshot");
	return $reader;
}

# Reads as the snapshot has it: row 1 holds or held the value; what the others hold does not change.
sub read_all
{
	my ($reader, $what, $may_be_cancelled) = @_;
	my $out = ask($reader, q{EXECUTE one(1); EXECUTE one(2); EXECUTE others('sad'); EXECUTE constant;
		SET LOCAL enable_seqscan = off; SELECT count(*) FROM t WHERE m > 'sad'; SELECT count(m::text) FROM (SELECT m FROM t ORDER BY m) AS x;
		SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off;
		SELECT count(*) FROM t WHERE m > 'sad'; SELECT count(m::text) FROM (SELECT m FROM t ORDER BY m) AS x;
		RESET enable_indexscan; RESET enable_bitmapscan; RESET enable_indexonlyscan;});
	my $name = "$what: the reader from '$reader->{name}' reads";
	if ($may_be_cancelled && $out =~ $conflict)
	{
		pass("$name, and is cancelled for a conflict");
		quit($reader);
		return;
	}
	like($out, qr/^(odd|happy|pg_more:retired:\d+:odd)\nok\n40\n20\n40\n60\n40\n60\n$/, $name);
	return $out;
}

# Statements prepared once, each in a transaction of its own: the label is a value, or is not.
my $autocommit = session($standby, 'autocommit');

sub prepare_autocommit
{
	ask($autocommit, q{DEALLOCATE ALL; PREPARE bound(mood) AS SELECT count(*) FROM t WHERE m = $1; PREPARE named AS SELECT count(*) FROM t WHERE m = 'odd';
		PREPARE anyone(mood[]) AS SELECT count(*) FROM t WHERE m = ANY ($1);});
	return;
}

sub read_autocommit
{
	my ($what) = @_;
	my $answer = qr/(\d+|ERROR:  invalid input value for enum mood: "odd".*|ERROR:.*conflict with recovery.*)/;
	like(ask($autocommit, q{EXECUTE bound('odd'); EXECUTE named; EXECUTE anyone('{sad,ok}'); EXECUTE anyone('{odd}');}), qr/^$answer\n(?:$answer\n)40\n$answer\n$/,
		"$what: prepared statements");
	return;
}

# --- what is changed ---

# Anew for each test; with expressions that name the value, their table is locked for a moment.
sub set_up
{
	my ($expressions) = @_;
	$primary->safe_psql(
		'postgres', q{
		DROP SCHEMA IF EXISTS here CASCADE;
		CREATE SCHEMA here;
		CREATE TYPE here.mood AS ENUM ('sad', 'ok', 'happy');
		ALTER TYPE here.mood ADD VALUE 'odd' BEFORE 'happy';
		ALTER DATABASE postgres SET search_path = here, public;
	});
	$primary->safe_psql(
		'postgres', q{
		CREATE TABLE t (id integer PRIMARY KEY, m mood, note text);
		INSERT INTO t SELECT i, (ARRAY['odd', 'ok', 'sad'])[1 + (i - 1) % 3]::mood FROM generate_series(1, 60) AS i;
		CREATE INDEX ON t (m);} . ($expressions ? q{
		ALTER TABLE t ALTER m SET DEFAULT 'odd', ADD CHECK (m IN ('sad', 'ok', 'odd', 'happy'));
		CREATE INDEX ON t (id) WHERE m = 'odd';} : '') . q{
		VACUUM ANALYZE t;});
	$primary->wait_for_catchup($standby);
	quit($autocommit);
	$autocommit = session($standby, 'autocommit');
	prepare_autocommit();
	return;
}

sub feedback
{
	my ($setting) = @_;
	$standby->append_conf('postgresql.conf', "hot_standby_feedback = $setting\n");
	$standby->reload;
	my $there = $setting eq 'on' ? 'IS NOT NULL' : 'IS NULL';
	$primary->poll_query_until('postgres', "SELECT backend_xmin $there FROM pg_stat_replication") or die "no feedback '$setting'";
	return;
}

# At which step the change stands, and whether it keeps others from reading, which it would only for an instant; or nothing.
sub stands_at
{
	my ($step, $locked) = split /\|/, $primary->safe_psql('postgres', q{
		SELECT application_name, EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = a.pid AND mode = 'AccessExclusiveLock' AND locktype = 'relation')
		FROM pg_stat_activity AS a, come, gone WHERE application_name LIKE 'change at %' AND come.last_value > gone.last_value});
	return ($step // '', ($locked // '') eq 't');
}

# Runs a change, and has the standby read at each of its steps. With feedback, those who read are let go when it waits for them.
sub run_change
{
	my ($call, $what, $strict) = @_;
	my $change = session($primary, 'change');
	my @readers = (open_reader('before'));
	my %seen;
	my $released = 0;
	send_to($change, $call);
	until (has_answered($change))
	{
		my ($step, $locked) = stands_at();
		if ($locked)
		{
			$primary->safe_psql('postgres', q{SELECT setval('gone', last_value) FROM come});
		}
		elsif ($step)
		{
			$seen{$step}++;
			# REINDEX CONCURRENTLY drops the old index under a lock that standbys take, too: the server's own conflict
			$strict &&= $step ne 'change at rebuild index';
			# what has been done so far is there at once, or after the readers in its way
			$primary->safe_psql('postgres', 'SELECT txid_current()') unless $strict;
			$primary->wait_for_catchup($standby, 'replay', $primary->lsn('flush'));
			read_autocommit("$what, $step");
			@readers = grep { defined read_all($_, "$what, $step", !$strict) } @readers;
			push @readers, open_reader($step) if $seen{$step} == 1;
			$primary->safe_psql('postgres', q{SELECT setval('gone', last_value) FROM come});
		}
		elsif (@readers
			&& $primary->safe_psql('postgres', q{SELECT count(*) FROM more.enum_progress WHERE step LIKE 'wait%' AND object LIKE '%walreceiver%' OR object LIKE '%standby%'}))
		{
			$released++;
			read_all($_, "$what, waiting", !$strict) foreach @readers;
			like($primary->safe_psql('postgres', q{SELECT string_agg(label, ',') FROM more.enum_values('mood')}), qr/odd/, "$what: it waits, and the value is there");
			quit($_) foreach @readers;
			@readers = ();
		}
		usleep 20_000;
	}
	is($change->{out} =~ s/^(NOTICE|WARNING):.*\n//mgr, "answered\n", "$what: done");
	quit($change);
	$primary->wait_for_catchup($standby);
	read_autocommit("$what, done");
	read_all($_, "$what, done", !$strict) foreach @readers;
	quit($_) foreach @readers;
	my $after = open_reader('after');
	my $now = read_all($after, "$what, done", 0);
	quit($after);
	return ($now, $released, \%seen);
}

# --- a value is replaced ---
foreach my $setting ('off', 'on')
{
	set_up($setting eq 'off');
	feedback($setting);
	my ($now, $released, $seen) = run_change("CALL more.enum_drop('mood', 'odd', 'set_value', 'happy');", "feedback $setting, enum_drop", $setting eq 'on');
	like($now, qr/^happy\n/, "feedback $setting: the row has the replacement");
	ok($seen->{"change at $_"}, "feedback $setting: it was read at '$_'") foreach ('retire', 'wait', 'look again', 'indexes', 'statistics', 'delete');
	cmp_ok($released, '>', 0, 'the readers have been waited for') if $setting eq 'on';
	is($standby->safe_psql('postgres', q{SELECT string_agg(label, ',' ORDER BY position) FROM more.enum_values('mood')}), 'sad,ok,happy', "feedback $setting: the value is gone");
}

# --- a snapshot that reads nothing until the value is gone: what was replayed did not need to lock its table ---
set_up(0);
feedback('off');
my $idle = open_reader('idle');
$primary->safe_psql('postgres', q{SET session_replication_role = replica; CALL more.enum_drop('mood', 'odd', 'set_value', 'happy')});
$primary->wait_for_catchup($standby);
like(ask($idle, 'SELECT count(m::text) FROM t;'), $conflict, 'a snapshot that would see the value that is gone is cancelled');
quit($idle);

# A snapshot from after the last row that held it is let alone, also where an older transaction of the primary goes on.
set_up(0);
my $writer = session($primary, 'writer');
ask($writer, 'CREATE TABLE beside (n integer); BEGIN; INSERT INTO beside VALUES (1);');
$primary->safe_psql('postgres', q{SET session_replication_role = replica; SELECT more.enum_retire('mood', 'odd', 'set_value', 'happy')});
ask($writer, 'COMMIT;');
$primary->wait_for_catchup($standby);
my $later = open_reader('later');
$primary->safe_psql('postgres', q{SET session_replication_role = replica; CALL more.enum_purge('mood')});
$primary->wait_for_catchup($standby);
like(ask($later, 'SELECT count(m::text) FROM t;'), qr/^60\n$|$conflict/, 'a later snapshot reads on, or is told');
quit($later);
quit($writer);

# --- values move ---
foreach my $setting ('off', 'on')
{
	set_up(0);
	feedback($setting);
	my ($now) = run_change("CALL more.enum_reorder('mood', '{sad,odd,ok,happy}');", "feedback $setting, enum_reorder", 0);
	like($now, qr/^odd\n/, "feedback $setting: the row has its value");
	is($standby->safe_psql('postgres', q{SELECT count(*) FROM t WHERE m < 'ok'}), '40', "feedback $setting: the order is another one");
}

# --- indexes built anew beside readers ---
foreach my $reindex ('REINDEX TABLE CONCURRENTLY here.t', 'REINDEX TABLE here.t')
{
	set_up(0);
	feedback('off');
	my $reader = open_reader('before');
	$primary->safe_psql('postgres', $reindex);
	$primary->wait_for_catchup($standby);
	if (defined read_all($reader, $reindex, 1))
	{
		quit($reader);
	}
	$primary->safe_psql('postgres', q{SET session_replication_role = replica; CALL more.enum_drop('mood', 'odd', 'set_null')});
	$primary->safe_psql('postgres', $reindex);
	$primary->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', q{SET enable_seqscan = off; SELECT count(*) FROM t WHERE m >= 'sad'}), '40', "$reindex: the standby reads by it");
}

# --- the standby takes over ---
$standby->promote;
is($standby->safe_psql('postgres', q{SELECT * FROM more.enum_check('mood')}), '', 'promoted: nothing is damaged');
$standby->safe_psql('postgres', q{SET session_replication_role = replica; CALL more.enum_drop('mood', 'happy')});
is($standby->safe_psql('postgres', q{SELECT string_agg(label, ',' ORDER BY position) FROM more.enum_values('mood')}), 'sad,ok', 'promoted: a value is dropped');
quit($autocommit);
$standby->stop;
$primary->stop;
done_testing();
