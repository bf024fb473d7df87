#include "pipelined/store/memory_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace pipelined {

void MemoryStore::AddDag(StoredDag dag, DagSource source, const std::vector<std::string>& task_ids) {
  versions_[dag.head.version] = std::move(source);
  task_ids_[dag.head.version] = task_ids;
  const std::string id = dag.head.dag_id;
  dags_[id] = std::move(dag);
}

RunId MemoryStore::AddRun(RunInfo run) {
  run.id = RunId{static_cast<std::int64_t>(runs_.size()) + 1};
  const RunId id = run.id;
  runs_[id].info = std::move(run);
  new_runs_.push_back(id);
  return id;
}

CommandId MemoryStore::AddCommand(Command command) {
  command.id = CommandId{++last_command_};
  new_commands_.push_back(command);
  return command.id;
}

Result<std::optional<Lease>> MemoryStore::Acquire(const std::string& holder, Micros ttl) {
  const Micros now = clock_.Monotonic();
  if (!holder_.empty() && holder_ != holder && now < expires_) return std::optional<Lease>();
  holder_ = holder;
  ttl_ = ttl;
  expires_ = now + ttl;
  Lease lease;
  lease.epoch = ++epoch_;
  lease.trusted_until = expires_;
  return std::optional<Lease>(lease);
}

Status MemoryStore::Check(const Lease& lease) const {
  if (lease.epoch != epoch_) return Error{ErrorCode::kStale, "another scheduler leads", ""};
  return Ok();
}

Status MemoryStore::Renew(Lease& lease) {
  if (const Status valid = Check(lease); !valid) return valid;
  expires_ = clock_.Monotonic() + ttl_;
  lease.trusted_until = expires_;
  return Ok();
}

Status MemoryStore::Release(const Lease& lease) {
  if (const Status valid = Check(lease); !valid) return valid;
  holder_.clear();
  return Ok();
}

Result<Snapshot> MemoryStore::Load(const Lease& lease) {
  if (const Status valid = Check(lease); !valid) return valid.error();
  Snapshot snapshot;
  for (const auto& [id, dag] : dags_) snapshot.dags.push_back(dag);
  for (const auto& [name, slots] : pools_) snapshot.pools.push_back(PoolChanged{name, slots});
  for (const auto& [id, run] : runs_) {
    if (IsFinished(run.info.state)) continue;
    RestoredRun restored{run.info, {}};
    for (const auto& [task, row] : run.tasks) restored.tasks.push_back(row.stored);
    snapshot.runs.push_back(std::move(restored));
  }
  for (const auto& [id, attempt] : attempts_) {
    if (attempt.open) snapshot.attempts.push_back(OpenAttempt{id, attempt.executor.instance, attempt.executor.boot_id});
  }
  snapshot.last_attempt = last_attempt_;
  new_runs_.clear();  // all of them are in the snapshot
  return snapshot;
}

Result<Inbox> MemoryStore::Poll() {
  Inbox inbox;
  for (const RunId id : std::exchange(new_runs_, {})) inbox.runs.push_back(runs_.at(id).info);
  inbox.commands = std::exchange(new_commands_, {});
  return inbox;
}

// Everything is checked before anything is changed: a transaction, in memory.
Status MemoryStore::CheckPlan(const Plan& plan) const {
  const auto stale = [](const std::string& what) { return Error{ErrorCode::kStale, what + " is not in the state that the plan expects", ""}; };
  for (const RunChange& change : plan.runs) {
    const auto run = runs_.find(change.run);
    if (run == runs_.end() || run->second.info.state != change.from) return stale(fmt::format("run {}", change.run.value));
  }
  for (const TaskChange& change : plan.tasks) {
    if (!runs_.contains(change.run) || StateOf(change.run, change.task) != change.from) return stale(fmt::format("task {} of run {}", change.task, change.run.value));
  }
  for (const AttemptClosed& closed : plan.closed) {
    const auto attempt = attempts_.find(closed.end.attempt);
    if (attempt == attempts_.end() || !attempt->second.open) return stale(fmt::format("attempt {}", closed.end.attempt.value));
  }
  for (const AttemptOpened& opened : plan.opened) {
    if (opened.attempt <= last_attempt_) return Error{ErrorCode::kConstraint, fmt::format("attempt {} exists already", opened.attempt.value), ""};
  }
  return Ok();
}

