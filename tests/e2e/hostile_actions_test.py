#!/usr/bin/env python3
"""What comes from outside in requests, queries and mails: the values and sources of values_test.py, into sinks that are no commands. Nothing is
executed, nothing becomes a header, a statement, another path or another recipient, and each value arrives as it was or is refused by name."""
import email
import email.header
import email.policy
import email.utils
import json
import re
import sqlite3
import subprocess
import urllib.parse

from case import HttpError, ServerCase, main
from mail_sink import MailSink
from vault_test import CommandLines, texts_of
from values_test import SOURCES, TEMPLATES, Sink, dag_of, hostile, make_places, tries_of
from web_service import Service

LINES = {"newline", "newline_first", "carriage", "here", "header", "escape", "controls", "yaml"}  # of several lines, or with what no header may hold


class Request(Sink):
    """What the service was asked on the path that has the key."""
    form = ""  # of the key `http`

    def __init__(self, tests):
        self.tests = tests

    def task(self, key, expression):
        form = self.form.replace("BASE", self.tests.base).replace("KEY", key).replace("EXPR", "{{ " + expression + " }}")
        return f"    http: {{{form}}}\n"

    def asked(self, key):
        found = [asked for asked in self.tests.service.asked if asked["path"].split("?")[0].split("/")[1] == key]
        assert len(found) <= 1, key
        return found[0] if found else None

    def arrived(self, server, dag, run, task, key):
        asked = self.asked(key)
        if asked is None:
            return None
        injected = [name for name in asked["headers"] if "njected" in name]
        return f"injected: {injected}" if injected else self.of(asked)

    def of(self, asked):
        raise NotImplementedError


class UrlPath(Request):
    name = "path"
    form = 'url: "BASE/KEY/EXPR/end"'

    def of(self, asked):
        parts = asked["path"].split("/")
        assert len(parts) == 4 and parts[3] == "end", asked["path"][:200]
        return urllib.parse.unquote(parts[2], errors="strict")


class UrlQuery(Request):
    name = "query"
    form = 'url: "BASE/KEY?a=EXPR&z=1"'

    def of(self, asked):
        pairs = urllib.parse.parse_qsl(urllib.parse.urlsplit(asked["path"]).query, keep_blank_values=True, strict_parsing=True)
        assert len(pairs) == 2, pairs
        return pairs[0][1]


class QueryParams(UrlQuery):
    name = "params_key"
    form = 'url: "BASE/KEY", params: {a: "EXPR", z: 1}'


class Header(Request):
    name = "header"
    form = 'url: "BASE/KEY", headers: {X-Value: "<EXPR>"}'
    refuses = LINES

    def of(self, asked):
        return asked["headers"]["X-Value"].encode("latin-1").decode()[1:-1]


class Body(Request):
    name = "body"
    form = 'url: "BASE/KEY", body: "EXPR"'

    def of(self, asked):
        return asked["body"]


class JsonBody(Request):
    name = "json"
    form = 'url: "BASE/KEY", json: {"v": "EXPR"}'

    def of(self, asked):
        return json.loads(asked["body"])["v"]


class Form(Request):
    name = "form"
    form = 'url: "BASE/KEY", form: {v: "EXPR", z: 1}'

    def of(self, asked):
        return dict(urllib.parse.parse_qsl(asked["body"], keep_blank_values=True, strict_parsing=True))["v"]


class Query(Sink):
    name = "sql"
    keys = 'connection: own, query: "insert into hostile values (\'KEY\', EXPR)"'

    def __init__(self, tests):
        self.tests = tests

    def task(self, key, expression):
        return "    sql: {" + self.keys.replace("KEY", key).replace("EXPR", "{{ " + expression + " }}") + "}\n"

    def arrived(self, server, dag, run, task, key):
        rows = self.tests.sql(f"select encode(convert_to(v, 'UTF8'), 'hex') from hostile where k = '{key}'").split()
        return bytes.fromhex(rows[0]).decode() if len(rows) == 1 else "" if self.tests.sql(
            f"select count(*) from hostile where k = '{key}' and v = ''").strip() == "1" else None


