#include "apps/secrets_command.h"

#include <fmt/format.h>

#include <memory>

#include "apps/exit_code.h"
#include "pipelined/secrets/home_keys.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"

namespace pipelined::apps {
namespace {

// The keys, and the vault of a database that fits this program.
struct Opened {
  secrets::KeyRing keys;
  std::unique_ptr<Catalog> catalog;
};

Result<Opened> OpenBoth(const Settings& settings, const std::string& home, const std::string& url) {
  StoreOptions options;
  options.url = url;
  options.catalog_connections = 1;
  if (const Result<SchemaState> schema = CheckMigrations(options); !schema) return schema.error();
  Result<secrets::KeyRing> keys = secrets::ReadKeys(home, settings.core.encryption_keys);
  if (!keys) return keys.error();
  return Opened{*std::move(keys), MakePgCatalog(options)};
}

}  // namespace

int SecretsCheck(const Settings& settings, const std::string& home, const std::string& url) {
  Result<Opened> opened = OpenBoth(settings, home, url);
  if (!opened) return Report(opened.error());
  const auto used = opened->catalog->vault().KeysInUse();
  if (!used) return Report(used.error());
  bool closed = false;
  for (const std::string& id : opened->keys.ids())
    fmt::print("key {}{}\n", id, id == opened->keys.first() ? " (encrypts)" : "");
  for (const auto& [id, rows] : *used) {
    const bool here = opened->keys.Has(id);
    closed = closed || !here;
    fmt::print("{} rows are encrypted with {}{}\n", rows, id, here ? "" : ", which is not here");
  }
  return closed ? kFailed : kDone;
}

int SecretsAddKey(const Settings& settings, const std::string& home) {
  if (!settings.core.encryption_keys.empty())
    return Report({ErrorCode::kConflict, "the keys are those of core.encryption_keys, not of the home's file",
                   "put the new key first there"});
  const Result<std::string> id = secrets::AddKey(home);
  if (!id) return Report(id.error());
  fmt::print("{} now begins with the key {}\n  next: restart every server, then `pipelined secrets rotate`\n",
             secrets::KeyFile(home), *id);
  return kDone;
}

int SecretsRotate(const Settings& settings, const std::string& home, const std::string& url, bool dry_run) {
  Result<Opened> opened = OpenBoth(settings, home, url);
  if (!opened) return Report(opened.error());
  Vault& vault = opened->catalog->vault();
  if (dry_run) {
    const auto used = vault.KeysInUse();
    if (!used) return Report(used.error());
    std::int64_t rows = 0;
    for (const auto& [id, count] : *used) rows += id == opened->keys.first() ? 0 : count;
    fmt::print("{} rows would be encrypted anew with {}\n", rows, opened->keys.first());
    return kDone;
  }
  const Result<secrets::Rotation> rotation = secrets::Rotate(vault, opened->keys);
  if (!rotation) return Report(rotation.error());
  fmt::print("{} rows were encrypted anew with {}\n", rotation->resealed, opened->keys.first());
  for (const std::string& why : rotation->closed) fmt::print(stderr, "left as it is: {}\n", why);
  return rotation->closed.empty() ? kDone : kFailed;
}

}  // namespace pipelined::apps
