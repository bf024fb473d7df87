// How far long work has come: a line on stderr, at most one each second.
#pragma once

#include <fmt/format.h>

#include <cstdio>

#include "pipelined/base/clock.h"

namespace pipelined::apps {

class ProgressLine {
 public:
  template <class Words>
  void Say(Words words) {
    const Micros now = SystemClock().Monotonic();
    if (now - said_ < Seconds(1)) return;
    said_ = now;
    fmt::print(stderr, "{}\n", words());
  }

 private:
  Micros said_ = SystemClock().Monotonic();
};

}  // namespace pipelined::apps
