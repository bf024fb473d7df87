// Carrying out a plan: processes are started and stopped, runs are asked for, mappings are evaluated.
#include <fmt/format.h>

#include <set>
#include <unordered_set>
#include <utility>

#include "pipelined/scheduler/limit_keys.h"
#include "pipelined/scheduler/scheduler.h"
#include "pipelined/template/task_context.h"
#include "scheduler/ask_run.h"
#include "scheduler/decide.h"
#include "scheduler/expansions.h"
#include "scheduler/put_off.h"
#include "scheduler/sensors/ask_sensor.h"
#include "scheduler/sensors/sensor_host.h"
#include "scheduler/wakeups.h"

namespace pipelined {

void Scheduler::CarryOut(const Plan& plan) {
  // One that was reported as never started, while this scheduler stood by, is over.
  for (const AttemptClosed& closed : plan.closed) {
    std::erase_if(unstarted_, [&](const AttemptOpened& attempt) { return attempt.attempt == closed.end.attempt; });
    put_off_->Remove(closed.end.attempt);
  }
  for (const AttemptId id : plan.stops) {
    if (put_off_->Remove(id))
      inbox_.emplace_back(Undone(id, TryOutcome::kStopped, "never started: a variable or connection was waited for"));
  }
  auto [attempts, lengths] = put_off_->TakeDue(clock_.Monotonic());
  std::move(attempts.begin(), attempts.end(), std::back_inserter(unstarted_));
  if (!unstarted_.empty()) StartAttempts(std::exchange(unstarted_, {}));
  if (!plan.opened.empty()) StartAttempts(NotStopped(plan));
  CarryOutWaits(plan);
  for (const AttemptId id : plan.stops) executor_.Stop(id);
  ExpandWanted(lengths);
  ExpandWanted(plan.wanted);
}

// It is tried again after a pause. What is away may be the vault or the store: the store is asked at once, and ends
// this leadership if it is.
template <class What>
void Scheduler::Postpone(const What& what, const Error& why) {
  put_off_->Add(what, why, clock_.Monotonic());
  notified_ = true;
  wakeups_->Wake();
}

// How many instances are mapped tasks to have? What cannot be told fails them; what is away is asked again.
void Scheduler::ExpandWanted(const std::vector<LengthWanted>& wanted) {
  for (const LengthWanted& one : wanted) {
    MappingLength answer{one.run, one.life, one.mapping};
    if (const Status expanded = Expand(one, answer); !expanded) {
      if (expanded.error().code == ErrorCode::kUnavailable) {
        Postpone(one, expanded.error());
        continue;
      }
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
    inbox_.emplace_back(Undone(attempt.attempt, TryOutcome::kStopped, "never started: it was cancelled at once"));
    return true;
  });
  return opened;
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
    const Status ready = read ? CheckKeys(request, options_.launch) : read;
    auto decided = ready ? Decide(request, options_.launch, clock_.Now()) : ready.error();
    if (decided && *decided) {
      inbox_.emplace_back(std::move(**decided));
      continue;
    }
    if (decided && WaitsOutside(dag->tasks[attempt.task].action.kind)) {
      if (const Status asked = Ask(request, attempt); !asked) NotStarted(attempt, asked.error());
      continue;
    }
    Result<AttemptStart> start = decided ? Prepare(request, options_.launch) : decided.error();
    if (!start) {
      NotStarted(attempt, start.error());
      continue;
    }
    in_flight_.insert(attempt.attempt);
    starts.push_back(std::move(*start));
  }
  executor_.Start(std::move(starts));
}

void Scheduler::NotStarted(const AttemptOpened& attempt, const Error& why) {
  if (why.code == ErrorCode::kUnavailable) return Postpone(attempt, why);
  inbox_.emplace_back(Undone(attempt.attempt, TryOutcome::kLaunchFailed, why.message));
}

AttemptFinished Scheduler::Undone(AttemptId attempt, TryOutcome outcome, std::string message) const {
  AttemptFinished end;
  end.attempt = attempt;
  end.outcome = outcome;
  end.end = clock_.Now();
  end.message = std::move(message);
  return end;
}

// --- sensors
// ----------------------------------------------------------------------------------------------------------------

Status Scheduler::TakeSightings(std::vector<Event>& events) {
  auto ends = sensors_->Step(store_, clock_.Now());
  if (!ends) return ends.error();
  for (AttemptFinished& end : *ends) events.emplace_back(std::move(end));
  return Ok();
}

// What was stored: some begin to wait, some wait no longer, and what others wait for may have come.
void Scheduler::CarryOutWaits(const Plan& plan) {
  for (const WaitBegun& wait : plan.waits) {
    const auto attempt = engine_.FindAttempt(wait.attempt);
    if (!attempt) continue;  // closed by the same plan
    sensors_->Add(WaitingSensor{wait.attempt, engine_.DagOf(attempt->run), attempt->task, wait.job, wait.since});
  }
  if (sensors_->size() == 0) return;
  for (const AttemptClosed& closed : plan.closed) sensors_->Remove(closed.end.attempt);
  for (const AssetEvent& event : plan.asset_events) sensors_->NoteEvent(event.uri);
  if (!sensors_->LooksAtRuns()) return;
  for (const RunChange& change : plan.runs)
    sensors_->NoteRun(RunName{change.dag_id, change.run_id, change.logical_date});
  if (!sensors_->LooksAtTasks()) return;
  for (const TaskChange& change : plan.tasks) {
    if (!IsFinished(change.to)) continue;
    const RunInfo* run = engine_.FindRun(change.run);
    const DagPtr dag = engine_.DagOf(change.run);
    if (run == nullptr || dag == nullptr) continue;  // it has ended, which was noted above
    sensors_->NoteTask(RunName{dag->id, run->run_id, run->logical_date}, dag->tasks[change.task].id);
  }
}

void Scheduler::RestoreWaits(const RestoredRun& stored, const DagPtr& dag) {
  for (const StoredTask& task : stored.tasks) {
    if (task.state != TaskState::kDeferred || !task.wait || dag->tasks[task.task].sensor == nullptr) continue;
    sensors_->Add(WaitingSensor{task.attempt, dag, task.task, task.wait->job, task.wait->since});
  }
}

// --- tasks that make runs
// ---------------------------------------------------------------------------------------------------

Status Scheduler::Ask(const LaunchRequest& request, const AttemptOpened& attempt) {
  if (request.dag.tasks[request.task].sensor != nullptr) {
    auto job = AskSensor(request, options_.launch, clock_.Now());
    if (!job) return job.error();
    inbox_.emplace_back(SensorAsked{attempt.attempt, *std::move(job)});
    return Ok();
  }
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

}  // namespace pipelined
