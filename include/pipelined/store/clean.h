// Takes old history away: finished runs with their tasks, tries, outputs and notifications, commands that were carried
// out, events of assets, and months of the event log. For `pipelined db clean`; may run beside a leading scheduler,
// which keeps nothing of a finished run.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"
#include "pipelined/store/options.h"

namespace pipelined {

struct CleanCounts {
  std::int64_t runs = 0, task_instances = 0, attempts = 0, xcoms = 0;
  std::int64_t commands = 0;
  std::int64_t notifications = 0;  // about those runs, and tests
  std::int64_t asset_events = 0;
  std::int64_t event_months = 0;  // partitions that end before the instant; dropped whole
  std::int64_t audit_months = 0;  // the same of the audit trail
};

struct CleanOptions {
  Instant before;
  // "dag_run", "notification", "command", "asset_event", "backfill", "rate_start", "event"; empty: all of them. A run
  // takes with it its tasks, tries, outputs, notes and notifications.
  std::set<std::string> tables;
  // Rows are kept in tables kArchivePrefix + TABLE + "__" + `archive`; empty: they are gone.
  std::string archive;
  std::int64_t batch = 1000;  // runs in one transaction; of everything else ten times as many
  std::function<void(const CleanCounts& so_far)> progress = {};  // after each batch
};
inline constexpr std::string_view kArchivePrefix = "_pipelined_deleted__";

// The names that `tables` may have, and why one is none of them.
const std::vector<std::string>& CleanTables();

// What CleanOld would take away. A run is old when it ended before the instant and none of its processes is still open.
Result<CleanCounts> CountOld(const StoreOptions& options, Instant before);
// In batches, each a transaction: what was done before an error stays done.
Result<CleanCounts> CleanOld(const StoreOptions& options, Instant before);
Result<CleanCounts> CountOld(const StoreOptions& options, const CleanOptions& what);
// No batch waits for a run that a scheduler has in hand, nor keeps a scheduler waiting: a month of events that somebody
// reads is tried again, for some seconds, and is then kUnavailable.
Result<CleanCounts> CleanOld(const StoreOptions& options, const CleanOptions& what);

// The archive tables there are, oldest first; and without them.
Result<std::vector<std::string>> ArchiveTables(const StoreOptions& options);
Result<std::vector<std::string>> DropArchives(const StoreOptions& options);

// Months of the audit trail that end before the instant, only on their own wish: the trail is what tells who removed
// the rest. In one transaction with an entry that says `who` did it and how much is gone; without any such month
// nothing is done.
Result<CleanCounts> CountOldAudit(const StoreOptions& options, Instant before);
Result<CleanCounts> CleanOldAudit(const StoreOptions& options, Instant before, const std::string& who);

}  // namespace pipelined
