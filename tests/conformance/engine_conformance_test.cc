// Whole runs under a virtual clock, and single evaluations of a run, as Airflow decides them: through the real engine.
#include <gtest/gtest.h>

#include <algorithm>
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

Micros SecondsOf(const Value& value) {
  return Micros(std::llround(value.number() * 1e6));
}

// Maps tasks over a literal list of so many elements.
void MapOver(Dag& dag, std::vector<TaskNo> tasks, std::int64_t length) {
  Mapping mapping;
  mapping.expand.values.push_back(ExpandValue{"x", Value(Value::List(static_cast<std::size_t>(length))), ""});
  mapping.tasks = std::move(tasks);
  dag.Map(std::move(mapping));
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
    task.setup = Flag(given, "setup");
    task.teardown = Flag(given, "teardown");
    task.on_failure_fail_dagrun = Flag(given, "on_failure_fail_dagrun");
    if (given.Find("branch") != nullptr) task.action.kind = ActionKind::kBranch;
    if (const Value* circuit = given.Find("short_circuit"); circuit != nullptr && circuit->is_map()) {
      task.action.kind = ActionKind::kShortCircuit;
      task.ignore_downstream_trigger_rules = Flag(*circuit, "ignore_downstream_trigger_rules");
    }
    const char* const usual = task.teardown ? "all_done_setup_success" : "all_success";
    if (const auto rule = TriggerRuleFromString(Text(given, "trigger_rule", usual))) task.trigger_rule = *rule;
    if (const Value* retries = given.Find("retries")) task.retry.retries = static_cast<int>(retries->integer());
    if (const Value* delay = given.Find("retry_delay_s")) task.retry.delay = SecondsOf(*delay);
    if (const Value* ups = given.Find("depends_on")) {
      for (const Value& up : ups->list()) edges.emplace_back(numbers.at(up.string()), numbers.at(task.id));
    }
  }
  for (const Value& given : c.Find("tasks")->list()) {
    const Value* length = given.Find("expand");
    if (length != nullptr && length->is_int()) MapOver(*dag, {numbers.at(Text(given, "id"))}, length->integer());
  }
  EXPECT_TRUE(dag->Link(edges).ok());
  return dag;
}

// "m[1]" for an instance of a mapped task.
std::string NameOf(const Dag& dag, TaskNo task, std::int32_t map_index) {
  return map_index < 0 ? dag.tasks[task].id : dag.tasks[task].id + "[" + std::to_string(map_index) + "]";
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
        finished.exit_code = end.outcome == "success" ? 0 : end.outcome == "skipped" ? kSkipExitCode : 1;
        if (end.outcome == "success") finished.decision = DecisionOf(end.task);
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
    return text + TraceDifferences();
  }

 private:
  using Trace = std::map<std::int64_t, std::map<std::string, std::string>>;  // by millisecond: what tasks became

  // What ended at an instant and what was decided because of it are two entries there, and one turn here.
  std::string TraceDifferences() const {
    Trace expected;
    for (const Value& entry : case_.Find("trace")->list()) {
      for (const auto& [id, state] : entry.list()[1].map())
        expected[std::llround(entry.list()[0].number() * 1000)][id] = state.is_string() ? state.string() : "none";
    }
    for (const auto& [at, states] : expected) {
      const auto mine = trace_.find(at);
      if (mine == trace_.end() || mine->second != states) return "trace differs at " + std::to_string(at) + " ms; ";
    }
    return trace_.size() == expected.size() ? "" : "the trace is longer; ";
  }

  struct End {
    Instant at;
    AttemptId attempt;
    TaskNo task;
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
      states_[NameOf(*dag_, change.task, change.map_index)] = ToString(change.to);
      tries_[NameOf(*dag_, change.task, change.map_index)] = change.try_number;
      const auto at = std::chrono::duration_cast<Millis>(now_ - kStart).count();
      trace_[at][NameOf(*dag_, change.task, change.map_index)] = ToString(change.to);
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
    const auto own = [&](const char* key) -> const Value& {
      const Value& value = *task.Find(key);
      return opened.map_index < 0 ? value : value.list()[static_cast<std::size_t>(opened.map_index)];
    };
    const Value::List& outcomes = own("outcomes").list();
    const std::size_t which = std::min<std::size_t>(static_cast<std::size_t>(opened.try_number), outcomes.size()) - 1;
    ends_.push(End{now_ + SecondsOf(own("duration_s")), opened.attempt, opened.task, outcomes[which].string()});
  }

  std::optional<Decision> DecisionOf(TaskNo no) const {
    const Value& task = case_.Find("tasks")->list()[no];
    Decision decision;
    if (const Value* follow = task.Find("branch"); follow != nullptr && follow->is_list()) {
      for (const Value& id : follow->list()) decision.follow.push_back(*dag_->Find(id.string()));
    } else if (const Value* circuit = task.Find("short_circuit"); circuit != nullptr && circuit->is_map()) {
      decision.pass = Flag(*circuit, "passes");
    } else {
      return std::nullopt;
    }
    return decision;
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
  Trace trace_;
};

