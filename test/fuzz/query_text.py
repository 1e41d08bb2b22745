#!/usr/bin/env python3
"""Statements as more.query: taken apart and put together again they stay what they are.

Reads files for psql, those of the regression tests unless others are named, such as the server's own
src/test/regress/sql/*.sql. Of each statement that can be a query:

- it is taken apart, not kept in one piece; the cast itself compares the parse trees of both;
- its text gives the same text again, also where standard_conforming_strings is off;
- so does that text with random comments between its tokens;
- more.from_parts gives it back from its parts.

Connects with libpq's environment variables. The output is TAP.
"""

import argparse
import glob
import os
import random
import re
import sys

sys.dont_write_bytecode = True

import psycopg2  # noqa: E402

WORDS = r"(select|with|values|table|insert|update|delete|merge)\b"
BEFORE = re.compile(
    r"(explain\s*(\([^)]*\)|(\s*(analyze|verbose))*)|declare.*?\sfor|prepare\s+\w+\s*(\([^)]*\))?\s*as|"
    r"create\s+(or\s+replace\s+)?(temp\w*\s+|recursive\s+|materialized\s+)*view\s+\S+\s*(\([^)]*\))?\s*as)\s+(?=\(*" + WORDS + ")",
    re.I | re.S)
COMMENTS = ["/* ; */", "--'\n", "\n", "/* /* $$ */ \" */", "\t-- $q$ )\n "]


def pieces(text):
    """The text as pairs: is it a literal, a quoted name or a comment; and what it reads."""
    i = 0
    while i < len(text):
        start = i
        if text.startswith("--", i):
            i = text.find("\n", i)
            i = len(text) if i < 0 else i
        elif text.startswith("/*", i):
            depth = 1
            i += 2
            while i < len(text) and depth:
                step = {"/*": 1, "*/": -1}.get(text[i:i + 2], 0)
                depth += step
                i += 2 if step else 1
        elif text[i] in "'\"":
            escapes = text[i] == "'" and re.search(r"(?<![\w$])[eE]$", text[max(0, i - 2):i])
            i += 1
            while i < len(text) and (text[i] != text[start] or text[i:i + 2] == text[start] * 2):
                i += 2 if text[i] == text[start] or (escapes and text[i] == "\\") else 1
            i += 1
        else:
            tag = re.match(r"\$([A-Za-z_]\w*)?\$", text[i:])
            if tag and not re.match(r"[\w$]", text[i - 1:i]):
                i = text.find(tag.group(0), i + len(tag.group(0)))
                i = len(text) if i < 0 else i + len(tag.group(0))
            else:
                i += 1
                yield False, text[start:i]
                continue
        yield True, text[start:i]


def statements(text):
    """The statements of a psql file that may be queries."""
    text = re.sub(r"(?m)^\\.*$|\\g\w*.*$", ";", text)
    found, depth = "", 0
    for quoted, piece in pieces(text + ";"):
        depth += 0 if quoted else (piece == "(") - (piece == ")")
        if quoted or piece != ";" or depth > 0:
            found += piece
            continue
        found = re.sub(r"\A(\s|--[^\n]*(\n|\Z)|/\*.*?\*/)*", "", found, flags=re.S)
        before = BEFORE.match(found)
        if before:
            found = found[before.end():]
        if re.match(r"\(*\s*" + WORDS, found, re.I):
            yield found
        found, depth = "", 0


def with_comments(rand, text):
    """The text with some of its spaces replaced by comments."""
    return "".join(" " + rand.choice(COMMENTS) + " " if not quoted and piece == " " and rand.random() < 0.3 else piece
                   for quoted, piece in pieces(text))


def complaint(cursor, rand, text):
    """What is wrong with the statement's way through more.query, or None; False if it is no query."""
    cursor.execute("SET standard_conforming_strings = on")
    try:
        cursor.execute("SELECT more.sql(q), more.parts(q)->>'kind', more.sql(more.from_parts(more.parts(q))) FROM CAST(%s AS more.query) AS q",
                       [text])
    except psycopg2.Error as error:
        return "an internal error: " + str(error) if error.pgcode.startswith("XX") else False
    printed, kind, from_parts = cursor.fetchone()
    if kind == "other":
        return "is kept in one piece"
    if from_parts != printed:
        return "from its parts: " + from_parts
    again = with_comments(rand, printed)
    for way, sql in ("", printed), ("with comments ", again):
        cursor.execute("SELECT more.sql(%s)", [sql])
        read = cursor.fetchone()[0]
        # a string that goes on in another line may hold a comment
        if read != printed:
            return f"{way}reads {sql!r} and gives {read!r}"
    return setting(cursor, printed)


def setting(cursor, printed):
    """The same under another setting for strings, where the server has one."""
    if cursor.connection.server_version >= 190000 or re.search(r"\b[uU]&['\"]", printed):
        return None
    cursor.execute("SELECT set_config('more.text', %s, false)", [printed])
    cursor.execute("SET standard_conforming_strings = off")
    cursor.execute("SELECT more.sql(current_setting('more.text')::more.query)")
    read = cursor.fetchone()[0]
    return None if read == printed else f"with standard_conforming_strings off gives {read!r}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="of the comments (1)")
    parser.add_argument("files", nargs="*", help="files for psql (sql/*.sql)")
    args = parser.parse_args()
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    rand = random.Random(args.seed)
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET client_min_messages = error")
    if connection.server_version < 190000:
        cursor.execute("SET escape_string_warning = off")
    cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_more")
    seen, queries, failed = set(), 0, 0
    for name in args.files or sorted(glob.glob(os.path.join(root, "sql", "*.sql"))):
        with open(name, encoding="utf-8", errors="replace") as file:
            seen.update(text for text in statements(file.read()) if "\0" not in text)
    for text in sorted(seen):
        wrong = complaint(cursor, rand, text)
        queries += wrong is not False
        if wrong:
            failed += 1
            print(f"# {text!r}: {wrong}".replace("\n", "\\n"))
    print(f"# {queries} of {len(seen)} statements are queries")
    print(("not ok" if failed else "ok") + " 1 - queries stay what they are")
    print(("ok" if queries > 100 else "not ok") + " 2 - there are enough of them")
    print("1..2")
    sys.exit(failed > 0 or queries <= 100)


if __name__ == "__main__":
    main()
