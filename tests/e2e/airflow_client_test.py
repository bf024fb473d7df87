#!/usr/bin/env python3
"""Airflow's own Python client against a live server: every method of its API classes, answers read by its strict models."""
import inspect
import pathlib
import sys
import warnings

from case import ServerCase, main, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import python_packages  # noqa: E402

python_packages.use()
import airflow_client.client as client  # noqa: E402
from airflow_client.client import api as classes  # noqa: E402

SALES = """
dag_id: sales
tags: [nightly]
schedule: "0 6 * * *"
start_date: 2025-01-01
is_paused_upon_creation: false
task_groups: {checks: {}}
params:
  region: {type: string, enum: [eu, us], default: eu}
tasks:
  extract: {bash: "echo region {{ params.region }}; echo '{\\"rows\\": [1, 2]}' > $PIPELINED_OUTPUT"}
  load: {depends_on: [extract], bash: "echo {{ item.row }}", expand: {row: "{{ tasks.extract.rows }}"}}
  checks.count: {group: checks, depends_on: [extract], bash: "true"}
"""
CONSUMER = "dag_id: consumer\nschedule: {assets: ['file:///lake/raw']}\ntasks: {a: {empty: true}}\n"
PRODUCER = "dag_id: producer\ntasks: {p: {empty: true, outlets: ['file:///lake/raw']}}\n"
GONE = "dag_id: gone\ntasks: {a: {empty: true}}\n"


def body(model, **fields):
    return getattr(client, model).from_dict(fields)


class Refused:
    """What is not there is answered as Airflow answers when there is none of it."""

    def __init__(self, *statuses, **arguments):
        self.statuses, self.arguments = statuses, arguments


def run(w, **more):
    return {"dag_id": "sales", "dag_run_id": w["run"], **more}


def task(w, task_id="extract", **more):
    return run(w, task_id=task_id, **more)


def bulk(kind, *actions):
    return body(f"BulkBody{kind}", actions=list(actions))


MARK = {"new_state": "failed"}
WAREHOUSE = {"connection_id": "wh", "conn_type": "postgres", "host": "db", "password": "s3cret"}

