#!/usr/bin/env python3
"""Assets: events of what tasks write, over REST and pipectl; what is cleared, marked and reported; who sees what; and that a
scheduler that is killed doubles and loses none."""
import re
import subprocess
import unittest
import urllib.parse

from case import HttpError, OwnServerCase, REPOSITORY, ServerCase, bin_dir, clean_environment, main, psql, wait_for

LAKE = """
dag_id: lake
tasks:
  load:
    bash: |
      echo '{"rows": 42, "outlet_events": {"s3://lake/raw": {"rows": 42}}}' > $PIPELINED_OUTPUT
    outlets: [s3://lake/raw, "file:///lake/log"]
  each: {bash: "true", depends_on: [load], outlets: [s3://lake/parts], expand: {part: [a, b]}}
  done: {empty: true, depends_on: [each], outlets: s3://lake/done}
  check: {bash: "exit 1", depends_on: [load], outlets: [s3://lake/checked]}
"""
MART = """
dag_id: mart
schedule: {assets: [s3://lake/raw]}
tasks:
  read: {bash: "true", inlets: [s3://lake/raw], outlets: [s3://mart]}
"""

PASSWORD = "correct horse battery staple"


def names(events):
    """"lake.load s3://lake/raw", in order; instances with their index."""
    def source(event):
        index = "" if event["source_map_index"] < 0 else f"[{event['source_map_index']}]"
        return f"{event['source_dag_id']}.{event['source_task_id']}{index}"
    return [f"{source(event)} {event['uri']}" for event in events]


