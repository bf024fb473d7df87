#!/usr/bin/env python3
"""kill -9 of daemons at random instants while a DAG of 500 tasks runs: no task lost, none run twice, none cut off.

  PIPELINED_CHAOS_SEED   repeat a run (it is printed)
  PIPELINED_CHAOS_KILLS  how many instants, 50 by default
"""
import os
import random
import subprocess
import time
import unittest
import urllib.error

import promise  # noqa: F401  (finds live_server)
from live_server import HttpError, Server, Timeout, wait_for

LAYERS, WIDTH = 25, 20
ROLES = ("standalone", "scheduler", "api-server", "launcher", "postgres")
SETS = [("standalone",), ("scheduler",), ("scheduler",), ("api-server",), ("launcher",), ("launcher", "scheduler"), ("postgres",),
        ("postgres", "scheduler"), ("standalone", "launcher"), ROLES, ROLES]


class Kills(unittest.TestCase):
    def setUp(self):
        self.seed = int(os.environ.get("PIPELINED_CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))
        self.kills = int(os.environ.get("PIPELINED_CHAOS_KILLS") or 50)
        print(f"\nPIPELINED_CHAOS_SEED={self.seed} PIPELINED_CHAOS_KILLS={self.kills}", flush=True)
        self.random = random.Random(self.seed)
        self.server = Server()
        self.addCleanup(self.server.close)
        self.file = self.server.root / "record"
        self.file.write_text("")
        self.run_ids, self.done = [], []

    def test_the_promise(self):
        self.server.start()
        self.server.write_dag("big", promise.layered_dag(LAYERS, WIDTH, self.file, (0.2, 1.2), self.random))
        hits = []
        began = time.monotonic()
        while len(hits) < self.kills:
            self.keep_busy()
            time.sleep(self.random.choice((self.random.uniform(0.0, 0.3), self.random.uniform(0.3, 2.0))))
            hits.append(self.strike())
        print(f"{len(hits)} kills in {time.monotonic() - began:.0f} s; {self.file.read_text().count('start ')} starts so far", flush=True)
        self.finish()
        print(f"{len(self.run_ids)} runs ended after {time.monotonic() - began:.0f} s", flush=True)
        task_ids = [f"t{layer}_{place}" for layer in range(LAYERS) for place in range(WIDTH)]
        found = promise.breaches(self.file.read_text(), self.run_ids, task_ids)
        states = {run_id: self.server.run("big", run_id)["state"] for run_id in self.run_ids}
        bad = [f"{run_id}: {task} is {row['state']}, try {row['try_number']}" for run_id in self.run_ids
               for task, row in self.server.tasks("big", run_id).items() if row["state"] != "success" or row["try_number"] != 1]
        self.assertEqual((found[:20], set(states.values()), bad[:20]), ([], {"success"}, []), f"seed {self.seed}; the last kills: {hits[-5:]}")

    def strike(self):
        """Kills a random set at once, and lets what died with the standalone be started again."""
        roles = self.random.choice(SETS)
        hit = self.server.kill(*roles)
        if "standalone" in hit or (self.server.process and self.server.process.poll() is not None):
            self.server.reap()
            self.restart()
        return roles

    def restart(self):
        """Some restarts are waited for, some are struck again before they are ready."""
        self.server.launch()
        if self.random.random() < 0.7:
            self.ready()

    def ready(self):
        try:
            self.server.await_ready(60)
        except (AssertionError, subprocess.TimeoutExpired) as failure:
            self.fail(f"no start after kills, seed {self.seed}: {failure}")

    def keep_busy(self):
        """There is always a run under way. A question that meets a dead server is asked again next time."""
        run_id = f"run{len(self.run_ids)}"
        try:
            if self.run_ids and self.server.run("big", self.run_ids[-1])["state"] in ("queued", "running"):
                return
            self.server.trigger("big", run_id=run_id)
            self.run_ids.append(run_id)
        except HttpError as error:
            if error.status == 409:  # an earlier call was heard though its answer was lost
                self.run_ids.append(run_id)
        except (OSError, urllib.error.URLError, ValueError):
            if self.server.process and self.server.url and self.random.random() < 0.5:
                self.look_for_address()

    def look_for_address(self):
        """After a start that was not waited for, the address is in the home."""
        import json
        try:
            url = json.loads((self.server.home / "run" / "standalone.json").read_text()).get("url")
            self.server.url = url or self.server.url
        except (OSError, ValueError):
            pass

    def finish(self):
        if self.server.process is None or self.server.process.poll() is not None:
            self.server.reap()
            self.server.launch()
        def healthy():
            self.look_for_address()
            try:
                return self.server.get("/api/v2/monitor/health", token="", timeout=5)["scheduler"]["status"] == "healthy"
            except (OSError, HttpError, ValueError):
                return False
        try:
            wait_for(healthy, 60, "the server after the last kill")
        except Timeout as failure:
            self.fail(f"seed {self.seed}: {failure}; the log ends:\n{self.server.log_tail(60)}")
        self.assertTrue(self.run_ids, "no run was ever accepted")
        for run_id in self.run_ids:
            try:
                self.server.wait_run("big", run_id, 120)
            except Timeout as failure:
                left = {task: state for task, state in self.server.states("big", run_id).items() if state != "success"}
                self.fail(f"seed {self.seed}: {failure}\nunfinished: {dict(list(left.items())[:30])}\n{self.server.log_tail(60)}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
