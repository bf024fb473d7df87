#include "template/shell_command.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pipelined::tmpl {
namespace {

template <std::size_t size>
bool IsOneOf(std::string_view word, const std::string_view (&words)[size]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

// A command still comes behind them.
bool GoesBefore(std::string_view word) {
  static constexpr std::string_view kWords[] = {"then", "do", "else", "elif", "if",      "while",   "until",
                                                "!",    "{",  "time", "exec", "command", "builtin", "coproc"};
  return IsOneOf(word, kWords);
}

}  // namespace

Reads ReadsOf(std::string_view variable) {
  static constexpr std::string_view kNumbers[] = {"OPTIND", "RANDOM", "SRANDOM", "HISTCMD", "SECONDS", "LINENO"};
  static constexpr std::string_view kScripts[] = {
      "PS0", "PS1",     "PS2",     "PS3",     "PS4",     "PROMPT", "PROMPT_COMMAND",
      "ENV", "PROMPT2", "PROMPT4", "RPROMPT", "BASH_ENV"};
  return IsOneOf(variable, kNumbers) ? Reads::kNumber : IsOneOf(variable, kScripts) ? Reads::kScript : Reads::kText;
}

ShellCommand::Verb ShellCommand::VerbOf(std::string_view word) {
  struct Known {
    std::string_view word;
    Verb verb;
  };
  static constexpr Known kKnown[] = {{"let", Verb::kLet},           {"declare", Verb::kDeclare},
                                     {"typeset", Verb::kDeclare},   {"local", Verb::kDeclare},
                                     {"export", Verb::kDeclare},    {"readonly", Verb::kDeclare},
                                     {"private", Verb::kDeclare},   {"integer", Verb::kDeclare},
                                     {"float", Verb::kDeclare},     {"read", Verb::kRead},
                                     {"getln", Verb::kUnset},       {"unset", Verb::kUnset},
                                     {"printf", Verb::kPrintf},     {"print", Verb::kPrintf},
                                     {"test", Verb::kTest},         {"[", Verb::kTest},
                                     {"mapfile", Verb::kMapfile},   {"readarray", Verb::kMapfile},
                                     {"function", Verb::kFunction}, {"for", Verb::kFor},
                                     {"select", Verb::kFor},        {"wait", Verb::kWait},
                                     {"getopts", Verb::kGetopts},   {"set", Verb::kSet}};
  const auto known = std::find_if(std::begin(kKnown), std::end(kKnown), [&](const Known& k) { return k.word == word; });
  return known == std::end(kKnown) ? Verb::kOther : known->verb;
}

// Of the word behind an option of `verb`, or of what is left of the option's own.
Reads ShellCommand::OfOption(Verb verb, std::string_view option) {
  const char last = option.back();
  switch (verb) {
    case Verb::kRead:
      if (last == 't' || last == 'n' || last == 'N' || last == 'u') return Reads::kNumber;  // zsh evaluates them
      return last == 'p' || last == 'd' || last == 'i' ? Reads::kText : Reads::kName;
    case Verb::kPrintf:
    case Verb::kTest:
      return last == 'v' || (last == 'R' && verb == Verb::kTest) ? Reads::kName : Reads::kText;
    case Verb::kWait:
      return last == 'p' ? Reads::kName : Reads::kText;
    case Verb::kSet:
      return last == 'A' ? Reads::kName : Reads::kText;
    case Verb::kUnset:
      return Reads::kName;
    default:
      return Reads::kText;
  }
}

void ShellCommand::EndWord(std::string_view letters, bool assignment, Reads reads) {
  copies_ = false;
  if (std::exchange(redirects_, false)) return;
  if (condition_) {
    static constexpr std::string_view kOperators[] = {"-eq", "-ne", "-lt", "-le", "-gt", "-ge"};
    if (IsOneOf(letters, kOperators)) next_ = Reads::kNumber;
    if (next_ == Reads::kName) next_ = Reads::kText;
    if (letters == "-v" || letters == "-R") next_ = Reads::kName;
    if (letters == "]]") *this = ShellCommand();
    return;
  }
  if (verb_ == Verb::kNone) {
    if (assignment || letters.starts_with('-') || GoesBefore(letters)) return;  // -p: of `command`, `time` …
    if (letters.empty() || letters.starts_with('$')) return;                    // it may expand to nothing
    if (letters == "[[") return EnterCondition();
    verb_ = VerbOf(letters);
    next_ = verb_ == Verb::kLet || letters == "integer" || letters == "float" ? Reads::kNumber
            : verb_ == Verb::kDeclare                                         ? Reads::kDeclaration
            : verb_ == Verb::kRead || verb_ == Verb::kUnset                   ? Reads::kName
                                                                              : Reads::kText;
    return;
  }
  ++words_;
  if (verb_ == Verb::kFunction) {
    *this = ShellCommand();
    return;
  }
  if (!letters.starts_with('-') || letters == "--") options_over_ = true;
  const bool option = letters.size() > 1 && (letters[0] == '-' || letters[0] == '+');
  if (verb_ == Verb::kDeclare) {
    if (option && letters.find('i') != std::string_view::npos) next_ = Reads::kNumber;
    if (option && letters.find('n') != std::string_view::npos) next_ = Reads::kName;  // what it stands for
  } else if (verb_ == Verb::kFor) {
    if (words_ == 1) next_ = reads;
  } else if (verb_ == Verb::kGetopts) {
    next_ = words_ == 1 ? Reads::kName : Reads::kText;
  } else if (verb_ != Verb::kLet && verb_ != Verb::kOther) {
    next_ = option                                          ? OfOption(verb_, letters)
            : verb_ == Verb::kRead || verb_ == Verb::kUnset ? Reads::kName
                                                            : Reads::kText;
  }
}

void ShellCommand::EndBy(char c) {
  const bool redirected = redirects_ && (c == '&' || c == '(');  // 2>&1, < <(…)
  if (!condition_ && (c == '<' || c == '>')) redirects_ = true;
  if (redirected) redirects_ = copies_ = c == '&';
  if (redirected || std::string_view(";&|()\n").find(c) == std::string_view::npos) return;
  if (condition_ && c == '\n') return;
  const bool condition = condition_;
  *this = ShellCommand();
  condition_ = condition;
}

bool ShellCommand::MayTakeForOption(std::string_view value) const {
  if (verb_ == Verb::kTest) return value == "-v" || value == "-R";
  const bool takes = verb_ == Verb::kPrintf || verb_ == Verb::kWait || verb_ == Verb::kMapfile;
  return takes && !options_over_ && !redirects_ && value.starts_with('-');
}

Reads ShellCommand::Current(std::string_view letters, bool in_value) const {
  if (redirects_) return copies_ ? Reads::kNumber : Reads::kText;
  const bool option = letters.size() > 1 && letters[0] == '-';
  const bool takes_options = verb_ == Verb::kPrintf || verb_ == Verb::kWait || verb_ == Verb::kMapfile;
  if (letters == "-" && takes_options && !options_over_) return Reads::kNumber;
  if (verb_ == Verb::kDeclare && !option) {
    if (in_value) return next_ == Reads::kDeclaration ? Reads::kText : next_;
    return next_ == Reads::kNumber ? Reads::kNumber : Reads::kDeclaration;
  }
  if (option && verb_ != Verb::kNone && verb_ != Verb::kLet && !condition_) return OfOption(verb_, letters);
  return next_;
}

}  // namespace pipelined::tmpl
