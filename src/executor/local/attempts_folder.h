// The folder `attempts/`: whose it is, and what lies in it.
//
//   owner       flock()ed by the daemon that uses the folder; holds its pid. Supervisors never hold this lock
//   instance    UUID of the executor instance
//   locks       byte <attempt id> is held by the attempt's supervisor, byte 0 by the launcher
//   journal-N   see record.h; the highest N is the current one
//   out/        what tasks wrote to $PIPELINED_OUTPUT
//   set-aside-N/  the same of another database, never read again
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipelined/base/owned_fd.h"
#include "pipelined/base/result.h"

namespace pipelined::executor {

class AttemptsFolder {
 public:
  // Takes the folder for this process, waits for the launcher of a dead predecessor to leave, sets aside what belongs
  // to another database and makes what is missing. Errors as LocalExecutor::Open.
  static Result<AttemptsFolder> Open(const std::string& path, const std::string& installation);

  const std::string& path() const { return path_; }
  int fd() const { return folder_.get(); }
  const std::string& instance() const { return instance_; }
  // N of each journal, ascending; at least one.
  std::vector<std::int64_t> Journals() const;
  std::string OutputPath(std::int64_t attempt) const;

  // Whether a supervisor holds the attempt's byte. Asks only, never takes.
  bool IsHeld(std::int64_t attempt) const;

 private:
  AttemptsFolder() = default;
  Status TakeOwnership();
  Status AwaitOldLauncher() const;
  Status SetAsideForeign(const std::string& installation) const;
  Status LoadInstance();
  Status MakeFirstJournal(const std::string& installation) const;

  std::string path_;
  std::string instance_;
  OwnedFd folder_, owner_, locks_;
};

}  // namespace pipelined::executor
