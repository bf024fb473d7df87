// The tokens of a template, read one after another.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "template/fault.h"
#include "template/lexer.h"

namespace pipelined::tmpl {

class TokenReader {
 public:
  explicit TokenReader(std::string_view text) : tokens_(Tokenize(text)) {}

 protected:
  const Token& At(std::size_t ahead = 0) const { return tokens_[std::min(next_ + ahead, tokens_.size() - 1)]; }
  bool Is(TokenType type) const { return At().type == type; }
  bool IsOp(std::string_view op) const { return Is(TokenType::kOperator) && At().text == op; }
  bool IsName(std::string_view name) const { return Is(TokenType::kName) && At().text == name; }
  const Token& Take() { return tokens_[next_ < tokens_.size() - 1 ? next_++ : next_]; }
  bool TakeOp(std::string_view op) {
    if (!IsOp(op)) return false;
    Take();
    return true;
  }
  bool TakeName(std::string_view name) {
    if (!IsName(name)) return false;
    Take();
    return true;
  }
  [[noreturn]] void Fail(const Token& token, std::string message, std::string hint = {}) const {
    throw Fault{TemplateFault::kSyntax, std::move(message), std::move(hint), token.offset,
                std::max<std::size_t>(token.text.size(), 1)};
  }
  std::string Shown(const Token& token) const {
    switch (token.type) {
      case TokenType::kEnd:
        return "the end";
      case TokenType::kText:
        return "text";
      default:
        return fmt::format("\"{}\"", token.text);
    }
  }
  void ExpectOp(std::string_view op) {
    if (!TakeOp(op)) Fail(At(), fmt::format("\"{}\" is expected, not {}", op, Shown(At())));
  }
  std::string ExpectName(std::string_view what) {
    if (!Is(TokenType::kName)) Fail(At(), fmt::format("{} is expected, not {}", what, Shown(At())));
    return std::string(Take().text);
  }
  void ExpectBlockEnd() {
    if (!Is(TokenType::kBlockEnd)) Fail(At(), fmt::format("\"%}}\" is expected, not {}", Shown(At())));
    Take();
  }

  // Brackets and blocks within each other.
  struct Nested {
    explicit Nested(TokenReader* reader) : reader_(*reader) {
      if (++reader_.nesting_ > kDeepestNesting) {
        throw Fault{TemplateFault::kLimit, fmt::format("nested deeper than {} levels", kDeepestNesting), "",
                    reader_.At().offset};
      }
    }
    ~Nested() { --reader_.nesting_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;
    TokenReader& reader_;
  };

 private:
  static constexpr int kDeepestNesting = 60;

  std::vector<Token> tokens_;
  std::size_t next_ = 0;
  int nesting_ = 0;
};

}  // namespace pipelined::tmpl
