#include "sim/checker/oracle.h"

#include <algorithm>

namespace pipelined::sim {
namespace {

using enum RuleVerdict;
using States = std::vector<TaskState>;

constexpr std::size_t kMostWays = 10'000;  // more are not looked at: a turn in which everything moved

// Of tasks mapped together, an instance meets those with its own index.
bool Meets(const RunRow& run, UnitNo asking, UnitNo other) {
  if (!run.Counts(other)) return false;
  if (run.IndexOf(asking) == kNotMapped || run.IndexOf(other) == kNotMapped) return true;
  const auto& mapped = run.spec->mapped;
  const bool together = std::any_of(mapped.begin(), mapped.end(), [&](const MappedSpec& one) {
    return std::count(one.tasks.begin(), one.tasks.end(), run.What(asking).id) > 0 &&
           std::count(one.tasks.begin(), one.tasks.end(), run.What(other).id) > 0;
  });
  return !together || run.IndexOf(asking) == run.IndexOf(other);
}

// The states that a unit meets of some tasks.
class Among {
 public:
  Among(const RunRow& run, UnitNo asking, TaskSet tasks, const States& states) {
    for (UnitNo unit = 0; unit < states.size(); ++unit) {
      const bool counts = Has(tasks, run.TaskOf(unit)) && Meets(run, asking, unit);
      if (counts && states[unit] != TaskState::kRemoved) states_.push_back(states[unit]);
    }
  }
  int Count(TaskState state) const { return static_cast<int>(std::count(states_.begin(), states_.end(), state)); }
  int all() const { return static_cast<int>(states_.size()); }
  int success() const { return Count(TaskState::kSuccess); }
  int skipped() const { return Count(TaskState::kSkipped); }
  int failed() const { return Count(TaskState::kFailed) + Count(TaskState::kUpstreamFailed); }
  bool done() const { return success() + skipped() + failed() == all(); }

