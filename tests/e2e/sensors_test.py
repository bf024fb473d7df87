#!/usr/bin/env python3
"""Sensors: every example of docs/sensors, what waits while others run, and through kill -9 of everything."""
import datetime
import json
import re
import socket
import time
import urllib.parse

from case import HttpError, OfflineCase, OwnServerCase, ServerCase, main, processes, wait_for
from pages import examples, page
from web_service import Service

EXAMPLES = examples("sensors")


def task_path(dag_id, run_id, task, ext=False):
    prefix = "/api/ext/v1" if ext else "/api/v2"
    return f"{prefix}/dags/{dag_id}/dagRuns/{urllib.parse.quote(run_id, safe='')}/taskInstances/{task}"


def output(server, dag_id, run_id, task, key="return_value"):
    return server.get(f"{task_path(dag_id, run_id, task)}/xcomEntries/{key}")["value"]


def dated(server, dag_id, run_id):
    """Triggers a run with a date: what names its date in a template needs one."""
    now = datetime.datetime.now(datetime.timezone.utc)
    server.post(f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": now.isoformat(), "dag_run_id": run_id})
    return now


class Examples(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        cls.server.post("/api/v2/connections", {"connection_id": "shop", "conn_type": "http", "host": "127.0.0.1", "port": cls.service.server_port})
        cls.server.post("/api/v2/connections", {"connection_id": "warehouse", "conn_type": "postgres", **cls.server.own_database()})

    def put(self, name, text="x" * 10):
        folder = self.server.dags / "in"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    def start(self, name):
        self.server.write_dag(name, EXAMPLES[name].replace("db.example.org:5432", self.address))
        return dated(self.server, name, "r")

    address = "db.example.org:5432"

    def finish(self, name):
        self.assertEqual(self.server.wait_run(name, "r"), "success", name)
        self.assertEqual(set(self.server.states(name, "r").values()), {"success"}, name)

    def test_all_of_them_are_executed_here(self):
        tests = {name[len("test_"):] for name in dir(self) if name.startswith("test_wait_for_")}
        self.assertEqual(set(EXAMPLES), tests)

    def test_wait_for_file(self):
        self.put("other.csv")  # a folder that is there is watched
        now = self.start("wait_for_file")
        self.server.wait_task("wait_for_file", "r", "arrived", "deferred")
        self.put(f"{now:%Y%m%d}.csv")
        self.finish("wait_for_file")
        self.assertEqual(output(self.server, "wait_for_file", "r", "arrived"), str(self.server.dags / "in" / f"{now:%Y%m%d}.csv"))

    def test_why_says_what_the_page_shows(self):
        def shape(text):
            text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME", re.sub(r"/\S+\.csv", "FILE", text))
            return re.sub(r"looked \d+ times", "looked N times", text)
        shown = page("sensors/README.md").split("$ pipectl tasks why sales latest arrived\n")[1].split("```")[0]
        self.server.write_dag("sales_of_a_day", EXAMPLES["wait_for_file"].replace("in/", "late/"))
        dated(self.server, "sales_of_a_day", "r")
        self.wait_until_looked("sales_of_a_day", "arrived", "looked 1 times")
        self.assertEqual(shape(self.assert_exit(0, "tasks", "why", "sales_of_a_day", "latest", "arrived").stdout), shape(shown))
        self.assert_exit(0, "runs", "cancel", "sales_of_a_day", "r")

    def test_wait_for_time(self):
        self.start("wait_for_time")
        self.finish("wait_for_time")

    def test_wait_for_delta(self):
        self.start("wait_for_delta")
        self.finish("wait_for_delta")

    def test_wait_for_whole_file(self):
        self.put("other.csv")
        self.start("wait_for_whole_file")
        self.server.wait_task("wait_for_whole_file", "r", "arrived", "deferred")
        self.put("day.csv", "12345")
        self.finish("wait_for_whole_file")
        self.assertEqual(output(self.server, "wait_for_whole_file", "r", "arrived", "size"), 5)

    def test_wait_for_files(self):
        self.put("part-1.csv")
        self.start("wait_for_files")
        self.server.wait_task("wait_for_files", "r", "arrived", "deferred")
        self.put("part-2.csv")
        self.finish("wait_for_files")
        self.assertEqual([path.rsplit("/", 1)[1] for path in output(self.server, "wait_for_files", "r", "arrived")],
                         ["part-1.csv", "part-2.csv"])

    def wait_until_looked(self, name, task, what):
        wait_for(lambda: what in self.assert_exit(0, "tasks", "why", name, "r", task).stdout, 30, f"{task} to say {what}")

    def test_wait_for_asset(self):
        self.start("wait_for_asset")
        self.wait_until_looked("wait_for_asset", "ordered", "waits for an event of asset s3://lake/orders")
        self.server.write_dag("orders", """
tasks: {make: {bash: 'echo "{\\"outlet_events\\": {\\"s3://lake/orders\\": {\\"rows\\": 3}}}" > "$PIPELINED_OUTPUT"', outlets: ["s3://lake/orders"]}}
""")
        self.server.wait_run("orders", self.server.trigger("orders", run_id="made"))
        self.finish("wait_for_asset")
        self.assertEqual(output(self.server, "wait_for_asset", "r", "ordered", "source_run_id"), "made")
        self.assertEqual(output(self.server, "wait_for_asset", "r", "ordered", "extra"), {"rows": 3})

    def test_wait_for_http(self):
        self.service.answers["/exports/r"] = {"state": "running"}
        self.start("wait_for_http")
        self.wait_until_looked("wait_for_http", "ready", 'the answer has "running" at /state')
        self.service.answers["/exports/r"] = {"state": "done", "rows": 7}
        self.finish("wait_for_http")
        self.assertEqual(output(self.server, "wait_for_http", "r", "ready", "rows"), 7)
        self.assertEqual(output(self.server, "wait_for_http", "r", "ready"), 200)

    def query(self, name, sql):
        self.assertEqual(self.run_dag(name, f"tasks: {{q: {{sql: {{connection: warehouse, query: \"{sql}\"}}}}}}\n")[0], "success")

    def test_wait_for_rows(self):
        self.query("make_orders", "create table orders (run text)")
        self.start("wait_for_rows")
        self.wait_until_looked("wait_for_rows", "loaded", "looked 2 times")
        self.query("fill_orders", "insert into orders values ('r'), ('r'), ('other')")
        self.finish("wait_for_rows")
        self.assertEqual(output(self.server, "wait_for_rows", "r", "loaded"), 2)

    def test_wait_for_port(self):
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % listening.getsockname()[1]
            self.start("wait_for_port")
            self.wait_until_looked("wait_for_port", "listening", f"waits for port {self.address} since ")
            self.wait_until_looked("wait_for_port", "listening", "looked 2 times")
            listening.listen()
            self.finish("wait_for_port")

    def test_wait_for_command(self):
        self.start("wait_for_command")
        self.wait_until_looked("wait_for_command", "whole", "exit code 1")
        self.put("r.csv", "a total of 3")
        self.finish("wait_for_command")

    def sales(self, run_id):
        self.server.write_dag("sales", "tasks: {load: {bash: 'while [ ! -e go_sales ]; do sleep 0.05; done'}}\n")
        self.server.trigger("sales", run_id=run_id)
        self.addCleanup((self.server.dags / "go_sales").unlink, missing_ok=True)

    def test_wait_for_task(self):
        self.start("wait_for_task")
        self.server.wait_task("wait_for_task", "r", "loaded", "deferred")
        self.sales("r")
        (self.server.dags / "go_sales").write_text("")
        self.finish("wait_for_task")
        self.assertEqual(output(self.server, "wait_for_task", "r", "loaded", "run_id"), "r")

    def test_wait_for_run(self):
        self.server.write_dag("wait_for_run", EXAMPLES["wait_for_run"])
        dated(self.server, "wait_for_run", "failing")
        self.sales("failing")
        self.server.wait_task("wait_for_run", "failing", "done", "deferred")
        self.server.ctl("runs", "cancel", "sales", "failing")
        self.assertEqual(self.server.wait_run("wait_for_run", "failing"), "success")


class Waiting(ServerCase):
    def file(self, name, text="x"):
        (self.server.dags / name).write_text(text)

    def test_what_waits_holds_no_slot(self):
        waits = "".join(f"  w{i}: {{sensor: {{file: all_there, poke_interval: 1h}}}}\n" for i in range(40))
        self.server.write_dag("narrow", f"max_active_tasks: 1\ntasks:\n{waits}  work: {{bash: 'true'}}\n")
        run_id = self.server.trigger("narrow")
        self.server.wait_task("narrow", run_id, "work", "success")
        wait_for(lambda: list(self.server.states("narrow", run_id).values()).count("deferred") == 40)
        self.file("all_there")  # inotify: nobody looks for an hour
        self.assertEqual(self.server.wait_run("narrow", run_id), "success")

    def test_a_pool_counts_what_waits_when_it_is_to(self):
        self.server.ctl("pools", "set", "counting", "1", "--include-deferred")
        self.server.write_dag("counted", "tasks:\n  wait: {pool: counting, sensor: {file: counted_there}}\n  work: {pool: counting, bash: 'true'}\n")
        run_id = self.server.trigger("counted")
        self.server.wait_task("counted", run_id, "wait", "deferred")
        pool = self.server.get("/api/v2/pools/counting")
        self.assertEqual((pool["deferred_slots"], pool["running_slots"], pool["open_slots"]), (1, 0, 0))
        self.file("counted_there")
        self.assertEqual(self.server.wait_run("counted", run_id), "success")

    def test_it_is_seen_while_it_waits(self):
        self.server.write_dag("seen", "tasks: {wait: {sensor: {file: seen_there}}, after: {depends_on: wait, bash: 'true'}}\n")
        run_id = self.server.trigger("seen")
        self.server.wait_task("seen", run_id, "wait", "deferred")
        found = self.server.get("/api/v2/dags/seen/dagRuns/~/taskInstances?state=deferred")["task_instances"]
        self.assertIn(("seen", "wait"), {(row["dag_id"], row["task_id"]) for row in found})
        why = wait_for(lambda: (lambda text: text if "not there" in text else None)(self.assert_exit(0, "tasks", "why", "seen", run_id, "wait").stdout))
        self.assertIn(f"waits for file {self.server.dags}/seen_there since ", why)
        self.assertIn("looked 1 times, looks next at ", why)
        reasons = self.server.get(task_path("seen", run_id, "wait", ext=True) + "/why")["reasons"]
        self.assertEqual([reason["code"] for reason in reasons], ["sensor"])
        self.assertIn("deferred", self.assert_exit(0, "tasks", "show", "seen", run_id, "wait").stdout)
        self.file("seen_there")
        self.assertEqual(self.server.wait_run("seen", run_id), "success")
        tries = self.server.get(task_path("seen", run_id, "wait") + "/tries")["task_instances"]
        self.assertEqual([one["state"] for one in tries], ["success"])

    def test_a_timeout_fails_for_good_or_skips_softly(self):
        self.server.write_dag("late", """
default_args: {retries: 3, retry_delay: 100ms}
tasks:
  hard: {sensor: {file: never, poke_interval: 100ms, timeout: 300ms}}
  soft: {sensor: {file: never, poke_interval: 100ms, timeout: 300ms, soft_fail: true}}
  below: {depends_on: soft, bash: 'true'}
""")
        run_id = self.server.trigger("late")
        self.assertEqual(self.server.wait_run("late", run_id), "failed")
        tasks = self.server.tasks("late", run_id)
        self.assertEqual({name: row["state"] for name, row in tasks.items()}, {"hard": "failed", "soft": "skipped", "below": "skipped"})
        self.assertEqual(tasks["hard"]["try_number"], 1)
        why = self.assert_exit(0, "tasks", "why", "late", run_id, "hard").stdout
        self.assertIn("timeout of 300ms is over", why)

    def test_a_try_without_a_log_says_why_it_ended(self):
        self.server.write_dag("unlogged", "tasks: {a: {sensor: {file: never, timeout: 0s, soft_fail: true}}, b: {bash: 'echo {{ var.value.none }}'}, "
                              "c: {bash: 'true'}}\n")
        run_id = self.server.trigger("unlogged")
        self.server.wait_run("unlogged", run_id)
        self.assertEqual(self.server.states("unlogged", run_id), {"a": "skipped", "b": "failed", "c": "success"})
        for task, words in (("a", "timeout of 0s is over"), ("b", 'there is no variable "none"'), ("c", "it wrote nothing")):
            done = self.server.pipectl("tasks", "logs", "unlogged", run_id, task)
            self.assertEqual((done.returncode, done.stdout), (0, ""))
            self.assertIn(words, done.stderr)
        self.assertIn("timeout of 0s is over", self.server.ctl("runs", "history", "unlogged", run_id))
        self.server.write_dag("untried", "tasks: {a: {bash: 'exit 1'}, b: {depends_on: [a], bash: 'true'}}\n")
        run_id = self.server.trigger("untried")
        self.server.wait_run("untried", run_id)
        self.assertIn("it has not begun", self.server.pipectl("tasks", "logs", "untried", run_id, "b").stderr)

    def test_a_state_that_fails_or_skips(self):
        self.server.write_dag("bad", "tasks: {a: {bash: exit 1}}\n")
        self.server.wait_run("bad", self.server.trigger("bad", run_id="one"))
        self.server.write_dag("judges", """
tasks:
  fails: {sensor: {task: {dag_id: bad, task_id: a, run_id: one, failed_states: failed}}}
  skips: {sensor: {dag: {dag_id: bad, run_id: one, skipped_states: failed}}}
  there: {sensor: {dag: {dag_id: bad, run_id: one, allowed_states: [failed]}}}
""")
        run_id = self.server.trigger("judges")
        self.assertEqual(self.server.wait_run("judges", run_id), "failed")
        self.assertEqual(self.server.states("judges", run_id), {"fails": "failed", "skips": "skipped", "there": "success"})

    def test_it_is_marked_cleared_and_cancelled(self):
        self.server.write_dag("steered", "tasks:\n  a: {sensor: {file: never}}\n  b: {sensor: {file: never}}\n  c: {depends_on: a, bash: 'true'}\n")
        run_id = self.server.trigger("steered")
        for task in ("a", "b"):
            self.server.wait_task("steered", run_id, task, "deferred")
        self.assert_exit(0, "tasks", "mark", "steered", run_id, "a", "--state", "success", "-y")
        self.server.wait_task("steered", run_id, "c", "success")
        self.assert_exit(0, "tasks", "clear", "steered", run_id, "b", "-y")
        wait_for(lambda: self.server.tasks("steered", run_id)["b"]["try_number"] == 2)
        self.server.wait_task("steered", run_id, "b", "deferred")
        self.assert_exit(0, "runs", "cancel", "steered", run_id)
        self.assertEqual(self.server.wait_run("steered", run_id), "failed")
        self.assertEqual(self.server.states("steered", run_id)["b"], "failed")

    def test_mapped_sensors(self):
        self.server.write_dag("mapped", "tasks:\n  wait: {sensor: {file: 'm_{{ item.n }}'}, expand: {n: [1, 2, 3]}}\n  end: {depends_on: wait, bash: 'true'}\n")
        run_id = self.server.trigger("mapped")
        wait_for(lambda: list(self.server.states("mapped", run_id).values()).count("deferred") == 3)
        for n in (1, 2, 3):
            self.file(f"m_{n}")
        self.assertEqual(self.server.wait_run("mapped", run_id), "success")

    def test_who_cannot_look_says_so_or_fails(self):
        self.server.write_dag("cannot", """
tasks:
  http: {sensor: {http: 'http://127.0.0.1:1/', silent_fail: false}}
  sql: {sensor: {sql: {connection: nowhere, query: select 1}, silent_fail: false}}
  command: {sensor: {command: {exec: [no-such-program]}, silent_fail: false}}
  slow: {sensor: {command: {bash: sleep 60, timeout: 100ms}, silent_fail: false}}
  patient: {sensor: {sql: {connection: nowhere, query: select 1}, poke_interval: 100ms, timeout: 500ms}}
  port: {sensor: {port: '127.0.0.1:1', poke_interval: 100ms, timeout: 500ms}}
""")
        run_id = self.server.trigger("cannot")
        self.assertEqual(self.server.wait_run("cannot", run_id), "failed")
        self.assertEqual(set(self.server.states("cannot", run_id).values()), {"failed"})

        def why(task):
            return self.assert_exit(0, "tasks", "why", "cannot", run_id, task).stdout
        self.assertIn("127.0.0.1 port 1", why("http"))
        for task in ("sql", "patient"):
            self.assertIn('there is no connection "nowhere"', why(task))
        self.assertIn("no-such-program", why("command"))
        self.assertIn("the command did not end within 100ms", why("slow"))
        self.assertIn("port 127.0.0.1:1 was not there", why("port"))

    def test_what_is_said_of_an_answer_has_no_secret_of_the_connection(self):
        service = Service()
        self.addCleanup(service.close)
        self.server.post("/api/v2/connections", {
            "connection_id": "telling", "conn_type": "http", "host": "127.0.0.1", "port": service.server_port, "login": "ann",
            "password": "plainpassword42", "extra": json.dumps({"X-Auth-Token": "toksecret999", "X-Api": "headersecret77"})})
        self.server.write_dag("telling", "tasks: {a: {sensor: {http: {connection: telling, url: /echo, expect: {json: {/headers: x}}}, "
                                         "timeout: 1s, poke_interval: 300ms}}}\n")
        run_id = self.server.trigger("telling")
        self.assertEqual(self.server.wait_run("telling", run_id), "failed")
        said = self.server.ctl("tasks", "why", "telling", run_id, "a") + self.server.ctl("runs", "history", "telling", run_id)
        self.assertIn("Authorization", said)
        for secret in ("YW5uOnBsYWlucGFzc3dvcmQ0Mg", "toksecret999", "headersecret77"):
            self.assertNotIn(secret, said)

    def test_a_command_is_stopped_with_its_sensor(self):
        self.server.write_dag("looks", "tasks: {a: {env: {WHO: me}, sensor: {command: 'echo $WHO $PIPELINED_TASK_ID > looking; sleep 86471'}}}\n")
        run_id = self.server.trigger("looks")
        looking = self.server.dags / "looking"
        wait_for(lambda: looking.exists() and looking.read_text() == "me a\n")

        def sleeps():
            return [pid for pid, (_, arguments, _) in processes().items() if list(arguments[:2]) == ["sleep", "86471"]]
        wait_for(sleeps)
        self.assert_exit(0, "runs", "cancel", "looks", run_id)
        self.assertEqual(self.server.wait_run("looks", run_id), "failed")
        wait_for(lambda: not sleeps())

    def test_a_command_gives_outputs_and_has_a_log(self):
        self.server.write_dag("gives", """
tasks:
  a: {sensor: {command: 'echo looked; test -e gives_there && echo "{\\"n\\": 5}" > $PIPELINED_OUTPUT', poke_interval: 200ms}}
  b: {depends_on: a, bash: "test {{ tasks.a.n }} -eq 5"}
""")
        run_id = self.server.trigger("gives")
        wait_for(lambda: self.server.ctl("tasks", "logs", "gives", run_id, "a").count("looked") >= 2)
        self.file("gives_there")
        self.assertEqual(self.server.wait_run("gives", run_id), "success")

    def test_a_reported_event_is_seen(self):
        self.server.write_dag("reported", """
tasks:
  a: {sensor: {asset: {uri: reported_asset, since: "2020-01-01T00:00:00Z"}, poke_interval: 200ms}}
  never: {outlets: [reported_asset], bash: 'true', depends_on: a}
""")
        run_id = self.server.trigger("reported")
        self.server.wait_task("reported", run_id, "a", "deferred")
        asset = [one for one in self.server.get("/api/v2/assets")["assets"] if one["uri"] == "reported_asset"][0]
        self.server.post("/api/v2/assets/events", {"asset_id": asset["id"], "extra": {"by": "hand"}})
        self.assertEqual(self.server.wait_run("reported", run_id), "success")
        self.assertEqual(output(self.server, "reported", run_id, "a", "extra")["by"], "hand")

    def test_a_deleted_dag_waits_no_longer(self):
        self.server.write_dag("deleted", "tasks: {a: {sensor: {file: never}}}\n")
        run_id = self.server.trigger("deleted")
        self.server.wait_task("deleted", run_id, "a", "deferred")
        (self.server.dags / "deleted.yaml").unlink()
        self.assert_exit(0, "runs", "cancel", "deleted", run_id)
        self.server.wait_run("deleted", run_id)
        self.assert_exit(0, "dags", "delete", "deleted", "-y")
        with self.assertRaises(HttpError):
            self.server.get("/api/v2/dags/deleted")


class ThroughKills(OwnServerCase):
    def strike(self, server, *roles):
        if roles:
            server.kill(*roles)
        else:
            server.kill_all()
            server.reap()
            server.start()

    def test_nothing_that_waits_is_forgotten_and_nothing_is_seen_twice(self):
        server = self.make_server()
        waits = "".join(f"  w{i}: {{sensor: {{file: f{i}, poke_interval: 1h}}}}\n  a{i}: {{depends_on: w{i}, bash: 'echo x >> ran{i}'}}\n" for i in range(20))
        server.write_dag("many", f"tasks:\n{waits}  soon: {{sensor: {{delta: 3s}}}}\n")
        run_id = server.trigger("many")
        self.strike(server)  # some are parked by now, some are not
        wait_for(lambda: list(server.states("many", run_id).values()).count("deferred") >= 20)
        for i in range(10):
            (server.dags / f"f{i}").write_text("x")
        self.strike(server)  # some are seen by now
        for i in range(10, 20):
            (server.dags / f"f{i}").write_text("x")
        self.assertEqual(server.wait_run("many", run_id), "success")
        self.assertEqual(set(server.states("many", run_id).values()), {"success"})
        self.assertEqual([(server.dags / f"ran{i}").read_text() for i in range(20)], ["x\n"] * 20)
        tries = server.get(task_path("many", run_id, "w3") + "/tries")["task_instances"]
        self.assertEqual([one["state"] for one in tries], ["success"])

    def test_what_is_asked_is_asked_again_after_a_kill(self):
        service = Service()
        self.addCleanup(service.close)
        service.answers["/ready"] = {"ready": False}
        server = self.make_server()
        server.post("/api/v2/connections", {"connection_id": "own", "conn_type": "postgres", **server.own_database()})
        server.write_dag("asks", f"""
tasks:
  http: {{sensor: {{http: {{url: "http://127.0.0.1:{service.server_port}/ready", expect: {{json: {{/ready: true}}}}}}, poke_interval: 300ms}}}}
  sql: {{sensor: {{sql: {{connection: own, query: "select pg_sleep(0.2) is null or to_regclass('ready') is not null"}}, poke_interval: 300ms}}}}
  command: {{sensor: {{command: "sleep 0.2; test -e ready", poke_interval: 300ms}}}}
""")
        run_id = server.trigger("asks")
        for roles in (("worker",), ("scheduler",), ("scheduler", "worker", "launcher"), ()):
            wait_for(lambda: list(server.states("asks", run_id).values()).count("deferred") == 3)
            looks = service.count("/ready")
            wait_for(lambda: service.count("/ready") > looks)
            self.strike(server, *roles)
        service.answers["/ready"] = {"ready": True}
        (server.dags / "ready").write_text("")
        server.write_dag("make", "tasks: {t: {sql: {connection: own, query: create table ready ()}}}\n")
        server.wait_run("make", server.trigger("make"))
        self.assertEqual(server.wait_run("asks", run_id), "success")

    def test_a_command_is_looked_for_by_each_leader_though_no_other_task_runs(self):
        server = self.make_server()
        server.write_dag("before", "tasks: {a: {bash: 'true'}}\n")  # the launcher knows the epoch of the leader from it
        server.wait_run("before", server.trigger("before"))
        server.write_dag("alone", "tasks: {wait: {sensor: {command: 'echo looked; test -e there', poke_interval: 200ms, timeout: 1h}}}\n")
        run_id = server.trigger("alone")
        for roles in (("scheduler",), (), ("scheduler", "launcher")):
            server.wait_task("alone", run_id, "wait", "deferred")
            self.strike(server, *roles)
            looked = server.ctl("tasks", "logs", "alone", run_id, "wait").count("looked")
            wait_for(lambda: server.ctl("tasks", "logs", "alone", run_id, "wait").count("looked") > looked + 1, 20, "another look")
        (server.dags / "there").write_text("x")
        self.assertEqual(server.wait_run("alone", run_id), "success")

    def test_a_file_that_comes_while_nobody_looks_is_seen(self):
        server = self.make_server()
        server.write_dag("gone", "tasks: {wait: {sensor: {file: there, poke_interval: 1h, timeout: 2h}}}\n")
        run_id = server.trigger("gone")
        server.wait_task("gone", run_id, "wait", "deferred")
        server.kill_all()
        server.reap()
        (server.dags / "there").write_text("x")
        server.start()
        self.assertEqual(server.wait_run("gone", run_id), "success")

    def test_a_killed_scheduler_does_not_lengthen_a_timeout(self):
        server = self.make_server()
        server.write_dag("short", "tasks: {wait: {sensor: {file: never, poke_interval: 1s, timeout: 6s}}}\n")
        run_id = server.trigger("short")
        server.wait_task("short", run_id, "wait", "deferred")
        began = time.monotonic()
        self.strike(server, "scheduler")
        self.assertEqual(server.wait_run("short", run_id), "failed")
        self.assertLess(time.monotonic() - began, 20)
        row = server.tasks("short", run_id)["wait"]
        self.assertGreaterEqual(row["duration"], 6)
        self.assertLess(row["duration"], 20)


class Offline(OfflineCase):
    def test_dags_test_waits(self):
        path = self.file("tasks: {wait: {sensor: {delta: 200ms}}, seen: {sensor: {file: dag.yaml}, depends_on: wait}}\n")
        self.expect(0, "dags", "test", path)

    def test_dags_test_asks_others(self):
        service = Service()
        self.addCleanup(service.close)
        path = self.file(f"""
tasks:
  http: {{sensor: {{http: "http://127.0.0.1:{service.server_port}/"}}}}
  port: {{sensor: {{port: "127.0.0.1:{service.server_port}"}}}}
  command: {{sensor: {{command: test -e dag.yaml}}}}
""")
        self.expect(0, "dags", "test", path)

    def test_a_sensor_takes_time_in_a_simulation(self):
        path = self.file("schedule: '@daily'\nstart_date: 2026-01-01\ntasks: {wait: {sensor: {file: x}}}\n")
        self.expect(0, "simulate", path, "--from", "2026-01-01", "--to", "2026-01-03")


if __name__ == "__main__":
    main()
