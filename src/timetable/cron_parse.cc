// Reads cron expressions as Airflow does, its oddities included (ranges wrap, an equal range is everything).
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "pipelined/base/near_match.h"
#include "pipelined/timetable/cron.h"
#include "pipelined/timetable/timetable.h"

namespace pipelined {

namespace {

constexpr std::string_view kMonthNames[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                            "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kDayNames[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
  std::string_view name;
  int min, max;
  std::span<const std::string_view> names;  // the first one means first_name
  int first_name;
  std::string_view forms;  // what may stand there, for the hint
};

constexpr Field kFields[] = {
    {"minute", 0, 59, {}, 0, "0 to 59, as in 30, 0,30, 10-20 or */15"},
    {"hour", 0, 23, {}, 0, "0 to 23, as in 6, 8-18 or */4"},
    {"day of month", 1, 31, {}, 0, "1 to 31, L (the last day), 15W (the weekday nearest to the 15th), * or ?"},
    {"month", 1, 12, kMonthNames, 1, "1 to 12 or jan to dec"},
    {"day of week", 0, 7, kDayNames, 0,
     "0 to 7 (0 and 7 are Sunday), sun to sat, 5#2 (the second Friday), L5 (the last Friday), * or ?"},
    {"second", 0, 59, {}, 0, "0 to 59, as in 0 or */10; it is the sixth field"},
    {"year", Cron::kFirstYear, Cron::kLastYear, {}, 0, "1970 to 2099; it is the seventh field"},
};
enum FieldNo { kMinute, kHour, kDay, kMonth, kWeekday, kSecond, kYear };

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), Lower);
  return out;
}

std::vector<std::string_view> SplitAt(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0;;) {
    const std::size_t end = text.find(separator, at);
    parts.push_back(text.substr(at, end - at));
    if (end == std::string_view::npos) return parts;
    at = end + 1;
  }
}

