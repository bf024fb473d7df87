#include "pipelined/engine/clear.h"

#include <algorithm>

namespace pipelined {
namespace {

using Mask = std::vector<bool>;

// Everything that can be reached from `from` along the edges; a task of `from` only where an edge leads to it.
Mask Reach(const Graph& edges, const Mask& from) {
  Mask seen(from.size(), false);
  std::vector<TaskNo> open;
  for (TaskNo task = 0; task < from.size(); ++task) {
    if (from[task]) open.push_back(task);
  }
  while (!open.empty()) {
    const TaskNo at = open.back();
    open.pop_back();
    for (const TaskNo next : edges.Of(at)) {
      if (seen[next]) continue;
      seen[next] = true;
      open.push_back(next);
    }
  }
  return seen;
}

void Add(Mask& to, const Mask& from) {
  for (TaskNo task = 0; task < to.size(); ++task) {
    if (from[task]) to[task] = true;
  }
}

Mask Only(const Dag& dag, TaskNo task) {
  Mask mask(dag.tasks.size(), false);
  mask[task] = true;
  return mask;
}

Mask TeardownsOf(const Dag& dag, TaskNo setup) {
  Mask mask(dag.tasks.size(), false);
  for (const TaskNo below : dag.downstream.Of(setup)) {
    if (dag.tasks[below].teardown) mask[below] = true;
  }
  return mask;
}

bool Any(const Mask& mask) {
  return std::find(mask.begin(), mask.end(), true) != mask.end();
}

bool Meet(const Mask& a, const Mask& b) {
  for (TaskNo task = 0; task < a.size(); ++task) {
    if (a[task] && b[task]) return true;
  }
  return false;
}

// The tasks that stand on a setup: those below it, as long as it has no teardown, or a teardown of it is below them.
Mask StandOn(const Dag& dag, TaskNo setup, const Mask& teardowns) {
  Mask inside = Reach(dag.downstream, Only(dag, setup));
  if (!Any(teardowns)) return inside;
  const Mask above = Reach(dag.upstream, teardowns);
  for (TaskNo task = 0; task < inside.size(); ++task) inside[task] = inside[task] && above[task];
  return inside;
}

Mask Named(const Dag& dag, const TaskSelection& selection) {
  Mask mask(dag.tasks.size(), selection.IsAll());
  for (const std::string& id : selection.ids) {
    if (const auto task = dag.Find(id)) mask[*task] = true;
    for (const TaskNo task : dag.TasksOf(id)) mask[task] = true;
  }
  for (const auto& [id, index] : selection.instances) {
    if (const auto task = dag.Find(id)) mask[*task] = true;
  }
  return mask;
}

// One step of a selection: the tasks of `from`, what is above or below them, and what has to come with all of these.
Mask Widen(const Dag& dag, const Mask& from, bool up, bool down) {
  Mask all = from;
  Mask work(from.size(), false);  // of which the setups are wanted, too
  const Mask above = up ? Reach(dag.upstream, from) : Mask(from.size(), false);
  const Mask below = down ? Reach(dag.downstream, from) : Mask(from.size(), false);
  Add(all, above);
  Add(all, below);
  for (TaskNo task = 0; task < work.size(); ++task) {
    const bool wanted = (from[task] && !up) || (below[task] && !from[task]);
    work[task] = wanted && !dag.tasks[task].setup && !dag.tasks[task].teardown;
  }
  for (TaskNo setup = 0; setup < work.size(); ++setup) {
    if (!dag.tasks[setup].setup) continue;
    const Mask teardowns = TeardownsOf(dag, setup);
    const bool stood_on = Meet(StandOn(dag, setup, teardowns), work);
    if (stood_on) all[setup] = true;
    if (stood_on || above[setup] || from[setup]) Add(all, teardowns);
  }
  return all;
}

// Above first, then below all of that: what else feeds the tasks below is not cleared, what the tasks above feed is.
Mask Around(const Dag& dag, const TaskSelection& selection) {
  Mask tasks = Named(dag, selection);
  if (selection.upstream || !selection.downstream) tasks = Widen(dag, tasks, selection.upstream, false);
  if (selection.downstream) tasks = Widen(dag, tasks, false, true);
  return tasks;
}

// What is selected without the instances, and so as a whole.
TaskSelection WithoutInstances(TaskSelection selection) {
  selection.none = selection.none || !selection.instances.empty();
  selection.instances.clear();
  if (!selection.ids.empty()) selection.none = false;
  return selection;
}

// Of a task that is not selected as a whole: its instances that are named, and those that go with a named one.
std::vector<std::int32_t> IndexesOf(const Dag& dag, const TaskSelection& selection, TaskNo task) {
  const bool around = selection.upstream || selection.downstream;
  std::vector<std::int32_t> indexes;
  for (const auto& [id, index] : selection.instances) {
    const auto named = dag.Find(id);
    if (named && (*named == task || (around && dag.AreMappedTogether(*named, task)))) indexes.push_back(index);
  }
  std::sort(indexes.begin(), indexes.end());
  return indexes;
}

std::vector<SelectedTask> List(const Dag& dag, const TaskSelection& selection, const Mask& mask, const Mask& whole) {
  std::vector<SelectedTask> tasks;
  for (TaskNo task = 0; task < mask.size(); ++task) {
    if (!mask[task]) continue;
    tasks.push_back(SelectedTask{task});
    if (!whole[task]) tasks.back().indexes = IndexesOf(dag, selection, task);
  }
  return tasks;
}

}  // namespace

bool SelectedTask::Has(std::int32_t map_index) const {
  return indexes.empty() || std::binary_search(indexes.begin(), indexes.end(), map_index);
}

std::vector<SelectedTask> TasksAround(const Dag& dag, const TaskSelection& selection) {
  return List(dag, selection, Around(dag, selection), Around(dag, WithoutInstances(selection)));
}

bool IsFailed(TaskState state) {
  return state == TaskState::kFailed || state == TaskState::kUpstreamFailed;
}

bool IsToClear(const TaskSelection& selection, TaskState state, std::int32_t map_index) {
  if (state == TaskState::kRemoved && map_index >= 0) return false;
  if (selection.only_failed && !IsFailed(state)) return false;
  return !selection.only_running || state == TaskState::kRunning;
}

std::vector<SelectedTask> TasksMarked(const Dag& dag, const TaskSelection& selection, TaskState to) {
  const auto marked = [&](const TaskSelection& what) {
    Mask named = Named(dag, what);
    Mask others(named.size(), false);
    if (what.upstream) Add(others, Reach(dag.upstream, named));
    if (what.downstream) Add(others, Reach(dag.downstream, named));
    for (TaskNo task = 0; task < named.size(); ++task) {
      const bool spared = to == TaskState::kSkipped && dag.tasks[task].teardown;
      if (others[task] && !spared) named[task] = true;
    }
    return named;
  };
  return List(dag, selection, marked(selection), marked(WithoutInstances(selection)));
}

std::vector<SelectedTask> TasksBelow(const Dag& dag, const TaskSelection& marked) {
  TaskSelection below = marked;
  below.upstream = false;
  below.downstream = true;
  std::vector<SelectedTask> tasks = TasksAround(dag, below);
  const Mask named = Named(dag, marked);
  std::erase_if(tasks, [&](const SelectedTask& selected) { return named[selected.task]; });
  return tasks;
}

}  // namespace pipelined
