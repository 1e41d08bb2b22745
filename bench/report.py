"""Turns result.json into table.md and charts: medians, ratios, and for each figure asked for whether it was reached.
To redo it from kept results: python3 bench/report.py FOLDER. With a page besides, such as docs/planner.md, the planner's
measurements go into its section."""

import json
import os
import statistics
import sys

sys.dont_write_bytecode = True      # nothing is left in the checkout when this is run by hand
from chart import draw  # noqa: E402
from enums_report import enum_lines, enum_verdicts  # noqa: E402
from indexes_report import index_lines, index_verdicts  # noqa: E402
from nested_report import nested_rows, nested_verdicts, reading_rows  # noqa: E402
from planner_report import fill, planner_lines, planner_verdicts  # noqa: E402
from queries_report import query_rows, query_verdicts  # noqa: E402

MARGIN = 1.05       # "no slower" allows for this much of noise

TITLES = {
    "update": "bulk_update: three columns, each row its own values",
    "upsert": "bulk_upsert: half of the keys exist",
    "insert": "bulk_insert: new keys",
    "decode": "Decoding alone: the parameter to typed columns",
    "plain": "rows_in: a list of (md5, sha256), no index",
    "indexed": "rows_in: a list of (md5, sha256), with an index",
}
FORMS = {"more_json": "JSON", "more_arrays": "typed arrays"}


def ms_text(ms):
    if ms is None:
        return "-"
    return f"{ms:,.0f}" if ms >= 100 else f"{ms:.1f}" if ms >= 10 else f"{ms:.2f}" if ms >= 1 else f"{ms:.3f}"


def ratio_text(ratio):
    return "-" if ratio is None else f"{ratio:.2f}"


def markdown(header, rows):
    lines = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


class Part:
    """One part's medians by side and size, and what follows from them."""

    def __init__(self, part):
        self.sizes = part["sizes"]
        self.sides = part["sides"]
        self.medians = {side["key"]: {int(n): statistics.median(ms) for n, ms in part["ms"][side["key"]].items() if ms}
                        for side in self.sides}

    def best(self, kind, n):
        """The fastest side of a kind at a size: its label and time."""
        found = [(self.medians[s["key"]][n], s["label"]) for s in self.sides if s["kind"] == kind and n in self.medians[s["key"]]]
        return min(found) if found else (None, None)

    def ratio(self, form, kind, n, speedup):
        """How many times faster than the best of a kind a form of pg_more is; or, the other way round, how many times slower."""
        more, other = self.medians[form].get(n), self.best(kind, n)[0]
        if more is None or other is None:
            return None
        return other / more if speedup else more / other

    def ratios(self, form, kind, speedup):
        return {n: r for n in self.sizes if (r := self.ratio(form, kind, n, speedup)) is not None}

    def table(self):
        header = ["milliseconds, median"] + [f"{n:,}" for n in self.sizes]
        rows = []
        for side in self.sides:
            name = f"**{side['label']}**" if side["kind"] == "more" else side["label"]
            rows.append([name] + [ms_text(self.medians[side["key"]].get(n)) for n in self.sizes])
        for form, word in FORMS.items():
            rows.append([f"best idiom ÷ {word}"] + [ratio_text(self.ratio(form, "idiom", n, True)) for n in self.sizes])
        if any(side["kind"] == "floor" for side in self.sides):
            for form, word in FORMS.items():
                rows.append([f"{word} ÷ floor"] + [ratio_text(self.ratio(form, "floor", n, False)) for n in self.sizes])
        return markdown(header, rows)


def judged(ratios, holds):
    """reached, or missed and where; with the ratios' range."""
    if not ratios:
        return "not measured"
    missed = [n for n, ratio in ratios.items() if not holds(ratio)]
    span = f"{min(ratios.values()):.2f}" + (f" to {max(ratios.values()):.2f}" if len(ratios) > 1 else "")
    if not missed:
        return f"reached ({span})"
    return "missed at " + ", ".join(f"{n:,} ({ratios[n]:.2f})" for n in missed)


