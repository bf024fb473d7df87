// What people ask of the engine: each command is refused with a reason, or carried out in the turn that takes it in.
#include <fmt/format.h>

#include <set>

#include "engine/engine_impl.h"
#include "engine/why.h"

namespace pipelined {

void Engine::Impl::Refuse(CommandDone& done, ErrorCode code, std::string message) {
  done.error_code = code;
  done.error = std::move(message);
}

void Engine::Impl::Do(Turn& turn, PauseDag& what, const std::string& who, CommandDone& done) {
  const auto found = dags_.find(what.dag_id);
  if (found == dags_.end()) return Refuse(done, ErrorCode::kNotFound, fmt::format("no DAG \"{}\"", what.dag_id));
  DagState& dag = found->second;
  if (dag.head.paused == what.paused) return;
  dag.head.paused = what.paused;
  DagChange change{what.dag_id, what.paused, std::nullopt, false,
                   fmt::format("{} by {}", what.paused ? "paused" : "unpaused", who)};
  change.who = who;
  turn.plan.dags.push_back(std::move(change));
  RefreshRuns(turn, dag);
  StartQueuedRuns(turn, dag);
  Reschedule(turn, dag);
}

// One that was set to queued has tasks to end; of those that have not begun there may be thousands.
void Engine::Impl::EndQueued(Turn& turn, ActiveRun& run, const Cause& why) {
  if (run.size() > 0) StopTasks(turn, run, TaskEvent::kFailed, why, ActiveRun::Spare::kNothing);
}

void Engine::Impl::Do(Turn& turn, DeleteDag& what, const std::string& who, CommandDone& done) {
  const auto found = dags_.find(what.dag_id);
  if (found == dags_.end()) return Refuse(done, ErrorCode::kNotFound, fmt::format("no DAG \"{}\"", what.dag_id));
  if (!found->second.running.empty()) {
    return Refuse(
        done, ErrorCode::kConflict,
        fmt::format("DAG \"{}\" has {} running runs: cancel them first", what.dag_id, found->second.running.size()));
  }
  std::vector<RunId> queued = backfills_.Forget(what.dag_id);
  for (const auto& [when, id] : found->second.queued) queued.push_back(id);
  const Cause why(fmt::format("deleted by {}", who), who);
  for (const RunId id : queued) {
    ActiveRun& run = *runs_.at(id);
    EndQueued(turn, run, why);
    NoteEnd(run.info);
    queue_.Remove(run);
    past_.Leave(run);
    leaving_.push_back(std::move(runs_.at(id)));
    runs_.erase(id);
  }
  dags_.erase(found);
  DagChange change{what.dag_id, std::nullopt, std::nullopt, true, why.text};
  change.who = who;
  turn.plan.dags.push_back(std::move(change));
}

void Engine::Impl::Do(Turn& turn, CancelRun& what, const std::string& who, CommandDone& done) {
  ActiveRun* run = Find(what.run);
  if (run == nullptr) return Refuse(done, ErrorCode::kConflict, "the run has ended already");
  EndRun(turn, *run, TaskEvent::kFailed, Cause(fmt::format("cancelled by {}", who), who));
}

// A queued one ends first: what counts runs, and whoever waits for it, must hear of its end.
void Engine::Impl::Do(Turn& turn, DeleteRun& what, const std::string& who, CommandDone& done) {
  const Cause why(fmt::format("run {} deleted by {}", what.run_id, who), who);
  // What it holds of all limits could not be told any more after a crash.
  if (stopping_.contains(what.run)) {
    return Refuse(
        done, ErrorCode::kConflict,
        fmt::format("a process of run \"{}\" is still being stopped: delete it when that has ended", what.run_id));
  }
  // Which run would be the one before then, the engine cannot know.
  if (past_.IsWaitedFor(what.run)) {
    return Refuse(
        done, ErrorCode::kConflict,
        fmt::format("the next run of \"{}\" may wait for run \"{}\" (depends_on_past): mark its tasks, or end the "
                    "next run, before it is deleted",
                    what.dag_id, what.run_id));
  }
  if (ActiveRun* run = Find(what.run)) {
    if (run->info.state == RunState::kRunning || run->running_tasks > 0) {
      return Refuse(done, ErrorCode::kConflict,
                    fmt::format("The DagRun with dag_id: `{}` and run_id: `{}` cannot be deleted in {} state",
                                what.dag_id, what.run_id, ToString(RunState::kRunning)));
    }
    EndQueued(turn, *run, why);
    LeaveMemory(turn, *run, RunEvent::kFailed, why);
  }
  turn.plan.deleted.push_back(RunDeleted{what.run, what.dag_id, why.text, who});
}

void Engine::Impl::Do(Turn& turn, EditOutput& what, const std::string&, CommandDone&) {
  turn.plan.outputs.push_back(
      OutputChange{what.run, what.task_id, what.map_index, std::move(what.key), std::move(what.value)});
}

void Engine::Impl::Do(Turn&, WhyTask& what, const std::string&, CommandDone& done) {
  ActiveRun* run = Find(what.run);
  if (run == nullptr) return Refuse(done, ErrorCode::kConflict, "the run has ended");
  const auto task = run->dag().Find(what.task_id);
  if (!task)
    return Refuse(done, ErrorCode::kNotFound, fmt::format("no task \"{}\" in DAG \"{}\"", what.task_id, run->dag().id));
  run->Materialize();
  if (what.map_index < 0 && run->instances().IsExpanded(*task))
    return Refuse(done, ErrorCode::kInvalid,
                  fmt::format("task \"{}\" is mapped: ask for one of its {} instances by its map index", what.task_id,
                              run->instances().Length(*task)));
  const auto slot = run->Find(*task, what.map_index);
  if (!slot)
    return Refuse(done, ErrorCode::kNotFound,
                  fmt::format("task \"{}\" has no instance {}", what.task_id, what.map_index));
  done.result = ExplainTask(ContextOf(*run), *slot, queue_, queue_.Find(*run, *slot));
  if (auto parked = ExplainParked(*run, *slot, what.told)) {
    done.result.Set("reasons", Value::List{*std::move(parked)});
  }
}

// A task that makes a run, or a sensor, has no process: a scheduler that looks for one knows nothing of it.
void Engine::Impl::Do(Turn& turn, ReportEnd& what, const std::string&, CommandDone&) {
  const auto found = attempts_.find(what.end.attempt);
  const bool waits = found != attempts_.end() && found->second.run != nullptr &&
                     WaitsOutside(found->second.run->TaskAt(found->second.slot).action.kind);
  if (!waits) On(turn, what.end);
}

void Engine::Impl::Do(Turn& turn, SetPool& what, const std::string& who, CommandDone&) {
  queue_.SetPool(what.name, what.slots, what.include_deferred);
  turn.plan.pools.push_back(
      PoolChange{what.name, what.slots, what.description, what.include_deferred, /*deleted=*/false, who});
}

void Engine::Impl::Do(Turn& turn, DeletePool& what, const std::string& who, CommandDone& done) {
  if (what.name == kDefaultPool) return Refuse(done, ErrorCode::kNotAllowed, "Default Pool can't be deleted");
  if (!queue_.PoolNamed(what.name).exists)
    return Refuse(done, ErrorCode::kNotFound, fmt::format("no pool \"{}\"", what.name));
  queue_.DeletePool(what.name);
  PoolChange change{what.name};
  change.deleted = true;
  change.who = who;
  turn.plan.pools.push_back(std::move(change));
}

void Engine::Impl::Do(Turn& turn, CreateBackfill& what, const std::string& who, CommandDone& done) {
  const auto found = dags_.find(what.dag_id);
  if (found == dags_.end() || what.facts == nullptr)
    return Refuse(done, ErrorCode::kNotFound, fmt::format("no DAG \"{}\"", what.dag_id));
  if (const BackfillState* active = backfills_.ActiveOf(what.dag_id)) {
    return Refuse(done, ErrorCode::kConflict,
                  fmt::format("DAG \"{}\" has an active backfill already: {} (wait for it, or cancel it)", what.dag_id,
                              active->what.id.value));
  }
  if (!what.facts->fault.empty()) return Refuse(done, ErrorCode::kUnavailable, what.facts->fault);
  BackfillPlan plan = PlanBackfill(what.range, *what.facts, turn.now);
  if (plan.fault) return Refuse(done, ErrorCode::kInvalid, ToText(*plan.fault));
  BackfillState& backfill =
      backfills_.Make(StoredBackfill{{}, what.dag_id, what.max_active_runs, false, what.conf, who, {}}, plan.slots);
  turn.plan.made.push_back(BackfillMade{backfill.what.id, what.dag_id, what.range, what.max_active_runs,
                                        std::move(what.conf), who, std::move(plan.slots)});
  backfills_.CompleteIfIdle(turn, backfill);
  done.result.Set("backfill", backfill.what.id.value);
  backfills_.DropIfGone(backfill.what.id);
}

BackfillState* Engine::Impl::ActiveBackfill(BackfillId id, CommandDone& done) {
  BackfillState* backfill = backfills_.Find(id);
  if (backfill != nullptr && !backfill->over) return backfill;
  Refuse(done, ErrorCode::kConflict, fmt::format("backfill {} is completed already", id.value));
  return nullptr;
}

void Engine::Impl::Do(Turn& turn, PauseBackfill& what, const std::string& who, CommandDone& done) {
  BackfillState* backfill = ActiveBackfill(what.backfill, done);
  if (backfill == nullptr || backfill->what.paused == what.paused) return;
  backfill->what.paused = what.paused;
  BackfillChange change;
  change.id = what.backfill;
  change.dag_id = backfill->what.dag_id;
  change.paused = what.paused;
  change.why = fmt::format("backfill {} {} by {}", what.backfill.value, what.paused ? "paused" : "unpaused", who);
  change.who = who;
  turn.plan.backfills.push_back(std::move(change));
  StartQueuedRuns(turn, StateOf(backfill->what.dag_id));
}

void Engine::Impl::Do(Turn& turn, CancelBackfill& what, const std::string& who, CommandDone& done) {
  BackfillState* backfill = ActiveBackfill(what.backfill, done);
  if (backfill == nullptr) return;
  backfills_.Cancel(turn, *backfill, who);
  for (const auto& [ordinal, id] : std::set(backfill->queued)) {
    ActiveRun& run = *runs_.at(id);
    const Cause why(fmt::format("backfill cancelled by {}", who), who);
    EndQueued(turn, run, why);
    LeaveMemory(turn, run, RunEvent::kFailed, why);
  }
}

}  // namespace pipelined
