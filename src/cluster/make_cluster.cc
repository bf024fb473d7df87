#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "cluster/log_tail.h"
#include "cluster/server.h"
#include "pipelined/base/log.h"

// initdb's own fsync of a thousand files is a third of its time. It is left out there and done by a process beside the
// server's first start. Between the two lies a file `unsynced` with the boot's id: a cluster that has it and meets
// another boot was cut off before anything was promised to anybody, and may be half on disk: it is set aside.
namespace pipelined::cluster {
namespace {

namespace fs = std::filesystem;

std::string Marker(const Place& place) {
  return place.root + "/unsynced";
}

std::string BootId() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  return id;
}

bool CutOff(const Place& place) {
  std::string boot;
  std::ifstream(Marker(place)) >> boot;
  std::error_code ignored;
  return fs::exists(Marker(place), ignored) && boot != BootId();
}

Error Failed(std::string message) {
  return {ErrorCode::kFailed, std::move(message), {}};
}

Status MakeEmptyFolder(const std::string& path, const Account& account) {
  std::error_code error;
  fs::remove_all(path, error);
  if (mkdir(path.c_str(), 0700) != 0) return Failed(fmt::format("cannot make {}", path));
  if (account.switches && chown(path.c_str(), account.uid, account.gid) != 0)
    return Failed(fmt::format("cannot give away {}", path));
  return Ok();
}

Status SetAside(const Place& place) {
  const std::string aside = place.data + ".cut-off";
  log::Warning("the machine stopped while the database was being made; what there is of it is now {}", aside);
  std::error_code error;
  fs::remove_all(aside, error);
  fs::rename(place.data, aside, error);
  if (error) return Failed(fmt::format("cannot rename {}: {}", place.data, error.message()));
  return Ok();
}

void SyncFolder(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

}  // namespace

Status MakeCluster(const Place& place, const std::string& programs) {
  if (place.made() && CutOff(place)) {
    if (const Status aside = SetAside(place); !aside) return aside;
  }
  if (place.made()) return Ok();
  // Made under another name: what has the name `data` is whole.
  const std::string fresh = place.data + ".new";
  if (const Status made = MakeEmptyFolder(fresh, place.account); !made) return made;
  const Command initdb{{programs + "/initdb", "-D", fresh, "-U", "pipelined", "--auth=trust", "--no-locale",
                        "--encoding=UTF8", "--wal-segsize=1", "--data-checksums", "--no-sync", "--no-instructions"},
                       place.root,
                       place.log,
                       SIGKILL};
  Result<Process> process = Spawn(initdb, place.account);
  if (!process) return process.error();
  if (!process->Wait(Seconds(120))) return Failed("initdb did not end within two minutes");
  if (process->status() != 0) return Failed(fmt::format("initdb failed:\n{}", LogTail(place.log)));
  std::ofstream(Marker(place), std::ios::trunc) << BootId() << "\n";
  std::error_code error;
  fs::rename(fresh, place.data, error);
  if (error) return Failed(fmt::format("cannot rename {}: {}", fresh, error.message()));
  return Ok();
}

Result<Process> StartSync(const Place& place, const std::string& programs) {
  std::error_code ignored;
  if (!fs::exists(Marker(place), ignored)) return Process();
  return Spawn({{programs + "/initdb", "--sync-only", "-D", place.data}, place.root, place.log, SIGKILL},
               place.account);
}

void SyncDone(const Place& place) {
  std::error_code ignored;
  fs::remove(Marker(place), ignored);
  // Before anything is promised: a marker that came back after a power loss would disown a good database.
  SyncFolder(place.root);
  SyncFolder(fs::path(place.root).parent_path().string());
}

}  // namespace pipelined::cluster
