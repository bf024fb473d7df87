#include "pipelined/zoneinfo/system_zones.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "pipelined/base/near_match.h"
#include "zoneinfo/ical.h"

namespace pipelined {

namespace {

constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLargestZone = 1 << 20;

bool IsNamePart(std::string_view part) {
  if (part.empty() || part.front() == '.' || part.front() == '-') return false;
  return std::all_of(part.begin(), part.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '+' || c == '.';
  });
}

// "Europe/Berlin", "Etc/GMT+1": letters, digits and _-+. between slashes, so that no name leads out of the folder.
bool IsName(std::string_view name) {
  if (name.size() > kLongestName) return false;
  for (;;) {
    const std::size_t slash = name.find('/');
    if (!IsNamePart(name.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

class File {
 public:
  explicit File(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// All of the file, or nothing with errno.
bool ReadAll(int fd, std::string& out, std::size_t most) {
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) return true;
    out.append(buffer.data(), static_cast<std::size_t>(got));
    if (out.size() > most) {
      errno = EFBIG;
      return false;
    }
  }
}

Error Unreadable(std::string_view name, const std::filesystem::path& path) {
  return {ErrorCode::kUnavailable, fmt::format("time zone {}: {}: {}", name, path.string(), std::strerror(errno)), ""};
}

}  // namespace

Result<std::shared_ptr<const Zone>> SystemZones::Find(std::string_view name) const {
  if (name == "UTC") return Zone::Utc();
  if (!IsName(name)) return Unknown(name);
  const std::filesystem::path path = folder_ / name;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? Unknown(name) : Unreadable(name, path);
  }
  if (!S_ISREG(status.st_mode)) return Unknown(name);
  const Stamp stamp = StampOf(path);
  if (auto kept = Take(zones_, name, stamp)) return kept;
  const File file(path);
  std::string bytes;
  if (file.fd() < 0 || !ReadAll(file.fd(), bytes, kLargestZone)) return Unreadable(name, path);
  if (bytes.compare(0, 4, "TZif") != 0) return Unknown(name);  // zone.tab and its like lie in the same folder
  auto zone = Zone::Parse(std::string(name), bytes);
  if (zone) Keep(zones_, name, stamp, *zone);
  return zone;
}

Result<std::shared_ptr<const DayList>> SystemZones::Holidays(std::string_view path) const {
  const auto unreadable = [&](ErrorCode code, std::string_view why, std::string hint) {
    return Error{code, fmt::format("calendar {}: {}", path, why), std::move(hint)};
  };
  const std::string name(path);
  struct stat status {};
  if (::stat(name.c_str(), &status) != 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    return unreadable(missing ? ErrorCode::kNotFound : ErrorCode::kUnavailable, std::strerror(errno),
                      missing ? "the path is relative to the folder of the DAG file"
                              : "make the file readable for the user of the scheduler");
  }
  if (!S_ISREG(status.st_mode)) return unreadable(ErrorCode::kInvalid, "it is not a regular file", "");
  const Stamp stamp = StampOf(name);
  if (auto kept = Take(calendars_, path, stamp)) return kept;
  const File file(name);
  std::string text;
  if (file.fd() < 0 || !ReadAll(file.fd(), text, kLargestCalendar + 1)) {
    const bool too_large = file.fd() >= 0 && errno == EFBIG;
    if (too_large) return unreadable(ErrorCode::kInvalid, DaysOfCalendar(text).error().message, "");
    return unreadable(ErrorCode::kUnavailable, std::strerror(errno),
                      "make the file readable for the user of the scheduler");
  }
  auto days = DaysOfCalendar(text);
  if (!days) return unreadable(ErrorCode::kInvalid, days.error().message, days.error().hint);
  auto shared = std::make_shared<const DayList>(*std::move(days));
  Keep(calendars_, path, stamp, shared);
  return shared;
}

SystemZones::Stamp SystemZones::StampOf(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ino, static_cast<std::uint64_t>(status.st_size)};
}

template <class T>
std::shared_ptr<const T> SystemZones::Take(const Shelf<T>& shelf, std::string_view name, const Stamp& stamp) const {
  const std::lock_guard lock(mutex_);
  const auto kept = shelf.find(name);
  return kept != shelf.end() && kept->second.stamp == stamp ? kept->second.what : nullptr;
}

template <class T>
void SystemZones::Keep(Shelf<T>& shelf, std::string_view name, const Stamp& stamp,
                       std::shared_ptr<const T> what) const {
  const std::lock_guard lock(mutex_);
  const auto [at, fresh] = shelf.try_emplace(std::string(name));
  if (fresh) at->second.noticed = stamp;
  Notice(at->second, stamp);
  at->second.stamp = stamp;
  at->second.what = std::move(what);
}

// The caller holds the lock.
template <class T>
void SystemZones::Notice(Kept<T>& kept, const Stamp& stamp) const {
  if (kept.noticed == stamp) return;
  kept.noticed = stamp;
  kept.changed = ++changes_;
}

std::vector<std::string> SystemZones::Changed(std::uint64_t& seen) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> changed;
  for (auto& [name, kept] : zones_) {
    Notice(kept, StampOf(folder_ / name));
    if (kept.changed > seen) changed.push_back(name);
  }
  for (auto& [path, kept] : calendars_) {
    Notice(kept, StampOf(path));
    if (kept.changed > seen) changed.push_back(path);
  }
  seen = changes_;
  return changed;
}

Error SystemZones::Unknown(std::string_view name) const {
  const std::vector<std::string> names = Names();
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  Error error{ErrorCode::kNotFound, fmt::format("there is no time zone \"{}\"", name.substr(0, kLongestName)), ""};
  if (names.empty()) {
    error.hint = fmt::format("there are no time zones in {}; install the package tzdata", folder_.string());
  } else if (const auto near = NearMatch(name.substr(0, kLongestName), candidates)) {
    error.hint = fmt::format("did you mean {}?", *near);
  } else {
    error.hint = "write a name such as Europe/Berlin or UTC";
  }
  return error;
}

// What the folder offers; read only to help after a mistake.
std::vector<std::string> SystemZones::Names() const {
  std::vector<std::string> names = {"UTC"};
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(
      folder_, std::filesystem::directory_options::skip_permission_denied, error),
      end;
  if (error) return {};
  for (; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().lexically_relative(folder_).string();
    if (name == "posix" || name == "right") entry.disable_recursion_pending();  // the same zones again
    std::error_code ignored;
    if (entry->is_regular_file(ignored) && IsName(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace pipelined
