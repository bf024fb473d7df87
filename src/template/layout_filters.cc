// Filters that lay text out: Jinja's indent, center, wordwrap and the like.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "template/filters.h"
#include "template/utf8.h"

namespace pipelined::tmpl {
namespace {

std::uint32_t CodeOf(std::string_view character) {
  return character.empty() ? 0 : CodePoint(character);
}

bool IsBlank(std::uint32_t code) {  // Python's str.isspace()
  return (code >= 0x09 && code <= 0x0d) || (code >= 0x1c && code <= 0x20) || code == 0x85 || code == 0xa0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f ||
         code == 0x205f || code == 0x3000;
}

bool EndsLine(std::uint32_t code) {  // of str.splitlines()
  return (code >= 0x0a && code <= 0x0d) || (code >= 0x1c && code <= 0x1e) || code == 0x85 || code == 0x2028 ||
         code == 0x2029;
}

bool IsDigit(std::uint32_t code) {
  return code >= '0' && code <= '9';
}

// Letters of every script, as far as they can be told from signs by their block.
bool IsLetter(std::uint32_t code) {
  if (code < 0x80) return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
  if (code < 0xc0) return code == 0xaa || code == 0xb5 || code == 0xba;
  constexpr std::pair<std::uint32_t, std::uint32_t> kSigns[] = {
      {0xd7, 0xd7},     {0xf7, 0xf7},     {0x2c2, 0x2c5},   {0x300, 0x36f},   {0x2000, 0x2070}, {0x207a, 0x207e},
      {0x208a, 0x208e}, {0x20a0, 0x2101}, {0x2190, 0x245f}, {0x2500, 0x2bff}, {0x2e00, 0x2e7f}, {0x3000, 0x3004},
      {0x3008, 0x3020}, {0xe000, 0xf8ff}, {0xfe10, 0xfe6f}, {0xff01, 0xff0f}, {0xfff0, 0xffff}, {0x1f000, 0x1ffff}};
  return std::none_of(std::begin(kSigns), std::end(kSigns),
                      [code](const auto& range) { return code >= range.first && code <= range.second; });
}

bool IsWordPart(std::uint32_t code) {  // \w
  constexpr std::array<std::uint32_t, 6> kNumbers{0xb2, 0xb3, 0xb9, 0xbc, 0xbd, 0xbe};
  return IsLetter(code) || IsDigit(code) || code == '_' ||
         std::find(kNumbers.begin(), kNumbers.end(), code) != kNumbers.end();
}

std::vector<std::string_view> SplitLines(Machine& machine, std::string_view text) {
  machine.Memory(text.size() / 16);
  std::vector<std::string_view> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view character = text.substr(at, CharacterSize(text.substr(at)));
    if (!EndsLine(CodeOf(character))) {
      at += character.size();
      continue;
    }
    machine.Memory(sizeof(std::string_view));
    lines.push_back(text.substr(begin, at - begin));
    at += text.substr(at).starts_with("\r\n") ? 2 : character.size();
    begin = at;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

}  // namespace

Val Indent(Machine& machine, const Val& self, Args& args) {
  const Val* width = args.Optional("width");
  const bool first = args.Flag("first", false), blank = args.Flag("blank", false);
  const std::string text = AsString(self, "what is indented") + "\n";
  std::string by(4, ' ');
  if (width != nullptr && width->is(Kind::kString)) {
    by = width->string();
  } else if (width != nullptr) {
    const auto spaces = static_cast<std::size_t>(std::max<std::int64_t>(AsInteger(*width, "width"), 0));
    machine.Memory(spaces);
    by.assign(spaces, ' ');
  }
  const std::vector<std::string_view> lines = SplitLines(machine, text);
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool indented = i == 0 ? first : blank || !lines[i].empty();
    machine.Memory(lines[i].size() + (indented ? by.size() : 0) + 1);
    if (i != 0) out += '\n';
    if (indented) out += by;
    out += lines[i];
  }
  return Val::Str(std::move(out));
}

Val Center(Machine& machine, const Val& self, Args& args) {
  Args inner("center", {Val::Int(args.Integer("width", 80))}, {});
  bool known = true;
  return StringMethod(machine, Val::Str(Text(machine, self)), "center", inner, &known);
}

Val WordCount(Machine& machine, const Val& self, Args&) {
  const std::string text = Text(machine, self);
  machine.Step(text.size() / 16);
  std::int64_t count = 0;
  bool within = false;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view character = rest.substr(0, CharacterSize(rest));
    const bool part = IsWordPart(CodeOf(character));
    if (part && !within) ++count;
    within = part;
    rest.remove_prefix(character.size());
  }
  return Val::Int(count);
}

