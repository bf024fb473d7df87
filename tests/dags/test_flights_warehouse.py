"""The steps of dags/flights that fill and check the warehouse, their figures, and the comparison with the reference."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import unittest

from flights_case import CANCELLED, DAY, DIVERTED, FLIGHT, STEPS, WEATHER, StepCase, flight, late, text, weather


class Load(StepCase):
    def load(self, *flights, day=DAY, expect=0):
        self.stage("valid.csv", text(FLIGHT, flights), day)
        self.stage("weather.csv", text(WEATHER, [weather()]), day)
        self.step("join_weather.py", day)
        return self.step("load.py", day, len(flights), 0, 0, expect=expect)

    def test_a_flight_as_the_warehouse_keeps_it(self):
        self.load(late(5, 20), flight(6, tailnum="NA", origin="JFK", **CANCELLED))
        self.assertEqual(self.sql("select * from flight order by flight"), [
            (DAY, "2013-02-01T14:00:00Z", "UA", 5, "EWR", "BOS", "N1", 940, 1000, 20, 1100, 1100, 20, 60, 200, 3902, 7, 0, 1000),
            (DAY, "2013-02-01T14:00:00Z", "UA", 6, "JFK", "BOS", None, 940, None, None, 1100, None, None, None, 200, *[None] * 4)])
        self.assertEqual(self.sql("select * from partition"), [(DAY, 2, 0, 0, 2)])

    def test_loading_again_changes_nothing_and_loading_anew_replaces_that_day_alone(self):
        self.load(flight(1), flight(2))
        self.load(flight(3), day="2013-02-02")
        before = self.contents()
        self.load(flight(1), flight(2))
        self.assertEqual(self.contents(), before)
        self.load(flight(4))
        self.assertEqual(self.sql("select day, flight from flight order by 1, 2"), [(DAY, 4), ("2013-02-02", 3)])

    def test_a_refused_row_leaves_the_warehouse_as_it_was(self):
        self.load(flight(1))
        before = self.contents()
        self.load(flight(2), flight(3, distance="far"), expect=65)
        self.assertIn("the warehouse refuses a row", self.log)
        self.assertEqual(self.contents(), before)

    def test_a_busy_warehouse_means_try_again(self):
        self.load(flight(1))
        hurried = (f"import sys; sys.path.insert(0, {str(STEPS)!r}); import load, warehouse; "
                   "warehouse.BUSY_SECONDS = 0; warehouse.run(load.main)")
        with contextlib.closing(sqlite3.connect(self.home / "warehouse.db", isolation_level=None)) as other:
            other.execute("begin immediate")
            self.assertEqual(self.python("-c", hurried, DAY, 1, 0, 0, expect=75), {})
            self.assertIn("the warehouse was busy", self.log)
        self.assertEqual(self.python("-c", hurried, DAY, 1, 0, 0), {"loaded": 1})

    def test_sixteen_days_at_once_into_a_warehouse_that_is_not_there_yet(self):
        days = [f"2013-02-{day:02}" for day in range(1, 17)]
        joined = [f"DAY,2013-02-01T14:00:00Z,UA,{number},EWR,BOS,NA,940,940,0,1100,1100,0,60,200,NA,NA,NA,NA" for number in range(50)]
        header = ("day,time_hour,carrier,flight,origin,dest,tailnum,sched_dep_time,dep_time,dep_delay,sched_arr_time,arr_time,arr_delay,"
                  "air_time,distance,temp,wind,precip,visib")
        for day in days:
            self.stage("joined.csv", text(header, joined).replace("DAY", day), day)
        environment = self.environment()
        del environment["PIPELINED_OUTPUT"]
        started = [subprocess.Popen([sys.executable, "-S", STEPS / "load.py", day, "50", "0", "0"], env=environment,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for day in days]
        ended = [(process.communicate(timeout=60)[0], process.returncode) for process in started]
        self.assertEqual(ended, [("outputs: loaded=50\n", 0)] * 16)
        self.assertEqual(self.sql("select count(*), count(distinct day) from flight"), [(800, 16)])
        self.assertEqual([name for name in os.listdir(self.home) if name.startswith("warehouse.db.")], [])


class Checks(StepCase):
    def setUp(self):
        super().setUp()
        self.store([flight(1), late(2, 90), flight(3, **CANCELLED), flight(1), "2013,2,1,?"])
        self.run_day(max_rejects=1)

    def test_every_line_is_accounted_for(self):
        self.assertEqual(self.step("check_counts.py", DAY, 5, 2), {"flights": 3, "origins": 1})
        self.sql("delete from flight where flight = 2")
        self.step("check_counts.py", DAY, 5, 2, expect=65)
        self.assertIn("5 flights of 2013-02-01 were extracted, 4 are accounted for", self.log)

    def test_delays_that_cannot_be_are_named(self):
        self.assertEqual(self.step("check_delays.py", DAY), {"late_arrivals": 1})
        for change, message in (("dep_time = 941", "not the scheduled one plus its delay"), ("air_time = 10", "faster than sound"),
                                ("dep_delay = -130, dep_time = 730", "more than two hours early"), ("arr_delay = 2881", "two days"),
                                ("distance = 0", "flew no distance")):
            before = self.sql("select dep_time, dep_delay, arr_delay, air_time, distance from flight where flight = 1")[0]
            self.sql(f"update flight set {change} where flight = 1")
            self.step("check_delays.py", DAY, expect=65)
            self.assertIn("1 flights of 2013-02-01 cannot be true", self.log)
            self.assertRegex(self.log, f"UA 1 from EWR at 2013-02-01T14:00:00Z .*{message}")
            self.sql("update flight set dep_time = ?, dep_delay = ?, arr_delay = ?, air_time = ?, distance = ? where flight = 1", *before)


class Figures(StepCase):
    """Two carriers and two airports; a late, an early, a cancelled and a diverted flight; rain, no rain, and nobody who looked."""

    FLIGHTS = [late(1, 15), late(2, 14), flight(3, dep_time=930, dep_delay=-10, arr_delay=-20), flight(4, **CANCELLED),
               flight(5, **DIVERTED), late(6, 70, origin="JFK"), late(7, 60, carrier="AA", time_hour="2013-02-01T15:00:00Z"),
               flight(8, carrier="B6", **CANCELLED), flight(9, dep_time=935, dep_delay=-5, arr_delay=-5)]
    OBSERVATIONS = [weather(precip="0.01"), weather(origin="JFK", precip="0", temp="NA")]

    def fill(self):
        """The whole of February: one day with flights, the others without."""
        self.store(self.FLIGHTS, self.OBSERVATIONS)
        self.run_day()
        for day in range(2, 29):
            self.sql("insert into partition values (?, 0, 0, 0, 0)", f"2013-02-{day:02}")

    def roll_up(self):
        for program in ("month_days.py", "monthly_figures.py", "month_totals.py"):
            self.step(program, "2013-02")

    def test_the_figures_of_a_day(self):
        self.store(self.FLIGHTS, self.OBSERVATIONS)
        self.assertEqual(self.run_day(), {"groups": 4, "flights": 9, "cancelled": 2, "late_arrivals": 3})
        self.assertEqual(self.sql("select * from daily_figure"), [
            (DAY, "EWR", "AA", 1, 0, 0, 60, 1, 1, 60, 1, 60, 0, 0, 0),
            (DAY, "EWR", "B6", 1, 1, 0, 0, 0, 0, 0, 0, None, 1, 1, 0),
            (DAY, "EWR", "UA", 6, 1, 1, 14, 1, 4, 4, 1, 15, 6, 6, 1),
            (DAY, "JFK", "UA", 1, 0, 0, 70, 1, 1, 70, 1, 70, 1, 0, 0)])

    def test_figures_twice_are_the_same(self):
        self.store(self.FLIGHTS, self.OBSERVATIONS)
        self.run_day()
        before = self.contents()
        self.run_day()
        self.assertEqual(self.contents(), before)

    def test_the_figures_of_a_month(self):
        self.fill()
        self.assertEqual(self.step("month_days.py", "2013-02"), {"days": 28, "flights": 9})
        self.assertEqual(self.step("monthly_figures.py", "2013-02"), {"groups": 4})
        self.assertEqual(self.step("month_totals.py", "2013-02"), {"flights": 9, "cancelled": 2, "late_arrivals": 3})
        self.assertEqual(self.sql("select * from monthly_figure"), [
            ("2013-02", "EWR", "AA", 1, 1, 0, 0, 60, 1, 1, 60, 1, 60, 0, 0, 0, 60, 60),
            ("2013-02", "EWR", "B6", 1, 1, 1, 0, 0, 0, 0, 0, 0, None, 1, 1, 0, None, None),
            ("2013-02", "EWR", "UA", 1, 6, 1, 1, 14, 1, 4, 4, 1, 15, 6, 6, 1, -5, 15),
            ("2013-02", "JFK", "UA", 1, 1, 0, 0, 70, 1, 1, 70, 1, 70, 1, 0, 0, 70, 70)])
        before = self.contents()
        self.roll_up()
        self.assertEqual(self.contents(), before)

    def test_a_month_is_rolled_up_only_when_it_is_complete(self):
        self.fill()
        self.sql("delete from partition where day = '2013-02-28'")
        self.step("month_days.py", "2013-02", expect=65)
        self.assertIn("2013-02-28 is not loaded", self.log)
        self.sql("insert into partition values ('2013-02-28', 1, 0, 0, 1)")
        self.step("month_days.py", "2013-02", expect=65)
        self.assertIn("the figures of 2013-02-28 do not cover its flights", self.log)

    def test_totals_that_do_not_agree_are_named(self):
        self.fill()
        self.roll_up()
        self.sql("update monthly_figure set arr_delay_sum = arr_delay_sum + 1 where carrier = 'AA'")
        self.step("month_totals.py", "2013-02", expect=65)
        self.assertIn("minutes of arrival delay: 135 by the figures, 134 by the flights", self.log)

    def test_the_report_puts_the_most_delayed_first(self):
        self.fill()
        self.roll_up()
        self.assertEqual(self.step("month_report.py", "2013-02"), {"carriers": 3})
        rows = [line.split() for line in (self.home / "reports" / "2013-02.txt").read_text().splitlines()[3:]]
        self.assertEqual(rows, [["AA", "1", "0", "60.0", "min", "100.0%", "60"], ["UA", "7", "1", "14.8", "min", "40.0%", "70"],
                                ["B6", "1", "1", "-", "-", "-"]])

    def test_the_reference_agrees_and_would_notice_a_difference(self):
        self.fill()
        self.roll_up()
        self.step("compare.py")
        self.assertIn("daily: 4 groups, 48 figures, 0 differences\nmonthly: 4 groups, 60 figures, 0 differences\nhash: ", self.log)
        same = self.log
        self.step("compare.py")
        self.assertEqual(self.log, same)
        for change, message in (("update daily_figure set in_rain = 4 where flights = 6", "EWR UA: in_rain is 4, should be 6"),
                                ("delete from daily_figure where carrier = 'AA'", "EWR AA is missing"),
                                ("update monthly_figure set origin = 'LGA' where origin = 'JFK'", "LGA UA should not be there")):
            self.sql(change)
            self.step("compare.py", expect=1)
            self.assertIn(message, self.log)

    def test_the_hash_changes_with_any_row(self):
        self.fill()
        self.step("compare.py", "hash")
        before = self.log
        self.sql("update flight set tailnum = 'N2' where flight = 1")
        self.step("compare.py", "hash")
        self.assertNotEqual(self.log, before)

    def test_clean_up_hands_on_the_day_removes_this_runs_files_and_may_be_repeated(self):
        self.store(self.FLIGHTS)
        self.run_day()
        self.stage("flights.csv", "", "2013-02-02")
        joined = self.staged("joined.csv")
        self.assertEqual(self.step("clean_up.py", DAY), {"files_removed": 3})
        self.assertEqual(self.step("clean_up.py", DAY), {"files_removed": 0})
        self.assertEqual((self.home / "days" / f"{DAY}.csv").read_text().splitlines()[1:], joined)
        self.assertEqual(os.listdir(self.home / "staging"), ["2013-02-02.scheduled__2013_02"])


if __name__ == "__main__":
    unittest.main()
