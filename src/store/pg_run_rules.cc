// Deadlines of a run, and what happened to a DAG as a whole.
#include "store/arrays.h"
#include "store/listing.h"
#include "store/pg_catalog.h"
#include "store/rows.h"

namespace pipelined {
namespace {

DagEventRow ReadDagEvent(const pqxx::row& row) {
  DagEventRow event;
  event.at = *ReadInstant(row[0]);
  event.who = row[1].c_str();
  event.kind = row[2].c_str();
  event.event = row[3].c_str();
  event.why = row[4].c_str();
  return event;
}

}  // namespace

Result<std::vector<DeadlineRow>> PgCatalog::Deadlines(RunId run) {
  return pool_.With("read the deadlines of a run", [&](Session& session) -> Result<std::vector<DeadlineRow>> {
    std::vector<DeadlineRow> deadlines;
    for (const pqxx::row& row : session.Run("deadlines",
                                            "select number, micros(due_at), state, what, micros(ended_at) from "
                                            "run_deadline where run_id = $1 order by "
                                            "number",
                                            run.value)) {
      DeadlineRow deadline;
      deadline.deadline.number = row[0].as<std::int32_t>();
      deadline.deadline.at = *ReadInstant(row[1]);
      deadline.deadline.state = DeadlineStateFromString(row[2].c_str()).value_or(DeadlineState::kDue);
      deadline.what = row[3].c_str();
      deadline.ended_at = ReadInstant(row[4]);
      deadlines.push_back(std::move(deadline));
    }
    return deadlines;
  });
}

Result<Listing<DagEventRow>> PgCatalog::DagHistory(const std::string& dag_id, const Page& page) {
  ListingSql sql;
  sql.Where("e.dag_id = {}", CleanText(dag_id));
  sql.Where("e.run_id is null");  // those of deleted runs name their DAG, too
  const Status ordered = sql.Order(page, {{"id", "e.id"}}, "e.id desc");
  if (!ordered) return ordered.error();
  return pool_.With("read the history of a DAG", [&](Session& session) -> Result<Listing<DagEventRow>> {
    return Fetch<DagEventRow>(session, "micros(e.at), e.who, e.kind, coalesce(e.new_state, ''), coalesce(e.why, '')",
                              " from event e", sql, page, ReadDagEvent);
  });
}

}  // namespace pipelined
