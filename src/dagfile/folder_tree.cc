#include "dagfile/folder_tree.h"

#include <dirent.h>
#include <fmt/format.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dagfile/files.h"

namespace pipelined::dagfile {
namespace {

constexpr std::size_t kDeepest = 64;             // folders in folders
constexpr std::size_t kLongestIgnore = 1 << 20;  // bytes of a .pipelinedignore

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};

std::string RealPath(const std::string& path) {
  char* resolved = realpath(path.c_str(), nullptr);
  std::string text = resolved == nullptr ? "" : resolved;
  free(resolved);
  return text;
}

bool IsHidden(std::string_view name) {
  return name.starts_with('.') || name.starts_with('_');
}

std::string_view NameOf(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}  // npos + 1 is 0

}  // namespace

FolderKey Inside(const FolderKey& folder, const std::string& name) {
  return {folder.first, folder.second.empty() ? name : folder.second + "/" + name};
}

FolderKey FolderOf(const FolderKey& key) {
  const std::size_t slash = key.second.rfind('/');
  return {key.first, slash == std::string::npos ? "" : key.second.substr(0, slash)};
}

bool IsDagFileName(std::string_view name) {
  return (name.ends_with(".yaml") || name.ends_with(".yml")) && !IsHidden(name) && name != kDefaultsName;
}

void FolderTree::Warn(std::string warning) {
  if (warned_.insert(warning).second) warnings_.push_back(std::move(warning));
}

std::vector<FolderKey> FolderTree::FoldersOf(int watch) const {
  const auto at = by_watch_.find(watch);
  return at == by_watch_.end() ? std::vector<FolderKey>()
                               : std::vector<FolderKey>(at->second.begin(), at->second.end());
}

bool FolderTree::HasLinks(const FolderKey& folder) const {
  const auto at = folders_.find(folder);
  return at != folders_.end() && at->second.has_links;
}

std::shared_ptr<const IgnoreRules> FolderTree::RulesOf(const FolderKey& folder) const {
  const auto at = folders_.find(folder);
  return at == folders_.end() ? nullptr : at->second.rules;
}

bool FolderTree::IsDagFile(const FolderKey& file) const {
  const auto folder = folders_.find(FolderOf(file));
  if (folder == folders_.end() || !IsDagFileName(NameOf(file.second))) return false;
  return folder->second.rules == nullptr || !folder->second.rules->Ignores(file.second, false);
}

void FolderTree::Forget(const FolderKey& folder) {
  const std::string below = folder.second.empty() ? "" : folder.second + "/";
  for (auto at = folders_.lower_bound(folder); at != folders_.end() && at->first.first == folder.first;) {
    const bool inside = at->first == folder || at->first.second.starts_with(below);
    if (!inside && at->first.second > below + "\x7f") break;
    if (inside) {
      by_watch_[at->second.watch].erase(at->first);
      if (by_watch_[at->second.watch].empty()) by_watch_.erase(at->second.watch);
    }
    at = inside ? folders_.erase(at) : std::next(at);
  }
}

Listing FolderTree::Scan(const FolderKey& folder) {
  Listing listing;
  Chain chain;
  for (FolderKey above = folder; !above.second.empty();) {  // so that a link to a folder above is seen as a loop
    above = FolderOf(above);
    struct stat info {};
    if (stat(PathOf(above).c_str(), &info) == 0) chain.emplace_back(info.st_dev, info.st_ino);
  }
  Forget(folder);
  ScanFolder(folder, chain, listing);
  return listing;
}

void FolderTree::ScanFolder(const FolderKey& key, Chain& chain, Listing& listing) {
  const std::string path = PathOf(key);
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    if (key.second.empty() || errno != ENOENT) {
      listing.unreadable.push_back(key);
      Warn(fmt::format("{} cannot be read: {}", path,
                       S_ISREG(info.st_mode) ? "it is not a folder" : std::strerror(errno)));
    }
    return;
  }
  const std::pair<dev_t, ino_t> self{info.st_dev, info.st_ino};
  if (std::find(chain.begin(), chain.end(), self) != chain.end() || chain.size() > kDeepest) {
    Warn(fmt::format("{} is skipped: the link loops", path));
    return;
  }
  Folder folder;
  const auto watch = inotify_.Watch(path);
  if (watch)
    folder.watch = *watch;
  else
    Warn(watch.error().message + (watch.error().hint.empty() ? "" : "; " + watch.error().hint));
  folder.rules = key.second.empty() ? nullptr : RulesOf(FolderOf(key));
  const auto ignore = ReadTextFile(path + "/" + std::string(kIgnoreName), kLongestIgnore);
  if (ignore) folder.rules = IgnoreRules::Parse(key.second, *ignore, folder.rules);
  if (folder.watch >= 0) by_watch_[folder.watch].insert(key);
  folders_[key] = folder;

  const std::unique_ptr<DIR, CloseDir> dir(opendir(path.c_str()));
  if (!dir) {
    listing.unreadable.push_back(key);
    return Warn(fmt::format("{} cannot be read: {}", path, std::strerror(errno)));
  }
  chain.push_back(self);
  while (const dirent* entry = readdir(dir.get())) ScanEntry(key, entry->d_name, entry->d_type, chain, listing);
  chain.pop_back();
}

void FolderTree::ScanEntry(const FolderKey& folder, const std::string& name, unsigned char type, Chain& chain,
                           Listing& listing) {
  if (type != DT_DIR && type != DT_LNK && type != DT_UNKNOWN && !IsDagFileName(name)) return;
  if (IsHidden(name)) return;
  const FolderKey key = Inside(folder, name);
  struct stat info {};
  if (type != DT_DIR) {
    if (lstat(PathOf(key).c_str(), &info) != 0) return;  // gone since it was listed
    if (S_ISLNK(info.st_mode)) return ScanLink(key, name, chain, listing);
  }
  const bool is_folder = type == DT_DIR || S_ISDIR(info.st_mode);
  if (!is_folder && !(IsDagFileName(name) && S_ISREG(info.st_mode))) return;
  const auto rules = RulesOf(folder);
  if (rules && rules->Ignores(key.second, is_folder)) return;
  if (is_folder) {
    ScanFolder(key, chain, listing);
  } else {
    listing.files.push_back({key, MarkOf(info)});
  }
}

// A link counts as what it leads to, as long as that lies in the same root.
void FolderTree::ScanLink(const FolderKey& key, const std::string& name, Chain& chain, Listing& listing) {
  folders_[FolderOf(key)].has_links = true;
  const std::string path = PathOf(key);
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    if (IsDagFileName(name)) Warn(fmt::format("{} is skipped: the link leads nowhere, or loops", path));
    return;
  }
  const bool is_folder = S_ISDIR(info.st_mode);
  if (!is_folder && !(IsDagFileName(name) && S_ISREG(info.st_mode))) return;
  const auto rules = RulesOf(FolderOf(key));
  if (rules && rules->Ignores(key.second, is_folder)) return;
  const std::string target = RealPath(path), root = RealPath(roots_[key.first]);
  if (target != root && !target.starts_with(root + "/"))
    return Warn(fmt::format("{} is skipped: the link leaves the folder", path));
  if (is_folder) {
    ScanFolder(key, chain, listing);
  } else {
    listing.files.push_back({key, MarkOf(info)});
  }
}

}  // namespace pipelined::dagfile
