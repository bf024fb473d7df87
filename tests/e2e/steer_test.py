#!/usr/bin/env python3
"""What people decide about runs and tasks: clear, mark, notes, reruns; also when everything is killed in the middle of it."""
import time
import urllib.parse

from case import REPOSITORY, HttpError, OwnServerCase, ServerCase, main, wait_for

EXAMPLE = (REPOSITORY / "dags" / "examples" / "clear_and_mark.yaml").read_text()


def run_path(dag_id, run_id, prefix="/api/v2"):
    return f"{prefix}/dags/{dag_id}/dagRuns/{urllib.parse.quote(run_id, safe='')}"


class Steer(ServerCase):
    settings = {"executor.grace": "500ms"}

    def failed_run(self, name):
        """A run of the example of which `load` failed."""
        self.server.write_dag(name, EXAMPLE.replace("dag_id: clear_and_mark", f"dag_id: {name}"))
        run_id = self.server.trigger(name)
        self.assertEqual(self.server.wait_run(name, run_id), "failed")
        self.assertEqual(self.server.states(name, run_id), {"extract": "success", "load": "failed", "report": "upstream_failed"})
        return run_id

    def test_a_cleared_task_and_what_is_below_run_again(self):
        run_id = self.failed_run("cleared")
        dry = self.server.ctl_json("tasks", "clear", "cleared", run_id, "load", "--downstream", "--dry-run")
        self.assertEqual([(row["task_id"], row["state"]) for row in dry], [("load", "failed"), ("report", "upstream_failed")])
        self.assertEqual(self.server.run("cleared", run_id)["state"], "failed")
        done = self.server.ctl_json("tasks", "clear", "cleared", run_id, "load", "--downstream")
        self.assertEqual([row["task_id"] for row in done], ["load", "report"])
        self.assertEqual(self.server.wait_run("cleared", run_id), "success")
        tasks = self.server.tasks("cleared", run_id)
        self.assertEqual({task: row["try_number"] for task, row in tasks.items()}, {"extract": 1, "load": 2, "report": 1})
        history = self.server.ctl_json("runs", "history", "cleared", run_id)
        self.assertIn(("load", "failed", "none", "cleared by admin"), [(e["task_id"], e["from"], e["to"], e["why"]) for e in history])
        self.assertIn((None, "failed", "queued", "cleared by admin"), [(e["task_id"], e["from"], e["to"], e["why"]) for e in history])
        self.assertEqual(self.server.get(run_path("cleared", run_id, "/api/ext/v1"))["clear_number"], 1)
        # Who asked, and nobody for what the scheduler did: the clear of both tasks and of the run, and nothing else.
        self.assertEqual([(e["task_id"], e["to"]) for e in history if e["who"] == "admin"],
                         [("load", "none"), ("report", "none"), (None, "queued")])
        self.assertEqual({e["who"] for e in history}, {"admin", "scheduler"})
        table = self.assert_exit(0, "runs", "history", "cleared", run_id, "-o", "table").stdout
        self.assertRegex(table, r"WHEN +WHO +TASK +TRY +FROM +TO +WHY")
        self.assertRegex(table, r"admin +load +1 +failed +none +cleared by admin")

    def test_the_state_before_a_clear_can_still_be_seen(self):
        run_id = self.failed_run("seen")
        before = self.server.run("seen", run_id)["end_date"]
        self.assert_exit(0, "runs", "clear", "seen", run_id, "--only-failed")
        self.assertEqual(self.server.wait_run("seen", run_id), "success")
        at = self.server.ctl_json("runs", "show", "seen", run_id, "--at", before)
        self.assertEqual({task["task_id"]: task["state"] for task in at["tasks"]},
                         {"extract": "success", "load": "failed", "report": "upstream_failed"})

    def test_a_marked_task_lets_what_failed_below_run(self):
        run_id = self.failed_run("marked")
        self.assert_exit(0, "tasks", "mark", "marked", run_id, "load", "--state", "success")
        self.assertEqual(self.server.wait_run("marked", run_id), "success")
        self.assertEqual(self.server.states("marked", run_id), {"extract": "success", "load": "success", "report": "success"})
        self.assertEqual(self.server.tasks("marked", run_id)["load"]["try_number"], 1)
        again = self.assert_exit(5, "tasks", "mark", "marked", run_id, "load", "--state", "success")
        self.assertIn("already", again.stderr)

    def test_a_rerun_has_other_params_the_same_dates_and_a_link(self):
        self.server.write_dag("repeated", EXAMPLE.replace("dag_id: clear_and_mark", "dag_id: repeated"))
        old = self.server.post("/api/v2/dags/repeated/dagRuns", {"logical_date": "2026-01-05T00:00:00Z"})["dag_run_id"]
        self.assertEqual(self.server.wait_run("repeated", old), "failed")
        new = self.server.ctl_json("runs", "rerun", "repeated", old, "-p", "region=eu")
        self.assertEqual(self.server.wait_run("repeated", new["dag_run_id"]), "success")
        self.assertEqual((new["rerun_of"], new["logical_date"], new["conf"]), (old, "2026-01-05T00:00:00Z", {"region": "eu"}))
        self.assertEqual(self.server.get(run_path("repeated", old, "/api/ext/v1"))["reruns"], [new["dag_run_id"]])
        refused = self.assert_exit(2, "runs", "rerun", "repeated", old, "-p", "region=venus")
        self.assertIn("venus", refused.stderr)

    def test_notes(self):
        run_id = self.failed_run("noted")
        self.assert_exit(0, "runs", "note", "noted", run_id, "-m", "mars is late")
        self.assert_exit(0, "runs", "note", "noted", run_id, "--task", "load", "-m", "no \"rows\"")
        self.assertEqual(self.server.run("noted", run_id)["note"], "mars is late")
        self.assertEqual(self.server.tasks("noted", run_id)["load"]["note"], "no \"rows\"")
        self.assert_exit(0, "runs", "note", "noted", run_id, "--task", "load", "--remove")
        self.assertIsNone(self.server.tasks("noted", run_id)["load"]["note"])

    def test_a_running_task_is_stopped_before_it_runs_again(self):
        self.server.write_dag("running", "tasks: {a: {bash: 'trap \"sleep 0.3; exit 0\" TERM; echo try $PIPELINED_TRY_NUMBER; "
                                         "if [ $PIPELINED_TRY_NUMBER = 1 ]; then sleep 60 & wait; fi'}}\n")
        run_id = self.server.trigger("running")
        self.server.wait_task("running", run_id, "a", "running")
        wait_for(lambda: "try 1" in self.server.pipectl("tasks", "logs", "running", run_id, "a").stdout, what="its first words")
        done = self.server.ctl_json("tasks", "clear", "running", run_id, "a", "--only-running")
        self.assertIn(done[0]["state"], ("restarting", "running"))
        self.assertEqual(self.server.wait_run("running", run_id), "success")
        self.assertEqual(self.server.tasks("running", run_id)["a"]["try_number"], 2)
        changes = [(e["from"], e["to"]) for e in self.server.ctl_json("runs", "history", "running", run_id) if e["task_id"]]
        self.assertEqual(changes[:4], [("none", "running"), ("running", "restarting"), ("restarting", "none"), ("none", "running")])

    def test_a_run_that_is_marked_ends_its_tasks(self):
        self.server.write_dag("ended", "tasks: {a: {bash: sleep 60}, b: {bash: 'true', depends_on: [a]}}\n")
        run_id = self.server.trigger("ended")
        self.server.wait_task("ended", run_id, "a", "running")
        self.assert_exit(0, "runs", "mark", "ended", run_id, "--state", "success")
        self.assertEqual(self.server.run("ended", run_id)["state"], "success")
        self.assertEqual(self.server.states("ended", run_id), {"a": "success", "b": "skipped"})
        history = self.server.ctl_json("runs", "history", "ended", run_id)
        self.assertEqual([(e["task_id"], e["to"], e["who"]) for e in history][-3:],
                         [("a", "success", "admin"), ("b", "skipped", "admin"), (None, "success", "admin")])

    def test_a_run_takes_the_new_version_when_that_is_asked_for(self):
        self.server.write_dag("versions", "tasks: {a: {bash: 'true'}, b: {bash: 'false', depends_on: [a]}}\n")
        run_id = self.server.trigger("versions")
        self.assertEqual(self.server.wait_run("versions", run_id), "failed")
        self.server.write_dag("versions", "tasks: {new: {bash: 'true'}, b: {bash: 'true', depends_on: [a]}, a: {bash: 'true'}}\n")
        self.assert_exit(0, "runs", "clear", "versions", run_id, "--only-failed")
        self.assertEqual(self.server.wait_run("versions", run_id), "failed")
        self.assert_exit(0, "runs", "clear", "versions", run_id, "--only-failed", "--latest-version")
        self.assertEqual(self.server.wait_run("versions", run_id), "success")
        tasks = self.server.tasks("versions", run_id)
        self.assertEqual({task: (row["state"], row["try_number"]) for task, row in tasks.items()},
                         {"new": ("success", 1), "b": ("success", 3), "a": ("success", 1)})
        run = self.server.run("versions", run_id)
        at = self.server.ctl_json("runs", "show", "versions", run_id, "--at", run["end_date"])
        self.assertEqual({task["task_id"]: task["state"] for task in at["tasks"]}, {task: "success" for task in ("new", "a", "b")})

    def test_runs_of_the_future_are_cleared_with_it(self):
        self.server.write_dag("dated", "schedule: '@daily'\nstart_date: 2026-01-01\nend_date: 2026-01-03\ncatchup: true\ntasks: {a: {bash: 'true'}}\n")
        self.server.ctl("dags", "unpause", "dated")
        wait_for(lambda: len(self.server.runs("dated")) == 3 and all(r["state"] == "success" for r in self.server.runs("dated")), what="three runs")
        runs = sorted(self.server.runs("dated"), key=lambda run: run["logical_date"])
        self.assert_exit(0, "tasks", "clear", "dated", runs[1]["dag_run_id"], "a", "--future")
        wait_for(lambda: all(r["state"] == "success" for r in self.server.runs("dated")), what="the runs to end again")
        tries = [self.server.tasks("dated", run["dag_run_id"])["a"]["try_number"] for run in runs]
        self.assertEqual(tries, [1, 2, 2])

    def test_who_may_only_look_may_not_clear(self):
        run_id = self.failed_run("guarded")
        for method, path, body in (("POST", "/api/v2/dags/guarded/clearTaskInstances", {"dag_run_id": run_id, "dry_run": False}),
                                   ("PATCH", run_path("guarded", run_id), {"state": "success"})):
            with self.assertRaises(HttpError) as refused:
                self.server.request(method, path, body, token="nobody")
            self.assertIn(refused.exception.status, (401, 403))
        self.assertEqual(self.server.run("guarded", run_id)["state"], "failed")


