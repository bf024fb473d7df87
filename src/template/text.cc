// How values print: Python's str() and repr(), and JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "template/machine.h"
#include "template/utf8.h"
#include "template/val.h"

namespace pipelined::tmpl {
namespace {

std::string Quoted(std::string_view text) {
  const char quote = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  while (!text.empty()) {
    const std::string_view character = text.substr(0, CharacterSize(text));
    const char c = character[0];
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out += quote;
}

std::string DateRepr(const DateTime& date) {
  const Fields f = FieldsOf(date);
  if (date.date_only) return fmt::format("datetime.date({}, {}, {})", f.year, f.month, f.day);
  std::string text = fmt::format("datetime.datetime({}, {}, {}, {}, {}", f.year, f.month, f.day, f.hour, f.minute);
  if (f.second != 0 || f.micro != 0) text += fmt::format(", {}", f.second);
  if (f.micro != 0) text += fmt::format(", {}", f.micro);
  if (date.aware) text += fmt::format(", tzinfo=Timezone('{}')", date.zone);
  return text += ")";
}

// Everything that prints goes through one walk with a bound, so that shared parts cannot blow up.
class Printer {
 public:
  explicit Printer(Machine& machine) : machine_(machine) {}

  void Put(std::string_view piece) {
    machine_.Memory(piece.size());
    out_ += piece;
  }

  void Repr(const Val& val) {
    machine_.Step();
    switch (val.kind()) {
      case Kind::kString:
        machine_.Memory(val.string().size());
        return Put(Quoted(val.string()));
      case Kind::kList:
        return Items(val.items(), "[", "]");
      case Kind::kTuple:
        return Items(val.items(), "(", val.items().size() == 1 ? ",)" : ")");
      case Kind::kDict:
        return Pairs(val);
      case Kind::kDate:
        return Put(DateRepr(val.date()));
      case Kind::kDelta:
        return Put(fmt::format("datetime.timedelta({})", DeltaText(val.delta())));
      default:
        return Str(val);
    }
  }

  void Str(const Val& val) {
    switch (val.kind()) {
      case Kind::kUndefined:
        if (val.is_nothing()) return;
        val.RaiseUndefined();
      case Kind::kNone:
        return Put("None");
      case Kind::kBool:
        return Put(val.boolean() ? "True" : "False");
      case Kind::kInt:
        return Put(fmt::format("{}", val.integer()));
      case Kind::kFloat:
        return Put(FloatText(val.number()));
      case Kind::kString:
        return Put(val.string());
      case Kind::kDate:
        return Put(DateText(val.date()));
      case Kind::kDelta:
        return Put(DeltaText(val.delta()));
      case Kind::kObject:
        return Put(val.object().Text());
      case Kind::kFunction:
        return Put(val.function().Text());
      default:
        return Repr(val);
    }
  }

  std::string Take() { return std::move(out_); }

 private:
  void Items(const Vals& items, std::string_view open, std::string_view close) {
    Put(open);
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i != 0) Put(", ");
      Repr(items[i]);
    }
    Put(close);
  }
  void Pairs(const Val& dict) {
    Put("{");
    bool first = true;
    for (const auto& [key, value] : dict.pairs()) {
      if (!first) Put(", ");
      first = false;
      Repr(key);
      Put(": ");
      Repr(value);
    }
    Put("}");
  }

  Machine& machine_;
  std::string out_;
};

// JSON that can stand in HTML and in any encoding.
class JsonPrinter {
 public:
  JsonPrinter(Machine& machine, int indent) : machine_(machine), indent_(indent) {}

  void Put(const Val& val) {
    machine_.Step();
    switch (val.kind()) {
      case Kind::kNone:
        return Add("null");
      case Kind::kBool:
        return Add(val.boolean() ? "true" : "false");
      case Kind::kInt:
        return Add(fmt::format("{}", val.integer()));
      case Kind::kFloat:
        if (!std::isfinite(val.number())) ValueError("JSON has no infinity and no NaN");
        return Add(FloatText(val.number()));
      case Kind::kString:
        return Text(val.string());
      case Kind::kList:
      case Kind::kTuple:
        return List(val.items());
      case Kind::kDict:
        return Dict(val);
      default:
        if (val.is(Kind::kObject)) static_cast<void>(val.object().Text());  // may say what was meant
        TypeError(fmt::format("Object of type {} is not JSON serializable", TypeName(val)));
    }
  }

  std::string Take() { return std::move(out_); }

