#!/usr/bin/env python3
"""Task templates, runs that tasks make, and repetition: the examples of docs/tasks.md, and each of them through kill -9 of everything."""
import shutil
import urllib.parse

from case import REPOSITORY, OfflineCase, OwnServerCase, ServerCase, main, wait_for

EXAMPLES = REPOSITORY / "dags" / "examples"


def instance(dag_id, run_id, task):
    return f"/api/v2/dags/{dag_id}/dagRuns/{urllib.parse.quote(run_id, safe='')}/taskInstances/{task}"


def add_example(server, *names):
    shutil.copytree(EXAMPLES / "_templates", server.dags / "_templates", dirs_exist_ok=True)
    for name in names:
        server.write_dag(name, (EXAMPLES / f"{name}.yaml").read_text())


def outputs(server, dag_id, run_id, task, key):
    return server.get(f"{instance(dag_id, run_id, task)}/xcomEntries/{key}")["value"]


def tries(server, dag_id, run_id, task):
    return [one["state"] for one in server.get(instance(dag_id, run_id, task) + "/tries")["task_instances"]]


class Reuse(ServerCase):
    def run_example(self, name, conf, run):
        run_id = self.server.trigger(name, conf)
        self.assertEqual(self.server.wait_run(name, run_id), run)
        return run_id

    def test_templates(self):
        add_example(self.server, "templates")
        run_id = self.run_example("templates", {"customers": "two words; exit 1"}, "success")
        self.assertEqual(set(self.server.states("templates", run_id)),
                         {"begin", "orders.copy", "orders.check", "customers.copy", "customers.check", "report"})
        self.assertEqual(outputs(self.server, "templates", run_id, "customers.copy", "table"), "two words; exit 1")
        tasks = {task["task_id"]: task["retries"] for task in self.server.get("/api/v2/dags/templates/tasks")["tasks"]}
        self.assertEqual((tasks["orders.copy"], tasks["customers.copy"], tasks["report"]), (2, 5, 0))

    def test_a_changed_template_reloads_its_dag_and_leaves_runs_as_they_are(self):
        folder = self.server.dags / "_own"
        folder.mkdir()
        (folder / "t.yaml").write_text("tasks:\n  a: {bash: 'while [ ! -e go ]; do sleep 0.05; done'}\n  b: {depends_on: a, bash: echo old}\n")
        self.server.write_dag("user", "include: {x: {file: _own/t.yaml}}\n")
        first = self.server.trigger("user")
        self.server.wait_task("user", first, "x.a", "running")
        (folder / "t.yaml").write_text("tasks: {a: {bash: 'true'}, c: {depends_on: a, bash: echo new}}\n")
        wait_for(lambda: "x.c" in [task["task_id"] for task in self.server.get("/api/v2/dags/user/tasks")["tasks"]])
        (self.server.dags / "go").write_text("")
        self.assertEqual(self.server.wait_run("user", first), "success")
        self.assertEqual(set(self.server.states("user", first)), {"x.a", "x.b"})
        second = self.run_example("user", {}, "success")
        self.assertEqual(set(self.server.states("user", second)), {"x.a", "x.c"})

    def test_sub_runs(self):
        add_example(self.server, "sub_run_part", "sub_runs")
        run_id = self.run_example("sub_runs", {"region": "us"}, "success")
        part = outputs(self.server, "sub_runs", run_id, "load", "trigger_run_id")
        other = outputs(self.server, "sub_runs", run_id, "next_day", "trigger_run_id")
        self.assertEqual(self.server.wait_run("sub_run_part", other), "success")
        runs = {run["dag_run_id"]: run for run in self.server.runs("sub_run_part")}
        self.assertEqual((runs[part]["state"], runs[part]["conf"]["region"], runs[part]["triggered_by"]), ("success", "us", "operator"))
        self.assertEqual(runs[other]["conf"], {"region": "other"})
        shown = self.assert_exit(0, "runs", "show", "sub_runs", run_id).stdout
        self.assertIn(f"sub_run_part {part} (success, task load, sub-run)", shown)
        self.assertIn(f"sub_run_part {other} (success, task next_day)", shown)
        links = self.server.get(f"/api/ext/v1/dags/sub_run_part/dagRuns/{urllib.parse.quote(part, safe='')}/links")
        self.assertEqual(links, {"made": [], "made_by": {"dag_id": "sub_runs", "dag_run_id": run_id, "task_id": "load", "state": "success",
                                                         "is_sub_run": True}})

    def test_a_failed_sub_run_fails_its_task(self):
        add_example(self.server, "sub_run_part", "sub_runs")
        run_id = self.run_example("sub_runs", {"fails": "store"}, "failed")
        self.assertEqual(self.server.states("sub_runs", run_id), {"load": "failed", "tell": "upstream_failed", "next_day": "upstream_failed"})

    def test_cancelling_a_run_cancels_its_sub_run_and_leaves_what_it_only_triggered(self):
        self.server.write_dag("slow", "tasks: {a: {bash: sleep 600}}\n")
        self.server.write_dag("both", "tasks:\n  part: {dag: slow}\n  free: {trigger_dag: {dag_id: slow, run_id: 'free-{{ run_id }}', wait: true}}\n")
        run_id = self.server.trigger("both", run_id="one")
        wait_for(lambda: [run["state"] for run in self.server.runs("slow")] == ["running"] * 2)
        self.assertIn("waits for run", self.assert_exit(0, "tasks", "why", "both", run_id, "part").stdout)
        self.assert_exit(0, "runs", "cancel", "both", run_id)
        self.assertEqual(self.server.wait_run("both", run_id), "failed")
        wait_for(lambda: sorted(run["state"] for run in self.server.runs("slow")) == ["failed", "running"])
        self.assertEqual(self.server.run("slow", "free-one")["state"], "running")
        self.assert_exit(0, "runs", "cancel", "slow", "free-one")

    def test_a_run_that_exists_fails_skips_or_runs_again(self):
        self.server.write_dag("there", "tasks: {a: {bash: 'true'}}\n")
        for name, more, state in (("t_fail", "", "failed"), ("t_skip", ", skip_when_already_exists: true", "skipped"),
                                  ("t_reset", ", reset: true", "success")):
            self.server.write_dag(name, f"tasks: {{t: {{trigger_dag: {{dag_id: there, run_id: same, wait: true{more}}}}}}}\n")
            if not any(run["dag_run_id"] == "same" for run in self.server.runs("there")):
                self.server.wait_run("there", self.server.trigger("there", run_id="same"))
            run_id = self.server.trigger(name)
            self.server.wait_run(name, run_id)
            self.assertEqual(self.server.states(name, run_id), {"t": state}, name)
        self.assertEqual(len(tries(self.server, "there", "same", "a")), 2)

    def test_what_waits_takes_no_slot(self):
        self.server.write_dag("leaf", "tasks: {a: {bash: 'true'}}\n")
        tasks = "".join(f"  t{i}: {{dag: leaf}}\n" for i in range(40))
        state, states = self.run_dag("wide", "max_active_tasks: 2\ntasks:\n" + tasks)
        self.assertEqual((state, set(states.values())), ("success", {"success"}))

    def test_a_pool_counts_what_waits_when_it_is_to(self):
        self.server.write_dag("held", "tasks: {a: {bash: 'while [ ! -e go_held ]; do sleep 0.05; done'}}\n")
        self.server.write_dag("counted", "tasks:\n  part: {dag: held, pool: small}\n  work: {pool: small, bash: 'true'}\n")
        self.server.pipectl("pools", "set", "small", "1", "--include-deferred")
        run_id = self.server.trigger("counted")
        pool = lambda: self.server.get("/api/v2/pools/small")
        wait_for(lambda: pool()["deferred_slots"] == 1)
        self.assertEqual((pool()["running_slots"], pool()["occupied_slots"], pool()["open_slots"]), (0, 1, 0))
        why = self.server.get(f"/api/ext/v1/dags/counted/dagRuns/{urllib.parse.quote(run_id, safe='')}/taskInstances/work/why")
        self.assertIn("pool_full", [reason["code"] for reason in why["reasons"]])
        self.server.pipectl("pools", "set", "small", "1")  # leaves it as it is
        self.assertTrue(pool()["include_deferred"])
        self.server.pipectl("pools", "set", "small", "1", "--no-include-deferred")
        self.server.wait_task("counted", run_id, "work", "success")
        self.assertEqual(self.server.states("counted", run_id)["part"], "deferred")
        (self.server.dags / "go_held").write_text("")
        self.assertEqual(self.server.wait_run("counted", run_id), "success")

    def test_a_circle_of_dags_is_refused_and_named(self):
        self.server.write_dag("circle_a", "tasks: {x: {trigger_dag: circle_b}}\n")
        self.server.write_dag("circle_b", "tasks: {x: {dag: circle_a}}\n", wait=False)

        def said():
            return [error["stack_trace"] for error in self.server.get("/api/v2/importErrors")["import_errors"] if error["filename"] == "circle_b.yaml"]
        wait_for(lambda: said() != [])
        self.assertIn("DAG060: DAGs make runs of each other in a circle: circle_b -> circle_a -> circle_b", said()[0])
        self.server.write_dag("circle_a", "tasks: {x: {empty: true}}\n")
        wait_for(lambda: said() == [])
        self.assertEqual(self.server.dag("circle_b")["dag_id"], "circle_b")

    def test_repeat(self):
        add_example(self.server, "repeat")
        run_id = self.run_example("repeat", {}, "success")
        self.assertEqual(outputs(self.server, "repeat", run_id, "poll", "iteration"), 3)
        self.assertEqual(tries(self.server, "repeat", run_id, "poll"), ["success"] * 3)
        run_id = self.run_example("repeat", {"ready_after": 9}, "failed")
        self.assertEqual(tries(self.server, "repeat", run_id, "poll"), ["success"] * 4 + ["failed"])


