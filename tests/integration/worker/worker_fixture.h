// A WorkerExecutor on a folder of its own, driven as the scheduler drives it.
#pragma once

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "pipelined/base/clock.h"
#include "pipelined/executor/worker_executor.h"
#include "pipelined/schema/json.h"
#include "support/tiny_http_server.h"

namespace pipelined {

// Real processes and servers are looked at every 2 ms until `done`, or for 20 s.
template <class Condition>
bool Eventually(Condition done) {
  const Micros limit = SystemClock().Monotonic() + Seconds(20);
  while (!done()) {
    if (SystemClock().Monotonic() > limit) return false;
    poll(nullptr, 0, 2);
  }
  return true;
}

inline std::string Slurp(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() {
    std::string name = "/tmp/worker-test-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    options_.attempts_dir = folder_;
    options_.worker_path = PIPELINED_BIN_DIR "/pipelined-worker";
    options_.instance = "11111111-2222-4333-8444-555555555555";
    options_.boot_id = "this boot";
  }
  ~WorkerTest() override {
    executor_.reset();
    server_.Release();
    for (const pid_t pid : Workers()) kill(pid, SIGKILL);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::unique_ptr<WorkerExecutor> OpenAnother() {
    auto opened = WorkerExecutor::Open(options_);
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  // The daemon goes, and another one comes.
  WorkerExecutor& Open() {
    executor_.reset();
    executor_ = OpenAnother();
    ends_.clear();
    return *executor_;
  }
  WorkerExecutor& executor() { return executor_ ? *executor_ : Open(); }

  AttemptStart Attempt(std::int64_t id, const std::string& action) const {
    AttemptStart start;
    start.attempt = AttemptId{id};
    start.log_path = LogPath(id);
    start.action = *ParseJson(action);
    return start;
  }
  AttemptStart Get(std::int64_t id, const std::string& path) const {
    return Attempt(id, R"({"http": {"url": ")" + server_.Url(path) + R"("}})");
  }
  void Start(AttemptStart start) {
    std::vector<AttemptStart> starts;
    starts.push_back(std::move(start));
    executor().Start(std::move(starts));
  }
  AttemptEnd Await(std::int64_t id) {
    EXPECT_TRUE(Eventually([&] {
      for (AttemptEnd& end : executor().Ended()) {
        const std::int64_t ended = end.attempt.value;
        EXPECT_TRUE(ends_.emplace(ended, std::move(end)).second) << "attempt " << ended << " was reported twice";
      }
      return ends_.contains(id);
    })) << "attempt "
        << id << " did not end";
    return ends_[id];
  }
  AttemptEnd Run(AttemptStart start) {
    const std::int64_t id = start.attempt.value;
    Start(std::move(start));
    return Await(id);
  }
  AttemptEnd RunAction(const std::string& action) { return Run(Attempt(next_++, action)); }

  AttemptLiveness ReattachOne(std::int64_t id) {
    return executor().Reattach({OpenAttempt{AttemptId{id}, options_.instance, options_.boot_id}}).at(0).liveness;
  }

  // Processes of workers that live.
  std::vector<pid_t> Workers() const {
    std::vector<pid_t> pids;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/worker", none)) {
      const std::string name = entry.path().filename();
      if (!name.starts_with("w-") || name.ends_with(".sock")) continue;
      const pid_t pid = std::atoi(Slurp(entry.path()).c_str());
      const std::string stat = pid > 0 ? Slurp("/proc/" + std::to_string(pid) + "/stat") : "";
      if (!stat.empty() && stat.find(") Z") == std::string::npos) pids.push_back(pid);
    }
    return pids;
  }
  std::size_t CountFiles(const std::string& prefix) const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/worker"))
      count += entry.path().filename().string().starts_with(prefix) ? 1 : 0;
    return count;
  }
  std::string LogPath(std::int64_t id) const { return folder_ + "/logs/" + std::to_string(id) + ".log"; }
  std::string Log(std::int64_t id) const { return Slurp(LogPath(id)); }

  std::string folder_;
  WorkerExecutorOptions options_;
  pipelined::testing::TinyHttpServer server_;
  std::unique_ptr<WorkerExecutor> executor_;
  std::map<std::int64_t, AttemptEnd> ends_;
  std::int64_t next_ = 1000;
};

}  // namespace pipelined
