# more.enum_reorder while others read and write, killed between its steps, and dumped afterwards.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('enum_reorder');
$node->init;
# nothing but the sessions of this test decides what is waited for
$node->append_conf('postgresql.conf', "fsync = off\nrestart_after_crash = on\nautovacuum = off\n");
$node->start;

# Each row says in text what its value is meant to be.
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE EXTENSION amcheck;
	CREATE TYPE state AS ENUM ('new', 'open', 'paused', 'done');
	CREATE TABLE jobs (id integer PRIMARY KEY, status state DEFAULT 'paused' CHECK (status IN ('new', 'open', 'paused', 'done')), wanted text);
	INSERT INTO jobs SELECT i, l, l FROM generate_series(1, 2000) AS i, LATERAL (SELECT (enum_range(NULL::state))[1 + i % 4] AS l) AS x;
	CREATE INDEX jobs_status ON jobs (status);
	CREATE INDEX jobs_paused ON jobs (id) WHERE status = 'paused';
	CREATE TABLE slots (owner integer, status state, n integer, PRIMARY KEY (owner, status));
	CREATE TABLE beside (n integer);
	CREATE VIEW wrong AS
		SELECT 'jobs ' || id AS what FROM jobs WHERE status::text <> wanted
		UNION ALL SELECT 'twice ' || owner FROM slots GROUP BY owner, status::text HAVING count(*) > 1;
});

# A session that runs until it is finished; its errors go to the string.
sub session
{
	my ($sql, $error) = @_;
	my $out = '';
	return IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', $sql ], '>', \$out, '2>', $error);
}

