# Records of enum changes and standing policies through pg_dump and restore: by name, also where numbers differ.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('enum_dump');
$node->init;
$node->start;
my $dir = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('postgres', 'CREATE ROLE owner LOGIN; CREATE DATABASE source OWNER owner');

# A role that is no superuser. Columns move in the dump, are renamed, and one takes another's old name.
my @owner = (extra_params => [ '-U', 'owner' ]);
$node->safe_psql(
	'source', q{
	CREATE EXTENSION pg_more;
	CREATE SCHEMA "we ird";
	CREATE TYPE "we ird"."Ty""pe" AS ENUM ('a', 'b', 'größe');
	ALTER TYPE "we ird"."Ty""pe" RENAME VALUE 'a' TO 'pg_more:retired:1:a';
	CREATE TYPE gone AS ENUM ('x');
	CREATE TABLE "we ird"."Ta""ble" (id integer PRIMARY KEY, dropped text, "Co""l" "we ird"."Ty""pe", renamed_later "we ird"."Ty""pe", other "we ird"."Ty""pe");
	CREATE TABLE left_out (v "we ird"."Ty""pe");
	CREATE TABLE gone_table (v gone);
	SELECT more.enum_on_delete('"we ird"."Ta""ble"', 'Co"l', 'set_value', 'größe'), more.enum_on_delete('"we ird"."Ta""ble"', 'renamed_later', 'keep'),
		more.enum_on_delete('left_out', 'v', 'cascade'), more.enum_on_delete('gone_table', 'v', 'cascade');
	ALTER TYPE "we ird"."Ty""pe" RENAME VALUE 'größe' TO 'größer';
	ALTER TABLE "we ird"."Ta""ble" DROP dropped;
	ALTER TABLE "we ird"."Ta""ble" RENAME renamed_later TO "re""named";
	ALTER TABLE "we ird"."Ta""ble" ADD renamed_later "we ird"."Ty""pe";
	INSERT INTO more.enum_changes (type, type_name, action, arguments, state, step, step_object, rows_done, rows_total, rows_not_kept, "by", part_of, started, updated, ended) VALUES
		('"we ird"."Ty""pe"', '', 'drop', '{"label": "it''s \\"größe\\""}', 'running', 'rows', E'a\\\\b\\tc', 3, 7, 1, 'Some"one', NULL, '2026-01-01 UTC', '2026-01-02 UTC', NULL),
		('gone', '', 'add', '{}', 'done', NULL, NULL, 0, 0, 0, 'owner', NULL, '2026-01-01 UTC', '2026-01-01 UTC', '2026-01-01 UTC'),
		('"we ird"."Ty""pe"', '', 'rename', '{}', 'done', NULL, NULL, 0, 0, 0, 'owner', 1, '2026-01-03 UTC', '2026-01-03 UTC', '2026-01-03 UTC');
	INSERT INTO more.enum_change_rows (change, n, "table", "column", key, old_value, was_deleted, deleted_row) VALUES
		(1, 1, '"we ird"."Ta""ble"', 'Co"l', '{"id": 1}', 'größe', false, NULL),
		(1, 2, '"we ird"."Ta""ble"', 'Co"l', NULL, NULL, true, '{"id": 2, "Co\"l": "a"}'),
		(1, 3, 'gone_table', 'v', NULL, 'x', false, NULL), (1, 4, 'left_out', 'v', NULL, 'b', false, NULL);
	DROP TABLE gone_table;
	DROP TYPE gone;
}, @owner);

my @queries = (
	q{SELECT change, type, action, arguments, state, step, step_object, rows_done, rows_total, rows_not_kept, "by", part_of, started, updated, ended
		FROM more.enum_changes WHERE type IN (SELECT oid FROM pg_type) ORDER BY change},
	q{SELECT change, n, "table", "column", key, old_value, was_deleted, deleted_row, table_name FROM more.enum_change_rows
		WHERE "table" IN (SELECT oid FROM pg_class) AND "table"::text <> 'left_out' ORDER BY change, n},
	q{SELECT "table", "column", policy, replacement FROM more.enum_on_delete WHERE "table"::text <> 'left_out' ORDER BY "column" COLLATE "C"});
my @expected = map { $node->safe_psql('source', $_) } @queries;
is($expected[2], qq{"we ird"."Ta""ble"|Co"l|set_value|größer\n"we ird"."Ta""ble"|re"named|keep|}, 'the policies');
like($expected[0], qr/^1\|"we ird"."Ty""pe"\|drop\|.*\n3\|[^\n]*$/, 'two changes');

my %dumps = (
	plain => [],
	inserts => ['--inserts'],
	columns => [ '--column-inserts', '--rows-per-insert=2' ],
	custom => ['-Fc'],
	without => [ '-T', 'left_out' ]);
