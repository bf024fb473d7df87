// The two orders in which tasks wait: by priority, as Airflow's, and by how long they have waited.
#pragma once

#include <compare>
#include <cstdint>
#include <tuple>

#include "engine/instances.h"
#include "pipelined/base/time.h"

namespace pipelined {

// Weight (high first), logical date (early first), run, task.
struct Order {
  std::int32_t weight = 0;
  SlotNo slot = 0;
  std::int64_t date = 0;
  std::int64_t run = 0;
  friend bool operator<(const Order& a, const Order& b) {
    return std::tie(b.weight, a.date, a.run, a.slot) < std::tie(a.weight, b.date, b.run, b.slot);
  }
  friend bool operator==(const Order&, const Order&) = default;
};

struct Age {
  Instant since;
  std::int64_t run = 0;
  SlotNo slot = 0;
  friend auto operator<=>(const Age&, const Age&) = default;
};

}  // namespace pipelined
