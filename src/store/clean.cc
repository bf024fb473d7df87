#include "pipelined/store/clean.h"

#include <fmt/format.h>
#include <poll.h>

#include <set>
#include <string>
#include <vector>

#include "store/arrays.h"
#include "store/session.h"

namespace pipelined {
namespace {

constexpr std::int64_t kRowsForOneRun = 10;  // so many other rows weigh as much as a run with what hangs on it
constexpr Millis kLockPatience{100}, kLockPause{250};
constexpr int kMostLockTries = 40;

constexpr const char* kOldRuns =
    "select r.id from dag_run r where r.state in ('success', 'failed') and r.end_date < at_micros($1) "
    "and not exists (select from attempt a where a.run_id = r.id and a.outcome is null)";

// Messages of a run that go with it. Those that are still to be sent stay, and so does what has set off an alert that
// is still to be ended (migration 31).
constexpr const char* kWithTheirRun = "state not in ('queued', 'delivering') and not firing";

// The same of those that are of no run, or of none any more. One alert that is to be ended needs one row.
constexpr const char* kOldNotifications =
    "run is null and created_at < at_micros($1) and state not in ('queued', 'delivering') and (not firing or exists "
    "(select from notification l where l.dag_id = notification.dag_id and l.firing and l.id > notification.id and "
    "l.channel = notification.channel and l.event = notification.event and l.map_index = notification.map_index and "
    "l.task_id is not distinct from notification.task_id))";

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
  counts.notifications = row[4].as<std::int64_t>();
  return counts;
}

// Ends a statement that removes rows: counts them, or keeps them as well.
class Keeper {
 public:
  Keeper(Session& session, const CleanOptions& what) : session_(session), what_(what) {}

  // For "with gone as (delete … returning T.*)": the number of rows, which then lie in the archive of `table`.
  std::string Rest(const std::string& gone, const std::string& table) {
    if (what_.archive.empty()) return fmt::format("select count(*) from {}", gone);
    Make(table);
    return fmt::format("insert into {} select * from {}", Name(table), gone);
  }
  // The same as a part of a "with" of several: "NAME as (…)", whose rows can be counted.
  std::string Part(const std::string& name, const std::string& table, const std::string& where) {
    if (what_.archive.empty()) return fmt::format("{} as (delete from {} where {} returning 1)", name, table, where);
    Make(table);
    return fmt::format(
        "{0}_gone as (delete from {1} where {2} returning {1}.*), {0} as (insert into {3} select * from "
        "{0}_gone returning 1)",
        name, table, where, Name(table));
  }
  std::string Name(const std::string& table) const {
    return QuoteIdentifier(fmt::format("{}{}__{}", kArchivePrefix, table, what_.archive));
  }

 private:
  // Without defaults, keys and references: rows that nobody writes again.
  void Make(const std::string& table) {
    if (!made_.insert(table).second) return;
    session_.Run("make_archive_" + table, fmt::format("create table if not exists {} (like {})", Name(table), table));
  }

