// A template's text as tokens. Linear; views into the text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pipelined::tmpl {

enum class TokenType : unsigned char {
  kText,
  kOutputBegin,
  kOutputEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kInteger,
  kFloat,
  kString,
  kOperator,
  kEnd
};

struct Token {
  TokenType type;
  std::string_view text;  // kString: without its quotes, escapes as written
  std::size_t offset;
};

inline constexpr std::size_t kMostTokens = 200'000;

// Whether there is anything but plain text. `${#` is bash, not the begin of a comment.
bool HasTags(std::string_view text);

// Raises kSyntax. `text` must outlive the tokens. White space around `-` is cut here, comments and raw blocks are
// resolved.
std::vector<Token> Tokenize(std::string_view text);

// What a kString stands for.
std::string Unescape(const Token& token);

}  // namespace pipelined::tmpl
