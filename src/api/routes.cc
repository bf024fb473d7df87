#include "api/routes.h"

#include <algorithm>
#include <exception>

#include "api/auth.h"
#include "api/cors.h"
#include "api/errors.h"
#include "api/handlers.h"
#include "api/negotiate.h"

namespace pipelined::api {
namespace {

#define DAG "/api/v2/dags/{dag_id}"
#define RUN DAG "/dagRuns/{dag_run_id}"
#define TASK RUN "/taskInstances/{task_id}"
#define BACKFILL "/api/v2/backfills/{backfill_id}"
#define EXT_RUN "/api/ext/v1/dags/{dag_id}/dagRuns/{dag_run_id}"

constexpr Route kRoutes[] = {
    {"GET", "/api/v2/monitor/health", "get_health", Access::kPublic, Role::kViewer, GetHealth},
    {"GET", "/api/v2/version", "get_version", Access::kPublic, Role::kViewer, GetVersion},
    {"POST", "/auth/token", "create_token", Access::kPublic, Role::kViewer, PostToken},
    {"GET", "/openapi.json", "get_openapi", Access::kPublic, Role::kViewer, GetOpenApi},
    {"GET", "/docs", "get_docs", Access::kPublic, Role::kViewer, GetDocs, Answer::kOther},
    {"GET", "/metrics", "get_metrics", Access::kLoopback, Role::kViewer, GetMetrics, Answer::kOther},

    {"GET", "/api/v2/dags", "get_dags", Access::kToken, Role::kViewer, GetDags},
    {"PATCH", "/api/v2/dags", "patch_dags", Access::kToken, Role::kUser, PatchDags},
    {"POST", DAG "/favorite", "favorite_dag", Access::kToken, Role::kViewer, FavorDag},
    {"POST", DAG "/unfavorite", "unfavorite_dag", Access::kToken, Role::kViewer, UnfavorDag},
    {"GET", DAG, "get_dag", Access::kToken, Role::kViewer, GetDag},
    {"PATCH", DAG, "patch_dag", Access::kToken, Role::kUser, PatchDag},
    {"DELETE", DAG, "delete_dag", Access::kToken, Role::kUser, DeleteDag},
    {"GET", DAG "/details", "get_dag_details", Access::kToken, Role::kViewer, GetDagDetails},
    {"GET", DAG "/tasks", "get_tasks", Access::kToken, Role::kViewer, GetTasks},
    {"GET", DAG "/tasks/{task_id}", "get_task", Access::kToken, Role::kViewer, GetTask},
    {"GET", "/api/v2/dagSources/{dag_id}", "get_dag_source", Access::kToken, Role::kViewer, GetDagSource,
     Answer::kOther},

    {"GET", DAG "/dagRuns", "get_dag_runs", Access::kToken, Role::kViewer, GetRuns},
    {"POST", DAG "/dagRuns", "trigger_dag_run", Access::kToken, Role::kUser, TriggerRun},
    {"POST", DAG "/dagRuns/list", "get_list_dag_runs_batch", Access::kToken, Role::kViewer, PostRunsList},
    {"GET", RUN "/wait", "wait_dag_run_until_finished", Access::kToken, Role::kViewer, WaitForRun, Answer::kOther},
    {"GET", RUN, "get_dag_run", Access::kToken, Role::kViewer, GetRun},
    {"PATCH", DAG "/dagRuns", "bulk_dag_runs", Access::kToken, Role::kUser, PatchRuns},
    {"POST", DAG "/clearDagRuns", "clear_dag_runs", Access::kToken, Role::kUser, ClearRuns},
    {"DELETE", RUN, "delete_dag_run", Access::kToken, Role::kUser, RemoveRun},
    {"PATCH", RUN, "patch_dag_run", Access::kToken, Role::kUser, PatchRun},
    {"POST", RUN "/clear", "clear_dag_run", Access::kToken, Role::kUser, ClearRun},
    {"POST", DAG "/clearTaskInstances", "post_clear_task_instances", Access::kToken, Role::kUser, ClearTaskInstances},
    {"PATCH", RUN "/taskInstances", "bulk_task_instances", Access::kToken, Role::kUser, PatchInstances},
    {"DELETE", TASK, "delete_task_instance", Access::kToken, Role::kUser, RemoveTaskInstance},
    {"PATCH", TASK, "patch_task_instance", Access::kToken, Role::kUser, PatchTaskInstance},
    {"PATCH", TASK "/dry_run", "patch_task_instance_dry_run", Access::kToken, Role::kUser, PatchTaskInstanceDryRun},
    {"PATCH", TASK "/{map_index}", "patch_task_instance_by_map_index", Access::kToken, Role::kUser, PatchTaskInstance},
    {"PATCH", TASK "/{map_index}/dry_run", "patch_task_instance_dry_run_by_map_index", Access::kToken, Role::kUser,
     PatchTaskInstanceDryRun},
    {"PATCH", RUN "/taskGroupInstances/{group_id}", "patch_task_group_instances", Access::kToken, Role::kUser,
     PatchTaskGroup},
    {"PATCH", RUN "/taskGroupInstances/{group_id}/dry_run", "patch_task_group_instances_dry_run", Access::kToken,
     Role::kUser, PatchTaskGroupDryRun},

    {"GET", RUN "/taskInstances", "get_task_instances", Access::kToken, Role::kViewer, GetTaskInstances},
    {"POST", RUN "/taskInstances/list", "get_task_instances_batch", Access::kToken, Role::kViewer, PostInstancesList},
    {"GET", TASK, "get_task_instance", Access::kToken, Role::kViewer, GetTaskInstance},
    {"GET", TASK "/listMapped", "get_mapped_task_instances", Access::kToken, Role::kViewer, GetMappedTaskInstances},
    {"GET", TASK "/{map_index}", "get_mapped_task_instance", Access::kToken, Role::kViewer, GetTaskInstance},
    {"GET", TASK "/{map_index}/tries", "get_mapped_task_instance_tries", Access::kToken, Role::kViewer, GetTries},
    {"GET", TASK "/{map_index}/tries/{task_try_number}", "get_mapped_task_instance_try_details", Access::kToken,
     Role::kViewer, GetTry},
    {"GET", TASK "/tries", "get_task_instance_tries", Access::kToken, Role::kViewer, GetTries},
    {"GET", TASK "/tries/{task_try_number}", "get_task_instance_try_details", Access::kToken, Role::kViewer, GetTry},
    {"GET", TASK "/logs/{try_number}", "get_log", Access::kToken, Role::kViewer, GetLog, Answer::kOther},
    {"GET", TASK "/xcomEntries", "get_xcom_entries", Access::kToken, Role::kViewer, GetXComEntries},
    {"GET", TASK "/xcomEntries/{xcom_key}", "get_xcom_entry", Access::kToken, Role::kViewer, GetXComEntry},
    {"POST", TASK "/xcomEntries", "create_xcom_entry", Access::kToken, Role::kUser, PostXComEntry},
    {"PATCH", TASK "/xcomEntries/{xcom_key}", "update_xcom_entry", Access::kToken, Role::kUser, PatchXComEntry},
    {"DELETE", TASK "/xcomEntries/{xcom_key}", "delete_xcom_entry", Access::kToken, Role::kUser, RemoveXComEntry},

    {"GET", "/api/v2/importErrors", "get_import_errors", Access::kToken, Role::kViewer, GetImportErrors},
    {"GET", "/api/v2/importErrors/{import_error_id}", "get_import_error", Access::kToken, Role::kViewer,
     GetImportError},

    {"GET", "/api/v2/assets", "get_assets", Access::kToken, Role::kViewer, GetAssets},
    {"GET", "/api/v2/assets/aliases", "get_asset_aliases", Access::kToken, Role::kViewer, GetAssetAliases},
    {"GET", "/api/v2/assets/aliases/{asset_alias_id}", "get_asset_alias", Access::kToken, Role::kViewer, GetAssetAlias},
    {"GET", "/api/v2/assets/events", "get_asset_events", Access::kToken, Role::kViewer, GetAssetEvents},
    {"POST", "/api/v2/assets/events", "create_asset_event", Access::kToken, Role::kUser, PostAssetEvent},
    {"GET", "/api/v2/assets/{asset_id}", "get_asset", Access::kToken, Role::kViewer, GetAsset},
    {"POST", "/api/v2/assets/{asset_id}/materialize", "materialize_asset", Access::kToken, Role::kUser,
     MaterializeAsset},
    {"GET", "/api/v2/assets/{asset_id}/queuedEvents", "get_asset_queued_events", Access::kToken, Role::kViewer,
     GetAssetQueuedEvents},
    {"DELETE", "/api/v2/assets/{asset_id}/queuedEvents", "delete_asset_queued_events", Access::kToken, Role::kUser,
     DeleteAssetQueuedEvents},
    {"GET", "/api/v2/assets/{asset_id}/state-store", "list_asset_state_store", Access::kToken, Role::kViewer,
     GetAssetState},
    {"DELETE", "/api/v2/assets/{asset_id}/state-store", "clear_asset_state_store", Access::kToken, Role::kUser,
     ClearAssetState},
    {"GET", "/api/v2/assets/{asset_id}/state-store/{key}", "get_asset_state_store", Access::kToken, Role::kViewer,
     NoAssetState},
    {"PUT", "/api/v2/assets/{asset_id}/state-store/{key}", "set_asset_state_store", Access::kToken, Role::kUser,
     NoAssetState},
    {"DELETE", "/api/v2/assets/{asset_id}/state-store/{key}", "delete_asset_state_store", Access::kToken, Role::kUser,
     NoAssetState},
    {"GET", DAG "/assets/queuedEvents", "get_dag_asset_queued_events", Access::kToken, Role::kViewer,
     GetDagQueuedEvents},
    {"DELETE", DAG "/assets/queuedEvents", "delete_dag_asset_queued_events", Access::kToken, Role::kUser,
     DeleteDagQueuedEvents},
    {"GET", DAG "/assets/{asset_id}/queuedEvents", "get_dag_asset_queued_event", Access::kToken, Role::kViewer,
     NoDagQueuedEvent},
    {"DELETE", DAG "/assets/{asset_id}/queuedEvents", "delete_dag_asset_queued_event", Access::kToken, Role::kUser,
     NoDagQueuedEvent},
    {"GET", RUN "/upstreamAssetEvents", "get_upstream_asset_events", Access::kToken, Role::kViewer,
     GetUpstreamAssetEvents},

    {"GET", TASK "/dependencies", "get_task_instance_dependencies", Access::kToken, Role::kViewer, GetDependencies},
    {"GET", TASK "/{map_index}/dependencies", "get_task_instance_dependencies_by_map_index", Access::kToken,
     Role::kViewer, GetDependencies},
    {"GET", TASK "/links", "get_extra_links", Access::kToken, Role::kViewer, GetExtraLinks},
    {"GET", TASK "/externalLogUrl/{try_number}", "get_external_log_url", Access::kToken, Role::kViewer,
     GetExternalLogUrl},
    {"GET", TASK "/state-store", "list_task_state_store", Access::kToken, Role::kViewer, GetTaskState},
    {"DELETE", TASK "/state-store", "clear_task_state_store", Access::kToken, Role::kUser, ClearTaskState},
    {"GET", TASK "/state-store/{key}", "get_task_state_store", Access::kToken, Role::kViewer, NoTaskState},
    {"PUT", TASK "/state-store/{key}", "set_task_state_store", Access::kToken, Role::kUser, NoTaskState},
    {"PATCH", TASK "/state-store/{key}", "patch_task_state_store", Access::kToken, Role::kUser, NoTaskState},
    {"DELETE", TASK "/state-store/{key}", "delete_task_state_store", Access::kToken, Role::kUser, NoTaskState},
    {"GET", RUN "/hitlDetails", "get_hitl_details", Access::kToken, Role::kViewer, GetHitlDetails},
    {"GET", TASK "/{map_index}/hitlDetails", "get_hitl_detail", Access::kToken, Role::kViewer, NoHitlDetail},
    {"PATCH", TASK "/{map_index}/hitlDetails", "update_hitl_detail", Access::kToken, Role::kUser, NoHitlDetail},
    {"GET", TASK "/{map_index}/hitlDetails/tries/{try_number}", "get_hitl_detail_try_detail", Access::kToken,
     Role::kViewer, NoHitlDetail},
    {"POST", DAG "/clearPartitions", "clear_dag_run_partitions", Access::kToken, Role::kUser, ClearPartitions},

    {"GET", "/api/v2/config", "get_config", Access::kToken, Role::kAdmin, GetConfig, Answer::kOther},
    {"GET", "/api/v2/config/section/{section}/option/{option}", "get_config_value", Access::kToken, Role::kAdmin,
     GetConfigValue, Answer::kOther},
    {"GET", "/api/v2/jobs", "get_jobs", Access::kToken, Role::kViewer, GetJobs},
    {"GET", "/api/v2/plugins", "get_plugins", Access::kToken, Role::kViewer, GetPlugins},
    {"GET", "/api/v2/plugins/importErrors", "import_errors", Access::kToken, Role::kViewer, GetPluginImportErrors},
    {"GET", "/api/v2/providers", "get_providers", Access::kToken, Role::kViewer, GetProviders},
    {"PUT", "/api/v2/parseDagFile/{file_token}", "reparse_dag_file", Access::kToken, Role::kUser, ReparseFile},
    {"GET", "/api/v2/auth/login", "login", Access::kPublic, Role::kViewer, GetLogin},
    {"GET", "/api/v2/auth/logout", "logout", Access::kToken, Role::kViewer, GetLogout},

    {"GET", "/api/v2/eventLogs", "get_event_logs", Access::kToken, Role::kViewer, GetEventLogs},
    {"GET", "/api/v2/eventLogs/{event_log_id}", "get_event_log", Access::kToken, Role::kViewer, GetEventLog},
    {"GET", DAG "/dagVersions", "get_dag_versions", Access::kToken, Role::kViewer, GetDagVersions},
    {"GET", DAG "/dagVersions/{version_number}", "get_dag_version", Access::kToken, Role::kViewer, GetDagVersion},
    {"GET", "/api/v2/dagTags", "get_dag_tags", Access::kToken, Role::kViewer, GetDagTags},
    {"GET", "/api/v2/dagStats", "get_dag_stats", Access::kToken, Role::kViewer, GetDagStats},
    {"GET", "/api/v2/dagWarnings", "list_dag_warnings", Access::kToken, Role::kViewer, GetDagWarnings},

    {"GET", "/api/v2/pools", "get_pools", Access::kToken, Role::kViewer, GetPools},
    {"POST", "/api/v2/pools", "post_pool", Access::kToken, Role::kOp, PostPool},
    {"PATCH", "/api/v2/pools", "bulk_pools", Access::kToken, Role::kOp, PatchPools},
    {"GET", "/api/v2/pools/{pool_name}", "get_pool", Access::kToken, Role::kViewer, GetPool},
    {"PATCH", "/api/v2/pools/{pool_name}", "patch_pool", Access::kToken, Role::kOp, PatchPool},
    {"DELETE", "/api/v2/pools/{pool_name}", "delete_pool", Access::kToken, Role::kOp, DeletePool},

    {"GET", "/api/v2/variables", "get_variables", Access::kToken, Role::kOp, GetVariables},
    {"POST", "/api/v2/variables", "post_variable", Access::kToken, Role::kOp, PostVariable},
    {"PATCH", "/api/v2/variables", "bulk_variables", Access::kToken, Role::kOp, BulkVariables},
    {"GET", "/api/v2/variables/{variable_key}", "get_variable", Access::kToken, Role::kOp, GetVariable},
    {"PATCH", "/api/v2/variables/{variable_key}", "patch_variable", Access::kToken, Role::kOp, PatchVariable},
    {"DELETE", "/api/v2/variables/{variable_key}", "delete_variable", Access::kToken, Role::kOp, DeleteVariable},

    {"GET", "/api/v2/connections", "get_connections", Access::kToken, Role::kOp, GetConnections},
    {"POST", "/api/v2/connections", "post_connection", Access::kToken, Role::kOp, PostConnection},
    {"PATCH", "/api/v2/connections", "bulk_connections", Access::kToken, Role::kOp, BulkConnections},
    {"POST", "/api/v2/connections/test", "test_connection", Access::kToken, Role::kOp, TestConnection},
    {"GET", "/api/v2/connections/{connection_id}", "get_connection", Access::kToken, Role::kOp, GetConnection},
    {"PATCH", "/api/v2/connections/{connection_id}", "patch_connection", Access::kToken, Role::kOp, PatchConnection},
    {"DELETE", "/api/v2/connections/{connection_id}", "delete_connection", Access::kToken, Role::kOp, DeleteConnection},

    {"GET", "/api/v2/backfills", "list_backfills", Access::kToken, Role::kViewer, GetBackfills},
    {"POST", "/api/v2/backfills", "create_backfill", Access::kToken, Role::kOp, PostBackfill},
    {"POST", "/api/v2/backfills/dry_run", "create_backfill_dry_run", Access::kToken, Role::kOp, PostBackfillDryRun},
    {"GET", BACKFILL, "get_backfill", Access::kToken, Role::kViewer, GetBackfill},
    {"PUT", BACKFILL "/pause", "pause_backfill", Access::kToken, Role::kOp, PauseBackfill},
    {"PUT", BACKFILL "/unpause", "unpause_backfill", Access::kToken, Role::kOp, UnpauseBackfill},
    {"PUT", BACKFILL "/cancel", "cancel_backfill", Access::kToken, Role::kOp, CancelBackfill},
    {"GET", "/api/ext/v1/backfills/{backfill_id}/progress", "ext_get_backfill_progress", Access::kToken, Role::kViewer,
     GetBackfillProgress},

    {"GET", "/api/ext/v1/queue", "ext_get_queue", Access::kToken, Role::kViewer, GetQueue},
    {"GET", "/api/ext/v1/dags/{dag_id}/history", "ext_get_dag_history", Access::kToken, Role::kViewer, GetDagHistory},
    {"GET", EXT_RUN "/deadlines", "ext_get_deadlines", Access::kToken, Role::kViewer, GetDeadlines},
    {"GET", EXT_RUN, "ext_get_run", Access::kToken, Role::kViewer, GetRunWithLinks},
    {"GET", EXT_RUN "/events", "ext_get_run_events", Access::kToken, Role::kViewer, GetRunEvents},
    {"POST", EXT_RUN "/cancel", "ext_cancel_run", Access::kToken, Role::kUser, CancelRun},
    {"POST", EXT_RUN "/rerun", "ext_rerun", Access::kToken, Role::kUser, PostRerun},
    {"GET", EXT_RUN "/progress", "ext_get_progress", Access::kToken, Role::kViewer, GetProgress},
    {"GET", EXT_RUN "/links", "ext_get_run_links", Access::kToken, Role::kViewer, GetRunLinks},
    {"GET", EXT_RUN "/at", "ext_get_run_at", Access::kToken, Role::kViewer, GetRunAt},
    {"GET", EXT_RUN "/diff", "ext_get_run_diff", Access::kToken, Role::kViewer, GetRunDiff},
    {"GET", EXT_RUN "/taskInstances", "ext_get_task_instances", Access::kToken, Role::kViewer,
     GetInstancesWithOutcomes},
    {"GET", EXT_RUN "/taskInstances/{task_id}/tries", "ext_get_tries", Access::kToken, Role::kViewer,
     GetTriesWithOutcomes},
    {"GET", EXT_RUN "/taskInstances/{task_id}/why", "ext_get_why", Access::kToken, Role::kViewer, GetWhy},
};

#undef DAG
#undef RUN
#undef TASK
#undef BACKFILL
#undef EXT_RUN

std::vector<std::string_view> Split(std::string_view pattern) {
  std::vector<std::string_view> parts;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);  // the slash
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    parts.push_back(pattern.substr(0, end));
    pattern.remove_prefix(end);
  }
  return parts;
}

