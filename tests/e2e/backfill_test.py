#!/usr/bin/env python3
"""Backfills: made, followed, paused, cancelled, run again, and carried through a crash."""
import json

from case import OwnServerCase, ServerCase, main, wait_for

DAILY = """
schedule: "0 6 * * *"
timezone: America/New_York
start_date: 2020-01-01
end_date: 2020-01-02
max_active_runs: 1
params:
  region: {type: string, enum: [eu, us], default: eu}
tasks:
  a: {exec: ["/bin/true"]}
  b: {depends_on: [a], bash: "%s"}
"""


class Backfills(ServerCase):
    def progress(self, dag_id):
        return json.loads(self.server.ctl("backfill", "show", dag_id, "-o", "json"))

    def test_runs_every_slot_of_the_range(self):
        self.server.write_dag("whole", DAILY % "echo {{ ds }} {{ params.region }}")
        done = self.assert_exit(0, "backfill", "create", "whole", "--from", "2025-03-08", "--to", "2025-03-10", "-p", "region=us", "--wait")
        self.assertIn("3 of 3 runs: 3 succeeded, 0 failed", done.stdout)
        runs = sorted(self.server.runs("whole"), key=lambda run: run["logical_date"])
        self.assertEqual([run["logical_date"] for run in runs],  # a bare date is a whole day of the DAG's zone; the clock changes on the 9th
                         ["2025-03-08T11:00:00Z", "2025-03-09T10:00:00Z", "2025-03-10T10:00:00Z"])
        self.assertEqual(runs[0]["dag_run_id"], "backfill__2025-03-08T11:00:00+00:00")
        self.assertEqual({run["run_type"] for run in runs}, {"backfill"})
        self.assertEqual({run["triggered_by"] for run in runs}, {"backfill"})
        self.assertEqual({run["conf"]["region"] for run in runs}, {"us"})
        self.assertIn("2025-03-09 us", self.server.ctl("tasks", "logs", "whole", runs[1]["dag_run_id"], "b"))

    def test_a_dry_run_lists_and_makes_nothing(self):
        self.server.write_dag("dry", DAILY % "true")
        done = self.assert_exit(0, "backfill", "create", "dry", "--from", "2025-01-01", "--to", "2025-01-02", "--run-backwards", "--dry-run")
        self.assertEqual(done.stdout.split(), ["2025-01-02T11:00:00Z", "2025-01-01T11:00:00Z"])
        self.assertEqual(self.server.runs("dry"), [])
        self.assertEqual(self.server.ctl("backfill", "list", "dry", "-o", "json").strip(), "[]")

    def test_what_failed_is_listed_and_runs_again_with_the_mended_file(self):
        self.server.write_dag("mend", DAILY % "[ {{ ds }} != 2025-01-02 ]")
        done = self.assert_exit(1, "backfill", "create", "mend", "--from", "2025-01-01", "--to", "2025-01-03", "--wait")
        self.assertIn("3 of 3 runs: 2 succeeded, 1 failed\nfailed:\n  backfill__2025-01-02T11:00:00+00:00  b\n", done.stdout)
        # The mended file has its tasks in another order: what was stored of them must follow their names.
        mended = DAILY % "echo mended"
        head, tasks = mended.split("tasks:\n")
        first, second = tasks.strip("\n").split("\n")
        self.server.write_dag("mend", f"{head}tasks:\n{second}\n{first}\n")
        wait_for(lambda: self.server.get("/api/v2/dags/mend/details")["latest_dag_version"]["version_number"] == 2, 10, "the new version")
        done = self.assert_exit(0, "backfill", "create", "mend", "--from", "2025-01-01", "--to", "2025-01-03", "--reprocess", "failed", "--wait")
        self.assertIn("1 of 1 runs: 1 succeeded, 0 failed; 2 slots passed over (2 exist already", done.stdout)
        run = "backfill__2025-01-02T11:00:00+00:00"
        self.assertEqual(self.server.states("mend", run), {"a": "success", "b": "success"})
        tries = self.server.get(f"/api/v2/dags/mend/dagRuns/{run}/taskInstances/b/tries")["task_instances"]
        self.assertEqual([(t["try_number"], t["state"], t["dag_version"]["version_number"]) for t in tries],
                         [(1, "failed", 1), (2, "success", 2)])
        self.assertIn("mended", self.server.ctl("tasks", "logs", "mend", run, "b"))

    def test_reprocessing_completed_runs_runs_all_of_them(self):
        self.server.write_dag("again", DAILY % "true")
        self.assert_exit(0, "backfill", "create", "again", "--from", "2025-01-01", "--to", "2025-01-05", "--wait")
        self.assert_exit(0, "backfill", "create", "again", "--from", "2025-01-01", "--to", "2025-01-05", "--reprocess", "completed", "--wait")
        rows = self.server.get("/api/v2/dags/again/dagRuns/~/taskInstances?limit=100")["task_instances"]
        self.assertEqual({row["try_number"] for row in rows}, {2})

    def test_pause_unpause_and_cancel(self):
        gate = self.server.root / "gate"
        self.server.write_dag("steered", DAILY % f"until test -e {gate}; do sleep 0.05; done")
        self.assert_exit(0, "backfill", "create", "steered", "--from", "2025-01-01", "--to", "2025-01-10", "--max-active-runs", "2")
        wait_for(lambda: self.progress("steered")["running"] == 2, 10, "two runs")
        self.assertEqual(self.progress("steered")["queued"], 8)
        self.assert_exit(5, "backfill", "create", "steered", "--from", "2025-02-01", "--to", "2025-02-02")  # one at a time
        self.assert_exit(0, "backfill", "pause", "steered")
        gate.touch()
        wait_for(lambda: self.progress("steered")["running"] == 0, 10, "the end of what ran")
        self.assertEqual(self.progress("steered")["queued"], 8)
        why = self.server.pipectl("tasks", "why", "steered", "backfill__2025-01-05T11:00:00+00:00", "a").stdout
        self.assertRegex(why, r"the run is queued: backfill \d+ is paused")
        gate.unlink()
        self.assert_exit(0, "backfill", "unpause", "steered")
        wait_for(lambda: self.progress("steered")["running"] == 2, 10, "two more runs")
        self.assert_exit(0, "backfill", "cancel", "steered")
        gate.touch()
        ended = self.server.pipectl("backfill", "watch", "steered", "-o", "json")
        self.assertEqual(ended.returncode, 1)
        progress = json.loads(ended.stdout)
        self.assertEqual((progress["success"], progress["failed"], progress["cancelled"]), (4, 6, True))
        self.assert_exit(5, "backfill", "cancel", "steered")

    def test_mistakes_have_their_own_answers(self):
        self.server.write_dag("wrong", DAILY % "true")
        self.server.write_dag("by_hand", "tasks: {a: {empty: true}}\n")
        for code, words, arguments in (
                (3, "was not found", ("nope", "--from", "2025-01-01", "--to", "2025-01-02")),
                (2, "no schedule with a rhythm", ("by_hand", "--from", "2025-01-01", "--to", "2025-01-02")),
                (2, "the range ends before it begins", ("wrong", "--from", "2025-01-05", "--to", "2025-01-02")),
                (2, "the whole range lies in the future", ("wrong", "--from", "2125-01-05", "--to", "2125-01-06")),
                (2, "no slot of the schedule lies in the range", ("wrong", "--from", "2025-01-01T12:00", "--to", "2025-01-01T13:00")),
                (2, "--to is not a date: soon", ("wrong", "--from", "2025-01-01", "--to", "soon")),
                (2, 'params.region', ("wrong", "--from", "2025-01-01", "--to", "2025-01-02", "-p", "region=mars")),
                (2, "--reprocess", ("wrong", "--from", "2025-01-01", "--to", "2025-01-02", "--reprocess", "some")),
                (2, "--max-active-runs", ("wrong", "--from", "2025-01-01", "--to", "2025-01-02", "--max-active-runs", "0"))):
            done = self.assert_exit(code, "backfill", "create", *arguments)
            self.assertIn(words, done.stderr)
        self.assertEqual(self.server.runs("wrong"), [])


