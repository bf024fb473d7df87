#!/usr/bin/env python3
"""Our fire times against two that know nothing of ours: a naive walk along the wall clock, and systemd's calendar.

  PIPELINED_ORACLE_SEED   repeat a run (it is printed)
  PIPELINED_ORACLE_CASES  how many random schedules, 250 by default

The programs are taken from $PIPELINED_ORACLE_FIRES (the built tests/oracle/fires.cc) and the PATH (systemd-analyze).
"""
import datetime
import os
import pathlib
import random
import re
import subprocess
import sys
import time
import unittest
import zoneinfo

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import expressions  # noqa: E402
from wall_walk import DAY, UTC, fires  # noqa: E402

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FIRES = os.environ.get("PIPELINED_ORACLE_FIRES") or str(REPOSITORY / "build" / "dev" / "bin" / "oracle_fires")
FIRST_YEAR, LAST_YEAR = 1970, 2400
SECONDS_PER_CASE = 0.25  # of walking: a schedule of rare ticks is followed less far


def changes(zone, year):
    """The days of the year on which the zone's offset is another than the day before."""
    days = [datetime.datetime(year, 1, 1, tzinfo=UTC) + DAY * n for n in range(365)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    return [day for day, offset, before in zip(days[1:], offsets[1:], offsets) if offset != before]


def moment(zone, day):
    """The hour before `day` from which on its offset holds."""
    hours = [day - datetime.timedelta(hours=n) for n in range(25)]
    offset = day.astimezone(zone).utcoffset()
    return min(hour for hour in hours if hour.astimezone(zone).utcoffset() == offset)


def is_quiet(zone, instant):
    return (instant - 2 * DAY).astimezone(zone).utcoffset() == (instant + 2 * DAY).astimezone(zone).utcoffset()


def iso(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ") if instant.year > 999 else instant.isoformat()


def ask(questions):
    """[(cron, zone, from, count)] -> lists of texts, or the words of a refusal."""
    lines = "".join(f"{cron}\t{zone}\t{iso(start)}\t{count}\n" for cron, zone, start, count in questions)
    done = subprocess.run([FIRES], input=lines, capture_output=True, text=True, check=True)
    return [line if line.startswith("refused") else line.split() for line in done.stdout.splitlines()]


class Oracle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seed = int(os.environ.get("PIPELINED_ORACLE_SEED") or random.SystemRandom().randrange(1 << 32))
        cls.cases = int(os.environ.get("PIPELINED_ORACLE_CASES") or 250)
        print(f"\nPIPELINED_ORACLE_SEED={cls.seed} PIPELINED_ORACLE_CASES={cls.cases}", flush=True)
        cls.zones = sorted(name for name in zoneinfo.available_timezones() if not name.startswith(("posix", "right")) and "/" in name)

    def setUp(self):
        self.random = random.Random(f"{self.seed} {self._testMethodName}")

    def question(self):
        """A cron, a zone's name and where to start: most often beside a change of the clock or a year's end, where the mistakes are."""
        name, year = self.random.choice(self.zones), self.random.randint(FIRST_YEAR, LAST_YEAR)
        zone = zoneinfo.ZoneInfo(name)
        cron, near = expressions.expression(self.random), self.random.random()
        moved = changes(zone, year)
        if near < 0.7 and not moved:
            return self.question()
        if near < 0.7:
            change = moment(zone, self.random.choice(moved))
            day = change.replace(hour=0, minute=0, second=0) - self.random.choice((0, 1, 1, 2)) * DAY
            if near < 0.4:
                cron = expressions.about(self.random, change.astimezone(zone).hour)
        elif near < 0.85:
            day = datetime.datetime(year, 12, self.random.randint(29, 31), tzinfo=UTC)
        else:
            day = datetime.datetime(year, 1, 1, tzinfo=UTC) + DAY * self.random.randrange(365)
        return cron, name, day + datetime.timedelta(seconds=self.random.choice((1, 60, 900)) * self.random.randrange(96))

    def walk(self, cron, zone, start):
        """As many fires as the time allows, at least 5 and at most 400."""
        found, end = [], time.thread_time() + SECONDS_PER_CASE
        while len(found) < 400 and (len(found) < 5 or time.thread_time() < end):
            more = fires(cron, zone, found[-1] if found else start, 5)
            found += more
            if len(more) < 5:
                return found, len(found) + 1
        return found, len(found)

    def test_the_walk_along_the_wall_clock_fires_at_the_same_instants(self):
        questions, expected = [], []
        while len(questions) < self.cases:
            cron, name, start = self.question()
            found, count = self.walk(cron, zoneinfo.ZoneInfo(name), start)
            questions.append((cron, name, start, count))
            expected.append([iso(at) for at in found])
        got = ask(questions)
        self.compare(questions, expected, got)
        print(f"{len(questions)} schedules, {sum(map(len, expected))} fires compared with the walk", flush=True)

    def compare(self, questions, expected, got):
        self.assertEqual(len(got), len(questions))
        different = []
        for question, theirs, ours in zip(questions, expected, got):
            if ours != theirs:
                at = next((i for i, pair in enumerate(zip(theirs, ours)) if pair[0] != pair[1]), min(len(theirs), len(ours)))
                different.append(f"{question[0]!r} {question[1]} from {iso(question[2])}, fire {at}: ours {ours[at:at + 3]}, "
                                 f"expected {theirs[at:at + 3]}")
        summary = f"seed {self.seed}: {len(different)} of {len(questions)} schedules differ"
        self.assertEqual(different, [], "\n".join([summary, *different[:20]]))

    # -- systemd ------------------------------------------------------------------------------------------------------

    def calendar_field(self, low, high, step_of):
        """A field that both can say, as (cron, OnCalendar)."""
        first, last = sorted((self.random.randint(low, high), self.random.randint(low, high)))
        step = self.random.choice(step_of)
        steps = ",".join(map(str, range(low, high + 1, step)))  # systemd's own "1/7" leaves out 1 January after December
        forms = [("*", "*"), (f"{first}", f"{first}"), (f"*/{step}", steps)]
        if first < last:
            forms += [(f"{first},{last}", f"{first},{last}"), (f"{first}-{last}", f"{first}..{last}")]
        return self.random.choice(forms)

    def calendar_pair(self):
        """Days of month and of week are restricted one at a time: systemd wants both to match, cron either. And a cron of every
        hour on restricted days counts elapsed time over a change of the clock, which systemd cannot say."""
        names = "Sun Mon Tue Wed Thu Fri Sat".split()
        minute, hour = self.calendar_field(0, 59, (5, 15, 7)), self.calendar_field(0, 23, (2, 5, 6))
        month = self.calendar_field(1, 12, (2, 3, 5))
        day, weekday, weekday_text = ("*", "*"), "*", ""
        if self.random.random() < 0.5:
            day = self.calendar_field(1, 31, (2, 7, 10))
        else:
            chosen = sorted(self.random.sample(range(7), self.random.randint(1, 3)))
            weekday, weekday_text = ",".join(map(str, chosen)), ",".join(names[n] for n in chosen) + " "
        if hour[0] in ("*", "0-23") and (day[0], month[0], weekday) != ("*", "*", "*"):
            hour = ("7", "7")
        return (f"{minute[0]} {hour[0]} {day[0]} {month[0]} {weekday}",
                f"{weekday_text}*-{month[1]}-{day[1]} {hour[1]}:{minute[1]}:00")

    def systemd(self, calendar, start, count):
        """Its next instants; None where it gives up, which it does at some changes of the clock ("deadlock")."""
        command = ["systemd-analyze", "calendar", f"--iterations={count}", f"--base-time={start:%Y-%m-%d %H:%M:%S} UTC", calendar]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TZ": "UTC", "LC_ALL": "C"})
        if "Resource deadlock avoided" in done.stderr:
            return None
        self.assertEqual((done.returncode, done.stderr), (0, ""), calendar)
        found = re.findall(r"(?:Next elapse|Iter(?:ation|\.) #\d+): \w+ (\d+-\d+-\d+) (\d+:\d+:\d+) UTC", done.stdout)
        return [f"{date}T{clock}Z" for date, clock in found]

    def test_systemd_elapses_at_the_same_instants(self):
        questions, expected, compared = [], [], 0
        while len(questions) < self.cases:
            cron, calendar = self.calendar_pair()
            name = self.random.choice(["UTC"] + self.zones)
            zone = zoneinfo.ZoneInfo(name)
            start = datetime.datetime(self.random.randint(1975, 2030), 1, 1, tzinfo=UTC) + DAY * self.random.randrange(365)
            count = 12
            theirs = self.systemd(f"{calendar} {name}", start, count)
            if theirs is None:
                continue
            quiet = next((i for i, text in enumerate(theirs) if not is_quiet(zone, datetime.datetime.fromisoformat(text))), len(theirs))
            questions.append((cron, name, start, count))
            expected.append(theirs[:quiet])
            compared += quiet
        got = [ours[:len(theirs)] for ours, theirs in zip(ask(questions), expected)]
        self.compare(questions, expected, got)
        self.assertGreater(compared, 5 * len(questions))
        print(f"{len(questions)} schedules, {compared} fires compared with systemd", flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