const std::vector<std::vector<std::string_view>>& Patterns() {
  static const std::vector<std::vector<std::string_view>> kPatterns = [] {
    std::vector<std::vector<std::string_view>> all;
    for (const Route& route : kRoutes) all.push_back(Split(route.pattern));
    return all;
  }();
  return kPatterns;
}

bool IsVariable(std::string_view part) {
  return part.front() == '{';
}

bool Fits(const std::vector<std::string_view>& pattern, const std::vector<std::string>& segments) {
  return std::equal(pattern.begin(), pattern.end(), segments.begin(), segments.end(),
                    [](std::string_view part, const std::string& segment) {
                      return IsVariable(part) ? !segment.empty() : part == segment;
                    });
}

// "dry_run" cannot be meant as a number.
bool NumbersFit(const std::vector<std::string_view>& pattern, const std::vector<std::string>& segments) {
  return std::equal(pattern.begin(), pattern.end(), segments.begin(),
                    [](std::string_view part, const std::string& segment) {
                      const bool number = part == "{map_index}" || part == "{backfill_id}" || part == "{asset_id}";
                      return !number || segment.find_first_not_of("-0123456789") == std::string::npos;
                    });
}

// Which of two patterns that both fit is the more literal one, from the left.
bool MoreLiteral(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(),
      [](std::string_view x, std::string_view y) { return IsVariable(y) && !IsVariable(x); });
}

