// Runs: list and show.
#include <algorithm>

#include "api/body.h"
#include "api/errors.h"
#include "api/handlers.h"
#include "api/query.h"
#include "api/shapes.h"
#include "api/words.h"

namespace pipelined::api {
namespace {

RunFilter ReadFilter(const Call& call, Query& query) {
  RunFilter filter;
  filter.dag_id = call.Arg("dag_id");
  filter.states = query.Words("state", RunStateWords(), Query::kPlain);
  filter.types = query.Words("run_type", RunTypeWords(), Query::kPlain);
  filter.run_id_pattern = query.String("run_id_pattern");
  query.Range("logical_date", filter.logical_date_gte, filter.logical_date_lte);
  query.Range("start_date", filter.start_date_gte, filter.start_date_lte);
  query.Range("run_after", filter.run_after_gte, filter.run_after_lte);
  query.NotYet({"cursor",
                "end_date_gte",
                "end_date_gt",
                "end_date_lte",
                "end_date_lt",
                "duration_gte",
                "duration_gt",
                "duration_lte",
                "duration_lt",
                "updated_at_gte",
                "updated_at_gt",
                "updated_at_lte",
                "updated_at_lt",
                "conf_contains",
                "dag_version",
                "run_id_prefix_pattern",
                "triggering_user_name_pattern",
                "triggering_user_name_prefix_pattern",
                "dag_id_pattern",
                "dag_id_prefix_pattern",
                "partition_date_gte",
                "partition_date_lte",
                "partition_key_pattern",
                "partition_key_prefix_pattern",
                "consuming_asset_pattern"});
  return filter;
}

}  // namespace

Response GetRuns(const Call& call) {
  Query query(call.request);
  const RunFilter filter = ReadFilter(call, query);
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  if (filter.dag_id != "~") {
    if (const Result<DagRow> dag = call.catalog().Dag(filter.dag_id); !dag.ok()) return ErrorResponse(dag.error());
  }
  const Result<Listing<RunRow>> listing = call.catalog().Runs(filter, page);
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List runs;
  for (const RunRow& row : listing->rows) runs.push_back(RunShape(row));
  return Json(Value::Map{{"dag_runs", std::move(runs)}, {"total_entries", listing->total}});
}

Response GetRun(const Call& call) {
  const Result<RunRow> row = call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!row.ok()) return ErrorResponse(row.error());
  return Json(RunShape(*row));
}

}  // namespace pipelined::api
