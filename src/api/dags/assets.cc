// Assets: those that schedules name. Nothing produces events of them in this version, so what tells of events is empty.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/letters.h"
#include "api/http/query.h"
#include "api/shapes.h"
#include "pipelined/base/hash.h"

namespace pipelined::api {
namespace {

// An asset has no row of its own: its number follows from its name, which is its URI, so that it is always the same.
std::int64_t IdOf(const std::string& uri) {
  const auto digest = Sha256("asset:" + uri);
  std::int64_t id = 0;
  for (int i = 0; i < 4; ++i) id = id << 8 | digest[static_cast<std::size_t>(i)];
  return std::max<std::int64_t>(id & std::numeric_limits<std::int32_t>::max(), 1);
}

struct Asset {
  std::string uri;
  std::vector<const DagRow*> scheduled;  // DAGs that wait for it
};

// All assets, by URI. DAGs are few enough to look at all of them.
struct Assets {
  std::vector<DagRow> dags;
  std::map<std::string, Asset> by_uri;
};

Result<Assets> ReadAssets(const Call& call) {
  Page all;
  all.limit = 1'000'000;
  Result<Listing<DagRow>> listing = call.catalog().Dags(DagFilter{}, all);
  if (!listing.ok()) return listing.error();
  Assets assets;
  assets.dags = std::move(listing->rows);
  for (const DagRow& dag : assets.dags) {
    for (const std::string& uri : dag.schedule.assets) {
      Asset& asset = assets.by_uri[uri];
      asset.uri = uri;
      if (std::find(asset.scheduled.begin(), asset.scheduled.end(), &dag) == asset.scheduled.end())
        asset.scheduled.push_back(&dag);
    }
  }
  return assets;
}

Value AssetShape(const Asset& asset) {
  Instant created = Instant::max();
  Value::List scheduled;
  for (const DagRow* dag : asset.scheduled) {
    const Instant since = dag->version_created.value_or(dag->last_parsed);
    created = std::min(created, since);
    scheduled.emplace_back(Value::Map{
        {"dag_id", dag->dag_id}, {"created_at", FormatInstant(since)}, {"updated_at", FormatInstant(since)}});
  }
  return Value::Map{{"id", IdOf(asset.uri)},
                    {"name", asset.uri},
                    {"uri", asset.uri},
                    {"group", "asset"},
                    {"extra", Value::Map{}},
                    {"created_at", FormatInstant(created)},
                    {"updated_at", FormatInstant(created)},
                    {"scheduled_dags", std::move(scheduled)},
                    {"producing_tasks", Value::List{}},
                    {"consuming_tasks", Value::List{}},
                    {"aliases", Value::List{}},
                    {"watchers", Value::List{}},
                    {"last_asset_event", nullptr}};
}

// A part of it, whatever the case; "%" at the ends says nothing more.
bool Holds(const std::string& text, std::string pattern) {
  std::erase(pattern, '%');
  return LowerCase(text).find(LowerCase(pattern)) != std::string::npos;
}

struct AssetFilter {
  TextSearch name, uri;
  std::vector<std::string> dag_ids;
  bool Keeps(const Asset& asset) const {
    const bool of_dags = dag_ids.empty() || std::any_of(asset.scheduled.begin(), asset.scheduled.end(), [&](auto* dag) {
                           return std::find(dag_ids.begin(), dag_ids.end(), dag->dag_id) != dag_ids.end();
                         });
    return of_dags && Holds(asset.uri, name.pattern) && Holds(asset.uri, uri.pattern) &&
           asset.uri.starts_with(name.prefix) && asset.uri.starts_with(uri.prefix);
  }
};

// The refusal of an asset that nobody names, or nothing.
std::optional<Response> Unknown(const Call& call, std::int64_t id) {
  const Result<Assets> assets = ReadAssets(call);
  if (!assets.ok()) return ErrorResponse(assets.error());
  for (const auto& [uri, asset] : assets->by_uri) {
    if (IdOf(uri) == id) return std::nullopt;
  }
  return Detail(404, fmt::format("The Asset with ID: `{}` was not found", id));
}

std::optional<Response> UnknownInPath(const Call& call) {
  std::int64_t id = 0;
  if (auto refusal = ReadPathId("asset_id", call.Arg("asset_id"), id)) return refusal;
  return Unknown(call, id);
}

Response EmptyPage(const Call& call, std::string_view name) {
  Query query(call.request);
  query.ReadPage();
  return query.ok() ? Json(Collection(name, {}, 0)) : query.Refusal();
}

}  // namespace

Response GetAssets(const Call& call) {
  Query query(call.request);
  const AssetFilter filter{query.Search("name"), query.Search("uri"), query.Strings("dag_ids")};
  query.Bool("only_active");
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  const Result<Assets> assets = ReadAssets(call);
  if (!assets.ok()) return ErrorResponse(assets.error());
  Value::List rows;
  std::int64_t total = 0;
  for (const auto& [uri, asset] : assets->by_uri) {
    if (!filter.Keeps(asset)) continue;
    if (total >= page.offset && total < page.offset + page.limit) rows.push_back(AssetShape(asset));
    ++total;
  }
  return Json(Collection("assets", std::move(rows), total));
}

Response GetAsset(const Call& call) {
  std::int64_t id = 0;
  if (auto refusal = ReadPathId("asset_id", call.Arg("asset_id"), id)) return *std::move(refusal);
  const Result<Assets> assets = ReadAssets(call);
  if (!assets.ok()) return ErrorResponse(assets.error());
  for (const auto& [uri, asset] : assets->by_uri) {
    if (IdOf(uri) == id) return Json(AssetShape(asset));
  }
  return Detail(404, fmt::format("The Asset with ID: `{}` was not found", id));
}

Response GetAssetAliases(const Call& call) {
  return EmptyPage(call, "asset_aliases");
}

Response GetAssetAlias(const Call& call) {
  std::int64_t id = 0;
  if (auto refusal = ReadPathId("asset_alias_id", call.Arg("asset_alias_id"), id)) return *std::move(refusal);
  return Detail(404, fmt::format("The Asset Alias with ID: `{}` was not found", id));
}

Response GetAssetEvents(const Call& call) {
  return EmptyPage(call, "asset_events");
}

Response PostAssetEvent(const Call& call) {
  Body body(call.request, {"asset_id", "partition_key", "extra", "access_control"});
  body.RequireValue("asset_id");
  const auto id = body.Int("asset_id", 0, std::numeric_limits<std::int64_t>::max());
  body.String("partition_key");
  body.Object("extra");
  if (!body.ok()) return body.Refusal();
  if (auto refusal = Unknown(call, id.value_or(0))) return *std::move(refusal);
  return Detail(501, "an event of an asset starts nothing yet in this version, and none is kept");
}

Response MaterializeAsset(const Call& call) {
  if (auto refusal = UnknownInPath(call)) return *std::move(refusal);
  return Detail(404, fmt::format("No DAG materializes asset with ID: {}", call.Arg("asset_id")));
}

Response GetAssetQueuedEvents(const Call& call) {
  if (auto refusal = UnknownInPath(call)) return *std::move(refusal);
  return Json(Collection("queued_events", {}, 0));
}

Response DeleteAssetQueuedEvents(const Call& call) {
  if (auto refusal = UnknownInPath(call)) return *std::move(refusal);
  return Detail(404, fmt::format("Queue event with asset_id: `{}` was not found", call.Arg("asset_id")));
}

Response GetDagQueuedEvents(const Call& call) {
  if (const Result<DagRow> dag = call.catalog().Dag(call.Arg("dag_id")); !dag.ok()) return ErrorResponse(dag.error());
  return Json(Collection("queued_events", {}, 0));
}

Response DeleteDagQueuedEvents(const Call& call) {
  return Detail(404, fmt::format("Queue event with dag_id: `{}` was not found", call.Arg("dag_id")));
}

Response NoDagQueuedEvent(const Call& call) {
  std::int64_t id = 0;
  if (auto refusal = ReadPathId("asset_id", call.Arg("asset_id"), id)) return *std::move(refusal);
  return Detail(404,
                fmt::format("Queue event with dag_id: `{}` and asset_id: `{}` was not found", call.Arg("dag_id"), id));
}

Response GetUpstreamAssetEvents(const Call& call) {
  const Result<RunRow> run = call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!run.ok()) return ErrorResponse(run.error());
  return Json(Collection("asset_events", {}, 0));
}

Response GetAssetState(const Call& call) {
  Response empty = EmptyPage(call, "asset_state_store");
  if (empty.status != 200) return empty;
  if (auto refusal = UnknownInPath(call)) return *std::move(refusal);
  return empty;
}

Response NoAssetState(const Call& call) {
  if (auto refusal = UnknownInPath(call)) return *std::move(refusal);
  return Detail(404,
                fmt::format("Asset state with key `{}` was not found: assets keep no state here", call.Arg("key")));
}

Response ClearAssetState(const Call& call) {
  if (auto refusal = UnknownInPath(call)) return *std::move(refusal);
  return NoContent();
}

}  // namespace pipelined::api
