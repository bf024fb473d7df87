#include "api/parameters.h"

namespace pipelined::api {
namespace {

struct Row {
  std::string_view operation_id, parameters;
};

// "name", then what it is: ":i" integer, ":n" number, ":b" boolean, ":t" date and time, ":*" a list of texts, ":*i" of
// integers; nothing: a text. "!": it must be there.
constexpr Row kRows[] = {
    {"get_assets",
     "limit:i offset:i name_pattern name_prefix_pattern uri_pattern uri_prefix_pattern dag_ids:* only_active:b "
     "order_by:*"},
    {"get_asset_aliases", "limit:i offset:i order_by:*"},
    {"get_asset_events", "limit:i offset:i order_by:*"},
    {"ext_login_page", "next"},
    {"ext_oidc_login", "next"},
    {"ext_oidc_callback", "code state iss error"},
    {"get_connections", "limit:i offset:i order_by:* connection_id_pattern connection_id_prefix_pattern"},
    {"patch_connection", "update_mask:*"},
    {"get_variables", "limit:i offset:i order_by:* variable_key_pattern variable_key_prefix_pattern"},
    {"patch_variable", "update_mask:*"},
    {"list_backfills", "dag_id! limit:i offset:i order_by:*"},
    {"patch_dag_run", "update_mask:*"},
    {"get_dag_runs",
     "limit:i offset:i run_after_gte:t run_after_gt:t run_after_lte:t run_after_lt:t logical_date_gte:t "
     "logical_date_gt:t logical_date_lte:t logical_date_lt:t start_date_gte:t start_date_gt:t start_date_lte:t "
     "start_date_lt:t end_date_gte:t end_date_gt:t end_date_lte:t end_date_lt:t duration_gte:n duration_gt:n "
     "duration_lte:n duration_lt:n updated_at_gte:t updated_at_gt:t updated_at_lte:t updated_at_lt:t conf_contains "
     "run_type:* state:* dag_version:*i order_by:* run_id_pattern run_id_prefix_pattern "
     "triggering_user_name_pattern triggering_user_name_prefix_pattern dag_id_pattern dag_id_prefix_pattern"},
    {"wait_dag_run_until_finished", "interval:n! result:*"},
    {"get_dag_source", "version_number:i"},
    {"get_dag_stats", "dag_ids:*"},
    {"get_config", "section"},
    {"list_dag_warnings", "dag_id warning_type limit:i offset:i order_by:*"},
    {"get_dags",
     "limit:i offset:i tags:* tags_match_mode owners:* dag_id_pattern dag_id_prefix_pattern "
     "dag_display_name_pattern dag_display_name_prefix_pattern exclude_stale:b paused:b has_import_errors:b "
     "has_asset_schedule:b order_by:* is_favorite:b"},
    {"patch_dags",
     "update_mask:* limit:i offset:i tags:* tags_match_mode owners:* dag_id_pattern dag_id_prefix_pattern "
     "exclude_stale:b paused:b"},
    {"patch_dag", "update_mask:*"},
    {"get_event_logs",
     "limit:i offset:i order_by:* dag_id task_id run_id map_index:i try_number:i owner event excluded_events:* "
     "included_events:* before:t after:t dag_id_pattern task_id_pattern run_id_pattern owner_pattern event_pattern "
     "dag_id_prefix_pattern task_id_prefix_pattern run_id_prefix_pattern owner_prefix_pattern event_prefix_pattern"},
    {"get_extra_links", "map_index:i try_number:i"},
    {"get_import_errors", "limit:i offset:i order_by:*"},
    {"get_jobs",
     "is_alive:b start_date_gte:t start_date_gt:t start_date_lte:t start_date_lt:t end_date_gte:t end_date_gt:t "
     "end_date_lte:t end_date_lt:t limit:i offset:i order_by:* job_state job_type hostname executor_class"},
    {"get_plugins", "limit:i offset:i"},
    {"patch_pool", "update_mask:*"},
    {"get_pools", "limit:i offset:i order_by:* pool_name_pattern"},
    {"get_providers", "limit:i offset:i"},
    {"list_asset_state_store", "limit:i offset:i"},
    {"list_task_state_store", "map_index:i limit:i offset:i"},
    {"clear_task_state_store", "all_map_indices:b map_index:i"},
    {"get_task_state_store", "map_index:i"},
    {"set_task_state_store", "map_index:i"},
    {"patch_task_state_store", "map_index:i"},
    {"delete_task_state_store", "map_index:i"},
    {"get_xcom_entry", "map_index:i deserialize:b stringify:b"},
    {"delete_xcom_entry", "map_index:i"},
    {"get_xcom_entries", "xcom_key map_index:i limit:i offset:i order_by:*"},
    {"patch_task_instance", "map_index:i update_mask:*"},
    {"delete_task_instance", "map_index:i"},
    {"get_mapped_task_instances",
     "run_after_gte:t run_after_gt:t run_after_lte:t run_after_lt:t logical_date_gte:t logical_date_gt:t "
     "logical_date_lte:t logical_date_lt:t start_date_gte:t start_date_gt:t start_date_lte:t start_date_lt:t "
     "end_date_gte:t end_date_gt:t end_date_lte:t end_date_lt:t updated_at_gte:t updated_at_gt:t updated_at_lte:t "
     "updated_at_lt:t duration_gte:n duration_gt:n duration_lte:n duration_lt:n state:* pool:* pool_name_pattern "
     "pool_name_prefix_pattern queue:* executor:* version_number:*i try_number:*i operator:* map_index:*i "
     "rendered_map_index_pattern rendered_map_index_prefix_pattern limit:i offset:i order_by:*"},
    {"get_task_instance_dependencies", "map_index:i"},
    {"get_task_instance_tries", "map_index:i"},
    {"patch_task_instance_by_map_index", "update_mask:*"},
    {"get_task_instances",
     "task_id run_after_gte:t run_after_gt:t run_after_lte:t run_after_lt:t logical_date_gte:t logical_date_gt:t "
     "logical_date_lte:t logical_date_lt:t start_date_gte:t start_date_gt:t start_date_lte:t start_date_lt:t "
     "end_date_gte:t end_date_gt:t end_date_lte:t end_date_lt:t updated_at_gte:t updated_at_gt:t updated_at_lte:t "
     "updated_at_lt:t duration_gte:n duration_gt:n duration_lte:n duration_lt:n task_display_name_pattern "
     "task_display_name_prefix_pattern dag_id_pattern dag_id_prefix_pattern run_id_pattern run_id_prefix_pattern "
     "state:* pool:* pool_name_pattern pool_name_prefix_pattern queue:* executor:* version_number:*i try_number:*i "
     "operator:* map_index:*i rendered_map_index_pattern rendered_map_index_prefix_pattern limit:i offset:i "
     "order_by:*"},
    {"get_task_instance_try_details", "map_index:i"},
    {"patch_task_group_instances", "update_mask:*"},
    {"patch_task_instance_dry_run_by_map_index", "update_mask:*"},
    {"patch_task_instance_dry_run", "map_index:i update_mask:*"},
    {"get_tasks", "order_by"},
    {"get_log", "full_content:b map_index:i token"},
    {"get_external_log_url", "map_index:i"},
    {"get_dag_tags", "limit:i offset:i order_by:* tag_name_pattern tag_name_prefix_pattern"},
    {"get_dag_versions", "limit:i offset:i version_number:i bundle_name bundle_version order_by:*"},
    {"get_hitl_details", "limit:i offset:i order_by:*"},
    {"login", "next"},
    {"ext_get_queue", "pool dag_id limit:i"},
    {"ext_get_dag_history", "limit:i offset:i order_by:*"},
    {"ext_get_progress", "after wait:i"},
    {"ext_get_task_instances", "limit:i offset:i order_by:*"},
    {"ext_get_tries", "map_index:i"},
    {"ext_get_why", "map_index:i"},
};

Parameter Read(std::string_view word) {
  Parameter parameter;
  parameter.required = word.ends_with('!');
  if (parameter.required) word.remove_suffix(1);
  const std::size_t colon = word.find(':');
  parameter.name = word.substr(0, colon);
  std::string_view kind = colon == std::string_view::npos ? std::string_view() : word.substr(colon + 1);
  parameter.list = kind.starts_with('*');
  if (parameter.list) kind.remove_prefix(1);
  parameter.type = kind == "i" ? "integer" : kind == "n" ? "number" : kind == "b" ? "boolean" : "string";
  parameter.date = kind == "t";
  return parameter;
}

}  // namespace

std::vector<Parameter> QueryParameters(std::string_view operation_id) {
  std::vector<Parameter> parameters;
  for (const Row& row : kRows) {
    if (row.operation_id != operation_id) continue;
    for (std::string_view rest = row.parameters; !rest.empty();) {
      const std::size_t end = rest.find(' ');
      parameters.push_back(Read(rest.substr(0, end)));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
  }
  return parameters;
}

}  // namespace pipelined::api
