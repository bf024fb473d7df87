// Many changes in one request: each is made as its own request would be, and the answer says of each how it went.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "api/http/body.h"
#include "api/runs/bulk.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/shapes.h"
#include "api/runs/steering.h"
#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

using Action = BulkAction;
using Word = BulkAction::Kind;

// Notes what is wrong with an entity.
using Check = std::function<void(const Value& entity, const Value::List& at, Violations& violations)>;

void CheckAll(const std::vector<Action>& actions, const Check& check, Violations& violations) {
  for (const Action& action : actions) {
    for (std::size_t i = 0; i < action.entities.size(); ++i) {
      const Value& entity = action.entities[i];
      Value::List where = action.where;
      where.emplace_back(static_cast<std::int64_t>(i));
      if (action.kind != Word::kDelete || !entity.is_string()) check(entity, where, violations);
    }
  }
}

// One entity as its own request: which handler, with which arguments of the path, which body.
struct Single {
  Response (*handler)(const Call&) = nullptr;  // nullptr: there is no such request
  std::vector<std::pair<std::string_view, std::string>> args;
  Value body;
};

// What a kind of thing is, to this file.
struct Kind {
  Check check;
  std::function<std::string(const Value& entity)> name;  // as the answer calls it
  std::function<bool(const Value& entity)> exists;
  std::function<Single(const Action&, const Value& entity)> single;
};

std::string TextOf(const Value& entity, std::string_view key, const std::string& otherwise) {
  const Value* value = entity.Find(key);
  return value != nullptr && value->is_string() ? value->string() : otherwise;
}

std::string ErrorOf(const Response& response) {
  const Result<Value> body = ParseJson(response.body);
  const Value* detail = body.ok() ? body->Find("detail") : nullptr;
  return detail == nullptr ? response.body : detail->is_string() ? detail->string() : ToJson(*detail);
}

Response Ask(const Call& call, Single single, const std::vector<std::string>& update_mask = {}) {
  Request request = call.request;
  request.body = ToJson(single.body);
  request.query.clear();
  for (const std::string& field : update_mask) request.query.emplace_back("update_mask", field);
  return single.handler(Call{call.service, request, call.caller, std::move(single.args), call.note});
}

// One that clashes fails all of its action, before anything is changed.
bool Clashes(const Kind& kind, const Action& action, BulkResults& results) {
  if (action.otherwise != "fail") return false;
  const bool create = action.kind == Word::kCreate;
  std::string names;
  for (const Value& entity : action.entities) {
    if (kind.exists(entity) != create) continue;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", kind.name(entity));
  }
  if (names.empty()) return false;
  results.Fail(action.kind, create ? 409 : 404,
               fmt::format("{}: {}", create ? "these exist already" : "these were not found", names));
  return true;
}

void CarryOut(const Call& call, const Kind& kind, const Action& action, BulkResults& results) {
  if (Clashes(kind, action, results)) return;
  for (const Value& entity : action.entities) {
    if (action.otherwise == "skip" && kind.exists(entity) == (action.kind == Word::kCreate)) continue;
    Single single = kind.single(action, entity);
    if (single.handler == nullptr) {
      results.Fail(action.kind, 405,
                   fmt::format("bulk {} is not supported here: there is no such request", ToString(action.kind)));
      continue;
    }
    const Response response = Ask(call, std::move(single), action.update_mask);
    if (response.status < 300) {
      results.Done(action.kind, {kind.name(entity)});
    } else {
      results.Fail(action.kind, response.status, ErrorOf(response));
      if (call.note != nullptr) call.note->failed += kind.name(entity) + ": " + ErrorOf(response) + "; ";
    }
  }
}

Response Bulk(const Call& call, const Kind& kind) {
  std::variant<std::vector<Action>, Response> read = ReadBulk(call.request, Inputs::kShown);
  if (Response* refusal = std::get_if<Response>(&read)) return std::move(*refusal);
  const auto& actions = std::get<std::vector<Action>>(read);
  Violations violations;
  CheckAll(actions, kind.check, violations);
  if (!violations.empty()) return violations.Answer();
  BulkResults results;
  if (call.note != nullptr) call.note->many = true;
  for (const Action& action : actions) {
    results.Begin(action.kind);
    CarryOut(call, kind, action, results);
  }
  return results.Answer();
}

// --- pools

constexpr std::size_t kLongestPoolName = 256;

