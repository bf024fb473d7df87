// A DAG as it stands after loading: immutable, shared by every run that is pinned to it.
#pragma once

#include <cstdint>
#include <limits>
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
#include "pipelined/model/expand.h"
#include "pipelined/model/shared_limits.h"
#include "pipelined/model/run_rules.h"
#include "pipelined/model/inclusion.h"
#include "pipelined/model/invocation.h"
#include "pipelined/model/notify_rules.h"
#include "pipelined/model/sensor.h"
#include "pipelined/model/trigger.h"
#include "pipelined/timetable/schedule.h"

namespace pipelined {

using TaskNo = std::uint32_t;  // position in Dag::tasks, which is the order of the file

inline constexpr std::string_view kDefaultPool = "default_pool";
inline constexpr std::int32_t kNotMapped = -1;  // the map index of a task that is not an instance of a mapped one
inline constexpr std::int32_t kGreatestMapIndex = std::numeric_limits<std::int32_t>::max();

enum class ActionKind : std::uint8_t {
  kEmpty,
  kBash,
  kExec,
  kPythonFile,
  kPythonCode,
  kBranch,        // each word renders to ids of tasks or groups to follow
  kShortCircuit,  // words[0] is a condition: when false, what is below is skipped
  kLatestOnly,    // skips what is below when the run is not the latest of its schedule
  kTriggerDag,    // makes a run of another DAG: see Task::trigger
  kSubDag,        // the same, as a part of its own run
  kSensor,        // waits for something: see Task::sensor
  kHttp,          // this one and those that follow: see Action::spec
  kSql,
  kSqlite,
  kMail,
  kSsh,  // a command on another host, through the OpenSSH client
};

// Decided by the scheduler itself: no process runs.
constexpr bool IsDecision(ActionKind kind) {
  return kind == ActionKind::kBranch || kind == ActionKind::kShortCircuit || kind == ActionKind::kLatestOnly;
}

constexpr bool MakesRun(ActionKind kind) {
  return kind == ActionKind::kTriggerDag || kind == ActionKind::kSubDag;
}

// Waits for something outside, without a process.
constexpr bool WaitsOutside(ActionKind kind) {
  return MakesRun(kind) || kind == ActionKind::kSensor;
}

// Done by the worker, which starts no process for it.
constexpr bool IsWorkerAction(ActionKind kind) {
  return kind == ActionKind::kHttp || kind == ActionKind::kSql || kind == ActionKind::kSqlite ||
         kind == ActionKind::kMail;
}

// "empty", "bash", "exec", "python": what the API calls the operator.
std::string_view OperatorName(ActionKind kind);

struct Action {
  ActionKind kind = ActionKind::kEmpty;
  std::vector<std::string> words;  // templates: the script, the argv, the file (as written) or the code
  // Of a worker action: its keys as a map, durations in microseconds; every text of it is a template, `script` (the
  // SQL) among them. docs/actions/ names the keys. Of ssh: the same, and words[0] is the command. Of Python: `venv`,
  // a template, or `requirements`, the text of a requirements file and no template.
  std::shared_ptr<const Value> spec = nullptr;
};

enum class OnLost : std::uint8_t { kFail, kRetry };
enum class WeightRule : std::uint8_t { kDownstream, kUpstream, kAbsolute };

using Env = std::vector<std::pair<std::string, std::string>>;  // values are templates

// After a successful iteration `until` is asked; false: another one, after `delay`.
struct Repeat {
  std::string until;  // a condition (template); empty: the task is not repeated
  Micros delay{0};
  std::int32_t max = 100;  // iterations; then the task fails
};

inline constexpr int kSkipExitCode = 99;  // as Airflow's BashOperator

// The output in which a task says more about what it has written: by outlet, the `extra` of the event.
inline constexpr std::string_view kOutletEvents = "outlet_events";

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
  std::shared_ptr<const ConcurrencyLimit> concurrency;  // nullptr: none; shared by those that have it from defaults
  std::shared_ptr<const RateLimit> rate;                // likewise
  std::string when;                                     // a condition (template): false skips the task; empty: none
  std::vector<int> skip_exit_codes{kSkipExitCode};      // end a try as skipped
  bool ignore_downstream_trigger_rules = true;  // kShortCircuit: skips all descendants, not only the direct ones
  bool setup = false, teardown = false;
  bool on_failure_fail_dagrun = false;        // of a teardown: it counts for the outcome of the run
  bool depends_on_past = false;               // waits for its own success in the run before
  bool wait_for_downstream = false;           // … and for that of its direct downstreams there
  bool ignore_first_depends_on_past = false;  // does not wait when no run before had it
  std::string group;                          // the innermost group that it belongs to; empty: none
  std::uint32_t mapped = 0;                   // 1 + its place in Dag::mapped; 0: not mapped
  Env env;                                    // the DAG's, then the task's own on top
  std::string working_dir;                    // absolute; a template
  std::string run_as_user;
  InvocationPtr invocation;
  std::shared_ptr<const TriggerSpec> trigger;  // of a task that makes a run
  std::shared_ptr<const SensorSpec> sensor;    // of a sensor
  Repeat repeat;
  std::vector<std::string> inlets, outlets;  // assets, by name or URI; none twice
  NotifyRulesPtr notify;                     // shared by those that have it from defaults
  std::string owner, doc_md;
  std::int32_t line = 0;  // in the file, from 1

