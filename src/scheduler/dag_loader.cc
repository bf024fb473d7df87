#include "pipelined/scheduler/dag_loader.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_map>

#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"

namespace pipelined {
namespace {

constexpr Micros kForEver = Micros::max();
constexpr Micros kRetry = Seconds(1);

// Each stored head with the DAG that was just parsed for it, so that it need not be read again.
std::vector<Scheduler::PostedDag> Posted(std::vector<StoredDag> heads, const Publication& publication) {
  std::unordered_map<std::string, DagPtr> parsed;
  for (const PublishedDag& published : publication.dags) parsed[published.dag->id] = published.dag;
  std::vector<Scheduler::PostedDag> posted;
  for (StoredDag& head : heads) {
    const auto found = head.head.stale ? parsed.end() : parsed.find(head.head.dag_id);
    posted.push_back({std::move(head), found == parsed.end() ? nullptr : found->second});
  }
  return posted;
}

}  // namespace

DagLoader::DagLoader(DagLoaderOptions options, DagPublisher& publisher, Scheduler& scheduler, const ZoneSource& zones)
    : options_(std::move(options)),
      publisher_(publisher),
      scheduler_(scheduler),
      zones_(zones),
      word_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { Run(); }) {}

DagLoader::~DagLoader() {
  stopping_ = true;
  eventfd_write(word_, 1);
  thread_.join();
  close(word_);
}

void DagLoader::Lead(std::int64_t epoch) {
  epoch_ = epoch;
  eventfd_write(word_, 1);
}

void DagLoader::StepDown() {
  Lead(0);
}

void DagLoader::Run() {
  const Micros standby_from = SystemClock().Monotonic() + options_.standby_after;
  Micros wait_until = standby_from;
  while (!stopping_) {
    const std::int64_t epoch = epoch_;
    const Micros now = SystemClock().Monotonic();
    if (epoch != 0 && (now >= wait_until || !at_work_)) {
      wait_until = SystemClock().Monotonic() + Watch(epoch);
      AtWork();  // also when it failed: why was said, and it is tried again
      continue;
    }
    if (!at_work_ && now >= standby_from) {
      log::Info("another scheduler leads; this one stands by");
      AtWork();
    }
    if (Wait(-1, at_work_ && epoch == 0 ? kForEver : wait_until) == Woken::kWord)
      wait_until = SystemClock().Monotonic();
  }
}

Micros DagLoader::Watch(std::int64_t epoch) {
  const Result<std::vector<KnownFile>> known = publisher_.KnownFiles();
  if (!known) {
    log::Warning("the known DAG files cannot be read: {}", known.error().message);
    return kRetry;
  }
  Result<std::unique_ptr<DagFolder>> folder = DagFolder::Open(options_.folder, *known, zones_);
  if (!folder) {
    log::Error("the DAG folders cannot be watched: {}", folder.error().message);
    return kRetry;
  }
  while (!stopping_ && epoch_ == epoch) {
    const FolderChange change = (*folder)->Poll(SystemClock().Monotonic());
    if (const Status handled = Handle(change, epoch); !handled) {
      // Another leader's epoch: the scheduler is about to hear of it, too. Anything else is tried again from what is
      // stored.
      if (handled.error().code != ErrorCode::kStale)
        log::Warning("DAG files cannot be stored: {}", handled.error().message);
      return kRetry;
    }
    AtWork();
    Wait((*folder)->PollFd(), (*folder)->NextWake());
  }
  return Micros(0);
}

Status DagLoader::Handle(const FolderChange& change, std::int64_t epoch) {
  for (const std::string& warning : change.warnings) log::Warning("{}", warning);
  if (change.publication.files.empty() && change.publication.removed.empty()) return Ok();
  Result<std::vector<StoredDag>> heads = publisher_.Publish(change.publication, epoch);
  if (!heads) return heads.error();
  if (!heads->empty()) scheduler_.Post(Posted(std::move(*heads), change.publication));
  return Ok();
}

DagLoader::Woken DagLoader::Wait(int folder_fd, Micros until) {
  int timeout = -1;
  if (until != kForEver) {
    const Micros left = std::clamp(until - SystemClock().Monotonic(), Micros(0), Micros(Seconds(3600)));
    timeout = static_cast<int>(std::chrono::ceil<Millis>(left).count());
  }
  pollfd waits[] = {{word_, POLLIN, 0}, {folder_fd, POLLIN, 0}};
  if (poll(waits, 2, timeout) <= 0) return Woken::kTime;
  eventfd_t ignored = 0;
  if (waits[0].revents == 0) return Woken::kFolder;
  eventfd_read(word_, &ignored);
  return Woken::kWord;
}

void DagLoader::AtWork() {
  if (at_work_) return;
  at_work_ = true;
  options_.on_at_work();
}

}  // namespace pipelined
