// The watched folders: what changed in them since the last look, ready to be published.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipelined/base/time.h"
#include "pipelined/dagfile/load.h"
#include "pipelined/ports/dag_publisher.h"

namespace pipelined {

struct DagFolderOptions {
  std::vector<std::string> roots;                // absolute
  Micros rescan = std::chrono::seconds(60);      // between looks at everything, for file systems without notifications
  Micros quiet = std::chrono::milliseconds(20);  // a file is read when nothing has happened to it for so long …
  Micros longest = std::chrono::milliseconds(120);  // … but at the latest so long after the first event
  std::size_t batch = 500;  // files per Poll(), so that a large folder is published piece by piece
  LoadLimits limits{};
};

struct FolderChange {
  // A file that cannot be loaded stands in `files` with the DAGs that it held before, and in `errors`. A DAG that
  // another file holds is an error, too; it is loaded when the holder gives it up.
  Publication publication;
  std::vector<std::string> warnings;  // sentences for the log; each is said once
  bool complete = false;              // every file that the last look at everything found has been dealt with
  bool empty() const { return publication.files.empty() && publication.removed.empty() && warnings.empty(); }
};

// All calls from one thread. Times are Clock::Monotonic(). Files that match their KnownFile are not even read.
//
// Give Poll() a call when PollFd() is readable, and at NextWake(). It does not block, apart from reading files.
class DagFolder {
 public:
  // `known`: what was published before. kUnavailable when the kernel cannot watch. `zones` must outlive the object.
  static Result<std::unique_ptr<DagFolder>> Open(DagFolderOptions options, const std::vector<KnownFile>& known,
                                                 const ZoneSource& zones);
  virtual ~DagFolder() = default;

  virtual int PollFd() const = 0;
  // When Poll() has something to do without an event; in the past: at once.
  virtual Micros NextWake() const = 0;
  virtual FolderChange Poll(Micros now) = 0;
};

}  // namespace pipelined
