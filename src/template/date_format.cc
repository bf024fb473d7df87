// Dates as text and back: strftime, strptime, pendulum's tokens. English names, whatever the locale.
#include <fmt/format.h>

#include <array>
#include <cctype>

#include "template/date.h"
#include "template/fault.h"

namespace pipelined::tmpl {
namespace {

constexpr std::array<std::string_view, 7> kDays{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 12> kMonths{"January",   "February", "March",    "April",
                                                   "May",       "June",     "July",     "August",
                                                   "September", "October",  "November", "December"};

std::string_view DayName(const Fields& f) {
  return kDays[static_cast<std::size_t>(f.weekday)];
}
std::string_view MonthName(const Fields& f) {
  return kMonths[static_cast<std::size_t>(f.month - 1)];
}
int Hour12(const Fields& f) {
  return f.hour % 12 == 0 ? 12 : f.hour % 12;
}

struct IsoWeek {
  int year, week;
};
IsoWeek IsoWeekOf(const Fields& f) {
  const auto leap = [](int y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; };
  const int week = (f.year_day - f.weekday + 9) / 7;  // year_day from 1, Monday 0
  if (week < 1) {
    const int length = leap(f.year - 1) ? 366 : 365;
    return {f.year - 1, (f.year_day + length - f.weekday + 9) / 7};
  }
  if (week == 53) {
    const int length = leap(f.year) ? 366 : 365;
    if (f.year_day - f.weekday + 3 > length) return {f.year + 1, 1};  // its Thursday lies in the next year
  }
  return {f.year, week};
}

std::string ZoneName(const DateTime& date) {
  if (!date.aware) return "";
  if (date.zone == "UTC") return "UTC";
  return date.zone.empty() ? "UTC" + OffsetText(date.offset, true) : date.zone;
}

std::string Directive(const DateTime& date, const Fields& f, char c, bool padded) {
  const auto number = [padded](std::int64_t n, int width, char fill = '0') {
    if (!padded) return fmt::format("{}", n);
    return fill == '0' ? fmt::format("{:0{}}", n, width) : fmt::format("{:{}}", n, width);
  };
  switch (c) {
    case 'a':
      return std::string(DayName(f).substr(0, 3));
    case 'A':
      return std::string(DayName(f));
    case 'b':
    case 'h':
      return std::string(MonthName(f).substr(0, 3));
    case 'B':
      return std::string(MonthName(f));
    case 'C':
      return number(f.year / 100, 2);
    case 'd':
      return number(f.day, 2);
    case 'D':
    case 'x':
      return Strftime(date, "%m/%d/%y");
    case 'e':
      return number(f.day, 2, ' ');
    case 'f':
      return fmt::format("{:06}", f.micro);
    case 'F':
      return Strftime(date, "%Y-%m-%d");
    case 'g':
      return number(IsoWeekOf(f).year % 100, 2);
    case 'G':
      return number(IsoWeekOf(f).year, 4);
    case 'H':
      return number(f.hour, 2);
    case 'I':
      return number(Hour12(f), 2);
    case 'j':
      return number(f.year_day, 3);
    case 'k':
      return number(f.hour, 2, ' ');
    case 'l':
      return number(Hour12(f), 2, ' ');
    case 'm':
      return number(f.month, 2);
    case 'M':
      return number(f.minute, 2);
    case 'n':
      return "\n";
    case 'p':
      return f.hour < 12 ? "AM" : "PM";
    case 'r':
      return Strftime(date, "%I:%M:%S %p");
    case 'R':
      return Strftime(date, "%H:%M");
    case 's':
      return fmt::format("{}", std::chrono::floor<Seconds>(date.utc()).count());
    case 'S':
      return number(f.second, 2);
    case 't':
      return "\t";
    case 'T':
    case 'X':
      return Strftime(date, "%H:%M:%S");
    case 'u':
      return number(f.weekday + 1, 1);
    case 'U':
      return number((f.year_day - 1 + 7 - (f.weekday + 1) % 7) / 7, 2);
    case 'V':
      return number(IsoWeekOf(f).week, 2);
    case 'w':
      return number((f.weekday + 1) % 7, 1);
    case 'W':
      return number((f.year_day - 1 + 7 - f.weekday) / 7, 2);
    case 'c':
      return Strftime(date, "%a %b %e %H:%M:%S %Y");
    case 'y':
      return number(f.year % 100, 2);
    case 'Y':
      return fmt::format("{}", f.year);
    case 'z':
      return date.aware ? OffsetText(date.offset, false) : "";
    case 'Z':
      return ZoneName(date);
    case '%':
      return "%";
    default:
      return std::string("%") + c;
  }
}

// Reads a text by a strptime format.
class Reader {
 public:
  Reader(std::string_view text, std::string_view format) : text_(text), format_(format) {}

  DateTime Run() {
    for (std::size_t i = 0; i < format_.size(); ++i) {
      const char c = format_[i];
      if (std::isspace(static_cast<unsigned char>(c)) != 0) {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
      } else if (c == '%' && i + 1 < format_.size()) {
        Directive(format_[++i]);
      } else {
        Expect(c);
      }
    }
    if (at_ != text_.size()) ValueError(fmt::format("unconverted data remains: {}", text_.substr(at_, 40)));
    if (pm_ >= 0) f_.hour = f_.hour % 12 + (pm_ != 0 ? 12 : 0);
    if (year_day_ > 0) {
      Fields first = f_;
      first.month = first.day = 1;
      DateTime start;
      start.local = LocalOf(first) + std::chrono::days(year_day_ - 1);
      const Fields found = FieldsOf(start);
      f_.month = found.month;
      f_.day = found.day;
    }
    date_.local = LocalOf(f_);
    return date_;
  }

 private:
  [[noreturn]] void Mismatch() const {
    ValueError(
        fmt::format("time data \"{}\" does not match format \"{}\"", text_.substr(0, 60), format_.substr(0, 60)));
  }
  void Expect(char c) {
    if (at_ >= text_.size() || text_[at_] != c) Mismatch();
    ++at_;
  }
  int Number(std::size_t most, int low, int high) {
    std::size_t digits = 0;
    int number = 0;
    while (digits < most && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      number = number * 10 + (text_[at_++] - '0');
      ++digits;
    }
    if (digits == 0 || number < low || number > high) Mismatch();
    return number;
  }
  template <class Names>
  int Word(const Names& names, bool whole) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string_view name = whole ? names[i] : names[i].substr(0, 3);
      if (text_.size() - at_ < name.size()) continue;
      bool same = true;
      for (std::size_t k = 0; k < name.size(); ++k) same = same && ((text_[at_ + k] ^ name[k]) & ~0x20) == 0;
      if (!same) continue;
      at_ += name.size();
      return static_cast<int>(i);
    }
    Mismatch();
  }
  void Fraction() {
    const std::size_t from = at_;
    int micros = Number(6, 0, 999'999);
    for (std::size_t digits = at_ - from; digits < 6; ++digits) micros *= 10;
    f_.micro = micros;
  }
  void Offset() {
    date_.aware = true;
    date_.zone.clear();
    if (at_ < text_.size() && (text_[at_] == 'Z' || text_[at_] == 'z')) {
      ++at_;
      date_.zone = "UTC";
      return;
    }
    if (at_ >= text_.size() || (text_[at_] != '+' && text_[at_] != '-')) Mismatch();
    const int sign = text_[at_++] == '-' ? -1 : 1;
    const int hours = Number(2, 0, 23);
    if (at_ < text_.size() && text_[at_] == ':') ++at_;
    date_.offset = Seconds(sign * (hours * 3600 + Number(2, 0, 59) * 60));
    if (date_.offset.count() == 0) date_.zone = "UTC";
  }
  void Directive(char c) {
    switch (c) {
      case 'Y':
        f_.year = Number(4, 1, 9999);
        return;
      case 'y':
        f_.year = Number(2, 0, 99);
        f_.year += f_.year < 69 ? 2000 : 1900;
        return;
      case 'm':
        f_.month = Number(2, 1, 12);
        return;
      case 'd':
      case 'e':
        f_.day = Number(2, 1, 31);
        return;
      case 'H':
        f_.hour = Number(2, 0, 23);
        return;
      case 'I':
        f_.hour = Number(2, 1, 12);
        return;
      case 'M':
        f_.minute = Number(2, 0, 59);
        return;
      case 'S':
        f_.second = Number(2, 0, 59);
        return;
      case 'j':
        year_day_ = Number(3, 1, 366);
        return;
      case 'f':
        return Fraction();
      case 'z':
        return Offset();
      case 'p':
        pm_ = Word(std::array<std::string_view, 2>{"AM", "PM"}, true);
        return;
      case 'b':
        f_.month = Word(kMonths, false) + 1;
        return;
      case 'B':
        f_.month = Word(kMonths, true) + 1;
        return;
      case 'a':
        Word(kDays, false);
        return;
      case 'A':
        Word(kDays, true);
        return;
      case 'F':
        Directive('Y');
        Expect('-');
        Directive('m');
        Expect('-');
        return Directive('d');
      case 'T':
        Directive('H');
        Expect(':');
        Directive('M');
        Expect(':');
        return Directive('S');
      case 'Z':
        Word(std::array<std::string_view, 2>{"UTC", "GMT"}, true);
        return;
      case '%':
        return Expect('%');
      default:
        ValueError(fmt::format("'{}' is a bad directive in format", c));
    }
  }

  std::string_view text_, format_;
  std::size_t at_ = 0;
  int pm_ = -1;
  int year_day_ = 0;
  Fields f_{1900, 1, 1, 0, 0, 0, 0, 0, 1};
  DateTime date_ = [] {
    DateTime naive;
    naive.aware = false;
    return naive;
  }();
};

}  // namespace

std::string Strftime(const DateTime& date, std::string_view format) {
  const Fields f = FieldsOf(date);
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 >= format.size()) {
      text += format[i];
      continue;
    }
    const bool padded = format[i + 1] != '-' || i + 2 >= format.size();
    i += padded ? 1 : 2;
    text += Directive(date, f, format[i], padded);
  }
  return text;
}

