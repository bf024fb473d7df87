#include "dagfile/ignore.h"

#include <algorithm>

namespace pipelined::dagfile {
namespace {

// One step of a pattern: how much of it is used up, and what it takes.
struct Token {
  enum Kind { kCharacter, kAny, kStar, kDeepStar, kSet } kind = kCharacter;
  char character = 0;
  std::string_view set;
};

std::vector<Token> Tokens(std::string_view pattern) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '*' && pattern.substr(i, 2) == "**") {
      const bool starts = i == 0 || pattern[i - 1] == '/';
      std::size_t end = i;
      while (end < pattern.size() && pattern[end] == '*') ++end;
      const bool ends = end == pattern.size() || pattern[end] == '/';
      const bool deep = starts && ends && end - i == 2;
      tokens.push_back({deep ? Token::kDeepStar : Token::kStar, 0, {}});
      i = end - 1;
      if (deep && end < pattern.size()) ++i;  // "**/" takes its slash along, so that it may stand for nothing
    } else if (c == '*') {
      tokens.push_back({Token::kStar, 0, {}});
    } else if (c == '?') {
      tokens.push_back({Token::kAny, 0, {}});
    } else if (c == '[' && pattern.find(']', i + 2) != std::string_view::npos) {
      const std::size_t close = pattern.find(']', i + (pattern[i + 1] == '!' || pattern[i + 1] == '^' ? 3 : 2));
      if (close == std::string_view::npos) {
        tokens.push_back({Token::kCharacter, c, {}});
        continue;
      }
      tokens.push_back({Token::kSet, 0, pattern.substr(i + 1, close - i - 1)});
      i = close;
    } else {
      if (c == '\\' && i + 1 < pattern.size()) ++i;
      tokens.push_back({Token::kCharacter, pattern[i], {}});
    }
  }
  return tokens;
}

bool InSet(std::string_view set, char c) {
  const bool negated = !set.empty() && (set[0] == '!' || set[0] == '^');
  if (negated) set.remove_prefix(1);
  bool found = false;
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (i + 2 < set.size() && set[i + 1] == '-') {
      found = found || (set[i] <= c && c <= set[i + 2]);
      i += 2;
    } else {
      found = found || set[i] == c;
    }
  }
  return found != negated;
}

bool Takes(const Token& token, char c) {
  if (token.kind == Token::kCharacter) return token.character == c;
  return c != '/' && (token.kind == Token::kAny || (token.kind == Token::kSet && InSet(token.set, c)));
}

}  // namespace

// All positions of the pattern are tracked at once, so that no pattern is slow.
bool GlobMatch(std::string_view pattern, std::string_view path) {
  const std::vector<Token> tokens = Tokens(pattern);
  std::vector<char> at(tokens.size() + 1, 0), next;
  const auto skip_stars = [&tokens](std::vector<char>& states, bool at_component) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (!states[i]) continue;
      if (tokens[i].kind == Token::kStar ||
          (tokens[i].kind == Token::kDeepStar && (at_component || i + 1 == tokens.size())))
        states[i + 1] = 1;
    }
  };
  at[0] = 1;
  skip_stars(at, true);
  for (const char c : path) {
    next.assign(tokens.size() + 1, 0);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (!at[i]) continue;
      const bool stays = tokens[i].kind == Token::kDeepStar || (tokens[i].kind == Token::kStar && c != '/');
      if (stays) next[i] = 1;
      if (!stays && tokens[i].kind != Token::kStar && Takes(tokens[i], c)) next[i + 1] = 1;
    }
    skip_stars(next, c == '/');
    at.swap(next);
  }
  return at[tokens.size()] != 0;
}

std::shared_ptr<const IgnoreRules> IgnoreRules::Parse(std::string folder, std::string_view text,
                                                      std::shared_ptr<const IgnoreRules> above) {
  auto rules = std::make_shared<IgnoreRules>();
  rules->folder_ = std::move(folder);
  rules->above_ = std::move(above);
  while (!text.empty()) {
    const std::size_t newline = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(std::min(newline + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    while (line.ends_with(' ') && !line.ends_with("\\ ")) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    Rule rule;
    rule.keeps = line.starts_with('!');
    if (rule.keeps) line.remove_prefix(1);
    rule.folders_only = line.ends_with('/');
    if (rule.folders_only) line.remove_suffix(1);
    const bool anchored = line.find('/') != std::string_view::npos;
    if (line.starts_with('/')) line.remove_prefix(1);
    if (line.empty() || line.size() > 4096) continue;
    rule.pattern = anchored ? std::string(line) : "**/" + std::string(line);
    rules->rules_.push_back(std::move(rule));
  }
  return rules;
}

IgnoreRules::Verdict IgnoreRules::Ask(std::string_view path, bool is_folder) const {
  std::string_view below = path;
  if (!folder_.empty()) below.remove_prefix(std::min(folder_.size() + 1, below.size()));
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
    if (rule->folders_only && !is_folder) continue;
    if (GlobMatch(rule->pattern, below)) return rule->keeps ? Verdict::kKeep : Verdict::kIgnore;
  }
  return above_ ? above_->Ask(path, is_folder) : Verdict::kNothing;
}

bool IgnoreRules::Ignores(std::string_view path, bool is_folder) const {
  return Ask(path, is_folder) == Verdict::kIgnore;
}

}  // namespace pipelined::dagfile
