# Databases in other encodings than UTF8: JSON escapes become the characters of the encoding, or a clear error.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('encoding');
$node->init;
$node->start;

foreach my $encoding ('LATIN1', 'EUC_JP', 'SQL_ASCII')
{
	my $name = lc $encoding;
	$node->safe_psql('postgres', "CREATE DATABASE $name ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	$node->safe_psql($name, 'CREATE EXTENSION pg_more; CREATE TABLE acc (id integer PRIMARY KEY, v text, j json)');
	is( $node->safe_psql($name, q{SELECT more.bulk_upsert('acc', '[{"id":1,"v":"plain \u0041 \"\\\\"}]'); SELECT v FROM acc}), qq{1\nplain A "\\}, "$encoding: plain text");
	my ($status, undef, $error) = $node->psql($name, q{SELECT more.bulk_update('acc', '[{"id":1,"v":"no"},{"id":2,"v":"\ud83d\ude00"}]')});
	like($error, qr/ERROR:  .*(has no equivalent in encoding|is not supported|unsupported Unicode escape sequence for a rowset at line 1, character 32)/, "$encoding: a character that it lacks is an error");
	is($node->safe_psql($name, 'SELECT v FROM acc'), 'plain A "\\', "$encoding: ... and nothing changed");
	next if $encoding eq 'SQL_ASCII';
	is( $node->safe_psql($name, q{SET client_encoding = 'UTF8'; SELECT more.bulk_update('acc', '[{"id":1,"v":"\u00e4\u00f6"}]'); SELECT v, more.rowset(json_build_array(json_build_object('v', v))) FROM acc}),
		qq{1\n\xc3\xa4\xc3\xb6|[{"v":"\xc3\xa4\xc3\xb6"}]}, "$encoding: characters that it has");
	is( $node->safe_psql($name, q{SET client_encoding = 'UTF8'; SELECT count(*) FROM more.rows_in(NULL::acc, U&'[{"v":"\00e4\00f6"}]', key => '{v}')}),
		'1', "$encoding: found as a key");
}

$node->stop;
done_testing();
