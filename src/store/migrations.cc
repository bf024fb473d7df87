#include "pipelined/store/migrations.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "store/migration_texts.h"
#include "store/pooling.h"
#include "store/session.h"

namespace pipelined {
namespace {

// Any constant will do; together with the schema's hash it keys the advisory lock.
constexpr int kMigrationLock = 0x70697065;

Error Newer(int version) {
  return Error{
      ErrorCode::kConflict,
      fmt::format("the database schema is at version {}, this program knows up to {}", version, LatestSchema()),
      "install the program that wrote it, or take its migrations back with that program's `pipelined db downgrade`"};
}

// The version that is there, 0 for none. Takes part in `transaction`.
int VersionIn(pqxx::transaction_base& transaction, const StoreOptions& options) {
  const auto exists = transaction.exec_params1("select to_regclass($1) is not null",
                                               QuoteIdentifier(options.schema) + ".schema_migration");
  if (!exists[0].as<bool>()) return 0;
  return transaction.exec1("select coalesce(max(number), 0) from schema_migration")[0].as<int>();
}

void Lock(pqxx::transaction_base& transaction, const StoreOptions& options) {
  transaction.exec_params("select pg_advisory_xact_lock($1, hashtext($2))", kMigrationLock, options.schema);
}

// The first migration with `number` or a greater one, which must not be beyond the last: the numbers may have gaps.
const MigrationText& From(int number) {
  const std::vector<MigrationText>& texts = MigrationTexts();
  return *std::find_if(texts.begin(), texts.end(), [&](const MigrationText& text) { return text.number >= number; });
}

// One step up; false when there is none left. The lock ends with the transaction.
bool StepUp(Session& session, const StoreOptions& options, int& before, Status& status) {
  pqxx::work transaction(session.raw());
  Lock(transaction, options);
  const int version = VersionIn(transaction, options);
  if (before < 0) before = version;
  if (version > LatestSchema()) status = Newer(version);
  if (version >= LatestSchema()) return false;
  const MigrationText& migration = From(version + 1);
  if (version == 0) {
    transaction.exec(fmt::format("create schema if not exists {}", QuoteIdentifier(options.schema)));
    transaction.exec(
        "create table if not exists schema_migration (number integer primary key, name text not null, applied_at "
        "timestamptz not null default now())");
  }
  transaction.exec(migration.up);
  transaction.exec_params("insert into schema_migration (number, name) values ($1, $2)", migration.number,
                          migration.name);
  transaction.commit();
  return true;
}

}  // namespace

int LatestSchema() {
  return MigrationTexts().empty() ? 0 : MigrationTexts().back().number;
}

Result<int> Migrate(const StoreOptions& options) {
  if (const Status pooling = RefuseSharedSessions(options); !pooling) return pooling.error();
  return Guard("migrate the database", [&]() -> Result<int> {
    Session session(options, "pipelined migrate");
    int before = -1;
    Status status;
    while (StepUp(session, options, before, status)) {
    }
    if (!status) return status.error();
    return before;
  });
}

Result<SchemaState> ReadSchemaState(const StoreOptions& options) {
  if (const Status pooling = RefuseSharedSessions(options); !pooling) return pooling.error();
  return Guard("read the schema's version", [&]() -> Result<SchemaState> {
    Session session(options, "pipelined check");
    pqxx::nontransaction transaction(session.raw());
    return SchemaState{VersionIn(transaction, options), LatestSchema()};
  });
}

Result<SchemaState> CheckMigrations(const StoreOptions& options) {
  auto state = ReadSchemaState(options);
  if (!state) return state;
  if (state->version > state->latest) return Newer(state->version);
  if (state->version < state->latest) {
    return Error{
        ErrorCode::kConflict,
        fmt::format("the database schema is at version {}, this program needs {}", state->version, state->latest),
        "run `pipelined db migrate`"};
  }
  return state;
}

Status Downgrade(const StoreOptions& options, int to) {
  if (to < 0)
    return Error{ErrorCode::kInvalid, fmt::format("there is no schema version {}", to), "0 takes away everything"};
  if (const Status pooling = RefuseSharedSessions(options); !pooling) return pooling;
  return Guard("take migrations back", [&]() -> Status {
    Session session(options, "pipelined downgrade");
    for (;;) {
      pqxx::work transaction(session.raw());
      Lock(transaction, options);
      const int version = VersionIn(transaction, options);
      if (version > LatestSchema()) return Newer(version);
      if (version <= to) return Ok();
      const MigrationText& last = From(version);
      if (last.number != version) throw std::runtime_error(fmt::format("there is no migration {}", version));
      transaction.exec(last.down);
      transaction.exec_params("delete from schema_migration where number = $1", version);
      transaction.commit();
    }
  });
}

}  // namespace pipelined
