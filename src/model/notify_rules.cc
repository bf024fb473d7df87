#include "pipelined/model/notify_rules.h"

#include <algorithm>

namespace pipelined {
namespace {

constexpr std::array<std::string_view, 7> kWords{"success",  "failure",   "retry", "skipped",
                                                 "deadline", "recovered", "test"};

}  // namespace

std::string_view ToString(NotifyOn on) {
  return kWords[static_cast<std::size_t>(on)];
}

std::optional<NotifyOn> NotifyOnFromString(std::string_view text) {
  const auto found = std::find(kWords.begin(), kWords.end(), text);
  if (found == kWords.end()) return std::nullopt;
  return static_cast<NotifyOn>(found - kWords.begin());
}

bool NotifyRules::empty() const {
  return std::all_of(on.begin(), on.end(), [](const auto& uses) { return uses.empty(); });
}

const std::vector<std::string_view>& NotificationFacts() {
  static const std::vector<std::string_view> names{
      "id",       "event",      "channel",   "dag_id",  "run_id",   "task_id",      "map_index",
      "state",    "try_number", "max_tries", "error",   "outcome",  "logical_date", "start_date",
      "end_date", "duration",   "run_url",   "log_url", "deadline", "failed_tasks"};
  return names;
}

}  // namespace pipelined
