// What is stored of limits that tasks share by a key.
#pragma once

#include <pqxx/pqxx>
#include <vector>

#include "pipelined/engine/plan.h"
#include "pipelined/ports/store.h"
#include "store/session.h"

namespace pipelined {

// Keys that attempts of this turn take and give back.
void StoreKeys(pqxx::transaction_base& transaction, Session& session, const Plan& plan);

// All open attempts, by id, with what they take of the limits.
std::vector<StoredAttempt> LoadAttempts(pqxx::transaction_base& transaction);
// The starts that still count, in the order of time.
std::vector<RateStarted> LoadRates(pqxx::transaction_base& transaction);

}  // namespace pipelined
