# Two sessions write the same keys, given in opposite orders: they wait for each other, and never deadlock.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sessions;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('deadlock');
$node->init;
$node->append_conf('postgresql.conf', "deadlock_timeout = 20ms\nlog_lock_waits = on\nfsync = off\n");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE TABLE acc (id integer PRIMARY KEY, v integer NOT NULL, t text);
	INSERT INTO acc SELECT g, 0, 't' FROM generate_series(1, 10000) AS g ORDER BY md5(g::text);
	CREATE TABLE pairs (a integer, b text COLLATE "en-x-icu", v integer, PRIMARY KEY (a, b));
	INSERT INTO pairs SELECT g % 100, md5(g::text), 0 FROM generate_series(1, 2000) AS g;
	CREATE TABLE part (id integer PRIMARY KEY, v integer) PARTITION BY HASH (id);
	CREATE TABLE part_0 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE part_1 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	INSERT INTO part SELECT g, 0 FROM generate_series(1, 5000) AS g;
	CREATE TABLE fresh (id integer PRIMARY KEY, v integer);
	VACUUM ANALYZE;
});

# A rowset of columns given by name => expression over g, in one order or the other.
sub rows
{
	my ($from, $to, $order, @columns) = @_;
	my $object = join(', ', map { "'$_->[0]', $_->[1]" } @columns);
	return "(SELECT json_agg(json_build_object($object) ORDER BY g $order) FROM generate_series($from, $to) AS g)";
}

my @id_v = ([ 'id', 'g' ], [ 'v', '1' ]);
my $add = "set => ARRAY['v = target.v + data.v']";

is( race($node,
		[ ("SELECT more.bulk_update('acc', " . rows(1, 10000, 'ASC', @id_v) . ", $add);") x 50 ],
		[ ("SELECT more.bulk_update('acc', " . rows(1, 10000, 'DESC', @id_v) . ", $add);") x 50 ]),
	'', '50 rounds of bulk_update with 10,000 keys');
is($node->safe_psql('postgres', 'SELECT DISTINCT v FROM acc'), '100', 'no update was lost');

is( race($node,
		[ map { "SELECT more.bulk_upsert('acc', " . rows($_ * 1000, $_ * 1000 + 9999, 'ASC', @id_v) . ");" } 1 .. 50 ],
		[ map { "SELECT more.bulk_upsert('acc', " . rows($_ * 1000, $_ * 1000 + 9999, 'DESC', @id_v) . ");" } 1 .. 50 ]),
	'', '50 rounds of bulk_upsert with 10,000 keys, new ones in each round');
is($node->safe_psql('postgres', 'SELECT count(*), max(id) FROM acc'), '59999|59999', 'each key was inserted once');

# a table that the planner knows nothing about, a statement of several parts
$node->safe_psql('postgres', q{
	CREATE TABLE unknown (id integer PRIMARY KEY, v integer, u text UNIQUE) WITH (autovacuum_enabled = off);
	INSERT INTO unknown SELECT g, 0, g FROM generate_series(1, 10000) AS g ORDER BY md5(g::text);
});
is( race($node,
		[ map { "SELECT * FROM more.bulk_sync('unknown', " . rows(1, 10000, 'ASC', [ 'id', 'g' ], [ 'v', $_ ], [ 'u', 'g' ]) . ");" } 1 .. 10 ],
		[ map { "SELECT more.bulk_upsert('unknown', " . rows(1, 10000, 'DESC', [ 'id', 'g' ], [ 'v', -$_ ], [ 'u', 'g' ]) . ");" } 1 .. 10 ]) =~ s/^10000\n|^\d.*\n//gmr,
	'', '10 rounds of bulk_sync beside bulk_upsert with the same keys');

is( race($node,
		[ ("SELECT more.bulk_update('acc', " . rows(1, 5000, 'ASC', @id_v) . ");") x 15 ],
		[   ("SELECT more.bulk_update('acc', more.rowset(ARRAY['v', 'id'], "
					. "ARRAY(SELECT 2 FROM generate_series(1, 7000)), ARRAY(SELECT g FROM generate_series(1, 7000) AS g ORDER BY md5(g::text))));") x 15 ]),
	'', 'JSON in one session, arrays in another order in the other');
is( race($node,
		[ ("SELECT more.bulk_update('acc', " . rows(1, 5000, 'DESC', @id_v) . ");") x 15 ],
		[ 'SET pg_more.rows_source = arrays;', ("SELECT more.bulk_update('acc', " . rows(1, 5000, 'ASC', @id_v) . ");") x 15 ]),
	'', 'a relation in one session, array parameters in the other');
is( race($node,
		[ ("SELECT more.bulk_update('acc', " . rows(1, 3000, 'ASC', @id_v) . ");") x 15 ],
		[ ("SELECT more.bulk_update('acc', " . rows(1, 30000, 'DESC', [ 'id', 'g' ], [ 't', "'x' || g" ]) . ");") x 5 ]),
	'', 'sets of different sizes, whose plans may differ');
my @pair = ([ 'a', 'g % 100' ], [ 'b', 'md5(g::text)' ], [ 'v', 'g' ]);
is( race($node,
		[ ("SELECT more.bulk_upsert('pairs', " . rows(1, 3000, 'ASC', @pair) . ");") x 15 ],
		[ ("SELECT more.bulk_upsert('pairs', " . rows(1, 3000, 'DESC', reverse @pair) . ");") x 15 ]),
	'', 'a key of two columns, in another order in the data');
is( race($node,
		[ ("SELECT more.bulk_update('part', " . rows(1, 5000, 'ASC', @id_v) . ");") x 15 ],
		[ ("SELECT more.bulk_upsert('part', " . rows(1, 6000, 'DESC', @id_v) . ");") x 15 ]),
	'', 'a partitioned table');
is( race($node,
		[ map { "SELECT more.bulk_insert('fresh', " . rows($_ * 500, $_ * 500 + 2000, 'ASC', @id_v) . ", 'ignore');" } 1 .. 20 ],
		[ map { "SELECT more.bulk_insert('fresh', " . rows($_ * 500, $_ * 500 + 2000, 'DESC', @id_v) . ", 'ignore');" } 1 .. 20 ]),
	'', "bulk_insert(on_conflict => 'ignore')");
is( race($node,
		[ map { "SELECT count(*) FROM more.bulk_get_or_create(NULL::fresh, " . rows($_ * 500, $_ * 500 + 12000, 'ASC', @id_v) . ");" } 1 .. 10 ],
		[ map { "SELECT count(*) FROM more.bulk_get_or_create(NULL::fresh, " . rows($_ * 500, $_ * 500 + 12000, 'DESC', @id_v) . ");" } 1 .. 10 ]),
	'', 'bulk_get_or_create');
is( race($node,
		[ map { "SELECT more.bulk_delete('fresh', " . rows($_ * 300, $_ * 300 + 4000, 'ASC', [ 'id', 'g' ]) . ");" } 1 .. 20 ],
		[ map { "SELECT more.bulk_delete('fresh', " . rows($_ * 300, $_ * 300 + 4000, 'DESC', [ 'id', 'g' ]) . ");" } 1 .. 20 ]),
	'', 'bulk_delete');
my $log = slurp_file($node->logfile);
like($log, qr/still waiting for ShareLock/, 'the sessions did wait for each other');
unlike($log, qr/deadlock detected/, '... and the server saw no deadlock');

$node->stop;
done_testing();
