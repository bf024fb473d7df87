// What progress is drawn with on a terminal.
#pragma once

#include <string>
#include <vector>

#include "pipelined/base/time.h"

namespace pipelined::cli {

// "3.2s", "4m05s", "2h03m"
std::string Clock(Micros micros);

// "[####......]"; `done` from 0 to 1.
std::string Bar(double done, int width);

// Lines on standard error that are drawn over themselves.
class LiveView {
 public:
  void Draw(const std::vector<std::string>& lines);

 private:
  std::size_t drawn_ = 0;
};

}  // namespace pipelined::cli
