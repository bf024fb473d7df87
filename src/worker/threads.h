// Threads for what can only be waited for: libpq, SQLite and SMTP. Made when they are needed, up to a number; what
// comes beyond it waits for one.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace pipelined::worker {

class Threads {
 public:
  explicit Threads(std::size_t most) : most_(most) {}
  ~Threads();  // waits for what runs; what waits is dropped
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  using WorkId = std::uint64_t;
  WorkId Run(std::function<void()> work);
  // True: it had not begun, and never will.
  bool Cancel(WorkId work);

 private:
  void Serve();

  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::pair<WorkId, std::function<void()>>> waiting_;  // guarded by mutex_, as all below
  WorkId last_ = 0;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ending_ = false;
};

}  // namespace pipelined::worker
