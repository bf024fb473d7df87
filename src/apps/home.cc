#include "apps/home.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "pipelined/base/clock.h"
#include "pipelined/schema/json.h"

namespace pipelined::apps {
namespace {

namespace fs = std::filesystem;

std::string LockPath(const std::string& home) {
  return home + "/run/standalone.lock";
}
std::string RunningPath(const std::string& home) {
  return home + "/run/standalone.json";
}

Error Failed(std::string_view what, const std::string& path) {
  return {ErrorCode::kUnavailable, fmt::format("{} {}: {}", what, path, std::strerror(errno)), {}};
}

Status MakeFolder(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0)
    return chmod(path.c_str(), mode) == 0 ? Ok() : Failed("cannot set the mode of", path);
  if (errno != EEXIST) return Failed("cannot make", path);
  return Ok();
}

// Its folders keep strangers out where they must. For root the home itself lets PostgreSQL's user through, but not look
// around.
mode_t HomeMode() {
  return geteuid() == 0 ? 0711 : 0700;
}

std::string TextOf(const Value& object, std::string_view key) {
  const Value* value = object.Find(key);
  return value != nullptr && value->is_string() ? value->string() : std::string();
}

std::optional<Running> ReadRunning(const std::string& home) {
  std::ifstream in(RunningPath(home), std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const Result<Value> json = ParseJson(text);
  if (!in || !json) return std::nullopt;
  const Value* pid = json->Find("pid");
  return Running{pid != nullptr && pid->is_int() ? static_cast<int>(pid->integer()) : 0, TextOf(*json, "url"),
                 TextOf(*json, "database_url")};
}

}  // namespace

Result<std::string> FindHome(const std::string& option) {
  std::string home = option;
  if (const char* variable = std::getenv("PIPELINED_HOME"); home.empty() && variable != nullptr) home = variable;
  if (home.empty() && geteuid() == 0) home = "/var/lib/pipelined";
  if (home.empty()) {
    const char* user_home = std::getenv("HOME");
    const passwd* entry = user_home == nullptr || *user_home == '\0' ? getpwuid(geteuid()) : nullptr;
    if (entry != nullptr) user_home = entry->pw_dir;
    if (user_home == nullptr || *user_home == '\0')
      return Error{ErrorCode::kInvalid, "no home folder is known", "give one with --home"};
    home = std::string(user_home) + "/.pipelined";
  }
  std::error_code error;
  fs::path path = fs::weakly_canonical(fs::absolute(home, error), error);
  if (error)
    return Error{ErrorCode::kInvalid, fmt::format("the home {} cannot be used: {}", home, error.message()), {}};
  return path.string();
}

std::string InHome(const std::string& home, const std::string& path) {
  return path.empty() ? path : (std::filesystem::path(home) / path).lexically_normal().string();
}

Status PrepareHome(const std::string& home) {
  std::error_code error;
  fs::create_directories(fs::path(home).parent_path(), error);
  if (error)
    return Error{ErrorCode::kUnavailable, fmt::format("cannot make the folders of {}: {}", home, error.message()), {}};
  if (const Status made = MakeFolder(home, HomeMode()); !made) return made;
  struct Folder {
    const char* name;
    mode_t mode;
  };
  constexpr Folder kFolders[] = {{"run", 0700}, {"secrets", 0700}, {"attempts", 0700}, {"logs", 0750}, {"dags", 0755}};
  for (const Folder& folder : kFolders) {
    if (const Status made = MakeFolder(home + "/" + folder.name, folder.mode); !made) return made;
  }
  return Ok();
}

Status WriteRunning(const std::string& home, const Running& running) {
  const std::string path = RunningPath(home), fresh = path + ".new";
  Value object;
  object.Set("pid", running.pid);
  object.Set("url", running.url);
  object.Set("database_url", running.database_url);
  const std::string text = ToJson(object) + "\n";
  unlink(fresh.c_str());
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Failed("cannot write", fresh);
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  if (!written || rename(fresh.c_str(), path.c_str()) != 0) return Failed("cannot write", path);
  return Ok();
}

void RemoveRunning(const std::string& home) {
  unlink(RunningPath(home).c_str());
}

std::optional<Running> FindRunning(const std::string& home) {
  const int fd = open(LockPath(home).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  const bool is_free = flock(fd, LOCK_SH | LOCK_NB) == 0;
  close(fd);
  return is_free ? std::nullopt : ReadRunning(home);
}

Result<int> LockHome(const std::string& home) {
  constexpr Micros kPatience = Seconds(3);
  const int fd = open(LockPath(home).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Failed("cannot open", LockPath(home));
  const Micros deadline = SystemClock().Monotonic() + kPatience;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (SystemClock().Monotonic() < deadline) {
      poll(nullptr, 0, 20);  // the end of a process that holds it tells nobody; a blocking flock() has no time limit
      continue;
    }
    close(fd);
    const auto running = ReadRunning(home);
    return Error{ErrorCode::kConflict,
                 running
                     ? fmt::format("a standalone already runs on {}: {} (process {})", home, running->url, running->pid)
                     : fmt::format("a standalone already runs on {}", home),
                 "stop it, or give this one another --home"};
  }
  return fd;
}

}  // namespace pipelined::apps
