// bench_worker http|sql FOLDER [attempts] [in flight]: actions through WorkerExecutor, to a server of this program or
// a PostgreSQL of its own; prints attempts per second. What it writes stays in FOLDER, which is made: a file system may
// be slow at making files when many were removed just before.
// bench_worker serve: is the server alone, for tasks; prints its URL and ends with its standard input.
#include <fmt/format.h>
#include <poll.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"
#include "pipelined/executor/worker_executor.h"
#include "support/postgres_fixture.h"
#include "support/tiny_http_server.h"

namespace pipelined {
namespace {

double PerSecond(int count, Micros since) {
  return count * 1e6 / static_cast<double>((SystemClock().Monotonic() - since).count());
}

double RunAttempts(WorkerExecutor& executor, const Value& action, const std::string& folder, int attempts,
                   int in_flight) {
  const Micros begin = SystemClock().Monotonic();
  int started = 0, ended = 0;
  while (ended < attempts) {
    std::vector<AttemptStart> batch;
    while (started < attempts && started - ended < in_flight) {
      AttemptStart start;
      start.attempt = AttemptId{++started};
      start.log_path = fmt::format("{}/logs/{}.log", folder, started);
      start.action = action;
      batch.push_back(std::move(start));
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
  return PerSecond(attempts, begin);
}

Value SqlAction() {
  const std::string url = testing::PostgresFixture::Shared().url();  // host=… user=pipe dbname=postgres …
  const Value connection(Value::Map{{"conn_type", "postgres"},
                                    {"host", url.substr(5, url.find(' ') - 5)},
                                    {"login", "pipe"},
                                    {"schema", "postgres"}});
  const Value::List statements{Value::Map{{"text", "select 1"}}};
  return Value::Map{{"sql", Value::Map{{"connection", connection}, {"statements", statements}}}};
}

int Serve() {
  const testing::TinyHttpServer server;
  fmt::print("{}\n", server.Url("/"));
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  return 0;
}

int Main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "serve") return Serve();
  const bool sql = argc > 1 && std::string_view(argv[1]) == "sql";
  if (argc < 3) return 64;
  const std::string folder = argv[2];
  const int attempts = argc > 3 ? std::atoi(argv[3]) : 10'000, in_flight = argc > 4 ? std::atoi(argv[4]) : 100;
  log::SetLevel(log::Level::kError);
  std::filesystem::create_directories(folder);
  testing::TinyHttpServer server;
  WorkerExecutorOptions options;
  options.attempts_dir = folder;
  options.worker_path = PIPELINED_BIN_DIR "/pipelined-worker";
  options.instance = options.boot_id = "bench";
  auto executor = WorkerExecutor::Open(options);
  if (!executor) {
    fmt::print("{}\n", executor.error().message);
    return 1;
  }
  const Value action = sql ? SqlAction() : Value(Value::Map{{"http", Value::Map{{"url", server.Url("/")}}}});
  fmt::print("{:.0f}\n", RunAttempts(**executor, action, folder, attempts, in_flight));
  executor->reset();
  return 0;
}

}  // namespace
}  // namespace pipelined

int main(int argc, char** argv) {
  return pipelined::Main(argc, argv);
}
