#include "pipelined/store/memory_store.h"

#include <fmt/format.h>

#include <algorithm>

namespace pipelined {
namespace {

Error Stale(std::string why) {
  return Error{ErrorCode::kStale, std::move(why), ""};
}

bool HasOpenAttempt(TaskState state) {
  return state == TaskState::kRunning || state == TaskState::kDeferred || state == TaskState::kRestarting;
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
  for (const auto& [name, pool] : pools_) snapshot.pools.push_back(pool);
  for (const auto& [id, backfill] : backfills_) snapshot.backfills.push_back(backfill);
  for (auto& [id, run] : runs_) {
    if (IsFinished(run.info.state)) continue;
    run.handed_out = true;
    snapshot.runs.push_back(Restored(run));
  }
  for (const auto& [id, row] : open_) snapshot.attempts.push_back(StoredAttempt{row.open, HoldingOf(id, row)});
  snapshot.rates = rates_;
  for (auto& [id, command] : commands_) command.second = false;
  snapshot.last = LastIds{AttemptId{last_attempt_}, last_backfill_};
  return snapshot;
}

Holding MemoryStore::HoldingOf(AttemptId id, const OpenRow& row) const {
  Holding holding;
  holding.run = row.run;
  if (const auto key = keys_.find(id); key != keys_.end()) {
    holding.key = key->second.concurrency;
    holding.key_max = key->second.max;
  }
  const auto run = runs_.find(row.run);
  if (run == runs_.end()) return holding;
  holding.dag_id = run->second.info.dag_id;
  const Task& task = versions_.at(row.version.value).dag->tasks[row.task];
  holding.task_id = task.id;
  holding.pool = task.pool;
  holding.pool_slots = task.pool_slots;
  return holding;
}

void MemoryStore::ApplyKeys(const Plan& plan) {
  for (const AttemptId id : plan.keys_given) keys_.erase(id);
  for (const KeysTaken& taken : plan.keys_taken) {
    if (!taken.concurrency.empty()) keys_[taken.attempt] = taken;
    if (!taken.rate.empty()) rates_.push_back(RateStarted{taken.rate, plan.now, taken.window});
  }
  std::erase_if(rates_, [&](const RateStarted& start) { return start.at + start.window <= plan.now; });
}

RestoredRun MemoryStore::Restored(const StoredRun& run) const {
  RestoredRun restored{run.info, {}, {}};
  for (const auto& [key, task] : run.tasks) {
    restored.tasks.push_back(StoredTask{key.first, task.to, task.try_number, task.retry_at,
                                        HasOpenAttempt(task.to) ? task.attempt : AttemptId{}, task.max_tries,
                                        key.second});
    if (task.to != TaskState::kDeferred) continue;
    restored.tasks.back().child = ChildOf(task.attempt);
    restored.tasks.back().wait = WaitOf(task.attempt);
  }
  for (const auto& [task, length] : run.lengths) restored.lengths.push_back(length);
  for (const auto& [number, deadline] : run.deadlines) restored.deadlines.push_back(deadline);
  return restored;
}

std::optional<StoredChild> MemoryStore::ChildOf(AttemptId attempt) const {
  const auto open = open_.find(attempt);
  for (const auto& [id, run] : runs_) {
    const RunInfo& info = run.info;
    if (open == open_.end() || info.parent.attempt != attempt) continue;
    return StoredChild{id, info.dag_id, info.run_id, info.state, open->second.since};
  }
  return std::nullopt;
}

std::optional<StoredWait> MemoryStore::WaitOf(AttemptId attempt) const {
  const auto open = open_.find(attempt);
  if (open == open_.end() || open->second.waits_for.is_null()) return std::nullopt;
  return StoredWait{open->second.waits_for, open->second.since};
}

Result<std::optional<FoundRun>> MemoryStore::FindRun(const std::string& dag_id, const std::string& run_id,
                                                     const std::optional<Instant>& logical_date) {
  std::optional<FoundRun> found;
  for (const auto& [id, run] : runs_) {
    const RunInfo& info = run.info;
    const bool same_id = info.run_id == run_id;
    if (info.dag_id != dag_id || (!same_id && !(logical_date && info.logical_date == logical_date))) continue;
    if (!found || same_id) found = FoundRun{id, info.run_id, info.state, info.parent};
  }
  return found;
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
  if (const Status tasks = CheckTasks(plan); !tasks) return tasks;
  for (const CommandDone& done : plan.commands) {
    if (done_.contains(done.id)) return Stale(fmt::format("command {} was done already", done.id.value));
  }
  return Ok();
}

// What was steered counts first, and a task may be in it several times. Of a run with a new version nothing is known
// here.
Status MemoryStore::CheckTasks(const Plan& plan) const {
  std::map<std::pair<RunId, InstanceKey>, std::pair<TaskState, AttemptId>> states;
  const auto check = [&](const TaskChange& change, bool steered) -> Status {
    const auto run = runs_.find(change.run);
    if (run == runs_.end()) return Stale(fmt::format("there is no run {}", change.run.value));
    const auto task = run->second.tasks.find({change.task, change.map_index});
    const bool untouched = task == run->second.tasks.end();
    auto& [state, attempt] =
        states
            .try_emplace({change.run, {change.task, change.map_index}}, untouched ? TaskState::kNone : task->second.to,
                         untouched ? AttemptId{} : task->second.attempt)
            .first->second;
    const bool other_attempt =
        !steered && state == TaskState::kRunning && attempt != change.attempt && change.to != TaskState::kRunning;
    if (state != change.from || other_attempt)
      return Stale(fmt::format("task {} of run {} was not in the expected state", change.task, change.run.value));
    state = change.to;
    if (change.attempt) attempt = change.attempt;
    return Ok();
  };
  const auto is_rebased = [&](RunId run) {
    return std::any_of(plan.rebased.begin(), plan.rebased.end(), [&](const RunRebased& r) { return r.run == run; });
  };
  for (const TaskChange& change : plan.steered) {
    if (is_rebased(change.run)) continue;
    if (const Status checked = check(change, true); !checked) return checked;
  }
  for (const TaskChange& change : plan.tasks) {
    if (is_rebased(change.run)) continue;
    if (const Status checked = check(change, false); !checked) return checked;
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
  ApplySteering(plan);
  for (const RunChange& change : plan.runs) {
    StoredRun& stored = runs_.at(change.run);
    RunInfo& run = stored.info;
    run.state = change.to;
    if (change.to == RunState::kRunning) run.start_date = plan.now;
    if (change.to == RunState::kQueued) {
      run.start_date.reset();
      run.queued_at = plan.now;
      stored.handed_out = true;
    }
    if (!IsFinished(change.to)) stored.end_date.reset();
    if (IsFinished(change.to) && !IsFinished(change.from)) stored.end_date = plan.now;
    NoteAuthor(change.run, std::nullopt, ToString(change.to), change.who);
  }
  for (const AttemptClosed& closed : plan.closed) {
    open_.erase(closed.end.attempt);
    if (closed.run && closed.end.outputs.is_map())
      runs_.at(closed.run).outputs[{closed.task, closed.map_index}] = closed.end.outputs;
  }
  for (const TaskExpanded& expanded : plan.expanded)
    runs_.at(expanded.run).lengths[expanded.task] = StoredLength{expanded.task, expanded.length, expanded.stale};
  for (const TaskChange& change : plan.tasks) {
    runs_.at(change.run).tasks[{change.task, change.map_index}] = change;
    NoteAuthor(change.run, change.task, ToString(change.to), plan.WhoOf(change));
  }
  for (const AttemptOpened& opened : plan.opened) {
    open_[opened.attempt] = OpenRow{
        OpenAttempt{opened.attempt, executor.instance, executor.boot_id, opened.run, opened.task, opened.map_index},
        opened.run, opened.task, opened.version, plan.now};
    last_attempt_ = std::max(last_attempt_, opened.attempt.value);
  }
  for (const WaitBegun& wait : plan.waits) {
    if (const auto open = open_.find(wait.attempt); open != open_.end()) open->second.waits_for = wait.job;
  }
  asset_events_.insert(asset_events_.end(), plan.asset_events.begin(), plan.asset_events.end());
  ApplyKeys(plan);
  ApplyBackfills(plan);
  ApplyDeadlines(plan);
  InsertRuns(plan, committed);
  ResetRuns(plan, committed);
  ApplyDags(plan);
  for (const PoolChange& pool : plan.pools) {
    PoolChanged& stored = pools_[pool.name];
    stored = PoolChanged{pool.name, pool.slots, pool.include_deferred.value_or(stored.include_deferred)};
    if (pool.deleted) pools_.erase(pool.name);
  }
  for (const RunDeleted& deleted : plan.deleted) {
    const auto run = runs_.find(deleted.run);
    if (run != runs_.end() && IsFinished(run->second.info.state)) runs_.erase(run);
  }
  for (const CommandDone& done : plan.commands) done_[done.id] = done;
}

// The tasks of a run as another version counts them; those that it does not have go.
std::map<MemoryStore::InstanceKey, TaskChange> MemoryStore::Renumbered(const StoredRun& run, VersionId version) const {
  const DagPtr before = versions_.at(run.info.version.value).dag, after = versions_.at(version.value).dag;
  std::map<InstanceKey, TaskChange> tasks;
  for (const auto& [key, task] : run.tasks) {
    const auto now = after->Find(before->tasks[key.first].id);
    if (!now) continue;
    TaskChange& renumbered = tasks[{*now, key.second}];
    renumbered = task;
    renumbered.task = *now;
  }
  return tasks;
}

void MemoryStore::Rebase(StoredRun& run, VersionId version) {
  const DagPtr before = versions_.at(run.info.version.value).dag, after = versions_.at(version.value).dag;
  std::map<InstanceKey, Value> outputs;
  for (auto& [key, output] : run.outputs) {
    if (const auto now = after->Find(before->tasks[key.first].id)) outputs[{*now, key.second}] = std::move(output);
  }
  std::map<TaskNo, StoredLength> lengths;
  for (const auto& [task, length] : run.lengths) {
    if (const auto now = after->Find(before->tasks[task].id))
      lengths[*now] = StoredLength{*now, length.length, length.stale};
  }
  run.tasks = Renumbered(run, version);
  run.outputs = std::move(outputs);
  run.lengths = std::move(lengths);
  run.info.version = version;
}

void MemoryStore::NoteAuthor(RunId run, std::optional<TaskNo> task, std::string_view to, std::string_view who) {
  if (!who.empty()) authored_.push_back(Authored{run, task, to, std::string(who)});
}

// A run that takes a version, or is set back, has all of its tasks cleared first.
void MemoryStore::NoteTasks(const StoredRun& run, bool cleared, const std::string& who) {
  for (const auto& [key, task] : run.tasks) {
    if (cleared || task.to != TaskState::kNone)
      NoteAuthor(run.info.id, key.first, ToString(cleared ? TaskState::kNone : task.to), who);
  }
}

void MemoryStore::ApplySteering(const Plan& plan) {
  for (const RunRebased& rebased : plan.rebased) {
    StoredRun& run = runs_.at(rebased.run);
    NoteTasks(run, true, rebased.who);
    NoteAuthor(rebased.run, std::nullopt, ToString(run.info.state), rebased.who);
    Rebase(run, rebased.version);
    NoteTasks(run, false, rebased.who);
  }
  for (const TaskChange& change : plan.steered) {
    StoredRun& run = runs_.at(change.run);
    const InstanceKey key{change.task, change.map_index};
    TaskChange& task = run.tasks[key];
    const TaskChange was = task;
    task = change;
    if (!change.attempt) task.attempt = was.attempt;
    if (IsFinished(change.to) && !change.end_date) task.end_date = was.end_date ? was.end_date : plan.now;
    if (change.to == TaskState::kNone) run.outputs.erase(key);
    NoteAuthor(change.run, change.task, ToString(change.to), plan.WhoOf(change));
  }
  for (const RunCleared& cleared : plan.cleared) ++runs_.at(cleared.run).clear_number;
  for (const OutputChange& output : plan.outputs) EditOutput(output);
  for (const NoteChange& note : plan.notes) {
    if (const auto run = runs_.find(note.run); run != runs_.end())
      run->second.notes[{note.task_id, note.map_index}] = note.note;
  }
}

void MemoryStore::EditOutput(const OutputChange& output) {
  const auto run = runs_.find(output.run);
  if (run == runs_.end()) return;
  const auto task = versions_.at(run->second.info.version.value).dag->Find(output.task_id);
  if (!task) return;
  Value& outputs = run->second.outputs[{*task, output.map_index}];
  if (!outputs.is_map()) outputs = Value::Map{};
  if (output.value) {
    outputs.Set(output.key, *output.value);
  } else {
    std::erase_if(outputs.map(), [&](const auto& entry) { return entry.first == output.key; });
  }
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
    const bool same_date = logical_date && info.logical_date == logical_date && !info.repeats;
    return info.dag_id == dag_id && (info.run_id == run_id || same_date);
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

void MemoryStore::ApplyDeadlines(const Plan& plan) {
  for (const DeadlineChange& change : plan.deadlines) {
    StoredDeadline& deadline = runs_.at(change.run).deadlines[change.deadline.number];
    if (deadline.state != DeadlineState::kMissed) deadline = change.deadline;
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
    NoteTasks(run, true, reset.who);
    NoteAuthor(reset.run, std::nullopt, ToString(RunState::kQueued), reset.who);
    std::map<InstanceKey, TaskChange> tasks = Renumbered(run, reset.version);
    for (auto& [key, task] : tasks) {
      TaskChange cleared;
      cleared.run = task.run;
      cleared.task = key.first;
      cleared.map_index = key.second;
      cleared.try_number = task.try_number;
      cleared.max_tries = task.try_number + versions_.at(reset.version.value).dag->tasks[key.first].retry.retries;
      task = std::move(cleared);
    }
    run.tasks = std::move(tasks);
    run.outputs.clear();
    run.lengths.clear();
    run.end_date.reset();
    run.info.start_date.reset();
    run.info.state = RunState::kQueued;
    if (!reset.parent) run.info.type = RunType::kBackfill;
    if (reset.parent) run.info.parent = reset.parent;
    run.info.queued_at = plan.now;
    run.info.version = reset.version;
    if (!reset.conf.is_null()) run.info.conf = reset.conf;
    run.info.backfill = reset.backfill;
    run.info.backfill_ordinal = reset.ordinal;
    run.handed_out = true;
    committed.runs.push_back(Restored(run));
  }
}

void MemoryStore::InsertRuns(const Plan& plan, Committed& committed) {
  for (const NewRun& wanted : plan.new_runs) {
    Settled(wanted.backfill, wanted.ordinal);
    const auto date = wanted.undated ? std::nullopt : std::optional(wanted.due.logical_date);
    if (Exists(wanted.dag_id, wanted.run_id, date) || (wanted.parent && ChildOf(wanted.parent.attempt))) continue;
    StoredRun run;
    run.info.id = RunId{++last_run_};
    run.info.dag_id = wanted.dag_id;
    run.info.run_id = wanted.run_id;
    run.info.type = wanted.type;
    run.info.logical_date = date;
    if (date) run.info.interval = wanted.due.interval;
    run.info.parent = wanted.parent;
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
  stored.head.overlap = dag.overlap;
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
  run.info.repeats = !request.rerun_of.empty();
  if (Exists(request.dag_id, run.info.run_id, run.info.repeats ? std::nullopt : request.logical_date)) {
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
