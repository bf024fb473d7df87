// What the engine must know beside an event, and may not read for itself: earlier runs, the runs that a command
// concerns, the slots of a backfill.
#include <fmt/format.h>

#include <utility>

#include "pipelined/scheduler/limit_keys.h"
#include "pipelined/scheduler/scheduler.h"
#include "pipelined/timetable/timetable.h"

namespace pipelined {

// What has failed in a row counts on after a restart, and when the limit comes into the file.
Status Scheduler::ReadRecent(DagHead& head) {
  if (head.max_consecutive_failed_dag_runs <= 0) return Ok();
  auto latest = store_.LatestRuns(head.dag_id, head.max_consecutive_failed_dag_runs);
  if (!latest) return latest.error();
  head.recent = std::move(*latest);
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
    // Also of one that is under way: it may have ended in the turn that the command comes to.
    auto dag = VersionOf(run.run.version);
    if (!dag && dag.error().code == ErrorCode::kUnavailable) return dag.error();
    if (!dag && facts->fault.empty() && IsFinished(run.run.state))
      facts->fault = fmt::format("the DAG version of run {} cannot be read: {}", run.run.run_id, dag.error().message);
    if (dag) {
      RestoredRun again{run.run, {}, {}, std::move(stored.deadlines)};
      again.run.queued_at = clock_.Now();  // if it goes on, it is queued now
      auto known = Requested(again, *dag);
      if (!known) return known.error();
      run.keys = std::move(known->keys);
      run.past = std::move(known->past);
      run.deadlines = std::move(known->deadlines);
      run.averages = std::move(known->averages);
      run.dag = std::move(*dag);
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
      // As of then: a run that is met again after a restart has the deadline that it had, or none.
      auto read = store_.AverageRuntime(stored.run.dag_id, deadline.min_runs, deadline.max_runs, stored.run.queued_at);
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

}  // namespace pipelined
