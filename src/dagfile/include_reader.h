// `include`: task templates of other files, each read with the values that it is given.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dagfile/document.h"
#include "dagfile/document_copy.h"
#include "pipelined/dagfile/load.h"
#include "pipelined/model/inclusion.h"

namespace pipelined::dagfile {

// One inclusion, ready to be read like a part of the DAG file. Its tasks are those of a group with its id.
struct IncludedTemplate {
  std::string id;            // whole: with those of the inclusions around it
  std::string outer_prefix;  // of the ids that depends_on and parent name
  std::string file;          // of the template, absolute
  NodeRef key;               // where it was included, like all that follow
  std::string tooltip;
  std::vector<NodeRef> depends_on;  // scalars
  std::optional<NodeRef> parent;
  std::optional<Entry> default_args, with;

  std::shared_ptr<const Inclusion> inclusion;
  std::optional<Entry> own_default_args, task_groups, tasks;  // of the template, its values put in
};

struct IncludeContext {
  std::string file;  // absolute, of the DAG
  std::string root;  // as LoadOptions has it
  const ReadOther* read = nullptr;
  const LoadLimits* limits = nullptr;
};

// Owns what it has read: the nodes are valid as long as it.
class IncludeReader {
 public:
  IncludeReader(IncludeContext context, Reporter& reporter)
      : context_(std::move(context)), reporter_(reporter), budget_{context_.limits->nodes, context_.limits->text} {}

  // All of them, also those within others, each before those within it. What cannot be read is reported and left out.
  std::vector<IncludedTemplate> Read(const Entry& include);

  // The templates as they are written, each once, in the order in which they were met.
  const std::vector<NodeRef>& documents() const { return documents_; }

 private:
  struct Text {  // of one inclusion: its source says where it was included
    std::string text;
    SourceText source;
    std::unique_ptr<Document> document, copy;
  };
  struct Outer {  // what an `include` key stands in
    std::string file;
    std::shared_ptr<const Inclusion> inclusion;
    std::vector<std::string> chain;  // of files
  };

  void ReadAll(const Entry& include, const Outer& outer);
  void ReadOne(const Entry& entry, const Outer& outer);
  std::optional<std::string> PathOf(const Entry& file, const Outer& outer);
  const Document* Parse(const std::string& path, const Entry& file, const std::string& id);
  void ReadTemplate(IncludedTemplate part, NodeRef root, const Outer& inner);

  IncludeContext context_;
  Reporter& reporter_;
  CopyBudget budget_;
  std::vector<std::unique_ptr<Text>> texts_;
  std::vector<IncludedTemplate> all_;
  std::vector<NodeRef> documents_;
  std::set<std::string> seen_;
};

}  // namespace pipelined::dagfile
