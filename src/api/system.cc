// Health, version, metrics.
#include <fmt/format.h>

#include "api/errors.h"
#include "api/handlers.h"
#include "api/shapes.h"

namespace pipelined::api {
namespace {

std::string_view Word(bool healthy) {
  return healthy ? "healthy" : "unhealthy";
}

std::string RunCounts(Catalog& catalog) {
  std::string text = "# HELP pipelined_dag_runs Runs by state.\n# TYPE pipelined_dag_runs gauge\n";
  Page nothing;
  nothing.limit = 0;
  for (const std::string_view state : {"queued", "running", "success", "failed"}) {
    RunFilter filter;
    filter.states = {std::string(state)};
    const Result<Listing<RunRow>> runs = catalog.Runs(filter, nothing);
    if (!runs.ok()) return {};
    text += fmt::format("pipelined_dag_runs{{state=\"{}\"}} {}\n", state, runs->total);
  }
  return text;
}

std::string ConnectionMetrics(const ConnectionCounts& counts) {
  return fmt::format(
      "# HELP pipelined_api_connections Connections that are open.\n# TYPE pipelined_api_connections gauge\n"
      "pipelined_api_connections {}\n"
      "# HELP pipelined_api_connections_ended_total Connections that the limits ended.\n"
      "# TYPE pipelined_api_connections_ended_total counter\n"
      "pipelined_api_connections_ended_total{{why=\"evicted\"}} {}\n"
      "pipelined_api_connections_ended_total{{why=\"refused\"}} {}\n"
      "pipelined_api_connections_ended_total{{why=\"timed_out\"}} {}\n",
      counts.open.load(), counts.evicted.load(), counts.refused.load(), counts.timed_out.load());
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

Response GetMetrics(const Call& call) {
  std::string text =
      "# HELP pipelined_api_requests_total Answered requests by status.\n# TYPE pipelined_api_requests_total counter\n";
  for (const auto& [status, count] : call.service.counters.Snapshot()) {
    text += fmt::format("pipelined_api_requests_total{{status=\"{}\"}} {}\n", status, count);
  }
  text += ConnectionMetrics(*call.service.connections);
  const Result<Health> health = call.service.health.Ask(call.catalog(), call.service.clock);
  text +=
      "# HELP pipelined_scheduler_leading Whether a scheduler holds the lease.\n# TYPE pipelined_scheduler_leading "
      "gauge\n";
  text += fmt::format("pipelined_scheduler_leading {}\n", health.ok() && health->scheduler_leading ? 1 : 0);
  text += RunCounts(call.catalog());
  return Text(200, "text/plain; version=0.0.4; charset=utf-8", std::move(text));
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
