// Health and version.
#include <fmt/format.h>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/shapes.h"

namespace pipelined::api {
namespace {

std::string_view Word(bool healthy) {
  return healthy ? "healthy" : "unhealthy";
}

}  // namespace

Response GetHealth(const Call& call) {
  const Result<Health> health = call.service.health.Ask(call.catalog(), call.service.clock);
  const bool database = health.ok() && health->database;
  const bool scheduler = database && health->scheduler_leading;
  const Value heartbeat = health.ok() ? InstantOrNull(health->scheduler_heartbeat) : Value();
  // The scheduler also reads the DAG files, and waits for the runs that tasks have made: no triggerer.
  return Json(Value::Map{
      {"metadatabase", Value::Map{{"status", Word(database)}}},
      {"scheduler", Value::Map{{"status", Word(scheduler)}, {"latest_scheduler_heartbeat", heartbeat}}},
      {"triggerer", Value::Map{{"status", nullptr}, {"latest_triggerer_heartbeat", nullptr}}},
      {"dag_processor", Value::Map{{"status", Word(scheduler)}, {"latest_dag_processor_heartbeat", heartbeat}}}});
}

Response GetVersion(const Call& call) {
  const ApiOptions& options = call.service.options;
  return Json(Value::Map{{"version", options.version}, {"git_version", TextOrNull(options.git_version)}});
}

std::optional<Response> Carry(const Call& call, Command command, Value* result) {
  command.who = call.caller.name;
  Result<CommandDone> done = call.catalog().Execute(command, call.service.options.patience);
  if (!done.ok()) return ErrorResponse(done.error());
  if (!done->error.empty()) return ErrorResponse({done->error_code, done->error, ""});
  if (result != nullptr) *result = std::move(done->result);
  return std::nullopt;
}

}  // namespace pipelined::api
