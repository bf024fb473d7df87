#include "executor/launcher/id_set.h"

#include <cstdlib>

namespace pipelined::executor {

std::size_t IdSet::Slot(std::int64_t id) const {
  std::size_t slot = (static_cast<std::uint64_t>(id) * 0x9e3779b97f4a7c15u >> 20) & (capacity_ - 1);
  while (slots_[slot] != 0 && slots_[slot] != id) slot = (slot + 1) & (capacity_ - 1);
  return slot;
}

bool IdSet::Contains(std::int64_t id) const {
  return size_ != 0 && slots_[Slot(id)] == id;
}

bool IdSet::Insert(std::int64_t id) {
  if (size_ * 2 >= capacity_ && !Grow()) return false;
  const std::size_t slot = Slot(id);
  if (slots_[slot] == 0) ++size_;
  slots_[slot] = id;
  return true;
}

void IdSet::Clear() {
  std::free(slots_);
  slots_ = nullptr;
  capacity_ = size_ = 0;
}

bool IdSet::Grow() {
  std::int64_t* old = slots_;
  const std::size_t old_capacity = capacity_;
  const std::size_t capacity = old_capacity == 0 ? 256 : old_capacity * 2;
  auto* slots = static_cast<std::int64_t*>(std::calloc(capacity, sizeof(std::int64_t)));
  if (slots == nullptr) return false;
  slots_ = slots;
  capacity_ = capacity;
  for (std::size_t i = 0; i < old_capacity; ++i) {
    if (old[i] != 0) slots_[Slot(old[i])] = old[i];
  }
  std::free(old);
  return true;
}

}  // namespace pipelined::executor
