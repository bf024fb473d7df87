// Follows the words of a shell command: which of them are text to the shell, and which it takes as the name of a
// variable or as arithmetic, where a value could hold a command (`a[$(…)]`).
#pragma once

#include <cstdint>
#include <string_view>

namespace pipelined::tmpl {

// What the shell takes a word for.
enum class Reads : unsigned char {
  kText,
  kName,         // of a variable
  kDeclaration,  // name or name=value
  kNumber,       // arithmetic
  kScript        // it is run, at some time
};

// What the shell makes of the value of this variable: OPTIND counts, PS4 is expanded with each command that is shown.
Reads ReadsOf(std::string_view variable);

class ShellCommand {
 public:
  // A word ended; an assignment is one that begins with `name=`. `reads`: what the shell makes of the variable of that
  // name.
  void EndWord(std::string_view letters, bool assignment, Reads reads);
  // `c`, outside of quotes, ends a word: `;`, `<` … What ends a command ends a part of what stands within [[ ]].
  void EndBy(char c);
  // What `<` began has its word: the delimiter of a here-document, which is read elsewhere.
  void EndRedirection() { redirects_ = copies_ = false; }

  // Of the word that begins with `letters`. `in_value`: behind the `=` of name=.
  Reads Current(std::string_view letters, bool in_value) const;

  bool condition() const { return condition_; }
  void EnterCondition() { condition_ = true; }
  // Whether name=value may stand here as an assignment.
  bool may_assign() const { return (verb_ == Verb::kNone && !condition_) || is_declaration(); }
  bool evaluates() const { return verb_ == Verb::kLet; }
  bool reads_input() const { return verb_ == Verb::kRead; }
  bool is_declaration() const { return verb_ == Verb::kDeclare; }
  // What it makes of the variables that it names: numbers (-i), names (-n), or text.
  Reads declares() const {
    return is_declaration() && (next_ == Reads::kNumber || next_ == Reads::kName) ? next_ : Reads::kText;
  }
  // Of a whole word, or the begin of one.
  bool MayTakeForOption(std::string_view value) const;
  // Within [[ ]], a value that is no number was given, and stands beside an operator that evaluates it.
  void GiveText() { given_text_ = true; }
  bool evaluates_given() const { return given_text_ && next_ == Reads::kNumber; }

 private:
  enum class Verb : unsigned char {
    kNone,
    kOther,
    kLet,
    kDeclare,
    kRead,
    kUnset,
    kPrintf,
    kTest,
    kWait,
    kGetopts,
    kSet,
    kMapfile,
    kFunction,
    kFor
  };
  static Verb VerbOf(std::string_view word);
  static Reads OfOption(Verb verb, std::string_view option);

  Verb verb_ = Verb::kNone;  // kNone: its first word has still to come
  bool redirects_ = false;   // the next word is a file, or a here-string
  bool copies_ = false;      // … or a descriptor, behind >&: bash expands that word twice
  bool condition_ = false;   // within [[ ]]
  bool given_text_ = false;
  bool options_over_ = false;  // there was an operand, or --
  std::uint32_t words_ = 0;    // after the first
  Reads next_ = Reads::kText;  // what the next word is taken for, where the verb alone does not tell
};

}  // namespace pipelined::tmpl
