#include "pipelined/simulation/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "pipelined/scheduler/limit_keys.h"
#include "pipelined/engine/engine.h"

namespace pipelined {
namespace {

constexpr int kTurnsAtOneInstant = 2'000'000;  // more: the simulated clock stands still
constexpr int kTurnsBetweenProgress = 1'000;

struct Attempt {
  RunId run;
  TaskNo task = 0;
  bool ended = false;
};

struct End {
  Instant at;
  AttemptId attempt;
  TryOutcome outcome = TryOutcome::kSucceeded;
  // The earliest on top; of the same instant, the one that was started first.
  friend bool operator<(const End& a, const End& b) { return a.at != b.at ? a.at > b.at : a.attempt > b.attempt; }
};

// Spreads a number over all 64 bits (the finalizer of SplitMix64).
std::uint64_t Mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

bool Fails(const FailureRule& rule, std::uint32_t dag, TaskNo task, RunId run, std::int32_t try_number) {
  if (try_number <= rule.first_tries) return true;
  if (rule.per_mille <= 0) return false;
  std::uint64_t key = Mixed(dag + 0x9e3779b97f4a7c15);
  for (const std::int64_t part : {std::int64_t{task}, run.value, std::int64_t{try_number}})
    key = Mixed(key + static_cast<std::uint64_t>(part) + 0x9e3779b97f4a7c15);
  return key % 1000 < static_cast<std::uint64_t>(rule.per_mille);
}

class Driver {
 public:
  Driver(const std::vector<SimulatedDag>& dags, const SimulationOptions& options)
      : dags_(dags),
        options_(options),
        engine_(EngineLimits{options.parallelism}),
        now_(options.from),
        states_(dags.size()) {}

  Result<SimulationResult> Run() {
    Turn(FirstEvents());
    for (int turns = 0;;) {
      const auto next = NextInstant();
      if (!next || *next >= options_.to) break;
      if (*next > now_) {
        now_ = *next;
        turns = 0;
      } else if (++turns > kTurnsAtOneInstant) {
        return StandsStill();
      }
      Turn(!comes_back_ ? EndsNow() : std::exchange(made_, {}));
      if (result_.tasks.size() > options_.most_tasks) return TooMany();
      if (options_.on_progress && ++applied_ % kTurnsBetweenProgress == 0) options_.on_progress(now_);
    }
    FindMissedSlots();
    result_.tries = static_cast<std::int64_t>(attempts_.size());
    return std::move(result_);
  }

 private:
  Error TooMany() const {
    return Error{ErrorCode::kInvalid,
                 fmt::format("by {} there would be more than {} tasks", FormatInstant(now_), options_.most_tasks),
                 "ask for less time or for fewer DAGs"};
  }
  struct DagState {
    std::vector<std::size_t> pools;          // of each task: its place in result_.pools
    std::unordered_set<std::int64_t> dates;  // logical dates of its runs
    std::map<Instant, std::size_t> by_date;  // its runs, for tasks that wait for the run before
    std::vector<std::string> past_tasks;     // PastTaskIds()
    std::int32_t active = 0;                 // runs queued or running
    bool was_full = false;                   // max_active_runs of them at some time
  };

  std::vector<Event> FirstEvents() {
    std::vector<Event> events;
    std::unordered_map<std::string, std::size_t> places;
    for (const PoolChanged& pool : options_.pools) {
      places[pool.name] = result_.pools.size();
      result_.pools.push_back(PoolPeak{pool.name, pool.slots});
      events.emplace_back(pool);
    }
    for (std::uint32_t i = 0; i < dags_.size(); ++i) {
      const Dag& dag = *dags_[i].dag;
      numbers_[dag.id] = i;
      for (const Task& task : dag.tasks) states_[i].pools.push_back(places.at(task.pool));
      states_[i].past_tasks = PastTaskIds(dag);
      events.emplace_back(DagUpdated{HeadOf(i)});
    }
    return events;
  }

