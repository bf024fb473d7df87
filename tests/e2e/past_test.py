#!/usr/bin/env python3
"""Tasks that wait for the run before, deadlines, failures in a row and overlapping slots: the examples, and kill -9 amid them."""
import urllib.parse

from case import REPOSITORY, OfflineCase, OwnServerCase, ServerCase, main, wait_for

EXAMPLES = REPOSITORY / "dags" / "examples"
CHAIN = """
schedule: null
tasks:
  load: {depends_on_past: true, bash: "if test -e %s/wait; then touch %s/asleep; sleep 600; fi; test ! -e %s/broken"}
"""


def run_path(dag, run_id, prefix="/api/ext/v1"):
    return f"{prefix}/dags/{dag}/dagRuns/{urllib.parse.quote(run_id, safe='')}"


def deadlines(server, dag, run_id):
    return [(one["deadline"], one["state"]) for one in server.get(run_path(dag, run_id) + "/deadlines")["deadlines"]]


def history(server, dag):
    return [(one["event"], one["why"]) for one in server.get(f"/api/ext/v1/dags/{dag}/history")["events"]]


class Past(ServerCase):
    def example(self, name):
        self.server.write_dag(name, (EXAMPLES / f"{name}.yaml").read_text())

    def test_depends_on_past(self):
        name = "depends_on_past"
        self.example(name)
        self.assert_exit(0, "dags", "unpause", name)
        backfill = ("backfill", "create", name, "--from", "2026-01-01", "--to", "2026-01-03")
        refused = self.assert_exit(2, *backfill)
        self.assertIn("depends on its run before", refused.stderr)
        self.assertIn("backwards", self.assert_exit(2, *backfill, "--reprocess", "completed", "--run-backwards").stderr)
        self.assert_exit(0, *backfill, "--reprocess", "failed", "-p", "broken=2026-01-02")
        runs = wait_for(lambda: self.backfilled(name, "success", "failed", "running"), 30, "the third day to wait")
        why = self.server.get(run_path(name, runs[2]) + "/taskInstances/load/why")
        self.assertEqual(why["reasons"][0]["code"], "depends_on_past")
        self.assertIn(f"task load of the run before, {runs[1]}, to succeed or be skipped: it is failed", why["reasons"][0]["text"])
        # The run that waits is ended; then the failed days are run again, and each starts when the one before is done.
        self.assert_exit(0, "runs", "cancel", name, runs[2])
        self.assert_exit(0, "backfill", "create", name, "--from", "2026-01-02", "--to", "2026-01-03", "--reprocess", "failed",
                         "-p", "broken=none", "--wait")
        self.assertEqual([self.server.run(name, run)["state"] for run in runs], ["success"] * 3)

    def backfilled(self, name, *states):
        runs = sorted((run for run in self.server.runs(name) if run["run_type"] == "backfill"), key=lambda run: run["logical_date"])
        return [run["dag_run_id"] for run in runs] if [run["state"] for run in runs] == list(states) else None

    def test_a_task_shows_what_it_waits_for_in_the_api(self):
        self.server.write_dag("shown", "tasks:\n  a: {bash: x, wait_for_downstream: true}\n")
        task = self.server.get("/api/v2/dags/shown/tasks/a")
        self.assertEqual((task["depends_on_past"], task["wait_for_downstream"]), (True, True))

    def test_a_mapped_task_waits_for_all_instances_of_the_run_before(self):
        traces = self.server.root / "traces"
        traces.mkdir()
        self.server.write_dag("mapped", f"""
env: {{TRACES: {traces}}}
tasks:
  each:
    depends_on_past: true
    expand: {{env: [{{N: a}}, {{N: b}}]}}
    bash: "touch $TRACES/$N.{{{{ ds }}}}; test $N = a || test {{{{ ds }}}} != 2026-01-01"
""")
        first, second = (self.post("mapped", day) for day in ("2026-01-01", "2026-01-02"))
        self.assertEqual(self.server.wait_run("mapped", first), "failed")
        wait_for(lambda: self.server.run("mapped", second)["state"] == "running", 20, "the second run to wait")
        self.assertEqual(sorted(trace.name for trace in traces.iterdir()), ["a.2026-01-01", "b.2026-01-01"])

    def post(self, name, day):
        body = {"logical_date": f"{day}T00:00:00Z"}
        return self.server.post(f"/api/v2/dags/{name}/dagRuns", body)["dag_run_id"]

    def test_deadline(self):
        self.example("deadline")
        run_id = self.server.trigger("deadline", {"seconds": 3})
        self.assertEqual(self.server.wait_run("deadline", run_id), "success")
        self.assertEqual(deadlines(self.server, "deadline", run_id), [("2s after it was queued", "missed")])
        shown = self.server.ctl("runs", "show", "deadline", run_id)
        self.assertIn("(2s after it was queued)", shown)
        self.assertIn(f"run {run_id} of deadline missed its deadline", self.server.log_tail(500))
        in_time = self.server.trigger("deadline", {"seconds": 0})
        self.assertEqual(self.server.wait_run("deadline", in_time), "success")
        self.assertEqual(deadlines(self.server, "deadline", in_time), [("2s after it was queued", "met")])
        third = self.server.trigger("deadline", {"seconds": 0})  # two have ended: there is an average now
        self.server.wait_run("deadline", third)
        self.assertEqual([state for _, state in deadlines(self.server, "deadline", third)], ["met", "met"])

    def test_overlap(self):
        self.example("overlap")
        self.assert_exit(0, "dags", "unpause", "overlap")
        wait_for(lambda: "slot skipped" in [event for event, _ in history(self.server, "overlap")], 30, "a skipped slot")
        self.assert_exit(0, "dags", "pause", "overlap")
        self.assertIn("1 of 1 runs were active (overlap: skip)", self.server.ctl("dags", "history", "overlap"))

    def test_cancel_running_takes_the_place_of_the_run_before(self):
        self.server.write_dag("replaced", "schedule: {every: 2s}\nmax_active_runs: 1\noverlap: cancel_running\ntasks: {a: {bash: sleep 600}}\n")
        wait_for(lambda: [run for run in self.server.runs("replaced") if run["state"] == "failed"], 30, "a cancelled run")
        self.assert_exit(0, "dags", "pause", "replaced")

    def test_pause_after_failures(self):
        name = "pause_after_failures"
        self.example(name)
        for _ in range(2):
            self.assertEqual(self.server.wait_run(name, self.server.trigger(name, {"works": False})), "failed")
        self.assertTrue(self.server.get(f"/api/v2/dags/{name}")["is_paused"])
        self.assertEqual(history(self.server, name)[0],
                         ("paused", "paused: its last 2 runs failed (max_consecutive_failed_dag_runs: 2)"))


