"""The planner's part of the report: off against on. Also docs/planner.md's section, made by
python3 bench/report.py FOLDER docs/planner.md."""

import os
import re
import shutil
import statistics

from chart import draw

SMALL_LIST = 30         # up to here a list of tuples may not be slower than off
SECTION = "## Measurements"

TITLES = {
    "plain": "(shop, sku) IN (…), no index",
    "indexed": "(shop, sku) IN (…), with an index",
    "arrays": "Arrays that the server does not hash, no index",
    "rows_in": "more.rows_in in FROM with a filter and LIMIT",
    "or": "ORs that span relations",
    "unions": "Conditions on UNION and EXCEPT",
    "annotation": "An annotation that is repeated",
    "case": "Django's bulk_update",
    "nothing": "Nothing to rewrite",
}
NOTHING = {"simple": "pgbench -S, simple protocol", "prepared": "pgbench -S, prepared", "join": "a join of 30 tables, planned and run"}
PLANNING = {"spans": "with an OR that spans relations", "one": "without one"}
CHARTS = {"plain": "planner_lists.svg", "indexed": "planner_lists_indexed.svg", "case": "planner_case.svg"}


def ms_text(ms):
    if ms is None:
        return "-"
    return f"{ms:,.0f}" if ms >= 100 else f"{ms:.1f}" if ms >= 10 else f"{ms:.2f}" if ms >= 1 else f"{ms:.3f}"


def ratio_text(ratio):
    return "-" if ratio is None else f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def median(values):
    return statistics.median(values) if values else None


def paired(slow, fast):
    """How many times faster one is: the median of the rounds' ratios, or where one was run once, of the medians."""
    if not slow or not fast:
        return None
    if len(slow) != len(fast):
        return median(slow) / median(fast)
    return median([a / b for a, b in zip(slow, fast)])


def ways_of(name, parts):
    """(label, sizes, {mode: {n: [ms]}}) for each way of a table; also of Django's statement, which writes."""
    if name in ("plain", "indexed"):
        part = parts["planner_lists"][name]
    elif name == "case":
        out = []
        for words, measured in (("one column", parts["planner_case"]["one"]), ("two columns", parts["planner_case"]["two"])):
            out.append((words, measured["sizes"], {mode: {int(n): ms for n, ms in by.items()} for mode, by in measured["ms"].items()}))
        return out
    else:
        part = (parts["planner_" + name[5:]]["wide"] if name.startswith("wide_") else
                parts["planner_annotation"][name] if name in ("whole", "once") else
                parts["planner_case"]["warm"] if name == "warm" else parts["planner_" + name])
    return [(way["label"], part["sizes"], {mode: {int(n): ms for n, ms in by.items()} for mode, by in way["ms"].items()})
            for way in part["ways"]]


def there(name, parts):
    return {"plain": "planner_lists", "indexed": "planner_lists"}.get(name, "planner_" + name) in parts


def way_table(ways, title="milliseconds, median"):
    sizes = ways[0][1]
    rows = []
    for label, _, ms in ways:
        rows += [[f"{label}: {mode}"] + [ms_text(median(by.get(n))) for n in sizes] for mode, by in ms.items()]
        rows.append([f"**{label}: off ÷ on**"] + [ratio_text(paired(ms["off"].get(n), ms["on"].get(n))) for n in sizes])
        for other in ("join", "union", "hand"):
            if other in ms:
                rows.append([f"**{label}: {other} ÷ on**"] + [ratio_text(paired(ms[other].get(n), ms["on"].get(n))) for n in sizes])
    return table([title] + [f"{n:,}" for n in sizes], rows)


def way_chart(name, parts, subtitle):
    lines = []
    for label, _, ms in ways_of(name, parts):
        for mode, kind in (("off", "idiom"), ("on", "more")):
            points = {n: median(all_ms) for n, all_ms in ms[mode].items() if all_ms}
            if "plus" not in label:     # between the two others
                lines.append((f"{label}: {mode}", kind, points))
    return draw(TITLES[name], subtitle, lines, "rows in one statement" if name == "case" else "tuples in one list")


def percent(counts, state):
    return (counts[state] / counts["not loaded"] - 1) * 100


