#include "dagfile/stable_read.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "dagfile/files.h"

namespace pipelined::dagfile {
namespace {

// A read lease is refused while anyone has the file open for writing. While it is held, a writer's open() waits and we
// are sent a signal, which must be one that is ignored by default (SIGIO would end the process).
class ReadLease {
 public:
  explicit ReadLease(int fd) : fd_(fd) {
    fcntl(fd, F_SETSIG, SIGURG);
    held_ = fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
    refused_ = !held_ && (errno == EAGAIN ||
                          errno == EBUSY);  // else leases are not for us here: another owner, a network file system
  }
  ~ReadLease() {
    if (held_) fcntl(fd_, F_SETLEASE, F_UNLCK);
  }
  ReadLease(const ReadLease&) = delete;
  ReadLease& operator=(const ReadLease&) = delete;
  bool refused() const { return refused_; }

 private:
  int fd_;
  bool held_ = false, refused_ = false;
};

}  // namespace

FileMark MarkOf(const struct stat& info) {
  return fmt::format("{}.{:09}-{}.{:09}-{}-{}", info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_ctim.tv_sec,
                     info.st_ctim.tv_nsec, info.st_size, info.st_ino);
}

FileMark MarkOf(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? MarkOf(info) : FileMark();
}

StableText ReadStable(const std::string& path, std::size_t most) {
  StableText result;
  auto file = OpenRegular(path);
  if (!file) {
    result.state = file.error().code == ErrorCode::kNotFound ? StableText::State::kGone : StableText::State::kFailed;
    result.mark = MarkOf(path);
    result.error = file.error();
    return result;
  }
  const ReadLease lease(file->get());
  result.state = StableText::State::kBusy;
  if (lease.refused()) return result;
  struct stat before {
  }, after{};
  if (fstat(file->get(), &before) != 0) return result;
  result.mark = MarkOf(before);
  auto text = ReadAll(*file, path, most);
  if (!text) {
    result.state = StableText::State::kFailed;
    result.error = text.error();
    return result;
  }
  if (fstat(file->get(), &after) != 0 || MarkOf(after) != result.mark) return result;
  result.text = *std::move(text);
  result.state = StableText::State::kRead;
  return result;
}

}  // namespace pipelined::dagfile
