// Tokens: everybody's own, and with tokens.edit those of others. The text of one is shown when it is made, and never
// again.
#include <fmt/format.h>

#include "api/access/account_rules.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/shapes.h"
#include "pipelined/secrets/token.h"

namespace pipelined::api {
namespace {

constexpr auto kStandardLife = std::chrono::hours(24 * 90);
constexpr auto kLongestFromWhatEnds = std::chrono::hours(24 * 366);
constexpr std::size_t kLongestName = 100;

Value ListOrNull(const std::optional<std::vector<std::string>>& texts) {
  return texts ? Value(Value::List(texts->begin(), texts->end())) : Value();
}

Value TokenShape(const TokenRow& row) {
  return Value::Map{{"token_id", row.id},
                    {"account", row.account},
                    {"name", row.name},
                    {"kind", row.of_login ? "login" : "api"},
                    {"permissions", ListOrNull(row.permissions)},
                    {"dag_ids", ListOrNull(row.dag_ids)},
                    {"created_at", FormatInstant(row.created_at)},
                    {"expires_at", InstantOrNull(row.expires_at)},
                    {"last_used_at", InstantOrNull(row.last_used_at)}};
}

// The refusal of who has to do with tokens of `account` without the right to.
std::optional<Response> RefuseTokensOf(const Call& call, const std::string& account) {
  const bool own = account == call.caller.name && account != "~";  // that: of all
  if (own || call.caller.rights.May(access::Permission::kTokensEdit)) return std::nullopt;
  return Detail(403, "Forbidden: tokens of others take the permission tokens.edit");
}

void ReadExpiry(const Call& call, Body& body, TokenRow& token) {
  const Value* given = body.Given("expires_at");
  if (given == nullptr) token.expires_at = call.service.Now() + kStandardLife;
  const auto date = body.Date("expires_at");
  if (!date) return;
  token.expires_at = date->instant;
  if (date->instant <= call.service.Now()) body.Refuse("expires_at", "value_error", "it has passed");
}

TokenRow ReadToken(const Call& call, Body& body) {
  TokenRow token;
  token.name = body.String("name").value_or("");
  token.account = body.String("account").value_or(call.caller.name);
  if (token.name.empty() || token.name.size() > kLongestName)
    body.Refuse("name", "value_error", fmt::format("say in up to {} bytes what it is for", kLongestName));
  if (body.Given("permissions") != nullptr && !body.Given("permissions")->is_null()) {
    token.permissions = body.Strings("permissions");
    access::PermissionSet set;
    if (const auto unknown = access::ReadPermissions(*token.permissions, set))
      body.Refuse("permissions", "value_error", fmt::format("there is no permission \"{}\"", *unknown));
  }
  if (body.Given("dag_ids") != nullptr && !body.Given("dag_ids")->is_null()) token.dag_ids = body.Strings("dag_ids");
  ReadExpiry(call, body, token);
  return token;
}

// A log-in that somebody else gets hold of ends. It must not leave something behind that does not.
std::optional<Response> RefuseLife(const Call& call, const TokenRow& token) {
  if (!call.caller.ends) return std::nullopt;
  if (token.expires_at && *token.expires_at <= call.service.Now() + kLongestFromWhatEnds) return std::nullopt;
  return Detail(403,
                "Forbidden: a log-in, a session or a token that ends makes tokens for a year at most; for one without "
                "an end use a token without an end, or the local one");
}

}  // namespace

Response GetTokens(const Call& call) {
  Query query(call.request);
  const Page page = query.ReadPage();
  std::string account = query.String("account");
  if (!query.ok()) return query.Refusal();
  if (account.empty()) account = call.caller.name;
  if (auto refusal = RefuseTokensOf(call, account)) return *std::move(refusal);
  const Result<Listing<TokenRow>> listing = call.catalog().accounts().Tokens(account == "~" ? "" : account, page);
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List rows;
  for (const TokenRow& row : listing->rows) rows.push_back(TokenShape(row));
  return Json(Collection("tokens", std::move(rows), listing->total));
}

Response PostApiToken(const Call& call) {
  Body body(call.request, {"name", "account", "permissions", "dag_ids", "expires_at"});
  body.Require("name");
  const TokenRow token = ReadToken(call, body);
  if (!body.ok()) return body.Refusal();
  if (call.caller.limited) return Detail(403, "Forbidden: a token with limits makes no others");
  if (auto refusal = RefuseLife(call, token)) return *std::move(refusal);
  if (auto refusal = RefuseTokensOf(call, token.account)) return *std::move(refusal);
  if (auto refusal = RefuseAccount(call, token.account)) return *std::move(refusal);
  const std::string text = secrets::NewToken();
  const Result<TokenRow> made = call.catalog().accounts().AddToken(token, secrets::TokenHash(text));
  if (!made.ok()) return ErrorResponse(made.error());
  Value shape = TokenShape(*made);
  call.After(made->name, shape);
  shape.Set("token", text);
  return NoStore(Json(201, shape));
}

Response DeleteToken(const Call& call) {
  std::int64_t id = 0;
  if (auto refusal = ReadPathId("token_id", call.Arg("token_id"), id)) return *std::move(refusal);
  const Result<TokenRow> token = call.catalog().accounts().Token(id);
  if (!token.ok()) return ErrorResponse(token.error());
  if (auto refusal = RefuseTokensOf(call, token->account)) return *std::move(refusal);
  if (call.caller.limited && call.caller.token != id)
    return Detail(403, "Forbidden: a token with limits ends only itself");
  if (token->account != call.caller.name) {
    if (auto refusal = RefuseAccount(call, token->account)) return *std::move(refusal);
  }
  call.Before(token->name, TokenShape(*token));
  const Status gone = call.catalog().accounts().DropToken(id);
  return gone.ok() ? NoContent() : ErrorResponse(gone.error());
}

}  // namespace pipelined::api
