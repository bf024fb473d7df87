// From a task to a command: templates rendered, environment complete, paths absolute.
#pragma once

#include <functional>
#include <string>

#include "pipelined/engine/plan.h"
#include "pipelined/ports/executor.h"
#include "pipelined/ports/store.h"
#include "pipelined/timetable/zone.h"

namespace pipelined {

// A connection by its id, with its password; kNotFound. In the scheduler's thread.
using LookUpConnection = std::function<Result<Value>(const std::string& id)>;
// The text of a variable; kNotFound. The same.
using LookUpVariable = std::function<Result<std::string>(const std::string& key)>;

struct LaunchOptions {
  std::string logs_dir;      // absolute
  std::string programs_dir;  // absolute: where pipelined-ssh and pipelined-venv are
  std::string venvs_dir;     // absolute: where Python environments of the daemon's own user are kept
  Millis grace{10'000};
  const ZoneSource* zones = nullptr;  // for in_timezone(); must outlive every launch; nullptr: it fails
  LookUpConnection connection = {};   // empty: there are none
  LookUpVariable variable = {};       // the same
  Env environment;                    // what every command inherits: the daemon's own without its settings and secrets
};

// The daemon's environment as tasks may see it: without PIPELINED_* (settings, tokens) and what belongs to its
// supervisor.
Env InheritedEnvironment(const char* const* environ);

// The tasks whose outputs the templates of `task` ask for.
std::vector<std::string> OutputsNeeded(const Dag& dag, TaskNo task);
// The same of what a mapping goes through.
std::vector<std::string> OutputsNeeded(const Dag& dag, const Mapping& mapping);

// Whether they ask for the run before: prev_data_interval_start_success …
bool NeedsPrevious(const Dag& dag, TaskNo task);

struct LaunchRequest {
  const Dag& dag;
  TaskNo task;
  const RunInfo& run;
  AttemptOpened attempt;
  std::int64_t epoch;
  Value outputs;                                               // {"extract": {"rows": 42}}
  std::optional<PreviousRun> previous_success = std::nullopt;  // when the templates ask for it
  std::shared_ptr<const Expansion> expansion = nullptr;        // of an instance of a mapped task
};

// Where a script that was made from a secret lies in the environment, until it begins. Every user of the machine can
// read command lines.
inline constexpr const char* kScriptVariable = "PIPELINED_SCRIPT";

// kInvalid, kNotFound: a template cannot be rendered; the message names the place. That is a failed try. kUnavailable:
// variables and connections cannot be read now.
Result<AttemptStart> Prepare(const LaunchRequest& request, const LaunchOptions& options);

// Absolute: where the try of `request` writes its log.
std::string TryLog(const LaunchRequest& request, const LaunchOptions& options);

// logs/dag_id=…/run_id=…/task_id=…/[map_index=…/]attempt=N.log, below the logs folder.
std::string LogPath(const std::string& dag_id, const std::string& run_id, const std::string& task_id, int try_number,
                    std::int32_t map_index = kNotMapped);

}  // namespace pipelined
