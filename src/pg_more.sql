-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_more" to load this file. \quit

-- Functions run with their caller's rights, so every role may look inside.
GRANT USAGE ON SCHEMA more TO PUBLIC;
