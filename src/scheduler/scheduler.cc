#include "pipelined/scheduler/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "pipelined/base/log.h"
#include "pipelined/timetable/timetable.h"
#include "scheduler/expansions.h"
#include "scheduler/outlet_events.h"
#include "scheduler/put_off.h"
#include "scheduler/repetition.h"
#include "scheduler/sensors/sensor_host.h"
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
      expansions_(std::make_unique<Expansions>()),
      put_off_(std::make_unique<PutOff>()),
      sensors_(std::make_unique<SensorHost>(clock, options_.prober, options_.launch.connection)) {
  wakeups_->Add(sensors_->PollFd());
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
  sensors_->Drain();
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

std::optional<Instant> Scheduler::NextTimer() const {
  const auto decided = engine_.NextTimer(), looked = sensors_->NextDue();
  return decided && looked ? std::min(*decided, *looked) : decided ? decided : looked;
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
  if (!inbox_.empty() || !commands_.empty()) return;
  if (leading_) {
    const Micros renewal = renewed_ + options_.lease_ttl / 3;
    wakeups_->Arm(NextTimer(), std::min(renewal, put_off_->due().value_or(renewal)) - clock_.Monotonic());
  } else {
    wakeups_->Arm(std::nullopt, asked_ ? *asked_ + options_.standby_interval - clock_.Monotonic() : Micros(0));
  }
  if (wakeups_->Sleep()) notified_ = true;
  if (leading_ && in_flight_.size() >= kBusy) wakeups_->Pause(turned_ + kBusyPace - clock_.Monotonic());
}

// --- the turn
// ---------------------------------------------------------------------------------------------------------------

// What the engine makes of them, without the news of DAGs that are not to be told. Alerts that are open may end.
Plan Scheduler::Apply(std::vector<Event> events) {
  Plan plan = engine_.Apply(std::move(events), clock_.Now());
  std::erase_if(plan.notices, [this](const Notice& notice) {
    return notice.on != NotifyOn::kRecovered && !options_.notifications.Includes(notice.dag_id);
  });
  return plan;
}

// Take in what happened, decide, store, and only then act.
void Scheduler::Turn() {
  turned_ = clock_.Monotonic();
  std::vector<Event> events = std::exchange(inbox_, {});
  if (const Status taken = TakePosted(events); !taken) return Recover(taken.error());
  TakeZones(events);
  if (std::exchange(met_, true)) {
    if (const Status taken = TakeEnds(events); !taken) return Recover(taken.error());
    if (const Status taken = TakeInbox(events); !taken) return Recover(taken.error());
    if (const Status taken = TakeSightings(events); !taken) return Recover(taken.error());
  } else {
    wakeups_->Wake();  // what ended meanwhile, and what people ask, is about runs that the engine is only now told of
  }
  const Plan plan = Apply(std::move(events));
  Micros in_the_store{0};
  if (plan.empty()) {
    if (const Status kept = KeepLease(); !kept) return Recover(kept.error());
  } else {
    const Micros asked = clock_.Monotonic();
    auto committed = store_.Commit(plan, lease_, ExecutorIdentity{executor_.instance(), executor_.boot_id()});
    if (!committed) return Recover(committed.error());
    renewed_ = asked;
    in_the_store = clock_.Monotonic() - asked;
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
  if (options_.on_turn && !plan.empty()) options_.on_turn(clock_.Monotonic() - turned_, in_the_store);
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
  if (dag == nullptr) return Ok();
  if (std::string fault = OutletEventsFault(dag->tasks[attempt->task], end.outputs); !fault.empty()) {
    end.outcome = TryOutcome::kBadOutput;
    end.message = std::move(fault);
    return Ok();
  }
  if (dag->tasks[attempt->task].repeat.until.empty()) return Ok();
  LaunchRequest request{*dag, attempt->task, *engine_.FindRun(attempt->run), *attempt, lease_.epoch, Value()};
  if (const Status read = ReadFor(request); !read && read.error().code == ErrorCode::kUnavailable) return read;
  return JudgeRepetition(std::move(request), options_.launch, end);
}

Status Scheduler::TakeInbox(std::vector<Event>& events) {
  // A notification may be lost: now and then there is a look without one, which costs next to nothing when there is
  // nothing.
  if (turned_ >= polled_ + kLookAnyway) notified_ = true;
  if (std::exchange(notified_, false)) {
    polled_ = turned_;
    auto inbox = store_.Poll();
    if (!inbox) return inbox.error();
    for (const RunInfo& run : inbox->runs) {
      if (const Status entered = Enter(RestoredRun{run, {}, {}}, events); !entered) return entered;
    }
    std::move(inbox->commands.begin(), inbox->commands.end(), std::back_inserter(commands_));
  }
  return TakeCommands(events);
}

// Up to one that deletes runs: what the next ones concern is to be read without them, in the next turn.
Status Scheduler::TakeCommands(std::vector<Event>& events) {
  while (!commands_.empty()) {
    Command command = std::move(commands_.front());
    commands_.pop_front();
    if (auto* backfill = std::get_if<CreateBackfill>(&command.what)) {
      if (const Status read = ReadFacts(*backfill); !read) return read;
    }
    if (const Status read = ReadSteeringFacts(command); !read) return read;
    if (auto* why = std::get_if<WhyTask>(&command.what)) {
      if (const auto waits = engine_.ParkedOf(why->run, why->task_id, why->map_index))
        why->told = sensors_->Explain(*waits);
    }
    if (auto* report = std::get_if<ReportEnd>(&command.what)) {
      if (const Status judged = Judge(report->end); !judged) return judged;
    }
    events.emplace_back(std::move(command));
    const auto& what = std::get<Command>(events.back()).what;
    if (std::holds_alternative<DeleteRun>(what) || std::holds_alternative<DeleteDag>(what)) break;
  }
  return Ok();
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
    const Plan plan = Apply(std::move(events));
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
