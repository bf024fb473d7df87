#!/usr/bin/env python3
"""http, sql, sqlite and mail as a user writes them: connections, templates, outputs, logs, secrets."""
import email
import email.policy
import json
import pathlib
import socket
import urllib.parse

from case import OfflineCase, ServerCase, main, wait_for
from mail_sink import MailSink, make_certificate, server_context
from web_service import Service

SECRET = "s3cret-of-the-test"

# What values from outside may look like.
HOSTILE = [
    "plain", "", " ", "a b", "'", "\"", "''", "\\", "\\'", "`id`", "$(id)", "${HOME}", "$1", "$$", "%s", "%00", "%0d%0aX: y", "a\nb", "a\r\nX-Evil: 1",
    "\t", "; --", "'; drop table canary; --", "' or '1'='1", "1); drop table canary; --", "/* */", "-- x", "{{ ds }}", "{% if x %}", "{# x #}", "{a,b}",
    "[1]", "{\"a\": 1}", "null", "true", "../../etc/passwd", "..", ".", "/", "a/b", "?a=b", "#frag", "&x=y", "=", "+", "@evil.org", "//evil.org/",
    "http://evil.org/", "\u0001\u001f", "\u007f", "ünïcödé", "日本語", "\U0001f600", "\u202e", "x" * 2000,
]


