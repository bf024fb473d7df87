// Whether what database.url leads to keeps a session for each connection, as all of this module needs: LISTEN, prepared
// statements, SET. A pooler (PgBouncer) in transaction or statement mode does not, and says so nowhere.
#pragma once

#include "pipelined/base/result.h"
#include "pipelined/store/options.h"

namespace pipelined {

// For the start of a program. kInvalid: connections share sessions of the server. kUnavailable: a pooler has no second
// session. One that cannot be reached at all is none of its business: who connects next says so. Changes no session.
Status RefuseSharedSessions(const StoreOptions& options);

}  // namespace pipelined
