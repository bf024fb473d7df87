#include "zoneinfo/ical.h"

#include <fmt/format.h>
#include <libical/ical.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace pipelined {

namespace {

using Day = std::chrono::sys_days;
using std::chrono::days;

constexpr Day kFirst{std::chrono::year(1970) / 1 / 1};
constexpr Day kEnd{std::chrono::year(kLastHolidayYear + 1) / 1 / 1};
constexpr int kDeepest = 8;  // nested BEGIN; libical frees nested parts by recursion

struct FreeComponent {
  void operator()(icalcomponent* component) const { icalcomponent_free(component); }
};
struct FreeIterator {
  void operator()(icalrecur_iterator* iterator) const { icalrecur_iterator_free(iterator); }
};

Error Wrong(std::string what, std::string hint = {}) {
  return {ErrorCode::kInvalid, std::move(what), std::move(hint)};
}

// A line that is too long goes on in the next one, after a blank.
std::string Unfold(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t line_end = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n' ? i + 1 : i;
    const bool folded = text[line_end] == '\n' && line_end + 1 < text.size() &&
                        (text[line_end + 1] == ' ' || text[line_end + 1] == '\t');
    if (folded) {
      i = line_end + 1;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool Begins(std::string_view line, std::string_view word) {
  if (line.size() <= word.size() || (line[word.size()] != ':' && line[word.size()] != ';')) return false;
  return std::equal(word.begin(), word.end(), line.begin(), [](char a, char b) { return a == (b & ~0x20); });
}

// What would hurt libical is refused before it sees the text.
Status CheckShape(std::string_view text) {
  if (text.size() > kLargestCalendar) return Wrong(fmt::format("it is larger than {} MiB", kLargestCalendar >> 20));
  if (text.find('\0') != std::string_view::npos) return Wrong("it holds a NUL byte");
  int depth = 0;
  std::size_t begun = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of("\r\n", at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (Begins(line, "BEGIN")) {
      if (++depth > kDeepest) return Wrong(fmt::format("its parts are nested deeper than {}", kDeepest));
      if (++begun > kMostEvents) return Wrong(fmt::format("it has more than {} events", kMostEvents));
    } else if (Begins(line, "END")) {
      depth = std::max(0, depth - 1);
    }
    at = end + 1;
  }
  return begun > 0 ? Ok() : Wrong("it is no iCalendar file", "it begins with BEGIN:VCALENDAR");
}

Day DayOf(const icaltimetype& time) {
  return std::chrono::year(time.year) / time.month / time.day;
}

// A date, or a wall time without regard to its zone.
std::int64_t KeyOf(const icaltimetype& time) {
  const std::int64_t day = DayOf(time).time_since_epoch().count() * 86400;
  return time.is_date ? day : day + time.hour * 3600 + time.minute * 60 + time.second;
}
bool IsMidnight(const icaltimetype& time) {
  return time.is_date || (time.hour == 0 && time.minute == 0 && time.second == 0);
}
bool Sensible(const icaltimetype& time) {
  return !icaltime_is_null_time(time) && icaltime_is_valid_time(time) && time.year >= 1 && time.year <= 9999 &&
         std::chrono::year_month_day(std::chrono::year(time.year) / time.month / time.day).ok();
}

// Occurrences that do not take place: by day, or by wall time.
struct Left {
  std::set<Day> dates;
  std::set<std::int64_t> times;
  void Add(const icaltimetype& time) {
    if (time.is_date) {
      dates.insert(DayOf(time));
    } else {
      times.insert(KeyOf(time));
    }
  }
  bool Has(const icaltimetype& time) const { return dates.contains(DayOf(time)) || times.contains(KeyOf(time)); }
};

class CalendarReader {
 public:
  CalendarReader() : found_(static_cast<std::size_t>((kEnd - kFirst).count())) {}

  Result<DayList> Read(const std::string& text) {
    const std::unique_ptr<icalcomponent, FreeComponent> root(icalparser_parse_string(text.c_str()));
    if (root == nullptr) return Wrong("it is no iCalendar file", "it begins with BEGIN:VCALENDAR");
    if (const Status noted = EachEvent(root.get(), [&](icalcomponent* event) { return NoteChanged(event); }); !noted)
      return noted.error();
    if (const Status read = EachEvent(root.get(), [&](icalcomponent* event) { return AddEvent(event); }); !read)
      return read.error();
    if (events_ == 0) return Wrong("it holds no event (VEVENT)");
    DayList list;
    for (std::size_t i = 0; i < found_.size(); ++i) {
      if (found_[i]) list.push_back(kFirst + days(i));
    }
    return list;
  }

 private:
  // Also those in several calendars of one text.
  template <class Visit>
  Status EachEvent(icalcomponent* component, const Visit& visit) {
    if (icalcomponent_isa(component) == ICAL_VEVENT_COMPONENT) return visit(component);
    for (icalcompiter at = icalcomponent_begin_component(component, ICAL_ANY_COMPONENT); icalcompiter_deref(&at);
         icalcompiter_next(&at)) {
      if (const Status visited = EachEvent(icalcompiter_deref(&at), visit); !visited) return visited;
    }
    return Ok();
  }

  static std::string NameOf(icalcomponent* event) {
    const char* name = icalcomponent_get_summary(event);
    if (name == nullptr) name = icalcomponent_get_uid(event);
    return name == nullptr ? "an event" : fmt::format("the event \"{}\"", std::string_view(name).substr(0, 60));
  }

  Status NoteChanged(icalcomponent* event) {
    const char* uid = icalcomponent_get_uid(event);
    const icaltimetype which = icalcomponent_get_recurrenceid(event);
    if (uid != nullptr && Sensible(which)) changed_[uid].Add(which);
    return Ok();
  }

  // Libical drops what it cannot read and leaves a note; a rule that is dropped would be a holiday that is worked on.
  static Status CheckNotes(icalcomponent* event) {
    for (auto* note = icalcomponent_get_first_property(event, ICAL_XLICERROR_PROPERTY); note != nullptr;
         note = icalcomponent_get_next_property(event, ICAL_XLICERROR_PROPERTY)) {
      const char* text = icalproperty_get_xlicerror(note);
      const std::string_view what = text == nullptr ? "" : text;
      for (const std::string_view name : {"RRULE", "RDATE", "EXDATE", "EXRULE", "DTSTART", "DTEND", "DURATION"}) {
        if (what.find(name) != std::string_view::npos)
          return Wrong(fmt::format("the {} of {} cannot be read", name, NameOf(event)));
      }
    }
    return Ok();
  }

  Status AddEvent(icalcomponent* event) {
    ++events_;
    if (icalcomponent_get_status(event) == ICAL_STATUS_CANCELLED) return Ok();
    if (const Status checked = CheckNotes(event); !checked) return checked;
    const icaltimetype start = icalcomponent_get_dtstart(event);
    if (!Sensible(start)) return Wrong(fmt::format("{} has no DTSTART that can be read", NameOf(event)));
    const auto more = DaysAfterFirst(event, start);
    if (!more) return more.error();
    Left left;
    if (const char* uid = icalcomponent_get_uid(event);
        uid != nullptr && !Sensible(icalcomponent_get_recurrenceid(event))) {
      if (const auto changed = changed_.find(uid); changed != changed_.end()) left = changed->second;
    }
    for (auto* p = icalcomponent_get_first_property(event, ICAL_EXDATE_PROPERTY); p != nullptr;
         p = icalcomponent_get_next_property(event, ICAL_EXDATE_PROPERTY)) {
      if (const icaltimetype time = icalproperty_get_exdate(p); Sensible(time)) left.Add(time);
    }
    const auto leave = [&](const icaltimetype& time) { left.Add(time); };
    const auto add = [&](const icaltimetype& time) {
      if (!left.Has(time)) Mark(DayOf(time), *more);
    };
    if (const Status ruled = Expand(event, ICAL_EXRULE_PROPERTY, start, leave); !ruled) return ruled;
    add(start);
    if (const Status ruled = Expand(event, ICAL_RRULE_PROPERTY, start, add); !ruled) return ruled;
    for (auto* p = icalcomponent_get_first_property(event, ICAL_RDATE_PROPERTY); p != nullptr;
         p = icalcomponent_get_next_property(event, ICAL_RDATE_PROPERTY)) {
      const icaldatetimeperiodtype date = icalproperty_get_rdate(p);
      const icaltimetype time = icaltime_is_null_time(date.time) ? date.period.start : date.time;
      if (Sensible(time)) add(time);
    }
    return Ok();
  }

  // How many days after its first one the event still touches.
  static Result<days> DaysAfterFirst(icalcomponent* event, const icaltimetype& start) {
    icaltimetype end = start;
    if (icalcomponent_get_first_property(event, ICAL_DTEND_PROPERTY) != nullptr ||
        icalcomponent_get_first_property(event, ICAL_DURATION_PROPERTY) != nullptr) {
      end = icalcomponent_get_dtend(event);
    }
    if (!Sensible(end)) return Wrong(fmt::format("the end of {} cannot be read", NameOf(event)));
    days more = DayOf(end) - DayOf(start);
    if (more > days(0) && IsMidnight(end)) more -= days(1);  // an end is the first moment that is free again
    if (more < days(0)) return Wrong(fmt::format("{} ends before it starts", NameOf(event)));
    if (more > kLongestEvent)
      return Wrong(fmt::format("{} is longer than {} days", NameOf(event), kLongestEvent.count()));
    return more;
  }

  template <class Visit>
  Status Expand(icalcomponent* event, icalproperty_kind kind, const icaltimetype& start, const Visit& visit) {
    for (auto* p = icalcomponent_get_first_property(event, kind); p != nullptr;
         p = icalcomponent_get_next_property(event, kind)) {
      const icalrecurrencetype rule =
          kind == ICAL_RRULE_PROPERTY ? icalproperty_get_rrule(p) : icalproperty_get_exrule(p);
      if (rule.freq < ICAL_DAILY_RECURRENCE || rule.freq > ICAL_YEARLY_RECURRENCE)
        return Wrong(fmt::format("{} recurs more often than daily", NameOf(event)), "a holiday recurs by days at most");
      if (++recurring_ > kMostRecurring) return Wrong(fmt::format("more than {} events recur", kMostRecurring));
      const std::unique_ptr<icalrecur_iterator, FreeIterator> iterator(icalrecur_iterator_new(rule, start));
      if (iterator == nullptr) return Wrong(fmt::format("the rule of {} cannot be followed", NameOf(event)));
      for (;;) {
        const icaltimetype time = icalrecur_iterator_next(iterator.get());
        if (icaltime_is_null_time(time) || time.year > kLastHolidayYear) break;
        if (++occurrences_ > kMostOccurrences)
          return Wrong(fmt::format("its events take place more than {} times", kMostOccurrences),
                       "give the rules an UNTIL or a COUNT");
        if (Sensible(time)) visit(time);
      }
    }
    return Ok();
  }

  void Mark(Day first, days more) {
    const Day last = std::min(first + more, kEnd - days(1));
    for (Day day = std::max(first, kFirst); day <= last; day += days(1))
      found_[static_cast<std::size_t>((day - kFirst).count())] = true;
  }

  std::vector<bool> found_;
  std::map<std::string, Left, std::less<>> changed_;  // by UID: occurrences that stand in the text on their own
  std::size_t events_ = 0, recurring_ = 0, occurrences_ = 0;
};

}  // namespace

Result<DayList> DaysOfCalendar(std::string_view text) {
  static const bool set_up = [] {
    icalerror_set_errors_are_fatal(0);  // an assertion of libical's must not end the program
    return true;
  }();
  static_cast<void>(set_up);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.size() > kLargestCalendar) return CheckShape(text).error();
  const std::string unfolded = Unfold(text);
  if (const Status shaped = CheckShape(unfolded); !shaped) return shaped.error();
  return CalendarReader().Read(unfolded);
}

}  // namespace pipelined