class QueryParameters(Query):
    name = "sql_params"
    keys = 'connection: own, query: "insert into hostile values ($1, $2)", params: [KEY, "EXPR"]'


class Sqlite(Sink):
    name = "sqlite"

    def __init__(self, tests):
        self.tests = tests

    def task(self, key, expression):
        query = f"insert into hostile values ('{key}', {{{{ {expression} }}}})"
        return f"    sqlite: {{path: {self.tests.lite}, query: {json.dumps(query)}}}\n"

    def arrived(self, server, dag, run, task, key):
        with sqlite3.connect(self.tests.lite) as database:
            rows = database.execute("select v from hostile where k = ?", (key,)).fetchall()
        return rows[0][0] if len(rows) == 1 else None


class Mail(Sink):
    """One mail for each value, told apart by the address."""
    keys = ""

    def __init__(self, tests):
        self.tests = tests

    def task(self, key, expression):
        return "    mail: {connection: mail, " + self.keys.replace("KEY", key).replace("EXPR", "{{ " + expression + " }}") + "}\n"

    def arrived(self, server, dag, run, task, key):
        mails = [mail for mail in self.tests.sink.mails if f"{key}@example.org" in mail["to"]]
        if len(mails) != 1:
            return None if not mails else f"{len(mails)} mails"
        message = email.message_from_bytes(mails[0]["data"], policy=email.policy.default)
        injected = [name for name in message.keys() if "njected" in name]
        others = [address for address in mails[0]["to"] if address != f"{key}@example.org"]
        return f"injected: {injected}" if injected else self.of(message, others, mails[0])

    def of(self, message, others, mail):
        raise NotImplementedError


class Subject(Mail):
    name = "subject"
    keys = 'to: "KEY@example.org", subject: "<EXPR>", text: t'
    refuses = LINES | {"tab"}

    def of(self, message, others, mail):
        return str(message["subject"])[1:-1]


class Text(Mail):
    name = "mail_text"
    keys = 'to: "KEY@example.org", subject: s, text: "<EXPR>"'

    def arrived(self, server, dag, run, task, key):
        text = super().arrived(server, dag, run, task, key)
        return None if text is None else text.strip("\r\n")[1:-1]

    def of(self, message, others, mail):
        return message.get_body(("plain",)).get_content()


class Html(Text):
    name = "html"
    keys = 'to: "KEY@example.org", subject: s, html: "<EXPR>"'

    def of(self, message, others, mail):
        return message.get_body(("html",)).get_content()


class NameOf(Mail):
    """The name beside an address."""
    refuses = LINES | {"brace"}  # a comma begins the next address

    def __init__(self, tests, header, keys, others):
        super().__init__(tests)
        self.name, self.header, self.keys, self.others = f"name_of_{header.replace('-', '_')}", header, keys, others

    def of(self, message, others, mail):
        if others != self.others:
            return f"went to {others}"
        # By hand: Python's parser of addresses puts blanks between encoded words.
        addresses = email.utils.getaddresses([email.message_from_bytes(mail["data"])[self.header]])
        if len(addresses) != 1:
            return f"{self.header}: {addresses}"
        return str(email.header.make_header(email.header.decode_header(addresses[0][0])))[1:-1]


def names(tests):
    yield NameOf(tests, "to", 'to: ["[EXPR] <KEY@example.org>"], subject: s, text: t', [])
    yield NameOf(tests, "cc", 'to: "KEY@example.org", cc: ["[EXPR] <cc@example.org>"], subject: s, text: t', ["cc@example.org"])
    yield NameOf(tests, "from", 'to: "KEY@example.org", from: "[EXPR] <from@example.org>", subject: s, text: t', [])
    yield NameOf(tests, "reply-to", 'to: "KEY@example.org", reply_to: "[EXPR] <reply@example.org>", subject: s, text: t', [])


class HiddenAddress(Mail):
    """A part of an address that stands in no header."""
    name = "bcc"
    keys = 'to: "KEY@example.org", bcc: "EXPR@hidden.example.org", subject: s, text: t'
    refuses = TEMPLATES.keys() - {"plain", "number", "none_text", "option", "long_option"}

    def of(self, message, others, mail):
        if b"hidden" in mail["data"] or len(others) != 1:
            return f"went to {others}"
        return others[0].removesuffix("@hidden.example.org")


