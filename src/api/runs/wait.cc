// Waits until a run has ended, and says how: GET …/wait.
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/runs/run_pause.h"
#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

constexpr Seconds kLongest{60};  // then the answer says "running", and the client asks again
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
  const std::string text = ToJson(*line) + "\n";
  if (!IsFinished(run->info.state)) {
    if (std::optional<Response> later = WaitFor(call, kLongest, text)) return *std::move(later);
  }
  if (WantsOneObject(call.request)) return Json(*line);
  const std::shared_ptr<RunPause> pause = PauseOf(call.request);
  return Text(200, "application/x-ndjson", (pause == nullptr ? "" : pause->seen) + text);
}

}  // namespace pipelined::api
