"""What the Python tests print: TAP."""
count = failed = 0


def is_(got, expected, name):
    """One line of TAP: is what came back what was expected?"""
    global count, failed
    count += 1
    if got == expected:
        print(f"ok {count} - {name}")
    else:
        failed += 1
        print(f"not ok {count} - {name}\n#      got: {got!r}\n# expected: {expected!r}")


def skip(name, reason):
    """One line of TAP: what could not be tested, and why."""
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {reason}")


def finish():
    """The last line of TAP, and the exit status."""
    print(f"1..{count}")
    return 1 if failed else 0
