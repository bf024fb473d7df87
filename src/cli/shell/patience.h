// Asking a server again and again that may be restarted meanwhile.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/session/session.h"
#include "pipelined/base/time.h"

namespace pipelined::cli {

class PatientSession {
 public:
  explicit PatientSession(const Session& session) : session_(session) {}

  // One try. Nothing when the server cannot be reached: the caller waits and asks again, until it has been away for
  // kGivesUpAfter; then, and for everything else that goes wrong, the error. After a failure the server is looked for
  // anew: a local one may have another address.
  std::optional<Result<Value>> Get(const std::string& path);

  // How long it has been away; nothing while it answers.
  std::optional<Micros> AwayFor() const;
  const Session& session() const { return session_; }

  static constexpr Micros kGivesUpAfter = std::chrono::minutes(10);

 private:
  Session session_;
  std::optional<Micros> away_since_;
};

// Says once that the server is away and once that it is back, on standard error, a line each.
class AwayNotice {
 public:
  void Say(const PatientSession& session);

 private:
  bool said_ = false;
};

// While it lives, an interrupt (Ctrl-C) prints `farewell` before it ends the program, as it does without.
class InterruptNotice {
 public:
  explicit InterruptNotice(const std::string& farewell);
  ~InterruptNotice();
  InterruptNotice(const InterruptNotice&) = delete;
  InterruptNotice& operator=(const InterruptNotice&) = delete;
};

}  // namespace pipelined::cli
