#include "scheduler/sensors/file_watch.h"

#include <fnmatch.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace pipelined {
namespace {

constexpr std::uint32_t kChanges = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR;

void Signal(int fd) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd, &one, sizeof one);
}

void Drain(int fd) {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = read(fd, &count, sizeof count);
}

}  // namespace

FileWatch::FileWatch(const Clock& clock)
    : clock_(clock),
      ordered_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      answered_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

FileWatch::~FileWatch() {
  over_ = true;
  Signal(ordered_);
  if (thread_.joinable()) thread_.join();
  close(ordered_);
  close(answered_);
}

void FileWatch::Watch(AttemptId attempt, const Value& job) {
  Give(Order{Order::Kind::kWatch, attempt, job});
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
}

void FileWatch::Forget(AttemptId attempt) {
  Give(Order{Order::Kind::kForget, attempt});
}

void FileWatch::Ask(AttemptId attempt) {
  Give(Order{Order::Kind::kAsk, attempt});
}

void FileWatch::Give(Order order) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = orders_.empty();
    orders_.push_back(std::move(order));
  }
  if (first) Signal(ordered_);
}

std::vector<FileAnswer> FileWatch::Answers() {
  Drain(answered_);
  const std::lock_guard lock(mutex_);
  return std::exchange(answers_, {});
}

// --- the thread
// ----------------------------------------------------------------------------------------------------------------

void FileWatch::Run() {
  changes_ = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);  // without it there are the looks that are asked for
  while (!over_) {
    std::array<pollfd, 2> waits{pollfd{ordered_, POLLIN, 0}, pollfd{changes_, POLLIN, 0}};
    poll(waits.data(), changes_ < 0 ? 1 : 2, -1);
    Drain(ordered_);
    std::vector<Order> orders;
    {
      const std::lock_guard lock(mutex_);
      orders.swap(orders_);
    }
    Carry(std::move(orders));
    if (changes_ >= 0) ReadChanges();
  }
  if (changes_ >= 0) close(changes_);
}

void FileWatch::Carry(std::vector<Order> orders) {
  for (Order& order : orders) {
    if (over_) return;
    const auto found = files_.find(order.attempt);
    if (order.kind == Order::Kind::kForget) {
      if (found == files_.end()) continue;
      Detach(order.attempt, found->second);
      files_.erase(found);
    } else if (order.kind == Order::Kind::kWatch) {
      File& file = files_.insert_or_assign(order.attempt, File{FileJob(order.job)}).first->second;
      Attach(order.attempt, file);
    } else if (found != files_.end()) {
      if (found->second.folder < 0) Attach(order.attempt, found->second);
      Look(order.attempt, true);
    }
  }
}

void FileWatch::Attach(AttemptId attempt, File& file) {
  if (changes_ < 0) return;
  file.folder = inotify_add_watch(changes_, file.job.Folder().c_str(), kChanges);
  if (file.folder < 0) return;
  Folder& folder = folders_[file.folder];
  if (file.job.is_glob) {
    folder.patterns[attempt] = file.job.Part();
  } else {
    folder.by_name[file.job.Part()].insert(attempt);
  }
}

void FileWatch::Detach(AttemptId attempt, const File& file) {
  const auto found = folders_.find(file.folder);
  if (found == folders_.end()) return;
  Folder& folder = found->second;
  folder.patterns.erase(attempt);
  if (const auto name = folder.by_name.find(file.job.Part()); !file.job.is_glob && name != folder.by_name.end()) {
    name->second.erase(attempt);
    if (name->second.empty()) folder.by_name.erase(name);
  }
  if (!folder.empty()) return;
  inotify_rm_watch(changes_, file.folder);
  folders_.erase(found);
}

void FileWatch::Look(AttemptId attempt, bool asked) {
  const auto found = files_.find(attempt);
  if (found == files_.end()) return;
  Sighting sighting = found->second.job.Look(clock_.Now());
  if (!asked && sighting.kind == Sighting::Kind::kUnknown) return;
  if (!asked && sighting.kind == Sighting::Kind::kNotYet && !sighting.look_at) return;
  {
    const std::lock_guard lock(mutex_);
    answers_.push_back(FileAnswer{attempt, std::move(sighting), asked});
  }
  Signal(answered_);
}

// What was reported in one go is looked at once.
void FileWatch::ReadChanges() {
  alignas(inotify_event) std::array<char, 64 * 1024> buffer{};
  const ssize_t size = read(changes_, buffer.data(), buffer.size());
  std::unordered_set<AttemptId> concerned;
  for (ssize_t at = 0; at < size;) {
    inotify_event event{};
    std::memcpy(&event, buffer.data() + at, sizeof event);
    const std::string name = event.len > 0 ? std::string(buffer.data() + at + sizeof event) : std::string();
    at += static_cast<ssize_t>(sizeof event + event.len);
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
      for (const auto& [attempt, file] : files_) concerned.insert(attempt);
    }
    const auto folder = folders_.find(event.wd);
    if (folder == folders_.end()) continue;
    Concern(folder->second, name, concerned);
    if ((event.mask & IN_IGNORED) != 0) Drop(event.wd);
  }
  for (const AttemptId attempt : concerned) {
    if (!over_) Look(attempt, false);
  }
}

void FileWatch::Concern(const Folder& folder, const std::string& name, std::unordered_set<AttemptId>& concerned) const {
  if (const auto exact = folder.by_name.find(name); exact != folder.by_name.end())
    concerned.insert(exact->second.begin(), exact->second.end());
  for (const auto& [attempt, pattern] : folder.patterns) {
    if (fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0) concerned.insert(attempt);
  }
}

// The folder is gone: it is watched again when it is looked for and there.
void FileWatch::Drop(int folder) {
  const Folder& gone = folders_.at(folder);
  for (const auto& [name, attempts] : gone.by_name) {
    for (const AttemptId attempt : attempts) files_.at(attempt).folder = -1;
  }
  for (const auto& [attempt, pattern] : gone.patterns) files_.at(attempt).folder = -1;
  folders_.erase(folder);
}

}  // namespace pipelined
