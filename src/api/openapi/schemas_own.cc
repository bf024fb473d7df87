// The objects of answers that Airflow does not have, and those that say what is wrong.
#include "api/openapi/schemas.h"

namespace pipelined::api {
namespace {

constexpr ObjectRow kOwn[] = {
    {"AccessToken", "access_token:text"},
    {"RunState", "state:DagRunState results?:object"},
    {"AttemptOutcome",
     "outcome:text? message:text? exit_code:integer? attempt:integer? executor_instance:text? "
     "retry_at:instant?"},
    {"ExtTaskInstance", "<TaskInstanceResponse <AttemptOutcome"},
    {"ExtTaskInstances", "task_instances:[ExtTaskInstance] @total"},
    {"ExtTry", "<TaskInstanceHistoryResponse <AttemptOutcome"},
    {"ExtTries", "task_instances:[ExtTry] @total"},
    {"Reason", "code:text text:text"},
    {"Why",
     "state:TaskStateOrNone try_number:integer reasons:[Reason] pool?:text position?:integer "
     "waiting_since?:instant"},
    {"QueuedTask",
     "position:integer pool:text pool_slots:integer priority_weight:integer dag_id:text dag_run_id:text "
     "task_id:text map_index:integer try_number:integer waiting_since:instant waited_seconds:number "
     "reasons:[Reason]"},
    {"Queue", "tasks:[QueuedTask] @total"},
    {"SimulatedTask",
     "task_id:text state:TaskInstanceState? try_number:integer start_date:instant? end_date:instant? waited:number"},
    {"SimulatedRun",
     "dag_id:text dag_run_id:text state:DagRunState logical_date:instant data_interval_start:instant "
     "data_interval_end:instant run_after:instant start_date:instant? end_date:instant? waited:number? "
     "duration:number? tasks:[SimulatedTask]"},
    {"MissedSlot", "dag_id:text logical_date:instant run_after:instant"},
    {"Simulation",
     "summary:object runs:[SimulatedRun] total_runs:integer missed_slots:[MissedSlot] total_missed_slots:integer "
     "notes:[text]"},
    {"DagEvent", "when:instant who:text kind:text event:text why:text"},
    {"DagHistory", "events:[DagEvent] @total"},
    {"Deadline", "number:integer deadline:text due_at:instant state:text ended_at:instant?"},
    {"Deadlines", "deadlines:[Deadline] @total"},
    {"Notification",
     "id:integer created_at:instant event:text channel:text to:[text] dag_id:text? dag_run_id:text? task_id:text? "
     "map_index:integer state:text attempts:integer next_try_at:instant? ended_at:instant? error:text? "
     "dedupe_key:text? duplicate_of:integer?"},
    {"Notifications", "notifications:[Notification] next:integer?"},
    {"NotificationTry", "number:integer started_at:instant ended_at:instant? status:integer? error:text?"},
    {"NotificationWhole", "<Notification tries:[NotificationTry] facts:object"},
    {"ExtRun", "<DAGRunResponse clear_number:integer rerun_of:text? reruns:[text]"},
    {"RunEvent", "when:instant who:text task_id:text? try_number:integer? from:text to:text why:text?"},
    {"RunEvents", "events:[RunEvent] @total"},
    {"RunLink", "dag_id:text dag_run_id:text task_id:text state:DagRunState is_sub_run:boolean"},
    {"RunLinks", "made_by:RunLink? made:[RunLink]"},
    {"TaskInShort",
     "task_id:text state:TaskInstanceState? try_number:integer start:instant? end:instant? map_index?:integer "
     "retry_at?:instant outcome?:text message?:text"},
    {"PreviousRun", "dag_run_id:text duration:number? tasks:{number}"},
    {"Progress", "run:DAGRunResponse tasks:[TaskInShort] previous?:PreviousRun? etag:text"},
    {"TaskAt", "task_id:text map_index:integer state:TaskInstanceState? try_number:integer since:instant?"},
    {"RunAt",
     "dag_id:text dag_run_id:text at:instant state:DagRunState since:instant? version_number:integer "
     "tasks:[TaskAt]"},
    {"DurationDiff", "a:number? b:number? change:number? change_percent:number? differs:boolean"},
    {"RunSide",
     "dag_run_id:text run_type:DagRunType state:DagRunState logical_date:instant? start_date:instant? "
     "end_date:instant? version_number:integer"},
    {"TaskSide", "state:TaskInstanceState? try_number:integer"},
    {"ParamSide", "value:any"},
    {"ParamDiff", "key:text a:ParamSide? b:ParamSide?"},
    {"TaskDiff", "task_id:text map_index:integer a:TaskSide? b:TaskSide? duration:DurationDiff differs:boolean"},
    {"RunDiff",
     "dag_id:text a:RunSide b:RunSide differs:boolean duration:DurationDiff params:[ParamDiff] "
     "tasks:[TaskDiff]"},
    {"SkippedSlots", "already_exists:integer in_flight:integer cancelled:integer"},
    {"BackfillFailure", "dag_run_id:text logical_date:instant? failed_tasks:[text]"},
    {"BackfillProgress",
     "backfill:BackfillResponse run_backwards:boolean cancelled:boolean triggering_user_name:text "
     "slots:integer waiting:integer queued:integer running:integer success:integer failed:integer "
     "skipped:SkippedSlots elapsed_seconds:number? remaining_seconds:number? failures:[BackfillFailure]"},
    {"Grant", "grant_id:integer account:text role:text dag_id:text? tag:text?"},
    {"Grants", "grants:[Grant] @total"},
    {"Account",
     "name:text kind:'user'|'service' disabled:boolean created_at:instant password_changed_at:instant? grants:[Grant]"},
    {"Users", "users:[Account] @total"},
    {"ServiceAccounts", "service_accounts:[Account] @total"},
    {"AccessRole", "name:text description:text built_in:boolean permissions:[text]"},
    {"AccessRoles", "roles:[AccessRole] @total"},
    {"Token",
     "token_id:integer account:text name:text kind:'login'|'api' permissions:[text]? dag_ids:[text]? "
     "created_at:instant "
     "expires_at:instant? last_used_at:instant?"},
    {"NewToken", "<Token token:text"},
    {"Tokens", "tokens:[Token] @total"},
    {"Allowed", "permission:text dag_ids:[text]?"},
    {"Me", "name:text token_id:integer? limited:boolean permissions:[Allowed]"},
    {"Session",
     "id:text|integer sign_in:text remote:text? user_agent:text? created_at:instant last_seen_at:instant "
     "expires_at:instant current:boolean"},
    {"Sessions", "sessions:[Session] @total"},
    {"HTTPExceptionResponse", "detail:text|object errors?:[ParamError]"},
    {"ParamError", "pointer:text message:text"},
    {"ValidationError", "type:text loc:[text|integer] msg:text input?:any"},
    {"HTTPValidationError", "detail:[ValidationError]|text"},
};

}  // namespace

std::span<const ObjectRow> OwnRows() {
  return kOwn;
}

}  // namespace pipelined::api