class Crashes(OwnServerCase):
    def test_a_backfill_goes_on_after_its_scheduler_was_killed(self):
        server = self.make_server()
        server.write_dag("long", 'schedule: "0 * * * *"\nstart_date: 2020-01-01\nend_date: 2020-01-01\ntasks: {a: {empty: true}}\n')
        server.ctl("backfill", "create", "long", "--from", "2025-01-01", "--to", "2025-04-10", "--max-active-runs", "5")  # 2,400 slots
        for _ in range(3):
            server.kill("scheduler")
            wait_for(lambda: server.pids("scheduler"), 10, "the next scheduler")
            wait_for(lambda: server.get("/api/v2/monitor/health")["scheduler"]["status"] == "healthy", 20, "a leader")
        ended = server.pipectl("backfill", "watch", "long", "-o", "json", timeout=120)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        progress = json.loads(ended.stdout)
        self.assertEqual((progress["slots"], progress["success"]), (2400, 2400))
        self.assertEqual(server.get("/api/v2/dags/long/dagRuns?limit=1")["total_entries"], 2400)

    def test_runs_that_run_again_do_so_once_whatever_is_killed(self):
        server = self.make_server()
        server.write_dag("again", 'schedule: "0 * * * *"\nstart_date: 2020-01-01\nend_date: 2020-01-01\ntasks: {a: {exec: ["/bin/true"]}, b: {empty: true, depends_on: [a]}}\n')
        span = ("--from", "2025-01-01", "--to", "2025-01-10")  # 240 slots
        server.ctl("backfill", "create", "again", *span, "--wait")
        server.ctl("backfill", "create", "again", *span, "--reprocess", "completed", "--max-active-runs", "4")
        for _ in range(3):
            server.kill("scheduler", "launcher")
            wait_for(lambda: server.pids("scheduler"), 10, "the next scheduler")
            wait_for(lambda: server.get("/api/v2/monitor/health")["scheduler"]["status"] == "healthy", 20, "a leader")
        self.assertEqual(server.pipectl("backfill", "watch", "again", timeout=120).returncode, 0)
        tries, offset = [], 0
        while offset < 480:
            page = server.get(f"/api/v2/dags/again/dagRuns/~/taskInstances?limit=100&offset={offset}")["task_instances"]
            tries += [(row["state"], row["try_number"]) for row in page]
            offset += len(page)
        self.assertEqual(tries, [("success", 2)] * 480)

    def test_a_cancelled_backfill_leaves_runs_that_it_has_not_come_to(self):
        server = self.make_server()
        gate = server.root / "gate"
        gate.touch()
        server.write_dag("kept", 'schedule: "0 6 * * *"\nstart_date: 2020-01-01\nend_date: 2020-01-01\n'
                                 f"tasks: {{a: {{bash: 'until test -e {gate}; do sleep 0.05; done'}}}}\n")
        span = ("--from", "2025-01-01", "--to", "2025-01-10")
        server.ctl("backfill", "create", "kept", *span, "--wait")
        gate.unlink()
        server.ctl("backfill", "create", "kept", *span, "--reprocess", "completed", "--max-active-runs", "2")
        wait_for(lambda: server.ctl_json("backfill", "show", "kept")["running"] == 2, 10, "two runs")
        server.ctl("backfill", "cancel", "kept")
        gate.touch()
        server.pipectl("backfill", "watch", "kept")
        self.assertEqual([run["state"] for run in server.runs("kept")], ["success"] * 10)


if __name__ == "__main__":
    main()