// The refusal of a route that needs somebody, or nothing and `caller` filled in.
std::optional<Response> Admit(Service& service, const Request& request, const Route& route, Caller& caller) {
  if (route.access == Access::kPublic) return std::nullopt;
  if (route.access == Access::kLoopback && IsLoopback(request.remote)) return std::nullopt;
  std::variant<Caller, Response> who = Authenticate(service, request);
  if (Response* refusal = std::get_if<Response>(&who)) return std::move(*refusal);
  caller = std::get<Caller>(std::move(who));
  if (caller.role < route.role) return Detail(403, "Forbidden: your role may not do this");
  return std::nullopt;
}

Response NotAllowed(const std::vector<std::string_view>& methods) {
  Response response = Detail(405, "Method Not Allowed");
  response.headers.emplace_back("Allow", Allow(methods));
  return response;
}

// What the handler need not be asked for: a body that it cannot read, an answer that its client cannot.
std::optional<Response> RefuseForm(const Request& request, const Route& route) {
  const bool carries = route.method == "POST" || route.method == "PUT" || route.method == "PATCH";
  if (carries) return RefuseMedia(request);
  return route.method == "GET" && route.answer == Answer::kJson ? RefuseAccept(request) : std::nullopt;
}

Response Run(Service& service, const Request& request, Caller& caller) {
  const std::string_view method = request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
  Match match = FindRoute(method, request.segments);
  if (match.route == nullptr && match.methods.empty())
    return Json(404, Value::Map{{"error", "Not found: " + request.path}});
  if (match.route == nullptr) return method == "OPTIONS" ? Options(match.methods) : NotAllowed(match.methods);
  if (std::optional<Response> refusal = Admit(service, request, *match.route, caller)) return *std::move(refusal);
  if (std::optional<Response> refusal = RefuseForm(request, *match.route)) return *std::move(refusal);
  return match.route->handler(Call{service, request, caller, std::move(match.args)});
}

}  // namespace

