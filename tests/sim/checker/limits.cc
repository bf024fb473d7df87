#include "sim/checker/limits.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/checker/invariants.h"
#include "sim/checker/oracle.h"

namespace pipelined::sim {
namespace {

// How many attempts have a process, or will have one, of which `is` is true.
template <class Is>
std::int64_t CountOpen(const Ledger& ledger, const Is& is) {
  return std::count_if(ledger.open.begin(), ledger.open.end(),
                       [&](const auto& one) { return !one.second.parked && is(one.second); });
}

}  // namespace

bool IsOf(const Ledger& ledger, const OpenRow& open, AttemptId attempt) {
  const TaskRow& task = ledger.Of(open.run).tasks[open.task];
  return (task.state == TaskState::kRunning || task.state == TaskState::kDeferred) && task.attempt == attempt;
}

std::string ParallelismHolds(const Ledger& ledger, const Plan& plan) {
  const auto at_once =
      std::count_if(ledger.open.begin(), ledger.open.end(), [](const auto& one) { return !one.second.parked; });
  if (plan.opened.empty() || at_once <= ledger.parallelism) return "";
  return fmt::format("{} attempts at once", at_once);
}

std::string PoolsHold(const Ledger& ledger, const Plan& plan) {
  for (const AttemptOpened& opened : plan.opened) {
    const std::string& pool = ledger.Of(opened.run).dag->tasks[opened.task].pool;
    int used = 0;
    for (const auto& [attempt, open] : ledger.open) {
      const bool counts = !open.parked || ledger.counting_deferred.contains(pool);
      if (counts && ledger.What(open).pool == pool) used += ledger.What(open).pool_slots;
    }
    const auto found = ledger.pools.find(pool);
    const int slots = found == ledger.pools.end() ? 0 : found->second;
    if (slots >= 0 && used > slots) return fmt::format("pool {} of {} slots: {} are taken", pool, slots, used);
  }
  return "";
}

std::string RunsKeepTheirMaxActiveTasks(const Ledger& ledger, const Plan& plan) {
  for (const AttemptOpened& opened : plan.opened) {
    const RunRow& run = ledger.Of(opened.run);
    const auto running = std::count_if(run.tasks.begin(), run.tasks.end(),
                                       [&](const TaskRow& task) { return task.state == TaskState::kRunning; });
    if (run.dag->max_active_tasks > 0 && running > run.dag->max_active_tasks)
      return fmt::format("run {} runs {} tasks", opened.run.value, running);
  }
  return "";
}

std::string DagsKeepTheirMaxActiveRuns(const Ledger& ledger, const Plan& plan) {
  for (const RunChange& change : plan.runs) {
    const RunRow& started = ledger.Of(change.run);
    const auto backfill = ledger.backfills.find(started.info.backfill);
    const bool unclear = backfill != ledger.backfills.end() && backfill->second.just_over;  // it began before or after
    if (change.to != RunState::kRunning || unclear) continue;
    const auto together = std::count_if(ledger.runs.begin(), ledger.runs.end(), [&](const RunRow& run) {
      return run.state == RunState::kRunning && run.info.dag_id == started.info.dag_id &&
             ledger.LimitOf(run) == ledger.LimitOf(started);
    });
    int most = started.dag->max_active_runs;
    if (ledger.LimitOf(started)) most = backfill->second.max_active_runs;
    if (most > 0 && together > most) return fmt::format("{} runs of {}", together, started.info.dag_id);
  }
  return "";
}

// No scheduled run is made while max_active_runs of them are under way or queued. Runs by hand that wait are left out:
// the scheduler may not have seen them yet.
std::string ScheduledRunsWaitForRoom(const Ledger& ledger, const Plan& plan) {
  for (const NewRun& made : plan.new_runs) {
    if (made.type != RunType::kScheduled) continue;
    const RunRow* any = nullptr;
    int together = 0;
    for (const RunRow& run : ledger.runs) {
      const bool counts =
          run.state == RunState::kRunning || (run.state == RunState::kQueued && run.info.type == RunType::kScheduled);
      if (run.info.dag_id != made.dag_id || run.info.backfill || !counts) continue;
      any = &run;
      ++together;
    }
    if (any != nullptr && any->dag->overlap == Overlap::kCancelRunning) continue;  // what waits is left alone
    if (any != nullptr && any->dag->max_active_runs > 0 && together > any->dag->max_active_runs)
      return fmt::format("{} runs of {}", together, made.dag_id);
  }
  return "";
}

std::string TasksKeepTheirMaxActiveTis(const Ledger& ledger, const Plan& plan) {
  for (const AttemptOpened& opened : plan.opened) {
    const RunRow& run = ledger.Of(opened.run);
    const Task& task = run.dag->tasks[opened.task];
    const auto same = [&](const OpenRow& open) {
      return ledger.Of(open.run).dag == run.dag && ledger.Of(open.run).TaskOf(open.task) == opened.task;
    };
    const auto of_dag = CountOpen(ledger, same);
    const auto of_run = CountOpen(ledger, [&](const OpenRow& open) { return same(open) && open.run == opened.run; });
    if (task.max_active_tis_per_dag > 0 && of_dag > task.max_active_tis_per_dag)
      return fmt::format("{} of task {} of {}", of_dag, task.id, run.info.dag_id);
    if (task.max_active_tis_per_dagrun > 0 && of_run > task.max_active_tis_per_dagrun)
      return fmt::format("{} of task {} of run {}", of_run, task.id, opened.run.value);
  }
  return "";
}

// The smallest `max` among those that hold the key counts.
std::string ConcurrencyKeysHold(const Ledger& ledger, const Plan& plan) {
  for (const AttemptOpened& opened : plan.opened) {
    const auto& limit = ledger.Of(opened.run).dag->tasks[opened.task].concurrency;
    if (limit == nullptr) continue;
    std::int64_t most = limit->max;
    const auto holders = CountOpen(ledger, [&](const OpenRow& open) {
      const auto& other = ledger.What(open).concurrency;
      if (other == nullptr || other->key != limit->key) return false;
      most = std::min<std::int64_t>(most, other->max);
      return true;
    });
    if (holders > most) return fmt::format("{} hold the key {} of {}", holders, limit->key, most);
  }
  return "";
}

std::string RatesHold(const Ledger& ledger, const Plan& plan) {
  for (const AttemptOpened& opened : plan.opened) {
    const auto& rate = ledger.Of(opened.run).dag->tasks[opened.task].rate;
    if (rate == nullptr) continue;
    int within = 0;
    for (const auto& [attempt, start] : ledger.starts.at(rate->key)) {
      within += start > plan.now - rate->window ? 1 : 0;
      if (attempt == opened.attempt) break;  // others may ask for less
    }
    if (within > rate->starts) return fmt::format("{} starts for the rate {} of {}", within, rate->key, rate->starts);
  }
  return "";
}

namespace {

// Enough for whatever stands before it in line, as long as no DAG has hundreds of tasks.
bool IsRoomy(const Ledger& ledger, const std::string& pool) {
  const auto found = ledger.pools.find(pool);
  if (found == ledger.pools.end()) return false;
  const auto taken = std::count_if(ledger.open.begin(), ledger.open.end(),
                                   [&](const auto& one) { return ledger.What(one.second).pool == pool; });
  return found->second < 0 || (!ledger.counting_deferred.contains(pool) && found->second - taken >= 100);
}

bool HasLimits(const Task& task) {
  return task.mapped != 0 || task.depends_on_past || task.max_active_tis_per_dag > 0 ||
         task.max_active_tis_per_dagrun > 0 || task.concurrency != nullptr || task.rate != nullptr;
}

}  // namespace

std::string WhatMayRunRuns(const Ledger& ledger, const Plan&) {
  const auto taken =
      std::count_if(ledger.open.begin(), ledger.open.end(), [](const auto& one) { return !one.second.parked; });
  if (taken >= ledger.parallelism) return "";
  for (const RunRow& run : ledger.runs) {
    const bool free = run.state == RunState::kRunning && !ledger.IsPaused(run.info.dag_id);
    if (!free || (run.dag->max_active_tasks > 0 && run.dag->max_active_tasks < 16)) continue;
    const auto states = StatesOf(run);
    for (UnitNo unit = 0; unit < states.size(); ++unit) {
      const bool waits = states[unit] == TaskState::kNone || states[unit] == TaskState::kScheduled;
      if (!waits || HasLimits(run.What(unit)) || !IsRoomy(ledger, run.What(unit).pool)) continue;
      const bool held = std::any_of(ledger.open.begin(), ledger.open.end(), [&](const auto& one) {
        return one.second.run == run.info.id && one.second.task == unit;
      });
      if (!held && Judge(run, unit, states) == RuleVerdict::kRun)
        return fmt::format("{} is {}", Where(run, unit), ToString(states[unit]));
    }
  }
  return "";
}

// A slot of the schedule is passed over only when max_active_runs are under way or wait.
std::string SlotsAreSkippedForARun(const Ledger& ledger, const Plan& plan) {
  for (const SlotSkipped& skipped : plan.skipped) {
    const RunRow* any = nullptr;
    int together = 0;
    for (const RunRow& run : ledger.runs) {
      if (run.info.dag_id != skipped.dag_id) continue;
      any = &run;
      together += !IsFinished(run.state) || run.ended ? 1 : 0;
    }
    if (any == nullptr || together < any->dag->max_active_runs || any->dag->overlap != Overlap::kSkip)
      return fmt::format("a slot of {} was skipped for {}", skipped.dag_id, together);
  }
  return "";
}

}  // namespace pipelined::sim
