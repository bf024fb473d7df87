#include "engine/instances.h"

#include <cassert>

namespace pipelined {

void Instances::Append(TaskNo task, SlotNo first, std::uint32_t more) {
  Expanded& expanded = tasks_[dag_->tasks[task].mapped - 1];
  expanded.blocks.push_back(Block{first, expanded.length});
  for (std::uint32_t i = 0; i < more; ++i) places_.push_back(Place{task, expanded.length + i});
  expanded.length += more;
  expanded.waiting += more;
  expanded.unfinished += more;
}

SlotNo Instances::SlotOf(TaskNo task, std::uint32_t index) const {
  assert(index < Length(task));
  const std::vector<Block>& blocks = Of(task).blocks;
  auto block = blocks.rbegin();
  while (block->from > index) ++block;
  return block->first + (index - block->from);
}

}  // namespace pipelined
