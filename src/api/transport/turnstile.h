// How many handlers run at the same time. Whoever finds no place waits in a line of limited length. Thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

namespace pipelined::api {

class Turnstile {
 public:
  enum class Entry : unsigned char { kNow, kLater, kFull };

  Turnstile(int places, std::size_t longest_line) : free_(places), longest_line_(longest_line) {}

  // kNow: a place is yours. kLater: `wake` is called when one is, by the thread that leaves it; it must not block. Each
  // place must be left.
  Entry Enter(std::function<void()> wake);
  void Leave();

 private:
  std::mutex mutex_;
  int free_;
  const std::size_t longest_line_;
  std::deque<std::function<void()>> line_;
};

}  // namespace pipelined::api
