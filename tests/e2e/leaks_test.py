#!/usr/bin/env python3
"""Secrets of every kind, planted and used, also where it goes wrong: none of them is found where it does not belong."""
import base64
import json
import pathlib
import secrets
import subprocess
import urllib.parse

from case import HttpError, OwnServerCase, bin_dir, clean_environment, main, wait_for

DAG = """
params:
  region: {type: string, default: eu}
  api_key: {type: string, default: okay, pattern: "^ok"}
tasks:
  waits: {bash: "touch $HERE/started; while [ ! -e $HERE/go ]; do sleep 0.05; done; env | grep -v ^PIPELINED_PARAMS"}
  fails: {bash: "exit 3", retries: 0}
"""


def planted(name):
    return f"{name}Zq{secrets.token_hex(8)}"


class Leaks(OwnServerCase):
    maxDiff = None

    def setUp(self):
        self.answers = []
        self.secrets = {}

    def plant(self, name, text=None):
        self.secrets[name] = text or planted(name)
        return self.secrets[name]

    def ask(self, server, method, path, body=None, raw=None, headers=None, token=None):
        """The answer's text, kept for later; `raw` goes as it is."""
        import urllib.error
        import urllib.request
        request = urllib.request.Request(server.url + path, method=method, data=raw if raw is not None else
                                         None if body is None else json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", "Bearer " + (token or server.token()))
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
                text = answer.read().decode(errors="replace") + str(answer.headers)
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace") + str(error.headers)
        self.answers.append((f"the answer to {method} {path}", text))
        return text

    def pipelined(self, server, *words):
        done = subprocess.run([bin_dir() / "pipelined", *words, "--home", str(server.home)], capture_output=True, text=True,
                              env=server.environment(), timeout=60)
        self.answers.append((f"pipelined {' '.join(words)}", done.stdout + done.stderr))
        return done

    def make_servers(self):
        """One whose database has a password in its URL, lying in another one's cluster (which asks for none)."""
        keeper = self.make_server()
        url = json.loads((keeper.home / "run" / "standalone.json").read_text())["database_url"]
        socket = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query).get("host", [None])[0]
        if socket is None:
            socket = dict(part.split("=", 1) for part in url.split())["host"].strip("'")
        self.cluster = (keeper.home / "postgres").resolve()
        psql = ["psql", "-h", socket, "-U", "pipelined", "-d", "postgres", "-qAtX"]
        made = subprocess.run([*psql, "-c", "create database planted"], capture_output=True, text=True, env=clean_environment())
        self.assertEqual(made.returncode, 0, made.stderr)
        password = self.plant("DatabasePassword")
        key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        self.plant("EncryptionKey", key)
        settings = {"database.url": f"postgresql://pipelined:{password}@/planted?host={urllib.parse.quote(socket, safe='')}",
                    "core.encryption_keys": key, "api.access_log": "all", "api.expose_config": "true"}
        server = self.make_server(start=False, settings=settings)
        server.extra_env = {"HERE": str(server.root)}
        return keeper, server.start()

    def use_vault(self, server):
        variable = {"key": "db_password", "value": self.plant("Variable")}
        nested = {"key": "nested", "value": {"inner": [{"api_key": self.plant("Nested")}]}}
        connection = {"connection_id": "wh", "conn_type": "x", "login": "ann", "password": self.plant("ConnectionPassword"),
                      "extra": json.dumps({"token": self.plant("Extra")})}
        for method, path, body in (
                ("POST", "variables", variable), ("POST", "variables", variable), ("POST", "variables", nested),
                ("POST", "variables", {**variable, "colour": self.secrets["Variable"]}), ("POST", "variables", [variable]),
                ("PATCH", "variables/db_password", variable), ("PATCH", "variables/other", variable),
                ("PATCH", "variables", {"actions": [{"action": "create", "entities": [variable, {"value": variable["value"]}]}]}),
                ("PATCH", "variables", {"actions": [{"action": "create", "entities": [variable], "action_on_existence": "overwrite"}]}),
                ("POST", "connections", connection), ("POST", "connections", connection), ("POST", "connections", {**connection, "port": "x"}),
                ("PATCH", "connections/wh", {**connection, "host": "db"}), ("POST", "connections/test", connection),
                ("PATCH", "connections", {"actions": [{"action": "update", "entities": [connection]}]})):
            self.ask(server, method, "/api/v2/" + path, body)
            whole = json.dumps(body).encode()
            for raw in (whole[:-2], whole + b"}", whole.replace(b'": "', b'": ', 1), b"'" + whole):  # no JSON
                self.ask(server, method, "/api/v2/" + path, raw=raw)
        for path in ("variables", "variables/db_password", "variables/nested", "connections", "connections/wh"):
            self.ask(server, "GET", "/api/v2/" + path)
        self.ask(server, "DELETE", "/api/v2/variables/nested")

    def use_credentials(self, server):
        password = self.plant("UserPassword", (server.home / "secrets" / "admin-password").read_text().strip())
        self.plant("LocalToken", server.token())
        answer = server.request("POST", "/auth/token", {"username": "admin", "password": password}, token="")
        token = self.plant("Token", answer["access_token"])
        self.ask(server, "GET", "/api/v2/dags", token=token)
        wrong = self.plant("WrongPassword")
        for body in ({"username": "admin", "password": wrong}, {"username": "nobody", "password": wrong},
                     {"username": 1, "password": wrong}, {"username": "admin", "password": [wrong]}, [wrong]):
            self.ask(server, "POST", "/auth/token", body)
        for raw in (b'{"username": "admin", "password": "' + wrong.encode(), b'{"password": ' + wrong.encode() + b"}"):
            self.ask(server, "POST", "/auth/token", raw=raw)
        stale = self.plant("UnknownToken")
        self.ask(server, "GET", "/api/v2/dags", token=stale)
        self.ask(server, "DELETE", "/api/v2/pools/x", token=stale)
        self.ask(server, "GET", "/api/v2/dags", headers={"Authorization": "Basic " + base64.b64encode(f"admin:{wrong}".encode()).decode()})
        self.ask(server, "GET", f"/api/v2/dags?access_token={stale}&limit=1")
        self.ask(server, "GET", "/api/v2/dags", headers={"Cookie": f"_token={stale}"})

    def use_conf(self, server):
        """What has the name of a secret in a run's conf is shown by the run itself; nobody else repeats it."""
        secret = self.plant("Conf")
        conf = {"region": "eu", "db_password": secret}
        body = {"logical_date": None, "dag_run_id": "planted", "conf": conf}
        server.request("POST", "/api/v2/dags/leaky/dagRuns", body)
        self.ask(server, "POST", "/api/v2/dags/leaky/dagRuns", body)
        self.ask(server, "POST", "/api/v2/dags/none/dagRuns", {**body, "dag_run_id": "other"})
        refused = {**body, "dag_run_id": "refused", "conf": {"api_key": self.plant("RefusedParam")}}
        self.assertIn("params.api_key", self.ask(server, "POST", "/api/v2/dags/leaky/dagRuns", refused))
        backfill = {"dag_id": "leaky", "from_date": "2026-01-01T00:00:00Z", "to_date": "2026-01-02T00:00:00Z"}
        self.ask(server, "POST", "/api/v2/backfills", {**backfill, "dag_run_conf": refused["conf"]})

    def wait_and_look(self, server):
        """Environments and command lines of all processes while a task runs."""
        wait_for(lambda: (server.root / "started").exists(), 30, "the task to run")
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                line = (path / "cmdline").read_bytes()
                self.places.append((f"the command line of {path.name}: {line[:60]!r}", line))
                environment = (path / "environ").read_bytes()
            except OSError:
                continue
            if b"HERE=" + str(server.root).encode() not in environment:
                continue
            if not line.split(b"\0")[0].endswith(b"pipelined"):  # the server itself is given its settings there
                self.tasks += 1
                self.places.append((f"the environment of {line[:60]!r}", environment))
        (server.root / "go").touch()
        self.assertEqual(server.wait_run("leaky", "planted"), "failed")
        self.ask(server, "GET", "/api/v2/dags/leaky/dagRuns/planted/taskInstances")
        self.ask(server, "GET", "/api/v2/dags/leaky/dagRuns/planted/taskInstances/waits/logs/1")

    def read_everything(self, server):
        for path in ("/api/v2/eventLogs?limit=1000", "/api/ext/v1/audit?limit=1000", "/api/v2/config", "/api/v2/jobs", "/metrics",
                     "/openapi.json", "/api/v2/importErrors", "/api/v2/monitor/health", "/api/v2/dagSources/leaky"):
            self.ask(server, "GET", path)
        for words in (("config", "show"), ("config", "lint"), ("secrets", "check"), ("db", "check"), ("version",)):
            if words != ("version",):
                self.pipelined(server, *words)
        for words in (("audit", "list", "-o", "json"), ("variables", "list"), ("connections", "list"), ("variables", "export", "-"),
                      ("health",), ("audit", "list", "--refused")):
            done = server.pipectl(*words)
            self.answers.append((f"pipectl {' '.join(words)}", done.stdout + done.stderr))

    def fail_to_start(self, server):
        """The database's URL leads nowhere, is no URL, and the keys are none."""
        for name, value in (("database.url", server.settings["database.url"].replace("planted", "nowhere")),
                            ("database.url", server.settings["database.url"].replace("@", "@@").replace("host=", "hoast=")),
                            ("database.url", server.settings["database.url"].replace("/planted", "127.0.0.1:1/planted")),
                            ("core.encryption_keys", server.settings["core.encryption_keys"][:-3])):
            kept, server.settings[name] = server.settings[name], value
            for words in (("api-server", "--port", "0"), ("db", "check"), ("config", "show"), ("config", "lint")):
                try:
                    self.pipelined(server, *words)
                except subprocess.TimeoutExpired as late:
                    self.answers.append((f"pipelined {words}", str(late.stdout) + str(late.stderr)))
            server.settings[name] = kept
        self.secrets["EncryptionKey"] = self.secrets["EncryptionKey"][:-3]

    def test_planted_secrets_are_nowhere(self):
        self.places, self.tasks = [], 0
        keeper, server = self.make_servers()
        server.write_dag("leaky", DAG)
        self.use_vault(server)
        self.use_credentials(server)
        self.use_conf(server)
        self.wait_and_look(server)
        self.read_everything(server)
        server.stop()
        self.fail_to_start(server)
        keeper.stop()
        self.places += [(name, text.encode()) for name, text in self.answers]
        own = {server.home / "secrets" / name for name in ("admin-password", "local-token", "encryption-keys")}
        own |= {server.home / "run" / "standalone.json"}
        for path in [*server.root.rglob("*"), *keeper.root.rglob("*"), *self.cluster.rglob("*.log"), self.cluster / "log"]:
            if path.is_file() and path not in own:
                self.places.append((str(path), path.read_bytes()))
        # A run's conf is given to its own tasks, and the database keeps it as it is.
        found = [f"{name} is in {place}: …{text[max(0, text.find(secret.encode()) - 60):][:160]!r}"
                 for name, secret in self.secrets.items() for place, text in self.places if secret.encode() in text
                 and not (name == "Conf" and (place.startswith("the environment of") or "/data/" in place))]
        self.assertEqual(found, [], "\n".join(found))
        # What is no secret is found in the same places: they are the right ones.
        everything = [(place, text) for place, text in self.places]
        self.assertGreaterEqual(self.tasks, 1)
        for text, kind in ((b"db_password", "/audit"), (b"patch_variable", "/eventLogs"), (b"/auth/token", "server.log"),
                           (b"***", "config show"), (b"limit=1", "server.log")):
            self.assertTrue(any(kind in place and text in content for place, content in everything), f"{text} is not in {kind}")
        for path in own:
            if path.exists():
                self.assertEqual(path.stat().st_mode & 0o077, 0, path)


if __name__ == "__main__":
    main()
