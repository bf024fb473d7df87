"""The raw store's lines of one day -> flights.csv and weather.csv of this run: extract.py DAY."""

import os

import raw_store
import staging
import step


def main():
    (day,) = step.arguments("DAY")
    parts = raw_store.read_day(os.path.join(step.home(), "raw"), day)
    if not parts["flights.csv"][1]:
        step.fail(step.NO_INPUT, f"the raw store has no flights of {day}", "it holds 2013: choose a logical date of that year")
    for name, (header, lines) in parts.items():
        columns = header.decode(errors="surrogateescape").split(",")
        staging.write(day, name, columns, (line.decode(errors="surrogateescape") for line in lines))
    # A day without weather is possible (the last of the year has none): its flights are loaded all the same.
    step.give_outputs(flights=len(parts["flights.csv"][1]), weather=len(parts["weather.csv"][1]))


if __name__ == "__main__":
    main()
