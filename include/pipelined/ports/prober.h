// Asking the outside world a question without an attempt: is a port open, what does a URL or a query answer, how does a
// command end? For sensors. A probe is not journaled: after a restart it is asked again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipelined/base/value.h"

namespace pipelined {

struct ProbeResult {
  std::int64_t id = 0;
  bool answered = false;  // false: could not be asked
  Value value;
  std::string error;
};

// One per scheduler; all calls from the scheduler's thread.
class Prober {
 public:
  virtual ~Prober() = default;

  // Whoever asks leads with this epoch from now on: commands of an older one are refused (Executor::Start()).
  virtual void Lead(std::int64_t epoch) = 0;

  // Asks `job`, a map with one key, and answers with a value of that kind:
  //   {"http": {…}}, {"sql": {…}}, rendered as an action: {"ok": whether the answer is as expected, "why": why not,
  //       "outputs"}; the first value of the first row
  //   {"port": {"host", "port"}}: whether it is open
  //   {"command": {"argv", "env", "working_dir", "run_as_user", "log", "timeout"}}: {"ok": whether its exit code is 0,
  //       "why", "outputs"}. `env` goes on top of what every command inherits; `timeout` in microseconds
  // `secrets`, as of SecretMask::Forms(), are hidden in what is said of the answer, not in its outputs.
  // Returns at once; every probe is answered, once, unless it is dropped. An id that is under way is not asked again.
  virtual void Probe(std::int64_t id, Value job, std::vector<std::string> secrets) = 0;

  // Nobody wants the answer any more: what is under way for it is stopped. Unknown ids are ignored. The id may be used
  // again at once.
  virtual void Drop(std::int64_t id) = 0;

  // Answers since the last call. Never blocks.
  virtual std::vector<ProbeResult> Probed() = 0;
  virtual int PollFd() const = 0;  // readable when Probed() may have something
};

}  // namespace pipelined
