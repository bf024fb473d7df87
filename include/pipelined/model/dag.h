// A DAG as it stands after loading: immutable, shared by every run that is pinned to it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pipelined/base/ids.h"
#include "pipelined/base/time.h"
#include "pipelined/base/value.h"
#include "pipelined/lifecycle/retry.h"
#include "pipelined/lifecycle/trigger_rule.h"
#include "pipelined/timetable/schedule.h"

namespace pipelined {

using TaskNo = std::uint32_t;  // position in Dag::tasks, which is the order of the file

inline constexpr std::string_view kDefaultPool = "default_pool";

enum class ActionKind : std::uint8_t { kEmpty, kBash, kExec, kPythonFile, kPythonCode };

// "empty", "bash", "exec", "python": what the API calls the operator.
std::string_view OperatorName(ActionKind kind);

struct Action {
  ActionKind kind = ActionKind::kEmpty;
  std::vector<std::string> words;  // templates: the script, the argv, the file (as written) or the code
};

enum class OnLost : std::uint8_t { kFail, kRetry };
enum class WeightRule : std::uint8_t { kDownstream, kUpstream, kAbsolute };

using Env = std::vector<std::pair<std::string, std::string>>;  // values are templates

struct Task {
  std::string id;
  Action action;
  TriggerRule trigger_rule = TriggerRule::kAllSuccess;
  OnLost on_lost = OnLost::kFail;
  WeightRule weight_rule = WeightRule::kDownstream;
  std::int32_t priority_weight = 1;
  std::int32_t pool_slots = 1;
  std::string pool{kDefaultPool};
  RetryPolicy retry;
  Micros execution_timeout{0};              // 0: none
  std::int32_t max_active_tis_per_dag = 0;  // 0: no limit of its own
  std::int32_t max_active_tis_per_dagrun = 0;
  Env env;                  // the DAG's, then the task's own on top
  std::string working_dir;  // absolute; a template
  std::string run_as_user;
  std::vector<std::string> inlets, outlets;  // asset URIs
  std::string owner, doc_md;
  std::int32_t line = 0;  // in the file, from 1
};

struct Param {
  std::string name;
  Value schema;                        // JSON Schema, without `default`
  std::optional<Value> default_value;  // nothing: must be given with the run
};

// A directed graph over TaskNo in two flat arrays: 4 bytes per edge.
class Graph {
 public:
  Graph() = default;
  // `edges` are (from, to); duplicates are dropped.
  Graph(std::size_t nodes, std::vector<std::pair<TaskNo, TaskNo>> edges);
  std::span<const TaskNo> Of(TaskNo node) const { return {to_.data() + first_[node], to_.data() + first_[node + 1]}; }
  std::size_t edges() const { return to_.size(); }

 private:
  std::vector<std::uint32_t> first_{0};
  std::vector<TaskNo> to_;
};

// Why `downstream` has no order: the tasks of one cycle, the first one repeated at the end (a, b, a), in the
// direction of the arrows and beginning with the one that stands first in the file. Empty when there is no cycle.
std::vector<TaskNo> FindCycle(const Graph& downstream, std::size_t nodes);

struct Dag {
  std::string id;
  std::string description, doc_md, owner;
  std::vector<std::string> tags;
  Schedule schedule;
  std::int32_t max_active_runs = 16;   // per DAG
  std::int32_t max_active_tasks = 16;  // per run, as Airflow 3
  std::int32_t max_consecutive_failed_dag_runs = 0;
  Micros dagrun_timeout{0};  // 0: none
  bool fail_fast = false;
  bool is_paused_upon_creation = false;
  std::vector<Param> params;
  std::string file;           // absolute
  std::string relative_file;  // to its watched folder
  std::string content_hash;   // hex SHA-256 of everything that decides what a run does

  std::vector<Task> tasks;
  Graph upstream, downstream;
  std::vector<std::int32_t> weights;  // dispatch priority of each task, its weight_rule applied; higher goes first

  std::optional<TaskNo> Find(std::string_view task_id) const;

  // Fills upstream, downstream and weights from `depends_on` pairs (upstream, downstream). A cycle is kInvalid and its
  // message names the path ("a -> b -> a").
  Status Link(std::vector<std::pair<TaskNo, TaskNo>> edges);

 private:
  std::vector<TaskNo> by_id_;  // sorted by id, made by Link
};

using DagPtr = std::shared_ptr<const Dag>;

// What is stored of a version and turned back into a Dag by dagfile: the document with everything that it stood on.
struct DagSource {
  std::string file;                   // absolute path of the DAG file
  std::string relative_file;          // to its watched folder
  std::string document;               // the YAML text of this one document
  std::int32_t first_line = 1;        // of the document in its file
  std::vector<std::string> defaults;  // texts of the defaults.yaml that apply, nearest first
};

}  // namespace pipelined
