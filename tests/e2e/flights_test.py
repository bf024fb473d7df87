#!/usr/bin/env python3
"""The job at scale: the flights of 2013 as backfills over the whole year, every figure held against the reference, and all of it
a second time without a change. The data are fetched once into the build folder."""
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

from case import REPOSITORY, OwnServerCase, Server, clean_environment, main, wait_for

YEAR = ("--from", "2013-01-01", "--to", "2013-12-31", "--wait")
DAYS, MONTHS = 365, 12
LIMIT = 600  # seconds for one backfill


def fetched():
    """The folder with the raw store, fetched when it is not there yet."""
    folder = pathlib.Path(os.environ.get("PIPELINED_BUILD_DIR", REPOSITORY / "build" / "dev")) / "flights"
    done = subprocess.run([REPOSITORY / "scripts" / "fetch-flights", folder], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"fetch-flights: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return folder


class Flights(OwnServerCase):
    def setUp(self):
        raw = fetched() / "raw"
        self.server = Server()
        self.addCleanup(self.server.close)
        self.data = self.server.root / "flights"
        self.data.mkdir()
        (self.data / "raw").symlink_to(raw)  # the warehouse of this test, the raw store of all
        self.server.extra_env["FLIGHTS_DIR"] = str(self.data)
        shutil.copytree(REPOSITORY / "dags" / "flights", self.server.dags / "flights", ignore=shutil.ignore_patterns("__pycache__"))
        self.server.start()
        for dag_id in ("flights_daily", "flights_monthly"):
            wait_for(lambda dag=dag_id: self.server.dag(dag), 20, dag_id)

    def backfill(self, dag_id, *options):
        begin = time.monotonic()
        done = self.server.pipectl("backfill", "create", dag_id, *YEAR, *options, timeout=LIMIT)
        print(f"\n{dag_id} {' '.join(options)}: {time.monotonic() - begin:.1f} s", file=sys.stderr)
        self.assertEqual(done.returncode, 0, f"{done.stdout[-3000:]}{done.stderr[-3000:]}\n{self.server.log_tail()}")

    def compare(self, *what):
        """What compare.py prints; it fails at the first figure that differs."""
        done = subprocess.run([sys.executable, "-B", REPOSITORY / "dags" / "flights" / "compare.py", *what], capture_output=True, text=True,
                              env=clean_environment({"FLIGHTS_DIR": str(self.data)}), timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def assert_runs(self, dag_id, count):
        runs = self.server.get(f"/api/v2/dags/{dag_id}/dagRuns?limit=1")
        succeeded = self.server.get(f"/api/v2/dags/{dag_id}/dagRuns?limit=1&state=success")
        self.assertEqual((runs["total_entries"], succeeded["total_entries"]), (count, count))

    def test_a_year_of_flights(self):
        self.backfill("flights_daily")
        self.assert_runs("flights_daily", DAYS)
        self.assertIn("daily: 11864 groups, 142368 figures, 0 differences\n", self.compare("daily"))
        first = self.compare("hash")

        self.backfill("flights_daily", "--reprocess", "completed")
        self.assert_runs("flights_daily", DAYS)
        self.assertEqual(self.compare("hash"), first)

        self.backfill("flights_monthly")
        self.assert_runs("flights_monthly", MONTHS)
        self.assertIn("monthly: 399 groups, 5985 figures, 0 differences\n", self.compare("monthly"))
        self.assertEqual(len(list((self.data / "reports").iterdir())), MONTHS)
        self.assertEqual(list((self.data / "staging").iterdir()), [], "a run that succeeded leaves no staging files")


if __name__ == "__main__":
    main()
