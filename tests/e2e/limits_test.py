#!/usr/bin/env python3
"""Concurrency keys, rates, max_active_tis and the queue, with real processes: what the tasks themselves recorded, also when
everything is killed in the middle."""
import json
import time

from case import OfflineCase, OwnServerCase, REPOSITORY, ServerCase, main, wait_for

EXAMPLES = REPOSITORY / "dags" / "examples"

# Notes when a task begins (+) and ends (-): key, sign, time.
STAMP = """import sys, time
with open(sys.argv[1], "a") as record:
    record.write("%s %s %.6f\\n" % (sys.argv[2], sys.argv[3], time.time()))
"""


def stamped(server, record, key, seconds):
    """The command of a task that notes its beginning and its end."""
    script = server.root / "stamp.py"
    script.write_text(STAMP)
    return f"python3 {script} {record} {key} + && sleep {seconds} && python3 {script} {record} {key} -"


def lines(path):
    return [line.split(" ") for line in path.read_text().splitlines()] if path.exists() else []


def most_at_once(path):
    """Of each key, as the tasks saw it."""
    most, now = {}, {}
    for key, sign, _ in sorted(lines(path), key=lambda line: (float(line[2]), line[1] == "+")):
        now[key] = now.get(key, 0) + (1 if sign == "+" else -1)
        most[key] = max(most.get(key, 0), now[key])
    return most


def most_within(path, window):
    """Starts of all keys within any window, by the clocks of the tasks, which may come a little late or early."""
    times = sorted(float(at) for _, sign, at in lines(path) if sign == "+")
    return max((sum(1 for other in times if at <= other < at + window) for at in times), default=0)


class Keys(ServerCase):
    settings = {"core.parallelism": "8"}

    def wait_tasks(self, name, run_id, states):
        for task, state in states.items():
            self.server.wait_task(name, run_id, task, state)

    def test_a_key_holds_across_dags_and_runs_and_others_go_on(self):
        record = self.server.root / "keys"
        for name in ("one", "two"):
            self.server.write_dag(name, f"""
params: {{customer: {{type: string}}}}
tasks:
  work:
    concurrency: {{key: "{{{{ params.customer }}}}", max: 2}}
    bash: {stamped(self.server, record, "{{ params.customer }}", 0.2)}
""")
        runs = [(name, self.server.trigger(name, {"customer": customer})) for _ in range(3) for name in ("one", "two")
                for customer in ("acme", "other")]
        for name, run_id in runs:
            self.assertEqual(self.server.wait_run(name, run_id), "success")
        self.assertEqual(len(lines(record)), 24)
        self.assertEqual(most_at_once(record), {"acme": 2, "other": 2})

    def test_the_example_queues_skips_and_cancels(self):
        self.server.write_dag("concurrency_keys", (EXAMPLES / "concurrency_keys.yaml").read_text())
        first = self.server.trigger("concurrency_keys", {"seconds": 60})
        self.wait_tasks("concurrency_keys", first, {"import": "running", "preview": "running"})
        second = self.server.trigger("concurrency_keys", {"seconds": 0.1})
        self.wait_tasks("concurrency_keys", second, {"import": "scheduled", "preview": "success"})
        self.assertEqual(self.server.states("concurrency_keys", first)["preview"], "failed")
        why = json.loads(self.server.ctl("tasks", "why", "concurrency_keys", second, "import", "-o", "json"))
        self.assertEqual([reason["code"] for reason in why["reasons"]], ["concurrency"])
        self.assertIn(f"task import of run {first} of concurrency_keys", why["reasons"][0]["text"])
        queue = json.loads(self.server.ctl("queue", "--dag", "concurrency_keys", "-o", "json"))
        self.assertEqual([(row["position"], row["task_id"], row["reasons"]) for row in queue], [(1, "import", why["reasons"])])
        other = self.server.trigger("concurrency_keys", {"customer": "other"})
        self.assertEqual(self.server.wait_run("concurrency_keys", other), "success")

    def test_instances_of_a_mapped_task_are_counted_in_their_run(self):
        record = self.server.root / "instances"
        state, _ = self.run_dag("one_by_one", f"""
tasks:
  each:
    max_active_tis_per_dagrun: 1
    expand: {{n: [1, 2, 3, 4]}}
    bash: {stamped(self.server, record, "each", 0.1)}
""")
        self.assertEqual(state, "success")
        self.assertEqual((len(lines(record)), most_at_once(record)), (8, {"each": 1}))

    def test_a_report_that_is_being_made_is_skipped(self):
        self.server.write_dag("skipping", """
tasks:
  report: {concurrency: {key: report, on_conflict: skip}, bash: "test -e {{ dag_run.conf.go | default('/nowhere') }} || sleep 60"}
""")
        first = self.server.trigger("skipping", {})
        self.wait_tasks("skipping", first, {"report": "running"})
        second = self.server.trigger("skipping", {"go": "/"})
        self.assertEqual(self.server.wait_run("skipping", second), "success")
        self.assertEqual(self.server.states("skipping", second), {"report": "skipped"})

    def test_a_key_that_cannot_be_rendered_fails_the_try_and_nothing_else(self):
        state, tasks = self.run_dag("unknown_key", """
tasks:
  bad: {concurrency: {key: "{{ dag_run.conf.customer }}"}, bash: echo never}
  good: {bash: echo fine}
""", {})
        self.assertEqual((state, tasks), ("failed", {"bad": "failed", "good": "success"}))
        run_id = self.server.runs("unknown_key")[0]["dag_run_id"]
        why = self.server.ctl("tasks", "why", "unknown_key", run_id, "bad")
        self.assertIn("concurrency.key", why)

    def test_the_example_of_rates(self):
        self.server.write_dag("rate_limits", (EXAMPLES / "rate_limits.yaml").read_text())
        run_id = self.server.trigger("rate_limits")
        self.assertEqual(self.server.wait_run("rate_limits", run_id), "success")
        starts = sorted(self.server.tasks("rate_limits", run_id)[task]["start_date"] for task in ("eur", "usd", "gbp"))
        self.assertNotEqual(starts[0][:19], starts[2][:19])

    def test_the_queue_over_rest(self):
        answer = self.server.get("/api/ext/v1/queue?pool=nowhere")
        self.assertEqual(answer, {"tasks": [], "total_entries": 0})
        self.assert_exit(0, "queue", "--pool", "nowhere", "-o", "table")


