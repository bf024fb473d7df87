// Retention of task logs: the thread of a scheduler that looks now and then, and `pipelined logs clean`.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "pipelined/config/settings.h"
#include "pipelined/retention/sweep.h"

namespace pipelined::apps {

SweepRules RulesOf(const Settings& settings);

// Looks soon after the start, then every `logging.retention_interval`. Small steps with pauses, on a connection of its
// own that is there only while it looks.
class LogKeeper {
 public:
  LogKeeper(const Settings& settings, std::string home, std::string database_url);
  ~LogKeeper();  // ends a sweep between two steps
  LogKeeper(const LogKeeper&) = delete;

 private:
  void Run();
  void SweepOnce();
  bool Wait(Micros pause);  // false: it is to end

  const SweepRules rules_;
  const Micros interval_;
  const std::string home_, url_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool stopping_ = false;
  std::thread thread_;  // last: starts when all else is there
};

struct LogsClean {
  SweepRules rules;
  bool dry_run = false, yes = false;
};
int CleanLogs(const LogsClean& what, const std::string& home, const std::string& database_url);

}  // namespace pipelined::apps
