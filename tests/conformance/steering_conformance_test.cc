// What clearing and marking select and change, as Airflow answers: every case through the real engine.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "pipelined/engine/engine.h"
#include "support/conformance_table.h"

namespace pipelined {
namespace {

using testing::Tally;
using testing::Text;

const Instant kNow = *ParseInstant("2025-02-01T00:00:00Z");
constexpr const char* kGoesOn = "(goes on)";  // a task of every DAG that keeps its running runs running

bool Flag(const Value& object, std::string_view key, bool fallback = false) {
  const Value* value = object.Find(key);
  return value != nullptr && value->is_bool() ? value->boolean() : fallback;
}

std::shared_ptr<Dag> MakeDag(const Value& c) {
  auto dag = std::make_shared<Dag>();
  dag->id = "d";
  std::map<std::string, TaskNo> numbers;
  std::vector<std::pair<TaskNo, TaskNo>> edges;
  for (const Value& given : c.Find("tasks")->list()) numbers.emplace(Text(given, "id"), numbers.size());
  dag->tasks.resize(numbers.size() + 1);
  for (Task& task : dag->tasks) task.action.kind = ActionKind::kBash;
  dag->tasks.back().id = kGoesOn;
  for (const Value& given : c.Find("tasks")->list()) {
    Task& task = dag->tasks[numbers.at(Text(given, "id"))];
    task.id = Text(given, "id");
    task.setup = Flag(given, "setup");
    task.teardown = Flag(given, "teardown");
    if (task.teardown) task.trigger_rule = TriggerRule::kAllDoneSetupSuccess;
    if (const Value* retries = given.Find("retries")) task.retry.retries = static_cast<int>(retries->integer());
    if (const Value* ups = given.Find("depends_on")) {
      for (const Value& up : ups->list()) edges.emplace_back(numbers.at(up.string()), numbers.at(task.id));
    }
  }
  EXPECT_TRUE(dag->Link(edges).ok());
  return dag;
}

// Runs and tasks as they are before the request, and as the plan leaves them.
class World {
 public:
  explicit World(const Value& c) : case_(c), dag_(MakeDag(c)), engine_(EngineLimits{1'000'000}) {
    Value::List runs = c.Find("runs")->list();
    for (const Value& run : runs) ids_.emplace(Text(run, "id"), RunId{static_cast<std::int64_t>(ids_.size()) + 1});
    DagHead head;
    head.dag_id = "d";
    head.paused = true;  // nothing starts meanwhile, as in a server whose scheduler is not running
    events_.emplace_back(DagUpdated{head});
    for (const Value& run : runs) AddRun(run);
  }

  std::string Differences() {
    events_.emplace_back(MakeCommand());
    plan_ = engine_.Apply(std::move(events_), kNow);
    const CommandDone& done = plan_.commands.front();
    const std::int64_t status = done.error.empty() ? 200 : done.error_code == ErrorCode::kConflict ? 409 : 500;
    if (status != case_.Find("status")->integer()) return "status " + std::to_string(status) + " " + done.error;
    if (status != 200) return plan_.steered.empty() && plan_.runs.empty() ? "" : "refused, and changed";
    return Selected(done) + Runs() + Tasks() + Requested();
  }

 private:
  static TaskState StateOf(const std::string& word) {
    return word.empty() ? TaskState::kNone : TaskStateFromString(word).value();
  }

  std::vector<StoredTask> TasksOf(const Value& run) {
    std::vector<StoredTask> tasks;
    for (const auto& [id, word] : run.Find("states")->map()) {
      const Value::List& tries = run.Find("tries")->Find(id)->list();
      StoredTask task;
      task.task = *dag_->Find(id);
      task.state = StateOf(word.is_string() ? word.string() : "");
      task.try_number = static_cast<std::int32_t>(tries[0].integer());
      task.max_tries = static_cast<std::int32_t>(tries[1].integer());
      if (task.state == TaskState::kRunning || task.state == TaskState::kDeferred)
        task.attempt = AttemptId{++attempts_};
      if (task.state == TaskState::kUpForRetry) task.retry_at = kNow + std::chrono::hours(1);
      tasks.push_back(task);
    }
    return tasks;
  }

