"""The month in a table, carriers by their delay, in the log and in reports/<month>.txt: month_report.py MONTH"""

import os

import step
import warehouse

BY_CARRIER = """
select carrier, sum(flights), sum(cancelled), sum(arrived), sum(arr_delay_sum), sum(late_arrivals), max(max_arr_delay)
  from monthly_figure where month = ? group by carrier
 order by 1.0 * sum(arr_delay_sum) / max(sum(arrived), 1) desc, carrier
"""


def text(month, rows):
    lines = [f"Arrivals of {month}, flights from New York, most delayed carriers first", "",
             "carrier  flights  cancelled  mean delay  15 min late  worst"]
    for carrier, flights, cancelled, arrived, delay, late, worst in rows:
        mean, share = (f"{delay / arrived:.1f} min", f"{late / arrived:.1%}") if arrived else ("-", "-")
        lines.append(f"{carrier:7}  {flights:7}  {cancelled:9}  {mean:>10}  {share:>11}  {'-' if worst is None else worst:>5}")
    return "\n".join(lines) + "\n"


def main():
    (month,) = step.arguments("MONTH")
    db = warehouse.connect()
    rows = db.execute(BY_CARRIER, (month,)).fetchall()
    db.close()
    report, folder = text(month, rows), os.path.join(step.home(), "reports")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, month + ".txt")
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(report)
    os.replace(path + ".new", path)
    print(report, end="")
    step.give_outputs(carriers=len(rows))


if __name__ == "__main__":
    warehouse.run(main)
