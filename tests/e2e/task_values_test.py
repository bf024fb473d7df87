#!/usr/bin/env python3
"""Params, conf, outputs, variables and connections of tasks: what is checked when, what is looked up when, and that secrets are seen nowhere."""
import json
import pathlib
import urllib.parse

from case import HttpError, ServerCase, main
from vault_test import CommandLines, texts_of
from values_test import tries_of

SECRET = {name: f"{name}-vQ8 zK'3x" for name in ("password", "token", "nested")}
DAG = """
tasks:
  bash:
    bash: |
      echo "user {{ conn.warehouse.login }} password {{ conn.warehouse.password }}"
      echo {{ var.value.api_token }} {{ conn.warehouse.extra_dejson.api_key }}
      set -x; : {{ conn.warehouse.password }}
      sleep 0.3
  env:
    env: {PGPASSWORD: "{{ conn.warehouse.password }}", TOKEN: "{{ var.value.api_token }}"}
    bash: sleep 0.3; printenv PGPASSWORD TOKEN; env | grep -c PIPELINED_SCRIPT || true
  python:
    python: {code: "import os, sys, time; time.sleep(0.3); print({{ conn.warehouse.password | tojson }}, 'PIPELINED_SCRIPT' in os.environ)"}
  exec: {exec: [echo, "{{ conn.warehouse.password }}"]}
  folder: {working_dir: "/tmp/{{ conn.warehouse.password }}", bash: "true"}
  wrong: {bash: "echo {{ conn.warehouse.password | ds }}"}
  asked: {when: "{{ conn.warehouse.password != '' }}", bash: "true"}
"""


