// DAGs: list, show, pause, delete, source.
#include <array>

#include "api/body.h"
#include "api/errors.h"
#include "api/handlers.h"
#include "api/query.h"
#include "api/shapes.h"
#include "api/words.h"

namespace pipelined::api {
namespace {

std::optional<DueRun> NextRunOf(const Service& service, const DagRow& row) {
  if (row.stale) return std::nullopt;
  const std::shared_ptr<const Timetable> timetable = service.TimetableOf(row.schedule);
  return timetable == nullptr ? std::nullopt : timetable->Next(row.last_interval, service.Now());
}

Response DagAnswer(const Call& call) {
  const Result<DagRow> row = call.catalog().Dag(call.Arg("dag_id"));
  if (!row.ok()) return ErrorResponse(row.error());
  return Json(DagShape(*row, NextRunOf(call.service, *row)));
}

DagFilter ReadFilter(Query& query) {
  constexpr std::array<std::string_view, 2> kModes{"any", "all"};
  DagFilter filter;
  filter.dag_id_pattern = query.String("dag_id_pattern");
  filter.tags = query.Strings("tags");
  filter.paused = query.Bool("paused");
  filter.include_stale = !query.Bool("exclude_stale").value_or(true);
  const std::vector<std::string> modes = query.Words("tags_match_mode", kModes, "literal_error");
  if (filter.tags.size() > 1 && !modes.empty() && modes.back() == "all") query.NotYet({"tags_match_mode"});
  query.Words("last_dag_run_state", RunStateWords());
  query.NotYet({"owners", "dag_id_prefix_pattern", "dag_display_name_pattern", "dag_display_name_prefix_pattern", "has_import_errors",
                "last_dag_run_state", "dag_run_state", "has_asset_schedule", "asset_dependency", "is_favorite", "timetable_type",
                "dag_run_start_date_gte", "dag_run_start_date_gt", "dag_run_start_date_lte", "dag_run_start_date_lt",
                "dag_run_end_date_gte", "dag_run_end_date_gt", "dag_run_end_date_lte", "dag_run_end_date_lt"});
  return filter;
}

bool MaskNamesOnly(const Request& request, std::string_view field) {
  for (const auto& [name, value] : request.query) {
    if (name == "update_mask" && value != field) return false;
  }
  return true;
}

bool WantsText(const Request& request) {
  const std::string* accept = request.Header("accept");
  return accept != nullptr && accept->starts_with("text/plain");
}

}  // namespace

Response GetDags(const Call& call) {
  Query query(call.request);
  const DagFilter filter = ReadFilter(query);
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  const Result<Listing<DagRow>> listing = call.catalog().Dags(filter, page);
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List dags;
  for (const DagRow& row : listing->rows) dags.push_back(DagShape(row, NextRunOf(call.service, row)));
  return Json(Value::Map{{"dags", std::move(dags)}, {"total_entries", listing->total}});
}

Response GetDag(const Call& call) { return DagAnswer(call); }

Response GetDagDetails(const Call& call) {
  const Result<DagRow> row = call.catalog().Dag(call.Arg("dag_id"));
  if (!row.ok()) return ErrorResponse(row.error());
  RunFilter active;
  active.dag_id = row->dag_id;
  active.states = {"queued", "running"};
  Page nothing;
  nothing.limit = 0;
  const Result<Listing<RunRow>> runs = call.catalog().Runs(active, nothing);
  if (!runs.ok()) return ErrorResponse(runs.error());
  return Json(DagDetailsShape(*row, NextRunOf(call.service, *row), runs->total));
}

Response PatchDag(const Call& call) {
  Body body(call.request, {"is_paused"});
  body.Require("is_paused");
  const std::optional<bool> paused = body.Bool("is_paused");
  if (!body.ok()) return body.Refusal();
  if (!MaskNamesOnly(call.request, "is_paused")) return Detail(400, "Only `is_paused` field can be updated through the REST API");
  const Result<DagRow> row = call.catalog().Dag(call.Arg("dag_id"));
  if (!row.ok()) return ErrorResponse(row.error());
  if (row->paused != *paused) {
    if (auto refusal = Carry(call, Command{{}, {}, PauseDag{row->dag_id, *paused}})) return *std::move(refusal);
  }
  return DagAnswer(call);
}

Response DeleteDag(const Call& call) {
  const Result<DagRow> row = call.catalog().Dag(call.Arg("dag_id"));
  if (!row.ok()) return ErrorResponse(row.error());
  if (auto refusal = Carry(call, Command{{}, {}, pipelined::DeleteDag{row->dag_id}})) return *std::move(refusal);
  return Json(nullptr);
}

Response GetDagSource(const Call& call) {
  Query query(call.request);
  const Result<DagRow> row = call.catalog().Dag(call.Arg("dag_id"));
  if (!row.ok()) return ErrorResponse(row.error());
  const std::int64_t number = query.Int("version_number", row->version_number, 1);
  if (!query.ok()) return query.Refusal();
  if (number != row->version_number) return Detail(404, "only the current version's source is available yet");
  const Result<DagSource> source = call.catalog().Source(row->version);
  if (!source.ok()) return ErrorResponse(source.error());
  if (WantsText(call.request)) return Text(200, "text/plain; charset=utf-8", source->document);
  return Json(Value::Map{{"content", source->document},
                         {"dag_id", row->dag_id},
                         {"version_number", row->version_number},
                         {"dag_display_name", row->dag_id}});
}

}  // namespace pipelined::api
