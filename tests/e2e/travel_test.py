#!/usr/bin/env python3
"""Time travel and comparing runs, as a user does it."""
import json

from case import HttpError, ServerCase, main, wait_for

TWO = """
params:
  pause: {type: number, default: 0}
tasks:
  first: {bash: "sleep {{ params.pause }}"}
  second: {depends_on: [first], bash: "true"}
"""


class Travel(ServerCase):
    def run_twice(self, dag_id):
        """Two runs; `first` takes 1.5 s longer in the second."""
        self.server.write_dag(dag_id, TWO)
        ids = []
        for pause in (0, 1.5):
            run = self.server.trigger(dag_id, {"pause": pause})
            self.assertEqual(self.server.wait_run(dag_id, run), "success")
            ids.append(run)
        return ids

    def at(self, dag_id, run, when):
        return json.loads(self.assert_exit(0, "runs", "show", dag_id, run, "--at", when, "-o", "json").stdout)

    def test_a_run_is_shown_as_it_was_and_as_it_is(self):
        _, run = self.run_twice("past")
        start = self.server.run("past", run)["start_date"]
        then = self.at("past", run, "+1s")
        self.assertEqual((then["state"], then["since"]), ("running", start))
        self.assertEqual([(t["task_id"], t["state"], t["try_number"]) for t in then["tasks"]],
                         [("first", "running", 1), ("second", None, 0)])
        self.assertEqual(self.at("past", run, start), {**then, "at": start})
        now = self.at("past", run, "-0s")
        self.assertEqual({t["task_id"]: t["state"] for t in now["tasks"]}, self.server.states("past", run))
        shown = self.assert_exit(0, "runs", "show", "past", "latest", "--at", "+1s", "-o", "table").stdout
        self.assertRegex(shown, r"state +running\n")
        self.assertRegex(shown, r"TASK +STATE +TRY +SINCE\nfirst +running +1 +20\S+Z\nsecond +none +0")

    def test_mistakes_have_their_own_answers(self):
        run, _ = self.run_twice("wrong")
        for code, words, when in ((3, "did not exist at 2020-01-01T00:00:00Z: it was created at", "2020-01-01"),
                                  (2, '"soon" is no instant', "soon"),
                                  (2, "lies in the future", "2120-01-01T00:00:00Z"),
                                  (2, "lies in the future", "+30d")):
            done = self.assert_exit(code, "runs", "show", "wrong", run, "--at", when)
            self.assertIn(words, done.stderr)
        self.assert_exit(3, "runs", "show", "wrong", "nope", "--at", "-1s")

    def test_two_runs_are_compared(self):
        a, b = self.run_twice("pair")
        table = self.assert_exit(0, "runs", "diff", "pair", a, b, "-o", "table").stdout
        self.assertRegex(table, r"params\.pause +0 +1\.5 +\*")
        self.assertRegex(table, r"first +success +success +0\.\d{3} +1\.\d{3} +\+1\.\d{3} \(\+\d+ %\) +\*")
        self.assertRegex(table, r"second +success +success ")
        changed = self.assert_exit(0, "runs", "diff", a, b, "--changed", "-o", "table").stdout
        self.assertNotRegex(changed, "second|state")
        self.assert_exit(1, "runs", "diff", "pair", a, b, "--exit-code")
        self.assert_exit(0, "runs", "diff", "pair", a, "pair", a, "--exit-code")
        tasks = json.loads(self.assert_exit(0, "runs", "diff", a, b, "--changed", "-o", "json").stdout)["tasks"]
        self.assertEqual([task["task_id"] for task in tasks], ["first"])

    def test_runs_that_cannot_be_compared_are_refused(self):
        a, _ = self.run_twice("one")
        other, _ = self.run_twice("other")
        for arguments in ((a, other), ("one", a, "other", other)):
            done = self.assert_exit(2, "runs", "diff", *arguments)
            self.assertIn("the runs are of two DAGs, one and other", done.stderr)
        self.assert_exit(3, "runs", "diff", "one", a, "nope")
        with self.assertRaises(HttpError) as refused:
            self.server.get(f"/api/ext/v1/dags/one/dagRuns/{a}/diff?with=nope")
        self.assertEqual(refused.exception.status, 404)

    def test_a_run_that_a_backfill_set_back_is_shown_in_both_versions(self):
        text = 'schedule: "0 6 * * *"\nstart_date: 2020-01-01\nend_date: 2020-01-02\ntasks:\n'
        self.server.write_dag("again", text + '  a: {bash: "false"}\n  b: {bash: "true"}\n')
        create = ("backfill", "create", "again", "--from", "2025-01-01", "--to", "2025-01-01", "--wait")
        self.assert_exit(1, *create)
        run = self.server.runs("again")[0]["dag_run_id"]
        failed = self.server.run("again", run)["end_date"]
        self.server.write_dag("again", text + '  b: {bash: "true"}\n  c: {bash: "true"}\n  a: {bash: "true"}\n')
        wait_for(lambda: self.server.get("/api/v2/dags/again/details")["latest_dag_version"]["version_number"] == 2, 10, "version 2")
        self.assert_exit(0, *create, "--reprocess", "failed")
        then, now = self.at("again", run, failed), self.at("again", run, "-0s")
        self.assertEqual((then["state"], then["version_number"]), ("failed", 1))
        self.assertEqual([(t["task_id"], t["state"], t["try_number"]) for t in then["tasks"]], [("a", "failed", 1), ("b", "success", 1)])
        self.assertEqual((now["state"], now["version_number"]), ("success", 2))
        self.assertEqual([(t["task_id"], t["state"], t["try_number"]) for t in now["tasks"]],
                         [("b", "success", 2), ("c", "success", 1), ("a", "success", 2)])


if __name__ == "__main__":
    main()
