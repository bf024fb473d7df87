#!/usr/bin/env python3
"""How many statements the API sends to the database for one request: few, and as many for long lists as for short ones."""
import json
import re
import subprocess
import urllib.parse

from case import HttpError, ServerCase, main, wait_for

DAG = "dag_id: {name}\ntags: [{name}]\ntasks:\n  a: {{bash: 'echo \"{{\\\"k\\\": 1}}\" > $PIPELINED_OUTPUT'}}\n  b: {{bash: 'true', depends_on: [a]}}\n"
MOST = 8
ENDLESS = ("/wait", "/events/stream")  # they ask again and again, on purpose


class Statements(ServerCase):
    settings = {"api.expose_config": "true"}

    def sql(self, text):
        url = json.loads((self.server.home / "run" / "standalone.json").read_text())["database_url"]
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-d", url, "-c", text], text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def log_statements(self):
        """From the next connections on; those of the API are closed."""
        self.sql("alter role current_user set log_statement = 'all'")
        self.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pipelined api'")
        wait_for(lambda: self.answers("/api/v2/dags"), 30, "the API to be connected again")

    def answers(self, path):
        try:
            return self.server.get(path)
        except HttpError as error:
            return None if error.status == 503 else error

    def api_pids(self):
        return set(self.sql("select pid from pg_stat_activity where application_name = 'pipelined api'").split())

    def statements_of(self, path):
        """Those that the API's connections sent for the request."""
        log = self.server.home / "postgres" / "server.log"
        before = log.stat().st_size
        self.answers(path)
        pids = self.api_pids()
        found = []
        for line in log.read_bytes()[before:].decode(errors="replace").splitlines():
            match = re.search(r"\[(\d+)\] LOG: +(execute|statement)[^:]*: (.*)", line)
            if match and match[1] in pids and not match[3].startswith("set "):
                found.append(match[3])
        return found

    def runs(self, name, count):
        self.server.write_dag(name, DAG.format(name=name))
        ids = [self.server.trigger(name) for _ in range(count)]
        for run_id in ids:
            self.assertEqual(self.server.wait_run(name, run_id), "success")
        return ids[0]

    def paths(self, run_id):
        """Every GET route that the server documents, asked for what there is. "~" where a path can be of all."""
        values = {"dag_id": "first", "dag_run_id": urllib.parse.quote(run_id, safe=""), "run_id": urllib.parse.quote(run_id, safe=""), "task_id": "a",
                  "task_display_name": "a", "map_index": "-1", "try_number": "1", "pool_name": "default_pool", "xcom_key": "k", "version_number": "1",
                  "dag_version": "1", "section": "api", "option": "port"}
        found = []
        for path, methods in self.server.get("/openapi.json")["paths"].items():
            if "get" in methods and not path.endswith(ENDLESS):
                found.append(re.sub(r"\{(\w+)\}", lambda name: values.get(name[1], "1"), path))
        self.assertGreater(len(found), 60)
        return found + ["/api/v2/dags/~/dagRuns", "/api/v2/dags/~/dagRuns/~/taskInstances", "/api/v2/eventLogs?order_by=-when",
                        "/api/v2/dags/~/dagRuns/~/taskInstances?order_by=-start_date"]

    def test_one_request_sends_few_however_long_its_answer(self):
        run_id = self.runs("first", 2)
        self.log_statements()
        few = {path: self.statements_of(path) for path in self.paths(run_id)}
        self.assertEqual([path for path, statements in few.items() if len(statements) > MOST], [])
        self.assertGreater(len(few["/api/v2/dags"]), 0, "the statements are not seen")
        self.runs("first", 15)
        for number in range(8):
            self.runs(f"other{number}", 1)
        many = {path: self.statements_of(path) for path in few}
        # One more may be a cache that has grown old.
        self.assertEqual({path: (len(few[path]), many[path]) for path in few if len(many[path]) > len(few[path]) + 1}, {})


if __name__ == "__main__":
    main()
