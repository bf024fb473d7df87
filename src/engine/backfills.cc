#include "engine/backfills.h"

#include <fmt/format.h>

#include <algorithm>

namespace pipelined {

BackfillState& Backfills::Make(StoredBackfill what, std::vector<BackfillSlot> slots) {
  what.id = BackfillId{++last_.value};
  std::erase_if(slots, [](const BackfillSlot& slot) { return slot.skip != SlotSkip::kNo; });
  what.todo = std::move(slots);
  Restore(what);
  return all_.at(what.id);
}

void Backfills::Restore(const StoredBackfill& what) {
  BackfillState& backfill = all_[what.id];
  backfill.what = what;
  backfill.todo.assign(what.todo.begin(), what.todo.end());
  backfill.what.todo.clear();
  active_[what.dag_id] = what.id;
}

BackfillState* Backfills::Find(BackfillId id) {
  const auto found = all_.find(id);
  return found == all_.end() ? nullptr : &found->second;
}

BackfillState& Backfills::Of(const RunInfo& run) {
  const auto [found, fresh] = all_.try_emplace(run.backfill);
  if (fresh) {
    found->second.what.id = run.backfill;
    found->second.what.dag_id = run.dag_id;
    found->second.over = true;
  }
  return found->second;
}

BackfillState* Backfills::ActiveOf(const std::string& dag_id) {
  const auto found = active_.find(dag_id);
  return found == active_.end() ? nullptr : Find(found->second);
}

std::vector<RunId> Backfills::Forget(const std::string& dag_id) {
  std::vector<RunId> queued;
  std::erase_if(all_, [&](const auto& entry) {
    const BackfillState& backfill = entry.second;
    if (backfill.what.dag_id != dag_id) return false;
    for (const auto& [ordinal, run] : backfill.queued) queued.push_back(run);
    return true;
  });
  active_.erase(dag_id);
  return queued;
}

void Backfills::MakeRun(Turn& turn, BackfillState& backfill, BackfillSlot slot, bool is_active, VersionId version) {
  ++backfill.creating;
  if (slot.existing) {
    RunReset reset;
    reset.run = is_active ? RunId{} : slot.existing->run;
    reset.version = version;
    reset.backfill = backfill.what.id;
    reset.ordinal = slot.ordinal;
    reset.conf = backfill.what.conf;
    reset.why = fmt::format("cleared by backfill {}", backfill.what.id.value);
    reset.who = backfill.what.who;
    turn.plan.resets.push_back(std::move(reset));
    return;
  }
  NewRun run;
  run.dag_id = backfill.what.dag_id;
  run.version = version;
  run.type = RunType::kBackfill;
  run.run_id = BackfillRunId(slot.due);
  run.due = slot.due;
  run.backfill = backfill.what.id;
  run.ordinal = slot.ordinal;
  run.conf = backfill.what.conf;
  run.triggered_by = "backfill";
  run.who = backfill.what.who;
  turn.plan.new_runs.push_back(std::move(run));
}

std::vector<BackfillId> Backfills::ForgetNewRuns() {
  for (const BackfillId id : created_) {
    if (BackfillState* backfill = Find(id)) backfill->creating = 0;
  }
  return std::exchange(created_, {});
}

void Backfills::CompleteIfIdle(Turn& turn, BackfillState& backfill) {
  if (backfill.over || !backfill.IsIdle()) return;
  backfill.over = true;
  active_.erase(backfill.what.dag_id);
  BackfillChange change;
  change.id = backfill.what.id;
  change.dag_id = backfill.what.dag_id;
  change.completed = true;
  change.why = fmt::format("backfill {} completed", backfill.what.id.value);
  turn.plan.backfills.push_back(std::move(change));
}

void Backfills::Cancel(Turn& turn, BackfillState& backfill, const std::string& who) {
  backfill.todo.clear();
  backfill.over = true;
  backfill.what.paused = true;
  active_.erase(backfill.what.dag_id);
  BackfillChange change;
  change.id = backfill.what.id;
  change.dag_id = backfill.what.dag_id;
  change.paused = true;
  change.completed = change.cancelled = true;
  change.why = fmt::format("backfill {} cancelled by {}", backfill.what.id.value, who);
  change.who = who;
  turn.plan.backfills.push_back(std::move(change));
}

void Backfills::DropIfGone(BackfillId id) {
  const auto found = all_.find(id);
  if (found != all_.end() && found->second.over && found->second.IsIdle()) all_.erase(found);
}

}  // namespace pipelined
