#include "cli/output/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>

namespace pipelined::cli {
namespace {

bool Continues(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

}  // namespace

std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) { return !Continues(byte); }));
}

std::string Shortened(const std::string& text, std::size_t width) {
  if (Width(text) <= width) return text;
  if (width == 0) return "";
  std::size_t end = 0;
  for (std::size_t kept = 0; end < text.size(); ++end) {
    if (!Continues(text[end]) && ++kept == width) break;
  }
  return text.substr(0, end) + "…";
}

std::vector<std::string> Lines(const std::vector<std::string>& words, std::size_t room) {
  std::vector<std::string> lines;
  for (const std::string& word : words) {
    if (!lines.empty() && Width(lines.back()) + 1 + Width(word) <= room) {
      lines.back() += " " + word;
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

std::vector<std::size_t> ColumnWidths(std::vector<std::size_t> wanted, std::size_t room) {
  if (room == 0 || wanted.empty()) return wanted;
  const std::size_t between = 2 * (wanted.size() - 1);
  const auto total = [&] { return std::accumulate(wanted.begin(), wanted.end(), between); };
  while (total() > room) {
    const auto widest = std::max_element(wanted.begin(), wanted.end());
    if (*widest <= kNarrowest) break;  // a table that is wider than the screen is better than one that says nothing
    // Down to the second widest at once, or as far as needed.
    std::size_t second = kNarrowest;
    for (auto other = wanted.begin(); other != wanted.end(); ++other) {
      if (other != widest) second = std::max(second, *other);
    }
    *widest -= std::min(std::max<std::size_t>(*widest - second, 1), total() - room);
  }
  return wanted;
}

std::size_t TerminalWidth(int fd) {
  winsize size{};
  if (isatty(fd) == 0 || ioctl(fd, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

}  // namespace pipelined::cli
