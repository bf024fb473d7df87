"""The delay figures of one month, by airport and carrier: monthly_figures.py MONTH. They are replaced as a whole.

Sums come from the days' figures; median and 90th percentile cannot be added up and come from the flights.
"""

import step
import warehouse

FIGURES = """
insert into monthly_figure
with arrival as (
  select origin, carrier, arr_delay,
         row_number() over (partition by origin, carrier order by arr_delay) as place,
         count(*) over (partition by origin, carrier) as arrivals
    from flight where day between :first and :last and arr_delay is not null
), spread as (
  select origin, carrier,
         max(arr_delay) filter (where place = (arrivals + 1) / 2) as median,
         max(arr_delay) filter (where place = (arrivals * 9 + 9) / 10) as p90
    from arrival group by origin, carrier
), total as (
  select origin, carrier, count(*), sum(flights), sum(cancelled), sum(diverted), sum(dep_delay_sum), sum(late_departures),
         sum(arrived), sum(arr_delay_sum), sum(late_arrivals), max(max_arr_delay), sum(observed), sum(in_rain), sum(late_in_rain)
    from daily_figure where day between :first and :last group by origin, carrier
)
select :month, total.*, median, p90 from total left join spread using (origin, carrier)
"""


def main():
    (month,) = step.arguments("MONTH")
    db = warehouse.connect()
    with warehouse.change(db):
        db.execute("delete from monthly_figure where month = ?", (month,))
        db.execute(FIGURES, {"month": month, "first": month + "-01", "last": month + "-31"})  # texts: no day sorts behind -31
    groups = db.execute("select count(*) from monthly_figure where month = ?", (month,)).fetchone()[0]
    db.close()
    step.give_outputs(groups=groups)


if __name__ == "__main__":
    warehouse.run(main)