TEST(Conformance, WholeRuns) {
  Tally tally("dag-simulations.jsonl");
  for (const testing::Case& c : testing::ReadTable("dag-simulations.jsonl")) {
    Simulation simulation(c);
    simulation.Run();
    const std::string differences = simulation.Differences();
    tally.Add(differences.empty(), c, differences);
  }
  tally.Print();
  EXPECT_EQ(tally.failed(), 0);
}

// The states before the evaluation, as a store would hold them after a restart. One that is due to be looked at again
// is as one that nobody has looked at.
std::vector<StoredTask> RestoredTasks(const Value& c) {
  std::vector<StoredTask> stored;
  std::int64_t attempt = 0;
  TaskNo task = 0;
  for (const Value& given : c.Find("tasks")->list()) {
    const std::string word = Text(*c.Find("states"), Text(given, "id"));
    const TaskNo number = task++;
    if (word.empty() || word == "up_for_reschedule") continue;
    StoredTask row;
    row.task = number;
    row.state = TaskStateFromString(word).value();
    row.try_number = row.state == TaskState::kScheduled ? 0 : 1;
    if (row.state == TaskState::kUpForRetry) row.retry_at = kStart + std::chrono::hours(1);
    if (row.state == TaskState::kRunning || row.state == TaskState::kDeferred) row.attempt = AttemptId{++attempt};
    stored.push_back(row);
  }
  return stored;
}

// Whether an upstream of the task, which itself waited for a retry, was decided in this evaluation.
bool FollowsARetry(const Dag& dag, const std::string& id, const std::map<std::string, std::string>& expected,
                   const std::map<std::string, TaskState>& before) {
  const auto above = dag.upstream.Of(*dag.Find(id));
  return std::any_of(above.begin(), above.end(), [&](TaskNo no) {
    const auto was = before.find(dag.tasks[no].id);
    return expected.contains(dag.tasks[no].id) && was != before.end() && was->second == TaskState::kUpForRetry;
  });
}