 private:
  States states_;
};

RuleVerdict When(bool run, bool otherwise_wait) {
  if (run) return kRun;
  return otherwise_wait ? kWait : kSkip;
}

RuleVerdict AllSuccess(const Among& up) {
  if (up.failed() > 0) return kUpstreamFailed;
  if (up.skipped() > 0) return kSkip;
  return up.done() ? kRun : kWait;
}

// Airflow's documentation, sentence by sentence.
RuleVerdict ByRule(TriggerRule rule, const Among& up) {
  const bool all_skipped = up.skipped() == up.all();
  switch (rule) {
    case TriggerRule::kAllSuccess:
      return AllSuccess(up);
    case TriggerRule::kAllFailed:
      return up.success() + up.skipped() > 0 ? kSkip : When(up.done(), true);
    case TriggerRule::kAllDone:
      return When(up.done(), true);
    case TriggerRule::kAllDoneMinOneSuccess:
      if (up.skipped() > 0) return kSkip;
      if (!up.done()) return kWait;
      return up.success() > 0 ? kRun : kUpstreamFailed;
    case TriggerRule::kOneSuccess:
      if (up.success() > 0) return kRun;
      if (!up.done()) return kWait;
      return all_skipped ? kSkip : kUpstreamFailed;
    case TriggerRule::kOneFailed:
      return When(up.failed() > 0, !up.done());
    case TriggerRule::kOneDone:
      return When(up.success() + up.Count(TaskState::kFailed) > 0, !up.done());
    case TriggerRule::kNoneFailed:
      return up.failed() > 0 ? kUpstreamFailed : When(up.done(), true);
    case TriggerRule::kNoneFailedMinOneSuccess:
      if (up.failed() > 0) return kUpstreamFailed;
      if (!up.done()) return kWait;
      return all_skipped ? kSkip : kRun;
    case TriggerRule::kNoneSkipped:
      return up.skipped() > 0 ? kSkip : When(up.done(), true);
    case TriggerRule::kAllSkipped:
      return up.success() + up.failed() > 0 ? kSkip : When(all_skipped, true);
    case TriggerRule::kAlways:
    case TriggerRule::kAllDoneSetupSuccess:
      return kRun;
  }
  return kWait;
}

// Of a teardown, as a rule: everything is done, and a setup has succeeded.
RuleVerdict TearDown(const RunRow& run, UnitNo unit, const States& states) {
  const NaiveDag& dag = *run.naive;
  const TaskNo task = run.TaskOf(unit);
  const Among setups(run, unit, dag.up[task] & dag.is_setup, states);
  if (!Among(run, unit, dag.up[task], states).done()) return kWait;
  if (setups.all() > 0 && setups.success() == 0) return setups.skipped() == setups.all() ? kSkip : kUpstreamFailed;
  return Among(run, unit, dag.scope[task], states).done() ? kRun : kWait;
}

// A decision that comes late makes a task that failed with its upstreams a skipped one; a cleared one begins anew.
std::vector<TaskState> WayOf(const TaskRow& task) {
  if (task.way.empty()) return {task.state};
  std::vector<TaskState> way{task.way.front()};
  for (std::size_t next = 1; next < task.way.size(); ++next) {
    if (task.way[next] == TaskState::kSkipped) way.push_back(TaskState::kUpstreamFailed);
    if (IsFinished(task.way[next - 1])) way.push_back(TaskState::kNone);
    way.push_back(task.way[next]);
  }
  return way;
}

// An instance that is new in the last commit was the task as a whole before; empty: untouched.
std::vector<TaskState> WayOf(const RunRow& run, UnitNo unit) {
  const TaskRow &own = run.tasks[unit], &whole = run.tasks[run.TaskOf(unit)];
  if (whole.way.empty() || &own == &whole) return own.way.empty() ? std::vector<TaskState>() : WayOf(own);
  std::vector<TaskState> way = WayOf(whole);
  for (const TaskState state : WayOf(own)) way.push_back(state);
  return way;
}

}  // namespace

RuleVerdict Judge(const RunRow& run, UnitNo unit, const States& states) {
  const TaskNo task = run.TaskOf(unit);
  const TriggerRule rule = run.dag->tasks[task].trigger_rule;
  RuleVerdict setups = kRun;
  if (rule != TriggerRule::kAlways) setups = AllSuccess(Among(run, unit, run.naive->setups[task], states));
  if (setups == kSkip || setups == kUpstreamFailed) return setups;
  RuleVerdict own = kRun;
  if (rule == TriggerRule::kAllDoneSetupSuccess) {
    own = TearDown(run, unit, states);
  } else if (run.naive->up[task] != 0) {
    own = ByRule(rule, Among(run, unit, run.naive->up[task], states));
  }
  return own == kRun ? setups : own;
}

bool JudgedOnTheWay(const RunRow& run, UnitNo unit, RuleVerdict verdict) {
  const TaskNo task = run.TaskOf(unit);
  States states = StatesOf(run);
  if (Judge(run, unit, states) == verdict) return true;  // nearly always
  const TaskSet around = run.naive->up[task] | run.naive->setups[task] | run.naive->scope[task];
  std::vector<std::pair<UnitNo, std::vector<TaskState>>> moved;
  std::size_t ways = 1;
  for (UnitNo other = 0; other < states.size(); ++other) {
    if (!Has(around, run.TaskOf(other))) continue;
    std::vector<TaskState> steps = WayOf(run, other);
    if (steps.empty()) continue;
    moved.emplace_back(other, std::move(steps));
    ways *= moved.back().second.size();
  }
  if (ways > kMostWays) return true;
  for (std::size_t way = 0; way < ways; ++way) {
    std::size_t rest = way;
    for (const auto& [other, steps] : moved) {
      states[other] = steps[rest % steps.size()];
      rest /= steps.size();
    }
    if (Judge(run, unit, states) == verdict) return true;
  }
  return false;
}

States StatesOf(const RunRow& run) {
  States states;
  for (const TaskRow& task : run.tasks) states.push_back(task.state);
  return states;
}

TaskSet LeftOut(const RunRow& run, TaskNo task, const Decision& decision) {
  const NaiveDag& dag = *run.naive;
  const Task& what = run.dag->tasks[task];
  if (what.action.kind == ActionKind::kBranch) {
    TaskSet kept = 0;
    for (const TaskNo followed : decision.follow) kept |= TaskSet{1} << followed | dag.below[followed];
    return dag.down[task] & ~kept;
  }
  if (decision.pass) return 0;
  const bool all = what.action.kind == ActionKind::kShortCircuit && what.ignore_downstream_trigger_rules;
  if (run.dag->tasks[task].action.kind == ActionKind::kLatestOnly) return dag.down[task];  // a branch to nowhere
  return (all ? dag.below[task] : dag.down[task]) & ~dag.is_teardown;
}

}  // namespace pipelined::sim
