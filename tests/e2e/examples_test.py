#!/usr/bin/env python3
"""The examples of docs/actions, docs/channels and docs/notifications.md as they stand there, against servers of a test; names of hosts are
all that is replaced. Commands and sensors have theirs in commands_test.py, ssh_test.py and sensors_test.py; that every page has examples and
every example a test is looked at here."""
import email
import email.policy
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import urllib.request

import commands_test
import notifications_test
import sensors_test
import ssh_test
from case import REPOSITORY, OfflineCase, OwnServerCase, Server, ServerCase, bin_dir, main, wait_for
from mail_sink import MailSink
from pages import blocks, dags_of, defaults_of_tables, examples, keys_of_tables, page, pages, section
from web_service import Service

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "sinks"))
from sinks import Sink  # noqa: E402


def tests_of(case, prefix):
    return {name[len(prefix):] for name in dir(case) if name.startswith(prefix)}


class Actions(ServerCase):
    examples = examples("actions")

    def run_example(self, name, day="2026-01-31", **conf):
        """Its run and the outputs of its tasks. The run has a date, which examples name."""
        self.server.write_dag(name, self.examples[name].replace("https://example.org", self.elsewhere))
        run_id = "of_" + day
        self.server.post(f"/api/v2/dags/{name}/dagRuns", {"logical_date": day + "T00:00:00Z", "dag_run_id": run_id, "conf": conf})
        state = self.server.wait_run(name, run_id)
        tasks = sorted(self.server.states(name, run_id))
        self.assertEqual(state, "success", "".join(self.server.pipectl("tasks", "logs", name, run_id, task).stdout for task in tasks))
        outputs = {}
        for task in tasks:
            path = f"/api/v2/dags/{name}/dagRuns/{run_id}/taskInstances/{task}/xcomEntries"
            keys = [entry["key"] for entry in self.server.get(path)["xcom_entries"]]
            outputs[task] = {key: self.server.get(f"{path}/{key}")["value"] for key in keys}
        return run_id, outputs

    elsewhere = "https://example.org"

    def commands(self, action, more=(), **words):
        """Those that the page of an action shows, with other words: of a file what is to stand in it."""
        (self.server.root / "password").write_text("s3cret")
        for line in blocks(page(f"actions/{action}.md"), "")[0].splitlines():
            shown = shlex.split(line)
            here = [words.get(word, self.server.root / "password" if word.startswith("/run/secrets/") else word) for word in shown[1:]]
            self.server.ctl(*here, *(more if "connections" in shown else ()))

    def log(self, name, task):
        return self.server.ctl("tasks", "logs", name, "latest", task)

    def test_example_order(self):
        service = Service()
        self.addCleanup(service.close)
        service.answers["/orders/a%2F7"] = {"state": "accepted", "data": {"id": 4711}}
        self.elsewhere = f"http://127.0.0.1:{service.server_port}"
        self.commands("http", **{"https://shop.example.org": self.elsewhere})
        run_id, outputs = self.run_example("order", id="a/7")
        self.assertEqual(service.count("/health"), 1)
        asked = next(asked for asked in service.asked if asked["path"] == "/orders/a%2F7")
        self.assertEqual((asked["method"], json.loads(asked["body"])), ("POST", {"day": "2026-01-31", "rows": 3, "tags": ["new"]}))
        self.assertEqual((asked["headers"]["X-Request"], asked["headers"]["Content-Type"]), (run_id, "application/json"))
        self.assertTrue(asked["headers"]["Authorization"].startswith("Basic "))
        self.assertEqual((outputs["create"]["order"], outputs["create"]["status"], outputs["ping"]["status"]), (4711, 200, 200))
        self.assertIn("order 4711, status 200", self.log("order", "tell"))

    def query(self, name, sql):
        self.assertEqual(self.run_dag(name, f"tasks: {{q: {{sql: {{connection: warehouse, query: \"{sql}\"}}}}}}\n")[0], "success")

    def test_example_load_sales(self):
        database = self.server.own_database()
        self.commands("sql", db=database["host"], etl=database["login"], sales=database["schema"])
        self.assertIn(blocks(page("actions/sql.md"), "")[0].splitlines()[0], page("actions/README.md"))
        self.query("made", "create table staging (day date, amount int); create table sales (day date, amount int);"
                           " create table sales_eu (amount int);"
                           " insert into staging values ('2026-01-01', 1), ('2025-12-31', 2), ('2026-01-31', 20), ('2026-01-31', 22); insert into sales_eu values (1)")
        script, = blocks(page("actions/sql.md"), "sql")
        (self.server.dags / "load_sales.sql").write_text(script)
        _, outputs = self.run_example("load_sales")
        self.assertEqual(outputs["load"]["row_count"], 2)
        self.assertEqual((outputs["count"]["rows"], outputs["count"]["top"]), (2, 22))
        self.assertEqual(outputs["clean"]["row_counts"], [1, 0])

    def test_example_amounts(self):
        for rows, day in enumerate(("2026-01-30", "2026-01-31"), 1):
            _, outputs = self.run_example("amounts", day)
            self.assertEqual(outputs["report"]["n"], rows)
        self.assertIn("2 rows", self.log("amounts", "tell"))
        self.assertTrue((self.server.dags / "sales.db").is_file())

    def test_example_tell_the_team(self):
        sink = MailSink(users={"reports": "s3cret"})
        self.addCleanup(sink.close)
        extra = json.loads(re.search(r"where `smtp.json` is `([^`]*)`", page("actions/mail.md"))[1])
        file = self.server.root / "smtp.json"
        file.write_text(json.dumps(extra | {"ca_file": str(sink.ca_file)}))
        self.commands("mail", ("--conn-port", sink.port), **{"mail.example.org": "127.0.0.1", "smtp.json": file})
        (self.server.dags / "report.csv").write_text("a,b\n")
        _, outputs = self.run_example("tell_the_team")
        self.assertEqual(outputs["tell"], {"recipients": 2})
        mail = sink.mails[0]
        message = email.message_from_bytes(mail["data"], policy=email.policy.default)
        self.assertEqual((mail["user"], mail["from"], mail["to"]), ("reports", "reports@example.org", ["team@example.org", "ann@example.org"]))
        self.assertEqual((message["subject"], message.get_body(("plain",)).get_content().strip()), ("Sales of 2026-01-31", "1 rows"))
        self.assertEqual(message.get_body(("html",)).get_content().strip(), "<p>1 rows</p>")
        self.assertEqual([part.get_filename() for part in message.iter_attachments()], ["report.csv"])


