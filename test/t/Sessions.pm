# Sessions of psql that the tests here hold open, or let race.
package Sessions;
use strict;
use warnings;
use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(open_session send_to ask race);

# A session that stays, with a name that pg_stat_activity tells; {out} and {err} are what it has printed, {run} is its process.
sub open_session
{
	my ($node, $name) = @_;
	my $session = { in => '', out => '', err => '' };
	$session->{run} = IPC::Run::start(
		[ 'psql', '-XqAt', $node->connstr('postgres') . ($name ? " application_name='$name'" : '') ],
		'<', \$session->{in}, '>', \$session->{out}, '2>', \$session->{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return $session;
}

# Sends statements, and does not wait for them.
sub send_to
{
	my ($session, $sql) = @_;
	$session->{in} .= "$sql\n";
	$session->{run}->pump_nb while length $session->{in};
	return;
}

# Sends statements, and returns what they print when they are done.
sub ask
{
	my ($session, $sql) = @_;
	$session->{out} = '';
	send_to($session, "$sql\n\\echo done");
	$session->{run}->pump until $session->{out} =~ /^done$/m;
	return $session->{out} =~ s/^done\n//mr;
}

# Runs lists of statements, each in a session of its own, at once; returns what they wrote to stderr.
sub race
{
	my ($node, @statements) = @_;
	my (@sessions, @errors);
	foreach my $i (0 .. $#statements)
	{
		my $file = PostgreSQL::Test::Utils::tempdir() . "/session$i.sql";
		append_to_file($file, join("\n", @{ $statements[$i] }) . "\n");
		$errors[$i] = '';
		push @sessions,
		  IPC::Run::start(
			[ 'psql', '-XqAt', '-f', $file, $node->connstr('postgres') ],
			'<', \undef, '>', \my $output, '2>', \$errors[$i],
			IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default * 2));
	}
	$_->finish foreach @sessions;
	return join('', @errors);
}

1;
