#include "dagfile/dag_reference.h"

#include <fmt/format.h>

#include <filesystem>

#include "dagfile/text.h"
#include "dagfile/values.h"

namespace pipelined::dagfile {
namespace {

namespace fs = std::filesystem;

// As a DAG file is named: by its dag_id, or by the file.
std::optional<std::string> IdIn(const std::string& text, const std::string& path, const LoadLimits& limits) {
  Reporter silent(path, 1);  // what is wrong with it is said of that file itself
  const SourceText file{path, text, 1, nullptr};
  if (!CheckBytes(file, limits, silent)) return std::nullopt;
  const std::vector<SourceText> documents = SplitDocuments(file);
  if (documents.size() != 1) return std::nullopt;
  const auto document = Document::Parse(documents[0], limits, silent);
  if (document == nullptr || !document->root().is_map()) return std::nullopt;
  for (const Entry entry : EntriesOf(document->root())) {
    if (entry.name() == "dag_id" && entry.value.is_scalar()) return std::string(entry.value.text());
  }
  return fs::path(path).stem().string();
}

}  // namespace

std::optional<std::string> ReadDagIdOf(const Entry& file, const std::string& folder, const DagContext& context,
                                       Reporter& reporter) {
  std::string name;
  if (!ReadWord(file, reporter, name)) return std::nullopt;
  const std::string path = (fs::path(folder) / name).lexically_normal().string();
  const auto refuse = [&](std::string message, std::string hint) -> std::optional<std::string> {
    reporter.Error(Code::kIncludedFile, file.place(), std::move(message), std::move(hint));
    return std::nullopt;
  };
  if (name.starts_with('/') || (!context.root.empty() && !path.starts_with(context.root + "/")))
    return refuse(fmt::format("{} lies outside of the DAG folder", Quoted(name)),
                  "name a file by its way from the folder of the file that names it");
  const auto text = context.read_other(path);
  if (!text) return refuse(fmt::format("there is no file {}", Quoted(name)), "");
  const auto id = IdIn(*text, path, *context.limits);
  if (!id) return refuse(fmt::format("{} does not hold one DAG", Quoted(name)), "name the DAG by its id");
  return id;
}

std::unique_ptr<FileText> ReadScriptFile(const Entry& file, const std::string& folder, const DagContext& context,
                                         Reporter& reporter) {
  std::string name;
  if (!ReadWord(file, reporter, name)) return nullptr;
  const std::string path = (fs::path(folder) / name).lexically_normal().string();
  const auto refuse = [&](std::string message, std::string hint) {
    reporter.Error(Code::kIncludedFile, file.place(), std::move(message), std::move(hint));
    return nullptr;
  };
  if (name.starts_with('/') || (!context.root.empty() && !path.starts_with(context.root + "/")))
    return refuse(fmt::format("{} lies outside of the DAG folder", Quoted(name)),
                  "name a file by its way from the folder of the file that names it");
  auto text = context.read_other(path);
  if (!text && text.error().code == ErrorCode::kNotFound)
    return refuse(fmt::format("there is no file {}", Quoted(name)), "it is read when the DAG is loaded");
  if (!text) return refuse(fmt::format("{} cannot be read: {}", Quoted(name), text.error().message), "");
  auto made = std::make_unique<FileText>();
  made->text = std::move(*text);
  made->source = {context.root.empty() ? path : path.substr(context.root.size() + 1), made->text};
  if (!CheckBytes(made->source, *context.limits, reporter)) return nullptr;
  return made;
}

}  // namespace pipelined::dagfile