TEST(Conformance, RunOutcome) {
  Tally tally("run-outcome.jsonl");
  for (const testing::Case& c : testing::ReadTable("run-outcome.jsonl")) {
    const std::vector<StoredTask> stored = RestoredTasks(c);
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
    std::string got = plan.runs.empty() ? "running" : std::string(ToString(plan.runs.back().to));
    // Where nothing is left to do Airflow ends the run at its next evaluation, the engine in the same turn.
    std::map<std::string, TaskState> before;
    for (const StoredTask& task : stored) before[dag->tasks[task.task].id] = task.state;
    const auto is_done = [&](const Task& task) {
      return changed.contains(task.id) || (before.contains(task.id) && IsFinished(before.at(task.id)));
    };
    if (Text(c, "run") == "running" && c.Find("to_start") == nullptr &&
        std::all_of(dag->tasks.begin(), dag->tasks.end(), is_done)) {
      got = "running";
    }
    std::string differences = got == Text(c, "run") ? "" : "run " + got + "; ";
    std::map<std::string, std::string> expected;
    if (const Value* sets = c.Find("changed"); sets != nullptr && sets->is_map()) {
      for (const auto& [id, state] : sets->map()) expected[id] = state.is_string() ? state.string() : "none";
    }
    // Likewise a task that waits for a retry, below another one: Airflow looks at it again at its next evaluation.
    std::erase_if(changed, [&](const auto& change) {
      return before[change.first] == TaskState::kUpForRetry && !expected.contains(change.first) &&
             FollowsARetry(*dag, change.first, expected, before);
    });
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

// Only one task is asked about: the others that nobody has looked at stay as they are, unfinished.
std::vector<StoredTask> WithoutDecidingOthers(std::vector<StoredTask> tasks, const Dag& dag, TaskNo asked) {
  std::vector<bool> known(dag.tasks.size(), false);
  for (const StoredTask& task : tasks) known[task.task] = true;
  for (TaskNo no = 0; no < dag.tasks.size(); ++no) {
    if (known[no] || no == asked) continue;
    StoredTask other;
    other.task = no;
    other.state = TaskState::kQueued;
    tasks.push_back(other);
  }
  return tasks;
}

// May the task of a case run, or is it decided at once, given the states of all others?
TEST(Conformance, SetupsAndTeardowns) {
  Tally tally("trigger-rules.jsonl");
  for (const testing::Case& c : testing::ReadTable("trigger-rules.jsonl")) {
    if (Text(c, "kind") != "setup_teardown") continue;
    const auto dag = MakeDag(c);
    Engine engine(EngineLimits{1'000'000}, LastIds{AttemptId{100}, {}});
    RunInfo run;
    run.id = RunId{1};
    run.dag_id = "d";
    run.state = RunState::kRunning;
    std::vector<Event> events;
    events.emplace_back(PoolChanged{std::string(kDefaultPool), -1});
    const TaskNo asked = *dag->Find(Text(c, "task"));
    events.emplace_back(RunRestored{run, dag, WithoutDecidingOthers(RestoredTasks(c), *dag, asked)});
    const Plan plan = engine.Apply(std::move(events), kStart);
    std::string got = "waits";
    for (const AttemptOpened& opened : plan.opened) got = opened.task == asked ? "runs" : got;
    for (const TaskChange& change : plan.tasks) {
      if (change.task == asked && IsFinished(change.to)) got = ToString(change.to);
    }
    const std::string sets = Text(c, "sets_state");
    const std::string expected = !sets.empty() ? sets : Flag(c, "runs") ? "runs" : "waits";
    tally.Add(got == expected, c, got);
  }
  tally.Print();
  EXPECT_EQ(tally.failed(), 0);
}

// The states of the instances of a mapped task; a null stands for one that nobody has looked at.
void AddInstances(std::vector<StoredTask>& stored, TaskNo task, const Value::List& states) {
  std::int32_t index = 0;
  for (const Value& state : states) {
    StoredTask row;
    row.task = task;
    row.map_index = index++;
    row.state = state.is_null() ? TaskState::kQueued : TaskStateFromString(state.string()).value();
    row.try_number = 1;
    stored.push_back(row);
  }
}

StoredTask InState(TaskNo task, const Value& state) {
  StoredTask row;
  row.task = task;
  row.state = state.is_null() ? TaskState::kQueued : TaskStateFromString(state.string()).value();
  row.try_number = 1;
  return row;
}

struct MappedCase {
  std::shared_ptr<Dag> dag = std::make_shared<Dag>();
  std::vector<StoredTask> stored;
  std::vector<StoredLength> lengths;
  TaskNo asked = 0;
};

void AddTask(Dag& dag, const std::string& id) {
  Task task;
  task.id = id;
  task.action.kind = ActionKind::kBash;
  dag.tasks.push_back(std::move(task));
}

// m (mapped), plain ones beside it, and the asked task below all of them.
MappedCase BelowMapped(const Value& c) {
  MappedCase made;
  Dag& dag = *made.dag;
  const Value::List& mapped = c.Find("mapped_upstream")->list();
  AddTask(dag, "m");
  MapOver(dag, {0}, static_cast<std::int64_t>(mapped.size()));
  made.lengths.push_back(StoredLength{0, static_cast<std::uint32_t>(mapped.size())});
  AddInstances(made.stored, 0, mapped);
  if (const Value* plain = c.Find("plain_upstream"); plain != nullptr && plain->is_list()) {
    for (const Value& state : plain->list()) {
      made.stored.push_back(InState(static_cast<TaskNo>(dag.tasks.size()), state));
      AddTask(dag, "p" + std::to_string(dag.tasks.size()));
    }
  }
  made.asked = static_cast<TaskNo>(dag.tasks.size());
  AddTask(dag, "asked");
  dag.tasks[made.asked].trigger_rule = *TriggerRuleFromString(Text(c, "rule"));
  if (const std::int64_t index = c.Find("map_index")->integer(); index >= 0) {
    MapOver(dag, {made.asked}, index + 1);
    made.lengths.push_back(StoredLength{made.asked, static_cast<std::uint32_t>(index + 1)});
  }
  std::vector<std::pair<TaskNo, TaskNo>> edges;
  for (TaskNo up = 0; up < made.asked; ++up) edges.emplace_back(up, made.asked);
  EXPECT_TRUE(dag.Link(edges).ok());
  return made;
}

// A mapped group of t1 and t2, and `out` below the group.
MappedCase InMappedGroup(const Value& c) {
  MappedCase made;
  Dag& dag = *made.dag;
  const auto length = static_cast<std::uint32_t>(c.Find("t1")->list().size());
  for (const char* const id : {"t1", "t2", "out"}) AddTask(dag, id);
  MapOver(dag, {0, 1}, length);
  made.lengths = {StoredLength{0, length}, StoredLength{1, length}};
  made.asked = Text(c, "task") == "t1" ? 0 : Text(c, "task") == "t2" ? 1 : 2;
  dag.tasks[made.asked].trigger_rule = *TriggerRuleFromString(Text(c, "rule"));
  AddInstances(made.stored, 0, c.Find("t1")->list());
  AddInstances(made.stored, 1, c.Find("t2")->list());
  if (made.asked != 2) made.stored.push_back(InState(2, Value()));
  EXPECT_TRUE(dag.Link({{0, 1}, {1, 2}}).ok());
  return made;
}

TEST(Conformance, MappedTasks) {
  Tally tally("trigger-rules.jsonl");
  for (const testing::Case& c : testing::ReadTable("trigger-rules.jsonl")) {
    if (Text(c, "kind") != "mapped" && Text(c, "kind") != "mapped_group") continue;
    MappedCase made = Text(c, "kind") == "mapped" ? BelowMapped(c) : InMappedGroup(c);
    const auto index = static_cast<std::int32_t>(c.Find("map_index")->integer());
    // The asked instance itself has not been looked at, whatever the case says of it.
    std::erase_if(made.stored, [&](const StoredTask& row) { return row.task == made.asked && row.map_index == index; });
    Engine engine(EngineLimits{1'000'000}, LastIds{AttemptId{100}, {}});
    RunInfo run;
    run.id = RunId{1};
    run.dag_id = "d";
    run.state = RunState::kRunning;
    std::vector<Event> events;
    events.emplace_back(PoolChanged{std::string(kDefaultPool), -1});
    events.emplace_back(RunRestored{run, made.dag, made.stored, made.lengths});
    const Plan plan = engine.Apply(std::move(events), kStart);
    std::string got = "waits";
    for (const AttemptOpened& opened : plan.opened) {
      if (opened.task == made.asked && opened.map_index == index) got = "runs";
    }
    for (const TaskChange& change : plan.tasks) {
      if (change.task == made.asked && change.map_index == index && IsFinished(change.to)) got = ToString(change.to);
    }
    const std::string sets = Text(c, "sets_state");
    const std::string expected = !sets.empty() ? sets : Flag(c, "runs") ? "runs" : "waits";
    tally.Add(got == expected, c, got);
  }
  tally.Print();
  EXPECT_EQ(tally.failed(), 0);
}

}  // namespace
}  // namespace pipelined