class Actions(ServerCase):
    settings = {"executor.grace": "500ms"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        cls.base = f"http://127.0.0.1:{cls.service.server_port}"
        cls.server.post("/api/v2/connections", {"connection_id": "service", "conn_type": "http", "host": "127.0.0.1",
                                                "port": cls.service.server_port, "login": "ann", "password": SECRET})
        cls.server.post("/api/v2/connections", {"connection_id": "warehouse", "conn_type": "postgres", **cls.server.own_database()})

    def log(self, name, task_id="a"):
        return self.server.ctl("tasks", "logs", name, "latest", task_id)

    def test_a_request_its_outputs_and_its_log(self):
        state, _ = self.run_dag("request", """
params: {item: "a/b"}
tasks:
  a:
    http:
      connection: service
      url: "/items/{{ params.item }}"
      json: {day: "{{ run_id }}", list: "{{ [1, 2] }}"}
      headers: {X-Run: "{{ run_id }}"}
      output: {path: /path, method: /method}
  use: {bash: "echo {{ tasks.a.path }} {{ tasks.a.status }} {{ tasks.a.method }}", depends_on: [a]}
""")
        self.assertEqual(state, "success", self.log("request"))
        self.assertIn("/items/a%2Fb 200 POST", self.log("request", "use"))
        asked = next(asked for asked in self.service.asked if asked["path"] == "/items/a%2Fb")
        self.assertEqual(json.loads(asked["body"])["list"], [1, 2])
        self.assertTrue(asked["headers"]["Authorization"].startswith("Basic "))
        log = self.log("request")
        self.assertIn(f"POST {self.base}/items/a%2Fb", log)
        self.assertIn("status 200", log)
        self.assertNotIn(SECRET, log)

    def test_statuses_decide_on_retries(self):
        state, _ = self.run_dag("flaky", f"tasks: {{a: {{http: '{self.base}/flaky', retries: 5, retry_delay: 50ms}}}}\n")
        self.assertEqual(state, "success")
        self.assertEqual(self.service.count("/flaky"), 3)
        state, _ = self.run_dag("final", f"tasks: {{a: {{http: '{self.base}/status/404', retries: 5, retry_delay: 50ms}}}}\n")
        self.assertEqual(state, "failed")
        self.assertEqual(self.service.count("/status/404"), 1)
        self.assertIn("HTTP status 404", self.log("final"))

    def test_what_is_sent_only_once_leaves_no_connection(self):
        service = Service()
        self.addCleanup(service.close)
        state, _ = self.run_dag("once", f"""
tasks: {{a: {{http: {{url: "http://127.0.0.1:{service.server_port}/n/{{{{ item.n }}}}", method: POST}}, expand: {{n: [1, 2, 3]}}}}}}
""")
        self.assertEqual((state, len(service.asked)), ("success", 3))
        wait_for(lambda: not service.open, 10, "the connections to end")

    def test_a_timeout_is_one(self):
        state, _ = self.run_dag("slow", f"tasks: {{a: {{http: '{self.base}/hold/slow', execution_timeout: 200ms}}}}\n")
        self.assertEqual(state, "failed")
        self.assertIn("execution_timeout passed", self.log("slow"))

    def test_sql_in_one_transaction_with_bound_values(self):
        (self.server.dags / "load.sql").write_text("""
create table if not exists notes (id int primary key, note text);
insert into notes values (1, {{ params.note }}), (2, 'it''s; fine');
""")
        state, _ = self.run_dag("script", """
params: {note: "'); drop table notes; --"}
tasks:
  load: {sql: {connection: warehouse, file: load.sql}}
  a:
    depends_on: [load]
    sql: {connection: warehouse, query: "select count(*) as n, min(note) as first from notes where id = any({{ [1, 2] }})", output: row}
  use: {bash: "echo n={{ tasks.a.n }} {{ tasks.a.first }} {{ tasks.load.row_count }}", depends_on: [a]}
  again: {sql: {connection: warehouse, file: load.sql}, depends_on: [use]}
""")
        self.assertEqual(state, "failed")  # `again`: the rows are there
        self.assertIn("n=2 '); drop table notes; -- 2", self.log("script", "use"))
        self.assertIn("SQLSTATE 23505", self.log("script", "again"))

    def test_a_script_does_not_end_its_transaction(self):
        self.assertEqual(self.run_dag("chained_table", "tasks: {a: {sql: {connection: warehouse, query: create table chained (n int)}}}\n")[0], "success")
        state, _ = self.run_dag("chained", """
tasks:
  a:
    sql:
      connection: warehouse
      query: |
        insert into chained values (1);
        {{ 'commit and chain' | raw }};
        insert into chained values (2);
        select 1 / 0
  b: {sql: {connection: warehouse, query: select count(*) as n from chained, output: row}, depends_on: [a], trigger_rule: all_done}
  use: {bash: "echo n={{ tasks.b.n }}", depends_on: [b], trigger_rule: all_done}
""")
        self.assertEqual(state, "success")  # that of its leaf
        run_id = self.server.runs("chained")[0]["dag_run_id"]
        tries = json.dumps(self.server.get(f"/api/ext/v1/dags/chained/dagRuns/{run_id}/taskInstances/a/tries"))
        self.assertIn("line 2: COMMIT ends the transaction that all statements share", tries)
        self.assertIn("n=0", self.log("chained", "use"))
        plain = self.server.dags / "chained_plain.yaml"
        plain.write_text("tasks: {a: {sqlite: {path: p.db, query: 'select 1; rollback; begin; select 2'}}}\n")
        done = self.server.pipectl("dags", "validate", plain)
        plain.unlink()
        self.assertEqual(done.returncode, 1)
        self.assertIn("DAG064: ROLLBACK ends the transaction that all statements share", done.stdout + done.stderr)

    def test_sqlite_lies_beside_the_dag(self):
        state, _ = self.run_dag("lite", """
tasks:
  a: {sqlite: {path: "{{ dag.dag_id }}.db", query: "create table t (n); insert into t values ({{ 7 }}); select n from t", output: rows}}
  use: {bash: "echo {{ tasks.a.rows[0].n }}", depends_on: [a]}
""")
        self.assertEqual(state, "success", self.log("lite"))
        self.assertIn("7", self.log("lite", "use"))
        self.assertTrue((self.server.dags / "lite.db").exists())

    def xcoms(self, dag_id, run_id, task_id, count, key):
        found = []
        for index in range(count):
            path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}?map_index={index}"
            found.append(self.server.get(path)["value"])
        return found

    def test_certificates_are_checked(self):
        certificate, key = make_certificate(self.server.root)
        service = Service(server_context(certificate, key))
        self.addCleanup(service.close)
        base = f"https://127.0.0.1:{service.server_port}"
        state, tasks = self.run_dag("tls", f"""
tasks:
  unknown: {{http: "{base}/unknown"}}
  trusted: {{http: {{url: "{base}/trusted", ca_file: "{certificate}"}}}}
  unchecked: {{http: {{url: "{base}/unchecked", verify: false}}}}
  out_of_tls: {{http: {{url: "{base}/status/302/{self.base}/plain", ca_file: "{certificate}", follow_redirects: true}}}}
""")
        self.assertEqual(tasks, {"unknown": "failed", "trusted": "success", "unchecked": "success", "out_of_tls": "failed"})
        self.assertIn("certificate", self.log("tls", "unknown"))
        self.assertIn("not checked", self.log("tls", "unchecked"))
        self.assertEqual((service.count("/unknown"), self.service.count("/plain")), (0, 0))

    def test_hostile_values_arrive_as_they_are(self):
        self.server.write_dag("hostile", f"""
max_active_tasks: 64
params: {{values: {{type: array}}}}
tasks:
  body:
    expand: {{v: "{{{{ params.values }}}}"}}
    http: {{url: "{self.base}/body", json: {{v: "{{{{ item.v }}}}"}}, output: {{back: /body}}}}
  query:
    expand: {{v: "{{{{ params.values }}}}"}}
    http: {{url: "{self.base}/query?q={{{{ item.v }}}}x&r=1", params: {{p: "{{{{ item.v }}}}"}}, output: {{path: /path}}}}
  path:
    expand: {{v: "{{{{ params.values }}}}"}}
    http: {{url: "{self.base}/path/{{{{ item.v }}}}", output: {{path: /path}}}}
  header:
    expand: {{v: "{{{{ params.values }}}}"}}
    http: {{url: "{self.base}/header", headers: {{X-Value: "{{{{ item.v }}}}"}}, output: {{headers: /headers}}}}
  sql:
    expand: {{v: "{{{{ params.values }}}}"}}
    sql: {{connection: warehouse, query: "select {{{{ item.v }}}}::text as v", output: row}}
""")
        run_id = self.server.trigger("hostile", {"values": HOSTILE})
        self.server.wait_run("hostile", run_id, 120)
        states = self.server.states("hostile", run_id)

        def succeeded(task):
            return [states[f"{task}[{index}]"] == "success" for index in range(len(HOSTILE))]

        self.assertEqual([json.loads(back)["v"] for back in self.xcoms("hostile", run_id, "body", len(HOSTILE), "back")], HOSTILE)
        self.assertEqual(self.xcoms("hostile", run_id, "sql", len(HOSTILE), "v"), HOSTILE)
        for value, path in zip(HOSTILE, self.xcoms("hostile", run_id, "query", len(HOSTILE), "path")):
            asked = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query, keep_blank_values=True)
            self.assertEqual(asked, {"q": [value + "x"], "r": ["1"], "p": [value]})
        for index, (value, fine) in enumerate(zip(HOSTILE, succeeded("path"))):
            self.assertEqual(fine, value not in (".", ".."), repr(value))
            if fine:
                path = self.server.get(f"/api/v2/dags/hostile/dagRuns/{run_id}/taskInstances/path/xcomEntries/path?map_index={index}")["value"]
                self.assertEqual(urllib.parse.unquote(path), "/path/" + value)
        for value, fine in zip(HOSTILE, succeeded("header")):
            self.assertEqual(fine, not any((c < " " and c != "\t") or c == "\x7f" for c in value), repr(value))
        self.assertFalse([asked for asked in self.service.asked if "X-Evil" in asked["headers"] or "evil" in asked["headers"]["Host"]])

    def test_what_is_not_there_fails_with_words(self):
        state, _ = self.run_dag("missing", "tasks: {a: {sql: {connection: nowhere, query: select 1}}}\n")
        self.assertEqual(state, "failed")
        run_id = self.server.runs("missing")[0]["dag_run_id"]
        tries = self.server.get(f"/api/ext/v1/dags/missing/dagRuns/{run_id}/taskInstances/a/tries")
        self.assertIn(json.dumps('there is no connection "nowhere"')[1:-1], json.dumps(tries))

    def test_mapped_requests(self):
        state, tasks = self.run_dag("mapped", f"""
tasks:
  a: {{http: {{url: "{self.base}/n/{{{{ item.n }}}}"}}, expand: {{n: [1, 2, 3]}}}}
""")
        self.assertEqual(state, "success")
        self.assertEqual([self.service.count(f"/n/{n}") for n in (1, 2, 3)], [1, 1, 1])

    def test_the_api_names_them_as_airflow_does(self):
        self.run_dag("named", f"tasks: {{a: {{http: '{self.base}/'}}, b: {{sql: {{connection: warehouse, query: select 1}}}}}}\n")
        operators = {task["task_id"]: task["class_ref"]["class_name"] for task in self.server.get("/api/v2/dags/named/tasks")["tasks"]}
        self.assertEqual(operators, {"a": "HttpOperator", "b": "SQLExecuteQueryOperator"})

    def test_render_shows_what_would_be_asked_without_secrets(self):
        self.run_dag("rendered", f"""
tasks: {{a: {{http: {{url: '{self.base}/x', auth: {{token: "{SECRET}"}}, params: {{q: "{{{{ run_id }}}}"}}}}}}}}
""")
        shown = self.server.ctl("tasks", "render", "rendered", "latest", "a")
        self.assertIn("/x", shown)
        self.assertNotIn(SECRET, shown)

    def test_a_password_stands_nowhere(self):
        self.run_dag("nowhere", "tasks: {a: {http: {connection: service, url: /quiet}}, b: {bash: env}}\n")
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.assertNotIn(SECRET.encode(), path.read_bytes())
                self.assertNotIn(SECRET.encode(), (path.parent / "environ").read_bytes())
            except OSError:
                pass
        for folder in ("logs", "attempts"):
            for path in (self.server.home / folder).rglob("*"):
                if path.is_file():
                    self.assertNotIn(SECRET.encode(), path.read_bytes(), path)
        self.assertNotIn(SECRET, self.server.log.read_text())


