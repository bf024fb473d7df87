// Members and methods of dates and lengths of time: Python's datetime and the part of pendulum that templates use.
#include <fmt/format.h>

#include <cmath>

#include "template/machine.h"

namespace pipelined::tmpl {
namespace {

constexpr std::int64_t kDay = 86'400'000'000;

Val Clock(const DateTime& date, std::string_view name) {
  if (name == "to_date_string") return Val::Str(Strftime(date, "%Y-%m-%d"));
  if (name == "to_time_string") return Val::Str(Strftime(date, "%H:%M:%S"));
  if (name == "to_datetime_string") return Val::Str(Strftime(date, "%Y-%m-%d %H:%M:%S"));
  if (name == "to_iso8601_string" || name == "to_rfc3339_string" || name == "to_atom_string") {
    const std::string iso = DateIso(date);
    const bool zulu = name == "to_iso8601_string" && date.aware && date.zone == "UTC";
    return Val::Str(zulu ? iso.substr(0, iso.size() - 6) + "Z" : iso);
  }
  if (name == "timestamp") return Val::Float(static_cast<double>(date.utc().count()) / 1e6);
  if (name == "weekday" || name == "isoweekday") return Val::Int(FieldsOf(date).weekday + (name == "weekday" ? 0 : 1));
  if (name == "isocalendar") {
    Vals parts;
    for (const char* part : {"%G", "%V", "%u"}) parts.push_back(Val::Int(std::stoi(Strftime(date, part))));
    return Val::Tuple(std::move(parts));
  }
  if (name == "date") {
    DateTime day = StartOf(date, "day");
    day.date_only = true;
    day.aware = false;
    day.offset = Seconds(0);
    day.zones = nullptr;
    return Val::Date(std::move(day));
  }
  if (name == "naive") {
    DateTime naive = date;
    naive.aware = false;
    naive.offset = Seconds(0);
    naive.zones = nullptr;
    return Val::Date(std::move(naive));
  }
  return Val::Undefined("");
}

std::int64_t SignedArgument(Args& args, std::string_view name, int sign) {
  std::int64_t number = args.Integer(name, 0);
  if (number > 1'000'000'000'000 || number < -1'000'000'000'000)
    Raise(TemplateFault::kLimit, fmt::format("{} is too large", name));
  return number * sign;
}

// pendulum's add() and subtract(): calendar parts by the wall clock, the rest as elapsed time.
Val Shift(const DateTime& date, Args& args, int sign) {
  if (const Val* given = args.Named("delta"))
    return Val::Date(AddMicros(date, given->is(Kind::kDelta) ? given->delta() * sign : Micros(0)));
  const std::int64_t years = SignedArgument(args, "years", sign), months = SignedArgument(args, "months", sign);
  const std::int64_t weeks = SignedArgument(args, "weeks", sign), days = SignedArgument(args, "days", sign);
  const std::int64_t hours = SignedArgument(args, "hours", sign), minutes = SignedArgument(args, "minutes", sign);
  const Val* seconds = args.Optional("seconds");
  const std::int64_t micros = SignedArgument(args, "microseconds", sign);
  double seconds_given = 0;
  if (seconds != nullptr) {
    if (!seconds->is_number() || !(std::abs(seconds->number()) < 1e12)) TypeError("seconds must be a number");
    seconds_given = seconds->number() * sign;
  }
  if (std::abs(hours) > 100'000'000 || std::abs(minutes) > 10'000'000'000)
    ValueError("the date is out of range: years 1 to 9999");
  DateTime moved = AddDays(AddMonths(date, years * 12 + months), weeks * 7 + days);
  const Micros elapsed =
      Seconds(hours * 3600 + minutes * 60) + Micros(std::llround(seconds_given * 1e6)) + Micros(micros);
  return Val::Date(AddMicros(moved, elapsed));
}

Val ReplaceFields(const DateTime& date, Args& args) {
  Fields f = FieldsOf(date);
  const auto take = [&args](std::string_view name, int now) {
    const std::int64_t given = args.Integer(name, now);
    if (given < 0 || given > 999'999) ValueError(fmt::format("{} is out of range", name));
    return static_cast<int>(given);
  };
  f.year = take("year", f.year);
  f.month = take("month", f.month);
  f.day = take("day", f.day);
  f.hour = take("hour", f.hour);
  f.minute = take("minute", f.minute);
  f.second = take("second", f.second);
  f.micro = take("microsecond", f.micro);
  DateTime changed = date;
  if (const Val* tz = args.Named("tzinfo"); tz != nullptr && tz->is(Kind::kNone)) {
    changed.aware = false;
    changed.offset = Seconds(0);
    changed.zones = nullptr;
  }
  const Micros target = LocalOf(f);
  return Val::Date(changed.zones == nullptr
                       ? AddMicros(changed, target - changed.local)
                       : AddDays(AddMicros(changed, (target - changed.local) % std::chrono::days(1)),
                                 (target - changed.local) / std::chrono::days(1)));
}

// pendulum's first_of() and last_of(), without a day of the week.
std::string DatesUnit(Args& args) {
  std::string unit = args.RequiredString("unit");
  if (unit != "month" && unit != "year") Raise(TemplateFault::kValue, "the unit must be month or year", "");
  return unit;
}

}  // namespace

std::optional<Val> DateAttribute(const Val& self, std::string_view name) {
  if (self.is(Kind::kDelta)) {
    std::int64_t day = self.delta().count() / kDay;
    if (self.delta().count() % kDay < 0) --day;
    const std::int64_t rest = self.delta().count() - day * kDay;
    if (name == "days") return Val::Int(day);
    if (name == "seconds") return Val::Int(rest / 1'000'000);
    if (name == "microseconds") return Val::Int(rest % 1'000'000);
    return std::nullopt;
  }
  const Fields f = FieldsOf(self.date());
  if (name == "year") return Val::Int(f.year);
  if (name == "month") return Val::Int(f.month);
  if (name == "day") return Val::Int(f.day);
  if (name == "hour") return Val::Int(f.hour);
  if (name == "minute") return Val::Int(f.minute);
  if (name == "second") return Val::Int(f.second);
  if (name == "microsecond") return Val::Int(f.micro);
  if (name == "day_of_year") return Val::Int(f.year_day);
  if (name == "day_of_week") return Val::Int(f.weekday);
  if (name == "quarter") return Val::Int((f.month - 1) / 3 + 1);
  if (name == "int_timestamp") return Val::Int(std::chrono::floor<Seconds>(self.date().utc()).count());
  if (name == "timezone_name") return Val::Str(self.date().zone);
  return std::nullopt;
}

Val DateMethod(Machine& machine, const Val& self, std::string_view name, Args& args, bool* known) {
  if (self.is(Kind::kDelta)) {
    if (name == "total_seconds") return Val::Float(static_cast<double>(self.delta().count()) / 1e6);
    *known = false;
    return Val();
  }
  const DateTime& date = self.date();
  if (name == "strftime") {
    const std::string format = args.RequiredString("format");
    machine.Memory(format.size(), 16);
    return Val::Str(Strftime(date, format));
  }
  if (name == "format") {
    const std::string format = args.RequiredString("fmt");
    machine.Memory(format.size(), 16);
    return Val::Str(PendulumFormat(date, format));
  }
  if (name == "isoformat") return Val::Str(DateIso(date));
  if (name == "add") return Shift(date, args, 1);
  if (name == "subtract") return Shift(date, args, -1);
  if (name == "start_of") return Val::Date(StartOf(date, args.RequiredString("unit")));
  if (name == "end_of") return Val::Date(EndOf(date, args.RequiredString("unit")));
  if (name == "first_of") return Val::Date(StartOf(date, DatesUnit(args)));
  if (name == "last_of") return Val::Date(StartOf(EndOf(date, DatesUnit(args)), "day"));
  if (name == "in_timezone" || name == "in_tz" || name == "astimezone") {
    return Val::Date(InZone(date, args.RequiredString("tz"), machine.scope()));
  }
  if (name == "replace") return ReplaceFields(date, args);
  Val simple = Clock(date, name);
  if (simple.is(Kind::kUndefined)) *known = false;
  return simple;
}

// A text that is split: each piece is made from it.
Val Pieces(const Val& result, Origin origin) {
  if (!result.is_sequence()) return result;
  Vals pieces;
  for (const Val& piece : result.items()) pieces.push_back(piece.With(origin));
  return result.is(Kind::kList) ? Val::List(std::move(pieces)) : Val::Tuple(std::move(pieces));
}

Val CallMethod(Machine& machine, const Val& self, const std::string& name, Args& args) {
  bool known = true;
  Val result;
  switch (self.kind()) {
    case Kind::kUndefined:
      self.RaiseUndefined();
    case Kind::kString:
      result = StringMethod(machine, self, name, args, &known);
      if (self.secret()) result = Pieces(result, self.origin());
      break;
    case Kind::kDate:
    case Kind::kDelta:
      result = DateMethod(machine, self, name, args, &known);
      break;
    case Kind::kDict:
      result = DictMethod(machine, self, name, args, &known);
      break;
    case Kind::kList:
    case Kind::kTuple:
      if (name == "index" || name == "count") {
        result = ListMethod(machine, self, name, args);
        break;
      }
      [[fallthrough]];
    default:
      known = false;
  }
  if (!known) {
    const Val member = Attribute(machine, self, name);
    if (member.is(Kind::kUndefined)) member.RaiseUndefined();
    return Call(machine, member, args).With(args.origin());
  }
  args.Done();
  return result.With(self.origin() | args.origin());
}

Val Call(Machine& machine, const Val& callee, Args& args) {
  if (callee.is(Kind::kFunction)) return callee.function().Call(machine, args);
  if (callee.is(Kind::kObject)) return callee.object().Call(machine, args);
  TypeError(fmt::format("'{}' object cannot be called", TypeName(callee)));
}

}  // namespace pipelined::tmpl
