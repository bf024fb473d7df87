// What sensors wait for, and the runs and tasks that they look at.
#pragma once

#include <vector>

#include "pipelined/ports/store.h"
#include "store/session.h"

namespace pipelined {

void StoreWaits(pqxx::transaction_base& transaction, Session& session, const Plan& plan);
// What the deferred tasks of `runs` wait for: a run that they have made, or what their sensors look for.
void ReadWaits(pqxx::transaction_base& transaction, std::vector<RestoredRun>& runs);
std::vector<std::optional<RunSeen>> ReadRunsSeen(Session& session, const std::vector<RunQuestion>& questions);

}  // namespace pipelined
