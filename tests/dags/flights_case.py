"""Made flights and weather, and the steps of dags/flights as the programs that the DAGs run, on a data folder of the test's own."""

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
