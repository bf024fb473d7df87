#include "dagfile/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <unordered_map>

#include "pipelined/base/near_match.h"

namespace pipelined::dagfile {
namespace {

bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view Unsigned(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return text;
}

bool HasLeadingZero(std::string_view text) {
  const std::string_view digits = Unsigned(text);
  return digits.size() > 1 && digits[0] == '0' && IsDigits(digits);
}

bool IsFloat(std::string_view text) {
  text = Unsigned(text);
  const std::size_t e = text.find_first_of("eE");
  if (e != std::string_view::npos && !IsDigits(Unsigned(text.substr(e + 1)))) return false;
  const std::string_view mantissa = text.substr(0, e);
  const std::size_t dot = mantissa.find('.');
  const std::string_view whole = mantissa.substr(0, dot);
  const std::string_view fraction = dot == std::string_view::npos ? std::string_view() : mantissa.substr(dot + 1);
  if (whole.empty() && fraction.empty()) return false;
  return (whole.empty() || IsDigits(whole)) && (fraction.empty() || IsDigits(fraction)) &&
         !(whole.size() > 1 && whole[0] == '0');
}

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x")) base = 16;
  if (text.starts_with("0o")) base = 8;
  if (base != 10) text.remove_prefix(2);
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<bool> ParseBool(std::string_view text) {
  for (const std::string_view yes : {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

std::string_view Described(NodeRef node) {
  switch (node.kind()) {
    case NodeKind::kNull:
      return "nothing";
    case NodeKind::kList:
      return "a list";
    case NodeKind::kMap:
      return "a mapping";
    default:
      return "a text";
  }
}

Value ScalarValue(NodeRef node) {
  const std::string_view text = node.text();
  switch (KindOf(node)) {
    case ScalarKind::kBool:
      return Value(*ParseBool(text));
    case ScalarKind::kInt:
      if (const auto number = ParseInteger(text)) return Value(*number);
      [[fallthrough]];  // larger than 64 bits
    case ScalarKind::kFloat:
      return Value(std::strtod(std::string(text).c_str(), nullptr));
    case ScalarKind::kText:
      break;
  }
  return Value(text);
}

}  // namespace

ScalarKind KindOf(NodeRef scalar) {
  if (!scalar.is_plain()) return ScalarKind::kText;
  const std::string_view text = scalar.text();
  if (text.empty()) return ScalarKind::kText;
  const char first = text[0];
  if (first == 't' || first == 'T' || first == 'f' || first == 'F')
    return ParseBool(text) ? ScalarKind::kBool : ScalarKind::kText;
  if (first != '-' && first != '+' && first != '.' && (first < '0' || first > '9')) return ScalarKind::kText;
  if (IsDigits(Unsigned(text))) return HasLeadingZero(text) ? ScalarKind::kText : ScalarKind::kInt;
  if (text.starts_with("0x") || text.starts_with("0o"))
    return ParseInteger(text) ? ScalarKind::kInt : ScalarKind::kText;
  return IsFloat(text) ? ScalarKind::kFloat : ScalarKind::kText;
}

void ReportType(const Entry& entry, Reporter& reporter, std::string_view wanted, std::string hint) {
  const std::string found = entry.value.is_scalar() ? Quoted(entry.value.text()) : std::string(Described(entry.value));
  reporter.Error(Code::kWrongType, entry.place(), fmt::format("{} needs {}, not {}", entry.name(), wanted, found),
                 std::move(hint));
}

bool RequireMap(const Entry& entry, Reporter& reporter, std::string_view wanted) {
  if (entry.value.is_map()) return true;
  ReportType(entry, reporter, wanted);
  return false;
}

bool ReadText(const Entry& entry, Reporter& reporter, std::string& out) {
  if (!entry.value.is_scalar()) {
    ReportType(entry, reporter, "a text", entry.value.is_map() ? "put a text that begins with { in quotes" : "");
    return false;
  }
  out = entry.value.text();
  return true;
}

bool ReadWord(const Entry& entry, Reporter& reporter, std::string& out) {
  std::string word;
  if (!ReadText(entry, reporter, word)) return false;
  if (word.empty()) {
    reporter.Error(Code::kBadValue, entry.place(), fmt::format("{} may not be empty", entry.name()));
    return false;
  }
  out = std::move(word);
  return true;
}

std::optional<bool> BoolOf(NodeRef node) {
  return node.is_plain() ? ParseBool(node.text()) : std::nullopt;
}

bool ReadBool(const Entry& entry, Reporter& reporter, bool& out) {
  if (const auto value = BoolOf(entry.value)) {
    out = *value;
    return true;
  }
  const auto value = entry.value.is_scalar() ? ParseBool(entry.value.text()) : std::nullopt;
  ReportType(entry, reporter, "true or false", value ? "take the quotes away" : "");
  return false;
}

bool ReadInt(const Entry& entry, Reporter& reporter, std::int32_t& out, std::int32_t least, std::int32_t most,
             std::string_view hint_beyond) {
  const std::string_view text = entry.value.is_scalar() ? entry.value.text() : std::string_view();
  const auto number = ParseInteger(text);
  if (!number || !entry.value.is_plain() || HasLeadingZero(text)) {
    std::string hint;
    if (number && HasLeadingZero(text)) {
      const std::string_view digits = text.substr(std::min(text.find_first_not_of("+-0"), text.size() - 1));
      hint = fmt::format("a leading zero means octal to some and nothing to others: write {}{} or 0o{}",
                         text[0] == '-' ? "-" : "", digits, digits);
    } else if (number && !entry.value.is_plain()) {
      hint = "take the quotes away";
    }
    ReportType(entry, reporter, "a whole number", std::move(hint));
    return false;
  }
  if (*number < least || *number > most) {
    const bool bounded = most != std::numeric_limits<std::int32_t>::max();
    reporter.Error(Code::kBadValue, entry.place(),
                   bounded || *number > most
                       ? fmt::format("{} must lie between {} and {}, not {}", entry.name(), least, most, *number)
                       : fmt::format("{} must be at least {}, not {}", entry.name(), least, *number),
                   std::string(hint_beyond));
    return false;
  }
  out = static_cast<std::int32_t>(*number);
  return true;
}

bool ReadDuration(const Entry& entry, Reporter& reporter, Micros& out) {
  if (!entry.value.is_scalar()) {
    ReportType(entry, reporter, "a duration", "for example 30s, 5m, 1h30m or PT5M");
    return false;
  }
  const Result<Micros> duration = ParseDuration(entry.value.text());
  if (!duration) {
    reporter.Error(Code::kBadDuration, entry.place(),
                   fmt::format("{} is not a duration: {}", entry.name(), Quoted(entry.value.text())),
                   "for example 500ms, 30s, 5m, 1h30m, PT5M, or seconds as a number");
    return false;
  }
  out = *duration;
  return true;
}

bool ReadTexts(const Entry& entry, Reporter& reporter, std::vector<std::string>& out) {
  std::vector<std::string> texts;
  if (entry.value.is_scalar()) {
    texts.emplace_back(entry.value.text());
  } else if (entry.value.is_list()) {
    for (const NodeRef item : ItemsOf(entry.value)) {
      if (!item.is_scalar()) {
        reporter.Error(Code::kWrongType, item.place(),
                       fmt::format("{} needs texts, not {}", entry.name(), Described(item)));
        return false;
      }
      texts.emplace_back(item.text());
    }
  } else {
    ReportType(entry, reporter, "a list of texts");
    return false;
  }
  out = std::move(texts);
  return true;
}

std::optional<std::size_t> ReadChoice(const Entry& entry, std::span<const std::string_view> choices,
                                      Reporter& reporter) {
  std::string text;
  if (!ReadText(entry, reporter, text)) return std::nullopt;
  const auto at = std::find(choices.begin(), choices.end(), text);
  if (at != choices.end()) return static_cast<std::size_t>(at - choices.begin());
  const auto near = NearMatch(text, choices);
  reporter.Error(
      Code::kBadValue, entry.place(), fmt::format("{} cannot be {}", entry.name(), Quoted(text)),
      near ? fmt::format("did you mean \"{}\"?", *near) : fmt::format("known are: {}", fmt::join(choices, ", ")));
  return std::nullopt;
}

void ReadEnv(const Entry& entry, Reporter& reporter, Env& out) {
  if (!RequireMap(entry, reporter, "a mapping of names to texts")) return;
  std::unordered_map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < out.size(); ++i) known.emplace(out[i].first, i);
  for (const Entry variable : EntriesOf(entry.value)) {
    const std::string name(variable.name());
    if (name == "<<" && variable.key.is_plain()) continue;
    if (name.empty() || name.find('=') != std::string::npos) {
      reporter.Error(Code::kBadValue, variable.key.place(),
                     fmt::format("{} cannot be the name of an environment variable", Quoted(name)));
      continue;
    }
    std::string text;
    if (!variable.value.is_null() && !ReadText(variable, reporter, text)) continue;
    const auto [at, fresh] = known.emplace(name, out.size());
    if (fresh) {
      out.emplace_back(name, std::move(text));
    } else {
      out[at->second].second = std::move(text);
    }
  }
}

Value ToValue(NodeRef node) {
  if (node.is_list()) {
    Value::List list;
    for (const NodeRef item : ItemsOf(node)) list.push_back(ToValue(item));
    return Value(std::move(list));
  }
  if (node.is_map()) {
    Value::Map map;
    for (const Entry entry : EntriesOf(node)) {
      if (entry.name() != "<<" || !entry.key.is_plain())
        map.emplace_back(std::string(entry.name()), ToValue(entry.value));
    }
    return Value(std::move(map));
  }
  return node.is_null() ? Value() : ScalarValue(node);
}

}  // namespace pipelined::dagfile
