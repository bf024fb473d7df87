#!/usr/bin/env python3
"""What a server tells while it happens: live events over restarts, logs of tries that run, metrics, requests that are sent twice."""
import concurrent.futures
import http.client
import json
import re
import shutil
import subprocess
import types
import urllib.error
import urllib.parse
import urllib.request

from case import OwnServerCase, bin_dir, main, wait_for

TWO = """
dag_id: {name}
tasks:
  first: {{bash: "true"}}
  second: {{bash: "true", depends_on: [first]}}
"""
SLOW = """
dag_id: slow
tasks:
  talk:
    bash: |
      echo begun
      until [ -e {gate} ]; do sleep 0.05; done
      echo over
"""


class Stream:
    """Server-sent events of one connection."""

    def __init__(self, server, query="", last_id=None, path="/api/ext/v1/events/stream", accept="text/event-stream", token=None):
        target = urllib.parse.urlsplit(server.url)
        self.connection = http.client.HTTPConnection(target.hostname, target.port, timeout=60)
        headers = {"Authorization": "Bearer " + (token or server.token()), "Accept": accept}
        if last_id is not None:
            headers["Last-Event-ID"] = str(last_id)
        self.connection.request("GET", path + query, headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        self.last_id = last_id

    def line(self):
        """The next one; None: the stream has ended."""
        try:
            line = self.answer.readline()
        except (http.client.IncompleteRead, ConnectionError):
            return None
        return line.decode().rstrip("\n") if line else None

    def event(self):
        """(id, kind, data) of the next event; None: the stream has ended. An id alone is remembered."""
        kind = data = None
        while (line := self.line()) is not None:
            field, _, value = line.partition(": ")
            if field == "id":
                self.last_id = int(value)
            elif field == "event":
                kind = value
            elif field == "data":
                data = json.loads(value)
            elif not line and data is not None:
                return self.last_id, kind, data
        return None

    def until(self, what):
        events = []
        while (event := self.event()) is not None:
            events.append(event)
            if what(event):
                return events
        raise AssertionError(f"the stream ended after {events}")

    def close(self):
        self.connection.close()


def ends(run_id):
    return lambda event: event[1] == "run" and event[2]["dag_run_id"] == run_id and event[2]["new_state"] == "success"


class Live(OwnServerCase):
    def run_path(self, dag_id, run_id):
        return f"/api/v2/dags/{dag_id}/dagRuns/{urllib.parse.quote(run_id, safe='')}"

    def test_events_come_as_they_happen_and_are_those_of_the_log(self):
        server = self.make_server()
        server.write_dag("two", TWO.format(name="two"))
        stream = Stream(server, "?dag_id=two")
        self.addCleanup(stream.close)
        self.assertTrue(stream.line().startswith("retry: "))
        run_id = server.trigger("two")
        self.assertEqual(server.wait_run("two", run_id), "success")
        logged = self.logged(server, run_id)
        events = stream.until(lambda event: event[0] == logged[-1])
        self.assertEqual([event[0] for event in events], logged, "all of them, in their order")
        told = [(kind, data["task_id"], data["new_state"]) for _, kind, data in events]
        self.assertEqual([step for step in told if step[0] == "task" and step[2] == "success"],
                         [("task", "first", "success"), ("task", "second", "success")])

    def test_nothing_is_lost_nor_told_twice_over_a_restart_of_the_server(self):
        server = self.make_server()
        server.write_dag("two", TWO.format(name="two"))
        stream = Stream(server)
        self.assertTrue(stream.line().startswith("retry: "), "from here on everything is told")
        first = server.trigger("two")
        seen = stream.until(ends(first))  # of the turn that ends the run, there may be more
        server.kill("api-server")
        while (event := stream.event()) is not None:
            seen.append(event)
        last_id = stream.last_id
        wait_for(lambda: self.answers(server), 60, "the API to come back")
        between = server.trigger("two")
        self.assertEqual(server.wait_run("two", between), "success")
        again = Stream(server, last_id=last_id)
        self.addCleanup(again.close)
        after = server.trigger("two")
        self.assertEqual(server.wait_run("two", after), "success")
        logged = self.logged(server, first, between, after)
        seen += again.until(lambda event: event[0] == logged[-1])
        ids = [event[0] for event in seen]
        self.assertEqual(ids, sorted(set(ids)), "in order, each once")
        self.assertEqual([event[0] for event in seen if event[2]["dag_run_id"] in (first, between, after)], logged)

    def logged(self, server, *run_ids):
        """The numbers of their events in the log; what was asked of the API is in the log alone."""
        rows = server.get("/api/v2/eventLogs?dag_id=two&order_by=event_log_id&limit=1000")["event_logs"]
        return [row["event_log_id"] for row in rows if row["run_id"] in run_ids and row["event"] != "trigger_dag_run"]

    def answers(self, server):
        try:
            return server.get("/api/v2/monitor/health")["metadatabase"]["status"] == "healthy"
        except (OSError, http.client.HTTPException):
            return False

    def test_what_is_gone_is_said_to_be(self):
        server = self.make_server()
        stream = Stream(server, last_id=10**12)
        self.addCleanup(stream.close)
        self.assertEqual(stream.event()[1:], ("reset", {"reason": "unknown_position"}))

    def test_a_log_is_followed_to_its_end(self):
        server = self.make_server()
        gate = server.root / "gate"
        server.write_dag("slow", SLOW.format(gate=gate))
        run_id = server.trigger("slow")
        path = self.run_path("slow", run_id) + "/taskInstances/talk"
        wait_for(lambda: server.get(path)["state"] == "running", 30, "the task to run")
        log = Stream(server, path=path + "/logs/1", accept="application/x-ndjson")
        self.addCleanup(log.close)
        self.assertEqual(json.loads(log.line())["event"], "begun")
        gate.touch()
        self.assertEqual(json.loads(log.line())["event"], "over")
        self.assertIsNone(log.line(), "the stream ends with the try")

    def test_who_loses_his_token_is_told_nothing_more(self):
        server = self.make_server()
        made = server.post("/api/ext/v1/tokens", {"name": "wall"})
        stream = Stream(server, token=made["token"])
        self.addCleanup(stream.close)
        self.assertTrue(stream.line().startswith("retry: "))
        server.request("DELETE", f"/api/ext/v1/tokens/{made['token_id']}")
        self.assertIsNone(stream.event(), "the stream ends")

    def test_what_another_server_takes_away_ends_streams_too(self):
        server = self.make_server()
        server.write_dag("two", TWO.format(name="two"))
        made = server.post("/api/ext/v1/tokens", {"name": "wall"})
        stream = Stream(server, token=made["token"])
        self.addCleanup(stream.close)
        self.assertTrue(stream.line().startswith("retry: "))
        url = json.loads((server.home / "run" / "standalone.json").read_text())["database_url"]
        subprocess.run(["psql", "-X", "-q", "-d", url, "-c", f"set search_path to pipelined; delete from token where id = {made['token_id']}"],
                       check=True)
        self.assertIsNone(stream.event(), "within half a minute")

    def test_two_servers_tell_the_same_and_one_goes_on_where_the_other_was(self):
        server = self.make_server()
        server.write_dag("two", TWO.format(name="two"))
        second = self.second_server(server)
        token = server.post("/api/ext/v1/tokens", {"name": "both"})["token"]
        streams = [Stream(each, "?dag_id=two", token=token) for each in (server, second)]
        for stream in streams:
            self.addCleanup(stream.close)
            self.assertTrue(stream.line().startswith("retry: "))
        first = server.trigger("two")
        told = [stream.until(ends(first)) for stream in streams]
        self.assertEqual(told[0], told[1])
        between = server.trigger("two")
        self.assertEqual(server.wait_run("two", between), "success")
        # Who was with the one goes on with the other.
        over = Stream(second, "?dag_id=two", last_id=streams[0].last_id, token=token)
        self.addCleanup(over.close)
        self.assertEqual(over.until(ends(between)), streams[0].until(ends(between)))

    def second_server(self, server):
        """Another API server of the same database."""
        url = json.loads((server.home / "run" / "standalone.json").read_text())["database_url"]
        home = server.home / "second"
        log = server.home / "second.log"
        with open(log, "wb") as out:
            process = subprocess.Popen([bin_dir() / "pipelined", "api-server", "--home", home, "--port", "0", "--set", f"database.url={url}"],
                                       stdout=out, stderr=out, env=server.environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        serving = wait_for(lambda: re.search(r"serving (http://\S+)", log.read_text()), 30, "the second server")
        return types.SimpleNamespace(url=serving[1])

    def test_many_wait_for_a_run_and_others_are_served(self):
        server = self.make_server(settings={"api.threads": "2"})
        gate = server.root / "gate"
        server.write_dag("slow", SLOW.format(gate=gate))
        path = self.run_path("slow", server.trigger("slow"))
        wait_for(lambda: server.get(path + "/taskInstances/talk")["state"] == "running", 30, "the task to run")
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            waiting = [pool.submit(server.get, path + "/wait?interval=30", timeout=60) for _ in range(30)]
            wait_for(lambda: "pipelined_api_streams 30\n" in server.get("/metrics"), 30, "all of them to wait")
            gate.touch()
            self.assertEqual({answer.result()["state"] for answer in waiting}, {"success"})

    def test_the_metrics_are_those_of_all_processes_and_well_formed(self):
        server = self.make_server(settings={"metrics.token": "of-the-scraper"})
        server.write_dag("two", TWO.format(name="two"))
        self.assertEqual(server.wait_run("two", server.trigger("two")), "success")

        def scraped():
            text = server.get("/metrics", token="of-the-scraper")
            return text if 'pipelined_dag_runs_total{dag_id="two",state="success"} 1\n' in text else None
        text = wait_for(scraped, 30, "the scheduler's numbers")
        for name in ("pipelined_scheduler_turn_duration_seconds_bucket", "pipelined_store_commit_duration_seconds_count",
                     'pipelined_ti_finish_total{outcome="success"} 2', 'pipelined_pool_slots{pool="default_pool"} 128',
                     'pipelined_api_request_duration_seconds_count{operation="trigger_dag_run",status="200"} 1',
                     "pipelined_store_up 1", "pipelined_scheduler_is_leader 1"):
            self.assertIn(name, text)
        with self.assertRaises(Exception) as refused:
            server.get("/metrics", token="")
        self.assertEqual(refused.exception.status, 401)
        promtool = shutil.which("promtool")
        if promtool is None:
            self.skipTest("promtool (package prometheus) is not installed")
        checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    def test_a_request_with_a_key_is_carried_out_once(self):
        server = self.make_server()
        server.write_dag("two", TWO.format(name="two"))
        body = {"logical_date": None, "conf": {"a": 1}}

        def ask(_=None, body=body, key="order-17"):
            request = urllib.request.Request(server.url + "/api/v2/dags/two/dagRuns", data=json.dumps(body).encode(), method="POST",
                                             headers={"Authorization": "Bearer " + server.token(), "Content-Type": "application/json",
                                                      "Idempotency-Key": key})
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as error:
                return error.code, error.read()
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = set(pool.map(ask, range(50)))
        self.assertEqual(len(answers), 1, "all are answered alike")
        self.assertEqual(answers.pop()[0], 200)
        self.assertEqual(server.get("/api/v2/dags/two/dagRuns")["total_entries"], 1)
        self.assertEqual(ask(body={"logical_date": None})[0], 422)
        self.assertEqual(ask(key="")[0], 400)


if __name__ == "__main__":
    main()