class AfterAKill(OwnServerCase):
    def trigger(self, server, day):
        return server.post("/api/v2/dags/chain/dagRuns", {"logical_date": f"{day}T00:00:00Z"})["dag_run_id"]

    def test_what_waits_goes_on_waiting_and_is_woken(self):
        server = self.make_server()
        flag = server.root / "flags"
        flag.mkdir()
        (flag / "wait").touch()
        server.write_dag("chain", CHAIN % (flag, flag, flag))
        first = self.trigger(server, "2026-01-01")
        wait_for((flag / "asleep").exists)  # from here on it does not look at the flag again
        (flag / "wait").unlink()
        second, third = self.trigger(server, "2026-01-02"), self.trigger(server, "2026-01-03")
        server.kill_all()
        server.start()
        self.assertEqual(server.states("chain", second)["load"], None)
        self.assertEqual(server.states("chain", third)["load"], None)
        server.ctl("runs", "cancel", "chain", first)  # failed: nothing of the next run may start
        why = server.get(run_path("chain", second) + "/taskInstances/load/why")
        self.assertIn("it is failed", why["reasons"][0]["text"])
        server.kill_all()
        server.start()
        why = server.get(run_path("chain", second) + "/taskInstances/load/why")
        self.assertIn("it is failed", why["reasons"][0]["text"])

    def test_deadlines_and_failures_are_remembered(self):
        server = self.make_server()
        server.write_dag("counted", "max_consecutive_failed_dag_runs: 2\ndeadline: 3s\ntasks: {a: {bash: 'sleep {{ dag_run.conf.s }}; exit 1'}}\n")
        first = server.trigger("counted", {"s": 0})
        self.assertEqual(server.wait_run("counted", first), "failed")
        second = server.trigger("counted", {"s": 6})
        server.wait_task("counted", second, "a", "running")
        server.kill_all()
        server.start()
        self.assertEqual(server.wait_run("counted", second), "failed")
        self.assertEqual(deadlines(server, "counted", second), [("3s after it was queued", "missed")])
        self.assertTrue(server.get("/api/v2/dags/counted")["is_paused"])


class PastOffline(OfflineCase):
    def test_simulate_shows_what_waits_and_what_is_left_out(self):
        path = self.file("schedule: '0 * * * *'\nmax_active_runs: 1\noverlap: skip\ntasks: {a: {bash: x}}\n")
        shown = self.expect(0, "simulate", path, "--from", "2026-01-01", "--to", "2026-01-02", "--default-duration", "90m")
        self.assertIn("slots passed over: 12", shown)


if __name__ == "__main__":
    main()
