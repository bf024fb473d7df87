#include "api/routes.h"

#include <algorithm>
#include <exception>

#include <fmt/format.h>

#include "api/access/audit.h"
#include "api/access/auth.h"
#include "api/access/guarded_feed.h"
#include "api/http/cors.h"
#include "api/vault/default_connections.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/negotiate.h"
#include "api/http/pages.h"
#include "api/runs/run_source.h"
#include "api/access/scoped_catalog.h"
#include "pipelined/base/hash.h"

namespace pipelined::api {
namespace {

using access::Permission;

#define DAG "/api/v2/dags/{dag_id}"
#define RUN DAG "/dagRuns/{dag_run_id}"
#define TASK RUN "/taskInstances/{task_id}"
#define BACKFILL "/api/v2/backfills/{backfill_id}"
#define SERVICES "/api/ext/v1/service-accounts"
#define EXT_RUN "/api/ext/v1/dags/{dag_id}/dagRuns/{dag_run_id}"

constexpr Route kRoutes[] = {
    {"GET", "/api/v2/monitor/health", "get_health", Need::Public(), GetHealth},
    {"GET", "/api/v2/version", "get_version", Need::Public(), GetVersion},
    {"POST", "/auth/token", "create_token", Need::Public(), PostToken},
    {"GET", "/auth/login", "ext_login_page", Need::Public(), GetLoginPage, Answer::kPage},
    {"POST", "/auth/login", "ext_login", Need::Public(), PostLogin, Answer::kPage},
    {"GET", "/auth/logout", "ext_logout_page", Need::Public(), GetLogoutPage, Answer::kPage},
    {"POST", "/auth/logout", "ext_logout", Need::Public(), PostLogout, Answer::kPage},
    {"GET", "/auth/oidc/login", "ext_oidc_login", Need::Public(), GetOidcLogin, Answer::kPage},
    {"GET", "/auth/oidc/callback", "ext_oidc_callback", Need::Public(), GetOidcCallback, Answer::kPage},
    {"GET", "/openapi.json", "get_openapi", Need::Public(), GetOpenApi},
    {"GET", "/docs", "get_docs", Need::Public(), GetDocs, Answer::kOther},
    {"GET", "/metrics", "get_metrics", Need::LoopbackOr(Permission::kMetricsRead), GetMetrics, Answer::kOther},

    {"GET", "/api/v2/dags", "get_dags", Need::OfDags(Permission::kDagsRead), GetDags},
    {"PATCH", "/api/v2/dags", "patch_dags", Need::OfDags(Permission::kDagsEdit), PatchDags},
    {"POST", DAG "/favorite", "favorite_dag", Need::OfDag(Permission::kDagsRead), FavorDag},
    {"POST", DAG "/unfavorite", "unfavorite_dag", Need::OfDag(Permission::kDagsRead), UnfavorDag},
    {"GET", DAG, "get_dag", Need::OfDag(Permission::kDagsRead), GetDag},
    {"PATCH", DAG, "patch_dag", Need::OfDag(Permission::kDagsEdit), PatchDag},
    {"DELETE", DAG, "delete_dag", Need::OfDag(Permission::kDagsDelete), DeleteDag},
    {"GET", DAG "/details", "get_dag_details", Need::OfDag(Permission::kDagsRead), GetDagDetails},
    {"GET", DAG "/tasks", "get_tasks", Need::OfDag(Permission::kDagsRead), GetTasks},
    {"GET", DAG "/tasks/{task_id}", "get_task", Need::OfDag(Permission::kDagsRead), GetTask},
    {"GET", "/api/v2/dagSources/{dag_id}", "get_dag_source", Need::OfDag(Permission::kSourcesRead), GetDagSource,
     Answer::kOther},

    {"GET", DAG "/dagRuns", "get_dag_runs", Need::OfDag(Permission::kRunsRead), GetRuns},
    {"POST", DAG "/dagRuns", "trigger_dag_run", Need::OfDag(Permission::kRunsTrigger), TriggerRun},
    {"POST", DAG "/dagRuns/list", "get_list_dag_runs_batch", Need::OfDag(Permission::kRunsRead), PostRunsList},
    {"GET", RUN "/wait", "wait_dag_run_until_finished", Need::OfDag(Permission::kRunsRead), WaitForRun, Answer::kOther},
    {"GET", RUN, "get_dag_run", Need::OfDag(Permission::kRunsRead), GetRun},
    {"PATCH", DAG "/dagRuns", "bulk_dag_runs", Need::OfDag(Permission::kRunsEdit), PatchRuns},
    {"POST", DAG "/clearDagRuns", "clear_dag_runs", Need::OfDag(Permission::kRunsEdit), ClearRuns},
    {"DELETE", RUN, "delete_dag_run", Need::OfDag(Permission::kRunsDelete), RemoveRun},
    {"PATCH", RUN, "patch_dag_run", Need::OfDag(Permission::kRunsEdit), PatchRun},
    {"POST", RUN "/clear", "clear_dag_run", Need::OfDag(Permission::kRunsEdit), ClearRun},
    {"POST", DAG "/clearTaskInstances", "post_clear_task_instances", Need::OfDag(Permission::kTasksEdit),
     ClearTaskInstances},
    {"PATCH", RUN "/taskInstances", "bulk_task_instances", Need::OfDag(Permission::kTasksEdit), PatchInstances},
    {"DELETE", TASK, "delete_task_instance", Need::OfDag(Permission::kTasksEdit), RemoveTaskInstance},
    {"PATCH", TASK, "patch_task_instance", Need::OfDag(Permission::kTasksEdit), PatchTaskInstance},
    {"PATCH", TASK "/dry_run", "patch_task_instance_dry_run", Need::OfDag(Permission::kTasksEdit),
     PatchTaskInstanceDryRun},
    {"PATCH", TASK "/{map_index}", "patch_task_instance_by_map_index", Need::OfDag(Permission::kTasksEdit),
     PatchTaskInstance},
    {"PATCH", TASK "/{map_index}/dry_run", "patch_task_instance_dry_run_by_map_index",
     Need::OfDag(Permission::kTasksEdit), PatchTaskInstanceDryRun},
    {"PATCH", RUN "/taskGroupInstances/{group_id}", "patch_task_group_instances", Need::OfDag(Permission::kTasksEdit),
     PatchTaskGroup},
    {"PATCH", RUN "/taskGroupInstances/{group_id}/dry_run", "patch_task_group_instances_dry_run",
     Need::OfDag(Permission::kTasksEdit), PatchTaskGroupDryRun},

    {"GET", RUN "/taskInstances", "get_task_instances", Need::OfDag(Permission::kTasksRead), GetTaskInstances},
    {"POST", RUN "/taskInstances/list", "get_task_instances_batch", Need::OfDag(Permission::kTasksRead),
     PostInstancesList},
    {"GET", TASK, "get_task_instance", Need::OfDag(Permission::kTasksRead), GetTaskInstance},
    {"GET", TASK "/listMapped", "get_mapped_task_instances", Need::OfDag(Permission::kTasksRead),
     GetMappedTaskInstances},
    {"GET", TASK "/{map_index}", "get_mapped_task_instance", Need::OfDag(Permission::kTasksRead), GetTaskInstance},
    {"GET", TASK "/{map_index}/tries", "get_mapped_task_instance_tries", Need::OfDag(Permission::kTasksRead), GetTries},
    {"GET", TASK "/{map_index}/tries/{task_try_number}", "get_mapped_task_instance_try_details",
     Need::OfDag(Permission::kTasksRead), GetTry},
    {"GET", TASK "/tries", "get_task_instance_tries", Need::OfDag(Permission::kTasksRead), GetTries},
    {"GET", TASK "/tries/{task_try_number}", "get_task_instance_try_details", Need::OfDag(Permission::kTasksRead),
     GetTry},
    {"GET", TASK "/logs/{try_number}", "get_log", Need::OfDag(Permission::kLogsRead), GetLog, Answer::kOther},
    {"GET", TASK "/xcomEntries", "get_xcom_entries", Need::OfDag(Permission::kXComsRead), GetXComEntries},
    {"GET", TASK "/xcomEntries/{xcom_key}", "get_xcom_entry", Need::OfDag(Permission::kXComsRead), GetXComEntry},
    {"POST", TASK "/xcomEntries", "create_xcom_entry", Need::OfDag(Permission::kXComsEdit), PostXComEntry},
    {"PATCH", TASK "/xcomEntries/{xcom_key}", "update_xcom_entry", Need::OfDag(Permission::kXComsEdit), PatchXComEntry},
    {"DELETE", TASK "/xcomEntries/{xcom_key}", "delete_xcom_entry", Need::OfDag(Permission::kXComsEdit),
     RemoveXComEntry},

    {"GET", "/api/v2/importErrors", "get_import_errors", Need::OfDags(Permission::kImportErrorsRead), GetImportErrors},
    {"GET", "/api/v2/importErrors/{import_error_id}", "get_import_error", Need::OfDags(Permission::kImportErrorsRead),
     GetImportError},

    {"GET", "/api/v2/assets", "get_assets", Need::OfDags(Permission::kAssetsRead), GetAssets},
    {"GET", "/api/v2/assets/aliases", "get_asset_aliases", Need::OfDags(Permission::kAssetsRead), GetAssetAliases},
    {"GET", "/api/v2/assets/aliases/{asset_alias_id}", "get_asset_alias", Need::OfDags(Permission::kAssetsRead),
     GetAssetAlias},
    {"GET", "/api/v2/assets/events", "get_asset_events", Need::OfDags(Permission::kAssetsRead), GetAssetEvents},
    {"POST", "/api/v2/assets/events", "create_asset_event", Need::Everywhere(Permission::kAssetsEdit), PostAssetEvent},
    {"GET", "/api/v2/assets/{asset_id}", "get_asset", Need::OfDags(Permission::kAssetsRead), GetAsset},
    {"POST", "/api/v2/assets/{asset_id}/materialize", "materialize_asset", Need::Everywhere(Permission::kAssetsEdit),
     MaterializeAsset},
    {"GET", "/api/v2/assets/{asset_id}/queuedEvents", "get_asset_queued_events", Need::OfDags(Permission::kAssetsRead),
     GetAssetQueuedEvents},
    {"DELETE", "/api/v2/assets/{asset_id}/queuedEvents", "delete_asset_queued_events",
     Need::Everywhere(Permission::kAssetsEdit), DeleteAssetQueuedEvents},
    {"GET", "/api/v2/assets/{asset_id}/state-store", "list_asset_state_store", Need::OfDags(Permission::kAssetsRead),
     GetAssetState},
    {"DELETE", "/api/v2/assets/{asset_id}/state-store", "clear_asset_state_store",
     Need::Everywhere(Permission::kAssetsEdit), ClearAssetState},
    {"GET", "/api/v2/assets/{asset_id}/state-store/{key}", "get_asset_state_store",
     Need::OfDags(Permission::kAssetsRead), NoAssetState},
    {"PUT", "/api/v2/assets/{asset_id}/state-store/{key}", "set_asset_state_store",
     Need::Everywhere(Permission::kAssetsEdit), NoAssetState},
    {"DELETE", "/api/v2/assets/{asset_id}/state-store/{key}", "delete_asset_state_store",
     Need::Everywhere(Permission::kAssetsEdit), NoAssetState},
    {"GET", DAG "/assets/queuedEvents", "get_dag_asset_queued_events", Need::OfDag(Permission::kAssetsRead),
     GetDagQueuedEvents},
    {"DELETE", DAG "/assets/queuedEvents", "delete_dag_asset_queued_events", Need::OfDag(Permission::kAssetsEdit),
     DeleteDagQueuedEvents},
    {"GET", DAG "/assets/{asset_id}/queuedEvents", "get_dag_asset_queued_event", Need::OfDag(Permission::kAssetsRead),
     NoDagQueuedEvent},
    {"DELETE", DAG "/assets/{asset_id}/queuedEvents", "delete_dag_asset_queued_event",
     Need::OfDag(Permission::kAssetsEdit), NoDagQueuedEvent},
    {"GET", RUN "/upstreamAssetEvents", "get_upstream_asset_events", Need::OfDag(Permission::kAssetsRead),
     GetUpstreamAssetEvents},

    {"GET", TASK "/dependencies", "get_task_instance_dependencies", Need::OfDag(Permission::kTasksRead),
     GetDependencies},
    {"GET", TASK "/{map_index}/dependencies", "get_task_instance_dependencies_by_map_index",
     Need::OfDag(Permission::kTasksRead), GetDependencies},
    {"GET", TASK "/links", "get_extra_links", Need::OfDag(Permission::kTasksRead), GetExtraLinks},
    {"GET", TASK "/externalLogUrl/{try_number}", "get_external_log_url", Need::OfDag(Permission::kLogsRead),
     GetExternalLogUrl},
    {"GET", TASK "/state-store", "list_task_state_store", Need::OfDag(Permission::kTasksRead), GetTaskState},
    {"DELETE", TASK "/state-store", "clear_task_state_store", Need::OfDag(Permission::kTasksEdit), ClearTaskState},
    {"GET", TASK "/state-store/{key}", "get_task_state_store", Need::OfDag(Permission::kTasksRead), NoTaskState},
    {"PUT", TASK "/state-store/{key}", "set_task_state_store", Need::OfDag(Permission::kTasksEdit), NoTaskState},
    {"PATCH", TASK "/state-store/{key}", "patch_task_state_store", Need::OfDag(Permission::kTasksEdit), NoTaskState},
    {"DELETE", TASK "/state-store/{key}", "delete_task_state_store", Need::OfDag(Permission::kTasksEdit), NoTaskState},
    {"GET", RUN "/hitlDetails", "get_hitl_details", Need::OfDag(Permission::kTasksRead), GetHitlDetails},
    {"GET", TASK "/{map_index}/hitlDetails", "get_hitl_detail", Need::OfDag(Permission::kTasksRead), NoHitlDetail},
    {"PATCH", TASK "/{map_index}/hitlDetails", "update_hitl_detail", Need::OfDag(Permission::kTasksEdit), NoHitlDetail},
    {"GET", TASK "/{map_index}/hitlDetails/tries/{try_number}", "get_hitl_detail_try_detail",
     Need::OfDag(Permission::kTasksRead), NoHitlDetail},
    {"POST", DAG "/clearPartitions", "clear_dag_run_partitions", Need::OfDag(Permission::kRunsEdit), ClearPartitions},

    {"GET", "/api/v2/config", "get_config", Need::Everywhere(Permission::kConfigRead), GetConfig, Answer::kOther},
    {"GET", "/api/v2/config/section/{section}/option/{option}", "get_config_value",
     Need::Everywhere(Permission::kConfigRead), GetConfigValue, Answer::kOther},
    {"GET", "/api/v2/jobs", "get_jobs", Need::Everywhere(Permission::kJobsRead), GetJobs},
    {"GET", "/api/v2/plugins", "get_plugins", Need::Everywhere(Permission::kPluginsRead), GetPlugins},
    {"GET", "/api/v2/plugins/importErrors", "import_errors", Need::Everywhere(Permission::kPluginsRead),
     GetPluginImportErrors},
    {"GET", "/api/v2/providers", "get_providers", Need::Everywhere(Permission::kPluginsRead), GetProviders},
    {"PUT", "/api/v2/parseDagFile/{file_token}", "reparse_dag_file", Need::OfDags(Permission::kDagsEdit), ReparseFile},
    {"GET", "/api/v2/auth/login", "login", Need::Public(), GetLogin},
    {"GET", "/api/v2/auth/logout", "logout", Need::Caller(), GetLogout},

    {"GET", "/api/v2/eventLogs", "get_event_logs", Need::OfDags(Permission::kEventsRead), GetEventLogs},
    {"GET", "/api/v2/eventLogs/{event_log_id}", "get_event_log", Need::OfDags(Permission::kEventsRead), GetEventLog},
    {"GET", DAG "/dagVersions", "get_dag_versions", Need::OfDag(Permission::kDagsRead), GetDagVersions},
    {"GET", DAG "/dagVersions/{version_number}", "get_dag_version", Need::OfDag(Permission::kDagsRead), GetDagVersion},
    {"GET", "/api/v2/dagTags", "get_dag_tags", Need::OfDags(Permission::kDagsRead), GetDagTags},
    {"GET", "/api/v2/dagStats", "get_dag_stats", Need::OfDags(Permission::kDagsRead), GetDagStats},
    {"GET", "/api/v2/dagWarnings", "list_dag_warnings", Need::OfDags(Permission::kDagsRead), GetDagWarnings},

    {"GET", "/api/v2/pools", "get_pools", Need::Everywhere(Permission::kPoolsRead), GetPools},
    {"POST", "/api/v2/pools", "post_pool", Need::Everywhere(Permission::kPoolsEdit), PostPool},
    {"PATCH", "/api/v2/pools", "bulk_pools", Need::Everywhere(Permission::kPoolsEdit), PatchPools},
    {"GET", "/api/v2/pools/{pool_name}", "get_pool", Need::Everywhere(Permission::kPoolsRead), GetPool},
    {"PATCH", "/api/v2/pools/{pool_name}", "patch_pool", Need::Everywhere(Permission::kPoolsEdit), PatchPool},
    {"DELETE", "/api/v2/pools/{pool_name}", "delete_pool", Need::Everywhere(Permission::kPoolsEdit), DeletePool},

    {"GET", "/api/v2/variables", "get_variables", Need::Everywhere(Permission::kVariablesRead), GetVariables},
    {"POST", "/api/v2/variables", "post_variable", Need::Everywhere(Permission::kVariablesEdit), PostVariable},
    {"PATCH", "/api/v2/variables", "bulk_variables", Need::Everywhere(Permission::kVariablesEdit), BulkVariables},
    {"GET", "/api/v2/variables/{variable_key}", "get_variable", Need::Everywhere(Permission::kVariablesRead),
     GetVariable},
    {"PATCH", "/api/v2/variables/{variable_key}", "patch_variable", Need::Everywhere(Permission::kVariablesEdit),
     PatchVariable},
    {"DELETE", "/api/v2/variables/{variable_key}", "delete_variable", Need::Everywhere(Permission::kVariablesEdit),
     DeleteVariable},

    {"GET", "/api/v2/connections", "get_connections", Need::Everywhere(Permission::kConnectionsRead), GetConnections},
    {"POST", "/api/v2/connections", "post_connection", Need::Everywhere(Permission::kConnectionsEdit), PostConnection},
    {"PATCH", "/api/v2/connections", "bulk_connections", Need::Everywhere(Permission::kConnectionsEdit),
     BulkConnections},
    {"POST", "/api/v2/connections/test", "test_connection", Need::Everywhere(Permission::kConnectionsTest),
     TestConnection},
    {"POST", "/api/v2/connections/defaults", "create_default_connections",
     Need::Everywhere(Permission::kConnectionsEdit), CreateDefaultConnections},
    {"GET", "/api/v2/connections/{connection_id}", "get_connection", Need::Everywhere(Permission::kConnectionsRead),
     GetConnection},
    {"PATCH", "/api/v2/connections/{connection_id}", "patch_connection", Need::Everywhere(Permission::kConnectionsEdit),
     PatchConnection},
    {"DELETE", "/api/v2/connections/{connection_id}", "delete_connection",
     Need::Everywhere(Permission::kConnectionsEdit), DeleteConnection},

    {"GET", "/api/v2/backfills", "list_backfills", Need::OfDags(Permission::kBackfillsRead), GetBackfills},
    {"POST", "/api/v2/backfills", "create_backfill", Need::OfDags(Permission::kBackfillsEdit), PostBackfill},
    {"POST", "/api/v2/backfills/dry_run", "create_backfill_dry_run", Need::OfDags(Permission::kBackfillsEdit),
     PostBackfillDryRun},
    {"GET", BACKFILL, "get_backfill", Need::OfDags(Permission::kBackfillsRead), GetBackfill},
    {"PUT", BACKFILL "/pause", "pause_backfill", Need::OfDags(Permission::kBackfillsEdit), PauseBackfill},
    {"PUT", BACKFILL "/unpause", "unpause_backfill", Need::OfDags(Permission::kBackfillsEdit), UnpauseBackfill},
    {"PUT", BACKFILL "/cancel", "cancel_backfill", Need::OfDags(Permission::kBackfillsEdit), CancelBackfill},
    {"GET", "/api/ext/v1/backfills/{backfill_id}/progress", "ext_get_backfill_progress",
     Need::OfDags(Permission::kBackfillsRead), GetBackfillProgress},

    {"GET", "/api/ext/v1/events/stream", "ext_get_event_stream", Need::OfDags(Permission::kRunsRead), GetEventStream,
     Answer::kOther},
    {"GET", "/api/ext/v1/sessions", "ext_get_sessions", Need::Caller(), GetSessions},
    {"DELETE", "/api/ext/v1/sessions", "ext_delete_sessions", Need::Caller(), DeleteSessions},
    {"DELETE", "/api/ext/v1/sessions/{session_id}", "ext_delete_session", Need::Caller(), DeleteSession},
    {"GET", "/api/ext/v1/audit", "ext_get_audit", Need::Everywhere(Permission::kAuditRead), GetAudit},
    {"GET", "/api/ext/v1/notifications", "ext_get_notifications", Need::OfDags(Permission::kNotificationsRead),
     GetNotifications},
    {"POST", "/api/ext/v1/notifications", "ext_test_channel", Need::Everywhere(Permission::kNotificationsEdit),
     PostNotificationTest},
    {"GET", "/api/ext/v1/notifications/{notification_id}", "ext_get_notification",
     Need::OfDags(Permission::kNotificationsRead), GetNotification},
    {"POST", "/api/ext/v1/notifications/{notification_id}/retry", "ext_retry_notification",
     Need::Everywhere(Permission::kNotificationsEdit), PostNotificationRetry},
    {"GET", "/api/ext/v1/queue", "ext_get_queue", Need::OfDags(Permission::kTasksRead), GetQueue},
    {"POST", "/api/ext/v1/simulate", "ext_simulate", Need::OfDags(Permission::kDagsRead), PostSimulate},
    {"GET", "/api/ext/v1/dags/{dag_id}/history", "ext_get_dag_history", Need::OfDag(Permission::kDagsRead),
     GetDagHistory},
    {"GET", EXT_RUN "/deadlines", "ext_get_deadlines", Need::OfDag(Permission::kRunsRead), GetDeadlines},
    {"GET", EXT_RUN, "ext_get_run", Need::OfDag(Permission::kRunsRead), GetRunWithLinks},
    {"GET", EXT_RUN "/events", "ext_get_run_events", Need::OfDag(Permission::kRunsRead), GetRunEvents},
    {"POST", EXT_RUN "/cancel", "ext_cancel_run", Need::OfDag(Permission::kRunsEdit), CancelRun},
    {"POST", EXT_RUN "/rerun", "ext_rerun", Need::OfDag(Permission::kRunsTrigger), PostRerun},
    {"GET", EXT_RUN "/progress", "ext_get_progress", Need::OfDag(Permission::kRunsRead), GetProgress},
    {"GET", EXT_RUN "/source", "ext_get_run_source", Need::OfDag(Permission::kSourcesRead), GetRunSource},
    {"GET", EXT_RUN "/links", "ext_get_run_links", Need::OfDag(Permission::kRunsRead), GetRunLinks},
    {"GET", EXT_RUN "/at", "ext_get_run_at", Need::OfDag(Permission::kRunsRead), GetRunAt},
    {"GET", EXT_RUN "/diff", "ext_get_run_diff", Need::OfDag(Permission::kRunsRead), GetRunDiff},
    {"GET", EXT_RUN "/taskInstances", "ext_get_task_instances", Need::OfDag(Permission::kTasksRead),
     GetInstancesWithOutcomes},
    {"GET", EXT_RUN "/taskInstances/{task_id}/tries", "ext_get_tries", Need::OfDag(Permission::kTasksRead),
     GetTriesWithOutcomes},
    {"GET", EXT_RUN "/taskInstances/{task_id}/why", "ext_get_why", Need::OfDag(Permission::kTasksRead), GetWhy},

    {"GET", "/api/ext/v1/me", "ext_get_me", Need::Caller(), GetMe},
    {"POST", "/api/ext/v1/me/password", "ext_change_my_password", Need::Caller(), PostMyPassword},
    {"GET", "/api/ext/v1/tokens", "ext_get_tokens", Need::Caller(), GetTokens},
    {"POST", "/api/ext/v1/tokens", "ext_post_token", Need::Caller(), PostApiToken},
    {"DELETE", "/api/ext/v1/tokens/{token_id}", "ext_delete_token", Need::Caller(), DeleteToken},
    {"GET", "/api/ext/v1/users", "ext_get_users", Need::Everywhere(Permission::kUsersRead), GetUsers},
    {"POST", "/api/ext/v1/users", "ext_post_user", Need::Everywhere(Permission::kUsersEdit), PostUser},
    {"GET", "/api/ext/v1/users/{name}", "ext_get_user", Need::Everywhere(Permission::kUsersRead), GetUser},
    {"PATCH", "/api/ext/v1/users/{name}", "ext_patch_user", Need::Everywhere(Permission::kUsersEdit), PatchUser},
    {"DELETE", "/api/ext/v1/users/{name}", "ext_delete_user", Need::Everywhere(Permission::kUsersEdit), DeleteUser},
    {"GET", SERVICES, "ext_get_service_accounts", Need::Everywhere(Permission::kUsersRead), GetServiceAccounts},
    {"POST", SERVICES, "ext_post_service_account", Need::Everywhere(Permission::kUsersEdit), PostServiceAccount},
    {"GET", SERVICES "/{name}", "ext_get_service_account", Need::Everywhere(Permission::kUsersRead), GetServiceAccount},
    {"PATCH", SERVICES "/{name}", "ext_patch_service_account", Need::Everywhere(Permission::kUsersEdit),
     PatchServiceAccount},
    {"DELETE", SERVICES "/{name}", "ext_delete_service_account", Need::Everywhere(Permission::kUsersEdit),
     DeleteServiceAccount},
    {"GET", "/api/ext/v1/roles", "ext_get_roles", Need::Everywhere(Permission::kRolesRead), GetRoles},
    {"POST", "/api/ext/v1/roles", "ext_post_role", Need::Everywhere(Permission::kRolesEdit), PostRole},
    {"GET", "/api/ext/v1/roles/{role}", "ext_get_role", Need::Everywhere(Permission::kRolesRead), GetRole},
    {"PATCH", "/api/ext/v1/roles/{role}", "ext_patch_role", Need::Everywhere(Permission::kRolesEdit), PatchRole},
    {"DELETE", "/api/ext/v1/roles/{role}", "ext_delete_role", Need::Everywhere(Permission::kRolesEdit), DeleteRole},
    {"GET", "/api/ext/v1/grants", "ext_get_grants", Need::Everywhere(Permission::kUsersRead), GetGrants},
    {"POST", "/api/ext/v1/grants", "ext_post_grant", Need::Everywhere(Permission::kUsersEdit), PostGrant},
    {"DELETE", "/api/ext/v1/grants/{grant_id}", "ext_delete_grant", Need::Everywhere(Permission::kUsersEdit),
     DeleteGrant},
};

// That a path names a DAG and that its row says so are one thing, and a permission that is not of DAGs is not asked for
// some of them.
constexpr bool NeedsFit() {
  for (const Route& route : kRoutes) {
    const bool names_dag = route.pattern.find("{dag_id}") != std::string_view::npos;
    if (names_dag != (route.need.where() == Need::Where::kOfDag)) return false;
    const bool of_dags = route.need.where() == Need::Where::kOfDag || route.need.where() == Need::Where::kOfDags;
    if (of_dags && !access::InfoOf(route.need.permission()).of_dags) return false;
  }
  return true;
}
static_assert(NeedsFit(), "a route's need does not fit its path");

#undef DAG
#undef RUN
#undef TASK
#undef BACKFILL
#undef SERVICES
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

const std::string& DagInPath(const Match& match) {
  for (const auto& [name, value] : match.args) {
    if (name == "dag_id") return value;
  }
  static const std::string kNone;
  return kNone;
}

// Where `rights` meet the need of a route; empty: nowhere.
access::DagScope Reach(const access::Rights& rights, const Need& need, const Match& match) {
  const access::DagScope scope = rights.ScopeOf(need.permission());
  switch (need.where()) {
    case Need::Where::kEverywhere:
      return scope.all() ? scope : access::DagScope::None();
    case Need::Where::kOfDag:
      return DagInPath(match) == "~" || scope.Has(DagInPath(match)) ? scope : access::DagScope::None();
    case Need::Where::kOfDags:
      return scope;
    case Need::Where::kNothing:
    case Need::Where::kCaller:
      break;
  }
  return access::DagScope::None();
}

bool IsOpen(const Service& service, const Need& need, const Request& request) {
  return need.IsPublic() || (need.open_from_loopback() && NeedsNoUser(service, request));
}

// The refusal of a request, or nothing and `caller` filled in.
std::optional<Response> Admit(Service& service, const Request& request, const Match& match, Caller& caller) {
  const Need& need = match.route->need;
  if (IsOpen(service, need, request)) {
    caller.catalog = Scoped(service.catalog, access::DagScope::All());
    return std::nullopt;
  }
  std::variant<Caller, Response> who = Authenticate(service, request);
  if (Response* refusal = std::get_if<Response>(&who)) return std::move(*refusal);
  caller = std::get<Caller>(std::move(who));
  if (need.NeedsPermission()) {
    caller.scope = Reach(caller.rights, need, match);
    if (caller.scope.empty())
      return Detail(403, fmt::format("Forbidden: this takes the permission {}", ToString(need.permission())));
  }
  caller.catalog = Scoped(service.catalog, caller.scope);
  return std::nullopt;
}

// What shows who it is that asks, of his request.
Request Credentials(const Request& request) {
  Request shown;
  shown.method = request.method;
  for (const auto& [name, value] : request.headers) {
    if (name == "authorization" || name == "cookie") shown.headers.emplace_back(name, value);
  }
  shown.remote = request.remote;
  shown.secure = request.secure;
  shown.host = request.host;
  shown.proxy_user = request.proxy_user;
  return shown;
}

// Whether who was admitted then would still be, and for the same DAGs.
Result<bool> StillAdmitted(Service& service, const Request& shown, const Match& match, const access::DagScope& scope) {
  Caller caller;
  const std::optional<Response> refusal = Admit(service, shown, match, caller);
  if (refusal && refusal->status >= 500) return Error{ErrorCode::kUnavailable, "it cannot be told now", ""};
  return !refusal && caller.scope == scope;
}

// An answer that goes on is looked after, as who it is for may lose his rights meanwhile.
void Guard(Service& service, const Request& request, Match match, const Caller& caller, Response& response) {
  Request shown = Credentials(request);
  std::string about = fmt::format("{}\n{}\n{}", match.route->operation_id, DagInPath(match), shown.proxy_user);
  for (const auto& [_, value] : shown.headers) about += "\n" + value;
  for (const std::string& dag_id : caller.scope.dag_ids()) about += "\n" + dag_id;
  auto may = [&service, shown = std::move(shown), match = std::move(match), scope = caller.scope] {
    return StillAdmitted(service, shown, match, scope);
  };
  response.feed =
      std::make_shared<GuardedFeed>(std::move(response.feed), service.premises, Sha256Hex(about), std::move(may));
}

Response NotAllowed(const std::vector<std::string_view>& methods) {
  Response response = Detail(405, "Method Not Allowed");
  response.headers.emplace_back("Allow", Allow(methods));
  return response;
}

// What the handler need not be asked for: a body that it cannot read, an answer that its client cannot.
std::optional<Response> RefuseForm(const Request& request, const Route& route) {
  const bool carries = route.method == "POST" || route.method == "PUT" || route.method == "PATCH";
  if (carries) return route.answer == Answer::kPage && IsForm(request) ? std::nullopt : RefuseMedia(request);
  return route.method == "GET" && route.answer == Answer::kJson ? RefuseAccept(request) : std::nullopt;
}

// Through a route that was found.
Response Enter(Service& service, const Request& request, Match match, Caller& caller) {
  const Route& route = *match.route;
  if (std::optional<Response> refusal = Admit(service, request, match, caller)) {
    NoteDenied(route, Call{service, request, caller, std::move(match.args)}, *refusal);
    return *std::move(refusal);
  }
  if (std::optional<Response> refusal = RefuseForm(request, route)) return *std::move(refusal);
  Response response = Audited(route, Call{service, request, caller, match.args});
  if (response.feed != nullptr && !caller.name.empty()) Guard(service, request, std::move(match), caller, response);
  return response;
}

Response Run(Service& service, const Request& request, Caller& caller) {
  const std::string_view method = request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
  Match match = FindRoute(method, request.segments);
  if (match.route == nullptr && match.methods.empty())
    return Json(404, Value::Map{{"error", "Not found: " + request.path}});
  if (match.route == nullptr) return method == "OPTIONS" ? Options(match.methods) : NotAllowed(match.methods);
  const std::string_view operation = match.route->operation_id;
  Response response = Enter(service, request, std::move(match), caller);
  response.operation = operation;
  return response;
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
