#include "engine_fixture.h"

#include <sstream>

namespace pipelined::testing {

std::shared_ptr<Dag> MakeDag(const std::string& text, const std::string& dag_id) {
  auto dag = std::make_shared<Dag>();
  dag->id = dag_id;
  std::vector<std::pair<TaskNo, TaskNo>> edges;
  std::map<std::string, TaskNo> numbers;
  std::istringstream entries(text);
  for (std::string entry; std::getline(entries, entry, ';');) {
    std::istringstream words(entry);
    std::string id;
    words >> id;
    if (id.ends_with(':')) id.pop_back();
    const auto number = static_cast<TaskNo>(dag->tasks.size());
    numbers[id] = number;
    Task task;
    task.id = id;
    task.action.kind = ActionKind::kBash;
    dag->tasks.push_back(std::move(task));
    for (std::string up; words >> up;) edges.emplace_back(numbers.at(up), number);
  }
  EXPECT_TRUE(dag->Link(edges).ok());
  return dag;
}

EngineTest::EngineTest(std::shared_ptr<Dag> dag, EngineLimits limits) : dag_(std::move(dag)), engine_(limits) {
  DagHead head;
  head.dag_id = dag_->id;
  head.max_active_runs = dag_->max_active_runs;
  std::vector<Event> events;
  events.emplace_back(PoolChanged{std::string(kDefaultPool), 128});
  events.emplace_back(DagUpdated{head});
  Apply(std::move(events));
}

std::vector<std::string> EngineTest::Run(std::int64_t run) {
  RunInfo info;
  info.id = RunId{run};
  info.dag_id = dag_->id;
  info.run_id = "manual__" + std::to_string(run);
  info.run_after = now_;
  runs_[run] = RunState::kQueued;
  return Send(RunRequested{info, dag_});
}

std::vector<std::string> EngineTest::Finish(const std::string& id, TryOutcome outcome, std::int64_t run,
                                            int exit_code) {
  AttemptFinished end;
  end.attempt = attempts_[{run, id}];
  end.outcome = outcome;
  end.exit_code = exit_code;
  end.end = now_;
  end.message = outcome == TryOutcome::kSucceeded ? "" : "it failed";
  return Send(std::move(end));
}

std::vector<std::string> EngineTest::Send(Event event) {
  std::vector<Event> events;
  events.push_back(std::move(event));
  return Apply(std::move(events));
}

std::vector<std::string> EngineTest::Advance(Micros by) {
  const Instant until = now_ + by;
  std::vector<std::string> started;
  for (auto timer = engine_.NextTimer(); timer && *timer <= until; timer = engine_.NextTimer()) {
    now_ = std::max(now_, *timer);
    const auto more = Apply({});
    started.insert(started.end(), more.begin(), more.end());
  }
  now_ = until;
  return started;
}

std::vector<std::string> EngineTest::Pause(bool paused) {
  Command command;
  command.id = CommandId{1};
  command.who = "ann";
  command.what = PauseDag{dag_->id, paused};
  return Send(std::move(command));
}

CommandDone EngineTest::Do(decltype(Command::what) what) {
  Command command;
  command.id = CommandId{7};
  command.who = "ann";
  command.what = std::move(what);
  Send(std::move(command));
  return plan_.commands.empty() ? CommandDone{} : plan_.commands.back();
}

SteeringFactsPtr EngineTest::Facts(const std::vector<std::int64_t>& runs) const {
  auto facts = std::make_shared<SteeringFacts>();
  for (const std::int64_t id : runs) {
    RunRestored run;
    run.run.id = RunId{id};
    run.run.dag_id = dag_->id;
    run.run.run_id = "manual__" + std::to_string(id);
    run.run.state = runs_.at(id);
    if (IsFinished(run.run.state)) run.dag = dag_;
    for (const auto& [key, change] : tasks_) {
      if (key.first != id || run.dag == nullptr) continue;
      StoredTask task;
      task.task = change.task;
      task.state = change.to;
      task.try_number = change.try_number;
      task.max_tries = change.max_tries;
      task.map_index = change.map_index;
      run.tasks.push_back(task);
    }
    facts->runs.push_back(std::move(run));
  }
  return facts;
}

std::string EngineTest::state(const std::string& id, std::int64_t run) const {
  const auto found = states_.find({run, id});
  return std::string(ToString(found == states_.end() ? TaskState::kNone : found->second));
}

std::string EngineTest::run_state(std::int64_t run) const {
  return std::string(ToString(runs_.at(run)));
}

std::vector<std::string> EngineTest::Apply(std::vector<Event> events) {
  plan_ = engine_.Apply(std::move(events), now_);
  std::vector<std::string> started;
  const auto name = [&](TaskNo task, std::int32_t index) {
    return dag_->tasks[task].id + (index < 0 ? "" : "[" + std::to_string(index) + "]");
  };
  for (const auto* part : {&plan_.steered, &plan_.tasks}) {
    for (const TaskChange& change : *part) {
      const auto key = std::make_pair(change.run.value, name(change.task, change.map_index));
      states_[key] = change.to;
      tasks_[key] = change;
    }
  }
  for (const RunChange& change : plan_.runs) runs_[change.run.value] = change.to;
  for (const AttemptOpened& opened : plan_.opened) {
    const std::string id = name(opened.task, opened.map_index);
    attempts_[{opened.run.value, id}] = opened.attempt;
    started.push_back(id);
  }
  return started;
}

}  // namespace pipelined::testing
