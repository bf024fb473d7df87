"""The steps of dags/flights between the file of a day and the warehouse in PostgreSQL, and the plot of a month."""

import json
import unittest
import xml.etree.ElementTree

from flights_case import DAY, StepCase

HEADER = ("day,time_hour,carrier,flight,origin,dest,tailnum,sched_dep_time,dep_time,dep_delay,sched_arr_time,arr_time,arr_delay,"
          "air_time,distance,temp,wind,precip,visib")
LINE = f"{DAY},2013-02-01T14:00:00Z,UA,5,EWR,BOS,N1,940,1000,20,1100,1120,-3,60,200,3902,7,0,1000"
CANCELLED = f"{DAY},2013-02-01T14:00:00Z,9E,6,JFK,BOS,NA,940,NA,NA,1100,NA,NA,NA,200,NA,NA,NA,NA"


class ReadDay(StepCase):
    def read(self, *lines, header=HEADER, expect=0):
        path = self.folder / "day.csv"
        path.write_text("".join(line + "\n" for line in (header, *lines)))
        return self.step("read_day.py", DAY, path, expect=expect)

    def test_a_list_for_each_column_with_null_for_what_is_not_known(self):
        found = self.read(LINE, CANCELLED)
        self.assertEqual(found["flights"], 2)
        self.assertEqual([found[name] for name in ("carrier", "flight", "tailnum", "arr_delay", "precip")],
                         [["UA", "9E"], [5, 6], ["N1", None], [-3, None], [0, None]])
        self.assertEqual(set(found) - {"flights"}, set(HEADER.split(",")) - {"day"})

    def test_what_cannot_be_used_is_named_with_its_line(self):
        for lines, message in (([LINE, LINE.replace(DAY, "2013-02-02")], "line 3: 19 values of '2013-02-02'"),
                               ([LINE + ",1"], "line 2: 20 values"), ([LINE.replace("940", "x", 1)], "line 2: sched_dep_time is 'x'")):
            self.assertEqual(self.read(*lines, expect=65), {})
            self.assertIn(message, self.log)
        self.read(LINE, header="day", expect=65)
        self.assertIn("has other columns", self.log)

    def test_a_file_that_has_gone(self):
        self.step("read_day.py", DAY, self.folder / "gone.csv", expect=66)
        self.assertIn("is not there", self.log)


class DayFile(StepCase):
    def test_its_folder_is_made_so_that_it_can_be_watched(self):
        path = self.home / "days" / f"{DAY}.csv"
        self.assertEqual(self.step("day_file.py", DAY), {"path": str(path)})
        self.assertTrue(path.parent.is_dir())


class DrawMonth(StepCase):
    def draw(self, days, carriers=(), expect=0):
        return self.step("draw_month.py", "2013-02", json.dumps(days), json.dumps(carriers), expect=expect)

    def bars(self, days):
        root = xml.etree.ElementTree.parse(self.draw(days)["plot"]).getroot()
        return root.findall(".//{http://www.w3.org/2000/svg}rect[@class='day']")

    def test_a_bar_for_each_day_on_which_something_arrived(self):
        late, early = self.bars([{"day": f"{DAY[:8]}{number:02}", "arrived": arrived, "delay": delay}
                                 for number, (arrived, delay) in enumerate(((10, 200), (10, -100), (0, 0)), start=1)])
        self.assertAlmostEqual(float(late.get("height")), 2 * float(early.get("height")), delta=0.2)
        self.assertAlmostEqual(float(late.get("y")) + float(late.get("height")), float(early.get("y")), delta=0.2)  # the line of zero
        self.assertNotEqual(late.get("fill"), early.get("fill"))

    def test_the_extremes_fit_into_the_plot(self):
        for delay in (0, 1, 3000, -3000):
            (bar,) = self.bars([{"day": DAY, "arrived": 1, "delay": delay}])
            self.assertGreaterEqual(float(bar.get("y")), 40)
            self.assertLessEqual(float(bar.get("y")) + float(bar.get("height")), 280)

    def test_the_table_is_that_of_the_month_report(self):
        found = self.draw([{"day": DAY, "arrived": 3, "delay": 9}],
                          [{"carrier": "UA", "flights": 4, "cancelled": 1, "arrived": 3, "delay": 9, "late": 1, "worst": 20}])
        self.assertEqual((found["flights"], found["late"]), (4, 1))
        self.assertIn("UA             4          1     3.0 min        33.3%     20", found["text"])

    def test_a_month_without_days(self):
        self.draw([], expect=66)
        self.assertIn("no day of 2013-02", self.log)


if __name__ == "__main__":
    unittest.main()
