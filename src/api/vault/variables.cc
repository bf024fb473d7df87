// Variables: list, show, make, change, delete, many at once. Their values are encrypted in the database, and those with
// a secret name are never shown.
#include <fmt/format.h>

#include "api/handlers.h"
#include "api/vault/masking.h"
#include "api/vault/sealing.h"
#include "api/vault/vault_bulk.h"

namespace pipelined::api {
namespace {

constexpr std::size_t kMaxKeyLength = 250;

Value Shape(const VariableRow& row, const std::optional<std::string>& value) {
  return Value::Map{{"key", row.key},
                    {"value", value ? Value(ShowValue(row.key, *value)) : Value()},
                    {"description", row.description ? Value(*row.description) : Value()},
                    {"is_encrypted", true},
                    {"team_name", Value()}};
}

// For the audit trail, which never sees the value.
Value Facts(const VariableRow& row) {
  return Value::Map{{"value", kMasked}, {"description", row.description ? Value(*row.description) : Value()}};
}

struct Draft {
  std::string key;
  std::string value;  // text as it is, everything else as JSON
  std::optional<std::string> description;
  bool describes = false;  // the description is given, null included
};

struct Variables {
  using Draft = api::Draft;
  using Row = VariableRow;
  static constexpr VaultKind kKind = VaultKind::kVariable;
  static constexpr const char* kPlural = "variables";
  static constexpr const char* kNames = "keys";

  static Body MakeBody(Value value, Value::List where) {
    return {std::move(value), std::move(where), {"key", "value", "description", "team_name"}};
  }
  static const std::string& Name(const Draft& draft) { return draft.key; }

  static Draft Read(Body& body) {
    body.HideInputs();
    body.Require("key");
    body.Require("value");
    Draft draft;
    draft.key = body.String("key").value_or("");
    if (body.Given("key") != nullptr && body.Given("key")->is_null())
      body.Refuse("key", "string_type", "Input should be a valid string");
    body.LimitLength("key", kMaxKeyLength);
    if (body.ok() && draft.key.empty())
      body.Refuse("key", "string_too_short", "String should have at least 1 character");
    if (const Value* value = body.Given("value"))
      draft.value = value->is_string() ? value->string() : PythonJson(*value);
    draft.describes = body.Has("description");
    draft.description = body.String("description");
    body.RefuseTeam();
    return draft;
  }

  static Value About(const Row& row) { return Facts(row); }
  Result<Row> Known(const std::string& key) { return call.catalog().vault().Variable(key); }

  // What is not named by the mask, or not given, stays as it is; so does a secret that is given as it was shown.
  Result<VaultPut> Put(const Draft& draft, const UpdateMask& mask, const Row* known) {
    VariableRow row;
    row.key = draft.key;
    std::optional<std::string> stored;
    if (known != nullptr) {
      row = *known;
      call.Before(row.key, Facts(row));
      const bool keeps = !mask.Has("value") || (draft.value == kMasked && IsSecretName(draft.key));
      if (keeps) {
        Result<std::string> opened = Open(call, row.secret, kKind, row.key);
        if (!opened.ok()) return opened.error();
        stored = *std::move(opened);
      }
    }
    if (known == nullptr || (draft.describes && mask.Has("description"))) row.description = draft.description;
    Result<Sealed> sealed = Seal(call, stored.value_or(draft.value), kKind, row.key);
    if (!sealed.ok()) return sealed.error();
    row.secret = *std::move(sealed);
    Value facts = Facts(row);
    facts.Set("value_set", !stored.has_value());
    call.After(row.key, std::move(facts));
    return VaultPut{std::move(row), known == nullptr ? Before::kAbsent : Before::kPresent};
  }

  const Call& call;
};

Response VariableAnswer(const Call& call, const std::string& key, int status = 200) {
  const Result<VariableRow> row = call.catalog().vault().Variable(key);
  if (!row.ok()) return ErrorResponse(row.error());
  const Result<std::string> value = Open(call, row->secret, VaultKind::kVariable, key);
  if (!value.ok()) return ErrorResponse(value.error());
  return Json(status, Shape(*row, *value));
}

Body ReadBody(const Call& call) {
  return {call.request, {"key", "value", "description", "team_name"}};
}

}  // namespace

Response GetVariables(const Call& call) {
  Query query(call.request);
  const Page page = query.ReadPage();
  const TextSearch key = query.Search("variable_key");
  if (!query.ok()) return query.Refusal();
  const Result<Listing<VariableRow>> listing = call.catalog().vault().Variables(key, page);
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List variables;
  for (const VariableRow& row : listing->rows) {
    // One that cannot be opened must not hide the others.
    const Result<std::string> value = Open(call, row.secret, VaultKind::kVariable, row.key);
    variables.push_back(Shape(row, value.ok() ? std::optional(*value) : std::nullopt));
  }
  return Json(Collection("variables", std::move(variables), listing->total));
}

Response GetVariable(const Call& call) {
  return VariableAnswer(call, call.Arg("variable_key"));
}

Response PostVariable(const Call& call) {
  Body body = ReadBody(call);
  const Draft draft = Variables::Read(body);
  if (!body.ok()) return body.Refusal();
  Variables variables{call};
  const Result<VaultPut> put = variables.Put(draft, UpdateMask(), nullptr);
  if (!put.ok()) return ErrorResponse(put.error());
  if (const Status done = call.catalog().vault().Write({*put}); !done.ok()) return ErrorResponse(done.error());
  return VariableAnswer(call, draft.key, 201);
}

Response PatchVariable(const Call& call) {
  Body body = ReadBody(call);
  const Draft draft = Variables::Read(body);
  if (!body.ok()) return body.Refusal();
  if (draft.key != call.Arg("variable_key"))
    return Detail(400, "Invalid body, key from request body doesn't match uri parameter");
  Variables variables{call};
  const Result<VariableRow> known = variables.Known(draft.key);
  if (!known.ok()) return ErrorResponse(known.error());
  const Result<VaultPut> put = variables.Put(draft, UpdateMask(call.request), &*known);
  if (!put.ok()) return ErrorResponse(put.error());
  if (const Status done = call.catalog().vault().Write({*put}); !done.ok()) return ErrorResponse(done.error());
  return VariableAnswer(call, draft.key);
}

Response DeleteVariable(const Call& call) {
  const std::string& key = call.Arg("variable_key");
  const Result<VariableRow> known = call.catalog().vault().Variable(key);
  if (!known.ok()) return ErrorResponse(known.error());
  call.Before(key, Facts(*known));
  const Status done = call.catalog().vault().Write({VaultDrop{VaultKind::kVariable, key}});
  return done.ok() ? NoContent() : ErrorResponse(done.error());
}

Response BulkVariables(const Call& call) {
  return VaultBulk<Variables>(call, Variables{call}).Run();
}

}  // namespace pipelined::api
