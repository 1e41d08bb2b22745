# The server is killed (kill -9) at each step of more.enum_drop and more.enum_reorder, and started again: the type works, and both
# ways out succeed, the same call again and undoing. Each step is held by a lock, so that nothing depends on who is faster.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sessions;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('enum_crash');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\npg_more.enum_batch = 20\nsession_preload_libraries = 'pg_more'\n");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE EXTENSION amcheck;
	-- who comes here while a change is at that step waits for the step's lock, if somebody holds it
	CREATE FUNCTION gate(at text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF EXISTS (SELECT FROM more.enum_changes WHERE state = 'running' AND step = at) THEN
			PERFORM pg_advisory_xact_lock(hashtext(at));
		END IF;
	END $$;
	CREATE FUNCTION gate_row() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF new.id > 50 THEN
			PERFORM public.gate('migrate');
			PERFORM public.gate('look again');
		END IF;
		RETURN new;
	END $$;
});

# --- sessions ---

my @open;

# A session that stays.
sub session
{
	my ($name) = @_;
	push @open, open_session($node, $name);
	return $open[-1];
}

# A session that keeps others from passing the gate at a step.
sub close_gate
{
	my ($step) = @_;
	my $session = session('gate');
	ask($session, "SELECT pg_advisory_lock(hashtext('$step'));");
	return $session;
}

# Kills the server with all that belongs to it, and starts it again.
sub kill_and_start
{
	my $postmaster = $node->{_pid};
	my @all = ($postmaster, split /\n/, `pgrep -P $postmaster`);
	kill 'KILL', @all;
	foreach my $pid (@all) { usleep 10_000 while kill 0, $pid; }
	$_->{run}->kill_kill foreach @open;
	@open = ();
	$node->{_pid} = undef;
	$node->start;
	return;
}

# Waits until the change is at the step, and, if need be, its process waits for a lock.
sub wait_for_step
{
	my ($step, $lock) = @_;
	my $condition = $lock ? "AND EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.application_name = 'change' AND a.wait_event = '$lock')" : '';
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM more.enum_changes WHERE state = 'running' AND step = '$step' $condition")
	  or die join("\n", "never at step $step; the sessions say:", map { $_->{run}->pump_nb; "$_->{out}$_->{err}" } @open);
	return;
}

# --- what is changed ---

my $number = 0;

# A type and two tables that use it, anew for each test.
sub set_up
{
	my $n = ++$number;
	$node->safe_psql(
		'postgres', qq{
		CREATE SCHEMA s$n;
		CREATE TYPE s$n.mood AS ENUM ('sad', 'ok', 'glad', 'mad');
		ALTER TYPE s$n.mood ADD VALUE 'odd' BEFORE 'glad';
		CREATE FUNCTION s$n.gated(s$n.mood) RETURNS s$n.mood LANGUAGE plpgsql IMMUTABLE AS \$\$
		BEGIN
			PERFORM public.gate('rebuild index');
			PERFORM public.gate('statistics');
			RETURN \$1;
		END \$\$;
		CREATE TABLE s$n.t (id integer PRIMARY KEY, m s$n.mood DEFAULT 'ok', ms s$n.mood[]) WITH (autovacuum_enabled = off);
		INSERT INTO s$n.t SELECT g, (ARRAY['sad', 'ok', 'odd', 'glad', 'mad']::s$n.mood[])[1 + g % 5], ARRAY['ok', 'mad']::s$n.mood[]
			FROM generate_series(1, 200) AS g;
		ALTER TABLE s$n.t ADD late s$n.mood DEFAULT 'ok';
		CREATE INDEX i_m ON s$n.t (m);
		CREATE INDEX i_gated ON s$n.t ((ARRAY[s$n.gated(m)]));
		CREATE INDEX i_ms ON s$n.t USING gin (ms);
		CREATE VIEW s$n.v AS SELECT * FROM s$n.t WHERE m = 'ok';
		CREATE TRIGGER gate BEFORE UPDATE ON s$n.t FOR EACH ROW EXECUTE FUNCTION gate_row();
		-- nothing here names a value, so rows can be migrated early
		CREATE TABLE s$n.plain (id integer PRIMARY KEY, m s$n.mood) WITH (autovacuum_enabled = off);
		INSERT INTO s$n.plain SELECT id, m FROM s$n.t;
		CREATE INDEX i_plain ON s$n.plain (m, id);
		CREATE TRIGGER gate BEFORE UPDATE ON s$n.plain FOR EACH ROW EXECUTE FUNCTION gate_row();
		ANALYZE s$n.t, s$n.plain;
	});
	return "s$n";
}

