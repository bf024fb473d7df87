// Connections: list, show, make, change, delete, many at once, test. Passwords and extras are encrypted in the
// database; an answer shows no password, and nothing of an extra that has a secret name.
#include <fmt/format.h>

#include <algorithm>

#include "api/vault/default_connections.h"
#include "api/handlers.h"
#include "api/vault/masking.h"
#include "api/vault/reach.h"
#include "api/vault/sealing.h"
#include "api/vault/vault_bulk.h"
#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

constexpr std::size_t kMaxIdLength = 200;
constexpr std::int64_t kMaxPort = 65'535;
constexpr Micros kTestPatience = std::chrono::seconds(5);

using Text = std::optional<std::string>;

// What is sealed of a connection.
struct Secret {
  Text password, extra;

  static Secret FromJson(const std::string& json) {
    const Result<Value> value = ParseJson(json);
    const auto text = [&](std::string_view key) -> Text {
      const Value* field = value.ok() ? value->Find(key) : nullptr;
      return field != nullptr && field->is_string() ? Text(field->string()) : std::nullopt;
    };
    return {text("password"), text("extra")};
  }
  std::string ToJsonText() const {
    Value value{Value::Map{}};
    if (password) value.Set("password", *password);
    if (extra) value.Set("extra", *extra);
    return ToJson(value);
  }
};

Value OrNull(const Text& text) {
  return text ? Value(*text) : Value();
}

// An extra is JSON, so that its names are known; if it is not, all of it may be a secret.
Value ShowExtra(const Text& extra) {
  if (!extra) return {};
  return ParseJson(*extra).ok() ? ShowValue("extra", *extra) : std::string(kMasked);
}

Value Shape(const ConnectionRow& row, const Secret& secret) {
  return Value::Map{{"connection_id", row.connection_id},
                    {"conn_type", row.conn_type},
                    {"description", OrNull(row.description)},
                    {"host", OrNull(row.host)},
                    {"login", OrNull(row.login)},
                    {"schema", OrNull(row.schema)},
                    {"port", row.port ? Value(std::int64_t{*row.port}) : Value()},
                    {"password", secret.password ? Value(kMasked) : Value()},
                    {"extra", ShowExtra(secret.extra)},
                    {"team_name", Value()}};
}

// For the audit trail, which never sees password and extra.
Value Facts(const ConnectionRow& row) {
  const auto text = [](const Text& value) { return value ? Value(*value) : Value(); };
  return Value::Map{{"conn_type", row.conn_type}, {"description", text(row.description)},
                    {"host", text(row.host)},     {"login", text(row.login)},
                    {"schema", text(row.schema)}, {"port", row.port ? Value(std::int64_t{*row.port}) : Value()},
                    {"password", kMasked},        {"extra", kMasked}};
}

struct Draft {
  ConnectionRow row;
  Secret secret;
  std::vector<std::string> given;  // the fields of the body, null ones too

  bool Gives(std::string_view field) const { return std::find(given.begin(), given.end(), field) != given.end(); }
};

const std::initializer_list<std::string_view> kFields = {
    "connection_id", "conn_type", "description", "host", "login", "schema", "port", "password", "extra", "team_name"};

// Airflow's pattern: ^[\w.-]+$
bool IsConnectionId(std::string_view id) {
  return !id.empty() && std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return c >= 0x80 || std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
  });
}

void ReadId(Body& body, Draft& draft) {
  body.Require("connection_id");
  draft.row.connection_id = body.String("connection_id").value_or("");
  const std::string& id = draft.row.connection_id;
  body.LimitLength("connection_id", kMaxIdLength);
  const Value* given = body.Given("connection_id");
  if (given != nullptr && (given->is_null() || (given->is_string() && !IsConnectionId(id))))
    body.Refuse("connection_id", "string_pattern_mismatch", "String should match pattern '^[\\w.-]+$'");
}

void ReadExtra(Body& body, Draft& draft) {
  draft.secret.extra = body.String("extra");
  if (!draft.secret.extra) return;
  if (draft.secret.extra->empty()) draft.secret.extra = "{}";
  const Result<Value> json = ParseJson(*draft.secret.extra);
  if (!json.ok() || !json->is_map())
    body.Refuse("extra", "value_error",
                "Value error, The `extra` field must be a valid JSON object (e.g., {'key': 'value'})");
}

struct Connections {
  using Draft = api::Draft;
  using Row = ConnectionRow;
  static constexpr VaultKind kKind = VaultKind::kConnection;
  static constexpr const char* kPlural = "connections";
  static constexpr const char* kNames = "connection_ids";

  static Body MakeBody(Value value, Value::List where) { return {std::move(value), std::move(where), kFields}; }
  static const std::string& Name(const Draft& draft) { return draft.row.connection_id; }

