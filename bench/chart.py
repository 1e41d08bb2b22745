"""Draws the results as SVG: time against rows, both logarithmic, a line for each way to do it."""

import math
from html import escape

WIDTH, HEIGHT = 960, 540
LEFT, RIGHT, TOP, BOTTOM = 78, 372, 78, 58

# pg_more stands out; the idioms have colours that are told apart by most eyes, and marks of their own besides.
MORE = [("#0b5fa5", ""), ("#c4320a", "")]
IDIOMS = ["#7a5195", "#2f8f5b", "#b8860b", "#4a9cc7", "#8c564b", "#c2589b", "#6b7280"]
FLOOR = "#111827"


def label_ms(ms):
    if ms >= 1000:
        return f"{ms / 1000:g} s"
    return f"{ms:g} ms" if ms >= 1 else f"{ms * 1000:g} µs"


def mark(shape, x, y, colour):
    r = 3.6
    if shape == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="{colour}"/>'
    if shape == 1:
        return f'<rect x="{x - r:.1f}" y="{y - r:.1f}" width="{2 * r}" height="{2 * r}" fill="{colour}"/>'
    points = {2: [(0, -4.6), (4.4, 3.4), (-4.4, 3.4)], 3: [(0, 4.6), (4.4, -3.4), (-4.4, -3.4)],
              4: [(0, -5), (5, 0), (0, 5), (-5, 0)]}[shape]
    return f'<polygon points="{" ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in points)}" fill="{colour}"/>'


def draw(title, subtitle, lines, across="rows in one call"):
    """lines: (label, kind, {rows: milliseconds}); kind is idiom, other, more or floor. Returns the SVG's text."""
    lines = [line for line in lines if line[2]]
    sizes = sorted({n for _, _, points in lines for n in points})
    values = [ms for _, _, points in lines for ms in points.values()]
    x_low, x_high = math.log10(sizes[0]), math.log10(sizes[-1])
    if x_high == x_low:
        x_low, x_high = x_low - 0.5, x_high + 0.5
    y_low, y_high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    y_high = max(y_high, y_low + 1)

    def x_of(n):
        return LEFT + (math.log10(n) - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def y_of(ms):
        return HEIGHT - BOTTOM - (math.log10(ms) - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
           'font-family="system-ui, -apple-system, \'Segoe UI\', \'DejaVu Sans\', sans-serif" font-size="13" role="img">',
           f"<title>{escape(title)}</title>",
           f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8" fill="#ffffff" stroke="#d1d5db"/>',
           f'<text x="24" y="30" font-size="17" font-weight="600" fill="#111827">{escape(title)}</text>',
           f'<text x="24" y="49" fill="#4b5563">{escape(subtitle)}</text>']
    for power in range(y_low, y_high + 1):
        y = y_of(10 ** power)
        out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e5e7eb"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#374151">{label_ms(10.0 ** power)}</text>')
    for n in sizes:
        x = x_of(n)
        out.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#f0f1f3"/>')
        out.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 19}" text-anchor="middle" fill="#374151">{n:,}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 14}" text-anchor="middle" fill="#374151">{across}</text>')

    # The legend has the order in which the lines end; idioms first on the canvas, pg_more over them.
    styles = {}
    numbers = {"more": 0, "idiom": 0, "floor": 0}
    for label, kind, points in lines:
        kind = "idiom" if kind == "other" else kind
        number = numbers[kind]
        numbers[kind] += 1
        if kind == "more":
            styles[label] = (MORE[number % 2][0], 3.4, "", number)
        elif kind == "floor":
            styles[label] = (FLOOR, 1.6, "2 4" if number else "7 5", 4)
        else:
            styles[label] = (IDIOMS[number % len(IDIOMS)], 1.7, "", number % 5)
    for label, kind, points in sorted(lines, key=lambda line: line[1] == "more"):
        colour, width, dash, shape = styles[label]
        path = " ".join(f"{x_of(n):.1f},{y_of(ms):.1f}" for n, ms in sorted(points.items()))
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes} stroke-linejoin="round"/>')
        if kind != "floor":
            out += [mark(shape, x_of(n), y_of(ms), colour) for n, ms in points.items()]

    def ends(line):
        last = max(line[2])
        return -last, -line[2][last]

    y = TOP + 14
    x = WIDTH - RIGHT + 24
    for label, kind, points in sorted(lines, key=ends, reverse=False):
        colour, width, dash, shape = styles[label]
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        out.append(f'<line x1="{x}" y1="{y - 4}" x2="{x + 30}" y2="{y - 4}" stroke="{colour}" stroke-width="{width}"{dashes}/>')
        if kind != "floor":
            out.append(mark(shape, x + 15, y - 4, colour))
        weight = ' font-weight="600"' if kind == "more" else ""
        out.append(f'<text x="{x + 38}" y="{y}" fill="#111827" font-size="12.5"{weight}>{escape(label)}</text>')
        y += 22
    out.append("</svg>")
    return "\n".join(out) + "\n"
