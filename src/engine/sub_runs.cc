// Tasks that make runs: how they ask, wait and end. The run is put into the plan that parks the task; the task ends in
// the plan in which the run ends, or, when it does not wait, as soon as the run has its id.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/engine_impl.h"
#include "pipelined/model/trigger.h"

namespace pipelined {
namespace {

// A run of its own that cannot be set back although nothing of it is under way: asked for again and again, it would
// keep the scheduler busy for ever.
constexpr std::int32_t kMostAsks = 3;

bool IsAllowed(const TriggerSpec& spec, RunState state) {
  return std::find(spec.allowed_states.begin(), spec.allowed_states.end(), state) != spec.allowed_states.end();
}

}  // namespace

const TriggerSpec& Engine::Impl::SpecOf(const OpenedAttempt& attempt) {
  return *attempt.run->TaskAt(attempt.slot).trigger;
}

void Engine::Impl::On(Turn& turn, RunAsked& e) {
  const auto found = attempts_.find(e.attempt);
  if (found == attempts_.end() || found->second.child) return;
  if (IsToStop(found->second)) return FinishAttempt(turn, EndOf(e.attempt, TryOutcome::kStopped, turn.now));
  const auto dag = dags_.find(e.dag_id);
  if (dag == dags_.end() || !dag->second.known || dag->second.head.stale)
    return FinishAttempt(turn, EndOf(e.attempt, TryOutcome::kFailed, turn.now,
                                     fmt::format("no run was made: there is no DAG \"{}\"", e.dag_id)));
  OpenedAttempt& attempt = found->second;
  if (e.found && !MayTakeOver(turn, attempt, e)) return;
  Park(turn, attempt, e.attempt, turn.now);
  const RunInfo& parent = attempt.run->info;
  const RunParent link{parent.id, attempt.run->TaskAt(attempt.slot).id, e.attempt, SpecOf(attempt).sub_run};
  if (e.found) {
    RunReset reset;
    reset.run = e.found->run;
    reset.version = dag->second.head.version;
    reset.conf = e.conf;
    reset.why = fmt::format("run again by task {} of run {} of {}", link.task_id, parent.run_id, parent.dag_id);
    reset.parent = link;
    turn.plan.resets.push_back(std::move(reset));
  } else {
    NewRun run;
    run.dag_id = e.dag_id;
    run.version = dag->second.head.version;
    run.type = RunType::kManual;
    run.run_id = e.run_id;
    run.undated = !e.logical_date;
    if (e.logical_date) run.due = DueRun{*e.logical_date, {*e.logical_date, *e.logical_date}, turn.now};
    run.due.run_after = turn.now;
    run.conf = e.conf;
    run.triggered_by = "operator";
    run.parent = link;
    turn.plan.new_runs.push_back(std::move(run));
  }
  AfterChange(turn, *attempt.run);
}

// There is such a run already: false when that has ended the task.
bool Engine::Impl::MayTakeOver(Turn& turn, OpenedAttempt& attempt, const RunAsked& e) {
  const TriggerSpec& spec = SpecOf(attempt);
  const RunParent& parent = e.found->parent;
  const bool own = parent.run == attempt.run->info.id && parent.task_id == attempt.run->TaskAt(attempt.slot).id;
  if (spec.skip_when_already_exists && !own) {
    FinishAttempt(turn, EndOf(e.attempt, TryOutcome::kSkipped, turn.now,
                              fmt::format("DAG {} has a run \"{}\" already", e.dag_id, e.found->run_id)));
    return false;
  }
  // It was ended with the try before, and a process of it is still being stopped: asked again when that is gone.
  if ((spec.reset_dag_run || own) && IsFinished(e.found->state) && stopping_.contains(e.found->run)) {
    asked_later_[e.found->run].push_back(e);
    return false;
  }
  const bool again = (spec.reset_dag_run || own) && ++attempt.asks < kMostAsks;
  if (again && IsFinished(e.found->state) && !runs_.contains(e.found->run)) return true;
  FinishAttempt(turn, EndOf(e.attempt, TryOutcome::kFailed, turn.now,
                            fmt::format("no run was made: DAG {} has a run \"{}\" already{}", e.dag_id, e.found->run_id,
                                        again ? ", which is under way" : "")));
  return false;
}

// The run that a parked task asked for has its id.
void Engine::Impl::AdoptChild(const RunInfo& child) {
  const auto found = attempts_.find(child.parent.attempt);
  if (found == attempts_.end() || found->second.run == nullptr || !found->second.parked || found->second.child) return;
  found->second.child = child.id;
  if (!SpecOf(found->second).wait_for_completion)
    settled_.push_back({child.parent.attempt, {child.id, child.dag_id, child.run_id, child.state, {}}});
}

// A run has ended, or is gone: the task that waits for it ends in the same turn.
void Engine::Impl::NoteEnd(const RunInfo& child) {
  if (!child.parent) return;
  const RunState state = IsFinished(child.state) ? child.state : RunState::kFailed;
  settled_.push_back({child.parent.attempt, {child.id, child.dag_id, child.run_id, state, {}}});
}

void Engine::Impl::SettleParents(Turn& turn) {
  while (!settled_.empty() || !doomed_.empty()) {
    for (const auto& [id, why] : std::exchange(doomed_, {})) {
      if (ActiveRun* child = Find(id)) EndRun(turn, *child, TaskEvent::kFailed, why);
    }
    for (const auto& [id, child] : std::exchange(settled_, {})) {
      const auto found = attempts_.find(id);
      if (found == attempts_.end() || found->second.run == nullptr || !found->second.parked) continue;
      if (found->second.child != child.run) continue;  // made by an earlier try
      const TriggerSpec& spec = SpecOf(found->second);
      const bool good = !spec.wait_for_completion || IsAllowed(spec, child.state);
      AttemptFinished end = EndOf(id, good ? TryOutcome::kSucceeded : TryOutcome::kFailed, turn.now);
      if (good) {
        end.outputs = Value::Map{{"trigger_run_id", child.run_id}};
      } else {
        end.message =
            fmt::format("run \"{}\" of DAG {} ended as {}", child.run_id, child.dag_id, ToString(child.state));
      }
      FinishAttempt(turn, std::move(end));
    }
  }
}

// The task of such an attempt has ended: a run that is a part of it goes with it.
void Engine::Impl::DropChild(Turn& turn, AttemptId id, const OpenedAttempt& attempt, const Cause& why) {
  if (attempt.run->TaskAt(attempt.slot).trigger == nullptr) return;
  if (!attempt.child) {  // asked for in this very turn
    std::erase_if(turn.plan.new_runs, [&](const NewRun& run) { return run.parent.attempt == id; });
    std::erase_if(turn.plan.resets, [&](const RunReset& reset) { return reset.parent.attempt == id; });
  } else if (SpecOf(attempt).sub_run) {
    doomed_.emplace_back(attempt.child, Cause(fmt::format("the run that it is a part of: {}", why.text), why.who));
  }
}

std::string Engine::Impl::ExplainChild(const OpenedAttempt& attempt) const {
  const ActiveRun* child = Find(attempt.child);
  if (child == nullptr) return "waits for the run that it has asked for";
  return fmt::format("waits for run \"{}\" of DAG {}, which is {}", child->info.run_id, child->info.dag_id,
                     ToString(child->info.state));
}

}  // namespace pipelined
