// The log of events, and what is told of DAGs beside the DAGs themselves: versions, tags, counts, warnings.
#include <array>
#include <limits>

#include <fmt/format.h>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/shapes.h"

namespace pipelined::api {
namespace {

constexpr std::array<std::string_view, 3> kWarningTypes{"asset conflict", "non-existent pool", "runtime varying value"};

std::optional<std::int32_t> IntOrNothing(Query& query, std::string_view name) {
  const std::vector<std::int32_t> numbers = query.Ints(name);
  return numbers.empty() ? std::nullopt : std::optional(numbers.back());
}

AuditFilter ReadAudit(Query& query) {
  AuditFilter filter;
  filter.dag_id = query.String("dag_id");
  filter.run_id = query.String("run_id");
  filter.task_id = query.String("task_id");
  filter.who = query.String("owner");
  filter.event = query.String("event");
  filter.map_index = IntOrNothing(query, "map_index");
  filter.try_number = IntOrNothing(query, "try_number");
  filter.included = query.Strings("included_events");
  filter.excluded = query.Strings("excluded_events");
  filter.before = query.Date("before");
  filter.after = query.Date("after");
  filter.dag = query.Search("dag_id");
  filter.run = query.Search("run_id");
  filter.task = query.Search("task_id");
  filter.owner = query.Search("owner");
  filter.what = query.Search("event");
  return filter;
}

template <class Row>
Response Answer(std::string_view name, const Result<Listing<Row>>& listing, Value (*shape)(const Row&)) {
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List rows;
  for (const Row& row : listing->rows) rows.push_back(shape(row));
  return Json(Collection(name, std::move(rows), listing->total));
}

}  // namespace

Response GetEventLogs(const Call& call) {
  Query query(call.request);
  const AuditFilter filter = ReadAudit(query);
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  return Answer("event_logs", call.catalog().Audit(filter, page), AuditShape);
}

Response GetEventLog(const Call& call) {
  std::int64_t id = 0;
  if (auto refusal = ReadPathId("event_log_id", call.Arg("event_log_id"), id)) return *std::move(refusal);
  AuditFilter filter;
  filter.id = id;
  const Result<Listing<AuditRow>> found = call.catalog().Audit(filter, Page::One());
  if (!found.ok()) return ErrorResponse(found.error());
  if (found->rows.empty()) return Detail(404, fmt::format("The Event Log with id: `{}` not found", id));
  return Json(AuditShape(found->rows.front()));
}

Response GetDagVersions(const Call& call) {
  Query query(call.request);
  const std::string& dag_id = call.Arg("dag_id");
  const std::optional<std::int32_t> number = IntOrNothing(query, "version_number");
  const std::string bundle = query.String("bundle_name"), bundle_version = query.String("bundle_version");
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  if (dag_id != "~") {
    if (const Result<DagRow> dag = call.catalog().Dag(dag_id); !dag.ok()) return ErrorResponse(dag.error());
  }
  // There is one folder, and it has no versions of its own.
  const bool elsewhere = (!bundle.empty() && bundle != kBundle) || !bundle_version.empty();
  const Result<Listing<DagVersionRow>> listing = call.catalog().Versions(dag_id, number, page);
  if (elsewhere && listing.ok()) return Json(Collection("dag_versions", {}, 0));
  return Answer("dag_versions", listing, DagVersionShape);
}

Response GetDagVersion(const Call& call) {
  std::int64_t number = 0;
  if (auto refusal = ReadPathId("version_number", call.Arg("version_number"), number)) return *std::move(refusal);
  const std::string& dag_id = call.Arg("dag_id");
  const auto missing = [&] {
    return Detail(
        404, fmt::format("The DagVersion with dag_id: `{}` and version_number: `{}` was not found", dag_id, number));
  };
  if (dag_id == "~" || number > std::numeric_limits<std::int32_t>::max()) return missing();
  const Result<Listing<DagVersionRow>> found =
      call.catalog().Versions(dag_id, static_cast<std::int32_t>(number), Page{});
  if (!found.ok()) return ErrorResponse(found.error());
  return found->rows.empty() ? missing() : Json(DagVersionShape(found->rows.front()));
}

Response GetDagTags(const Call& call) {
  Query query(call.request);
  const TextSearch search = query.Search("tag_name");
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  return Answer<std::string>("tags", call.catalog().Tags(search, page),
                             [](const std::string& tag) { return Value(tag); });
}

Response GetDagStats(const Call& call) {
  Query query(call.request);
  const Result<std::vector<DagStatsRow>> stats = call.catalog().Stats(query.Strings("dag_ids"));
  if (!stats.ok()) return ErrorResponse(stats.error());
  Value::List dags;
  for (const DagStatsRow& row : *stats) dags.push_back(DagStatsShape(row));
  const auto total = static_cast<std::int64_t>(dags.size());
  return Json(Collection("dags", std::move(dags), total));
}

Response GetDagWarnings(const Call& call) {
  Query query(call.request);
  const std::vector<std::string> types = query.Words("warning_type", kWarningTypes);
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  // Assets have no conflicts here, and no value of a file varies at run time.
  const bool none = !types.empty() && types.back() != "non-existent pool";
  const Result<Listing<DagWarningRow>> listing = call.catalog().Warnings(query.String("dag_id"), page);
  if (none && listing.ok()) return Json(Collection("dag_warnings", {}, 0));
  return Answer("dag_warnings", listing, DagWarningShape);
}

}  // namespace pipelined::api
