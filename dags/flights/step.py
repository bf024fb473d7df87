"""What every step has: its folder, its arguments, its outputs, and its way to fail.

It imports almost nothing, and so do the steps: a year of days starts 2,920 of them, and most of what each one costs is Python's
own start. That is why there is no argparse, no json and no csv here, which would double it.
"""

import os
import sys

# Exit codes, with the numbers of sysexits.h. The DAG files retry on TRY_AGAIN alone.
WRONG_USAGE = 64
UNUSABLE_DATA = 65
NO_INPUT = 66
TRY_AGAIN = 75


def home():
    """Where all data lie: $FLIGHTS_DIR, else a folder in the user's cache; scripts/fetch-flights looks at the same place."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("FLIGHTS_DIR") or os.path.join(cache, "pipelined-flights")


def arguments(*names):
    if len(sys.argv) != len(names) + 1:
        fail(WRONG_USAGE, f"usage: {os.path.basename(sys.argv[0])} {' '.join(names)}")
    return sys.argv[1:]


def give_outputs(**numbers):
    """Each whole number becomes one output of the task, {{ tasks.<task>.<key> }} for those downstream."""
    print("outputs: " + ", ".join(f"{key}={value}" for key, value in numbers.items()))
    target = os.environ.get("PIPELINED_OUTPUT")
    if target:  # not set when the step is run by hand
        with open(target, "w", encoding="ascii") as file:  # in place: the file is there already
            file.write("{" + ", ".join(f'"{key}": {value:d}' for key, value in numbers.items()) + "}")


def give_values(**values):
    """The same for texts and lists. It is JSON's module that costs time, so the steps of flights_daily go without."""
    import json
    target = os.environ.get("PIPELINED_OUTPUT")
    if target:
        with open(target, "w", encoding="utf-8") as file:
            json.dump(values, file)


def fail(code, message, *details):
    print(f"error: {message}", *(f"  {detail}" for detail in details), sep="\n", file=sys.stderr)
    raise SystemExit(code)
