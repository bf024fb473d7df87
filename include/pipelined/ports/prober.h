// Asking the outside world a question without an attempt: is a port open, what does a URL or a query answer? For
// sensors. A probe is not journaled: after a restart it is asked again.
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

  // Asks `job`, a map with one key, rendered as an action: {"http": {…}} (value: {"status", "ok": whether it is as
  // expected, "why": why not, "outputs"}), {"sql": {…}} (value: the first one of the first row) or {"port": {"host": …,
  // "port": …}} (value: whether it is open). Returns at once; every probe is answered, once.
  virtual void Probe(std::int64_t id, Value job) = 0;

  // Answers since the last call. Never blocks.
  virtual std::vector<ProbeResult> Probed() = 0;
  virtual int PollFd() const = 0;  // readable when Probed() may have something
};

}  // namespace pipelined
