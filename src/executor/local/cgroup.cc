#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "pipelined/executor/local_executor.h"

namespace pipelined {
namespace {

// Where the cgroup v2 hierarchy is mounted; empty: nowhere.
std::string MountPoint() {
  std::ifstream mounts("/proc/self/mounts");
  std::string line;
  while (std::getline(mounts, line)) {
    std::istringstream fields(line);
    std::string device, path, type;
    fields >> device >> path >> type;
    if (type == "cgroup2") return path;
  }
  return {};
}

std::string OwnPath() {
  std::ifstream groups("/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {
    if (line.rfind("0::", 0) == 0) return line.substr(3);
  }
  return {};
}

}  // namespace

std::string DelegatedCgroup() {
  const std::string mount = MountPoint(), own = OwnPath();
  if (mount.empty() || own.empty() || own == "/") return {};  // the root group was delegated to nobody
  const std::string attempts = mount + own + "/attempts";
  if (mkdir(attempts.c_str(), 0755) != 0 && errno != EEXIST) return {};
  return access((attempts + "/cgroup.procs").c_str(), W_OK) == 0 ? attempts : std::string();
}

}  // namespace pipelined