void MemoryStore::Store(const TaskChange& change, Instant) {
  TaskRow& row = runs_.at(change.run).tasks[change.task];
  row.stored.task = change.task;
  row.stored.state = change.to;
  row.stored.try_number = change.try_number;
  row.stored.retry_at = change.retry_at;
  row.stored.attempt = change.attempt;
  row.end_date = change.end_date;
}

Result<Committed> MemoryStore::Commit(const Plan& plan, Lease& lease, const ExecutorIdentity& executor) {
  if (const Status kept = Renew(lease); !kept) return kept.error();
  if (const Status valid = CheckPlan(plan); !valid) return valid.error();
  Committed committed;
  for (const NewRun& wanted : plan.new_runs) {
    const bool exists = std::any_of(runs_.begin(), runs_.end(), [&](const auto& entry) {
      return entry.second.info.dag_id == wanted.dag_id && entry.second.info.logical_date == wanted.due.logical_date;
    });
    if (exists) continue;
    RunInfo run;
    run.dag_id = wanted.dag_id;
    run.run_id = wanted.run_id;
    run.type = wanted.type;
    run.logical_date = wanted.due.logical_date;
    run.interval = wanted.due.interval;
    run.run_after = wanted.due.run_after;
    run.queued_at = plan.now;
    run.version = wanted.version;
    run.id = AddRun(run);
    new_runs_.pop_back();  // handed out here
    committed.runs.push_back(std::move(run));
  }
  for (const RunChange& change : plan.runs) {
    RunInfo& run = runs_.at(change.run).info;
    run.state = change.to;
    if (change.to == RunState::kRunning) run.start_date = plan.now;
  }
  for (const TaskChange& change : plan.tasks) Store(change, plan.now);
  for (const AttemptOpened& opened : plan.opened) {
    attempts_[opened.attempt] = AttemptRow{opened.run, opened.task, executor, true};
    last_attempt_ = opened.attempt;
  }
  for (const AttemptClosed& closed : plan.closed) {
    attempts_.at(closed.end.attempt).open = false;
    if (closed.run && !closed.end.outputs.is_null()) runs_.at(closed.run).outputs[closed.task] = closed.end.outputs;
  }
  for (const DagChange& change : plan.dags) {
    if (change.deleted) {
      dags_.erase(change.dag_id);
    } else if (const auto dag = dags_.find(change.dag_id); dag != dags_.end()) {
      if (change.paused) dag->second.head.paused = *change.paused;
      if (change.last_interval) dag->second.head.last_interval = change.last_interval;
    }
  }
  for (const PoolChange& change : plan.pools) pools_[change.name] = change.slots;
  for (const CommandDone& done : plan.commands) results_[done.id] = done;
  return committed;
}

Result<DagSource> MemoryStore::LoadVersion(VersionId version) {
  const auto found = versions_.find(version);
  if (found == versions_.end()) return Error{ErrorCode::kNotFound, fmt::format("no DAG version {}", version.value), ""};
  return found->second;
}

Result<Value> MemoryStore::Outputs(RunId run, const std::vector<std::string>& task_ids) {
  Value outputs = Value(Value::Map{});
  const auto found = runs_.find(run);
  if (found == runs_.end()) return outputs;
  const std::vector<std::string>& names = task_ids_[found->second.info.version];
  for (const auto& [task, value] : found->second.outputs) {
    if (task < names.size() && std::find(task_ids.begin(), task_ids.end(), names[task]) != task_ids.end()) outputs.Set(names[task], value);
  }
  return outputs;
}

const RunInfo* MemoryStore::FindRun(RunId run) const {
  const auto found = runs_.find(run);
  return found == runs_.end() ? nullptr : &found->second.info;
}

TaskState MemoryStore::StateOf(RunId run, TaskNo task) const {
  const auto found = runs_.find(run);
  if (found == runs_.end()) return TaskState::kNone;
  const auto row = found->second.tasks.find(task);
  return row == found->second.tasks.end() ? TaskState::kNone : row->second.stored.state;
}

const CommandDone* MemoryStore::ResultOf(CommandId command) const {
  const auto found = results_.find(command);
  return found == results_.end() ? nullptr : &found->second;
}

}  // namespace pipelined
