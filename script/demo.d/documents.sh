# shellcheck shell=bash
# The demo's part on nested documents. Sourced by script/demo.

FEW=200			# as many documents as a loop over single rows is given
MANY=5000		# as many as are written at once, or all there are

# Writes what a client that loops sends: each row by itself, with the key that came back of the one around it.
write_loop() {
	client <<-SQL > loop.sql
		SELECT format(E'INSERT INTO archive.maintainer (name) VALUES (%L) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id AS maintainer \\\\gset\n',
				maintainer ->> 'name')
			|| format(E'INSERT INTO archive.source (name, maintainer_id) VALUES (%L, :maintainer) RETURNING id AS source \\\\gset\n', name)
			|| string_agg(format(E'INSERT INTO archive.package (source_id, name, version, size) VALUES (:source, %L, %L, %s) RETURNING id AS package \\\\gset\n',
				p ->> 'name', p ->> 'version', p ->> 'size')
				|| coalesce((SELECT string_agg(format(E'INSERT INTO archive.dependency (package_id, n, name, version, instead) VALUES (:package, %s, %L, %L, %L);\n',
					d ->> 'n', d ->> 'name', d ->> 'version', d ->> 'instead'), '') FROM jsonb_array_elements(p -> 'dependency') AS d), ''), '')
		FROM (SELECT * FROM documents ORDER BY name LIMIT $FEW) AS d, jsonb_array_elements(package) AS p GROUP BY name, maintainer ORDER BY name;
	SQL
}

# The statement that one would write by hand: keys from the sequences first, because RETURNING promises no order.
chain() {
	cat <<-SQL
		\\set data \`cat documents.$1.json\`
		WITH given AS MATERIALIZED (SELECT e FROM jsonb_array_elements(:'data'::jsonb) AS e),
			m_in AS (INSERT INTO archive.maintainer (name) SELECT DISTINCT e -> 'maintainer' ->> 'name' FROM given
				ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id, name),
			s AS MATERIALIZED (SELECT nextval('archive.source_id_seq') AS id, m.id AS maintainer, e FROM given JOIN m_in AS m ON m.name = e -> 'maintainer' ->> 'name'),
			s_in AS (INSERT INTO archive.source (id, name, maintainer_id) OVERRIDING SYSTEM VALUE SELECT id, e ->> 'name', maintainer FROM s),
			p AS MATERIALIZED (SELECT nextval('archive.package_id_seq') AS id, s.id AS source, p FROM s, jsonb_array_elements(s.e -> 'package') AS p),
			p_in AS (INSERT INTO archive.package (id, source_id, name, version, size) OVERRIDING SYSTEM VALUE
				SELECT id, source, p ->> 'name', p ->> 'version', (p ->> 'size')::bigint FROM p),
			d_in AS (INSERT INTO archive.dependency (package_id, n, name, version, instead)
				SELECT p.id, (d ->> 'n')::integer, d ->> 'name', d ->> 'version', d ->> 'instead' FROM p, jsonb_array_elements(p.p -> 'dependency') AS d)
		SELECT count(*) FROM p;
	SQL
}

# The documents by nested_insert.
nested() {
	cat <<-SQL
		\\set data \`cat documents.$1.json\`
		SELECT j FROM more.nested_insert('archive.source', :'data') AS j;
	SQL
}

show_documents() {
	local count shown
	heading "8. Nested documents: Debian's source packages, what they are built into, and what that depends on"
	client -f "$TREE/script/demo.d/documents.sql" > /dev/null
	count=$(client -c 'SELECT count(*) FROM documents')
	((count > MANY)) || MANY=$count
	for count in "$FEW" "$MANY"; do
		write_json "documents.$count.json" "SELECT * FROM documents ORDER BY name LIMIT $count"
	done
	write_loop
	tell "One of the documents, as a client has it:"
	shown=$(client -c "SELECT name FROM documents WHERE jsonb_array_length(package) = 2 AND package @> '[{\"dependency\": [{\"n\": 2}]}]' ORDER BY length(package::text), name LIMIT 1")
	client -v name="$shown" <<-'SQL' | fold -s -w 110 | sed 's/^/    /'
		SELECT to_json(d) FROM documents AS d WHERE name = :'name';
	SQL
	tell "The first $FEW sources, each with its packages and their dependencies:"
	race "INSERT … RETURNING id, row by row" archive < loop.sql
	race "INSERTs chained in one WITH" archive < <(chain "$FEW")
	race "more.nested_insert('archive.source', \$1)" archive < <(nested "$FEW")
	results "rows, the same in all four tables"
	if [[ $MANY != "$FEW" ]]; then
		tell "Then $(number "$MANY"):"
		race "INSERTs chained in one WITH" archive < <(chain "$MANY")
		race "more.nested_insert('archive.source', \$1)" archive < <(nested "$MANY")
		results "rows, the same in all four tables"
	fi
	tell "A wrong value, deep inside:"
	complain <<-SQL
		\\set data \`sed 's/"n": 3,/"n": "third",/' documents.$FEW.json\`
		SELECT j FROM more.nested_insert('archive.source', :'data') AS j;
	SQL
	nested "$MANY" | keep
	client -c "ANALYZE archive.source, archive.package, archive.dependency"
	tell "Back again, as documents of any shape; by hand, and by nested_select:"
	race "jsonb_agg in LATERAL subqueries" rows <<-SQL
		SELECT jsonb_build_object('name', s.name, 'package', p.list) FROM archive.source AS s,
			LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('name', p.name, 'version', p.version, 'dependency', d.list) ORDER BY p.id), '[]') AS list
				FROM archive.package AS p, LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('name', d.name) ORDER BY d.n), '[]') AS list
					FROM archive.dependency AS d WHERE d.package_id = p.id) AS d
				WHERE p.source_id = s.id) AS p ORDER BY s.id;
	SQL
	race "more.nested_select('archive.source', shape => …)" rows <<-SQL
		SELECT j FROM more.nested_select('archive.source', shape =>
			'{"name": true, "package": {"name": true, "version": true, "dependency": {"name": true}}}') AS j;
	SQL
	results "documents"
	see "keys, order and links are nested_insert's matter; the shape comes from the foreign keys."
}
