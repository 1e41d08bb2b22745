# more.enum_drop waits for everything that began before the value was retired, says for what, can be cancelled, and holds nothing
# meanwhile that others could wait for.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sessions;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('enum_wait');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_prepared_transactions = 5\nsession_preload_libraries = 'pg_more'\n");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE ROLE owner;
	CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad', 'v1', 'v2', 'v3', 'v4', 'v5', 'v6', 'v7', 'v8', 'v9');
	CREATE TYPE other AS ENUM ('a', 'b', 'c');
	CREATE TABLE t (id integer, m mood);
	INSERT INTO t SELECT g, 'sad' FROM generate_series(1, 100) AS g;
});

# Reads on until the call has ended: what it said, and its error.
sub outcome
{
	my ($session) = @_;
	send_to($session, '\q');
	$session->{run}->finish;
	return $session->{err};
}

# Starts a call, and waits until it waits.
sub start_call
{
	my ($sql, $prefix) = @_;
	my $session = open_session($node, 'change');
	send_to($session, ($prefix // '') . $sql);
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM more.enum_progress WHERE step LIKE 'wait%'") or die 'never waits';
	return $session;
}

# Waits until the call has said for what it waits.
sub until_said
{
	my ($session, $pattern) = @_;
	$session->{run}->pump until $session->{err} =~ $pattern;
	pass("it says: $pattern");
	return;
}

sub is_waiting
{
	my ($what) = @_;
	is($node->safe_psql('postgres', q{SELECT count(*) FROM more.enum_progress WHERE step = 'wait' AND pid IS NOT NULL}), '1', "$what: it waits");
	return;
}

sub value_is
{
	my ($label, $there, $what) = @_;
	is($node->safe_psql('postgres', "SELECT count(*) FROM more.enum_values('mood') WHERE label LIKE '%$label'"), $there, $what);
	return;
}

# An idle transaction, whatever it has done.
my $old = open_session($node, 'old "one"');
my $pid = ask($old, 'BEGIN; SELECT pg_backend_pid();');
chomp $pid;
my $call = start_call("CALL more.enum_drop('mood', 'v1');");
until_said($call, qr/NOTICE:  waiting for what began before type mood was changed\nDETAIL:  Waiting for process $pid \("old "one""\) since 20/);
ok($node->poll_query_until('postgres', "SELECT object LIKE 'process $pid %' FROM more.enum_progress"), 'the record says so, too');
# now and then it looks whether they are there still
ok($node->poll_query_until('postgres', q{SELECT backend_xid IS NULL AND backend_xmin IS NULL FROM pg_stat_activity WHERE application_name = 'change'}),
	'no snapshot is held meanwhile');
ok( $node->poll_query_until('postgres', q{SELECT string_agg(locktype || ' ' || mode, ', ' ORDER BY locktype) = 'advisory ExclusiveLock, virtualxid ExclusiveLock'
		FROM pg_locks WHERE pid = (SELECT pid FROM pg_stat_activity WHERE application_name = 'change')}),
	'and no lock but the change\'s own');
$node->safe_psql('postgres', q{CREATE INDEX CONCURRENTLY beside ON t (id); VACUUM t; ALTER TABLE t ADD x integer});
is_waiting('beside DDL');
value_is('v1', 1, 'the value is retired');
ask($old, 'COMMIT;');
is(outcome($call) =~ s/^(NOTICE|DETAIL):.*\n//gmr, '', 'it ends when the transaction does');
value_is('v1', 0, 'the value is gone');

# Two changes at a time pass each other, and so does a third that began later.
ask($old, 'BEGIN; SELECT 1;');
my @calls = map { my $s = open_session($node, 'change'); send_to($s, $_); $s } "CALL more.enum_drop('mood', 'v2');", "CALL more.enum_drop('other', 'c');";
$node->poll_query_until('postgres', q{SELECT count(*) = 2 FROM more.enum_progress WHERE step = 'wait'}) or die;
ask($old, 'COMMIT;');
unlike(outcome($_), qr/ERROR/, 'two changes end') foreach @calls;

# A procedure that commits keeps variables: its statement is waited for, not its transactions.
my $procedure = open_session($node, 'procedure');
send_to($procedure, q{SET client_min_messages = warning;
	DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_class WHERE relname = 'stop') LOOP PERFORM pg_sleep(0.05); COMMIT; END LOOP; END $$;});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'procedure' AND state = 'active' AND query LIKE '%DO%'}) or die;
$call = start_call("CALL more.enum_drop('mood', 'v3');");
until_said($call, qr/Waiting for process \d+ \("procedure"\) since 20/);
value_is('v3', 1, 'the value waits for the procedure');
$node->safe_psql('postgres', 'CREATE TABLE stop ()');
unlike(outcome($call), qr/ERROR/, 'it ends with the procedure');
outcome($procedure);
value_is('v3', 0, 'the value is gone then');

