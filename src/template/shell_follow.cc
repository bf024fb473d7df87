// The author's script, character by character.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "template/shell_characters.h"
#include "template/shell_quote.h"

namespace pipelined::tmpl {
namespace {

// What may follow a `$`: names, $1, $$, and zsh's $#x, $=x, $^x …
bool BeginsParameter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("_@*#?$!-^=~+").find(c) != std::string_view::npos;
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
  const bool quotes = top() == In::kDouble || top() == In::kSingle || top() == In::kAnsi;
  if (frames_.size() > 1) frames_.pop_back();
  word_start_ = false;
  if (!quotes) word_.clear();
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
    const bool assigns = frame.array || frame.command.may_assign();
    if (frame.index == Index::kInside && assigns)
      unclear_ = "after an index with blanks or operators (write name[index])";
    frame.index = Index::kStart;
  } else if (c == '=' && (frame.index == Index::kName || frame.index == Index::kNone)) {
    const std::string name = word_.substr(0, word_.find_first_of("[+"));
    if (frame.command.declares() != Reads::kText) Declare(name, frame.command.declares());
    frame.value_of = ReadsOfVariable(name);
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

// A character within quotes or behind a backslash: `"let"` and \let are let.
void ShellText::Quoted(char c) {
  FollowIndex(c, true);
  Note(c);
}

void ShellText::Note(char c) {
  constexpr std::size_t kLongestWord = 64;
  if (word_.size() < kLongestWord) word_ += c;
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
  before_ = std::exchange(last_, c);
  if (in_heredoc_) return PutHereDoc(c);
  if (comment_) {
    if (c != '\n') return;
    comment_ = false;
  }
  if (reading_delimiter_) return PutDelimiter(c);
  if (escape_) {
    escape_ = false;
    if (c == '\n') {  // both are nothing
      word_start_ = escaped_at_start_;
      last_ = escaped_behind_;
    } else {
      word_start_ = false;
      Quoted(c);
    }
    return;
  }
  switch (top()) {
    case In::kSingle:
      if (c != '\'') Quoted(c);
      if (c == '\'') Pop();
      return;
    case In::kAnsi:
      if (c != '\'' && c != '\\') Quoted(c);
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
  if (c != '"' && c != '\\') Quoted(c);
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
  if ((dollar_ && Dollar(c)) || BeginsQuoting(c)) return;
  if (c == '(') ++frame.parens;
  if (c == ')' && frame.parens-- == 0) frame.just_opened = true;
}

bool ShellText::BeginsQuoting(char c) {
  switch (c) {
    case '\\':
      escape_ = true;
      return true;
    case '$':
      dollar_ = true;
      return true;
    case '`':
      Push(In::kBacktick);
      return true;
    case '"':
      Push(In::kDouble);
      return true;
    case '\'':
      Push(In::kSingle);
      return true;
    default:
      return false;
  }
}

Reads ShellText::ReadsOfVariable(std::string_view name) const {
  const auto declared =
      std::find_if(declared_.begin(), declared_.end(), [&](const auto& one) { return one.first == name; });
  return declared != declared_.end() ? declared->second : ReadsOf(name);
}

void ShellText::Declare(const std::string& name, Reads reads) {
  constexpr std::size_t kMostDeclared = 100;
  if (name.empty() || !IsNamePart(name) || declared_.size() >= kMostDeclared) {
    unclear_ = "after a declaration of numbers or references whose name is not plain";
  } else if (ReadsOfVariable(name) == Reads::kText) {
    declared_.emplace_back(name, reads);
  }
}

// `c` is what ends the word.
void ShellText::EndWord(char c, bool assignment) {
  Frame& frame = frames_.back();
  // bash gives such an array up, and goes on with the next line, even within quotes.
  if (frame.array && !IsBlank(c) && c != ')') unclear_ = "after an operator in name=(…)";
  const bool names_one = word_.find_first_not_of("0123456789") == std::string::npos || word_.starts_with('{');
  const bool redirects = (c == '<' || c == '>') && names_one;  // 2>, {fd}>
  if (!word_start_ && !redirects && !frame.array) {
    const bool option = word_.starts_with('-') || word_.starts_with('+');
    if (frame.command.declares() != Reads::kText && !assignment && !option) Declare(word_, frame.command.declares());
    const Reads reads = ReadsOfVariable(word_);
    if (frame.command.reads_input() && reads != Reads::kText)
      unclear_ = "after `read` into a variable whose value the shell evaluates";
    frame.command.EndWord(word_, assignment, reads);
  }
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
    if (word_start_) word_.clear();
    if (c != '"' && c != '\'' && c != '\\') Note(c);
    word_start_ = false;
  }
}

// Whether a comment begins. Where shells may differ, and within patterns, nothing is clear any more.
bool ShellText::BeginsComment() {
  const Frame& frame = frames_.back();
  const bool behind_operator = std::string_view("()|<>`").find(before_) != std::string_view::npos;
  if (behind_operator || (word_start_ && (frame.command.condition() || frame.pattern)))
    unclear_ = "after a # within a pattern, or right behind a parenthesis or an operator";
  return word_start_;
}

// `(` that is not a part of `$(`.
void ShellText::OpenParenthesis(char before, bool in_word) {
  const Frame& outer = frames_.back();
  const bool array = before == '=';
  const Reads reads = !array                                     ? Reads::kText
                      : outer.command.declares() != Reads::kText ? outer.command.declares()
                                                                 : outer.value_of;
  const bool pattern = in_word && std::string_view("?*+@!").find(before) != std::string_view::npos;
  Push(In::kParen);
  frames_.back().array = array;
  frames_.back().value_of = reads;
  frames_.back().pattern = pattern;
}

void ShellText::PutCommand(char c) {
  const bool in_word = !word_start_;
  if (c == '\r') unclear_ = "after a carriage return outside of quotes (write the script with plain line ends)";
  if (c == '(' && frames_.back().command.evaluates()) unclear_ = "after parentheses in `let`";
  if (frames_.back().just_opened) {
    frames_.back().just_opened = false;
    if (c == '(' && frames_.back().array) unclear_ = "after an operator in name=(…)";
    if (c == '(' && (top() == In::kSubstitution || top() == In::kParen)) {  // $(( or ((
      frames_.back() = Frame{In::kArithmetic};
      dollar_ = false;
      return;
    }
  }
  if (dollar_ && Dollar(c)) {
    word_start_ = c == '(';
    word_.clear();
    return;
  }
  dollar_ = false;
  if (less_ == 2 && c != '<') {  // `<<` is complete
    less_ = 0;
    incoming_ = HereDoc{};
    frames_.back().command.EndRedirection();
    reading_delimiter_ = true;
    delimiter_began_ = false;
    return PutDelimiter(c);
  }
  less_ = c == '<' && less_ < 3 ? less_ + 1 : 0;
  if (c == '#' && BeginsComment()) {
    comment_ = true;
    return;
  }
  if (c == '\\') {
    escaped_at_start_ = word_start_;
    escaped_behind_ = before_;
  }
  Word(c);
  if (BeginsQuoting(c)) return;
  switch (c) {
    case '(':
      OpenParenthesis(before_, in_word);
      break;
    case ')':
      return CloseParenthesis();
    case '\n':
      if (!waiting_.empty() && waiting_.front().depth != frames_.size())
        unclear_ = "after a here-document begun outside these parentheses";
      if (!waiting_.empty()) NextHereDoc();
      break;
    default:
      break;
  }
}

void ShellText::CloseParenthesis() {
  if (!waiting_.empty()) unclear_ = "after parentheses that end before their here-document";
  const Frame& frame = frames_.back();
  const bool in_word = top() == In::kSubstitution || frame.array || frame.pattern;
  if (top() != In::kCommand) Pop();  // otherwise the pattern of a case
  word_start_ = !in_word;
}

}  // namespace pipelined::tmpl