class Mails(ServerCase):
    def sink(self, connection, extra=None, login=None, password=None, **options):
        sink = MailSink(**options)
        self.addCleanup(sink.close)
        self.server.post("/api/v2/connections", {
            "connection_id": connection, "conn_type": "smtp", "host": "127.0.0.1", "port": sink.port, "login": login,
            "password": password, "extra": json.dumps({"from_email": "pipelined@example.org", "ca_file": str(sink.ca_file), **(extra or {})})})
        return sink

    def test_a_mail_with_everything(self):
        sink = self.sink("smtp", login="ann", password=SECRET, users={"ann": SECRET})
        (self.server.dags / "report.csv").write_text("a,b\n1,2\n")
        state, _ = self.run_dag("mailed", """
params: {who: "Jörg <joerg@example.org>", what: "Grüße\u263a"}
tasks:
  a:
    mail:
      connection: smtp
      to: ["{{ params.who }}", team@example.org]
      bcc: boss@example.org
      subject: "Report: {{ params.what }}"
      text: "plain {{ dag.dag_id }}"
      html: "<p>{{ dag.dag_id }}</p>"
      attachments: [report.csv]
""")
        log = self.server.ctl("tasks", "logs", "mailed", "latest", "a")
        self.assertEqual(state, "success", log)
        mail = sink.mails[0]
        self.assertTrue(mail["secure"])
        self.assertEqual((mail["from"], mail["user"]), ("pipelined@example.org", "ann"))
        self.assertEqual(mail["to"], ["joerg@example.org", "team@example.org", "boss@example.org"])
        message = email.message_from_bytes(mail["data"], policy=email.policy.default)
        self.assertEqual(message["subject"], "Report: Grüße\u263a")
        self.assertIn("Jörg", message["to"])
        self.assertNotIn("boss", mail["data"].decode())
        self.assertEqual(message.get_body(("plain",)).get_content().strip(), "plain mailed")
        self.assertEqual(message.get_body(("html",)).get_content().strip(), "<p>mailed</p>")
        self.assertEqual([part.get_filename() for part in message.iter_attachments()], ["report.csv"])
        self.assertNotIn(SECRET, log)

    def test_nothing_gets_into_a_header(self):
        sink = self.sink("headers")
        for name, field, value in (("subject", "subject", "a\\nBcc: victim@example.org"), ("to", "to", "a@b.org\\nRCPT TO:<v@w.org>")):
            fields = {"subject": "s", "to": "a@b.org", field: "{{ params.x }}"}
            state, _ = self.run_dag(f"headers_{name}", f"""
params: {{x: "{value}"}}
tasks: {{a: {{mail: {{connection: headers, text: t, subject: "{fields['subject']}", to: "{fields['to']}"}}}}}}
""")
            self.assertEqual(state, "failed")
        self.assertEqual(sink.mails, [])

    def test_refusals_say_so_and_only_passing_ones_are_tried_again(self):
        sink = self.sink("refusing", refuse={"gone@example.org": "550 no such user", "full@example.org": "452 try later"})
        for who, tries in (("gone", 1), ("full", 3)):
            before = sum("RCPT" in line for line in sink.lines)
            state, _ = self.run_dag(f"refused_{who}", f"""
tasks: {{a: {{retries: 2, retry_delay: 50ms, mail: {{connection: refusing, to: {who}@example.org, subject: s, text: t}}}}}}
""")
            self.assertEqual(state, "failed")
            self.assertEqual(sum("RCPT" in line for line in sink.lines) - before, tries, who)
            words = "550 no such user (to <gone@example.org>)" if who == "gone" else "452 try later (to <full@example.org>)"
            self.assertIn(f"the server said {words}", self.server.ctl("tasks", "logs", f"refused_{who}", "latest", "a"))
        self.assertEqual(sink.mails, [])

    def test_tls_is_needed_unless_the_connection_says_otherwise(self):
        plain = self.sink("plain", starttls=False)
        state, _ = self.run_dag("plain", "tasks: {a: {mail: {connection: plain, to: a@b.org, subject: s, text: t}}}\n")
        self.assertEqual((state, plain.mails), ("failed", []))
        allowed = self.sink("allowed", {"disable_tls": True}, starttls=False)
        state, _ = self.run_dag("allowed", "tasks: {a: {mail: {connection: allowed, to: a@b.org, subject: s, text: t}}}\n")
        self.assertEqual((state, len(allowed.mails)), ("success", 1))
        implicit = self.sink("implicit", {"ssl": True}, starttls=False, implicit_tls=True)
        state, _ = self.run_dag("implicit", "tasks: {a: {mail: {connection: implicit, to: a@b.org, subject: s, text: t}}}\n")
        self.assertEqual((state, len(implicit.mails)), ("success", 1))
        untrusted = self.sink("untrusted", {"ca_file": ""})
        state, _ = self.run_dag("untrusted", "tasks: {a: {mail: {connection: untrusted, to: a@b.org, subject: s, text: t}}}\n")
        self.assertEqual((state, untrusted.mails), ("failed", []))


