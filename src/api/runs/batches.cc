// Runs and task instances of any DAG, chosen by a body: POST …/list.
#include <algorithm>
#include <limits>

#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/shapes.h"
#include "api/words.h"

namespace pipelined::api {
namespace {

TimeRange Times(Body& body, const std::string& field) {
  const auto read = [&](std::string_view end) -> std::optional<Instant> {
    const auto date = body.Date(field + std::string(end));
    return date ? std::optional(date->instant) : std::nullopt;
  };
  const auto gte = read("_gte"), lte = read("_lte"), gt = read("_gt"), lt = read("_lt");
  return TimesBetween(gte, gt, lte, lt);
}

LengthRange Lengths(Body& body, const std::string& field) {
  const auto read = [&](std::string_view end) { return body.Number(field + std::string(end)); };
  const auto gte = read("_gte"), lte = read("_lte"), gt = read("_gt"), lt = read("_lt");
  return LengthsBetween(gte, gt, lte, lt);
}

Page ReadPage(Body& body) {
  Page page;
  page.most_counted = kMostCounted;
  page.limit = std::min(body.Int("page_limit", 0, std::numeric_limits<std::int64_t>::max()).value_or(100), kMaxLimit);
  page.offset = body.Int("page_offset", 0, std::numeric_limits<std::int64_t>::max()).value_or(0);
  if (const auto order = body.String("order_by")) page.order_by = {*order};
  return page;
}

// Both lists are of all DAGs: the path says so with "~", and the body chooses.
std::optional<Response> RefuseNames(const Call& call) {
  Violations violations;
  for (const std::string_view name : {"dag_id", "dag_run_id"}) {
    if (const std::string& given = call.Arg(name); !given.empty() && given != "~")
      violations.Add("literal_error", {"path", name}, "Input should be '~'", Value(given));
  }
  return violations.empty() ? std::nullopt : std::optional(violations.Answer());
}

}  // namespace

Response PostRunsList(const Call& call) {
  if (auto refusal = RefuseNames(call)) return *std::move(refusal);
  Body body(
      call.request,
      {"order_by",        "page_offset",    "page_limit",    "dag_ids",          "states",          "run_after_gte",
       "run_after_gt",    "run_after_lte",  "run_after_lt",  "logical_date_gte", "logical_date_gt", "logical_date_lte",
       "logical_date_lt", "start_date_gte", "start_date_gt", "start_date_lte",   "start_date_lt",   "end_date_gte",
       "end_date_gt",     "end_date_lte",   "end_date_lt",   "duration_gte",     "duration_gt",     "duration_lte",
       "duration_lt",     "conf_contains"});
  RunFilter filter;
  filter.dag_ids = body.Strings("dag_ids");
  filter.states = body.Words("states", RunStateWords());
  filter.run_after = Times(body, "run_after");
  filter.logical_date = Times(body, "logical_date");
  filter.start_date = Times(body, "start_date");
  filter.end_date = Times(body, "end_date");
  filter.duration = Lengths(body, "duration");
  filter.conf_contains = body.String("conf_contains").value_or("");
  const Page page = ReadPage(body);
  if (!body.ok()) return body.Refusal();
  return RunsAnswer(call.catalog().Runs(filter, page));
}

Response PostInstancesList(const Call& call) {
  if (auto refusal = RefuseNames(call)) return *std::move(refusal);
  Body body(
      call.request,
      {"dag_ids",        "dag_run_ids",   "task_ids",         "state",           "run_after_gte",    "run_after_gt",
       "run_after_lte",  "run_after_lt",  "logical_date_gte", "logical_date_gt", "logical_date_lte", "logical_date_lt",
       "start_date_gte", "start_date_gt", "start_date_lte",   "start_date_lt",   "end_date_gte",     "end_date_gt",
       "end_date_lte",   "end_date_lt",   "duration_gte",     "duration_gt",     "duration_lte",     "duration_lt",
       "pool",           "queue",         "executor",         "page_offset",     "page_limit",       "order_by"});
  TaskFilter filter;
  filter.dag_ids = body.Strings("dag_ids");
  filter.run_ids = body.Strings("dag_run_ids");
  filter.task_ids = body.Strings("task_ids");
  filter.states = body.Words("state", TaskStateWords());
  filter.run_after = Times(body, "run_after");
  filter.logical_date = Times(body, "logical_date");
  filter.start_date = Times(body, "start_date");
  filter.end_date = Times(body, "end_date");
  filter.duration = Lengths(body, "duration");
  filter.pools = body.Strings("pool");
  ChooseQueue(filter, body.Strings("queue"), body.Strings("executor"));
  const Page page = ReadPage(body);
  if (!body.ok()) return body.Refusal();
  return ListedInstances(call.catalog().TaskInstances(filter, page));
}

}  // namespace pipelined::api
