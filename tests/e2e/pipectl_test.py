#!/usr/bin/env python3
"""pipectl as a user types it: what it prints, and its exit codes 0 to 6."""
import json
import os
import subprocess

from case import ServerCase, bin_dir, clean_environment, main, wait_for

HELLO = """
description: says hello
tags: [greeting]
params:
  name: {type: string, enum: [world, mars], default: world}
tasks:
  greet: {bash: "echo hello {{ params.name }}; printf '{\\"said\\": \\"%s\\"}' {{ params.name }} > $PIPELINED_OUTPUT"}
  repeat: {bash: "echo again {{ tasks.greet.said }}", depends_on: [greet]}
"""
FAILS = "tasks: {a: {bash: 'exit 3'}, b: {bash: 'echo b', depends_on: [a]}}\n"
SLOW = "tasks: {a: {bash: 'echo begun; sleep 67'}, b: {bash: 'echo b', depends_on: [a]}}\n"


class Pipectl(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, text in (("hello", HELLO), ("fails", FAILS), ("slow", SLOW)):
            cls.server.write_dag(name, text)

    def test_list_prints_a_json_array_of_the_dags(self):
        rows = self.server.ctl_json("dags", "list")
        self.assertIsInstance(rows, list)
        self.assertLessEqual({"hello", "fails", "slow"}, {row["dag_id"] for row in rows})

    def test_plain_and_table_and_yaml_show_the_same_dags(self):
        for form in ("plain", "table", "yaml"):
            self.assertIn("hello", self.server.ctl("dags", "list", "-o", form))

    def test_show_prints_one_object(self):
        dag = self.server.ctl_json("dags", "show", "hello")
        self.assertEqual(dag["dag_id"], "hello")
        self.assertEqual(dag["description"], "says hello")

    def test_show_params(self):
        self.assertIn("name", self.server.ctl_json("dags", "show", "hello", "--params"))

    def test_run_wait_ends_with_0_when_the_run_succeeds(self):
        done = self.assert_exit(0, "dags", "run", "hello", "--wait", "-o", "json")
        self.assertEqual(json.loads(done.stdout)["state"], "success")

    def test_run_watch_prints_a_line_per_change(self):
        done = self.assert_exit(0, "dags", "run", "hello", "--watch")
        for words in ("greet", "repeat", "success"):
            self.assertIn(words, done.stdout + done.stderr)

    def test_run_wait_ends_with_1_when_the_run_fails(self):
        self.assert_exit(1, "dags", "run", "fails", "--wait")

    def test_run_without_waiting_ends_at_once(self):
        run = self.server.ctl_json("dags", "run", "hello", "--run-id", "by_hand")
        self.assertEqual(run["dag_run_id"], "by_hand")
        self.assertEqual(self.server.wait_run("hello", "by_hand"), "success")

    def test_a_run_id_that_is_taken_is_a_conflict(self):
        self.server.ctl("dags", "run", "hello", "--run-id", "taken")
        self.assert_exit(5, "dags", "run", "hello", "--run-id", "taken")

    def test_unknown_things_end_with_3(self):
        for words in (("dags", "show", "nobody"), ("dags", "run", "nobody"), ("runs", "show", "hello", "nothing"),
                      ("tasks", "logs", "hello", "latest", "nothing")):
            self.assert_exit(3, *words)

    def test_wrong_usage_ends_with_2(self):
        for words in (("dags",), ("dags", "lst"), ("dags", "list", "--nonsense"), ("dags", "run"), ("dags", "list", "-o", "xml")):
            self.assert_exit(2, *words)

    def test_params_that_break_their_schema_end_with_2_and_name_the_param(self):
        done = self.assert_exit(2, "dags", "run", "hello", "-p", "name=venus")
        self.assertIn("name", done.stderr)
        self.assertIn("world", done.stderr)

    def test_params_reach_the_task_quoted(self):
        self.server.ctl("dags", "run", "hello", "-p", "name=mars", "--run-id", "to_mars", "--wait")
        self.assertIn("hello mars", self.server.ctl("tasks", "logs", "hello", "to_mars", "greet"))
        self.assertIn("again mars", self.server.ctl("tasks", "logs", "hello", "to_mars", "repeat"))

    def test_no_server_ends_with_6(self):
        done = subprocess.run([bin_dir() / "pipectl", "--home", self.server.root / "nobody_home", "dags", "list"], capture_output=True,
                              text=True, env=clean_environment())
        self.assertEqual(done.returncode, 6, done.stderr)
        done = subprocess.run([bin_dir() / "pipectl", "--url", "http://127.0.0.1:9", "--token", "x", "dags", "list"],
                              capture_output=True, text=True, env=clean_environment())
        self.assertEqual(done.returncode, 6, done.stderr)

    def test_a_wrong_token_ends_with_4(self):
        done = subprocess.run([bin_dir() / "pipectl", "--url", self.server.url, "--token", "wrong", "dags", "list"], capture_output=True,
                              text=True, env=clean_environment())
        self.assertEqual(done.returncode, 4, done.stderr)

    def test_the_environment_names_a_server(self):
        env = clean_environment({"PIPELINED_URL": self.server.url, "PIPELINED_TOKEN": self.server.token()})
        done = subprocess.run([bin_dir() / "pipectl", "dags", "list"], capture_output=True, text=True, env=env)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_runs_list_show_and_wait(self):
        self.server.ctl("dags", "run", "fails", "--run-id", "bad")
        self.assert_exit(1, "runs", "wait", "fails", "bad")
        self.assertEqual(self.server.ctl_json("runs", "show", "fails", "bad")["state"], "failed")
        rows = self.server.ctl_json("runs", "list", "fails")
        self.assertIsInstance(rows, list)
        self.assertIn("bad", [row["dag_run_id"] for row in rows])

    def test_tasks_list_is_a_json_array_of_all_tasks(self):
        self.server.trigger("fails", run_id="listed")
        self.server.wait_run("fails", "listed")
        rows = self.server.ctl_json("tasks", "list", "fails", "listed")
        self.assertEqual({row["task_id"]: row["state"] for row in rows}, {"a": "failed", "b": "upstream_failed"})

    def test_cancel_stops_what_runs(self):
        run_id = self.server.trigger("slow")
        self.server.wait_task("slow", run_id, "a", "running")
        self.server.ctl("runs", "cancel", "slow", run_id)
        self.assertEqual(self.server.wait_run("slow", run_id), "failed")
        wait_for(lambda: not sleeping(67), 20, "the task's processes to be gone")

    def test_logs_follow_a_running_task(self):
        run_id = self.server.trigger("slow")
        self.server.wait_task("slow", run_id, "a", "running")
        wait_for(lambda: "begun" in self.server.ctl("tasks", "logs", "slow", run_id, "a"), 10, "the log's first line")
        self.server.ctl("runs", "cancel", "slow", run_id)

    def test_why_says_what_a_task_waits_for(self):
        run_id = self.server.trigger("slow")
        self.server.wait_task("slow", run_id, "a", "running")
        answer = self.server.ctl("tasks", "why", "slow", run_id, "b")
        self.assertIn("a", answer)
        self.server.ctl("runs", "cancel", "slow", run_id)

    def test_paused_dags_keep_manual_runs_queued_until_unpaused(self):
        self.server.write_dag("naps", "tasks: {a: {bash: 'echo a'}}\n")
        self.server.ctl("dags", "pause", "naps")
        self.assertTrue(self.server.dag("naps")["is_paused"])
        run_id = self.server.trigger("naps")
        self.assert_exit(1, "runs", "wait", "naps", run_id, "--timeout", "0.5")
        self.assertEqual(self.server.run("naps", run_id)["state"], "queued")
        self.server.ctl("dags", "unpause", "naps")
        self.assertEqual(self.server.wait_run("naps", run_id), "success")

    def test_delete_removes_the_history_of_a_dag_whose_file_is_gone(self):
        path = self.server.write_dag("gone", "tasks: {a: {bash: 'echo a'}}\n")
        self.server.ctl("dags", "run", "gone", "--wait")
        os.unlink(path)
        wait_for(lambda: (self.server.dag("gone") or {"is_stale": True})["is_stale"], 10, "the DAG to be stale")
        self.server.ctl("dags", "delete", "gone", "-y")
        self.assert_exit(3, "dags", "show", "gone")

    def test_health_and_version(self):
        self.server.ctl("health")
        self.server.ctl("version")

    def test_completion_scripts_are_valid(self):
        for shell in ("bash", "zsh", "fish"):
            self.assertIn("pipectl", self.server.ctl("completion", shell))
        subprocess.run(["bash", "-n"], input=self.server.ctl("completion", "bash"), text=True, check=True)

    def test_every_command_has_help_with_an_example(self):
        for words in ((), ("dags",), ("dags", "run"), ("runs", "wait"), ("tasks", "logs"), ("dags", "validate"), ("dags", "test")):
            self.assertRegex(self.server.ctl(*words, "--help"), "Examples?:")


def sleeping(seconds):
    done = subprocess.run(["pgrep", "-fx", f"sleep {seconds}"], capture_output=True, text=True)
    return done.stdout.split()


if __name__ == "__main__":
    main()
