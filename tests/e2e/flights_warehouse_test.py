#!/usr/bin/env python3
"""The flights in PostgreSQL: a sensor for each day's file, a database that is restarted under the run, a report by mail, and a failure
that is told. The rows are held against those of the pipeline on SQLite."""
import contextlib
import datetime
import email
import email.policy
import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import time
import unittest
import urllib.parse
import xml.etree.ElementTree

from case import REPOSITORY, OwnServerCase, Server, bin_dir, clean_environment, main, wait_for
from flights_test import fetched
from own_postgres import OwnPostgres

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "sinks"))
from sinks import Sink  # noqa: E402

LAST_DAY = "2013-03-02"
DAYS = 30  # from 1 February
EARLY = 8  # days that are loaded before the database is restarted
COLUMNS = {  # of the warehouse's tables, in the words of SQLite's; a month is a text there
    "flight": "day, to_char(time_hour at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), carrier, flight, origin, dest, tailnum,"
              " sched_dep_time, dep_time, dep_delay, sched_arr_time, arr_time, arr_delay, air_time, distance, temp, wind, precip, visib",
    "daily_figure": "*",
    "monthly_figure": "to_char(month, 'YYYY-MM'), origin, carrier, days, flights, cancelled, diverted, dep_delay_sum, late_departures,"
                      " arrived, arr_delay_sum, late_arrivals, max_arr_delay, observed, in_rain, late_in_rain, median_arr_delay, p90_arr_delay",
}


