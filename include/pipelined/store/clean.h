// Takes old history away: finished runs with their tasks, tries and outputs, commands that were carried out, events
// of assets, and months of the event log. For `pipelined db clean`; may run beside a leading scheduler, which keeps
// nothing of a finished run.
#pragma once

#include <cstdint>
#include <string>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"
#include "pipelined/store/options.h"

namespace pipelined {

struct CleanCounts {
  std::int64_t runs = 0, task_instances = 0, attempts = 0, xcoms = 0;
  std::int64_t commands = 0;
  std::int64_t asset_events = 0;
  std::int64_t event_months = 0;  // partitions that end before the instant; dropped whole
  std::int64_t audit_months = 0;  // the same of the audit trail
};

// What CleanOld would take away. A run is old when it ended before the instant and none of its processes is still open.
Result<CleanCounts> CountOld(const StoreOptions& options, Instant before);
// In batches, each a transaction: what was done before an error stays done.
Result<CleanCounts> CleanOld(const StoreOptions& options, Instant before);

// Months of the audit trail that end before the instant, only on their own wish: the trail is what tells who removed
// the rest. In one transaction with an entry that says `who` did it and how much is gone; without any such month
// nothing is done.
Result<CleanCounts> CountOldAudit(const StoreOptions& options, Instant before);
Result<CleanCounts> CleanOldAudit(const StoreOptions& options, Instant before, const std::string& who);

}  // namespace pipelined
