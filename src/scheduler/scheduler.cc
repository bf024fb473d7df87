#include "pipelined/scheduler/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "pipelined/base/log.h"
#include "pipelined/timetable/timetable.h"
#include "pipelined/template/task_context.h"
#include "scheduler/ask_run.h"
#include "scheduler/decide.h"
#include "pipelined/scheduler/limit_keys.h"
#include "scheduler/expansions.h"
#include "scheduler/repetition.h"
#include "scheduler/standby.h"
#include "scheduler/wakeups.h"

namespace pipelined {
namespace {

// With so many attempts in flight turns are spaced out a little, so that one transaction takes in several ends; the
// processors then most often have enough to do. Below it every end has its turn at once.
constexpr std::size_t kBusy = 8;
constexpr Micros kBusyPace = Micros(1500);
constexpr Micros kLookAnyway = std::chrono::seconds(30);

// What nobody asked for and somebody should see.
void LogRules(const Plan& plan) {
  for (const DeadlineChange& change : plan.deadlines) {
    if (change.deadline.state != DeadlineState::kMissed) continue;
    log::Warning("run {} of {} missed its deadline: it has not ended by {} ({})", change.run_id, change.dag_id,
                 FormatInstant(change.deadline.at), change.what);
  }
  for (const SlotSkipped& slot : plan.skipped) log::Warning("DAG {}: {}", slot.dag_id, slot.why);
  for (const DagChange& change : plan.dags) {
    if (change.by_failures) log::Warning("DAG {} is {}", change.dag_id, change.why);
  }
}

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
  run_asks_.clear();
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
  // Tasks that make runs, whoever opened their attempts: parked ones wait, the others have still to ask.
  std::unordered_set<AttemptId> no_process;
  for (const RestoredRun& stored : snapshot.runs) {
    const auto dag = VersionOf(stored.run.version);
    if (!dag && dag.error().code == ErrorCode::kUnavailable) return dag.error();
    for (const StoredTask& task : stored.tasks) {
      if (task.state != TaskState::kRunning) continue;
      opened[task.attempt] = AttemptOpened{task.attempt,    stored.run.id,      task.task,
                                           task.try_number, stored.run.version, task.max_tries.value_or(0),
                                           task.map_index};
      if (!dag || (*dag)->tasks[task.task].trigger == nullptr) continue;
      no_process.insert(task.attempt);
      if (!task.child) unstarted_.push_back(opened[task.attempt]);
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
  if (const Status taken = TakePosted(events); !taken) return Recover(taken.error());
  TakeZones(events);
  if (std::exchange(met_, true)) {
    if (const Status taken = TakeEnds(events); !taken) return Recover(taken.error());
    if (const Status taken = TakeInbox(events); !taken) return Recover(taken.error());
  } else {
    wakeups_->Wake();  // what ended meanwhile, and what people ask, is about runs that the engine is only now told of
  }
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
    AskAgain(plan, *committed);
    for (const RunChange& change : plan.runs) {
      if (IsFinished(change.to)) expansions_->Forget(change.run);
    }
    for (const DagChange& change : plan.dags) {
      if (change.deleted) on_files_.erase(change.dag_id);
    }
    LogRules(plan);
    if (options_.on_plan) options_.on_plan(plan);
  }
  executor_.Forget(std::exchange(ended_, {}));
  if (clock_.Monotonic() >= lease_.trusted_until) return StepDown("the lease ran out while a turn was stored");
  CarryOut(plan);
}

Status Scheduler::TakePosted(std::vector<Event>& events) {
  std::vector<PostedDag> posted;
  {
    const std::lock_guard lock(posted_mutex_);
    posted.swap(posted_);
  }
  for (PostedDag& dag : posted) {
    if (dag.dag != nullptr) versions_.Put(dag.stored.head.version, std::move(dag.dag));
    Remember(dag.stored);
    DagHead head = HeadOf(dag.stored);
    if (const Status read = ReadRecent(head); !read) return read;
    events.emplace_back(DagUpdated{std::move(head)});
  }
  return Ok();
}

// What has failed in a row counts on after a restart, and when the limit comes into the file.
Status Scheduler::ReadRecent(DagHead& head) {
  if (head.max_consecutive_failed_dag_runs <= 0) return Ok();
  auto latest = store_.LatestRuns(head.dag_id, head.max_consecutive_failed_dag_runs);
  if (!latest) return latest.error();
  head.recent = std::move(*latest);
  return Ok();
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

Status Scheduler::TakeEnds(std::vector<Event>& events) {
  for (AttemptEnd& end : executor_.Ended()) {
    ended_.push_back(end.attempt);
    in_flight_.erase(end.attempt);
    AttemptFinished event = ToEvent(std::move(end));
    if (const Status judged = Judge(event); !judged) return judged;
    events.emplace_back(std::move(event));
  }
  return Ok();
}

Status Scheduler::Judge(AttemptFinished& end) {
  if (end.outcome != TryOutcome::kSucceeded) return Ok();
  const auto attempt = engine_.FindAttempt(end.attempt);
  const DagPtr dag = attempt ? engine_.DagOf(attempt->run) : nullptr;
  if (dag == nullptr || dag->tasks[attempt->task].repeat.until.empty()) return Ok();
  LaunchRequest request{*dag, attempt->task, *engine_.FindRun(attempt->run), *attempt, lease_.epoch, Value()};
  if (const Status read = ReadFor(request); !read && read.error().code == ErrorCode::kUnavailable) return read;
  JudgeRepetition(std::move(request), options_.launch, end);
  return Ok();
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
    if (const Status read = ReadSteeringFacts(command); !read) return read;
    if (auto* report = std::get_if<ReportEnd>(&command.what)) {
      if (const Status judged = Judge(report->end); !judged) return judged;
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
  auto version = VersionOf((*dag)->head.version);
  if (!version && version.error().code == ErrorCode::kUnavailable) return version.error();
  facts->depends_on_past = version && (*version)->depends_on_past;
  backfill.facts = std::move(facts);
  return Ok();
}

// The runs that a clear or a mark concerns, whether the engine knows them or not.
Status Scheduler::ReadSteeringFacts(Command& command) {
  if (auto* clear = std::get_if<ClearTasks>(&command.what)) {
    auto facts = ReadRuns(clear->runs, clear->latest_version);
    if (!facts) return facts.error();
    clear->facts = std::move(*facts);
  } else if (auto* mark = std::get_if<MarkTasks>(&command.what)) {
    auto facts = ReadRuns(mark->runs, false);
    if (!facts) return facts.error();
    mark->facts = std::move(*facts);
  } else if (auto* run = std::get_if<MarkRun>(&command.what)) {
    auto facts = ReadRuns(RunChoice{run->dag_id, run->run}, false);
    if (!facts) return facts.error();
    run->facts = std::move(*facts);
  }
  return Ok();
}

Result<SteeringFactsPtr> Scheduler::ReadRuns(const RunChoice& choice, bool latest) {
  auto facts = std::make_shared<SteeringFacts>();
  auto chosen = store_.RunsChosen(choice, kMostRunsSteered + 1);
  if (!chosen) return chosen.error();
  if (chosen->size() > kMostRunsSteered) {
    facts->fault = fmt::format("that would concern more than {} runs: name a smaller range", kMostRunsSteered);
    facts->fault_code = ErrorCode::kInvalid;
    return SteeringFactsPtr(std::move(facts));
  }
  for (RestoredRun& stored : *chosen) {
    RunRestored run{std::move(stored.run), nullptr, std::move(stored.tasks), std::move(stored.lengths)};
    if (IsFinished(run.run.state)) {
      auto dag = VersionOf(run.run.version);
      if (!dag && dag.error().code == ErrorCode::kUnavailable) return dag.error();
      if (!dag && facts->fault.empty())
        facts->fault = fmt::format("the DAG version of run {} cannot be read: {}", run.run.run_id, dag.error().message);
      if (dag) {
        auto past = ReadPast(run.run, **dag);
        if (!past) return past.error();
        run.past = std::move(*past);
        run.keys = RenderKeys(**dag, run.run, options_.launch);
        run.dag = std::move(*dag);
      }
    }
    facts->runs.push_back(std::move(run));
  }
  if (latest) {
    const auto dag = store_.FindDag(choice.dag_id);
    if (!dag) return dag.error();
    auto version = *dag ? VersionOf((*dag)->head.version)
                        : Result<DagPtr>(Error{ErrorCode::kNotFound, "its DAG is not there any more", ""});
    if (!version && version.error().code == ErrorCode::kUnavailable) return version.error();
    if (version) {
      facts->latest = std::move(*version);
      facts->latest_version = (*dag)->head.version;
      for (const RunRestored& run : facts->runs)
        facts->latest_keys.push_back(RenderKeys(*facts->latest, run.run, options_.launch));
    } else {
      facts->fault = fmt::format("the current DAG version cannot be read: {}", version.error().message);
    }
  }
  return SteeringFactsPtr(std::move(facts));
}

Status Scheduler::Enter(const RestoredRun& stored, std::vector<Event>& events) {
  const RunInfo& run = stored.run;
  auto dag = VersionOf(run.version);
  if (dag) {
    auto requested = Requested(stored, std::move(*dag));
    if (!requested) return requested.error();
    events.emplace_back(std::move(*requested));
  } else if (dag.error().code == ErrorCode::kUnavailable) {
    return dag.error();
  } else {
    log::Error("run {} of {} cannot begin: its DAG version cannot be read: {}", run.run_id, run.dag_id,
               dag.error().message);
  }
  return Ok();
}

// With what the engine must know of earlier runs.
Result<RunRequested> Scheduler::Requested(const RestoredRun& stored, DagPtr dag) {
  RunRequested requested{stored.run, dag, stored.tasks, stored.lengths};
  requested.keys = RenderKeys(*dag, stored.run, options_.launch);
  auto past = ReadPast(stored.run, *dag);
  if (!past) return past.error();
  requested.past = std::move(*past);
  requested.deadlines = stored.deadlines;
  for (const Deadline& deadline : dag->deadlines) {
    std::optional<Micros> average;
    if (deadline.reference == DeadlineReference::kAverageRuntime) {
      auto read = store_.AverageRuntime(stored.run.dag_id, deadline.min_runs, deadline.max_runs);
      if (!read) return read.error();
      average = *read;
    }
    requested.averages.push_back(average);
  }
  return requested;
}

// The run before, for runs that may wait for it.
Result<std::optional<PastRun>> Scheduler::ReadPast(const RunInfo& run, const Dag& dag) {
  if (!LooksBack(run, dag)) return std::optional<PastRun>();
  return store_.RunBefore(run, dag.schedule.catchup, PastTaskIds(dag));
}

void Scheduler::CarryOut(const Plan& plan) {
  // One that was reported as never started, while this scheduler stood by, is over.
  for (const AttemptClosed& closed : plan.closed) {
    std::erase_if(unstarted_, [&](const AttemptOpened& attempt) { return attempt.attempt == closed.end.attempt; });
  }
  if (!unstarted_.empty()) StartAttempts(std::exchange(unstarted_, {}));
  if (leading_ && !plan.opened.empty()) StartAttempts(NotStopped(plan));
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

// Those that another task cancelled in the turn that opened them need no process.
std::vector<AttemptOpened> Scheduler::NotStopped(const Plan& plan) {
  std::vector<AttemptOpened> opened = plan.opened;
  if (plan.stops.empty()) return opened;
  const std::unordered_set<AttemptId> stopped(plan.stops.begin(), plan.stops.end());
  std::erase_if(opened, [&](const AttemptOpened& attempt) {
    if (!stopped.contains(attempt.attempt)) return false;
    NeverStarted(attempt.attempt, "it was cancelled at once");
    return true;
  });
  return opened;
}

void Scheduler::NeverStarted(AttemptId attempt, const std::string& why) {
  AttemptFinished never;
  never.attempt = attempt;
  never.outcome = TryOutcome::kStopped;
  never.end = clock_.Now();
  never.message = "never started: " + why;
  inbox_.emplace_back(std::move(never));
}

void Scheduler::StartAttempts(const std::vector<AttemptOpened>& opened) {
  std::vector<AttemptStart> starts;
  starts.reserve(opened.size());
  for (const AttemptOpened& attempt : opened) {
    const RunInfo* run = engine_.FindRun(attempt.run);
    const DagPtr dag = engine_.DagOf(attempt.run);
    if (run == nullptr || dag == nullptr) {  // its run ended before it began: it gives back its slots
      inbox_.emplace_back(Undone(attempt.attempt, TryOutcome::kStopped, "never started: its run had ended"));
      continue;
    }
    LaunchRequest request{*dag, attempt.task, *run, attempt, lease_.epoch, Value()};
    const Status read = ReadFor(request);
    // Committed and not started: that is found again, and started, when the store is back.
    if (!read && read.error().code == ErrorCode::kUnavailable) return Recover(read.error());
    const Status ready = read ? CheckKeys(request, options_.launch) : read;
    auto decided = ready ? Decide(request, options_.launch, clock_.Now()) : ready.error();
    if (decided && *decided) {
      inbox_.emplace_back(std::move(**decided));
      continue;
    }
    if (decided && dag->tasks[attempt.task].trigger != nullptr) {
      const Status asked = Ask(request, attempt);
      if (!asked && asked.error().code == ErrorCode::kUnavailable) return Recover(asked.error());
      if (!asked) inbox_.emplace_back(Undone(attempt.attempt, TryOutcome::kLaunchFailed, asked.error().message));
      continue;
    }
    Result<AttemptStart> start = decided ? Prepare(request, options_.launch) : decided.error();
    if (start) {
      in_flight_.insert(attempt.attempt);
      starts.push_back(std::move(*start));
      continue;
    }
    inbox_.emplace_back(Undone(attempt.attempt, TryOutcome::kLaunchFailed, start.error().message));
  }
  executor_.Start(std::move(starts));
}

AttemptFinished Scheduler::Undone(AttemptId attempt, TryOutcome outcome, std::string message) const {
  AttemptFinished end;
  end.attempt = attempt;
  end.outcome = outcome;
  end.end = clock_.Now();
  end.message = std::move(message);
  return end;
}

// --- tasks that make runs
// ---------------------------------------------------------------------------------------------------

Status Scheduler::Ask(const LaunchRequest& request, const AttemptOpened& attempt) {
  auto asked = AskRun(request, options_.launch, clock_.Now());
  if (!asked) return asked.error();
  auto stored = store_.FindDag(asked->dag_id);
  if (!stored) return stored.error();
  if (*stored) {
    const auto dag = VersionOf((*stored)->head.version);
    if (!dag) return dag.error();
    if (const auto params = ResolveParams(**dag, asked->conf); !params)
      return Error{ErrorCode::kInvalid, fmt::format("no run of {} was made: {}", asked->dag_id, params.error().message),
                   ""};
  }
  auto found = store_.FindRun(asked->dag_id, asked->run_id, asked->logical_date);
  if (!found) return found.error();
  asked->found = *std::move(found);
  run_asks_[attempt.attempt] = attempt;
  inbox_.emplace_back(*std::move(asked));
  return Ok();
}

// What others have made in the same moment under the same id or date stands in the way of a run: asked again, it is
// found.
void Scheduler::AskAgain(const Plan& plan, const Committed& committed) {
  for (const AttemptClosed& closed : plan.closed) run_asks_.erase(closed.end.attempt);
  std::unordered_set<AttemptId> made;
  for (const RestoredRun& run : committed.runs) made.insert(run.run.parent.attempt);
  const auto look = [&](AttemptId attempt) {
    const auto asked = attempt ? run_asks_.find(attempt) : run_asks_.end();
    if (asked == run_asks_.end()) return;
    if (!made.contains(attempt)) unstarted_.push_back(asked->second);
    run_asks_.erase(asked);
  };
  for (const NewRun& run : plan.new_runs) look(run.parent.attempt);
  for (const RunReset& reset : plan.resets) look(reset.parent.attempt);
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
    if (const Status taken = TakeEnds(events); !taken) return Recover(taken.error());
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
