// Everything on one machine: private PostgreSQL, scheduler, API server, notifier, watched in one poll loop.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <optional>

#include "apps/database.h"
#include "apps/exit_code.h"
#include "apps/home.h"
#include "apps/role_process.h"
#include "apps/roles.h"
#include "apps/service_manager.h"
#include "apps/stop_signals.h"
#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"
#include "pipelined/cluster/private_cluster.h"

namespace pipelined::apps {
namespace {

std::vector<std::string> RoleArguments(const StandaloneOptions& options) {
  std::vector<std::string> arguments = {"--home", options.home};
  if (!options.environment.empty()) arguments.insert(arguments.end(), {"--env", options.environment});
  for (const auto& [name, value] : options.command_line)
    arguments.insert(arguments.end(), {"--set", name + "=" + value});
  return arguments;
}

std::vector<std::string> SchedulerArguments(const StandaloneOptions& options) {
  std::vector<std::string> arguments = RoleArguments(options);
  if (options.stop_tasks) arguments.push_back("--stop-tasks");
  return arguments;
}

class Standalone {
 public:
  Standalone(const Settings& settings, const StandaloneOptions& options, int lock_fd)
      : settings_(settings),
        options_(options),
        roles_{{{"scheduler", SchedulerArguments(options), lock_fd},
                {"api-server", RoleArguments(options), lock_fd},
                {"notifier", RoleArguments(options), lock_fd}}} {}

  int Run() {
    if (const Status begun = Begin(); !begun) {
      End();
      return Report(begun.error());
    }
    while (!exit_code_) Turn();
    End();
    return *exit_code_;
  }

 private:
  RoleProcess& scheduler() { return roles_[0]; }
  RoleProcess& api() { return roles_[1]; }
  // Begins when all is ready: nobody waits for it, and a start does not fail with it.
  static constexpr std::size_t kNotifier = 2;

  Status Begin() {
    std::string url = settings_.database.url;
    if (url.empty()) {
      auto cluster = PrivateCluster::Start(options_.home);
      if (!cluster) return cluster.error();
      cluster_ = std::move(*cluster);
      url = cluster_->url();
    }
    if (const Status migrated = PrepareDatabase(url, options_.home); !migrated) return migrated;
    running_ = {static_cast<int>(getpid()), {}, url};
    if (const Status written = WriteRunning(options_.home, running_); !written) return written;
    for (RoleProcess* role : {&scheduler(), &api()}) {
      if (const Status started = role->Start(); !started) return started;
    }
    // Beside the start of the roles; nothing was promised to anybody so far.
    return cluster_ ? cluster_->WaitDurable() : Ok();
  }

  void Turn() {
    std::array<pollfd, 8> waits{};
    waits[0] = {signals_.fd(), POLLIN, 0};
    waits[1] = {cluster_ ? cluster_->pidfd() : -1, POLLIN, 0};
    for (std::size_t i = 0; i < roles_.size(); ++i) {
      waits[2 + 2 * i] = {roles_[i].pidfd(), POLLIN, 0};
      waits[3 + 2 * i] = {roles_[i].ready_pipe(), POLLIN, 0};
    }
    if (poll(waits.data(), waits.size(), UntilNextStart()) < 0) return;  // interrupted
    if (waits[0].revents != 0) HearSignal();
    if (exit_code_) return;  // what ends now ends because of the stop
    if (waits[1].revents != 0) ReviveCluster();
    for (std::size_t i = 0; i < roles_.size(); ++i) {
      if (waits[3 + 2 * i].revents != 0) HearRole(roles_[i]);
      if (waits[2 + 2 * i].revents != 0) LoseRole(i);
    }
    StartDueRoles();
  }

  // A certificate can be renewed without a stop: the API server reads it again.
  void HearSignal() {
    const int signal = signals_.Take();
    if (signal == SIGHUP && !settings_.api.tls_cert.empty()) return api().Signal(SIGHUP);
    if (signal == SIGHUP && !StopSignals::HangUpEnds())
      return log::Info("SIGHUP: there is no certificate to read again");
    if (signal != 0) exit_code_ = kDone;
  }

  bool IsWanted(std::size_t index) const { return index != kNotifier || announced_; }

  int UntilNextStart() const {
    Micros next = Micros::max();
    for (std::size_t i = 0; i < roles_.size(); ++i) {
      if (!roles_[i].running() && IsWanted(i)) next = std::min(next, next_start_[i]);
    }
    if (next == Micros::max()) return -1;
    return static_cast<int>(std::chrono::ceil<Millis>(std::max(Micros(0), next - SystemClock().Monotonic())).count());
  }

