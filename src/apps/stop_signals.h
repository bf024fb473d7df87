// The end of a process: SIGTERM, SIGINT and SIGHUP, taken from a descriptor or by a thread of its own, so that nothing
// else needs to know of signals. A role that has something to read again may take SIGHUP for that.
#pragma once

#include <functional>
#include <thread>

#include "pipelined/base/time.h"

namespace pipelined::apps {

// Make it before any other thread: they inherit the blocked signals.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;

  // For a poll loop: readable when a signal came. Take() takes one and answers its number; 0 when there is none.
  int fd() const { return signals_; }
  int Take() const;

  // `stop` is called once, on a thread of its own, when the first signal comes; never again once Forget() has returned.
  // Not together with the others.
  void OnSignal(std::function<void()> stop);
  void Forget();

  // Whether a hang-up ends a role that has nothing to read again: there the terminal that it was started from is
  // closed. To a service SIGHUP only says "read your settings again".
  static bool HangUpEnds();

  // Until a signal comes, which stays to be taken.
  void Wait() const;
  // The same for at most `patience`: whether one came.
  bool Wait(Micros patience) const;

 private:
  int signals_, end_;
  std::thread thread_;
};

}  // namespace pipelined::apps
