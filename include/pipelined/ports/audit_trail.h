// Who changed what through the API, and who was not let: append-only. Apart from the history of runs and tasks, which
// says what became of them.
//
// A change has two entries, so that none goes unaudited: what is intended is stored before it is done, how it ended
// after it. Listings show both as one. Thread-safe.
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

namespace pipelined {

enum class TrailKind : std::uint8_t {
  kChange,   // somebody who may
  kLogIn,    // a token was handed out
  kLogOut,   // a token of a log-in or a session was ended by its owner
  kDenied,   // somebody who may not, or nobody known
  kCleaned,  // old entries of the trail were removed
};
inline constexpr std::array<std::string_view, 5> kTrailKinds{"change", "log_in", "log_out", "denied", "cleaned"};
constexpr std::string_view ToString(TrailKind kind) {
  return kTrailKinds[static_cast<std::size_t>(kind)];
}
constexpr std::optional<TrailKind> TrailKindFromString(std::string_view text) {
  for (std::size_t i = 0; i < kTrailKinds.size(); ++i) {
    if (kTrailKinds[i] == text) return static_cast<TrailKind>(i);
  }
  return std::nullopt;
}

// How something ended.
struct TrailOutcome {
  int status = 0;              // of the answer
  std::string reason;          // why it was refused, or failed
  std::string run_id, entity;  // where only the end tells; empty: as it began
  Value before, after;         // null: not known, or nothing. Secrets are masked by whoever fills them in
  bool in_history = false;     // is to be found in the log of events, too: nothing else puts it there
};

struct TrailEntry {
  std::int64_t id = 0;  // given by the trail; later entries have greater ones
  Instant at{};         // given by the trail
  TrailKind kind = TrailKind::kChange;
  std::string who;  // empty: nobody known
  std::string via;  // how that was known: "token", "local token", "password"
  std::string address, request_id, agent;
  std::string operation;                // of the API: "patch_pool"
  std::string method, path;             // without the query
  std::string dag_id, run_id, task_id;  // each empty: none
  std::optional<std::int32_t> map_index;
  std::string entity;                   // the pool, variable, connection, user …; empty: none
  std::optional<TrailOutcome> outcome;  // nothing: the server ended, or lost its database, before it could say
  std::int64_t times = 1;               // so many alike within a short time
};

struct TrailFilter {
  std::string who, operation, dag_id, run_id, entity, address, request_id;  // each empty: any
  std::optional<TrailKind> kind;
  std::optional<int> status;
  bool refused = false;                             // only what was denied or failed: a status of 400 or more
  std::optional<Instant> since, until;              // `since` is included
  std::optional<std::int64_t> before_id, after_id;  // neither is included
  bool oldest_first = false;
};

class AuditTrail {
 public:
  virtual ~AuditTrail() = default;

  // What is intended: its id. It is durable at the latest when the next commit of anybody is, so at the latest with the
  // change itself.
  virtual Result<std::int64_t> Begin(const TrailEntry& entry) = 0;
  virtual Status End(std::int64_t id, const TrailEntry& entry, const TrailOutcome& outcome) = 0;
  // What is over already, all or none.
  virtual Status Add(const std::vector<TrailEntry>& entries) = 0;
  // At most `most`, the newest first unless the filter says otherwise.
  virtual Result<std::vector<TrailEntry>> List(const TrailFilter& filter, std::int64_t most) = 0;
};

}  // namespace pipelined
