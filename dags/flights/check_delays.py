"""What the loaded day says about its delays can be true: check_delays.py DAY"""

import step
import warehouse

# Each condition describes flights that cannot be.
IMPOSSIBLE = {
    "departed at a time that is not the scheduled one plus its delay":
        "(dep_time / 100 * 60 + dep_time % 100 - sched_dep_time / 100 * 60 - sched_dep_time % 100 - dep_delay) % 1440 <> 0",
    "was early or late by more than two days": "abs(dep_delay) > 2880 or abs(arr_delay) > 2880",
    "left more than two hours early": "dep_delay < -120",
    "flew faster than sound": "air_time <= 0 or distance * 60 > air_time * 760",
    "flew no distance": "distance <= 0",
}


def main():
    (day,) = step.arguments("DAY")
    db, problems = warehouse.connect(), []
    for what, condition in IMPOSSIBLE.items():
        for row in db.execute(f"select carrier, flight, origin, time_hour from flight where day = ? and ({condition})", (day,)):
            problems.append("{} {} from {} at {} ".format(*row) + what)
    delayed = db.execute("select count(*) from flight where day = ? and arr_delay >= 15", (day,)).fetchone()[0]
    db.close()
    if problems:
        step.fail(step.UNUSABLE_DATA, f"{len(problems)} flights of {day} cannot be true", *problems[:20])
    step.give_outputs(late_arrivals=delayed)


if __name__ == "__main__":
    warehouse.run(main)
