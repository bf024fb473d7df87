// Events of assets: which there were, one that somebody reports, and a run that shall make one.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <set>

#include "api/dags/assets.h"
#include "api/handlers.h"
#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/http/query.h"
#include "api/runs/trigger.h"
#include "api/vault/masking.h"

namespace pipelined::api {
namespace {

constexpr std::size_t kMaxPartitionKey = 250;  // characters, as in Airflow

Value TextOrNull(const std::string& text) {
  return text.empty() ? Value() : Value(text);
}

Value EventShape(const AssetEventRow& event) {
  return Value::Map{{"id", event.id},
                    {"asset_id", event.asset_id},
                    {"uri", event.uri},
                    {"name", event.uri},
                    {"group", std::string(kAssetGroup)},
                    {"extra", event.extra},
                    {"source_task_id", TextOrNull(event.task_id)},
                    {"source_dag_id", TextOrNull(event.dag_id)},
                    {"source_run_id", TextOrNull(event.run_id)},
                    {"source_map_index", std::int64_t{event.map_index}},
                    {"created_dagruns", Value::List{}},
                    {"timestamp", FormatInstant(event.at)},
                    {"partition_key", event.partition_key ? Value(*event.partition_key) : Value()}};
}

AssetEventFilter ReadFilter(Query& query) {
  const auto text = [&](std::string_view name) {
    std::string value = query.String(name);
    return value.empty() ? std::nullopt : std::optional(std::move(value));
  };
  AssetEventFilter filter;
  if (text("asset_id")) filter.asset_id = query.Int("asset_id", 0, std::numeric_limits<std::int64_t>::min());
  filter.dag_id = text("source_dag_id");
  filter.run_id = text("source_run_id");
  filter.task_id = text("source_task_id");
  if (const auto indexes = query.Ints("source_map_index"); !indexes.empty()) filter.map_index = indexes.back();
  filter.name = query.Search("name");
  filter.at = query.Times("timestamp");
  return filter;
}

// There are no teams that an event could be kept from.
void RefuseTeams(Body& body) {
  const std::optional<Value> control = body.Object("access_control");
  if (!control) return;
  Body part(*control, body.At("access_control"), {"consumer_teams", "allow_global"});
  if (!part.Strings("consumer_teams").empty() || !part.Bool("allow_global").value_or(true))
    part.Refuse("access_control can not be narrowed: there are no teams");
  body.violations().Add(part.violations());
}

NewAssetEvent ReadEvent(Body& body) {
  body.RequireValue("asset_id");
  NewAssetEvent event;
  event.asset_id = body.Int("asset_id", 0, std::numeric_limits<std::int64_t>::max()).value_or(0);
  event.extra = body.Object("extra").value_or(Value(Value::Map{}));
  if (const Value* extra = body.Given("extra"); extra != nullptr && extra->is_null())
    body.Refuse("extra", "dict_type", "Input should be a valid dictionary");
  event.partition_key = body.String("partition_key");
  body.LimitLength("partition_key", kMaxPartitionKey);
  if (event.partition_key && event.partition_key->find_first_not_of(" \t\r\n\v\f") == std::string::npos)
    body.Refuse("partition_key", "string_pattern_mismatch", "String should match pattern '\\S'");
  RefuseTeams(body);
  event.extra.Set("from_rest_api", true);
  return event;
}

}  // namespace

Response GetAssetEvents(const Call& call) {
  Query query(call.request);
  const AssetEventFilter filter = ReadFilter(query);
  Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  if (page.order_by.empty()) page.order_by = {"timestamp"};
  const Result<Listing<AssetEventRow>> events = call.catalog().assets().Events(filter, page);
  if (!events.ok()) return ErrorResponse(events.error());
  Value::List rows;
  for (const AssetEventRow& event : events->rows) rows.push_back(EventShape(event));
  return Json(Collection("asset_events", std::move(rows), events->total));
}

Response PostAssetEvent(const Call& call) {
  Body body(call.request, {"asset_id", "partition_key", "extra", "access_control"});
  const NewAssetEvent event = ReadEvent(body);
  if (!body.ok()) return body.Refusal();
  const Result<AssetRow> asset = FindAsset(call, event.asset_id);
  if (!asset.ok()) return ErrorResponse(asset.error());
  const Result<AssetEventRow> made = call.catalog().assets().Add(event);
  if (!made.ok()) return ErrorResponse(made.error());
  if (call.note != nullptr) call.note->entity = made->uri;
  call.After(made->uri, Value::Map{{"event", made->id}, {"extra", MaskSecrets(made->extra)}});
  return Json(EventShape(*made));
}

Response MaterializeAsset(const Call& call) {
  Body body = BodyOfRun(call.request, true);
  const AskedRun asked = ReadAskedRun(body);
  if (!body.ok()) return body.Refusal();
  AssetRow asset;
  if (auto refusal = FindAssetInPath(call, asset)) return *std::move(refusal);
  std::set<std::string> dags;
  for (const AssetUse& outlet : asset.outlets) dags.insert(outlet.dag_id);
  if (dags.empty()) return Detail(404, fmt::format("No DAG materializes asset with ID: {}", asset.id));
  if (dags.size() > 1) {
    return Detail(409,
                  fmt::format("More than one DAG materializes asset with ID: {}: {}", asset.id, fmt::join(dags, ", ")));
  }
  const std::string& dag_id = *dags.begin();
  if (!call.caller.rights.May(access::Permission::kRunsTrigger, dag_id))
    return Detail(403, fmt::format("Forbidden: you may not start runs of the DAG {}", dag_id));
  return MakeRun(call, asked, dag_id);
}

// None, as long as no run is started by any.
Response GetUpstreamAssetEvents(const Call& call) {
  const Result<RunRow> run = call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!run.ok()) return ErrorResponse(run.error());
  return Json(Collection("asset_events", {}, 0));
}

}  // namespace pipelined::api
