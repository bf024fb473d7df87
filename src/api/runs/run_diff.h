// How two runs of one DAG differ. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipelined/ports/catalog.h"

namespace pipelined::api {

// Shorter than this, a difference of durations says nothing of the work: starting a process varies as much. Below a
// tenth of the longer one it is taken for the usual variation.
inline constexpr Micros kDurationNoise = std::chrono::seconds(1);
inline constexpr int kDurationNoisePercent = 10;

struct DurationDiff {
  std::optional<Micros> a, b;  // nothing: not begun, or not over
  std::optional<Micros> change() const;
  std::optional<double> percent() const;  // of a's; nothing when that is 0
  bool differs() const;                   // by more than noise; not when one of them is not known
};

// A task in one of the runs.
struct TaskSide {
  TaskState state = TaskState::kNone;
  std::int32_t try_number = 0;
};

struct TaskDiff {
  std::string task_id;
  std::int32_t map_index = kNotMapped;
  std::optional<TaskSide> a, b;  // nothing: the run's version does not have it
  DurationDiff duration;
  bool differs() const;
};

struct ConfDiff {
  std::string key;
  std::optional<Value> a, b;  // nothing: the run does not have it
};

// One of the runs.
struct RunSide {
  RunRow run;
  std::vector<TaskInstanceRow> tasks;
  Value params;  // a map: those that it was started with, and its version's defaults for the others
};

struct RunDiff {
  bool state = false, version = false;
  DurationDiff duration;
  std::vector<ConfDiff> params;  // only those that differ, in the order of a, then those of b alone
  std::vector<TaskDiff> tasks;   // all, in the order of a's file, then those of b alone
  bool differs() const;
};

RunDiff Compare(const RunSide& a, const RunSide& b);

}  // namespace pipelined::api