  DagHead HeadOf(std::uint32_t i) const {
    const Dag& dag = *dags_[i].dag;
    DagHead head;
    head.dag_id = dag.id;
    head.version = VersionId{i + 1};
    head.timetable = dags_[i].timetable;
    head.max_active_runs = dag.max_active_runs;
    head.max_consecutive_failed_dag_runs = dag.max_consecutive_failed_dag_runs;
    head.overlap = dag.overlap;
    return head;
  }

  std::optional<Instant> NextInstant() const {
    if (comes_back_) return now_;
    std::optional<Instant> next = engine_.NextTimer();
    if (!ends_.empty() && (!next || ends_.top().at < *next)) next = ends_.top().at;
    return next ? std::optional(std::max(*next, now_)) : std::nullopt;
  }

  std::vector<Event> EndsNow() {
    std::vector<Event> events;
    while (!ends_.empty() && ends_.top().at <= now_) {
      const End end = ends_.top();
      ends_.pop();
      Attempt& attempt = AttemptOf(end.attempt);
      if (attempt.ended) continue;  // it was stopped before
      attempt.ended = true;
      Release(attempt);
      AttemptFinished finished;
      finished.attempt = end.attempt;
      finished.outcome = end.outcome;
      finished.exit_code = end.outcome == TryOutcome::kFailed ? 1 : 0;
      finished.end = now_;
      events.emplace_back(std::move(finished));
    }
    return events;
  }

  // The runs that it makes come back in a turn of their own, at the same instant, as from a store.
  void Turn(std::vector<Event> events) {
    const Plan plan = engine_.Apply(std::move(events), now_);
    Take(plan);
    for (const NewRun& run : plan.new_runs) Make(run);
    // What it is mapped over is an output, which nobody knows here: one instance stands for all.
    for (const LengthWanted& wanted : plan.wanted)
      made_.emplace_back(MappingLength{wanted.run, wanted.life, wanted.mapping, 1});
    comes_back_ = !plan.new_runs.empty() || !plan.wanted.empty();
  }

  // One run for a DAG and logical date, as the database's key has it.
  void Make(const NewRun& wanted) {
    const auto dag = static_cast<std::uint32_t>(wanted.version.value - 1);
    DagState& state = states_[dag];
    if (!state.dates.insert(wanted.due.logical_date.time_since_epoch().count()).second) return;
    RunRecord record;
    record.dag = dag;
    record.run_id = wanted.run_id;
    record.due = wanted.due;
    record.created = now_;
    record.first_task = result_.tasks.size();
    result_.tasks.resize(result_.tasks.size() + dags_[dag].dag->tasks.size());
    result_.runs.push_back(std::move(record));
    ++state.active;
    const std::int32_t most = dags_[dag].dag->max_active_runs;
    state.was_full = state.was_full || (most > 0 && state.active >= most);
    RunInfo info;
    info.id = RunId{static_cast<std::int64_t>(result_.runs.size())};
    info.dag_id = wanted.dag_id;
    info.run_id = wanted.run_id;
    info.type = wanted.type;
    info.logical_date = wanted.due.logical_date;
    info.interval = wanted.due.interval;
    info.run_after = wanted.due.run_after;
    info.queued_at = now_;
    info.version = wanted.version;
    RunRequested requested{std::move(info), dags_[dag].dag};
    requested.keys = RenderKeys(*dags_[dag].dag, requested.run, LaunchOptions{});
    if (LooksBack(requested.run, *requested.dag)) requested.past = PastOf(state, *requested.run.logical_date);
    state.by_date[*requested.run.logical_date] = result_.runs.size() - 1;
    made_.emplace_back(std::move(requested));
  }

  // As a store would say it; of a run under way the engine knows more.
  std::optional<PastRun> PastOf(const DagState& state, Instant date) {
    auto at = state.by_date.lower_bound(date);
    if (at == state.by_date.begin()) return std::nullopt;
    --at;
    const RunRecord& run = result_.runs[at->second];
    PastRun past{RunId{static_cast<std::int64_t>(at->second + 1)}, run.run_id, at->first, IsFinished(run.state), {}};
    for (const std::string& id : state.past_tasks) {
      const TaskState task = TaskOf(run, *dags_[run.dag].dag->Find(id)).state;
      if (past.finished && !IsPastMet(task)) past.unmet.push_back(PastTask{id, task, false});
    }
    return past;
  }

