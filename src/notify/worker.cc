#include "notify/worker.h"

#include <exception>
#include <thread>

namespace pipelined::notify {

struct Worker::Shared {
  std::unique_ptr<Channel> channel;
  std::function<void()> done;
  std::mutex mutex;
  std::condition_variable wake;
  std::optional<Job> job;         // guarded by mutex
  std::optional<JobDone> result;  // likewise
  bool stop = false;              // likewise
};

Worker::Worker(std::unique_ptr<Channel> channel, std::function<void()> done) : shared_(std::make_shared<Shared>()) {
  shared_->channel = std::move(channel);
  shared_->done = std::move(done);
  std::thread([shared = shared_] { Work(shared); }).detach();
}

Worker::~Worker() {
  const std::lock_guard lock(shared_->mutex);
  shared_->stop = true;
  shared_->done = [] {};
  shared_->wake.notify_one();
}

void Worker::Give(Job job) {
  const std::lock_guard lock(shared_->mutex);
  shared_->job = std::move(job);
  busy_ = true;
  shared_->wake.notify_one();
}

std::optional<JobDone> Worker::Take() {
  const std::lock_guard lock(shared_->mutex);
  std::optional<JobDone> result = std::exchange(shared_->result, std::nullopt);
  if (result) busy_ = false;
  return result;
}

void Worker::Work(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  for (;;) {
    shared->wake.wait(lock, [&] { return shared->stop || shared->job; });
    if (shared->stop) return;
    Job job = *std::exchange(shared->job, std::nullopt);
    lock.unlock();
    Outcome outcome;
    try {
      outcome = shared->channel->Send(job.message);
    } catch (const std::exception& e) {
      outcome = {Verdict::kLater, std::nullopt, e.what()};
    }
    lock.lock();
    shared->result = JobDone{std::move(job.row), std::move(outcome)};
    shared->done();
  }
}

}  // namespace pipelined::notify
