// Connections that many threads take turns with. Opened when first needed, never more than `most`.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "store/session.h"

namespace pipelined {

// Thread-safe.
class SessionPool {
 public:
  explicit SessionPool(StoreOptions options) : options_(std::move(options)) {}

  // Runs `work(session)` with a connection of its own; waits for one when all are in use. A broken one is thrown away.
  template <class Work>
  auto With(const char* what, Work&& work) -> std::invoke_result_t<Work, Session&> {
    return Guard(what, [&]() -> std::invoke_result_t<Work, Session&> {
      Borrowed borrowed(*this);
      try {
        return work(*borrowed.session);
      } catch (const pqxx::broken_connection&) {
        borrowed.session.reset();
        throw;
      }
    });
  }

 private:
  struct Borrowed {
    explicit Borrowed(SessionPool& from) : pool(from), session(from.Take()) {}
    ~Borrowed() { pool.GiveBack(std::move(session)); }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    SessionPool& pool;
    std::unique_ptr<Session> session;
  };
  std::unique_ptr<Session> Take();
  void GiveBack(std::unique_ptr<Session> session);  // nullptr: it broke

  StoreOptions options_;
  const std::shared_ptr<KnownCounts> counts_ = std::make_shared<KnownCounts>();
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Session>> idle_;  // guarded by mutex_
  int open_ = 0;                                // guarded by mutex_
};

}  // namespace pipelined
