# A value of an enum is dropped while another session has it in hand, at each step: nothing of it is left, nothing is lost.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('enum_drop');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nmax_prepared_transactions = 5\nautovacuum = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_more; CREATE SCHEMA checks; CREATE EXTENSION amcheck SCHEMA checks;');

# A session that statements can be sent to: ask() waits for the answer, begin() does not, answer() waits for what was begun.
sub session
{
	my $self = { in => '', out => '', n => 0 };
	$self->{timer} = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default * 3);
	$self->{run} = IPC::Run::start([ 'psql', '-XqAt', '-v', 'VERBOSITY=terse', '-d', $node->connstr('postgres') ],
		'<', \$self->{in}, '>', \$self->{out}, '2>&1', $self->{timer});
	return $self;
}

sub begin
{
	my ($self, $sql) = @_;
	$self->{n}++;
	$self->{out} = '';
	$self->{in} .= "$sql;\n\\echo answer $self->{n}\n";
	$self->{run}->pump_nb;
}

sub answer
{
	my ($self) = @_;
	$self->{run}->pump until $self->{out} =~ /^answer $self->{n}$/m;
	return $self->{out} =~ s/\n?^answer $self->{n}\n$//mr =~ s/^(NOTICE|WARNING):.*\n?//mgr =~ s/\n$//r;
}

sub ask
{
	begin(@_);
	return answer($_[0]);
}

sub quit { my ($self) = @_; $self->{in} .= "\\q\n"; $self->{run}->finish; }

# Waits until the drop is at that step.
sub reached
{
	my ($step) = @_;
	$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM more.enum_progress WHERE step = '$step' AND pid IS NOT NULL)")
	  or die "the drop does not come to step $step";
}

my ($drop, $other, $third);

# A new world for each scenario.
sub scenario
{
	$_->{in} .= "ROLLBACK; DISCARD ALL;\n" foreach grep { defined } ($other, $third);
	defined && ask($_, 'SELECT 1') foreach ($other, $third);
	$drop //= session();
	$other //= session();
	$third //= session();
	$node->safe_psql('postgres', q{
		DROP SCHEMA IF EXISTS public CASCADE;
		CREATE SCHEMA public;
		CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
		ALTER TYPE mood ADD VALUE 'odd' BEFORE 'ok';
		CREATE TABLE t (id serial PRIMARY KEY, m mood, note text);
		CREATE INDEX by_mood ON t (m);
		INSERT INTO t (m) SELECT CASE WHEN i % 2 = 0 THEN 'ok' ELSE 'happy' END::mood FROM generate_series(1, 20) AS i;
	});
}

# What must hold once the value is gone, wherever it was.
sub gone
{
	my ($label, $name) = @_;
	is($node->safe_psql('postgres', "SELECT string_agg(label || ' ' || state, ', ' ORDER BY position) FROM more.enum_values('mood')"),
		$label eq 'sad' ? 'odd live, ok live, happy live' : 'sad live, ok live, happy live', "$name: the value is gone");
	is($node->safe_psql('postgres', q{SET enable_indexscan = off; SET enable_bitmapscan = off; SELECT count(m::text) FROM t}),
		$node->safe_psql('postgres', q{SET enable_seqscan = off; SELECT count(*) FROM t WHERE m >= 'ok' OR m < 'ok'}), "$name: table and index agree");
	is($node->safe_psql('postgres', q{SELECT checks.bt_index_parent_check('by_mood', true, true)}), '', "$name: amcheck is content");
	# a value at an odd place makes every comparison look at the catalog
	is($node->psql('postgres', q{ALTER TYPE mood ADD VALUE 'later' AFTER 'ok'}), 0, "$name: ADD VALUE");
	is($node->psql('postgres', q{INSERT INTO t (m) SELECT 'later' FROM generate_series(1, 5); SELECT count(m) FROM t WHERE m >= 'later'; VACUUM ANALYZE t; SELECT * FROM pg_stats WHERE tablename = 't'}),
		0, "$name: an odd value added later");
	is($node->safe_psql('postgres', q{SELECT checks.bt_index_parent_check('by_mood', true, true)}), '', "$name: amcheck is still content");
}

