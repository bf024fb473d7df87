#include "scheduler/sensors/file_look.h"

#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pipelined {
namespace {

using Kind = Sighting::Kind;

// What a task gives back is read by templates and shown to people: so many names say enough.
constexpr std::size_t kMostPaths = 1000;

std::int64_t NumberOf(const Value& what, std::string_view key, std::int64_t otherwise) {
  const Value* value = what.Find(key);
  return value != nullptr && value->is_int() ? value->integer() : otherwise;
}

Instant ToInstant(const timespec& at) {
  return Instant(Seconds(at.tv_sec) + Micros(at.tv_nsec / 1000));
}

struct Seen {
  bool good = false;
  std::int64_t size = 0;
  std::string why = {};  // not good, or (could not look) unknown
  bool unknown = false;
  std::optional<Instant> good_at = std::nullopt;  // when it will be, if nothing changes
};

// Copying keeps the time of the last change, but not that of the inode: the later of both counts.
Seen LookAt(const FileJob& job, const std::string& path, Instant now) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return Seen{false, 0, "not there"};
    return Seen{false, 0, fmt::format("{}: {}", path, std::strerror(errno)), true};
  }
  Seen seen{true, info.st_size};
  if (info.st_size < job.min_size) {
    seen.good = false;
    seen.why = fmt::format("{} bytes of at least {}", info.st_size, job.min_size);
  } else if (job.stable > Micros(0)) {
    const Instant stable_at = std::max(ToInstant(info.st_mtim), ToInstant(info.st_ctim)) + job.stable;
    if (stable_at > now) {
      seen.good = false;
      seen.why = "it still changes";
      seen.good_at = stable_at;
    }
  }
  return seen;
}

// glob()'s memory.
struct Matches {
  explicit Matches(const std::string& pattern) : result(glob(pattern.c_str(), 0, nullptr, &found)) {}
  ~Matches() { globfree(&found); }
  Matches(const Matches&) = delete;
  Matches& operator=(const Matches&) = delete;
  glob_t found{};
  int result;
};

Sighting LookForAll(const FileJob& job, Instant now) {
  const Matches matches(job.path);
  if (matches.result != 0 && matches.result != GLOB_NOMATCH)
    return Sighting{Kind::kUnknown, {}, fmt::format("{}: cannot be looked through", job.path)};
  Value::List paths;
  std::int64_t count = 0;
  std::optional<Instant> good_at;
  const std::size_t there = matches.result == 0 ? matches.found.gl_pathc : 0;
  for (std::size_t i = 0; i < there; ++i) {
    const std::string path = matches.found.gl_pathv[i];
    const Seen seen = LookAt(job, path, now);
    if (seen.good_at) good_at = std::max(good_at.value_or(*seen.good_at), *seen.good_at);
    if (!seen.good) continue;
    ++count;
    if (paths.size() < kMostPaths) paths.emplace_back(path);
  }
  if (count < job.min_count)
    return Sighting{Kind::kNotYet, {}, fmt::format("{} of at least {} files", count, job.min_count), good_at};
  return Sighting{Kind::kThere, Value::Map{{"paths", paths}, {"count", count}, {"return_value", paths}}};
}

}  // namespace

FileJob::FileJob(const Value& job) {
  const auto& [kind, what] = job.map().front();
  is_glob = kind == "glob";
  if (const Value* text = what.Find(is_glob ? "pattern" : "path"); text != nullptr && text->is_string())
    path = text->string();
  min_size = NumberOf(what, "min_size", 0);
  min_count = NumberOf(what, "min_count", 1);
  stable = Micros(NumberOf(what, "stable_micros", 0));
}

std::string FileJob::Folder() const {
  const std::size_t wild = is_glob ? path.find_first_of("*?[\\") : std::string::npos;
  const std::size_t slash = path.rfind('/', wild == std::string::npos ? std::string::npos : wild);
  if (slash == std::string::npos || slash == 0) return "/";
  return path.substr(0, slash);
}

std::string FileJob::Part() const {
  const std::string folder = Folder();
  const std::size_t begin = folder == "/" ? 1 : folder.size() + 1;
  std::string part = begin < path.size() ? path.substr(begin) : std::string();
  if (const auto slash = part.find('/'); slash != std::string::npos) part.resize(slash);  // a folder on the way
  return part;
}

Sighting FileJob::Look(Instant now) const {
  if (is_glob) return LookForAll(*this, now);
  const Seen seen = LookAt(*this, path, now);
  if (seen.unknown) return Sighting{Kind::kUnknown, {}, seen.why};
  if (!seen.good) return Sighting{Kind::kNotYet, {}, seen.why, seen.good_at};
  return Sighting{Kind::kThere, Value::Map{{"path", path}, {"size", seen.size}, {"return_value", path}}};
}

}  // namespace pipelined
