"""The files that the steps of one run hand on: staging/<day>.<run id>/ in the data folder.

They are CSV as the source writes it: no quotes, NA for what is not known. The run's id keeps two runs of one day apart.
"""

import os

import step

FLIGHT = ("year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay", "carrier",
          "flight", "tailnum", "origin", "dest", "air_time", "distance", "hour", "minute", "time_hour")
WEATHER = ("origin", "year", "month", "day", "hour", "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip",
           "pressure", "visib", "time_hour")
# A flight as the warehouse keeps it, in the order of its columns; the last four are the weather's.
JOINED = ("day", "time_hour", "carrier", "flight", "origin", "dest", "tailnum", "sched_dep_time", "dep_time", "dep_delay",
          "sched_arr_time", "arr_time", "arr_delay", "air_time", "distance", "temp", "wind", "precip", "visib")


def folder(day):
    run = os.environ.get("PIPELINED_RUN_ID", "by-hand").replace("/", "_")
    return os.path.join(step.home(), "staging", f"{day}.{run}")


def handed_on(day):
    """Where the lines of a checked day stay for those who load them elsewhere."""
    return os.path.join(step.home(), "days", day + ".csv")


def write(day, name, columns, lines):
    """All of the lines or the old file: a step that is killed leaves no half file for its next try."""
    os.makedirs(folder(day), exist_ok=True)
    path = os.path.join(folder(day), name)
    with open(path + ".new", "w", encoding="utf-8", errors="surrogateescape") as file:  # bytes that are no text stay as they are
        file.write(",".join(columns) + "\n")
        file.writelines(line + "\n" for line in lines)
    os.replace(path + ".new", path)


def read(day, name, columns):
    """The lines of one of the run's files."""
    return read_file(os.path.join(folder(day), name), columns)


def read_file(path, columns):
    """The lines below the header, which must be `columns`."""
    try:
        with open(path, encoding="utf-8") as file:
            header, *lines = file.read().removesuffix("\n").split("\n")  # splitlines() would split at odd characters, too
    except FileNotFoundError:
        step.fail(step.NO_INPUT, f"{path} is not there", "a finished run removes its staging files: run this run again from extract on")
    except UnicodeDecodeError as error:
        step.fail(step.UNUSABLE_DATA, f"{path} is not text: {error}")
    if header != ",".join(columns):
        step.fail(step.UNUSABLE_DATA, f"{path} has other columns", f"expected: {','.join(columns)}", f"found:    {header[:200]}")
    return lines
