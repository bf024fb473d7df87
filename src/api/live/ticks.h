// Wakes those who look for something that nobody tells them of, a few times a second. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace pipelined::api {

class Ticks {
 public:
  ~Ticks() { Stop(); }
  // `wake` is called by a thread of this, with no lock held; it must not block.
  std::uint64_t Join(std::function<void()> wake);
  void Leave(std::uint64_t one);
  void Stop();  // harmless when repeated

 private:
  using Wake = std::shared_ptr<const std::function<void()>>;
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Wake> wakes_;
  std::uint64_t last_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pipelined::api
