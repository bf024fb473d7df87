// What the follower of a script and the quoting of values both know of a shell's characters.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace pipelined::tmpl {

inline constexpr std::string_view kAssignFirst =
    "put the value into a variable on a line of its own (name={{ … }}) and use \"$name\" here";
// A variable is evaluated as its text is.
inline constexpr std::string_view kMakeANumber = "make it a number: {{ … | int }}";

inline bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n';
}
inline bool EndsWord(char c) {
  return IsBlank(c) || c == ';' || c == '&' || c == '|' || c == '(' || c == ')' || c == '<' || c == '>';
}
// Means nothing to bash, in any of its quotings.
inline bool Harmless(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u >= 0x80 || std::isalnum(u) != 0 || std::string_view("_-./:@%+,=").find(c) != std::string_view::npos;
}
inline bool IsNamePart(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; });
}
// With a backslash before each that is `special`.
inline std::string Escape(std::string_view value, std::string_view special) {
  std::string text;
  for (const char c : value) {
    if (special.find(c) != std::string_view::npos) text += '\\';
    text += c;
  }
  return text;
}

}  // namespace pipelined::tmpl
