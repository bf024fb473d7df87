#!/usr/bin/env python3
"""Variables and connections as a user handles them, and that none of their secrets leaks."""
import json
import pathlib
import subprocess
import threading
import time

from case import HttpError, OwnServerCase, ServerCase, bin_dir, clean_environment, main, wait_for

SECRETS = {name: f"{name}-Zq7xW4mK" for name in ("value", "nested", "password", "extra")}


def texts_of(folder):
    """Every file below, as bytes."""
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file():
            try:
                yield path, path.read_bytes()
            except OSError:
                pass


def pipectl_with(server, text, *words):
    """pipectl with something on its standard input."""
    return subprocess.run([bin_dir() / "pipectl", "--home", str(server.home), *words], input=text, capture_output=True, text=True,
                          env=clean_environment({}), timeout=60)


def secrets_command(server, *words):
    return [bin_dir() / "pipelined", "secrets", *words, "--home", str(server.home)]


class CommandLines(threading.Thread):
    """All command lines that are seen while it runs."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.over = set(), threading.Event()

    def run(self):
        while not self.over.is_set():
            for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes())
                except OSError:
                    pass
            time.sleep(0.002)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


class Vault(ServerCase):
    def pipectl_with(self, text, *words):
        return pipectl_with(self.server, text, *words)

    def write(self, name, text):
        path = pathlib.Path(self.server.home) / name
        path.write_text(text)
        return str(path)

    def test_variables_from_set_to_delete(self):
        self.assert_exit(0, "variables", "set", "region", "eu", "--description", "where")
        self.assertEqual(self.server.ctl("variables", "get", "region").strip(), "eu")
        self.assert_exit(0, "variables", "set", "region", '{"a": 1}', "--json")
        self.assertEqual(self.server.ctl_json("variables", "get", "region")["value"], '{"a": 1}')
        self.assertIn("region", {row["key"] for row in self.server.ctl_json("variables", "list")})
        self.assert_exit(0, "variables", "delete", "region", "-y")
        self.assert_exit(3, "variables", "get", "region")
        self.assert_exit(3, "variables", "delete", "region", "-y")

    def test_a_secret_is_not_taken_from_the_command_line(self):
        done = self.assert_exit(2, "variables", "set", "my_password", "hunter2")
        self.assertIn("--file", done.stderr)
        done = self.pipectl_with("hunter2\n", "variables", "set", "my_password")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.server.ctl("variables", "get", "my_password").strip(), "***")

    def test_variables_are_exported_and_imported(self):
        self.assert_exit(0, "variables", "set", "x_one", "1", "--description", "d")
        self.assert_exit(0, "variables", "set", "x_two", "zwei")
        file = str(pathlib.Path(self.server.home) / "variables.json")
        self.assert_exit(0, "variables", "export", file)
        exported = json.loads(pathlib.Path(file).read_text())
        self.assertEqual((exported["x_one"], exported["x_two"]), ({"value": 1, "description": "d"}, "zwei"))
        mine = self.write("mine.json", json.dumps({"x_two": "changed", "x_three": [3]}))
        dry = self.assert_exit(0, "variables", "import", mine, "--dry-run").stdout
        self.assertIn("would overwrite x_two", dry)
        self.assertIn("would create x_three", dry)
        self.assert_exit(3, "variables", "get", "x_three")
        self.assert_exit(5, "variables", "import", mine, "-a", "fail")
        self.assert_exit(0, "variables", "import", mine, "-a", "skip")
        self.assertEqual(self.server.ctl("variables", "get", "x_two").strip(), "zwei")
        self.assert_exit(0, "variables", "import", mine)
        self.assertEqual(self.server.ctl("variables", "get", "x_two").strip(), "changed")
        self.assert_exit(2, "variables", "import", self.write("masked.json", '{"x": "***"}'))

    def test_connections_from_add_to_delete(self):
        password = self.write("password", "s3cret\n")
        add = ("connections", "add", "wh", "--conn-type", "postgres", "--conn-host", "db", "--conn-port", "5432")
        self.assert_exit(0, *add, "--password-file", password)
        self.assert_exit(5, *add)
        shown = self.server.ctl_json("connections", "get", "wh")
        self.assertEqual((shown["host"], shown["port"], shown["password"]), ("db", 5432, "***"))
        self.assertIn("wh", self.server.ctl("connections", "list"))
        self.assert_exit(4, "connections", "test", "wh")
        file = str(pathlib.Path(self.server.home) / "connections.json")
        self.assert_exit(0, "connections", "export", file)
        exported = json.loads(pathlib.Path(file).read_text())
        self.assertIsNone(exported["wh"]["password"])
        self.assert_exit(5, "connections", "import", file)
        self.assert_exit(0, "connections", "import", file, "--overwrite")
        self.assertEqual(self.server.ctl_json("connections", "get", "wh")["password"], "***")
        self.assert_exit(0, "connections", "delete", "wh", "-y")
        self.assert_exit(3, "connections", "get", "wh")


class Leaks(OwnServerCase):
    def test_planted_secrets_are_nowhere(self):
        server = self.make_server()
        answers = []

        def ask(method, path, body=None):
            try:
                answers.append(json.dumps(server.request(method, path, body)))
            except HttpError as error:
                answers.append(str(error.body))

        with CommandLines() as lines:
            for secret, *words in ((SECRETS["value"], "variables", "set", "db_password"),
                                   (SECRETS["password"], "connections", "add", "wh", "--conn-type", "x", "--password-file", "-")):
                done = pipectl_with(server, secret, *words)
                self.assertEqual(done.returncode, 0, done.stderr)
                answers.append(done.stdout + done.stderr)
            nested = {"key": "v", "value": {"inner": {"api_key": SECRETS["nested"]}}}
            connection = {"connection_id": "c2", "conn_type": "x", "password": SECRETS["password"],
                          "extra": json.dumps({"token": SECRETS["extra"]})}
            ask("POST", "/api/v2/variables", nested)
            ask("POST", "/api/v2/connections", connection)
            ask("POST", "/api/v2/connections", connection)  # a conflict
            ask("POST", "/api/v2/connections", {**connection, "conn_type": 5})  # refusals
            ask("POST", "/api/v2/variables", {**nested, "colour": SECRETS["value"]})
            ask("POST", "/api/v2/connections/test", connection)
            ask("PATCH", "/api/v2/connections", {"actions": [{"action": "create", "entities": [connection]}]})
            ask("PATCH", "/api/v2/variables", {"actions": [{"action": "create", "entities": [{"value": SECRETS["value"]}]}]})
            for path in ("variables", "variables/v", "variables/db_password", "connections", "connections/wh", "connections/c2"):
                ask("GET", f"/api/v2/{path}")
            for words in (("variables", "list"), ("variables", "export", "-"), ("connections", "export", "-"), ("connections", "list")):
                done = server.pipectl(*words)
                answers.append(done.stdout + done.stderr)
            time.sleep(0.2)
        self.assertTrue(any(b"pipectl" in line for line in lines.seen), "the watcher saw nothing")
        self.assertIn("***", "".join(answers))
        places = [("an answer", text.encode()) for text in answers] + [("a command line", line) for line in lines.seen]
        server.stop()  # so that the database is on disk
        places += texts_of(server.root)  # the home and the server's log
        postgres = pathlib.Path(server.home) / "postgres"
        places += texts_of(postgres.resolve())
        # What is not a secret is found: these are the right places.
        self.assertTrue(any(b"db_password" in text for place, text in places if "postgres" in str(place) or "base" in str(place)))
        for secret in SECRETS.values():
            for place, text in places:
                self.assertNotIn(secret.encode(), text, f"{secret} is in {place}")



class Keys(OwnServerCase):
    def test_keys_are_changed_and_nothing_is_lost(self):
        server = self.make_server()
        for i in range(30):
            server.post("/api/v2/variables", {"key": f"v{i}", "value": f"value {i}"})

        def pipelined(*words):
            return subprocess.run(secrets_command(server, *words), capture_output=True, text=True, env=clean_environment({}), timeout=60)

        self.assertEqual(pipelined("check").returncode, 0)
        self.assertEqual(pipelined("add-key").returncode, 0)
        server.stop()
        server.start()
        self.assertIn("30 rows would", pipelined("rotate", "--dry-run").stdout)
        done = pipelined("rotate")
        self.assertIn("30 rows were", done.stdout, done.stderr)
        file = pathlib.Path(server.home) / "secrets" / "encryption-keys"
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        keys = file.read_text().split()
        self.assertEqual(len(keys), 2)
        file.write_text(keys[0] + "\n")  # the old one goes
        self.assertEqual(pipelined("check").returncode, 0)
        server.stop()
        server.start()
        for i in range(30):
            self.assertEqual(server.get(f"/api/v2/variables/v{i}")["value"], f"value {i}")
        file.write_text(keys[1] + "\n")  # only the old one: nothing is encrypted with it any more
        self.assertEqual(pipelined("check").returncode, 1)

    def test_a_rotation_that_is_killed_goes_on(self):
        rows = 3000
        server = self.make_server()
        entities = [{"key": f"v{i}", "value": f"value {i}"} for i in range(rows)]
        done = server.request("PATCH", "/api/v2/variables", {"actions": [{"action": "create", "entities": entities}]}, timeout=60)
        self.assertEqual(len(done["create"]["success"]), rows)

        def check():
            return subprocess.run(secrets_command(server, "check"), capture_output=True, text=True, env=clean_environment({}), timeout=60).stdout

        subprocess.run(secrets_command(server, "add-key"), check=True, env=clean_environment({}), stdout=subprocess.DEVNULL)
        server.stop()
        server.start()
        rotation = subprocess.Popen(secrets_command(server, "rotate"), env=clean_environment({}), stdout=subprocess.DEVNULL)
        wait_for(lambda: check().count("rows are") == 2, what="a rotation that is under way")
        rotation.kill()
        self.assertEqual(rotation.wait(), -9, "it was over before it could be killed")
        self.assertEqual(check().count("rows are"), 2, "both keys are in use")
        start = time.monotonic()
        done = subprocess.run(secrets_command(server, "rotate"), capture_output=True, text=True, env=clean_environment({}), timeout=60)
        print(f"{done.stdout.strip()} in {time.monotonic() - start:.2f} s", flush=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{rows} rows are encrypted", check())
        for i in range(0, rows, 97):
            self.assertEqual(server.get(f"/api/v2/variables/v{i}")["value"], f"value {i}")


if __name__ == "__main__":
    main()
