// Task instances, their tries and their outputs (XCom entries).
#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/shapes.h"
#include "api/words.h"
#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

constexpr std::int64_t kNoFilter = -2;

// What is beyond all indexes is the greatest of them, which no instance has.
std::int32_t ToIndex(std::int64_t given) {
  return static_cast<std::int32_t>(std::min<std::int64_t>(given, std::numeric_limits<std::int32_t>::max()));
}

TaskFilter ReadFilter(const Call& call, Query& query) {
  TaskFilter filter;
  filter.dag_id = call.Arg("dag_id");
  filter.run_id = call.Arg("dag_run_id");
  filter.task_id = query.String("task_id");
  const std::int64_t map_index = query.Int("map_index", kNoFilter, kNotMapped);
  if (map_index != kNoFilter) filter.map_index = ToIndex(map_index);
  filter.states = query.Words("state", TaskStateWords(), Query::kPlain);
  std::replace(filter.states.begin(), filter.states.end(), std::string("no_status"), std::string("none"));
  filter.run_after = query.Times("run_after");
  filter.logical_date = query.Times("logical_date");
  filter.start_date = query.Times("start_date");
  filter.end_date = query.Times("end_date");
  filter.updated_at = query.Times("updated_at");
  filter.duration = query.Lengths("duration");
  filter.name = query.Search("task_display_name");
  filter.dag = query.Search("dag_id");
  filter.run = query.Search("run_id");
  filter.pool = query.Search("pool_name");
  filter.rendered_map_index = query.Search("rendered_map_index");
  filter.pools = query.Strings("pool");
  filter.versions = query.Ints("version_number");
  filter.try_numbers = query.Ints("try_number");
  ChooseOperators(filter, query.Strings("operator"));
  ChooseQueue(filter, query.Strings("queue"), query.Strings("executor"));
  query.NotYet({"task_group_id", "queue_name_pattern", "queue_name_prefix_pattern", "operator_name_pattern",
                "operator_name_prefix_pattern"});
  return filter;
}

// The tries of the instance; an untouched one has a single try, number 0.
Result<std::vector<TaskInstanceRow>> TriesOf(const Call& call) {
  Result<TaskInstanceRow> instance = FindInstance(WithIndex(call));
  if (!instance.ok()) return instance.error();
  Result<std::vector<TaskInstanceRow>> tries =
      call.catalog().Tries(call.Arg("dag_id"), call.Arg("dag_run_id"), call.Arg("task_id"), instance->map_index);
  if (tries.ok() && tries->empty()) tries->push_back(*std::move(instance));
  return tries;
}

}  // namespace

void ChooseOperators(TaskFilter& filter, const std::vector<std::string>& classes) {
  for (const std::string& name : classes) filter.operators.push_back(OperatorWord(name));
}

void ChooseQueue(TaskFilter& filter, const std::vector<std::string>& queues,
                 const std::vector<std::string>& executors) {
  const bool no_queue = !queues.empty() && std::find(queues.begin(), queues.end(), "default") == queues.end();
  filter.nothing = no_queue || !executors.empty();
}

Result<TaskInstanceRow> FindInstance(const Call& call, std::int64_t map_index) {
  TaskFilter filter;
  if (map_index >= 0) filter.map_index = ToIndex(map_index);
  filter.dag_id = call.Arg("dag_id");
  filter.run_id = call.Arg("dag_run_id");
  filter.task_id = call.Arg("task_id");
  Result<Listing<TaskInstanceRow>> found = call.catalog().TaskInstances(filter, Page::One());
  if (!found.ok()) return found.error();
  // "~" in one of the ids is a wildcard in a listing, and nobody's name here.
  const bool wild = filter.dag_id == "~" || filter.run_id == "~" || filter.task_id == "~";
  if (wild || found->rows.empty()) {
    const std::string index = map_index < 0 ? "" : fmt::format(", map_index: `{}`", map_index);
    return Error{ErrorCode::kNotFound,
                 fmt::format("The Task Instance with dag_id: `{}`, run_id: `{}`{} and task_id: `{}` was not found",
                             filter.dag_id, filter.run_id, index, filter.task_id),
                 ""};
  }
  if (map_index < 0 && found->rows.front().map_index >= 0) {
    return Error{ErrorCode::kNotFound, "Task instance is mapped, add the map_index value to the URL",
                 fmt::format("it has the indexes 0 to {}", found->rows.front().map_length - 1)};
  }
  return std::move(found->rows.front());
}

Result<TaskInstanceRow> FindInstance(const Call& call) {
  const std::string& text = call.Arg("map_index");
  if (text.empty()) return FindInstance(call, kNotMapped);
  std::int64_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size() || index < kNotMapped || index > kGreatestMapIndex)
    return Error{ErrorCode::kInvalid, "map_index must be a number, -1 or greater", ""};
  return FindInstance(call, index);
}

std::optional<Response> RefuseIndex(const Call& call) {
  Query query(call.request);
  query.Int("map_index", kNotMapped, kNotMapped);
  return query.ok() ? std::nullopt : std::optional(query.Refusal());
}

Call WithIndex(const Call& call) {
  Call named = call;
  const std::string index = Query(call.request).String("map_index");
  if (!index.empty() && call.Arg("map_index").empty()) named.args.emplace_back("map_index", index);
  return named;
}

Response ListedInstances(const Result<Listing<TaskInstanceRow>>& listing, bool by_cursor) {
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List instances;
  for (const TaskInstanceRow& row : listing->rows) instances.push_back(TaskInstanceShape(row));
  if (by_cursor) return Json(CursorPage("task_instances", std::move(instances), listing->next));
  return Json(Collection("task_instances", std::move(instances), listing->total));
}

