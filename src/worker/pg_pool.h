// Connections that wait for their next query. Thread-safe.
#pragma once

#include <list>
#include <memory>
#include <mutex>

#include "pipelined/base/time.h"
#include "worker/pg_connection.h"

namespace pipelined::worker {

class PgPool {
 public:
  // The one that was used last, or nullptr.
  std::unique_ptr<PgConnection> Take(const PgParameters& parameters);
  // One that was Reset().
  void Give(const PgParameters& parameters, std::unique_ptr<PgConnection> connection);
  // Those that nobody has used for a minute. To be called now and then.
  void CloseOld();

 private:
  struct Idle {
    PgParameters parameters;
    std::unique_ptr<PgConnection> connection;
    Micros since{0};
  };
  std::mutex mutex_;
  std::list<Idle> idle_;  // the latest first; guarded by mutex_
};

}  // namespace pipelined::worker
