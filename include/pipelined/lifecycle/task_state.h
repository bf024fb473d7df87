// Task states and the one table that says how a task may move between them.
//
// Words and meanings are Airflow's. No other code assigns a state: the engine asks Next(); the SQL CHECK, the API's
// enum and the diagram in docs/architecture.md are tested against kTaskTransitions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pipelined {

enum class TaskState : std::uint8_t {
  kNone,        // not looked at yet; has no row
  kScheduled,   // its rule allows it; waits for a slot
  kQueued,      // handed to a remote executor, not running yet
  kRunning,     // an attempt was stored; its process is started after that commit
  kDeferred,    // waits for something outside, without a process and without a slot: its attempt is open
  kRestarting,  // cleared while it ran: decided again as soon as its attempt, which is being stopped, has ended
  kUpForRetry,  // failed, tries left; waits for its delay
  kSuccess,
  kFailed,  // failed for good
  kSkipped,
  kUpstreamFailed,  // its rule can no longer be met because of a failure above
  kRemoved,         // no longer part of the DAG (mapped tasks that shrank)
};
inline constexpr std::size_t kTaskStates = 12;

enum class TaskEvent : std::uint8_t {
  kAllowed,   // its trigger rule is met
  kStarted,   // a slot was free: an attempt is stored
  kDeferred,  // what it waits for is stored: it needs no process and no slot until that is there
  kSucceeded,
  kFailedTry,       // a try failed and tries are left
  kFailed,          // failed for good
  kSkipped,         // by its rule, a branch or a mark
  kUpstreamFailed,  // by its rule
  kRetryDue,        // the retry delay is over
  kCleared,         // asked to run again
  kRemoved,         // an instance beyond the end of what is mapped over
  kStopped,         // the attempt that stood in the way of running again has ended
  kMarkedSuccess,   // people say how it ended, whatever it did
  kMarkedFailed,
  kMarkedSkipped,
};

struct TaskTransition {
  TaskState from;
  TaskEvent event;
  TaskState to;
};

