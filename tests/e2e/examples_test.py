#!/usr/bin/env python3
"""The examples of docs/actions.md and docs/notifications.md as they stand there, against servers of a test. Names of hosts are all that
is replaced. Those of docs/sensors.md are in sensors_test.py."""
import email
import email.policy
import json
import pathlib
import re
import shlex
import sys
import urllib.request

from case import REPOSITORY, OfflineCase, OwnServerCase, ServerCase, main, wait_for
from mail_sink import MailSink
from web_service import Service

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "sinks"))
from sinks import Sink  # noqa: E402


def page(name):
    return (REPOSITORY / "docs" / name).read_text()


def section(text, title):
    """From the heading of that title to the next one of its rank."""
    rank, rest = re.search(rf"^(#+) {title}\n(.*)", text, re.M | re.S).groups()
    return re.split(rf"^{rank} ", rest, flags=re.M)[0]


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


class Actions(ServerCase):
    """Each example runs as a DAG of the name of its section."""

    page = page("actions.md")

    def test_all_of_them_are_executed_here(self):
        tests = {name[len("test_section_"):] for name in dir(self) if name.startswith("test_section_")}
        sections = [title for title in re.findall(r"^## (\w+)", self.page, re.M) if blocks(section(self.page, title), "yaml")]
        self.assertEqual(set(sections), tests)
        self.assertEqual(len(blocks(self.page, "yaml")), len(tests), "one in each section")

    def example(self, name):
        return blocks(section(self.page, name), "yaml")[0]

    def run_example(self, name, text, params="{}", day="2026-01-31"):
        """Its run and the outputs of its tasks. The run has a date, which examples name."""
        self.server.write_dag(name, f"params: {params}\n{text}")
        run_id = "of_" + day
        self.server.post(f"/api/v2/dags/{name}/dagRuns", {"logical_date": day + "T00:00:00Z", "dag_run_id": run_id})
        state = self.server.wait_run(name, run_id)
        tasks = sorted(self.server.states(name, run_id))
        self.assertEqual(state, "success", "".join(self.server.pipectl("tasks", "logs", name, run_id, task).stdout for task in tasks))
        outputs = {}
        for task in tasks:
            path = f"/api/v2/dags/{name}/dagRuns/{run_id}/taskInstances/{task}/xcomEntries"
            keys = [entry["key"] for entry in self.server.get(path)["xcom_entries"]]
            outputs[task] = {key: self.server.get(f"{path}/{key}")["value"] for key in keys}
        return run_id, outputs

    def test_section_http(self):
        service = Service()
        self.addCleanup(service.close)
        service.answers["/orders/a%2F7"] = {"state": "accepted", "data": {"id": 4711}}
        self.server.post("/api/v2/connections", {"connection_id": "shop", "conn_type": "http", "host": "127.0.0.1", "port": service.server_port,
                                                 "login": "ann", "password": "s3cret"})
        text = self.example("http").replace("https://example.org", f"http://127.0.0.1:{service.server_port}")
        run_id, outputs = self.run_example("http", text, "{id: 'a/7'}")
        self.assertEqual(service.count("/health"), 1)
        asked = next(asked for asked in service.asked if asked["path"] == "/orders/a%2F7")
        self.assertEqual((asked["method"], json.loads(asked["body"])), ("POST", {"day": "2026-01-31", "rows": 3, "tags": ["new"]}))
        self.assertEqual(asked["headers"]["X-Request"], run_id)
        self.assertTrue(asked["headers"]["Authorization"].startswith("Basic "))
        self.assertEqual((outputs["create"]["order"], outputs["create"]["status"], outputs["ping"]["status"]), (4711, 200, 200))

    def add_warehouse(self):
        """The command that the page shows, with another place of the database."""
        database = self.server.own_database()
        (self.server.root / "db").write_text("not asked for here")
        command = next(line for block in blocks(self.page, "") for line in block.splitlines() if "connections add warehouse" in line)
        words = {"db": database["host"], "etl": database["login"], "sales": database["schema"], "/run/secrets/db": self.server.root / "db"}
        self.assertLessEqual(set(words), set(shlex.split(command)))
        self.server.ctl(*[words.get(word, word) for word in shlex.split(command)[1:]])

    def query(self, name, sql):
        self.assertEqual(self.run_dag(name, f"tasks: {{q: {{sql: {{connection: warehouse, query: \"{sql}\"}}}}}}\n")[0], "success")

    def test_section_sql(self):
        self.add_warehouse()
        self.server.ctl("pools", "set", "warehouse", "1")
        self.query("made", "create table staging (day date, amount int); create table sales (day date, amount int);"
                           " create table sales_eu (amount int);"
                           " insert into staging values ('2026-01-01', 1), ('2025-12-31', 2), ('2026-01-31', 20), ('2026-01-31', 22); insert into sales_eu values (1)")
        (self.server.dags / "load_sales.sql").write_text("insert into sales select * from staging where day = {{ ds }};\n")
        _, outputs = self.run_example("sql", self.example("sql"), "{region: eu}")
        self.assertEqual(outputs["load"]["row_count"], 2)
        self.assertEqual((outputs["count"]["rows"], outputs["count"]["top"]), (2, 22))
        self.assertEqual(outputs["clean"]["row_counts"], [1, 0])

    def test_section_sqlite(self):
        for rows, day in enumerate(("2026-01-30", "2026-01-31"), 1):
            _, outputs = self.run_example("sqlite", self.example("sqlite"), "{amount: 3}", day)
            self.assertEqual(outputs["report"]["n"], rows)
        self.assertTrue((self.server.dags / "sales.db").is_file())

    def test_section_mail(self):
        sink = MailSink()
        self.addCleanup(sink.close)
        self.server.post("/api/v2/connections", {"connection_id": "smtp", "conn_type": "smtp", "host": "127.0.0.1", "port": sink.port,
                                                 "extra": json.dumps({"from_email": "p@example.org", "ca_file": str(sink.ca_file)})})
        (self.server.dags / "report.csv").write_text("a,b\n")
        self.run_example("mail", self.example("mail"))
        mail = sink.mails[0]
        message = email.message_from_bytes(mail["data"], policy=email.policy.default)
        self.assertEqual(mail["to"], ["team@example.org", "ann@example.org"])
        self.assertEqual((message["subject"], message.get_body(("plain",)).get_content().strip()), ("Sales of 2026-01-31", "1 rows"))
        self.assertEqual(message.get_body(("html",)).get_content().strip(), "<p>1 rows</p>")
        self.assertEqual([part.get_filename() for part in message.iter_attachments()], ["report.csv"])


