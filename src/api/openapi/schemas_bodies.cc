// The objects that requests carry, and the words that both sides use.
#include "api/openapi/schemas.h"

namespace pipelined::api {
namespace {

// A request for many changes at once: Airflow names the objects after what is changed.
#define BULK(entity)                                                                                         \
  {"BulkCreateAction_" entity "_",                                                                           \
   "action:'create' entities:[" entity "] action_on_existence?:BulkActionOnExistence=fail"},                 \
      {"BulkUpdateAction_" entity "_",                                                                       \
       "action:'update' entities:[" entity                                                                   \
       "] update_mask?:[text]? action_on_non_existence?:BulkActionNotOnExistence=fail"},                     \
      {"BulkDeleteAction_" entity "_",                                                                       \
       "action:'delete' entities:[text|" entity "] action_on_non_existence?:BulkActionNotOnExistence=fail"}, \
  {                                                                                                          \
    "BulkBody_" entity "_",                                                                                  \
        "actions:[BulkCreateAction_" entity "_|BulkUpdateAction_" entity "_|BulkDeleteAction_" entity "_]"   \
  }

constexpr ObjectRow kBodies[] = {
    {"AssetEventAccessControl", "consumer_teams?:[text](0..0)? allow_global?:true=true"},
    {"AssetStateStoreBody", "value:any"},
    {"BackfillPostBody",
     "dag_id:text from_date:when to_date:when run_backwards?:boolean=false dag_run_conf?:object? "
     "reprocess_behavior?:ReprocessBehavior=none max_active_runs?:integer(1..2147483647)=10 "
     "run_on_latest_version?:true?"},
    {"BulkDAGRunBody", "dag_run_id:text dag_id?:text? state?:DagRunMutableStates? note?:text(..1000)?"},
    {"BulkDAGRunClearBody",
     "partition_key?:null partition_date_start?:null partition_date_end?:null dry_run?:boolean=true "
     "only_failed?:boolean=false only_new?:false run_on_latest_version?:boolean? note?:text(..1000)? "
     "dag_runs:[BulkDAGRunBody](1..)"},
    {"BulkTaskInstanceBody",
     "<PatchTaskInstanceBody task_id:text map_index?:integer(-1..2147483647)? dag_id?:text? dag_run_id?:text?"},
    {"ClearPartitionsBody",
     "partition_key?:text? partition_date_start?:when? partition_date_end?:when? run_id?:text? "
     "clear_task_instances?:boolean=false dry_run?:boolean=true"},
    {"ClearTaskInstancesBody",
     "dry_run?:boolean=true start_date?:when? end_date?:when? only_failed?:boolean=true "
     "only_running?:boolean=false reset_dag_runs?:boolean=true task_ids?:[text|[any]]? dag_run_id?:text? "
     "include_upstream?:boolean=false include_downstream?:boolean=false include_future?:boolean=false "
     "include_past?:boolean=false run_on_latest_version?:boolean? prevent_running_task?:boolean=false "
     "note?:text(..1000)?"},
    {"ConnectionBody",
     "connection_id:name(..200) conn_type:text description?:text? host?:text? login?:text? schema?:text? "
     "port?:integer(0..65535)? password?:text? extra?:text? team_name?:null"},
    {"CreateAssetEventsBody",
     "asset_id:integer(0..9223372036854775807) partition_key?:visible(..250)? extra?:object "
     "access_control?:AssetEventAccessControl?"},
    {"DAGPatchBody", "is_paused:boolean"},
    {"DAGRunClearBody",
     "dry_run?:boolean=true only_failed?:boolean=false only_new?:false run_on_latest_version?:boolean? "
     "note?:text(..1000)?"},
    {"DAGRunPatchBody", "state?:DagRunMutableStates? note?:text(..1000)?"},
    {"DAGRunsBatchBody",
     "order_by?:RunOrder? page_offset?:integer(0..9223372036854775807)?=0 "
     "page_limit?:integer(0..9223372036854775807)?=100 dag_ids?:[text]? "
     "states?:[DagRunState?]? @run_after:when? @logical_date:when? @start_date:when? "
     "@end_date:when? @duration:number? conf_contains?:text?"},
    {"MaterializeAssetBody",
     "dag_run_id?:text? data_interval_start?:when? data_interval_end?:when? logical_date?:when? "
     "run_after?:when? conf?:object? note?:text? partition_key?:null"},
    {"PatchTaskInstanceBody",
     "new_state?:'success'|'failed'|'skipped' note?:text(..1000)? include_upstream?:boolean=false "
     "include_downstream?:boolean=false include_future?:boolean=false include_past?:boolean=false"},
    {"PoolBody",
     "name:text(1..256) slots:integer(-1..2147483647) description?:text? include_deferred?:boolean=false "
     "team_name?:null"},
    {"PoolPatchBody",
     "pool?:text? slots?:integer(-1..2147483647)? description?:text? include_deferred?:boolean "
     "team_name?:null"},
    {"TaskInstancesBatchBody",
     "dag_ids?:[text]? dag_run_ids?:[text]? task_ids?:[text]? state?:[TaskInstanceState?]? @run_after:when? "
     "@logical_date:when? @start_date:when? @end_date:when? @duration:number? pool?:[text]? "
     "queue?:[text]? executor?:[text]? page_offset?:integer(0..9223372036854775807)?=0 "
     "page_limit?:integer(0..9223372036854775807)?=100 "
     "order_by?:TaskOrder?"},
    {"TaskStateStoreBody", "value:any expires_at?:when|'default'?"},
    {"TaskStateStorePatchBody", "value:any"},
    {"SimulateBody",
     "from:when to:when dag_ids?:[text]? include_paused?:boolean=false parallelism?:integer(1..1000000)=32 "
     "default_duration?:text=1m durations?:{text}? measured?:boolean=false failures?:[text]? pools?:[text]? "
     "limit?:integer(0..1000)=100"},
    {"TriggerDAGRunPostBody",
     "dag_run_id?:text? data_interval_start?:when? data_interval_end?:when? logical_date:when? "
     "run_after?:when? conf?:object? note?:text? partition_key?:null"},
    {"VariableBody", "key:text(1..250) value:any description?:text? team_name?:null"},
    {"XComCreateBody", "key:text(1..512) value:any map_index?:integer(-1..2147483647)=-1"},
    {"XComUpdateBody", "value:any map_index?:integer(-1..2147483647)=-1"},
    {"Credentials", "username:text(..256) password:text"},
    {"RerunBody", "dag_run_id?:text? conf?:object? note?:text?"},
    {"UserBody", "name:account_name password:text roles?:[text]?"},
    {"UserPatchBody", "password?:text? disabled?:boolean"},
    {"ServiceAccountBody", "name:account_name roles?:[text]?"},
    {"ServiceAccountPatchBody", "disabled?:boolean"},
    {"RoleBody", "name:account_name description?:text? permissions:[text]?"},
    {"RolePatchBody", "description?:text? permissions?:[text]?"},
    {"GrantBody", "account:account_name role:account_name dag_id?:text? tag?:text?"},
    {"TokenBody", "name:text(1..) account?:text? permissions?:[text]? dag_ids?:[text]? expires_at?:when?"},
    {"PasswordChange", "current_password:text new_password:text"},
    BULK("BulkDAGRunBody"),
    BULK("BulkTaskInstanceBody"),
    BULK("ConnectionBody"),
    BULK("PoolBody"),
    BULK("VariableBody"),
};

#undef BULK

constexpr WordsRow kWords[] = {
    {"TaskFieldOrder",
     "task_id|-task_id|task_display_name|-task_display_name|owner|-owner|start_date|-start_date|end_date|"
     "-end_date|trigger_rule|-trigger_rule|depends_on_past|-depends_on_past|wait_for_downstream|"
     "-wait_for_downstream|retries|-retries|queue|-queue|pool|-pool|pool_slots|-pool_slots|"
     "retry_exponential_backoff|-retry_exponential_backoff|priority_weight|-priority_weight|weight_rule|"
     "-weight_rule|ui_color|-ui_color|ui_fgcolor|-ui_fgcolor|doc_md|-doc_md|operator_name|-operator_name|"
     "is_mapped|-is_mapped"},
    {"RunOrder",
     "id|-id|dag_id|-dag_id|run_id|-run_id|dag_run_id|-dag_run_id|state|-state|logical_date|-logical_date|"
     "run_after|-run_after|queued_at|-queued_at|start_date|-start_date|end_date|-end_date|run_type|-run_type|"
     "data_interval_start|-data_interval_start|data_interval_end|-data_interval_end|last_scheduling_decision|"
     "-last_scheduling_decision|updated_at|-updated_at|duration|-duration|conf|-conf|bundle_version|"
     "-bundle_version|triggering_user_name|-triggering_user_name"},
    {"TaskOrder",
     "id|-id|dag_id|-dag_id|run_id|-run_id|dag_run_id|-dag_run_id|state|-state|start_date|-start_date|"
     "end_date|-end_date|duration|-duration|try_number|-try_number|map_index|-map_index|logical_date|"
     "-logical_date|run_after|-run_after|data_interval_start|-data_interval_start|data_interval_end|"
     "-data_interval_end|operator|-operator|pool|-pool|priority_weight|-priority_weight|rendered_map_index|"
     "-rendered_map_index|updated_at|-updated_at|queued_when|-queued_when|scheduled_when|-scheduled_when"},
    {"TaskStateFilter",
     "none|no_status|removed|scheduled|queued|running|success|restarting|failed|up_for_retry|up_for_reschedule|"
     "upstream_failed|skipped|deferred|awaiting_input"},
    {"AssetStateStoreWriterKind", "task|watcher|api"},
    {"BulkActionNotOnExistence", "fail|skip"},
    {"BulkActionOnExistence", "fail|skip|overwrite"},
    {"DagRunMutableStates", "queued|success|failed"},
    {"DagRunState", "queued|running|success|failed"},
    {"DagRunTriggeredByType", "cli|operator|rest_api|ui|test|timetable|asset|backfill"},
    {"DagRunType", "backfill|scheduled|manual|operator_triggered|asset_triggered|asset_materialization"},
    {"DagWarningType", "asset conflict|non-existent pool|runtime varying value"},
    {"ReprocessBehavior", "failed|completed|none"},
    {"TaskInstanceState",
     "removed|scheduled|queued|running|success|restarting|failed|up_for_retry|up_for_reschedule|upstream_failed|"
     "skipped|deferred|awaiting_input"},
    {"TaskStateOrNone",
     "none|removed|scheduled|queued|running|success|restarting|failed|up_for_retry|up_for_reschedule|upstream_failed|"
     "skipped|deferred|awaiting_input"},
};

}  // namespace

std::span<const ObjectRow> BodyRows() {
  return kBodies;
}

std::span<const WordsRow> WordRows() {
  return kWords;
}

}  // namespace pipelined::api
