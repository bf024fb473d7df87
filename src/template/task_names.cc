#include "template/task_names.h"

#include <utility>

namespace pipelined {
namespace {

constexpr std::string_view kRoots[] = {"ds",
                                       "ds_nodash",
                                       "ts",
                                       "ts_nodash",
                                       "ts_nodash_with_tz",
                                       "logical_date",
                                       "data_interval_start",
                                       "data_interval_end",
                                       "prev_data_interval_start_success",
                                       "prev_data_interval_end_success",
                                       "prev_start_date_success",
                                       "prev_end_date_success",
                                       "run_id",
                                       "params",
                                       "dag",
                                       "dag_run",
                                       "task",
                                       "ti",
                                       "task_instance",
                                       "task_instance_key_str",
                                       "tasks",
                                       "var",
                                       "conn",
                                       "macros",
                                       "map_index",
                                       "item",
                                       "try_number",
                                       "map_index_template",
                                       "expanded_ti_count",
                                       "triggering_asset_events",
                                       "inlets",
                                       "outlets",
                                       "task_reschedule_count",
                                       "exception",
                                       "test_mode"};
constexpr std::string_view kDag[] = {"dag_id",   "description",     "doc_md",           "owner",   "file", "timezone",
                                     "schedule", "max_active_runs", "max_active_tasks", "catchup", "tags", "start_date",
                                     "end_date", "params"};
constexpr std::string_view kTask[] = {
    "task_id",    "doc_md",          "owner",        "retries",         "retry_delay",      "pool",
    "pool_slots", "priority_weight", "trigger_rule", "depends_on_past", "execution_timeout"};
constexpr std::string_view kRun[] = {
    "run_id",    "run_type",  "dag_id", "conf", "logical_date", "data_interval_start", "data_interval_end",
    "run_after", "start_date"};
constexpr std::string_view kInstance[] = {"task_id",   "dag_id",    "run_id", "try_number",
                                          "max_tries", "map_index", "state",  "xcom_pull"};

constexpr std::pair<std::string_view, std::string_view> kRemoved[] = {
    {"lipsum", "it makes filler text: write what is to stand there"},
    {"execution_date", "use logical_date"},
    {"inlet_events", "outputs of the tasks above are in tasks.<id>"},
    {"outlet_events", "what a task says of its outlets is an output: see assets"},
    {"next_ds", "use {{ data_interval_end | ds }}"},
    {"next_ds_nodash", "use {{ data_interval_end | ds_nodash }}"},
    {"next_execution_date", "use data_interval_end"},
    {"prev_ds", "use {{ prev_data_interval_start_success | ds }}"},
    {"prev_ds_nodash", "use {{ prev_data_interval_start_success | ds_nodash }}"},
    {"prev_execution_date", "use prev_data_interval_start_success"},
    {"prev_execution_date_success", "use prev_data_interval_start_success"},
    {"yesterday_ds", "use {{ macros.ds_add(ds, -1) }}"},
    {"yesterday_ds_nodash", "use {{ logical_date.subtract(days=1) | ds_nodash }}"},
    {"tomorrow_ds", "use {{ macros.ds_add(ds, 1) }}"},
    {"tomorrow_ds_nodash", "use {{ logical_date.add(days=1) | ds_nodash }}"}};

}  // namespace

std::span<const std::string_view> KnownNames() {
  return kRoots;
}
std::span<const std::string_view> DagMembers() {
  return kDag;
}
std::span<const std::string_view> TaskMembers() {
  return kTask;
}
std::span<const std::string_view> RunMembers() {
  return kRun;
}
std::span<const std::string_view> InstanceMembers() {
  return kInstance;
}

std::string_view RemovedNameHint(std::string_view name) {
  for (const auto& [removed, hint] : kRemoved) {
    if (removed == name) return hint;
  }
  return {};
}

}  // namespace pipelined