  // Airflow's scheduler has not looked at the run since its tasks took these states; the engine looks at once, but not
  // at tasks of which an old attempt still runs.
  void HoldWaiting(RunId run, const std::vector<StoredTask>& tasks) {
    events_.emplace_back(AttemptOrphaned{AttemptId{++attempts_}, {}, run, *dag_->Find(kGoesOn)});
    for (const StoredTask& task : tasks) {
      if (task.state == TaskState::kNone || task.state == TaskState::kUpForRetry)
        events_.emplace_back(AttemptOrphaned{AttemptId{++attempts_}, {}, run, task.task});
    }
  }

  void AddRun(const Value& given) {
    RunInfo run;
    run.run_id = Text(given, "id");
    run.id = ids_.at(run.run_id);
    run.dag_id = "d";
    run.state = *RunStateFromString(Text(given, "state"));
    run.logical_date = *ParseInstant(Text(given, "logical_date"));
    const std::vector<StoredTask> tasks = TasksOf(given);
    stored_.push_back(RunRestored{run, dag_, tasks});
    if (run.state == RunState::kQueued) events_.emplace_back(RunRequested{run, dag_, tasks});
    if (run.state != RunState::kRunning) return;
    HoldWaiting(run.id, tasks);
    events_.emplace_back(RunRestored{run, dag_, tasks});
  }

  Command MakeCommand() const {
    const Value& request = *case_.Find("request");
    const Value& body = *request.Find("body");
    const std::string action = Text(case_, "action");
    RunChoice choice{"d", ids_.at(Text(request, "run")), Flag(body, "include_past"), Flag(body, "include_future")};
    TaskSelection tasks;
    tasks.upstream = Flag(body, "include_upstream");
    tasks.downstream = Flag(body, "include_downstream");
    tasks.only_failed = Flag(body, "only_failed", action == "clear_tasks");
    tasks.only_running = Flag(body, "only_running");
    if (const Value* ids = body.Find("task_ids"); ids != nullptr && ids->is_list()) {
      for (const Value& id : ids->list()) tasks.ids.push_back(id.string());
      tasks.none = tasks.ids.empty();
    }
    Command command{CommandId{1}, "admin", {}};
    if (action == "mark_run") {
      command.what = MarkRun{"d", choice.run, *RunStateFromString(Text(body, "state")), Facts(choice)};
    } else if (action == "mark_task") {
      tasks.ids = {Text(request, "task")};
      tasks.only_failed = false;
      command.what =
          MarkTasks{choice, tasks, *TaskStateFromString(Text(body, "new_state")), std::nullopt, Facts(choice)};
    } else {
      ClearTasks clear{choice, tasks, Flag(body, "reset_dag_runs", true)};
      clear.facts = Facts(choice);
      command.what = std::move(clear);
    }
    return command;
  }

  // As the store chooses them.
  SteeringFactsPtr Facts(const RunChoice& choice) const {
    auto facts = std::make_shared<SteeringFacts>();
    for (const RunRestored& run : stored_) {
      const RunRestored& asked = stored_[static_cast<std::size_t>(choice.run.value) - 1];
      const bool before = run.run.logical_date < asked.run.logical_date;
      const bool after = run.run.logical_date > asked.run.logical_date;
      if (run.run.id == choice.run || (choice.past && before) || (choice.future && after)) facts->runs.push_back(run);
    }
    return facts;
  }

  std::string Selected(const CommandDone& done) const {
    const Value* expected = case_.Find("selected");
    if (expected == nullptr) return "";
    std::set<std::pair<std::string, std::string>> mine, theirs;
    for (const Value& pair : expected->list()) theirs.emplace(pair.list()[0].string(), pair.list()[1].string());
    for (const Value& pair : done.result.Find("tasks")->list()) {
      if (pair.list()[1].string() != kGoesOn) mine.emplace(pair.list()[0].string(), pair.list()[1].string());
    }
    // A mark answers with the task that was asked for, whatever else it marks.
    if (Text(case_, "action") == "mark_task")
      mine = {{Text(*case_.Find("request"), "run"), Text(*case_.Find("request"), "task")}};
    return mine == theirs ? "" : "selected " + std::to_string(mine.size()) + "; ";
  }

