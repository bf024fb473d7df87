// What it costs to choose the next of so many waiting tasks: nanoseconds for one choice with its start, and for the end
// of that task, which makes room again. 1,000 to 100,000 tasks wait, in different ways.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/ready_queue.h"
#include "pipelined/base/clock.h"

namespace {

using namespace pipelined;

constexpr int kChoices = 20'000;
constexpr int kTasksPerRun = 100;
const Instant kNow = *ParseInstant("2026-01-01T00:00:00Z");

enum class Way { kPlain, kOneKey, kManyKeys, kBehindKeys, kRateAndKeys, kAged };

struct Case {
  Way way;
  const char* what;
};

constexpr Case kCases[] = {
    {Way::kPlain, "one pool"},
    {Way::kOneKey, "all behind one key (max 8)"},
    {Way::kManyKeys, "a key for each run (max 1)"},
    {Way::kBehindKeys, "most behind closed keys"},
    {Way::kRateAndKeys, "one rate, a key for each run"},
    {Way::kAged, "one pool, all have waited long"},
};

DagPtr MakeDag(Way way) {
  auto dag = std::make_shared<Dag>();
  dag->id = "d";
  for (int t = 0; t < kTasksPerRun; ++t) {
    Task task;
    task.id = fmt::format("t{}", t);
    if (way != Way::kPlain && way != Way::kAged) {
      task.concurrency =
          std::make_shared<ConcurrencyLimit>(ConcurrencyLimit{"k", way == Way::kOneKey ? 8 : 1, OnConflict::kQueue});
    }
    if (way == Way::kRateAndKeys) {
      task.rate = std::make_shared<RateLimit>(RateLimit{"r", 1'000'000, Micros(1000)});
    }
    dag->tasks.push_back(std::move(task));
  }
  if (!dag->Link({}).ok()) std::abort();
  return dag;
}

class Bench {
 public:
  Bench(Way way, int waiting) : way_(way), dag_(MakeDag(way)), queue_(Rule()) {
    queue_.SetNow(kNow);
    queue_.SetPool(std::string(kDefaultPool), -1);
    for (int run = 0; run < waiting / kTasksPerRun; ++run) AddRun(run);
    // The first task of each run takes its key: what is left waits behind it, but for that of a few runs.
    if (way == Way::kBehindKeys) {
      for (std::size_t run = 10; run < runs_.size(); ++run)
        Start(ReadyQueue::Next{runs_[run].get(), 0, nullptr, nullptr});
    }
    queue_.SetNow(kNow + std::chrono::hours(1));
  }

  double NanosPerChoice() {
    const Clock& clock = SystemClock();
    const Micros begin = clock.Monotonic();
    for (int i = 0; i < kChoices; ++i) {
      const auto next = queue_.Take();
      if (!next) std::abort();
      End(*next, Start(*next));
    }
    return static_cast<double>((clock.Monotonic() - begin).count()) * 1000 / kChoices;
  }

 private:
  AgingRule Rule() const { return AgingRule{way_ == Way::kAged ? Micros(1000) : Micros(std::chrono::hours(9)), 10}; }

  void AddRun(int number) {
    RunInfo info;
    info.id = RunId{number + 1};
    info.dag_id = "d";
    info.run_after = kNow + Micros(number * 7919 % 1000);
    auto& run = *runs_.emplace_back(std::make_unique<ActiveRun>(info, dag_));
    if (way_ != Way::kPlain && way_ != Way::kAged) {
      const std::string key = way_ == Way::kOneKey ? "k" : fmt::format("customer {}", number);
      for (TaskNo task = 0; task < kTasksPerRun; ++task) run.keys.push_back(TaskKeys{task, key, "api"});
    }
    run.Materialize();
    queue_.Refresh(run, true);
    for (TaskNo task = 0; task < kTasksPerRun; ++task) {
      run.slot(task).state = TaskState::kScheduled;
      queue_.Add(run, task, kNow);
    }
  }

  std::pair<Hold, AttemptId> Start(const ReadyQueue::Next& next) {
    TaskSlot& slot = next.run->slot(next.slot);
    slot.state = TaskState::kRunning;
    ++slot.try_number;
    const AttemptId attempt{++last_};
    return {next.from == nullptr ? queue_.Occupy(*next.run, next.slot, attempt) : queue_.Took(next, attempt), attempt};
  }

  // It ends and waits again, so that as many wait as before.
  void End(const ReadyQueue::Next& next, const std::pair<Hold, AttemptId>& held) {
    queue_.Release(held.first, held.second);
    next.run->slot(next.slot).state = TaskState::kScheduled;
    queue_.Add(*next.run, next.slot, kNow);
  }

  Way way_;
  DagPtr dag_;
  std::vector<std::unique_ptr<ActiveRun>> runs_;
  ReadyQueue queue_;
  std::int64_t last_ = 0;
};

}  // namespace

int main() {
  fmt::print("{:<34} {:>10} {:>10} {:>10}   ns per choice, start and end\n", "waiting", "1,000", "10,000", "100,000");
  for (const Case& c : kCases) {
    fmt::print("{:<34}", c.what);
    for (const int waiting : {1'000, 10'000, 100'000}) fmt::print(" {:>10.0f}", Bench(c.way, waiting).NanosPerChoice());
    fmt::print("\n");
  }
}
