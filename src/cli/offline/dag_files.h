// DAG files for commands that need no server: single ones, and folders just as a server would watch them.
#pragma once

#include <string>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/model/dag.h"
#include "pipelined/timetable/zone.h"

namespace pipelined::cli {

struct DagFile {
  std::string path;  // as it was given, or below the folder that was given
  std::vector<std::string> dag_ids;
  std::vector<DagPtr> dags;  // of the documents without errors; a folder's bad file gives none
  std::string text;          // the diagnostics, formatted; warnings, too
  bool ok = true;
};

// In the order of their paths. What is wrong within a file stands in its `text`; kNotFound for a path that does not
// exist.
Result<std::vector<DagFile>> LoadDagFiles(const std::vector<std::string>& paths, const ZoneSource& zones);

}  // namespace pipelined::cli
