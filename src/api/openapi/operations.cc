#include "api/openapi/operations.h"

#include <algorithm>
#include <charconv>

namespace pipelined::api {
namespace {

constexpr OperationRow kRows[] = {
    {"get_health", "How the database, the scheduler and the reading of DAG files fare.", "", "200 HealthInfoResponse"},
    {"get_version", "The version of the server.", "", "200 VersionInfo"},
    {"create_token", "Makes an access token for a user name and a password.", "Credentials", "201 AccessToken;401;429"},
    {"get_openapi", "This description.", "", "200 object"},
    {"get_docs", "This description as a page to read.", "", "200 - text/html"},
    {"get_metrics", "Counters and gauges in the text format of Prometheus.", "", "200 - text/plain;403"},
    {"get_dags", "Lists DAGs.", "", "200 DAGCollectionResponse"},
    {"patch_dags", "Pauses or unpauses all DAGs that the filters select.", "DAGPatchBody", "200 DAGCollectionResponse"},
    {"favorite_dag", "Marks a DAG as a favourite of the caller.", "", "204"},
    {"unfavorite_dag", "Takes the mark of a favourite away.", "", "204;409"},
    {"get_dag", "One DAG in short.", "", "200 DAGResponse"},
    {"patch_dag", "Pauses or unpauses a DAG.", "DAGPatchBody", "200 DAGResponse"},
    {"delete_dag", "Deletes a DAG with all its runs. Its file stays, and brings the DAG back when it changes.", "",
     "200 null;409"},
    {"get_dag_details", "All that is known of one DAG.", "", "200 DAGDetailsResponse"},
    {"get_tasks", "The tasks of a DAG's newest version.", "", "200 TaskCollectionResponse"},
    {"get_task", "One task of a DAG's newest version.", "", "200 TaskResponse"},
    {"get_dag_source", "The file that a version of a DAG was read from.", "", "200 DAGSourceResponse text/plain"},
    {"get_dag_runs", "Lists the runs of a DAG; ~ stands for all DAGs.", "", "200 DAGRunCollectionResponse"},
    {"trigger_dag_run", "Asks for a run of a DAG.", "TriggerDAGRunPostBody", "200 DAGRunResponse;409"},
    {"get_list_dag_runs_batch", "Lists runs of any DAGs, chosen by a body. The path names all DAGs: ~.",
     "DAGRunsBatchBody", "200 DAGRunCollectionResponse"},
    {"wait_dag_run_until_finished", "Waits until a run has ended; each line of the answer tells its state.", "",
     "200 RunState application/x-ndjson"},
    {"get_dag_run", "One run.", "", "200 DAGRunResponse"},
    {"bulk_dag_runs", "Changes or deletes many runs.", "BulkBody_BulkDAGRunBody_", "200 BulkResponse"},
    {"clear_dag_runs", "Clears many runs, so that their tasks run again.", "BulkDAGRunClearBody",
     "200 ClearTaskInstanceCollectionResponse|DAGRunCollectionResponse;409"},
    {"delete_dag_run", "Deletes a run and all that is stored of it.", "", "204;409"},
    {"patch_dag_run", "Sets the state or the note of a run.", "DAGRunPatchBody", "200 DAGRunResponse;409"},
    {"clear_dag_run", "Clears a run, so that its tasks run again.", "DAGRunClearBody",
     "200 ClearTaskInstanceCollectionResponse|DAGRunResponse;409"},
    {"post_clear_task_instances", "Clears the tasks that are chosen, so that they run again.", "ClearTaskInstancesBody",
     "200 TaskInstanceCollectionResponse;409"},
    {"bulk_task_instances", "Changes or deletes many task instances.", "BulkBody_BulkTaskInstanceBody_",
     "200 BulkResponse"},
    {"delete_task_instance", "Makes a task instance untouched again.", "", "200 null;409"},
    {"patch_task_instance", "Sets the state or the note of a task instance.", "PatchTaskInstanceBody",
     "200 TaskInstanceCollectionResponse;409"},
    {"patch_task_instance_dry_run", "Which task instances setting a state would change.", "PatchTaskInstanceBody",
     "200 TaskInstanceCollectionResponse;409"},
    {"patch_task_instance_by_map_index", "Sets the state or the note of one instance of a mapped task.",
     "PatchTaskInstanceBody", "200 TaskInstanceCollectionResponse;409"},
    {"patch_task_instance_dry_run_by_map_index", "Which task instances setting a state would change.",
     "PatchTaskInstanceBody", "200 TaskInstanceCollectionResponse;409"},
    {"patch_task_group_instances", "Sets the state or the note of all tasks of a group.", "PatchTaskInstanceBody",
     "200 TaskInstanceCollectionResponse;409"},
    {"patch_task_group_instances_dry_run", "Which task instances setting the state of a group would change.",
     "PatchTaskInstanceBody", "200 TaskInstanceCollectionResponse;409"},
    {"get_task_instances", "Lists the task instances of a run; ~ stands for all DAGs or all runs.", "",
     "200 TaskInstanceCollectionResponse"},
    {"get_task_instances_batch", "Lists task instances of any runs, chosen by a body. The path names all: ~.",
     "TaskInstancesBatchBody", "200 TaskInstanceCollectionResponse"},
    {"get_task_instance", "One task instance.", "", "200 TaskInstanceResponse"},
    {"get_mapped_task_instances", "Lists the instances of a mapped task.", "", "200 TaskInstanceCollectionResponse"},
    {"get_mapped_task_instance", "One instance of a mapped task.", "", "200 TaskInstanceResponse"},
    {"get_mapped_task_instance_tries", "The tries of one instance of a mapped task.", "",
     "200 TaskInstanceHistoryCollectionResponse"},
    {"get_mapped_task_instance_try_details", "One try of one instance of a mapped task.", "",
     "200 TaskInstanceHistoryResponse"},
    {"get_task_instance_tries", "The tries of a task instance.", "", "200 TaskInstanceHistoryCollectionResponse"},
    {"get_task_instance_try_details", "One try of a task instance.", "", "200 TaskInstanceHistoryResponse"},
    {"get_log",
     "The log of a try, from where the token says. While the try runs there is always a token to ask again with.", "",
     "200 TaskInstancesLogResponse application/x-ndjson text/plain"},
    {"get_xcom_entries", "Lists the outputs of a task instance, without their values.", "",
     "200 XComCollectionResponse"},
    {"get_xcom_entry", "One output of a task instance.", "", "200 XComResponseNative|XComResponseString"},
    {"create_xcom_entry", "Adds an output to a task instance.", "XComCreateBody", "201 XComResponseNative;409"},
    {"update_xcom_entry", "Replaces an output of a task instance.", "XComUpdateBody", "200 XComResponseNative;409"},
    {"delete_xcom_entry", "Deletes an output of a task instance.", "", "204;409"},
    {"get_import_errors", "Lists the DAG files that could not be loaded.", "", "200 ImportErrorCollectionResponse"},
    {"get_import_error", "What is wrong with one DAG file.", "", "200 ImportErrorResponse"},
    {"get_assets", "Lists the assets that tasks and schedules name.", "", "200 AssetCollectionResponse"},
    {"get_asset_aliases", "Lists aliases of assets; there are none.", "", "200 AssetAliasCollectionResponse"},
    {"get_asset_alias", "One alias of an asset.", "", "200 AssetAliasResponse"},
    {"get_asset_events", "Lists the events of assets: what changed when, and by which task.", "",
     "200 AssetEventCollectionResponse"},
    {"create_asset_event", "Reports that an asset has changed.", "CreateAssetEventsBody", "200 AssetEventResponse;404"},
    {"get_asset", "One asset.", "", "200 AssetResponse"},
    {"materialize_asset", "Asks for a run of the DAG that makes an asset.", "MaterializeAssetBody?",
     "200 DAGRunResponse;409"},
    {"get_asset_queued_events", "Lists the events of an asset that wait for others.", "",
     "200 QueuedEventCollectionResponse"},
    {"delete_asset_queued_events", "Deletes the events of an asset that wait for others.", "", "204"},
    {"list_asset_state_store", "Lists what is stored with an asset; nothing is.", "",
     "200 AssetStateStoreCollectionResponse"},
    {"clear_asset_state_store", "Deletes all that is stored with an asset.", "", "204"},
    {"get_asset_state_store", "A value that is stored with an asset.", "", "200 AssetStateStoreResponse"},
    {"set_asset_state_store", "Stores a value with an asset; not available.", "AssetStateStoreBody", "204"},
    {"delete_asset_state_store", "Deletes a value that is stored with an asset.", "", "204"},
    {"get_dag_asset_queued_events", "Lists the events of assets that a DAG waits with.", "",
     "200 QueuedEventCollectionResponse"},
    {"delete_dag_asset_queued_events", "Deletes the events of assets that a DAG waits with.", "", "204"},
    {"get_dag_asset_queued_event", "The event of an asset that a DAG waits with.", "", "200 QueuedEventResponse"},
    {"delete_dag_asset_queued_event", "Deletes the event of an asset that a DAG waits with.", "", "204"},
    {"get_upstream_asset_events", "Lists the events of assets that a run was started by.", "",
     "200 AssetEventCollectionResponse"},
    {"get_task_instance_dependencies", "What a task instance waits for.", "", "200 TaskDependencyCollectionResponse"},
    {"get_task_instance_dependencies_by_map_index", "What one instance of a mapped task waits for.", "",
     "200 TaskDependencyCollectionResponse"},
    {"get_extra_links", "Links of a task instance to other places; there are none.", "",
     "200 ExtraLinkCollectionResponse"},
    {"get_external_log_url", "Where a log is kept elsewhere; logs are kept here.", "", "200 ExternalLogUrlResponse"},
    {"list_task_state_store", "Lists what is stored with a task instance; nothing is.", "",
     "200 TaskStateStoreCollectionResponse"},
    {"clear_task_state_store", "Deletes all that is stored with a task instance.", "", "204"},
    {"get_task_state_store", "A value that is stored with a task instance.", "", "200 TaskStateStoreResponse"},
    {"set_task_state_store", "Stores a value with a task instance; not available.", "TaskStateStoreBody", "204"},
    {"patch_task_state_store", "Changes a value that is stored with a task instance; not available.",
     "TaskStateStorePatchBody", "200 any"},
    {"delete_task_state_store", "Deletes a value that is stored with a task instance.", "", "204"},
    {"get_hitl_details", "Lists what people are asked to decide; nothing is.", "", "200 HITLDetailCollection"},
    {"get_hitl_detail", "What people are asked to decide for a task instance.", "", "200 object"},
    {"update_hitl_detail", "Answers what people were asked to decide.", "object", "200 object"},
    {"get_hitl_detail_try_detail", "What people were asked to decide for a try.", "", "200 object"},
    {"clear_dag_run_partitions", "Clears runs by partition; runs have none here.", "ClearPartitionsBody",
     "200 ClearPartitionsResponse"},
    {"get_config", "The settings in force, with secrets masked; needs api.expose_config.", "",
     "200 Config text/plain;404"},
    {"get_config_value", "One setting; needs api.expose_config.", "", "200 Config text/plain"},
    {"get_jobs", "Lists the schedulers that lead.", "", "200 JobCollectionResponse"},
    {"get_plugins", "Lists plugins; there are none.", "", "200 PluginCollectionResponse"},
    {"import_errors", "Lists plugins that could not be loaded; there are none.", "",
     "200 PluginImportErrorCollectionResponse"},
    {"get_providers", "Lists providers; there are none.", "", "200 ProviderCollectionResponse"},
    {"reparse_dag_file", "Asks that a DAG file be read again. Files are watched, so that it is done already.", "",
     "201 null"},
    {"login", "Leads to where one logs in.", "", "307"},
    {"logout", "Leads to where one has logged out.", "", "307"},
    {"get_event_logs", "Lists what happened: what people asked for, and every change of a run and a task.", "",
     "200 EventLogCollectionResponse"},
    {"get_event_log", "One thing that happened.", "", "200 EventLogResponse"},
    {"get_dag_versions", "Lists the versions of a DAG; ~ stands for all DAGs.", "", "200 DAGVersionCollectionResponse"},
    {"get_dag_version", "One version of a DAG.", "", "200 DagVersionResponse"},
    {"get_dag_tags", "Lists the tags of all DAGs.", "", "200 DAGTagCollectionResponse"},
    {"get_dag_stats", "How many runs DAGs have, by state.", "", "200 DagStatsCollectionResponse"},
    {"list_dag_warnings", "Lists what is doubtful about DAGs, such as pools that do not exist.", "",
     "200 DAGWarningCollectionResponse"},
    {"get_pools", "Lists pools.", "", "200 PoolCollectionResponse"},
    {"post_pool", "Makes a pool.", "PoolBody", "201 PoolResponse;409"},
    {"bulk_pools", "Makes, changes or deletes many pools.", "BulkBody_PoolBody_", "200 BulkResponse"},
    {"get_pool", "One pool.", "", "200 PoolResponse"},
    {"patch_pool", "Changes a pool.", "PoolPatchBody", "200 PoolResponse;409"},
    {"delete_pool", "Deletes a pool.", "", "204;409"},
    {"get_variables", "Lists variables; secrets are masked.", "", "200 VariableCollectionResponse"},
    {"post_variable", "Makes a variable.", "VariableBody", "201 VariableResponse;409"},
    {"bulk_variables", "Makes, changes or deletes many variables.", "BulkBody_VariableBody_", "200 BulkResponse"},
    {"get_variable", "One variable; a secret is masked.", "", "200 VariableResponse"},
    {"patch_variable", "Changes a variable.", "VariableBody", "200 VariableResponse"},
    {"delete_variable", "Deletes a variable.", "", "204"},
    {"get_connections", "Lists connections; secrets are masked.", "", "200 ConnectionCollectionResponse"},
    {"post_connection", "Makes a connection.", "ConnectionBody", "201 ConnectionResponse;409"},
    {"bulk_connections", "Makes, changes or deletes many connections.", "BulkBody_ConnectionBody_", "200 BulkResponse"},
    {"test_connection", "Whether the host of a connection accepts connections; only with the setting for it.",
     "ConnectionBody", "200 ConnectionTestResponse"},
    {"get_connection", "One connection; secrets are masked.", "", "200 ConnectionResponse"},
    {"patch_connection", "Changes a connection.", "ConnectionBody", "200 ConnectionResponse"},
    {"delete_connection", "Deletes a connection.", "", "204"},
    {"list_backfills", "Lists the backfills of a DAG.", "", "200 BackfillCollectionResponse"},
    {"create_backfill", "Makes the runs of a range of the past.", "BackfillPostBody", "200 BackfillResponse;404;409"},
    {"create_backfill_dry_run", "Which runs a backfill would make.", "BackfillPostBody",
     "200 DryRunBackfillCollectionResponse;404;409"},
    {"get_backfill", "One backfill.", "", "200 BackfillResponse"},
    {"pause_backfill", "Starts no further run of a backfill until it is unpaused.", "", "200 BackfillResponse;409"},
    {"unpause_backfill", "Lets a backfill go on.", "", "200 BackfillResponse;409"},
    {"cancel_backfill", "Ends a backfill: runs that have not begun are not made.", "", "200 BackfillResponse;409"},
    {"ext_get_backfill_progress", "How far a backfill is, and what has failed.", "", "200 BackfillProgress"},
    {"ext_simulate", "Says what would run when, under a simulated clock. Changes nothing.", "SimulateBody",
     "200 Simulation;404;429"},
    {"ext_get_queue", "What waits for a slot, in the order of the queue.", "", "200 Queue"},
    {"ext_get_dag_history", "What happened to a DAG itself: versions, pauses, deletions.", "", "200 DagHistory"},
    {"ext_get_deadlines", "The deadlines of a run, and whether it has met them.", "", "200 Deadlines"},
    {"ext_get_run", "A run with how often it was cleared, and which runs repeat it.", "", "200 ExtRun"},
    {"ext_get_run_events", "Every change of a run and its tasks.", "", "200 RunEvents"},
    {"ext_cancel_run", "Ends a run and all that runs in it.", "", "200 DAGRunResponse;409"},
    {"ext_rerun", "Makes a new run that repeats an old one.", "RerunBody", "200 ExtRun;409"},
    {"ext_get_progress", "All that a live display needs, waiting for a change when asked to.", "", "200 Progress"},
    {"ext_get_run_links", "The task that has made a run, and the runs that its tasks have made.", "", "200 RunLinks"},
    {"ext_get_run_at", "A run as it was at an instant.", "", "200 RunAt;410"},
    {"ext_get_run_diff", "How two runs of a DAG differ.", "", "200 RunDiff"},
    {"ext_get_task_instances", "Task instances with how their last try really ended.", "", "200 ExtTaskInstances"},
    {"ext_get_tries", "Tries with how they really ended.", "", "200 ExtTries"},
    {"ext_get_why", "What a task instance waits for, or how it came to be as it is.", "", "200 Why"},
    {"create_default_connections", "Makes the connections that are there by default.", "", "204;409"},
    {"ext_get_run_source", "The file that the version of a run was read from.", "", "200 object text/plain;410"},
    {"ext_get_audit", "Lists who changed what, and who was refused.", "", "200 object application/x-ndjson text/csv"},
    {"ext_get_event_stream", "Everything that happens, as it happens: server-sent events.", "",
     "200 - text/event-stream;429"},
    {"ext_login_page", "The page to log in on.", "", "200 - text/html;302;303;429"},
    {"ext_login", "Logs in with a name and a password, for browsers.", "", "200 - text/html;302;303;401;403;429"},
    {"ext_logout_page", "The page to log out on.", "", "200 - text/html;302;303"},
    {"ext_logout", "Ends the session of a browser.", "", "200 - text/html;204;302;303;401;403"},
    {"ext_oidc_login", "Leads to the provider where one logs in.", "", "302;303;404;429"},
    {"ext_oidc_callback", "Where the provider leads back to.", "", "200 - text/html;302;303;401;403;404;429"},
    {"ext_get_sessions", "Lists the caller's sessions.", "", "200 Sessions"},
    {"ext_delete_sessions", "Ends the caller's sessions.", "", "204"},
    {"ext_delete_session", "Ends a session.", "", "204"},
    {"ext_get_me", "Who asks, and what that caller may do.", "", "200 Me"},
    {"ext_change_my_password", "Changes the caller's password.", "PasswordChange", "204;429"},
    {"ext_get_tokens", "Lists access tokens, without the tokens themselves.", "", "200 Tokens;404"},
    {"ext_post_token", "Makes an access token.", "TokenBody", "201 NewToken;404;409"},
    {"ext_delete_token", "Revokes an access token.", "", "204;409"},
    {"ext_get_users", "Lists users.", "", "200 Users"},
    {"ext_post_user", "Makes a user.", "UserBody", "201 Account;404;409;429"},
    {"ext_get_user", "One user.", "", "200 Account"},
    {"ext_patch_user", "Changes a user.", "UserPatchBody", "200 Account;409;429"},
    {"ext_delete_user", "Deletes a user.", "", "204;409"},
    {"ext_get_service_accounts", "Lists service accounts.", "", "200 ServiceAccounts"},
    {"ext_post_service_account", "Makes a service account.", "ServiceAccountBody", "201 Account;404;409"},
    {"ext_get_service_account", "One service account.", "", "200 Account"},
    {"ext_patch_service_account", "Changes a service account.", "ServiceAccountPatchBody", "200 Account;409"},
    {"ext_delete_service_account", "Deletes a service account.", "", "204;409"},
    {"ext_get_roles", "Lists roles.", "", "200 AccessRoles"},
    {"ext_post_role", "Makes a role.", "RoleBody", "201 AccessRole;409"},
    {"ext_get_role", "One role.", "", "200 AccessRole"},
    {"ext_patch_role", "Changes a role.", "RolePatchBody", "200 AccessRole;409"},
    {"ext_delete_role", "Deletes a role.", "", "204;409"},
    {"ext_get_grants", "Lists grants.", "", "200 Grants"},
    {"ext_post_grant", "Grants a role on some DAGs.", "GrantBody", "201 Grant;404;409"},
    {"ext_delete_grant", "Takes a grant away.", "", "204;409"},
};

// The next piece up to `separator`, which goes, too.
std::string_view Next(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return piece;
}

Documented ReadAnswer(std::string_view text) {
  Documented answer;
  const std::string_view status = Next(text, ' ');
  std::from_chars(status.data(), status.data() + status.size(), answer.status);
  if (answer.status >= 400) answer.type = "HTTPExceptionResponse";
  if (const std::string_view type = Next(text, ' '); !type.empty() && type != "-") answer.type = type;
  while (!text.empty()) answer.media.push_back(Next(text, ' '));
  return answer;
}

}  // namespace

const OperationRow* FindOperation(std::string_view id) {
  const auto found =
      std::find_if(std::begin(kRows), std::end(kRows), [&](const OperationRow& row) { return row.id == id; });
  return found == std::end(kRows) ? nullptr : found;
}

std::vector<Documented> AnswersOf(const Route& route) {
  std::vector<Documented> answers;
  const auto add = [&](int status, std::string_view type = "HTTPExceptionResponse") {
    const bool known =
        std::any_of(answers.begin(), answers.end(), [&](const Documented& a) { return a.status == status; });
    if (!known) answers.push_back({status, type, {}});
  };
  const OperationRow* row = FindOperation(route.operation_id);
  for (std::string_view rest = row == nullptr ? std::string_view("200 any") : row->answers; !rest.empty();)
    answers.push_back(ReadAnswer(Next(rest, ';')));
  const bool changes = route.method != "GET";
  const bool carries = changes && route.method != "DELETE";
  if (!changes && answers.front().status == 200) add(304, "");
  add(400);
  if (!IsPublic(route)) {
    add(401);
    add(403);
  }
  if (route.pattern.find('{') != std::string_view::npos) add(404);
  if (!changes) add(406);
  if (carries) {
    add(413);
    add(415);
  }
  add(422, "HTTPValidationError");
  add(503);
  // Browsers get a page where something is wrong, too.
  for (Documented& answer : answers) {
    if (route.answer == Answer::kPage && answer.status >= 400) answer.media.emplace_back("text/html");
  }
  std::sort(answers.begin(), answers.end(),
            [](const Documented& a, const Documented& b) { return a.status < b.status; });
  return answers;
}

bool IsPublic(const Route& route) {
  return route.need.IsPublic();
}

bool NeedsToken(const Route& route) {
  return !route.need.IsPublic() && !route.need.open_from_loopback();
}

std::string_view HeadingOf(const Route& route) {
  constexpr std::pair<std::string_view, std::string_view> kHeadings[] = {
      {"/api/ext/v1/", "Beyond Airflow"},
      {"/taskInstances/{task_id}/xcomEntries", "Outputs"},
      {"/state-store", "Assets"},
      {"/assets", "Assets"},
      {"/upstreamAssetEvents", "Assets"},
      {"/queuedEvents", "Assets"},
      {"/taskInstances", "Task instances"},
      {"/taskGroupInstances", "Task instances"},
      {"/clearTaskInstances", "Task instances"},
      {"/hitlDetails", "Task instances"},
      {"Runs", "Runs"},
      {"/clearPartitions", "Runs"},
      {"/backfills", "Backfills"},
      {"/pools", "Pools"},
      {"/variables", "Variables"},
      {"/connections", "Connections"},
      {"/eventLogs", "History"},
      {"/api/v2/dag", "DAGs"},
      {"/importErrors", "DAGs"},
      {"/parseDagFile", "DAGs"},
  };
  for (const auto& [part, heading] : kHeadings) {
    if (route.pattern.find(part) != std::string_view::npos) return heading;
  }
  return "Server";
}

}  // namespace pipelined::api
