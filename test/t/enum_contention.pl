# Rows of a batch are locked by others: more.enum_drop changes the rest, holds nothing while it waits for them, and loses nothing of either
# side. Each test waits for a state that lasts, so that nothing depends on who is faster.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sessions;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('enum_contention');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\npg_more.enum_batch = 100\nclient_min_messages = warning\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_more');

# Sends statements; finished() waits until they are done, and returns the session's errors.
sub begin
{
	my ($session, $sql) = @_;
	$session->{out} = '';
	send_to($session, "$sql\n\\echo done");
	return;
}

sub finished
{
	my ($session) = @_;
	$session->{run}->pump until $session->{out} =~ /^done$/m;
	return $session->{err};
}

sub rows
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

# What the writer does to row 150, in the middle of a batch, and what is seen of it afterwards.
my @cases = (
	[ 'writes another column', 'UPDATE t SET n = 1 WHERE id = 150', 'COMMIT', 'ok|1', 1000 ],
	[ 'writes another column, and rolls back', 'UPDATE t SET n = 1 WHERE id = 150', 'ROLLBACK', 'ok|0', 1000 ],
	[ 'writes another value', "UPDATE t SET m = 'glad' WHERE id = 150", 'COMMIT', 'glad|0', 999 ],
	[ 'deletes the row', 'DELETE FROM t WHERE id = 150', 'COMMIT', '', 999 ],
	[ 'locks the row', 'SELECT n FROM t WHERE id = 150 FOR UPDATE', 'COMMIT', 'ok|0', 1000 ]);

foreach my $index ('CREATE INDEX ON t (m)', '')
{
	foreach my $case (@cases)
	{
		my ($what, $write, $end, $row, $changed) = @$case;
		my ($writer, $change) = (open_session($node), open_session($node));

		$what .= $index ? ', with an index' : ', without an index';
		$node->safe_psql(
			'postgres', qq{
			CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad');
			CREATE TABLE t (id integer PRIMARY KEY, m mood, n integer NOT NULL DEFAULT 0);
			INSERT INTO t SELECT i, 'sad' FROM generate_series(1, 1000) AS i;
			$index;
			ANALYZE t});
		begin($writer, "BEGIN; $write;");
		is(finished($writer), '', "a writer $what");
		begin($change, "CALL more.enum_drop('mood', 'sad', 'set_value', 'ok');");
		$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM more.enum_progress WHERE step = 'wait'}) or die 'the change never waits';
		is(rows(q{SELECT string_agg(id::text, ' ') FROM t WHERE m <> 'ok'}), '150', 'all other rows are changed');
		is(rows(q{SET lock_timeout = '60s'; UPDATE t SET n = n + 10 WHERE id <> 150; UPDATE t SET n = n - 10 WHERE id <> 150; SELECT count(*) FROM t}),
			'1000', 'and others write them');
		begin($writer, "$end;");
		finished($writer);
		is(finished($change), '', 'the change ends');
		is(rows('SELECT m, n FROM t WHERE id = 150'), $row, 'the row is what both made of it');
		is(rows(q{SELECT string_agg(label, ' ' ORDER BY position) FROM more.enum_values('mood')}), 'ok glad', 'the value is gone');
		is( rows(
				q{SELECT h.state, h.rows_done, count(r.*), count(DISTINCT r.key) FROM more.enum_history AS h JOIN more.enum_change_rows AS r USING (change)
				WHERE h.change = (SELECT max(change) FROM more.enum_history) GROUP BY 1, 2}),
			"done|$changed|$changed|$changed", 'each row is recorded once');
		is(rows(q{SELECT count(*) FROM more.enum_check('mood')}), '0', 'and nothing is left');
		$_->{in} .= "\\q\n" foreach $writer, $change;
		$_->{run}->finish foreach $writer, $change;
		$node->safe_psql('postgres', 'DROP TABLE t; DROP TYPE mood');
	}
}

# The table is written anew between two batches, and is shorter then: addresses that an index had told are of blocks that are no more.
# A trigger has the first batch wait until others wait for the table.
my ($gate, $vacuum, $change) = (open_session($node), open_session($node), open_session($node));
$node->safe_psql(
	'postgres', q{
	CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad');
	CREATE TABLE t (id integer PRIMARY KEY, m mood);
	INSERT INTO t SELECT i, CASE WHEN i > 20000 THEN 'sad' ELSE 'ok' END::mood FROM generate_series(1, 21000) AS i;
	DELETE FROM t WHERE id <= 20000;
	CREATE INDEX ON t (m);
	CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN new; END';
	CREATE TRIGGER pass BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION pass()});
begin($gate, 'SELECT pg_advisory_lock(7);');
finished($gate);
begin($change, "CALL more.enum_drop('mood', 'sad', 'set_value', 'ok');");
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted}) or die 'no batch waits';
begin($vacuum, 'VACUUM FULL t;');
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE relation = 't'::regclass AND NOT granted}) or die 'VACUUM does not wait';
begin($gate, 'SELECT pg_advisory_unlock(7);');
is(finished($vacuum), '', 'a table is written anew between two batches');
is(finished($change), '', 'the change goes on');
is(rows('SELECT m, count(*) FROM t GROUP BY m'), 'ok|1000', 'and misses no row');
is( rows(
		q{SELECT h.state, h.rows_done, count(r.*), count(DISTINCT r.key) FROM more.enum_history AS h JOIN more.enum_change_rows AS r USING (change)
		WHERE h.change = (SELECT max(change) FROM more.enum_history) GROUP BY 1, 2}),
	'done|1000|1000|1000', 'each row is recorded once');
$_->{in} .= "\\q\n" foreach $gate, $vacuum, $change;
$_->{run}->finish foreach $gate, $vacuum, $change;
$node->stop;
done_testing();
