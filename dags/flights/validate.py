"""flights.csv -> valid.csv: every line that makes sense, once. validate.py DAY MAX_REJECTS

A line that says nothing sensible is rejected, and more than MAX_REJECTS of them fail the step. A line that stands twice counts
once. Two different lines about one flight always fail the step: nobody can know which one is right.
"""

import staging
import step

WHOLE = ("sched_dep_time", "sched_arr_time", "flight", "distance", "hour", "minute")
WHOLE_OR_NA = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
CLOCK = ("sched_dep_time", "sched_arr_time", "dep_time", "arr_time")  # HHMM, 2400 for midnight
KEY = ("carrier", "flight", "origin", "time_hour")


def is_whole(text):
    return text.isascii() and text.removeprefix("-").isdigit() and len(text) < 10


def is_clock(text):
    return text == "NA" or (0 <= int(text) <= 2400 and int(text) % 100 < 60)


def is_hour(text):
    """An instant in UTC at which an hour begins: 2013-01-01T10:00:00Z."""
    return len(text) == 20 and text[4] == text[7] == "-" and text[10] == "T" and text.endswith(":00:00Z")


def faults(day, line):
    """What is wrong with a line; nothing when it is sound."""
    values = line.split(",")
    if len(values) != len(staging.FLIGHT) or '"' in line:
        return [f"{len(values)} values, {len(staging.FLIGHT)} expected, none in quotes"]
    row = dict(zip(staging.FLIGHT, values))
    found = [f"{name} is {row[name]!r}, no whole number" for name in WHOLE if not is_whole(row[name])]
    found += [f"{name} is {row[name]!r}, neither a whole number nor NA" for name in WHOLE_OR_NA
              if row[name] != "NA" and not is_whole(row[name])]
    if found:
        return found
    found += [f"{name} is {row[name]}, no time of day" for name in CLOCK if not is_clock(row[name])]
    found += [f"{name} is missing" for name in ("carrier", "origin", "dest") if row[name] in ("", "NA")]
    if "-".join((row["year"], row["month"].zfill(2), row["day"].zfill(2))) != day:
        found.append(f"it is about another day: {row['year']}-{row['month']}-{row['day']}")
    if int(row["sched_dep_time"]) != int(row["hour"]) * 100 + int(row["minute"]) or not is_hour(row["time_hour"]):
        found.append("hour, minute or time_hour do not fit the scheduled departure")
    return found + contradictions(row)


def contradictions(row):
    """Cancelled flights (no dep_time) have no delay and never arrive; diverted ones (no arr_delay) have departed."""
    known = {name for name in WHOLE_OR_NA if row[name] != "NA"}
    if "dep_time" not in known:
        return [f"a cancelled flight has {name}" for name in sorted(known)]
    found = [] if "dep_delay" in known else ["it departed, but with no dep_delay"]
    if "arr_delay" in known and not {"arr_time", "air_time"} <= known:
        found.append("it has arr_delay, but not both of arr_time and air_time")
    return found


def sift(day, lines):
    """(sound lines, duplicates, rejects with their reasons)"""
    by_key, duplicates, rejects = {}, 0, []
    for number, line in enumerate(lines, start=2):
        wrong = faults(day, line)
        if wrong:
            rejects.append(f"line {number}: {'; '.join(wrong)}")
            continue
        row = dict(zip(staging.FLIGHT, line.split(",")))
        key = tuple(row[name] for name in KEY)
        if by_key.setdefault(key, line) is line:
            continue
        if by_key[key] != line:
            step.fail(step.UNUSABLE_DATA, f"line {number}: {' '.join(key)} stands twice, and differently", by_key[key], line)
        duplicates += 1
    return list(by_key.values()), duplicates, rejects


def main():
    day, max_rejects = step.arguments("DAY", "MAX_REJECTS")
    valid, duplicates, rejects = sift(day, staging.read(day, "flights.csv", staging.FLIGHT))
    print(*(f"rejected: {reject}" for reject in rejects), sep="\n", end="\n" if rejects else "")
    if len(rejects) > int(max_rejects):
        step.fail(step.UNUSABLE_DATA, f"{len(rejects)} lines of {day} cannot be used, {max_rejects} are allowed", *rejects[:20],
                  f"accept them: a run with max_rejects={len(rejects)}")
    staging.write(day, "valid.csv", staging.FLIGHT, valid)
    step.give_outputs(valid=len(valid), duplicates=duplicates, rejected=len(rejects))


if __name__ == "__main__":
    main()
