#include "store/pooling.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

#include "pipelined/base/clock.h"

namespace pipelined {
namespace {

constexpr Micros kPatience = std::chrono::seconds(10);  // a pooler without a free session answers nothing
constexpr int kRounds = 4;

struct ConnectionFree {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ResultFree {
  void operator()(PGresult* result) const { PQclear(result); }
};

// One connection that is asked which process of the server serves it. Waits for `kPatience` at most in all.
class Client {
 public:
  explicit Client(const std::string& url)
      : until_(SystemClock().Monotonic() + kPatience), connection_(PQconnectStart(url.c_str())) {
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;
    while (PQstatus(connection_.get()) != CONNECTION_BAD && step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED) {
      if (!Await(step == PGRES_POLLING_READING ? POLLIN : POLLOUT)) return;
      step = PQconnectPoll(connection_.get());
    }
    is_open_ = step == PGRES_POLLING_OK;
  }

  // 0: no answer.
  int ServerProcess() {
    if (!is_open_ || PQsendQuery(connection_.get(), "select pg_backend_pid()") != 1) return 0;
    int pid = 0;
    for (;;) {
      while (PQisBusy(connection_.get()) != 0) {
        if (!Await(POLLIN) || PQconsumeInput(connection_.get()) != 1) return 0;
      }
      const std::unique_ptr<PGresult, ResultFree> result(PQgetResult(connection_.get()));
      if (!result) return pid;
      if (PQresultStatus(result.get()) == PGRES_TUPLES_OK) pid = std::atoi(PQgetvalue(result.get(), 0, 0));
    }
  }

  // What it was told when it connected. A server tells its own process, a pooler makes something up.
  int ToldProcess() const { return PQbackendPID(connection_.get()); }

 private:
  bool Await(short events) {
    const Micros left = until_ - SystemClock().Monotonic();
    pollfd socket{PQsocket(connection_.get()), events, 0};
    return left.count() > 0 && poll(&socket, 1, static_cast<int>(left.count() / 1000) + 1) > 0;
  }

  Micros until_;
  std::unique_ptr<PGconn, ConnectionFree> connection_;
  bool is_open_ = false;
};

Error Shared() {
  return {ErrorCode::kInvalid,
          "CFG301: database.url: it leads to a connection pooler that keeps no sessions (transaction or statement "
          "mode): notifications, prepared statements and settings of a session would get lost",
          "give the address of PostgreSQL itself, or set the pooler to session mode (PgBouncer: pool_mode = session)"};
}

Error NoSecondSession() {
  return {ErrorCode::kUnavailable,
          "CFG302: database.url: it leads to a connection pooler that has no second session of the server to give",
          "give the address of PostgreSQL itself, or more sessions (PgBouncer: default_pool_size): "
          "docs/operations.md says how many it takes"};
}

}  // namespace

Status RefuseSharedSessions(const StoreOptions& options) {
  Client first(options.url);
  const int process = first.ServerProcess();
  if (process == 0 || process == first.ToldProcess()) return Ok();
  // With a session for each, both keep their processes, and never have the same one. Without, an idle pool gives the
  // one that was used last: both have the same; or it gives them in turn: the second answer is another one. A busy pool
  // gives any.
  Client second(options.url);
  int other = 0;
  for (int round = 0; round < kRounds; ++round) {
    if (const int now = first.ServerProcess(); now != process) return now == 0 ? Ok() : Status(Shared());
    const int now = second.ServerProcess();
    if (now == 0) return NoSecondSession();
    if (now == process || (other != 0 && now != other)) return Shared();
    other = now;
  }
  return Ok();
}

}  // namespace pipelined
