// Small DAGs and plans for tests of the store.
#pragma once

#include <memory>
#include <string>

#include "pipelined/engine/plan.h"
#include "pipelined/ports/dag_publisher.h"

namespace pipelined::testing {

inline Instant At(std::int64_t seconds) {
  return Instant(Seconds(1'767'225'600 + seconds));
}  // after 2026-01-01T00:00:00Z

inline PublishedDag SampleDag(const std::string& id, int tasks = 2, const std::string& hash = "h1") {
  auto dag = std::make_shared<Dag>();
  dag->id = id;
  dag->content_hash = hash;
  dag->file = "/dags/" + id + ".yaml";
  dag->relative_file = id + ".yaml";
  dag->schedule.text = "@daily";
  dag->schedule.kind = ScheduleKind::kCron;
  dag->schedule.crons = {"0 0 * * *"};
  dag->tags = {"a tag", "with \"quotes\""};
  for (int i = 0; i < tasks; ++i) {
    Task task;
    task.id = "t" + std::to_string(i);
    task.action.kind = ActionKind::kBash;
    dag->tasks.push_back(std::move(task));
  }
  [[maybe_unused]] const Status linked = dag->Link({});
  DagSource source{dag->file, dag->relative_file, "id: " + id + "\n", 1, {"owner: me\n"}};
  return PublishedDag{dag, source, "/dags"};
}

inline RunChange Begin(const RunInfo& run) {
  return RunChange{run.id, run.dag_id, RunState::kQueued, RunState::kRunning, ""};
}

inline TaskChange Start(RunId run, TaskNo task, std::int64_t attempt, Instant now, TaskState from = TaskState::kNone,
                        int try_number = 1) {
  TaskChange change;
  change.run = run;
  change.task = task;
  change.from = from;
  change.to = TaskState::kRunning;
  change.try_number = try_number;
  change.attempt = AttemptId{attempt};
  change.start_date = now;
  return change;
}

inline TaskChange Finish(RunId run, TaskNo task, std::int64_t attempt, Instant now,
                         TaskState to = TaskState::kSuccess) {
  TaskChange change = Start(run, task, attempt, now, TaskState::kRunning);
  change.to = to;
  change.start_date.reset();
  change.end_date = now;
  return change;
}

inline AttemptOpened Open(RunId run, TaskNo task, std::int64_t attempt, int try_number = 1) {
  return AttemptOpened{AttemptId{attempt}, run, task, try_number, VersionId{1}};  // the only one of most tests
}

inline AttemptClosed Close(RunId run, TaskNo task, std::int64_t attempt, Instant now, Value outputs = Value()) {
  AttemptClosed closed;
  closed.run = run;
  closed.task = task;
  closed.end.attempt = AttemptId{attempt};
  closed.end.outcome = TryOutcome::kSucceeded;
  closed.end.start = now;
  closed.end.end = now;
  closed.end.outputs = std::move(outputs);
  return closed;
}

}  // namespace pipelined::testing
