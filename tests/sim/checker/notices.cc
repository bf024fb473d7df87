#include "sim/checker/notices.h"

#include <fmt/format.h>

#include <map>
#include <tuple>

namespace pipelined::sim {
namespace {

using What = std::tuple<std::int64_t, std::string, std::int32_t, NotifyOn>;  // run, task, index, event

std::optional<NotifyOn> EventOf(TaskState state) {
  if (state == TaskState::kSuccess) return NotifyOn::kSuccess;
  if (state == TaskState::kFailed) return NotifyOn::kFailure;
  if (state == TaskState::kSkipped) return NotifyOn::kSkipped;
  return std::nullopt;
}

std::string Text(const What& what) {
  const auto& [run, task, index, on] = what;
  return fmt::format("{} of {}[{}] of run {}", ToString(on), task, index, run);
}

std::map<What, int> Told(const Plan& plan) {
  std::map<What, int> told;
  for (const Notice& notice : plan.notices) {
    if (!notice.task_id.empty() && !notice.uses.empty())
      ++told[What{notice.run.value, notice.task_id, notice.map_index, notice.on}];
  }
  return told;
}

// What the states say: each task that has come to an end by itself.
std::map<What, int> ToTell(const Ledger& ledger) {
  std::map<What, int> wanted;
  for (const RunRow& run : ledger.runs) {
    if (run.deleted) continue;
    for (UnitNo unit = 0; unit < run.tasks.size(); ++unit) {
      const TaskRow& row = run.tasks[unit];
      if (row.way.empty() || run.WasSteered(unit) || run.What(unit).notify == nullptr) continue;
      const auto on = EventOf(row.way.back());
      if (on && row.way.front() != row.way.back())
        wanted[What{run.info.id.value, run.What(unit).id, run.IndexOf(unit), *on}] = 1;
    }
  }
  return wanted;
}

bool IsSteered(const Ledger& ledger, const What& what) {
  const RunRow& run = ledger.Of(RunId{std::get<0>(what)});
  const auto task = run.dag->Find(std::get<1>(what));
  const auto unit = task ? run.UnitOf(*task, std::get<2>(what)) : std::nullopt;
  return !unit || run.WasSteered(*unit) || run.deleted || run.reset;
}

}  // namespace

NotifyRulesPtr TellEverything() {
  auto rules = std::make_shared<NotifyRules>();
  for (std::vector<NotifyUse>& uses : rules->on) uses = {NotifyUse{"ops", {}, {}, {}, {}}};
  return rules;
}

std::string EveryEndIsToldOnce(const Ledger& ledger, const Plan& plan) {
  const std::map<What, int> told = Told(plan);
  const std::map<What, int> wanted = ToTell(ledger);
  for (const auto& [what, times] : told) {
    if (std::get<3>(what) == NotifyOn::kRetry) continue;
    if (!IsSteered(ledger, what) && (times != 1 || !wanted.contains(what)))
      return fmt::format("{} was told {} times", Text(what), times);
  }
  for (const auto& [what, once] : wanted) {
    if (!told.contains(what) && !IsSteered(ledger, what)) return fmt::format("{} was told nobody", Text(what));
  }
  return "";
}

}  // namespace pipelined::sim