void CheckPool(const Value& entity, const Value::List& at, Violations& violations) {
  Body body(entity, at, {"name", "slots", "description", "include_deferred", "team_name"});
  body.RequireValue("name");
  body.LimitLength("name", kLongestPoolName);
  body.RequireValue("slots");
  if (body.String("name") == "") body.Refuse("name", "string_too_short", "String should have at least 1 character");
  body.Int("slots", -1, std::numeric_limits<std::int32_t>::max());
  body.String("description");
  body.Bool("include_deferred");
  body.RefuseTeam();
  violations.Add(body.violations());
}

std::string PoolName(const Value& entity) {
  return entity.is_string() ? entity.string() : TextOf(entity, "name", "");
}

Single SinglePool(const Call& call, const Action& action, const Value& entity) {
  const std::string name = PoolName(entity);
  if (action.kind == Word::kDelete) return {DeletePool, {{"pool_name", name}}, {}};
  const bool there = call.catalog().Pool(name).ok();
  if (action.kind == Word::kCreate && !there) return {PostPool, {}, entity};
  Value::Map patch{{"pool", name}, {"include_deferred", false}};
  for (const auto& [key, value] : entity.map()) {
    if (key == "include_deferred") patch[1].second = value;
    if (key == "slots" || (key == "description" && name != kDefaultPool)) patch.emplace_back(key, value);
  }
  return {PatchPool, {{"pool_name", name}}, std::move(patch)};
}

// --- runs and task instances: of the path, or where that says "~", of the entity

std::string DagOf(const Call& call, const Value& entity) {
  const std::string& path = call.Arg("dag_id");
  return path == "~" ? TextOf(entity, "dag_id", "~") : path;
}

std::string RunOf(const Call& call, const Value& entity) {
  const std::string& path = call.Arg("dag_run_id");
  return path == "~" ? TextOf(entity, "dag_run_id", "~") : path;
}

std::string RunName(const Value& entity) {
  return entity.is_string() ? entity.string() : TextOf(entity, "dag_run_id", "");
}

void CheckRun(const Value& entity, const Value::List& at, Violations& violations) {
  Body body(entity, at, {"dag_run_id", "dag_id", "state", "note"});
  body.RequireValue("dag_run_id");
  body.String("dag_run_id");
  body.String("dag_id");
  ReadNote(body);
  const auto state = body.String("state");
  if (state && *state != "queued" && *state != "success" && *state != "failed")
    body.RefuseEnum("state", "'queued', 'success' or 'failed'");
  violations.Add(body.violations());
}

Value Without(const Value& entity, std::initializer_list<std::string_view> keys) {
  Value::Map rest;
  for (const auto& [key, value] : entity.is_map() ? entity.map() : Value::Map{}) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) rest.emplace_back(key, value);
  }
  return rest;
}

// The route asks for the right to change runs; to delete them is another one.
Response MayNotDelete(const Call&) {
  return Detail(403, "Forbidden: this takes the permission runs.delete");
}

Single SingleRun(const Call& call, const Action& action, const Value& entity) {
  if (action.kind == Word::kCreate) return {};
  const bool may_delete = call.caller.rights.May(access::Permission::kRunsDelete, DagOf(call, entity));
  return {action.kind == Word::kDelete ? (may_delete ? RemoveRun : MayNotDelete) : PatchRun,
          {{"dag_id", DagOf(call, entity)}, {"dag_run_id", RunName(entity)}},
          Without(entity, {"dag_run_id", "dag_id"})};
}

std::string TaskName(const Value& entity) {
  return entity.is_string() ? entity.string() : TextOf(entity, "task_id", "");
}

std::string IndexOf(const Value& entity) {
  const Value* index = entity.Find("map_index");
  return index != nullptr && index->is_int() && index->integer() >= 0 ? std::to_string(index->integer()) : "";
}

void CheckInstance(const Value& entity, const Value::List& at, Violations& violations) {
  Body body(entity, at,
            {"new_state", "note", "include_upstream", "include_downstream", "include_future", "include_past", "task_id",
             "map_index", "dag_id", "dag_run_id"});
  body.RequireValue("task_id");
  body.String("task_id");
  body.String("dag_id");
  body.String("dag_run_id");
  const auto state = body.String("new_state");
  if (state && *state != "success" && *state != "failed" && *state != "skipped")
    body.RefuseEnum("new_state", "'success', 'failed' or 'skipped'");
  if (body.Has("new_state") && !state) body.Refuse("new_state may not be null");
  ReadNote(body);
  for (const std::string_view key : {"include_upstream", "include_downstream", "include_future", "include_past"})
    body.Bool(key);
  body.Int("map_index", kNotMapped, std::numeric_limits<std::int32_t>::max());
  violations.Add(body.violations());
}

