#include "sim/checker/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "sim/checker/between_runs.h"
#include "sim/checker/oracle.h"
#include "sim/checker/steering.h"
#include "support/utc_zones.h"

namespace pipelined::sim {
namespace {

constexpr Micros kLook = Seconds(31);  // a scheduler looks for what others wrote every 30 s, with or without a word
constexpr int kSettleTurns = 400;
constexpr int kUnblockEvery = 20;

SetPool PoolOf(const Step& step) {
  SetPool pool{step.name, step.amount};
  pool.include_deferred = step.kind == StepKind::kPoolDeferred;
  return pool;
}

const testing::UtcZones kZones;

}  // namespace

World::World(const History& history, Coverage* coverage)
    : history_(history),
      coverage_(coverage),
      store_(memory_, ledger_, [this](const Plan& plan) { OnCommit(plan); }),
      host_(clock_) {
  ledger_.parallelism = history.parallelism;
  ledger_.pools[std::string(kDefaultPool)] = 128;
  for (const DagSpec& spec : history.dags) {
    DagPtr dag = spec.Link();
    DagSource source;
    source.document = dag->id;
    memory_.Publish(PublishedDag{dag, source, "/dags"});
    ledger_.Add(spec, dag);
    dags_.push_back(std::move(dag));
  }
  for (const auto& [name, slots] : history.pools) File(SetPool{name, slots});
  Restart();
  Turn(Micros(0));
}

World::~World() = default;

void World::Restart() {
  scheduler_.reset();
  host_.Abandoned();
  SchedulerOptions options;
  options.holder = "host";
  options.limits.parallelism = history_.parallelism;
  options.launch.logs_dir = "/logs";
  const auto parse = [this](const DagSource& source) -> Result<DagPtr> {
    return *std::find_if(dags_.begin(), dags_.end(), [&](const DagPtr& dag) { return dag->id == source.document; });
  };
  scheduler_ = std::make_unique<Scheduler>(std::move(options), store_, host_, kZones, parse, clock_);
  unlooked_ = false;
}

bool World::Take(const Step& step) {
  const auto take = [&]() -> bool {
    switch (step.kind) {
      case StepKind::kTurn:
        Turn(Seconds(step.amount));
        return true;
      case StepKind::kEnd:
        return End(step);
      case StepKind::kHostLost:
        host_.Lose();
        [[fallthrough]];
      case StepKind::kCrash:
        Restart();
        return true;
      case StepKind::kDoubt:
        store_.Doubt(step.amount == 1);
        Hit(step.amount == 1 ? Effect::kInDoubt : Effect::kInDoubtNotStored);
        return true;
      case StepKind::kTrigger:
        return Trigger(step);
      case StepKind::kPause:
        return File(PauseDag{step.name, true});
      case StepKind::kUnpause:
        return File(PauseDag{step.name, false});
      case StepKind::kCancel:
        ledger_.to_cancel.emplace(FileAs(CancelRun{RunId{step.run}}), RunId{step.run});
        return true;
      case StepKind::kPool:
      case StepKind::kPoolDeferred:
        return File(PoolOf(step));
      case StepKind::kDropPool:
        return File(DeletePool{step.name});
      case StepKind::kBackfill:
      case StepKind::kBackfillBack:
      case StepKind::kBackfillAgain:
        return MakeBackfill(step);
      case StepKind::kPauseBackfill:
      case StepKind::kUnpauseBackfill:
      case StepKind::kCancelBackfill:
        return Steer(BackfillId{step.run}, step.kind);
      case StepKind::kClear:
      case StepKind::kMarkSuccess:
      case StepKind::kMarkFailed:
      case StepKind::kMarkSkipped:
      case StepKind::kRunSuccess:
      case StepKind::kRunFailed:
      case StepKind::kRunQueued:
        return SteerRun(step);
      case StepKind::kDeleteRun:
        return Delete(RunId{step.run});
    }
    return false;
  };
  if (fault_) return false;
  bool taken = false;
  try {
    taken = take();
  } catch (const std::exception& thrown) {
    Note("NothingIsThrown", thrown.what());
  }
  if (taken && coverage_ != nullptr) coverage_->Hit(step.kind);
  return taken;
}

void World::Turn(Micros passes) {
  host_.LetStop();
  clock_.Advance(std::exchange(unlooked_, false) ? std::max(passes, kLook) : passes);
  scheduler_->Step();
  CheckStarted();
  if (!store_.fault().empty()) Note("TheStoreIsUnderstood", store_.fault());
  if (!host_.fault().empty()) Note("TheHostIsUnderstood", host_.fault());
}

bool World::End(const Step& step) {
  for (const AttemptId attempt : host_.running()) {
    const auto found = ledger_.open.find(attempt);
    if (found == ledger_.open.end()) continue;
    const OpenRow& open = found->second;
    if (open.run.value == step.run && ledger_.What(open).id == step.name &&
        ledger_.Of(open.run).IndexOf(open.task) == step.map_index)
      return host_.End(attempt, step.outcome, step.exit_code);
  }
  return false;
}

bool World::Trigger(const Step& step) {
  TriggerRequest request;
  request.dag_id = step.name;
  if (step.amount != 0) request.logical_date = kStart + std::chrono::hours(step.amount) + std::chrono::minutes(30);
  request.run_id = fmt::format("by_hand_{}", ++triggered_);
  request.run_after = clock_.Now();
  const auto run = memory_.Trigger(request);
  if (run) ledger_.Created(*run);
  unlooked_ = true;
  return run.ok();
}

bool World::File(decltype(Command::what) what) {
  FileAs(std::move(what));
  return true;
}

CommandId World::FileAs(decltype(Command::what) what) {
  ++filed_;
  unlooked_ = true;
  return memory_.File(Command{{}, "ann", std::move(what)});
}

bool World::SteerRun(const Step& step) {
  if (static_cast<std::size_t>(step.run) > ledger_.runs.size() || step.run < 1) return false;
  const CommandId id = FileAs(CommandOf(step, ledger_.Of(RunId{step.run}).info.dag_id));
  ledger_.steering.emplace(id, step);
  return true;
}

bool World::Delete(RunId run) {
  if (run.value < 1 || static_cast<std::size_t>(run.value) > ledger_.runs.size()) return false;
  const RunInfo& info = ledger_.Of(run).info;
  return File(DeleteRun{info.dag_id, info.run_id, run});
}

bool World::MakeBackfill(const Step& step) {
  CreateBackfill create;
  create.dag_id = step.name;
  create.range.from = kStart - std::chrono::hours(step.amount);
  create.range.to = kStart - Micros(1);
  create.range.run_backwards = step.kind == StepKind::kBackfillBack;
  if (step.kind == StepKind::kBackfillAgain) create.range.reprocess = Reprocess::kCompleted;
  create.max_active_runs = 2;
  return File(std::move(create));
}

bool World::Steer(BackfillId backfill, StepKind kind) {
  if (!ledger_.backfills.contains(backfill)) return false;
  if (kind == StepKind::kCancelBackfill) return File(CancelBackfill{backfill});
  return File(PauseBackfill{backfill, kind == StepKind::kPauseBackfill});
}

bool World::IsOver() const {
  const bool ran =
      std::all_of(ledger_.runs.begin(), ledger_.runs.end(), [](const RunRow& run) { return IsFinished(run.state); });
  return ran && host_.running().empty() && ledger_.open.empty() && ledger_.done.size() == filed_ &&
         memory_.active_backfills() == 0;
}

void World::Unblock() {
  store_.TakeDoubtBack();
  for (const DagPtr& dag : dags_) File(PauseDag{dag->id, false});
  for (const auto& [id, backfill] : ledger_.backfills) File(PauseBackfill{id, false});
  for (const auto& [name, slots] : history_.pools) File(SetPool{name, 128});
  File(SetPool{std::string(kDefaultPool), 128});
}

// What failed in the meantime has paused its DAG, or holds back the runs after it; so does a run that waits for their
// places.
void World::UnblockAgain() {
  for (const DagPtr& dag : dags_) File(PauseDag{dag->id, false});
  for (const RunRow& run : ledger_.runs) {
    if (!run.dag->depends_on_past || run.state == RunState::kRunning) continue;
    Step step;
    step.kind = StepKind::kMarkSuccess;
    step.run = static_cast<int>(run.info.id.value);
    SteerRun(step);
  }
}

void World::Settle() {
  if (!fault_) Unblock();
  for (int turn = 0; turn < kSettleTurns && !fault_ && !IsOver(); ++turn) {
    if (turn % kUnblockEvery == kUnblockEvery - 1) UnblockAgain();
    for (const AttemptId attempt : std::set(host_.running())) host_.End(attempt, AttemptOutcome::kSucceeded, 0);
    Step step;
    step.amount = 60;
    Take(step);
  }
  if (fault_) return;
  if (!IsOver()) return Note("EveryRunEnds", WhatWaits());
  for (const RunRow& run : ledger_.runs) {  // the store is asked, and answers are compared
    if (!store_.RunsChosen(RunChoice{run.info.dag_id, run.info.id, false, false}, 1)) break;
  }
  if (!store_.fault().empty()) return Note("TheStoreIsUnderstood", store_.fault());
  for (const EndInvariant& invariant : EndInvariants()) {
    if (std::string broken = invariant.broken(ledger_, host_, clock_.Now()); !broken.empty())
      Note(invariant.name, std::move(broken));
  }
}

void World::OnCommit(const Plan& plan) {
  for (const CommitInvariant& invariant : CommitInvariants()) {
    if (std::string broken = invariant.broken(ledger_, plan); !broken.empty()) Note(invariant.name, std::move(broken));
  }
  if (coverage_ != nullptr) Count(plan);
}

void World::CheckStarted() {
  for (const AttemptId started : host_.TakeStarted()) {
    if (std::string broken = OneProcessPerTask(ledger_, host_, started); !broken.empty())
      Note("OneProcessPerTask", std::move(broken));
  }
}

void World::Note(std::string_view invariant, std::string text) {
  if (!fault_) fault_ = Fault{std::string(invariant), std::move(text)};
}

std::string World::WhatWaits() const {
  for (const RunRow& run : ledger_.runs) {
    if (IsFinished(run.state)) continue;
    std::string text = fmt::format("run {} is {}", run.info.id.value, ToString(run.state));
    for (UnitNo no = 0; no < run.tasks.size(); ++no) {
      if (run.Counts(no) && !IsFinished(run.tasks[no].state))
        text += fmt::format(", {} is {}", Where(run, no), ToString(run.tasks[no].state));
    }
    return text;
  }
  return "something is open";
}

// --- what happened
// -------------------------------------------------------------------------------------------------------------

void World::Count(const Plan& plan) {
  for (const TaskChange& change : plan.steered) CountSteered(change);
  for (const TaskChange& change : plan.tasks) {
    if (const RunRow& run = ledger_.Of(change.run); !run.reset)
      CountTask(run, change);  // else its units are others now
  }
  for (const RunChange& change : plan.runs) CountRun(plan, change);
  CountBetweenRuns(plan);
  for (const AttemptClosed& closed : plan.closed) {
    if (closed.end.outcome == TryOutcome::kLost) Hit(Effect::kLost);
    if (closed.end.outcome == TryOutcome::kLaunchFailed) Hit(Effect::kLaunchFailed);
    if (closed.end.outcome == TryOutcome::kSkipped && closed.end.exit_code != 0) Hit(Effect::kSkippedByExitCode);
    const bool again = closed.run && !ledger_.Of(closed.run).reset && StateOf(closed) == TaskState::kUpForRetry;
    if (again) Hit(closed.end.outcome == TryOutcome::kLost ? Effect::kRetriedLost : Effect::kRetried);
    if (!closed.run) Hit(Effect::kOrphaned);
    if (closed.end.repetition && closed.end.repetition->again) Hit(Effect::kRepeated);
    if (closed.end.is_final) Hit(Effect::kSensorTimedOut);
  }
}

void World::CountBetweenRuns(const Plan& plan) const {
  for (const NewRun& run : plan.new_runs) {
    if (run.parent) Hit(run.parent.sub_run ? Effect::kSubRunMade : Effect::kRunTriggered);
  }
  for (std::size_t no = 0; no < plan.waits.size(); ++no) Hit(Effect::kSensorWaited);
  for (const RunReset& reset : plan.resets) {
    if (reset.parent) Hit(Effect::kSubRunAgain);
  }
  for (const RunRow& run : ledger_.runs) {
    if (run.ended && IsDropped(plan, run) && run.ended_as == RunState::kFailed) Hit(Effect::kSubRunDropped);
  }
  for (const DeadlineChange& change : plan.deadlines) {
    if (change.deadline.state == DeadlineState::kMet) Hit(Effect::kDeadlineMet);
    if (change.deadline.state == DeadlineState::kMissed) Hit(Effect::kDeadlineMissed);
  }
  for (const DagChange& change : plan.dags) {
    if (change.by_failures) Hit(Effect::kPausedByFailures);
  }
  for (std::size_t no = 0; no < plan.skipped.size(); ++no) Hit(Effect::kSlotSkipped);
}

void World::CountSteered(const TaskChange& change) const {
  const bool ran = change.from == TaskState::kRunning || change.from == TaskState::kDeferred;
  if (change.to == TaskState::kRestarting) Hit(Effect::kClearedRunning);
  if (change.to == TaskState::kNone) Hit(Effect::kCleared);
  if (IsFinished(change.to) && change.why.starts_with("marked")) Hit(ran ? Effect::kMarkedRunning : Effect::kMarked);
}

TaskState World::StateOf(const AttemptClosed& closed) const {
  const RunRow& run = ledger_.Of(closed.run);
  return run.tasks[run.UnitOf(closed.task, closed.map_index).value()].state;
}

void World::CountTask(const RunRow& run, const TaskChange& change) {
  const UnitNo no = run.UnitOf(change.task, change.map_index).value();
  const TaskRow& row = run.tasks[no];
  if (change.to == TaskState::kScheduled) Hit(Effect::kWaitedForSlot);
  if (change.why.starts_with("waits again")) Hit(Effect::kTakenBack);
  if (change.why.starts_with("the concurrency key")) Hit(Effect::kSkippedByKey);
  if (change.why.starts_with("cancelled: task")) Hit(Effect::kCancelledByKey);
  if (!IsFinished(change.to)) return;
  coverage_->Ended(run.What(no));
  if (change.to == TaskState::kUpstreamFailed) Hit(Effect::kUpstreamFailed);
  if (change.to == TaskState::kSkipped && row.was == TaskState::kUpstreamFailed) Hit(Effect::kLeftOutLate);
  if (change.to == TaskState::kSkipped && row.was != TaskState::kRunning && row.was != TaskState::kDeferred)
    Hit(JudgedOnTheWay(run, no, RuleVerdict::kSkip) ? Effect::kSkippedByRule : Effect::kLeftOut);
  const bool failed = std::any_of(run.tasks.begin(), run.tasks.end(),
                                  [](const TaskRow& task) { return task.state == TaskState::kFailed; });
  if (run.What(no).teardown && change.to == TaskState::kSuccess && failed) Hit(Effect::kTornDown);
}

void World::CountRun(const Plan& plan, const RunChange& change) {
  const RunRow& run = ledger_.Of(change.run);
  if (change.to == RunState::kRunning && run.info.type == RunType::kScheduled) Hit(Effect::kScheduledRun);
  if (change.to == RunState::kRunning && run.info.type == RunType::kBackfill) Hit(Effect::kBackfillRun);
  if (change.to == RunState::kQueued && IsFinished(change.from)) Hit(Effect::kClearedEnded);
  if (change.to == RunState::kRunning && run.set_back) Hit(Effect::kRunSetBack);
  if (!IsFinished(change.to)) return;
  coverage_->Ended(*run.spec);
  if (change.why.starts_with("cancelled by")) Hit(Effect::kRunCancelled);
  if (change.why.starts_with("cancelled: the slot")) Hit(Effect::kCancelledForSlot);
  if (change.why.starts_with("dagrun_timeout")) Hit(Effect::kRunTimedOut);
  const bool fast = std::any_of(plan.tasks.begin(), plan.tasks.end(),
                                [](const TaskChange& task) { return task.why.starts_with("fail_fast"); });
  if (fast) Hit(Effect::kFailedFast);
}

// --- from the first step to the last
// -----------------------------------------------------------------------------------------

std::optional<Fault> Play(const History& history, Coverage* coverage) {
  World world(history, coverage);
  for (const Step& step : history.steps) world.Take(step);
  world.Settle();
  return world.fault();
}

std::string FaultOf(const History& history) {
  const auto fault = Play(history);
  return fault ? fault->invariant + ": " + fault->text : "";
}

}  // namespace pipelined::sim
