#include "dagfile/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace pipelined::dagfile {
namespace {

// Length of the valid UTF-8 sequence at the front of `text`, 0 when there is none (overlong forms and surrogates are
// none).
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto in = [&byte](std::size_t i, unsigned low, unsigned high) { return byte(i) >= low && byte(i) <= high; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return in(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    return in(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && in(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool second = in(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF);
    return second && in(2, 0x80, 0xBF) && in(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

// Position of the first byte that cannot stay, or npos.
std::size_t FirstBadByte(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == 0) return i;
    if (byte < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = SequenceLength(text.substr(i));
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

bool IsMarker(std::string_view line, std::string_view marker) {
  return line.starts_with(marker) && (line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r');
}

// A line that says nothing: blank, a comment, a directive before the document.
bool SaysNothing(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t\r");
  return first == std::string_view::npos || line[first] == '#' || line[0] == '%';
}

}  // namespace

bool CheckBytes(const SourceText& source, const LoadLimits& limits, Reporter& reporter) {
  if (source.text.size() > limits.bytes) {
    reporter.Error(Code::kTooLarge, {},
                   fmt::format("the file is {} bytes long, more than the {} MiB that are allowed", source.text.size(),
                               limits.bytes >> 20));
    return false;
  }
  const std::size_t bad = FirstBadByte(source.text);
  if (bad == std::string_view::npos) return true;
  const std::string_view before = source.text.substr(0, bad);
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const auto line = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n'));
  const bool nul = source.text[bad] == '\0';
  reporter.Error(
      Code::kBadBytes, {&source, line, static_cast<std::uint32_t>(bad - line_start), 1},
      nul ? "the file holds a NUL byte"
          : fmt::format("the file is not valid UTF-8: byte 0x{:02x}", static_cast<unsigned char>(source.text[bad])),
      nul ? "" : "save it as UTF-8");
  return false;
}

std::vector<SourceText> SplitDocuments(const SourceText& file) {
  std::vector<SourceText> documents;
  SourceText current{file.shown_as, {}, file.first_line};
  bool says_something = false;
  std::size_t begin = 0;
  int line_number = file.first_line;
  const auto finish = [&](std::size_t end) {
    current.text = file.text.substr(begin, end - begin);
    if (says_something) documents.push_back(current);
    says_something = false;
  };
  std::string_view text = file.text;
  for (std::size_t at = 0; at < text.size(); ++line_number) {
    const std::size_t newline = text.find('\n', at);
    const std::size_t next = newline == std::string_view::npos ? text.size() : newline + 1;
    const std::string_view line = text.substr(at, (newline == std::string_view::npos ? text.size() : newline) - at);
    if (IsMarker(line, "---")) {
      finish(at);
      begin = at;
      current.first_line = line_number;
      says_something = !SaysNothing(line.substr(3));
    } else if (IsMarker(line, "...")) {
      finish(at);
      begin = next;
      current.first_line = line_number + 1;
    } else if (!says_something) {
      says_something = !SaysNothing(line);
    }
    at = next;
  }
  finish(text.size());
  return documents;
}

}  // namespace pipelined::dagfile
