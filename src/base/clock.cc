#include "pipelined/base/clock.h"

#include <ctime>

namespace pipelined {
namespace {

class RealClock : public Clock {
 public:
  Instant Now() const override { return std::chrono::time_point_cast<Micros>(std::chrono::system_clock::now()); }
  Micros Monotonic() const override {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return Seconds(now.tv_sec) + Micros(now.tv_nsec / 1000);
  }
};

}  // namespace

const Clock& SystemClock() {
  static const RealClock clock;
  return clock;
}

}  // namespace pipelined