def verdicts(parts):
    """Lines of (figure, JSON, typed arrays) for every figure that was asked for."""
    lines = []

    def line(figure, part, kind, speedup, holds, start=0):
        judged_forms = []
        for form in FORMS:
            ratios = {n: r for n, r in part.ratios(form, kind, speedup).items() if n >= start}
            judged_forms.append(judged(ratios, holds))
        lines.append([figure] + judged_forms)

    def no_slower(ratio):
        return ratio * MARGIN >= 1

    for name in ("update", "upsert", "insert"):
        if name in parts:
            part = Part(parts[name])
            line(f"bulk_{name}: no slower than the best idiom at every N", part, "idiom", True, no_slower)
            line(f"bulk_{name}: at least 1.5 times faster than the best idiom from 100,000 on", part, "idiom", True,
                 lambda ratio: ratio >= 1.5, 100_000)
            if name == "update":
                line("bulk_update: at most 1.5 times the floor", part, "floor", False, lambda ratio: ratio <= 1.5)
    if "decode" in parts:
        line("decoding: at least 2 times faster than jsonb_to_recordset", Part(parts["decode"]), "idiom", True,
             lambda ratio: ratio >= 2)
    if "rows_in" in parts:
        for name, words in (("plain", "without"), ("indexed", "with")):
            line(f"rows_in {words} an index: no slower than the best join", Part(parts["rows_in"][name]), "idiom", True, no_slower)
    if "one_row" in parts:
        for where, (_, ratio) in zip(("as the client sees it", "inside the server"), one_row_ratios(parts["one_row"])):
            lines.append([f"one row in a call, {where}: at most 1.5 times a prepared UPDATE plus a function call",
                          f"{'reached' if ratio <= 1.5 else 'missed'} ({ratio:.2f})", "-"])
    if parts.get("memory"):
        by_key = {way["key"]: way for way in parts["memory"]["ways"]}
        cells = []
        for form, receive in (("more_json", "receive_json"), ("more_arrays", "receive_arrays")):
            over = by_key[form]["private_peak_kb"] - by_key[receive]["private_peak_kb"]
            allowed = parts["memory"]["work_mem_kb"] + by_key[form]["input_kb"]
            cells.append(f"{'reached' if over <= allowed else 'missed'} ({over / 1024:.0f} MB over receiving it; "
                         f"allowed {allowed / 1024:.0f})")
        lines.append([f"memory for {parts['memory']['n']:,} rows: at most work_mem plus the input"] + cells)
    return lines


def one_row_ratios(part):
    out = []
    for where in ("client_us", "inside_us"):
        medians = {name: statistics.median(us) for name, us in part[where].items()}
        out.append((medians, medians["more"] / (medians["update"] + medians["noop"])))
    return out


