#include "pipelined/store/clean.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "store/arrays.h"
#include "store/session.h"

namespace pipelined {
namespace {

constexpr std::int64_t kRunsPerBatch = 1000;
constexpr std::int64_t kEventsPerBatch = 10'000;

constexpr const char* kOldRuns =
    "select r.id from dag_run r where r.state in ('success', 'failed') and r.end_date < at_micros($1) "
    "and not exists (select from attempt a where a.run_id = r.id and a.outcome is null)";

// The months of `$2` ("event", "audit") that end at or before the instant. Never the present one: rows go there.
constexpr const char* kOldMonths =
    "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = "
    "to_regclass($2) and c.relname ~ '^(event|audit)_[0-9]{4}_[0-9]{2}$' "
    "and (to_date(substr(c.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC' <= least(at_micros($1), "
    "now()) order by c.relname";

std::vector<std::string> OldMonths(Session& session, Instant before, const std::string& table = "event") {
  std::vector<std::string> names;
  for (const pqxx::row& row : session.Run("old_months", kOldMonths, ToMicros(before), table))
    names.emplace_back(row[0].c_str());
  return names;
}

CleanCounts ReadCounts(const pqxx::row& row) {
  CleanCounts counts;
  counts.runs = row[0].as<std::int64_t>();
  counts.task_instances = row[1].as<std::int64_t>();
  counts.attempts = row[2].as<std::int64_t>();
  counts.xcoms = row[3].as<std::int64_t>();
  return counts;
}

// One batch; `runs` is 0 when nothing is left.
CleanCounts DeleteRuns(Session& session, Instant before) {
  const pqxx::result gone =
      session.Run("clean_runs",
                  fmt::format("with old as ({} order by r.id limit {} for update), "
                              "i as (delete from task_instance where run_id in (select id from old) returning 1), "
                              "a as (delete from attempt where run_id in (select id from old) returning 1), "
                              "x as (delete from xcom where run_id in (select id from old) returning 1), "
                              "m as (delete from task_map where run_id in (select id from old)), "
                              "n as (delete from task_note where run_id in (select id from old) returning 1), "
                              "r as (delete from dag_run where id in (select id from old) returning 1) "
                              "select (select count(*) from r), (select count(*) from i), (select count(*) from a), "
                              "(select count(*) from x)",
                              kOldRuns, kRunsPerBatch),
                  ToMicros(before));
  return ReadCounts(gone[0]);
}

std::int64_t DeleteAssetEvents(Session& session, Instant before) {
  std::int64_t all = 0;
  for (std::int64_t gone = kEventsPerBatch; gone == kEventsPerBatch; all += gone) {
    gone = static_cast<std::int64_t>(
        session
            .Run("clean_asset_events",
                 fmt::format("delete from asset_event where id in (select id from asset_event where at < at_micros($1) "
                             "order by at, id limit {})",
                             kEventsPerBatch),
                 ToMicros(before))
            .affected_rows());
  }
  return all;
}

}  // namespace

Result<CleanCounts> CountOld(const StoreOptions& options, Instant before) {
  return Guard("count what is old", [&]() -> Result<CleanCounts> {
    Session session(options, "pipelined clean");
    const pqxx::result found =
        session.Run("count_old",
                    fmt::format("with old as ({}) select (select count(*) from old), "
                                "(select count(*) from task_instance where run_id in (select id from old)), "
                                "(select count(*) from attempt where run_id in (select id from old)), "
                                "(select count(*) from xcom where run_id in (select id from old))",
                                kOldRuns),
                    ToMicros(before));
    CleanCounts counts = ReadCounts(found[0]);
    counts.commands =
        session
            .Run("count_commands", "select count(*) from command where done_at < at_micros($1)", ToMicros(before))[0][0]
            .as<std::int64_t>();
    counts.asset_events = session
                              .Run("count_asset_events", "select count(*) from asset_event where at < at_micros($1)",
                                   ToMicros(before))[0][0]
                              .as<std::int64_t>();
    counts.event_months = static_cast<std::int64_t>(OldMonths(session, before).size());
    return counts;
  });
}

Result<CleanCounts> CleanOld(const StoreOptions& options, Instant before) {
  return Guard("clean the database", [&]() -> Result<CleanCounts> {
    Session session(options, "pipelined clean");
    CleanCounts all;
    // First: events that stay are given the DAG of their run when that goes.
    for (const std::string& month : OldMonths(session, before)) {
      session.Run("drop_" + month, fmt::format("drop table {}", month));
      ++all.event_months;
    }
    for (CleanCounts batch = DeleteRuns(session, before); batch.runs > 0; batch = DeleteRuns(session, before)) {
      all.runs += batch.runs;
      all.task_instances += batch.task_instances;
      all.attempts += batch.attempts;
      all.xcoms += batch.xcoms;
    }
    all.commands = static_cast<std::int64_t>(
        session.Run("clean_commands", "delete from command where done_at < at_micros($1)", ToMicros(before))
            .affected_rows());
    all.asset_events = DeleteAssetEvents(session, before);
    session.Run("clean_backfills",
                "with old as (delete from backfill where completed_at < at_micros($1) returning id) delete from "
                "backfill_run where backfill_id in (select id from old)",
                ToMicros(before));
    session.Run("clean_rates", "delete from rate_start where until < least(at_micros($1), now() - interval '1 hour')",
                ToMicros(before));
    return all;
  });
}

Result<CleanCounts> CountOldAudit(const StoreOptions& options, Instant before) {
  return Guard("count what is old of the audit trail", [&]() -> Result<CleanCounts> {
    Session session(options, "pipelined clean");
    CleanCounts counts;
    counts.audit_months = static_cast<std::int64_t>(OldMonths(session, before, "audit").size());
    return counts;
  });
}

Result<CleanCounts> CleanOldAudit(const StoreOptions& options, Instant before, const std::string& who) {
  return Guard("clean the audit trail", [&]() -> Result<CleanCounts> {
    Session session(options, "pipelined clean");
    CleanCounts counts;
    const std::vector<std::string> months = OldMonths(session, before, "audit");
    if (months.empty()) return counts;
    pqxx::work work(session.raw());
    std::int64_t entries = 0;
    for (const std::string& month : months) {
      entries +=
          work.exec1(fmt::format("select count(*) from {} where kind <> 'outcome'", month))[0].as<std::int64_t>();
      work.exec0(fmt::format("drop table {}", month));
      ++counts.audit_months;
    }
    session.In(work, "clean_audit",
               "insert into audit (kind, who, via, operation, status, before) values ('cleaned', $1, 'command line', "
               "'db clean', 200, json_build_object('months', $2::text[], 'entries', $3::bigint))",
               CleanText(who), TextArray(months), entries);
    work.commit();
    return counts;
  });
}

}  // namespace pipelined
