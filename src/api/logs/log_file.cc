#include "api/logs/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "pipelined/base/owned_fd.h"

namespace pipelined::api {
namespace {

int OpenBeneath(int folder, const std::string& relative) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(syscall(SYS_openat2, folder, relative.c_str(), &how, sizeof how));
}

Result<LogPiece> Failure(int code, const std::string& relative, std::int64_t offset) {
  LogPiece nothing;
  nothing.next = offset;
  if (code == ENOENT || code == ENOTDIR) return nothing;
  if (code == EXDEV || code == ELOOP)
    return Error{ErrorCode::kNotAllowed, "the log lies outside of the logs folder", ""};
  return Error{ErrorCode::kUnavailable, fmt::format("cannot read the log {}: {}", relative, std::strerror(code)), ""};
}

// Reads up to `limit` bytes; -1 on failure.
std::int64_t ReadAt(int fd, std::string& out, std::int64_t offset, std::int64_t limit) {
  out.resize(static_cast<std::size_t>(limit));
  std::int64_t done = 0;
  while (done < limit) {
    const ssize_t n = pread(fd, out.data() + done, static_cast<std::size_t>(limit - done), offset + done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    done += n;
  }
  out.resize(static_cast<std::size_t>(done));
  return done;
}

}  // namespace

std::string LogPath(const std::string& dag_id, const std::string& run_id, const std::string& task_id,
                    std::int64_t try_number, std::int32_t map_index) {
  const std::string instance = map_index < 0 ? "" : fmt::format("map_index={}/", map_index);
  return fmt::format("dag_id={}/run_id={}/task_id={}/{}attempt={}.log", dag_id, run_id, task_id, instance, try_number);
}

Result<LogPiece> ReadLog(const std::string& logs_dir, const std::string& relative, std::int64_t offset,
                         std::int64_t limit, bool whole) {
  const OwnedFd folder(open(logs_dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) return Failure(errno, relative, offset);
  const OwnedFd file(OpenBeneath(folder.get(), relative));
  if (file.get() < 0) return Failure(errno, relative, offset);
  struct stat st {};
  if (fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode))
    return Error{ErrorCode::kNotAllowed, "the log is no file", ""};
  LogPiece piece;
  piece.next = offset;
  if (offset >= st.st_size) return piece;
  const std::int64_t read = ReadAt(file.get(), piece.text, offset, std::min<std::int64_t>(limit, st.st_size - offset));
  if (read < 0) return Failure(errno, relative, offset);
  piece.at_end = offset + read >= st.st_size;
  const std::size_t last_newline = piece.text.rfind('\n');
  const bool cut = !piece.at_end || !whole;
  if (cut && last_newline != std::string::npos) {
    piece.text.resize(last_newline + 1);
  } else if (cut && piece.at_end) {
    piece.text.clear();  // a line that is still being written: later
  }
  piece.next = offset + static_cast<std::int64_t>(piece.text.size());
  return piece;
}

}  // namespace pipelined::api
