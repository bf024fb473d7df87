#include "cli/offline/simulation_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/offline/dag_files.h"
#include "pipelined/base/near_match.h"

namespace pipelined::cli {
namespace {

std::string DidYouMean(const std::string& word, const std::vector<std::string>& names) {
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto near = NearMatch(word, candidates);
  return near ? fmt::format("did you mean \"{}\"?", *near) : "";
}

Status TakeFile(const DagFile& file, bool named, std::vector<std::string>& notes, std::vector<DagPtr>& dags) {
  if (!file.ok && named)
    return Error{ErrorCode::kInvalid, fmt::format("{} cannot be loaded:\n{}", file.path, file.text), ""};
  if (!file.ok) notes.push_back(fmt::format("{} is passed over, as a server does:\n{}", file.path, file.text));
  dags.insert(dags.end(), file.dags.begin(), file.dags.end());
  return Ok();
}

// Only those that are asked for; kNotFound when one of them is not there.
Status KeepOnly(const std::vector<std::string>& only, std::vector<DagPtr>& dags) {
  std::vector<std::string> ids;
  for (const DagPtr& dag : dags) ids.push_back(dag->id);
  for (const std::string& id : only) {
    if (std::find(ids.begin(), ids.end(), id) == ids.end())
      return Error{ErrorCode::kNotFound, fmt::format("--dag {}: there is no such DAG in these files", id),
                   DidYouMean(id, ids)};
  }
  if (only.empty()) return Ok();
  std::erase_if(dags, [&](const DagPtr& dag) { return std::find(only.begin(), only.end(), dag->id) == only.end(); });
  return Ok();
}

Status RefuseDoubles(const std::vector<DagPtr>& dags) {
  for (std::size_t i = 1; i < dags.size(); ++i) {
    if (dags[i - 1]->id != dags[i]->id) continue;
    return Error{ErrorCode::kInvalid,
                 fmt::format("two files hold the DAG \"{}\": {} and {}", dags[i]->id, dags[i - 1]->file, dags[i]->file),
                 "name only one of them"};
  }
  return Ok();
}

Result<std::vector<DagPtr>> LoadAll(const SimulationInput& input, const ZoneSource& zones,
                                    std::vector<std::string>& notes) {
  const auto files = LoadDagFiles(input.paths, zones);
  if (!files) return files.error();
  const std::set<std::string> named(input.paths.begin(), input.paths.end());
  std::vector<DagPtr> dags;
  for (const DagFile& file : *files) {
    if (const Status taken = TakeFile(file, named.contains(file.path), notes, dags); !taken) return taken.error();
  }
  if (dags.empty())
    return Error{ErrorCode::kInvalid, fmt::format("there is no DAG in {}", fmt::join(input.paths, ", ")),
                 "see: pipectl dags validate"};
  std::sort(dags.begin(), dags.end(), [](const DagPtr& a, const DagPtr& b) { return a->id < b->id; });
  if (const Status kept = KeepOnly(input.only, dags); !kept) return kept.error();
  if (const Status single = RefuseDoubles(dags); !single) return single.error();
  return dags;
}

}  // namespace

Result<PreparedSimulation> LoadForSimulation(const SimulationInput& input, const ZoneSource& zones) {
  std::vector<std::string> notes;
  auto dags = LoadAll(input, zones, notes);
  if (!dags) return dags.error();
  auto prepared = Prepare(std::move(*dags), input.include_paused, zones);
  if (prepared) prepared->notes.insert(prepared->notes.begin(), notes.begin(), notes.end());
  return prepared;
}

}  // namespace pipelined::cli
