// What deciding costs: 100 runs of 1,000 tasks with mixed trigger rules, branches and retries through the engine alone,
// on one core and in memory. A transition is a state of a task that the plan gives to the store. Beside it stands the
// yardstick of the same round: the bookkeeping without which nothing can be scheduled, on the standard containers.
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <queue>
#include <random>
#include <unordered_map>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/engine/engine.h"

namespace {

using namespace pipelined;

constexpr std::size_t kDags = 100, kTasks = 1'000, kLayer = 25;
constexpr int kRounds = 7;
constexpr Instant kStart{std::chrono::seconds(1'767'225'600)};

// Every rule; those that seldom let a task run only once, so that a run does not end at its first layers.
constexpr std::array kRules{TriggerRule::kAllFailed,
                            TriggerRule::kOneFailed,
                            TriggerRule::kAllSkipped,
                            TriggerRule::kNoneSkipped,
                            TriggerRule::kAlways,
                            TriggerRule::kAllDoneSetupSuccess,
                            TriggerRule::kAllDone,
                            TriggerRule::kAllDone,
                            TriggerRule::kAllDone,
                            TriggerRule::kAllDoneMinOneSuccess,
                            TriggerRule::kAllDoneMinOneSuccess,
                            TriggerRule::kOneSuccess,
                            TriggerRule::kOneSuccess,
                            TriggerRule::kOneDone,
                            TriggerRule::kOneDone,
                            TriggerRule::kNoneFailed,
                            TriggerRule::kNoneFailed,
                            TriggerRule::kNoneFailedMinOneSuccess,
                            TriggerRule::kNoneFailedMinOneSuccess};

double Since(Micros start) {
  return static_cast<double>((SystemClock().Monotonic() - start).count()) / 1e6;
}

std::size_t HeapInUse() {
  const auto heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

Task RandomTask(std::mt19937& random, std::size_t no) {
  Task task;
  task.id = fmt::format("task_{}", no);
  task.action.kind = ActionKind::kExec;
  const auto kind = random() % 80;
  if (kind == 0) task.action.kind = ActionKind::kEmpty;
  if (kind == 1) task.action.kind = ActionKind::kBranch;
  if (kind == 2) task.action.kind = ActionKind::kShortCircuit;
  task.ignore_downstream_trigger_rules = false;  // else one of them would skip the rest of the run
  if (random() % 3 > 0) task.trigger_rule = kRules[random() % kRules.size()];  // else all_success
  task.retry.retries = static_cast<int>(random() % 2);
  task.retry.delay = Seconds(1);
  return task;
}

// Layers of 25; each task hangs on one to three of the layer above.
DagPtr MixedDag(std::size_t no) {
  std::mt19937 random(static_cast<unsigned>(no + 1));
  auto dag = std::make_shared<Dag>();
  dag->id = fmt::format("dag_{}", no);
  dag->max_active_tasks = 0;
  std::vector<std::pair<TaskNo, TaskNo>> edges;
  for (TaskNo task = 0; task < kTasks; ++task) {
    dag->tasks.push_back(RandomTask(random, task));
    if (task < kLayer) continue;
    const TaskNo above = (task / kLayer - 1) * kLayer;
    for (std::size_t up = 1 + random() % 3; up > 0; --up)
      edges.emplace_back(above + static_cast<TaskNo>(random() % kLayer), task);
  }
  if (!dag->Link(std::move(edges))) std::abort();
  return dag;
}

// The same end for the same attempt in every round: 3 of 100 fail, 1 of 100 asks to be skipped.
AttemptFinished EndOf(const AttemptOpened& opened, const Dag& dag, Instant now) {
  AttemptFinished end;
  end.attempt = opened.attempt;
  end.outcome = TryOutcome::kSucceeded;
  end.end = now;
  const auto fate = (opened.attempt.value * 2'654'435'761u >> 7) % 100;
  if (fate < 4) end.outcome = TryOutcome::kFailed;
  if (fate == 3) end.exit_code = kSkipExitCode;
  const ActionKind kind = dag.tasks[opened.task].action.kind;
  if (IsDecision(kind) && end.outcome == TryOutcome::kSucceeded) {
    const auto below = dag.downstream.Of(opened.task);
    end.decision = Decision{fate % 4 != 0, {}};
    if (kind == ActionKind::kBranch && !below.empty()) end.decision->follow = {below.front()};
  }
  return end;
}

struct Round {
  std::size_t transitions = 0, attempts = 0, turns = 0;
  double seconds = 0, yardstick = 0;
  double bytes_per_task = 0;  // all runs begun, none ended
};

std::vector<Event> Requests(const std::vector<DagPtr>& dags) {
  std::vector<Event> events;
  for (const DagPtr& dag : dags) {
    DagHead head;
    head.dag_id = dag->id;
    events.emplace_back(DagUpdated{head});
  }
  events.emplace_back(PoolChanged{std::string(kDefaultPool), -1});
  for (std::size_t i = 0; i < dags.size(); ++i) {
    RunInfo run;
    run.id = RunId{static_cast<std::int64_t>(i + 1)};
    run.dag_id = dags[i]->id;
    run.run_id = "bench";
    run.run_after = kStart;
    events.emplace_back(RunRequested{run, dags[i]});
  }
  return events;
}

// Every attempt of a turn ends before the next one, as under load: `parallelism` ends come in together. Time stands
// still for the figures while the ends are made up.
Round Play(const std::vector<DagPtr>& dags, std::int32_t parallelism) {
  Round round;
  Engine engine(EngineLimits{parallelism});
  Instant now = kStart;
  const std::size_t before = HeapInUse();
  std::vector<Event> events = Requests(dags);
  Plan plan;
  while (true) {
    const Micros start = SystemClock().Monotonic();
    plan = engine.Apply(std::move(events), now);  // and the last one goes
    round.seconds += Since(start);
    round.transitions += plan.tasks.size();
    round.attempts += plan.opened.size();
    if (round.turns++ == 0) round.bytes_per_task = static_cast<double>(HeapInUse() - before) / (kDags * kTasks);
    if (engine.active_runs() == 0) return round;
    now += Millis(1);
    if (plan.opened.empty()) now = std::max(now, engine.NextTimer().value());
    events.clear();
    for (const AttemptOpened& opened : plan.opened) events.emplace_back(EndOf(opened, *engine.DagOf(opened.run), now));
  }
}

// For each attempt: a place in a priority queue, an entry of a hash table, and the two records that would be stored.
double Yardstick(std::size_t attempts) {
  struct Record {
    std::int64_t run, attempt, start, end;
    std::int32_t task, from, to, tries;
    std::string why;
  };
  const Micros start = SystemClock().Monotonic();
  std::priority_queue<std::pair<std::int64_t, std::int64_t>> waiting;
  std::unordered_map<std::int64_t, std::int64_t> open;
  std::vector<Record> records;
  std::uint64_t random = 1;
  for (std::size_t i = 0; i < kDags * kLayer; ++i) waiting.emplace(random = random * 6'364'136'223'846'793'005u + 1, i);
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < attempts; ++i) {
    const auto [weight, task] = waiting.top();
    waiting.pop();
    open[static_cast<std::int64_t>(i)] = task;
    records.push_back({task, task, 0, 0, 0, 1, 2, 1, ""});
    sum += open.at(static_cast<std::int64_t>(i));
    open.erase(static_cast<std::int64_t>(i));
    records.push_back({task, task, 0, 0, 0, 2, 3, 1, ""});
    waiting.emplace(random = random * 6'364'136'223'846'793'005u + 1, sum);
    if (records.size() >= 64) records.clear();
  }
  if (sum == 42) std::abort();  // so that nothing of it is left out
  return Since(start);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Report(const std::vector<DagPtr>& dags, std::int32_t parallelism) {
  std::vector<double> rates, ratios;
  Round round;
  for (int i = 0; i < kRounds; ++i) {
    round = Play(dags, parallelism);
    round.yardstick = Yardstick(round.attempts);
    rates.push_back(static_cast<double>(round.transitions) / round.seconds);
    ratios.push_back(round.yardstick / round.seconds);
  }
  const auto [least, most] = std::minmax_element(rates.begin(), rates.end());
  fmt::print("{:>11} {:>8} {:>8} {:>12} {:>14.0f} {:>10.0f} – {:<10.0f} {:>9.3f} {:>12.0f}\n", parallelism, round.turns,
             round.attempts, round.transitions, Median(rates), *least, *most, Median(ratios), round.bytes_per_task);
}

// --- many instances of one task, beside as many tasks
// ------------------------------------------------------------------------------------------------------------

constexpr std::size_t kInstances = 10'000;

// "first" above so many tasks, or so many instances of one, and "last" below.
DagPtr Fan(bool mapped) {
  auto dag = std::make_shared<Dag>();
  dag->id = "fan";
  dag->max_active_tasks = 0;
  const auto add = [&](std::string id) {
    Task task;
    task.id = std::move(id);
    task.action.kind = ActionKind::kExec;
    dag->tasks.push_back(std::move(task));
  };
  add("first");
  const std::size_t between = mapped ? 1 : kInstances;
  for (std::size_t i = 0; i < between; ++i) add(fmt::format("task_{}", i));
  add("last");
  if (mapped) {
    Mapping mapping;
    mapping.expand.values.push_back(ExpandValue{"n", {}, "{{ tasks.first.list }}"});
    mapping.tasks = {1};
    mapping.sources = {0};
    dag->Map(std::move(mapping));
  }
  std::vector<std::pair<TaskNo, TaskNo>> edges;
  for (TaskNo task = 1; task <= between; ++task) {
    edges.emplace_back(0, task);
    edges.emplace_back(task, static_cast<TaskNo>(between + 1));
  }
  if (!dag->Link(std::move(edges))) std::abort();
  return dag;
}

struct FanRound {
  double open = 0;  // seconds from the end of "first", or from the length, to the plan with the first starts
  double all = 0;   // seconds in the engine for the whole run
  double bytes = 0;
};

FanRound PlayFan(const DagPtr& dag) {
  FanRound round;
  EngineLimits limits;
  limits.max_map_length = kInstances;
  Engine engine(limits);
  Instant now = kStart;
  std::vector<Event> events = Requests({dag});
  std::size_t before = 0;
  while (true) {
    const Micros start = SystemClock().Monotonic();
    Plan plan = engine.Apply(std::move(events), now);
    const double took = Since(start);
    round.all += took;
    round.open = std::max(round.open, took);
    if (before != 0 && round.bytes == 0 && plan.wanted.empty())
      round.bytes = static_cast<double>(HeapInUse() - before) / kInstances;
    if (engine.active_runs() == 0) return round;
    before = HeapInUse();
    now += Millis(1);
    events.clear();
    for (const LengthWanted& wanted : plan.wanted)
      events.emplace_back(MappingLength{wanted.run, wanted.life, wanted.mapping, kInstances});
    for (const AttemptOpened& opened : plan.opened) {
      AttemptFinished end;
      end.attempt = opened.attempt;
      end.outcome = TryOutcome::kSucceeded;
      end.end = now;
      events.emplace_back(std::move(end));
    }
  }
}

void ReportFan(const char* name, bool mapped) {
  const DagPtr dag = Fan(mapped);
  std::vector<double> opens, alls;
  double bytes = 0;
  for (int i = 0; i < kRounds; ++i) {
    const FanRound round = PlayFan(dag);
    opens.push_back(round.open * 1e3);
    alls.push_back(round.all * 1e6 / kInstances);
    bytes = round.bytes;
  }
  fmt::print("{:<28} {:>10.2f} {:>14.2f} {:>12.0f}\n", name, Median(opens), Median(alls), bytes);
}

}  // namespace

int main() {
  const std::size_t before = HeapInUse();
  std::vector<DagPtr> dags;
  for (std::size_t i = 0; i < kDags; ++i) dags.push_back(MixedDag(i));
  fmt::print("{} DAGs of {} tasks: {} bytes per task of a DAG; {} rounds each\n", kDags, kTasks,
             (HeapInUse() - before) / (kDags * kTasks), kRounds);
  fmt::print("{:>11} {:>8} {:>8} {:>12} {:>14} {:>10}   {:<10} {:>9} {:>12}\n", "parallelism", "turns", "attempts",
             "transitions", "per s, median", "least", "most", "÷ yardst.", "bytes/task");
  for (const std::int32_t parallelism : {1, 32, 1'000}) Report(dags, parallelism);
  fmt::print("\n{:<28} {:>10} {:>14} {:>12}\n", "a turn that lets so many go", "ms", "whole, µs each", "bytes each");
  ReportFan("10,000 tasks", false);
  ReportFan("10,000 instances of a task", true);
}
