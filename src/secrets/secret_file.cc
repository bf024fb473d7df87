#include "secrets/secret_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "pipelined/secrets/token.h"

namespace pipelined::secrets {
namespace {

Error SystemError(std::string_view what, const std::string& path) {
  const int code = errno;
  const ErrorCode kind = code == ENOENT                    ? ErrorCode::kNotFound
                         : code == EACCES || code == ELOOP ? ErrorCode::kNotAllowed
                                                           : ErrorCode::kUnavailable;
  return {kind, fmt::format("cannot {} {}: {}", what, path, std::strerror(code)), ""};
}

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

// Root may use a folder of another user's home (the service's own account); anybody else only his own.
bool OwnedByUs(const struct stat& st) {
  return st.st_uid == geteuid() || geteuid() == 0;
}

bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// A file beside `path` that holds `text`, on disk: its name.
Result<std::string> WriteTemporary(const std::string& path, std::string_view text) {
  std::string temporary = fmt::format("{}.{}", path, RandomHex(8));
  const Fd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.ok()) return SystemError("write", temporary);
  if (!WriteAll(fd.get(), text) || fsync(fd.get()) != 0) {
    const Error error = SystemError("write", temporary);
    unlink(temporary.c_str());
    return error;
  }
  return temporary;
}

}  // namespace

Status EnsurePrivateFolder(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), ignored);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return SystemError("make", folder);
  const Fd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.ok()) return SystemError("open", folder);
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return SystemError("look at", folder);
  if (!OwnedByUs(st)) return Error{ErrorCode::kNotAllowed, fmt::format("{} belongs to another user", folder), ""};
  if ((st.st_mode & 07777) != 0700 && fchmod(fd.get(), 0700) != 0) return SystemError("protect", folder);
  return Ok();
}

Result<std::string> ReadSecret(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd.ok()) return SystemError("read", path);
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return SystemError("look at", path);
  if (!S_ISREG(st.st_mode) || !OwnedByUs(st)) {
    return Error{ErrorCode::kNotAllowed, fmt::format("{} is no file of this user", path), ""};
  }
  if ((st.st_mode & 077) != 0) fchmod(fd.get(), 0600);
  std::array<char, 4096> buffer{};
  const ssize_t n = read(fd.get(), buffer.data(), buffer.size());
  if (n < 0) return SystemError("read", path);
  std::string text(buffer.data(), static_cast<std::size_t>(n));
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

Status WriteSecret(const std::string& path, std::string_view text) {
  const Result<std::string> temporary = WriteTemporary(path, text);
  if (!temporary.ok()) return temporary.error();
  if (rename(temporary->c_str(), path.c_str()) != 0) return SystemError("write", path);
  return Ok();
}

Status WriteNewSecret(const std::string& path, std::string_view text) {
  const Result<std::string> temporary = WriteTemporary(path, text);
  if (!temporary.ok()) return temporary.error();
  const bool linked = link(temporary->c_str(), path.c_str()) == 0;
  const bool exists = !linked && errno == EEXIST;
  const Error error = SystemError("write", path);
  unlink(temporary->c_str());
  if (linked) return Ok();
  return exists ? Error{ErrorCode::kConflict, fmt::format("{} exists already", path), ""} : error;
}

}  // namespace pipelined::secrets