class AssetCase(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.write_dag("lake", LAKE)
        cls.server.write_dag("mart", MART)

    def events(self, query=""):
        return self.server.get(f"/api/v2/assets/events?limit=100&{query}")["asset_events"]

    def events_of(self, run_id):
        return self.events(f"source_run_id={urllib.parse.quote(run_id, safe='')}")

    def asset(self, uri):
        rows = self.server.get(f"/api/v2/assets?only_active=false&uri_pattern={uri}")["assets"]
        return next(row for row in rows if row["uri"] == uri)


class Events(AssetCase):
    def test_what_succeeds_tells_of_its_outlets(self):
        run_id = self.server.trigger("lake")
        self.assertEqual(self.server.wait_run("lake", run_id), "failed")  # check
        events = self.events_of(run_id)
        self.assertEqual(names(events)[:2], ["lake.load s3://lake/raw", "lake.load file:///lake/log"])
        self.assertEqual(sorted(names(events)), ["lake.done s3://lake/done", "lake.each[0] s3://lake/parts",
                                                 "lake.each[1] s3://lake/parts", "lake.load file:///lake/log",
                                                 "lake.load s3://lake/raw"])
        self.assertEqual([event["extra"] for event in events[:2]], [{"rows": 42}, {}])
        self.assertEqual({event["asset_id"] for event in events[:1]}, {self.asset("s3://lake/raw")["id"]})
        shown = self.server.ctl_json("assets", "events", "s3://lake/raw", "--run", run_id)
        self.assertEqual(names(shown), ["lake.load s3://lake/raw"])
        plain = self.server.ctl("assets", "events", "--run", run_id, "--task", "done", "-o", "plain")
        self.assertRegex(plain, rf"s3://lake/done\s+lake\s+{re.escape(run_id)}\s+done")

    def test_what_is_cleared_tells_again_and_what_is_marked_does_not(self):
        run_id = self.server.trigger("mart")
        self.assertEqual(self.server.wait_run("mart", run_id), "success")
        self.assertEqual(len(self.events_of(run_id)), 1)
        self.server.ctl("tasks", "clear", "mart", run_id, "read", "--yes")
        wait_for(lambda: self.server.tasks("mart", run_id)["read"]["try_number"] == 2, what="the second try")
        self.assertEqual(self.server.wait_run("mart", run_id), "success")
        self.assertEqual(len(self.events_of(run_id)), 2)
        failed = self.server.trigger("lake")
        self.assertEqual(self.server.wait_run("lake", failed), "failed")
        self.server.ctl("tasks", "mark", "lake", failed, "check", "--state", "success", "--yes")
        wait_for(lambda: self.server.states("lake", failed)["check"] == "success", what="the mark")
        self.assertEqual(self.events(f"source_run_id={urllib.parse.quote(failed, safe='')}&source_task_id=check"), [])

    def test_the_example_tells_how_many_rows_it_wrote(self):
        state, states = self.run_dag("assets", (REPOSITORY / "dags" / "examples" / "assets.yaml").read_text())
        self.assertEqual((state, set(states.values())), ("success", {"success"}))
        self.assertEqual([(event["uri"], event["extra"]) for event in self.events("source_dag_id=assets")],
                         [("file:///lake/raw/orders", {"rows": 3}), ("orders", {})])

    def test_a_try_that_tells_of_what_is_not_its_outlet_fails(self):
        state, states = self.run_dag("liar", """
tasks:
  a: {bash: "echo '{\\"outlet_events\\": {\\"s3://else\\": {}}}' > $PIPELINED_OUTPUT", outlets: [s3://lie]}
""")
        self.assertEqual((state, states), ("failed", {"a": "failed"}))
        run = self.server.runs("liar")[0]["dag_run_id"]
        self.assertIn("not among the outlets", self.server.ctl("runs", "history", "liar", run))
        self.assertEqual(self.events("source_dag_id=liar"), [])

    def test_a_dag_without_outlets_costs_no_statement(self):
        url = self.server.database_url()

        def sql(text):
            return subprocess.run([psql(), "-X", "-q", "-A", "-t", "-d", url, "-c", text], check=True, capture_output=True, text=True).stdout
        log = self.server.home / "postgres" / "server.log"
        sql("alter role current_user set log_statement = 'all'")
        sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pipelined scheduler'")
        begin = log.stat().st_size
        state, _ = self.run_dag("plain", "tasks: {a: {bash: 'true'}, b: {bash: 'true', depends_on: [a]}}\n")
        self.assertEqual(state, "success")
        without = log.read_bytes()[begin:]
        self.assertIn(b"commit_turn", without)
        self.assertNotIn(b"store_asset_events", without)
        state, _ = self.run_dag("outlet", "tasks: {a: {bash: 'true', outlets: [s3://o]}}\n")
        self.assertIn(b"store_asset_events", log.read_bytes()[begin:], "the statement that is looked for has another name")


class Lists(AssetCase):
    def test_assets_are_listed_with_who_names_them(self):
        raw = self.asset("s3://lake/raw")
        self.assertEqual([(use["dag_id"], use["task_id"]) for use in raw["producing_tasks"]], [("lake", "load")])
        self.assertEqual([(use["dag_id"], use["task_id"]) for use in raw["consuming_tasks"]], [("mart", "read")])
        self.assertEqual([use["dag_id"] for use in raw["scheduled_dags"]], ["mart"])
        self.assertEqual(self.server.get(f"/api/v2/assets/{raw['id']}"), raw)
        self.assertEqual([dag["dag_id"] for dag in self.server.get("/api/v2/dags?asset_dependency=lake/raw")["dags"]], ["mart"])
        table = self.server.ctl("assets", "list", "-o", "table")
        self.assertRegex(table, r"s3://lake/raw +lake\.load +mart\.read +mart")

    def test_an_edited_file_names_other_assets_and_the_number_stays(self):
        self.server.write_dag("moves", "tasks: {a: {bash: 'true', outlets: [s3://old, s3://stays]}}\n")
        stays = self.asset("s3://stays")["id"]
        self.server.write_dag("moves", "tasks: {a: {bash: 'true', outlets: [s3://stays, s3://new]}}\n")
        active = wait_for(lambda: (rows := [row["uri"] for row in self.server.get("/api/v2/assets?dag_ids=moves")["assets"]])
                          and "s3://new" in rows and rows, what="the new asset")
        self.assertEqual(active, ["s3://stays", "s3://new"])
        self.assertEqual(self.asset("s3://stays")["id"], stays)
        self.assertEqual(self.asset("s3://old")["producing_tasks"], [])

    def test_a_bad_outlet_is_an_import_error_at_its_line(self):
        self.server.write_dag("bad", "tasks:\n  a:\n    bash: 'true'\n    outlets: ['postgres://u:s3cret@db/t']\n", wait=False)
        errors = wait_for(lambda: [error for error in self.server.get("/api/v2/importErrors")["import_errors"]
                                   if error["filename"] == "bad.yaml"], what="the import error")
        self.assertIn("bad.yaml:4:15: error DAG063: the URI of an asset carries a password", errors[0]["stack_trace"])


class Reports(AssetCase):
    def test_a_report_is_an_event_without_a_task(self):
        raw = self.asset("s3://lake/raw")["id"]
        made = self.server.post("/api/v2/assets/events", {"asset_id": raw, "extra": {"k": 1}})
        self.assertEqual((made["extra"], made["source_dag_id"], made["source_map_index"], made["created_dagruns"]),
                         ({"k": 1, "from_rest_api": True}, None, -1, []))
        by_hand = self.server.ctl_json("assets", "create-event", "s3://lake/raw", "--extra", '{"by": "hand"}')
        self.assertEqual(by_hand["extra"], {"by": "hand", "from_rest_api": True})
        self.assertEqual([event["id"] for event in self.events(f"asset_id={raw}&order_by=-id")][:2], [by_hand["id"], made["id"]])
        self.assertEqual(self.asset("s3://lake/raw")["last_asset_event"], {"id": by_hand["id"], "timestamp": by_hand["timestamp"]})
        self.assert_exit(2, "assets", "create-event", "s3://lake/raw", "--extra", "[1]")
        self.assert_exit(3, "assets", "create-event", "s3://nothing")
        log = self.server.get("/api/v2/eventLogs?event=create_asset_event")["event_logs"]
        self.assertEqual({(entry["owner"], entry["extra"]) for entry in log}, {("admin", '{"name":"s3://lake/raw"}')})
        trail = self.server.ctl_json("audit", "list", "--operation", "create_asset_event")
        self.assertEqual(trail[0]["entity"], "s3://lake/raw")

    def test_materializing_starts_the_dag_that_writes_it(self):
        self.assert_exit(0, "assets", "materialize", "s3://mart", "--run-id", "wanted", "--wait")
        self.assertEqual(names(self.events("source_run_id=wanted")), ["mart.read s3://mart"])
        self.assertEqual(self.server.run("mart", "wanted")["triggered_by"], "rest_api")
        log = self.server.get("/api/v2/eventLogs?event=materialize_asset&run_id=wanted")["event_logs"]
        self.assertEqual([(entry["owner"], entry["dag_id"]) for entry in log], [("admin", "mart")])
        self.assertEqual(self.server.ctl_json("audit", "list", "--operation", "materialize_asset")[0]["dag_id"], "mart")
        self.assertEqual(self.server.get("/api/v2/dags/mart/dagRuns/wanted/upstreamAssetEvents")["asset_events"], [])
        self.assert_exit(5, "assets", "materialize", "s3://mart", "--run-id", "wanted")
        self.server.write_dag("other", "tasks: {a: {bash: 'true', outlets: [s3://two]}}\n")
        self.server.write_dag("another", "tasks: {a: {bash: 'true', outlets: [s3://two], inlets: [s3://unmade]}}\n")
        self.assertIn("another, other", self.assert_exit(5, "assets", "materialize", "s3://two").stderr)
        self.assert_exit(3, "assets", "materialize", "s3://unmade")

    def test_who_may_see_one_dag_sees_what_belongs_to_it(self):
        subprocess.run([bin_dir() / "pipectl", "--home", self.server.home, "users", "create", "ann"], input=PASSWORD, check=True,
                       capture_output=True, text=True, env=clean_environment({}))
        self.assert_exit(0, "users", "grant", "ann", "op", "--dag", "mart")
        ann = self.server.post("/auth/token", {"username": "ann", "password": PASSWORD})["access_token"]
        lake_run = self.server.trigger("lake")
        self.server.wait_run("lake", lake_run)
        seen = self.server.get("/api/v2/assets", token=ann)["assets"]
        self.assertEqual({row["uri"]: [use["dag_id"] for use in row["producing_tasks"]] for row in seen},
                         {"s3://lake/raw": [], "s3://mart": ["mart"]})
        events = self.server.get("/api/v2/assets/events?limit=100", token=ann)["asset_events"]
        self.assertNotIn("lake", {event["source_dag_id"] for event in events})
        log = self.asset("file:///lake/log")["id"]
        for path in (f"/api/v2/assets/{log}", f"/api/v2/assets/{log}/queuedEvents"):
            with self.assertRaises(HttpError) as refused:
                self.server.get(path, token=ann)
            self.assertEqual(refused.exception.status, 404)
        with self.assertRaises(HttpError) as refused:
            self.server.post("/api/v2/assets/events", {"asset_id": self.asset("s3://mart")["id"]}, token=ann)
        self.assertEqual(refused.exception.status, 403)

    def test_old_events_are_cleaned(self):
        self.server.ctl("assets", "create-event", "s3://lake/done")
        asset = self.asset("s3://lake/done")["id"]
        url = self.server.database_url()
        subprocess.run([psql(), "-X", "-q", "-d", url, "-c",
                        f"update pipelined.asset_event set at = '2020-01-01Z' where asset_id = {asset}"], check=True)
        done = subprocess.run([bin_dir() / "pipelined", "db", "clean", "--home", self.server.home, "--before", "2020-02-01T00:00:00Z",
                               "--yes"], env=clean_environment({}), capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 events of assets", done.stdout)
        self.assertEqual(self.events(f"asset_id={asset}"), [])


class Killed(OwnServerCase):
    """The scheduler is killed at the very moment at which tasks end, again and again."""

    INSTANCES = 24

    def test_every_success_has_one_event(self):
        server = self.make_server()
        done = server.root / "done"
        done.mkdir()
        server.write_dag("ends", f"""
max_active_tasks: 3
tasks:
  each:
    bash: "sleep 0.1; echo x >> {done}/{{{{ item.n }}}}"
    expand: {{n: {list(range(self.INSTANCES))}}}
    outlets: [s3://a, s3://b]
""")
        run_id = server.trigger("ends")
        kills = 0
        while len(list(done.iterdir())) < self.INSTANCES:
            before = len(list(done.iterdir()))
            wait_for(lambda: len(list(done.iterdir())) > before, 60, "another task to end", every=0.001)
            if kills < 6:
                server.kill("scheduler")
                kills += 1
        self.assertEqual(server.wait_run("ends", run_id), "success")
        self.assertEqual(kills, 6)
        events = server.get("/api/v2/assets/events?limit=100")["asset_events"]
        self.assertEqual(sorted(names(events)), sorted(f"ends.each[{n}] {uri}" for n in range(self.INSTANCES)
                                                       for uri in ("s3://a", "s3://b")))
        self.assertEqual({path.read_text() for path in done.iterdir()}, {"x\n"})


if __name__ == "__main__":
    main()
