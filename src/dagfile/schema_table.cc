#include "dagfile/schema_table.h"

#include <array>

namespace pipelined::dagfile {
namespace {

constexpr std::string_view kText = R"({"type": ["string", "number", "boolean"]})";
constexpr std::string_view kWord = R"({"type": ["string", "integer"]})";
constexpr std::string_view kWords =
    R"({"anyOf": [{"type": ["string", "number"]}, {"type": "array", "items": {"type": ["string", "number"]}}]})";
constexpr std::string_view kFlag = R"({"anyOf": [{"type": "boolean"}, {"enum": ["yes", "no", "on", "off"]}]})";
constexpr std::string_view kNatural = R"({"type": "integer", "minimum": 0})";
constexpr std::string_view kPositive = R"({"type": "integer", "minimum": 1})";
constexpr std::string_view kLength = R"({"type": ["string", "number"]})";
constexpr std::string_view kDate = R"({"type": "string"})";
constexpr std::string_view kMap = R"({"type": "object"})";
constexpr std::string_view kStates =
    R"({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})";
constexpr std::string_view kCodes =
    R"({"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]})";
constexpr std::string_view kAny = "{}";
constexpr std::string_view kNotify =
    R"({"anyOf": [{"type": ["string", "null"]}, "@notification", {"type": "array", "items": {"anyOf": [{"type": "string"}, "@notification"]}}]})";

