#include "dagfile/include_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "dagfile/include_params.h"
#include "dagfile/keys.h"
#include "dagfile/task_reader.h"
#include "dagfile/text.h"
#include "dagfile/values.h"

namespace pipelined::dagfile {
namespace {

namespace fs = std::filesystem;

std::string Shown(const std::string& path, const std::string& root) {
  return !root.empty() && path.starts_with(root + "/") ? path.substr(root.size() + 1) : path;
}

// By the same rule by which the watched folder passes it over: it or a folder of it begins with `_`.
bool IsNoDagFile(const std::string& path) {
  const fs::path whole(path);
  return std::any_of(whole.begin(), whole.end(), [](const fs::path& part) { return part.string().starts_with('_'); });
}

}  // namespace

std::vector<IncludedTemplate> IncludeReader::Read(const Entry& include) {
  ReadAll(include, Outer{context_.file, nullptr, {}});
  return std::move(all_);
}

void IncludeReader::ReadAll(const Entry& include, const Outer& outer) {
  if (!RequireMap(include, reporter_, "a mapping of ids to templates")) return;
  for (const Entry entry : EntriesOf(include.value)) {
    if (entry.name() != "<<" || !entry.key.is_plain()) ReadOne(entry, outer);
  }
}

void IncludeReader::ReadOne(const Entry& entry, const Outer& outer) {
  IncludedTemplate part;
  part.outer_prefix = outer.inclusion == nullptr ? "" : outer.inclusion->prefix;
  part.id = part.outer_prefix + std::string(entry.name());
  part.key = entry.key;
  if (!IsId(entry.name(), kLongestTaskId)) {
    reporter_.Error(Code::kBadId, entry.key.place(),
                    fmt::format("{} cannot be the id of an inclusion", Quoted(entry.name())),
                    fmt::format("letters, digits, _, - and ., at most {} of them", kLongestTaskId));
  }
  if (!RequireMap(entry, reporter_, "a mapping with file")) return;
  std::optional<Entry> file;
  EachKey(entry.value, kIncludeKeys, "an inclusion", reporter_, [&](Key key, const Entry& at) {
    if (key == Key::kFile) file = at;
    if (key == Key::kWith) part.with = at;
    if (key == Key::kTooltip) ReadText(at, reporter_, part.tooltip);
    if (key == Key::kDependsOn) part.depends_on = ReadDependsOn(at, reporter_);
    if (key == Key::kParent && at.value.is_scalar()) part.parent = at.value;
    if (key == Key::kDefaultArgs && outer.inclusion == nullptr) part.default_args = at;
    if (key == Key::kDefaultArgs && outer.inclusion != nullptr) {
      reporter_.Error(Code::kMisplacedKey, at.key.place(), "default_args of an inclusion belong into a DAG file",
                      "here, give them to the tasks of the template");
    }
  });
  if (!file)
    return reporter_.Error(Code::kMissingKey, entry.key.place(), "an inclusion needs a file",
                           "for example {file: _load.yaml, with: {table: sales}}");
  const auto path = PathOf(*file, outer);
  if (!path) return;
  const Document* document = Parse(*path, *file, part.id);
  if (document == nullptr) return;
  part.file = *path;
  Outer inner{*path, outer.inclusion, outer.chain};
  inner.chain.push_back(*path);
  ReadTemplate(std::move(part), document->root(), inner);
}

std::optional<std::string> IncludeReader::PathOf(const Entry& file, const Outer& outer) {
  std::string text;
  if (!ReadWord(file, reporter_, text)) return std::nullopt;
  const auto refuse = [&](std::string message, std::string hint) {
    reporter_.Error(Code::kIncludedFile, file.place(), std::move(message), std::move(hint));
    return std::nullopt;
  };
  const std::string path = (fs::path(outer.file).parent_path() / text).lexically_normal().string();
  if (text.starts_with('/') || (!context_.root.empty() && !path.starts_with(context_.root + "/")))
    return refuse(fmt::format("{} lies outside of the DAG folder", Quoted(text)),
                  "name a file by its way from the folder of the file that names it");
  const std::string shown = Shown(path, context_.root);
  if (!IsNoDagFile(context_.root.empty() ? path : shown))
    return refuse(fmt::format("{} would be a DAG file itself", Quoted(text)),
                  "the name of a template, or of a folder that it lies in, begins with _");
  const auto before = std::find(outer.chain.begin(), outer.chain.end(), path);
  if (before != outer.chain.end()) {
    std::string way;
    for (auto at = before; at != outer.chain.end(); ++at) way += Shown(*at, context_.root) + " -> ";
    reporter_.Error(Code::kIncludeCycle, file.place(),
                    fmt::format("templates include each other in a circle: {}{}", way, shown),
                    "take one of these inclusions away");
    return std::nullopt;
  }
  if (outer.chain.size() >= context_.limits->inclusions) {
    reporter_.Error(Code::kTooDeep, file.place(),
                    fmt::format("templates are included deeper than {} levels", context_.limits->inclusions));
    return std::nullopt;
  }
  return path;
}

const Document* IncludeReader::Parse(const std::string& path, const Entry& file, const std::string& id) {
  auto text = (*context_.read)(path);
  if (!text) {
    const bool missing = text.error().code == ErrorCode::kNotFound;
    reporter_.Error(Code::kIncludedFile, file.place(),
                    missing ? fmt::format("there is no file {}", Quoted(Shown(path, context_.root)))
                            : fmt::format("it cannot be read: {}", text.error().message),
                    text.error().hint);
    return nullptr;
  }
  auto made = std::make_unique<Text>();
  made->text = *std::move(text);
  made->source = {Shown(path, context_.root), made->text, 1,
                  std::make_shared<const IncludedHere>(IncludedHere{file.key.place(), id})};
  Text& kept = *texts_.emplace_back(std::move(made));
  if (kept.source.text.starts_with("\xEF\xBB\xBF")) kept.source.text.remove_prefix(3);
  if (!CheckBytes(kept.source, *context_.limits, reporter_)) return nullptr;
  const std::vector<SourceText> documents = SplitDocuments(kept.source);
  if (documents.size() != 1) {
    reporter_.Error(documents.empty() ? Code::kEmptyFile : Code::kSyntax, {&kept.source, 0, 0, 1},
                    "a task template is one document with tasks");
    return nullptr;
  }
  kept.source.text = documents[0].text;
  kept.source.first_line = documents[0].first_line;
  kept.document = Document::Parse(kept.source, *context_.limits, reporter_);
  if (kept.document == nullptr) return nullptr;
  if (seen_.insert(path).second) documents_.push_back(kept.document->root());
  return kept.document.get();
}

void IncludeReader::ReadTemplate(IncludedTemplate part, NodeRef root, const Outer& inner) {
  if (!root.is_map())
    return reporter_.Error(Code::kWrongType, root.place(), "a task template is a mapping with params and tasks");
  Text& text = *texts_.back();
  std::optional<Entry> params;
  EachKey(root, kTemplateKeys, "a task template", reporter_, [&](Key key, const Entry& entry) {
    if (key == Key::kParams) params = entry;
  });
  GivenParams given = ReadGivenParams(params, part.with, Entry{part.key, part.key}, reporter_);
  text.copy = DocumentCopy::Make(root, text.source, given.values, budget_);
  if (text.copy == nullptr)
    return reporter_.Error(Code::kTooManyNodes, part.key.place(),
                           "the templates up to this one are larger than the limit", "make two DAGs of it");
  std::optional<Entry> include;
  for (const Entry entry : EntriesOf(text.copy->root())) {
    if (entry.value.is_null()) continue;
    if (entry.name() == "default_args") part.own_default_args = entry;
    if (entry.name() == "task_groups") part.task_groups = entry;
    if (entry.name() == "tasks") part.tasks = entry;
    if (entry.name() == "include") include = entry;
  }
  if (!part.tasks && !include)
    reporter_.Error(Code::kMissingKey, text.copy->root().place(), "a task template needs tasks");
  part.inclusion =
      std::make_shared<const Inclusion>(Inclusion{part.id + ".", std::move(given.params), inner.inclusion});
  const Outer within{inner.file, part.inclusion, inner.chain};
  all_.push_back(std::move(part));
  if (include) ReadAll(*include, within);
}

}  // namespace pipelined::dagfile
