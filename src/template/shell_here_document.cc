// Here-documents: where they begin and end, and values within them.
#include "template/shell_characters.h"
#include "template/shell_quote.h"

namespace pipelined::tmpl {

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
  // bash ends one within $(…) also where the parenthesis follows its delimiter.
  if (heredoc_.depth > 1 && line_ != heredoc_.delimiter && line_.starts_with(heredoc_.delimiter))
    unclear_ = "after a line that begins with the delimiter of its here-document";
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

// `${IFS+}` expands to nothing, and keeps a line of the value from being read as the end of the here-document.
std::string ShellText::HereDocValue(std::string_view value) {
  constexpr std::string_view kNothing = "${IFS+}";
  const auto may_end = [this](std::string_view line) {
    return heredoc_.delimiter.starts_with(line) || line.starts_with(heredoc_.delimiter);
  };
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

}  // namespace pipelined::tmpl
