#include "cli/local_run.h"

#include <unistd.h>

#include <csignal>

#include "pipelined/executor/local_executor.h"
#include "pipelined/scheduler/scheduler.h"
#include "pipelined/store/memory_store.h"

namespace pipelined::cli {
namespace {

std::atomic<Scheduler*> stop_on_signal{nullptr};

void StopOnSignal(int) {
  if (Scheduler* scheduler = stop_on_signal) scheduler->Stop(true);
}

// While it lives, SIGINT and SIGTERM end the run's tasks and then the run.
class SignalGuard {
 public:
  explicit SignalGuard(Scheduler& scheduler) {
    stop_on_signal = &scheduler;
    struct sigaction action {};
    action.sa_handler = StopOnSignal;
    sigaction(SIGINT, &action, &old_int_);
    sigaction(SIGTERM, &action, &old_term_);
  }
  ~SignalGuard() {
    sigaction(SIGINT, &old_int_, nullptr);
    sigaction(SIGTERM, &old_term_, nullptr);
    stop_on_signal = nullptr;
  }
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

 private:
  struct sigaction old_int_ {};
  struct sigaction old_term_ {};
};

RunInfo MakeRun(const Dag& dag, const LocalRunOptions& options) {
  RunInfo run;
  run.dag_id = dag.id;
  run.run_id = options.run_id;
  run.logical_date = options.logical_date;
  run.run_after = options.logical_date.value_or(SystemClock().Now());
  if (options.logical_date) run.interval = DataInterval{*options.logical_date, *options.logical_date};
  run.queued_at = SystemClock().Now();
  run.conf = options.conf;
  run.version = VersionId{1};
  return run;
}

}  // namespace

Result<RunState> RunLocally(const LoadedDag& loaded, const LocalRunOptions& options, const ZoneSource& zones) {
  MemoryStore store(SystemClock());
  StoredDag stored;
  stored.head.dag_id = loaded.dag->id;
  stored.head.version = VersionId{1};
  std::vector<std::string> ids;
  for (const Task& task : loaded.dag->tasks) {
    ids.push_back(task.id);
    store.AddPool(PoolChanged{task.pool, -1});  // pools belong to a server
  }
  store.AddDag(stored, loaded.source, ids);
  store.AddRun(MakeRun(*loaded.dag, options));

  LocalExecutorOptions executor_options;
  executor_options.attempts_dir = options.folder + "/attempts";
  executor_options.launcher_path = options.launcher_path;
  executor_options.installation_id = "00000000-0000-0000-0000-000000000000";
  auto executor = LocalExecutor::Open(executor_options);
  if (!executor) return executor.error();

  SchedulerOptions scheduler_options;
  scheduler_options.holder = "dags-test";
  scheduler_options.launch.logs_dir = options.folder + "/logs";
  scheduler_options.launch.environment = InheritedEnvironment(environ);
  Scheduler* running = nullptr;
  RunState ended = RunState::kRunning;
  scheduler_options.on_plan = [&](const Plan& plan) {
    if (options.on_plan) options.on_plan(plan);
    for (const RunChange& change : plan.runs) {
      if (!IsFinished(change.to)) continue;
      ended = change.to;
      running->Stop();
    }
  };
  const auto parse = [&](const DagSource&) -> Result<DagPtr> { return loaded.dag; };
  Scheduler scheduler(scheduler_options, store, **executor, zones, parse, SystemClock());
  running = &scheduler;
  const SignalGuard guard(scheduler);
  if (const Status done = scheduler.Run(); !done) return done.error();
  return IsFinished(ended) ? ended : RunState::kFailed;
}

}  // namespace pipelined::cli
