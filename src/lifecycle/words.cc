// The words of states and rules, as Airflow writes them.
#include <algorithm>
#include <array>
#include <utility>

#include "pipelined/lifecycle/run_state.h"
#include "pipelined/lifecycle/task_state.h"
#include "pipelined/lifecycle/trigger_rule.h"

namespace pipelined {
namespace {

template <class Enum, std::size_t N>
using Words = std::array<std::pair<Enum, std::string_view>, N>;

constexpr Words<TaskState, kTaskStates> kTaskWords{{{TaskState::kNone, "none"},
                                                    {TaskState::kScheduled, "scheduled"},
                                                    {TaskState::kQueued, "queued"},
                                                    {TaskState::kRunning, "running"},
                                                    {TaskState::kDeferred, "deferred"},
                                                    {TaskState::kRestarting, "restarting"},
                                                    {TaskState::kUpForRetry, "up_for_retry"},
                                                    {TaskState::kSuccess, "success"},
                                                    {TaskState::kFailed, "failed"},
                                                    {TaskState::kSkipped, "skipped"},
                                                    {TaskState::kUpstreamFailed, "upstream_failed"},
                                                    {TaskState::kRemoved, "removed"}}};

constexpr Words<RunState, 4> kRunWords{{{RunState::kQueued, "queued"},
                                        {RunState::kRunning, "running"},
                                        {RunState::kSuccess, "success"},
                                        {RunState::kFailed, "failed"}}};

constexpr Words<RunType, 4> kTypeWords{{{RunType::kScheduled, "scheduled"},
                                        {RunType::kManual, "manual"},
                                        {RunType::kBackfill, "backfill"},
                                        {RunType::kAssetTriggered, "asset_triggered"}}};

constexpr Words<TriggerRule, 13> kRuleWords{{{TriggerRule::kAllSuccess, "all_success"},
                                             {TriggerRule::kAllFailed, "all_failed"},
                                             {TriggerRule::kAllDone, "all_done"},
                                             {TriggerRule::kAllDoneMinOneSuccess, "all_done_min_one_success"},
                                             {TriggerRule::kOneSuccess, "one_success"},
                                             {TriggerRule::kOneFailed, "one_failed"},
                                             {TriggerRule::kOneDone, "one_done"},
                                             {TriggerRule::kNoneFailed, "none_failed"},
                                             {TriggerRule::kNoneFailedMinOneSuccess, "none_failed_min_one_success"},
                                             {TriggerRule::kNoneSkipped, "none_skipped"},
                                             {TriggerRule::kAllSkipped, "all_skipped"},
                                             {TriggerRule::kAlways, "always"},
                                             {TriggerRule::kAllDoneSetupSuccess, "all_done_setup_success"}}};

template <class Enum, std::size_t N>
std::string_view Word(const Words<Enum, N>& words, Enum value) {
  const auto it = std::find_if(words.begin(), words.end(), [&](const auto& entry) { return entry.first == value; });
  return it == words.end() ? std::string_view("?") : it->second;
}

template <class Enum, std::size_t N>
std::optional<Enum> FromWord(const Words<Enum, N>& words, std::string_view text) {
  const auto it = std::find_if(words.begin(), words.end(), [&](const auto& entry) { return entry.second == text; });
  return it == words.end() ? std::nullopt : std::optional<Enum>(it->first);
}

}  // namespace

std::string_view ToString(TaskState state) {
  return Word(kTaskWords, state);
}
std::optional<TaskState> TaskStateFromString(std::string_view text) {
  return FromWord(kTaskWords, text);
}
std::string_view ToString(RunState state) {
  return Word(kRunWords, state);
}
std::optional<RunState> RunStateFromString(std::string_view text) {
  return FromWord(kRunWords, text);
}
std::string_view ToString(RunType type) {
  return Word(kTypeWords, type);
}
std::optional<RunType> RunTypeFromString(std::string_view text) {
  return FromWord(kTypeWords, text);
}
std::string_view ToString(TriggerRule rule) {
  return Word(kRuleWords, rule);
}
std::optional<TriggerRule> TriggerRuleFromString(std::string_view text) {
  return FromWord(kRuleWords, text);
}

}  // namespace pipelined
