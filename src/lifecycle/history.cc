#include "pipelined/lifecycle/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace pipelined {
namespace {

Unknown Gone(std::string text) {
  return Unknown{Unknown::Why::kGone, std::move(text)};
}

// 'scheduled' has no event of its own: what was none or waited for a retry may have become it unseen.
bool Follows(TaskState seen, TaskState from) {
  const bool unseen = seen == TaskState::kNone || seen == TaskState::kUpForRetry;
  return seen == from || (from == TaskState::kScheduled && unseen);
}

class Replay {
 public:
  explicit Replay(const RunHistory& history)
      : history_(history), version_(history.first_version), since_(history.created) {
    tasks_ = Untouched(version_);
  }

  void Take(const HistoryEvent& event) {
    std::visit([&](const auto& what) { Apply(event.at, what); }, event.what);
  }
  // Some event before this point is missing.
  bool broken() const { return broken_; }
  RunState state() const { return state_; }

  bool knows_version() const { return history_.versions.contains(version_); }
  RunAt Answer() const {
    RunAt answer{state_, since_, history_.versions.at(version_).number, {}};
    for (std::uint32_t no = 0; no < tasks_.size(); ++no) {
      const auto first = instances_.lower_bound({no, -1}), last = instances_.lower_bound({no + 1, -1});
      // Of a run that was set back its instances are only remembered until the task is expanded again.
      const bool remembered =
          std::all_of(first, last, [](const auto& one) { return one.second.state == TaskState::kNone; });
      if (first == last || (remembered && tasks_[no].state != TaskState::kNone)) {
        answer.tasks.push_back(tasks_[no]);
      } else {
        for (auto one = first; one != last; ++one) answer.tasks.push_back(one->second);
      }
    }
    return answer;
  }

 private:
  std::vector<TaskAt> Untouched(VersionId id) const {
    std::vector<TaskAt> tasks;
    const auto version = history_.versions.find(id);
    if (version == history_.versions.end()) return tasks;
    tasks.reserve(version->second.task_ids.size());
    for (const std::string& task_id : version->second.task_ids) tasks.push_back(TaskAt{task_id});
    return tasks;
  }

  void Apply(Instant at, const RunMoved& run) {
    if (run.from != state_) broken_ = true;
    state_ = run.to;
    since_ = at;
    if (run.version) SetBack(run.version);
  }

  // Every task is cleared by now. What was missing before is of no more account: the events of the clearing say with
  // which tries the tasks go on, and in which version they were counted.
  void SetBack(VersionId version) {
    std::map<std::string_view, const TaskAt*> before;
    for (const TaskAt& task : tasks_) before.emplace(task.task_id, &task);
    std::vector<TaskAt> after = Untouched(version);
    const auto instances = std::exchange(instances_, {});
    for (const auto& [key, instance] : instances) {
      const auto task = std::find_if(after.begin(), after.end(),
                                     [&id = instance.task_id](const TaskAt& one) { return one.task_id == id; });
      if (instance.state != TaskState::kNone) unclear_ = true;
      if (task != after.end())
        instances_.emplace(Key{static_cast<std::uint32_t>(task - after.begin()), key.second}, instance);
    }
    for (TaskAt& task : after) {
      if (const auto old = before.find(task.task_id); old != before.end()) task = *old->second;
      if (task.state != TaskState::kNone) unclear_ = true;
    }
    broken_ = std::exchange(unclear_, false);
    tasks_ = std::move(after);
    version_ = version;
  }

  void Apply(Instant at, const TaskMoved& moved) {
    if (moved.version && moved.version != version_) {  // a version that events now missing had set
      broken_ = true;
      version_ = moved.version;
      tasks_ = Untouched(version_);
      instances_.clear();
    }
    if (moved.task_no >= tasks_.size() || !Follows(At(moved).state, moved.from)) broken_ = true;
    // Which task a number without a version means is not sure behind a gap.
    if (broken_ && moved.to == TaskState::kNone && !moved.version) unclear_ = true;
    if (moved.task_no >= tasks_.size()) return;
    TaskAt& task = At(moved);
    task.state = moved.to;
    task.try_number = moved.try_number;
    task.since = at;
  }

  using Key = std::pair<std::uint32_t, std::int32_t>;  // task_no, map index

  // `moved.task_no` is one of the version's.
  TaskAt& At(const TaskMoved& moved) {
    TaskAt& task = tasks_[moved.task_no];
    if (moved.map_index < 0) return task;
    return instances_
        .try_emplace(Key{moved.task_no, moved.map_index},
                     TaskAt{task.task_id, TaskState::kNone, 0, {}, moved.map_index})
        .first->second;
  }

  const RunHistory& history_;
  RunState state_ = RunState::kQueued;
  VersionId version_;
  std::optional<Instant> since_;
  std::vector<TaskAt> tasks_;
  std::map<Key, TaskAt> instances_;  // touched ones of mapped tasks
  bool broken_ = false, unclear_ = false;
};

bool IsSetBack(const HistoryEvent& event) {
  const auto* run = std::get_if<RunMoved>(&event.what);
  return run != nullptr && run->version;
}

// Whether an event is missing from `begin` on, up to where the run was set back: it may have been before the instant
// that was asked for, as well as after it.
bool IsBrokenAfter(Replay replay, const RunHistory& history, std::vector<HistoryEvent>::const_iterator begin) {
  for (auto event = begin; event != history.events.end(); ++event) {
    if (IsSetBack(*event)) return std::get<RunMoved>(event->what).from != replay.state();
    replay.Take(*event);
    if (replay.broken()) return true;
  }
  return replay.state() != history.state;
}

std::string WhatIsLeft(const std::vector<HistoryEvent>& events) {
  if (events.empty()) return "no event of it is left";
  return fmt::format("what is left of it begins at {}", FormatInstant(events.front().at));
}

}  // namespace

std::variant<RunAt, Unknown> StateAt(const RunHistory& history, Instant at) {
  const auto& events = history.events;
  const auto later =
      std::find_if(events.begin(), events.end(), [&](const HistoryEvent& event) { return event.at > at; });
  const bool before_all = later == events.begin();
  if (before_all && history.created && at < *history.created)
    return Unknown{Unknown::Why::kNotYet, fmt::format("it was created at {}", FormatInstant(*history.created))};
  Replay replay(history);
  for (auto event = events.begin(); event != later; ++event) replay.Take(*event);
  if (!replay.knows_version()) return Gone("which version of its DAG it had by then was not recorded");
  const bool unrecorded = before_all && !history.created;
  if (unrecorded || replay.broken() || IsBrokenAfter(replay, history, later)) return Gone(WhatIsLeft(events));
  return replay.Answer();
}

}  // namespace pipelined