constexpr std::array kTable{
    // of a DAG
    KeyDescription{"", "dag_id", kWord, "Its id: letters, digits, _, - and ., at most 128; else the file's name"},
    KeyDescription{"", "description", kText, "One line for listings"},
    KeyDescription{"", "doc_md", kText, "A longer text, Markdown"},
    KeyDescription{"", "owner", kText, "Whose it is"},
    KeyDescription{"", "tags", kWords, "Words to find it by"},
    KeyDescription{"", "schedule", R"({"anyOf": [{"type": ["string", "null"]}, "@schedule"]})",
                   "When runs are due: cron, a preset such as @daily, or a mapping; null: only by hand"},
    KeyDescription{"", "timezone", kText, "IANA name of the zone of the schedule and of dates without offset"},
    KeyDescription{"", "start_date", kDate, "No scheduled run is due before"},
    KeyDescription{"", "end_date", kDate, "No scheduled run is due after"},
    KeyDescription{"", "catchup", kFlag, "Whether each missed time gets a run, or only the latest"},
    KeyDescription{"", "data_interval", R"({"enum": ["trigger", "interval"]})",
                   "Whether a run is about its moment, or about the stretch of time before it"},
    KeyDescription{"", "calendar", "@calendar", "Days without a run"},
    KeyDescription{"", "jitter", kLength, "Each scheduled run starts up to this much later"},
    KeyDescription{"", "max_active_runs", kPositive, "Runs at a time; further ones wait"},
    KeyDescription{"", "max_active_tasks", kPositive, "Tasks of one run at a time"},
    KeyDescription{"", "max_consecutive_failed_dag_runs", kNatural, "So many failed runs in a row pause it; 0: never"},
    KeyDescription{"", "dagrun_timeout", kLength, "A run that takes longer fails"},
    KeyDescription{"", "fail_fast", kFlag, "Whether the first failed task ends the run"},
    KeyDescription{"", "params", kMap, "Values to run with; each a default, or a JSON Schema with one"},
    KeyDescription{"", "env", kMap, "Variables of the environment; values are templates"},
    KeyDescription{"", "working_dir", kText, "Where it runs, from the file's folder; a template"},
    KeyDescription{"", "default_args", "@defaults", "Keys of tasks, for all that do not say otherwise"},
    KeyDescription{"", "is_paused_upon_creation", kFlag, "Whether it begins paused"},
    KeyDescription{"", "tasks", R"({"type": "object", "additionalProperties": "@task"})", "Its tasks by their ids"},
    KeyDescription{"", "overlap", R"({"enum": ["queue", "skip", "cancel_running"]})",
                   "What a slot does that is due while max_active_runs are under way"},
    KeyDescription{"", "deadline", R"({"anyOf": [{"type": ["string", "number"]}, "@deadline", {"type": "array"}]})",
                   "By when a run is to have ended"},
    KeyDescription{"", "task_groups",
                   R"({"type": "object", "additionalProperties": {"anyOf": [{"type": "null"}, "@group"]}})",
                   "Groups of tasks by their ids"},
    KeyDescription{"", "include",
                   R"({"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, "@inclusion"]}})",
                   "Task templates from other files, by the ids that they get here"},
    // of a task
    KeyDescription{"", "bash", kText, "A script for bash; a template"},
    KeyDescription{"", "exec", kWords, "A program with exactly these arguments; no shell"},
    KeyDescription{"", "python", R"({"anyOf": [{"type": "string"}, "@python"]})", "Python from a file, or code"},
    KeyDescription{"", "empty", kAny, "Nothing: a place where paths meet"},
    KeyDescription{"", "branch", kAny, "Ids of the tasks or groups below that are to be followed; a template"},
    KeyDescription{"", "short_circuit", R"({"anyOf": [{"type": ["string", "boolean"]}, "@short_circuit"]})",
                   "A condition; when it is false, what is below is skipped"},
    KeyDescription{"", "latest_only", kAny, "What is below is skipped unless the run is the latest"},
    KeyDescription{"", "trigger_dag", R"({"anyOf": [{"type": "string"}, "@trigger_dag"]})",
                   "Makes a run of another DAG"},
    KeyDescription{"", "dag", R"({"anyOf": [{"type": "string"}, "@sub_dag"]})",
                   "A run of another DAG as a part of this one"},
    KeyDescription{"", "repeat", "@repeat", "Runs again until a condition holds"},
    KeyDescription{"", "when", R"({"type": ["string", "boolean"]})",
                   "A condition; when it is false the task is skipped"},
    KeyDescription{"", "skip_on_exit_code", R"({"anyOf": [{"type": ["integer", "null"]}, {"type": "array"}]})",
                   "Exit codes that skip the task"},
    KeyDescription{"", "group", kText, "The group that it is in"},
    KeyDescription{"", "setup", kFlag, "Whether it prepares what others need"},
    KeyDescription{"", "teardown", kFlag, "Whether it clears away, whatever became of the others"},
    KeyDescription{"", "on_failure_fail_dagrun", kFlag, "Whether a teardown that fails makes the run fail"},
    KeyDescription{"", "depends_on", kWords, "Tasks and groups that it comes after"},
    KeyDescription{"", "trigger_rule", kText, "Which ends of those let it run"},
    KeyDescription{"", "retries", kNatural, "Further tries after a failed one"},
    KeyDescription{"", "retry_delay", kLength, "The wait before the next try"},
    KeyDescription{"", "retry_exponential_backoff", R"({"type": ["boolean", "number", "string"]})",
                   "Whether the wait doubles, or by which factor it grows"},
    KeyDescription{"", "max_retry_delay", kLength, "The longest wait"},
    KeyDescription{"", "retry_on", "@retry_on", "Only these failures are tried again"},
    KeyDescription{"", "execution_timeout", kLength, "A try that takes longer is stopped and has failed"},
    KeyDescription{"", "pool", kText, "The pool that limits it"},
    KeyDescription{"", "pool_slots", kPositive, "How many of the pool's slots it takes"},
    KeyDescription{"", "priority_weight", R"({"type": "integer"})", "Among tasks that wait the highest goes first"},
    KeyDescription{"", "weight_rule", R"({"enum": ["downstream", "upstream", "absolute"]})", "What is added to that"},
    KeyDescription{"", "max_active_tis_per_dag", R"({"type": ["integer", "null"], "minimum": 1})",
                   "So many of it run at once, over all runs"},
    KeyDescription{"", "max_active_tis_per_dagrun", R"({"type": ["integer", "null"], "minimum": 1})",
                   "So many of it run at once in one run"},
    KeyDescription{"", "concurrency", R"({"anyOf": [{"type": "null"}, "@concurrency"]})",
                   "So many tasks with the same key run at once"},
    KeyDescription{"", "rate", R"({"anyOf": [{"type": "null"}, "@rate"]})",
                   "So many tasks with the same key start in a stretch of time"},
    KeyDescription{"", "run_as_user", kText, "Another user of the machine"},
    KeyDescription{"", "inlets", kWords, "URIs of what it reads"},
    KeyDescription{"", "outlets", kWords, "URIs of what it writes"},
    KeyDescription{"", "on_lost", R"({"enum": ["fail", "retry"]})", "What becomes of a try whose end nobody can know"},
    KeyDescription{"", "depends_on_past", kFlag, "Whether it waits for itself in the run before"},
    KeyDescription{"", "wait_for_downstream", kFlag, "Whether it waits for the tasks below that one, too"},
    KeyDescription{"", "ignore_first_depends_on_past", kFlag, "Whether one that no run before had does not wait"},
    KeyDescription{"", "expand", kAny, "An instance for each combination of these values"},
    KeyDescription{"", "expand_zip", kAny, "An instance for each row of these lists"},
    KeyDescription{"", "expand_kwargs", kAny, "An instance for each of these mappings"},
    KeyDescription{"", "map_index_template", kText, "What an instance is called; a template"},
    KeyDescription{"", "executor", R"({"enum": ["local"]})", "Where it runs"},
    KeyDescription{"", "on_success", kNotify, "Channels that are told when it has succeeded"},
    KeyDescription{"", "on_failure", kNotify, "Channels that are told when it has failed for good"},
    KeyDescription{"", "on_retry", kNotify, "Channels that are told when a try has failed and another one follows"},
    KeyDescription{"", "on_skipped", kNotify, "Channels that are told when it was skipped"},
    KeyDescription{"", "on_missed", kNotify, "Channels that are told when it is missed"},
    KeyDescription{"", "channel", kText, "A channel of the settings, alerts.channels"},
    KeyDescription{"", "subject", kText, "One line; a template"},
    KeyDescription{"", "message", kText, "What is said; a template"},
    KeyDescription{"", "dedupe_key", kText, "Of several with the same one, one is sent; a template"},
    KeyDescription{"notification", "to", kWords, "Mail addresses, instead of those of the channel"},
    // of what stands within
    KeyDescription{"python", "file", kText, "A file, from the working directory"},
    KeyDescription{"", "code", kText, "Code that stands here"},
    KeyDescription{"", "exit_codes", kCodes, "Exit codes"},
    KeyDescription{"", "every", R"({"anyOf": [{"type": ["string", "number"]}, "@length"]})",
                   "Each time so much time has gone by"},
    KeyDescription{"", "cron", R"({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})",
                   "By any of these crons"},
    KeyDescription{"", "assets", kAny, "When these have changed"},
    KeyDescription{"schedule", "interval", R"({"anyOf": [{"type": ["string", "number"]}, "@length"]})",
                   "A run is about so much time before it"},
    KeyDescription{"", "run_immediately", R"({"anyOf": [{"type": "boolean"}, "@run_immediately"]})",
                   "Whether a new DAG begins with the slot that has just passed"},
    KeyDescription{"schedule", "at", kWords, "At these instants and no others"},
    KeyDescription{"", "restrict_to_events", kFlag, "Whether a run by hand takes the latest of the instants"},
    KeyDescription{"", "within", kLength, "Only when it has passed no longer ago"},
    KeyDescription{"", "years", kNatural, "Years of the calendar"},
    KeyDescription{"", "months", kNatural, "Months of the calendar"},
    KeyDescription{"", "weeks", kNatural, "Weeks"},
    KeyDescription{"", "days", kNatural, "Days of the calendar"},
    KeyDescription{"", "hours", kNatural, "Hours"},
    KeyDescription{"", "minutes", kNatural, "Minutes"},
    KeyDescription{"", "seconds", kNatural, "Seconds"},
    KeyDescription{"", "exclude", kAny, "Days, ranges of days, weekends, files in iCalendar's form"},
    KeyDescription{"", "on_excluded", kText, "What becomes of a run that is due on such a day"},
    KeyDescription{"", "ical", kText, "A file with holidays"},
    KeyDescription{"", "condition", R"({"type": ["string", "boolean"]})", "When it is false, what is below is skipped"},
    KeyDescription{"", "ignore_downstream_trigger_rules", kFlag, "Whether all below is skipped, or only what is next"},
    KeyDescription{"", "tooltip", kText, "A line about it"},
    KeyDescription{"", "parent", kText, "The group around it"},
    KeyDescription{"", "key", kText, "Tasks with the same one share the limit; a template"},
    KeyDescription{"concurrency", "max", kPositive, "So many at once"},
    KeyDescription{"", "on_conflict", R"({"enum": ["queue", "skip", "cancel_running"]})",
                   "What a task does that finds no room"},
    KeyDescription{"", "per_second", kPositive, "Starts in a second"},
    KeyDescription{"", "per_minute", kPositive, "Starts in a minute"},
    KeyDescription{"", "per_hour", kPositive, "Starts in an hour"},
    KeyDescription{"", "reference", kText, "From when it counts: queued_at, logical_date, fixed, average_runtime"},
    KeyDescription{"deadline", "interval", kLength, "So much after that"},
    KeyDescription{"deadline", "at", kDate, "The instant of a fixed one"},
    KeyDescription{"", "max_runs", kPositive, "An average is that of so many runs at most"},
    KeyDescription{"", "min_runs", kPositive, "… and of so many at least"},
    KeyDescription{"inclusion", "file", kText, "The template's file, from this one's folder"},
    KeyDescription{"", "with", kMap, "Values for its params"},
    KeyDescription{"", "trigger_dag_id", kText, "Which DAG"},
    KeyDescription{"trigger_dag", "dag_id", kText, "Which DAG; a template"},
    KeyDescription{"", "conf", kAny, "What that run is given; templates"},
    KeyDescription{"", "run_id", kText, "Its id; a template"},
    KeyDescription{"", "trigger_run_id", kText, "Its id; a template"},
    KeyDescription{"", "logical_date", kText, "Its logical date; a template"},
    KeyDescription{"", "wait", kFlag, "Whether the task waits for the end of that run"},
    KeyDescription{"", "wait_for_completion", kFlag, "The same"},
    KeyDescription{"", "reset", kFlag, "Whether a run of that date is cleared instead"},
    KeyDescription{"", "reset_dag_run", kFlag, "The same"},
    KeyDescription{"", "skip_when_already_exists", kFlag, "Whether the task is skipped when there is one"},
    KeyDescription{"", "allowed_states", kStates, "Ends of that run that count as success"},
    KeyDescription{"", "failed_states", kStates, "Ends of that run that count as failure"},
    KeyDescription{"", "id", kText, "Which DAG"},
    KeyDescription{"sub_dag", "file", kText, "Which DAG, by its file"},
    KeyDescription{"", "until", R"({"type": ["string", "boolean"]})", "The condition that ends it; a template"},
    KeyDescription{"", "delay", kLength, "The wait between two rounds"},
    KeyDescription{"repeat", "max", kPositive, "So many rounds at most"},
};

}  // namespace

