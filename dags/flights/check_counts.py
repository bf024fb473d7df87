"""No flight was lost on the way: check_counts.py DAY EXTRACTED LEFT_OUT. Counted in the table, not read from the partition's row."""

import step
import warehouse


def main():
    day, extracted, left_out = step.arguments("DAY", "EXTRACTED", "LEFT_OUT")
    db = warehouse.connect()
    found, origins = db.execute("select count(*), count(distinct origin) from flight where day = ?", (day,)).fetchone()
    db.close()
    print(f"{day}: {extracted} extracted = {found} in the warehouse + {left_out} left out")
    if found + int(left_out) != int(extracted):
        step.fail(step.UNUSABLE_DATA, f"{extracted} flights of {day} were extracted, {found + int(left_out)} are accounted for",
                  "load the day again: clear this run from extract on")
    step.give_outputs(flights=found, origins=origins)


if __name__ == "__main__":
    warehouse.run(main)
