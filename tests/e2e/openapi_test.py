#!/usr/bin/env python3
"""The OpenAPI document against the server that tells it: Schemathesis makes up requests, good and bad ones, for every operation.

A run of the gate takes a minute. More:
    PIPELINED_SCHEMATHESIS_EXAMPLES=200 PIPELINED_SCHEMATHESIS_SEED=7 tests/e2e/openapi_test.py
"""
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

from case import ServerCase, clean_environment, main

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import python_packages  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = os.environ.get("PIPELINED_SCHEMATHESIS_EXAMPLES", "6")
SEED = os.environ.get("PIPELINED_SCHEMATHESIS_SEED", "1")

SALES = """
dag_id: sales
tags: [nightly]
is_paused_upon_creation: false
tasks:
  extract: {bash: "echo '{\\"rows\\": [1, 2]}' > $PIPELINED_OUTPUT"}
  load: {depends_on: [extract], bash: "true"}
"""


class OpenApi(ServerCase):
    settings = {"api.expose_config": "true"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.packages = python_packages.folder()
        cls.server.write_dag("sales", SALES)
        cls.server.wait_run("sales", cls.server.trigger("sales"))

    def ask(self, path, **headers):
        """The status, the headers and the length of the answer."""
        request = urllib.request.Request(self.server.url + path, headers=headers)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
                return answer.status, answer.headers, len(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.headers, len(error.read())

    def schemathesis(self, *arguments):
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run",
             self.server.url + "/openapi.json", "-H", f"Authorization: Bearer {self.server.token()}", "--checks", "all",
             "--continue-on-failure", "--suppress-health-check", "all",
             "--generation-database", "none", "--no-color", "--warnings", "off", "--request-timeout", "90", "-n", EXAMPLES, "--seed", SEED,
             *arguments],
            capture_output=True, text=True, timeout=800 if EXAMPLES == "6" else None, cwd=self.server.root,
            env=clean_environment({"PYTHONPATH": str(self.packages), "PYTHONDONTWRITEBYTECODE": "1"}))
        self.assertEqual(done.returncode, 0, done.stdout[-20000:] + done.stderr[-2000:])
        self.assertIn("No issues found", done.stdout)

    def test_no_request_shows_a_difference(self):
        endless = "ext_get_event_stream"  # its answer has no end; live_test.py reads it
        self.schemathesis("--exclude-operation-id", "delete_dag", "--exclude-operation-id", endless)
        self.schemathesis("--include-operation-id", "delete_dag")

    def test_the_document_is_sent_once(self):
        for path in ("/openapi.json", "/docs"):
            status, headers, size = self.ask(path)
            self.assertEqual(status, 200, path)
            packed = self.ask(path, **{"Accept-Encoding": "gzip"})
            self.assertLess(packed[2] * 4, size, path)
            self.assertEqual(self.ask(path, **{"If-None-Match": headers["ETag"]})[::2], (304, 0), path)


if __name__ == "__main__":
    main()
