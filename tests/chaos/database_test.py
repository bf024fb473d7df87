#!/usr/bin/env python3
"""PostgreSQL that is restarted or killed in mid-run; databases and attempts/ folders that do not belong together."""
import os
import random
import shutil
import signal
import time
import unittest

import promise
from live_server import Server, wait_for


class Database(unittest.TestCase):
    def make_server(self):
        server = Server()
        self.addCleanup(server.close)
        return server.start()

    def strike_database(self, how, times):
        server = self.make_server()
        file = server.root / "record"
        file.write_text("")
        server.write_dag("steady", promise.layered_dag(8, 10, file, (0.05, 0.4), random.Random(1)))
        run_id = server.trigger("steady")
        for i in range(times):
            wait_for(lambda: file.read_text().count("start ") > 12 * (i + 1), 60, "progress after the database came back")
            before = server.postmaster()
            server.kill("postgres", how=how)
            wait_for(lambda: server.postmaster() not in (None, before), 30, "PostgreSQL to be started again")
        state = server.wait_run("steady", run_id, 90)
        task_ids = [f"t{layer}_{place}" for layer in range(8) for place in range(10)]
        self.assertEqual((promise.breaches(file.read_text(), [run_id], task_ids), state), ([], "success"))

    def test_postgresql_killed(self):
        self.strike_database(signal.SIGKILL, 4)

    def test_postgresql_restarted(self):
        self.strike_database(signal.SIGINT, 4)

    def test_a_database_that_stands_still_delays_and_loses_nothing(self):
        server = self.make_server()
        file = server.root / "record"
        file.write_text("")
        server.write_dag("delayed", promise.layered_dag(4, 10, file, (0.05, 0.3), random.Random(2)))
        run_id = server.trigger("delayed")
        wait_for(lambda: "end" in file.read_text(), 30, "the first task")
        frozen = server.pids("postgres") + children(server.postmaster())
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(3)
        for pid in frozen:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
        state = server.wait_run("delayed", run_id, 90)
        task_ids = [f"t{layer}_{place}" for layer in range(4) for place in range(10)]
        self.assertEqual((promise.breaches(file.read_text(), [run_id], task_ids), state), ([], "success"))


class WrongPairs(unittest.TestCase):
    """A held task is under way when everything is killed; then one half of the home is new."""

    def crash_with_a_held_task(self):
        server = Server()
        self.addCleanup(server.close)
        server.start()
        self.gate, self.count = server.root / "gate", server.root / "count"
        self.addCleanup(self.gate.touch)
        held = f"tasks: {{a: {{bash: 'echo x >> {self.count}; until test -e {self.gate}; do sleep 0.05; done; echo y >> {self.count}'}}}}\n"
        server.write_dag("held", held)
        server.write_dag("plain", "tasks: {a: {bash: 'echo a'}, b: {bash: 'echo b', depends_on: [a]}}\n")
        self.run_id = server.trigger("held", run_id="held_run")
        wait_for(lambda: self.count.exists(), 20, "the task")
        server.kill_all()
        return server

    def run_plain(self, server, times=3):
        for _ in range(times):
            self.assertEqual(server.wait_run("plain", server.trigger("plain"), 30), "success", server.log_tail())

    def test_a_new_database_with_an_old_attempts_folder(self):
        server = self.crash_with_a_held_task()
        place = server.home / "postgres"
        shutil.rmtree(os.path.realpath(place))
        if place.is_symlink():
            place.unlink()
        server.start()
        wait_for(lambda: server.dag("plain"), 20, "the DAGs")
        self.assertEqual(server.runs("held"), [])
        self.run_plain(server)  # their attempts have the ids that the old ones had, one of which is alive
        self.assertEqual(self.count.read_text(), "x\n")
        self.gate.touch()
        wait_for(lambda: "y" in self.count.read_text(), 10, "the old task, which nobody stopped, to end")
        self.run_plain(server)

    def test_an_old_database_with_a_new_attempts_folder(self):
        server = self.crash_with_a_held_task()
        shutil.move(server.home / "attempts", server.root / "old_attempts")
        server.start()
        self.run_plain(server)
        self.assertEqual(server.states("held", self.run_id)["a"], "running", "an attempt of another instance stays as it is")
        self.assertEqual(self.count.read_text(), "x\n")
        self.gate.touch()
        wait_for(lambda: "y" in self.count.read_text(), 10, "the old task to end")
        self.assertEqual(server.states("held", self.run_id)["a"], "running")
        server.stop()
        shutil.rmtree(server.home / "attempts")
        shutil.move(server.root / "old_attempts", server.home / "attempts")
        server.start()
        self.assertEqual(server.wait_run("held", self.run_id, 30), "success", "its own folder knows the end")
        self.assertEqual(self.count.read_text(), "x\ny\n")


def children(pid):
    from live_server import processes
    return [child for child, (parent, _, _) in processes().items() if parent == pid]


if __name__ == "__main__":
    unittest.main(verbosity=2)
