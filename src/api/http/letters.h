// Letters and characters of texts in UTF-8, of which only the ASCII letters have a case here.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace pipelined::api {

inline std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return lower;
}

inline std::size_t CharacterCount(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace pipelined::api
