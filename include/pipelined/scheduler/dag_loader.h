// Watches the DAG folders and publishes what changes, in a thread of its own, so that a huge file does not hold up a task.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pipelined/ports/dag_publisher.h"
#include "pipelined/scheduler/scheduler.h"
#include "pipelined/timetable/zone.h"

namespace pipelined {

struct DagLoaderOptions {
  std::vector<std::string> roots;  // absolute
  Micros rescan = std::chrono::seconds(60);
  Micros retry = std::chrono::seconds(1);  // after the database could not be reached
  std::function<void()> on_loaded;         // once, in the loader's thread: all that was there has been published
};

// Start() and Stop() from one thread.
class DagLoader {
 public:
  // `publisher` is used by the loader's thread alone; all references must outlive the object.
  DagLoader(DagLoaderOptions options, DagPublisher& publisher, Scheduler& scheduler, const ZoneSource& zones, const Clock& clock);
  ~DagLoader();  // as Stop()

  // Begins with a look at everything; what was published before and has not changed is not even read.
  void Start(std::int64_t lease_epoch);
  void Stop();

 private:
  void Run(std::int64_t epoch);
  // False when it shall not go on.
  bool Serve(std::int64_t epoch);
  bool Publish(const Publication& publication, std::int64_t epoch);
  void Sleep(int fd, Micros at_most) const;

  DagLoaderOptions options_;
  DagPublisher& publisher_;
  Scheduler& scheduler_;
  const ZoneSource& zones_;
  const Clock& clock_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  bool told_ = false;
  int wake_ = -1;  // eventfd
};

}  // namespace pipelined
