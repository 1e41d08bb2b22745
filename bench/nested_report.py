"""The part of nested documents in the report."""

import statistics

# How many times faster than the loop and than the chain, and how many times slower than COPY.
FIGURES = (
    ("loop", "at least 30 times faster than a client's loop in one transaction", lambda ratio: ratio >= 30, True),
    ("commits", "at least 30 times faster than a client's loop with a commit for each row", lambda ratio: ratio >= 30, True),
    ("chain", "no slower than INSERTs chained in one WITH", lambda ratio: ratio * 1.05 >= 1, True),
    ("copy", "at most 2.5 times COPY with keys made in advance", lambda ratio: ratio <= 2.5, False),
)


def medians(ms):
    return {key: statistics.median(times) for key, times in ms.items()}


def ratio_of(times, one, other):
    """How many times the one side's time is the other's: the median of the turns' own ratios."""
    return statistics.median(a / b for a, b in zip(times[one], times[other]))


def lines_of(part, labels):
    """A line for each side: its medians, and how many times the verb's they are."""
    lines = []
    for key, _ in sorted(medians(part["ms"]).items(), key=lambda item: item[1]):
        line = [f"**{labels[key]}**" if key == "more" else labels[key]]
        for what in ("ms", "cpu"):
            time = statistics.median(part[what][key])
            line += [f"{time:,.1f}" if time < 100 else f"{time:,.0f}", f"{ratio_of(part[what], key, 'more'):.2f}"]
        lines.append(line)
    return lines


def nested_verdicts(part):
    lines = []
    for other, figure, holds, faster in FIGURES:
        pair = (other, "more") if faster else ("more", other)
        ratio = ratio_of(part["ms"], *pair)
        lines.append(["nested_insert: " + figure,
                      f"{'reached' if holds(ratio) else 'missed'} ({ratio:.2f}; on a processor {ratio_of(part['cpu'], *pair):.2f})"])
    return lines


def nested_rows(part):
    return lines_of(part, part["labels"])


def reading_rows(part):
    """For each number of documents, the lines of those who read them."""
    return {int(limit): lines_of(times, part["readers"]) for limit, times in part["reading"].items()}
