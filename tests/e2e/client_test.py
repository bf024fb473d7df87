#!/usr/bin/env python3
"""The verbs of pipectl that look and delete: graph, versions, show, render, pools, connections set, assets, schema, man pages,
tables that fit; asking before something is destroyed."""
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import tempfile
import unittest

from case import OfflineCase, ServerCase, bin_dir, clean_environment, main
from watch_test import Terminal

DAG = """
description: a DAG with templates
default_args: {env: {WHERE: "{{ params.region }}"}}
params: {region: eu}
schedule: {assets: [s3://bucket/orders]}
tasks:
  extract: {bash: "echo {{ params.region }}; printf '{\\"rows\\": 42}' > $PIPELINED_OUTPUT"}
  check: {exec: [echo, "{{ tasks.extract.rows }}"], depends_on: [extract]}
  load: {bash: "echo load", depends_on: [extract]}
  report: {bash: "echo done", depends_on: [check, load]}
"""


class Verbs(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.write_dag("sales", DAG)
        cls.server.ctl("dags", "run", "sales", "-p", "region=O'Neil", "--run-id", "one", "--wait")

    def test_graph(self):
        self.assertEqual(self.server.ctl("dags", "graph", "sales"),
                         "extract\n  check  after extract\n  load  after extract\n    report  after check, load\n")
        self.assertIn('"extract" -> "load";', self.server.ctl("dags", "graph", "sales", "--form", "dot"))
        self.assertEqual(self.server.ctl("dags", "graph", self.server.dags / "sales.yaml"), self.server.ctl("dags", "graph", "sales"))
        self.assert_exit(3, "dags", "graph", "nobody")

    def test_versions(self):
        rows = self.server.ctl_json("dags", "versions", "sales")
        self.assertEqual([row["version_number"] for row in rows], [1])
        self.assertIn("a DAG with templates", self.server.ctl("dags", "versions", "sales", "--source", "1"))
        self.assert_exit(3, "dags", "versions", "sales", "--source", "99")
        self.assert_exit(3, "dags", "versions", "nobody")

    def test_tasks_show(self):
        self.assertEqual(self.server.ctl_json("tasks", "show", "sales", "one", "extract")["state"], "success")
        table = self.server.ctl("tasks", "show", "sales", "one", "extract", "-o", "table")
        self.assertRegex(table, r"OUTPUT +VALUE\nrows +42")
        self.assertRegex(table, r"TRY +STATE")
        self.assert_exit(3, "tasks", "show", "sales", "one", "nothing")

    def test_tasks_render(self):
        shown = self.server.ctl_json("tasks", "render", "sales", "one", "check")
        self.assertEqual(shown["argv"], ["echo", "42"])
        self.assertEqual(shown["env"], {"WHERE": "O'Neil"})
        text = self.server.ctl("tasks", "render", "sales", "latest", "extract")
        self.assertIn("Neil", text)
        self.assertIn("printf", text)
        done = self.assert_exit(3, "tasks", "render", "sales", "one", "nothing")
        self.assertIn("tasks list", done.stderr)

    def test_pools_from_set_to_delete(self):
        self.assert_exit(0, "pools", "set", "wh", "4", "--description", "what it bears")
        self.assert_exit(0, "pools", "set", "wh", "5")
        shown = self.server.ctl_json("pools", "get", "wh")
        self.assertEqual((shown["slots"], shown["description"]), (5, "what it bears"))
        file = pathlib.Path(self.server.home) / "pools.json"
        self.assert_exit(0, "pools", "export", file)
        pools = json.loads(file.read_text())
        self.assertEqual(pools["wh"]["slots"], 5)
        pools["wh"]["slots"], pools["wh2"] = 6, {"slots": 1}
        file.write_text(json.dumps(pools))
        dry = self.server.ctl("pools", "import", file, "--dry-run")
        self.assertIn("would overwrite wh\n", dry)
        self.assertIn("would create wh2\n", dry)
        self.assertEqual(self.server.ctl_json("pools", "get", "wh")["slots"], 5)
        self.assert_exit(5, "pools", "import", file, "-a", "fail")
        self.assert_exit(0, "pools", "import", file)
        self.assertEqual(self.server.ctl_json("pools", "get", "wh")["slots"], 6)
        file.write_text('{"wh": {}}')
        self.assert_exit(2, "pools", "import", file)
        self.assert_exit(0, "pools", "delete", "wh", "wh2", "-y")
        self.assert_exit(3, "pools", "get", "wh")

    def test_connections_set_makes_and_changes(self):
        done = self.assert_exit(2, "connections", "set", "db", "--conn-host", "a")
        self.assertIn("--conn-type", done.stderr)
        secret = pathlib.Path(self.server.home) / "a-secret"
        secret.write_text("s3cret")
        self.assert_exit(0, "connections", "set", "db", "--conn-type", "postgres", "--conn-host", "a", "--password-file", secret)
        self.assert_exit(0, "connections", "set", "db", "--conn-host", "b")
        shown = self.server.ctl_json("connections", "get", "db")
        self.assertEqual((shown["conn_type"], shown["host"], shown["password"]), ("postgres", "b", "***"))

    def test_assets(self):
        rows = self.server.ctl_json("assets", "list")
        self.assertEqual([row["uri"] for row in rows], ["s3://bucket/orders"])
        self.assertEqual(self.server.ctl_json("assets", "get", "s3://bucket/orders")["id"], rows[0]["id"])
        self.assertEqual(self.server.ctl_json("assets", "get", rows[0]["id"])["uri"], "s3://bucket/orders")
        self.assertEqual(self.server.ctl_json("assets", "events"), [])
        self.assert_exit(3, "assets", "get", "s3://nothing")

    def test_nothing_is_destroyed_on_a_guess(self):
        self.server.ctl("variables", "set", "kept", "1")
        self.server.trigger("sales", run_id="doomed")
        self.server.wait_run("sales", "doomed")
        for words in (("variables", "delete", "kept"), ("runs", "delete", "sales", "doomed"), ("dags", "delete", "sales")):
            done = self.assert_exit(2, *words)
            self.assertIn("--yes", done.stderr)
            self.assertIn("would delete", self.server.ctl(*words, "--dry-run"))
        self.assertEqual(self.server.ctl("variables", "get", "kept").strip(), "1")
        terminal = Terminal(self.server, "runs", "delete", "sales", "doomed")
        terminal.until(r"delete doomed of sales .*\? \[y/N\] ")
        os.write(terminal.fd, b"n\n")
        self.assertEqual(terminal.end()[1], 2)
        terminal = Terminal(self.server, "runs", "delete", "sales", "doomed")
        terminal.until(r"\[y/N\] ")
        os.write(terminal.fd, b"y\n")
        self.assertEqual(terminal.end()[1], 0)
        self.assert_exit(3, "runs", "show", "sales", "doomed")
        self.assert_exit(3, "variables", "delete", "kept", "unknown", "-y")
        self.assertEqual(self.server.ctl("variables", "get", "kept").strip(), "1", "all or none")

    def test_a_table_fits_the_terminal(self):
        self.server.ctl("variables", "set", "long", "x" * 300)
        for words, fits in (((), True), (("-o", "wide"), False)):
            terminal = Terminal(self.server, "variables", "list", *words, columns=60)
            text, code = terminal.end()
            self.assertEqual(code, 0)
            lines = [line for line in text.replace("\r", "").split("\n") if "xxx" in line]
            self.assertEqual(len(lines), 1)
            self.assertEqual(len(lines[0].rstrip()) <= 60, fits, lines)
            self.assertEqual("…" in lines[0], fits)
        self.assertIn("x" * 300, self.server.ctl("variables", "list"))


def commands(*path):
    """Every command as --help lists them."""
    text = subprocess.run([bin_dir() / "pipectl", *path, "--help"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"^Subcommands:\n((?:  .*\n)*)", text, re.M)
    inner = [line.split()[0].rstrip(",") for line in found.group(1).splitlines() if re.match(r"  \S", line)] if found else []
    yield path, text
    for name in inner:
        yield from commands(*path, name)


class Offline(OfflineCase):
    def test_every_command_has_help_with_an_example(self):
        seen = dict(commands())
        self.assertGreater(len(seen), 60)
        for path, text in seen.items():
            with self.subTest(command=" ".join(path)):
                self.assertRegex(text, r"Examples?:\n  +\S*")

    def test_the_contract_of_nouns_and_verbs(self):
        seen = {" ".join(path) for path, _ in commands()}
        for noun, verbs in {"dags": "list show run pause unpause next delete validate test graph versions import-errors",
                            "runs": "list show watch wait cancel clear mark diff delete",
                            "tasks": "list show logs clear mark render why", "backfill": "create list show pause unpause cancel",
                            "pools": "list get set delete import export", "variables": "list get set delete import export",
                            "connections": "list get set add delete test import export", "assets": "list get events create-event materialize",
                            "profiles": "list use delete"}.items():
            self.assertLessEqual({f"{noun} {verb}" for verb in verbs.split()}, seen)
        self.assertLessEqual({"schema", "simulate", "login", "logout", "health", "version", "completion", "man"}, seen)

    def test_misspelt_words_get_the_nearest(self):
        for words, answer in ((("dgas", "list"), '"dags"'), (("dags", "lst"), '"list"'), (("dags", "list", "--outptu", "json"), '"--output"')):
            self.assertIn(f"did you mean {answer}?", self.expect(2, *words))
        self.assertIn("there are:", self.expect(2, "qqqqqqqq"))

    def test_schema(self):
        schema = json.loads(self.expect(0, "schema"))
        self.assertIn("tasks", schema["properties"])
        self.assertIn("bash", schema["definitions"]["task"]["properties"])

    def test_graph_of_a_file(self):
        path = self.file("tasks: {a: {bash: x}, b: {bash: x, depends_on: [a]}}\n")
        self.assertEqual(self.expect(0, "dags", "graph", path), "a\n  b  after a\n")
        self.expect(2, "dags", "graph", self.file("tasks: {a: {bsh: x}}\n", "bad.yaml"))


class ManPages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pipelined-man-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        for program in ("pipectl", "pipelined"):
            subprocess.run([bin_dir() / program, "man", "--all", cls.folder], check=True, env=clean_environment())
        cls.pages = sorted(cls.folder.glob("man*/*"))

    def test_all_are_there(self):
        names = {page.name for page in self.pages}
        self.assertLessEqual({"pipectl.1", "pipectl-runs.1", "pipectl-dags.1", "pipelined.1", "pipelined.yaml.5", "pipelined-dag.5"}, names)
        text = (self.folder / "man5" / "pipelined.yaml.5").read_text()
        self.assertIn("api.port", text)
        self.assertIn("depends_on", (self.folder / "man5" / "pipelined-dag.5").read_text())

    def test_one_is_printed_and_an_unknown_one_is_not_there(self):
        done = subprocess.run([bin_dir() / "pipectl", "man", "pipectl-runs"], capture_output=True, text=True, check=True)
        self.assertTrue(done.stdout.startswith('.TH "PIPECTL'))
        done = subprocess.run([bin_dir() / "pipectl", "man", "pipectl-rusn"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 3)
        self.assertIn("pipectl-runs", done.stderr)

    @unittest.skipUnless(shutil.which("mandoc"), "needs mandoc")
    def test_mandoc_finds_nothing_wrong(self):
        done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *self.pages], capture_output=True, text=True)
        self.assertEqual(done.stdout + done.stderr, "")

    @unittest.skipUnless(shutil.which("groff"), "needs groff")
    def test_groff_finds_nothing_wrong(self):
        for page in self.pages:
            done = subprocess.run(["groff", "-man", "-ww", "-Kutf8", "-Tutf8", page], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)


if __name__ == "__main__":
    main()
