# Large sets: more than a million rows work; what cannot be held is a clear error, and memory is given back.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('size');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nmax_wal_size = 4GB\n");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE TABLE acc (id integer PRIMARY KEY, v integer);
	CREATE TABLE payload AS SELECT '[' || string_agg(format('{"id":%s,"v":%s}', g, -g), ',') || ']' AS j FROM generate_series(1, 1200000) AS g;
});

is($node->safe_psql('postgres', q{SELECT more.bulk_insert('acc', j) FROM payload}), '1200000', 'more than a million rows of text are inserted');
is($node->safe_psql('postgres', q{SELECT more.bulk_update('acc', j, set => ARRAY['v = data.v - 1']) FROM payload}), '1200000', '... and updated');
is( $node->safe_psql('postgres', q{SELECT count(*), count(*) FILTER (WHERE v = -id - 1) FROM acc}), '1200000|1200000', '... each row with its value');
is($node->safe_psql('postgres', q{SELECT count(*) FROM payload, more.rows_in(NULL::acc, j)}), '1200000', '... and found');

# a row costs a byte for each column that it lacks, so that little text can be a large rowset
my ($status, undef, $error) = $node->psql(
	'postgres', q{SELECT more.rowset_count(('[{' || (SELECT string_agg(format('"c%s":1', g), ',') FROM generate_series(1, 1500) AS g) || '}' || repeat(',{}', 800000) || ']')::more.rowset)});
isnt($status, 0, 'a rowset of more than 1 GB is refused');
like($error, qr/ERROR:  a rowset cannot be larger than 1 GB/, '... with a clear error');
like($error, qr/HINT:  Split the data over several calls\./, '... and the way out');

# text at the limit of what the server can hold as one value
($status, undef, $error) = $node->psql('postgres', q{SELECT more.rowset_count(('[{"a":"' || repeat('x', 1073741800) || '"}]')::more.rowset)});
isnt($status, 0, 'text of more than 1 GB is refused');
like($error, qr/ERROR:  (a rowset cannot be larger than 1 GB|requested length too large|invalid memory alloc request size)/, '... by us or by the server');

# a value of hundreds of megabytes
is( $node->safe_psql('postgres', q{SELECT length(more.rowset(json_build_array(json_build_object('a', repeat('x', 300000000))))::text)}),
	'300000010', 'one value of 300 MB');

# too many columns
($status, undef, $error) = $node->psql(
	'postgres', q{SELECT more.rowset_count(('[{' || (SELECT string_agg(format('"c%s":1', g), ',') FROM generate_series(1, 100000) AS g) || '}]')::more.rowset)});
isnt($status, 0, '100,000 columns are refused');
like($error, qr/ERROR:  a rowset can have at most \d+ columns/, '... with a clear error');

# a table as wide as can be, every column in some rows only
$node->safe_psql('postgres', q{SELECT format('CREATE TABLE wide (id integer PRIMARY KEY, %s)', string_agg(format('c%s integer', g), ', ')) FROM generate_series(1, 800) AS g \gexec});
is( $node->safe_psql(
		'postgres', q{SELECT more.bulk_upsert('wide', (SELECT json_agg(json_build_object('id', g, 'c' || g, g)) FROM generate_series(1, 800) AS g))}),
	'800', '800 columns, each in one row');
is( $node->safe_psql(
		'postgres', q{SELECT more.bulk_upsert('wide', (SELECT json_agg(json_build_object('id', g, 'c' || g, -g, 'c' || (801 - g), 0)) FROM generate_series(1, 800) AS g))}),
	'800', '... and again');
is($node->safe_psql('postgres', 'SELECT count(*), sum(c1), sum(c800) FROM wide'), '800|-1|-800', '... with the right values');

# Memory is given back: after many calls, failed ones too, a session has no more than after a few.
my $calls = q{
	DO $$
	BEGIN
		FOR i IN 1 .. %d LOOP
			PERFORM more.bulk_upsert('acc', json_build_array(json_build_object('id', i, 'v', i), json_build_object('id', -i)));
			PERFORM count(*) FROM more.bulk_update_returning(NULL::acc, json_build_array(json_build_object('id', i, 'v', 0)), skip_unchanged => true);
			PERFORM more.bulk_update('acc', more.rowset(ARRAY['id', 'v'], ARRAY[i], ARRAY[i]), match => 'target.id = data.id');
			PERFORM count(*) FROM more.rows_in(NULL::acc, json_build_array(json_build_object('id', i)));
			BEGIN
				PERFORM more.bulk_update('acc', json_build_array(json_build_object('id', i, 'v', 'x')));
			EXCEPTION WHEN invalid_text_representation THEN NULL;
			END;
			BEGIN
				PERFORM more.bulk_insert('acc', json_build_array(json_build_object('id', i, 'v', 1)));
			EXCEPTION WHEN unique_violation THEN NULL;
			END;
		END LOOP;
	END $$;
	SELECT sum(total_bytes) FROM pg_backend_memory_contexts;
};
my @bytes = split /\n/, $node->safe_psql('postgres', sprintf($calls, 300) . sprintf($calls, 3000));
cmp_ok($bytes[1] - $bytes[0], '<', 500_000, "memory after 300 and after 3,300 rounds: $bytes[0], $bytes[1] bytes");

$node->stop;
done_testing();
