// Follows a bash script as it is written, so that a value can be put at any place of it without being read as script.
//
// What cannot be judged with certainty is refused, never guessed: inside `…`, ${…}, or where the script has become
// unclear. What the shell itself would evaluate must be a number, or the name of a variable: see ShellCommand. What
// this does not do: keep a command from running its word as script (eval, trap, bash -c), or $((name)) from evaluating
// what the variable holds.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "template/fault.h"
#include "template/shell_command.h"

namespace pipelined::tmpl {

class ShellText {
 public:
  // `posix`: for a shell that may know no $'…'; from the first one on nothing can be quoted.
  explicit ShellText(bool posix = false) : posix_(posix) {}
  // Text of the author: the next piece of the script.
  void Literal(std::string_view text);
  // The text to write for a value from outside, which is then part of the script. kUnsafe when it cannot be put here.
  std::string Value(std::string_view value);

 private:
  enum class In : unsigned char {
    kCommand,
    kParen,
    kSubstitution,
    kSingle,
    kDouble,
    kAnsi,
    kBacktick,
    kBrace,
    kArithmetic
  };
  enum class Index : unsigned char { kStart, kName, kInside, kValue, kNone };  // of a word: `name[…]`, `name=…`
  struct Frame {
    In in;
    int parens = 0;  // kArithmetic: open ones inside
    bool just_opened = false;
    bool quoted = false;   // kBrace: inside double quotes
    bool array = false;    // kParen: `name=(`, whose words may be `[index]=value`
    bool pattern = false;  // kParen: `@(`, `?(` …
    Index index = Index::kStart;
    int brackets = 0;               // kInside: open ones
    Reads value_of = Reads::kText;  // kValue, array: what the shell makes of the variable's value
    ShellCommand command = {};
  };
  struct HereDoc {
    std::string delimiter;
    bool expands = true;
    bool strips_tabs = false;
    std::size_t depth = 1;  // frames that were open where it was announced
  };

  void Put(char c);
  void FollowParameter(char c);
  void PutHereDoc(char c);
  void PutCommand(char c);
  void PutDouble(char c);
  void PutBrace(char c);
  void PutArithmetic(char c);
  void PutDelimiter(char c);
  bool BeginsQuoting(char c);  // a backslash, a `$` or quotes
  bool Dollar(char c);  // what follows a `$`; false: nothing special
  void Push(In in);
  void Pop();
  In top() const { return frames_.back().in; }
  bool Below(In in) const;
  const Frame& Command() const;  // the innermost that quotes are a part of
  Frame& Command() { return const_cast<Frame&>(static_cast<const ShellText*>(this)->Command()); }
  void FollowIndex(char c, bool quoted);
  void Quoted(char c);
  void Note(char c);
  bool BeginsComment();
  void OpenParenthesis(char before, bool in_word);
  void CloseParenthesis();
  void Declare(const std::string& name, Reads reads);
  void EndWord(char c, bool assignment);
  Reads ReadsOfVariable(std::string_view name) const;
  void CheckReads(Frame& frame, std::string_view value) const;
  void CheckOne(Reads reads, std::string_view value) const;
  void Word(char c);
  void EndHereDocLine();
  void NextHereDoc();

  [[noreturn]] void Refuse(std::string_view where, std::string_view hint) const;
  void CheckPlace() const;
  std::string HereDocValue(std::string_view value);
  void AfterValue();

  std::vector<Frame> frames_{Frame{In::kCommand}};
  bool escape_ = false;            // a backslash waits for its character
  bool dollar_ = false;            // a `$` waits
  bool escaped_at_start_ = false;  // that backslash would begin a word
  char escaped_behind_ = 0;        // what stands before it
  char last_ = 0, before_ = 0;     // the last two characters
  bool after_parameter_ = false;   // all since a `$` could be the name of a parameter
  bool comment_ = false;
  bool word_start_ = true;                               // the next character begins a word
  std::string word_;                                     // letters of the word so far, as long as it could be a keyword
  std::vector<std::pair<std::string, Reads>> declared_;  // variables that are more than text
  int less_ = 0;                                         // `<` in a row
  bool reading_delimiter_ = false;
  bool delimiter_began_ = false;
  char delimiter_quote_ = 0;
  HereDoc incoming_;
  std::vector<HereDoc> waiting_;  // their bodies begin after this line
  bool in_heredoc_ = false;
  HereDoc heredoc_;
  std::string line_;  // of the here-document, so far
  int simple_ = 0;    // in a here-document: 0 plain, '(' or '{' inside a simple $(…) or ${…}
  bool posix_;
  const char* unclear_ = nullptr;  // why nothing can be quoted from here on
};

}  // namespace pipelined::tmpl
