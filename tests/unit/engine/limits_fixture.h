// Several DAGs on one engine, runs with keys, and what was started as "dag/run/task".
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "engine_fixture.h"

namespace pipelined::testing {

class LimitsTest {
 public:
  explicit LimitsTest(EngineLimits limits = {}) : engine_(limits) { Pool(std::string(kDefaultPool), 128); }

  // "a; b: a" as of MakeDag; change its tasks before the first run.
  Dag& Make(const std::string& id, const std::string& text) {
    dags_[id] = MakeDag(text, id);
    return *dags_[id];
  }
  Task& TaskOf(const std::string& dag, const std::string& task) {
    return dags_.at(dag)->tasks[*dags_.at(dag)->Find(task)];
  }
  void Limit(const std::string& dag, const std::string& task, int max, OnConflict on_conflict = OnConflict::kQueue) {
    TaskOf(dag, task).concurrency = std::make_shared<ConcurrencyLimit>(ConcurrencyLimit{"k", max, on_conflict});
  }
  void Rate(const std::string& dag, const std::string& task, int starts, Micros window) {
    TaskOf(dag, task).rate = std::make_shared<RateLimit>(RateLimit{"r", starts, window});
  }

  using Started = std::vector<std::string>;
  Started Pool(const std::string& name, int slots) { return Send(PoolChanged{name, slots}); }
  // Asks for a run; `key`: what the templates of its concurrency and rate keys give.
  Started Run(const std::string& dag, std::int64_t id, const std::string& key = "") {
    return Send(RunRequested{Info(dag, id), dags_.at(dag), {}, {}, KeysFor(dag, key)});
  }
  Started Restore(const std::string& dag, std::int64_t id, std::vector<StoredTask> tasks, const std::string& key = "") {
    RunInfo info = Info(dag, id);
    info.state = RunState::kRunning;
    info.start_date = now_;
    for (const StoredTask& task : tasks) {
      if (task.state == TaskState::kRunning) open_[Name(dag, id, task.task)] = task.attempt;
    }
    return Send(RunRestored{std::move(info), dags_.at(dag), std::move(tasks), {}, KeysFor(dag, key)});
  }
  Started End(const std::string& name, TryOutcome outcome = TryOutcome::kSucceeded) {
    AttemptFinished end;
    end.attempt = open_.at(name);
    end.outcome = outcome;
    end.end = now_;
    open_.erase(name);
    return Send(std::move(end));
  }
  Started EndAttempt(std::int64_t id) {
    AttemptFinished end;
    end.attempt = AttemptId{id};
    end.outcome = TryOutcome::kStopped;
    end.end = now_;
    return Send(std::move(end));
  }
  Started Send(Event event) {
    std::vector<Event> events;
    events.push_back(std::move(event));
    return Apply(std::move(events));
  }
  Started Apply(std::vector<Event> events) {
    plan_ = engine_.Apply(std::move(events), now_);
    Started started;
    for (const TaskChange& change : plan_.tasks) {
      const RunInfo& run = infos_.at(change.run);
      states_[Name(run.dag_id, run.id.value, change.task)] = change.to;
      whys_[Name(run.dag_id, run.id.value, change.task)] = change.why;
    }
    for (const AttemptOpened& opened : plan_.opened) {
      started.push_back(Name(infos_.at(opened.run).dag_id, opened.run.value, opened.task));
      open_[started.back()] = opened.attempt;
    }
    return started;
  }
  Started Advance(Micros by) {  // turns at every timer on the way
    const Instant until = now_ + by;
    Started all;
    for (auto timer = engine_.NextTimer(); timer && *timer <= until; timer = engine_.NextTimer()) {
      now_ = std::max(now_, *timer);
      const auto more = Apply({});
      all.insert(all.end(), more.begin(), more.end());
    }
    now_ = until;
    return all;
  }
  CommandDone Do(decltype(Command::what) what) {
    Command command;
    command.id = CommandId{7};
    command.who = "ann";
    command.what = std::move(what);
    Send(std::move(command));
    return plan_.commands.back();
  }
  // The codes of why a task waits.
  std::vector<std::string> Why(std::int64_t run, const std::string& task) {
    std::vector<std::string> codes;
    const CommandDone done = Do(WhyTask{RunId{run}, task});
    for (const Value& reason : done.result.Find("reasons")->list()) codes.push_back(reason.Find("code")->string());
    return codes;
  }
  std::string state(const std::string& name) const {
    const auto found = states_.find(name);
    return std::string(ToString(found == states_.end() ? TaskState::kNone : found->second));
  }
  std::string why(const std::string& name) const { return whys_.at(name); }
  std::vector<std::string> running() const {
    std::vector<std::string> names;
    for (const auto& [name, id] : open_) names.push_back(name);
    return names;
  }
  const Plan& plan() const { return plan_; }
  Engine& engine() { return engine_; }
  Instant now() const { return now_; }
  void MoveClock(Micros by) { now_ += by; }

 private:
  RunInfo Info(const std::string& dag, std::int64_t id) {
    RunInfo info;
    info.id = RunId{id};
    info.dag_id = dag;
    info.run_id = "r" + std::to_string(id);
    info.run_after = kT0;
    infos_[info.id] = info;
    return info;
  }
  std::vector<TaskKeys> KeysFor(const std::string& dag, const std::string& key) const {
    std::vector<TaskKeys> keys;
    for (TaskNo task = 0; !key.empty() && task < dags_.at(dag)->tasks.size(); ++task) {
      keys.push_back(TaskKeys{task, key, key});
    }
    return keys;
  }
  std::string Name(const std::string& dag, std::int64_t run, TaskNo task) const {
    return dag + "/" + std::to_string(run) + "/" + dags_.at(dag)->tasks[task].id;
  }

  Engine engine_;
  Plan plan_;
  Instant now_ = kT0;
  std::map<std::string, std::shared_ptr<Dag>> dags_;
  std::map<RunId, RunInfo> infos_;
  std::map<std::string, AttemptId> open_;
  std::map<std::string, TaskState> states_;
  std::map<std::string, std::string> whys_;
};

}  // namespace pipelined::testing
