"""The report of the indexes room's part."""

import statistics

from planner_report import ms_text, ratio_text, table

MOST = 2            # check_unique takes at most so many times what the joins take
ASKED = 10_000      # rows for which that is asked


def ratio(part, n):
    """How many times of the joins' time check_unique takes: the median of the rounds' own ratios."""
    ms = {way["key"]: way["ms"].get(str(n)) for way in part["ways"]}
    if not ms["more"] or not ms["join"]:
        return None
    return statistics.median(more / join for more, join in zip(ms["more"], ms["join"]))


def index_verdicts(part):
    found = ratio(part, ASKED)
    words = "not measured" if found is None else f"{'reached' if found <= MOST else 'missed'}: {found:.2f}"
    return [[f"{ASKED:,} rows: check_unique takes at most {MOST} times the joins", words]]


def index_lines(part):
    rows = [[way["label"] + ", ms"] + [ms_text(statistics.median(way["ms"][str(n)])) for n in part["sizes"]] for way in part["ways"]]
    rows.append(["check_unique ÷ three joins"] + [ratio_text(ratio(part, n)) for n in part["sizes"]])
    return table(["rows checked"] + [f"{n:,}" for n in part["sizes"]], rows)