class ValuesOfTasks(ServerCase):
    variables = {"PIPELINED_VAR_ORDER": "own", "AIRFLOW_VAR_ORDER": "airflow", "AIRFLOW_VAR_ORDER2": "airflow",
                 "PIPELINED_CONN_OUTER": "postgres://ann:outer-vQ8zK3x@outer-host:5432/x"}
    settings = {"core.variables_file": "variables.json", "core.connections_file": "connections.json"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        home = pathlib.Path(cls.server.home)
        (home / "variables.json").write_text('{"order": "file", "order2": "file", "order3": "file"}')
        (home / "connections.json").write_text('{"filed": "http://file-host:81", "outer": "http://file-host"}')
        for key in ("order", "order2", "order3", "order4"):
            cls.server.post("/api/v2/variables", {"key": key, "value": "database"})
        cls.server.post("/api/v2/variables", {"key": "api_token", "value": SECRET["token"]})
        cls.server.post("/api/v2/connections", {"connection_id": "warehouse", "conn_type": "postgres", "login": "ann",
                                                "password": SECRET["password"], "extra": json.dumps({"api_key": SECRET["nested"]})})

    def log(self, dag, run, task):
        """What pipectl says of it, also when there is none."""
        done = self.server.pipectl("tasks", "logs", dag, run, task)
        return done.stdout + done.stderr

    def test_the_environment_comes_before_files_and_those_before_the_database(self):
        state, _ = self.run_dag("order", "tasks: {t: {bash: 'echo {{ var.value.order }} {{ var.value.order2 }} {{ var.value.order3 }} "
                                         "{{ var.value.order4 }} {{ conn.outer.host }} {{ conn.filed.host }}:{{ conn.filed.port }}'}}")
        self.assertEqual(state, "success")
        run = self.server.runs("order")[0]["dag_run_id"]
        self.assertIn("own airflow file database outer-host file-host:81", self.log("order", run, "t"))

    def test_a_value_is_looked_up_when_the_try_is_launched(self):
        self.server.post("/api/v2/variables", {"key": "late", "value": "old"})
        self.server.write_dag("late", "tasks: {a: {bash: 'while [ ! -e %s/go ]; do sleep 0.05; done'}, "
                                      "t: {depends_on: [a], bash: 'echo it is {{ var.value.late }}'}}" % self.server.root)
        run = self.server.trigger("late")
        self.server.wait_task("late", run, "a", "running")
        self.server.request("PATCH", "/api/v2/variables/late", {"key": "late", "value": "new"})
        (self.server.root / "go").touch()
        self.assertEqual(self.server.wait_run("late", run), "success")
        self.assertIn("it is new", self.log("late", run, "t"))

    def test_what_is_missing_fails_the_try_and_the_next_one_may_find_it(self):
        self.server.write_dag("missing", "tasks: {t: {retries: 1, retry_delay: 2s, bash: 'echo it is {{ var.value.made_later }}'}, "
                                         "u: {bash: 'echo {{ conn.nowhere.host }}'}}")
        run = self.server.trigger("missing")
        self.server.wait_task("missing", run, "t", "up_for_retry")
        told = tries_of(self.server, "missing", run, "t") + tries_of(self.server, "missing", run, "u")
        self.assertIn('there is no variable "made_later" (make it: pipectl variables set made_later VALUE', told)
        self.assertIn('there is no connection "nowhere" (make it: pipectl connections add nowhere', told)
        self.server.post("/api/v2/variables", {"key": "made_later", "value": "here"})
        self.server.wait_run("missing", run)
        self.assertEqual(self.server.states("missing", run), {"t": "success", "u": "failed"})

    def test_a_vault_that_does_not_answer_delays_its_tasks_and_nobody_else(self):
        self.server.write_dag("reads", "tasks: {t: {bash: 'echo {{ var.value.order4 }}'}}\n")
        self.server.write_dag("maps", "tasks: {t: {expand: {item: \"{{ [var.value.order4] }}\"}, bash: 'echo {{ item }}'}}\n")
        led = self.server.log.read_text().count("leading with epoch")
        with self.server.locked("variable"):
            waiting = {dag: self.server.trigger(dag) for dag in ("reads", "maps")}
            stopped = self.server.trigger("reads")
            state, _ = self.run_dag("other", "tasks: {t: {bash: 'true'}}\n", timeout=20)
            self.assertEqual(state, "success")
            self.assertEqual(self.server.states("reads", waiting["reads"]), {"t": "running"})
            self.server.ctl("runs", "cancel", "reads", stopped)
            self.assertEqual(self.server.wait_run("reads", stopped, timeout=20), "failed")
        for dag, run in waiting.items():
            self.assertEqual(self.server.wait_run(dag, run, timeout=20), "success")
            self.assertEqual({task["try_number"] for task in self.server.tasks(dag, run).values()}, {1})
        text = self.server.log.read_text()
        self.assertEqual(text.count("leading with epoch"), led, "the scheduler led all the while")
        self.assertIn("tasks wait until their variables and connections can be read", text)

    def test_a_conf_is_checked_wherever_it_is_given(self):
        form = {"type": "string", "enum": ["eu", "us"], "title": "Region", "description": "where", "examples": ["eu"], "section": "Place",
                "values_display": {"eu": "Europe"}}
        limits = {"type": "object", "properties": {"rows": {"type": "array", "items": {"multipleOf": 5}}}, "additionalProperties": False}
        params = {"region": {**form, "default": "eu"}, "limits": {**limits, "default": {}}}
        self.server.write_dag("checked", "schedule: '@daily'\nstart_date: '2026-01-01'\ncatchup: false\n"
                              f"params: {json.dumps(params)}\ntasks: {{t: {{bash: 'true'}}}}\n")
        shown = self.server.get("/api/v2/dags/checked/details")["params"]["region"]
        self.assertEqual((shown["value"], shown["schema"], shown["description"]), ("eu", form, "where"))
        conf = {"region": "mars", "limits": {"rows": [5, 7], "more": 1}}
        wrong = ["/region", "/limits/rows/1", "/limits/more"]
        for path, body in (("dags/checked/dagRuns", {"logical_date": None, "conf": conf}),
                           ("backfills", {"dag_id": "checked", "from_date": "2026-01-01T00:00:00Z", "to_date": "2026-01-02T00:00:00Z",
                                          "dag_run_conf": conf})):
            with self.assertRaises(HttpError) as refused:
                self.server.post(f"/api/v2/{path}", body)
            self.assertEqual(refused.exception.status, 400)
            answer = json.loads(refused.exception.body)
            self.assertEqual([error["pointer"] for error in answer["errors"]], wrong)
            for text in ('params.region: "mars" is not one of "eu", "us"', "params.limits.rows[1]: must be a multiple of 5, not 7",
                         "params.limits.more: is not known here"):
                self.assertIn(text, answer["detail"])
        done = self.assert_exit(2, "dags", "run", "checked", "--conf", json.dumps(conf))
        self.assertIn("params.limits.rows[1]", done.stderr)
        state, _ = self.run_dag("asks", f"tasks: {{t: {{trigger_dag: {{dag_id: checked, conf: {json.dumps(conf)}}}}}}}\n")
        self.assertEqual(state, "failed")
        self.assertIn("params.limits.rows[1]", tries_of(self.server, "asks", self.server.runs("asks")[0]["dag_run_id"], "t"))
        self.assertEqual([run for run in self.server.runs("checked") if run["run_type"] != "scheduled"], [])

    def test_a_param_without_default_is_asked_for_whatever_its_schema(self):
        for name, schema in (("typed", "{type: string}"), ("nullable", "{type: [string, 'null']}"), ("described", "{description: which one}")):
            self.server.write_dag(f"asked_{name}", f"params: {{p: {schema}}}\ntasks: {{t: {{bash: 'echo got {{{{ params.p }}}}'}}}}\n")
            done = self.assert_exit(2, "dags", "run", f"asked_{name}")
            self.assertIn("params.p: has no default and must be given in conf", done.stderr)
            run = self.server.trigger(f"asked_{name}", {"p": "x"})
            self.assertEqual(self.server.wait_run(f"asked_{name}", run), "success")
            self.assertIsNone(self.server.get(f"/api/v2/dags/asked_{name}/details")["params"]["p"]["value"])

    def test_whole_numbers_arrive_as_they_are_or_are_refused(self):
        wide = 12345678901234567890
        (self.server.dags / "wide.json").write_text(json.dumps({"id": wide}))
        self.server.write_dag("wide", "params: {n: {type: integer, default: 1}}\ntasks:\n  a: {bash: 'echo got {{ params.n }}'}\n"
                              "  b: {bash: 'cat wide.json > $PIPELINED_OUTPUT'}\n")
        with self.assertRaises(HttpError) as refused:
            self.server.trigger("wide", {"n": wide})
        self.assertEqual(refused.exception.status, 422)
        self.assertIn("more than 64 bits", refused.exception.body)
        done = self.assert_exit(2, "dags", "run", "wide", "--conf", json.dumps({"n": wide}))
        self.assertIn("more than 64 bits", done.stderr)
        done = self.assert_exit(2, "dags", "run", "wide", "-p", "n=" + json.dumps({"id": wide}))
        self.assertIn("more than 64 bits", done.stderr)
        run = self.server.trigger("wide", {"n": 2 ** 63 - 1})
        self.server.wait_run("wide", run)
        self.assertEqual(self.server.states("wide", run), {"a": "success", "b": "failed"})
        self.assertIn(f"got {2 ** 63 - 1}", self.log("wide", run, "a"))
        self.assertIn("more than 64 bits", tries_of(self.server, "wide", run, "b"))

    def test_a_schema_that_is_none_is_found_when_the_file_is_loaded(self):
        path = self.server.write_dag("broken_schema", "params: {a: {type: string, maxLength: many}}\ntasks: {t: {bash: 'true'}}\n", wait=False)
        done = self.assert_exit(1, "dags", "validate", path)
        self.assertIn("the schema of a is not valid: maxLength must be a whole number", done.stdout + done.stderr)

    def test_outputs_keep_their_types(self):
        outputs = {"n": 7, "f": 1.5, "big": 2 ** 62, "t": "ä \"x\"", "none": None, "list": [1, [2]], "map": {"a": {"b": True}}, "return_value": [3]}
        (self.server.root / "typed.json").write_text(json.dumps(outputs))
        script = ("echo {{ tasks.give.n + 1 }} {{ tasks.give.f * 2 }} {{ tasks.give.big + 1 }} {{ tasks.give.none is none }} "
                  "{{ tasks.give.list[1][0] }} {{ tasks.give.map.a.b }} {{ ti.xcom_pull('give')[0] }} {{ tasks.give.t }}")
        state, _ = self.run_dag("typed", "tasks:\n  give: {bash: 'cp %s/typed.json \"$PIPELINED_OUTPUT\"'}\n"
                                "  take: {depends_on: [give], bash: %s}\n" % (self.server.root, json.dumps(script)))
        self.assertEqual(state, "success")
        run = self.server.runs("typed")[0]["dag_run_id"]
        self.assertIn('8 3.0 4611686018427387905 True 2 True 3 ä "x"', self.log("typed", run, "take"))
        quoted = urllib.parse.quote(run, safe="")
        entries = f"/api/v2/dags/typed/dagRuns/{quoted}/taskInstances/give/xcomEntries"
        for key, value in outputs.items():
            self.assertEqual(self.server.get(f"{entries}/{key}?stringify=false")["value"], value)
        bad = {"array": "[1]", "broken": "{", "large": json.dumps({"x": "y" * (1 << 20)}), "nul": '{"a\\u0000": 1}'}
        for name, text in bad.items():
            (self.server.root / f"{name}.json").write_text(text)
        _, states = self.run_dag("bad_outputs", "tasks:\n" + "".join(
            f"  {name}: {{bash: 'cp {self.server.root}/{name}.json \"$PIPELINED_OUTPUT\"'}}\n" for name in bad))
        self.assertEqual(states, {name: "failed" for name in bad})

    def test_secrets_are_seen_nowhere(self):
        self.server.write_dag("secrets", DAG)
        with CommandLines() as lines:
            run = self.server.trigger("secrets")
            self.server.wait_run("secrets", run)
        states = self.server.states("secrets", run)
        self.assertEqual({name for name, state in states.items() if state == "failed"}, {"exec", "folder", "wrong"}, states)
        self.assertIn("user ann password ***", self.log("secrets", run, "bash"))
        self.assertIn("*** ***", self.log("secrets", run, "bash"))
        self.assertIn("***\n***\n0", self.log("secrets", run, "env"))
        self.assertIn("*** False", self.log("secrets", run, "python"))
        shown = "".join(tries_of(self.server, "secrets", run, task) for task in states)
        self.assertIn("a password or another secret may not stand here", shown)
        rendered = self.server.ctl("tasks", "render", "secrets", run, "bash")
        self.assertIn("***", rendered)
        quoted = urllib.parse.quote(run, safe="")
        answers = [json.dumps(self.server.get(path)) for path in
                   (f"/api/v2/dags/secrets/dagRuns/{quoted}/taskInstances", "/api/v2/eventLogs?limit=100", "/api/v2/dags/secrets/details",
                    f"/api/v2/dags/secrets/dagRuns/{quoted}/taskInstances/wrong/tries")]
        everything = "\n".join([*answers, rendered, shown, self.server.log.read_text(errors="replace"),
                                *(self.log("secrets", run, task) for task in states)])
        written = [path for path, _ in ((p, t) for p, t in texts_of(self.server.home)
                                        if any(secret.encode() in t for secret in SECRET.values()))]
        for name, secret in SECRET.items():
            self.assertNotIn(secret, everything, name)
            self.assertFalse([line for line in lines.seen if secret.encode() in line], f"{name} on a command line")
        self.assertEqual(written, [])

if __name__ == "__main__":
    main()