# Runs statements that must succeed.
sub succeeds
{
	my ($sql, $what) = @_;
	my ($code, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 1);
	is($code, 0, $what) or diag($err);
	return;
}

# After the restart, whatever is left to do: rows are read and written, and a dump is possible.
sub works
{
	my ($schema, $what) = @_;
	is($node->safe_psql('postgres', "SELECT count(m::text), count(ms::text), count(late::text), count(*) FROM $schema.t WHERE id <= 200"),
		'200|200|200|200', "$what: rows are read");
	is($node->safe_psql('postgres', "INSERT INTO $schema.t VALUES (1000, 'mad', '{sad,odd}', 'sad'); UPDATE $schema.t SET m = 'odd' WHERE id = 1000;
		DELETE FROM $schema.t WHERE id = 1000 RETURNING m"), 'odd', "$what: rows are written");
	is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM pg_stats WHERE schemaname = '$schema' AND most_common_vals::text <> ''"), 't', "$what: statistics are read");
	$node->command_ok([ 'pg_dump', '-n', $schema, '-f', '/dev/null', $node->connstr('postgres') ], "$what: a dump");
	return;
}

# Nothing is left behind, and heap and indexes are sound. What the server leaves of a REINDEX CONCURRENTLY is found, and taken away.
sub sound
{
	my ($schema, $what, $reindexed) = @_;
	if ($reindexed)
	{
		is($node->safe_psql('postgres', "SELECT kind, object FROM more.enum_check('$schema.mood')"), "leftover index|$schema.i_gated_ccnew", "$what: enum_check finds the index");
		succeeds("CALL more.enum_repair('$schema.mood')", "$what: enum_repair removes it");
	}
	is($node->safe_psql('postgres', "SELECT kind, object, detail FROM more.enum_check('$schema.mood')"), '', "$what: enum_check finds nothing");
	is( $node->safe_psql(
			'postgres', qq{
			SELECT count(bt_index_parent_check(indexrelid, true, true)) FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid
			WHERE relnamespace = '$schema'::regnamespace AND relam = (SELECT oid FROM pg_am WHERE amname = 'btree');
			SELECT * FROM verify_heapam('$schema.t');
			SELECT * FROM verify_heapam('$schema.plain');
			SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_index JOIN pg_class ON oid = indexrelid
			WHERE relnamespace = '$schema'::regnamespace AND indisvalid AND indisready;
			SELECT count(*) FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relnamespace = '$schema'::regnamespace AND NOT indisvalid}),
		"5\ni_gated i_m i_ms i_plain plain_pkey t_pkey\n0", "$what: amcheck, and no index is lost or left");
	return;
}

# --- the steps, each with how it is held and reached ---

my %reach = (
	migrate => sub {
		my ($call) = @_;
		close_gate('migrate');
		send_to(session('change'), $call);
		wait_for_step('migrate', 'advisory');
	},
	retire => sub {
		my ($call, $schema) = @_;
		ask(session('locker'), "BEGIN; LOCK TABLE $schema.t IN SHARE UPDATE EXCLUSIVE MODE;");
		send_to(session('change'), $call);
		wait_for_step('retire');
	},
	wait => sub {
		my ($call) = @_;
		ask(session('old'), 'BEGIN; SELECT 1;');
		send_to(session('change'), $call);
		wait_for_step('wait');
	},
	'look again' => sub {
		my ($call, $schema) = @_;
		my $late = session('late');
		ask($late, "BEGIN; INSERT INTO $schema.plain VALUES (201, 'ok');");
		send_to(session('change'), $call);
		wait_for_step('wait');
		close_gate('look again');
		ask($late, 'COMMIT;');
		wait_for_step('look again', 'advisory');
	},
	'rebuild index' => sub {
		my ($call) = @_;
		close_gate('rebuild index');
		send_to(session('change'), $call);
		wait_for_step('rebuild index', 'advisory');
	},
	statistics => sub {
		my ($call) = @_;
		my $gate = close_gate('statistics');
		send_to(session('change'), $call);
		wait_for_step('statistics', 'advisory');
		return $gate;
	},
	delete => sub {
		my ($call, $schema) = @_;
		my $gate = reach('statistics', $call, $schema);
		ask(session('locker'), "BEGIN; COMMENT ON TYPE $schema.mood IS 'locked';");
		ask($gate, 'SELECT pg_advisory_unlock_all();');
		wait_for_step('delete', 'object');
	},
	'add values' => sub {
		my ($call, $schema) = @_;
		ask(session('locker'), "BEGIN; COMMENT ON TYPE $schema.mood IS 'locked';");
		send_to(session('change'), $call);
		wait_for_step('add values', 'object');
	},
	move => sub {
		my ($call, $schema) = @_;
		ask(session('locker'), "BEGIN; LOCK TABLE $schema.t IN ROW EXCLUSIVE MODE;");
		send_to(session('change'), $call);
		wait_for_step('move');
	});

sub reach
{
	my ($step, $call, $schema) = @_;
	return $reach{$step}->($call, $schema);
}

# The number of the last change of that kind.
sub change_of
{
	my ($schema, $action) = @_;
	return $node->safe_psql('postgres', "SELECT max(change) FROM more.enum_history WHERE type = '$schema.mood'::regtype AND action = '$action'");
}

my $labels = "SELECT string_agg(label, ' ' ORDER BY position) FROM more.enum_values('%s.mood')";

# How many rows of both tables hold each value.
sub counts
{
	my ($schema) = @_;
	return $node->safe_psql('postgres', "SELECT string_agg(m || ' ' || n, ', ' ORDER BY m::text) FROM (SELECT m, count(*) AS n
		FROM (SELECT m FROM $schema.t WHERE id <= 200 UNION ALL SELECT m FROM $schema.plain WHERE id <= 200) AS y GROUP BY m) AS x");
}


foreach my $step ('migrate', 'retire', 'wait', 'look again', 'rebuild index', 'statistics', 'delete')
{
	foreach my $way ('finished', 'undone', 'restored')
	{
		my $schema = set_up();
		my $what = "enum_drop killed at '$step', then $way";
		my $call = "CALL more.enum_drop('$schema.mood', 'ok', 'set_value', 'sad');";
		reach($step, $call, $schema);
		kill_and_start();
		works($schema, $what);
		if ($way eq 'finished')
		{
			succeeds($call, "$what: the same call again");
			is($node->safe_psql('postgres', sprintf($labels, $schema)), 'sad odd glad mad', "$what: the value is gone");
			is(counts($schema), 'glad 80, mad 80, odd 80, sad 160', "$what: its rows have the other");
		}
		else
		{
			succeeds($way eq 'undone' ? 'CALL more.enum_undo(' . change_of($schema, 'drop') . ')' : "SELECT more.enum_restore('$schema.mood', 'ok')", "$what: the call");
			is($node->safe_psql('postgres', sprintf($labels, $schema)), 'sad ok odd glad mad', "$what: the value is there");
			is(counts($schema), 'glad 80, mad 80, odd 80, ok 80, sad 80', "$what: its rows have it");
		}
		works($schema, $what);
		sound($schema, $what, $step eq 'rebuild index' && $way ne 'finished');
	}
}

foreach my $step ('add values', 'move', 'wait', 'rebuild index')
{
	foreach my $way ('finished', 'undone')
	{
		my $schema = set_up();
		my $what = "enum_reorder killed at '$step', then $way";
		my $call = "CALL more.enum_reorder('$schema.mood', '{ok,odd,glad,sad,mad}');";
		reach($step, $call, $schema);
		kill_and_start();
		works($schema, $what);
		if ($way eq 'finished')
		{
			succeeds($call, "$what: the same call again");
			is($node->safe_psql('postgres', sprintf($labels, $schema)), 'ok odd glad sad mad', "$what: the order");
		}
		else
		{
			succeeds('CALL more.enum_undo(' . change_of($schema, 'reorder') . ')', "$what: the call");
			is($node->safe_psql('postgres', sprintf($labels, $schema)), 'sad ok odd glad mad', "$what: the order");
		}
		is(counts($schema), 'glad 80, mad 80, odd 80, ok 80, sad 80', "$what: rows have what they had");
		works($schema, $what);
		sound($schema, $what);
	}
}

$node->stop;
done_testing();
