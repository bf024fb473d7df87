// Runs: list and show.

#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/shapes.h"
#include "api/words.h"

namespace pipelined::api {
namespace {

RunFilter ReadFilter(const Call& call, Query& query) {
  RunFilter filter;
  filter.dag_id = call.Arg("dag_id");
  filter.states = query.Words("state", RunStateWords(), Query::kPlain);
  filter.types = query.Words("run_type", RunTypeWords(), Query::kPlain);
  filter.dag = query.Search("dag_id");
  filter.run = query.Search("run_id");
  filter.user = query.Search("triggering_user_name");
  filter.conf_contains = query.String("conf_contains");
  filter.versions = query.Ints("dag_version");
  filter.logical_date = query.Times("logical_date");
  filter.start_date = query.Times("start_date");
  filter.run_after = query.Times("run_after");
  filter.end_date = query.Times("end_date");
  filter.updated_at = query.Times("updated_at");
  filter.duration = query.Lengths("duration");
  query.NotYet({"partition_date_gte", "partition_date_lte", "partition_key_pattern", "partition_key_prefix_pattern",
                "consuming_asset_pattern"});
  return filter;
}

}  // namespace

Response GetRuns(const Call& call) {
  Query query(call.request);
  const RunFilter filter = ReadFilter(call, query);
  const Page page = query.ReadCursorPage();
  if (!query.ok()) return query.Refusal();
  if (filter.dag_id != "~") {
    if (const Result<DagRow> dag = call.catalog().Dag(filter.dag_id); !dag.ok()) return ErrorResponse(dag.error());
  }
  const Result<Listing<RunRow>> listing = call.catalog().Runs(filter, page);
  return RunsAnswer(listing, page.cursor.has_value());
}

Response RunsAnswer(const Result<Listing<RunRow>>& listing, bool by_cursor) {
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List runs;
  for (const RunRow& row : listing->rows) runs.push_back(RunShape(row));
  if (by_cursor) return Json(CursorPage("dag_runs", std::move(runs), listing->next));
  return Json(Collection("dag_runs", std::move(runs), listing->total));
}

Response GetRun(const Call& call) {
  const Result<RunRow> row = call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!row.ok()) return ErrorResponse(row.error());
  return Json(RunShape(*row));
}

}  // namespace pipelined::api
