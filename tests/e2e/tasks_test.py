#!/usr/bin/env python3
"""What tasks may do: outputs, retries, timeouts, all ways to end, and commands that behave badly."""
import os
import signal
import subprocess

from case import ServerCase, main, wait_for


class Tasks(ServerCase):
    settings = {"executor.log_cap": "1MiB", "executor.grace": "500ms"}

    def log(self, name, task_id="a", run_id="latest", *more):
        return self.server.ctl("tasks", "logs", name, run_id, task_id, *more)

    def test_outputs_reach_templates_of_later_tasks(self):
        state, _ = self.run_dag("outputs", """
tasks:
  count: {bash: "printf '{\\"rows\\": 42, \\"who\\": \\"a; rm -rf x\\", \\"list\\": [1, 2]}' > $PIPELINED_OUTPUT"}
  use: {bash: "echo rows={{ tasks.count.rows + 1 }} who={{ tasks.count.who }} second={{ tasks.count.list[1] }}", depends_on: [count]}
  direct: {exec: [echo, "{{ tasks.count.who }}"], depends_on: [count]}
""")
        self.assertEqual(state, "success")
        self.assertIn("rows=43 who=a; rm -rf x second=2", self.log("outputs", "use"))
        self.assertIn("a; rm -rf x", self.log("outputs", "direct"))

    def test_broken_outputs_fail_the_try_with_words(self):
        state, _ = self.run_dag("broken_outputs", "tasks: {a: {bash: 'echo {nope > $PIPELINED_OUTPUT'}}\n")
        self.assertEqual(state, "failed")

    def test_environment_of_a_try(self):
        self.run_dag("environment", "env: {COLOUR: blue}\ntasks: {a: {bash: 'env | sort', env: {SIZE: '7'}}}\n")
        log = self.log("environment")
        for line in ("PIPELINED_DAG_ID=environment", "PIPELINED_TASK_ID=a", "PIPELINED_TRY_NUMBER=1", "AIRFLOW_CTX_DAG_ID=environment",
                     "COLOUR=blue", "SIZE=7"):
            self.assertIn(line, log)
        self.assertNotIn("DATABASE", log)

    def test_retries_until_it_works(self):
        mark = self.server.root / "tried"
        state, _ = self.run_dag("retried", f"""
tasks:
  a: {{bash: "echo try $PIPELINED_TRY_NUMBER; echo x >> {mark}; test $(wc -l < {mark}) -ge 3", retries: 3, retry_delay: 100ms}}
""")
        self.assertEqual(state, "success")
        run_id = self.server.runs("retried")[0]["dag_run_id"]
        self.assertEqual(self.server.tasks("retried", run_id)["a"]["try_number"], 3)
        for number in (1, 2, 3):
            self.assertIn(f"try {number}", self.log("retried", "a", "latest", "--try", str(number)))

    def test_retries_that_run_out(self):
        mark = self.server.root / "tries"
        state, tasks = self.run_dag("run_out", f"tasks: {{a: {{bash: 'echo x >> {mark}; exit 1', retries: 2, retry_delay: 50ms}}}}\n")
        self.assertEqual((state, tasks), ("failed", {"a": "failed"}))
        self.assertEqual(mark.read_text().count("x"), 3)

    def test_retry_on_exit_codes_only(self):
        mark = self.server.root / "codes"
        state, _ = self.run_dag("on_codes", f"""
tasks:
  a: {{bash: 'echo x >> {mark}; exit 4', retries: 5, retry_delay: 50ms, retry_on: {{exit_codes: [75]}}}}
""")
        self.assertEqual(state, "failed")
        self.assertEqual(mark.read_text().count("x"), 1)

    def test_trigger_rules(self):
        state, tasks = self.run_dag("rules", """
tasks:
  good: {bash: "true"}
  bad: {bash: "false"}
  after_all: {bash: "true", depends_on: [good, bad]}
  whatever: {bash: "true", depends_on: [good, bad], trigger_rule: all_done}
  alarm: {bash: "true", depends_on: [bad], trigger_rule: one_failed}
  silent: {bash: "true", depends_on: [good], trigger_rule: one_failed}
""")
        self.assertEqual(tasks, {"good": "success", "bad": "failed", "after_all": "upstream_failed", "whatever": "success",
                                 "alarm": "success", "silent": "skipped"})
        self.assertEqual(state, "failed")

    def test_python_and_empty_and_exec(self):
        state, tasks = self.run_dag("kinds", """
tasks:
  code: {python: {code: "print(6 * 7)"}}
  nothing: {empty: true, depends_on: [code]}
  direct: {exec: [echo, "no $SHELL here"], depends_on: [nothing]}
""")
        self.assertEqual((state, set(tasks.values())), ("success", {"success"}))
        self.assertIn("42", self.log("kinds", "code"))
        self.assertIn("no $SHELL here", self.log("kinds", "direct"))

    def test_exit_codes_0_to_255(self):
        tasks = "".join(f"  c{code}: {{exec: [sh, -c, 'exit {code}']}}\n" for code in range(256))
        _, states = self.run_dag("codes", "tasks:\n" + tasks, timeout=120)
        self.assertEqual({task for task, state in states.items() if state == "success"}, {"c0"})
        self.assertEqual(states["c99"], "skipped")  # as Airflow: 99 says that there was nothing to do
        self.assertEqual({state for task, state in states.items() if task not in ("c0", "c99")}, {"failed"})

    def test_death_by_every_signal(self):
        deadly = sorted({s.value for s in signal.Signals} - {s.value for s in (
            signal.SIGCHLD, signal.SIGCONT, signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGURG, signal.SIGWINCH)})
        tasks = "".join(f"  s{number}: {{exec: [sh, -c, 'ulimit -c 0; kill -{number} $$; sleep 5']}}\n" for number in deadly)
        _, states = self.run_dag("signals", "tasks:\n" + tasks, timeout=120)
        self.assertEqual({task for task, state in states.items() if state != "failed"}, set())

    def test_a_command_that_does_not_exist(self):
        state, tasks = self.run_dag("missing", "tasks: {a: {exec: [/no/such/program]}, b: {exec: [no-such-program]}, c: {bash: no_such_word}}\n")
        self.assertEqual((state, set(tasks.values())), ("failed", {"failed"}))
        tries = self.server.get(f"/api/ext/v1/dags/missing/dagRuns/{self.server.runs('missing')[0]['dag_run_id']}/taskInstances/a/tries")
        self.assertIn("no such command: /no/such/program", str(tries))

    def test_a_working_directory_that_does_not_exist(self):
        state, _ = self.run_dag("nowhere", "tasks: {a: {bash: pwd, working_dir: /no/such/folder}}\n")
        self.assertEqual(state, "failed")

    def test_a_command_that_ignores_term_is_killed_after_the_grace(self):
        state, _ = self.run_dag("stubborn", "tasks: {a: {bash: 'trap \"\" TERM; sleep 71 & sleep 72; sleep 73', execution_timeout: 300ms}}\n", timeout=20)
        self.assertEqual(state, "failed")
        self.assertEqual(alive("sleep 7[123]"), [])

    def test_a_command_that_forks_and_leaves_nothing_behind(self):
        state, _ = self.run_dag("forker", "tasks: {a: {bash: 'setsid sleep 81 & sleep 82 & (setsid setsid sleep 83 &) ; true'}}\n", timeout=20)
        self.assertEqual(state, "success")
        wait_for(lambda: not alive("sleep 8[123]"), 10, "leftover processes to be gone")

    def test_a_command_that_prints_a_gigabyte_has_its_log_cut(self):
        state, _ = self.run_dag("loud", "tasks: {a: {bash: 'yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | head -c 1073741824; echo the very end'}}\n", timeout=120)
        self.assertEqual(state, "success")
        logs = list((self.server.home / "logs").glob("dag_id=loud/**/*.log"))
        self.assertEqual(len(logs), 1)
        self.assertLess(logs[0].stat().st_size, 3 << 20)
        self.assertIn("the very end", logs[0].read_text(errors="replace"))

    def test_output_without_newline_and_binary(self):
        state, _ = self.run_dag("binary", "tasks: {a: {bash: 'printf no-newline'}, b: {bash: 'head -c 100000 /dev/urandom'}}\n")
        self.assertEqual(state, "success")
        self.assertIn("no-newline", self.log("binary"))
        self.assertEqual(self.server.pipectl("tasks", "logs", "binary", "latest", "b").returncode, 0)

    def test_a_silent_task_has_no_log_file(self):
        self.run_dag("silent", "tasks: {a: {bash: 'true'}}\n")
        self.assertEqual(list((self.server.home / "logs").glob("dag_id=silent/**/*.log")), [])
        self.assertEqual(self.server.pipectl("tasks", "logs", "silent", "latest", "a").returncode, 0)

    def test_limits_of_a_dag(self):
        counter = self.server.root / "at_once"
        text = f"max_active_tasks: 3\ntasks:\n" + "".join(
            f"  t{i}: {{bash: 'echo + >> {counter}; sleep 0.1; echo - >> {counter}'}}\n" for i in range(12))
        state, _ = self.run_dag("limited", text)
        self.assertEqual(state, "success")
        self.assertEqual(most_at_once(counter.read_text().split()), 3)

    def test_files_and_descriptors_of_a_try_are_clean(self):
        self.run_dag("clean", "tasks: {a: {exec: [sh, -c, 'ls -l /proc/self/fd; umask; cat /proc/self/status']}}\n")
        log = self.log("clean")
        self.assertNotIn("socket:", log)
        self.assertNotIn("journal", log)
        self.assertRegex(log, r"SigBlk:\s+0000000000000000")

    def test_dagrun_timeout(self):
        state, _ = self.run_dag("too_long", "dagrun_timeout: 500ms\ntasks: {a: {bash: 'sleep 60'}}\n", timeout=20)
        self.assertEqual(state, "failed")

    def test_odd_names_and_values_stay_what_they_are(self):
        state, _ = self.run_dag("odd", """
params: {text: {type: string, default: ""}}
tasks: {a: {bash: "printf '<%s>' {{ params.text }}"}, b: {exec: [printf, "<%s>", "{{ params.text }}"]}}
""", conf={"text": "a'b\"c $(touch /tmp/never) `id` \\ ; & | \u00e9 \u65e5\u672c"})
        self.assertEqual(state, "success")
        for task in "ab":
            self.assertIn("<a'b\"c $(touch /tmp/never) `id` \\ ; & | \u00e9 \u65e5\u672c>", self.log("odd", task))
        self.assertFalse(os.path.exists("/tmp/never"))


def alive(pattern):
    return subprocess.run(["pgrep", "-fx", pattern], capture_output=True, text=True).stdout.split()


def most_at_once(marks):
    now = most = 0
    for mark in marks:
        now += 1 if mark == "+" else -1
        most = max(most, now)
    return most


if __name__ == "__main__":
    main()
