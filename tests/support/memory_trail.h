// The audit trail without a database; passes the contract of tests/contract/store.
#pragma once

#include <algorithm>
#include <mutex>
#include <vector>

#include "pipelined/ports/audit_trail.h"

namespace pipelined::testing {

class MemoryTrail : public AuditTrail {
 public:
  std::optional<Error> broken;      // what every call answers
  std::optional<Error> broken_end;  // what End() answers

  Result<std::int64_t> Begin(const TrailEntry& entry) override {
    const std::scoped_lock lock(mutex_);
    if (broken) return *broken;
    TrailEntry& added = Append(entry);
    added.outcome.reset();
    return added.id;
  }
  Status End(std::int64_t id, const TrailEntry&, const TrailOutcome& outcome) override {
    const std::scoped_lock lock(mutex_);
    if (broken) return *broken;
    if (broken_end) return *broken_end;
    for (TrailEntry& entry : entries_) {
      if (entry.id != id) continue;
      entry.outcome = outcome;
      if (!outcome.run_id.empty()) entry.run_id = outcome.run_id;
      if (!outcome.entity.empty()) entry.entity = outcome.entity;
    }
    return Ok();
  }
  Status Add(const std::vector<TrailEntry>& entries) override {
    const std::scoped_lock lock(mutex_);
    if (broken) return *broken;
    for (const TrailEntry& entry : entries) Append(entry);
    return Ok();
  }
  Result<std::vector<TrailEntry>> List(const TrailFilter& filter, std::int64_t most) override {
    const std::scoped_lock lock(mutex_);
    if (broken) return *broken;
    std::vector<TrailEntry> found;
    for (const TrailEntry& entry : entries_) {
      if (Fits(filter, entry)) found.push_back(entry);
    }
    if (!filter.oldest_first) std::reverse(found.begin(), found.end());
    if (static_cast<std::int64_t>(found.size()) > most) found.resize(static_cast<std::size_t>(most));
    return found;
  }
  std::vector<TrailEntry> entries() {  // the oldest first
    const std::scoped_lock lock(mutex_);
    return entries_;
  }

 private:
  TrailEntry& Append(const TrailEntry& entry) {
    entries_.push_back(entry);
    entries_.back().id = static_cast<std::int64_t>(entries_.size());
    entries_.back().at = Instant(Seconds(entries_.back().id));
    return entries_.back();
  }
  static bool Fits(const TrailFilter& filter, const TrailEntry& entry) {
    const auto is = [](const std::string& wanted, const std::string& text) { return wanted.empty() || wanted == text; };
    const int status = entry.outcome ? entry.outcome->status : 0;
    return is(filter.who, entry.who) && is(filter.operation, entry.operation) && is(filter.dag_id, entry.dag_id) &&
           is(filter.run_id, entry.run_id) && is(filter.entity, entry.entity) && is(filter.address, entry.address) &&
           is(filter.request_id, entry.request_id) && (!filter.kind || *filter.kind == entry.kind) &&
           (!filter.status || *filter.status == status) && (!filter.refused || status >= 400) &&
           (!filter.since || entry.at >= *filter.since) && (!filter.until || entry.at < *filter.until) &&
           (!filter.before_id || entry.id < *filter.before_id) && (!filter.after_id || entry.id > *filter.after_id);
  }

  std::mutex mutex_;
  std::vector<TrailEntry> entries_;
};

}  // namespace pipelined::testing
