# pg_dump and restore, COPY in text and binary, and a database owner who is no superuser.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init;
$node->start;
my $dir = PostgreSQL::Test::Utils::tempdir();

$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE TABLE kept (id integer PRIMARY KEY, d more.rowset DEFAULT '[{"a":1}]', many more.rowset[]);
	INSERT INTO kept (id) VALUES (1);
	INSERT INTO kept VALUES (2, '[{"a":"q\"\\\u00e4"},{"b":null},{}]', ARRAY['[]', '{"x":[1,2]}']::more.rowset[]);
	INSERT INTO kept VALUES (3, more.rowset(ARRAY['t', 'j', 'n', 'd', 'b', 'arr'], ARRAY['{"a":1}'], ARRAY['{"a": 1}'::jsonb], ARRAY[1.50], ARRAY['2024-02-29'::date], ARRAY['\x00ff'::bytea], ARRAY[['x', 'y']]));
	INSERT INTO kept SELECT 4, json_agg(json_build_object('id', g, 'v', md5(g::text))) FROM generate_series(1, 5000) AS g;
	INSERT INTO kept VALUES (5, NULL);
	CREATE TABLE acc (id integer PRIMARY KEY, t text);
	CREATE FUNCTION put(d more.rowset) RETURNS bigint LANGUAGE sql AS $$SELECT more.bulk_upsert('acc', d)$$;
	CREATE VIEW found AS SELECT * FROM more.rows_in(NULL::acc, '[{"id":1}]');
	CREATE TYPE mood AS ENUM ('sad', 'ok');
	CREATE TABLE gone (m mood, t text);
	CREATE TABLE asked (id integer PRIMARY KEY, q more.query DEFAULT 'TABLE acc');
	INSERT INTO asked (id) VALUES (1);
	INSERT INTO asked VALUES (2, more.filter(more.from_table('acc'), 't = $t AND id < $id', jsonb_build_object('t', chr(92) || chr(39) || chr(228) || '$1 --', 'id', 5))),
		(3, more.exclude(more.literal('[{"m": "sad", "t": "a\"b"}, {"t": null}]', 'gone'), '{"t": "x"}')),
		(4, replace('WITH x AS (SELECT 1) SELECT E''a|nb'', $x$|$x$, ''c|d'' FROM x ORDER BY 1 LIMIT 2', '|', chr(92))::more.query),
		(5, 'DELETE FROM nowhere RETURNING *'), (6, NULL);
	DROP TABLE gone;
});
my $query = 'SELECT id, md5(d::text), md5(many::text) FROM kept ORDER BY id';
my $expected = $node->safe_psql('postgres', $query);
my $queries = 'SELECT id, q, more.parts(q) FROM asked ORDER BY id';
my $asked = $node->safe_psql('postgres', $queries);

foreach my $format ('plain', 'custom')
{
	my $file = "$dir/dump.$format";
	$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr('postgres') ], "$format: dump") if $format eq 'custom';
	$node->command_ok([ 'pg_dump', '-f', $file, $node->connstr('postgres') ], "$format: dump") if $format eq 'plain';
	$node->safe_psql('postgres', "CREATE DATABASE $format");
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr($format), $file ], "$format: restore") if $format eq 'custom';
	$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $file, $node->connstr($format) ], "$format: restore") if $format eq 'plain';
	is($node->safe_psql($format, $query), $expected, "$format: the rowsets are what they were");
	is($node->safe_psql($format, $queries), $asked, "$format: so are the queries");
	is($node->safe_psql($format, q{SELECT put('[{"id":1,"t":"x"}]'); SELECT * FROM found}), "1\n1|x", "$format: functions and views work");
	is($node->safe_psql($format, q{INSERT INTO kept (id) VALUES (6) RETURNING d}), '[{"a":1}]', "$format: the default too");
}

foreach my $format ('text', 'csv', 'binary')
{
	$node->safe_psql(
		'postgres', qq{
		COPY kept TO '$dir/copy.$format' (FORMAT $format);
		CREATE TABLE copy_$format (LIKE kept);
		COPY copy_$format FROM '$dir/copy.$format' (FORMAT $format);
	});
	(my $same = $query) =~ s/FROM kept/FROM copy_$format/;
	is($node->safe_psql('postgres', $same), $expected, "COPY in $format");
}
# Servers after 18 know one way to read strings only.
my $two_ways = $node->psql('postgres', 'SET standard_conforming_strings = off') == 0;
my $setting = $two_ways ? 'SET standard_conforming_strings = off; SET escape_string_warning = off;' : '';
foreach my $format ('text', 'csv', 'binary')
{
	$node->safe_psql(
		'postgres', qq{
		COPY asked TO '$dir/asked.$format' (FORMAT $format);
		CREATE TABLE asked_$format (LIKE asked);
		$setting
		COPY asked_$format FROM '$dir/asked.$format' (FORMAT $format);
	});
	(my $same = $queries) =~ s/FROM asked/FROM asked_$format/;
	is($node->safe_psql('postgres', $same), $asked, "COPY of queries in $format" . ($two_ways ? ', read under another setting for strings' : ''));
}
# binary input that is none
my $image = slurp_file("$dir/copy.binary");
$image =~ s/\x01(\[\{"a":1\}\])/\x02$1/ or die 'the image is not as expected';
append_to_file("$dir/bad.binary", $image);
my ($status, undef, $error) = $node->psql('postgres', "COPY copy_binary FROM '$dir/bad.binary' (FORMAT binary)");
like($error, qr/ERROR:  unsupported rowset version number 2/, 'an unknown binary version is refused');

# The owner of a database, who is no superuser, can install, use, dump and drop it.
$node->safe_psql('postgres', 'CREATE ROLE owner LOGIN; CREATE ROLE other LOGIN; CREATE DATABASE owned OWNER owner');
is( $node->safe_psql(
		'owned', q{CREATE EXTENSION pg_more; CREATE TABLE t (id integer PRIMARY KEY, v text); SELECT more.bulk_upsert('t', '[{"id":1,"v":"a"}]')},
		extra_params => [ '-U', 'owner' ]),
	'1', 'a database owner installs and uses it');
($status, undef, $error) = $node->psql('owned', q{SELECT more.bulk_upsert('t', '[{"id":1,"v":"a"}]')}, extra_params => [ '-U', 'other' ]);
like($error, qr/permission denied for table t/, 'another role may call it, with its own rights');
($status, undef, $error) = $node->psql('owned', 'DROP EXTENSION pg_more', extra_params => [ '-U', 'other' ]);
like($error, qr/must be owner of extension pg_more/, '... but not drop it');
$node->command_ok([ 'pg_dump', '-f', "$dir/owned", '-U', 'owner', $node->connstr('owned') ], 'the owner dumps it');
$node->safe_psql('postgres', 'CREATE DATABASE owned_again OWNER owner');
$node->command_ok([ 'psql', '-Xq', '-U', 'owner', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/owned", $node->connstr('owned_again') ], '... and restores it');
is($node->safe_psql('owned_again', 'SELECT * FROM t', extra_params => [ '-U', 'owner' ]), '1|a', '... with the data');
$node->safe_psql('owned', 'DROP EXTENSION pg_more', extra_params => [ '-U', 'owner' ]);
pass('... and drops it');

$node->stop;
done_testing();
