#include "store/pg_assets.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_map>

#include "pipelined/schema/json.h"
#include "store/arrays.h"
#include "store/listing.h"
#include "store/rows.h"

namespace pipelined {
namespace {

constexpr std::string_view kNamed = "exists (select from asset_reference u where u.asset_id = a.id{})";
constexpr std::string_view kNamedByActive =
    "exists (select from asset_reference u join dag d on d.dag_id = u.dag_id where u.asset_id = a.id and not "
    "d.stale{})";

ListingSql ConditionsOf(const AssetFilter& filter, const Page& page) {
  ListingSql sql;
  const auto named = fmt::runtime(filter.only_active ? kNamedByActive : kNamed);
  if (page.dag_ids)
    sql.Where(fmt::format(named, " and u.dag_id = any ({}::text[])"), TextArray(*page.dag_ids));
  else if (filter.only_active)
    sql.Where(fmt::format(named, ""));
  if (!filter.dag_ids.empty())
    sql.Where(fmt::format(named, " and u.dag_id = any ({}::text[])"), TextArray(filter.dag_ids));
  if (filter.id) sql.Where("a.id = {}::bigint", std::to_string(*filter.id));
  sql.WhereText("a.uri", filter.name);
  sql.WhereText("a.uri", filter.uri);
  return sql;
}

std::vector<AssetUse>& UsesOf(AssetRow& asset, std::string_view kind) {
  if (kind == "schedule") return asset.schedules;
  return kind == "outlet" ? asset.outlets : asset.inlets;
}

// Who names the assets of a page, and the latest event of each: a query for all of them.
void AddUsesAndLatest(Session& session, const Page& page, std::vector<AssetRow>& assets) {
  if (assets.empty()) return;
  std::unordered_map<std::int64_t, AssetRow*> by_id;
  ArrayText ids;
  for (AssetRow& asset : assets) {
    by_id[asset.id] = &asset;
    ids.Add(asset.id);
  }
  const auto mine = page.dag_ids ? std::optional(TextArray(*page.dag_ids)) : std::nullopt;
  for (const pqxx::row& row : session.Run(
           "asset_uses",
           "select u.asset_id, u.kind, u.dag_id, u.task_id, micros(u.created_at) from asset_reference u join dag d on "
           "d.dag_id = u.dag_id where u.asset_id = any ($1::bigint[]) and not d.stale and ($2::text[] is null or "
           "u.dag_id = any ($2::text[])) order by u.dag_id collate \"C\", u.task_id collate \"C\"",
           ids.text(), mine)) {
    AssetRow& asset = *by_id.at(row[0].as<std::int64_t>());
    UsesOf(asset, row[1].c_str()).push_back(AssetUse{row[2].c_str(), row[3].c_str(), *ReadInstant(row[4])});
  }
  for (const pqxx::row& row : session.Run(
           "asset_latest",
           "select i.id, l.id, micros(l.at) from unnest($1::bigint[]) as i (id) cross join lateral (select e.id, e.at "
           "from asset_event e where e.asset_id = i.id and ($2::text[] is null or e.source_dag_id is null or "
           "e.source_dag_id = any ($2::text[])) order by e.at desc, e.id desc limit 1) as l",
           ids.text(), mine)) {
    by_id.at(row[0].as<std::int64_t>())->latest = AssetRow::Latest{row[1].as<std::int64_t>(), *ReadInstant(row[2])};
  }
}

constexpr const char* kEventColumns =
    "e.id, e.asset_id, a.uri, micros(e.at), e.extra::text, coalesce(e.source_dag_id, ''), coalesce(e.source_run_id, "
    "''), coalesce(e.source_task_id, ''), e.source_map_index, e.partition_key";

AssetEventRow ReadEvent(const pqxx::row& row) {
  AssetEventRow event;
  event.id = row[0].as<std::int64_t>();
  event.asset_id = row[1].as<std::int64_t>();
  event.uri = row[2].c_str();
  event.at = *ReadInstant(row[3]);
  event.extra = ReadJson(row[4]);
  event.dag_id = row[5].c_str();
  event.run_id = row[6].c_str();
  event.task_id = row[7].c_str();
  event.map_index = row[8].as<std::int32_t>();
  if (!row[9].is_null()) event.partition_key = row[9].c_str();
  return event;
}

ListingSql ConditionsOf(const AssetEventFilter& filter, const Page& page) {
  ListingSql sql;
  if (page.dag_ids) {
    sql.Where(
        "(e.source_dag_id is null or e.source_dag_id = any ({0}::text[])) and exists (select from asset_reference u "
        "where u.asset_id = e.asset_id and u.dag_id = any ({0}::text[]))",
        TextArray(*page.dag_ids));
  }
  if (filter.asset_id) sql.Where("e.asset_id = {}::bigint", std::to_string(*filter.asset_id));
  if (filter.dag_id) sql.Where("e.source_dag_id = {}", *filter.dag_id);
  if (filter.run_id) sql.Where("e.source_run_id = {}", *filter.run_id);
  if (filter.task_id) sql.Where("e.source_task_id = {}", *filter.task_id);
  if (filter.map_index) sql.Where("e.source_map_index = {}::integer", std::to_string(*filter.map_index));
  sql.WhereText("a.uri", filter.name);
  sql.WhereRange("e.at", filter.at);
  return sql;
}

}  // namespace

Result<Listing<AssetRow>> PgAssets::List(const AssetFilter& filter, const Page& page) {
  ListingSql sql = ConditionsOf(filter, page);
  const Status ordered = sql.Order(page,
                                   {{"id", "a.id", false},
                                    {"name", "a.uri", false},
                                    {"uri", "a.uri", false},
                                    {"created_at", "a.created_at", false},
                                    {"updated_at", "a.created_at", false}},
                                   "a.id");
  if (!ordered) return ordered.error();
  return pool_.With("list assets", [&](Session& session) -> Result<Listing<AssetRow>> {
    Listing<AssetRow> assets = Fetch<AssetRow>(session, "a.id, a.uri, micros(a.created_at)", " from asset a", sql, page,
                                               [](const pqxx::row& row) {
                                                 AssetRow asset;
                                                 asset.id = row[0].as<std::int64_t>();
                                                 asset.uri = row[1].c_str();
                                                 asset.created = *ReadInstant(row[2]);
                                                 return asset;
                                               });
    AddUsesAndLatest(session, page, assets.rows);
    return assets;
  });
}

Result<Listing<AssetEventRow>> PgAssets::Events(const AssetEventFilter& filter, const Page& page) {
  ListingSql sql = ConditionsOf(filter, page);
  const Status ordered = sql.Order(page,
                                   {{"id", "e.id", false},
                                    {"timestamp", "e.at", false},
                                    {"source_dag_id", "e.source_dag_id"},
                                    {"source_run_id", "e.source_run_id"},
                                    {"source_task_id", "e.source_task_id"},
                                    {"source_map_index", "e.source_map_index", false}},
                                   "e.id");
  if (!ordered) return ordered.error();
  return pool_.With("list events of assets", [&](Session& session) -> Result<Listing<AssetEventRow>> {
    return Fetch<AssetEventRow>(session, kEventColumns, " from asset_event e join asset a on a.id = e.asset_id", sql,
                                page, ReadEvent);
  });
}

Result<AssetEventRow> PgAssets::Add(const NewAssetEvent& event) {
  return pool_.With("add an event of an asset", [&](Session& session) -> Result<AssetEventRow> {
    const auto key = event.partition_key ? std::optional(CleanText(*event.partition_key)) : std::nullopt;
    const pqxx::result made = session.Run(
        "add_asset_event",
        fmt::format("with e as (insert into asset_event (asset_id, at, extra, partition_key) select a.id, "
                    "clock_timestamp(), $2::json, $3 from asset a where a.id = $1 returning *) select {} from e join "
                    "asset a on a.id = e.asset_id",
                    kEventColumns),
        event.asset_id, CleanText(ToJson(event.extra)), key);
    if (made.empty()) return Error{ErrorCode::kNotFound, fmt::format("there is no asset {}", event.asset_id), ""};
    return ReadEvent(made[0]);
  });
}

}  // namespace pipelined
