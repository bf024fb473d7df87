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

// Lines on standard error that are drawn over themselves, also after the terminal has become narrower.
class LiveView {
 public:
  struct Size {
    std::size_t width = 80, height = 24;
  };
  // As the terminal is now. Lines may have one character less than it is wide: the last column wraps on some.
  static Size Room();

  // No line may be wider than Room() says.
  void Draw(const std::vector<std::string>& lines);

 private:
  std::vector<std::size_t> drawn_;  // widths
};

}  // namespace pipelined::cli
