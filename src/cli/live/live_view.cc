#include "cli/live/live_view.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/output/table.h"

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

namespace {

// Of what is seen: without colours.
std::size_t SeenWidth(const std::string& line) {
  std::string seen;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '\033') {
      at = std::min(line.find('m', at), line.size() - 1);
    } else {
      seen += line[at];
    }
  }
  return Width(seen);
}

}  // namespace

LiveView::Size LiveView::Room() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return {};
  return {std::max<std::size_t>(size.ws_col, 20) - 1, std::max<std::size_t>(size.ws_row, 5)};
}

void LiveView::Draw(const std::vector<std::string>& lines) {
  const std::size_t columns = Room().width + 1;
  std::size_t rows = 0;  // that the lines of before take now
  for (const std::size_t width : drawn_) rows += std::max<std::size_t>((width + columns - 1) / columns, 1);
  std::string text;
  if (rows > 0) text += fmt::format("\033[{}F", rows);
  text += "\033[J";
  drawn_.clear();
  for (const std::string& line : lines) {
    text += line + "\n";
    drawn_.push_back(SeenWidth(line));
  }
  fmt::print(stderr, "{}", text);
}

}  // namespace pipelined::cli
