#!/usr/bin/env python3
"""A second scheduler on the same database, with the same home and with another: it stands by, and takes over without touching
the attempts of the other."""
import json
import os
import pathlib
import random
import signal
import subprocess
import time
import unittest

import promise
from live_server import Server, bin_dir, wait_for


class TwoSchedulers(unittest.TestCase):
    def setUp(self):
        self.server = Server(settings={"scheduler.lease_ttl": "2s"})
        self.addCleanup(self.server.close)
        self.server.start()
        self.url = json.loads((self.server.home / "run" / "standalone.json").read_text())["database_url"]

    def start_second(self, home, **env):
        log = open(self.server.root / f"second-{len(list(self.server.root.glob('second-*')))}.log", "ab")
        self.addCleanup(log.close)
        process = subprocess.Popen([bin_dir() / "pipelined", "scheduler", "--home", home, "--dags", self.server.dags], stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL, env={**self.server.environment(), **env}, start_new_session=True)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait(timeout=10)

    def stop_leader_for_good(self):
        """The standalone, which would start it again, is held meanwhile."""
        self.held = self.server.process.pid
        self.addCleanup(self.let_go)
        os.kill(self.held, signal.SIGSTOP)
        leader = [pid for pid in self.server.pids("scheduler") if parent(pid) == self.held]
        for pid in leader:
            os.kill(pid, signal.SIGKILL)

    def let_go(self):
        try:
            os.kill(self.held, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def hold_a_task(self):
        gate, self.count = self.server.root / "gate", self.server.root / "count"
        self.addCleanup(gate.touch)
        body = f"echo x >> {self.count}; until test -e {gate}; do sleep 0.05; done; echo y >> {self.count}"
        self.server.write_dag("held", f"tasks: {{a: {{bash: '{body}'}}, b: {{bash: 'echo b', depends_on: [a]}}}}\n")
        self.server.write_dag("plain", "tasks: {a: {bash: 'echo a'}}\n")
        run_id = self.server.trigger("held")
        wait_for(lambda: self.count.exists(), 20, "the task")
        return gate, run_id

    def test_the_second_stands_by_while_the_first_leads(self):
        second = self.start_second(self.server.home)
        third = self.start_second(self.server.root / "other", PIPELINED__DATABASE__URL=self.url)
        file = self.server.root / "record"
        file.write_text("")
        self.server.write_dag("shared", promise.layered_dag(4, 10, file, (0.05, 0.2), random.Random(3)))
        run_id = self.server.trigger("shared")
        self.assertEqual(self.server.wait_run("shared", run_id, 40), "success")
        self.assertEqual(promise.breaches(file.read_text(), [run_id], [f"t{i}_{j}" for i in range(4) for j in range(10)]), [])
        self.assertEqual((second.poll(), third.poll()), (None, None), "they wait")

    def test_the_same_home_takes_over_what_runs(self):
        gate, run_id = self.hold_a_task()
        self.start_second(self.server.home)
        self.stop_leader_for_good()
        wait_for(lambda: self.server.wait_run("plain", self.server.trigger("plain"), 30), 40, "the second to lead")
        self.assertEqual(self.server.states("held", run_id)["a"], "running")
        gate.touch()
        self.assertEqual(self.server.wait_run("held", run_id, 30), "success")
        self.assertEqual(self.count.read_text(), "x\ny\n")

    def test_another_home_takes_over_and_leaves_the_attempts_alone(self):
        gate, run_id = self.hold_a_task()
        other = self.start_second(self.server.root / "other", PIPELINED__DATABASE__URL=self.url)
        self.stop_leader_for_good()
        self.assertEqual(self.server.wait_run("plain", self.server.trigger("plain"), 40), "success", "the other leads")
        self.assertEqual(self.server.states("held", run_id)["a"], "running")
        self.assertEqual(self.count.read_text(), "x\n")
        gate.touch()
        wait_for(lambda: "y" in self.count.read_text(), 10, "the task's end")
        time.sleep(1)  # the other has nothing to say about it
        self.assertEqual(self.server.states("held", run_id)["a"], "running")
        self.let_go()  # its own scheduler comes back and stands by
        other.kill()
        self.assertEqual(self.server.wait_run("held", run_id, 40), "success")
        self.assertEqual(self.count.read_text(), "x\ny\n")

    def test_a_leader_that_was_stopped_and_goes_on_does_no_harm(self):
        file = self.server.root / "record"
        file.write_text("")
        self.server.write_dag("shared", promise.layered_dag(12, 6, file, (0.05, 0.3), random.Random(4)))
        self.start_second(self.server.home)
        run_id = self.server.trigger("shared")
        wait_for(lambda: file.read_text().count("end") > 5, 30, "progress")
        leaders = self.server.pids("scheduler")
        for pid in leaders[:1]:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(4)
        for pid in leaders[:1]:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(self.server.wait_run("shared", run_id, 60), "success")
        self.assertEqual(promise.breaches(file.read_text(), [run_id], [f"t{i}_{j}" for i in range(12) for j in range(6)]), [])


def parent(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
