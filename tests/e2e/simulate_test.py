#!/usr/bin/env python3
"""pipectl simulate and dags next: no server, no database."""
import json

from case import REPOSITORY, OfflineCase, main

ETL = """
schedule: "0 * * * *"
max_active_runs: 1
tasks:
  extract: {bash: x}
  load: {bash: x, depends_on: [extract], pool: warehouse, retries: 1, retry_delay: 5m}
"""
DAY = ("--from", "2026-01-01", "--to", "2026-01-02")


class Simulate(OfflineCase):
    def simulate(self, *words):
        return json.loads(self.pipectl_ok("simulate", *words, "-o", "json"))

    def pipectl_ok(self, *words):
        done = self.pipectl(*words)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_a_folder_as_json_with_runs_tasks_and_summary(self):
        self.file(ETL, "dags/etl.yaml")
        self.file("etl.*: 20m\n*: 1m\n", "took.yaml")
        said = self.simulate(self.folder / "dags", *DAY, "--durations", self.folder / "took.yaml", "--pool", "warehouse=1")
        self.assertEqual(said["summary"]["runs"], {"total": 24, "success": 24})
        self.assertEqual(said["summary"]["tries"], 48)
        first = said["runs"][0]
        self.assertEqual((first["start_date"], first["end_date"], first["duration"]),
                         ("2026-01-01T00:00:00Z", "2026-01-01T00:40:00Z", 2400.0))
        self.assertEqual(first["tasks"][1], {"task_id": "load", "state": "success", "try_number": 1, "start_date": "2026-01-01T00:20:00Z",
                                             "end_date": "2026-01-01T00:40:00Z", "waited": 0.0})

    def test_runs_that_take_too_long_pass_slots_over(self):
        path = self.file(ETL, "etl.yaml")
        said = self.simulate(path, "--from", "2026-01-01", "--to", "2026-01-01T06:00:00Z", "--default-duration", "1h")
        self.assertEqual([run["run_after"][11:16] for run in said["runs"]], ["00:00", "02:00", "04:00"])
        self.assertEqual([slot["run_after"][11:16] for slot in said["missed_slots"]], ["01:00", "03:00", "05:00"])

    def test_a_task_that_fails_once_is_tried_again(self):
        said = self.simulate(self.file(ETL, "etl.yaml"), *DAY, "--fail", "etl.load=1")
        self.assertEqual(said["runs"][0]["tasks"][1]["try_number"], 2)
        self.assertEqual(said["runs"][0]["end_date"], "2026-01-01T00:08:00Z")

    def test_every_form_of_output(self):
        path = self.file(ETL, "etl.yaml")
        table = self.pipectl_ok("simulate", path, *DAY, "-o", "table")
        self.assertTrue(table.startswith("DAG  RUN"), table)
        self.assertIn("runs: 24 (24 success)", table)
        self.assertEqual(len(self.pipectl_ok("simulate", path, *DAY, "-o", "plain").splitlines()), 24)
        self.assertTrue(self.pipectl_ok("simulate", path, *DAY, "-o", "yaml").startswith("summary:\n"))
        chart = self.pipectl_ok("simulate", path, *DAY, "-o", "timeline", "-q").splitlines()
        self.assertEqual(len(chart), 1 + 24 + 3)
        self.assertLessEqual(max(map(len, chart)), 100)
        self.assertNotIn("scheduled__", self.pipectl_ok("simulate", path, *DAY, "--summary"))

    def test_paused_dags_run_only_when_asked_for(self):
        self.file(ETL, "dags/etl.yaml")
        self.file("schedule: '@daily'\nis_paused_upon_creation: true\ntasks: {a: {bash: x}}\n", "dags/asleep.yaml")
        said = self.simulate(self.folder / "dags", *DAY)
        self.assertEqual((said["summary"]["runs"]["total"], said["summary"]["dags"]["paused_upon_creation"]), (24, ["asleep"]))
        said = self.simulate(self.folder / "dags", *DAY, "--include-paused")
        self.assertEqual((said["summary"]["runs"]["total"], said["summary"]["dags"]["paused_upon_creation"]), (25, []))

    def test_a_bad_file_of_a_folder_is_passed_over_and_named(self):
        self.file(ETL, "dags/etl.yaml")
        self.file("tasks: {a: {nope: true}}\n", "dags/bad.yaml")
        self.assertIn("bad.yaml is passed over", self.expect(0, "simulate", self.folder / "dags", *DAY))
        self.assertIn("bad.yaml cannot be loaded", self.expect(2, "simulate", self.folder / "dags" / "bad.yaml", *DAY))

    def test_mistakes_are_named_and_have_their_exit_codes(self):
        path = self.file(ETL, "etl.yaml")
        took = self.file("etl.load: 1m\netl.extract: soon\n", "took.yaml")
        (self.folder / "empty").mkdir()
        for code, words, text in [
                (2, (path, "--from", "2026-01-02", "--to", "2026-01-01"), "--from 2026-01-02 is not before --to 2026-01-01"),
                (2, (path, "--from", "then", "--to", "2026-01-01"), "--from then: not a point in time"),
                (2, (path, *DAY, "--durations", took), "took.yaml:2:14: error DAG027"),
                (2, (path, *DAY, "--default-duration", "soon"), "--default-duration soon: not a duration"),
                (2, (path, *DAY, "--pool", "warehouse"), "not of the form NAME=SLOTS"),
                (3, (path, *DAY, "--fail", "etl.laod"), 'did you mean "etl.load"?'),
                (3, (path, *DAY, "--dag", "elt"), 'did you mean "etl"?'),
                (3, (self.folder / "nothing", *DAY), "no such file or folder"),
                (2, (self.folder / "empty", *DAY), "there is no DAG in"),
                (6, (path, *DAY, "--measured"), "no server is running"),
                (2, (path, *DAY, "--parallelism", "0"), "--parallelism")]:
            with self.subTest(text):
                self.assertIn(text, self.expect(code, "simulate", *words))

    def test_the_repositorys_dags(self):
        said = self.simulate(REPOSITORY / "dags", "--from", "2026-03-28", "--to", "2026-03-31", "--dag", "package_inventory")
        self.assertEqual([run["run_after"] for run in said["runs"]],  # six in Berlin, over the change of the clocks
                         ["2026-03-28T05:00:00Z", "2026-03-29T04:00:00Z", "2026-03-30T04:00:00Z"])