 private:
  void Add(std::string_view piece) {
    machine_.Memory(piece.size());
    out_ += piece;
  }
  void Unit(std::uint32_t unit) { Add(fmt::format("\\u{:04x}", unit)); }

  void Text(std::string_view text) {
    Add("\"");
    while (!text.empty()) {
      const std::string_view character = text.substr(0, CharacterSize(text));
      Character(character);
      text.remove_prefix(character.size());
    }
    Add("\"");
  }

  void Character(std::string_view character) {
    const std::uint32_t code = CodePoint(character);
    switch (code) {
      case '"':
        return Add("\\\"");
      case '\\':
        return Add("\\\\");
      case '\n':
        return Add("\\n");
      case '\r':
        return Add("\\r");
      case '\t':
        return Add("\\t");
      case '\b':
        return Add("\\b");
      case '\f':
        return Add("\\f");
      default:
        break;
    }
    const bool html = code == '<' || code == '>' || code == '&' || code == '\'';
    if (code >= 0x20 && code < 0x80 && !html) return Add(character);
    if (code < 0x10000) return Unit(code);
    Unit(0xd800 + ((code - 0x10000) >> 10));
    Unit(0xdc00 + ((code - 0x10000) & 0x3ff));
  }

  void NewLine(int level) {
    if (indent_ < 0) return;
    Add("\n");
    Add(std::string(static_cast<std::size_t>(level * indent_), ' '));
  }
  std::string_view Comma() const { return indent_ < 0 ? ", " : ","; }

  void List(const Vals& items) {
    if (items.empty()) return Add("[]");
    Add("[");
    ++level_;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i != 0) Add(Comma());
      NewLine(level_);
      Put(items[i]);
    }
    NewLine(--level_);
    Add("]");
  }

  static std::string Key(Machine& machine, const Val& key) {
    if (key.is(Kind::kNone)) return "null";
    if (key.is(Kind::kBool)) return key.boolean() ? "true" : "false";
    return tmpl::Text(machine, key);
  }

  void Dict(const Val& dict) {
    if (dict.pairs().empty()) return Add("{}");
    machine_.Memory(dict.pairs().size(), sizeof(std::string) + sizeof(void*));
    std::vector<std::pair<std::string, const Val*>> sorted;
    for (const auto& [key, value] : dict.pairs()) sorted.emplace_back(Key(machine_, key), &value);
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    Add("{");
    ++level_;
    bool first = true;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      if (i + 1 < sorted.size() && sorted[i].first == sorted[i + 1].first) continue;  // the last of a key counts
      if (!first) Add(Comma());
      first = false;
      NewLine(level_);
      Text(sorted[i].first);
      Add(": ");
      Put(*sorted[i].second);
    }
    NewLine(--level_);
    Add("}");
  }

  Machine& machine_;
  int indent_;
  int level_ = 0;
  std::string out_;
};

}  // namespace

std::string FloatText(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  std::string text = fmt::format("{}", number);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string Text(Machine& machine, const Val& val) {
  Printer printer(machine);
  printer.Str(val);
  return printer.Take();
}

std::string Repr(Machine& machine, const Val& val) {
  Printer printer(machine);
  printer.Repr(val);
  return printer.Take();
}

std::string ToJsonText(Machine& machine, const Val& val, int indent) {
  if (val.is(Kind::kUndefined)) val.RaiseUndefined();
  JsonPrinter printer(machine, indent);
  printer.Put(val);
  return printer.Take();
}

Value ToValue(Machine& machine, const Val& val) {
  machine.Memory(sizeof(Value));
  switch (val.kind()) {
    case Kind::kUndefined:
      if (val.is_nothing()) return Value("");
      val.RaiseUndefined();
    case Kind::kNone:
      return Value();
    case Kind::kBool:
      return Value(val.boolean());
    case Kind::kInt:
      return Value(val.integer());
    case Kind::kFloat:
      return Value(val.number());
    case Kind::kList:
    case Kind::kTuple: {
      Value::List list;
      for (const Val& item : val.items()) list.push_back(ToValue(machine, item));
      return Value(std::move(list));
    }
    case Kind::kDict: {
      Value::Map map;
      for (const auto& [key, value] : val.pairs()) map.emplace_back(Text(machine, key), ToValue(machine, value));
      return Value(std::move(map));
    }
    case Kind::kDate:
      return Value(DateIso(val.date()));
    default:
      return Value(Text(machine, val));
  }
}

}  // namespace pipelined::tmpl
