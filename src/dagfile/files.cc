#include "dagfile/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dagfile/layers.h"

namespace pipelined {
namespace dagfile {
namespace {

Error SystemError(const std::string& path) {
  const int error = errno;
  return {error == ENOENT || error == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
          fmt::format("{}: {}", path, std::strerror(error)),
          error == EACCES ? "make the file readable for the user of the scheduler" : ""};
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

Result<Descriptor> OpenRegular(const std::string& path) {
  // Non-blocking: opening a FIFO would otherwise wait for its writer.
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return SystemError(path);
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return SystemError(path);
  if (!S_ISREG(info.st_mode)) return Error{ErrorCode::kInvalid, fmt::format("{} is not a regular file", path), ""};
  return file;
}

Result<std::string> ReadAll(const Descriptor& file, const std::string& path, std::size_t most) {
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return SystemError(path);
  std::string text;
  text.resize(std::min(static_cast<std::size_t>(info.st_size), most) + 1);  // one more shows growth, and the limit
  std::size_t size = 0;
  for (;;) {
    if (size > most)
      return Error{ErrorCode::kInvalid, fmt::format("{} is longer than the {} MiB that are allowed", path, most >> 20),
                   ""};
    if (size == text.size()) text.resize(std::min(text.size() * 2, most + 1));
    const ssize_t got = read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

Result<std::string> ReadTextFile(const std::string& path, std::size_t most) {
  const auto file = OpenRegular(path);
  if (!file) return file.error();
  return ReadAll(*file, path, most);
}

std::vector<std::string> DefaultsPaths(const std::string& path, const std::string& root) {
  std::vector<std::string> paths;
  std::string folder = path;
  for (;;) {
    const std::size_t slash = folder.rfind('/');
    if (slash == std::string::npos) break;
    folder.resize(slash);
    paths.push_back(fmt::format("{}/{}", folder, kDefaultsName));
    if (folder == root || folder.size() <= root.size()) break;
  }
  return paths;
}

std::string RelativeTo(const std::string& path, const std::string& root) {
  const bool below = path.size() > root.size() + 1 && path.starts_with(root) && path[root.size()] == '/';
  return below ? path.substr(root.size() + 1) : path;
}

}  // namespace dagfile

LoadResult LoadFile(const std::string& path, const std::string& root, const ZoneSource& zones,
                    const std::string& shown_as, const LoadLimits& limits) {
  LoadOptions options{path, dagfile::RelativeTo(path, root), shown_as, {}, limits};
  options.read_other = [&limits](const std::string& other) { return dagfile::ReadTextFile(other, limits.bytes); };
  const auto unreadable = [&](const std::string& message, const std::string& hint, Code code) {
    dagfile::Reporter reporter(shown_as.empty() ? options.relative_file : shown_as, 1);
    reporter.Error(code, {}, message, hint);
    return LoadResult{{}, reporter.Take()};
  };
  for (const std::string& defaults : dagfile::DefaultsPaths(path, root)) {
    auto text = dagfile::ReadTextFile(defaults, limits.bytes);
    if (text) {
      options.defaults.push_back({shown_as.empty() ? dagfile::RelativeTo(defaults, root) : defaults, *std::move(text)});
    } else if (text.error().code != ErrorCode::kNotFound) {
      return unreadable(text.error().message, text.error().hint, Code::kUnreadable);
    }
  }
  const auto text = dagfile::ReadTextFile(path, limits.bytes);
  if (text) return LoadText(*text, options, zones);
  const bool too_large = text.error().message.find("longer than") != std::string::npos;
  return unreadable(text.error().message, text.error().hint, too_large ? Code::kTooLarge : Code::kUnreadable);
}

}  // namespace pipelined
