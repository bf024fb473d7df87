#include "template/shell_quote.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace pipelined::tmpl {
namespace {

constexpr std::string_view kAssignFirst =
    "put the value into a variable on a line of its own (name={{ … }}) and use \"$name\" here";

// A variable is evaluated as its text is.
constexpr std::string_view kMakeANumber = "make it a number: {{ … | int }}";
constexpr std::string_view kNameIt = "write the name in the script; letters, digits and _ of a value would pass";

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool EndsWord(char c) {
  return IsBlank(c) || c == ';' || c == '&' || c == '|' || c == '(' || c == ')' || c == '<' || c == '>';
}
// Means nothing to bash, in any of its quotings.
bool Harmless(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u >= 0x80 || std::isalnum(u) != 0 || std::string_view("_-./:@%+,=").find(c) != std::string_view::npos;
}
// What may follow a `$`: names, $1, $$, and zsh's $#x, $=x, $^x …
bool BeginsParameter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("_@*#?$!-^=~+").find(c) != std::string_view::npos;
}
bool IsNamePart(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; });
}
bool WholeNumber(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || text.size() > 18 || (text.size() > 1 && text[0] == '0')) return false;
  for (const char c : text) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) return false;
  }
  return true;
}

std::string Escape(std::string_view value, std::string_view special) {
  std::string text;
  for (const char c : value) {
    if (special.find(c) != std::string_view::npos) text += '\\';
    text += c;
  }
  return text;
}