DateTime Strptime(std::string_view text, std::string_view format) {
  return Reader(text, format).Run();
}

DateTime ParseAnyDate(std::string_view text) {
  std::string format = text.find('-') != std::string_view::npos ? "%Y-%m-%d" : "%Y%m%d";
  const std::size_t mark = text.find_first_of("T ");
  if (mark != std::string_view::npos) {
    const std::string_view time = text.substr(mark + 1);
    format += text[mark];
    const bool colons = time.find(':') == 2;
    format += colons ? "%H:%M" : time.size() >= 4 ? "%H%M" : "%H";
    const std::size_t zone = time.find_first_of("+-Zz");
    const std::string_view clock = time.substr(0, zone);
    if (clock.size() > (colons ? 5u : 4u)) format += colons ? ":%S" : "%S";
    if (clock.find('.') != std::string_view::npos) format += ".%f";
    if (zone != std::string_view::npos) format += "%z";
  }
  return Strptime(text, format);
}

std::string PendulumFormat(const DateTime& date, std::string_view format) {
  const Fields f = FieldsOf(date);
  const auto pad = [](int number, int width) { return fmt::format("{:0{}}", number, width); };
  const auto token = [&](std::string_view t) -> std::optional<std::string> {
    if (t == "YYYY") return pad(f.year, 4);
    if (t == "YY") return pad(f.year % 100, 2);
    if (t == "MMMM") return std::string(MonthName(f));
    if (t == "MMM") return std::string(MonthName(f).substr(0, 3));
    if (t == "MM") return pad(f.month, 2);
    if (t == "M") return fmt::format("{}", f.month);
    if (t == "DDDD") return pad(f.year_day, 3);
    if (t == "DD") return pad(f.day, 2);
    if (t == "D") return fmt::format("{}", f.day);
    if (t == "dddd") return std::string(DayName(f));
    if (t == "ddd") return std::string(DayName(f).substr(0, 3));
    if (t == "Q") return fmt::format("{}", (f.month - 1) / 3 + 1);
    if (t == "HH") return pad(f.hour, 2);
    if (t == "H") return fmt::format("{}", f.hour);
    if (t == "hh") return pad(Hour12(f), 2);
    if (t == "h") return fmt::format("{}", Hour12(f));
    if (t == "mm") return pad(f.minute, 2);
    if (t == "m") return fmt::format("{}", f.minute);
    if (t == "ss") return pad(f.second, 2);
    if (t == "s") return fmt::format("{}", f.second);
    if (t == "SSSSSS") return pad(f.micro, 6);
    if (t == "SSS") return pad(f.micro / 1000, 3);
    if (t == "A") return std::string(f.hour < 12 ? "AM" : "PM");
    if (t == "X") return Strftime(date, "%s");
    if (t == "ZZ") return OffsetText(date.offset, false);
    if (t == "Z") return OffsetText(date.offset, true);
    if (t == "zz" || t == "z") return date.zone;
    return std::nullopt;
  };
  std::string text;
  for (std::size_t i = 0; i < format.size();) {
    const std::size_t close = format[i] == '[' ? format.find(']', i) : std::string_view::npos;
    if (close != std::string_view::npos) {  // [plain text]
      text += format.substr(i + 1, close - i - 1);
      i = close + 1;
      continue;
    }
    std::size_t size = std::min<std::size_t>(6, format.size() - i);
    std::optional<std::string> found;
    for (; size > 0 && !(found = token(format.substr(i, size))); --size) {
    }
    text += found ? *found : std::string(1, format[i]);
    i += std::max<std::size_t>(size, 1);
  }
  return text;
}

}  // namespace pipelined::tmpl
