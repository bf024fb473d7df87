#include "pipelined/store/memory_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "store/outputs.h"

namespace pipelined {
namespace {

Error Stale(std::string why) {
  return Error{ErrorCode::kStale, std::move(why), ""};
}

}  // namespace

Result<std::optional<Lease>> MemoryStore::Acquire(const std::string& holder, Micros ttl) {
  const Micros now = clock_.Monotonic();
  if (holder != holder_ && !holder_.empty() && now < expires_) return std::optional<Lease>();
  holder_ = holder;
  ttl_ = ttl;
  expires_ = now + ttl;
  return std::optional<Lease>(Lease{++epoch_, now + ttl - ttl / 5});
}

Status MemoryStore::Renew(Lease& lease) {
  if (lease.epoch != epoch_) return Stale(fmt::format("epoch {} no longer leads", lease.epoch));
  expires_ = clock_.Monotonic() + ttl_;
  lease.trusted_until = expires_ - ttl_ / 5;
  return Ok();
}

Status MemoryStore::Release(const Lease& lease) {
  if (lease.epoch != epoch_) return Stale(fmt::format("epoch {} no longer leads", lease.epoch));
  holder_.clear();
  return Ok();
}

Result<Snapshot> MemoryStore::Load(const Lease& lease) {
  if (lease.epoch != epoch_) return Stale(fmt::format("epoch {} no longer leads", lease.epoch));
  Snapshot snapshot;
  for (const auto& [id, dag] : dags_) snapshot.dags.push_back(dag);
  for (const auto& [name, slots] : pools_) snapshot.pools.push_back(PoolChanged{name, slots});
  for (const auto& [id, backfill] : backfills_) snapshot.backfills.push_back(backfill);
  for (auto& [id, run] : runs_) {
    if (IsFinished(run.info.state)) continue;
    run.handed_out = true;
    snapshot.runs.push_back(Restored(run));
  }
  for (const auto& [id, row] : open_) snapshot.attempts.push_back(row.open);
  for (auto& [id, command] : commands_) command.second = false;
  snapshot.last = LastIds{AttemptId{last_attempt_}, last_backfill_};
  return snapshot;
}

RestoredRun MemoryStore::Restored(const StoredRun& run) {
  RestoredRun restored{run.info, {}, {}};
  for (const auto& [key, task] : run.tasks) {
    restored.tasks.push_back(StoredTask{key.first, task.to, task.try_number, task.retry_at,
                                        task.to == TaskState::kRunning ? task.attempt : AttemptId{}, task.max_tries,
                                        key.second});
  }
  for (const auto& [task, length] : run.lengths) restored.lengths.push_back(StoredLength{task, length});
  return restored;
}

Result<Inbox> MemoryStore::Poll() {
  Inbox inbox;
  for (auto& [id, run] : runs_) {
    if (run.info.state == RunState::kQueued && !std::exchange(run.handed_out, true)) inbox.runs.push_back(run.info);
  }
  for (auto& [id, command] : commands_) {
    if (!done_.contains(id) && !std::exchange(command.second, true)) inbox.commands.push_back(command.first);
  }
  return inbox;
}

// Everything is checked before anything changes: a refused plan leaves no trace.
Status MemoryStore::Check(const Plan& plan, const Lease& lease) const {
  if (lease.epoch != epoch_) return Stale(fmt::format("epoch {} no longer leads", lease.epoch));
  std::map<RunId, RunState> states;  // a run may begin and end in one turn
  for (const RunChange& change : plan.runs) {
    const auto run = runs_.find(change.run);
    if (run == runs_.end()) return Stale(fmt::format("run {} is gone", change.run.value));
    const auto [state, first] = states.try_emplace(change.run, run->second.info.state);
    if (state->second != change.from)
      return Stale(fmt::format("run {} was not in the expected state", change.run.value));
    state->second = change.to;
  }
  for (const AttemptClosed& closed : plan.closed) {
    if (closed.run && !open_.contains(closed.end.attempt))
      return Stale(fmt::format("attempt {} was not open", closed.end.attempt.value));
  }
  for (const TaskChange& change : plan.tasks) {
    const auto run = runs_.find(change.run);
    if (run == runs_.end()) return Stale(fmt::format("there is no run {}", change.run.value));
    const auto task = run->second.tasks.find({change.task, change.map_index});
    const TaskState state = task == run->second.tasks.end() ? TaskState::kNone : task->second.to;
    const bool other_attempt =
        state == TaskState::kRunning && task->second.attempt != change.attempt && change.to != TaskState::kRunning;
    if (state != change.from || other_attempt)
      return Stale(fmt::format("task {} of run {} was not in the expected state", change.task, change.run.value));
  }
  for (const CommandDone& done : plan.commands) {
    if (done_.contains(done.id)) return Stale(fmt::format("command {} was done already", done.id.value));
  }
  return Ok();
}

Result<Committed> MemoryStore::Commit(const Plan& plan, Lease& lease, const ExecutorIdentity& executor) {
  if (const Status checked = Check(plan, lease); !checked) return checked.error();
  Committed committed;
  Apply(plan, executor, committed);
  expires_ = clock_.Monotonic() + ttl_;
  lease.trusted_until = expires_ - ttl_ / 5;
  return committed;
}

void MemoryStore::Apply(const Plan& plan, const ExecutorIdentity& executor, Committed& committed) {
  for (const RunChange& change : plan.runs) {
    RunInfo& run = runs_.at(change.run).info;
    run.state = change.to;
    if (change.to == RunState::kRunning) run.start_date = plan.now;
    if (IsFinished(change.to)) runs_.at(change.run).end_date = plan.now;
  }
  for (const AttemptClosed& closed : plan.closed) {
    open_.erase(closed.end.attempt);
    if (closed.run && closed.end.outputs.is_map())
      runs_.at(closed.run).outputs[{closed.task, closed.map_index}] = closed.end.outputs;
  }
  for (const TaskExpanded& expanded : plan.expanded) runs_.at(expanded.run).lengths[expanded.task] = expanded.length;
  for (const TaskChange& change : plan.tasks) runs_.at(change.run).tasks[{change.task, change.map_index}] = change;
  for (const AttemptOpened& opened : plan.opened) {
    open_[opened.attempt] =
        OpenRow{OpenAttempt{opened.attempt, executor.instance, executor.boot_id}, opened.run, opened.task};
    last_attempt_ = std::max(last_attempt_, opened.attempt.value);
  }
  ApplyBackfills(plan);
  InsertRuns(plan, committed);
  ResetRuns(plan, committed);
  ApplyDags(plan);
  for (const PoolChange& pool : plan.pools) {
    pools_[pool.name] = pool.slots;
    if (pool.deleted) pools_.erase(pool.name);
  }
  for (const CommandDone& done : plan.commands) done_[done.id] = done;
}

void MemoryStore::ApplyDags(const Plan& plan) {
  for (const DagChange& change : plan.dags) {
    if (change.deleted) {
      dags_.erase(change.dag_id);
      std::erase_if(runs_, [&](const auto& run) { return run.second.info.dag_id == change.dag_id; });
      std::erase_if(backfills_, [&](const auto& backfill) { return backfill.second.dag_id == change.dag_id; });
      continue;
    }
    const auto dag = dags_.find(change.dag_id);
    if (dag == dags_.end()) continue;
    if (change.paused) dag->second.head.paused = *change.paused;
    if (change.last_interval) dag->second.head.last_interval = change.last_interval;
  }
}

bool MemoryStore::Exists(const std::string& dag_id, const std::string& run_id,
                         const std::optional<Instant>& logical_date) const {
  return std::any_of(runs_.begin(), runs_.end(), [&](const auto& run) {
    const RunInfo& info = run.second.info;
    return info.dag_id == dag_id && (info.run_id == run_id || (logical_date && info.logical_date == logical_date));
  });
}

void MemoryStore::ApplyBackfills(const Plan& plan) {
  for (const BackfillMade& made : plan.made) {
    StoredBackfill& backfill = backfills_[made.id];
    backfill = StoredBackfill{made.id, made.dag_id, made.max_active_runs, false, made.conf, made.who, made.slots};
    std::erase_if(backfill.todo, [](const BackfillSlot& slot) { return slot.skip != SlotSkip::kNo; });
    last_backfill_ = made.id;
  }
  for (const BackfillChange& change : plan.backfills) {
    if (change.paused) backfills_.at(change.id).paused = *change.paused;
    if (change.completed) backfills_.erase(change.id);
  }
}

void MemoryStore::Settled(BackfillId id, std::int32_t ordinal) {
  const auto backfill = backfills_.find(id);
  if (backfill == backfills_.end()) return;
  std::erase_if(backfill->second.todo, [&](const BackfillSlot& slot) { return slot.ordinal == ordinal; });
}

// Tries go on counting; a task that the version no longer has goes.
void MemoryStore::ResetRuns(const Plan& plan, Committed& committed) {
  for (const RunReset& reset : plan.resets) {
    Settled(reset.backfill, reset.ordinal);
    const auto found = runs_.find(reset.run);
    const bool open =
        std::any_of(open_.begin(), open_.end(), [&](const auto& row) { return row.second.run == reset.run; });
    if (found == runs_.end() || !IsFinished(found->second.info.state) || open) continue;
    StoredRun& run = found->second;
    const DagPtr before = versions_.at(run.info.version.value).dag, after = versions_.at(reset.version.value).dag;
    std::map<InstanceKey, TaskChange> tasks;
    for (const auto& [key, task] : run.tasks) {
      const auto now = after->Find(before->tasks[key.first].id);
      if (!now) continue;
      TaskChange& cleared = tasks[{*now, key.second}];
      cleared.run = task.run;
      cleared.task = *now;
      cleared.map_index = key.second;
      cleared.try_number = task.try_number;
      cleared.max_tries = task.try_number + after->tasks[*now].retry.retries;
    }
    run.tasks = std::move(tasks);
    run.outputs.clear();
    run.lengths.clear();
    run.end_date.reset();
    run.info.start_date.reset();
    run.info.state = RunState::kQueued;
    run.info.type = RunType::kBackfill;
    run.info.queued_at = plan.now;
    run.info.version = reset.version;
    if (!reset.conf.is_null()) run.info.conf = reset.conf;
    run.info.backfill = reset.backfill;
    run.info.backfill_ordinal = reset.ordinal;
    run.handed_out = true;
    committed.runs.push_back(Restored(run));
  }
}

Result<std::optional<StoredDag>> MemoryStore::FindDag(const std::string& dag_id) {
  const auto found = dags_.find(dag_id);
  return found == dags_.end() ? std::optional<StoredDag>() : std::optional(found->second);
}

Result<std::vector<ExistingRun>> MemoryStore::RunsBetween(const std::string& dag_id, Instant from, Instant to) {
  std::vector<ExistingRun> existing;
  for (const auto& [id, run] : runs_) {
    const auto& date = run.info.logical_date;
    if (run.info.dag_id == dag_id && date && *date >= from && *date <= to)
      existing.push_back(ExistingRun{id, *date, run.info.state});
  }
  return existing;
}

void MemoryStore::InsertRuns(const Plan& plan, Committed& committed) {
  for (const NewRun& wanted : plan.new_runs) {
    Settled(wanted.backfill, wanted.ordinal);
    if (Exists(wanted.dag_id, wanted.run_id, wanted.due.logical_date)) continue;
    StoredRun run;
    run.info.id = RunId{++last_run_};
    run.info.dag_id = wanted.dag_id;
    run.info.run_id = wanted.run_id;
    run.info.type = wanted.type;
    run.info.logical_date = wanted.due.logical_date;
    run.info.interval = wanted.due.interval;
    run.info.run_after = wanted.due.run_after;
    run.info.queued_at = plan.now;
    run.info.version = wanted.version;
    run.info.conf = wanted.conf;
    run.info.backfill = wanted.backfill;
    run.info.backfill_ordinal = wanted.ordinal;
    run.handed_out = true;
    committed.runs.push_back(RestoredRun{run.info, {}, {}});
    runs_[run.info.id] = std::move(run);
  }
}

Result<DagSource> MemoryStore::LoadVersion(VersionId version) {
  const auto found = versions_.find(version.value);
  if (found == versions_.end())
    return Error{ErrorCode::kNotFound, fmt::format("there is no DAG version {}", version.value), ""};
  return found->second.source;
}

Result<Value> MemoryStore::Outputs(RunId id, const std::vector<std::string>& task_ids, const OwnInstance& own) {
  Value outputs{Value::Map{}};
  const auto run = runs_.find(id);
  if (run == runs_.end()) return outputs;
  const DagPtr& dag = versions_.at(run->second.info.version.value).dag;
  std::vector<std::string> ids = task_ids;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (const std::string& task_id : ids) {
    const auto no = dag->Find(task_id);
    if (!no) continue;
    const bool is_own = std::find(own.tasks.begin(), own.tasks.end(), task_id) != own.tasks.end();
    std::vector<std::tuple<std::string, std::int32_t, Value>> sorted;
    for (auto at = run->second.outputs.lower_bound({*no, kNotMapped});
         at != run->second.outputs.end() && at->first.first == *no; ++at) {
      const std::int32_t index = at->first.second;
      if (is_own && index != kNotMapped && index != own.map_index) continue;
      for (const auto& [key, value] : at->second.map()) sorted.emplace_back(key, index, value);
    }
    if (sorted.empty()) continue;
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
      return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
    });
    Value::Map task;
    for (auto& [key, index, value] : sorted) AddOutput(task, key, std::move(value), !is_own && index != kNotMapped);
    outputs.map().emplace_back(task_id, Value(std::move(task)));
  }
  return outputs;
}

