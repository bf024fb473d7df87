#!/usr/bin/env python3
"""Start, stop, restart: what becomes of tasks in flight, and of daemons that die."""
import os
import signal
import subprocess
import time

from case import OwnServerCase, bin_dir, main, processes, wait_for


def gated(gate, then="echo done"):
    return f"tasks: {{a: {{bash: 'until test -e {gate}; do sleep 0.05; done; {then}'}}, b: {{bash: 'echo b', depends_on: [a]}}}}\n"


class Lifecycle(OwnServerCase):
    def test_ready_line_files_and_their_modes(self):
        server = self.make_server()
        for path, mode in (("secrets", 0o700), ("secrets/local-token", 0o600), ("secrets/admin-password", 0o600)):
            self.assertEqual(os.stat(server.home / path).st_mode & 0o777, mode, path)
        for path in ("postgres", "attempts", "run", "logs"):
            self.assertTrue((server.home / path).exists(), path)
        self.assertNotIn((server.home / "secrets" / "admin-password").read_text().strip(), server.log.read_text())
        self.assertEqual(server.get("/api/v2/monitor/health", token="")["metadatabase"]["status"], "healthy")

    def test_the_admin_password_gives_a_token(self):
        server = self.make_server()
        password = (server.home / "secrets" / "admin-password").read_text().strip()
        token = server.post("/auth/token", {"username": "admin", "password": password}, token="")["access_token"]
        server.get("/api/v2/dags", token=token)

    def test_clean_stop_leaves_tasks_running_and_the_next_start_takes_them_back(self):
        server = self.make_server()
        gate, count = server.root / "gate", server.root / "count"
        server.write_dag("held", gated(gate, f"echo x >> {count}"))
        run_id = server.trigger("held")
        server.wait_task("held", run_id, "a", "running")
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server.pids("scheduler") + server.pids("api-server") + server.pids("launcher"), [])
        self.assertIsNone(server.postmaster())
        server.start()
        self.assertEqual(server.states("held", run_id)["a"], "running")
        gate.touch()
        self.assertEqual(server.wait_run("held", run_id), "success")
        self.assertEqual(count.read_text(), "x\n")

    def test_a_task_that_ends_while_nobody_is_there_is_known_at_the_next_start(self):
        server = self.make_server()
        gate = server.root / "gate"
        server.write_dag("ends_alone", gated(gate, "touch " + str(server.root / "over")))
        run_id = server.trigger("ends_alone")
        server.wait_task("ends_alone", run_id, "a", "running")
        server.stop()
        gate.touch()
        wait_for((server.root / "over").exists, 10, "the task's end")
        server.start()
        self.assertEqual(server.wait_run("ends_alone", run_id), "success")

    def test_stop_tasks_ends_what_runs(self):
        server = self.make_server(arguments=["--stop-tasks"], settings={"executor.grace": "1s"})
        server.write_dag("ended", "tasks: {a: {bash: 'sleep 91'}}\n")
        run_id = server.trigger("ended")
        server.wait_task("ended", run_id, "a", "running")
        self.assertEqual(server.stop(), 0)
        self.assertEqual(subprocess.run(["pgrep", "-fx", "sleep 91"], capture_output=True).stdout, b"")

    def test_two_on_one_home_is_a_conflict(self):
        server = self.make_server()
        second = subprocess.run(server.command(), capture_output=True, text=True, env=server.environment(), timeout=30)
        self.assertEqual(second.returncode, 5, second.stderr)
        server.write_dag("still", "tasks: {a: {bash: 'true'}}\n")
        self.assertEqual(server.wait_run("still", server.trigger("still")), "success")

    def test_a_killed_api_server_comes_back(self):
        server = self.make_server()
        old = server.pids("api-server")
        server.kill("api-server")
        wait_for(lambda: answers(server) and server.pids("api-server") != old, 20, "the API")
        server.write_dag("after_api", "tasks: {a: {bash: 'true'}}\n")
        self.assertEqual(server.wait_run("after_api", server.trigger("after_api")), "success")

    def test_a_killed_scheduler_comes_back_and_tasks_go_on(self):
        server = self.make_server()
        gate, count = server.root / "gate", server.root / "count"
        server.write_dag("survives", gated(gate, f"echo x >> {count}"))
        run_id = server.trigger("survives")
        server.wait_task("survives", run_id, "a", "running")
        server.kill("scheduler")
        gate.touch()
        self.assertEqual(server.wait_run("survives", run_id, 40), "success")
        self.assertEqual(count.read_text(), "x\n")

    def test_a_killed_launcher_is_replaced(self):
        server = self.make_server()
        server.write_dag("launched", "tasks: {a: {bash: 'true'}}\n")
        self.assertEqual(server.wait_run("launched", server.trigger("launched")), "success")
        self.assertEqual(server.kill("launcher"), ["launcher"])
        self.assertEqual(server.wait_run("launched", server.trigger("launched"), 40), "success")

    def test_kill_of_everything_and_restart(self):
        server = self.make_server()
        gate = server.root / "gate"
        server.write_dag("crashed", gated(gate))
        run_id = server.trigger("crashed")
        server.wait_task("crashed", run_id, "a", "running")
        server.kill_all()
        began = time.monotonic()
        server.start()
        print(f"\n  ready again {time.monotonic() - began:.2f} s after kill -9 of everything")
        self.assertEqual(server.states("crashed", run_id)["a"], "running")
        gate.touch()
        self.assertEqual(server.wait_run("crashed", run_id, 40), "success")

    def test_no_process_remains_after_a_clean_stop(self):
        server = self.make_server()
        server.write_dag("brief", "tasks: {a: {bash: 'true'}}\n")
        server.wait_run("brief", server.trigger("brief"))
        launchers = server.pids("launcher")
        self.assertEqual(len(launchers), 1)
        server.stop()
        after = processes()
        left = [" ".join(arguments) for pid, (_, arguments, _) in after.items() if str(server.root) in " ".join(arguments) or pid in launchers]
        self.assertEqual(left, [])

    def test_config_show_and_lint(self):
        server = self.make_server(start=False)
        server.home.mkdir()
        (server.home / "pipelined.yaml").write_text("core: {paralelism: 3}\n")
        done = subprocess.run([bin_dir() / "pipelined", "config", "lint", "--home", server.home], capture_output=True, text=True, env=server.environment())
        self.assertIn(done.returncode, (1, 2), done.stderr)
        self.assertIn("parallelism", done.stdout + done.stderr)
        failed = subprocess.run(server.command(), capture_output=True, text=True, env=server.environment(), timeout=30)
        self.assertEqual(failed.returncode, 2, failed.stderr)

    def test_a_port_that_is_taken(self):
        server = self.make_server()
        port = server.url.rsplit(":", 1)[1]
        other = self.make_server(start=False)
        done = subprocess.run([bin_dir() / "pipelined", "standalone", "--home", other.home, "--port", port], capture_output=True, text=True,
                              env=other.environment(), timeout=60)
        self.assertNotIn(done.returncode, (0, 70), done.stderr)
        self.assertIn(port, done.stderr)

    def test_roles_alone_need_a_database(self):
        server = self.make_server(start=False)
        for role in ("scheduler", "api-server", "notifier"):
            done = subprocess.run([bin_dir() / "pipelined", role, "--home", server.home], capture_output=True, text=True,
                                  env=server.environment(), timeout=30)
            self.assertEqual(done.returncode, 6, done.stderr)


def answers(server):
    try:
        return server.get("/api/v2/version")
    except OSError:
        return None


if __name__ == "__main__":
    main()