  RunRecord& RunOf(RunId run) { return result_.runs[static_cast<std::size_t>(run.value - 1)]; }
  TaskRecord& TaskOf(const RunRecord& run, TaskNo task) { return result_.tasks[run.first_task + task]; }
  Attempt& AttemptOf(AttemptId id) { return attempts_[static_cast<std::size_t>(id.value - 1)]; }  // given out from 1 on

  void Take(const Plan& plan) {
    for (const RunChange& change : plan.runs) TakeRun(change);
    for (const TaskChange& change : plan.tasks) TakeTask(change);
    for (const AttemptOpened& opened : plan.opened) Start(opened);
    for (const AttemptId stopped : plan.stops) Stop(stopped);
    for (const DagChange& change : plan.dags) {
      if (change.paused.value_or(false))
        result_.paused.push_back(PausedDag{numbers_.at(change.dag_id), now_, change.why});
    }
    if (result_.load.empty() ? running_ > 0 : running_ != result_.load.back().running)
      result_.load.push_back(LoadChange{now_, running_});
    if (running_ > result_.most_running) {
      result_.most_running = running_;
      result_.busiest = now_;
    }
  }

  void TakeRun(const RunChange& change) {
    RunRecord& run = RunOf(change.run);
    run.state = change.to;
    if (change.to == RunState::kRunning) run.start = now_;
    if (!IsFinished(change.to)) return;
    run.end = now_;
    --states_[run.dag].active;
  }

  void TakeTask(const TaskChange& change) {
    const RunRecord& run = RunOf(change.run);
    TaskRecord& task = TaskOf(run, change.task);
    task.state = change.to;
    task.tries = change.try_number;
    if (change.start_date && !task.started()) task.start = *change.start_date;
    if (change.end_date) task.end = *change.end_date;
    if (change.retry_at) task.ready = *change.retry_at;
  }

  void Start(const AttemptOpened& opened) {
    const RunRecord& run = RunOf(opened.run);
    const SimulatedDag& dag = dags_[run.dag];
    const SimulatedTask& task = dag.tasks[opened.task];
    TaskRecord& record = TaskOf(run, opened.task);
    if (opened.try_number == 1) record.ready = ReadyAt(run, opened.task);
    record.waited += now_ - record.ready;
    End end;
    end.attempt = opened.attempt;
    const bool fails = Fails(task.fails, run.dag, opened.task, opened.run, opened.try_number);
    end.outcome = fails ? TryOutcome::kFailed : TryOutcome::kSucceeded;
    const Micros limit = dag.dag->tasks[opened.task].execution_timeout;
    const bool too_long = limit > Micros(0) && task.duration > limit;
    if (too_long) end.outcome = TryOutcome::kTimedOut;
    end.at = now_ + (too_long ? limit : task.duration);
    attempts_.push_back(Attempt{opened.run, opened.task});
    Occupy(attempts_.back());
    ends_.push(end);
  }

  // When the task's rule was first met: with each end among its upstreams, in their order, the rule is asked again.
  Instant ReadyAt(const RunRecord& run, TaskNo number) {
    const Dag& dag = *dags_[run.dag].dag;
    upstreams_.clear();
    for (const TaskNo up : dag.upstream.Of(number)) {
      const TaskRecord& task = TaskOf(run, up);
      if (IsFinished(task.state)) upstreams_.emplace_back(task.end, task.state);
    }
    std::sort(upstreams_.begin(), upstreams_.end());
    UpstreamCounts counts;
    counts.total = static_cast<std::uint32_t>(dag.upstream.Of(number).size());
    for (const auto& [end, state] : upstreams_) {
      counts.Count(state);
      if (Evaluate(dag.tasks[number].trigger_rule, counts) == RuleVerdict::kRun)
        return std::max({end, run.start, PastMetAt(run, number)});
    }
    return std::max(run.start, PastMetAt(run, number));
  }

