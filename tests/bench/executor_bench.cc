// bench_executor [rounds] [attempts] [in flight]: LocalExecutor against bare posix_spawn of the same command, in
// alternating rounds; prints each round, the medians and their ratio.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"
#include "pipelined/executor/local_executor.h"

namespace pipelined {
namespace {

struct Load {
  int attempts, in_flight;
  std::string command, stamp_file;
};

double PerSecond(int count, Micros since) {
  return count * 1e6 / static_cast<double>((SystemClock().Monotonic() - since).count());
}

double SpawnBare(const Load& load) {
  std::string file = "STAMP_FILE=" + load.stamp_file;
  std::string command = load.command, label = "bare";
  char* argv[] = {command.data(), label.data(), nullptr};
  char* envp[] = {file.data(), nullptr};
  const Micros begin = SystemClock().Monotonic();
  int started = 0, ended = 0;
  while (ended < load.attempts) {
    while (started < load.attempts && started - ended < load.in_flight) {
      pid_t pid = 0;
      if (posix_spawn(&pid, command.c_str(), nullptr, nullptr, argv, envp) != 0) std::abort();
      ++started;
    }
    if (waitpid(-1, nullptr, 0) > 0) ++ended;
  }
  return PerSecond(load.attempts, begin);
}

double RunAttempts(const Load& load, LocalExecutor& executor, std::int64_t* next_id) {
  const Micros begin = SystemClock().Monotonic();
  int started = 0, ended = 0;
  while (ended < load.attempts) {
    std::vector<AttemptStart> batch;
    while (started < load.attempts && started - ended < load.in_flight) {
      AttemptStart start;
      start.attempt = AttemptId{(*next_id)++};
      start.argv = {load.command, "attempt"};
      start.env = {{"STAMP_FILE", load.stamp_file}};
      start.working_dir = "/";
      start.log_path = fmt::format("{}.logs/{}.log", load.stamp_file, start.attempt.value);
      batch.push_back(std::move(start));
      ++started;
    }
    if (!batch.empty()) executor.Start(std::move(batch));
    pollfd wake{executor.PollFd(), POLLIN, 0};
    poll(&wake, 1, -1);
    std::vector<AttemptId> done;
    for (const AttemptEnd& end : executor.Ended()) {
      if (end.outcome != AttemptOutcome::kSucceeded) fmt::print("attempt failed: {}\n", end.message);
      done.push_back(end.attempt);
    }
    ended += static_cast<int>(done.size());
    executor.Forget(done);
  }
  return PerSecond(load.attempts, begin);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int Main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
  log::SetLevel(log::Level::kError);
  char folder[] = "/tmp/bench-executor-XXXXXX";
  if (mkdtemp(folder) == nullptr) return 70;
  const Load load{argc > 2 ? std::atoi(argv[2]) : 2000, argc > 3 ? std::atoi(argv[3]) : 16, PIPELINED_BIN_DIR "/stamp",
                  std::string(folder) + "/stamps"};
  LocalExecutorOptions options;
  options.attempts_dir = std::string(folder) + "/attempts";
  options.launcher_path = PIPELINED_BIN_DIR "/pipelined-launcher";
  options.installation_id = "00000000-0000-4000-8000-000000000001";
  auto executor = LocalExecutor::Open(options);
  if (!executor) {
    fmt::print("{}\n", executor.error().message);
    return 1;
  }
  std::int64_t next_id = 1;
  std::vector<double> bare, attempts, ratios;
  for (int round = 0; round < rounds; ++round) {
    bare.push_back(SpawnBare(load));
    attempts.push_back(RunAttempts(load, **executor, &next_id));
    ratios.push_back(attempts.back() / bare.back());
    fmt::print("round {}: posix_spawn {:.0f}/s, LocalExecutor {:.0f}/s, ratio {:.2f}\n", round + 1, bare.back(),
               attempts.back(), ratios.back());
  }
  fmt::print("median: posix_spawn {:.0f}/s, LocalExecutor {:.0f}/s, ratio of rounds {:.2f}\n", Median(bare),
             Median(attempts), Median(ratios));
  executor->reset();
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace pipelined

int main(int argc, char** argv) {
  return pipelined::Main(argc, argv);
}
