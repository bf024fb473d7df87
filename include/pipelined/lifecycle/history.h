// The state of a run at any instant, from the events of its history. Pure.
//
// What the events do not say, the answer does not either: a task that waits for a slot ('scheduled') has no event, so
// it shows as it was before: none, or up_for_retry. An event that is missing is never guessed: it shows in the chain of
// old and new states, and the answer is Unknown.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "pipelined/base/ids.h"
#include "pipelined/base/time.h"
#include "pipelined/lifecycle/run_state.h"
#include "pipelined/lifecycle/task_state.h"

namespace pipelined {

struct RunMoved {
  RunState from = RunState::kQueued, to = RunState::kQueued;
  VersionId version = {};  // of a run that was set back: the one it is pinned to from here on, all of its tasks cleared
};

struct TaskMoved {
  std::uint32_t task_no = 0;
  TaskState from = TaskState::kNone, to = TaskState::kNone;
  std::int32_t try_number = 0;
  VersionId version = {};       // in which task_no is a place; 0: that which the run is pinned to by then
  std::int32_t map_index = -1;  // -1: not an instance of a mapped task
};

struct HistoryEvent {
  Instant at{};
  std::variant<RunMoved, TaskMoved> what;
};

struct HistoryVersion {
  std::int32_t number = 1;            // 1, 2 … per DAG
  std::vector<std::string> task_ids;  // by task_no
};

struct RunHistory {
  std::optional<Instant> created;                // when it was first queued; nothing: not recorded
  VersionId first_version;                       // that it was created with; 0: not recorded
  RunState state = RunState::kQueued;            // as stored with the run, now
  std::vector<HistoryEvent> events;              // in the order in which they were stored
  std::map<VersionId, HistoryVersion> versions;  // all that are named
};

struct TaskAt {
  std::string task_id;
  TaskState state = TaskState::kNone;
  std::int32_t try_number = 0;
  std::optional<Instant> since = {};  // its last change; nothing: untouched
  std::int32_t map_index = -1;
  friend bool operator==(const TaskAt&, const TaskAt&) = default;
};

struct RunAt {
  RunState state = RunState::kQueued;
  std::optional<Instant> since;  // nothing: the creation was not recorded
  std::int32_t version_number = 1;
  // All of the version, in the order of its file; of a mapped task, once an instance was touched, those instead of it.
  std::vector<TaskAt> tasks;
};

struct Unknown {
  enum class Why : std::uint8_t {
    kNotYet,  // the run did not exist
    kGone,    // events that would say it are no longer there, or never were
  };
  Why why = Why::kGone;
  std::string text;  // one sentence, with the instants that matter
};

// Events count in the order in which they were stored, up to the first that is later than `at`: where a clock was set
// back between two of them, the second counts as of the instant of the first. `at` itself is included.
std::variant<RunAt, Unknown> StateAt(const RunHistory& history, Instant at);

}  // namespace pipelined
