// Values in a script: whether they may stand where they do, and how they are written there.
#include "template/shell_quote.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "template/shell_characters.h"

namespace pipelined::tmpl {
namespace {

constexpr std::string_view kNameIt = "write the name in the script; letters, digits and _ of a value would pass";

bool WholeNumber(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || text.size() > 18 || (text.size() > 1 && text[0] == '0')) return false;
  for (const char c : text) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) return false;
  }
  return true;
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

void ShellText::CheckReads(Frame& frame, std::string_view value) const {
  const bool in_value = frame.index == Index::kValue;
  if (frame.array) return CheckOne(frame.value_of, value);  // its words are no command
  const std::string_view letters = word_start_ ? std::string_view() : word_;
  if (letters.empty() && frame.command.MayTakeForOption(value))
    Refuse("where the command would take it for an option", "write -- before it");
  Reads reads = frame.command.Current(letters, in_value);
  if (reads == Reads::kDeclaration && frame.index == Index::kNone) reads = Reads::kName;  // behind "$name"
  if (frame.command.is_declaration()) {
    // name=(…) makes an array of what stands between the parentheses, which is read as script once more.
    const std::string_view rest = in_value ? value : value.substr(std::min(value.find('='), value.size()));
    if (rest.starts_with('(') || rest.starts_with("=("))
      Refuse("where the shell would make an array of it", kAssignFirst);
    if (reads == Reads::kDeclaration && !rest.empty())
      CheckOne(ReadsOfVariable(std::string(letters) + std::string(value.substr(0, value.find('=')))), rest.substr(1));
  }
  CheckOne(reads == Reads::kText && in_value ? frame.value_of : reads, value);
  if (reads == Reads::kText && frame.command.condition() && !WholeNumber(value)) frame.command.GiveText();
  if (reads == Reads::kDeclaration && value.find('=') != std::string_view::npos) frame.index = Index::kValue;
}

void ShellText::CheckOne(Reads reads, std::string_view value) const {
  switch (reads) {
    case Reads::kText:
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
      if (!Harmless(c)) c = '_';
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
      Note('\'');  // the word is more than its letters
      break;
    case In::kDouble:
      Note('\'');
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
