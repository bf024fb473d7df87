// Everything that a progress display needs, in one call: the run, its tasks in short, and how long each took last time.
//
// `after` (the etag of the answer before) and `wait` (seconds) make it a long poll: it answers as soon as something
// differs.
#include <algorithm>

#include <fmt/format.h>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/runs/run_pause.h"
#include "api/shapes.h"
#include "pipelined/base/hash.h"
#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

constexpr std::int64_t kAllTasks = 1'000'000;
constexpr std::int64_t kLongestWait = 10;  // seconds

double Length(Instant start, Instant end) {
  return static_cast<double>((end - start).count()) / 1e6;
}

Result<std::vector<TaskInstanceRow>> AllTasks(Catalog& catalog, const std::string& dag_id, const std::string& run_id) {
  TaskFilter filter;
  filter.dag_id = dag_id;
  filter.run_id = run_id;
  Page all;
  all.limit = kAllTasks;
  Result<Listing<TaskInstanceRow>> listing = catalog.TaskInstances(filter, all);
  if (!listing.ok()) return listing.error();
  return std::move(listing->rows);
}

Value Short(const TaskInstanceRow& row) {
  Value::Map task{{"task_id", row.task_id},
                  {"state", row.state == TaskState::kNone ? Value() : Value(ToString(row.state))},
                  {"try_number", row.try_number},
                  {"start", InstantOrNull(row.start_date)},
                  {"end", InstantOrNull(row.end_date)}};
  if (row.map_index >= 0) task.emplace_back("map_index", row.map_index);
  if (row.retry_at) task.emplace_back("retry_at", FormatInstant(*row.retry_at));
  if (!row.outcome.empty()) task.emplace_back("outcome", row.outcome);
  if (!row.message.empty()) task.emplace_back("message", row.message);
  return task;
}

// {"dag_run_id", "duration", "tasks": {task_id: seconds}} of the last successful run before this one; null without one.
Value Previous(Catalog& catalog, const RunRow& run) {
  RunFilter filter;
  filter.dag_id = run.info.dag_id;
  filter.states = {"success"};
  Page page;
  page.limit = 2;
  page.order_by = {"-start_date"};
  const Result<Listing<RunRow>> runs = catalog.Runs(filter, page);
  if (!runs.ok()) return nullptr;
  const auto previous =
      std::find_if(runs->rows.begin(), runs->rows.end(), [&](const RunRow& row) { return row.info.id != run.info.id; });
  if (previous == runs->rows.end()) return nullptr;
  const Result<std::vector<TaskInstanceRow>> tasks = AllTasks(catalog, previous->info.dag_id, previous->info.run_id);
  if (!tasks.ok()) return nullptr;
  Value::Map lengths;
  for (const TaskInstanceRow& row : *tasks) {
    if (row.start_date && row.end_date && row.map_index <= 0)  // one instance of a mapped task stands for all
      lengths.emplace_back(row.task_id, Length(*row.start_date, *row.end_date));
  }
  const bool timed = previous->info.start_date && previous->end_date;
  return Value::Map{{"dag_run_id", previous->info.run_id},
                    {"duration", timed ? Value(Length(*previous->info.start_date, *previous->end_date)) : Value()},
                    {"tasks", std::move(lengths)}};
}

struct Snapshot {
  RunRow run;
  Value::Map body;
  std::string etag;
};

Result<Snapshot> Take(const Call& call) {
  Result<RunRow> run = call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!run.ok()) return run.error();
  const Result<std::vector<TaskInstanceRow>> rows = AllTasks(call.catalog(), run->info.dag_id, run->info.run_id);
  if (!rows.ok()) return rows.error();
  Value::List tasks;
  for (const TaskInstanceRow& row : *rows) tasks.push_back(Short(row));
  Snapshot snapshot;
  snapshot.body = {{"run", RunShape(*run)}, {"tasks", std::move(tasks)}};
  snapshot.etag = Sha256Hex(ToJson(snapshot.body)).substr(0, 20);
  snapshot.run = *std::move(run);
  return snapshot;
}

}  // namespace

Response GetProgress(const Call& call) {
  Query query(call.request);
  const std::string after = query.String("after");
  const std::int64_t wait = std::min(query.Int("wait", 0, 0), kLongestWait);
  if (!query.ok()) return query.Refusal();
  Result<Snapshot> snapshot = Take(call);
  if (!snapshot.ok()) return ErrorResponse(snapshot.error());
  if (snapshot->etag == after) {
    std::optional<Response> later = wait > 0 ? WaitFor(call, Seconds(wait)) : std::nullopt;
    if (later) return *std::move(later);
    Response unchanged = NoContent();
    unchanged.status = 304;
    unchanged.headers.emplace_back("ETag", fmt::format("\"{}\"", snapshot->etag));
    return unchanged;
  }
  // The previous run does not change while one watches: it comes with the first answer only.
  if (after.empty()) snapshot->body.emplace_back("previous", Previous(call.catalog(), snapshot->run));
  snapshot->body.emplace_back("etag", snapshot->etag);
  Response response = Json(snapshot->body);
  response.headers.emplace_back("ETag", fmt::format("\"{}\"", snapshot->etag));
  return response;
}

}  // namespace pipelined::api