  // Of a task that came with a template. What the DAG gives it is rendered as in the DAG, its own as in the inclusion.
  std::shared_ptr<const Inclusion> inclusion;          // nullptr: it stands in the DAG file itself
  Env outer_env;                                       // the DAG's; `env` comes on top
  bool outer_when = false, outer_working_dir = false;  // `when` and `working_dir` are the DAG's

  // The id of a task or group as the templates and lists of this task mean it.
  std::string LongId(std::string_view name) const {
    return inclusion == nullptr ? std::string(name) : inclusion->prefix + std::string(name);
  }
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
  // Nothing for a node that a graph without edges was never told of.
  std::span<const TaskNo> Of(TaskNo node) const {
    if (node + std::size_t{1} >= first_.size()) return {};
    return {to_.data() + first_[node], to_.data() + first_[node + 1]};
  }
  std::size_t edges() const { return to_.size(); }

 private:
  std::vector<std::uint32_t> first_{0};
  std::vector<TaskNo> to_;
};

// Why `downstream` has no order: the tasks of one cycle, the first one repeated at the end (a, b, a), in the
// direction of the arrows and beginning with the one that stands first in the file. Empty when there is no cycle.
std::vector<TaskNo> FindCycle(const Graph& downstream, std::size_t nodes);

// Of tasks, for people and for naming several at once. Its dependencies are those of its first and last tasks.
struct TaskGroup {
  std::string id;      // whole, as tasks name it
  std::string parent;  // empty: none
  std::string tooltip;
};

// What is expanded at once: one task with an `expand`, or all tasks of a mapped group. Instance i of one of its tasks
// follows instance i of another one.
struct Mapping {
  Expand expand;
  std::string group;             // whose `expand` it is; empty: the task's own
  std::vector<TaskNo> tasks;     // in the order of the file
  std::vector<TaskNo> sources;   // whose outputs its values are made of: they must have succeeded
  bool names_instances = false;  // a task of it has a map_index_template
  std::optional<std::uint64_t> literal_length() const {
    return names_instances ? std::nullopt : expand.literal_length();
  }
};

struct MappedTask {
  TaskNo task = 0;
  std::uint32_t mapping = 0;       // place in Dag::mappings
  std::string map_index_template;  // what an instance is called; empty: by its index
  bool follows_own = false;        // a direct upstream or a setup of it belongs to the same mapping; set by Link()
};

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
  Overlap overlap = Overlap::kQueue;
  std::vector<Deadline> deadlines;
  NotifyRulesPtr notify;  // of runs; of a task: see there
  std::vector<Param> params;
  std::string file;           // absolute
  std::string relative_file;  // to its watched folder
  std::string content_hash;   // hex SHA-256 of everything that decides what a run does

  std::vector<Task> tasks;
  Graph upstream, downstream;
  std::vector<std::int32_t> weights;  // dispatch priority of each task, its weight_rule applied; higher goes first
  std::vector<TaskGroup> groups;      // parents before their children
  std::vector<Mapping> mappings;
  std::vector<MappedTask> mapped;  // by Task::mapped - 1

  // What setups and teardowns add (empty graphs without them), as Airflow has it: a task below a setup needs its
  // success, as long as the setup has no teardown or one below the task; a teardown waits for everything between its
  // setups and itself. Both beyond the direct upstreams.
  Graph setups, guarded;      // task -> such setups; and the other way round
  Graph scope, scoped;        // teardown -> tasks that it waits for; and the other way round
  std::vector<bool> leaves;   // whose states decide the outcome of a run
  std::vector<TaskNo> keyed;  // tasks with a concurrency key or a rate
  // Some task waits for the run before. Made by Link, as is the depends_on_past of tasks with wait_for_downstream.
  bool depends_on_past = false;
  // Whether somebody wants to be told of its tasks; of a failure or a missed deadline of anything. Made by Link.
  bool notifies_of_tasks = false, notifies_of_failures = false;

  std::optional<TaskNo> Find(std::string_view task_id) const;

  // Makes tasks the mapped ones of a new mapping. Before Link().
  void Map(Mapping mapping);
  const Mapping* MappingOf(TaskNo task) const {  // nullptr: not mapped
    return tasks[task].mapped == 0 ? nullptr : &mappings[mapped[tasks[task].mapped - 1].mapping];
  }
  bool AreMappedTogether(TaskNo a, TaskNo b) const {
    return tasks[a].mapped != 0 && MappingOf(a) == (tasks[b].mapped == 0 ? nullptr : MappingOf(b));
  }

  // The tasks of a group and of the groups within it, in the order of the file; empty for an unknown one.
  std::vector<TaskNo> TasksOf(std::string_view group) const;

  // Fills the graphs, weights, leaves and `keyed` from `depends_on` pairs (upstream, downstream). A cycle is kInvalid
  // and its message names the path ("a -> b -> a"); so are setups that multiply beyond all bounds.
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
  struct Included {
    std::string file;  // absolute
    std::string text;
  };
  std::vector<Included> included = {};  // other files that it names, each once
};

}  // namespace pipelined
