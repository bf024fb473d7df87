// The database schema: made, judged and taken back. Migrations are numbered from 1 and run each in a transaction of its
// own, under a lock, so that two programs that start at once do not clash.
//
// Errors: kUnavailable, kConflict (the schema is newer than this binary), kInvalid, kBug (a migration failed; nothing
// of it stays).
#pragma once

#include "pipelined/base/result.h"
#include "pipelined/store/options.h"

namespace pipelined {

int LatestSchema();  // that this binary knows

struct SchemaState {
  int version = 0;  // 0: nothing there
  int latest = 0;
};

// Brings the schema up to date; answers the version it had before. A newer one is refused.
Result<int> Migrate(const StoreOptions& options);
// Changes nothing. kConflict when the schema is newer or older than the binary, with what to do about it.
Result<SchemaState> CheckMigrations(const StoreOptions& options);
// What is there, without a judgement.
Result<SchemaState> ReadSchemaState(const StoreOptions& options);
// Takes migrations back, newest first, until `to` is the version; 0 takes away everything, with all data.
Status Downgrade(const StoreOptions& options, int to);

}  // namespace pipelined