const std::span<const KeyDescription> kKeyDescriptions = kTable;

std::span<const KeyPlace> KeyPlaces() {
  static const std::array kPlaces{
      KeyPlace{"dag", "a DAG", kDagKeys},
      KeyPlace{"task", "a task", kTaskKeys},
      KeyPlace{"schedule", "schedule of a DAG", kScheduleKeys},
      KeyPlace{"length", "a length of time by the calendar", kPartKeys},
      KeyPlace{"run_immediately", "run_immediately of a schedule", kRunImmediatelyKeys},
      KeyPlace{"calendar", "calendar of a DAG", kCalendarKeys},
      KeyPlace{"deadline", "deadline of a DAG", kDeadlineKeys},
      KeyPlace{"notification", "a notification", kNotifyKeys},
      KeyPlace{"group", "a task group", kGroupKeys},
      KeyPlace{"inclusion", "include of a DAG", kIncludeKeys},
      KeyPlace{"python", "python of a task", kPythonKeys},
      KeyPlace{"short_circuit", "short_circuit of a task", kShortCircuitKeys},
      KeyPlace{"trigger_dag", "trigger_dag of a task", kTriggerDagKeys},
      KeyPlace{"sub_dag", "dag of a task", kSubDagKeys},
      KeyPlace{"repeat", "repeat of a task", kRepeatKeys},
      KeyPlace{"retry_on", "retry_on of a task", kRetryOnKeys},
      KeyPlace{"concurrency", "concurrency of a task", kConcurrencyKeys},
      KeyPlace{"rate", "rate of a task", kRateKeys},
  };
  return kPlaces;
}

const KeyDescription* Describe(std::string_view place, std::string_view name) {
  const KeyDescription* general = nullptr;
  for (const KeyDescription& row : kTable) {
    if (row.name != name) continue;
    if (row.place == place) return &row;
    if (row.place.empty()) general = &row;
  }
  return general;
}

}  // namespace pipelined::dagfile