def nothing_table(part):
    rows = []
    for key, counts in part["instructions"].items():
        rows.append([NOTHING[key], f"{counts['not loaded']:,.0f}"] + [f"{percent(counts, state):+.2f} %" for state in ("off", "on")])
    return table(["instructions for one statement", "not loaded", "off", "on"], rows)


def planning_table(part):
    rows = [[f"ten relations, {PLANNING[key]}", ms_text(median(ms["off"])), ms_text(median(ms["on"])), ratio_text(paired(ms["on"], ms["off"]))]
            for key, ms in part["planning"].items()]
    return table(["planning, milliseconds, median", "off", "on", "on ÷ off"], rows)


def planner_verdicts(parts):
    """Lines of (figure, result) for every figure that was asked for."""
    lines = []

    def line(figure, ratios, holds):
        """ratios: {what: ratio}"""
        ratios = {what: ratio for what, ratio in ratios.items() if ratio is not None}
        missed = [f"{what} ({ratio_text(ratio)})" for what, ratio in ratios.items() if not holds(ratio)]
        low, high = (ratio_text(pick(ratios.values(), default=None)) for pick in (min, max))
        lines.append([figure, "not measured" if not ratios else "missed: " + ", ".join(missed) if missed else
                      f"reached ({low})" if low == high else f"reached ({low} to {high})"])

    def at(name, sizes, slow="off", only=""):
        return {f"{label}, {n:,}": paired(ms[slow].get(n), ms["on"].get(n))
                for label, _, ms in ways_of(name, parts) for n in sizes if only in label}

    if there("plain", parts):
        line("1,000 tuples, no index: at least 100 times faster", at("plain", [1_000]), lambda ratio: ratio >= 100)
        line("5,000 tuples, index, plan plus execution: at least 5 times faster", at("indexed", [5_000], only="plus"),
             lambda ratio: ratio >= 5)
        for name, words in (("plain", "no index"), ("indexed", "index")):
            line(f"2 to {SMALL_LIST} tuples, {words}: at most 5 % slower",
                 at(name, [n for n in ways_of(name, parts)[0][1] if n <= SMALL_LIST]), lambda ratio: ratio * 1.05 >= 1)
    if there("case", parts):
        line("Django's bulk_update of 10,000 rows in memory: at least 8 times faster", at("warm", [10_000]), lambda ratio: ratio >= 8)
        line("… of rows that are anywhere in 2 million, each page new in WAL: the same", at("case", [10_000]), lambda ratio: ratio >= 8)
        growth = {label: median(ms["on"][100_000]) / median(ms["on"][10_000]) for label, _, ms in ways_of("warm", parts) + ways_of("case", parts)
                  if ms["on"].get(100_000)}
        line("… of 100,000 rows: linear (at most 15 times the time of 10,000)", growth, lambda ratio: ratio <= 15)
    if there("rows_in", parts):
        line("rows_in with a filter and LIMIT: as fast as the join, within 5 %", at("rows_in", ways_of("rows_in", parts)[0][1], "join"),
             lambda ratio: ratio * 1.05 >= 1)
    if there("or", parts):
        rows = ways_of("or", parts)[0][1]
        line("an OR over left joins: at least 50 times faster", at("or", rows, only="LEFT"), lambda ratio: ratio >= 50)
        line("… and at most 1.5 times the time of a UNION by hand", at("or", rows, "union", only="LEFT"), lambda ratio: ratio * 1.5 >= 1)
        line("EXISTS OR EXISTS: at least 20 times faster", at("or", rows, only="EXISTS"), lambda ratio: ratio >= 20)
        line("such filters where they are not selective: at most 5 % slower", at("wide_or", ways_of("wide_or", parts)[0][1]), lambda ratio: ratio * 1.05 >= 1)
        planning = {key: {PLANNING[key]: paired(ms["on"], ms["off"])} for key, ms in parts["planner_or"]["planning"].items()}
        line("planning ten relations with such an OR: at most 2.5 times as long", planning["spans"], lambda ratio: ratio <= 2.5)
        line("… without one: no longer, within 5 %", planning["one"], lambda ratio: ratio <= 1.05)
    if there("unions", parts):
        rows = ways_of("unions", parts)[0][1]
        line("conditions on UNION and EXCEPT of two types: at least 50 times faster", at("unions", rows), lambda ratio: ratio >= 50)
        line("… and at most 1.5 times the time of such conditions by hand", at("unions", rows, "union"), lambda ratio: ratio * 1.5 >= 1)
        line("such filters where they are not selective: at most 5 % slower", at("wide_unions", ways_of("wide_unions", parts)[0][1]),
             lambda ratio: ratio * 1.05 >= 1)
    if there("annotation", parts):
        line("a repeated annotation in three places: at least 2 times faster", at("annotation", ways_of("annotation", parts)[0][1]),
             lambda ratio: ratio >= 2)
        line("… where its second place is hardly asked: at most 5 % slower", at("once", ways_of("once", parts)[0][1]),
             lambda ratio: ratio * 1.05 >= 1)
    if there("nothing", parts):
        instructions = parts["planner_nothing"]["instructions"]
        losses = {f"{NOTHING[key]}, {state} ({percent(counts, state):+.2f} %)": percent(counts, state)
                  for key, counts in instructions.items() for state in ("off", "on")}
        line("nothing to rewrite: at most 1 % more instructions than without pg_more", losses, lambda loss: loss <= 1)
    return lines


