// Files that DAG files name: task templates. They lie where the folder tree does not look, so that they are watched
// here.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "dagfile/folder_tree.h"
#include "dagfile/inotify.h"
#include "dagfile/stable_read.h"

namespace pipelined::dagfile {

// What each looked like when it was read, by absolute path. An empty mark: it was not there.
using OtherMarks = std::map<std::string, FileMark>;

class OtherFiles {
 public:
  explicit OtherFiles(Inotify& inotify) : inotify_(inotify) {}

  // From now on `user` stands on these files, and on no others.
  void Use(const FolderKey& user, const OtherMarks& files);

  // The DAG files that stand on what `event` tells of.
  std::vector<FolderKey> UsersOf(const Inotify::Event& event) const;

 private:
  Inotify& inotify_;
  std::map<std::string, std::set<FolderKey>> users_;  // by absolute path
  std::map<FolderKey, std::vector<std::string>> used_;
  std::map<int, std::string> folders_;  // by watch
};

// kGone also when a link leads it out of `root`.
StableText ReadOtherFile(const std::string& path, const std::string& root, std::size_t most);

}  // namespace pipelined::dagfile
