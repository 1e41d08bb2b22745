# shellcheck shell=bash
# The demo's part on partial indexes. Sourced by script/demo.

show_indexes() {
	heading "7. A partial index: found, tried before it is built, and made of a JSON condition"
	tell "One query is slow. Which partial index would the planner take?"
	show <<-SQL
		SELECT index_sql, pg_size_pretty(estimated_size) AS size, pg_size_pretty(full_size) AS without_condition, cost_before, cost_after
		FROM more.suggest_partial_indexes(queries => ARRAY['SELECT name FROM packages WHERE priority = ''required'' AND maintainer = \$1']) \gx
	SQL
	tell "One of one's own, beside it; nothing is built:"
	show <<-SQL
		SELECT index, used, pg_size_pretty(estimated_size) AS size, cost_before, cost_after FROM more.what_if(
			ARRAY['CREATE INDEX of_required ON packages (name) INCLUDE (version) WHERE priority = ''required''', 'CREATE INDEX of_all ON packages (priority)'],
			'SELECT name, version FROM packages WHERE priority = ''required'' ORDER BY name');
	SQL
	tell "Built, of a condition in JSON, it is as large as was said:"
	show <<-SQL
		SELECT pg_size_pretty(pg_relation_size(more.create_partial_index('packages', '{name}', '{"priority": "required"}', include => '{version}'))) AS size;
		SELECT index, condition, round(share::numeric, 4) AS share FROM more.partial_indexes('packages');
	SQL
}
