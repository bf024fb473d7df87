#!/usr/bin/env python3
"""Every text that a client may choose, in every route, with everything that other programs take for syntax: no error of the server, no
error in the database's log, nothing changed that was not meant. Routes and parameters come from the API's own description: a new one is
tried by itself; where the description says nothing of its body, a sample must be here."""
import copy
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from case import ServerCase, clean_environment, main, wait_for

DAG = """
params:
  region: {type: string, default: eu}
tasks:
  a: {bash: "echo '{\\"rows\\": 1}' > $PIPELINED_OUTPUT", outlets: [ASSET]}
  b: {empty: true, depends_on: [a]}
"""
# Bytes: what is percent-encoded in a URL, and what stands between the quotes of a JSON text as it is.
TEXTS = [b"'", b'"', b"'; drop table canary; --", b"' or '1'='1", b"x' union select null--", b"1); delete from canary; --", b"/*", b"--",
         b"\\", b"\\'", b"\x00", b"a\x00b", b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"%", b"_", b"%s%n%x", b"{}", b"{0}", b"{:>99999999}",
         b"$1", b"$1::text", b"$$x$$", b"{a,b}", b"{NULL}", b'{"a": [', b"[1, 2", b"{{ 7 * 7 }}", b"{% raw %}", b"${PATH}", b"`id`", b"|",
         b"a|'|%", b"..", b"~", b"-1", b"9" * 40, b"1e999", b"NaN", b"\r\nX-Injected: 1", b"A" * 4000, "é\u202e😀".encode()]
SHORT = [b"'", b"\x00", b"\xff", b"9" * 40, b"-1", b"1e999", b"$1", b"{}"]  # for what is no text
# What a value may be instead of a text.
VALUES = [None, True, 0, -1, 2 ** 63, 1e308, [], ["'"], {}, {"'": "'; --"}, [[["x"]]]]

RUN, TASK = "victim", "a"
ARGUMENTS = {"dag_id": "victim", "dag_run_id": RUN, "task_id": TASK, "map_index": "-1", "task_try_number": "1", "try_number": "1",
             "xcom_key": "rows", "pool_name": "victim", "variable_key": "victim", "connection_id": "victim", "version_number": "1"}
INSTANCE = {"new_state": "success", "note": "n", "include_upstream": False, "include_downstream": False, "include_future": False,
            "include_past": False}
VARIABLE = {"key": "victim", "value": "v", "description": "d", "team_name": None}
CONNECTION = {"connection_id": "victim", "conn_type": "http", "description": "d", "host": None, "login": "l", "schema": "s", "port": 1,
              "password": "p", "extra": "{}", "team_name": None}
POOL = {"name": "victim", "slots": 1, "description": "d", "include_deferred": False, "team_name": None}
RUN_CLEAR = {"dry_run": True, "only_failed": False, "only_new": False, "run_on_latest_version": False, "note": "n"}
BACKFILL = {"dag_id": "victim", "from_date": "2026-01-01T00:00:00Z", "to_date": "2026-01-02T00:00:00Z", "run_backwards": False,
            "dag_run_conf": {"region": "eu"}, "reprocess_behavior": "none", "max_active_runs": 1, "run_on_latest_version": True}
RUNS_LIST = {"order_by": "dag_id", "page_offset": 0, "page_limit": 10, "dag_ids": ["victim"], "states": ["success"],
             "run_after_gte": None, "run_after_lte": None, "logical_date_gte": None, "logical_date_lte": None, "start_date_gte": None,
             "start_date_lte": None, "end_date_gte": None, "end_date_lte": None, "duration_gte": 0, "duration_lte": 9, "conf_contains": "r"}
TASKS_LIST = {"dag_ids": ["victim"], "dag_run_ids": [RUN], "task_ids": [TASK], "state": ["success"], "run_after_gte": None,
              "run_after_lte": None, "logical_date_gte": None, "logical_date_lte": None, "start_date_gte": None, "start_date_lte": None,
              "end_date_gte": None, "end_date_lte": None, "duration_gte": 0, "duration_lte": 9, "pool": ["default_pool"],
              "queue": ["default"], "executor": [], "page_offset": 0, "page_limit": 10, "order_by": "id"}


def actions(entity, name):
    return {"actions": [{"action": "create", "entities": [entity], "action_on_existence": "skip"},
                        {"action": "update", "entities": [entity], "action_on_non_existence": "skip", "update_mask": ["description"]},
                        {"action": "delete", "entities": [name], "action_on_non_existence": "skip"}]}


