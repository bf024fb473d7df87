#include "store/pg_trail.h"

#include <fmt/format.h>

#include "pipelined/schema/json.h"
#include "store/arrays.h"
#include "store/listing.h"
#include "store/rows.h"

namespace pipelined {
namespace {

using Text = std::optional<std::string>;

Text OrNull(const std::string& text) {
  return text.empty() ? Text() : Text(CleanText(text));
}
Text JsonOrNull(const Value& value) {
  return value.is_null() ? Text() : Text(CleanText(ToJson(value)));
}

constexpr const char* kInsert =
    "insert into audit (kind, intent, who, via, address, request_id, agent, operation, method, path, dag_id, run_id, "
    "task_id, map_index, entity, status, reason, before, after, times) "
    "select $1, $2::bigint, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::integer, $15, $16::integer, $17, "
    "$18::json, $19::json, $20::bigint from (select do_not_wait()) as d ";

// `kind` "outcome": of the change `intent`; what that has said already is not repeated.
pqxx::result Insert(Session& session, pqxx::transaction_base& transaction, std::string_view kind,
                    std::optional<std::int64_t> intent, const TrailEntry& entry) {
  const TrailOutcome none;
  const TrailOutcome& outcome = entry.outcome ? *entry.outcome : none;
  const std::optional<int> status = entry.outcome ? std::optional(outcome.status) : std::nullopt;
  return session.In(transaction, "audit_insert", std::string(kInsert) + "returning id", std::string(kind), intent,
                    CleanText(entry.who), CleanText(entry.via), CleanText(entry.address), CleanText(entry.request_id),
                    CleanText(entry.agent), CleanText(entry.operation), CleanText(entry.method), CleanText(entry.path),
                    OrNull(entry.dag_id), OrNull(outcome.run_id.empty() ? entry.run_id : outcome.run_id),
                    OrNull(entry.task_id), entry.map_index,
                    OrNull(outcome.entity.empty() ? entry.entity : outcome.entity), status, OrNull(outcome.reason),
                    JsonOrNull(outcome.before), JsonOrNull(outcome.after), entry.times);
}

// That it was done, where people look for what happened: of a run by its number, else by its name. Who may read that
// may not read all that was changed.
void InsertHistory(Session& session, pqxx::transaction_base& transaction, const TrailEntry& entry,
                   const TrailOutcome& outcome) {
  Value::Map words;
  const std::string& entity = outcome.entity.empty() ? entry.entity : outcome.entity;
  if (!entity.empty()) words.emplace_back("name", entity);
  session.In(transaction, "audit_history",
             "insert into event (at, who, kind, run_id, new_state, why) values (clock_timestamp(), $1, 'command', "
             "(select id from dag_run where dag_id = $2 and run_id = $3), $4, $5)",
             CleanText(entry.who), CleanText(entry.dag_id), CleanText(outcome.run_id), CleanText(entry.operation),
             JsonOrNull(Value(std::move(words))));
}

constexpr const char* kColumns =
    "e.id, micros(e.at), e.kind, e.who, e.via, e.address, e.request_id, e.agent, e.operation, e.method, e.path, "
    "coalesce(e.dag_id, ''), coalesce(o.run_id, e.run_id, ''), coalesce(e.task_id, ''), e.map_index, "
    "coalesce(o.entity, e.entity, ''), e.times, coalesce(o.status, e.status), coalesce(o.reason, e.reason, ''), "
    "coalesce(o.before, e.before), coalesce(o.after, e.after)";

// An outcome comes soon: its month is that of the change, or the next one.
constexpr const char* kFrom =
    " from audit e left join audit o on o.kind = 'outcome' and e.kind = 'change' and o.intent = e.id and o.at >= e.at "
    "and o.at < e.at + interval '1 day'";

TrailEntry ReadEntry(const pqxx::row& row) {
  TrailEntry entry;
  entry.id = row[0].as<std::int64_t>();
  entry.at = *ReadInstant(row[1]);
  entry.kind = TrailKindFromString(row[2].c_str()).value_or(TrailKind::kChange);
  std::string* texts[] = {&entry.who,    &entry.via,       &entry.address, &entry.request_id,
                          &entry.agent,  &entry.operation, &entry.method,  &entry.path,
                          &entry.dag_id, &entry.run_id,    &entry.task_id};
  int column = 3;
  for (std::string* text : texts) *text = row[column++].c_str();
  if (!row[14].is_null()) entry.map_index = row[14].as<std::int32_t>();
  entry.entity = row[15].c_str();
  entry.times = row[16].as<std::int64_t>();
  if (row[17].is_null()) return entry;
  TrailOutcome outcome;
  outcome.status = row[17].as<int>();
  outcome.reason = row[18].c_str();
  outcome.before = ReadJson(row[19]);
  outcome.after = ReadJson(row[20]);
  entry.outcome = std::move(outcome);
  return entry;
}

void WhereEqual(ListingSql& sql, std::string_view column, const std::string& text) {
  if (!text.empty()) sql.Where(fmt::format("{} = {{}}", column), text);
}

ListingSql ConditionsOf(const TrailFilter& filter) {
  ListingSql sql;
  sql.Where("e.kind <> 'outcome'");
  WhereEqual(sql, "e.who", filter.who);
  WhereEqual(sql, "e.operation", filter.operation);
  WhereEqual(sql, "e.dag_id", filter.dag_id);
  WhereEqual(sql, "coalesce(o.run_id, e.run_id)", filter.run_id);
  WhereEqual(sql, "coalesce(o.entity, e.entity)", filter.entity);
  WhereEqual(sql, "e.address", filter.address);
  WhereEqual(sql, "e.request_id", filter.request_id);
  if (filter.kind) sql.Where("e.kind = {}", std::string(ToString(*filter.kind)));
  if (filter.status) sql.Where("coalesce(o.status, e.status) = {}::integer", std::to_string(*filter.status));
  if (filter.refused) sql.Where("coalesce(o.status, e.status) >= 400");
  if (filter.since) sql.Where("e.at >= at_micros({}::bigint)", std::to_string(ToMicros(*filter.since)));
  if (filter.until) sql.Where("e.at < at_micros({}::bigint)", std::to_string(ToMicros(*filter.until)));
  if (filter.before_id) sql.Where("e.id < {}::bigint", std::to_string(*filter.before_id));
  if (filter.after_id) sql.Where("e.id > {}::bigint", std::to_string(*filter.after_id));
  return sql;
}

}  // namespace

Result<std::int64_t> PgTrail::Begin(const TrailEntry& entry) {
  return pool_.With("write the audit trail", [&](Session& session) -> Result<std::int64_t> {
    pqxx::nontransaction transaction(session.raw());
    TrailEntry intent = entry;
    intent.outcome.reset();
    return Insert(session, transaction, "change", std::nullopt, intent)[0][0].as<std::int64_t>();
  });
}

Status PgTrail::End(std::int64_t id, const TrailEntry& entry, const TrailOutcome& outcome) {
  return pool_.With("write the audit trail", [&](Session& session) -> Status {
    TrailEntry end;
    end.outcome = outcome;
    if (!outcome.in_history) {
      pqxx::nontransaction transaction(session.raw());
      Insert(session, transaction, "outcome", id, end);
      return Ok();
    }
    pqxx::work work(session.raw());
    Insert(session, work, "outcome", id, end);
    InsertHistory(session, work, entry, outcome);
    work.commit();
    return Ok();
  });
}

Status PgTrail::Add(const std::vector<TrailEntry>& entries) {
  return pool_.With("write the audit trail", [&](Session& session) -> Status {
    pqxx::work work(session.raw());
    for (const TrailEntry& entry : entries) Insert(session, work, ToString(entry.kind), std::nullopt, entry);
    work.commit();
    return Ok();
  });
}

Result<std::vector<TrailEntry>> PgTrail::List(const TrailFilter& filter, std::int64_t most) {
  ListingSql sql = ConditionsOf(filter);
  Page page;
  page.limit = most;
  page.order_by = {filter.oldest_first ? "id" : "-id"};
  if (const Status ordered = sql.Order(page, {{"id", "e.id"}}, "e.id"); !ordered.ok()) return ordered.error();
  return pool_.With("read the audit trail", [&](Session& session) -> Result<std::vector<TrailEntry>> {
    pqxx::nontransaction transaction(session.raw());
    std::vector<TrailEntry> entries;
    for (const pqxx::row& row : transaction.exec_params(sql.Cut(std::string("select ") + kColumns + kFrom, page),
                                                        pqxx::prepare::make_dynamic_params(sql.PageParameters(page))))
      entries.push_back(ReadEntry(row));
    return entries;
  });
}

}  // namespace pipelined
