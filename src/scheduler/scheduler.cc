#include "pipelined/scheduler/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "pipelined/base/log.h"
#include "pipelined/timetable/timetable.h"
#include "scheduler/decide.h"
#include "scheduler/expansions.h"
#include "scheduler/standby.h"
#include "scheduler/wakeups.h"

namespace pipelined {
namespace {

// With so many attempts in flight turns are spaced out a little, so that one transaction takes in several ends; the
// processors then most often have enough to do. Below it every end has its turn at once.
constexpr std::size_t kBusy = 8;
constexpr Micros kBusyPace = Micros(1500);
constexpr Micros kLookAnyway = std::chrono::seconds(30);

}  // namespace

Scheduler::Scheduler(SchedulerOptions options, Store& store, Executor& executor, const ZoneSource& zones,
                     ParseVersion parse, const Clock& clock)
    : options_(std::move(options)),
      store_(store),
      executor_(executor),
      zones_(zones),
      parse_(std::move(parse)),
      clock_(clock),
      wakeups_(std::make_unique<Wakeups>(executor.PollFd())),
      standby_(std::make_unique<Standby>(options_.holder, store, executor, clock)),
      expansions_(std::make_unique<Expansions>()) {
  if (options_.launch.zones == nullptr) options_.launch.zones = &zones_;
}

Scheduler::~Scheduler() = default;

Status Scheduler::Run() {
  while (!stopping_) {
    Step();
    if (!stopping_) Wait();
  }
  if (leading_ && stop_tasks_) StopTasks();
  if (leading_) {
    if (options_.on_step_down) options_.on_step_down();
    if (const Status released = store_.Release(lease_); !released)
      log::Warning("the lease was not released: {}", released.error().message);
  }
  return Ok();
}

void Scheduler::Step() {
  if (leading_) return Turn();
  standby_->Collect();  // even while the store is away: what is not taken in would wake us again and again
  if (asked_ && clock_.Monotonic() < *asked_ + options_.standby_interval) return;  // woken by something else
  asked_ = clock_.Monotonic();
  if (const Status lead = Lead(); !lead) {
    if (lead.error().message != std::exchange(complaint_, lead.error().message))
      log::Warning("cannot lead yet: {}", lead.error().message);
    return;
  }
  complaint_.clear();
  if (leading_) return Turn();
  if (const Status reported = standby_->Step(); !reported)
    log::Warning("ends wait to be reported: {}", reported.error().message);
}

void Scheduler::Stop(bool stop_tasks) {
  if (stop_tasks) stop_tasks_ = true;
  stopping_ = true;
  wakeups_->Wake();
}

void Scheduler::Post(std::vector<PostedDag> dags) {
  {
    const std::lock_guard lock(posted_mutex_);
    std::move(dags.begin(), dags.end(), std::back_inserter(posted_));
  }
  wakeups_->Wake();
}

void Scheduler::Wait() {
  if (!inbox_.empty()) return;
  if (leading_) {
    wakeups_->Arm(engine_.NextTimer(), renewed_ + options_.lease_ttl / 3 - clock_.Monotonic());
  } else {
    wakeups_->Arm(std::nullopt, asked_ ? *asked_ + options_.standby_interval - clock_.Monotonic() : Micros(0));
  }
  if (wakeups_->Sleep()) notified_ = true;
  if (leading_ && in_flight_.size() >= kBusy) wakeups_->Pause(turned_ + kBusyPace - clock_.Monotonic());
}

// --- leadership
// -------------------------------------------------------------------------------------------------------------

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
  standby_->Reset();  // what it had not yet reported comes again with Reattach()
  inbox_.clear();
  ended_.clear();
  in_flight_.clear();
  notified_ = true;
  wakeups_->WatchStore(store_.NotifyFd());
  std::vector<Event> events;
  for (const PoolChanged& pool : snapshot->pools) events.emplace_back(pool);
  on_files_.clear();
  unscheduled_.clear();
  for (const StoredDag& dag : snapshot->dags) {
    Remember(dag);
    events.emplace_back(DagUpdated{HeadOf(dag)});
  }
  for (const StoredBackfill& backfill : snapshot->backfills) events.emplace_back(BackfillRestored{backfill});
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
      if (task.state == TaskState::kRunning) known.insert(task.attempt);
    }
    auto dag = VersionOf(stored.run.version);
    if (!dag) {
      if (dag.error().code == ErrorCode::kUnavailable) return dag.error();
      log::Error("run {} of {} stays where it is: its DAG version cannot be read: {}", stored.run.run_id,
                 stored.run.dag_id, dag.error().message);
      continue;
    }
    if (stored.run.state == RunState::kQueued) {
      queued.emplace_back(RunRequested{stored.run, *dag, stored.tasks, stored.lengths});
    } else {
      events.emplace_back(RunRestored{stored.run, *dag, stored.tasks, stored.lengths});
    }
  }
  std::move(queued.begin(), queued.end(), std::back_inserter(events));
  for (const OpenAttempt& open : snapshot.attempts) {
    if (!known.contains(open.attempt)) events.emplace_back(AttemptOrphaned{open.attempt});
  }
  return Ok();
}