class SlowMailServers(ServerCase):
    """Servers that do not answer, or read no faster than they like: they hold up nobody else, and a stop ends the try at once."""
    settings = {"executor.grace": "2s", "core.parallelism": 100}
    never = 300  # seconds: longer than any test waits

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        (cls.server.dags / "large.bin").write_bytes(b"x" * (20 << 20))  # more than what lies between two programs

    def sink(self, starttls=False, **options):
        sink = MailSink(starttls=starttls, **options)
        self.addCleanup(sink.close)
        return sink

    def begin(self, name, sink, keys="", mail=""):
        """A mail that is under way: the run."""
        self.connect(name, sink.port, disable_tls=not sink.starttls, ca_file=str(sink.ca_file))
        return self.send(name, keys, mail)

    def connect(self, name, port, **extra):
        self.server.post("/api/v2/connections", {"connection_id": name, "conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": json.dumps(
            {"from_email": "pipelined@example.org", **extra})})

    def send(self, name, keys="", mail=""):
        self.server.write_dag(name, f"max_active_tasks: 100\ntasks: {{a: {{{keys} mail: {{connection: {name}, to: a@b.org, subject: s, text: t{mail}}}}}}}\n")
        return self.server.trigger(name)

    def last_try(self, name, run_id):
        def ended():  # a run that is cancelled has failed before its tasks have stopped
            tries = self.server.get(f"/api/ext/v1/dags/{name}/dagRuns/{run_id}/taskInstances/a/tries")["task_instances"]
            return tries if tries[-1]["outcome"] else None
        tries = wait_for(ended, 20, "the end of the try")
        return len(tries), tries[-1]

    def expect_others_are_served(self, name):
        state, _ = self.run_dag(f"meanwhile_{name}", f"tasks: {{a: {{http: 'http://127.0.0.1:{self.service.server_port}/{name}'}}}}\n")
        self.assertEqual(state, "success")
        row = self.server.tasks(f"meanwhile_{name}", self.server.runs(f"meanwhile_{name}")[0]["dag_run_id"])["a"]
        self.assertLess(row["duration"], 2)

    def expect_no_session(self, sink):
        wait_for(lambda: sink.open == 0, 10, "the session to end")

    def test_an_answer_that_takes_its_time_holds_up_nobody(self):
        sink = self.sink(delay_after_dot=self.never)
        run_id = self.begin("answers_late", sink)
        wait_for(lambda: sink.mails, 20, "the mail")
        self.expect_others_are_served("answers_late")
        self.assertEqual(self.server.states("answers_late", run_id), {"a": "running"})
        sink.hurry()
        self.assertEqual(self.server.wait_run("answers_late", run_id, 10), "success")
        self.expect_no_session(sink)

    def test_a_mail_whose_answer_was_not_waited_for_is_lost(self):
        for name, keys in (("waited", "execution_timeout: 1s, retries: 1, retry_delay: 50ms,"), ("cancelled", "")):
            sink = self.sink(delay_after_dot=self.never)
            run_id = self.begin(name, sink, keys)
            wait_for(lambda: sink.mails, 20, "the mail")
            if name == "cancelled":
                self.server.ctl("runs", "cancel", name, run_id)
            self.assertEqual(self.server.wait_run(name, run_id, 10), "failed")
            tries, last = self.last_try(name, run_id)
            self.assertEqual((tries, last["outcome"]), (1, "lost"), last)
            self.assertIn("cannot be known", str(last))
            sink.hurry()
            self.expect_no_session(sink)

    def test_a_connection_that_breaks_behind_the_mail_makes_it_lost(self):
        sink = self.sink(delay_after_dot=self.never)
        run_id = self.begin("breaks", sink)
        wait_for(lambda: sink.mails, 20, "the mail")
        sink.hang_up()
        self.assertEqual(self.server.wait_run("breaks", run_id, 10), "failed")
        self.assertEqual(self.last_try("breaks", run_id)[1]["outcome"], "lost")

    def test_a_stop_in_the_middle_sends_no_final_dot(self):
        for name, keys, outcome in (("too_long", "execution_timeout: 2s,", "timed_out"), ("stopped", "", "stopped")):
            sink = self.sink(read_slowly=0.1, starttls=name == "stopped")
            run_id = self.begin(name, sink, keys, ", attachments: [large.bin]")
            wait_for(lambda: "DATA" in sink.lines, 20, "the mail to begin")
            self.expect_others_are_served(name)
            if name == "stopped":
                self.server.ctl("runs", "cancel", name, run_id)
            self.assertEqual(self.server.wait_run(name, run_id, 10), "failed")
            sink.hurry()
            self.expect_no_session(sink)
            self.assertEqual((len(sink.mails), len(sink.cut)), (0, 1))
            self.assertLess(len(sink.cut[0]), 20 << 20)
            self.assertEqual(self.last_try(name, run_id)[1]["outcome"], outcome)

    def test_a_server_that_says_nothing_is_left(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.connect("silent", silent.getsockname()[1], disable_tls=True)
            run_id = self.send("silent")
            client, _ = silent.accept()
            with client:
                self.expect_others_are_served("silent")
                self.server.ctl("runs", "cancel", "silent", run_id)
                self.assertEqual(self.server.wait_run("silent", run_id, 10), "failed")
                client.settimeout(10)
                self.assertEqual(client.recv(100), b"")
        self.assertEqual(self.last_try("silent", run_id)[1]["outcome"], "stopped")

    def test_a_slow_reader_gets_all_of_it(self):
        sink = self.sink(read_slowly=0.1)
        run_id = self.begin("reads", sink, mail=", attachments: [large.bin]")
        wait_for(lambda: "DATA" in sink.lines, 20, "the mail to begin")
        sink.hurry()
        self.assertEqual(self.server.wait_run("reads", run_id), "success")
        message = email.message_from_bytes(sink.mails[0]["data"], policy=email.policy.default)
        self.assertEqual([len(part.get_content()) for part in message.iter_attachments()], [20 << 20])

    def test_nobody_waits_for_the_answer_to_quit(self):
        for name, refuse, wanted in (("taken", {}, "success"), ("refused", {"a@b.org": "550 no such user"}, "failed")):
            sink = self.sink(ignore_quit=True, refuse=refuse)
            run_id = self.begin(f"quit_{name}", sink)
            self.assertEqual(self.server.wait_run(f"quit_{name}", run_id, 10), wanted)
            self.expect_others_are_served(f"quit_{name}")
            self.expect_no_session(sink)
            self.assertEqual(sink.lines[-1], "QUIT")
        self.assertIn("550", self.server.ctl("tasks", "logs", "quit_refused", "latest", "a"))

    def test_many_that_wait_hold_up_no_query(self):
        sink = self.sink(delay_after_dot=self.never)
        run_id = self.begin("many", sink, f"expand: {{n: {list(range(70))}}},")
        wait_for(lambda: len(sink.mails) == 64, 30, "as many mails as there are threads")
        state, _ = self.run_dag("query", "tasks: {a: {sqlite: {path: q.db, query: select 1}}}\n", timeout=10)
        self.assertEqual(state, "success")
        sink.hurry()
        self.assertEqual(self.server.wait_run("many", run_id), "success")
        self.expect_no_session(sink)


class Offline(OfflineCase):
    def test_dags_test_runs_them(self):
        service = Service()
        self.addCleanup(service.close)
        path = self.file(f"""
tasks:
  a: {{http: {{url: 'http://127.0.0.1:{service.server_port}/x', output: {{path: /path}}}}}}
  b: {{bash: "echo got {{{{ tasks.a.path }}}}", depends_on: [a]}}
""")
        self.assertIn("success", self.expect(0, "dags", "test", path))
        self.assertEqual(service.count("/x"), 1)


if __name__ == "__main__":
    main()