class ChannelPages(ServerCase):
    """The settings and DAGs of docs/channels on one server, each channel with a receiver."""

    maxDiff = None
    HEAD = "# pipelined.yaml\nalerts:\n  channels:\n"

    @classmethod
    def sink(cls, kind, **environment):
        sink = Sink(kind, **environment)
        cls.addClassCleanup(sink.close)
        return sink.start()

    @classmethod
    def setUpClass(cls):
        cls.hook, cls.chat = cls.sink("webhook", WEBHOOK_TLS="1"), cls.sink("webhook")
        cls.mail = cls.sink("mail", MAIL_TLS="starttls", MAIL_USER="pipelined", MAIL_PASSWORD="of-the-mail")
        cls.alertmanager = cls.sink("alertmanager")
        cls.server = Server(settings={"api.public_url": "https://pipelined.example.com"}, env={
            "HOOK_SECRET": "of-the-hook", "SLACK_URL": cls.chat.url + "/services/x", "MAIL_PASSWORD": "of-the-mail",
            # The receivers of a test have certificates that nobody else vouches for.
            "PIPELINED__ALERTS__CHANNELS__OPS__CA_FILE": str(cls.hook.folder / "cert.pem"),
            "PIPELINED__ALERTS__CHANNELS__POST__CA_FILE": str(cls.mail.folder / "cert.pem")})
        cls.addClassCleanup(cls.server.close)
        cls.paged, program = cls.server.root / "paged", cls.server.root / "page"
        script, = blocks(page("channels/command.md"), "sh")
        program.write_text(f"{script}env > {cls.paged}.env\n")
        program.chmod(0o755)
        settings = "".join(block.removeprefix(cls.HEAD) for text in pages("channels").values() for block in cls.settings_of(text))
        for said, here in (("https://hooks.example.com", cls.hook.url), ("smtp://mail.example.com:587", cls.mail.url),
                           ("http://alertmanager:9093", cls.alertmanager.url), ("/usr/local/bin/page", program), ("/var/log/paged", cls.paged)):
            assert settings.count(said) == 1, said
            settings = settings.replace(said, str(here))
        cls.server.home.mkdir()
        (cls.server.home / "pipelined.yaml").write_text(cls.HEAD + settings)
        cls.server.start()

    @classmethod
    def settings_of(cls, text):
        return [block for block in blocks(text, "yaml") if block.startswith(cls.HEAD)]

    def run_page(self, type):
        """Runs the DAG of a page, which fails, and waits until its messages are sent."""
        (name, text), = dags_of(page(f"channels/{type}.md")).items()
        self.server.write_dag(name, text)
        self.server.post(f"/api/v2/dags/{name}/dagRuns", {"logical_date": "2026-01-31T00:00:00Z", "dag_run_id": "nightly"})
        self.assertEqual(self.server.wait_run(name, "nightly"), "failed")
        for row in notifications_test.settled(self.server, text.count("on_failure"), dag_id=name):
            self.assertEqual(row["state"], "sent", row)

    def shown(self, type):
        text, = blocks(page(f"channels/{type}.md"), "json")
        return self.shape(json.loads(text))

    def shape(self, value):
        """Without what differs from one run to the next."""
        if isinstance(value, dict):
            return {key: "SECONDS" if key == "duration" else self.shape(item) for key, item in value.items()}
        if not isinstance(value, str):
            return value
        value = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d+", "ID", value)
        value = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+", "TIME", value)
        return re.sub(r"^duration: \S+$", "duration: N", value, flags=re.M)

    def test_page_webhook(self):
        self.run_page("webhook")
        request, = self.hook.received()
        body, shown = self.shape(json.loads(request["body"])), self.shown("webhook")
        self.assertEqual(body, shown)
        self.assertEqual(list(body), list(shown))
        named = set(re.findall(r"`((?:X-Pipelined|Idempotency)-\w+)`", page("channels/webhook.md")))
        self.assertEqual(named, {name for name in request["headers"] if name.startswith(("X-Pipelined", "Idempotency"))})
        self.assertEqual(request["headers"]["Content-Type"], "application/json")
        self.assertTrue(notifications_test.documented("is_genuine")("of-the-hook", request["headers"], request["body"].encode()))

    def test_page_slack(self):
        self.run_page("slack")
        request, = self.chat.received()
        self.assertEqual(self.shape(json.loads(request["body"])), self.shown("slack"))
        self.assertIn("X-Pipelined-Id", request["headers"])

    def test_page_mail(self):
        self.run_page("mail")
        of_run, of_task = sorted(self.mail.received(), key=lambda mail: mail["to"])
        self.assertEqual((of_run["to"], of_task["to"]), (["data-team@example.com"], ["sales@example.com"]))
        self.assertEqual((of_task["headers"]["Subject"], of_task["tls"]), ("load of report: exit code 7", True))
        self.assertEqual(of_run["headers"]["Subject"], "[pipelined] report failed")
        shown, = blocks(page("channels/mail.md"), "")
        self.assertEqual(self.shape(of_task["text"]), self.shape(shown))
        self.assertRegex(of_task["headers"]["Message-ID"], r"^<[0-9a-f-]{36}-\d+@example\.com>$")

    def alerts(self):
        with urllib.request.urlopen(self.alertmanager.url + "/api/v2/alerts?active=true", timeout=10) as answer:
            return json.load(answer)

    def test_page_alertmanager(self):
        self.run_page("alertmanager")
        alert, = wait_for(self.alerts, 20, "the alert")
        shown = self.shown("alertmanager")
        self.assertEqual(self.shape({key: alert[key] for key in shown}), shown)
        self.server.post("/api/v2/dags/backup/dagRuns", {"logical_date": "2026-02-01T00:00:00Z", "dag_run_id": "next", "conf": {"code": 0}})
        self.assertEqual(self.server.wait_run("backup", "next"), "success")
        wait_for(lambda: not self.alerts(), 20, "the end of the alert")

    def test_page_command(self):
        self.run_page("command")
        self.assertEqual(self.paged.read_text(), "failure of nightly: exit code 7\n")
        names = set(re.findall(r"^([A-Z_]+)=", pathlib.Path(f"{self.paged}.env").read_text(), re.M)) - {"PWD", "SHLVL", "_"}
        text = section(page("channels/command.md"), "What it gets")
        told = {"PIPELINED_NOTIFICATION_" + name for name in re.findall(r"`(?:PIPELINED_NOTIFICATION|…)_(\w+)`", text)}
        inherited = set(re.findall(r"`([A-Z_]+)`", text)) - told
        self.assertEqual(names, told | {name for name in inherited if name in os.environ})


