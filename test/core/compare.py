#!/usr/bin/python3
"""Compares the results of two runs of the server's regression suite; what differs must be in the list of known differences.

usage: compare.py [--accept] VERSION MODE KNOWN BASELINE RESULTS

KNOWN holds a file TEST.diff for each test of the suite whose output is known to differ. An entry of it is one hunk of
a diff, without its line numbers, below the versions and modes that it belongs to and the reason for it:

	== 15 17 18: force created
	== 19: created
	reason: the list is a join
	 a line before
	-a line without pg_more
	+the line in its place

An entry that does not occur each time says `sometimes` after its modes; any other that does not occur is an error.
--accept writes the files anew, with `reason: ?` for what is new: an error, until somebody knows the reason.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

SHOWN = 250  # lines of unlisted hunks

# What these tests of the suite of 18 print on 19 differs from one run to the next without pg_more too, since 19 has one
# column more: the WAL position of a sequence's page, the OID of a table. {test: (pattern, replacement)}
NOISE = {
    "sequence": (r"^( +\d+ \| [tf] +\| )[0-9A-F]+/[0-9A-F]{8}$", r"\1LSN"),
    "stats_import": (r"^( stats_import \| \w+ +\| ) *\d+( \| \w+ +\| +\d+ \| [tf] +\|)", r"\1OID\2"),
}

# Rows whose order tells nothing: the place by which a row of a partition is known has the OID of its table, so that a hash table
# gives such rows in another order from run to run. {test: pattern of what is before the rows, and of these}
UNORDERED = {
    "subselect": r"^(.* or c3 < 0\);\n c1 \| c2 \| c3\n[-+]+\n)((?: .*\n)+)(?=\(\d+ rows)",
}


class Entry:
    """A known difference: its hunk, the (version, mode) pairs in which it occurs, and why it does."""

    def __init__(self, hunk, places, reason):
        self.hunk = hunk  # while a list is read: the lines
        self.places = places  # {(version, mode): True if it may be absent}
        self.reason = reason

    def __str__(self):
        by_modes = {}
        for version in sorted({version for version, _ in self.places}, key=int):
            for optional in (False, True):
                modes = [mode for (v, mode), o in sorted(self.places.items()) if v == version and o == optional]
                if modes:
                    by_modes.setdefault(" ".join(modes + ["sometimes"] * optional), []).append(version)
        places = [f"== {' '.join(versions)}: {modes}" for modes, versions in by_modes.items()]
        return "\n".join([*places, f"reason: {self.reason}", self.hunk])


def read_list(path):
    """Returns the entries of a list; of one that does not exist, none."""
    entries = []
    for line in path.read_text().splitlines() if path.exists() else []:
        entry = entries[-1] if entries else None
        if line.startswith("== "):
            if not entry or entry.reason:
                entry = Entry([], {}, None)
                entries.append(entry)
            versions, _, modes = line[3:].partition(": ")
            for mode in set(modes.split()) - {"sometimes"}:
                entry.places |= {(version, mode): "sometimes" in modes.split() for version in versions.split()}
        elif line.startswith("reason: ") and entry:
            entry.reason = line.removeprefix("reason: ")
        elif entry and entry.reason:
            entry.hunk.append(line)
        elif line:
            sys.exit(f"{path}: neither versions and modes nor a reason: {line}")
    for entry in entries:
        entry.hunk = trim(entry.hunk)
        if not (entry.places and entry.reason and entry.hunk):
            sys.exit(f"{path}: an entry lacks versions and modes, its reason or its lines:\n{entry}")
    return entries


def trim(lines):
    """Returns a hunk's lines as one text, without empty lines around them."""
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def normalised(path):
    """Returns what a test printed, without white space at the end of lines, costs, which depend on more, and NOISE."""
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    text = re.sub(r"[ \t]+$", "", text, flags=re.M)
    if path.stem in NOISE:
        text = re.sub(*NOISE[path.stem], text, flags=re.M)
    if path.stem in UNORDERED:
        text = re.sub(UNORDERED[path.stem], lambda m: m[1] + "".join(sorted(m[2].splitlines(True))), text, flags=re.M)
    return re.sub(r"(pg_more: .*?cost) [\d.]+ → [\d.]+", r"\1 N → N", text)