  static Draft Read(Body& body) {
    body.HideInputs();
    Draft draft;
    ReadId(body, draft);
    body.Require("conn_type");
    draft.row.conn_type = body.String("conn_type").value_or("");
    if (body.Given("conn_type") != nullptr && body.Given("conn_type")->is_null())
      body.Refuse("conn_type", "string_type", "Input should be a valid string");
    draft.row.description = body.String("description");
    draft.row.host = body.String("host");
    draft.row.login = body.String("login");
    draft.row.schema = body.String("schema");
    if (const auto port = body.Int("port", 0, kMaxPort)) draft.row.port = static_cast<std::int32_t>(*port);
    draft.secret.password = body.String("password");
    ReadExtra(body, draft);
    body.RefuseTeam();
    for (const std::string_view field : kFields) {
      if (body.Has(field)) draft.given.emplace_back(field);
    }
    return draft;
  }

  static Value About(const Row& row) { return Facts(row); }
  Result<Row> Known(const std::string& id) { return call.catalog().vault().Connection(id); }

  Result<VaultPut> Put(const Draft& draft, const UpdateMask& mask, const Row* known) {
    ConnectionRow row = draft.row;
    Secret secret = draft.secret;
    if (known != nullptr) {
      if (const Status merged = Merge(draft, mask, *known, row, secret); !merged.ok()) return merged.error();
    }
    if (secret.password && secret.password->empty()) secret.password.reset();
    Result<Sealed> sealed = Seal(call, secret.ToJsonText(), kKind, row.connection_id);
    if (!sealed.ok()) return sealed.error();
    row.secret = *std::move(sealed);
    Value facts = Facts(row);
    facts.Set("password_set", draft.Gives("password"));
    facts.Set("extra_set", draft.Gives("extra"));
    call.After(row.connection_id, std::move(facts));
    return VaultPut{std::move(row), known == nullptr ? Before::kAbsent : Before::kPresent};
  }

  // What is stored, with what the draft gives and the mask names.
  Status Merge(const Draft& draft, const UpdateMask& mask, const Row& known, ConnectionRow& row, Secret& secret) {
    const Result<std::string> opened = Open(call, known.secret, kKind, known.connection_id);
    if (!opened.ok()) return opened.error();
    const auto changes = [&](std::string_view field) { return draft.Gives(field) && mask.Has(field); };
    row = known;
    call.Before(row.connection_id, Facts(row));
    if (changes("conn_type")) row.conn_type = draft.row.conn_type;
    if (changes("description")) row.description = draft.row.description;
    if (changes("host")) row.host = draft.row.host;
    if (changes("login")) row.login = draft.row.login;
    if (changes("schema")) row.schema = draft.row.schema;
    if (changes("port")) row.port = draft.row.port;
    secret = Secret::FromJson(*opened);
    if (changes("password") && draft.secret.password != kMasked) secret.password = draft.secret.password;
    if (changes("extra")) secret.extra = MergeExtra(draft.secret.extra, secret.extra);
    return Ok();
  }

  // The extra as given, with the stored secrets where it has what an answer showed.
  static Text MergeExtra(const Text& given, const Text& stored) {
    if (!given || !stored) return given;
    const Result<Value> sent = ParseJson(*given), known = ParseJson(*stored);
    if (!sent.ok() || !known.ok()) return given;
    const Value merged = Unmask(*sent, *known);
    return merged == *sent ? *given : PythonJson(merged);
  }

  const Call& call;
};

Response ConnectionAnswer(const Call& call, const std::string& id, int status = 200) {
  const Result<ConnectionRow> row = call.catalog().vault().Connection(id);
  if (!row.ok()) return ErrorResponse(row.error());
  const Result<std::string> secret = Open(call, row->secret, VaultKind::kConnection, id);
  if (!secret.ok()) return ErrorResponse(secret.error());
  return Json(status, Shape(*row, Secret::FromJson(*secret)));
}

// Where a connection leads: as given, or as it is stored with what is given.
Reach TryConnection(const ConnectionRow& row) {
  if (!row.host || row.host->empty()) return {false, "the connection has no host: there is nothing to test"};
  const int port = row.port ? *row.port : UsualPort(row.conn_type);
  if (port == 0) return {false, fmt::format("the usual port of {} is not known: give one", row.conn_type)};
  const std::size_t scheme = row.host->find("://");  // of http connections
  const std::string host = scheme == std::string::npos ? *row.host : row.host->substr(scheme + 3);
  return TryAddress(host.substr(0, host.find('/')), static_cast<std::uint16_t>(port), kTestPatience);
}

}  // namespace

