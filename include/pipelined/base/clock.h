// The only place where clocks are read. Everything below the line of pure modules is given the time.
#pragma once

#include "pipelined/base/time.h"

namespace pipelined {

// Thread-safe. Tests use a ManualClock.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant Now() const = 0;       // wall clock, may jump
  virtual Micros Monotonic() const = 0;  // since boot, suspend included (CLOCK_BOOTTIME); for durations and leases
};

const Clock& SystemClock();

class ManualClock : public Clock {
 public:
  explicit ManualClock(Instant start) : now_(start) {}
  Instant Now() const override { return now_; }
  Micros Monotonic() const override { return monotonic_; }
  void Advance(Micros by) {
    now_ += by;
    monotonic_ += by;
  }
  void JumpTo(Instant now) { now_ = now; }  // as a stepped wall clock: monotonic time does not move

 private:
  Instant now_;
  Micros monotonic_{0};
};

}  // namespace pipelined
