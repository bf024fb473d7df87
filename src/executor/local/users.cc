#include "executor/local/users.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

namespace pipelined::executor {

Result<User> Users::Find(const std::string& name) {
  if (const auto known = known_.find(name); known != known_.end()) return known->second;
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return Error{ErrorCode::kNotFound, fmt::format("no such user: {}", name), ""};
  }
  User user;
  user.uid = entry.pw_uid;
  user.gid = entry.pw_gid;
  std::vector<gid_t> groups(64);
  int count = static_cast<int>(groups.size());
  while (getgrouplist(name.c_str(), entry.pw_gid, groups.data(), &count) < 0)
    groups.resize(static_cast<std::size_t>(count));
  user.groups.assign(groups.begin(), groups.begin() + count);
  return known_.emplace(name, std::move(user)).first->second;
}

}  // namespace pipelined::executor
