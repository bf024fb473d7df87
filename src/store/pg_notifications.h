#pragma once

#include "pipelined/ports/outbox.h"
#include "store/session_pool.h"

namespace pipelined {

class PgNotifications : public Notifications {
 public:
  explicit PgNotifications(SessionPool& pool) : pool_(pool) {}

  Result<std::vector<Notification>> List(const NotificationFilter& filter, std::int64_t most) override;
  Result<std::optional<Notification>> Find(std::int64_t id) override;
  Result<std::vector<NotificationAttempt>> Attempts(std::int64_t id) override;
  Status Retry(std::int64_t id, std::int32_t tries) override;
  Result<OutboxCounts> Counts() override;
  Result<std::int64_t> Test(const std::string& channel, const std::string& message) override;

 private:
  SessionPool& pool_;
};

}  // namespace pipelined
