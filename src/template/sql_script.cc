#include "pipelined/template/sql_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

namespace pipelined {
namespace {

constexpr std::size_t kMostStatements = 10'000;

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsWordStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}
bool IsWord(char c) {
  return IsWordStart(c) || IsDigit(c);
}

std::string Upper(std::string_view word) {
  std::string upper(word);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

// Raised inside this file only.
struct Fault {
  std::size_t offset;
  std::string message, hint;
};

class Splitter {
 public:
  Splitter(std::string_view script, SqlDialect dialect, SqlTransaction transaction, const std::vector<Value>& bound,
           const std::vector<Value>& given)
      : script_(script), dialect_(dialect), transaction_(transaction), bound_(bound), given_(given) {}

  std::vector<SqlStatement> Run() {
    while (at_ < script_.size()) Step();
    if (parens_ > 0) throw Fault{open_paren_, "the parenthesis is not closed", ""};
    if (has_text_) End();
    return std::move(statements_);
  }

 private:
  char Peek(std::size_t ahead = 1) const { return at_ + ahead < script_.size() ? script_[at_ + ahead] : '\n'; }

  void Step() {
    const char c = script_[at_];
    if (c == '-' && Peek() == '-') return LineComment();
    if (c == '/' && Peek() == '*') return BlockComment();
    if (IsBlank(c)) return Put(c);
    if (c == ';' && parens_ == 0 && !in_body()) {
      ++at_;
      if (has_text_) End();
      return;
    }
    Begin();
    if (c == '\0') return Bound();
    if (c == '\'') return Quoted('\'', false);
    if (c == '"' || (c == '`' && dialect_ == SqlDialect::kSqlite)) return Quoted(c, false);
    if (c == '[' && dialect_ == SqlDialect::kSqlite) return Quoted(']', false);
    if (c == '$') return Dollar();
    if (IsWordStart(c)) return Word();
    if (IsDigit(c)) return Number();
    if (c == '(' && parens_++ == 0) open_paren_ = at_;
    if (c == ')' && parens_ > 0) --parens_;
    Put(c);
  }

  void Put(char c) {
    text_ += c;
    ++at_;
  }

  void Begin() {
    if (std::exchange(has_text_, true)) return;
    text_.clear();  // comments and blanks before it
    first_ = at_;
  }

  // As the database has it: what it reads must not be a comment here.
  void LineComment() {
    const auto ends = [this](char c) { return c == '\n' || (c == '\r' && dialect_ == SqlDialect::kPostgres); };
    while (at_ < script_.size() && !ends(script_[at_])) Skip();
  }

  // PostgreSQL's nest.
  void BlockComment() {
    const std::size_t begin = at_;
    int depth = 0;
    do {
      if (at_ >= script_.size()) throw Fault{begin, "the comment is not closed", ""};
      const bool opens = script_[at_] == '/' && Peek() == '*' && (depth == 0 || dialect_ == SqlDialect::kPostgres);
      const bool closes = script_[at_] == '*' && Peek() == '/';
      if (opens) ++depth;
      if (closes) --depth;
      if (opens || closes) Skip();
      Skip();
    } while (depth > 0);
    text_ += ' ';
  }

  // Of a comment: nobody reads it, and a value in it goes nowhere.
  void Skip() {
    if (script_[at_] == '\0') ++next_;
    ++at_;
  }

  void Quoted(char quote, bool backslash) {
    const std::size_t begin = at_;
    Put(script_[at_]);
    while (at_ < script_.size()) {
      const char c = script_[at_];
      RefuseValue();
      if (backslash && c == '\\' && at_ + 1 < script_.size()) {
        Put(c);
        RefuseValue();
        Put(script_[at_]);
        continue;
      }
      Put(c);
      if (c != quote) continue;
      if (at_ >= script_.size() || script_[at_] != quote || quote == ']') return;
      Put(quote);  // doubled: one of it in the text
    }
    throw Fault{begin, "the quote is not closed", ""};
  }

  void RefuseValue() const {
    if (script_[at_] != '\0') return;
    throw Fault{at_, "a value stands within quotes, where it cannot be a parameter",
                "write {{ … }} without quotes around it; `| raw` pastes it as text"};
  }

  void Dollar() {
    if (IsDigit(Peek())) return Given();
    if (dialect_ == SqlDialect::kSqlite) return Put('$');
    std::size_t end = at_ + 1;
    if (end < script_.size() && IsWordStart(script_[end])) {
      while (end < script_.size() && IsWord(script_[end])) ++end;
    }
    if (end >= script_.size() || script_[end] != '$') return Put('$');
    const std::string_view tag = script_.substr(at_, end + 1 - at_);
    const std::size_t close = script_.find(tag, end + 1);
    if (close == std::string_view::npos) throw Fault{at_, fmt::format("the quote {} is not closed", tag), ""};
    while (at_ < close + tag.size()) {
      RefuseValue();
      Put(script_[at_]);
    }
  }

  void Given() {
    const std::size_t begin = at_++;
    std::size_t number = 0;
    const auto parsed = std::from_chars(script_.data() + at_, script_.data() + script_.size(), number);
    at_ = static_cast<std::size_t>(parsed.ptr - script_.data());
    if (parsed.ec != std::errc() || number == 0 || number > given_.size()) {
      throw Fault{begin, fmt::format("there is no parameter {}", script_.substr(begin, at_ - begin)),
                  given_.empty() ? "values stand in the statement as {{ … }}, or under params" : ""};
    }
    const auto [known, added] = own_.try_emplace(number, params_.size() + 1);
    if (added) params_.push_back(given_[number - 1]);
    text_ += fmt::format("${}", known->second);
  }

  void Bound() {
    const char before = at_ > first_ ? script_[at_ - 1] : ' ';
    const bool touches = IsWord(before) && !text_.empty() && text_.back() == before;
    if (touches || before == '\0')  // another value
      throw Fault{at_, "a value stands within a word, where it cannot be a parameter",
                  "`| raw` pastes it as text, for names of tables that you choose"};
    params_.push_back(next_ < bound_.size() ? bound_[next_] : Value());
    ++next_;
    ++at_;
    text_ += fmt::format("${}", params_.size());
    if (at_ < script_.size() && IsWord(script_[at_]))
      throw Fault{at_ - 1, "a value stands within a word, where it cannot be a parameter",
                  "`| raw` pastes it as text, for names of tables that you choose"};
  }

  void Number() {
    while (at_ < script_.size() && (IsWord(script_[at_]) || script_[at_] == '.')) Put(script_[at_]);
  }

  void Word() {
    const std::size_t begin = at_;
    while (at_ < script_.size() && (IsWord(script_[at_]) || script_[at_] == '$')) Put(script_[at_]);
    const std::string_view word = script_.substr(begin, at_ - begin);
    if (at_ < script_.size() && script_[at_] == '\'' && dialect_ == SqlDialect::kPostgres && word.size() == 1)
      return Quoted('\'', word == "e" || word == "E");
    if (begin == first_) is_led_by_word_ = true;
    Keyword(Upper(word));
  }

  // Statements stand within the body of a function or a trigger: CREATE … BEGIN [ATOMIC] … END.
  void Keyword(const std::string& word) {
    if (words_.size() < 6) words_.push_back(word);
    if (words_.front() != "CREATE") return;
    if (word == "BEGIN" && HoldsBody()) ++body_;
    if (word == "CASE" && body_ > 0) ++body_;
    if (word == "END" && body_ > 0) --body_;
  }
  bool HoldsBody() const {
    return std::any_of(words_.begin(), words_.end(), [](const std::string& word) {
      return word == "FUNCTION" || word == "PROCEDURE" || word == "TRIGGER";
    });
  }
  bool in_body() const { return body_ > 0; }

  bool Has(std::size_t at, std::string_view word) const { return at < words_.size() && words_[at] == word; }
  bool BeginsTransaction() const { return Has(0, "BEGIN") || (Has(0, "START") && Has(1, "TRANSACTION")); }
  bool EndsTransaction() const {
    if (Has(0, "COMMIT") || Has(0, "END") || Has(0, "ABORT")) return true;
    if (Has(0, "PREPARE")) return Has(1, "TRANSACTION");
    return Has(0, "ROLLBACK") && !Has(Has(1, "WORK") || Has(1, "TRANSACTION") ? 2 : 1, "TO");  // a savepoint
  }

  // Behind COMMIT AND CHAIN, or COMMIT and BEGIN, all looks as before: what was committed would be there after a
  // failure, and a retry would do it again.
  void RefuseTransaction() const {
    if (transaction_ == SqlTransaction::kOwn || !is_led_by_word_) return;
    const bool begins = BeginsTransaction();
    if (!begins && !EndsTransaction()) return;
    throw Fault{first_,
                words_.front() + (begins ? " begins a transaction, and all statements are one already"
                                         : " ends the transaction that all statements share"),
                dialect_ == SqlDialect::kSqlite
                    ? "take it away: what they did is committed behind the last one"
                    : "take it away: what they did is committed behind the last one; with autocommit: true "
                      "transactions are the script's own"};
  }

  void End() {
    RefuseTransaction();
    if (statements_.size() >= kMostStatements)
      throw Fault{first_, fmt::format("the script has more than {} statements", kMostStatements), ""};
    while (!text_.empty() && IsBlank(text_.back())) text_.pop_back();
    const auto lines = std::count(script_.begin(), script_.begin() + static_cast<std::ptrdiff_t>(first_), '\n');
    statements_.push_back({std::move(text_), std::move(params_), 1 + static_cast<int>(lines)});
    text_.clear();
    params_.clear();
    own_.clear();
    words_.clear();
    has_text_ = is_led_by_word_ = false;
    body_ = 0;
  }

  std::string_view script_;
  SqlDialect dialect_;
  SqlTransaction transaction_;
  const std::vector<Value>& bound_;
  const std::vector<Value>& given_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;  // of bound_
  std::vector<SqlStatement> statements_;
  // of the statement that is being read
  std::string text_;
  std::vector<Value> params_;
  std::map<std::size_t, std::size_t> own_;  // number in `given` -> number here
  std::vector<std::string> words_;          // the first ones, in capitals
  std::size_t first_ = 0, open_paren_ = 0;
  int parens_ = 0, body_ = 0;
  bool has_text_ = false, is_led_by_word_ = false;
};

// Each {{ … }} as one NUL and blanks, those with raw and all {# … #} as blanks, so that all else keeps its place.
// Nothing when there are {% … %}, or when the braces are not those of a template.
std::optional<std::string> WithoutTags(std::string_view text) {
  if (text.find("{%") != std::string_view::npos) return std::nullopt;
  std::string plain(text);
  for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    const bool output = text.substr(at).starts_with("{{"), comment = text.substr(at).starts_with("{#");
    if (!output && !comment) continue;
    const std::size_t end = text.find(output ? "}}" : "#}", at + 2);
    if (end == std::string_view::npos) return std::nullopt;
    const bool raw = text.substr(at, end - at).find("raw") != std::string_view::npos;
    for (std::size_t i = at; i < end + 2; ++i) plain[i] = text[i] == '\n' ? '\n' : ' ';
    if (output) plain[at] = raw ? 'x' : '\0';
    at = end + 1;
  }
  return plain;
}

}  // namespace

std::optional<std::vector<SqlStatement>> SplitSql(std::string_view script, SqlDialect dialect,
                                                  SqlTransaction transaction, const std::vector<Value>& bound,
                                                  const std::vector<Value>& given, SqlFault* fault) {
  try {
    auto statements = Splitter(script, dialect, transaction, bound, given).Run();
    if (statements.empty()) throw Fault{0, "there is no statement in it", ""};
    return statements;
  } catch (const Fault& found) {
    const auto end = script.begin() + static_cast<std::ptrdiff_t>(std::min(found.offset, script.size()));
    *fault = {found.offset, 1 + static_cast<int>(std::count(script.begin(), end, '\n')), found.message, found.hint};
    return std::nullopt;
  }
}

std::optional<SqlFault> CheckSqlTemplate(std::string_view text, SqlDialect dialect, SqlTransaction transaction,
                                         std::size_t given) {
  const auto plain = WithoutTags(text);
  if (!plain) return std::nullopt;
  SqlFault fault;
  if (SplitSql(*plain, dialect, transaction, {}, std::vector<Value>(given), &fault)) return std::nullopt;
  return fault;
}

}  // namespace pipelined