  void HearRole(RoleProcess& role) {
    role.ReadReady();
    if (announced_ || !scheduler().ready() || !api().ready()) return;
    running_.url = api().said();
    // Port 0 means any free one, once: a restarted API server has to be where its clients were told.
    if (settings_.api.port == 0) api().Add({"--set", "api.port=" + running_.url.substr(running_.url.rfind(':') + 1)});
    if (const Status written = WriteRunning(options_.home, running_); !written) {
      exit_code_ = Report(written.error());
      return;
    }
    announced_ = true;
    fmt::print("ready {}\n", running_.url);
    std::fflush(stdout);
    TellServiceManager("READY=1");
  }

  // Before everything was ready a role that ends is a failed start, and it has said why. Later it is a crash.
  void LoseRole(std::size_t index) {
    RoleProcess& role = roles_[index];
    const int code = role.Reap();
    if (!announced_) {
      log::Error("the {} did not start", role.name());
      exit_code_ = code == kDone || code > 125 ? int{kBug} : code;
      return;
    }
    const Micros now = SystemClock().Monotonic();
    next_start_[index] = role.NextStart(now);
    log::Error("the {} ended unexpectedly ({}); it is started again in {}", role.name(),
               code > 128 ? fmt::format("signal {}", code - 128) : fmt::format("exit code {}", code),
               FormatDuration(next_start_[index] - now));
  }

  void StartDueRoles() {
    for (std::size_t i = 0; i < roles_.size(); ++i) {
      if (exit_code_ || !IsWanted(i) || roles_[i].running() || next_start_[i] > SystemClock().Monotonic()) continue;
      if (const Status started = roles_[i].Start(); !started) {
        log::Error("{}", started.error().message);
        next_start_[i] = roles_[i].NextStart(SystemClock().Monotonic());
      }
    }
  }

  void ReviveCluster() {
    log::Error("PostgreSQL ended unexpectedly; it is started again");
    if (const Status revived = cluster_->Revive(); !revived) exit_code_ = Report(revived.error());
  }

  // In the order of dependence: nobody takes requests, nobody schedules, then the database. A second signal is
  // impatience, unless it is a hang-up.
  void End() {
    TellServiceManager("STOPPING=1");
    for (const RoleProcess& role : roles_) role.Signal(SIGTERM);
    const Micros patience = Seconds(30) + (options_.stop_tasks ? settings_.executor.grace : Micros(0));
    const Micros deadline = SystemClock().Monotonic() + patience;
    while (std::any_of(roles_.begin(), roles_.end(), [](const RoleProcess& role) { return role.running(); }))
      WaitForRoles(deadline);
    if (cluster_) {
      if (const Status stopped = cluster_->Stop(); !stopped) log::Error("{}", stopped.error().message);
    }
    RemoveRunning(options_.home);
  }

  void WaitForRoles(Micros deadline) {
    std::array<pollfd, 4> waits{};
    waits[0] = {signals_.fd(), POLLIN, 0};
    for (std::size_t i = 0; i < roles_.size(); ++i) waits[1 + i] = {roles_[i].pidfd(), POLLIN, 0};
    const Micros left = std::max(Micros(0), deadline - SystemClock().Monotonic());
    const int got = poll(waits.data(), waits.size(), static_cast<int>(std::chrono::ceil<Millis>(left).count()));
    const int signal = got > 0 && waits[0].revents != 0 ? signals_.Take() : 0;
    if (got == 0 || (signal != 0 && signal != SIGHUP)) {
      log::Warning("the roles are killed; tasks in flight go on under their supervisors");
      for (const RoleProcess& role : roles_) role.Signal(SIGKILL);
    }
    for (std::size_t i = 0; got > 0 && i < roles_.size(); ++i) {
      if (waits[1 + i].revents != 0) roles_[i].Reap();
    }
  }

  const Settings& settings_;
  const StandaloneOptions& options_;
  const StopSignals signals_;
  std::unique_ptr<PrivateCluster> cluster_;
  std::array<RoleProcess, 3> roles_;
  std::array<Micros, 3> next_start_{};
  Running running_;
  bool announced_ = false;
  std::optional<int> exit_code_;
};

}  // namespace

int RunStandalone(const Settings& settings, const StandaloneOptions& options) {
  if (const Status prepared = PrepareHome(options.home); !prepared) return Report(prepared.error());
  const Result<int> lock = LockHome(options.home);
  if (!lock) return Report(lock.error());
  return Standalone(settings, options, *lock).Run();
}

void SayReady(int ready_fd, const std::string& what) {
  if (ready_fd < 0) return;
  const std::string line = what + "\n";
  (void)!write(ready_fd, line.data(), line.size());
  close(ready_fd);
}

}  // namespace pipelined::apps
