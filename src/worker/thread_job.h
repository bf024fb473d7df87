// An action that can only be waited for: on one of the worker's threads.
#pragma once

#include <functional>
#include <memory>

#include "worker/job.h"
#include "worker/stop_flag.h"

namespace pipelined::worker {

// `work` runs once, when a thread is free, and looks at `stop`, which the job raises. Stopped before that, it never
// runs.
std::unique_ptr<Job> RunOnThread(Threads& threads, Loop& loop, std::shared_ptr<StopFlag> stop,
                                 std::function<JobEnd()> work, JobDone done);

}  // namespace pipelined::worker