std::vector<std::pair<std::string_view, std::string>> ArgsOfInstance(const Call& call, const Value& entity) {
  std::vector<std::pair<std::string_view, std::string>> args{
      {"dag_id", DagOf(call, entity)}, {"dag_run_id", RunOf(call, entity)}, {"task_id", TaskName(entity)}};
  if (const std::string index = IndexOf(entity); !index.empty()) args.emplace_back("map_index", index);
  return args;
}

Single SingleInstance(const Call& call, const Action& action, const Value& entity) {
  if (action.kind == Word::kCreate) return {};
  return {action.kind == Word::kDelete ? RemoveTaskInstance : PatchTaskInstance, ArgsOfInstance(call, entity),
          Without(entity, {"task_id", "map_index", "dag_id", "dag_run_id"})};
}

bool InstanceExists(const Call& call, const Value& entity) {
  const auto row = FindInstance(Call{call.service, call.request, call.caller, ArgsOfInstance(call, entity)});
  return row.ok() || row.error().message.starts_with("Task instance is mapped");
}

}  // namespace

Response PatchPools(const Call& call) {
  return Bulk(call, Kind{CheckPool, PoolName, [&](const Value& e) { return call.catalog().Pool(PoolName(e)).ok(); },
                         [&](const Action& action, const Value& e) { return SinglePool(call, action, e); }});
}

Response PatchRuns(const Call& call) {
  return Bulk(call, Kind{CheckRun, [&](const Value& e) { return fmt::format("{}.{}", DagOf(call, e), RunName(e)); },
                         [&](const Value& e) { return call.catalog().Run(DagOf(call, e), RunName(e)).ok(); },
                         [&](const Action& action, const Value& e) { return SingleRun(call, action, e); }});
}

Response PatchInstances(const Call& call) {
  const auto name = [&](const Value& e) {
    const std::string index = IndexOf(e);
    return fmt::format("{}.{}.{}[{}]", DagOf(call, e), RunOf(call, e), TaskName(e), index.empty() ? "-1" : index);
  };
  return Bulk(call, Kind{CheckInstance, name, [&](const Value& e) { return InstanceExists(call, e); },
                         [&](const Action& action, const Value& e) { return SingleInstance(call, action, e); }});
}

// Each run as its own clear; nothing is cleared when one of them is not there.
Response ClearRuns(const Call& call) {
  Body body(call.request, {"partition_key", "partition_date_start", "partition_date_end", "dry_run", "only_failed",
                           "only_new", "run_on_latest_version", "note", "dag_runs"});
  const bool dry_run = body.Bool("dry_run").value_or(true);
  for (const std::string_view key : {"partition_key", "partition_date_start", "partition_date_end"}) {
    if (const Value* given = body.Given(key); given != nullptr && !given->is_null())
      body.Refuse("runs have no partitions: name them in dag_runs");
  }
  const Value* runs = body.Given("dag_runs");
  if (runs == nullptr || !runs->is_list() || runs->list().empty()) body.Refuse("dag_runs should name one run or more");
  for (std::size_t i = 0; body.ok() && i < runs->list().size(); ++i)
    CheckRun(runs->list()[i], {"body", "dag_runs", static_cast<std::int64_t>(i)}, body.violations());
  if (!body.ok()) return body.Refusal();
  Value rest{Value::Map{}};
  for (const std::string_view key : {"dry_run", "only_failed", "only_new", "run_on_latest_version", "note"}) {
    if (const Value* value = body.Given(key)) rest.Set(key, *value);
  }
  for (const Value& run : runs->list()) {
    if (const auto row = call.catalog().Run(DagOf(call, run), RunName(run)); !row.ok())
      return ErrorResponse(row.error());
  }
  if (call.note != nullptr) call.note->many = true;
  const std::string_view name = dry_run ? "task_instances" : "dag_runs";
  Value::List concerned;
  for (const Value& run : runs->list()) {
    const Response response = Ask(call, {ClearRun, {{"dag_id", DagOf(call, run)}, {"dag_run_id", RunName(run)}}, rest});
    if (response.status >= 300) return response;
    Result<Value> answer = ParseJson(response.body);
    if (!answer.ok()) return ErrorResponse(answer.error());
    if (!dry_run) concerned.push_back(*std::move(answer));
    if (dry_run) {
      for (const Value& row : answer->Find(name)->list()) concerned.push_back(row);
    }
  }
  const auto total = static_cast<std::int64_t>(concerned.size());
  return Json(Value::Map{{std::string(name), std::move(concerned)}, {"total_entries", total}});
}

}  // namespace pipelined::api
