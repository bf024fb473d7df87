// What the engine decided: first stored in one transaction, then carried out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipelined/engine/event.h"

namespace pipelined {

// A run that a schedule asks for. The store gives it its id; it comes back as RunRequested. One per (dag, logical
// date): where that exists already, nothing is inserted.
struct NewRun {
  std::string dag_id;
  VersionId version;
  RunType type = RunType::kScheduled;
  std::string run_id;
  DueRun due;
};

struct RunChange {
  RunId run;
  std::string dag_id;
  RunState from = RunState::kQueued;
  RunState to = RunState::kRunning;
  std::string why;  // "all tasks succeeded", "cancelled by admin"
};

// One task's way through this turn: `from` is what the store holds, `to` what it shall hold.
struct TaskChange {
  RunId run;
  TaskNo task = 0;
  TaskState from = TaskState::kNone;
  TaskState to = TaskState::kNone;
  std::int32_t try_number = 0;
  std::int32_t max_tries = 0;         // retries, as Airflow counts them
  AttemptId attempt;                  // of the last try; 0 before the first
  std::optional<Instant> start_date;  // nothing: keep what is stored
  std::optional<Instant> end_date;    // set exactly when `to` is finished
  std::optional<Instant> retry_at;    // set exactly when `to` is up_for_retry
  std::string why;                    // for the history; empty when the states say it all
};

// An attempt that is stored now and started after the commit.
struct AttemptOpened {
  AttemptId attempt;
  RunId run;
  TaskNo task = 0;
  std::int32_t try_number = 1;
};

struct AttemptClosed {
  RunId run;
  TaskNo task = 0;
  AttemptFinished end;
};

struct DagChange {
  std::string dag_id;
  std::optional<bool> paused;
  std::optional<DataInterval> last_interval;
  bool deleted = false;
  std::string why;
};

struct CommandDone {
  CommandId id;
  std::string error;  // empty: done
  ErrorCode error_code = ErrorCode::kInvalid;
  Value result;
};

struct PoolChange {
  std::string name;
  std::int32_t slots = 0;
  std::optional<std::string> description = std::nullopt;  // nothing: as it is
  std::optional<bool> include_deferred = std::nullopt;
  bool deleted = false;
};

struct Plan {
  Instant now{};  // when it was decided; every date of the changes that is not given is this
  std::vector<NewRun> new_runs;
  std::vector<RunChange> runs;
  std::vector<TaskChange> tasks;
  std::vector<AttemptOpened> opened;  // carried out: started
  std::vector<AttemptClosed> closed;
  std::vector<DagChange> dags;
  std::vector<PoolChange> pools;
  std::vector<CommandDone> commands;
  std::vector<AttemptId> stops;  // carried out only: TERM, grace, KILL

  // Nothing to store and nothing to do.
  bool empty() const {
    return new_runs.empty() && runs.empty() && tasks.empty() && opened.empty() && closed.empty() && dags.empty() &&
           pools.empty() && commands.empty() && stops.empty();
  }
};

}  // namespace pipelined
