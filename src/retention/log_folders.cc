#include "retention/log_folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include "pipelined/base/log.h"

namespace pipelined::retention {
namespace {

namespace fs = std::filesystem;

Instant WrittenAt(const struct stat& info) {
  return Instant(Seconds(info.st_mtim.tv_sec) + Micros(info.st_mtim.tv_nsec / 1000));
}

void Add(const std::string& path, LogSize& size) {
  struct stat info = {};
  if (lstat(path.c_str(), &info) != 0) return;
  size.last_write = std::max(size.last_write, WrittenAt(info));
  if (S_ISDIR(info.st_mode)) return;
  ++size.files;
  size.bytes += info.st_size;
}

}  // namespace

std::vector<std::string> FoldersOf(const std::string& dir, std::string_view prefix) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(dir.c_str()), closedir);
  if (open == nullptr) return names;
  while (const dirent* entry = readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(prefix)) continue;
    struct stat info = {};
    if (fstatat(dirfd(open.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode))
      names.emplace_back(name.substr(prefix.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

LogSize Measure(const std::string& dir) {
  LogSize size;
  Add(dir, size);
  std::error_code error;
  for (fs::recursive_directory_iterator at(dir, error), end; !error && at != end; at.increment(error))
    Add(at->path().string(), size);
  return size;
}

Removed::Removed(std::string logs_dir) : dir_(std::move(logs_dir) + "/.removed") {}

bool Removed::Take(const std::string& folder, std::string* into) {
  mkdir(dir_.c_str(), 0700);
  std::string place = dir_ + "/XXXXXX";
  if (mkdtemp(place.data()) == nullptr) return false;
  const std::string taken = place + "/run";
  if (rename(folder.c_str(), taken.c_str()) != 0) {
    const int why = errno;
    rmdir(place.c_str());
    errno = why;
    return false;
  }
  if (into != nullptr) *into = place;
  return true;
}

bool Removed::GiveBack(const std::string& taken, const std::string& folder) {
  return rename((taken + "/run").c_str(), folder.c_str()) == 0;  // a folder that has something in it is not replaced
}

std::vector<std::string> Removed::Contents() const {
  std::vector<std::string> paths;
  for (const std::string& name : FoldersOf(dir_, "")) {
    if (name != "." && name != "..") paths.push_back(dir_ + "/" + name);
  }
  return paths;
}

LogSize Removed::Delete(const std::string& path) {
  const LogSize size = Measure(path);
  std::error_code error;
  fs::remove_all(path, error);
  if (!error || error == std::errc::no_such_file_or_directory) return size;
  log::Warning("logs that are to go cannot be deleted: {}: {}", path, error.message());
  return {};
}

}  // namespace pipelined::retention
