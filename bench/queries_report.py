"""The report of the query room's part."""

import statistics

from planner_report import ms_text, paired, ratio_text

MOST_US = 50        # composing a query of ten steps
MARGIN = 1.05       # running it may take so many times what its SQL takes

WAYS = {"hand": "the SQL, written by hand", "steps": "more.rows over ten steps", "text": "more.rows over the query as it was stored",
        "data": "more.literal, the rows as a parameter", "values": "VALUES in the statement's text"}


def query_verdicts(part):
    us = statistics.median(part["compose_us"])
    new = statistics.median(part["compose_new_us"])
    ratio = paired(part["long"]["steps"], part["long"]["hand"])
    literal = paired(part["literal"]["ms"]["text"], part["literal"]["ms"]["data"])
    return [[f"composing a query of ten steps takes under {MOST_US} µs", f"{'reached' if us < MOST_US else 'missed'} ({us:.1f} µs; {new:.1f} µs when the session has not seen the words)"],
            ["running it over many rows takes what its SQL takes", f"{'reached' if ratio <= MARGIN else 'missed'} ({ratio:.2f})"],
            [f"{part['literal']['rows']:,} literal rows: no slower as data than as VALUES",
             f"{'reached' if literal * MARGIN >= 1 else 'missed'} ({literal:.2f} times faster)"]]


def query_rows(part):
    rows = []
    for name, words in (("short", "few rows"), ("long", "many rows")):
        for key, ms in part[name].items():
            rows.append([f"{words}: {WAYS[key]}", ms_text(statistics.median(ms)), ratio_text(paired(ms, part[name]["hand"]))])
    for key, ms in part["literal"]["ms"].items():
        label = WAYS["data" if key == "data" else "values"]
        rows.append([f"{part['literal']['rows']:,} rows to match: {label}", ms_text(statistics.median(ms)), ratio_text(paired(ms, part["literal"]["ms"]["text"]))])
    for key, ms in part["literal"].get("given", {}).items():
        label = "more.rows over " + WAYS["data"] if key == "data" else WAYS["values"] + ", as jsonb"
        rows.append([f"{part['literal']['rows']:,} rows given back: {label}", ms_text(statistics.median(ms)), ratio_text(paired(ms, part["literal"]["given"]["text"]))])
    return rows
