#include "pipelined/cluster/private_cluster.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <cctype>

#include "cluster/place.h"
#include "cluster/programs.h"
#include "cluster/remnants.h"
#include "cluster/server.h"
#include "pipelined/base/log.h"

namespace pipelined {
namespace cluster {
namespace {

std::string UrlEncoded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '-' || c == '_' || c == '.';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// Held as long as the object lives: who has it is the only one to start, stop or clear this cluster. The kernel lets go
// of it when we end in whatever way; our children do not inherit it.
Result<int> TakeLock(const std::string& root) {
  const std::string path = root + "/lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Error{ErrorCode::kFailed, fmt::format("cannot open {}", path), {}};
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  close(fd);
  return Error{ErrorCode::kConflict, fmt::format("another process runs the database in {}", root),
               "stop it first, or use another --home"};
}

class Cluster : public PrivateCluster {
 public:
  Cluster(Place place, std::string programs, int lock)
      : place_(std::move(place)),
        programs_(std::move(programs)),
        lock_(lock),
        url_("postgresql://pipelined@/postgres?port=5432&host=" + UrlEncoded(place_.socket_dir)) {}
  ~Cluster() override {
    (void)Stop();
    close(lock_);
  }

  Status Begin() {
    if (const Status cleared = ClearRemnants(place_); !cleared) return cleared;
    if (const Status made = MakeCluster(place_, programs_); !made) return made;
    Result<Process> sync = StartSync(place_, programs_);
    if (!sync) return sync.error();
    sync_ = std::move(*sync);
    return Run();
  }

  const std::string& url() const override { return url_; }
  int pidfd() const override { return server_.pidfd(); }
  int pid() const override { return server_.pid(); }

  Status Revive() override {
    server_.Wait(Seconds(10));
    if (const Status cleared = ClearRemnants(place_); !cleared) return cleared;
    return Run();
  }

  Status WaitDurable() override {
    if (!sync_.running()) return Ok();
    if (!sync_.Wait(Seconds(300)) || sync_.status() != 0) {
      return Error{
          ErrorCode::kFailed, fmt::format("the new database in {} could not be written to disk", place_.data), {}};
    }
    SyncDone(place_);
    return Ok();
  }

  Status Stop() override {
    if (!server_.running()) return Ok();
    struct Step {
      int signal;
      Seconds patience;
    };
    constexpr Step kSteps[] = {{SIGINT, Seconds(60)}, {SIGQUIT, Seconds(10)}, {SIGKILL, Seconds(10)}};
    for (const Step& step : kSteps) {
      server_.Signal(step.signal);
      if (server_.Wait(step.patience)) return Ok();
      log::Warning("PostgreSQL does not stop; trying harder");
    }
    return Error{ErrorCode::kFailed, "PostgreSQL does not stop", {}};
  }

 private:
  Status Run() {
    Result<Process> server = StartServer(place_, programs_);
    if (!server) return server.error();
    server_ = std::move(*server);
    return Ok();
  }

  const Place place_;
  const std::string programs_;
  const int lock_;
  const std::string url_;
  Process server_, sync_;
};

}  // namespace
}  // namespace cluster

Result<std::unique_ptr<PrivateCluster>> PrivateCluster::Start(const std::string& home) {
  const Result<cluster::Account> account = cluster::ServerAccount();
  if (!account) return account.error();
  Result<cluster::Place> place = cluster::FindPlace(home, *account);
  if (!place) return place.error();
  Result<std::string> programs = cluster::ServerPrograms(place->data);
  if (!programs) return programs.error();
  const Result<int> lock = cluster::TakeLock(place->root);
  if (!lock) return lock.error();
  auto started = std::make_unique<cluster::Cluster>(std::move(*place), std::move(*programs), *lock);
  if (const Status begun = started->Begin(); !begun) return begun.error();
  return std::unique_ptr<PrivateCluster>(std::move(started));
}

}  // namespace pipelined
