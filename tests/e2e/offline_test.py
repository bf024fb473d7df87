#!/usr/bin/env python3
"""pipectl dags validate and dags test: no server, no database."""
from case import REPOSITORY, OfflineCase, main


class Offline(OfflineCase):
    def test_the_repositorys_dags_are_valid(self):
        self.expect(0, "dags", "validate", REPOSITORY / "dags")

    def test_all_mistakes_come_at_once_with_place_and_code(self):
        path = self.file("tasks:\n  extract: {bash: echo}\n  load:\n    bash: echo\n    depends_on: [extarct]\n    retrys: 3\n")
        text = self.expect(1, "dags", "validate", path)
        self.assertRegex(text, r"dag\.yaml:5:\d+: error DAG\d+")
        self.assertRegex(text, r"dag\.yaml:6:\d+: error DAG\d+")
        self.assertIn("extract", text)
        self.assertIn("retries", text)

    def test_a_folder_with_one_bad_file_fails_and_names_it(self):
        self.file("tasks: {a: {empty: true}}\n", "good.yaml")
        self.file("tasks: {a: {nope: true}}\n", "bad.yaml")
        self.assertIn("bad.yaml", self.expect(1, "dags", "validate", self.folder))

    def test_a_file_that_is_not_there_ends_with_3_or_2(self):
        self.assertIn(self.pipectl("dags", "validate", self.folder / "nothing.yaml").returncode, (2, 3))

    def test_dags_test_runs_the_tasks_in_order(self):
        path = self.file("tasks: {a: {bash: 'echo a >> out'}, b: {bash: 'echo b >> out', depends_on: [a]}}\n")
        self.expect(0, "dags", "test", path)
        self.assertEqual((self.folder / "out").read_text(), "a\nb\n")

    def test_dags_test_fails_with_the_run(self):
        self.expect(1, "dags", "test", self.file("tasks: {a: {bash: 'exit 1'}}\n"))

    def test_dags_test_of_one_task(self):
        path = self.file("tasks: {a: {bash: 'echo a >> out'}, b: {bash: 'echo b >> out', depends_on: [a]}}\n")
        self.expect(0, "dags", "test", path, "--task", "b")
        self.assertEqual((self.folder / "out").read_text(), "b\n")

    def test_dags_test_passes_outputs(self):
        path = self.file("tasks:\n  a: {bash: 'echo \"{\\\"n\\\": 42}\" > $PIPELINED_OUTPUT'}\n"
                         "  b: {bash: 'echo {{ tasks.a.n }} > out', depends_on: [a]}\n")
        self.expect(0, "dags", "test", path)
        self.assertEqual((self.folder / "out").read_text(), "42\n")

    def test_a_scheduled_dag_runs_once_with_a_date_and_an_interval(self):
        path = self.file('schedule: "0 6 * * *"\nstart_date: 2026-01-01\ndata_interval: interval\n'
                         "tasks: {a: {bash: 'echo {{ data_interval_start }} {{ data_interval_end }} >> out'}}\n")
        self.expect(0, "dags", "test", path, "-e", "2026-03-02T09:00:00Z")
        self.assertEqual((self.folder / "out").read_text(), "2026-03-01 06:00:00+00:00 2026-03-02 06:00:00+00:00\n")
        self.expect(0, "dags", "test", path)  # without a date: now
        self.assertEqual(len((self.folder / "out").read_text().splitlines()), 2)


if __name__ == "__main__":
    main()
