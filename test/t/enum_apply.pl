# enum_apply among others: one change of a type at a time, seen by all; ended or killed on its way, it goes on when called again.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('enum_apply');
$node->init(allows_streaming => 1);
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'gone');
	CREATE TABLE t (id integer PRIMARY KEY, m mood NOT NULL);
	INSERT INTO t SELECT i, (enum_range(NULL::mood))[1 + i % 4] FROM generate_series(1, 4000) AS i;
	CREATE INDEX ON t (m);
	CREATE TYPE other AS ENUM ('x');
	-- the writer of the first row waits for whoever has the advisory lock
	CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN new; END $$;
	CREATE TRIGGER pause BEFORE UPDATE ON t FOR EACH ROW WHEN (old.id = 3) EXECUTE FUNCTION pause();
});
my $call = q{CALL more.enum_apply('mood', '{great,ok,unhappy,new}', '{"sad": "unhappy", "happy": "great"}', 'set_value', 'ok')};
my $progress = q{SELECT action, step, rows_done > 0, pid IS NOT NULL FROM more.enum_progress ORDER BY change};

# Holds the advisory lock, and calls in the background until the drop waits for it.
sub call_and_wait
{
	my $holder = $node->background_psql('postgres');
	$holder->query_safe('SELECT pg_advisory_lock(1)');
	my ($in, $out, $err) = ('', '', '');
	my $caller = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('postgres'), '-c', $call ], '<', \$in, '>', \$out, '2>', \$err);
	$node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE 'CALL%')});
	return ($holder, $caller, \$err);
}

my ($holder, $caller, $error) = call_and_wait();
is($node->safe_psql('postgres', $progress), "apply|drop|f|t\ndrop|migrate|f|t", 'the change and its part are seen');
is($node->safe_psql('postgres', q{SELECT enum_range(NULL::mood)}), '{unhappy,ok,great,gone}', 'the renames are done');
foreach my $other ($call, q{CALL more.enum_drop('mood', 'gone', 'set_value', 'ok')}, q{SELECT more.enum_retire('mood', 'gone', 'set_value', 'ok')})
{
	my ($status, undef, $refusal) = $node->psql('postgres', $other);
	like($refusal, qr/ERROR:  another session is changing the values of type mood\nDETAIL:  Change \d+ \((apply|drop)\) is at step/, "refused: $other");
}
is($node->safe_psql('postgres', q{CALL more.enum_apply('other', '{x,y}'); SELECT enum_range(NULL::other)}), '{x,y}', 'another type is free');
is($node->safe_psql('postgres', q{SELECT string_agg(action, ', ' ORDER BY step) FROM more.enum_plan('mood', '{great,ok,unhappy,new}', '{"sad": "unhappy", "happy": "great"}', 'set_value', 'ok')}),
	'drop, reorder, add', 'the plan is free to look');

# ended by a signal
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM more.enum_progress LIMIT 1});
$caller->finish;
like($$error, qr/terminating connection/, 'the session is ended');
is($node->safe_psql('postgres', $progress), "apply|drop|f|f\ndrop|migrate|f|f", 'nobody is at work');
is($node->safe_psql('postgres', q{SELECT m, count(*) FROM t GROUP BY m ORDER BY m}), "unhappy|1000\nok|1000\ngreat|1000\ngone|1000", 'the rows are those of before');
$holder->quit;

# killed with the server, after some batches
$node->safe_psql('postgres', q{CREATE OR REPLACE TRIGGER pause BEFORE UPDATE ON t FOR EACH ROW WHEN (old.id = 3003) EXECUTE FUNCTION pause()});
$node->safe_psql('postgres', q{LOAD 'pg_more'; ALTER DATABASE postgres SET pg_more.enum_batch = 100});
($holder, $caller, $error) = call_and_wait();
is($node->safe_psql('postgres', $progress), "apply|drop|f|t\ndrop|migrate|t|t", 'it goes on where it was');
$node->stop('immediate');
$caller->finish;
$holder->{run}->kill_kill;
$node->start;
is($node->safe_psql('postgres', $progress), "apply|drop|f|f\ndrop|migrate|t|f", 'after a crash, the records tell where it is');
is($node->safe_psql('postgres', q{SELECT count(*) FROM t WHERE m IN ('gone', 'ok')}), '2000', 'the rows have one value or the other');
$node->safe_psql('postgres', $call);
is($node->safe_psql('postgres', q{SELECT m, count(*) FROM t GROUP BY m ORDER BY m}), "great|1000\nok|2000\nunhappy|1000", 'called again, it is done');
is($node->safe_psql('postgres', q{SELECT label, state FROM more.enum_values('mood')}), "great|live\nok|live\nunhappy|live\nnew|live", '... to the end');
is($node->safe_psql('postgres', $progress), '', '... and nothing runs');
is($node->safe_psql('postgres', q{SELECT action, state, count(*), sum(rows_kept) FROM more.enum_history WHERE type = 'mood'::regtype AND action IN ('apply', 'drop', 'rename') GROUP BY action, state ORDER BY action}),
	"apply|done|1|0\ndrop|done|1|1000\nrename|done|2|0", '... as one change with its parts, every row kept once');

# A standby plans, too.
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('enum_standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT action, rows FROM more.enum_plan('mood', '{great,ok,new}', on_delete => 'cascade')}), 'drop|1000', 'a standby plans');
my ($status, undef, $refusal) = $standby->psql('postgres', q{CALL more.enum_apply('mood', '{great,ok,new}', on_delete => 'cascade')});
like($refusal, qr/ERROR:  .*(read-only transaction|during recovery)/, '... but does nothing');
$standby->stop;

# All from before in one: the undo of the whole, in the session that has done it.
is( $node->safe_psql(
		'postgres', q{
	SELECT max(change) AS change FROM more.enum_history WHERE action = 'apply' AND type = 'mood'::regtype \gset
	CALL more.enum_undo(:change);
	SELECT m, count(*) FROM t GROUP BY m ORDER BY m;}),
	"sad|1000\nok|1000\nhappy|1000\ngone|1000", 'undone, with the rows');

$node->stop;
done_testing();
