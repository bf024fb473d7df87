// What answers rest on that go on for long: that their caller may still have them, that the try still runs whose log
// they follow. One thread asks after each, now and then, and once for all answers that rest on the same. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"

namespace pipelined::api {

class Premises {
 public:
  static constexpr Micros kEvery = Seconds(30);

  using Holds = std::function<Result<bool>()>;  // may block; an error: not known, is asked again
  using Fell = std::function<void()>;           // must not block

  ~Premises() { Stop(); }

  // One more answer that rests on what `about` names. When that is found not to hold any more `fell` is called, once,
  // by the thread and with no lock held.
  std::uint64_t Join(const std::string& about, Holds holds, Fell fell);
  void Leave(std::uint64_t answer);  // `fell` may be under way
  void AskSoon(std::uint64_t answer);
  void AskAll();  // as soon as can be
  void Stop();    // harmless when repeated

 private:
  struct Premise {
    std::shared_ptr<const Holds> holds;
    Micros due{0};
    std::map<std::uint64_t, std::shared_ptr<const Fell>> answers;
  };
  void Run();
  void Ask(const std::string& about, std::unique_lock<std::mutex>& lock);
  void SetDue(const std::string& about, Premise& premise, Micros due);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Premise> premises_;       // guarded by mutex_, as all below
  std::set<std::pair<Micros, std::string>> due_;  // of all premises
  std::map<std::uint64_t, std::string> about_;    // of each answer
  std::uint64_t last_ = 0;
  bool stopping_ = false;
  std::thread thread_;  // started by the first one
};

}  // namespace pipelined::api