# Class, method, and its arguments in a world `w`; in this order, for what one makes another shows or deletes.
CALLS = [
    ("MonitorApi", "get_health", lambda w: {}),
    ("VersionApi", "get_version", lambda w: {}),
    ("LoginApi", "login", lambda w: {}),
    ("LoginApi", "logout", lambda w: {}),
    ("JobApi", "get_jobs", lambda w: {}),
    ("PluginApi", "get_plugins", lambda w: {}),
    ("PluginApi", "import_errors", lambda w: {}),
    ("ProviderApi", "get_providers", lambda w: {}),
    ("ConfigApi", "get_config", lambda w: {}),
    ("ConfigApi", "get_config_value", lambda w: {"section": "api", "option": "host"}),
    ("EventLogApi", "get_event_logs", lambda w: {"dag_id": "sales"}),
    ("EventLogApi", "get_event_log", lambda w: {"event_log_id": w["event"]}),
    ("ImportErrorApi", "get_import_errors", lambda w: {}),
    ("ImportErrorApi", "get_import_error", lambda w: {"import_error_id": w["import_error"]}),

    ("DAGApi", "get_dags", lambda w: {"tags": ["nightly"]}),
    ("DAGApi", "get_dag", lambda w: {"dag_id": "sales"}),
    ("DAGApi", "get_dag_details", lambda w: {"dag_id": "sales"}),
    ("DAGApi", "get_dag_tags", lambda w: {}),
    ("DAGApi", "favorite_dag", lambda w: {"dag_id": "sales"}),
    ("DAGApi", "unfavorite_dag", lambda w: {"dag_id": "sales"}),
    ("DAGApi", "patch_dag", lambda w: {"dag_id": "sales", "dag_patch_body": body("DAGPatchBody", is_paused=False)}),
    ("DAGApi", "patch_dags", lambda w: {"dag_id_pattern": "sales", "dag_patch_body": body("DAGPatchBody", is_paused=False)}),
    ("DAGParsingApi", "reparse_dag_file", lambda w: {"file_token": w["file_token"]}),
    ("DagSourceApi", "get_dag_source", lambda w: {"dag_id": "sales"}),
    ("DagStatsApi", "get_dag_stats", lambda w: {}),
    ("DagVersionApi", "get_dag_versions", lambda w: {"dag_id": "sales"}),
    ("DagVersionApi", "get_dag_version", lambda w: {"dag_id": "sales", "version_number": 1}),
    ("DagWarningApi", "list_dag_warnings", lambda w: {}),
    ("TaskApi", "get_tasks", lambda w: {"dag_id": "sales"}),
    ("TaskApi", "get_task", lambda w: {"dag_id": "sales", "task_id": "extract"}),

    ("DagRunApi", "trigger_dag_run", lambda w: {"dag_id": "sales", "trigger_dag_run_post_body": body(
        "TriggerDAGRunPostBody", dag_run_id="second", logical_date=None, conf={"region": "us"}, note="by the client")}),
    ("DagRunApi", "get_dag_runs", lambda w: {"dag_id": "sales", "order_by": ["-run_after"]}),
    ("DagRunApi", "get_dag_run", run),
    ("DagRunApi", "get_list_dag_runs_batch", lambda w: {"dag_id": "~", "dag_runs_batch_body": body("DAGRunsBatchBody", dag_ids=["sales"])}),
    ("DagRunApi", "wait_dag_run_until_finished", lambda w: run(w, interval=1)),
    ("ExperimentalApi", "wait_dag_run_until_finished", lambda w: run(w, interval=1)),
    ("DagRunApi", "patch_dag_run", lambda w: run(w, dag_run_patch_body=body("DAGRunPatchBody", note="seen"))),
    ("DagRunApi", "get_upstream_asset_events", run),
    ("DagRunApi", "clear_dag_run_partitions", lambda w: Refused(
        400, dag_id="sales", clear_partitions_body=body("ClearPartitionsBody", partition_key="2026"))),

    ("TaskInstanceApi", "get_task_instances", run),
    ("TaskInstanceApi", "get_task_instances_batch", lambda w: {
        "dag_id": "~", "dag_run_id": "~", "task_instances_batch_body": body("TaskInstancesBatchBody", dag_ids=["sales"])}),
    ("TaskInstanceApi", "get_task_instance", task),
    ("TaskInstanceApi", "get_mapped_task_instances", lambda w: task(w, "load")),
    ("TaskInstanceApi", "get_mapped_task_instance", lambda w: task(w, "load", map_index=1)),
    ("TaskInstanceApi", "get_mapped_task_instance_tries", lambda w: task(w, "load", map_index=1)),
    ("TaskInstanceApi", "get_mapped_task_instance_try_details", lambda w: task(w, "load", map_index=1, task_try_number=1)),
    ("TaskInstanceApi", "get_task_instance_tries", task),
    ("TaskInstanceApi", "get_task_instance_try_details", lambda w: task(w, task_try_number=1)),
    ("TaskInstanceApi", "get_task_instance_dependencies", task),
    ("TaskInstanceApi", "get_task_instance_dependencies_by_map_index", lambda w: task(w, "load", map_index=0)),
    ("TaskInstanceApi", "get_log", lambda w: task(w, try_number=1)),
    ("TaskInstanceApi", "get_external_log_url", lambda w: Refused(400, **task(w, try_number=1))),
    ("TaskInstanceApi", "get_extra_links", task),
    ("ExtraLinksApi", "get_extra_links", task),
    ("TaskInstanceApi", "get_hitl_details", run),
    ("TaskInstanceApi", "get_hitl_detail", lambda w: Refused(404, **task(w, map_index=-1))),
    ("TaskInstanceApi", "get_hitl_detail_try_detail", lambda w: Refused(404, **task(w, map_index=-1, try_number=1))),
    ("TaskInstanceApi", "update_hitl_detail", lambda w: Refused(404, **task(
        w, map_index=-1, update_hitl_detail_payload=body("UpdateHITLDetailPayload", chosen_options=["yes"])))),
    ("TaskInstanceApi", "patch_task_instance_dry_run", lambda w: task(w, patch_task_instance_body=body("PatchTaskInstanceBody", **MARK))),
    ("TaskInstanceApi", "patch_task_instance", lambda w: task(w, patch_task_instance_body=body("PatchTaskInstanceBody", **MARK))),
    ("TaskInstanceApi", "patch_task_instance_dry_run_by_map_index",
     lambda w: task(w, "load", map_index=0, patch_task_instance_body=body("PatchTaskInstanceBody", **MARK))),
    ("TaskInstanceApi", "patch_task_instance_by_map_index",
     lambda w: task(w, "load", map_index=0, patch_task_instance_body=body("PatchTaskInstanceBody", **MARK))),
    ("TaskInstanceApi", "patch_task_group_instances_dry_run",
     lambda w: run(w, group_id="checks", patch_task_instance_body=body("PatchTaskInstanceBody", **MARK))),
    ("TaskInstanceApi", "patch_task_group_instances",
     lambda w: run(w, group_id="checks", patch_task_instance_body=body("PatchTaskInstanceBody", **MARK))),
    ("TaskInstanceApi", "bulk_task_instances", lambda w: run(w, bulk_body_bulk_task_instance_body=bulk(
        "BulkTaskInstanceBody", {"action": "update", "entities": [{"task_id": "extract", "note": "seen"}]}))),
    ("TaskInstanceApi", "post_clear_task_instances", lambda w: {"dag_id": "sales", "clear_task_instances_body": body(
        "ClearTaskInstancesBody", dag_run_id=w["run"], only_failed=False, dry_run=True)}),

    ("XComApi", "create_xcom_entry", lambda w: task(w, x_com_create_body=body("XComCreateBody", key="k", value={"a": 1}))),
    ("XComApi", "update_xcom_entry", lambda w: task(w, xcom_key="k", x_com_update_body=body("XComUpdateBody", value=[2]))),
    ("XComApi", "get_xcom_entries", task),
    ("XComApi", "get_xcom_entry", lambda w: task(w, xcom_key="rows")),
    ("XComApi", "delete_xcom_entry", lambda w: task(w, xcom_key="k")),

    ("TaskStateStoreApi", "list_task_state_store", task),
    ("TaskStateStoreApi", "get_task_state_store", lambda w: Refused(404, **task(w, key="k"))),
    ("TaskStateStoreApi", "set_task_state_store", lambda w: Refused(404, **task(
        w, key="k", task_state_store_body=body("TaskStateStoreBody", value="1")))),
    ("TaskStateStoreApi", "patch_task_state_store", lambda w: Refused(404, **task(
        w, key="k", task_state_store_patch_body=body("TaskStateStorePatchBody", value="1")))),
    ("TaskStateStoreApi", "delete_task_state_store", lambda w: Refused(404, **task(w, key="k"))),
    ("TaskStateStoreApi", "clear_task_state_store", task),

    ("AssetApi", "get_assets", lambda w: {}),
    ("AssetApi", "get_asset", lambda w: {"asset_id": w["asset"]}),
    ("AssetApi", "get_asset_aliases", lambda w: {}),
    ("AssetApi", "get_asset_alias", lambda w: Refused(404, asset_alias_id=1)),
    ("AssetApi", "get_asset_events", lambda w: {}),
    ("AssetApi", "create_asset_event", lambda w: {
        "create_asset_events_body": body("CreateAssetEventsBody", asset_id=w["asset"], extra={"k": 1})}),
    ("AssetApi", "materialize_asset", lambda w: {
        "asset_id": w["asset"], "materialize_asset_body": body("MaterializeAssetBody", note="by hand")}),
    ("AssetApi", "get_asset_queued_events", lambda w: {"asset_id": w["asset"]}),
    ("AssetApi", "delete_asset_queued_events", lambda w: Refused(404, asset_id=w["asset"])),
    ("AssetApi", "get_dag_asset_queued_events", lambda w: {"dag_id": "consumer"}),
    ("AssetApi", "get_dag_asset_queued_event", lambda w: Refused(404, dag_id="consumer", asset_id=w["asset"])),
    ("AssetApi", "delete_dag_asset_queued_events", lambda w: Refused(404, dag_id="consumer")),
    ("AssetApi", "delete_dag_asset_queued_event", lambda w: Refused(404, dag_id="consumer", asset_id=w["asset"])),
    ("AssetStateStoreApi", "list_asset_state_store", lambda w: {"asset_id": w["asset"]}),
    ("AssetStateStoreApi", "get_asset_state_store", lambda w: Refused(404, asset_id=w["asset"], key="k")),
    ("AssetStateStoreApi", "set_asset_state_store", lambda w: Refused(
        404, asset_id=w["asset"], key="k", asset_state_store_body=body("AssetStateStoreBody", value="1"))),
    ("AssetStateStoreApi", "delete_asset_state_store", lambda w: Refused(404, asset_id=w["asset"], key="k")),
    ("AssetStateStoreApi", "clear_asset_state_store", lambda w: {"asset_id": w["asset"]}),

    ("PoolApi", "post_pool", lambda w: {"pool_body": body("PoolBody", name="po", slots=3)}),
    ("PoolApi", "get_pools", lambda w: {}),
    ("PoolApi", "get_pool", lambda w: {"pool_name": "po"}),
    ("PoolApi", "patch_pool", lambda w: {"pool_name": "po", "pool_patch_body": body(
        "PoolPatchBody", pool="po", slots=4, include_deferred=True)}),
    ("PoolApi", "bulk_pools", lambda w: {"bulk_body_pool_body": bulk(
        "PoolBody", {"action": "create", "entities": [{"name": "p2", "slots": 1}]}, {"action": "delete", "entities": ["p2"]})}),
    ("PoolApi", "delete_pool", lambda w: {"pool_name": "po"}),
    ("VariableApi", "post_variable", lambda w: {"variable_body": body("VariableBody", key="v1", value={"a": 1})}),
    ("VariableApi", "get_variables", lambda w: {}),
    ("VariableApi", "get_variable", lambda w: {"variable_key": "v1"}),
    ("VariableApi", "patch_variable", lambda w: {"variable_key": "v1", "variable_body": body("VariableBody", key="v1", value="2")}),
    ("VariableApi", "bulk_variables", lambda w: {"bulk_body_variable_body": bulk(
        "VariableBody", {"action": "create", "entities": [{"key": "v2", "value": 1}]}, {"action": "delete", "entities": ["v2"]})}),
    ("VariableApi", "delete_variable", lambda w: {"variable_key": "v1"}),
    ("ConnectionApi", "post_connection", lambda w: {"connection_body": body("ConnectionBody", **WAREHOUSE)}),
    ("ConnectionApi", "get_connections", lambda w: {}),
    ("ConnectionApi", "get_connection", lambda w: {"connection_id": "wh"}),
    ("ConnectionApi", "patch_connection", lambda w: {"connection_id": "wh", "connection_body": body("ConnectionBody", **WAREHOUSE)}),
    ("ConnectionApi", "test_connection", lambda w: {"connection_body": body("ConnectionBody", **{**WAREHOUSE, "host": "127.0.0.1", "port": 1})}),
    ("ConnectionApi", "bulk_connections", lambda w: {"bulk_body_connection_body": bulk(
        "ConnectionBody", {"action": "create", "entities": [{"connection_id": "c2", "conn_type": "http"}]},
        {"action": "delete", "entities": ["c2"]})}),
    ("ConnectionApi", "delete_connection", lambda w: {"connection_id": "wh"}),

    ("BackfillApi", "create_backfill_dry_run", lambda w: {"backfill_post_body": w["backfill"]}),
    ("BackfillApi", "create_backfill", lambda w: {"backfill_post_body": w["backfill"]}),
    ("BackfillApi", "list_backfills", lambda w: {"dag_id": "sales"}),
    ("BackfillApi", "get_backfill", lambda w: {"backfill_id": 1}),
    ("BackfillApi", "pause_backfill", lambda w: {"backfill_id": 1}),
    ("BackfillApi", "unpause_backfill", lambda w: {"backfill_id": 1}),
    ("BackfillApi", "cancel_backfill", lambda w: {"backfill_id": 1}),

    ("DagRunApi", "clear_dag_run", lambda w: run(w, dag_run_clear_body=body("DAGRunClearBody", dry_run=False))),
    ("DagRunApi", "clear_dag_runs", lambda w: {"dag_id": "sales", "bulk_dag_run_clear_body": body(
        "BulkDAGRunClearBody", dry_run=False, dag_runs=[{"dag_run_id": "second"}])}),
    ("DagRunApi", "bulk_dag_runs", lambda w: {"dag_id": "sales", "bulk_body_bulk_dag_run_body": bulk(
        "BulkDAGRunBody", {"action": "update", "entities": [{"dag_run_id": "second", "note": "many"}]})}),
    ("TaskInstanceApi", "delete_task_instance", lambda w: {"dag_id": "gone", "dag_run_id": w["gone"], "task_id": "a"}),
    ("DagRunApi", "delete_dag_run", lambda w: {"dag_id": "gone", "dag_run_id": w["gone"]}),
    ("DAGApi", "delete_dag", lambda w: {"dag_id": "gone"}),
]

