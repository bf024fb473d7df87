#include "pipelined/access/name_rules.h"

#include <algorithm>

namespace pipelined::access {
namespace {

constexpr std::size_t kLongestName = 100;

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_.@+-").find(c) != std::string_view::npos;
}

}  // namespace

bool IsAccountName(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), IsNameCharacter);
}

}  // namespace pipelined::access
