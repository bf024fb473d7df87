// Threads for what can only be waited for: libpq and SQLite. Made when they are needed, up to a number; what comes
// beyond it waits for one.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pipelined::worker {

class Threads {
 public:
  explicit Threads(std::size_t most) : most_(most) {}
  ~Threads();  // waits for what runs; what waits is dropped
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  void Run(std::function<void()> work);

 private:
  void Serve();

  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;  // guarded by mutex_, as all below
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ending_ = false;
};

}  // namespace pipelined::worker
