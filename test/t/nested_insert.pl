# Two sessions find or create the same parents for their children, given in opposite orders: no row twice, no child
# lost, no deadlock in 100 rounds.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sessions;
use Test::More;

my $rounds = 100;
my $parents = 20;
my $node = PostgreSQL::Test::Cluster->new('nested_insert');
$node->init;
$node->append_conf('postgresql.conf', "deadlock_timeout = 20ms\nfsync = off\n");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_more;
	CREATE TABLE publisher (id serial PRIMARY KEY, name text UNIQUE);
	CREATE TABLE author (id serial PRIMARY KEY, email text UNIQUE, publisher_id integer REFERENCES publisher, boss_id integer REFERENCES author);
	CREATE TABLE tag (id serial PRIMARY KEY, name text COLLATE "C" UNIQUE);
	CREATE TABLE book (id serial PRIMARY KEY, author_id integer NOT NULL REFERENCES author, title text);
	CREATE TABLE book_tag (book_id integer REFERENCES book, tag_id integer REFERENCES tag, PRIMARY KEY (book_id, tag_id));
	CREATE TABLE gate (opened timestamptz);
});

# One round of a session: its documents, with the parents in the order that is asked for.
sub round_of
{
	my ($session, $round, $order, $update) = @_;
	return qq{
		SELECT pg_sleep(greatest(0, extract(epoch FROM opened - clock_timestamp()) + $round * 0.04)) FROM gate;
		SELECT count(*) FROM more.nested_insert('author', (SELECT jsonb_agg(jsonb_build_object(
			'_match', 'email', '_update', $update, 'email', 'a$round.' || g,
			'publisher', jsonb_build_object('_match', 'name', 'name', 'p$round.' || g % 3),
			'boss', jsonb_build_object('_match', 'email', 'email', 'boss$round.' || g % 5),
			'book', jsonb_build_array(jsonb_build_object('title', '$session', 'tag', jsonb_build_array(
				jsonb_build_object('_match', 'name', 'name', 't$round.' || g % 7),
				jsonb_build_object('_match', 'name', 'name', 'u$round.' || g % 4))))) ORDER BY g $order)
			FROM generate_series(1, $parents) AS g));};
}

# Runs the rounds in two sessions at once, and returns what they wrote to stderr.
sub rounds
{
	my ($update) = @_;
	$node->safe_psql('postgres',
		"TRUNCATE gate, publisher, author, tag, book, book_tag; INSERT INTO gate SELECT clock_timestamp() + interval '1 second'");
	return race($node, map { my $i = $_; [ map { round_of("s$i", $_, $i ? 'DESC' : 'ASC', $update) } (1 .. $rounds) ] } (0, 1));
}

foreach my $update ('false', 'true')
{
	is(rounds($update), '', "no deadlock and no duplicate, _update $update");
	is($node->safe_psql('postgres', 'SELECT count(*), count(publisher_id), count(boss_id) FROM author'),
		join('|', $rounds * ($parents + 5), $rounds * $parents, $rounds * $parents), 'each parent once');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM publisher'), $rounds * 3, 'and its parents');
	is( $node->safe_psql('postgres', q{SELECT title, count(*), count(DISTINCT author_id) FROM book GROUP BY 1 ORDER BY 1}),
		join("\n", map { join('|', "s$_", $rounds * $parents, $rounds * $parents) } (0, 1)), 'every child is there');
	is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT tag_id) FROM book_tag'),
		join('|', $rounds * $parents * 4, $rounds * 11), 'and every link');
}

$node->stop;
done_testing();
