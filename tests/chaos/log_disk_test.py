#!/usr/bin/env python3
"""A log folder without space: tasks and daemons go on."""
import subprocess
import unittest

import promise  # noqa: F401
from live_server import Server


class FullLogDisk(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.logs = self.server.home / "logs"
        self.logs.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=750", "tmpfs", self.logs], capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest(f"no mount permitted here: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.logs])
        self.server.start()

    def test_tasks_end_as_they_would_and_later_logs_are_whole(self):
        self.server.write_dag("loud", "tasks: {a: {bash: 'head -c 1000000 /dev/zero | tr \"\\\\0\" x; echo the end'}, b: {bash: 'echo b', depends_on: [a]}}\n")
        self.server.write_dag("quiet", "tasks: {a: {bash: 'true'}, b: {bash: 'true', depends_on: [a]}}\n")
        run_id = self.server.trigger("loud")
        self.assertEqual(self.server.wait_run("loud", run_id, 30), "success", self.server.states("loud", run_id))
        self.assertEqual(self.server.wait_run("quiet", self.server.trigger("quiet"), 30), "success")
        self.assertIn(self.server.pipectl("tasks", "logs", "loud", run_id, "a").returncode, (0, 1))
        subprocess.run(["find", self.logs, "-type", "f", "-delete"], check=True)
        run_id = self.server.trigger("loud", run_id="again")
        self.server.wait_run("loud", run_id, 30)
        self.server.write_dag("small", "tasks: {a: {bash: 'echo small'}}\n")
        subprocess.run(["find", self.logs, "-type", "f", "-delete"], check=True)
        run_id = self.server.trigger("small")
        self.assertEqual(self.server.wait_run("small", run_id, 30), "success")
        self.assertIn("small", self.server.ctl("tasks", "logs", "small", run_id, "a"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
