// Pools: list, show, make, change, delete.
#include <limits>

#include <fmt/format.h>

#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/letters.h"
#include "api/http/query.h"
#include "api/shapes.h"
#include "api/http/update_mask.h"

namespace pipelined::api {
namespace {

constexpr std::size_t kMaxNameLength = 256;
constexpr std::int64_t kMaxSlots = std::numeric_limits<std::int32_t>::max();

Value PoolFacts(const PoolRow& row) {
  return Value::Map{{"slots", row.slots}, {"description", row.description}, {"include_deferred", row.include_deferred}};
}

Response PoolAnswer(const Call& call, const std::string& name, int status = 200) {
  const Result<PoolRow> row = call.catalog().Pool(name);
  if (!row.ok()) return ErrorResponse(row.error());
  call.After(name, PoolFacts(*row));
  return Json(status, PoolShape(*row));
}

// A pool is patched with all of it, whatever the mask picks, as in Airflow; default_pool alone is not.
std::optional<Response> RefusePartial(const Body& body) {
  Violations violations;
  for (const std::string_view key : {"pool", "slots", "include_deferred"}) {
    if (!body.Has(key)) violations.Add("missing", {key}, "Field required");
  }
  return violations.empty() ? std::nullopt : std::optional(violations.Answer());
}

}  // namespace

Response GetPools(const Call& call) {
  Query query(call.request);
  const Page page = query.ReadPage();
  const TextSearch name = query.Search("pool_name");
  if (!query.ok()) return query.Refusal();
  const Result<Listing<PoolRow>> listing = call.catalog().Pools(name, page);
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List pools;
  for (const PoolRow& row : listing->rows) pools.push_back(PoolShape(row));
  return Json(Collection("pools", std::move(pools), listing->total));
}

Response GetPool(const Call& call) {
  return PoolAnswer(call, call.Arg("pool_name"));
}

Response PostPool(const Call& call) {
  Body body(call.request, {"name", "slots", "description", "include_deferred", "team_name"});
  body.RequireValue("name");
  body.RequireValue("slots");
  SetPool pool;
  pool.name = body.String("name").value_or("");
  pool.slots = static_cast<std::int32_t>(body.Int("slots", -1, kMaxSlots).value_or(0));
  pool.description = body.String("description").value_or("");
  pool.include_deferred = body.Bool("include_deferred").value_or(false);
  body.RefuseTeam();
  if (body.ok() && (pool.name.empty() || CharacterCount(pool.name) > kMaxNameLength))
    body.Refuse(fmt::format("the name should have 1 to {} characters", kMaxNameLength));
  if (!body.ok()) return body.Refusal();
  const std::string name = pool.name;
  const Result<PoolRow> known = call.catalog().Pool(name);
  if (known.ok()) return DuplicateResponse({ErrorCode::kConflict, fmt::format("there is a pool {} already", name), ""});
  if (known.error().code != ErrorCode::kNotFound) return ErrorResponse(known.error());
  if (auto refusal = Carry(call, Command{{}, {}, std::move(pool)})) return *std::move(refusal);
  return PoolAnswer(call, name, 201);
}

Response PatchPool(const Call& call) {
  Body body(call.request, {"pool", "slots", "description", "include_deferred", "team_name"});
  const UpdateMask mask(call.request);
  const std::string& name = call.Arg("pool_name");
  const auto slots = body.Int("slots", -1, kMaxSlots);
  const auto description = body.String("description");
  const auto include_deferred = body.Bool("include_deferred");
  const auto new_name = body.String("pool");
  body.RefuseTeam();
  if (!body.ok()) return body.Refusal();
  const bool describes = mask.Has("description") && body.Has("description");
  if (name == kDefaultPool && (describes || (mask.Has("pool") && new_name && *new_name != name))) {
    return Detail(400, "Only slots and included_deferred can be modified on Default Pool");
  }
  if (mask.Has("pool") && new_name && *new_name != name) return Detail(400, "a pool can not be renamed: tasks name it");
  const Result<PoolRow> known = call.catalog().Pool(name);
  if (!known.ok()) return ErrorResponse(known.error());
  if (name != kDefaultPool) {
    if (auto refusal = RefusePartial(body)) return *std::move(refusal);
  }
  call.Before(name, PoolFacts(*known));
  SetPool pool{name, mask.Has("slots") && slots ? static_cast<std::int32_t>(*slots) : known->slots};
  if (describes) pool.description = description.value_or("");
  if (mask.Has("include_deferred")) pool.include_deferred = include_deferred;
  if (auto refusal = Carry(call, Command{{}, {}, std::move(pool)})) return *std::move(refusal);
  return PoolAnswer(call, name);
}

Response DeletePool(const Call& call) {
  const std::string& name = call.Arg("pool_name");
  if (name == kDefaultPool) return Detail(400, "Default Pool can't be deleted");
  const Result<PoolRow> known = call.catalog().Pool(name);
  if (!known.ok()) return ErrorResponse(known.error());
  call.Before(name, PoolFacts(*known));
  if (auto refusal = Carry(call, Command{{}, {}, pipelined::DeletePool{name}})) return *std::move(refusal);
  return NoContent();
}

}  // namespace pipelined::api
