#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "model/topology.h"

namespace pipelined {
namespace {

// Descendants are sets, not paths: a node that is reached in two ways counts once. So the sets are made as bitsets, for
// a window of kBits nodes at a time (100,000 nodes at once would take 1.2 GB), each window in one backward pass.
constexpr std::size_t kWords = 8;
constexpr std::size_t kBits = kWords * 64;
using Bits = std::array<std::uint64_t, kWords>;

// The weights of a window's nodes cut into binary digits: the sum over a set is one popcount per digit in use, however
// many different weights there are.
class WeightPlanes {
 public:
  void Set(std::size_t bit, std::int32_t weight) {
    const auto digits = static_cast<std::uint32_t>(weight);
    for (std::size_t digit = 0; digit < 32; ++digit) {
      if ((digits >> digit) & 1) planes_[digit][bit / 64] |= std::uint64_t{1} << (bit % 64);
    }
    used_ |= digits;
  }
  std::int64_t Sum(const Bits& set) const {
    std::int64_t sum = 0;
    for (std::uint32_t rest = used_; rest != 0; rest &= rest - 1) {
      const int digit = std::countr_zero(rest);
      std::int64_t count = 0;
      for (std::size_t w = 0; w < kWords; ++w) count += std::popcount(set[w] & planes_[digit][w]);
      sum += (digit == 31 ? -1 : 1) * (count << digit);  // two's complement: the top digit counts negative
    }
    return sum;
  }

 private:
  std::array<Bits, 32> planes_{};
  std::uint32_t used_ = 0;
};

// With one parent each (a forest) the descendants of two children never meet; with one child each there is only one to
// add.
bool SetsNeverMeet(const Graph& children, const Graph& parents, std::size_t nodes) {
  bool one_parent = true, one_child = true;
  for (TaskNo node = 0; node < nodes; ++node) {
    one_parent = one_parent && parents.Of(node).size() <= 1;
    one_child = one_child && children.Of(node).size() <= 1;
  }
  return one_parent || one_child;
}

void AddChildren(const Graph& children, std::span<const TaskNo> order, std::vector<std::int64_t>& sums) {
  for (auto node = order.rbegin(); node != order.rend(); ++node) {
    for (const TaskNo child : children.Of(*node)) sums[*node] += sums[child];
  }
}

// Adds to `sums` what the nodes at [begin, end) of `order` give to each of their ancestors.
void AddWindow(const Graph& children, std::span<const TaskNo> order, std::span<const std::int32_t> own,
               std::size_t begin, std::vector<Bits>& sets, std::vector<std::int64_t>& sums) {
  const std::size_t end = std::min(begin + kBits, order.size());
  WeightPlanes planes;
  for (std::size_t at = begin; at < end; ++at) planes.Set(at - begin, own[order[at]]);
  for (std::size_t at = end; at-- > 0;) {  // nodes behind the window have no descendant in it
    const TaskNo node = order[at];
    Bits set{};
    for (const TaskNo child : children.Of(node)) {
      for (std::size_t w = 0; w < kWords; ++w) set[w] |= sets[child][w];
    }
    sums[node] += planes.Sum(set);
    if (at >= begin) set[(at - begin) / 64] |= std::uint64_t{1} << ((at - begin) % 64);
    sets[node] = set;
  }
  for (std::size_t at = begin; at < end; ++at) sets[order[at]] = Bits{};
}

}  // namespace

std::vector<std::int32_t> DescendantSums(const Graph& children, const Graph& parents, std::span<const TaskNo> order,
                                         std::span<const std::int32_t> own) {
  std::vector<std::int64_t> sums(own.begin(), own.end());
  if (SetsNeverMeet(children, parents, own.size())) {
    AddChildren(children, order, sums);
  } else {
    std::vector<Bits> sets(own.size(), Bits{});
    for (std::size_t begin = 0; begin < order.size(); begin += kBits)
      AddWindow(children, order, own, begin, sets, sums);
  }
  constexpr std::int64_t kLeast = std::numeric_limits<std::int32_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  std::vector<std::int32_t> capped(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i)
    capped[i] = static_cast<std::int32_t>(std::clamp(sums[i], kLeast, kMost));
  return capped;
}

}  // namespace pipelined