def planner_lines(parts, subtitle, folder, images=""):
    """The sections, and the charts as files in the folder; images: where the text finds them."""
    lines = []
    for name, title in TITLES.items():
        if not there(name, parts):
            continue
        lines += ["", f"### {title}", ""]
        if name == "nothing":
            lines += nothing_table(parts["planner_nothing"])
            continue
        lines += way_table(ways_of(name, parts))
        if name in ("or", "unions"):
            lines += [""] + way_table(ways_of("wide_" + name, parts), "milliseconds, median, where so many in 100 rows are found")
        if name == "case":
            lines += ["", "The same of rows that follow each other and are in memory, as those are that were just made:", ""]
            lines += way_table(ways_of("warm", parts))
        if name == "or":
            lines += [""] + planning_table(parts["planner_or"])
        if name == "annotation":
            lines += [""] + way_table(ways_of("whole", parts)) + [""] + way_table(ways_of("once", parts))
        if name in CHARTS:
            with open(os.path.join(folder, CHARTS[name]), "w", encoding="utf-8") as file:
                file.write(way_chart(name, parts, subtitle))
            if images:
                lines += ["", f"![{title}: time against size]({images}{CHARTS[name]})"]
    return lines


def fill(page, folder, about, parts, subtitle):
    """Puts the planner's measurements into a page, in place of those that it has, and the charts into img/ beside it."""
    if not all(there(name, parts) for name in TITLES) or about["quick"]:
        raise SystemExit("only a full run of all of the planner's parts goes into a page")
    lines = [SECTION, "",
             "Each statement with `pg_more.rewrites` off and on, in turns in one session; the times are medians, and each ratio is the",
             "median of the turns' ratios. The clock runs from the first byte sent to the last answer read, so parsing and planning",
             "count; \"plan plus execution\" starts after parsing. What takes off more than 4 seconds, and twice as long as on, was run once.",
             "[bench/README.md](../bench/README.md) has the details.", "",
             f"PostgreSQL {about['server']}, {about['cpu']}, {about['cores']} cores, {about['date']}. "
             f"{about['files']:,} rows in the table that is searched, {about['rows']:,} in the one that is updated.", ""]
    lines += table(["figure", "result"], planner_verdicts(parts)) + planner_lines(parts, subtitle, folder, "img/")
    with open(page, encoding="utf-8") as file:
        text = file.read().rstrip("\n") + "\n"
    before, _, after = text.partition("\n" + SECTION + "\n")
    following = re.search(r"^## ", after, re.MULTILINE)
    rest = "\n" + after[following.start():] if following else ""
    with open(page, "w", encoding="utf-8") as file:
        file.write(before.rstrip("\n") + "\n\n" + "\n".join(lines) + "\n" + rest)
    for chart in CHARTS.values():
        shutil.copy(os.path.join(folder, chart), os.path.join(os.path.dirname(page), "img", chart))
