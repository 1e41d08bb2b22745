# What locks tables is not waited for behind a long reader: nobody queues behind it, and it is done when the reader has gone.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sessions;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('enum_locks');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
	CREATE TABLE t (id integer PRIMARY KEY, m mood DEFAULT 'sad');
	CREATE TABLE other (id integer);
	INSERT INTO t VALUES (1, 'sad'), (2, 'happy');
	CREATE MATERIALIZED VIEW seen AS SELECT * FROM t;
});

# A statement that wants a lock sees the reader; many others come by.
sub nobody_waits
{
	my ($sql, $of) = @_;
	for my $try (1 .. 8)
	{
		my ($code, $out, $err) = $node->psql('postgres', "SET lock_timeout = '20s'; $sql");
		is($code, 0, "$of: nobody queues behind it, $try") or diag($err);
		select undef, undef, undef, 0.07;
	}
	return;
}

# in a migration's transaction
my $reader = open_session($node);
my $change = open_session($node);
ask($reader, 'BEGIN; SELECT count(*) FROM t;');
send_to($change, "SELECT more.enum_retire('mood', 'sad', 'set_value', 'ok') > 0;");
$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE query ~ 'enum_retire' AND state = 'active' AND pid <> pg_backend_pid()") or die;
nobody_waits('SELECT count(*) FROM t', 'enum_retire');
ask($reader, 'COMMIT;');
is(ask($change, ''), "t\n", 'and it is done when the reader has gone');
is($node->safe_psql('postgres', 'SHOW lock_timeout'), '0', 'sessions keep their own setting');
is(ask($change, 'SHOW lock_timeout;'), "0\n", '... that of the migration, too');
$node->safe_psql('postgres', "SELECT more.enum_restore('mood', 'sad'); ALTER TABLE t ALTER m SET DEFAULT 'sad'");
# the caller's own patience
ask($reader, 'BEGIN; SELECT count(*) FROM t;');
my ($code, $out, $err) = $node->psql('postgres', "SET lock_timeout = '400ms'; SELECT more.enum_retire('mood', 'sad', 'set_value', 'ok')");
like($err, qr/canceling statement due to lock timeout/, 'the setting lock_timeout holds for all attempts together');
# they wait for each other
ask($change, 'BEGIN; INSERT INTO other VALUES (1);');
send_to($change, "SELECT more.enum_retire('mood', 'sad', 'set_value', 'ok') > 0;");
send_to($reader, 'LOCK TABLE other IN SHARE MODE; COMMIT;');
ask($reader, '');
ask($change, 'ROLLBACK;');
like($reader->{err} . $change->{err}, qr/deadlock detected/, 'a deadlock is found');

# a materialized view, which is read by somebody who came when the drop was waiting
my $old = open_session($node);
ask($old, 'BEGIN; SELECT 1;');
send_to($change, "CALL more.enum_drop('mood', 'sad', 'set_value', 'ok');");
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM more.enum_progress WHERE step = 'wait'") or die;
ask($reader, 'BEGIN; SELECT count(*) FROM seen;');
ask($old, 'COMMIT;');
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM more.enum_progress WHERE step = 'refresh'") or die;
nobody_waits('SELECT count(*) FROM seen', 'REFRESH');
ask($reader, 'COMMIT;');
ask($change, '');
is($node->safe_psql('postgres', 'SELECT enum_range(NULL::mood)'), '{ok,happy}', 'the view is refreshed, and the value has gone');
is($node->safe_psql('postgres', 'SELECT count(*) FROM seen WHERE m = \'ok\''), '1', '... from the view as well');

# whoever has no right to a table does not even ask for its lock
$node->safe_psql('postgres', q{
	CREATE ROLE stranger;
	ALTER TYPE mood OWNER TO stranger;
});
ask($reader, 'BEGIN; LOCK TABLE t;');
for my $sql ("SELECT * FROM more.enum_counts('mood')", "SELECT * FROM more.enum_counts('mood', 'ok')",
	"CALL more.enum_drop('mood', 'ok', 'cascade')", "SELECT more.enum_retire('mood', 'ok', 'set_null')")
{
	($code, $out, $err) = $node->psql('postgres', "SET ROLE stranger; SET lock_timeout = '1s'; $sql");
	like($err, qr/permission denied for (table t|materialized view seen)\b/, "no lock without a right: $sql");
}
ask($reader, 'COMMIT;');

$_->{run}->kill_kill for $reader, $change, $old;
$node->stop;
done_testing();
