#include "scheduler/outlet_events.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace pipelined {

std::string OutletEventsFault(const Task& task, const Value& outputs) {
  const Value* told = outputs.is_map() ? outputs.Find(kOutletEvents) : nullptr;
  if (told == nullptr) return {};
  if (!told->is_map()) return fmt::format("the output {} is no object: by outlet it says what is extra", kOutletEvents);
  for (const auto& [uri, extra] : told->map()) {
    if (std::find(task.outlets.begin(), task.outlets.end(), uri) == task.outlets.end()) {
      return fmt::format("the output {} names \"{}\", which is not among the outlets of the task ({})", kOutletEvents,
                         uri, task.outlets.empty() ? "it has none" : fmt::format("{}", fmt::join(task.outlets, ", ")));
    }
    if (!extra.is_map()) return fmt::format("in the output {} what is said of \"{}\" is no object", kOutletEvents, uri);
  }
  return {};
}

}  // namespace pipelined
