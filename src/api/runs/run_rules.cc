// What the rules for runs as a whole have come to: deadlines of a run, and the history of a DAG.
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/shapes.h"

namespace pipelined::api {

Response GetDeadlines(const Call& call) {
  const Result<RunRow> run = call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!run.ok()) return ErrorResponse(run.error());
  const Result<std::vector<DeadlineRow>> rows = call.catalog().Deadlines(run->info.id);
  if (!rows.ok()) return ErrorResponse(rows.error());
  Value::List deadlines;
  for (const DeadlineRow& row : *rows) {
    deadlines.emplace_back(Value::Map{{"number", std::int64_t{row.deadline.number}},
                                      {"deadline", row.what},
                                      {"due_at", FormatInstant(row.deadline.at)},
                                      {"state", ToString(row.deadline.state)},
                                      {"ended_at", InstantOrNull(row.ended_at)}});
  }
  const auto total = static_cast<std::int64_t>(deadlines.size());
  return Json(Value::Map{{"deadlines", std::move(deadlines)}, {"total_entries", total}});
}

Response GetDagHistory(const Call& call) {
  Query query(call.request);
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  const Result<DagRow> dag = call.catalog().Dag(call.Arg("dag_id"));
  if (!dag.ok()) return ErrorResponse(dag.error());
  const Result<Listing<DagEventRow>> listing = call.catalog().DagHistory(dag->dag_id, page);
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List events;
  for (const DagEventRow& row : listing->rows) {
    events.emplace_back(Value::Map{
        {"when", FormatInstant(row.at)}, {"who", row.who}, {"kind", row.kind}, {"event", row.event}, {"why", row.why}});
  }
  return Json(Collection("events", std::move(events), listing->total));
}

}  // namespace pipelined::api
