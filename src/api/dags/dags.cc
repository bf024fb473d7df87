// DAGs: list, show, pause, delete, source.
#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/negotiate.h"
#include "api/http/letters.h"
#include "api/http/query.h"
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

void NotePaused(const Call& call, const DagRow& row, bool paused) {
  call.Before(row.dag_id, Value::Map{{"is_paused", row.paused}});
  call.After(row.dag_id, Value::Map{{"is_paused", paused}});
}

// What the catalog cannot narrow by. DAGs are few enough to look at all of them.
struct Sieve {
  std::vector<std::string> owners;
  std::vector<std::string> all_tags;
  std::optional<bool> import_errors, asset_schedule, favorite;
  std::string asset;                   // a part of the name of one that it waits for; empty: any
  std::vector<std::string> favorites;  // of whoever asks; read when `favorite` is given

  bool active() const {
    return !owners.empty() || !all_tags.empty() || import_errors.has_value() || asset_schedule.has_value() ||
           favorite.has_value() || !asset.empty();
  }
  bool Keeps(const DagRow& row) const {
    const auto has = [](const std::vector<std::string>& list, const std::string& word) {
      return std::find(list.begin(), list.end(), word) != list.end();
    };
    const bool tagged =
        std::all_of(all_tags.begin(), all_tags.end(), [&](const std::string& tag) { return has(row.tags, tag); });
    return tagged && (owners.empty() || has(owners, OwnerOf(row))) &&
           (!import_errors || *import_errors == row.has_import_errors) &&
           (!asset_schedule || *asset_schedule == (row.schedule.kind == ScheduleKind::kAssets)) &&
           (!favorite || *favorite == has(favorites, row.dag_id)) && (asset.empty() || WaitsFor(row));
  }
  bool WaitsFor(const DagRow& row) const {
    return std::any_of(row.schedule.assets.begin(), row.schedule.assets.end(), [&](const std::string& uri) {
      return LowerCase(uri).find(LowerCase(asset)) != std::string::npos;
    });
  }
};

DagFilter ReadFilter(Query& query, Sieve& sieve) {
  constexpr std::array<std::string_view, 2> kModes{"any", "all"};
  DagFilter filter;
  filter.dag = query.Search("dag_id");
  const TextSearch shown = query.Search("dag_display_name");  // the same here
  if (filter.dag.pattern.empty()) filter.dag.pattern = shown.pattern;
  if (filter.dag.prefix.empty()) filter.dag.prefix = shown.prefix;
  filter.tags = query.Strings("tags");
  filter.paused = query.Bool("paused");
  filter.include_stale = !query.Bool("exclude_stale").value_or(true);
  const std::vector<std::string> modes = query.Words("tags_match_mode", kModes, "literal_error");
  if (!modes.empty() && modes.back() == "all") sieve.all_tags = filter.tags;
  sieve.owners = query.Strings("owners");
  sieve.import_errors = query.Bool("has_import_errors");
  sieve.asset_schedule = query.Bool("has_asset_schedule");
  sieve.favorite = query.Bool("is_favorite");
  sieve.asset = query.String("asset_dependency");
  query.Words("last_dag_run_state", RunStateWords());
  query.NotYet({"last_dag_run_state", "dag_run_state", "timetable_type", "dag_run_start_date_gte",
                "dag_run_start_date_gt", "dag_run_start_date_lte", "dag_run_start_date_lt", "dag_run_end_date_gte",
                "dag_run_end_date_gt", "dag_run_end_date_lte", "dag_run_end_date_lt"});
  return filter;
}

Result<Listing<DagRow>> List(Catalog& catalog, const DagFilter& filter, const Sieve& sieve, const Page& page) {
  if (!sieve.active()) return catalog.Dags(filter, page);
  Page all = page;
  all.limit = 1'000'000;
  all.offset = 0;
  Result<Listing<DagRow>> listing = catalog.Dags(filter, all);
  if (!listing.ok()) return listing;
  std::vector<DagRow>& rows = listing->rows;
  rows.erase(std::remove_if(rows.begin(), rows.end(), [&](const DagRow& row) { return !sieve.Keeps(row); }),
             rows.end());
  listing->total = static_cast<std::int64_t>(rows.size());
  rows.erase(rows.begin(), rows.begin() + std::min(page.offset, listing->total));
  if (static_cast<std::int64_t>(rows.size()) > page.limit) rows.resize(static_cast<std::size_t>(page.limit));
  return listing;
}

bool MaskNamesOnly(const Request& request, std::string_view field) {
  for (const auto& [name, value] : request.query) {
    if (name == "update_mask" && value != field) return false;
  }
  return true;
}

}  // namespace

// Lists the DAGs that the query chooses; `paused`: and gives all of them that state first.
Response Chosen(const Call& call, std::optional<bool> paused) {
  Query query(call.request);
  Sieve sieve;
  DagFilter filter = ReadFilter(query, sieve);
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  if (filter.dag.pattern == "~") filter.dag.pattern.clear();
  if (sieve.favorite) {
    Result<std::vector<std::string>> favorites = call.catalog().Favorites(call.caller.name);
    if (!favorites.ok()) return ErrorResponse(favorites.error());
    sieve.favorites = *std::move(favorites);
  }
  Result<Listing<DagRow>> listing = List(call.catalog(), filter, sieve, page);
  if (paused && listing.ok()) {
    if (call.note != nullptr) call.note->many = true;
    for (DagRow& row : listing->rows) {
      if (row.paused == *paused) continue;
      NotePaused(call, row, *paused);
      if (auto refusal = Carry(call, Command{{}, {}, PauseDag{row.dag_id, *paused}})) return *std::move(refusal);
      row.paused = *paused;
    }
  }
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List dags;
  for (const DagRow& row : listing->rows) dags.push_back(DagShape(row, NextRunOf(call.service, row)));
  return Json(Collection("dags", std::move(dags), listing->total));
}