namespace {

// One line as Python's textwrap.wrap() wraps it, with its rules where a word may be broken.
class Wrapper {
 public:
  Wrapper(Machine& machine, std::string_view line, std::size_t width, bool break_words, bool break_hyphens)
      : machine_(machine), width_(width), break_words_(break_words), break_hyphens_(break_hyphens) {
    machine.Memory(line.size(), sizeof(std::string_view));
    characters_ = Characters(line);
  }

  // The lines joined by `by`.
  std::string Run(std::string_view by) {
    std::string out;
    bool any = false;
    std::size_t next = 0, end = 0;  // the chunk that is next
    const auto advance = [&] {
      next = end;
      end = ChunkEnd(next);
    };
    advance();
    while (next < characters_.size()) {
      if (any && Blank(next, end)) {
        advance();
        if (next >= characters_.size()) break;
      }
      const std::size_t begin = next;
      std::size_t last = next;  // where the last piece of the line begins
      while (next < characters_.size() && end - begin <= width_) {
        last = next;
        advance();
      }
      std::size_t stop = next;
      if (next < characters_.size() && end - next > width_) {
        if (break_words_) {
          last = next;
          next = LongWordEnd(next, end, width_ - (next - begin));
          stop = next;
        } else if (next == begin) {
          last = next;
          advance();
          stop = next;
        }
      }
      if (stop > begin && Blank(last, stop)) stop = last;
      machine_.Step();
      if (stop == begin) continue;
      if (any) Add(&out, by);
      any = true;
      for (std::size_t i = begin; i < stop; ++i) Add(&out, characters_[i]);
    }
    return out;
  }

 private:
  void Add(std::string* out, std::string_view piece) {
    machine_.Memory(piece.size());
    *out += piece;
  }
  std::uint32_t At(std::size_t i) const { return i < characters_.size() ? CodeOf(characters_[i]) : 0; }
  bool Space(std::size_t i) const {  // of textwrap, which knows ASCII's only
    const std::uint32_t code = At(i);
    return code == ' ' || (code >= 0x09 && code <= 0x0d);
  }
  bool Letter(std::size_t i) const { return IsWordPart(At(i)) && !IsDigit(At(i)); }  // as textwrap: with "_"
  bool Dash(std::size_t i) const { return At(i) == '-'; }
  bool Punctuated(std::size_t i) const {
    constexpr std::string_view kMarks = "!\"'&.,?";
    const std::uint32_t code = At(i);
    return IsWordPart(code) || (code < 0x80 && code != 0 && kMarks.find(static_cast<char>(code)) != kMarks.npos);
  }
  // An empty piece counts as blank, too.
  bool Blank(std::size_t begin, std::size_t end) {
    std::size_t i = begin;
    while (i < end && IsBlank(At(i))) ++i;
    machine_.Step((i - begin) / 16);  // a word of blanks that textwrap does not know may be looked at with each line
    return i == end;
  }
  // The end of two or more dashes between words that begin at `i`; `i` when there are none.
  std::size_t DashesEnd(std::size_t i) const {
    if (i == 0 || !Dash(i) || !Dash(i + 1) || !Punctuated(i - 1)) return i;
    std::size_t end = i;
    while (Dash(end)) ++end;
    return end < characters_.size() && IsWordPart(At(end)) ? end : i;
  }
  bool HyphenBreaks(std::size_t after) const {  // right after a hyphen within a word
    const bool before = (after >= 3 && Letter(after - 3) && Letter(after - 2)) ||
                        (after >= 4 && Letter(after - 4) && Dash(after - 3) && Punctuated(after - 2));
    return before && Letter(after) && (Letter(after + 1) || (Dash(after + 1) && Letter(after + 2)));
  }

