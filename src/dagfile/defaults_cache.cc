#include "dagfile/defaults_cache.h"

#include "dagfile/files.h"

namespace pipelined::dagfile {

const std::string& DefaultsCache::Mark(const std::string& folder, const std::string& root) {
  const auto known = marks_.find(folder);
  if (known != marks_.end()) return known->second;
  std::string mark;
  for (const std::string& path : DefaultsPaths(folder + "/x", root)) mark += ";" + MarkOf(path);
  return marks_[folder] = mark;
}

const FolderDefaults& DefaultsCache::Get(const std::string& folder, const std::string& root, const LoadLimits& limits) {
  FolderDefaults& entry = parsed_[folder];
  const std::string& mark = Mark(folder, root);
  if (entry.mark == mark && !entry.busy) return entry;
  entry = FolderDefaults{};
  entry.mark = mark;
  for (const std::string& path : DefaultsPaths(folder + "/x", root)) {
    StableText text = ReadStable(path, limits.bytes);
    if (text.state == StableText::State::kBusy) entry.busy = true;
    if (text.state == StableText::State::kFailed) entry.failed = text.error.message;
    if (text.state == StableText::State::kRead) entry.files.push_back({RelativeTo(path, root), std::move(text.text)});
  }
  entry.layers = Layers::Parse(entry.files, limits);
  return entry;
}

}  // namespace pipelined::dagfile
