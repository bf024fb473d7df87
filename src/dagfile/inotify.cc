#include "dagfile/inotify.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pipelined::dagfile {

Result<Inotify> Inotify::Open() {
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) {
    return Error{ErrorCode::kUnavailable, fmt::format("DAG folders cannot be watched: {}", std::strerror(errno)),
                 "raise fs.inotify.max_user_instances"};
  }
  return Inotify(fd);
}

Inotify::~Inotify() {
  if (fd_ >= 0) close(fd_);
}

Result<int> Inotify::Watch(const std::string& folder) {
  constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB |
                                    IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  const int watch = inotify_add_watch(fd_, folder.c_str(), kEvents);
  if (watch >= 0) return watch;
  return Error{
      ErrorCode::kUnavailable, fmt::format("{} cannot be watched: {}", folder, std::strerror(errno)),
      errno == ENOSPC ? "raise fs.inotify.max_user_watches; until then changes are seen by the slow re-scan" : ""};
}

std::vector<Inotify::Event> Inotify::Drain() {
  std::vector<Event> events;
  alignas(inotify_event) char buffer[64 * 1024];
  for (;;) {
    const ssize_t got = read(fd_, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return events;
    for (ssize_t at = 0; at < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      events.push_back({event->wd, event->mask, event->len > 0 ? std::string(event->name) : std::string()});
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
}

}  // namespace pipelined::dagfile
