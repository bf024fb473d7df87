// The outbox of notifications: what the notifier takes from it, and what people see of it. Rows are put in by the
// scheduler with the change that they are about (Plan::notices), and by people who want a test message.
//
// At least once: a notifier that ends between sending and saying so leaves a row that is sent again, with the same id.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"
#include "pipelined/base/value.h"
#include "pipelined/model/notify_rules.h"

namespace pipelined {

enum class NotificationState : std::uint8_t {
  kQueued,      // waits for its first or next try
  kDelivering,  // a notifier is at it; if that was killed meanwhile, nobody knows whether it was sent
  kSent,
  kFailed,      // for good; may be sent again by hand
  kSuppressed,  // another one with the same key was sent instead
};
inline constexpr std::array<std::string_view, 5> kNotificationStates{"queued", "delivering", "sent", "failed",
                                                                     "suppressed"};
constexpr std::string_view ToString(NotificationState state) {
  return kNotificationStates[static_cast<std::size_t>(state)];
}
constexpr std::optional<NotificationState> NotificationStateFromString(std::string_view text) {
  for (std::size_t i = 0; i < kNotificationStates.size(); ++i) {
    if (kNotificationStates[i] == text) return static_cast<NotificationState>(i);
  }
  return std::nullopt;
}

struct Notification {
  std::int64_t id = 0;
  Instant created_at{};
  NotifyOn event = NotifyOn::kFailure;
  NotifyUse use;  // with its channel
  std::string dag_id, run_id, task_id;
  std::int32_t map_index = -1;
  Value facts;  // map
  NotificationState state = NotificationState::kQueued;
  std::int32_t attempts = 0;
  std::optional<std::int32_t> tries_left;  // nothing: as many as the channel says
  std::optional<Instant> next_try_at, ended_at, recovered_at;
  std::string dedupe_key, error;
  std::optional<std::int64_t> duplicate_of;
};

struct NotificationAttempt {
  std::int32_t number = 1;
  Instant started_at{};
  std::optional<Instant> ended_at;
  std::optional<int> status;
  std::string error;
};

// What waits: channels with something that is due, and how long until the next row of any other.
struct OutboxDue {
  std::vector<std::string> channels;
  std::optional<Micros> next_in;
};

struct ClaimTerms {
  Micros keep{0};                // a claim older than this is nobody's
  std::int32_t rate = 0;         // so many tries …
  Micros rate_window{0};         // … in this time; rate 0: any number
  bool sets_off_alerts = false;  // a failure sent here is ended by a success
};

struct ClaimedNotification {
  std::optional<Notification> notification;  // nothing: none is due, or the rate does not let it
  std::optional<Micros> wait;                // the rate lets another one go then
};

struct DeliveryEnd {
  NotificationState state = NotificationState::kSent;  // kQueued: to be tried again
  Micros next_in{0};                                   // of kQueued
  std::optional<int> status;
  std::string error;
};

// One notifier's view; several may be at work. Times are the database's. Every method: kUnavailable when there is no
// connection; the next call connects again. Not thread-safe.
class Outbox {
 public:
  virtual ~Outbox() = default;

  virtual Result<OutboxDue> Due() = 0;
  // Takes the row of the channel that is due longest. What a notifier that is gone had claimed is due again.
  virtual Result<ClaimedNotification> Claim(const std::string& channel, const ClaimTerms& terms) = 0;
  // The try begins and counts: from here on it may be sent. False: another row with this key was there within `window`,
  // and this one is suppressed.
  virtual Result<bool> Begin(Notification& claimed, const std::string& dedupe_key, Micros window) = 0;
  // Of a row that Claim gave; one that somebody else has claimed since is left alone.
  virtual Status Settle(const Notification& claimed, const DeliveryEnd& end) = 0;
  // What is due for the channel waits, and says why; its tries are not touched.
  virtual Status Hold(const std::string& channel, const std::string& why) = 0;
  // What is queued for the channel has failed: it does not exist. While there are other notifiers, which may know it,
  // only what has waited for a minute. How many have failed.
  virtual Result<std::int64_t> Refuse(const std::string& channel, const std::string& error) = 0;

  // Until something new may be due, `at_most` has gone by, or Interrupt(), which any thread may call.
  virtual void Wait(Micros at_most) = 0;
  virtual void Interrupt() = 0;
};

struct NotificationFilter {
  std::string dag_id, run_id, channel;  // empty: any
  std::optional<NotificationState> state;
  std::optional<std::int64_t> before_id;
  std::optional<std::vector<std::string>> dags;  // of these only; nothing: of all, and tests
};

// How the outbox is doing.
struct OutboxCounts {
  std::int64_t queued = 0, delivering = 0;
  std::int64_t failed = 0;  // that are there, up to kMostCounted
  Micros oldest{0};         // how long the oldest one that is queued has been there

  static constexpr std::int64_t kMostCounted = 10'000;
};

// What people see and ask for. Thread-safe.
class Notifications {
 public:
  virtual ~Notifications() = default;
  // The newest first.
  virtual Result<std::vector<Notification>> List(const NotificationFilter& filter, std::int64_t most) = 0;
  virtual Result<std::optional<Notification>> Find(std::int64_t id) = 0;
  virtual Result<std::vector<NotificationAttempt>> Attempts(std::int64_t id) = 0;
  // Queues it anew. kConflict: it has neither failed nor was it suppressed; kNotFound.
  virtual Status Retry(std::int64_t id, std::int32_t tries) = 0;
  virtual Result<OutboxCounts> Counts() = 0;
  // A message about nothing, tried once; its id.
  virtual Result<std::int64_t> Test(const std::string& channel, const std::string& message) = 0;
};

}  // namespace pipelined
