-- What texts were read as is kept in a server process: that must never show in what a step gives.
CREATE EXTENSION pg_more;
CREATE TABLE memo_item (id int, name text, price int);
INSERT INTO memo_item VALUES (1, 'it''s', 10), (2, 'a"b', 20), (3, 'plain', 30);

-- The same text in different places: a condition, an expression, a column, with values and without.
SELECT more.filter(more.from_table('memo_item'), 'id');
SELECT more.annotate(more.from_table('memo_item'), 'copy', 'id');
SELECT more.pick(more.from_table('memo_item'), 'id');
SELECT more.order_by(more.from_table('memo_item'), 'id');
SELECT more.filter(more.from_table('memo_item'), 'id = $n', '{"n": 1}');
SELECT more.filter(more.from_table('memo_item'), 'id = $n', '{"n": "x"}');
SELECT more.filter(more.from_table('memo_item'), 'id = $n');
SELECT more.filter(more.from_table('memo_item'), 'id = $n', '{"n": 1, "m": 2}');
SELECT more.order_by(more.from_table('memo_item'), 'id = $n');

-- An error is as good the second time, and says where it is.
SELECT more.filter(more.from_table('memo_item'), 'id = = 1');
SELECT more.filter(more.from_table('memo_item'), 'id = = 1');
SELECT more.exclude(more.from_table('memo_item'), 'id = = 1');
SELECT more.filter(more.from_table('memo_item'), 'id = 1)');
SELECT more.filter(more.from_table('memo_item'), 'id = 1)');
SELECT more.filter(more.from_table('memo_item'), 'id = 1');

-- A setting tells what a backslash before a quote is: after a change it is asked anew.
SET backslash_quote = on;
SELECT more.count(more.filter(more.from_table('memo_item'), $$name = E'it\'s'$$));
SET backslash_quote = off;
SELECT more.count(more.filter(more.from_table('memo_item'), $$name = E'it\'s'$$));
RESET backslash_quote;

-- Names that are cut are cut with a notice, each time.
SELECT more.filter(more.from_table('memo_item'), 'a123456789b123456789c123456789d123456789e123456789f123456789g123456789 = 1') IS NULL AS null;
SELECT more.filter(more.from_table('memo_item'), 'a123456789b123456789c123456789d123456789e123456789f123456789g123456789 = 1') IS NULL AS null;
SELECT more.filter(more.from_table('memo_item'), '"a 2345678 b 2345678 c 2345678 d 2345678 e 2345678 f 2345678 g 2345678" = 1') IS NULL AS null;
SELECT more.filter(more.from_table('memo_item'), '"a 2345678 b 2345678 c 2345678 d 2345678 e 2345678 f 2345678 g 2345678" = 1') IS NULL AS null;

-- More texts than there is room for: each query is still its own, and the room stays small.
SELECT count(*) FILTER (WHERE step <> wanted) AS wrong, count(DISTINCT step) AS different
  FROM (SELECT more.filter(more.annotate(more.from_table('memo_item'), 'n' || i, 'price + ' || i), 'id > $v AND price < ' || i,
                           jsonb_build_object('v', i))::text AS step,
               format('SELECT *, price + %1$s AS n%1$s FROM public.memo_item WHERE id > %1$s AND price < %1$s', i) AS wanted
          FROM generate_series(1, 4000) AS i) AS x;
SELECT sum(total_bytes) < 1500000 AS small, count(*) AS places FROM pg_backend_memory_contexts WHERE name = 'pg_more texts of queries';

-- The same with errors between, and with texts that fill the room within one expression, whose steps go on with what
-- they have.
DO $$
DECLARE
	once more.query;
	long text;
	steps text := 'more.pick(more.from_table(''memo_item''), ''id'', ''name'')';
	wanted text := 'SELECT id, name FROM public.memo_item WHERE ';
BEGIN
	FOR i IN 1 .. 1500 LOOP
		once := more.pick(more.annotate(more.from_table('memo_item'), 'x' || i, 'price * ' || i), 'x' || i, 'name');
		IF once::text <> format('SELECT price * %1$s AS x%1$s, name FROM public.memo_item', i) THEN
			RAISE 'wrong: %', once::text;
		END IF;
		BEGIN
			once := more.filter(once, 'x' || i || ' = = 1');
			RAISE 'no error';
		EXCEPTION WHEN syntax_error THEN
			NULL;
		END;
	END LOOP;
	FOR i IN 1 .. 120 LOOP
		long := 'id NOT IN (' || (SELECT string_agg(j::text, ', ') FROM generate_series(1000 + i / 2, 1300 + i / 2) AS j) || ')';
		steps := format('more.filter(%s, %L)', steps, long);
		wanted := wanted || CASE WHEN i > 1 THEN ' AND ' ELSE '' END || '(' || long || ')';
	END LOOP;
	EXECUTE 'SELECT ' || steps INTO once;
	IF once::text <> wanted THEN
		RAISE 'wrong: %', once::text;
	END IF;
END $$;
SELECT sum(total_bytes) < 1500000 AS small, count(*) AS places FROM pg_backend_memory_contexts WHERE name = 'pg_more texts of queries';

DROP TABLE memo_item;
