#include "sim/checker/generator.h"

#include <fmt/format.h>

#include <array>

#include "sim/checker/random.h"

namespace pipelined::sim {
namespace {

constexpr int kMostSteps = 60;

void AddTasks(Random& random, DagSpec& spec) {
  const int tasks = random.OneIn(4) ? random.Between(1, 12) : random.Between(1, 5);
  const int density = random.Between(2, 4);
  for (int no = 0; no < tasks; ++no) {
    std::vector<std::string> above;
    for (int up = 0; up < no; ++up) {
      if (random.OneIn(density)) above.push_back(fmt::format("t{}", up));
    }
    spec.Add(fmt::format("t{}", no), above);
  }
}

void AddFeatures(Random& random, DagSpec& spec) {
  for (const DagFeature& feature : DagFeatures()) {
    if (random.OneIn(feature.one_in)) feature.put(random, spec);
  }
  for (std::size_t task = 0; task < spec.dag.tasks.size(); ++task) {
    for (const TaskFeature& feature : TaskFeatures()) {
      if (feature.put != nullptr && random.OneIn(feature.one_in)) feature.put(random, spec, task);
    }
  }
}

History RandomSetting(Random& random) {
  History history;
  history.pools[std::string(kSmallPool)] = random.Between(1, 3);
  if (random.OneIn(4)) history.parallelism = random.Between(1, 3);
  const int dags = random.OneIn(3) ? 2 : 1;
  history.dags.reserve(2);
  for (int no = 1; no <= dags; ++no) {
    DagSpec& spec = history.AddDag(fmt::format("d{}", no));
    AddTasks(random, spec);
    AddFeatures(random, spec);
  }
  return history;
}

// --- steps
// --------------------------------------------------------------------------------------------------------------------

using Choice = std::optional<Step>;  // nothing: not now

const std::string& SomeDag(Random& random, const World&, const History& history) {
  return random.Of(history.dags).dag.id;
}

int SomeRun(Random& random, const World& world) {
  return random.Between(1, static_cast<int>(world.ledger().runs.size()));
}

Choice SomeTurn(Random& random, const World&, const History&) {
  static constexpr std::array kSeconds{0, 0, 0, 1, 2, 30, 60, 200};
  return Turn(random.Of(kSeconds));
}

Choice SomeEnd(Random& random, const World& world, const History&) {
  const auto& running = world.host().running();
  if (running.empty()) return {};
  auto attempt = running.begin();
  std::advance(attempt, random.Below(static_cast<int>(running.size())));
  const auto open = world.ledger().open.find(*attempt);
  if (open == world.ledger().open.end()) return {};
  const int run = static_cast<int>(open->second.run.value);
  const std::string& task = world.ledger().What(open->second).id;
  const int index = world.ledger().Of(open->second.run).IndexOf(open->second.task);
  static constexpr std::array kOther{AttemptOutcome::kTimedOut, AttemptOutcome::kLost, AttemptOutcome::kBadOutput};
  switch (random.Below(8)) {
    case 0:
    case 1:
      return End(run, task, AttemptOutcome::kFailed, random.Between(1, 2), index);
    case 2:
      return random.OneIn(2) ? End(run, task, AttemptOutcome::kFailed, kSkipExitCode, index)
                             : End(run, task, random.Of(kOther), 0, index);
    default:
      return End(run, task, AttemptOutcome::kSucceeded, 0, index);
  }
}

Choice SomeDoubt(Random& random, const World&, const History&) {
  return Do(StepKind::kDoubt, "", random.Below(2));
}

template <StepKind kind>
Choice Plain(Random&, const World&, const History&) {
  return Do(kind);
}

template <StepKind kind>
Choice OfDag(Random& random, const World& world, const History& history) {
  return Do(kind, SomeDag(random, world, history));
}

Choice SomeTrigger(Random& random, const World& world, const History& history) {
  if (world.ledger().runs.size() > 4) return {};
  return Do(StepKind::kTrigger, SomeDag(random, world, history), random.OneIn(2) ? random.Between(-4, 4) : 0);
}

template <StepKind kind>
Choice SomeRunOf(Random& random, const World& world, const History&) {
  if (world.ledger().runs.empty()) return {};
  return Do(kind, SomeRun(random, world));
}

template <StepKind kind>
Choice SomePool(Random& random, const World&, const History&) {
  static constexpr std::array kSlots{-1, 0, 1, 2, 3, 5};
  return Do(kind, random.OneIn(4) ? std::string(kDefaultPool) : std::string(kSmallPool), random.Of(kSlots));
}

template <StepKind kind>
Choice SomeBackfill(Random& random, const World& world, const History& history) {
  if (!world.ledger().backfills.empty() && !random.OneIn(4)) return {};
  const Dag& dag = random.Of(history.dags).dag;
  if (dag.schedule.kind == ScheduleKind::kNone) return {};
  return Do(kind, dag.id, random.Between(1, 3));
}

template <StepKind kind>
Choice OfBackfill(Random& random, const World& world, const History&) {
  if (world.ledger().backfills.empty()) return {};
  return Do(kind, random.Between(1, static_cast<int>(world.ledger().backfills.size())));
}

// With few flags, or none.
template <StepKind kind>
Choice SomeSteering(Random& random, const World& world, const History& history) {
  if (world.ledger().runs.empty()) return {};
  const int run = SomeRun(random, world);
  const bool of_run = kind >= StepKind::kRunSuccess;
  if (of_run || random.OneIn(5)) return Steer(kind, run);
  int flags = 0;
  for (int flag = 1; flag < kAllSteering; flag <<= 1) flags |= random.OneIn(5) ? flag : 0;
  const std::string& dag_id = world.ledger().Of(RunId{run}).info.dag_id;
  for (const DagSpec& spec : history.dags) {
    if (spec.dag.id != dag_id) continue;
    const std::string& task = random.Of(spec.dag.tasks).id;
    if (!spec.mapped.empty() && random.OneIn(3))
      return Steer(kind, run, task, flags & ~(kUpstream | kDownstream), random.Below(3));
    return Steer(kind, run, task, flags);
  }
  return {};
}

struct StepChoice {
  int weight;
  Choice (*choose)(Random& random, const World& world, const History& history);
};

Choice SomePoolDrop(Random&, const World&, const History&) {
  return Do(StepKind::kDropPool, std::string(kSmallPool));
}

constexpr StepChoice kSteps[] = {
    {400, SomeTurn},
    {400, SomeEnd},
    {25, Plain<StepKind::kCrash>},
    {5, Plain<StepKind::kHostLost>},
    {25, SomeDoubt},
    {40, SomeTrigger},
    {12, OfDag<StepKind::kPause>},
    {12, OfDag<StepKind::kUnpause>},
    {8, SomeRunOf<StepKind::kCancel>},
    {10, SomePool<StepKind::kPool>},
    {4, SomePool<StepKind::kPoolDeferred>},
    {4, SomePoolDrop},
    {20, SomeBackfill<StepKind::kBackfill>},
    {10, SomeBackfill<StepKind::kBackfillBack>},
    {20, SomeBackfill<StepKind::kBackfillAgain>},
    {10, OfBackfill<StepKind::kPauseBackfill>},
    {10, OfBackfill<StepKind::kUnpauseBackfill>},
    {10, OfBackfill<StepKind::kCancelBackfill>},
    {30, SomeSteering<StepKind::kClear>},
    {8, SomeSteering<StepKind::kMarkSuccess>},
    {8, SomeSteering<StepKind::kMarkFailed>},
    {8, SomeSteering<StepKind::kMarkSkipped>},
    {4, SomeSteering<StepKind::kRunSuccess>},
    {4, SomeSteering<StepKind::kRunFailed>},
    {4, SomeSteering<StepKind::kRunQueued>},
    {4, SomeRunOf<StepKind::kDeleteRun>},
};

constexpr int kAllWeights = [] {
  int sum = 0;
  for (const StepChoice& choice : kSteps) sum += choice.weight;
  return sum;
}();

Choice SomeStep(Random& random, const World& world, const History& history) {
  int at = random.Below(kAllWeights);
  for (const StepChoice& choice : kSteps) {
    if ((at -= choice.weight) < 0) return choice.choose(random, world, history);
  }
  return {};
}

}  // namespace

Played PlayRandom(std::uint64_t seed, Coverage* coverage) {
  Random random(seed);
  Played played{RandomSetting(random), {}};
  World world(played.history, coverage);
  const auto take = [&](Step step) {
    played.history.steps.push_back(std::move(step));
    world.Take(played.history.steps.back());
  };
  take(Do(StepKind::kTrigger, played.history.dags[0].dag.id));
  const int steps = random.Between(10, kMostSteps);
  for (int step = 0; step < steps && !world.fault(); ++step) {
    if (world.IsOver() && random.OneIn(3)) break;
    if (auto choice = SomeStep(random, world, played.history)) take(std::move(*choice));
  }
  world.Settle();
  played.fault = world.fault();
  return played;
}

}  // namespace pipelined::sim
