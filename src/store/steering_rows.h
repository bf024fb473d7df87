// What people decide about runs and tasks, as rows: what a turn stores of it, and which runs a command concerns.
#pragma once

#include <pqxx/pqxx>

#include "pipelined/ports/store.h"
#include "store/session.h"

namespace pipelined {

// Part of a turn's transaction, before everything that counts tasks as they are now.
void StoreSteering(pqxx::transaction_base& transaction, Session& session, const Plan& plan);
// After everything else of the turn.
void DeleteRuns(pqxx::transaction_base& transaction, Session& session, const Plan& plan);

// As Store::RunsChosen.
std::vector<RestoredRun> ReadRunsChosen(Session& session, const RunChoice& choice, std::size_t most);

}  // namespace pipelined
