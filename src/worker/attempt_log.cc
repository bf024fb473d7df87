#include "worker/attempt_log.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace pipelined::worker {
namespace {

// Bytes of the UTF-8 character at `at`; 0: there is none.
std::size_t CharacterAt(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  const std::size_t size = byte < 0x80                   ? 1
                           : byte >= 0xc2 && byte < 0xe0 ? 2
                           : byte >= 0xe0 && byte < 0xf0 ? 3
                           : byte >= 0xf0 && byte < 0xf5 ? 4
                                                         : 0;
  if (size == 0 || at + size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return 0;
  }
  return size;
}

std::string Escape(std::string_view text, bool keep_lines) {
  std::string shown;
  shown.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const std::size_t size = CharacterAt(text, at);
    const bool control = size == 1 && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f);
    if (c == '\t' || (c == '\n' && keep_lines) || (size > 0 && !control)) {
      shown += text.substr(at, std::max<std::size_t>(size, 1));
    } else if (c == '\n') {
      shown += "\\n";
    } else if (c == '\r') {
      if (!keep_lines) shown += "\\r";
    } else {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    at += std::max<std::size_t>(size, 1);
  }
  return shown;
}

void MakeFoldersOf(std::string path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    path[slash] = '\0';
    mkdir(path.c_str(), 0777);  // the umask is 077
    path[slash] = '/';
  }
}

}  // namespace

std::string Readable(std::string_view text, std::size_t most) {
  const bool cut = text.size() > most;
  while (cut && most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return Escape(text.substr(0, most), false) + (cut ? "…" : "");
}

AttemptLog::~AttemptLog() {
  if (fd_ >= 0) close(fd_);
}

void AttemptLog::Line(std::string_view text) {
  Append(Escape(text, true) + "\n");
}

void AttemptLog::Append(std::string_view text) {
  const std::int64_t head = cap_ - std::min<std::int64_t>(cap_, kTail);
  const auto size = static_cast<std::int64_t>(text.size());
  const auto room = static_cast<std::size_t>(std::clamp<std::int64_t>(head - taken_, 0, size));
  taken_ += static_cast<std::int64_t>(room);
  if (room > 0) Write(text.substr(0, room));
  if (room == text.size()) return;
  beyond_ += size - static_cast<std::int64_t>(room);
  tail_ += text.substr(room);
  const auto keep = static_cast<std::size_t>(std::min<std::int64_t>(kTail, cap_));
  if (tail_.size() > 2 * kTail) tail_.erase(0, tail_.size() - keep);
}

void AttemptLog::Finish() {
  const auto keep = static_cast<std::size_t>(std::min<std::int64_t>(kTail, cap_));
  if (tail_.size() > keep) tail_.erase(0, tail_.size() - keep);
  const std::int64_t dropped = beyond_ - static_cast<std::int64_t>(tail_.size());
  if (dropped > 0) Write(fmt::format("\n[pipelined: log cap reached; {} bytes left out here]\n", dropped));
  if (!tail_.empty()) Write(tail_);
  if (refused_ > 0) Write(fmt::format("\n[pipelined: the disk refused {} bytes of output here]\n", refused_));
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

bool AttemptLog::Open() {
  if (fd_ >= 0) return true;
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY;
  fd_ = open(path_.c_str(), kFlags, 0666);
  if (fd_ < 0 && errno == ENOENT) {
    MakeFoldersOf(path_);
    fd_ = open(path_.c_str(), kFlags, 0666);
  }
  return fd_ >= 0;
}

// A full disk never fails an attempt.
void AttemptLog::Write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = Open() ? write(fd_, text.data(), text.size()) : -1;
    if (written < 0 && fd_ >= 0 && errno == EINTR) continue;
    if (written <= 0) {
      refused_ += static_cast<std::int64_t>(text.size());
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace pipelined::worker