std::span<const Route> Routes() {
  return kRoutes;
}

Match FindRoute(std::string_view method, const std::vector<std::string>& segments) {
  const auto& patterns = Patterns();
  const std::vector<std::string_view>*best = nullptr, *any = nullptr;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (!Fits(patterns[i], segments)) continue;
    if (any == nullptr || MoreLiteral(patterns[i], *any)) any = &patterns[i];
    // A run may be called "list": the way to it is not barred by what there is to POST.
    if (kRoutes[i].method == method && (best == nullptr || MoreLiteral(patterns[i], *best))) best = &patterns[i];
  }
  if (best == nullptr || !NumbersFit(*best, segments)) best = any;
  Match match;
  if (best == nullptr) return match;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (patterns[i] != *best) continue;
    match.methods.push_back(kRoutes[i].method);
    if (kRoutes[i].method == method) match.route = &kRoutes[i];
  }
  for (std::size_t i = 0; i < best->size(); ++i) {
    const std::string_view part = (*best)[i];
    if (IsVariable(part)) match.args.emplace_back(part.substr(1, part.size() - 2), segments[i]);
  }
  return match;
}

Response Dispatch(Service& service, const Request& request) {
  Caller caller;
  try {
    Response response = Run(service, request, caller);
    response.user = caller.name;
    return response;
  } catch (const std::exception& failure) {  // a bug of ours must not take the server down
    return ErrorResponse({ErrorCode::kBug, failure.what(), ""});
  }
}

}  // namespace pipelined::api
