-- Compares what more.what_if says with the indexes, built.
CREATE FUNCTION reality(index_sql text[], query text, OUT used boolean[], OUT same_plan boolean, OUT cost_near boolean, OUT size_near boolean)
LANGUAGE plpgsql AS $$
DECLARE
	guess record;
	explained json;
	plan text[];
	line text;
	cost float8;
	size bigint;
BEGIN
	SELECT array_agg(w.used) AS used, max(w.cost_after) AS cost, max(w.plan) AS plan, sum(w.estimated_size) AS size, array_agg(w.index) AS names
	INTO guess FROM more.what_if(index_sql, query) AS w;
	FOREACH line IN ARRAY index_sql LOOP
		EXECUTE line;
	END LOOP;
	ANALYZE;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		plan := plan || line;
	END LOOP;
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO explained;
	cost := (explained->0->'Plan'->>'Total Cost')::float8;
	SELECT sum(pg_relation_size(n::regclass) + (SELECT coalesce(sum(pg_relation_size(t.relid)), 0) FROM pg_partition_tree(n::regclass) AS t WHERE t.relid <> n::regclass))
	INTO size FROM unnest(guess.names) AS n;
	used := guess.used;
	same_plan := array_to_string(plan, E'\n') = guess.plan;
	cost_near := abs(guess.cost - cost) <= 0.05 * cost;
	size_near := abs(guess.size - size) <= greatest(0.1 * size, 8192);
	IF NOT (same_plan AND cost_near) THEN
		RAISE WARNING E'cost % but %, size % but %, plan\n%\nbut\n%', guess.cost, cost, guess.size, size, guess.plan, array_to_string(plan, E'\n');
	END IF;
	FOREACH line IN ARRAY guess.names LOOP
		EXECUTE format('DROP INDEX %I', line);
	END LOOP;
END $$;