Response GetTaskInstances(const Call& call) {
  Query query(call.request);
  const TaskFilter filter = ReadFilter(call, query);
  const Page page = query.ReadCursorPage();
  if (!query.ok()) return query.Refusal();
  if (filter.run_id != "~") {
    if (const Result<RunRow> run = call.catalog().Run(filter.dag_id, filter.run_id); !run.ok())
      return ErrorResponse(run.error());
  } else if (filter.dag_id != "~") {
    if (const Result<DagRow> dag = call.catalog().Dag(filter.dag_id); !dag.ok()) return ErrorResponse(dag.error());
  }
  return ListedInstances(call.catalog().TaskInstances(filter, page), page.cursor.has_value());
}

Response GetTaskInstance(const Call& call) {
  const Result<TaskInstanceRow> row = FindInstance(call);
  if (!row.ok()) return ErrorResponse(row.error());
  return Json(TaskInstanceShape(*row));
}

Response GetMappedTaskInstances(const Call& call) {
  Query query(call.request);
  TaskFilter filter = ReadFilter(call, query);
  const Page page = query.ReadPage();
  query.NotYet({"cursor"});
  if (!query.ok()) return query.Refusal();
  filter.task_id = call.Arg("task_id");
  const Result<TaskInstanceRow> first = FindInstance(call, kNotMapped);
  const bool is_mapped = !first.ok() && first.error().message.starts_with("Task instance is mapped");
  if (first.ok()) return Detail(404, fmt::format("Task id {} is not mapped", filter.task_id));
  if (!is_mapped) return ErrorResponse(first.error());
  return ListedInstances(call.catalog().TaskInstances(filter, page));
}

Response GetTries(const Call& call) {
  if (auto refusal = RefuseIndex(call)) return *std::move(refusal);
  const Result<std::vector<TaskInstanceRow>> rows = TriesOf(call);
  if (!rows.ok()) return ErrorResponse(rows.error());
  Value::List tries;
  for (const TaskInstanceRow& row : *rows) tries.push_back(TryShape(row));
  const auto total = static_cast<std::int64_t>(tries.size());
  return Json(Value::Map{{"task_instances", std::move(tries)}, {"total_entries", total}});
}

Response GetTry(const Call& call) {
  if (auto refusal = RefuseIndex(call)) return *std::move(refusal);
  const Result<std::vector<TaskInstanceRow>> rows = TriesOf(call);
  if (!rows.ok()) return ErrorResponse(rows.error());
  for (const TaskInstanceRow& row : *rows) {
    if (std::to_string(row.try_number) == call.Arg("task_try_number")) return Json(TryShape(row));
  }
  return Detail(404,
                fmt::format("The Task Instance {} has no try {}", call.Arg("task_id"), call.Arg("task_try_number")));
}

Response GetXComEntries(const Call& call) {
  Query query(call.request);
  const Page page = query.ReadPage();
  const std::string wanted = query.String("xcom_key");
  query.NotYet({"xcom_key_pattern", "xcom_key_prefix_pattern", "dag_display_name_pattern", "run_id_pattern",
                "run_id_prefix_pattern", "dag_display_name_prefix_pattern", "task_id_pattern", "task_id_prefix_pattern",
                "map_index_filter", "logical_date_gte", "logical_date_gt", "logical_date_lte", "logical_date_lt",
                "run_after_gte", "run_after_gt", "run_after_lte", "run_after_lt"});
  const std::int64_t map_index = query.Int("map_index", kNotMapped, kNotMapped);
  if (!query.ok()) return query.Refusal();
  const Result<TaskInstanceRow> row = FindInstance(call, map_index);
  if (!row.ok()) return ErrorResponse(row.error());
  const Result<Value> outputs = call.catalog().Outputs(row->run, row->task_id, row->map_index);
  if (!outputs.ok()) return ErrorResponse(outputs.error());
  Value::List entries;
  std::int64_t total = 0;
  for (const auto& [key, value] : outputs->is_map() ? outputs->map() : Value::Map{}) {
    if (!wanted.empty() && key != wanted) continue;
    if (total >= page.offset && total < page.offset + page.limit) entries.push_back(XComShape(*row, key));
    ++total;
  }
  return NoStore(Json(Value::Map{{"xcom_entries", std::move(entries)}, {"total_entries", total}}));
}

Response GetXComEntry(const Call& call) {
  Query query(call.request);
  const bool stringify = query.Bool("stringify").value_or(false);
  query.Bool("deserialize");  // values are JSON: there is nothing that would be
  const std::int64_t map_index = query.Int("map_index", kNotMapped, kNotMapped);
  if (!query.ok()) return query.Refusal();
  const Result<TaskInstanceRow> row = FindInstance(call, map_index);
  if (!row.ok()) return ErrorResponse(row.error());
  const Result<Value> outputs = call.catalog().Outputs(row->run, row->task_id, row->map_index);
  if (!outputs.ok()) return ErrorResponse(outputs.error());
  const std::string& key = call.Arg("xcom_key");
  const Value* value = outputs->Find(key);
  if (value == nullptr) return Detail(404, fmt::format("XCom entry with key: `{}` not found", key));
  Value entry = XComShape(*row, key);
  entry.Set("value", stringify ? Value(ToJson(*value)) : *value);
  return NoStore(Json(entry));
}

}  // namespace pipelined::api
