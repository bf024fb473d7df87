#include "scheduler/sensors/file_watch.h"

#include <fnmatch.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "pipelined/base/log.h"

namespace pipelined {
namespace {

constexpr Micros kPatience = std::chrono::seconds(1);
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

class FileWatch::Looker {
 public:
  explicit Looker(const Clock& clock)
      : clock_(clock),
        ordered_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        answered_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Looker() {
    close(ordered_);
    close(answered_);
  }
  Looker(const Looker&) = delete;
  Looker& operator=(const Looker&) = delete;

  struct Order {
    enum class Kind : std::uint8_t { kWatch, kForget, kAsk } kind;
    AttemptId attempt;
    Value job = {};
  };
  struct File {
    FileJob job;
    int folder = -1;  // its watch; -1: its folder is not there, or cannot be watched
  };
  // Who waits for a change in it: by the name, or by a pattern for it.
  struct Folder {
    std::unordered_map<std::string, std::unordered_set<AttemptId>> by_name;
    std::unordered_map<AttemptId, std::string> patterns;
    bool empty() const { return by_name.empty() && patterns.empty(); }
  };
  void Give(Order order);
  void Run();
  std::vector<FileAnswer> Answers();
  int answered() const { return answered_; }
  // Whether the thread has ended within `patience`.
  bool End(Micros patience);

  bool is_running = false;  // of the owner

 private:
  void Carry(std::vector<Order> orders);
  void Attach(AttemptId attempt, File& file);
  void Detach(AttemptId attempt, const File& file);
  void Look(AttemptId attempt, bool asked);
  void ReadChanges();
  void Concern(const Folder& folder, const std::string& name, std::unordered_set<AttemptId>& concerned) const;
  void Drop(int folder);

  const Clock& clock_;
  const int ordered_, answered_;  // eventfds
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  std::vector<Order> orders_;        // guarded by mutex_
  std::vector<FileAnswer> answers_;  // guarded by mutex_
  bool has_ended_ = false;           // guarded by mutex_
  std::condition_variable ended_;

  // of the thread
  int changes_ = -1;  // inotify
  std::unordered_map<AttemptId, File> files_;
  std::unordered_map<int, Folder> folders_;
};

FileWatch::FileWatch(const Clock& clock) : looker_(std::make_shared<Looker>(clock)) {}

FileWatch::~FileWatch() {
  if (looker_->is_running && !looker_->End(kPatience))
    log::Warning("a file system does not answer; a look at a file there is left behind");
}

void FileWatch::Watch(AttemptId attempt, const Value& job) {
  looker_->Give(Looker::Order{Looker::Order::Kind::kWatch, attempt, job});
  if (!std::exchange(looker_->is_running, true)) std::thread([looker = looker_] { looker->Run(); }).detach();
}

void FileWatch::Forget(AttemptId attempt) {
  looker_->Give(Looker::Order{Looker::Order::Kind::kForget, attempt});
}

void FileWatch::Ask(AttemptId attempt) {
  looker_->Give(Looker::Order{Looker::Order::Kind::kAsk, attempt});
}

std::vector<FileAnswer> FileWatch::Answers() {
  return looker_->Answers();
}

int FileWatch::PollFd() const {
  return looker_->answered();
}

void FileWatch::Looker::Give(Order order) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = orders_.empty();
    orders_.push_back(std::move(order));
  }
  if (first) Signal(ordered_);
}

bool FileWatch::Looker::End(Micros patience) {
  over_ = true;
  Signal(ordered_);
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, patience, [this] { return has_ended_; });
}

std::vector<FileAnswer> FileWatch::Looker::Answers() {
  Drain(answered_);
  const std::lock_guard lock(mutex_);
  return std::exchange(answers_, {});
}

// --- the thread
// ----------------------------------------------------------------------------------------------------------------

void FileWatch::Looker::Run() {
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
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  ended_.notify_all();
}

void FileWatch::Looker::Carry(std::vector<Order> orders) {
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

void FileWatch::Looker::Attach(AttemptId attempt, File& file) {
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

void FileWatch::Looker::Detach(AttemptId attempt, const File& file) {
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

void FileWatch::Looker::Look(AttemptId attempt, bool asked) {
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
void FileWatch::Looker::ReadChanges() {
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

void FileWatch::Looker::Concern(const Folder& folder, const std::string& name,
                                std::unordered_set<AttemptId>& concerned) const {
  if (const auto exact = folder.by_name.find(name); exact != folder.by_name.end())
    concerned.insert(exact->second.begin(), exact->second.end());
  for (const auto& [attempt, pattern] : folder.patterns) {
    if (fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0) concerned.insert(attempt);
  }
}

// The folder is gone: it is watched again when it is looked for and there.
void FileWatch::Looker::Drop(int folder) {
  const Folder& gone = folders_.at(folder);
  for (const auto& [name, attempts] : gone.by_name) {
    for (const AttemptId attempt : attempts) files_.at(attempt).folder = -1;
  }
  for (const auto& [attempt, pattern] : gone.patterns) files_.at(attempt).folder = -1;
  folders_.erase(folder);
}

}  // namespace pipelined
