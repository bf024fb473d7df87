// The history as a log that people read and search: what happened, to what, by whom.
#include <fmt/format.h>

#include "store/arrays.h"
#include "store/event_sql.h"
#include "store/listing.h"
#include "store/pg_catalog.h"
#include "store/rows.h"

namespace pipelined {
namespace {

// Tasks and commands say what happened in one word; of everything else the word needs to be told of what.
constexpr const char* kEvent =
    "(case when e.kind in ('task', 'command') then e.new_state "
    "when e.kind = 'pool' then case e.new_state when 'deleted' then 'pool_deleted' else 'pool_changed' end "
    "else e.kind || '_' || replace(e.new_state, ' ', '_') end)";

constexpr const char* kColumns =
    "e.id, micros(e.at), e.who, {}, coalesce(e.dag_id, r.dag_id, ''), coalesce(r.run_id, ''), coalesce(t.task_id, ''), "
    "case when e.kind = 'task' then coalesce(e.map_index, -1) end, e.try_number, micros(r.logical_date), "
    "coalesce(e.why, '')";

AuditRow ReadAudit(const pqxx::row& row) {
  AuditRow audit;
  audit.id = row[0].as<std::int64_t>();
  audit.at = *ReadInstant(row[1]);
  audit.who = row[2].c_str();
  audit.event = row[3].c_str();
  audit.dag_id = row[4].c_str();
  audit.run_id = row[5].c_str();
  audit.task_id = row[6].c_str();
  if (!row[7].is_null()) audit.map_index = row[7].as<std::int32_t>();
  if (!row[8].is_null()) audit.try_number = row[8].as<std::int32_t>();
  audit.logical_date = ReadInstant(row[9]);
  audit.why = row[10].c_str();
  return audit;
}

// Runs are looked up first and their events found by run: so the indexes of both serve.
void WhereDagAndRun(ListingSql& sql, const AuditFilter& filter) {
  if (!filter.dag_id.empty() && !filter.run_id.empty()) {
    sql.Where("e.run_id = any (array(select id from dag_run where dag_id = {0} and run_id = {1}))", filter.dag_id,
              filter.run_id);
  } else if (!filter.dag_id.empty()) {
    sql.Where("e.dag_id = {0} or e.run_id = any (array(select id from dag_run where dag_id = {0}))", filter.dag_id);
  } else if (!filter.run_id.empty()) {
    sql.Where("e.run_id = any (array(select id from dag_run where run_id = {}))", filter.run_id);
  }
}

ListingSql ConditionsOf(const AuditFilter& filter) {
  ListingSql sql;
  if (filter.id) sql.Where("e.id = {}::bigint", std::to_string(*filter.id));
  WhereDagAndRun(sql, filter);
  if (!filter.task_id.empty()) sql.Where("t.task_id = {}", filter.task_id);
  if (!filter.who.empty()) sql.Where("e.who = {}", filter.who);
  if (filter.map_index) sql.Where("coalesce(e.map_index, -1) = {}::integer", std::to_string(*filter.map_index));
  if (filter.try_number) sql.Where("e.try_number = {}::integer", std::to_string(*filter.try_number));
  if (filter.before) sql.Where("e.at < at_micros({}::bigint)", std::to_string(ToMicros(*filter.before)));
  if (filter.after) sql.Where("e.at > at_micros({}::bigint)", std::to_string(ToMicros(*filter.after)));
  const std::string event(kEvent);
  if (!filter.event.empty()) sql.Where(event + " = {}", filter.event);
  sql.WhereOneOf(kEvent, filter.included);
  if (!filter.excluded.empty()) sql.Where("not " + event + " = any ({}::text[])", TextArray(filter.excluded));
  sql.WhereText("coalesce(e.dag_id, r.dag_id)", filter.dag);
  sql.WhereText("r.run_id", filter.run);
  sql.WhereText("t.task_id", filter.task);
  sql.WhereText("e.who", filter.owner);
  sql.WhereText(kEvent, filter.what);
  return sql;
}

}  // namespace

Result<Listing<AuditRow>> PgCatalog::Audit(const AuditFilter& filter, const Page& page) {
  ListingSql sql = ConditionsOf(filter);
  sql.WhereDag("coalesce(e.dag_id, r.dag_id)", page);
  const Status ordered = sql.Order(page,
                                   {{"id", "e.id"},
                                    {"event_log_id", "e.id"},
                                    {"when", "e.id"},  // they are numbered as they are written
                                    {"dttm", "e.id"},
                                    {"dag_id", "coalesce(e.dag_id, r.dag_id)"},
                                    {"task_id", "t.task_id"},
                                    {"run_id", "r.run_id"},
                                    {"event", kEvent},
                                    {"owner", "e.who"},
                                    {"logical_date", "r.logical_date"},
                                    {"extra", "e.why"}},
                                   "e.id");
  if (!ordered) return ordered.error();
  return pool_.With("read the log of events", [&](Session& session) -> Result<Listing<AuditRow>> {
    return Fetch<AuditRow>(session, fmt::format(fmt::runtime(kColumns), kEvent),
                           std::string(" from event e") + kRunAndTaskOfEvent, sql, page, ReadAudit);
  });
}

}  // namespace pipelined