class KilledInTheMiddle(OwnServerCase):
    def test_no_limit_is_exceeded_by_a_crash(self):
        server = self.make_server(settings={"core.parallelism": "8", "scheduler.lease_ttl": "2s"})
        record = server.root / "record"
        server.write_dag("crash", f"""
max_active_runs: 30
params: {{customer: {{type: string}}}}
tasks:
  work:
    concurrency: {{key: "{{{{ params.customer }}}}", max: 1}}
    rate: {{key: api, per_minute: 6}}
    bash: {stamped(server, record, "{{ params.customer }}", 0.4)}
""")
        runs = [server.trigger("crash", {"customer": f"c{n % 2}"}) for n in range(14)]
        for starts in (2, 5, 6):
            wait_for(lambda: sum(1 for line in lines(record) if line[1] == "+") >= starts, 30)
            server.kill_all()
            server.start()
        time.sleep(2)  # what it would start in spite of the rate, it would start now
        self.assertEqual(sum(1 for line in lines(record) if line[1] == "+"), 6)
        wait_for(lambda: sum(1 for line in lines(record) if line[1] == "+") >= 9, 90)
        self.assertEqual(max(most_at_once(record).values()), 1)
        self.assertLessEqual(most_within(record, 58), 6)
        queue = json.loads(server.ctl("queue", "-o", "json"))
        self.assertTrue(queue)
        self.assertIn(queue[0]["reasons"][0]["code"], ("rate", "concurrency"))
        self.assertEqual(len(runs), 14)


class LimitsOffline(OfflineCase):
    def test_a_key_may_not_stand_on_what_comes_later(self):
        path = self.file("""
tasks:
  a: {bash: echo x}
  b: {bash: echo x, depends_on: a, concurrency: {key: "{{ tasks.a.customer }}"}}
""")
        self.assertIn("DAG062", self.expect(1, "dags", "validate", path))

    def test_dags_test_keeps_the_limits(self):
        path = self.file("""
tasks:
  a: {bash: "echo + >> out; sleep 0.2; echo - >> out", concurrency: {key: one}}
  b: {bash: "echo + >> out; sleep 0.2; echo - >> out", concurrency: {key: one}}
""")
        self.expect(0, "dags", "test", path)
        self.assertEqual((self.folder / "out").read_text(), "+\n-\n+\n-\n")


if __name__ == "__main__":
    main()
