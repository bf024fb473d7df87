// The objects of answers that Airflow has, too: what shapes.cc and its neighbours make, by name.
#include "api/openapi/schemas.h"

namespace pipelined::api {
namespace {

constexpr ObjectRow kAnswers[] = {
    {"AssetAliasCollectionResponse", "asset_aliases:[AssetAliasResponse] @total"},
    {"AssetAliasResponse", "id:integer name:text group:text"},
    {"AssetCollectionResponse", "assets:[AssetResponse] @total"},
    {"AssetEventCollectionResponse", "asset_events:[AssetEventResponse] @total"},
    {"AssetEventResponse",
     "id:integer asset_id:integer uri?:text? name?:text? group?:text? extra?:{any}? source_task_id?:text? "
     "source_dag_id?:text? source_run_id?:text? source_map_index:integer "
     "created_dagruns:[DagRunAssetReference] timestamp:instant partition_key?:text?"},
    {"AssetResponse",
     "id:integer name:text uri:text group:text extra?:{any}? created_at:instant updated_at:instant "
     "scheduled_dags:[DagScheduleAssetReference] producing_tasks:[TaskOutletAssetReference] "
     "consuming_tasks:[TaskInletAssetReference] aliases:[AssetAliasResponse] watchers:[AssetWatcherResponse] "
     "last_asset_event?:LastAssetEventResponse?"},
    {"AssetStateStoreCollectionResponse", "asset_state_store:[AssetStateStoreResponse] @total"},
    {"AssetStateStoreLastUpdatedBy",
     "kind:AssetStateStoreWriterKind dag_id?:text? run_id?:text? task_id?:text? map_index?:integer?"},
    {"AssetStateStoreResponse", "key:text value:any updated_at:instant last_updated_by?:AssetStateStoreLastUpdatedBy?"},
    {"AssetWatcherResponse", "name:text trigger_id:integer created_date:instant"},
    {"BackfillCollectionResponse", "backfills:[BackfillResponse] @total"},
    {"BackfillResponse",
     "id:integer(0..) dag_id:text from_date:instant to_date:instant dag_run_conf:object? is_paused:boolean "
     "reprocess_behavior:ReprocessBehavior max_active_runs:integer created_at:instant completed_at:instant? "
     "updated_at:instant dag_display_name:text"},
    {"BaseInfoResponse", "status:text?"},
    {"BulkActionResponse", "success?:[text] errors?:[object]"},
    {"BulkResponse", "create?:BulkActionResponse? update?:BulkActionResponse? delete?:BulkActionResponse?"},
    {"ClearPartitionsResponse", "dag_runs_cleared:integer task_instances_cleared:integer dry_run:boolean"},
    {"ClearTaskInstanceCollectionResponse", "task_instances:[TaskInstanceResponse] @total"},
    {"Config", "sections:[ConfigSection]"},
    {"ConfigOption", "key:text value:text|[any](2..2)"},
    {"ConfigSection", "name:text options:[ConfigOption]"},
    {"ConnectionCollectionResponse", "connections:[ConnectionResponse] @total"},
    {"ConnectionResponse",
     "connection_id:text conn_type:text description:text? host:text? login:text? schema:text? port:integer? "
     "password:text? extra:text? team_name:text?"},
    {"ConnectionTestResponse", "status:boolean message:text"},
    {"DAGCollectionResponse", "dags:[DAGResponse] @total"},
    {"DAGDetailsResponse",
     "<DAGResponse catchup:boolean dag_run_timeout:duration? asset_expression:object? doc_md:text? "
     "start_date:instant? end_date:instant? is_paused_upon_creation:boolean? params:object? "
     "render_template_as_native_obj:boolean template_search_path:[text]? timezone:text? last_parsed:instant? "
     "default_args:object? rerun_with_latest_version?:boolean? owner_links?:{text}? is_favorite?:boolean=false "
     "active_runs_count?:integer=0 concurrency:integer latest_dag_version:DagVersionResponse? fail_fast:boolean?"},
    {"DAGResponse",
     "dag_id:text dag_display_name:text is_paused:boolean is_stale:boolean last_parsed_time:instant? "
     "last_parse_duration:number? last_expired:instant? bundle_name:text? bundle_version:text? "
     "relative_fileloc:text? fileloc:text description:text? timetable_summary:text? "
     "timetable_description:text? timetable_partitioned:boolean timetable_periodic:boolean "
     "tags:[DagTagResponse] max_active_tasks:integer max_active_runs:integer? "
     "max_consecutive_failed_dag_runs:integer has_task_concurrency_limits:boolean has_import_errors:boolean "
     "next_dagrun_logical_date:instant? next_dagrun_data_interval_start:instant? "
     "next_dagrun_data_interval_end:instant? next_dagrun_run_after:instant? allowed_run_types:[DagRunType]? "
     "owners:[text] is_backfillable:boolean file_token:text"},
    {"DAGRunCollectionResponse",
     "dag_runs:[DAGRunResponse] total_entries:integer? total_entries_limit?:integer next_cursor?:text? "
     "previous_cursor?:text?"},
    {"DAGRunResponse",
     "dag_run_id:text dag_id:text logical_date:instant? queued_at:instant? start_date:instant? "
     "end_date:instant? duration:number? data_interval_start:instant? data_interval_end:instant? "
     "run_after:instant last_scheduling_decision:instant? run_type:DagRunType state:DagRunState "
     "triggered_by:DagRunTriggeredByType? triggering_user_name:text? conf:object? note:text? "
     "dag_versions:[DagVersionResponse] bundle_version:text? dag_display_name:text partition_key:text? "
     "partition_date:instant?"},
    {"DAGSourceResponse", "content:text? dag_id:text version_number:integer? dag_display_name:text"},
    {"DAGTagCollectionResponse", "tags:[text] @total"},
    {"DAGVersionCollectionResponse", "dag_versions:[DagVersionResponse] @total"},
    {"DAGWarningCollectionResponse", "dag_warnings:[DAGWarningResponse] @total"},
    {"DAGWarningResponse",
     "dag_id:text warning_type:DagWarningType message:text timestamp:instant dag_display_name:text"},
    {"DagProcessorInfoResponse", "status:text? latest_dag_processor_heartbeat:text?"},
    {"DagRunAssetReference",
     "run_id:text dag_id:text logical_date:instant? start_date:instant end_date:instant? state:text "
     "data_interval_start:instant? data_interval_end:instant? partition_key:text? triggering:boolean"},
    {"DagScheduleAssetReference", "dag_id:text created_at:instant updated_at:instant"},
    {"DagStatsCollectionResponse", "dags:[DagStatsResponse] @total"},
    {"DagStatsResponse", "dag_id:text dag_display_name:text stats:[DagStatsStateResponse]"},
    {"DagStatsStateResponse", "state:DagRunState count:integer"},
    {"DagTagResponse", "name:text dag_id:text dag_display_name:text"},
    {"DagVersionResponse",
     "id:uuid version_number:integer dag_id:text bundle_name:text? bundle_version:text? created_at:instant "
     "dag_display_name:text bundle_url:text?"},
    {"DryRunBackfillCollectionResponse", "backfills:[DryRunBackfillResponse] @total"},
    {"DryRunBackfillResponse", "logical_date:instant? partition_key:text? partition_date:instant?"},
    {"EventLogCollectionResponse", "event_logs:[EventLogResponse] @total"},
    {"EventLogResponse",
     "event_log_id:integer when:instant dag_id:text? task_id:text? run_id:text? map_index:integer? "
     "try_number:integer? event:text logical_date:instant? owner:text? extra:text? dag_display_name?:text? "
     "task_display_name?:text?"},
    {"ExternalLogUrlResponse", "url:text"},
    {"ExtraLinkCollectionResponse", "extra_links:{text?} @total"},
    {"HITLDetailCollection", "hitl_details:[object] @total"},
    {"HealthInfoResponse",
     "metadatabase:BaseInfoResponse scheduler:SchedulerInfoResponse triggerer:TriggererInfoResponse "
     "dag_processor?:DagProcessorInfoResponse?"},
    {"ImportErrorCollectionResponse", "import_errors:[ImportErrorResponse] @total"},
    {"ImportErrorResponse",
     "import_error_id:integer timestamp:instant filename:text bundle_name:text? stack_trace:text"},
    {"JobCollectionResponse", "jobs:[JobResponse] @total"},
    {"JobResponse",
     "id:integer dag_id:text? state:text? job_type:text? start_date:instant? end_date:instant? "
     "latest_heartbeat:instant? executor_class:text? hostname:text? unixname:text? dag_display_name?:text?"},
    {"LastAssetEventResponse", "id?:integer(0..)? timestamp?:instant?"},
    {"PluginCollectionResponse", "plugins:[PluginResponse] @total"},
    {"PluginImportErrorCollectionResponse", "import_errors:[PluginImportErrorResponse] @total"},
    {"PluginImportErrorResponse", "source:text error:text"},
    {"PluginResponse",
     "name:text macros:[text] flask_blueprints:[text] fastapi_apps:[object] fastapi_root_middlewares:[object] "
     "external_views:[object] react_apps:[object] appbuilder_views:[object] appbuilder_menu_items:[object] "
     "global_operator_extra_links:[text] operator_extra_links:[text] source:text listeners:[text] "
     "timetables:[text]"},
    {"PoolCollectionResponse", "pools:[PoolResponse] @total"},
    {"PoolResponse",
     "name:text slots:integer(-1..) description?:text? include_deferred:boolean occupied_slots:integer "
     "running_slots:integer queued_slots:integer scheduled_slots:integer open_slots:integer "
     "deferred_slots:integer team_name:text?"},
    {"ProviderCollectionResponse", "providers:[ProviderResponse] @total"},
    {"ProviderResponse", "package_name:text description:text version:text documentation_url:text?"},
    {"QueuedEventCollectionResponse", "queued_events:[QueuedEventResponse] @total"},
    {"QueuedEventResponse", "dag_id:text asset_id:integer created_at:instant dag_display_name:text"},
    {"SchedulerInfoResponse", "status:text? latest_scheduler_heartbeat:text?"},
    {"StructuredLogMessage", "timestamp?:instant event:text"},
    {"TaskCollectionResponse", "tasks:[TaskResponse] @total"},
    {"TaskDependencyCollectionResponse", "dependencies:[TaskDependencyResponse]"},
    {"TaskDependencyResponse", "name:text reason:text"},
    {"TaskInletAssetReference", "dag_id:text task_id:text created_at:instant updated_at:instant"},
    {"TaskInstanceCollectionResponse",
     "task_instances:[TaskInstanceResponse] total_entries:integer? total_entries_limit?:integer next_cursor?:text? "
     "previous_cursor?:text?"},
    {"TaskInstanceHistoryCollectionResponse", "task_instances:[TaskInstanceHistoryResponse] @total"},
    {"TaskInstanceHistoryResponse",
     "task_id:text dag_id:text dag_run_id:text map_index:integer start_date:instant? end_date:instant? "
     "duration:number? state:TaskInstanceState? try_number:integer max_tries:integer task_display_name:text "
     "dag_display_name:text hostname:text? unixname:text? pool:text pool_slots:integer queue:text? "
     "priority_weight:integer? operator:text? operator_name:text? queued_when:instant? scheduled_when:instant? "
     "pid:integer? executor:text? executor_config:text dag_version:DagVersionResponse?"},
    {"TaskInstanceResponse",
     "id:uuid task_id:text dag_id:text dag_run_id:text map_index:integer logical_date:instant? "
     "run_after:instant start_date:instant? end_date:instant? duration:number? state:TaskInstanceState? "
     "try_number:integer max_tries:integer task_display_name:text dag_display_name:text hostname:text? "
     "unixname:text? pool:text pool_slots:integer queue:text? priority_weight:integer? operator:text? "
     "operator_name:text? queued_when:instant? scheduled_when:instant? pid:integer? executor:text? "
     "executor_config:text note:text? rendered_map_index:text? rendered_fields?:object "
     "trigger:TriggerResponse? triggerer_job:JobResponse? dag_version:DagVersionResponse?"},
    {"TaskInstancesLogResponse", "content:[StructuredLogMessage]|[text] continuation_token:text?"},
    {"TaskOutletAssetReference", "dag_id:text task_id:text created_at:instant updated_at:instant"},
    {"TaskResponse",
     "task_id:text? task_display_name:text? owner:text? start_date:instant? end_date:instant? "
     "trigger_rule:text? depends_on_past:boolean wait_for_downstream:boolean retries:number? queue:text? "
     "pool:text? pool_slots:number? execution_timeout:TimeDelta? retry_delay:TimeDelta? "
     "retry_exponential_backoff:number priority_weight:number? weight_rule:text? ui_color:text? "
     "ui_fgcolor:text? template_fields:[text]? downstream_task_ids:[text]? doc_md:text? operator_name:text? "
     "params:object? class_ref:object? is_mapped:boolean? extra_links:[text]"},
    {"TaskStateStoreCollectionResponse", "task_state_store:[TaskStateStoreResponse] @total"},
    {"TaskStateStoreResponse", "key:text value:any updated_at:instant expires_at:instant?"},
    {"TimeDelta", "__type?:text=TimeDelta days:integer seconds:integer microseconds:integer"},
    {"TriggerResponse", "id:integer classpath:text kwargs:text created_date:instant queue:text? triggerer_id:integer?"},
    {"TriggererInfoResponse", "status:text? latest_triggerer_heartbeat:text?"},
    {"VariableCollectionResponse", "variables:[VariableResponse] @total"},
    {"VariableResponse", "key:text value?:text? description:text? is_encrypted:boolean team_name:text?"},
    {"VersionInfo", "version:text git_version:text?"},
    {"XComCollectionResponse", "xcom_entries:[XComResponse] @total"},
    {"XComResponse",
     "key:text timestamp:instant logical_date:instant? map_index:integer task_id:text dag_id:text run_id:text "
     "dag_display_name:text task_display_name:text run_after:instant"},
    {"XComResponseNative", "<XComResponse value:any"},
    {"XComResponseString", "<XComResponse value:text?"},
};

}  // namespace

std::span<const ObjectRow> AnswerRows() {
  return kAnswers;
}

}  // namespace pipelined::api
