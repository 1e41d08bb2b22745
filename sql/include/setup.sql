-- What every regression test begins with: the extension, and two helpers.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_more;
RESET client_min_messages;

-- Generated statements show up in the context of an error: that is no part of what is specified.
\set SHOW_CONTEXT never

-- Runs a statement and tells how it ended: for errors whose position or query text is not specified.
CREATE FUNCTION outcome(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN NEXT 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN NEXT state || ' ' || message;
	IF detail <> '' THEN RETURN NEXT '  detail: ' || detail; END IF;
	IF hint <> '' THEN RETURN NEXT '  hint: ' || hint; END IF;
END $$;

-- Records which triggers fired: attach it to a table, read it with TABLE fired.
CREATE TABLE fired (n serial, what text);
CREATE FUNCTION note_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.fired (what) SELECT concat_ws(' ', lower(tg_when), lower(tg_level), lower(tg_op),
		CASE WHEN tg_level = 'ROW' AND tg_op <> 'INSERT' THEN to_jsonb(old)::text END,
		CASE WHEN tg_level = 'ROW' AND tg_op <> 'DELETE' THEN to_jsonb(new)::text END);
	RETURN CASE WHEN tg_op = 'DELETE' THEN old ELSE new END;
END $$;
\set ECHO all
