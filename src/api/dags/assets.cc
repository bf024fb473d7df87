#include "api/dags/assets.h"

#include <fmt/format.h>

#include "api/handlers.h"
#include "api/http/errors.h"
#include "api/http/query.h"

namespace pipelined::api {
namespace {

Value::List Uses(const std::vector<AssetUse>& uses) {
  Value::List list;
  for (const AssetUse& use : uses) {
    Value::Map shape{{"dag_id", use.dag_id}};
    if (!use.task_id.empty()) shape.emplace_back("task_id", use.task_id);
    shape.emplace_back("created_at", FormatInstant(use.since));
    shape.emplace_back("updated_at", FormatInstant(use.since));
    list.emplace_back(std::move(shape));
  }
  return list;
}

Value AssetShape(const AssetRow& asset) {
  Value latest;
  if (asset.latest) latest = Value::Map{{"id", asset.latest->event}, {"timestamp", FormatInstant(asset.latest->at)}};
  return Value::Map{{"id", asset.id},
                    {"name", asset.uri},
                    {"uri", asset.uri},
                    {"group", std::string(kAssetGroup)},
                    {"extra", Value::Map{}},
                    {"created_at", FormatInstant(asset.created)},
                    {"updated_at", FormatInstant(asset.created)},
                    {"scheduled_dags", Uses(asset.schedules)},
                    {"producing_tasks", Uses(asset.outlets)},
                    {"consuming_tasks", Uses(asset.inlets)},
                    {"aliases", Value::List{}},
                    {"watchers", Value::List{}},
                    {"last_asset_event", std::move(latest)}};
}

Response EmptyPage(const Call& call, std::string_view name) {
  Query query(call.request);
  query.ReadPage();
  return query.ok() ? Json(Collection(name, {}, 0)) : query.Refusal();
}

std::optional<Response> UnknownInPath(const Call& call) {
  AssetRow asset;
  return FindAssetInPath(call, asset);
}

}  // namespace

Result<AssetRow> FindAsset(const Call& call, std::int64_t id) {
  AssetFilter filter;
  filter.id = id;
  filter.only_active = false;
  Result<Listing<AssetRow>> found = call.catalog().assets().List(filter, Page::One());
  if (!found.ok()) return found.error();
  if (found->rows.empty())
    return Error{ErrorCode::kNotFound, fmt::format("The Asset with ID: `{}` was not found", id), ""};
  return std::move(found->rows[0]);
}

std::optional<Response> FindAssetInPath(const Call& call, AssetRow& asset) {
  std::int64_t id = 0;
  if (auto refusal = ReadPathId("asset_id", call.Arg("asset_id"), id)) return refusal;
  Result<AssetRow> found = FindAsset(call, id);
  if (!found.ok()) return ErrorResponse(found.error());
  asset = *std::move(found);
  return std::nullopt;
}

Response GetAssets(const Call& call) {
  Query query(call.request);
  AssetFilter filter;
  filter.name = query.Search("name");
  filter.uri = query.Search("uri");
  filter.dag_ids = query.Strings("dag_ids");
  filter.only_active = query.Bool("only_active").value_or(true);
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  const Result<Listing<AssetRow>> assets = call.catalog().assets().List(filter, page);
  if (!assets.ok()) return ErrorResponse(assets.error());
  Value::List rows;
  for (const AssetRow& asset : assets->rows) rows.push_back(AssetShape(asset));
  return Json(Collection("assets", std::move(rows), assets->total));
}

Response GetAsset(const Call& call) {
  AssetRow asset;
  if (auto refusal = FindAssetInPath(call, asset)) return *std::move(refusal);
  return Json(AssetShape(asset));
}

Response GetAssetAliases(const Call& call) {
  return EmptyPage(call, "asset_aliases");
}

Response GetAssetAlias(const Call& call) {
  std::int64_t id = 0;
  if (auto refusal = ReadPathId("asset_alias_id", call.Arg("asset_alias_id"), id)) return *std::move(refusal);
  return Detail(404, fmt::format("The Asset Alias with ID: `{}` was not found", id));
}

// No event waits for others as long as no run is started by any.
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
