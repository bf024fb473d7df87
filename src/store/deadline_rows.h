// Deadlines of runs as rows.
#pragma once

#include <pqxx/pqxx>

#include "pipelined/ports/store.h"
#include "store/session.h"

namespace pipelined {

// A part of a turn's transaction. What is missed stays missed, and has one event.
void StoreDeadlines(pqxx::transaction_base& transaction, Session& session, const Plan& plan);

// Into RestoredRun::deadlines of all `runs`.
void ReadDeadlines(pqxx::transaction_base& transaction, Session& session, std::vector<RestoredRun>& runs);
void ReadDeadlines(Session& session, std::vector<RestoredRun>& runs);

}  // namespace pipelined
