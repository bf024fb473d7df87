// Random histories of tasks with every kind of limit, with restarts: no limit is ever exceeded, whatever could start
// has started, and everything ends. A failing seed is printed.
#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <set>

#include "engine_fixture.h"

namespace pipelined {
namespace {

using namespace std::chrono_literals;

struct Open {
  RunId run;
  TaskNo task = 0;
};

class History {
 public:
  explicit History(unsigned seed) : random_(seed) {
    limits_.parallelism = 1 + Random(8);
    limits_.aging = AgingRule{Micros(30s), static_cast<std::int32_t>(Random(4))};
    for (int d = 0; d < 3; ++d) MakeRandomDag("d" + std::to_string(d));
    for (const char* pool : {"p0", "p1"}) pools_[pool] = 1 + Random(3);
    NewEngine();
  }

  // Empty when every promise was kept.
  std::string Play() {
    for (int step = 0; step < 400; ++step) {
      now_ += Millis(Random(4000));
      const int what = Random(20);
      std::vector<Event> events;
      if (what < 5 && next_run_ <= 40) {
        events.emplace_back(NewRun());
      } else if (what == 5) {
        Restart(events);
      } else if (what == 6) {
        const std::string pool = Random(2) == 0 ? "p0" : "p1";
        pools_[pool] = Random(4);
        events.emplace_back(PoolChanged{pool, pools_[pool]});
      } else if (what == 7 && !infos_.empty()) {
        Command cancel{CommandId{1}, "x", CancelRun{RunId{1 + Random(static_cast<int>(infos_.size()))}}};
        events.emplace_back(std::move(cancel));
      } else if (!open_.empty()) {
        events.emplace_back(EndOne());
      }
      Apply(std::move(events));
      if (!fault_.empty()) return fault_ + " at step " + std::to_string(step);
    }
    return Drain();
  }