class Pages(OfflineCase):
    """Every page has examples and every example a test; whatever the program knows has a page, and the page names its keys."""

    # Decided without anything that runs or is asked: docs/tasks.md and docs/sensors.
    ELSEWHERE = {"sensor", "trigger_dag", "dag", "branch", "short_circuit", "latest_only", "empty"}

    @classmethod
    def setUpClass(cls):
        cls.schema = json.loads(subprocess.run([bin_dir() / "pipectl", "schema", "-o", "json"], capture_output=True, text=True, check=True).stdout)

    def keys(self, place):
        return set(self.schema["definitions"][place]["properties"])

    def test_every_example_has_a_test(self):
        commands = {case: tests_of(case, "test_example_") for case in (Actions, commands_test.Page, ssh_test.Commands)}
        self.assertEqual(sum(map(len, commands.values())), len(set.union(*commands.values())), "one each")
        self.assertEqual(set(examples("actions")), set.union(*commands.values()))
        self.assertEqual({"wait_for_" + name for name in tests_of(sensors_test.Examples, "test_wait_for_")}, set(examples("sensors")))
        self.assertEqual(set(pages("channels")), tests_of(ChannelPages, "test_page_"))

    def test_every_page_has_an_example_and_nothing_that_is_none(self):
        for folder in ("actions", "sensors", "channels"):
            all_of_them = [name for text in pages(folder).values() for name in dags_of(text)]
            self.assertEqual(sorted(all_of_them), sorted(set(all_of_them)), "names are different")
            for name, text in pages(folder).items():
                settings = len(ChannelPages.settings_of(text))
                self.assertEqual(settings, folder == "channels", f"settings in {folder}/{name}.md")
                self.assertGreaterEqual(len(dags_of(text)), 1, f"{folder}/{name}.md")
                self.assertEqual(len(dags_of(text)) + settings, len(blocks(text, "yaml")), f"{folder}/{name}.md: an example has its name in its first line")

    def expect_linked(self, overview, names):
        """Its table leads to each of these pages by their names."""
        linked = re.findall(r"^\| \[`(\w+)`\]\(([^)#]+)", page(overview), re.M)
        self.assertEqual({name for name, _ in linked}, names)
        for name, path in linked:
            self.assertTrue((REPOSITORY / "docs" / overview).parent.joinpath(path).is_file(), path)
        return {name for name, path in linked if path.endswith(f"{name}.md")}

    def test_every_action_has_a_page(self):
        of_all_tasks = keys_of_tables(section(page("dag-files.md"), "Keys of a task").partition("\n| key |")[2])
        actions = self.keys("task") - self.keys("defaults") - of_all_tasks
        self.assertEqual(self.expect_linked("actions/README.md", actions), actions - self.ELSEWHERE)
        self.assertEqual(set(pages("actions")) - {"README"}, actions - self.ELSEWHERE)

    def test_every_kind_of_sensor_has_a_page(self):
        of_all_sensors = keys_of_tables(section(page("sensors/README.md"), "How one waits"))
        kinds = self.keys("sensor") - of_all_sensors
        self.assertEqual(self.expect_linked("sensors/README.md", kinds), kinds)
        self.assertEqual(set(pages("sensors")) - {"README"}, kinds)

    def test_pages_of_actions_and_sensors_name_all_keys(self):
        for folder, suffix in (("actions", ""), ("sensors", "_sensor")):
            for name, text in pages(folder).items():
                if name + suffix in self.schema["definitions"]:
                    self.assertLessEqual(self.keys(name + suffix), keys_of_tables(text), f"{folder}/{name}.md")

    def test_every_type_of_channel_has_a_page_with_its_keys_and_defaults(self):
        reference = subprocess.run([bin_dir() / "pipelined", "config", "reference"], capture_output=True, text=True, check=True).stdout
        keys = re.findall(r"^  #   (\w+): (\S+)  \((\S+)\)$", reference[reference.index("\nalerts:"):], re.M)
        types = set(re.search(r"^  #     One of (webhook.*)\.$", reference, re.M)[1].split(", "))
        self.assertEqual(set(pages("channels")), types)
        overview = section(page("notifications.md"), "Channels")
        self.assertEqual(set(re.findall(r"^\| \[`(\w+)`\]\(channels/\1\.md\)", overview, re.M)), types)
        for places, text in ((("all",), overview), *(((type,), page(f"channels/{type}.md")) for type in types)):
            wanted = {key: default.strip('"') for key, default, of in keys if set(of.split("/")) & set(places)}
            self.assertEqual({key: default for key, default in defaults_of_tables(text).items() if key in {key for key, _, _ in keys}}, wanted, places)


class Channels(OwnServerCase):
    """The settings and the DAG of docs/notifications.md, with all channels together."""

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
        text = "".join(pages("sensors").values())
        forms = re.findall(r"(?:[Ff]or short:?|As a mapping:) `([^`]+)`", text)
        self.assertEqual({form.split(":")[0] for form in forms}, {"file", "glob", "dag", "asset", "http", "port", "command"})
        for form in forms:
            name, _, value = form.partition(": ") if ":" in form else form.partition(" ")
            path = self.file(f"params: {{host: h}}\ntasks: {{a: {{sensor: {{{name}: {value}}}}}}}\n")
            self.assertIn("1 valid", self.expect(0, "dags", "validate", path))


if __name__ == "__main__":
    main()
