#include "pipelined/dagfile/load.h"

#include <fmt/format.h>

#include <set>

#include "dagfile/dag_reader.h"
#include "dagfile/layers.h"
#include "dagfile/text.h"

namespace pipelined {
namespace dagfile {
namespace {

// Keeps each text: the version stands on it.
Result<std::string> ReadOnce(const LoadOptions& options, const std::string& path,
                             std::vector<DagSource::Included>& included) {
  for (const DagSource::Included& known : included) {
    if (known.file == path) return known.text;
  }
  if (!options.read_other) return Error{ErrorCode::kNotFound, "no other files can be read here", ""};
  auto text = options.read_other(path);
  if (text) included.push_back({path, *text});
  return text;
}

// A document that fails does not keep the others of its file from being looked at.
void LoadDocument(const SourceText& source, const LoadOptions& options, const ZoneSource& zones, const Layers& layers,
                  Reporter& reporter, std::set<std::string>& ids, LoadResult& result) {
  const auto document = Document::Parse(source, options.limits, reporter);
  if (!document) return;
  DagContext context{options.file, options.relative_file, layers.roots(), &options.limits,
                     &zones,       options.was_checked,   options.root,   {}};
  context.probes = options.probes;
  std::vector<DagSource::Included> included;
  context.read_other = [&](const std::string& path) { return ReadOnce(options, path, included); };
  std::shared_ptr<Dag> dag = ReadDag(document->root(), context, reporter);
  if (!dag) return;
  if (!ids.insert(dag->id).second) {
    reporter.Error(Code::kDuplicateDag, document->root().place(),
                   fmt::format("this file has two DAGs with the dag_id {}", Quoted(dag->id)),
                   "give each document of the file a dag_id of its own");
    return;
  }
  DagSource stored{options.file, options.relative_file, std::string(source.text), source.first_line,
                   {},           std::move(included)};
  for (const DefaultsFile& defaults : options.defaults) stored.defaults.push_back(defaults.text);
  result.dags.push_back({std::move(dag), std::move(stored)});
}

}  // namespace

LoadResult LoadWith(std::string_view text, int first_line, const LoadOptions& options, const ZoneSource& zones,
                    const Layers& layers) {
  const std::string shown_as = options.shown_as.empty() ? options.relative_file : options.shown_as;
  Reporter reporter(shown_as, options.limits.diagnostics);
  LoadResult result;
  SourceText file{shown_as, text, first_line};
  if (text.starts_with("\xEF\xBB\xBF")) file.text.remove_prefix(3);
  layers.Report(reporter);
  if (CheckBytes(file, options.limits, reporter)) {
    const std::vector<SourceText> documents = SplitDocuments(file);
    if (documents.empty())
      reporter.Error(Code::kEmptyFile, {}, "the file holds no DAG", "give it tasks: with at least one task");
    std::set<std::string> ids;
    for (const SourceText& document : documents) LoadDocument(document, options, zones, layers, reporter, ids, result);
  }
  if (layers.broken()) result.dags.clear();
  result.diagnostics = reporter.Take();
  return result;
}

}  // namespace dagfile

LoadResult LoadText(std::string_view text, const LoadOptions& options, const ZoneSource& zones) {
  return dagfile::LoadWith(text, 1, options, zones, dagfile::Layers::Parse(options.defaults, options.limits));
}

Result<DagPtr> ParseSource(const DagSource& source, const ZoneSource& zones) {
  LoadOptions options{source.file, source.relative_file, {}, {}, {}, true, {}, {}};
  options.read_other = [&source](const std::string& path) -> Result<std::string> {
    for (const DagSource::Included& other : source.included) {
      if (other.file == path) return other.text;
    }
    return Error{ErrorCode::kNotFound, path + " was not stored", ""};
  };
  for (const std::string& text : source.defaults) options.defaults.push_back({"defaults.yaml", text});
  LoadResult loaded = dagfile::LoadWith(source.document, source.first_line, options, zones,
                                        dagfile::Layers::Parse(options.defaults, options.limits));
  if (loaded.dags.size() == 1 && !HasErrors(loaded.diagnostics)) return std::move(loaded.dags[0].dag);
  return Error{ErrorCode::kInvalid,
               fmt::format("the stored version of {} is not readable any more:\n{}", source.relative_file,
                           Format(loaded.diagnostics)),
               ""};
}

}  // namespace pipelined
