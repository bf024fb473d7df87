// Files that sensors wait for, in a thread of its own: a file system that does not answer must not hold up the
// scheduler.
//
// A file is looked at when that is asked for, and when inotify reports a change of its name in its folder. The thread
// begins with the first file. The destructor waits a second for a look that is under way, and then leaves it behind.
#pragma once

#include <memory>
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
  explicit FileWatch(const Clock& clock);  // which must outlive a look that is left behind
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // `job`: of the kind file or glob. An Ask() behind it misses nothing that happened before.
  void Watch(AttemptId attempt, const Value& job);
  void Forget(AttemptId attempt);
  void Ask(AttemptId attempt);  // of a watched one

  // Answers since the last call; unasked ones only when they say more than "not yet". Never blocks.
  std::vector<FileAnswer> Answers();
  int PollFd() const;  // readable when Answers() may have something

 private:
  class Looker;
  std::shared_ptr<Looker> looker_;
};

}  // namespace pipelined
