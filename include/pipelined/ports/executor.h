// Where attempts run: the seam between deciding and running. Implementations: executor/local, and a fake for tests and
// simulation. Every implementation passes tests/contract/executor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipelined/base/ids.h"
#include "pipelined/base/time.h"
#include "pipelined/base/value.h"

namespace pipelined {

// A command that is ready to run: rendered, with its whole environment. Or an action that needs no process: then
// argv, env, working_dir and run_as_user are empty.
struct AttemptStart {
  AttemptId attempt;
  std::int64_t epoch = 0;         // the leader's; starts of an older one are refused
  std::vector<std::string> argv;  // never empty; argv[0] is looked up in `env`'s PATH
  std::vector<std::pair<std::string, std::string>>
      env;                             // the complete environment, but for PIPELINED_OUTPUT, which the executor adds
  std::string working_dir;             // absolute
  std::optional<std::string> input;    // what it reads on its standard input; neither: nothing
  std::string input_path;              // the file that it reads there; from working_dir, opened as its user
  std::optional<std::uint32_t> umask;  // nothing: the daemon's own, as of `nice`
  std::optional<std::int32_t> nice;
  std::string log_path;                   // absolute; its folders are made with the file, at the first byte
  std::vector<std::string> secrets = {};  // the log has "***" in their place; the longest first
  std::string run_as_user;                // empty: the daemon's own
  Micros timeout{0};                      // 0: none
  Millis grace{10'000};                   // between TERM and KILL
  Value action;                           // {"http": {…}}: what to do instead of a command; null: a command
};

enum class AttemptOutcome : std::uint8_t {
  kSucceeded,     // exit code 0, and its outputs could be read
  kFailed,        // exit code other than 0, or killed by a signal from elsewhere
  kTimedOut,      // execution_timeout: stopped by the supervisor
  kStopped,       // stopped because Stop() was called
  kLaunchFailed,  // no process came into being: no such command, folder or user
  kBadOutput,     // exit code 0, but what it wrote to $PIPELINED_OUTPUT is no JSON object or too large
  kLost,          // cannot be known: supervisor killed, host restarted
};

struct AttemptEnd {
  AttemptId attempt;
  AttemptOutcome outcome = AttemptOutcome::kFailed;
  int exit_code = 0;  // valid when signal == 0 and a process ran
  int signal = 0;     // of a command that died of one
  Instant start{};    // of the command
  Instant end{};
  Micros duration{0};  // monotonic
  Micros cpu_user{0}, cpu_system{0};
  std::int64_t max_rss_kib = 0;
  std::int64_t pid = 0;  // the command's, for the record only: never signalled
  std::string
      message;    // why, in words, when not kSucceeded: "exit code 3", "killed by SIGKILL", "no such command: foo"
  Value outputs;  // a map (each top-level key is one XCom entry) or null
  bool is_final = false;  // a failure that another try would only repeat
};

enum class AttemptLiveness : std::uint8_t {
  kRunning,     // its supervisor is alive and now watched; Ended() will report it
  kEnded,       // an exit record was found; Ended() reports it
  kNotStarted,  // same instance, same boot and no record: Start() it
  kLost,        // Ended() does not report it
  kForeign,     // of another executor instance: leave it alone
};

// An attempt that is open in the store, as it was committed.
struct OpenAttempt {
  AttemptId attempt;
  std::string instance;  // executor instance that it was given to
  std::string boot_id;   // of its host at the commit
  RunId run = {};        // whose it is, and the task's place in that
  std::uint32_t task = 0;
  std::int32_t map_index = -1;
};

struct AttemptStatus {
  AttemptId attempt;
  AttemptLiveness liveness = AttemptLiveness::kLost;
};

// One per scheduler; all calls from the scheduler's thread.
class Executor {
 public:
  virtual ~Executor() = default;

  // Who this executor is: stored with each attempt before it is started. Constant for its life.
  virtual const std::string& instance() const = 0;  // UUID of its attempts folder
  virtual const std::string& boot_id() const = 0;   // of this host

  // Starts attempts, each of which must already be stored. Starting the same id twice is harmless. Returns at once: a
  // spawn that fails is reported by Ended() as kLaunchFailed, like any other end.
  virtual void Start(std::vector<AttemptStart> attempts) = 0;

  // TERM to the attempt's process group now, KILL after its grace. Unknown ids are ignored: they have ended.
  virtual void Stop(AttemptId attempt) = 0;

  // Ends since the last call, in the order in which they happened, each once. Never blocks.
  virtual std::vector<AttemptEnd> Ended() = 0;
  virtual int PollFd() const = 0;  // readable when Ended() may have something; for the scheduler's epoll

  // The ends of these attempts are stored for good: their records and output files may go.
  virtual void Forget(const std::vector<AttemptId>& attempts) = 0;

  // After a restart: what is known of each attempt that the store holds open. Never guesses.
  virtual std::vector<AttemptStatus> Reattach(const std::vector<OpenAttempt>& open) = 0;
};

}  // namespace pipelined
