#include "engine/recent_runs.h"

#include <algorithm>

namespace pipelined {

void RecentRuns::Keep(std::int32_t most) {
  most_ = static_cast<std::size_t>(std::max(most, 0));
  Trim();
}

void RecentRuns::Learn(const std::vector<RecentRun>& stored) {
  for (const RecentRun& run : stored) runs_.emplace(Place{run.date, run.run}, run.state);
  Trim();
}

void RecentRuns::Note(const RunInfo& run) {
  if (most_ == 0) return;
  runs_[Place{run.logical_date.value_or(run.run_after), run.id}] = run.state;
  Trim();
}

bool RecentRuns::AllFailed() const {
  return most_ > 0 && runs_.size() == most_ &&
         std::all_of(runs_.begin(), runs_.end(), [](const auto& run) { return run.second == RunState::kFailed; });
}

void RecentRuns::Trim() {
  while (runs_.size() > most_) runs_.erase(runs_.begin());
}

}  // namespace pipelined
