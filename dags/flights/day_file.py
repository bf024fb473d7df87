"""Where flights_daily hands on the file of a day: day_file.py DAY. Its folder is made, so that it can be watched."""

import os

import staging
import step


def main():
    (day,) = step.arguments("DAY")
    path = staging.handed_on(day)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    step.give_values(path=path)


if __name__ == "__main__":
    main()
