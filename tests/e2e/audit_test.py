#!/usr/bin/env python3
"""The audit trail as an admin reads it, and that no change is made without it."""
import json
import subprocess

from case import HttpError, OwnServerCase, ServerCase, clean_environment, main, psql, wait_for

DAG = """
tasks:
  a: {empty: true}
"""


def denied(server, method, path, token="", body=None):
    try:
        server.request(method, path, body, token=token)
    except HttpError as error:
        return error.status
    return 200


class Audit(ServerCase):
    def entries(self, *words):
        return self.server.ctl_json("audit", "list", *words)

    def test_a_change_is_there_with_who_where_before_and_after(self):
        self.server.post("/api/v2/pools", {"name": "etl", "slots": 3})
        self.server.request("PATCH", "/api/v2/pools/etl", {"pool": "etl", "slots": 7, "include_deferred": False})
        entry = self.entries("--entity", "etl")[0]
        self.assertEqual((entry["kind"], entry["who"], entry["via"], entry["operation"], entry["status"]),
                         ("change", "admin", "local token", "patch_pool", 200))
        self.assertEqual((entry["before"]["slots"], entry["after"]["slots"]), (3, 7))
        self.assertEqual(entry["address"], "127.0.0.1")
        self.assertTrue(entry["request_id"])
        self.assertIn("etl", self.server.ctl("audit", "list", "-o", "plain"))

    def test_a_run_is_followed_from_its_trigger_to_its_deletion(self):
        self.server.write_dag("traced", DAG)
        run = self.server.trigger("traced")
        self.server.wait_run("traced", run)
        path = f"/api/v2/dags/traced/dagRuns/{run.replace('+', '%2B')}"
        self.server.request("PATCH", path, {"state": "failed", "note": "by hand"})
        self.server.post(f"{path}/clear", {"dry_run": False})
        self.server.wait_run("traced", run)
        self.server.request("DELETE", path)
        entries = self.entries("--dag", "traced", "--run", run)
        self.assertEqual([e["operation"] for e in entries], ["delete_dag_run", "clear_dag_run", "patch_dag_run", "trigger_dag_run"])
        patched, cleared = entries[2], entries[1]
        self.assertEqual((patched["before"]["state"], patched["after"]["state"]), ("success", "failed"))
        self.assertEqual(cleared["after"]["number"], 1, cleared)
        log = self.server.get("/api/v2/eventLogs?event=trigger_dag_run")["event_logs"]
        self.assertEqual([(e["owner"]) for e in log], ["admin"])

    def test_changes_of_variables_are_in_the_log_of_events_with_their_names(self):
        self.server.post("/api/v2/variables", {"key": "logged", "value": "notseen"})
        self.server.request("DELETE", "/api/v2/variables/logged")
        log = self.server.get("/api/v2/eventLogs?event_pattern=_variable&order_by=-id")["event_logs"]
        self.assertEqual([e["event"] for e in log[:2]], ["delete_variable", "post_variable"])
        self.assertEqual(json.loads(log[0]["extra"]), {"name": "logged"}, "who reads the log may not read variables")
        self.assertNotIn("notseen", json.dumps(log))

    def test_who_is_not_let_is_there_once_with_a_number(self):
        for _ in range(50):
            self.assertEqual(denied(self.server, "DELETE", "/api/v2/pools/guessed", token="guess"), 403)
        self.assertEqual(denied(self.server, "POST", "/auth/token", body={"username": "eve", "password": "x"}), 401)

        def times():
            return sum(e["times"] for e in self.entries("--kind", "denied", "--entity", "guessed"))
        wait_for(lambda: times() == 50, 30, "all refusals to be in the trail")
        self.assertLess(len(self.entries("--kind", "denied", "--entity", "guessed")), 50)
        wait_for(lambda: self.entries("--user", "eve", "--refused"), 30, "the failed log-in")

    def test_options_that_are_wrong_are_refused(self):
        self.assert_exit(2, "audit", "list", "--kind", "nothing")
        self.assert_exit(2, "audit", "list", "--since", "someday")
        self.assert_exit(2, "audit", "list", "--status", "7")

    def test_pages_hold_every_entry_once(self):
        for i in range(25):
            self.server.post("/api/v2/variables", {"key": f"page{i}", "value": "1"})
        seen, query = [], "operation=post_variable&limit=4"
        while True:
            page = self.server.get(f"/api/ext/v1/audit?{query}")
            seen += [e["entity"] for e in page["audit"]]
            if page["next"] is None:
                break
            query = f"operation=post_variable&limit=4&before_id={page['next']}"
        pages = [name for name in seen if name.startswith("page")]
        self.assertEqual(pages, [f"page{i}" for i in reversed(range(25))])


class WithoutTrail(OwnServerCase):
    def test_without_it_nothing_is_changed_and_later_all_is_well(self):
        server = self.make_server()

        def sql(text):
            done = subprocess.run([psql(), server.database_url(), "-qAtX", "-c", f"set search_path to pipelined; {text}"], capture_output=True, text=True,
                                  env=clean_environment())
            self.assertEqual(done.returncode, 0, done.stderr)

        sql("alter table audit rename to elsewhere")
        with self.assertRaises(HttpError) as refused:
            server.post("/api/v2/variables", {"key": "silent", "value": "1"})
        self.assertGreaterEqual(refused.exception.status, 500)
        self.assertNotIn("silent", server.ctl("variables", "list"))
        self.assertEqual(denied(server, "GET", "/api/v2/dags", token="guess"), 403)
        sql("alter table elsewhere rename to audit")
        server.post("/api/v2/variables", {"key": "silent", "value": "1"})
        wait_for(lambda: server.ctl_json("audit", "list", "--kind", "denied"), 60, "the refusal that had to wait")


if __name__ == "__main__":
    main()
