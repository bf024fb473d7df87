// A DAG in one line, a run of it, and the engine's answers as lists of task ids: what most tests of the engine need.
#pragma once

#include <gmock/gmock.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "pipelined/engine/engine.h"

namespace pipelined::testing {

inline const Instant kT0 = *ParseInstant("2026-01-01T00:00:00Z");

// "a; b: a; c: a b" – tasks with their upstreams, in order.
std::shared_ptr<Dag> MakeDag(const std::string& text, const std::string& dag_id = "d");

class EngineTest {
 public:
  explicit EngineTest(const std::string& dag, EngineLimits limits = {}) : EngineTest(MakeDag(dag), limits) {}
  explicit EngineTest(std::shared_ptr<Dag> dag, EngineLimits limits = {});

  Task& task(const std::string& id) { return dag_->tasks[*dag_->Find(id)]; }
  Dag& dag() { return *dag_; }

  // Each answers what was started by it, in order.
  std::vector<std::string> Run(std::int64_t run = 1);  // asks for a run
  std::vector<std::string> Finish(const std::string& id, TryOutcome outcome, std::int64_t run = 1, int exit_code = 0);
  std::vector<std::string> Succeed(const std::string& id, std::int64_t run = 1) {
    return Finish(id, TryOutcome::kSucceeded, run);
  }
  std::vector<std::string> Fail(const std::string& id, std::int64_t run = 1) {
    return Finish(id, TryOutcome::kFailed, run, 1);
  }
  std::vector<std::string> Send(Event event);
  std::vector<std::string> Advance(Micros by);  // turns at every timer on the way
  std::vector<std::string> Pause(bool paused);
  CommandDone Do(decltype(Command::what) what);

  // Ids of instances of mapped tasks are "m[1]".
  std::string state(const std::string& id, std::int64_t run = 1) const;
  std::string run_state(std::int64_t run = 1) const;
  const Plan& plan() const { return plan_; }
  Engine& engine() { return engine_; }
  Instant now() const { return now_; }

 private:
  std::vector<std::string> Apply(std::vector<Event> events);

  std::shared_ptr<Dag> dag_;
  Engine engine_;
  Plan plan_;
  Instant now_ = kT0;
  std::map<std::pair<std::int64_t, std::string>, AttemptId> attempts_;
  std::map<std::pair<std::int64_t, std::string>, TaskState> states_;
  std::map<std::int64_t, RunState> runs_;
};

}  // namespace pipelined::testing
