# pg_more preloaded by the server, alone and among other extensions that hook into planner, executor and EXPLAIN.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('preload');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_more'\n");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE TABLE hashes (a integer, b integer, t text);
	INSERT INTO hashes SELECT g, g % 1000, 'x' || g FROM generate_series(1, 5000) AS g;
	ANALYZE hashes;
	CREATE ROLE visitor;
	GRANT SELECT ON hashes TO visitor;
});
my $version = $node->safe_psql('postgres', 'SHOW server_version_num');
my $pairs = join ', ', map { "($_, $_)" } 1 .. 100;
my $query = "SELECT count(*) FROM hashes WHERE (a, b) IN ($pairs)";
my $stats = q{SELECT tried, applied, refused, planning_time > 0, shared FROM more.rewrite_stats WHERE rewrite = 'composite_in'};

# Statistics are those of all sessions and roles.
is($node->safe_psql('postgres', $stats), '0|0|0|f|t', 'nothing was tried');
is($node->safe_psql('postgres', $query), '100', 'a session runs a statement');
is($node->safe_psql('postgres', "SET ROLE visitor; $query"), '100', 'so does another role');
is($node->safe_psql('postgres', $stats), '2|2|0|t|t', 'a third session sees both');
is($node->safe_psql('template1', "CREATE EXTENSION pg_more; $stats"), '2|2|0|t|t', 'another database, too');
$node->restart;
is($node->safe_psql('postgres', $stats), '0|0|0|f|t', 'a restart begins anew');

# Sessions that count at the same time lose nothing.
$node->safe_psql('postgres', 'CREATE EXTENSION IF NOT EXISTS pg_more');
my $script = $node->basedir . '/many.sql';
append_to_file($script, "SELECT 1 FROM hashes WHERE (a, b) IN ($pairs) LIMIT 1;\n");
$node->command_ok([ 'pgbench', '-n', '-c', 4, '-t', 50, '-f', $script, 'postgres' ], 'four sessions plan 50 statements each');
is($node->safe_psql('postgres', 'SELECT tried, applied + refused FROM more.rewrite_stats WHERE rewrite = \'composite_in\''), '200|200', 'all are counted');
$node->safe_psql('postgres', 'SELECT more.rewrite_stats_reset()');
is($node->safe_psql('postgres', $stats), '0|0|0|f|t', 'a reset is for all');

# A crash makes the memory anew.
is($node->safe_psql('postgres', $query), '100', 'a statement is counted');
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', $stats), '0|0|0|f|t', 'the counters start anew after a crash');

# The hooks of other extensions, loaded before and after.
my $available = $node->safe_psql('postgres', q{SELECT string_agg(name, ' ') FROM pg_available_extensions WHERE name IN ('pg_stat_statements', 'hypopg')});

# The lines about rewrites in an EXPLAIN.
sub notes
{
	my ($statement, $settings) = @_;
	return join "\n", grep { /^pg_more/ } split /\n/, $node->safe_psql('postgres', ($settings // '') . $statement);
}

foreach my $order ([ 'first', 'pg_more, %s' ], [ 'last', '%s, pg_more' ])
{
	my ($name, $format) = @$order;

	SKIP:
	{
		skip 'pg_stat_statements is not installed', 6 unless $available =~ /pg_stat_statements/;
		$node->append_conf('postgresql.conf', sprintf("shared_preload_libraries = '$format'\npg_stat_statements.track = all\npg_stat_statements.track_planning = on\n", 'pg_stat_statements'));
		$node->restart;
		$node->safe_psql('postgres', 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
		my $counts = q{SELECT sum(calls), sum(plans), sum(rows) FROM pg_stat_statements WHERE query LIKE 'SELECT count(*) FROM hashes%'};
		$node->safe_psql('postgres', 'SELECT FROM pg_stat_statements_reset()');
		is($node->safe_psql('postgres', $query), '100', "pg_more $name, with pg_stat_statements: the result");
		is($node->safe_psql('postgres', $counts), '1|1|1', 'one call, one plan, one row');
		is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_stat_statements WHERE query LIKE \'%unnest%\''), '0', 'under the text that was sent');
		is(notes("EXPLAIN (COSTS off) $query"), 'pg_more: composite_in on hashes', 'EXPLAIN has its line');
		is(notes("EXPLAIN (COSTS off) EXECUTE p", "PREPARE p AS $query;\n"), 'pg_more: composite_in on hashes', 'also for EXECUTE');
		$node->safe_psql('postgres', 'SELECT FROM pg_stat_statements_reset()');
		is($node->safe_psql('postgres', "SET pg_more.rewrites = verify; $query; RESET pg_more.rewrites; $counts"), "100\n1|1|1", 'runs that verify are not counted');
	}

	SKIP:
	{
		$node->append_conf('postgresql.conf', sprintf("shared_preload_libraries = '$format'\n", 'auto_explain'));
		$node->restart;
		my $log = -s $node->logfile;
		is($node->safe_psql('postgres', "SET auto_explain.log_min_duration = 0; SET auto_explain.log_analyze = on; $query"), '100', "pg_more $name, with auto_explain: the result");
		my $logged = substr(slurp_file($node->logfile), $log);
		like($logged, qr/plan:.*Function Scan on list/s, 'the plan that ran is logged');
		is(notes("EXPLAIN (COSTS off) $query", "SET auto_explain.log_min_duration = 0;\n"), 'pg_more: composite_in on hashes', 'EXPLAIN has its line');
		skip 'auto_explain calls no hook before 19', 1 if $version < 190000;
		like($logged, qr/pg_more: composite_in on hashes/, 'with the rewrite');
	}

	SKIP:
	{
		skip 'hypopg is not installed', 5 unless $available =~ /hypopg/;
		$node->append_conf('postgresql.conf', sprintf("shared_preload_libraries = '$format'\n", 'hypopg'));
		$node->restart;
		$node->safe_psql('postgres', 'CREATE EXTENSION IF NOT EXISTS hypopg');
		is($node->safe_psql('postgres', $query), '100', "pg_more $name, with hypopg: the result");
		is(notes("EXPLAIN (COSTS off) $query"), 'pg_more: composite_in on hashes', 'EXPLAIN has its line');
		my $hypothetical = q{SELECT FROM hypopg_create_index('CREATE INDEX ON hashes (a, b)');
			SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;};
		my $explained = $node->safe_psql('postgres', "$hypothetical EXPLAIN $query");
		like($explained, qr/using "?<\d+>btree_hashes_a_b/, 'a hypothetical index serves the other form');
		like($explained, qr/pg_more: composite_in on hashes/, 'which is told');
		is($node->safe_psql('postgres', "$hypothetical $query"), '100', 'and is not used to run it');
	}
}

# All of them at once.
my @all = ('auto_explain', split(/ /, $available // ''));
$node->append_conf('postgresql.conf', sprintf("shared_preload_libraries = '%s'\n", join(', ', $all[0], 'pg_more', @all[ 1 .. $#all ])));
$node->restart;
is($node->safe_psql('postgres', "SET auto_explain.log_min_duration = 0; $query; SET pg_more.rewrites = verify; $query"), "100\n100", 'all at once: the result');
is(notes("EXPLAIN (COSTS off) $query"), 'pg_more: composite_in on hashes', 'EXPLAIN has its line');

done_testing();
