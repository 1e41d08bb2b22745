# Enum types with retired values, policies and history, carried by pg_upgrade to the same version and, where one is to be had,
# from an older one: that which OLDER_SERVER names (script/matrix brings it), else one installed beside this server. And what a dump
# of them restores.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %same = (
	values => q{SELECT * FROM more.enum_values('status')},
	counts => q{SELECT * FROM more.enum_counts('status') ORDER BY 1, 2, 3},
	rows => q{SELECT * FROM orders ORDER BY id},
	history => q{SELECT change, action, state FROM more.enum_history ORDER BY change},
	policies => q{SELECT "table", "column", policy, replacement FROM more.enum_on_delete ORDER BY 1, 2},
	check => q{SELECT * FROM more.enum_check('status')});

# The major version of a server, 0 if it cannot be run.
sub version_of
{
	my ($prefix) = @_;
	return (`"$prefix/bin/postgres" --version 2>&1` =~ /^postgres \(PostgreSQL\) (\d+)/)[0] // 0;
}

# The newest older server that has the extension.
sub older_server
{
	my ($prefix) = @_;
	my ($parent) = $prefix =~ m{^(.*)/\d+$};
	my @found = grep { -e "$_/lib/pg_more.so" and -x "$_/bin/initdb" } $ENV{OLDER_SERVER} // (), defined $parent ? glob "$parent/*" : ();
	my ($older) = sort { version_of($b) <=> version_of($a) } grep { version_of($_) and version_of($_) < version_of($prefix) } @found;
	return $older;
}

my $number = 0;

# From one server, or this one, to this one.
sub upgrade_from
{
	my ($prefix) = @_;
	$number++;
	my $new = PostgreSQL::Test::Cluster->new("new$number");
	my $bindir = $new->config_data('--bindir');
	my $oldbin = $prefix ? "$prefix/bin" : $bindir;
	my $from = $prefix ? version_of($prefix) : version_of($bindir =~ s{/bin$}{}r);
	# checksums became usual with 18, and do not change by an upgrade
	$new->init(extra => $from < 18 && version_of($bindir =~ s{/bin$}{}r) >= 18 ? ['--no-data-checksums'] : []);
	my $old = PostgreSQL::Test::Cluster->new("old$number", $prefix ? (install_path => $prefix) : ());
	$old->init;
	$old->start;

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
	my %before = map { $_ => $old->safe_psql('postgres', $same{$_}) } keys %same;
	like($before{values}, qr/retired/, "from $from: there are retired values");
	is($before{check}, '', 'nothing is damaged');

	# A dump, restored.
	$old->safe_psql('postgres', 'CREATE DATABASE restored');
	my $dump = $old->basedir . '/dump.sql';
	$old->command_ok([ "$oldbin/pg_dump", '-f', $dump, 'postgres' ], 'pg_dump');
	$old->command_ok([ "$oldbin/psql", '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, 'restored' ], 'the dump restores');
	is($old->safe_psql('restored', $same{$_}), $before{$_}, "restored: the same $_") foreach sort keys %same;

	# The upgrade.
	$old->stop;
	chdir $new->basedir or die $!;
	command_ok(
		[
			"$bindir/pg_upgrade", '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $oldbin, '-B', $bindir,
			'-s', $new->host, '-p', $old->port, '-P', $new->port
		],
		"pg_upgrade from $from") or diag(map { slurp_file($_) =~ /(.{0,2000})\z/s } glob $new->data_dir . '/pg_upgrade_output.d/*/log/*_dump_*.log');
	$new->start;

	# The dump of the other server, restored to this one.
	$new->safe_psql('postgres', 'CREATE DATABASE moved');
	$new->command_ok([ "$bindir/psql", '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, 'moved' ], 'the dump restores here');

	# All go on as before.
	foreach my $database ('postgres', 'restored', 'moved')
	{
		is($new->safe_psql($database, $same{$_}), $before{$_}, "$database, from $from: the same $_") foreach sort keys %same;
		my ($status, $out, $err) = $new->psql($database, q{INSERT INTO orders VALUES (0, 'lost')});
		like($err, qr/invalid input value for enum status: "lost"/, "$database: a retired value is refused");
		$new->safe_psql($database, q{CALL more.enum_purge('status')});
		is($new->safe_psql($database, q{SELECT count(*) FROM more.enum_values('status') WHERE state = 'retired'}), '1', "$database: what no row holds is purged, what is to be kept stays");
		$new->safe_psql($database, q{CALL more.enum_drop('status', 'gone')});
		is($new->safe_psql($database, q{SELECT count(*) FROM orders WHERE status = 'done'}), '200', "$database: the standing policy gave the rows their new value");
		is($new->safe_psql($database, q{SELECT count(*) FROM orders WHERE NOT all_of @> '{done}' OR cardinality(all_of) <> 7}), '0', "$database: the arrays are whole");
		is($new->safe_psql($database, $same{check}), '', "$database: nothing is damaged");
	}
	$new->stop;
	return;
}

upgrade_from();

my $this = PostgreSQL::Test::Cluster->new('this');
my $prefix = $this->config_data('--bindir') =~ s{/bin$}{}r;
SKIP:
{
	# 15 is the oldest that the extension runs on
	last SKIP if version_of($prefix) == 15;
	# libraries that this system lacks come with the server
	local $ENV{LD_LIBRARY_PATH} = join ':', $ENV{OLDER_SERVER} ? "$ENV{OLDER_SERVER}/needed" : (), $ENV{LD_LIBRARY_PATH} // ();
	my $older = older_server($prefix);
	skip 'no older server that has pg_more is there to upgrade from', 1 unless $older;
	# some minor versions mark columns in a way that an earlier minor version of a later server refuses, whoever made the table
	my ($marks, $knows) = map { slurp_file("$_/bin/postgres") =~ /\bpg_attver\b/ ? 1 : 0 } $older, $prefix;
	skip 'the older server is of a later date than this one, whose pg_upgrade cannot read its columns', 1 if $marks and not $knows;
	upgrade_from($older);
}

done_testing();
