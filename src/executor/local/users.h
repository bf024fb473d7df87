// Users by name, resolved in the daemon (the launcher must not ask name services) and remembered.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pipelined/base/result.h"

namespace pipelined::executor {

struct User {
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::uint32_t> groups;
};

class Users {
 public:
  // kNotFound: no such user. May block on a name service the first time.
  Result<User> Find(const std::string& name);

 private:
  std::map<std::string, User> known_;
};

}  // namespace pipelined::executor
