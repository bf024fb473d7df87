// Files that sensors wait for, in a thread of its own: a file system that does not answer must not hold up the
// scheduler.
//
// A file is looked at when that is asked for, and when inotify reports a change of its name in its folder. The thread
// begins with the first file, and is joined by the destructor, which waits for a look that is under way.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/base/ids.h"
#include "scheduler/sensors/file_look.h"

namespace pipelined {

struct FileAnswer {
  AttemptId attempt;
  Sighting sighting;
  bool asked = false;  // by Ask(): every one of those is answered
};

// From the scheduler's thread, but for the constructor's clock, which must be thread-safe.
class FileWatch {
 public:
  explicit FileWatch(const Clock& clock);
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // `job`: of the kind file or glob. An Ask() behind it misses nothing that happened before.
  void Watch(AttemptId attempt, const Value& job);
  void Forget(AttemptId attempt);
  void Ask(AttemptId attempt);  // of a watched one

  // Answers since the last call; unasked ones only when they say more than "not yet". Never blocks.
  std::vector<FileAnswer> Answers();
  int PollFd() const { return answered_; }  // readable when Answers() may have something

 private:
  struct Order {
    enum class Kind : std::uint8_t { kWatch, kForget, kAsk } kind;
    AttemptId attempt;
    Value job = {};
  };
  struct File {
    FileJob job;
    int folder = -1;  // its watch; -1: its folder is not there, or cannot be watched
  };
  // Who waits for a change in it: by the name, or by a pattern for it.
  struct Folder {
    std::unordered_map<std::string, std::unordered_set<AttemptId>> by_name;
    std::unordered_map<AttemptId, std::string> patterns;
    bool empty() const { return by_name.empty() && patterns.empty(); }
  };
  void Give(Order order);
  void Run();
  void Carry(std::vector<Order> orders);
  void Attach(AttemptId attempt, File& file);
  void Detach(AttemptId attempt, const File& file);
  void Look(AttemptId attempt, bool asked);
  void ReadChanges();
  void Concern(const Folder& folder, const std::string& name, std::unordered_set<AttemptId>& concerned) const;
  void Drop(int folder);

  const Clock& clock_;
  const int ordered_, answered_;  // eventfds
  std::thread thread_;
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  std::vector<Order> orders_;        // guarded by mutex_
  std::vector<FileAnswer> answers_;  // guarded by mutex_

  // of the thread
  int changes_ = -1;  // inotify
  std::unordered_map<AttemptId, File> files_;
  std::unordered_map<int, Folder> folders_;
};

}  // namespace pipelined
