#include "sim/checker/naive_dag.h"

namespace pipelined::sim {
namespace {

// Once more until nothing changes: what is above what is above me is above me.
void Close(std::vector<TaskSet>& all) {
  for (bool grown = true; grown;) {
    grown = false;
    for (TaskSet& set : all) {
      const TaskSet before = set;
      for (TaskNo other = 0; other < all.size(); ++other) {
        if (Has(before, other)) set |= all[other];
      }
      grown = grown || set != before;
    }
  }
}

void FindSetups(NaiveDag& dag) {
  for (TaskNo task = 0; task < dag.size; ++task) {
    for (TaskNo setup = 0; setup < dag.size; ++setup) {
      if (!Has(dag.is_setup & dag.above[task], setup)) continue;
      const TaskSet teardowns = dag.down[setup] & dag.is_teardown;
      const bool guards = teardowns == 0 || (teardowns & dag.below[task]) != 0;
      if (guards && !Has(dag.up[task], setup) && !Has(dag.is_teardown, task)) dag.setups[task] |= TaskSet{1} << setup;
      if (Has(dag.up[task] & dag.is_setup, setup) && Has(dag.is_teardown, task))
        dag.scope[task] |= dag.below[setup] & dag.above[task];
    }
  }
}

// Teardowns are no leaves and hide none, unless their failure is to fail the run.
void FindLeaves(NaiveDag& dag, const DagSpec& spec) {
  TaskSet ignored = 0;
  for (TaskNo task = 0; task < dag.size; ++task) {
    const Task& what = spec.dag.tasks[task];
    if (what.teardown && !what.on_failure_fail_dagrun) ignored |= TaskSet{1} << task;
  }
  TaskSet ends = 0;
  for (TaskNo task = 0; task < dag.size; ++task) {
    if ((dag.down[task] & ~ignored) == 0 && !Has(ignored, task)) dag.leaves |= TaskSet{1} << task;
    if (dag.down[task] == 0) ends |= TaskSet{1} << task;
  }
  if (dag.leaves == 0) dag.leaves = ends;
}

}  // namespace

NaiveDag::NaiveDag(const DagSpec& spec)
    : size(spec.dag.tasks.size()), up(size, 0), down(size, 0), setups(size, 0), scope(size, 0) {
  const auto bit = [&](const std::string& id) {
    TaskSet set = 1;
    for (const Task& task : spec.dag.tasks) {
      if (task.id == id) return set;
      set <<= 1;
    }
    return TaskSet{0};
  };
  for (TaskNo task = 0; task < size; ++task) {
    const Task& what = spec.dag.tasks[task];
    if (what.setup) is_setup |= TaskSet{1} << task;
    if (what.teardown) is_teardown |= TaskSet{1} << task;
    for (const auto& [from, to] : spec.edges) {
      if (to == what.id) up[task] |= bit(from);
      if (from == what.id) down[task] |= bit(to);
    }
  }
  above = up;
  below = down;
  Close(above);
  Close(below);
  FindSetups(*this);
  FindLeaves(*this, spec);
}

}  // namespace pipelined::sim
