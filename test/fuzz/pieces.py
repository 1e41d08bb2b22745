"""SQL text in pieces, so that a failing query can be made smaller.

A piece is a string, a tuple of pieces, or Many: pieces with something between them, of which some can be left out.
"""


class Many:
    """Pieces with a separator; at least `least` of them must stay."""

    def __init__(self, separator, items, least=1):
        self.separator = separator
        self.items = list(items)
        self.least = least


def maybe(piece):
    """A piece that can be left out."""
    return Many("", [piece], 0)


def text(piece):
    """The SQL text."""
    if isinstance(piece, str):
        return piece
    if isinstance(piece, Many):
        return piece.separator.join(text(item) for item in piece.items)
    return "".join(text(part) for part in piece)


def lists(piece):
    """Every Many in a piece, outer ones first."""
    if isinstance(piece, Many):
        yield piece
        for item in list(piece.items):
            yield from lists(item)
    elif isinstance(piece, tuple):
        for part in piece:
            yield from lists(part)


def shorten(many, still_fails):
    """Leaves out as much of one list as can be; True if something was left out."""
    kept = len(many.items)
    chunk = kept
    while chunk >= 1:
        start = 0
        while start < len(many.items):
            before = many.items
            many.items = before[:start] + before[start + chunk:]
            if len(many.items) == len(before) or len(many.items) < many.least or not still_fails():
                many.items = before
                start += chunk
        chunk //= 2
    return len(many.items) < kept


def reduce(piece, still_fails):
    """Leaves out, in place, what the failure does not need. still_fails() raises TimeoutError when time is up."""
    try:
        while any([shorten(many, still_fails) for many in list(lists(piece))]):
            pass
    except TimeoutError:
        pass
