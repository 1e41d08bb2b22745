# more.suggest_partial_indexes with statements from pg_stat_statements.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('suggest');
$node->init;
$node->start;
plan skip_all => 'pg_stat_statements is not installed'
	unless $node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_stat_statements'});
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE SCHEMA "stat; s";
	CREATE EXTENSION pg_stat_statements SCHEMA "stat; s";
	CREATE TABLE task (id integer PRIMARY KEY, owner integer, done_at date, note text);
	INSERT INTO task SELECT g, g % 100, CASE WHEN g % 100 > 0 THEN date '2024-01-01' END, 'x' FROM generate_series(1, 30000) AS g;
	CREATE TABLE secret (id integer, done_at date);
	INSERT INTO secret SELECT id, done_at FROM task;
	ANALYZE;
	CREATE ROLE worker LOGIN;
	CREATE ROLE other LOGIN;
	GRANT SELECT ON task TO worker, other;
	GRANT pg_read_all_stats TO other;
	GRANT CREATE ON SCHEMA public TO worker;
});
is($node->safe_psql('postgres', 'SELECT source FROM more.suggest_partial_indexes()'), "statistics\nstatistics", 'there, but not loaded');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_stat_statements'\n");
$node->restart;

# A function that tells who runs it, and is evaluated when a statement is planned.
$node->safe_psql(
	'postgres', q{
	CREATE FUNCTION whoami() RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RAISE LOG 'whoami: %', current_user; RETURN 5; END$$;
	SELECT owner FROM task WHERE owner = whoami() AND done_at IS NULL;
	SELECT DATE '2020-01-01', interval '1 day';
	CREATE TABLE gone (a integer);
	SELECT * FROM gone;
	DROP TABLE gone}, extra_params => [ '-U', 'worker' ]);

my $suggest = q{SELECT source, condition FROM more.suggest_partial_indexes('task') WHERE source = 'pg_stat_statements'};
my $position = -s $node->logfile;
my ($result, $stdout, $stderr) = $node->psql('postgres', $suggest);
is($stdout, 'pg_stat_statements|(done_at IS NULL)', 'an index for a statement of another user');
like($stderr, qr/NOTICE:  \d statements? of pg_stat_statements cannot be planned, skipped/, 'what cannot be read is told');
my $log = slurp_file($node->logfile, $position);
like($log, qr/whoami: worker/, 'its functions run as that user');
unlike($log, qr/whoami: (?!worker)/, 'and as nobody else');

is($node->safe_psql('postgres', $suggest, extra_params => [ '-U', 'worker' ]), '', 'who may not read them gets none');
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA "stat; s" TO worker, other');
is($node->safe_psql('postgres', $suggest, extra_params => [ '-U', 'worker' ]), 'pg_stat_statements|(done_at IS NULL)', 'one finds for one\'s own');
$position = -s $node->logfile;
is($node->safe_psql('postgres', $suggest, extra_params => [ '-U', 'other' ]), '', 'others\' statements are left alone, though they can be seen');
unlike(slurp_file($node->logfile, $position), qr/whoami: /, 'and are not planned');

# A statement cannot leave the user behind.
$node->safe_psql(
	'postgres', q{
	SELECT "stat; s".pg_stat_statements_reset();
	CREATE OR REPLACE FUNCTION whoami() RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM set_config('role', 'none', true); RETURN (SELECT count(*) FROM secret); END$$});
$node->psql('postgres', 'SELECT owner FROM task WHERE owner = whoami() AND done_at IS NULL', extra_params => [ '-U', 'worker' ]);
$node->psql('postgres', 'SELECT 1 WHERE false AND 1 / (SELECT 0) = whoami()', extra_params => [ '-U', 'worker' ]);
($result, $stdout, $stderr) = $node->psql('postgres', $suggest . '; SELECT current_user');
is($result, 0, 'errors of others do not end it');
like($stdout, qr/postgres$/, 'one is oneself afterwards');

$node->stop;
done_testing();