my $call = "CALL more.enum_drop('mood', 'odd', 'set_value', 'happy');";
# enum_drop itself does not retire the value while somebody has a snapshot
my $in_two = "SELECT more.enum_retire('mood', 'odd', 'set_value', 'happy') AS change \\gset\nCALL more.enum_purge('mood')";

# --- a bound parameter that waits for the table's lock ---
foreach my $end ('COMMIT', 'ROLLBACK')
{
	scenario();
	ask($other, "PREPARE put(mood) AS INSERT INTO t (m, note) VALUES (\$1, 'bound')");
	ask($third, 'BEGIN; LOCK TABLE t IN SHARE MODE');
	begin($other, "BEGIN; EXECUTE put('odd');");
	$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 't'::regclass)");
	begin($drop, $in_two);
	reached('wait');
	is($node->psql('postgres', "SELECT 'odd'::mood"), 3, "a parameter, $end: nobody else can write the value any more");
	ask($third, 'COMMIT');
	is(answer($other), '', "a parameter, $end: what was bound is written");
	ask($other, $end);
	is(answer($drop), '', "a parameter, $end: the drop succeeds");
	is($node->safe_psql('postgres', "SELECT m FROM t WHERE note = 'bound'"), $end eq 'COMMIT' ? 'happy' : '', "a parameter, $end: its row");
	gone('odd', "a parameter, $end");
}

# --- rows that are written, and not committed ---
foreach my $statement ("INSERT INTO t (m, note) VALUES ('odd', 'mine')", "UPDATE t SET m = 'odd', note = 'mine' WHERE id = 1",
	"INSERT INTO t (m, note) VALUES ('odd', 'mine'); SAVEPOINT s; UPDATE t SET note = 'mine' WHERE m = 'odd'; RELEASE s")
{
	my $name = $statement =~ s/\W+/ /gr;
	scenario();
	ask($other, "BEGIN; $statement;");
	begin($drop, $call);
	reached('wait');
	ask($other, 'COMMIT');
	is(answer($drop), '', "$name: the drop succeeds");
	is($node->safe_psql('postgres', "SELECT m FROM t WHERE note = 'mine'"), 'happy', "$name: its row has the replacement");
	gone('odd', $name);
}

# --- rows that somebody else has locked: changed in another column, moved away, deleted ---
foreach my $case ([ "UPDATE t SET note = 'mine' WHERE id = 100", 'happy|mine' ], [ "UPDATE t SET m = 'sad' WHERE id = 100", 'sad|' ],
	[ "DELETE FROM t WHERE id = 100", '' ], [ "UPDATE t SET id = 1000 WHERE id = 101", 'happy|' ])
{
	my ($statement, $expected) = @$case;
	foreach my $end ('COMMIT', 'ROLLBACK')
	{
		my $name = "$statement, $end";
		scenario();
		$node->safe_psql('postgres', "INSERT INTO t (id, m) VALUES (100, 'odd'), (101, 'odd'), (102, 'odd')");
		ask($other, "BEGIN; $statement;");
		begin($drop, $call);
		reached('wait');
		ask($other, $end);
		is(answer($drop), '', "$name: the drop succeeds");
		is($node->safe_psql('postgres', "SELECT m, note FROM t WHERE id = 100"), $end eq 'COMMIT' ? $expected : 'happy|', "$name: the row is as both have it");
		is($node->safe_psql('postgres', "SELECT count(*) FROM t WHERE m = 'happy' AND id > 100"), '2', "$name: the others, too");
		gone('odd', $name);
	}
}

# --- protect: rows that come meanwhile get their label back ---
scenario();
ask($other, "BEGIN; INSERT INTO t (m, note) VALUES ('odd', 'mine')");
begin($drop, "CALL more.enum_drop('mood', 'odd');");
reached('wait');
ask($other, 'COMMIT');
like(answer($drop), qr/^ERROR:  cannot drop value "odd" of enum mood because rows hold it$/, 'protect: refused after all');
is($node->safe_psql('postgres', "SELECT m FROM t WHERE note = 'mine'"), 'odd', 'protect: the row is as it was written');
is($node->psql('postgres', "INSERT INTO t (m) VALUES ('odd')"), 0, 'protect: the label is back');
is($node->safe_psql('postgres', 'SELECT state FROM more.enum_history ORDER BY change DESC LIMIT 1'), 'failed', 'protect: the record says so');
is(ask($drop, $call), '', 'protect: under another policy it goes');
gone('odd', 'protect');

