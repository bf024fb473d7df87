"""The steps of dags/flights that make a day's partition: the raw store, validation, weather."""

import os
import unittest

from flights_case import CANCELLED, DAY, DIVERTED, FLIGHT, WEATHER, StepCase, flight, late, text, weather


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


if __name__ == "__main__":
    unittest.main()