class Channels(OwnServerCase):
    """The settings and the DAG of docs/notifications.md, each channel with a receiver."""

    page = page("notifications.md")

    def block(self, language, first):
        return next(block for block in blocks(self.page, language) if block.startswith(first))

    def sink(self, kind, **environment):
        sink = Sink(kind, **environment)
        self.addCleanup(sink.close)
        return sink.start()

    def setUp(self):
        self.hook, self.chat = self.sink("webhook", WEBHOOK_TLS="1"), self.sink("webhook")
        self.mail = self.sink("mail", MAIL_TLS="starttls", MAIL_USER="pipelined", MAIL_PASSWORD="of-the-mail")
        self.alertmanager = self.sink("alertmanager")
        self.server = self.make_server(start=False, env={
            "HOOK_SECRET": "of-the-hook", "SLACK_URL": self.chat.url + "/services/x", "MAIL_PASSWORD": "of-the-mail",
            # The receivers of a test have certificates that nobody else vouches for.
            "PIPELINED__ALERTS__CHANNELS__OPS__CA_FILE": str(self.hook.folder / "cert.pem"),
            "PIPELINED__ALERTS__CHANNELS__POST__CA_FILE": str(self.mail.folder / "cert.pem")})
        page = self.server.root / "page"
        page.write_text(f'#!/bin/sh\necho "$@" "$PIPELINED_NOTIFICATION_EVENT $PIPELINED_NOTIFICATION_MESSAGE" > {self.server.root}/paged\n')
        page.chmod(0o755)
        text = self.block("yaml", "# pipelined.yaml")
        for said, here in (("https://hooks.example.com", self.hook.url), ("smtp://mail.example.com:587", self.mail.url),
                           ("http://alertmanager:9093", self.alertmanager.url), ("/usr/local/bin/page", str(page))):
            self.assertEqual(text.count(said), 1, said)
            text = text.replace(said, here)
        self.server.home.mkdir()
        (self.server.home / "pipelined.yaml").write_text(text)
        self.server.start()

    def shell(self, first, row_id):
        """The commands of a block that begins so, with the number of a message instead of the page's; what they said."""
        lines = [line.partition("#")[0].replace("42", str(row_id)) for line in self.block("sh", first).splitlines()]
        return [self.server.ctl(*shlex.split(line)[1:]) for line in lines]

    def script(self, name, text):
        path = self.server.dags / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)

    def rows(self):
        return self.server.get("/api/ext/v1/notifications?limit=100")["notifications"]

    def sent(self, number):
        wait_for(lambda: len(self.rows()) == number and {row["state"] for row in self.rows()} == {"sent"}, 30, f"{number} to be sent")

    def test_a_run_tells_as_the_file_says(self):
        self.script("load.sh", "test -e tried || { touch tried; exit 3; }\n")
        self.script("report.sh", "test ! -e broken\n")
        (self.server.dags / "defaults.yaml").write_text("default_args: {retry_delay: 0s}\n")
        self.server.write_dag("sales", self.block("yaml", "# dags/sales.yaml"))
        self.assertEqual(self.server.wait_run("sales", self.server.trigger("sales")), "success")
        self.sent(2)
        self.assertIn("load", json.loads(self.chat.received()[0]["body"])["text"])
        mail = self.mail.received()[0]
        self.assertEqual((mail["to"], mail["from"], mail["tls"]), (["sales@example.com"], "pipelined@example.com", True))
        self.assertRegex(mail["headers"]["Subject"], r"^The report of .* is there$")
        self.assertRegex(mail["text"], r"It took [0-9.]+ seconds\. http://.*/dags/sales/runs/")

        self.hook.behave(status=404)  # refused, and sent again by hand
        (self.server.dags / "broken").touch()
        run_id = self.server.trigger("sales")
        self.assertEqual(self.server.wait_run("sales", run_id), "failed")
        row = wait_for(lambda: next((row for row in self.rows() if row["state"] == "failed"), None), 30, "the message to fail")
        self.hook.behave()
        listed, shown, _ = self.shell("pipectl notifications list", row["id"])
        self.assertIn("ops", listed)
        self.assertIn("404", shown)
        self.sent(3)
        bodies = [json.loads(request["body"]) for request in self.hook.received()]
        self.assertEqual([(body["event"], body["run_id"]) for body in bodies], [("failure", run_id)] * 2)

    def test_every_channel_takes_a_message(self):
        channels = re.findall(r"^    (\w+):", self.block("yaml", "# pipelined.yaml"), re.M)
        self.assertEqual(channels, ["ops", "chat", "post", "pager", "script"])
        command = re.search(r"`pipectl (notifications test) ops`", self.page)[1]
        for channel in channels:
            self.assertIn(f"was sent to {channel}", self.server.ctl(*command.split(), channel, "--message", f"hello {channel}"))
        self.assertIn("hello ops", self.hook.received()[0]["body"])
        self.assertIn("hello chat", self.chat.received()[0]["body"])
        self.assertEqual(self.mail.received()[0]["to"], ["data-team@example.com"])
        self.assertEqual((self.server.root / "paged").read_text(), "--from pipelined test hello script\n")
        with urllib.request.urlopen(self.alertmanager.url + "/api/v2/alerts", timeout=10) as answer:
            alerts = json.load(answer)
        self.assertEqual([(alert["labels"]["severity"], alert["labels"]["team"]) for alert in alerts], [("critical", "data")])


class Short(OfflineCase):
    def test_the_short_forms_of_sensors_are_forms_of_them(self):
        text = page("sensors.md")
        forms = re.findall(r"(?:[Ff]or short:?|As a mapping:) `([^`]+)`", text)
        self.assertEqual({form.split(":")[0] for form in forms}, {"file", "glob", "dag", "asset", "http", "port", "command"})
        for form in forms:
            name, _, value = form.partition(": ") if ":" in form else form.partition(" ")
            path = self.file(f"params: {{host: h}}\ntasks: {{a: {{sensor: {{{name}: {value}}}}}}}\n")
            self.assertIn("1 valid", self.expect(0, "dags", "validate", path))


if __name__ == "__main__":
    main()
