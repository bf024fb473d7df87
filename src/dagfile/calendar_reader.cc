#include "dagfile/calendar_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "dagfile/keys.h"
#include "dagfile/mistakes.h"
#include "dagfile/values.h"
#include "pipelined/base/near_match.h"

namespace pipelined::dagfile {
namespace {

using Day = std::chrono::sys_days;
using std::chrono::year;

constexpr Day kFirst{year(1970) / 1 / 1}, kLast{year(2199) / 12 / 31};

struct Weekday {
  std::string_view name;
  std::uint8_t bits;
};
constexpr std::array kWeekdays{
    Weekday{"sunday", 1},    Weekday{"monday", 2},  Weekday{"tuesday", 4},   Weekday{"wednesday", 8},
    Weekday{"thursday", 16}, Weekday{"friday", 32}, Weekday{"saturday", 64}, Weekday{"weekends", 65},
};

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

class CalendarReader {
 public:
  CalendarReader(const std::string& folder, Reporter& reporter, std::vector<NodeRef>& files)
      : folder_(folder), reporter_(reporter), files_(files) {}

  Calendar Read(const Entry& calendar) {
    if (!RequireMap(calendar, reporter_, "a mapping, for example {exclude: [weekends]}")) return {};
    bool has_days = false;
    EachKey(calendar.value, kCalendarKeys, "calendar", reporter_, [&](Key key, const Entry& entry) {
      if (key == Key::kOnExcluded) return ReadOnExcluded(entry);
      has_days = true;
      ReadDays(entry);
    });
    if (!has_days)
      reporter_.Error(Code::kMissingKey, calendar.place(), "a calendar needs exclude: the days without a run");
    return std::move(calendar_);
  }

 private:
  void ReadOnExcluded(const Entry& entry) {
    std::string text;
    if (!ReadText(entry, reporter_, text)) return;
    if (text == "skip" || text == "next") {
      calendar_.on_excluded = text == "skip" ? OnExcluded::kSkip : OnExcluded::kNext;
    } else {
      reporter_.Error(Code::kBadValue, entry.place(),
                      fmt::format("on_excluded must be skip or next, not {}", Quoted(text)));
    }
  }

  void ReadDays(const Entry& entry) {
    if (entry.value.is_list()) {
      for (const NodeRef item : ItemsOf(entry.value)) ReadDay(entry, item);
    } else {
      ReadDay(entry, entry.value);
    }
  }

  void ReadDay(const Entry& parent, NodeRef item) {
    if (item.is_map()) return ReadFile(item);
    if (!item.is_scalar()) {
      reporter_.Error(Code::kBadCalendar, item.is_null() ? parent.place() : item.place(),
                      "exclude needs dates, weekdays and {ical: file}");
      return;
    }
    const std::string_view text = item.text();
    if (const auto dots = text.find(".."); dots != std::string_view::npos) return ReadRange(item, dots);
    const std::string word = LowerCase(text);
    for (const Weekday& weekday : kWeekdays) {
      if (word == weekday.name) {
        calendar_.weekdays |= weekday.bits;
        return;
      }
    }
    if (!text.empty() && std::isalpha(static_cast<unsigned char>(text.front())) != 0) return NoWeekday(item, word);
    if (const auto day = ReadDate(item, {0, text.size()})) calendar_.days.push_back({*day, *day});
  }

  void NoWeekday(NodeRef item, const std::string& word) {
    std::vector<std::string_view> names;
    for (const Weekday& weekday : kWeekdays) names.push_back(weekday.name);
    const auto near = NearMatch(word, names);
    reporter_.Error(Code::kBadCalendar, item.place(), fmt::format("{} is no day", Quoted(item.text())),
                    near ? fmt::format("did you mean {}?", *near)
                         : "days are dates such as 2026-12-25, weekends, monday to sunday, and {ical: file}");
  }

  void ReadRange(NodeRef item, std::size_t dots) {
    const TextSpan to{dots + 2, item.text().size() - dots - 2};
    const auto first = ReadDate(item, {0, dots});
    const auto last = first ? ReadDate(item, to) : std::nullopt;
    if (!last) return;
    if (*last < *first) {
      reporter_.Error(Code::kBadCalendar, PlaceIn(item, to), "the range of days ends before it begins");
    } else {
      calendar_.days.push_back({*first, *last});
    }
  }

  std::optional<Day> ReadDate(NodeRef item, TextSpan part) {
    const std::string_view text = item.text().substr(part.offset, part.length);
    constexpr std::size_t kDateLength = 10;
    const auto local = text.size() == kDateLength ? ParseLocal(text) : Error{};
    if (!local) {
      TextSpan mistake = text.empty() ? TextSpan{0, 0} : DateMistake(text);
      mistake.offset += part.offset;
      reporter_.Error(Code::kBadCalendar, PlaceIn(item, mistake), fmt::format("{} is no day", Quoted(item.text())),
                      "write a date such as 2026-12-25 or a range such as 2026-12-24..2027-01-01");
      return std::nullopt;
    }
    const Day day(std::chrono::floor<std::chrono::days>(*local).time_since_epoch());
    if (day >= kFirst && day <= kLast) return day;
    reporter_.Error(Code::kBadCalendar, PlaceIn(item, part), "an excluded day lies between 1970 and 2199");
    return std::nullopt;
  }

  void ReadFile(NodeRef item) {
    EachKey(item, kExcludeKeys, "an excluded day", reporter_, [&](Key, const Entry& entry) {
      std::string path;
      if (!ReadWord(entry, reporter_, path)) return;
      calendar_.holidays.push_back(path.starts_with('/') ? path : folder_ + "/" + path);
      files_.push_back(entry.value);
    });
  }

  const std::string& folder_;
  Reporter& reporter_;
  std::vector<NodeRef>& files_;
  Calendar calendar_;
};

}  // namespace

Calendar ReadCalendar(const Entry& entry, const std::string& folder, Reporter& reporter, std::vector<NodeRef>& files) {
  return CalendarReader(folder, reporter, files).Read(entry);
}

}  // namespace pipelined::dagfile
