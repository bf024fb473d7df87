// Leadership: taking over from the store what runs, and giving up.
#include <utility>

#include "pipelined/base/log.h"
#include "pipelined/ports/prober.h"
#include "pipelined/scheduler/limit_keys.h"
#include "pipelined/scheduler/scheduler.h"
#include "scheduler/expansions.h"
#include "scheduler/put_off.h"
#include "scheduler/sensors/sensor_host.h"
#include "scheduler/standby.h"
#include "scheduler/wakeups.h"

namespace pipelined {

Status Scheduler::Lead() {
  auto acquired = store_.Acquire(options_.holder, options_.lease_ttl);
  if (!acquired) return acquired.error();
  if (!*acquired) {  // another one leads
    if (!std::exchange(stood_by_, true)) {
      log::Info("another scheduler leads: standing by");
      if (options_.on_standby) options_.on_standby();
    }
    return Ok();
  }
  stood_by_ = false;
  lease_ = **acquired;
  renewed_ = clock_.Monotonic();
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.clear();  // what the store says now is newer
  }
  const auto snapshot = store_.Load(lease_);
  if (!snapshot) return snapshot.error();
  log::Info("leading with epoch {}: {} DAGs, {} active runs, {} open attempts", lease_.epoch, snapshot->dags.size(),
            snapshot->runs.size(), snapshot->attempts.size());
  engine_ = Engine(options_.limits, snapshot->last);
  expansions_->Clear();
  sensors_->Clear();
  standby_->Reset();  // what it had not yet reported comes again with Reattach()
  inbox_.clear();
  commands_.clear();
  ended_.clear();
  in_flight_.clear();
  run_asks_.clear();
  put_off_->Clear();
  met_ = false;
  notified_ = true;
  wakeups_->WatchStore(store_.NotifyFd());
  std::vector<Event> events;
  for (const PoolChanged& pool : snapshot->pools) events.emplace_back(pool);
  on_files_.clear();
  unscheduled_.clear();
  for (const StoredDag& dag : snapshot->dags) {
    Remember(dag);
    DagHead head = HeadOf(dag);
    if (const Status read = ReadRecent(head); !read) return read;
    events.emplace_back(DagUpdated{std::move(head)});
  }
  for (const RateStarted& start : snapshot->rates) events.emplace_back(start);
  for (const StoredBackfill& backfill : snapshot->backfills) events.emplace_back(BackfillRestored{backfill});
  if (options_.prober != nullptr) options_.prober->Lead(lease_.epoch);  // what is restored looks at once
  if (const Status restored = RestoreRuns(*snapshot, events); !restored) return restored;
  if (const Status attached = Reattach(*snapshot); !attached) return attached;
  std::move(inbox_.begin(), inbox_.end(), std::back_inserter(events));
  inbox_ = std::move(events);
  leading_ = true;
  if (options_.on_lead) options_.on_lead(lease_.epoch);
  return Ok();
}

Status Scheduler::RestoreRuns(const Snapshot& snapshot, std::vector<Event>& events) {
  std::unordered_set<AttemptId> known;
  std::vector<Event> queued;  // they come last: what runs already counts against their limits
  for (const RestoredRun& stored : snapshot.runs) {
    for (const StoredTask& task : stored.tasks) {
      if (task.attempt) known.insert(task.attempt);
    }
  }
  for (const StoredAttempt& open : snapshot.attempts) {
    if (!known.contains(open.attempt))
      events.emplace_back(AttemptOrphaned{open.attempt, open.holding, open.run, open.task, open.map_index});
  }
  for (const RestoredRun& stored : snapshot.runs) {
    auto dag = VersionOf(stored.run.version);
    if (!dag) {
      if (dag.error().code == ErrorCode::kUnavailable) return dag.error();
      log::Error("run {} of {} stays where it is: its DAG version cannot be read: {}", stored.run.run_id,
                 stored.run.dag_id, dag.error().message);
      continue;
    }
    RestoreWaits(stored, *dag);
    if (stored.run.state == RunState::kQueued) {
      auto requested = Requested(stored, *dag);
      if (!requested) return requested.error();
      queued.emplace_back(std::move(*requested));
    } else {
      auto past = ReadPast(stored.run, **dag);
      if (!past) return past.error();
      events.emplace_back(RunRestored{stored.run, *dag, stored.tasks, stored.lengths,
                                      RenderKeys(**dag, stored.run, options_.launch), std::move(*past),
                                      stored.deadlines});
    }
  }
  std::move(queued.begin(), queued.end(), std::back_inserter(events));
  return Ok();
}

