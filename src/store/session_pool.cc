#include "store/session_pool.h"

#include <fmt/format.h>

#include <algorithm>

namespace pipelined {
namespace {

// What takes longer asks for too much: a filter that no index serves, over the whole history.
std::string LimitStatements(Micros patience) {
  return fmt::format("set statement_timeout to {}", patience.count() / 1000);
}

}  // namespace

std::unique_ptr<Session> SessionPool::Take() {
  {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return !idle_.empty() || open_ < std::max(1, options_.catalog_connections); });
    while (!idle_.empty()) {
      std::unique_ptr<Session> session = std::move(idle_.back());
      idle_.pop_back();
      if (!session->HungUp()) return session;
      --open_;
    }
    ++open_;
  }
  try {
    auto session = std::make_unique<Session>(options_, "pipelined api");
    pqxx::nontransaction(session->raw()).exec(LimitStatements(options_.patience));
    session->Share(counts_);
    return session;
  } catch (...) {
    GiveBack(nullptr);
    throw;
  }
}

void SessionPool::GiveBack(std::unique_ptr<Session> session) {
  {
    const std::lock_guard lock(mutex_);
    if (session == nullptr) {
      --open_;
    } else {
      idle_.push_back(std::move(session));
    }
  }
  freed_.notify_one();
}

}  // namespace pipelined
