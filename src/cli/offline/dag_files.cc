#include "cli/offline/dag_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "pipelined/base/clock.h"
#include "pipelined/dagfile/dag_folder.h"

namespace pipelined::cli {
namespace {

namespace fs = std::filesystem;

DagFile LoadSingle(const std::string& path, const ZoneSource& zones) {
  const fs::path absolute = fs::absolute(path).lexically_normal();
  const LoadResult result = LoadFile(absolute.string(), absolute.parent_path().string(), zones, path);
  DagFile file;
  file.path = path;
  for (const LoadedDag& dag : result.dags) {
    file.dag_ids.push_back(dag.dag->id);
    file.dags.push_back(dag.dag);
  }
  file.ok = !HasErrors(result.diagnostics);
  file.text = Format(result.diagnostics);
  return file;
}

// The files that one look at the folder has read.
void Take(const Publication& publication, const std::string& folder, std::vector<DagFile>& all) {
  std::map<std::string, std::string> errors;
  for (const ImportError& error : publication.errors) errors[error.relative_file] = error.text;
  std::map<std::string, std::vector<DagPtr>> dags;
  for (const PublishedDag& published : publication.dags) dags[published.dag->relative_file].push_back(published.dag);
  for (const KnownFile& known : publication.files) {
    const auto error = errors.find(known.relative_file);
    DagFile file;
    file.path = (fs::path(folder) / known.relative_file).string();
    file.dag_ids = known.dag_ids;
    file.dags = dags[known.relative_file];
    file.ok = error == errors.end();
    if (!file.ok) file.text = error->second;
    all.push_back(std::move(file));
  }
}

// Everything below a folder, exactly as the watched folder would take it in.
Status LoadFolder(const std::string& path, const ZoneSource& zones, std::vector<DagFile>& all) {
  DagFolderOptions options;
  options.roots = {fs::absolute(path).lexically_normal().string()};
  auto folder = DagFolder::Open(options, {}, zones);
  if (!folder) return folder.error();
  for (bool complete = false; !complete;) {
    const FolderChange change = (*folder)->Poll(SystemClock().Monotonic());
    complete = change.complete;
    for (const std::string& warning : change.warnings) fmt::print(stderr, "warning: {}\n", warning);
    Take(change.publication, path, all);
    if (!complete) usleep(5000);  // files that were touched just now want their quiet time
  }
  return Ok();
}

}  // namespace

Result<std::vector<DagFile>> LoadDagFiles(const std::vector<std::string>& paths, const ZoneSource& zones) {
  std::vector<DagFile> all;
  for (const std::string& path : paths) {
    std::error_code failure;
    if (!fs::exists(path, failure))
      return Error{ErrorCode::kNotFound, fmt::format("no such file or folder: {}", path), ""};
    if (!fs::is_directory(path, failure)) {
      all.push_back(LoadSingle(path, zones));
    } else if (const Status loaded = LoadFolder(path, zones, all); !loaded) {
      return loaded.error();
    }
  }
  std::sort(all.begin(), all.end(), [](const DagFile& a, const DagFile& b) { return a.path < b.path; });
  return all;
}

}  // namespace pipelined::cli