def hunks(before, after):
    """Returns the hunks in which two files differ, as texts without line numbers."""
    sides = [normalised(before), normalised(after)]
    if sides[0] == sides[1]:
        return []
    with tempfile.TemporaryDirectory() as scratch:
        names = [Path(scratch, "before"), Path(scratch, "after")]
        for name, text in zip(names, sides):
            name.write_bytes(text.encode("utf-8", "surrogateescape"))
        run = subprocess.run(["diff", "-a", "-U3", *names], capture_output=True)
    text = run.stdout.decode("utf-8", "backslashreplace")
    return [trim(part.splitlines()) for part in re.split(r"^@@.*\n", text, flags=re.M)[1:]]


def compare(place, entries, found):
    """Returns (matched, unlisted hunks, entries that should have occurred): each occurrence needs an entry of its own."""
    left = [entry for entry in entries if place in entry.places]
    matched, unlisted = [], []
    for hunk in found:
        entry = next((entry for entry in left if entry.hunk == hunk), None)
        if entry:
            left.remove(entry)
            matched.append(entry)
        else:
            unlisted.append(hunk)
    return matched, unlisted, [entry for entry in left if not entry.places[place]]


def accept(path, place, entries, unlisted, stale):
    """Writes a list anew so that it says what was found, with the reasons that it has."""
    for entry in stale:
        del entry.places[place]
    for hunk in unlisted:
        entry = next((entry for entry in entries if entry.hunk == hunk and place not in entry.places), None)
        if entry:
            entry.places[place] = False
        else:
            entries.append(Entry(hunk, {place: False}, "?"))
    entries = [entry for entry in entries if entry.places]
    path.unlink(missing_ok=True)
    if entries:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n\n".join(map(str, entries)) + "\n")


def compare_test(test, place, known, sides, accepting):
    """Compares a test's two outputs. Returns (count of listed differences, problems, lines to show)."""
    path = known / f"{test}.diff"
    entries = read_list(path)
    outputs = [side / f"{test}.out" for side in sides]
    problems = [f"{output} is missing" for output in outputs if not output.exists()]
    matched, unlisted, stale = compare(place, entries, [] if problems else hunks(*outputs))
    if len(problems) == 2 and not stale:  # a list of a test that this version does not have
        return 0, [], []
    problems += [f"{test}: an unlisted difference" for _ in unlisted]
    problems += [f"{test}: a listed difference that does not occur" for _ in stale]
    problems += [f"{test}: a difference listed without a reason" for entry in matched if entry.reason == "?"]
    shown = [f"---- {test}, unlisted:\n{hunk}" for hunk in unlisted]
    shown += [f"---- {test}, listed, does not occur:\n{entry.hunk}" for entry in stale]
    if accepting:
        accept(path, place, entries, unlisted, stale)
    return len(matched), problems, shown


def main(arguments):
    """Compares all tests, and returns the status to exit with."""
    accepting = arguments[0] == "--accept"
    version, mode, known, *sides = arguments[accepting:]
    known, sides = Path(known), [Path(side) for side in sides]
    tests = sorted({path.stem for folder in (known, *sides) for path in folder.glob("*.*") if path.suffix in (".out", ".diff")})
    done = [compare_test(test, (version, mode), known, sides, accepting) for test in tests]
    listed = sum(count for count, _, _ in done)
    problems = [problem for _, found, _ in done for problem in found]
    lines = "\n".join(text for _, _, shown in done for text in shown).splitlines()
    print("\n".join(lines[:SHOWN] + ["…"] * (len(lines) > SHOWN) + list(dict.fromkeys(problems))))
    files = len(list(sides[0].glob("*.out")))
    print(f"problems: {len(problems)}" if problems else f"{files} files compared, {listed} listed differences")
    return bool(problems) or files == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
