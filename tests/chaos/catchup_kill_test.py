#!/usr/bin/env python3
"""kill -9 in the middle of a catch-up of 10,000 slots, at 20 random instants: each slot has exactly one run, and all succeeded.

  PIPELINED_CHAOS_SEED   repeat a run (it is printed)
  PIPELINED_CHAOS_KILLS  how many instants, 20 by default
"""
import datetime
import json
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

import promise  # noqa: F401  (finds live_server)
from live_server import Server, Timeout, bin_dir, clean_environment, wait_for

SLOTS = 10000
START = datetime.datetime(2026, 1, 1)
END = START + datetime.timedelta(minutes=SLOTS - 1)
ROLES = ("standalone", "scheduler", "api-server", "launcher", "postgres")
DAG = f"""
schedule: "* * * * *"
start_date: {START:%Y-%m-%dT%H:%M:%SZ}
end_date: {END:%Y-%m-%dT%H:%M:%SZ}
catchup: true
max_active_runs: {{at_once}}
tasks: {{{{a: {{{{empty: true}}}}}}}}
"""
# Slots without a run, runs beside the slots, runs beyond one for a slot, runs and tasks that did not succeed.
LEFT = f"""
with slot as (select generate_series('{START} UTC'::timestamptz, '{END} UTC', '1 minute') as at)
select (select count(*) from slot where not exists (select from dag_run where logical_date = slot.at)),
       (select count(*) from dag_run where logical_date not in (select at from slot)),
       (select count(*) - count(distinct logical_date) from dag_run),
       (select count(*) from dag_run where state <> 'success'),
       (select count(*) from dag_run r where not exists (select from task_instance t where t.run_id = r.id and t.state = 'success'))"""
DONE = "select count(*) from dag_run where state = 'success'"


class CatchUp(unittest.TestCase):
    def setUp(self):
        self.seed = int(os.environ.get("PIPELINED_CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))
        self.kills = int(os.environ.get("PIPELINED_CHAOS_KILLS") or 20)
        print(f"\nPIPELINED_CHAOS_SEED={self.seed} PIPELINED_CHAOS_KILLS={self.kills}", flush=True)
        self.random = random.Random(f"{self.seed} {self._testMethodName}")
        self.server = Server()
        self.addCleanup(self.server.close)
        self.server.start()

    def ask(self, sql):
        """The row as a list of numbers; None while the database is away."""
        try:
            url = json.loads((self.server.home / "run" / "standalone.json").read_text())["database_url"]
        except (OSError, ValueError, KeyError):
            return None
        done = subprocess.run([shutil.which("psql"), url, "-qAtX", "-F", " ", "-c", f"set search_path to pipelined; {sql}"],
                              capture_output=True, text=True, env=clean_environment())
        return [int(word) for word in done.stdout.split()] if done.returncode == 0 else None

    def done(self):
        row = self.ask(DONE)
        return row[0] if row else None

    def catch_up(self, strike, at_once):
        """Strikes a little after each of some random counts of ended runs; then waits for the end."""
        self.server.write_dag("behind", DAG.format(at_once=at_once), wait=False)
        began, before = time.monotonic(), 0
        for count in sorted(self.random.sample(range(SLOTS * 3 // 4), self.kills)):
            before = wait_for(lambda: self.reached(count), 60, f"{count} runs to end, seed {self.seed}", every=0.002)
            time.sleep(self.random.uniform(0, 0.02))
            strike()
        struck = time.monotonic() - began
        try:
            wait_for(lambda: self.done() == SLOTS, 60, "the end of all runs", every=0.02)
        except Timeout as failure:
            self.fail(f"seed {self.seed}: {failure}; left {self.ask(LEFT)}\n{self.server.log_tail(60)}")
        print(f"at most {at_once} at once: {self.kills} kills in {struck:.1f} s, all over after {time.monotonic() - began:.1f} s", flush=True)
        self.assertEqual(self.ask(LEFT), [0, 0, 0, 0, 0], f"seed {self.seed}")
        self.assertLess(before, SLOTS, f"seed {self.seed}: the last kill came after the catch-up")

    def reached(self, count):
        done = self.done()
        return max(done, 1) if done is not None and done >= count else None

    def start_scheduler(self):
        with open(self.server.log, "ab") as log:
            self.scheduler = subprocess.Popen([bin_dir() / "pipelined", "scheduler", "--home", self.server.home, "--dags", self.server.dags],
                                              stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.server.environment())

    def kill_scheduler(self):
        self.scheduler.kill()
        self.scheduler.wait(timeout=30)
        self.start_scheduler()

    def kill_everything(self):
        """It is not waited for until it is ready: it goes on with the catch-up before."""
        self.server.kill(*ROLES)
        self.server.reap()
        self.server.launch()

    def test_the_scheduler_is_killed(self):
        """One of ours, which is started again at once: the standalone is held, it would wait longer after each kill."""
        standalone = self.server.process.pid
        self.addCleanup(os.kill, standalone, signal.SIGCONT)
        os.kill(standalone, signal.SIGSTOP)
        self.server.kill("scheduler")
        self.start_scheduler()
        self.addCleanup(self.scheduler_ends)
        self.catch_up(self.kill_scheduler, self.random.choice((30, 100, 500)))

    def scheduler_ends(self):
        self.scheduler.kill()
        self.scheduler.wait(timeout=30)

    def test_the_whole_standalone_is_killed(self):
        self.catch_up(self.kill_everything, self.random.choice((10, 30, 100)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
