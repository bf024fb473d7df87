// Backfills as rows: what a turn stores of them, and what a starting leader reads.
#pragma once

#include <pqxx/pqxx>

#include "pipelined/ports/store.h"
#include "store/session.h"

namespace pipelined {

// All but the last three: parts of a turn's transaction, in this order.
void StoreBackfills(pqxx::transaction_base& transaction, Session& session, const Plan& plan);
void ResetRuns(pqxx::transaction_base& transaction, Session& session, const Plan& plan, Committed& committed);
// Each slot whose run was to be made has it now, or was in flight.
void SettleSlots(pqxx::transaction_base& transaction, Session& session, const Plan& plan, const Committed& committed);

std::vector<StoredBackfill> LoadBackfills(pqxx::transaction_base& transaction);  // the active ones
std::vector<ExistingRun> ReadRunsBetween(Session& session, const std::string& dag_id, Instant from, Instant to);

}  // namespace pipelined