inline constexpr std::array kTaskTransitions{
    TaskTransition{TaskState::kNone, TaskEvent::kAllowed, TaskState::kScheduled},
    TaskTransition{TaskState::kNone, TaskEvent::kSkipped, TaskState::kSkipped},
    TaskTransition{TaskState::kNone, TaskEvent::kUpstreamFailed, TaskState::kUpstreamFailed},
    TaskTransition{TaskState::kScheduled, TaskEvent::kStarted, TaskState::kRunning},
    TaskTransition{TaskState::kScheduled, TaskEvent::kSucceeded, TaskState::kSuccess},  // an empty task has no process
    TaskTransition{TaskState::kScheduled, TaskEvent::kSkipped, TaskState::kSkipped},
    TaskTransition{TaskState::kScheduled, TaskEvent::kFailed, TaskState::kFailed},
    TaskTransition{TaskState::kRunning, TaskEvent::kSucceeded, TaskState::kSuccess},
    TaskTransition{TaskState::kRunning, TaskEvent::kFailedTry, TaskState::kUpForRetry},
    TaskTransition{TaskState::kRunning, TaskEvent::kFailed, TaskState::kFailed},
    TaskTransition{TaskState::kRunning, TaskEvent::kSkipped, TaskState::kSkipped},
    TaskTransition{TaskState::kRunning, TaskEvent::kDeferred, TaskState::kDeferred},
    TaskTransition{TaskState::kDeferred, TaskEvent::kSucceeded, TaskState::kSuccess},
    TaskTransition{TaskState::kDeferred, TaskEvent::kFailedTry, TaskState::kUpForRetry},
    TaskTransition{TaskState::kDeferred, TaskEvent::kFailed, TaskState::kFailed},
    TaskTransition{TaskState::kDeferred, TaskEvent::kSkipped, TaskState::kSkipped},
    TaskTransition{TaskState::kUpForRetry, TaskEvent::kRetryDue, TaskState::kScheduled},
    TaskTransition{TaskState::kUpForRetry, TaskEvent::kSkipped, TaskState::kSkipped},
    TaskTransition{TaskState::kUpForRetry, TaskEvent::kFailed, TaskState::kFailed},
    // A branch or a short circuit that decides late outranks what a failure elsewhere decided before.
    TaskTransition{TaskState::kUpstreamFailed, TaskEvent::kSkipped, TaskState::kSkipped},
    // An upstream was cleared or marked meanwhile, so that its rule no longer permits the retry.
    TaskTransition{TaskState::kUpForRetry, TaskEvent::kUpstreamFailed, TaskState::kUpstreamFailed},
    TaskTransition{TaskState::kNone, TaskEvent::kFailed, TaskState::kFailed},    // what it is mapped over is no list
    TaskTransition{TaskState::kNone, TaskEvent::kRemoved, TaskState::kRemoved},  // there are fewer instances now
    // Cleared: what runs is stopped first, everything else loses its state.
    TaskTransition{TaskState::kNone, TaskEvent::kCleared, TaskState::kNone},  // its tries are counted anew
    TaskTransition{TaskState::kScheduled, TaskEvent::kCleared, TaskState::kNone},
    TaskTransition{TaskState::kQueued, TaskEvent::kCleared, TaskState::kNone},
    TaskTransition{TaskState::kRunning, TaskEvent::kCleared, TaskState::kRestarting},
    TaskTransition{TaskState::kDeferred, TaskEvent::kCleared, TaskState::kNone},
    TaskTransition{TaskState::kUpForRetry, TaskEvent::kCleared, TaskState::kNone},
    TaskTransition{TaskState::kSuccess, TaskEvent::kCleared, TaskState::kNone},
    TaskTransition{TaskState::kFailed, TaskEvent::kCleared, TaskState::kNone},
    TaskTransition{TaskState::kSkipped, TaskEvent::kCleared, TaskState::kNone},
    TaskTransition{TaskState::kUpstreamFailed, TaskEvent::kCleared, TaskState::kNone},
    TaskTransition{TaskState::kRemoved, TaskEvent::kCleared, TaskState::kNone},
    TaskTransition{TaskState::kRestarting, TaskEvent::kStopped, TaskState::kNone},
    TaskTransition{TaskState::kRestarting, TaskEvent::kFailed, TaskState::kFailed},
    TaskTransition{TaskState::kRestarting, TaskEvent::kSkipped, TaskState::kSkipped},
    // Marked: whatever it was, but for what a changed DAG no longer has.
    TaskTransition{TaskState::kNone, TaskEvent::kMarkedSuccess, TaskState::kSuccess},
    TaskTransition{TaskState::kScheduled, TaskEvent::kMarkedSuccess, TaskState::kSuccess},
    TaskTransition{TaskState::kQueued, TaskEvent::kMarkedSuccess, TaskState::kSuccess},
    TaskTransition{TaskState::kRunning, TaskEvent::kMarkedSuccess, TaskState::kSuccess},
    TaskTransition{TaskState::kDeferred, TaskEvent::kMarkedSuccess, TaskState::kSuccess},
    TaskTransition{TaskState::kRestarting, TaskEvent::kMarkedSuccess, TaskState::kSuccess},
    TaskTransition{TaskState::kUpForRetry, TaskEvent::kMarkedSuccess, TaskState::kSuccess},
    TaskTransition{TaskState::kFailed, TaskEvent::kMarkedSuccess, TaskState::kSuccess},
    TaskTransition{TaskState::kSkipped, TaskEvent::kMarkedSuccess, TaskState::kSuccess},
    TaskTransition{TaskState::kUpstreamFailed, TaskEvent::kMarkedSuccess, TaskState::kSuccess},
    TaskTransition{TaskState::kNone, TaskEvent::kMarkedFailed, TaskState::kFailed},
    TaskTransition{TaskState::kScheduled, TaskEvent::kMarkedFailed, TaskState::kFailed},
    TaskTransition{TaskState::kQueued, TaskEvent::kMarkedFailed, TaskState::kFailed},
    TaskTransition{TaskState::kRunning, TaskEvent::kMarkedFailed, TaskState::kFailed},
    TaskTransition{TaskState::kDeferred, TaskEvent::kMarkedFailed, TaskState::kFailed},
    TaskTransition{TaskState::kRestarting, TaskEvent::kMarkedFailed, TaskState::kFailed},
    TaskTransition{TaskState::kUpForRetry, TaskEvent::kMarkedFailed, TaskState::kFailed},
    TaskTransition{TaskState::kSuccess, TaskEvent::kMarkedFailed, TaskState::kFailed},
    TaskTransition{TaskState::kSkipped, TaskEvent::kMarkedFailed, TaskState::kFailed},
    TaskTransition{TaskState::kUpstreamFailed, TaskEvent::kMarkedFailed, TaskState::kFailed},
    TaskTransition{TaskState::kNone, TaskEvent::kMarkedSkipped, TaskState::kSkipped},
    TaskTransition{TaskState::kScheduled, TaskEvent::kMarkedSkipped, TaskState::kSkipped},
    TaskTransition{TaskState::kQueued, TaskEvent::kMarkedSkipped, TaskState::kSkipped},
    TaskTransition{TaskState::kRunning, TaskEvent::kMarkedSkipped, TaskState::kSkipped},
    TaskTransition{TaskState::kDeferred, TaskEvent::kMarkedSkipped, TaskState::kSkipped},
    TaskTransition{TaskState::kRestarting, TaskEvent::kMarkedSkipped, TaskState::kSkipped},
    TaskTransition{TaskState::kUpForRetry, TaskEvent::kMarkedSkipped, TaskState::kSkipped},
    TaskTransition{TaskState::kSuccess, TaskEvent::kMarkedSkipped, TaskState::kSkipped},
    TaskTransition{TaskState::kFailed, TaskEvent::kMarkedSkipped, TaskState::kSkipped},
    TaskTransition{TaskState::kUpstreamFailed, TaskEvent::kMarkedSkipped, TaskState::kSkipped},
};

// The state after `event`, or nothing when a task in `from` cannot take it (the caller drops the event as stale).
constexpr std::optional<TaskState> Next(TaskState from, TaskEvent event) {
  for (const TaskTransition& t : kTaskTransitions) {
    if (t.from == from && t.event == event) return t.to;
  }
  return std::nullopt;
}

// No further change without a clear.
constexpr bool IsFinished(TaskState state) {
  return state == TaskState::kSuccess || state == TaskState::kFailed || state == TaskState::kSkipped ||
         state == TaskState::kUpstreamFailed || state == TaskState::kRemoved;
}

// Airflow's words: "up_for_retry"; kNone is "none".
std::string_view ToString(TaskState state);
std::optional<TaskState> TaskStateFromString(std::string_view text);

}  // namespace pipelined
