#!/usr/bin/env python3
"""The examples of branches, conditions, groups, setups and teardowns: each way through them, to the state of every task."""
import urllib.parse

from case import REPOSITORY, OfflineCase, ServerCase, main

EXAMPLES = REPOSITORY / "dags" / "examples"


class Flow(ServerCase):
    def goes(self, name, conf, run, **states):
        """Runs the example once; `states` may leave out what is `success`. Task ids have `__` for `.`."""
        self.server.write_dag(name, (EXAMPLES / f"{name}.yaml").read_text())
        run_id = self.server.trigger(name, conf)
        self.assertEqual(self.server.wait_run(name, run_id), run, conf)
        expected = {task.replace("__", "."): state for task, state in states.items()}
        found = self.server.states(name, run_id)
        self.assertEqual({task: state for task, state in found.items() if state != "success"}, expected, conf)
        return run_id

    def instance(self, name, run_id, task):
        return f"/api/v2/dags/{name}/dagRuns/{urllib.parse.quote(run_id, safe='')}/taskInstances/{task}"

    def test_branching(self):
        self.goes("branching", {}, "success", full="skipped")
        self.goes("branching", {"mode": "full"}, "success", changes__find="skipped", changes__load="skipped")
        self.goes("branching", {"mode": "both"}, "success")

    def test_a_branch_leaves_what_it_followed_as_airflow_does(self):
        run_id = self.goes("branching", {"mode": "changes"}, "success", full="skipped")
        entries = self.instance("branching", run_id, "choose") + "/xcomEntries"
        self.assertEqual(self.server.get(f"{entries}/return_value")["value"], "changes")
        self.assertEqual(self.server.get(f"{entries}/skipmixin_key")["value"], {"followed": ["changes.find"]})

    def test_short_circuit(self):
        self.goes("short_circuit", {}, "success")
        self.goes("short_circuit", {"rows": 0}, "success", load="skipped", announce="skipped", archive="skipped")

    def test_latest_only_lets_a_run_by_hand_pass_and_no_run_of_the_past(self):
        self.server.write_dag("latest_only", (EXAMPLES / "latest_only.yaml").read_text())
        self.assert_exit(0, "dags", "unpause", "latest_only")
        self.goes("latest_only", {}, "success")
        self.assert_exit(0, "backfill", "create", "latest_only", "--from", "2026-01-01", "--to", "2026-01-01", "--wait")
        run_id = next(run["dag_run_id"] for run in self.server.runs("latest_only") if run["run_type"] == "backfill")
        self.assertEqual(self.server.states("latest_only", run_id), {"load": "success", "newest": "success", "publish": "skipped"})

    def test_conditions(self):
        self.goes("conditions", {}, "success", mail="skipped")
        self.goes("conditions", {"mail": True}, "success")
        self.goes("conditions", {"mail": True, "file": "none"}, "success", fetch="skipped", load="skipped")

    def test_a_skipped_try_is_shown_as_skipped(self):
        run_id = self.goes("conditions", {"file": "none"}, "success", fetch="skipped", load="skipped", mail="skipped")
        for task in ("fetch", "mail"):
            tries = self.server.get(self.instance("conditions", run_id, task) + "/tries")
            self.assertEqual([one["state"] for one in tries["task_instances"]], ["skipped"], task)

    def test_groups(self):
        self.goes("groups", {}, "success")
        tasks = {task["task_id"]: task for task in self.server.get("/api/v2/dags/groups/tasks")["tasks"]}
        self.assertEqual({task: sorted(shape["downstream_task_ids"]) for task, shape in tasks.items()}, {
            "begin": ["extract.customers", "extract.orders"],
            "extract.orders": ["check.rows"], "extract.customers": ["check.rows"],
            "check.rows": ["check.totals"], "check.totals": ["end"], "end": []})
        self.assertEqual([tasks[task]["retries"] for task in ("extract.orders", "check.rows")], [3, 1])

    def test_ending_early(self):
        self.goes("ending_early", {}, "success")
        self.goes("ending_early", {"fails": True, "seconds": 60}, "failed", check="failed", long="failed", after="skipped")
        self.goes("ending_early", {"seconds": 60}, "failed", long="skipped", after="skipped", release="skipped")

    def test_setup_teardown(self):
        self.goes("setup_teardown", {}, "success")
        self.goes("setup_teardown", {"fails": "compute"}, "failed", compute="failed", report="upstream_failed")
        self.goes("setup_teardown", {"fails": "create_cluster"}, "failed", create_cluster="failed", compute="upstream_failed",
                  delete_cluster="upstream_failed", report="upstream_failed")
        self.goes("setup_teardown", {"fails": "delete_cluster"}, "success", delete_cluster="failed")


class FlowOffline(OfflineCase):
    def test_dags_test_decides_too(self):
        path = self.file("""
tasks:
  choose: {branch: "{{ ['right', 'alone'] }}"}
  left: {bash: echo left >> out, depends_on: choose}
  right: {bash: echo right >> out, depends_on: choose}
  alone: {bash: echo alone >> out, depends_on: choose, when: "{{ dag_run.conf.alone | default(false) }}"}
""")
        self.expect(0, "dags", "test", path)
        self.assertEqual((self.folder / "out").read_text(), "right\n")

    def test_a_branch_to_nowhere_fails_and_names_it(self):
        path = self.file("tasks:\n  choose: {branch: \"{{ 'lfet' }}\"}\n  left: {empty: true, depends_on: choose}\n")
        self.assertIn('did you mean "left"?', self.expect(1, "dags", "test", path))


if __name__ == "__main__":
    main()
