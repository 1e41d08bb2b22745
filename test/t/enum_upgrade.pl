# Enum types with retired values, policies and history, carried by pg_upgrade to a newer version where an older server is
# installed beside this one, else to the same; and what a dump of them restores.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
my $bindir = $new->config_data('--bindir');

# The newest older version that is installed beside this one and has the extension.
sub older_server
{
	my ($mine) = $bindir =~ m{/(\d+)/bin$} or return;
	my ($parent) = $bindir =~ m{^(.*)/\d+/bin$};
	foreach my $version (sort { $b <=> $a } grep { $_ < $mine } map { m{/(\d+)$} ? $1 : () } glob "$parent/*")
	{
		my $prefix = "$parent/$version";
		next unless -x "$prefix/bin/postgres" and -x "$prefix/bin/initdb" and -e "$prefix/lib/pg_more.so";
		return ($version, $prefix);
	}
	return;
}

my ($old_version, $prefix) = older_server();
my $old = PostgreSQL::Test::Cluster->new('old', $prefix ? (install_path => $prefix) : ());
$old->init;
$old->start;
note('from ' . ($old_version // 'the same version'));

$old->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE TYPE status AS ENUM ('new', 'paid', 'lost', 'done', 'gone', 'odd');
	ALTER TYPE status ADD VALUE 'packed' AFTER 'paid';
});
$old->safe_psql(
	'postgres', q{
	CREATE TABLE orders (id int PRIMARY KEY, status status DEFAULT 'new', all_of status[]);
	INSERT INTO orders SELECT i, (enum_range(NULL::status))[1 + i % 7], enum_range(NULL::status) FROM generate_series(1, 700) i;
	CREATE INDEX ON orders (status);
	SELECT more.enum_on_delete('orders', 'status', 'set_value', 'done');
	SELECT more.enum_on_delete('orders', 'all_of', 'set_value', 'done');
	SELECT more.enum_retire('status', 'lost', 'keep');
	SELECT more.enum_retire('status', 'odd', 'set_value', 'new');
	SELECT more.enum_rename('status', 'new', 'fresh');
});
my %same = (
	values => q{SELECT * FROM more.enum_values('status')},
	counts => q{SELECT * FROM more.enum_counts('status') ORDER BY 1, 2, 3},
	rows => q{SELECT * FROM orders ORDER BY id},
	history => q{SELECT change, action, state FROM more.enum_history ORDER BY change},
	check => q{SELECT * FROM more.enum_check('status')});
my %before = map { $_ => $old->safe_psql('postgres', $same{$_}) } keys %same;
like($before{values}, qr/retired/, 'there are retired values');
is($before{check}, '', 'nothing is damaged');

# A dump, restored.
$old->safe_psql('postgres', 'CREATE DATABASE restored');
my $dump = $old->basedir . '/dump.sql';
$old->command_ok([ "$bindir/pg_dump", '-f', $dump, 'postgres' ], 'pg_dump');
$old->command_ok([ "$bindir/psql", '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, 'restored' ], 'the dump restores');
is($old->safe_psql('restored', $same{$_}), $before{$_}, "restored: the same $_") foreach sort keys %same;

# The upgrade.
$old->stop;
chdir $new->basedir or die $!;
my $upgrade = "$bindir/pg_upgrade";
command_ok(
	[
		$upgrade, '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', ($prefix ? "$prefix/bin" : $bindir), '-B', $bindir,
		'-s', $new->host, '-p', $old->port, '-P', $new->port
	],
	'pg_upgrade');
$new->start;

# Both go on as before.
foreach my $database ('postgres', 'restored')
{
	is($new->safe_psql($database, $same{$_}), $before{$_}, "$database, upgraded: the same $_") foreach sort keys %same;
	my ($status, $out, $err) = $new->psql($database, q{INSERT INTO orders VALUES (0, 'lost')});
	like($err, qr/invalid input value for enum status: "lost"/, "$database: a retired value is refused");
	$new->safe_psql($database, q{CALL more.enum_purge('status')});
	is($new->safe_psql($database, q{SELECT count(*) FROM more.enum_values('status') WHERE state = 'retired'}), '1', "$database: what no row holds is purged, what is to be kept stays");
	$new->safe_psql($database, q{CALL more.enum_drop('status', 'gone')});
	is($new->safe_psql($database, q{SELECT count(*) FROM orders WHERE status = 'done'}), '200', "$database: the standing policy gave the rows their new value");
	is($new->safe_psql($database, q{SELECT count(*) FROM orders WHERE NOT all_of @> '{done}' OR cardinality(all_of) <> 7}), '0', "$database: the arrays are whole");
	is($new->safe_psql($database, $same{check}), '', "$database: nothing is damaged");
}

done_testing();
