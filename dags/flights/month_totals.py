"""The month's figures agree with its flights, counted anew: month_totals.py MONTH"""

import step
import warehouse

NAMES = ("flights", "cancelled", "late arrivals", "minutes of arrival delay")
FROM_FIGURES = """
select coalesce(sum(flights), 0), coalesce(sum(cancelled), 0), coalesce(sum(late_arrivals), 0), coalesce(sum(arr_delay_sum), 0)
  from monthly_figure where month = ?
"""
FROM_FLIGHTS = """
select count(*), coalesce(sum(dep_time is null), 0), coalesce(sum(arr_delay >= 15), 0), coalesce(sum(arr_delay), 0)
  from flight where day between ? || '-01' and ? || '-31'
"""


def main():
    (month,) = step.arguments("MONTH")
    db = warehouse.connect()
    figures = db.execute(FROM_FIGURES, (month,)).fetchone()
    flights = db.execute(FROM_FLIGHTS, (month, month)).fetchone()
    db.close()
    problems = [f"{name}: {left} by the figures, {right} by the flights" for name, left, right in zip(NAMES, figures, flights)
                if left != right]
    if problems:
        step.fail(step.UNUSABLE_DATA, f"the figures of {month} do not agree with its flights", *problems)
    step.give_outputs(flights=figures[0], cancelled=figures[1], late_arrivals=figures[2])


if __name__ == "__main__":
    warehouse.run(main)
