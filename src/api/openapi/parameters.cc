#include "api/openapi/parameters.h"

#include <algorithm>

namespace pipelined::api {
namespace {

struct Row {
  std::string_view operation_id, parameters;
};

#define INT32 "integer(-2147483648..2147483647)"
#define INDEX_TYPE "integer(-1..2147483647)"
#define PAGE "limit?:integer(0..)=50 offset?:integer(0..)=0"
#define INDEX "map_index?:" INDEX_TYPE "=-1"
#define MASK "update_mask?:[text]"
#define RANGES                                                                           \
  "@run_after:when @logical_date:when @start_date:when @end_date:when @updated_at:when " \
  "@duration:number"
#define TASK_FILTERS                                                                                        \
  "state?:[TaskStateFilter] pool?:[text] ~pool_name queue?:[text] executor?:[text] version_number?:[" INT32 \
  "] "                                                                                                      \
  "try_number?:[" INT32 "] operator?:[text] map_index?:[" INDEX_TYPE "] ~rendered_map_index"

// In the notation of schemas.h; and "%a|b" is a page, ordered by any of the columns: limit, offset and order_by
// ("%Name": by the words of that name; "%*": the order is not looked at).
constexpr Row kRows[] = {
    {"get_assets", "%id|name|uri|created_at|updated_at ~name ~uri dag_ids?:[text] only_active?:boolean=true"},
    {"get_asset_aliases", "%*"},
    {"get_asset_events",
     "%id|timestamp|source_dag_id|source_run_id|source_task_id|source_map_index asset_id?:integer source_dag_id?:text "
     "source_task_id?:text source_run_id?:text source_map_index?:" INT32 " ~name @timestamp:when"},
    {"get_connections", "%id|connection_id|conn_id|conn_type|description|host|port|team_name ~connection_id"},
    {"patch_connection", MASK},
    {"get_variables", "%id|key|_val|description|is_encrypted ~variable_key"},
    {"patch_variable", MASK},
    {"list_backfills", "dag_id:text %id|dag_id|from_date|to_date|created_at|completed_at|updated_at"},
    {"patch_dag_run", MASK},
    {"get_dag_runs",
     "%RunOrder " RANGES " conf_contains?:text run_type?:[DagRunType] state?:[DagRunState] dag_version?:[" INT32
     "] ~run_id ~triggering_user_name ~dag_id cursor?:text"},
    {"wait_dag_run_until_finished", "interval:positive result?:[text]"},
    {"get_dag_source", "version_number?:integer(1..)"},
    {"get_dag_stats", "dag_ids?:[text]"},
    {"get_config", "section?:text"},
    {"list_dag_warnings", "dag_id?:text warning_type?:DagWarningType %dag_id|warning_type|message|timestamp"},
    {"get_dags",
     "%dag_id|dag_display_name|is_stale|last_parsed_time|fileloc|max_active_runs|max_active_tasks tags?:[text] "
     "tags_match_mode?:'any'|'all' owners?:[text] ~dag_id ~dag_display_name exclude_stale?:boolean=true "
     "paused?:boolean has_import_errors?:boolean has_asset_schedule?:boolean asset_dependency?:text "
     "is_favorite?:boolean"},
    {"patch_dags",
     "update_mask?:['is_paused'] " PAGE
     " tags?:[text] tags_match_mode?:'any'|'all' owners?:[text] ~dag_id exclude_stale?:boolean=true paused?:boolean"},
    {"patch_dag", "update_mask?:['is_paused']"},
    {"get_event_logs",
     "%id|event_log_id|when|dttm|dag_id|task_id|run_id|event|owner|logical_date|extra dag_id?:text task_id?:text "
     "run_id?:text map_index?:" INT32
     " try_number?:integer(-2147483648..2147483647) owner?:text event?:text excluded_events?:[text] "
     "included_events?:[text] before?:when after?:when ~dag_id ~task_id ~run_id ~owner ~event"},
    {"get_extra_links", INDEX " try_number?:" INT32},
    {"get_import_errors", "%id|import_error_id|timestamp|filename|bundle_name"},
    {"get_jobs",
     "%* is_alive?:boolean @start_date:when @end_date:when job_state?:text job_type?:text hostname?:text "
     "executor_class?:text"},
    {"get_plugins", PAGE},
    {"patch_pool", MASK},
    {"get_pools", "%id|name|pool|slots|description ~pool_name"},
    {"get_providers", PAGE},
    {"list_asset_state_store", PAGE},
    {"list_task_state_store", INDEX " " PAGE},
    {"clear_task_state_store", "all_map_indices?:boolean=false " INDEX},
    {"get_task_state_store", INDEX},
    {"set_task_state_store", INDEX},
    {"patch_task_state_store", INDEX},
    {"delete_task_state_store", INDEX},
    {"get_xcom_entry", INDEX " deserialize?:boolean=false stringify?:boolean=false"},
    {"delete_xcom_entry", INDEX},
    {"get_xcom_entries", "xcom_key?:text " INDEX " %*"},
    {"patch_task_instance", "map_index?:integer(-1..2147483647) " MASK},
    {"delete_task_instance", INDEX},
    {"get_mapped_task_instances", "%TaskOrder " RANGES " " TASK_FILTERS},
    {"get_task_instance_dependencies", INDEX},
    {"get_task_instance_tries", INDEX},
    {"patch_task_instance_by_map_index", MASK},
    {"get_task_instances",
     "task_id?:text %TaskOrder " RANGES " " TASK_FILTERS " ~task_display_name ~dag_id ~run_id cursor?:text"},
    {"get_task_instance_try_details", INDEX},
    {"patch_task_group_instances", MASK},
    {"patch_task_instance_dry_run_by_map_index", MASK},
    {"patch_task_instance_dry_run", "map_index?:integer(-1..2147483647) " MASK},
    {"get_tasks", "order_by?:TaskFieldOrder=task_id"},
    {"get_log", "full_content?:boolean=false " INDEX " token?:digits"},
    {"get_external_log_url", INDEX},
    {"get_dag_tags", "%name ~tag_name"},
    {"get_dag_versions", "%id|version_number|dag_id|created_at|bundle_name|bundle_version version_number?:" INT32
                         " bundle_name?:text bundle_version?:text"},
    {"get_hitl_details", "%*"},
    {"login", "next?:path"},
    {"ext_get_users", "%id|user_name|name|created_at"},
    {"ext_get_service_accounts", "%id|user_name|name|created_at"},
    {"ext_get_roles", "%*"},
    {"ext_get_grants", "account?:text %id|user_name|role"},
    {"ext_get_tokens", "account?:text %id|name|user_name|created_at|expires_at|last_used_at"},
    {"ext_login_page", "next?:path"},
    {"ext_oidc_login", "next?:path"},
    {"ext_oidc_callback", "code?:text state?:text iss?:text error?:text"},
    {"ext_get_audit",
     "who?:text operation?:text dag_id?:text run_id?:text entity?:text address?:text request_id?:text "
     "kind?:['change'|'log_in'|'log_out'|'denied'|'cleaned'] status?:integer(0..) refused?:boolean since?:when until?:when "
     "before_id?:integer(0..) after_id?:integer(0..) order?:['newest'|'oldest'] limit?:integer(1..)=100"},
    {"ext_get_event_stream",
     "dag_id?:[text] run_id?:[text] kind?:['run'|'task'|'dag'|'backfill'|'deadline'] last_event_id?:text"},
    {"ext_get_queue", "pool?:text dag_id?:text limit?:integer(1..)"},
    {"ext_get_dag_history", "%id"},
    {"ext_get_run_events", PAGE},
    {"ext_get_progress", "after?:text wait?:integer(0..)=0"},
    {"ext_get_run_at", "t:instant|moment"},
    {"ext_get_run_diff", "with:text"},
    {"ext_get_task_instances", "%TaskOrder"},
    {"ext_get_tries", INDEX},
    {"ext_get_why", INDEX},
};

#undef INT32
#undef INDEX_TYPE
#undef PAGE
#undef INDEX
#undef MASK
#undef RANGES
#undef TASK_FILTERS

// "['a'|'-a'|…]"
std::string OrderType(std::string_view columns) {
  if (columns == "*") return "[text]";
  if (columns.front() >= 'A' && columns.front() <= 'Z') return "[" + std::string(columns) + "]";
  std::string type;
  while (!columns.empty()) {
    const std::size_t end = std::min(columns.find('|'), columns.size());
    const std::string column(columns.substr(0, end));
    type += (type.empty() ? "['" : "|'") + column + "'|'-" + column + "'";
    columns.remove_prefix(std::min(end + 1, columns.size()));
  }
  return type + "]";
}

}  // namespace

std::vector<Field> QueryParameters(std::string_view operation_id) {
  const auto row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& known) { return known.operation_id == operation_id; });
  if (row == std::end(kRows)) return {};
  std::string_view text = row->parameters;
  const std::size_t page = text.find('%');
  if (page == std::string_view::npos) return FieldsOf(text);
  const std::size_t end = std::min(text.find(' ', page), text.size());
  std::vector<Field> fields = FieldsOf("limit?:integer(0..)=50 offset?:integer(0..)=0");
  fields.push_back({"order_by", OrderType(text.substr(page + 1, end - page - 1)), {}, false});
  for (const std::string_view part : {text.substr(0, page), text.substr(end)}) {
    for (Field& field : FieldsOf(part)) fields.push_back(std::move(field));
  }
  return fields;
}

Field PathParameter(std::string_view operation_id, std::string_view name) {
  // Lists that a body chooses from are of everything.
  if (operation_id == "get_list_dag_runs_batch" || operation_id == "get_task_instances_batch")
    return {std::string(name), "'~'", {}, true};
  if (name == "map_index") return {std::string(name), "integer(-1..2147483647)", {}, true};
  const bool number = name.ends_with("_number") || name == "asset_id" || name == "asset_alias_id" ||
                      name == "backfill_id" || name == "event_log_id" || name == "grant_id" || name == "token_id" ||
                      name == "session_id" || name == "import_error_id";
  return {std::string(name), name == "try_number" ? "integer(1..)" : number ? "integer(0..)" : "segment", {}, true};
}

}  // namespace pipelined::api
