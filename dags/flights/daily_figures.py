"""The delay figures of one day, by airport and carrier: daily_figures.py DAY. The day's figures are replaced as a whole."""

import step
import warehouse

FIGURES = """
insert into daily_figure
select day, origin, carrier,
       count(*),
       count(*) filter (where dep_time is null),
       count(*) filter (where dep_time is not null and arr_delay is null),
       coalesce(sum(dep_delay), 0),
       count(*) filter (where dep_delay >= 15),
       count(arr_delay),
       coalesce(sum(arr_delay), 0),
       count(*) filter (where arr_delay >= 15),
       max(arr_delay),
       count(precip),
       count(*) filter (where precip > 0),
       count(*) filter (where precip > 0 and arr_delay >= 15)
  from flight where day = ? group by day, origin, carrier
"""


def main():
    (day,) = step.arguments("DAY")
    db = warehouse.connect()
    with warehouse.change(db):
        db.execute("delete from daily_figure where day = ?", (day,))
        db.execute(FIGURES, (day,))
    groups, flights, cancelled, late = db.execute(
        "select count(*), coalesce(sum(flights), 0), coalesce(sum(cancelled), 0), coalesce(sum(late_arrivals), 0)"
        " from daily_figure where day = ?", (day,)).fetchone()
    db.close()
    step.give_outputs(groups=groups, flights=flights, cancelled=cancelled, late_arrivals=late)


if __name__ == "__main__":
    warehouse.run(main)
