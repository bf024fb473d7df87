"""The file of a day -> a list for each of its columns: read_day.py DAY FILE. What PostgreSQL is given is bound, never pasted."""

import staging
import step

TEXTS = ("day", "time_hour", "carrier", "origin", "dest", "tailnum")


def value(path, number, name, text):
    if text == "NA":
        return None
    if name in TEXTS:
        return text
    try:
        return int(text)
    except ValueError:
        step.fail(step.UNUSABLE_DATA, f"{path}, line {number}: {name} is {text!r}, no whole number")


def columns(path, day, lines):
    found = {name: [] for name in staging.JOINED}
    for number, line in enumerate(lines, start=2):
        values = line.split(",")
        if len(values) != len(staging.JOINED) or values[0] != day:
            step.fail(step.UNUSABLE_DATA, f"{path}, line {number}: {len(values)} values of {values[0]!r}",
                      f"expected: {len(staging.JOINED)} values of {day}")
        for name, text in zip(staging.JOINED, values):
            found[name].append(value(path, number, name, text))
    del found["day"]
    return found


def main():
    day, path = step.arguments("DAY", "FILE")
    lines = staging.read_file(path, staging.JOINED)
    step.give_values(flights=len(lines), **columns(path, day, lines))


if __name__ == "__main__":
    main()
