#!/usr/bin/env python3
"""Scheduled runs, pausing, limits on runs."""
import time

from case import ServerCase, main, wait_for

EVERY = "schedule: {every: 1s}\ncatchup: false\nstart_date: 2026-01-01\ntasks: {a: {bash: 'echo tick'}}\n"


class Schedules(ServerCase):
    def scheduled(self, dag_id):
        return [row for row in self.server.runs(dag_id) if row["run_type"] == "scheduled"]

    def test_every_second(self):
        self.server.write_dag("ticks", EVERY)
        wait_for(lambda: len(self.scheduled("ticks")) >= 4, 15, "four runs")
        rows = sorted(self.scheduled("ticks"), key=lambda row: row["logical_date"])
        dates = [row["logical_date"] for row in rows]
        self.assertEqual(len(dates), len(set(dates)))
        self.assertEqual(rows[0]["dag_run_id"][:11], "scheduled__")
        self.assertEqual(self.server.wait_run("ticks", rows[1]["dag_run_id"]), "success")

    def test_a_paused_dag_makes_no_scheduled_run(self):
        self.server.write_dag("rests", "is_paused_upon_creation: true\n" + EVERY)
        self.assertTrue(self.server.dag("rests")["is_paused"])
        time.sleep(2.5)  # two ticks that must not be heard
        self.assertEqual(self.scheduled("rests"), [])
        self.server.ctl("dags", "unpause", "rests")
        wait_for(lambda: self.scheduled("rests"), 10, "a run")
        self.server.ctl("dags", "pause", "rests")
        count = len(self.scheduled("rests"))
        time.sleep(2.5)
        self.assertLessEqual(len(self.scheduled("rests")), count + 1)

    def test_pausing_lets_running_tasks_finish_and_starts_no_other(self):
        gate = self.server.root / "gate"
        self.server.write_dag("midway", f"tasks: {{a: {{bash: 'until test -e {gate}; do sleep 0.05; done'}}, b: {{bash: 'true', depends_on: [a]}}}}\n")
        run_id = self.server.trigger("midway")
        self.server.wait_task("midway", run_id, "a", "running")
        self.server.ctl("dags", "pause", "midway")
        gate.touch()
        self.server.wait_task("midway", run_id, "a", "success")
        time.sleep(1)  # b must not start
        self.assertIn(self.server.states("midway", run_id)["b"], (None, "none", "scheduled"))
        self.server.ctl("dags", "unpause", "midway")
        self.assertEqual(self.server.wait_run("midway", run_id), "success")

    def test_catchup_makes_every_missed_run(self):
        self.server.write_dag("behind", """
schedule: "@daily"
start_date: 2026-01-01
end_date: 2026-01-10
catchup: true
max_active_runs: 3
tasks: {a: {bash: "echo {{ ds }}"}}
""")
        wait_for(lambda: len(self.scheduled("behind")) == 10, 30, "ten runs")
        wait_for(lambda: {row["state"] for row in self.scheduled("behind")} == {"success"}, 30, "the end of all runs")
        self.assertEqual(sorted(row["logical_date"][:10] for row in self.scheduled("behind")), [f"2026-01-{day:02}" for day in range(1, 11)])

    def test_max_active_runs_queues_further_ones(self):
        gate = self.server.root / "gate2"
        self.server.write_dag("one_by_one", f"max_active_runs: 1\ntasks: {{a: {{bash: 'until test -e {gate}; do sleep 0.05; done'}}}}\n")
        first, second = self.server.trigger("one_by_one"), self.server.trigger("one_by_one")
        self.server.wait_task("one_by_one", first, "a", "running")
        self.assertEqual(self.server.run("one_by_one", second)["state"], "queued")
        gate.touch()
        self.assertEqual(self.server.wait_run("one_by_one", first), "success")
        self.assertEqual(self.server.wait_run("one_by_one", second), "success")


if __name__ == "__main__":
    main()
