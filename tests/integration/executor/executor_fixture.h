// A LocalExecutor on a folder of its own, driven as the scheduler drives it: start, wait on PollFd(), take the ends.
#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/executor/local_executor.h"

namespace pipelined {

inline constexpr const char* kInstallation = "11111111-2222-4333-8444-555555555555";

// Real processes are waited for by descriptor or, where there is none, by looking every 2 ms until `done` or 20 s.
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

// Whether a process runs (a zombie does not) whose command line contains `text`.
inline bool IsRunning(const std::string& text) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos || name == std::to_string(getpid())) continue;
    std::string line = Slurp(entry.path() / "cmdline");
    for (char& c : line) c = c == '\0' ? ' ' : c;
    if (line.find(text) != std::string::npos) return true;
  }
  return false;
}

class ExecutorTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/executor-test-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    chmod(path, 0711);
    folder_ = path;
    options_.attempts_dir = folder_ + "/attempts";
    options_.launcher_path = PIPELINED_BIN_DIR "/pipelined-launcher";
    options_.installation_id = kInstallation;
  }
  void TearDown() override {
    executor_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  LocalExecutor& Open() {
    executor_.reset();
    auto opened = LocalExecutor::Open(options_);
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    executor_ = std::move(*opened);
    return *executor_;
  }
  LocalExecutor& executor() { return executor_ ? *executor_ : Open(); }

  AttemptStart Attempt(std::int64_t id, std::vector<std::string> argv) const {
    AttemptStart start;
    start.attempt = AttemptId{id};
    start.argv = std::move(argv);
    start.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HERE", folder_}};
    start.working_dir = "/";
    start.log_path = LogPath(id);
    start.grace = Millis(200);
    return start;
  }
  AttemptStart Shell(std::int64_t id, const std::string& script) const {
    return Attempt(id, {"/bin/sh", "-c", script});
  }

  // The end of `id`. Ends of others that come before it are kept for their turn.
  AttemptEnd Await(std::int64_t id) {
    const Micros limit = SystemClock().Monotonic() + Seconds(60);
    while (ends_.count(id) == 0) {
      if (SystemClock().Monotonic() > limit) {
        ADD_FAILURE() << "attempt " << id << " did not end";
        return {};
      }
      pollfd wake{executor().PollFd(), POLLIN, 0};
      poll(&wake, 1, 1000);
      for (AttemptEnd& end : executor().Ended()) {
        const std::int64_t ended = end.attempt.value;
        EXPECT_TRUE(ends_.emplace(ended, std::move(end)).second) << "attempt " << ended << " was reported twice";
      }
    }
    return ends_.at(id);
  }
  AttemptEnd Run(AttemptStart start) {
    const std::int64_t id = start.attempt.value;
    std::vector<AttemptStart> starts;
    starts.push_back(std::move(start));
    executor().Start(std::move(starts));
    return Await(id);
  }
  AttemptEnd RunShell(const std::string& script) { return Run(Shell(next_id_++, script)); }
  void Start(AttemptStart start) { executor().Start({std::move(start)}); }

  OpenAttempt OpenOf(std::int64_t id) { return {AttemptId{id}, executor().instance(), executor().boot_id()}; }
  AttemptLiveness ReattachOne(std::int64_t id) { return executor().Reattach({OpenOf(id)}).at(0).liveness; }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::string LogPath(std::int64_t id) const { return folder_ + "/logs/deep/er/" + std::to_string(id) + ".log"; }
  std::string Log(std::int64_t id) const { return Slurp(LogPath(id)); }

  std::string folder_;
  LocalExecutorOptions options_;
  std::unique_ptr<LocalExecutor> executor_;
  std::map<std::int64_t, AttemptEnd> ends_;
  std::int64_t next_id_ = 1;
};

}  // namespace pipelined
