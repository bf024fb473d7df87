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
TASK = "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}"
EXT_RUN = "/api/ext/v1/dags/{dag_id}/dagRuns/{dag_run_id}"
# What there never is here, and what there is nothing of: all else is answered.
REFUSED = {"/auth/oidc/login": 404, "/auth/oidc/callback": 404,
           "/api/v2/assets/{asset_id}": 404, "/api/v2/assets/{asset_id}/queuedEvents": 404, "/api/v2/assets/{asset_id}/state-store": 404,
           "/api/v2/assets/{asset_id}/state-store/{key}": 404, "/api/v2/assets/aliases/{asset_alias_id}": 404,
           "/api/v2/dags/{dag_id}/assets/{asset_id}/queuedEvents": 404, TASK + "/externalLogUrl/{try_number}": 400,
           TASK + "/listMapped": 404, TASK + "/state-store/{key}": 404, TASK + "/{map_index}/hitlDetails": 404, TASK + "/{map_index}/hitlDetails/tries/{try_number}": 404}
QUERIES = {"/api/v2/backfills": "?dag_id=first", EXT_RUN + "/at": "?t=-0s", EXT_RUN + "/diff": "?with={dag_run_id}"}


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
        self.assertEqual(self.answers("/api/v2/dags"), 200)

    def answers(self, path):
        """The status, once the database is there."""
        def status():
            try:
                self.server.get(path, accept="*/*")
                return 200
            except HttpError as error:
                return None if error.status == 503 else error.status
        return wait_for(status, 30, f"{path} to be answered")

    def api_pids(self):
        return set(self.sql("select pid from pg_stat_activity where application_name = 'pipelined api'").split())

    def statements_of(self, path, status):
        """Those that the API's connections sent for the request, which is answered so."""
        log = self.server.home / "postgres" / "server.log"
        before = log.stat().st_size
        self.assertEqual(self.answers(path), status, path)
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

    def make_what_is_asked_for(self):
        """One of each, and the values by which paths name them."""
        post = self.server.post
        self.server.write_dag("broken", "tasks: {a: {bsah: x}}", wait=False)
        wait_for(lambda: self.server.get("/api/v2/importErrors")["import_errors"], 30, "the broken file to be seen")
        post("/api/v2/variables", {"key": "k", "value": "v"})
        post("/api/v2/connections", {"connection_id": "c", "conn_type": "http"})
        post("/api/ext/v1/service-accounts", {"name": "ci", "roles": ["viewer"]})
        notification = post("/api/ext/v1/notifications", {"channel": "nobody"})
        backfill = post("/api/v2/backfills", {"dag_id": "daily", "from_date": "2026-01-01T00:00:00Z", "to_date": "2026-01-02T00:00:00Z"})
        run_id = urllib.parse.quote(self.server.runs("first")[0]["dag_run_id"], safe="")
        return {"dag_id": "first", "dag_run_id": run_id, "run_id": run_id, "task_id": "a", "task_display_name": "a", "map_index": "-1",
                "try_number": "1", "task_try_number": "1", "pool_name": "default_pool", "xcom_key": "k", "version_number": "1",
                "dag_version": "1", "section": "api", "option": "port", "variable_key": "k", "connection_id": "c",
                "backfill_id": str(backfill["id"]), "notification_id": str(notification["id"]), "name": "ci", "role": "viewer", "key": "k",
                "import_error_id": str(self.server.get("/api/v2/importErrors")["import_errors"][0]["import_error_id"]),
                "event_log_id": str(self.server.get("/api/v2/eventLogs")["event_logs"][0]["event_log_id"])}

    def paths(self, values):
        """Every GET route that the server documents, and how it is answered. "~" where a path can be of all."""
        found = {}
        for pattern, methods in self.server.get("/openapi.json")["paths"].items():
            if "get" in methods and not pattern.endswith(ENDLESS):
                asked = {**values, "name": "admin"} if "/users/" in pattern else values
                path = re.sub(r"\{(\w+)\}", lambda name: asked.get(name[1], "1"), pattern + QUERIES.get(pattern, ""))
                found[path] = REFUSED.get(pattern, 200)
        self.assertGreater(sum(status == 200 for status in found.values()), 70)
        return {**found, **dict.fromkeys(("/api/v2/dags/~/dagRuns", "/api/v2/dags/~/dagRuns/~/taskInstances", "/api/v2/eventLogs?order_by=-when",
                                          "/api/v2/dags/~/dagRuns/~/taskInstances?order_by=-start_date"), 200)}

    def test_one_request_sends_few_however_long_its_answer(self):
        self.runs("first", 2)
        self.server.write_dag("daily", "schedule: '@daily'\nstart_date: 2026-01-01\ncatchup: false\ntasks: {a: {empty: true}}")
        paths = self.paths(self.make_what_is_asked_for())
        self.log_statements()
        self.maxDiff = None
        answered = {path: self.answers(path) for path in paths}
        self.assertEqual({path: status for path, status in answered.items() if status != paths[path]}, {}, "answered otherwise than is said above")
        few = {path: self.statements_of(path, status) for path, status in paths.items()}
        self.assertEqual([path for path, statements in few.items() if len(statements) > MOST], [])
        self.assertGreater(len(few["/api/v2/dags"]), 0, "the statements are not seen")
        self.runs("first", 15)
        for number in range(8):
            self.runs(f"other{number}", 1)
        many = {path: self.statements_of(path, status) for path, status in paths.items()}
        # One more may be a cache that has grown old.
        self.assertEqual({path: (len(few[path]), len(many[path])) for path in few if len(many[path]) > len(few[path]) + 1}, {})


if __name__ == "__main__":
    main()
