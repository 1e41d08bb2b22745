# Logical replication of tables with an enum, both sides with the extension: changes in the documented order never stop the
# subscription; in the wrong one it stops as documented, and goes on when the change is completed.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($publisher, $subscriber) = map {
	my $node = PostgreSQL::Test::Cluster->new($_);
	$node->init(allows_streaming => 'logical');
	$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\nwal_retrieve_retry_interval = 200ms\n");
	$node->start;
	$node
} ('publisher', 'subscriber');
foreach my $node ($publisher, $subscriber)
{
	$node->safe_psql(
		'postgres', q{
		CREATE EXTENSION pg_more;
		CREATE TYPE status AS ENUM ('new', 'open', 'legacy', 'done');
		-- by key, by the whole row, and one whose rows change only after the value has been retired
		CREATE TABLE keyed (id integer PRIMARY KEY, s status, note text);
		CREATE TABLE whole (id integer, s status, note text);
		ALTER TABLE whole REPLICA IDENTITY FULL;
		CREATE TABLE checked (id integer PRIMARY KEY, s status DEFAULT 'legacy' CHECK (s <> 'legacy' OR id > 0), note text);});
}
my @tables = ('keyed', 'whole', 'checked');
$publisher->safe_psql('postgres', "INSERT INTO $_ SELECT g, (enum_range(NULL::status))[1 + g % 4] FROM generate_series(1, 40) AS g") foreach @tables;
$publisher->safe_psql('postgres', 'CREATE PUBLICATION p FOR TABLE keyed, whole, checked');
$subscriber->safe_psql('postgres', q{CREATE SUBSCRIPTION s CONNECTION '} . $publisher->connstr . q{ dbname=postgres' PUBLICATION p});
$subscriber->wait_for_subscription_sync($publisher, 's');

my $errors = 0;

# How often the subscription has stopped since it was asked last; what for is in the log.
sub stops
{
	my $log = slurp_file($subscriber->logfile);
	my $all = () = $log =~ /ERROR:  /g;
	my $new = $all - $errors;
	$errors = $all;
	return $new;
}

# Both sides have the same rows, by their labels.
sub same_rows
{
	my ($what) = @_;
	foreach my $table (@tables)
	{
		my $rows = "SELECT id, s::text, note FROM $table ORDER BY 1, 2, 3";
		is($subscriber->safe_psql('postgres', $rows), $publisher->safe_psql('postgres', $rows), "$what: the rows of $table");
	}
	return;
}

sub in_order
{
	my ($what) = @_;
	$publisher->wait_for_catchup('s');
	is(stops(), 0, "$what: the subscription never stopped");
	same_rows($what);
	return;
}

# Writes on the publisher, as an application does.
sub write_rows
{
	my ($label) = @_;
	$publisher->safe_psql('postgres', "INSERT INTO $_ SELECT max(id) + 1, '$label' FROM $_; UPDATE $_ SET note = 'written' WHERE s = '$label'") foreach @tables;
	return;
}

sub labels
{
	my ($node) = @_;
	return $node->safe_psql('postgres', q{SELECT string_agg(label, ',' ORDER BY position) FROM more.enum_values('status')});
}

in_order('the first copy');

# Add: the subscriber first.
$_->safe_psql('postgres', q{SELECT more.enum_add('status', 'blocked', after => 'open')}) foreach ($subscriber, $publisher);
write_rows('blocked');
in_order('add');

# Rename, while nobody writes.
$publisher->wait_for_catchup('s');
$_->safe_psql('postgres', q{SELECT more.enum_rename('status', 'blocked', 'waiting')}) foreach ($publisher, $subscriber);
write_rows('waiting');
in_order('rename');

# Drop with a replacement: the reserved label is made known, the publisher, then the subscriber.
my $drop = q{CALL more.enum_drop('status', 'legacy', 'set_value', 'done')};
write_rows('legacy');
$subscriber->safe_psql('postgres', q{ALTER TYPE status ADD VALUE 'pg_more:retired:1:legacy'});
$publisher->safe_psql('postgres', $drop);
write_rows('done');
in_order('drop');
$subscriber->safe_psql('postgres', "$drop; CALL more.enum_purge('status')");
is(labels($subscriber), labels($publisher), 'drop: the labels');
write_rows('open');
in_order('drop on both');
is($subscriber->safe_psql('postgres', q{SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'checked'::regclass}), q{'done'::status}, 'drop: the default');

# Drop of rows, and drop with nulls.
write_rows('waiting');
$subscriber->safe_psql('postgres', q{ALTER TYPE status ADD VALUE 'pg_more:retired:1:waiting'});
$publisher->safe_psql('postgres', q{CALL more.enum_drop('status', 'waiting', 'set_null')});
in_order('set_null');
$subscriber->safe_psql('postgres', q{CALL more.enum_drop('status', 'waiting'); CALL more.enum_purge('status')});
$publisher->safe_psql('postgres', q{CALL more.enum_drop('status', 'open', 'cascade')});
in_order('cascade');
$subscriber->safe_psql('postgres', q{CALL more.enum_drop('status', 'open')});
is(labels($subscriber), labels($publisher), 'three drops: the labels');

# The order of values: where whole rows identify rows, the reserved label that those which move had is made known.
$subscriber->safe_psql('postgres', q{ALTER TYPE status ADD VALUE 'pg_more:retired:1:new'});
$publisher->safe_psql('postgres', q{CALL more.enum_reorder('status', '{done,new}')});
write_rows('new');
in_order('reorder');
$subscriber->safe_psql('postgres', q{CALL more.enum_reorder('status', '{done,new}'); CALL more.enum_purge('status')});
is(labels($subscriber), labels($publisher), 'reorder: the labels');
write_rows('done');
in_order('reorder on both');

# The wrong order: the publisher has a value that the subscriber does not know.
$publisher->safe_psql('postgres', q{SELECT more.enum_add('status', 'late')});
write_rows('late');
$subscriber->wait_for_log(qr/ERROR:  invalid input value for enum \S*status: "late"/);
is($subscriber->safe_psql('postgres', q{SELECT count(*) FROM keyed WHERE s::text = 'late'}), '0', 'add on the publisher first: the subscription stops');
$subscriber->safe_psql('postgres', q{SELECT more.enum_add('status', 'late')});
$publisher->wait_for_catchup('s');
cmp_ok(stops(), '>', 0, '... for that');
write_rows('late');
in_order('completed');

# The wrong order: the subscriber has lost a value that is written yet.
$subscriber->safe_psql('postgres', q{CALL more.enum_drop('status', 'late', 'set_value', 'new')});
write_rows('late');
$subscriber->wait_for_log(qr/ERROR:  invalid input value for enum \S*status: "late"/, -s $subscriber->logfile);
$subscriber->safe_psql('postgres', q{SELECT more.enum_add('status', 'late')});
$publisher->wait_for_catchup('s');
cmp_ok(stops(), '>', 0, 'drop on the subscriber first: the subscription stops, and goes on with the value');
$publisher->safe_psql('postgres', q{CALL more.enum_drop('status', 'late', 'set_value', 'new')});
$publisher->wait_for_catchup('s');
$subscriber->safe_psql('postgres', q{CALL more.enum_drop('status', 'late', 'set_value', 'new')});
in_order('completed, too');
is(labels($subscriber), labels($publisher), 'the labels are the same');

$subscriber->stop;
$publisher->stop;
done_testing();