# --- readers with old snapshots ---
foreach my $level ('REPEATABLE READ', 'SERIALIZABLE')
{
	scenario();
	$node->safe_psql('postgres', "INSERT INTO t (id, m) VALUES (100, 'odd'), (101, 'odd')");
	ask($other, "SET enable_seqscan = off; BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM t;");
	begin($drop, $in_two);
	reached('wait');
	is(ask($other, "SELECT count(*), count(m > 'ok') FROM t"), '22|22', "$level: an old snapshot's rows can be read");
	is(ask($other, "SELECT m < 'ok' FROM t WHERE id = 100"), 't', "$level: ... and compared");
	is(ask($other, "SELECT count(*) FROM t WHERE m < 'ok'"), '2', "$level: ... and found by the index");
	like(ask($other, "UPDATE t SET note = 'x' WHERE id = 100"), qr/^ERROR:  could not serialize access/, "$level: not written over");
	ask($other, 'ROLLBACK');
	is(answer($drop), '', "$level: the drop succeeds");
	gone('odd', $level);
}

# --- a transaction that read the value copies it afterwards ---
scenario();
$node->safe_psql('postgres', "INSERT INTO t (id, m) VALUES (100, 'odd')");
ask($other, q{BEGIN ISOLATION LEVEL REPEATABLE READ; DECLARE c CURSOR FOR SELECT m FROM t WHERE id = 100; CREATE TABLE copy (m mood); MOVE 0 FROM c;});
begin($drop, $in_two);
reached('wait');
is(ask($other, 'INSERT INTO copy SELECT m FROM t WHERE id = 100; INSERT INTO t (id, m) SELECT 200, m FROM copy; COMMIT;'), '', 'a copy is written');
is(answer($drop), '', 'a copy: the drop succeeds');
is($node->safe_psql('postgres', 'SELECT m FROM copy UNION ALL SELECT m FROM t WHERE id = 200'), "happy\nhappy", 'a copy: it has the replacement, in a table made meanwhile, too');
gone('odd', 'a copy');

# --- prepared statements, functions, and a procedure that commits ---
scenario();
$node->safe_psql('postgres', q{
	CREATE FUNCTION put() RETURNS void LANGUAGE plpgsql AS $$ DECLARE v mood := 'odd'; BEGIN INSERT INTO t (m) VALUES (v); END $$;
	CREATE PROCEDURE slowly() LANGUAGE plpgsql AS $$ DECLARE v mood := 'odd'; BEGIN
		COMMIT;
		WHILE NOT EXISTS (SELECT FROM more.enum_progress WHERE step = 'wait') LOOP PERFORM pg_sleep(0.01); COMMIT; END LOOP;
		INSERT INTO t (id, m) VALUES (300, v);
	END $$;
});
ask($other, q{SET plan_cache_mode = force_generic_plan; PREPARE put AS INSERT INTO t (m) VALUES ('odd'); EXECUTE put; SELECT put();});
begin($third, 'CALL slowly();');
begin($drop, $call);
is(answer($third), '', 'a procedure writes from a variable, after all');
is(answer($drop), '', 'a procedure: the drop succeeds');
is($node->safe_psql('postgres', 'SELECT m FROM t WHERE id = 300'), 'happy', 'a procedure: its row has the replacement');
like(ask($other, 'EXECUTE put;'), qr/^ERROR:  invalid input value for enum mood: "odd"/, 'a prepared statement is planned anew');
like(ask($other, 'SELECT put();'), qr/^ERROR:  invalid input value for enum mood: "odd"/, 'a cached expression, too');
gone('odd', 'plans');

# --- a prepared transaction that comes after the look ---
scenario();
ask($other, "BEGIN; INSERT INTO t (m, note) VALUES ('odd', 'mine')");
begin($drop, $call);
reached('wait');
ask($other, "PREPARE TRANSACTION 'later'");
sleep 1;
is($node->safe_psql('postgres', "SELECT step FROM more.enum_progress"), 'wait', 'a prepared transaction is waited for');
$node->safe_psql('postgres', "COMMIT PREPARED 'later'");
is(answer($drop), '', 'a prepared transaction: the drop succeeds');
is($node->safe_psql('postgres', "SELECT m FROM t WHERE note = 'mine'"), 'happy', 'a prepared transaction: its row has the replacement');
gone('odd', 'a prepared transaction');

