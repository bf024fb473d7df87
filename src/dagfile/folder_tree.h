// The folders below the roots: which are watched, what they ignore, and which files in them are DAG files.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dagfile/ignore.h"
#include "dagfile/inotify.h"
#include "dagfile/stable_read.h"

namespace pipelined::dagfile {

// A file or folder: number of its root, path below it ("" for the root itself).
using FolderKey = std::pair<std::size_t, std::string>;

struct FoundFile {
  FolderKey key;
  FileMark mark;
};

struct Listing {
  std::vector<FoundFile> files;
  std::vector<FolderKey> unreadable;  // folders whose contents are not known now
};

class FolderTree {
 public:
  FolderTree(std::vector<std::string> roots, Inotify& inotify) : roots_(std::move(roots)), inotify_(inotify) {}

  // Looks at a folder and all below it: watches first, then lists, so that nothing is made unseen in between.
  Listing Scan(const FolderKey& folder);
  // Forgets the folders at and below `folder`.
  void Forget(const FolderKey& folder);

  std::vector<FolderKey> FoldersOf(int watch) const;
  // Is this file, by its name and the rules of its folders, a DAG file?
  bool IsDagFile(const FolderKey& file) const;
  // Does the folder hold links, whose targets change without an event of their own?
  bool HasLinks(const FolderKey& folder) const;

  std::string PathOf(const FolderKey& key) const {
    return key.second.empty() ? roots_[key.first] : roots_[key.first] + "/" + key.second;
  }
  const std::vector<std::string>& roots() const { return roots_; }
  std::vector<std::string> TakeWarnings() { return std::exchange(warnings_, {}); }

 private:
  struct Folder {
    int watch = -1;
    bool has_links = false;
    std::shared_ptr<const IgnoreRules> rules;
  };
  using Chain = std::vector<std::pair<dev_t, ino_t>>;  // the folders that one stands in, to find loops

  void ScanFolder(const FolderKey& key, Chain& chain, Listing& listing);
  void ScanEntry(const FolderKey& folder, const std::string& name, unsigned char type, Chain& chain, Listing& listing);
  void ScanLink(const FolderKey& key, const std::string& name, Chain& chain, Listing& listing);
  std::shared_ptr<const IgnoreRules> RulesOf(const FolderKey& folder) const;
  void Warn(std::string warning);

  std::vector<std::string> roots_;
  Inotify& inotify_;
  std::map<FolderKey, Folder> folders_;
  std::map<int, std::set<FolderKey>> by_watch_;
  std::set<std::string> warned_;
  std::vector<std::string> warnings_;
};

FolderKey Inside(const FolderKey& folder, const std::string& name);
FolderKey FolderOf(const FolderKey& key);

// Names that can be a DAG file's: *.yaml or *.yml, neither defaults.yaml nor beginning with . or _.
bool IsDagFileName(std::string_view name);

}  // namespace pipelined::dagfile
