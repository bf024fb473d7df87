// The actions that the worker does: http, sql, sqlite, mail. Their keys become Action::spec.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dagfile/document.h"
#include "dagfile/keys.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// The text of a file that a key names, from the folder of the file in which it stands; nullptr: it cannot be had, which
// was reported. Lives as long as what reads the DAG.
using TextOfFile = std::function<const SourceText*(const Entry&)>;

// A script that stands in a file of its own, to be checked when all tasks are known.
struct ScriptFile {
  TaskNo task;
  const SourceText* source;
};

// Fills task.action. The file of a script, if it has one, comes back.
const SourceText* ReadWorkerAction(Key key, const Entry& entry, const TextOfFile& text_of_file, Reporter& reporter,
                                   Task& task);

// What can be said of SQL before it is rendered: values within quotes, quotes that are not closed.
void CheckScript(const Task& task, NodeRef query, Reporter& reporter);
void CheckScript(const Task& task, const SourceText& file, Reporter& reporter);

}  // namespace pipelined::dagfile
