#include "sim/checker/steering.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/checker/invariants.h"

namespace pipelined::sim {
namespace {

using Units = std::set<std::pair<RunId, UnitNo>>;

bool Asks(const Step& step, Steering flag) {
  return (step.amount & flag) != 0;
}

bool IsRunMark(StepKind kind) {
  return kind >= StepKind::kRunSuccess;
}

TaskState MarkOf(StepKind kind) {
  if (kind == StepKind::kMarkSuccess) return TaskState::kSuccess;
  return kind == StepKind::kMarkFailed ? TaskState::kFailed : TaskState::kSkipped;
}

// --- which tasks
// -------------------------------------------------------------------------------------------------------------

TaskSet TeardownsOf(const NaiveDag& dag, TaskNo setup) {
  return Has(dag.is_setup, setup) ? dag.down[setup] & dag.is_teardown : 0;
}

// Whether `task` works between the setup and its teardown; without one all that is below it does.
bool Needs(const NaiveDag& dag, TaskNo task, TaskNo setup) {
  if (!Has(dag.is_setup, setup) || !Has(dag.above[task], setup)) return false;
  const TaskSet teardowns = TeardownsOf(dag, setup);
  return teardowns == 0 || (dag.below[task] & teardowns) != 0;
}

// What is above (or below) comes with its setups and teardowns.
TaskSet With(const NaiveDag& dag, TaskSet from, bool up, bool down) {
  TaskSet above = 0, below = 0;
  for (TaskNo task = 0; task < dag.size; ++task) {
    if (up && Has(from, task)) above |= dag.above[task];
    if (down && Has(from, task)) below |= dag.below[task];
  }
  const TaskSet workers = ((up ? 0 : from) | (below & ~from)) & ~dag.is_setup & ~dag.is_teardown;
  TaskSet setups = (above | from) & dag.is_setup;
  for (TaskNo worker = 0; worker < dag.size; ++worker) {
    for (TaskNo setup = 0; setup < dag.size; ++setup) {
      if (Has(workers, worker) && Needs(dag, worker, setup)) setups |= TaskSet{1} << setup;
    }
  }
  TaskSet all = from | above | below | setups;
  for (TaskNo setup = 0; setup < dag.size; ++setup) {
    if (Has(setups, setup)) all |= TeardownsOf(dag, setup);
  }
  return all;
}

TaskSet Named(const RunRow& run, const Step& step) {
  TaskSet named = 0;
  for (TaskNo task = 0; task < run.dag->tasks.size(); ++task) {
    if (step.name.empty() || run.dag->tasks[task].id == step.name) named |= TaskSet{1} << task;
  }
  return named;
}

TaskSet Cleared(const RunRow& run, const Step& step) {
  const NaiveDag& dag = *run.naive;
  TaskSet tasks = Named(run, step);
  const bool up = Asks(step, kUpstream), down = Asks(step, kDownstream);
  if (up || !down) tasks = With(dag, tasks, up, false);
  return down ? With(dag, tasks, false, true) : tasks;
}

TaskSet Marked(const RunRow& run, const Step& step) {
  const TaskSet named = Named(run, step);
  TaskSet others = 0;
  for (TaskNo task = 0; task < run.naive->size; ++task) {
    if (!Has(named, task)) continue;
    if (Asks(step, kUpstream)) others |= run.naive->above[task];
    if (Asks(step, kDownstream)) others |= run.naive->below[task];
  }
  return named | (step.kind == StepKind::kMarkSkipped ? others & ~run.naive->is_teardown : others);
}

TaskSet BelowMarked(const RunRow& run, const Step& step) {
  const TaskSet named = Named(run, step);
  return With(*run.naive, named, false, true) & ~named;
}

// --- which runs, and in what state
// -------------------------------------------------------------------------------------------------------------

bool IsChosen(const Ledger& ledger, const Step& step, const RunRow& run) {
  const RunInfo& around = ledger.Of(RunId{step.run}).info;
  const auto& date = run.info.logical_date;
  if (run.info.id == around.id) return true;
  if (static_cast<std::size_t>(run.info.id.value) > ledger.runs_before) return false;  // made since it was looked at
  if (IsRunMark(step.kind) || run.info.dag_id != around.dag_id || !date || !around.logical_date) return false;
  return (Asks(step, kPast) && *date < *around.logical_date) || (Asks(step, kFuture) && *date > *around.logical_date);
}

bool IsWanted(const Step& step, TaskState state, bool of_instance) {
  if (state == TaskState::kRemoved && of_instance) return false;
  if (step.kind != StepKind::kClear) return state != MarkOf(step.kind);
  const bool failed = state == TaskState::kFailed || state == TaskState::kUpstreamFailed;
  return (failed || !Asks(step, kOnlyFailed)) && (state == TaskState::kRunning || !Asks(step, kOnlyRunning));
}

// All states that the unit had during the last commit.
std::vector<TaskState> StatesOf(const TaskRow& task) {
  return task.way.empty() ? std::vector{task.state} : task.way;
}

bool Was(const TaskRow& task, TaskState state) {
  const auto states = StatesOf(task);
  return std::count(states.begin(), states.end(), state) > 0;
}

bool WasExpanded(const Plan& plan, RunId run) {
  return std::any_of(plan.expanded.begin(), plan.expanded.end(), [&](const auto& one) { return one.run == run; });
}

// There was nothing to take back, and it may have begun since.
bool HadNotBegun(const std::vector<TaskState>& states) {
  return states.front() == TaskState::kNone || states.front() == TaskState::kScheduled;
}

// What a branch did not follow, and is not to be decided again, stays skipped.
bool MayStay(const RunRow& run, UnitNo unit) {
  const TaskSet above = run.naive->up[run.TaskOf(unit)];
  bool decided = false;
  for (TaskNo up = 0; up < run.naive->size; ++up)
    decided = decided || (Has(above, up) && IsDecision(run.dag->tasks[up].action.kind));
  return Was(run.tasks[unit], TaskState::kSkipped) && run.tasks[unit].tries == 0 && decided;
}

// --- one command
// -------------------------------------------------------------------------------------------------------------

struct DoneStep {
  const Step* step;
  const CommandDone* done;
};

std::vector<DoneStep> DoneIn(const Ledger& ledger, const Plan& plan) {
  std::vector<DoneStep> steps;
  for (const CommandDone& done : plan.commands) {
    const auto found = ledger.steering.find(done.id);
    if (found != ledger.steering.end()) steps.push_back({&found->second, &done});
  }
  return steps;
}

// The units that the command says it has changed.
Units Listed(const Ledger& ledger, const DoneStep& command) {
  Units units;
  const Value* tasks = command.done->result.Find("tasks");
  if (tasks == nullptr) return units;
  const std::string& dag_id = ledger.Of(RunId{command.step->run}).info.dag_id;
  for (const Value& row : tasks->list()) {
    for (const RunRow& run : ledger.runs) {
      if (run.info.dag_id != dag_id || run.info.run_id != row.list()[0].string()) continue;
      const auto unit =
          run.UnitOf(*run.dag->Find(row.list()[1].string()), static_cast<std::int32_t>(row.list()[2].integer()));
      if (unit) units.emplace(run.info.id, *unit);  // else the run was set back since
    }
  }
  return units;
}

std::string JudgeUnit(const RunRow& run, UnitNo unit, const Step& step, bool named, bool listed) {
  const TaskRow& task = run.tasks[unit];
  const auto states = StatesOf(task);
  const auto wanted = [&](TaskState state) { return named && IsWanted(step, state, run.IndexOf(unit) != kNotMapped); };
  if (listed && std::none_of(states.begin(), states.end(), wanted)) return Where(run, unit) + " was not meant";
  if (!listed && std::all_of(states.begin(), states.end(), wanted)) return Where(run, unit) + " was left out";
  if (!listed) return "";
  bool done = step.kind != StepKind::kClear && Was(task, MarkOf(step.kind));
  if (step.kind == StepKind::kClear)
    done =
        Was(task, TaskState::kNone) || Was(task, TaskState::kRestarting) || HadNotBegun(states) || MayStay(run, unit);
  return done ? "" : fmt::format("{} is {} all the same", Where(run, unit), ToString(task.state));
}

bool IsAnotherInstance(const RunRow& run, UnitNo unit, const Step& step) {
  return step.map_index != kNotMapped && run.What(unit).id == step.name && run.IndexOf(unit) != step.map_index;
}

std::string Judge(const Ledger& ledger, const Plan& plan, const DoneStep& command) {
  const Step& step = *command.step;
  if (ledger.Of(RunId{step.run}).deleted) return "";  // before or after
  const bool refused = !command.done->error.empty();
  if (refused && step.kind == StepKind::kClear && !Asks(step, kRefuseRunning)) return command.done->error;
  if (refused && step.kind == StepKind::kClear) return "";
  const Units listed = Listed(ledger, command);
  for (const RunRow& run : ledger.runs) {
    if (run.deleted || run.reset || WasExpanded(plan, run.info.id)) continue;
    const bool chosen = IsChosen(ledger, step, run);
    const TaskSet tasks = step.kind == StepKind::kClear ? Cleared(run, step) : Marked(run, step);
    for (UnitNo unit = 0; unit < run.tasks.size(); ++unit) {
      const bool named =
          chosen && run.Counts(unit) && Has(tasks, run.TaskOf(unit)) && !IsAnotherInstance(run, unit, step);
      if (std::string wrong = JudgeUnit(run, unit, step, named, listed.contains({run.info.id, unit})); !wrong.empty())
        return wrong;
    }
  }
  return "";
}

bool MaySteer(const Ledger& ledger, const DoneStep& command, const RunRow& run, UnitNo unit) {
  const Step& step = *command.step;
  const TaskRow& task = run.tasks[unit];
  if (!command.done->error.empty() || !IsChosen(ledger, step, run)) return false;
  const auto states = StatesOf(task);
  if (IsRunMark(step.kind))
    return std::any_of(states.begin(), states.end(), [](TaskState state) { return !IsFinished(state); });
  if (Listed(ledger, command).contains({run.info.id, unit})) return true;
  const bool failed = Was(task, TaskState::kFailed) || Was(task, TaskState::kUpstreamFailed);
  return step.kind != StepKind::kClear && failed && Has(BelowMarked(run, step), run.TaskOf(unit));
}

}  // namespace

decltype(Command::what) CommandOf(const Step& step, const std::string& dag_id) {
  if (IsRunMark(step.kind)) {
    RunState state = RunState::kQueued;
    if (step.kind == StepKind::kRunSuccess) state = RunState::kSuccess;
    if (step.kind == StepKind::kRunFailed) state = RunState::kFailed;
    return MarkRun{dag_id, RunId{step.run}, state};
  }
  const RunChoice runs{dag_id, RunId{step.run}, Asks(step, kPast), Asks(step, kFuture)};
  TaskSelection tasks;
  if (step.map_index != kNotMapped) {
    tasks.instances = {{step.name, step.map_index}};
  } else if (!step.name.empty()) {
    tasks.ids = {step.name};
  }
  tasks.upstream = Asks(step, kUpstream);
  tasks.downstream = Asks(step, kDownstream);
  if (step.kind != StepKind::kClear) return MarkTasks{runs, tasks, MarkOf(step.kind)};
  tasks.only_failed = Asks(step, kOnlyFailed);
  tasks.only_running = Asks(step, kOnlyRunning);
  return ClearTasks{runs, tasks, !Asks(step, kKeepRuns), false, Asks(step, kRefuseRunning)};
}

bool IsMarked(const Ledger& ledger, const Plan& plan, RunId run) {
  const auto steps = DoneIn(ledger, plan);
  return std::any_of(steps.begin(), steps.end(), [&](const DoneStep& command) {
    return IsRunMark(command.step->kind) && RunId{command.step->run} == run;
  });
}

std::string ClearsAndMarksDoWhatTheySay(const Ledger& ledger, const Plan& plan) {
  for (const DoneStep& command : DoneIn(ledger, plan)) {
    if (IsRunMark(command.step->kind)) continue;
    if (std::string wrong = Judge(ledger, plan, command); !wrong.empty()) return wrong;
  }
  return "";
}

std::string RunMarksHold(const Ledger& ledger, const Plan& plan) {
  const auto steps = DoneIn(ledger, plan);
  if (steps.size() != 1 || !IsRunMark(steps[0].step->kind) || !steps[0].done->error.empty()) return "";
  const RunRow& run = ledger.Of(RunId{steps[0].step->run});
  const StepKind kind = steps[0].step->kind;
  if (kind == StepKind::kRunQueued) {
    const bool goes_on = run.requeued || run.before == RunState::kQueued || run.reset;
    return goes_on ? "" : fmt::format("run {} does not go on", run.info.id.value);
  }
  const RunState wanted = kind == StepKind::kRunSuccess ? RunState::kSuccess : RunState::kFailed;
  if (run.naive->is_teardown != 0 || run.reset || run.state == wanted) return "";
  return fmt::format("run {} is {} all the same", run.info.id.value, ToString(run.state));
}

std::string OnlyWhatIsNamedIsSteered(const Ledger& ledger, const Plan& plan) {
  const auto steps = DoneIn(ledger, plan);
  for (const auto& [id, unit] : ledger.changed) {
    const RunRow& run = ledger.Of(id);
    // Its process has ended, or the list that it is mapped over is long enough again.
    const bool goes_on = Was(run.tasks[unit], TaskState::kRestarting) || Was(run.tasks[unit], TaskState::kRemoved);
    if (!run.tasks[unit].steered || goes_on) continue;
    const auto may = [&](const DoneStep& command) { return MaySteer(ledger, command, run, unit); };
    if (std::none_of(steps.begin(), steps.end(), may)) return Where(run, unit) + " was not named";
  }
  return "";
}

}  // namespace pipelined::sim
