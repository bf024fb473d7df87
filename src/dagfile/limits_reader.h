// Limits that tasks share by a key: `concurrency` and `rate`.
#pragma once

#include <memory>

#include "dagfile/document.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// At least 1; null takes away what default_args gave.
void ReadMaxActive(const Entry& entry, Reporter& reporter, std::int32_t& out);
// {key, max, on_conflict}. null takes away what default_args gave.
void ReadConcurrency(const Entry& entry, Reporter& reporter, std::shared_ptr<const ConcurrencyLimit>& out);
// {key, and one of per_second, per_minute, per_hour}. null likewise.
void ReadRate(const Entry& entry, Reporter& reporter, std::shared_ptr<const RateLimit>& out);

}  // namespace pipelined::dagfile
