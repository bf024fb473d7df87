// Many changes in one request: each is made as its own request would be, and the answer says of each how it went.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>

#include "api/body.h"
#include "api/errors.h"
#include "api/handlers.h"
#include "api/shapes.h"
#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

constexpr std::array<std::string_view, 3> kWords{"create", "update", "delete"};

struct Action {
  std::string word;               // of kWords
  std::string on_clash = "fail";  // of a create: when it exists; else when it does not: "fail", "skip", "overwrite"
  Value::List entities;           // as given: objects, or (delete) names
  std::vector<std::string> mask;
};

// Reads {"actions": [{"action": …, "entities": […]}, …]}; `check` notes what is wrong with an entity.
using Check = std::function<void(const Value& entity, const Value::List& at, Violations& violations)>;

std::string ClashOf(Body& body, bool create) {
  const std::string_view key = create ? "action_on_existence" : "action_on_non_existence";
  const std::string word = body.String(key).value_or("fail");
  const bool known = word == "fail" || word == "skip" || (create && word == "overwrite");
  if (!known) body.RefuseEnum(key, create ? "'fail', 'skip' or 'overwrite'" : "'fail' or 'skip'");
  return word;
}

Action ReadAction(const Value& given, Value::List at, const Check& check, Violations& violations) {
  Action action;
  const Value* word = given.Find("action");
  if (word == nullptr || !word->is_string() ||
      std::find(kWords.begin(), kWords.end(), word->string()) == kWords.end()) {
    violations.Add("union_tag_invalid", at, "Input should have an `action` of 'create', 'update' or 'delete'", given);
    return action;
  }
  action.word = word->string();
  at.emplace_back(action.word);
  const bool create = action.word == "create";
  Body body(given, at,
            {"action", "entities", create ? "action_on_existence" : "action_on_non_existence",
             action.word == "update" ? "update_mask" : "action"});
  body.Require("entities");
  action.on_clash = ClashOf(body, create);
  action.mask = body.Strings("update_mask");
  const Value* entities = body.Given("entities");
  if (entities != nullptr && !entities->is_list()) body.RefuseEnum("entities", "a valid list");
  violations.Add(body.violations());
  if (entities == nullptr || !entities->is_list()) return action;
  action.entities = entities->list();
  for (std::size_t i = 0; i < action.entities.size(); ++i) {
    Value::List where = at;
    where.emplace_back("entities");
    where.emplace_back(static_cast<std::int64_t>(i));
    const Value& entity = action.entities[i];
    if (!(action.word == "delete" && entity.is_string())) check(entity, where, violations);
  }
  return action;
}

