#include "pipelined/model/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace pipelined {
namespace {

constexpr std::size_t kShownWidth = 120;  // characters of the source line around the place
constexpr std::size_t kLeftOfPlace = 80;

// The line cut into characters, control characters (which could talk to the terminal) replaced.
std::vector<std::string> Characters(std::string_view line) {
  std::vector<std::string> characters;
  for (std::size_t i = 0; i < line.size();) {
    std::size_t next = i + 1;
    while (next < line.size() && (static_cast<unsigned char>(line[next]) & 0xC0) == 0x80) ++next;
    const auto byte = static_cast<unsigned char>(line[i]);
    characters.emplace_back(byte < 0x20 || byte == 0x7F ? " " : std::string(line.substr(i, next - i)));
    i = next;
  }
  return characters;
}

std::string Printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7F ? "?" : std::string(1, c);
  }
  return out;
}

std::string Excerpt(const Diagnostic& d) {
  const std::vector<std::string> all = Characters(d.source_line);
  const std::size_t place = static_cast<std::size_t>(std::max(d.column, 1)) - 1;
  const std::size_t begin = all.size() > kShownWidth && place > kLeftOfPlace ? place - kLeftOfPlace : 0;
  const std::size_t end = std::min(all.size(), begin + kShownWidth);
  std::string shown;
  for (std::size_t i = begin; i < end; ++i) shown += all[i];
  std::string text = fmt::format("{:5} | {}\n", d.line, shown);
  if (d.column < 1 || place > all.size() || place < begin) return text;
  const std::size_t room = std::max<std::size_t>(end, place + 1) - place;
  const std::size_t length = std::clamp<std::size_t>(static_cast<std::size_t>(std::max(d.length, 1)), 1, room);
  text += fmt::format("      | {}^{}\n", std::string(place - begin, ' '), std::string(length - 1, '~'));
  return text;
}

}  // namespace

bool HasErrors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::kError; });
}

std::string Format(const Diagnostic& d) {
  std::string text = Printable(d.file);
  if (d.line > 0) text += fmt::format(":{}", d.line);
  if (d.line > 0 && d.column > 0) text += fmt::format(":{}", d.column);
  text +=
      fmt::format(": {} {}: {}\n", d.severity == Severity::kError ? "error" : "warning", d.code, Printable(d.message));
  if (d.line > 0 && !d.source_line.empty()) text += Excerpt(d);
  for (const Diagnostic::IncludedAt& at : d.included_at) {
    text += fmt::format("     in: \"{}\", included at {}:{}:{}\n", Printable(at.id), Printable(at.file), at.line,
                        at.column);
  }
  if (!d.hint.empty()) text += fmt::format("   help: {}\n", Printable(d.hint));
  return text;
}

std::string Format(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& d : diagnostics) text += Format(d);
  return text;
}

}  // namespace pipelined
