// Whom a DAG file wants to be told of what: `on_failure: ops`. Where a channel leads is said by the settings
// (alerts.channels), so that no DAG file holds an address with a secret in it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pipelined {

// What has happened.
enum class NotifyOn : std::uint8_t {
  kSuccess,
  kFailure,
  kRetry,  // a try failed, and another one follows
  kSkipped,
  kDeadline,   // a run missed it
  kRecovered,  // a run succeeded after there was word of a failure: what that has set off ends
  kTest,       // nothing: somebody asked for a message
};
std::string_view ToString(NotifyOn on);  // "success", "failure", "retry", "skipped", "deadline", "recovered", "test"
std::optional<NotifyOn> NotifyOnFromString(std::string_view text);

// One channel, and what is said there. The texts are templates over the facts of the notification.
struct NotifyUse {
  std::string channel;
  std::string subject, message;  // empty: the default text
  std::string dedupe_key;        // those with the same one count as one; empty: by run, task and try
  std::vector<std::string> to;   // of a mail: instead of the channel's recipients

  friend bool operator==(const NotifyUse&, const NotifyUse&) = default;
};

// Of a task; of a DAG, where only success and failure are known.
struct NotifyRules {
  std::array<std::vector<NotifyUse>, 4> on;  // kSuccess … kSkipped
  const std::vector<NotifyUse>& Of(NotifyOn what) const { return on[static_cast<std::size_t>(what)]; }
  bool empty() const;
};
using NotifyRulesPtr = std::shared_ptr<const NotifyRules>;  // nullptr: nobody is told anything

// The names that the templates of a notification may use.
const std::vector<std::string_view>& NotificationFacts();

}  // namespace pipelined
