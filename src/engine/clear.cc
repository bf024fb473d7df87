#include "pipelined/engine/clear.h"

#include <algorithm>

namespace pipelined {
namespace {

using Members = std::vector<bool>;

// Everything that can be reached from `start`, without itself.
Members Reach(const Graph& graph, TaskNo start, std::size_t nodes) {
  Members reached(nodes, false);
  std::vector<TaskNo> stack{start};
  while (!stack.empty()) {
    const TaskNo at = stack.back();
    stack.pop_back();
    for (const TaskNo next : graph.Of(at)) {
      if (reached[next]) continue;
      reached[next] = true;
      stack.push_back(next);
    }
  }
  return reached;
}

class Selector {
 public:
  Selector(const Dag& dag, const ClearSelection& selection)
      : dag_(dag), selection_(selection), chosen_(dag.tasks.size(), false) {}

  Members Choose() {
    if (selection_.task_ids.empty()) return Members(chosen_.size(), true);
    std::vector<TaskNo> named;
    for (const std::string& id : selection_.task_ids) {
      if (const auto task = dag_.Find(id)) named.push_back(*task);
    }
    for (const TaskNo task : named) Take(task);
    return std::move(chosen_);
  }

 private:
  void Take(TaskNo task) {
    const Task& what = dag_.tasks[task];
    chosen_[task] = true;
    if (selection_.include_downstream) {
      const Members below = Reach(dag_.downstream, task, chosen_.size());
      for (TaskNo other = 0; other < below.size(); ++other) {
        if (!below[other]) continue;
        chosen_[other] = true;
        if (!dag_.tasks[other].setup && !dag_.tasks[other].teardown) TakeScopesOf(other);
      }
    }
    if (selection_.include_upstream) {
      const Members above = Reach(dag_.upstream, task, chosen_.size());
      for (TaskNo other = 0; other < above.size(); ++other) {
        if (!above[other]) continue;
        chosen_[other] = true;
        if (dag_.tasks[other].setup) TakeTeardownsOf(other);
      }
    } else if (!what.setup && !what.teardown) {
      TakeScopesOf(task);
    }
    if (what.setup && !selection_.include_downstream) TakeTeardownsOf(task);
  }

  void TakeTeardownsOf(TaskNo setup) {
    for (const TaskNo below : dag_.downstream.Of(setup)) {
      if (dag_.tasks[below].teardown) chosen_[below] = true;
    }
  }

  // The setups above a task that have no teardown or one below it, and their teardowns.
  void TakeScopesOf(TaskNo task) {
    const Members above = Reach(dag_.upstream, task, chosen_.size());
    const Members below = Reach(dag_.downstream, task, chosen_.size());
    for (TaskNo setup = 0; setup < above.size(); ++setup) {
      if (!above[setup] || !dag_.tasks[setup].setup) continue;
      bool has_teardown = false, around = false;
      for (const TaskNo next : dag_.downstream.Of(setup)) {
        has_teardown = has_teardown || dag_.tasks[next].teardown;
        around = around || (dag_.tasks[next].teardown && below[next]);
      }
      if (has_teardown && !around) continue;
      chosen_[setup] = true;
      TakeTeardownsOf(setup);
    }
  }

  const Dag& dag_;
  const ClearSelection& selection_;
  Members chosen_;
};

bool Passes(const ClearSelection& selection, TaskState state) {
  if (selection.only_failed && state != TaskState::kFailed && state != TaskState::kUpstreamFailed) return false;
  return !selection.only_running || state == TaskState::kRunning;
}

}  // namespace

std::vector<TaskNo> TasksToClear(const Dag& dag, const ClearSelection& selection,
                                 const std::function<TaskState(TaskNo)>& state_of) {
  const Members chosen = Selector(dag, selection).Choose();
  std::vector<TaskNo> tasks;
  for (TaskNo task = 0; task < chosen.size(); ++task) {
    if (chosen[task] && Passes(selection, state_of(task))) tasks.push_back(task);
  }
  return tasks;
}

std::vector<TaskNo> TasksAround(const Dag& dag, const std::vector<TaskNo>& tasks, bool upstream, bool downstream) {
  Members chosen(dag.tasks.size(), false);
  const auto add = [&](const Members& more) {
    for (TaskNo task = 0; task < more.size(); ++task) chosen[task] = chosen[task] || more[task];
  };
  for (const TaskNo task : tasks) {
    chosen[task] = true;
    if (upstream) add(Reach(dag.upstream, task, chosen.size()));
    if (downstream) add(Reach(dag.downstream, task, chosen.size()));
  }
  std::vector<TaskNo> found;
  for (TaskNo task = 0; task < chosen.size(); ++task) {
    if (chosen[task]) found.push_back(task);
  }
  return found;
}

}  // namespace pipelined
