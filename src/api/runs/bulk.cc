#include "api/runs/bulk.h"

#include <fmt/format.h>

#include <algorithm>

namespace pipelined::api {
namespace {

// Of one request: each is looked up, and changed, one after the other.
constexpr std::size_t kMostEntities = 10'000;

constexpr std::string_view kKinds[] = {"create", "update", "delete"};

// The mistakes of one action go to `violations`.
BulkAction ReadAction(const Value& value, std::int64_t index, Violations& violations) {
  BulkAction action;
  Value::List where{"body", "actions", index};
  const Value* kind = value.Find("action");
  const auto word = kind == nullptr || !kind->is_string()
                        ? std::end(kKinds)
                        : std::find(std::begin(kKinds), std::end(kKinds), kind->string());
  if (word == std::end(kKinds)) {
    violations.Add("union_tag_invalid", where, "Input should have the action 'create', 'update' or 'delete'", value);
    return action;
  }
  action.kind = static_cast<BulkAction::Kind>(word - std::begin(kKinds));
  where.emplace_back(*word);
  const bool create = action.kind == BulkAction::Kind::kCreate;
  const std::string_view otherwise = create ? "action_on_existence" : "action_on_non_existence";
  const bool masked = action.kind == BulkAction::Kind::kUpdate;
  Body body(value, where, {"action", "entities", otherwise, masked ? "update_mask" : "entities"});
  body.Require("entities");
  if (const auto given = body.String(otherwise)) action.otherwise = *given;
  const bool nothing = body.Has(otherwise) && body.Given(otherwise)->is_null();
  if (nothing ||
      (action.otherwise != "fail" && action.otherwise != "skip" && (action.otherwise != "overwrite" || !create)))
    body.RefuseEnum(otherwise, create ? "'fail', 'skip' or 'overwrite'" : "'fail' or 'skip'");
  const Value* entities = body.Given("entities");
  if (entities != nullptr && !entities->is_list()) body.Refuse("entities", "list_type", "Input should be a valid list");
  if (entities != nullptr && entities->is_list()) action.entities = entities->list();
  action.update_mask = body.Strings("update_mask");
  action.where = body.At("entities");
  violations.Add(body.violations());
  return action;
}

}  // namespace

std::string_view ToString(BulkAction::Kind kind) {
  return kKinds[static_cast<std::size_t>(kind)];
}

std::variant<std::vector<BulkAction>, Response> ReadBulk(const Request& request, Inputs inputs) {
  Body body(request, {"actions"});
  if (inputs == Inputs::kHidden) body.HideInputs();
  body.Require("actions");
  const Value* list = body.Given("actions");
  if (list != nullptr && !list->is_list()) body.Refuse("actions", "list_type", "Input should be a valid list");
  if (!body.ok()) return body.Refusal();
  Violations violations;
  if (inputs == Inputs::kHidden) violations.HideInputs();
  std::vector<BulkAction> actions;
  for (const Value& value : list->list())
    actions.push_back(ReadAction(value, static_cast<std::int64_t>(actions.size()), violations));
  if (!violations.empty()) return violations.Answer();
  std::size_t entities = 0;
  for (const BulkAction& action : actions) entities += action.entities.size();
  if (entities > kMostEntities)
    return Detail(413, fmt::format("{} entities are too many: send at most {} in a request", entities, kMostEntities));
  return actions;
}

void BulkResults::Begin(BulkAction::Kind kind) {
  parts_[static_cast<std::size_t>(kind)].asked = true;
}

void BulkResults::Done(BulkAction::Kind kind, const std::vector<std::string>& names) {
  for (const std::string& name : names) parts_[static_cast<std::size_t>(kind)].success.emplace_back(name);
}

void BulkResults::Fail(BulkAction::Kind kind, int status, const std::string& message) {
  parts_[static_cast<std::size_t>(kind)].errors.emplace_back(
      Value::Map{{"error", message}, {"status_code", std::int64_t{status}}});
}

Response BulkResults::Answer() const {
  Value::Map answer;
  for (std::size_t i = 0; i < std::size(kKinds); ++i) {
    const Part& part = parts_[i];
    answer.emplace_back(std::string(kKinds[i]),
                        part.asked ? Value(Value::Map{{"success", part.success}, {"errors", part.errors}}) : Value());
  }
  return Json(std::move(answer));
}

}  // namespace pipelined::api
