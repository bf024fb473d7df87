// What a handler tells the audit trail of its change, beside what the request itself says.
#pragma once

#include <optional>
#include <string>

#include "pipelined/base/value.h"
#include "pipelined/ports/audit_trail.h"

namespace pipelined::api {

// Filled by one thread. Secrets are left out or masked by whoever fills it in.
struct AuditNote {
  bool many = false;  // the request changes many things: `before` and `after` are maps by their names
  Value before, after;
  std::string who;     // of a log-in: who it says that it is; of a log-out: whose it was, empty: nobody's
  std::string entity;  // where only the handler knows it
  std::string run_id;  // the same
  // Of a change that is one statement: the entry that is stored with it, in one transaction. Empty once it was.
  std::optional<TrailEntry> entry;
  std::string failed;  // what did not succeed, where the answer does not say it in JSON
};

}  // namespace pipelined::api