std::vector<Action> ReadActions(const Request& request, const Check& check, Violations& violations) {
  Body body(request, {"actions"});
  body.Require("actions");
  const Value* given = body.Given("actions");
  if (given != nullptr && !given->is_list()) body.RefuseEnum("actions", "a valid list");
  violations.Add(body.violations());
  std::vector<Action> actions;
  if (given == nullptr || !given->is_list()) return actions;
  for (std::size_t i = 0; i < given->list().size(); ++i)
    actions.push_back(
        ReadAction(given->list()[i], {"body", "actions", static_cast<std::int64_t>(i)}, check, violations));
  return actions;
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

Value ErrorOf(const Response& response) {
  const Result<Value> body = ParseJson(response.body);
  const Value* detail = body.ok() ? body->Find("detail") : nullptr;
  std::string text = detail == nullptr ? response.body : detail->is_string() ? detail->string() : ToJson(*detail);
  return Value::Map{{"error", std::move(text)}, {"status_code", response.status}};
}

Response Ask(const Call& call, const Action& action, Single single) {
  if (single.handler == nullptr)
    return Detail(405, fmt::format("bulk {} is not supported here: there is no such request", action.word));
  Request request = call.request;
  request.body = ToJson(single.body);
  request.query.clear();
  for (const std::string& field : action.mask) request.query.emplace_back("update_mask", field);
  return single.handler(Call{call.service, request, call.caller, std::move(single.args)});
}

struct Outcome {
  Value::List success, errors;
  Value Shape() const { return Value::Map{{"success", success}, {"errors", errors}}; }
};

// One that clashes fails all of its action, before anything is changed.
bool Clashes(const Kind& kind, const Action& action, Outcome& outcome) {
  if (action.on_clash != "fail") return false;
  const bool create = action.word == "create";
  std::string names;
  for (const Value& entity : action.entities) {
    if (kind.exists(entity) != create) continue;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", kind.name(entity));
  }
  if (names.empty()) return false;
  outcome.errors.emplace_back(
      Value::Map{{"error", fmt::format("{}: {}", create ? "these exist already" : "these were not found", names)},
                 {"status_code", create ? 409 : 404}});
  return true;
}

void CarryOut(const Call& call, const Kind& kind, const Action& action, Outcome& outcome) {
  if (Clashes(kind, action, outcome)) return;
  for (const Value& entity : action.entities) {
    const bool clash = action.on_clash == "skip" && kind.exists(entity) == (action.word == "create");
    if (clash) continue;
    const Response response = Ask(call, action, kind.single(action, entity));
    if (response.status < 300) {
      outcome.success.emplace_back(kind.name(entity));
    } else {
      outcome.errors.push_back(ErrorOf(response));
    }
  }
}

Response Bulk(const Call& call, const Kind& kind) {
  Violations violations;
  const std::vector<Action> actions = ReadActions(call.request, kind.check, violations);
  if (!violations.empty()) return violations.Answer();
  std::array<std::optional<Outcome>, kWords.size()> outcomes;
  for (const Action& action : actions) {
    const auto place = static_cast<std::size_t>(std::find(kWords.begin(), kWords.end(), action.word) - kWords.begin());
    if (!outcomes[place]) outcomes[place].emplace();
    CarryOut(call, kind, action, *outcomes[place]);
  }
  Value::Map answer;
  for (std::size_t i = 0; i < kWords.size(); ++i)
    answer.emplace_back(kWords[i], outcomes[i] ? outcomes[i]->Shape() : Value());
  return Json(std::move(answer));
}

// --- pools

void CheckPool(const Value& entity, const Value::List& at, Violations& violations) {
  Body body(entity, at, {"name", "slots", "description", "include_deferred", "team_name"});
  body.Require("name");
  body.Require("slots");
  body.String("name");
  body.Int("slots", -1, std::numeric_limits<std::int32_t>::max());
  body.String("description");
  body.Bool("include_deferred");
  violations.Add(body.violations());
}

std::string PoolName(const Value& entity) {
  return entity.is_string() ? entity.string() : TextOf(entity, "name", "");
}

Single SinglePool(const Call& call, const Action& action, const Value& entity) {
  const std::string name = PoolName(entity);
  if (action.word == "delete") return {DeletePool, {{"pool_name", name}}, {}};
  const bool there = call.catalog().Pool(name).ok();
  if (action.word == "create" && !there) return {PostPool, {}, entity};
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
  body.Require("dag_run_id");
  body.String("dag_run_id");
  body.String("dag_id");
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

Single SingleRun(const Call& call, const Action& action, const Value& entity) {
  if (action.word == "create") return {};
  return {action.word == "delete" ? RemoveRun : PatchRun,
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
  body.Require("task_id");
  body.String("task_id");
  body.String("dag_id");
  body.String("dag_run_id");
  body.String("new_state");
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
  if (action.word == "create") return {};
  return {action.word == "delete" ? RemoveTaskInstance : PatchTaskInstance, ArgsOfInstance(call, entity),
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
  Action action;
  action.word = "clear";
  Value rest{Value::Map{}};
  for (const std::string_view key : {"dry_run", "only_failed", "only_new", "run_on_latest_version", "note"}) {
    if (const Value* value = body.Given(key)) rest.Set(key, *value);
  }
  for (const Value& run : runs->list()) {
    if (const auto row = call.catalog().Run(DagOf(call, run), RunName(run)); !row.ok())
      return ErrorResponse(row.error());
  }
  const std::string_view name = dry_run ? "task_instances" : "dag_runs";
  Value::List concerned;
  for (const Value& run : runs->list()) {
    const Response response =
        Ask(call, action, {ClearRun, {{"dag_id", DagOf(call, run)}, {"dag_run_id", RunName(run)}}, rest});
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
