# The planner's hook where nothing can be written, or no session is usual: recovery, a standby, single-user mode, an
# upgrade in place, a database without the extension.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $pairs = join ', ', map { "($_, $_)" } 1 .. 100;
my $arms = join ' ', map { "WHEN $_ THEN 'x$_'" } 1 .. 40;
my $lookup = "SELECT count(*) FROM hashes WHERE (a, b) IN ($pairs)";
my $case = "SELECT count(CASE a $arms END) FROM hashes";
my $rows_in = q{SELECT count(*) FROM more.rows_in(NULL::hashes, '[{"a": 1, "b": 1}, {"a": 2, "b": 3}]', key => '{a,b}')};
my $explain = "EXPLAIN (COSTS off) ";
my $preload = "shared_preload_libraries = 'pg_more'\npg_more.rewrites = force\n";

# What EXPLAIN tells of rewrites.
sub notes
{
	my ($node, $statement, $database) = @_;
	return join "\n", grep { /^pg_more/ } split /\n/, $node->safe_psql($database // 'postgres', $explain . $statement);
}

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', $preload);
$primary->start;
$primary->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE TABLE hashes (a integer, b integer);
	INSERT INTO hashes SELECT g, g FROM generate_series(1, 5000) AS g;
	ANALYZE hashes;
	CREATE DATABASE bare;
});

# A standby plans as its primary does.
my $backup = 'base';
$primary->backup($backup);
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, $backup, has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $lookup), '100', 'standby: a list of tuples');
is($standby->safe_psql('postgres', $case), '40', 'standby: a long CASE');
is($standby->safe_psql('postgres', $rows_in), '1', 'standby: rows_in');
is(notes($standby, $lookup), 'pg_more: composite_in on hashes', 'standby: the list is rewritten');
like(notes($standby, $case), qr/^pg_more: hashed_case on /, 'standby: the CASE is rewritten');
like(notes($standby, $rows_in), qr/^pg_more: rows_in on /, 'standby: rows_in is rewritten');
is($standby->safe_psql('postgres', q{SELECT applied > 0 FROM more.rewrite_stats WHERE rewrite = 'composite_in'}), 't', 'standby: it is counted');
is($standby->safe_psql('postgres', "SET pg_more.rewrites = verify; $lookup"), '100', 'standby: both forms can be run');
like(($standby->psql('postgres', q{SELECT more.bulk_insert('hashes', '[{"a": 1, "b": 1}]')}))[2], qr/read-only transaction/, 'standby: a verb says what the server says');
is($standby->safe_psql('postgres', q{SELECT index, used FROM more.what_if('{CREATE INDEX i ON hashes (a)}', 'SELECT * FROM hashes WHERE a = 5')}), 'i|t',
	'standby: what an index would do');
is($standby->safe_psql('postgres', q{SELECT more.partial_index_sql('hashes', '{b}', 'a > 5')}), 'CREATE INDEX CONCURRENTLY hashes_b_a_gt_5_14588d1c_idx ON public.hashes USING btree (b) WHERE (a > 5)',
	'standby: the statement for an index');
like(($standby->psql('postgres', q{SELECT more.create_partial_index('hashes', '{b}', 'a > 5')}))[2], qr/cannot execute CREATE INDEX during recovery/,
	'standby: an index is not created');

# Crash recovery, and promotion.
$standby->stop('immediate');
$standby->start;
is($standby->safe_psql('postgres', $lookup), '100', 'after a crash of the standby');
$standby->promote;
is($standby->safe_psql('postgres', "$lookup; INSERT INTO hashes SELECT 0, 0; $lookup"), "100\n100", 'after its promotion');
$standby->stop;

# A database without the extension: what needs none of its functions is rewritten, the rest is left alone.
$primary->safe_psql('bare', 'CREATE TABLE hashes AS SELECT g AS a, g AS b FROM generate_series(1, 5000) AS g');
is($primary->safe_psql('bare', $lookup), '100', 'without CREATE EXTENSION: a list of tuples');
is($primary->safe_psql('bare', $case), '40', 'without CREATE EXTENSION: a long CASE');
is(notes($primary, $lookup, 'bare'), 'pg_more: composite_in on hashes', 'without CREATE EXTENSION: the list is rewritten');
unlike(notes($primary, $case, 'bare'), qr/hashed_case/, 'without CREATE EXTENSION: the CASE is left alone');

# Single-user mode, with a statement on each line.
$primary->stop;
my ($out, $err) = ('', '');
my $single = "$lookup\n$case\n";
ok(IPC::Run::run([ 'postgres', '--single', '-F', '-D', $primary->data_dir, 'postgres' ], '<', \$single, '>', \$out, '2>', \$err), 'single-user mode: it runs');
like($out, qr/count = "100"/, 'single-user mode: a list of tuples');
like($out, qr/count = "40"/, 'single-user mode: a long CASE');
unlike($err, qr/ERROR|FATAL|PANIC/, 'single-user mode: no error');

# An upgrade in place runs the hook in binary-upgrade mode, on both sides.
my $upgraded = PostgreSQL::Test::Cluster->new('upgraded');
$upgraded->init;
$upgraded->append_conf('postgresql.conf', $preload);
my $bindir = $primary->config_data('--bindir');
my $folder = $primary->basedir;
chdir $folder or die $!;
command_ok(
	[
		'pg_upgrade', '--no-sync', '-d', $primary->data_dir, '-D', $upgraded->data_dir, '-b', $bindir, '-B', $bindir,
		'-s', $primary->host, '-p', $primary->port, '-P', $upgraded->port
	],
	'pg_upgrade');
$upgraded->start;
is($upgraded->safe_psql('postgres', $lookup), '100', 'upgraded: a list of tuples');
is($upgraded->safe_psql('postgres', $rows_in), '1', 'upgraded: rows_in');
is(notes($upgraded, $lookup), 'pg_more: composite_in on hashes', 'upgraded: the list is rewritten');
$upgraded->stop;

done_testing();
