#include "api/runs/once.h"

#include <algorithm>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "pipelined/base/hash.h"

namespace pipelined::api {
namespace {

constexpr std::size_t kMaxKey = 255;

// The draft has it as a structured field, in quotes; many clients send it bare.
std::optional<std::string> ReadKey(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '"'; });
  if (text.empty() || text.size() > kMaxKey || !plain) return std::nullopt;
  return std::string(text);
}

Response Send(const Result<KeptAnswer>& kept) {
  if (!kept.ok()) {
    const Error& error = kept.error();
    return error.code == ErrorCode::kInvalid ? Detail(422, error.message + ": " + error.hint) : ErrorResponse(error);
  }
  Response response = Text(kept->status, "application/json", kept->body);
  if (kept->repeated) response.headers.emplace_back("Idempotent-Replayed", "true");
  return response;
}

Response Failed(const Error& error) {
  return error.code == ErrorCode::kConflict ? DuplicateResponse(error) : ErrorResponse(error);
}

}  // namespace

Once::Once(const Call& call) : call_(call) {
  const std::string* header = call.request.Header("idempotency-key");
  if (header == nullptr) return;
  const std::optional<std::string> key = ReadKey(*header);
  malformed_ = !key;
  if (!key) return;
  const Request& request = call.request;
  key_ = OnceKey{call.caller.account, *key, Sha256Hex(request.method + "\n" + request.path + "\n" + request.body)};
}

std::optional<Response> Once::Earlier() const {
  if (malformed_)
    return Detail(400, "Idempotency-Key must be 1 to 255 visible ASCII characters, without quotes inside");
  if (!key_) return std::nullopt;
  const Result<std::optional<KeptAnswer>> kept = call_.catalog().Kept(*key_);
  if (!kept.ok()) return Send(kept.error());
  return *kept ? std::optional(Send(**kept)) : std::nullopt;
}

Response Once::Trigger(const TriggerRequest& request, const std::function<Response(const RunRow&)>& answer) const {
  if (!key_) {
    const Result<RunRow> row = call_.catalog().Trigger(request);
    return row.ok() ? answer(*row) : Failed(row.error());
  }
  const Result<KeptAnswer> kept = call_.catalog().TriggerOnce(request, *key_, [&](const RunRow& row) {
    Response made = answer(row);
    return KeptAnswer{made.status, std::move(made.body)};
  });
  return !kept.ok() && kept.error().code == ErrorCode::kConflict ? Failed(kept.error()) : Send(kept);
}

Response Once::Carry(Command command, const std::function<Response(const Value& result)>& answer) const {
  if (!key_) {
    Value result;
    if (std::optional<Response> refusal = api::Carry(call_, std::move(command), &result)) return *std::move(refusal);
    return answer(result);
  }
  command.who = call_.caller.name;
  return Send(call_.catalog().ExecuteOnce(command, call_.service.options.patience, *key_, [&](const CommandDone& done) {
    Response made = answer(done.result);
    return KeptAnswer{made.status, std::move(made.body)};
  }));
}

}  // namespace pipelined::api