Result<std::optional<PreviousRun>> MemoryStore::PreviousSuccess(const RunInfo& run) {
  const StoredRun* best = nullptr;
  for (const auto& [id, other] : runs_) {
    const RunInfo& info = other.info;
    if (info.dag_id != run.dag_id || info.state != RunState::kSuccess || !info.logical_date ||
        !(info.logical_date < run.logical_date))
      continue;
    if (best == nullptr || best->info.logical_date < info.logical_date) best = &other;
  }
  if (best == nullptr) return std::optional<PreviousRun>();
  return std::optional(PreviousRun{best->info.interval, best->info.start_date, best->end_date});
}

Result<std::vector<OpenAttempt>> MemoryStore::OpenAttempts(const std::string& instance) {
  std::vector<OpenAttempt> open;
  for (const auto& [id, row] : open_) {
    if (row.open.instance == instance) open.push_back(row.open);
  }
  return open;
}

Status MemoryStore::Report(const std::string& who, const std::vector<AttemptFinished>& ends) {
  for (const AttemptFinished& end : ends) File(Command{{}, who, ReportEnd{end}});
  return Ok();
}

StoredDag MemoryStore::Publish(const PublishedDag& published) {
  const Dag& dag = *published.dag;
  const auto same = std::find_if(versions_.begin(), versions_.end(), [&](const auto& version) {
    return version.second.dag->id == dag.id && version.second.dag->content_hash == dag.content_hash;
  });
  const std::int64_t version = same != versions_.end() ? same->first : static_cast<std::int64_t>(versions_.size()) + 1;
  versions_[version] = Version{published.dag, published.source};
  const bool is_new = !dags_.contains(dag.id);
  StoredDag& stored = dags_[dag.id];
  if (is_new) stored.head.paused = dag.is_paused_upon_creation;
  stored.head.dag_id = dag.id;
  stored.head.version = VersionId{version};
  stored.head.stale = false;
  stored.head.max_active_runs = dag.max_active_runs;
  stored.head.max_consecutive_failed_dag_runs = dag.max_consecutive_failed_dag_runs;
  stored.schedule = dag.schedule;
  return stored;
}