sub finish_ok
{
	my ($session, $error, $name) = @_;
	$session->finish;
	is($$error =~ s/^NOTICE:  change \d+: waiting for a moment .*\n//gmr, '', $name);
}

# What holds whenever nobody writes: labels in their order, rows and indexes alike.
sub consistent
{
	my ($order, $name) = @_;
	is($node->safe_psql('postgres', "SELECT array_agg(label ORDER BY position) FROM more.enum_values('state') WHERE state = 'live'"), "{$order}", "$name: the order");
	is($node->safe_psql('postgres', 'TABLE wrong'), '', "$name: each row has its value");
	is( $node->safe_psql(
			'postgres', q{
		SET enable_seqscan = off;
		SELECT string_agg(n, ' ') FROM (SELECT 'differs' AS n FROM unnest(enum_range(NULL::state)) AS s
		WHERE (SELECT count(*) FROM jobs WHERE status = s) <> (SELECT count(*) FROM jobs WHERE wanted = s::text)
			OR (SELECT count(*) FROM jobs WHERE status = 'paused' AND id > 0) <> (SELECT count(*) FROM jobs WHERE wanted = 'paused')) AS x}), '', "$name: by the indexes, too");
	is($node->safe_psql('postgres', q{SELECT bt_index_check(indexrelid, true) FROM pg_index WHERE indrelid IN ('jobs'::regclass, 'slots'::regclass)}), "\n\n\n", "$name: the indexes are sound");
}

my @orders = ('paused,new,open,done', 'new,done,open,paused', 'open,paused,new,done', 'new,open,paused,done');

# Writers and readers that send each statement by itself: nobody ever sees a row under another name, or another row twice.
sub pgbench
{
	my ($mode, $error, %scripts) = @_;
	my @files;
	foreach my $name (sort keys %scripts)
	{
		my $file = $node->basedir . "/$name.sql";
		append_to_file($file, $scripts{$name}) unless -e $file;
		push @files, '-f', $file;
	}
	my $out = '';
	return IPC::Run::start([ 'pgbench', '-n', '-c', 4, '-T', 8, '-M', $mode, '-h', $node->host, '-p', $node->port, @files, 'postgres' ], '>', \$out, '2>', $error);
}

my @labels = qw(new open paused done);
my %write = map {
	(   "set_$_" => "\\set id random(1, 2000)\nUPDATE jobs SET status = '$_', wanted = '$_' WHERE id = :id;\n",
		"move_$_" => "\\set id random(1, 2000)\nUPDATE jobs SET status = '$_', wanted = '$_' WHERE id = :id AND status <> '$_';\n",
		"slot_$_" => "\\set id random(1, 20)\nINSERT INTO slots VALUES (:id, '$_', 1) ON CONFLICT (owner, status) DO UPDATE SET n = slots.n + 1;\n")
} @labels;
my %read = (
	'read_rows' => "SELECT 1 / (CASE WHEN count(*) = 0 THEN 1 ELSE 0 END) FROM wrong;\n",
	'read_partial' => "SELECT 1 / (CASE WHEN count(*) = 0 THEN 1 ELSE 0 END) FROM jobs WHERE status = 'paused' AND id > 0 AND wanted <> 'paused';\n",
	'read_order' => "SELECT 1 / (CASE WHEN count(DISTINCT status) = 4 THEN 1 ELSE 0 END) FROM (SELECT status FROM jobs ORDER BY status) AS x;\n");

my $error = '';
my $bench = pgbench('simple', \$error, %write, %read);
foreach my $order (@orders, @orders)
{
	$node->safe_psql('postgres', "CALL more.enum_reorder('state', '{$order}')");
	usleep(100_000);
}
$bench->finish;
unlike($error, qr/ERROR/, 'readers and writers beside it notice nothing');
consistent('new,open,paused,done', 'beside writers');
is($node->safe_psql('postgres', "SELECT count(*) FROM more.enum_values('state')"), 4, 'no retired value is left');

# Prepared statements bind the value before they wait for a lock: what they write after the move is moved as well.
my %prepared = (
	'prepared_update' => "\\set id random(1, 2000)\n\\set s random(1, 4)\n" .
	  "UPDATE jobs SET status = (enum_range(NULL::state))[array_position(enum_range(NULL::state)::text[], (ARRAY['new','open','paused','done'])[:s])], wanted = (ARRAY['new','open','paused','done'])[:s] WHERE id = :id;\n",
	map { ("prepared_$_" => "\\set id random(1, 2000)\n\\set s '\\'$_\\''\nUPDATE jobs SET status = '$_', wanted = '$_' WHERE id = :id;\n") } @labels);
$bench = pgbench('prepared', \$error, %prepared);
foreach my $order (@orders, @orders)
{
	$node->safe_psql('postgres', "CALL more.enum_reorder('state', '{$order}')");
	usleep(100_000);
}
$bench->finish;
unlike($error, qr/ERROR/, 'nor do writers that prepare their statements');
consistent('new,open,paused,done', 'beside prepared statements');


# Killed while it waits for the tables: the values are as they were, and the same call goes on.
sub killed
{
	my ($step, $blocker_sql, $order) = @_;
	my ($blocker_error, $call_error) = ('', '');
	my $blocker = session("$blocker_sql; SELECT pg_sleep(600)", \$blocker_error);
	$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid() AND wait_event = 'PgSleep'}) or die;
	my $call = session("CALL more.enum_reorder('state', '{$order}')", \$call_error);
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM more.enum_progress WHERE step = '$step' AND pid IS NOT NULL") or die "never came to $step: $call_error";
	my $pid = $node->safe_psql('postgres', "SELECT min(pid) FROM more.enum_progress WHERE pid IS NOT NULL");
	is(system('kill', '-9', $pid), 0, "killed at step $step");
	eval { $call->finish };
	eval { $blocker->finish };
	$node->poll_query_until('postgres', 'SELECT true');
	return;
}

