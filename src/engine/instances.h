// Which places of a run's slots are the instances of its mapped tasks. The first slots are the tasks of the DAG, in its
// order; instances come after them as their tasks are expanded.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "pipelined/model/dag.h"

namespace pipelined {

using SlotNo = std::uint32_t;

class Instances {
 public:
  explicit Instances(const Dag& dag) : dag_(&dag), tasks_(dag.mapped.size()) {}

  // The task's next `more` instances begin at `first`, which is the end of all slots.
  void Append(TaskNo task, SlotNo first, std::uint32_t more);

  bool IsExpanded(TaskNo task) const { return Length(task) > 0; }
  std::uint32_t Length(TaskNo task) const { return dag_->tasks[task].mapped == 0 ? 0 : Of(task).length; }
  // `index` < Length(task).
  SlotNo SlotOf(TaskNo task, std::uint32_t index) const;
  TaskNo TaskOf(SlotNo slot) const { return slot < dag_->tasks.size() ? slot : At(slot).task; }
  std::int32_t MapIndexOf(SlotNo slot) const {
    return slot < dag_->tasks.size() ? kNotMapped : static_cast<std::int32_t>(At(slot).index);
  }

  // Instances that are not decided yet, and those that are not finished; kept by those who change states.
  std::uint32_t& waiting(TaskNo task) { return tasks_[dag_->tasks[task].mapped - 1].waiting; }
  std::uint32_t& unfinished(TaskNo task) { return tasks_[dag_->tasks[task].mapped - 1].unfinished; }
  std::uint32_t unfinished(TaskNo task) const { return Of(task).unfinished; }

 private:
  struct Block {
    SlotNo first;
    std::uint32_t from;  // map index of the first
  };
  struct Expanded {
    std::vector<Block> blocks;  // one, but for a task that was expanded again to more instances
    std::uint32_t length = 0, waiting = 0, unfinished = 0;
  };
  struct Place {
    TaskNo task;
    std::uint32_t index;
  };
  const Expanded& Of(TaskNo task) const { return tasks_[dag_->tasks[task].mapped - 1]; }
  const Place& At(SlotNo slot) const { return places_[slot - dag_->tasks.size()]; }

  const Dag* dag_;
  std::vector<Expanded> tasks_;  // as Dag::mapped
  std::vector<Place> places_;    // of the slots behind those of the DAG's tasks
};

}  // namespace pipelined
