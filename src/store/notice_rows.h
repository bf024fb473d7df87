// What people are to be told, as rows of the outbox.
#pragma once

#include <pqxx/pqxx>

#include "pipelined/engine/plan.h"
#include "pipelined/ports/outbox.h"
#include "store/session.h"

namespace pipelined {

// A part of a turn's transaction: one row for each notice and channel; the notifier is told.
void StoreNotices(pqxx::transaction_base& transaction, Session& session, const Plan& plan);

// Of `notification n`, for ReadNotification.
#define PIPELINED_NOTIFICATION_COLUMNS                                                                       \
  "n.id, micros(n.created_at), n.event, n.channel, coalesce(n.dag_id, ''), coalesce(n.run_id, ''), "         \
  "coalesce(n.task_id, ''), n.map_index, n.facts::text, n.use::text, n.state, n.attempts, n.tries_left, "    \
  "micros(n.next_try_at), micros(n.ended_at), micros(n.recovered_at), coalesce(n.dedupe_key, ''), n.error, " \
  "n.duplicate_of"
Notification ReadNotification(const pqxx::row& row);

}  // namespace pipelined
