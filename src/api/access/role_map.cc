#include "api/access/role_map.h"

#include <fmt/format.h>

#include <algorithm>

namespace pipelined::api {
namespace {

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\n");
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

}  // namespace

Result<RoleMap> RoleMap::Parse(std::string_view text) {
  RoleMap map;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view entry = Trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (entry.empty()) continue;
    const std::size_t equals = entry.rfind('=');  // a group may hold one, a role may not
    const std::string_view group = Trim(entry.substr(0, equals)),
                           role = equals == entry.npos ? std::string_view() : Trim(entry.substr(equals + 1));
    if (group.empty() || role.empty())
      return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is not of the form GROUP=ROLE", entry),
                   "write data=op, *=viewer"};
    map.entries_.emplace_back(group, role);
  }
  return map;
}

std::string RoleMap::RoleOf(const std::vector<std::string>& groups) const {
  for (const auto& [group, role] : entries_) {
    if (group == "*" || std::find(groups.begin(), groups.end(), group) != groups.end()) return role;
  }
  return {};
}

}  // namespace pipelined::api
