#include "apps/database.h"

#include <fmt/format.h>

#include "apps/exit_code.h"
#include "pipelined/base/log.h"
#include "pipelined/secrets/home_secrets.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"

namespace pipelined::apps {
namespace {

StoreOptions At(const std::string& url) {
  StoreOptions options;
  options.url = url;
  return options;
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

}  // namespace pipelined::apps
