#include <cstdlib>
#include <memory>

#include "apps/exit_code.h"
#include "apps/home.h"
#include "apps/log_keeper.h"
#include "apps/roles.h"
#include "apps/scheduler_metrics.h"
#include "apps/sources.h"
#include "apps/stop_signals.h"
#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"
#include "pipelined/dagfile/load.h"
#include "pipelined/executor/local_executor.h"
#include "pipelined/executor/worker_executor.h"
#include "pipelined/scheduler/dag_loader.h"
#include "pipelined/scheduler/scheduler.h"
#include "pipelined/secrets/home_keys.h"
#include "pipelined/secrets/task_values.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "pipelined/zoneinfo/system_zones.h"

extern char** environ;

namespace pipelined::apps {
namespace {

LocalExecutorOptions ExecutorOptions(const Settings& settings, const RoleContext& context, std::string installation) {
  LocalExecutorOptions options;
  options.attempts_dir = context.home + "/attempts";
  options.launcher_path = ProgramFolder() + "/pipelined-launcher";
  options.installation_id = std::move(installation);
  options.log_cap_bytes = settings.executor.log_cap;
  options.cgroup_dir = DelegatedCgroup();
  return options;
}

// The attempts folder belongs to one process at a time. Another scheduler of this home, living or just dying, has it:
// this one stands by until it is free. Nothing: a signal came first.
Result<std::unique_ptr<LocalExecutor>> OpenExecutor(const LocalExecutorOptions& options, const StopSignals& signals) {
  bool said = false;
  for (;;) {
    auto executor = LocalExecutor::Open(options);
    if (executor || executor.error().code != ErrorCode::kConflict) return executor;
    if (signals.Wait(said ? Seconds(1) : Millis(50))) return std::unique_ptr<LocalExecutor>();
    if (!said) log::Info("another scheduler of this home is at work; this one stands by");
    said = true;
  }
}

WorkerExecutorOptions WorkerOptions(const LocalExecutorOptions& local, const Executor& commands) {
  WorkerExecutorOptions options;
  options.attempts_dir = local.attempts_dir;
  options.worker_path = ProgramFolder() + "/pipelined-worker";
  options.instance = commands.instance();
  options.boot_id = commands.boot_id();
  options.log_cap_bytes = local.log_cap_bytes;
  return options;
}

secrets::TaskValues::Options ValueOptions(const Settings& settings, const RoleContext& context) {
  secrets::TaskValues::Options options;
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* text = std::getenv(name.c_str());
    return text == nullptr ? std::nullopt : std::optional<std::string>(text);
  };
  options.variables_file = InHome(context.home, settings.core.variables_file);
  options.connections_file = InHome(context.home, settings.core.connections_file);
  options.keys = [&settings, home = context.home] { return secrets::ReadKeys(home, settings.core.encryption_keys); };
  return options;
}

SchedulerOptions MakeOptions(const Settings& settings, const RoleContext& context, const Executor& executor) {
  SchedulerOptions options;
  // Not the process but the attempts folder, which one process at a time has: a killed scheduler's successor takes its
  // lease at once instead of waiting for its end.
  options.holder = executor.instance();
  options.limits.parallelism = static_cast<std::int32_t>(settings.core.parallelism);
  options.limits.max_map_length = static_cast<std::uint32_t>(settings.core.max_map_length);
  options.limits.aging =
      AgingRule{settings.scheduler.aging_after, static_cast<std::int32_t>(settings.scheduler.aging_every)};
  options.notifications = settings.features.notifications;
  options.lease_ttl = settings.scheduler.lease_ttl;
  options.launch.logs_dir = context.home + "/logs";
  options.launch.programs_dir = ProgramFolder();
  options.launch.venvs_dir = context.home + "/venvs";
  options.launch.grace = std::chrono::duration_cast<Millis>(settings.executor.grace);
  options.launch.environment = InheritedEnvironment(environ);
  return options;
}

DagLoaderOptions LoaderOptions(const Settings& settings, const RoleContext& context) {
  DagLoaderOptions options;
  options.folder.roots = settings.core.dags_folder;
  options.folder.rescan = settings.scheduler.rescan_interval;
  options.standby_after = settings.scheduler.lease_ttl + Seconds(2);
  options.on_at_work = [fd = context.ready_fd] { SayReady(fd, "loading"); };
  return options;
}

}  // namespace

int RunScheduler(const Settings& settings, const RoleContext& context) {
  StopSignals signals;  // before every thread
  StoreOptions where;
  where.url = context.database_url;
  if (const Result<SchemaState> schema = CheckMigrations(where); !schema) return Report(schema.error());
  Result<std::string> installation = InstallationId(where);
  if (!installation) return Report(installation.error());

  const LocalExecutorOptions local = ExecutorOptions(settings, context, std::move(*installation));
  const auto commands = OpenExecutor(local, signals);
  if (!commands) return Report(commands.error());
  if (*commands == nullptr) return kDone;
  const auto actions = WorkerExecutor::Open(WorkerOptions(local, **commands));
  if (!actions) return Report(actions.error());
  LookOptions looks;
  looks.environment = InheritedEnvironment(environ);
  looks.grace = std::chrono::duration_cast<Millis>(settings.executor.grace);
  const std::unique_ptr<RoutingExecutor> executor = MakeRoutingExecutor(**commands, **actions, std::move(looks));

  const SystemZones zones;
  const std::unique_ptr<Store> store = MakePgStore(where, SystemClock());
  const std::unique_ptr<DagPublisher> publisher = MakePgPublisher(where);
  DagLoader* loader_of_leader = nullptr;
  SchedulerOptions options = MakeOptions(settings, context, *executor);
  StoreOptions few = where;
  few.catalog_connections = 1;
  few.patience = Seconds(2);  // the scheduler itself waits
  const std::unique_ptr<Catalog> catalog = MakePgCatalog(few);
  secrets::TaskValues values(ValueOptions(settings, context), &catalog->vault(), SystemClock());
  options.prober = executor.get();
  options.launch.connection = [&values](const std::string& id) { return values.Connection(id); };
  options.launch.variable = [&values](const std::string& key) { return values.Variable(key); };
  SchedulerMetrics metrics(SchedulerMetricsFile(context.home), SystemClock());
  options.on_lead = [&](std::int64_t epoch) {
    metrics.Lead(true);
    loader_of_leader->Lead(epoch);
  };
  options.on_step_down = [&] {
    metrics.Lead(false);
    loader_of_leader->StepDown();
  };
  options.on_plan = [&](const Plan& plan) { metrics.Stored(plan); };
  options.on_turn = [&](Micros turn, Micros in_the_store) { metrics.Turned(turn, in_the_store); };
  Scheduler scheduler(
      std::move(options), *store, *executor, zones,
      [&zones](const DagSource& source) { return ParseSource(source, zones); }, SystemClock());
  DagLoader loader(LoaderOptions(settings, context), *publisher, scheduler, zones);
  loader_of_leader = &loader;
  const LogKeeper keeper(settings, context.home, context.database_url);
  signals.OnSignal([&] { scheduler.Stop(context.stop_tasks); });
  const Status ended = scheduler.Run();
  signals.Forget();  // before the scheduler goes
  return ended ? int{kDone} : Report(ended.error());
}

}  // namespace pipelined::apps