class Warehouse(OwnServerCase):
    def setUp(self):
        self.database = OwnPostgres()
        self.addCleanup(self.database.close)
        self.database.start()
        self.mail = self.sink("mail", MAIL_TLS="starttls", MAIL_USER="flights", MAIL_PASSWORD="s3cret")
        self.hook = self.sink("webhook")
        raw = fetched() / "raw"
        self.server = Server(settings={"alerts.channels.flights.type": "webhook", "alerts.channels.flights.url": self.hook.url + "/flights"})
        self.addCleanup(self.server.close)
        self.data = self.server.root / "flights"
        self.data.mkdir()
        (self.data / "raw").symlink_to(raw)
        self.server.extra_env.update(FLIGHTS_DIR=str(self.data), PIPELINED_CONN_WAREHOUSE=self.database.url)
        shutil.copytree(REPOSITORY / "dags" / "flights", self.server.dags / "flights", ignore=shutil.ignore_patterns("__pycache__"))
        self.server.start()
        self.server.ctl("pools", "set", "warehouse", "4")
        password, extra = self.server.root / "mail-password", self.server.root / "mail.json"
        password.write_text("s3cret\n")
        extra.write_text(json.dumps({"from_email": "flights@example.org", "ca_file": str(self.mail.folder / "cert.pem")}))
        self.server.ctl("connections", "set", "flights_mail", "--conn-type", "smtp", "--conn-host", "localhost", "--conn-port", self.mail.port,
                        "--conn-login", "flights", "--password-file", password, "--extra-file", extra)
        for dag_id in ("flights_daily", "flights_monthly", "flights_warehouse", "flights_warehouse_monthly"):
            wait_for(lambda dag=dag_id: self.server.dag(dag), 20, dag_id)

    def sink(self, kind, **environment):
        sink = Sink(kind, **environment)
        self.addCleanup(sink.close)
        return sink.start()

    def backfill(self, dag_id, begin, end, *options):
        """A process that makes the runs and waits for their end."""
        command = [bin_dir() / "pipectl", "--home", self.server.home, "backfill", "create", dag_id, "--from", begin, "--to", end, "--wait", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
                                   env=clean_environment())
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def finish(self, process, timeout=80):
        out, _ = process.communicate(timeout=timeout)
        self.assertEqual(process.returncode, 0, f"{out[-3000:]}\n{self.server.log_tail()}")

    def number(self, query):
        return int(self.database.rows(query)[0][0])

    def loaded(self):
        """Days with figures; before the first migration there is no table."""
        if self.database.rows("select to_regclass('flights.daily_figure') is null")[0] == ("t",):
            return 0
        return self.number("select count(distinct day) from flights.daily_figure")

    def instances(self, **filters):
        path = "/api/v2/dags/flights_warehouse/dagRuns/~/taskInstances?limit=1000&" + urllib.parse.urlencode(filters)
        return self.server.get(path)["task_instances"]

    def assert_as_in_sqlite(self, table):
        with contextlib.closing(sqlite3.connect(self.data / "warehouse.db")) as db:
            wanted = sorted(tuple("" if value is None else str(value) for value in row) for row in db.execute(f"select * from {table}"))
        found = sorted(self.database.rows(f"select {COLUMNS[table]} from flights.{table}"))
        self.assertEqual((len(found), len(set(found))), (len(wanted), len(wanted)), table)
        self.assertEqual(found, wanted, table)
        return len(found)

    def assert_backs_off(self, task):
        """Its tries lie further and further apart: at least 1, 2, 4 … s."""
        path = f"/api/v2/dags/flights_warehouse/dagRuns/{urllib.parse.quote(task['dag_run_id'], safe='')}/taskInstances/{task['task_id']}/tries"
        tries = sorted(self.server.get(path)["task_instances"], key=lambda one: one["try_number"])
        self.assertEqual([one["state"] for one in tries], ["failed"] * (len(tries) - 1) + ["success"])
        for number, (before, after) in enumerate(zip(tries, tries[1:])):
            wait = datetime.datetime.fromisoformat(after["start_date"]) - datetime.datetime.fromisoformat(before["end_date"])
            self.assertGreaterEqual(wait.total_seconds(), 2 ** number - 0.05, tries)

    def assert_one_at_a_time(self, month):
        """What holds the month's key never overlapped."""
        held = sorted((task["start_date"], task["end_date"]) for task in self.instances()
                      if task["task_id"] in ("load", "figures") and task["logical_date"].startswith(month))
        self.assertEqual(len(held), 2 * 28)
        for (_, end), (start, _) in zip(held, held[1:]):
            self.assertLessEqual(end, start)

    def test_a_month_and_a_crash_of_the_database(self):
        begin = time.monotonic()

        def said(what):
            print(f"{time.monotonic() - begin:5.1f} s: {what}", file=sys.stderr)

        self.assertEqual([self.server.runs(dag) for dag in ("flights_warehouse", "flights_warehouse_monthly")], [[], []],
                         "nothing runs before it is asked for: who has no PostgreSQL is not bothered")

        # Nothing is there yet: every run waits for its day's file, in no slot.
        days = self.backfill("flights_warehouse", "2013-02-01", LAST_DAY, "--max-active-runs", "16")
        wait_for(lambda: len(self.instances(task_id="arrived", state="deferred")) == 16, 30, "16 sensors")
        run_id = self.instances(task_id="arrived", state="deferred")[0]["dag_run_id"]
        self.assertIn("waits for file ", self.server.ctl("tasks", "why", "flights_warehouse", run_id, "arrived"))
        wait_for(lambda: len(self.instances(task_id="indexes", state="success")) == 16, 30, "the migrations of 16 runs")
        self.assertEqual(self.database.rows("select number, name from flights.migration order by number"),
                         [("1", "tables"), ("2", "partitions"), ("3", "indexes")])
        self.assertEqual(self.number("select count(*) from pg_inherits where inhparent = 'flights.flight'::regclass"), 12)
        month = self.backfill("flights_warehouse_monthly", "2013-02-01", "2013-02-28", "-p", "to=Board <board@example.org>")
        said("16 days and the month wait")

        self.finish(self.backfill("flights_daily", "2013-02-01", f"2013-02-{EARLY:02}"))
        wait_for(lambda: self.loaded() == EARLY, 30, "the first days in the warehouse")
        said(f"{EARLY} days are loaded")

        # The database crashes within a load: a lock holds one at its first statement.
        lock = self.database.psql("begin; lock table flights.flight in exclusive mode; select pg_sleep(300)")
        wait_for(lambda: self.number("select count(*) from pg_locks where mode = 'ExclusiveLock' and granted"
                                     " and relation = 'flights.flight'::regclass"), 20, "the lock")
        rest = self.backfill("flights_daily", f"2013-02-{EARLY + 1:02}", LAST_DAY)
        wait_for(lambda: self.number("select count(*) from pg_stat_activity where wait_event_type = 'Lock'"), 30, "a load that waits for the lock")
        self.database.stop("immediate")
        lock.communicate(timeout=20)
        wait_for(lambda: self.instances(task_id="load", state="up_for_retry"), 20, "a load that is to be tried again")
        time.sleep(2)  # the outage: further loads and retries find nobody
        self.database.start()
        said("the database is back")
        self.finish(rest)
        self.finish(days)
        said("all days are loaded")
        tries = [task["try_number"] for task in self.instances() if task["task_id"] in ("tables", "partitions", "indexes", "load", "figures")]
        self.assertEqual(len(tries), 5 * DAYS)
        self.assertGreater(max(tries), 1)
        print(f"        {sum(number - 1 for number in tries)} tries more, {max(tries)} at most", file=sys.stderr)

        self.assert_backs_off(max(self.instances(), key=lambda task: task["try_number"]))
        self.assert_one_at_a_time("2013-02")
        self.assertEqual(self.assert_as_in_sqlite("flight"), self.number("select sum(flights) from flights.loaded_day"))
        self.assert_as_in_sqlite("daily_figure")
        self.assertEqual(dict(self.database.rows("select tableoid::regclass, count(distinct day) from flights.flight group by 1")),
                         {"flights.flight_2013_02": "28", "flights.flight_2013_03": "2"})

        self.finish(month)
        said("the month is reported")
        self.finish(self.backfill("flights_monthly", "2013-02-01", "2013-02-28"))
        self.assert_as_in_sqlite("monthly_figure")
        self.assert_mail()

        self.load_again()
        self.tell_of_a_failure()
        said("done")

    def assert_mail(self):
        mails = self.mail.received()
        self.assertEqual([(mail["to"], mail["tls"]) for mail in mails], [(["board@example.org"], True)])
        message = email.message_from_string(mails[0]["raw"], policy=email.policy.default)
        flights, late = self.database.rows("select sum(flights), sum(late_arrivals) from flights.monthly_figure")[0]
        self.assertEqual(message["subject"], f"Flights of 2013-02: {flights} left New York, {late} arrived late")
        text = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
        self.assertEqual(text.strip(), (self.data / "reports" / "2013-02.txt").read_text().strip(), "the report of flights_monthly, on SQLite")
        (plot,) = message.iter_attachments()
        self.assertEqual((plot.get_content_type(), plot.get_filename()), ("image/svg+xml", "2013-02.svg"))
        bars = xml.etree.ElementTree.fromstring(plot.get_content()).findall(".//{http://www.w3.org/2000/svg}rect[@class='day']")
        self.assertEqual(len(bars), 28)

    def load_again(self):
        before = self.database.rows("select * from flights.flight order by 1, 3, 4, 5, 2")
        self.finish(self.backfill("flights_warehouse", "2013-02-01", "2013-02-02", "--reprocess", "completed"))
        self.assertEqual(self.database.rows("select * from flights.flight order by 1, 3, 4, 5, 2"), before, "again changes nothing")

    def tell_of_a_failure(self):
        (self.data / "days" / "2013-03-03.csv").write_text("day,carrier\n2013-03-03,UA\n")
        done = self.backfill("flights_warehouse", "2013-03-03", "2013-03-03")
        done.communicate(timeout=30)
        self.assertNotEqual(done.returncode, 0)
        message = json.loads(wait_for(self.hook.received, 20, "the failure to be told")[0]["body"])
        self.assertEqual((message["dag_id"], message["event"], message["state"]), ("flights_warehouse", "failure", "failed"))
        self.assertTrue(message["logical_date"].startswith("2013-03-03"), message)
        self.assertEqual(self.loaded(), DAYS)


if __name__ == "__main__":
    main()