# --- another session's temporary table, made meanwhile ---
scenario();
$node->safe_psql('postgres', "INSERT INTO t (id, m) VALUES (100, 'odd')");
ask($other, "BEGIN; CREATE TEMP TABLE mine AS SELECT m FROM t;");
begin($drop, $call);
reached('wait');
ask($other, 'COMMIT');
like(answer($drop), qr/^ERROR:  a temporary table of another session uses enum mood/, 'a temporary table: the drop cannot look there');
is(ask($other, "SELECT count(m::text) FROM mine"), '21', 'a temporary table: it can be read');
is(ask($other, 'DROP TABLE mine'), '', 'a temporary table is dropped');
is(ask($drop, $call), '', 'a temporary table: calling again goes on');
gone('odd', 'a temporary table');

# --- cancelled while it waits: the type works, and restore undoes, or another call finishes ---
foreach my $way ('finish', 'purge', 'restore', 'restore in a transaction that is rolled back')
{
	scenario();
	$node->safe_psql('postgres', "INSERT INTO t (id, m) VALUES (100, 'odd'), (101, 'odd')");
	ask($other, 'BEGIN; SELECT count(*) FROM t; INSERT INTO t (note) VALUES (NULL)');
	begin($drop, $call);
	reached('wait');
	$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM more.enum_progress");
	like(answer($drop), qr/^ERROR:  canceling statement due to user request/, "$way: cancelled");
	ask($other, 'COMMIT');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), '0', "$way: the lock is gone");
	is($node->psql('postgres', "INSERT INTO t (m) VALUES ('ok')"), 0, "$way: the type works");
	if ($way eq 'restore')
	{
		is($node->safe_psql('postgres', "SELECT more.enum_restore('mood', 'odd')"), '2', "$way: its rows are back");
		is($node->safe_psql('postgres', "SELECT id FROM t WHERE m = 'odd' ORDER BY id"), "100\n101", "$way: just these");
		is($node->safe_psql('postgres', 'SELECT state FROM more.enum_history ORDER BY change DESC LIMIT 1'), 'undone', "$way: the record");
		next;
	}
	$node->safe_psql('postgres', "BEGIN; SELECT more.enum_restore('mood', 'odd'); ROLLBACK;") if $way =~ /rolled back/;
	is(ask($drop, $way eq 'purge' ? "CALL more.enum_purge('mood');" : "CALL more.enum_drop('mood', 'odd');"), '', "$way: done");
	is($node->safe_psql('postgres', "SELECT DISTINCT state FROM more.enum_history WHERE type = 'mood'::regtype"), 'done', "$way: one record, done");
	is($node->safe_psql('postgres', "SELECT m FROM t WHERE id IN (100, 101)"), "happy\nhappy", "$way: the rows have the replacement");
	gone('odd', $way);
}

# --- beside writers that never stop ---
scenario();
$node->safe_psql('postgres', q{INSERT INTO t (m) SELECT 'odd' FROM generate_series(1, 3000)});
ask($drop, 'SET pg_more.enum_batch = 100');
my $file = PostgreSQL::Test::Utils::tempdir() . '/writer.sql';
append_to_file($file, q{\set id random(1, 3000)
BEGIN;
UPDATE t SET note = coalesce(note, '') || 'x' WHERE id = :id;
INSERT INTO t (m) SELECT m FROM t WHERE id = :id;
DELETE FROM t WHERE id = 3020 + :id;
COMMIT;
});
my $bench = IPC::Run::start([ 'pgbench', '-n', '-c', '3', '-T', '5', '-f', $file, '-h', $node->host, '-p', $node->port, 'postgres' ],
	'>', \my $benched, '2>', \my $errors);
sleep 1;
is(ask($drop, $call), '', 'beside writers: the drop succeeds');
$bench->finish;
is($errors =~ /ERROR|aborted/ ? $errors : '', '', 'beside writers: none of them failed');
is($node->safe_psql('postgres', q{SELECT count(*) FROM t WHERE id <= 3020}), '3020', 'beside writers: no row was lost');
gone('odd', 'beside writers');

quit($_) foreach ($drop, $other, $third);
$node->stop;
done_testing();
