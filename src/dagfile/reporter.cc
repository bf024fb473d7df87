#include "dagfile/reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace pipelined::dagfile {
namespace {

constexpr std::size_t kKeptOfALine = 2000;  // bytes; a line may be as long as the file

std::size_t CountCharacters(std::string_view bytes) {
  return static_cast<std::size_t>(
      std::count_if(bytes.begin(), bytes.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string_view CutToCharacters(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

// Of the word or quoted value that `rest` begins with.
std::size_t ValueLength(std::string_view rest) {
  if (rest.empty()) return 1;
  if (rest[0] == '"' || rest[0] == '\'') {
    const std::size_t close = rest.find(rest[0], 1);
    return close == std::string_view::npos ? rest.size() : close + 1;
  }
  if (rest[0] == '[' || rest[0] == '{' || rest[0] == '|' || rest[0] == '>') return 1;
  std::size_t end = 1;
  while (end < rest.size() && rest[end] != ',' && rest[end] != ']' && rest[end] != '}' && rest.substr(end, 2) != " #" &&
         rest[end] != ':') {
    ++end;
  }
  while (end > 1 && rest[end - 1] == ' ') --end;
  return end;
}

int ColumnOf(const Place& at) {
  const std::string_view line = LineAt(at.source->text, at.line);
  return static_cast<int>(CountCharacters(line.substr(0, std::min<std::size_t>(at.column, line.size())))) + 1;
}

std::vector<Diagnostic::IncludedAt> WhereIncluded(const SourceText& source) {
  std::vector<Diagnostic::IncludedAt> places;
  for (const IncludedHere* here = source.included.get(); here != nullptr; here = here->at.source->included.get()) {
    const SourceText& outer = *here->at.source;
    places.push_back(
        {here->id, outer.shown_as, static_cast<int>(here->at.line) + outer.first_line, ColumnOf(here->at)});
  }
  return places;
}

bool IsSame(const Diagnostic& a, const Diagnostic& b) {
  return a.line > 0 && a.file == b.file && a.line == b.line && a.column == b.column && a.code == b.code &&
         a.message == b.message && !a.included_at.empty();
}

}  // namespace

std::string Quoted(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  const std::string_view shown = CutToCharacters(text.substr(0, text.find('\n')), kLongest);
  return fmt::format("\"{}{}\"", shown, shown.size() < text.size() ? "…" : "");
}

std::string_view LineAt(std::string_view text, std::uint32_t line) {
  for (; line > 0; --line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

void Reporter::Error(Code code, const Place& at, std::string message, std::string hint) {
  ++errors_;
  Add(Severity::kError, code, at, std::move(message), std::move(hint));
}

void Reporter::Warning(Code code, const Place& at, std::string message, std::string hint) {
  Add(Severity::kWarning, code, at, std::move(message), std::move(hint));
}

void Reporter::Add(Diagnostic diagnostic) {
  if (diagnostic.severity == Severity::kError) ++errors_;
  if (diagnostics_.size() < limit_) {
    diagnostics_.push_back(std::move(diagnostic));
  } else {
    ++dropped_;
  }
}

void Reporter::Add(Severity severity, Code code, const Place& at, std::string message, std::string hint) {
  if (diagnostics_.size() >= limit_) {
    ++dropped_;
    return;
  }
  Diagnostic d;
  d.severity = severity;
  d.code = CodeText(code);
  d.message = std::move(message);
  d.hint = std::move(hint);
  d.file = file_;
  if (at.source != nullptr) {
    const std::string_view line = LineAt(at.source->text, at.line);
    const std::size_t column = std::min<std::size_t>(at.column, line.size());
    d.file = at.source->shown_as;
    d.line = static_cast<int>(at.line) + at.source->first_line;
    d.column = ColumnOf(at);
    d.included_at = WhereIncluded(*at.source);
    d.length = std::max(1, static_cast<int>(CountCharacters(
                               line.substr(column, at.length == 0 ? ValueLength(line.substr(column)) : at.length))));
    d.source_line = CutToCharacters(line, kKeptOfALine);
  }
  diagnostics_.push_back(std::move(d));
}

std::vector<Diagnostic> Reporter::Take() {
  const auto order = [this](const Diagnostic& d) {
    return std::make_tuple(d.file != file_, std::string_view(d.file), d.line, d.column);
  };
  std::stable_sort(diagnostics_.begin(), diagnostics_.end(),
                   [&order](const Diagnostic& a, const Diagnostic& b) { return order(a) < order(b); });
  diagnostics_.erase(std::unique(diagnostics_.begin(), diagnostics_.end(), IsSame), diagnostics_.end());
  if (dropped_ > 0) {
    Diagnostic more;
    more.severity = errors_ > 0 ? Severity::kError : Severity::kWarning;
    more.code = CodeText(Code::kTooManyErrors);
    more.message = fmt::format("{} more are not shown", dropped_);
    more.file = file_;
    diagnostics_.push_back(std::move(more));
  }
  return std::move(diagnostics_);
}

}  // namespace pipelined::dagfile
