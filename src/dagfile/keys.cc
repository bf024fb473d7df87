#include "dagfile/keys.h"

#include <fmt/format.h>

#include <array>

#include "pipelined/base/near_match.h"

namespace pipelined::dagfile {
namespace {

constexpr std::array kDagTable{
    KeyRow{"dag_id", Key::kDagId},
    KeyRow{"description", Key::kDescription, true},
    KeyRow{"doc_md", Key::kDocMd, true},
    KeyRow{"owner", Key::kOwner, true},
    KeyRow{"tags", Key::kTags, true},
    KeyRow{"schedule", Key::kSchedule},
    KeyRow{"timezone", Key::kTimezone},
    KeyRow{"start_date", Key::kStartDate, true},
    KeyRow{"end_date", Key::kEndDate, true},
    KeyRow{"catchup", Key::kCatchup},
    KeyRow{"data_interval", Key::kDataInterval},
    KeyRow{"calendar", Key::kCalendar, true},
    KeyRow{"jitter", Key::kJitter, true},
    KeyRow{"max_active_runs", Key::kMaxActiveRuns},
    KeyRow{"max_active_tasks", Key::kMaxActiveTasks},
    KeyRow{"max_consecutive_failed_dag_runs", Key::kMaxConsecutiveFailedDagRuns},
    KeyRow{"dagrun_timeout", Key::kDagrunTimeout, true},
    KeyRow{"fail_fast", Key::kFailFast},
    KeyRow{"params", Key::kParams, true},
    KeyRow{"env", Key::kEnv, true},
    KeyRow{"working_dir", Key::kWorkingDir, true},
    KeyRow{"default_args", Key::kDefaultArgs, true},
    KeyRow{"is_paused_upon_creation", Key::kPausedUponCreation},
    KeyRow{"tasks", Key::kTasks},
    KeyRow{"overlap", Key::kOverlap},
    KeyRow{"on_success", Key::kOnSuccess},
    KeyRow{"on_failure", Key::kOnFailure},
    KeyRow{"deadline", Key::kDeadline, true},
    KeyRow{"task_groups", Key::kTaskGroups, true},
    KeyRow{"include", Key::kInclude, true},
};

constexpr std::array kTaskTable{
    KeyRow{"bash", Key::kBash},
    KeyRow{"exec", Key::kExec},
    KeyRow{"python", Key::kPython},
    KeyRow{"empty", Key::kEmpty},
    KeyRow{"branch", Key::kBranch},
    KeyRow{"short_circuit", Key::kShortCircuit},
    KeyRow{"latest_only", Key::kLatestOnly},
    KeyRow{"trigger_dag", Key::kTriggerDag},
    KeyRow{"dag", Key::kSubDag},
    KeyRow{"repeat", Key::kRepeat, true},
    KeyRow{"when", Key::kWhen, true},
    KeyRow{"skip_on_exit_code", Key::kSkipOnExitCode},
    KeyRow{"group", Key::kGroup, true},
    KeyRow{"setup", Key::kSetup},
    KeyRow{"teardown", Key::kTeardown},
    KeyRow{"on_failure_fail_dagrun", Key::kOnFailureFailDagrun},
    KeyRow{"depends_on", Key::kDependsOn, true},
    KeyRow{"trigger_rule", Key::kTriggerRule},
    KeyRow{"retries", Key::kRetries},
    KeyRow{"retry_delay", Key::kRetryDelay},
    KeyRow{"retry_exponential_backoff", Key::kRetryBackoff},
    KeyRow{"max_retry_delay", Key::kMaxRetryDelay, true},
    KeyRow{"retry_on", Key::kRetryOn, true},
    KeyRow{"execution_timeout", Key::kExecutionTimeout, true},
    KeyRow{"pool", Key::kPool},
    KeyRow{"pool_slots", Key::kPoolSlots},
    KeyRow{"priority_weight", Key::kPriorityWeight},
    KeyRow{"weight_rule", Key::kWeightRule},
    KeyRow{"max_active_tis_per_dag", Key::kMaxActiveTisPerDag},
    KeyRow{"max_active_tis_per_dagrun", Key::kMaxActiveTisPerDagrun},
    KeyRow{"concurrency", Key::kConcurrency},
    KeyRow{"rate", Key::kRate},
    KeyRow{"env", Key::kEnv, true},
    KeyRow{"working_dir", Key::kWorkingDir, true},
    KeyRow{"run_as_user", Key::kRunAsUser, true},
    KeyRow{"inlets", Key::kInlets, true},
    KeyRow{"outlets", Key::kOutlets, true},
    KeyRow{"on_lost", Key::kOnLost},
    KeyRow{"owner", Key::kOwner, true},
    KeyRow{"doc_md", Key::kDocMd, true},
    KeyRow{"sensor", Key::kSensor},
    KeyRow{"http", Key::kHttp},
    KeyRow{"sql", Key::kSql},
    KeyRow{"sqlite", Key::kSqlite},
    KeyRow{"mail", Key::kMail},
    KeyRow{"ssh", Key::kSsh},
    KeyRow{"stdin", Key::kStdin, true},
    KeyRow{"shell", Key::kShell, true},
    KeyRow{"umask", Key::kUmask, true},
    KeyRow{"nice", Key::kNice, true},
    KeyRow{"check"},
    KeyRow{"spark"},
    KeyRow{"flink"},
    KeyRow{"kafka"},
    KeyRow{"approval"},
    KeyRow{"depends_on_past", Key::kDependsOnPast},
    KeyRow{"wait_for_downstream", Key::kWaitForDownstream},
    KeyRow{"ignore_first_depends_on_past", Key::kIgnoreFirstDependsOnPast},
    KeyRow{"expand", Key::kExpand},
    KeyRow{"expand_zip", Key::kExpandZip},
    KeyRow{"expand_kwargs", Key::kExpandKwargs},
    KeyRow{"map_index_template", Key::kMapIndexTemplate},
    KeyRow{"resources"},
    KeyRow{"executor", Key::kLater, false, "local"},
    KeyRow{"queue"},
    KeyRow{"on_success", Key::kOnSuccess},
    KeyRow{"on_failure", Key::kOnFailure},
    KeyRow{"on_retry", Key::kOnRetry},
    KeyRow{"on_skipped", Key::kOnSkipped},
};

constexpr std::array kPythonTable{
    KeyRow{"file", Key::kFile},
    KeyRow{"code", Key::kCode},
    KeyRow{"venv", Key::kVenv, true},
    KeyRow{"requirements", Key::kRequirements, true},
};
constexpr std::array kRetryOnTable{KeyRow{"exit_codes", Key::kExitCodes}};
constexpr std::array kScheduleTable{
    KeyRow{"every", Key::kEvery},
    KeyRow{"cron", Key::kCron},
    KeyRow{"assets", Key::kAssets},
    KeyRow{"interval", Key::kInterval, true},
    KeyRow{"run_immediately", Key::kRunImmediately},
    KeyRow{"at", Key::kAt},
    KeyRow{"restrict_to_events", Key::kRestrictToEvents},
    KeyRow{"kafka"},
    KeyRow{"cdc"},
};

constexpr std::array kRunImmediatelyTable{KeyRow{"within", Key::kWithin}};
constexpr std::array kPartTable{
    KeyRow{"years", Key::kYears},     KeyRow{"months", Key::kMonths}, KeyRow{"weeks", Key::kWeeks},
    KeyRow{"days", Key::kDays},       KeyRow{"hours", Key::kHours},   KeyRow{"minutes", Key::kMinutes},
    KeyRow{"seconds", Key::kSeconds},
};
constexpr std::array kCalendarTable{KeyRow{"exclude", Key::kExclude}, KeyRow{"on_excluded", Key::kOnExcluded}};
constexpr std::array kExcludeTable{KeyRow{"ical", Key::kIcal}};
constexpr std::array kShortCircuitTable{
    KeyRow{"condition", Key::kCondition},
    KeyRow{"ignore_downstream_trigger_rules", Key::kIgnoreDownstreamTriggerRules},
};
constexpr std::array kGroupTable{
    KeyRow{"tooltip", Key::kTooltip, true},
    KeyRow{"depends_on", Key::kDependsOn, true},
    KeyRow{"default_args", Key::kDefaultArgs, true},
    KeyRow{"parent", Key::kParent, true},
    KeyRow{"expand", Key::kExpand},
    KeyRow{"expand_zip", Key::kExpandZip},
    KeyRow{"expand_kwargs", Key::kExpandKwargs},
};
constexpr std::array kConcurrencyTable{
    KeyRow{"key", Key::kLimitKey},
    KeyRow{"max", Key::kMax},
    KeyRow{"on_conflict", Key::kOnConflict},
};
constexpr std::array kRateTable{
    KeyRow{"key", Key::kLimitKey},
    KeyRow{"per_second", Key::kPerSecond},
    KeyRow{"per_minute", Key::kPerMinute},
    KeyRow{"per_hour", Key::kPerHour},
};
constexpr std::array kDeadlineTable{
    KeyRow{"reference", Key::kReference}, KeyRow{"interval", Key::kInterval}, KeyRow{"at", Key::kAt},
    KeyRow{"max_runs", Key::kMaxRuns},    KeyRow{"min_runs", Key::kMinRuns},  KeyRow{"on_missed", Key::kOnMissed},
};
constexpr std::array kNotifyTable{
    KeyRow{"channel", Key::kChannel},       KeyRow{"subject", Key::kSubject, true},
    KeyRow{"message", Key::kMessage, true}, KeyRow{"dedupe_key", Key::kDedupeKey, true},
    KeyRow{"to", Key::kTo, true},
};
constexpr std::array kIncludeTable{
    KeyRow{"file", Key::kFile},
    KeyRow{"with", Key::kWith, true},
    KeyRow{"tooltip", Key::kTooltip, true},
    KeyRow{"depends_on", Key::kDependsOn, true},
    KeyRow{"default_args", Key::kDefaultArgs, true},
    KeyRow{"parent", Key::kParent, true},
};
// Short forms beside Airflow's words.
constexpr std::array kTriggerDagTable{
    KeyRow{"dag_id", Key::kId},
    KeyRow{"trigger_dag_id", Key::kId},
    KeyRow{"conf", Key::kConf, true},
    KeyRow{"run_id", Key::kRunId, true},
    KeyRow{"trigger_run_id", Key::kRunId, true},
    KeyRow{"logical_date", Key::kLogicalDate, true},
    KeyRow{"wait", Key::kWait},
    KeyRow{"wait_for_completion", Key::kWait},
    KeyRow{"reset", Key::kReset},
    KeyRow{"reset_dag_run", Key::kReset},
    KeyRow{"skip_when_already_exists", Key::kSkipExisting},
    KeyRow{"allowed_states", Key::kAllowedStates, true},
    KeyRow{"failed_states", Key::kFailedStates, true},
};
constexpr std::array kSubDagTable{
    KeyRow{"id", Key::kId},
    KeyRow{"file", Key::kFile},
    KeyRow{"conf", Key::kConf, true},
    KeyRow{"run_id", Key::kRunId, true},
    KeyRow{"logical_date", Key::kLogicalDate, true},
};
constexpr std::array kRepeatTable{
    KeyRow{"until", Key::kUntil},
    KeyRow{"delay", Key::kDelay},
    KeyRow{"max", Key::kMax},
};
constexpr std::array kTemplateTable{
    KeyRow{"description", Key::kDescription, true},  KeyRow{"params", Key::kParams, true},
    KeyRow{"default_args", Key::kDefaultArgs, true}, KeyRow{"task_groups", Key::kTaskGroups, true},
    KeyRow{"include", Key::kInclude, true},          KeyRow{"tasks", Key::kTasks},
};

void ReportUnknown(const Entry& entry, std::span<const KeyRow> table, std::string_view what, Reporter& reporter) {
  std::vector<std::string_view> names;
  for (const KeyRow& row : table) names.push_back(row.name);
  const auto near = NearMatch(entry.name(), names);
  std::string hint;
  if (near) {
    hint = fmt::format("did you mean \"{}\"?", *near);
  } else if (names.size() <= 8) {
    hint = fmt::format("known are: {}", fmt::join(names, ", "));
  }
  reporter.Error(Code::kUnknownKey, entry.key.place(), fmt::format("{} has no key {}", what, Quoted(entry.name())),
                 hint);
}

}  // namespace

const std::span<const KeyRow> kDagKeys = kDagTable;
const std::span<const KeyRow> kTaskKeys = kTaskTable;
const std::span<const KeyRow> kPythonKeys = kPythonTable;
const std::span<const KeyRow> kRetryOnKeys = kRetryOnTable;
const std::span<const KeyRow> kScheduleKeys = kScheduleTable;
const std::span<const KeyRow> kRunImmediatelyKeys = kRunImmediatelyTable;
const std::span<const KeyRow> kPartKeys = kPartTable;
const std::span<const KeyRow> kCalendarKeys = kCalendarTable;
const std::span<const KeyRow> kExcludeKeys = kExcludeTable;
const std::span<const KeyRow> kShortCircuitKeys = kShortCircuitTable;
const std::span<const KeyRow> kGroupKeys = kGroupTable;
const std::span<const KeyRow> kConcurrencyKeys = kConcurrencyTable;
const std::span<const KeyRow> kRateKeys = kRateTable;
const std::span<const KeyRow> kDeadlineKeys = kDeadlineTable;
const std::span<const KeyRow> kNotifyKeys = kNotifyTable;
const std::span<const KeyRow> kIncludeKeys = kIncludeTable;
const std::span<const KeyRow> kTriggerDagKeys = kTriggerDagTable;
const std::span<const KeyRow> kSubDagKeys = kSubDagTable;
const std::span<const KeyRow> kRepeatKeys = kRepeatTable;
const std::span<const KeyRow> kTemplateKeys = kTemplateTable;

bool IsAction(Key key) {
  return key == Key::kBash || key == Key::kExec || key == Key::kPython || key == Key::kEmpty || key == Key::kBranch ||
         key == Key::kShortCircuit || key == Key::kLatestOnly || key == Key::kTriggerDag || key == Key::kSubDag ||
         key == Key::kSensor || key == Key::kHttp || key == Key::kSql || key == Key::kSqlite || key == Key::kMail ||
         key == Key::kSsh;
}

bool IsOfOneTask(Key key) {
  return IsAction(key) || key == Key::kDependsOn || key == Key::kGroup || key == Key::kSetup || key == Key::kTeardown ||
         key == Key::kOnFailureFailDagrun || key == Key::kRepeat || key == Key::kExpand || key == Key::kExpandZip ||
         key == Key::kExpandKwargs || key == Key::kMapIndexTemplate;
}

void EachKey(NodeRef map, std::span<const KeyRow> table, std::string_view what, Reporter& reporter,
             const std::function<void(Key, const Entry&)>& read) {
  for (const Entry entry : EntriesOf(map)) {
    const std::string_view name = entry.name();
    const KeyRow* found = nullptr;
    for (const KeyRow& row : table) {
      if (row.name == name) {
        found = &row;
        break;
      }
    }
    if (found == nullptr) {
      if (name != "<<" || !entry.key.is_plain()) ReportUnknown(entry, table, what, reporter);  // << was merged already
    } else if (entry.value.is_null() && found->may_be_null) {
      continue;
    } else if (found->key != Key::kLater) {
      read(found->key, entry);
    } else if (found->no_op.empty() || !entry.value.is_scalar() || entry.value.text() != found->no_op) {
      reporter.Error(Code::kNotAvailable, entry.key.place(),
                     fmt::format("{} is not available yet in this version", Quoted(name)),
                     found->no_op.empty() ? "" : fmt::format("only its default, {}, is", found->no_op));
    }
  }
}

}  // namespace pipelined::dagfile