killed('move', 'BEGIN; LOCK TABLE jobs IN ROW EXCLUSIVE MODE', $orders[0]);
consistent('new,open,paused,done', 'killed before the move');
$node->safe_psql('postgres', q{UPDATE jobs SET status = 'paused', wanted = 'paused' WHERE id <= 10; INSERT INTO jobs (id, wanted) VALUES (3000, 'paused')});
is($node->safe_psql('postgres', 'SELECT count(*) FROM more.enum_progress WHERE pid IS NULL'), 1, 'it is known to be interrupted');
$node->safe_psql('postgres', "CALL more.enum_reorder('state', '{$orders[0]}')");
consistent($orders[0], 'called again');
is($node->safe_psql('postgres', "SELECT count(*) FROM more.enum_values('state')"), 4, 'nothing is left of the first call');
is($node->safe_psql('postgres', 'SELECT count(*) FROM more.enum_progress'), 0, 'nor does it run');

# Killed after the move, while it waits for an old snapshot: the new order holds, and the old value is retired.
killed('wait', 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM beside', $orders[1]);
consistent($orders[1], 'killed after the move');
isnt($node->safe_psql('postgres', "SELECT count(*) FROM more.enum_values('state')"), 4, 'the old value is there still');
$node->safe_psql('postgres', q{UPDATE jobs SET status = 'done', wanted = 'done' WHERE id <= 10});
$node->safe_psql('postgres', "CALL more.enum_reorder('state', '{$orders[1]}')");
is($node->safe_psql('postgres', "SELECT count(*) FROM more.enum_values('state')"), 4, 'called again, it is gone');
consistent($orders[1], 'called again');

# ... and taken back instead.
killed('wait', 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM beside', $orders[2]);
consistent($orders[2], 'killed once more');
my $change = $node->safe_psql('postgres', "SELECT max(change) FROM more.enum_history WHERE action = 'reorder'");
$node->safe_psql('postgres', "CALL more.enum_undo($change)");
consistent($orders[1], 'undone');
is($node->safe_psql('postgres', "SELECT count(*) FROM more.enum_values('state')"), 4, 'undone: no value is left over');

# A session that sorted by the old order, and one with an old snapshot.
my ($in, $out) = ('', '');
my $psql = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$error);
$in .= "SELECT array_agg(DISTINCT status ORDER BY status) FROM jobs;\n";
$psql->pump until $out =~ /\}\n/;
$node->safe_psql('postgres', "CALL more.enum_reorder('state', '{$orders[3]}')");
$out = '';
$in .= "SELECT array_agg(DISTINCT status ORDER BY status), 'new'::state < 'done'::state, max(status) FROM jobs;\n";
$psql->pump until $out =~ /\n/;
is($out, "{$orders[3]}|t|done\n", 'a session that has the old order cached has the new one');
$in .= "\\q\n";
$psql->finish;

# A transaction that has read the table goes on seeing what it saw: the move waits for it, and lets writers in meanwhile.
($in, $out) = ('', '');
$psql = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$error);
$in .= "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT string_agg(status::text, ' ' ORDER BY id) FROM jobs;\n";
$psql->pump until $out =~ /\n/;
my $seen = $out;
my $call_error = '';
my $call = session("CALL more.enum_reorder('state', '{$orders[1]}')", \$call_error);
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM more.enum_progress WHERE step = 'move' AND started < clock_timestamp() - interval '4 s'});
is($node->psql('postgres', q{SET statement_timeout = '60 s'; UPDATE jobs SET status = 'open', wanted = 'open' WHERE id = 1}), 0, 'a writer is let in');
$out = '';
$in .= "SELECT string_agg(status::text, ' ' ORDER BY id) FROM jobs; COMMIT;\n";
$psql->pump until $out =~ /\n/;
ok($out eq $seen, 'the old snapshot shows the rows as before');
$in .= "\\q\n";
$psql->finish;
finish_ok($call, \$call_error, 'then the move is made');
consistent($orders[1], 'after a reader');

# A dump has the order.
$node->safe_psql('postgres', "CALL more.enum_reorder('state', '{$orders[0]}')");
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', $dump ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', $dump ], 'restore');
is($node->safe_psql('restored', 'SELECT enum_range(NULL::state), count(*) FROM jobs WHERE status::text = wanted'), "{$orders[0]}|2001", 'the restored type has the order, and rows their values');

$node->stop;
done_testing();
