// What a turn and a load write of assets.
#pragma once

#include "pipelined/engine/plan.h"
#include "pipelined/ports/dag_publisher.h"
#include "store/session.h"

namespace pipelined {

void StoreAssetEvents(pqxx::transaction_base& transaction, Session& session, const Plan& plan);

// Which assets the published DAGs name, in place of what they named before. After the DAGs themselves.
void StoreAssetReferences(pqxx::transaction_base& transaction, Session& session, const Publication& publication);

}  // namespace pipelined
