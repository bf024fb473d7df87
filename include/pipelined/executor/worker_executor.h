// Actions that cost no process of their own (http, sql …), done by `pipelined-worker`: one process beside the daemon,
// which outlives it as the supervisors of commands do. See docs/architecture.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "pipelined/base/result.h"
#include "pipelined/ports/executor.h"
#include "pipelined/ports/prober.h"

namespace pipelined {

struct WorkerExecutorOptions {
  std::string attempts_dir;       // that of the LocalExecutor, which must be open: it keeps other daemons out
  std::string worker_path;        // of the binary pipelined-worker
  std::string instance, boot_id;  // the LocalExecutor's
  std::int64_t log_cap_bytes = std::int64_t{64} << 20;        // for each attempt
  std::int64_t journal_rotate_bytes = std::int64_t{8} << 20;  // size at which the next journal takes over
  Millis fence_patience{2'000};  // an older worker that is stopped at the fence is killed after it
};

// Not thread-safe, as every Executor; makes no threads. Starts without an action are not for it.
class WorkerExecutor : public Executor, public Prober {
 public:
  // Takes over what older workers do. One of its own is started when there is something to do. kUnavailable: the folder
  // cannot be used, or there is no such program.
  static Result<std::unique_ptr<WorkerExecutor>> Open(const WorkerExecutorOptions& options);

  // Whether it was given this attempt, now or by an earlier daemon, and it is not forgotten.
  virtual bool Knows(AttemptId attempt) const = 0;
  // Readable when Ended() or Probed() may have something.
  int PollFd() const override = 0;
};

// Starts with an action go to `actions`, others to `commands`; both have one identity and live as long as it.
std::unique_ptr<Executor> MakeRoutingExecutor(Executor& commands, WorkerExecutor& actions);

}  // namespace pipelined
