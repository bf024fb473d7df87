#include "pipelined/dagfile/codes.h"

#include <fmt/format.h>

#include <array>

namespace pipelined {
namespace {

constexpr std::array kCodes{
    CodeInfo{Code::kUnreadable, "the file cannot be read"},
    CodeInfo{Code::kTooLarge, "the file is larger than the limit"},
    CodeInfo{Code::kBadBytes, "the text holds a NUL or is not valid UTF-8"},
    CodeInfo{Code::kSyntax, "the text is not YAML"},
    CodeInfo{Code::kUnterminatedQuote, "a quoted value has no closing quote"},
    CodeInfo{Code::kTooDeep, "values or groups are nested deeper than the limit"},
    CodeInfo{Code::kTooManyNodes, "the document is larger than the limit once its aliases are expanded"},
    CodeInfo{Code::kAliasCycle, "an alias stands inside of what it stands for"},
    CodeInfo{Code::kDuplicateKey, "a mapping has the same key twice"},
    CodeInfo{Code::kBadKey, "a key of a mapping is not a word"},
    CodeInfo{Code::kUnquotedTemplate, "a template is not quoted, so that YAML reads it as a mapping"},
    CodeInfo{Code::kTag, "YAML tags are not supported"},
    CodeInfo{Code::kBadMerge, "<< merges something that is not a mapping"},
    CodeInfo{Code::kEmptyFile, "the file holds no DAG"},
    CodeInfo{Code::kWrongType, "a value is of the wrong type"},
    CodeInfo{Code::kUnknownKey, "a key is not known"},
    CodeInfo{Code::kNotAvailable, "a key or value is known, but not available yet in this version"},
    CodeInfo{Code::kBadValue, "a value is out of range or not one of the allowed ones"},
    CodeInfo{Code::kMissingKey, "a required key or value is missing"},
    CodeInfo{Code::kMisplacedKey, "a key does not belong in this place"},
    CodeInfo{Code::kUnknownTask, "depends_on, branch or a sensor names a task that does not exist"},
    CodeInfo{Code::kSelfDependency, "a task depends on itself, or waits for itself"},
    CodeInfo{Code::kCycle, "tasks depend on each other in a circle"},
    CodeInfo{Code::kBadId, "a dag_id or task id has a form that is not allowed"},
    CodeInfo{Code::kNoAction, "a task has no action"},
    CodeInfo{Code::kManyActions, "a task has more than one action"},
    CodeInfo{Code::kBadDuration, "a duration cannot be read"},
    CodeInfo{Code::kBadTimezone, "there is no such time zone"},
    CodeInfo{Code::kBadDate, "a date cannot be read"},
    CodeInfo{Code::kBadSchedule, "a schedule is not valid"},
    CodeInfo{Code::kBadParam, "a param is not a valid JSON Schema, or its default does not fit it"},
    CodeInfo{Code::kDuplicateDag, "another DAG has the same dag_id"},
    CodeInfo{Code::kTooMuchText, "defaults multiply to more text than the limit"},
    CodeInfo{Code::kTooManyErrors, "there are more errors than are shown"},
    CodeInfo{Code::kTemplateSyntax, "a template cannot be read"},
    CodeInfo{Code::kTemplateName, "a template uses a name that will not exist"},
    CodeInfo{Code::kRawFilter, "a template pastes a value into a shell command without quoting it"},
    CodeInfo{Code::kBadCron, "a cron expression or a preset cannot be read"},
    CodeInfo{Code::kNeverDue, "a schedule has no date at all"},
    CodeInfo{Code::kDatesReversed, "end_date lies before start_date"},
    CodeInfo{Code::kBadLength, "a length of time is negative, nothing, or longer than makes sense"},
    CodeInfo{Code::kBadCalendar, "a calendar excludes something that is no day"},
    CodeInfo{Code::kBadCalendarFile, "an iCalendar file cannot be read"},
    CodeInfo{Code::kNeedsSchedule, "a key says how a schedule behaves, and there is none"},
    CodeInfo{Code::kScheduleConflict, "two keys of a schedule contradict each other"},
    CodeInfo{Code::kUnknownGroup, "a group is named that does not exist"},
    CodeInfo{Code::kGroupCycle, "groups stand inside of each other in a circle"},
    CodeInfo{Code::kGroupAndTask, "a group and a task have the same id"},
    CodeInfo{Code::kEmptyGroup, "a dependency of a group that holds no tasks"},
    CodeInfo{Code::kTooManyEdges, "groups, or setups and teardowns, multiply to more dependencies than the limit"},
    CodeInfo{Code::kBranchTarget, "a branch names a task that is not below it"},
    CodeInfo{Code::kSetupAndTeardown, "a task is both a setup and a teardown"},
    CodeInfo{Code::kTeardownRule, "a teardown has another trigger_rule than all_done_setup_success"},
    CodeInfo{Code::kNotATeardown, "on_failure_fail_dagrun stands at a task that is no teardown"},
    CodeInfo{Code::kBadExpand, "what a task or a group is mapped over is wrong"},
    CodeInfo{Code::kNestedMapping, "a task cannot be mapped where it stands"},
    CodeInfo{Code::kIncludedFile, "a file that is named cannot be used"},
    CodeInfo{Code::kIncludeCycle, "task templates include each other in a circle"},
    CodeInfo{Code::kIncludeParam, "a param of a task template is missing, unknown, or does not fit its schema"},
    CodeInfo{Code::kDagCycle, "DAGs make runs of each other in a circle"},
    CodeInfo{Code::kRepeat, "repeat stands at a task that has no command"},
    CodeInfo{Code::kLimitKey, "the key of a limit stands on something that is not known when the run is created"},
    CodeInfo{Code::kBadAsset, "an asset has no name that may stand for it, or is named twice"},
    CodeInfo{Code::kSqlText, "a text of SQL cannot be taken apart, has a value within quotes, or ends its transaction"},
    CodeInfo{Code::kShell, "a script with values of templates is for a shell that they cannot be quoted for"},
    CodeInfo{Code::kPythonValue, "a template pastes a value from outside into Python code"},
};

}  // namespace

std::span<const CodeInfo> AllCodes() {
  return kCodes;
}

std::string CodeText(Code code) {
  return fmt::format("DAG{:03}", static_cast<int>(code));
}

}  // namespace pipelined
