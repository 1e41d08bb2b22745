# A cancelled verb ends promptly, whatever it is doing, and changes nothing.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

# Seconds in which a cancelled statement must have ended, on a machine that has nothing else to do. Where it stood still for
# a moment, another try counts.
use constant PROMPT => 2;
use constant TRIES => 3;

my $node = PostgreSQL::Test::Cluster->new('cancel');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nmax_wal_size = 4GB\n");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE TABLE acc (id integer PRIMARY KEY, v integer, t text);
	INSERT INTO acc SELECT g, 0, 'old' FROM generate_series(1, 300000) AS g;
	CREATE TABLE empty (id integer PRIMARY KEY, v integer, t text);
	CREATE TABLE payload (name text PRIMARY KEY, j text);
	ALTER TABLE payload ALTER j SET STORAGE external;
	INSERT INTO payload SELECT 'rows', '[' || string_agg(format('{"id":%s,"v":%s,"t":"text %s"}', g, -g, g), ',' ORDER BY md5(g::text)) || ']' FROM generate_series(1, 300000) AS g;
	INSERT INTO payload SELECT 'columns', '{"id":[' || string_agg(g::text, ',') || '],"v":[' || string_agg('1', ',') || ']}' FROM generate_series(1, 1500000) AS g;
	INSERT INTO payload SELECT 'nested', '[{"id":1,"v":1,"t":[' || repeat('[1,{"a":"b"}],', 3000000) || '0]}]';
	INSERT INTO payload SELECT 'one string', '[{"id":1,"v":1,"t":"' || repeat('x\\\\u0041', 10000000) || '"}]';
	VACUUM ANALYZE;
	CHECKPOINT;
});
my $before = $node->safe_psql('postgres', 'SELECT count(*), sum(v), min(t), max(t) FROM acc');

my %statements = (
	'parsing rows' => q{SELECT more.rowset_count(j::more.rowset) FROM payload WHERE name = 'rows'},
	'parsing columns' => q{SELECT more.rowset_count(j::more.rowset) FROM payload WHERE name = 'columns'},
	'parsing one nested value' => q{SELECT more.rowset_count(j::more.rowset) FROM payload WHERE name = 'nested'},
	'parsing one string' => q{SELECT more.rowset_count(j::more.rowset) FROM payload WHERE name = 'one string'},
	'printing' => q{SELECT length(j::more.rowset::text) FROM payload WHERE name = 'rows'},
	'update' => q{SELECT more.bulk_update('acc', j) FROM payload WHERE name = 'rows'},
	'update with returning' => q{SELECT count(*) FROM payload, more.bulk_update_returning(NULL::acc, j) WHERE name = 'rows'},
	'update with match' => q{SELECT more.bulk_update('acc', j, match => 'target.id = data.id', set => '{v}') FROM payload WHERE name = 'rows'},
	'update by a slow condition' => q{SELECT more.bulk_update('acc', j, match => 'target.id + data.id < 0', set => '{v}') FROM payload WHERE name = 'rows'},
	'upsert' => q{SELECT more.bulk_upsert('acc', j) FROM payload WHERE name = 'rows'},
	'insert' => q{SELECT more.bulk_insert('empty', j) FROM payload WHERE name = 'rows'},
	'sync' => q{SELECT * FROM payload, more.bulk_sync('empty', j) WHERE name = 'rows'},
	'delete' => q{SELECT more.bulk_delete('acc', j) FROM payload WHERE name = 'rows'},
	'array parameters' => q{SET pg_more.rows_source = arrays; SELECT more.bulk_update('acc', j) FROM payload WHERE name = 'rows'},
);

# What these seconds would have been if the machine had had nothing else to do, going by what share of it one process has.
sub alone
{
	my ($seconds) = @_;
	return $seconds if $seconds < PROMPT;
	my ($start, $used) = (time, (times)[0]);
	1 while (times)[0] - $used < 0.5;
	return $seconds * ((times)[0] - $used) / (time - $start);
}

# Runs a statement with a time-out: its error, and the seconds by which it ended too late; nothing if it was done before.
sub time_out
{
	my ($statement, $milliseconds) = @_;
	my ($error, $late);
	foreach my $try (1 .. TRIES)
	{
		my $start = time;
		(my $status, undef, $error) = $node->psql('postgres', "BEGIN; SET LOCAL statement_timeout = $milliseconds; $statement; ROLLBACK");
		$late = alone(time - $start - $milliseconds / 1000);
		return if $status == 0;
		last if $late < PROMPT;
	}
	return ($error, $late);
}

# A time-out may strike at any point: try one after another until the statement is done before it.
foreach my $name (sort keys %statements)
{
	my ($slowest, $cancelled, @wrong) = (0, 0);
	foreach my $milliseconds (1, 30, 80, 150, 250, 400, 600, 900, 1400)
	{
		my ($error, $late) = time_out($statements{$name}, $milliseconds);
		last if !defined $late;
		push @wrong, $error if $error !~ /canceling statement due to statement timeout/;
		$cancelled++;
		$slowest = $late if $late > $slowest;
	}
	is("@wrong", '', "$name: ends with the time-out alone");
	cmp_ok($cancelled, '>', 0, "$name: was cancelled");
	cmp_ok($slowest, '<', PROMPT, "$name: promptly, at most " . sprintf('%.2f s late', $slowest));
}

# pg_cancel_backend and pg_terminate_backend in the middle of a big update
foreach my $how ('pg_cancel_backend', 'pg_terminate_backend')
{
	my ($error, $late);
	foreach my $try (1 .. TRIES)
	{
		$error = '';
		my $session = IPC::Run::start(
			[ 'psql', '-XqAt', '-c', $statements{'update'}, $node->connstr('postgres') ],
			'<', \undef, '>', \my $output, '2>', \$error,
			IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
		$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'SELECT more.bulk_update%' AND state = 'active'});
		usleep(700_000);
		my $start = time;
		$node->safe_psql('postgres', "SELECT $how(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT more.bulk_update%' AND state = 'active'");
		$session->finish;
		$late = alone(time - $start);
		last if $late < PROMPT;
	}
	like($error, qr/canceling statement due to user request|terminating connection/, "$how ends the update");
	cmp_ok($late, '<', PROMPT, "$how: promptly");
}

is($node->safe_psql('postgres', 'SELECT count(*), sum(v), min(t), max(t) FROM acc'), $before, 'nothing changed');
is($node->safe_psql('postgres', 'SELECT count(*) FROM empty'), '0', 'nothing was inserted');
is($node->safe_psql('postgres', q{SELECT more.bulk_update('acc', '[{"id":1,"v":1}]')}), '1', 'the table can be written');

$node->stop;
done_testing();
