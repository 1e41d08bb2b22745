"""The part of nested documents in the report."""

import statistics

# How many times faster than the loop and than the chain, and how many times slower than COPY.
FIGURES = (
    ("loop", "at least 30 times faster than a client's loop", lambda ratio: ratio >= 30, True),
    ("chain", "no slower than INSERTs chained in one WITH", lambda ratio: ratio * 1.05 >= 1, True),
    ("copy", "at most 2.5 times COPY with keys made in advance", lambda ratio: ratio <= 2.5, False),
)


def medians(part):
    return {key: statistics.median(ms) for key, ms in part["ms"].items()}


def nested_verdicts(part):
    found = medians(part)
    lines = []
    for other, figure, holds, faster in FIGURES:
        ratio = found[other] / found["more"] if faster else found["more"] / found[other]
        lines.append(["nested_insert: " + figure, f"{'reached' if holds(ratio) else 'missed'} ({ratio:.2f})"])
    return lines


def nested_rows(part):
    found = medians(part)
    return [[f"**{part['labels'][key]}**" if key == "more" else part["labels"][key], f"{ms:,.0f}", f"{ms / found['more']:.2f}"]
            for key, ms in sorted(found.items(), key=lambda item: item[1])]
