// The codes of everything that can be wrong with a DAG file. Stable: a number is never given another meaning.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pipelined {

enum class Code : int {
  kUnreadable = 1,
  kTooLarge = 2,
  kBadBytes = 3,
  kSyntax = 4,
  kUnterminatedQuote = 5,
  kTooDeep = 6,
  kTooManyNodes = 7,
  kAliasCycle = 8,
  kDuplicateKey = 9,
  kBadKey = 10,
  kUnquotedTemplate = 11,
  kTag = 12,
  kBadMerge = 13,
  kEmptyFile = 14,
  kWrongType = 15,
  kUnknownKey = 16,
  kNotAvailable = 17,
  kBadValue = 18,
  kMissingKey = 19,
  kMisplacedKey = 20,
  kUnknownTask = 21,
  kSelfDependency = 22,
  kCycle = 23,
  kBadId = 24,
  kNoAction = 25,
  kManyActions = 26,
  kBadDuration = 27,
  kBadTimezone = 28,
  kBadDate = 29,
  kBadSchedule = 30,
  kBadParam = 31,
  kDuplicateDag = 32,
  kTooMuchText = 33,
  kTooManyErrors = 34,
  kTemplateSyntax = 35,
  kTemplateName = 36,
  kRawFilter = 37,
  kBadCron = 38,
  kNeverDue = 39,
  kDatesReversed = 40,
  kBadLength = 41,
  kBadCalendar = 42,
  kBadCalendarFile = 43,
  kNeedsSchedule = 44,
  kScheduleConflict = 45,
  kUnknownGroup = 46,
  kGroupCycle = 47,
  kGroupAndTask = 48,
  kEmptyGroup = 49,
  kTooManyEdges = 50,
  kBranchTarget = 51,
  kSetupAndTeardown = 52,
  kTeardownRule = 53,
  kNotATeardown = 54,
  kBadExpand = 55,
  kNestedMapping = 56,
  kIncludedFile = 57,
  kIncludeCycle = 58,
  kIncludeParam = 59,
  kDagCycle = 60,
  kRepeat = 61,
  kLimitKey = 62,
  kBadAsset = 63,
  kSqlText = 64,
  kShell = 65,
  kPythonValue = 66,
};

struct CodeInfo {
  Code code;
  std::string_view meaning;
};

// All of them, in order; docs/dag-files.md is tested against it.
std::span<const CodeInfo> AllCodes();

std::string CodeText(Code code);  // "DAG021"

}  // namespace pipelined