Response GetDags(const Call& call) {
  return Chosen(call, std::nullopt);
}

Response PatchDags(const Call& call) {
  Body body(call.request, {"is_paused"});
  body.Require("is_paused");
  const std::optional<bool> paused = body.Bool("is_paused");
  if (!body.ok()) return body.Refusal();
  if (!MaskNamesOnly(call.request, "is_paused"))
    return Detail(400, "Only `is_paused` field can be updated through the REST API");
  return Chosen(call, paused);
}

// The folder is watched, so that there is nothing to hurry: a file that has changed is being read already.
Response ReparseFile(const Call& call) {
  Page all;
  all.limit = 1'000'000;
  DagFilter filter;
  filter.include_stale = true;
  const Result<Listing<DagRow>> dags = call.catalog().Dags(filter, all);
  if (!dags.ok()) return ErrorResponse(dags.error());
  const bool known = std::any_of(dags->rows.begin(), dags->rows.end(),
                                 [&](const DagRow& row) { return FileToken(row) == call.Arg("file_token"); });
  return known ? Json(201, nullptr) : Detail(404, "File not found");
}

namespace {

Response Favor(const Call& call, bool favorite) {
  const Result<DagRow> row = call.catalog().Dag(call.Arg("dag_id"));
  if (!row.ok()) return ErrorResponse(row.error());
  const Result<bool> changed = call.catalog().SetFavorite(call.caller.name, row->dag_id, favorite);
  if (!changed.ok()) return ErrorResponse(changed.error());
  if (!favorite && !*changed) return Detail(409, "Dag is not marked as favorite");
  return NoContent();
}

}  // namespace

Response FavorDag(const Call& call) {
  return Favor(call, true);
}

Response UnfavorDag(const Call& call) {
  return Favor(call, false);
}

Response GetDag(const Call& call) {
  return DagAnswer(call);
}

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
  const Result<std::vector<std::string>> favorites = call.catalog().Favorites(call.caller.name);
  if (!favorites.ok()) return ErrorResponse(favorites.error());
  Value shape = DagDetailsShape(*row, NextRunOf(call.service, *row), runs->total);
  shape.Set("is_favorite", std::find(favorites->begin(), favorites->end(), row->dag_id) != favorites->end());
  return Json(shape);
}

Response PatchDag(const Call& call) {
  Body body(call.request, {"is_paused"});
  body.Require("is_paused");
  const std::optional<bool> paused = body.Bool("is_paused");
  if (!body.ok()) return body.Refusal();
  if (!MaskNamesOnly(call.request, "is_paused"))
    return Detail(400, "Only `is_paused` field can be updated through the REST API");
  const Result<DagRow> row = call.catalog().Dag(call.Arg("dag_id"));
  if (!row.ok()) return ErrorResponse(row.error());
  NotePaused(call, *row, *paused);
  if (row->paused != *paused) {
    if (auto refusal = Carry(call, Command{{}, {}, PauseDag{row->dag_id, *paused}})) return *std::move(refusal);
  }
  return DagAnswer(call);
}

Response DeleteDag(const Call& call) {
  const Result<DagRow> row = call.catalog().Dag(call.Arg("dag_id"));
  if (!row.ok()) return ErrorResponse(row.error());
  call.Before(row->dag_id, Value::Map{{"is_paused", row->paused}, {"is_stale", row->stale}});
  if (auto refusal = Carry(call, Command{{}, {}, pipelined::DeleteDag{row->dag_id}})) return *std::move(refusal);
  return Json(nullptr);
}

Response GetDagSource(const Call& call) {
  Query query(call.request);
  const Result<DagRow> row = call.catalog().Dag(call.Arg("dag_id"));
  if (!row.ok()) return ErrorResponse(row.error());
  const std::int64_t number = query.Int("version_number", row->version_number, 1);
  if (!query.ok()) return query.Refusal();
  const Result<Listing<DagVersionRow>> version =
      call.catalog().Versions(row->dag_id, static_cast<std::int32_t>(std::min<std::int64_t>(number, INT32_MAX)), {});
  if (!version.ok()) return ErrorResponse(version.error());
  if (version->rows.empty() && number != row->version_number) {
    return Detail(404, fmt::format("The DagVersion with dag_id: `{}` and version_number: `{}` was not found",
                                   row->dag_id, number));
  }
  const Result<DagSource> source =
      call.catalog().Source(version->rows.empty() ? row->version : version->rows.front().id);
  if (!source.ok()) return ErrorResponse(source.error());
  if (WantsText(call.request)) return Text(200, "text/plain; charset=utf-8", source->document);
  return Json(Value::Map{{"content", source->document},
                         {"dag_id", row->dag_id},
                         {"version_number", number},
                         {"dag_display_name", row->dag_id}});
}

}  // namespace pipelined::api
