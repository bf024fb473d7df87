// POST /api/ext/v1/simulate: what would run when, by the real engine under a simulated clock. Changes nothing.
#include <fmt/format.h>

#include <algorithm>

#include "api/handlers.h"
#include "api/http/body.h"
#include "api/http/errors.h"

namespace pipelined::api {
namespace {

constexpr std::int64_t kMostDags = 1'000;
constexpr std::int64_t kMostRuns = 1'000;      // in the answer
constexpr std::int64_t kEarlierTries = 1'000;  // of a DAG, that are looked at for how long its tasks take
constexpr std::size_t kEarlierRuns = 20;
constexpr int kSimulationsAtOnce = 1;  // each may fill a processor for seconds

struct Asked {
  SimulationRequest request;
  std::vector<std::string> dag_ids;
  bool measured = false;
};

void ReadDurations(Body& body, SimulationRequest& request) {
  const auto duration = [&](std::string_view key, const std::string& text) {
    const Result<Micros> read = ParseDuration(text);
    if (!read) body.Refuse(key, "value_error", fmt::format("\"{}\" is not a duration, as 30s, 5m or 1h30m", text));
    return read.ok() ? *read : Micros(0);
  };
  if (const auto text = body.String("default_duration")) request.default_duration = duration("default_duration", *text);
  const std::optional<Value> named = body.Object("durations");
  if (!named) return;
  for (const auto& [name, value] : named->map()) {
    if (!value.is_string()) {
      body.Refuse("durations", "string_type", fmt::format("the duration of \"{}\" should be a text", name));
    } else {
      request.durations[name] = duration("durations", value.string());
    }
  }
}

Asked Read(Body& body) {
  Asked asked;
  body.RequireValue("from");
  body.RequireValue("to");
  SimulationRequest& request = asked.request;
  if (const auto from = body.Date("from")) request.from = from->instant;
  if (const auto to = body.Date("to")) request.to = to->instant;
  if (body.ok() && request.from >= request.to) body.Refuse("from must lie before to");
  asked.dag_ids = body.Strings("dag_ids");
  asked.measured = body.Bool("measured").value_or(false);
  request.include_paused = body.Bool("include_paused").value_or(false);
  request.parallelism = static_cast<std::int32_t>(body.Int("parallelism", 1, 1'000'000).value_or(32));
  request.most_runs = static_cast<std::size_t>(body.Int("limit", 0, kMostRuns).value_or(100));
  request.failures = body.Strings("failures");
  request.pools = body.Strings("pools");
  ReadDurations(body, request);
  return asked;
}

// Those that the caller may see, or those of them that he names.
Result<std::vector<DagRow>> DagsOf(const Call& call, const std::vector<std::string>& dag_ids) {
  if (dag_ids.empty()) {
    Page page;
    page.limit = kMostDags;
    page.most_counted = kMostDags + 1;
    Result<Listing<DagRow>> all = call.catalog().Dags({}, page);
    if (!all.ok()) return all.error();
    if (all->total > kMostDags)
      return Error{ErrorCode::kInvalid, fmt::format("there are more than {} DAGs", kMostDags), "name some in dag_ids"};
    return std::move(all->rows);
  }
  std::vector<std::string> ids = dag_ids;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::vector<DagRow> rows;
  for (const std::string& id : ids) {
    Result<DagRow> row = call.catalog().Dag(id);
    if (!row.ok()) return row.error();
    rows.push_back(*std::move(row));
  }
  return rows;
}

// Means over the latest successful task instances.
Status Measure(const Call& call, const Dag& dag, SimulationRequest& request) {
  TaskFilter filter;
  filter.dag_id = dag.id;
  filter.states = {"success"};
  Page page;
  page.counted = false;
  page.order_by = {"-start_date"};
  page.limit = std::min(kEarlierTries, static_cast<std::int64_t>(kEarlierRuns * dag.tasks.size()));
  const auto rows = call.catalog().TaskInstances(filter, page);
  if (!rows.ok()) return rows.error();
  std::map<std::string, std::pair<Micros, int>> sums;
  for (const TaskInstanceRow& row : rows->rows) {
    if (!row.start_date || !row.end_date) continue;
    auto& [sum, count] = sums[row.task_id];
    sum += *row.end_date - *row.start_date;
    ++count;
  }
  for (const auto& [task, sum] : sums) request.measured[{dag.id, task}] = sum.first / sum.second;
  return Ok();
}

Status AddDags(const Call& call, Asked& asked) {
  const auto rows = DagsOf(call, asked.dag_ids);
  if (!rows.ok()) return rows.error();
  for (const DagRow& row : *rows) {
    if (row.stale) continue;
    const Result<DagSource> source = call.catalog().Source(row.version);
    if (!source.ok()) return source.error();
    Result<DagPtr> dag = call.service.options.load_dag(*source);
    if (!dag.ok()) return dag.error();
    if (asked.measured) {
      if (!call.caller.rights.May(access::Permission::kTasksRead, row.dag_id))
        return Error{ErrorCode::kNotAllowed, "Forbidden: to know how long tasks took takes the permission tasks.read",
                     "leave measured out"};
      if (const Status measured = Measure(call, **dag, asked.request); !measured.ok()) return measured;
    }
    asked.request.dags.push_back(*std::move(dag));
  }
  return Ok();
}

}  // namespace

Response PostSimulate(const Call& call) {
  Body body(call.request, {"from", "to", "dag_ids", "include_paused", "parallelism", "default_duration", "durations",
                           "measured", "failures", "pools", "limit"});
  Asked asked = Read(body);
  if (!body.ok()) return body.Refusal();
  const ApiOptions& options = call.service.options;
  if (options.simulator == nullptr || !options.load_dag) return Detail(501, "this server does not simulate");
  const Place place(call.service.simulating);
  if (!place.Within(kSimulationsAtOnce)) {
    Response busy = Detail(429, "another simulation is under way");
    busy.headers.emplace_back("Retry-After", "1");
    return busy;
  }
  if (const Status added = AddDags(call, asked); !added.ok()) return ErrorResponse(added.error());
  if (asked.request.dags.empty()) return Detail(404, "there is no DAG to simulate");
  const Result<Value> answer = options.simulator->Simulate(asked.request);
  if (answer.ok()) return Json(*answer);
  return answer.error().code == ErrorCode::kInvalid
             ? Detail(422, answer.error().message + (answer.error().hint.empty() ? "" : ": " + answer.error().hint))
             : ErrorResponse(answer.error());
}

}  // namespace pipelined::api
