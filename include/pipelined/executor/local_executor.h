// Runs attempts on this host, each under a supervisor process that outlives the daemon; see docs/architecture.md. One
// folder (`attempts/`) is one executor instance: its journal says what became of each attempt, and its byte locks say
// which are alive.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "pipelined/base/result.h"
#include "pipelined/ports/executor.h"

namespace pipelined {

struct LocalExecutorOptions {
  std::string attempts_dir;     // absolute; made when missing
  std::string launcher_path;    // of the binary pipelined-launcher
  std::string installation_id;  // of the database (a UUID): a journal of another one is set aside
  std::int64_t epoch = 0;       // the leader's, when known; each start brings its own as well
  std::int64_t log_cap_bytes = std::int64_t{64} << 20;        // per attempt: what is beyond keeps its last 64 KiB
  std::int64_t journal_rotate_bytes = std::int64_t{4} << 20;  // size at which the next journal takes over
  bool no_new_privs = true;                                   // tasks gain no rights through setuid programs (sudo)
  std::string cgroup_dir;  // a writable cgroup v2 folder for the attempts' own cgroups; empty: none
};

// Not thread-safe, as every Executor; makes no threads.
class LocalExecutor : public Executor {
 public:
  // Takes the folder and starts the launcher. kConflict: another live daemon on this host has the folder. kInvalid: an
  // option is unusable. kUnavailable: the folder cannot be used or the launcher does not start.
  static Result<std::unique_ptr<LocalExecutor>> Open(const LocalExecutorOptions& options);
};

// The cgroup v2 folder below which this process may make cgroups (as systemd's Delegate=yes gives), or an empty text.
// Makes the folder `attempts` in it.
std::string DelegatedCgroup();

}  // namespace pipelined