class Killed(OwnServerCase):
    def test_a_clear_survives_that_everything_is_killed(self):
        """Twenty runs are cleared by one command, and all is killed again and again while they run."""
        server = self.make_server()
        mark = server.root / "starts"
        server.write_dag("many", f"""
schedule: '@daily'
start_date: 2026-01-01
end_date: 2026-01-20
catchup: true
max_active_runs: 5
tasks:
  a: {{bash: "echo {{{{ ds }}}} $PIPELINED_TRY_NUMBER >> {mark}; sleep 0.2"}}
  b: {{bash: "true", depends_on: [a]}}
""")
        server.ctl("dags", "unpause", "many")
        ended = lambda: [run for run in server.runs("many") if run["state"] == "success"]  # noqa: E731
        wait_for(lambda: len(ended()) == 20, timeout=60, what="twenty runs")
        first = min(server.runs("many"), key=lambda run: run["logical_date"])["dag_run_id"]
        server.ctl("tasks", "clear", "many", first, "a", "--downstream", "--future", "--yes")
        for pause in (0.0, 0.3, 0.7):
            time.sleep(pause)
            server.kill_all()
            server.reap()
            server.start()
        wait_for(lambda: len(ended()) == 20, timeout=60, what="twenty runs to end again")
        for run in server.runs("many"):
            tries = {task: row["try_number"] for task, row in server.tasks("many", run["dag_run_id"]).items()}
            self.assertEqual(tries, {"a": 2, "b": 2}, run["dag_run_id"])
        starts = mark.read_text().split("\n")[:-1]
        self.assertEqual(len(starts), len(set(starts)), "a try ran twice")
        self.assertEqual(len(starts), 40)

    def test_a_task_that_was_being_stopped_runs_again_after_a_crash(self):
        server = self.make_server(settings={"executor.grace": "5s"})
        server.write_dag("stubborn", "tasks: {a: {bash: 'trap \"\" TERM; [ $PIPELINED_TRY_NUMBER = 2 ] || for i in $(seq 600); do sleep 0.1; done'}}\n")
        run_id = server.trigger("stubborn")
        server.wait_task("stubborn", run_id, "a", "running")
        time.sleep(0.5)
        server.ctl("tasks", "clear", "stubborn", run_id, "a")
        self.assertEqual(server.tasks("stubborn", run_id)["a"]["state"], "restarting")
        server.kill_all()
        server.reap()
        server.start()
        self.assertEqual(server.wait_run("stubborn", run_id, timeout=60), "success")
        self.assertEqual(server.tasks("stubborn", run_id)["a"]["try_number"], 2)


if __name__ == "__main__":
    main()
