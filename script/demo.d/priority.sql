-- Debian's priority as an enum type, in a table of its own.
CREATE TYPE priority AS ENUM ('required', 'important', 'standard', 'optional', 'extra');
CREATE TABLE priorities (
	id bigint PRIMARY KEY,
	name text NOT NULL,
	priority priority NOT NULL DEFAULT 'optional',
	checked int NOT NULL DEFAULT 0);
INSERT INTO priorities (id, name, priority)
SELECT id, o.name, o.priority::priority FROM packages JOIN old_list o USING (name, architecture) WHERE o.priority IS NOT NULL;
CREATE INDEX ON priorities (priority, name);
VACUUM ANALYZE priorities;