  // Blanks, a word, a part of one up to its hyphen, or dashes.
  std::size_t ChunkEnd(std::size_t begin) {
    machine_.Step();
    std::size_t i = begin;
    if (i >= characters_.size()) return i;
    if (Space(i)) {
      while (i < characters_.size() && Space(i)) ++i;
      return i;
    }
    if (break_hyphens_) {
      if (const std::size_t end = DashesEnd(i); end != i) return end;
    }
    for (++i; i < characters_.size() && !Space(i); ++i) {
      if (!break_hyphens_) continue;
      if (Dash(i) && HyphenBreaks(i + 1)) return i + 1;
      if (DashesEnd(i) != i) return i;
    }
    return i;
  }

  std::size_t LongWordEnd(std::size_t begin, std::size_t end, std::size_t space) const {
    if (!break_hyphens_ || end - begin <= space) return begin + space;
    std::size_t hyphen = begin + space;
    while (hyphen > begin && !Dash(hyphen - 1)) --hyphen;  // it is at hyphen - 1
    if (hyphen <= begin + 1) return begin + space;
    for (std::size_t i = begin; i + 1 < hyphen; ++i) {
      if (!Dash(i)) return hyphen;
    }
    return begin + space;
  }

  Machine& machine_;
  std::size_t width_;
  bool break_words_, break_hyphens_;
  std::vector<std::string_view> characters_;
};

}  // namespace

Val WordWrap(Machine& machine, const Val& self, Args& args) {
  const std::int64_t width = args.Integer("width", 79);
  const bool break_words = args.Flag("break_long_words", true);
  const std::string by = args.String("wrapstring", "\n");
  const bool break_hyphens = args.Flag("break_on_hyphens", true);
  const std::string text = AsString(self, "what is wrapped");
  const std::vector<std::string_view> lines = SplitLines(machine, text);
  if (width <= 0 && !lines.empty()) ValueError(fmt::format("invalid width {} (must be > 0)", width));
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i != 0) out += by;
    const std::string wrapped =
        Wrapper(machine, lines[i], static_cast<std::size_t>(width), break_words, break_hyphens).Run(by);
    machine.Memory(wrapped.size() + by.size());
    out += wrapped;
  }
  return Val::Str(std::move(out));
}

Val FileSizeFormat(Machine&, const Val& self, Args& args) {
  const bool binary = args.Flag("binary", false);
  std::optional<double> given;
  if (self.is_number()) given = self.number();
  if (self.is(Kind::kString)) given = ReadFloat(self.string());
  if (!given) TypeError(fmt::format("a size is a number, not {}", TypeName(self)));
  const double base = binary ? 1024 : 1000;
  if (*given == 1) return Val::Str("1 Byte");
  if (!std::isfinite(*given)) ValueError("a size has an end");
  if (*given < base) return Val::Str(fmt::format("{:.0f} Bytes", std::trunc(*given) + 0.0));
  std::size_t prefix = 0;
  constexpr std::string_view kPrefixes = "kMGTPEZY";
  double unit = base * base;
  for (; *given >= unit && prefix + 1 < kPrefixes.size(); ++prefix) unit *= base;
  const double size = base * *given / unit;
  const char letter = binary && prefix == 0 ? 'K' : kPrefixes[prefix];
  return Val::Str(fmt::format("{:.1f} {}{}", size, letter, binary ? "iB" : "B"));
}

}  // namespace pipelined::tmpl
