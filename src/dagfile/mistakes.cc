#include "dagfile/mistakes.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>

namespace pipelined::dagfile {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Parts of a date in their order: the sign before each, its digits, and what it may be.
struct DatePart {
  std::string_view before;  // any of these characters; empty: nothing
  std::size_t digits;
  int least, most;
};
constexpr std::array kDateParts{
    DatePart{"", 4, 1, 9999},  DatePart{"-", 2, 1, 12}, DatePart{"-", 2, 1, 31},
    DatePart{"T t", 2, 0, 23}, DatePart{":", 2, 0, 59}, DatePart{":", 2, 0, 59},
};
enum { kYear, kMonth, kDay };

int MostDays(int year, int month) {
  const auto last = std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month)) / std::chrono::last;
  return static_cast<int>(static_cast<unsigned>(last.day()));
}

}  // namespace

TextSpan DateMistake(std::string_view text) {
  std::array<int, kDateParts.size()> values{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < kDateParts.size() && at < text.size(); ++i) {
    const DatePart& part = kDateParts[i];
    if (!part.before.empty()) {
      if (part.before.find(text[at]) == std::string_view::npos) break;
      ++at;
    }
    std::size_t end = at;
    while (end < text.size() && IsDigit(text[end])) ++end;
    if (end == at && i == kYear) return {0, text.size()};
    const TextSpan here{std::min(at, text.size() - 1), std::max<std::size_t>(end - at, 1)};
    if (end - at != part.digits) return here;
    for (std::size_t digit = at; digit < end; ++digit) values[i] = values[i] * 10 + (text[digit] - '0');
    const int most = i == kDay ? MostDays(values[kYear], values[kMonth]) : part.most;
    if (values[i] < part.least || values[i] > most) return here;
    at = end;
  }
  return at < text.size() && at > 0 ? TextSpan{at, text.size() - at} : TextSpan{0, text.size()};
}

TextSpan DurationMistake(std::string_view text) {
  constexpr std::array<std::string_view, 7> kUnits{"us", "ms", "s", "m", "h", "d", "w"};
  std::size_t at = 0;
  if (text.starts_with('P') || text.starts_with('p')) return {0, text.size()};
  while (at < text.size()) {
    std::size_t end = at, unit_end;
    while (end < text.size() && (IsDigit(text[end]) || text[end] == '.')) ++end;
    for (unit_end = end; unit_end < text.size() && std::isalpha(static_cast<unsigned char>(text[unit_end])) != 0;)
      ++unit_end;
    std::string unit(text.substr(end, unit_end - end));
    std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return std::tolower(c); });
    const bool bare = unit.empty() && at == 0 && unit_end == text.size();
    if (end == at || (!bare && std::find(kUnits.begin(), kUnits.end(), unit) == kUnits.end()))
      return {at, unit.empty() ? text.size() - at : unit_end - at};
    at = unit_end;
  }
  return {0, 0};
}

TextSpan ZoneMistake(std::string_view name) {
  constexpr std::array<std::string_view, 16> kRegions{
      "Africa", "America", "Antarctica", "Arctic",  "Asia", "Atlantic", "Etc",   "Australia",
      "Europe", "Indian",  "Brazil",     "Pacific", "US",   "Canada",   "Chile", "Mexico"};
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos || slash + 1 == name.size()) return {0, name.size()};
  const bool region = std::find(kRegions.begin(), kRegions.end(), name.substr(0, slash)) != kRegions.end();
  return region ? TextSpan{slash + 1, name.size() - slash - 1} : TextSpan{0, slash};
}

Place PlaceIn(NodeRef scalar, TextSpan part) {
  Place place = scalar.place();
  if (place.source == nullptr || part.length == 0) return place;
  std::string_view written = LineAt(place.source->text, place.line);
  written = written.substr(std::min<std::size_t>(place.column, written.size()));
  const std::size_t quote = written.starts_with('"') || written.starts_with('\'') ? 1 : 0;
  if (!written.substr(quote).starts_with(scalar.text())) return place;
  place.column += static_cast<std::uint32_t>(quote + part.offset);
  place.length = static_cast<std::uint32_t>(part.length);
  return place;
}

}  // namespace pipelined::dagfile
