// What the id of a run may be: it becomes the name of a folder of logs, and part of URLs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace pipelined {

inline constexpr std::size_t kLongestRunId = 250;

constexpr bool HasRunIdCharacters(std::string_view id) {
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.~:+-").find(c) != std::string_view::npos;
  });
}

// "~" stands for all runs, in URLs.
constexpr bool IsRunId(std::string_view id) {
  return !id.empty() && id.size() <= kLongestRunId && HasRunIdCharacters(id) && id != "." && id != ".." && id != "~";
}

}  // namespace pipelined