Response GetConnections(const Call& call) {
  Query query(call.request);
  const Page page = query.ReadPage();
  const TextSearch id = query.Search("connection_id");
  if (!query.ok()) return query.Refusal();
  const Result<Listing<ConnectionRow>> listing = call.catalog().vault().Connections(id, page);
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List connections;
  for (const ConnectionRow& row : listing->rows) {
    // One that cannot be opened must not hide the others.
    const Result<std::string> secret = Open(call, row.secret, VaultKind::kConnection, row.connection_id);
    connections.push_back(Shape(row, secret.ok() ? Secret::FromJson(*secret) : Secret()));
  }
  return Json(Collection("connections", std::move(connections), listing->total));
}

Response GetConnection(const Call& call) {
  return ConnectionAnswer(call, call.Arg("connection_id"));
}

Response PostConnection(const Call& call) {
  Body body(call.request, kFields);
  const Draft draft = Connections::Read(body);
  if (!body.ok()) return body.Refusal();
  Connections connections{call};
  const Result<VaultPut> put = connections.Put(draft, UpdateMask(), nullptr);
  if (!put.ok()) return ErrorResponse(put.error());
  const Status done = call.catalog().vault().Write({*put});
  if (!done.ok() && done.error().code == ErrorCode::kConflict) return DuplicateResponse(done.error());
  if (!done.ok()) return ErrorResponse(done.error());
  return ConnectionAnswer(call, draft.row.connection_id, 201);
}

Response PatchConnection(const Call& call) {
  Body body(call.request, kFields);
  const Draft draft = Connections::Read(body);
  if (!body.ok()) return body.Refusal();
  if (draft.row.connection_id != call.Arg("connection_id"))
    return Detail(400, "The connection_id in the request body does not match the URL parameter");
  Connections connections{call};
  const Result<ConnectionRow> known = connections.Known(draft.row.connection_id);
  if (!known.ok()) return ErrorResponse(known.error());
  const Result<VaultPut> put = connections.Put(draft, UpdateMask(call.request), &*known);
  if (!put.ok()) return ErrorResponse(put.error());
  if (const Status done = call.catalog().vault().Write({*put}); !done.ok()) return ErrorResponse(done.error());
  return ConnectionAnswer(call, draft.row.connection_id);
}

Response DeleteConnection(const Call& call) {
  const std::string& id = call.Arg("connection_id");
  const Result<ConnectionRow> known = call.catalog().vault().Connection(id);
  if (!known.ok()) return ErrorResponse(known.error());
  call.Before(id, Facts(*known));
  const Status done = call.catalog().vault().Write({VaultDrop{VaultKind::kConnection, id}});
  return done.ok() ? NoContent() : ErrorResponse(done.error());
}

Response BulkConnections(const Call& call) {
  return VaultBulk<Connections>(call, Connections{call}).Run();
}

Response TestConnection(const Call& call) {
  Body body(call.request, kFields);
  const Draft draft = Connections::Read(body);
  if (!body.ok()) return body.Refusal();
  if (!call.service.options.test_connections)
    return Detail(403, "Testing connections is disabled: core.test_connection is not enabled");
  Connections connections{call};
  ConnectionRow row = draft.row;
  Secret secret = draft.secret;
  const Result<ConnectionRow> known = connections.Known(row.connection_id);
  if (!known.ok() && known.error().code != ErrorCode::kNotFound) return ErrorResponse(known.error());
  if (known.ok()) {
    const Status merged = connections.Merge(draft, UpdateMask(), *known, row, secret);
    if (!merged.ok()) return ErrorResponse(merged.error());
  }
  const Reach reach = TryConnection(row);
  return Json(Value::Map{{"status", reach.reached}, {"message", reach.message}});
}

// One that is there stays as it is.
Response CreateDefaultConnections(const Call& call) {
  Connections connections{call};
  const auto text = [](std::string_view given) {
    return given.empty() ? std::nullopt : std::optional<std::string>(given);
  };
  for (const DefaultConnection& known : DefaultConnections()) {
    Draft draft;
    draft.row.connection_id = known.id;
    draft.row.conn_type = known.type;
    draft.row.host = text(known.host);
    draft.row.login = text(known.login);
    draft.row.schema = text(known.schema);
    if (known.port != 0) draft.row.port = known.port;
    draft.secret.extra = text(known.extra);
    const Result<ConnectionRow> there = connections.Known(draft.row.connection_id);
    if (there.ok()) continue;
    if (there.error().code != ErrorCode::kNotFound) return ErrorResponse(there.error());
    const Result<VaultPut> put = connections.Put(draft, UpdateMask(), nullptr);
    if (!put.ok()) return ErrorResponse(put.error());
    const Status done = call.catalog().vault().Write({*put});
    if (!done.ok() && done.error().code != ErrorCode::kConflict) return ErrorResponse(done.error());
  }
  return NoContent();
}

}  // namespace pipelined::api
