#include "api/access/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>

#include "api/http/errors.h"
#include "pipelined/base/log.h"
#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

constexpr std::size_t kMostBody = 64 * 1024;   // of a body that is looked into for names
constexpr std::size_t kMostValue = 16 * 1024;  // of what was before or after
constexpr std::size_t kMostText = 300;         // bytes of what a client may choose

// POST for the length of what is asked, and rehearsals.
constexpr std::array<std::string_view, 3> kLooks{"get_list_dag_runs_batch", "get_task_instances_batch", "ext_simulate"};

// What nothing else puts into the log of events: the leader says itself what it carries out.
constexpr std::array<std::string_view, 10> kInHistory{
    "ext_rerun",      "create_asset_event", "post_variable",    "patch_variable",    "delete_variable",
    "bulk_variables", "post_connection",    "patch_connection", "delete_connection", "bulk_connections"};

// Their entry goes into the transaction of the change.
constexpr std::array<std::string_view, 2> kInOne{"trigger_dag_run", "materialize_asset"};

// Ways in. Who it is that comes is only known at the end.
constexpr std::array<std::string_view, 3> kSignIns{"create_token", "ext_login", "ext_oidc_callback"};

// Ways out.
constexpr std::array<std::string_view, 2> kSignOuts{"ext_logout", "logout"};

template <std::size_t N>
bool Among(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string Short(std::string_view text) {
  return text.size() <= kMostText ? std::string(text) : std::string(text.substr(0, kMostText)) + "…";
}

std::string TextIn(const Value& body, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const Value* value = body.Find(key);
    if (value != nullptr && value->is_string()) return Short(value->string());
  }
  return {};
}

// Where the path does not say what is meant, as when something is made.
void NameFromBody(const Request& request, TrailEntry& entry) {
  if (request.body.empty() || request.body.size() > kMostBody) return;
  const Result<Value> body = ParseJson(request.body);
  if (!body.ok() || !body->is_map()) return;
  if (entry.dag_id.empty()) entry.dag_id = TextIn(*body, {"dag_id"});
  if (entry.run_id.empty()) entry.run_id = TextIn(*body, {"dag_run_id"});
  if (entry.entity.empty()) entry.entity = TextIn(*body, {"name", "key", "connection_id", "username", "account"});
}

void NameFromPath(const Call& call, TrailEntry& entry) {
  for (const auto& [name, value] : call.args) {
    if (name == "dag_id") {
      entry.dag_id = Short(value);
    } else if (name == "dag_run_id") {
      entry.run_id = Short(value);
    } else if (name == "task_id") {
      entry.task_id = Short(value);
    } else if (name == "map_index") {
      const bool number = !value.empty() && value.size() < 10 && value.find_first_not_of("0123456789") == value.npos;
      if (number) entry.map_index = std::stoi(value);
    } else if (entry.entity.empty()) {
      entry.entity = Short(value);
    }
  }
}

TrailEntry EntryOf(const Route& route, const Call& call) {
  const Request& request = call.request;
  TrailEntry entry;
  entry.who = call.caller.name;
  entry.via = call.caller.via;
  entry.address = request.remote;
  entry.request_id = request.id;
  if (const std::string* agent = request.Header("user-agent")) entry.agent = Short(*agent);
  entry.operation = route.operation_id;
  entry.method = request.method;
  entry.path = Short(request.path);
  NameFromPath(call, entry);
  return entry;
}

// Why an answer is none, without what was sent: that may be a secret.
std::string ReasonOf(const Response& answer) {
  if (answer.status < 400) return {};
  const Result<Value> body = ParseJson(answer.body);
  const Value* detail = body.ok() ? body->Find("detail") : nullptr;
  if (detail == nullptr) return {};
  if (detail->is_string()) return Short(detail->string());
  if (detail->is_map()) return TextIn(*detail, {"reason"});
  std::string places;
  for (const Value& fault : detail->is_list() ? detail->list() : Value::List{}) {
    const Value* where = fault.Find("loc");
    places += fmt::format("{}{} at {}", places.empty() ? "" : ", ", TextIn(fault, {"type"}),
                          where == nullptr ? "" : ToJson(*where));
  }
  return Short(places);
}

Value Bounded(Value value) {
  const std::size_t size = value.is_null() ? 0 : ToJson(value).size();
  return size <= kMostValue ? std::move(value) : Value(Value::Map{{"left_out", fmt::format("{} bytes", size)}});
}

TrailOutcome OutcomeOf(const TrailEntry& entry, AuditNote note, const Response& answer) {
  TrailOutcome outcome;
  outcome.status = answer.status;
  outcome.reason = note.failed.empty() ? ReasonOf(answer) : Short(note.failed);
  outcome.run_id = std::move(note.run_id);
  outcome.entity = std::move(note.entity);
  outcome.before = Bounded(std::move(note.before));
  if (answer.status < 400) outcome.after = Bounded(std::move(note.after));
  outcome.in_history = answer.status < 400 && Among(kInHistory, entry.operation);
  return outcome;
}

