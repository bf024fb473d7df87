#include "secrets/secret_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "pipelined/base/log.h"
#include "pipelined/base/owned_fd.h"
#include "pipelined/secrets/token.h"

namespace pipelined::secrets {
namespace {

constexpr std::size_t kLongest = 64 * 1024;

Error SystemError(std::string_view what, const std::string& path) {
  const int code = errno;
  const ErrorCode kind = code == ENOENT                    ? ErrorCode::kNotFound
                         : code == EACCES || code == ELOOP ? ErrorCode::kNotAllowed
                                                           : ErrorCode::kUnavailable;
  return {kind, fmt::format("cannot {} {}: {}", what, path, std::strerror(code)), ""};
}

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

// All of it, or the error of errno; more than the most is none of our secrets.
std::optional<std::string> ReadAll(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (text.size() <= kLongest) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  errno = EFBIG;
  return std::nullopt;
}

// So that the name is on disk as well: what was encrypted with a new key must not outlive the key.
bool SyncFolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  const OwnedFd fd(open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && fsync(fd.get()) == 0;
}

// Others could have read it so far.
void Protect(int fd, mode_t mode, const std::string& path) {
  if ((mode & 077) == 0) return;
  const bool done = fchmod(fd, 0600) == 0;
  log::Warning("others could read {} (mode {:04o}){}: think of its secrets as known to them", path, mode & 07777,
               done ? ", which is 0600 now" : "; it cannot be changed");
}

// A file beside `path` that holds `text`, on disk: its name.
Result<std::string> WriteTemporary(const std::string& path, std::string_view text) {
  std::string temporary = fmt::format("{}.{}", path, RandomHex(8));
  const OwnedFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return SystemError("write", temporary);
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
  const OwnedFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return SystemError("open", folder);
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return SystemError("look at", folder);
  if (!OwnedByUs(st)) return Error{ErrorCode::kNotAllowed, fmt::format("{} belongs to another user", folder), ""};
  if ((st.st_mode & 07777) != 0700 && fchmod(fd.get(), 0700) != 0) return SystemError("protect", folder);
  return Ok();
}

Result<std::string> ReadSecret(const std::string& path) {
  const OwnedFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return SystemError("read", path);
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return SystemError("look at", path);
  if (!S_ISREG(st.st_mode) || !OwnedByUs(st)) {
    return Error{ErrorCode::kNotAllowed, fmt::format("{} is no file of this user", path), ""};
  }
  Protect(fd.get(), st.st_mode, path);
  std::optional<std::string> text = ReadAll(fd.get());
  if (!text) return SystemError("read", path);
  text->erase(text->find_last_not_of(" \t\r\n") + 1);
  return *std::move(text);
}

FileLock::FileLock(const std::string& folder)
    : fd_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
  while (fd_ >= 0 && flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
  }
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

Status WriteSecret(const std::string& path, std::string_view text) {
  const Result<std::string> temporary = WriteTemporary(path, text);
  if (!temporary.ok()) return temporary.error();
  if (rename(temporary->c_str(), path.c_str()) == 0 && SyncFolderOf(path)) return Ok();
  const Error error = SystemError("write", path);
  unlink(temporary->c_str());
  return error;
}

Status WriteNewSecret(const std::string& path, std::string_view text) {
  const Result<std::string> temporary = WriteTemporary(path, text);
  if (!temporary.ok()) return temporary.error();
  const bool linked = link(temporary->c_str(), path.c_str()) == 0 && SyncFolderOf(path);
  const bool exists = !linked && errno == EEXIST;
  const Error error = SystemError("write", path);
  unlink(temporary->c_str());
  if (linked) return Ok();
  return exists ? Error{ErrorCode::kConflict, fmt::format("{} exists already", path), ""} : error;
}

}  // namespace pipelined::secrets
