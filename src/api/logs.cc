// A try's log: as structured lines (JSON, NDJSON) or as the bytes that the command wrote (text/plain).
//
// `token` continues where the answer before it ended; it is the byte offset. While the try runs there is always a
// token: ask again.
#include <charconv>

#include <fmt/format.h>

#include "api/errors.h"
#include "api/handlers.h"
#include "api/log_file.h"
#include "api/query.h"
#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

constexpr std::int64_t kPiece = 1 << 20;       // of one answer
constexpr std::int64_t kFullPiece = 16 << 20;  // with full_content

enum class Form { kJson, kLines, kText, kNone };

Form FormOf(const Request& request) {
  const std::string accept = request.List("accept");
  if (accept.empty()) return Form::kJson;
  const auto has = [&](std::string_view type) { return accept.find(type) != std::string::npos; };
  if (has("application/x-ndjson")) return Form::kLines;
  if (has("application/json") || has("*/*") || has("application/*")) return Form::kJson;
  return has("text/plain") || has("text/*") ? Form::kText : Form::kNone;
}

// {"timestamp", "event"}: a line that begins with a time loses it to its own field.
Value LineShape(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  const std::size_t blank = line.find(' ');
  if (blank != std::string_view::npos && blank >= 20 && blank <= 35) {
    if (const Result<Instant> time = ParseInstant(line.substr(0, blank)); time.ok()) {
      return Value::Map{{"timestamp", FormatInstant(*time)}, {"event", line.substr(blank + 1)}};
    }
  }
  return Value::Map{{"event", line}};
}

Value::List Lines(std::string_view text) {
  Value::List lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(LineShape(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::optional<std::int64_t> Number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

Response Answer(Form form, const LogPiece& piece, const Value& token) {
  if (form == Form::kJson) return Json(Value::Map{{"content", Lines(piece.text)}, {"continuation_token", token}});
  Response response = Text(200, form == Form::kText ? "text/plain; charset=utf-8" : "application/x-ndjson", "");
  if (token.is_string()) response.headers.emplace_back("X-Continuation-Token", token.string());
  if (form == Form::kText) {
    response.body = piece.text;
  } else {
    for (const Value& line : Lines(piece.text)) response.body += ToJson(line) + "\n";
  }
  return response;
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
  const bool running = Running(*instance, *number);
  const std::string path = LogPath(instance->dag_id, instance->run_id, instance->task_id, *number, instance->map_index);
  const Result<LogPiece> piece =
      ReadLog(call.service.options.logs_dir, path, *offset, full ? kFullPiece : kPiece, !running);
  if (!piece.ok()) return ErrorResponse(piece.error());
  const bool more = running || !piece->at_end;
  return NoStore(Answer(form, *piece, more ? Value(std::to_string(piece->next)) : Value()));
}

}  // namespace pipelined::api
