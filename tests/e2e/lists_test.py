#!/usr/bin/env python3
"""What Airflow's clients ask of the REST API beside single runs: the log of events, lists by a body, waiting, bulk changes."""
import urllib.parse
import urllib.request

from case import HttpError, ServerCase, main

SALES = """
dag_id: {name}
tags: [nightly]
tasks:
  extract: {{bash: "true"}}
  load: {{bash: "true", depends_on: [extract]}}
"""


class Lists(ServerCase):
    settings = {"api.expose_config": "true"}

    def ended_run(self, name):
        self.server.write_dag(name, SALES.format(name=name))
        run_id = self.server.trigger(name)
        self.assertEqual(self.server.wait_run(name, run_id), "success")
        return run_id, f"/api/v2/dags/{name}/dagRuns/{urllib.parse.quote(run_id, safe='')}"

    def ask(self, method, path, body=None):
        return self.server.request(method, path, body)

    def test_the_log_tells_who_did_what(self):
        run_id, _ = self.ended_run("logged")
        logs = self.server.get("/api/v2/eventLogs?dag_id=logged&task_id=load")
        self.assertEqual([row["event"] for row in logs["event_logs"]], ["running", "success"])
        self.assertEqual({row["run_id"] for row in logs["event_logs"]}, {run_id})
        last = self.server.get("/api/v2/eventLogs?order_by=-event_log_id&limit=1")["event_logs"][0]
        self.assertEqual(self.server.get(f"/api/v2/eventLogs/{last['event_log_id']}"), last)

    def test_a_simulation_says_what_would_run(self):
        self.server.write_dag("due", SALES.format(name="due") + "schedule: '0 */6 * * *'\n")
        body = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "dag_ids": ["due"], "durations": {"due.*": "30m"}, "limit": 1}
        said = self.server.post("/api/ext/v1/simulate", body)
        self.assertEqual(said["summary"]["runs"], {"total": 4, "success": 4})
        self.assertEqual([(run["run_after"], run["end_date"]) for run in said["runs"]], [("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z")])
        with self.assertRaises(HttpError) as refused:
            self.server.post("/api/ext/v1/simulate", dict(body, **{"from": "1990-01-01T00:00:00Z", "to": "2090-01-01T00:00:00Z", "dag_ids": ["due"]}))
        self.assertEqual(refused.exception.status, 422)
        self.assertIn("there would be more than 200000 tasks", refused.exception.body)

    def test_runs_and_instances_are_chosen_by_a_body(self):
        run_id, _ = self.ended_run("chosen")
        runs = self.server.post("/api/v2/dags/~/dagRuns/list", {"dag_ids": ["chosen"], "states": ["success"]})
        self.assertEqual([run["dag_run_id"] for run in runs["dag_runs"]], [run_id])
        tasks = self.server.post("/api/v2/dags/~/dagRuns/~/taskInstances/list", {"dag_ids": ["chosen"], "task_ids": ["load"]})
        self.assertEqual(tasks["total_entries"], 1)
        self.assertEqual(self.server.get("/api/v2/dags/~/dagRuns/~/taskInstances?dag_id_pattern=chos&operator=BashOperator")["total_entries"], 2)
        self.assertIn("nightly", self.server.get("/api/v2/dagTags")["tags"])
        stats = self.server.get("/api/v2/dagStats?dag_ids=chosen")["dags"][0]["stats"]
        self.assertEqual({row["state"]: row["count"] for row in stats}["success"], 1)
        self.assertEqual(self.server.get("/api/v2/dags/chosen/dagVersions")["total_entries"], 1)

    def test_a_cursor_leads_through_a_list(self):
        ids = [self.ended_run("paged")[0] for _ in range(3)]
        path, found = "/api/v2/dags/paged/dagRuns?limit=2&order_by=-run_after&cursor=", []
        first = self.server.get(path)
        self.assertIsNone(first["total_entries"])
        found += [run["dag_run_id"] for run in first["dag_runs"]]
        last = self.server.get(path + first["next_cursor"])
        found += [run["dag_run_id"] for run in last["dag_runs"]]
        self.assertEqual((found, last["next_cursor"]), (ids[::-1], None))
        tasks, cursor = [], ""
        while cursor is not None:
            page = self.server.get(f"/api/v2/dags/paged/dagRuns/~/taskInstances?limit=4&cursor={cursor}")
            tasks += [(row["dag_run_id"], row["task_id"]) for row in page["task_instances"]]
            cursor = page["next_cursor"]
        self.assertEqual(tasks, [(run, task) for run in ids for task in ("extract", "load")])
        with self.assertRaises(HttpError) as refused:
            self.server.get(path + "nonsense")
        self.assertEqual(refused.exception.status, 400)

    def test_waiting_ends_with_the_run(self):
        self.server.write_dag("slow", "dag_id: slow\ntasks: {a: {bash: 'sleep 2'}}\n")
        run_id = self.server.trigger("slow")
        path = f"/api/v2/dags/slow/dagRuns/{urllib.parse.quote(run_id, safe='')}/wait?interval=1"
        headers = {"Authorization": "Bearer " + self.server.token()}
        with urllib.request.urlopen(urllib.request.Request(self.server.url + path, headers=headers), timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        self.assertEqual(lines[-1], '{"state":"success"}')

    def test_a_run_is_deleted_and_the_log_remembers(self):
        run_id, path = self.ended_run("gone")
        self.ask("POST", path + "/taskInstances/load/xcomEntries", {"key": "k", "value": {"a": 1}})
        self.assertEqual(self.server.get(path + "/taskInstances/load/xcomEntries/k")["value"], {"a": 1})
        self.ask("PATCH", path + "/taskInstances/load/xcomEntries/k", {"value": 2})
        self.assertEqual(self.server.get(path + "/taskInstances/load/xcomEntries/k")["value"], 2)
        self.ask("DELETE", path)
        with self.assertRaises(HttpError) as missing:
            self.server.get(path)
        self.assertEqual(missing.exception.status, 404)
        events = self.server.get("/api/v2/eventLogs?dag_id=gone&event=dag_run_deleted")["event_logs"]
        self.assertEqual([(row["owner"], row["extra"]) for row in events], [("admin", f"run {run_id} deleted by admin")])

    def test_many_changes_in_one_request(self):
        run_id, path = self.ended_run("many")
        answer = self.ask("PATCH", "/api/v2/pools", {"actions": [
            {"action": "create", "entities": [{"name": "p1", "slots": 1}, {"name": "p2", "slots": 2}]},
            {"action": "delete", "entities": ["none"]}]})
        self.assertEqual(answer["create"]["success"], ["p1", "p2"])
        self.assertEqual(answer["delete"]["errors"][0]["status_code"], 404)
        answer = self.ask("PATCH", path + "/taskInstances", {"actions": [
            {"action": "update", "entities": [{"task_id": "load", "note": "seen"}]}]})
        self.assertEqual(answer["update"]["success"], [f"many.{run_id}.load[-1]"])
        self.ask("POST", "/api/v2/dags/many/favorite", {})
        self.assertTrue(self.server.get("/api/v2/dags/many/details")["is_favorite"])
        self.assertEqual(self.ask("PATCH", "/api/v2/dags?dag_id_pattern=many", {"is_paused": True})["dags"][0]["is_paused"], True)

    def test_the_server_shows_itself(self):
        sections = {section["name"] for section in self.server.get("/api/v2/config")["sections"]}
        self.assertIn("api", sections)
        self.assertEqual(self.server.get("/api/v2/jobs")["jobs"][0]["state"], "running")
        for path in ("plugins", "providers", "assets", "assets/events", "dagWarnings"):
            self.assertEqual(self.server.get(f"/api/v2/{path}")["total_entries"], 0, path)


if __name__ == "__main__":
    main()
