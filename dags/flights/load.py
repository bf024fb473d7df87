"""joined.csv -> the warehouse, as the partition of its day: load.py DAY EXTRACTED DUPLICATES REJECTED

The partition is replaced in one transaction. Loading a day again changes nothing, however often and at whatever moment.
"""

import staging
import step
import warehouse


def rows(lines):
    for line in lines:
        yield [None if value == "NA" else value for value in line.split(",")]


def load(db, day, counts, lines):
    marks = ", ".join("?" * len(staging.JOINED))
    with warehouse.change(db):
        db.execute("delete from flight where day = ?", (day,))
        db.executemany(f"insert into flight ({', '.join(staging.JOINED)}) values ({marks})", rows(lines))
        db.execute("insert or replace into partition values (?, ?, ?, ?, ?)", (day, *counts, len(lines)))


def main():
    day, *counts = step.arguments("DAY", "EXTRACTED", "DUPLICATES", "REJECTED")
    lines = staging.read(day, "joined.csv", staging.JOINED)
    db = warehouse.connect()
    load(db, day, counts, lines)
    db.close()
    step.give_outputs(loaded=len(lines))


if __name__ == "__main__":
    warehouse.run(main)