class ReuseThroughKills(OwnServerCase):
    def strike(self, server):
        server.kill_all()
        server.reap()
        server.start()

    def test_a_sub_run_is_made_once_and_waited_for(self):
        server = self.make_server()
        server.write_dag("part", "tasks: {a: {bash: 'while [ ! -e go ]; do sleep 0.05; done'}, b: {depends_on: a, bash: 'true'}}\n")
        server.write_dag("whole", "tasks:\n  one: {dag: part}\n  two: {trigger_dag: {dag_id: part, wait: true}}\n  end: {depends_on: [one, two], bash: 'true'}\n")
        run_id = server.trigger("whole")
        self.strike(server)
        wait_for(lambda: len(server.runs("part")) == 2)
        self.strike(server)
        wait_for(lambda: [server.states("part", run["dag_run_id"])["a"] for run in server.runs("part")] == ["running"] * 2)
        self.strike(server)
        self.assertEqual(server.states("whole", run_id), {"one": "deferred", "two": "deferred", "end": None})
        (server.dags / "go").write_text("")
        self.assertEqual(server.wait_run("whole", run_id), "success")
        self.assertEqual([run["state"] for run in server.runs("part")], ["success"] * 2)
        self.assertEqual(tries(server, "whole", run_id, "one"), ["success"])

    def test_iterations_count_on(self):
        server = self.make_server()
        server.write_dag("loop", """
tasks:
  poll:
    repeat: {until: "{{ tasks.poll.iteration == 4 }}", delay: 300ms, max: 4}
    bash: echo x >> looks
""")
        run_id = server.trigger("loop")
        looks = server.dags / "looks"
        for count in (1, 2, 3):
            wait_for(lambda: looks.exists() and looks.read_text().count("x") >= count)
            self.strike(server)
        self.assertEqual(server.wait_run("loop", run_id), "success")
        self.assertEqual(outputs(server, "loop", run_id, "poll", "iteration"), 4)


class ReuseOffline(OfflineCase):
    def test_a_mistake_in_a_template_is_shown_in_both_files(self):
        self.file("tasks:\n  a: {bash: ls}\n  b: {bash: ls, depends_on: aa}\n", "_t.yaml")
        path = self.file("include:\n  x: {file: _t.yaml}\n")
        said = self.expect(1, "dags", "validate", path)
        self.assertIn("_t.yaml:3:29: error DAG021", said)
        self.assertIn('in: "x", included at', said)

    def test_dags_test_repeats_and_includes(self):
        self.file("params: {n: {type: integer}}\ntasks:\n  a:\n    repeat: {until: \"{{ tasks.a.iteration >= params.n }}\"}\n    bash: echo look >> looks\n", "_t.yaml")
        path = self.file("include: {x: {file: _t.yaml, with: {n: 3}}}\n")
        self.expect(0, "dags", "test", path)
        self.assertEqual((self.folder / "looks").read_text(), "look\n" * 3)


if __name__ == "__main__":
    main()