foreach my $form (sort keys %dumps)
{
	my $file = "$dir/$form";
	$node->command_ok([ 'pg_dump', '-U', 'owner', '-f', $file, @{ $dumps{$form} }, $node->connstr('source') ], "$form: dump");
	$node->safe_psql('postgres', "CREATE DATABASE $form OWNER owner");
	if ($form eq 'custom')
	{
		$node->command_ok([ 'pg_restore', '-U', 'owner', '--exit-on-error', '-d', $node->connstr($form), $file ], "$form: restore");
	}
	else
	{
		$node->command_ok([ 'psql', '-XqU', 'owner', '-v', 'ON_ERROR_STOP=1', '-f', $file, $node->connstr($form) ], "$form: restore");
	}
	is($node->safe_psql($form, $queries[$_]), $expected[$_], "$form: query $_") foreach 0 .. $#queries;
	is($node->safe_psql($form, q{SELECT count(*) FROM more.enum_policies}), $form eq 'without' ? '2' : '3', "$form: what is gone is left out");
	is( $node->safe_psql($form, q{SELECT attname FROM more.enum_policies AS p JOIN pg_attribute AS a ON attrelid = "table" AND a.attnum = p.attnum AND "column" = attname WHERE replacement <> ''}),
		'Co"l', "$form: the column's number is the new one");
	$node->safe_psql($form, q{ALTER TYPE "we ird"."Ty""pe" RENAME VALUE 'größer' TO 'again'});
	is($node->safe_psql($form, q{SELECT replacement FROM more.enum_on_delete WHERE replacement <> ''}), 'again', "$form: the replacement is a value");
	$node->safe_psql($form, q{ALTER TYPE "we ird"."Ty""pe" RENAME VALUE 'again' TO 'größer'});
	is($node->safe_psql($form, q{SELECT min(enum_range::text) FROM unnest(enum_range(NULL::"we ird"."Ty""pe")) AS enum_range WHERE enum_range::text LIKE 'pg%'}),
		'pg_more:retired:1:a', "$form: a retired value");
	is($node->safe_psql($form, q{SELECT nextval('more.enum_changes_change_seq')}), '4', "$form: numbers go on");
	is($node->safe_psql($form, q{SELECT count(*) FROM more.enum_progress}, @owner), '1', "$form: the owner sees what was running");
}

# A dump of the restored database is the same dump.
my @again = map {
	my ($text) = run_command([ 'pg_dump', '-U', 'owner', '-a', $node->connstr($_) ]);
	$text =~ s/^\\(un)?restrict .*$//mg;
	$text =~ s/^SELECT pg_catalog.setval.*$//mg;
	$text
} ('source', 'plain');
is(join("\n", sort split /\n/, $again[1]), join("\n", sort split /\n/, $again[0]), 'dumped again');

# The data alone, into a database that has the rest.
$node->safe_psql('postgres', "CREATE DATABASE data");
$node->command_ok([ 'pg_restore', '--exit-on-error', "--$_-only", '-d', $node->connstr('data'), "$dir/custom" ], "$_ alone") foreach ('schema', 'data');
is($node->safe_psql('data', $queries[$_]), $expected[$_], "... query $_") foreach 0 .. $#queries;

# A dump that began before a drop, and reads the rows while it goes on: the value keeps its label until then.
$node->safe_psql('postgres', 'CREATE DATABASE running');
$node->safe_psql('running', q{CREATE EXTENSION pg_more; CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t AS SELECT g AS id, 'sad'::mood AS m FROM generate_series(1, 100) AS g});
my ($in, $out, $call_out) = ('', '', '');
my $timer = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
my $dumper = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('running') ], '<', \$in, '>', \$out, $timer);
$in .= "BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT pg_export_snapshot();\n";
$dumper->pump until $out =~ /^(\S+)\n/;
my $snapshot = $1;
my $call = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('running'), '-c', q{CALL more.enum_drop('mood', 'sad', 'set_value', 'ok')} ], '>', \$call_out, '2>&1', $timer);
$node->poll_query_until('running', q{SELECT EXISTS (SELECT FROM more.enum_progress WHERE step = 'wait for snapshots')}) or die 'never waits';
is($node->safe_psql('running', q{SELECT count(*) FROM t WHERE m = 'ok'}), '100', 'beside a dump: the rows have been changed');
$node->safe_psql('running', q{INSERT INTO t VALUES (101, 'sad')});
$node->command_ok([ 'pg_dump', "--snapshot=$snapshot", '-f', "$dir/running", $node->connstr('running') ], 'beside a drop: dump');
$in .= "COMMIT;\n\\q\n";
$dumper->finish;
$call->finish;
unlike($call_out, qr/ERROR/, 'the drop ends after the dump');
is($node->safe_psql('running', q{SELECT string_agg(label, ','), (SELECT count(*) FROM t WHERE m = 'ok') FROM more.enum_values('mood')}), 'ok|101', '... with all rows');
$node->safe_psql('postgres', 'CREATE DATABASE was_running');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/running", $node->connstr('was_running') ], 'beside a drop: restore');
is($node->safe_psql('was_running', q{SELECT m, count(*) FROM t GROUP BY 1}), 'sad|100', 'the dump has what was there when it began');

$node->stop;
done_testing();
