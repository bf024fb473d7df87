#include "cli/session/profiles.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/session/session.h"
#include "pipelined/base/near_match.h"
#include "pipelined/schema/json.h"

namespace pipelined::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFields[] = {"url", "user", "token", "ca_cert"};

std::string Profile::*Member(std::string_view field) {
  if (field == "url") return &Profile::url;
  if (field == "user") return &Profile::user;
  if (field == "token") return &Profile::token;
  return &Profile::ca_cert;
}

Error Broken(const std::string& path, const std::string& why) {
  return {ErrorCode::kInvalid, fmt::format("{}: {}", path, why), "mend it, or remove it and log in again"};
}

Error CannotWrite(const std::string& path) {
  return {ErrorCode::kFailed, fmt::format("cannot write {}: {}", path, std::strerror(errno)), ""};
}

Status WriteWhole(int fd, const std::string& text, const std::string& path) {
  const bool written = fchmod(fd, 0600) == 0 && write(fd, text.data(), text.size()) == std::ssize(text);
  const bool synced = written && fsync(fd) == 0;
  return close(fd) == 0 && synced ? Ok() : Status(CannotWrite(path));
}

Status MakeFolder(const fs::path& folder) {
  std::error_code failure;
  if (fs::create_directories(folder, failure)) fs::permissions(folder, fs::perms::owner_all, failure);
  return failure ? Status(Error{ErrorCode::kFailed, fmt::format("{}: {}", folder.string(), failure.message()), ""})
                 : Ok();
}

// The lock of a folder, as long as it lives. Where the file system has no locks nobody waits.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder) : fd_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    while (fd_ >= 0 && flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~FolderLock() {
    if (fd_ >= 0) close(fd_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  const int fd_;
};

}  // namespace

std::string ProfilesPath() {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  const bool set = config != nullptr && *config == '/';  // a relative one is to be ignored, says the specification
  return (set ? std::string(config) : std::string(home == nullptr ? "" : home) + "/.config") +
         "/pipelined/profiles.json";
}

Result<Profiles> Profiles::Load(const std::string& path) {
  std::ifstream file(path);
  if (!file && errno == ENOENT) return Profiles();
  if (!file) return Broken(path, std::strerror(errno));
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto json = ParseJson(text);
  if (!json) return Broken(path, json.error().message);
  const Value* profiles = json->Find("profiles");
  if (profiles == nullptr || !profiles->is_map()) return Broken(path, "there are no \"profiles\" in it");
  Profiles loaded;
  for (const auto& [name, fields] : profiles->map()) {
    Profile profile;
    profile.name = name;
    for (const char* field : kFields) profile.*Member(field) = TextOf(fields, field);
    if (profile.url.empty()) return Broken(path, fmt::format("the profile \"{}\" has no url", name));
    loaded.all_.push_back(std::move(profile));
  }
  loaded.current_ = TextOf(*json, "current");
  return loaded;
}

Status Profiles::Save(const std::string& path) const {
  Value profiles{Value::Map{}};
  for (const Profile& profile : all_) {
    Value fields{Value::Map{}};
    for (const char* field : kFields) {
      if (const std::string& text = profile.*Member(field); !text.empty()) fields.Set(field, text);
    }
    profiles.Set(profile.name, std::move(fields));
  }
  const Value file = Value::Map{{"current", current_}, {"profiles", std::move(profiles)}};
  if (const Status made = MakeFolder(fs::path(path).parent_path()); !made) return made;
  const std::string fresh = fmt::format("{}.{}", path, getpid());  // so that two log-ins do not mix
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return CannotWrite(path);
  const Status written = WriteWhole(fd, ToPrettyJson(file) + "\n", path);
  if (written && rename(fresh.c_str(), path.c_str()) == 0) return Ok();
  unlink(fresh.c_str());
  return written ? Status(CannotWrite(path)) : written;
}

Status Profiles::Update(const std::function<Status(Profiles&)>& change, const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  if (const Status made = MakeFolder(folder); !made) return made;
  const FolderLock lock(folder);
  auto profiles = Load(path);
  if (!profiles) return profiles.error();
  if (const Status changed = change(*profiles); !changed) return changed;
  return profiles->Save(path);
}

const Profile* Profiles::Find(std::string_view name) const {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const Profile& p) { return p.name == name; });
  return found == all_.end() ? nullptr : &*found;
}

Result<Profile> Profiles::Get(std::string_view name) const {
  if (const Profile* found = Find(name)) return *found;
  std::vector<std::string_view> names;
  for (const Profile& profile : all_) names.push_back(profile.name);
  const auto near = NearMatch(name, names);
  return Error{ErrorCode::kNotFound, fmt::format("there is no profile \"{}\"", name),
               near            ? fmt::format("did you mean \"{}\"?", *near)
               : names.empty() ? "make one with: pipectl login URL"
                               : fmt::format("there are: {}", fmt::join(names, ", "))};
}

const Profile* Profiles::WithUrl(std::string_view url) const {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const Profile& p) { return p.url == url; });
  return found == all_.end() ? nullptr : &*found;
}

void Profiles::Put(Profile profile) {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const Profile& p) { return p.name == profile.name; });
  if (found == all_.end()) {
    all_.push_back(std::move(profile));
  } else {
    *found = std::move(profile);
  }
}

void Profiles::Remove(std::string_view name) {
  std::erase_if(all_, [&](const Profile& profile) { return profile.name == name; });
  if (current_ == name) current_.clear();
}

}  // namespace pipelined::cli
