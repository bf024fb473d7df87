"""Settings, environments and feature toggles with the built binaries; docs/environments.md is executed."""
import json
import pathlib
import re
import subprocess
import tempfile
import shutil
import unittest

from case import REPOSITORY, OwnServerCase, bin_dir, clean_environment, main, wait_for

PAGE = (REPOSITORY / "docs" / "environments.md").read_text()


def blocks(kind, text=PAGE):
    """The code blocks of a kind; an end is never taken for a beginning."""
    return [body for found, body in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.S | re.M) if found == kind]


class Offline(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="pipelined-env-"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)

    def pipelined(self, *words, env=None):
        return subprocess.run([bin_dir() / "pipelined", *words], capture_output=True, text=True, timeout=60,
                              env=clean_environment({"PIPELINED_HOME": str(self.home), **(env or {})}))

    def setting(self, name, *words, env=None):
        done = self.pipelined("config", "show", "-o", "json", *words, env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return next((row["value"], row["origin"]) for row in json.loads(done.stdout) if row["name"] == name)

    def test_each_layer_covers_the_one_before_and_says_so(self):
        own = str(self.home / "staging.yaml")
        self.assertEqual(self.setting("api.threads"), ("12", "default"))
        (self.home / "staging.yaml").write_text("api: {threads: 2}\n")
        self.assertEqual(self.setting("api.threads", "--env", "staging"), ("2", own + ":1"))
        self.assertEqual(self.setting("api.threads", env={"PIPELINED_ENV": "staging"}), ("2", own + ":1"))
        (self.home / "pipelined.yaml").write_text("# mine\napi:\n  threads: 3\n")
        self.assertEqual(self.setting("api.threads", "--env", "staging"), ("3", str(self.home / "pipelined.yaml") + ":3"))
        variable = {"PIPELINED__API__THREADS": "4", "PIPELINED_ENV": "production"}
        self.assertEqual(self.setting("api.threads", "--env", "staging", env=variable), ("4", "PIPELINED__API__THREADS"))
        self.assertEqual(self.setting("api.threads", "--set", "api.threads=5", env=variable), ("5", "command line"))
        # --env goes before PIPELINED_ENV: of production nothing is seen.
        self.assertEqual(self.setting("database.pool_size", "--env", "staging", env=variable), ("8", "default"))

    def test_the_environments_that_come_along_are_found_and_clean(self):
        for name in ("development", "testing", "production"):
            done = self.pipelined("config", "lint", "--env", name)
            self.assertEqual(done.returncode, 0, done.stdout)
            origin = self.setting("logging.level", "--env", name)[1]
            self.assertRegex(origin, rf"/{name}\.yaml:\d+$")

    def test_an_unknown_environment_is_wrong_input_everywhere(self):
        for words in (("config", "show"), ("db", "check"), ("standalone",), ("scheduler",)):
            done = self.pipelined(*words, "--env", "prodution")
            self.assertEqual(done.returncode, 2, words)
            self.assertIn('did you mean "production"? known: development, production, testing', done.stderr)
        for name in ("../production", ".hidden", "pipelined"):
            self.assertEqual(self.pipelined("config", "show", "--env", name).returncode, 2, name)

    def test_lint_says_everything_at_once(self):
        (self.home / "pipelined.yaml").write_text("api:\n  prot: 1\n  port: 70000\nexecuter: {grace: 1s}\ncore:\n  parallelism: many\n")
        done = self.pipelined("config", "lint")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.replace(str(self.home), "HOME").splitlines(), [
            'HOME/pipelined.yaml:2: unknown setting "api.prot"; did you mean "api.port"?',
            "HOME/pipelined.yaml:3: api.port: 70000 is not between 0 and 65535",
            'HOME/pipelined.yaml:4: unknown setting "executer.grace"; did you mean "executor.grace"?',
            'HOME/pipelined.yaml:6: core.parallelism: "many" is not a whole number'])
        self.assertEqual(self.pipelined("standalone").returncode, 2)

    def test_what_is_no_good_in_production_does_so_only_there(self):
        (self.home / "pipelined.yaml").write_text("metrics:\n  token: topsecret\n")
        done = self.pipelined("config", "lint", "--env", "production")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"pipelined\.yaml:2: CFG210: metrics\.token: ")
        self.assertNotIn("topsecret", done.stdout + done.stderr)
        self.assertEqual(self.pipelined("config", "lint", "--env", "development").returncode, 0)

    def test_the_page_is_true(self):
        home_file, = [block for block in blocks("yaml") if block.startswith("# pipelined.yaml")]
        (self.home / "pipelined.yaml").write_text(home_file)
        shown = [block for block in blocks("") if block.startswith("$ ")]
        self.assertEqual(len(shown), 5)
        for block in shown:
            command, _, expected = block.partition("\n")
            env = clean_environment({"PIPELINED_HOME": str(self.home), "PATH": f"{bin_dir()}:/usr/bin:/bin"})
            done = subprocess.run(["bash", "-c", command[2:]], capture_output=True, text=True, env=env, timeout=60)
            real = done.stdout.replace(str(self.home), "HOME").replace(str(bin_dir().parent / "share/pipelined/config"), "SHARE")
            real = real.replace(str((bin_dir() / "../../../config").resolve()), "CONFIG")
            self.assertEqual(real, expected, command + done.stderr)

    def test_the_rule_of_the_page_is_that_of_the_program(self):
        code, = blocks("python")
        found = {}
        exec(code, found)
        dags = [f"dag_{i}" for i in range(300)] + ["sales", "\u00fcber", "a:b"]
        words = [word for dag in dags for word in ("--dag", dag)]
        for percent in ("0.5", "25", "99.99"):
            done = self.pipelined("config", "features", "-o", "json", *words, "--set", f"features.notifications={percent}%")
            rows = {row["feature"]: row["dags"] for row in json.loads(done.stdout)}
            self.assertEqual(rows["notifications"], {dag: found["is_in"]("notifications", dag, float(percent)) for dag in dags})


class Toggled(OwnServerCase):
    """A toggle that is on for a part of the DAGs, in a running server and over REST."""

    def test_only_dags_that_are_in_make_notifications(self):
        server = self.make_server(settings={
            "features.notifications": "25%", "api.expose_config": "true",
            "alerts.channels.c.type": "command", "alerts.channels.c.command": "/bin/true"})
        for dag in ("hr", "sales"):  # in, out: see the page
            server.write_dag(dag, "tasks: {a: {bash: 'exit 7'}}\non_failure: c\n")
            self.assertEqual(server.wait_run(dag, server.trigger(dag)), "failed")
        rows = lambda: server.get("/api/ext/v1/notifications?limit=100")["notifications"]  # noqa: E731
        wait_for(rows, 30, "the notification")
        self.assertEqual({row["dag_id"] for row in rows()}, {"hr"})
        sections = {section["name"]: section["options"] for section in server.get("/api/v2/config")["sections"]}
        self.assertIn({"key": "notifications", "value": "25%"}, sections["features"])


if __name__ == "__main__":
    main()
