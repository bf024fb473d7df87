#include "cli/offline/local_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <set>

#include "pipelined/executor/local_executor.h"
#include "pipelined/executor/worker_executor.h"
#include "pipelined/scheduler/scheduler.h"
#include "pipelined/secrets/task_values.h"
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

// As a run by hand; a DAG with a schedule gets a date when none is given, as in Airflow: its templates may ask for it.
TriggerRequest Request(const Dag& dag, const LocalRunOptions& options, const ZoneSource& zones) {
  TriggerRequest request;
  request.dag_id = dag.id;
  request.run_id = options.run_id;
  request.logical_date = options.logical_date;
  request.run_after = options.logical_date.value_or(SystemClock().Now());
  request.conf = options.conf;
  const auto timetable = MakeTimetable(dag.schedule, zones);
  const bool is_scheduled = timetable && *timetable != nullptr;
  if (!request.logical_date && is_scheduled) request.logical_date = request.run_after;
  if (!request.logical_date) return request;
  const Instant date = *request.logical_date;
  request.interval = is_scheduled ? (*timetable)->ManualInterval(date) : DataInterval{date, date};
  return request;
}

// Only the run that was asked for: nothing becomes due by itself.
DagPtr WithoutSchedule(const Dag& dag) {
  auto copy = std::make_shared<Dag>(dag);
  copy->schedule = Schedule{};
  return copy;
}

// Pools belong to a server; here each is as large as it needs to be.
void OpenPools(MemoryStore& store, const Dag& dag) {
  std::set<std::string> pools;
  for (const Task& task : dag.tasks) pools.insert(task.pool);
  for (const std::string& pool : pools) store.File(Command{{}, "dags test", SetPool{pool, -1}});
}

bool NeedsWorker(const Task& task) {
  return IsWorkerAction(task.action.kind) || (task.sensor != nullptr && NeedsProber(task.sensor->kind));
}

// Those of a server are not here: what the environment says.
secrets::TaskValues ValuesOfEnvironment() {
  secrets::TaskValues::Options options;
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* text = std::getenv(name.c_str());
    return text == nullptr ? std::nullopt : std::optional<std::string>(text);
  };
  return {std::move(options), nullptr, SystemClock()};
}

// Of a DAG that needs both.
struct Executors {
  std::unique_ptr<LocalExecutor> commands;
  std::unique_ptr<WorkerExecutor> actions;
  std::unique_ptr<RoutingExecutor> both;
  Executor& get() const { return both ? *both : static_cast<Executor&>(*commands); }
};

Result<Executors> OpenExecutors(const LocalRunOptions& options, const Dag& dag) {
  LocalExecutorOptions local;
  local.attempts_dir = options.folder + "/attempts";
  local.launcher_path = options.launcher_path;
  local.installation_id = "00000000-0000-0000-0000-000000000000";
  auto commands = LocalExecutor::Open(local);
  if (!commands) return commands.error();
  Executors executors{std::move(*commands), nullptr, nullptr};
  if (std::none_of(dag.tasks.begin(), dag.tasks.end(), NeedsWorker)) return executors;
  WorkerExecutorOptions worker;
  worker.attempts_dir = local.attempts_dir;
  worker.worker_path = options.launcher_path.substr(0, options.launcher_path.rfind('/') + 1) + "pipelined-worker";
  worker.instance = executors.commands->instance();
  worker.boot_id = executors.commands->boot_id();
  auto actions = WorkerExecutor::Open(worker);
  if (!actions) return actions.error();
  executors.actions = std::move(*actions);
  LookOptions looks;
  looks.environment = InheritedEnvironment(environ);
  executors.both = MakeRoutingExecutor(*executors.commands, *executors.actions, std::move(looks));
  return executors;
}

}  // namespace

Result<RunState> RunLocally(const LoadedDag& loaded, const LocalRunOptions& options, const ZoneSource& zones) {
  MemoryStore store(SystemClock());
  store.Publish(PublishedDag{WithoutSchedule(*loaded.dag), loaded.source, ""});
  store.File(Command{{}, "dags test", PauseDag{loaded.dag->id, false}});
  OpenPools(store, *loaded.dag);
  if (const auto run = store.Trigger(Request(*loaded.dag, options, zones)); !run) return run.error();

  const auto executors = OpenExecutors(options, *loaded.dag);
  if (!executors) return executors.error();

  SchedulerOptions scheduler_options;
  scheduler_options.holder = "dags-test";
  scheduler_options.launch.logs_dir = options.folder + "/logs";
  scheduler_options.launch.programs_dir = options.launcher_path.substr(0, options.launcher_path.rfind('/'));
  scheduler_options.launch.environment = InheritedEnvironment(environ);
  secrets::TaskValues values = ValuesOfEnvironment();
  scheduler_options.launch.connection = [&values](const std::string& id) { return values.Connection(id); };
  scheduler_options.launch.variable = [&values](const std::string& key) { return values.Variable(key); };
  scheduler_options.prober = executors->both.get();
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
  Scheduler scheduler(scheduler_options, store, executors->get(), zones, parse, SystemClock());
  running = &scheduler;
  const SignalGuard guard(scheduler);
  if (const Status done = scheduler.Run(); !done) return done.error();
  return IsFinished(ended) ? ended : RunState::kFailed;
}

}  // namespace pipelined::cli