BODIES = {
    "create_token": {"username": "nobody", "password": "x"},
    "patch_dags": {"is_paused": False}, "patch_dag": {"is_paused": False},
    "trigger_dag_run": {"dag_run_id": None, "logical_date": None, "conf": {"region": "eu"}, "note": "n", "run_after": None,
                        "data_interval_start": None, "data_interval_end": None, "partition_key": None},
    "get_list_dag_runs_batch": RUNS_LIST, "get_task_instances_batch": TASKS_LIST,
    "bulk_dag_runs": actions({"dag_run_id": "gone", "dag_id": "victim", "state": "success", "note": "n"}, "gone"),
    "clear_dag_runs": {**RUN_CLEAR, "dag_runs": [{"dag_run_id": RUN}]}, "clear_dag_run": RUN_CLEAR,
    "patch_dag_run": {"state": "success", "note": "n"},
    "post_clear_task_instances": {"dry_run": True, "start_date": None, "end_date": None, "only_failed": False, "only_running": False,
                                  "reset_dag_runs": False, "task_ids": [TASK], "dag_run_id": RUN, "include_upstream": False,
                                  "include_downstream": False, "include_future": False, "include_past": False,
                                  "run_on_latest_version": False, "prevent_running_task": False, "note": "n"},
    "bulk_task_instances": actions({"task_id": "gone", **INSTANCE}, "gone"),
    "create_xcom_entry": {"key": "rows", "value": 1, "map_index": -1}, "update_xcom_entry": {"value": 1, "map_index": -1},
    "create_asset_event": {"asset_id": 1, "partition_key": None, "extra": {"k": 1}, "access_control": {"consumer_teams": None}},
    "materialize_asset": {"dag_run_id": None, "logical_date": None, "conf": {"region": "eu"}, "note": "n", "run_after": None},
    "clear_dag_run_partitions": {"partition_key": "p", "partition_date_start": None, "partition_date_end": None, "run_id": None,
                                 "clear_task_instances": False, "dry_run": True},
    "post_pool": POOL, "patch_pool": {**{k: v for k, v in POOL.items() if k != "name"}, "pool": "victim"},
    "bulk_pools": actions(POOL, "gone"),
    "post_variable": VARIABLE, "patch_variable": VARIABLE, "bulk_variables": actions(VARIABLE, "gone"),
    "post_connection": CONNECTION, "patch_connection": CONNECTION, "bulk_connections": actions(CONNECTION, "gone"),
    "test_connection": CONNECTION,
    "create_backfill": BACKFILL, "create_backfill_dry_run": BACKFILL,
    "ext_login": {"username": "nobody", "password": "x"},
    "ext_change_my_password": {"current_password": "x", "new_password": "y"},
    "ext_post_token": {"name": "victim", "account": "nobody", "permissions": ["dags.read"], "dag_ids": ["victim"], "expires_at": None},
    "ext_post_user": {"name": "victim", "password": "long enough for all", "roles": ["viewer"]},
    "ext_patch_user": {"password": "long enough for all", "disabled": False},
    "ext_post_service_account": {"name": "victims", "roles": ["viewer"]}, "ext_patch_service_account": {"disabled": False},
    "ext_post_role": {"name": "victim", "description": "d", "permissions": ["dags.read"]},
    "ext_patch_role": {"description": "d", "permissions": ["dags.read"]},
    "ext_post_grant": {"account": "victim", "role": "viewer", "dag_id": "victim", "tag": None},
    "ext_rerun": {"dag_run_id": None, "conf": {"region": "eu"}, "note": "n"},
}
for name in ("", "_by_map_index"):
    BODIES["patch_task_instance" + name] = BODIES["patch_task_instance_dry_run" + name] = INSTANCE
BODIES["patch_task_group_instances"] = BODIES["patch_task_group_instances_dry_run"] = INSTANCE
# No body is read, or none of it is kept: a text alone is tried.
BODILESS = {"favorite_dag", "unfavorite_dag", "set_asset_state_store", "set_task_state_store", "patch_task_state_store",
            "update_hitl_detail", "reparse_dag_file", "pause_backfill", "unpause_backfill", "cancel_backfill", "ext_cancel_run",
            "ext_logout", "create_default_connections", "ext_retry_notification"}

METHODS = ("get", "post", "patch", "put", "delete")  # what is to be found must not be gone


def quoted(text):
    return urllib.parse.quote(text, safe="")