class Next(OfflineCase):
    def rows(self, *words):
        done = self.pipectl("dags", "next", *words, "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [row["run_after_local"] for row in json.loads(done.stdout)], done.stderr

    def test_a_file_in_its_own_zone(self):
        path = self.file("schedule: '0 6 * * *'\ntimezone: Europe/Berlin\ntasks: {a: {bash: x}}\n")
        rows, _ = self.rows(path, "-n", "2", "--from", "2026-03-28T12:00:00Z")
        self.assertEqual(rows, ["Sun 2026-03-29 06:00:00+02:00", "Mon 2026-03-30 06:00:00+02:00"])

    def test_what_never_comes_is_said(self):
        for text, said in [("tasks: {a: {bash: x}}\n", "has no schedule"),
                           ("schedule: '@daily'\nend_date: 2020-01-01\ntasks: {a: {bash: x}}\n", "nothing will ever come")]:
            with self.subTest(said):
                rows, notes = self.rows(self.file(text))
                self.assertEqual(rows, [])
                self.assertIn(said, notes)

    def test_a_paused_dag_is_said_to_be(self):
        rows, notes = self.rows(self.file("schedule: '@daily'\nis_paused_upon_creation: true\ntasks: {a: {bash: x}}\n"), "-n", "1")
        self.assertEqual(len(rows), 1)
        self.assertIn("is paused upon its creation", notes)

    def test_an_id_is_looked_for_below_a_folder(self):
        self.file("schedule: '0 6 * * *'\ntasks: {a: {bash: x}}\n", "dags/sales.yaml")
        rows, _ = self.rows("sales", "--dags", self.folder / "dags", "-n", "1", "--from", "2026-01-01")
        self.assertEqual(rows, ["Thu 2026-01-01 06:00:00+00:00"])
        self.assertIn('holds a DAG "slaes"', self.expect(3, "dags", "next", "slaes", "--dags", self.folder / "dags"))

    def test_without_server_and_folder_it_ends_with_6(self):
        self.assertIn("no server is running", self.expect(6, "dags", "next", "sales"))

    def test_a_bad_file_ends_with_2(self):
        self.assertIn("DAG016", self.expect(2, "dags", "next", self.file("tasks: {a: {bash: x, retrys: 1}}\n")))

    def test_completion_knows_both(self):
        self.assertEqual(self.expect(0, "__complete", "bash", "pipectl dags ne").split(), ["next"])
        self.assertEqual(self.expect(0, "__complete", "bash", "pipectl simulate --dur").split(), ["--durations"])


if __name__ == "__main__":
    main()
