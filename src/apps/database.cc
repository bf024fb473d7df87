#include "apps/database.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include "apps/exit_code.h"
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

int DbClean(const std::string& url, const std::string& before, bool dry_run, bool yes, bool audit) {
  const Result<Instant> instant = ParseInstant(before);
  if (!instant)
    return Report(Error{ErrorCode::kInvalid, fmt::format("--before {}: {}", before, instant.error().message),
                        "as in 2026-01-01T00:00:00Z"});
  if (!dry_run && !yes)
    return Report(Error{ErrorCode::kInvalid, "nothing was removed", "look with --dry-run first, then say --yes"});
  if (const Result<SchemaState> state = CheckMigrations(At(url)); !state) return Report(state.error());
  const Result<CleanCounts> counts = dry_run ? CountOld(At(url), *instant) : CleanOld(At(url), *instant);
  if (!counts) return Report(counts.error());
  fmt::print(
      "{}: {} runs, {} task instances, {} tries, {} XCom entries, {} commands, {} events of assets, {} months of "
      "events\n",
      dry_run ? "would be removed" : "removed", counts->runs, counts->task_instances, counts->attempts, counts->xcoms,
      counts->commands, counts->asset_events, counts->event_months);
  return audit ? CleanAudit(url, *instant, dry_run) : int{kDone};
}

}  // namespace pipelined::apps
