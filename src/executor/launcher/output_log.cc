#include "executor/launcher/output_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "executor/launcher/digits.h"

namespace pipelined::executor {

char OutputLog::tail_[kTail];

namespace {

// mkdir -p of all folders above `path`. Best effort: the open() that follows tells.
void MakeFoldersOf(const char* path) {
  char folder[4096];
  const std::size_t size = std::strlen(path);
  if (size >= sizeof folder) return;
  std::memcpy(folder, path, size + 1);
  for (char* slash = std::strchr(folder + 1, '/'); slash != nullptr; slash = std::strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(folder, 0777);  // the umask is 077
    *slash = '/';
  }
}

}  // namespace

void OutputLog::Append(const char* data, std::size_t size) {
  Open();  // what earlier looks of a sensor have left there counts
  const std::int64_t head = cap_ - std::min<std::int64_t>(cap_, kTail);
  const auto room =
      static_cast<std::size_t>(std::clamp<std::int64_t>(head - taken_, 0, static_cast<std::int64_t>(size)));
  if (room > 0) AppendToFile(data, room);
  if (room < size) KeepInTail(data + room, size - room);
}

void OutputLog::Finish() {
  if (beyond_ > 0) {
    const std::int64_t room = std::max<std::int64_t>(cap_ - taken_, 0);
    const auto kept = static_cast<std::size_t>(std::min<std::int64_t>({beyond_, kTail, room}));
    const std::int64_t dropped = beyond_ - static_cast<std::int64_t>(kept);
    if (dropped > 0) {
      cut_ = true;
      if (found_ < cap_)  // else an earlier look has said so
        WriteLine("\n[pipelined: log cap reached; ", dropped, " bytes left out here]\n");
    }
    const auto end = static_cast<std::size_t>(beyond_ % static_cast<std::int64_t>(kTail));
    const std::size_t begin = (end + kTail - kept) % kTail;
    const std::size_t first = std::min(kept, kTail - begin);
    AppendToFile(tail_ + begin, first);
    if (first < kept) AppendToFile(tail_, kept - first);
  }
  if (refused_ > 0) WriteLine("\n[pipelined: the disk refused ", refused_, " bytes of output here]\n");
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void OutputLog::AppendToFile(const char* data, std::size_t size) {
  taken_ += static_cast<std::int64_t>(size);
  if (!Open()) {
    refused_ += static_cast<std::int64_t>(size);
    cut_ = true;
    return;
  }
  if (refused_ > 0) {
    const std::int64_t refused = refused_;
    refused_ = 0;
    WriteLine("\n[pipelined: the disk refused ", refused, " bytes of output here]\n");
    if (refused_ > 0) refused_ = refused;  // still full: the line itself does not count
  }
  if (!Write(data, size)) cut_ = true;
}

void OutputLog::KeepInTail(const char* data, std::size_t size) {
  if (size > kTail) {  // only the end of it can stay
    beyond_ += static_cast<std::int64_t>(size - kTail);
    data += size - kTail;
    size = kTail;
  }
  const auto at = static_cast<std::size_t>(beyond_ % static_cast<std::int64_t>(kTail));
  const std::size_t first = std::min(size, kTail - at);
  std::memcpy(tail_ + at, data, first);
  std::memcpy(tail_, data + first, size - first);
  beyond_ += static_cast<std::int64_t>(size);
}

bool OutputLog::Open() {
  if (fd_ >= 0) return true;
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY;
  fd_ = open(path_, kFlags, 0666);
  if (fd_ < 0 && errno == ENOENT) {
    MakeFoldersOf(path_);
    fd_ = open(path_, kFlags, 0666);
  }
  struct stat file {};
  if (fd_ >= 0 && fstat(fd_, &file) == 0) taken_ += found_ = file.st_size;
  return fd_ >= 0;
}

bool OutputLog::Write(const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd_, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      refused_ += static_cast<std::int64_t>(size);
      return false;
    }
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

void OutputLog::WriteLine(const char* before, std::int64_t count, const char* after) {
  char line[160];
  std::size_t size = std::strlen(before);
  std::memcpy(line, before, size);
  size += Digits(count, line + size);
  std::memcpy(line + size, after, std::strlen(after));
  size += std::strlen(after);
  if (Open()) Write(line, size);
}

}  // namespace pipelined::executor
