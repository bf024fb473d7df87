// A role's end: SIGTERM and SIGINT, taken by a thread of its own, so that the role's loop needs to know nothing of signals.
#pragma once

#include <functional>
#include <thread>

namespace pipelined::apps {

// Make it before any other thread: they inherit the blocked signals.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();  // ends the thread
  StopSignals(const StopSignals&) = delete;

  // `stop` is called once, on a thread of its own, when the first signal comes. Call at most once.
  void OnSignal(std::function<void()> stop);
  // Until a signal comes; for a role that has no loop of its own. Not together with OnSignal().
  void Wait() const;

 private:
  int signals_, end_;
  std::thread thread_;
};

}  // namespace pipelined::apps
