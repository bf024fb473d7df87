// Tasks: their keys, and `default_args`, which may hold most of the same keys.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dagfile/action_reader.h"
#include "dagfile/document.h"
#include "dagfile/expand_reader.h"
#include "dagfile/flow_reader.h"
#include "dagfile/keys.h"
#include "dagfile/trigger_reader.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// What stands under `depends_on` of a task, to be looked up when all tasks are known.
struct Dependency {
  TaskNo task;
  NodeRef names;            // a task or a group: a scalar
  std::string prefix = {};  // goes before the name: of the inclusion that it is written in
};

// The scalars under `depends_on`.
std::vector<NodeRef> ReadDependsOn(const Entry& entry, Reporter& reporter);

class TaskReader {
 public:
  // `folder`: of the DAG file; relative working directories start there.
  TaskReader(std::string folder, DagOfFile dag_of_file, TextOfFile text_of_file, Reporter& reporter)
      : folder_(std::move(folder)),
        dag_of_file_(std::move(dag_of_file)),
        text_of_file_(std::move(text_of_file)),
        reporter_(reporter) {}

  // Puts what `default_args` says on top of `task`.
  void ApplyDefaults(const Entry& default_args, Task& task);

  // The task that `entry` describes, standing on `defaults`: with its inclusion, if it has one.
  Task Read(const Entry& entry, const Task& defaults);

  // Of the tasks read so far; TaskNo counts the calls of Read().
  const std::vector<Dependency>& dependencies() const { return dependencies_; }
  const std::vector<TaskExpand>& expands() const { return expands_; }
  const std::vector<IndexTemplate>& index_templates() const { return index_templates_; }
  const std::vector<ScriptFile>& script_files() const { return script_files_; }

  std::string WorkingDir(const Entry& entry, std::string old);

  // What is read from here on stands in a file of this folder.
  void SetFolder(std::string folder) { folder_ = std::move(folder); }

 private:
  void Apply(Key key, const Entry& entry, Task& task);
  void ReadTaskExpand(Key key, const Entry& entry);
  void TakeMappedAction(const Entry& task, Task& out);
  void ReadAction(Key key, const Entry& entry, Task& task);
  void CheckExitCodes(Task& task);
  void ReadRetryOn(const Entry& entry, RetryPolicy& retry);
  void ReadBackoff(const Entry& entry, RetryPolicy& retry);

  std::string folder_;
  DagOfFile dag_of_file_;
  TextOfFile text_of_file_;
  Reporter& reporter_;
  TaskNo next_ = 0;
  std::vector<Dependency> dependencies_;
  std::vector<TaskExpand> expands_;
  std::vector<IndexTemplate> index_templates_;
  std::vector<ScriptFile> script_files_;
  std::optional<Entry> action_;              // of the task that is being read
  RoleEntries role_;                         // likewise
  std::optional<Entry> repeat_;              // likewise
  std::optional<Entry> retry_on_, skip_on_;  // likewise
  std::vector<Entry> invocation_;            // likewise: stdin, shell, umask and nice
  std::string prefix_;                       // likewise
};

// Names of DAGs and tasks: letters, digits, `_`, `-`, `.`; not `.` or `..`, which would be folders.
bool IsId(std::string_view id, std::size_t longest);

inline constexpr std::size_t kLongestDagId = 128;
inline constexpr std::size_t kLongestTaskId = 250;

}  // namespace pipelined::dagfile