  // When the run before let the task go on.
  Instant PastMetAt(const RunRecord& run, TaskNo number) {
    const Task& task = dags_[run.dag].dag->tasks[number];
    const auto& by_date = states_[run.dag].by_date;
    auto at = by_date.find(run.due.logical_date);
    if (!task.depends_on_past || at == by_date.end() || at == by_date.begin()) return Instant();
    const RunRecord& before = result_.runs[std::prev(at)->second];
    Instant met = TaskOf(before, number).end;
    if (!task.wait_for_downstream) return met;
    for (const TaskNo below : dags_[run.dag].dag->downstream.Of(number)) met = std::max(met, TaskOf(before, below).end);
    return met;
  }

  void Occupy(const Attempt& attempt) {
    ++running_;
    PoolPeak& pool = PoolOf(attempt);
    pool.used += SlotsOf(attempt);
    if (pool.used <= pool.peak) return;
    pool.peak = pool.used;
    pool.at = now_;
  }

  void Release(const Attempt& attempt) {
    --running_;
    PoolOf(attempt).used -= SlotsOf(attempt);
    TaskOf(RunOf(attempt.run), attempt.task).ready = now_;  // for a next try that has no delay
  }

  PoolPeak& PoolOf(const Attempt& attempt) {
    return result_.pools[states_[RunOf(attempt.run).dag].pools[attempt.task]];
  }
  std::int32_t SlotsOf(const Attempt& attempt) {
    return dags_[RunOf(attempt.run).dag].dag->tasks[attempt.task].pool_slots;
  }

  // Ends at once; its entry for the end that it would have had is passed over.
  void Stop(AttemptId attempt) { ends_.push(End{now_, attempt, TryOutcome::kStopped}); }

  // A DAG that never had max_active_runs of them was asked for its next run at each due time, so it missed nothing.
  void FindMissedSlots() {
    for (std::uint32_t i = 0; i < dags_.size(); ++i) {
      if (!states_[i].was_full || dags_[i].dag->schedule.kind == ScheduleKind::kContinuous) continue;
      auto due = dags_[i].timetable->Next(std::nullopt, options_.from);
      while (due && due->run_after < options_.to) {
        if (!states_[i].dates.contains(due->logical_date.time_since_epoch().count()))
          result_.missed.push_back(MissedSlot{i, *due});
        due = dags_[i].timetable->Next(due->interval, std::max(due->run_after, options_.from));
      }
    }
  }

  Error StandsStill() const {
    const std::string dag = result_.runs.empty() ? "" : dags_[result_.runs.back().dag].dag->id;
    return {ErrorCode::kInvalid,
            fmt::format("the simulated clock cannot pass {}: runs of DAG \"{}\" follow each other and take no time",
                        FormatInstant(now_), dag),
            "give its tasks a duration, or leave it out with --dag"};
  }

  const std::vector<SimulatedDag>& dags_;
  const SimulationOptions& options_;
  Engine engine_;
  Instant now_;
  std::vector<DagState> states_;
  std::unordered_map<std::string, std::uint32_t> numbers_;  // DAG id -> its place
  std::priority_queue<End> ends_;
  std::vector<Event> made_;                               // runs of the last plan, on their way back
  bool comes_back_ = false;                               // the last plan made runs, whether or not they were new
  std::vector<Attempt> attempts_;                         // by id, from 1 on
  std::vector<std::pair<Instant, TaskState>> upstreams_;  // ReadyAt's own
  std::int32_t running_ = 0;
  std::int64_t applied_ = 0;
  SimulationResult result_;
};

}  // namespace

Instant DueWithin(const RunRecord& run, Instant from) {
  return std::max(run.due.run_after, from);
}

Result<SimulationResult> Simulate(const std::vector<SimulatedDag>& dags, const SimulationOptions& options) {
  return Driver(dags, options).Run();
}

}  // namespace pipelined
