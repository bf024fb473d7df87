// Filters for URLs, HTML and XML. There is no markup that is known to be safe: what is escaped twice is escaped twice.
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "pipelined/base/percent.h"
#include "template/filters.h"
#include "template/utf8.h"

namespace pipelined::tmpl {
namespace {

std::string Escaped(Machine& machine, std::string text) {
  for (const auto& [from, to] : {std::pair{"&", "&amp;"}, std::pair{"<", "&lt;"}, std::pair{">", "&gt;"},
                                 std::pair{"'", "&#39;"}, std::pair{"\"", "&#34;"}})
    text = Replace(machine, text, from, to, -1);
  return text;
}

// Without tags and comments. What is not closed stays, and everything after it.
std::string WithoutTags(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t begin = text.find('<');
    if (begin == std::string_view::npos) return out.append(text);
    const bool comment = text.substr(begin).starts_with("<!--");
    const std::size_t end = comment ? FindText(text, "-->", begin + 4) : text.find('>', begin);
    if (end == std::string_view::npos) return out.append(text);
    out.append(text, 0, begin);
    text.remove_prefix(end + (comment ? 3 : 1));
  }
}

// The character that "&name;" stands for, without its "&" and ";"; 0 when it is not known.
std::uint32_t Entity(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::uint32_t>, 6> kNames{
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"nbsp", 0xa0}}};
  for (const auto& [known, code] : kNames) {
    if (known == name) return code;
  }
  if (!name.starts_with('#')) return 0;
  name.remove_prefix(1);
  const bool hex = name.starts_with('x') || name.starts_with('X');
  if (hex) name.remove_prefix(1);
  std::uint32_t code = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), code, hex ? 16 : 10);
  const bool whole = error == std::errc() && end == name.data() + name.size() && !name.empty();
  return whole && code >= 0x20 && code < 0x110000 && (code < 0x7f || code >= 0xa0) && (code >> 11) != 0x1b ? code : 0;
}

std::string Unescaped(std::string_view text) {
  constexpr std::size_t kLongest = 10;
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.front() == '&' ? text.substr(0, kLongest).find(';') : std::string_view::npos;
    const std::uint32_t code = end == std::string_view::npos ? 0 : Entity(text.substr(1, end - 1));
    if (code != 0) {
      AppendUtf8(&out, code);
    } else {
      out += text.front();
    }
    text.remove_prefix(code != 0 ? end + 1 : 1);
  }
  return out;
}

// As in the path of a URL, or in its query.
std::string Percent(Machine& machine, const Val& val, bool query) {
  const std::string text = Text(machine, val);
  machine.Memory(text.size(), 4);
  const std::string encoded = PercentEncode(text);
  return query ? Replace(machine, encoded, "%20", "+", -1) : Replace(machine, encoded, "%2F", "/", -1);
}

}  // namespace

Val Escape(Machine& machine, const Val& self, Args&) {
  return Val::Str(Escaped(machine, Text(machine, self)));
}

Val Safe(Machine& machine, const Val& self, Args&) {
  return Val::Str(Text(machine, self));
}

Val StripTags(Machine& machine, const Val& self, Args&) {
  const std::string text = Text(machine, self);
  machine.Memory(text.size(), 3);
  const std::string plain = WithoutTags(text);
  Args none("split", {}, {});
  bool known = true;
  const Val words = StringMethod(machine, Val::Str(plain), "split", none, &known);
  return Val::Str(Unescaped(Join(machine, " ", words.items(), true)));
}

Val UrlEncode(Machine& machine, const Val& self, Args&) {
  if (!self.is(Kind::kDict) && !self.is_sequence()) return Val::Str(Percent(machine, self, false));
  Pairs pairs;
  if (self.is(Kind::kDict)) {
    machine.Memory(self.pairs().size(), 2 * sizeof(Val));
    pairs = self.pairs();
  } else {
    for (const Val& item : self.items()) {
      const Vals parts = Iterate(machine, item);
      if (parts.size() != 2) ValueError(fmt::format("{} values for a name and its value", parts.size()));
      machine.Memory(2 * sizeof(Val));
      pairs.emplace_back(parts[0], parts[1]);
    }
  }
  std::string out;
  for (const auto& [key, value] : pairs) {
    if (!out.empty()) out += '&';
    out += Percent(machine, key, true) + '=' + Percent(machine, value, true);
    machine.Memory(2);
  }
  return Val::Str(std::move(out));
}

Val XmlAttr(Machine& machine, const Val& self, Args& args) {
  const bool space = args.Flag("autospace", true);
  if (!self.is(Kind::kDict)) TypeError(fmt::format("xmlattr takes a dict, not {}", TypeName(self)));
  std::string out;
  for (const auto& [key, value] : self.pairs()) {
    machine.Step();
    if (value.is(Kind::kNone)) continue;
    const std::string& name = AsString(key, "an attribute's name");
    if (name.find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
      ValueError("an attribute's name has no blank, \"/\", \">\" or \"=\"");
    if (space || !out.empty()) out += ' ';
    out += Escaped(machine, name) + "=\"" + Escaped(machine, Text(machine, value)) + '"';
    machine.Memory(4);
  }
  return Val::Str(std::move(out));
}

}  // namespace pipelined::tmpl
