# more.enum_adopt beside writers, killed wherever it may be, cancelled, given up: the table always works, and calling again finishes.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('enum_adopt');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nrestart_after_crash = on\npg_more.enum_batch = 100\nlog_min_messages = fatal\n");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
	CREATE TABLE people (id serial PRIMARY KEY, mood text NOT NULL DEFAULT 'ok' CHECK (mood IN ('sad', 'ok', 'happy')), n integer,
		same text NOT NULL, CONSTRAINT busy CHECK (mood <> 'sad' OR n >= 0));
	INSERT INTO people (mood, n, same) SELECT m, g, m FROM generate_series(1, 20000) AS g, LATERAL (SELECT (ARRAY['sad', 'ok', 'happy'])[g % 3 + 1]) AS x (m);
	CREATE INDEX by_mood ON people (mood, n);
	CREATE UNIQUE INDEX by_some ON people (id) WHERE mood = 'sad';
	CREATE VIEW moods AS SELECT mood, count(*) FROM people GROUP BY 1;
});

sub value { return $node->safe_psql('postgres', $_[0]) }

# A row is what its copy says; the indexes agree with the table; nothing of the way is left, or a column that the trigger fills.
sub is_sound
{
	my ($name) = @_;
	is(value(q{SELECT count(*) FROM people WHERE mood::text IS DISTINCT FROM same}), '0', "$name: every row is as it was written");
	is(value(q{SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT count(*) FROM people WHERE mood = 'sad' AND n >= 0}),
		value(q{SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off; SELECT count(*) FROM people WHERE same = 'sad'}),
		"$name: an index finds what the table holds");
	is(value(q{SELECT sum(count) - (SELECT count(*) FROM people) FROM moods}), '0', "$name: the view reads it");
	return;
}

# Writers, who keep a copy of what they write. What fails is an error of the test.
my $script = $node->basedir . '/writer.sql';
append_to_file($script, q{
\set id random(1, 20000)
UPDATE people SET mood = 'happy', same = 'happy', n = n + 1 WHERE id = :id;
UPDATE people SET mood = 'sad', same = 'sad' WHERE id = :id + 7;
INSERT INTO people (n, same) VALUES (1, 'ok');
DELETE FROM people WHERE id = :id + 20000;
});

foreach my $to ('mood', 'text')
{
	my ($out, $err) = ('', '');
	my $writer = IPC::Run::start(
		[ 'pgbench', '-n', '-c', '2', '-T', '600', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ],
		'<', \undef, '>', \$out, '2>', \$err);
	my ($status, undef, $error) = $node->psql('postgres', "CALL more.enum_adopt('people', 'mood', '$to')");
	is($error, '', "to $to beside writers: no error");
	usleep(300_000);
	$writer->signal('INT');
	$writer->finish;
	unlike($err, qr/ERROR|aborted/, "to $to beside writers: none of theirs either");
	is(value(q{SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname = 'mood'}), $to, "to $to: it is");
	is_sound("to $to beside writers");
}

# Killed at one moment after another, each time followed by a crash's restart, until it is done before it is killed.
my $killed = 0;
foreach my $moment (1 .. 40)
{
	my $checkpointer = value(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'});
	my ($in, $out, $err) = ("SELECT pg_backend_pid();\nCALL more.enum_adopt('people', 'mood', 'mood');\n\\echo finished\n", '', '');
	my $session = IPC::Run::start([ 'psql', '-XAtq', '-h', $node->host, '-p', $node->port, 'postgres' ],
		'<', \$in, '>', \$out, '2>', \$err);
	$session->pump until $out =~ /^(\d+)$/m;
	my $pid = $1;
	usleep(60_000 * $moment);
	$session->pump_nb;
	if ($out =~ /finished/)
	{
		$session->finish;
		last;
	}
	kill 'KILL', $pid;
	eval { $session->finish };
	$killed++;
	# the server may answer for a moment yet before it ends all and starts again
	$node->poll_query_until('postgres', "SELECT pid <> $checkpointer FROM pg_stat_activity WHERE backend_type = 'checkpointer'") or die 'never starts again';
	is_sound("killed at moment $moment");
	$node->safe_psql('postgres', "INSERT INTO people (mood, n, same) VALUES ('happy', 1, 'happy')");
	$node->safe_psql('postgres', "UPDATE people SET mood = 'sad', same = 'sad' WHERE id = $moment");
}
cmp_ok($killed, '>', 1, "it was killed $killed times");
$node->psql('postgres', "CALL more.enum_adopt('people', 'mood', 'mood')");
is(value(q{SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname = 'mood'}), 'mood', 'killed, and finished');
is_sound('killed, and finished');
is(value(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname LIKE 'pg\_more%'}), '0', 'nothing is left of the way: columns');
is(value(q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'people'::regclass}), '0', 'nothing is left of the way: triggers');
is(value(q{SELECT count(*) FROM pg_constraint WHERE conname LIKE 'pg\_more%'}), '0', 'nothing is left of the way: constraints');
is(value(q{SELECT count(*) FROM pg_class WHERE relname LIKE 'pg\_more:%'}), '0', 'nothing is left of the way: indexes');

# Somebody reads the table all the time: the lock is not waited for in a queue, in which others would stand.
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN');
$reader->query_safe('SELECT count(*) FROM people');
my ($out, $err) = ('', '');
my $call = IPC::Run::start(
	[ 'psql', '-XAtq', '-h', $node->host, '-p', $node->port, '-c', "CALL more.enum_adopt('people', 'mood', 'text')", 'postgres' ],
	'<', \undef, '>', \$out, '2>', \$err);
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'CALL%'");
usleep(1_000_000);
is($node->safe_psql('postgres', "SET lock_timeout = '20s'; UPDATE people SET mood = 'ok', same = 'ok' WHERE id = 1 RETURNING mood"),
	'ok', 'while it waits for a reader, others write');
# cancelled there, it leaves nothing
value(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL%'});
$call->finish;
like($err, qr/canceling statement due to user request/, 'it can be cancelled');
is(value(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname LIKE 'pg\_more%'}), '0', 'cancelled before its first step, it has done nothing');
is(value(q{SELECT count(*) FROM more.enum_history WHERE state = 'running'}), '0', '... and there is no record to go on with');
$reader->query_safe('COMMIT');

# Interrupted later, it is given up by asking for the type that the column has. Row by row, it is not done before.
$call = IPC::Run::start(
	[ 'psql', '-XAtq', '-h', $node->host, '-p', $node->port, '-c', 'SET pg_more.enum_batch = 1', '-c', "CALL more.enum_adopt('people', 'mood', 'text')", 'postgres' ],
	'<', \undef, '>', \$out, '2>', \$err);
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname LIKE 'pg\_more%'});
value(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL%'});
$call->finish;
my ($status, undef, $error) = $node->psql('postgres', "CALL more.enum_adopt('people', 'mood', 'varchar')");
like($error, qr/is on its way to type text/, 'another type is refused meanwhile');
is_sound('interrupted');
$node->safe_psql('postgres', "CALL more.enum_adopt('people', 'mood', 'mood')");
is(value(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname LIKE 'pg\_more%'}), '0', 'given up: the column is gone');
is(value(q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'people'::regclass}), '0', 'given up: the trigger, too');
is(value(q{SELECT state FROM more.enum_history ORDER BY change DESC LIMIT 1}), 'undone', 'given up: and recorded');
is_sound('given up');

$node->stop;
done_testing();