Result<RunInfo> MemoryStore::Trigger(const TriggerRequest& request) {
  const auto dag = dags_.find(request.dag_id);
  if (dag == dags_.end())
    return Error{ErrorCode::kNotFound, fmt::format("The Dag with ID: `{}` was not found", request.dag_id), ""};
  StoredRun run;
  run.info.run_id = request.run_id.empty() ? "manual__" + FormatIso(request.logical_date.value_or(request.run_after))
                                           : request.run_id;
  if (Exists(request.dag_id, run.info.run_id, request.logical_date)) {
    return Error{ErrorCode::kConflict, fmt::format("DAG {} has such a run already", request.dag_id), ""};
  }
  run.info.id = RunId{++last_run_};
  run.info.dag_id = request.dag_id;
  run.info.logical_date = request.logical_date;
  run.info.interval = request.interval;
  run.info.run_after = request.run_after;
  run.info.queued_at = clock_.Now();
  run.info.conf = request.conf;
  run.info.version = dag->second.head.version;
  const RunInfo info = run.info;
  runs_[info.id] = std::move(run);
  return info;
}

CommandId MemoryStore::File(Command command) {
  command.id = CommandId{++last_command_};
  const CommandId id = command.id;
  commands_[id] = {std::move(command), false};
  return id;
}

std::optional<RunState> MemoryStore::StateOf(RunId run) const {
  const auto found = runs_.find(run);
  if (found == runs_.end()) return std::nullopt;
  return found->second.info.state;
}

std::optional<CommandDone> MemoryStore::ResultOf(CommandId id) const {
  const auto found = done_.find(id);
  return found == done_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace pipelined
