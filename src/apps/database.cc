#include "apps/database.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "apps/exit_code.h"
#include "apps/progress_line.h"
#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"
#include "pipelined/secrets/home_secrets.h"
#include "pipelined/store/clean.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"

namespace pipelined::apps {
namespace {

StoreOptions At(const std::string& url) {
  StoreOptions options;
  options.url = url;
  return options;
}

// Who runs this program, for the audit trail.
std::string SystemUser() {
  const passwd* user = getpwuid(geteuid());
  return user == nullptr ? fmt::format("uid {}", geteuid()) : fmt::format("{} (uid {})", user->pw_name, geteuid());
}

int CleanAudit(const std::string& url, Instant before, bool dry_run) {
  const Result<CleanCounts> counts =
      dry_run ? CountOldAudit(At(url), before) : CleanOldAudit(At(url), before, SystemUser());
  if (!counts) return Report(counts.error());
  fmt::print("{}: {} months of the audit trail\n", dry_run ? "would be removed" : "removed", counts->audit_months);
  return kDone;
}

std::string Words(const char* what, const CleanCounts& counts) {
  return fmt::format(
      "{}: {} runs, {} task instances, {} tries, {} XCom entries, {} notifications, {} commands, {} events of assets, "
      "{} months of events",
      what, counts.runs, counts.task_instances, counts.attempts, counts.xcoms, counts.notifications, counts.commands,
      counts.asset_events, counts.event_months);
}

// "20261128093015": what the archives of one cleaning end in.
std::string ArchiveName(Instant now) {
  std::string digits;
  for (const char c : FormatInstant(now)) {
    if (c >= '0' && c <= '9' && digits.size() < 14) digits += c;
  }
  return digits;
}

// A name of --tables, which may be one of Airflow's.
Status TakeTable(const std::string& table, std::set<std::string>& tables, bool& audit) {
  const std::vector<std::string>& known = CleanTables();
  if (std::find(known.begin(), known.end(), table) != known.end()) {
    tables.insert(table);
    return Ok();
  }
  if (table == "audit" || table == "log") {  // Airflow's log is its audit trail
    audit = true;
    return Ok();
  }
  const std::string problem = fmt::format("--tables {}: there is no such table to clean", table);
  for (const std::string_view of_run : {"task_instance", "task_instance_history", "attempt", "xcom", "task_map",
                                        "task_note", "run_deadline", "rendered_task_instance_fields"}) {
    if (table == of_run) return Error{ErrorCode::kInvalid, problem, "it goes with its runs: say dag_run"};
  }
  return Error{ErrorCode::kInvalid, problem, fmt::format("there are: {}, audit", fmt::join(known, ", "))};
}

void SayArchives(const std::string& url, const std::string& archive) {
  const auto names = ArchiveTables(At(url));
  if (!names) return;
  const auto made = std::count_if(names->begin(), names->end(),
                                  [&](const std::string& name) { return name.ends_with("__" + archive); });
  if (made > 0)
    fmt::print("kept in {} tables {}*__{}; `pipelined db drop-archived` drops them\n", made, kArchivePrefix, archive);
}

}  // namespace

Status PrepareDatabase(const std::string& url, const std::string& home) {
  const Result<int> before = Migrate(At(url));
  if (!before) return before.error();
  if (*before != LatestSchema()) log::Info("the database schema went from version {} to {}", *before, LatestSchema());
  if (const Result<std::string> token = secrets::EnsureLocalToken(home); !token) return token.error();
  const std::unique_ptr<Catalog> catalog = MakePgCatalog(At(url));
  const Result<bool> made = secrets::EnsureAdmin(*catalog, home);
  if (!made) return made.error();
  if (*made) log::Info("the user admin was made; its password is in {}", secrets::AdminPasswordFile(home));
  return Ok();
}

int DbMigrate(const std::string& url) {
  const Result<int> before = Migrate(At(url));
  if (!before) return Report(before.error());
  if (*before == LatestSchema()) {
    fmt::print("nothing to do: the schema is at version {}\n", *before);
  } else {
    fmt::print("migrated from version {} to {}\n", *before, LatestSchema());
  }
  return kDone;
}

int DbCheck(const std::string& url) {
  const Result<SchemaState> state = CheckMigrations(At(url));
  if (state) {
    fmt::print("the schema is up to date: version {}\n", state->version);
    return kDone;
  }
  Report(state.error());
  return state.error().code == ErrorCode::kConflict ? int{kFailed} : ToExitCode(state.error().code);
}

int DbDowngrade(const std::string& url, int to_version) {
  if (const Status done = Downgrade(At(url), to_version); !done) return Report(done.error());
  fmt::print("the schema is at version {}\n", to_version);
  return kDone;
}

int DbClean(const std::string& url, const DbCleanWords& words) {
  const Result<Instant> instant = ParseInstant(words.before);
  if (!instant)
    return Report(Error{ErrorCode::kInvalid,
                        fmt::format("--clean-before-timestamp {}: {}", words.before, instant.error().message),
                        "as in 2026-01-01T00:00:00Z"});
  CleanOptions what{*instant, {}, words.skip_archive ? "" : ArchiveName(SystemClock().Now())};
  bool audit = words.audit;
  for (const std::string& table : words.tables) {
    if (const Status known = TakeTable(table, what.tables, audit); !known) return Report(known.error());
  }
  if (!words.dry_run && !words.yes)
    return Report(Error{ErrorCode::kInvalid, "nothing was removed", "look with --dry-run first, then say --yes"});
  if (const Result<SchemaState> state = CheckMigrations(At(url)); !state) return Report(state.error());
  if (!words.tables.empty() && what.tables.empty()) return CleanAudit(url, *instant, words.dry_run);
  ProgressLine progress;
  what.progress = [&](const CleanCounts& so_far) { progress.Say([&] { return Words("so far", so_far); }); };
  const Result<CleanCounts> counts = words.dry_run ? CountOld(At(url), what) : CleanOld(At(url), what);
  if (!counts) return Report(counts.error());
  fmt::print("{}\n", Words(words.dry_run ? "would be removed" : "removed", *counts));
  if (!words.dry_run && !words.skip_archive) SayArchives(url, what.archive);
  return audit ? CleanAudit(url, *instant, words.dry_run) : int{kDone};
}

int DbDropArchived(const std::string& url, bool dry_run, bool yes) {
  if (!dry_run && !yes)
    return Report(Error{ErrorCode::kInvalid, "nothing was dropped", "look with --dry-run first, then say --yes"});
  if (const Result<SchemaState> state = CheckMigrations(At(url)); !state) return Report(state.error());
  const auto names = dry_run ? ArchiveTables(At(url)) : DropArchives(At(url));
  if (!names) return Report(names.error());
  for (const std::string& name : *names) fmt::print("{}\n", name);
  fmt::print("{}: {} archive tables\n", dry_run ? "would be dropped" : "dropped", names->size());
  return kDone;
}

}  // namespace pipelined::apps
