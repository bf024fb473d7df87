// The audit trail, read: the newest first, page by page from where the last one ended.
#include <array>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/shapes.h"

namespace pipelined::api {
namespace {

constexpr std::array<std::string_view, 2> kOrders{"newest", "oldest"};

std::optional<std::int64_t> Number(Query& query, std::string_view name) {
  if (query.String(name).empty()) return std::nullopt;
  return query.Int(name, 0, 0);
}

TrailFilter ReadFilter(Query& query) {
  TrailFilter filter;
  filter.who = query.String("who");
  filter.operation = query.String("operation");
  filter.dag_id = query.String("dag_id");
  filter.run_id = query.String("run_id");
  filter.entity = query.String("entity");
  filter.address = query.String("address");
  filter.request_id = query.String("request_id");
  if (const auto kinds = query.Words("kind", kTrailKinds); !kinds.empty())
    filter.kind = TrailKindFromString(kinds.back());
  if (const auto status = Number(query, "status"))
    filter.status = static_cast<int>(std::min<std::int64_t>(*status, 1000));
  filter.refused = query.Bool("refused").value_or(false);
  filter.since = query.Date("since");
  filter.until = query.Date("until");
  filter.before_id = Number(query, "before_id");
  filter.after_id = Number(query, "after_id");
  const auto orders = query.Words("order", kOrders);
  filter.oldest_first = !orders.empty() && orders.back() == "oldest";
  return filter;
}

Value Shape(const TrailEntry& entry) {
  Value shape = Value::Map{{"id", entry.id},
                           {"when", FormatInstant(entry.at)},
                           {"kind", ToString(entry.kind)},
                           {"who", TextOrNull(entry.who)},
                           {"via", TextOrNull(entry.via)},
                           {"address", TextOrNull(entry.address)},
                           {"request_id", TextOrNull(entry.request_id)},
                           {"user_agent", TextOrNull(entry.agent)},
                           {"operation", TextOrNull(entry.operation)},
                           {"method", TextOrNull(entry.method)},
                           {"path", TextOrNull(entry.path)},
                           {"dag_id", TextOrNull(entry.dag_id)},
                           {"dag_run_id", TextOrNull(entry.run_id)},
                           {"task_id", TextOrNull(entry.task_id)},
                           {"map_index", entry.map_index ? Value(*entry.map_index) : Value()},
                           {"entity", TextOrNull(entry.entity)},
                           {"times", entry.times}};
  const bool ended = entry.outcome.has_value();
  shape.Set("status", ended ? Value(entry.outcome->status) : Value());
  shape.Set("reason", ended ? TextOrNull(entry.outcome->reason) : Value());
  shape.Set("before", ended ? entry.outcome->before : Value());
  shape.Set("after", ended ? entry.outcome->after : Value());
  return shape;
}

}  // namespace

Response GetAudit(const Call& call) {
  Query query(call.request);
  const TrailFilter filter = ReadFilter(query);
  const std::int64_t limit = std::min(query.Int("limit", 100, 1), kMaxLimit);
  if (!query.ok()) return query.Refusal();
  // One more than is shown tells whether there is a next page.
  Result<std::vector<TrailEntry>> found = call.service.catalog.trail().List(filter, limit + 1);
  if (!found.ok()) return ErrorResponse(found.error());
  const bool more = static_cast<std::int64_t>(found->size()) > limit;
  if (more) found->resize(static_cast<std::size_t>(limit));
  Value::List entries;
  for (const TrailEntry& entry : *found) entries.push_back(Shape(entry));
  return Json(Value::Map{{"audit", std::move(entries)}, {"next", more ? Value(found->back().id) : Value()}});
}

}  // namespace pipelined::api
