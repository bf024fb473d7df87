"""Old logs and old history with the built binaries, beside running servers, and killed at any instant."""
import json
import os
import random
import re
import signal
import subprocess
import time

from case import REPOSITORY, OwnServerCase, bin_dir, clean_environment, main, wait_for

PAGE = (REPOSITORY / "docs" / "retention.md").read_text()
CHILDREN = ("task_instance", "attempt")


class Case(OwnServerCase):
    def url(self, server):
        return json.loads((server.home / "run" / "standalone.json").read_text())["database_url"]

    def sql(self, server, text):
        done = subprocess.run(["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", self.url(server), "-c",
                               "set search_path to pipelined; " + text], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def command(self, server, *words):
        return [bin_dir() / "pipelined", *map(str, words), "--home", str(server.home)]

    def pipelined(self, server, *words, code=0):
        done = subprocess.run(self.command(server, *words), capture_output=True, text=True, timeout=120, env=clean_environment())
        self.assertEqual(done.returncode, code, f"{words}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def old_runs(self, server, dag, number, days=400, log_files=0):
        """So many finished runs of a DAG that is there, each with a task and a try, and files of logs where asked for."""
        self.sql(server, f"""
            with r as (insert into dag_run (dag_id, run_id, type, state, run_after, queued_at, start_date, end_date, version_id)
              select '{dag}', 'old' || i, 'manual', 'success', t, t, t, t, version_id
              from dag, generate_series(1, {number}) i, lateral (select now() - interval '{days} days' - i * interval '1 second' t) t
              where dag_id = '{dag}' returning id, end_date),
            n as (insert into task_instance (run_id, task_no, state, try_number, attempt_id, start_date, end_date)
              select id, 0, 'success', 1, -id, end_date, end_date from r)
            insert into attempt (id, run_id, task_no, try_number, instance, boot_id, epoch, opened_at, start_date, end_date, outcome, exit_code)
              select -id, id, 0, 1, 'i', 'b', 1, end_date, end_date, end_date, 'success', 0 from r""")
        for i in range(1, number + 1 if log_files else 1):
            folder = self.logs(server, dag) / f"run_id=old{i}" / "task_id=a"
            folder.mkdir(parents=True)
            for try_number in range(1, log_files + 1):
                (folder / f"attempt={try_number}.log").write_text("x" * 100)

    @staticmethod
    def logs(server, dag):
        return server.home / "logs" / f"dag_id={dag}"

    def with_logs(self, server, dag):
        return {path.name[7:] for path in self.logs(server, dag).glob("run_id=*")}


class Logs(Case):
    def test_a_scheduler_keeps_the_newest_and_what_runs(self):
        server = self.make_server(settings={"logging.retention_runs": 2, "logging.retention_interval": "1s"})
        server.write_dag("slow", "tasks: {a: {bash: 'echo begun; while [ ! -e %s ]; do sleep 0.05; done; echo ended'}}\n" % (server.root / "go"))
        server.write_dag("quick", "tasks: {a: {bash: 'echo hello'}}\n")
        slow = server.trigger("slow")
        server.wait_task("slow", slow, "a", "running")
        runs = []
        for _ in range(5):
            runs.append(server.trigger("quick"))
            server.wait_run("quick", runs[-1])
        wait_for(lambda: self.with_logs(server, "quick") == set(runs[-2:]), 30, "the older logs to go")
        # Not even as the oldest of many does a run under way lose its own.
        self.old_runs(server, "slow", 5, days=1, log_files=1)
        wait_for(lambda: self.with_logs(server, "slow") == {slow, "old1", "old2"}, 30, "the old runs' logs to go")
        (server.root / "go").touch()
        server.wait_run("slow", slow)
        self.assertEqual(server.ctl("tasks", "logs", "slow", slow, "a"), "begun\nended\n")
        self.assertIn("removed the logs of", server.log_tail(400))

    def test_a_run_that_is_cleared_writes_anew(self):
        server = self.make_server(settings={"logging.retention": "1s", "logging.retention_interval": "1s"})
        server.write_dag("d", "tasks: {a: {bash: 'echo hello'}}\n")
        run = server.trigger("d")
        server.wait_run("d", run)
        wait_for(lambda: run not in self.with_logs(server, "d"), 30, "the logs to go")
        log = self.logs(server, "d") / f"run_id={run}" / "task_id=a" / "attempt=2.log"
        server.post(f"/api/v2/dags/d/dagRuns/{run}/clear", {"dry_run": False})
        wait_for(log.exists, 30, "the new log")
        wait_for(lambda: server.tasks("d", run)["a"]["try_number"] == 2 and server.run("d", run)["state"] == "success", 30, "the second try")
        wait_for(lambda: not log.exists(), 30, "the new logs to go in their turn")

    def test_by_hand_as_asked(self):
        server = self.make_server()
        server.write_dag("d", "tasks: {a: {bash: 'echo hello'}}\n")
        fresh = server.trigger("d")
        server.wait_run("d", fresh)
        self.old_runs(server, "d", 10, log_files=2)
        gone = self.logs(server, "gone") / "run_id=r" / "task_id=a"
        gone.mkdir(parents=True)
        (gone / "attempt=1.log").write_text("x")
        for path in (gone / "attempt=1.log", gone, gone.parent):
            os.utime(path, (1, 1))
        self.assertIn("no rule says", self.pipelined(server, "logs", "clean", "--yes", code=2))
        self.assertIn("not a duration", self.pipelined(server, "logs", "clean", "--older-than", "soon", "--yes", code=2))
        self.assertIn("look with --dry-run", self.pipelined(server, "logs", "clean", "--older-than", "30d", code=2))
        words = "the logs of 10 runs, and of 1 runs that are no more: 21 files, 2001 bytes; those of 1 runs stay\n"
        self.assertEqual(self.pipelined(server, "logs", "clean", "--older-than", "30d", "--dry-run"), "would be removed: " + words)
        self.assertEqual(len(self.with_logs(server, "d")), 11)
        off = self.pipelined(server, "logs", "clean", "--older-than", "30d", "--dry-run", "--set", "features.log_retention=off")
        self.assertIn("the logs of 0 runs, and of 0 runs", off)
        self.assertEqual(self.pipelined(server, "logs", "clean", "--older-than", "30d", "--yes"), "removed: " + words)
        self.assertEqual(self.with_logs(server, "d"), {fresh})
        self.assertEqual(self.with_logs(server, "gone"), set())

    def test_killed_at_any_instant_logs_are_whole_or_gone(self):
        server = self.make_server()
        server.write_dag("d", "tasks: {a: {bash: 'echo hello'}}\n")
        self.old_runs(server, "d", 600, log_files=4)
        seed = random.randrange(1 << 30)
        chance, kills = random.Random(seed), 0
        while len(self.with_logs(server, "d")) > 50 and kills < 60:
            sweep = subprocess.Popen(self.command(server, "logs", "clean", "--older-than", "30d", "--yes"), env=clean_environment(),
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            before = len(self.with_logs(server, "d"))
            wait_for(lambda: sweep.poll() is not None or len(self.with_logs(server, "d")) < before, 60, "it to begin", every=0.002)
            time.sleep(chance.random() * 0.02)
            kills += sweep.poll() is None
            sweep.kill()
            sweep.wait()
            for folder in self.logs(server, "d").glob("run_id=*"):
                self.assertEqual(len(list(folder.glob("task_id=a/attempt=*.log"))), 4, f"{folder.name}, seed {seed}")
        self.assertGreater(kills, 0)
        self.pipelined(server, "logs", "clean", "--older-than", "30d", "--yes")
        self.assertEqual(self.with_logs(server, "d"), set())
        self.assertEqual(list((server.home / "logs" / ".removed").iterdir()), [])

    def test_a_killed_scheduler_goes_on_with_it(self):
        server = self.make_server(settings={"logging.retention": "30d", "logging.retention_interval": "1s"})
        server.write_dag("d", "tasks: {a: {bash: 'echo hello'}}\n")
        self.old_runs(server, "d", 400, log_files=2)
        wait_for(lambda: len(self.with_logs(server, "d")) < 390, 60, "the sweep to begin", every=0.005)
        server.kill("scheduler")
        self.assertGreater(len(self.with_logs(server, "d")), 0)
        wait_for(lambda: not self.with_logs(server, "d"), 90, "the next scheduler to finish it")
        wait_for(lambda: not list((server.home / "logs" / ".removed").iterdir()), 30, "nothing to be left over")
        self.assertEqual(server.wait_run("d", server.trigger("d")), "success")


class History(Case):
    def test_tables_archives_and_what_is_refused(self):
        server = self.make_server()
        server.write_dag("d", "tasks: {a: {bash: 'echo hello'}}\n")
        fresh = server.trigger("d")
        server.wait_run("d", fresh)
        self.old_runs(server, "d", 30)
        before = ("--clean-before-timestamp", self.month_ago(server))
        self.assertIn("nothing was removed", self.pipelined(server, "db", "clean", *before, code=2))
        self.assertIn("as in 2026-01-01T00:00:00Z", self.pipelined(server, "db", "clean", "--before", "yesterday", "--yes", code=2))
        self.assertIn("there are: asset_event", self.pipelined(server, "db", "clean", *before, "--yes", "--tables", "dag_runs", code=2))
        self.assertIn("say dag_run", self.pipelined(server, "db", "clean", *before, "--yes", "--tables", "command,xcom", code=2))
        self.assertIn("would be removed: 30 runs, 30 task instances, 30 tries", self.pipelined(server, "db", "clean", *before, "--dry-run"))
        self.assertIn("would be removed: 0 runs", self.pipelined(server, "db", "clean", *before, "--dry-run", "--tables", "command,event"))
        done = self.pipelined(server, "db", "clean", *before, "-y", "--tables", "dag_run")
        self.assertIn("removed: 30 runs", done)
        archive, = set(re.findall(r"\*__(\d{14});", done))
        self.assertEqual(self.sql(server, f"select count(*) from _pipelined_deleted__dag_run__{archive}"), "30")
        self.assertEqual([run["dag_run_id"] for run in server.runs("d")], [fresh])
        self.assertIn(f"_pipelined_deleted__attempt__{archive}\n", self.pipelined(server, "db", "drop-archived", "--dry-run"))
        self.pipelined(server, "db", "drop-archived", code=2)
        self.assertIn("dropped: ", self.pipelined(server, "db", "drop-archived", "--yes"))
        self.old_runs(server, "d", 5)
        self.assertNotIn("kept in", self.pipelined(server, "db", "clean", *before, "--yes", "--skip-archive"))
        self.assertIn("0 archive tables", self.pipelined(server, "db", "drop-archived", "--dry-run"))
        self.pipelined(server, "db", "check")
        server.stop()
        self.pipelined(server, "db", "clean", *before, "--yes", code=6)

    def test_killed_at_any_instant_nothing_is_half_removed_and_the_scheduler_goes_on(self):
        server = self.make_server()
        server.write_dag("d", "tasks: {a: {bash: 'echo hello'}}\n")
        number = 30_000
        self.old_runs(server, "d", number)
        chance, kills, runs = random.Random(7), 0, []
        longest = 0.0
        while int(self.sql(server, "select count(*) from dag_run where run_id like 'old%'")) > 3_000 and kills < 40:
            before = self.left(server)
            clean = subprocess.Popen(self.command(server, "db", "clean", "--before", self.month_ago(server), "--yes"), env=clean_environment(),
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            begun = time.monotonic()
            runs.append(server.trigger("d"))
            self.assertEqual(server.wait_run("d", runs[-1]), "success")
            longest = max(longest, time.monotonic() - begun)
            wait_for(lambda: clean.poll() is not None or self.left(server) < before, 60, "it to begin", every=0.01)
            time.sleep(chance.random() * 0.1)
            kills += clean.poll() is None
            clean.send_signal(signal.SIGKILL)
            clean.wait()
            wait_for(lambda: self.sql(server, "select count(*) from pg_stat_activity where application_name = 'pipelined clean'") == "0", 30,
                     "PostgreSQL to notice")
            for table in CHILDREN:
                self.assertEqual(self.sql(server, f"select count(*) from {table} c where not exists (select from dag_run where id = c.run_id)"), "0")
            self.assertEqual(self.left(server) + self.archived(server, "dag_run"), number)
        self.assertGreater(kills, 0)
        self.pipelined(server, "db", "clean", "--before", self.month_ago(server), "--yes")
        self.assertEqual(self.left(server), 0)
        for table in ("dag_run", *CHILDREN):
            self.assertEqual(self.archived(server, table), number, table)
        self.assertEqual({run["dag_run_id"] for run in server.runs("d")}, set(runs))
        print(f"{kills} kills; the longest run beside a cleaning took {longest:.2f} s", flush=True)

    def month_ago(self, server):
        return self.sql(server, "select to_char(now() at time zone 'UTC' - interval '30 days', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")

    def left(self, server):
        return int(self.sql(server, "select count(*) from dag_run where run_id like 'old%'"))

    def archived(self, server, table):
        names = self.sql(server, f"select relname from pg_class where relname ~ '^_pipelined_deleted__{table}__[0-9]+$'").split()
        return sum(int(self.sql(server, f"select count(*) from {name}")) for name in names)


class Page(Case):
    def test_every_command_of_the_page_works(self):
        server = self.make_server(start=False)
        home = server.home
        home.mkdir()
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.S | re.M)
        settings, = [body for kind, body in blocks if kind == "yaml"]
        (home / "pipelined.yaml").write_text(settings)
        server.start()
        commands = [line for kind, body in blocks if kind == "" for line in body.splitlines()]
        self.assertEqual(len(commands), 5)
        env = clean_environment({"PIPELINED_HOME": str(home), "PATH": f"{bin_dir()}:/usr/bin:/bin"})
        for line in commands:
            done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=env, timeout=60)
            self.assertEqual(done.returncode, 0, line + done.stdout + done.stderr)
            self.assertRegex(done.stdout, "^(would be )?removed: ")


if __name__ == "__main__":
    main()
