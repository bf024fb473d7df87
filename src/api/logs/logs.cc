// A try's log: as structured lines (JSON, NDJSON) or as the bytes that the command wrote (text/plain).
//
// `token` continues where the answer before it ended; it is the byte offset. While the try runs there is always a
// token: ask again. Lines that are asked for without a token come in one answer, which follows the try to its end.
#include <charconv>

#include <fmt/format.h>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/logs/log_feed.h"
#include "api/logs/log_file.h"
#include "api/logs/log_lines.h"
#include "api/http/query.h"

namespace pipelined::api {
namespace {

constexpr std::int64_t kPiece = 1 << 20;       // of one answer
constexpr std::int64_t kFullPiece = 16 << 20;  // with full_content
constexpr std::size_t kMostLines = 100'000;    // of one answer in JSON: each takes far more room than its text

enum class Form { kJson, kLines, kText, kNone };

Form FormOf(const Request& request) {
  const std::string accept = request.List("accept");
  if (accept.empty()) return Form::kJson;
  const auto has = [&](std::string_view type) { return accept.find(type) != std::string::npos; };
  if (has("application/x-ndjson")) return Form::kLines;
  if (has("application/json") || has("*/*") || has("application/*")) return Form::kJson;
  return has("text/plain") || has("text/*") ? Form::kText : Form::kNone;
}

std::optional<std::int64_t> Number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

Response Answer(Form form, const LogPiece& piece, const Value& token) {
  if (form == Form::kJson) return Json(Value::Map{{"content", LogLines(piece.text)}, {"continuation_token", token}});
  Response response = Text(200, form == Form::kText ? "text/plain; charset=utf-8" : "application/x-ndjson", "");
  if (token.is_string()) response.headers.emplace_back("X-Continuation-Token", token.string());
  if (form == Form::kText) {
    response.body = piece.text;
  } else {
    response.body = LogLinesAsNdjson(piece.text);
  }
  return response;
}

void EndAfterLines(LogPiece& piece, std::size_t most) {
  const std::size_t size = SizeOfLines(piece.text, most);
  if (size == piece.text.size()) return;
  piece.next -= static_cast<std::int64_t>(piece.text.size() - size);
  piece.at_end = false;
  piece.text.resize(size);
}

bool Running(const TaskInstanceRow& instance, std::int64_t try_number) {
  return try_number == instance.try_number && instance.state == TaskState::kRunning;
}

}  // namespace

Response GetLog(const Call& call) {
  Query query(call.request);
  const bool full = query.Bool("full_content").value_or(false);
  const std::int64_t map_index = query.Int("map_index", kNotMapped, kNotMapped);
  const std::string token = query.String("token");
  const std::optional<std::int64_t> number = Number(call.Arg("try_number"));
  const std::optional<std::int64_t> offset = token.empty() ? std::optional<std::int64_t>(0) : Number(token);
  if (!query.ok()) return query.Refusal();
  if (!number) return Detail(422, "try_number must be a number, 0 or greater");
  if (!offset) return Detail(400, "Bad Signature. Please use only the tokens provided by the API.");
  const Form form = FormOf(call.request);
  if (form == Form::kNone)
    return Detail(406, "only application/json, application/x-ndjson and text/plain are available");

  const Result<TaskInstanceRow> instance = FindInstance(call, map_index);
  if (!instance.ok()) return ErrorResponse(instance.error());
  if (*number < 1 || *number > instance->try_number) return Detail(404, "TaskInstance not found");
  if (form == Form::kLines && token.empty()) return FollowLog(call, *instance, *number);
  const bool running = Running(*instance, *number);
  const std::string path = LogPath(instance->dag_id, instance->run_id, instance->task_id, *number, instance->map_index);
  Result<LogPiece> piece = ReadLog(call.service.options.logs_dir, path, *offset, full ? kFullPiece : kPiece, !running);
  if (!piece.ok()) return ErrorResponse(piece.error());
  if (form == Form::kJson) EndAfterLines(*piece, kMostLines);
  const bool more = running || !piece->at_end;
  return NoStore(Answer(form, *piece, more ? Value(std::to_string(piece->next)) : Value()));
}

}  // namespace pipelined::api
