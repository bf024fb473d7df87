#include "engine/run_before.h"

#include <fmt/format.h>

#include "engine/active_run.h"

namespace pipelined {
namespace {

// Of a mapped task all instances count; those that were removed do not.
TaskState StateOfInstances(const ActiveRun& run, TaskNo task) {
  const Instances& instances = run.instances();
  if (instances.unfinished(task) > 0) return TaskState::kRunning;
  for (std::uint32_t index = 0; index < instances.Length(task); ++index) {
    const TaskState state = run.slot(instances.SlotOf(task, index)).state;
    if (!IsPastMet(state) && state != TaskState::kRemoved) return state;
  }
  return TaskState::kSuccess;
}

// Of a run that has not begun, nothing is decided and no task has a slot.
TaskState StateIn(const ActiveRun& run, TaskNo task) {
  if (run.size() == 0) return TaskState::kNone;
  return run.instances().IsExpanded(task) ? StateOfInstances(run, task) : run.slot(task).state;
}

}  // namespace

RunBefore::RunBefore(PastRun known) : known_(std::move(known)) {
  for (PastTask& task : known_.unmet) {
    std::string id = task.task_id;
    unmet_.emplace(std::move(id), std::move(task));
  }
  known_.unmet.clear();
}

RunBefore::RunBefore(const ActiveRun& live) : live_(&live) {
  known_.run = live.info.id;
  known_.run_id = live.info.run_id;
  known_.logical_date = *live.info.logical_date;
}

void RunBefore::Remember(const ActiveRun& leaving, const Dag& later) {
  live_ = &leaving;  // also of one that was only looked into
  std::unordered_map<std::string, PastTask> unmet;
  for (const std::string& id : PastTaskIds(later)) {
    if (auto task = Unmet(id)) unmet.emplace(id, std::move(*task));
  }
  unmet_ = std::move(unmet);
  known_.finished = IsFinished(leaving.info.state);
  live_ = nullptr;
}

std::optional<PastTask> RunBefore::Unmet(const std::string& task_id) const {
  const auto known = unmet_.find(task_id);
  if (live_ == nullptr) {
    if (!known_.finished) return PastTask{task_id, TaskState::kNone, false};
    return known == unmet_.end() ? std::nullopt : std::optional(known->second);
  }
  const auto task = live_->dag().Find(task_id);
  if (!task) return PastTask{task_id, std::nullopt, known != unmet_.end() && known->second.first};
  const TaskState state = StateIn(*live_, *task);
  return IsPastMet(state) ? std::nullopt : std::optional(PastTask{task_id, state, false});
}

std::optional<PastTask> RunBefore::Obstacle(const Dag& dag, TaskNo task) const {
  const Task& what = dag.tasks[task];
  if (auto own = Unmet(what.id)) {
    if (own->state || !own->first || !what.ignore_first_depends_on_past) return own;
    return std::nullopt;
  }
  if (!what.wait_for_downstream) return std::nullopt;
  for (const TaskNo below : dag.downstream.Of(task)) {
    auto next = Unmet(dag.tasks[below].id);
    if (next && next->state) return next;  // one that was not there then is not waited for
  }
  return std::nullopt;
}

std::optional<std::string> RunBefore::WhyNot(const Dag& dag, TaskNo task) const {
  const auto obstacle = Obstacle(dag, task);
  if (!obstacle) return std::nullopt;
  const Task& what = dag.tasks[task];
  if (!obstacle->state) {
    return fmt::format(
        "waits for task {} of the run before, {}, which has no such task (depends_on_past); for a task that is new "
        "give "
        "it ignore_first_depends_on_past",
        obstacle->task_id, known_.run_id);
  }
  const bool below = obstacle->task_id != what.id;
  return fmt::format("waits for task {} of the run before, {}, to succeed or be skipped: it is {} ({})",
                     obstacle->task_id, known_.run_id, ToString(*obstacle->state),
                     below ? "wait_for_downstream" : "depends_on_past");
}

}  // namespace pipelined
