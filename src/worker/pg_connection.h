// A connection to PostgreSQL whose waiting can be ended from outside.
#pragma once

#include <libpq-fe.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"
#include "pipelined/base/value.h"
#include "worker/stop_flag.h"

namespace pipelined::worker {

// What libpq is told, name by name. Also the key of the pool.
using PgParameters = std::vector<std::pair<std::string, std::string>>;

// From a connection of the vault; kInvalid when that is of another kind.
Result<PgParameters> PgParametersOf(const Value& connection);

// A bound value as PostgreSQL reads it: nothing is NULL; a list is an array, a map is JSON. kInvalid: it holds a NUL.
Result<std::optional<std::string>> PgText(const Value& value);

struct ResultFree {
  void operator()(PGresult* result) const { PQclear(result); }
};
using PgResult = std::unique_ptr<PGresult, ResultFree>;

// In libpq's words, without the line end behind them; empty: it is none.
std::string PgErrorText(const PGresult* result);

class PgConnection {
 public:
  ~PgConnection() { PQfinish(connection_); }
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  // kStale: `stop` was raised. kUnavailable: why not, in libpq's words, which hold no password.
  static Result<std::unique_ptr<PgConnection>> Open(const PgParameters& parameters, const StopFlag& stop);

  // Called with each notice of the server.
  void OnNotice(std::function<void(const std::string&)> notice) { notice_ = std::move(notice); }

  // Sends one statement, and calls `take` with each of its results (rows come one by one). When `stop` is raised the
  // query is cancelled at the server. kUnavailable: the connection is lost.
  Status Run(const std::string& statement, const std::vector<std::optional<std::string>>& params, const StopFlag& stop,
             const std::function<void(PGresult*)>& take);

  // How long an answer is waited for: so long at most (nothing: any time), and so long after `stop` was raised.
  struct Patience {
    std::optional<Micros> at_most;
    const StopFlag* stop = nullptr;
    Micros after_stop{0};
  };

  // Several simple statements at once, without parameters; their last result. None: no answer came, and the connection
  // is lost; it may be lost with an error, too.
  PgResult Simple(const char* statements, const Patience& patience);

  // The server's process as it was told at the start. A pooler tells another one than pg_backend_pid().
  int ToldProcess() const { return PQbackendPID(connection_); }
  // Whether the server can look, while a query runs, if its client is still there: PostgreSQL 14 and later, on Linux.
  // Asks it the first time.
  bool CanWatch(const Patience& patience);
  bool IsLost() const { return is_given_up_ || PQstatus(connection_) != CONNECTION_OK; }
  bool IsIdle() const { return PQtransactionStatus(connection_) == PQTRANS_IDLE; }
  bool InTransaction() const { return PQtransactionStatus(connection_) == PQTRANS_INTRANS; }
  // Ready for somebody else. False also when it has become large: libpq's buffers grow with what goes through them, and
  // never shrink.
  bool Reset();

 private:
  explicit PgConnection(PGconn* connection) : connection_(connection) {}
  Status AwaitResult(const StopFlag& stop, bool* cancelled);
  void Cancel();
  void NoteSize(std::size_t bytes);
  std::string LastError() const;
  static void TakeNotice(void* self, const PGresult* result);

  PGconn* connection_;
  bool is_given_up_ = false;  // it does not answer, and may still be at work
  bool is_large_ = false;
  std::optional<bool> can_watch_;
  std::function<void(const std::string&)> notice_;
};

}  // namespace pipelined::worker
