# Rows that move between tables, or are copied, while more.enum_drop waits for what began before: none of them is left behind.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('enum_copied_rows');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_more');

# While the drop waits, a row with the value comes to "current", then $steal is done to it by a transaction that began after
# the wait did and ends only when the drop has looked at the rows.
sub drop_beside
{
	my ($name, $steal, $then) = @_;
	$node->safe_psql(
		'postgres', q{
		DROP TABLE IF EXISTS archive, current;
		DROP TYPE IF EXISTS mood;
		CREATE TYPE mood AS ENUM ('sad', 'ok', 'gone');
		CREATE TABLE archive (id integer PRIMARY KEY, m mood);	-- looked at before the other one
		CREATE TABLE current (id integer PRIMARY KEY, m mood);
		INSERT INTO current VALUES (1, 'sad')});
	my ($writer, $old, $thief) = map { $node->background_psql('postgres') } 1 .. 3;
	$old->query_safe(q{BEGIN; INSERT INTO current VALUES (2, 'ok')});
	$writer->query_safe(q{BEGIN; INSERT INTO current VALUES (3, 'gone')});
	my ($in, $out, $err) = ('', '', '');
	my $caller = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('postgres'), '-c', q{CALL more.enum_drop('mood', 'gone', 'set_value', 'ok')} ],
		'<', \$in, '>', \$out, '2>', \$err);
	$node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM more.enum_progress WHERE step = 'wait')});
	$writer->query_safe('COMMIT');
	$thief->query_safe($steal);
	$node->safe_psql('postgres', $then) if $then;
	my $now = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
	$old->query_safe('COMMIT');
	# it waits again, or for the thief's row; or is done too early
	$node->poll_query_until(
		'postgres', qq{
		SELECT NOT EXISTS (SELECT FROM more.enum_progress) OR
			EXISTS (SELECT FROM more.enum_progress WHERE updated > '$now' AND (step = 'wait' OR object = 'public.current.m'))});
	$thief->query_safe('COMMIT');
	$caller->finish;
	is($err, '', "$name: the value is dropped");
	is($node->safe_psql('postgres', q{SELECT string_agg(label || ' ' || state, ', ') FROM more.enum_values('mood')}), 'sad live, ok live', '... to the end');
	is($node->safe_psql('postgres', q{SELECT detail FROM more.enum_check('mood')}), '', '... and is in no row');
	is($node->safe_psql('postgres', q{SELECT id, m FROM archive}), '3|ok', '... the row having the replacement');
	$_->quit foreach $writer, $old, $thief;
}

drop_beside('a row that moves', q{BEGIN; WITH d AS (DELETE FROM current WHERE id = 3 RETURNING *) INSERT INTO archive SELECT * FROM d});
drop_beside(
	'a row that is copied, its origin deleted by others',
	q{BEGIN; INSERT INTO archive SELECT * FROM current WHERE id = 3},
	q{DELETE FROM current WHERE id = 3});
drop_beside(
	'a row that is read as text, and written',
	q{SELECT m::text AS label FROM current WHERE id = 3 \gset
	BEGIN; INSERT INTO archive VALUES (3, :'label')},
	q{DELETE FROM current WHERE id = 3});

# What was read while the drop waited cannot be written once the drop has seen such rows.
$node->safe_psql(
	'postgres', q{
	TRUNCATE archive, current;
	ALTER TYPE mood ADD VALUE 'gone';
	-- the CHECK names the value, so rows change after it was retired
	ALTER TABLE current ADD CHECK (m <> 'sad' OR m = 'gone');
	CREATE INDEX ON current (m);
	INSERT INTO current VALUES (1, 'gone')});
my ($old, $reader, $writer) = map { $node->background_psql('postgres') } 1 .. 3;
$old->query_safe(q{BEGIN; INSERT INTO archive VALUES (2, 'ok')});
my ($in, $out, $err) = ('', '', '');
my $caller = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('postgres'), '-c', q{CALL more.enum_drop('mood', 'gone', 'set_value', 'ok')} ],
	'<', \$in, '>', \$out, '2>', \$err);
$node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM more.enum_progress WHERE step = 'wait')});
my $label = $reader->query_safe('SELECT m FROM current');
like($label, qr/^pg_more:retired:1:gone$/, 'a reader sees the reserved label');
# keeps the drop from going past the next wait
$writer->query_safe(q{BEGIN; INSERT INTO archive VALUES (3, 'ok')});
$old->query_safe('COMMIT');
$node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM more.enum_values('mood') WHERE label = 'pg_more:retired:2:gone')});
my (undef, undef, $refusal) = $node->psql('postgres', "INSERT INTO archive VALUES (4, '$label')");
like($refusal, qr/invalid input value for enum mood: "pg_more:retired:1:gone"/, '... which nobody can write later');
$writer->query_safe('COMMIT');
$caller->finish;
is($node->safe_psql('postgres', q{SELECT string_agg(label, ', ') FROM more.enum_values('mood')}), 'sad, ok', 'the value is dropped');
is($node->safe_psql('postgres', q{SELECT id, m FROM current}), '1|ok', '... and replaced');
is($node->safe_psql('postgres', q{SELECT change FROM more.enum_history WHERE state <> 'done'}), '', '... and nothing is left to do');
$_->quit foreach $old, $reader, $writer;

$node->stop;
done_testing();
