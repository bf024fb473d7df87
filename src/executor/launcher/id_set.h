// A set of attempt ids: open addressing over one allocation, because the launcher has no C++ library. Grows, never
// shrinks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pipelined::executor {

class IdSet {
 public:
  IdSet() = default;
  IdSet(const IdSet&) = delete;
  IdSet& operator=(const IdSet&) = delete;

  bool Contains(std::int64_t id) const;
  bool Insert(std::int64_t id);  // false: out of memory. `id` is not 0
  void Clear();                  // and gives the memory back

 private:
  std::size_t Slot(std::int64_t id) const;
  bool Grow();

  std::int64_t* slots_ = nullptr;  // 0: free
  std::size_t capacity_ = 0;       // a power of two
  std::size_t size_ = 0;
};

}  // namespace pipelined::executor