// A bug in a handler must not leave its entry without an end.
Response Handle(const Route& route, const Call& call) {
  try {
    return route.handler(call);
  } catch (const std::exception& failure) {
    return ErrorResponse({ErrorCode::kBug, failure.what(), ""});
  }
}

bool IsDenial(int status) {
  return status == 401 || status == 403 || status == 429;
}

// Whether it may have taken rights from somebody, to whom answers may be going on.
bool MayTakeRights(const Need& need) {
  return need.where() == Need::Where::kCaller ||
         (need.NeedsPermission() &&
          (need.permission() == access::Permission::kUsersEdit || need.permission() == access::Permission::kRolesEdit));
}

void Warn(const TrailEntry& entry, int status, const Status& written) {
  if (written.ok()) return;
  log::Warning("how {} of {} ended ({}) could not be written to the audit trail: {}", entry.operation, entry.who,
               status, written.error().message);
}

// A token or a session that the trail does not know of is not handed out. A provider's word may have changed the role
// of who comes, and is in the trail then whether he was let in or not.
Response LogIn(const Route& route, const Call& call, TrailEntry entry) {
  const Response answer = Handle(route, call);
  AuditNote& note = *call.note;
  const bool in = answer.status < 400, changed = !note.before.is_null() || !note.after.is_null();
  if (!in && !changed && !IsDenial(answer.status) && answer.status != 409) return answer;  // 409: the name is taken
  entry.who = Short(note.who.empty() ? answer.user : note.who);
  entry.entity = entry.who;
  entry.via = route.method == "GET" ? "identity provider" : "password";
  entry.kind = in ? TrailKind::kLogIn : TrailKind::kDenied;
  Value after = note.after;
  entry.outcome = OutcomeOf(entry, std::move(note), answer);
  entry.outcome->after = Bounded(std::move(after));
  if (!in && !changed) {
    call.service.denials.Add(std::move(entry));
    return answer;
  }
  const Status written = call.service.catalog.trail().Add({entry});
  if (!in) Warn(entry, answer.status, written);
  return written.ok() || !in ? answer : ErrorResponse(written.error());
}

// Of nobody, nothing.
Response LogOut(const Route& route, const Call& call, TrailEntry entry) {
  const Response answer = Handle(route, call);
  if (answer.status >= 400) NoteDenied(route, call, answer);
  if (answer.status >= 400 || call.note->who.empty()) return answer;
  entry.who = entry.entity = Short(call.note->who);
  if (entry.via.empty()) entry.via = "browser";
  entry.kind = TrailKind::kLogOut;
  entry.outcome = OutcomeOf(entry, std::move(*call.note), answer);
  Warn(entry, answer.status, call.service.catalog.trail().Add({entry}));
  call.service.premises.AskAll();
  return answer;
}

// The entry goes into the transaction of the change itself; of a change that was not made it is written afterwards.
Response AuditedInOne(const Route& route, Call call, TrailEntry entry) {
  call.note->entry = entry;
  const Response answer = Handle(route, call);
  if (!call.note->entry) return answer;
  entry.kind = TrailKind::kChange;
  entry.outcome = OutcomeOf(entry, std::move(*call.note), answer);
  if (const Status written = call.service.catalog.trail().Add({entry}); !written.ok())
    return ErrorResponse(written.error());
  return answer;
}

}  // namespace

bool IsAudited(const Route& route) {
  const bool rehearsal = route.operation_id.find("_dry_run") != std::string_view::npos;
  return route.method != "GET" && !rehearsal && !Among(kLooks, route.operation_id);
}

Response Audited(const Route& route, Call call) {
  const bool signs_in = Among(kSignIns, route.operation_id), signs_out = Among(kSignOuts, route.operation_id);
  if (!signs_in && !signs_out && (!IsAudited(route) || route.need.IsPublic())) {
    Response answer = route.handler(call);
    NoteDenied(route, call, answer);
    return answer;
  }
  AuditNote note;
  call.note = &note;
  TrailEntry entry = EntryOf(route, call);
  if (signs_in) return LogIn(route, call, std::move(entry));
  if (signs_out) return LogOut(route, call, std::move(entry));
  NameFromBody(call.request, entry);
  if (Among(kInOne, route.operation_id)) return AuditedInOne(route, std::move(call), std::move(entry));
  AuditTrail& trail = call.service.catalog.trail();
  const Result<std::int64_t> id = trail.Begin(entry);
  if (!id.ok()) return ErrorResponse(id.error());
  const Response answer = Handle(route, call);
  Warn(entry, answer.status, trail.End(*id, entry, OutcomeOf(entry, std::move(note), answer)));
  if (answer.status < 400 && MayTakeRights(route.need)) call.service.premises.AskAll();
  return answer;
}

void NoteDenied(const Route& route, const Call& call, const Response& answer) {
  if (answer.status != 401 && answer.status != 403) return;
  TrailEntry entry = EntryOf(route, call);
  entry.kind = TrailKind::kDenied;
  entry.outcome = OutcomeOf(entry, {}, answer);
  call.service.denials.Add(std::move(entry));
}

}  // namespace pipelined::api
