#!/usr/bin/env python3
"""PgBouncer: as pipelined's own database it is refused where it keeps no sessions, and works where it does; queries of tasks
go through it."""
import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse

from case import REPOSITORY, OwnServerCase, ServerCase, bin_dir, clean_environment, main, wait_for
from own_postgres import OwnPostgres, programs

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "sinks"))
from sinks import Proxy  # noqa: E402


def postgres(case):
    database = OwnPostgres()
    case.addClassCleanup(database.close)
    return database.start()


def pooler(case, database, **environment):
    """The URL of a database behind a PgBouncer."""
    bouncer = Proxy("pgbouncer", database.url, **environment)
    case.addClassCleanup(bouncer.close)
    return bouncer.start().url + "/postgres"


class OwnDatabase(OwnServerCase):
    @classmethod
    def setUpClass(cls):
        cls.database = postgres(cls)

    def pipelined(self, url, *words):
        home = tempfile.TemporaryDirectory(prefix="pipelined-pooler-")
        self.addCleanup(home.cleanup)
        command = [bin_dir() / "pipelined", *words, "--home", home.name, "--set", f"database.url={url}"]
        return subprocess.run(command, capture_output=True, text=True, env=clean_environment(), timeout=90)

    def open_sessions(self, url, number):
        """So many of the pool to the server, none of them in use."""
        clients = [subprocess.Popen([programs() / "psql", url, "-XAtq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                   for _ in range(number)]
        pids = set()
        for client in clients:
            client.stdin.write("begin; select pg_backend_pid();\n")
            client.stdin.flush()
            pids.add(client.stdout.readline())
        self.assertEqual(len(pids), number)
        for client in clients:
            client.communicate("commit;\n", timeout=60)
            self.assertEqual(client.returncode, 0)

    def test_without_sessions_nothing_starts_and_nothing_is_made(self):
        for mode in ("transaction", "statement"):
            url = pooler(type(self), self.database, POOL_MODE=mode)
            for words in (["standalone", "--port", "0"], ["scheduler"], ["api-server", "--port", "0"], ["notifier"], ["db", "migrate"],
                          ["db", "check"], ["db", "downgrade", "--to", "1"],
                          ["db", "clean", "--clean-before-timestamp", "2020-01-01T00:00:00Z", "--yes"]):
                with self.subTest(mode=mode, words=words):
                    done = self.pipelined(url, *words)
                    self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                    self.assertIn("error: CFG301: database.url: ", done.stderr)
                    self.assertIn(done.stderr, (REPOSITORY / "docs" / "operations.md").read_text())
        self.assertEqual(self.database.rows("select nspname from pg_namespace where nspname = 'pipelined'"), [])

    def test_a_pool_that_gives_its_sessions_in_turn_is_seen_through(self):
        url = pooler(type(self), self.database, POOL_SIZE="2", POOL_SETTINGS="server_round_robin = 1")
        self.open_sessions(url, 2)
        self.assertEqual(self.pipelined(url, "db", "check").returncode, 2)

    def test_one_session_is_not_enough(self):
        url = pooler(type(self), self.database, POOL_MODE="session", POOL_SIZE="1", POOL_SETTINGS="query_wait_timeout = 3")
        done = self.pipelined(url, "db", "check")
        self.assertEqual(done.returncode, 6, done.stdout + done.stderr)
        self.assertIn("error: CFG302: database.url: ", done.stderr)
        self.assertIn("default_pool_size", done.stderr)

    def test_with_a_session_for_each_connection_all_works(self):
        self.database.rows("create database served")
        url = pooler(type(self), self.database, POOL_MODE="session", POOL_SIZE="20", POOL_SETTINGS="server_login_retry = 1").replace("/postgres", "/served")
        server = self.make_server(settings={"database.url": url})
        server.write_dag("through", "tasks: {a: {bash: 'true'}, b: {bash: 'sleep 0.1', depends_on: [a]}}\n")
        for _ in range(3):
            self.assertEqual(server.wait_run("through", server.trigger("through")), "success")
        self.assertIn("leading with epoch", server.log.read_text())
        server.stop()
        server.start()
        server.write_dag("long", "tasks: {a: {bash: 'while [ ! -e go_on ]; do sleep 0.05; done'}, b: {bash: 'true', depends_on: [a]}}\n")
        run_id = server.trigger("long")
        server.wait_task("long", run_id, "a", "running")
        self.database.stop()
        (server.dags / "go_on").touch()
        self.database.start()
        self.assertEqual(server.wait_run("long", run_id, 120), "success")


class Queries(ServerCase):
    settings = {"executor.grace": "500ms"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database = postgres(cls)
        cls.bouncer = Proxy("pgbouncer", cls.database.url, POOL_SIZE="2")
        cls.addClassCleanup(cls.bouncer.close)
        cls.connection("pooled", cls.bouncer.start().url + "/postgres")
        cls.connection("single", pooler(cls, cls.database, POOL_SIZE="1"))
        cls.connection("bare", pooler(cls, cls.database, POOL_MODE="statement"))

    @classmethod
    def connection(cls, name, url, **extra):
        parts = urllib.parse.urlsplit(url)
        cls.server.post("/api/v2/connections", {"connection_id": name, "conn_type": "postgres", "host": parts.hostname, "port": parts.port,
                                                "login": parts.username, "schema": parts.path.strip("/"),
                                                "extra": json.dumps(extra)})

    def log(self, name, task_id):
        return self.server.ctl("tasks", "logs", name, "latest", task_id)

    def test_a_script_is_one_transaction_with_counts_and_outputs(self):
        (self.server.dags / "pooled.sql").write_text("""
create table sold (day date primary key, amount int);
insert into sold select {{ params.day }}::date + n, n from generate_series(1, 5) n;
update sold set amount = amount * 10 where amount > {{ 3 }};
""")
        state, _ = self.run_dag("script", """
params: {day: "2026-01-31"}
tasks:
  load: {sql: {connection: pooled, file: pooled.sql}}
  twice: {sql: {connection: pooled, query: "delete from sold; insert into sold values ('2026-02-01', 1), ('2026-02-01', 2)"}, depends_on: [load]}
  read:
    depends_on: [twice]
    trigger_rule: all_done
    sql: {connection: pooled, query: "select count(*) as n, sum(amount) as total from sold where day = any({{ ['2026-02-01', '2026-02-05'] }})", output: row}
  use: {bash: "echo {{ tasks.load.row_counts | tojson }} {{ tasks.read.n }} {{ tasks.read.total }}", depends_on: [read]}
""")
        self.assertEqual(state, "success", self.log("script", "load"))
        self.assertIn("SQLSTATE 23505", self.log("script", "twice"))
        self.assertIn("[0, 5, 2] 2 51", self.log("script", "use"))

    def test_more_tasks_than_sessions(self):
        state, tasks = self.run_dag("many", """
tasks:
  a: {sql: {connection: pooled, query: "select {{ item.n }}::int from pg_sleep(0.1)"}, expand: {n: [1, 2, 3, 4, 5, 6, 7, 8, 9]}}
""")
        self.assertEqual((state, len(tasks)), ("success", 9))

    def test_a_cancelled_query_ends_at_the_server(self):
        self.server.write_dag("endless", "tasks: {a: {sql: {connection: pooled, query: \"select 'endless' from pg_sleep(600)\"}}}\n")
        run_id = self.server.trigger("endless")

        def at_work():
            return self.database.rows("select pid from pg_stat_activity where query like '%endless%' and state = 'active'"
                                      " and pid <> pg_backend_pid()")
        wait_for(at_work, 30, "the query to run")
        self.server.ctl("runs", "cancel", "endless", run_id)
        wait_for(lambda: not at_work(), 30, "the query to end")
        self.assertEqual(self.server.wait_run("endless", run_id), "failed")

    def test_a_statement_timeout_is_the_transactions(self):
        state, _ = self.run_dag("timed", """
tasks:
  slow: {sql: {connection: single, query: select pg_sleep(600), statement_timeout: 300ms}}
  after: {sql: {connection: single, query: "select current_setting('statement_timeout') as now from pg_sleep(0.5)", output: row}, depends_on: [slow], trigger_rule: all_done}
  use: {bash: "echo now {{ tasks.after.now }}", depends_on: [after]}
""")
        self.assertEqual(state, "success")
        self.assertIn("SQLSTATE 57014", self.log("timed", "slow"))
        self.assertIn("now 0", self.log("timed", "use"))

    def test_what_a_script_sets_is_taken_back(self):
        state, _ = self.run_dag("sets", """
tasks:
  a: {sql: {connection: single, query: "set search_path to elsewhere; create temporary table leftover (n int)"}}
  b: {sql: {connection: single, query: "select current_setting('search_path') as path, to_regclass('pg_temp.leftover') is null as gone", output: row}, depends_on: [a]}
  use: {bash: "echo {{ tasks.b.path }} {{ tasks.b.gone }}", depends_on: [b]}
""")
        self.assertEqual(state, "success")
        self.assertIn('"$user", public true', self.log("sets", "use").lower())

    def test_autocommit_works_and_says_what_does_not(self):
        state, tasks = self.run_dag("auto", """
tasks:
  made: {sql: {connection: pooled, query: "create table if not exists swept (n int); vacuum swept", autocommit: true}}
  bare: {sql: {connection: bare, query: "select 1; select 2", autocommit: true}}
  timed: {sql: {connection: pooled, query: vacuum swept, autocommit: true, statement_timeout: 1m}, depends_on: [made]}
  in_one: {sql: {connection: bare, query: select 1}}
""")
        self.assertEqual(tasks, {"made": "success", "bare": "success", "timed": "failed", "in_one": "failed"})
        self.assertIn("statement_timeout with autocommit needs a session of its own", self.log("auto", "timed"))
        self.assertIn("transaction blocks not allowed in statement pooling mode", self.log("auto", "in_one"))

    def test_autocommit_with_a_timeout_where_there_is_no_pooler(self):
        self.connection("direct", self.database.url)
        state, _ = self.run_dag("direct", """
tasks: {a: {sql: {connection: direct, query: select pg_sleep(600), autocommit: true, statement_timeout: 300ms}}}
""")
        self.assertEqual(state, "failed")
        self.assertIn("SQLSTATE 57014", self.log("direct", "a"))

    def test_a_pooler_that_was_restarted_is_connected_to_anew(self):
        text = "tasks: {a: {sql: {connection: pooled, query: select 1}}}\n"
        self.assertEqual(self.run_dag("again", text)[0], "success")  # its connection is kept
        self.bouncer.stop()
        self.bouncer.start()
        self.assertEqual(self.run_dag("again", text)[0], "success")

    def test_what_the_pooler_refuses_is_said(self):
        self.connection("options", self.bouncer.url + "/postgres", options="-c work_mem=1MB")
        self.assertEqual(self.run_dag("options", "tasks: {a: {sql: {connection: options, query: select 1}}}\n")[0], "failed")
        self.assertIn("unsupported startup parameter: options", self.log("options", "a"))

    def test_a_sensor_asks_through_it(self):
        self.server.write_dag("waits", """
tasks: {a: {sensor: {sql: {connection: single, query: "select to_regclass('awaited') is not null"}, poke_interval: 200ms}}}
""")
        run_id = self.server.trigger("waits")
        wait_for(lambda: "looked 2 times" in self.server.ctl("tasks", "why", "waits", run_id, "a"), 30, "it to look twice")
        self.database.rows("create table awaited ()")
        self.assertEqual(self.server.wait_run("waits", run_id), "success")


if __name__ == "__main__":
    main()
