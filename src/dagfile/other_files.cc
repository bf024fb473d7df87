#include "dagfile/other_files.h"

#include <filesystem>
#include <system_error>

namespace pipelined::dagfile {

namespace fs = std::filesystem;

void OtherFiles::Use(const FolderKey& user, const OtherMarks& files) {
  for (const std::string& path : used_[user]) {
    users_[path].erase(user);
    if (users_[path].empty()) users_.erase(path);
  }
  used_.erase(user);
  for (const auto& [path, mark] : files) {
    users_[path].insert(user);
    used_[user].push_back(path);
    const std::string folder = fs::path(path).parent_path().string();
    if (const auto watch = inotify_.Watch(folder)) folders_[*watch] = folder;  // else the next look at everything helps
  }
}

std::vector<FolderKey> OtherFiles::UsersOf(const Inotify::Event& event) const {
  const auto folder = folders_.find(event.watch);
  if (folder == folders_.end()) return {};
  const auto users = users_.find(folder->second + "/" + event.name);
  return users == users_.end() ? std::vector<FolderKey>()
                               : std::vector<FolderKey>(users->second.begin(), users->second.end());
}

StableText ReadOtherFile(const std::string& path, const std::string& root, std::size_t most) {
  std::error_code none;
  const std::string real = fs::canonical(path, none).string(), real_root = fs::canonical(root, none).string();
  if (real.empty() || !real.starts_with(real_root + "/")) return {};
  return ReadStable(path, most);
}

}  // namespace pipelined::dagfile
