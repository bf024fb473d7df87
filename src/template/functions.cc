// range, dict, and Airflow's `macros`.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "pipelined/base/hash.h"
#include "template/machine.h"

namespace pipelined::tmpl {
namespace {

// A named native function.
class Native : public Function {
 public:
  using Body = Val (*)(Machine&, Args&);
  Native(std::string_view name, Body body) : name_(name), body_(body) {}
  Val Call(Machine& machine, Args& args) const override {
    Val result = body_(machine, args);
    args.Done();
    return result.With(args.origin());
  }
  std::string Text() const override { return fmt::format("<function {}>", name_); }

 private:
  std::string_view name_;
  Body body_;
};

Val Make(std::string_view name, Native::Body body) {
  return Val::Of(std::shared_ptr<const Function>(std::make_shared<Native>(name, body)));
}

Val Range(Machine& machine, Args& args) {
  const std::int64_t first = args.RequiredInteger("start");
  const Val* stop = args.Optional("stop");
  const std::int64_t step = args.Integer("step", 1);
  const std::int64_t begin = stop == nullptr ? 0 : first;
  const std::int64_t end = stop == nullptr ? first : AsInteger(*stop, "stop");
  if (step == 0) ValueError("range() arg 3 must not be zero");
  Vals items;
  for (std::int64_t i = begin; step > 0 ? i < end : i > end;) {
    machine.Memory(sizeof(Val));
    items.push_back(Val::Int(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return Val::List(std::move(items));
}

Val MakeDict(Machine& machine, Args& args) {
  Pairs pairs;
  if (const Val* from = args.Optional("mapping")) {
    if (!from->is(Kind::kDict)) TypeError(fmt::format("dict() takes a dict or names, not {}", TypeName(*from)));
    machine.Memory(from->pairs().size(), 2 * sizeof(Val));
    pairs = from->pairs();
  }
  for (auto& [key, value] : args.RestNamed()) {
    std::erase_if(pairs, [&key_name = key](const auto& pair) {
      return pair.first.is(Kind::kString) && pair.first.string() == key_name;
    });
    machine.Step(pairs.size());
    pairs.emplace_back(Val::Str(key), std::move(value));
  }
  return Val::Dict(std::move(pairs));
}

Val DsAdd(Machine&, Args& args) {
  const std::string ds = args.RequiredString("ds");
  const std::int64_t days = args.RequiredInteger("days");
  return Val::Str(Strftime(AddDays(Strptime(ds, "%Y-%m-%d"), days), "%Y-%m-%d"));
}

Val DsFormat(Machine& machine, Args& args) {
  const std::string ds = args.RequiredString("ds"), input = args.RequiredString("input_format"),
                    output = args.RequiredString("output_format");
  machine.Memory(output.size(), 16);
  return Val::Str(Strftime(Strptime(ds, input), output));
}

Val DsFormatLocale(Machine& machine, Args& args) {
  const std::string ds = args.RequiredString("ds"), input = args.RequiredString("input_format"),
                    output = args.RequiredString("output_format");
  const std::string locale = args.String("locale_name", "en");  // whatever the machine's is
  machine.Memory(output.size(), 16);
  return Val::Str(LocaleFormat(Strptime(ds, input), output, locale));
}

Val Timedelta(Machine&, Args& args) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"days", 86'400e6}, {"seconds", 1e6},   {"microseconds", 1}, {"milliseconds", 1e3},
      {"minutes", 60e6},  {"hours", 3'600e6}, {"weeks", 604'800e6}};
  double micros = 0;
  for (const auto& [unit, scale] : kUnits) {
    const Val* given = args.Optional(unit);
    if (given == nullptr) continue;
    if (!given->is_number()) TypeError(fmt::format("timedelta {} must be a number, not {}", unit, TypeName(*given)));
    micros += given->number() * scale;
  }
  if (!(std::abs(micros) < 9e18)) ValueError("the length of time is too large");
  return Val::Delta(Micros(std::llround(micros)));
}

Val MakeDate(Machine&, Args& args) {
  const auto field = [&args](std::string_view name, std::int64_t otherwise, bool required) {
    const std::int64_t given = required ? args.RequiredInteger(name) : args.Integer(name, otherwise);
    if (given < 0 || given > 999'999) ValueError(fmt::format("{} is out of range", name));
    return static_cast<int>(given);
  };
  Fields f;
  f.year = field("year", 0, true);
  f.month = field("month", 0, true);
  f.day = field("day", 0, true);
  f.hour = field("hour", 0, false);
  f.minute = field("minute", 0, false);
  f.second = field("second", 0, false);
  f.micro = field("microsecond", 0, false);
  DateTime date;
  date.aware = false;
  date.local = LocalOf(f);
  return Val::Date(std::move(date));
}

Val ParseDate(Machine&, Args& args) {
  return Val::Date(ParseAnyDate(args.RequiredString("timestr")));
}
Val StrptimeOf(Machine&, Args& args) {
  const std::string text = args.RequiredString("date_string");
  return Val::Date(Strptime(text, args.RequiredString("format")));
}

// A module of Python, as far as templates use it.
class Module : public Object {
 public:
  struct Member {
    std::string_view name;
    Val (*make)();
  };
  Module(std::string_view name, std::vector<Member> members, Native::Body call = nullptr)
      : name_(name), members_(std::move(members)), call_(call) {}

  Val Get(std::string_view name) const override {
    for (const Member& member : members_) {
      if (member.name == name) return member.make();
    }
    constexpr std::string_view kImpure[] = {"now", "utcnow", "today", "time"};
    for (const std::string_view impure : kImpure) {
      if (name == impure) {
        return Val::Undefined(
            fmt::format("{}.{} is not available: a template gives the same text each time", name_, name),
            "use the run's dates and run_id");
      }
    }
    return Val::Undefined(fmt::format("there is no \"{}\" in {}", name.substr(0, 80), name_));
  }
  std::vector<std::string> Names() const override {
    std::vector<std::string> names;
    for (const Member& member : members_) names.emplace_back(member.name);
    return names;
  }
  std::string Text() const override { return std::string(name_); }
  Val Call(Machine& machine, Args& args) const override {
    if (call_ == nullptr) TypeError(fmt::format("{} cannot be called", name_));
    Val result = call_(machine, args);
    args.Done();
    return result.With(args.origin());
  }

 private:
  std::string_view name_;
  std::vector<Member> members_;
  Native::Body call_;
};

Val MakeModule(std::string_view name, std::vector<Module::Member> members, Native::Body call = nullptr) {
  return Val::Of(std::shared_ptr<const Object>(std::make_shared<Module>(name, std::move(members), call)));
}

// A number of [0, 1), of 53 bits as Python's.
Val RandomNumber(Machine& machine, Args&) {
  const auto bytes = machine.Random();
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits = bits << 8 | bytes[i];
  return Val::Float(static_cast<double>(bits >> 11) * 0x1p-53);
}

std::string UuidText(std::array<std::uint8_t, 16> bytes, unsigned version) {
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | version << 4);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string text = Hex(bytes.data(), bytes.size());
  for (const std::size_t at : {8u, 13u, 18u, 23u}) text.insert(at, 1, '-');
  return text;
}

Val Uuid4(Machine& machine, Args&) {
  const auto random = machine.Random();
  std::array<std::uint8_t, 16> bytes{};
  std::copy_n(random.begin(), bytes.size(), bytes.begin());
  return Val::Str(UuidText(bytes, 4));
}

// The namespaces of RFC 4122, by the names that Python gives them.
constexpr std::string_view kNamespaces[] = {
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b811-9dad-11d1-80b4-00c04fd430c8",
    "6ba7b812-9dad-11d1-80b4-00c04fd430c8", "6ba7b814-9dad-11d1-80b4-00c04fd430c8"};

Val Uuid5(Machine& machine, Args& args) {
  const std::string space = args.RequiredString("namespace"), name = args.RequiredString("name");
  machine.Memory(name.size() + 16);
  std::string data;
  int digits = 0, byte = 0;
  for (const char c : space) {
    if (c == '-') continue;
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) ValueError("uuid5() takes a UUID as its namespace");
    byte = byte * 16 + digit;
    if (++digits % 2 != 0) continue;
    data += static_cast<char>(byte);
    byte = 0;
  }
  if (digits != 32) ValueError("uuid5() takes a UUID as its namespace");
  const auto hash = Sha1(data + name);
  std::array<std::uint8_t, 16> bytes{};
  std::copy_n(hash.begin(), bytes.size(), bytes.begin());
  return Val::Str(UuidText(bytes, 5));
}

template <std::size_t kWhich>
Val Namespace() {
  return Val::Str(std::string(kNamespaces[kWhich]));
}

Val UuidModule() {
  return MakeModule("macros.uuid", {{"uuid4", [] { return Make("uuid4", Uuid4); }},
                                    {"uuid5", [] { return Make("uuid5", Uuid5); }},
                                    {"NAMESPACE_DNS", Namespace<0>},
                                    {"NAMESPACE_URL", Namespace<1>},
                                    {"NAMESPACE_OID", Namespace<2>},
                                    {"NAMESPACE_X500", Namespace<3>}});
}

Val DatetimeClass() {
  return MakeModule("macros.datetime",
                    {{"strptime", [] { return Make("strptime", StrptimeOf); }},
                     {"fromisoformat", [] { return Make("fromisoformat", ParseDate); }}},
                    MakeDate);
}
Val DateParser() {
  return MakeModule("macros.dateutil.parser", {{"parse", [] { return Make("parse", ParseDate); }}});
}
Val RelativeModule() {
  return MakeModule("macros.dateutil.relativedelta",
                    {{"relativedelta", [] { return Make("relativedelta", RelativeDelta); }}});
}
Val Dateutil() {
  return MakeModule("macros.dateutil", {{"parser", DateParser}, {"relativedelta", RelativeModule}});
}

}  // namespace

Val Macros() {
  return MakeModule("macros", {{"ds_add", [] { return Make("ds_add", DsAdd); }},
                               {"ds_format", [] { return Make("ds_format", DsFormat); }},
                               {"ds_format_locale", [] { return Make("ds_format_locale", DsFormatLocale); }},
                               {"datetime", DatetimeClass},
                               {"timedelta", [] { return Make("timedelta", Timedelta); }},
                               {"dateutil", Dateutil},
                               {"uuid", UuidModule},
                               {"random", [] { return Make("random", RandomNumber); }}});
}

Val GlobalFunction(std::string_view name) {
  if (name == "range") return Make("range", Range);
  if (name == "dict") return Make("dict", MakeDict);
  if (Val changing = ChangingFunction(name); !changing.is(Kind::kUndefined)) return changing;
  return Val::Undefined(fmt::format("there is no name \"{}\"", name.substr(0, 80)));
}

}  // namespace pipelined::tmpl
