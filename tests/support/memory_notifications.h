// Notifications without a database, for handlers of the API.
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "pipelined/ports/outbox.h"

namespace pipelined::testing {

class MemoryNotifications : public Notifications {
 public:
  std::vector<Notification> rows;  // the oldest first
  std::map<std::int64_t, std::vector<NotificationAttempt>> attempts;

  Result<std::vector<Notification>> List(const NotificationFilter& filter, std::int64_t most) override {
    std::vector<Notification> found;
    for (auto row = rows.rbegin(); row != rows.rend() && std::ssize(found) < most; ++row) {
      const bool mine =
          !filter.dags || std::find(filter.dags->begin(), filter.dags->end(), row->dag_id) != filter.dags->end();
      if (mine && (filter.dag_id.empty() || filter.dag_id == row->dag_id) &&
          (filter.channel.empty() || filter.channel == row->use.channel) &&
          (!filter.state || *filter.state == row->state) && (!filter.before_id || row->id < *filter.before_id))
        found.push_back(*row);
    }
    return found;
  }
  Result<std::optional<Notification>> Find(std::int64_t id) override {
    for (const Notification& row : rows) {
      if (row.id == id) return std::optional(row);
    }
    return std::optional<Notification>();
  }
  Result<std::vector<NotificationAttempt>> Attempts(std::int64_t id) override { return attempts[id]; }
  Status Retry(std::int64_t id, std::int32_t tries) override {
    for (Notification& row : rows) {
      if (row.id != id) continue;
      if (row.state != NotificationState::kFailed && row.state != NotificationState::kSuppressed)
        return Error{ErrorCode::kConflict, "notification is " + std::string(ToString(row.state)), ""};
      row.state = NotificationState::kQueued;
      row.tries_left = tries;
      return Ok();
    }
    return Error{ErrorCode::kNotFound, "there is no such notification", ""};
  }
  Result<OutboxCounts> Counts() override {
    OutboxCounts counts;
    for (const Notification& row : rows) {
      counts.queued += row.state == NotificationState::kQueued ? 1 : 0;
      counts.delivering += row.state == NotificationState::kDelivering ? 1 : 0;
      counts.failed += row.state == NotificationState::kFailed ? 1 : 0;
    }
    return counts;
  }
  Result<std::int64_t> Test(const std::string& channel, const std::string& message) override {
    Notification row;
    row.id = rows.empty() ? 1 : rows.back().id + 1;
    row.event = NotifyOn::kTest;
    row.use.channel = channel;
    row.use.message = message;
    row.facts = Value::Map{{"event", "test"}};
    rows.push_back(row);
    return row.id;
  }
};

}  // namespace pipelined::testing
