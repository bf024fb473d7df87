#!/usr/bin/env python3
"""Mapped tasks as users meet them: the example, the API's and pipectl's view of instances, limits, and kill -9 in the middle."""
import json
import urllib.parse

from case import REPOSITORY, HttpError, OwnServerCase, ServerCase, main

EXAMPLE = (REPOSITORY / "dags" / "examples" / "mapping.yaml").read_text()


def instances(server, dag_id, run_id, **query):
    path = f"/api/v2/dags/{dag_id}/dagRuns/{urllib.parse.quote(run_id, safe='')}/taskInstances"
    return server.get(f"{path}?limit=1000&{urllib.parse.urlencode(query)}")["task_instances"]


def states(server, dag_id, run_id):
    return {(one["task_id"], one["map_index"]): one["state"] for one in instances(server, dag_id, run_id)}


class Mapping(ServerCase):
    settings = {"core.max_map_length": 5}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.write_dag("mapping", EXAMPLE)

    def run_example(self, files, state="success"):
        run_id = self.server.trigger("mapping", {"files": files})
        self.assertEqual(self.server.wait_run("mapping", run_id), state)
        return run_id, f"/api/v2/dags/mapping/dagRuns/{urllib.parse.quote(run_id, safe='')}/taskInstances"

    def test_each_file_has_its_instances(self):
        run_id, _ = self.run_example(3)
        found = states(self.server, "mapping", run_id)
        self.assertEqual(set(found.values()), {"success"})
        for task, count in (("each.count", 3), ("each.check", 3), ("load", 4), ("pair", 3), ("move", 2)):
            self.assertEqual(sorted(index for name, index in found if name == task), list(range(count)), task)
        for task in ("list", "total"):
            self.assertEqual([index for name, index in found if name == task], [-1], task)

    def test_no_files_skip_the_group_and_not_what_allows_it(self):
        run_id, _ = self.run_example(0)
        found = states(self.server, "mapping", run_id)
        self.assertEqual({found["each.count", -1], found["each.check", -1]}, {"skipped"})
        self.assertEqual(found["total", -1], "success")

    def test_more_instances_than_allowed_fail_the_task_and_say_so(self):
        run_id, _ = self.run_example(6, "failed")
        found = states(self.server, "mapping", run_id)
        self.assertEqual(found["each.count", -1], "failed")
        self.assertIn("it would have 6 instances, and core.max_map_length is 5",
                      self.assert_exit(0, "tasks", "why", "mapping", run_id, "each.count").stdout)

    def test_the_api_shows_instances_as_airflow_does(self):
        run_id, path = self.run_example(2)
        listed = self.server.get(f"{path}/each.count/listMapped")
        self.assertEqual([(one["map_index"], one["rendered_map_index"]) for one in listed["task_instances"]],
                         [(0, "part 0.csv"), (1, "part 1.csv")])
        self.assertEqual(self.server.get(f"{path}/each.count/1")["map_index"], 1)
        self.assertEqual(len(self.server.get(f"{path}/each.count/1/tries")["task_instances"]), 1)
        self.assertEqual(self.server.get(f"{path}/each.count/xcomEntries/letters?map_index=1")["value"], 10)
        self.assertEqual([one["map_index"] for one in instances(self.server, "mapping", run_id, map_index=2)], [2, 2])
        for wrong, why in ((f"{path}/each.count", "mapped, add the map_index"), (f"{path}/each.count/2", "was not found"),
                           (f"{path}/list/listMapped", "is not mapped")):
            with self.assertRaises(HttpError) as refused:
                self.server.get(wrong)
            self.assertEqual(refused.exception.status, 404, wrong)
            self.assertIn(why, str(refused.exception), wrong)

    def test_pipectl_names_instances(self):
        run_id, _ = self.run_example(2)
        listed = self.assert_exit(0, "tasks", "list", "mapping", run_id).stdout
        self.assertIn("each.count[1] (part 1.csv)", listed)
        self.assertEqual(self.assert_exit(0, "tasks", "logs", "mapping", run_id, "load[1]").stdout, "loading orders into us\n")
        self.assertEqual(self.assert_exit(0, "tasks", "logs", "mapping", run_id, "pair", "--map-index", "2").stdout, "3 goes with c\n")
        self.assertIn("add the map_index", self.assert_exit(3, "tasks", "logs", "mapping", run_id, "pair").stderr)
        at = json.loads(self.assert_exit(0, "runs", "show", "mapping", run_id, "--at", self.server.run("mapping", run_id)["end_date"], "--output", "json").stdout)
        self.assertEqual([one["map_index"] for one in at["tasks"] if one["task_id"] == "move"], [0, 1])

    def test_what_an_output_gave_is_quoted(self):
        state, _ = self.run_dag("hostile", """
tasks:
  give:
    exec: [sh, -c, "printf '%s' '{\\"texts\\": [\\"$(exit 3) two words\\"]}' > $PIPELINED_OUTPUT"]
  show: {bash: "set -- {{ item.text }}; test $# = 1", expand: {text: "{{ tasks.give.texts }}"}}
""")
        self.assertEqual(state, "success")

    def test_what_is_no_list_fails_with_its_reason(self):
        self.server.write_dag("no_list", """
tasks:
  give: {bash: "echo '{\\"n\\": 5}' > $PIPELINED_OUTPUT"}
  show: {bash: "true", expand: {n: "{{ tasks.give.n }}"}}
""")
        run_id = self.server.trigger("no_list")
        self.assertEqual(self.server.wait_run("no_list", run_id), "failed")
        self.assertIn("expand.n: a list is needed to map over", self.assert_exit(0, "tasks", "why", "no_list", run_id, "show").stdout)


class Killed(OwnServerCase):
    def test_kill_9_of_everything_loses_and_repeats_no_instance(self):
        server = self.make_server()
        trace = server.home / "trace"
        server.write_dag("killed", f"""
max_active_tasks: 4
tasks:
  list: {{bash: "echo '{{\\"n\\": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}}' > $PIPELINED_OUTPUT"}}
  each:
    bash: echo "$PIPELINED_MAP_INDEX {{{{ item.n }}}}" >> {trace}; sleep 0.4
    expand: {{n: "{{{{ tasks.list.n }}}}"}}
  sum: {{depends_on: [each], bash: "echo all"}}
""")
        run_id = server.trigger("killed")
        server.wait_task("killed", run_id, "list", "success")
        for _ in range(2):
            server.kill_all()
            server.start()
        self.assertEqual(server.wait_run("killed", run_id), "success")
        self.assertEqual(sorted(trace.read_text().split("\n")[:-1]), sorted(f"{n} {n + 1}" for n in range(12)))
        found = states(server, "killed", run_id)
        self.assertEqual({found["each", n] for n in range(12)}, {"success"})


if __name__ == "__main__":
    main()
