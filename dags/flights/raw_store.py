"""The raw store: the source's CSV files as they came, and where in them the lines of each day lie.

raw/index.tsv holds one line for each file, `<name> <bytes>`, and then one for each stretch of lines of one day,
`<day> <name> <offset> <bytes>`. So a step reads the 80 kB of its day and not the 31 MB of the year.
"""

import os

import step

# The field in which the date begins: year, month, day.
DATE_FIELD = {"flights.csv": 0, "weather.csv": 1}
INDEX = "index.tsv"


def stretches(path, date_field):
    """(day, offset, bytes) for each stretch of lines of one day. The lines of a day need not lie together."""
    day, begin, offset = None, 0, 0
    with open(path, "rb") as file:
        begin = offset = len(file.readline())
        for line in file:
            date = line.split(b",", date_field + 3)[date_field:date_field + 3]
            if date != day:
                if day:
                    yield text_of(day, path, begin), begin, offset - begin
                day, begin = date, offset
            offset += len(line)
    if day:
        yield text_of(day, path, begin), begin, offset - begin


def text_of(date, path, offset):
    """[b"2013", b"1", b"31"] as 2013-01-31."""
    try:
        year, month, day = map(int, date)
    except ValueError:
        step.fail(step.UNUSABLE_DATA, f"{path}: the line at byte {offset} has no date where year, month and day should be")
    return f"{year}-{month:02}-{day:02}"


def build(folder):
    """Writes the index, the last thing that a whole store gets; returns the number of days with flights."""
    lines, days = [], set()
    for name in DATE_FIELD:
        lines.append(f"{name} {os.stat(os.path.join(folder, name)).st_size}\n")
    for name, date_field in DATE_FIELD.items():
        for day, offset, size in stretches(os.path.join(folder, name), date_field):
            lines.append(f"{day} {name} {offset} {size}\n")
            if name == "flights.csv":
                days.add(day)
    path = os.path.join(folder, INDEX)
    with open(path + ".new", "w", encoding="ascii") as file:
        file.writelines(lines)
    os.replace(path + ".new", path)
    return len(days)


def is_whole(folder):
    """Whether the index is there and speaks of the files beside it."""
    try:
        with open(os.path.join(folder, INDEX), encoding="ascii") as index:
            return all(next(index) == f"{name} {os.stat(os.path.join(folder, name)).st_size}\n" for name in DATE_FIELD)
    except (OSError, StopIteration):
        return False


def read_day(folder, day):
    """{name of the file: (its header, its lines of that day)}, as bytes."""
    if not is_whole(folder):
        step.fail(step.NO_INPUT, f"there is no whole raw store in {folder}", "fetch the data: scripts/fetch-flights")
    wanted = {name: [] for name in DATE_FIELD}
    with open(os.path.join(folder, INDEX), encoding="ascii") as index:
        for line in index:
            if line.startswith(day + " "):
                _, name, offset, size = line.split()
                wanted[name].append((int(offset), int(size)))
    return {name: read_stretches(os.path.join(folder, name), places) for name, places in wanted.items()}


def read_stretches(path, places):
    with open(path, "rb") as file:
        header, lines = file.readline(), []
        for offset, size in places:
            file.seek(offset)
            lines += file.read(size).splitlines()
    return header.rstrip(b"\r\n"), lines