class AttachmentName(Mail):
    """Of files that are there, when a file can have such a name."""
    name = "attachment"
    keys = 'to: "KEY@example.org", subject: s, text: t, attachments: ["FOLDER/[EXPR]"]'

    def __init__(self, tests):
        super().__init__(tests)
        folder = tests.server.root / "attachments"
        folder.mkdir(exist_ok=True)
        self.keys = self.keys.replace("FOLDER", str(folder))
        there = {name for name, value in tests.values.items() if "/" not in value and len(value.encode()) < 250}
        self.refuses = LINES | (tests.values.keys() - there)
        for name in there:
            (folder / f"[{tests.values[name]}]").write_text(name)

    def of(self, message, others, mail):
        parts = list(message.iter_attachments())
        return parts[0].get_filename()[1:-1] if len(parts) == 1 else f"{len(parts)} attachments"


class HostileActions(ServerCase):
    settings = {"core.parallelism": 32}
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        server = cls.server
        server.stop()
        server.extra_env.update(make_places(server.root))  # of the task that gives outputs
        server.start()
        cls.values = hostile(server.root / "trace")
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        cls.base = f"http://127.0.0.1:{cls.service.server_port}"
        cls.sink = MailSink(starttls=False)
        cls.addClassCleanup(cls.sink.close)
        cls.lite = server.root / "lite.db"
        with sqlite3.connect(cls.lite) as database:
            database.execute("create table hostile (k text, v text)")
        own = server.own_database()
        cls.command = ["psql", "-X", "-qtA", "-h", own["host"], "-U", own["login"], "-d", own["schema"]]
        cls.sql("create table hostile (k text, v text); create table x (still_here int)")
        for fields in ({"connection_id": "own", "conn_type": "postgres", **own},
                       {"connection_id": "canary", "conn_type": "generic", "password": "never-shown"},
                       {"connection_id": "mail", "conn_type": "smtp", "host": "127.0.0.1", "port": cls.sink.port,
                        "extra": json.dumps({"from_email": "pipelined@example.org", "disable_tls": True})}):
            server.post("/api/v2/connections", fields)

    @classmethod
    def sql(cls, text):
        return subprocess.run(cls.command, input=text, check=True, capture_output=True, text=True).stdout

    def flow(self, source, sink):
        dag = f"{source.name}_{sink.name}"
        text, tasks = dag_of(dag, source, sink, self.values)
        self.server.write_dag(dag, text)
        run = self.server.trigger(dag, source.conf(self.values))
        self.server.wait_run(dag, run, 240)
        rows, wrong = self.server.tasks(dag, run), {}
        for value, key in tasks.items():
            arrived = sink.arrived(self.server, dag, run, f"t_{value}", key)
            state = rows[f"t_{value}"]["state"]
            if (state, arrived) == ("success", self.values[value]):
                continue
            if state == "failed" and arrived is None and value in sink.refuses:
                continue
            told = tries_of(self.server, dag, run, f"t_{value}") if state == "failed" else ""
            wrong[value] = (state, (arrived or "")[:200], re.findall(r"'message': [^}]*", told)[-1:])
        return wrong

    def check(self, *sinks):
        for source in SOURCES:
            for sink in sinks:
                with self.subTest(source=source.name, sink=sink.name):
                    self.assertEqual(self.flow(source, sink), {})
                    self.assertEqual(list((self.server.root / "trace").iterdir()), [], "a value was executed")

    def setUp(self):
        for source in SOURCES:
            try:
                source.prepare(self.server, self.values)
            except HttpError as error:
                if error.status != 409:  # they are there, of the test before
                    raise

    def test_requests(self):
        self.check(*(sink(self) for sink in (UrlPath, UrlQuery, QueryParams, Header, Body, JsonBody, Form)))
        self.assertEqual([asked["headers"] for asked in self.service.asked if "X-Injected" in asked["headers"]], [])

    def test_queries(self):
        self.check(*(sink(self) for sink in (Query, QueryParameters, Sqlite)))
        self.assertEqual(self.sql("select count(*) from x").strip(), "0", "a table was dropped")

    def test_mails(self):
        sinks = [*(sink(self) for sink in (Subject, Text, Html, HiddenAddress, AttachmentName)), *names(self)]
        self.check(*sinks)
        wanted = {f"{source.name}_{sink.name}.{value}@example.org" for source in SOURCES for sink in sinks for value in self.values}
        wanted |= {"cc@example.org"} | {f"{value}@hidden.example.org" for value in self.values.values()}
        self.assertEqual({address for mail in self.sink.mails for address in mail["to"]} - wanted, set(), "a mail went elsewhere")