def write_report(folder, page=None):
    with open(os.path.join(folder, "result.json"), encoding="utf-8") as file:
        result = json.load(file)
    about, parts = result["about"], result["parts"]
    subtitle = f"PostgreSQL {about['server'].split()[0]}, {about['rows']:,} rows in the table; median, lower is better"
    files_subtitle = subtitle.replace(f"{about['rows']:,}", f"{about['files']:,}")
    lines = ["# Measurements", "",
             f"PostgreSQL {about['server']}, {about['cpu']}, {about['cores']} cores, {about['date']}. "
             f"{about['rows']:,} rows in the table that is written, {about['files']:,} in the one that rows_in searches.",
             "Settings: " + ", ".join(f"{name} = {value}" for name, value in about["settings"].items()) + ".",
             "How each figure is taken: bench/README.md. \"-\": not tried at that size, or no such side."]
    if about["quick"]:
        lines += ["", "**A quick run: small tables and few repeats. It shows that the bench works and no more.**"]
    lines += ["", "## Reached or missed", "",
              f"\"No slower\" allows {MARGIN - 1:.0%} for noise. Ratios over 1 are in favour of pg_more, except against the floor.", ""]
    if any(name not in ("enums", "check_unique", "nested", "query") and not name.startswith("planner_") for name in parts):
        lines += markdown(["figure", "JSON", "typed arrays"], verdicts(parts))
    if any(name.startswith("planner_") for name in parts):
        lines += ["", "## The planner: rewrites off against on", ""] + markdown(["figure", "result"], planner_verdicts(parts))
        lines += planner_lines(parts, files_subtitle, folder)
    if "enums" in parts:
        lines += ["", "## Values of an enum type, dropped and replaced", ""] + markdown(["figure", "result"], enum_verdicts(parts["enums"]))
        lines += [""] + enum_lines(parts["enums"])
    if "check_unique" in parts:
        lines += ["", "## Rows checked against unique indexes", ""] + markdown(["figure", "result"], index_verdicts(parts["check_unique"]))
        lines += [""] + index_lines(parts["check_unique"])
    if "nested" in parts:
        nested = parts["nested"]
        lines += ["", f"## Nested documents: {nested['parents']:,} of {nested['rows']:,} rows", ""]
        lines += markdown(["figure", "result"], nested_verdicts(nested))
        lines += [""] + markdown(["milliseconds, median", "passed", "÷ nested_insert", "on a processor", "÷ nested_insert"], nested_rows(nested))
        for limit, rows in reading_rows(nested).items():
            lines += ["", f"Read: {limit:,} documents.", ""] + markdown(["milliseconds, median", "passed", "÷ nested_select", "on a processor", "÷ nested_select"], rows)
    if "query" in parts:
        lines += ["", "## Queries as values", ""] + markdown(["figure", "result"], query_verdicts(parts["query"]))
        lines += [""] + markdown(["milliseconds, median", "", "÷ SQL"], query_rows(parts["query"]))

    charts = []
    for name in ("update", "upsert", "insert", "decode"):
        if name in parts:
            charts.append((name, name + ".svg", parts[name], subtitle))
    for name, file_name in (("plain", "rows_in.svg"), ("indexed", "rows_in_indexed.svg")):
        if "rows_in" in parts:
            charts.append((name, file_name, parts["rows_in"][name], files_subtitle))
    for name, file_name, data, words in charts:
        part = Part(data)
        lines += ["", "## " + TITLES[name], ""] + part.table()
        svg = draw(TITLES[name], words, [(s["label"], s["kind"], part.medians[s["key"]]) for s in part.sides])
        with open(os.path.join(folder, file_name), "w", encoding="utf-8") as file:
            file.write(svg)

    if "one_row" in parts:
        rows = []
        for where, (medians, ratio) in zip(("as the client sees it (pgbench, prepared)", "inside the server (PL/pgSQL loop)"),
                                           one_row_ratios(parts["one_row"])):
            rows.append([where] + [f"{medians[name]:.1f}" for name in ("update", "noop", "more")]
                        + [f"{ratio:.2f}", f"{medians['more'] / medians['update']:.2f}"])
        lines += ["", "## One row in a call", ""] + markdown(
            ["microseconds, median", "UPDATE", "a function that does nothing", "more.bulk_update",
             "bulk_update ÷ (UPDATE + function)", "bulk_update ÷ UPDATE"], rows)
    if parts.get("memory"):
        memory = parts["memory"]
        rows = [[way["label"]] + [f"{way[key] / 1024:,.0f}" for key in
                                  ("input_kb", "before_kb", "private_peak_kb", "hwm_kb", "shared_kb")] for way in memory["ways"]]
        lines += ["", f"## Memory of a fresh backend, {memory['n']:,} rows in one call", "",
                  f"work_mem = {memory['work_mem_kb'] / 1024:g} MB. VmHWM counts the shared buffers that the backend touched; "
                  "the private peak does not.", ""]
        lines += markdown(["MB", "input", "private, before", "private, peak", "VmHWM", "of it shared"], rows)
    with open(os.path.join(folder, "table.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    if page:
        fill(page, folder, about, parts, files_subtitle)


if __name__ == "__main__":
    write_report(*sys.argv[1:3])