 private:
  int Random(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

  void MakeRandomDag(const std::string& id) {
    std::string text = "t0";
    for (int t = 1; t < 4; ++t) text += "; t" + std::to_string(t) + (Random(2) == 0 ? ": t0" : "");
    auto dag = testing::MakeDag(text, id);
    dag->max_active_tasks = 1 + Random(4);
    dag->max_active_runs = 5;
    for (Task& task : dag->tasks) {
      if (Random(2) == 0) task.pool = Random(2) == 0 ? "p0" : "p1";
      task.pool_slots = 1 + Random(2);
      task.retry.retries = Random(2);
      task.retry.delay = Seconds(5);
      if (Random(3) == 0) task.max_active_tis_per_dag = 1 + Random(2);
      if (Random(4) == 0) task.max_active_tis_per_dagrun = 1;
      if (Random(2) == 0) {
        task.concurrency = std::make_shared<ConcurrencyLimit>(
            ConcurrencyLimit{"k", 1 + Random(2), static_cast<OnConflict>(Random(3))});
      }
      if (Random(3) == 0) {
        task.rate = std::make_shared<RateLimit>(RateLimit{"r", 1 + Random(3), 20s});
      }
      for (std::int32_t& weight : dag->weights) weight = Random(3);
    }
    dags_[id] = std::move(dag);
  }

  void NewEngine() {
    engine_ = Engine(limits_, LastIds{AttemptId{last_attempt_}, {}});
    std::vector<Event> events;
    events.emplace_back(PoolChanged{std::string(kDefaultPool), 3});
    for (const auto& [name, slots] : pools_) events.emplace_back(PoolChanged{name, slots});
    Apply(std::move(events));
  }

  RunRequested NewRun() {
    RunInfo info;
    info.id = RunId{next_run_++};
    info.dag_id = "d" + std::to_string(Random(3));
    info.run_id = "r" + std::to_string(info.id.value);
    info.run_after = now_;
    infos_[info.id] = info;
    for (TaskNo task = 0; task < 4; ++task) {
      keys_[info.id].push_back(TaskKeys{task, "key" + std::to_string(Random(2)), "rate" + std::to_string(Random(2))});
    }
    return RunRequested{info, dags_.at(info.dag_id), {}, {}, keys_.at(info.id)};
  }

  AttemptFinished EndOne() {
    auto at = open_.begin();
    std::advance(at, Random(static_cast<int>(open_.size())));
    AttemptFinished end;
    end.attempt = at->first;
    end.outcome = Random(3) == 0 ? TryOutcome::kFailed : TryOutcome::kSucceeded;
    end.end = now_;
    return end;
  }

  // As a leader does that comes after a crash: everything from what was stored.
  void Restart(std::vector<Event>& events) {
    NewEngine();
    for (const RateStarted& start : starts_) events.emplace_back(start);
    std::set<AttemptId> known;
    for (const auto& [id, info] : infos_) {
      if (IsFinished(info.state)) continue;
      std::vector<StoredTask> tasks;
      for (const auto& [no, change] : tasks_[id]) {
        const AttemptId attempt = change.to == TaskState::kRunning ? change.attempt : AttemptId{};
        if (attempt) known.insert(attempt);
        tasks.push_back(StoredTask{no, change.to, change.try_number, change.retry_at, attempt, change.max_tries});
      }
      if (info.state == RunState::kQueued) {
        events.emplace_back(RunRequested{info, dags_.at(info.dag_id), {}, {}, keys_.at(id)});
      } else {
        events.emplace_back(RunRestored{info, dags_.at(info.dag_id), std::move(tasks), {}, keys_.at(id)});
      }
    }
    for (const auto& [attempt, open] : open_) {
      if (known.contains(attempt)) continue;
      const Task& task = TaskOf(open);
      Holding holding{task.pool, task.pool_slots, infos_.at(open.run).dag_id, task.id, open.run, {}, 0};
      if (task.concurrency != nullptr) {
        holding.key = keys_.at(open.run)[open.task].concurrency;
        holding.key_max = task.concurrency->max;
      }
      events.emplace_back(AttemptOrphaned{attempt, std::move(holding)});
    }
  }

  void Apply(std::vector<Event> events) {
    const Plan plan = engine_.Apply(std::move(events), now_);
    for (const AttemptClosed& closed : plan.closed) open_.erase(closed.end.attempt);
    for (const RunChange& change : plan.runs) {
      infos_.at(change.run).state = change.to;
      if (change.to == RunState::kRunning) infos_.at(change.run).start_date = now_;
    }
    for (const TaskChange& change : plan.tasks) tasks_[change.run][change.task] = change;
    for (const AttemptOpened& opened : plan.opened) {
      for (const KeysTaken& taken : plan.keys_taken) {
        if (taken.attempt == opened.attempt && !taken.rate.empty())
          starts_.push_back(RateStarted{taken.rate, now_, taken.window});
      }
      last_attempt_ = opened.attempt.value;
      open_[opened.attempt] = Open{opened.run, opened.task};
      Check(open_.at(opened.attempt));
    }
    if (static_cast<std::int32_t>(open_.size()) > limits_.parallelism) fault_ = "parallelism was exceeded";
  }

  const Task& TaskOf(const Open& open) const { return dags_.at(infos_.at(open.run).dag_id)->tasks[open.task]; }

  // No limit of the one that was just started is exceeded.
  void Check(const Open& started) {
    const Task& task = TaskOf(started);
    const std::string& dag = infos_.at(started.run).dag_id;
    const TaskKeys& keys = keys_.at(started.run)[started.task];
    int in_pool = 0, in_dag = 0, in_run = 0, of_run = 0, of_key = 0, most = 1 << 20;
    for (const auto& [id, open] : open_) {
      const Task& other = TaskOf(open);
      if (other.pool == task.pool) in_pool += other.pool_slots;
      if (infos_.at(open.run).dag_id == dag && other.id == task.id) ++in_dag;
      if (open.run == started.run && other.id == task.id) ++in_run;
      const TaskChange& change = tasks_[open.run][open.task];
      if (open.run == started.run && change.to == TaskState::kRunning && change.attempt == id) ++of_run;
      if (task.concurrency != nullptr && other.concurrency != nullptr &&
          keys_.at(open.run)[open.task].concurrency == keys.concurrency) {
        ++of_key;
        most = std::min(most, other.concurrency->max);
      }
    }
    const int slots = task.pool == kDefaultPool ? 3 : pools_.at(task.pool);
    if (in_pool > slots) fault_ = "a pool was exceeded";
    if (task.max_active_tis_per_dag > 0 && in_dag > task.max_active_tis_per_dag) fault_ = "max_active_tis_per_dag";
    if (task.max_active_tis_per_dagrun > 0 && in_run > task.max_active_tis_per_dagrun)
      fault_ = "max_active_tis_per_dagrun";
    if (of_run > dags_.at(dag)->max_active_tasks) fault_ = "max_active_tasks";
    if (of_key > most) fault_ = "a concurrency key was exceeded";
    if (task.rate == nullptr) return;
    const auto within = std::count_if(starts_.begin(), starts_.end(), [&](const RateStarted& start) {
      return start.key == keys.rate && start.at > now_ - task.rate->window;
    });
    if (within > task.rate->starts) fault_ = "a rate was exceeded";
  }

  // With room in every pool, and ends, every run ends: nobody was forgotten at a gate.
  std::string Drain() {
    for (const char* pool : {"p0", "p1"}) {
      pools_[pool] = 3;
      std::vector<Event> events;
      events.emplace_back(PoolChanged{pool, 3});
      Apply(std::move(events));
    }
    for (int step = 0; step < 5000 && (engine_.active_runs() > 0 || !open_.empty()); ++step) {
      std::vector<Event> events;
      if (!open_.empty()) {
        events.emplace_back(EndOne());
      } else if (const auto timer = engine_.NextTimer()) {
        now_ = std::max(now_, *timer);
      } else {
        return "something waits for ever";
      }
      Apply(std::move(events));
      if (!fault_.empty()) return fault_ + " while all ended";
    }
    if (engine_.active_runs() > 0) return "not everything ended";
    now_ += 2h;
    Apply({});
    return engine_.shared_limits() == 0 ? "" : "limits are remembered that nobody names";
  }

  std::mt19937 random_;
  EngineLimits limits_;
  Engine engine_{EngineLimits{}};
  Instant now_ = testing::kT0;
  std::map<std::string, std::shared_ptr<Dag>> dags_;
  std::map<std::string, int> pools_;
  std::map<RunId, RunInfo> infos_;
  std::map<RunId, std::vector<TaskKeys>> keys_;
  std::map<RunId, std::map<TaskNo, TaskChange>> tasks_;
  std::map<AttemptId, Open> open_;
  std::deque<RateStarted> starts_;
  std::int64_t next_run_ = 1, last_attempt_ = 0;
  std::string fault_;
};

TEST(Limits, AreNeverExceededAndNobodyIsForgotten) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    ASSERT_EQ(History(seed).Play(), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace pipelined
