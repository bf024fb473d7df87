// Jinja's filters, and Airflow's for dates. A result is from outside when the value or an argument is, but for `raw`.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "template/filters.h"
#include "template/utf8.h"

namespace pipelined::tmpl {
namespace {

using Filter = Val (*)(Machine&, const Val&, Args&);

const DateTime& DateOf(const Val& val) {
  if (!val.is(Kind::kDate)) {
    Raise(TemplateFault::kAttribute, fmt::format("this filter takes a date, not {}", TypeName(val)));
  }
  return val.date();
}

template <const char* kFormat>
Val DateAs(Machine&, const Val& self, Args&) {
  return Val::Str(Strftime(DateOf(self), kFormat));
}
constexpr char kDs[] = "%Y-%m-%d";
constexpr char kDsNodash[] = "%Y%m%d";
constexpr char kTsNodash[] = "%Y%m%dT%H%M%S";

Val Ts(Machine&, const Val& self, Args&) {
  return Val::Str(DateIso(DateOf(self)));
}
Val TsNodashWithTz(Machine&, const Val& self, Args&) {
  std::string text = DateIso(DateOf(self));
  text.erase(std::remove_if(text.begin() + 4, text.begin() + 19, [](char c) { return c == '-' || c == ':'; }),
             text.begin() + 19);
  const std::size_t colon = text.find(':');
  if (colon != std::string::npos) text.erase(colon, 1);
  return Val::Str(std::move(text));
}

Val Default(Machine&, const Val& self, Args& args) {
  const Val* otherwise = args.Optional("default_value");
  const bool also_false = args.Flag("boolean", false);
  if (!self.is(Kind::kUndefined) && (!also_false || Truth(self))) return self;
  return otherwise == nullptr ? Val::Str("") : *otherwise;
}

Val JoinItems(Machine& machine, const Val& self, Args& args) {
  const std::string by = args.String("d", "");
  Vals items = Iterate(machine, self);
  const Val* attribute = args.Optional("attribute");
  Origin origin = Origin::kFile;
  for (Val& item : items) {
    if (attribute != nullptr && !attribute->is(Kind::kNone)) item = Reach(machine, item, *attribute);
    origin = origin | item.origin();
  }
  return Val::Str(Join(machine, by, items, true)).With(origin);
}

template <std::string (*kChange)(std::string_view)>
Val Changed(Machine& machine, const Val& self, Args&) {
  return Val::Str(kChange(Text(machine, self)));
}

Val LengthOf(Machine& machine, const Val& self, Args&) {
  if (self.is(Kind::kString)) {
    machine.Step(self.string().size() / 64);
    return Val::Int(static_cast<std::int64_t>(Length(self.string())));
  }
  if (self.is(Kind::kDict)) return Val::Int(static_cast<std::int64_t>(self.pairs().size()));
  if (self.is_sequence()) return Val::Int(static_cast<std::int64_t>(self.items().size()));
  TypeError(fmt::format("object of type '{}' has no length", TypeName(self)));
}

std::string_view Stripped(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
  return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

}  // namespace

std::optional<double> ReadFloat(std::string_view text) {
  text = Stripped(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

namespace {

// As Python's int(): 0x, 0o and 0b may stand before a number of their base; base 0 goes by them.
std::optional<std::int64_t> ReadInteger(std::string_view text, int base) {
  text = Stripped(text);
  const bool minus = text.starts_with('-');
  if (minus || text.starts_with('+')) text.remove_prefix(1);
  for (const auto& [letter, meant] : {std::pair{'x', 16}, std::pair{'o', 8}, std::pair{'b', 2}}) {
    const bool prefixed = text.size() > 2 && text[0] == '0' && (text[1] | 0x20) == letter;
    if (!prefixed || (base != 0 && base != meant)) continue;
    text.remove_prefix(2);
    base = meant;
  }
  if (text.starts_with('-')) return std::nullopt;
  const std::string digits = (minus ? "-" : "") + std::string(text);
  std::int64_t number = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, base == 0 ? 10 : base);
  if (error != std::errc() || end != digits.data() + digits.size() || text.empty()) return std::nullopt;
  return number;
}

Val Int(Machine&, const Val& self, Args& args) {
  const Val* otherwise = args.Optional("default");
  const std::int64_t base = args.Integer("base", 10);
  if ((base < 2 || base > 36) && base != 0) ValueError("a number's base is 0 or 2 to 36");
  std::optional<std::int64_t> number;
  if (self.is_integer()) number = self.integer();
  std::optional<double> real;
  if (self.is(Kind::kFloat)) real = self.number();
  if (self.is(Kind::kString)) {
    number = ReadInteger(self.string(), static_cast<int>(base));
    if (!number) real = ReadFloat(self.string());
  }
  if (self.is(Kind::kUndefined)) self.RaiseUndefined();
  if (!number && real && std::abs(*real) < 9.2e18) number = static_cast<std::int64_t>(*real);
  if (number) return Val::Int(*number);
  return otherwise == nullptr ? Val::Int(0) : *otherwise;
}

Val Float(Machine&, const Val& self, Args& args) {
  const Val* otherwise = args.Optional("default");
  if (self.is(Kind::kUndefined)) self.RaiseUndefined();
  if (self.is_number()) return Val::Float(self.number());
  if (self.is(Kind::kString)) {
    if (const auto number = ReadFloat(self.string())) return Val::Float(*number);
  }
  return otherwise == nullptr ? Val::Float(0) : *otherwise;
}

Val Round(Machine&, const Val& self, Args& args) {
  const std::int64_t digits = args.Integer("precision", 0);
  const std::string method = args.String("method", "common");
  if (!self.is_number()) TypeError(fmt::format("type {} has no rounding", TypeName(self)));
  if (digits < -15 || digits > 15) ValueError("a number is rounded to -15 to 15 digits");
  const double scale = std::pow(10.0, static_cast<double>(digits));
  if (method == "ceil") return Val::Float(std::ceil(self.number() * scale) / scale);
  if (method == "floor") return Val::Float(std::floor(self.number() * scale) / scale);
  if (method != "common") ValueError("method must be common, ceil or floor");
  if (self.is_integer() && digits >= 0) return self;
  if (digits < 0) {
    const double rounded = std::nearbyint(self.number() * scale) / scale;
    return self.is_integer() ? Val::Int(static_cast<std::int64_t>(rounded)) : Val::Float(rounded);
  }
  const std::string exact = fmt::format("{:.{}f}", self.number(), digits);  // correctly rounded from the binary value
  return Val::Float(ReadFloat(exact).value_or(self.number()));
}

Val Abs(Machine&, const Val& self, Args&) {
  if (self.is(Kind::kDelta)) return self.delta().count() < 0 ? Negate(self) : self;
  if (!self.is_number()) TypeError(fmt::format("bad operand type for abs(): '{}'", TypeName(self)));
  return self.number() < 0 ? Negate(self) : self;
}

Val First(Machine& machine, const Val& self, Args&) {
  const Vals items = Iterate(machine, self);
  return items.empty() ? Val::Undefined("there is no first element: it is empty") : items.front();
}
Val Last(Machine& machine, const Val& self, Args&) {
  const Vals items = Iterate(machine, self);
  return items.empty() ? Val::Undefined("there is no last element: it is empty") : items.back();
}

Val ListOf(Machine& machine, const Val& self, Args&) {
  return Val::List(Iterate(machine, self));
}

Val Reverse(Machine& machine, const Val& self, Args&) {
  Vals items = Iterate(machine, self);
  std::reverse(items.begin(), items.end());
  return self.is(Kind::kString) ? Val::Str(Join(machine, "", items, true)) : Val::List(std::move(items));
}

}  // namespace

Val Reach(Machine& machine, const Val& item, const Val& attribute, const Val* otherwise) {
  Val at = item;
  const auto step = [&](const Val& by) {
    machine.Step();
    at = Subscript(machine, at, by);
    if (at.is(Kind::kUndefined) && otherwise != nullptr) at = *otherwise;
  };
  if (!attribute.is(Kind::kString)) {
    step(attribute);
    return at;
  }
  for (std::string_view rest = attribute.string();;) {
    const std::size_t end = std::min(rest.find('.'), rest.size());
    const std::string_view part = rest.substr(0, end);
    machine.Step(part.size() / 64);
    const bool number = !part.empty() && part.size() < 10 &&
                        std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
    step(number ? Val::Int(*ReadInteger(part, 10)) : Val::Str(std::string(part)));
    if (end == rest.size()) return at;
    rest.remove_prefix(end + 1);
  }
}

Val SortKey(Machine& machine, const Val& item, const Val* attribute, bool case_matters, const Val* otherwise) {
  Val key = attribute == nullptr || attribute->is(Kind::kNone) ? item : Reach(machine, item, *attribute, otherwise);
  if (key.is(Kind::kUndefined)) key.RaiseUndefined();
  if (case_matters || !key.is(Kind::kString)) return key;
  machine.Memory(key.string().size());
  return Val::Str(Lower(key.string())).With(key.origin());
}

namespace {

// Several attributes with commas between: by the first, then by the second.
Val SortKeys(Machine& machine, const Val& item, const Val* attribute, bool case_matters) {
  if (attribute == nullptr || !attribute->is(Kind::kString) || attribute->string().find(',') == std::string::npos)
    return SortKey(machine, item, attribute, case_matters);
  Vals keys;
  for (std::string_view rest = attribute->string();;) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    machine.Memory(end + sizeof(Val));
    const Val one = Val::Str(std::string(rest.substr(0, end)));
    keys.push_back(SortKey(machine, item, &one, case_matters));
    if (end == rest.size()) return Val::List(std::move(keys));
    rest.remove_prefix(end + 1);
  }
}

template <class Item>
void SortByKey(Machine& machine, std::vector<std::pair<Val, Item>>* keyed, bool reverse) {
  std::stable_sort(keyed->begin(), keyed->end(), [&](const auto& a, const auto& b) {
    return reverse ? Compare(machine, b.first, a.first, "<") < 0 : Compare(machine, a.first, b.first, "<") < 0;
  });
}

Val Sort(Machine& machine, const Val& self, Args& args) {
  const bool reverse = args.Flag("reverse", false), case_matters = args.Flag("case_sensitive", false);
  const Val* attribute = args.Optional("attribute");
  std::vector<std::pair<Val, Val>> keyed;
  for (Val& item : Iterate(machine, self)) keyed.emplace_back(SortKeys(machine, item, attribute, case_matters), item);
  SortByKey(machine, &keyed, reverse);
  Vals items;
  for (auto& [key, item] : keyed) items.push_back(std::move(item));
  return Val::List(std::move(items));
}

Val Unique(Machine& machine, const Val& self, Args& args) {
  const bool case_matters = args.Flag("case_sensitive", false);
  const Val* attribute = args.Optional("attribute");
  Vals items, keys;
  for (Val& item : Iterate(machine, self)) {
    Val key = SortKey(machine, item, attribute, case_matters);
    const bool seen = std::any_of(keys.begin(), keys.end(), [&](const Val& k) { return Equal(machine, k, key); });
    if (seen) continue;
    keys.push_back(std::move(key));
    items.push_back(std::move(item));
  }
  return Val::List(std::move(items));
}

Val Extreme(Machine& machine, const Val& self, Args& args, int sign) {
  const bool case_matters = args.Flag("case_sensitive", false);
  const Val* attribute = args.Optional("attribute");
  const Vals items = Iterate(machine, self);
  if (items.empty()) return Val::Undefined("there is no such element: it is empty");
  std::size_t best = 0;
  Val best_key = SortKey(machine, items[0], attribute, case_matters);
  for (std::size_t i = 1; i < items.size(); ++i) {
    Val key = SortKey(machine, items[i], attribute, case_matters);
    if (Compare(machine, key, best_key, "<") * sign >= 0) continue;
    best = i;
    best_key = std::move(key);
  }
  return items[best];
}
Val Min(Machine& machine, const Val& self, Args& args) {
  return Extreme(machine, self, args, 1);
}
Val Max(Machine& machine, const Val& self, Args& args) {
  return Extreme(machine, self, args, -1);
}

Val Sum(Machine& machine, const Val& self, Args& args) {
  const Val* attribute = args.Optional("attribute");
  const Val* start = args.Optional("start");
  Val sum = start == nullptr ? Val::Int(0) : *start;
  for (const Val& item : Iterate(machine, self)) {
    const bool whole = attribute == nullptr || attribute->is(Kind::kNone);
    sum = Binary(machine, "+", sum, whole ? item : Reach(machine, item, *attribute));
  }
  return sum;
}

Val DictSort(Machine& machine, const Val& self, Args& args) {
  const bool case_matters = args.Flag("case_sensitive", false);
  const std::string by = args.String("by", "key");
  const bool reverse = args.Flag("reverse", false);
  if (!self.is(Kind::kDict)) TypeError(fmt::format("dictsort takes a dict, not {}", TypeName(self)));
  machine.Memory(self.pairs().size(), 4 * sizeof(Val));
  std::vector<std::pair<Val, Val>> keyed;
  for (const auto& [key, value] : self.pairs()) {
    keyed.emplace_back(SortKey(machine, by == "value" ? value : key, nullptr, case_matters), Val::Tuple({key, value}));
  }
  SortByKey(machine, &keyed, reverse);
  Vals items;
  for (auto& [key, item] : keyed) items.push_back(std::move(item));
  return Val::List(std::move(items));
}

Val Items(Machine& machine, const Val& self, Args& args) {
  bool known = true;
  if (!self.is(Kind::kDict)) TypeError(fmt::format("items takes a dict, not {}", TypeName(self)));
  return DictMethod(machine, self, "items", args, &known);
}

Val ReplaceText(Machine& machine, const Val& self, Args& args) {
  const std::string from = args.RequiredString("old"), to = args.RequiredString("new");
  return Val::Str(Replace(machine, Text(machine, self), from, to, args.Integer("count", -1)));
}

Val Format(Machine& machine, const Val& self, Args& args) {
  const std::string& format = AsString(self, "a format");
  auto named = args.RestNamed();
  if (named.empty()) return Val::Str(PercentFormat(machine, format, Val::Tuple(args.Rest())));
  Pairs pairs;
  for (auto& [key, value] : named) pairs.emplace_back(Val::Str(key), std::move(value));
  return Val::Str(PercentFormat(machine, format, Val::Dict(std::move(pairs))));
}

Val String(Machine& machine, const Val& self, Args&) {
  return Val::Str(Text(machine, self));
}

Val Trim(Machine& machine, const Val& self, Args& args) {
  const Val* chars = args.Optional("chars");
  Args strip("trim", chars == nullptr ? Vals{} : Vals{*chars}, {});
  bool known = true;
  return StringMethod(machine, Val::Str(Text(machine, self)), "strip", strip, &known);
}

Val Truncate(Machine& machine, const Val& self, Args& args) {
  const std::int64_t length = args.Integer("length", 255);
  const bool cut_words = args.Flag("killwords", false);
  const std::string end = args.String("end", "...");
  const std::int64_t leeway = args.Integer("leeway", 5);
  const std::string text = Text(machine, self);
  const auto end_length = static_cast<std::int64_t>(Length(end));
  if (length < end_length || leeway < 0) ValueError("the length must leave room for the end");
  if (static_cast<std::int64_t>(Length(text)) <= length + leeway) return Val::Str(text);
  std::string cut = text.substr(0, ByteOffset(text, static_cast<std::size_t>(length - end_length)));
  if (!cut_words) cut = cut.substr(0, cut.rfind(' '));
  return Val::Str(cut + end);
}

Val ToJson(Machine& machine, const Val& self, Args& args) {
  const std::int64_t indent = args.Integer("indent", -1);
  if (indent > 16) ValueError("indent is at most 16");
  return Val::Str(ToJsonText(machine, self, static_cast<int>(indent)));
}

Val Attr(Machine& machine, const Val& self, Args& args) {
  return Attribute(machine, self, args.RequiredString("name"));
}

Val Raw(Machine&, const Val& self, Args&) {
  if (self.is(Kind::kUndefined)) self.RaiseUndefined();
  return self;
}

Val MapItems(Machine& machine, const Val& self, Args& args) {
  const Val* attribute = args.Named("attribute");
  const Val* otherwise = args.Named("default");
  const Vals rest = args.Rest();
  const auto named = args.RestNamed();
  if (attribute != nullptr && !named.empty())
    TypeError(fmt::format("map() got an unexpected argument '{}'", named[0].first));
  Vals results;
  for (const Val& item : Iterate(machine, self)) {
    machine.Step();
    if (attribute != nullptr) {
      results.push_back(Reach(machine, item, *attribute, otherwise));
      if (results.back().is(Kind::kUndefined)) results.back().RaiseUndefined();
      continue;
    }
    if (rest.empty()) TypeError("map() needs a filter's name or attribute=");
    const std::string name = AsString(rest[0], "a filter's name");
    if (!KnownFilter(name) || name == "map" || name == "raw")
      Raise(TemplateFault::kType, fmt::format("there is no filter \"{}\" for map()", name),
            std::string(AbsentFilterHint(name)));
    Args inner(name, Vals(rest.begin() + 1, rest.end()), named);
    results.push_back(ApplyFilter(machine, name, item, inner));
  }
  return Val::List(std::move(results));
}

Val Choose(Machine& machine, const Val& self, Args& args, bool by_attribute, bool wanted) {
  Val attribute;
  if (by_attribute) attribute = args.Required("attribute");
  const Vals rest = args.Rest();
  const auto named = args.RestNamed();
  Vals chosen;
  for (const Val& item : Iterate(machine, self)) {
    machine.Step();
    const Val value = by_attribute ? Reach(machine, item, attribute) : item;
    bool holds = false;
    if (rest.empty()) {
      holds = Truth(value);
    } else {
      const std::string name = AsString(rest[0], "a test's name");
      if (!KnownTest(name)) Raise(TemplateFault::kType, fmt::format("there is no test \"{}\"", name));
      Args inner(name, Vals(rest.begin() + 1, rest.end()), named);
      holds = ApplyTest(machine, name, value, inner);
    }
    if (holds == wanted) chosen.push_back(item);
  }
  return Val::List(std::move(chosen));
}
Val Select(Machine& m, const Val& self, Args& args) {
  return Choose(m, self, args, false, true);
}
Val Reject(Machine& m, const Val& self, Args& args) {
  return Choose(m, self, args, false, false);
}
Val SelectAttr(Machine& m, const Val& self, Args& args) {
  return Choose(m, self, args, true, true);
}
Val RejectAttr(Machine& m, const Val& self, Args& args) {
  return Choose(m, self, args, true, false);
}

struct Entry {
  std::string_view name;
  Filter filter;
};

constexpr std::array kFilters{Entry{"abs", Abs},
                              Entry{"attr", Attr},
                              Entry{"batch", Batch},
                              Entry{"capitalize", Changed<Capitalize>},
                              Entry{"center", Center},
                              Entry{"count", LengthOf},
                              Entry{"d", Default},
                              Entry{"default", Default},
                              Entry{"dictsort", DictSort},
                              Entry{"ds", DateAs<kDs>},
                              Entry{"ds_nodash", DateAs<kDsNodash>},
                              Entry{"e", Escape},
                              Entry{"escape", Escape},
                              Entry{"filesizeformat", FileSizeFormat},
                              Entry{"first", First},
                              Entry{"float", Float},
                              Entry{"forceescape", Escape},
                              Entry{"format", Format},
                              Entry{"groupby", GroupBy},
                              Entry{"indent", Indent},
                              Entry{"int", Int},
                              Entry{"items", Items},
                              Entry{"join", JoinItems},
                              Entry{"last", Last},
                              Entry{"length", LengthOf},
                              Entry{"list", ListOf},
                              Entry{"lower", Changed<Lower>},
                              Entry{"map", MapItems},
                              Entry{"max", Max},
                              Entry{"min", Min},
                              Entry{"random", RandomItem},
                              Entry{"raw", Raw},
                              Entry{"reject", Reject},
                              Entry{"rejectattr", RejectAttr},
                              Entry{"replace", ReplaceText},
                              Entry{"reverse", Reverse},
                              Entry{"round", Round},
                              Entry{"safe", Safe},
                              Entry{"select", Select},
                              Entry{"selectattr", SelectAttr},
                              Entry{"slice", SliceList},
                              Entry{"sort", Sort},
                              Entry{"string", String},
                              Entry{"striptags", StripTags},
                              Entry{"sum", Sum},
                              Entry{"title", Changed<TitleWords>},
                              Entry{"tojson", ToJson},
                              Entry{"trim", Trim},
                              Entry{"truncate", Truncate},
                              Entry{"ts", Ts},
                              Entry{"ts_nodash", DateAs<kTsNodash>},
                              Entry{"ts_nodash_with_tz", TsNodashWithTz},
                              Entry{"unique", Unique},
                              Entry{"upper", Changed<Upper>},
                              Entry{"urlencode", UrlEncode},
                              Entry{"wordcount", WordCount},
                              Entry{"wordwrap", WordWrap},
                              Entry{"xmlattr", XmlAttr}};

const Entry* FindFilter(std::string_view name) {
  for (const Entry& entry : kFilters) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace

bool KnownFilter(std::string_view name) {
  return FindFilter(name) != nullptr;
}

std::vector<std::string_view> FilterNames() {
  std::vector<std::string_view> names;
  for (const Entry& entry : kFilters) names.push_back(entry.name);
  return names;
}

std::string_view AbsentFilterHint(std::string_view name) {
  if (name == "pprint") return "use tojson(indent=2)";
  if (name == "urlize") return "it makes links of HTML: write <a href=…> yourself";
  return {};
}

Val ApplyFilter(Machine& machine, std::string_view name, const Val& self, Args& args) {
  const Entry* entry = FindFilter(name);
  const bool takes_undefined = entry->filter == Default;
  if (self.is(Kind::kUndefined) && !takes_undefined && !self.is_nothing()) self.RaiseUndefined();
  Val result = entry->filter(machine, self, args);
  args.Done();
  if (entry->filter == Raw) return result.Trusted();
  if (takes_undefined) return result;  // one of the two, with its own mark
  return result.With(self.origin() | args.origin());
}

}  // namespace pipelined::tmpl
