// The thread that watches the DAG folders of a leading scheduler: what changed is stored, then told to the scheduler.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"
#include "pipelined/dagfile/dag_folder.h"
#include "pipelined/ports/dag_publisher.h"
#include "pipelined/scheduler/scheduler.h"

namespace pipelined {

struct DagLoaderOptions {
  DagFolderOptions folder;
  Micros standby_after{0};           // no lead for so long: another scheduler has it
  std::function<void()> on_at_work;  // once, from the loader's thread: loading has begun, or this scheduler stands by
};

class DagLoader {
 public:
  // Starts the thread. All references must outlive the object.
  DagLoader(DagLoaderOptions options, DagPublisher& publisher, Scheduler& scheduler, const ZoneSource& zones);
  ~DagLoader();  // ends the thread
  DagLoader(const DagLoader&) = delete;

  // From any thread. Publications carry the epoch, so that what a former leader still has in hand is refused.
  void Lead(std::int64_t epoch);
  void StepDown();

 private:
  enum class Woken { kTime, kFolder, kWord };

  void Run();
  // Until the lead is lost or something fails; answers how long to wait before the next try.
  Micros Watch(std::int64_t epoch);
  Status Handle(const FolderChange& change, std::int64_t epoch);
  Woken Wait(int folder_fd, Micros until);
  void AtWork();

  const DagLoaderOptions options_;
  DagPublisher& publisher_;
  Scheduler& scheduler_;
  const ZoneSource& zones_;
  const int word_;                      // eventfd: one of the two below has changed
  std::atomic<std::int64_t> epoch_{0};  // 0: not leading
  std::atomic<bool> stopping_{false};
  bool at_work_ = false;  // the thread's own
  std::thread thread_;    // last: starts when all else is there
};

}  // namespace pipelined
