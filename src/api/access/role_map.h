// Which role the members of a provider's groups have.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelined/base/result.h"

namespace pipelined::api {

class RoleMap {
 public:
  // "platform team=admin, data=op, *=viewer": * is everybody. kInvalid names the entry that is none.
  static Result<RoleMap> Parse(std::string_view text);

  // That of the first entry whose group is among `groups`; empty: none.
  std::string RoleOf(const std::vector<std::string>& groups) const;

  const std::vector<std::pair<std::string, std::string>>& entries() const { return entries_; }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;  // group, role
};

}  // namespace pipelined::api
