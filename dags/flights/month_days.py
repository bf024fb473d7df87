"""All days of a month are in the warehouse, with figures that cover their flights: month_days.py MONTH (2013-02)"""

import calendar

import step
import warehouse

# Days whose figures do not cover exactly the flights that are loaded: figures not yet made, or of an earlier load.
UNCOVERED = """
select day from partition p where day between ? and ?
   and flights <> (select coalesce(sum(flights), 0) from daily_figure f where f.day = p.day)
"""


def main():
    (month,) = step.arguments("MONTH")
    year, number = month.split("-")
    days = [f"{month}-{day:02}" for day in range(1, calendar.monthrange(int(year), int(number))[1] + 1)]
    db = warehouse.connect()
    loaded = {day for (day,) in db.execute("select day from partition where day between ? and ?", (days[0], days[-1]))}
    uncovered = [day for (day,) in db.execute(UNCOVERED, (days[0], days[-1]))]
    flights = db.execute("select coalesce(sum(flights), 0) from partition where day between ? and ?", (days[0], days[-1])).fetchone()[0]
    db.close()
    problems = [f"{day} is not loaded" for day in days if day not in loaded]
    problems += [f"the figures of {day} do not cover its flights" for day in uncovered]
    if problems:
        step.fail(step.UNUSABLE_DATA, f"{month} is not complete", *problems,
                  f"run those days: pipectl backfill create flights_daily --from {days[0]} --to {days[-1]} --reprocess completed")
    step.give_outputs(days=len(days), flights=flights)


if __name__ == "__main__":
    warehouse.run(main)
