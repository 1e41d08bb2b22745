# The documents tell the truth: each ```sql block of README.md and the pages of docs/ is run, in order and in one session a
# document, and prints just what the ```text block after it says. "```sql norun" is for reading only.
use strict;
use warnings;
use File::Basename qw(dirname);
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# what may follow the three backticks; anything else is a slip of the pen that would leave an example unchecked
my %known = map { $_ => 1 } ('sql', 'sql norun', 'text', 'sh', 'python', 'js', 'java', 'diagram');
my @documents = ('README.md', 'docs/rows.md', 'docs/planner.md', 'docs/indexes.md', 'docs/enums.md', 'docs/query.md');

# The root of the source tree: above this file, or else where the test was started.
my ($root) = grep { -e "$_/README.md" && -d "$_/docs" } (dirname(__FILE__) . '/../..', '.');
die "the documents are neither above $0 nor in the current directory\n" unless defined $root;

# The fenced blocks of a document: their line, kind and lines.
sub blocks_of
{
	my ($name) = @_;
	my (@blocks, $block);
	my $number = 0;
	foreach my $line (split /\n/, slurp_file("$root/$name"))
	{
		$number++;
		if (!$block && $line =~ /^```(.*?)\s*$/)
		{
			$block = { line => $number, kind => $1, text => '' };
		}
		elsif ($block && $line =~ /^```\s*$/)
		{
			push @blocks, $block;
			undef $block;
		}
		elsif ($block)
		{
			$block->{text} .= "$line\n";
		}
	}
	ok(!$block, "$name: every block is closed");
	is(join(', ', map { "$_->{kind} in line $_->{line}" } grep { !$known{ $_->{kind} } } @blocks),
		'', "$name: every block is of a known kind");
	return @blocks;
}

# Without trailing spaces, and without empty lines at either end.
sub trimmed
{
	my ($text) = @_;
	$text =~ s/[ \t\r]+$//mg;
	$text =~ s/\A\n+|\n+\z//g;
	return $text;
}

# What each of the statements' texts prints, errors among the rest, in one session of a new database.
sub outputs_of
{
	my ($node, $database, @texts) = @_;
	my $output = '';
	my $input = join('', map { "$_\n\\echo ==== end of block\n" } @texts);
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	local $ENV{PGCLIENTENCODING} = 'UTF8';
	IPC::Run::run(
		[ 'psql', '-Xq', '-d', $node->connstr($database) ],
		'<', \$input, '>&', \$output,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return map { trimmed($_) } split /^==== end of block\n/m, $output;
}

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init;
$node->start;

foreach my $i (0 .. $#documents)
{
	my $name = $documents[$i];
	my @blocks = blocks_of($name);
	my @run = grep { $blocks[$_]{kind} eq 'sql' } 0 .. $#blocks;
	my @outputs = outputs_of($node, "docs_$i", map { $blocks[$_]{text} } @run);
	my $compared = 0;

	is(scalar(@outputs), scalar(@run), "$name: every block was run");
	foreach my $n (0 .. $#run)
	{
		my $block = $blocks[ $run[$n] ];
		my $next = $run[$n] < $#blocks ? $blocks[ $run[$n] + 1 ] : undef;

		if ($next && $next->{kind} eq 'text')
		{
			is($outputs[$n], trimmed($next->{text}), "$name, line $block->{line}: prints what line $next->{line} says");
			$compared++;
		}
		else
		{
			unlike($outputs[$n] // 'ERROR: it was not run', qr/^(ERROR|FATAL|PANIC|invalid command)/m, "$name, line $block->{line}: no error");
		}
	}
	cmp_ok($compared, '>', 0, "$name: has examples with output");
}

$node->stop;
done_testing();
