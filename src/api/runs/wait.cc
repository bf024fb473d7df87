// Waits until a run has ended, and says how: GET …/wait.
#include <algorithm>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

constexpr Seconds kLongest{60};  // then the answer says "running", and the client asks again
constexpr Seconds kShortestPause{1};
constexpr std::string_view kResultKey = "return_value";

// What the tasks named in the query have returned; a task without that is null, as in Airflow.
Result<Value> ResultsOf(const Call& call, const RunRow& run, const std::vector<std::string>& tasks) {
  Value results{Value::Map{}};
  for (const std::string& task : tasks) {
    const Result<Value> outputs = call.catalog().Outputs(run.info.id, task, kNotMapped);
    if (!outputs.ok()) return outputs.error();
    const Value* value = outputs->Find(kResultKey);
    results.Set(task, value == nullptr ? Value() : *value);
  }
  return results;
}

Result<Value> LineOf(const Call& call, const RunRow& run, const std::vector<std::string>& tasks) {
  Value line = Value::Map{{"state", ToString(run.info.state)}};
  if (IsFinished(run.info.state) && !tasks.empty()) {
    Result<Value> results = ResultsOf(call, run, tasks);
    if (!results.ok()) return results.error();
    line.Set("results", *std::move(results));
  }
  return line;
}

// Airflow's own client reads nothing but JSON, and says so.
bool WantsOneObject(const Request& request) {
  const std::string accepted = request.List("accept");
  return accepted.find("application/json") != std::string::npos && accepted.find("ndjson") == std::string::npos;
}

// Looks at the run, by its key, until it has ended or the time is over.
Result<RunRow> Await(const Call& call, RunRow run, Micros pause) {
  const Clock& clock = call.service.clock;
  const Micros until = clock.Monotonic() + kLongest;
  while (!IsFinished(run.info.state)) {
    const Micros left = until - clock.Monotonic();
    if (left <= Micros(0) || !call.service.stopping.Wait(std::min(pause, left))) break;
    Result<RunRow> again = call.catalog().Run(run.info.dag_id, run.info.run_id);
    if (!again.ok()) return again;
    run = *std::move(again);
  }
  return run;
}

}  // namespace

Response WaitForRun(const Call& call) {
  Query query(call.request);
  query.Required("interval");
  const std::optional<double> interval = query.Number("interval");
  const std::vector<std::string> tasks = query.Strings("result");
  if (interval && *interval <= 0) query.Add("greater_than", "interval", "Input should be greater than 0");
  if (!query.ok()) return query.Refusal();
  if (!tasks.empty() && !call.caller.rights.May(access::Permission::kXComsRead, call.Arg("dag_id")))
    return Detail(403, "Forbidden: to read results takes the permission xcoms.read");
  const Result<RunRow> run = call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!run.ok()) return ErrorResponse(run.error());
  Result<Value> line = LineOf(call, *run, tasks);
  if (!line.ok()) return ErrorResponse(line.error());
  std::string lines = ToJson(*line) + "\n";
  if (!IsFinished(run->info.state)) {
    const Place place(call.service.waiting);
    if (!place.Within(std::max(1, call.service.options.threads / 2)))
      return ErrorResponse({ErrorCode::kUnavailable, "too many requests wait for runs already", "ask again"});
    const double seconds = std::min(*interval, static_cast<double>(kLongest.count()));
    const Micros pause = std::max<Micros>(kShortestPause, Micros(static_cast<std::int64_t>(seconds * 1e6)));
    const Result<RunRow> ended = Await(call, *run, pause);
    if (!ended.ok()) return ErrorResponse(ended.error());
    line = LineOf(call, *ended, tasks);
    if (!line.ok()) return ErrorResponse(line.error());
    lines += ToJson(*line) + "\n";
  }
  if (WantsOneObject(call.request)) return Json(*line);
  return Text(200, "application/x-ndjson", std::move(lines));
}

}  // namespace pipelined::api