UNSUPPORTED = {
    ("ConnectionApi", "create_default_connections"): "no connection is there by default",
    ("ConnectionApi", "enqueue_connection_test"): "connections are tested at once",
    ("ConnectionApi", "get_connection_test"): "connections are tested at once",
}


def methods():
    """(class, method) of all that the package can ask for."""
    found = set()
    for class_name, class_ in inspect.getmembers(classes, inspect.isclass):
        for name, _ in inspect.getmembers(class_, inspect.isfunction):
            if not name.startswith("_") and not name.endswith(("_with_http_info", "_without_preload_content")):
                found.add((class_name, name))
    return found


class AirflowClient(ServerCase):
    settings = {"api.expose_config": "true", "core.test_connection": "enabled"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        warnings.simplefilter("ignore")
        cls.server.write_dag("sales", SALES)
        cls.server.write_dag("consumer", CONSUMER)
        cls.server.write_dag("producer", PRODUCER)
        cls.server.write_dag("gone", GONE)
        cls.server.write_dag("broken", "tasks: 5\n", wait=False)
        cls.client = client.ApiClient(client.Configuration(host=cls.server.url, access_token=cls.server.token()))

    def api(self, class_name):
        return getattr(classes, class_name)(self.client)

    def ended(self, dag_id, **more):
        run_id = self.server.trigger(dag_id, **more)
        self.assertEqual(self.server.wait_run(dag_id, run_id), "success")
        return run_id

    def world(self):
        errors = wait_for(lambda: self.server.get("/api/v2/importErrors")["import_errors"], what="the broken file")
        return {
            "run": self.ended("sales"), "gone": self.ended("gone"), "produced": self.ended("producer"), "import_error": errors[0]["import_error_id"],
            "event": self.server.get("/api/v2/eventLogs?limit=1")["event_logs"][0]["event_log_id"],
            "asset": self.server.get("/api/v2/assets")["assets"][0]["id"],
            "file_token": self.server.get("/api/v2/dags/sales")["file_token"],
            "backfill": body("BackfillPostBody", dag_id="sales", from_date="2025-02-01T00:00:00Z", to_date="2025-05-01T00:00:00Z",
                             run_backwards=False, dag_run_conf={}, reprocess_behavior="none", max_active_runs=1),
        }

    def test_every_method_is_called_or_known_to_be_unsupported(self):
        listed = {(class_name, name) for class_name, name, _ in CALLS}
        self.assertEqual(len(listed), len(CALLS), "a method is listed twice")
        self.assertEqual(methods(), listed | set(UNSUPPORTED))
        self.assertFalse(listed & set(UNSUPPORTED))

    def test_every_answer_is_what_the_models_read(self):
        world = self.world()
        for class_name, name, arguments in CALLS:
            with self.subTest(method=f"{class_name}.{name}"):
                given = arguments(world)
                method = getattr(self.api(class_name), name)
                if not isinstance(given, Refused):
                    method(**given)
                    continue
                with self.assertRaises(client.ApiException) as refused:
                    method(**given.arguments)
                self.assertIn(refused.exception.status, given.statuses)

    def test_an_event_of_an_asset_is_read_back(self):
        produced, assets = self.ended("producer"), self.api("AssetApi")
        asset = assets.get_assets(uri_pattern="lake/raw").assets[0]
        self.assertEqual([task.dag_id for task in asset.producing_tasks], ["producer"])
        event = assets.get_asset_events(source_run_id=produced).asset_events[0]
        self.assertEqual((event.asset_id, event.source_dag_id, event.source_task_id, event.source_map_index, event.extra),
                         (asset.id, "producer", "p", -1, {}))
        made = assets.create_asset_event(body("CreateAssetEventsBody", asset_id=asset.id, extra={"k": 1}))
        self.assertEqual(made.extra, {"k": 1, "from_rest_api": True})
        self.assertEqual(assets.get_asset(asset.id).last_asset_event.id, made.id)
        begun = assets.materialize_asset(asset.id)
        self.assertEqual(self.server.wait_run("producer", begun.dag_run_id), "success")

    def test_the_smoke_flow(self):
        self.server.write_dag("smoke", SALES.replace("dag_id: sales", "dag_id: smoke"))
        self.assertIn("smoke", [dag.dag_id for dag in self.api("DAGApi").get_dags(limit=100).dags])
        tasks = self.api("TaskApi").get_tasks("smoke")
        self.assertEqual([task.task_id for task in tasks.tasks], ["checks.count", "extract", "load"])
        runs = self.api("DagRunApi")
        begun = runs.trigger_dag_run("smoke", body("TriggerDAGRunPostBody", logical_date=None, conf={"region": "us"}))

        def state():
            return runs.get_dag_run("smoke", begun.dag_run_id).state
        wait_for(lambda: state() in ("success", "failed"), 60, "the run to end")
        self.assertEqual(state(), "success")
        log = self.api("TaskInstanceApi").get_log("smoke", begun.dag_run_id, "extract", 1)
        self.assertEqual([line.event for line in log.content.actual_instance], ["region us"])
        entry = self.api("XComApi").get_xcom_entry("smoke", "extract", begun.dag_run_id, "rows")
        self.assertEqual(entry.actual_instance.value, [1, 2])
        cleared = self.api("TaskInstanceApi").post_clear_task_instances("smoke", body(
            "ClearTaskInstancesBody", dag_run_id=begun.dag_run_id, task_ids=["checks.count"], only_failed=False, dry_run=False))
        self.assertEqual([one.task_id for one in cleared.task_instances], ["checks.count"])
        wait_for(lambda: state() == "success", 60, "the cleared task to run again")
        tries = self.api("TaskInstanceApi").get_task_instance_tries("smoke", begun.dag_run_id, "checks.count")
        self.assertEqual([one.try_number for one in tries.task_instances], [1, 2])
        made = self.api("BackfillApi").create_backfill(body(
            "BackfillPostBody", dag_id="smoke", from_date="2025-02-01T00:00:00Z", to_date="2025-02-03T00:00:00Z"))
        wait_for(lambda: self.api("BackfillApi").get_backfill(made.id).completed_at, 60, "the backfill to end")
        past = runs.get_dag_runs("smoke", run_type=["backfill"])
        self.assertEqual([one.state for one in past.dag_runs], ["success"] * past.total_entries)
        self.assertGreater(past.total_entries, 0)


if __name__ == "__main__":
    main()