std::vector<std::string_view> Words(std::string_view text) {
  constexpr std::string_view kBlank = " \t\n\r\f\v";
  std::vector<std::string_view> words;
  for (std::size_t at = text.find_first_not_of(kBlank); at != std::string_view::npos;
       at = text.find_first_not_of(kBlank, at)) {
    const std::size_t end = std::min(text.find_first_of(kBlank, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

// Digits only; numbers too large for any field become 99999.
std::optional<int> Number(std::string_view text) {
  if (text.empty()) return std::nullopt;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = std::min(value * 10 + (c - '0'), 99999);
  }
  return value;
}

// A text from a file, fit for one line of an error message.
std::string Quoted(std::string_view text) {
  constexpr std::size_t kMost = 40;
  std::string out = "\"";
  for (const char c : text.substr(0, kMost)) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  if (text.size() > kMost) out += "…";
  return out + "\"";
}

}  // namespace

class CronParser {
 public:
  explicit CronParser(TextSpan* mistake) : mistake_(mistake) {}

  Result<Cron> Parse(std::string_view expression) {
    Mark(expression, expression);
    if (expression.size() > Cron::kLongest)
      return Fail(fmt::format("it is longer than {} characters", Cron::kLongest), "");
    std::string text = LowerCase(expression);
    if (!text.empty() && text.front() == '@') {
      const auto preset = CronPreset(text);
      if (!preset) return UnknownPreset(text);
      return Parse(*preset);
    }
    const auto words = Words(text);
    if (words.size() < 5 || words.size() > 7) {
      return Fail(
          fmt::format("{} has {} field{}", Quoted(expression), words.size(), words.size() == 1 ? "" : "s"),
          "write five: minute, hour, day of month, month, day of week; a sixth is the second, a seventh the year");
    }
    for (std::size_t i = 0; i < words.size(); ++i) {
      Mark(text, words[i]);
      expression_ = text;
      if (const Status read = ReadField(static_cast<FieldNo>(i), words[i]); !read.ok()) return read.error();
    }
    LoosenDays(words[kDay], words[kWeekday]);
    return cron_;
  }

 private:
  static Error Fail(std::string why, std::string hint) {
    return {ErrorCode::kInvalid, "cron expression: " + std::move(why), std::move(hint)};
  }

  // What is read now, and so what a mistake is in. `part` lies inside of `whole`.
  void Mark(std::string_view whole, std::string_view part) {
    if (mistake_ != nullptr) *mistake_ = {static_cast<std::size_t>(part.data() - whole.data()), part.size()};
  }

  static Error UnknownPreset(std::string_view text) {
    constexpr std::string_view kPresets[] = {"@hourly",  "@daily",     "@midnight", "@weekly",
                                             "@monthly", "@quarterly", "@yearly",   "@annually"};
    const auto near = NearMatch(text, kPresets);
    return Fail(fmt::format("there is no preset {}", Quoted(text)),
                near ? fmt::format("did you mean {}?", *near)
                     : "presets are @hourly, @daily, @weekly, @monthly, @quarterly and @yearly");
  }

  Error Refuse(std::string_view what) const {
    const Field& field = kFields[field_];
    return Fail(fmt::format("{}: {} {}", field.name, Quoted(word_), what),
                fmt::format("the {} is {}", field.name, field.forms));
  }

  // Positions are the field's own numbers less its minimum.
  void Set(int value) { set_.set(static_cast<std::size_t>(value - kFields[field_].min)); }

  Status ReadField(FieldNo no, std::string_view word) {
    field_ = no;
    word_ = word;
    set_.reset();
    const bool plain = word == "*" || (word == "?" && (no == kDay || no == kWeekday));
    if (plain) {
      Span(kFields[no].min, kFields[no].max, 1);
    } else if (no == kDay && word.size() > 1 && word.back() == 'w') {
      if (const Status read = NearestWeekday(word); !read.ok()) return read;
    } else {
      for (const std::string_view part : SplitAt(word, ',')) {
        Mark(expression_, part.empty() ? word : part);
        if (const Status read = ReadPart(part); !read.ok()) return read;
      }
    }
    Mark(expression_, word);
    if (no == kWeekday && has_nth_ && set_.any()) return Refuse("mixes plain days with # or L");
    Store(no, plain);
    return Ok();
  }

  Status NearestWeekday(std::string_view word) {
    const auto day = Number(word.substr(0, word.size() - 1));
    if (!day || *day < 1 || *day > 31) return Refuse("is no day and W (and W cannot stand in a list)");
    cron_.nearest_weekday_ = *day;
    return Ok();
  }

  Status ReadPart(std::string_view part) {
    if (part.empty()) return Refuse("has an empty place in its list");
    if (field_ == kDay && part == "l") {
      cron_.last_day_ = true;
      return Ok();
    }
    if (field_ == kWeekday && part.find('#') != std::string_view::npos) return ReadNth(part);
    if (field_ == kWeekday && part.size() == 2 && part[0] == 'l') return ReadLast(part);
    return ReadRange(part);
  }

  // "5#2": the second Friday.
  Status ReadNth(std::string_view part) {
    const auto halves = SplitAt(part, '#');
    const auto day = ValueOf(halves[0]), nth = Number(halves[1]);
    if (halves.size() != 2 || !day || !nth || *nth < 1 || *nth > 5) return Refuse("is not a day, # and 1 to 5");
    cron_.nth_[static_cast<std::size_t>(*day % 7)] |= static_cast<std::uint8_t>(1 << *nth);
    has_nth_ = true;
    return Ok();
  }

  // "L5": the last Friday.
  Status ReadLast(std::string_view part) {
    const auto day = Number(part.substr(1));
    if (!day || *day > 7) return Refuse("is not L and a day from 0 to 7");
    cron_.nth_[static_cast<std::size_t>(*day % 7)] |= 1;
    has_nth_ = true;
    return Ok();
  }

  // "*", "5", "5-9", each also with "/step"; "5/15" goes on to the end.
  Status ReadRange(std::string_view part) {
    const Field& field = kFields[field_];
    const auto halves = SplitAt(part, '/');
    if (halves.size() > 2) return Refuse("has two steps");
    int step = 1;
    if (halves.size() == 2) {
      const auto number = Number(halves[1]);
      if (!number || *number < 1) return Refuse("has a step that is not a number from 1");
      step = *number;
    }
    if (halves[0] == "*") {
      Span(field.min, field.max, step);
      return Ok();
    }
    const auto ends = SplitAt(halves[0], '-');
    if (ends.size() > 2) return Refuse("is not a range");
    const auto first = ValueOf(ends[0]);
    const auto last = ends.size() == 2 ? ValueOf(ends[1]) : halves.size() == 2 ? std::optional<int>(field.max) : first;
    if (!first || !last) return Refuse("is not understood or out of range");
    if (ends.size() == 1 && halves.size() == 1) {
      Set(*first);
    } else if (ends.size() == 2 && *first == *last) {
      Span(field.min, field.max, step);  // an equal range is everything
    } else {
      Span(*first, *last, step);
    }
    return Ok();
  }

  // Every `step`th value from `first` to `last`, round the end of the field when `last` comes first.
  void Span(int first, int last, int step) {
    const Field& field = kFields[field_];
    const int top = first > last && field_ == kWeekday ? 6 : field.max;  // going round, Sunday counts once
    if (first > top) first = field.min;
    const int size = top - field.min + 1;
    const int length = first <= last ? last - first : last - first + size;
    for (int i = 0; i <= length; i += step) Set(field.min + (first - field.min + i) % size);
  }

  // A number or a name of the field, if it is in range.
  std::optional<int> ValueOf(std::string_view text) const {
    const Field& field = kFields[field_];
    for (std::size_t i = 0; i < field.names.size(); ++i) {
      if (field.names[i] == text) return field.first_name + static_cast<int>(i);
    }
    const auto number = Number(text);
    if (!number || *number < field.min || *number > field.max) return std::nullopt;
    return number;
  }

  void Store(FieldNo no, bool plain) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < 60; ++i)
      bits |= set_.test(i) ? std::uint64_t{1} << (i + static_cast<std::size_t>(no == kYear ? 0 : kFields[no].min)) : 0;
    switch (no) {
      case kMinute:
        cron_.minutes_ = bits;
        break;
      case kHour:
        cron_.hours_ = bits;
        break;
      case kDay:
        cron_.days_ = static_cast<std::uint32_t>(bits);
        cron_.any_day_ = plain;
        break;
      case kMonth:
        cron_.months_ = static_cast<std::uint32_t>(bits);
        break;
      case kWeekday:
        cron_.weekdays_ = static_cast<std::uint32_t>((bits | bits >> 7) & 0x7f);  // 7 is Sunday too
        cron_.any_weekday_ = plain;
        break;
      case kSecond:
        cron_.seconds_ = bits;
        break;
      case kYear:
        if (!plain) cron_.years_ = set_;
        break;
    }
  }

  // A field that names every day restricts nothing when the other one is written with a star ("0 0 */2 * 0-7": every
  // second day), but does when it is not ("0 0 30 * 0-7": daily).
  void LoosenDays(std::string_view day, std::string_view weekday) {
    constexpr std::uint32_t kAllDays = 0xfffffffe, kAllWeekdays = 0x7f;
    if (cron_.days_ == kAllDays && weekday.find('*') != std::string_view::npos) cron_.any_day_ = true;
    if (cron_.weekdays_ == kAllWeekdays && day.find('*') != std::string_view::npos) cron_.any_weekday_ = true;
  }

  TextSpan* mistake_;
  std::string_view expression_;
  Cron cron_;
  FieldNo field_ = kMinute;
  std::string_view word_;
  std::bitset<Cron::kLastYear - Cron::kFirstYear + 1> set_;
  bool has_nth_ = false;
};

Result<Cron> Cron::Parse(std::string_view expression, TextSpan* mistake) {
  return CronParser(mistake).Parse(expression);
}

std::optional<std::string_view> CronPreset(std::string_view preset) {
  constexpr std::pair<std::string_view, std::string_view> kPresets[] = {
      {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},       {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
      {"@monthly", "0 0 1 * *"}, {"@quarterly", "0 0 1 */3 *"}, {"@yearly", "0 0 1 1 *"},   {"@annually", "0 0 1 1 *"},
  };
  const std::string name = LowerCase(preset);
  for (const auto& known : kPresets) {
    if (known.first == name) return known.second;
  }
  return std::nullopt;
}

}  // namespace pipelined
