"""The steps of dags/flights, as the programs that the DAGs run, on a few made flights; and the comparison with the reference."""

import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

STEPS = Path(__file__).resolve().parents[2] / "dags" / "flights"
FLIGHT = ("year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,origin,dest,"
          "air_time,distance,hour,minute,time_hour")
WEATHER = "origin,year,month,day,hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib,time_hour"
DAY = "2013-02-01"


def flight(number=1, **given):
    """A line of flights.csv: on 1 February from EWR at 09:40 in New York (14:40 UTC), on time unless told otherwise."""
    row = {"year": 2013, "month": 2, "day": 1, "dep_time": 940, "sched_dep_time": 940, "dep_delay": 0, "arr_time": 1100,
           "sched_arr_time": 1100, "arr_delay": 0, "carrier": "UA", "flight": number, "tailnum": "N1", "origin": "EWR", "dest": "BOS",
           "air_time": 60, "distance": 200, "hour": 9, "minute": 40, "time_hour": "2013-02-01T14:00:00Z", **given}
    return ",".join(map(str, row.values()))


def late(number, minutes, **given):
    clock = 940 + minutes // 60 * 100 + minutes % 60 + (40 if minutes % 60 >= 20 else 0)
    return flight(number, dep_time=clock, dep_delay=minutes, arr_delay=minutes, **given)


CANCELLED = {"dep_time": "NA", "dep_delay": "NA", "arr_time": "NA", "arr_delay": "NA", "air_time": "NA"}
DIVERTED = {"arr_delay": "NA", "air_time": "NA"}


def weather(hour="14", **given):
    row = {"origin": "EWR", "year": 2013, "month": 2, "day": 1, "hour": 9, "temp": "39.02", "dewp": "NA", "humid": "NA",
           "wind_dir": "NA", "wind_speed": "8.05546", "wind_gust": "NA", "precip": "0", "pressure": "NA", "visib": "10",
           "time_hour": f"2013-02-01T{hour}:00:00Z", **given}
    return ",".join(map(str, row.values()))


def text(header, lines):
    return "".join(line + "\n" for line in (header, *lines))


class StepCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.home = self.folder / "home"
        self.home.mkdir()

    def environment(self, **more):
        return {"FLIGHTS_DIR": str(self.home), "PIPELINED_RUN_ID": "scheduled__2013/02", "PATH": os.environ["PATH"],
                "PIPELINED_OUTPUT": str(self.folder / "outputs.json"), "PYTHONDONTWRITEBYTECODE": "1", **more}

    def python(self, *arguments, expect=0):
        """The outputs; what was printed is self.log."""
        output = self.folder / "outputs.json"
        output.unlink(missing_ok=True)
        done = subprocess.run([sys.executable, "-S", *map(str, arguments)], env=self.environment(), capture_output=True, text=True,
                              timeout=60, check=False)
        self.log = done.stdout + done.stderr
        self.assertEqual(done.returncode, expect, self.log)
        return json.loads(output.read_text()) if output.exists() else {}

    def step(self, program, *arguments, expect=0):
        return self.python(STEPS / program, *arguments, expect=expect)

    def archive(self, flights, observations, **replaced):
        """An archive as the package index has it."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as inner:
            inner.writestr("flights.csv", text(FLIGHT, flights))
        files = {"flights.csv.zip": packed.getvalue(), "weather.csv": text(WEATHER, observations).encode(), **replaced}
        path = self.folder / "package.tar.gz"
        with tarfile.open(path, "w:gz") as outer:
            for name, content in files.items():
                member = tarfile.TarInfo(f"package-1/package/data/{name}")
                member.size = len(content)
                outer.addfile(member, io.BytesIO(content))
        return path

    def store(self, flights, observations=()):
        self.step("prepare.py", self.archive(flights, observations), self.home / "raw")

    def stage(self, name, content, day=DAY):
        folder = self.home / "staging" / f"{day}.scheduled__2013_02"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)

    def staged(self, name, day=DAY):
        return (self.home / "staging" / f"{day}.scheduled__2013_02" / name).read_text().splitlines()[1:]

    def run_day(self, day=DAY, max_rejects=0):
        extracted = self.step("extract.py", day)["flights"]
        valid = self.step("validate.py", day, max_rejects)
        self.step("join_weather.py", day)
        self.step("load.py", day, extracted, valid["duplicates"], valid["rejected"])
        self.step("check_counts.py", day, extracted, valid["duplicates"] + valid["rejected"])
        self.step("check_delays.py", day)
        return self.step("daily_figures.py", day)

    def sql(self, statement, *values):
        with contextlib.closing(sqlite3.connect(self.home / "warehouse.db")) as db, db:
            return db.execute(statement, values).fetchall()

    def contents(self):
        with contextlib.closing(sqlite3.connect(self.home / "warehouse.db")) as db:
            return list(db.iterdump())


class RawStore(StepCase):
    def test_a_day_is_all_its_lines_wherever_they_lie(self):
        self.store([flight(1), flight(2, day=2), flight(3)], [weather(), weather(day=2), weather("15")])
        self.assertEqual(self.step("extract.py", DAY), {"flights": 2, "weather": 2})
        self.assertEqual(self.staged("flights.csv"), [flight(1), flight(3)])
        self.assertEqual(self.staged("weather.csv"), [weather(), weather("15")])

    def test_a_day_without_weather_is_a_day(self):
        self.store([flight()])
        self.assertEqual(self.step("extract.py", DAY), {"flights": 1, "weather": 0})

    def test_a_day_without_flights_is_an_error_that_names_it(self):
        self.store([flight()])
        self.step("extract.py", "2013-02-02", expect=66)
        self.assertIn("no flights of 2013-02-02", self.log)

    def test_a_store_is_whole_or_is_not_read(self):
        self.step("extract.py", DAY, expect=66)
        self.assertIn("scripts/fetch-flights", self.log)
        self.store([flight(1), flight(2)])
        self.step("prepare.py", self.home / "raw")
        raw = self.home / "raw" / "flights.csv"
        raw.write_bytes(raw.read_bytes()[:-9])
        self.step("prepare.py", self.home / "raw", expect=1)
        self.step("extract.py", DAY, expect=66)

    def test_preparing_again_replaces_the_store(self):
        self.store([flight(1)])
        self.store([flight(1), flight(2)])
        self.assertEqual(self.step("extract.py", DAY)["flights"], 2)
        self.assertEqual(sorted(os.listdir(self.home / "raw")), ["flights.csv", "index.tsv", "weather.csv"])

    def test_an_archive_that_cannot_be_used_leaves_nothing_behind(self):
        for flights, replaced, message in (([], {"flights.csv.zip": b"no zip"}, "cannot be unpacked"),
                                           ([], {"weather.csv.zip": b"", "x/data/weather.csv": b""}, "holds 2 files named"),
                                           (["no date"], {}, "the line at byte 158 has no date")):
            self.step("prepare.py", self.archive(flights, [], **replaced), self.home / "raw", expect=65)
            self.assertIn(message, self.log)
            self.assertEqual(os.listdir(self.home), [])


class Validate(StepCase):
    def validate(self, *lines, max_rejects=0, expect=0):
        self.stage("flights.csv", text(FLIGHT, lines))
        return self.step("validate.py", DAY, max_rejects, expect=expect)

    def test_every_kind_of_sound_flight_passes(self):
        lines = [flight(1), late(2, 90), flight(3, tailnum="NA", **CANCELLED), flight(4, **DIVERTED),
                 flight(5, **DIVERTED | {"arr_time": "NA"}), flight(6, dep_time=2400, dep_delay=860, arr_delay=-12)]
        self.assertEqual(self.validate(*lines), {"valid": 6, "duplicates": 0, "rejected": 0})
        self.assertEqual(self.staged("valid.csv"), lines)

    def test_what_makes_no_sense_is_named_with_its_line(self):
        for line, reason in (
                ("2013,2,1", "3 values, 19 expected"),
                (flight(carrier='"UA"'), "none in quotes"),
                (flight(distance="far"), "distance is 'far', no whole number"),
                (flight(dep_delay=""), "dep_delay is '', neither a whole number nor NA"),
                (flight(arr_time=1160), "arr_time is 1160, no time of day"),
                (flight(dep_time=2401), "dep_time is 2401, no time of day"),
                (flight(origin="NA"), "origin is missing"),
                (flight(day=2), "about another day: 2013-2-2"),
                (flight(minute=41), "do not fit the scheduled departure"),
                (flight(time_hour="2013-02-01 14:00"), "do not fit the scheduled departure"),
                (flight(**CANCELLED | {"arr_time": 1100}), "a cancelled flight has arr_time"),
                (flight(dep_delay="NA"), "it departed, but with no dep_delay"),
                (flight(air_time="NA"), "not both of arr_time and air_time")):
            self.assertEqual(self.validate(flight(7), line, expect=65), {}, line)
            self.assertIn("1 lines of 2013-02-01 cannot be used, 0 are allowed", self.log)
            self.assertRegex(self.log, f"line 3: .*{reason}")
            self.assertFalse((self.home / "staging" / f"{DAY}.scheduled__2013_02" / "valid.csv").exists())

    def test_as_many_rejects_as_allowed_are_left_out(self):
        self.assertEqual(self.validate(flight(1), "?", "??", max_rejects=2), {"valid": 1, "duplicates": 0, "rejected": 2})
        self.assertEqual(self.staged("valid.csv"), [flight(1)])
        self.validate(flight(1), "?", "??", max_rejects=1, expect=65)
        self.assertIn("max_rejects=2", self.log)

    def test_a_line_that_stands_twice_counts_once(self):
        self.assertEqual(self.validate(flight(1), flight(2), flight(1)), {"valid": 2, "duplicates": 1, "rejected": 0})
        self.assertEqual(self.staged("valid.csv"), [flight(1), flight(2)])

    def test_two_different_lines_about_one_flight_are_never_accepted(self):
        self.validate(flight(1), flight(1, tailnum="N2"), max_rejects=9, expect=65)
        self.assertIn("line 3: UA 1 EWR 2013-02-01T14:00:00Z stands twice, and differently", self.log)

    def test_other_columns_bytes_that_are_no_text_and_missing_files(self):
        self.stage("flights.csv", text(FLIGHT.replace("dep_delay", "delay"), [flight()]))
        self.step("validate.py", DAY, 0, expect=65)
        self.assertIn("has other columns", self.log)
        self.store([flight()])
        raw = self.home / "raw" / "flights.csv"
        raw.write_bytes(raw.read_bytes().replace(b"N1", b"\xff1"))
        self.step("extract.py", DAY)
        self.step("validate.py", DAY, 0, expect=65)
        self.assertIn("is not text", self.log)
        self.step("validate.py", "2013-02-02", 0, expect=66)
        self.assertIn("from extract on", self.log)
        self.step("validate.py", DAY, expect=64)


class JoinWeather(StepCase):
    def join(self, flights, observations, expect=0):
        self.stage("valid.csv", text(FLIGHT, flights))
        self.stage("weather.csv", text(WEATHER, observations))
        return self.step("join_weather.py", DAY, expect=expect)

    def weather_of_flights(self):
        return [line.split(",")[-4:] for line in self.staged("joined.csv")]

    def test_each_flight_gets_its_airports_hour_in_whole_numbers(self):
        self.assertEqual(self.join([flight(1), flight(2, origin="JFK"), flight(3, origin="LGA")],
                                   [weather(), weather(origin="JFK", precip="1.21", temp="NA", visib="0.06")]),
                         {"joined": 3, "without_weather": 1, "implausible_winds": 0})
        self.assertEqual(self.weather_of_flights(), [["3902", "7", "0", "1000"], ["NA", "7", "121", "6"], ["NA"] * 4])

    def test_the_hour_that_summer_time_repeats_is_two_hours(self):
        self.join([flight(1, time_hour="2013-11-03T05:00:00Z"), flight(2, time_hour="2013-11-03T06:00:00Z")],
                  [weather(hour=1, time_hour="2013-11-03T05:00:00Z", precip="0.1"),
                   weather(hour=1, time_hour="2013-11-03T06:00:00Z", precip="0.2")])
        self.assertEqual([found[2] for found in self.weather_of_flights()], ["10", "20"])

    def test_a_wind_that_cannot_be_is_not_known(self):
        self.assertEqual(self.join([flight()], [weather(wind_speed="1048.36058")])["implausible_winds"], 1)
        self.assertEqual(self.weather_of_flights(), [["3902", "NA", "0", "1000"]])

    def test_broken_and_contradicting_observations_are_named(self):
        for lines, message in (([weather(temp="warm")], "line 2: could not convert"), (["EWR,2013"], "line 2: 2 values, 15 expected"),
                               ([weather(precip="inf")], "line 2: cannot convert"),
                               ([weather(), weather(precip="1")], "line 3: EWR 2013-02-01T14:00:00Z stands twice, and differently")):
            self.join([flight()], lines, expect=65)
            self.assertIn(message, self.log)


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
        hurried = f"import sys; sys.path.insert(0, {str(STEPS)!r}); import load, warehouse; warehouse.BUSY_SECONDS = 0; warehouse.run(load.main)"
        with contextlib.closing(sqlite3.connect(self.home / "warehouse.db", isolation_level=None)) as other:
            other.execute("begin immediate")
            self.assertEqual(self.python("-c", hurried, DAY, 1, 0, 0, expect=75), {})
            self.assertIn("the warehouse was busy", self.log)
        self.assertEqual(self.python("-c", hurried, DAY, 1, 0, 0), {"loaded": 1})

    def test_sixteen_days_at_once_into_a_warehouse_that_is_not_there_yet(self):
        days = [f"2013-02-{day:02}" for day in range(1, 17)]
        joined = [line + ",NA,NA,NA,NA" for line in (f"DAY,2013-02-01T14:00:00Z,UA,{n},EWR,BOS,NA,940,940,0,1100,1100,0,60,200" for n in range(50))]
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
               flight(8, carrier="B6", **CANCELLED)]
    OBSERVATIONS = [weather(precip="0.01"), weather(origin="JFK", precip="0")]

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
        self.assertEqual(self.run_day(), {"groups": 4, "flights": 8, "cancelled": 2, "late_arrivals": 3})
        self.assertEqual(self.sql("select * from daily_figure"), [
            (DAY, "EWR", "AA", 1, 0, 0, 60, 1, 1, 60, 1, 60, 0, 0, 0),
            (DAY, "EWR", "B6", 1, 1, 0, 0, 0, 0, 0, 0, None, 1, 1, 0),
            (DAY, "EWR", "UA", 5, 1, 1, 19, 1, 3, 9, 1, 15, 5, 5, 1),
            (DAY, "JFK", "UA", 1, 0, 0, 70, 1, 1, 70, 1, 70, 1, 0, 0)])

    def test_figures_twice_are_the_same(self):
        self.store(self.FLIGHTS, self.OBSERVATIONS)
        self.run_day()
        before = self.contents()
        self.run_day()
        self.assertEqual(self.contents(), before)

    def test_the_figures_of_a_month(self):
        self.fill()
        self.assertEqual(self.step("month_days.py", "2013-02"), {"days": 28, "flights": 8})
        self.assertEqual(self.step("monthly_figures.py", "2013-02"), {"groups": 4})
        self.assertEqual(self.step("month_totals.py", "2013-02"), {"flights": 8, "cancelled": 2, "late_arrivals": 3})
        self.assertEqual(self.sql("select * from monthly_figure"), [
            ("2013-02", "EWR", "AA", 1, 1, 0, 0, 60, 1, 1, 60, 1, 60, 0, 0, 0, 60, 60),
            ("2013-02", "EWR", "B6", 1, 1, 1, 0, 0, 0, 0, 0, 0, None, 1, 1, 0, None, None),
            ("2013-02", "EWR", "UA", 1, 5, 1, 1, 19, 1, 3, 9, 1, 15, 5, 5, 1, 14, 15),
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
        self.assertIn("minutes of arrival delay: 140 by the figures, 139 by the flights", self.log)

    def test_the_report_puts_the_most_delayed_first(self):
        self.fill()
        self.roll_up()
        self.assertEqual(self.step("month_report.py", "2013-02"), {"carriers": 3})
        rows = [line.split() for line in (self.home / "reports" / "2013-02.txt").read_text().splitlines()[3:]]
        self.assertEqual(rows, [["AA", "1", "0", "60.0", "min", "100.0%", "60"], ["UA", "6", "1", "19.8", "min", "50.0%", "70"],
                                ["B6", "1", "1", "-", "-", "-"]])

    def test_the_reference_agrees_and_would_notice_a_difference(self):
        self.fill()
        self.roll_up()
        self.step("compare.py")
        self.assertIn("daily: 4 groups, 48 figures, 0 differences\nmonthly: 4 groups, 60 figures, 0 differences\nhash: ", self.log)
        same = self.log
        self.step("compare.py")
        self.assertEqual(self.log, same)
        for change, message in (("update daily_figure set in_rain = 4 where flights = 5", "EWR UA: in_rain is 4, should be 5"),
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

    def test_clean_up_removes_this_runs_files_and_may_be_repeated(self):
        self.store(self.FLIGHTS)
        self.run_day()
        self.stage("flights.csv", "", "2013-02-02")
        self.assertEqual(self.step("clean_up.py", DAY), {"files_removed": 4})
        self.assertEqual(self.step("clean_up.py", DAY), {"files_removed": 0})
        self.assertEqual(os.listdir(self.home / "staging"), ["2013-02-02.scheduled__2013_02"])


if __name__ == "__main__":
    unittest.main()