// What became of the attempts that the store holds open. Only what this executor knows is believed.
Status Scheduler::Reattach(const Snapshot& snapshot) {
  std::unordered_map<AttemptId, AttemptOpened> opened;
  for (const RestoredRun& stored : snapshot.runs) {
    for (const StoredTask& task : stored.tasks) {
      if (task.state == TaskState::kRunning)
        opened[task.attempt] = AttemptOpened{task.attempt,    stored.run.id,      task.task,
                                             task.try_number, stored.run.version, task.max_tries.value_or(0),
                                             task.map_index};
    }
  }
  for (const AttemptStatus& status : executor_.Reattach(snapshot.attempts)) {
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
  unstarted_.clear();
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

// --- the turn
// ---------------------------------------------------------------------------------------------------------------

// Take in what happened, decide, store, and only then act.
void Scheduler::Turn() {
  turned_ = clock_.Monotonic();
  std::vector<Event> events = std::exchange(inbox_, {});
  TakePosted(events);
  TakeZones(events);
  TakeEnds(events);
  if (const Status taken = TakeInbox(events); !taken) return Recover(taken.error());
  const Plan plan = engine_.Apply(std::move(events), clock_.Now());
  if (plan.empty()) {
    if (const Status kept = KeepLease(); !kept) return Recover(kept.error());
  } else {
    const Micros asked = clock_.Monotonic();
    auto committed = store_.Commit(plan, lease_, ExecutorIdentity{executor_.instance(), executor_.boot_id()});
    if (!committed) return Recover(committed.error());
    renewed_ = asked;
    for (const RestoredRun& run : committed->runs) {
      if (const Status entered = Enter(run, inbox_); !entered) return Recover(entered.error());
    }
    for (const RunChange& change : plan.runs) {
      if (IsFinished(change.to)) expansions_->Forget(change.run);
    }
    for (const DagChange& change : plan.dags) {
      if (change.deleted) on_files_.erase(change.dag_id);
    }
    if (options_.on_plan) options_.on_plan(plan);
  }
  executor_.Forget(std::exchange(ended_, {}));
  if (clock_.Monotonic() >= lease_.trusted_until) return StepDown("the lease ran out while a turn was stored");
  CarryOut(plan);
}

void Scheduler::TakePosted(std::vector<Event>& events) {
  std::vector<PostedDag> posted;
  {
    const std::lock_guard lock(posted_mutex_);
    posted.swap(posted_);
  }
  for (PostedDag& dag : posted) {
    if (dag.dag != nullptr) versions_.Put(dag.stored.head.version, std::move(dag.dag));
    Remember(dag.stored);
    events.emplace_back(DagUpdated{HeadOf(dag.stored)});
  }
}

// Now and then: has the zone data of the machine been updated, or a calendar edited? The DAGs that stand on it get new
// timetables. A file that cannot be read now leaves the old ones in force.
void Scheduler::TakeZones(std::vector<Event>& events) {
  if (turned_ < zones_looked_ + kLookAnyway) return;
  zones_looked_ = turned_;
  const std::vector<std::string> changed = zones_.Changed(zones_seen_);
  RetryUnscheduled(events);
  if (changed.empty()) return;
  const auto is_changed = [&](const std::string& name) {
    return std::find(changed.begin(), changed.end(), name) != changed.end();
  };
  std::size_t again = 0;
  for (const auto& [id, dag] : on_files_) {
    const auto& holidays = dag.schedule.calendar.holidays;
    if (!is_changed(dag.schedule.timezone) && std::none_of(holidays.begin(), holidays.end(), is_changed)) continue;
    const auto timetable = MakeTimetable(dag.schedule, zones_);
    if (!timetable) {
      log::Error("DAG {} keeps its schedule as it was: {}", id, timetable.error().message);
      continue;
    }
    events.emplace_back(DagUpdated{HeadOf(dag)});
    ++again;
  }
  log::Info("{} changed on disk: {} DAGs are scheduled anew", fmt::format("{}", fmt::join(changed, ", ")), again);
}

// What was not there when this scheduler began to lead, or when the DAG was loaded, may be there now.
void Scheduler::RetryUnscheduled(std::vector<Event>& events) {
  for (const std::string& id : std::exchange(unscheduled_, {})) {
    const auto dag = on_files_.find(id);
    if (dag == on_files_.end()) continue;
    DagHead head = HeadOf(dag->second);
    if (head.timetable == nullptr) continue;
    log::Info("DAG {} is scheduled again", id);
    events.emplace_back(DagUpdated{std::move(head)});
  }
}

void Scheduler::TakeEnds(std::vector<Event>& events) {
  for (AttemptEnd& end : executor_.Ended()) {
    ended_.push_back(end.attempt);
    in_flight_.erase(end.attempt);
    events.emplace_back(ToEvent(std::move(end)));
  }
}

Status Scheduler::TakeInbox(std::vector<Event>& events) {
  // A notification may be lost: now and then there is a look without one, which costs next to nothing when there is
  // nothing.
  if (turned_ >= polled_ + kLookAnyway) notified_ = true;
  if (!std::exchange(notified_, false)) return Ok();
  polled_ = turned_;
  auto inbox = store_.Poll();
  if (!inbox) return inbox.error();
  for (const RunInfo& run : inbox->runs) {
    if (const Status entered = Enter(RestoredRun{run, {}, {}}, events); !entered) return entered;
  }
  for (Command& command : inbox->commands) {
    if (auto* backfill = std::get_if<CreateBackfill>(&command.what)) {
      if (const Status read = ReadFacts(*backfill); !read) return read;
    }
    events.emplace_back(std::move(command));
  }
  return Ok();
}

// The slots of the range, and the runs that are there already. The engine refuses what has no facts.
Status Scheduler::ReadFacts(CreateBackfill& backfill) {
  auto dag = store_.FindDag(backfill.dag_id);
  if (!dag) return dag.error();
  if (!*dag) return Ok();
  const BackfillRange& range = backfill.range;
  auto facts = std::make_shared<BackfillFacts>();
  if (const auto schedule = BackfillSchedule((*dag)->schedule, range.from, range.to)) {
    auto slots = MakeTimetable(*schedule, zones_);
    if (!slots) {
      facts->fault = slots.error().message;
    } else {
      facts->slots = std::move(*slots);
    }
  }
  if (const auto first = facts->slots == nullptr ? std::nullopt : facts->slots->Next(std::nullopt, clock_.Now())) {
    auto existing = store_.RunsBetween(backfill.dag_id, first->logical_date, range.to);
    if (!existing) return existing.error();
    facts->existing = std::move(*existing);
  }
  backfill.facts = std::move(facts);
  return Ok();
}

Status Scheduler::Enter(const RestoredRun& stored, std::vector<Event>& events) {
  const RunInfo& run = stored.run;
  auto dag = VersionOf(run.version);
  if (dag) {
    events.emplace_back(RunRequested{run, std::move(*dag), stored.tasks, stored.lengths});
  } else if (dag.error().code == ErrorCode::kUnavailable) {
    return dag.error();
  } else {
    log::Error("run {} of {} cannot begin: its DAG version cannot be read: {}", run.run_id, run.dag_id,
               dag.error().message);
  }
  return Ok();
}

void Scheduler::CarryOut(const Plan& plan) {
  // One that was reported as never started, while this scheduler stood by, is over.
  for (const AttemptClosed& closed : plan.closed) {
    std::erase_if(unstarted_, [&](const AttemptOpened& attempt) { return attempt.attempt == closed.end.attempt; });
  }
  if (!unstarted_.empty()) StartAttempts(std::exchange(unstarted_, {}));
  if (leading_ && !plan.opened.empty()) StartAttempts(plan.opened);
  if (!leading_) return;  // the store went away: what was committed is found again
  for (const AttemptId id : plan.stops) executor_.Stop(id);
  ExpandWanted(plan.wanted);
}

// How many instances are mapped tasks to have? What cannot be told fails them; a store that is away is asked again.
void Scheduler::ExpandWanted(const std::vector<LengthWanted>& wanted) {
  for (const LengthWanted& one : wanted) {
    MappingLength answer{one.run, one.life, one.mapping};
    if (const Status expanded = Expand(one, answer); !expanded) {
      if (expanded.error().code == ErrorCode::kUnavailable) return Recover(expanded.error());
      answer.error = expanded.error().message;
    }
    inbox_.emplace_back(std::move(answer));
  }
}

Status Scheduler::Expand(const LengthWanted& wanted, MappingLength& answer) {
  const RunInfo* run = engine_.FindRun(wanted.run);
  const DagPtr dag = engine_.DagOf(wanted.run);
  if (run == nullptr || dag == nullptr) return Ok();  // it has ended since
  const Mapping& mapping = dag->mappings[wanted.mapping];
  LaunchRequest request{*dag, mapping.tasks.front(), *run, {}, lease_.epoch, Value()};
  expansions_->Forget(wanted.run);  // of a run that was set back: what it is made of may be other outputs now
  if (const Status read = ReadExpansion(request); !read) return read;
  answer.length = request.expansion->size();
  if (!mapping.names_instances || answer.length > options_.limits.max_map_length) return Ok();
  auto names = NameInstances(*dag, request.expansion, wanted.mapping, request, options_.launch);
  if (!names) return names.error();
  answer.names = std::move(*names);
  return Ok();
}

// What the mapping of the task goes through.
Status Scheduler::ReadExpansion(LaunchRequest& request) {
  const Mapping* mapping = request.dag.MappingOf(request.task);
  const auto no = static_cast<std::uint32_t>(mapping - request.dag.mappings.data());
  request.expansion = expansions_->Find(request.run.id, no);
  if (request.expansion != nullptr) return Ok();
  const AttemptOpened attempt = std::exchange(request.attempt, {});  // the values are not an instance's
  if (const auto needed = OutputsNeeded(request.dag, *mapping); !needed.empty()) {
    auto outputs = store_.Outputs(request.run.id, needed);
    if (!outputs) return outputs.error();
    request.outputs = std::move(*outputs);
  }
  auto expansion = Evaluate(*mapping, request, options_.launch);
  request.attempt = attempt;
  if (!expansion) return expansion.error();
  expansions_->Put(request.run.id, no, *expansion);
  request.expansion = std::move(*expansion);
  return Ok();
}

void Scheduler::StartAttempts(const std::vector<AttemptOpened>& opened) {
  std::vector<AttemptStart> starts;
  starts.reserve(opened.size());
  for (const AttemptOpened& attempt : opened) {
    const RunInfo* run = engine_.FindRun(attempt.run);
    const DagPtr dag = engine_.DagOf(attempt.run);
    if (run == nullptr || dag == nullptr) {  // its run ended before it began: it gives back its slots
      AttemptFinished never;
      never.attempt = attempt.attempt;
      never.outcome = TryOutcome::kStopped;
      never.end = clock_.Now();
      never.message = "never started: its run had ended";
      inbox_.emplace_back(std::move(never));
      continue;
    }
    LaunchRequest request{*dag, attempt.task, *run, attempt, lease_.epoch, Value()};
    const Status read = ReadFor(request);
    // Committed and not started: that is found again, and started, when the store is back.
    if (!read && read.error().code == ErrorCode::kUnavailable) return Recover(read.error());
    auto decided = read ? Decide(request, options_.launch, clock_.Now()) : read.error();
    if (decided && *decided) {
      inbox_.emplace_back(std::move(**decided));
      continue;
    }
    Result<AttemptStart> start = decided ? Prepare(request, options_.launch) : decided.error();
    if (start) {
      in_flight_.insert(attempt.attempt);
      starts.push_back(std::move(*start));
      continue;
    }
    AttemptFinished failed;
    failed.attempt = attempt.attempt;
    failed.outcome = TryOutcome::kLaunchFailed;
    failed.end = clock_.Now();
    failed.message = start.error().message;
    inbox_.emplace_back(std::move(failed));
  }
  executor_.Start(std::move(starts));
}

// What the templates of the task ask for, and nothing more.
Status Scheduler::ReadFor(LaunchRequest& request) {
  const std::int32_t map_index = request.attempt.map_index;
  if (map_index >= 0) {
    if (const Status read = ReadExpansion(request); !read) return read;
    if (static_cast<std::uint64_t>(map_index) >= request.expansion->size())
      return Error{ErrorCode::kInvalid, fmt::format("there is no element {} any more to map over", map_index), ""};
  }
  if (const auto needed = OutputsNeeded(request.dag, request.task); !needed.empty()) {
    OwnInstance own{map_index, {}};
    if (map_index >= 0) {
      for (const TaskNo task : request.dag.MappingOf(request.task)->tasks)
        own.tasks.push_back(request.dag.tasks[task].id);
    }
    auto outputs = store_.Outputs(request.run.id, needed, own);
    if (!outputs) return outputs.error();
    request.outputs = std::move(*outputs);
  }
  if (NeedsPrevious(request.dag, request.task)) {
    auto previous = store_.PreviousSuccess(request.run);
    if (!previous) return previous.error();
    request.previous_success = std::move(*previous);
  }
  return Ok();
}

// --- the end
// ----------------------------------------------------------------------------------------------------------------

void Scheduler::StopTasks() {
  log::Info("stopping {} tasks in flight", in_flight_.size());
  for (const AttemptId id : in_flight_) executor_.Stop(id);
  const Micros give_up = clock_.Monotonic() + options_.launch.grace + std::chrono::seconds(5);
  while (leading_ && !in_flight_.empty() && clock_.Monotonic() < give_up) {
    // Their ends are stored, but nothing new is started: what would be is committed and begins with the next start.
    if (const Status kept = KeepLease(); !kept) return Recover(kept.error());
    std::vector<Event> events = std::exchange(inbox_, {});
    TakeEnds(events);
    const Plan plan = engine_.Apply(std::move(events), clock_.Now());
    if (!plan.empty()) {
      if (const auto committed =
              store_.Commit(plan, lease_, ExecutorIdentity{executor_.instance(), executor_.boot_id()});
          !committed) {
        return Recover(committed.error());
      } else {
        for (const RestoredRun& run : committed->runs) {
          if (const Status entered = Enter(run, inbox_); !entered) return Recover(entered.error());
        }
      }
    }
    executor_.Forget(std::exchange(ended_, {}));
    wakeups_->Arm(std::nullopt, Millis(100));
    if (!in_flight_.empty()) wakeups_->Sleep();
  }
}

// --- what is remembered
// -----------------------------------------------------------------------------------------------------

Result<DagPtr> Scheduler::VersionOf(VersionId version) {
  if (DagPtr dag = versions_.Find(version)) return dag;
  auto source = store_.LoadVersion(version);
  if (!source) return source.error();
  auto dag = parse_(*source);
  if (dag) versions_.Put(version, *dag);
  return dag;
}

DagHead Scheduler::HeadOf(const StoredDag& dag) {
  DagHead head = dag.head;
  auto timetable = MakeTimetable(dag.schedule, zones_);
  if (timetable) {
    head.timetable = std::move(*timetable);
  } else {
    if (unscheduled_.insert(head.dag_id).second)
      log::Error("DAG {} is not scheduled: {}", head.dag_id, timetable.error().message);
  }
  return head;
}

void Scheduler::Remember(const StoredDag& dag) {
  const bool stands_on_files = dag.schedule.timezone != "UTC" || !dag.schedule.calendar.holidays.empty();
  if (stands_on_files && dag.schedule.kind != ScheduleKind::kNone) {
    on_files_.insert_or_assign(dag.head.dag_id, dag);
  } else {
    on_files_.erase(dag.head.dag_id);
  }
}

}  // namespace pipelined
