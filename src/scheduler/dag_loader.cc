#include "pipelined/scheduler/dag_loader.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <map>

#include "pipelined/base/log.h"
#include "pipelined/dagfile/dag_folder.h"

namespace pipelined {

DagLoader::DagLoader(DagLoaderOptions options, DagPublisher& publisher, Scheduler& scheduler, const ZoneSource& zones, const Clock& clock)
    : options_(std::move(options)), publisher_(publisher), scheduler_(scheduler), zones_(zones), clock_(clock), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

DagLoader::~DagLoader() {
  Stop();
  close(wake_);
}

void DagLoader::Start(std::int64_t lease_epoch) {
  Stop();
  stopping_ = false;
  thread_ = std::thread([this, lease_epoch] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are the main thread's
    Run(lease_epoch);
  });
}

void DagLoader::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
  thread_.join();
  std::uint64_t drained = 0;
  [[maybe_unused]] const ssize_t taken = read(wake_, &drained, sizeof drained);
}

void DagLoader::Run(std::int64_t epoch) {
  while (!stopping_ && Serve(epoch)) {
    if (!stopping_) Sleep(-1, options_.retry);
  }
}

// Watches until it is stopped or the database cannot be reached; then everything is looked at anew.
bool DagLoader::Serve(std::int64_t epoch) {
  const auto known = publisher_.KnownFiles();
  if (!known) {
    log::Warning("DAG files wait: {}", known.error().message);
    return true;
  }
  DagFolderOptions folder_options;
  folder_options.roots = options_.roots;
  folder_options.rescan = options_.rescan;
  auto folder = DagFolder::Open(std::move(folder_options), *known, zones_);
  if (!folder) {
    log::Error("DAG folders cannot be watched: {}", folder.error().message);
    return true;
  }
  while (!stopping_) {
    const FolderChange change = (*folder)->Poll(clock_.Monotonic());
    for (const std::string& warning : change.warnings) log::Warning("{}", warning);
    const Publication& publication = change.publication;
    const bool anything = !publication.files.empty() || !publication.removed.empty() || !publication.errors.empty() || !publication.dags.empty();
    if (anything && !Publish(publication, epoch)) return !stopping_;
    if (change.complete && !told_) {
      told_ = true;
      if (options_.on_loaded) options_.on_loaded();
    }
    Sleep((*folder)->PollFd(), (*folder)->NextWake() - clock_.Monotonic());
  }
  return false;
}

// False: it was not stored, and the folder must be looked at anew.
bool DagLoader::Publish(const Publication& publication, std::int64_t epoch) {
  auto changed = publisher_.Publish(publication, epoch);
  if (!changed) {
    log::Warning("DAG files were not published: {}", changed.error().message);
    return false;
  }
  for (const ImportError& error : publication.errors) log::Warning("{} cannot be loaded; see pipectl dags import-errors", error.relative_file);
  std::map<std::string, DagPtr> parsed;
  for (const PublishedDag& dag : publication.dags) parsed.emplace(dag.dag->id, dag.dag);
  std::vector<Scheduler::PostedDag> posted;
  for (StoredDag& dag : *changed) {
    const auto found = parsed.find(dag.head.dag_id);
    posted.push_back({std::move(dag), found == parsed.end() ? nullptr : found->second});
  }
  if (!posted.empty()) scheduler_.Post(std::move(posted));
  return true;
}

void DagLoader::Sleep(int fd, Micros at_most) const {
  std::array<pollfd, 2> fds{pollfd{wake_, POLLIN, 0}, pollfd{fd, POLLIN, 0}};
  const auto millis = std::clamp<std::int64_t>((at_most.count() + 999) / 1000, 0, 3'600'000);
  poll(fds.data(), fds.size(), static_cast<int>(millis));
}

}  // namespace pipelined