  Session& session_;
  const CleanOptions& what_;
  std::set<std::string> made_;
};

// One batch; `runs` is 0 when nothing is left. A run that a scheduler is just changing is left to the next cleaning.
CleanCounts DeleteRuns(Session& session, Keeper& keeper, const CleanOptions& what) {
  const std::string of_old = "in (select id from old)";
  const std::string messages = fmt::format("run {} and {}", of_old, kWithTheirRun);
  const std::string tries = "notification in (select id from notification where " + messages + ")";
  const std::string statement = fmt::format(
      "with old as ({} order by r.id limit {} for update of r skip locked), {}, {}, {}, {}, {}, {}, {}, {}, {} "
      "select (select count(*) from r), (select count(*) from i), (select count(*) from a), "
      "(select count(*) from x), (select count(*) from o)",
      kOldRuns, what.batch, keeper.Part("i", "task_instance", "run_id " + of_old),
      keeper.Part("a", "attempt", "run_id " + of_old), keeper.Part("x", "xcom", "run_id " + of_old),
      keeper.Part("m", "task_map", "run_id " + of_old), keeper.Part("n", "task_note", "run_id " + of_old),
      keeper.Part("d", "run_deadline", "run_id " + of_old), keeper.Part("t", "notification_attempt", tries),
      keeper.Part("o", "notification", messages), keeper.Part("r", "dag_run", "id " + of_old));
  return ReadCounts(session.Run("clean_runs", statement, ToMicros(what.before))[0]);
}

// All rows of `table` that fit, in batches. `key` names a row, `after` is called with each batch.
template <class After>
void DeleteRows(Session& session, Keeper& keeper, const CleanOptions& what, const std::string& table,
                const std::string& key, const std::string& old, After after) {
  const std::int64_t most = what.batch * kRowsForOneRun;
  const std::string rest = keeper.Rest("gone", table);
  const std::string statement = fmt::format(
      "with gone as (delete from {0} where {1} in (select {1} from {0} where {2} limit {3}) returning {0}.*) {4}",
      table, key, old, most, rest);
  for (std::int64_t gone = most; gone == most;) {
    const pqxx::result done = session.Run("clean_" + table, statement, ToMicros(what.before));
    gone = what.archive.empty() ? done[0][0].as<std::int64_t>() : static_cast<std::int64_t>(done.affected_rows());
    after(gone);
  }
}

bool IsBusy(const pqxx::sql_error& e) {
  return e.sqlstate() == "55P03";  // lock_not_available
}

// Taking a month off locks the whole table of events, and whoever comes after a waiting lock waits too: so it waits for
// a moment only, gives up, and tries again.
void TakeOffMonth(Session& session, Keeper& keeper, const CleanOptions& what, const std::string& month) {
  for (int tries = 1;; ++tries) {
    try {
      pqxx::work work(session.raw());
      work.exec0(fmt::format("set local lock_timeout = {}", kLockPatience.count()));
      if (what.archive.empty()) {
        work.exec0(fmt::format("drop table {}", month));
      } else {
        work.exec0(fmt::format("alter table event detach partition {}", month));
        work.exec0(fmt::format("alter table {} alter id drop default", month));  // it hangs on nothing any more
        work.exec0(fmt::format("alter table {} rename to {}", month, keeper.Name(month)));
      }
      return work.commit();
    } catch (const pqxx::sql_error& e) {
      if (!IsBusy(e) || tries == kMostLockTries) throw;
    }
    poll(nullptr, 0, static_cast<int>(kLockPause.count()));
  }
}

class Cleaning {
 public:
  Cleaning(Session& session, const CleanOptions& what) : session_(session), what_(what), keeper_(session, what) {}

  CleanCounts Run() {
    // First: events that stay are given the DAG of their run when that goes.
    if (Wants("event")) Months();
    if (Wants("dag_run")) Runs();
    if (Wants("notification")) {
      const std::string tries =
          fmt::format("notification in (select id from notification where {})", kOldNotifications);
      DeleteRows(session_, keeper_, what_, "notification_attempt", "ctid", tries, [](std::int64_t) {});
    }
    if (Wants("notification")) Rows("notification", "id", kOldNotifications, &CleanCounts::notifications);
    if (Wants("command")) Rows("command", "id", "done_at < at_micros($1)", &CleanCounts::commands);
    if (Wants("asset_event")) Rows("asset_event", "id", "at < at_micros($1)", &CleanCounts::asset_events);
    if (Wants("backfill")) Backfills();
    if (Wants("rate_start")) {
      // What has run out counts for nothing: not worth an archive.
      session_.Run("clean_rates",
                   "delete from rate_start where until < least(at_micros($1), now() - interval '1 hour')",
                   ToMicros(what_.before));
    }
    return all_;
  }

 private:
  bool Wants(const std::string& table) const { return what_.tables.empty() || what_.tables.contains(table); }
  void Progress() const {
    if (what_.progress) what_.progress(all_);
  }

  void Months() {
    for (const std::string& month : OldMonths(session_, what_.before)) {
      TakeOffMonth(session_, keeper_, what_, month);
      ++all_.event_months;
      Progress();
    }
  }

  void Runs() {
    for (CleanCounts batch = DeleteRuns(session_, keeper_, what_); batch.runs > 0;
         batch = DeleteRuns(session_, keeper_, what_)) {
      all_.runs += batch.runs;
      all_.task_instances += batch.task_instances;
      all_.attempts += batch.attempts;
      all_.xcoms += batch.xcoms;
      all_.notifications += batch.notifications;
      Progress();
    }
  }