class SecretsInActions(ServerCase):
    """Where they belong they arrive; nobody else sees them, also when the server repeats them."""
    secret = "pass-vQ8zK'3x"

    def test_secrets_arrive_and_are_seen_nowhere(self):
        service, other, sink = Service(), Service(), MailSink(starttls=False)
        for one in (service, other, sink):
            self.addCleanup(one.close)
        base, elsewhere = (f"http://127.0.0.1:{one.server_port}" for one in (service, other))
        lite = self.server.root / "lite.db"
        for fields in ({"connection_id": "own", "conn_type": "postgres", **self.server.own_database()},
                       {"connection_id": "vault", "conn_type": "generic", "host": "h", "password": self.secret},
                       {"connection_id": "mail", "conn_type": "smtp", "host": "127.0.0.1", "port": sink.port,
                        "extra": json.dumps({"from_email": "pipelined@example.org", "disable_tls": True})}):
            self.server.post("/api/v2/connections", fields)
        password = "{{ conn.vault.password }}"
        self.server.write_dag("secrets", f"""
tasks:
  request: {{http: {{url: "{base}/request?key={password}", method: POST, headers: {{X-Note: "{password}"}}, json: {{v: "{password}"}}}}}}
  refused: {{http: {{url: "{base}/status/404/{password}"}}}}
  led_away: {{http: {{url: "{base}/status/302/{elsewhere}/here", headers: {{X-Note: "{password}"}}, follow_redirects: true}}}}
  query: {{sql: {{connection: own, query: "select {password}::text as secret", output: none}}}}
  mistake: {{sql: {{connection: own, query: "select ({password}::text)::int"}}}}
  lite: {{sqlite: {{path: "{lite}", query: "select {password}"}}}}
  mail: {{mail: {{connection: mail, to: "a@example.org", subject: "s", text: "{password}"}}}}
  looking: {{sensor: {{http: {{url: "{base}/look", headers: {{X-Note: "{password}"}}}}}}}}
""")
        with CommandLines() as lines:
            run = self.server.trigger("secrets")
            self.server.wait_run("secrets", run)
        states = self.server.states("secrets", run)
        self.assertEqual({name for name, state in states.items() if state == "failed"}, {"refused", "led_away", "mistake", "looking"}, states)
        asked = {one["path"].split("?")[0]: one for one in service.asked}
        self.assertEqual(asked["/request"]["headers"]["X-Note"], self.secret)
        self.assertEqual(json.loads(asked["/request"]["body"]), {"v": self.secret})
        self.assertEqual((other.asked, "/look" in asked), ([], False))
        mail = email.message_from_bytes(sink.mails[0]["data"], policy=email.policy.default)
        self.assertEqual(mail.get_body(("plain",)).get_content().strip(), self.secret)
        told = [tries_of(self.server, "secrets", run, task) + self.server.ctl("tasks", "logs", "secrets", run, task) for task in states]
        self.assertIn("***", "".join(told))
        self.assertIn("name its connection", "".join(told))
        secret = re.compile("vQ8zK")
        self.assertEqual([text for text in told if secret.search(text)], [])
        self.assertFalse(secret.search(self.server.log.read_text(errors="replace")))
        self.assertEqual([line for line in lines.seen if b"vQ8zK" in line], [])
        written = {path for path, text in texts_of(self.server.home) if b"vQ8zK" in text}
        asked_database = self.server.home / "postgres" / "server.log"  # it repeats the query that failed there
        self.assertEqual(written - {asked_database}, set())


if __name__ == "__main__":
    main()
