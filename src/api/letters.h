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

}  // namespace pipelined::api
