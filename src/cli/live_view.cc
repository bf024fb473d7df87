#include "cli/live_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace pipelined::cli {

std::string Clock(Micros micros) {
  const auto seconds = std::chrono::duration_cast<Seconds>(micros).count();
  if (seconds < 60) return fmt::format("{}.{}s", seconds, micros.count() / 100'000 % 10);
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
}

std::string Bar(double done, int width) {
  const int filled = static_cast<int>(std::clamp(done, 0.0, 1.0) * width);
  return "[" + std::string(static_cast<std::size_t>(filled), '#') +
         std::string(static_cast<std::size_t>(width - filled), '.') + "]";
}

void LiveView::Draw(const std::vector<std::string>& lines) {
  std::string text;
  if (drawn_ > 0) text += fmt::format("\033[{}F", drawn_);
  for (const std::string& line : lines) text += line + "\033[K\n";
  text += "\033[J";
  fmt::print(stderr, "{}", text);
  drawn_ = lines.size();
}

}  // namespace pipelined::cli
