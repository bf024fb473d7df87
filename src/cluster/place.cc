#include "cluster/place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "pipelined/base/hash.h"

namespace pipelined::cluster {
namespace {

namespace fs = std::filesystem;

constexpr const char* kElsewhere = "/var/lib/pipelined";
constexpr std::size_t kLongestSocket = 100;  // the kernel's limit is 107

Error Failed(std::string message, std::string hint = {}) {
  return {ErrorCode::kFailed, std::move(message), std::move(hint)};
}
Error FailedAt(std::string_view what, const std::string& path) {
  return Failed(fmt::format("{} {}: {}", what, path, std::strerror(errno)));
}

std::string RandomId() {
  std::array<std::uint8_t, 8> bytes{};
  while (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
  }
  return Hex(bytes.data(), bytes.size());
}

// Makes the folder when it is not there. One that is there keeps its owner and mode.
Status MakeFolder(const std::string& path, mode_t mode, const Account* owner) {
  if (mkdir(path.c_str(), mode) != 0) return errno == EEXIST ? Ok() : Status(FailedAt("cannot make", path));
  if (chmod(path.c_str(), mode) != 0) return FailedAt("cannot set the mode of", path);  // whatever the umask
  if (owner != nullptr && owner->switches && chown(path.c_str(), owner->uid, owner->gid) != 0)
    return FailedAt("cannot give away", path);
  return Ok();
}

bool IsPrivateFolder(const std::string& path, const Account& owner) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == owner.uid &&
         (info.st_mode & 0077) == 0;
}

std::string FirstLine(const std::string& path) {
  std::string line;
  std::ifstream in(path);
  std::getline(in, line);
  return line;
}

// A link that was copied with its home would let two homes run one cluster, each stopping the other's server.
Status CheckOwner(const std::string& root, const std::string& home) {
  const std::string record = root + "/home";
  const std::string owner = FirstLine(record);
  std::error_code ignored;
  const bool elsewhere = !owner.empty() && owner != home && fs::equivalent(owner + "/postgres", root, ignored);
  if (elsewhere && !fs::equivalent(owner, home, ignored)) {
    return Error{ErrorCode::kConflict, fmt::format("{}/postgres is a link to the database of {}", home, owner),
                 fmt::format("remove the link {}/postgres to get a new database for this home", home)};
  }
  if (owner != home) std::ofstream(record, std::ios::trunc) << home << "\n";
  return Ok();
}

Result<std::string> FollowLink(const std::string& link, const std::string& home) {
  std::error_code error;
  const fs::path target = fs::canonical(link, error);
  if (error) {
    return Failed(fmt::format("{} is a link that leads nowhere: the database that it meant is gone", link),
                  "restore what it leads to, or remove the link to begin with a new, empty database");
  }
  if (const Status owner = CheckOwner(target.string(), home); !owner) return owner.error();
  return target.string();
}

// The link is made first under another name, so that there is never half a one.
Result<std::string> MakeElsewhere(const std::string& link, const std::string& home) {
  const std::string clusters = std::string(kElsewhere) + "/clusters";
  const std::string root = clusters + "/" + RandomId();
  if (const Status made = MakeFolder(kElsewhere, 0711, nullptr); !made) return made.error();
  if (const Status made = MakeFolder(clusters, 0711, nullptr); !made) return made.error();
  if (const Status made = MakeFolder(root, 0711, nullptr); !made) return made.error();
  if (symlink(root.c_str(), link.c_str()) != 0) return FailedAt("cannot make the link", link);
  if (const Status owner = CheckOwner(root, home); !owner) return owner.error();
  return root;
}

// The folder itself stays ours: its owner could plant links under names that root writes to.
Result<std::string> FindRoot(const std::string& home, const Account& account) {
  const std::string inside = home + "/postgres";
  struct stat info {};
  const bool there = lstat(inside.c_str(), &info) == 0;
  if (there && S_ISLNK(info.st_mode)) return FollowLink(inside, home);
  if (!CanEnter(home, account)) {
    if (!there) return MakeElsewhere(inside, home);
    return Failed(fmt::format("the user {} cannot enter {}, where its database is", account.name, inside),
                  fmt::format("chmod o+x {} and the folders above it", home));
  }
  if (const Status made = MakeFolder(inside, account.switches ? 0711 : 0700, nullptr); !made) return made.error();
  std::error_code error;
  const fs::path resolved = fs::canonical(inside, error);
  if (error) return Failed(fmt::format("cannot resolve {}: {}", inside, error.message()));
  return resolved.string();
}

// Beside the cluster, or in a short folder that the cluster remembers, where the path would be too long for a socket.
Result<std::string> SocketFolder(const std::string& root, const Account& account) {
  const std::string beside = root + "/run";
  if (beside.size() + std::strlen("/.s.PGSQL.5432") <= kLongestSocket) {
    if (const Status made = MakeFolder(beside, 0700, &account); !made) return made.error();
    if (!IsPrivateFolder(beside, account))
      return Failed(fmt::format("{} must be a folder of {} with mode 0700", beside, account.name));
    return beside;
  }
  const std::string record = root + "/socket_dir";
  if (const std::string known = FirstLine(record); IsPrivateFolder(known, account)) return known;
  std::string pattern = access("/run", W_OK) == 0 ? "/run/pipelined-XXXXXX" : "/tmp/pipelined-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) return FailedAt("cannot make", pattern);
  if (account.switches && chown(pattern.c_str(), account.uid, account.gid) != 0)
    return FailedAt("cannot give away", pattern);
  std::ofstream(record, std::ios::trunc) << pattern << "\n";
  return pattern;
}

}  // namespace

bool Place::made() const {
  return access((data + "/PG_VERSION").c_str(), F_OK) == 0;
}

Result<Account> ServerAccount() {
  if (geteuid() != 0) return Account{geteuid(), getegid(), "that runs pipelined", false};
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* entry = getpwnam(name)) return Account{entry->pw_uid, entry->pw_gid, name, true};
  }
  return Failed("PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody");
}

Result<Place> FindPlace(const std::string& home, const Account& account) {
  Result<std::string> root = FindRoot(home, account);
  if (!root) return root.error();
  Result<std::string> socket_dir = SocketFolder(*root, account);
  if (!socket_dir) return socket_dir.error();
  return Place{account,         *root,
               *root + "/data", *root + "/server.log",
               *socket_dir,     "pipelined-" + Sha256Hex(*root).substr(0, 12)};
}

}  // namespace pipelined::cluster