  void Rows(const std::string& table, const std::string& key, const std::string& old,
            std::int64_t CleanCounts::*count) {
    DeleteRows(session_, keeper_, what_, table, key, old, [&](std::int64_t gone) {
      all_.*count += gone;
      Progress();
    });
  }

  void Backfills() {
    const std::string done = "(select id from backfill where completed_at < at_micros($1))";
    session_.Run("clean_backfills",
                 fmt::format("with {}, {} select 1", keeper_.Part("b", "backfill_run", "backfill_id in " + done),
                             keeper_.Part("f", "backfill", "id in " + done)),
                 ToMicros(what_.before));
  }

  Session& session_;
  const CleanOptions& what_;
  Keeper keeper_;
  CleanCounts all_;
};

std::int64_t Count(Session& session, const std::string& name, const std::string& of, Instant before) {
  return session.Run(name, "select count(*) from " + of, ToMicros(before))[0][0].as<std::int64_t>();
}

std::vector<std::string> FindArchives(Session& session) {
  std::vector<std::string> names;
  for (const pqxx::row& row :
       session.Run("archives",
                   "select relname from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r' "
                   "and starts_with(relname, $1) order by right(relname, 14), relname",
                   std::string(kArchivePrefix)))
    names.emplace_back(row[0].c_str());
  return names;
}

}  // namespace

const std::vector<std::string>& CleanTables() {
  static const std::vector<std::string> kTables = {"asset_event", "backfill",     "command",   "dag_run",
                                                   "event",       "notification", "rate_start"};
  return kTables;
}

Result<CleanCounts> CountOld(const StoreOptions& options, Instant before) {
  return CountOld(options, CleanOptions{before, {}, {}});
}

Result<CleanCounts> CleanOld(const StoreOptions& options, Instant before) {
  return CleanOld(options, CleanOptions{before, {}, {}});
}

Result<CleanCounts> CountOld(const StoreOptions& options, const CleanOptions& what) {
  return Guard("count what is old", [&]() -> Result<CleanCounts> {
    Session session(options, "pipelined clean");
    const auto wants = [&](const char* table) { return what.tables.empty() || what.tables.contains(table); };
    CleanCounts counts;
    if (wants("dag_run")) {
      counts = ReadCounts(
          session.Run("count_old",
                      fmt::format("with old as ({}) select (select count(*) from old), "
                                  "(select count(*) from task_instance where run_id in (select id from old)), "
                                  "(select count(*) from attempt where run_id in (select id from old)), "
                                  "(select count(*) from xcom where run_id in (select id from old)), "
                                  "(select count(*) from notification where run in (select id from old) and {})",
                                  kOldRuns, kWithTheirRun),
                      ToMicros(what.before))[0]);
    }
    if (wants("notification"))
      counts.notifications +=
          Count(session, "count_tests", fmt::format("notification where {}", kOldNotifications), what.before);
    if (wants("command"))
      counts.commands = Count(session, "count_commands", "command where done_at < at_micros($1)", what.before);
    if (wants("asset_event"))
      counts.asset_events = Count(session, "count_asset_events", "asset_event where at < at_micros($1)", what.before);
    if (wants("event")) counts.event_months = static_cast<std::int64_t>(OldMonths(session, what.before).size());
    return counts;
  });
}

Result<CleanCounts> CleanOld(const StoreOptions& options, const CleanOptions& what) {
  return Guard("clean the database", [&]() -> Result<CleanCounts> {
    Session session(options, "pipelined clean");
    return Cleaning(session, what).Run();
  });
}

Result<std::vector<std::string>> ArchiveTables(const StoreOptions& options) {
  return Guard("look for archives", [&]() -> Result<std::vector<std::string>> {
    Session session(options, "pipelined clean");
    return FindArchives(session);
  });
}

Result<std::vector<std::string>> DropArchives(const StoreOptions& options) {
  return Guard("drop archives", [&]() -> Result<std::vector<std::string>> {
    Session session(options, "pipelined clean");
    const std::vector<std::string> names = FindArchives(session);
    for (const std::string& name : names)
      session.Run("drop_" + name, fmt::format("drop table {}", QuoteIdentifier(name)));
    return names;
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
