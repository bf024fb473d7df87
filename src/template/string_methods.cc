// 'a,b'.split(',') and the like.
#include <fmt/format.h>

#include <algorithm>

#include "template/machine.h"
#include "template/utf8.h"

namespace pipelined::tmpl {
namespace {

constexpr std::string_view kBlank = " \t\n\r\f\v";

std::string_view Strip(std::string_view text, std::string_view what, bool left, bool right) {
  if (left) text.remove_prefix(std::min(text.find_first_not_of(what), text.size()));
  if (right) text = text.substr(0, text.find_last_not_of(what) + 1);
  return text;
}

std::size_t FindLast(Machine& machine, std::string_view text, std::string_view what) {
  machine.Step(text.size() / 64 * (1 + what.size() / 64));  // rfind may take the product of both
  return text.rfind(what);
}

Val Piece(std::string_view text) {
  return Val::Str(std::string(text));
}

void ChargePieces(Machine& machine, std::string_view text) {
  machine.Memory(text.size() + 1, sizeof(Val) / 8);
}

Vals SplitBlank(Machine& machine, std::string_view text, std::int64_t most) {
  Vals pieces;
  text = Strip(text, kBlank, true, false);
  while (!text.empty()) {
    machine.Memory(sizeof(Val));
    if (most >= 0 && static_cast<std::int64_t>(pieces.size()) == most) {
      pieces.push_back(Piece(Strip(text, kBlank, false, true)));
      break;
    }
    const std::size_t end = std::min(text.find_first_of(kBlank), text.size());
    pieces.push_back(Piece(text.substr(0, end)));
    text = Strip(text.substr(end), kBlank, true, false);
  }
  return pieces;
}

Vals Split(Machine& machine, std::string_view text, std::string_view by, std::int64_t most, bool from_right) {
  if (by.empty()) ValueError("empty separator");
  ChargePieces(machine, text);
  Vals pieces;
  while (most < 0 || static_cast<std::int64_t>(pieces.size()) < most) {
    const std::size_t at = from_right ? FindLast(machine, text, by) : FindText(text, by);
    if (at == std::string_view::npos) break;
    machine.Memory(sizeof(Val));
    pieces.push_back(Piece(from_right ? text.substr(at + by.size()) : text.substr(0, at)));
    text = from_right ? text.substr(0, at) : text.substr(at + by.size());
  }
  pieces.push_back(Piece(text));
  if (from_right) std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

Vals Lines(Machine& machine, std::string_view text) {
  Vals lines;
  while (!text.empty()) {
    machine.Memory(sizeof(Val));
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    lines.push_back(Piece(text.substr(0, end)));
    const bool two = text.substr(end).starts_with("\r\n");
    text.remove_prefix(std::min(end + (two ? 2 : 1), text.size()));
  }
  return lines;
}

std::string Fill(Machine& machine, const std::string& text, Args& args, int left, int right) {
  const std::int64_t width = args.RequiredInteger("width");
  const std::string fill = args.String("fillchar", " ");
  const auto length = static_cast<std::int64_t>(Length(text));
  if (width <= length) return text;
  if (Length(fill) != 1) TypeError("the fill character must be exactly one character long");
  const auto missing = static_cast<std::size_t>(width - length);
  machine.Memory(missing, fill.size());
  const std::size_t before = left != 0 && right != 0 ? missing / 2 + (missing & static_cast<std::size_t>(width) & 1)
                             : left != 0             ? missing
                                                     : 0;
  std::string out;
  for (std::size_t i = 0; i < before; ++i) out += fill;
  out += text;
  for (std::size_t i = before; i < missing; ++i) out += fill;
  return out;
}

std::string ZeroFill(Machine& machine, const std::string& text, std::int64_t width) {
  const auto length = static_cast<std::int64_t>(Length(text));
  if (width <= length) return text;
  machine.Memory(static_cast<std::size_t>(width));
  std::string out = text;
  const bool sign = text.starts_with('-') || text.starts_with('+');
  return out.insert(sign ? 1 : 0, static_cast<std::size_t>(width - length), '0');
}

bool AnyAffix(const Val& affixes, const std::string& text, bool at_end) {
  const auto matches = [&](const Val& affix) {
    const std::string& word = AsString(affix, "what it is compared with");
    return at_end ? text.ends_with(word) : text.starts_with(word);
  };
  if (affixes.is(Kind::kTuple)) return std::any_of(affixes.items().begin(), affixes.items().end(), matches);
  return matches(affixes);
}

bool AllOf(const std::string& text, bool (*test)(char)) {
  return !text.empty() && std::all_of(text.begin(), text.end(), test);
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsAlpha(char c) {
  return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}
bool IsAlnum(char c) {
  return IsDigit(c) || IsAlpha(c);
}
bool IsSpace(char c) {
  return kBlank.find(c) != std::string_view::npos;
}

Val Position(Machine& machine, const std::string& text, const std::string& what, bool last, bool must) {
  const std::size_t at = last ? FindLast(machine, text, what) : FindText(text, what);
  if (at == std::string::npos && must) ValueError("substring not found");
  return Val::Int(at == std::string::npos ? -1
                                          : static_cast<std::int64_t>(Length(std::string_view(text).substr(0, at))));
}

std::int64_t Count(const std::string& text, const std::string& what) {
  if (what.empty()) return static_cast<std::int64_t>(Length(text)) + 1;
  std::int64_t count = 0;
  for (std::size_t at = FindText(text, what); at != std::string::npos; at = FindText(text, what, at + what.size()))
    ++count;
  return count;
}

Val Partition(Machine& machine, const std::string& text, const std::string& by, bool last) {
  if (by.empty()) ValueError("empty separator");
  const std::size_t at = last ? FindLast(machine, text, by) : FindText(text, by);
  if (at == std::string::npos) {
    return last ? Val::Tuple({Piece(""), Piece(""), Piece(text)}) : Val::Tuple({Piece(text), Piece(""), Piece("")});
  }
  return Val::Tuple({Piece(text.substr(0, at)), Piece(by), Piece(text.substr(at + by.size()))});
}

}  // namespace

std::string Join(Machine& machine, const std::string& by, const Vals& items, bool convert) {
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i != 0) out += by;
    if (!convert && !items[i].is(Kind::kString))
      TypeError(fmt::format("sequence item {}: expected str instance, {} found", i, TypeName(items[i])));
    machine.Memory(by.size());
    if (items[i].is(Kind::kString)) {
      machine.Memory(items[i].string().size());
      out += items[i].string();
    } else {
      out += Text(machine, items[i]);
    }
  }
  return out;
}

std::string Replace(Machine& machine, const std::string& text, const std::string& from, const std::string& to,
                    std::int64_t most) {
  std::string out;
  std::size_t at = 0;
  if (from.empty()) {  // between all characters, as Python
    for (const std::string_view c : Characters(text)) {
      if (most-- == 0) break;
      machine.Memory(to.size() + c.size());
      out += to;
      out += c;
      at += c.size();
    }
    if (most != 0 && at == text.size()) out += to;
    return out + text.substr(at);
  }
  for (std::size_t found = FindText(text, from); found != std::string::npos && most != 0;
       found = FindText(text, from, at), --most) {
    machine.Memory(found - at + to.size());
    out.append(text, at, found - at).append(to);
    at = found + from.size();
  }
  machine.Memory(text.size() - at);
  return out.append(text, at);
}

Val StringMethod(Machine& machine, const Val& self, std::string_view name, Args& args, bool* known) {
  const std::string& text = self.string();
  const auto blank_or = [&] {
    std::string blank = args.String("chars", std::string(kBlank));
    machine.Step(text.size() / 64 * (1 + blank.size() / 64));
    return blank;
  };
  machine.Memory(text.size());
  if (name == "upper") return Val::Str(Upper(text));
  if (name == "lower" || name == "casefold") return Val::Str(Lower(text));
  if (name == "title") return Val::Str(Title(text));
  if (name == "capitalize") return Val::Str(Capitalize(text));
  if (name == "strip") return Piece(Strip(text, blank_or(), true, true));
  if (name == "lstrip") return Piece(Strip(text, blank_or(), true, false));
  if (name == "rstrip") return Piece(Strip(text, blank_or(), false, true));
  if (name == "split" || name == "rsplit") {
    const Val* by = args.Optional("sep");
    const std::int64_t most = args.Integer("maxsplit", -1);
    if (by == nullptr || by->is(Kind::kNone)) return Val::List(SplitBlank(machine, text, most));
    return Val::List(Split(machine, text, AsString(*by, "sep"), most, name == "rsplit"));
  }
  if (name == "splitlines") return Val::List(Lines(machine, text));
  if (name == "join") {
    const Val& items = args.Required("iterable");
    return Val::Str(Join(machine, text, Iterate(machine, items), false));
  }
  if (name == "replace") {
    const std::string from = args.RequiredString("old"), to = args.RequiredString("new");
    return Val::Str(Replace(machine, text, from, to, args.Integer("count", -1)));
  }
  if (name == "startswith") return Val::Bool(AnyAffix(args.Required("prefix"), text, false));
  if (name == "endswith") return Val::Bool(AnyAffix(args.Required("suffix"), text, true));
  if (name == "format") return Val::Str(BraceFormat(machine, text, args));
  if (name == "find" || name == "index")
    return Position(machine, text, args.RequiredString("sub"), false, name == "index");
  if (name == "rfind" || name == "rindex")
    return Position(machine, text, args.RequiredString("sub"), true, name == "rindex");
  if (name == "count") return Val::Int(Count(text, args.RequiredString("sub")));
  if (name == "zfill") return Val::Str(ZeroFill(machine, text, args.RequiredInteger("width")));
  if (name == "ljust") return Val::Str(Fill(machine, text, args, 0, 1));
  if (name == "rjust") return Val::Str(Fill(machine, text, args, 1, 0));
  if (name == "center") return Val::Str(Fill(machine, text, args, 1, 1));
  if (name == "partition" || name == "rpartition")
    return Partition(machine, text, args.RequiredString("sep"), name == "rpartition");
  if (name == "removeprefix") {
    const std::string prefix = args.RequiredString("prefix");
    return Val::Str(text.starts_with(prefix) ? text.substr(prefix.size()) : text);
  }
  if (name == "removesuffix") {
    const std::string suffix = args.RequiredString("suffix");
    return Val::Str(text.ends_with(suffix) ? text.substr(0, text.size() - suffix.size()) : text);
  }
  if (name == "isdigit" || name == "isnumeric" || name == "isdecimal") return Val::Bool(AllOf(text, IsDigit));
  if (name == "isalpha") return Val::Bool(AllOf(text, IsAlpha));
  if (name == "isalnum") return Val::Bool(AllOf(text, IsAlnum));
  if (name == "isspace") return Val::Bool(AllOf(text, IsSpace));
  if (name == "isupper") return Val::Bool(Upper(text) == text && Lower(text) != text);
  if (name == "islower") return Val::Bool(Lower(text) == text && Upper(text) != text);
  *known = false;
  return Val();
}

}  // namespace pipelined::tmpl