std::string EscapeSingle(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\'') {
      text += "'\\''";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

void ShellText::Literal(std::string_view text) {
  for (const char c : text) Put(c);
}

void ShellText::Push(In in) {
  constexpr std::size_t kDeepest = 200;
  if (frames_.size() >= kDeepest) {
    unclear_ = "after too deep a nesting of quotes and parentheses";
    return;
  }
  const bool quoted = in == In::kBrace && (top() == In::kDouble || (top() == In::kBrace && frames_.back().quoted));
  const bool condition = in == In::kParen && frames_.back().command.condition();
  frames_.push_back(Frame{in, 0, true, quoted});
  if (condition) frames_.back().command.EnterCondition();
  if (in == In::kSubstitution || in == In::kParen) word_start_ = true;
}

void ShellText::Pop() {
  if (frames_.size() > 1) frames_.pop_back();
  word_start_ = false;
  word_.clear();
}

bool ShellText::Below(In in) const {
  for (const Frame& frame : frames_) {
    if (frame.in == in) return true;
  }
  return false;
}

const ShellText::Frame& ShellText::Command() const {
  auto frame = frames_.rbegin();
  while (frame->in == In::kDouble || frame->in == In::kSingle || frame->in == In::kAnsi) ++frame;
  return *frame;
}

// Whether the word being read is `name[` and not closed yet, however it is quoted: as an assignment, or given to
// `unset` and its like, that is arithmetic, in which an index may hold a command again.
void ShellText::FollowIndex(char c, bool quoted) {
  if (!quoted && (c == '"' || c == '\'' || c == '\\')) return;
  Frame& frame = Command();
  const bool letter = std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
  if (!quoted && EndsWord(c)) {
    frame.index = Index::kStart;
  } else if (c == '=' && (frame.index == Index::kName || frame.index == Index::kNone)) {
    frame.value_of = quoted || frame.index == Index::kNone ? Reads::kText : ReadsOfVariable(word_);
    frame.index = Index::kValue;
  } else if (c == '+' && frame.index == Index::kName) {  // name+=value
  } else if (frame.index == Index::kStart) {
    const bool opens = c == '[' && frame.array;
    frame.index = opens ? Index::kInside : letter ? Index::kName : Index::kNone;
    frame.brackets = 1;
  } else if (frame.index == Index::kName && c == '[') {
    frame.index = Index::kInside;
    frame.brackets = 1;
  } else if (frame.index == Index::kName && !letter && std::isdigit(static_cast<unsigned char>(c)) == 0) {
    frame.index = Index::kNone;
  } else if (frame.index == Index::kInside) {
    frame.brackets += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (frame.brackets == 0) frame.index = Index::kNone;
  }
}

// A value right behind `$name` must not become a part of it: "$name{{ x }}" would be another name, and in zsh an index
// or a modifier, too. An index may run commands there.
void ShellText::FollowParameter(char c) {
  if (after_parameter_ && c == '[' && posix_) unclear_ = "after $name[…], which zsh evaluates (write ${name[…]})";
  after_parameter_ = (dollar_ && !escape_ && BeginsParameter(c)) ||
                     (after_parameter_ && (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':'));
}

void ShellText::Put(char c) {
  FollowParameter(c);
  const char last = std::exchange(last_, c);
  if (in_heredoc_) return PutHereDoc(c);
  if (comment_) {
    if (c != '\n') return;
    comment_ = false;
  }
  if (reading_delimiter_) return PutDelimiter(c);
  if (escape_) {
    escape_ = false;
    if (c != '\n') {
      word_start_ = false;
      FollowIndex(c, true);
    }
    return;
  }
  switch (top()) {
    case In::kSingle:
      if (c != '\'') FollowIndex(c, true);
      if (c == '\'') Pop();
      return;
    case In::kAnsi:
      if (c != '\'' && c != '\\') FollowIndex(c, true);
      if (c == '\\') escape_ = true;
      if (c == '\'') Pop();
      return;
    case In::kBacktick:
      if (c == '\\') escape_ = true;
      if (c == '`') Pop();
      return;
    case In::kDouble:
      return PutDouble(c);
    case In::kBrace:
      return PutBrace(c);
    case In::kArithmetic:
      return PutArithmetic(c);
    default:
      PutCommand(c);
      if (c == '(' && last == '=' && top() == In::kParen) frames_.back().array = true;
  }
}

bool ShellText::Dollar(char c) {
  dollar_ = false;
  const bool quoted = top() == In::kDouble || (top() == In::kBrace && frames_.back().quoted);
  if (c == '(') {
    Push(In::kSubstitution);
  } else if (c == '{') {
    Push(In::kBrace);
  } else if (c == '\'' && !quoted && top() != In::kArithmetic) {
    if (posix_) unclear_ = "after $'…', which not every shell reads as bash does";
    Push(In::kAnsi);
  } else if (c == '[') {
    unclear_ = "after $[ ]";
  } else if (c == '$') {
    return true;  // $$: the pair is complete
  } else {
    return false;
  }
  return true;
}

void ShellText::PutDouble(char c) {
  if (dollar_ && Dollar(c)) return;
  if (c != '"' && c != '\\') FollowIndex(c, true);
  if (c == '\\') escape_ = true;
  if (c == '$') dollar_ = true;
  if (c == '`') Push(In::kBacktick);
  if (c == '"') Pop();
}

void ShellText::PutBrace(char c) {
  if (dollar_ && Dollar(c)) return;
  if (c == '\\') escape_ = true;
  if (c == '$') dollar_ = true;
  if (c == '`') Push(In::kBacktick);
  if (c == '"') Push(In::kDouble);
  if (c == '\'') {
    if (frames_.back().quoted) {
      unclear_ = "after an apostrophe inside \"${…}\"";
    } else {
      Push(In::kSingle);
    }
  }
  if (c == '}') Pop();
}

void ShellText::PutArithmetic(char c) {
  Frame& frame = frames_.back();
  if (frame.just_opened && frame.parens < 0) {  // a `)` that must be followed by another
    if (c == ')') return Pop();
    unclear_ = "after $(( that is not arithmetic";
    frame.parens = 0;
    frame.just_opened = false;
  }
  if (dollar_ && Dollar(c)) return;
  switch (c) {
    case '\\':
      escape_ = true;
      break;
    case '$':
      dollar_ = true;
      break;
    case '`':
      Push(In::kBacktick);
      break;
    case '"':
      Push(In::kDouble);
      break;
    case '\'':
      Push(In::kSingle);
      break;
    case '(':
      ++frame.parens;
      break;
    case ')':
      if (frame.parens-- == 0) frame.just_opened = true;
      break;
    default:
      break;
  }
}

Reads ShellText::ReadsOfVariable(std::string_view name) const {
  if (name.ends_with('+')) name.remove_suffix(1);
  const bool integer = std::find(integers_.begin(), integers_.end(), name) != integers_.end();
  return integer ? Reads::kNumber : ReadsOf(name);
}

// `c` is what ends the word.
void ShellText::EndWord(char c, bool assignment) {
  Frame& frame = frames_.back();
  constexpr std::size_t kMostIntegers = 100;
  const std::string name = word_.substr(0, word_.find('='));
  if (frame.command.declares_integers() && !word_.empty() && IsNamePart(name) && integers_.size() < kMostIntegers)
    integers_.push_back(name);
  if (!word_start_) frame.command.EndWord(word_, assignment);
  if (frame.command.evaluates_given())
    Refuse(fmt::format("beside {} within [[ ]], where it is not a whole number", word_), kMakeANumber);
  frame.command.EndBy(c);
}

// Notes the word being read: `case` inside parentheses has patterns whose `)` closes nothing.
void ShellText::Word(char c) {
  const bool assignment = frames_.back().index == Index::kValue;
  FollowIndex(c, false);
  if (EndsWord(c)) {
    if (word_ == "case" && frames_.size() > 1) unclear_ = "after a case statement inside parentheses";
    EndWord(c, assignment);
    word_.clear();
    word_start_ = true;
  } else {
    constexpr std::size_t kLongestWord = 64;
    if (word_start_) word_.clear();
    if (word_.size() < kLongestWord && c != '"' && c != '\'') word_ += c;
    word_start_ = false;
  }
}

void ShellText::PutCommand(char c) {
  if (frames_.back().just_opened) {
    frames_.back().just_opened = false;
    if (c == '(' && (top() == In::kSubstitution || top() == In::kParen)) {  // $(( or ((
      frames_.back() = Frame{In::kArithmetic};
      dollar_ = false;
      return;
    }
  }
  if (dollar_ && Dollar(c)) {
    word_start_ = top() == In::kSubstitution;
    word_.clear();
    return;
  }
  dollar_ = false;
  if (less_ == 2 && c != '<') {  // `<<` is complete
    less_ = 0;
    incoming_ = HereDoc{};
    reading_delimiter_ = true;
    delimiter_began_ = false;
    return PutDelimiter(c);
  }
  less_ = c == '<' && less_ < 3 ? less_ + 1 : 0;
  if (c == '#' && word_start_) {
    comment_ = true;
    return;
  }
  Word(c);
  switch (c) {
    case '\\':
      escape_ = true;
      break;
    case '$':
      dollar_ = true;
      break;
    case '\'':
      Push(In::kSingle);
      break;
    case '"':
      Push(In::kDouble);
      break;
    case '`':
      Push(In::kBacktick);
      break;
    case '(':
      Push(In::kParen);
      break;
    case ')':
      if (!waiting_.empty()) unclear_ = "after parentheses that end before their here-document";
      if (top() != In::kCommand) Pop();  // otherwise the pattern of a case
      word_start_ = true;
      break;
    case '\n':
      if (!waiting_.empty() && waiting_.front().depth != frames_.size())
        unclear_ = "after a here-document begun outside these parentheses";
      if (!waiting_.empty()) NextHereDoc();
      break;
    default:
      break;
  }
}

void ShellText::PutDelimiter(char c) {
  if (!delimiter_began_) {
    if (c == '-' && incoming_.delimiter.empty() && !incoming_.strips_tabs) {
      incoming_.strips_tabs = true;
      return;
    }
    if (c == ' ' || c == '\t') return;
  }
  if (delimiter_quote_ != 0) {
    if (c == delimiter_quote_) {
      delimiter_quote_ = 0;
    } else {
      if (c == '\n' || c == '\\') unclear_ = "after a here-document with an unusual delimiter";
      incoming_.delimiter += c;
    }
    return;
  }
  if (EndsWord(c)) {
    reading_delimiter_ = false;
    if (!delimiter_began_) unclear_ = "after a here-document without a delimiter";
    incoming_.depth = frames_.size();
    waiting_.push_back(incoming_);
    return PutCommand(c);
  }
  delimiter_began_ = true;
  if (c == '\'' || c == '"') {
    delimiter_quote_ = c;
    incoming_.expands = false;
  } else if (c == '$' || c == '`' || c == '\\') {
    unclear_ = "after a here-document with an unusual delimiter";
  } else {
    incoming_.delimiter += c;
  }
}

void ShellText::NextHereDoc() {
  in_heredoc_ = !waiting_.empty();
  line_.clear();
  escape_ = dollar_ = false;
  simple_ = 0;
  if (!in_heredoc_) {
    word_start_ = true;
    return;
  }
  heredoc_ = waiting_.front();
  waiting_.erase(waiting_.begin());
}

void ShellText::EndHereDocLine() {
  if (line_ == heredoc_.delimiter) {
    if (simple_ != 0) unclear_ = "after an unfinished expansion in a here-document";
    return NextHereDoc();
  }
  line_.clear();
}

void ShellText::PutHereDoc(char c) {
  if (escape_) {
    escape_ = false;
    if (c == '\n') return line_.pop_back();  // joined with the next line
    line_ += c;
    return;
  }
  if (c == '\n') {
    dollar_ = false;
    return EndHereDocLine();
  }
  if (heredoc_.strips_tabs && c == '\t' && line_.empty()) return;
  line_ += c;
  if (!heredoc_.expands) return;
  if (c == '\\') escape_ = true;
  if (simple_ != 0) {  // only names and plain words are followed inside $(…) and ${…}
    if (c == (simple_ == '(' ? ')' : '}')) {
      simple_ = 0;
    } else if (!Harmless(c) && c != ' ') {
      unclear_ = "after an expansion in a here-document that is more than a plain command or name";
    }
    return;
  }
  if (dollar_ && (c == '(' || c == '{')) simple_ = c;
  if (c == '`' || (dollar_ && c == '[')) unclear_ = "after backticks or $[ ] in a here-document";
  dollar_ = c == '$' && !dollar_;
}

void ShellText::Refuse(std::string_view where, std::string_view hint) const {
  Raise(TemplateFault::kUnsafe, fmt::format("a value from outside cannot be quoted safely {}", where),
        std::string(hint));
}

void ShellText::CheckPlace() const {
  if (unclear_ != nullptr) Refuse(unclear_, kAssignFirst);
  if (comment_) return;
  if (escape_) Refuse("right after a backslash", "write two backslashes for one that is meant as a character");
  if (dollar_ && (in_heredoc_ ? heredoc_.expands : top() != In::kSingle))
    Refuse("right after a dollar sign", "write \\$ for a dollar sign");
  if (reading_delimiter_ || (less_ == 2 && !in_heredoc_))
    Refuse("as the delimiter of a here-document", "write the delimiter itself");
  if (in_heredoc_) {
    if (simple_ != 0) Refuse("inside an expansion in a here-document", kAssignFirst);
    return;
  }
  if (Below(In::kBacktick)) Refuse("inside backticks", "write $(…) instead of `…`");
  if (Below(In::kBrace)) Refuse("inside ${…}", kAssignFirst);
}

// `${IFS+}` expands to nothing, and keeps a line of the value from being read as the end of the here-document.
std::string ShellText::HereDocValue(std::string_view value) {
  constexpr std::string_view kNothing = "${IFS+}";
  const auto may_end = [this](std::string_view line) { return heredoc_.delimiter.starts_with(line); };
  if (!heredoc_.expands) {
    std::string line = line_ + std::string(value);
    if (heredoc_.strips_tabs) line.erase(0, line.find_first_not_of('\t'));
    if (value.find('\n') != std::string_view::npos || (!value.empty() && may_end(line))) {
      Refuse("in a here-document whose delimiter is quoted, as it could end it", kAssignFirst);
    }
    line_ += value;
    return std::string(value);
  }
  std::string text = after_parameter_ ? std::string(kNothing) : std::string();
  after_parameter_ = false;
  std::string line = line_;  // as bash will read it, up to the piece at hand
  while (!value.empty()) {
    const std::size_t end = value.find('\n');
    const std::string_view piece = value.substr(0, end);
    line += piece;
    if (may_end(line) || (heredoc_.strips_tabs && piece.starts_with('\t'))) text += kNothing;
    text += Escape(piece, "\\$`");
    line_ = "\n";  // whatever follows, this line is not the delimiter
    if (end == std::string_view::npos) break;
    text += '\n';
    line.clear();
    value.remove_prefix(end + 1);
    if (value.empty()) text += kNothing;
  }
  return text;
}

void ShellText::CheckReads(Frame& frame, std::string_view value) const {
  if (frame.array) return;  // its words are no command
  const bool in_value = frame.index == Index::kValue;
  Reads reads = frame.command.Current(word_start_ ? std::string_view() : word_, in_value);
  if (in_value && reads == Reads::kText) reads = frame.value_of;
  switch (reads) {
    case Reads::kText:
      if (frame.command.condition() && !WholeNumber(value)) frame.command.GiveText();
      return;
    case Reads::kDeclaration:
      value = value.substr(0, value.find('='));
      [[fallthrough]];
    case Reads::kName:
      if (!IsNamePart(value)) Refuse("where the shell takes it for the name of a variable, and it is none", kNameIt);
      return;
    case Reads::kNumber:
      if (!WholeNumber(value)) Refuse("where the shell evaluates it and it is not a whole number", kMakeANumber);
      return;
    case Reads::kScript:
      Refuse("in a variable whose value the shell runs", "");
  }
}

std::string ShellText::Value(std::string_view value) {
  CheckPlace();
  if (value.find('\0') != std::string_view::npos) Refuse("as it contains a NUL", "");
  if (in_heredoc_) return HereDocValue(value);
  if (comment_) {  // nobody runs it; make it harmless whatever bash takes it for
    std::string text(value);
    for (char& c : text) {
      if (!Harmless(c) && c != ' ') c = '_';
    }
    return text;
  }
  const bool arithmetic = Below(In::kArithmetic);
  if (arithmetic && !WholeNumber(value)) Refuse("inside (( )), where it is not a whole number", kMakeANumber);
  if (arithmetic && frames_.back().in == In::kArithmetic && frames_.back().parens < 0)
    Refuse("between the parentheses of ))", "");
  if (arithmetic) return std::string(value);
  Frame& command = Command();
  if (command.index == Index::kInside && !WholeNumber(value))
    Refuse("as an index, where it is not a whole number, as the shell may evaluate it", kMakeANumber);
  CheckReads(command, value);
  if (command.index == Index::kInside) return std::string(value);
  if (command.index == Index::kStart) command.index = Index::kName;  // it may be one
  std::string text;
  switch (top()) {
    case In::kSingle:
      text = EscapeSingle(value);
      break;
    case In::kDouble:
      text = (after_parameter_ ? "\"\"" : "") + Escape(value, "\\\"$`");
      break;
    case In::kAnsi:
      text = Escape(value, "\\'");
      break;
    default:
      text = "'" + EscapeSingle(value) + "'";
      AfterValue();
  }
  after_parameter_ = false;
  return text;
}

void ShellText::AfterValue() {
  frames_.back().just_opened = false;
  word_start_ = false;
  word_ = "'";
  less_ = 0;
}

}  // namespace pipelined::tmpl
