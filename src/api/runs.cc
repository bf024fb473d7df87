// Runs: list, show, end.
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

bool MaskHas(const Request& request, std::string_view field) {
  bool any = false;
  for (const auto& [name, value] : request.query) {
    if (name != "update_mask") continue;
    any = true;
    if (value == field) return true;
  }
  return !any;
}

Response NotYet(std::string_view what) {
  return Detail(501, std::string(what) + " is not available yet in this version");
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

Response PatchRun(const Call& call) {
  Body body(call.request, {"state", "note"});
  const std::optional<std::string> state = body.String("state");
  const bool known = !state || *state == "queued" || *state == "success" || *state == "failed";
  if (!known) body.RefuseEnum("state", "'queued', 'success' or 'failed'");
  const bool note = body.Has("note") && MaskHas(call.request, "note");
  if (!body.ok()) return body.Refusal();
  const Result<RunRow> row = call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!row.ok()) return ErrorResponse(row.error());
  if (note) return NotYet("changing the note of a run");
  if (!state || !MaskHas(call.request, "state")) return Json(RunShape(*row));
  if (*state != "failed") return NotYet("setting a run to " + *state);
  if (row->info.state == RunState::kFailed) return Json(RunShape(*row));
  if (auto refusal = Carry(call, Command{{}, {}, CancelRun{row->info.id}})) return *std::move(refusal);
  return GetRun(call);
}

}  // namespace pipelined::api
