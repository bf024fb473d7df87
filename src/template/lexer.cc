#include "template/lexer.h"

#include <fmt/format.h>

#include <cctype>
#include <cstdint>

#include "template/fault.h"
#include "template/utf8.h"

namespace pipelined::tmpl {
namespace {

constexpr std::string_view kBlank = " \t\r\n\f\v";

bool NameStart(char c) {
  return c == '_' || std::isalpha(static_cast<unsigned char>(c)) != 0;
}
bool Digit(char c) {
  return c >= '0' && c <= '9';
}
bool NameChar(char c) {
  return NameStart(c) || Digit(c);
}

// The next place where a tag begins, or npos.
std::size_t NextTag(std::string_view text, std::size_t from) {
  for (std::size_t i = text.find('{', from); i != std::string_view::npos; i = text.find('{', i + 1)) {
    if (i + 1 >= text.size()) break;
    const char c = text[i + 1];
    if (c == '{' || c == '%') return i;
    if (c == '#' && (i == 0 || text[i - 1] != '$')) return i;
  }
  return std::string_view::npos;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> Run() {
    while (at_ < text_.size()) PlainText();
    Add(TokenType::kEnd, at_, at_);
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void Fail(std::size_t offset, std::string message, std::string hint = {}) const {
    throw Fault{TemplateFault::kSyntax, std::move(message), std::move(hint), offset};
  }
  void Add(TokenType type, std::size_t from, std::size_t to) {
    if (tokens_.size() >= kMostTokens) throw Fault{TemplateFault::kLimit, "the template has too many parts", "", from};
    tokens_.push_back(Token{type, text_.substr(from, to - from), from});
  }
  char Peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool Looking(std::string_view word) const { return text_.substr(at_).starts_with(word); }
  void SkipBlank() { at_ = std::min(text_.find_first_not_of(kBlank, at_), text_.size()); }

  void AddText(std::size_t from, std::size_t to, bool cut_end) {
    if (cut_start_) from = std::min(text_.find_first_not_of(kBlank, from), to);
    cut_start_ = false;
    if (cut_end) {
      while (to > from && kBlank.find(text_[to - 1]) != std::string_view::npos) --to;
    }
    if (to > from) Add(TokenType::kText, from, to);
  }

  // Text up to the next tag, and the tag.
  void PlainText() {
    const std::size_t tag = NextTag(text_, at_);
    if (tag == std::string_view::npos) {
      AddText(at_, text_.size(), false);
      at_ = text_.size();
      return;
    }
    const char mark = tag + 2 < text_.size() ? text_[tag + 2] : '\0';
    AddText(at_, tag, mark == '-');
    at_ = tag + 2 + (mark == '-' || mark == '+' ? 1 : 0);
    switch (text_[tag + 1]) {
      case '#':
        return Comment(tag);
      case '%':
        return Block(tag);
      default:
        Add(TokenType::kOutputBegin, tag, tag + 2);
        return Inside("}}", TokenType::kOutputEnd, tag);
    }
  }

  void Comment(std::size_t tag) {
    const std::size_t end = text_.find("#}", at_);
    if (end == std::string_view::npos) Fail(tag, "the comment {# is not closed", "close it with #}");
    cut_start_ = text_[end - 1] == '-' && end > tag + 2;
    at_ = end + 2;
  }

  void Block(std::size_t tag) {
    const std::size_t begin = at_;
    if (RawTag("raw")) return RawText(tag);
    at_ = begin;
    Add(TokenType::kBlockBegin, tag, tag + 2);
    Inside("%}", TokenType::kBlockEnd, tag);
  }

  // Reads `word -?%}`; leaves a mess when it is something else.
  bool RawTag(std::string_view word) {
    SkipBlank();
    if (!Looking(word) || NameChar(Peek(word.size()))) return false;
    at_ += word.size();
    SkipBlank();
    const bool cut = Peek() == '-';
    if (cut) ++at_;
    if (!Looking("%}")) return false;
    at_ += 2;
    cut_start_ = cut;
    return true;
  }

  void RawText(std::size_t tag) {
    const std::size_t from = at_;
    for (std::size_t i = text_.find("{%", from); i != std::string_view::npos; i = text_.find("{%", i + 2)) {
      const bool cut_before = cut_start_;
      at_ = i + 2;
      const bool cut = Peek() == '-';
      if (cut) ++at_;
      if (!RawTag("endraw")) {
        cut_start_ = cut_before;
        continue;
      }
      const bool cut_after = cut_start_;
      cut_start_ = cut_before;
      AddText(from, i, cut);
      cut_start_ = cut_after;
      return;
    }
    Fail(tag, "{% raw %} is not closed", "close it with {% endraw %}");
  }

  // The tokens of a tag, up to `end`.
  void Inside(std::string_view end, TokenType end_type, std::size_t tag) {
    std::string open;  // brackets; `}}` ends the tag only outside of them
    for (SkipBlank(); at_ < text_.size(); SkipBlank()) {
      const bool cut = open.empty() && Peek() == '-' && text_.substr(at_ + 1).starts_with(end);
      if (open.empty() && (cut || Looking(end))) {
        at_ += cut ? 1 : 0;
        Add(end_type, at_, at_ + 2);
        at_ += 2;
        cut_start_ = cut;
        return;
      }
      OneToken(&open, end);
    }
    Fail(tag, fmt::format("\"{}\" is not closed", text_.substr(tag, 2)), fmt::format("close it with {}", end));
  }

  void OneToken(std::string* open, std::string_view end) {
    const char c = Peek();
    if (NameStart(c)) return Name();
    if (Digit(c)) return Number();
    if (c == '\'' || c == '"') return String(c);
    for (const std::string_view op : {"**", "//", "==", "!=", "<=", ">="}) {
      if (!Looking(op)) continue;
      Add(TokenType::kOperator, at_, at_ + 2);
      at_ += 2;
      return;
    }
    if (std::string_view("+-*/%~<>=.,:|()[]{}").find(c) == std::string_view::npos) {
      Fail(at_, fmt::format("unexpected character {}", std::isprint(static_cast<unsigned char>(c)) != 0
                                                           ? fmt::format("\"{}\"", c)
                                                           : std::string("here")));
    }
    Bracket(c, open, end);
    Add(TokenType::kOperator, at_, at_ + 1);
    ++at_;
  }

  void Bracket(char c, std::string* open, std::string_view end) const {
    if (c == '(' || c == '[' || c == '{') {
      open->push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    } else if (c == ')' || c == ']' || c == '}') {
      if (open->empty())
        Fail(at_, fmt::format("\"{}\" closes nothing", c), c == '}' ? fmt::format("a tag ends with {}", end) : "");
      if (open->back() != c) Fail(at_, fmt::format("\"{}\" where \"{}\" is expected", c, open->back()));
      open->pop_back();
    }
  }

  void Name() {
    const std::size_t from = at_;
    while (NameChar(Peek())) ++at_;
    Add(TokenType::kName, from, at_);
  }

  void Number() {
    const std::size_t from = at_;
    while (Digit(Peek()) || (Peek() == '_' && Digit(Peek(1)))) ++at_;
    bool whole = true;
    if (Peek() == '.' && Digit(Peek(1))) {
      whole = false;
      ++at_;
      while (Digit(Peek())) ++at_;
    }
    const std::size_t sign = Peek(1) == '+' || Peek(1) == '-' ? 2 : 1;
    if ((Peek() == 'e' || Peek() == 'E') && Digit(Peek(sign))) {
      whole = false;
      at_ += sign;
      while (Digit(Peek())) ++at_;
    }
    if (NameStart(Peek())) Fail(at_, "a letter right after a number");
    const std::string_view digits = text_.substr(from, at_ - from);
    if (whole && digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of("0_") != std::string_view::npos) {
      Fail(from, fmt::format("\"{}\" is not a number: it begins with 0", digits), "write it without the leading zeros");
    }
    Add(whole ? TokenType::kInteger : TokenType::kFloat, from, at_);
  }

  void String(char quote) {
    const std::size_t from = at_++;
    while (at_ < text_.size() && text_[at_] != quote) at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size()) Fail(from, "the text is not closed", fmt::format("close it with {}", quote));
    Add(TokenType::kString, from + 1, at_);
    ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool cut_start_ = false;  // the last tag ended with `-`
  std::vector<Token> tokens_;
};

int HexDigit(char c) {
  if (Digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

bool HasTags(std::string_view text) {
  return NextTag(text, 0) != std::string_view::npos;
}

std::vector<Token> Tokenize(std::string_view text) {
  return Lexer(text).Run();
}

std::string Unescape(const Token& token) {
  const std::string_view text = token.text;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 0;
    if (digits != 0) {
      std::uint32_t code = 0;
      for (std::size_t d = 1; d <= digits; ++d) {
        const int digit = i + d < text.size() ? HexDigit(text[i + d]) : -1;
        if (digit < 0)
          throw Fault{TemplateFault::kSyntax, fmt::format("\\{} needs {} hexadecimal digits", c, digits), "",
                      token.offset + i};
        code = code * 16 + static_cast<std::uint32_t>(digit);
      }
      if (code >= 0xd800 && code < 0xe000)
        throw Fault{TemplateFault::kSyntax, "half a surrogate pair is no character", "", token.offset + i};
      AppendUtf8(&out, code);
      i += digits;
      continue;
    }
    switch (c) {
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case 'r':
        out += '\r';
        break;
      case '\\':
      case '\'':
      case '"':
        out += c;
        break;
      case '\n':
        break;
      default:
        out += '\\';
        out += c;
    }
  }
  return out;
}

}  // namespace pipelined::tmpl
