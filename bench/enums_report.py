"""The enums room's part of the report. Also docs/enums.md's section."""

import statistics

NAMES = {"swap": "type swap, in one transaction", "more": "**more.enum_drop**"}
WANTED = {"drop": 50, "replace": 10}
LONGEST_WAIT = 50       # milliseconds


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def enum_verdicts(part):
    """Lines of (figure, result) for every figure that was asked for."""
    lines = []

    def line(figure, held, result):
        lines.append([figure, f"{'reached' if held else 'missed'} ({result})"])

    for task, measured in part["tasks"].items():
        ratio = statistics.median(measured["ms"]["swap"]) / statistics.median(measured["ms"]["more"])
        line(f"{measured['words']}: at least {WANTED[task]} times faster than the swap", ratio >= WANTED[task], f"{ratio:,.1f}")
        line(f"{measured['words']}: the table's file stays", measured["same_files"]["more"],
             "kept" if measured["same_files"]["more"] else "rewritten")
        for who, waits in measured["beside"]["more"]["clients"].items():
            line(f"{measured['words']}: {who} beside it never wait longer than {LONGEST_WAIT} ms", waits["during"] <= LONGEST_WAIT,
                 f"{waits['during']:,.1f} ms; without it {waits['before']:,.1f} ms")
    return lines


def enum_lines(part):
    rows = []
    for measured in part["tasks"].values():
        for key, name in NAMES.items():
            beside = measured["beside"][key]
            rows.append([f"{measured['words']}: {name}", f"{statistics.median(measured['ms'][key]):,.0f}", f"{beside['ms']:,.0f}"]
                        + [f"{beside['clients'][who]['during']:,.1f}" for who in ("readers", "writers")])
    return table(["milliseconds", "alone, median", "with clients beside it", "longest wait of a reader", "of a writer"], rows)