def places(value, at=()):
    """Where there is something to replace: every entry at every depth, and every key of the topmost object."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*at, key)
            yield from places(item, (*at, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield (*at, i)
            yield from places(item, (*at, i))


MARK = "\ue000"


def replaced(body, place, value):
    body = copy.deepcopy(body)
    at = body
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    return body


def with_text(body, place, text):
    """JSON with `text` between the quotes, escaped no more than JSON needs it: bytes that are no UTF-8 go as they are."""
    escaped = text.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\r", b"\\r").replace(b"\n", b"\\n").replace(b"\x00", b"\\u0000")
    return json.dumps(replaced(body, place, MARK), ensure_ascii=False).encode().replace(MARK.encode(), escaped)


class Injection(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        server = cls.server
        cls.url = json.loads((server.home / "run" / "standalone.json").read_text())["database_url"]
        for dag in ("victim", "canary"):
            server.write_dag(dag, DAG.replace("ASSET", dag))
            server.trigger(dag, run_id=dag)
            assert server.wait_run(dag, dag) == "success"
            for kind, body in (("pools", {**POOL, "name": dag}), ("variables", {**VARIABLE, "key": dag}),
                               ("connections", {**CONNECTION, "connection_id": dag})):
                server.post(f"/api/v2/{kind}", body)
        cls.sql("create table canary (x text); insert into canary values ('alive')")
        cls.description = server.get("/openapi.json")
        cls.log = next(path for path in (server.home / "postgres").resolve().iterdir() if path.suffix == ".log" or path.name == "log")
        cls.logged = cls.log.stat().st_size
        cls.mine = threading.local()  # a connection for each thread
        cls.counting, cls.sent = threading.Lock(), 0

    @classmethod
    def sql(cls, text):
        psql = shutil.which("psql") or next(map(str, sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/psql"))))
        done = subprocess.run([psql, cls.url, "-qAtX", "-c", f"set search_path to pipelined; {text}"], capture_output=True, text=True,
                              env=clean_environment())
        assert done.returncode == 0, done.stderr
        return done.stdout

    def canary(self):
        """All that must stay as it is; PATCH /dags without a filter pauses all DAGs, as it says."""
        rows = {"variable": "key", "connection": "connection_id", "pool": "name", "dag": "dag_id", "dag_run": "dag_id"}
        text = self.sql("select x from canary")
        for table, column in rows.items():
            drop = " - 'last_parsed' - 'last_parsed_at' - 'version_id' - 'paused'" if table == "dag" else ""
            text += self.sql(f"select to_jsonb(t){drop} from {table} t where {column} = 'canary'")
        text += self.sql("select i.state, i.try_number from task_instance i join dag_run r on r.id = i.run_id where r.dag_id = 'canary' order by 1")
        return text + self.sql("select string_agg(c.relname, ' ' order by 1) from pg_class c where c.relkind in ('r', 'p') and "
                               "c.relnamespace = 'pipelined'::regnamespace")

    def ask(self, method, path, body=None):
        """The status; a stream is left at its beginning."""
        headers = {"Authorization": "Bearer " + self.server.token()}
        if body is not None:
            headers["Content-Type"] = "application/json"
        for attempt in (1, 2):
            try:
                if getattr(self.mine, "connection", None) is None:
                    self.mine.connection = http.client.HTTPConnection(self.server.url.rpartition("/")[2], timeout=60)
                self.mine.connection.request(method, path, body=body, headers=headers)
                answer = self.mine.connection.getresponse()
                break
            except (http.client.RemoteDisconnected, ConnectionError):
                self.mine.connection = None  # closed by the server after a refusal
                if attempt == 2:
                    raise
        with self.counting:
            type(self).sent += 1
        self.assertIsNone(answer.headers.get("X-Injected"), path[:300])
        if "event-stream" in answer.headers.get("Content-Type", "") or answer.will_close:
            answer.close()
            self.mine.connection.close()
            self.mine.connection = None
        else:
            answer.read()
        return answer.status

    def expect_answer(self, method, path, body=None):
        for _ in range(20):  # 503 says that it may be asked again soon: when there is much to hash at once
            status = self.ask(method.upper(), path, body)
            if status != 503:
                break
            time.sleep(0.2)
        if status >= 500 and status != 501:
            self.failures.append(f"{method.upper()} {path[:200]} {(body or b'')[:300]!r}: {status}")

    def operations(self, method):
        only = os.environ.get("PIPELINED_INJECTION_ONLY", "")
        return [(method, path, methods[method]) for path, methods in self.description["paths"].items()
                if method in methods and (not only or methods[method]["operationId"] in only.split(","))]

    def path(self, pattern, changed=None, text=b""):
        def value(match):
            name = match.group(1)
            return quoted(text) if name == changed else quoted(ARGUMENTS.get(name, "1").encode())
        return re.sub(r"\{(\w+)\}", value, pattern)

    def body_of(self, method, operation):
        """The sample, and whatever else the description says that may be given."""
        name = operation["operationId"]
        if method not in ("post", "patch", "put") or name in BODILESS:
            return None
        body = dict(BODIES.get(name, {}))
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        while "$ref" in schema:
            schema = self.description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for key in schema.get("properties", {}):
            body.setdefault(key, None)
        self.assertTrue(body, f"{name} has a body that nothing describes: a sample of it belongs into BODIES")
        return body

    def query_of(self, operation):
        return [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"]

    @staticmethod
    def is_text(parameter):
        schema = parameter.get("schema", {})
        return "string" in json.dumps(schema) and "date-time" not in json.dumps(schema)

    def required(self, operation, but=None):
        samples = {"interval": "1"}
        return "&".join(f"{p['name']}={samples.get(p['name'], 'victim')}" for p in self.query_of(operation)
                        if p.get("required") and p["name"] != but)

    def try_path(self, method, pattern, operation):
        body = self.body_of(method, operation)
        data = None if body is None else json.dumps(body).encode()
        for name in re.findall(r"\{(\w+)\}", pattern):
            for text in TEXTS:
                self.expect_answer(method, self.path(pattern, name, text) + "?" + self.required(operation), data)

    def try_query(self, method, pattern, operation):
        body = self.body_of(method, operation)
        data = None if body is None else json.dumps(body).encode()
        for parameter in self.query_of(operation):
            rest = self.required(operation, parameter["name"])
            for text in TEXTS if self.is_text(parameter) else SHORT:
                self.expect_answer(method, f"{self.path(pattern)}?{rest}&{parameter['name']}={quoted(text)}", data)

    def try_body(self, method, pattern, operation):
        body = self.body_of(method, operation)
        path = self.path(pattern) + "?" + self.required(operation)
        if body is None:
            if method != "get":
                for text in TEXTS[:6]:
                    self.expect_answer(method, path, b'"' + text.replace(b'"', b"") + b'"')
            return
        for place in places(body):
            for text in TEXTS:
                self.expect_answer(method, path, with_text(body, place, text))
            for value in VALUES:
                self.expect_answer(method, path, json.dumps(replaced(body, place, value)).encode())
        for text in TEXTS:  # as a key
            self.expect_answer(method, path, with_text({**body, "x": 1}, ("x",), text).replace(b'"x": ', b'', 1) + b"")
            self.expect_answer(method, path, text)

    def try_operation(self, one):
        self.try_path(*one)
        self.try_query(*one)
        self.try_body(*one)

    def test_every_text_of_every_route(self):
        before, self.failures = self.canary(), []
        for method in METHODS:
            with ThreadPoolExecutor(4) as clients:
                list(clients.map(self.try_operation, self.operations(method)))  # raises what they raise
        self.assertEqual(self.failures, [], f"of {self.sent} requests")
        self.assertGreater(self.sent, 20 if "PIPELINED_INJECTION_ONLY" in os.environ else 10_000)
        self.assertEqual(self.canary(), before)
        with open(self.log, "rb") as log:
            log.seek(self.logged)
            text = log.read().decode(errors="replace")
        errors = [line for line in text.splitlines() if re.search(r"\b(ERROR|FATAL|PANIC):", line)]
        # Two runs of one name or date are told apart by their keys, and an admin is always left: these are no faults of syntax.
        meant = ('duplicate key value violates unique constraint "dag_run_', "no admin would be left")
        errors = [line for line in errors if not any(rule in line for rule in meant)]
        self.assertEqual(errors, [], text[-3000:])
        # The same log does say what is wrong: an error of ours is found there.
        done = subprocess.run([shutil.which("psql") or "psql", self.url, "-qAtX", "-c", "select no_such_thing"], capture_output=True,
                              env=clean_environment())
        self.assertNotEqual(done.returncode, 0)
        wait_for(lambda: "no_such_thing" in self.log.read_text(errors="replace"), 20, "the database's log to say so")


if __name__ == "__main__":
    main()
