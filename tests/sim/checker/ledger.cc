#include "sim/checker/ledger.h"

namespace pipelined::sim {

void Ledger::Add(const DagSpec& spec, DagPtr dag) {
  if (dag->is_paused_upon_creation) paused.insert(dag->id);
  dags_[dag->id] = Known{dag, std::make_shared<NaiveDag>(spec), &spec};
}

void Ledger::Created(const RunInfo& run) {
  const Known& known = dags_.at(run.dag_id);
  RunRow& row = runs.emplace_back();
  row.info = run;
  row.dag = known.dag;
  row.naive = known.naive;
  row.spec = known.spec;
  row.tasks.resize(known.dag->tasks.size());
  row.lengths.resize(known.dag->tasks.size());
  row.history.created = run.queued_at;
  row.history.first_version = run.version;
  for (const Task& task : known.dag->tasks) row.history.versions[run.version].task_ids.push_back(task.id);
}

void Ledger::Apply(const Plan& plan, const Committed& committed) {
  for (const auto& [run, unit] : changed) {
    if (unit >= Of(run).tasks.size()) continue;
    TaskRow& task = Of(run).tasks[unit];
    task.was = task.state;
    task.way.clear();
    task.steered = false;
  }
  changed.clear();
  runs_at_last_commit = std::exchange(runs_at_end_, 0);
  runs_before = runs.size();
  for (RunRow& run : runs) {
    run.ended = run.requeued = run.reset = false;
    run.before = run.state;
    if (run.state == RunState::kQueued) run.began.reset();
    run.began_before = run.began;
  }
  for (auto& [id, backfill] : backfills) backfill.over = std::exchange(backfill.just_over, false) || backfill.over;
  for (const RunChange& change : plan.runs) {
    RunRow& run = Of(change.run);
    run.state = change.to;
    if (!run.ended) run.ended_as = change.to;
    if (!run.ended) run.ended_for = run.info.parent.attempt;
    run.ended = run.ended || (IsFinished(change.to) && !IsFinished(change.from));
    if (change.to == RunState::kRunning) Begin(run, plan.now);
    run.requeued = run.requeued || change.to == RunState::kQueued;
    if (change.to == RunState::kQueued) run.info.start_date.reset();
    if (change.to == RunState::kQueued) run.info.queued_at = plan.now;
    run.history.state = change.to;
    run.history.events.push_back(HistoryEvent{plan.now, RunMoved{change.from, change.to}});
  }
  for (const TaskExpanded& expanded : plan.expanded) Expand(expanded);
  for (const TaskChange& change : plan.steered) {
    TaskRow& task = Change(change, plan.now);
    task.steered = true;
    task.was = task.state;
    if (change.to == TaskState::kNone) task.tries_before = task.tries;  // cleared
  }
  for (const TaskChange& change : plan.tasks) Change(change, plan.now);
  for (const AttemptOpened& opened : plan.opened)
    open[opened.attempt] = OpenRow{opened.run, Of(opened.run).UnitOf(opened.task, opened.map_index).value()};
  for (const AttemptOpened& opened : plan.opened) {
    const auto& rate = Of(opened.run).dag->tasks[opened.task].rate;
    if (rate != nullptr) starts[rate->key].emplace_back(opened.attempt, plan.now);
  }
  for (const NewRun& run : plan.new_runs) Park(run.parent.attempt);
  for (const RunReset& reset : plan.resets) Park(reset.parent.attempt);
  for (const WaitBegun& wait : plan.waits) Park(wait.attempt);
  for (const AttemptClosed& closed : plan.closed) Close(closed);
  for (const DeadlineChange& change : plan.deadlines)
    Of(change.run).deadlines[change.deadline.number] = change.deadline.state;
  for (const PoolChange& pool : plan.pools) {
    pools[pool.name] = pool.slots;
    if (pool.include_deferred == true) counting_deferred.insert(pool.name);
    if (pool.include_deferred == false || pool.deleted) counting_deferred.erase(pool.name);
    if (pool.deleted) pools.erase(pool.name);
  }
  for (const DagChange& dag : plan.dags) {
    if (dag.paused == true) paused.insert(dag.dag_id);
    if (dag.paused == false) paused.erase(dag.dag_id);
  }
  for (const BackfillMade& made : plan.made)
    backfills[made.id] = BackfillRow{made.dag_id, made.max_active_runs, false, false, false, made.slots};
  for (const BackfillChange& change : plan.backfills) {
    BackfillRow& backfill = backfills.at(change.id);
    backfill.cancelled = backfill.cancelled || change.cancelled;
    backfill.just_over = change.cancelled || change.completed;
  }
  for (const CommandDone& command : plan.commands) done[command.id] = command;
  for (const RestoredRun& run : committed.runs) {
    if (static_cast<std::size_t>(run.run.id.value) > runs.size()) {
      Created(run.run);
    } else {
      Reset(run, plan.now);
    }
  }
  for (const RunDeleted& deleted : plan.deleted) {
    RunRow& run = Of(deleted.run);
    run.deleted = run.deleted || IsFinished(run.state);
  }
  runs_at_end_ = runs.size();
}

void Ledger::Begin(RunRow& run, Instant now) {
  run.info.start_date = now;
  run.began = now;
  const auto backfill = backfills.find(run.info.backfill);
  run.outlived = backfill != backfills.end() && backfill->second.over;
}

void Ledger::Park(AttemptId attempt) {
  if (const auto found = open.find(attempt); found != open.end()) found->second.parked = true;
}

void Ledger::Close(const AttemptClosed& closed) {
  open.erase(closed.end.attempt);
  if (!closed.run || !closed.end.repetition || !closed.end.repetition->again) return;
  RunRow& run = Of(closed.run);
  TaskRow& task = run.tasks[run.UnitOf(closed.task, closed.map_index).value()];
  if (task.state == TaskState::kUpForRetry) task.tries_before = task.tries;  // the next iteration has all of them
}

std::optional<UnitNo> RunRow::UnitOf(TaskNo task, std::int32_t map_index) const {
  if (map_index == kNotMapped) return task;
  for (std::size_t place = 0; place < instances.size(); ++place) {
    if (instances[place] == std::pair(task, map_index)) return static_cast<UnitNo>(dag->tasks.size() + place);
  }
  return std::nullopt;
}

void Ledger::Expand(const TaskExpanded& expanded) {
  RunRow& run = Of(expanded.run);
  const std::uint32_t had = std::exchange(run.lengths[expanded.task], expanded.length);
  for (auto index = static_cast<std::int32_t>(had); index < static_cast<std::int32_t>(expanded.length); ++index) {
    run.instances.emplace_back(expanded.task, index);
    TaskRow& row = run.tasks.emplace_back();
    row.tries = row.tries_before = run.tries_before[{expanded.task, index}];
  }
}

// What waits for a slot has no event of its own.
TaskRow& Ledger::Change(const TaskChange& change, Instant now) {
  RunRow& run = Of(change.run);
  const UnitNo unit = run.UnitOf(change.task, change.map_index).value();
  TaskRow& task = run.tasks[unit];
  if (task.way.empty()) task.way.push_back(task.state);
  task.way.push_back(change.to);
  task.state = change.to;
  task.tries = change.try_number;
  task.attempt = change.attempt;
  changed.emplace_back(change.run, unit);
  if (change.to == TaskState::kScheduled) return task;
  run.history.events.push_back(
      HistoryEvent{now, TaskMoved{change.task, change.from, change.to, change.try_number, {}, change.map_index}});
  return task;
}

void Ledger::Reset(const RestoredRun& restored, Instant now) {
  RunRow& run = Of(restored.run.id);
  for (UnitNo unit = static_cast<UnitNo>(run.dag->tasks.size()); unit < run.tasks.size(); ++unit)
    run.tries_before[{run.TaskOf(unit), run.IndexOf(unit)}] = run.tasks[unit].tries;
  for (UnitNo unit = 0; unit < run.tasks.size(); ++unit) {
    const TaskRow& task = run.tasks[unit];
    if (task.state == TaskState::kNone) continue;
    run.history.events.push_back(HistoryEvent{
        now, TaskMoved{run.TaskOf(unit), task.state, TaskState::kNone, task.tries, {}, run.IndexOf(unit)}});
  }
  std::erase_if(changed, [&](const auto& one) { return one.first == restored.run.id; });
  run.instances.clear();
  run.lengths.assign(run.lengths.size(), 0);
  run.tasks.resize(run.dag->tasks.size());
  for (TaskNo no = 0; no < run.tasks.size(); ++no) {
    TaskRow& task = run.tasks[no];
    task = TaskRow{TaskState::kNone, task.state, task.tries, task.tries, task.attempt, {task.state, TaskState::kNone}};
    changed.emplace_back(restored.run.id, no);
  }
  run.history.events.push_back(HistoryEvent{now, RunMoved{run.state, RunState::kQueued, restored.run.version}});
  run.info = restored.run;
  run.set_back = run.reset = true;
  run.state = run.history.state = RunState::kQueued;
}

}  // namespace pipelined::sim
