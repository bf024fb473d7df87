#pragma once

#include "pipelined/ports/audit_trail.h"
#include "store/session_pool.h"

namespace pipelined {

class PgTrail : public AuditTrail {
 public:
  explicit PgTrail(SessionPool& pool) : pool_(pool) {}

  Result<std::int64_t> Begin(const TrailEntry& entry) override;
  Status End(std::int64_t id, const TrailEntry& entry, const TrailOutcome& outcome) override;
  Status Add(const std::vector<TrailEntry>& entries) override;
  Result<std::vector<TrailEntry>> List(const TrailFilter& filter, std::int64_t most) override;

 private:
  SessionPool& pool_;
};

}  // namespace pipelined
