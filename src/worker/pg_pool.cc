#include "worker/pg_pool.h"

#include <iterator>
#include <utility>

#include "pipelined/base/clock.h"

namespace pipelined::worker {
namespace {

constexpr std::size_t kMostIdle = 32;
constexpr Micros kLongestIdle = std::chrono::minutes(1);

}  // namespace

std::unique_ptr<PgConnection> PgPool::Take(const PgParameters& parameters) {
  const std::lock_guard lock(mutex_);
  for (auto at = idle_.begin(); at != idle_.end(); ++at) {
    if (at->parameters != parameters) continue;
    std::unique_ptr<PgConnection> connection = std::move(at->connection);
    idle_.erase(at);
    return connection;
  }
  return nullptr;
}

void PgPool::Give(const PgParameters& parameters, std::unique_ptr<PgConnection> connection) {
  std::list<Idle> closed;  // without the lock
  const std::lock_guard lock(mutex_);
  idle_.push_front({parameters, std::move(connection), SystemClock().Monotonic()});
  if (idle_.size() > kMostIdle) closed.splice(closed.end(), idle_, std::prev(idle_.end()));
}

void PgPool::CloseOld() {
  std::list<Idle> closed;
  const std::lock_guard lock(mutex_);
  const Micros now = SystemClock().Monotonic();
  while (!idle_.empty() && now - idle_.back().since > kLongestIdle)
    closed.splice(closed.end(), idle_, std::prev(idle_.end()));
}

}  // namespace pipelined::worker
