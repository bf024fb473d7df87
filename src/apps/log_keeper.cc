#include "apps/log_keeper.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "apps/exit_code.h"
#include "apps/progress_line.h"
#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/run_logs.h"

namespace pipelined::apps {
namespace {

constexpr Micros kFirstLook = Seconds(5);
constexpr Micros kPause = Millis(10);  // between two steps of a daemon: it is in no hurry

StoreOptions At(const std::string& url) {
  StoreOptions where;
  where.url = url;
  return where;
}

std::string Words(const SweepCounts& counts) {
  return fmt::format("the logs of {} runs, and of {} runs that are no more: {} files, {} bytes", counts.runs,
                     counts.orphans, counts.files, counts.bytes);
}

}  // namespace

SweepRules RulesOf(const Settings& settings) {
  return {settings.logging.retention, settings.logging.retention_runs, settings.features.log_retention};
}

LogKeeper::LogKeeper(const Settings& settings, std::string home, std::string database_url)
    : rules_(RulesOf(settings)),
      interval_(settings.logging.retention_interval),
      home_(std::move(home)),
      url_(std::move(database_url)),
      thread_([this] { Run(); }) {}

LogKeeper::~LogKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_all();
  thread_.join();
}

bool LogKeeper::Wait(Micros pause) {
  std::unique_lock lock(mutex_);
  return !woken_.wait_for(lock, pause, [this] { return stopping_; });
}

void LogKeeper::Run() {
  for (Micros pause = std::min(kFirstLook, interval_); Wait(pause); pause = interval_) SweepOnce();
}

void LogKeeper::SweepOnce() {
  const std::unique_ptr<RunLogs> runs = MakePgRunLogs(At(url_));
  const Sweep sweep{home_ + "/logs", rules_, false, [this](const SweepCounts&) { return Wait(kPause); }};
  const Result<SweepCounts> done = SweepLogs(sweep, *runs, SystemClock());
  if (!done) return log::Warning("old logs stay for now: {}", done.error().message);
  if (done->runs + done->orphans > 0) log::Info("removed {}", Words(*done));
}

int CleanLogs(const LogsClean& what, const std::string& home, const std::string& database_url) {
  if (!what.rules.any())
    return Report(Error{ErrorCode::kInvalid, "no rule says which logs are to go",
                        "set logging.retention or logging.retention_runs, or say --older-than or --keep-runs"});
  if (!what.dry_run && !what.yes)
    return Report(Error{ErrorCode::kInvalid, "nothing was removed", "look with --dry-run first, then say --yes"});
  if (const Result<SchemaState> state = CheckMigrations(At(database_url)); !state) return Report(state.error());
  const std::unique_ptr<RunLogs> runs = MakePgRunLogs(At(database_url));
  ProgressLine progress;
  const Sweep sweep{home + "/logs", what.rules, what.dry_run, [&](const SweepCounts& so_far) {
                      progress.Say([&] { return fmt::format("{} so far", Words(so_far)); });
                      return true;
                    }};
  const Result<SweepCounts> done = SweepLogs(sweep, *runs, SystemClock());
  if (!done) return Report(done.error());
  fmt::print("{}: {}; those of {} runs stay\n", what.dry_run ? "would be removed" : "removed", Words(*done),
             done->kept);
  return kDone;
}

}  // namespace pipelined::apps
