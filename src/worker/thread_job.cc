#include "worker/thread_job.h"

#include <utility>

#include "worker/loop.h"
#include "worker/threads.h"

namespace pipelined::worker {
namespace {

class ThreadJob final : public Job {
 public:
  ThreadJob(Threads& threads, Loop& loop, std::shared_ptr<StopFlag> stop, std::function<JobEnd()> work, JobDone done)
      : threads_(threads), loop_(loop), stop_(std::move(stop)), done_(std::move(done)) {
    work_ = threads_.Run(
        [work = std::move(work), &loop = loop_, done = done_] { loop.Post([done, end = work()] { done(end); }); });
  }

  void Stop() override {
    stop_->Raise();
    if (!threads_.Cancel(work_)) return;
    loop_.Post([done = done_] {
      JobEnd end = JobEnd::Failed("it was stopped before it began");
      end.was_stopped = true;
      done(std::move(end));
    });
  }

 private:
  Threads& threads_;
  Loop& loop_;
  const std::shared_ptr<StopFlag> stop_;
  const JobDone done_;
  Threads::WorkId work_ = 0;
};

}  // namespace

std::unique_ptr<Job> RunOnThread(Threads& threads, Loop& loop, std::shared_ptr<StopFlag> stop,
                                 std::function<JobEnd()> work, JobDone done) {
  return std::make_unique<ThreadJob>(threads, loop, std::move(stop), std::move(work), std::move(done));
}

}  // namespace pipelined::worker
