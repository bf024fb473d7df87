// The keys that a DAG file may hold: one table per place, from which both the reading and the messages are made.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "dagfile/document.h"

namespace pipelined::dagfile {

enum class Key : std::uint8_t {
  kLater,  // known, but not available yet
  // of a DAG
  kDagId,
  kDescription,
  kDocMd,
  kOwner,
  kTags,
  kSchedule,
  kTimezone,
  kStartDate,
  kEndDate,
  kCatchup,
  kDataInterval,
  kMaxActiveRuns,
  kMaxActiveTasks,
  kDagrunTimeout,
  kFailFast,
  kParams,
  kEnv,
  kWorkingDir,
  kDefaultArgs,
  kPausedUponCreation,
  kCalendar,
  kJitter,
  kTaskGroups,
  kMaxConsecutiveFailedDagRuns,
  kOverlap,
  kDeadline,
  kOnSuccess,
  kOnFailure,
  kTasks,
  kInclude,
  // of a task
  kBash,
  kExec,
  kPython,
  kEmpty,
  kBranch,
  kShortCircuit,
  kLatestOnly,
  kTriggerDag,
  kSubDag,
  kRepeat,
  kWhen,
  kSkipOnExitCode,
  kGroup,
  kSetup,
  kTeardown,
  kOnFailureFailDagrun,
  kDependsOn,
  kTriggerRule,
  kRetries,
  kRetryDelay,
  kRetryBackoff,
  kMaxRetryDelay,
  kRetryOn,
  kExecutionTimeout,
  kPool,
  kPoolSlots,
  kPriorityWeight,
  kWeightRule,
  kMaxActiveTisPerDag,
  kMaxActiveTisPerDagrun,
  kConcurrency,
  kRate,
  kRunAsUser,
  kInlets,
  kOutlets,
  kOnLost,
  kDependsOnPast,
  kWaitForDownstream,
  kIgnoreFirstDependsOnPast,
  // of python, retry_on, schedule, short_circuit and groups
  kFile,
  kCode,
  kExitCodes,
  kEvery,
  kCron,
  kAssets,
  kAt,
  kRestrictToEvents,
  kInterval,
  kRunImmediately,
  kWithin,
  // of a length of time
  kYears,
  kMonths,
  kWeeks,
  kDays,
  kHours,
  kMinutes,
  kSeconds,
  // of a calendar
  kExclude,
  kOnExcluded,
  kIcal,
  // of a deadline
  kReference,
  kMaxRuns,
  kMinRuns,
  kOnMissed,
  // who is told of what, and one of those
  kOnRetry,
  kOnSkipped,
  kChannel,
  kSubject,
  kMessage,
  kDedupeKey,
  kTo,
  kCondition,
  kIgnoreDownstreamTriggerRules,
  kTooltip,
  kParent,
  // of concurrency and rate
  kLimitKey,
  kMax,
  kOnConflict,
  kPerSecond,
  kPerMinute,
  kPerHour,
  kWith,  // of an inclusion
  // of trigger_dag and dag
  kId,
  kConf,
  kRunId,
  kLogicalDate,
  kWait,
  kReset,
  kSkipExisting,
  kAllowedStates,
  kFailedStates,
  // of repeat
  kUntil,
  kDelay,
  // of mapped tasks
  kExpand,
  kExpandZip,
  kExpandKwargs,
  kMapIndexTemplate,
  // of sensors
  kSensor,
  kSensorTime,
  kSensorDelta,
  kSensorFile,
  kSensorGlob,
  kSensorTask,
  kSensorDag,
  kSensorPort,
  kSensorHttp,
  kSensorSql,
  kSensorCommand,
  kSensorAsset,
  kPokeInterval,
  kSensorTimeout,
  kSensorBackoff,
  kMaxWait,
  kSoftFail,
  kSilentFail,
  kPath,
  kMinSize,
  kStableFor,
  kSensorUri,
  kSince,
  kPattern,
  kMinCount,
  kTaskIds,
  kOffset,
  kSkippedStates,
  kHost,
  kPort,
  // of a task: actions of the worker
  kHttp,
  kSql,
  kSqlite,
  kMail,
  kActionPart,  // a key of one of them: known by its name
  // how processes are started
  kStdin,
  kShell,
  kUmask,
  kNice,
  kSsh,
  kVenv,
  kRequirements,
};

struct KeyRow {
  std::string_view name;
  Key key = Key::kLater;
  bool may_be_null = false;     // null is the same as leaving it out
  std::string_view no_op = {};  // of a later feature: the value that changes nothing and is accepted
};

extern const std::span<const KeyRow> kDagKeys;
extern const std::span<const KeyRow> kTaskKeys;
extern const std::span<const KeyRow> kPythonKeys;
extern const std::span<const KeyRow> kRetryOnKeys;
extern const std::span<const KeyRow> kScheduleKeys;
extern const std::span<const KeyRow> kRunImmediatelyKeys;
extern const std::span<const KeyRow> kPartKeys;
extern const std::span<const KeyRow> kCalendarKeys;
extern const std::span<const KeyRow> kExcludeKeys;
extern const std::span<const KeyRow> kShortCircuitKeys;
extern const std::span<const KeyRow> kGroupKeys;
extern const std::span<const KeyRow> kConcurrencyKeys;
extern const std::span<const KeyRow> kRateKeys;
extern const std::span<const KeyRow> kDeadlineKeys;
extern const std::span<const KeyRow> kNotifyKeys;
extern const std::span<const KeyRow> kIncludeKeys;
extern const std::span<const KeyRow> kTriggerDagKeys;
extern const std::span<const KeyRow> kSubDagKeys;
extern const std::span<const KeyRow> kRepeatKeys;
extern const std::span<const KeyRow> kTemplateKeys;

bool IsAction(Key key);
// What is said of one task and not of all: no part of default_args.
bool IsOfOneTask(Key key);

// Calls `read` for each entry of `map` whose key is in `table` and available; reports the others. `what` as in "a task
// has no key …". Entries that are null where the table allows it are passed over.
void EachKey(NodeRef map, std::span<const KeyRow> table, std::string_view what, Reporter& reporter,
             const std::function<void(Key, const Entry&)>& read);

}  // namespace pipelined::dagfile
