#!/usr/bin/env python3
"""http, sql, sqlite and mail when the scheduler or the worker is killed in the middle of them: nothing is done twice, what cannot be known is lost."""
import contextlib
import json
import sqlite3

from case import OwnServerCase, main, wait_for
from mail_sink import MailSink
from web_service import Service


class Crashes(OwnServerCase):
    """The scheduler or the worker is killed in the middle of requests and queries."""

    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)
        self.base = f"http://127.0.0.1:{self.service.server_port}"

    def held(self, server, name, tasks=20, more=""):
        lines = "".join(f"  t{n}: {{http: '{self.base}/hold/{name}/{n}'{more}}}\n" for n in range(tasks))
        server.write_dag(name, "max_active_tasks: 100\ntasks:\n" + lines)
        run_id = server.trigger(name)
        wait_for(lambda: len(self.service.asked) == tasks, 30, "all requests to be under way")
        return run_id

    def test_a_killed_scheduler_repeats_no_request(self):
        server = self.make_server()
        run_id = self.held(server, "held")
        server.kill("scheduler")
        wait_for(lambda: server.pids("scheduler"), 30, "the next scheduler")
        self.service.release.set()
        self.assertEqual(server.wait_run("held", run_id), "success")
        self.assertEqual(len(self.service.asked), 20)

    def test_what_ended_while_nobody_looked_is_recorded(self):
        server = self.make_server()
        run_id = self.held(server, "unseen")
        server.kill("standalone", "scheduler", "api-server", "launcher")
        server.reap()
        self.service.release.set()
        wait_for(lambda: not server.pids("worker"), 30, "the worker to finish")
        server.start()
        self.assertEqual(server.wait_run("unseen", run_id), "success")
        self.assertEqual(len(self.service.asked), 20)

    def test_a_killed_worker_loses_what_it_did_and_on_lost_decides(self):
        server = self.make_server()
        run_id = self.held(server, "lost", 5)
        server.kill("worker")
        self.assertEqual(server.wait_run("lost", run_id), "failed")
        self.assertEqual(len(self.service.asked), 5)
        self.service.asked.clear()
        run_id = self.held(server, "again", 5, ", on_lost: retry, retries: 1, retry_delay: 50ms")
        server.kill("worker")
        wait_for(lambda: len(self.service.asked) == 10, 30, "the second tries")
        self.service.release.set()
        self.assertEqual(server.wait_run("again", run_id), "success")

    def mail_under_way(self, server, name, **options):
        sink = MailSink(starttls=False, delay_after_dot=300, **options)
        self.addCleanup(sink.close)
        server.post("/api/v2/connections", {"connection_id": name, "conn_type": "smtp", "host": "127.0.0.1", "port": sink.port, "extra": json.dumps(
            {"from_email": "pipelined@example.org", "disable_tls": True})})
        server.write_dag(name, f"tasks: {{a: {{retries: 1, mail: {{connection: {name}, to: a@b.org, subject: s, text: t}}}}}}\n")
        run_id = server.trigger(name)
        wait_for(lambda: sink.mails, 20, "the mail")
        return sink, run_id

    def test_a_worker_killed_in_the_middle_of_a_mail_loses_it(self):
        server = self.make_server()
        sink, run_id = self.mail_under_way(server, "killed")
        server.kill("worker")
        self.assertEqual(server.wait_run("killed", run_id), "failed")
        tries = server.get(f"/api/ext/v1/dags/killed/dagRuns/{run_id}/taskInstances/a/tries")["task_instances"]
        self.assertEqual(([one["outcome"] for one in tries], len(sink.mails)), (["lost"], 1))

    def test_a_killed_scheduler_sends_no_mail_twice(self):
        server = self.make_server()
        sink, run_id = self.mail_under_way(server, "survives")
        server.kill("scheduler")
        wait_for(lambda: server.pids("scheduler"), 30, "the next scheduler")
        sink.hurry()
        self.assertEqual(server.wait_run("survives", run_id), "success")
        self.assertEqual(len(sink.mails), 1)

    def test_a_worker_killed_in_the_middle_of_a_sqlite_script_leaves_nothing_of_it(self):
        server = self.make_server()
        path = server.dags / "kept.db"
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            database.execute("create table kept (n int)")
        path.chmod(0o666)
        server.dags.chmod(0o777)
        forever = "with recursive c(n) as (select 1 union all select n + 1 from c) select count(*) from c where n < 0"
        server.write_dag("script", f"""
tasks:
  a: {{sqlite: {{path: kept.db, query: "insert into kept values (1); {forever}"}}}}
  b: {{sqlite: {{path: kept.db, query: "insert into kept values (2)"}}, depends_on: [a], trigger_rule: all_done}}
""")
        run_id = server.trigger("script")
        wait_for(lambda: (server.dags / "kept.db-journal").exists(), 20, "the script to be under way")
        server.kill("worker")
        self.assertEqual(server.wait_run("script", run_id), "success")
        self.assertEqual(server.states("script", run_id), {"a": "failed", "b": "success"})
        tries = server.get(f"/api/ext/v1/dags/script/dagRuns/{run_id}/taskInstances/a/tries")["task_instances"]
        self.assertEqual([one["outcome"] for one in tries], ["lost"])
        with contextlib.closing(sqlite3.connect(path)) as database:
            self.assertEqual(database.execute("select n from kept").fetchall(), [(2,)])

    def test_a_killed_worker_leaves_no_query_behind(self):
        server = self.make_server()
        server.post("/api/v2/connections", {"connection_id": "own", "conn_type": "postgres", **server.own_database()})
        server.post("/api/v2/connections", {"connection_id": "looks", "conn_type": "postgres", **server.own_database()})
        server.write_dag("slow", """
tasks:
  a: {sql: {connection: own, query: "select pg_sleep(600) /* orphan */"}}
  b: {sql: {connection: own, query: "select pg_sleep(600) /* orphan */", autocommit: true}}
""")
        server.write_dag("count", "tasks: {a: {sql: {connection: looks, output: row, query: \"select count(*)::int as n from pg_stat_activity "
                                  "where state = 'active' and query like '%pg_sleep(600)%' and pid <> pg_backend_pid()\"}}}\n")

        def queries():
            run_id = server.trigger("count")
            self.assertEqual(server.wait_run("count", run_id), "success")
            return server.get(f"/api/v2/dags/count/dagRuns/{run_id}/taskInstances/a/xcomEntries/n")["value"]
        run_id = server.trigger("slow")
        wait_for(lambda: queries() == 2, 20, "both queries to be under way")
        server.kill("worker")
        self.assertEqual(server.wait_run("slow", run_id), "failed")
        wait_for(lambda: queries() == 0, 20, "PostgreSQL to notice")

    def test_a_killed_worker_and_scheduler(self):
        server = self.make_server()
        run_id = self.held(server, "both", 5)
        server.kill("scheduler", "worker")
        self.assertEqual(server.wait_run("both", run_id), "failed")
        self.assertEqual(len(self.service.asked), 5)

    def test_a_killed_scheduler_repeats_no_query(self):
        server = self.make_server()
        server.post("/api/v2/connections", {"connection_id": "own", "conn_type": "postgres", **server.own_database()})
        server.write_dag("made", "tasks: {a: {sql: {connection: own, query: 'create table counted (n int)'}}}\n")
        server.wait_run("made", server.trigger("made"))
        server.write_dag("counting", """
max_active_tasks: 100
tasks:
  a: {sql: {connection: own, query: "insert into counted select 1 from pg_sleep(2)"}, expand: {n: [1, 2, 3, 4, 5, 6, 7, 8]}}
  b: {sql: {connection: own, query: "select count(*)::int as n from counted", output: row}, depends_on: [a]}
  c: {bash: "echo counted {{ tasks.b.n }}", depends_on: [b]}
""")
        run_id = server.trigger("counting")
        wait_for(lambda: list(server.states("counting", run_id).values()).count("running") == 8, 30, "all queries to be under way")
        server.kill("scheduler")
        self.assertEqual(server.wait_run("counting", run_id), "success")
        self.assertIn("counted 8", server.ctl("tasks", "logs", "counting", run_id, "c"))

    def test_a_cancelled_run_gives_its_requests_up(self):
        server = self.make_server()
        run_id = self.held(server, "cancelled", 3)
        server.ctl("runs", "cancel", "cancelled", run_id)
        wait_for(lambda: set(server.states("cancelled", run_id).values()) == {"failed"}, 20, "the tasks to be stopped")


if __name__ == "__main__":
    main()