// What became of the attempts that the store holds open. Only what this executor knows is believed.
Status Scheduler::Reattach(const Snapshot& snapshot) {
  std::unordered_map<AttemptId, AttemptOpened> opened;
  // Tasks that wait without a process, whoever opened their attempts: those of which nothing is stored have still to
  // ask.
  std::unordered_set<AttemptId> no_process;
  for (const RestoredRun& stored : snapshot.runs) {
    const auto dag = VersionOf(stored.run.version);
    if (!dag && dag.error().code == ErrorCode::kUnavailable) return dag.error();
    for (const StoredTask& task : stored.tasks) {
      if (task.state != TaskState::kRunning && task.state != TaskState::kDeferred) continue;
      opened[task.attempt] = AttemptOpened{task.attempt,    stored.run.id,      task.task,
                                           task.try_number, stored.run.version, task.max_tries.value_or(0),
                                           task.map_index};
      if (!dag || !WaitsOutside((*dag)->tasks[task.task].action.kind)) continue;
      no_process.insert(task.attempt);
      if (!task.child && !task.wait) unstarted_.push_back(opened[task.attempt]);
    }
  }
  std::vector<OpenAttempt> with_process(snapshot.attempts.begin(), snapshot.attempts.end());
  std::erase_if(with_process, [&](const OpenAttempt& open) { return no_process.contains(open.attempt); });
  for (const AttemptStatus& status : executor_.Reattach(with_process)) {
    switch (status.liveness) {
      case AttemptLiveness::kForeign:
        break;
      case AttemptLiveness::kRunning:
      case AttemptLiveness::kEnded:
        in_flight_.insert(status.attempt);
        break;
      case AttemptLiveness::kNotStarted:
        if (const auto found = opened.find(status.attempt); found != opened.end()) {
          unstarted_.push_back(found->second);
          break;
        }
        [[fallthrough]];  // its run was cancelled before it began: it never will
      case AttemptLiveness::kLost: {
        AttemptFinished lost;
        lost.attempt = status.attempt;
        lost.outcome = TryOutcome::kLost;
        lost.end = clock_.Now();
        lost.message = "what became of it cannot be known: its supervisor or its host went down";
        inbox_.emplace_back(std::move(lost));
        break;
      }
    }
  }
  return Ok();
}

void Scheduler::StepDown(const std::string& why) {
  log::Warning("stepping down: {}", why);
  leading_ = false;
  wakeups_->WatchStore(-1);  // nobody reads it while standing by
  standby_->Reset();
  inbox_.clear();
  commands_.clear();
  unstarted_.clear();
  put_off_->Clear();
  sensors_->Clear();
  if (options_.on_step_down) options_.on_step_down();
}

// Nothing is assumed of a commit that failed: the engine is built anew from the store.
void Scheduler::Recover(const Error& error) {
  if (error.code == ErrorCode::kBug || error.code == ErrorCode::kConstraint) log::Error("{}", error.message);
  StepDown(error.message);
}

Status Scheduler::KeepLease() {
  if (clock_.Monotonic() < renewed_ + options_.lease_ttl / 3) return Ok();
  const Micros asked = clock_.Monotonic();
  const Status kept = store_.Renew(lease_);
  if (kept) renewed_ = asked;
  return kept;
}

}  // namespace pipelined
