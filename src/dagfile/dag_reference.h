// Another DAG, named by its file.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "dagfile/dag_reader.h"

namespace pipelined::dagfile {

// The dag_id of the DAG in `file`, whose name is relative to `folder`. What keeps it from being one is reported.
std::optional<std::string> ReadDagIdOf(const Entry& file, const std::string& folder, const DagContext& context,
                                       Reporter& reporter);

// A file that is not YAML, as it is shown in diagnostics.
struct FileText {
  std::string text;
  SourceText source;  // of `text`
};

// The script in `file`, whose name is relative to `folder`; nullptr: it was reported why not.
std::unique_ptr<FileText> ReadScriptFile(const Entry& file, const std::string& folder, const DagContext& context,
                                         Reporter& reporter);

}  // namespace pipelined::dagfile
