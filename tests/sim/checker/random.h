// A small generator of random numbers: the same seed gives the same numbers on every machine, and making one costs
// nothing.
#pragma once

#include <cstdint>

namespace pipelined::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {  // SplitMix64
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  int Below(int n) { return static_cast<int>(Next() % static_cast<std::uint64_t>(n)); }  // 0 … n-1
  int Between(int least, int most) { return least + Below(most - least + 1); }
  bool OneIn(int n) { return Below(n) == 0; }
  template <class List>
  auto& Of(List& list) {
    return list[Next() % list.size()];
  }

 private:
  std::uint64_t state_;
};

}  // namespace pipelined::sim