# A prepared transaction that comes to be while it waits.
ask($old, 'BEGIN; INSERT INTO t VALUES (101, \'v4\');');
$call = start_call("CALL more.enum_drop('mood', 'v4', 'set_null');");
ask($old, q{PREPARE TRANSACTION 'the "one"';});
until_said($call, qr/Waiting for prepared transaction "the "one"" since 20/);
$node->restart;
is($node->safe_psql('postgres', q{SELECT gid FROM pg_prepared_xacts}), 'the "one"', 'it outlives a restart');
$call->{run}->kill_kill;
$old->{run}->kill_kill;
isnt($node->psql('postgres', "CALL more.enum_drop('mood', 'v4', 'set_null')"), 0, 'a drop does not begin beside it');
$node->safe_psql('postgres', q{COMMIT PREPARED 'the "one"'; CALL more.enum_drop('mood', 'v4', 'set_null')});
is($node->safe_psql('postgres', 'SELECT m IS NULL FROM t WHERE id = 101'), 't', 'what it wrote was found');
value_is('v4', 0, 'and the value is gone');

# An old snapshot.
$old = open_session($node, 'snapshot');
$node->safe_psql('postgres', q{INSERT INTO t VALUES (102, 'v5')});
ask($old, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t;');
$call = start_call("CALL more.enum_drop('mood', 'v5', 'set_value', 'ok');");
until_said($call, qr/NOTICE:  waiting for what sees rows of type mood as they were\nDETAIL:  Waiting for process \d+ \("snapshot"\)/);
is(ask($old, 'SELECT m FROM t WHERE id = 102;'), "v5\n", 'it still reads the row, under the label that it knows');
ask($old, 'COMMIT;');
unlike(outcome($call), qr/ERROR/, 'it ends with the snapshot');
is(ask($old, 'SELECT m FROM t WHERE id = 102;'), "ok\n", 'and the row has the other value');

# Cancelled, timed out, its session ended: the value stays retired, nothing is locked, and the next call finishes.
ask($old, 'BEGIN; SELECT 1;');
$call = open_session($node, 'change');
send_to($call, "SET statement_timeout = '3s';\nCALL more.enum_drop('mood', 'v6');");
like(outcome($call), qr/canceling statement due to statement timeout/, 'statement_timeout');
$call = start_call("CALL more.enum_drop('mood', 'v6');");
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'change'});
like(outcome($call), qr/canceling statement due to user request/, 'pg_cancel_backend');
$call = start_call("CALL more.enum_drop('mood', 'v6');");
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'change'});
$call->{run}->kill_kill;
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', 'no lock is left');
value_is('v6', 1, 'the value is retired');
ask($old, 'COMMIT;');
$node->safe_psql('postgres', "CALL more.enum_drop('mood', 'v6')");
value_is('v6', 0, 'and gone with the next call');

# Who may not see others' activity learns no more than that they are there.
$node->safe_psql('postgres', 'ALTER TYPE mood OWNER TO owner; ALTER TABLE t OWNER TO owner');
$pid = ask($old, 'SELECT pg_backend_pid(); BEGIN;') =~ s/\n//r;
$call = start_call("CALL more.enum_drop('mood', 'v7');", "SET ROLE owner;\n");
until_said($call, qr/DETAIL:  Waiting for process $pid\.\n/);
ask($old, 'COMMIT;');
outcome($call);

# A standby that tells of its snapshots.
my $backup = 'base';
$node->backup($backup);
$node->safe_psql('postgres', q{SELECT pg_create_physical_replication_slot('standby_slot')});
my $standby = PostgreSQL::Test::Cluster->new('enum_wait_standby');
$standby->init_from_backup($node, $backup, has_streaming => 1);
$standby->append_conf('postgresql.conf', "primary_slot_name = 'standby_slot'\nhot_standby_feedback = on\nwal_receiver_status_interval = 1\nmax_standby_streaming_delay = -1\n");
$standby->start;
$node->safe_psql('postgres', q{INSERT INTO t VALUES (103, 'v8')});
$node->wait_for_catchup($standby);
my $reader = open_session($standby, 'reader');
ask($reader, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t;');
$node->poll_query_until('postgres', q{SELECT xmin IS NOT NULL FROM pg_replication_slots}) or die 'no feedback';
$call = start_call("CALL more.enum_drop('mood', 'v8', 'set_value', 'ok');");
until_said($call, qr/Waiting for .*replication slot "standby_slot"/);
like(ask($reader, 'SELECT m FROM t WHERE id = 103;'), qr/^(v8|pg_more:retired:1:v8)$/m, 'the reader on the standby still reads the row');
ask($reader, 'COMMIT;');
unlike(outcome($call), qr/ERROR/, 'it ends with the reader');
value_is('v8', 0, 'the value is gone');
$node->wait_for_catchup($standby);
is(ask($reader, 'SELECT m FROM t WHERE id = 103;'), "ok\n", 'on the standby, too');
outcome($reader);
outcome($old);
$standby->stop;
$node->stop;
done_testing();
