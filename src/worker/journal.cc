#include "worker/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "pipelined/executor/worker_protocol.h"

namespace pipelined::worker {
namespace {

bool WriteOnce(int fd, const std::string& text, bool* torn) {
  ssize_t written;
  do {
    written = write(fd, text.data(), text.size());
  } while (written < 0 && errno == EINTR);
  if (written > 0 && static_cast<std::size_t>(written) < text.size()) *torn = true;
  return written == static_cast<ssize_t>(text.size());
}

}  // namespace

Journal::Journal(int folder, std::string nonce, std::string boot_id, std::int64_t rotate)
    : folder_(folder), nonce_(std::move(nonce)), boot_id_(std::move(boot_id)), rotate_(rotate) {}

Journal::~Journal() {
  if (fd_ >= 0) close(fd_);
}

bool Journal::Open() {
  return OpenNext();
}

bool Journal::OpenNext() {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
  const int fd = openat(folder_, JournalName(nonce_, number_ + 1).c_str(), kFlags, 0600);
  if (fd < 0) return false;
  const std::string header = HeaderLine(nonce_, boot_id_);
  bool torn = false;
  // The old one says last that it goes on here: before that nobody looks for the new one.
  if (!WriteOnce(fd, header, &torn) || (fd_ >= 0 && !WriteOnce(fd_, NextLine(number_ + 1), &torn_))) {
    close(fd);
    unlinkat(folder_, JournalName(nonce_, number_ + 1).c_str(), 0);
    return false;
  }
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
  ++number_;
  size_ = static_cast<std::int64_t>(header.size());
  torn_ = false;
  return true;
}

Journal::Appended Journal::Append(const std::string& lines) {
  // Not an end of line alone: what lacks nothing else would be a line from then on.
  if (torn_ && !WriteOnce(fd_, "!\n", &torn_)) return Appended::kNothing;
  torn_ = false;
  if (!WriteOnce(fd_, lines, &torn_)) return torn_ ? Appended::kTorn : Appended::kNothing;
  size_ += static_cast<std::int64_t>(lines.size());
  if (size_ >= rotate_) OpenNext();  // if not now, then after the next line
  return Appended::kAll;
}

}  // namespace pipelined::worker