  std::string Runs() const {
    std::string text;
    for (const auto& [id, expected] : case_.Find("after")->Find("runs")->map()) {
      const std::string mine(ToString(RunStateAfter(id)));
      if (mine != expected.string()) text += "run " + id + " " + mine + "; ";
    }
    return text;
  }

  RunState RunStateAfter(const std::string& id) const {
    RunState state = stored_[static_cast<std::size_t>(ids_.at(id).value) - 1].run.state;
    for (const RunChange& change : plan_.runs) {
      if (change.run == ids_.at(id)) state = change.to;
    }
    return state;
  }

  std::string Tasks() const {
    std::map<std::string, std::string> states, tries;
    for (const RunRestored& run : stored_) {
      for (const StoredTask& before : run.tasks) {
        const TaskChange* last = nullptr;
        for (const TaskChange& change : plan_.steered) {
          if (change.run == run.run.id && change.task == before.task) last = &change;
        }
        if (last == nullptr) continue;
        const std::string name = run.run.run_id + "." + dag_->tasks[before.task].id;
        if (last->to != before.state) states[name] = ToString(last->to);
        if (last->try_number != before.try_number || last->max_tries != before.max_tries)
          tries[name] = std::to_string(last->try_number) + "/" + std::to_string(last->max_tries);
      }
    }
    const auto expected_states =
        Named("states", [](const Value& state) { return state.is_string() ? state.string() : std::string("none"); });
    const auto expected_tries = Named("tries", [](const Value& pair) {
      return std::to_string(pair.list()[0].integer()) + "/" + std::to_string(pair.list()[1].integer());
    });
    return (states == expected_states ? "" : "states " + Join(states)) +
           (tries == expected_tries ? "" : "tries " + Join(tries));
  }

  static std::string Join(const std::map<std::string, std::string>& all) {
    std::string text;
    for (const auto& [name, what] : all) text += name + "=" + what + " ";
    return text + "; ";
  }

  template <class Word>
  std::map<std::string, std::string> Named(const char* key, const Word& word) const {
    std::map<std::string, std::string> all;
    for (const auto& [run, tasks] : case_.Find("after")->Find(key)->map()) {
      for (const auto& [id, what] : tasks.map()) all[run + "." + id] = word(what);
    }
    return all;
  }

  // Of the run that was asked for: how often it was cleared, and its dates, which follow from how its state moved.
  std::string Requested() const {
    const std::string id = Text(*case_.Find("request"), "run");
    const Value& dates = *case_.Find("after")->Find("run_dates");
    std::int64_t cleared = 0;
    for (const RunCleared& run : plan_.cleared) cleared += run.run == ids_.at(id) ? 1 : 0;
    std::string text;
    if (cleared != case_.Find("after")->Find("clear_number")->integer()) text += "cleared " + std::to_string(cleared);
    const bool queued = RunStateAfter(id) == RunState::kQueued;
    const bool has_end = dates.Find("end_date")->is_string(), has_start = dates.Find("start_date")->is_string();
    if (has_end != IsFinished(RunStateAfter(id)) || (queued && has_start)) text += "dates; ";
    return text;
  }

  const Value& case_;
  std::shared_ptr<Dag> dag_;
  Engine engine_;
  std::map<std::string, RunId> ids_;
  std::vector<RunRestored> stored_;
  std::vector<Event> events_;
  std::int64_t attempts_ = 0;
  Plan plan_;
};

TEST(Conformance, ClearAndMark) {
  Tally tally("clear-and-mark.jsonl");
  for (const testing::Case& c : testing::ReadTable("clear-and-mark.jsonl")) {
    const std::string differences = World(c).Differences();
    tally.Add(differences.empty(), c, differences);
  }
  tally.Print();
  EXPECT_EQ(tally.failed(), 0);
}

}  // namespace
}  // namespace pipelined
